/*
 * latency.c: how long goroutines wait for a P and for a mutex, and how long the world stands still for others than the collector
 * (runtime/proc.go: casgstatus; /sched/latencies, /sync/mutex/wait and /sched/pauses/.../other of runtime/metrics).
 *
 * One time of SCHED_FOLLOW_EVERY that a goroutine leaves RUNNING it is followed until it runs again, and so is the first wait of one new
 * goroutine of as many: the clock is read for these alone. A followed wait for a mutex counts for all. Each goroutine counts for itself, from its number on,
 * where Go draws the first count.
 *
 * What is written of a G belongs to whoever moves it: who takes it out of RUNNING writes before the status changes, as then others may
 * have it; all others after.
 */
#include "runtime/sched/sched.h"
#include "runtime/sched/sched_priv.h"

/* In this status its waiting counts. */
static bool latency_counts(const struct sched_g *g, enum sched_status status)
{
	return status == SCHED_G_RUNNABLE || (status == SCHED_G_WAITING && g->wait == SCHED_WAIT_MUTEX);
}

void sched_latency_new(struct sched_g *g)
{
	g->follow_count = (uint8_t)g->id;
	g->followed = g->id % SCHED_FOLLOW_EVERY == 0;
	g->runnable_ns = 0;
}

void sched_latency_leaves(struct sched_g *g, enum sched_status to)
{
	if (latency_counts(g, to))
		g->follow_ns = prim_now_ns();
}

void sched_latency_moved(struct sched_g *g, enum sched_status from, enum sched_status to)
{
	bool counted = latency_counts(g, from);
	int64_t now_ns = counted || latency_counts(g, to) ? prim_now_ns() : 0;

	if (from == SCHED_G_RUNNABLE)
		g->runnable_ns += now_ns - g->follow_ns;
	else if (counted)
		atomic_fetch_add_explicit(&sched.mutex_wait_ns, (now_ns - g->follow_ns) * SCHED_FOLLOW_EVERY,
					  memory_order_relaxed);
	if (latency_counts(g, to))
		g->follow_ns = now_ns;
	if (to != SCHED_G_RUNNING)
		return;
	g->followed = false;
	watch_time_hist_add(&sched_local(g->p)->latency, g->runnable_ns);
	g->runnable_ns = 0;
}

void sched_latency_stopped(const struct sched_stw *stw)
{
	if (stw->reason != SCHED_STW_MEMSTATS && stw->reason != SCHED_STW_OTHER)
		return;
	watch_time_hist_add(&sched.other_stopping, stw->stopped_ns - stw->request_ns);
	watch_time_hist_add(&sched.other_total, stw->start_ns - stw->request_ns);
}

void sched_waits_read(struct sched_waits *ret)
{
	*ret = (struct sched_waits){
		.mutex_ns = atomic_load_explicit(&sched.mutex_wait_ns, memory_order_relaxed),
		.created = sched_g_created(),
		.other_stopping = sched.other_stopping,
		.other_total = sched.other_total,
	};
	for (uint32_t i = 0; i < sched.procs; i++)
		watch_time_hist_sum(&ret->runnable, &sched_local(sched.p[i])->latency);
}
