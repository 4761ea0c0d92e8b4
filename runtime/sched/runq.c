/*
 * runq.c: run queues: a ring and a "next" slot per P, and the global queue.
 *
 * The ring: the owner of the P puts at the tail, the owner and thieves take at the head.  A taker
 * copies what it wants and then moves the head by compare and swap; if that fails somebody else
 * took them, and the copies are forgotten.  An entry is overwritten only after the head has passed
 * it, so a copy is stale only when the swap fails.  A full ring gives its older half to the global
 * queue, at the price of one lock for 129 goroutines.
 *
 * The "next" slot keeps a pair of goroutines that wake each other on one P.
 */
#include "runtime/sched/sched.h"
#include "runtime/sched/sched_priv.h"

#define RING_MASK (SCHED_RUNQ - 1)
#define RING_LOOKS_MAX 8u /* at one that moves, for its length */

_Static_assert((SCHED_RUNQ & RING_MASK) == 0, "a power of two");

/* ---------------------------------------------------------------------- ring */

/* Acquire: pairs with the release half of the takers' swaps, so that their reads of the entries
 * come before our writes. */
static inline uint32_t ring_head(const struct sched_local *l)
{
	return atomic_load_explicit(&l->head, memory_order_acquire);
}

static inline struct sched_g *ring_at(struct sched_local *l, uint32_t i)
{
	return atomic_load_explicit(&l->ring[i & RING_MASK], memory_order_relaxed);
}

static inline bool ring_move_head(struct sched_local *l, uint32_t head, uint32_t n)
{
	return atomic_compare_exchange_strong_explicit(&l->head, &head, head + n,
						       memory_order_acq_rel, memory_order_relaxed);
}

/* The older half and g to the global queue. False: the ring is not full any more. */
static bool ring_overflow(struct sched_local *l, struct sched_g *g, uint32_t head)
{
	struct sched_g *moved[SCHED_RUNQ / 2];
	struct sched_list list = {0};

	for (uint32_t i = 0; i < SCHED_RUNQ / 2; i++)
		moved[i] = ring_at(l, head + i);
	if (!ring_move_head(l, head, SCHED_RUNQ / 2))
		return false;
	for (uint32_t i = 0; i < SCHED_RUNQ / 2; i++)
		sched_list_add(&list, moved[i]);
	sched_list_add(&list, g);
	sched_global_put_list(&list);
	return true;
}

static void ring_put(struct sched_local *l, struct sched_g *g)
{
	uint32_t head, tail = atomic_load_explicit(&l->tail, memory_order_relaxed);

	for (;;) {
		head = ring_head(l);
		if (tail - head < SCHED_RUNQ) {
			atomic_store_explicit(&l->ring[tail & RING_MASK], g, memory_order_relaxed);
			/* Sequentially consistent: publishes the entry, and comes before the
			 * read of `spinning` in sched_wake (see sched_priv.h). */
			atomic_store(&l->tail, tail + 1);
			return;
		}
		if (ring_overflow(l, g, head))
			return;
	}
}

void sched_runq_put(struct sched_p *p, struct sched_g *g, bool next)
{
	struct sched_local *l = sched_local(p);

	/* Sequentially consistent, as the tail. */
	if (next)
		g = atomic_exchange(&l->next, g);
	if (g != NULL)
		ring_put(l, g);
}

static struct sched_g *next_take(struct sched_local *l)
{
	/* Relaxed: NULL is only a hint; the exchange synchronises. */
	if (atomic_load_explicit(&l->next, memory_order_relaxed) == NULL)
		return NULL;
	return atomic_exchange(&l->next, NULL);
}

struct sched_g *sched_runq_get(struct sched_p *p, bool *ret_inherit)
{
	struct sched_local *l = sched_local(p);
	struct sched_g *g = next_take(l);
	uint32_t head, tail;

	*ret_inherit = g != NULL;
	if (g != NULL)
		return g;
	tail = atomic_load_explicit(&l->tail, memory_order_relaxed);
	for (;;) {
		head = ring_head(l);
		if (head == tail)
			return NULL;
		g = ring_at(l, head);
		if (ring_move_head(l, head, 1))
			return g;
	}
}

bool sched_runq_empty(const struct sched_p *p)
{
	const struct sched_local *l = sched_local(p);

	/* Sequentially consistent: the looking half of sched_priv.h's pattern.  The owner moves
	 * goroutines from `next` to the tail, so look at `next` first and last. */
	if (atomic_load(&l->next) != NULL || atomic_load(&l->head) != atomic_load(&l->tail))
		return false;
	return atomic_load(&l->next) == NULL;
}

/* While the head stands still the difference is one of a moment, whoever looks. */
uint32_t sched_runq_count(const struct sched_p *p)
{
	const struct sched_local *l = sched_local(p);
	uint32_t head = ring_head(l), n = 0;

	for (uint32_t tries = 0; tries < RING_LOOKS_MAX; tries++) {
		uint32_t was = head;

		/* Acquire: the second look at the head comes after it. */
		n = atomic_load_explicit(&l->tail, memory_order_acquire) - head;
		head = ring_head(l);
		if (head == was)
			break;
	}
	n = n > SCHED_RUNQ ? 0 : n; /* the two were read apart, each time */
	return n + (atomic_load_explicit(&l->next, memory_order_relaxed) != NULL);
}

/* Copy half of from's ring into `batch`; the count taken. */
static uint32_t ring_grab(struct sched_local *from, struct sched_g **batch)
{
	for (;;) {
		uint32_t head = ring_head(from);
		/* Acquire: pairs with the store of the tail, the entries below it are there. */
		uint32_t tail = atomic_load_explicit(&from->tail, memory_order_acquire);
		uint32_t n = tail - head;

		n -= n / 2;
		if (n == 0 || n > SCHED_RUNQ / 2) {
			if (n == 0)
				return 0;
			continue; /* head and tail were read apart */
		}
		for (uint32_t i = 0; i < n; i++)
			batch[i] = ring_at(from, head + i);
		if (ring_move_head(from, head, n))
			return n;
	}
}

/* Its owner will run it in a moment: leave it a moment. */
static struct sched_g *next_steal(struct sched_p *victim)
{
	struct sched_local *l = sched_local(victim);

	if (atomic_load_explicit(&l->next, memory_order_relaxed) == NULL)
		return NULL;
	if (atomic_load_explicit(&victim->status, memory_order_relaxed) == SCHED_P_RUNNING)
		prim_sleep_until(prim_now_ns() + 3000);
	return next_take(l);
}

struct sched_g *sched_runq_steal(struct sched_p *p, struct sched_p *victim, bool with_next)
{
	struct sched_g *batch[SCHED_RUNQ / 2];
	uint32_t n = ring_grab(sched_local(victim), batch);

	if (n == 0)
		return with_next ? next_steal(victim) : NULL;
	/* The newest of them is run, the others keep their order. */
	for (uint32_t i = 0; i + 1 < n; i++)
		ring_put(sched_local(p), batch[i]);
	return batch[n - 1];
}

/* -------------------------------------------------------------- global queue */

static void global_put_locked(struct sched_list *list)
{
	prim_mutex_assert_held(&sched.lock);
	sched_list_join(&sched.global, list);
	/* Sequentially consistent: as the tail of a ring. */
	atomic_store(&sched.global_count, sched.global.count);
}

void sched_global_put_list(struct sched_list *list)
{
	if (list->head == NULL)
		return;
	prim_mutex_lock(&sched.lock);
	global_put_locked(list);
	prim_mutex_unlock(&sched.lock);
}

void sched_global_put(struct sched_g *g)
{
	struct sched_list list = {0};

	sched_list_add(&list, g);
	sched_global_put_list(&list);
}

struct sched_g *sched_global_get_locked(struct sched_p *p, uint32_t max)
{
	uint32_t n = sched.global.count / sched.procs + 1;
	struct sched_g *g;

	prim_mutex_assert_held(&sched.lock);
	if (sched.global.count == 0)
		return NULL;
	if (max > 0 && n > max)
		n = max;
	if (n > SCHED_RUNQ / 2)
		n = SCHED_RUNQ / 2;
	if (n > sched.global.count)
		n = sched.global.count;
	g = sched_list_take(&sched.global);
	atomic_store(&sched.global_count, sched.global.count);
	while (--n > 0) {
		ring_put(sched_local(p), sched_list_take(&sched.global));
		atomic_store(&sched.global_count, sched.global.count);
	}
	return g;
}

struct sched_g *sched_global_get(struct sched_p *p, uint32_t max)
{
	struct sched_g *g;

	/* A hint; who needs to be sure looks under the lock. */
	if (atomic_load_explicit(&sched.global_count, memory_order_relaxed) == 0)
		return NULL;
	prim_mutex_lock(&sched.lock);
	g = sched_global_get_locked(p, max);
	prim_mutex_unlock(&sched.lock);
	return g;
}

/* Idle Ps take some from the global queue; what they cannot stays on p. */
void sched_inject(struct sched_p *p, struct sched_list *list)
{
	/* Relaxed: how many to start is a guess; losing a wake is prevented by sched_wake. */
	uint64_t idle = atomic_load_explicit(&sched.idle, memory_order_relaxed);
	uint32_t starts = (uint32_t)__builtin_popcountll(idle);
	struct sched_list global = {0};
	struct sched_g *g;

	if (starts > list->count)
		starts = list->count;
	while ((p == NULL || global.count < starts) && (g = sched_list_take(list)) != NULL)
		sched_list_add(&global, g);
	sched_global_put_list(&global);
	while (p != NULL && (g = sched_list_take(list)) != NULL)
		sched_runq_put(p, g, false);
	while (starts-- > 0 && atomic_load_explicit(&sched.started, memory_order_relaxed))
		sched_m_start(NULL, false);
	sched_wake();
}
