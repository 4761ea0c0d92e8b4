/*
 * test_point_echo.h: goroutines that answer messages from outside the runtime, for the points of the
 * poller: simulated peers, or a thread at the other ends of socket pairs.
 */
#pragma once

#include "tests/unit/test_point_fixture.h"

#if !MRT_SIM
#include <sys/socket.h>
#include <unistd.h>
#endif

#define MS	    INT64_C(1000000)
#define CONNS_MAX   160u
#define MESSAGE	    64u

struct echo {
	mrt_wg wg;
	uint32_t conns, rounds;
	uint32_t wanted; /* drops: real clients go on until there were as many (a server that is slow
			    never waits) */
	int64_t idle_ns; /* before the first message */
	uint32_t more_faults; /* armed beside the first */
	bool disarm;	 /* as soon as the first wake is dropped */
	bool one_way;	 /* the other end wants no reply, and takes the end of the stream */
	mrt_conn *conn[CONNS_MAX];
	uint32_t served[CONNS_MAX];
};

struct server {
	struct echo *echo;
	uint32_t i;
};

static inline void server_body(mrt_g *g, void *arg)
{
	struct server *s = arg;
	mrt_conn *c = s->echo->conn[s->i];
	char buf[MESSAGE];
	size_t have = 0;
	int64_t n;

	while ((n = mrt_conn_read(g, c, buf + have, sizeof(buf) - have)) > 0) {
		have += (size_t)n;
		if (have < sizeof(buf))
			continue;
		GC_TEST_MUST(mrt_conn_write_all(g, c, buf, sizeof(buf)) == MESSAGE);
		s->echo->served[s->i]++;
		have = 0;
	}
	GC_TEST_MUST(n == 0);
	mrt_conn_close(g, c);
	mrt_wg_done(g, &s->echo->wg);
}

/* ------------------------------------------------- the other ends, outside the runtime */

#if MRT_SIM

static void peer_reply(void *arg, uint32_t conn, int64_t intended_ns, int64_t done_ns,
		       const void *reply)
{
	(void)arg;
	(void)conn;
	(void)reply;
	GC_TEST_MUST(done_ns > intended_ns);
}

static void clients_start(struct echo *e, prim_conn **ret)
{
	int64_t start = mrt_now_ns() + e->idle_ns + MS;
	struct prim_peer_options opt = {
		.conns = e->conns,
		.start_ns = start,
		.stop_ns = start + (int64_t)(e->rounds * e->conns) * MS,
		.period_ns = MS,
		.request_bytes = MESSAGE,
		.reply_bytes = MESSAGE,
		.on_reply = peer_reply,
	};

	GC_TEST_MUST(prim_peer_start(&opt, ret) == 0);
}

static void clients_join(struct echo *e)
{
	(void)e;
}

#else

static int client_fd[CONNS_MAX];
static prim_thread *client_thread;

static void client_round(const struct echo *e, uint32_t round)
{
	char buf[MESSAGE];

	for (uint32_t i = 0; i < e->conns; i++) {
		memset(buf, (int)(round + i), sizeof(buf));
		GC_TEST_MUST(write(client_fd[i], buf, sizeof(buf)) == MESSAGE);
	}
	for (uint32_t i = 0; i < e->conns; i++) {
		GC_TEST_MUST(recv(client_fd[i], buf, sizeof(buf), MSG_WAITALL) == MESSAGE);
		for (uint32_t k = 0; k < MESSAGE; k++)
			GC_TEST_MUST(buf[k] == (char)(round + i));
	}
}

/* A byte now and then until one was lost on the other side. */
static void client_one_way(const struct echo *e)
{
	char byte = 0;

	while (POINT_FAULT(0, fired) < e->wanted) {
		if (send(client_fd[0], &byte, 1, MSG_NOSIGNAL) != 1)
			break; /* closed */
		prim_sleep_until(prim_now_ns() + MS);
	}
	GC_TEST_MUST(read(client_fd[0], &byte, 1) <= 0);
}

static void clients_body(void *arg)
{
	struct echo *e = arg;

	prim_sleep_until(prim_now_ns() + e->idle_ns);
	if (e->one_way)
		client_one_way(e);
	for (uint32_t i = 0; i < e->rounds || POINT_FAULT(0, fired) < e->wanted; i++) {
		client_round(e, i);
		e->rounds = i + 1 > e->rounds ? i + 1 : e->rounds;
	}
	for (uint32_t i = 0; i < e->conns; i++)
		close(client_fd[i]);
}

static void clients_start(struct echo *e, prim_conn **ret)
{
	for (uint32_t i = 0; i < e->conns; i++) {
		int fds[2];

		GC_TEST_MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
		GC_TEST_MUST(prim_conn_open_fd(&ret[i], fds[0]) == 0);
		client_fd[i] = fds[1];
	}
	GC_TEST_MUST(prim_thread_create(&client_thread, "clients", clients_body, e) == 0);
}

static void clients_join(struct echo *e)
{
	(void)e;
	prim_thread_join(client_thread);
}

#endif

/* Disarm when the first wake has been dropped: its goroutine is still lost then, or was. */
static inline void disarm_body(mrt_g *g, void *arg)
{
	struct echo *e = arg;

	while (POINT_FAULT(0, fired) == 0)
		mrt_sleep_until(g, mrt_now_ns() + MS / 4);
	gcs_faults_disarm_all(false, mrt_now_ns());
	mrt_wg_done(g, &e->wg);
}

static inline void echo_body(mrt_g *g, void *arg)
{
	struct echo *e = arg;
	struct server server[CONNS_MAX];
	prim_conn *prim[CONNS_MAX];
	char text[256];

	clients_start(e, prim);
	mrt_wg_add(&e->wg, e->conns + e->disarm);
	point_arm_all(1 + e->more_faults);
	for (uint32_t i = 0; i < e->conns; i++) {
		struct mrt_go_options opt = {.driver = 5, .worker = MRT_WORKER_FIRST + i % 8};

		GC_TEST_MUST(mrt_conn_open(g, prim[i], &e->conn[i]) == 0);
		server[i] = (struct server){e, i};
		GC_TEST_MUST(mrt_go(g, server_body, &server[i], &opt) == 0);
	}
	if (e->disarm)
		GC_TEST_MUST(mrt_go(g, disarm_body, e, NULL) == 0);
	mrt_wg_wait(g, &e->wg);
	gcs_faults_disarm_all(false, mrt_now_ns());
	clients_join(e);
	GC_TEST_MUST(mrt_heap_check(g, text, sizeof(text)) == 0);
}

/* A connection is closed when its reader has been the fault's for the first time. */
static inline void closed_reader(mrt_g *g, void *arg)
{
	struct echo *e = arg;
	char byte;
	int64_t n;

	do
		n = mrt_conn_read(g, e->conn[0], &byte, 1);
	while (n > 0);
	GC_TEST_MUST(n == -ECANCELED);
	mrt_wg_done(g, &e->wg);
}

static inline void closing_body(mrt_g *g, void *arg)
{
	struct echo *e = arg;
	prim_conn *prim[CONNS_MAX];

	clients_start(e, prim);
	GC_TEST_MUST(mrt_conn_open(g, prim[0], &e->conn[0]) == 0);
	point_arm_all(1);
	mrt_wg_add(&e->wg, 1);
	GC_TEST_MUST(mrt_go(g, closed_reader, e, NULL) == 0);
	while (POINT_FAULT(0, fired) == 0)
		mrt_sleep_until(g, mrt_now_ns() + MS / 8);
	mrt_conn_close(g, e->conn[0]); /* most likely while its reader is held, or lost */
	mrt_wg_wait(g, &e->wg);
	gcs_faults_disarm_all(false, mrt_now_ns());
	clients_join(e);
}
