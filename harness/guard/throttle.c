/* throttle.c: see throttle.h. */
#include "harness/guard/throttle.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define THROTTLE_FILE_BYTES 4096

static bool throttle_file(const char *path, char ret[THROTTLE_FILE_BYTES])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, ret, THROTTLE_FILE_BYTES - 1) : -1;
	if (fd >= 0)
		close(fd);
	ret[n > 0 ? n : 0] = '\0';
	return n > 0;
}

/* The number behind a word at the beginning of a line; 0: there is none. */
static uint64_t throttle_value(const char *text, const char *word)
{
	uint64_t value = 0;
	size_t n = strlen(word);
	for (const char *line = text; line && *line; line = strchr(line, '\n'), line += line != NULL)
		if (strncmp(line, word, n) == 0 && line[n] == ' ')
			sscanf(line + n, " %" SCNu64, &value);
	return value;
}

void guard_throttle_parse(const char *text, struct guard_throttle *ret)
{
	ret->times = throttle_value(text, "nr_throttled");
	ret->us = throttle_value(text, "throttled_usec") +
		  throttle_value(text, "throttled_time") / 1000; /* v1, in ns */
}

/* "0::/path" of v2; of v1 the controllers are named. */
static bool throttle_line(const char *line, char *ret, size_t cap)
{
	const char *controllers = strchr(line, ':'), *path = controllers ? strchr(controllers + 1, ':') : NULL;
	if (!path)
		return false;
	int n = (int)strcspn(path + 1, "\n");
	if (path == controllers + 1)
		snprintf(ret, cap, "/sys/fs/cgroup%.*s/cpu.stat", n, path + 1);
	else if (strncmp(controllers + 1, "cpu,", 4) == 0 || strncmp(controllers + 1, "cpu:", 4) == 0)
		snprintf(ret, cap, "/sys/fs/cgroup/cpu%.*s/cpu.stat", n, path + 1);
	else
		return false;
	return true;
}

bool guard_throttle_read(struct guard_throttle *ret)
{
	char groups[THROTTLE_FILE_BYTES], text[THROTTLE_FILE_BYTES], path[THROTTLE_FILE_BYTES + 64];
	if (!throttle_file("/proc/self/cgroup", groups))
		return false;
	for (const char *line = groups; line && *line; line = strchr(line, '\n'), line += line != NULL)
		if (throttle_line(line, path, sizeof path) && throttle_file(path, text) &&
		    strstr(text, "nr_throttled")) {
			guard_throttle_parse(text, ret);
			return true;
		}
	return false;
}
