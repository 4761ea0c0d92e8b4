/*
 * ctx.c: contexts: a stack, and the machine state parked on it.
 *
 * The switch saves the callee-saved registers and the floating-point control
 * words on the old stack (ctx_<machine>.S), and tells ASan and TSan about it:
 * both keep per-stack state of their own.
 *
 *   ASan  wants the bounds of the stack it goes to.  Those of a thread's own
 *         stack are learned from ASan itself at the first switch away.
 *   TSan  wants a fiber a context.  Its table holds about 8,100 threads and
 *         fibers together and it aborts beyond, so creation is refused first.
 *         A fiber of a finished context is made anew: its shadow call stack
 *         would keep the frames that never returned.
 *
 * A context may be resumed by another OS thread than the one it left.
 */
#include "runtime/prim/prim.h"
#include "runtime/prim/prim_priv.h"

#include <string.h>

#if PRIM_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if PRIM_TSAN
#include <sanitizer/tsan_interface.h>
#endif

#define CTX_FIBERS_MAX 7000u

void prim_ctx_swap(void **ret_sp, void *sp);
void prim_ctx_entry(void);
_Noreturn void prim_ctx_main(prim_ctx *ctx);

#if PRIM_TSAN
static _Atomic uint32_t ctx_fibers;

static bool ctx_fiber_create(prim_ctx *ctx)
{
	/* Relaxed: a count, nothing is published by it. */
	if (atomic_fetch_add_explicit(&ctx_fibers, 1, memory_order_relaxed) >= CTX_FIBERS_MAX) {
		atomic_fetch_sub_explicit(&ctx_fibers, 1, memory_order_relaxed);
		return false;
	}
	ctx->tsan_fiber = __tsan_create_fiber(0);
	return true;
}

static void ctx_fiber_destroy(prim_ctx *ctx)
{
	if (ctx->tsan_fiber == NULL)
		return;
	__tsan_destroy_fiber(ctx->tsan_fiber);
	ctx->tsan_fiber = NULL;
	atomic_fetch_sub_explicit(&ctx_fibers, 1, memory_order_relaxed);
}
#else
static bool ctx_fiber_create(prim_ctx *ctx)
{
	ctx->tsan_fiber = NULL;
	return true;
}

static void ctx_fiber_destroy(prim_ctx *ctx)
{
	(void)ctx;
}
#endif

/* The last thing done on the old stack.  Inlined by force, as its counterpart: TSan
 * counts a function's entry and exit, and both must fall on one fiber. */
static inline __attribute__((always_inline)) void ctx_leave(prim_ctx *from, prim_ctx *to, bool last)
{
	if (from->stack.kind != PRIM_STACK_THREAD)
		prim_stack_check(from, __builtin_frame_address(0));
#if PRIM_ASAN
	to->came_from = from;
	__sanitizer_start_switch_fiber(last ? NULL : &from->asan_fake, to->asan_low,
				       to->asan_bytes);
#endif
#if PRIM_TSAN
	/* Flag 0: the switch orders what was before it with what comes after. */
	__tsan_switch_to_fiber(to->tsan_fiber, 0);
#endif
	(void)to;
	(void)last;
}

/* The first thing done on the new one. */
static inline __attribute__((always_inline)) void ctx_arrive(prim_ctx *ctx)
{
#if PRIM_ASAN
	const void *low;
	size_t bytes;

	__sanitizer_finish_switch_fiber(ctx->asan_fake, &low, &bytes);
	if (ctx->came_from->asan_low == NULL) {
		ctx->came_from->asan_low = low;
		ctx->came_from->asan_bytes = bytes;
	}
#endif
	(void)ctx;
}

void prim_ctx_jump(prim_ctx *from, prim_ctx *to)
{
	ctx_leave(from, to, false);
	prim_ctx_swap(&from->sp, to->sp);
	ctx_arrive(from);
}

void prim_ctx_jump_last(prim_ctx *from, prim_ctx *to)
{
	ctx_leave(from, to, true);
	prim_ctx_swap(&from->sp, to->sp);
	prim_dief("prim: a finished context was resumed");
}

/* Where prim_ctx_entry lands. */
void prim_ctx_main(prim_ctx *ctx)
{
	ctx_arrive(ctx);
	ctx->fn(ctx->arg);
	prim_dief("prim: a context's function returned");
}

/* Lay out the frame that prim_ctx_swap pops first. */
static void ctx_arm(prim_ctx *ctx)
{
	uintptr_t *sp = (uintptr_t *)(void *)(ctx->stack.low + ctx->stack.bytes);

#if defined(__x86_64__)
	sp -= 2; /* entry's call leaves the stack as the ABI wants it */
	*--sp = (uintptr_t)prim_ctx_entry;
	*--sp = 0;		/* rbp */
	*--sp = 0;		/* rbx */
	*--sp = (uintptr_t)ctx; /* r12 */
	*--sp = 0;		/* r13 */
	*--sp = 0;		/* r14 */
	*--sp = 0;		/* r15 */
	*--sp = UINT64_C(0x037f) << 32 |
		0x1f80; /* x87 control word, mxcsr: the ABI's start values */
#elif defined(__aarch64__)
	sp -= 176 / sizeof(*sp);
	memset(sp, 0, 176);
	sp[0] = (uintptr_t)ctx;		    /* x19 */
	sp[11] = (uintptr_t)prim_ctx_entry; /* x30 */
#else
#error "prim_ctx has no switch for this machine"
#endif
	ctx->sp = sp;
}

/* Frames that never returned left their red zones behind. */
static void ctx_unpoison(prim_ctx *ctx)
{
#if PRIM_ASAN
	ASAN_UNPOISON_MEMORY_REGION(ctx->stack.low, ctx->stack.bytes);
#endif
	(void)ctx;
}

static void ctx_prepare(prim_ctx *ctx, void (*fn)(void *), void *arg)
{
	ctx->fn = fn;
	ctx->arg = arg;
	ctx->came_from = NULL;
	ctx->asan_fake = NULL;
	ctx->asan_low = ctx->stack.low;
	ctx->asan_bytes = ctx->stack.bytes;
	ctx_unpoison(ctx);
	ctx_arm(ctx);
}

prim_ctx *prim_ctx_create(size_t stack_bytes, void (*fn)(void *), void *arg)
{
	prim_ctx *ctx = prim_stack_get(stack_bytes);

	if (ctx == NULL)
		return NULL;
	if (!ctx_fiber_create(ctx)) {
		prim_stack_put(ctx);
		return NULL;
	}
	ctx_prepare(ctx, fn, arg);
	return ctx;
}

void prim_ctx_reset(prim_ctx *ctx, void (*fn)(void *), void *arg)
{
	prim_ctx_check(ctx);
	ctx_fiber_destroy(ctx);
	if (!ctx_fiber_create(ctx))
		prim_dief("prim: no fiber for a context that had one");
	ctx_prepare(ctx, fn, arg);
}

void prim_ctx_label(prim_ctx *ctx, uint32_t id, const char *name)
{
	ctx->id = id;
	ctx->name = name;
}

void prim_ctx_destroy(prim_ctx *ctx)
{
	ctx_fiber_destroy(ctx);
	ctx_unpoison(ctx);
	prim_stack_put(ctx);
}

void prim_ctx_init_thread(prim_ctx *ctx)
{
	memset(ctx, 0, sizeof(*ctx));
	ctx->stack.kind = PRIM_STACK_THREAD;
#if PRIM_TSAN
	ctx->tsan_fiber = __tsan_get_current_fiber();
#endif
}
