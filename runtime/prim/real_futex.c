/*
 * real_futex.c: futex(2), used privately, with absolute monotonic deadlines.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "runtime/prim/prim.h"
#include "runtime/prim/real_priv.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

int prim_futex_wait(_Atomic uint32_t *word, uint32_t value, int64_t deadline_ns)
{
	struct timespec ts;
	const struct timespec *until = NULL;

	if (deadline_ns != PRIM_FOREVER) {
		ts = prim_timespec(deadline_ns < 0 ? 0 : deadline_ns);
		until = &ts;
	}
	/* WAIT_BITSET takes an absolute time, WAIT a relative one. */
	if (syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, value, until, NULL,
		    FUTEX_BITSET_MATCH_ANY) == 0)
		return 0;
	return -errno;
}

void prim_futex_wake(_Atomic uint32_t *word, int count)
{
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}
