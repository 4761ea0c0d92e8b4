/*
 * persist.c: metadata that lives as long as the heap: bump allocation out of
 * 256 KiB chunks (persistentalloc of malloc.go).  A request of a quarter
 * chunk or more gets pages of its own.  Every chunk begins with a link, so
 * that mem_fini can give them back.
 */
#include "runtime/mem/mem_priv.h"
#include "runtime/mem/throw.h"

#include <errno.h>

#define PERSIST_CHUNK ((size_t)256 << 10)

struct persist_chunk {
	struct persist_chunk *next;
	size_t bytes;
};

static struct {
	prim_mutex lock;
	struct persist_chunk *chunks;
	uintptr_t at, end; /* room left in the chunk being filled */
	uint64_t sys;
} persist;

void mem_persist_init(void)
{
	prim_mutex_init(&persist.lock, PRIM_RANK_META);
}

void mem_persist_fini(void)
{
	struct persist_chunk *chunk = persist.chunks, *next;

	for (; chunk != NULL; chunk = next) {
		next = chunk->next;
		prim_pages_free(chunk, chunk->bytes);
	}
	persist.chunks = NULL;
	persist.at = persist.end = 0;
	persist.sys = 0;
}

static struct persist_chunk *persist_chunk_locked(size_t bytes)
{
	struct persist_chunk *chunk;

	prim_mutex_assert_held(&persist.lock);
	chunk = prim_pages_alloc(bytes);
	if (chunk == NULL)
		return NULL;
	chunk->bytes = bytes;
	chunk->next = persist.chunks;
	persist.chunks = chunk;
	persist.sys += bytes;
	return chunk;
}

static uintptr_t persist_align(uintptr_t at, size_t align)
{
	return (at + align - 1) & ~(uintptr_t)(align - 1);
}

static void *persist_own_locked(size_t bytes, size_t align)
{
	size_t whole = (bytes + sizeof(struct persist_chunk) + align + PRIM_PAGE_BYTES - 1) &
		       ~(size_t)(PRIM_PAGE_BYTES - 1);
	struct persist_chunk *chunk = whole < bytes ? NULL : persist_chunk_locked(whole);

	return chunk == NULL ? NULL : (void *)persist_align((uintptr_t)(chunk + 1), align);
}

static void *persist_bump_locked(size_t bytes, size_t align)
{
	uintptr_t at = persist_align(persist.at, align);
	struct persist_chunk *chunk;

	if (persist.at == 0 || at + bytes > persist.end) {
		chunk = persist_chunk_locked(PERSIST_CHUNK);
		if (chunk == NULL)
			return NULL;
		persist.end = (uintptr_t)chunk + PERSIST_CHUNK;
		at = persist_align((uintptr_t)(chunk + 1), align);
	}
	persist.at = at + bytes;
	return (void *)at;
}

/* NULL: *ret_err is what the system said. */
static void *persist_take(size_t bytes, size_t align, int *ret_err)
{
	void *ret;

	mem_must(align != 0 && (align & (align - 1)) == 0 && align <= PRIM_PAGE_BYTES,
		 "mem: bad alignment of persistent metadata");
	prim_mutex_lock(&persist.lock);
	if (bytes >= PERSIST_CHUNK / 4)
		ret = persist_own_locked(bytes, align);
	else
		ret = persist_bump_locked(bytes, align);
	if (ret == NULL)
		*ret_err = errno;
	prim_mutex_unlock(&persist.lock);
	return ret;
}

void *mem_persist_try(size_t bytes, size_t align)
{
	int err;

	return persist_take(bytes, align, &err);
}

void *mem_persist(size_t bytes, size_t align)
{
	int err = ENOMEM;
	void *ret = persist_take(bytes, align, &err);

	if (ret == NULL && mem_throws())
		mem_throw_persist(err);
	return ret;
}

uint64_t mem_persist_sys(void)
{
	uint64_t sys;

	prim_mutex_lock(&persist.lock);
	sys = persist.sys;
	prim_mutex_unlock(&persist.lock);
	return sys;
}
