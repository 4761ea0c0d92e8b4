/*
 * backtrace.c: who called, by the compiler's own unwind tables, which every build has.
 *
 * So no frame pointer is kept for it, and sanitizers change nothing. A coroutine's stack ends at
 * prim_ctx_entry, which says that nobody called it. Frames outside of the program (the C library,
 * under a thread's first function) lie elsewhere in every run, and are left out.
 */
#include "runtime/prim/prim.h"

#include <unwind.h>

extern const char __ehdr_start[] __attribute__((visibility("hidden")));
extern const char etext[] __attribute__((visibility("hidden")));

struct backtrace {
	uint32_t *pc;
	uint32_t count, max;
};

static _Unwind_Reason_Code backtrace_frame(struct _Unwind_Context *frame, void *arg)
{
	struct backtrace *b = arg;
	uintptr_t pc = _Unwind_GetIP(frame);

	if (pc < (uintptr_t)__ehdr_start || pc >= (uintptr_t)etext)
		return _URC_NO_REASON;
	if (b->count == b->max)
		return _URC_END_OF_STACK;
	b->pc[b->count++] = (uint32_t)(pc - (uintptr_t)__ehdr_start);
	return _URC_NO_REASON;
}

uint32_t prim_backtrace(uint32_t *ret_pc, uint32_t max)
{
	struct backtrace b = {.pc = ret_pc, .max = max};

	_Unwind_Backtrace(backtrace_frame, &b);
	return b.count;
}
