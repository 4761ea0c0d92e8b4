/*
 * gate.h: the fault gate at a site; the one header of faults/ that the runtime includes.
 *
 * A site is one line:   if (gcs_gate(GCS_POINT_mem_malloc)) { cold path: gcs_decide(...) }
 * Disarmed, it is a relaxed load and an untaken branch. Built with --disable-faults
 * (GCS_FAULTS=0) it is nothing.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#ifndef GCS_FAULTS
#define GCS_FAULTS 1
#endif

enum gcs_point {
#define POINT(id, family, name, ...) GCS_POINT_##family##_##name = id,
#include "faults/points.def"
#include "faults/saboteurs.def"
#undef POINT
	GCS_POINT_COUNT_MAX = 128 /* ids are below; never reused */
};

/* What a condition may ask of the runtime. */
enum gcs_rt_state {
#define STATE(id, ident, ...) GCS_RT_##ident = id,
#define STATE_WORD(...)
#include "faults/states.def"
#undef STATE
#undef STATE_WORD
	GCS_RT_COUNT_MAX = 64 /* ids are below; never reused */
};

enum gcs_action { GCS_ACT_NONE, GCS_ACT_FAIL = 1, GCS_ACT_DELAY = 2, GCS_ACT_FORCE = 4, GCS_ACT_DROP = 8, GCS_ACT_DUPLICATE = 16,
	GCS_ACT_REORDER = 32, GCS_ACT_BIAS = 64,
	GCS_ACT_BREAK = 128 /* of saboteurs alone */, GCS_ACT_COALESCE = 256 };

/* What came of a firing, and with each a figure (faults/effects.def). */
enum gcs_effect {
#define EFFECT(id, ident, ...) GCS_EFFECT_##ident = id,
#include "faults/effects.def"
#undef EFFECT
};

/* Of a point that a site visits at several places in a row, each fault is at one of them, and sees only the visits there. gc/write:
 * before the barrier has shaded what the store overwrites and what it writes; after that, before the store; after the store. */
enum gcs_where { GCS_WHERE_BEFORE_SHADE, GCS_WHERE_AFTER_SHADE, GCS_WHERE_AFTER_STORE, GCS_WHERES };
/* How a fault of gc/write fires: starts a cycle, while none runs; waits for the whole of one of its own, running or not; the same, but
 * only at the first store of its goroutine since the barrier went on. */
enum gcs_mode { GCS_MODE_START, GCS_MODE_CYCLE, GCS_MODE_EDGE, GCS_MODES };

/* Number of armed faults on each point. */
extern _Atomic uint32_t gcs_gates[GCS_POINT_COUNT_MAX];

static inline bool gcs_gate(enum gcs_point point)
{
#if GCS_FAULTS
	return __builtin_expect(atomic_load_explicit(&gcs_gates[point], memory_order_relaxed) != 0, 0);
#else
	(void)point;
	return false;
#endif
}

/* What the site knows. */
struct gcs_site {
	uint32_t worker;    /* MRT_WORKER_*; the ordinal's owner */
	uint16_t driver;    /* workload index, 0xffff none */
	uint16_t p;         /* P id for the log, 0xffff: none */
	uint32_t gc_cycle;
	uint8_t gc_phase;
	bool eligible;      /* false: counted as a visit, not decided */
	uint16_t actions;   /* enum gcs_action bits that make sense at this visit: it is not eligible for a fault with another; 0: all */
	uint8_t where;      /* enum gcs_where; a fault that is at another place does not see the visit */
	uint8_t modes;      /* bits 1 << enum gcs_mode: for faults with another the visit is not eligible; 0: all */
	int64_t now_ns;
	uint64_t arg;       /* size, key, ... */
	void *ring;         /* struct watch_ring * of the P held, NULL: shared ring */
	uint32_t goroutine; /* fault worker id of the goroutine that the visit is about; 0: about none */
	const char *type;   /* name of the object's type descriptor; NULL: the site knows none */
	const void *map;    /* struct mrt_map * that the visiting goroutine is at work on; NULL: none */
};

/* The runtime answers conditions: a state's value, whole (bytes, a count, 0 or 1, a phase). Cheap, takes no lock, any thread; in the simulation a
 * function of the run alone. Those of a map only with site->map. Set by the runtime before its first goroutine runs, NULL after the last: no
 * condition holds then. */
typedef int64_t gcs_rt_state_fn(enum gcs_rt_state state, const struct gcs_site *site);
extern gcs_rt_state_fn *gcs_rt_state_source;

struct gcs_firing {
	uint64_t id;        /* (fault index + 1) << 48 | worker << 32 | ordinal; never 0 */
	uint32_t fault;
	enum gcs_action action;
	int err;            /* FAIL: errno, positive */
	int64_t delay_ns;   /* DELAY, COALESCE: jitter included */
	uint32_t by_milli;  /* BIAS: multiply by this, in 10^-3 */
	enum gcs_mode mode;
};

/* Cold path: visit every fault armed on this point in order; true: one fires. Counts, decides (schedule, then libfiu), logs. Never yields,
 * never waits, takes only libfiu's lock. */
bool gcs_decide(enum gcs_point point, const struct gcs_site *site, struct gcs_firing *ret);
/* Bits 1 << enum gcs_where: where faults are armed on this point, or about to fire once. */
uint32_t gcs_armed_where(enum gcs_point point);
/* What became of it, for the ledger. */
void gcs_effect(const struct gcs_site *site, uint64_t firing, enum gcs_effect effect, uint64_t value);
