/*
 * g.c: goroutines: their making, reuse and end, and the list of all.
 *
 * A G is never freed before sched_fini: the list of all only grows, and is walked without a lock.
 * A dead G keeps its stack for the next one of the same size; free Gs lie on their P's list, half
 * of which goes to the global ones when it is full: to that of Gs with a stack, of which there are
 * SCHED_GFREE_STACKS_MAX, or to that of Gs without. At the end of a collection those lose their
 * stacks, and all unused stacks their memory (sched_stacks_free).
 *
 * Worker ids of goroutines are counted, lowest free first, so that a run which starts the same
 * goroutines names them the same.  When all are taken a goroutine has MRT_WORKER_NONE.
 */
#include "runtime/mem/throw.h"
#include "runtime/sched/sched.h"
#include "runtime/sched/sched_priv.h"

#include <errno.h>
#include <string.h>

#define ARENA_CHUNK_BYTES ((size_t)64 << 10)
#define ARENA_ALIGN	  ((size_t)64)

struct arena_chunk {
	struct arena_chunk *next;
	size_t used, bytes;
};

static struct {
	prim_mutex lock; /* arena, worker ids, the head of the list of all */
	struct arena_chunk *chunks;
	_Atomic(struct sched_g *) all;
	uint32_t ids;
	uint32_t worker_hint; /* no free id below */
	uint16_t workers[MRT_WORKER_MAX];
} gs;

/* -------------------------------------------------------------------- arena */

void sched_g_init(void)
{
	prim_mutex_init(&gs.lock, PRIM_RANK_ALLG);
	gs.worker_hint = MRT_WORKER_FIRST;
}

static void *arena_alloc_locked(size_t bytes)
{
	struct arena_chunk *chunk = gs.chunks;
	void *ret;

	prim_mutex_assert_held(&gs.lock);
	bytes = (bytes + ARENA_ALIGN - 1) & ~(ARENA_ALIGN - 1);
	if (chunk == NULL || chunk->bytes - chunk->used < bytes) {
		chunk = prim_pages_alloc(ARENA_CHUNK_BYTES);
		if (chunk == NULL)
			return NULL;
		chunk->bytes = ARENA_CHUNK_BYTES;
		chunk->used = ARENA_ALIGN;
		chunk->next = gs.chunks;
		gs.chunks = chunk;
	}
	ret = (char *)chunk + chunk->used;
	chunk->used += bytes;
	return ret;
}

void *sched_arena_alloc(size_t bytes)
{
	void *ret;

	prim_mutex_lock(&gs.lock);
	ret = arena_alloc_locked(bytes);
	prim_mutex_unlock(&gs.lock);
	return ret;
}

void sched_arena_fini(void)
{
	while (gs.chunks != NULL) {
		struct arena_chunk *chunk = gs.chunks;

		gs.chunks = chunk->next;
		prim_pages_free(chunk, chunk->bytes);
	}
	memset(&gs, 0, sizeof(gs));
}

/* --------------------------------------------------------------- worker ids */

static uint32_t worker_find_locked(void)
{
	for (uint32_t id = gs.worker_hint; id < MRT_WORKER_MAX; id++) {
		if (gs.workers[id] == 0)
			return id;
		gs.worker_hint = id + 1;
	}
	return MRT_WORKER_NONE;
}

static uint32_t worker_take(uint32_t wanted)
{
	uint32_t id;

	prim_mutex_lock(&gs.lock);
	id = wanted != MRT_WORKER_NONE ? wanted : worker_find_locked();
	if (id != MRT_WORKER_NONE)
		gs.workers[id]++;
	prim_mutex_unlock(&gs.lock);
	return id;
}

static void worker_give(uint32_t id)
{
	prim_mutex_lock(&gs.lock);
	if (--gs.workers[id] == 0 && id < gs.worker_hint && id >= MRT_WORKER_FIRST)
		gs.worker_hint = id;
	prim_mutex_unlock(&gs.lock);
}

/* ------------------------------------------------------------------ creation */

/* Where every goroutine starts, and starts again in its next life: a context that ended by itself
 * needs no new one. */
static void g_main(void *arg)
{
	struct sched_g *g = arg;

	for (;;) {
		g->fn(&g->pub, g->arg);
		sched_leave(g, SCHED_AFTER_EXIT);
	}
}

static struct sched_g *g_alloc(void)
{
	struct sched_g *g;

	prim_mutex_lock(&gs.lock);
	g = arena_alloc_locked(sizeof(*g));
	if (g != NULL) {
		/* Relaxed load: only lock holders write. Release: pairs with the acquire in
		 * sched_each_g. */
		g->all_next = atomic_load_explicit(&gs.all, memory_order_relaxed);
		atomic_store_explicit(&gs.all, g, memory_order_release);
	}
	prim_mutex_unlock(&gs.lock);
	return g;
}

static void g_drop_stack(struct sched_g *g)
{
	atomic_fetch_sub_explicit(&sched.stack_bytes, prim_ctx_bytes(g->ctx), memory_order_relaxed);
	prim_ctx_destroy(g->ctx);
	g->ctx = NULL;
}

/* With a stack of stack_bytes. */
static int g_stack(struct sched_g *g, size_t stack_bytes)
{
	if (g->ctx != NULL && g->stack_bytes == stack_bytes) {
		prim_ctx_check(g->ctx); /* nobody has written there since it died */
		return 0;
	}
	if (g->ctx != NULL)
		g_drop_stack(g);
	g->ctx = prim_ctx_create(stack_bytes, g_main, g);
	if (g->ctx == NULL && mem_throws())
		mem_throw_stack(stack_bytes);
	if (g->ctx == NULL)
		return -ENOMEM;
	g->stack_bytes = stack_bytes;
	atomic_fetch_add_explicit(&sched.stack_bytes, prim_ctx_bytes(g->ctx), memory_order_relaxed);
	return 0;
}

/* One with a stack if there is one. */
static struct sched_g *gfree_global_take(void)
{
	struct sched_g *g;

	prim_mutex_lock(&sched.lock);
	g = sched_list_take(&sched.gfree_stacks);
	if (g == NULL)
		g = sched_list_take(&sched.gfree_bare);
	prim_mutex_unlock(&sched.lock);
	return g;
}

static bool gfree_put_stack(struct sched_g *g)
{
	bool keep;

	if (g->ctx == NULL)
		return false;
	prim_mutex_lock(&sched.lock);
	keep = sched.gfree_stacks.count < SCHED_GFREE_STACKS_MAX;
	if (keep)
		sched_list_add(&sched.gfree_stacks, g);
	prim_mutex_unlock(&sched.lock);
	if (!keep)
		g_drop_stack(g);
	return keep;
}

static void gfree_global_put(struct sched_g *g)
{
	if (gfree_put_stack(g))
		return;
	prim_mutex_lock(&sched.lock);
	sched_list_add(&sched.gfree_bare, g);
	prim_mutex_unlock(&sched.lock);
}

void sched_stacks_free(void)
{
	struct sched_list list;
	struct sched_g *g;
	uint32_t released;

	prim_mutex_lock(&sched.lock);
	list = sched.gfree_stacks;
	sched.gfree_stacks = (struct sched_list){0};
	prim_mutex_unlock(&sched.lock);
	for (g = list.head; g != NULL; g = g->next)
		g_drop_stack(g);
	prim_mutex_lock(&sched.lock);
	sched_list_join(&sched.gfree_bare, &list);
	prim_mutex_unlock(&sched.lock);
	released = prim_stacks_release();
	if (released > 0)
		prim_step_n(PRIM_COST_STACK, released);
}

static void gfree_put(struct sched_p *p, struct sched_g *g)
{
	struct sched_list *list;

	if (p == NULL) {
		gfree_global_put(g);
		return;
	}
	list = &sched_local(p)->gfree;
	/* Last in, first out: the stack is warm. */
	g->next = list->head;
	list->head = g;
	if (list->tail == NULL)
		list->tail = g;
	if (++list->count < SCHED_GFREE_MAX)
		return;
	while (list->count > SCHED_GFREE_MAX / 2)
		gfree_global_put(sched_list_take(list));
}

static struct sched_g *gfree_take(struct sched_p *p)
{
	struct sched_g *g = p != NULL ? sched_list_take(&sched_local(p)->gfree) : NULL;

	return g != NULL ? g : gfree_global_take();
}

/* Everything a former life may have left. */
static void g_clear(struct sched_g *g)
{
	g->pub.frames = NULL;
	g->pub.poll = NULL;
	g->wait = SCHED_WAIT_NONE;
	g->npins = g->op_depth = 0;
	g->assist_credit = 0;
	g->assist_ns_cycle = 0;
	g->assist_gen = 0;
	g->store_cycle = 0;
	g->store_edge = false;
	g->ready_ns = g->run_start_ns = g->wake_deadline_ns = g->wake_lag_ns = 0;
	g->ready_firing = 0;
	g->park_arg = NULL;
	g->park_commit = NULL;
	g->alloc_seq = 0;
	g->maps_doubled = g->maps_regrown = 0;
	atomic_store_explicit(&g->scan_gen, 0, memory_order_relaxed);
	atomic_store_explicit(&g->scan_asked, 0, memory_order_relaxed);
}

static void g_name(struct sched_g *g, const struct sched_g_options *opt)
{
	g->fn = opt->fn;
	g->arg = opt->arg;
	g->name = opt->name;
	g->driver = opt->driver;
	g->system = opt->system;
	g->has_worker = !opt->fixed_worker;
	g->worker = opt->fixed_worker ? opt->worker : worker_take(opt->worker);
	if (g->worker == MRT_WORKER_NONE)
		g->has_worker = false;
	prim_mutex_lock(&gs.lock);
	g->id = ++gs.ids;
	prim_mutex_unlock(&gs.lock);
	sched_latency_new(g);
	prim_ctx_label(g->ctx, g->id, g->name);
}

uint64_t sched_g_created(void)
{
	uint64_t ret;

	prim_mutex_lock(&gs.lock);
	ret = gs.ids;
	prim_mutex_unlock(&gs.lock);
	return ret;
}

int sched_g_create(struct sched_p *p, const struct sched_g_options *opt, struct sched_g **ret)
{
	struct sched_g *g;
	int r;

	if (opt->worker >= MRT_WORKER_MAX)
		return -EINVAL;
	g = gfree_take(p);
	if (g == NULL)
		g = g_alloc();
	if (g == NULL && mem_throws())
		mem_throw_heap(sizeof(*g)); /* Go has it in its heap */
	if (g == NULL)
		return -ENOMEM;
	r = g_stack(g, opt->stack_bytes != 0 ? opt->stack_bytes : SCHED_STACK_BYTES);
	if (r < 0) {
		gfree_put(p, g);
		return r;
	}
	g_clear(g);
	g_name(g, opt);
	/* Relaxed: the status store that makes it RUNNABLE or WAITING publishes. */
	atomic_store_explicit(&g->status, SCHED_G_IDLE, memory_order_relaxed);
	if (!g->system)
		atomic_fetch_add_explicit(&sched.goroutines, 1, memory_order_relaxed);
	*ret = g;
	return 0;
}

void sched_g_dead(struct sched_p *p, struct sched_g *g)
{
	sched_g_status(g, SCHED_G_RUNNING, SCHED_G_DEAD);
	prim_ctx_check(g->ctx);
	g->pub.frames = NULL;
	if (g->has_worker)
		worker_give(g->worker);
	g->has_worker = false;
	if (!g->system)
		atomic_fetch_sub_explicit(&sched.goroutines, 1, memory_order_relaxed);
	gfree_put(p, g);
}

void sched_g_fini(void)
{
	struct sched_g *g = atomic_load_explicit(&gs.all, memory_order_acquire);

	for (; g != NULL; g = g->all_next) {
		if (g->ctx != NULL)
			g_drop_stack(g);
	}
}

/* -------------------------------------------------------------------- status */

void sched_g_status(struct sched_g *g, enum sched_status from, enum sched_status to)
{
	uint32_t expected = from;

	if (from == SCHED_G_RUNNING) {
		g->followed |= g->follow_count++ % SCHED_FOLLOW_EVERY == 0;
		if (PRIM_UNLIKELY(g->followed))
			sched_latency_leaves(g, to);
	}
	/* Acquire: what a scanner wrote (scan_gen, colours) is seen; release: what the G did before
	 * is seen by a scanner.  Sequentially consistent for scan_ask. */
	for (uint32_t round = 0; !atomic_compare_exchange_weak(&g->status, &expected, to);
	     expected = from) {
		if (expected == from)
			continue; /* weak: failed for nothing */
		if (expected != (from | SCHED_G_SCAN))
			prim_die(134, "mrt: a goroutine is not in the status it is moved from\n");
		prim_spin_wait(round++);
	}
	if (from != SCHED_G_RUNNING && PRIM_UNLIKELY(g->followed))
		sched_latency_moved(g, from, to);
}

/* ------------------------------------------------------------- the list of all */

int sched_each_g(int (*fn)(struct sched_g *, void *), void *arg)
{
	/* Acquire: pairs with the release in g_alloc. */
	struct sched_g *g = atomic_load_explicit(&gs.all, memory_order_acquire);
	int r = 0;

	for (; g != NULL && r == 0; g = g->all_next)
		r = fn(g, arg);
	return r;
}

uint64_t sched_stack_bytes(void)
{
	return atomic_load_explicit(&sched.stack_bytes, memory_order_relaxed);
}

uint64_t sched_stack_sys(void)
{
	return sched_stack_bytes() + prim_stacks_cached();
}

uint32_t mrt_worker(const mrt_g *g)
{
	return ((const struct sched_g *)g)->worker;
}
