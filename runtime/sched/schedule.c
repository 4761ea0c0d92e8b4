/*
 * schedule.c: what an M does: find a goroutine, run it until it comes back, see to it, again.
 *
 * The order of looking is Go's (findRunnable): stop the world, ragged call, timers, mark worker,
 * every 61st time the global queue, own queue, a batch of the global one, the poller, stealing, an
 * idle mark worker. Then the P is given up, everything is looked at once more, and one M of all
 * blocks in the poller until the next timer; the others park.
 *
 * A goroutine leaves to its M's own context and the M does what has to happen
 * after it has left: nobody can resume a goroutine that has not been saved.
 */
#include "runtime/sched/sched.h"
#include "runtime/sched/sched_priv.h"

/* ------------------------------------------------------------------- looking */

/* At most half as many looking as there are busy Ps. */
static bool find_may_spin(const struct sched_m *m)
{
	uint64_t idle;
	uint32_t busy;

	if (m->spinning)
		return true;
	idle = atomic_load_explicit(&sched.idle, memory_order_relaxed);
	busy = sched.procs - (uint32_t)__builtin_popcountll(idle);
	return 2 * atomic_load_explicit(&sched.spinning, memory_order_relaxed) < busy;
}

static bool find_no_spin(struct sched_m *m)
{
	bool was = m->spinning;

	if (was) {
		m->spinning = false;
		atomic_fetch_sub(&sched.spinning, 1);
	}
	return was;
}

/*
 * The gate of sched/steal is armed: does p, that m->p wants to steal from, seem empty? Only one that
 * runs: its owner comes back to what lies there. Timers are looked at all the same: those of an idle
 * P have no other.
 */
static bool find_nothing(const struct sched_m *m, const struct sched_p *victim)
{
	uint32_t left = sched_runq_count(victim);
	struct gcs_site site = sched_site_bare(m->p, MRT_WORKER_SCHED);
	struct gcs_firing firing;

	site.eligible = left > 0 && atomic_load_explicit(&victim->status, memory_order_relaxed) ==
					    SCHED_P_RUNNING;
	if (!gcs_decide(GCS_POINT_sched_steal, &site, &firing) || firing.action != GCS_ACT_FAIL)
		return false;
	gcs_effect(&site, firing.id, GCS_EFFECT_IDLE, left);
	return true;
}

/* *ret_again: timers of the victim have made something ready. */
static struct sched_g *find_stolen_from(struct sched_m *m, struct sched_p *victim, bool last,
					bool *ret_inherit, bool *ret_again)
{
	struct sched_g *g;

	if (victim == m->p)
		return NULL;
	prim_step(PRIM_COST_STEAL);
	if (last && sched_timer_run(m->p, victim)) {
		g = sched_runq_get(m->p, ret_inherit);
		if (g != NULL)
			return g;
		*ret_again = true;
	}
	if (gcs_gate(GCS_POINT_sched_steal) && find_nothing(m, victim))
		return NULL;
	return sched_runq_steal(m->p, victim, last);
}

/* A stride that visits every P once, from a seeded start. */
static uint32_t find_stride(struct sched_m *m, uint32_t n)
{
	uint32_t stride = 1 + sched_m_random(m) % n;

	for (;; stride = stride % n + 1) {
		uint32_t a = n, b = stride;

		while (b != 0) {
			uint32_t rest = a % b;

			a = b;
			b = rest;
		}
		if (a == 1)
			return stride;
	}
}

/* NULL and *ret_again: look everywhere anew, there may be something by now; or the world is being stopped. */
static struct sched_g *find_stolen(struct sched_m *m, bool *ret_inherit, bool *ret_again)
{
	uint32_t n = sched.procs;

	for (uint32_t pass = 0; pass < SCHED_STEAL_PASSES && n > 1; pass++) {
		uint32_t at = sched_m_random(m) % n, stride = find_stride(m, n);
		bool last = pass + 1 == SCHED_STEAL_PASSES;

		for (uint32_t i = 0; i < n; i++, at = (at + stride) % n) {
			struct sched_g *g;

			if (atomic_load_explicit(&sched.stopping, memory_order_relaxed)) {
				*ret_again = true;
				return NULL;
			}
			g = find_stolen_from(m, sched.p[at], last, ret_inherit, ret_again);
			if (g != NULL)
				return g;
		}
	}
	return NULL;
}

/* The collector hands out a worker in status WAITING. */
static struct sched_g *find_worker(struct sched_p *p, bool idle)
{
	struct sched_g *g = sched.gc->find_worker(p, idle);

	if (g != NULL)
		sched_g_status(g, SCHED_G_WAITING, SCHED_G_RUNNABLE);
	return g;
}

static struct sched_g *find_polled(struct sched_m *m)
{
	struct sched_list list = {0};
	struct sched_g *g;

	if (!sched_netpoll_wanted())
		return NULL;
	sched_netpoll_now(m->p, m->events, &list);
	g = sched_list_take(&list);
	if (list.head != NULL)
		sched_inject(m->p, &list);
	return g;
}

/* Every 61st time, and when a slice is over: a pair in `next` that hands its slice to and fro does
 * not end it. */
static bool find_global_first(const struct sched_p *p)
{
	return atomic_load_explicit(&p->sched_tick, memory_order_relaxed) % SCHED_GLOBAL_EVERY ==
		       0 ||
	       (atomic_load_explicit(&p->poll, memory_order_relaxed) & SCHED_POLL_PREEMPT) != 0;
}

/* A pass over the others, if m may spin. */
static struct sched_g *find_spinning(struct sched_m *m, bool *ret_inherit, bool *ret_again)
{
	if (!find_may_spin(m))
		return NULL;
	if (!m->spinning)
		atomic_fetch_add(&sched.spinning, 1);
	m->spinning = true;
	return find_stolen(m, ret_inherit, ret_again);
}

/* With a P: everything short of giving it up. *ret_again: look anew before that. */
static struct sched_g *find_held(struct sched_m *m, bool *ret_inherit, bool *ret_again)
{
	struct sched_p *p = m->p;
	struct sched_g *g;

	sched_timer_run(p, p);
	g = find_worker(p, false);
	if (g != NULL) {
		sched_wake(); /* what this P was woken for may still lie there */
		return g;
	}
	if (find_global_first(p)) {
		g = sched_global_get(p, 1);
		if (g != NULL)
			return g;
	}
	g = sched_runq_get(p, ret_inherit);
	if (g == NULL)
		g = sched_global_get(p, 0);
	if (g == NULL)
		g = find_polled(m);
	if (g == NULL)
		g = find_spinning(m, ret_inherit, ret_again);
	return g != NULL || *ret_again ? g : find_worker(p, true);
}

/* Nothing found. False: something came up, look again with the P. */
static bool find_release(struct sched_m *m, struct sched_g **ret)
{
	struct sched_p *p = m->p;
	bool done = false;

	*ret = NULL;
	prim_mutex_lock(&sched.lock);
	if (!atomic_load_explicit(&sched.stopping, memory_order_relaxed) &&
	    (atomic_load(&p->poll) & SCHED_POLL_CALL) == 0) {
		*ret = sched_global_get_locked(p, 0);
		done = *ret == NULL;
	}
	if (done) {
		sched_p_idle_put_locked(p);
		m->p = NULL;
	}
	prim_mutex_unlock(&sched.lock);
	return done;
}

static bool find_take_idle(struct sched_m *m)
{
	struct sched_p *p;

	prim_mutex_lock(&sched.lock);
	p = sched_p_idle_get_locked();
	prim_mutex_unlock(&sched.lock);
	if (p != NULL)
		sched_m_take(m, p);
	return p != NULL;
}

static bool find_queues_filled(void)
{
	if (atomic_load(&sched.global_count) > 0)
		return true;
	for (uint32_t i = 0; i < sched.procs; i++)
		if (!sched_runq_empty(sched.p[i]))
			return true;
	return false;
}

bool sched_work_waits(void)
{
	if (find_queues_filled() || (sched.gc->has_work != NULL && sched.gc->has_work()))
		return true;
	return !sched_netpoll_blocked() && sched_timer_first() != SCHED_NEVER;
}

static void find_spin_again(struct sched_m *m)
{
	m->spinning = true;
	atomic_fetch_add(&sched.spinning, 1);
}

/* m has stopped spinning and has no P. True: it has one again, perhaps with a goroutine, and spins: whoever finds
 * something calls the next one. */
static bool find_recheck(struct sched_m *m, struct sched_g **ret)
{
	struct sched_p *p;

	if (find_queues_filled() && find_take_idle(m)) {
		find_spin_again(m);
		return true;
	}
	if (sched.gc->has_work != NULL && !sched.gc->has_work())
		return false;
	if (!find_take_idle(m))
		return false;
	*ret = find_worker(m->p, true);
	if (*ret != NULL) {
		find_spin_again(m);
		return true;
	}
	p = m->p;
	m->p = NULL;
	sched_p_give_up(p);
	return false;
}

/* Without a P: be the one who waits for connections and timers. Then one that was spinning is so again. */
static struct sched_g *find_blocking(struct sched_m *m, bool was_spinning)
{
	struct sched_list list = {0};
	struct sched_g *g;

	if (!sched_netpoll_block(m, &list))
		return NULL;
	if (!find_take_idle(m)) {
		sched_inject(NULL, &list);
		return NULL;
	}
	g = sched_list_take(&list);
	if (list.head != NULL)
		sched_inject(m->p, &list);
	if (g == NULL && was_spinning)
		find_spin_again(m);
	return g;
}

/* The P has been taken away, or this is the end. */
static bool find_stopped(struct sched_m *m)
{
	struct sched_p *p = m->p;
	bool stopping;

	if (PRIM_LIKELY(!atomic_load(&sched.stopping) && !atomic_load(&sched.quitting)))
		return false;
	find_no_spin(m);
	prim_mutex_lock(&sched.lock);
	stopping = atomic_load_explicit(&sched.stopping, memory_order_relaxed);
	if (stopping) {
		sched_p_stop_locked(p);
		m->p = NULL;
	}
	prim_mutex_unlock(&sched.lock);
	if (stopping)
		return true;
	if (!atomic_load(&sched.quitting))
		return false;
	m->p = NULL;
	sched_p_give_up(p);
	return true;
}

/* A goroutine to run on m->p; NULL: m has no P, let it park. */
static struct sched_g *find_runnable(struct sched_m *m, bool *ret_inherit)
{
	struct sched_g *g;

	while (m->p != NULL) {
		bool again = false, was_spinning;

		*ret_inherit = false;
		if (find_stopped(m))
			return NULL;
		sched_ragged_run(m->p);
		g = find_held(m, ret_inherit, &again);
		if (g != NULL)
			return g;
		if (again)
			continue;
		if (!find_release(m, &g)) {
			if (g != NULL)
				return g;
			continue;
		}
		was_spinning = find_no_spin(m);
		if (was_spinning && find_recheck(m, &g)) {
			if (g != NULL)
				return g;
			continue;
		}
		g = find_blocking(m, was_spinning);
		if (g != NULL)
			return g;
	}
	return NULL;
}

/* ------------------------------------------------------------------- running */

/*
 * The gate of sched/starve is armed and p is about to go on with g: the CPU may be gone for a while.
 * The thread holds both and looks at nothing: nobody can take p, and a stop waits for it. A wake that
 * is measured ends after it.
 */
static __attribute__((cold, noinline)) void run_starved(struct sched_p *p, struct sched_g *g)
{
	struct gcs_site site = sched_site(p, g, MRT_WORKER_SCHED);
	struct gcs_firing firing;
	int64_t begin_ns = site.now_ns;

	site.eligible = true;
	if (!gcs_decide(GCS_POINT_sched_starve, &site, &firing) || firing.action != GCS_ACT_DELAY)
		return;
	prim_sleep_until(begin_ns + firing.delay_ns);
	/* Before p is given up: who comes last is the last to write. */
	if (atomic_load(&sched.stopping))
		atomic_store(&sched.late_firing, firing.id);
	if (g->ready_ns != 0 && g->ready_firing == 0)
		g->ready_firing = firing.id;
	site.now_ns = prim_now_ns();
	gcs_effect(&site, firing.id, GCS_EFFECT_LATE, (uint64_t)(site.now_ns - begin_ns));
}

static void run_begin(struct sched_m *m, struct sched_g *g, bool inherit)
{
	struct sched_p *p = m->p;

	/* Before the status: a scanner that sees RUNNING reads p. */
	__atomic_store_n(&g->p, p, __ATOMIC_RELAXED);
	g->m = m;
	g->pub.poll = &p->poll;
	sched_g_status(g, SCHED_G_RUNNABLE, SCHED_G_RUNNING);
	m->g = g;
	atomic_store_explicit(&p->running, g, memory_order_relaxed);
	if (!inherit) {
		/* The owner alone writes it; sysmon reads. */
		uint64_t tick = atomic_load_explicit(&p->sched_tick, memory_order_relaxed);

		atomic_store_explicit(&p->sched_tick, tick + 1, memory_order_relaxed);
		if (atomic_load_explicit(&p->poll, memory_order_relaxed) & SCHED_POLL_PREEMPT)
			atomic_fetch_and(&p->poll, ~(uint32_t)SCHED_POLL_PREEMPT);
	}
	/* Of one that has left: a mark worker, which drains only while nothing is asked of its P, would
	 * never begin. Before the load: pairs with scan_ask, which stores scan_asked, then sets the bit. */
	if (PRIM_UNLIKELY((atomic_load_explicit(&p->poll, memory_order_relaxed) & SCHED_POLL_SCAN) != 0))
		atomic_fetch_and(&p->poll, ~(uint32_t)SCHED_POLL_SCAN);
	/* Asked on another P, or before it parked: it is owed here. */
	if (PRIM_UNLIKELY(atomic_load(&g->scan_asked) != 0))
		atomic_fetch_or(&p->poll, SCHED_POLL_SCAN);
	prim_step(PRIM_COST_SWITCH);
	if (gcs_gate(GCS_POINT_sched_starve))
		run_starved(p, g);
	if (g->ready_ns != 0)
		sched_wake_account(p, g);
}

/* g has left for good or for a while. Returns it when it takes its park back. */
static struct sched_g *run_after(struct sched_m *m)
{
	struct sched_g *g = m->g;
	bool (*commit)(struct sched_g *, void *);

	m->g = NULL;
	if (m->p != NULL)
		atomic_store_explicit(&m->p->running, NULL, memory_order_relaxed);
	switch (m->after) {
	case SCHED_AFTER_YIELD:
		sched_g_status(g, SCHED_G_RUNNING, SCHED_G_RUNNABLE);
		sched_global_put(g);
		break;
	case SCHED_AFTER_FRONT:
		sched_g_status(g, SCHED_G_RUNNING, SCHED_G_RUNNABLE);
		sched_runq_put(m->p, g, true);
		break;
	case SCHED_AFTER_TAIL:
		sched_g_status(g, SCHED_G_RUNNING, SCHED_G_RUNNABLE);
		sched_runq_put(m->p, g, false);
		break;
	case SCHED_AFTER_PARK:
		commit = g->park_commit;
		sched_g_status(g, SCHED_G_RUNNING, SCHED_G_WAITING);
		if (commit != NULL && !commit(g, g->park_arg)) {
			sched_g_status(g, SCHED_G_WAITING, SCHED_G_RUNNABLE);
			return g;
		}
		break;
	case SCHED_AFTER_UNBLOCK:
		sched_g_status(g, SCHED_G_BLOCKED, SCHED_G_RUNNABLE);
		atomic_fetch_sub_explicit(&sched.blocked, 1, memory_order_relaxed);
		sched_global_put(g);
		sched_wake();
		break;
	case SCHED_AFTER_EXIT:
		if (g == sched.main_g)
			sched_m_quit_all();
		sched_g_dead(m->p, g);
		break;
	}
	return NULL;
}

void sched_m_loop(struct sched_m *m)
{
	struct sched_g *g;
	bool inherit;

	while (m->p != NULL || sched_m_park(m)) {
		g = find_runnable(m, &inherit);
		if (g != NULL && find_no_spin(m))
			sched_wake();
		while (g != NULL) {
			run_begin(m, g, inherit);
			prim_ctx_switch(m->ctx, g->ctx);
			g = run_after(m);
			inherit = true;
		}
	}
	find_no_spin(m);
}

void sched_leave(struct sched_g *g, enum sched_after after)
{
	struct sched_m *m = g->m;

	m->after = after;
	prim_ctx_switch(g->ctx, m->ctx);
}
