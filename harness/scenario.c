/* scenario.c: loading a scenario, step by step, and giving it back. */
#include "harness/scenario_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- reading */

static int scenario_read(FILE *f, char **ret)
{
	char *text = malloc(GCS_SOURCE_BYTES_MAX + 1);
	if (!text)
		return -ENOMEM;
	size_t n = fread(text, 1, GCS_SOURCE_BYTES_MAX + 1, f);
	int e = ferror(f)		   ? -EIO
		: n > GCS_SOURCE_BYTES_MAX ? -EFBIG
		: memchr(text, '\0', n)	   ? -EILSEQ
					   : 0;
	if (e) {
		free(text);
		return e;
	}
	text[n] = '\0';
	*ret = text;
	return 0;
}

static int scenario_open(const char *path, char **ret)
{
	struct stat st;
	FILE *f = fopen(path, "re");
	if (!f)
		return -errno;
	int e = fstat(fileno(f), &st) ? -errno
		: S_ISDIR(st.st_mode) ? -EISDIR
				      : scenario_read(f, ret);
	fclose(f);
	return e;
}

static const char *scenario_errno_text(int e)
{
	return e == -EILSEQ  ? "it is not text"
	       : e == -EFBIG ? "it is larger than 1MiB"
			     : strerror(-e);
}

/* ---- steps */

static int scenario_parse(struct gcs_doc *doc, const char *path, char *text, struct gcs_diag *d)
{
	const struct gcs_source *source = gcs_doc_source(doc, path, text, 0);
	return source ? gcs_yaml_parse(doc, source, &doc->root, d) : -ENOMEM;
}

static int scenario_build(struct gcs_scenario *s, const struct gcs_doc *doc, struct gcs_diag *d)
{
	struct gcs_bound *b = calloc(1, sizeof *b);
	if (!b)
		return -ENOMEM;
	b->s = s;
	b->root = doc->root;
	gcs_bind(b, d);
	if (d->errors == 0)
		gcs_resolve(b, d);
	free(b);
	return d->errors ? -EINVAL : 0;
}

static int scenario_steps(struct gcs_scenario *s, struct gcs_doc *doc,
			  const struct gcs_override *set, size_t nset, struct gcs_diag *d)
{
	char *text = NULL;
	int e = scenario_open(s->path, &text);
	if (e) {
		d->errors++;
		fprintf(d->out, "%s: error: cannot read the scenario: %s\n", s->path,
			scenario_errno_text(e));
		return e;
	}
	s->text = strdup(text);
	e = scenario_parse(doc, s->path, text, d);
	for (size_t i = 0; e == 0 && i < nset; i++)
		e = gcs_set_apply(doc, &set[i], d);
	return e ? e : scenario_build(s, doc, d);
}

int gcs_scenario_load(struct gcs_scenario **ret, const char *path, const struct gcs_override *set,
		      size_t nset, struct gcs_scenario_error *ret_error)
{
	const struct gcs_scenario_options opt = {.set = set, .nset = nset};

	return gcs_scenario_load_with(ret, path, &opt, ret_error);
}

int gcs_scenario_load_with(struct gcs_scenario **ret, const char *path,
			   const struct gcs_scenario_options *opt,
			   struct gcs_scenario_error *ret_error)
{
	struct gcs_scenario *s = calloc(1, sizeof *s);
	struct gcs_doc doc;
	struct gcs_diag d;
	ret_error->text = NULL;
	if (!s || !(s->path = strdup(path)) || gcs_diag_init(&d)) {
		gcs_scenario_destroy(s);
		return -ENOMEM;
	}
	gcs_doc_init(&doc);
	int e = scenario_steps(s, &doc, opt->set, opt->nset, &d);
	gcs_doc_fini(&doc);
	char *text = gcs_diag_fini(&d);
	if (e) {
		gcs_scenario_destroy(s);
		ret_error->text = text;
		return e;
	}
	free(text);
	*ret = s;
	return 0;
}

/* ---- the end */

static void scenario_check_fini(struct gcs_check *c)
{
	free(c->id);
	free(c->text);
	for (uint32_t i = 0; i < c->nphases; i++)
		free(c->phases[i]);
}

void gcs_scenario_destroy(struct gcs_scenario *s)
{
	if (!s)
		return;
	for (uint32_t i = 0; i < GCS_WORKLOADS_MAX; i++) {
		free(s->workload[i].id);
		free(s->workload[i].driver);
		free(s->workload[i].handler);
		free(s->workload[i].value);
	}
	for (uint32_t i = 0; i < GCS_PHASES_MAX; i++)
		free(s->phase[i].id);
	for (uint32_t i = 0; i < GCS_FAULTS_MAX; i++)
		free(s->fault[i].id);
	for (uint32_t i = 0; i < GCS_CHECKS_MAX; i++) {
		scenario_check_fini(&s->slo[i]);
		scenario_check_fini(&s->expect[i]);
	}
	for (uint32_t i = 0; i < s->recovery.nsignals; i++)
		free(s->recovery.signal[i]);
	free(s->name);
	free(s->about);
	free(s->path);
	free(s->text);
	free(s->oom);
	free(s->map);
	free(s);
}

void gcs_scenario_error_fini(struct gcs_scenario_error *e)
{
	free(e->text);
	e->text = NULL;
}

int gcs_scenario_phase_at(const struct gcs_scenario *s, int64_t t_ns)
{
	for (uint32_t i = 0; i < s->nphases; i++)
		if (t_ns >= s->phase[i].start_ns && t_ns < s->phase[i].end_ns)
			return (int)i;
	return -1;
}
