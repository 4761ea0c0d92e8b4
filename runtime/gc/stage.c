/*
 * stage.c: a mark phase that a fault holds still: before its roots are scanned (gc/roots), or when
 * they are, before the heap is (gc/mark).
 *
 * Whether a cycle is held is asked while the world is stopped for its beginning; it is held while the
 * program runs. A closed stage hands out none of its jobs, to workers and to assists alike. The first
 * worker that finds marking to have come there sleeps the time out, being active, so that marking does
 * not end; then the stage is open and everybody is called. Until somebody sleeps, a closed stage counts
 * as work, so that a worker comes; from then on it does not, so that none comes for nothing.
 */
#include "runtime/gc/gc_priv.h"

_Atomic uint32_t gc_stages_closed;

static struct stage {
	_Atomic bool waited; /* a worker sleeps for it */
	int64_t delay_ns;
	struct gcs_site site; /* where it was closed */
	uint64_t firing;
} stages[GC_STAGES];

void gc_stages_init(void)
{
	atomic_store_explicit(&gc_stages_closed, 0, memory_order_relaxed);
}

static void stage_ask(struct sched_g *g, enum gcs_point point, enum gc_stage stage)
{
	struct stage *s = &stages[stage];
	struct gcs_firing firing;

	s->site = gc_site(g, true, 0);
	s->site.worker = MRT_WORKER_GC;
	s->site.driver = 0xffff; /* a cycle is everybody's, whoever begins it */
	if (!gcs_decide(point, &s->site, &firing) || firing.action != GCS_ACT_DELAY)
		return;
	s->delay_ns = firing.delay_ns;
	s->firing = firing.id;
	atomic_store_explicit(&s->waited, false, memory_order_relaxed);
	atomic_fetch_or_explicit(&gc_stages_closed, 1u << stage, memory_order_relaxed);
	gc_held_up_by(firing.id);
}

void gc_stages_begin(struct sched_g *g)
{
	if (gcs_gate(GCS_POINT_gc_roots))
		stage_ask(g, GCS_POINT_gc_roots, GC_STAGE_ROOTS);
	if (gcs_gate(GCS_POINT_gc_mark))
		stage_ask(g, GCS_POINT_gc_mark, GC_STAGE_HEAP);
}

/* The first stage that is closed, if marking has come there; NULL: it has not. */
static struct stage *stage_reached(void)
{
	if (gc_stage_closed(GC_STAGE_ROOTS))
		return &stages[GC_STAGE_ROOTS];
	return gc_stage_closed(GC_STAGE_HEAP) && !gc_roots_left() ? &stages[GC_STAGE_HEAP] : NULL;
}

bool gc_stage_work_available(void)
{
	const struct stage *s = stage_reached();

	return s == NULL || !atomic_load_explicit(&s->waited, memory_order_relaxed);
}

void gc_stage_wait(struct sched_g *g)
{
	struct stage *s = stage_reached();
	int64_t begin_ns;

	if (s == NULL || atomic_exchange_explicit(&s->waited, true, memory_order_relaxed))
		return;
	begin_ns = prim_now_ns();
	mrt_sleep_until(&g->pub, begin_ns + s->delay_ns);
	gc_late_effect(g, s->site, s->firing, begin_ns);
	/* Sequentially consistent: an M that gives up looking sees it, or is seen by the wake. */
	atomic_fetch_and(&gc_stages_closed, ~(1u << (s - stages)));
	gc_workers_call();
	gc_workers_answer();
}
