/*
 * host.c: reading /proc.
 *
 * Limits: the run delay of a thread that ended is gone (the caller takes differences and ignores
 * falls); processor time has the resolution of the clock tick, 10 ms as a rule.
 */
#include "harness/base/host.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#define HOST_TASKS_MAX 4096

/* A whole small file as text; the length, 0 on any failure. */
static size_t host_file(const char *path, char *ret, size_t cap)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t n = 0;
	if (fd < 0)
		return 0;
	while (n < cap - 1) {
		ssize_t got = read(fd, ret + n, cap - 1 - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		n += (size_t)got;
	}
	close(fd);
	ret[n] = '\0';
	return n;
}

/* The value of a "name : value" line in a /proc file, trimmed. */
static void host_line(const char *path, const char *name, char *ret, size_t cap)
{
	char text[8192], *save = NULL;
	ret[0] = '\0';
	if (host_file(path, text, sizeof(text)) == 0)
		return;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *colon = strchr(line, ':');
		if (!colon || strncmp(line, name, strlen(name)) != 0)
			continue;
		colon++;
		colon += strspn(colon, " \t");
		snprintf(ret, cap, "%s", colon);
		return;
	}
}

void gcs_host_facts(void (*each)(void *arg, const char *key, const char *value), void *arg)
{
	struct utsname u;
	char text[256];
	if (uname(&u) == 0) {
		snprintf(text, sizeof(text), "%s %s", u.sysname, u.release);
		each(arg, "kernel", text);
		each(arg, "machine", u.machine);
		each(arg, "name", u.nodename);
	}
	host_line("/proc/cpuinfo", "model name", text, sizeof(text));
	if (text[0])
		each(arg, "cpu", text);
	host_line("/proc/meminfo", "MemTotal", text, sizeof(text));
	if (text[0])
		each(arg, "memory", text);
	snprintf(text, sizeof(text), "%ld", sysconf(_SC_NPROCESSORS_ONLN));
	each(arg, "processors", text);
	snprintf(text, sizeof(text), "%ld", sysconf(_SC_PAGESIZE));
	each(arg, "page_bytes", text);
	if (host_file("/proc/sys/vm/max_map_count", text, sizeof(text))) {
		text[strcspn(text, "\n")] = '\0';
		each(arg, "max_map_count", text);
	}
}

static int64_t host_ticks_ns(uint64_t ticks)
{
	long hz = sysconf(_SC_CLK_TCK);
	return (int64_t)(ticks * (1000000000u / (uint64_t)(hz > 0 ? hz : 100)));
}

int64_t gcs_host_steal_ns(void)
{
	char text[512];
	uint64_t steal;
	if (host_file("/proc/stat", text, sizeof(text)) == 0)
		return 0;
	/* cpu user nice system idle iowait irq softirq steal */
	if (sscanf(text, "cpu %*u %*u %*u %*u %*u %*u %*u %" SCNu64, &steal) != 1)
		return 0;
	return host_ticks_ns(steal);
}

static int64_t proc_run_delay(int pid)
{
	char path[320], text[128];
	int64_t sum = 0;
	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	DIR *dir = opendir(path);
	if (!dir)
		return 0;
	struct dirent *entry;
	for (int i = 0; i < HOST_TASKS_MAX && (entry = readdir(dir)); i++) {
		uint64_t delay;
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%s/schedstat", pid, entry->d_name);
		if (host_file(path, text, sizeof(text)) &&
		    sscanf(text, "%*u %" SCNu64, &delay) == 1)
			sum += (int64_t)delay;
	}
	closedir(dir);
	return sum;
}

int gcs_proc_read(int pid, struct gcs_proc *ret)
{
	char path[64], text[1024];
	uint64_t user, system, pages, start;
	int parent;
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (host_file(path, text, sizeof(text)) == 0)
		return -ESRCH;
	/* the command may hold anything: fields count from its last parenthesis */
	const char *after = strrchr(text, ')');
	if (!after ||
	    sscanf(after,
		   ") %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64
		   " %*d %*d %*d %*d %*d %*d %" SCNu64,
		   &parent, &user, &system, &start) != 4)
		return -ESRCH;
	snprintf(path, sizeof(path), "/proc/%d/statm", pid);
	if (host_file(path, text, sizeof(text)) == 0 || sscanf(text, "%*u %" SCNu64, &pages) != 1)
		return -ESRCH;
	ret->rss = pages * (uint64_t)sysconf(_SC_PAGESIZE);
	ret->cpu_ns = host_ticks_ns(user + system);
	ret->run_delay_ns = proc_run_delay(pid);
	ret->start_ticks = start;
	ret->parent = parent;
	return 0;
}
