/*
 * crew.c: the worker goroutines.
 *
 *   make unit -> prepared -> (begin) -> operations at the pace -> stopped -> (check) -> compare ->
 * checked -> (leave) -> end
 *
 * What stands in brackets the main goroutine gives, each worker having a gate of its own; the rest
 * are counted together. A worker keeps its unit's root in its own frame all the while, so the last
 * collections run with everything live.
 */
#include "workloads/crew.h"

#include "runtime/prim/prim.h"
#include "workloads/echo.h"
#include "workloads/look.h"
#include "workloads/pace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CREW_PATIENCE_NS INT64_C(1000000000) /* for the clients to end by themselves */
#define CREW_POLL_NS	 INT64_C(1000000)

struct crew_worker {
	struct crew *crew;
	const struct plan_workload *w;
	uint32_t index;
	struct work_unit *unit;
	int error;
	mrt_wg begin, check, leave; /* one waiter each: the worker */
};

struct crew {
	struct work_env *env;
	struct work_unit self; /* for reports only */
	struct echo *echo[PLAN_WORKLOADS_MAX];
	mrt_wg prepared, stopped, checked, left;
	bool verify;
	uint32_t nworkers;
	struct crew_worker worker[];
};

static struct watch_ops *crew_slot(struct work_env *env, const struct plan_workload *w,
				   uint32_t index)
{
	struct watch_ops *ops;

	if (env->telemetry == NULL)
		return NULL;
	ops = &env->telemetry->ops[w->first_slot + index];
	ops->workload = w->index;
	ops->worker = index;
	ops->is_client = 0;
	/* Release: the reader sees who it is before it sees that it is. */
	atomic_store_explicit(&ops->used, 1, memory_order_release);
	return ops;
}

/* Where the worker tells of its map; NULL: it has none, or nobody reads. */
static struct watch_map *crew_map(const struct crew_worker *me)
{
	if (me->crew->env->telemetry == NULL || me->unit->driver->look == NULL)
		return NULL;
	return &me->crew->env->telemetry->map[me->w->first_slot + me->index];
}

static void crew_work(mrt_g *g, struct crew_worker *me)
{
	struct watch_map *map = crew_map(me);
	int64_t look_ns = map != NULL ? INT64_MIN : INT64_MAX;
	struct mrt_map_growths growths;
	struct pace pace;

	pace_init(&pace, me->crew->env, me->w, me->index,
		  crew_slot(me->crew->env, me->w, me->index));
	if (me->unit->driver->due != NULL)
		pace.unit = me->unit;
	while (pace_next(g, &pace)) {
		pace_done(&pace, me->unit->driver->op(g, me->unit));
		if (PRIM_LIKELY(pace.now_ns < look_ns))
			continue;
		mrt_map_growths(g, &growths); /* it works on nothing else */
		me->unit->driver->look(me->unit, &growths, map);
		look_ns = pace.now_ns + WORK_LOOK_NS;
	}
}

static void crew_worker_main(mrt_g *g, void *arg)
{
	struct crew_worker *me = arg;
	struct crew *c = me->crew;
	struct work_unit_options opt = {
		.env = c->env,
		.w = me->w,
		.workload = me->w->index,
		.worker = me->index,
		.share = me->w->workers,
	};
	MRT_ROOTS(g, root, 1);

	me->error = work_driver_by_name(me->w->driver)->create(g, &opt, &root[0], &me->unit);
	mrt_wg_done(g, &c->prepared);
	mrt_wg_wait(g, &me->begin);
	if (me->unit != NULL)
		crew_work(g, me);
	mrt_wg_done(g, &c->stopped);
	mrt_wg_wait(g, &me->check);
	if (me->unit != NULL && c->verify)
		me->unit->driver->verify(g, me->unit);
	mrt_wg_done(g, &c->checked);
	mrt_wg_wait(g, &me->leave);
	root[0] = NULL; /* nothing of the unit is live any more */
	mrt_wg_done(g, &c->left);
}

/* ------------------------------------------------------------ the main goroutine */

static int crew_start_worker(mrt_g *g, struct crew_worker *me)
{
	struct mrt_go_options opt = {
		.name = me->w->id,
		.worker = me->w->first_id + me->index,
		.driver = (uint16_t)me->w->index,
	};

	return mrt_go(g, crew_worker_main, me, &opt);
}

int crew_prepare(mrt_g *g, struct crew *c)
{
	int r = 0;

	for (uint32_t i = 0; i < c->nworkers && r == 0; i++) {
		mrt_wg_add(&c->prepared, 1);
		r = crew_start_worker(g, &c->worker[i]);
		if (r == 0)
			continue;
		mrt_wg_done(g, &c->prepared);
		c->nworkers = i; /* so many are here, and will be dismissed */
	}
	mrt_wg_add(&c->stopped, c->nworkers);
	mrt_wg_add(&c->checked, c->nworkers);
	mrt_wg_add(&c->left, c->nworkers);
	mrt_wg_wait(g, &c->prepared);
	for (uint32_t i = 0; i < c->nworkers && r == 0; i++)
		r = c->worker[i].error;
	for (uint32_t i = 0; i < PLAN_WORKLOADS_MAX && r == 0; i++)
		if (c->echo[i] != NULL)
			r = echo_prepare(g, c->echo[i]);
	return r;
}

int crew_begin(mrt_g *g, struct crew *c)
{
	bool stop = atomic_load_explicit(&c->env->stop, memory_order_relaxed);
	int r = 0;

	for (uint32_t i = 0; i < PLAN_WORKLOADS_MAX && r == 0 && !stop; i++)
		if (c->echo[i] != NULL)
			r = echo_begin(g, c->echo[i]);
	for (uint32_t i = 0; i < c->nworkers; i++)
		mrt_wg_done(g, &c->worker[i].begin);
	return r;
}

/* The clients have said that they are done (real), or gone away (sim). */
static bool crew_clients_done(struct crew *c)
{
	struct mrt_telemetry *t = c->env->telemetry;

	if (!MRT_SIM && t != NULL &&
	    atomic_load_explicit(&t->load_ready, memory_order_acquire) != 0)
		return atomic_load_explicit(&t->load_done, memory_order_acquire) != 0;
	for (uint32_t i = 0; i < PLAN_WORKLOADS_MAX; i++)
		if (c->echo[i] != NULL && !echo_quiet(c->echo[i]))
			return false;
	return true;
}

void crew_gather(mrt_g *g, struct crew *c, bool patient)
{
	int64_t until = mrt_now_ns() + CREW_PATIENCE_NS;

	mrt_wg_wait(g, &c->stopped);
	while (patient && !crew_clients_done(c) && mrt_now_ns() < until)
		mrt_sleep_until(g, mrt_now_ns() + CREW_POLL_NS);
	for (uint32_t i = 0; i < PLAN_WORKLOADS_MAX; i++)
		if (c->echo[i] != NULL)
			echo_end(g, c->echo[i]);
}

static void crew_heap_check(mrt_g *g, struct crew *c)
{
	static const char who[] = "gcstorm-target: heap check: ";
	char text[512];
	size_t len = sizeof(who) - 1;
	int broken;

	memcpy(text, who, len);
	text[len] = '\0';
	broken = mrt_heap_check(g, text + len, sizeof(text) - len - 1);
	if (broken == 0)
		return;
	work_integrity(&c->self, WORK_HEAP, 0, 0, (uint64_t)(broken > 0 ? broken : -broken));
	len = strlen(text);
	text[len] = '\n';
	prim_log(text, len + 1);
}

void crew_check(mrt_g *g, struct crew *c)
{
	mrt_gc(g);
	mrt_gc(g);
	crew_heap_check(g, c);
	c->verify = true;
}

void crew_dismiss(mrt_g *g, struct crew *c)
{
	for (uint32_t i = 0; i < c->nworkers; i++)
		mrt_wg_done(g, &c->worker[i].check);
	for (uint32_t i = 0; i < PLAN_WORKLOADS_MAX; i++)
		if (c->echo[i] != NULL && c->verify)
			echo_verify(g, c->echo[i]);
	mrt_wg_wait(g, &c->checked);
	for (uint32_t i = 0; i < PLAN_WORKLOADS_MAX; i++)
		if (c->echo[i] != NULL)
			echo_release(g, c->echo[i]);
	for (uint32_t i = 0; i < c->nworkers; i++)
		mrt_wg_done(g, &c->worker[i].leave);
	mrt_wg_wait(g, &c->left);
}

/* -------------------------------------------------------------------- making */

static int crew_accept(const struct plan *plan, char *text, size_t cap)
{
	for (uint32_t i = 0; i < plan->nworkloads; i++) {
		const struct plan_workload *w = &plan->workload[i];
		const struct work_driver *d = work_driver_by_name(w->driver);

		if (d == NULL || d->served != (w->conns > 0)) {
			snprintf(text, cap, "%s: there is no driver '%s' %s connections", w->id,
				 w->driver, w->conns > 0 ? "with" : "without");
			return -EINVAL;
		}
		if (d->accept(w, text, cap) < 0)
			return -EINVAL;
	}
	return 0;
}

static int crew_fill(struct crew *c, const struct plan *plan)
{
	int r = 0;

	for (uint32_t i = 0; i < plan->nworkloads && r == 0; i++) {
		const struct plan_workload *w = &plan->workload[i];

		if (w->conns > 0)
			r = echo_create(&c->echo[i], c->env, w);
		for (uint32_t j = 0; j < w->workers; j++) {
			struct crew_worker *me = &c->worker[c->nworkers++];

			*me = (struct crew_worker){.crew = c, .w = w, .index = j};
			mrt_wg_add(&me->begin, 1);
			mrt_wg_add(&me->check, 1);
			mrt_wg_add(&me->leave, 1);
		}
	}
	return r;
}

int crew_create(struct crew **ret, struct work_env *env, char *text, size_t cap)
{
	struct work_unit_options self = {
		.env = env,
		.w = &env->plan->workload[0],
		.workload = 0,
		.worker = 0xffff,
		.share = 1,
	};
	struct crew *c;
	int r = crew_accept(env->plan, text, cap);

	if (r < 0)
		return r;
	c = calloc(1, sizeof(*c) + env->plan->nworkers * sizeof(c->worker[0]));
	if (c == NULL)
		return -ENOMEM;
	c->env = env;
	work_unit_init(&c->self, NULL, &self);
	r = crew_fill(c, env->plan);
	if (r < 0)
		crew_destroy(c);
	else
		*ret = c;
	return r;
}

void crew_destroy(struct crew *c)
{
	if (c == NULL)
		return;
	for (uint32_t i = 0; i < PLAN_WORKLOADS_MAX; i++)
		echo_destroy(c->echo[i]);
	for (uint32_t i = 0; i < c->nworkers; i++)
		if (c->worker[i].unit != NULL)
			c->worker[i].unit->driver->destroy(c->worker[i].unit);
	free(c);
}
