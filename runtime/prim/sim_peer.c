/*
 * sim_peer.c: virtual clients: an open loop, one request in flight a
 * connection.
 *
 * Each client is a small machine with one event at a time:
 *
 *   SENT      at send + NET_WIRE the request reaches the target
 *   WAITING   no event; the target reads it and writes the reply, in parts
 *   REPLIED   NET_WIRE after its last byte the reply is here: on_reply, and
 *             the next request leaves at once, or at its intended start when
 *             that is later
 *   CLOSING   no intended start before stop_ns is left: NET_WIRE later the
 *             target sees the end
 *
 * The wire has no jitter, so a latency is exact: last write + NET_WIRE -
 * intended start.  A target that writes more than it owes gets -EPROTO.
 */
#include "runtime/prim/prim.h"
#include "runtime/prim/sim_conn.h"

#include <errno.h>
#include <string.h>

#define PEER_HEAD_BYTES 16u
#define PEER_BYTES_MAX	((uint32_t)1 << 30)

struct sim_peer {
	struct prim_peer_options opt;
	uint32_t open; /* connections the target has not closed */
	size_t mapped;
	prim_conn conns[];
};

static uint32_t peer_events; /* events of all peers: bounds the event set */
static uint32_t peer_ids;    /* connections made so far, for their event ids */

static int64_t peer_wire_ns(void)
{
	return sim_cost_ns[PRIM_COST_NET_WIRE];
}

/* The client sends its next request at from_ns or later, or hangs up. */
static void peer_next(prim_conn *conn, int64_t from_ns)
{
	const struct prim_peer_options *opt = &conn->peer->opt;
	int64_t turns = (int64_t)(conn->turn * opt->conns + conn->number);

	conn->intended_ns = opt->start_ns + turns * opt->period_ns;
	conn->state = SIM_CLIENT_CLOSING;
	if (conn->intended_ns < opt->stop_ns) {
		conn->state = SIM_CLIENT_SENT;
		if (from_ns < conn->intended_ns)
			from_ns = conn->intended_ns;
	}
	/* Room for it was made in prim_peer_start. */
	if (sim_event_add(&conn->event, from_ns + peer_wire_ns()) < 0)
		prim_dief("prim: no room for a client's event");
}

static void peer_deliver(prim_conn *conn, int64_t at_ns)
{
	const struct prim_peer_options *opt = &conn->peer->opt;
	uint64_t sequence = conn->turn * opt->conns + conn->number;

	memset(conn->in, 0, opt->request_bytes);
	memcpy(conn->in, &sequence, sizeof(sequence));
	memcpy(conn->in + sizeof(sequence), &conn->intended_ns, sizeof(conn->intended_ns));
	conn->in_used = opt->request_bytes;
	conn->in_taken = 0;
	conn->out_used = 0;
	conn->state = SIM_CLIENT_WAITING;
	sim_conn_edge(conn, at_ns);
}

static void peer_done(prim_conn *conn, int64_t at_ns)
{
	const struct prim_peer_options *opt = &conn->peer->opt;

	prim_sim_fold((uint64_t)(at_ns - conn->intended_ns));
	opt->on_reply(opt->arg, conn->number, conn->intended_ns, at_ns, conn->out);
	conn->turn++;
	peer_next(conn, at_ns);
}

static void peer_fire(struct sim_event *event)
{
	prim_conn *conn = (prim_conn *)(void *)event;

	switch (conn->state) {
	case SIM_CLIENT_SENT:
		peer_deliver(conn, event->at);
		return;
	case SIM_CLIENT_REPLIED:
		peer_done(conn, event->at);
		return;
	case SIM_CLIENT_CLOSING:
		conn->hung_up = true;
		sim_conn_edge(conn, event->at);
		return;
	case SIM_CLIENT_WAITING:
		return;
	}
}

int64_t sim_peer_written(prim_conn *conn, const void *buf, size_t bytes)
{
	uint32_t owed = conn->peer->opt.reply_bytes - conn->out_used;

	/* What it has not read yet it cannot answer. */
	if (conn->state != SIM_CLIENT_WAITING || bytes > owed)
		return -EPROTO;
	memcpy(conn->out + conn->out_used, buf, bytes);
	conn->out_used += (uint32_t)bytes;
	if (conn->out_used == conn->peer->opt.reply_bytes) {
		conn->state = SIM_CLIENT_REPLIED;
		if (sim_event_add(&conn->event, prim_now_ns() + peer_wire_ns()) < 0)
			prim_dief("prim: no room for a client's event");
	}
	return (int64_t)bytes;
}

void sim_peer_drop(prim_conn *conn)
{
	struct sim_peer *peer = conn->peer;

	sim_event_cancel(&conn->event);
	conn->polled = false;
	if (--peer->open > 0)
		return;
	peer_events -= peer->opt.conns;
	prim_unmap(peer, peer->mapped);
}

static int peer_check(const struct prim_peer_options *opt)
{
	if (opt->conns == 0 || opt->period_ns <= 0 || opt->on_reply == NULL)
		return -EINVAL;
	if (opt->request_bytes < PEER_HEAD_BYTES || opt->request_bytes > PEER_BYTES_MAX)
		return -EINVAL;
	if (opt->reply_bytes == 0 || opt->reply_bytes > PEER_BYTES_MAX)
		return -EINVAL;
	return 0;
}

static void peer_open(struct sim_peer *peer, uint32_t number, char *buffer)
{
	prim_conn *conn = &peer->conns[number];

	conn->event.id = SIM_PEER_ID_FIRST + peer_ids++;
	conn->event.fire = peer_fire;
	conn->peer = peer;
	conn->number = number;
	conn->in = buffer;
	conn->out = buffer + peer->opt.request_bytes;
	peer_next(conn, prim_now_ns());
}

int prim_peer_start(const struct prim_peer_options *opt, prim_conn **ret_conns)
{
	size_t head = sizeof(struct sim_peer), mapped;
	struct sim_peer *peer;
	int r = peer_check(opt);

	if (r < 0)
		return r;
	r = sim_event_room(SIM_PEER_ID_FIRST + peer_events + opt->conns);
	if (r < 0)
		return r;
	head += (size_t)opt->conns * sizeof(prim_conn);
	mapped = head + (size_t)opt->conns * (opt->request_bytes + opt->reply_bytes);
	peer = prim_map(mapped);
	if (peer == NULL)
		return -ENOMEM;
	peer_events += opt->conns;
	peer->opt = *opt;
	peer->open = opt->conns;
	peer->mapped = mapped;
	for (uint32_t i = 0; i < opt->conns; i++) {
		size_t at = head + (size_t)i * (opt->request_bytes + opt->reply_bytes);

		peer_open(peer, i, (char *)peer + at);
		ret_conns[i] = &peer->conns[i];
	}
	prim_step(PRIM_COST_OS_CALL);
	return 0;
}
