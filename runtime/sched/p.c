/*
 * p.c: processors: their making, the idle set, and who gets one that nobody wants to keep.
 */
#include "runtime/sched/sched.h"
#include "runtime/sched/sched_priv.h"

#include <errno.h>
#include <string.h>

struct p_whole {
	struct sched_p p;
	struct sched_local local;
};

int sched_p_create(uint32_t id)
{
	struct p_whole *whole = prim_pages_alloc(sizeof(*whole));
	int r;

	if (whole == NULL)
		return -ENOMEM;
	whole->p.id = id;
	whole->p.sched = &whole->local;
	whole->p.ring = sched.telemetry != NULL ? &sched.telemetry->ring[id] : NULL;
	atomic_init(&whole->p.status, SCHED_P_IDLE);
	prim_mutex_init(&whole->local.timers_lock, PRIM_RANK_TIMERS);
	atomic_init(&whole->local.first_ns, SCHED_NEVER);
	r = sched.gc->p_init(&whole->p);
	if (r < 0) {
		prim_pages_free(whole, sizeof(*whole));
		return r;
	}
	sched.p[id] = &whole->p;
	prim_mutex_lock(&sched.lock);
	sched_p_idle_put_locked(&whole->p);
	prim_mutex_unlock(&sched.lock);
	return 0;
}

void sched_p_destroy(struct sched_p *p)
{
	sched.gc->p_fini(p);
	sched_timer_fini(p);
	prim_pages_free(p, sizeof(struct p_whole));
}

uint32_t sched_procs(void)
{
	return sched.procs;
}

struct sched_p *sched_p(uint32_t id)
{
	return sched.p[id];
}

bool sched_p_swap(struct sched_p *p, enum sched_p_status from, enum sched_p_status to)
{
	uint32_t expected = from;

	return atomic_compare_exchange_strong(&p->status, &expected, to);
}

/* ------------------------------------------------------------------ idle set */

/* What p has been idle up to now comes into the total; from now on it is idle, 0: it is not. Relaxed: who
 * swaps the moment owns the time before it, and the total is a sum. */
static void p_idle_take(struct sched_p *p, int64_t now_ns, int64_t from_now_ns)
{
	_Atomic int64_t *since = &sched_local(p)->idle_since_ns;
	int64_t began_ns = atomic_load_explicit(since, memory_order_relaxed);

	do {
		if (began_ns == 0 || (from_now_ns != 0 && began_ns >= now_ns))
			return;
	} while (!atomic_compare_exchange_weak_explicit(since, &began_ns, from_now_ns,
							memory_order_relaxed,
							memory_order_relaxed));
	if (now_ns > began_ns)
		atomic_fetch_add_explicit(&sched.idle_ns, now_ns - began_ns, memory_order_relaxed);
}

void sched_p_idle_put_locked(struct sched_p *p)
{
	prim_mutex_assert_held(&sched.lock);
	p->m = NULL;
	atomic_store_explicit(&sched_local(p)->idle_since_ns, prim_now_ns(), memory_order_relaxed);
	atomic_store(&p->status, SCHED_P_IDLE);
	atomic_fetch_or(&sched.idle, UINT64_C(1) << p->id);
}

void sched_p_idle_remove_locked(struct sched_p *p)
{
	prim_mutex_assert_held(&sched.lock);
	atomic_fetch_and(&sched.idle, ~(UINT64_C(1) << p->id));
	atomic_store(&p->status, SCHED_P_RUNNING);
	p_idle_take(p, prim_now_ns(), 0);
	sched_sysmon_busy_locked();
}

struct sched_p *sched_p_idle_get_locked(void)
{
	uint64_t idle = atomic_load_explicit(&sched.idle, memory_order_relaxed);
	struct sched_p *p;

	prim_mutex_assert_held(&sched.lock);
	if (idle == 0)
		return NULL;
	p = sched.p[__builtin_ctzll(idle)];
	sched_p_idle_remove_locked(p);
	return p;
}

int64_t sched_idle_ns(int64_t now_ns)
{
	for (uint32_t i = 0; i < sched.procs; i++)
		if (sched.p[i] != NULL)
			p_idle_take(sched.p[i], now_ns, now_ns);
	return atomic_load_explicit(&sched.idle_ns, memory_order_relaxed);
}

/* ---------------------------------------------------------------- handing on */

void sched_p_stop_locked(struct sched_p *p)
{
	prim_mutex_assert_held(&sched.lock);
	p->m = NULL;
	atomic_store(&p->status, SCHED_P_STOPPED);
	if (--sched.stop_left == 0)
		prim_note_wake(&sched.stop_note);
}

void sched_p_give_up(struct sched_p *p)
{
	for (;;) {
		sched_ragged_run(p);
		prim_mutex_lock(&sched.lock);
		if (atomic_load_explicit(&sched.stopping, memory_order_relaxed)) {
			sched_p_stop_locked(p);
			break;
		}
		/* A ragged call is announced under the lock: it is seen here, or finds p idle. */
		if ((atomic_load(&p->poll) & SCHED_POLL_CALL) == 0) {
			sched_p_idle_put_locked(p);
			break;
		}
		prim_mutex_unlock(&sched.lock);
	}
	prim_mutex_unlock(&sched.lock);
}

static bool p_has_work(struct sched_p *p)
{
	if (!sched_runq_empty(p) || atomic_load(&sched.global_count) > 0)
		return true;
	return sched.gc->has_work != NULL && sched.gc->has_work();
}

/* Nobody spins and nobody is idle: somebody should look around. */
static bool p_scout_wanted(void)
{
	uint32_t none = 0;

	if (atomic_load(&sched.idle) != 0)
		return false;
	return atomic_compare_exchange_strong(&sched.spinning, &none, 1);
}

/* All the others are idle and nobody waits in the poller: an M is needed that does (handoffp, proc.go). Neither is
 * sure to last; who comes later looks for itself. */
static bool p_poller_wanted(void)
{
	return (uint32_t)__builtin_popcountll(atomic_load(&sched.idle)) == sched.procs - 1 &&
	       !sched_netpoll_blocked();
}

void sched_p_hand_off(struct sched_p *p)
{
	int64_t first_ns;

	sched_ragged_run(p);
	if (atomic_load(&sched.stopping) || !atomic_load(&sched.started)) {
		sched_p_give_up(p);
		return;
	}
	if (p_has_work(p)) {
		sched_m_start(p, false);
		return;
	}
	if (p_scout_wanted()) {
		sched_m_start(p, true);
		return;
	}
	if (p_poller_wanted()) {
		sched_m_start(p, false);
		return;
	}
	first_ns = atomic_load(&sched_local(p)->first_ns);
	sched_p_give_up(p);
	if (first_ns != SCHED_NEVER)
		sched_netpoll_timer(first_ns);
}
