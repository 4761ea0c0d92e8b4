/*
 * conn.c: reading and writing connections: try, and park when there is nothing.
 *
 * The poller reports edges, and any look may take one, so a slot remembers it (READY); a stale
 * one costs one more try.  A close marks the connection, wakes who waits, and leaves the
 * descriptor to the last operation under way.  The memory stays until sched_fini: an event may
 * still name it.
 */
#include "runtime/mem/throw.h"
#include "runtime/sched/conn_priv.h"
#include "runtime/sched/sched_priv.h"

#include <errno.h>

static _Atomic(struct mrt_conn *) conn_all;
static _Atomic(struct mrt_conn *) conn_spare; /* of refused openings: no event can name them */

/* --------------------------------------------------------------------- slots */

struct sched_g *sched_conn_unblock(_Atomic uintptr_t *slot, bool ready)
{
	uintptr_t old = atomic_load(slot);

	for (;;) {
		uintptr_t new = ready ? CONN_READY : CONN_NONE;

		if (old == CONN_READY || (old == CONN_NONE && !ready))
			return NULL;
		if (!atomic_compare_exchange_weak(slot, &old, new))
			continue;
		if (old == CONN_NONE || old == CONN_WAIT)
			return NULL;
		sched_netpoll_waiter(-1);
		return (struct sched_g *)old;
	}
}

/* On the M: from here on the poller may have g. False: something came meanwhile. */
static bool conn_commit(struct sched_g *g, void *arg)
{
	_Atomic uintptr_t *slot = arg;
	uintptr_t expected = CONN_WAIT;

	/* First: once the slot holds g, its waker counts it out. */
	sched_netpoll_waiter(1);
	if (atomic_compare_exchange_strong(slot, &expected, (uintptr_t)g))
		return true;
	sched_netpoll_waiter(-1);
	return false;
}

bool sched_conn_closed(const mrt_conn *c)
{
	return (atomic_load(&c->users) & CONN_CLOSED) != 0;
}

/* Until the slot is ready, or the connection closed. 0, -ECANCELED. */
static int conn_wait(struct sched_g *g, mrt_conn *c, _Atomic uintptr_t *slot)
{
	uintptr_t old = CONN_NONE;

	g->wake_lag_ns = 0;
	if (!atomic_compare_exchange_strong(slot, &old, CONN_WAIT)) {
		if (old != CONN_READY)
			prim_die(134,
				 "mrt: two goroutines wait for one direction of a connection\n");
		atomic_store(slot, CONN_NONE);
		return sched_conn_closed(c) ? -ECANCELED : 0;
	}
	/* After the slot: a close marks first and looks at the slot then. */
	if (!sched_conn_closed(c))
		sched_park(g, SCHED_WAIT_NETPOLL, conn_commit, slot);
	atomic_exchange(slot, CONN_NONE);
	return sched_conn_closed(c) ? -ECANCELED : 0;
}

/* ------------------------------------------------------------------ operations */

static bool conn_enter(mrt_conn *c)
{
	uint32_t users = atomic_load(&c->users);

	do {
		if (users & CONN_CLOSED)
			return false;
	} while (!atomic_compare_exchange_weak(&c->users, &users, users + 1));
	return true;
}

static void conn_leave(mrt_conn *c)
{
	if (atomic_fetch_sub(&c->users, 1) != (CONN_CLOSED | 1))
		return;
	prim_poll_remove(c->prim);
	prim_conn_close(c->prim);
	c->prim = NULL;
}

bool sched_conn_block_again(mrt_conn *c, uint8_t side, struct sched_g *g)
{
	_Atomic uintptr_t *slot = sched_conn_slot(c, side);
	uintptr_t ready = CONN_READY;

	/* First: once the slot holds g, its waker counts it out. */
	sched_netpoll_waiter(1);
	if (!atomic_compare_exchange_strong(slot, &ready, (uintptr_t)g)) {
		sched_netpoll_waiter(-1);
		return false;
	}
	/* After the slot: a close marks first and looks at the slot then. One of us has g. */
	return !sched_conn_closed(c) || sched_conn_unblock(slot, false) == NULL;
}

bool sched_conn_rearm(mrt_conn *c)
{
	if (!conn_enter(c))
		return false;
	prim_poll_rearm(c->prim, c);
	conn_leave(c);
	return true;
}

/* Linked by all_next. Nobody takes one off but by taking all, so a head that is back is no trap. */
static void conn_push(_Atomic(struct mrt_conn *) *list, mrt_conn *c)
{
	c->all_next = atomic_load(list);
	while (!atomic_compare_exchange_weak(list, &c->all_next, c))
		;
}

/* The memory of a connection, zeroed but for what every opening writes; NULL: none. */
static mrt_conn *conn_alloc(void)
{
	mrt_conn *c = atomic_exchange(&conn_spare, NULL), *rest, *next;

	if (c == NULL)
		return sched_arena_alloc(sizeof(*c));
	for (rest = c->all_next; rest != NULL; rest = next) {
		next = rest->all_next;
		conn_push(&conn_spare, rest);
	}
	return c;
}

/* The gate of netpoll/register is armed: does the poller refuse? -errno. */
static __attribute__((cold, noinline)) int conn_refused(struct sched_g *g)
{
	struct gcs_site site = sched_site(g->p, g, g->worker);
	struct gcs_firing firing;

	if (!gcs_decide(GCS_POINT_netpoll_register, &site, &firing) ||
	    firing.action != GCS_ACT_FAIL)
		return 0;
	gcs_effect(&site, firing.id, GCS_EFFECT_FAILED, (uint64_t)firing.err);
	return -firing.err;
}

static int conn_register(struct sched_g *g, prim_conn *prim, mrt_conn *c)
{
	int r = gcs_gate(GCS_POINT_netpoll_register) ? conn_refused(g) : 0;

	return r < 0 ? r : prim_poll_add(prim, c);
}

int mrt_conn_open(mrt_g *pub, struct prim_conn *prim, mrt_conn **ret_conn)
{
	mrt_conn *c = conn_alloc();
	int r;

	if (c == NULL && mem_throws())
		mem_throw_persist(ENOMEM); /* netpoll.go, pollCache.alloc */
	if (c == NULL)
		return -ENOMEM;
	c->prim = prim;
	atomic_store(&c->users, 1);
	r = conn_register(sched_of(pub), prim, c);
	conn_push(r < 0 ? &conn_spare : &conn_all, c);
	if (r == 0)
		*ret_conn = c;
	return r;
}

int mrt_conn_renew(mrt_g *pub, mrt_conn *c)
{
	int r;

	if (!conn_enter(c))
		return -ECANCELED;
	prim_poll_remove(c->prim);
	r = conn_register(sched_of(pub), c->prim, c);
	conn_leave(c);
	return r;
}

int64_t mrt_conn_read(mrt_g *pub, mrt_conn *c, void *buf, size_t bytes)
{
	struct sched_g *g = sched_of(pub);
	int64_t r;
	int waited;

	sched_safepoint(g);
	if (!conn_enter(c))
		return -ECANCELED;
	c->wake_lag_ns = 0;
	while ((r = prim_conn_read(c->prim, buf, bytes)) == -EAGAIN) {
		waited = conn_wait(g, c, &c->reader);
		c->wake_lag_ns = g->wake_lag_ns;
		if (waited < 0) {
			r = waited;
			break;
		}
	}
	conn_leave(c);
	return r;
}

int64_t mrt_conn_write_all(mrt_g *pub, mrt_conn *c, const void *buf, size_t bytes)
{
	struct sched_g *g = sched_of(pub);
	size_t done = 0;
	int64_t r = 0;

	sched_safepoint(g);
	if (!conn_enter(c))
		return -ECANCELED;
	while (done < bytes) {
		r = prim_conn_write(c->prim, (const char *)buf + done, bytes - done);
		if (r >= 0)
			done += (size_t)r;
		else if (r == -EAGAIN)
			r = conn_wait(g, c, &c->writer);
		if (r < 0)
			break;
	}
	conn_leave(c);
	return r < 0 ? r : (int64_t)done;
}

static void conn_wake(struct sched_g *g, _Atomic uintptr_t *slot)
{
	struct sched_g *waiter = sched_conn_unblock(slot, false);

	if (waiter != NULL)
		sched_ready(g->p, waiter, false);
}

void mrt_conn_close(mrt_g *pub, mrt_conn *c)
{
	struct sched_g *g = sched_of(pub);

	if (atomic_fetch_or(&c->users, CONN_CLOSED) & CONN_CLOSED)
		return;
	conn_wake(g, &c->reader);
	conn_wake(g, &c->writer);
	conn_leave(c);
	sched_safepoint(g);
}

int64_t mrt_conn_wake_lag_ns(const mrt_conn *c)
{
	return c->wake_lag_ns;
}

/* All threads have ended. */
void sched_netpoll_fini(void)
{
	mrt_conn *c = atomic_exchange(&conn_all, NULL);

	atomic_store(&conn_spare, NULL); /* their memory goes with the arena */
	for (; c != NULL; c = c->all_next) {
		if (c->prim == NULL)
			continue;
		prim_poll_remove(c->prim);
		prim_conn_close(c->prim);
	}
}
