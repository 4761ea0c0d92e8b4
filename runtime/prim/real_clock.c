/*
 * real_clock.c: CLOCK_MONOTONIC and what goes with it.
 */
#include "runtime/prim/prim.h"
#include "runtime/prim/real_priv.h"

#include <errno.h>

int64_t prim_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int64_t prim_thread_cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

void prim_sleep_until(int64_t deadline_ns)
{
	struct timespec ts = prim_timespec(deadline_ns < 0 ? 0 : deadline_ns);

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
}
