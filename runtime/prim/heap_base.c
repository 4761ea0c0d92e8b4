/*
 * heap_base.c: where the managed heap lies, and where the simulation's own
 * memory does.
 *
 * Fixed, so that an address in a report means the same in every run of a
 * build.  A plain build uses 0xc000000000, as Go does.  ASan keeps that range
 * closed (it is its shadow gap); addresses above its shadow are free on
 * x86-64 and on 48-bit aarch64.  TSan gives the program only some ranges: the
 * low 512 GiB on x86-64, the low 10 TiB on 48-bit aarch64 (compilers from
 * 2023 on; before, 8 GiB, and the reservation is refused).
 */
#include "runtime/prim/prim.h"
#include "runtime/prim/prim_priv.h"

#if PRIM_TSAN
#define HEAP_BASE  UINT64_C(0x2000000000)
#define ARENA_BASE UINT64_C(0x6000000000)
#elif PRIM_ASAN
#define HEAP_BASE  UINT64_C(0x20c000000000)
#define ARENA_BASE UINT64_C(0x20a000000000)
#else
#define HEAP_BASE  UINT64_C(0xc000000000)
#define ARENA_BASE UINT64_C(0xa000000000)
#endif

uintptr_t prim_heap_base(void)
{
	return HEAP_BASE;
}

uintptr_t prim_arena_base(void)
{
	return ARENA_BASE;
}
