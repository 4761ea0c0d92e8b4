/*
 * throttle.h: how often, and for how long, the kernel has kept the program's control group from its processors (CPU quota of a container).
 *
 * Of the group that this process is in, which the program inherits; cgroup v2, and the cpu controller of v1.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct guard_throttle {
	uint64_t times, us;
};
/* What cpu.stat says. */
void guard_throttle_parse(const char *text, struct guard_throttle *ret);
/* False: it is not told here. */
bool guard_throttle_read(struct guard_throttle *ret);
