/*
 * timer.c: what happens at a time: a 4-ary heap per P, smallest first.
 *
 * A goroutine waits for at most one time, so an element is (time, order of arrival, goroutine).
 * An element leaves only when it is due.  The first time of each heap
 * can be read without its lock: whoever has nothing else to do sleeps until the smallest.
 *
 * A goroutine that goes to sleep cannot be told that there is no memory: when the heap is full and cannot grow, it is
 * put on a list of the P's, through its own link, which is searched; the next timer of that P tries to grow the heap
 * again, and then they move there. Under oom: throw that is the end, as in Go.
 */
#include "runtime/mem/throw.h"
#include "runtime/sched/sched.h"
#include "runtime/sched/sched_priv.h"

#include <string.h>

#define HEAP_ARITY   4u
#define HEAP_CAP_MIN 256u
#define DUE_MAX	     64u
#define SLEEP_NS_MAX (INT64_C(1) << 60) /* 36 years: a longer one is as good as none */

static inline bool timer_before(const struct sched_timer *a, const struct sched_timer *b)
{
	return a->when_ns != b->when_ns ? a->when_ns < b->when_ns : a->seq < b->seq;
}

static void heap_up(struct sched_timer *heap, uint32_t i, struct sched_timer timer)
{
	while (i > 0) {
		uint32_t parent = (i - 1) / HEAP_ARITY;

		if (!timer_before(&timer, &heap[parent]))
			break;
		heap[i] = heap[parent];
		i = parent;
	}
	heap[i] = timer;
}

static void heap_down(struct sched_timer *heap, uint32_t count, struct sched_timer timer)
{
	uint32_t i = 0;

	for (;;) {
		uint32_t first = i * HEAP_ARITY + 1, least = first;

		if (first >= count)
			break;
		for (uint32_t c = first + 1; c < first + HEAP_ARITY && c < count; c++)
			if (timer_before(&heap[c], &heap[least]))
				least = c;
		if (!timer_before(&heap[least], &timer))
			break;
		heap[i] = heap[least];
		i = least;
	}
	heap[i] = timer;
}

static bool timer_grow_locked(struct sched_local *l)
{
	uint32_t cap = l->timers_cap != 0 ? 2 * l->timers_cap : HEAP_CAP_MIN;
	struct sched_timer *heap = prim_pages_alloc(cap * sizeof(*heap));

	prim_mutex_assert_held(&l->timers_lock);
	if (heap == NULL && mem_throws())
		mem_throw_heap(cap * sizeof(*heap)); /* Go has it in its heap */
	if (heap == NULL)
		return false;
	if (l->timers != NULL) {
		memcpy(heap, l->timers, l->timers_count * sizeof(*heap));
		prim_pages_free(l->timers, l->timers_cap * sizeof(*heap));
	}
	l->timers = heap;
	l->timers_cap = cap;
	return true;
}

static struct sched_timer timer_of_spare(struct sched_g *g)
{
	return (struct sched_timer){.when_ns = g->timer_ns, .seq = g->timer_seq, .g = g};
}

/* Of the heap and the list; g NULL: there is none. */
static struct sched_timer timer_earliest_locked(const struct sched_local *l)
{
	struct sched_timer least = {.when_ns = SCHED_NEVER, .seq = UINT64_MAX};

	prim_mutex_assert_held(&l->timers_lock);
	if (l->timers_count > 0)
		least = l->timers[0];
	for (struct sched_g *g = l->timers_spare.head; PRIM_UNLIKELY(g != NULL); g = g->next) {
		struct sched_timer timer = timer_of_spare(g);

		if (timer_before(&timer, &least))
			least = timer;
	}
	return least;
}

static void timer_first_locked(struct sched_local *l)
{
	/* Sequentially consistent: pairs with the look of an M that is about to sleep. */
	atomic_store(&l->first_ns, timer_earliest_locked(l).when_ns);
	/* Relaxed: pairs with look.c, which wants no more than a number. */
	atomic_store_explicit(&l->timers_all, l->timers_count + l->timers_spare.count,
			      memory_order_relaxed);
}

/* Into the heap, and those on the list before it; or onto the list. */
static void timer_put_locked(struct sched_local *l, struct sched_timer timer)
{
	struct sched_g *g;

	if (PRIM_LIKELY(l->timers_spare.head == NULL && l->timers_count < l->timers_cap)) {
		heap_up(l->timers, l->timers_count++, timer);
		return;
	}
	timer.g->timer_ns = timer.when_ns;
	timer.g->timer_seq = timer.seq;
	sched_list_add(&l->timers_spare, timer.g);
	while (l->timers_spare.head != NULL) {
		if (l->timers_count == l->timers_cap && !timer_grow_locked(l))
			return;
		g = sched_list_take(&l->timers_spare);
		heap_up(l->timers, l->timers_count++, timer_of_spare(g));
	}
}

/* The earliest leaves. */
static void timer_remove_locked(struct sched_local *l, struct sched_g *g)
{
	struct sched_list rest = {0};
	struct sched_g *spare;

	prim_mutex_assert_held(&l->timers_lock);
	if (l->timers_count > 0 && l->timers[0].g == g) {
		l->timers_count--;
		if (l->timers_count > 0)
			heap_down(l->timers, l->timers_count, l->timers[l->timers_count]);
		return;
	}
	while ((spare = sched_list_take(&l->timers_spare)) != NULL)
		if (spare != g)
			sched_list_add(&rest, spare);
	l->timers_spare = rest;
}

void sched_timer_add(struct sched_p *p, struct sched_g *g, int64_t when_ns)
{
	struct sched_local *l = sched_local(p);
	bool first;

	prim_step(PRIM_COST_TIMER);
	prim_mutex_lock(&l->timers_lock);
	first = when_ns < timer_earliest_locked(l).when_ns;
	timer_put_locked(l, (struct sched_timer){.when_ns = when_ns, .seq = l->timers_seq++, .g = g});
	timer_first_locked(l);
	prim_mutex_unlock(&l->timers_lock);
	if (first)
		sched_netpoll_timer(when_ns);
}

static uint32_t timer_take_due(struct sched_local *l, struct sched_g **due, uint32_t max)
{
	int64_t now = prim_now_ns();
	uint32_t n = 0;

	prim_mutex_lock(&l->timers_lock);
	while (n < max) {
		struct sched_timer timer = timer_earliest_locked(l);

		if (timer.g == NULL || timer.when_ns > now)
			break;
		due[n++] = timer.g;
		timer_remove_locked(l, timer.g);
	}
	timer_first_locked(l);
	prim_mutex_unlock(&l->timers_lock);
	return n;
}

/*
 * The gate of sched/timer is armed: is g, that sleeps and is due, woken later? Who waits for something
 * else has its time from another fault, and who is late already is not made later.
 */
static __attribute__((cold, noinline)) bool timer_late(struct sched_p *p, struct sched_g *g)
{
	struct gcs_site site = sched_site(p, g, g->worker);
	struct gcs_firing firing;

	if (g->wait != SCHED_WAIT_SLEEP)
		return false;
	site.eligible = site.eligible && g->ready_firing == 0;
	site.actions = GCS_ACT_DELAY;
	site.arg = (uint64_t)(site.now_ns - g->wake_deadline_ns); /* late already */
	if (!gcs_decide(GCS_POINT_sched_timer, &site, &firing) || firing.action != GCS_ACT_DELAY)
		return false;
	g->ready_ns = g->wake_deadline_ns; /* the lag is from then on */
	sched_ready_at(p, g, site.now_ns + firing.delay_ns, firing.id);
	return true;
}

bool sched_timer_run(struct sched_p *p, struct sched_p *from)
{
	struct sched_local *l = sched_local(from);
	struct sched_g *due[DUE_MAX];
	bool any = false;
	uint32_t n = DUE_MAX;

	while (n == DUE_MAX) {
		int64_t first = atomic_load_explicit(&l->first_ns, memory_order_relaxed);

		if (first == SCHED_NEVER || first > prim_now_ns())
			break;
		n = timer_take_due(l, due, DUE_MAX);
		for (uint32_t i = 0; i < n; i++) {
			prim_step(PRIM_COST_TIMER);
			if (gcs_gate(GCS_POINT_sched_timer) && timer_late(p, due[i]))
				continue;
			/* A sleeper runs next (goroutineReady, time.go); who waits for something else
			 * only has its wake from here. */
			sched_ready_now(p, due[i], due[i]->wait == SCHED_WAIT_SLEEP);
			any = true;
		}
	}
	return any;
}

int64_t sched_timer_first(void)
{
	int64_t first = SCHED_NEVER;

	for (uint32_t i = 0; i < sched.procs; i++) {
		int64_t ns = atomic_load(&sched_local(sched.p[i])->first_ns);

		first = ns < first ? ns : first;
	}
	return first;
}

void sched_timer_fini(struct sched_p *p)
{
	struct sched_local *l = sched_local(p);

	if (l->timers != NULL)
		prim_pages_free(l->timers, l->timers_cap * sizeof(*l->timers));
	l->timers = NULL;
}

/* ------------------------------------------------------------------ its users */

static bool sleep_commit(struct sched_g *g, void *arg)
{
	(void)arg;
	sched_timer_add(g->p, g, g->wake_deadline_ns);
	return true;
}

/*
 * The gate of sched/timer is armed and g begins a sleep: the rest of it may be multiplied. A wake that
 * comes late for that is measured from the deadline. Returns the firing that shortens it; 0: none.
 */
static __attribute__((cold, noinline)) uint64_t sleep_biased(struct sched_g *g)
{
	struct gcs_site site = sched_site(g->p, g, g->worker);
	int64_t rest = g->wake_deadline_ns - site.now_ns;
	struct gcs_firing firing;

	site.eligible = site.eligible && rest > 0;
	site.actions = GCS_ACT_BIAS;
	site.arg = (uint64_t)rest;
	if (!gcs_decide(GCS_POINT_sched_timer, &site, &firing) || firing.action != GCS_ACT_BIAS)
		return 0;
	if (firing.by_milli > 1000) {
		g->ready_ns = g->wake_deadline_ns;
		g->ready_firing = firing.id;
	}
	rest = (int64_t)((__int128)rest * firing.by_milli / 1000);
	g->wake_deadline_ns = rest < SLEEP_NS_MAX ? site.now_ns + rest : site.now_ns + SLEEP_NS_MAX;
	return firing.by_milli > 1000 ? 0 : firing.id;
}

/* g is awake: how early is it? */
static void sleep_early(const struct sched_g *g, uint64_t firing, int64_t deadline_ns)
{
	struct gcs_site site = sched_site(g->p, g, g->worker);
	int64_t early = deadline_ns - site.now_ns;

	gcs_effect(&site, firing, GCS_EFFECT_EARLY, early > 0 ? (uint64_t)early : 0);
}

void mrt_sleep_until(mrt_g *pub, int64_t deadline_ns)
{
	struct sched_g *g = sched_of(pub);
	uint64_t early = 0;

	if (deadline_ns > prim_now_ns()) {
		g->wake_deadline_ns = deadline_ns;
		if (gcs_gate(GCS_POINT_sched_timer))
			early = sleep_biased(g);
		sched_park(g, SCHED_WAIT_SLEEP, sleep_commit, NULL);
		if (early != 0)
			sleep_early(g, early, deadline_ns);
	}
	sched_safepoint(g);
}

void sched_ready_at(struct sched_p *p, struct sched_g *g, int64_t when_ns, uint64_t firing)
{
	if (g->ready_ns == 0)
		g->ready_ns = prim_now_ns();
	g->ready_firing = firing;
	sched_timer_add(p != NULL ? p : sched.p[g->id % sched.procs], g, when_ns);
}
