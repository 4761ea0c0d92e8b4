/*
 * real_pages.c: address space and pages from mmap(2).
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "runtime/prim/prim.h"
#include "runtime/prim/real_priv.h"

#include <errno.h>
#include <sys/mman.h>

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

#define PAGES_FLAGS (MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE)

static int pages_reserve_at(void **ret_base, uintptr_t hint, size_t bytes)
{
	void *wanted = (void *)hint;
	void *addr = mmap(wanted, bytes, PROT_NONE, PAGES_FLAGS | MAP_FIXED_NOREPLACE, -1, 0);

	if (addr == MAP_FAILED)
		return errno == EEXIST ? -EEXIST : -ENOMEM;
	if (addr != wanted) { /* a kernel before 4.17 takes it for a hint */
		munmap(addr, bytes);
		return -EEXIST;
	}
	*ret_base = addr;
	return 0;
}

/* Reserve more, then give the ends back. */
static int pages_reserve_aligned(void **ret_base, size_t bytes, size_t align)
{
	size_t whole = bytes + (align > PRIM_PAGE_BYTES ? align : 0);
	uintptr_t low, base;
	void *addr;

	if (whole < bytes)
		return -ENOMEM;
	addr = mmap(NULL, whole, PROT_NONE, PAGES_FLAGS, -1, 0);
	if (addr == MAP_FAILED)
		return -ENOMEM;
	low = (uintptr_t)addr;
	base = whole == bytes ? low : (low + align - 1) & ~(uintptr_t)(align - 1);
	if (base > low)
		munmap((void *)low, base - low);
	if (low + whole > base + bytes)
		munmap((void *)(base + bytes), low + whole - (base + bytes));
	*ret_base = (void *)base;
	return 0;
}

int prim_pages_reserve(void **ret_base, uintptr_t hint, size_t bytes, size_t align)
{
	bytes = prim_page_round(bytes);
	if (hint != 0)
		return pages_reserve_at(ret_base, hint, bytes);
	return pages_reserve_aligned(ret_base, bytes, align);
}

int prim_pages_commit(void *addr, size_t bytes)
{
	return mprotect(addr, prim_page_round(bytes), PROT_READ | PROT_WRITE) == 0 ? 0 : -ENOMEM;
}

void prim_pages_decommit(void *addr, size_t bytes)
{
	madvise(addr, prim_page_round(bytes), MADV_DONTNEED);
}

void *prim_map(size_t bytes)
{
	void *addr = mmap(NULL, prim_page_round(bytes), PROT_READ | PROT_WRITE, PAGES_FLAGS, -1, 0);

	return addr == MAP_FAILED ? NULL : addr;
}

void prim_unmap(void *addr, size_t bytes)
{
	munmap(addr, prim_page_round(bytes));
}

void *prim_pages_alloc(size_t bytes)
{
	return prim_map(bytes);
}

void prim_pages_free(void *addr, size_t bytes)
{
	prim_unmap(addr, bytes);
}
