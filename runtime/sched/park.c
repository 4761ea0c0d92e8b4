/*
 * park.c: goroutines leave the run queues and come back: start, yield, park, ready.
 */
#include "runtime/sched/sched.h"
#include "runtime/sched/sched_priv.h"

int64_t mrt_now_ns(void)
{
	return prim_now_ns();
}

/* ------------------------------------------------------------------- starting */

static void park_start(struct sched_p *p, struct sched_g *g)
{
	sched_g_status(g, SCHED_G_IDLE, SCHED_G_RUNNABLE);
	prim_step(PRIM_COST_READY);
	if (p != NULL)
		sched_runq_put(p, g, true);
	else
		sched_global_put(g);
	sched_wake();
}

int mrt_go(mrt_g *pub, mrt_go_fn *fn, void *arg, const struct mrt_go_options *opt)
{
	static const struct mrt_go_options none = {.driver = 0xffff};
	struct sched_p *p = pub != NULL ? sched_of(pub)->p : NULL;
	struct sched_g_options full;
	struct sched_g *g;
	int r;

	if (opt == NULL)
		opt = &none;
	full = (struct sched_g_options){
		.name = opt->name,
		.fn = fn,
		.arg = arg,
		.worker = opt->worker,
		.driver = opt->driver,
		.system = opt->system,
		.stack_bytes = opt->stack_bytes,
	};
	/* Relaxed: whatever the goroutine brings about, the end of the run too, comes after it by its start. */
	if (pub == NULL)
		atomic_fetch_add_explicit(&sched.outside, 1, memory_order_relaxed);
	r = sched_g_create(p, &full, &g);
	if (r == 0)
		park_start(p, g);
	/* Release: pairs with the acquire in main_await_outside. */
	if (pub == NULL)
		atomic_fetch_sub_explicit(&sched.outside, 1, memory_order_release);
	return r;
}

int sched_go_system(const char *name, uint32_t worker, mrt_go_fn *fn, void *arg, bool parked,
		    struct sched_g **ret)
{
	struct sched_g_options opt = {
		.name = name,
		.fn = fn,
		.arg = arg,
		.worker = worker,
		.driver = 0xffff,
		.system = true,
		.fixed_worker = true,
	};
	struct sched_g *g;
	int r = sched_g_create(NULL, &opt, &g);

	if (r < 0)
		return r;
	*ret = g;
	if (parked)
		sched_g_status(g, SCHED_G_IDLE, SCHED_G_WAITING);
	else
		park_start(NULL, g);
	return 0;
}

/* ------------------------------------------------------------ leaving, coming back */

static void park_check(const struct sched_g *g)
{
	if (PRIM_UNLIKELY(atomic_load_explicit(&g->p->status, memory_order_relaxed) ==
			  SCHED_P_STOPPED))
		prim_die(134, "mrt: a goroutine parks or yields while it stops the world\n");
}

void sched_park(struct sched_g *g, enum sched_wait why, bool (*commit)(struct sched_g *, void *),
		void *arg)
{
	park_check(g);
	g->wait = why;
	g->park_commit = commit;
	g->park_arg = arg;
	sched_leave(g, SCHED_AFTER_PARK);
	g->wait = SCHED_WAIT_NONE;
}

/* The gate of sched/ready is armed: is g, that waits, made runnable later? */
static bool park_ready_late(struct sched_p *p, struct sched_g *g)
{
	struct gcs_site site = sched_site(p, g, g->worker);
	struct gcs_firing firing;

	if (!gcs_decide(GCS_POINT_sched_ready, &site, &firing) || firing.action != GCS_ACT_DELAY)
		return false;
	g->ready_ns = site.now_ns; /* the lag is the delay at least */
	sched_ready_at(p, g, site.now_ns + firing.delay_ns, firing.id);
	return true;
}

/* sabotage/double_ready, visited for g while it is nobody else's. */
static __attribute__((cold, noinline)) bool park_twice(const struct sched_p *p,
						       const struct sched_g *g)
{
	struct gcs_site site = sched_site(p, g, g->worker);
	struct gcs_firing firing;

	site.arg = 0;
	return gcs_decide(GCS_POINT_sabotage_double_ready, &site, &firing) &&
	       firing.action == GCS_ACT_BREAK;
}

void sched_ready(struct sched_p *p, struct sched_g *g, bool next)
{
	if (gcs_gate(GCS_POINT_sched_ready) && park_ready_late(p, g))
		return;
	sched_ready_now(p, g, next);
}

void sched_ready_now(struct sched_p *p, struct sched_g *g, bool next)
{
	bool twice = p != NULL && gcs_gate(GCS_POINT_sabotage_double_ready) && park_twice(p, g);

	sched_g_status(g, SCHED_G_WAITING, SCHED_G_RUNNABLE);
	prim_step(PRIM_COST_READY);
	if (twice)
		sched_runq_put(p, g, false);
	if (p != NULL)
		sched_runq_put(p, g, next);
	else
		sched_global_put(g);
	sched_wake();
}

void mrt_yield(mrt_g *pub)
{
	struct sched_g *g = sched_of(pub);

	park_check(g);
	sched_leave(g, SCHED_AFTER_YIELD);
	sched_safepoint(g);
}

/* --------------------------------------------------------------------- counts */

void sched_counts(struct sched_counts *ret)
{
	uint32_t runnable = atomic_load_explicit(&sched.global_count, memory_order_relaxed);
	uint32_t busy = 0;

	for (uint32_t i = 0; i < sched.procs; i++) {
		runnable += sched_runq_count(sched.p[i]);
		busy += atomic_load_explicit(&sched.p[i]->running, memory_order_relaxed) != NULL;
	}
	ret->goroutines = atomic_load_explicit(&sched.goroutines, memory_order_relaxed);
	ret->blocked = atomic_load_explicit(&sched.blocked, memory_order_relaxed);
	ret->runnable = runnable;
	busy += runnable + ret->blocked;
	ret->waiting = ret->goroutines > busy ? ret->goroutines - busy : 0;
}
