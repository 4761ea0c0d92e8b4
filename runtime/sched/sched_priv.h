/*
 * sched_priv.h: what the files of sched/ share.
 *
 * Who owns what.  A P belongs to whoever took it out of one of its free states by a compare
 * and swap (BLOCKED) or under the lock (IDLE): an M that runs it, the stopper (STOPPED), or a
 * thread that is about to hand it on (RUNNING without an M).  Only the owner touches the producing
 * end of its run queue, its list of free Gs, its telemetry ring.
 *
 * The lock (rank SCHED) guards the global queue, the idle lists, the stop's
 * counters and the list of Ms.  No wake of a thread needs it held.
 *
 * Losing no wake-up.  Whoever makes work visible does so by a sequentially consistent store and
 * then reads `spinning` and `idle` (sched_wake); an M that gives up looking puts its P into `idle`,
 * takes itself out of `spinning` and then looks at every queue again.  One of the two sees the
 * other. The same pattern, store mine then read yours, holds between a request in a P's poll word
 * and a P's status BLOCKED.
 *
 * Whoever relied on a spinning M that could not be started after all is seen to by sysmon: the start
 * that failed takes itself out of `spinning` and then says `owed`; sysmon takes `owed` back and then
 * looks at every queue.
 */
#pragma once

#include "faults/gate.h"
#include "runtime/sched/sched.h"
#include "runtime/watch/telemetry.h"

#define SCHED_RUNQ	       256u /* power of two */
#define SCHED_GFREE_MAX	       64u
#define SCHED_GFREE_STACKS_MAX 512u /* free Gs on the global lists that keep their stack */
#define SCHED_STACK_BYTES      ((size_t)64 << 10)
#define SCHED_SLICE_NS	       INT64_C(10000000)
#define SCHED_POLL_STALE_NS    INT64_C(10000000)
#define SCHED_STOP_SLICE_NS    INT64_C(100000)
#define SCHED_GLOBAL_EVERY     61u
#define SCHED_STEAL_PASSES     4u
#define SCHED_NEVER	       INT64_MAX

enum sched_p_status {
	SCHED_P_IDLE,	 /* in the idle set */
	SCHED_P_RUNNING, /* an M has it, or somebody who hands it on */
	SCHED_P_BLOCKED, /* its G is in a bracketed call; whoever swaps it to RUNNING has it */
	SCHED_P_STOPPED	 /* by the stopper */
};

struct sched_list {
	struct sched_g *head, *tail;
	uint32_t count;
};

struct sched_timer {
	int64_t when_ns;
	uint64_t seq; /* equal times: first in, first out */
	struct sched_g *g;
};

/* The private half of a P. */
struct sched_local {
	/* Run queue: consumers move head by compare and swap, the owner alone moves tail. */
	_Alignas(64) _Atomic uint32_t head;
	_Alignas(64) _Atomic uint32_t tail;
	_Atomic(struct sched_g *) next; /* runs first and inherits the time slice */
	_Atomic(struct sched_g *) ring[SCHED_RUNQ];
	/* Timers: a 4-ary heap, under its lock; the first time can be read without. */
	_Alignas(64) prim_mutex timers_lock;
	struct sched_timer *timers;
	uint32_t timers_count, timers_cap;
	struct sched_list timers_spare; /* no memory for a larger heap: in order of arrival */
	uint64_t timers_seq;
	_Atomic int64_t first_ns; /* SCHED_NEVER: none */
	_Atomic uint32_t timers_all; /* in the heap and on the list: for look.c */
	/* Owner's. */
	struct sched_list gfree;
	struct watch_time_hist latency; /* latency.c; read with the world stopped */
	/* 0: not idle; what it was idle before is in sched.idle_ns. p_idle_take. */
	_Atomic int64_t idle_since_ns;
	/* sysmon's. */
	uint64_t seen_sched, seen_call;
	int64_t seen_sched_ns, seen_call_ns;
};

enum sched_after {		      /* why a G came back to its M */
		   SCHED_AFTER_YIELD, /* to the global queue */
		   SCHED_AFTER_FRONT, /* to the front of its P: stopped for the world */
		   SCHED_AFTER_TAIL,  /* to the tail of its P: made room for one in `next` */
		   SCHED_AFTER_PARK,
		   SCHED_AFTER_UNBLOCK, /* back from a bracketed call, no P to be had */
		   SCHED_AFTER_EXIT
};

struct sched_m {
	uint32_t id;
	bool spinning;
	enum sched_after after;
	prim_thread *thread; /* NULL: the thread of sched_main */
	prim_ctx *ctx;
	prim_note note;
	struct sched_p *p;	/* NULL: none */
	struct sched_p *next_p; /* handed over with the wake */
	struct sched_p *old_p;	/* left behind by block_enter */
	struct sched_g *g;
	uint64_t rng;
	struct sched_m *idle_next, *all_next;
	struct prim_event events[PRIM_POLL_EVENTS_MAX];
};

struct sched_state {
	prim_mutex lock;
	/* Set once by init. */
	uint32_t procs;
	uint64_t seed;
	struct mrt_telemetry *telemetry;
	const struct sched_gc_hooks *gc;
	struct sched_p *p[WATCH_PS_MAX];
	/* Written under the lock, read anywhere. */
	_Atomic uint64_t idle; /* bit: this P is idle */
	_Atomic uint32_t spinning;
	_Atomic uint32_t global_count;
	_Atomic uint32_t m_count, m_idle_count; /* made by m.c, so without the first; on m_idle */
	_Atomic bool started, quitting, stopping, stopped;
	_Atomic bool owed; /* an M was to start and no thread was to be had; sysmon tries again */
	/* Under the lock. */
	struct sched_list global;
	struct sched_list gfree_stacks, gfree_bare; /* dead Gs that keep a stack, and without */
	struct sched_m *m_idle, *m_all;
	uint64_t refused_firing; /* of sched/thread, since when no M was found for a P; 0: none */
	int64_t refused_ns;
	uint32_t stop_left; /* Ps that the stopper waits for */
	_Atomic uint64_t late_firing; /* of stw/stop, stw/spin or sched/starve in this stop, the latest; any M writes it */
	_Atomic int64_t asked_ns;     /* when this stop was asked for; before `stopping` */
	_Atomic int64_t idle_ns; /* of all Ps, so far as it is taken */
	prim_note stop_note;
	struct sched_m m0;
	struct sched_g *main_g;
	/* The stopper's: of stops that are not the collector's. */
	struct watch_time_hist other_stopping, other_total;
	/* Counts. */
	_Atomic uint32_t goroutines, blocked;
	_Atomic uint32_t outside; /* threads without a P on their way through mrt_go: sched_main waits for them */
	_Atomic int64_t mutex_wait_ns;
	_Atomic uint64_t stack_bytes;
};
extern struct sched_state sched;

static inline struct sched_local *sched_local(const struct sched_p *p)
{
	return p->sched;
}

/* ---- lists linked by g->next */
static inline void sched_list_add(struct sched_list *list, struct sched_g *g)
{
	g->next = NULL;
	if (list->tail != NULL)
		list->tail->next = g;
	else
		list->head = g;
	list->tail = g;
	list->count++;
}

static inline struct sched_g *sched_list_take(struct sched_list *list)
{
	struct sched_g *g = list->head;

	if (g == NULL)
		return NULL;
	list->head = g->next;
	if (list->head == NULL)
		list->tail = NULL;
	list->count--;
	g->next = NULL;
	return g;
}

static inline void sched_list_join(struct sched_list *to, struct sched_list *from)
{
	if (from->head == NULL)
		return;
	if (to->tail != NULL)
		to->tail->next = from->head;
	else
		to->head = from->head;
	to->tail = from->tail;
	to->count += from->count;
	*from = (struct sched_list){0};
}

/* What a site knows of g (NULL: a thread without one), visited by `worker`, with p held (NULL: none). */
struct gcs_site sched_site(const struct sched_p *p, const struct sched_g *g, uint32_t worker);
/* The same where no goroutine is concerned. */
struct gcs_site sched_site_bare(const struct sched_p *p, uint32_t worker);

/* ---- park.c */
/* sched_ready without its fault point. */
void sched_ready_now(struct sched_p *p, struct sched_g *g, bool next);

/* ---- g.c */
struct sched_g_options {
	const char *name;
	mrt_go_fn *fn;
	void *arg;
	uint32_t worker;
	uint16_t driver;
	bool system;
	bool fixed_worker; /* take `worker` as it is, MRT_WORKER_NONE too */
	size_t stack_bytes;
};
void sched_g_init(void);
/* In status IDLE; p (may be NULL) is held by the caller. -ENOMEM, -EINVAL. */
int sched_g_create(struct sched_p *p, const struct sched_g_options *opt, struct sched_g **ret);
/* On the M, after the G's last switch. */
void sched_g_dead(struct sched_p *p, struct sched_g *g);
/* How many have been made. */
uint64_t sched_g_created(void);
/* Give every context and G back. */
void sched_g_fini(void);
/* Move from one status to another, which latency.c follows; waits while a scanner holds it. */
void sched_g_status(struct sched_g *g, enum sched_status from, enum sched_status to);
/* Small zeroed metadata that lives until sched_fini. NULL: out of memory. */
void *sched_arena_alloc(size_t bytes);
void sched_arena_fini(void);

/* ---- latency.c */
#define SCHED_FOLLOW_EVERY 8u /* gTrackingPeriod, proc.go */
/* g has its number. */
void sched_latency_new(struct sched_g *g);
/* A followed one is about to leave RUNNING; has been moved from another status. */
void sched_latency_leaves(struct sched_g *g, enum sched_status to);
void sched_latency_moved(struct sched_g *g, enum sched_status from, enum sched_status to);
/* A stop is over; the caller has its turn still. */
void sched_latency_stopped(const struct sched_stw *stw);

/* ---- runq.c */
void sched_runq_put(struct sched_p *p, struct sched_g *g, bool next);
struct sched_g *sched_runq_get(struct sched_p *p, bool *ret_inherit);
bool sched_runq_empty(const struct sched_p *p);
uint32_t sched_runq_count(const struct sched_p *p);
/* Half of victim's queue into p's; returns one of them. p's ring is empty. */
struct sched_g *sched_runq_steal(struct sched_p *p, struct sched_p *victim, bool with_next);
void sched_global_put(struct sched_g *g);
void sched_global_put_list(struct sched_list *list);
/* One to run; up to a fair share more into p's queue. max 0: no bound but the share. */
struct sched_g *sched_global_get(struct sched_p *p, uint32_t max);
struct sched_g *sched_global_get_locked(struct sched_p *p, uint32_t max);
/* RUNNABLE Gs found by a poll: onto p (held) and to idle Ps; p NULL: all global. */
void sched_inject(struct sched_p *p, struct sched_list *list);

/* ---- p.c */
int sched_p_create(uint32_t id);
void sched_p_destroy(struct sched_p *p);
void sched_p_idle_put_locked(struct sched_p *p);
struct sched_p *sched_p_idle_get_locked(void);
/* Take this one out of the idle set. */
void sched_p_idle_remove_locked(struct sched_p *p);
bool sched_p_swap(struct sched_p *p, enum sched_p_status from, enum sched_p_status to);
/* The caller owns p, no M has it: leave it idle, or stopped when the world stops. */
void sched_p_give_up(struct sched_p *p);
/* As give_up, but start an M when there is work for it. */
void sched_p_hand_off(struct sched_p *p);
/* The world is being stopped: count p in. */
void sched_p_stop_locked(struct sched_p *p);

/* ---- m.c */
void sched_m_start(struct sched_p *p, bool spinning); /* p NULL: any idle one */
/* An M is owed: start one if there is still work for it. False: it is owed as before, or none was. */
bool sched_m_again(void);
/* Sleep until somebody hands a P over; false: the end. */
bool sched_m_park(struct sched_m *m);
void sched_m_take(struct sched_m *m, struct sched_p *p);
void sched_m_quit_all(void); /* wakes everybody for the end */
void sched_m_join_all(void);
uint32_t sched_m_random(struct sched_m *m);

#define SCHED_M_OTHERS 2u /* threads that m_count leaves out and Go counts: the first M and sysmon */

/* ---- schedule.c */
void sched_m_loop(struct sched_m *m);
/* Is there something to do that no M may know of: goroutines in a queue, mark work, a timer that
 * nobody waits for? */
bool sched_work_waits(void);
/* Switch from g (the caller) to its M. */
void sched_leave(struct sched_g *g, enum sched_after after);

/* ---- timer.c */
void sched_timer_add(struct sched_p *p, struct sched_g *g, int64_t when_ns);
/* Ready what is due on `from`; onto p, which the caller holds. Returns whether any was. */
bool sched_timer_run(struct sched_p *p, struct sched_p *from);
int64_t sched_timer_first(void); /* over all Ps */
void sched_timer_fini(struct sched_p *p);

/* ---- netpoll.c */
int sched_netpoll_init(void);
void sched_netpoll_fini(void);
bool sched_netpoll_wanted(void); /* somebody waits, and nobody blocks in the poller */
bool sched_netpoll_blocked(void); /* an M blocks in the poller */
uint32_t sched_netpoll_waiters(void); /* goroutines parked on a connection, at about now */
void sched_netpoll_nudge(void); /* an M that blocks in the poller looks for work */
/* Non-blocking; p may be NULL. The Gs are RUNNABLE. `events` has PRIM_POLL_EVENTS_MAX. */
void sched_netpoll_now(struct sched_p *p, struct prim_event *events, struct sched_list *ret);
/* Become the one blocked poller, until the next timer: false: not needed, or there is one already.
 * m has no P. */
bool sched_netpoll_block(struct sched_m *m, struct sched_list *ret);
/* When wakes that a fault dropped are due to be found again; SCHED_NEVER: none is lost. */
int64_t sched_netpoll_backstop_ns(void);
/* If they are due by now_ns: have them polled anew, and look. False: nothing is due. */
bool sched_netpoll_backstop(struct prim_event *events, int64_t now_ns, struct sched_list *ret);
/* A timer at when_ns is new. */
void sched_netpoll_timer(int64_t when_ns);
/* When a look that blocked or sysmon's last one began; looks of Ms on their way do not count (lastpoll, proc.go). */
int64_t sched_netpoll_last_ns(void);
/* sysmon's look, because that is long ago. */
void sched_netpoll_late(struct prim_event *events, int64_t now_ns, struct sched_list *ret);
/* g runs after a measured wake. */
void sched_wake_account(struct sched_p *p, struct sched_g *g);

/* ---- stw.c: the right to stop the world or to run a ragged call; one at a time */
void sched_turn_take(struct sched_g *g);
void sched_turn_give(struct sched_g *g);
void sched_turn_init(void);

/* ---- spin guards of what goroutines wait on (sema.c, waitgroup.c): held for a few stores, never across a safepoint */
static inline void sched_guard_take(_Atomic uint32_t *guard)
{
	/* Acquire: pairs with the release in sched_guard_give. */
	for (uint32_t round = 0; atomic_exchange_explicit(guard, 1, memory_order_acquire) != 0; round++)
		prim_spin_wait(round);
}
static inline void sched_guard_give(_Atomic uint32_t *guard)
{
	atomic_store_explicit(guard, 0, memory_order_release);
}
/* For sched_park: whoever readies g takes the guard first. */
static inline bool sched_guard_commit(struct sched_g *g, void *guard)
{
	(void)g;
	sched_guard_give(guard);
	return true;
}

/* ---- sema.c: nothing allocates or fails */
/* Take a permit, or park for one: behind the others, or before them (`front`). A safepoint if it parks. */
void sched_sema_acquire(struct sched_g *g, mrt_sema *s, bool front);
/* n permits; as many waiters are made runnable on g's P, and compete for them. No safepoint. */
void sched_sema_release(struct sched_g *g, mrt_sema *s, uint32_t n);
/* One permit, to the first waiter and nobody else; it runs at once, and g behind the rest of its P's queue: a
 * safepoint. The permit is left when nobody waits yet. */
void sched_sema_hand_over(struct sched_g *g, mrt_sema *s);

/* ---- ragged.c */
void sched_ragged_run(struct sched_p *p); /* p is held; runs the pending call, if any */

/* ---- sysmon.c */
int sched_sysmon_start(void);
void sched_sysmon_join(void);
void sched_sysmon_wake_locked(void); /* from a deep sleep, or for the end */
void sched_sysmon_busy_locked(void); /* a P has left the idle set */
