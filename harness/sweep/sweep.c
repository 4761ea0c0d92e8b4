/* sweep.c: the order of the visits, and the loop over them. */
#include "harness/sweep/sweep.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SWEEP_PRIME_NS	  INT64_C(600000000000)
#define SWEEP_DEADLINE_NS INT64_C(60000000000) /* of one run, at least */
#define SWEEP_SLOWER	  20		       /* than the prime: no longer a run that goes on */
#define SWEEP_SAVE_NS	  INT64_C(250000000)

uint64_t gcs_sweep_visit_at(uint64_t count, uint64_t position)
{
	uint64_t stride = 1;
	if (position == 0 || count < 2)
		return 1;
	while (stride < count)
		stride *= 2;
	position--;
	for (stride /= 2; stride > 0; stride /= 2) {
		uint64_t here = ((count - 1) / stride + 1) / 2; /* odd multiples of stride */
		if (position < here)
			return 1 + stride * (2 * position + 1);
		position -= here;
	}
	return count;
}

/* ---- runs */

static int64_t sweep_deadline(const struct gcs_sweep_facts *prime)
{
	int64_t slow = prime->wall_ns * SWEEP_SLOWER;
	return slow > SWEEP_DEADLINE_NS ? slow : SWEEP_DEADLINE_NS;
}

static enum gcs_exit sweep_cannot(int e, const struct gcs_sweep_facts *f, char *text, size_t cap)
{
	snprintf(text, cap, "a run cannot be made: %s", f->words[0] ? f->words : strerror(-e));
	return GCS_EXIT_UNSUPPORTED;
}

/* What a run without faults leaves must itself hold, or nothing can be compared with it. */
static enum gcs_exit sweep_prime(const struct gcs_sweep_options *opt, struct gcs_sweep_facts *ret,
				 char *text, size_t cap)
{
	int e = opt->run(opt, GCS_SWEEP_NO_VISIT, SWEEP_PRIME_NS, ret);
	if (e)
		return sweep_cannot(e, ret, text, cap);
	if (!ret->started && !ret->done) {
		snprintf(text, cap, "the target refused: %s", ret->words);
		return GCS_EXIT_HARNESS;
	}
	if (!ret->done) {
		snprintf(text, cap, "without any fault the target %s: %s",
			 ret->hung ? "does not end" : "dies", ret->words);
		return GCS_EXIT_CRASH;
	}
	if (ret->integrity) {
		snprintf(text, cap, "without any fault contents differ already (%" PRIu64 ")",
			 ret->integrity);
		return GCS_EXIT_FAIL;
	}
	if (ret->errors) {
		snprintf(text, cap,
			 "without any fault %" PRIu64 " operations fail already: give it more memory",
			 ret->errors);
		return GCS_EXIT_INCONCLUSIVE;
	}
	return GCS_EXIT_PASS;
}

enum gcs_exit gcs_sweep_one(const struct gcs_sweep_options *opt, uint64_t visit,
			    struct gcs_sweep_facts *ret_facts, enum gcs_sweep_class *ret_class,
			    char *text, size_t cap)
{
	struct gcs_sweep_facts prime;
	enum gcs_exit code = sweep_prime(opt, &prime, text, cap);
	if (code != GCS_EXIT_PASS)
		return code;
	int e = opt->run(opt, visit, sweep_deadline(&prime), ret_facts);
	if (e)
		return sweep_cannot(e, ret_facts, text, cap);
	*ret_class = gcs_sweep_judge(opt, &prime, ret_facts);
	if (*ret_class != GCS_SWEEP_NOT_REACHED)
		return gcs_sweep_class_fails(*ret_class) ? GCS_EXIT_FAIL : GCS_EXIT_PASS;
	snprintf(text, cap, "nothing fired: the point was visited %" PRIu64 " times", prime.eligible);
	return GCS_EXIT_INCONCLUSIVE;
}

/* ---- bookkeeping */

/* One sentence of what is wrong. */
static void sweep_explain(struct gcs_sweep_failure *fail, const struct gcs_sweep_facts *prime,
			  const struct gcs_sweep_facts *f)
{
	size_t cap = sizeof fail->words;
	if (fail->what == GCS_SWEEP_PARTIAL && f->integrity && f->words[0])
		snprintf(fail->words, cap, "%.120s", f->words);
	else if (fail->what == GCS_SWEEP_PARTIAL && f->integrity)
		snprintf(fail->words, cap, "%" PRIu64 " contents differ", f->integrity);
	else if (fail->what == GCS_SWEEP_PARTIAL)
		snprintf(fail->words, cap, "%" PRIu64 " errors long after the fault", f->errors_late);
	else if (fail->what == GCS_SWEEP_MISTRANSLATED)
		snprintf(fail->words, cap, "an operation ended with %s", strerror(f->other_errno));
	else if (fail->what == GCS_SWEEP_LEAK)
		snprintf(fail->words, cap,
			 "%" PRIu64 " bytes in %" PRIu64 " objects are live in the end, not %" PRIu64
			 " in %" PRIu64,
			 f->live_bytes, f->live_objects, prime->live_bytes, prime->live_objects);
	else
		snprintf(fail->words, cap, "%.150s", f->words);
}

static void sweep_note(struct gcs_sweep *s, const struct gcs_sweep_options *opt, uint64_t visit,
		       const struct gcs_sweep_facts *f)
{
	enum gcs_sweep_class what = gcs_sweep_judge(opt, &s->prime, f);
	s->table[what][f->phase]++;
	if (!gcs_sweep_class_fails(what) || s->nfailures == GCS_SWEEP_FAILURES_MAX)
		return;
	struct gcs_sweep_failure *fail = &s->failure[s->nfailures++];
	*fail = (struct gcs_sweep_failure){visit, what, f->phase, ""};
	sweep_explain(fail, &s->prime, f);
}

static uint64_t sweep_sum(const struct gcs_sweep *s, enum gcs_sweep_class c)
{
	uint64_t n = 0;
	for (int p = 0; p < GCS_SWEEP_PHASES; p++)
		n += s->table[c][p];
	return n;
}

static enum gcs_exit sweep_verdict(const struct gcs_sweep *s, const struct gcs_sweep_options *opt,
				   char *text, size_t cap)
{
	for (int c = 0; c < GCS_SWEEP_CLASSES; c++)
		if (gcs_sweep_class_fails(c) && sweep_sum(s, c))
			return GCS_EXIT_FAIL;
	if (s->count == 0)
		snprintf(text, cap, "the point was never visited: nothing was tried");
	else if (sweep_sum(s, GCS_SWEEP_CLEAN) + sweep_sum(s, GCS_SWEEP_THROW) == 0)
		snprintf(text, cap, "no failure ever reached the program: %s",
			 opt->persistent ? "nothing is known of how it takes one"
					 : "--mode persistent may get through");
	else
		return GCS_EXIT_PASS;
	return GCS_EXIT_INCONCLUSIVE;
}

static int64_t sweep_clock(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* ---- the loop */

static uint64_t sweep_end(const struct gcs_sweep *s, const struct gcs_sweep_options *opt)
{
	return opt->limit && opt->limit < s->count ? opt->limit : s->count;
}

static void sweep_progress(const struct gcs_sweep *s, const struct gcs_sweep_options *opt)
{
	uint64_t bad = 0;
	for (int c = 0; c < GCS_SWEEP_CLASSES; c++)
		bad += gcs_sweep_class_fails(c) ? sweep_sum(s, c) : 0;
	if (!opt->progress)
		return;
	bool screen = isatty(fileno(opt->progress));
	fprintf(opt->progress, "%s%s: %" PRIu64 " of %" PRIu64 " visits, %" PRIu64 " failed%s",
		screen ? "\r" : "", opt->point->name, s->position, sweep_end(s, opt), bad,
		screen ? "" : "\n");
	fflush(opt->progress);
}

/* A file that is there must be of this sweep, and of a target that visits as often. */
static enum gcs_exit sweep_resume(struct gcs_sweep *s, const struct gcs_sweep_options *opt,
				  char *text, size_t cap)
{
	struct gcs_sweep old = {0};
	int e = opt->state ? gcs_sweep_load(&old, opt->state) : -ENOENT;
	if (e == -ENOENT)
		return GCS_EXIT_PASS;
	if (e) {
		snprintf(text, cap, "%s: %s", opt->state,
			 e == -EINVAL ? "not the state of a sweep" : strerror(-e));
		return GCS_EXIT_USAGE;
	}
	if (old.identity != s->identity || old.count != s->count) {
		snprintf(text, cap, "%s is of another sweep: scenario, point, mode, seed or build differ",
			 opt->state);
		return GCS_EXIT_USAGE;
	}
	old.prime = s->prime;
	*s = old;
	return GCS_EXIT_PASS;
}

static enum gcs_exit sweep_keep(const struct gcs_sweep *s, const struct gcs_sweep_options *opt,
				char *text, size_t cap)
{
	int e = opt->state ? gcs_sweep_save(s, opt->state) : 0;
	if (e == 0)
		return GCS_EXIT_PASS;
	snprintf(text, cap, "%s cannot be written: %s", opt->state, strerror(-e));
	return GCS_EXIT_UNSUPPORTED;
}

static enum gcs_exit sweep_step(struct gcs_sweep *s, const struct gcs_sweep_options *opt,
				uint64_t visit, char *text, size_t cap)
{
	struct gcs_sweep_facts f;
	int e = opt->run(opt, visit, sweep_deadline(&s->prime), &f);
	if (e)
		return sweep_cannot(e, &f, text, cap);
	if (visit <= s->count || f.fired || !f.done)
		sweep_note(s, opt, visit, &f);
	return GCS_EXIT_PASS;
}

static enum gcs_exit sweep_loop(struct gcs_sweep *s, const struct gcs_sweep_options *opt,
				char *text, size_t cap)
{
	int64_t saved_ns = sweep_clock();
	enum gcs_exit code = GCS_EXIT_PASS;
	while (code == GCS_EXIT_PASS && s->position < sweep_end(s, opt)) {
		if (opt->interrupted && *opt->interrupted) {
			sweep_keep(s, opt, text, cap);
			return GCS_EXIT_INT;
		}
		code = sweep_step(s, opt, gcs_sweep_visit_at(s->count, s->position), text, cap);
		if (code != GCS_EXIT_PASS)
			break;
		s->position++;
		if (sweep_clock() - saved_ns < SWEEP_SAVE_NS)
			continue;
		saved_ns = sweep_clock();
		sweep_progress(s, opt);
		code = sweep_keep(s, opt, text, cap);
	}
	if (code == GCS_EXIT_PASS && !s->closed && s->count && s->position == s->count) {
		code = sweep_step(s, opt, s->count + 1, text, cap);
		s->closed = code == GCS_EXIT_PASS;
	}
	sweep_progress(s, opt);
	return code == GCS_EXIT_PASS ? sweep_keep(s, opt, text, cap) : code;
}

enum gcs_exit gcs_sweep(struct gcs_sweep *s, const struct gcs_sweep_options *opt, char *text,
			size_t cap)
{
	*s = (struct gcs_sweep){.identity = gcs_sweep_identity(opt)};
	text[0] = '\0';
	enum gcs_exit code = sweep_prime(opt, &s->prime, text, cap);
	s->count = s->prime.eligible;
	if (code == GCS_EXIT_PASS)
		code = sweep_resume(s, opt, text, cap);
	if (code == GCS_EXIT_PASS)
		code = sweep_loop(s, opt, text, cap);
	return code == GCS_EXIT_PASS ? sweep_verdict(s, opt, text, cap) : code;
}
