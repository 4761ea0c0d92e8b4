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
#define SWEEP_BAR	  30u
#define SWEEP_BEYOND	  2 /* times the prime's visits: no further */

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

static bool sweep_is_first(const struct gcs_sweep_stacks *stacks, uint64_t visit)
{
	uint32_t low = 0, high = stacks->n;
	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		if (stacks->first[mid] < visit)
			low = mid + 1;
		else
			high = mid;
	}
	return low < stacks->n && stacks->first[low] == visit;
}

uint64_t gcs_sweep_visit_next(struct gcs_sweep *s)
{
	uint64_t visit;
	if (s->position < s->stacks.n)
		return s->stacks.first[s->position];
	do
		visit = gcs_sweep_visit_at(s->count, s->spread++);
	while (sweep_is_first(&s->stacks, visit));
	return visit;
}

/* The second pass goes on behind what it had tried when the state was kept. */
static void sweep_catch_up(struct gcs_sweep *s)
{
	uint64_t gone = s->position > s->stacks.n ? s->position - s->stacks.n : 0;
	for (s->spread = 0; gone; s->spread++)
		gone -= !sweep_is_first(&s->stacks, gcs_sweep_visit_at(s->count, s->spread));
}

/* ---- runs */

static int64_t sweep_deadline(const struct gcs_sweep_options *opt, const struct gcs_sweep_facts *prime)
{
	int64_t slow = prime->wall_ns * SWEEP_SLOWER;
	int64_t least = opt->patience_ns ? opt->patience_ns : SWEEP_DEADLINE_NS;
	return slow > least ? slow : least;
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
	int e = opt->run(opt, visit, sweep_deadline(opt, &prime), ret_facts);
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

static void sweep_bar(FILE *out, uint64_t n, uint64_t of)
{
	char bar[SWEEP_BAR + 1];
	uint64_t full = of ? n * SWEEP_BAR / of : 0;
	for (uint64_t i = 0; i < SWEEP_BAR; i++)
		bar[i] = i < full ? '#' : '.';
	bar[SWEEP_BAR] = '\0';
	fprintf(out, "[%s] ", bar);
}

static void sweep_progress(const struct gcs_sweep *s, const struct gcs_sweep_options *opt)
{
	uint64_t bad = 0;
	for (int c = 0; c < GCS_SWEEP_CLASSES; c++)
		bad += gcs_sweep_class_fails(c) ? sweep_sum(s, c) : 0;
	if (!opt->progress)
		return;
	bool screen = isatty(fileno(opt->progress)), first = s->position < s->stacks.n;
	uint64_t all = first && s->stacks.n < sweep_end(s, opt) ? s->stacks.n : sweep_end(s, opt);
	fprintf(opt->progress, "%s%s: ", screen ? "\r" : "", opt->point->name);
	if (screen)
		sweep_bar(opt->progress, s->position, all);
	fprintf(opt->progress, "%" PRIu64 " of %" PRIu64 " %s, %" PRIu64 " failed%s", s->position, all,
		first ? "call stacks" : "visits", bad, screen ? "\033[K" : "\n");
	fflush(opt->progress);
}

static bool sweep_same_visits(const struct gcs_sweep *a, const struct gcs_sweep *b)
{
	return a->count == b->count && a->stacks.n == b->stacks.n &&
	       memcmp(a->stacks.first, b->stacks.first, a->stacks.n * sizeof a->stacks.first[0]) == 0;
}

/* A file that is there must be of this sweep and, in simulation, of a target with the same visits. */
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
	if (old.identity != s->identity || (opt->sim && !sweep_same_visits(&old, s))) {
		snprintf(text, cap, "%s is of another sweep: scenario, point, mode, seed or build differ",
			 opt->state);
		return GCS_EXIT_USAGE;
	}
	old.prime = s->prime; /* of real threads the old run's visits stay: the places are theirs */
	*s = old;
	sweep_catch_up(s);
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
				uint64_t visit, bool *ret_fired, char *text, size_t cap)
{
	struct gcs_sweep_facts f;
	int e = opt->run(opt, visit, sweep_deadline(opt, &s->prime), &f);
	if (e)
		return sweep_cannot(e, &f, text, cap);
	if (visit <= s->count || f.fired || !f.done)
		sweep_note(s, opt, visit, &f);
	*ret_fired = f.fired;
	return GCS_EXIT_PASS;
}

/* Visits beyond those of the prime, until nothing fires: in simulation the first, on real threads
 * perhaps some later one. */
static enum gcs_exit sweep_close(struct gcs_sweep *s, const struct gcs_sweep_options *opt,
				 char *text, size_t cap)
{
	for (uint64_t visit = s->count + 1; !s->closed; visit++) {
		bool fired;
		if (opt->interrupted && *opt->interrupted)
			return GCS_EXIT_INT;
		enum gcs_exit code = sweep_step(s, opt, visit, &fired, text, cap);
		if (code != GCS_EXIT_PASS)
			return code;
		s->closed = !fired || visit > SWEEP_BEYOND * s->count;
	}
	return GCS_EXIT_PASS;
}

static enum gcs_exit sweep_loop(struct gcs_sweep *s, const struct gcs_sweep_options *opt,
				char *text, size_t cap)
{
	bool fired;
	int64_t saved_ns = sweep_clock();
	enum gcs_exit code = GCS_EXIT_PASS;
	while (code == GCS_EXIT_PASS && s->position < sweep_end(s, opt)) {
		if (opt->interrupted && *opt->interrupted) {
			sweep_keep(s, opt, text, cap);
			return GCS_EXIT_INT;
		}
		code = sweep_step(s, opt, gcs_sweep_visit_next(s), &fired, text, cap);
		if (code != GCS_EXIT_PASS)
			break;
		s->position++;
		if (sweep_clock() - saved_ns < SWEEP_SAVE_NS)
			continue;
		saved_ns = sweep_clock();
		sweep_progress(s, opt);
		code = sweep_keep(s, opt, text, cap);
	}
	if (code == GCS_EXIT_PASS && s->count && s->position == s->count)
		code = sweep_close(s, opt, text, cap);
	sweep_progress(s, opt);
	return code == GCS_EXIT_PASS ? sweep_keep(s, opt, text, cap) : code;
}

/* What the target tells is not trusted: rising visits that there are, or none at all. */
static void sweep_keep_sane(struct gcs_sweep *s)
{
	for (uint32_t i = 0; i < s->stacks.n; i++)
		if (s->stacks.first[i] > s->count ||
		    s->stacks.first[i] <= (i ? s->stacks.first[i - 1] : 0))
			s->stacks.n = 0;
}

enum gcs_exit gcs_sweep(struct gcs_sweep *s, const struct gcs_sweep_options *opt, char *text,
			size_t cap)
{
	*s = (struct gcs_sweep){.identity = gcs_sweep_identity(opt)};
	text[0] = '\0';
	struct gcs_sweep_options prime = *opt;
	prime.stacks = &s->stacks;
	enum gcs_exit code = sweep_prime(&prime, &s->prime, text, cap);
	s->count = s->prime.eligible;
	sweep_keep_sane(s);
	if (code == GCS_EXIT_PASS)
		code = sweep_resume(s, opt, text, cap);
	if (code == GCS_EXIT_PASS)
		code = sweep_loop(s, opt, text, cap);
	return code == GCS_EXIT_PASS ? sweep_verdict(s, opt, text, cap) : code;
}
