/* variants.c: see variants.h. */
#define _GNU_SOURCE 1 /* asprintf */
#include "harness/compare/variants.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define VARIANTS_SUFFIX ".gcrun"

/* FILE.gcrun and an id make FILE+ID.gcrun; NULL stays NULL. */
static char *variants_record(const char *record, const char *id)
{
	char *name = NULL;
	if (!record)
		return NULL;
	size_t n = strlen(record), tail = strlen(VARIANTS_SUFFIX);
	bool suffixed = n > tail && strcmp(record + n - tail, VARIANTS_SUFFIX) == 0;
	if (!id)
		return strdup(record);
	if (asprintf(&name, "%.*s+%s%s", (int)(suffixed ? n - tail : n), record, id,
		     suffixed ? VARIANTS_SUFFIX : "") < 0)
		return NULL;
	return name;
}

static int variants_load(const struct gcs_variants_options *opt, const char *id,
			 struct gcs_scenario **ret)
{
	struct gcs_scenario_options load = opt->load;
	struct gcs_scenario_error error = {0};
	load.variant = id;
	int e = gcs_scenario_load_with(ret, opt->path, &load, &error);
	if (e == 0)
		return 0;
	fputs(error.text ? error.text : "gcstorm: no memory\n", stderr);
	gcs_scenario_error_fini(&error);
	return e;
}

/* Everything that will run can run, as far as reading tells. */
static int variants_check(const struct gcs_variants_options *opt, const struct gcs_scenario *base)
{
	if (base->nvariants == 0) {
		fprintf(stderr,
			"gcstorm: %s has no variants\n"
			"  hint: without --variants it runs as it is\n",
			base->name);
		return -EINVAL;
	}
	for (uint32_t i = 0; i < base->nvariants; i++) {
		struct gcs_scenario *s;
		int e = variants_load(opt, base->variant[i].id, &s);
		if (e)
			return e;
		gcs_scenario_destroy(s);
	}
	return 0;
}

static void variants_one(const struct gcs_variants_options *opt, const struct gcs_scenario *base,
			 uint32_t index, struct gcs_variant_runs *v)
{
	const struct gcs_variant *variant = index ? &base->variant[index - 1] : NULL;
	struct gcs_variant_run *to = &v->of[v->n];
	struct gcs_run_options run = opt->run;
	struct gcs_scenario *s;
	char *record = variants_record(opt->record, variant ? variant->id : NULL);
	to->id = strdup(variant ? variant->id : GCS_VARIANT_BASE_SHOWN);
	to->about = strdup(variant && variant->about ? variant->about : "");
	v->n++;
	fprintf(stderr, "gcstorm: run %u of %u: %s\n", index + 1, v->planned, to->id);
	if (variants_load(opt, variant ? variant->id : NULL, &s) != 0) {
		to->result.exit = GCS_EXIT_HARNESS; /* it could be read before */
		free(record);
		return;
	}
	run.scenario = s;
	run.record = record;
	to->has_report = gcs_batch_run(&run, &to->result, &to->report);
	gcs_scenario_destroy(s);
	free(record);
}

static enum gcs_exit variants_series(const struct gcs_variants_options *opt,
				     const struct gcs_scenario *base, struct gcs_variant_runs *v)
{
	enum gcs_exit code = GCS_EXIT_PASS;
	struct gcs_batch batch;
	gcs_batch_begin(&batch);
	for (uint32_t i = 0; i < v->planned && gcs_batch_goes_on(code); i++) {
		variants_one(opt, base, i, v);
		code = v->of[i].result.exit;
		if (gcs_batch_goes_on(code))
			code = gcs_batch_interrupted();
	}
	gcs_batch_end(&batch);
	return code == GCS_EXIT_INT || code == GCS_EXIT_TERM ? code : gcs_variant_runs_exit(v);
}

enum gcs_exit gcs_variants_run(const struct gcs_variants_options *opt, FILE *out)
{
	struct gcs_scenario *base;
	int e = variants_load(opt, NULL, &base);
	if (e == 0 && (e = variants_check(opt, base)) != 0)
		gcs_scenario_destroy(base);
	if (e != 0)
		return e == -ENOMEM ? GCS_EXIT_UNSUPPORTED : GCS_EXIT_USAGE;
	struct gcs_variant_runs *v = calloc(1, sizeof(*v));
	enum gcs_exit code = GCS_EXIT_UNSUPPORTED;
	if (v) {
		v->scenario = strdup(base->name);
		v->planned = 1 + base->nvariants;
		code = variants_series(opt, base, v);
		if (strcmp(opt->run.format, "json") == 0)
			e = gcs_variant_runs_json(v, out);
		else
			gcs_variant_runs_text(v, out);
		if (e || fflush(out) != 0)
			code = code == GCS_EXIT_PASS ? GCS_EXIT_HARNESS : code;
		gcs_variant_runs_fini(v);
	}
	free(v);
	gcs_scenario_destroy(base);
	return code;
}
