/*
 * sweep_run.c: one run of a sweep: a target, its telemetry, and nothing recorded.
 *
 * The scenario's faults are left out, one takes their place: the point of the sweep, armed for the
 * first four fifths of the run, whose trigger is the number of the visit (faults/fault.h).
 */
#include "harness/base/throw.h"
#include "harness/sweep/sweep.h"

#include "harness/run/target.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SWEEP_POLL_MS 1
#define SWEEP_BATCH   512u

struct sweep_run {
	struct gcs_sweep_facts *facts;
	struct gcs_target *target;
	const struct gcs_sweep_options *opt;
	struct gcs_scenario *scenario; /* a copy; what it points to is the options' */
	bool ready, asked, exited;
	bool fired; /* the first firing was seen */
	int64_t end_abs_ns, off_ns; /* of the run; when the fault was taken off, 0: not yet */
};

static int64_t sweep_now(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* ---- the scenario of a run */

static struct gcs_scenario *sweep_scenario(const struct gcs_sweep_options *opt, uint64_t visit)
{
	static char id[] = "sweep";
	struct gcs_scenario *s = malloc(sizeof *s);
	if (!s)
		return NULL;
	*s = *opt->scenario;
	s->count_live = true;
	s->nfaults = 1;
	s->fault[0] = (struct gcs_fault){
		.id = id,
		.point = opt->point->name,
		.action = gcs_action_name(gcs_sweep_action(opt->point)),
		.err = opt->point->default_errno,
		.visit = visit,
		.visit_on = opt->persistent,
		.stacks = opt->stacks != NULL,
		.window = {{0, s->end_ns - s->end_ns / 5}},
		.nwindows = 1,
	};
	return s;
}

uint64_t gcs_sweep_identity(const struct gcs_sweep_options *opt)
{
	struct gcs_scenario *s = sweep_scenario(opt, GCS_SWEEP_NO_VISIT);
	char *plan = s ? gcs_scenario_plan(s) : NULL;
	uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ opt->sim;
	for (const char *p = plan; p && *p; p++)
		hash = (hash ^ (unsigned char)*p) * UINT64_C(0x100000001b3);
	free(plan);
	free(s);
	return hash;
}

/* ---- what it says */

static void sweep_word(struct sweep_run *r, const char *text)
{
	snprintf(r->facts->words, sizeof r->facts->words, "%.*s", (int)sizeof r->facts->words - 1,
		 text);
}

static void sweep_on_ready(void *self, int pid)
{
	(void)pid;
	((struct sweep_run *)self)->ready = true;
}

static void sweep_on_refused(void *self, const char *text)
{
	sweep_word(self, text);
}

static void sweep_on_started(void *self, int64_t t0_abs_ns)
{
	struct sweep_run *r = self;
	r->facts->started = true;
	r->end_abs_ns = t0_abs_ns + r->scenario->end_ns;
}

static void sweep_on_live(void *self, uint64_t bytes, uint64_t objects)
{
	struct gcs_sweep_facts *f = ((struct sweep_run *)self)->facts;
	f->live_bytes = bytes;
	f->live_objects = objects;
}

static void sweep_on_stacks(void *self, const uint64_t *first, size_t n)
{
	struct gcs_sweep_stacks *stacks = ((struct sweep_run *)self)->opt->stacks;
	if (!stacks || n > GCS_SWEEP_STACKS_MAX)
		return;
	stacks->n = (uint32_t)n;
	memcpy(stacks->first, first, n * sizeof *first);
}

static void sweep_on_done(void *self, const char *hash, uint64_t checked, uint64_t errors)
{
	struct gcs_sweep_facts *f = ((struct sweep_run *)self)->facts;
	(void)hash;
	(void)checked;
	f->done = true;
	f->integrity = errors;
}

static void sweep_on_operator(void *self, const char *source, const char *act, int fault,
			      const char *text)
{
	(void)self;
	(void)source;
	(void)act;
	(void)fault;
	(void)text;
}

static void sweep_on_gctrace(void *self, const char *line)
{
	(void)self;
	(void)line;
}

static void sweep_on_exited(void *self, int status)
{
	struct sweep_run *r = self;
	r->exited = true;
	r->facts->status = status;
}

static void sweep_on_load_exited(void *self, int status)
{
	(void)self;
	(void)status;
}

/* ---- what it writes */

static void sweep_op_error(struct sweep_run *r, const struct watch_record *rec)
{
	int err = (int)rec->c;
	if (err != r->opt->point->default_errno && err != ENOMEM)
		r->facts->other_errno = err;
	/* Who was under way when the fault was taken off has half of what is left to settle. */
	if (r->off_ns && rec->t_ns > r->off_ns + (r->end_abs_ns - r->off_ns) / 2)
		r->facts->errors_late++;
}

static void sweep_record(struct sweep_run *r, const struct watch_record *rec)
{
	switch (rec->kind) {
	case WATCH_FIRE:
		if (!r->fired)
			r->facts->phase = (uint32_t)(rec->e & 0xff) % GCS_SWEEP_PHASES;
		r->fired = true;
		break;
	case WATCH_ARM:
		if (rec->c == 0 && r->off_ns == 0)
			r->off_ns = rec->t_ns;
		break;
	case WATCH_OP_ERROR:
		sweep_op_error(r, rec);
		break;
	default:
		break;
	}
}

static void sweep_drain(struct sweep_run *r)
{
	struct watch_record rec[SWEEP_BATCH];
	size_t n;
	do {
		n = watch_drain(gcs_target_telemetry(r->target), rec, SWEEP_BATCH);
		for (size_t i = 0; i < n; i++)
			sweep_record(r, &rec[i]);
	} while (n == SWEEP_BATCH);
}

static uint64_t sweep_load(const _Atomic uint64_t *p)
{
	return atomic_load_explicit(p, memory_order_relaxed);
}

static void sweep_count(struct sweep_run *r)
{
	const struct mrt_telemetry *t = gcs_target_telemetry(r->target);
	r->facts->eligible = sweep_load(&t->fault[0].eligible);
	r->facts->fired = sweep_load(&t->fault[0].fired);
	r->facts->masked = sweep_load(&t->fault[0].masked);
	for (size_t i = 0; i < WATCH_HISTS; i++)
		r->facts->errors += sweep_load(&t->ops[i].errors);
}

/* ---- the run */

static void sweep_try_start(struct sweep_run *r)
{
	const struct mrt_telemetry *t = gcs_target_telemetry(r->target);
	bool clients = false;
	for (uint32_t i = 0; i < r->scenario->nworkloads && !r->opt->sim; i++)
		clients |= r->scenario->workload[i].conns > 0;
	if (r->asked || !(r->opt->sim || r->ready))
		return;
	if (clients && atomic_load_explicit(&t->load_ready, memory_order_acquire) == 0)
		return;
	r->asked = true;
	gcs_target_say(r->target, "start", -1);
}

static void sweep_loop(struct sweep_run *r, int64_t deadline_ns)
{
	struct pollfd fds[GCS_TARGET_FDS];
	while (!r->exited) {
		sweep_try_start(r);
		int n = gcs_target_fds(r->target, fds);
		poll(fds, (nfds_t)n, SWEEP_POLL_MS);
		gcs_target_poll(r->target);
		sweep_drain(r);
		gcs_target_reap(r->target);
		if (!r->exited && sweep_now() > deadline_ns) {
			r->facts->hung = !r->facts->done;
			gcs_target_kill(r->target, SIGKILL);
			deadline_ns = INT64_MAX;
		}
	}
	sweep_drain(r); /* what it wrote last */
}

static void sweep_last_words(struct sweep_run *r)
{
	const char *words[GCS_LAST_WORDS];
	size_t n = gcs_target_last_words(r->target, words);
	const char *fatal = gcs_fatal_line(words, n);
	if (fatal && !r->facts->words[0])
		sweep_word(r, fatal);
	for (size_t i = 0; i < n && !r->facts->words[0]; i++)
		if (strstr(words[i], "fatal error") || strstr(words[i], "broken"))
			sweep_word(r, words[i]);
	if (n && !r->facts->words[0] && !r->facts->done)
		sweep_word(r, words[n - 1]);
}

static int sweep_in_target(struct sweep_run *r, int64_t deadline_ns)
{
	const struct gcs_target_sink sink = {
		.self = r,
		.ready = sweep_on_ready,
		.refused = sweep_on_refused,
		.started = sweep_on_started,
		.done = sweep_on_done,
		.live = sweep_on_live,
		.stacks = sweep_on_stacks,
		.operator = sweep_on_operator,
		.gctrace = sweep_on_gctrace,
		.exited = sweep_on_exited,
		.load_exited = sweep_on_load_exited,
	};
	char *text = NULL;
	int e = gcs_target_create(&r->target, r->scenario, r->opt->sim, &sink, &text);
	if (e == 0)
		e = gcs_target_spawn(r->target, &text);
	if (e == 0) {
		sweep_loop(r, deadline_ns);
		sweep_count(r);
		sweep_last_words(r);
	} else if (text) {
		sweep_word(r, text);
	}
	free(text);
	if (r->target)
		gcs_target_destroy(r->target);
	return e;
}

int gcs_sweep_run(const struct gcs_sweep_options *opt, uint64_t visit, int64_t deadline_ns,
		  struct gcs_sweep_facts *ret)
{
	int64_t begin_ns = sweep_now();
	struct sweep_run r = {
		.facts = ret, .opt = opt, .scenario = sweep_scenario(opt, visit)};
	*ret = (struct gcs_sweep_facts){0};
	if (!r.scenario)
		return -ENOMEM;
	int e = sweep_in_target(&r, begin_ns + deadline_ns);
	free(r.scenario);
	ret->wall_ns = sweep_now() - begin_ns;
	return e;
}
