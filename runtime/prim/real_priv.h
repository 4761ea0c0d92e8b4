/*
 * real_priv.h: what the files of the real back end share.
 */
#pragma once

#include "runtime/prim/prim_priv.h"

#include <pthread.h>
#include <time.h>

struct prim_thread {
	prim_ctx own;
	uint32_t id;
	char name[PRIM_NAME_BYTES];
	void *user;
	void (*fn)(void *);
	void *arg;
	pthread_t handle;
	struct prim_held held; /* debug builds */
};

/* futex(2), private. Sleep while *word == value, until the deadline: 0, -EAGAIN
 * (the word differed), -EINTR, -ETIMEDOUT. */
int prim_futex_wait(_Atomic uint32_t *word, uint32_t value, int64_t deadline_ns);
void prim_futex_wake(_Atomic uint32_t *word, int count);

static inline struct timespec prim_timespec(int64_t ns)
{
	return (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
}

static inline void prim_cpu_pause(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ __volatile__("isb" ::: "memory");
#endif
}
