/*
 * heap_base.c: where the managed heap lies.
 *
 * Fixed, so that an address in a report means the same in every run of a
 * build.  Plain and ASan builds use 0xc000000000, as Go does.  TSan gives
 * the program only some ranges: on x86-64 the low 512 GiB are free for it
 * (a position-independent program lies elsewhere), and 0xc000000000 is not.
 */
#include "runtime/prim/prim.h"
#include "runtime/prim/prim_priv.h"

uintptr_t prim_heap_base(void)
{
#if PRIM_TSAN
	return UINT64_C(0x2000000000);
#else
	return UINT64_C(0xc000000000);
#endif
}
