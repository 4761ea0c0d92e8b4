/*
 * test_playback.c: a record looked at again. A simulated run is made with its collector's last snapshot kept; what playback shows of
 * it is compared with that snapshot, and at other moments with figures asked of the record by SQL.
 */
#include "harness/measure/history.h"
#include "harness/playback/playback.h"
#include "harness/playback/player.h"
#include "harness/record/record_read.h"
#include "harness/run/run.h"
#include "harness/report/runs.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define S INT64_C(1000000000)

static char dir[128], made[192]; /* the record of the simulated run */
static struct gcs_snapshot final;  /* what a screen showed of it last */
static struct gcs_history final_history;

static const char scenario_text[] =
	"version: 1\nname: looked-at\nclock: \"03:15:00\"\nseed: 77\ntarget: {runtime: embedded, procs: 2}\n"
	"workload:\n  - {id: maps, driver: map-churn, workers: 1, rate: 4k/s, keys: 4k, key: string, value: ptr, value_bytes: 64B, mix: {insert: 50, delete: 50}}\n"
	"  - {id: slices, driver: slice-append, workers: 1, rate: 1k/s, size: \"zipf(1.2, 64B, 16KiB)\", retain: 1MiB}\n"
	"phases:\n  - {id: warmup, for: 1s, record: false}\n  - {id: steady, for: 5s}\n  - {id: storm, for: 6s}\n  - {id: heal, for: 4s}\n"
	"faults:\n  - {id: oom, point: mem/malloc, when: {phase: storm, at: 0.5s, for: 1.3s}, fire: {probability: 20%}}\n"
	"  - {id: force, point: gc/write, when: {phase: storm, at: 3s, for: 1s}, fire: {every: 200}}\n"
	"slo:\n  - {id: whole, check: \"integrity.errors == 0\"}\n  - {id: stops, check: \"pause.stw.p99 < 1s\"}\n"
	"  - {id: few, check: \"ops.errors < 3\"}\n"
	"expect:\n  - \"fault.oom.fired >= 10\"\n  - \"gc.cycles > 3\"\n"
	"recovery: {signals: [ops.errors, gc.rate], band: 2.5, window: 500ms, windows: 2, deadline: 3s}\n";

/* ---------------------------------------------------------------- the run that is looked at */

static int keep_open(void **ret_self)
{
	*ret_self = &final;
	return 0;
}
static void keep_frame(void *self, const struct gcs_snapshot *s)
{
	(void)self;
	final = *s;
	if (s->state == GCS_ENDED)
		final_history = *s->history;
}
static struct gcs_request keep_poll(void *self)
{
	(void)self;
	return (struct gcs_request){.act = GCS_DO_NOTHING};
}
static int keep_fd(void *self)
{
	(void)self;
	return -1;
}
static void keep_close(void *self)
{
	(void)self;
}
static const struct gcs_display keep = {.name = "keep", .open = keep_open, .frame = keep_frame, .poll = keep_poll, .fd = keep_fd,
					.close = keep_close};

static struct gcs_scenario *sc;

static int setup(void **state)
{
	char path[192];
	struct gcs_scenario_error error = {NULL};
	(void)state;
	if (!getenv("GCSTORM_TARGET") && getenv("GCSTORM_BUILD")) {
		char target[512];
		snprintf(target, sizeof target, "%s/gcstorm-target-sim", getenv("GCSTORM_BUILD"));
		setenv("GCSTORM_TARGET", target, 1);
	}
	snprintf(dir, sizeof dir, "%s/gcs-playback-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof path, "%s/s.yaml", dir);
	snprintf(made, sizeof made, "%s/s.gcrun", dir);
	FILE *f = fopen(path, "w");
	fputs(scenario_text, f);
	fclose(f);
	if (gcs_scenario_load(&sc, path, NULL, 0, &error)) {
		fputs(error.text ? error.text : "?", stderr);
		return -1;
	}
	struct gcs_run_result result;
	struct gcs_run_options opt = {.scenario = sc, .sim = true, .display = &keep, .record = made, .format = "text",
				      .command_line = "test", .quiet = true};
	gcs_run(&opt, &result);
	return result.record[0] && access(made, F_OK) == 0 ? 0 : -1;
}

static int teardown(void **state)
{
	char line[256];
	(void)state;
	gcs_scenario_destroy(sc);
	snprintf(line, sizeof line, "rm -rf '%s'", dir);
	return system(line);
}

/* ---------------------------------------------------------------- SQL beside it */

static double ask(const char *path, const char *fmt, ...)
{
	char sql[512], *text = NULL;
	sqlite3 *db;
	sqlite3_stmt *q;
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(sql, sizeof sql, fmt, ap);
	va_end(ap);
	assert_int_equal(gcs_record_read(path, &db, &text), 0);
	if (sqlite3_prepare_v2(db, sql, -1, &q, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	assert_int_equal(sqlite3_step(q), SQLITE_ROW);
	double v = sqlite3_column_double(q, 0);
	sqlite3_finalize(q);
	sqlite3_close(db);
	return v;
}

static void change(const char *path, const char *sql)
{
	sqlite3 *db;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	sqlite3_close(db);
}

static void copy_record(char to[192], const char *name)
{
	char buf[65536];
	snprintf(to, 192, "%s/%s", dir, name);
	FILE *in = fopen(made, "r"), *out = fopen(to, "w");
	assert_non_null(in);
	assert_non_null(out);
	for (size_t n; (n = fread(buf, 1, sizeof buf, in)) > 0;)
		assert_int_equal(fwrite(buf, 1, n, out), n);
	fclose(in);
	assert_int_equal(fclose(out), 0);
}

static struct gcs_playback *must_open(const char *path)
{
	struct gcs_playback *p = NULL;
	char *text = NULL;
	int e = gcs_playback_open(&p, path, &text);
	if (e)
		fail_msg("%s: %d %s", path, e, text ? text : "");
	return p;
}

/* ---------------------------------------------------------------- against the screen's last picture */

static void same_pcts(const struct gcs_pcts *a, const struct gcs_pcts *b)
{
	assert_int_equal(a->count, b->count);
	assert_int_equal(a->p50_ns, b->p50_ns);
	assert_int_equal(a->p99_ns, b->p99_ns);
	assert_int_equal(a->p999_ns, b->p999_ns);
	assert_int_equal(a->max_ns, b->max_ns);
}

static void same_faults(const struct gcs_snapshot *a, const struct gcs_snapshot *b)
{
	for (uint32_t i = 0; i < sc->nfaults; i++) {
		assert_string_equal(a->fault[i].id, b->fault[i].id);
		assert_string_equal(a->fault[i].point, b->fault[i].point);
		assert_int_equal(a->fault[i].armed, b->fault[i].armed);
		assert_int_equal(a->fault[i].fired, b->fault[i].fired);
		assert_int_equal(a->fault[i].visits, b->fault[i].visits);
		assert_int_equal(a->fault[i].occurrence, b->fault[i].occurrence);
		assert_int_equal(a->fault[i].next_edge_ns, b->fault[i].next_edge_ns);
		assert_int_equal(a->fault[i].limit_ns, b->fault[i].limit_ns);
		assert_int_equal(a->fault[i].times, b->fault[i].times);
	}
	assert_int_equal(a->nrecs, b->nrecs);
	for (uint32_t i = 0; i < a->nrecs; i++) {
		const struct gcs_rec_view *x = &a->rec[i], *y = &b->rec[i];
		assert_int_equal(x->fault, y->fault);
		assert_int_equal(x->occurrence, y->occurrence);
		assert_int_equal(x->state, y->state);
		assert_int_equal(x->recovery_ns, y->recovery_ns);
		assert_int_equal(x->start_ns, y->start_ns);
		assert_int_equal(x->end_ns, y->end_ns);
		assert_int_equal(x->overlapped, y->overlapped);
		assert_int_equal(x->nsignals, y->nsignals);
		for (uint32_t k = 0; k < x->nsignals; k++) {
			assert_string_equal(x->signal[k].name, y->signal[k].name);
			assert_int_equal(x->signal[k].left, y->signal[k].left);
			assert_true(!x->signal[k].left || x->signal[k].recovery_ns == y->signal[k].recovery_ns);
			assert_true(x->signal[k].peak_ratio == y->signal[k].peak_ratio);
		}
	}
}

/* Scheduler, maps, and who was held up. */
static void same_looks(const struct gcs_snapshot *a, const struct gcs_snapshot *b)
{
	assert_true(a->sched.at_ns > 0 && a->sched.nps == 2 && a->sched.threads > 2);
	assert_memory_equal(&a->sched, &b->sched, sizeof a->sched);
	assert_int_equal(a->nmaps, 1);
	assert_int_equal(b->nmaps, 1);
	assert_int_equal(a->map[0].kind, GCS_MAP_CLASSIC);
	assert_true(a->map[0].count > 3000 && a->map[0].grown >= a->map[0].b && a->map[0].b == b->map[0].b);
	assert_int_equal(a->map[0].count, b->map[0].count);
	assert_int_equal(a->map[0].grown, b->map[0].grown);
	assert_int_equal(a->map[0].bytes, b->map[0].bytes);
	assert_true(a->nstalls > 0);
	assert_int_equal(a->nstalls, b->nstalls);
	for (uint32_t i = 0; i < a->nstalls; i++)
		assert_memory_equal(&a->stall[i], &b->stall[i], sizeof a->stall[i]);
}

static void test_the_end_is_what_the_screen_showed(void **state)
{
	(void)state;
	struct gcs_playback *p = must_open(made);
	const struct gcs_snapshot *s = gcs_playback_at(p, INT64_MAX);
	assert_int_equal(s->state, GCS_ENDED);
	assert_int_equal(final.state, GCS_ENDED);
	assert_string_equal(s->headline, final.headline);
	assert_string_equal(s->run_id, final.run_id);
	assert_true(s->sim && s->playback.active && s->playback.finished && !s->playback.live);
	assert_int_equal(s->end_ns, final.end_ns);
	same_pcts(&s->stw_total, &final.stw_total);
	same_pcts(&s->stw_now, &final.stw_now);
	same_pcts(&s->stopping_total, &final.stopping_total);
	assert_true(s->stw_steady.count > 0 && s->stw_steady.count < s->stw_total.count);
	same_pcts(&s->stw_steady, &final.stw_steady);
	same_pcts(&s->stopping_steady, &final.stopping_steady);
	same_pcts(&s->assist_steady, &final.assist_steady);
	same_pcts(&s->wake_steady, &final.wake_steady);
	same_pcts(&s->assist_total, &final.assist_total);
	same_pcts(&s->assist_now, &final.assist_now);
	assert_int_equal(s->gc_forced, final.gc_forced);
	assert_int_equal(s->gc_cycle, final.gc_cycle);
	assert_int_equal(s->stw_last_stopped_ns, final.stw_last_stopped_ns);
	assert_true(s->gc_cpu == final.gc_cpu && s->stw_share == final.stw_share);
	assert_true(s->ops_rate == final.ops_rate && s->ops_rate_baseline == final.ops_rate_baseline);
	for (uint32_t i = 0; i < sc->nworkloads; i++) {
		assert_string_equal(s->work[i].id, final.work[i].id);
		assert_int_equal(s->work[i].ops, final.work[i].ops);
		assert_int_equal(s->work[i].errors, final.work[i].errors);
		assert_int_equal(s->work[i].p99_now_ns, final.work[i].p99_now_ns);
		same_pcts(&s->work[i].total, &final.work[i].total);
	}
	same_faults(s, &final);
	assert_int_equal(s->nslos, final.nslos);
	for (uint32_t i = 0; i < s->nslos; i++) {
		assert_string_equal(s->slo[i].text, final.slo[i].text);
		assert_int_equal(s->slo[i].state, final.slo[i].state);
		assert_string_equal(s->slo[i].shown, final.slo[i].shown);
	}
	assert_int_equal(s->nevents, final.nevents);
	for (uint32_t i = 0; i < s->nevents; i++)
		assert_string_equal(s->event[i].text, final.event[i].text);
	same_looks(s, &final);
	assert_int_equal(s->integrity_checked, final.integrity_checked);
	assert_int_equal(s->resolution_ns, final.resolution_ns);
	gcs_playback_close(p);
}

static void test_the_strip_is_what_the_screen_showed(void **state)
{
	(void)state;
	struct gcs_playback *p = must_open(made);
	const struct gcs_snapshot *s = gcs_playback_at(p, INT64_MAX);
	assert_int_equal(s->cell_ns, final.cell_ns);
	uint32_t n = s->ncells < final.ncells ? s->ncells : final.ncells;
	assert_true(n > 100 && s->ncells - n <= 1 && final.ncells - n <= 1);
	for (uint32_t i = 0; i + 1 < n; i++) {
		const struct gcs_cell *a = &s->cell[i], *b = &final.cell[i];
		/* so short a run has a row for every pause */
		assert_int_equal(a->stw_max_ns, b->stw_max_ns);
		assert_int_equal(a->stopping_max_ns, b->stopping_max_ns);
		assert_int_equal(a->stw_count, b->stw_count);
		assert_int_equal(a->assist_max_ns, b->assist_max_ns);
		assert_int_equal(a->faults_fired, b->faults_fired);
		assert_int_equal(a->fires, b->fires);
		assert_int_equal(a->gc_count, b->gc_count);
		assert_int_equal(a->runq_max, b->runq_max);
		assert_int_equal(a->maps_growing, b->maps_growing);
		/* an edge falls into both cells that it parts, or one */
		assert_int_equal(a->faults_armed | b->faults_armed, a->faults_armed);
	}
	gcs_playback_close(p);
}

/* Item by item: what the run's screen had of it is what is read from its record. */
static void test_the_history_is_what_the_screen_had(void **state)
{
	(void)state;
	struct gcs_playback *p = must_open(made);
	const struct gcs_history *a = gcs_playback_at(p, 0)->history, *b = &final_history; /* all of it, wherever one looks */
	assert_memory_equal(&a->heat, &b->heat, sizeof a->heat);
	assert_true(a->heat.ncols > 20);
	assert_int_equal(a->npauses, b->npauses);
	assert_int_equal(a->npauses, (int)ask(made, "SELECT count(*) FROM pauses WHERE phase >= 0"));
	int due = 0;
	for (uint32_t i = 0; i < a->npauses; i++) {
		const struct gcs_pause_row *x = &a->pause[i], *y = &b->pause[i];
		assert_int_equal(x->t_ns, y->t_ns);
		assert_int_equal(x->dur_ns, y->dur_ns);
		assert_int_equal(x->stopping_ns, y->stopping_ns);
		assert_int_equal(x->firing, y->firing);
		assert_int_equal(x->cycle, y->cycle);
		assert_int_equal(x->kind, y->kind);
		assert_int_equal(x->occurrence, y->occurrence);
		due += x->occurrence > 0;
	}
	assert_true(due > 0);
	assert_int_equal(a->ncycles, b->ncycles);
	assert_true(a->ncycles > 3);
	for (uint32_t i = 0; i < a->ncycles; i++)
		assert_memory_equal(&a->cycle[i], &b->cycle[i], sizeof a->cycle[i]);
	assert_int_equal(a->nfirings, b->nfirings);
	assert_int_equal(a->nfirings, (int)ask(made, "SELECT count(*) FROM firings"));
	for (uint32_t i = 0; i < a->nfirings; i++)
		assert_memory_equal(&a->firing[i], &b->firing[i], sizeof a->firing[i]);
	assert_int_equal(a->noccs, b->noccs);
	assert_int_equal(a->noccs, 2);
	for (uint32_t i = 0; i < a->noccs; i++) {
		const struct gcs_occ_row *x = &a->occ[i], *y = &b->occ[i];
		assert_int_equal(x->fault, y->fault);
		assert_int_equal(x->state, y->state);
		assert_int_equal(x->start_ns, y->start_ns);
		assert_int_equal(x->end_ns, y->end_ns);
		assert_int_equal(x->steady_ns, y->steady_ns);
		assert_int_equal(x->recovery_ns, y->recovery_ns);
		assert_int_equal(gcs_history_clock(a, x), gcs_history_clock(b, y));
	}
	assert_int_equal(a->nevents, b->nevents);
	for (uint32_t i = 0; i < a->nevents; i++) {
		assert_int_equal(a->event[i].t_ns, b->event[i].t_ns);
		assert_int_equal(a->event[i].level, b->event[i].level);
		assert_string_equal(a->event[i].text, b->event[i].text);
	}
	assert_int_equal(a->cell_ns, b->cell_ns);
	gcs_playback_close(p);
}

/* A pause belongs to the occurrence that had begun when the pause did, not to one that came later. */
static void test_pauses_know_their_occurrence(void **state)
{
	(void)state;
	char path[192];
	copy_record(path, "again.gcrun");
	change(path, "INSERT INTO occurrences SELECT fault, seq + 100, number + 1, start_ns + 300000000, first_fired_ns, end_ns, degraded_ns, steady_ns,"
		     " recovery_ns, fired, overlapped, by_operator, state FROM occurrences WHERE fault=1");
	int64_t start_ns = (int64_t)ask(path, "SELECT max(start_ns) FROM occurrences WHERE fault=1");
	struct gcs_playback *p = must_open(path);
	const struct gcs_history *h = gcs_playback_at(p, 0)->history;
	int first = 0, second = 0;
	for (uint32_t i = 0; i < h->npauses; i++) {
		if (h->pause[i].firing >> 48 != 2)
			continue;
		bool later = h->pause[i].t_ns - h->pause[i].dur_ns >= start_ns;
		assert_int_equal(h->pause[i].occurrence, later ? 2 : 1);
		first += !later;
		second += later;
	}
	assert_true(first > 0 && second > 0);
	gcs_playback_close(p);
}

/* The counts of the map are those of the record's histograms. */
static void test_the_heat_is_what_was_recorded(void **state)
{
	static const char *const series[] = {[GCS_HEAT_STW] = "pause.stw", [GCS_HEAT_STOPPING] = "pause.stopping",
					     [GCS_HEAT_ASSIST] = "assist", [GCS_HEAT_WAKE] = "wake.lag"};
	(void)state;
	struct gcs_playback *p = must_open(made);
	const struct gcs_heat *heat = &gcs_playback_at(p, 0)->history->heat;
	for (int kind = 0; kind < GCS_HEAT_KINDS; kind++) {
		uint64_t n = 0;
		for (uint32_t col = 0; col < heat->ncols; col++)
			for (int row = 0; row < GCS_HEAT_ROWS; row++)
				n += heat->count[kind][col][row];
		if (kind == GCS_HEAT_OP)
			assert_true(n > 1000);
		else
			assert_int_equal(n, (int)ask(made, "SELECT coalesce(sum(h.count), 0) FROM interval_hists h JOIN intervals i ON i.idx=h.interval "
							   "WHERE series='%s' AND i.start_ns < 16000000000", series[kind]));
	}
	gcs_playback_close(p);
}

/* ---------------------------------------------------------------- against the record */

static void at_moment(struct gcs_playback *p, int64_t t_ns)
{
	const struct gcs_snapshot *s = gcs_playback_at(p, t_ns);
	long long t = (long long)t_ns;
	assert_int_equal(s->now_ns, t_ns);
	assert_int_equal(s->phase, (int)ask(made, "SELECT coalesce((SELECT idx FROM phases WHERE start_ns <= %lld AND end_ns > %lld), -1)", t, t));
	for (uint32_t f = 0; f < sc->nfaults; f++) {
		assert_int_equal(s->fault[f].armed, (int)ask(made, "SELECT count(*) FROM occurrences WHERE fault=%u AND start_ns <= %lld AND end_ns > %lld", f, t, t));
		assert_int_equal(s->fault[f].fired, (int)ask(made, "SELECT count(*) FROM firings WHERE fault=%u AND t_ns <= %lld", f, t));
		assert_false(s->fault[f].fired_least);
	}
	assert_int_equal(s->nevents, (int)ask(made, "SELECT count(*) FROM events WHERE t_ns <= %lld", t));
	assert_int_equal(s->nrecs, (int)ask(made, "SELECT count(*) FROM occurrences WHERE start_ns <= %lld", t));
	assert_int_equal(s->gc_cycle, (int)ask(made, "SELECT coalesce(max(cycle), 0) FROM gc_cycles WHERE start_ns <= %lld", t));
	assert_int_equal(s->stw_total.count, (int)ask(made, "SELECT coalesce(sum(h.count), 0) FROM interval_hists h JOIN intervals i ON i.idx=h.interval "
							     "WHERE series='pause.stw' AND i.end_ns <= %lld", t));
	assert_int_equal(s->stw_total.max_ns, (int64_t)ask(made, "SELECT coalesce(max(h.max_ns), 0) FROM interval_hists h JOIN intervals i ON i.idx=h.interval "
								"WHERE series='pause.stw' AND i.end_ns <= %lld", t));
	assert_int_equal(s->stw_steady.count, (int)ask(made, "SELECT coalesce(sum(h.count), 0) FROM interval_hists h JOIN intervals i ON i.idx=h.interval "
							      "JOIN phases p ON p.idx=i.phase WHERE p.record AND series='pause.stw' AND i.end_ns <= %lld "
							      "AND i.end_ns <= (SELECT min(start_ns) FROM occurrences)", t));
	assert_int_equal(s->work[0].ops, (int64_t)ask(made, "SELECT coalesce(sum(o.count), 0) FROM interval_ops o JOIN intervals i ON i.idx=o.interval "
							   "WHERE workload=0 AND i.end_ns <= %lld", t));
	assert_int_equal(s->stw_now.count, (int)ask(made, "SELECT coalesce(sum(h.count), 0) FROM interval_hists h JOIN intervals i ON i.idx=h.interval "
							   "WHERE series='pause.stw' AND i.end_ns <= %lld AND i.end_ns > %lld - %lld", t,
						    (long long)(t_ns / (S / 2) * (S / 2)), (long long)(10 * S)));
	for (uint32_t i = 0; i < s->ncells; i++)
		assert_true((int64_t)i * s->cell_ns <= t_ns);
}

static void test_moments_are_as_recorded(void **state)
{
	(void)state;
	struct gcs_playback *p = must_open(made);
	int64_t end_ns = gcs_playback_end(p);
	assert_int_equal(end_ns, (int64_t)ask(made, "SELECT end_ns FROM run"));
	/* forwards, backwards and here and there: sums along the way must not depend on it */
	for (int64_t t = 0; t < end_ns; t += 700000000)
		at_moment(p, t);
	for (int64_t t = end_ns - 1; t > 0; t -= 1300000000)
		at_moment(p, t);
	for (int i = 0; i < 20; i++)
		at_moment(p, (int64_t)i * 7919 * 1000003 % end_ns);
	gcs_playback_close(p);
}

static void test_states_over_time(void **state)
{
	(void)state;
	struct gcs_playback *p = must_open(made);
	int64_t start_ns = (int64_t)ask(made, "SELECT start_ns FROM occurrences WHERE fault=0"),
		end_ns = (int64_t)ask(made, "SELECT end_ns FROM occurrences WHERE fault=0"),
		steady_ns = (int64_t)ask(made, "SELECT steady_ns FROM occurrences WHERE fault=0");
	assert_true(steady_ns > end_ns);
	assert_int_equal(gcs_playback_at(p, S / 2)->state, GCS_WARMING);
	assert_int_equal(gcs_playback_at(p, 3 * S)->state, GCS_STEADY);
	assert_int_equal(gcs_playback_at(p, start_ns - 1)->nrecs, 0);
	const struct gcs_snapshot *s = gcs_playback_at(p, start_ns);
	assert_int_equal(s->state, GCS_FAULTING);
	assert_int_equal(s->rec[0].state, GCS_REC_ARMED);
	assert_int_equal(s->rec[0].recovery_ns, -1);
	s = gcs_playback_at(p, end_ns - 1);
	assert_int_equal(s->rec[0].state, GCS_REC_DEGRADED);
	assert_true(s->rec[0].signal[0].left);
	double peak = s->rec[0].signal[0].peak_ratio;
	s = gcs_playback_at(p, end_ns);
	assert_int_equal(s->state, GCS_RECOVERING);
	assert_int_equal(s->rec[0].state, GCS_REC_RECOVERING);
	s = gcs_playback_at(p, steady_ns);
	assert_int_equal(s->rec[0].state, GCS_REC_STEADY);
	assert_int_equal(s->rec[0].recovery_ns, (int64_t)ask(made, "SELECT recovery_ns FROM occurrences WHERE fault=0"));
	assert_true(peak > 0 && peak <= s->rec[0].signal[0].peak_ratio);
	gcs_playback_close(p);
}

/* few: failed_ns says when; before, it held. */
static void test_checks_over_time(void **state)
{
	(void)state;
	struct gcs_playback *p = must_open(made);
	int64_t failed_ns = (int64_t)ask(made, "SELECT failed_ns FROM slo WHERE id='few'");
	assert_true(failed_ns > 6 * S);
	const struct gcs_snapshot *s = gcs_playback_at(p, 0);
	assert_int_equal(s->slo[1].state, 0);
	assert_string_equal(s->slo[1].shown, "-");
	s = gcs_playback_at(p, 4 * S);
	assert_int_equal(s->slo[1].state, 1);
	assert_int_equal(s->slo[2].state, 1);
	assert_int_equal(s->slo[3].state, 0); /* fault.oom.fired >= 10: not yet */
	assert_non_null(strstr(s->headline, "All SLOs hold"));
	s = gcs_playback_at(p, failed_ns);
	assert_int_equal(s->slo[2].state, -1);
	assert_non_null(strstr(s->headline, "few"));
	assert_int_equal(gcs_playback_at(p, failed_ns + 2 * S)->slo[3].state, 1);
	gcs_playback_close(p);
}

/* ---------------------------------------------------------------- finding */

static void test_edges_and_windows(void **state)
{
	(void)state;
	char text[112];
	struct gcs_playback *p = must_open(made);
	int64_t t = gcs_playback_edge(p, 0, true, text, sizeof text);
	assert_int_equal(t, (int64_t)ask(made, "SELECT min(start_ns) FROM occurrences"));
	assert_int_equal(t, sc->fault[0].window[0].start_ns);
	assert_non_null(strstr(text, "oom#1 armed"));
	t = gcs_playback_edge(p, t, true, text, sizeof text);
	assert_int_equal(t, (int64_t)ask(made, "SELECT min(end_ns) FROM occurrences"));
	assert_non_null(strstr(text, "oom#1 disarmed"));
	assert_int_equal(gcs_playback_edge(p, t, false, text, sizeof text), sc->fault[0].window[0].start_ns);
	assert_int_equal(gcs_playback_edge(p, gcs_playback_end(p), true, text, sizeof text), -1);
	assert_int_equal(gcs_playback_edge(p, 0, false, text, sizeof text), -1);
	assert_int_equal(gcs_playback_window(p, 0, true), S / 2);
	assert_int_equal(gcs_playback_window(p, S / 2, true), S);
	assert_int_equal(gcs_playback_window(p, S, false), S / 2);
	assert_int_equal(gcs_playback_window(p, S + 1, false), S);
	assert_int_equal(gcs_playback_window(p, S / 2, false), 0);
	assert_int_equal(gcs_playback_window(p, gcs_playback_end(p), true), gcs_playback_end(p));
	gcs_playback_close(p);
}

static void test_the_worst(void **state)
{
	(void)state;
	char text[112];
	struct gcs_playback *p = must_open(made);
	for (int rank = 0; rank < 5; rank++) {
		int64_t t = gcs_playback_worst(p, GCS_WORST_STW, (uint32_t)rank, text, sizeof text);
		assert_int_equal(t, (int64_t)ask(made, "SELECT t_ns FROM pauses WHERE kind='stw' AND phase >= 0 ORDER BY dur_ns DESC, t_ns LIMIT 1 OFFSET %d", rank));
		assert_non_null(strstr(text, "STW"));
		t = gcs_playback_worst(p, GCS_WORST_ANY, (uint32_t)rank, text, sizeof text);
		assert_int_equal(t, (int64_t)ask(made, "SELECT t_ns FROM pauses WHERE phase >= 0 ORDER BY dur_ns DESC, t_ns LIMIT 1 OFFSET %d", rank));
		t = gcs_playback_worst(p, GCS_WORST_STOPPING, (uint32_t)rank, text, sizeof text);
		assert_int_equal(t, (int64_t)ask(made, "SELECT t_ns FROM pauses WHERE kind='stw' AND phase >= 0 ORDER BY stopping_ns DESC, t_ns LIMIT 1 OFFSET %d", rank));
	}
	int64_t t = gcs_playback_worst(p, GCS_WORST_OP, 0, text, sizeof text);
	assert_int_equal(t, (int64_t)ask(made, "SELECT i.end_ns FROM interval_ops o JOIN intervals i ON i.idx=o.interval ORDER BY p99_ns DESC, i.idx LIMIT 1"));
	assert_int_equal(gcs_playback_worst(p, GCS_WORST_STW, 1000000, text, sizeof text), -1);
	/* a stop that a forced collection brought is due to its firing */
	int64_t due_ns = (int64_t)ask(made, "SELECT max(dur_ns) FROM pauses WHERE kind='stw' AND firing IS NOT NULL AND phase >= 0");
	uint32_t rank = (uint32_t)ask(made, "SELECT count(*) FROM pauses WHERE kind='stw' AND phase >= 0 AND dur_ns > %lld", (long long)due_ns);
	bool named = false;
	for (uint32_t i = 0; i < 20 && !named; i++)
		named = gcs_playback_worst(p, GCS_WORST_STW, rank + i, text, sizeof text) >= 0 && strstr(text, "due to force#1");
	if (!named)
		fail_msg("no stop of rank %u and below is due to force#1: %s", rank, text);
	gcs_playback_close(p);
}

/* ---------------------------------------------------------------- records that are not whole */

/* What kill -9 leaves: no verdict, no checks, an occurrence that goes on. */
static void cut_record(const char *path)
{
	change(path, "DELETE FROM verdict; DELETE FROM slo; DELETE FROM expect; DELETE FROM reasons; UPDATE run SET end_ns=NULL, pid=0, now_ns=9000000000;"
		     "DELETE FROM intervals WHERE end_ns > 9000000000; DELETE FROM interval_hists WHERE interval >= 18; DELETE FROM interval_ops WHERE interval >= 18;"
		     "DELETE FROM events WHERE t_ns > 9000000000; DELETE FROM pauses WHERE t_ns > 9000000000; DELETE FROM firings WHERE t_ns > 9000000000;"
		     "DELETE FROM occurrences WHERE start_ns > 8000000000; DELETE FROM occurrence_signals WHERE seq > 0;");
	struct timespec old[2] = {{1000000000, 0}, {1000000000, 0}};
	assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0); /* nobody writes it */
}

static void test_unfinished(void **state)
{
	(void)state;
	char path[192];
	copy_record(path, "cut.gcrun");
	cut_record(path);
	struct gcs_playback *p = must_open(path);
	assert_false(gcs_playback_finished(p));
	assert_false(gcs_playback_live(p));
	assert_int_equal(gcs_playback_end(p), 9 * S);
	const struct gcs_snapshot *s = gcs_playback_at(p, INT64_MAX);
	assert_int_equal(s->state, GCS_ENDED);
	assert_non_null(strstr(s->headline, "UNFINISHED"));
	assert_int_equal(s->slo[1].state, 1); /* as it stood */
	assert_int_equal(s->slo[2].state, -1);
	gcs_playback_close(p);
}

static void test_it_grows(void **state)
{
	(void)state;
	char path[192];
	copy_record(path, "grow.gcrun");
	cut_record(path);
	/* the last collection that is over is not swept yet */
	change(path, "UPDATE gc_cycles SET sweep_end_ns=NULL WHERE cycle=(SELECT max(cycle) FROM gc_cycles WHERE end_ns IS NOT NULL AND heap_end > 0)");
	struct gcs_playback *p = must_open(path);
	assert_int_equal(gcs_playback_refresh(p), 0);
	change(path, "INSERT INTO intervals SELECT 18, 9000000000, 9500000000, phase, armed, fires, heap_live_min, heap_live_max, heap_marked, heap_goal, rss,"
		     " gc_cycles, gc_forced, gc_cpu_ns, cpu_ns, assist_ns, run_delay_ns, steal_ns, stall_ns, coarse FROM intervals WHERE idx=17;"
		     "INSERT INTO interval_hists SELECT 18, series, count, max_ns, hist FROM interval_hists WHERE interval=17;"
		     "UPDATE gc_cycles SET sweep_end_ns=end_ns + 5 WHERE cycle=(SELECT max(cycle) FROM gc_cycles WHERE end_ns IS NOT NULL AND heap_end > 0);"
		     "INSERT INTO events VALUES(9400000000, 1, 'grown'); UPDATE run SET now_ns=9500000000;");
	struct gcs_snapshot *s = gcs_playback_at(p, INT64_MAX);
	uint64_t before = s->stw_total.count;
	assert_int_equal(gcs_playback_refresh(p), 1);
	assert_true(gcs_playback_live(p)); /* it has just grown */
	s = gcs_playback_at(p, INT64_MAX);
	assert_int_equal(s->now_ns, 9 * S + S / 2);
	assert_int_equal(s->stw_total.count, before + (uint64_t)ask(path, "SELECT coalesce(sum(count), 0) FROM interval_hists WHERE interval=17 AND series='pause.stw'"));
	assert_string_equal(s->event[s->nevents - 1].text, "grown");
	/* read in two steps or in one: the same */
	struct gcs_playback *q = must_open(path);
	const struct gcs_snapshot *whole = gcs_playback_at(q, INT64_MAX);
	same_pcts(&s->stw_total, &whole->stw_total);
	for (uint32_t i = 0; i < s->nslos; i++)
		assert_string_equal(s->slo[i].shown, whole->slo[i].shown);
	for (uint32_t i = 0; i < s->ncells; i++)
		assert_memory_equal(&s->cell[i], &whole->cell[i], sizeof s->cell[i]);
	assert_memory_equal(&s->history->heat, &whole->history->heat, sizeof s->history->heat);
	assert_int_equal(s->history->npauses, whole->history->npauses);
	assert_int_equal(s->history->ncycles, whole->history->ncycles);
	for (uint32_t i = 0; i < s->history->ncycles; i++)
		assert_memory_equal(&s->history->cycle[i], &whole->history->cycle[i], sizeof s->history->cycle[i]);
	gcs_playback_close(q);
	change(path, "INSERT INTO verdict VALUES(0, 'PASS', 'it ended'); UPDATE run SET end_ns=9500000000");
	assert_int_equal(gcs_playback_refresh(p), 1);
	assert_true(gcs_playback_finished(p));
	assert_string_equal(gcs_playback_at(p, INT64_MAX)->headline, "PASS: it ended.");
	gcs_playback_close(p);
}

static void refused(const char *path, int error, const char *says)
{
	struct gcs_playback *p = NULL;
	char *text = NULL;
	assert_int_equal(gcs_playback_open(&p, path, &text), error);
	assert_null(p);
	assert_non_null(text);
	if (!strstr(text, says))
		fail_msg("'%s' does not say '%s'", text, says);
	free(text);
}

static void test_foreign_and_damaged(void **state)
{
	(void)state;
	char path[192];
	snprintf(path, sizeof path, "%s/none.gcrun", dir);
	refused(path, -ENOENT, "cannot open");
	snprintf(path, sizeof path, "%s/s.yaml", dir);
	refused(path, -EINVAL, "not a record");
	copy_record(path, "newer.gcrun");
	change(path, "PRAGMA user_version=99");
	refused(path, -EINVAL, "version 99");
	copy_record(path, "lacks.gcrun");
	change(path, "DROP TABLE intervals");
	refused(path, -EIO, "damaged");
	copy_record(path, "scenario.gcrun");
	change(path, "UPDATE scenario SET resolved='{'");
	refused(path, -EIO, "scenario cannot be read");
	copy_record(path, "torn.gcrun");
	assert_int_equal(truncate(path, 20000), 0);
	struct gcs_playback *p = NULL;
	char *text = NULL;
	assert_int_not_equal(gcs_playback_open(&p, path, &text), 0);
	free(text);
}

/* Bytes changed anywhere: an error or a picture, never worse; and never a changed file. */
static void test_broken_bytes(void **state)
{
	(void)state;
	const char *given = getenv("GCS_TEST_SEED");
	unsigned seed = given ? (unsigned)strtoul(given, NULL, 0) : (unsigned)getpid();
	print_message("seed %u\n", seed);
	srand(seed);
	for (int round = 0; round < 25; round++) {
		char path[192], *text = NULL, worst[112];
		struct gcs_playback *p = NULL;
		copy_record(path, "bytes.gcrun");
		FILE *f = fopen(path, "r+");
		fseek(f, 0, SEEK_END);
		long size = ftell(f);
		for (int i = 0; i < 30; i++) {
			fseek(f, 100 + rand() % (size - 100), SEEK_SET);
			fputc(rand() & 0xff, f);
		}
		fclose(f);
		if (gcs_playback_open(&p, path, &text) == 0) {
			for (int i = 0; i < 10; i++)
				gcs_playback_at(p, (int64_t)rand() * 8);
			gcs_playback_worst(p, GCS_WORST_ANY, 0, worst, sizeof worst);
			gcs_playback_close(p);
		}
		free(text);
	}
}

static void test_newer_scenarios(void **state)
{
	(void)state;
	struct gcs_scenario *s = NULL;
	assert_int_equal(gcs_scenario_of_json("[]", &s), -EPROTO);
	assert_int_equal(gcs_scenario_of_json("nonsense", &s), -EPROTO);
	assert_int_equal(gcs_scenario_of_json("{\"name\": \"x\", \"later\": {\"a\": 1}, \"faults\": [{\"id\": \"f\", \"point\": \"new/point\", \"action\": 3}],"
					      "\"slo\": [7], \"phases\": {}}", &s), 0);
	assert_string_equal(s->name, "x");
	assert_int_equal(s->nfaults, 1);
	assert_string_equal(s->fault[0].point, "?");
	assert_int_equal(s->nphases, 0);
	gcs_scenario_destroy(s);
	char *text = gcs_scenario_json(sc);
	assert_int_equal(gcs_scenario_of_json(text, &s), 0);
	char *again = gcs_scenario_json(s);
	assert_int_equal(s->nphases, sc->nphases);
	assert_int_equal(s->fault[1].window[0].end_ns, sc->fault[1].window[0].end_ns);
	assert_string_equal(s->slo[2].text, sc->slo[2].text);
	assert_string_equal(s->recovery.signal[1], sc->recovery.signal[1]);
	char clock[16], same[16];
	assert_true(gcs_scenario_clock(s, 7 * S, clock) && gcs_scenario_clock(sc, 7 * S, same));
	assert_string_equal(clock, same);
	assert_string_equal(clock, "03:15:07");
	free(again);
	free(text);
	gcs_scenario_destroy(s);
}

/* ---------------------------------------------------------------- the player */

static const struct gcs_snapshot *order(struct gcs_player *pl, enum gcs_act act, int64_t by_ns)
{
	gcs_player_do(pl, (struct gcs_request){.act = act, .by_ns = by_ns});
	return gcs_player_snapshot(pl);
}

static void test_player(void **state)
{
	(void)state;
	struct gcs_playback *p = must_open(made);
	struct gcs_player *pl = gcs_player_create(p, false);
	int64_t end_ns = gcs_playback_end(p);
	const struct gcs_snapshot *s = gcs_player_snapshot(pl);
	assert_int_equal(s->now_ns, end_ns);
	assert_true(s->playback.paused && !s->playback.following);
	assert_int_equal(gcs_player_wait(pl), -1);
	assert_int_equal(order(pl, GCS_DO_SEEK, -S)->now_ns, end_ns - S);
	assert_int_equal(order(pl, GCS_DO_SEEK, 10 * S)->now_ns, end_ns);
	assert_int_equal(order(pl, GCS_DO_HOME, 0)->now_ns, 0);
	assert_int_equal(order(pl, GCS_DO_SEEK, -10 * S)->now_ns, 0);
	assert_int_equal(order(pl, GCS_DO_WINDOW, 1)->now_ns, S / 2);
	s = order(pl, GCS_DO_PLAY, 0);
	assert_false(s->playback.paused);
	order(pl, GCS_DO_FASTER, 0);
	s = order(pl, GCS_DO_FASTER, 0);
	assert_true(s->playback.speed == 4);
	gcs_player_tick(pl, S);
	assert_int_equal(gcs_player_snapshot(pl)->now_ns, S / 2 + 4 * S);
	gcs_player_tick(pl, 1000 * S);
	s = gcs_player_snapshot(pl);
	assert_int_equal(s->now_ns, end_ns);
	assert_true(s->playback.paused);
	/* from the end it goes round, and says so */
	s = order(pl, GCS_DO_NEXT_FAULT, 0);
	assert_int_equal(s->now_ns, sc->fault[0].window[0].start_ns);
	assert_non_null(strstr(s->playback.notice, "again"));
	s = order(pl, GCS_DO_NEXT_FAULT, 0);
	assert_int_equal(s->now_ns, sc->fault[0].window[0].end_ns);
	assert_null(strstr(s->playback.notice, "again"));
	s = order(pl, GCS_DO_WORST_PAUSE, 0);
	int64_t worst_ns = s->now_ns;
	assert_non_null(strstr(s->playback.notice, "Worst: STW"));
	s = order(pl, GCS_DO_WORST_PAUSE, 0);
	assert_non_null(strstr(s->playback.notice, "2. worst"));
	order(pl, GCS_DO_HOME, 0);
	assert_int_equal(order(pl, GCS_DO_WORST_PAUSE, 0)->now_ns, worst_ns); /* the worst again */
	s = order(pl, GCS_DO_ARM, 0);
	assert_non_null(strstr(s->playback.notice, "This is a record"));
	gcs_player_tick(pl, 20 * S);
	assert_string_equal(gcs_player_snapshot(pl)->playback.notice, "");
	s = order(pl, GCS_DO_FOLLOW, 0);
	assert_false(s->playback.following);
	assert_non_null(strstr(s->playback.notice, "over"));
	gcs_player_destroy(pl);
	gcs_playback_close(p);
}

static void test_following(void **state)
{
	(void)state;
	char path[192];
	copy_record(path, "follow.gcrun");
	cut_record(path);
	assert_int_equal(utimensat(AT_FDCWD, path, NULL, 0), 0); /* written just now: it may go on */
	struct gcs_playback *p = must_open(path);
	struct gcs_player *pl = gcs_player_create(p, false);
	assert_true(gcs_player_snapshot(pl)->playback.following);
	change(path, "UPDATE run SET now_ns=9300000000");
	gcs_player_tick(pl, GCS_PLAYER_REFRESH_NS);
	assert_int_equal(gcs_player_snapshot(pl)->now_ns, 9 * S + 3 * S / 10);
	const struct gcs_snapshot *s = order(pl, GCS_DO_SEEK, -S);
	assert_false(s->playback.following);
	change(path, "UPDATE run SET now_ns=9400000000");
	gcs_player_tick(pl, GCS_PLAYER_REFRESH_NS);
	s = gcs_player_snapshot(pl);
	assert_int_equal(s->now_ns, 8 * S + 3 * S / 10); /* it stays where it was put, */
	assert_int_equal(s->playback.record_end_ns, 9 * S + 4 * S / 10); /* and knows that there is more */
	s = order(pl, GCS_DO_FOLLOW, 0);
	assert_true(s->playback.following);
	change(path, "INSERT INTO verdict VALUES(0, 'PASS', 'it ended'); UPDATE run SET end_ns=9500000000");
	gcs_player_tick(pl, GCS_PLAYER_REFRESH_NS);
	s = gcs_player_snapshot(pl);
	assert_false(s->playback.following);
	assert_int_equal(s->now_ns, 9 * S + S / 2);
	assert_non_null(strstr(s->playback.notice, "has ended"));
	assert_int_equal(s->state, GCS_ENDED);
	gcs_player_destroy(pl);
	gcs_playback_close(p);
}

static void test_reading_changes_nothing(void **state)
{
	(void)state;
	struct stat before, after;
	char log[200], worst[112];
	assert_int_equal(stat(made, &before), 0);
	struct gcs_playback *p = must_open(made);
	gcs_playback_at(p, 3 * S);
	gcs_playback_worst(p, GCS_WORST_ANY, 0, worst, sizeof worst);
	gcs_playback_close(p);
	assert_int_equal(stat(made, &after), 0);
	assert_int_equal(before.st_size, after.st_size);
	assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
	snprintf(log, sizeof log, "%s-wal", made);
	assert_int_not_equal(access(log, F_OK), 0);
}

static void test_list_of_runs(void **state)
{
	(void)state;
	char path[192], sub[192];
	struct gcs_runs r;
	snprintf(sub, sizeof sub, "%s/runs", dir);
	assert_int_equal(gcs_runs_init(&r, sub), -ENOENT);
	assert_int_equal(mkdir(sub, 0700), 0);
	copy_record(path, "runs/old.gcrun");
	cut_record(path);
	change(path, "INSERT INTO operator VALUES(5, 'ctl', 'arm', 0, '')");
	struct timespec old[2] = {{1000000000, 0}, {1000000000, 0}};
	assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
	copy_record(path, "runs/new.gcrun");
	assert_int_equal(gcs_runs_init(&r, sub), 0);
	assert_int_equal(r.n, 2);
	assert_string_equal(r.choice[0].name, "new");
	while (gcs_runs_read(&r))
		;
	assert_true(r.choice[0].read && r.choice[0].failed && r.choice[0].sim && !r.choice[0].by_hand);
	assert_string_equal(r.choice[0].name, "looked-at");
	assert_string_equal(r.choice[1].verdict, "UNFINISHED");
	assert_true(r.choice[1].unfinished && r.choice[1].by_hand);
	assert_string_equal(r.choice[1].length, "0:09");
	gcs_runs_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_end_is_what_the_screen_showed),
		cmocka_unit_test(test_the_strip_is_what_the_screen_showed),
		cmocka_unit_test(test_the_history_is_what_the_screen_had),
		cmocka_unit_test(test_the_heat_is_what_was_recorded),
		cmocka_unit_test(test_pauses_know_their_occurrence),
		cmocka_unit_test(test_moments_are_as_recorded),
		cmocka_unit_test(test_states_over_time),
		cmocka_unit_test(test_checks_over_time),
		cmocka_unit_test(test_edges_and_windows),
		cmocka_unit_test(test_the_worst),
		cmocka_unit_test(test_unfinished),
		cmocka_unit_test(test_it_grows),
		cmocka_unit_test(test_foreign_and_damaged),
		cmocka_unit_test(test_broken_bytes),
		cmocka_unit_test(test_newer_scenarios),
		cmocka_unit_test(test_player),
		cmocka_unit_test(test_following),
		cmocka_unit_test(test_reading_changes_nothing),
		cmocka_unit_test(test_list_of_runs),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
