/*
 * test_mem_threads.c: several threads, each with a cache, allocate, mark one
 * another's objects and take the grey ones of spans that wait, flush, sweep and give pages back at the same time, while a finder resolves
 * addresses all over the heap.  Between the phases they meet, as in a stopped
 * world, and the heap is checked.
 *
 * Threads only count what is wrong; the main thread asserts.
 */
#include "tests/unit/test_mem_fixture.h"

#define THREADS 4u
#define ROUNDS	12u
#define OBJECTS 1500u

struct object {
	uint64_t *p;
	size_t bytes;
	uint64_t stamp;
};

struct worker {
	uint32_t id;
	uint64_t rng;
	struct mem_cache *cache;
	struct object objects[2 * OBJECTS];
	uint32_t count;
};

static struct worker workers[THREADS];
static _Atomic uint32_t meet_arrived, meet_round;
static _Atomic bool stop, over;
static _Atomic uint64_t wrong_contents, wrong_zero, wrong_find, wrong_marks, no_memory,
	checks_failed;
static _Atomic uint64_t marks_won, finds, swept_pages, given_back;
static _Atomic uint64_t greyed, blackened, taken, left_grey;
static char check_text[256];

/* Spans that wait, in the order in which they began to; a round's are never more. */
#define WAITING_MAX (THREADS * THREADS * 2 * OBJECTS)
static struct mem_span *_Atomic waiting[WAITING_MAX];
static _Atomic uint32_t waiting_in, waiting_out;

/* All workers are here; the last one runs fn before anyone goes on. */
static void meet(void (*fn)(void))
{
	uint32_t round = atomic_load(&meet_round);

	if (atomic_fetch_add(&meet_arrived, 1) + 1 == THREADS) {
		if (fn != NULL)
			fn();
		atomic_store(&meet_arrived, 0);
		atomic_fetch_add(&meet_round, 1);
		return;
	}
	for (uint32_t i = 0; atomic_load(&meet_round) == round; i++)
		prim_spin_wait(i);
}

static void check_world(void)
{
	if (mem_check(check_text, sizeof(check_text)) != 0)
		atomic_fetch_add(&checks_failed, 1);
}

/* Each object greyed was taken once, none that was born black, and no span was forgotten. */
static void check_grey(void)
{
	struct mem_obj o = {0};

	for (uint32_t t = 0; t < THREADS; t++)
		for (uint32_t i = 0; i < workers[t].count; i++)
			if (mem_find(workers[t].objects[i].p, &o) && mem_grey(&o))
				atomic_fetch_add(&left_grey, 1);
	if (atomic_load(&greyed) != atomic_load(&taken))
		atomic_fetch_add(&wrong_marks, 1);
	atomic_store(&waiting_in, 0);
	atomic_store(&waiting_out, 0);
}

static void begin_sweep(void)
{
	uint64_t survivors = 0;

	check_world();
	check_grey();
	for (uint32_t i = 0; i < THREADS; i++)
		survivors += workers[i].count;
	if (atomic_exchange(&marks_won, 0) != survivors)
		atomic_fetch_add(&wrong_marks, 1);
	mem_sweep_begin();
}

/* The last round is one at whose end the finder has found something: a busy machine may not let it begin for long. */
static void end_sweep(void)
{
	static uint32_t rounds;

	if (!mem_sweep_done())
		atomic_fetch_add(&checks_failed, 1);
	check_world();
	atomic_store(&over, ++rounds >= ROUNDS && atomic_load(&finds) > 0);
}

static void worker_alloc(struct worker *w, uint32_t n)
{
	uint64_t dirty = 0;

	for (; n > 0 && w->count < 2 * OBJECTS; n--) {
		struct object *o = &w->objects[w->count];
		uint64_t r = rng(&w->rng);

		o->bytes = r % 50 == 0 ? 33000 + r % 100000 : 8 + r % (r % 10 == 0 ? 4000 : 200);
		o->p = alloc_count_dirty(w->cache, o->bytes, r >> 40 & 1, &dirty);
		if (o->p == NULL) {
			atomic_fetch_add(&no_memory, 1);
			return;
		}
		o->stamp = r;
		for (size_t i = 0; i < o->bytes / 8; i++)
			o->p[i] = r ^ i;
		w->count++;
		if (r % 8 == 0) /* what others have just freed, or are about to take */
			atomic_fetch_add(&given_back, (uint64_t)mem_scavenge(r % 100000));
	}
	atomic_fetch_add(&wrong_zero, dirty);
}

static void worker_verify(const struct worker *w)
{
	for (uint32_t k = 0; k < w->count; k++)
		for (size_t i = 0; i < w->objects[k].bytes / 8; i++)
			if (w->objects[k].p[i] != (w->objects[k].stamp ^ i))
				atomic_fetch_add(&wrong_contents, 1);
}

static void worker_forget(struct worker *w)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < w->count; i++)
		if (rng(&w->rng) % 100 < 40)
			w->objects[kept++] = w->objects[i];
	w->count = kept;
}

static void waiting_put(struct mem_span *s)
{
	atomic_store(&waiting[atomic_fetch_add(&waiting_in, 1)], s);
}

/* NULL: none is left. */
static struct mem_span *waiting_get(void)
{
	uint32_t at = atomic_load(&waiting_out);
	struct mem_span *s;

	do
		if (at == atomic_load(&waiting_in))
			return NULL;
	while (!atomic_compare_exchange_weak(&waiting_out, &at, at + 1));
	for (uint32_t i = 0; (s = atomic_exchange(&waiting[at], NULL)) == NULL; i++)
		prim_spin_wait(i);
	return s;
}

/* What was written to an object before it was marked is seen by who takes it: a race would be TSan's to find. */
static bool take_one_span(void)
{
	struct mem_span *s = waiting_get();

	if (s == NULL)
		return false;
	mem_span_waited(s);
	for (uint32_t w = 0; w * 64 < s->nelems; w++)
		atomic_fetch_add(&taken, (uint64_t)__builtin_popcountll(mem_span_take_grey(s, w)));
	return true;
}

/* One in eight as if it were born black. */
static bool mark_one(const struct mem_obj *o, uint64_t draw)
{
	if (draw % 8 == 0 && mem_span_batched(o->span)) {
		bool won = mem_mark_black(o);

		atomic_fetch_add(&blackened, won);
		return won;
	}
	if (!mem_mark(o))
		return false;
	if (mem_span_batched(o->span)) {
		atomic_fetch_add(&greyed, 1);
		if (mem_span_wait(o->span))
			waiting_put(o->span);
	}
	return true;
}

/* Everyone marks everything: each object has one winner. */
static void worker_mark(struct worker *w)
{
	struct mem_obj o = {0};

	for (uint32_t t = 0; t < THREADS; t++) {
		const struct worker *of = &workers[(w->id + t) % THREADS];

		for (uint32_t i = 0; i < of->count; i++) {
			if (!mem_find((char *)of->objects[i].p + of->objects[i].bytes - 1, &o) ||
			    o.base != (uintptr_t)of->objects[i].p)
				atomic_fetch_add(&wrong_find, 1);
			else if (mark_one(&o, of->objects[i].stamp))
				atomic_fetch_add(&marks_won, 1);
			if (rng(&w->rng) % 16 == 0)
				take_one_span();
		}
	}
	while (take_one_span())
		;
}

static void worker_round(struct worker *w)
{
	size_t pages;

	worker_alloc(w, OBJECTS);
	worker_verify(w);
	worker_forget(w);
	meet(check_world);
	worker_mark(w);
	meet(begin_sweep);
	mem_cache_flush(w->cache);
	do {
		worker_alloc(w, 10);
		pages = mem_sweep_one();
		atomic_fetch_add(&swept_pages, pages);
	} while (pages != 0);
	while (!mem_sweep_done())
		prim_spin_wait(0);
	meet(end_sweep);
	worker_verify(w);
}

static void worker_run(void *arg)
{
	while (!atomic_load(&over))
		worker_round(arg);
}

/* Any address at any time: what is found must hold it. */
static void finder_run(void *arg)
{
	uint64_t state = test_seed ^ 77;
	uint32_t i = 0;

	(void)arg;
	while (!atomic_load(&stop)) {
		uintptr_t addr = mem_layout.base + rng(&state) % ((size_t)48 << 20);
		struct mem_obj o = {0};

		if (mem_find((void *)addr, &o)) {
			atomic_fetch_add(&finds, 1);
			if (o.base > addr || !mem_in_heap((void *)o.base) ||
			    (addr - o.base > 140000 || o.index > 1024))
				atomic_fetch_add(&wrong_find, 1);
		}
		if (++i % 64 == 0)
			prim_spin_wait(i);
	}
}

static void threads_storm(void **state)
{
	prim_thread *thread[THREADS + 1];

	(void)state;
	heap_up((size_t)512 << 20, true);
	for (uint32_t i = 0; i < THREADS; i++) {
		workers[i].id = i;
		workers[i].rng = test_seed + i;
		assert_int_equal(mem_cache_create(&workers[i].cache), 0);
	}
	for (uint32_t i = 0; i < THREADS; i++)
		assert_int_equal(prim_thread_create(&thread[i], "worker", worker_run, &workers[i]),
				 0);
	assert_int_equal(prim_thread_create(&thread[THREADS], "finder", finder_run, NULL), 0);
	for (uint32_t i = 0; i < THREADS; i++)
		prim_thread_join(thread[i]);
	atomic_store(&stop, true);
	prim_thread_join(thread[THREADS]);

	if (checks_failed != 0)
		fail_msg("heap check: %s", check_text);
	assert_int_equal(wrong_contents, 0);
	assert_int_equal(wrong_zero, 0);
	assert_int_equal(wrong_find, 0);
	assert_int_equal(wrong_marks, 0);
	assert_int_equal(left_grey, 0);
	assert_true(greyed > 0 && blackened > 0);
	assert_int_equal(no_memory, 0);
	assert_true(finds > 0);
	assert_true(swept_pages > 0);
	assert_true(given_back > 0);
}

/* After the storm: everything can be freed, by all threads' caches. */
static void storm_leaves_nothing(void **state)
{
	struct mem_stats st;

	(void)state;
	mem_sweep_begin();
	mem_caches_flush_stale();
	while (mem_sweep_one() != 0)
		;
	heap_ok();
	mem_stats_read(&st);
	assert_int_equal(st.alloc_objects_total, st.freed_objects_total);
	assert_int_equal(st.alloc_bytes_total, st.freed_bytes_total);
	assert_int_equal(st.heap_inuse, 0);
	assert_int_equal(st.spans_inuse, 0);
	for (uint32_t i = 0; i < THREADS; i++)
		mem_cache_destroy(workers[i].cache);
	mem_stats_read(&st);
	assert_int_equal(st.cache_inuse, 0);
	mem_fini();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads_storm),
		cmocka_unit_test(storm_leaves_nothing),
	};

	if (test_begin() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
