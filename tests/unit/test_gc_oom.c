/*
 * test_gc_oom.c: no memory: under `return` an allocation fails with nothing changed, and memory
 * that is dropped comes back; under `throw` the process ends with Go's text and status 2. An
 * injected mem/malloc failure costs no collection.
 */
#include "tests/unit/test_gc_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define RESERVE ((size_t)16 << 20)

struct cell {
	struct cell *next;
	uint64_t number;
	char payload[112];
};
static const uint64_t cell_mask[] = {1};
static const struct mrt_type cell_type = {
	.name = "cell", .size = sizeof(struct cell), .ptr_words = 1, .ptrmask = cell_mask};
static const struct mrt_type block_type = {.name = "block", .size = 1000000};

/* Push cells until memory is refused; returns how many there are. */
static uint64_t fill(mrt_g *g, void **roots, uint64_t number)
{
	for (;;) {
		void *before = roots[1] = NULL;
		int r = mrt_new(g, &cell_type, &roots[1]);

		if (r == -ENOMEM) {
			GC_TEST_MUST(roots[1] == before);
			return number;
		}
		GC_TEST_MUST(r == 0);
		((struct cell *)roots[1])->number = number++;
		memset(((struct cell *)roots[1])->payload, (int)(number & 0xff),
		       sizeof(((struct cell *)roots[1])->payload));
		mrt_store(g, (void **)&((struct cell *)roots[1])->next, roots[0]);
		roots[0] = roots[1];
	}
}

static void verify(void *head, uint64_t n)
{
	for (struct cell *c = head; c != NULL; c = mrt_load((void *const *)&c->next)) {
		GC_TEST_MUST(n-- == c->number + 1);
		for (size_t i = 0; i < sizeof(c->payload); i++)
			GC_TEST_MUST(c->payload[i] == (char)((c->number + 1) & 0xff));
	}
	GC_TEST_MUST(n == 0);
}

static void return_body(mrt_g *g, void *arg)
{
	uint64_t first, again;
	char text[256];
	MRT_ROOTS(g, roots, 2);
	MRT_ROOTS(g, big, 1);

	(void)arg;
	first = fill(g, roots, 0);
	verify(roots[0], first);
	GC_TEST_MUST(first * 128 > RESERVE / 2);
	/* Refused again and again, small and large, and nothing is lost. */
	for (uint32_t i = 0; i < 3; i++) {
		GC_TEST_MUST(mrt_new(g, &block_type, &big[0]) == -ENOMEM && big[0] == NULL);
		GC_TEST_MUST(mrt_new_array(g, &block_type, 8, &big[0]) == -ENOMEM &&
			     big[0] == NULL);
	}
	GC_TEST_MUST(mrt_new_array(g, &block_type, SIZE_MAX / 2, &big[0]) == -EOVERFLOW);
	verify(roots[0], first);
	GC_TEST_MUST(mrt_heap_check(g, text, sizeof(text)) == 0);
	/* Dropped memory is found by the emergency collection alone. */
	roots[0] = roots[1] = NULL;
	GC_TEST_MUST(mrt_new(g, &block_type, &big[0]) == 0);
	big[0] = NULL;
	again = fill(g, roots, 0);
	verify(roots[0], again);
	GC_TEST_MUST(again * 10 > first * 9);
	roots[0] = roots[1] = NULL;
	mrt_gc(g);
	GC_TEST_MUST(mrt_heap_check(g, text, sizeof(text)) == 0);
}

static void test_return(void **state)
{
	(void)state;
	gc_test_run(
		(struct mrt_options){
			.procs = 2, .heap_reserve = RESERVE, .clobber = true, .check_edges = true},
		return_body, NULL);
}

/* --------------------------------------------------------- many at the edge */

#define SQUEEZERS 4u

struct squeezer {
	mrt_wg *wg;
	uint64_t refused, given;
};

static void squeezer_body(mrt_g *g, void *arg)
{
	struct squeezer *s = arg;
	MRT_ROOTS(g, roots, 2);

	for (uint32_t round = 0; round < 3; round++) {
		uint64_t n = fill(g, roots, 0);

		s->refused++;
		s->given += n;
		verify(roots[0], n);
		roots[0] = roots[1] = NULL;
		mrt_yield(g);
	}
	mrt_wg_done(g, s->wg);
}

static void squeeze_body(mrt_g *g, void *arg)
{
	struct squeezer s[SQUEEZERS] = {0};
	uint64_t given = 0;
	char text[256];
	mrt_wg wg = {0};

	(void)arg;
	mrt_wg_add(&wg, SQUEEZERS);
	for (uint32_t i = 0; i < SQUEEZERS; i++) {
		s[i].wg = &wg;
		GC_TEST_MUST(mrt_go(g, squeezer_body, &s[i], NULL) == 0);
	}
	mrt_wg_wait(g, &wg);
	for (uint32_t i = 0; i < SQUEEZERS; i++) {
		GC_TEST_MUST(s[i].refused == 3);
		given += s[i].given;
	}
	GC_TEST_MUST(given > 0);
	GC_TEST_MUST(mrt_heap_check(g, text, sizeof(text)) == 0);
}

static void test_squeeze(void **state)
{
	(void)state;
	gc_test_run((struct mrt_options){.procs = 4, .heap_reserve = RESERVE / 2, .clobber = true},
		    squeeze_body, NULL);
}

/* -------------------------------------------------------------------- throw */

static void throw_body(mrt_g *g, void *arg)
{
	MRT_ROOTS(g, roots, 2);

	(void)arg;
	fill(g, roots, 0);
}

static void test_throw(void **state)
{
	char text[512] = "";
	int fd[2], status;
	ssize_t n;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(fd), 0);
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct mrt_options opt = {
			.procs = 1, .heap_reserve = RESERVE, .oom = MRT_OOM_THROW, .seed = 1};

		dup2(fd[1], 2);
		mrt_run(&opt, throw_body, NULL);
		_exit(0);
	}
	close(fd[1]);
	n = read(fd[0], text, sizeof(text) - 1);
	close(fd[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 2);
	assert_true(n > 0);
	assert_non_null(
		strstr(text, "runtime: out of memory: cannot allocate 4194304-byte block ("));
	assert_non_null(strstr(text, " in use)\nfatal error: out of memory\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_throw),
		cmocka_unit_test(test_return),
		cmocka_unit_test(test_squeeze),
	};

	return cmocka_run_group_tests(tests, gc_test_setup, NULL);
}
