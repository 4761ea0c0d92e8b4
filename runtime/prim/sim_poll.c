/*
 * sim_poll.c: the target's ends of in-memory connections, and their poller.
 *
 * Edge-triggered as epoll is: a connection stands at most once in the queue
 * of edges, put there when it is added and whenever something arrives; what
 * is reported is its readiness at the moment of the poll.  A connection can
 * always be written (the client takes a whole reply).
 */
#include "runtime/prim/prim.h"
#include "runtime/prim/sim_conn.h"

#include <errno.h>
#include <string.h>

static struct {
	prim_conn *first, *last; /* edges, oldest first */
	prim_thread *blocked;	 /* the thread blocked in prim_poll_wait */
	bool broken;		 /* a break that no blocking poll has taken */
} poller;

/* ------------------------------------------------------------------- edges */

static void poll_edge_remove(prim_conn *conn)
{
	prim_conn **link = &poller.first, *before = NULL;

	if (!conn->edge)
		return;
	while (*link != conn) {
		before = *link;
		link = &before->edge_next;
	}
	*link = conn->edge_next;
	if (poller.last == conn)
		poller.last = before;
	conn->edge = false;
}

static void poll_wake(int64_t at_ns)
{
	prim_thread *thread = poller.blocked;

	if (thread == NULL)
		return;
	poller.blocked = NULL;
	sim_wake(thread, at_ns, PRIM_COST_WAKE);
}

void sim_conn_edge(prim_conn *conn, int64_t at_ns)
{
	if (!conn->polled)
		return;
	if (!conn->edge) {
		conn->edge = true;
		conn->edge_ns = at_ns;
		conn->edge_next = NULL;
		if (poller.first == NULL)
			poller.first = conn;
		else
			poller.last->edge_next = conn;
		poller.last = conn;
	}
	poll_wake(at_ns);
}

static uint32_t poll_readiness(const prim_conn *conn)
{
	uint32_t events = PRIM_POLL_OUT;

	if (conn->in_taken < conn->in_used)
		events |= PRIM_POLL_IN;
	if (conn->hung_up)
		events |= PRIM_POLL_IN | PRIM_POLL_HUP;
	return events;
}

static int poll_collect(struct prim_event *events, int max)
{
	int n = 0;

	while (n < max && poller.first != NULL) {
		prim_conn *conn = poller.first;

		poll_edge_remove(conn);
		events[n].tag = conn->tag;
		events[n].events = poll_readiness(conn);
		events[n].ready_ns = conn->edge_ns;
		n++;
	}
	return n;
}

/* ------------------------------------------------------------------ polling */

int prim_poll_init(void)
{
	return 0;
}

int prim_poll_add(prim_conn *conn, void *tag)
{
	if (conn->polled)
		return -EEXIST;
	conn->polled = true;
	conn->tag = tag;
	sim_conn_edge(conn, prim_now_ns());
	prim_step(PRIM_COST_OS_CALL);
	return 0;
}

void prim_poll_remove(prim_conn *conn)
{
	poll_edge_remove(conn);
	conn->polled = false;
	prim_step(PRIM_COST_OS_CALL);
}

void prim_poll_rearm(prim_conn *conn, void *tag)
{
	conn->tag = tag;
	sim_conn_edge(conn, prim_now_ns());
	prim_step(PRIM_COST_OS_CALL);
}

int prim_poll_wait(struct prim_event *events, int max, int64_t deadline_ns)
{
	int n;

	if (max > PRIM_POLL_EVENTS_MAX)
		max = PRIM_POLL_EVENTS_MAX;
	prim_step(PRIM_COST_POLL);
	for (;;) {
		n = poll_collect(events, max);
		if (deadline_ns == 0)
			return n;
		if (poller.broken) {
			poller.broken = false;
			return n;
		}
		if (n > 0 || deadline_ns <= prim_now_ns())
			return n;
		if (poller.blocked != NULL)
			prim_dief("prim: two threads block in prim_poll_wait");
		poller.blocked = sim_self();
		if (!sim_block(SIM_WAIT_POLL, &poller, deadline_ns))
			poller.blocked = NULL;
	}
}

void prim_poll_break(void)
{
	if (poller.broken)
		return;
	poller.broken = true;
	poll_wake(prim_now_ns());
	prim_step(PRIM_COST_OS_CALL);
}

/* -------------------------------------------------------------- connections */

int prim_conn_open_fd(prim_conn **ret_conn, int fd)
{
	(void)ret_conn;
	(void)fd;
	return -ENOTSUP;
}

int64_t prim_conn_read(prim_conn *conn, void *buf, size_t bytes)
{
	uint32_t n;

	prim_step(PRIM_COST_NET_OP);
	n = conn->in_used - conn->in_taken;
	if (n == 0)
		return conn->hung_up ? 0 : -EAGAIN;
	if (n > bytes)
		n = (uint32_t)bytes;
	memcpy(buf, conn->in + conn->in_taken, n);
	conn->in_taken += n;
	return n;
}

int64_t prim_conn_write(prim_conn *conn, const void *buf, size_t bytes)
{
	prim_step(PRIM_COST_NET_OP);
	if (conn->hung_up)
		return -EPIPE;
	return sim_peer_written(conn, buf, bytes);
}

void prim_conn_close(prim_conn *conn)
{
	prim_step(PRIM_COST_OS_CALL);
	poll_edge_remove(conn);
	sim_peer_drop(conn);
}
