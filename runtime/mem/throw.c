/*
 * throw.c: last words. Nothing here takes a lock or allocates.
 */
#include "runtime/mem/throw.h"
#include "runtime/mem/mem_priv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#define THROW_STATUS	     2 /* of a Go program that throws */
#define THROW_STACK_OWN_SPAN ((size_t)32 << 10) /* stack.go: fixedStack << _NumStackOrders */
#define THROW_TEXT_MAX	     320u

static const char *const throw_line[] = {
#define THROW(ident, line) [MEM_THROW_##ident] = line,
#include "runtime/mem/throw.def"
#undef THROW
};

static _Atomic bool throw_on;
static _Atomic bool throw_said;

void mem_throw_policy(bool throws)
{
	/* Relaxed, here and below: set before there are other threads. */
	atomic_store_explicit(&throw_on, throws, memory_order_relaxed);
}

bool mem_throws(void)
{
	return atomic_load_explicit(&throw_on, memory_order_relaxed);
}

size_t mem_throw_block(size_t bytes)
{
	return (bytes + MEM_CHUNK_BYTES - 1) / MEM_CHUNK_BYTES * MEM_CHUNK_BYTES;
}

/* `before`: what is said first, with its line ends. block: for the hook, bytes. */
static _Noreturn __attribute__((format(printf, 3, 4))) void throw_say(enum mem_throw what, size_t block,
								       const char *before, ...)
{
	char text[THROW_TEXT_MAX];
	va_list ap;
	int n;

	/* Who comes second waits for the first one's exit, which ends all threads. Pairs with itself: one gets false. */
	while (atomic_exchange(&throw_said, true))
		prim_sleep_until(INT64_MAX);
	if (mem_hooks != NULL && mem_hooks->dying != NULL)
		mem_hooks->dying(block);
	va_start(ap, before);
	n = vsnprintf(text, sizeof(text), before, ap);
	va_end(ap);
	snprintf(text + n, sizeof(text) - (size_t)n, "%s\n", throw_line[what]);
	prim_die(THROW_STATUS, text);
}

/* The size of the heap is one word, read without the heap's lock: whoever dies may hold it. */
static _Noreturn void throw_grow(enum mem_throw what, size_t bytes)
{
	size_t block = mem_throw_block(bytes);

	throw_say(what, block, "runtime: out of memory: cannot allocate %zu-byte block (%zu in use)\n", block,
		  atomic_load_explicit(&mem_layout.bytes, memory_order_relaxed));
}

void mem_throw_heap(size_t bytes)
{
	throw_grow(MEM_THROW_HEAP, bytes);
}

void mem_throw_stack(size_t bytes)
{
	throw_grow(bytes < THROW_STACK_OWN_SPAN ? MEM_THROW_HEAP : MEM_THROW_STACK, bytes);
}

void mem_throw_map(const void *addr, size_t bytes, int err)
{
	if (err == ENOMEM)
		throw_say(MEM_THROW_MAP, bytes, "%s", "");
	throw_say(MEM_THROW_MAP_OTHER, bytes, "runtime: mmap(0x%zx, %zu) returned 0x0, %d\n", (size_t)(uintptr_t)addr,
		  bytes, err);
}

void mem_throw_arena(void)
{
	throw_say(MEM_THROW_ARENA, 0, "%s", "");
}

void mem_throw_persist(int err)
{
	enum mem_throw what = err == EACCES ? MEM_THROW_ACCESS : err == EAGAIN ? MEM_THROW_LOCKED : MEM_THROW_PERSIST;

	throw_say(what, 0, "%s", "");
}

void mem_throw_thread(uint32_t threads, int err)
{
	throw_say(MEM_THROW_THREAD, 0, "runtime: failed to create new OS thread (have %u already; errno=%d)\n%s", threads,
		  err, err == EAGAIN ? "runtime: may need to increase max user processes (ulimit -u)\n" : "");
}
