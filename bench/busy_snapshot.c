/* busy_snapshot.c: see busy.h. */
#include "bench/busy.h"

#include "harness/measure/metric.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BUSY_HOUR_NS INT64_C(3600000000000)
#define BUSY_FAULTS  3

int64_t busy_clock_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

int64_t busy_cpu_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

static int64_t busy_length_ns(uint32_t i)
{
	return 15000 + (int64_t)(i * 2654435761u % 4000000);
}

static void busy_cells(struct gcs_snapshot *s, int frame)
{
	s->cell_ns = INT64_C(7100000000);
	s->ncells = (uint32_t)frame + 200 < GCS_STRIP_CELLS ? (uint32_t)frame + 200 : GCS_STRIP_CELLS;
	for (uint32_t i = 0; i < s->ncells; i++) {
		struct gcs_cell *c = &s->cell[i];
		c->stw_max_ns = c->assist_max_ns = c->wake_max_ns = c->stopping_max_ns = c->op_p99_ns = busy_length_ns(i + (uint32_t)frame);
		c->heap_live_max = (100 + (i + (uint32_t)frame) * 37 % 90) << 20;
		c->heap_live_min = c->heap_live_max - (1 << 20);
		c->heap_goal = 200u << 20;
		c->faults_armed = i % 40 > 30;
		c->faults_fired = i % 40 > 34;
		c->gc_count = 3;
	}
}

static void busy_happen(struct gcs_history *h, const struct gcs_snapshot *s, int frame)
{
	struct gcs_event_view *e = gcs_history_event(h);
	e->t_ns = s->now_ns;
	snprintf(e->text, sizeof e->text, "GC #%d done", frame);
	for (uint32_t k = 0; k < 64; k++)
		gcs_history_pause(h, &(struct gcs_pause_row){.t_ns = s->now_ns, .dur_ns = busy_length_ns(k * (uint32_t)frame), .kind = GCS_PAUSE_STW, .stopping_ns = -1});
	memcpy(h->cell, s->cell, sizeof h->cell);
	h->ncells = s->ncells;
	h->cell_ns = s->cell_ns;
}

void busy_move(struct gcs_snapshot *s, int frame)
{
	struct gcs_pcts pcts = {(uint64_t)frame * 7, 20000 + frame, 40000 + frame, 90000 + frame, 120000 + frame, 400000 + frame};
	s->now_ns = BUSY_HOUR_NS + (int64_t)frame * BUSY_FRAME_NS;
	busy_cells(s, frame);
	s->stw_total = s->stw_now = s->assist_total = s->assist_now = s->wake_total = s->wake_now = s->stopping_total = pcts;
	s->heap_live = (uint64_t)(100 + frame) << 20;
	s->gc_cycle = (uint32_t)frame * 3;
	s->gc_cpu = frame / 1000.0;
	for (uint32_t i = 0; i < s->scenario->nworkloads; i++)
		s->work[i].rate = 90000 + frame * 13.0;
	for (uint32_t i = 0; i < s->scenario->nfaults; i++)
		s->fault[i].fired += 3;
	s->nevents = 20;
	for (uint32_t i = 0; i < s->nevents; i++) {
		s->event[i].t_ns = s->now_ns;
		snprintf(s->event[i].text, sizeof s->event[i].text, "GC #%u done, %d", s->gc_cycle + i, frame);
	}
	busy_happen((struct gcs_history *)(uintptr_t)s->history, s, frame); /* it is ours */
}

static void busy_lists(struct gcs_history *h)
{
	for (uint32_t i = 0; i < GCS_HISTORY_PAUSES; i++) {
		int64_t t_ns = BUSY_HOUR_NS / GCS_HISTORY_PAUSES * i;
		gcs_history_pause(h, &(struct gcs_pause_row){.t_ns = t_ns, .dur_ns = busy_length_ns(i), .stopping_ns = 9000,
							     .firing = i % 3 ? 0 : (UINT64_C(1) << 48) + i, .cycle = i, .occurrence = 1,
							     .kind = (uint8_t)(i % GCS_PAUSE_KINDS)});
		gcs_history_firing(h, t_ns, (UINT64_C(1) << 48) + i);
	}
	for (uint32_t i = 0; i < GCS_HISTORY_CYCLES; i++) {
		int64_t t_ns = BUSY_HOUR_NS / GCS_HISTORY_CYCLES * i;
		*gcs_history_cycle(h, i + 1) = (struct gcs_cycle_row){i + 1, 0, t_ns, t_ns + 90000000, t_ns + 90100000, t_ns + 200000000};
	}
	gcs_history_occs(h, GCS_HISTORY_OCCS);
	for (uint32_t i = 0; i < GCS_HISTORY_OCCS; i++) {
		int64_t t_ns = i * INT64_C(7000000000);
		*gcs_history_occ(h) = (struct gcs_occ_row){i % BUSY_FAULTS, i / BUSY_FAULTS, GCS_REC_STEADY, false, t_ns, t_ns + 1000,
							   t_ns + 3000000000, t_ns + 5000000000, 1500000000};
	}
}

static struct gcs_history *busy_history(void)
{
	struct gcs_history *h = gcs_history_create(1000000000);
	if (h == NULL)
		abort();
	busy_lists(h);
	for (int i = 0; i < 3600; i++) {
		struct gcs_measure m = {0};
		for (uint32_t k = 0; k < 40; k++)
			gcs_measure_add(&m, GCS_STW, (uint64_t)busy_length_ns((uint32_t)i * 40 + k));
		gcs_heat_window(&h->heat, i * INT64_C(1000000000), (i + 1) * INT64_C(1000000000), &m, 0);
		gcs_measure_fini(&m);
	}
	return h;
}

struct gcs_snapshot *busy_snapshot(void)
{
	static char name[] = "bench", ids[BUSY_FAULTS][8] = {"maps", "slices", "net"};
	struct gcs_scenario *sc = calloc(1, sizeof *sc);
	struct gcs_snapshot *s = calloc(1, sizeof *s);
	if (sc == NULL || s == NULL)
		abort();
	sc->name = name;
	sc->procs = 2;
	sc->end_ns = s->end_ns = 2 * BUSY_HOUR_NS;
	sc->nworkloads = sc->nfaults = BUSY_FAULTS;
	for (int i = 0; i < BUSY_FAULTS; i++) {
		sc->workload[i].id = sc->fault[i].id = ids[i];
		s->work[i] = (struct gcs_work_view){.id = ids[i], .rate_wanted = 100000};
		s->fault[i] = (struct gcs_fault_view){.id = ids[i], .what = "p=0.02", .armed = true};
	}
	s->scenario = sc;
	s->state = GCS_FAULTING;
	s->history = busy_history();
	return s;
}
