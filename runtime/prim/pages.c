/*
 * pages.c: committing, decommitting and fixed reservations: alike in both
 * back ends, the simulation charges for them.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "runtime/prim/prim.h"
#include "runtime/prim/prim_priv.h"

#include <errno.h>
#include <sys/mman.h>

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

int prim_reserve_at(void **ret_base, uintptr_t base, size_t bytes)
{
	void *wanted = (void *)base;
	void *addr = mmap(wanted, bytes, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);

	if (addr == MAP_FAILED)
		return errno == EEXIST ? -EEXIST : -ENOMEM;
	if (addr != wanted) { /* a kernel before 4.17 takes it for a hint */
		munmap(addr, bytes);
		return -EEXIST;
	}
	*ret_base = addr;
	return 0;
}

int prim_pages_reserve(void **ret_base, uintptr_t hint, size_t bytes, size_t align)
{
	bytes = prim_page_round(bytes);
	if (align < PRIM_PAGE_BYTES)
		align = PRIM_PAGE_BYTES;
	if (bytes == 0 || (align & (align - 1)) != 0 || (hint & (align - 1)) != 0)
		return -EINVAL;
	prim_step(PRIM_COST_OS_CALL);
	if (hint != 0)
		return prim_reserve_at(ret_base, hint, bytes);
	return prim_reserve_any(ret_base, bytes, align);
}

void prim_pages_unreserve(void *base, size_t bytes)
{
	munmap(base, prim_page_round(bytes));
	prim_step(PRIM_COST_OS_CALL);
}

int prim_pages_commit(void *addr, size_t bytes)
{
	bytes = prim_page_round(bytes);
	if (mprotect(addr, bytes, PROT_READ | PROT_WRITE) != 0)
		return -errno;
	prim_step(PRIM_COST_OS_CALL);
	return 0;
}

int prim_pages_decommit(void *addr, size_t bytes)
{
	int r;

	bytes = prim_page_round(bytes);
	r = madvise(addr, bytes, MADV_DONTNEED) != 0 ? -errno : 0;
	prim_step(PRIM_COST_OS_CALL);
	if (r == 0)
		prim_step_n(PRIM_COST_RELEASE, (uint32_t)(bytes / PRIM_PAGE_BYTES));
	return r;
}

void *prim_pages_alloc(size_t bytes)
{
	void *addr = prim_map(bytes);
	int err = errno;

	prim_step(PRIM_COST_OS_CALL);
	errno = err; /* another thread of the simulation may have run */
	return addr;
}

void prim_pages_free(void *addr, size_t bytes)
{
	prim_unmap(addr, bytes);
	prim_step(PRIM_COST_OS_CALL);
}
