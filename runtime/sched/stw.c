/*
 * stw.c: stopping the world, and whose turn it is to do so.
 *
 * Every P gets the STOP bit.  Idle Ps and Ps in a blocking call are taken at once; the others give
 * themselves up at their goroutine's next safepoint, or when they look for work.  A P that enters a
 * blocking call meanwhile looks at its poll word after saying so.  The stopper sleeps in slices and
 * looks again.
 *
 * The time to stop runs from the request (the stopper's turn has come) to the last P's
 * stop; the time stopped until every P has been let go.
 */
#include "runtime/sched/sched.h"
#include "runtime/sched/sched_priv.h"

#include <string.h>

/* ---------------------------------------------------------------------- turns */

struct turn_waiter {	   /* on the waiter's stack */
	struct sched_g *g; /* NULL: a thread, on its note */
	prim_note note;
	struct turn_waiter *next;
};

static struct {
	prim_mutex lock;
	bool taken;
	struct turn_waiter *first, *last;
} turn;

void sched_turn_init(void)
{
	memset(&turn, 0, sizeof(turn));
	prim_mutex_init(&turn.lock, PRIM_RANK_STW);
}

static bool turn_commit(struct sched_g *g, void *arg)
{
	(void)g;
	(void)arg;
	prim_mutex_unlock(&turn.lock);
	return true;
}

void sched_turn_take(struct sched_g *g)
{
	struct turn_waiter self = {.g = g};

	prim_mutex_lock(&turn.lock);
	if (!turn.taken) {
		turn.taken = true;
		prim_mutex_unlock(&turn.lock);
		return;
	}
	if (turn.last != NULL)
		turn.last->next = &self;
	else
		turn.first = &self;
	turn.last = &self;
	if (g != NULL) {
		sched_park(g, SCHED_WAIT_OTHER, turn_commit, NULL);
		return;
	}
	prim_mutex_unlock(&turn.lock);
	prim_note_sleep(&self.note, PRIM_FOREVER);
}

/* First come, first served: the turn is handed over, never free in between. */
void sched_turn_give(struct sched_g *g)
{
	struct turn_waiter *next;

	prim_mutex_lock(&turn.lock);
	next = turn.first;
	if (next == NULL)
		turn.taken = false;
	else
		turn.first = next->next;
	if (turn.first == NULL)
		turn.last = NULL;
	prim_mutex_unlock(&turn.lock);
	if (next == NULL)
		return;
	if (next->g != NULL)
		sched_ready(g != NULL ? g->p : NULL, next->g, false);
	else
		prim_note_wake(&next->note);
}

/* ------------------------------------------------------------------- stopping */

/* Ask everybody but `own`, take what can be taken. */
static void stop_take_locked(struct sched_p *own)
{
	prim_mutex_assert_held(&sched.lock);
	for (uint32_t i = 0; i < sched.procs; i++) {
		struct sched_p *p = sched.p[i];
		uint32_t status;

		if (p == own)
			continue;
		/* Sequentially consistent before the look at the status: see block.c. */
		atomic_fetch_or(&p->poll, SCHED_POLL_STOP);
		status = atomic_load(&p->status);
		if (status == SCHED_P_IDLE) {
			sched_p_idle_remove_locked(p);
			sched_p_stop_locked(p);
		} else if (status == SCHED_P_BLOCKED &&
			   sched_p_swap(p, SCHED_P_BLOCKED, SCHED_P_RUNNING)) {
			sched_p_stop_locked(p);
		}
	}
}

static void stop_wait(struct sched_p *own)
{
	while (!prim_note_sleep(&sched.stop_note, prim_now_ns() + SCHED_STOP_SLICE_NS)) {
		prim_mutex_lock(&sched.lock);
		stop_take_locked(own);
		prim_mutex_unlock(&sched.lock);
	}
}

/* The gate of stw/stopped is armed, the world stands still. A heap check is no part of the program's
 * run: it is not made longer. */
static void stop_long(struct sched_g *g, struct sched_stw *stw)
{
	struct sched_p *own = g != NULL ? g->p : NULL;
	struct gcs_site site = sched_site(own, g, MRT_WORKER_GC);
	struct gcs_firing firing;

	site.eligible = stw->reason != SCHED_STW_CHECK;
	site.arg = stw->reason;
	if (!gcs_decide(GCS_POINT_stw_stopped, &site, &firing) || firing.action != GCS_ACT_DELAY)
		return;
	site.now_ns = sched_busy_until(stw->stopped_ns + firing.delay_ns);
	stw->long_firing = firing.id;
	gcs_effect(&site, firing.id, GCS_EFFECT_LATE, (uint64_t)(site.now_ns - stw->stopped_ns));
}

void sched_stop_world(struct sched_g *g, enum sched_stw_reason reason, struct sched_stw *ret)
{
	struct sched_p *own;

	sched_turn_take(g);
	own = g != NULL ? g->p : NULL;
	ret->reason = reason;
	ret->request_ns = prim_now_ns();
	prim_mutex_lock(&sched.lock);
	prim_note_clear(&sched.stop_note);
	atomic_store(&sched.late_firing, 0);
	atomic_store(&sched.asked_ns, ret->request_ns);
	sched.stop_left = sched.procs;
	atomic_store(&sched.stopping, true);
	/* The last one stopped wakes us, even if that is ourselves. */
	stop_take_locked(own);
	if (own != NULL) {
		struct sched_m *m = own->m;

		sched_p_stop_locked(own);
		own->m = m;
	}
	prim_mutex_unlock(&sched.lock);
	stop_wait(own);
	atomic_store(&sched.stopped, true);
	ret->stopped_ns = prim_now_ns();
	ret->late_firing = atomic_load(&sched.late_firing);
	ret->long_firing = 0;
	if (gcs_gate(GCS_POINT_stw_stopped))
		stop_long(g, ret);
}

bool sched_world_stopped(void)
{
	return atomic_load(&sched.stopped);
}

/* ------------------------------------------------------------------ restarting */

/* Ps with work of their own; they are the caller's now. */
static uint32_t start_release_locked(struct sched_p *own, struct sched_p **ret_busy)
{
	bool quitting = atomic_load_explicit(&sched.quitting, memory_order_relaxed);
	uint32_t n = 0;

	prim_mutex_assert_held(&sched.lock);
	for (uint32_t i = 0; i < sched.procs; i++) {
		struct sched_p *p = sched.p[i];

		if (!quitting)
			atomic_fetch_and(&p->poll, ~(uint32_t)SCHED_POLL_STOP);
		if (p == own || !sched_runq_empty(p)) {
			atomic_store(&p->status, SCHED_P_RUNNING);
			if (p != own)
				ret_busy[n++] = p;
		} else {
			sched_p_idle_put_locked(p);
		}
	}
	return n;
}

static void stop_emit(struct sched_p *own, const struct sched_stw *stw, uint32_t cycle,
		      uint64_t firing)
{
	struct watch_record rec = {
		.t_ns = stw->start_ns,
		.kind = WATCH_STW,
		.p = own != NULL ? (uint16_t)own->id : 0xffff,
		.a = stw->reason,
		.b = (uint64_t)(stw->stopped_ns - stw->request_ns),
		.c = (uint64_t)(stw->start_ns - stw->stopped_ns),
		.d = cycle,
		.e = stw->late_firing != 0   ? stw->late_firing
		     : stw->long_firing != 0 ? stw->long_firing
					     : firing,
	};

	if (sched.telemetry == NULL)
		return;
	if (own != NULL)
		watch_emit(sched.telemetry, own->ring, &rec);
	else
		watch_emit_shared(sched.telemetry, &rec);
}

void sched_start_world(struct sched_g *g, struct sched_stw *stw, uint32_t cycle, uint64_t firing)
{
	struct sched_p *own = g != NULL ? g->p : NULL;
	struct sched_p *busy[WATCH_PS_MAX];
	struct sched_list list = {0};
	uint32_t n;

	prim_mutex_lock(&sched.lock);
	atomic_store(&sched.stopped, false);
	atomic_store(&sched.stopping, false);
	n = start_release_locked(own, busy);
	prim_mutex_unlock(&sched.lock);
	for (uint32_t i = 0; i < n; i++)
		sched_m_start(busy[i], false);
	stw->start_ns = prim_now_ns();
	if (own != NULL && sched_netpoll_wanted()) {
		/* The M's own buffer: it runs g, so it does not look itself. */
		sched_netpoll_now(own, g->m->events, &list);
		sched_inject(own, &list);
	}
	sched_wake();
	sched_latency_stopped(stw);
	stop_emit(own, stw, cycle, firing);
	sched_turn_give(g);
}
