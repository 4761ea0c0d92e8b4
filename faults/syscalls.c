/* syscalls.c: see syscalls.h. The numbers are those of the machine this is built for; what it does
 * not have is left out. */
#include "faults/syscalls.h"

#include <sys/syscall.h>

#ifdef SYS_clone3
#define SYSCALLS_CLONE3 SYS_clone3
#else
#define SYSCALLS_CLONE3 -1
#endif
#ifdef SYS_nanosleep
#define SYSCALLS_NANOSLEEP SYS_nanosleep
#else
#define SYSCALLS_NANOSLEEP -1
#endif
#ifdef SYS_epoll_wait
#define SYSCALLS_EPOLL_WAIT SYS_epoll_wait
#else
#define SYSCALLS_EPOLL_WAIT -1
#endif
#ifdef SYS_epoll_pwait2
#define SYSCALLS_EPOLL_PWAIT2 SYS_epoll_pwait2
#else
#define SYSCALLS_EPOLL_PWAIT2 441
#endif

static const struct gcs_syscalls syscalls[] = {
	{GCS_POINT_os_mmap, false, false, 1, 1, {SYS_mmap}},
	{GCS_POINT_os_mprotect, false, false, 1, 1, {SYS_mprotect}},
	{GCS_POINT_os_madvise, false, false, 1, 1, {SYS_madvise}},
	{GCS_POINT_os_munmap, false, false, 1, 1, {SYS_munmap}},
	{GCS_POINT_os_clone, false, false, -1, 2, {SYS_clone, SYSCALLS_CLONE3}},
	{GCS_POINT_os_nanosleep, false, false, -1, 2, {SYS_clock_nanosleep, SYSCALLS_NANOSLEEP}},
	{GCS_POINT_os_epoll_pwait,
	 false,
	 false,
	 -1,
	 3,
	 {SYS_epoll_pwait, SYSCALLS_EPOLL_PWAIT2, SYSCALLS_EPOLL_WAIT}},
	{GCS_POINT_os_futex, true, false, -1, 1, {SYS_futex}},
	{GCS_POINT_os_read, true, true, -1, 4, {SYS_read, SYS_readv, SYS_recvfrom, SYS_recvmsg}},
	{GCS_POINT_os_write, true, true, -1, 4, {SYS_write, SYS_writev, SYS_sendto, SYS_sendmsg}},
};
#define SYSCALLS_COUNT (sizeof(syscalls) / sizeof(syscalls[0]))

const struct gcs_syscalls *gcs_syscalls_of(enum gcs_point point)
{
	for (size_t i = 0; i < SYSCALLS_COUNT; i++)
		if (syscalls[i].point == point)
			return &syscalls[i];
	return NULL;
}

const struct gcs_syscalls *gcs_syscalls_by_nr(int nr)
{
	for (size_t i = 0; i < SYSCALLS_COUNT; i++)
		for (size_t k = 0; k < syscalls[i].count; k++)
			if (syscalls[i].nr[k] == nr && nr >= 0)
				return &syscalls[i];
	return NULL;
}
