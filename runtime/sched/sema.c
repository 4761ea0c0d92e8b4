/*
 * sema.c: the semaphore that goroutines' locks wait on (runtime/sema.go of Go 1.19).
 *
 * A release leaves a permit and makes the first waiter runnable, which then tries for the permit
 * like anybody else: whoever comes in between may take it, and the woken one queues again where its
 * caller says. A hand-over gives the permit with the wake: nobody else can have it, and the
 * releasing goroutine steps aside so that the waiter runs at once, on this P and in what is left of
 * its time slice.
 *
 * Everything is under the spin guard, a waiter's last look at the permits too: its park gives the
 * guard up, so a release finds either its permit taken or the waiter in the queue.
 */
#include "runtime/sched/sched.h"
#include "runtime/sched/sched_priv.h"

static void sema_queue(mrt_sema *s, struct sched_g *g, bool front)
{
	struct sched_g *tail = s->tail;

	g->next = front ? s->head : NULL;
	if (tail == NULL || front)
		s->head = g;
	else
		tail->next = g;
	if (g->next == NULL)
		s->tail = g;
}

void sched_sema_acquire(struct sched_g *g, mrt_sema *s, bool front)
{
	for (;;) {
		sched_guard_take(&s->guard);
		if (s->permits != 0) {
			s->permits--;
			sched_guard_give(&s->guard);
			return;
		}
		sema_queue(s, g, front);
		sched_park(g, SCHED_WAIT_MUTEX, sched_guard_commit, &s->guard);
		/* No safepoint before it is used: it was handed over to be used at once. */
		if (g->sema_handed) {
			g->sema_handed = false;
			return;
		}
		sched_safepoint(g);
	}
}

/* Leave n permits; the first n waiters, chained. */
static struct sched_g *sema_take(mrt_sema *s, uint32_t n)
{
	struct sched_g *first, *last = NULL;

	sched_guard_take(&s->guard);
	s->permits += n;
	first = s->head;
	for (struct sched_g *g = first; g != NULL && n != 0; g = g->next, n--)
		last = g;
	if (last == NULL) {
		first = NULL;
	} else {
		s->head = last->next;
		last->next = NULL;
	}
	if (s->head == NULL)
		s->tail = NULL;
	sched_guard_give(&s->guard);
	return first;
}

void sched_sema_release(struct sched_g *g, mrt_sema *s, uint32_t n)
{
	struct sched_g *next, *waiter = sema_take(s, n);

	for (; waiter != NULL; waiter = next) {
		next = waiter->next;
		waiter->next = NULL;
		sched_ready(g->p, waiter, true);
	}
}

/* The first waiter, which has a permit; NULL: the permit is left. */
static struct sched_g *sema_take_handed(mrt_sema *s)
{
	struct sched_g *first;

	sched_guard_take(&s->guard);
	first = s->head;
	if (first == NULL) {
		s->permits++;
	} else {
		s->head = first->next;
		if (s->head == NULL)
			s->tail = NULL;
		first->next = NULL;
		first->sema_handed = true; /* it reads that after the wake */
	}
	sched_guard_give(&s->guard);
	return first;
}

void sched_sema_hand_over(struct sched_g *g, mrt_sema *s)
{
	struct sched_g *waiter = sema_take_handed(s);

	if (waiter == NULL)
		return;
	sched_ready(g->p, waiter, true);
	/* Whoever stops the world does not leave its P. */
	if (atomic_load_explicit(&g->p->status, memory_order_relaxed) == SCHED_P_STOPPED)
		return;
	sched_leave(g, SCHED_AFTER_TAIL);
	sched_safepoint(g);
}
