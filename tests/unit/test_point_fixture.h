/*
 * test_point_fixture.h: what the tests of the fault points share: one fault loaded and armed around
 * a body of goroutines, and what the telemetry says of it afterwards, firing by firing.
 */
#pragma once

#include "tests/unit/test_gc_fixture.h"

#include "faults/fault.h"
#include "runtime/watch/telemetry.h"

#include <errno.h>
#include <string.h>

#define POINT_FIRINGS_MAX 4096u
#define POINT_WORKERS	  8u

/* What became of one firing. */
struct point_firing {
	uint64_t id, worker, arg;
	uint32_t masked, began, failed, ran, repaired, late, alone, flushed, idle; /* WATCH_EFFECT, by c */
	uint32_t biased, left, back;
	uint32_t sched[5];				     /* effects 25 to 29: refused, came, preempted, early, needless */
	uint32_t data[5];				     /* WATCH_EFFECT 20 to 24: maps, slices, netpoll */
	uint64_t figure;				     /* of the last of these */
	uint32_t kept, stalled, split; /* of the pages: effects 13 to 15 */
	uint32_t died;
	uint64_t value;					     /* of the last effect */
	uint32_t stops, cycles, stalls, lags, assists;	     /* records that carry it */
	uint64_t stopping_ns, stopped_ns, lag_ns;	     /* longest of them */
	uint32_t sweeps;				     /* WATCH_SWEEP_END that carry it */
	uint64_t heap_at_start;				     /* of the last cycle that carries it */
};

struct point_log {
	struct point_firing f[POINT_FIRINGS_MAX];
	uint32_t n;
	uint32_t emergency_cycles, stalls, stops, lags; /* all there were, with a firing or without */
};

static struct mrt_telemetry *point_telemetry;
static struct point_log point_log;

static inline void point_load(const struct gcs_fault_spec *spec, uint32_t nspecs, uint32_t procs)
{
	static uint32_t worker[POINT_WORKERS + 1] = {MRT_WORKER_MAIN};
	struct gcs_faults_options opt = {.spec = spec,
					 .nspecs = nspecs,
					 .seed = gc_test_seed(),
					 .worker = worker,
					 .nworkers = POINT_WORKERS + 1};

	for (uint32_t i = 0; i < POINT_WORKERS; i++)
		worker[i + 1] = MRT_WORKER_FIRST + i;
	if (point_telemetry == NULL)
		point_telemetry = prim_pages_alloc(sizeof(*point_telemetry));
	GC_TEST_MUST(point_telemetry != NULL);
	memset(point_telemetry, 0, sizeof(*point_telemetry));
	watch_layout_init(point_telemetry, procs);
	opt.telemetry = point_telemetry;
	GC_TEST_MUST(gcs_faults_load(&opt) == 0);
}

static inline void point_arm_all(uint32_t nspecs)
{
	for (uint32_t i = 0; i < nspecs; i++)
		gcs_fault_arm(i, 0, false, mrt_now_ns());
}

static inline uint64_t point_count(const _Atomic uint64_t *counter)
{
	return atomic_load(counter);
}
#define POINT_FAULT(i, what) point_count(&point_telemetry->fault[i].what)

static inline struct point_firing *point_find(uint64_t id)
{
	for (uint32_t i = 0; i < point_log.n; i++)
		if (point_log.f[i].id == id)
			return &point_log.f[i];
	GC_TEST_MUST(point_log.n < POINT_FIRINGS_MAX);
	point_log.f[point_log.n] = (struct point_firing){.id = id};
	return &point_log.f[point_log.n++];
}

static inline void point_effect(struct point_firing *f, const struct watch_record *r)
{
	uint32_t *count[] = {&f->masked, &f->began, &f->failed, &f->ran, &f->repaired, &f->late, &f->alone, &f->flushed,
			     &f->idle};

	if (r->c >= 20 && r->c <= 24) {
		f->data[r->c - 20]++;
		f->figure = r->d;
		return;
	}
	if (r->c == 12 || r->c == 16 || r->c == 17) {
		f->biased += r->c == 12;
		f->left += r->c == 16;
		f->back += r->c == 17;
		f->value = r->d;
		return;
	}
	if (r->c >= 25 && r->c < 30) {
		f->sched[r->c - 25]++;
		f->value = r->d;
		return;
	}
	if (r->c >= 13 && r->c <= 15) {
		++*(r->c == 13 ? &f->kept : r->c == 14 ? &f->stalled : &f->split);
		f->value = r->d;
		return;
	}
	if (r->c == GCS_EFFECT_DIED) {
		f->died++;
		f->value = r->d;
		return;
	}
	GC_TEST_MUST(r->c >= 1 && r->c <= sizeof(count) / sizeof(count[0]));
	++*count[r->c - 1];
	f->value = r->d;
}

static inline void point_record(const struct watch_record *r)
{
	struct point_firing *f = r->kind == WATCH_FIRE	   ? point_find(r->d)
				 : r->kind == WATCH_EFFECT ? point_find(r->b)
				 : (r->kind == WATCH_STW || r->kind == WATCH_GC_START ||
				    r->kind == WATCH_ALLOC_STALL || r->kind == WATCH_WAKE_LAG ||
				    r->kind == WATCH_SWEEP_END || r->kind == WATCH_ASSIST) &&
						 r->e != 0
					 ? point_find(r->e)
					 : NULL;
	struct point_firing none = {0};

	f = f != NULL ? f : &none;
	switch (r->kind) {
	case WATCH_FIRE:
		f->worker = r->b;
		f->arg = r->f;
		break;
	case WATCH_EFFECT:
		point_effect(f, r);
		break;
	case WATCH_STW:
		f->stops++;
		f->stopping_ns = r->b > f->stopping_ns ? r->b : f->stopping_ns;
		f->stopped_ns = r->c > f->stopped_ns ? r->c : f->stopped_ns;
		point_log.stops++;
		break;
	case WATCH_GC_START:
		f->cycles++;
		f->heap_at_start = r->c;
		point_log.emergency_cycles += r->b == 5 /* GC_TRIGGER_EMERGENCY */;
		break;
	case WATCH_ASSIST:
		f->assists++;
		break;
	case WATCH_SWEEP_END:
		f->sweeps++;
		break;
	case WATCH_ALLOC_STALL:
		f->stalls++;
		point_log.stalls++;
		break;
	case WATCH_WAKE_LAG:
		f->lags++;
		f->lag_ns = r->b > f->lag_ns ? r->b : f->lag_ns;
		point_log.lags++;
		break;
	default:
		break;
	}
}

/* Everything that the run has written, by firing. */
static inline void point_read(void)
{
	static struct watch_record rec[4096];
	size_t n;

	memset(&point_log, 0, sizeof(point_log));
	while ((n = watch_drain(point_telemetry, rec, 4096)) > 0)
		for (size_t i = 0; i < n; i++)
			point_record(&rec[i]);
	assert_int_equal(watch_lost(point_telemetry), 0);
}

/* Load, run with the telemetry, read, and take the faults down again; counters stay readable. */
static inline void point_run(const struct gcs_fault_spec *spec, uint32_t nspecs,
			     struct mrt_options opt, mrt_go_fn *fn, void *arg)
{
	if (opt.procs == 0)
		opt.procs = 2;
	point_load(spec, nspecs, opt.procs);
	opt.telemetry = point_telemetry;
	gc_test_run(opt, fn, arg);
	gcs_faults_clear();
	point_read();
}

static inline int point_main(const char *group, const struct CMUnitTest *tests, size_t count)
{
	if (!GCS_FAULTS) {
		printf("# built without faults\n");
		return 77;
	}
	return _cmocka_run_group_tests(group, tests, count, gc_test_setup, NULL);
}
