/*
 * test_point_determinism.c: simulated back end only: with every point armed at once a run is the
 * same to the last event for the same seed, the firings too, and another one for another. Each run
 * has a process of its own: prim is set up once a process.
 */
#include "tests/unit/test_point_fixture.h"

#include <sys/wait.h>
#include <unistd.h>

#define MS	 INT64_C(1000000)
#define STEPS	 2500u
#define CONNS	 4u
#define MESSAGE	 32u
#define PROCS	 4u
#define US	 INT64_C(1000)

static const uint64_t pointer_mask[] = {1};
static const struct mrt_type pointer_type = {
	.name = "pointer", .size = sizeof(void *), .ptr_words = 1, .ptrmask = pointer_mask};
static const struct mrt_type byte_type = {.name = "byte", .size = 1};

static const struct gcs_fault_spec specs[] = {
	{.point = GCS_POINT_mem_malloc, .action = GCS_ACT_FAIL, .p_ppb = 5000000, .burst = 3, .after = 40},
	{.point = GCS_POINT_netpoll_wake, .action = GCS_ACT_DROP, .every = 4, .workloads = 2},
	{.point = GCS_POINT_gc_write, .action = GCS_ACT_FORCE, .every = 25},
	{.point = GCS_POINT_gc_write, .action = GCS_ACT_FORCE, .where = GCS_WHERE_AFTER_SHADE, .mode = GCS_MODE_CYCLE, .every = 70},
	{.point = GCS_POINT_gc_write, .action = GCS_ACT_FORCE, .where = GCS_WHERE_AFTER_STORE, .mode = GCS_MODE_EDGE, .every = 3},
	{.point = GCS_POINT_mem_span, .action = GCS_ACT_FAIL, .p_ppb = 100000000},
	{.point = GCS_POINT_mem_os_commit, .action = GCS_ACT_FAIL, .p_ppb = 300000000},
	{.point = GCS_POINT_mem_refill, .action = GCS_ACT_FAIL, .p_ppb = 30000000},
	{.point = GCS_POINT_mem_large, .action = GCS_ACT_FAIL, .p_ppb = 100000000},
	{.point = GCS_POINT_mem_os_reserve, .action = GCS_ACT_FAIL, .p_ppb = 300000000},
	{.point = GCS_POINT_mem_slow,
	 .action = GCS_ACT_DELAY,
	 .p_ppb = 100000000,
	 .delay_ns = 50000,
	 .jitter_ns = 100000},
	{.point = GCS_POINT_mem_limit, .action = GCS_ACT_BIAS, .every = 2, .by_milli = 100},
	{.point = GCS_POINT_gc_map_assign, .action = GCS_ACT_FORCE, .p_ppb = 30000000},
	{.point = GCS_POINT_gc_append, .action = GCS_ACT_FORCE, .every = 25},
	{.point = GCS_POINT_stw_stop,
	 .action = GCS_ACT_DELAY,
	 .p_ppb = 300000000,
	 .delay_ns = 200000,
	 .delay_max_ns = 1500000,
	 .jitter_ns = 100000},
	{.point = GCS_POINT_netpoll_wake, .action = GCS_ACT_DUPLICATE, .every = 3},
	{.point = GCS_POINT_netpoll_poll, .action = GCS_ACT_DELAY, .every = 5, .delay_ns = 100000},
	{.point = GCS_POINT_map_grow, .action = GCS_ACT_FAIL, .p_ppb = 200000000},
	{.point = GCS_POINT_map_grow, .action = GCS_ACT_FORCE, .p_ppb = 5000000},
	{.point = GCS_POINT_map_iterate, .action = GCS_ACT_FORCE, .every = 40},
	{.point = GCS_POINT_slice_grow, .action = GCS_ACT_FAIL, .p_ppb = 200000000},
	{.point = GCS_POINT_sched_ready,
	 .action = GCS_ACT_DELAY,
	 .p_ppb = 300000000,
	 .delay_ns = 50000,
	 .jitter_ns = 50000},
	{.point = GCS_POINT_sched_steal, .action = GCS_ACT_FAIL, .p_ppb = 300000000},
};
#define FAULTS ((uint32_t)(sizeof(specs) / sizeof(specs[0])))

/* The collector forced and late, without the others: a cycle must become due by itself, too. */
static const struct gcs_fault_spec late_specs[] = {
	{.point = GCS_POINT_gc_map_delete, .action = GCS_ACT_FORCE, .nth = 60},
	{.point = GCS_POINT_gc_evacuate, .action = GCS_ACT_FORCE, .nth = 20},
	{.point = GCS_POINT_gc_alloc, .action = GCS_ACT_FORCE, .nth = 150, .size_max = 600},
	{.point = GCS_POINT_gc_start, .action = GCS_ACT_DELAY, .delay_ns = 50000},
	{.point = GCS_POINT_gc_sweep, .action = GCS_ACT_DELAY, .every = 3, .delay_ns = 300000},
	{.point = GCS_POINT_gc_worker, .action = GCS_ACT_DELAY, .every = 5, .delay_ns = 100000},
	{.point = GCS_POINT_stw_stopped, .action = GCS_ACT_DELAY, .every = 7, .delay_ns = 50000},
	{.point = GCS_POINT_gc_assist, .action = GCS_ACT_DROP, .every = 2},
	{.point = GCS_POINT_gc_barrier_flush, .action = GCS_ACT_FORCE, .every = 9},
	{.point = GCS_POINT_gc_stack_scan, .action = GCS_ACT_DELAY, .every = 4, .delay_ns = 20000},
	{.point = GCS_POINT_mem_os_release, .action = GCS_ACT_FAIL, .every = 7},
	{.point = GCS_POINT_mem_os_release,
	 .action = GCS_ACT_DELAY,
	 .p_ppb = 100000000,
	 .delay_ns = 50000,
	 .jitter_ns = 50000},
	{.point = GCS_POINT_mem_scavenge, .action = GCS_ACT_DELAY, .nth = 1, .delay_ns = 3 * MS},
	{.point = GCS_POINT_mem_fragment, .action = GCS_ACT_FORCE, .p_ppb = 200000000},
	{.point = GCS_POINT_gc_worker, .action = GCS_ACT_DROP, .every = 3},
	{.point = GCS_POINT_gc_pacer, .action = GCS_ACT_BIAS, .every = 2, .by_milli = 20000},
	{.point = GCS_POINT_gc_gogc, .action = GCS_ACT_BIAS, .every = 3, .by_milli = 500},
	{.point = GCS_POINT_gc_roots, .action = GCS_ACT_DELAY, .every = 3, .delay_ns = 30000},
	{.point = GCS_POINT_gc_mark, .action = GCS_ACT_DELAY, .every = 4, .delay_ns = 30000},
	{.point = GCS_POINT_gc_termination, .action = GCS_ACT_DELAY, .every = 5, .delay_ns = 30000},
	{.point = GCS_POINT_gc_sweep_start, .action = GCS_ACT_DELAY, .every = 4, .delay_ns = 30000},
	{.point = GCS_POINT_stw_spin, .action = GCS_ACT_DELAY, .every = 400, .delay_ns = 100000},
};

/* The scheduler without a CPU, a thread, the right time. */
static const struct gcs_fault_spec sched_specs[] = {
	{.point = GCS_POINT_sched_timer, .action = GCS_ACT_DELAY, .every = 3,
	 .delay_ns = 70000,
	 .jitter_ns = 50000},
	{.point = GCS_POINT_sched_timer, .action = GCS_ACT_BIAS, .p_ppb = 300000000, .by_milli = 300},
	{.point = GCS_POINT_sched_preempt, .action = GCS_ACT_FORCE, .p_ppb = 50000000},
	{.point = GCS_POINT_sched_thread, .action = GCS_ACT_FAIL, .p_ppb = 800000000},
	{.point = GCS_POINT_sched_starve, .action = GCS_ACT_DELAY, .every = 200,
	 .delay_ns = 30000,
	 .jitter_ns = 30000},
	{.point = GCS_POINT_sched_steal, .action = GCS_ACT_FAIL, .p_ppb = 300000000},
	{.point = GCS_POINT_sched_ready,
	 .action = GCS_ACT_DELAY,
	 .p_ppb = 300000000,
	 .delay_ns = 50000},
};

/* Maps, slices, registration; the order and the company of wakes. */
static const struct gcs_fault_spec data_specs[] = {
	{.point = GCS_POINT_map_evacuate, .action = GCS_ACT_DELAY, .every = 7, .delay_ns = 20000, .jitter_ns = 20000},
	{.point = GCS_POINT_map_evacuate, .action = GCS_ACT_DROP, .p_ppb = 300000000},
	{.point = GCS_POINT_map_hash, .action = GCS_ACT_BIAS, .by_milli = 250},
	{.point = GCS_POINT_map_iterate, .action = GCS_ACT_REORDER, .every = 40},
	{.point = GCS_POINT_slice_alias, .action = GCS_ACT_FORCE, .every = 3},
	{.point = GCS_POINT_slice_alias, .action = GCS_ACT_BIAS, .every = 2, .by_milli = 2000},
	{.point = GCS_POINT_netpoll_register, .action = GCS_ACT_FAIL, .every = 2},
	{.point = GCS_POINT_netpoll_wake, .action = GCS_ACT_REORDER},
	{.point = GCS_POINT_netpoll_wake, .action = GCS_ACT_COALESCE, .every = 2, .delay_ns = 2000000, .jitter_ns = 500000},
	{.point = GCS_POINT_netpoll_wake, .action = GCS_ACT_DROP, .every = 9},
};

#define STATE(id)	 {.code = GCS_CONDITION_STATE, .state = GCS_RT_##id}
#define CONSTANT(kind, v) {.code = GCS_CONDITION_CONSTANT, .type = GCS_OPERAND_##kind, .value = (v)}
#define OPERATOR(op)	 {.code = GCS_CONDITION_##op}

/* Bound to what the runtime is at: phase, heap, queues, the map at hand, the goroutine, the type. */
static const struct gcs_fault_spec bound_specs[] = {
	{.point = GCS_POINT_mem_malloc, .action = GCS_ACT_FAIL, .every = 9,
	 .condition = {3, {STATE(gc_phase), CONSTANT(PHASE, 1), OPERATOR(EQ)}}},
	{.point = GCS_POINT_mem_malloc, .action = GCS_ACT_FAIL, .every = 15,
	 .condition = {5, {STATE(heap_live), CONSTANT(NUMBER, 600), STATE(heap_goal), OPERATOR(MUL), OPERATOR(GT)}}},
	{.point = GCS_POINT_mem_span, .action = GCS_ACT_FAIL, .every = 2,
	 .condition = {3, {STATE(runnable), CONSTANT(NUMBER, 1000), OPERATOR(GE)}}},
	{.point = GCS_POINT_gc_map_assign, .action = GCS_ACT_FORCE, .condition = {1, {STATE(map_growing)}}},
	{.point = GCS_POINT_gc_append, .action = GCS_ACT_FORCE, .every = 4, .ntypes = 1, .type = {"pointer"}},
	{.point = GCS_POINT_netpoll_wake, .action = GCS_ACT_DELAY, .delay_ns = 50000, .ngoroutines = 1,
	 .goroutine = {{MRT_WORKER_FIRST, MRT_WORKER_FIRST + 5}}},
};

#define TABLE(list) {list, sizeof(list) / sizeof(specs[0])}
static const struct table {
	const struct gcs_fault_spec *spec;
	uint32_t n;
} tables[] = {TABLE(specs), TABLE(late_specs), TABLE(bound_specs), TABLE(sched_specs), TABLE(data_specs)};
static const struct table *table;

struct result {
	uint64_t hash, visits[WATCH_FAULTS_MAX], fired[WATCH_FAULTS_MAX], masked[WATCH_FAULTS_MAX];
	uint64_t refused;
	int64_t end_ns;
};

struct shared {
	struct result *ret;
	mrt_wg wg;
	mrt_conn *conn[CONNS];
	_Atomic uint64_t refused;
	_Atomic uint32_t next;
};

static uint64_t entries(mrt_g *g, const struct mrt_map_type *mt, mrt_map *map)
{
	uint64_t n = 0;

	MRT_MAP_ITER(g, mt, map, it);
	while (mrt_map_iter_next(g, &it))
		n++;
	return n;
}

/* A map and a slice that grow, objects of all sizes; what is refused is left out of the model. */
static void mixed_body(mrt_g *g, void *arg)
{
	struct shared *sh = arg;
	struct mrt_map_type mt;
	struct mrt_slice s = {0};
	uint64_t rng = mrt_worker(g), in_map = 0, refused = 0;
	MRT_ROOTS(g, roots, 2);
	MRT_ROOT_SLOTS(g, s_frame, &s.array, 1);

	GC_TEST_MUST(mrt_map_type_init(&mt, MRT_KEY_U64, &pointer_type) == 0);
	while (mrt_map_new(g, &mt, 0, &roots[0]) != 0)
		refused++;
	for (uint32_t i = 0; i < STEPS; i++) {
		size_t bytes = gc_test_random(&rng) % 40 == 0 ? 300000 : 500;

		roots[1] = NULL;
		refused += mrt_new_array(g, &byte_type, bytes, &roots[1]) != 0;
		if (mrt_map_put(g, &mt, roots[0], i, &roots[1]) == 0)
			in_map++;
		else
			refused++;
		if (i % 3 == 2 && mrt_map_delete(g, &mt, roots[0], i - 2))
			in_map--;
		if (i % 500 == 499)
			GC_TEST_MUST(entries(g, &mt, roots[0]) == in_map);
		if (mrt_append(g, &pointer_type, &s, &roots[1], 1) != 0 || s.len == 500)
			s = (struct mrt_slice){0};
		if (i % 100 == 99)
			mrt_sleep_until(g, mrt_now_ns() + 40 * US);
	}
	GC_TEST_MUST(mrt_map_count(roots[0]) == in_map);
	atomic_fetch_add(&sh->refused, refused);
	mrt_wg_done(g, &sh->wg);
}

static void server_body(mrt_g *g, void *arg)
{
	struct shared *sh = arg;
	mrt_conn *c = sh->conn[atomic_fetch_add(&sh->next, 1)];
	char buf[MESSAGE];

	while (mrt_conn_read(g, c, buf, sizeof(buf)) == MESSAGE)
		GC_TEST_MUST(mrt_conn_write_all(g, c, buf, sizeof(buf)) == MESSAGE);
	mrt_conn_close(g, c);
	mrt_wg_done(g, &sh->wg);
}

static void peer_reply(void *arg, uint32_t conn, int64_t intended_ns, int64_t done_ns,
		       const void *reply)
{
	(void)arg;
	(void)conn;
	(void)intended_ns;
	(void)done_ns;
	(void)reply;
}

/* A heap that grows, is dropped, and goes back to the system for a while. */
static void scavenged(mrt_g *g)
{
	MRT_ROOTS(g, roots, 20);

	for (uint32_t i = 0; i < 20; i++)
		(void)mrt_new_array(g, &byte_type, 1 << 20, &roots[i]);
	memset(roots, 0, sizeof(roots));
	for (uint32_t i = 0; i < 3; i++)
		mrt_gc(g);
	mrt_sleep_until(g, mrt_now_ns() + 500 * MS);
}

static void all_body(mrt_g *g, void *arg)
{
	int64_t start = mrt_now_ns() + MS;
	struct shared sh = {.ret = arg};
	struct prim_peer_options peers = {
		.conns = CONNS,
		.start_ns = start,
		.stop_ns = start + 40 * MS,
		.period_ns = 500 * US,
		.request_bytes = MESSAGE,
		.reply_bytes = MESSAGE,
		.on_reply = peer_reply,
	};
	prim_conn *prim[CONNS];
	char text[256];

	GC_TEST_MUST(prim_peer_start(&peers, prim) == 0);
	point_arm_all(table->n);
	mrt_wg_add(&sh.wg, CONNS + 4);
	for (uint32_t i = 0; i < CONNS; i++)
		while (mrt_conn_open(g, prim[i], &sh.conn[i]) != 0)
			atomic_fetch_add(&sh.refused, 1);
	for (uint32_t i = 0; i < CONNS + 4; i++) {
		struct mrt_go_options opt = {.worker = MRT_WORKER_FIRST + i % POINT_WORKERS,
					     .driver = i < CONNS ? 1 : 0};

		GC_TEST_MUST(mrt_go(g, i < CONNS ? server_body : mixed_body, &sh, &opt) == 0);
	}
	mrt_wg_wait(g, &sh.wg);
	scavenged(g);
	gcs_faults_disarm_all(false, mrt_now_ns());
	GC_TEST_MUST(mrt_heap_check(g, text, sizeof(text)) == 0);
	sh.ret->refused = atomic_load(&sh.refused);
	sh.ret->end_ns = mrt_now_ns();
}

static void run_child(uint64_t seed, struct result *ret)
{
	struct prim_options prim = {.seed = seed};
	struct mrt_options opt = {
		.procs = PROCS, .seed = seed, .heap_reserve = (size_t)1 << 28, .memlimit = (uint64_t)64 << 20,
		.check_edges = true};

	GC_TEST_MUST(prim_init(&prim) == 0);
	point_load(table->spec, table->n, PROCS);
	opt.telemetry = point_telemetry;
	GC_TEST_MUST(mrt_run(&opt, all_body, ret) == 0);
	for (uint32_t i = 0; i < table->n; i++) {
		ret->visits[i] = POINT_FAULT(i, visits);
		ret->fired[i] = POINT_FAULT(i, fired);
		ret->masked[i] = POINT_FAULT(i, masked);
	}
	ret->hash = prim_sim_hash();
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
		run_child(seed, &res);
		_exit(write(fd[1], &res, sizeof(res)) == sizeof(res) ? 0 : 1);
	}
	close(fd[1]);
	assert_int_equal(read(fd[0], &res, sizeof(res)), sizeof(res));
	close(fd[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	return res;
}

static void same_seed_same_run(const struct table *points)
{
	struct result a, b, c;

	table = points;
	a = run_once(gc_test_seed());
	b = run_once(gc_test_seed());
	c = run_once(gc_test_seed() + 1);
	for (uint32_t i = 0; i < table->n; i++)
		if (a.fired[i] == 0)
			fail_msg("fault %u never fired (GCS_TEST_SEED=%llu)", i,
				 (unsigned long long)gc_test_seed());
	assert_memory_equal(&a, &b, sizeof(a));
	assert_true(a.hash != c.hash);
}

static void test_same_seed_same_run(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		print_message("table %zu\n", i);
		same_seed_same_run(&tables[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_same_seed_same_run)};

	if (!GCS_FAULTS) {
		printf("# built without faults\n");
		return 77;
	}
	printf("# GCS_TEST_SEED=%llu\n", (unsigned long long)gc_test_seed());
	return cmocka_run_group_tests(tests, NULL, NULL);
}
