/*
 * bench_runtime.c: what the runtime's own operations cost, one measurement a call, as lines of
 *
 *   name <tab> value <tab> unit <tab> note
 *
 *   bench-runtime list         the operations
 *   bench-runtime op NAME      one sample of one of them
 *   bench-runtime gate         a disarmed fault gate against an empty loop
 *   bench-runtime telemetry    map churn with the telemetry ring on and off
 *
 * bench/go prints the same names for the same work, and the checksums in the notes must agree (bench.sh compares them). Pairs alternate,
 * and the median is taken over the pairs' ratios or differences: what the machine does meanwhile hits both sides. Timing is prim's
 * monotonic clock around the loop, fills and checks left out.
 */
#include "bench/bench.h"
#include "faults/gate.h"
#include "runtime/prim/prim.h"
#include "runtime/watch/telemetry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAP_KEYS	1000000u
#define ECHO_CLIENT_FD	3 /* where bench/go puts the socket of the client it starts */
#define PAIRS		15
#define GATE_LOOPS	20000000u
#define TELEMETRY_GROUPS 300
#define TELEMETRY_BLOCK	20000u
#define HISTOGRAM_LOOPS	5000000u

/* ------------------------------------------------------------------ operations */

static const uint64_t bench_one = 1;
const struct mrt_type bench_value = {"[4]uint64", 32, 0, NULL};
const struct mrt_type bench_pointer = {"pointer", 8, 1, &bench_one};
const struct mrt_type bench_word = {"int64", 8, 0, NULL};

static const struct bench_op *const bench_tables[] = {bench_map_ops, bench_string_ops, bench_big_ops, bench_alloc_ops,
						      bench_gc_ops,  bench_sched_ops, NULL};

/* In a runtime with the defaults; 0 or -errno. */
static int bench_run(struct bench *b)
{
	struct mrt_options opt = {
		.procs = b->op->procs, .gogc = 100, .seed = 1, .gctrace = b->op->gctrace};
	int rc;

	if (b->op->alone != NULL)
		return b->op->alone(b);
	rc = mrt_run(&opt, b->op->fn, b);
	return rc < 0 ? rc : b->error;
}

/* ----------------------------------------------------------------- statistics */

static int bench_order(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts the samples: [0] least, [n/2] median (n odd), [n-1] most. */
static void bench_sort(double *sample, size_t n)
{
	qsort(sample, n, sizeof(*sample), bench_order);
}

/* ------------------------------------------------------------------------ gate */

static _Atomic uint64_t gate_cold;

static __attribute__((noinline)) double gate_empty_ns(void)
{
	int64_t start_ns = prim_now_ns();

	for (uint32_t i = 0; i < GATE_LOOPS; i++)
		__asm__ volatile("" ::: "memory");
	return (double)(prim_now_ns() - start_ns) / GATE_LOOPS;
}

static __attribute__((noinline)) double gate_checked_ns(void)
{
	int64_t start_ns = prim_now_ns();

	for (uint32_t i = 0; i < GATE_LOOPS; i++) {
		if (gcs_gate(GCS_POINT_mem_malloc))
			atomic_fetch_add_explicit(&gate_cold, 1, memory_order_relaxed);
		__asm__ volatile("" ::: "memory");
	}
	return (double)(prim_now_ns() - start_ns) / GATE_LOOPS;
}

static int bench_gate(void)
{
	double empty[PAIRS], checked[PAIRS], extra[PAIRS];

	for (int i = 0; i < PAIRS; i++) {
		empty[i] = gate_empty_ns();
		checked[i] = gate_checked_ns();
		extra[i] = checked[i] - empty[i];
	}
	bench_sort(empty, PAIRS);
	bench_sort(checked, PAIRS);
	bench_sort(extra, PAIRS);
	printf("loop_empty\t%.3f\tns/turn\t%.3f to %.3f, %d pairs\n", empty[PAIRS / 2], empty[0],
	       empty[PAIRS - 1], PAIRS);
	printf("loop_with_gate\t%.3f\tns/turn\t%.3f to %.3f\n", checked[PAIRS / 2], checked[0],
	       checked[PAIRS - 1]);
	printf("gate_disarmed\t%.3f\tns\t%.3f to %.3f, difference of each pair\n", extra[PAIRS / 2],
	       extra[0], extra[PAIRS - 1]);
	return 0;
}

/* ------------------------------------------------------------------- telemetry */

/* The harness's part: takes the records out ten times a second. */
struct drain {
	struct mrt_telemetry *telemetry;
	_Atomic bool stop;
	uint64_t records;
};

static void drain_run(void *arg)
{
	static struct watch_record records[1024];
	struct drain *d = arg;
	size_t n;

	while (!atomic_load_explicit(&d->stop, memory_order_relaxed)) {
		while ((n = watch_drain(d->telemetry, records, 1024)) > 0)
			d->records += n;
		prim_sleep_until(prim_now_ns() + 100000000);
	}
}

/*
 * One long churn of one map in one run; telemetry is switched on and off block by block, in the order on off off on,
 * then off on on off: drift of the machine and the collector's phases fall on both alike. The figure is the
 * median over the groups of four, with the interval in which that median lies (95 %, by ranks).
 */
struct switched {
	struct mrt_telemetry *telemetry;
	double on[TELEMETRY_GROUPS], off[TELEMETRY_GROUPS], ratio[TELEMETRY_GROUPS]; /* ns a block; on over off */
	int error;
};

static int switched_insert(mrt_g *g, struct mrt_map_type *mt, void **roots, uint64_t key)
{
	uint64_t *value;
	int rc = mrt_new(g, &bench_value, &roots[1]);

	if (rc < 0)
		return rc;
	value = roots[1];
	value[0] = key;
	value[3] = key ^ 0x5a;
	return mrt_map_put(g, mt, roots[0], key, &roots[1]);
}

static int64_t switched_block(mrt_g *g, struct mrt_map_type *mt, void **roots, uint64_t *state,
			      struct switched *s, bool on)
{
	atomic_store_explicit(&s->telemetry->enabled, on, memory_order_relaxed);
	int64_t start_ns = prim_now_ns();
	for (uint32_t i = 0; i < TELEMETRY_BLOCK / 2 && s->error == 0; i++) {
		s->error = switched_insert(g, mt, roots, bench_next(state) % MAP_KEYS);
		mrt_map_delete(g, mt, roots[0], bench_next(state) % MAP_KEYS);
	}
	return prim_now_ns() - start_ns;
}

static void switched_churn(mrt_g *g, void *arg)
{
	struct switched *s = arg;
	struct mrt_map_type mt;
	uint64_t state = 42;
	MRT_ROOTS(g, roots, 2);

	s->error = mrt_map_type_init(&mt, MRT_KEY_U64, &bench_pointer);
	if (s->error == 0)
		s->error = mrt_map_new(g, &mt, 0, &roots[0]);
	for (uint64_t i = 0; i < MAP_KEYS && s->error == 0; i++)
		s->error = switched_insert(g, &mt, roots, bench_next(&state) % MAP_KEYS);
	for (int i = 0; i < TELEMETRY_GROUPS && s->error == 0; i++) {
		int64_t ns[2] = {0, 0};
		for (int k = 0; k < 4; k++) {
			bool on = (k == 0 || k == 3) == (i % 2 == 0);
			ns[on] += switched_block(g, &mt, roots, &state, s, on);
		}
		s->off[i] = (double)ns[0] / 2;
		s->on[i] = (double)ns[1] / 2;
		s->ratio[i] = (double)ns[1] / (double)ns[0];
	}
}

static void telemetry_print(struct switched *s, uint64_t records)
{
	const int n = TELEMETRY_GROUPS, reach = 17; /* 0.98 * sqrt(n), rounded up */
	bench_sort(s->on, n);
	bench_sort(s->off, n);
	bench_sort(s->ratio, n);
	printf("map_churn_telemetry_off\t%.1f\tns/op\t%d blocks of %u operations\n",
	       s->off[n / 2] / TELEMETRY_BLOCK, 2 * n, TELEMETRY_BLOCK);
	printf("map_churn_telemetry_on\t%.1f\tns/op\t%llu records in all\n",
	       s->on[n / 2] / TELEMETRY_BLOCK, (unsigned long long)records);
	printf("telemetry_cost\t%.2f\t%%\t95 %% interval of the median %.2f to %.2f, %d groups of 4 blocks\n",
	       100 * (s->ratio[n / 2] - 1), 100 * (s->ratio[n / 2 - reach] - 1),
	       100 * (s->ratio[n / 2 + reach] - 1), n);
}

/* What a driver adds for each operation: a look at the clock, a cell of a histogram. */
static double clock_and_histogram_ns(struct watch_hist *h)
{
	int64_t start_ns = prim_now_ns(), now_ns = start_ns;

	for (uint32_t i = 0; i < HISTOGRAM_LOOPS; i++) {
		int64_t before_ns = now_ns;
		now_ns = prim_now_ns();
		watch_hist_add(h, (uint64_t)(now_ns - before_ns));
	}
	return (double)(now_ns - start_ns) / HISTOGRAM_LOOPS;
}

static int bench_telemetry(void)
{
	static struct switched s;
	struct mrt_telemetry *t = prim_pages_alloc(sizeof(*t));
	struct drain drain = {.telemetry = t};
	prim_thread *thread;

	if (t == NULL)
		return 1;
	watch_layout_init(t, prim_ncpu());
	s.telemetry = t;
	int rc = prim_thread_create(&thread, "drain", drain_run, &drain);
	if (rc == 0) {
		struct mrt_options opt = {.gogc = 100, .seed = 1, .telemetry = t};
		rc = mrt_run(&opt, switched_churn, &s);
		atomic_store_explicit(&drain.stop, true, memory_order_relaxed);
		prim_thread_join(thread);
	}
	if (rc < 0 || s.error < 0) {
		fprintf(stderr, "bench-runtime: telemetry: %s\n", strerror(rc < 0 ? -rc : -s.error));
		return 1;
	}
	telemetry_print(&s, drain.records);
	printf("clock_and_histogram\t%.1f\tns\ta sample of an operation's latency\n",
	       clock_and_histogram_ns(&t->ops[0].latency));
	return 0;
}

int main(int argc, char **argv)
{
	struct prim_options opt = {0};

	if (prim_init(&opt) < 0)
		return 1;
	if (argc == 3 && strcmp(argv[1], "op") == 0)
		return bench_sample(bench_tables, argv[2], bench_run);
	if (argc == 2 && strcmp(argv[1], "echo-client") == 0)
		return bench_echo_client(ECHO_CLIENT_FD);
	if (argc == 2 && strcmp(argv[1], "list") == 0)
		return bench_list(bench_tables);
	if (argc == 2 && strcmp(argv[1], "gate") == 0)
		return bench_gate();
	if (argc == 2 && strcmp(argv[1], "telemetry") == 0)
		return bench_telemetry();
	fprintf(stderr, "usage: bench-runtime list | op NAME | gate | telemetry\n");
	return 2;
}
