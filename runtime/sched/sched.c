/*
 * sched.c: the beginning and the end of the scheduler.
 *
 * sched_main makes its thread the first M.  When the main goroutine ends, every P gets the STOP
 * bit, every M comes off its goroutine at the next safepoint and ends, and the first M joins them.
 * A goroutine in a blocking call is waited for.  What is still alive then is left where it stands,
 * and its stack freed by sched_fini.
 */
#include "runtime/sched/sched.h"
#include "runtime/sched/sched_priv.h"

#include <errno.h>
#include <string.h>

struct sched_state sched;

static void sched_ps_destroy(void)
{
	for (uint32_t i = 0; i < sched.procs; i++) {
		if (sched.p[i] != NULL)
			sched_p_destroy(sched.p[i]);
		sched.p[i] = NULL;
	}
}

/* On the stack for signals. */
static void sched_fault(const void *addr)
{
	struct sched_g *g = sched_current();

	if (g != NULL && g->ctx != NULL)
		prim_ctx_fault(g->ctx, addr);
}

int sched_init(const struct sched_options *opt)
{
	int r;

	if (opt->procs == 0 || opt->procs > WATCH_PS_MAX)
		return -EINVAL;
	memset(&sched, 0, sizeof(sched));
	prim_mutex_init(&sched.lock, PRIM_RANK_SCHED);
	sched.procs = opt->procs;
	sched.seed = opt->seed;
	sched.telemetry = opt->telemetry;
	sched.gc = opt->gc;
	sched_g_init();
	sched_turn_init();
	r = sched_netpoll_init();
	for (uint32_t i = 0; i < opt->procs && r == 0; i++)
		r = sched_p_create(i);
	if (r < 0) {
		sched_ps_destroy();
		sched_arena_fini();
		return r;
	}
	prim_fault_watch(sched_fault);
	return 0;
}

struct gcs_site sched_site(const struct sched_p *p, const struct sched_g *g, uint32_t worker)
{
	struct gcs_site site = {
		.worker = worker,
		.driver = g != NULL ? g->driver : 0xffff,
		.p = p != NULL ? (uint16_t)p->id : 0xffff,
		.eligible = g != NULL && !g->system,
		.now_ns = prim_now_ns(),
		.arg = g != NULL ? g->worker : 0,
		.ring = p != NULL ? p->ring : NULL,
		.goroutine = g != NULL ? g->worker : MRT_WORKER_NONE,
	};

	if (sched.gc->where != NULL)
		sched.gc->where(&site.gc_cycle, &site.gc_phase);
	return site;
}

struct gcs_site sched_site_bare(const struct sched_p *p, uint32_t worker)
{
	struct gcs_site site = sched_site(p, NULL, worker);

	site.eligible = true;
	return site;
}

static void main_m_init(struct sched_m *m)
{
	m->thread = NULL;
	m->ctx = prim_ctx_thread();
	m->rng = (sched.seed ^ UINT64_C(0x6d30)) | 1;
	prim_thread_set_user(m);
	prim_mutex_lock(&sched.lock);
	sched_m_take(m, sched_p_idle_get_locked());
	prim_mutex_unlock(&sched.lock);
}

/* Who has no P is held by nothing: the goroutine that it started may have run, and brought the end, while it is still
 * about to wake somebody for it. */
static void main_await_outside(void)
{
	/* Acquire: pairs with the release in mrt_go. */
	for (uint32_t round = 0; atomic_load_explicit(&sched.outside, memory_order_acquire) != 0; round++)
		prim_spin_wait(round);
}

int sched_main(mrt_go_fn *fn, void *arg)
{
	struct sched_g_options opt = {
		.name = "main",
		.fn = fn,
		.arg = arg,
		.worker = MRT_WORKER_MAIN,
		.driver = 0xffff,
		.fixed_worker = true,
	};
	struct sched_g *g;
	int r = sched_g_create(NULL, &opt, &g);

	if (r < 0)
		return r;
	r = sched_sysmon_start();
	if (r < 0)
		return r;
	sched.main_g = g;
	main_m_init(&sched.m0);
	/* Release: pairs with the acquire in sched_wake. */
	atomic_store_explicit(&sched.started, true, memory_order_release);
	sched_g_status(g, SCHED_G_IDLE, SCHED_G_RUNNABLE);
	sched_runq_put(sched.m0.p, g, true);
	if (atomic_load(&sched.global_count) > 0)
		sched_wake(); /* goroutines that were started before */
	sched_m_loop(&sched.m0);
	sched_m_join_all();
	sched_sysmon_join();
	main_await_outside();
	atomic_store(&sched.started, false);
	prim_thread_set_user(NULL);
	return atomic_load(&sched.goroutines) == 0 ? 0 : -EBUSY;
}

void sched_fini(void)
{
	prim_fault_watch(NULL);
	sched_g_fini();
	prim_stacks_release();
	sched_netpoll_fini();
	sched_ps_destroy();
	sched_arena_fini();
	sched.procs = 0;
}
