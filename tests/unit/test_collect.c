/* test_collect.c: the collector against a played target: attribution, percentiles, occurrences,
 * strip, verdict. */
#include "tests/unit/test_run_fixture.h"

#include "harness/measure/interval.h"
#include "harness/measure/pauses.h"
#include "harness/measure/strip.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <time.h>

static uint64_t rng_state;
static uint64_t rng(void)
{
	rng_state += 0x9e3779b97f4a7c15ull;
	uint64_t z = rng_state;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

static int by_value(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

/* Percentiles, their encoding and decoding, against a sorted array. */
static void test_percentiles(void **state)
{
	(void)state;
	enum { N = 20000 };
	static uint64_t v[N];
	static struct watch_hist_sum h, back;
	struct gcs_pcts p, q;
	memset(&h, 0, sizeof(h));
	for (int i = 0; i < N; i++) {
		v[i] = rng() >> (22 + rng() % 42);
		watch_hist_sum_put(&h, v[i]);
	}
	qsort(v, N, sizeof(v[0]), by_value);
	gcs_hist_pcts(&h, &p);
	const struct {
		int64_t got;
		uint64_t want;
	} rows[] = {{p.p50_ns, v[N / 2 - 1]},
		    {p.p90_ns, v[N * 9 / 10 - 1]},
		    {p.p99_ns, v[N * 99 / 100 - 1]},
		    {p.p999_ns, v[N * 999 / 1000 - 1]},
		    {p.max_ns, v[N - 1]}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_true((uint64_t)rows[i].got >= rows[i].want);
		assert_true((double)rows[i].got <= (double)rows[i].want * 65 / 64 + 1);
	}
	unsigned char *bytes;
	size_t n = gcs_hist_encode(&h, &bytes);
	assert_non_null(bytes);
	assert_int_equal(gcs_hist_decode(&back, bytes, n), 0);
	assert_memory_equal(&h, &back, sizeof(h));
	gcs_hist_pcts(&back, &q);
	assert_memory_equal(&p, &q, sizeof(p));
	/* cut and damaged bytes are refused or at least harmless, never read out of bounds */
	for (size_t cut = 0; cut < 3; cut++)
		assert_int_not_equal(gcs_hist_decode(&back, bytes, cut), 0);
	for (int i = 0; i < 2000; i++) {
		unsigned char keep = bytes[rng() % n];
		size_t at = rng() % n;
		keep = bytes[at];
		bytes[at] = (unsigned char)rng();
		(void)gcs_hist_decode(&back, bytes, n);
		bytes[at] = keep;
	}
	free(bytes);
}

static void test_statistics(void **state)
{
	(void)state;
	double odd[] = {9, 1, 5}, even[] = {4, 1, 3, 2}, same[] = {7, 7, 7, 7},
	       wide[] = {1, 2, 3, 4, 100};
	assert_float_equal(gcs_median(odd, 3), 5, 0);
	assert_float_equal(gcs_median(even, 4), 2.5, 0);
	assert_float_equal(gcs_spread(same, 4, 7), 0, 0);
	assert_float_equal(gcs_spread(wide, 5, 3), 1.4826, 1e-9); /* the outlier moves nothing */
	assert_float_equal(gcs_median(NULL, 0), 0, 0);
}

/* Shares add up exactly, and each interval gets its overlap. */
static void test_shares(void **state)
{
	(void)state;
	struct gcs_scenario *s = fixture_scenario();
	struct gcs_intervals is;
	struct gcs_interval *i;
	uint64_t part, sum = 0, n = 0;
	gcs_intervals_init(&is, s, S_NS, 1);
	struct gcs_share share = {
		.is = &is, .from_ns = S_NS / 2, .to_ns = 4 * S_NS + S_NS / 4, .total = 1000003};
	while ((i = gcs_share_next(&share, &part))) {
		i->m.ops[0] += part;
		sum += part;
		n++;
	}
	assert_int_equal(sum, 1000003);
	assert_int_equal(n, 5);
	assert_true(is.open[0]->m.ops[0] > 133332 && is.open[0]->m.ops[0] < 133336);
	assert_true(is.open[1]->m.ops[0] > 266666 && is.open[1]->m.ops[0] < 266670);
	/* closing goes in order, one by one, and late moments land in the oldest open one */
	for (uint64_t k = 0; k < 4; k++) {
		i = gcs_intervals_close(&is, 4 * S_NS);
		assert_int_equal(i->index, k);
		gcs_interval_destroy(i);
	}
	assert_null(gcs_intervals_close(&is, 4 * S_NS));
	assert_int_equal(gcs_intervals_at(&is, 1)->index, 4);
	gcs_intervals_fini(&is);
	fixture_scenario_free(s);
}

/* Slices tile their windows without gap or overlap, whatever the lengths; a moment finds its own.
 */
static void test_slices(void **state)
{
	(void)state;
	struct gcs_scenario *s = fixture_scenario();
	const int64_t windows[] = {S_NS, 550 * MS_NS, 1234567891, 99 * MS_NS, 20 * S_NS};
	const uint32_t parts[] = {10, 5, 10, 1, 10};
	for (size_t k = 0; k < sizeof(windows) / sizeof(windows[0]); k++) {
		struct gcs_intervals is;
		assert_int_equal(gcs_intervals_parts(windows[k]), parts[k]);
		gcs_intervals_init(&is, s, windows[k], parts[k]);
		int64_t end_ns = 0;
		for (uint64_t n = 0; n < 3 * parts[k]; n++) {
			struct gcs_interval *i = gcs_intervals_at(&is, end_ns);
			assert_int_equal(i->index, n);
			assert_int_equal(i->start_ns, end_ns);
			assert_ptr_equal(gcs_intervals_at(&is, i->end_ns - 1), i);
			end_ns = i->end_ns;
		}
		assert_int_equal(end_ns, 3 * windows[k]);
		struct gcs_interval *w = gcs_intervals_window(&is, 2 * parts[k] + parts[k] - 1);
		assert_int_equal(w->index, 2);
		assert_int_equal(w->start_ns, 2 * windows[k]);
		assert_int_equal(w->end_ns, 3 * windows[k]);
		gcs_interval_destroy(w);
		gcs_intervals_fini(&is);
	}
	fixture_scenario_free(s);
}

static void test_strip_doubles(void **state)
{
	(void)state;
	struct gcs_snapshot *s = calloc(1, sizeof(*s));
	gcs_strip_init(s);
	uint64_t count = 0;
	int64_t end_ns = 5000 * GCS_STRIP_FIRST_NS;
	for (int64_t t = 0; t < end_ns; t += GCS_STRIP_FIRST_NS, count++) {
		struct gcs_cell *c = gcs_strip_at(s, t);
		gcs_strip_max(&c->stw_max_ns, t == 1234 * GCS_STRIP_FIRST_NS ? 99 : 5);
		gcs_strip_heap(c, 100 + (uint64_t)(t / GCS_STRIP_FIRST_NS) % 7, 200);
		c->stw_count++;
	}
	gcs_strip_armed(s, 1000 * GCS_STRIP_FIRST_NS, 1100 * GCS_STRIP_FIRST_NS, 2);
	uint64_t sum = 0, armed = 0;
	for (uint32_t i = 0; i < s->ncells; i++) {
		sum += s->cell[i].stw_count;
		armed += s->cell[i].faults_armed == 2;
		assert_true(s->cell[i].heap_live_min >= 100 && s->cell[i].heap_live_max <= 106);
	}
	assert_int_equal(sum, count);
	assert_true(s->ncells <= GCS_STRIP_CELLS && s->ncells > GCS_STRIP_CELLS / 2);
	assert_int_equal(s->cell_ns, 16 * GCS_STRIP_FIRST_NS);
	assert_int_equal(gcs_strip_at(s, 1234 * GCS_STRIP_FIRST_NS)->stw_max_ns, 99);
	assert_true(armed >= 100 / 16 && armed <= 100 / 16 + 2);
	free(s);
}

/* Whatever the order, the worst 1,000 are all kept. */
static void test_worst_pauses(void **state)
{
	(void)state;
	enum { N = 30000 };
	static int64_t v[N], kept[N];
	struct gcs_pauses *p = calloc(1, sizeof(*p));
	size_t nkept = 0;
	for (int i = 0; i < N; i++) {
		v[i] = (int64_t)(rng() % 1000000000);
		if (gcs_pauses_keep(p, GCS_PAUSE_ASSIST, v[i],
				    7)) /* all in one interval: the routine quota is soon used up */
			kept[nkept++] = v[i];
	}
	qsort(v, N, sizeof(v[0]), by_value);
	qsort(kept, nkept, sizeof(kept[0]), by_value);
	for (int i = 1; i <= GCS_PAUSES_WORST; i++)
		assert_int_equal(v[N - i], kept[nkept - (size_t)i]);
	assert_true(nkept < N / 4);
	free(p);
}

static uint64_t query(const char *path, const char *sql)
{
	sqlite3 *db;
	sqlite3_stmt *q;
	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	int rc = sqlite3_prepare_v2(db, sql, -1, &q, NULL);
	if (rc != SQLITE_OK)
		print_error("%s: %s\n", sql, sqlite3_errmsg(db));
	assert_int_equal(rc, SQLITE_OK);
	assert_int_equal(sqlite3_step(q), SQLITE_ROW);
	uint64_t v = (uint64_t)sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	sqlite3_close(db);
	return v;
}

/* A calm run: everything is counted where it belongs. */
static void test_calm(void **state)
{
	(void)state;
	struct run r;
	run_init(&r);
	fixture_check(r.s->slo, &r.s->nslos, "p99", "op.latency.p99 < 1ms")->window_ns = 5 * S_NS;
	fixture_check(r.s->slo, &r.s->nslos, "stw", "pause.stw.max < 1ms");
	r.s->nfaults = 0;
	run_start(&r);
	r.play.op_ns = 900 * MS_NS; /* warm-up is slow, and does not count */
	run_until(&r, 2 * S_NS);
	r.play.op_ns = 20 * US_NS;
	run_until(&r, 20 * S_NS);
	const struct gcs_snapshot *snap = gcs_collect_snapshot(r.c);
	assert_int_equal(snap->state, GCS_STEADY);
	assert_int_equal(snap->phase, 3);
	assert_int_equal(snap->work[0].ops, 200 * 100);
	assert_float_equal(snap->work[1].rate, 1000, 0.001);
	assert_float_equal(snap->ops_rate, 2000, 0.001);
	assert_true(snap->work[0].total.max_ns < 25 * US_NS);
	assert_true(snap->work[0].total.p50_ns >= 20 * US_NS);
	assert_int_equal(snap->stw_total.max_ns, 80 * US_NS);
	assert_int_equal(snap->stopping_total.max_ns, 20 * US_NS);
	assert_int_equal(snap->stw_now.count, 10);
	assert_int_equal(snap->mark_ns_last, 3000000);
	assert_float_equal(snap->gc_cpu, 0.05, 0.001);
	assert_int_equal(snap->slo[0].state, 1);
	assert_int_equal(snap->slo[1].state, 1);
	assert_non_null(strstr(snap->headline, "All SLOs hold"));
	run_until(&r, 32 * S_NS);
	assert_int_equal(run_end(&r), GCS_EXIT_PASS);
	assert_int_equal(snap->state, GCS_ENDED);
	assert_non_null(strstr(snap->headline, "PASS"));
	assert_int_equal(snap->integrity_checked, 1000);
	assert_int_equal(snap->stw_total.count, 32); /* one a second since t0 */
	assert_int_equal(snap->stw_steady.count, 30); /* nothing was armed */
	assert_int_equal(snap->stw_steady.max_ns, 80 * US_NS);
	assert_int_equal(query(r.path, "SELECT value FROM counters WHERE key='gc_cycles'"),
			 30); /* over the recorded 30 s */
	run_fini(&r);
}

static void storm(struct run *r, uint32_t fault, uint32_t occurrence, int64_t from_s, int64_t to_s,
		  struct play bad)
{
	run_until(r, from_s * S_NS);
	struct play calm = r->play;
	run_arm(r, fault, occurrence, true);
	r->play = bad;
	while (r->now_ns < to_s * S_NS) {
		r->play.firing = run_fire(r, fault);
		if (fault == 0)
			run_emit(r, (struct watch_record){.kind = WATCH_EFFECT,
							  .b = r->play.firing,
							  .c = 3,
							  .d = 12});
		assert_int_equal(run_tick(r), 0);
	}
	run_arm(r, fault, occurrence, false);
	r->play = calm;
}

/* Two faults: each occurrence degrades and comes back, the ledger knows whose stops and wakes they
 * were. */
static void test_storm(void **state)
{
	(void)state;
	struct run r;
	run_init(&r);
	fixture_check(r.s->slo, &r.s->nslos, "back", "recovery.time.max < 5s");
	fixture_check(r.s->slo, &r.s->nslos, "whole", "integrity.errors == 0")->abort = true;
	fixture_check(r.s->expect, &r.s->nexpects, "", "fault.oom.fired >= 20");
	fixture_check(r.s->expect, &r.s->nexpects, "", "fault.late.degraded == 2");
	static char condition[] = "gc.phase == mark";
	r.s->fault[0].condition = condition;
	run_start(&r);
	struct play bad = r.play;
	bad.errors_a_tick = 3;
	bad.op_ns = 4 * MS_NS;
	storm(&r, 0, 0, 12, 14, bad);
	const struct gcs_snapshot *snap = gcs_collect_snapshot(r.c);
	assert_int_equal(snap->state, GCS_FAULTING);
	assert_true(snap->fault[0].armed);
	assert_string_equal(snap->fault[0].what, "fail p=0.02 while gc.phase == mark");
	bad = r.play;
	bad.wake_ns = 5 * MS_NS;
	bad.stw_stopped_ns = 3 * MS_NS;
	storm(&r, 1, 0, 18, 19, bad);
	run_until(&r, 20 * S_NS);
	assert_int_equal(snap->state, GCS_RECOVERING);
	storm(&r, 1, 1, 24, 25, bad);
	run_until(&r, 32 * S_NS);
	assert_int_equal(snap->state, GCS_RECOVERED);
	assert_int_equal(snap->nrecs, 3);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(snap->rec[i].state, GCS_REC_STEADY);
		assert_false(snap->rec[i].overlapped);
		assert_int_equal(snap->rec[i].recovery_ns, 0); /* good in the first slice */
	}
	assert_int_equal(snap->rec[0].start_ns, 12 * S_NS);
	assert_int_equal(snap->rec[0].end_ns, 14 * S_NS);
	assert_true(snap->rec[0].signal[0].peak_ratio > 100); /* op.latency.p99: 20 us -> 4 ms */
	assert_true(snap->rec[0].signal[0].left);
	assert_int_equal(snap->rec[0].signal[0].recovery_ns, 0);
	assert_false(snap->rec[0].signal[1].left); /* pause.stw.p99 */
	assert_int_equal(snap->rec[0].signal[1].recovery_ns, -1);
	assert_int_equal(snap->resolution_ns, TICK_NS);
	assert_true(snap->rec[1].signal[4].peak_ratio > 100); /* wake.lag.p99 */
	uint32_t armed = 0;
	for (uint32_t i = 0; i < snap->ncells; i++)
		armed += snap->cell[i].faults_armed == 1;
	assert_true(armed >= 20 && armed <= 22);
	enum gcs_exit exit = run_end(&r);
	if (exit)
		print_error("%s\n", snap->headline);
	assert_int_equal(exit, GCS_EXIT_PASS);
	assert_int_equal(query(r.path, "SELECT count(*) FROM occurrences WHERE state='steady' AND "
				       "degraded_ns IS NOT NULL"),
			 3);
	assert_int_equal(query(r.path, "SELECT count(*) FROM firings"), 40);
	assert_int_equal(query(r.path, "SELECT count(*) FROM ledger WHERE fault=1 AND "
				       "due='wake_lag' AND count=20 AND excess_ns>90000000"),
			 1);
	assert_int_equal(query(r.path, "SELECT count FROM ledger WHERE fault=1 AND due='stw'"), 2);
	assert_int_equal(query(r.path, "SELECT count FROM ledger WHERE fault=0 AND due='op_error'"),
			 20);
	assert_int_equal(query(r.path, "SELECT count(*) FROM intervals"), 32);
	assert_int_equal(query(r.path, "SELECT sum(count) FROM interval_ops WHERE workload=0"),
			 32000);
	assert_int_equal(query(r.path, "SELECT count FROM total_ops WHERE workload=0"), 30000);
	assert_int_equal(query(r.path, "SELECT count(*) FROM faults WHERE outcome='fired'"), 2);
	run_fini(&r);
}

/* What outlasts its fault is measured to a tenth of a second, also where whole windows look good.
 */
static void test_lingers(void **state)
{
	(void)state;
	const struct {
		struct play bad;
		int64_t end_ns, linger_ns;
		uint32_t signal;
	} rows[] = {
		{{.op_ns = 4 * MS_NS}, 14 * S_NS, 400 * MS_NS, 0},
		{{.op_ns = 4 * MS_NS}, 14 * S_NS, 2300 * MS_NS, 0},
		{{.op_ns = 4 * MS_NS}, 13 * S_NS + 300 * MS_NS, 500 * MS_NS, 0},
		{{.op_ns = 20 * US_NS}, 14 * S_NS, 100 * MS_NS, 2}, /* rate */
		{{.op_ns = 20 * US_NS}, 14 * S_NS, 1200 * MS_NS, 2},
	};
	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		struct run r;
		run_init(&r);
		run_start(&r);
		run_until(&r, 12 * S_NS);
		struct play calm = r.play;
		run_arm(&r, 0, 0, true);
		run_fire(&r, 0);
		r.play.op_ns = rows[k].bad.op_ns;
		r.play.ops_a_tick = rows[k].signal == 2 ? 20 : calm.ops_a_tick;
		run_until(&r, rows[k].end_ns);
		run_arm(&r, 0, 0, false);
		run_until(&r, rows[k].end_ns + rows[k].linger_ns);
		r.play = calm;
		run_until(&r, 24 * S_NS);
		const struct gcs_rec_view *rec = &gcs_collect_snapshot(r.c)->rec[0];
		assert_int_equal(rec->state, GCS_REC_STEADY);
		assert_int_equal(rec->recovery_ns, rows[k].linger_ns);
		assert_int_equal(rec->signal[rows[k].signal].recovery_ns, rows[k].linger_ns);
		assert_true(rec->signal[rows[k].signal].left);
		run_end(&r);
		run_fini(&r);
	}
}

/* An act of the operator's before there is a baseline: nothing can be said about it. */
static void test_no_baseline(void **state)
{
	(void)state;
	struct run r;
	run_init(&r);
	run_start(&r);
	run_until(&r, 1 * S_NS);
	run_emit(&r, (struct watch_record){.kind = WATCH_ARM, .a = 0, .c = 1, .d = 1});
	run_fire(&r, 0);
	run_until(&r, 2 * S_NS);
	run_arm(&r, 0, 0, false);
	run_until(&r, 12 * S_NS);
	assert_int_equal(gcs_collect_snapshot(r.c)->rec[0].state, GCS_REC_UNJUDGED);
	run_end(&r);
	assert_int_equal(query(r.path, "SELECT count(*) FROM events WHERE text LIKE "
				       "'oom#1 could not be judged: there was no baseline%'"),
			 1);
	assert_int_equal(query(r.path,
			       "SELECT count(*) FROM occurrences WHERE state='unjudged' AND "
			       "by_operator AND steady_ns IS NULL"),
			 1);
	run_fini(&r);
}

/* A record's own firing comes before its cycle's and before the worker's last one. */
static void test_charges(void **state)
{
	(void)state;
	static const uint64_t first = 1ull << 48 | 128ull << 32 | 1, second = 2ull << 48 | 9;
	struct run r;
	run_init(&r);
	run_start(&r);
	run_until(&r, 8 * S_NS);
	run_emit(&r, (struct watch_record){.kind = WATCH_FIRE, .b = 128, .c = 1, .d = first});
	run_until(&r, 8 * S_NS + 50 * MS_NS);
	run_emit(&r, (struct watch_record){.kind = WATCH_GC_START, .a = 500, .b = 5, .e = first});
	run_emit(&r, (struct watch_record){
			     .kind = WATCH_STW, .b = 900 * US_NS, .d = 500, .e = second});
	run_emit(&r, (struct watch_record){.kind = WATCH_STW, .b = 100 * US_NS, .d = 500});
	run_emit(&r, (struct watch_record){
			     .kind = WATCH_ALLOC_STALL, .a = 128, .b = US_NS, .e = second});
	run_emit(&r, (struct watch_record){.kind = WATCH_ALLOC_STALL, .a = 128, .b = US_NS});
	run_emit(&r, (struct watch_record){.kind = WATCH_EFFECT, .a = 1, .b = second, .c = 5});
	run_emit(&r, (struct watch_record){
			     .kind = WATCH_WAKE_LAG, .a = 128, .b = 11 * MS_NS, .e = second});
	run_until(&r, 32 * S_NS);
	run_end(&r);
	for (int fault = 0; fault < 2; fault++) {
		char sql[128];
		snprintf(sql, sizeof(sql), "SELECT count FROM ledger WHERE fault=%d AND due='stw'",
			 fault);
		assert_int_equal(query(r.path, sql), 1);
		snprintf(sql, sizeof(sql),
			 "SELECT count FROM ledger WHERE fault=%d AND due='alloc_stall'", fault);
		assert_int_equal(query(r.path, sql), 1);
	}
	assert_int_equal(query(r.path, "SELECT max_ns FROM ledger WHERE fault=1 AND due='stw'"),
			 900 * US_NS);
	assert_int_equal(query(r.path, "SELECT max_ns FROM ledger WHERE fault=1 AND due='wake_lag'"),
			 11 * MS_NS);
	assert_int_equal(query(r.path, "SELECT count(*) FROM effects WHERE effect=5"), 1);
	run_fini(&r);
}

/* The content check after the end stops the world for long: recorded, counted nowhere. Forced are
 * cycles begun by a call or a fault; the screen counts since t0. */
static void test_after_end(void **state)
{
	(void)state;
	struct run r;
	run_init(&r);
	r.s->nfaults = 0;
	run_start(&r);
	run_until(&r, 5 * S_NS);
	const struct gcs_snapshot *snap = gcs_collect_snapshot(r.c);
	assert_int_equal(snap->stw_now.count, 5);
	assert_int_equal(snap->stw_total.count, 5); /* warm-up too: never less than now */
	r.play.firing = 1ull << 48 | 1; /* cycles due to a firing: cause 3, GC_TRIGGER_FAULT */
	run_until(&r, 7 * S_NS);
	r.play.firing = 0;
	run_until(&r, 8 * S_NS);
	run_emit(&r, (struct watch_record){.kind = WATCH_GC_START, .a = 100, .b = 2});
	run_until(&r, 32 * S_NS);
	uint32_t ncells = snap->ncells;
	r.play.stw_stopped_ns = 2 * S_NS;
	r.play.wake_ns = 3 * S_NS;
	run_until(&r, 34 * S_NS);
	assert_int_equal(snap->stw_now.max_ns, 80 * US_NS);
	assert_int_equal(snap->stw_total.max_ns, 80 * US_NS);
	assert_int_equal(snap->wake_total.max_ns, 30 * US_NS);
	assert_int_equal(snap->gc_forced, 3);
	assert_true(snap->ncells <= ncells + 1);
	run_end(&r);
	assert_int_equal(snap->stw_total.max_ns, 80 * US_NS);
	assert_int_equal(query(r.path, "SELECT value FROM counters WHERE key='gc_forced'"), 3);
	assert_int_equal(query(r.path, "SELECT count(*) FROM pauses WHERE phase=-1 AND t_ns>32e9 "
				       "AND kind='stw' AND dur_ns>2000000000"),
			 2);
	assert_int_equal(query(r.path, "SELECT count(*) FROM pauses WHERE phase=-1 AND t_ns>32e9 "
				       "AND kind='wake_lag'"),
			 20);
	assert_int_equal(query(r.path, "SELECT count(*) FROM pauses WHERE phase>=0 AND t_ns>32e9"),
			 0);
	run_fini(&r);
}

/* So too when the run is told to end early. */
static void test_after_cut(void **state)
{
	(void)state;
	struct run r;
	run_init(&r);
	r.s->nfaults = 0;
	run_start(&r);
	run_until(&r, 5 * S_NS + 300 * MS_NS);
	gcs_collect_ending(r.c);
	r.play.stw_stopped_ns = 2 * S_NS;
	run_until(&r, 8 * S_NS);
	run_end(&r);
	assert_int_equal(gcs_collect_snapshot(r.c)->stw_total.max_ns, 80 * US_NS);
	assert_int_equal(query(r.path, "SELECT max(max_ns) FROM interval_hists WHERE "
				       "series='pause.stw'"),
			 80 * US_NS);
	run_fini(&r);
}

/* A harness that stood still until its target ended itself: what came after that moment is no part of the run, least of all
 * the emptiness; and a failure before it weighs more. */
static void test_stood_still(void **state)
{
	(void)state;
	for (int failed = 0; failed < 2; failed++) {
		struct run r;
		run_init(&r);
		r.s->nfaults = 0;
		fixture_check(r.s->slo, &r.s->nslos, "rate", "ops.rate > 500/s");
		fixture_check(r.s->slo, &r.s->nslos, "clean", "ops.error_rate < 5/s");
		run_start(&r);
		r.play.errors_a_tick = failed ? 1 : 0;
		run_until(&r, 5 * S_NS);
		r.play.ops_a_tick = 0;
		run_wait_at(&r, 40 * S_NS);
		gcs_collect_stood_still(r.c, T0_NS + 5 * S_NS);
		gcs_collect_fail(r.c, GCS_EXIT_INCONCLUSIVE, "the harness stood still");
		assert_int_equal(gcs_collect_tick(r.c), 0);
		gcs_collect_exit(r.c, 0, true, NULL);
		assert_int_equal(gcs_collect_finish(r.c, 0),
				 failed ? GCS_EXIT_FAIL : GCS_EXIT_INCONCLUSIVE);
		assert_int_equal(query(r.path, "SELECT end_ns FROM run"), 5 * S_NS);
		assert_int_equal(query(r.path, "SELECT count(*) FROM reasons WHERE "
					       "text='the harness stood still' AND exit=5"),
				 1);
		assert_int_equal(query(r.path, "SELECT ok FROM slo WHERE id='rate'"), 1);
		run_fini(&r);
	}
}

/* Records of several rings, out of order, land where their time says. */
static void test_order(void **state)
{
	(void)state;
	struct run r;
	run_init(&r);
	r.s->nfaults = 0;
	run_start(&r);
	enum { N = 3000 };
	static uint64_t want[40];
	memset(want, 0, sizeof(want));
	for (int i = 0; i < N; i++) {
		int64_t t = (int64_t)(rng() % (uint64_t)(10 * S_NS));
		struct watch_record rec = {
			.t_ns = T0_NS + t, .kind = WATCH_ASSIST, .p = 1, .a = 1, .b = 1000};
		want[t / S_NS]++;
		if (i % 3)
			watch_emit(r.tel, &r.tel->ring[i % 2], &rec);
		else
			watch_emit_shared(r.tel, &rec);
	}
	run_wait_at(&r, 10 * S_NS);
	assert_int_equal(gcs_collect_tick(r.c), 0);
	gcs_collect_done(r.c, NULL, 0, 0);
	gcs_collect_exit(r.c, 0, true, NULL);
	gcs_collect_finish(r.c, 0);
	for (int i = 0; i < 10; i++) {
		char sql[128];
		snprintf(sql, sizeof(sql),
			 "SELECT count FROM interval_hists WHERE interval=%d AND series='assist'",
			 i);
		assert_int_equal(query(r.path, sql), want[i]);
	}
	run_fini(&r);
}

/* A tick that spans several intervals: counts are dealt out, and the intervals are marked. */
static void test_coarse(void **state)
{
	(void)state;
	struct run r;
	run_init(&r);
	r.s->nfaults = 0;
	run_start(&r);
	run_until(&r, 4 * S_NS);
	for (int i = 0; i < 4000; i++)
		watch_hist_add(&r.tel->ops[0].latency, 50000);
	atomic_fetch_add(&r.tel->ops[0].ops, 4000);
	run_wait_at(&r, 8 * S_NS);
	assert_int_equal(gcs_collect_tick(r.c), 0);
	gcs_collect_done(r.c, NULL, 0, 0);
	gcs_collect_exit(r.c, 0, true, NULL);
	assert_int_equal(gcs_collect_finish(r.c, 0),
			 GCS_EXIT_INCONCLUSIVE); /* ended after 8 of 32 s */
	assert_int_equal(query(r.path, "SELECT count(*) FROM intervals WHERE coarse"), 4);
	assert_int_equal(
		query(r.path, "SELECT count FROM interval_ops WHERE interval=5 AND workload=0"),
		1000);
	assert_int_equal(query(r.path, "SELECT count FROM total_ops WHERE workload=0"),
			 2000 + 4000);
	run_fini(&r);
}

/* Ticks between two steps of the virtual clock lose nothing, and each step is acknowledged: the
 * simulated target waits for that. */
static void test_clock_stands(void **state)
{
	(void)state;
	struct run r;
	run_init(&r);
	r.s->nfaults = 0;
	run_start(&r);
	assert_true(atomic_load(&r.tel->sampled_ns) != 0); /* somebody samples */
	for (int i = 0; i < 39; i++) {
		assert_int_equal(run_tick(&r), 0);
		assert_int_equal(atomic_load(&r.tel->sampled_ns), T0_NS + r.now_ns);
		atomic_fetch_add(&r.tel->ops[0].ops, 7);
		assert_int_equal(gcs_collect_tick(r.c), 0);
	}
	gcs_collect_done(r.c, NULL, 0, 0);
	gcs_collect_exit(r.c, 0, true, NULL);
	gcs_collect_finish(r.c, 0);
	assert_int_equal(query(r.path, "SELECT sum(count) FROM interval_ops WHERE workload=0"),
			 39 * 107);
	assert_true(atomic_load(&r.tel->sampled_ns) > (uint64_t)(T0_NS + r.now_ns));
	run_fini(&r);
}

/* Clients outside the runtime are what a workload is measured by, where there are any. */
static void test_clients(void **state)
{
	(void)state;
	struct run r;
	run_init(&r);
	r.s->nfaults = 0;
	r.tel->ops[7].workload = 1;
	r.tel->ops[7].is_client = 1;
	atomic_store(&r.tel->ops[7].used, 1);
	run_start(&r);
	for (int i = 0; i < 500; i++)
		watch_hist_add(&r.tel->ops[7].latency, 7000000);
	atomic_store(&r.tel->ops[7].ops, 500);
	run_until(&r, 4 * S_NS);
	const struct gcs_snapshot *snap = gcs_collect_snapshot(r.c);
	assert_int_equal(snap->work[0].ops, 4000);
	assert_int_equal(snap->work[1].ops, 500);
	run_end(&r);
	run_fini(&r);
}

static void test_abort(void **state)
{
	(void)state;
	struct run r;
	run_init(&r);
	r.s->nfaults = 0;
	fixture_check(r.s->slo, &r.s->nslos, "whole", "integrity.errors == 0")->abort = true;
	run_start(&r);
	run_until(&r, 4 * S_NS);
	run_emit(&r,
		 (struct watch_record){.kind = WATCH_INTEGRITY, .a = 0, .d = 42, .e = 1, .f = 2});
	assert_int_equal(run_tick(&r), 1); /* at once, not at the end of an interval */
	assert_int_equal(run_end(&r), GCS_EXIT_FAIL);
	assert_int_equal(
		query(r.path,
		      "SELECT count(*) FROM events WHERE text LIKE 'integrity: maps key 42%'"),
		1);
	run_fini(&r);
}

static void test_crash(void **state)
{
	(void)state;
	struct run r;
	run_init(&r);
	r.s->nfaults = 0;
	run_start(&r);
	run_until(&r, 4 * S_NS);
	gcs_collect_exit(r.c, SIGKILL, false, NULL);
	assert_int_equal(gcs_collect_finish(r.c, 0), GCS_EXIT_CRASH);
	assert_int_equal(gcs_collect_snapshot(r.c)->crashes, 1);
	assert_non_null(strstr(gcs_collect_snapshot(r.c)->headline, "signal 9"));
	run_fini(&r);
}

static void test_interrupted(void **state)
{
	(void)state;
	struct run r;
	run_init(&r);
	run_start(&r);
	run_until(&r, 4 * S_NS);
	gcs_collect_done(r.c, NULL, 0, 0);
	gcs_collect_exit(r.c, 0, true, NULL);
	assert_int_equal(gcs_collect_finish(r.c, SIGTERM), GCS_EXIT_TERM);
	run_fini(&r);
}

/* Lost telemetry is never a pass. */
static void test_lost(void **state)
{
	(void)state;
	struct run r;
	run_init(&r);
	r.s->nfaults = 0;
	run_start(&r);
	run_until(&r, 32 * S_NS);
	atomic_store(&r.tel->ring[1].lost, 3);
	assert_int_equal(run_end(&r), GCS_EXIT_UNTRUSTED);
	run_fini(&r);
}

/* A workload that stops altogether is degraded, though no operation ends that could be slow. */
static void test_standstill(void **state)
{
	(void)state;
	struct run r;
	run_init(&r);
	run_start(&r);
	struct play still = r.play;
	still.ops_a_tick = 0;
	storm(&r, 0, 0, 12, 15, still);
	run_until(&r, 22 * S_NS);
	const struct gcs_snapshot *snap = gcs_collect_snapshot(r.c);
	assert_int_equal(snap->rec[0].state, GCS_REC_STEADY);
	assert_true(snap->rec[0].signal[0].peak_ratio >
		    1000); /* latency: a whole window at least */
	assert_true(snap->rec[0].signal[2].peak_ratio > 1000); /* rate */
	run_end(&r);
	run_fini(&r);
}

/* Real clock: /proc of this very process, and the grace before records are handled. */
static void test_real_clock(void **state)
{
	(void)state;
	struct run r;
	struct timespec t;
	char *text = NULL;
	run_init(&r);
	struct gcs_collect_options opt = {.scenario = r.s,
					  .telemetry = r.tel,
					  .record_path = r.path,
					  .run_id = "t",
					  .sim = false};
	assert_int_equal(gcs_collect_create(&r.c, &opt, &text), 0);
	gcs_collect_target(r.c, getpid());
	clock_gettime(CLOCK_MONOTONIC, &t);
	int64_t t0 = t.tv_sec * S_NS + t.tv_nsec - 5 * S_NS; /* as if begun five seconds ago */
	gcs_collect_started(r.c, t0);
	struct watch_record rec = {
		.t_ns = t0 + 3 * S_NS, .kind = WATCH_STW, .b = 1000, .c = 2000, .d = 1};
	watch_emit(r.tel, &r.tel->ring[0], &rec);
	assert_int_equal(gcs_collect_tick(r.c), 0);
	const struct gcs_snapshot *snap = gcs_collect_snapshot(r.c);
	assert_true(snap->now_ns >= 5 * S_NS);
	assert_true(snap->rss > 1 << 20);
	assert_int_equal(snap->stw_now.count, 1);
	gcs_collect_finish(r.c, SIGINT);
	assert_true(query(r.path, "SELECT count(*) FROM host WHERE key='kernel'") == 1);
	assert_true(query(r.path, "SELECT max(rss) FROM intervals") > 1 << 20);
	run_fini(&r);
}

int main(void)
{
	const char *seed = getenv("GCS_TEST_SEED");
	rng_state = seed ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL);
	printf("# seed %#llx (GCS_TEST_SEED)\n", (unsigned long long)rng_state);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_percentiles),  cmocka_unit_test(test_statistics),
		cmocka_unit_test(test_shares),	     cmocka_unit_test(test_strip_doubles),
		cmocka_unit_test(test_worst_pauses), cmocka_unit_test(test_calm),
		cmocka_unit_test(test_storm),	     cmocka_unit_test(test_order),
		cmocka_unit_test(test_coarse),	     cmocka_unit_test(test_clock_stands),
		cmocka_unit_test(test_clients),	     cmocka_unit_test(test_abort),
		cmocka_unit_test(test_crash),	     cmocka_unit_test(test_interrupted),
		cmocka_unit_test(test_lost),	     cmocka_unit_test(test_standstill),
		cmocka_unit_test(test_real_clock),   cmocka_unit_test(test_slices),
		cmocka_unit_test(test_lingers),	     cmocka_unit_test(test_no_baseline),
		cmocka_unit_test(test_after_end),    cmocka_unit_test(test_after_cut),
		cmocka_unit_test(test_charges),	     cmocka_unit_test(test_stood_still),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
