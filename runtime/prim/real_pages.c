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

#define PAGES_FLAGS (MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE)

/* Reserve more, then give the ends back. */
int prim_reserve_any(void **ret_base, size_t bytes, size_t align)
{
	size_t whole = bytes + align - PRIM_PAGE_BYTES;
	uintptr_t low, base;
	void *addr;

	if (whole < bytes)
		return -ENOMEM;
	addr = mmap(NULL, whole, PROT_NONE, PAGES_FLAGS, -1, 0);
	if (addr == MAP_FAILED)
		return -ENOMEM;
	low = (uintptr_t)addr;
	base = (low + align - 1) & ~(uintptr_t)(align - 1);
	if (base > low)
		munmap((void *)low, base - low);
	if (low + whole > base + bytes)
		munmap((void *)(base + bytes), low + whole - (base + bytes));
	*ret_base = (void *)base;
	return 0;
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
