/*
 * sabotage.c: saboteurs of the collector: they break it on purpose, and the checks must find it.
 *
 * early_free and flip_bit are visited once a cycle, with the world stopped, on behalf of the collector
 * whoever ends the cycle; flip_bit before the heap check of that edge, early_free after it, as a
 * sweep that goes wrong would be. Each takes one marked object, drawn from the firing.
 */
#include "runtime/gc/gc_priv.h"

bool gc_sabotage(struct sched_g *g, enum gcs_point point, uint64_t arg)
{
	struct gcs_site site = gc_site(g, !g->system, arg);
	struct gcs_firing firing;

	return gcs_decide(point, &site, &firing) && firing.action == GCS_ACT_BREAK;
}

/* Visited for g, whoever scans it: so ordinals do not depend on that. */
bool gc_sabotage_frame(const struct sched_g *g)
{
	struct gcs_site site = {
		.worker = g->worker,
		.driver = g->driver,
		.p = 0xffff,
		.gc_cycle = gc_cycle(),
		.gc_phase = (uint8_t)gc_phase_now(),
		.eligible = !g->system && g->pub.frames != NULL,
		.now_ns = prim_now_ns(),
	};
	struct gcs_firing firing;

	return gcs_decide(GCS_POINT_sabotage_unrooted, &site, &firing) &&
	       firing.action == GCS_ACT_BREAK;
}

static uint64_t sabotage_mix(uint64_t x)
{
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* false: nothing fires; else numbers for its choices. */
static bool sabotage_stopped(enum gcs_point point, uint64_t *ret_draw)
{
	struct gcs_site site = {
		.worker = MRT_WORKER_GC,
		.driver = 0xffff,
		.p = 0xffff,
		.gc_cycle = gc_cycle(),
		.gc_phase = (uint8_t)gc_phase_now(),
		.eligible = true,
		.now_ns = prim_now_ns(),
	};
	struct gcs_firing firing;

	if (!gcs_decide(point, &site, &firing) || firing.action != GCS_ACT_BREAK)
		return false;
	*ret_draw = sabotage_mix(firing.id);
	return true;
}

struct sabotage_pick {
	uint64_t left; /* marked objects to pass over */
	uint64_t marked;
	struct mem_obj obj;
};

static int sabotage_pick_span(struct mem_span *s, void *arg)
{
	struct sabotage_pick *pick = arg;

	for (uint32_t i = 0; i < s->nelems; i++) {
		struct mem_obj o = {.span = s, .base = s->base + i * s->elem_bytes, .index = i};

		if (!mem_marked(&o))
			continue;
		pick->marked++;
		if (pick->left-- == 0) {
			pick->obj = o;
			return 1;
		}
	}
	return 0;
}

/* One of all marked objects; false: there is none. */
static bool sabotage_pick(uint64_t draw, struct mem_obj *ret)
{
	struct sabotage_pick pick = {.left = UINT64_MAX};

	mem_walk_spans(sabotage_pick_span, &pick);
	if (pick.marked == 0)
		return false;
	pick.left = draw % pick.marked;
	mem_walk_spans(sabotage_pick_span, &pick);
	*ret = pick.obj;
	return true;
}

static void sabotage_unmark(const struct mem_obj *o)
{
	/* Relaxed: as mem_mark. */
	atomic_fetch_and_explicit(&o->span->mark_bits[o->index / 64],
				  ~(UINT64_C(1) << (o->index % 64)), memory_order_relaxed);
}

static void sabotage_flip_bit(void)
{
	struct mem_obj o;
	uint64_t draw, bit;

	if (!sabotage_stopped(GCS_POINT_sabotage_flip_bit, &draw) || !sabotage_pick(draw, &o))
		return;
	draw = sabotage_mix(draw);
	bit = draw / 2 % (mem_obj_bytes(&o) * 8);
	if (draw % 2 == 0)
		sabotage_unmark(&o);
	else
		__atomic_fetch_xor((uint64_t *)o.base + bit / 64, UINT64_C(1) << (bit % 64),
				   __ATOMIC_RELAXED);
}

void gc_sabotage_marked(void)
{
	if (gcs_gate(GCS_POINT_sabotage_flip_bit))
		sabotage_flip_bit();
}

void gc_sabotage_checked(void)
{
	struct mem_obj o;
	uint64_t draw;

	if (gcs_gate(GCS_POINT_sabotage_early_free) &&
	    sabotage_stopped(GCS_POINT_sabotage_early_free, &draw) && sabotage_pick(draw, &o))
		sabotage_unmark(&o);
}
