/*
 * collect.c: the collector's life: made before the target starts, told what happens to it, ticked,
 * finished with a verdict.
 *
 * A tick reads the clock, then shared memory up to it, then the rings; records older than the
 * horizon are handled in the order of time, and intervals close behind them. Real: the horizon
 * trails the clock by COLLECT_GRACE_NS. Simulation: a target waits at each tenth of a virtual second
 * until it is let go, and our clock is that moment, or the target's last one when it has ended. So
 * everything is sampled, closed and judged on interval edges, and every run of a seed is counted
 * alike; a tick in between only empties the rings. /proc is not looked at. The caller ticks often
 * (1 ms), or the target waits for long.
 */
#include "harness/base/throw.h"
#include "harness/collect/collect_priv.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#define COLLECT_LATE_TOLD_NS 500000000 /* an own delay worth an event */

static int64_t collect_monotonic(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

/* ---------------------------------------------------------------- making */

static int collect_judges(struct gcs_collect *c)
{
	const struct gcs_scenario *s = c->scenario;
	int rc = 0;
	for (uint32_t i = 0; i < s->nslos && rc == 0; i++)
		rc = gcs_judge_init(&c->slo[i], &s->slo[i], s);
	for (uint32_t i = 0; i < s->nexpects && rc == 0; i++)
		rc = gcs_judge_init(&c->expect[i], &s->expect[i], s);
	for (uint32_t i = 0; i < s->nslos && rc == 0 && c->over_ns == 0; i++) {
		const struct gcs_expr *e = &c->slo[i].expr;
		const char *name = e->ref.metric->name;
		bool pause =
			strncmp(name, "pause.", 6) == 0 || strncmp(name, "op.latency.", 11) == 0;
		if (pause && e->ref.metric->unit == GCS_UNIT_NS &&
		    (e->op == GCS_LT || e->op == GCS_LE))
			c->over_ns = (int64_t)e->value;
	}
	return rc;
}

static int collect_refuse(char **ret_text, int rc)
{
	if (ret_text && !*ret_text)
		*ret_text = strdup(
			rc == -EINVAL ? "the scenario names a check or signal that does not exist"
				      : strerror(-rc));
	return rc;
}

int gcs_collect_create(struct gcs_collect **ret, const struct gcs_collect_options *opt,
		       char **ret_text)
{
	struct gcs_record_options record = {.path = opt->record_path};
	struct gcs_collect *c = calloc(1, sizeof(*c));
	if (ret_text)
		*ret_text = NULL;
	if (!c)
		return collect_refuse(ret_text, -ENOMEM);
	c->scenario = opt->scenario;
	c->tel = opt->telemetry;
	c->sim = opt->sim;
	c->ended_ns = c->cut_ns = -1;
	int rc = gcs_recoveries_init(&c->recoveries, opt->scenario);
	if (rc == 0)
		rc = collect_judges(c);
	if (rc == 0)
		rc = gcs_reproductions_init(&c->reproductions, c->scenario);
	if (rc == 0)
		rc = gcs_stalls_init(&c->stalls, c->scenario);
	if (rc == 0)
		rc = gcs_record_create(&c->record, &record, ret_text);
	if (rc != 0) {
		gcs_collect_destroy(c);
		return collect_refuse(ret_text, rc);
	}
	gcs_intervals_init(&c->intervals, c->scenario, c->recoveries.window_ns,
			   gcs_intervals_parts(c->recoveries.window_ns));
	c->history = gcs_history_create(c->recoveries.window_ns);
	if (c->sim) /* relaxed: the target is not there yet */
		atomic_store_explicit(&c->tel->sampled_ns, 1, memory_order_relaxed);
	collect_view_begin(c, opt);
	collect_rows_begin(c, opt);
	gcs_record_tick(c->record);
	*ret = c;
	return 0;
}

void gcs_collect_destroy(struct gcs_collect *c)
{
	if (!c)
		return;
	if (c->record)
		gcs_record_close(c->record);
	gcs_intervals_fini(&c->intervals);
	gcs_interval_destroy(c->window);
	for (uint32_t i = 0; i < c->nrecent; i++)
		gcs_interval_destroy(c->recent[i]);
	gcs_measure_fini(&c->total);
	gcs_measure_fini(&c->calm);
	gcs_measure_fini(&c->all);
	gcs_measure_fini(&c->steady);
	for (uint32_t i = 0; i < WATCH_HISTS; i++)
		free(c->ops[i]);
	for (uint32_t i = 0; i < GCS_CHECKS_MAX; i++) {
		gcs_judge_fini(&c->slo[i]);
		gcs_judge_fini(&c->expect[i]);
	}
	gcs_reproductions_fini(&c->reproductions);
	gcs_recoveries_fini(&c->recoveries);
	gcs_stalls_fini(&c->stalls);
	collect_fidelity_fini(c);
	gcs_history_destroy(c->history);
	free(c->held);
	free(c);
}

/* ---------------------------------------------------------------- what happens to the target */

void gcs_collect_target(struct gcs_collect *c, int pid)
{
	c->pid = pid;
}

void gcs_collect_started(struct gcs_collect *c, int64_t t0_abs_ns)
{
	c->t0_abs_ns = t0_abs_ns;
	c->started = true;
	collect_sample(c, 0, false); /* what was counted before t0 is not counted again */
	gcs_record_put(c->record, GCS_ROW_RUN_STARTED, gcs_int(c->pid), gcs_int(t0_abs_ns));
	collect_say(c, 0, 0, "started");
}

void gcs_collect_event(struct gcs_collect *c, int level, const char *text)
{
	collect_say(c, c->now_ns, level, "%s", text);
}

void gcs_collect_gctrace(struct gcs_collect *c, const char *line)
{
	gcs_record_put(c->record, GCS_ROW_GCTRACE, gcs_int(c->now_ns), gcs_text(line));
	collect_go_line(c, line);
}

/* Where a simulated target waits or waited last; when it has ended, its last moment.
 * acquire: what the target wrote before it said so is read after it */
static int64_t collect_sim_clock(struct gcs_collect *c)
{
	if (c->done || c->exited)
		return atomic_load_explicit(&c->tel->gauges.target_now_ns, memory_order_acquire);
	c->held_abs_ns = (int64_t)atomic_load_explicit(&c->tel->held_ns, memory_order_acquire);
	return c->held_abs_ns;
}

void collect_clock(struct gcs_collect *c)
{
	if (!c->started)
		return;
	int64_t abs_ns = c->sim ? collect_sim_clock(c) : collect_monotonic();
	int64_t now_ns = collect_rel(c, abs_ns);
	if (now_ns > c->now_ns)
		c->now_ns = now_ns;
	int64_t grace_ns = gcs_scenario_runtime(c->scenario) == GCS_RUNTIME_COMMAND
				   ? COLLECT_GRACE_TRACE_NS
				   : COLLECT_GRACE_NS;
	if (c->scenario->debug.url) /* a cycle that no line tells comes with the next look */
		grace_ns += c->scenario->debug.every_ns < COLLECT_GRACE_LOOK_MAX_NS
				    ? c->scenario->debug.every_ns
				    : COLLECT_GRACE_LOOK_MAX_NS;
	c->horizon_ns = c->sim ? c->now_ns : c->now_ns - grace_ns;
}

void gcs_collect_ending(struct gcs_collect *c)
{
	collect_clock(c);
	if (c->cut_ns < 0)
		c->cut_ns = c->now_ns;
}

void gcs_collect_stood_still(struct gcs_collect *c, int64_t from_abs_ns)
{
	int64_t from_ns = c->started ? collect_rel(c, from_abs_ns) : 0;
	if (c->ended_ns >= 0)
		return;
	c->ended_ns = from_ns > 0 ? from_ns : 0;
	if (c->cut_ns < 0 || c->cut_ns > c->ended_ns)
		c->cut_ns = c->ended_ns;
}

void gcs_collect_done(struct gcs_collect *c, const char *hash, uint64_t checked, uint64_t errors)
{
	c->done = true;
	collect_clock(c);
	c->ended_ns = c->now_ns;
	if (hash && c->sim) /* on real threads there is no order of events to prove */
		snprintf(c->hash, sizeof(c->hash), "%s", hash);
	c->done_checked = checked;
	c->done_errors = errors;
}

static void collect_crash_text(struct gcs_collect *c, const char *fatal)
{
	int status = c->wait_status;
	double at = (double)c->now_ns / 1e9;
	if (fatal)
		snprintf(c->crash_text, sizeof(c->crash_text), "the target died at %.1f s%s: %.90s", at,
			 c->facts.threw ? " as oom: throw asks" : "", fatal);
	else if (WIFSIGNALED(status))
		snprintf(c->crash_text, sizeof(c->crash_text),
			 "the target was killed by signal %d (%s) at %.1f s", WTERMSIG(status),
			 strsignal(WTERMSIG(status)), at);
	else
		snprintf(c->crash_text, sizeof(c->crash_text),
			 "the target ended with status %d at %.1f s%s", WEXITSTATUS(status), at,
			 c->done ? ", after it was done" : " before it was done");
}

void gcs_collect_fail(struct gcs_collect *c, enum gcs_exit code, const char *text)
{
	collect_clock(c);
	collect_say(c, c->now_ns, 2, "%s", text);
	if (c->fail != GCS_EXIT_PASS)
		return;
	c->fail = code;
	snprintf(c->fail_text, sizeof(c->fail_text), "%s", text);
}

void gcs_collect_exit(struct gcs_collect *c, int wait_status, bool expected, const char *fatal)
{
	c->exited = true;
	collect_clock(c);
	c->wait_status = wait_status;
	if (c->ended_ns < 0)
		c->ended_ns = c->now_ns;
	if (expected && WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0)
		return;
	c->crashed = true;
	c->facts.crashes++;
	c->facts.threw = fatal && WIFEXITED(wait_status) && strcmp(c->scenario->oom, "throw") == 0 &&
			 gcs_is_throw(fatal);
	collect_crash_text(c, fatal);
	collect_say(c, c->now_ns, 2, "%.95s", c->crash_text);
}

void gcs_collect_died(struct gcs_collect *c, const char *how, const char *fatal, uint32_t restarts)
{
	const char *why = gcs_death_words(gcs_death_of(fatal));
	collect_clock(c);
	c->program_died = true;
	gcs_comeback_died(&c->comeback, c->now_ns);
	collect_say(c, c->now_ns, 2, "the program died: %s%s%s%s%.60s", how, why ? ", " : "",
		    why ? why : "", fatal ? ": " : "", fatal ? fatal : "");
	if (restarts) {
		c->facts.restarts = restarts;
		collect_say(c, c->now_ns, 1, "restart %" PRIu32 " of %" PRIu32, restarts,
			    c->scenario->restarts);
	}
}

void gcs_collect_restarted(struct gcs_collect *c, int pid)
{
	collect_clock(c);
	c->pid = pid;
	gcs_comeback_restarted(&c->comeback, c->now_ns);
}

/* ---------------------------------------------------------------- ticks */

static uint64_t collect_load(const _Atomic uint64_t *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

void collect_facts(struct gcs_collect *c)
{
	uint64_t cold_ns = 0;
	for (uint32_t i = 0; i < c->scenario->nfaults; i++) {
		const struct watch_fault *shared = &c->tel->fault[i];
		struct gcs_fault_facts *f = &c->facts.fault[i];
		f->visits = collect_load(&shared->visits);
		f->eligible = collect_load(&shared->eligible);
		f->fired = collect_load(&shared->fired);
		f->masked = collect_load(&shared->masked);
		if (f->fired < c->fired[i])
			f->fired = c->fired[i];
		cold_ns += collect_load(&shared->cold_ns);
	}
	gcs_recoveries_facts(&c->recoveries, &c->facts);
	/* The records may come before or behind the line that sums them up; some may be lost. */
	c->facts.integrity_checked = c->told_checked > c->done_checked ? c->told_checked : c->done_checked;
	c->facts.integrity_errors = c->data_errors > c->done_errors ? c->data_errors : c->done_errors;
	c->facts.samples_lost = watch_lost(c->tel);
	c->facts.injector_cost = c->cpu_ns > 0 ? (double)cold_ns / (double)c->cpu_ns : 0;
}

static void collect_judge(struct gcs_collect *c, bool at_end)
{
	for (uint32_t i = 0; i < c->scenario->nslos; i++) {
		struct gcs_judge *j = &c->slo[i];
		bool was_final = j->final;
		gcs_judge_read(j, &c->facts, c->scenario, c->now_ns, at_end);
		if (j->final && j->state < 0 && !was_final)
			collect_say(c, c->now_ns, 2, "SLO %.24s failed: %.56s", j->check->id,
				    j->check->text);
		if (j->final && j->state < 0 && j->check->abort)
			c->aborted = true;
	}
	for (uint32_t i = 0; i < c->scenario->nexpects; i++)
		gcs_judge_read(&c->expect[i], &c->facts, c->scenario, c->now_ns, at_end);
}

/* Our own delays: they do not touch the target, but they say what the machine is like. */
static void collect_lateness(struct gcs_collect *c)
{
	int64_t now = collect_monotonic();
	int64_t late = c->tick_abs_ns ? now - c->tick_abs_ns - COLLECT_TICK_NS : 0;
	c->tick_abs_ns = now;
	if (c->sim || late <= c->late_max_ns)
		return;
	c->late_max_ns = late;
	if (late > COLLECT_LATE_TOLD_NS)
		collect_say(c, c->now_ns, 1, "the harness itself was held up for %.1f s",
			    (double)late / 1e9);
}

/* Tell a simulated target that this much of its time is in the books; it waits for that at interval
 * edges. */
static void collect_sampled(struct gcs_collect *c, int64_t abs_ns)
{
	/* release: our reads come before the target goes on and changes what we read; what we sent
	 * it is there */
	atomic_store_explicit(&c->tel->sampled_ns, (uint64_t)abs_ns, memory_order_release);
}

bool gcs_collect_holds(const struct gcs_collect *c)
{
	return c->sim && c->started && c->held_abs_ns > c->gone_abs_ns && !c->done && !c->exited;
}

void gcs_collect_let_go(struct gcs_collect *c)
{
	if (!gcs_collect_holds(c))
		return;
	c->gone_abs_ns = c->held_abs_ns;
	collect_sampled(c, c->gone_abs_ns);
}

/* Can what happened be told from what still happens? */
static bool collect_stands(const struct gcs_collect *c)
{
	return !c->sim || c->done || c->exited || gcs_collect_holds(c);
}

static void collect_books(struct gcs_collect *c)
{
	if (c->started)
		collect_sample(c, c->now_ns, false);
	collect_drain(c);
	collect_facts(c);
	collect_judge(c, false);
}

/* The simulated target runs on, and must find room in its rings. So many records in a tenth of a second that
 * we have none: those are handled that have a place in the order already. */
static void collect_between(struct gcs_collect *c)
{
	if (collect_drain_rings(c) || !c->started)
		return;
	c->horizon_ns = collect_rel(c, atomic_load_explicit(&c->tel->gauges.target_now_ns,
							    memory_order_acquire));
	collect_drain(c);
}

int gcs_collect_tick(struct gcs_collect *c)
{
	collect_clock(c);
	collect_lateness(c);
	if (collect_stands(c))
		collect_books(c);
	else
		collect_between(c);
	collect_view(c);
	if (c->now_ns >=
	    c->told_ns + COLLECT_TICK_NS) { /* how far the record goes, if it ends here */
		c->told_ns = c->now_ns;
		gcs_record_put(c->record, GCS_ROW_RUN_NOW, gcs_int(c->now_ns));
	}
	c->error = gcs_record_tick(c->record);
	return c->error ? c->error : c->aborted;
}

const struct gcs_snapshot *gcs_collect_snapshot(struct gcs_collect *c)
{
	return &c->snap;
}

/* ---------------------------------------------------------------- the end */

/* The window that the end cut short keeps what it holds, and is no evidence of recovery; there is
 * nothing beyond it. */
static void collect_close_rest(struct gcs_collect *c)
{
	collect_advance(c, c->ended_ns);
	while (c->intervals.nopen) {
		struct gcs_interval *i = gcs_intervals_close(&c->intervals, INT64_MAX);
		if (i->start_ns >= c->ended_ns) {
			if (i->start_ns == c->ended_ns && c->window)
				gcs_measure_merge_ops(&c->window->m,
						      &i->m); /* of its last moment */
			gcs_interval_destroy(i);
			continue;
		}
		i->m.span_ns = c->ended_ns - i->start_ns;
		i->end_ns = c->ended_ns;
		collect_close(c, i);
	}
	collect_close_cut(c, c->ended_ns);
}

/* In mid-run, of what the scenario does to it: not a guard that somebody killed. */
static bool collect_died_as_expected(const struct gcs_collect *c)
{
	bool command = gcs_scenario_runtime(c->scenario) == GCS_RUNTIME_COMMAND;
	return c->scenario->expects_death && c->crashed && c->started && !c->done &&
	       (!command || c->program_died);
}

static void collect_verdict(struct gcs_collect *c, int interrupted)
{
	bool cut = c->ended_ns < c->scenario->end_ns - c->intervals.window_ns;
	struct gcs_grounds g = {
		.scenario = c->scenario,
		.facts = &c->facts,
		.recoveries = &c->recoveries,
		.slo = c->slo,
		.expect = c->expect,
		.interrupted = interrupted,
		.harness_error = c->error,
		.started = c->started,
		.target_crashed = c->crashed,
		.died_as_expected = collect_died_as_expected(c),
		.crash_text = c->crash_text,
		.fail = c->fail,
		.fail_text = c->fail_text,
		.sim = c->sim,
		.duration_ns = c->ended_ns,
		.stall_total_ns = c->stall_total_ns,
		.resolution_ns = collect_resolution(c),
		.ended_early =
			cut && !interrupted && !c->crashed && !c->aborted && !c->error &&
			(!c->fail || c->fail == GCS_EXIT_INCONCLUSIVE),
	};
	gcs_verdict_decide(&c->verdict, &g);
}

enum gcs_exit gcs_collect_finish(struct gcs_collect *c, int interrupted)
{
	collect_clock(c);
	if (c->ended_ns < 0)
		c->ended_ns = c->now_ns;
	if (c->started)
		collect_sample(c, c->now_ns, true);
	c->horizon_ns = INT64_MAX;
	collect_drain(c);
	if (c->sim)
		collect_sampled(c, INT64_MAX); /* nobody looks any more */
	collect_close_rest(c);
	gcs_recoveries_finish(&c->recoveries, c->ended_ns);
	collect_facts(c);
	collect_judge(c, true);
	collect_verdict(c, interrupted);
	collect_rows_end(c);
	collect_view(c);
	c->snap.state = GCS_ENDED;
	int error = gcs_record_close(c->record);
	c->record = NULL;
	if (error && !c->error) {
		c->error = error;
		collect_verdict(c, interrupted);
		collect_view(c);
	}
	return c->verdict.exit;
}

bool gcs_collect_threw(const struct gcs_collect *c)
{
	return c->verdict.threw;
}
