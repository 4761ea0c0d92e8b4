/*
 * prim_priv.h: what the files of prim/ share among themselves.
 *
 * Two notions are kept apart.  A *context* (prim_ctx) is a stack with a
 * machine state parked on it; a *thread* (prim_thread) is what owns a clock
 * and blocks.  A thread has a context of its own and may run on any other.
 * In the simulation a thread is switched away from while it runs on whatever
 * context it happens to be on, so it remembers that one (`running`).
 */
#pragma once

#include "runtime/prim/prim.h"

#ifndef MRT_DEBUG
#define MRT_DEBUG 0
#endif

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PRIM_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define PRIM_TSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) && !defined(PRIM_ASAN)
#define PRIM_ASAN 1
#endif
#if defined(__SANITIZE_THREAD__) && !defined(PRIM_TSAN)
#define PRIM_TSAN 1
#endif
#ifndef PRIM_ASAN
#define PRIM_ASAN 0
#endif
#ifndef PRIM_TSAN
#define PRIM_TSAN 0
#endif

/* Sanitizers pad every frame: the same code needs a deeper stack. */
#define PRIM_STACK_FACTOR (PRIM_ASAN || PRIM_TSAN ? 4u : 1u)

#define PRIM_THREADS_MAX_DEFAULT 256u
#define PRIM_NAME_BYTES		 16

/* --------------------------------------------------------------- contexts */

enum prim_stack_kind { /* what lies below it: stack.c */
	PRIM_STACK_THREAD, /* the stack an OS thread came with: not ours to say */
	PRIM_STACK_GUARD,  /* a page without access */
	PRIM_STACK_MARKER, /* a page that the kernel has marked */
	PRIM_STACK_CANARY, /* the canary, in the neighbour's topmost page */
	PRIM_STACK_KINDS
};

struct prim_slab;

/* One stack.  Memory, low to high:
 *   guard page, or the lower neighbour's canary words | stack | prim_ctx | canary words */
struct prim_stack {
	char *low;	/* lowest usable byte */
	size_t bytes;	/* usable bytes, without header and canary */
	uint8_t kind;	/* enum prim_stack_kind */
	uint8_t class_; /* log2 of the size that is promised */
	struct prim_slab *slab;
};

struct prim_ctx {
	void *sp; /* the parked machine state */
	void (*fn)(void *);
	void *arg;
	struct prim_stack stack;
	uint32_t id; /* of whom it runs, for last words */
	const char *name;
	struct prim_ctx *came_from; /* ASan: who switched here */
	void *asan_fake;
	const void *asan_low;
	size_t asan_bytes;
	void *tsan_fiber;
};

#define PRIM_CANARY_WORDS 128u /* 1 KiB: so far may a frame jump and be seen */
#define PRIM_CANARY_NEAR  8u   /* of these are looked at whenever the stack is left */
#define PRIM_CANARY	  UINT64_C(0x6763732d63616e61)

/* Stacks: a context header at the top of a fresh or cached stack. NULL: no memory. */
prim_ctx *prim_stack_get(size_t bytes);
void prim_stack_put(prim_ctx *ctx);
/* Dies when the running context has left its stack, as far as it can be seen in a moment. */
void prim_stack_check(const prim_ctx *ctx, const void *sp);

/* The calling thread's stack for signals; every thread has one before it runs a context. */
void prim_fault_stack(void);

/* Make *ctx the context of the calling OS thread. */
void prim_ctx_init_thread(prim_ctx *ctx);
/* The switch itself, with the sanitizers told; does not touch any thread. */
void prim_ctx_jump(prim_ctx *from, prim_ctx *to);
_Noreturn void prim_ctx_jump_last(prim_ctx *from, prim_ctx *to);

/* ------------------------------------------------------------ the back ends */

/* Private anonymous memory, page rounded; sim: at repeatable addresses. NULL: none. */
void *prim_map(size_t bytes);
void prim_unmap(void *addr, size_t bytes);
uintptr_t prim_arena_base(void); /* sim: of the memory that is not heap */
/* Reserve exactly there: 0, -EEXIST, -ENOMEM. */
int prim_reserve_at(void **ret_base, uintptr_t base, size_t bytes);
/* Reserve wherever there is room; align is a power of two, at least a page. */
int prim_reserve_any(void **ret_base, size_t bytes, size_t align);

/* --------------------------------------------------------------- lock ranks */

#define PRIM_HELD_MAX 16

struct prim_held {
	uint32_t count;
	const prim_mutex *locks[PRIM_HELD_MAX];
};

const char *prim_rank_name(uint32_t rank);
/* Before a blocking lock: dies when the order is broken. */
void prim_rank_check(const struct prim_held *held, const prim_mutex *m);
void prim_rank_push(struct prim_held *held, const prim_mutex *m);
void prim_rank_pop(struct prim_held *held, const prim_mutex *m);

/* ------------------------------------------------------------------- numbers */

/* The finaliser of splitmix64: every output bit depends on every input bit. */
static inline uint64_t prim_mix64(uint64_t x)
{
	x ^= x >> 30;
	x *= UINT64_C(0xbf58476d1ce4e5b9);
	x ^= x >> 27;
	x *= UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

#define PRIM_GOLDEN UINT64_C(0x9e3779b97f4a7c15)

/* prim_die with a format; at most 4 KiB of text. */
_Noreturn void prim_dief(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Remembers the seed for prim_seed. */
void prim_seed_init(uint64_t seed);
size_t prim_page_round(size_t bytes);
