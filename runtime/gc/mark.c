/*
 * mark.c: the tracing loop (mgcmark.go).
 *
 * A grey object is marked and in a work buffer; taking it out and scanning its pointer words makes
 * it black. Objects without pointers go to black at once and are never read. Objects above 128 KiB
 * are cut into pieces when their first one is scanned, so that several workers share them and none
 * is stuck in one.
 *
 * Small objects are many, and each lies on a page of its own as far as the order in which they are
 * found goes: of them not the object waits but its span, until those before it have been scanned
 * and most of its own objects have been found (mem_span_batched; mgcmark_greenteagc.go).
 *
 * Marking waits for memory more than it computes. So nothing is looked at when it is found, but a
 * little later, with its cache line on the way: pointers go through one short queue before their
 * span is read, the objects they lead to through a second one before their mark is, and grey objects
 * through a third before they and their pointer bits are (mark_pipe; it lives on the stack of one
 * drain and is empty at its end).
 *
 * Scan work is counted in bytes up to the last pointer of what was scanned. It is flushed to the
 * pacer, and by background workers to the waiting assists, in steps of 2000.
 */
#include "runtime/gc/gc_priv.h"

#define MARK_SHARE_WORK 4096 /* between looks whether others are hungry */
#define MARK_AHEAD	     8u /* objects of a span that are asked for before they are scanned */

/* Grey if it was white; what holds no pointers goes to black at once. */
static inline void mark_object(struct gc_local *l, const struct mem_obj *o)
{
	if (!mem_mark(o))
		return;
	prim_step(PRIM_COST_MARK_OBJECT);
	l->bytes_marked += mem_obj_bytes(o);
	if (mem_span_batched(o->span)) {
		if (mem_span_wait(o->span))
			gc_work_put_span(l, o->span);
	} else if (!mem_obj_noscan(o)) {
		gc_work_put(l, o->base);
	}
}

void gc_grey(struct gc_local *l, uintptr_t p)
{
	struct mem_obj o;

	if (mem_find((const void *)p, &o))
		mark_object(l, &o);
}

/* ----------------------------------------------------------------- the pipe */

#define MARK_PIPE 32u /* power of two */

struct mark_pipe {
	uintptr_t found[MARK_PIPE];   /* pointers into the heap, their spans' lines asked for */
	struct mem_obj at[MARK_PIPE]; /* objects, the words of their mark bits asked for */
	uintptr_t grey[MARK_PIPE];    /* objects, their first lines and pointer bits asked for */
	uint32_t found_in, found_out, at_in, at_out, grey_in, grey_out;
};

/* The line of the span's descriptor that mem_find reads. */
static inline void mark_prefetch_span(uintptr_t p)
{
	/* Relaxed: nothing is concluded from it. */
	__builtin_prefetch(atomic_load_explicit(
		&mem_layout.page_table[(p - mem_layout.base) >> MEM_PAGE_SHIFT],
		memory_order_relaxed));
}

static inline void pipe_at_take(struct mark_pipe *pipe, struct gc_local *l)
{
	mark_object(l, &pipe->at[pipe->at_out++ % MARK_PIPE]);
}

/* A pointer that has been found: which object is it? */
static inline void pipe_found_take(struct mark_pipe *pipe, struct gc_local *l)
{
	struct mem_obj o;

	if (!mem_find((const void *)pipe->found[pipe->found_out++ % MARK_PIPE], &o))
		return;
	__builtin_prefetch(mem_mark_word(&o), 1);
	if (pipe->at_in - pipe->at_out == MARK_PIPE)
		pipe_at_take(pipe, l);
	pipe->at[pipe->at_in++ % MARK_PIPE] = o;
}

static inline void pipe_found_put(struct mark_pipe *pipe, struct gc_local *l, uintptr_t p)
{
	if (!mem_in_heap((const void *)p))
		return;
	mark_prefetch_span(p);
	if (pipe->found_in - pipe->found_out == MARK_PIPE)
		pipe_found_take(pipe, l);
	pipe->found[pipe->found_in++ % MARK_PIPE] = p;
}

/* The next grey object of this P; what lies in the barrier buffer counts as found. */
static uintptr_t mark_next(struct gc_local *l)
{
	uintptr_t obj = gc_work_get(l);

	if (obj == 0 && l->barrier_n != 0) {
		gc_barrier_flush(l);
		obj = gc_work_get(l);
	}
	return obj;
}

/* What is to be scanned next: the object that has been longest in the pipe, or a span when none is
 * there or on its way. Both 0: nothing grey is left here or in the shared lists. */
struct mark_next {
	uintptr_t obj;
	struct mem_span *span;
};

static struct mark_next pipe_next(struct mark_pipe *pipe, struct gc_local *l)
{
	struct mark_next next = {0};

	while (pipe->grey_in - pipe->grey_out < MARK_PIPE) {
		uintptr_t obj = mark_next(l);

		if (obj != 0) {
			__builtin_prefetch((const void *)obj);
			mem_bits_prefetch(obj);
			pipe->grey[pipe->grey_in++ % MARK_PIPE] = obj;
		} else if (pipe->grey_in != pipe->grey_out) {
			break;
		} else if ((next.span = gc_work_get_span(l)) != NULL) {
			return next;
		} else if (pipe->found_in != pipe->found_out) {
			pipe_found_take(pipe, l);
		} else if (pipe->at_in != pipe->at_out) {
			pipe_at_take(pipe, l);
		} else {
			return next;
		}
	}
	next.obj = pipe->grey[pipe->grey_out++ % MARK_PIPE];
	return next;
}

static void pipe_grey_back(struct mark_pipe *pipe, struct gc_local *l)
{
	while (pipe->grey_in != pipe->grey_out)
		gc_work_put(l, pipe->grey[pipe->grey_out++ % MARK_PIPE]);
}

/* Back to the buffers with what it holds. */
static void pipe_drain(struct mark_pipe *pipe, struct gc_local *l)
{
	while (pipe->found_in != pipe->found_out)
		pipe_found_take(pipe, l);
	while (pipe->at_in != pipe->at_out)
		pipe_at_take(pipe, l);
	pipe_grey_back(pipe, l);
}

/* Nothing lies in the shared lists: whoever is hungry gets a part of what is here, what waits in the
 * pipe included, which may be pieces of 128 KiB. */
static void mark_share(struct mark_pipe *pipe, struct gc_local *l)
{
	if (gc_st.procs == 1 || gc_work_shared())
		return;
	pipe_grey_back(pipe, l);
	gc_work_balance(l);
	gc_workers_answer();
}

/* ----------------------------------------------------------------- scanning */

/* 64 words or less from addr; returns the end of the last pointer word. */
static inline __attribute__((always_inline)) uintptr_t mark_scan_block(struct mark_pipe *pipe, struct gc_local *l, uintptr_t addr,
				 uintptr_t end, uintptr_t last)
{
	uint64_t bits = mem_bits_get(addr);
	size_t words = (end - addr) / sizeof(uintptr_t);

	if (words < 64)
		bits &= (UINT64_C(1) << words) - 1;
	if (bits == 0)
		return last;
	prim_step_n(PRIM_COST_MARK_WORD, (uint32_t)__builtin_popcountll(bits));
	while (bits != 0) {
		uintptr_t slot = addr + (uintptr_t)__builtin_ctzll(bits) * sizeof(uintptr_t);

		bits &= bits - 1;
		last = slot + sizeof(uintptr_t);
		/* Acquire: pairs with the release of gc_store. */
		pipe_found_put(pipe, l, __atomic_load_n((const uintptr_t *)slot, __ATOMIC_ACQUIRE));
	}
	return last;
}

/* Scan one object, or one piece of a huge one. Returns its work. */
static int64_t mark_scan_object(struct mark_pipe *pipe, struct gc_local *l, uintptr_t addr)
{
	uintptr_t end, last = addr;
	struct mem_obj o;

	gc_must(mem_find((const void *)addr, &o), "gc: a grey object is not in the heap\n");
	end = o.base + mem_obj_bytes(&o);
	if (PRIM_UNLIKELY(end - o.base > GC_OBLET_BYTES)) {
		for (uintptr_t p = addr + GC_OBLET_BYTES; addr == o.base && p < end;
		     p += GC_OBLET_BYTES)
			gc_work_put(l, p);
		if (end - addr > GC_OBLET_BYTES)
			end = addr + GC_OBLET_BYTES;
	}
	if (end - addr >= MARK_SHARE_WORK) /* before, not after it */
		mark_share(pipe, l);
	for (uintptr_t p = addr; p < end; p += 64 * sizeof(uintptr_t))
		last = mark_scan_block(pipe, l, p, end, last);
	return (int64_t)(last - addr);
}

/* One of at most 64 words. Returns its work. */
static inline int64_t mark_scan_small(struct mark_pipe *pipe, struct gc_local *l, uintptr_t addr,
				      size_t bytes)
{
	return (int64_t)(mark_scan_block(pipe, l, addr, addr + bytes, addr) - addr);
}

/* The grey objects of one word of a span, those a few places on already on their way. */
static int64_t mark_scan_word(struct mark_pipe *pipe, struct gc_local *l, uintptr_t base,
			      size_t bytes, uint64_t grey)
{
	uint64_t ahead = grey;
	int64_t work = 0;

	for (uint32_t i = 0; i < MARK_AHEAD && ahead != 0; i++, ahead &= ahead - 1)
		__builtin_prefetch((const void *)(base + (size_t)__builtin_ctzll(ahead) * bytes));
	for (; grey != 0; grey &= grey - 1) {
		if (ahead != 0) {
			__builtin_prefetch(
				(const void *)(base + (size_t)__builtin_ctzll(ahead) * bytes));
			ahead &= ahead - 1;
		}
		work += mark_scan_small(pipe, l, base + (size_t)__builtin_ctzll(grey) * bytes, bytes);
	}
	return work;
}

/* The first grey objects of the span that comes after this one. */
static void mark_prefetch_span_next(const struct gc_local *l)
{
	const struct mem_span *s = gc_work_peek_span(l);
	uint32_t asked = 0;

	if (s == NULL)
		return;
	for (uint32_t w = 0; w * 64 < s->nelems && asked < MARK_AHEAD; w++) {
		uint64_t grey = mem_span_see_grey(s, w);

		for (; grey != 0 && asked < MARK_AHEAD; grey &= grey - 1, asked++)
			__builtin_prefetch((const void *)(s->base +
							  (w * 64 + (size_t)__builtin_ctzll(grey)) *
								  s->elem_bytes));
	}
}

/* All grey objects of a span that waited; none are left if another drain was faster. */
static int64_t mark_scan_span(struct mark_pipe *pipe, struct gc_local *l, struct mem_span *s)
{
	size_t bytes = s->elem_bytes;
	int64_t work = 0;

	mark_prefetch_span_next(l);
	mem_span_waited(s);
	for (uint32_t w = 0; w * 64 < s->nelems; w++) {
		uint64_t grey = mem_span_take_grey(s, w);

		if (grey != 0)
			work += mark_scan_word(pipe, l, s->base + w * 64 * bytes, bytes, grey);
	}
	return work;
}

/* Count what was scanned; background work pays waiting assists. */
static void mark_flush_work(struct sched_g *g, struct gc_local *l, uint32_t flags)
{
	int64_t work = l->scan_work;

	if (work == 0)
		return;
	l->scan_work = 0;
	gc_count(&gc_pacer.heap_work, work);
	if (flags & GC_DRAIN_CREDIT)
		gc_assist_credit(g, work);
}

static bool mark_should_stop(const struct sched_g *g, uint32_t flags)
{
	if ((flags & GC_DRAIN_ASSIST) != 0 && gc_limiter_on())
		return true;
	return (flags & GC_DRAIN_PREEMPT) != 0 &&
	       atomic_load_explicit(&g->p->poll, memory_order_relaxed) != 0;
}

/* The checks that are not free; every 100000 units of work. */
static bool mark_share_over(const struct gc_local *l, uint32_t flags, int64_t begin_ns)
{
	struct sched_counts counts;

	if (flags & GC_DRAIN_FRACTIONAL)
		return gc_fractional_over(l, begin_ns);
	if ((flags & GC_DRAIN_IDLE) == 0)
		return false;
	sched_counts(&counts);
	return counts.runnable != 0;
}

static int64_t mark_drain_roots(struct sched_g *g, uint32_t flags, int64_t limit)
{
	int64_t done = 0;

	if (gc_stage_closed(GC_STAGE_ROOTS))
		return 0;
	while (done < limit && !mark_should_stop(g, flags)) {
		int64_t work = gc_roots_step(g);

		if (work < 0)
			break;
		if (flags & GC_DRAIN_CREDIT)
			gc_assist_credit(g, work);
		done += work;
	}
	return done;
}

int64_t gc_drain(struct sched_g *g, uint32_t flags, int64_t limit, int64_t begin_ns)
{
	struct gc_local *l = gc_local_of(g);
	int64_t done = mark_drain_roots(g, flags, limit), check = GC_CHECK_THRESHOLD;
	struct mark_pipe pipe = {.found_in = 0};
	bool closed = gc_stage_closed(GC_STAGE_HEAP);
	int64_t share = done + MARK_SHARE_WORK;

	while (!closed && done < limit && !mark_should_stop(g, flags)) {
		struct mark_next next;
		int64_t work;

		if (done >= share) {
			share = done + MARK_SHARE_WORK;
			mark_share(&pipe, l);
		}
		next = pipe_next(&pipe, l);
		if (next.obj != 0)
			work = mark_scan_object(&pipe, l, next.obj);
		else if (next.span != NULL)
			work = mark_scan_span(&pipe, l, next.span);
		else
			break;
		l->scan_work += work;
		done += work;
		if (l->scan_work >= GC_CREDIT_SLACK) {
			mark_flush_work(g, l, flags);
			gc_workers_answer();
		}
		if (done >= check) {
			check = done + GC_CHECK_THRESHOLD;
			if (mark_share_over(l, flags, begin_ns))
				break;
		}
	}
	pipe_drain(&pipe, l);
	mark_flush_work(g, l, flags);
	gc_workers_answer();
	return done;
}
