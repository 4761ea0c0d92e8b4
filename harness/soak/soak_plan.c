/* soak_plan.c: see soak_plan.h. */
#define _GNU_SOURCE 1 /* asprintf */
#include "harness/soak/soak_plan.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define PLAN_GOLDEN UINT64_C(0x9e3779b97f4a7c15) /* 2^64 divided by the golden ratio, odd */

void gcs_soak_plan_fini(struct gcs_soak_plan *p)
{
	char *texts[] = {p->name, p->variant, p->time_scale, p->heap_scale};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		free(texts[i]);
	for (uint32_t i = 0; i < p->nscenarios; i++) {
		free(p->scenario[i].name);
		free(p->scenario[i].given);
		free(p->scenario[i].file);
	}
	for (uint32_t i = 0; i < p->nsets; i++) {
		free(p->set[i].key);
		free(p->set[i].value);
	}
	memset(p, 0, sizeof(*p));
}

uint32_t gcs_soak_scenario_of(const struct gcs_soak_plan *p, uint64_t round)
{
	return (uint32_t)((round - 1) % p->nscenarios);
}

uint64_t gcs_soak_seed_of(const struct gcs_soak_plan *p, uint64_t round)
{
	uint64_t x = p->seed + round * PLAN_GOLDEN;
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return (x ^ x >> 31) & INT64_MAX; /* what a scenario's seed may be */
}

int gcs_soak_load(const struct gcs_soak_plan *p, const char *dir, uint64_t round,
		  struct gcs_scenario **ret, struct gcs_scenario_error *ret_error)
{
	struct gcs_override set[GCS_SOAK_SETS_MAX + 1];
	char seed[32], path[GCS_PATH_BYTES];
	const struct gcs_soak_scenario *s = &p->scenario[gcs_soak_scenario_of(p, round)];

	ret_error->text = NULL;
	if (snprintf(path, sizeof path, "%s/%s", dir, s->file) >= (int)sizeof path)
		return -ENAMETOOLONG;
	for (uint32_t i = 0; i < p->nsets; i++)
		set[i] = (struct gcs_override){p->set[i].key, p->set[i].value};
	snprintf(seed, sizeof seed, "0x%" PRIx64, gcs_soak_seed_of(p, round));
	set[p->nsets] = (struct gcs_override){"seed", seed};
	const struct gcs_scenario_options opt = {.set = set,
						 .nset = p->nsets + 1,
						 .variant = p->variant,
						 .time_scale = p->time_scale,
						 .heap_scale = p->heap_scale};
	return gcs_scenario_load_with(ret, path, &opt, ret_error);
}

void gcs_soak_quote(FILE *out, const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_-+=./:,@%";
	if (*word && word[strspn(word, plain)] == '\0') {
		fputs(word, out);
		return;
	}
	fputc('\'', out);
	for (; *word; word++)
		if (*word == '\'')
			fputs("'\\''", out);
		else
			fputc(*word, out);
	fputc('\'', out);
}

static void plan_option(FILE *out, const char *name, const char *value)
{
	if (!value)
		return;
	fprintf(out, " --%s ", name);
	gcs_soak_quote(out, value);
}

char *gcs_soak_command(const struct gcs_soak_plan *p, const char *dir, uint64_t round)
{
	const struct gcs_soak_scenario *s = &p->scenario[gcs_soak_scenario_of(p, round)];
	char *text = NULL, path[GCS_PATH_BYTES + 64];
	size_t n;
	FILE *out = open_memstream(&text, &n);

	if (!out)
		return NULL;
	fprintf(out, "gcstorm run%s", p->sim ? " --sim" : "");
	plan_option(out, "variant", p->variant);
	plan_option(out, "time-scale", p->time_scale);
	plan_option(out, "heap-scale", p->heap_scale);
	for (uint32_t i = 0; i < p->nsets; i++) {
		char *pair = NULL;
		if (strcmp(p->set[i].key, GCS_OVERRIDE_FAULT) == 0) {
			plan_option(out, "fault", p->set[i].value);
			continue;
		}
		if (asprintf(&pair, "%s=%s", p->set[i].key, p->set[i].value) >= 0)
			plan_option(out, "set", pair);
		free(pair);
	}
	fprintf(out, " --seed 0x%" PRIx64 " ", gcs_soak_seed_of(p, round));
	snprintf(path, sizeof path, "%s/%s", dir, s->file);
	gcs_soak_quote(out, path);
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}
