/*
 * test_prim_sim.c: the simulated machine: order, repetition, deadlock, virtual
 * peers.  Simulated back end only.  A run that is to be compared with another
 * lives in a child process, since prim_init is for once.
 */
#include "runtime/prim/prim.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define US	INT64_C(1000)
#define MS	INT64_C(1000000)
#define WIRE_NS 10000

enum {
	COST_NET_WIRE = 0
#define COST(id, ns, text) +(PRIM_COST_##id == PRIM_COST_NET_WIRE ? (ns) : 0)
#include "runtime/prim/costs.def"
#undef COST
};

/* ---------------------------------------------------------------- children */

/* Run fn(arg) in a child after prim_init(seed); it writes to stdout what is to be
 * compared.  Returns the exit status; both outputs in text. */
static int child_run(uint64_t seed, void (*fn)(void *), void *arg, char *text, size_t size)
{
	struct prim_options options = {.seed = seed};
	int fds[2], status = 0;
	ssize_t n;
	size_t used = 0;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], STDOUT_FILENO);
		dup2(fds[1], STDERR_FILENO);
		if (prim_init(&options) < 0)
			_exit(99);
		fn(arg);
		fflush(stdout);
		_exit(0);
	}
	close(fds[1]);
	while ((n = read(fds[0], text + used, size - 1 - used)) > 0)
		used += (size_t)n;
	text[used] = '\0';
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void expect(bool ok, const char *what)
{
	if (ok)
		return;
	printf("wrong: %s\n", what);
	fflush(stdout);
	_exit(1);
}

#define EXPECT(condition) expect((condition), #condition)

static void child_pass(uint64_t seed, void (*fn)(void *), void *arg)
{
	char text[4096];
	int status = child_run(seed, fn, arg, text, sizeof(text));

	if (status != 0)
		fail_msg("status %d: %s", status, text);
}

/* ------------------------------------------------------------- repetition */

enum { WORKERS = 5, CTXS = 3 };

static struct {
	prim_mutex lock;
	prim_note done[WORKERS];
	uint64_t trace; /* an order-dependent digest */
	int64_t last_now;
	uint32_t backwards;
} busy;

struct hopper {
	prim_ctx *ctx, *home;
	uint32_t number;
};

static void busy_note(uint64_t value)
{
	int64_t now = prim_now_ns();

	if (now < busy.last_now)
		busy.backwards++;
	busy.last_now = now;
	busy.trace = busy.trace * 31 + value;
}

static void hopper_run(void *arg)
{
	struct hopper *hopper = arg;

	for (;;) {
		for (uint32_t i = 0; i < 20; i++) {
			prim_step_n(PRIM_COST_MARK_WORD, 1 + i);
			busy_note(hopper->number * 100 + prim_thread_id());
		}
		prim_ctx_switch(hopper->ctx, hopper->home);
	}
}

static void busy_run(void *arg)
{
	uint32_t number = (uint32_t)(uintptr_t)arg;
	struct hopper hopper[CTXS];

	for (uint32_t i = 0; i < CTXS; i++) {
		hopper[i] = (struct hopper){.home = prim_ctx_thread(), .number = i};
		hopper[i].ctx = prim_ctx_create(8192, hopper_run, &hopper[i]);
	}
	for (uint32_t i = 0; i < 200; i++) {
		prim_mutex_lock(&busy.lock);
		prim_step(PRIM_COST_MARK_OBJECT);
		busy_note(number);
		prim_mutex_unlock(&busy.lock);
		prim_ctx_switch(prim_ctx_thread(), hopper[i % CTXS].ctx);
		if (i % 50 == 0)
			prim_sleep_until(prim_now_ns() + 10 * US);
	}
	for (uint32_t i = 0; i < CTXS; i++)
		prim_ctx_destroy(hopper[i].ctx);
	prim_note_wake(&busy.done[number]);
}

static void child_busy(void *arg)
{
	prim_thread *threads[WORKERS];

	(void)arg;
	prim_mutex_init(&busy.lock, PRIM_RANK_ANY);
	for (uintptr_t i = 0; i < WORKERS; i++)
		EXPECT(prim_thread_create(&threads[i], "busy", busy_run, (void *)i) == 0);
	for (int i = 0; i < WORKERS; i++)
		EXPECT(prim_note_sleep(&busy.done[i], PRIM_FOREVER));
	for (int i = 0; i < WORKERS; i++)
		prim_thread_join(threads[i]);
	EXPECT(busy.backwards == 0);
	printf("%016llx %016llx %p %lld\n", (unsigned long long)prim_sim_hash(),
	       (unsigned long long)busy.trace, prim_pages_alloc(4096), (long long)prim_now_ns());
}

static void test_repeats(void **state)
{
	char first[256], again[256], other[256];

	(void)state;
	assert_int_equal(child_run(7, child_busy, NULL, first, sizeof(first)), 0);
	assert_int_equal(child_run(7, child_busy, NULL, again, sizeof(again)), 0);
	assert_int_equal(child_run(8, child_busy, NULL, other, sizeof(other)), 0);
	assert_string_equal(first, again);
	assert_memory_not_equal(first, other, 16);	     /* the hash */
	assert_memory_not_equal(first + 17, other + 17, 16); /* what the program did */
}

static void child_fold(void *arg)
{
	uint64_t before = prim_sim_hash();

	(void)arg;
	prim_sim_fold(0);
	EXPECT(prim_sim_hash() != before);
	before = prim_sim_hash();
	EXPECT(prim_sim_hash() == before);
	EXPECT(prim_seed() == UINT64_C(6457827717110365317)); /* splitmix64's published value */
}

/* ------------------------------------------------------------------- order */

static struct {
	uint32_t count;
	uint32_t who[64];
} seq;

static void seq_sleep_run(void *arg)
{
	int64_t start = 2000 * MS;
	uint32_t number = (uint32_t)(uintptr_t)arg;

	for (uint32_t i = 0; i < 4; i++) {
		int64_t at = start + (int64_t)(i * 10 + number) * MS;

		prim_sleep_until(at);
		EXPECT(prim_now_ns() == at); /* exact, no slack */
		seq.who[seq.count++] = i * 10 + number;
	}
}

/* Sleepers wake in the order of their deadlines, whatever order they began in. */
static void child_order(void *arg)
{
	prim_thread *threads[4];

	(void)arg;
	EXPECT(prim_now_ns() == 1000 * MS);
	for (uintptr_t i = 0; i < 4; i++)
		EXPECT(prim_thread_create(&threads[i], "seq", seq_sleep_run, (void *)(3 - i)) == 0);
	for (int i = 0; i < 4; i++)
		prim_thread_join(threads[i]);
	EXPECT(seq.count == 16);
	for (uint32_t i = 0; i < 16; i++)
		EXPECT(seq.who[i] == i / 4 * 10 + i % 4);
	EXPECT(prim_now_ns() >= 2033 * MS);
	EXPECT(prim_now_ns() < 2034 * MS);
	EXPECT(prim_thread_cpu_ns() < 1 * MS); /* the rest it was blocked */
}

static prim_note late;
static int64_t late_woken_ns;

static void late_run(void *arg)
{
	(void)arg;
	EXPECT(!prim_note_sleep(&late, prim_now_ns() + 3 * MS));
	EXPECT(prim_note_sleep(&late, prim_now_ns() + 500 * MS));
	late_woken_ns = prim_now_ns();
}

/* A deadline comes first; then a wake long before one. */
static void child_wake(void *arg)
{
	prim_thread *thread;
	int64_t waker_ns;

	(void)arg;
	EXPECT(prim_thread_create(&thread, "late", late_run, NULL) == 0);
	prim_sleep_until(prim_now_ns() + 10 * MS);
	waker_ns = prim_now_ns();
	prim_note_wake(&late);
	prim_thread_join(thread);
	EXPECT(late_woken_ns >= waker_ns + 1500);
	EXPECT(late_woken_ns <= waker_ns + 1500 + 1500 / 8 + 1);
}

static uint32_t spin_flag;

static void spin_run(void *arg)
{
	(void)arg;
	prim_sleep_until(prim_now_ns() + 5 * MS);
	spin_flag = 1;
}

/* Spinning lets the others go on, though they are far ahead. */
static void child_spin(void *arg)
{
	prim_thread *thread;
	uint32_t rounds = 0;

	(void)arg;
	EXPECT(prim_thread_create(&thread, "spin", spin_run, NULL) == 0);
	while (spin_flag == 0)
		prim_spin_wait(rounds++);
	EXPECT(rounds < 100000);
	prim_thread_join(thread);
}

static void child_costs(void *arg)
{
	int64_t low = INT64_MAX, high = 0;

	(void)arg;
	for (int i = 0; i < 20000; i++) {
		int64_t before = prim_now_ns(), took;

		prim_step_n(PRIM_COST_WORK, 800);
		took = prim_now_ns() - before;
		low = took < low ? took : low;
		high = took > high ? took : high;
	}
	EXPECT(low == 800);  /* the cost ... */
	EXPECT(high == 901); /* ... and up to an eighth and one */
}

static void test_order(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 5; seed++)
		child_pass(seed, child_order, NULL);
}

static void test_wake(void **state)
{
	(void)state;
	child_pass(3, child_wake, NULL);
}

static void test_spin(void **state)
{
	(void)state;
	child_pass(3, child_spin, NULL);
}

static void test_costs(void **state)
{
	(void)state;
	child_pass(7, child_costs, NULL);
	child_pass(1234567, child_fold, NULL);
}

/* ---------------------------------------------------------------- deadlock */

static prim_mutex dead_a, dead_b;
static prim_note dead_ready;

static void dead_run(void *arg)
{
	(void)arg;
	prim_mutex_lock(&dead_b);
	prim_note_wake(&dead_ready);
	prim_sleep_until(prim_now_ns() + 5 * MS);
	prim_mutex_lock(&dead_a);
}

static void dead_note_run(void *arg)
{
	prim_note_sleep(arg, PRIM_FOREVER);
}

static void child_deadlock(void *arg)
{
	static prim_note never;
	prim_thread *crossing, *waiting;

	(void)arg;
	prim_mutex_init(&dead_a, PRIM_RANK_ANY);
	prim_mutex_init(&dead_b, PRIM_RANK_ANY);
	EXPECT(prim_thread_create(&crossing, "crossing", dead_run, NULL) == 0);
	EXPECT(prim_thread_create(&waiting, "waiting", dead_note_run, &never) == 0);
	prim_note_sleep(&dead_ready, PRIM_FOREVER);
	prim_mutex_lock(&dead_a);
	prim_mutex_lock(&dead_b);
}

static void test_deadlock(void **state)
{
	char text[4096];

	(void)state;
	assert_int_equal(child_run(1, child_deadlock, NULL, text, sizeof(text)), 2);
	assert_non_null(strstr(text, "deadlock in the simulation at "));
	assert_non_null(strstr(text, "thread 0 (main) waits for lock ANY"));
	assert_non_null(strstr(text, "held by thread 1 (crossing)"));
	assert_non_null(strstr(text, "thread 1 (crossing) waits for lock ANY"));
	assert_non_null(strstr(text, "held by thread 0 (main)"));
	assert_non_null(strstr(text, "thread 2 (waiting) waits for note"));
}

static void child_lonely_spin(void *arg)
{
	(void)arg;
	for (uint32_t round = 0;; round++)
		prim_spin_wait(round);
}

static void test_lonely_spin(void **state)
{
	char text[4096];

	(void)state;
	assert_int_equal(child_run(1, child_lonely_spin, NULL, text, sizeof(text)), 2);
	assert_non_null(strstr(text, "thread 0 (main) spins"));
}

/* ------------------------------------------------------------------- peers */

static struct {
	uint32_t count;
	int64_t intended[64], done[64], expected[64];
	uint32_t conn[64];
	bool bad_reply;
} replies;

static void peer_on_reply(void *arg, uint32_t conn, int64_t intended_ns, int64_t done_ns,
			  const void *reply)
{
	(void)arg;
	replies.conn[replies.count] = conn;
	replies.intended[replies.count] = intended_ns;
	replies.done[replies.count++] = done_ns;
	if (memcmp(reply, "abcdefgh", 8) != 0)
		replies.bad_reply = true;
}

/* Wait for one event of conn, then read a whole request of 24 bytes. */
static uint64_t peer_take(prim_conn *conn, int64_t *ret_ready)
{
	struct prim_event event;
	uint64_t head[3];

	do {
		EXPECT(prim_poll_wait(&event, 1, PRIM_FOREVER) == 1);
	} while (!(event.events & PRIM_POLL_IN));
	EXPECT(event.tag == conn);
	*ret_ready = event.ready_ns;
	EXPECT(prim_conn_read(conn, head, 10) == 10); /* in parts */
	EXPECT(prim_conn_read(conn, (char *)head + 10, sizeof(head)) == 14);
	EXPECT(prim_conn_read(conn, head, 1) == -EAGAIN);
	return head[0];
}

/* One connection, three requests 100 us apart; the first is answered 250 us late,
 * so that the others queue behind it and their latencies grow accordingly. */
static void child_peer(void *arg)
{
	int64_t start = prim_now_ns() + 1 * MS, ready, last_done = 0;
	struct prim_peer_options options = {
		.conns = 1,
		.start_ns = start,
		.stop_ns = start + 300 * US,
		.period_ns = 100 * US,
		.request_bytes = 24,
		.reply_bytes = 8,
		.on_reply = peer_on_reply,
	};
	struct prim_event event;
	prim_conn *conn;
	char byte;

	(void)arg;
	EXPECT(prim_peer_start(&options, &conn) == 0);
	EXPECT(prim_poll_add(conn, conn) == 0);
	for (int64_t i = 0; i < 3; i++) {
		int64_t intended = start + i * 100 * US;
		int64_t sent = intended > last_done ? intended : last_done;

		EXPECT(peer_take(conn, &ready) == (uint64_t)i);
		EXPECT(ready == sent + WIRE_NS);
		if (i == 0)
			prim_sleep_until(start + 250 * US);
		EXPECT(prim_conn_write(conn, "abc", 3) == 3);
		EXPECT(prim_conn_write(conn, "defghi", 6) == -EPROTO);
		EXPECT(prim_conn_write(conn, "defgh", 5) == 5);
		last_done = replies.expected[i] = prim_now_ns() + WIRE_NS;
		EXPECT(prim_conn_write(conn, "x", 1) == -EPROTO);
	}
	do {
		EXPECT(prim_poll_wait(&event, 1, PRIM_FOREVER) == 1);
	} while (!(event.events & PRIM_POLL_HUP));
	EXPECT(event.ready_ns == last_done + WIRE_NS);
	EXPECT(prim_conn_read(conn, &byte, 1) == 0);
	EXPECT(prim_conn_write(conn, "x", 1) == -EPIPE);
	prim_poll_remove(conn);
	prim_conn_close(conn);

	EXPECT(replies.count == 3);
	EXPECT(!replies.bad_reply);
	for (int64_t i = 0; i < 3; i++) {
		EXPECT(replies.intended[i] == start + i * 100 * US);
		EXPECT(replies.done[i] == replies.expected[i]);
	}
	/* The delay of the first is seen by all three. */
	EXPECT(replies.done[0] - replies.intended[0] > 250 * US);
	EXPECT(replies.done[1] - replies.intended[1] > 150 * US);
	EXPECT(replies.done[2] - replies.intended[2] > 50 * US);
}

static void test_peer(void **state)
{
	(void)state;
	assert_int_equal(COST_NET_WIRE, WIRE_NS);
	for (uint64_t seed = 1; seed <= 3; seed++)
		child_pass(seed, child_peer, NULL);
}

/* Three connections share one intended schedule. */
static void child_peers(void *arg)
{
	enum { CONNS = 3, REQUESTS = 30 };
	int64_t start = 2000 * MS;
	struct prim_peer_options options = {
		.conns = CONNS,
		.start_ns = start,
		.stop_ns = start + REQUESTS * 50 * US,
		.period_ns = 50 * US,
		.request_bytes = 16,
		.reply_bytes = 8,
		.on_reply = peer_on_reply,
	};
	prim_conn *conns[CONNS];
	uint32_t open = CONNS, seen = 0;
	int64_t ready = 0;

	(void)arg;
	EXPECT(prim_peer_start(&options, conns) == 0);
	for (int i = 0; i < CONNS; i++)
		EXPECT(prim_poll_add(conns[i], conns[i]) == 0);
	while (open > 0) {
		struct prim_event events[8];
		int n = prim_poll_wait(events, 8, PRIM_FOREVER);

		for (int i = 0; i < n; i++) {
			uint64_t head[2];
			int64_t r = prim_conn_read(events[i].tag, head, sizeof(head));

			EXPECT(events[i].ready_ns >= ready); /* oldest first */
			ready = events[i].ready_ns;
			if (r == -EAGAIN)
				continue;
			if (r == 0) {
				prim_conn_close(events[i].tag);
				open--;
				continue;
			}
			EXPECT(r == 16);
			EXPECT(events[i].tag == conns[head[0] % CONNS]);
			EXPECT((int64_t)head[1] == start + (int64_t)head[0] * 50 * US);
			EXPECT(prim_conn_write(events[i].tag, "abcdefgh", 8) == 8);
			seen++;
		}
	}
	EXPECT(seen == REQUESTS);
	EXPECT(replies.count == REQUESTS);
	for (uint32_t i = 1; i < REQUESTS; i++)
		EXPECT(replies.done[i - 1] <= replies.done[i]);
}

static void poll_block_run(void *arg)
{
	struct prim_event event;
	int64_t before = prim_now_ns();

	EXPECT(prim_poll_wait(&event, 1, before + 2 * MS) == 0);
	EXPECT(prim_now_ns() >= before + 2 * MS);
	EXPECT(prim_poll_wait(&event, 1, PRIM_FOREVER) == 0); /* the break */
	*(int64_t *)arg = prim_now_ns();
}

static void child_break(void *arg)
{
	struct prim_event event;
	prim_thread *thread;
	int64_t woken = 0, at;

	(void)arg;
	prim_poll_break(); /* before: the next blocking poll takes it, others do not */
	prim_poll_break();
	EXPECT(prim_poll_wait(&event, 1, 0) == 0);
	at = prim_now_ns();
	EXPECT(prim_poll_wait(&event, 1, PRIM_FOREVER) == 0);
	EXPECT(prim_now_ns() < at + 1 * MS);

	EXPECT(prim_thread_create(&thread, "poller", poll_block_run, &woken) == 0);
	at = prim_now_ns() + 50 * MS;
	prim_sleep_until(at);
	prim_poll_break();
	prim_thread_join(thread);
	EXPECT(woken > at);
	EXPECT(woken < at + 10 * US);
}

static void test_peers(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 3; seed++)
		child_pass(seed, child_peers, NULL);
}

static void test_break(void **state)
{
	(void)state;
	child_pass(1, child_break, NULL);
}

static void child_bad_peers(void *arg)
{
	struct prim_peer_options options = {.conns = 1,
					    .period_ns = 1,
					    .request_bytes = 16,
					    .reply_bytes = 1,
					    .on_reply = peer_on_reply};
	struct prim_peer_options bad = options;
	prim_conn *conn;

	(void)arg;
	bad.request_bytes = 15;
	EXPECT(prim_peer_start(&bad, &conn) == -EINVAL);
	bad = options;
	bad.period_ns = 0;
	EXPECT(prim_peer_start(&bad, &conn) == -EINVAL);
	bad = options;
	bad.conns = 0;
	EXPECT(prim_peer_start(&bad, &conn) == -EINVAL);
	bad = options;
	bad.reply_bytes = 0;
	EXPECT(prim_peer_start(&bad, &conn) == -EINVAL);
	EXPECT(prim_conn_open_fd(&conn, 0) == -ENOTSUP);
	EXPECT(prim_peer_start(&options, &conn) == 0); /* stop 0: hangs up at once */
	prim_sleep_until(prim_now_ns() + 1 * MS);
	EXPECT(prim_conn_read(conn, &bad, 1) == 0);
	prim_conn_close(conn);
}

static void test_bad_peers(void **state)
{
	(void)state;
	child_pass(1, child_bad_peers, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_repeats),	    cmocka_unit_test(test_order),
		cmocka_unit_test(test_wake),	    cmocka_unit_test(test_spin),
		cmocka_unit_test(test_costs),	    cmocka_unit_test(test_deadlock),
		cmocka_unit_test(test_lonely_spin), cmocka_unit_test(test_peer),
		cmocka_unit_test(test_peers),	    cmocka_unit_test(test_break),
		cmocka_unit_test(test_bad_peers),
	};

	return cmocka_run_group_tests_name("prim_sim", tests, NULL, NULL);
}
