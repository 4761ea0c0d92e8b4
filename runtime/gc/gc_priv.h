/*
 * gc_priv.h: what the files of gc/ share among themselves.
 *
 * Locks: none is held across a safepoint. Rising rank: roots and waiters (SWEEP), the assist queue
 * (ASSIST), work buffers (WORKBUF). All ratios are fixed point with 32 fractional bits, so that
 * every build decides alike.
 */
#pragma once

#include "faults/gate.h"
#include "runtime/gc/gc.h"
#include "runtime/watch/pacertrace.h"
#include "runtime/watch/scavtrace.h"
#include "runtime/watch/time_hist.h"
#include "runtime/watch/telemetry.h"

#define GC_WORKBUF_BYTES	2048u
#define GC_WORKBUF_PTRS		253u
#define GC_BARRIER_PTRS		512u
#define GC_OBLET_BYTES		((size_t)128 << 10)
#define GC_CREDIT_SLACK		2000   /* scan work a worker keeps before it flushes */
#define GC_CHECK_THRESHOLD	100000 /* scan work between self-preemption checks */
#define GC_OVER_ASSIST_WORK	65536  /* least work of one assist */
#define GC_ASSIST_TIME_SLACK_NS 5000
#define GC_PERIOD_NS		(INT64_C(120) * 1000000000)
#define GC_WORKER_BACK_NS	INT64_C(10000000) /* marking without any worker, on busy Ps */
#define GC_HEAP_MINIMUM		((uint64_t)4 << 20)
#define GC_PENDING_ROOTS_MAX	512u
#define GC_GLOBALS_MAX		1024u
#define GC_PROCS_MAX		64u
#define GC_Q32			((uint64_t)1 << 32)

struct gc_workbuf {
	struct gc_workbuf *next;
	uint32_t n, at, pad[2]; /* at: of a buffer of spans, those before it are taken */
	uintptr_t obj[GC_WORKBUF_PTRS];
};
_Static_assert(sizeof(struct gc_workbuf) == GC_WORKBUF_BYTES, "253 pointers in 2048 bytes");

/* The collector's part of a P. Owner: whoever holds the P; the stopper while the world is stopped.
 */
struct gc_local {
	struct gc_workbuf *w1, *w2; /* LIFO: w1 is the one in use */
	struct gc_workbuf *spans_in, *spans_out; /* FIFO; both or none are there */
	uint32_t barrier_n;
	bool flushed; /* handed a buffer to the shared list since the last ragged barrier */
	uint64_t bytes_marked;	       /* in this cycle: greyed here, or born black here */
	int64_t scan_work;	       /* bytes scanned in heap objects, not yet counted */
	uint64_t scan_alloc;	       /* scannable bytes allocated, not yet counted */
	int64_t assist_ns;	       /* not yet counted */
	uint64_t profile_random;       /* generator of the heap profile's gaps */
	_Atomic int64_t fractional_ns; /* of its fractional worker in this cycle; written by the
					  worker's P */
	uintptr_t barrier[GC_BARRIER_PTRS];
};

enum gc_worker_mode { GC_WORKER_DEDICATED, GC_WORKER_FRACTIONAL, GC_WORKER_IDLE };

/* Written by who has it out, but for g. */
struct gc_worker {
	struct sched_g *g;
	_Atomic uint32_t out; /* 1: handed out and not yet parked again */
	enum gc_worker_mode mode;
	uint32_t p, cycle; /* the P and the cycle it was handed to */
	/* gc/worker, drop: the cycle it left last, and the one it was taken back to; others look. */
	_Atomic uint32_t left_cycle, back_cycle;
	uint64_t left_firing;
	int64_t left_ns;
	bool back; /* it is handed out for want of others */
};

enum gc_busy {
	GC_BUSY_NO,
	GC_BUSY_CYCLE, /* from the decision to start until the caches are flushed after the end */
	GC_BUSY_ASKED  /* somebody asks a fault point whether a cycle begins: over at once */
};

/* Of the CPU limiter, limiter.c. */
struct gc_limiter_counts {
	int64_t on_ns;	      /* in all, up to the last update */
	uint64_t turned_on;   /* times */
	uint64_t overflow_ns; /* CPU time beyond a full bucket */
	uint32_t last_cycle;  /* that last had it on; 0: none */
};

/* Written by the owner of a phase edge while the world is stopped, unless atomic. */
/* Of all cycles that are over, times of all Ps (mstats.go:cpuStats). */
struct gc_cpu_totals {
	int64_t assist_ns, background_ns, idle_ns, pause_ns, available_ns;
	int64_t scavenge_assist_ns, scavenge_background_ns;
	int64_t ps_idle_ns;
};

struct gc_state {
	struct gc_options opt;
	uint32_t procs, stop_cpus;
	int64_t init_ns;

	_Atomic uint32_t phase; /* enum gc_phase */
	_Atomic uint32_t
		busy; /* enum gc_busy */
	_Atomic uint32_t cycle;	     /* begun */
	_Atomic uint32_t marks_done; /* cycles whose mark phase and cache flush are over */
	enum gc_trigger trigger_why;
	_Atomic uint64_t firing; /* of the cycle; what holds it up later is told when nothing else is */

	/* mark */
	_Atomic int32_t active; /* workers and assists that drain */
	_Atomic uint32_t done_requests;
	uint32_t held_end; /* cycle whose end gc/termination was asked about; who tries to end it */

	/* times of the current cycle */
	int64_t start_ns;      /* the decision: tSweepTerm */
	int64_t mark_start_ns; /* world restarted */
	int64_t mark_end_ns;   /* second stop requested */
	int64_t stw1_ns, stw2_ns, stw_aborted_ns, stw1_stopping_ns, stw2_stopping_ns;
	uint64_t heap_at_start, goal_at_start, heap_at_end;

	/* lifetime totals */
	_Atomic int64_t cpu_ns; /* collector's, idle marking left out */
	struct gc_limiter_counts limited; /* told of */
	uint64_t pause_total_ns, pause_ns[256], pause_end[256];
	_Atomic uint32_t num_gc; /* who ends a cycle writes; read at any time, gc_cycles_counted */
	uint32_t num_forced;
	struct gc_cpu_totals cpu;
	/* Each stop of a cycle: all of it, and until everybody had stopped. Written by the stopper, before its next safepoint. */
	struct watch_time_hist pauses, stopping;
	_Atomic int64_t last_gc_ns;
	void (*on_start)(void);	  /* gc_on_start; NULL: none */
	struct sched_g *periodic; /* starts the two-minute cycle */
	_Atomic uint32_t periodic_parked;
};
extern struct gc_state gc_st;

static inline struct gc_local *gc_local_of(const struct sched_g *g)
{
	return g->p->gc;
}
static inline uint64_t gc_q32_mul(uint64_t a, uint64_t q)
{
	unsigned __int128 x = (unsigned __int128)a * q >> 32;

	return x > INT64_MAX ? INT64_MAX : (uint64_t)x;
}
static inline uint64_t gc_q32_div(uint64_t a, uint64_t b)
{
	unsigned __int128 x = ((unsigned __int128)a << 32) / (b != 0 ? b : 1);

	return x > INT64_MAX ? INT64_MAX : (uint64_t)x;
}
/* Counters that need no order. */
static inline void gc_count(_Atomic int64_t *counter, int64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}
static inline int64_t gc_counted(const _Atomic int64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}
/* Cycles that are over and accounted for; needs no order. */
static inline uint32_t gc_cycles_counted(void)
{
	return atomic_load_explicit(&gc_st.num_gc, memory_order_relaxed);
}
static inline uint32_t gc_phase_now(void)
{
	return atomic_load_explicit(&gc_st.phase, memory_order_relaxed);
}
/* Behind the cycle that runs, or ran last; 0: none. */
static inline uint64_t gc_firing(void)
{
	return atomic_load_explicit(&gc_st.firing, memory_order_relaxed);
}
static inline void gc_must(bool ok, const char *broken)
{
	if (PRIM_UNLIKELY(!ok))
		prim_die(134, broken);
}

/* ------------------------------------------------------------------ workbuf.c */

void gc_work_init(void);
void gc_work_fini(void);
void gc_work_put(struct gc_local *l, uintptr_t obj);
/* 0: nothing local and nothing shared. */
uintptr_t gc_work_get(struct gc_local *l);
/* A span that has begun to wait (mem_span_wait). */
void gc_work_put_span(struct gc_local *l, struct mem_span *s);
/* The one that has waited longest, here and then in the shared list; NULL: none. */
struct mem_span *gc_work_get_span(struct gc_local *l);
/* The one that will be taken next, as far as is known here; NULL: not known. */
static inline struct mem_span *gc_work_peek_span(const struct gc_local *l)
{
	const struct gc_workbuf *w = l->spans_out;

	return w->at < w->n ? (struct mem_span *)w->obj[w->at] : NULL;
}
/* Hand everything local to the shared list. */
void gc_work_flush(struct gc_local *l);
/* Others are hungry: give a part away. */
void gc_work_balance(struct gc_local *l);
/* Give even the empty buffers back. Local must be empty of work. */
void gc_work_release(struct gc_local *l);
bool gc_work_local_empty(const struct gc_local *l);
/* Relaxed hint, exact while the world is stopped. */
bool gc_work_shared(void);
uint64_t gc_work_sys(void);
/* World stopped, marking over, no P holds a buffer: chunks above a few are put aside. */
void gc_work_retire(void);
/* Give one that was put aside back to the system; false: there is none. */
bool gc_work_free_one(void);

/* --------------------------------------------------------------------- mark.c */

enum {				/* why a drain ends, besides for want of work */
       GC_DRAIN_PREEMPT = 1,	/* when its P's poll word is set */
       GC_DRAIN_IDLE = 2,	/* when there is something else to run */
       GC_DRAIN_FRACTIONAL = 4, /* when its share is used up */
       GC_DRAIN_CREDIT = 8,	/* flush background credit */
       GC_DRAIN_ASSIST = 16,	/* when the CPU limiter comes on */
};
/* If p points into the heap at a white object: grey it (black at once when it holds no pointers).
 */
void gc_grey(struct gc_local *l, uintptr_t p);
/* Scan roots and grey objects until nothing is found, `limit` work is done, or a flag says stop.
 * Returns the work done. No safepoint. `begin_ns`: when this run of the worker began (FRACTIONAL).
 */
int64_t gc_drain(struct sched_g *g, uint32_t flags, int64_t limit, int64_t begin_ns);

/* -------------------------------------------------------------------- roots.c */

void gc_roots_init(void);
/* World stopped, at the start of a mark phase. */
void gc_roots_prepare(void);
/* One job; returns its scan work, or -1: none left to take now. */
int64_t gc_roots_step(struct sched_g *g);
/* Jobs that nobody has taken, or goroutines asked and not yet scanned. */
bool gc_roots_left(void);
/* Goroutines were asked and are not known to have scanned themselves. Relaxed. */
bool gc_roots_awaited(void);
/* Scan g's frames and pins into its own P's buffers (hook scan_self). */
void gc_scan_self(struct sched_g *g);
uint64_t gc_roots_stack_bytes(void);   /* scanned in this cycle */
uint64_t gc_roots_global_bytes(void);  /* registered */
uint64_t gc_roots_orphan_marked(void); /* bytes marked in this cycle by callers without a P */
/* World stopped: every word of every registered global. */
int gc_roots_each_global(int (*fn)(void *value, void *arg), void *arg);

/* ------------------------------------------------------------------- worker.c */

int gc_workers_start(void);
void gc_workers_init(void);
void gc_workers_begin(void); /* world stopped: shares of a new cycle */
/* Dedicated workers of this cycle, and the share of a P's time that a fractional one has. */
void gc_workers_shares(uint32_t *ret_dedicated, struct watch_ratio *ret_fractional);
struct sched_g *gc_find_worker(struct sched_p *p, bool idle);
bool gc_is_worker(const struct sched_g *g);
bool gc_fractional_over(const struct gc_local *l, int64_t begin_ns);
/* Work came to the shared list: remember it. Any lock may be held. */
void gc_workers_call(void);
/* If it was called: wake idle Ps, and preempt running ones while dedicated workers are owed. No
 * lock held. */
void gc_workers_answer(void);
/* Around a drain. Leaving is a safepoint. */
void gc_active_enter(void);
void gc_active_leave(struct sched_g *g);
/* Work for a worker on this P (NULL: on any). */
bool gc_work_available(const struct gc_local *l);

/* ------------------------------------------------------------------- assist.c */

void gc_assist_init(void);
/* An allocation of `bytes` during marking: pay, steal credit, work, or wait. Safepoint. */
void gc_assist_charge(struct sched_g *g, size_t bytes);
/* Background work done: satisfy the queue, the rest becomes credit. */
void gc_assist_credit(struct sched_g *g, int64_t work);
/* Marking is over: everyone runs. */
void gc_assist_wake_all(struct sched_g *g);
void gc_assist_begin(void); /* world stopped */
/* Count the P's pending assist time. */
void gc_assist_flush(struct gc_local *l);
bool gc_assist_queue_empty(void);

/* ------------------------------------------------------------------ limiter.c */

/*
 * Fills with the collector's CPU time and drains with the program's, so that from a full bucket on
 * half of the CPU is the most that collecting takes. fill <= capacity.
 */
struct gc_bucket {
	uint64_t fill_ns, capacity_ns, overflow_ns; /* overflow: what a full one did not take, in all */
};
/* Exported to the unit test. Returns whether the limiter is on from now: the bucket was filled, or is
 * as full as it was. */
bool gc_bucket_add(struct gc_bucket *b, int64_t mutator_ns, int64_t gc_ns);

enum gc_limiter_event { GC_LIMITER_NONE, GC_LIMITER_ASSIST, GC_LIMITER_IDLE_MARK };

extern _Atomic uint32_t gc_limiter_enabled;
/* Assists, of marking and of scavenging, are left out now. Relaxed: one that sees it late assists once
 * more, or once less. */
static inline bool gc_limiter_on(void)
{
	return PRIM_UNLIKELY(atomic_load_explicit(&gc_limiter_enabled, memory_order_relaxed) != 0);
}
void gc_limiter_init(uint32_t procs, int64_t now_ns);
/* World stopped: a phase of marking begins (marking) or ends; the stop was asked for at now_ns. From here to
 * gc_limiter_transition_end nobody else updates, and all Ps' time is the collector's. */
void gc_limiter_transition(bool marking, int64_t now_ns);
void gc_limiter_transition_end(int64_t now_ns);
/* Take the time since the last update into account, unless somebody else is at it. Any thread, no lock. */
void gc_limiter_update(int64_t now_ns);
/* The same while marking, when the last update is more than 10 ms old. */
void gc_limiter_refresh(int64_t now_ns);
/* Around what the holder of p does, without a safepoint. begin: false: something else is under way, no end. */
bool gc_limiter_event_begin(const struct sched_p *p, enum gc_limiter_event what, int64_t now_ns);
void gc_limiter_event_end(const struct sched_p *p, int64_t now_ns);
/* Each figure for itself. */
void gc_limiter_counts(struct gc_limiter_counts *ret);

/* ---------------------------------------------------------------- cons_mark.c */

/* What one cycle says of it. Marking's length, times of all Ps, bytes; grown: beyond the trigger. */
struct gc_cons_mark_sample {
	int64_t mark_ns, assist_ns, idle_ns;
	uint32_t procs;
	uint64_t grown, work;
};
/* Written while the world is stopped. */
struct gc_cons_mark {
	enum mrt_pacer pacer;
	uint64_t q32, last[4]; /* 1.21: 32 fractional bits */
	int64_t q48;	       /* 1.19: 48 fractional bits, within 1000 of 0; as the integral */
	__int128 integral;
};
void gc_cons_mark_init(struct gc_cons_mark *c, enum mrt_pacer pacer);
/* A cycle's sample. 1.19 takes none of a cycle that did not grow. False: its controller was reset. */
bool gc_cons_mark_add(struct gc_cons_mark *c, const struct gc_cons_mark_sample *s);
/* What the program allocates while a quarter of the CPU scans so many bytes. */
uint64_t gc_cons_mark_runway(const struct gc_cons_mark *c, uint64_t work);
struct watch_ratio gc_cons_mark_ratio(const struct gc_cons_mark *c);

/* --------------------------------------------------------------- pacer_goal.c */

/* Pure; bytes. gogc negative: off, the goal is UINT64_MAX. */
uint64_t gc_pacer_percent_goal(uint64_t marked, uint64_t roots, int64_t gogc);
/* mapped: all that the runtime has of the system but what is reserved or released; heap_free: backed
 * pages in no span. limit 0: none. */
struct gc_limit_figures {
	uint64_t limit, mapped, heap_free, heap_alloc, marked;
};
uint64_t gc_pacer_limit_goal(const struct gc_limit_figures *f, enum mrt_pacer pacer);
/* sweep_least: not below it, so that sweeping comes to its end; at most the goal; 0: none. */
uint64_t gc_pacer_trigger_of(uint64_t goal, uint64_t marked, uint64_t runway, uint64_t sweep_least);
/* More is scanned than was expected: the way from the trigger to the goal, stretched as the worst case
 * is to what was expected, up to the goal of the next cycle. */
struct gc_stretch {
	uint64_t goal, triggered, expected, worst;
	int64_t gogc;
};
uint64_t gc_pacer_stretched_goal(const struct gc_stretch *s);

/* -------------------------------------------------------------------- pacer.c */

struct gc_pacer {
	_Atomic int64_t heap_live, heap_scan;
	_Atomic uint64_t goal, trigger;
	_Atomic int64_t gogc, gogc_set; /* that counts; that was set: others while gc/gogc biases it */
	_Atomic uint64_t heap_marked; /* written while the world is stopped; conditions read it anywhere */
	uint64_t firing; /* of gc/gogc or gc/pacer: moved the trigger; 0 none. Written while the world is stopped */
	uint64_t last_heap_scan, last_stack_scan, globals_scan;
	uint64_t triggered; /* where the cycle began: 1.19 the trigger, 1.21 heap_live */
	bool limited;	    /* the goal is the memory limit's */
	struct gc_cons_mark cons_mark;
	_Atomic uint64_t work_per_byte, bytes_per_work; /* Q32 */
	/* this cycle */
	_Atomic int64_t heap_work, stack_work, globals_work;
	_Atomic int64_t assist_ns, dedicated_ns, fractional_ns, idle_ns;
};
extern struct gc_pacer gc_pacer;

void gc_pacer_init(void);
void gc_pacer_start(void); /* world stopped, phase off -> mark */
/* World stopped, marking over: cons/mark of the cycle from its length; heap_live = marked. */
void gc_pacer_end(int64_t mark_ns, uint64_t marked);
/* Goal and trigger of the next cycle. World stopped. cycle_ended: a cycle ends, so that faults are
 * asked; else they bias nothing but GOGC any more. */
void gc_pacer_commit(bool cycle_ended);
/* What is set from now on, and no bias. World stopped. */
void gc_pacer_gogc(int64_t percent);
void gc_pacer_revise(void);
/* What revise would set now, exactly: scan work a byte. */
struct watch_ratio gc_pacer_assist_ratio(void);
bool gc_pacer_triggered(void);
/* gc_limit_figures.mapped of the heap's. */
uint64_t gc_pacer_mapped(const struct mem_stats *s);
void gc_live_add(int64_t delta); /* hook of mem */

/* -------------------------------------------------------------------- trace.c */

/* The cycle's goal as the pacer had it. World stopped, shares of workers and ratio set. */
void gc_trace_pacer_start(uint64_t goal);
/* World stopped, before anything of the cycle is forgotten. cons_mark: before this cycle's sample. */
void gc_trace_pacer_end(const struct gc_cons_mark_sample *s, struct watch_ratio cons_mark, bool reset);
/* The heap when the sweep was paced last, and by what. */
void gc_trace_pacer_sweep(uint64_t basis_live, struct watch_ratio pages_per_byte);
/* So many bytes given back; forced: by mrt_free_os_memory. No lock is held. */
void gc_trace_scav(uint64_t work, bool forced);

/* -------------------------------------------------------------------- cycle.c */

/* Ends the mark phase if nothing is left to do. Safepoint. */
void gc_mark_done(struct sched_g *g);
void gc_sysmon(int64_t now_ns);
/* The right to begin a cycle: true: nobody else will until gc_start_claimed has been through its
 * cycle, or gc_unclaim; false: one is under way. */
bool gc_claim(void);
/* The same for who asks a fault point first: no safepoint, and nothing that waits, until he begins
 * it or gives the right back. Others wait for that, so that whether one is under way is all that
 * counts. */
bool gc_claim_to_ask(void);
/* Wait until the right is the caller's. Safepoint. */
void gc_claim_wait(struct sched_g *g);
void gc_unclaim(struct sched_g *g);
uint32_t gc_start_claimed(struct sched_g *g, enum gc_trigger why, uint64_t firing);
/* A firing holds the cycle that runs up: its assists and stops are due to it from now on, unless
 * another is behind it already. */
void gc_held_up_by(uint64_t firing);
/* GOGC is another from now on; -1 off. Stops the world. */
void gc_set_gogc(struct sched_g *g, int64_t percent);
/* Wait until marks_done >= target. */
void gc_wait_marks(struct sched_g *g, uint32_t target);
/* Wait while a cycle is about to begin or, after its end, not yet flushed. Allocators at the
 * trigger do, as in Go they wait for the starter's semaphore: neither assists nor the trigger would
 * hold them back meanwhile. */
void gc_wait_settled(struct sched_g *g);
void gc_emit(struct sched_g *g, enum watch_kind kind, uint64_t a, uint64_t b, uint64_t c,
	     uint64_t d, uint64_t e, uint64_t f);
int64_t gc_cpu_available_ns(int64_t now_ns);

/* ----------------------------------------------------------------- memstats.c */

/* The figures that two books keep, or that must add up. NULL, or the first that does not, in Go's words where Go
 * has them (mstats.go). Pure; exported to the unit test. */
struct gc_memstats_books {
	struct mem_stats mem;
	uint64_t work_sys;
};
const char *gc_memstats_broken(const struct mrt_memstats *m, const struct gc_memstats_books *b);
/* World stopped: the figures as they are, the caches' counters counted in. */
void gc_memstats_collect(struct mrt_memstats *ret, struct gc_memstats_books *ret_books);
/* World stopped: 0, or -EUCLEAN with a text. */
/* Before anything runs. */
void gc_metrics_init(void);
int gc_memstats_check(char *text, size_t cap);

/* ------------------------------------------------------------------ profile.c */

/* obj was just allocated on a P, and is to be in the heap profile. No safepoint. */
void gc_profile_sample(void *obj, size_t bytes);
void gc_profile_dead(void *bucket); /* hook of mem */

/* -------------------------------------------------------------------- alloc.c */

/* Hook of mem: an armed gate below the allocation policy. System goroutines, and threads without one,
 * are not refused: they could not go on. */
bool gc_refuse(enum gcs_point point, size_t bytes);
/* Hook of mem: the firing that refused the running goroutine its memory is what the process dies of. */
void gc_dying(size_t bytes);
/* Hook of mem: the armed gate of mem/slow. The thread sleeps and keeps its P, as in a page fault. */
void gc_fault_in(size_t bytes);

/* Hook of mem: the armed gate of mem/fragment; as gc_refuse for whom it is passed by. */
uint64_t gc_fragment(size_t bytes, bool choice);
void gc_fragmented(uint64_t firing, size_t longest);
/* Hook of mem: the armed gate of mem/os_release. A delay sleeps as in gc_fault_in. */
int gc_release(size_t bytes);

/* ------------------------------------------------------------------ barrier.c */

void gc_barrier_flush(struct gc_local *l);

/* -------------------------------------------------------------------- point.c */

void gc_point_init(void);
/* The gate of mem/limit is armed: the limit that counts for the next goal; 0: there is none. */
uint64_t gc_limit_point(uint64_t limit);
/* A cycle ends and the gate of a point that biases what the next is paced by is armed. eligible: a
 * bias would count. True: ret is one. */
bool gc_bias_point(enum gcs_point point, bool eligible, uint64_t figure, struct gcs_firing *ret);
/* The figure as it became of what it was. */
void gc_bias_effect(uint64_t firing, uint64_t was, uint64_t is);
/* figure by by_milli thousandths. */
uint64_t gc_biased(uint64_t figure, uint32_t by_milli);
/* gc/gogc was disarmed, but GOGC is what it made it: back to what is set. Safepoint. */
void gc_gogc_restore(struct sched_g *g);
static inline bool gc_gogc_stale(void)
{
	return PRIM_UNLIKELY(gc_counted(&gc_pacer.gogc) != gc_counted(&gc_pacer.gogc_set)) &&
	       !gcs_gate(GCS_POINT_gc_gogc);
}
/* The gate of gc/write is armed and g at that place of a store. edge: the first one since the barrier
 * went on. Safepoint. */
void gc_write_point(struct sched_g *g, enum gcs_where where, bool edge);

struct gc_stall {
	enum gcs_point point;
	uint32_t worker; /* whose ordinals count */
	bool eligible;
	uint64_t arg;
	_Atomic uint64_t *firing; /* NULL, or told before the stall who stalls */
	bool cycle;		  /* the cycle is held up by it */
};
/* Visit an armed gate at which a goroutine of the runtime stalls, asleep. True: it did, which is a
 * safepoint. */
bool gc_stall_point(struct sched_g *g, struct gc_stall stall);
/* Visit gc/worker for a worker on P p: stall, or (the result: not 0) leave the cycle if it may. */
uint64_t gc_worker_point(struct sched_g *g, uint32_t p, bool may_leave);
/* What was visited at site is late, by what has passed since. */
void gc_late_effect(const struct sched_g *g, struct gcs_site site, uint64_t firing, int64_t since_ns);
/* Visit gc/stack_scan for g, whose roots are about to be scanned and which is held still. Busy. */
void gc_scan_point(const struct sched_g *g);
/* The trigger is reached: does gc/start hold the cycle back? No safepoint. */
bool gc_start_held(struct sched_g *g);
/* For who holds the right to begin a cycle and does: the firing that held it back, 0 none; and, when
 * it has begun, its effect. */
uint64_t gc_hold_firing(void);
void gc_hold_end(struct sched_g *g);

/* -------------------------------------------------------------------- stage.c */

enum gc_stage { GC_STAGE_ROOTS, GC_STAGE_HEAP, GC_STAGES };
/* Bits 1 << enum gc_stage: held closed by a fault: its jobs are not to be taken, nor those of a later
 * one. Set while the world is stopped. */
extern _Atomic uint32_t gc_stages_closed;
static inline bool gc_stage_closed(enum gc_stage stage)
{
	uint32_t closed = atomic_load_explicit(&gc_stages_closed, memory_order_relaxed);

	return PRIM_UNLIKELY((closed & ((2u << stage) - 1)) != 0);
}
void gc_stages_init(void);
/* World stopped, the phase is mark: the gates of gc/roots and gc/mark. */
void gc_stages_begin(struct sched_g *g);
/* Some stage is closed: is there something to do for a worker, be it to wait for the end of that? */
bool gc_stage_work_available(void);
/* Some stage is closed. If marking has come to it, and nobody waits yet, wait, asleep, and open it.
 * The caller counts as active. Safepoint. */
void gc_stage_wait(struct sched_g *g);

/* ----------------------------------------------------------------- sabotage.c */

/* World stopped, marks complete, before the check of them and after it: the armed saboteurs of marks. */
void gc_sabotage_marked(void);
void gc_sabotage_checked(void);
/* g is held still, or is the caller: is its innermost frame to be passed over? */
bool gc_sabotage_frame(const struct sched_g *g);

/* -------------------------------------------------------------------- sweep.c */

void gc_sweep_init(void);
int gc_sweep_start(void);
/* World stopped: a new sweep phase begins. */
void gc_sweep_begin(void);
/* Recompute pages a byte from the distance to the trigger. World stopped. */
void gc_sweep_pace(void);
/* Sweep everything that is left. Safepoints. */
void gc_sweep_finish(struct sched_g *g);
/* The same while the world is stopped. */
void gc_sweep_finish_stopped(void);
void gc_sweep_wake(struct sched_g *g);
/* The gate of gc/sweep_start is armed. Safepoint. */
void gc_sweep_hold(struct sched_g *g);
void gc_sweep_debt(size_t span_bytes); /* hook of mem */

/* ----------------------------------------------------------------- scavenge.c */

void gc_scavenge_init(void);
int gc_scavenge_start(void);
/* World stopped, marking over, before the next goal is set: what goal A counts from. */
void gc_scavenge_note(void);
/* World stopped, the next goal is set. */
void gc_scavenge_pace(void);
/* The sweep of a cycle is over: scavtrace's line, of the background's work since the last one (mgcsweep.go). */
void gc_scavenge_trace(void);
/* There may be something to give back. */
void gc_scavenge_wake(struct sched_g *g);
/* Time spent so far on giving pages back, in allocations and in the background (mstats.go: ScavengeAssistTime, ScavengeBgTime). */
void gc_scavenge_cpu(int64_t *ret_assist_ns, int64_t *ret_background_ns);
void gc_scavenge_fresh(size_t bytes, size_t grown); /* hook of mem */
/* Goal A in bytes; UINT64_MAX: none. Pure, as the next; exported to the unit test. */
uint64_t gc_scavenge_goal(uint64_t inuse, uint64_t goal, uint64_t last_goal);
/* How long to sleep after so much work: it is 1 % of the time of the Ps. */
int64_t gc_scavenge_rest_ns(int64_t work_ns, uint32_t procs);

/* -------------------------------------------------------------------- check.c */

void gc_check_init(void);
void gc_check_fini(void);
/* A registered type's object was born. */
void gc_check_born(const struct mrt_type *type, void *obj);
extern const struct mrt_type *gc_check_types[GC_CHECK_TYPES_MAX];
extern uint32_t gc_check_types_count;
static inline bool gc_check_wants(const struct mrt_type *type)
{
	for (uint32_t i = 0; i < gc_check_types_count; i++)
		if (gc_check_types[i] == type)
			return true;
	return false;
}
/* World stopped, marks complete, before the sweep: forget what dies. */
void gc_check_forget_dead(void);
/* World stopped; 0 or the number of the broken invariant. colours: marks are complete. */
int gc_check_heap(bool colours, char *text, size_t cap);
/* check_edges: dies naming the edge and the invariant. */
void gc_check_edge(const char *edge, bool colours);
