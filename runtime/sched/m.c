/*
 * m.c: threads that run Ps: started when there is work for one more, parked when there is none.
 *
 * An M that wakes has been given a P, or it is the end.  A spinning M has a P and looks for work;
 * sched.spinning counts them, and at most one is started at a time, by whoever made work visible
 * while nobody was looking.  When it finds some it starts the next one.
 *
 * When the system refuses a thread its P stays idle, and the others do the work: who waits in the
 * poller is called to it, and sysmon tries again as long as there is some (sched.owed). Under
 * oom: throw that is the end, as in Go.
 */
#include "runtime/mem/throw.h"
#include "runtime/sched/sched.h"
#include "runtime/sched/sched_priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Written under the lock; release: pairs with look.c, which finds whoever is idle among all that there are. */
static void m_count_locked(_Atomic uint32_t *count, uint32_t now)
{
	prim_mutex_assert_held(&sched.lock);
	atomic_store_explicit(count, now, memory_order_release);
}

static uint32_t m_counted(_Atomic uint32_t *count)
{
	return atomic_load_explicit(count, memory_order_relaxed);
}

static void m_thread(void *arg)
{
	struct sched_m *m = arg;

	prim_thread_set_user(m);
	m->ctx = prim_ctx_thread();
	sched_m_take(m, m->next_p);
	m->next_p = NULL;
	sched_m_loop(m);
}

struct sched_g *sched_current(void)
{
	struct sched_m *m = prim_thread_user();

	return m != NULL ? m->g : NULL;
}

uint32_t sched_m_random(struct sched_m *m)
{
	uint64_t x = m->rng;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	m->rng = x;
	return (uint32_t)(x >> 32);
}

/* ------------------------------------------------------------- a thread that is refused */

/* The gate of sched/thread is armed, and p needs a new thread. Under the lock, so that one visit
 * comes after the other. 0; -errno: it is refused. */
static int m_refused_locked(const struct sched_p *p)
{
	struct gcs_site site = sched_site_bare(p, MRT_WORKER_SCHED);
	struct gcs_firing firing;

	prim_mutex_assert_held(&sched.lock);
	site.arg = m_counted(&sched.m_count) + SCHED_M_OTHERS;
	if (!gcs_decide(GCS_POINT_sched_thread, &site, &firing) || firing.action != GCS_ACT_FAIL)
		return 0;
	gcs_effect(&site, firing.id, mem_throws() ? GCS_EFFECT_DIED : GCS_EFFECT_REFUSED,
		   mem_throws() ? 0 : m_counted(&sched.m_count) + SCHED_M_OTHERS - 1);
	if (sched.refused_firing == 0) {
		sched.refused_firing = firing.id;
		sched.refused_ns = site.now_ns;
	}
	return -firing.err;
}

/* It is over that there was no M: one goes to p (CAME), or the others have done its work (NEEDLESS; p
 * NULL). */
static void m_refused_end_locked(const struct sched_p *p, enum gcs_effect effect)
{
	struct gcs_site site = sched_site_bare(p, MRT_WORKER_SCHED);

	prim_mutex_assert_held(&sched.lock);
	site.ring = NULL; /* p's has one producer: the M, which may run already, when it is a new one */
	gcs_effect(&site, sched.refused_firing, effect, (uint64_t)(site.now_ns - sched.refused_ns));
	sched.refused_firing = 0;
}

bool sched_m_again(void)
{
	/* Taken back before the look around: who makes work visible later is on its own again. */
	if (!atomic_exchange(&sched.owed, false))
		return false;
	if (sched_work_waits())
		sched_wake();
	if (atomic_load(&sched.owed))
		return false;
	prim_mutex_lock(&sched.lock);
	if (sched.refused_firing != 0)
		m_refused_end_locked(NULL, GCS_EFFECT_NEEDLESS);
	prim_mutex_unlock(&sched.lock);
	return true;
}

/* No M was to be had, and who saw it coming may have relied on it. */
static void m_owe(void)
{
	prim_mutex_lock(&sched.lock);
	if (!atomic_load_explicit(&sched.quitting, memory_order_relaxed)) {
		/* Under the lock: sysmon sees it before it goes to sleep for long. */
		atomic_store(&sched.owed, true);
		sched_sysmon_busy_locked();
	}
	prim_mutex_unlock(&sched.lock);
	sched_netpoll_nudge();
}

/* ---------------------------------------------------------------------- starting */

static int m_thread_start_locked(struct sched_m *m)
{
	int r = gcs_gate(GCS_POINT_sched_thread) ? m_refused_locked(m->next_p) : 0;
	char name[32];

	snprintf(name, sizeof(name), "m%u", m->id);
	if (r == 0)
		r = prim_thread_create(&m->thread, name, m_thread, m);
	if (r < 0 && mem_throws())
		mem_throw_thread(m_counted(&sched.m_count) + SCHED_M_OTHERS, -r);
	return r;
}

static struct sched_m *m_create_locked(struct sched_p *p, bool spinning)
{
	struct sched_m *m = prim_pages_alloc(sizeof(*m));

	prim_mutex_assert_held(&sched.lock);
	if (m == NULL && mem_throws())
		mem_throw_heap(sizeof(*m)); /* Go has it in its heap */
	if (m == NULL)
		return NULL;
	m->id = m_counted(&sched.m_count) + 1;
	m_count_locked(&sched.m_count, m->id);
	m->rng = (sched.seed ^ m->id * UINT64_C(0x9e3779b97f4a7c15)) | 1;
	m->spinning = spinning;
	m->next_p = p;
	if (m_thread_start_locked(m) < 0) {
		m_count_locked(&sched.m_count, m->id - 1);
		prim_pages_free(m, sizeof(*m));
		return NULL;
	}
	m->all_next = sched.m_all;
	sched.m_all = m;
	return m;
}

/* A sleeping M, or a new one, for p; it is on its way. */
static bool m_assign_locked(struct sched_p *p, bool spinning, struct sched_m **ret_wake)
{
	struct sched_m *m = sched.m_idle;

	*ret_wake = NULL;
	if (atomic_load_explicit(&sched.quitting, memory_order_relaxed))
		return false;
	if (m == NULL)
		return m_create_locked(p, spinning) != NULL;
	sched.m_idle = m->idle_next;
	m_count_locked(&sched.m_idle_count, m_counted(&sched.m_idle_count) - 1);
	m->next_p = p;
	m->spinning = spinning;
	*ret_wake = m;
	return true;
}

void sched_m_start(struct sched_p *p, bool spinning)
{
	struct sched_m *wake = NULL;
	bool assigned = false;

	prim_mutex_lock(&sched.lock);
	if (p == NULL)
		p = sched_p_idle_get_locked();
	if (p != NULL)
		assigned = m_assign_locked(p, spinning, &wake);
	if (assigned && PRIM_UNLIKELY(sched.refused_firing != 0))
		m_refused_end_locked(p, GCS_EFFECT_CAME);
	prim_mutex_unlock(&sched.lock);
	if (wake != NULL)
		prim_note_wake(&wake->note);
	if (assigned)
		return;
	if (spinning)
		atomic_fetch_sub(&sched.spinning, 1);
	if (p == NULL)
		return;
	sched_p_give_up(p);
	m_owe();
}

void sched_m_take(struct sched_m *m, struct sched_p *p)
{
	m->p = p;
	p->m = m;
}

bool sched_m_park(struct sched_m *m)
{
	prim_mutex_lock(&sched.lock);
	if (atomic_load_explicit(&sched.quitting, memory_order_relaxed)) {
		prim_mutex_unlock(&sched.lock);
		return false;
	}
	m->idle_next = sched.m_idle;
	sched.m_idle = m;
	m_count_locked(&sched.m_idle_count, m_counted(&sched.m_idle_count) + 1);
	prim_mutex_unlock(&sched.lock);
	prim_note_sleep(&m->note, PRIM_FOREVER);
	prim_note_clear(&m->note);
	if (m->next_p == NULL)
		return false;
	sched_m_take(m, m->next_p);
	m->next_p = NULL;
	return true;
}

void sched_wake(void)
{
	uint32_t none = 0;

	/* Sequentially consistent reads: see sched_priv.h. */
	if (atomic_load(&sched.spinning) != 0 || atomic_load(&sched.idle) == 0)
		return;
	if (!atomic_load_explicit(&sched.started, memory_order_acquire))
		return;
	if (!atomic_compare_exchange_strong(&sched.spinning, &none, 1))
		return;
	prim_step(PRIM_COST_ATOMIC);
	sched_m_start(NULL, true);
}

void sched_m_quit_all(void)
{
	struct sched_m *m, *next;

	prim_mutex_lock(&sched.lock);
	atomic_store(&sched.quitting, true);
	for (uint32_t i = 0; i < sched.procs; i++)
		atomic_fetch_or(&sched.p[i]->poll, SCHED_POLL_STOP);
	m = sched.m_idle;
	sched.m_idle = NULL;
	m_count_locked(&sched.m_idle_count, 0);
	sched_sysmon_wake_locked();
	prim_mutex_unlock(&sched.lock);
	for (; m != NULL; m = next) {
		next = m->idle_next;
		prim_note_wake(&m->note);
	}
	prim_poll_break();
}

void sched_m_join_all(void)
{
	/* No lock: nobody makes an M after `quitting` was set under it, and this thread has seen it
	 * set. */
	while (sched.m_all != NULL) {
		struct sched_m *m = sched.m_all;

		sched.m_all = m->all_next;
		prim_thread_join(m->thread);
		prim_pages_free(m, sizeof(*m));
	}
}
