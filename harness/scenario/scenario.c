/* scenario.c: loading a scenario, step by step, and giving it back. */
#include "harness/scenario/scenario_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- reading */

#define SCENARIO_READ_BYTES ((size_t)64 << 10) /* at first; doubled as needed */

static int scenario_read(FILE *f, char **ret)
{
	size_t cap = SCENARIO_READ_BYTES, n = 0;
	char *text = malloc(cap + 1);
	while (text) {
		n += fread(text + n, 1, cap - n, f);
		if (n < cap || n > GCS_SOURCE_BYTES_MAX)
			break;
		char *more = realloc(text, 2 * cap + 1);
		if (!more)
			free(text);
		text = more;
		cap *= 2;
	}
	if (!text)
		return -ENOMEM;
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

int gcs_source_read(const char *path, char **ret)
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

const char *gcs_source_errno_text(int e)
{
	return e == -EILSEQ  ? "it is not text"
	       : e == -EFBIG ? "it is larger than 16MiB"
			     : strerror(-e);
}

/* ---- steps */

static int scenario_parse(struct gcs_doc *doc, const char *path, char *text, struct gcs_diag *d)
{
	const struct gcs_source *source = gcs_doc_source(doc, path, text, 0);
	return source ? gcs_yaml_parse(doc, source, &doc->root, d) : -ENOMEM;
}

int gcs_scenario_build(struct gcs_scenario *s, const struct gcs_node *root, struct gcs_diag *d)
{
	struct gcs_bound *b = calloc(1, sizeof *b);
	if (!b)
		return -ENOMEM;
	b->s = s;
	b->root = root;
	gcs_bind(b, d);
	if (d->errors == 0)
		gcs_scale(b, d);
	if (d->errors == 0)
		gcs_resolve(b, d);
	free(b);
	return d->errors ? -EINVAL : 0;
}

/* Lay the variant over, or say that there is none of that name. */
static int scenario_choose(struct gcs_scenario *s, struct gcs_doc *doc, const char *id,
			   struct gcs_diag *d)
{
	const struct gcs_node *v = gcs_variant_node(doc->root, id),
			      *list = gcs_node_get(doc->root, "variants");
	if (strcmp(id, GCS_VARIANT_BASE) == 0)
		return 0;
	if (v && gcs_node_get(v, "set")) {
		s->chosen = strdup(id);
		return s->chosen ? gcs_set_variant(doc, gcs_node_get(v, "set"), NULL, d) : -ENOMEM;
	}
	char *text = strdup(id), hint[GCS_RESOLVE_HINT], names[512];
	const struct gcs_source *source = text ? gcs_doc_source(doc, "--variant", text, 0) : NULL;
	const char *ids[GCS_VARIANTS_MAX];
	size_t n = 0;
	if (!source)
		return -ENOMEM;
	for (v = list ? list->first : NULL; v && n < GCS_VARIANTS_MAX; v = v->next)
		if (gcs_node_text(v, "id"))
			ids[n++] = gcs_node_text(v, "id");
	gcs_resolve_list(names, sizeof names, ids, n, sizeof ids[0]);
	gcs_diag_at(d, (struct gcs_place){source, 1, 1, (uint32_t)strlen(id)}, n ? names : NULL,
		    gcs_resolve_near(hint, id, ids, n, sizeof ids[0]),
		    n ? "the scenario has no variant '%s'"
		      : "the scenario has no variants, so not '%s' either",
		    id);
	return -EINVAL;
}

static int scenario_laid(struct gcs_scenario *s, const char *key, const char *value)
{
	if (!value)
		return 0;
	if (s->nlaid == GCS_LAID_MAX)
		return -E2BIG;
	s->laid[s->nlaid].key = strdup(key);
	s->laid[s->nlaid].value = strdup(value);
	s->nlaid++;
	return s->laid[s->nlaid - 1].key && s->laid[s->nlaid - 1].value ? 0 : -ENOMEM;
}

/* What the command line lays over the file, the scales last. */
static int scenario_overlay(struct gcs_scenario *s, struct gcs_doc *doc,
			    const struct gcs_scenario_options *opt, struct gcs_diag *d)
{
	int e = opt->variant ? scenario_choose(s, doc, opt->variant, d) : 0;
	for (size_t i = 0; e == 0 && i < opt->nset; i++)
		e = gcs_set_apply(doc, &opt->set[i], d);
	if (e == 0 && opt->time_scale)
		e = gcs_set_option(doc, "--time-scale",
				   &(struct gcs_override){"scale.time", opt->time_scale}, d);
	if (e == 0 && opt->heap_scale)
		e = gcs_set_option(doc, "--heap-scale",
				   &(struct gcs_override){"scale.heap", opt->heap_scale}, d);
	for (size_t i = 0; e == 0 && i < opt->nset; i++)
		e = scenario_laid(s, opt->set[i].key, opt->set[i].value);
	if (e == 0)
		e = scenario_laid(s, "scale.time", opt->time_scale);
	return e ? e : scenario_laid(s, "scale.heap", opt->heap_scale);
}

static int scenario_steps(struct gcs_scenario *s, struct gcs_doc *doc,
			  const struct gcs_scenario_options *opt, struct gcs_diag *d)
{
	char *text = NULL;
	int e = gcs_source_read(s->path, &text);
	if (e) {
		d->errors++;
		fprintf(d->out, "%s: error: cannot read the scenario: %s\n", s->path,
			gcs_source_errno_text(e));
		return e;
	}
	s->text = strdup(text);
	e = scenario_parse(doc, s->path, text, d);
	if (e == 0)
		e = gcs_variants_check(doc, s->path, d);
	if (e == 0)
		e = scenario_overlay(s, doc, opt, d);
	return e ? e : gcs_scenario_build(s, doc->root, d);
}

int gcs_scenario_tree(const struct gcs_scenario *s, struct gcs_scenario *again,
		      struct gcs_doc *doc, struct gcs_diag *d)
{
	char *text = strdup(s->text);
	again->path = strdup(s->path);
	again->text = strdup(s->text);
	if (!text || !again->path || !again->text) {
		free(text);
		return -ENOMEM;
	}
	int e = scenario_parse(doc, again->path, text, d);
	if (e == 0 && s->chosen)
		e = scenario_choose(again, doc, s->chosen, d);
	for (uint32_t i = 0; i < s->nlaid && e == 0; i++) {
		const struct gcs_override set = {s->laid[i].key, s->laid[i].value};
		e = gcs_set_apply(doc, &set, d);
		if (e == 0)
			e = scenario_laid(again, set.key, set.value);
	}
	return e;
}

static int scenario_reduce(struct gcs_scenario *s, struct gcs_doc *doc, const struct gcs_scenario_options *opt,
			   struct gcs_diag *d, const char *const *drop, size_t ndrop)
{
	char *text = NULL;
	int e = gcs_source_read(s->path, &text);
	if (e == 0)
		e = scenario_parse(doc, s->path, text, d);
	if (e == 0)
		e = scenario_overlay(s, doc, opt, d);
	for (size_t i = 0; e == 0 && i < ndrop; i++)
		gcs_reduce_drop(doc->root, drop[i]);
	return e;
}

char *gcs_scenario_reduced(const char *path, const struct gcs_scenario_options *opt, const char *const *drop, size_t ndrop,
			   struct gcs_scenario_error *ret_error)
{
	struct gcs_scenario *s = calloc(1, sizeof *s);
	struct gcs_doc doc;
	struct gcs_diag d;
	char *text = NULL;
	size_t bytes;
	ret_error->text = NULL;
	if (!s || !(s->path = strdup(path)) || gcs_diag_init(&d)) {
		gcs_scenario_destroy(s);
		return NULL;
	}
	gcs_doc_init(&doc);
	int e = scenario_reduce(s, &doc, opt, &d, drop, ndrop);
	FILE *out = e == 0 ? open_memstream(&text, &bytes) : NULL;
	if (out) {
		gcs_reduce_write(out, doc.root);
		fclose(out);
	}
	gcs_doc_fini(&doc);
	char *wrong = gcs_diag_fini(&d);
	if (e)
		ret_error->text = wrong;
	else
		free(wrong);
	gcs_scenario_destroy(s);
	return text;
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
	int e = scenario_steps(s, &doc, opt, &d);
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

static void scenario_variant_fini(struct gcs_variant *v)
{
	free(v->id);
	free(v->about);
	for (uint32_t i = 0; i < v->nsets; i++) {
		free(v->key[i]);
		free(v->value[i]);
	}
}

static void scenario_reported_fini(struct gcs_reported *r)
{
	free(r->what);
	free(r->value);
	free(r->metric);
	free(r->note);
	free(r->variant);
	for (uint32_t i = 0; i < r->nphases; i++)
		free(r->phases[i]);
}

static void scenario_logged_fini(struct gcs_logged *l)
{
	free(l->source);
	for (uint32_t i = 0; i < l->nlines; i++)
		free(l->line[i]);
	free(l->line);
}

static void scenario_lists_fini(struct gcs_scenario *s)
{
	for (uint32_t i = 0; i < GCS_WORKLOADS_MAX; i++) {
		free(s->workload[i].follow);
		free(s->workload[i].id);
		free(s->workload[i].driver);
		free(s->workload[i].handler);
		free(s->workload[i].url);
		free(s->workload[i].key);
		free(s->workload[i].value);
	}
	for (uint32_t i = 0; i < GCS_PHASES_MAX; i++)
		free(s->phase[i].id);
	for (uint32_t i = 0; i < GCS_FAULTS_MAX; i++) {
		free(s->fault[i].id);
		free(s->fault[i].condition);
		free(s->fault[i].where);
		free(s->fault[i].mode);
		free(s->fault[i].only);
	}
	for (uint32_t i = 0; i < GCS_CHECKS_MAX; i++) {
		scenario_check_fini(&s->slo[i]);
		scenario_check_fini(&s->expect[i]);
	}
	for (uint32_t i = 0; i < s->recovery.nsignals; i++)
		free(s->recovery.signal[i]);
	for (uint32_t i = 0; i < GCS_VARIANTS_MAX; i++)
		scenario_variant_fini(&s->variant[i]);
	for (uint32_t i = 0; i < GCS_REPORTED_MAX; i++)
		scenario_reported_fini(&s->reported[i]);
	scenario_logged_fini(&s->logged);
	for (uint32_t i = 0; i < s->nlaid; i++) {
		free(s->laid[i].key);
		free(s->laid[i].value);
	}
}

void gcs_scenario_destroy(struct gcs_scenario *s)
{
	if (!s)
		return;
	scenario_lists_fini(s);
	free(s->name);
	free(s->about);
	free(s->path);
	free(s->text);
	free(s->runtime);
	free(s->on_exit);
	free(s->debug.url);
	free(s->debug.profiles);
	free(s->go);
	free(s->oom);
	free(s->rounding);
	free(s->pacer);
	free(s->map);
	free(s->clock);
	free(s->chosen);
	free(s);
}

void gcs_scenario_error_fini(struct gcs_scenario_error *e)
{
	free(e->text);
	e->text = NULL;
}

const char *gcs_target_toolchain(const char *text)
{
	return strncmp(text, "go=", 3) == 0 ? text + 3 : NULL;
}

enum gcs_runtime gcs_scenario_runtime(const struct gcs_scenario *s)
{
	for (int r = GCS_RUNTIME_GO; r <= GCS_RUNTIME_COMMAND; r++)
		if (s->runtime && strcmp(s->runtime, gcs_runtime_name((enum gcs_runtime)r)) == 0)
			return (enum gcs_runtime)r;
	return GCS_RUNTIME_EMBEDDED;
}

bool gcs_scenario_traces(const struct gcs_scenario *s)
{
	for (uint32_t i = 0; i < s->nfaults; i++)
		if (s->fault[i].trace && !s->fault[i].elsewhere)
			return true;
	return false;
}

int gcs_scenario_phase_at(const struct gcs_scenario *s, int64_t t_ns)
{
	for (uint32_t i = 0; i < s->nphases; i++)
		if (t_ns >= s->phase[i].start_ns && t_ns < s->phase[i].end_ns)
			return (int)i;
	return -1;
}

bool gcs_scenario_clock(const struct gcs_scenario *s, int64_t t_ns, char ret[16])
{
	if (!s->clock)
		return false;
	__int128 ns = (__int128)t_ns * s->time_scale_milli / 1000 + s->clock_ns;
	int64_t day = 24 * 3600, seconds = (int64_t)(ns / 1000000000 % day);
	if (ns % 1000000000 < 0)
		seconds--;
	seconds = (seconds + day) % day;
	snprintf(ret, 16, "%02d:%02d:%02d", (int)(seconds / 3600), (int)(seconds / 60 % 60),
		 (int)(seconds % 60));
	return true;
}
