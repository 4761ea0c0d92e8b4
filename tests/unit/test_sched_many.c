/*
 * test_sched_many.c: as many goroutines as Go programs have: a hundred thousand alive at once, each with an
 * object that only it refers to, parked, scanned, woken, ended; what their stacks cost, and that it goes
 * back; stacks that overflow, and memory for stacks that the system refuses.
 *
 * Fewer under the sanitizers: ASan keeps an eighth of each stack, which is four times as large there, as shadow; TSan
 * takes milliseconds for a fiber and has 8,000.
 */
#include "tests/unit/test_gc_fixture.h"

#include "runtime/gc/gc_priv.h"
#include "runtime/prim/prim_priv.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define MANY (PRIM_TSAN ? 1500u : PRIM_ASAN ? 10000u : 100000u)
#define MANY_STACK ((uint64_t)64 << 10) /* what mrt_go takes by default */
#define MANY_PS 8u

static const uint64_t pointer_mask[] = {1};
static const struct mrt_type node_type = {
	.name = "node", .size = 3 * sizeof(uint64_t), .ptr_words = 1, .ptrmask = pointer_mask};

struct node { /* managed */
	struct node *next;
	uint64_t index, check;
};

static uint64_t node_check(uint64_t index)
{
	return (index + 1) * UINT64_C(0x9e3779b97f4a7c15) ^ gc_test_seed();
}

struct many {
	mrt_wg parked, ended;
	_Atomic uint32_t next;
	_Atomic uint64_t right;
	struct sched_g **g; /* parked, by index */
	uint32_t count;
};

static bool many_commit(struct sched_g *g, void *arg)
{
	(void)g;
	mrt_wg_add(arg, -1);
	return true;
}

/* Two objects, the second of which only the first refers to. */
static void many_one(mrt_g *g, void *arg)
{
	struct many *m = arg;
	uint64_t index = atomic_fetch_add(&m->next, 1);
	const struct node *node;
	MRT_ROOTS(g, roots, 2);

	for (uint32_t i = 0; i < 2; i++) {
		GC_TEST_MUST(mrt_new(g, &node_type, &roots[i]) == 0);
		((struct node *)roots[i])->index = index;
		((struct node *)roots[i])->check = node_check(index) + i;
	}
	mrt_store(g, (void **)&((struct node *)roots[0])->next, roots[1]);
	roots[1] = NULL;
	m->g[index] = sched_of(g);
	sched_park(sched_of(g), SCHED_WAIT_OTHER, many_commit, &m->parked);
	mrt_safepoint(g);
	node = roots[0];
	GC_TEST_MUST(node->index == index && node->check == node_check(index));
	node = node->next;
	GC_TEST_MUST(node->index == index && node->check == node_check(index) + 1);
	atomic_fetch_add(&m->right, 1);
	mrt_wg_done(g, &m->ended);
}

static uint64_t many_rss(void)
{
	unsigned long long size, resident;
	FILE *f = fopen("/proc/self/statm", "r");

	GC_TEST_MUST(f != NULL && fscanf(f, "%llu %llu", &size, &resident) == 2);
	fclose(f);
	return resident * PRIM_PAGE_BYTES;
}

static void many_start(mrt_g *g, struct many *m)
{
	atomic_store(&m->next, 0);
	mrt_wg_add(&m->parked, m->count);
	mrt_wg_add(&m->ended, m->count);
	for (uint32_t i = 0; i < m->count; i++)
		GC_TEST_MUST(mrt_go(g, many_one, m, NULL) == 0);
	mrt_wg_wait(g, &m->parked);
}

static void many_wake(mrt_g *g, struct many *m)
{
	for (uint32_t i = 0; i < m->count; i++)
		sched_ready(sched_of(g)->p, m->g[i], false);
	mrt_wg_wait(g, &m->ended);
}

/* Those that have said that they end have ended. */
static void many_settle(mrt_g *g)
{
	struct sched_counts counts;

	do {
		mrt_yield(g);
		sched_counts(&counts);
	} while (counts.goroutines > 1);
}

/* Alive they count in full; parked they take a page each, two at most besides what else a goroutine is; ended and
 * collected they are gone but for the free lists of the Ps and the system's own. */
static void many_round(mrt_g *g, struct many *m)
{
	struct mrt_memstats before, alive, after;
	uint64_t rss, parked_rss;

	mrt_gc(g);
	mrt_memstats_read(g, &before);
	rss = many_rss();
	many_start(g, m);
	parked_rss = many_rss() - rss;
	mrt_memstats_read(g, &alive);
	mrt_gc(g);
	mrt_gc(g);
	GC_TEST_MUST(alive.stack_inuse - before.stack_inuse <= m->count * MANY_STACK);
	GC_TEST_MUST(alive.stack_inuse >= m->count * MANY_STACK && alive.stack_sys >= alive.stack_inuse);
	many_wake(g, m);
	many_settle(g);
	mrt_gc(g);
	mrt_memstats_read(g, &after);
	/* 63 stay with each P, and the collector's goroutines and this one. */
	GC_TEST_MUST(after.stack_sys <= (MANY_PS * 64 + 32) * MANY_STACK);
	if (PRIM_ASAN || PRIM_TSAN)
		return;
	printf("# %u parked: %llu bytes each resident, with objects and all\n", m->count,
	       (unsigned long long)parked_rss / m->count);
	GC_TEST_MUST(parked_rss / m->count < 2 * PRIM_PAGE_BYTES + 2048);
	GC_TEST_MUST(many_rss() < rss + parked_rss / 2);
}

static void many_body(mrt_g *g, void *arg)
{
	struct many *m = arg;

	for (int round = 0; round < 2; round++)
		many_round(g, m);
	GC_TEST_MUST(atomic_load(&m->right) == 2 * m->count);
}

static void test_many(void **state)
{
	const uint32_t procs[] = {1, 2, MANY_PS};

	(void)state;
	printf("# %u goroutines%s\n", MANY,
	       PRIM_ASAN || PRIM_TSAN ? ": fewer under a sanitizer" : "");
	for (uint32_t i = 0; i < sizeof(procs) / sizeof(procs[0]); i++) {
		struct many m = {.count = MANY};

		m.g = calloc(m.count, sizeof(struct sched_g *));
		assert_non_null(m.g);
		gc_test_run((struct mrt_options){.procs = procs[i], .clobber = true}, many_body, &m);
		assert_int_equal(prim_stacks_cached(), 0); /* nothing is left of it */
		free(m.g);
	}
}

/* ------------------------------------------------------------- all without guards */

static void test_canaries(void **state)
{
	struct many m = {.count = MANY / 20};

	(void)state;
	m.g = calloc(m.count, sizeof(struct sched_g *));
	assert_non_null(m.g);
	prim_stacks_release();
	prim_stack_forbid(PRIM_GUARD_PAGES | PRIM_GUARD_MARKERS);
	gc_test_run((struct mrt_options){.procs = 2, .clobber = true}, many_body, &m);
	prim_stack_forbid(0);
	prim_stacks_release();
	free(m.g);
}

/* ---------------------------------------------------------------------- children */

/* What a process of its own ends with when it runs fn; its stderr in text. */
static int child(void (*fn)(void), char *text, size_t size)
{
	ssize_t n, used = 0;
	int fds[2], status;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct rlimit no_core = {0, 0};

		setrlimit(RLIMIT_CORE, &no_core);
		dup2(fds[1], STDERR_FILENO);
		fn();
		_exit(0);
	}
	close(fds[1]);
	while ((n = read(fds[0], text + used, size - 1 - (size_t)used)) > 0)
		used += n;
	text[used] = '\0';
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (used > 0)
		printf("# %s", text);
	return status;
}

static void child_run(struct mrt_options opt, mrt_go_fn *fn)
{
	opt.procs = 2;
	opt.seed = gc_test_seed();
	opt.heap_reserve = (size_t)1 << 30;
	if (mrt_run(&opt, fn, NULL) < 0)
		_exit(3);
}

/* -------------------------------------------------------------------- overflow */

enum over { OVER_NONE, OVER_PARK, OVER_SCAN, OVER_SELF, OVER_END, OVER_GUARD, OVER_MARKER };

static struct {
	enum over how;
	mrt_wg wg;
	_Atomic bool asked;
} over;

static void over_write(mrt_g *g, size_t below)
{
	*(volatile uint64_t *)(void *)(sched_of(g)->ctx->stack.low - below) = 0;
}

/* A recursion that does not end; each frame is less than a page. */
static __attribute__((noinline)) uint64_t over_recurse(uint64_t depth)
{
	volatile char frame[512];

	frame[depth % sizeof(frame)] = (char)depth;
	return depth == UINT64_MAX ? 0 : over_recurse(depth + 1) + (uint64_t)frame[depth % 7];
}

static bool over_commit(struct sched_g *g, void *arg)
{
	(void)g;
	(void)arg;
	mrt_wg_add(&over.wg, -1);
	return true;
}

/* Next to the stack: seen when it is left. Far below: by the collector, by itself when that asks it, at its end. */
static void over_one(mrt_g *g, void *arg)
{
	(void)arg;
	if (over.how >= OVER_GUARD)
		GC_TEST_MUST(over_recurse(1) == 0);
	else if (over.how != OVER_NONE)
		over_write(g, over.how == OVER_PARK ? 8 : 1000);
	if (over.how == OVER_END)
		return mrt_wg_done(g, &over.wg);
	if (over.how == OVER_SELF)
		while (!atomic_load(&over.asked))
			mrt_safepoint(g);
	sched_park(sched_of(g), SCHED_WAIT_OTHER, over_commit, NULL);
}

static void over_body(mrt_g *g, void *arg)
{
	struct mrt_go_options opt = {.name = "deep one", .system = true, .driver = 0xffff};

	(void)arg;
	mrt_wg_add(&over.wg, 1);
	GC_TEST_MUST(mrt_go(g, over_one, NULL, &opt) == 0);
	if (over.how != OVER_SELF)
		mrt_wg_wait(g, &over.wg);
	if (over.how == OVER_END)
		mrt_yield(g);
	mrt_gc(g);
	atomic_store(&over.asked, true);
	if (over.how == OVER_SELF)
		mrt_wg_wait(g, &over.wg);
}

static void over_child(void)
{
	prim_stack_forbid(over.how == OVER_GUARD    ? 0
			  : over.how == OVER_MARKER ? PRIM_GUARD_PAGES
						    : PRIM_GUARD_PAGES | PRIM_GUARD_MARKERS);
	child_run((struct mrt_options){0}, over_body);
}

static bool over_markers(void)
{
	prim_ctx *ctx;
	bool marker;

	prim_stack_forbid(PRIM_GUARD_PAGES);
	ctx = prim_ctx_create(1, NULL, NULL);
	prim_stack_forbid(0);
	assert_non_null(ctx);
	marker = ctx->stack.kind == PRIM_STACK_MARKER;
	prim_ctx_destroy(ctx);
	prim_stacks_release();
	return marker;
}

static void test_overflow(void **state)
{
	char text[4096];

	(void)state;
	prim_stacks_release();
	for (over.how = OVER_NONE; over.how <= OVER_MARKER; over.how++) {
		int status;

		if ((PRIM_ASAN || PRIM_TSAN) && over.how >= OVER_GUARD)
			break; /* they tell in their own words */
		if (over.how == OVER_MARKER && !over_markers())
			break;
		status = child(over_child, text, sizeof(text));

		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), over.how == OVER_NONE ? 0 : 2);
		if (over.how == OVER_NONE)
			continue;
		assert_non_null(strstr(text, "runtime: goroutine stack exceeds "));
		assert_non_null(strstr(text, over.how < OVER_GUARD ? " [deep one]: sp=0x"
								   : " [deep one]: address=0x"));
		assert_non_null(strstr(text, over.how < OVER_GUARD ? "the canary below it is overwritten\nfatal "
								   : "the guard below it is touched\nfatal "));
		assert_non_null(strstr(text, "\nfatal error: stack overflow\n"));
	}
}

/* ------------------------------------------------------------------- no memory */

/* Sanitizers take memory of their own whenever they like. */
#if !PRIM_ASAN && !PRIM_TSAN

static struct {
	mrt_mutex gate; /* held while they are started: none ends and leaves its stack to the next */
	mrt_wg wg;
	uint32_t ran;
} refused;

static uint64_t refused_data_bytes(void)
{
	unsigned long long pages[6];
	FILE *f = fopen("/proc/self/statm", "r");

	GC_TEST_MUST(f != NULL && fscanf(f, "%llu %llu %llu %llu %llu %llu", &pages[0], &pages[1], &pages[2],
					 &pages[3], &pages[4], &pages[5]) == 6);
	fclose(f);
	return pages[5] * PRIM_PAGE_BYTES;
}

static void refused_limit(rlim_t bytes)
{
	struct rlimit limit;

	GC_TEST_MUST(getrlimit(RLIMIT_DATA, &limit) == 0);
	limit.rlim_cur = bytes;
	GC_TEST_MUST(setrlimit(RLIMIT_DATA, &limit) == 0);
}

static void refused_one(mrt_g *g, void *arg)
{
	(void)arg;
	mrt_lock(g, &refused.gate);
	refused.ran++;
	mrt_unlock(g, &refused.gate);
	mrt_wg_done(g, &refused.wg);
}

static uint32_t refused_start(mrt_g *g, uint32_t max, int *ret_r)
{
	uint32_t n = 0;

	for (*ret_r = 0; n < max; n++) {
		mrt_wg_add(&refused.wg, 1);
		*ret_r = mrt_go(g, refused_one, NULL, NULL);
		if (*ret_r < 0) {
			mrt_wg_add(&refused.wg, -1);
			break;
		}
	}
	return n;
}

/* Room for a few slabs more: then the system refuses one, what runs goes on, and when there is room again so do the
 * rest. */
static void refused_body(mrt_g *g, void *arg)
{
	uint64_t stack = sched_stack_bytes();
	uint32_t first, second;
	int r;

	(void)arg;
	mrt_lock(g, &refused.gate);
	refused_limit(refused_data_bytes() + ((rlim_t)64 << 20));
	first = refused_start(g, 100000, &r);
	GC_TEST_MUST(r == -ENOMEM && first > 100 && first < 10000);
	refused_limit(RLIM_INFINITY);
	second = refused_start(g, 2000, &r);
	GC_TEST_MUST(r == 0 && second == 2000);
	GC_TEST_MUST(sched_stack_bytes() - stack == (first + second) * MANY_STACK);
	mrt_unlock(g, &refused.gate);
	mrt_wg_wait(g, &refused.wg);
	many_settle(g);
	GC_TEST_MUST(refused.ran == first + second);
	mrt_gc(g);
}

static void refused_child(void)
{
	child_run((struct mrt_options){.oom = MRT_OOM_RETURN}, refused_body);
}

static void refused_throw_child(void)
{
	child_run((struct mrt_options){.oom = MRT_OOM_THROW}, refused_body);
}

static void test_refused(void **state)
{
	char text[4096];
	int status = child(refused_child, text, sizeof(text));

	(void)state;
	assert_int_equal(status, 0);
	status = child(refused_throw_child, text, sizeof(text));
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 2);
	/* Of the stack, or of the goroutine itself. */
	assert_non_null(strstr(text, "runtime: out of memory: cannot allocate "));
	assert_non_null(strstr(text, "\nfatal error: out of memory"));
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_overflow),
#if !PRIM_ASAN && !PRIM_TSAN
		cmocka_unit_test(test_refused),
#endif
		cmocka_unit_test(test_canaries),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests_name("sched_many", tests, gc_test_setup, NULL);
}
