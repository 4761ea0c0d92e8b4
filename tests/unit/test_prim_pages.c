/*
 * test_prim_pages.c: reserving, committing, decommitting, metadata pages.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "runtime/prim/prim.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define HEAP_BYTES ((size_t)64 << 30)
#define MIB	   ((size_t)1 << 20)

static bool all_zero(const unsigned char *p, size_t bytes)
{
	return p[0] == 0 && memcmp(p, p + 1, bytes - 1) == 0;
}

/* Does a child survive reading it? */
static bool readable(const volatile char *p)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		struct rlimit no_core = {0, 0};
		char byte;

		setrlimit(RLIMIT_CORE, &no_core);
		signal(SIGSEGV, SIG_DFL);
		byte = *p;
		_exit(byte == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status);
}

static void test_heap_base(void **state)
{
	uintptr_t base = prim_heap_base();
	unsigned char *heap;
	void *addr, *again;

	(void)state;
	assert_int_equal(prim_pages_reserve(&addr, base, HEAP_BYTES, 0), 0);
	assert_int_equal((uintptr_t)addr, base);
	assert_int_equal(prim_pages_reserve(&again, base + MIB, MIB, 0), -EEXIST);
	assert_false(readable(addr));

	/* Both ends of the range, since a sanitizer must accept all of it. */
	for (int end = 0; end < 2; end++) {
		heap = (unsigned char *)addr + (end ? HEAP_BYTES - 4 * MIB : 0);
		assert_int_equal(prim_pages_commit(heap, 4 * MIB), 0);
		assert_true(all_zero(heap, 4 * MIB));
		memset(heap, 0xa5, 4 * MIB);
		assert_int_equal(prim_pages_decommit(heap + MIB, MIB), 0);
		assert_int_equal(heap[MIB - 1], 0xa5);
		assert_true(all_zero(heap + MIB, MIB));
		assert_int_equal(heap[2 * MIB], 0xa5);
		heap[MIB] = 1; /* still writable */
	}
	assert_false(readable((char *)addr + 4 * MIB));
	prim_pages_unreserve(addr, HEAP_BYTES);
	assert_int_equal(prim_pages_decommit(addr, MIB), -ENOMEM); /* nothing is there */
	assert_int_equal(prim_pages_reserve(&again, base, MIB, 0), 0); /* free again */
	prim_pages_unreserve(again, MIB);
}

static void test_reserve_any(void **state)
{
	void *a, *b;

	(void)state;
	assert_int_equal(prim_pages_reserve(&a, 0, 3 * MIB, 64 * MIB), 0);
	assert_int_equal((uintptr_t)a % (64 * MIB), 0);
	assert_int_equal(prim_pages_reserve(&b, 0, MIB, 0), 0);
	assert_true((uintptr_t)b % PRIM_PAGE_BYTES == 0);
	assert_int_equal(prim_pages_commit(a, 3 * MIB), 0);
	memset(a, 1, 3 * MIB);
	assert_int_equal(prim_pages_reserve(&b, 0, MIB, 3 * PRIM_PAGE_BYTES), -EINVAL);
	assert_int_equal(prim_pages_reserve(&b, 0, 0, 0), -EINVAL);
	assert_int_equal(prim_pages_reserve(&b, 0, (size_t)1 << 60, 0), -ENOMEM);
}

static void test_alloc(void **state)
{
	enum { COUNT = 200 };
	unsigned char *block[COUNT];
	unsigned seed = 1;
	const char *text = getenv("GCS_TEST_SEED");

	(void)state;
	if (text != NULL)
		seed = (unsigned)strtoul(text, NULL, 0);
	print_message("seed %u\n", seed);
	srand(seed);
	memset(block, 0, sizeof(block));
	for (int turn = 0; turn < 4000; turn++) {
		int i = rand() % COUNT;
		size_t bytes = (size_t)(1 + i) * 1000;

		if (block[i] == NULL) {
			block[i] = prim_pages_alloc(bytes);
			assert_non_null(block[i]);
			assert_true(all_zero(block[i], bytes));
			memset(block[i], i, bytes);
		} else { /* nobody else has written into it */
			assert_int_equal(block[i][0], i);
			assert_memory_equal(block[i], block[i] + 1, bytes - 1);
			prim_pages_free(block[i], bytes);
			block[i] = NULL;
		}
	}
	for (int i = 0; i < COUNT; i++)
		if (block[i] != NULL)
			prim_pages_free(block[i], (size_t)(1 + i) * 1000);
	assert_null(prim_pages_alloc((size_t)1 << 60));
}

static void test_shared(void **state)
{
	int fd = memfd_create("test", MFD_CLOEXEC);
	unsigned char *a, *b;

	(void)state;
	assert_int_equal(ftruncate(fd, 8192), 0);
	a = prim_shared_map(fd, 8192);
	b = prim_shared_map(fd, 8192);
	assert_non_null(a);
	assert_non_null(b);
	a[5000] = 7;
	assert_int_equal(b[5000], 7);
	close(fd);
	assert_null(prim_shared_map(-1, 8192));
}

static int group_setup(void **state)
{
	struct prim_options options = {.seed = 1};

	(void)state;
	return prim_init(&options);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_heap_base),
		cmocka_unit_test(test_reserve_any),
		cmocka_unit_test(test_alloc),
		cmocka_unit_test(test_shared),
	};

	return cmocka_run_group_tests_name("prim_pages", tests, group_setup, NULL);
}
