/*
 * roots.c: where marking starts: registered globals, and each goroutine's frames and pins.
 *
 * Globals are one job an entry. Goroutines are one job each: the list of all goroutines only grows
 * at its head, so the head at the stop of the world and the links from there are the goroutines
 * that existed then; a cursor walks them without a lock. A goroutine that runs is asked to scan
 * itself at its next safepoint, and lies on the pending list until a worker finds it scanned: the
 * mark phase cannot end before. One that was born later starts with no roots, and what it gets from
 * the heap the barrier has shaded.
 */
#include "runtime/gc/gc_priv.h"

#include <errno.h>

struct roots_global {
	void **first;
	size_t n;
};

static struct {
	prim_mutex lock; /* globals and the pending list */
	struct roots_global global[GC_GLOBALS_MAX];
	uint32_t globals;
	struct sched_g *pending[GC_PENDING_ROOTS_MAX];
	uint32_t pending_n;
	_Atomic uint32_t deferred;	/* pending_n, to be read without the lock */
	_Atomic uint32_t pending_count; /* jobs taken and not done, the pending ones included */
	_Atomic uint32_t global_next, globals_now;
	_Atomic(struct sched_g *) cursor;
	_Atomic uint64_t stack_bytes;
	struct gc_local orphan; /* buffers of callers without a P; under the lock */
} roots;

void gc_roots_init(void)
{
	/* Globals may have been registered before; they stay. */
	prim_mutex_init(&roots.lock, PRIM_RANK_SWEEP);
	roots.pending_n = 0;
	atomic_store_explicit(&roots.deferred, 0, memory_order_relaxed);
	atomic_store_explicit(&roots.pending_count, 0, memory_order_relaxed);
	atomic_store_explicit(&roots.global_next, 0, memory_order_relaxed);
	atomic_store_explicit(&roots.globals_now, 0, memory_order_relaxed);
	atomic_store_explicit(&roots.cursor, NULL, memory_order_relaxed);
	roots.orphan = (struct gc_local){.w1 = NULL};
}

/* ------------------------------------------------------------------ globals */

/* An entry appears or goes away while marking runs: its words are snapshot and shade in one. */
static void roots_shade_locked(const struct roots_global *e)
{
	if (!gc_barrier_enabled())
		return;
	for (size_t i = 0; i < e->n; i++)
		gc_grey(&roots.orphan, (uintptr_t)__atomic_load_n(&e->first[i], __ATOMIC_ACQUIRE));
	gc_work_flush(&roots.orphan);
	gc_work_release(&roots.orphan);
}

int mrt_globals_add(void **first, size_t n)
{
	uint32_t i = 0;
	int r = 0;

	prim_mutex_lock(&roots.lock);
	while (i < roots.globals && roots.global[i].first != NULL)
		i++;
	if (i == GC_GLOBALS_MAX) {
		r = -ENOMEM;
	} else {
		roots.global[i] = (struct roots_global){.first = first, .n = n};
		if (i == roots.globals)
			roots.globals++;
		roots_shade_locked(&roots.global[i]);
	}
	prim_mutex_unlock(&roots.lock);
	return r;
}

void mrt_globals_remove(void **first)
{
	prim_mutex_lock(&roots.lock);
	for (uint32_t i = 0; i < roots.globals; i++) {
		if (roots.global[i].first != first)
			continue;
		roots_shade_locked(&roots.global[i]);
		roots.global[i] = (struct roots_global){.first = NULL};
		break;
	}
	prim_mutex_unlock(&roots.lock);
}

uint64_t gc_roots_global_bytes(void)
{
	uint64_t words = 0;

	prim_mutex_lock(&roots.lock);
	for (uint32_t i = 0; i < roots.globals; i++)
		words += roots.global[i].first != NULL ? roots.global[i].n : 0;
	prim_mutex_unlock(&roots.lock);
	return words * sizeof(void *);
}

uint64_t gc_roots_orphan_marked(void)
{
	return roots.orphan.bytes_marked;
}

int gc_roots_each_global(int (*fn)(void *value, void *arg), void *arg)
{
	for (uint32_t i = 0; i < roots.globals; i++) {
		const struct roots_global *e = &roots.global[i];

		for (size_t w = 0; e->first != NULL && w < e->n; w++) {
			int r = fn(mrt_load(&e->first[w]), arg);

			if (r != 0)
				return r;
		}
	}
	return 0;
}

/* Under the lock, so that the entry cannot be removed meanwhile. */
static int64_t roots_scan_global(struct gc_local *l, uint32_t i)
{
	struct roots_global e;

	prim_step(PRIM_COST_MARK_ROOT);
	prim_mutex_lock(&roots.lock);
	e = roots.global[i];
	for (size_t w = 0; e.first != NULL && w < e.n; w++)
		/* Acquire: pairs with the release of gc_store. */
		gc_grey(l, (uintptr_t)__atomic_load_n(&e.first[w], __ATOMIC_ACQUIRE));
	prim_mutex_unlock(&roots.lock);
	return e.first != NULL ? (int64_t)(e.n * sizeof(void *)) : 0;
}

/* --------------------------------------------------------------- goroutines */

struct roots_scan {
	struct gc_local *l;
	int64_t work;
};

static bool roots_scanned(const struct sched_g *g)
{
	return atomic_load_explicit(&g->scan_gen, memory_order_acquire) == gc_cycle();
}

/* g is held still, or is the caller. */
static void roots_scan_goroutine(struct sched_g *g, void *arg)
{
	struct roots_scan *scan = arg;
	const struct mrt_frame *f = g->pub.frames;
	size_t words = g->npins;

	if (roots_scanned(g))
		return;
	if (gcs_gate(GCS_POINT_gc_stack_scan))
		gc_scan_point(g);
	if (gcs_gate(GCS_POINT_sabotage_unrooted) && gc_sabotage_frame(g))
		f = f->up;
	for (; f != NULL; f = f->up) {
		for (size_t i = 0; i < f->count; i++)
			gc_grey(scan->l, (uintptr_t)f->slots[i]);
		words += f->count;
	}
	for (uint32_t i = 0; i < g->npins; i++)
		gc_grey(scan->l, (uintptr_t)g->pins[i]);
	scan->work = (int64_t)(words * sizeof(void *));
	atomic_fetch_add_explicit(&roots.stack_bytes, (uint64_t)scan->work, memory_order_relaxed);
	/* Release: pairs with the acquire in roots_scanned; who sees it counts the job as done. */
	atomic_store_explicit(&g->scan_gen, gc_cycle(), memory_order_release);
}

void gc_scan_self(struct sched_g *g)
{
	struct roots_scan scan = {.l = gc_local_of(g)};

	if (gc_phase_now() != GC_MARK || roots_scanned(g))
		return;
	prim_step(PRIM_COST_MARK_ROOT);
	roots_scan_goroutine(g, &scan);
	gc_count(&gc_pacer.stack_work, scan.work);
}

static void roots_job_done(void)
{
	atomic_fetch_sub_explicit(&roots.pending_count, 1, memory_order_release);
}

/* There is room: gc_roots_step prefers pending jobs to new ones from half of it on, and an old one
 * is only put back while it runs, so at most one a P. */
static void roots_defer(struct sched_g *g)
{
	prim_mutex_lock(&roots.lock);
	gc_must(roots.pending_n < GC_PENDING_ROOTS_MAX,
		"gc: too many goroutines asked to scan themselves\n");
	roots.pending[roots.pending_n] = g;
	atomic_store_explicit(&roots.deferred, ++roots.pending_n, memory_order_relaxed);
	prim_mutex_unlock(&roots.lock);
}

/* The oldest first: it has had the most time to answer. */
static struct sched_g *roots_pending_take(void)
{
	struct sched_g *g = NULL;

	if (atomic_load_explicit(&roots.deferred, memory_order_relaxed) == 0)
		return NULL;
	prim_mutex_lock(&roots.lock);
	if (roots.pending_n != 0) {
		g = roots.pending[0];
		roots.pending_n--;
		for (uint32_t i = 0; i < roots.pending_n; i++)
			roots.pending[i] = roots.pending[i + 1];
		atomic_store_explicit(&roots.deferred, roots.pending_n, memory_order_relaxed);
	}
	prim_mutex_unlock(&roots.lock);
	return g;
}

/* Scan g, or ask it to. Returns the work, or -1: asked, and put on the pending list. */
static int64_t roots_scan_one(struct sched_g *self, struct sched_g *g)
{
	struct roots_scan scan = {.l = gc_local_of(self)};

	prim_step(PRIM_COST_MARK_ROOT);
	if (g == self) {
		roots_scan_goroutine(g, &scan);
	} else if (!gc_is_worker(g) && !roots_scanned(g) &&
		   sched_scan_g(g, roots_scan_goroutine, &scan) == SCHED_SCAN_ASKED) {
		roots_defer(g);
		return -1;
	}
	gc_count(&gc_pacer.stack_work, scan.work);
	roots_job_done();
	return scan.work;
}

/* Count the job before it leaves the cursor, so that there is no moment in which it is nowhere. */
static struct sched_g *roots_cursor_take(void)
{
	struct sched_g *g = atomic_load_explicit(&roots.cursor, memory_order_acquire);

	if (g == NULL)
		return NULL;
	atomic_fetch_add_explicit(&roots.pending_count, 1, memory_order_relaxed);
	while (g != NULL &&
	       !atomic_compare_exchange_weak_explicit(&roots.cursor, &g, g->all_next,
						      memory_order_acq_rel, memory_order_acquire))
		;
	if (g == NULL)
		roots_job_done();
	return g;
}

static int64_t roots_global_step(struct gc_local *l)
{
	uint32_t n = atomic_load_explicit(&roots.globals_now, memory_order_relaxed);
	int64_t work = -1;
	uint32_t i;

	if (atomic_load_explicit(&roots.global_next, memory_order_relaxed) >= n)
		return -1;
	atomic_fetch_add_explicit(&roots.pending_count, 1, memory_order_relaxed);
	i = atomic_fetch_add_explicit(&roots.global_next, 1, memory_order_acq_rel);
	if (i < n) {
		work = roots_scan_global(l, i);
		gc_count(&gc_pacer.globals_work, work);
	}
	roots_job_done();
	return work;
}

int64_t gc_roots_step(struct sched_g *g)
{
	int64_t work = roots_global_step(gc_local_of(g));
	struct sched_g *target;

	if (work >= 0)
		return work;
	while (atomic_load_explicit(&roots.deferred, memory_order_relaxed) <
		       GC_PENDING_ROOTS_MAX / 2 &&
	       (target = roots_cursor_take()) != NULL) {
		work = roots_scan_one(g, target);
		if (work >= 0)
			return work;
	}
	target = roots_pending_take();
	return target != NULL ? roots_scan_one(g, target) : -1;
}

bool gc_roots_awaited(void)
{
	return atomic_load_explicit(&roots.deferred, memory_order_relaxed) != 0;
}

bool gc_roots_left(void)
{
	/* The counter last: a job is in it before it leaves the cursor. Acquire pairs with
	 * roots_job_done. */
	return atomic_load_explicit(&roots.global_next, memory_order_acquire) <
		       atomic_load_explicit(&roots.globals_now, memory_order_relaxed) ||
	       atomic_load_explicit(&roots.cursor, memory_order_acquire) != NULL ||
	       atomic_load_explicit(&roots.pending_count, memory_order_acquire) != 0;
}

static int roots_first(struct sched_g *g, void *arg)
{
	*(struct sched_g **)arg = g;
	return 1;
}

void gc_roots_prepare(void)
{
	struct sched_g *head = NULL;

	gc_must(!gc_roots_left(), "gc: root jobs left over from the last cycle\n");
	sched_each_g(roots_first, &head);
	roots.pending_n = 0;
	roots.orphan.bytes_marked = 0;
	atomic_store_explicit(&roots.stack_bytes, 0, memory_order_relaxed);
	atomic_store_explicit(&roots.globals_now, roots.globals, memory_order_relaxed);
	atomic_store_explicit(&roots.global_next, 0, memory_order_relaxed);
	/* Release: the links behind the head are there for who loads the cursor. */
	atomic_store_explicit(&roots.cursor, head, memory_order_release);
}

uint64_t gc_roots_stack_bytes(void)
{
	return atomic_load_explicit(&roots.stack_bytes, memory_order_relaxed);
}
