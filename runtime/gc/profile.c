/*
 * profile.c: the heap profile's hold on the collector: a sampled object gets its bucket and, on its span, a special
 * by which the sweep that finds it dead tells.
 */
#include "runtime/gc/gc_priv.h"
#include "runtime/watch/heap_profile.h"

/* prim_backtrace and gc_profile_sample themselves. */
#define PROFILE_OWN_FRAMES 2u

__attribute__((noinline)) void gc_profile_sample(void *obj, size_t bytes)
{
	uint32_t pc[WATCH_PROFILE_FRAMES + PROFILE_OWN_FRAMES];
	uint32_t n = prim_backtrace(pc, WATCH_PROFILE_FRAMES + PROFILE_OWN_FRAMES);
	struct watch_profile_bucket *b;
	struct mem_obj o;

	n = n > PROFILE_OWN_FRAMES ? n - PROFILE_OWN_FRAMES : 0;
	prim_step(PRIM_COST_PROFILE_SAMPLE);
	gc_must(mem_find(obj, &o), "gc: a sampled object is not in the heap\n");
	b = watch_profile_bucket(pc + PROFILE_OWN_FRAMES, n, bytes);
	if (b == NULL || mem_special_add(&o, b) < 0) {
		watch_profile_drop();
		return;
	}
	watch_profile_malloc(b);
}

void gc_profile_dead(void *bucket)
{
	watch_profile_free(bucket);
}
