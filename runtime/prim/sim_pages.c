/*
 * sim_pages.c: memory at the same addresses in every run.
 *
 * An arena at a fixed base serves everything but the heap: stacks, metadata,
 * the back end's own tables.  It is opened upwards in steps; what is given
 * back is kept in a table of free ranges, sorted by address and joined with
 * its neighbours, and handed out first fit.  Reservations without a hint lie
 * above the arena, one after the other.
 *
 * Limits: 64 GiB of arena; 4096 free ranges, beyond which one is lost.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "runtime/prim/prim.h"
#include "runtime/prim/sim_priv.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define ARENA_BYTES    ((size_t)64 << 30)
#define ARENA_STEP     ((size_t)64 << 20)
#define ARENA_FREE_MAX 4096u

struct arena_range {
	uintptr_t low, end;
};

static struct {
	uintptr_t top;	    /* first address never handed out; 0: not reserved yet */
	uintptr_t open_end; /* readable and writable up to here */
	uintptr_t reserved; /* the next reservation without a hint */
	uint32_t free_count;
	struct arena_range free[ARENA_FREE_MAX];
} arena;

static bool arena_ready(void)
{
	void *base;

	if (arena.top != 0)
		return true;
	if (prim_reserve_at(&base, prim_arena_base(), ARENA_BYTES) < 0)
		return false;
	arena.top = arena.open_end = (uintptr_t)base;
	arena.reserved = (uintptr_t)base + ARENA_BYTES;
	return true;
}

static void arena_free_remove(uint32_t i)
{
	arena.free_count--;
	memmove(&arena.free[i], &arena.free[i + 1], (arena.free_count - i) * sizeof(arena.free[0]));
}

static void *arena_take_free(size_t bytes)
{
	for (uint32_t i = 0; i < arena.free_count; i++) {
		struct arena_range *range = &arena.free[i];
		uintptr_t low = range->low;

		if (range->end - low < bytes)
			continue;
		range->low += bytes;
		if (range->low == range->end)
			arena_free_remove(i);
		return (void *)low;
	}
	return NULL;
}

static void *arena_take_top(size_t bytes)
{
	uintptr_t limit = prim_arena_base() + ARENA_BYTES;
	uintptr_t low = arena.top, open;

	if (bytes > limit - low) {
		errno = ENOMEM;
		return NULL;
	}
	if (low + bytes > arena.open_end) {
		open = (low + bytes + ARENA_STEP - 1) & ~(uintptr_t)(ARENA_STEP - 1);
		if (open > limit)
			open = limit;
		if (mprotect((void *)arena.open_end, open - arena.open_end,
			     PROT_READ | PROT_WRITE) != 0)
			return NULL;
		arena.open_end = open;
	}
	arena.top = low + bytes;
	return (void *)low;
}

void *prim_map(size_t bytes)
{
	void *addr;

	bytes = prim_page_round(bytes);
	if (bytes == 0 || !arena_ready())
		return NULL;
	addr = arena_take_free(bytes);
	return addr != NULL ? addr : arena_take_top(bytes);
}

void prim_unmap(void *addr, size_t bytes)
{
	struct arena_range range = {.low = (uintptr_t)addr};
	uint32_t i = 0;

	bytes = prim_page_round(bytes);
	range.end = range.low + bytes;
	madvise(addr, bytes, MADV_DONTNEED);
	while (i < arena.free_count && arena.free[i].low < range.low)
		i++;
	if (i < arena.free_count && arena.free[i].low == range.end) {
		range.end = arena.free[i].end;
		arena_free_remove(i);
	}
	if (i > 0 && arena.free[i - 1].end == range.low) {
		arena.free[i - 1].end = range.end;
		return;
	}
	if (arena.free_count == ARENA_FREE_MAX)
		return;
	memmove(&arena.free[i + 1], &arena.free[i], (arena.free_count - i) * sizeof(arena.free[0]));
	arena.free[i] = range;
	arena.free_count++;
}

int prim_reserve_any(void **ret_base, size_t bytes, size_t align)
{
	uintptr_t base;
	int r;

	if (!arena_ready())
		return -ENOMEM;
	base = (arena.reserved + align - 1) & ~(align - 1);
	r = prim_reserve_at(ret_base, base, bytes);
	if (r == 0)
		arena.reserved = base + bytes;
	return r;
}
