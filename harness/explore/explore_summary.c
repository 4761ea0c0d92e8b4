/* explore_summary.c: what was found, as text and as JSON. */
#include "harness/explore/explore_priv.h"

#include "harness/base/build.h"
#include "harness/soak/soak_plan.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define SUMMARY_LISTED 20 /* failures in the text */

static json_t *summary_text_or_null(const char *text)
{
	json_t *o = text && *text ? json_string(text) : NULL;
	return o ? o : json_null();
}

static json_t *summary_failure(const struct explore *x, const struct explore_failure *f)
{
	char seed[32], record[GCS_PATH_BYTES + 32] = "";
	char *command = gcs_trial_command(x->path, x->opt->load, f->seed);
	snprintf(seed, sizeof(seed), "0x%" PRIx64, f->seed);
	if (f->kept)
		snprintf(record, sizeof(record), "%s/%s.gcrun", x->opt->dir, seed);
	json_t *o = json_pack("{ss si so sI sI so so}", "seed", seed, "exit", (int)f->exit, "sentence",
			      summary_text_or_null(f->sentence), "took_ns", (json_int_t)f->took_ns, "duration_ns",
			      (json_int_t)f->duration_ns, "record", summary_text_or_null(record), "command",
			      summary_text_or_null(command));
	free(command);
	return o;
}

static json_t *summary_json(const struct explore *x)
{
	char first[32];
	json_t *failures = json_array();
	snprintf(first, sizeof(first), "0x%" PRIx64, x->first);
	for (uint64_t i = 0; i < x->failed; i++)
		json_array_append_new(failures, summary_failure(x, &x->failure[i]));
	return json_pack("{ss ss so ss ss sI sI sI sI sI si so sI so}", "explore", x->opt->scenario->name, "dir", x->opt->dir,
			 "variant", summary_text_or_null(x->opt->load->variant), "build", gcs_build_id(true), "first_seed",
			 first, "seeds", (json_int_t)x->opt->seeds, "passed", (json_int_t)x->passed, "threw", (json_int_t)x->threw, "failed",
			 (json_int_t)x->failed, "undecided", (json_int_t)x->undecided, "exit", (int)explore_exit(x),
			 "trouble", summary_text_or_null(x->trouble_sentence), "took_ns",
			 (json_int_t)(x->ended_ns - x->began_ns), "failures", failures);
}

static void summary_print_failure(const struct explore *x, const struct explore_failure *f)
{
	FILE *out = x->opt->out;
	char record[GCS_PATH_BYTES + 32];
	char *command = gcs_trial_command(x->path, x->opt->load, f->seed);
	fprintf(out, "  seed 0x%" PRIx64 "  exit %d after %.2f s: %s\n", f->seed, f->exit, (double)f->took_ns / 1e9,
		f->sentence);
	fprintf(out, "    again:  %s\n", command ? command : "");
	if (f->kept) {
		snprintf(record, sizeof(record), "%s/0x%" PRIx64 ".gcrun", x->opt->dir, f->seed);
		fputs("    record: ", out);
		gcs_soak_quote(out, record);
		fputc('\n', out);
	}
	free(command);
}

static void summary_print(const struct explore *x)
{
	FILE *out = x->opt->out;
	double took = (double)(x->ended_ns - x->began_ns) / 1e9;
	uint64_t done = x->passed + x->failed + x->undecided;
	fprintf(out, "%s%s%s: %" PRIu64 " of %" PRIu64 " seeds from 0x%" PRIx64 " in %.1f s: %" PRIu64 " passed, %" PRIu64
		" failed, %" PRIu64 " undecided\n",
		x->opt->scenario->name, x->opt->scenario->chosen ? "+" : "",
		x->opt->scenario->chosen ? x->opt->scenario->chosen : "", done, x->opt->seeds, x->first, took, x->passed,
		x->failed, x->undecided);
	fprintf(out, "build %s, in %s\n", gcs_build_id(true), x->opt->dir);
	if (x->threw)
		fprintf(out, "%" PRIu64 " of those that passed died of want of memory, as oom: throw asks\n", x->threw);
	if (x->trouble != GCS_EXIT_PASS)
		fprintf(out, "ended early, exit %d: %s\n", x->trouble, x->trouble_sentence);
	if (x->failed)
		fputs("failed, the fastest first:\n", out);
	for (uint64_t i = 0; i < x->failed && i < SUMMARY_LISTED; i++)
		summary_print_failure(x, &x->failure[i]);
	if (x->failed > SUMMARY_LISTED)
		fprintf(out, "  and %" PRIu64 " more: %s/summary.json\n", x->failed - SUMMARY_LISTED, x->opt->dir);
	if (x->undecided)
		fprintf(out, "undecided, the first is seed 0x%" PRIx64 ", exit %d: %s\n", x->undecided_seed, x->undecided_exit,
			x->undecided_sentence);
}

int explore_summary(const struct explore *x)
{
	char path[GCS_PATH_BYTES + 32];
	json_t *o = summary_json(x);
	if (!o)
		return -ENOMEM;
	if (strcmp(x->opt->format, "json") == 0) {
		json_dumpf(o, x->opt->out, JSON_INDENT(2));
		fputc('\n', x->opt->out);
	} else {
		summary_print(x);
	}
	snprintf(path, sizeof(path), "%s/summary.json", x->opt->dir);
	FILE *f = fopen(path, "we");
	int e = f ? 0 : -errno;
	if (f && (json_dumpf(o, f, JSON_INDENT(2)) || fputc('\n', f) == EOF))
		e = -EIO;
	if (f && fclose(f) && e == 0)
		e = -errno;
	json_decref(o);
	return e;
}
