/*
 * test_throw.c: oom: throw: whatever is refused, by a fault, by a heap that is used up or by the kernel, the process
 * ends with Go's words (runtime/mem/throw.def) and status 2, and with nothing else; the telemetry says which firing it
 * died of. A memory limit alone never kills.
 */
#include "tests/unit/test_point_fixture.h"

#include "harness/base/throw.h"
#include "runtime/mem/mem.h"
#include "runtime/mem/throw.h"

#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define TEST_SANITIZED 1
#endif
#endif
#if (defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)) && !defined(TEST_SANITIZED)
#define TEST_SANITIZED 1
#endif
#ifndef TEST_SANITIZED
#define TEST_SANITIZED 0
#endif

#define MIB   ((size_t)1 << 20)
#define CHUNK (4 * MIB)

static const uint64_t link_mask[] = {1};
struct cell {
	struct cell *next;
	uint64_t word[15];
};
static const struct mrt_type cell_type = {
	.name = "cell", .size = sizeof(struct cell), .ptr_words = 1, .ptrmask = link_mask};
static const struct mrt_type byte_type = {.name = "byte", .size = 1};

/* ------------------------------------------------------------------- children */

struct death {
	char text[1024];
	int status;
};

/* fn in a child, to its end. */
static struct death die(void (*fn)(const void *arg), const void *arg)
{
	struct death d = {0};
	size_t have = 0;
	int fd[2];
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(fd), 0);
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(fd[1], STDERR_FILENO);
		fn(arg);
		_exit(0);
	}
	close(fd[1]);
	while ((n = read(fd[0], d.text + have, sizeof(d.text) - 1 - have)) > 0)
		have += (size_t)n;
	close(fd[0]);
	assert_int_equal(waitpid(pid, &d.status, 0), pid);
	return d;
}

/* It died as a throw does: status 2, and its last line is one of the table. Returns that. */
static const char *threw(struct death *d)
{
	size_t len = strlen(d->text);
	char *line;

	if (!WIFEXITED(d->status) || WEXITSTATUS(d->status) != 2 || len == 0 || d->text[len - 1] != '\n')
		fail_msg("status %x, says: %s", (unsigned)d->status, d->text);
	d->text[len - 1] = '\0';
	line = strrchr(d->text, '\n');
	line = line != NULL ? line + 1 : d->text;
	if (!gcs_is_throw(line))
		fail_msg("no throw: %s", d->text);
	return line;
}

static void must_say(struct death d, const char *wanted)
{
	if (strcmp(d.text, wanted) != 0)
		fail_msg("says:\n%s\nand not:\n%s", d.text, wanted);
	threw(&d);
}

/* --------------------------------------------------------------------- the texts */

enum kind { HEAP, STACK, MAP, ARENA, PERSIST, THREAD };
struct text {
	enum kind kind;
	size_t bytes;
	int err;
	const char *wanted;
};

static void text_child(const void *arg)
{
	const struct text *t = arg;

	switch (t->kind) {
	case HEAP:
		mem_throw_heap(t->bytes);
	case STACK:
		mem_throw_stack(t->bytes);
	case MAP:
		mem_throw_map((void *)(uintptr_t)0xc000400000, t->bytes, t->err);
	case ARENA:
		mem_throw_arena();
	case PERSIST:
		mem_throw_persist(t->err);
	case THREAD:
		mem_throw_thread((uint32_t)t->bytes, t->err);
	}
}

#define GROW(n) "runtime: out of memory: cannot allocate " n "-byte block (0 in use)\n"

static void test_texts(void **state)
{
	static const struct text text[] = {
		{HEAP, 1, 0, GROW("4194304") "fatal error: out of memory\n"},
		{HEAP, 4194304, 0, GROW("4194304") "fatal error: out of memory\n"},
		{HEAP, 4194305, 0, GROW("8388608") "fatal error: out of memory\n"},
		{HEAP, (size_t)1 << 40, 0, GROW("1099511627776") "fatal error: out of memory\n"},
		{STACK, 16384, 0, GROW("4194304") "fatal error: out of memory\n"},
		{STACK, 32768, 0, GROW("4194304") "fatal error: out of memory (stackalloc)\n"},
		{MAP, 4194304, ENOMEM, "fatal error: runtime: out of memory\n"},
		{MAP, 4194304, EACCES,
		 "runtime: mmap(0xc000400000, 4194304) returned 0x0, 13\n"
		 "fatal error: runtime: cannot map pages in arena address space\n"},
		{ARENA, 0, 0, "fatal error: out of memory allocating heap arena metadata\n"},
		{PERSIST, 0, ENOMEM, "fatal error: runtime: cannot allocate memory\n"},
		{PERSIST, 0, EACCES, "runtime: mmap: access denied\n"},
		{PERSIST, 0, EAGAIN, "runtime: mmap: too much locked memory (check 'ulimit -l').\n"},
		{THREAD, 7, ENOMEM,
		 "runtime: failed to create new OS thread (have 7 already; errno=12)\nfatal error: newosproc\n"},
		{THREAD, 7, EAGAIN,
		 "runtime: failed to create new OS thread (have 7 already; errno=11)\n"
		 "runtime: may need to increase max user processes (ulimit -u)\nfatal error: newosproc\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++)
		must_say(die(text_child, &text[i]), text[i].wanted);
}

/* What the harness takes for a throw, and what else it shows of last words. */
static void test_lines(void **state)
{
	const char *line[] = {"hello", "panic: concurrent map writes", "fatal error: out of memory"};

	(void)state;
	assert_false(gcs_is_throw("fatal error: out of memory (stackalloc) "));
	assert_false(gcs_is_throw("out of memory"));
	assert_false(gcs_is_throw("fatal error: found bad pointer in Go heap"));
	assert_true(gcs_is_throw("fatal error: newosproc"));
	assert_null(gcs_fatal_line(line, 1));
	assert_null(gcs_fatal_line(line, 0));
	assert_ptr_equal(gcs_fatal_line(line, 3), line[1]);
	line[1] = NULL;
	assert_ptr_equal(gcs_fatal_line(line, 3), line[2]);
}

/* ---------------------------------------------------------------- the heap is used up */

/* What the children share with us. */
static struct shared {
	_Atomic uint64_t heap_sys; /* before the last operation */
	_Atomic uint32_t done;
} *shared;

struct used_up {
	size_t bytes; /* of each array, no pointers; 0: cells */
	int64_t gogc;
	uint64_t memlimit, reserve;
};

static void note_heap(void)
{
	struct mem_stats st;

	mem_stats_read(&st);
	atomic_store(&shared->heap_sys, st.heap_sys);
}

static void fill_body(mrt_g *g, void *arg)
{
	const struct used_up *u = arg;
	MRT_ROOTS(g, roots, 2);

	for (;;) {
		note_heap();
		if (u->bytes != 0) {
			/* Kept: a chain of cells with an array behind each would need another pointer, so leave
			 * the collector off. */
			GC_TEST_MUST(mrt_new_array(g, &byte_type, u->bytes, &roots[0]) == 0);
			continue;
		}
		GC_TEST_MUST(mrt_new(g, &cell_type, &roots[1]) == 0);
		mrt_store(g, (void **)&((struct cell *)roots[1])->next, roots[0]);
		roots[0] = roots[1];
	}
}

static void used_up_child(const void *arg)
{
	struct used_up u = *(const struct used_up *)arg;
	struct mrt_options opt = {.procs = 1,
				  .seed = 1,
				  .gogc = (int)u.gogc,
				  .memlimit = u.memlimit,
				  .heap_reserve = u.reserve,
				  .oom = MRT_OOM_THROW};

	mrt_run(&opt, fill_body, &u);
}

/* The whole reservation is in use when it dies; N is what the object needed. */
static void test_used_up(void **state)
{
	static const struct used_up u[] = {
		{0, 100, 0, 16 * MIB},
		{100, -1, 0, 8 * MIB},
		{40000, -1, 0, 8 * MIB},
		{9 * MIB, -1, 0, 64 * MIB},
		{33 * MIB, -1, 0, 64 * MIB},
	};
	char wanted[256];

	(void)state;
	for (size_t i = 0; i < sizeof(u) / sizeof(u[0]); i++) {
		struct death d = die(used_up_child, &u[i]);
		size_t block = (u[i].bytes + CHUNK - 1) / CHUNK * CHUNK;
		uint64_t sys = atomic_load(&shared->heap_sys);

		snprintf(wanted, sizeof(wanted),
			 "runtime: out of memory: cannot allocate %zu-byte block (%llu in use)\n"
			 "fatal error: out of memory\n",
			 block != 0 ? block : CHUNK, (unsigned long long)sys);
		must_say(d, wanted);
		assert_true(sys % CHUNK == 0 && sys <= u[i].reserve);
		assert_true(u[i].bytes > CHUNK || sys == u[i].reserve);
	}
}

/* ------------------------------------------------------------------------- faults */

struct hit {
	enum gcs_point point;
	size_t bytes;
	const char *fatal;
	bool grow; /* the line of heap.grow comes before it */
};

static void hit_body(mrt_g *g, void *arg)
{
	const struct hit *h = arg;
	MRT_ROOTS(g, roots, 1);
	struct mrt_slice s = {0};
	const uint64_t byte = 7;

	(void)roots;
	point_arm_all(1);
	for (uint32_t i = 0; i < 200000; i++) {
		note_heap();
		if (h->point == GCS_POINT_slice_grow)
			GC_TEST_MUST(mrt_append(g, &byte_type, &s, &byte, 1) == 0);
		else
			GC_TEST_MUST(mrt_new_array(g, &byte_type, h->bytes, &roots[0]) == 0);
	}
}

static void hit_child(const void *arg)
{
	struct hit h = *(const struct hit *)arg;
	struct gcs_fault_spec spec = {.point = h.point, .action = GCS_ACT_FAIL, .err = ENOMEM, .after = 2};
	struct mrt_options opt = {.procs = 1,
				  .seed = 1,
				  .gogc = -1,
				  .heap_reserve = (size_t)1 << 30,
				  .oom = MRT_OOM_THROW};

	point_load(&spec, 1, 1);
	opt.telemetry = point_telemetry;
	mrt_run(&opt, hit_body, &h);
}

/* The third visit kills; its firing is the only one, and is the one that it died of. */
static void test_faults(void **state)
{
	static const char oom[] = "fatal error: out of memory\n";
	static const struct hit hit[] = {
		{GCS_POINT_mem_malloc, 64, oom, true},
		{GCS_POINT_mem_malloc, 5 * MIB, oom, true},
		{GCS_POINT_mem_refill, 1024, oom, true},
		{GCS_POINT_mem_large, 40000, oom, true},
		{GCS_POINT_mem_span, 1024, oom, true},
		{GCS_POINT_mem_os_reserve, 8192, oom, true},
		{GCS_POINT_mem_os_reserve, 9 * MIB, oom, true},
		{GCS_POINT_mem_os_commit, 8192, "fatal error: runtime: out of memory\n", false},
		{GCS_POINT_slice_grow, 0, oom, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(hit) / sizeof(hit[0]); i++) {
		char wanted[256] = "";
		size_t block = (hit[i].bytes + CHUNK - 1) / CHUNK * CHUNK;
		struct death d = die(hit_child, &hit[i]);
		const struct point_firing *f = &point_log.f[0];

		block = block != 0 ? block : CHUNK;
		if (hit[i].grow)
			snprintf(wanted, sizeof(wanted),
				 "runtime: out of memory: cannot allocate %zu-byte block (%llu in use)\n", block,
				 (unsigned long long)atomic_load(&shared->heap_sys));
		strncat(wanted, hit[i].fatal, sizeof(wanted) - strlen(wanted) - 1);
		must_say(d, wanted);
		point_read();
		assert_int_equal(point_log.n, 1);
		assert_int_equal(POINT_FAULT(0, fired), 1);
		assert_int_equal(POINT_FAULT(0, eligible), 3);
		assert_int_equal(f->died, 1);
		assert_int_equal(f->failed + f->masked, 0);
		assert_int_equal(f->value, block);
		assert_int_equal(point_log.stalls + point_log.emergency_cycles, 0);
	}
}

/* ------------------------------------------------------- the kernel refuses memory */

#if !TEST_SANITIZED /* a sanitizer dies itself when it is refused memory */

static size_t data_bytes(void)
{
	static char text[8192];
	FILE *f = fopen("/proc/self/status", "r");
	const char *at;
	size_t n;

	GC_TEST_MUST(f != NULL);
	setvbuf(f, NULL, _IONBF, 0);
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = 0;
	at = strstr(text, "VmData:");
	GC_TEST_MUST(at != NULL);
	return strtoull(at + 7, NULL, 10) * 1024;
}

static void limit_room(size_t room)
{
	struct rlimit r;

	GC_TEST_MUST(getrlimit(RLIMIT_DATA, &r) == 0);
	r.rlim_cur = data_bytes() + room;
	GC_TEST_MUST(setrlimit(RLIMIT_DATA, &r) == 0);
}

struct squeeze {
	size_t room, bytes; /* bytes: of an object; 0: goroutines are started */
};

static void parked_body(mrt_g *g, void *arg)
{
	(void)arg;
	mrt_sleep_until(g, INT64_MAX);
}

static void squeeze_body(mrt_g *g, void *arg)
{
	const struct squeeze *s = arg;
	MRT_ROOTS(g, roots, 1);

	/* Whatever the first one of its kind needs is there. */
	GC_TEST_MUST(mrt_go(g, parked_body, NULL, NULL) == 0);
	GC_TEST_MUST(mrt_new_array(g, &byte_type, 64, &roots[0]) == 0);
	limit_room(s->room);
	for (;;) {
		if (s->bytes == 0)
			GC_TEST_MUST(mrt_go(g, parked_body, NULL, NULL) == 0);
		else
			GC_TEST_MUST(mrt_new_array(g, &byte_type, s->bytes, &roots[0]) == 0);
	}
}

static void squeeze_child(const void *arg)
{
	struct squeeze s = *(const struct squeeze *)arg;
	struct mrt_options opt = {
		.procs = 1, .seed = 1, .gogc = -1, .heap_reserve = (size_t)1 << 34, .oom = MRT_OOM_THROW};

	mrt_run(&opt, squeeze_body, &s);
}

/* Each room lets another of the commits be the one that is refused: each is met, and whichever it is, that is how Go
 * would end. */
static void test_refused(void **state)
{
	static const size_t rooms[] = {0,       8192,    65536,		 73728,	       139264,	  262144,
				       MIB,     4 * MIB, 4 * MIB + 4096, 4 * MIB + 73728, 9 * MIB};
	static const size_t sizes[] = {8192, 64, 100000};
	uint32_t map = 0, arena = 0, persist = 0;

	(void)state;
	for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
		for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
			struct death d = die(squeeze_child, &(struct squeeze){rooms[i], sizes[k]});
			const char *line = threw(&d);

			map += strcmp(line, "fatal error: runtime: out of memory") == 0;
			arena += strcmp(line, "fatal error: out of memory allocating heap arena metadata") == 0;
			persist += strcmp(line, "fatal error: runtime: cannot allocate memory") == 0;
		}
	}
	assert_int_equal(map + arena + persist, sizeof(sizes) / sizeof(sizes[0]) * sizeof(rooms) / sizeof(rooms[0]));
	assert_true(map > 0 && arena > 0);
#if !MRT_SIM /* there metadata come out of an arena that is opened in large steps */
	assert_true(persist > 0);
#endif
}

static void test_stacks(void **state)
{
	struct death d;

	(void)state;
	d = die(squeeze_child, &(struct squeeze){MIB, 0});
	assert_string_equal(threw(&d), "fatal error: out of memory (stackalloc)");
	assert_non_null(strstr(d.text, "runtime: out of memory: cannot allocate 4194304-byte block (4194304 in use)\n"));
}

#endif

/* --------------------------------------------------------------------- memory limit */

#define LIMIT_CELLS 100000u /* 12 MiB and more, all live */

static void limit_body(mrt_g *g, void *arg)
{
	MRT_ROOTS(g, roots, 2);

	(void)arg;
	for (uint32_t i = 0; i < LIMIT_CELLS; i++) {
		GC_TEST_MUST(mrt_new(g, &cell_type, &roots[1]) == 0);
		mrt_store(g, (void **)&((struct cell *)roots[1])->next, roots[0]);
		roots[0] = roots[1];
	}
	atomic_store(&shared->done, 1);
}

static void limit_child(const void *arg)
{
	struct mrt_options opt = {
		.procs = 2, .seed = 1, .memlimit = MIB, .heap_reserve = (size_t)1 << 28, .oom = MRT_OOM_THROW};

	(void)arg;
	mrt_run(&opt, limit_body, NULL);
}

static void test_limit(void **state)
{
	struct death d;

	(void)state;
	atomic_store(&shared->done, 0);
	d = die(limit_child, NULL);
	assert_string_equal(d.text, "");
	assert_int_equal(d.status, 0);
	assert_int_equal(atomic_load(&shared->done), 1);
}

static void *shared_pages(size_t bytes)
{
	void *addr = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return addr == MAP_FAILED ? NULL : addr;
}

int main(void)
{
	/* All of them fork, and there is one thread. */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),   cmocka_unit_test(test_lines), cmocka_unit_test(test_used_up),
		cmocka_unit_test(test_faults),
#if !TEST_SANITIZED
		cmocka_unit_test(test_refused), cmocka_unit_test(test_stacks),
#endif
		cmocka_unit_test(test_limit),
	};

	shared = shared_pages(sizeof(*shared));
	point_telemetry = shared_pages(sizeof(*point_telemetry));
	if (shared == NULL || point_telemetry == NULL)
		return 99;
	return point_main("throw", tests, sizeof(tests) / sizeof(tests[0]));
}
