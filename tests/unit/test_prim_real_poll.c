/*
 * test_prim_real_poll.c: epoll behind the seam, on socket pairs: edges,
 * breaks, deadlines, the peer's end.  Real back end only.
 */
#include "runtime/prim/prim.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define MS INT64_C(1000000)

static struct prim_event events[PRIM_POLL_EVENTS_MAX];

struct end {
	prim_conn *conn;
	int other;
};

static void end_open(struct end *end)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(prim_conn_open_fd(&end->conn, fds[0]), 0);
	end->other = fds[1];
}

static void test_edges(void **state)
{
	struct end end;
	char buf[16];
	int64_t before = prim_now_ns();

	(void)state;
	end_open(&end);
	assert_int_equal(prim_poll_add(end.conn, &end), 0);
	assert_int_equal(prim_poll_add(end.conn, &end), -EEXIST);
	assert_int_equal(prim_poll_wait(events, 8, 0), 1); /* writable: the first edge */
	assert_ptr_equal(events[0].tag, &end);
	assert_int_equal(events[0].events, PRIM_POLL_OUT);
	assert_in_range(events[0].ready_ns, before, prim_now_ns());
	assert_int_equal(prim_poll_wait(events, 8, 0), 0); /* once only */

	assert_int_equal(write(end.other, "abcd", 4), 4);
	assert_int_equal(prim_poll_wait(events, 8, PRIM_FOREVER), 1);
	assert_true(events[0].events & PRIM_POLL_IN);
	assert_int_equal(prim_conn_read(end.conn, buf, 2), 2);
	assert_int_equal(prim_poll_wait(events, 8, 0), 0); /* the rest is no new edge */
	assert_int_equal(prim_conn_read(end.conn, buf, sizeof(buf)), 2);
	assert_int_equal(prim_conn_read(end.conn, buf, sizeof(buf)), -EAGAIN);

	close(end.other);
	assert_int_equal(prim_poll_wait(events, 8, PRIM_FOREVER), 1);
	assert_true(events[0].events & PRIM_POLL_HUP);
	assert_true(events[0].events & PRIM_POLL_IN);
	assert_int_equal(prim_conn_read(end.conn, buf, sizeof(buf)), 0);
	assert_int_equal(prim_conn_write(end.conn, "x", 1), -EPIPE);
	prim_poll_remove(end.conn);
	prim_conn_close(end.conn);
	assert_int_equal(prim_poll_wait(events, 8, 0), 0);
}

static void test_full(void **state)
{
	static char block[65536];
	struct end end;
	int64_t n, sent = 0, taken = 0;

	(void)state;
	end_open(&end);
	assert_int_equal(prim_poll_add(end.conn, &end), 0);
	assert_int_equal(prim_poll_wait(events, 8, 0), 1);
	while ((n = prim_conn_write(end.conn, block, sizeof(block))) > 0)
		sent += n;
	assert_int_equal(n, -EAGAIN);
	assert_int_equal(prim_poll_wait(events, 8, 0), 0);
	while (taken < sent) {
		n = read(end.other, block, sizeof(block));
		assert_true(n > 0);
		taken += n;
	}
	assert_int_equal(prim_poll_wait(events, 8, PRIM_FOREVER), 1);
	assert_true(events[0].events & PRIM_POLL_OUT);
	close(end.other);
	prim_conn_close(end.conn); /* leaves the set by itself */
}

static void test_deadline(void **state)
{
	int64_t before = prim_now_ns(), after;

	(void)state;
	assert_int_equal(prim_poll_wait(events, 8, before + 300000), 0); /* 0.3 ms */
	after = prim_now_ns();
	assert_true(after >= before + 300000);
	assert_int_equal(prim_poll_wait(events, 8, before), 0); /* passed already */
}

static void test_break_kept(void **state)
{
	struct end end;

	(void)state;
	prim_poll_break();
	prim_poll_break();				   /* folded into one */
	assert_int_equal(prim_poll_wait(events, 8, 0), 0); /* leaves it */
	assert_int_equal(prim_poll_wait(events, 8, PRIM_FOREVER), 0);

	end_open(&end); /* and it was taken whole: this one waits for the edge */
	assert_int_equal(prim_poll_add(end.conn, &end), 0);
	assert_int_equal(prim_poll_wait(events, 8, PRIM_FOREVER), 1);
	close(end.other);
	prim_conn_close(end.conn);
}

struct waiter {
	_Atomic uint32_t turn;
	uint32_t turns, wrong;
};

static void waiter_run(void *arg)
{
	struct waiter *waiter = arg;
	struct prim_event mine[4];

	for (uint32_t i = 0; i < waiter->turns; i++) {
		if (prim_poll_wait(mine, 4, PRIM_FOREVER) != 0)
			waiter->wrong++;
		/* Release: pairs with the acquire in test_break_blocked. */
		atomic_store_explicit(&waiter->turn, i + 1, memory_order_release);
	}
}

/* Each break ends one wait, whether it comes before it or in it. */
static void test_break_blocked(void **state)
{
	struct waiter waiter = {.turns = 2000};
	prim_thread *thread;

	(void)state;
	assert_int_equal(prim_thread_create(&thread, "poller", waiter_run, &waiter), 0);
	for (uint32_t i = 0; i < waiter.turns; i++) {
		prim_poll_break();
		for (uint32_t round = 0;
		     atomic_load_explicit(&waiter.turn, memory_order_acquire) <= i; round++)
			prim_spin_wait(round);
	}
	prim_thread_join(thread);
	assert_int_equal(waiter.wrong, 0);
}

static void test_peer_refused(void **state)
{
	struct prim_peer_options options = {.conns = 1};
	prim_conn *conn = NULL, *bad = NULL;

	(void)state;
	assert_int_equal(prim_peer_start(&options, &conn), -ENOTSUP);
	assert_int_equal(prim_conn_open_fd(&bad, -1), -EBADF);
	assert_null(bad);
}

static int group_setup(void **state)
{
	struct prim_options options = {.seed = 0};

	(void)state;
	return prim_init(&options) < 0 ? -1 : prim_poll_init();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_edges),	      cmocka_unit_test(test_full),
		cmocka_unit_test(test_deadline),      cmocka_unit_test(test_break_kept),
		cmocka_unit_test(test_break_blocked), cmocka_unit_test(test_peer_refused),
	};

	return cmocka_run_group_tests_name("prim_real_poll", tests, group_setup, NULL);
}
