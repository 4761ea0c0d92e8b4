/*
 * process.c: the parts of the process that both back ends share: last words,
 * log lines, the seed generator, shared memory.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "runtime/prim/prim.h"
#include "runtime/prim/prim_priv.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#define PROCESS_DIE_EXIT 2 /* the status of a Go runtime's fatal error */
#define PROCESS_TEXT_MAX 4096
#define PROCESS_WAIT_MS	 100 /* for a stderr that nobody reads */

static uint64_t process_seed;
static _Atomic uint64_t process_seed_count;

/* Somebody takes what is on stderr, or it is no pipe. */
static bool process_heard(int wait_ms)
{
	struct pollfd pfd = {.fd = STDERR_FILENO, .events = POLLOUT};

	return wait_ms < 0 || poll(&pfd, 1, wait_ms) > 0;
}

/* Write all of it, whatever signals come; a closed stderr is not our problem, nor, with a wait_ms
 * of 0 or more, one that nobody reads. */
static void process_write(const char *text, size_t len, int wait_ms)
{
	while (len > 0 && process_heard(wait_ms)) {
		ssize_t n =
			write(STDERR_FILENO, text, wait_ms < 0 || len < PIPE_BUF ? len : PIPE_BUF);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		text += n;
		len -= (size_t)n;
	}
}

void prim_die(int status, const char *message)
{
	char text[PROCESS_TEXT_MAX + 1];
	size_t len = strlen(message);

	if (len >= PROCESS_TEXT_MAX) {
		process_write(message, len, PROCESS_WAIT_MS);
		_exit(status);
	}
	memcpy(text, message, len);
	if (len == 0 || text[len - 1] != '\n')
		text[len++] = '\n';
	process_write(text, len, PROCESS_WAIT_MS);
	_exit(status);
}

void prim_dief(const char *format, ...)
{
	char text[PROCESS_TEXT_MAX];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	prim_die(PROCESS_DIE_EXIT, text);
}

void prim_log(const char *text, size_t len)
{
	process_write(text, len, -1);
}

void prim_last_words(const char *text, size_t len)
{
	process_write(text, len, PROCESS_WAIT_MS);
}

int prim_file_write(int fd, uint64_t offset, const void *data, size_t bytes)
{
	const char *from = data;
	size_t done = 0;

	while (done < bytes) {
		ssize_t n = pwrite(fd, from + done, bytes - done, (off_t)(offset + done));

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			return -EIO;
		if (n > 0)
			done += (size_t)n;
	}
	return 0;
}

void prim_seed_init(uint64_t seed)
{
	process_seed = seed;
	atomic_store_explicit(&process_seed_count, 0, memory_order_relaxed);
}

uint64_t prim_seed(void)
{
	uint64_t value;

#if !MRT_SIM
	if (process_seed == 0 && getrandom(&value, sizeof(value), 0) == (ssize_t)sizeof(value))
		return value;
#endif
	/* Relaxed: only the uniqueness of the count matters. */
	value = 1 + atomic_fetch_add_explicit(&process_seed_count, 1, memory_order_relaxed);
	return prim_mix64(process_seed + value * PRIM_GOLDEN);
}

size_t prim_page_round(size_t bytes)
{
	return (bytes + PRIM_PAGE_BYTES - 1) & ~(size_t)(PRIM_PAGE_BYTES - 1);
}

void *prim_shared_map(int fd, size_t bytes)
{
	void *addr = mmap(NULL, prim_page_round(bytes), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return addr == MAP_FAILED ? NULL : addr;
}
