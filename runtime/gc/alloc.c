/*
 * alloc.c: an allocation, in mallocgc's order (malloc.go), and what happens without memory.
 *
 *   size 0: one shared address; mem/malloc gate; safepoint; stress cycle; assist; the P's tiny block
 * for what is below 16 bytes and has no pointers, else its cache, else refill, else large; pointer bits;
 * zero; born black while marking; pin; and after a refill or a large object the trigger is looked at.
 *
 * What is put into a tiny block that was there has nothing of its own: the block was zeroed when it was new, and
 * is black while marking, for the cycle greyed it at its start or it was born black.
 *
 * Out of memory. `return`: a whole collection, shared by all who wait, one retry, then -ENOMEM. An injected mem/malloc
 * failure is final there, with no collection. The other points of mem/ that fail do so below: the policy follows, and its
 * retry visits them again. Their firings are masked when memory comes in the end; if not, the last one
 * failed the operation.
 *
 * `throw`: Go's text and exit status 2 (runtime/mem/throw.h), with no collection, at the first refusal that is not healed by
 * sweeping. mem/malloc, map/grow and slice/grow say what Go would: it knows no allocation that fails but for a heap that
 * cannot grow. The last firing that refused is the one that the process died of.
 */
#include "runtime/gc/gc_priv.h"
#include "runtime/mem/throw.h"
#include "runtime/watch/heap_profile.h"

#include <errno.h>
#include <string.h>

#define ALLOC_BYTES_MAX	 ((size_t)1 << 47)
#define ALLOC_ZERO_CHUNK ((size_t)256 << 10)

/* Where every object of size 0 lies. */
static _Alignas(8) char alloc_zero_object[8];

int gc_fault_fails(struct sched_g *g, const struct gcs_site *site, const struct gcs_firing *firing, size_t bytes)
{
	if (mem_throws()) {
		g->refused[0] = firing->id;
		g->nrefused = 1;
		mem_throw_heap(bytes);
	}
	gcs_effect(site, firing->id, GCS_EFFECT_FAILED, (uint64_t)firing->err);
	return firing->err > 0 ? -firing->err : -ENOMEM;
}

void gc_dying(size_t bytes)
{
	struct sched_g *g = sched_current();
	struct gcs_site site;

	if (g == NULL || g->nrefused == 0)
		return;
	site = gc_site(g, true, bytes);
	gcs_effect(&site, g->refused[g->nrefused - 1], GCS_EFFECT_DIED, bytes);
}

/* One visit of an armed gate. 0, or -errno: this allocation fails. */
static int alloc_fault(struct sched_g *g, const struct mrt_type *type, size_t bytes)
{
	struct gcs_site site = gc_site(g, true, bytes);
	struct gcs_firing firing;

	site.type = type->name;
	if (!gcs_decide(GCS_POINT_mem_malloc, &site, &firing) || firing.action != GCS_ACT_FAIL)
		return 0;
	return gc_fault_fails(g, &site, &firing, bytes);
}

bool gc_refuse(enum gcs_point point, size_t bytes)
{
	struct sched_g *g = sched_current();
	struct gcs_firing firing;
	struct gcs_site site;

	if (g == NULL || g->system)
		return false;
	site = gc_site(g, g->nrefused < SCHED_REFUSED_MAX, bytes);
	if (!gcs_decide(point, &site, &firing) || firing.action != GCS_ACT_FAIL)
		return false;
	g->refused[g->nrefused++] = firing.id;
	return true;
}

void gc_fault_in(size_t bytes)
{
	struct sched_g *g = sched_current();
	struct gcs_firing firing;
	struct gcs_site site;
	int64_t begin_ns;

	if (g == NULL || g->system)
		return;
	site = gc_site(g, true, bytes);
	begin_ns = site.now_ns;
	if (!gcs_decide(GCS_POINT_mem_slow, &site, &firing) || firing.action != GCS_ACT_DELAY)
		return;
	prim_sleep_until(begin_ns + firing.delay_ns);
	site.now_ns = prim_now_ns();
	gcs_effect(&site, firing.id, GCS_EFFECT_LATE, (uint64_t)(site.now_ns - begin_ns));
}

/* The allocation has its outcome: say so of the firings that refused it memory. */
static void alloc_refused_settle(struct sched_g *g, size_t bytes, int64_t stall_ns, int r)
{
	struct gcs_site site = gc_site(g, true, bytes);

	for (uint32_t i = 0; i < g->nrefused && r == 0; i++)
		gcs_effect(&site, g->refused[i], GCS_EFFECT_MASKED, (uint64_t)stall_ns);
	if (r < 0)
		gcs_effect(&site, g->refused[g->nrefused - 1], GCS_EFFECT_FAILED, (uint64_t)-r);
	g->nrefused = 0;
}

static uint64_t alloc_refused_first(const struct sched_g *g)
{
	return g->nrefused != 0 ? g->refused[0] : 0;
}

/* The emergency collection before the one retry. */
static int64_t alloc_stall(struct sched_g *g, size_t bytes)
{
	int64_t begin_ns = prim_now_ns();

	if (mem_throws())
		mem_throw_heap(bytes);
	gc_wait_full(g, GC_TRIGGER_EMERGENCY, alloc_refused_first(g));
	return prim_now_ns() - begin_ns;
}

static void alloc_stalled(struct sched_g *g, int64_t stall_ns, size_t bytes, bool came)
{
	gc_emit(g, WATCH_ALLOC_STALL, g->worker, (uint64_t)stall_ns, bytes, came,
		alloc_refused_first(g), 0);
}

static int alloc_refill(struct sched_g *g, mem_spanclass sc, size_t bytes)
{
	int r = mem_cache_refill(g->p->mc, sc);
	int64_t stall_ns = 0;

	if (r == -ENOMEM) {
		stall_ns = alloc_stall(g, bytes);
		r = mem_cache_refill(g->p->mc, sc);
		alloc_stalled(g, stall_ns, bytes, r == 0);
	}
	if (PRIM_UNLIKELY(g->nrefused != 0))
		alloc_refused_settle(g, bytes, stall_ns, r);
	return r;
}

struct alloc_request {
	const struct mrt_type *type;
	size_t n, bytes, slot_bytes;
	bool noscan, large, needzero, slow;
	bool shared; /* part of a tiny block that was there; then slot_bytes is 0 */
	bool sample; /* for the heap profile */
};

/* The heap profile's count-down. */
static inline void alloc_count_down(struct mem_cache *c, struct alloc_request *q)
{
	if (PRIM_UNLIKELY(q->slot_bytes >= c->sample_left))
		q->sample = true;
	else
		c->sample_left -= q->slot_bytes;
}

/* The P may be another one after a refill that waited. Inlined into both of its callers: the call would be a tenth of a
 * small allocation. */
static inline __attribute__((always_inline)) int alloc_small(struct sched_g *g, mem_spanclass sc,
							     struct alloc_request *q, void **ret_obj)
{
	for (;;) {
		struct mem_cache *c = g->p->mc;
		void *obj;
		int r;

		if (PRIM_UNLIKELY(mem_cache_stale(c)))
			mem_cache_flush(c);
		obj = mem_cache_alloc(c, sc, &q->needzero);
		if (PRIM_LIKELY(obj != NULL)) {
			alloc_count_down(c, q);
			*ret_obj = obj;
			return 0;
		}
		q->slow = true;
		r = alloc_refill(g, sc, mem_class_size[sc / 2]);
		if (r < 0)
			return r;
	}
}

static int alloc_large(struct sched_g *g, size_t bytes, bool noscan, void **ret_obj,
		       bool *ret_needzero)
{
	void *obj = mem_large_alloc(bytes, noscan, ret_needzero);
	int64_t stall_ns = 0;

	if (obj == NULL) {
		stall_ns = alloc_stall(g, bytes);
		obj = mem_large_alloc(bytes, noscan, ret_needzero);
		alloc_stalled(g, stall_ns, bytes, obj != NULL);
	}
	if (PRIM_UNLIKELY(g->nrefused != 0))
		alloc_refused_settle(g, bytes, stall_ns, obj != NULL ? 0 : -ENOMEM);
	if (obj == NULL)
		return -ENOMEM;
	*ret_obj = obj;
	return 0;
}

/* Nothing in it is read by a marker: clear it in pieces, with safepoints between. */
static void alloc_zero_chunks(struct sched_g *g, char *obj, size_t bytes)
{
	while (bytes > 0) {
		size_t n = bytes < ALLOC_ZERO_CHUNK ? bytes : ALLOC_ZERO_CHUNK;

		memset(obj, 0, n);
		prim_step_n(PRIM_COST_ZERO_PAGE, (uint32_t)(n / PRIM_PAGE_BYTES + 1));
		obj += n;
		bytes -= n;
		mrt_safepoint(&g->pub);
	}
}

static void alloc_black(struct sched_g *g, void *obj, size_t slot_bytes)
{
	struct mem_obj o;

	gc_must(mem_find(obj, &o), "gc: a new object is not in the heap\n");
	if (mem_mark_black(&o))
		gc_local_of(g)->bytes_marked += slot_bytes;
}

/* Below MEM_TINY_BYTES, and no pointers. */
static __attribute__((noinline)) int alloc_tiny(struct sched_g *g, struct alloc_request *q, void **ret_obj)
{
	struct mem_cache *c = g->p->mc;
	void *obj;
	int r;

	if (PRIM_UNLIKELY(mem_cache_stale(c)))
		mem_cache_flush(c);
	obj = mem_tiny_alloc(c, q->bytes);
	q->shared = obj != NULL;
	if (!q->shared) {
		q->slot_bytes = MEM_TINY_BYTES;
		r = alloc_small(g, MEM_TINY_SPANCLASS, q, &obj);
		if (r < 0)
			return r;
		if (q->needzero)
			memset(obj, 0, MEM_TINY_BYTES);
		q->needzero = false;
		mem_tiny_renew(g->p->mc, obj, q->bytes); /* another P's, if it waited */
	}
	*ret_obj = obj;
	return 0;
}

static int alloc_take(struct sched_g *g, struct alloc_request *q, void **ret_obj)
{
	int r;

	q->noscan = q->type->ptr_words == 0;
	q->large = q->bytes > MEM_SMALL_MAX;
	q->slow = q->large;
	if (q->large) {
		q->slot_bytes = (q->bytes + MEM_PAGE_BYTES - 1) & ~(MEM_PAGE_BYTES - 1);
		r = alloc_large(g, q->bytes, q->noscan, ret_obj, &q->needzero);
		if (r == 0)
			alloc_count_down(g->p->mc, q);
		return r;
	}
	if (PRIM_UNLIKELY(q->bytes < MEM_TINY_BYTES) && q->noscan)
		return alloc_tiny(g, q, ret_obj);
	uint32_t class = mem_class_of(q->bytes);

	if (gcs_gate(GCS_POINT_sabotage_wrong_size) && class > 1 &&
	    gc_sabotage(g, GCS_POINT_sabotage_wrong_size, q->bytes))
		class--;
	q->slot_bytes = mem_class_size[class];
	return alloc_small(g, (mem_spanclass)(class * 2 + q->noscan), q, ret_obj);
}

/* The object is not reachable yet, and no safepoint lies between taking it and pinning it. */
static void alloc_prepare(struct sched_g *g, const struct alloc_request *q, void *obj)
{
	if (!q->noscan) {
		mem_bits_set(obj, q->slot_bytes, q->type->size, q->type->ptr_words,
			     q->type->ptrmask, q->n);
		gc_local_of(g)->scan_alloc +=
			(q->n - 1) * q->type->size + q->type->ptr_words * sizeof(void *);
	}
	if (q->needzero && !(q->large && q->noscan)) {
		memset(obj, 0, q->slot_bytes);
		prim_step_n(PRIM_COST_ZERO_PAGE, (uint32_t)(q->slot_bytes / PRIM_PAGE_BYTES));
	}
	if (gc_barrier_enabled() && !q->shared) {
		alloc_black(g, obj, q->slot_bytes);
		/* What rounding wastes is charged now that it is known. */
		g->assist_credit -= (int64_t)q->slot_bytes - (int64_t)q->bytes;
	}
	sched_pin(g, obj);
	if (gc_check_wants(q->type))
		gc_check_born(q->type, obj);
	g->alloc_seq++;
}

/* What only the slow path looks at, with the object pinned. */
static void alloc_after_slow(struct sched_g *g, const struct alloc_request *q, void *obj)
{
	struct gc_local *l = gc_local_of(g);

	gc_count(&gc_pacer.heap_scan, (int64_t)l->scan_alloc);
	l->scan_alloc = 0;
	if (q->large && q->noscan && q->needzero)
		alloc_zero_chunks(g, obj, q->slot_bytes);
	if (gc_gogc_stale())
		gc_gogc_restore(g);
	if (gc_pacer_triggered() && gc_phase_now() == GC_OFF && !gc_start_held(g) &&
	    gc_start(g, GC_TRIGGER_HEAP, 0) == 0)
		gc_wait_settled(g);
}

/* The object is pinned, and no safepoint has been since it was taken. */
static void alloc_sample(struct sched_g *g, const struct alloc_request *q, void *obj)
{
	g->p->mc->sample_left = watch_profile_gap(&gc_local_of(g)->profile_random);
	gc_profile_sample(obj, q->slot_bytes);
}

static __attribute__((cold, noinline)) void alloc_after_rare(struct sched_g *g,
							     const struct alloc_request *q, void *obj)
{
	if (q->sample)
		alloc_sample(g, q, obj);
	if (q->slow)
		alloc_after_slow(g, q, obj);
}

/* Counted where it is asked: the goroutine may end up on another P, and this one would be due for
 * ever. */
static bool alloc_stress_due(const struct sched_g *g)
{
	return gc_st.opt.gc_every != 0 && ++g->p->alloc_seq % gc_st.opt.gc_every == 0;
}

/* In an operation, past the gate. */
static int alloc_in_op(struct sched_g *g, struct alloc_request *q, void **ret)
{
	void *obj;
	int r;

	prim_step(q->bytes > MEM_SMALL_MAX ? PRIM_COST_ALLOC_LARGE : PRIM_COST_ALLOC);
	mrt_safepoint(&g->pub);
	if (gcs_gate(GCS_POINT_stw_spin))
		sched_spin_point(g);
	if (PRIM_UNLIKELY(alloc_stress_due(g))) {
		gc_start(g, GC_TRIGGER_STRESS, 0);
		gc_wait_settled(g);
		mrt_yield(&g->pub); /* to the workers: so that there are many cycles, however fast
				       we allocate */
	}
	if (gcs_gate(GCS_POINT_gc_alloc))
		gc_force_point_about(g, GCS_POINT_gc_alloc,
				     (struct gc_about){.arg = q->bytes, .type = q->type->name});
	if (gc_barrier_enabled())
		gc_assist_charge(g, q->bytes);
	r = alloc_take(g, q, &obj);
	if (r < 0)
		return r;
	alloc_prepare(g, q, obj);
	if (PRIM_UNLIKELY(q->slow | q->sample))
		alloc_after_rare(g, q, obj);
	*ret = obj;
	return 0;
}

int gc_alloc(struct sched_g *g, const struct mrt_type *type, size_t n, void **ret)
{
	struct alloc_request q = {.type = type, .n = n};
	int r;

	if (PRIM_UNLIKELY(__builtin_mul_overflow(type->size, n, &q.bytes) ||
			  q.bytes > ALLOC_BYTES_MAX))
		return -EOVERFLOW;
	if (q.bytes == 0) {
		*ret = alloc_zero_object;
		return 0;
	}
	if (gcs_gate(GCS_POINT_mem_malloc) && !g->system) {
		r = alloc_fault(g, type, q.bytes);
		if (r < 0)
			return r;
	}
	sched_op_enter(g);
	r = alloc_in_op(g, &q, ret);
	sched_op_leave(g);
	return r;
}

int mrt_new(mrt_g *g, const struct mrt_type *type, void **ret)
{
	return gc_alloc(sched_of(g), type, 1, ret);
}

int mrt_new_array(mrt_g *g, const struct mrt_type *type, size_t n, void **ret)
{
	return gc_alloc(sched_of(g), type, n, ret);
}
