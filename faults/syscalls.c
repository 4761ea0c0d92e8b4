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
	{.point = GCS_POINT_os_mmap,
	 .size_arg = 1,
	 .count = 1,
	 .nr = {SYS_mmap},
	 .seldom = true,
	 .reached = "when the collector's buffers, timers, stacks of goroutines or "
		    "threads need room; not for the heap, which is reserved before the "
		    "start"},
	{.point = GCS_POINT_os_mprotect,
	 .size_arg = 1,
	 .count = 1,
	 .nr = {SYS_mprotect},
	 .seldom = true,
	 .reached = "when the heap grows into what is reserved, by chunks of 4 MiB, and "
		    "for the stack of a new thread"},
	{.point = GCS_POINT_os_madvise,
	 .size_arg = 1,
	 .count = 1,
	 .nr = {SYS_madvise},
	 .reached = "when memory of the heap is given back to the system"},
	{.point = GCS_POINT_os_munmap,
	 .size_arg = 1,
	 .count = 1,
	 .nr = {SYS_munmap},
	 .seldom = true,
	 .reached = "when a table of timers has grown (many late wakes: netpoll/wake), "
		    "or a thread could not be started"},
	{.point = GCS_POINT_os_clone,
	 .size_arg = -1,
	 .count = 2,
	 .nr = {SYS_clone, SYSCALLS_CLONE3},
	 .seldom = true,
	 .reached = "when it needs more threads than it ever had: while looks of the "
		    "poller end late (netpoll/poll), one each"},
	{.point = GCS_POINT_os_nanosleep,
	 .size_arg = -1,
	 .count = 2,
	 .nr = {SYS_clock_nanosleep, SYSCALLS_NANOSLEEP},
	 .seldom = true,
	 .reached = "when a thread sleeps: in a look that ends late (netpoll/poll), for "
		    "a slow page (mem/slow), and for 3 µs before it steals what another "
		    "P would run next"},
	{.point = GCS_POINT_os_epoll_pwait,
	 .size_arg = -1,
	 .count = 3,
	 .nr = {SYS_epoll_pwait, SYSCALLS_EPOLL_PWAIT2, SYSCALLS_EPOLL_WAIT},
	 .reached = "whenever the poller looks; a visit is a look that finds something "
		    "(an echo workload: at every request)"},
	{.point = GCS_POINT_os_futex,
	 .hot = true,
	 .size_arg = -1,
	 .count = 1,
	 .nr = {SYS_futex},
	 .reached = "whenever a thread goes to sleep or is woken"},
	{.point = GCS_POINT_os_read,
	 .hot = true,
	 .connection = true,
	 .size_arg = -1,
	 .count = 4,
	 .nr = {SYS_read, SYS_readv, SYS_recvfrom, SYS_recvmsg},
	 .reached = "at every read from a connection (an echo workload)"},
	{.point = GCS_POINT_os_write,
	 .hot = true,
	 .connection = true,
	 .size_arg = -1,
	 .count = 4,
	 .nr = {SYS_write, SYS_writev, SYS_sendto, SYS_sendmsg},
	 .reached = "at every write to a connection (an echo workload)"},
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
