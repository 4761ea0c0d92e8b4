/* explore.c: many seeds, in trials (trial.h). */
#include "harness/explore/explore_priv.h"

#include "harness/base/build.h"
#include "harness/base/place.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define EXPLORE_LINE_TERMINAL_NS INT64_C(200000000)
#define EXPLORE_LINE_NS		 INT64_C(30000000000)
#define EXPLORE_UNDECIDED_TOLD	 UINT64_C(20) /* as they are found */

static int64_t explore_now(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* ---- a trial */

static void explore_files(const struct explore *x, struct gcs_trial *t)
{
	snprintf(t->path, sizeof(t->path), "%s", x->path);
	snprintf(t->record, sizeof(t->record), "%s/0x%" PRIx64 ".gcrun", x->opt->dir, t->seed);
	snprintf(t->log, sizeof(t->log), "%s/0x%" PRIx64 ".log", x->opt->dir, t->seed);
}

static void explore_remove(const struct gcs_trial *t)
{
	static const char *const tail[] = {"", "-wal", "-shm"};
	char path[sizeof(t->record) + 8];
	for (size_t i = 0; i < sizeof(tail) / sizeof(tail[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", t->record, tail[i]);
		unlink(path);
	}
	unlink(t->log);
}

static bool explore_next(void *self, struct gcs_trial *ret)
{
	struct explore *x = self;
	if (x->begun == x->opt->seeds)
		return false;
	ret->number = x->begun++;
	ret->seed = x->first + ret->number;
	explore_files(x, ret);
	return true;
}

/* Too many are kept: the slowest goes. */
static void explore_drop_slowest(struct explore *x)
{
	struct explore_failure *slow = NULL;
	struct gcs_trial t = {0};
	uint64_t kept = 0;
	for (uint64_t i = 0; i < x->failed; i++) {
		struct explore_failure *f = &x->failure[i];
		kept += f->kept;
		if (f->kept && (!slow || f->took_ns > slow->took_ns))
			slow = f;
	}
	if (kept <= GCS_EXPLORE_KEEP)
		return;
	slow->kept = false;
	t.seed = slow->seed;
	explore_files(x, &t);
	explore_remove(&t);
}

static void explore_clear_line(const struct explore *x)
{
	if (x->opt->terminal)
		fputs("\r\033[K", x->opt->err);
}

static void explore_tell_seed(const struct explore *x, uint64_t seed, const struct gcs_trial_end *end)
{
	explore_clear_line(x);
	fprintf(x->opt->err, "seed 0x%" PRIx64 ": exit %d: %s\n", seed, (int)end->run.exit, end->run.sentence);
}

static void explore_failed(struct explore *x, const struct gcs_trial *t, const struct gcs_trial_end *end)
{
	struct explore_failure *f = &x->failure[x->failed++];
	*f = (struct explore_failure){.seed = t->seed,
				      .exit = end->run.exit,
				      .took_ns = end->took_ns,
				      .duration_ns = end->run.duration_ns,
				      .kept = end->run.record[0] != '\0'};
	memcpy(f->sentence, end->run.sentence, sizeof(f->sentence));
	explore_tell_seed(x, t->seed, end);
	explore_drop_slowest(x);
}

static bool explore_ended(void *self, const struct gcs_trial *t, const struct gcs_trial_end *end)
{
	struct explore *x = self;
	switch (end->run.exit) {
	case GCS_EXIT_FAIL:
	case GCS_EXIT_CRASH:
		if (end->run.threw) {
			x->passed++;
			x->threw++;
			break;
		}
		explore_failed(x, t, end);
		return true;
	case GCS_EXIT_PASS:
		x->passed++;
		break;
	case GCS_EXIT_INCONCLUSIVE:
	case GCS_EXIT_UNTRUSTED:
		if (x->undecided < EXPLORE_UNDECIDED_TOLD)
			explore_tell_seed(x, t->seed, end);
		if (x->undecided++ == 0 || t->seed < x->undecided_seed) {
			x->undecided_seed = t->seed;
			x->undecided_exit = end->run.exit;
			memcpy(x->undecided_sentence, end->run.sentence, sizeof(x->undecided_sentence));
		}
		break;
	case GCS_EXIT_INT:
	case GCS_EXIT_TERM:
		break; /* it was asked to end: it counts nowhere */
	case GCS_EXIT_HARNESS:
	case GCS_EXIT_USAGE:
	case GCS_EXIT_UNSUPPORTED:
		if (x->trouble == GCS_EXIT_PASS) {
			x->trouble = end->run.exit;
			snprintf(x->trouble_sentence, sizeof(x->trouble_sentence), "seed 0x%" PRIx64 ": %.160s", t->seed,
				 end->run.sentence);
		}
		return false; /* its log stays, and tells more */
	}
	explore_remove(t);
	return true;
}

static void explore_tick(void *self)
{
	struct explore *x = self;
	uint64_t done = x->passed + x->failed + x->undecided;
	int64_t now_ns = explore_now();
	if (now_ns - x->told_ns < (x->opt->terminal ? EXPLORE_LINE_TERMINAL_NS : EXPLORE_LINE_NS))
		return;
	x->told_ns = now_ns;
	double rate = (double)done * 1e9 / (double)(now_ns - x->began_ns);
	explore_clear_line(x);
	fprintf(x->opt->err, "%" PRIu64 " of %" PRIu64 " seeds, %" PRIu64 " failed, %" PRIu64 " undecided, %.1f/s", done,
		x->opt->seeds, x->failed, x->undecided, rate);
	if (!x->opt->terminal)
		fputc('\n', x->opt->err);
	fflush(x->opt->err);
}

/* ---- the whole */

static int explore_fastest(const void *a, const void *b)
{
	const struct explore_failure *x = a, *y = b;
	if (x->took_ns != y->took_ns)
		return x->took_ns < y->took_ns ? -1 : 1;
	return x->seed < y->seed ? -1 : x->seed > y->seed;
}

enum gcs_exit explore_exit(const struct explore *x)
{
	if (x->interrupted)
		return x->interrupted == SIGINT ? GCS_EXIT_INT : GCS_EXIT_TERM;
	if (x->trouble != GCS_EXIT_PASS)
		return x->trouble;
	if (x->failed)
		return GCS_EXIT_FAIL;
	return x->undecided ? x->undecided_exit : GCS_EXIT_PASS;
}

static int explore_copy(const struct explore *x)
{
	FILE *f = fopen(x->path, "wxe");
	if (!f)
		return -errno;
	int e = fputs(x->opt->scenario->text, f) < 0 ? -EIO : 0;
	return fclose(f) && e == 0 ? -errno : e;
}

static int explore_prepare(struct explore *x)
{
	const struct gcs_explore_options *opt = x->opt;
	int e = gcs_place_make(opt->dir);
	if (e == -EEXIST)
		fprintf(opt->err, "gcstorm: %s is not empty\n", opt->dir);
	if (e == 0 && snprintf(x->path, sizeof(x->path), "%s/scenario.yaml", opt->dir) >= (int)sizeof(x->path) - 64)
		e = -ENAMETOOLONG;
	if (e == 0)
		e = explore_copy(x);
	if (e && e != -EEXIST)
		fprintf(opt->err, "gcstorm: %s: %s\n", opt->dir, strerror(-e));
	return e;
}

static void explore_run(struct explore *x)
{
	const struct gcs_trials trials = {
		.load = x->opt->load,
		.jobs = x->opt->jobs,
		.self = x,
		.next = explore_next,
		.ended = explore_ended,
		.tick = explore_tick,
	};
	gcs_build_id(true); /* the children share it */
	x->began_ns = x->told_ns = explore_now();
	int e = gcs_trials_run(&trials);
	x->ended_ns = explore_now();
	x->interrupted = e > 0 ? e : 0;
	if (e < 0 && x->trouble == GCS_EXIT_PASS) {
		x->trouble = GCS_EXIT_UNSUPPORTED;
		snprintf(x->trouble_sentence, sizeof(x->trouble_sentence), "no more processes can be made: %s", strerror(-e));
	}
	explore_clear_line(x);
	if (x->failed)
		qsort(x->failure, x->failed, sizeof(*x->failure), explore_fastest);
}

static enum gcs_exit explore_whole(struct explore *x)
{
	const struct gcs_explore_options *opt = x->opt;
	int e = explore_prepare(x);
	if (e)
		return e == -EEXIST ? GCS_EXIT_USAGE : GCS_EXIT_UNSUPPORTED;
	x->failure = calloc(opt->seeds, sizeof(*x->failure));
	if (!x->failure) {
		fprintf(opt->err, "gcstorm: no memory for %" PRIu64 " seeds\n", opt->seeds);
		return GCS_EXIT_UNSUPPORTED;
	}
	explore_run(x);
	enum gcs_exit code = explore_exit(x);
	if ((e = explore_summary(x)) != 0) {
		fprintf(opt->err, "gcstorm: the summary cannot be written: %s\n", strerror(-e));
		if (code == GCS_EXIT_PASS)
			code = GCS_EXIT_UNSUPPORTED;
	}
	return code;
}

enum gcs_exit gcs_explore(const struct gcs_explore_options *opt)
{
	struct explore x = {.opt = opt, .first = opt->scenario->seed};
	mode_t mask = umask(077);
	enum gcs_exit code = explore_whole(&x);
	umask(mask);
	free(x.failure);
	return code;
}
