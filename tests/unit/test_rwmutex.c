/*
 * test_rwmutex.c: the reader/writer mutex: a model of one goroutine's calls, exclusion under load, who waits for whom and who is let in
 * first, Go's last words.
 */
#include "tests/unit/test_gc_fixture.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__SANITIZE_THREAD__)
#define ROUNDS 300u
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define ROUNDS 300u
#endif
#endif
#ifndef ROUNDS
#define ROUNDS 3000u
#endif

#define READERS_MAX (INT32_C(1) << 30)

static const uint32_t proc_counts[] = {1, 2, 8};

static void each_procs(mrt_go_fn *fn)
{
	for (size_t i = 0; i < sizeof(proc_counts) / sizeof(proc_counts[0]); i++)
		gc_test_run((struct mrt_options){.procs = proc_counts[i]}, fn, NULL);
}

/* ------------------------------------------------------- one goroutine, nothing blocks */

static void model_body(mrt_g *g, void *arg)
{
	uint64_t random = gc_test_seed(), locked = 0, shared = 0;
	mrt_rwmutex rw = {0};
	bool writer = false;
	int32_t readers = 0;

	(void)arg;
	for (uint32_t i = 0; i < 20000; i++) {
		switch (gc_test_random(&random) % 8) {
		case 0:
			GC_TEST_MUST(mrt_rw_try_rlock(g, &rw) == !writer);
			readers += !writer;
			break;
		case 1:
			if (!writer) {
				mrt_rw_rlock(g, &rw);
				readers++;
			}
			break;
		case 2:
		case 3:
		case 4:
			if (readers > 0) {
				mrt_rw_runlock(g, &rw);
				readers--;
			}
			break;
		case 5:
			if (mrt_rw_try_lock(g, &rw)) {
				GC_TEST_MUST(!writer && readers == 0);
				writer = true;
			} else {
				GC_TEST_MUST(writer || readers != 0);
			}
			break;
		default:
			if (writer) {
				mrt_rw_unlock(g, &rw);
				writer = false;
			} else if (readers == 0) {
				mrt_rw_lock(g, &rw);
				writer = true;
			}
		}
		locked += writer;
		shared += readers > 1;
		GC_TEST_MUST(rw.reader_count == readers - (writer ? READERS_MAX : 0));
		GC_TEST_MUST(rw.reader_wait == 0);
	}
	GC_TEST_MUST(locked > 100 && shared > 100);
}

static void test_model(void **state)
{
	(void)state;
	each_procs(model_body);
}

/* -------------------------------------------------------------------- exclusion */

#define CROWD 12u

struct crowd {
	mrt_rwmutex rw;
	mrt_wg done;
	_Atomic int32_t readers, writers;
	_Atomic bool together; /* readers were */
	_Atomic uint32_t next;
	uint64_t left, right; /* plain: written under the lock, always together */
	uint64_t writes[CROWD];
};

static void crowd_write(mrt_g *g, struct crowd *c)
{
	GC_TEST_MUST(atomic_fetch_add(&c->writers, 1) == 0);
	GC_TEST_MUST(atomic_load(&c->readers) == 0);
	c->left++;
	mrt_yield(g);
	c->right++;
	GC_TEST_MUST(atomic_load(&c->readers) == 0);
	GC_TEST_MUST(atomic_fetch_sub(&c->writers, 1) == 1);
}

static void crowd_read(mrt_g *g, struct crowd *c, bool linger)
{
	int32_t n = atomic_fetch_add(&c->readers, 1) + 1;
	uint64_t left = c->left;

	if (n > 1)
		atomic_store(&c->together, true);
	GC_TEST_MUST(atomic_load(&c->writers) == 0);
	if (linger)
		mrt_yield(g);
	GC_TEST_MUST(c->left == left && c->right == left);
	atomic_fetch_sub(&c->readers, 1);
}

static void crowd_body(mrt_g *g, void *arg)
{
	struct crowd *c = arg;
	uint32_t me = atomic_fetch_add(&c->next, 1);
	uint64_t random = gc_test_seed() + me;

	/* All come before the first begins: or each might be done before the next one came. */
	while (atomic_load(&c->next) < CROWD)
		mrt_yield(g);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		uint64_t dice = gc_test_random(&random) % 16;
		bool write = dice < 3;

		if (dice == 0 && !mrt_rw_try_lock(g, &c->rw))
			continue;
		if (dice == 1 || dice == 2)
			mrt_rw_lock(g, &c->rw);
		if (dice == 3 && !mrt_rw_try_rlock(g, &c->rw))
			continue;
		if (dice > 3)
			mrt_rw_rlock(g, &c->rw);
		if (write) {
			crowd_write(g, c);
			c->writes[me]++;
			mrt_rw_unlock(g, &c->rw);
		} else {
			crowd_read(g, c, dice % 2 == 0);
			mrt_rw_runlock(g, &c->rw);
		}
	}
	mrt_wg_done(g, &c->done);
}

static void exclusion_body(mrt_g *g, void *arg)
{
	struct crowd c = {0};
	uint64_t writes = 0;

	(void)arg;
	mrt_wg_add(&c.done, CROWD);
	for (uint32_t i = 0; i < CROWD; i++)
		GC_TEST_MUST(mrt_go(g, crowd_body, &c, NULL) == 0);
	mrt_wg_wait(g, &c.done);
	for (uint32_t i = 0; i < CROWD; i++)
		writes += c.writes[i];
	GC_TEST_MUST(c.left == writes && c.right == writes && writes > ROUNDS);
	GC_TEST_MUST(c.together);
	GC_TEST_MUST(c.rw.reader_count == 0 && c.rw.reader_wait == 0 && c.rw.w.state == 0);
	GC_TEST_MUST(c.rw.reader_sema.permits == 0 && c.rw.writer_sema.permits == 0);
}

static void test_exclusion(void **state)
{
	(void)state;
	each_procs(exclusion_body);
}

/* ------------------------------------------------------------------- who is first */

#define WAITING 5

struct queue {
	mrt_rwmutex rw;
	mrt_wg done;
	_Atomic uint32_t order; /* how many have got it */
	_Atomic uint32_t inside;
	uint32_t first, second; /* the writers' places */
};

static void first_body(mrt_g *g, void *arg)
{
	struct queue *q = arg;

	mrt_rw_lock(g, &q->rw);
	q->first = atomic_fetch_add(&q->order, 1);
	/* Until the readers and the other writer wait: what the unlock does is tested, not who is quick. */
	while (q->rw.reader_count != WAITING - READERS_MAX || q->rw.w.state / MRT_MUTEX_WAITER != 1)
		mrt_yield(g);
	mrt_rw_unlock(g, &q->rw);
	mrt_wg_done(g, &q->done);
}

static void second_body(mrt_g *g, void *arg)
{
	struct queue *q = arg;

	mrt_rw_lock(g, &q->rw);
	q->second = atomic_fetch_add(&q->order, 1);
	mrt_rw_unlock(g, &q->rw);
	mrt_wg_done(g, &q->done);
}

/* All that wait are let in together: each stays until all are in. */
static void reader_body(mrt_g *g, void *arg)
{
	struct queue *q = arg;

	mrt_rw_rlock(g, &q->rw);
	atomic_fetch_add(&q->order, 1);
	atomic_fetch_add(&q->inside, 1);
	while (q->inside < WAITING)
		mrt_yield(g);
	mrt_rw_runlock(g, &q->rw);
	mrt_wg_done(g, &q->done);
}

static void preference_body(mrt_g *g, void *arg)
{
	struct queue q = {0};

	(void)arg;
	mrt_rw_rlock(g, &q.rw);
	mrt_wg_add(&q.done, 2 + WAITING);
	GC_TEST_MUST(mrt_go(g, first_body, &q, NULL) == 0);
	while (q.rw.reader_count >= 0)
		mrt_yield(g);
	/* The writer waits for us, and holds others back. */
	GC_TEST_MUST(q.rw.reader_count == 1 - READERS_MAX);
	GC_TEST_MUST(!mrt_rw_try_rlock(g, &q.rw) && !mrt_rw_try_lock(g, &q.rw));
	for (uint32_t i = 0; i < WAITING; i++)
		GC_TEST_MUST(mrt_go(g, reader_body, &q, NULL) == 0);
	while (q.rw.reader_count != 1 + WAITING - READERS_MAX)
		mrt_yield(g);
	GC_TEST_MUST(mrt_go(g, second_body, &q, NULL) == 0);
	while (q.rw.w.state / MRT_MUTEX_WAITER != 1)
		mrt_yield(g);
	for (uint32_t i = 0; i < 200; i++)
		mrt_yield(g);
	GC_TEST_MUST(q.order == 0); /* nobody has got it */
	mrt_rw_runlock(g, &q.rw);
	mrt_wg_wait(g, &q.done);
	/* The readers have the places between. */
	GC_TEST_MUST(q.first == 0 && q.second == 1 + WAITING && q.order == 2 + WAITING);
}

static void test_preference(void **state)
{
	(void)state;
	each_procs(preference_body);
}

/* A collection ends while goroutines wait, and finds what they hold. */
struct parked {
	mrt_rwmutex rw;
	mrt_wg done;
};

static const struct mrt_type word_type = {.name = "word", .size = 8};

static void parked_body(mrt_g *g, void *arg)
{
	struct parked *p = arg;
	MRT_ROOTS(g, root, 1);

	GC_TEST_MUST(mrt_new(g, &word_type, &root[0]) == 0);
	*(uint64_t *)root[0] = 77;
	mrt_rw_rlock(g, &p->rw);
	GC_TEST_MUST(*(uint64_t *)root[0] == 77);
	mrt_rw_runlock(g, &p->rw);
	mrt_wg_done(g, &p->done);
}

static void collect_body(mrt_g *g, void *arg)
{
	struct parked p = {0};

	(void)arg;
	mrt_rw_lock(g, &p.rw);
	mrt_wg_add(&p.done, WAITING);
	for (uint32_t i = 0; i < WAITING; i++)
		GC_TEST_MUST(mrt_go(g, parked_body, &p, NULL) == 0);
	while (p.rw.reader_count != WAITING - READERS_MAX)
		mrt_yield(g);
	mrt_gc(g);
	mrt_gc(g);
	mrt_rw_unlock(g, &p.rw);
	mrt_wg_wait(g, &p.done);
}

static void test_collect(void **state)
{
	(void)state;
	gc_test_run((struct mrt_options){.procs = 2, .clobber = true, .check_edges = true},
		    collect_body, NULL);
}

/* -------------------------------------------------------------------- last words */

static void runlock_body(mrt_g *g, void *arg)
{
	mrt_rwmutex rw = {0};

	(void)arg;
	mrt_rw_runlock(g, &rw);
}

static void runlock_written_body(mrt_g *g, void *arg)
{
	mrt_rwmutex rw = {0};

	(void)arg;
	mrt_rw_lock(g, &rw);
	mrt_rw_runlock(g, &rw);
}

static void unlock_body(mrt_g *g, void *arg)
{
	mrt_rwmutex rw = {0};

	(void)arg;
	mrt_rw_unlock(g, &rw);
}

static void unlock_read_body(mrt_g *g, void *arg)
{
	mrt_rwmutex rw = {0};

	(void)arg;
	mrt_rw_rlock(g, &rw);
	mrt_rw_unlock(g, &rw);
}

static void unlock_mutex_body(mrt_g *g, void *arg)
{
	mrt_mutex m = {0};

	(void)arg;
	mrt_lock(g, &m);
	mrt_unlock(g, &m);
	mrt_unlock(g, &m);
}

static void dies(mrt_go_fn *fn, const char *expected)
{
	char text[256] = "";
	int fd[2], status;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(fd), 0);
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct mrt_options opt = {.procs = 1, .heap_reserve = (size_t)64 << 20, .seed = 1};

		dup2(fd[1], 2);
		mrt_run(&opt, fn, NULL);
		_exit(0);
	}
	close(fd[1]);
	n = read(fd[0], text, sizeof(text) - 1);
	close(fd[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 2);
	assert_true(n > 0);
	assert_string_equal(text, expected);
}

static void test_last_words(void **state)
{
	(void)state;
	dies(runlock_body, "fatal error: sync: RUnlock of unlocked RWMutex\n");
	dies(runlock_written_body, "fatal error: sync: RUnlock of unlocked RWMutex\n");
	dies(unlock_body, "fatal error: sync: Unlock of unlocked RWMutex\n");
	dies(unlock_read_body, "fatal error: sync: Unlock of unlocked RWMutex\n");
	dies(unlock_mutex_body, "fatal error: sync: unlock of unlocked mutex\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_last_words), /* before there are threads */
		cmocka_unit_test(test_model),	   cmocka_unit_test(test_exclusion),
		cmocka_unit_test(test_preference), cmocka_unit_test(test_collect),
	};

	return cmocka_run_group_tests(tests, gc_test_setup, NULL);
}
