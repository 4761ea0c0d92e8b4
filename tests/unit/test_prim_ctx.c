/*
 * test_prim_ctx.c: contexts: switching, stacks, reuse, migration, overflow.
 */
#include "runtime/prim/prim.h"
#include "runtime/prim/prim_priv.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define STACK_BYTES ((size_t)16 << 10)

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define CTX_TSAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define CTX_TSAN 1
#endif
#ifndef CTX_TSAN
#define CTX_TSAN 0
#endif

/* ----------------------------------------------------------- to and fro */

struct ping {
	prim_ctx *home, *ctx;
	uint64_t turns, sum;
	int rounding;
};

static void ping_run(void *arg)
{
	struct ping *ping = arg;

	for (uint64_t i = 1; i <= ping->turns; i++) {
		ping->sum += i;
		prim_ctx_switch(ping->ctx, ping->home);
	}
	prim_ctx_exit_to(ping->ctx, ping->home);
}

static void test_switch(void **state)
{
	struct ping ping = {.home = prim_ctx_thread(), .turns = 1000};

	(void)state;
	ping.ctx = prim_ctx_create(STACK_BYTES, ping_run, &ping);
	assert_non_null(ping.ctx);
	for (uint64_t i = 1; i <= ping.turns; i++) {
		prim_ctx_switch(ping.home, ping.ctx);
		assert_int_equal(ping.sum, i * (i + 1) / 2);
	}
	prim_ctx_switch(ping.home, ping.ctx); /* runs to its end */
	assert_int_equal(ping.sum, 500500);

	ping.sum = 0;
	ping.turns = 1;
	prim_ctx_reset(ping.ctx, ping_run, &ping);
	prim_ctx_switch(ping.home, ping.ctx);
	assert_int_equal(ping.sum, 1);
	prim_ctx_switch(ping.home, ping.ctx);
	prim_ctx_destroy(ping.ctx);
}

/* The rounding bits of the floating-point control word. */
#if defined(__x86_64__)
enum { ROUND_NEAREST = 0, ROUND_DOWN = 0x2000, ROUND_UP = 0x4000, ROUND_MASK = 0x6000 };

static int rounding_get(void)
{
	return (int)__builtin_ia32_stmxcsr() & ROUND_MASK;
}

static void rounding_set(int mode)
{
	__builtin_ia32_ldmxcsr((__builtin_ia32_stmxcsr() & ~(unsigned)ROUND_MASK) | (unsigned)mode);
}
#else
enum { ROUND_NEAREST = 0, ROUND_UP = 0x400000, ROUND_DOWN = 0x800000, ROUND_MASK = 0xc00000 };

static int rounding_get(void)
{
	uint64_t word;

	__asm__ __volatile__("mrs %0, fpcr" : "=r"(word));
	return (int)word & ROUND_MASK;
}

static void rounding_set(int mode)
{
	__asm__ __volatile__("msr fpcr, %0" : : "r"((uint64_t)mode));
}
#endif

static void rounding_run(void *arg)
{
	struct ping *ping = arg;

	ping->rounding = rounding_get(); /* a new context starts with the default */
	rounding_set(ROUND_UP);
	prim_ctx_switch(ping->ctx, ping->home);
	ping->sum = rounding_get() == ROUND_UP;
	prim_ctx_exit_to(ping->ctx, ping->home);
}

static void test_float_control(void **state)
{
	struct ping ping = {.home = prim_ctx_thread()};

	(void)state;
	ping.ctx = prim_ctx_create(STACK_BYTES, rounding_run, &ping);
	rounding_set(ROUND_DOWN);
	prim_ctx_switch(ping.home, ping.ctx);
	assert_int_equal(rounding_get(), ROUND_DOWN);
	assert_int_equal(ping.rounding, ROUND_NEAREST);
	rounding_set(ROUND_NEAREST);
	prim_ctx_switch(ping.home, ping.ctx);
	assert_int_equal(rounding_get(), ROUND_NEAREST);
	assert_int_equal(ping.sum, 1);
	prim_ctx_destroy(ping.ctx);
}

/* ------------------------------------------------------------- registers */

struct regs {
	prim_ctx *home, *ctx;
	uint64_t seed, turns, wrong;
};

/* Values alive across a switch, enough to fill the registers that a call must keep: on both sides others. */
static __attribute__((noinline)) void regs_turn(struct regs *r, prim_ctx *from, prim_ctx *to, uint64_t seed)
{
	uint64_t a = seed, b = seed * 3, c = seed * 5, d = seed * 7, e = seed * 11, f = seed * 13, h = seed * 17;
	double s = (double)seed, t = s * 2, u = s * 3, v = s * 4, w = s * 5, x = s * 6, y = s * 7, z = s * 8;

	__asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f), "+r"(h));
#if defined(__x86_64__)
	__asm__ volatile("" : "+x"(s), "+x"(t), "+x"(u), "+x"(v), "+x"(w), "+x"(x), "+x"(y), "+x"(z));
#else
	__asm__ volatile("" : "+w"(s), "+w"(t), "+w"(u), "+w"(v), "+w"(w), "+w"(x), "+w"(y), "+w"(z));
#endif
	prim_ctx_switch(from, to);
	r->wrong += a != seed || b != seed * 3 || c != seed * 5 || d != seed * 7 || e != seed * 11 ||
		    f != seed * 13 || h != seed * 17;
	r->wrong += s != (double)seed || t != s * 2 || u != s * 3 || v != s * 4 || w != s * 5 ||
		    x != s * 6 || y != s * 7 || z != s * 8;
}

static void regs_run(void *arg)
{
	struct regs *r = arg;

	for (uint64_t i = 0; i < r->turns; i++)
		regs_turn(r, r->ctx, r->home, r->seed + i);
	prim_ctx_exit_to(r->ctx, r->home);
}

static void test_registers(void **state)
{
	struct regs r = {.home = prim_ctx_thread(), .seed = 1000, .turns = 50};

	(void)state;
	r.ctx = prim_ctx_create(STACK_BYTES, regs_run, &r);
	assert_non_null(r.ctx);
	for (uint64_t i = 0; i <= r.turns; i++)
		regs_turn(&r, r.home, r.ctx, i);
	assert_int_equal(r.wrong, 0);
	prim_ctx_destroy(r.ctx);
}

/* ----------------------------------------------------------- deep stacks */

struct deep {
	prim_ctx *home, *ctx;
	uint32_t depth;
	uint64_t result;
};

static uint64_t __attribute__((noinline)) deep_sum(struct deep *deep, uint32_t depth)
{
	unsigned char frame[256];
	uint64_t below;

	memset(frame, (int)(depth & 0xff), sizeof(frame));
	if (depth == 0) {
		prim_ctx_switch(deep->ctx, deep->home);
		return 0;
	}
	below = deep_sum(deep, depth - 1);
	for (size_t i = 0; i < sizeof(frame); i++)
		if (frame[i] != (unsigned char)depth)
			return UINT64_MAX;
	return below == UINT64_MAX ? below : below + depth;
}

static void deep_run(void *arg)
{
	struct deep *deep = arg;

	deep->result = deep_sum(deep, deep->depth);
	prim_ctx_exit_to(deep->ctx, deep->home);
}

static void test_deep(void **state)
{
	enum { COUNT = 4, DEPTH = 1500 };
	struct deep deep[COUNT];

	(void)state;
	for (int i = 0; i < COUNT; i++) {
		deep[i] = (struct deep){.home = prim_ctx_thread(), .depth = DEPTH + (uint32_t)i};
		deep[i].ctx = prim_ctx_create((size_t)1 << 20, deep_run, &deep[i]);
		assert_non_null(deep[i].ctx);
		prim_ctx_switch(deep[i].home, deep[i].ctx); /* parked at the bottom */
	}
	for (int i = COUNT - 1; i >= 0; i--) {
		prim_ctx_switch(deep[i].home, deep[i].ctx);
		assert_int_equal(deep[i].result, (uint64_t)deep[i].depth * (deep[i].depth + 1) / 2);
		prim_ctx_destroy(deep[i].ctx);
	}
}

/* ----------------------------------------------------------- many of them */

/* Past the guarded stacks into the slabs; a TSan fiber takes milliseconds. */
static void test_many(void **state)
{
	enum { COUNT = CTX_TSAN ? 500 : 20000 };
	static struct ping ping[COUNT];
	uint32_t made = 0;
	uint64_t sum = 0;

	(void)state;
	while (made < COUNT) {
		ping[made] = (struct ping){.home = prim_ctx_thread(), .turns = 1};
		ping[made].ctx = prim_ctx_create(1024, ping_run, &ping[made]);
		assert_non_null(ping[made].ctx);
		made++;
	}
	for (uint32_t i = 0; i < made; i++)
		prim_ctx_switch(ping[i].home, ping[i].ctx);
	for (uint32_t i = made; i-- > 0;) {
		prim_ctx_switch(ping[i].home, ping[i].ctx);
		sum += ping[i].sum;
		prim_ctx_destroy(ping[i].ctx);
	}
	assert_int_equal(sum, made);
}

static void test_reuse(void **state)
{
	prim_ctx *first = prim_ctx_create(STACK_BYTES, ping_run, NULL);
	prim_ctx *again;

	(void)state;
	prim_ctx_destroy(first);
	again = prim_ctx_create(STACK_BYTES, ping_run, NULL);
	assert_ptr_equal(first, again);
	prim_ctx_destroy(again);
	assert_null(prim_ctx_create(SIZE_MAX, ping_run, NULL));
	assert_null(prim_ctx_create(((size_t)1 << 30) + 1, ping_run, NULL));
}

/* ---------------------------------------------------------- across threads */

/* Contexts move between threads through one locked list of idle ones; a thread
 * takes none that it ran last, so every turn is a move. */
enum { MOVERS = 3, MOVED = 24, MOVES = 400 };

struct moved {
	prim_ctx *ctx, *home;
	uint32_t left;
	prim_thread *last;
	bool bad_self;
	struct moved *next;
};

static struct {
	prim_mutex lock;
	struct moved *idle;
	uint32_t unfinished;
	struct moved all[MOVED];
} moves;

static void moved_run(void *arg)
{
	struct moved *moved = arg;

	while (moved->left > 0) {
		moved->left--;
		if (moved->last == prim_thread_self())
			moved->bad_self = true;
		moved->last = prim_thread_self();
		/* The thread's own word, seen from a context it did not create. */
		if (prim_thread_user() != (void *)moved->last)
			moved->bad_self = true;
		prim_ctx_switch(moved->ctx, moved->home);
	}
	prim_ctx_exit_to(moved->ctx, moved->home);
}

static struct moved *moves_take(bool *ret_over)
{
	struct moved **link = &moves.idle, *moved;

	prim_mutex_lock(&moves.lock);
	while (*link != NULL && (*link)->last == prim_thread_self())
		link = &(*link)->next;
	moved = *link;
	if (moved != NULL)
		*link = moved->next;
	*ret_over = moves.unfinished == 0;
	prim_mutex_unlock(&moves.lock);
	return moved;
}

static void moves_give(struct moved *moved, bool finished)
{
	struct moved **link;

	prim_mutex_lock(&moves.lock);
	if (finished) {
		moves.unfinished--;
	} else {
		for (link = &moves.idle; *link != NULL; link = &(*link)->next)
			;
		moved->next = NULL;
		*link = moved;
	}
	prim_mutex_unlock(&moves.lock);
}

static void mover_run(void *arg)
{
	bool over = false;

	(void)arg;
	prim_thread_set_user(prim_thread_self());
	for (uint32_t round = 0; !over;) {
		struct moved *moved = moves_take(&over);
		bool last;

		if (moved == NULL) {
			prim_spin_wait(round++);
			continue;
		}
		round = 0;
		last = moved->left == 0;
		moved->home = prim_ctx_thread();
		prim_ctx_switch(moved->home, moved->ctx);
		moves_give(moved, last);
	}
}

static void test_migrate(void **state)
{
	prim_thread *threads[MOVERS];

	(void)state;
	prim_mutex_init(&moves.lock, PRIM_RANK_ANY);
	moves.unfinished = MOVED;
	for (int i = 0; i < MOVED; i++) {
		moves.all[i] = (struct moved){.left = MOVES, .next = moves.idle};
		moves.all[i].ctx = prim_ctx_create(STACK_BYTES, moved_run, &moves.all[i]);
		moves.idle = &moves.all[i];
	}
	for (int i = 0; i < MOVERS; i++)
		assert_int_equal(prim_thread_create(&threads[i], "mover", mover_run, NULL), 0);
	for (int i = 0; i < MOVERS; i++)
		prim_thread_join(threads[i]);
	for (int i = 0; i < MOVED; i++) {
		assert_int_equal(moves.all[i].left, 0);
		assert_false(moves.all[i].bad_self);
		prim_ctx_destroy(moves.all[i].ctx);
	}
}

/* -------------------------------------------------------------- overflow */

static struct {
	prim_ctx *home, *ctx;
	size_t bytes;
	void (*then)(void); /* in the child, after the switch back; NULL: nothing */
} over;

static void over_run(void *arg)
{
	volatile char *top = __builtin_frame_address(0);

	(void)arg;
	/* What a runaway recursion does, page by page, without its frames. */
	for (size_t down = 0; down < over.bytes; down += sizeof(uint64_t))
		top[-(ptrdiff_t)down - 256] = 1;
	prim_ctx_exit_to(over.ctx, over.home);
}

/* The child's end, as waitpid tells it; its stderr in text. */
static int over_child(char *text, size_t size)
{
	int fds[2], status = 0;
	ssize_t n, used = 0;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		struct rlimit no_core = {0, 0};

		setrlimit(RLIMIT_CORE, &no_core);
		signal(SIGSEGV, SIG_DFL); /* not cmocka's */
		dup2(fds[1], STDERR_FILENO);
		prim_ctx_switch(over.home, over.ctx);
		if (over.then != NULL)
			over.then();
		_exit(0);
	}
	close(fds[1]);
	while ((n = read(fds[0], text + used, size - 1 - (size_t)used)) > 0)
		used += n;
	text[used] = '\0';
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void test_guard(void **state)
{
	char text[4096];
	int status;

	(void)state;
	over.home = prim_ctx_thread();
	over.ctx = prim_ctx_create(STACK_BYTES, over_run, NULL);
	over.bytes = (size_t)1 << 20;
	status = over_child(text, sizeof(text));
	prim_ctx_destroy(over.ctx);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSEGV);
}

/* Contexts whose stacks have none of these guards; nothing else is alive. */
static void over_make(uint32_t forbidden, prim_ctx **ctx, uint32_t n, void (*fn)(void *))
{
	prim_stacks_release();
	prim_stack_forbid(forbidden);
	for (uint32_t i = 0; i < n; i++) {
		ctx[i] = prim_ctx_create(STACK_BYTES, fn, NULL);
		assert_non_null(ctx[i]);
	}
	prim_stack_forbid(0);
	over.home = prim_ctx_thread();
	over.ctx = ctx[n - 1];
}

static void over_free(prim_ctx **ctx, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		prim_ctx_destroy(ctx[i]);
}

static inline void over_dies(int status, const char *text, const char *words)
{
	if (strstr(text, words) == NULL)
		print_message("%s", text);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 2);
	assert_non_null(strstr(text, words));
	assert_non_null(strstr(text, "\nfatal error: stack overflow\n"));
}

/* A page that the kernel has marked guards as one without access does. */
static void test_marker(void **state)
{
	prim_ctx *ctx[3];
	char text[4096];
	int status;

	(void)state;
	over_make(PRIM_GUARD_PAGES, ctx, 3, over_run);
	if (ctx[2]->stack.kind != PRIM_STACK_MARKER) {
		over_free(ctx, 3);
		print_message("# the kernel has no guard markers: canaries\n");
		return;
	}
	over.bytes = (size_t)1 << 20;
	status = over_child(text, sizeof(text));
	over_free(ctx, 3);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSEGV);
}

#if !CTX_TSAN /* it takes fibers that were made before a fork for unsynchronised; test_sched_many makes its own */

/* Without guards: written over the canary, found at the switch. */
static void test_canary(void **state)
{
	prim_ctx *ctx[3];
	char text[4096];
	int status;

	(void)state;
	over_make(PRIM_GUARD_PAGES | PRIM_GUARD_MARKERS, ctx, 3, over_run);
	assert_int_equal(ctx[2]->stack.kind, PRIM_STACK_CANARY);
	prim_ctx_label(over.ctx, 7, "deep");
	/* A whole stack down is past the canary. */
	over.bytes = (size_t)labs((char *)ctx[2] - (char *)ctx[1]);
	status = over_child(text, sizeof(text));
	over_free(ctx, 3);
	over_dies(status, text, "runtime: goroutine 7 [deep]: sp=");
}

/* Far below the stack, as a frame that jumps over what is next to it: not seen at a switch. */
static void far_run(void *arg)
{
	(void)arg;
	((volatile uint64_t *)(void *)over.ctx->stack.low)[-(ptrdiff_t)PRIM_CANARY_WORDS] = 1;
	prim_ctx_switch(over.ctx, over.home);
	prim_ctx_exit_to(over.ctx, over.home);
}

static void far_check(void)
{
	prim_ctx_check(over.ctx);
}

static void far_destroy(void)
{
	prim_ctx_destroy(over.ctx);
}

static void far_reset(void)
{
	prim_ctx_reset(over.ctx, far_run, NULL);
}

static void test_canary_far(void **state)
{
	void (*const looks[])(void) = {NULL, far_check, far_destroy, far_reset};
	prim_ctx *ctx[2];
	char text[4096];

	(void)state;
	for (uint32_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++) {
		int status;

		over_make(PRIM_GUARD_PAGES | PRIM_GUARD_MARKERS, ctx, 2, far_run);
		over.then = looks[i];
		status = over_child(text, sizeof(text));
		over.then = NULL;
		over_free(ctx, 2);
		if (looks[i] == NULL)
			assert_int_equal(status, 0);
		else
			over_dies(status, text, "the canary below it is overwritten");
	}
}

#endif

/* -------------------------------------------------------------- giving back */

static bool page_resident(const void *addr)
{
	char *page = (char *)((uintptr_t)addr & ~(uintptr_t)(PRIM_PAGE_BYTES - 1));
	unsigned char in = 0;

	assert_int_equal(mincore(page, PRIM_PAGE_BYTES, &in), 0);
	return (in & 1) != 0;
}

/* Of three neighbours the outer ones end: their memory goes back, and the middle one does not notice. */
static void release_neighbours(uint32_t forbidden)
{
	bool canary = (forbidden & PRIM_GUARD_MARKERS) != 0;
	prim_ctx *ctx[3], *again[2];
	uint64_t bytes;

	over_make(forbidden, ctx, 3, ping_run);
	bytes = prim_ctx_bytes(ctx[0]);
	assert_int_equal(prim_stacks_cached(), 0);
	prim_ctx_destroy(ctx[0]);
	prim_ctx_destroy(ctx[2]);
	assert_int_equal(prim_stacks_cached(), 2 * bytes);
	assert_true(page_resident(ctx[0]) && page_resident(ctx[2]));
	assert_int_equal(prim_stacks_release(), 2);
	assert_int_equal(prim_stacks_cached(), 0);
	/* The canary of the middle one lies there. */
	assert_true(page_resident(ctx[0]) == canary);
	assert_false(page_resident(ctx[2]));
	assert_int_equal(prim_stacks_release(), 0);
	prim_ctx_check(ctx[1]);
	prim_stack_forbid(forbidden);
	for (int i = 0; i < 2; i++) {
		struct ping ping = {.home = prim_ctx_thread(), .turns = 1};

		again[i] = prim_ctx_create(STACK_BYTES, ping_run, &ping);
		assert_ptr_equal(again[i], ctx[2 * i]); /* the lowest first */
		ping.ctx = again[i];
		prim_ctx_switch(ping.home, ping.ctx);
		prim_ctx_switch(ping.home, ping.ctx);
		assert_int_equal(ping.sum, 1);
	}
	prim_stack_forbid(0);
	prim_ctx_destroy(ctx[1]);
	over_free(again, 2);
	assert_int_equal(prim_stacks_release(), 3);
	assert_int_equal(prim_stacks_cached(), 0);
}

static void test_release(void **state)
{
	(void)state;
	release_neighbours(0);
	release_neighbours(PRIM_GUARD_PAGES | PRIM_GUARD_MARKERS);
}

/* Waves of contexts of several sizes: the figure is the sum, what was released can be had again. */
static void test_release_all(void **state)
{
	enum { COUNT = CTX_TSAN ? 60 : 600 };
	static prim_ctx *ctx[COUNT];

	(void)state;
	for (int wave = 0; wave < 3; wave++) {
		uint64_t bytes = 0;

		prim_stacks_release();
		for (uint32_t i = 0; i < COUNT; i++) {
			ctx[i] = prim_ctx_create(STACK_BYTES << i % 4, ping_run, NULL);
			assert_non_null(ctx[i]);
			assert_int_equal(prim_ctx_bytes(ctx[i]), STACK_BYTES << i % 4);
			bytes += prim_ctx_bytes(ctx[i]);
		}
		over_free(ctx, COUNT);
		assert_int_equal(prim_stacks_cached(), bytes);
		assert_int_equal(prim_stacks_release(), COUNT);
		assert_int_equal(prim_stacks_cached(), 0);
	}
}

static int group_setup(void **state)
{
	struct prim_options options = {.seed = 1};

	(void)state;
	return prim_init(&options);
}

/* ------------------------------------------------------------ who called */

#define TRACE_MAX 32u

struct trace {
	uint32_t pc[TRACE_MAX], n;
	prim_ctx *home, *ctx;
	uint32_t depth;
};

static __attribute__((noinline)) void trace_take(struct trace *t)
{
	t->n = prim_backtrace(t->pc, TRACE_MAX);
	__asm__ volatile("" ::: "memory"); /* no tail call */
}

static __attribute__((noinline)) void trace_deep(struct trace *t, uint32_t depth)
{
	if (depth == 0)
		trace_take(t);
	else
		trace_deep(t, depth - 1);
	__asm__ volatile("" ::: "memory");
}

static void trace_run(void *arg)
{
	struct trace *t = arg;

	trace_deep(t, t->depth);
	prim_ctx_exit_to(t->ctx, t->home);
}

static void trace_on_ctx(struct trace *t, uint32_t depth)
{
	t->home = prim_ctx_thread();
	t->depth = depth;
	t->ctx = prim_ctx_create(STACK_BYTES, trace_run, t);
	assert_non_null(t->ctx);
	prim_ctx_switch(t->home, t->ctx);
	prim_ctx_destroy(t->ctx);
}

/* On a coroutine's stack the callers are told up to its first function and no further; each frame more
 * is one more, and the same path is the same. */
static void test_backtrace(void **state)
{
	struct trace a = {.n = 0}, b = {.n = 0}, c = {.n = 0};

	(void)state;
	for (int i = 0; i < 2; i++) /* one call: the same path */
		trace_on_ctx(i == 0 ? &a : &b, 3);
	trace_on_ctx(&c, 5);
	assert_in_range(a.n, 5, TRACE_MAX - 1);
	assert_int_equal(b.n, a.n);
	assert_memory_equal(a.pc, b.pc, a.n * sizeof(a.pc[0]));
	assert_int_equal(c.n, a.n + 2);
	trace_on_ctx(&b, 100);
	assert_int_equal(b.n, TRACE_MAX);
	trace_deep(&c, 5); /* on a thread's stack as well */
	assert_in_range(c.n, 7, TRACE_MAX);
	assert_int_not_equal(c.pc[c.n - 1], a.pc[a.n - 1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_switch),
		cmocka_unit_test(test_float_control),
		cmocka_unit_test(test_registers),
		cmocka_unit_test(test_deep),
		cmocka_unit_test(test_reuse),
		cmocka_unit_test(test_migrate),
		cmocka_unit_test(test_guard),
		cmocka_unit_test(test_marker),
#if !CTX_TSAN
		cmocka_unit_test(test_canary),
		cmocka_unit_test(test_canary_far),
#endif
		cmocka_unit_test(test_release),
		cmocka_unit_test(test_release_all),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_backtrace),
	};

	return cmocka_run_group_tests_name("prim_ctx", tests, group_setup, NULL);
}
