/*
 * gc.h: the collector, as the rest of the runtime sees it.
 *
 * Concurrent tri-colour mark and sweep with Go's hybrid barrier and phases (mgc.go): off -> mark -> mark
 * termination -> off, two short stops, ragged barrier before the second. White: unmarked; grey: marked and in a
 * work buffer; black: marked and scanned. Strong invariant kept by the barrier: no black object points to a white one
 * unless a grey object protects it.
 *
 * Files: alloc.c (mallocgc order, OOM policy), barrier.c, workbuf.c, mark.c (drain, oblets), roots.c, assist.c, pacer.c, pacer_goal.c,
 * cons_mark.c, limiter.c (the share of the CPU), trace.c (gcpacertrace, scavtrace), cycle.c (phases), worker.c (background workers), sweep.c,
 * scavenge.c (what goes back to the system), check.c, memstats.c, metrics.c (runtime/metrics), profile.c (samples of the heap profile).
 */
#pragma once

#include "faults/gate.h"
#include "runtime/mem/mem.h"
#include "runtime/mrt.h"
#include "runtime/sched/sched.h"

enum gc_phase { GC_OFF = 0, GC_MARK = 1, GC_MARK_TERMINATION = 2 };
enum gc_trigger { GC_TRIGGER_HEAP, GC_TRIGGER_TIME, GC_TRIGGER_FORCED /* mrt_gc */, GC_TRIGGER_FAULT, GC_TRIGGER_STRESS, GC_TRIGGER_EMERGENCY };

/* One relaxed load; changes only while the world is stopped. */
extern _Atomic uint32_t gc_barrier_on;
static inline bool gc_barrier_enabled(void)
{
	return PRIM_UNLIKELY(atomic_load_explicit(&gc_barrier_on, memory_order_relaxed) != 0);
}

struct gc_options {
	uint32_t procs;
	uint64_t seed, heap_profile_rate;
	int gogc; uint64_t memlimit; enum mrt_pacer pacer; bool gctrace, pacertrace, scavtrace; uint64_t gc_every; bool check_edges;
	struct mrt_telemetry *telemetry;
};
int gc_init(const struct gc_options *opt); /* before sched_init: gives it gc_sched_hooks; after mem_init with gc_mem_hooks */
int gc_start_workers(void);                /* after sched_init: mark workers, sweeper */
void gc_fini(void);
extern const struct sched_gc_hooks gc_sched_hooks;
extern const struct mem_hooks gc_mem_hooks;

/* ---- used by data/ (maps, slices) */

/*
 * The allocator: zeroed memory for n elements of type, pinned to the operation g is in (sched_op_enter). A safepoint: everything
 * the caller needs afterwards must be rooted or pinned. Every call with a size above 0 is exactly one visit of the mem/malloc gate
 * (system goroutines: none), the emergency collection's retry included, so that a map operation passes one gate an allocation.
 * -ENOMEM, -EOVERFLOW; *ret is written last.
 */
int gc_alloc(struct sched_g *g, const struct mrt_type *type, size_t n, void **ret);
/* A fault has refused g `bytes`, for good: its effect is told. -errno; under `throw` that is the end (runtime/mem/throw.h). */
int gc_fault_fails(struct sched_g *g, const struct gcs_site *site, const struct gcs_firing *firing, size_t bytes);
/* The barrier alone, for bulk moves: shade what is overwritten and what is stored. Call before the store. No safepoint. */
void gc_barrier(struct sched_g *g, void *old_value, void *new_value);
/* Store with barrier and without the gc/write gate, no safepoint: for stores inside a runtime operation. */
static inline void gc_store(struct sched_g *g, void **slot, void *value)
{
	if (gc_barrier_enabled())
		gc_barrier(g, __atomic_load_n(slot, __ATOMIC_RELAXED), value);
	/* Release: pairs with the marker's acquire load; what the object was zeroed to is seen before its address. */
	__atomic_store_n(slot, value, __ATOMIC_RELEASE);
}
/* Compare and swap with the barrier (atomic_pointer.go: atomicwb): what is expected and what is stored are shaded before; when it
 * fails, for nothing. True: *slot was `expected` and is `value`. No safepoint. */
static inline bool gc_cas(struct sched_g *g, void **slot, void *expected, void *value)
{
	if (gc_barrier_enabled())
		gc_barrier(g, expected, value);
	/* Release: as gc_store. Acquire: pairs with it, and with the release here, for who goes on with what was there. */
	return __atomic_compare_exchange_n(slot, &expected, value, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}
/* What a site knows of the goroutine that visits it, which holds its P. arg: size or key, as the point has it. */
struct gcs_site gc_site(const struct sched_g *g, bool eligible, uint64_t arg);
/* Visit an armed gate that may start a GC (gc/map_assign, gc/append, map/iterate); a safepoint then. Call it at a place of the
 * operation where everything is rooted or pinned and consistent. arg: what the site knows, size or key. */
void gc_force_point(struct sched_g *g, enum gcs_point point, uint64_t arg);
/* The same, of a site that knows more: the name of the elements' or the object's type, the map (NULL: none). */
struct gc_about {
	uint64_t arg;
	const char *type;
	const struct mrt_map *map;
};
void gc_force_point_about(struct sched_g *g, enum gcs_point point, struct gc_about about);
/* The same at a point where something else may happen too: `others` are the actions that make sense there now. True: one of them has
 * fired, *ret, and is the caller's to carry out. */
bool gc_force_point_or(struct sched_g *g, enum gcs_point point, struct gc_about about, uint16_t others, struct gcs_firing *ret);
/* The gate of gc/write is armed, and g about to store n of elem, or has stored them. Between them, and at both, what is stored and the
 * object that dst lies in (NULL: it is not there yet) are rooted or pinned. Safepoints; the store has its barrier after the first. */
void gc_write_begin(struct sched_g *g, const struct mrt_type *elem, void *dst, const void *src, size_t n);
void gc_write_end(struct sched_g *g);
/* Visit an armed saboteur's gate: true: break something now. No safepoint. */
bool gc_sabotage(struct sched_g *g, enum gcs_point point, uint64_t arg);
/* Copy `n` elements of `elem` (pointer words: relaxed atomic, with barrier when on; the rest memcpy). No safepoint. dst in heap. */
void gc_copy_typed(struct sched_g *g, const struct mrt_type *elem, void *dst, const void *src, size_t n);
/* Zero typed memory with the barrier for its pointers. */
void gc_clear_typed(struct sched_g *g, const struct mrt_type *elem, void *dst, size_t n);

/* fn is called in every first stop of a cycle, before anything is marked (runtime_registerPoolCleanup): what it lets go is not found.
 * One, until gc_fini. It does not allocate; its stores need no barrier. */
void gc_on_start(void (*fn)(void));

/* ---- state, lock-free reads */
enum gc_phase gc_phase(void);
uint32_t gc_cycle(void); /* number of the current or, when off, the last begun cycle */
uint64_t gc_heap_live(void);
uint64_t gc_heap_goal(void);
uint64_t gc_heap_trigger(void);
uint64_t gc_heap_marked(void); /* by the last cycle that ended; before the first: 0, with the pacer of 1.21 what makes the floor the goal */
bool gc_sweeping(void);
/* Start a cycle unless one runs; returns its number or 0 if one was running. firing: fault firing that asks, 0 none. Safepoint. */
uint32_t gc_start(struct sched_g *g, enum gc_trigger why, uint64_t firing);
/* Wait until a cycle that began after this call has ended and is swept, starting it if need be. Waiters share it; who starts it
 * names the firing that asks, 0 none. That cycle's number. Safepoint. */
uint32_t gc_wait_full(struct sched_g *g, enum gc_trigger why, uint64_t firing);

/* Objects allocated with exactly this descriptor are remembered while they live (up to GC_CHECK_OBJECTS_MAX), and every heap check
 * calls fn on each: 0, or -EUCLEAN with a text. World stopped. For few and long-lived things: map headers. Before the first
 * allocation; at most GC_CHECK_TYPES_MAX types. */
#define GC_CHECK_TYPES_MAX 8
#define GC_CHECK_OBJECTS_MAX 4096
void gc_check_register(const struct mrt_type *type, int (*fn)(void *obj, char *text, size_t cap));
