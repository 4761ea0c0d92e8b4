/*
 * test_prim_sync.c: threads, notes, mutexes, lock ranks, the clock.
 */
#include "runtime/prim/prim.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define MS INT64_C(1000000)

/* ---------------------------------------------------------------- threads */

struct seen {
	uint32_t id;
	prim_thread *self;
	void *user;
	int64_t cpu_ns;
};

static void seen_run(void *arg)
{
	struct seen *seen = arg;

	seen->self = prim_thread_self();
	seen->id = prim_thread_id();
	prim_thread_set_user(seen);
	seen->user = prim_thread_user();
	seen->cpu_ns = prim_thread_cpu_ns();
}

static void test_threads(void **state)
{
	enum { COUNT = 7 }; /* max_threads is 8, one is the initial thread */
	prim_thread *threads[COUNT], *extra;
	struct seen seen[COUNT];
	uint32_t ids = 0;

	(void)state;
	assert_int_equal(prim_thread_id(), 0);
	for (int i = 0; i < COUNT; i++)
		assert_int_equal(prim_thread_create(&threads[i], "a-very-long-thread-name",
						    seen_run, &seen[i]),
				 0);
	assert_int_equal(prim_thread_create(&extra, "extra", seen_run, &seen[0]), -EAGAIN);
	for (int i = 0; i < COUNT; i++) {
		prim_thread_join(threads[i]);
		assert_ptr_equal(seen[i].self, threads[i]);
		assert_ptr_equal(seen[i].user, &seen[i]);
		assert_in_range(seen[i].id, 1, COUNT);
		assert_true(seen[i].cpu_ns >= 0);
		ids |= 1u << seen[i].id;
	}
	assert_int_equal(ids, 0xfe); /* dense, each once */
	assert_int_equal(prim_thread_create(&extra, "extra", seen_run, &seen[0]), 0);
	prim_thread_join(extra);
	assert_in_range(seen[0].id, 1, COUNT);
}

static void test_init_twice(void **state)
{
	struct prim_options options = {.seed = 9};

	(void)state;
	assert_int_equal(prim_init(&options), -EALREADY);
	assert_true(prim_ncpu() >= 1);
	assert_int_not_equal(prim_seed(), prim_seed());
}

static void test_sleep(void **state)
{
	int64_t before = prim_now_ns(), cpu = prim_thread_cpu_ns();

	(void)state;
	prim_sleep_until(before + 20 * MS);
	assert_true(prim_now_ns() >= before + 20 * MS);
	assert_true(prim_thread_cpu_ns() - cpu < 15 * MS);
	prim_sleep_until(before); /* past: at once */
}

/* ------------------------------------------------------------------ notes */

struct relay {
	prim_note ping, pong;
	uint32_t turns;
	uint64_t plain; /* carried by the notes alone */
	uint32_t wrong;
};

static void relay_run(void *arg)
{
	struct relay *relay = arg;

	for (uint32_t i = 0; i < relay->turns; i++) {
		if (!prim_note_sleep(&relay->ping, PRIM_FOREVER))
			relay->wrong++;
		prim_note_clear(&relay->ping);
		if (relay->plain != 2 * i)
			relay->wrong++;
		relay->plain++;
		prim_note_wake(&relay->pong);
	}
}

static void test_relay(void **state)
{
	struct relay relay = {.turns = 3000};
	prim_thread *thread;

	(void)state;
	assert_int_equal(prim_thread_create(&thread, "relay", relay_run, &relay), 0);
	for (uint32_t i = 0; i < relay.turns; i++) {
		prim_note_wake(&relay.ping);
		assert_true(prim_note_sleep(&relay.pong, PRIM_FOREVER));
		prim_note_clear(&relay.pong);
		assert_int_equal(relay.plain, 2 * i + 1);
		relay.plain++;
	}
	prim_thread_join(thread);
	assert_int_equal(relay.wrong, 0);
}

static void test_note_deadline(void **state)
{
	prim_note note = {0};
	int64_t before = prim_now_ns();

	(void)state;
	assert_false(prim_note_sleep(&note, before));
	assert_false(prim_note_sleep(&note, before + 5 * MS));
	assert_true(prim_now_ns() >= before + 5 * MS);
	prim_note_wake(&note);
	assert_true(prim_note_sleep(&note, before)); /* woken counts before the deadline */
	assert_true(prim_note_sleep(&note, PRIM_FOREVER));
	prim_note_clear(&note);
	assert_false(prim_note_sleep(&note, before));
}

/* ---------------------------------------------------------------- mutexes */

enum { LOCKERS = 4, LOCK_TURNS = 20000 };

static struct {
	prim_mutex lock;
	uint64_t a, b; /* equal whenever the lock is free */
	_Atomic uint32_t torn, tries_lost;
} guarded;

static void locker_run(void *arg)
{
	bool tries = *(bool *)arg;

	for (uint32_t i = 0; i < LOCK_TURNS; i++) {
		if (tries && !prim_mutex_trylock(&guarded.lock)) {
			atomic_fetch_add(&guarded.tries_lost, 1);
			prim_mutex_lock(&guarded.lock);
		} else if (!tries) {
			prim_mutex_lock(&guarded.lock);
		}
		prim_mutex_assert_held(&guarded.lock);
		if (guarded.a != guarded.b)
			atomic_fetch_add(&guarded.torn, 1);
		guarded.a++;
		prim_step(PRIM_COST_OS_CALL); /* the simulation may go elsewhere here */
		guarded.b++;
		prim_mutex_unlock(&guarded.lock);
	}
}

static void test_mutex(void **state)
{
	prim_thread *threads[LOCKERS];
	bool tries[LOCKERS] = {false, true, false, true};

	(void)state;
	prim_mutex_init(&guarded.lock, PRIM_RANK_HEAP);
	for (int i = 0; i < LOCKERS; i++)
		assert_int_equal(prim_thread_create(&threads[i], "locker", locker_run, &tries[i]),
				 0);
	for (int i = 0; i < LOCKERS; i++)
		prim_thread_join(threads[i]);
	assert_int_equal(guarded.torn, 0);
	assert_int_equal(guarded.a, (uint64_t)LOCKERS * LOCK_TURNS);
	assert_int_equal(guarded.b, (uint64_t)LOCKERS * LOCK_TURNS);
#if MRT_SIM
	assert_true(guarded.tries_lost > 0); /* contention did happen */
#endif
	assert_true(prim_mutex_trylock(&guarded.lock));
	assert_false(prim_mutex_trylock(&guarded.lock));
	prim_mutex_unlock(&guarded.lock);
}

#if defined(MRT_DEBUG) && MRT_DEBUG
/* Run it in a child that must die with status 2 and these words. */
static void expect_death(void (*fn)(void), const char *words)
{
	char text[4096];
	int fds[2], status = 0;
	ssize_t n, used = 0;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], STDERR_FILENO);
		fn();
		_exit(0);
	}
	close(fds[1]);
	while ((n = read(fds[0], text + used, sizeof(text) - 1 - (size_t)used)) > 0)
		used += n;
	text[used] = '\0';
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 2);
	if (strstr(text, words) == NULL)
		fail_msg("no \"%s\" in: %s", words, text);
}

static prim_mutex ranked[2];

static void take_both(enum prim_rank first, enum prim_rank second, int second_index)
{
	prim_mutex_init(&ranked[1 - second_index], first);
	prim_mutex_init(&ranked[second_index], second);
	prim_mutex_lock(&ranked[1 - second_index]);
	prim_mutex_lock(&ranked[second_index]);
	prim_mutex_unlock(&ranked[1 - second_index]);
	prim_mutex_unlock(&ranked[second_index]);
}

static void death_falling(void)
{
	take_both(PRIM_RANK_HEAP, PRIM_RANK_SCHED, 1);
}

static void death_equal(void)
{
	take_both(PRIM_RANK_SCHED, PRIM_RANK_SCHED, 1);
}

static void death_timers(void)
{
	take_both(PRIM_RANK_TIMERS, PRIM_RANK_TIMERS, 0);
}

static void death_recursive(void)
{
	prim_mutex_init(&ranked[0], PRIM_RANK_ANY);
	prim_mutex_lock(&ranked[0]);
	prim_mutex_lock(&ranked[0]);
}

static void death_not_held(void)
{
	prim_mutex_init(&ranked[0], PRIM_RANK_ANY);
	prim_mutex_assert_held(&ranked[0]);
}

static void death_unlock(void)
{
	prim_mutex_init(&ranked[0], PRIM_RANK_ANY);
	prim_mutex_unlock(&ranked[0]);
}

static void death_double_wake(void)
{
	prim_note note = {0};

	prim_note_wake(&note);
	prim_note_wake(&note);
}

static void test_ranks(void **state)
{
	(void)state;
	take_both(PRIM_RANK_SCHED, PRIM_RANK_HEAP, 1);
	take_both(PRIM_RANK_TIMERS, PRIM_RANK_TIMERS, 1);
	take_both(PRIM_RANK_CENTRAL, PRIM_RANK_CENTRAL, 1);
	take_both(PRIM_RANK_ANY, PRIM_RANK_ANY, 0);
	expect_death(death_falling, "taking SCHED");
	expect_death(death_falling, "while holding HEAP");
	expect_death(death_equal, "taking SCHED");
	expect_death(death_timers, "taking TIMERS");
	expect_death(death_recursive, "lock order broken");
	expect_death(death_not_held, "not held");
	expect_death(death_unlock, "hold");
	expect_death(death_double_wake, "woken twice");
}
#endif

static int group_setup(void **state)
{
	struct prim_options options = {.seed = 1, .max_threads = 8};

	(void)state;
	return prim_init(&options);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_init_twice),
		cmocka_unit_test(test_sleep),
		cmocka_unit_test(test_relay),
		cmocka_unit_test(test_note_deadline),
		cmocka_unit_test(test_mutex),
#if defined(MRT_DEBUG) && MRT_DEBUG
		cmocka_unit_test(test_ranks),
#endif
	};

	return cmocka_run_group_tests_name("prim_sync", tests, group_setup, NULL);
}
