/*
 * trace_sched.c: the scheduler as a program's SCHED lines tell it (GODEBUG=schedtrace=MS, with scheddetail=1 its Ps too; sched_line.h).
 *
 * The summary has the queues of the Ps, or, with detail, a line a P follows it; what is known of Ps then stays until its next line.
 * Timers are what those lines add up to; how many goroutines wait for connections no line says.
 */
#include "harness/guard/trace.h"

#include "harness/import/sched_line.h"

static void sched_set(_Atomic uint64_t *to, uint64_t value)
{
	atomic_store_explicit(to, value, memory_order_relaxed); /* each word on its own */
}

/* Release: who sees the time finds figures that are as new. */
static void sched_seen(const struct guard_trace *t, int64_t now_ns)
{
	atomic_store_explicit(&t->telemetry->sched.at_ns, now_ns, memory_order_release);
}

static void sched_p_set(struct watch_p *p, uint32_t status, uint32_t runq, uint64_t ticks, uint64_t calls)
{
	atomic_store_explicit(&p->status, status, memory_order_relaxed);
	atomic_store_explicit(&p->runq, runq, memory_order_relaxed);
	sched_set(&p->sched_ticks, ticks);
	sched_set(&p->syscall_ticks, calls);
}

/* `[ 4 4 0 0 ] schedticks=[ 7 9 3 3 ]`: of Ps beyond those that there is room for nothing is told. */
static void sched_queues(const struct guard_trace *t, const struct gcs_sched_line *s, const char *text)
{
	struct watch_sched *to = &t->telemetry->sched;
	size_t queue = s->queues.at, tick = s->ticks.at;
	uint32_t n = s->queues.n < WATCH_PS_MAX ? s->queues.n : WATCH_PS_MAX;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t runq = gcs_sched_next(text, &queue);
		uint32_t ticks = i < s->ticks.n ? gcs_sched_next(text, &tick) : 0;
		sched_p_set(&to->p[i], WATCH_P_UNKNOWN, runq, ticks, 0);
	}
	sched_set(&to->ps_known, n);
}

static void sched_summary(struct guard_trace *t, const struct gcs_sched_line *s, const char *text)
{
	struct watch_sched *to = &t->telemetry->sched;
	sched_set(&to->global_runq, s->runqueue);
	sched_set(&to->idle_ps, s->idleprocs);
	sched_set(&to->threads, s->threads);
	sched_set(&to->idle_threads, s->idlethreads);
	sched_set(&to->spinning, s->spinningthreads < 0 ? WATCH_UNKNOWN : (uint64_t)s->spinningthreads);
	sched_set(&to->poll_waiters, WATCH_UNKNOWN);
	sched_set(&to->goroutines, WATCH_UNKNOWN);
	t->sched_ps = s->gomaxprocs;
	t->timers = 0;
	if (s->detail)
		return;
	sched_set(&to->timers, WATCH_UNKNOWN);
	sched_queues(t, s, text);
}

/* status: of runtime2.go, _Pidle 0 to _Pdead 4. */
static void sched_p(struct guard_trace *t, const struct gcs_sched_line *s)
{
	struct watch_sched *to = &t->telemetry->sched;
	uint32_t status = s->status + WATCH_P_IDLE;
	if (s->id < 0 || s->id >= WATCH_PS_MAX || s->id >= t->sched_ps)
		return;
	sched_p_set(&to->p[s->id], status <= WATCH_P_DEAD ? status : WATCH_P_UNKNOWN, s->runqsize, s->schedtick, s->syscalltick);
	t->timers += s->timers > 0 ? (uint64_t)s->timers : 0;
	if (s->id + 1 < t->sched_ps && s->id + 1 < WATCH_PS_MAX)
		return;
	/* the last one */
	sched_set(&to->timers, s->timers < 0 ? WATCH_UNKNOWN : t->timers);
	sched_set(&to->ps_known, (uint64_t)s->id + 1);
}

void guard_trace_sched(struct guard_trace *t, const struct gcs_sched_line *s, const char *text, int64_t now_ns)
{
	if (now_ns > t->to_ns)
		return;
	if (s->form == GCS_SCHED_SUMMARY)
		sched_summary(t, s, text);
	else if (s->form == GCS_SCHED_P)
		sched_p(t, s);
	else
		return;
	sched_seen(t, now_ns);
}
