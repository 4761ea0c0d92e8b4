/*
 * throw.h: the policy for want of memory, and how a runtime under `throw` dies: with Go's words on stderr and
 * status 2. The one place of these texts (throw.def); go-facts §4, mmap failure map.
 *
 * In Go an allocation fails only because the heap cannot grow: mheap.grow finds no address space and says
 *
 *     runtime: out of memory: cannot allocate N-byte block (M in use)
 *
 * (N: what it asked for, whole chunks of 4 MiB; M: heapFree + heapReleased + heapInUse, all that the heap has
 * grown to), and whoever needed the span throws. So this is what every refused object, stack and mark buffer ends with, an
 * injected refusal too, whatever its errno. What the system refuses on the way has words of its own: pages of a chunk that has its
 * addresses (mem_throw_map), tables of a new chunk (mem_throw_arena), metadata (mem_throw_persist), a thread.
 *
 * The soft memory limit refuses nothing, so nothing throws for it.
 *
 * mem_throw_*: any thread, under any lock; none returns. Of two threads that die at once the first is heard, and the hook
 * `dying` (mem.h) is told of it alone. Without Go's goroutine traces.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum mem_throw {
#define THROW(ident, line) MEM_THROW_##ident,
#include "runtime/mem/throw.def"
#undef THROW
};

/* Until it is set anew; before mem_init. false: `return`. */
void mem_throw_policy(bool throws);
bool mem_throws(void);

/* What grow asks for a span of `bytes`. */
size_t mem_throw_block(size_t bytes);

/* No address space for a span of `bytes` (of a small object: any size, the block is the same). */
_Noreturn void mem_throw_heap(size_t bytes);
/* The same, for a stack: from 32 KiB on it is a span of its own, and says so. */
_Noreturn void mem_throw_stack(size_t bytes);
/* The system does not back [addr, addr + bytes) of the heap; err: its errno. */
_Noreturn void mem_throw_map(const void *addr, size_t bytes, int err);
_Noreturn void mem_throw_arena(void);
/* No pages for metadata outside of the heap; err: errno of mmap. */
_Noreturn void mem_throw_persist(int err);
/* The `threads`th, which is counted. */
_Noreturn void mem_throw_thread(uint32_t threads, int err);
