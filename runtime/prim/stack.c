/*
 * stack.c: stacks for contexts, and the cache of finished ones.
 *
 * Sizes are powers of two.  A stack normally has a mapping of its own with a
 * guard page below it: two map areas.  The kernel bounds those
 * (vm.max_map_count), so beyond a quarter of the bound, or 16000, stacks come
 * from slabs of 64: one mapping, no guard.  There the top of every stack carries
 * a canary; the one above overflows into it first, and the switch looks: at
 * the canary below, and at whether the stack pointer is still inside.  Limit:
 * a frame that jumps over the canary and comes back is not seen.
 *
 * The context's header lies at the top of its stack, in the page that is
 * touched anyway: an idle goroutine costs one page.
 */
#include "runtime/prim/prim.h"
#include "runtime/prim/prim_priv.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define STACK_CLASS_MIN	 14u /* 16 KiB */
#define STACK_CLASS_MAX	 30u
#define STACK_CACHED_MAX 512u /* guarded stacks kept a class; slab stacks are all kept */
#define STACK_SLAB_COUNT 64u
#define STACK_HEAD_BYTES                                                                           \
	((sizeof(prim_ctx) + PRIM_CANARY_WORDS * sizeof(uint64_t) + 63) & ~(size_t)63)
#define STACK_GUARDED_MAX 16000u

struct stack_slab {
	char *base; /* a page with a canary at its end, then the stacks */
	uint32_t carved;
};

static struct {
	prim_mutex lock;
	uint32_t guarded, guarded_max; /* 0: not read yet */
	struct {
		prim_ctx *cached;
		uint32_t cached_count;	/* guarded ones among them */
		struct stack_slab slab; /* the one being carved */
	} class_[STACK_CLASS_MAX + 1];
} stacks;

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

static uint64_t *stack_canary_below(char *end)
{
	return (uint64_t *)(void *)end - PRIM_CANARY_WORDS;
}

static void stack_canary_write(char *end)
{
	uint64_t *canary = stack_canary_below(end);

	for (uint32_t i = 0; i < PRIM_CANARY_WORDS; i++)
		canary[i] = PRIM_CANARY;
}

/* Put the header at the top of [low, low + 2^class_). */
static prim_ctx *stack_place(char *low, uint32_t class_, enum prim_stack_kind kind)
{
	size_t whole = (size_t)1 << class_;
	prim_ctx *ctx = (prim_ctx *)(void *)(low + whole - STACK_HEAD_BYTES);

	stack_canary_write(low + whole);
	ctx->stack = (struct prim_stack){
		.low = low,
		.bytes = whole - STACK_HEAD_BYTES,
		.kind = (uint8_t)kind,
		.class_ = (uint8_t)class_,
	};
	return ctx;
}

static prim_ctx *stack_map_guarded(uint32_t class_)
{
	size_t whole = (size_t)1 << class_;
	char *base = prim_map(PRIM_PAGE_BYTES + whole);

	if (base == NULL)
		return NULL;
	if (mprotect(base, PRIM_PAGE_BYTES, PROT_NONE) != 0) {
		prim_unmap(base, PRIM_PAGE_BYTES + whole);
		return NULL;
	}
	return stack_place(base + PRIM_PAGE_BYTES, class_, PRIM_STACK_GUARD);
}

static void stack_unmap_guarded(prim_ctx *ctx)
{
	char *base = ctx->stack.low - PRIM_PAGE_BYTES;
	size_t whole = (size_t)1 << ctx->stack.class_;

	/* The simulation hands the range out again: no page of it may stay closed. */
	if (mprotect(base, PRIM_PAGE_BYTES, PROT_READ | PROT_WRITE) == 0)
		prim_unmap(base, PRIM_PAGE_BYTES + whole);
}

/* Stacks are carved upwards, so the canary below is always there already. */
static prim_ctx *stack_carve_locked(uint32_t class_)
{
	struct stack_slab *slab = &stacks.class_[class_].slab;
	size_t whole = (size_t)1 << class_;

	prim_mutex_assert_held(&stacks.lock);
	if (slab->base == NULL || slab->carved == STACK_SLAB_COUNT) {
		char *base = prim_map(PRIM_PAGE_BYTES + STACK_SLAB_COUNT * whole);

		if (base == NULL)
			return NULL;
		stack_canary_write(base + PRIM_PAGE_BYTES);
		slab->base = base;
		slab->carved = 0;
	}
	return stack_place(slab->base + PRIM_PAGE_BYTES + slab->carved++ * whole, class_,
			   PRIM_STACK_SLAB);
}

static prim_ctx *stack_take_locked(uint32_t class_)
{
	prim_ctx *ctx = stacks.class_[class_].cached;

	prim_mutex_assert_held(&stacks.lock);
	if (ctx == NULL)
		return NULL;
	stacks.class_[class_].cached = ctx->cache_next;
	if (ctx->stack.kind == PRIM_STACK_GUARD)
		stacks.class_[class_].cached_count--;
	return ctx;
}

static uint32_t stack_class(size_t bytes)
{
	size_t whole = bytes * PRIM_STACK_FACTOR + STACK_HEAD_BYTES;
	uint32_t class_ = STACK_CLASS_MIN;

	while (class_ <= STACK_CLASS_MAX && ((size_t)1 << class_) < whole)
		class_++;
	return class_;
}

prim_ctx *prim_stack_get(size_t bytes)
{
	uint32_t class_;
	prim_ctx *ctx;

	if (bytes > (size_t)1 << STACK_CLASS_MAX)
		return NULL;
	class_ = stack_class(bytes);
	if (class_ > STACK_CLASS_MAX)
		return NULL;
	prim_mutex_lock(&stacks.lock);
	if (stacks.guarded_max == 0)
		stacks.guarded_max = stack_guarded_limit();
	ctx = stack_take_locked(class_);
	if (ctx == NULL && stacks.guarded < stacks.guarded_max) {
		ctx = stack_map_guarded(class_);
		if (ctx != NULL)
			stacks.guarded++;
	} else if (ctx == NULL) {
		ctx = stack_carve_locked(class_);
	}
	prim_mutex_unlock(&stacks.lock);
	return ctx;
}

void prim_stack_put(prim_ctx *ctx)
{
	uint32_t class_ = ctx->stack.class_;
	bool keep;

	prim_mutex_lock(&stacks.lock);
	keep = ctx->stack.kind == PRIM_STACK_SLAB ||
	       stacks.class_[class_].cached_count < STACK_CACHED_MAX;
	if (keep) {
		ctx->cache_next = stacks.class_[class_].cached;
		stacks.class_[class_].cached = ctx;
		stacks.class_[class_].cached_count += ctx->stack.kind == PRIM_STACK_GUARD;
	} else {
		stack_unmap_guarded(ctx);
		stacks.guarded--;
	}
	prim_mutex_unlock(&stacks.lock);
}

void prim_stack_check(const prim_ctx *ctx, const void *sp)
{
	const char *low = ctx->stack.low;
	const uint64_t *canary;

	if (PRIM_UNLIKELY((size_t)((const char *)sp - low) >= ctx->stack.bytes))
		prim_dief("prim: stack overflow: at %p, stack of %zu bytes from %p", sp,
			  ctx->stack.bytes, (const void *)low);
	if (ctx->stack.kind != PRIM_STACK_SLAB)
		return;
	canary = (const uint64_t *)(const void *)low - PRIM_CANARY_WORDS;
	for (uint32_t i = 0; i < PRIM_CANARY_WORDS; i++)
		if (PRIM_UNLIKELY(canary[i] != PRIM_CANARY))
			prim_dief("prim: stack overflow: canary below %p is gone",
				  (const void *)low);
}
