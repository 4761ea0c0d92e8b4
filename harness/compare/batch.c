/* batch.c: see batch.h. */
#include "harness/compare/batch.h"

#include <time.h>

static void batch_signals(sigset_t *ret)
{
	sigemptyset(ret);
	sigaddset(ret, SIGINT);
	sigaddset(ret, SIGTERM);
	sigaddset(ret, SIGHUP);
}

void gcs_batch_begin(struct gcs_batch *s)
{
	sigset_t set;
	batch_signals(&set);
	sigprocmask(SIG_BLOCK, &set, &s->before);
}

void gcs_batch_end(struct gcs_batch *s)
{
	while (gcs_batch_interrupted() != GCS_EXIT_PASS)
		;
	sigprocmask(SIG_SETMASK, &s->before, NULL);
}

enum gcs_exit gcs_batch_interrupted(void)
{
	const struct timespec none = {0};
	sigset_t set;
	batch_signals(&set);
	int sig = sigtimedwait(&set, NULL, &none);
	return sig < 0 ? GCS_EXIT_PASS : sig == SIGINT ? GCS_EXIT_INT : GCS_EXIT_TERM;
}

bool gcs_batch_run(const struct gcs_run_options *opt, struct gcs_run_result *ret, struct report *ret_report)
{
	struct gcs_run_options run = *opt;
	run.quiet = true;
	gcs_run(&run, ret);
	return ret->record[0] && report_load(ret_report, ret->record, stderr) == 0;
}

bool gcs_batch_goes_on(enum gcs_exit code)
{
	switch (code) {
	case GCS_EXIT_INT:
	case GCS_EXIT_TERM:
	case GCS_EXIT_HARNESS:
	case GCS_EXIT_UNSUPPORTED:
	case GCS_EXIT_USAGE: /* a record that exists */
		return false;
	default:
		return true;
	}
}

enum gcs_exit gcs_batch_graver(enum gcs_exit a, enum gcs_exit b)
{
	static const enum gcs_exit order[] = {
		GCS_EXIT_INT,	GCS_EXIT_TERM, GCS_EXIT_USAGE,	      GCS_EXIT_HARNESS,
		GCS_EXIT_UNSUPPORTED, GCS_EXIT_CRASH, GCS_EXIT_FAIL, GCS_EXIT_INCONCLUSIVE,
		GCS_EXIT_UNTRUSTED};
	for (size_t k = 0; k < sizeof(order) / sizeof(order[0]); k++)
		if (a == order[k] || b == order[k])
			return order[k];
	return GCS_EXIT_PASS;
}
