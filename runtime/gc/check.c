/*
 * check.c: the heap check (world stopped).
 *
 *   1  mem_check: spans, free runs, page table, counters
 *   2  every pointer word of every allocated object is NULL, an address outside the heap, or in an allocated
 * object 3  no root of a goroutine or global points to a free object 4  marks complete: a marked
 * object points to marked ones only (no black object to a white one) 5  marks complete: roots point
 * to marked objects only, and every P's tiny block is marked 6  marks complete: work buffers and barrier buffers are empty, and the
 * marked bytes add up 7  the registered checks: map invariants 8  MemStats adds up
 *
 * 2 needs a finished sweep: a dead object that is not swept yet may point to one that is. Objects
 * of registered types are remembered in a hash table, from which a cycle's dead are taken before
 * its sweep can free them.
 */
#include "runtime/gc/gc_priv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define CHECK_SLOTS	  (GC_CHECK_OBJECTS_MAX * 2)
#define CHECK_ADDRESS_END ((uintptr_t)1 << 47) /* what user space can map, on every target */

const struct mrt_type *gc_check_types[GC_CHECK_TYPES_MAX];
uint32_t gc_check_types_count;

struct check_object {
	void *obj;
	uint32_t type;
};

static struct {
	int (*fn[GC_CHECK_TYPES_MAX])(void *obj, char *text, size_t cap);
	prim_mutex lock;
	struct check_object *object; /* dense, in order of birth */
	uint32_t objects;
} check;

struct check_walk {
	bool colours;
	char *text;
	size_t cap;
	int broken;
	uint64_t marked_bytes;
};

void gc_check_init(void)
{
	prim_mutex_init(&check.lock, PRIM_RANK_WATCH);
	check.objects = 0;
}

void gc_check_register(const struct mrt_type *type, int (*fn)(void *obj, char *text, size_t cap))
{
	for (uint32_t i = 0; i < gc_check_types_count; i++)
		if (gc_check_types[i] == type)
			return;
	gc_must(gc_check_types_count < GC_CHECK_TYPES_MAX,
		"gc: more than GC_CHECK_TYPES_MAX checked types\n");
	gc_check_types[gc_check_types_count] = type;
	check.fn[gc_check_types_count++] = fn;
}

void gc_check_born(const struct mrt_type *type, void *obj)
{
	uint32_t t = 0;

	while (gc_check_types[t] != type)
		t++;
	prim_mutex_lock(&check.lock);
	if (check.object == NULL)
		check.object = prim_pages_alloc(GC_CHECK_OBJECTS_MAX * sizeof(*check.object));
	if (check.object != NULL && check.objects < GC_CHECK_OBJECTS_MAX)
		check.object[check.objects++] = (struct check_object){.obj = obj, .type = t};
	prim_mutex_unlock(&check.lock);
}

void gc_check_forget_dead(void)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < check.objects; i++) {
		struct mem_obj o;

		if (mem_find(check.object[i].obj, &o) && mem_marked(&o))
			check.object[kept++] = check.object[i];
	}
	check.objects = kept;
}

void gc_check_fini(void)
{
	if (check.object != NULL)
		prim_pages_free(check.object, GC_CHECK_OBJECTS_MAX * sizeof(*check.object));
	check.object = NULL;
	check.objects = 0;
	gc_check_types_count = 0;
}

__attribute__((format(printf, 3, 4))) static int check_broken(struct check_walk *w, int number,
							      const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(w->text, w->cap, format, args);
	va_end(args);
	w->broken = number;
	return number;
}

/* ------------------------------------------------------------------ objects */

static int check_pointer(struct check_walk *w, const struct mem_obj *from, uintptr_t slot)
{
	uintptr_t p = __atomic_load_n((const uintptr_t *)slot, __ATOMIC_RELAXED);
	struct mem_obj to;

	if (p != 0 && (p < PRIM_PAGE_BYTES || p >= CHECK_ADDRESS_END))
		return check_broken(w, 2, "object %#lx (%zu bytes) holds %#lx at +%lu: no address",
				    (unsigned long)from->base, mem_obj_bytes(from),
				    (unsigned long)p, (unsigned long)(slot - from->base));
	if (!mem_in_heap((const void *)p))
		return 0;
	if (!mem_find((const void *)p, &to) || !mem_allocated(&to))
		return check_broken(w, 2,
				    "object %#lx (%zu bytes) points to free memory at +%lu: %#lx",
				    (unsigned long)from->base, mem_obj_bytes(from),
				    (unsigned long)(slot - from->base), (unsigned long)p);
	if (w->colours && mem_marked(from) && !mem_marked(&to))
		return check_broken(w, 4,
				    "black object %#lx (%zu bytes) points to white %#lx at +%lu",
				    (unsigned long)from->base, mem_obj_bytes(from),
				    (unsigned long)to.base, (unsigned long)(slot - from->base));
	return 0;
}

static int check_object_pointers(struct check_walk *w, const struct mem_obj *o)
{
	uintptr_t end = o->base + mem_obj_bytes(o);

	for (uintptr_t addr = o->base; addr < end; addr += 64 * sizeof(uintptr_t)) {
		size_t words = (end - addr) / sizeof(uintptr_t);
		uint64_t bits = mem_bits_get(addr);

		if (words < 64)
			bits &= (UINT64_C(1) << words) - 1;
		for (; bits != 0; bits &= bits - 1) {
			int r = check_pointer(
				w, o, addr + (uintptr_t)__builtin_ctzll(bits) * sizeof(uintptr_t));

			if (r != 0)
				return r;
		}
	}
	return 0;
}

static int check_span(struct mem_span *s, void *arg)
{
	struct check_walk *w = arg;

	for (uint32_t i = 0; i < s->nelems; i++) {
		struct mem_obj o = {.span = s, .base = s->base + i * s->elem_bytes, .index = i};
		int r;

		if (!mem_allocated(&o))
			continue;
		if (w->colours && mem_marked(&o))
			w->marked_bytes += mem_obj_bytes(&o);
		if (w->colours && mem_grey(&o))
			return check_broken(w, 6, "object %#lx (%zu bytes) was never scanned",
					    (unsigned long)o.base, mem_obj_bytes(&o));
		r = mem_obj_noscan(&o) ? 0 : check_object_pointers(w, &o);
		if (r != 0)
			return r;
	}
	return 0;
}

/* -------------------------------------------------------------------- roots */

static int check_root(struct check_walk *w, const void *p, const char *what, const char *name)
{
	struct mem_obj o;

	if (!mem_in_heap(p))
		return 0;
	if (!mem_find(p, &o) || !mem_allocated(&o))
		return check_broken(w, 3, "a %s of %s points to free memory: %p", what, name, p);
	if (w->colours && !mem_marked(&o))
		return check_broken(w, 5, "a %s of %s points to a white object: %p", what, name, p);
	return 0;
}

static int check_goroutine(struct sched_g *g, void *arg)
{
	struct check_walk *w = arg;
	uint32_t status = atomic_load_explicit(&g->status, memory_order_acquire) &
			  ~(uint32_t)SCHED_G_SCAN;
	const char *name;
	int r = 0;

	/* A dead or idle one may be dressed for its next life by a thread that no stop holds.
	 * Acquire, above: once it lives, what that thread wrote is seen. */
	if (status == SCHED_G_DEAD || status == SCHED_G_IDLE)
		return 0;
	name = g->name != NULL ? g->name : "a goroutine";
	for (const struct mrt_frame *f = g->pub.frames; f != NULL && r == 0; f = f->up)
		for (size_t i = 0; i < f->count && r == 0; i++)
			r = check_root(w, f->slots[i], "root slot", name);
	for (uint32_t i = 0; i < g->npins && r == 0; i++)
		r = check_root(w, g->pins[i], "pin", name);
	return r;
}

static int check_global(void *value, void *arg)
{
	return check_root(arg, value, "word", "a global");
}

/* ---------------------------------------------------------------- the whole */

static int check_buffers(struct check_walk *w)
{
	uint64_t counted = gc_roots_orphan_marked();

	if (!w->colours)
		return 0;
	if (gc_work_shared() || gc_roots_left())
		return check_broken(w, 6, "marking ended with shared work left");
	for (uint32_t i = 0; i < gc_st.procs; i++) {
		const struct gc_local *l = sched_p(i)->gc;

		counted += l->bytes_marked;
		if (l->barrier_n != 0 || !gc_work_local_empty(l))
			return check_broken(w, 6, "marking ended with work left on P %u", i);
	}
	if (counted != w->marked_bytes)
		return check_broken(w, 6, "%llu bytes counted as marked, %llu have the bit",
				    (unsigned long long)counted,
				    (unsigned long long)w->marked_bytes);
	return 0;
}

/* Marks complete: each P's tiny block is black, for what is put into it now must live. */
static int check_tiny_blocks(struct check_walk *w)
{
	for (uint32_t i = 0; i < gc_st.procs && w->colours; i++) {
		uintptr_t tiny = sched_p(i)->mc->tiny;
		struct mem_obj o;

		if (tiny != 0 && mem_find((const void *)tiny, &o) && !mem_marked(&o))
			return check_broken(w, 5, "the tiny block of P %u is white: %#lx", i,
					    (unsigned long)tiny);
	}
	return 0;
}

static int check_registered(struct check_walk *w)
{
	for (uint32_t i = 0; i < check.objects; i++) {
		struct mem_obj o;

		/* What this cycle has not reached is about to go. */
		if (w->colours && mem_find(check.object[i].obj, &o) && !mem_marked(&o))
			continue;
		if (check.fn[check.object[i].type](check.object[i].obj, w->text, w->cap) != 0) {
			w->broken = 7;
			return 7;
		}
	}
	return 0;
}

int gc_check_heap(bool colours, char *text, size_t cap)
{
	struct check_walk w = {.colours = colours, .text = text, .cap = cap};

	if (mem_check(text, cap) != 0)
		return 1;
	if (mem_walk_spans(check_span, &w) != 0)
		return w.broken;
	if (sched_each_g(check_goroutine, &w) != 0 || gc_roots_each_global(check_global, &w) != 0)
		return w.broken;
	if (check_tiny_blocks(&w) != 0 || check_buffers(&w) != 0 || check_registered(&w) != 0)
		return w.broken;
	return gc_memstats_check(text, cap) != 0 ? 8 : 0;
}

void gc_check_edge(const char *edge, bool colours)
{
	char text[256] = "", line[384];
	int r;

	if (!gc_st.opt.check_edges)
		return;
	r = gc_check_heap(colours, text, sizeof(text));
	if (r == 0)
		return;
	snprintf(line, sizeof(line), "mrt: heap check, %s of cycle %u: invariant %d: %s\n", edge,
		 gc_cycle(), r, text);
	prim_die(134, line);
}

int mrt_heap_check(mrt_g *pub, char *text, size_t cap)
{
	struct sched_g *g = sched_of(pub);
	struct sched_stw stw = {0};
	int r;

	if (cap > 0)
		text[0] = '\0';
	sched_stop_world(g, SCHED_STW_CHECK, &stw);
	if (gc_phase_now() == GC_OFF) {
		gc_sweep_finish_stopped();
		mem_caches_flush_stale();
	}
	r = gc_check_heap(false, text, cap);
	sched_start_world(g, &stw, gc_cycle(), 0);
	return r;
}
