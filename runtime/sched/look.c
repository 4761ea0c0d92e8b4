/*
 * look.c: the scheduler from outside, for who watches: each figure on its own, by relaxed loads of words that are kept for other reasons
 * or beside a lock.
 *
 * Figures of one look need not belong together: a goroutine on its way from one queue to another may be in both or in neither.
 */
#include "runtime/sched/sched.h"
#include "runtime/sched/sched_priv.h"

static uint32_t look_status(const struct sched_p *p)
{
	switch ((enum sched_p_status)atomic_load_explicit(&p->status, memory_order_relaxed)) {
	case SCHED_P_IDLE:
		return WATCH_P_IDLE;
	case SCHED_P_RUNNING:
		return WATCH_P_RUNNING;
	case SCHED_P_BLOCKED:
		return WATCH_P_SYSCALL;
	case SCHED_P_STOPPED:
		return WATCH_P_GC_STOP;
	}
	return WATCH_P_UNKNOWN;
}

static void look_put32(_Atomic uint32_t *to, uint32_t value)
{
	atomic_store_explicit(to, value, memory_order_relaxed);
}

static void look_put(_Atomic uint64_t *to, uint64_t value)
{
	atomic_store_explicit(to, value, memory_order_relaxed);
}

static void look_p(const struct sched_p *p, struct watch_p *ret)
{
	look_put32(&ret->status, look_status(p));
	look_put32(&ret->runq, sched_runq_count(p));
	look_put(&ret->sched_ticks, atomic_load_explicit(&p->sched_tick, memory_order_relaxed));
	look_put(&ret->syscall_ticks, atomic_load_explicit(&p->call_tick, memory_order_relaxed));
}

void sched_look(struct watch_sched *ret, int64_t now_ns)
{
	uint64_t timers = 0, idle_threads;

	for (uint32_t i = 0; i < sched.procs; i++) {
		look_p(sched.p[i], &ret->p[i]);
		timers += atomic_load_explicit(&sched_local(sched.p[i])->timers_all,
					       memory_order_relaxed);
	}
	look_put(&ret->timers, timers);
	look_put(&ret->goroutines, atomic_load_explicit(&sched.goroutines, memory_order_relaxed));
	look_put(&ret->global_runq, atomic_load_explicit(&sched.global_count, memory_order_relaxed));
	look_put(&ret->idle_ps, (uint64_t)__builtin_popcountll(
					atomic_load_explicit(&sched.idle, memory_order_relaxed)));
	look_put(&ret->spinning, atomic_load_explicit(&sched.spinning, memory_order_relaxed));
	/* The idle ones first: so there are never more of them than threads, however long the other look is in coming. Acquire: pairs with
	 * m_count_locked. */
	idle_threads = atomic_load_explicit(&sched.m_idle_count, memory_order_acquire);
	look_put(&ret->threads,
		 atomic_load_explicit(&sched.m_count, memory_order_relaxed) + SCHED_M_OTHERS);
	look_put(&ret->idle_threads, idle_threads);
	look_put(&ret->poll_waiters, sched_netpoll_waiters());
	look_put(&ret->ps_known, sched.procs);
	/* Release: who sees the time finds figures that are as new. */
	atomic_store_explicit(&ret->at_ns, now_ns, memory_order_release);
}
