/*
 * real_thread.c: OS threads, and which of them is running.
 *
 * The accessors are never inlined and carry a barrier: a coroutine may go on
 * on another thread, and a compiler that saw through them would keep the
 * thread-local address from before the switch.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "runtime/prim/prim.h"
#include "runtime/prim/real_priv.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREAD_STACK_BYTES ((size_t)1 << 20)
#define THREAD_NOINLINE	   __attribute__((noinline))
#define THREAD_FORGET()	   __asm__ __volatile__("" ::: "memory")

static _Thread_local prim_thread *thread_current;

static struct {
	prim_mutex lock; /* guards used */
	bool *used;	 /* by id */
	uint32_t max;	 /* 0: prim_init has not been called */
	prim_thread initial;
	/* Written by the first caller of prim_ncpu; any two write the same. */
	_Atomic uint32_t ncpu;
} threads;

THREAD_NOINLINE prim_thread *prim_thread_self(void)
{
	THREAD_FORGET();
	return thread_current;
}

THREAD_NOINLINE void prim_thread_set_user(void *user)
{
	THREAD_FORGET();
	thread_current->user = user;
}

THREAD_NOINLINE void *prim_thread_user(void)
{
	THREAD_FORGET();
	return thread_current->user;
}

THREAD_NOINLINE uint32_t prim_thread_id(void)
{
	THREAD_FORGET();
	return thread_current->id;
}

THREAD_NOINLINE prim_ctx *prim_ctx_thread(void)
{
	THREAD_FORGET();
	return &thread_current->own;
}

void prim_ctx_switch(prim_ctx *from, prim_ctx *to)
{
	prim_ctx_jump(from, to);
}

void prim_ctx_exit_to(prim_ctx *from, prim_ctx *to)
{
	prim_ctx_jump_last(from, to);
}

int prim_init(const struct prim_options *opt)
{
	uint32_t max = opt->max_threads != 0 ? opt->max_threads : PRIM_THREADS_MAX_DEFAULT;

	if (threads.max != 0)
		return -EALREADY;
	threads.used = calloc(max, sizeof(*threads.used));
	if (threads.used == NULL)
		return -ENOMEM;
	threads.max = max;
	threads.used[0] = true;
	prim_mutex_init(&threads.lock, PRIM_RANK_ANY);
	prim_seed_init(opt->seed);
	snprintf(threads.initial.name, sizeof(threads.initial.name), "main");
	threads.initial.handle = pthread_self();
	prim_ctx_init_thread(&threads.initial.own);
	thread_current = &threads.initial;
	return 0;
}

static THREAD_NOINLINE void thread_enter(prim_thread *thread)
{
	thread_current = thread;
}

static void *thread_main(void *arg)
{
	prim_thread *thread = arg;

	thread_enter(thread);
	prim_fault_stack();
	pthread_setname_np(pthread_self(), thread->name);
	prim_ctx_init_thread(&thread->own);
	thread->fn(thread->arg);
	return NULL;
}

static int thread_take_id(uint32_t *ret_id)
{
	int r = -EAGAIN;

	prim_mutex_lock(&threads.lock);
	for (uint32_t id = 1; id < threads.max && r != 0; id++) {
		if (threads.used[id])
			continue;
		threads.used[id] = true;
		*ret_id = id;
		r = 0;
	}
	prim_mutex_unlock(&threads.lock);
	return r;
}

static void thread_give_id(uint32_t id)
{
	prim_mutex_lock(&threads.lock);
	threads.used[id] = false;
	prim_mutex_unlock(&threads.lock);
}

static int thread_start(prim_thread *thread)
{
	pthread_attr_t attr;
	int r;

	if (pthread_attr_init(&attr) != 0)
		return -EAGAIN;
	pthread_attr_setstacksize(&attr, THREAD_STACK_BYTES * PRIM_STACK_FACTOR);
	r = pthread_create(&thread->handle, &attr, thread_main, thread);
	pthread_attr_destroy(&attr);
	return r == 0 ? 0 : -EAGAIN;
}

int prim_thread_create(prim_thread **ret_thread, const char *name, void (*fn)(void *), void *arg)
{
	prim_thread *thread = calloc(1, sizeof(*thread));
	int r;

	if (thread == NULL)
		return -EAGAIN;
	r = thread_take_id(&thread->id);
	if (r < 0)
		goto fail_id;
	snprintf(thread->name, sizeof(thread->name), "%s", name);
	thread->fn = fn;
	thread->arg = arg;
	r = thread_start(thread);
	if (r < 0)
		goto fail_start;
	*ret_thread = thread;
	return 0;

fail_start:
	thread_give_id(thread->id);
fail_id:
	free(thread);
	return r;
}

void prim_thread_join(prim_thread *thread)
{
	pthread_join(thread->handle, NULL);
	thread_give_id(thread->id);
	free(thread);
}

uint32_t prim_ncpu(void)
{
	/* Relaxed: a constant once it is not 0. */
	uint32_t n = atomic_load_explicit(&threads.ncpu, memory_order_relaxed);
	cpu_set_t set;

	if (PRIM_LIKELY(n != 0))
		return n;
	n = sched_getaffinity(0, sizeof(set), &set) == 0 ? (uint32_t)CPU_COUNT(&set) : 1;
	atomic_store_explicit(&threads.ncpu, n, memory_order_relaxed);
	return n;
}

void prim_spin_wait(uint32_t round)
{
	if ((round & 31) == 31 || prim_ncpu() == 1) {
		sched_yield();
		return;
	}
	prim_pause(8);
}

void prim_pause(uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		prim_cpu_pause();
}
