/*
 * stack.c: stacks for contexts: slabs of them, guards, reuse, and giving memory back.
 *
 * A slab is one mapping: a page with its description, then stacks of one size. What lies below a
 * stack catches an overflow. In the order in which they are used:
 *
 *   GUARD   a page without access (mprotect). Two map areas each, of which the kernel allows
 *           vm.max_map_count: so only a quarter of that in number, 16000 at most.
 *   MARKER  a page that the kernel marks without an area of its own (MADV_GUARD_INSTALL, Linux 6.13 and
 *           later). Whether it has that is tried once; a kernel or emulator that only says so is
 *           seen through.
 *   CANARY  PRIM_CANARY_WORDS known words: the end of the page above which the stack begins, its lower
 *           neighbour's topmost, so that a stack costs no page more. Those nearest to the stack are looked at
 *           whenever it is left; all of them when it is scanned, ended or reused (prim_ctx_check).
 *           The stack pointer must be inside as well. Limits: what jumps over all the words, or puts
 *           them back, is not seen, and it is seen only then: the neighbour may be hurt by that time.
 *
 * The first two give SIGSEGV at the access itself (segv.c); a frame larger than a page may jump over them, into the
 * neighbour's stack. A guard that the kernel refuses leaves its place unused, and the next kind is taken.
 *
 * The context's header lies at the top of its stack, in the page that is touched anyway: a parked
 * goroutine costs that one page while its frames have room there, about 2.8 KiB.
 *
 * A stack that was put back keeps its pages and is the first to be taken again, until
 * prim_stacks_release: that unmaps slabs nobody uses and gives the pages of single stacks back.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "runtime/prim/prim.h"
#include "runtime/prim/prim_priv.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE  103
#endif

#define STACK_CLASS_MIN	  14u /* 16 KiB */
#define STACK_CLASS_MAX	  30u
#define STACK_SLAB_MAX	  64u /* stacks a slab: bits of a word */
#define STACK_SLAB_BYTES  ((size_t)8 << 20) /* a slab of more than one stack is no larger */
#define STACK_GUARDED_MAX 16000u
#define STACK_RELEASE_SLABS 16u /* under one hold of the lock */
#define STACK_CANARY_BYTES (PRIM_CANARY_WORDS * sizeof(uint64_t))
#define STACK_HEAD_BYTES  (((sizeof(prim_ctx) + 63) & ~(size_t)63) + STACK_CANARY_BYTES)

_Static_assert(STACK_HEAD_BYTES <= PRIM_PAGE_BYTES / 2, "room for the frames of a parked goroutine");

/* The first page of a slab. Everything under the lock, but what ctx->stack repeats. */
struct prim_slab {
	struct prim_slab *prev, *next; /* in the list of its class and kind, while it has room */
	char *low;		       /* of stack 0 */
	size_t stride, bytes;	       /* from one stack to the next; the whole mapping */
	uint32_t count;
	uint8_t class_, kind;
	uint64_t free;	  /* bit: nobody has this stack */
	uint64_t touched; /* it has been used since its pages were given back last */
	uint64_t guarded; /* its guard is in place */
};

_Static_assert(sizeof(struct prim_slab) <= PRIM_PAGE_BYTES - STACK_CANARY_BYTES,
	       "a canary lies at the end of the page");

static struct {
	prim_mutex lock;
	uint32_t guarded, guarded_max; /* 0: not read yet */
	enum { MARKERS_UNTRIED, MARKERS_YES, MARKERS_NO } markers;
	uint32_t forbidden; /* PRIM_GUARD_* */
	struct prim_slab *room[STACK_CLASS_MAX + 1][PRIM_STACK_KINDS];
	_Atomic uint64_t cached_bytes;
} stacks;

/* -------------------------------------------------------------------- canaries */

static uint64_t *stack_canary_of(const prim_ctx *ctx)
{
	return (uint64_t *)(void *)ctx->stack.low - PRIM_CANARY_WORDS;
}

static void stack_canary_write(prim_ctx *ctx)
{
	uint64_t *canary = stack_canary_of(ctx);

	for (uint32_t i = 0; i < PRIM_CANARY_WORDS; i++)
		canary[i] = PRIM_CANARY;
}

/* `at` is what `word` says, the stack pointer or an address. */
static __attribute__((cold, noinline)) _Noreturn void
stack_die(const prim_ctx *ctx, const char *word, const void *at, const char *what)
{
	const char *low = ctx->stack.low;

	/* Go's words (newstack in stack.go) around ours. */
	prim_dief("runtime: goroutine stack exceeds %zu-byte limit\n"
		  "runtime: goroutine %u [%s]: %s=%p stack=[%p, %p]: %s\n"
		  "fatal error: stack overflow\n",
		  (size_t)1 << ctx->stack.class_, ctx->id, ctx->name != NULL ? ctx->name : "no name", word,
		  at, (const void *)low, (const void *)(low + ctx->stack.bytes), what);
}

/* Words [from, PRIM_CANARY_WORDS), the last of which is next to the stack. */
static inline void stack_canary_check(const prim_ctx *ctx, const void *sp, uint32_t from)
{
	const uint64_t *canary = stack_canary_of(ctx);
	uint64_t wrong = 0;

	for (uint32_t i = from; i < PRIM_CANARY_WORDS; i++)
		wrong |= canary[i] ^ PRIM_CANARY;
	if (PRIM_UNLIKELY(wrong != 0))
		stack_die(ctx, "sp", sp, "the canary below it is overwritten");
}

void prim_stack_check(const prim_ctx *ctx, const void *sp)
{
	const char *low = ctx->stack.low;

	if (PRIM_UNLIKELY((size_t)((const char *)sp - low) >= ctx->stack.bytes))
		stack_die(ctx, "sp", sp, "the stack pointer is outside");
	if (ctx->stack.kind == PRIM_STACK_CANARY)
		stack_canary_check(ctx, sp, PRIM_CANARY_WORDS - PRIM_CANARY_NEAR);
}

void prim_ctx_check(const prim_ctx *ctx)
{
	if (ctx->stack.kind == PRIM_STACK_CANARY)
		stack_canary_check(ctx, ctx->sp, 0);
}

void prim_ctx_fault(const prim_ctx *ctx, const void *addr)
{
	size_t below = (size_t)(ctx->stack.low - (const char *)addr);

	if (ctx->stack.kind != PRIM_STACK_GUARD && ctx->stack.kind != PRIM_STACK_MARKER)
		return;
	if (below - 1 < PRIM_PAGE_BYTES) /* 0 wraps */
		stack_die(ctx, "address", addr, "the guard below it is touched");
}

/* ---------------------------------------------------------------------- guards */

/* A quarter of vm.max_map_count (half of it in areas; the rest is for everybody
 * else), and never more than the default setting of it allows. */
static uint32_t stack_guarded_limit(void)
{
	char text[32];
	int fd = open("/proc/sys/vm/max_map_count", O_RDONLY | O_CLOEXEC);
	unsigned long limit;
	ssize_t n;

	if (fd < 0)
		return STACK_GUARDED_MAX;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return STACK_GUARDED_MAX;
	text[n] = '\0';
	limit = strtoul(text, NULL, 10) / 4;
	return limit > 0 && limit < STACK_GUARDED_MAX ? (uint32_t)limit : STACK_GUARDED_MAX;
}

/* May the kernel not read there? An empty set of signals to block is asked for from that page. */
static bool guard_holds(const char *page)
{
	return syscall(SYS_rt_sigprocmask, SIG_BLOCK, page, NULL, sizeof(uint64_t)) != 0;
}

static bool guard_marker_set(char *page)
{
	return madvise(page, PRIM_PAGE_BYTES, MADV_GUARD_INSTALL) == 0;
}

static bool guard_markers_work_locked(void)
{
	char *page;

	prim_mutex_assert_held(&stacks.lock);
	if (stacks.markers != MARKERS_UNTRIED)
		return stacks.markers == MARKERS_YES;
	page = prim_map(PRIM_PAGE_BYTES);
	if (page == NULL)
		return false; /* another time */
	stacks.markers = MARKERS_NO;
	if (guard_marker_set(page)) {
		if (guard_holds(page))
			stacks.markers = MARKERS_YES;
		madvise(page, PRIM_PAGE_BYTES, MADV_GUARD_REMOVE);
	}
	prim_unmap(page, PRIM_PAGE_BYTES);
	return stacks.markers == MARKERS_YES;
}

/* What is below stack `slot` is as its kind wants it. False: the kernel refuses. */
static bool guard_set_locked(struct prim_slab *slab, uint32_t slot)
{
	uint64_t bit = UINT64_C(1) << slot;
	char *page = slab->low + slot * slab->stride - PRIM_PAGE_BYTES;

	prim_mutex_assert_held(&stacks.lock);
	if (slab->kind == PRIM_STACK_CANARY || (slab->guarded & bit) != 0)
		return true;
	if (slab->kind == PRIM_STACK_GUARD ? mprotect(page, PRIM_PAGE_BYTES, PROT_NONE) != 0
					   : !guard_marker_set(page))
		return false;
	slab->guarded |= bit;
	return true;
}

/* ----------------------------------------------------------------------- slabs */

static void slab_list(struct prim_slab *slab)
{
	struct prim_slab **head = &stacks.room[slab->class_][slab->kind];

	slab->prev = NULL;
	slab->next = *head;
	if (*head != NULL)
		(*head)->prev = slab;
	*head = slab;
}

static void slab_unlist(struct prim_slab *slab)
{
	if (slab->prev != NULL)
		slab->prev->next = slab->next;
	else
		stacks.room[slab->class_][slab->kind] = slab->next;
	if (slab->next != NULL)
		slab->next->prev = slab->prev;
}

static uint64_t slab_all(const struct prim_slab *slab)
{
	return slab->count == 64 ? UINT64_MAX : (UINT64_C(1) << slab->count) - 1;
}

/* Is a slab of this kind allowed, with `count` stacks? */
static bool slab_may_locked(enum prim_stack_kind kind, uint32_t count)
{
	prim_mutex_assert_held(&stacks.lock);
	if (kind == PRIM_STACK_CANARY)
		return true;
	if (kind == PRIM_STACK_MARKER)
		return (stacks.forbidden & PRIM_GUARD_MARKERS) == 0 && guard_markers_work_locked();
	if (stacks.guarded_max == 0)
		stacks.guarded_max = stack_guarded_limit();
	return (stacks.forbidden & PRIM_GUARD_PAGES) == 0 &&
	       stacks.guarded + count <= stacks.guarded_max;
}

static void slab_create_locked(uint32_t class_, enum prim_stack_kind kind)
{
	size_t stride = ((size_t)1 << class_) + PRIM_PAGE_BYTES;
	size_t count, bytes, before = PRIM_PAGE_BYTES;
	struct prim_slab *slab;

	prim_mutex_assert_held(&stacks.lock);
	if (kind != PRIM_STACK_CANARY) {
		stride += PRIM_PAGE_BYTES;
		before += PRIM_PAGE_BYTES;
	}
	count = STACK_SLAB_BYTES / stride;
	count = count == 0 ? 1 : count > STACK_SLAB_MAX ? STACK_SLAB_MAX : count;
	bytes = PRIM_PAGE_BYTES + count * stride;
	if (!slab_may_locked(kind, (uint32_t)count))
		return;
	slab = prim_map(bytes);
	if (slab == NULL)
		return;
	/* One page of a stack touched shall cost one page. Refused: the kernel has no huge ones. */
	madvise(slab, bytes, MADV_NOHUGEPAGE);
	*slab = (struct prim_slab){
		.low = (char *)slab + before,
		.stride = stride,
		.bytes = bytes,
		.count = (uint32_t)count,
		.class_ = (uint8_t)class_,
		.kind = (uint8_t)kind,
	};
	slab->free = slab_all(slab);
	if (kind == PRIM_STACK_GUARD)
		stacks.guarded += slab->count;
	slab_list(slab);
}

/* Nobody has a stack of it. The simulation hands the range out again: no page may stay closed. False: it
 * stays, whole. */
static bool slab_destroy_locked(struct prim_slab *slab)
{
	size_t bytes = slab->bytes;

	prim_mutex_assert_held(&stacks.lock);
	if (slab->kind == PRIM_STACK_GUARD && mprotect(slab, bytes, PROT_READ | PROT_WRITE) != 0)
		return false;
	if (slab->kind == PRIM_STACK_MARKER && madvise(slab, bytes, MADV_GUARD_REMOVE) != 0)
		return false;
	if (slab->kind == PRIM_STACK_GUARD)
		stacks.guarded -= slab->count;
	slab_unlist(slab);
	prim_unmap(slab, bytes);
	return true;
}

/* ---------------------------------------------------------------------- stacks */

/* As the figures of memory count it: without what a sanitizer needs more. */
static uint64_t stack_bytes_of(uint32_t class_)
{
	return ((uint64_t)1 << class_) / PRIM_STACK_FACTOR;
}

size_t prim_ctx_bytes(const prim_ctx *ctx)
{
	return stack_bytes_of(ctx->stack.class_);
}

static prim_ctx *stack_take_locked(struct prim_slab *slab)
{
	uint64_t warm = slab->free & slab->touched;
	uint32_t slot = (uint32_t)__builtin_ctzll(warm != 0 ? warm : slab->free);
	size_t usable = ((size_t)1 << slab->class_) + PRIM_PAGE_BYTES - STACK_HEAD_BYTES;
	char *low = slab->low + slot * slab->stride;
	prim_ctx *ctx = (prim_ctx *)(void *)(low + usable);

	prim_mutex_assert_held(&stacks.lock);
	if (!guard_set_locked(slab, slot))
		return NULL;
	if (warm != 0)
		atomic_fetch_sub_explicit(&stacks.cached_bytes, stack_bytes_of(slab->class_),
					  memory_order_relaxed);
	slab->free &= ~(UINT64_C(1) << slot);
	slab->touched |= UINT64_C(1) << slot;
	if (slab->free == 0)
		slab_unlist(slab);
	ctx->stack = (struct prim_stack){
		.low = low,
		.bytes = usable,
		.kind = slab->kind,
		.class_ = slab->class_,
		.slab = slab,
	};
	ctx->id = 0;
	ctx->name = NULL;
	if (slab->kind == PRIM_STACK_CANARY)
		stack_canary_write(ctx);
	return ctx;
}

prim_ctx *prim_stack_get(size_t bytes)
{
	uint32_t class_ = STACK_CLASS_MIN;
	prim_ctx *ctx = NULL;

	if (bytes > ((size_t)1 << STACK_CLASS_MAX) / PRIM_STACK_FACTOR)
		return NULL;
	while ((size_t)1 << class_ < bytes * PRIM_STACK_FACTOR)
		class_++;
	prim_mutex_lock(&stacks.lock);
	for (uint32_t kind = PRIM_STACK_GUARD; ctx == NULL && kind < PRIM_STACK_KINDS; kind++) {
		struct prim_slab **room = &stacks.room[class_][kind];

		if (*room == NULL)
			slab_create_locked(class_, kind);
		if (*room != NULL)
			ctx = stack_take_locked(*room);
	}
	prim_mutex_unlock(&stacks.lock);
	return ctx;
}

void prim_stack_put(prim_ctx *ctx)
{
	struct prim_slab *slab = ctx->stack.slab;
	uint32_t slot;

	prim_ctx_check(ctx);
	prim_mutex_lock(&stacks.lock);
	slot = (uint32_t)((size_t)(ctx->stack.low - slab->low) / slab->stride);
	if (slab->free == 0)
		slab_list(slab);
	slab->free |= UINT64_C(1) << slot;
	atomic_fetch_add_explicit(&stacks.cached_bytes, stack_bytes_of(slab->class_),
				  memory_order_relaxed);
	prim_mutex_unlock(&stacks.lock);
}

/* ----------------------------------------------------------------- giving back */

/* The pages of free stacks [slot, end), which are neighbours. The last one's topmost page holds the
 * canary of the stack above it, and stays while somebody has that. */
static bool slab_release_run_locked(struct prim_slab *slab, uint32_t slot, uint32_t end)
{
	char *low = slab->low + slot * slab->stride;
	char *high = slab->low + (end - 1) * slab->stride + ((size_t)1 << slab->class_) + PRIM_PAGE_BYTES;

	prim_mutex_assert_held(&stacks.lock);
	if (slab->kind == PRIM_STACK_CANARY && end < slab->count && (slab->free >> end & 1) == 0)
		high -= PRIM_PAGE_BYTES;
	return madvise(low, (size_t)(high - low), MADV_DONTNEED) == 0;
}

/* How many stacks' memory went back. */
static uint32_t slab_release_locked(struct prim_slab *slab)
{
	uint64_t idle = slab->free & slab->touched;
	uint32_t n = (uint32_t)__builtin_popcountll(idle), released = 0;

	prim_mutex_assert_held(&stacks.lock);
	if (slab->free == slab_all(slab) && slab_destroy_locked(slab))
		return n;
	while (idle != 0) {
		uint32_t slot = (uint32_t)__builtin_ctzll(idle), end = slot;
		uint64_t run = 0;

		for (; end < slab->count && (idle >> end & 1) != 0; end++)
			run |= UINT64_C(1) << end;
		idle &= ~run;
		if (!slab_release_run_locked(slab, slot, end))
			continue; /* they stay counted, and are tried again next time */
		slab->touched &= ~run;
		released += end - slot;
	}
	return released;
}

/* Slabs of this class, as long as there is *budget for those that have something to give. */
static uint32_t stacks_release_class_locked(uint32_t class_, uint32_t *budget)
{
	uint32_t released = 0;

	prim_mutex_assert_held(&stacks.lock);
	for (uint32_t kind = PRIM_STACK_GUARD; kind < PRIM_STACK_KINDS; kind++) {
		struct prim_slab *slab = stacks.room[class_][kind], *next;

		for (; slab != NULL && *budget > 0; slab = next) {
			uint32_t n;

			next = slab->next;
			n = slab_release_locked(slab);
			*budget -= n > 0;
			released += n;
		}
	}
	atomic_fetch_sub_explicit(&stacks.cached_bytes, released * stack_bytes_of(class_),
				  memory_order_relaxed);
	return released;
}

uint32_t prim_stacks_release(void)
{
	uint32_t released = 0, budget = 0;

	/* What is left when a turn ends early is found by the next; whoever makes a goroutine meanwhile waits for
	 * one turn at most. */
	while (budget == 0) {
		budget = STACK_RELEASE_SLABS;
		prim_mutex_lock(&stacks.lock);
		for (uint32_t class_ = STACK_CLASS_MIN; class_ <= STACK_CLASS_MAX; class_++)
			released += stacks_release_class_locked(class_, &budget);
		prim_mutex_unlock(&stacks.lock);
	}
	return released;
}

uint64_t prim_stacks_cached(void)
{
	/* Relaxed: a figure, nothing is published by it. */
	return atomic_load_explicit(&stacks.cached_bytes, memory_order_relaxed);
}

void prim_stack_forbid(uint32_t guards)
{
	prim_mutex_lock(&stacks.lock);
	stacks.forbidden = guards;
	prim_mutex_unlock(&stacks.lock);
}
