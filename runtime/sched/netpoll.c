/*
 * netpoll.c: the poller: who looks when, and which goroutines that wakes.
 *
 * Anybody may look without blocking; at most one M blocks in it, until the next timer.
 * Results are seen to under one lock, event by event, so that the ordinals of
 * netpoll/wake visits follow the order of the events.  What a look finds is made runnable by
 * the caller; a delayed wake goes to a timer.
 *
 * A dropped wake is an edge that has been taken and forgotten: the goroutine stays parked on its
 * connection, and no edge will tell of the same data again.  A new one may (more data, a hang-up,
 * a close); else the back-stop finds it: sysmon, 10 ms after the first loss, has every connection
 * with a lost wake polled anew, whether the fault is still armed or not.
 *
 * A duplicated one is reported again by the next look of anybody, by then most likely to a goroutine
 * that runs, or has parked anew and wakes for nothing.
 *
 * Coalesced wakes are a batch: one that fires opens it, whatever is found ready after that joins it,
 * and a look ends it when its time is over or it is full. Of that time the poller that blocks
 * knows as of a timer's.
 *
 * A late look keeps what it found to itself; other looks go on, and no P is waited for but the
 * looker's own.
 */
#include "runtime/sched/sched.h"
#include "runtime/sched/conn_priv.h"
#include "runtime/sched/sched_priv.h"

#include <stdio.h>
#include <string.h>

static struct {
	prim_mutex lock;	  /* events are seen to one at a time */
	_Atomic uint32_t waiters; /* goroutines parked on a connection */
	_Atomic bool blocked;	  /* an M is in the blocking poll */
	_Atomic int64_t until_ns; /* it sleeps until then; 0: not known yet */
	_Atomic int64_t last_ns;  /* when the last look began of those that count: lastpoll, proc.go */
	struct mrt_conn *lost;	  /* under the lock: connections with a wake that was dropped */
	struct mrt_conn *twice;	  /* under the lock: connections to be reported ready once more */
	_Atomic bool any_twice;	  /* there are some */
	struct sched_list batch;     /* under the lock: ready, and held back */
	uint64_t batch_firing;	     /* that opened it */
	_Atomic int64_t batch_ns;    /* when it ends; SCHED_NEVER: there is none */
	_Atomic int64_t backstop_ns; /* when these are looked after; SCHED_NEVER: there are none */
} netpoll;

int sched_netpoll_init(void)
{
	memset(&netpoll, 0, sizeof(netpoll));
	prim_mutex_init(&netpoll.lock, PRIM_RANK_NETPOLL);
	atomic_store(&netpoll.backstop_ns, SCHED_NEVER);
	atomic_store(&netpoll.batch_ns, SCHED_NEVER);
	atomic_store(&netpoll.last_ns, prim_now_ns());
	return prim_poll_init();
}

void sched_netpoll_waiter(int n)
{
	atomic_fetch_add(&netpoll.waiters, (uint32_t)n);
}

/* Relaxed: a hint; the batch itself is under the lock. */
static bool batch_due(void)
{
	int64_t due_ns = atomic_load_explicit(&netpoll.batch_ns, memory_order_relaxed);

	return PRIM_UNLIKELY(due_ns != SCHED_NEVER) && due_ns <= prim_now_ns();
}

bool sched_netpoll_wanted(void)
{
	/* Relaxed: sysmon and the blocking poll make good for what is missed. */
	return (atomic_load_explicit(&netpoll.waiters, memory_order_relaxed) > 0 || batch_due()) &&
	       !atomic_load_explicit(&netpoll.blocked, memory_order_relaxed);
}

uint32_t sched_netpoll_waiters(void)
{
	return atomic_load_explicit(&netpoll.waiters, memory_order_relaxed);
}

int64_t sched_netpoll_last_ns(void)
{
	return atomic_load_explicit(&netpoll.last_ns, memory_order_relaxed);
}

/* --------------------------------------------------------------- lost wakes */

int64_t sched_netpoll_backstop_ns(void)
{
	/* Sequentially consistent: a drop stores it, then looks whether sysmon sleeps deeply. */
	return atomic_load(&netpoll.backstop_ns);
}

static void lost_list_locked(struct mrt_conn *c, int64_t due_ns)
{
	prim_mutex_assert_held(&netpoll.lock);
	if (!c->lost_listed) {
		c->lost_listed = true;
		c->lost_next = netpoll.lost;
		netpoll.lost = c;
	}
	if (due_ns < atomic_load(&netpoll.backstop_ns))
		atomic_store(&netpoll.backstop_ns, due_ns);
}

/* All of the list; they stay marked as listed, so that their links are the caller's. */
static struct mrt_conn *lost_take(void)
{
	struct mrt_conn *list, *c;

	prim_mutex_lock(&netpoll.lock);
	list = netpoll.lost;
	netpoll.lost = NULL;
	atomic_store(&netpoll.backstop_ns, SCHED_NEVER);
	for (c = list; c != NULL; c = c->lost_next)
		c->rearmed = c->lost;
	prim_mutex_unlock(&netpoll.lock);
	return list;
}

/* Whoever has not been found is looked for again. A close has woken its own. */
static void lost_put_back(struct mrt_conn *list, int64_t due_ns)
{
	struct mrt_conn *c, *next;

	prim_mutex_lock(&netpoll.lock);
	for (c = list; c != NULL; c = next) {
		next = c->lost_next;
		c->lost_listed = false;
		if (sched_conn_closed(c))
			c->lost = c->rearmed = 0;
		if (c->lost != 0)
			lost_list_locked(c, due_ns);
	}
	prim_mutex_unlock(&netpoll.lock);
}

bool sched_netpoll_backstop(struct prim_event *events, int64_t now_ns, struct sched_list *ret)
{
	struct mrt_conn *list, *c;

	if (PRIM_LIKELY(now_ns < sched_netpoll_backstop_ns()))
		return false;
	list = lost_take();
	for (c = list; c != NULL; c = c->lost_next)
		sched_conn_rearm(c);
	sched_netpoll_now(NULL, events, ret);
	lost_put_back(list, prim_now_ns() + SCHED_POLL_STALE_NS);
	return true;
}

/* -------------------------------------------------------------------- events */

/* What a look has found, by what becomes of it. */
struct events_found {
	struct sched_list now, later;
	bool lost;	      /* a wake was dropped */
	int64_t batch_ns;     /* a batch was opened, which ends then; 0: none */
	uint64_t late_firing; /* of netpoll/poll: the look was late; 0: it was not */
};

static struct gcs_site wake_site(const struct sched_p *p, const struct sched_g *g)
{
	return sched_site(p, g, MRT_WORKER_NETPOLL);
}

/* The wake of g is dropped: it waits on, and the back-stop knows. False: it must run after all. */
static bool wake_lost_locked(struct mrt_conn *c, uint8_t side, struct sched_g *g, uint64_t firing,
			     int64_t now_ns)
{
	prim_mutex_assert_held(&netpoll.lock);
	/* First: who wakes it, a close perhaps, finds them. */
	g->ready_firing = firing;
	g->lost_ns = now_ns;
	if (!sched_conn_block_again(c, side, g))
		return false;
	c->lost |= side;
	lost_list_locked(c, now_ns + SCHED_POLL_STALE_NS);
	return true;
}

/* A goroutine whose last wake was dropped is found at last, and by whom. */
static void wake_found_locked(const struct sched_p *p, struct mrt_conn *c, uint8_t side,
			      const struct sched_g *g)
{
	struct gcs_site site = wake_site(p, g);

	prim_mutex_assert_held(&netpoll.lock);
	if (c->rearmed & side)
		gcs_effect(&site, g->ready_firing, GCS_EFFECT_REPAIRED, (uint64_t)(site.now_ns - g->lost_ns));
	c->lost &= (uint8_t)~side;
	c->rearmed &= (uint8_t)~side;
}

/* The next look reports this side of c once more. */
static void wake_again_locked(struct mrt_conn *c, uint8_t side, uint64_t firing)
{
	prim_mutex_assert_held(&netpoll.lock);
	if (c->twice == 0) {
		c->twice_next = netpoll.twice;
		netpoll.twice = c;
	}
	c->twice |= side;
	c->twice_firing[side == CONN_WRITER] = firing;
	atomic_store_explicit(&netpoll.any_twice, true, memory_order_relaxed);
}

/* The batch ends: before what the look that ends it finds after this. */
static void batch_end_locked(const struct sched_p *p, struct events_found *found)
{
	struct gcs_site site = sched_site_bare(p, MRT_WORKER_NETPOLL);

	prim_mutex_assert_held(&netpoll.lock);
	gcs_effect(&site, netpoll.batch_firing, GCS_EFFECT_BATCH, netpoll.batch.count);
	sched_list_join(&found->now, &netpoll.batch);
	netpoll.batch_firing = 0;
	atomic_store(&netpoll.batch_ns, SCHED_NEVER);
	found->batch_ns = 0;
}

/* g is ready, and waits for others. */
static void batch_add_locked(const struct sched_p *p, struct sched_g *g, struct events_found *found)
{
	prim_mutex_assert_held(&netpoll.lock);
	g->ready_firing = netpoll.batch_firing;
	sched_list_add(&netpoll.batch, g);
	if (netpoll.batch.count == PRIM_POLL_EVENTS_MAX)
		batch_end_locked(p, found);
}

static void batch_open_locked(uint64_t firing, int64_t end_ns, struct events_found *found)
{
	prim_mutex_assert_held(&netpoll.lock);
	netpoll.batch_firing = firing;
	/* Sequentially consistent, as a timer's: pairs with the look of an M that is about to block. */
	atomic_store(&netpoll.batch_ns, end_ns);
	found->batch_ns = end_ns;
}

/* The gate is armed: does the wake of g go on as it should? Not asked twice: what was lost once
 * comes through. */
static enum gcs_action wake_fault_locked(const struct sched_p *p, struct mrt_conn *c, uint8_t side,
					 struct sched_g *g, struct events_found *found)
{
	bool joins = netpoll.batch_firing != 0 && g->lost_ns == 0;
	struct gcs_site site = wake_site(p, g);
	struct gcs_firing firing;

	site.eligible = site.eligible && g->lost_ns == 0;
	site.actions = GCS_ACT_DELAY | GCS_ACT_DROP | (c->twice & side ? 0 : GCS_ACT_DUPLICATE) |
		       (netpoll.batch_firing != 0 ? 0 : GCS_ACT_COALESCE);
	if (!gcs_decide(GCS_POINT_netpoll_wake, &site, &firing))
		return joins ? GCS_ACT_COALESCE : GCS_ACT_NONE;
	if (firing.action == GCS_ACT_COALESCE) {
		batch_open_locked(firing.id, site.now_ns + firing.delay_ns, found);
		return GCS_ACT_COALESCE;
	}
	if (firing.action == GCS_ACT_DROP)
		return wake_lost_locked(c, side, g, firing.id, site.now_ns) ? GCS_ACT_DROP
									    : GCS_ACT_NONE;
	if (firing.action == GCS_ACT_DUPLICATE) {
		wake_again_locked(c, side, firing.id);
		return GCS_ACT_NONE;
	}
	g->ready_firing = firing.id;
	g->wake_deadline_ns = site.now_ns + firing.delay_ns;
	return GCS_ACT_DELAY;
}

/* Whom the readiness of this side wakes; NULL: nobody. */
static struct sched_g *event_goroutine_locked(struct sched_p *p, struct mrt_conn *c, uint8_t side,
					      int64_t ready_ns)
{
	struct sched_g *g = sched_conn_unblock(sched_conn_slot(c, side), true);

	if (g == NULL)
		return NULL;
	if (g->lost_ns == 0)
		g->ready_ns = ready_ns;
	else
		wake_found_locked(p, c, side, g);
	return g;
}

/* An event that has been seen to before. Nothing is asked of the fault again. */
static void event_again_locked(struct sched_p *p, struct mrt_conn *c, uint8_t side,
			       struct events_found *found)
{
	struct gcs_site site = sched_site_bare(p, MRT_WORKER_NETPOLL);
	uint64_t firing = c->twice_firing[side == CONN_WRITER];
	struct sched_g *g = event_goroutine_locked(p, c, side, site.now_ns);

	gcs_effect(&site, firing, GCS_EFFECT_IDLE, g != NULL);
	if (g == NULL)
		return;
	if (g->lost_ns == 0)
		g->ready_firing = firing;
	sched_list_add(&found->now, g);
}

static void events_again_locked(struct sched_p *p, struct events_found *found)
{
	struct mrt_conn *c = netpoll.twice;

	prim_mutex_assert_held(&netpoll.lock);
	netpoll.twice = NULL;
	atomic_store_explicit(&netpoll.any_twice, false, memory_order_relaxed);
	for (; c != NULL; c = c->twice_next) {
		if (c->twice & CONN_READER)
			event_again_locked(p, c, CONN_READER, found);
		if (c->twice & CONN_WRITER)
			event_again_locked(p, c, CONN_WRITER, found);
		c->twice = 0;
	}
}

static void event_wake_locked(struct sched_p *p, struct mrt_conn *c, uint8_t side, int64_t ready_ns,
			      struct events_found *found)
{
	struct sched_g *g = event_goroutine_locked(p, c, side, ready_ns);
	enum gcs_action action = GCS_ACT_NONE;

	if (g == NULL)
		return;
	if (g->ready_firing == 0)
		g->ready_firing = found->late_firing;
	if (gcs_gate(GCS_POINT_netpoll_wake))
		action = wake_fault_locked(p, c, side, g, found);
	if (action == GCS_ACT_DROP)
		found->lost = true;
	else if (action == GCS_ACT_COALESCE)
		batch_add_locked(p, g, found);
	else
		sched_list_add(action == GCS_ACT_DELAY ? &found->later : &found->now, g);
}

/* sysmon may be asleep for a minute. */
static void events_lost(void)
{
	prim_mutex_lock(&sched.lock);
	sched_sysmon_busy_locked();
	prim_mutex_unlock(&sched.lock);
}

/* The gate of netpoll/poll is armed, and a look has found something: does it end late? The firing. */
static uint64_t events_late(const struct sched_p *p)
{
	struct gcs_site site = sched_site_bare(p, MRT_WORKER_NETPOLL);
	struct gcs_firing firing;
	int64_t begin_ns = site.now_ns;
	bool late;

	prim_mutex_lock(&netpoll.lock); /* one worker, one visit at a time */
	late = gcs_decide(GCS_POINT_netpoll_poll, &site, &firing) &&
	       firing.action == GCS_ACT_DELAY;
	prim_mutex_unlock(&netpoll.lock);
	if (!late)
		return 0;
	/* Who waited in the poller for the next timer too does not any more. */
	sched_wake();
	prim_sleep_until(begin_ns + firing.delay_ns);
	site.now_ns = prim_now_ns();
	gcs_effect(&site, firing.id, GCS_EFFECT_LATE, (uint64_t)(site.now_ns - begin_ns));
	return firing.id;
}

/* Turn a list round; who comes later for it carries the firing, unless another has kept it already. */
static void events_reverse(struct sched_list *list, uint64_t firing)
{
	struct sched_list reversed = {0};
	uint32_t i = 0;
	struct sched_g *g;

	reversed.count = list->count;
	for (; (g = list->head) != NULL; i++) {
		list->head = g->next;
		if (i < reversed.count / 2 && g->ready_firing == 0)
			g->ready_firing = firing;
		g->next = reversed.head;
		reversed.head = g;
		if (reversed.tail == NULL)
			reversed.tail = g;
	}
	*list = reversed;
}

/* Whose wakes they all are; 0xffff: of several workloads. */
static uint16_t events_driver(const struct sched_list *list)
{
	for (const struct sched_g *g = list->head; g != NULL; g = g->next)
		if (g->driver != list->head->driver)
			return 0xffff;
	return list->head != NULL ? list->head->driver : 0xffff;
}

/* The gate of netpoll/wake is armed: do the wakes of one look change their order? */
static void events_reorder_locked(const struct sched_p *p, struct events_found *found)
{
	struct gcs_site site = sched_site_bare(p, MRT_WORKER_NETPOLL);
	uint32_t count = found->now.count;
	struct gcs_firing firing;

	prim_mutex_assert_held(&netpoll.lock);
	site.eligible = site.eligible && count >= 2;
	site.actions = GCS_ACT_REORDER;
	site.driver = events_driver(&found->now);
	site.arg = count;
	if (count == 0 || !gcs_decide(GCS_POINT_netpoll_wake, &site, &firing) ||
	    firing.action != GCS_ACT_REORDER)
		return;
	events_reverse(&found->now, firing.id);
	gcs_effect(&site, firing.id, GCS_EFFECT_REORDERED, count / 2 * 2);
}

static void events_take(struct sched_p *p, const struct prim_event *events, int count,
			struct sched_list *ret)
{
	struct events_found found = {0};
	struct sched_g *g;

	if (count <= 0 && !atomic_load_explicit(&netpoll.any_twice, memory_order_relaxed) &&
	    !batch_due())
		return;
	if (count > 0 && gcs_gate(GCS_POINT_netpoll_poll))
		found.late_firing = events_late(p);
	prim_mutex_lock(&netpoll.lock);
	if (batch_due())
		batch_end_locked(p, &found);
	events_again_locked(p, &found);
	for (int i = 0; i < count; i++) {
		struct mrt_conn *c = events[i].tag;
		uint32_t bits = events[i].events;

		if (bits & (PRIM_POLL_IN | PRIM_POLL_HUP))
			event_wake_locked(p, c, CONN_READER, events[i].ready_ns, &found);
		if (bits & (PRIM_POLL_OUT | PRIM_POLL_HUP))
			event_wake_locked(p, c, CONN_WRITER, events[i].ready_ns, &found);
	}
	if (gcs_gate(GCS_POINT_netpoll_wake))
		events_reorder_locked(p, &found);
	prim_mutex_unlock(&netpoll.lock);
	if (PRIM_UNLIKELY(found.lost))
		events_lost();
	if (PRIM_UNLIKELY(found.batch_ns != 0))
		sched_netpoll_timer(found.batch_ns);
	while ((g = sched_list_take(&found.later)) != NULL)
		sched_ready_at(p, g, g->wake_deadline_ns, g->ready_firing);
	while ((g = sched_list_take(&found.now)) != NULL) {
		sched_g_status(g, SCHED_G_WAITING, SCHED_G_RUNNABLE);
		prim_step(PRIM_COST_READY);
		sched_list_add(ret, g);
	}
}

static _Noreturn void poll_die(int err)
{
	char text[80];

	snprintf(text, sizeof text, "fatal error: mrt: the poller is broken: errno %d\n", err);
	prim_die(2, text);
}

static int poll_wait(struct prim_event *events, int64_t deadline_ns)
{
	int n = prim_poll_wait(events, PRIM_POLL_EVENTS_MAX, deadline_ns);

	if (PRIM_UNLIKELY(n < 0))
		poll_die(-n);
	return n;
}

void sched_netpoll_now(struct sched_p *p, struct prim_event *events, struct sched_list *ret)
{
	events_take(p, events, poll_wait(events, 0), ret);
}

void sched_netpoll_late(struct prim_event *events, int64_t now_ns, struct sched_list *ret)
{
	atomic_store_explicit(&netpoll.last_ns, now_ns, memory_order_relaxed);
	sched_netpoll_now(NULL, events, ret);
}

/* ------------------------------------------------------------------- blocking */

/* What the poller must not sleep beyond: the next timer, the end of a batch. */
static int64_t block_until(void)
{
	int64_t timer_ns = sched_timer_first(), batch_ns = atomic_load(&netpoll.batch_ns);

	return timer_ns < batch_ns ? timer_ns : batch_ns;
}

bool sched_netpoll_block(struct sched_m *m, struct sched_list *ret)
{
	int64_t until = block_until(), begin_ns;
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
	until = block_until();
	atomic_store(&netpoll.until_ns, until);
	begin_ns = prim_now_ns();
	n = poll_wait(m->events, until);
	atomic_store(&netpoll.until_ns, 0);
	/* Relaxed: sysmon's look 10 ms later is no matter of order. */
	atomic_store_explicit(&netpoll.last_ns, begin_ns, memory_order_relaxed);
	atomic_store(&netpoll.blocked, false);
	events_take(NULL, m->events, n, ret);
	return true;
}

bool sched_netpoll_blocked(void)
{
	return atomic_load(&netpoll.blocked);
}

void sched_netpoll_nudge(void)
{
	if (atomic_load(&netpoll.blocked))
		prim_poll_break();
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

		gcs_effect(&site, g->ready_firing, GCS_EFFECT_WOKE, rec.b);
	}
	g->ready_ns = 0;
	g->ready_firing = 0;
	g->lost_ns = 0;
}
