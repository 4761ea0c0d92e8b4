/*
 * sim_conn.h: an in-memory connection and the virtual client at its other
 * end.
 *
 * The two ends belong to different machines: only messages that have spent
 * their time on the wire pass between them, as events.
 */
#pragma once

#include "runtime/prim/sim_priv.h"

enum sim_client_state {
	SIM_CLIENT_SENT,    /* the request is on the wire: its event delivers it */
	SIM_CLIENT_WAITING, /* delivered; the target owes a reply */
	SIM_CLIENT_REPLIED, /* the reply is on the wire: its event ends the operation */
	SIM_CLIENT_CLOSING, /* its hang-up is on the wire, or has arrived */
};

struct sim_peer; /* what the connections of one prim_peer_start share */

struct prim_conn {
	struct sim_event event; /* first: the client's next message */
	struct sim_peer *peer;

	/* The client's side. */
	uint32_t number; /* connection c of the header's formula */
	uint64_t turn;	 /* request i of it */
	int64_t intended_ns;
	enum sim_client_state state;

	/* The wire: what the target may read, and has written. */
	char *in, *out;
	uint32_t in_used, in_taken, out_used;
	bool hung_up; /* the client has closed */

	/* The target's poller: an edge not reported yet. */
	void *tag;
	bool polled, edge;
	int64_t edge_ns;
	prim_conn *edge_next;
};

/* Something new to read, or the end, reached the target at `at_ns`. */
void sim_conn_edge(prim_conn *conn, int64_t at_ns);
/* The target wrote `bytes` more of its reply: 0 or -errno. */
int64_t sim_peer_written(prim_conn *conn, const void *buf, size_t bytes);
/* The target closed its end; frees the connection. */
void sim_peer_drop(prim_conn *conn);
