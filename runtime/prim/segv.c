/*
 * segv.c: who touched memory that it may not, before SIGSEGV takes its course.
 *
 * The handler runs on a stack of its own, one a thread: the one that overflowed has no room for it. It
 * tells the watcher, who may die with words; if that returns the signal's default action is restored and
 * the access is made again. Sanitizers have handlers, and reports, of their own: there is no watcher then.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "runtime/prim/prim.h"
#include "runtime/prim/prim_priv.h"

#include <signal.h>
#include <string.h>

#if PRIM_ASAN || PRIM_TSAN

void prim_fault_watch(void (*fn)(const void *addr))
{
	(void)fn;
}

void prim_fault_stack(void)
{
}

#else

#define SEGV_STACK_BYTES ((size_t)32 << 10) /* two texts of last words, and what formats them */

static _Thread_local _Alignas(16) char segv_stack[SEGV_STACK_BYTES];

static struct {
	void (*fn)(const void *addr);
	struct sigaction before;
} segv;

static void segv_handler(int sig, siginfo_t *info, void *context)
{
	(void)context;
	if (segv.fn != NULL && prim_thread_self() != NULL)
		segv.fn(info->si_addr);
	signal(sig, SIG_DFL);
}

void prim_fault_stack(void)
{
	stack_t stack = {.ss_sp = segv_stack, .ss_size = SEGV_STACK_BYTES};

	/* Refused: the signal finds no room on an overflowed stack, and kills without words. */
	sigaltstack(&stack, NULL);
}

void prim_fault_watch(void (*fn)(const void *addr))
{
	struct sigaction action = {.sa_sigaction = segv_handler, .sa_flags = SA_SIGINFO | SA_ONSTACK};

	if (fn == NULL) {
		sigaction(SIGSEGV, &segv.before, NULL);
		segv.fn = NULL;
		return;
	}
	prim_fault_stack();
	segv.fn = fn;
	sigemptyset(&action.sa_mask);
	sigaction(SIGSEGV, &action, &segv.before);
}

#endif
