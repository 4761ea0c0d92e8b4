/*
 * test_tui_fixture.h: a run as a screen may see it, made by hand and the same each time, and screens as text.
 */
#pragma once

#include "harness/measure/metric.h"
#include "tui/canvas.h"
#include "tui/terminal.h"
#include "tui/view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define S INT64_C(1000000000)

static char name_run[] = "map-delete-residue", id_warm[] = "warmup", id_steady[] = "steady", id_storm[] = "storm",
	    id_heal[] = "heal", id_oom[] = "oom", id_late[] = "late", id_gc[] = "gcnow", id_maps[] = "maps",
	    id_slices[] = "slices", id_net[] = "net";

static inline struct gcs_scenario *make_scenario(void)
{
	struct gcs_scenario *s = calloc(1, sizeof *s);
	*s = (struct gcs_scenario){.name = name_run, .seed = 0x2481, .procs = 2, .gogc = 100, .nphases = 4, .nfaults = 3,
				   .nworkloads = 3, .end_ns = 48 * S};
	s->phase[0] = (struct gcs_phase){id_warm, 0, 4 * S, false};
	s->phase[1] = (struct gcs_phase){id_steady, 4 * S, 14 * S, true};
	s->phase[2] = (struct gcs_phase){id_storm, 14 * S, 36 * S, true};
	s->phase[3] = (struct gcs_phase){id_heal, 36 * S, 48 * S, true};
	s->fault[0] = (struct gcs_fault){.id = id_oom, .point = "mem/malloc", .action = "fail", .nwindows = 2,
					 .window = {{16 * S, 19 * S}, {24 * S, 27 * S}}};
	s->fault[1] = (struct gcs_fault){.id = id_late, .point = "netpoll/wake", .action = "delay", .nwindows = 1,
					 .window = {{14 * S, 20 * S}}};
	s->fault[2] = (struct gcs_fault){.id = id_gc, .point = "gc/write", .action = "force", .nwindows = 1,
					 .window = {{30 * S, 36 * S}}};
	s->workload[0] = (struct gcs_workload){.id = id_maps, .rate = 100000};
	s->workload[1] = (struct gcs_workload){.id = id_slices, .rate = 20000};
	s->workload[2] = (struct gcs_workload){.id = id_net, .rate = 5000};
	return s;
}

static inline void fill_cells(struct gcs_snapshot *s)
{
	s->cell_ns = S / 10;
	s->ncells = 260;
	for (uint32_t i = 0; i < s->ncells; i++) {
		struct gcs_cell *c = &s->cell[i];
		c->stw_max_ns = 20000 + (i * 7919u) % 90000;
		c->heap_live_min = (100u + i % 20) << 20;
		c->heap_live_max = (102u + i % 20) << 20;
		c->heap_goal = 130u << 20;
		c->maps_growing = (uint8_t)(i % 9 < 3);
		c->runq_max = 2 + i % 5;
		if (i > 160 && i < 190) {
			c->faults_armed = 1;
			c->faults_fired = i % 3 == 0;
			c->stw_max_ns = 38000000;
		}
	}
}

/* One map of each kind and state. */
static inline void fill_maps(struct gcs_snapshot *s)
{
	static const struct gcs_map_view map[] = {
		{.kind = GCS_MAP_CLASSIC, .b = 13, .count = 33750, .load_milli = 4119, .overflow = 812, .bytes = 1310720, .grown = 13, .regrown = 2},
		{.worker = 1, .kind = GCS_MAP_CLASSIC, .growing = GCS_MAP_DOUBLES, .b = 14, .count = 53300, .load_milli = 3253, .overflow = 120,
		 .old_buckets = 8192, .evacuated = 4587, .bytes = 3670016, .grown = 14},
		{.worker = 2, .kind = GCS_MAP_CLASSIC, .growing = GCS_MAP_SAME_SIZE, .b = 12, .count = 9000, .load_milli = 2197, .overflow = 40,
		 .old_buckets = 4096, .evacuated = 512, .bytes = 1245184, .grown = 12, .regrown = 3},
		{.worker = 3, .kind = GCS_MAP_CLASSIC, .b = 15, .count = 812, .load_milli = 24, .overflow = 18000, .bytes = 7200768, .grown = 15},
		{.worker = 4, .kind = GCS_MAP_SWISS, .b = 8, .count = 1500, .load_milli = 5859, .overflow = 64, .bytes = 34816, .grown = 8},
		{.workload = 2, .kind = GCS_MAP_SYNC, .count = 1234, .amended = true, .misses = 1196, .dirty = 1300, .bytes = 81920},
	};
	memcpy(s->map, map, sizeof map);
	s->nmaps = sizeof map / sizeof map[0];
}

static inline uint64_t firing_of(uint32_t fault, uint32_t worker, uint32_t visit)
{
	return (uint64_t)(fault + 1) << 48 | (uint64_t)worker << 32 | visit;
}

static inline void fill_sched(struct gcs_snapshot *s)
{
	s->sched = (struct gcs_sched_view){.at_ns = 25 * S + 980000000, .nps = 2, .global_runq = 3, .idle_ps = 0, .threads = 7, .idle_threads = 2,
					   .spinning = 1, .timers = 12, .poll_waiters = 5};
	s->sched.p[0] = (struct gcs_p_view){GCS_P_RUNNING, 17, 1234567, 890};
	s->sched.p[1] = (struct gcs_p_view){GCS_P_SYSCALL, 4, 765432, 12345};
	s->sched.goroutines = 41;
	s->nstalls = 3;
	s->stall[0] = (struct gcs_stall_view){.slot = 128, .workload = 0, .worker = 0};
	s->stall[0].by[GCS_STALL_ASSIST].count = 61;
	s->stall[0].by[GCS_STALL_ASSIST].total_ns = 48300000;
	s->stall[0].by[GCS_STALL_ASSIST].max_ns = 3050000;
	s->stall[0].by[GCS_STALL_ASSIST].max_at_ns = 17 * S + 510000000;
	s->stall[0].by[GCS_STALL_ALLOC].count = 3;
	s->stall[0].by[GCS_STALL_ALLOC].total_ns = 41000000;
	s->stall[0].by[GCS_STALL_ALLOC].max_ns = 36000000;
	s->stall[0].by[GCS_STALL_ALLOC].max_at_ns = 17 * S + 650000000;
	s->stall[0].by[GCS_STALL_ALLOC].max_firing = firing_of(0, 128, 17);
	s->stall[1] = (struct gcs_stall_view){.slot = 129, .workload = 0, .worker = 1};
	s->stall[1].by[GCS_STALL_ASSIST].count = 58;
	s->stall[1].by[GCS_STALL_ASSIST].total_ns = 39900000;
	s->stall[1].by[GCS_STALL_ASSIST].max_ns = 2900000;
	s->stall[1].by[GCS_STALL_ASSIST].max_at_ns = 25 * S + 312000000;
	s->stall[2] = (struct gcs_stall_view){.slot = 144, .workload = 2, .worker = 0};
	s->stall[2].by[GCS_STALL_WAKE].count = 1204;
	s->stall[2].by[GCS_STALL_WAKE].total_ns = 1140000000;
	s->stall[2].by[GCS_STALL_WAKE].max_ns = 5390000;
	s->stall[2].by[GCS_STALL_WAKE].max_at_ns = 14 * S + 315000000;
	s->stall[2].by[GCS_STALL_WAKE].max_firing = firing_of(1, 2, 5);
}

static inline struct gcs_snapshot *make_snapshot(const struct gcs_scenario *sc)
{
	struct gcs_snapshot *s = calloc(1, sizeof *s);
	s->scenario = sc;
	strcpy(s->run_id, "8f3a-07");
	s->state = GCS_FAULTING;
	s->now_ns = 26 * S;
	s->end_ns = sc->end_ns;
	s->phase = 2;
	strcpy(s->headline, "All SLOs hold; worst pause 38.0 ms during oom#1.");
	s->stw_total = (struct gcs_pcts){3684, 80000, 210000, 1120000, 38100000, 61800000};
	s->stw_now = (struct gcs_pcts){121, 110000, 420000, 38100000, 61800000, 61800000};
	s->heap_live = 201u << 20;
	s->heap_goal = 402u << 20;
	s->rss = 455u << 20;
	s->gc_cycle = 1842;
	for (uint32_t i = 0; i < 3; i++) {
		s->fault[i] = (struct gcs_fault_view){.id = sc->fault[i].id, .point = sc->fault[i].point, .what = "p=0.02",
						      .armed = i == 0, .fired = 212, .times = 500};
		s->work[i] = (struct gcs_work_view){.id = sc->workload[i].id, .rate = 98000, .rate_wanted = 100000, .ops = 5};
	}
	s->rec[0] = (struct gcs_rec_view){.fault = 0, .state = GCS_REC_STEADY, .recovery_ns = 9700000000, .nsignals = 1,
					  .signal = {{"pause.stw.p99", 4100000000, 18.5, true}}};
	s->nrecs = 1;
	s->nslos = 1;
	s->slo[0] = (struct gcs_slo_view){.id = "whole", .text = "integrity.errors == 0", .state = 1, .shown = "0"};
	s->nevents = 1;
	s->event[0] = (struct gcs_event_view){.t_ns = 16 * S, .level = 1};
	strcpy(s->event[0].text, "oom#1 armed");
	fill_cells(s);
	fill_maps(s);
	fill_sched(s);
	return s;
}

/* On a terminal that is like `c` in what it can show. */
static inline char *render_as(struct tui_canvas c, const struct gcs_snapshot *s, const struct tui_state *st, int rows, int cols)
{
	assert_int_equal(tui_canvas_resize(&c, rows, cols), 0);
	struct tui_box all = {0, 0, rows, cols};
	struct tui_state drawn = *st;
	drawn.rows = rows;
	drawn.cols = cols;
	tui_view_frame(&c, &all, s, &drawn);
	char *text = calloc(1, (size_t)rows * ((size_t)cols * 4 + 2) + 1), *at = text;
	for (int row = 0; row < rows; row++) {
		at += tui_canvas_row(&c, row, at, (size_t)cols * 4 + 1);
		*at++ = '\n';
	}
	*at = '\0';
	tui_canvas_fini(&c);
	if (getenv("GCS_TEST_SHOW") != NULL)
		fputs(text, stderr);
	return text;
}

static inline char *render(const struct gcs_snapshot *s, const struct tui_state *st, int rows, int cols, bool ascii)
{
	return render_as((struct tui_canvas){.ascii = ascii}, s, st, rows, cols);
}

static inline struct gcs_snapshot *make_record(const struct gcs_scenario *sc)
{
	struct gcs_snapshot *s = make_snapshot(sc);
	s->playback.active = s->playback.paused = s->playback.finished = true;
	s->playback.speed = 4;
	s->playback.record_end_ns = 44 * S + 120000000;
	s->playback.begun_wall_ns = 1700000000 * S;
	for (int i = 90; i < 120; i++)
		s->playback.track[i] = GCS_TRACK_ARMED;
	s->playback.track[100] |= GCS_TRACK_FIRED;
	s->fault[1].fired_least = true;
	return s;
}

static inline void must_show(const char *text, const char *what)
{
	if (strstr(text, what) == NULL)
		fail_msg("lacks '%s':\n%s", what, text);
}

/* ---- a history to go with it: what a run of that scenario could have done in its 26 s */

static inline uint64_t fixture_next(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return *seed >> 33;
}

struct fixture {
	struct gcs_history *h;
	struct gcs_measure window[26]; /* a second each */
	uint64_t seed, firings[3];
};

static inline struct gcs_cell *fixture_cell(struct gcs_history *h, int64_t t_ns)
{
	uint32_t at = (uint32_t)(t_ns / h->cell_ns);
	h->ncells = at >= h->ncells ? at + 1 : h->ncells;
	return &h->cell[at];
}

static inline void fixture_pause(struct fixture *f, enum gcs_pause_kind kind, int64_t t_ns, int64_t dur_ns, int64_t stopping_ns,
				 int fault, uint32_t cycle)
{
	if (t_ns >= 26 * S) /* has not happened yet */
		return;
	struct gcs_measure *window = &f->window[t_ns / S];
	struct gcs_cell *cell = fixture_cell(f->h, t_ns);
	struct gcs_pause_row row = {.t_ns = t_ns, .dur_ns = dur_ns, .stopping_ns = stopping_ns, .cycle = cycle, .kind = (uint8_t)kind};
	if (fault >= 0) {
		row.firing = firing_of((uint32_t)fault, 16, (uint32_t)f->firings[fault]);
		row.occurrence = fault == 0 && t_ns >= 24 * S ? 2 : 1;
	}
	gcs_history_pause(f->h, &row);
	int64_t *max = kind == GCS_PAUSE_STW ? &cell->stw_max_ns : kind == GCS_PAUSE_ASSIST ? &cell->assist_max_ns : &cell->wake_max_ns;
	*max = dur_ns > *max ? dur_ns : *max;
	gcs_measure_add(window, kind == GCS_PAUSE_STW ? GCS_STW : kind == GCS_PAUSE_ASSIST ? GCS_ASSIST : GCS_WAKE, (uint64_t)dur_ns);
	if (kind == GCS_PAUSE_STW) {
		cell->stopping_max_ns = stopping_ns > cell->stopping_max_ns ? stopping_ns : cell->stopping_max_ns;
		gcs_measure_add(window, GCS_STOPPING, (uint64_t)stopping_ns);
	}
}

static inline void fixture_fire(struct fixture *f, int fault, int64_t t_ns)
{
	struct gcs_cell *cell = fixture_cell(f->h, t_ns);
	f->firings[fault]++;
	gcs_history_firing(f->h, t_ns, (uint64_t)(fault + 1) << 48 | UINT64_C(16) << 32 | f->firings[fault]);
	cell->faults_fired |= 1u << fault;
	cell->fires++;
}

static inline bool fixture_oom(int64_t t_ns)
{
	return (t_ns >= 16 * S && t_ns < 19 * S) || t_ns >= 24 * S;
}

static inline bool fixture_late(int64_t t_ns)
{
	return t_ns >= 14 * S && t_ns < 20 * S;
}

/* A collection: two stops and some assists, long ones while oom is armed. */
static inline void fixture_collect(struct fixture *f, uint32_t cycle, int64_t start_ns)
{
	bool oom = fixture_oom(start_ns);
	int64_t mark_ns = 90000000 + (int64_t)(fixture_next(&f->seed) % 60000000);
	struct gcs_cycle_row *row = gcs_history_cycle(f->h, cycle);
	row->cause = 0;
	row->start_ns = start_ns;
	if (start_ns + mark_ns < 26 * S) {
		row->mark_end_ns = start_ns + mark_ns;
		row->end_ns = row->mark_end_ns + 100000;
		row->sweep_end_ns = row->end_ns + 180000000;
	}
	fixture_cell(f->h, start_ns)->gc_count++;
	for (int k = 0; k < 2; k++) {
		int64_t stopping_ns = 12000 + (int64_t)(fixture_next(&f->seed) % 30000);
		int64_t dur_ns = stopping_ns + 30000 + (int64_t)(fixture_next(&f->seed) % 60000) + (oom && k ? 4000000 * (int64_t)(1 + fixture_next(&f->seed) % 9) : 0);
		fixture_pause(f, GCS_PAUSE_STW, k ? start_ns + mark_ns : start_ns + 50000, dur_ns, stopping_ns, oom && k ? 0 : -1, cycle);
	}
	for (int k = 0; k < (oom ? 12 : 3); k++)
		fixture_pause(f, GCS_PAUSE_ASSIST, start_ns + mark_ns * (k + 1) / 14, (int64_t)(80000 + fixture_next(&f->seed) % (oom ? 3000000 : 300000)), -1, -1, cycle);
}

static inline void fixture_second(struct fixture *f, int64_t from_ns, uint32_t *cycle)
{
	for (int64_t t = from_ns; t < from_ns + S; t += S / 10) {
		struct gcs_cell *cell = fixture_cell(f->h, t);
		cell->faults_armed = (uint32_t)fixture_oom(t) | (uint32_t)fixture_late(t) << 1;
		cell->heap_live_min = (110u + (uint64_t)(t / (S / 10)) % 7 * 12) << 20;
		cell->heap_live_max = cell->heap_live_min + (10u << 20);
		cell->heap_goal = 210u << 20;
		cell->maps_growing = (uint8_t)((t / (S / 10) % 9 < 3) + fixture_oom(t));
		cell->runq_max = 2 + (uint32_t)(t / (S / 10) % 5) + (fixture_late(t) ? 15 : 0);
		if (fixture_oom(t))
			fixture_fire(f, 0, t + 40000000);
		if (fixture_late(t) && t / (S / 10) % 3 == 0) {
			fixture_fire(f, 1, t + 10000000);
			fixture_pause(f, GCS_PAUSE_WAKE, t + 15000000, 5000000 + (int64_t)(fixture_next(&f->seed) % 400000), -1, 1, 0);
		}
		fixture_pause(f, GCS_PAUSE_WAKE, t + 70000000, 20000 + (int64_t)(fixture_next(&f->seed) % 90000), -1, -1, 0);
		if (t / (S / 10) % 7 == 0)
			fixture_collect(f, ++*cycle, t + 1000000);
	}
	struct watch_hist_sum *ops = calloc(1, sizeof *ops);
	for (int k = 0; k < 4000; k++)
		watch_hist_sum_put(ops, 200 + (fixture_next(&f->seed) % 1000) * (fixture_next(&f->seed) % 40));
	gcs_measure_op(&f->window[from_ns / S], 0, ops);
	free(ops);
}

/* Allocations that waited; no window counts them. */
static inline void fixture_stalls(struct gcs_history *h)
{
	static const int64_t t_ns[] = {16 * S + 410000000, 17 * S + 650000000, 24 * S + 200000000};
	for (uint32_t i = 0; i < 3; i++)
		gcs_history_pause(h, &(struct gcs_pause_row){.t_ns = t_ns[i], .dur_ns = i == 1 ? 36000000 : 2500000, .stopping_ns = -1,
							      .firing = firing_of(0, 128, 4 + 13 * i), .occurrence = i == 2 ? 2 : 1, .kind = GCS_PAUSE_ALLOC_STALL});
}

static inline void fixture_tell(struct gcs_history *h)
{
	static const struct { int64_t t_ns; int level; const char *text; } told[] = {
		{0, 0, "phase warmup"}, {4 * S, 0, "phase steady"}, {14 * S, 0, "phase storm"}, {14 * S, 1, "late#1 armed"},
		{16 * S, 1, "oom#1 armed"}, {16 * S + 410000000, 1, "maps: first failed operation (ENOMEM)"},
		{17 * S + 600000000, 1, "STW 36.1 ms GC#25"}, {19 * S, 1, "oom#1 disarmed"}, {20 * S, 1, "late#1 disarmed"}, {22 * S, 2, "SLO stops fails: pause.stw.p99 < 2ms"},
		{24 * S, 1, "oom#2 armed"}, {25 * S + 900000000, 0, "mark: looks quiet from here"},
	};
	for (size_t i = 0; i < sizeof told / sizeof told[0]; i++) {
		struct gcs_event_view *e = gcs_history_event(h);
		e->t_ns = told[i].t_ns;
		e->level = told[i].level;
		snprintf(e->text, sizeof e->text, "%s", told[i].text);
	}
	gcs_history_occs(h, 3);
	*gcs_history_occ(h) = (struct gcs_occ_row){1, 0, GCS_REC_UNTOUCHED, false, 14 * S, 14 * S + 10000000, 20 * S, -1, -1};
	*gcs_history_occ(h) = (struct gcs_occ_row){0, 0, GCS_REC_STEADY, false, 16 * S, 16 * S + 40000000, 19 * S, 23 * S, 2400000000};
	*gcs_history_occ(h) = (struct gcs_occ_row){0, 1, GCS_REC_DEGRADED, false, 24 * S, 24 * S + 40000000, -1, -1, -1};
}

static inline struct gcs_history *make_history(void)
{
	struct fixture f = {.h = gcs_history_create(S), .seed = 0x2481};
	uint32_t cycle = 0;
	f.h->cell_ns = S / 10;
	for (int64_t t = 0; t < 26 * S; t += S)
		fixture_second(&f, t, &cycle);
	for (int64_t t = 0; t < 26 * S; t += S) {
		gcs_heat_window(&f.h->heat, t, t + S, &f.window[t / S], 1);
		gcs_measure_fini(&f.window[t / S]);
	}
	fixture_stalls(f.h);
	fixture_tell(f.h);
	return f.h;
}

static inline void fixture_pcts_between(const struct gcs_history *h, enum gcs_pause_kind kind, int64_t since_ns, int64_t until_ns, struct gcs_pcts *ret)
{
	struct watch_hist_sum *sum = calloc(1, sizeof *sum);
	for (uint32_t i = 0; i < h->npauses; i++)
		if (h->pause[i].kind == kind && h->pause[i].t_ns >= since_ns && h->pause[i].t_ns < until_ns)
			watch_hist_sum_put(sum, (uint64_t)h->pause[i].dur_ns);
	gcs_hist_pcts(sum, ret);
	free(sum);
}

static inline void fixture_pcts(const struct gcs_history *h, enum gcs_pause_kind kind, int64_t since_ns, struct gcs_pcts *ret)
{
	fixture_pcts_between(h, kind, since_ns, INT64_MAX, ret);
}

/* The picture is then one of that history. */
static inline void with_history(struct gcs_snapshot *s, struct gcs_history *h)
{
	s->history = h;
	fixture_pcts(h, GCS_PAUSE_STW, 0, &s->stw_total);
	fixture_pcts(h, GCS_PAUSE_STW, s->now_ns - GCS_NOW_NS, &s->stw_now);
	fixture_pcts_between(h, GCS_PAUSE_STW, s->scenario->phase[1].start_ns, h->occ[0].start_ns, &s->stw_steady);
	fixture_pcts_between(h, GCS_PAUSE_ASSIST, s->scenario->phase[1].start_ns, h->occ[0].start_ns, &s->assist_steady);
	fixture_pcts_between(h, GCS_PAUSE_WAKE, s->scenario->phase[1].start_ns, h->occ[0].start_ns, &s->wake_steady);
	fixture_pcts(h, GCS_PAUSE_ASSIST, 0, &s->assist_total);
	fixture_pcts(h, GCS_PAUSE_ASSIST, s->now_ns - GCS_NOW_NS, &s->assist_now);
	fixture_pcts(h, GCS_PAUSE_WAKE, 0, &s->wake_total);
	fixture_pcts(h, GCS_PAUSE_WAKE, s->now_ns - GCS_NOW_NS, &s->wake_now);
	snprintf(s->headline, sizeof s->headline, "All SLOs hold; worst pause %.1f ms.", (double)s->stw_total.max_ns / 1e6);
	s->rec[0].recovery_ns = 2400000000;
	s->rec[0].signal[0].recovery_ns = 1100000000;
	s->gc_cycle = h->cycle[h->ncycles - 1].cycle;
	s->heap_live = h->cell[h->ncells - 1].heap_live_max;
	s->heap_goal = h->cell[h->ncells - 1].heap_goal;
	s->ncells = h->ncells;
	s->cell_ns = h->cell_ns;
	memcpy(s->cell, h->cell, sizeof s->cell);
	s->nevents = h->nevents;
	memcpy(s->event, h->event, h->nevents * sizeof s->event[0]);
}
