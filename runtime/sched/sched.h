/*
 * sched.h: goroutines (G), processors (P), threads (M).
 *
 * A G is a coroutine on its own stack.  A P is the right to run Go code: run
 * queue, timers, mem cache, collector's local state, telemetry ring.  An M is a prim
 * thread.  An M with a P runs schedule(): find a runnable G, switch to it; the G
 * returns to the M's own context by parking, yielding or ending.  Rules: go-facts §7
 * (proc.go, netpoll.go, time.go of Go 1.19).
 *
 * Safepoints are cooperative: a G looks at its P's poll word; the bits below say why.
 * The world is stopped when every P is stopped: held by the stopper, idle and taken, or in a
 * blocking call and taken.
 */
#pragma once

#include "runtime/mrt.h"
#include "runtime/prim/prim.h"
#include "runtime/watch/time_hist.h"

struct mem_cache;
struct gc_local; /* gc/: work buffers, barrier buffer, counters of one P */
struct watch_ring;
struct watch_sched;

enum sched_poll {
	SCHED_POLL_STOP = 1,    /* stop the world */
	SCHED_POLL_PREEMPT = 2, /* time slice over (10 ms) */
	SCHED_POLL_SCAN = 4,    /* the running G is asked to scan its own roots */
	SCHED_POLL_CALL = 8,    /* ragged: run the for-each-P function */
};

enum sched_status { /* of a G; SCAN is a lock bit held by a scanner */
	SCHED_G_IDLE, SCHED_G_RUNNABLE, SCHED_G_RUNNING, SCHED_G_BLOCKED /* bracketed call */,
	SCHED_G_WAITING, SCHED_G_DEAD,
	SCHED_G_SCAN = 0x100
};

enum sched_wait { /* why a G waits, for people and statistics */
	SCHED_WAIT_NONE, SCHED_WAIT_NETPOLL, SCHED_WAIT_SLEEP, SCHED_WAIT_ASSIST, SCHED_WAIT_GC_WORKER,
	SCHED_WAIT_GC_DONE, SCHED_WAIT_SWEEPER, SCHED_WAIT_MUTEX, SCHED_WAIT_GROUP, SCHED_WAIT_FAULT, SCHED_WAIT_SCAVENGER, SCHED_WAIT_OTHER
};

#define SCHED_PINS_MAX 32
#define SCHED_REFUSED_MAX 4 /* in one allocation: two attempts, each with at most two commits */

struct sched_p;
struct sched_m;

struct sched_g {
	mrt_g pub;               /* first: mrt_g * casts both ways */
	_Atomic uint32_t status; /* enum sched_status | SCHED_G_SCAN */
	uint32_t id, worker;     /* worker MRT_WORKER_NONE: all ids were taken */
	uint16_t driver;
	bool system;
	enum sched_wait wait;
	struct sched_p *p;       /* while running */
	struct sched_m *m;
	prim_ctx *ctx;
	mrt_go_fn *fn;
	void *arg;
	const char *name;
	struct sched_g *next;    /* run queue, wait list: one at a time */
	struct sched_g *all_next;
	/* operation pins: what an unfinished runtime operation has allocated */
	void *pins[SCHED_PINS_MAX];
	uint32_t npins, op_depth;
	/* collector */
	int64_t assist_credit;   /* bytes; negative is debt (gcAssistBytes) */
	_Atomic uint32_t scan_gen; /* GC cycle in which its roots were scanned */
	int64_t assist_ns_cycle;
	uint32_t assist_gen;
	uint32_t store_cycle;    /* of its last pointer store that found the barrier on */
	bool store_edge;         /* gc/write: the store under way is the first of its cycle */
	/* wake accounting */
	int64_t ready_ns;        /* when it was made ready (0: not measured) */
	uint64_t ready_firing;   /* fault firing that delayed or dropped it, 0 none */
	int64_t lost_ns;         /* when its wake was dropped; 0: it was not. Until it runs */
	int64_t run_start_ns;
	int64_t wake_deadline_ns; /* sleep */
	int64_t timer_ns;        /* while it is on its P's list of timers without room in the heap */
	uint64_t timer_seq;
	void *park_arg;
	bool (*park_commit)(struct sched_g *, void *); /* runs on the M after the switch; false: resume at once */
	uint64_t alloc_seq;      /* allocations by this G */
	uint64_t maps_doubled, maps_regrown; /* growths of maps that it began: to twice the size, to the same */
	/* firings that refused memory to the allocation under way, oldest first */
	uint64_t refused[SCHED_REFUSED_MAX];
	uint32_t nrefused;
	/* private to sched/ */
	int64_t wake_lag_ns;     /* of the last measured wake */
	size_t stack_bytes;      /* of ctx, as asked for; what counts is prim_ctx_bytes */
	_Atomic uint32_t scan_asked; /* scan_self is owed at the next safepoint */
	bool has_worker;         /* holds one count of its worker id */
	bool sema_handed;        /* sema.c: it got a permit with its wake */
	/* latency.c */
	bool followed;           /* until it runs again */
	uint8_t follow_count;    /* times that it left RUNNING */
	int64_t follow_ns;       /* since when it is runnable or waits for a mutex, while followed */
	int64_t runnable_ns;     /* so far, while followed */
};

struct sched_p {
	_Atomic uint32_t poll;   /* enum sched_poll bits */
	uint32_t id;
	_Atomic uint32_t status; /* enum sched_p_status (sched_priv.h): idle, running, blocked call, stopped */
	struct sched_m *m;
	struct mem_cache *mc;
	struct gc_local *gc;
	struct watch_ring *ring; /* telemetry, single producer: the holder of the P; NULL: none */
	_Atomic(struct sched_g *) running;
	_Atomic uint64_t sched_tick, call_tick;
	_Atomic int64_t slice_start_ns; /* when sysmon first saw this time slice */
	void *sched;             /* run queue, timers: private to sched/ */
	uint64_t alloc_seq;
};

static inline struct sched_g *sched_of(mrt_g *g) { return (struct sched_g *)g; }
/* The goroutine that runs on the calling thread; NULL: none, or the thread is no M. For cold paths that are not given one. */
struct sched_g *sched_current(void);

/* ---- what the collector plugs in, before sched_init. No NULLs but where it says so. */
struct sched_gc_hooks {
	/* At a safepoint of g with SCHED_POLL_SCAN: scan own roots. Runs on g. */
	void (*scan_self)(struct sched_g *g);
	/* findRunnable asks for a mark worker to run on p (dedicated or fractional; `idle`: nothing else to do). NULL: none.
	 * The returned G is in WAITING state and is made runnable by the caller on this p. */
	struct sched_g *(*find_worker)(struct sched_p *p, bool idle);
	/* p is created / destroyed / about to be left idle (flush what must not be lost). */
	int (*p_init)(struct sched_p *p);
	void (*p_fini)(struct sched_p *p);
	/* sysmon's tick: force the 2-minute GC and the like. */
	void (*sysmon)(int64_t now_ns);
	/* Optional, NULL allowed. Is there mark work that an idle P could take? Any thread, no P. NULL: find_worker is asked. */
	bool (*has_work)(void);
	/* Optional, NULL allowed: cycle and phase for the fault log. */
	void (*where)(uint32_t *ret_cycle, uint8_t *ret_phase);
};

struct sched_options {
	uint32_t procs;
	uint64_t seed;
	struct mrt_telemetry *telemetry;
	const struct sched_gc_hooks *gc;
};
int sched_init(const struct sched_options *opt);
/* Runs fn as the main goroutine on this thread; returns when it ended and every M has stopped. -EBUSY: others still live. */
int sched_main(mrt_go_fn *fn, void *arg);
void sched_fini(void);

uint32_t sched_procs(void);
struct sched_p *sched_p(uint32_t id);

/* ---- operations: pins */
/* Outermost enter..leave is one runtime operation; leave drops the pins. No safepoint themselves. */
static inline void sched_op_enter(struct sched_g *g) { g->op_depth++; }
static inline void sched_op_leave(struct sched_g *g) { if (--g->op_depth == 0) g->npins = 0; }
static inline void sched_pin(struct sched_g *g, void *obj)
{
	if (g->op_depth == 0)
		return;
	if (PRIM_UNLIKELY(g->npins == SCHED_PINS_MAX))
		prim_die(134, "mrt: an operation pinned more objects than SCHED_PINS_MAX\n");
	g->pins[g->npins++] = obj;
}

/* ---- park and ready */
/* Suspend g (the caller). commit (may be NULL) runs after the switch, on the M, without g: typically unlocks; false takes the
 * park back. */
void sched_park(struct sched_g *g, enum sched_wait why, bool (*commit)(struct sched_g *, void *), void *arg);
/* Make a WAITING g runnable: on p's queue (caller holds p; next: as runnext), or p NULL: on the global queue from any thread. */
void sched_ready(struct sched_p *p, struct sched_g *g, bool next);
/* As ready, at the absolute time when_ns (fault: delayed wake). The wake lag counts from g->ready_ns, from now when that is 0; the
 * firing (0: none) is logged with it. p NULL: any P's timers. */
void sched_ready_at(struct sched_p *p, struct sched_g *g, int64_t when_ns, uint64_t firing);
/* Start a system goroutine with a fixed worker id; starts in WAITING state if `parked` (find_worker hands it out). */
int sched_go_system(const char *name, uint32_t worker, mrt_go_fn *fn, void *arg, bool parked, struct sched_g **ret);
/* Make idle Ps look for work (after new global or GC work). */
void sched_wake(void);
/* The current G's safepoint, slow path; runs every pending poll bit. G may go on on another P. */
void sched_safepoint(struct sched_g *g);

/* Busy until then, as a loop without a safepoint is. Returns the time. */
int64_t sched_busy_until(int64_t until_ns);

/* Visit stw/spin: an operation of g that has just looked at its poll word. No safepoint. */
void sched_spin_point(struct sched_g *g);

/* ---- stop the world */
enum sched_stw_reason { SCHED_STW_GC_START, SCHED_STW_GC_END, SCHED_STW_MEMSTATS, SCHED_STW_CHECK, SCHED_STW_OTHER };
struct sched_stw {
	enum sched_stw_reason reason;
	int64_t request_ns, stopped_ns, start_ns; /* request -> all stopped -> restarted */
	uint64_t late_firing; /* of stw/stop, stw/spin, sched/starve: the goroutine that came last of those held up; 0 none */
	uint64_t long_firing; /* of stw/stopped; 0 none */
};
/* g: the caller (its P counts as stopped), or NULL from a thread without P. One stopper at a time, others wait their turn
 * (as safepoints; request_ns is taken when the turn has come). Never inside another stop; the stopper does not park. */
void sched_stop_world(struct sched_g *g, enum sched_stw_reason reason, struct sched_stw *ret);
/* Fills start_ns and emits the telemetry record (kind STW) with `cycle` and the firing that made the stop late or long, else `firing`. */
void sched_start_world(struct sched_g *g, struct sched_stw *stw, uint32_t cycle, uint64_t firing);
bool sched_world_stopped(void);

/* ---- ragged: run fn once for each P, at a safepoint of it or by the caller for idle and blocked ones; returns when all ran. */
void sched_for_each_p(struct sched_g *g, void (*fn)(struct sched_p *, void *), void *arg);

/* ---- scanning one goroutine */
enum sched_scan { SCHED_SCAN_DONE, SCHED_SCAN_ASKED };
/* If g is not running: hold it still (SCAN bit), call scan, release: DONE. If it runs: set its P's SCAN poll bit: ASKED.
 * scan_self is then called at its next safepoint, even if it parks, moves or blocks in between, unless somebody scanned it
 * first. So: look at g->scan_gen, ask, wait a little, again. scan and scan_self exclude each other for one g, and both
 * look at g->scan_gen first. DEAD counts as DONE. Not for the caller's own g. */
enum sched_scan sched_scan_g(struct sched_g *g, void (*scan)(struct sched_g *, void *), void *arg);
/* Every G ever created, dead ones included; list only grows. fn non-zero ends. */
int sched_each_g(int (*fn)(struct sched_g *, void *), void *arg);
struct sched_counts { uint32_t goroutines, runnable, waiting, blocked; };
void sched_counts(struct sched_counts *ret);
/* Stacks of goroutines, those of dead ones that keep theirs too: each counts in full (stack.c says what is touched
 * of it). As StackInuse: bytes in stack spans. */
uint64_t sched_stack_bytes(void);
/* With those that nobody has but whose memory has not gone back yet: StackSys. */
uint64_t sched_stack_sys(void);
/* Free the stacks of dead goroutines on the global list, and give the memory of all unused stacks back: at the end
 * of a collection (markrootFreeGStacks and freeStackSpans, mgcmark.go, stack.go). Any thread. */
void sched_stacks_free(void);
/* How long goroutines have waited, and stops of the world that were not the collector's (runtime/metrics). mutex_ns is an estimate of one wait in
 * eight. Ret is large: not on a goroutine's stack. The caller stops the world; that stop comes in when it is over. */
struct sched_waits {
	struct watch_time_hist runnable;                    /* from runnable to running, one in eight */
	struct watch_time_hist other_stopping, other_total; /* request to all stopped; to the restart */
	int64_t mutex_ns;
	uint64_t created;                                   /* goroutines started, the runtime's own too */
};
void sched_waits_read(struct sched_waits *ret);
/* The scheduler as it is now, into shared memory: Ps, their queues, threads, timers, the poller (schedtrace of proc.go tells the same).
 * Nothing is stopped and no lock is taken: each figure was true at some time during the call. Any thread, one at a time, between
 * sched_init and sched_fini. now_ns is stored last, with release. No safepoint, no step of the simulation. */
void sched_look(struct watch_sched *ret, int64_t now_ns);
/* How long Ps have been idle in all, up to now_ns, for the accounts of the collector. Any thread, no lock. */
int64_t sched_idle_ns(int64_t now_ns);
