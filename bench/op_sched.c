/*
 * op_sched.c: goroutines: taking turns on one P, waking each other on one and on two, and an echo over a socket whose client is a process
 * of its own.
 */
#include "bench/bench.h"
#include "runtime/prim/prim.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define YIELDS	    4000000u
#define RALLIES	    1000000u
#define ECHOES	    4000u
#define ECHO_BYTES  64u
#define ECHO_GAP_NS INT64_C(200000) /* long enough for the poller to be waited in again */

struct rally {
	uint64_t turns;
	mrt_wg ball[2], done;
};

static void sched_yield_turns(mrt_g *g, void *arg)
{
	struct rally *r = arg;

	for (uint64_t i = 0; i < r->turns; i++)
		mrt_yield(g);
	mrt_wg_done(g, &r->done);
}

static void sched_yield_pair(mrt_g *g, void *arg)
{
	struct bench *b = arg;
	struct rally r = {.turns = b->ops / 2};
	struct mrt_go_options opt = {.name = "turn"};
	int64_t start_ns = prim_now_ns();

	mrt_wg_add(&r.done, 2);
	for (int i = 0; i < 2 && b->error == 0; i++)
		b->error = mrt_go(g, sched_yield_turns, &r, &opt);
	if (b->error == 0)
		mrt_wg_wait(g, &r.done);
	b->ns = prim_now_ns() - start_ns;
}

/* Wait for the ball, and send it back. */
static void sched_rally_side(mrt_g *g, struct rally *r, int side)
{
	for (uint64_t i = 0; i < r->turns; i++) {
		mrt_wg_wait(g, &r->ball[side]);
		mrt_wg_add(&r->ball[side], 1);
		mrt_wg_done(g, &r->ball[1 - side]);
	}
}

static void sched_rally_far(mrt_g *g, void *arg)
{
	struct rally *r = arg;

	sched_rally_side(g, r, 1);
	mrt_wg_done(g, &r->done);
}

static void sched_rally(mrt_g *g, void *arg)
{
	struct bench *b = arg;
	struct rally r = {.turns = b->ops / 2};
	struct mrt_go_options opt = {.name = "far side"};
	int64_t start_ns = prim_now_ns();

	mrt_wg_add(&r.ball[0], 1);
	mrt_wg_add(&r.ball[1], 1);
	mrt_wg_add(&r.done, 1);
	b->error = mrt_go(g, sched_rally_far, &r, &opt);
	if (b->error == 0) {
		mrt_wg_done(g, &r.ball[0]);
		sched_rally_side(g, &r, 0);
		mrt_wg_wait(g, &r.done);
	}
	b->ns = prim_now_ns() - start_ns;
}

/* ----------------------------------------------------------------------- echo */

static int64_t echo_whole(int64_t (*move)(int, char *, size_t), int fd, char *buf)
{
	size_t done = 0;

	while (done < ECHO_BYTES) {
		int64_t n = move(fd, buf + done, ECHO_BYTES - done);

		if (n <= 0)
			return -1;
		done += (size_t)n;
	}
	return (int64_t)done;
}
static int64_t echo_send(int fd, char *buf, size_t bytes)
{
	return send(fd, buf, bytes, MSG_NOSIGNAL);
}
static int64_t echo_receive(int fd, char *buf, size_t bytes)
{
	return recv(fd, buf, bytes, 0);
}

static int echo_order(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

int bench_echo_client(int fd)
{
	static int64_t took_ns[ECHOES];
	char buf[ECHO_BYTES] = "echo";
	int64_t due_ns = prim_now_ns();

	for (uint32_t i = 0; i < ECHOES; i++) {
		int64_t start_ns;

		due_ns += ECHO_GAP_NS;
		prim_sleep_until(due_ns);
		start_ns = prim_now_ns();
		if (echo_whole(echo_send, fd, buf) < 0 || echo_whole(echo_receive, fd, buf) < 0)
			return 1;
		took_ns[i] = prim_now_ns() - start_ns;
		due_ns = start_ns + took_ns[i];
	}
	qsort(took_ns, ECHOES, sizeof(*took_ns), echo_order);
	printf("echo.at_p50\t%.3f\tus\tchecksum %u\n", (double)took_ns[ECHOES / 2] / 1e3, ECHOES);
	printf("echo.at_p99\t%.3f\tus\tchecksum %u\n", (double)took_ns[ECHOES / 100 * 99] / 1e3, ECHOES);
	return 0;
}

struct echo_server {
	struct bench *b;
	int fd;
};

static void echo_serve(mrt_g *g, void *arg)
{
	struct echo_server *s = arg;
	struct prim_conn *prim;
	mrt_conn *conn;
	char buf[ECHO_BYTES];
	int64_t n = 1;

	s->b->error = prim_conn_open_fd(&prim, s->fd);
	if (s->b->error == 0)
		s->b->error = mrt_conn_open(g, prim, &conn);
	while (s->b->error == 0 && n > 0) {
		n = mrt_conn_read(g, conn, buf, sizeof(buf));
		if (n > 0)
			n = mrt_conn_write_all(g, conn, buf, (size_t)n);
	}
	if (s->b->error == 0)
		mrt_conn_close(g, conn);
}

/* The client is the child; what it prints are the figures. */
static int echo_alone(struct bench *b)
{
	struct echo_server server = {.b = b};
	struct mrt_options opt = {.gogc = 100, .seed = 1};
	int fd[2], status, rc;
	pid_t child;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) < 0)
		return -errno;
	child = fork();
	if (child == 0) {
		close(fd[1]);
		rc = bench_echo_client(fd[0]);
		fflush(stdout);
		_exit(rc);
	}
	close(fd[0]);
	server.fd = fd[1];
	rc = child < 0 ? -errno : mrt_run(&opt, echo_serve, &server);
	if (child > 0 && waitpid(child, &status, 0) == child && status != 0)
		return -EIO;
	return rc < 0 ? rc : b->error;
}

const struct bench_op bench_sched_ops[] = {
	{.name = "yield", .fn = sched_yield_pair, .ops = YIELDS, .procs = 1},
	{.name = "ping_pong_1p", .fn = sched_rally, .ops = RALLIES, .procs = 1},
	{.name = "ping_pong_2p", .fn = sched_rally, .ops = RALLIES, .procs = 2},
	{.name = "echo", .alone = echo_alone},
	{0},
};
