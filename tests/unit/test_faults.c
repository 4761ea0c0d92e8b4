/* Decisions of the fault gates: frequencies, nth/every/times a worker, replays, libfiu really
 * underneath, the log's bound. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "faults/fault.h"
#include "faults/points.h"
#include "faults/reach.h"
#include "runtime/mrt.h"
#include "runtime/prim/prim.h"
#include "runtime/watch/telemetry.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIU_ENABLE 1
#include <fiu.h>
#include <fiu-control.h>

static uint64_t test_seed = 1;
static const uint32_t test_workers[] = {128, 129, 130};

static void load(const struct gcs_fault_spec *spec, uint32_t n, struct mrt_telemetry *t)
{
	struct gcs_faults_options opt = {
		.spec = spec,
		.nspecs = n,
		.seed = test_seed,
		.worker = test_workers,
		.nworkers = 3,
		.telemetry = t,
	};

	assert_int_equal(gcs_faults_load(&opt), 0);
}

static bool visit(enum gcs_point point, uint32_t worker, bool eligible, struct gcs_firing *ret)
{
	struct gcs_site site = {.worker = worker, .p = 0xffff, .eligible = eligible, .now_ns = 5};

	return gcs_gate(point) && gcs_decide(point, &site, ret);
}

/* Bit i of ret: did visit i + 1 fire? */
static void run_visits(enum gcs_point point, uint32_t worker, uint32_t n, uint8_t *ret)
{
	struct gcs_firing firing;

	for (uint32_t i = 0; i < n; i++)
		ret[i] = visit(point, worker, true, &firing);
}

static uint32_t sum(const uint8_t *bits, uint32_t n)
{
	uint32_t s = 0;

	for (uint32_t i = 0; i < n; i++)
		s += bits[i];
	return s;
}

static void test_points_table(void **state)
{
	size_t n;
	const struct gcs_point_info *p = gcs_points(&n);

	(void)state;
	assert_true(n >= 3);
	for (size_t i = 0; i < n; i++) {
		assert_true(p[i].id > 0 && p[i].id < GCS_POINT_COUNT_MAX);
		assert_ptr_equal(gcs_point_by_name(p[i].name), &p[i]);
		assert_ptr_equal(gcs_point_by_id((uint32_t)p[i].id), &p[i]);
		assert_true(strncmp(p[i].name, p[i].family, strlen(p[i].family)) == 0);
		assert_true(strlen(p[i].sentence) > 10);
		assert_int_not_equal(p[i].actions, 0);
		/* Saboteurs do nothing else, nobody else does it, and they stand last. */
		assert_int_equal(gcs_point_sabotages(&p[i]), strcmp(p[i].family, "sabotage") == 0);
		assert_true(!gcs_point_sabotages(&p[i]) || p[i].actions == GCS_ACT_BREAK);
		assert_true(i == 0 || gcs_point_sabotages(&p[i]) || !gcs_point_sabotages(&p[i - 1]));
		for (size_t j = 0; j < i; j++) {
			assert_int_not_equal(p[i].id, p[j].id);
			assert_string_not_equal(p[i].name, p[j].name);
		}
	}
	assert_int_equal(gcs_point_by_name("mem/malloc")->default_errno, ENOMEM);
	assert_null(gcs_point_by_name("mem/mallo"));
	assert_int_equal(gcs_action_by_name("delay"), GCS_ACT_DELAY);
	assert_string_equal(gcs_action_name(GCS_ACT_FORCE), "force");
	assert_int_equal(gcs_action_by_name("x"), GCS_ACT_NONE);
}

/* What a runtime cannot have has a reason; system calls are had everywhere, saboteurs in the embedded runtime alone, and each row of reach.def
 * is one of a point that has those actions. */
static void test_reach(void **state)
{
	static const struct {
		uint32_t id, actions;
	} rows[] = {
#define REACH(id, actions, how) {id, actions},
#define STAND_IN(id, other, actions, how) {id, actions},
#include "faults/reach.def"
#undef REACH
#undef STAND_IN
	};
	size_t n, in_go = 0;
	const struct gcs_point_info *p = gcs_points(&n);
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct gcs_point_info *of = gcs_point_by_id(rows[i].id);
		assert_non_null(of);
		assert_true(gcs_point_in_target(of));
		assert_int_equal(gcs_point_reach(of, GCS_RUNTIME_GO), rows[i].actions);
		assert_int_equal(rows[i].actions & ~of->actions, 0);
		const struct gcs_point_info *is = gcs_point_stand_in(of, GCS_RUNTIME_GO);
		assert_ptr_equal(gcs_point_stand_in(of, GCS_RUNTIME_EMBEDDED), of);
		assert_true(is == of || (strcmp(is->family, "os") == 0 && (rows[i].actions & ~is->actions) == 0));
	}
	for (size_t i = 0; i < n; i++) {
		uint32_t go = gcs_point_reach(&p[i], GCS_RUNTIME_GO), command = gcs_point_reach(&p[i], GCS_RUNTIME_COMMAND);
		bool call = strcmp(p[i].family, "os") == 0;
		assert_int_equal(gcs_point_reach(&p[i], GCS_RUNTIME_EMBEDDED), p[i].actions);
		assert_null(gcs_point_reach_words(&p[i], GCS_RUNTIME_EMBEDDED));
		assert_int_equal(command, call ? p[i].actions : 0);
		assert_true(!gcs_point_sabotages(&p[i]) || go == 0);
		assert_true(call || (gcs_point_reach_words(&p[i], GCS_RUNTIME_GO) && gcs_point_reach_words(&p[i], GCS_RUNTIME_COMMAND)));
		in_go += !call && go;
	}
	assert_string_equal(gcs_point_stand_in(gcs_point_by_name("netpoll/wake"), GCS_RUNTIME_GO)->name, "os/epoll_pwait");
	assert_int_equal(in_go, sizeof rows / sizeof rows[0]);
	assert_string_equal(gcs_runtime_name(GCS_RUNTIME_COMMAND), "command");
}

static void test_disarmed_is_silent(void **state)
{
	struct gcs_fault_spec spec = {.point = GCS_POINT_mem_malloc, .action = GCS_ACT_FAIL};
	struct gcs_firing firing;

	(void)state;
	load(&spec, 1, NULL);
	assert_false(visit(GCS_POINT_mem_malloc, 128, true, &firing));
	gcs_fault_arm(0, 0, false, 1);
	gcs_fault_arm(0, 0, false, 1); /* twice is once */
	assert_true(gcs_fault_armed(0));
	assert_true(visit(GCS_POINT_mem_malloc, 128, true, &firing));
	assert_int_equal(firing.err, ENOMEM);
	assert_int_equal(firing.id, UINT64_C(1) << 48 | UINT64_C(128) << 32 | 1);
	assert_false(visit(GCS_POINT_mem_malloc, 128, false, &firing));
	gcs_fault_disarm(0, false, 2);
	gcs_fault_disarm(0, false, 2);
	assert_false(gcs_gate(GCS_POINT_mem_malloc));
	assert_int_equal(gcs_fault_counters(0)->visits, 2);
	assert_int_equal(gcs_fault_counters(0)->eligible, 1);
	assert_int_equal(gcs_fault_counters(0)->fired, 1);
	gcs_faults_clear();
}

static void test_refusals(void **state)
{
	struct gcs_fault_spec bad[] = {
		{.point = GCS_POINT_mem_malloc, .action = GCS_ACT_DELAY},
		{.point = GCS_POINT_mem_malloc, .action = GCS_ACT_NONE},
		{.point = GCS_POINT_netpoll_wake, .action = GCS_ACT_DELAY, .delay_ns = -1},
		{.point = GCS_POINT_mem_malloc, .action = GCS_ACT_FAIL, .p_ppb = 1000000001},
		{.point = (enum gcs_point)9, .action = GCS_ACT_FAIL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct gcs_faults_options opt = {.spec = &bad[i], .nspecs = 1};

		assert_int_equal(gcs_faults_load(&opt), -EINVAL);
	}
}

static void test_probability(void **state)
{
	static uint8_t bits[200000];
	static const uint32_t ppb[] = {1000000, 20000000, 500000000, 999000000};

	(void)state;
	for (size_t i = 0; i < sizeof(ppb) / sizeof(ppb[0]); i++) {
		struct gcs_fault_spec spec = {
			.point = GCS_POINT_mem_malloc, .action = GCS_ACT_FAIL, .p_ppb = ppb[i]};
		double p = ppb[i] / 1e9, mean = p * 200000, got, dev;

		load(&spec, 1, NULL);
		gcs_fault_arm(0, 0, false, 1);
		run_visits(GCS_POINT_mem_malloc, 128, 200000, bits);
		got = sum(bits, 200000);
		dev = (got - mean) * (got - mean) / (mean * (1 - p));
		assert_true(dev < 25); /* five standard deviations */
		gcs_faults_clear();
	}
}

static void test_replay_equal(void **state)
{
	static uint8_t a[4000], b[4000], c[4000];
	struct gcs_fault_spec spec[2] = {
		{.point = GCS_POINT_mem_malloc, .action = GCS_ACT_FAIL, .p_ppb = 100000000},
		{.point = GCS_POINT_gc_write, .action = GCS_ACT_FORCE, .p_ppb = 100000000},
	};
	uint64_t keep = test_seed;

	(void)state;
	load(spec, 2, NULL);
	gcs_fault_arm(0, 0, false, 1);
	run_visits(GCS_POINT_mem_malloc, 128, 4000, a);
	load(spec, 2, NULL);
	gcs_fault_arm(0, 0, false, 1);
	run_visits(GCS_POINT_mem_malloc, 129, 4000, c); /* another worker before: no influence */
	run_visits(GCS_POINT_mem_malloc, 128, 4000, b);
	assert_memory_equal(a, b, sizeof(a));
	assert_memory_not_equal(a, c, sizeof(a));
	gcs_fault_arm(1, 0, false, 1);
	run_visits(GCS_POINT_gc_write, 128, 4000, c); /* another point: other draws */
	assert_memory_not_equal(a, c, sizeof(a));
	test_seed ^= 0x55;
	load(spec, 2, NULL);
	gcs_fault_arm(0, 0, false, 1);
	run_visits(GCS_POINT_mem_malloc, 128, 4000, c);
	assert_memory_not_equal(a, c, sizeof(a));
	test_seed = keep;
	gcs_faults_clear();
}

static void test_nth_every_times(void **state)
{
	static uint8_t bits[1000];
	struct gcs_fault_spec spec[3] = {
		{.point = GCS_POINT_mem_malloc, .action = GCS_ACT_FAIL, .nth = 7},
		{.point = GCS_POINT_gc_write, .action = GCS_ACT_FORCE, .every = 50, .times = 10},
		{.point = GCS_POINT_netpoll_wake,
		 .action = GCS_ACT_DELAY,
		 .every = 3,
		 .p_ppb = 500000000,
		 .delay_ns = 1000,
		 .jitter_ns = 100},
	};
	struct gcs_firing firing;

	(void)state;
	spec[2].times = 10000;
	load(spec, 3, NULL);
	for (uint32_t i = 0; i < 3; i++)
		gcs_fault_arm(i, 0, false, 1);
	for (uint32_t w = 128; w < 131; w++) {
		run_visits(GCS_POINT_mem_malloc, w, 1000, bits);
		assert_int_equal(sum(bits, 1000), 1);
		assert_int_equal(bits[6], 1);
	}
	for (uint32_t w = 128; w < 131; w++) { /* 10 = 4 + 3 + 3 */
		run_visits(GCS_POINT_gc_write, w, 1000, bits);
		assert_int_equal(sum(bits, 1000), w == 128 ? 4 : 3);
		assert_int_equal(bits[49] + bits[99] + bits[149], 3);
	}
	run_visits(GCS_POINT_gc_write, 500, 1000, bits); /* not in the split */
	assert_int_equal(sum(bits, 1000), 0);
	for (uint32_t i = 1; i <= 3000; i++)
		if (visit(GCS_POINT_netpoll_wake, MRT_WORKER_NETPOLL, true, &firing)) {
			assert_int_equal(i % 3, 0);
			assert_true(firing.delay_ns >= 1000 && firing.delay_ns <= 1100);
		}
	assert_true(gcs_fault_counters(2)->fired > 400 && gcs_fault_counters(2)->fired < 600);
	gcs_faults_clear();
}

/* What is told to fire does, at each worker's own ordinal, and nothing else: no trigger, burst or bound counts. */
static void test_told_to_fire(void **state)
{
	static const struct gcs_fired fired[] = {{128, 1}, {128, 40}, {129, 7}, {129, 8}, {130, 100}};
	const struct gcs_fault_spec spec = {.point = GCS_POINT_mem_malloc,
					    .action = GCS_ACT_FAIL,
					    .every = 3,
					    .times = 1,
					    .burst = 5,
					    .after = 50,
					    .replays = true,
					    .fired = fired,
					    .nfired = 5};
	uint8_t bits[3][100];

	(void)state;
	load(&spec, 1, NULL);
	gcs_fault_arm(0, 0, false, 1);
	for (uint32_t w = 0; w < 3; w++)
		run_visits(GCS_POINT_mem_malloc, 128 + w, 100, bits[w]);
	assert_int_equal(sum(bits[0], 100), 2);
	assert_int_equal(sum(bits[1], 100), 2);
	assert_int_equal(sum(bits[2], 100), 1);
	for (uint32_t i = 0; i < 5; i++)
		assert_int_equal(bits[fired[i].worker - 128][fired[i].ordinal - 1], 1);
	assert_int_equal(gcs_fault_counters(0)->fired, 5);
	gcs_faults_clear();
}

/* None at all is a set too; out of order, twice or of nobody is refused. */
static void test_told_to_fire_nothing(void **state)
{
	static const struct gcs_fired bad[][2] = {
		{{129, 1}, {128, 1}}, {{128, 2}, {128, 1}}, {{128, 2}, {128, 2}}, {{128, 0}, {128, 1}}, {{128, 1}, {MRT_WORKER_MAX, 1}}};
	struct gcs_fault_spec spec = {.point = GCS_POINT_mem_malloc, .action = GCS_ACT_FAIL, .replays = true};
	uint8_t bits[50];

	(void)state;
	load(&spec, 1, NULL);
	gcs_fault_arm(0, 0, false, 1);
	run_visits(GCS_POINT_mem_malloc, 128, 50, bits);
	assert_int_equal(sum(bits, 50), 0);
	gcs_faults_clear();
	spec.nfired = 2;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct gcs_faults_options opt = {.spec = &spec, .nspecs = 1};

		spec.fired = bad[i];
		assert_int_equal(gcs_faults_load(&opt), -EINVAL);
	}
}

/* Two ways to the same visit. */
static __attribute__((noinline)) void visit_from_here(uint32_t worker)
{
	struct gcs_firing firing;

	visit(GCS_POINT_mem_malloc, worker, true, &firing);
	__asm__ volatile("" ::: "memory");
}

static __attribute__((noinline)) void visit_from_there(uint32_t worker)
{
	struct gcs_firing firing;

	visit(GCS_POINT_mem_malloc, worker, false, &firing); /* not eligible: counts nowhere */
	visit(GCS_POINT_mem_malloc, worker, true, &firing);
	__asm__ volatile("" ::: "memory");
}

/* Of each call stack the first eligible visit, over all workers; nothing fires for it. */
static void test_call_stacks(void **state)
{
	static const uint32_t way[] = {0, 0, 0, 1, 0, 1, 1};
	static void (*const ways[])(uint32_t) = {visit_from_here, visit_from_there};
	struct gcs_fault_spec spec = {.point = GCS_POINT_mem_malloc,
				      .action = GCS_ACT_FAIL,
				      .visit = UINT64_C(1) << 62,
				      .stacks = true};
	uint64_t *first = calloc(GCS_STACKS_MAX, sizeof(*first)), lost = 7;

	(void)state;
	assert_non_null(first);
	load(&spec, 1, NULL);
	gcs_fault_arm(0, 0, false, 1);
	assert_int_equal(gcs_fault_stacks(0, first, &lost), 0);
	for (uint32_t i = 0; i < 7; i++)
		ways[way[i]](128 + i % 3);
	assert_int_equal(gcs_fault_stacks(0, first, &lost), 2);
	assert_int_equal(lost, 0);
	assert_true((first[0] == 1 && first[1] == 4) || (first[0] == 4 && first[1] == 1));
	assert_int_equal(gcs_fault_counters(0)->fired, 0);
	gcs_faults_clear();
	spec.stacks = false;
	load(&spec, 1, NULL);
	gcs_fault_arm(0, 0, false, 1);
	visit_from_here(128);
	assert_int_equal(gcs_fault_stacks(0, first, &lost), 0);
	gcs_faults_clear();
	free(first);
}

/* As many call stacks as there are paths of so many turns. */
static void tree(uint32_t turns, uint32_t path);

static __attribute__((noinline)) void tree_left(uint32_t turns, uint32_t path)
{
	tree(turns, path);
	__asm__ volatile("# left" ::: "memory"); /* no tail call, and not one function with the other */
}

static __attribute__((noinline)) void tree_right(uint32_t turns, uint32_t path)
{
	tree(turns, path);
	__asm__ volatile("# right" ::: "memory");
}

static void tree(uint32_t turns, uint32_t path)
{
	if (turns == 0)
		visit_from_here(128);
	else if (path & 1)
		tree_right(turns - 1, path >> 1);
	else
		tree_left(turns - 1, path >> 1);
}

/* Beyond the bound they are counted; those that were there first are kept. */
static void test_call_stacks_bound(void **state)
{
	const struct gcs_fault_spec spec = {
		.point = GCS_POINT_mem_malloc, .action = GCS_ACT_FAIL, .visit = UINT64_C(1) << 62, .stacks = true};
	uint64_t *first = calloc(GCS_STACKS_MAX, sizeof(*first)), lost = 0, most = 0;

	(void)state;
	assert_non_null(first);
	load(&spec, 1, NULL);
	gcs_fault_arm(0, 0, false, 1);
	for (uint32_t path = 0; path < 4096; path++)
		tree(12, path);
	assert_int_equal(gcs_fault_stacks(0, first, &lost), GCS_STACKS_MAX);
	assert_int_equal(lost, 4096 - GCS_STACKS_MAX);
	for (uint32_t i = 0; i < GCS_STACKS_MAX; i++)
		most = first[i] > most ? first[i] : most;
	assert_int_equal(most, GCS_STACKS_MAX);
	gcs_faults_clear();
	free(first);
}

static void test_two_on_one_point(void **state)
{
	static uint8_t bits[1000];
	struct gcs_fault_spec spec[2] = {
		{.point = GCS_POINT_mem_malloc, .action = GCS_ACT_FAIL, .every = 2},
		{.point = GCS_POINT_mem_malloc, .action = GCS_ACT_FAIL, .every = 5, .err = EAGAIN},
	};

	(void)state;
	load(spec, 2, NULL);
	gcs_fault_arm(0, 0, false, 1);
	gcs_fault_arm(1, 0, false, 1);
	run_visits(GCS_POINT_mem_malloc, 128, 1000, bits);
	assert_int_equal(gcs_fault_counters(0)->fired, 500);
	assert_int_equal(gcs_fault_counters(1)->eligible, 500);
	assert_int_equal(gcs_fault_counters(1)->fired, 100);
	gcs_fault_disarm(0, false, 2);
	assert_true(gcs_gate(GCS_POINT_mem_malloc));
	gcs_faults_disarm_all(true, 3);
	assert_false(gcs_gate(GCS_POINT_mem_malloc));
	gcs_faults_clear();
}

static void test_fire_once(void **state)
{
	struct gcs_fault_spec spec = {
		.point = GCS_POINT_gc_write, .action = GCS_ACT_FORCE, .every = 1000, .times = 3};
	struct gcs_firing firing;

	(void)state;
	load(&spec, 1, NULL);
	gcs_fault_fire_once(0);
	gcs_fault_fire_once(0);
	assert_false(
		visit(GCS_POINT_gc_write, 128, false, &firing)); /* waits for an eligible one */
	assert_true(visit(GCS_POINT_gc_write, 128, true, &firing));
	assert_false(visit(GCS_POINT_gc_write, 128, true, &firing));
	assert_false(gcs_gate(GCS_POINT_gc_write));
	gcs_fault_fire_once(0);
	gcs_faults_disarm_all(false, 1);
	assert_false(gcs_gate(GCS_POINT_gc_write));
	gcs_faults_clear();
}

static void test_libfiu_is_underneath(void **state)
{
	static uint8_t bits[100];
	struct gcs_fault_spec spec = {
		.point = GCS_POINT_mem_malloc, .action = GCS_ACT_FAIL, .times = 9};

	(void)state;
	load(&spec, 1, NULL);
	gcs_fault_arm(0, 0, false, 1);
	assert_int_equal(fiu_fail("mem/malloc"), 0); /* a stranger's question never fires */
	assert_int_equal(fiu_disable("mem/malloc"), 0);
	run_visits(GCS_POINT_mem_malloc, 128, 100, bits);
	assert_int_equal(sum(bits, 100), 0);
	assert_int_equal(gcs_fault_counters(0)->fired, 0);
	load(&spec, 1, NULL);
	gcs_fault_arm(0, 0, false, 1);
	run_visits(GCS_POINT_mem_malloc, 128, 100, bits);
	assert_int_equal(sum(bits, 100), 3);
	gcs_faults_clear();
	assert_int_equal(fiu_disable("mem/malloc"), -1); /* clear took it out */
}

/* Counts the records of a kind, and checks the ids of firings. */
static uint32_t drain_count(struct mrt_telemetry *t, uint16_t kind)
{
	static struct watch_record rec[WATCH_SHARED_RECORDS];
	size_t n = watch_drain(t, rec, WATCH_SHARED_RECORDS);
	uint32_t found = 0;

	for (size_t i = 0; i < n; i++)
		if (rec[i].kind == kind)
			found++;
	return found;
}

static void test_log_bound(void **state)
{
	struct mrt_telemetry *t = calloc(1, sizeof(*t));
	struct gcs_fault_spec spec = {.point = GCS_POINT_mem_malloc, .action = GCS_ACT_FAIL};
	struct gcs_firing firing = {0};
	struct gcs_site site = {.worker = 128, .p = 0xffff, .eligible = true, .now_ns = 1};
	uint64_t hash;

	(void)state;
	assert_non_null(t);
	watch_layout_init(t, 1);
	load(&spec, 1, t);
	gcs_fault_arm(0, 4, true, 1);
	for (uint32_t i = 0; i < 1000; i++)
		assert_true(gcs_decide(GCS_POINT_mem_malloc, &site, &firing));
	assert_int_equal(drain_count(t, WATCH_FIRE), 512);
	assert_int_equal(t->fault[0].fired, 1000);
	assert_int_equal(t->fault[0].log_dropped, 488);
	hash = t->fault[0].log_hash;
	assert_int_not_equal(hash, 0);
	site.now_ns += 100000000; /* the next interval */
	assert_true(gcs_decide(GCS_POINT_mem_malloc, &site, &firing));
	assert_int_equal(t->fault[0].log_hash, hash);
	gcs_effect(&site, firing.id, 1, 0);
	assert_int_equal(t->fault[0].masked, 1);
	assert_int_equal(drain_count(t, WATCH_EFFECT), 1);
	site.ring = &t->ring[0];
	assert_true(gcs_decide(GCS_POINT_mem_malloc, &site, &firing));
	assert_int_equal(atomic_load(&t->ring[0].head), 1);
	if (!MRT_SIM)
		assert_true(t->fault[0].cold_ns > 0);
	gcs_faults_clear();
	free(t);
}

/* ----------------------------------------------------------- several threads */

struct thread_visits {
	uint32_t worker;
	uint32_t fired;
};

static void thread_visit(void *arg)
{
	struct thread_visits *v = arg;
	struct gcs_firing firing;

	for (uint32_t i = 0; i < 20000; i++) {
		v->fired += visit(GCS_POINT_mem_malloc, v->worker, true, &firing);
		prim_step(PRIM_COST_ALLOC);
	}
}

static void test_threads(void **state)
{
	struct gcs_fault_spec spec = {
		.point = GCS_POINT_mem_malloc, .action = GCS_ACT_FAIL, .every = 10, .times = 600};
	struct thread_visits v[4] = {{128, 0}, {129, 0}, {130, 0}, {130, 0}};
	prim_thread *thread[4];

	(void)state;
	load(&spec, 1, NULL);
	gcs_fault_arm(0, 0, false, 1);
	for (int i = 0; i < 4; i++)
		assert_int_equal(prim_thread_create(&thread[i], "visits", thread_visit, &v[i]), 0);
	for (int i = 0; i < 4; i++)
		prim_thread_join(thread[i]);
	assert_int_equal(v[0].fired, 200);
	assert_int_equal(v[1].fired, 200);
	assert_int_equal(v[2].fired + v[3].fired, 200); /* one worker on two threads */
	assert_int_equal(gcs_fault_counters(0)->eligible, 80000);
	gcs_faults_clear();
}

int main(void)
{
	const char *seed = getenv("GCS_TEST_SEED");
	struct prim_options opt = {.seed = 1};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_points_table),
		cmocka_unit_test(test_reach),
		cmocka_unit_test(test_disarmed_is_silent),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_probability),
		cmocka_unit_test(test_replay_equal),
		cmocka_unit_test(test_nth_every_times),
		cmocka_unit_test(test_told_to_fire),
		cmocka_unit_test(test_told_to_fire_nothing),
		cmocka_unit_test(test_call_stacks),
		cmocka_unit_test(test_call_stacks_bound),
		cmocka_unit_test(test_two_on_one_point),
		cmocka_unit_test(test_fire_once),
		cmocka_unit_test(test_libfiu_is_underneath),
		cmocka_unit_test(test_log_bound),
		cmocka_unit_test(test_threads),
	};

	if (seed != NULL)
		test_seed = strtoull(seed, NULL, 0);
	printf("# seed %llu (GCS_TEST_SEED)\n", (unsigned long long)test_seed);
	if (prim_init(&opt) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
