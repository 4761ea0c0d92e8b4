/*
 * echo.c: the serving side of echo.
 *
 * Connections are put in groups, at most ECHO_GROUPS; a group shares one unit of the handler's
 * driver. With few connections each has a unit of its own; with many, those of a group take turns
 * under a goroutine mutex, as the handlers of a real service do over a shared map. A group's unit
 * hangs on a global root.
 *
 * A handler whose connection the poller does not take, at the start or when it is registered anew
 * (`renew`), tries again each ECHO_RETRY_NS until it does; the request that comes next is answered with
 * the error, for want of its operation, and counts as failed.
 *
 * Latency is measured by the clients (load.c, or the virtual peers of the simulation), from the
 * intended start.
 */
#include "workloads/echo.h"

#include "runtime/prim/prim.h"
#include "workloads/echo_wire.h"
#include "workloads/look.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define ECHO_GROUPS   8u
#define ECHO_RETRY_NS INT64_C(1000000)

struct echo_group {
	struct work_unit *unit; /* NULL: echo only */
	void *root;		/* a global root */
	bool rooted, shared;
	mrt_mutex lock;
	struct watch_map *map; /* of the first group alone: where it tells of its unit's map; NULL: nowhere */
	int64_t look_ns;       /* when next; INT64_MAX: there is nothing to tell */
	struct mrt_map_growths growths;
};

struct echo_conn {
	struct echo *echo;
	struct echo_group *group;
	struct work_unit self; /* for reports only */
	prim_conn *prim;
	_Atomic(mrt_conn *) conn; /* NULL: the poller has not taken it yet */
	uint32_t index, served;	  /* requests since the last renewal */
	int refused;		  /* -errno of a registration, owed to the next request */
};

struct echo {
	struct work_env *env;
	const struct plan_workload *w;
	struct work_unit self; /* for reports only */
	struct watch_ops *ops; /* sim: the peers' */
	uint32_t ngroups;
	struct echo_group group[ECHO_GROUPS];
	mrt_wg ended;
	_Atomic uint32_t serving;
	_Atomic bool ending; /* no more tries */
	struct echo_conn conn[];
};

static int echo_accept(const struct plan_workload *w, char *text, size_t cap)
{
	if (w->conns > 0 && w->rate > 0)
		return 0;
	snprintf(text, cap, "%s: echo needs conns and a rate", w->id);
	return -EINVAL;
}

const struct work_driver work_echo = {
	.name = "echo",
	.about = "Goroutines parked in netpoll answer requests from outside, each with one "
		 "operation of another driver.",
	.accept = echo_accept,
	.served = true,
};

/* ------------------------------------------------------------------- serving */

/* 1 got it all, 0 the end, -errno. */
static int64_t echo_read_whole(mrt_g *g, mrt_conn *conn, void *buf, size_t bytes)
{
	size_t got = 0;

	while (got < bytes) {
		int64_t n = mrt_conn_read(g, conn, (char *)buf + got, bytes - got);

		if (n <= 0)
			return n;
		got += (size_t)n;
	}
	return 1;
}

/* A unit with a map, told of; growths that this handler has begun in the operation are booked to the unit. */
static int echo_operate_told(mrt_g *g, struct echo_group *group)
{
	struct mrt_map_growths before, after;
	int64_t now_ns;
	int r;

	mrt_map_growths(g, &before);
	r = group->unit->driver->op(g, group->unit);
	mrt_map_growths(g, &after);
	group->growths.doubled += after.doubled - before.doubled;
	group->growths.same_size += after.same_size - before.same_size;
	now_ns = mrt_now_ns();
	if (now_ns < group->look_ns)
		return r;
	group->unit->driver->look(group->unit, &group->growths, group->map);
	group->look_ns = now_ns + WORK_LOOK_NS;
	return r;
}

static int echo_operate(mrt_g *g, struct echo_group *group)
{
	int r;

	if (group->unit == NULL)
		return 0;
	if (group->shared)
		mrt_lock(g, &group->lock);
	r = group->look_ns == INT64_MAX ? group->unit->driver->op(g, group->unit)
					: echo_operate_told(g, group);
	if (group->shared)
		mrt_unlock(g, &group->lock);
	return r;
}

/* ------------------------------------------------------------- registration */

/* The poller has refused a connection: tell, and wait a while. False: the end. */
static bool echo_refused(mrt_g *g, struct echo_conn *c, int err)
{
	if (err == -ECANCELED || atomic_load(&c->echo->ending))
		return false;
	c->refused = err;
	work_op_error(&c->self, err, c->index);
	mrt_sleep_until(g, mrt_now_ns() + ECHO_RETRY_NS);
	return true;
}

static int echo_open(mrt_g *g, struct echo_conn *c)
{
	mrt_conn *conn;
	int r = mrt_conn_open(g, c->prim, &conn);

	if (r < 0)
		return r;
	/* Sequentially consistent, both: pairs with echo_end; one of us sees the other, and closes. */
	atomic_store(&c->conn, conn);
	if (atomic_load(&c->echo->ending))
		mrt_conn_close(g, conn);
	return 0;
}

/* Until the connection is registered. False: the end. */
static bool echo_attach(mrt_g *g, struct echo_conn *c)
{
	int r = 0;

	while (atomic_load(&c->conn) == NULL && (r = echo_open(g, c)) < 0)
		if (!echo_refused(g, c, r))
			return false;
	return true;
}

/* After each request: is it time to register anew? False: the end. */
static bool echo_renew(mrt_g *g, struct echo_conn *c)
{
	int r;

	if (c->echo->w->renew == 0 || ++c->served < c->echo->w->renew)
		return true;
	c->served = 0;
	while ((r = mrt_conn_renew(g, atomic_load(&c->conn))) < 0)
		if (!echo_refused(g, c, r))
			return false;
	return true;
}

/* The operation, or what its connection has been refused. */
static int echo_answer(mrt_g *g, struct echo_conn *c)
{
	int r = c->refused;

	c->refused = 0;
	return r < 0 ? r : echo_operate(g, c->group);
}

static void echo_serve(mrt_g *g, void *arg)
{
	struct echo_conn *c = arg;
	struct echo_request request;
	bool open = echo_attach(g, c);

	while (open &&
	       echo_read_whole(g, atomic_load(&c->conn), &request, sizeof(request)) > 0) {
		struct echo_reply reply = {
			.sequence = request.sequence,
			.intended_ns = request.intended_ns,
			.status = (uint64_t)-echo_answer(g, c),
			.sum = echo_sum(request.sequence, request.intended_ns),
		};

		open = mrt_conn_write_all(g, atomic_load(&c->conn), &reply, sizeof(reply)) >= 0 &&
		       echo_renew(g, c);
	}
	/* Release: pairs with echo_quiet. */
	atomic_fetch_sub_explicit(&c->echo->serving, 1, memory_order_release);
	mrt_wg_done(g, &c->echo->ended);
}

bool echo_quiet(const struct echo *e)
{
	return atomic_load_explicit(&e->serving, memory_order_acquire) == 0;
}

/* --------------------------------------------------- sim: the virtual clients */

static void echo_bump(_Atomic uint64_t *counter)
{
	/* One writer: the simulation has one thread. */
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1,
			      memory_order_relaxed);
}

static void echo_on_reply(void *arg, uint32_t conn, int64_t intended_ns, int64_t done_ns,
			  const void *bytes)
{
	struct echo *e = arg;
	const struct echo_reply *reply = bytes;

	if (!echo_reply_holds(reply, intended_ns))
		work_integrity(&e->self, WORK_REPLY, conn, (uint64_t)intended_ns,
			       (uint64_t)reply->intended_ns);
	if (e->ops == NULL)
		return;
	watch_hist_add(&e->ops->latency, (uint64_t)(done_ns - intended_ns));
	echo_bump(&e->ops->ops);
	if (reply->status != 0)
		echo_bump(&e->ops->errors);
}

static int echo_start_peers(struct echo *e)
{
	struct prim_peer_options opt = {
		.conns = e->w->conns,
		.start_ns = e->env->t0_ns,
		.stop_ns = e->env->t0_ns + e->env->plan->end_ns,
		.period_ns = (int64_t)(1000000000u / e->w->rate),
		.request_bytes = sizeof(struct echo_request),
		.reply_bytes = sizeof(struct echo_reply),
		.on_reply = echo_on_reply,
		.arg = e,
	};
	prim_conn **conns = calloc(e->w->conns, sizeof(*conns));
	int r = -ENOMEM;

	if (conns != NULL)
		r = prim_peer_start(&opt, conns);
	for (uint32_t i = 0; r == 0 && i < e->w->conns; i++)
		e->conn[i].prim = conns[i];
	free(conns);
	return r;
}

/* -------------------------------------------------------------- start and end */

static int echo_open_descriptors(struct echo *e)
{
	int r = 0;

	for (uint32_t i = 0; i < e->w->conns && r == 0; i++)
		r = prim_conn_open_fd(&e->conn[i].prim, e->w->first_fd + (int)i);
	return r;
}

/* The unit is made, and so far all that this goroutine has begun since `before` was for it. There is one slot for all connections: the
 * first group tells. */
static void echo_prepare_look(mrt_g *g, struct echo *e, uint32_t index,
			      const struct mrt_map_growths *before)
{
	struct echo_group *group = &e->group[index];

	mrt_map_growths(g, &group->growths);
	group->growths.doubled -= before->doubled;
	group->growths.same_size -= before->same_size;
	group->look_ns = INT64_MAX;
	if (e->env->telemetry == NULL || group->unit->driver->look == NULL)
		return;
	group->look_ns = 0;
	group->map = index == 0 ? &e->env->telemetry->map[e->w->first_slot] : NULL;
}

static int echo_prepare_group(mrt_g *g, struct echo *e, uint32_t index)
{
	struct echo_group *group = &e->group[index];
	const struct plan_workload *w = &e->env->plan->workload[e->w->handler];
	struct work_unit_options opt = {
		.env = e->env,
		.w = w,
		.workload = e->w->index,
		.worker = index,
		.share = e->ngroups,
	};
	struct mrt_map_growths before;
	MRT_ROOTS(g, root, 1);
	int r = mrt_globals_add(&group->root, 1);

	if (r < 0)
		return r;
	group->rooted = true;
	mrt_map_growths(g, &before);
	r = work_driver_by_name(w->driver)->create(g, &opt, &root[0], &group->unit);
	if (r < 0)
		return r;
	mrt_store(g, &group->root, root[0]);
	group->unit->root = &group->root;
	echo_prepare_look(g, e, index, &before);
	return 0;
}

int echo_prepare(mrt_g *g, struct echo *e)
{
	int r = MRT_SIM ? 0 : echo_open_descriptors(e);

	for (uint32_t i = 0; i < e->ngroups && e->w->handler >= 0 && r == 0; i++)
		r = echo_prepare_group(g, e, i);
	return r;
}

int echo_begin(mrt_g *g, struct echo *e)
{
	int r = MRT_SIM ? echo_start_peers(e) : 0;

	for (uint32_t i = 0; i < e->w->conns && r == 0; i++) {
		struct echo_conn *c = &e->conn[i];
		struct mrt_go_options opt = {
			.name = "echo",
			.worker = e->w->first_id + i,
			.driver = (uint16_t)e->w->index,
		};

		c->refused = echo_open(g, c); /* its handler tries again */
		mrt_wg_add(&e->ended, 1);
		atomic_fetch_add_explicit(&e->serving, 1, memory_order_relaxed);
		r = mrt_go(g, echo_serve, c, &opt);
		if (r < 0) {
			atomic_fetch_sub_explicit(&e->serving, 1, memory_order_relaxed);
			mrt_wg_done(g, &e->ended);
		}
	}
	return r;
}

void echo_end(mrt_g *g, struct echo *e)
{
	/* Sequentially consistent: pairs with echo_open. */
	atomic_store(&e->ending, true);
	for (uint32_t i = 0; i < e->w->conns; i++) {
		mrt_conn *conn = atomic_load(&e->conn[i].conn);

		if (conn != NULL)
			mrt_conn_close(g, conn);
	}
	mrt_wg_wait(g, &e->ended);
	/* Never registered, or the run ended before it began. */
	for (uint32_t i = 0; i < e->w->conns; i++)
		if (atomic_load(&e->conn[i].conn) == NULL && e->conn[i].prim != NULL)
			prim_conn_close(e->conn[i].prim);
}

void echo_verify(mrt_g *g, struct echo *e)
{
	for (uint32_t i = 0; i < e->ngroups; i++)
		if (e->group[i].unit != NULL)
			e->group[i].unit->driver->verify(g, e->group[i].unit);
}

void echo_release(mrt_g *g, struct echo *e)
{
	for (uint32_t i = 0; i < e->ngroups; i++) {
		if (!e->group[i].rooted)
			continue;
		mrt_store(g, &e->group[i].root, NULL);
		mrt_globals_remove(&e->group[i].root);
		e->group[i].rooted = false;
	}
}

int echo_create(struct echo **ret, struct work_env *env, const struct plan_workload *w)
{
	struct echo *e = calloc(1, sizeof(*e) + w->conns * sizeof(e->conn[0]));
	struct work_unit_options self = {
		.env = env,
		.w = w,
		.workload = w->index,
		.worker = 0,
		.share = 1,
	};

	if (e == NULL)
		return -ENOMEM;
	e->env = env;
	e->w = w;
	work_unit_init(&e->self, &work_echo, &self);
	e->ngroups = w->conns < ECHO_GROUPS ? w->conns : ECHO_GROUPS;
	for (uint32_t i = 0; i < w->conns; i++) {
		struct echo_conn *c = &e->conn[i];

		self.worker = i;
		c->echo = e;
		c->group = &e->group[i % e->ngroups];
		c->index = i;
		work_unit_init(&c->self, &work_echo, &self);
		e->group[i % e->ngroups].shared = w->conns > ECHO_GROUPS;
	}
	if (MRT_SIM && env->telemetry != NULL) {
		e->ops = &env->telemetry->ops[w->first_slot];
		e->ops->workload = w->index;
		e->ops->worker = 0;
		e->ops->is_client = 1;
		atomic_store_explicit(&e->ops->used, 1, memory_order_release);
	}
	*ret = e;
	return 0;
}

void echo_destroy(struct echo *e)
{
	if (e == NULL)
		return;
	for (uint32_t i = 0; i < e->ngroups; i++)
		if (e->group[i].unit != NULL)
			e->group[i].unit->driver->destroy(e->group[i].unit);
	free(e);
}
