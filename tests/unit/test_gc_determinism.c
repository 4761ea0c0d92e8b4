/*
 * test_gc_determinism.c: simulated back end only: a run with collections, assists and stops is the
 * same to the last event for the same seed, and another one for another. Each run has a process of
 * its own: prim is set up once a process.
 */
#include "tests/unit/test_gc_fixture.h"

#include "runtime/watch/telemetry.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define GOROUTINES 5u
#define KEPT	   2000u

struct node {
	struct node *next;
	uint64_t value[7];
};
static const uint64_t node_mask[] = {1};
static const struct mrt_type node_type = {
	.name = "node", .size = sizeof(struct node), .ptr_words = 1, .ptrmask = node_mask};

struct result {
	uint64_t hash, records;
	uint32_t num_gc;
	int64_t end_ns;
};

struct worker {
	mrt_wg *wg;
	uint64_t seed;
};

static void worker_body(mrt_g *g, void *arg)
{
	const struct worker *w = arg;
	uint64_t rng = w->seed;
	MRT_ROOTS(g, roots, 2);

	for (uint32_t i = 0; i < 12000; i++) {
		GC_TEST_MUST(mrt_new(g, &node_type, &roots[1]) == 0);
		((struct node *)roots[1])->value[0] = i;
		if (gc_test_random(&rng) % KEPT != 0)
			mrt_store(g, (void **)&((struct node *)roots[1])->next, roots[0]);
		roots[0] = roots[1];
		if (i % 1000 == 0)
			mrt_yield(g);
	}
	mrt_wg_done(g, w->wg);
}

static void main_body(mrt_g *g, void *arg)
{
	struct result *ret = arg;
	struct worker w[GOROUTINES];
	struct mrt_memstats s;
	mrt_wg wg = {0};

	mrt_wg_add(&wg, GOROUTINES);
	for (uint32_t i = 0; i < GOROUTINES; i++) {
		w[i] = (struct worker){.wg = &wg, .seed = i};
		GC_TEST_MUST(mrt_go(g, worker_body, &w[i], NULL) == 0);
	}
	mrt_wg_wait(g, &wg);
	mrt_gc(g);
	mrt_memstats_read(g, &s);
	ret->num_gc = s.num_gc;
	ret->end_ns = mrt_now_ns();
}

static struct result run_once(uint64_t seed)
{
	struct result res = {0};
	int fd[2], status;
	pid_t pid;

	assert_int_equal(pipe(fd), 0);
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct prim_options prim = {.seed = seed};
		struct mrt_telemetry *t;
		struct mrt_options opt = {.procs = 4,
					  .seed = seed,
					  .heap_reserve = (size_t)1 << 28,
					  .gc_every = 3000};

		GC_TEST_MUST(prim_init(&prim) == 0);
		t = prim_pages_alloc(sizeof(*t));
		watch_layout_init(t, opt.procs);
		opt.telemetry = t;
		GC_TEST_MUST(mrt_run(&opt, main_body, &res) == 0);
		for (uint32_t p = 0; p < opt.procs; p++)
			res.records += atomic_load(&t->ring[p].head);
		res.hash = prim_sim_hash();
		_exit(write(fd[1], &res, sizeof(res)) == sizeof(res) ? 0 : 1);
	}
	close(fd[1]);
	assert_int_equal(read(fd[0], &res, sizeof(res)), sizeof(res));
	close(fd[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	return res;
}

static void test_same_seed_same_run(void **state)
{
	struct result a = run_once(gc_test_seed()), b = run_once(gc_test_seed()),
		      c = run_once(gc_test_seed() + 1);

	(void)state;
	assert_true(a.num_gc >= 5 && a.records > 20);
	assert_memory_equal(&a, &b, sizeof(a));
	assert_true(a.hash != c.hash);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_same_seed_same_run)};

	printf("# GCS_TEST_SEED=%llu\n", (unsigned long long)gc_test_seed());
	return cmocka_run_group_tests(tests, NULL, NULL);
}
