/*
 * sysmon.c: the thread that needs no P: looks after those that have one.
 *
 * Every 20 us, slower when there is nothing to do (after 50 idle rounds the period doubles, up to
 * 10 ms): look at the connections when nobody has for 10 ms, find the wakes that a fault dropped
 * 10 ms ago, take Ps away from blocking calls, ask goroutines that have run for 10 ms to make room,
 * give the collector its tick, and start an M that was refused its thread, if there is still work
 * for it.
 *
 * When every P has been idle at the slowest pace, no wake is lost and no M is owed it sleeps deeply,
 * a minute at a time, and from the fourth minute without end (a timed GC has long come and gone);
 * the first P that becomes busy wakes it, and so does a wake that is dropped.
 */
#include "runtime/sched/sched.h"
#include "runtime/sched/sched_priv.h"

#include <string.h>

#define SYSMON_MIN_NS	   INT64_C(20000)
#define SYSMON_MAX_NS	   INT64_C(10000000)
#define SYSMON_IDLE_ROUNDS 50u
#define SYSMON_DEEP_NS	   INT64_C(60000000000)
#define SYSMON_DEEP_ROUNDS 4u

static struct {
	prim_thread *thread;
	prim_note note;
	bool deep;  /* under the lock: asleep until somebody wakes it */
	bool woken; /* under the lock: the note has been woken and not cleared */
	int64_t period_ns;
	uint32_t idle_rounds, deep_rounds;
	struct prim_event events[PRIM_POLL_EVENTS_MAX];
} sysmon;

void sched_sysmon_wake_locked(void)
{
	prim_mutex_assert_held(&sched.lock);
	sysmon.deep = false;
	if (sysmon.woken || sysmon.thread == NULL)
		return;
	sysmon.woken = true;
	prim_note_wake(&sysmon.note);
}

void sched_sysmon_busy_locked(void)
{
	if (sysmon.deep)
		sched_sysmon_wake_locked();
}

/* ---------------------------------------------------------------------- tasks */

/* What is found does not make the next round an early one: only a P that is retaken does, as in Go. */
static void sysmon_netpoll(int64_t now)
{
	struct sched_list list = {0};

	if (!sched_netpoll_backstop(sysmon.events, now, &list)) {
		if (!sched_netpoll_wanted() || now - sched_netpoll_last_ns() <= SCHED_POLL_STALE_NS)
			return;
		sched_netpoll_late(sysmon.events, now, &list);
	}
	if (list.head != NULL)
		sched_inject(NULL, &list);
}

/* A P in a blocking call: after a whole tick (at once when its time slice is over: a goroutine of many short calls),
 * unless nobody else wants it; then after 10 ms. */
static bool sysmon_retake(struct sched_p *p, int64_t now, bool slice_over)
{
	struct sched_local *l = sched_local(p);
	uint64_t tick = atomic_load_explicit(&p->call_tick, memory_order_relaxed);

	if (!slice_over && l->seen_call != tick) {
		l->seen_call = tick;
		l->seen_call_ns = now;
		return false;
	}
	if (sched_runq_empty(p) && now - l->seen_call_ns < SCHED_SLICE_NS &&
	    (atomic_load(&sched.idle) != 0 || atomic_load(&sched.spinning) != 0))
		return false;
	if (!sched_p_swap(p, SCHED_P_BLOCKED, SCHED_P_RUNNING))
		return false;
	sched_p_hand_off(p);
	return true;
}

/* Has the same time slice lasted 10 ms? */
static bool sysmon_slice_over(struct sched_p *p, int64_t now)
{
	struct sched_local *l = sched_local(p);
	uint64_t tick = atomic_load_explicit(&p->sched_tick, memory_order_relaxed);

	if (l->seen_sched == tick)
		return now - l->seen_sched_ns >= SCHED_SLICE_NS;
	l->seen_sched = tick;
	l->seen_sched_ns = now;
	atomic_store_explicit(&p->slice_start_ns, now, memory_order_relaxed);
	return false;
}

static bool sysmon_ps(int64_t now)
{
	bool any = false;

	for (uint32_t i = 0; i < sched.procs; i++) {
		struct sched_p *p = sched.p[i];
		uint32_t status = atomic_load(&p->status);

		bool over;

		if (status != SCHED_P_BLOCKED && status != SCHED_P_RUNNING)
			continue;
		over = sysmon_slice_over(p, now);
		if (status == SCHED_P_BLOCKED) {
			any |= sysmon_retake(p, now, over);
		} else if (over) {
			atomic_fetch_or(&p->poll, SCHED_POLL_PREEMPT);
			sched_local(p)->seen_sched_ns = now; /* ask again only after another slice */
		}
	}
	return any;
}

/* ----------------------------------------------------------------------- pace */

static bool sysmon_all_idle(void)
{
	return (uint32_t)__builtin_popcountll(atomic_load(&sched.idle)) == sched.procs;
}

/* How long to sleep now; sets `deep`. */
static int64_t sysmon_pace_locked(int64_t now)
{
	int64_t backstop_ns = sched_netpoll_backstop_ns();

	prim_mutex_assert_held(&sched.lock);
	if (PRIM_UNLIKELY(backstop_ns != SCHED_NEVER))
		return backstop_ns < now + sysmon.period_ns ? backstop_ns : now + sysmon.period_ns;
	if (sysmon.period_ns < SYSMON_MAX_NS || !sysmon_all_idle() || atomic_load(&sched.owed)) {
		sysmon.deep_rounds = 0;
		return now + sysmon.period_ns;
	}
	sysmon.deep = true;
	return ++sysmon.deep_rounds < SYSMON_DEEP_ROUNDS ? now + SYSMON_DEEP_NS : PRIM_FOREVER;
}

/* False: the end. */
static bool sysmon_sleep(void)
{
	int64_t until = PRIM_FOREVER;
	bool quit, woken;

	prim_mutex_lock(&sched.lock);
	quit = atomic_load_explicit(&sched.quitting, memory_order_relaxed);
	if (!quit)
		until = sysmon_pace_locked(prim_now_ns());
	prim_mutex_unlock(&sched.lock);
	if (quit)
		return false;
	prim_note_sleep(&sysmon.note, until);
	prim_mutex_lock(&sched.lock);
	woken = sysmon.woken;
	if (woken)
		prim_note_clear(&sysmon.note);
	sysmon.deep = sysmon.woken = false;
	quit = atomic_load_explicit(&sched.quitting, memory_order_relaxed);
	prim_mutex_unlock(&sched.lock);
	if (woken) {
		sysmon.idle_rounds = sysmon.deep_rounds = 0;
		sysmon.period_ns = SYSMON_MIN_NS;
	}
	return !quit;
}

static void sysmon_thread(void *arg)
{
	(void)arg;
	sysmon.period_ns = SYSMON_MIN_NS;
	while (sysmon_sleep()) {
		int64_t now = prim_now_ns();
		bool any;

		sysmon_netpoll(now);
		any = sysmon_ps(now);
		any |= atomic_load(&sched.owed) && sched_m_again();
		sched.gc->sysmon(now);
		if (any) {
			sysmon.idle_rounds = 0;
			sysmon.period_ns = SYSMON_MIN_NS;
		} else if (++sysmon.idle_rounds > SYSMON_IDLE_ROUNDS &&
			   sysmon.period_ns < SYSMON_MAX_NS) {
			sysmon.period_ns *= 2;
			if (sysmon.period_ns > SYSMON_MAX_NS)
				sysmon.period_ns = SYSMON_MAX_NS;
		}
	}
}

int sched_sysmon_start(void)
{
	memset(&sysmon, 0, sizeof(sysmon));
	return prim_thread_create(&sysmon.thread, "sysmon", sysmon_thread, NULL);
}

void sched_sysmon_join(void)
{
	prim_thread_join(sysmon.thread);
	sysmon.thread = NULL;
}
