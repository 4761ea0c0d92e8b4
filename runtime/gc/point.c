/*
 * point.c: what the fault points of the collector do when they fire. The sites are one line each:
 * an armed gate calls in here.
 *
 * A goroutine of the runtime that stalls is asleep, as a thread is that the system does not run: its
 * P goes on without it. Everything that came late says so in one effect, with by how much.
 */
#include "runtime/gc/gc_priv.h"

#include <errno.h>

struct gcs_site gc_site(const struct sched_g *g, bool eligible, uint64_t arg)
{
	return (struct gcs_site){
		.worker = g->worker,
		.driver = g->driver,
		.p = (uint16_t)g->p->id,
		.gc_cycle = gc_cycle(),
		.gc_phase = (uint8_t)gc_phase_now(),
		.eligible = eligible,
		.now_ns = prim_now_ns(),
		.arg = arg,
		.ring = g->p->ring,
		.goroutine = g->worker,
	};
}

/* -------------------------------------------------------------------- force */

/* After a safepoint g may be on another P. */
static void point_here(const struct sched_g *g, struct gcs_site *site)
{
	site->now_ns = prim_now_ns();
	site->p = (uint16_t)g->p->id;
	site->ring = g->p->ring;
}

/* The right to begin a cycle is ours. */
static uint32_t force_begin(struct sched_g *g, struct gcs_site site, uint64_t firing)
{
	uint32_t cycle = gc_start_claimed(g, GC_TRIGGER_FAULT, firing);

	point_here(g, &site);
	gcs_effect(&site, firing, GCS_EFFECT_BEGAN, cycle);
	return cycle;
}

/*
 * Eligible is who holds the right to begin a cycle before he is asked: so a firing is a cycle that
 * carries its id, whatever other Ps do.
 */
bool gc_force_point_or(struct sched_g *g, enum gcs_point point, struct gc_about about,
		       uint16_t others, struct gcs_firing *ret)
{
	bool claimed = !g->system && gc_claim_to_ask(), fires;
	struct gcs_site site = gc_site(g, claimed || others != 0, about.arg);

	site.type = about.type;
	site.map = about.map;
	site.actions = others | (claimed ? GCS_ACT_FORCE : 0);
	fires = gcs_decide(point, &site, ret);
	if (fires && ret->action == GCS_ACT_FORCE && claimed) {
		force_begin(g, site, ret->id);
		return false;
	}
	if (claimed)
		gc_unclaim(g);
	return fires && (ret->action & others) != 0;
}

void gc_force_point_about(struct sched_g *g, enum gcs_point point, struct gc_about about)
{
	struct gcs_firing firing;

	gc_force_point_or(g, point, about, 0, &firing);
}

void gc_force_point(struct sched_g *g, enum gcs_point point, uint64_t arg)
{
	gc_force_point_about(g, point, (struct gc_about){.arg = arg});
}

/* The writer stands still in the middle of its store for the whole of a cycle of its own, after the
 * rest of one that runs. */
static void write_cycle(struct sched_g *g, struct gcs_site site, uint64_t firing, bool claimed)
{
	uint32_t cycle;

	if (!claimed)
		gc_claim_wait(g);
	cycle = force_begin(g, site, firing);
	gc_wait_marks(g, cycle);
	if (gc_cycle() == cycle)
		gc_sweep_finish(g);
	gc_late_effect(g, site, firing, site.now_ns);
}

/* Every store is a visit, eligible for each mode that it suits. */
void gc_write_point(struct sched_g *g, enum gcs_where where, bool edge)
{
	bool claimed = !g->system && gc_claim_to_ask();
	struct gcs_site site = gc_site(g, !g->system, 0);
	struct gcs_firing firing;

	site.where = (uint8_t)where;
	site.modes = (uint8_t)(1u << GCS_MODE_CYCLE | (uint32_t)claimed << GCS_MODE_START |
			       (uint32_t)edge << GCS_MODE_EDGE);
	if (!gcs_decide(GCS_POINT_gc_write, &site, &firing) || firing.action != GCS_ACT_FORCE) {
		if (claimed)
			gc_unclaim(g);
	} else if (firing.mode == GCS_MODE_START && claimed) {
		force_begin(g, site, firing.id);
	} else {
		write_cycle(g, site, firing.id, claimed);
	}
}

/* --------------------------------------------------------------------- bias */

/* World stopped, or nothing runs yet. */
uint64_t gc_limit_point(uint64_t limit)
{
	const struct sched_g *g = sched_current();
	struct gcs_firing firing;
	struct gcs_site site;

	if (g == NULL)
		return limit;
	site = gc_site(g, limit != 0, limit);
	site.worker = MRT_WORKER_GC;
	site.driver = 0xffff; /* whoever ends a cycle ends it for all */
	if (!gcs_decide(GCS_POINT_mem_limit, &site, &firing) || firing.action != GCS_ACT_BIAS)
		return limit;
	limit = (uint64_t)((unsigned __int128)limit * firing.by_milli / 1000);
	limit = limit != 0 ? limit : 1; /* 0 would be none */
	gcs_effect(&site, firing.id, GCS_EFFECT_BIASED, limit);
	return limit;
}

uint64_t gc_biased(uint64_t figure, uint32_t by_milli)
{
	unsigned __int128 x = (unsigned __int128)figure * by_milli / 1000;

	return x > INT64_MAX ? INT64_MAX : (uint64_t)x;
}

/* Whoever ends a cycle ends it for all. */
static struct gcs_site bias_site(bool eligible, uint64_t figure)
{
	struct gcs_site site = gc_site(sched_current(), eligible, figure);

	site.worker = MRT_WORKER_GC;
	site.driver = 0xffff;
	return site;
}

bool gc_bias_point(enum gcs_point point, bool eligible, uint64_t figure, struct gcs_firing *ret)
{
	struct gcs_site site = bias_site(eligible, figure);

	return gcs_decide(point, &site, ret) && ret->action == GCS_ACT_BIAS;
}

void gc_bias_effect(uint64_t firing, uint64_t was, uint64_t is)
{
	struct gcs_site site = bias_site(true, was);

	gcs_effect(&site, firing, was != is ? GCS_EFFECT_BIASED : GCS_EFFECT_IDLE, is);
}

void gc_gogc_restore(struct sched_g *g)
{
	/* A cycle that runs sets it at its end. */
	if (gc_phase_now() == GC_OFF)
		gc_set_gogc(g, gc_counted(&gc_pacer.gogc_set));
}

/* ---------------------------------------------------------------------- pages */

/* Under the heap's lock. */
uint64_t gc_fragment(size_t bytes, bool choice)
{
	const struct sched_g *g = sched_current();
	struct gcs_firing firing;
	struct gcs_site site;

	if (g == NULL || g->system)
		return 0;
	site = gc_site(g, choice, bytes);
	if (!gcs_decide(GCS_POINT_mem_fragment, &site, &firing) ||
	    firing.action != GCS_ACT_FORCE)
		return 0;
	return firing.id;
}

void gc_fragmented(uint64_t firing, size_t longest)
{
	struct gcs_site site = gc_site(sched_current(), true, longest);

	gcs_effect(&site, firing, GCS_EFFECT_SPLIT, longest);
}

/* The scavenger and allocations at once: one counts after the other. */
static prim_mutex release_lock;

static bool release_decide(const struct gcs_site *site, struct gcs_firing *ret)
{
	bool fires;

	prim_mutex_lock(&release_lock);
	fires = gcs_decide(GCS_POINT_mem_os_release, site, ret);
	prim_mutex_unlock(&release_lock);
	return fires;
}

int gc_release(size_t bytes)
{
	const struct sched_g *g = sched_current();
	struct gcs_firing firing;
	struct gcs_site site;
	int64_t begin_ns;

	if (g == NULL)
		return 0;
	site = gc_site(g, true, bytes);
	site.worker = MRT_WORKER_SCAVENGER;
	begin_ns = site.now_ns;
	if (!release_decide(&site, &firing))
		return 0;
	if (firing.action == GCS_ACT_FAIL) {
		gcs_effect(&site, firing.id, GCS_EFFECT_KEPT, bytes);
		return firing.err > 0 ? -firing.err : -ENOMEM;
	}
	prim_sleep_until(begin_ns + firing.delay_ns);
	site.now_ns = prim_now_ns();
	gcs_effect(&site, firing.id, GCS_EFFECT_LATE, (uint64_t)(site.now_ns - begin_ns));
	return 0;
}

/* ------------------------------------------------------------------- delays */

void gc_late_effect(const struct sched_g *g, struct gcs_site site, uint64_t firing, int64_t since_ns)
{
	point_here(g, &site);
	gcs_effect(&site, firing, GCS_EFFECT_LATE, (uint64_t)(site.now_ns - since_ns));
}

bool gc_stall_point(struct sched_g *g, struct gc_stall stall)
{
	struct gcs_site site = gc_site(g, stall.eligible, stall.arg);
	struct gcs_firing firing;

	site.worker = stall.worker;
	if (stall.worker == MRT_WORKER_GC)
		site.driver = 0xffff; /* for all, whoever it is */
	if (!gcs_decide(stall.point, &site, &firing) || firing.action != GCS_ACT_DELAY)
		return false;
	if (stall.firing != NULL)
		atomic_store_explicit(stall.firing, firing.id, memory_order_relaxed);
	if (stall.cycle)
		gc_held_up_by(firing.id);
	mrt_sleep_until(&g->pub, site.now_ns + firing.delay_ns);
	gc_late_effect(g, site, firing.id, site.now_ns);
	return true;
}

uint64_t gc_worker_point(struct sched_g *g, uint32_t p, bool may_leave)
{
	struct gcs_site site = gc_site(g, true, p);
	struct gcs_firing firing;

	site.worker = MRT_WORKER_MARK0;
	site.actions = GCS_ACT_DELAY | (may_leave ? GCS_ACT_DROP : 0);
	if (!gcs_decide(GCS_POINT_gc_worker, &site, &firing))
		return 0;
	if (firing.action == GCS_ACT_DROP)
		return firing.id;
	mrt_sleep_until(&g->pub, site.now_ns + firing.delay_ns);
	gc_late_effect(g, site, firing.id, site.now_ns);
	return 0;
}

void gc_scan_point(const struct sched_g *g)
{
	const struct sched_g *self = sched_current(); /* who scans, g itself at a safepoint */
	struct gcs_site site = gc_site(self, !g->system, g->npins);
	struct gcs_firing firing;

	site.worker = site.goroutine = g->worker;
	site.driver = g->driver;
	if (!gcs_decide(GCS_POINT_gc_stack_scan, &site, &firing) ||
	    firing.action != GCS_ACT_DELAY)
		return;
	sched_busy_until(site.now_ns + firing.delay_ns);
	gc_late_effect(self, site, firing.id, site.now_ns);
}

/* A cycle that is due and held back. Written by who holds the right to begin one. */
static struct {
	_Atomic int64_t until_ns; /* 0: none is */
	struct gcs_site site;	  /* where it was due */
	uint64_t firing;
} hold;

void gc_point_init(void)
{
	atomic_store_explicit(&hold.until_ns, 0, memory_order_relaxed);
	hold.firing = 0;
	prim_mutex_init(&release_lock, PRIM_RANK_FAULTS);
}

/* The right to begin a cycle is ours and the trigger is reached. */
static void hold_decide(struct sched_g *g)
{
	struct gcs_site site = gc_site(g, !g->system, 0);
	struct gcs_firing firing;

	site.worker = MRT_WORKER_GC;
	if (!gcs_decide(GCS_POINT_gc_start, &site, &firing) || firing.action != GCS_ACT_DELAY)
		return;
	hold.site = site;
	hold.firing = firing.id;
	/* Relaxed: the other fields are read by holders of the right only. */
	atomic_store_explicit(&hold.until_ns, site.now_ns + firing.delay_ns, memory_order_relaxed);
}

bool gc_start_held(struct sched_g *g)
{
	int64_t until_ns = atomic_load_explicit(&hold.until_ns, memory_order_relaxed);

	if (until_ns == 0 && gcs_gate(GCS_POINT_gc_start) && gc_claim_to_ask()) {
		/* Another may have decided, or the cycle may have been, in between. */
		if (atomic_load_explicit(&hold.until_ns, memory_order_relaxed) == 0 &&
		    gc_pacer_triggered())
			hold_decide(g);
		until_ns = atomic_load_explicit(&hold.until_ns, memory_order_relaxed);
		gc_unclaim(g);
	}
	return until_ns != 0 && prim_now_ns() < until_ns;
}

uint64_t gc_hold_firing(void)
{
	return hold.firing;
}

void gc_hold_end(struct sched_g *g)
{
	if (hold.firing == 0)
		return;
	gc_late_effect(g, hold.site, hold.firing, hold.site.now_ns);
	hold.firing = 0;
	atomic_store_explicit(&hold.until_ns, 0, memory_order_relaxed);
}
