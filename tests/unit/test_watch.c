/* Rings (one and many producers, loss counted) and histograms (exact sums, percentiles against
 * sorted arrays). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "runtime/prim/prim.h"
#include "runtime/watch/telemetry.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static uint64_t test_seed = 1;

static uint64_t test_random(void)
{
	test_seed = test_seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return test_seed >> 11 ^ test_seed << 40;
}

static struct mrt_telemetry *fresh(uint32_t procs)
{
	struct mrt_telemetry *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	watch_layout_init(t, procs);
	return t;
}

static void test_layout(void **state)
{
	struct mrt_telemetry *t = fresh(4);

	(void)state;
	assert_int_equal(watch_layout_check(t), 0);
	t->version++;
	assert_int_equal(watch_layout_check(t), -EPROTO);
	t->version--;
	t->bytes--;
	assert_int_equal(watch_layout_check(t), -EPROTO);
	free(t);
}

static void test_ring_order_and_loss(void **state)
{
	static struct watch_record out[WATCH_RING_RECORDS + 64];
	struct mrt_telemetry *t = fresh(2);
	struct watch_record rec = {.kind = WATCH_STW, .p = 1};

	(void)state;
	watch_emit(t, NULL, &rec); /* no ring: nothing */
	for (uint64_t i = 0; i < WATCH_RING_RECORDS + 10; i++) {
		rec.a = i;
		watch_emit(t, &t->ring[1], &rec);
	}
	assert_int_equal(watch_lost(t), 10);
	assert_int_equal(watch_drain(t, out, 100), 100);
	assert_int_equal(out[99].a, 99);
	for (uint64_t i = 0; i < 50; i++) { /* around the end of the array */
		rec.a = 1000000 + i;
		watch_emit(t, &t->ring[1], &rec);
	}
	assert_int_equal(watch_drain(t, out, WATCH_RING_RECORDS + 64), WATCH_RING_RECORDS - 50);
	for (uint64_t i = 0; i < WATCH_RING_RECORDS - 100; i++) {
		assert_int_equal(out[i].a, 100 + i);
		assert_int_equal(out[i].seq, 100 + i);
	}
	assert_int_equal(out[WATCH_RING_RECORDS - 51].a, 1000049);
	assert_int_equal(watch_written(t), WATCH_RING_RECORDS + 50);
	t->enabled = 0;
	watch_emit(t, &t->ring[1], &rec);
	watch_emit_shared(t, &rec);
	assert_int_equal(watch_drain(t, out, 10), 0);
	assert_int_equal(watch_lost(t), 10);
	free(t);
}

static void test_shared_full(void **state)
{
	static struct watch_record out[WATCH_SHARED_RECORDS];
	struct mrt_telemetry *t = fresh(1);
	struct watch_record rec = {.kind = WATCH_ARM, .p = 0xffff};

	(void)state;
	for (uint32_t round = 0; round < 3; round++) {
		for (uint64_t i = 0; i < WATCH_SHARED_RECORDS + 5; i++) {
			rec.a = i;
			watch_emit_shared(t, &rec);
		}
		assert_int_equal(watch_lost(t), 5 * (round + 1));
		assert_int_equal(watch_drain(t, out, WATCH_SHARED_RECORDS), WATCH_SHARED_RECORDS);
		for (uint64_t i = 0; i < WATCH_SHARED_RECORDS; i++)
			assert_int_equal(out[i].a, i);
	}
	free(t);
}

/* ----------------------------------------------------------- several threads */

#define PRODUCERS    4u
#define PER_PRODUCER 50000u

struct producer {
	struct mrt_telemetry *t;
	uint32_t id;
	_Atomic uint32_t *running;
};

static void produce(void *arg)
{
	struct producer *p = arg;

	for (uint64_t i = 0; i < PER_PRODUCER; i++) {
		struct watch_record rec = {.kind = WATCH_FIRE,
					   .p = (uint16_t)p->id,
					   .t_ns = (int64_t)i,
					   .a = p->id,
					   .b = i,
					   .c = i * 3,
					   .d = ~i,
					   .e = p->id ^ i};

		watch_emit(p->t, &p->t->ring[p->id], &rec);
		watch_emit_shared(p->t, &rec);
		prim_step(PRIM_COST_WORK);
	}
	atomic_fetch_sub_explicit(p->running, 1, memory_order_release);
}

static void check_whole(const struct watch_record *r)
{
	assert_true(r->kind == WATCH_FIRE && r->a < PRODUCERS && r->p == r->a);
	assert_true(r->c == r->b * 3 && r->d == ~r->b && r->e == (r->a ^ r->b));
}

/* Real: what is read plus what is lost is what was written, each record whole, each producer's in
 * order. */
static void test_threads(void **state)
{
	static struct watch_record out[4096];
	struct mrt_telemetry *t = fresh(PRODUCERS);
	_Atomic uint32_t running = PRODUCERS;
	struct producer p[PRODUCERS];
	prim_thread *thread[PRODUCERS];
	uint64_t got = 0;
	bool last = false;

	(void)state;
	for (uint32_t i = 0; i < PRODUCERS; i++) {
		p[i] = (struct producer){t, i, &running};
		assert_int_equal(prim_thread_create(&thread[i], "produce", produce, &p[i]), 0);
	}
	for (uint32_t round = 0; !last; round++) {
		size_t n;

		last = atomic_load_explicit(&running, memory_order_acquire) == 0;
		while ((n = watch_drain(t, out, 4096)) > 0) {
			got += n;
			for (size_t i = 0; i < n; i++)
				check_whole(&out[i]);
		}
		prim_spin_wait(round);
	}
	for (uint32_t i = 0; i < PRODUCERS; i++)
		prim_thread_join(thread[i]);
	assert_int_equal(got + watch_lost(t), 2 * PRODUCERS * PER_PRODUCER);
	assert_int_equal(got, watch_written(t));
	free(t);
}

#if MRT_SIM
#define SIM_RECORDS (5u * WATCH_RING_RECORDS)

static void *sim_reader(void *arg)
{
	static struct watch_record out[512];
	struct mrt_telemetry *t = arg;
	uint64_t *got = calloc(1, sizeof(*got));

	while (got != NULL && *got < 2 * SIM_RECORDS)
		*got += watch_drain(t, out, 512);
	return got;
}

/* The simulation waits for its reader in real time: five times the rings pass, nothing is lost;
 * without a reader it goes on. */
static void test_sim_waits_for_reader(void **state)
{
	struct mrt_telemetry *t = fresh(1);
	struct watch_record rec = {.kind = WATCH_STW};
	int64_t before = prim_now_ns();
	void *got = NULL;
	pthread_t reader;
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	t->ctl_fd = pair[0];
	assert_int_equal(pthread_create(&reader, NULL, sim_reader, t), 0);
	for (uint32_t i = 0; i < SIM_RECORDS; i++) {
		watch_emit(t, &t->ring[0], &rec);
		watch_emit_shared(t, &rec);
	}
	assert_int_equal(pthread_join(reader, &got), 0);
	assert_int_equal(*(uint64_t *)got, 2 * SIM_RECORDS);
	assert_int_equal(watch_lost(t), 0);
	assert_int_equal(prim_now_ns(), before); /* virtual time stood still */
	close(pair[1]);
	for (uint32_t i = 0; i < WATCH_RING_RECORDS + 3; i++) {
		watch_emit(t, &t->ring[0], &rec);
		watch_emit_shared(t, &rec);
	}
	assert_int_equal(watch_lost(t), 6);
	close(pair[0]);
	free(got);
	free(t);
}

/* The hash that this process would have after one more record: asked of a child, which starts from
 * the same state. */
static uint64_t sim_hash_after(struct mrt_telemetry *t, const struct watch_record *rec)
{
	uint64_t hash = 0;
	int fds[2], status;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		watch_emit_shared(t, rec);
		hash = prim_sim_hash();
		_exit(write(fds[1], &hash, sizeof(hash)) != (ssize_t)sizeof(hash));
	}
	assert_int_equal(read(fds[0], &hash, sizeof(hash)), sizeof(hash));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(fds[0]);
	close(fds[1]);
	return hash;
}

/* Every word of a record counts in the hash. */
static void test_sim_hash(void **state)
{
	struct mrt_telemetry *t = fresh(1);
	struct watch_record same = {.kind = WATCH_STW, .t_ns = 5};
	uint64_t hash[10];

	(void)state;
	for (int i = 0; i < 10; i++) {
		struct watch_record rec = same;
		uint64_t *word[] = {&rec.a, &rec.b, &rec.c, &rec.d, &rec.e, &rec.f};

		if (i < 6)
			*word[i] = 1;
		rec.t_ns += i == 6;
		rec.p += i == 7;
		rec.kind = (uint16_t)(rec.kind + (i == 8));
		hash[i] = sim_hash_after(t, &rec);
		for (int j = 0; j < i; j++)
			assert_int_not_equal(hash[i], hash[j]);
	}
	assert_int_equal(sim_hash_after(t, &same), hash[9]);
	free(t);
}
#endif

/* ---------------------------------------------------------------- histograms */

static void test_cells(void **state)
{
	uint32_t last = 0;

	(void)state;
	for (uint32_t i = 0; i + 1 < WATCH_HIST_CELLS; i++) {
		assert_int_equal(watch_hist_index(watch_hist_cell_top(i)), i);
		assert_int_equal(watch_hist_index(watch_hist_cell_top(i) + 1), i + 1);
	}
	assert_int_equal(watch_hist_index(UINT64_MAX), WATCH_HIST_CELLS - 1);
	for (uint32_t i = 0; i < 100000; i++) {
		uint64_t ns = test_random() >> (test_random() % 64);
		uint32_t index = watch_hist_index(ns);

		assert_true(index < WATCH_HIST_CELLS);
		if (index < WATCH_HIST_CELLS - 1) {
			assert_true(watch_hist_cell_top(index) >= ns);
			assert_true(watch_hist_cell_top(index) - ns <= ns / 64);
		}
		last ^= index;
	}
	(void)last;
}

static int compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

#define VALUES 20000u
static const uint32_t quantiles[] = {0, 1, 500000, 900000, 990000, 999000, 999999, 1000000};

static void check_against_sorted(const struct watch_hist_sum *s, uint64_t *values, uint64_t n)
{
	uint64_t sum = 0;

	qsort(values, n, sizeof(*values), compare_u64);
	for (uint64_t i = 0; i < n; i++)
		sum += values[i];
	assert_int_equal(s->count, n);
	assert_int_equal(s->sum_ns, sum);
	for (size_t i = 0; i < sizeof(quantiles) / sizeof(quantiles[0]); i++) {
		uint64_t rank = (n * quantiles[i] + 999999) / 1000000;
		uint64_t exact = values[rank == 0 ? 0 : rank - 1];
		uint64_t got = watch_hist_sum_at(s, quantiles[i]);

		assert_true(got >= exact && got - exact <= exact / 64);
		assert_true(got <= values[n - 1]);
	}
}

static void test_percentiles_and_sums(void **state)
{
	static uint64_t values[2 * VALUES];
	static struct watch_hist h[2];
	static struct watch_hist_sum a, b, merged;

	(void)state;
	memset(&merged, 0, sizeof(merged));
	assert_int_equal(watch_hist_sum_at(&merged, 500000), 0);
	for (uint32_t i = 0; i < 2 * VALUES; i++) {
		values[i] = (test_random() & ((UINT64_C(1) << 41) - 1)) >> (test_random() % 38);
		watch_hist_add(&h[i >= VALUES], values[i]);
	}
	watch_hist_read(&h[0], &a);
	watch_hist_read(&h[1], &b);
	watch_hist_sum_add(&merged, &a);
	watch_hist_sum_add(&merged, &b);
	check_against_sorted(&a, values, VALUES);
	check_against_sorted(&b, values + VALUES, VALUES);
	check_against_sorted(&merged, values, 2 * VALUES);
	assert_int_equal(merged.max_ns, values[2 * VALUES - 1]);
	watch_hist_sum_since(&merged, &a); /* what is left is b */
	assert_int_equal(merged.count, b.count);
	assert_int_equal(merged.sum_ns, b.sum_ns);
	assert_memory_equal(merged.cell, b.cell, sizeof(b.cell));
	assert_true(merged.max_ns >= b.max_ns);
}

static void test_interval_max(void **state)
{
	static struct watch_hist h;
	static struct watch_hist_sum before, after;

	(void)state;
	watch_hist_add(&h, 1000000);
	watch_hist_read(&h, &before);
	for (int i = 0; i < 100; i++)
		watch_hist_add(&h, 777);
	watch_hist_read(&h, &after);
	watch_hist_sum_since(&after, &before);
	assert_int_equal(after.max_ns, watch_hist_cell_top(watch_hist_index(777)));
	watch_hist_add(&h, 5000000);
	watch_hist_read(&h, &after);
	watch_hist_sum_since(&after, &before);
	assert_int_equal(after.max_ns, 5000000);
	assert_int_equal(watch_hist_sum_at(&after, 1000000), 5000000);
	memset(&after, 0, sizeof(after));
	watch_hist_sum_put(&after, UINT64_C(1)
					   << 50); /* beyond the last octave: the maximum tells */
	assert_int_equal(watch_hist_sum_at(&after, 500000), UINT64_C(1) << 50);
}

int main(void)
{
	const char *seed = getenv("GCS_TEST_SEED");
	struct prim_options opt = {.seed = 1};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layout),
		cmocka_unit_test(test_ring_order_and_loss),
		cmocka_unit_test(test_shared_full),
		cmocka_unit_test(test_threads),
#if MRT_SIM
		cmocka_unit_test(test_sim_waits_for_reader),
		cmocka_unit_test(test_sim_hash),
#endif
		cmocka_unit_test(test_cells),
		cmocka_unit_test(test_percentiles_and_sums),
		cmocka_unit_test(test_interval_max),
	};

	if (seed != NULL)
		test_seed = strtoull(seed, NULL, 0);
	printf("# seed %llu (GCS_TEST_SEED)\n", (unsigned long long)test_seed);
	if (prim_init(&opt) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
