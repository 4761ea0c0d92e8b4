/*
 * test_mem_oom.c: no memory: the reservation is full, or the kernel refuses
 * pages (a real refusal, by RLIMIT_DATA, at one point after the other).
 * Whatever fails, the heap stays whole, and works again once there is memory.
 */
#include "tests/unit/test_mem_fixture.h"

#include <errno.h>
#include <sys/resource.h>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TEST_TSAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__) && !defined(TEST_TSAN)
#define TEST_TSAN 1
#endif
#ifndef TEST_TSAN
#define TEST_TSAN 0
#endif

#define MIB ((size_t)1 << 20)

static void mark(void *p)
{
	struct mem_obj o = {0};

	assert_true(mem_find(p, &o) && o.base == (uintptr_t)p);
	assert_true(mem_mark(&o));
}

static void init_refuses(void **state)
{
	void *taken;

	(void)state;
	assert_int_equal(prim_pages_reserve(&taken, prim_heap_base(), 65536, 4096), 0);
	assert_int_equal(mem_init(16 * MIB, &hooks, false), -EEXIST);
	prim_pages_unreserve(taken, 65536);
	assert_int_equal(mem_init(0, &hooks, false), -EINVAL);
	assert_int_equal(mem_init(SIZE_MAX, &hooks, false), -EINVAL);
	heap_up(16 * MIB, false);
	mem_fini();
	heap_up(16 * MIB, false); /* the same place again */
	mem_fini();
}

/* Small objects to the last page, every other one freed, and so on. */
static void reservation_full(void **state)
{
	enum { SIZE = 4096, MAX = 16 * 1024 * 1024 / SIZE };
	static void *kept[MAX + 1];
	struct mem_cache *c = NULL;
	struct mem_stats st, after;
	size_t n = 0, live = 0;
	void *p;

	(void)state;
	heap_up(16 * MIB, true);
	assert_int_equal(mem_cache_create(&c), 0);
	while (n <= MAX && (p = alloc(c, SIZE, true)) != NULL)
		kept[n++] = p;
	assert_int_equal(n, MAX);
	assert_null(alloc(c, SIZE, true));
	assert_null(alloc(c, 40000, true));
	assert_null(alloc(c, 17 * MIB, false));
	assert_null(alloc(c, SIZE_MAX, false));
	assert_int_equal(mem_cache_refill(c, 4), -ENOMEM);
	mem_stats_read(&st);
	for (int i = 0; i < 1000; i++)
		assert_null(alloc(c, 40000, true));
	mem_stats_read(&after); /* a failure leaves no metadata behind */
	assert_memory_equal(&st, &after, sizeof(st));
	heap_ok();
	for (size_t i = 0; i < n; i += 2) {
		mark(kept[i]);
		live++;
	}
	sweep_all(c);
	heap_ok();
	assert_null(alloc(c, 40000, true)); /* room, but no whole page */
	while ((p = alloc(c, SIZE, true)) != NULL)
		live++;
	assert_int_equal(live, MAX);
	heap_ok();
	sweep_all(c);
	assert_int_equal(mem_pages_in_use(), 0);
	assert_non_null(alloc(c, 16 * MIB, false)); /* all joined again */
	assert_null(alloc(c, 8, false));
	heap_ok();
	mem_cache_destroy(c);
	mem_fini();
}

/* At the wall an allocation sweeps what is there before it gives up. */
static void wall_sweeps(void **state)
{
	struct mem_cache *c = NULL;
	struct mem_stats st;

	(void)state;
	heap_up(32 * MIB, false);
	assert_int_equal(mem_cache_create(&c), 0);
	while (alloc(c, 16384, true) != NULL)
		;
	mem_sweep_begin();
	mem_cache_flush(c);
	assert_false(mem_sweep_done());
	assert_non_null(alloc(c, 32 * MIB, true));
	assert_true(mem_sweep_done());
	mem_sweep_begin();
	mem_cache_flush(c);
	assert_non_null(alloc(c, 30 * MIB, true)); /* reclaims the other large one */
	mem_stats_read(&st);
	assert_int_equal(st.heap_sys, 32 * MIB);
	heap_ok();
	mem_cache_destroy(c);
	mem_fini();
}

/* First fit by address: a hole that fits is taken before fresh pages. */
static void first_fit(void **state)
{
	struct mem_cache *c = NULL;
	char *p[8];

	(void)state;
	heap_up(32 * MIB, false);
	assert_int_equal(mem_cache_create(&c), 0);
	for (int i = 0; i < 8; i++)
		p[i] = alloc(c, (size_t)(i + 5) * 8192, true);
	for (int i = 0; i < 8; i++)
		if (i != 1 && i != 4 && i != 5)
			mark(p[i]);
	sweep_all(c);
	heap_ok();
	assert_ptr_equal(alloc(c, 7 * 8192, true), p[4]);
	assert_ptr_equal(alloc(c, 6 * 8192, true), p[1]);
	assert_ptr_equal(alloc(c, 12 * 8192, true), p[4] + 7 * 8192);
	assert_true((char *)alloc(c, 5 * 8192, true) > p[7]);
	heap_ok();
	mem_cache_destroy(c);
	mem_fini();
}

/* ------------------------------------------------------------ commit refused */

#if !TEST_TSAN /* the sanitizer itself dies when it is refused memory */

static size_t data_bytes(void)
{
	static char text[8192];
	FILE *f = fopen("/proc/self/status", "r");
	size_t n;
	char *at;

	assert_non_null(f);
	setvbuf(f, NULL, _IONBF, 0);
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = 0;
	at = strstr(text, "VmData:");
	assert_non_null(at);
	return strtoull(at + 7, NULL, 10) * 1024;
}

static void limit_room(size_t room)
{
	struct rlimit r;

	assert_int_equal(getrlimit(RLIMIT_DATA, &r), 0);
	r.rlim_cur = room == SIZE_MAX ? r.rlim_max : data_bytes() + room;
	assert_int_equal(setrlimit(RLIMIT_DATA, &r), 0);
}

/* Allocate until refused under a limit that leaves `room` bytes; then with the limit gone. */
static void refused_with(struct mem_cache *c, size_t room, size_t bytes)
{
	size_t n = 0, again = 0;

	limit_room(room);
	while (n < 400000 && alloc(c, bytes, n & 1) != NULL)
		n++;
	limit_room(SIZE_MAX);
	assert_true(n < 400000);
	heap_ok();
	while (again < 3000 && alloc(c, bytes, again & 1) != NULL)
		again++;
	assert_int_equal(again, 3000);
	heap_ok();
	sweep_all(c);
	heap_ok();
	assert_int_equal(mem_pages_in_use(), 0);
}

/* Each room lets another of the commits be the one that fails: page table, bitmap, chunk,
 * descriptors. */
static void commit_refused(void **state)
{
	static const size_t rooms[] = {0,
				       4096,
				       8192,
				       65536,
				       73728,
				       139264,
				       1 << 20,
				       4 << 20,
				       (4 << 20) + 4096,
				       (4 << 20) + 73728,
				       9 << 20};
	static const size_t sizes[] = {8192, 64, 100000};
	struct mem_cache *c = NULL;

	(void)state;
	for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
		for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
			heap_up(1024 * MIB, false);
			assert_int_equal(mem_cache_create(&c), 0);
			refused_with(c, rooms[i], sizes[k]);
			mem_cache_destroy(c);
			mem_fini();
		}
	}
}

static void init_refused(void **state)
{
	struct mem_cache *c = NULL;
	int r;

	(void)state;
	limit_room(0);
	r = mem_init(64 * MIB, &hooks, false); /* the first page of the bitmap */
	limit_room(SIZE_MAX);
	assert_int_equal(r, -ENOMEM);
	heap_up(64 * MIB, false);
	limit_room(0);
	r = mem_cache_create(&c);
	limit_room(SIZE_MAX);
#if !MRT_SIM
	assert_int_equal(r, -ENOMEM);
	assert_null(c);
#endif
	mem_fini();
}

/* Free pages are there, but no memory for descriptors. */
static void metadata_refused(void **state)
{
	struct mem_cache *c = NULL;
	struct mem_stats before, after;

	(void)state;
	heap_up(256 * MIB, false);
	assert_int_equal(mem_cache_create(&c), 0);
	assert_non_null(alloc(c, 64 * MIB, true));
	sweep_all(c);
	mem_stats_read(&before);
	limit_room(0);
	while (alloc(c, 8192, true) != NULL)
		;
	limit_room(SIZE_MAX);
	mem_stats_read(&after);
	assert_int_equal(after.heap_sys, before.heap_sys);
#if !MRT_SIM /* there metadata comes out of an arena opened long before */
	assert_true(after.heap_idle > 0);
#endif
	heap_ok();
	assert_non_null(alloc(c, 8192, true));
	heap_ok();
	mem_cache_destroy(c);
	mem_fini();
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(init_refuses),
		cmocka_unit_test(reservation_full),
		cmocka_unit_test(wall_sweeps),
		cmocka_unit_test(first_fit),
#if !TEST_TSAN
		cmocka_unit_test(init_refused),
		cmocka_unit_test(commit_refused),
		cmocka_unit_test(metadata_refused),
#endif
	};

	if (test_begin() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
