/*
 * test_sched_queues.c: the scheduler's queues and timers by themselves, without a thread that runs it: what a ring holds and
 * gives away, the share of the global queue, what stealing takes, the heap of timers with memory and without.
 */
#include "tests/unit/test_sched_fixture.h"

#include "runtime/sched/sched_priv.h"

/* The linker puts this between (--wrap). */
static bool memory_refused;

void *__real_prim_pages_alloc(size_t bytes);
void *__wrap_prim_pages_alloc(size_t bytes);

void *__wrap_prim_pages_alloc(size_t bytes)
{
	return memory_refused ? NULL : __real_prim_pages_alloc(bytes);
}

/* ------------------------------------------------------------------------ queues */

#define QUEUE_MAX 1000u

static struct sched_g *queue_g[QUEUE_MAX];

/* The scheduler without a thread that runs it; goroutines that never do. */
static void queue_init(uint32_t procs, uint32_t n)
{
	struct sched_options opt = {.procs = procs, .seed = seed, .gc = &hooks};
	struct sched_g_options g = {.name = "queued", .driver = 0xffff};

	assert_int_equal(sched_init(&opt), 0);
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(sched_g_create(NULL, &g, &queue_g[i]), 0);
}

static uint32_t queue_index(const struct sched_g *g)
{
	for (uint32_t i = 0; i < QUEUE_MAX; i++)
		if (queue_g[i] == g)
			return i;
	return UINT32_MAX;
}

/* p's ring holds these, in this order, and `next` is empty. */
static void queue_must_be(struct sched_p *p, uint32_t first, uint32_t n)
{
	bool inherit = true;

	for (uint32_t i = 0; i < n; i++) {
		assert_int_equal(queue_index(sched_runq_get(p, &inherit)), first + i);
		assert_false(inherit);
	}
	assert_null(sched_runq_get(p, &inherit));
}

static void queue_put(struct sched_p *p, uint32_t first, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		sched_runq_put(p, queue_g[first + i], false);
}

static void queue_put_global(uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		sched_global_put(queue_g[i]);
}

static void test_ring(void **state)
{
	struct sched_p *p;
	bool inherit = false;

	(void)state;
	queue_init(1, SCHED_RUNQ + 2);
	p = sched_p(0);
	queue_put(p, 0, SCHED_RUNQ);
	assert_int_equal(sched_runq_count(p), 256);
	assert_int_equal(atomic_load(&sched.global_count), 0);
	/* `next` lies beside the ring; who is pushed out of it goes to the end, here of a full one: the older half goes,
	 * and it. */
	sched_runq_put(p, queue_g[SCHED_RUNQ], true);
	assert_int_equal(atomic_load(&sched.global_count), 0);
	sched_runq_put(p, queue_g[SCHED_RUNQ + 1], true);
	assert_int_equal(atomic_load(&sched.global_count), 129);
	assert_int_equal(queue_index(sched_runq_get(p, &inherit)), SCHED_RUNQ + 1);
	assert_true(inherit);
	queue_must_be(p, 128, 128);
	for (uint32_t i = 0; i < 128; i++)
		assert_int_equal(queue_index(sched_global_get(p, 1)), i);
	assert_int_equal(queue_index(sched_global_get(p, 1)), SCHED_RUNQ);
	assert_null(sched_global_get(p, 1));
	sched_fini();
}

/* One to run and the rest of a share: min(size / Ps + 1, 128). */
static void test_global_share(void **state)
{
	static const struct {
		uint32_t procs, size, max, share;
	} cases[] = {{4, 10, 0, 3}, {4, 10, 1, 1}, {4, 1, 0, 1}, {1, 5, 0, 5},
		     {2, 7, 0, 4},  {2, 7, 3, 3},  {8, 7, 0, 1}, {2, 1000, 0, 128}};

	(void)state;
	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		queue_init(cases[i].procs, cases[i].size);
		queue_put_global(cases[i].size);
		assert_int_equal(queue_index(sched_global_get(sched_p(0), cases[i].max)), 0);
		assert_int_equal(atomic_load(&sched.global_count), cases[i].size - cases[i].share);
		queue_must_be(sched_p(0), 1, cases[i].share - 1);
		sched_fini();
	}
}

/* Half, the larger one; the newest of them is run. `next` only when it is asked for and the ring is empty. */
static void test_steal_half(void **state)
{
	static const uint32_t sizes[] = {1, 2, 7, 8, 255, 256};
	struct sched_p *thief, *victim;

	(void)state;
	for (uint32_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint32_t n = sizes[i], half = n - n / 2;

		queue_init(2, SCHED_RUNQ + 1);
		thief = sched_p(0);
		victim = sched_p(1);
		queue_put(victim, 0, n);
		sched_runq_put(victim, queue_g[n], true);
		assert_int_equal(queue_index(sched_runq_steal(thief, victim, true)), half - 1);
		queue_must_be(thief, 0, half - 1);
		assert_int_equal(sched_runq_count(victim), n - half + 1);
		while (sched_runq_count(victim) > 1) {
			sched_runq_steal(thief, victim, false);
			while (sched_runq_get(thief, &(bool){false}) != NULL)
				;
		}
		assert_null(sched_runq_steal(thief, victim, false));
		assert_int_equal(queue_index(sched_runq_steal(thief, victim, true)), n);
		assert_null(sched_runq_steal(thief, victim, true));
		sched_fini();
	}
}

/* ------------------------------------------------------------------------ timers */

#define TIMERS 1000u

static struct {
	int64_t when_ns[TIMERS]; /* by goroutine, which is the order of arrival too; 0: it has come out */
	uint32_t added, left, refused_most;
	uint64_t random;
} heap;

static uint32_t heap_random(uint32_t n)
{
	heap.random = heap.random * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)(heap.random >> 33) % n;
}

static uint32_t heap_first(void)
{
	uint32_t first = UINT32_MAX;

	for (uint32_t i = 0; i < heap.added; i++)
		if (heap.when_ns[i] != 0 && (first == UINT32_MAX || heap.when_ns[i] < heap.when_ns[first]))
			first = i;
	return first;
}

static void heap_check(const struct sched_local *l)
{
	uint32_t first = heap_first();

	for (uint32_t i = 1; i < l->timers_count; i++) {
		const struct sched_timer *up = &l->timers[(i - 1) / 4], *t = &l->timers[i];

		assert_true(up->when_ns < t->when_ns || (up->when_ns == t->when_ns && up->seq < t->seq));
	}
	assert_int_equal(l->timers_count + l->timers_spare.count, heap.left);
	assert_int_equal(atomic_load(&l->timers_all), heap.left);
	assert_int_equal(atomic_load(&l->first_ns), first != UINT32_MAX ? heap.when_ns[first] : SCHED_NEVER);
	if (l->timers_spare.count > heap.refused_most)
		heap.refused_most = l->timers_spare.count;
}

static void heap_add(struct sched_p *p)
{
	uint32_t i = heap.added++;

	heap.when_ns[i] = prim_now_ns() + (1 + heap_random(60)) * MS;
	heap.left++;
	sched_g_status(queue_g[i], SCHED_G_IDLE, SCHED_G_WAITING);
	queue_g[i]->wait = SCHED_WAIT_OTHER; /* not one that runs next */
	sched_timer_add(p, queue_g[i], heap.when_ns[i]);
}

/* What is due comes out, by time and, of equal ones, by arrival; nothing else does. */
static void heap_take(struct sched_p *p)
{
	struct sched_g *g;

	prim_sleep_until(prim_now_ns() + 2 * MS);
	sched_timer_run(p, p);
	while ((g = sched_runq_get(p, &(bool){false})) != NULL) {
		uint32_t i = queue_index(g);

		assert_int_equal(i, heap_first());
		assert_true(heap.when_ns[i] <= prim_now_ns());
		heap.when_ns[i] = 0;
		heap.left--;
	}
	assert_true(heap.left == 0 || heap.when_ns[heap_first()] > prim_now_ns() - MS);
}

static void heap_run(bool refused)
{
	struct sched_p *p;

	memset(&heap, 0, sizeof(heap));
	heap.random = seed | 1;
	queue_init(1, TIMERS);
	p = sched_p(0);
	for (uint32_t i = 0; i < TIMERS; i++) {
		memory_refused = refused && i / 50 % 4 != 3;
		heap_add(p);
		heap_check(sched_local(p));
		if (i % 50 == 49) {
			heap_take(p);
			heap_check(sched_local(p));
		}
	}
	while (heap.left > 0)
		heap_take(p);
	memory_refused = false;
	heap_check(sched_local(p));
	sched_fini();
}

/* A heap of four a node. Memory for a larger one that is refused delays nobody. */
static void test_timer_heap(void **state)
{
	(void)state;
	heap_run(false);
	assert_int_equal(heap.refused_most, 0);
	heap_run(true);
	assert_in_range(heap.refused_most, 100, TIMERS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ring),
		cmocka_unit_test(test_global_share),
		cmocka_unit_test(test_steal_half),
		cmocka_unit_test(test_timer_heap),
	};

	return fixture_main("sched_queues", tests, sizeof(tests) / sizeof(tests[0]));
}
