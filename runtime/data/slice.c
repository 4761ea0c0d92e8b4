/*
 * slice.c: slices with Go's growth (slice.go: makeslice, growslice, nextslicecap; go-facts §3), by
 * the rounding of Go up to 1.21 or from 1.22 on (roundupsize).
 *
 * By the rule of 1.22 an array with pointers has odd sizes, as 143 words where 128 were asked for: the
 * class of 1152 bytes less 8 for a header.  Here there is no header: the array is the 1144 bytes that its
 * capacity says, and the allocator takes the class they fit in.
 *
 * A slice is {array, len, cap} in a root frame or a heap object; several may share one array, and
 * append writes in place while there is room, so the sharers see it.  The old array is left to the
 * collector.
 *
 * The order of an append: poll, the new array (pinned), the points slice/grow, gc/append and gc/write, then copy
 * and stores without a break.  Refused, the slice is as before.  Where Go panics, the answer is -EINVAL
 * (bounds) or -EOVERFLOW (size).
 */
#include "runtime/data/data.h"

#include "faults/gate.h"
#include "runtime/gc/gc.h"

#include <errno.h>
#include <string.h>

#define SLICE_ALLOC_MAX	   ((uint64_t)1 << 48)
#define SLICE_LEN_MAX	   ((size_t)PTRDIFF_MAX)
#define SLICE_DOUBLE_BELOW 256u

/* nextslicecap, before rounding. */
static size_t slice_grow_cap(size_t old_cap, size_t need)
{
	size_t cap = old_cap;

	if (need > old_cap && need - old_cap > old_cap)
		return need;
	if (old_cap < SLICE_DOUBLE_BELOW)
		return 2 * old_cap;
	while (cap < need)
		if (__builtin_add_overflow(cap, (cap + 3 * SLICE_DOUBLE_BELOW) / 4, &cap))
			return need;
	return cap;
}

size_t data_round_up_by(enum mrt_rounding rounding, size_t bytes, bool noscan)
{
	return rounding == MRT_ROUNDING_1_22 ? mem_round_up_1_22(bytes, noscan)
					     : mem_round_up(bytes);
}

size_t mrt_slice_next_cap(struct mrt_growth of, size_t old_cap, size_t need)
{
	size_t cap, bytes;

	if (need > SLICE_LEN_MAX)
		return 0;
	if (of.elem_bytes == 0)
		return need;
	cap = slice_grow_cap(old_cap, need);
	if (__builtin_mul_overflow(cap, of.elem_bytes, &bytes) || bytes > SLICE_ALLOC_MAX)
		return 0;
	return data_round_up_by(of.rounding, bytes, of.noscan) / of.elem_bytes;
}

static struct mrt_growth slice_growth(const struct mrt_type *elem)
{
	return (struct mrt_growth){.elem_bytes = elem->size,
				   .noscan = elem->ptr_words == 0,
				   .rounding = data_rounding()};
}

/* Copy n elements that may overlap (typedslicecopy). */
static inline void slice_move(struct sched_g *g, const struct mrt_type *elem, void *dst,
			      const void *src, size_t n)
{
	size_t size = elem->size;

	if (elem->ptr_words == 0) {
		if (n == 1 && size == 8)
			memcpy(dst, src, 8);
		else
			memmove(dst, src, n * size);
	} else if (n == 1 && size == sizeof(void *)) {
		gc_store(g, dst, *(void *const *)src);
	} else {
		gc_copy_typed(g, elem, dst, src, n);
	}
}

int mrt_slice_make(mrt_g *pub, const struct mrt_type *elem, size_t len, size_t cap,
		   struct mrt_slice *ret)
{
	struct sched_g *g = sched_of(pub);
	void *array = NULL;
	size_t bytes;
	int rc;

	if (len > cap)
		return -EINVAL;
	if (cap > SLICE_LEN_MAX || __builtin_mul_overflow(elem->size, cap, &bytes) ||
	    bytes > SLICE_ALLOC_MAX)
		return -EOVERFLOW;
	sched_op_enter(g);
	rc = gc_alloc(g, elem, cap, &array);
	if (rc == 0) {
		gc_store(g, &ret->array, array);
		ret->len = len;
		ret->cap = cap;
	}
	sched_op_leave(g);
	return rc;
}

/* Before the copy and the stores of an append: everything is rooted or pinned. bytes: of the new
 * array, or what is appended in place. */
static inline void slice_append_point(struct sched_g *g, size_t bytes, const struct mrt_type *elem,
				      void *dst, const void *elems, size_t n)
{
	if (gcs_gate(GCS_POINT_gc_append))
		gc_force_point_about(g, GCS_POINT_gc_append,
				     (struct gc_about){.arg = bytes, .type = elem->name});
	if (gcs_gate(GCS_POINT_gc_write))
		gc_write_begin(g, elem, dst, elems, n);
}

/* The gate is armed: does this growth fail now, with the new array there and nothing copied? -errno. */
static int slice_grow_fault(struct sched_g *g, const struct mrt_type *elem, size_t bytes)
{
	struct gcs_site site = gc_site(g, !g->system, bytes);
	struct gcs_firing firing;

	site.type = elem->name;
	if (!gcs_decide(GCS_POINT_slice_grow, &site, &firing) || firing.action != GCS_ACT_FAIL)
		return 0;
	return gc_fault_fails(g, &site, &firing, bytes);
}

/* The room beyond what is needed, multiplied: less of it rounded down, more of it up. */
static size_t slice_room(size_t room, uint32_t by_milli)
{
	unsigned __int128 milli = (unsigned __int128)room * by_milli;

	return (size_t)((by_milli < 1000 ? milli : milli + 999) / 1000);
}

/* The gate of slice/alias is armed: how long will slices share the new array? What append gives
 * beyond `need` is its own affair, in Go too, so no program may count on it. */
static __attribute__((cold, noinline)) size_t slice_alias_cap(struct sched_g *g,
							      const struct mrt_type *elem,
							      size_t need, size_t cap)
{
	size_t size = elem->size;
	struct gcs_site site = gc_site(g, !g->system && cap > need, cap * size);
	struct gcs_firing firing;
	size_t biased = need, bytes;

	site.type = elem->name;
	if (!gcs_decide(GCS_POINT_slice_alias, &site, &firing))
		return cap;
	if (firing.action == GCS_ACT_BIAS)
		biased += slice_room(cap - need, firing.by_milli);
	if (__builtin_mul_overflow(biased, size, &bytes) || bytes > SLICE_ALLOC_MAX)
		biased = cap;
	gcs_effect(&site, firing.id, GCS_EFFECT_CAPACITY, biased);
	return biased;
}

/* growslice and the append itself. */
static __attribute__((noinline)) int slice_grow(struct sched_g *g, const struct mrt_type *elem,
						struct mrt_slice *s, const void *elems, size_t n)
{
	size_t need, cap;
	void *array = NULL;
	int rc;

	if (__builtin_add_overflow(s->len, n, &need))
		return -EOVERFLOW;
	cap = mrt_slice_next_cap(slice_growth(elem), s->cap, need);
	if (cap == 0)
		return -EOVERFLOW;
	if (gcs_gate(GCS_POINT_slice_alias))
		cap = slice_alias_cap(g, elem, need, cap);
	rc = gc_alloc(g, elem, cap, &array);
	if (rc == 0 && gcs_gate(GCS_POINT_slice_grow))
		rc = slice_grow_fault(g, elem, cap * elem->size);
	if (rc < 0)
		return rc;
	slice_append_point(g, cap * elem->size, elem, (char *)array + s->len * elem->size, elems,
			   n);
	if (s->len > 0)
		slice_move(g, elem, array, s->array, s->len);
	slice_move(g, elem, (char *)array + s->len * elem->size, elems, n);
	gc_store(g, &s->array, array);
	s->len = need;
	s->cap = cap;
	prim_step_n(PRIM_COST_COPY_CACHELINE, (uint32_t)(need * elem->size / 64));
	return 0;
}

/* Pointers in `elems` must be rooted by the caller. */
int mrt_append(mrt_g *pub, const struct mrt_type *elem, struct mrt_slice *s, const void *elems,
	       size_t n)
{
	struct sched_g *g = sched_of(pub);
	int rc;

	mrt_safepoint(pub);
	if (gcs_gate(GCS_POINT_stw_spin))
		sched_spin_point(sched_of(pub));
	prim_step(PRIM_COST_SLICE_OP);
	if (PRIM_UNLIKELY(n == 0))
		return 0;
	if (PRIM_LIKELY(n <= s->cap - s->len)) {
		void *dst = (char *)s->array + s->len * elem->size;

		slice_append_point(g, n * elem->size, elem, dst, elems, n);
		slice_move(g, elem, dst, elems, n);
		s->len += n;
		if (gcs_gate(GCS_POINT_gc_write))
			gc_write_end(g);
		return 0;
	}
	sched_op_enter(g);
	rc = slice_grow(g, elem, s, elems, n);
	if (gcs_gate(GCS_POINT_gc_write) && rc == 0)
		gc_write_end(g);
	sched_op_leave(g);
	return rc;
}

int mrt_slice_sub(mrt_g *pub, const struct mrt_type *elem, const struct mrt_slice *s, size_t lo,
		  size_t hi, size_t max, struct mrt_slice *ret)
{
	char *array = s->array;

	if (lo > hi || hi > max || max > s->cap)
		return -EINVAL;
	/* With no capacity left the start would lie behind the array, in another object. */
	if (max > lo)
		array += lo * elem->size;
	gc_store(sched_of(pub), &ret->array, array);
	ret->len = hi - lo;
	ret->cap = max - lo;
	return 0;
}

int64_t mrt_slice_copy(mrt_g *pub, const struct mrt_type *elem, struct mrt_slice *dst,
		       const struct mrt_slice *src)
{
	size_t n = dst->len < src->len ? dst->len : src->len;

	mrt_safepoint(pub);
	if (gcs_gate(GCS_POINT_stw_spin))
		sched_spin_point(sched_of(pub));
	prim_step_n(PRIM_COST_COPY_CACHELINE, (uint32_t)(n * elem->size / 64) + 1);
	if (n > 0)
		slice_move(sched_of(pub), elem, dst->array, src->array, n);
	return (int64_t)n;
}
