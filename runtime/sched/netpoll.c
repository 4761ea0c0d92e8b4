/*
 * netpoll.c: the poller: who looks when, and which goroutines that wakes.
 *
 * Anybody may look without blocking; at most one M blocks in it, until the next timer.
 * Results are seen to under one lock, event by event, so that the ordinals of
 * netpoll/wake visits follow the order of the events.  What a look finds is made runnable by
 * the caller; a delayed wake goes to a timer.
 */
#include "runtime/sched/sched.h"
#include "runtime/sched/conn_priv.h"
#include "runtime/sched/sched_priv.h"

#include "faults/gate.h"

#include <string.h>

static struct {
	prim_mutex lock;	  /* events are seen to one at a time */
	_Atomic uint32_t waiters; /* goroutines parked on a connection */
	_Atomic bool blocked;	  /* an M is in the blocking poll */
	_Atomic int64_t until_ns; /* it sleeps until then; 0: not known yet */
	_Atomic int64_t last_ns;  /* of the last look */
} netpoll;

int sched_netpoll_init(void)
{
	memset(&netpoll, 0, sizeof(netpoll));
	prim_mutex_init(&netpoll.lock, PRIM_RANK_NETPOLL);
	return prim_poll_init();
}

void sched_netpoll_waiter(int n)
{
	atomic_fetch_add(&netpoll.waiters, (uint32_t)n);
}

bool sched_netpoll_wanted(void)
{
	/* Relaxed: sysmon and the blocking poll make good for what is missed. */
	return atomic_load_explicit(&netpoll.waiters, memory_order_relaxed) > 0 &&
	       !atomic_load_explicit(&netpoll.blocked, memory_order_relaxed);
}

int64_t sched_netpoll_last_ns(void)
{
	return atomic_load_explicit(&netpoll.last_ns, memory_order_relaxed);
}

/* -------------------------------------------------------------------- events */

static struct gcs_site wake_site(const struct sched_p *p, const struct sched_g *g)
{
	struct gcs_site site = {
		.worker = MRT_WORKER_NETPOLL,
		.driver = g->driver,
		.p = p != NULL ? (uint16_t)p->id : 0xffff,
		.eligible = !g->system,
		.now_ns = prim_now_ns(),
		.arg = g->worker,
		.ring = p != NULL ? p->ring : NULL,
	};

	if (sched.gc->where != NULL)
		sched.gc->where(&site.gc_cycle, &site.gc_phase);
	return site;
}

/* True: the fault delays this wake; g->wake_deadline_ns says until when. */
static bool wake_delayed(const struct sched_p *p, struct sched_g *g)
{
	struct gcs_firing firing;
	struct gcs_site site;

	if (!gcs_gate(GCS_POINT_netpoll_wake))
		return false;
	site = wake_site(p, g);
	if (!gcs_decide(GCS_POINT_netpoll_wake, &site, &firing) || firing.action != GCS_ACT_DELAY)
		return false;
	g->ready_firing = firing.id;
	g->wake_deadline_ns = site.now_ns + firing.delay_ns;
	return true;
}

static void event_wake(struct sched_p *p, _Atomic uintptr_t *slot, int64_t ready_ns,
		       struct sched_list *now, struct sched_list *later)
{
	struct sched_g *g = sched_conn_unblock(slot, true);

	if (g == NULL)
		return;
	g->ready_ns = ready_ns;
	sched_list_add(wake_delayed(p, g) ? later : now, g);
}

static void events_take(struct sched_p *p, const struct prim_event *events, int count,
			struct sched_list *ret)
{
	struct sched_list later = {0}, now = {0};
	struct sched_g *g;

	if (count <= 0)
		return;
	prim_mutex_lock(&netpoll.lock);
	for (int i = 0; i < count; i++) {
		struct mrt_conn *c = events[i].tag;
		uint32_t bits = events[i].events;

		if (bits & (PRIM_POLL_IN | PRIM_POLL_HUP))
			event_wake(p, &c->reader, events[i].ready_ns, &now, &later);
		if (bits & (PRIM_POLL_OUT | PRIM_POLL_HUP))
			event_wake(p, &c->writer, events[i].ready_ns, &now, &later);
	}
	prim_mutex_unlock(&netpoll.lock);
	while ((g = sched_list_take(&later)) != NULL)
		sched_ready_at(p, g, g->wake_deadline_ns, g->ready_firing);
	while ((g = sched_list_take(&now)) != NULL) {
		sched_g_status(g, SCHED_G_WAITING, SCHED_G_RUNNABLE);
		prim_step(PRIM_COST_READY);
		sched_list_add(ret, g);
	}
}

static int poll_wait(struct prim_event *events, int64_t deadline_ns)
{
	int n = prim_poll_wait(events, PRIM_POLL_EVENTS_MAX, deadline_ns);

	if (PRIM_UNLIKELY(n < 0))
		prim_die(2, "fatal error: mrt: the poller is broken\n");
	atomic_store_explicit(&netpoll.last_ns, prim_now_ns(), memory_order_relaxed);
	return n;
}

void sched_netpoll_now(struct sched_p *p, struct prim_event *events, struct sched_list *ret)
{
	events_take(p, events, poll_wait(events, 0), ret);
}

/* ------------------------------------------------------------------- blocking */

bool sched_netpoll_block(struct sched_m *m, struct sched_list *ret)
{
	int64_t until = sched_timer_first();
	int n;

	if (until == SCHED_NEVER && atomic_load(&netpoll.waiters) == 0)
		return false;
	if (atomic_exchange(&netpoll.blocked, true)) {
		/* Who came first may not know of our timer. */
		if (until != SCHED_NEVER && atomic_load(&netpoll.until_ns) > until)
			prim_poll_break();
		return false;
	}
	/* At the end a break follows `quitting`: it comes after this look, or is not needed. */
	if (atomic_load(&sched.quitting)) {
		atomic_store(&netpoll.blocked, false);
		return false;
	}
	/* A timer added from here on sees `blocked` and breaks a sleep that is too long; one
	 * added before is seen by this second look. */
	until = sched_timer_first();
	atomic_store(&netpoll.until_ns, until);
	n = poll_wait(m->events, until);
	atomic_store(&netpoll.until_ns, 0);
	atomic_store(&netpoll.blocked, false);
	events_take(NULL, m->events, n, ret);
	return true;
}

void sched_netpoll_timer(int64_t when_ns)
{
	int64_t until;

	if (!atomic_load(&netpoll.blocked)) {
		sched_wake();
		return;
	}
	until = atomic_load(&netpoll.until_ns);
	if (until == 0 || until > when_ns)
		prim_poll_break();
}

/* ----------------------------------------------------------------- accounting */

void sched_wake_account(struct sched_p *p, struct sched_g *g)
{
	int64_t now = prim_now_ns();
	struct watch_record rec = {
		.t_ns = now,
		.kind = WATCH_WAKE_LAG,
		.p = (uint16_t)p->id,
		.a = g->worker,
		.b = (uint64_t)(now - g->ready_ns),
		.e = g->ready_firing,
	};

	g->wake_lag_ns = now - g->ready_ns;
	if (sched.telemetry != NULL)
		watch_emit(sched.telemetry, p->ring, &rec);
	if (g->ready_firing != 0) {
		struct gcs_site site = wake_site(p, g);

		gcs_effect(&site, g->ready_firing, 4, rec.b);
	}
	g->ready_ns = 0;
	g->ready_firing = 0;
}
