/*
 * workload.c: the table of drivers, and how a unit tells what went wrong.
 *
 * Workers hold no telemetry ring of their own (that is the P's, and the P is the runtime's
 * business), so what they say goes through the shared ring; it is rare and bounded.
 */
#include "workloads/workload.h"

#include <errno.h>
#include <string.h>

#define WORK_INTEGRITY_TOLD_MAX 100u
#define WORK_ERROR_INTERVAL_NS	INT64_C(100000000)
#define WORK_ERROR_TOLD_MAX	4u

const struct work_driver *const work_drivers[] = {
	&work_map_churn,
	&work_slice_append,
	&work_heap_follow,
	&work_echo,
	&work_sync_map,
	NULL,
};

const struct work_driver *work_driver_by_name(const char *name)
{
	for (const struct work_driver *const *d = work_drivers; *d != NULL; d++)
		if (strcmp((*d)->name, name) == 0)
			return *d;
	return NULL;
}

void work_unit_init(struct work_unit *u, const struct work_driver *driver,
		    const struct work_unit_options *opt)
{
	u->driver = driver;
	u->env = opt->env;
	u->w = opt->w;
	u->workload = opt->workload;
	u->worker = opt->worker;
	u->rng = work_mix(opt->env->plan->runtime.seed ^
			  work_mix((uint64_t)opt->workload << 32 | opt->worker));
}

void work_integrity(struct work_unit *u, enum work_integrity kind, uint64_t key, uint64_t expected,
		    uint64_t found)
{
	struct watch_record rec = {
		.t_ns = mrt_now_ns(),
		.kind = WATCH_INTEGRITY,
		.p = 0xffff,
		.a = u->workload,
		.b = u->worker,
		.c = kind,
		.d = key,
		.e = expected,
		.f = found,
	};

	atomic_fetch_add_explicit(&u->env->integrity_errors, 1, memory_order_relaxed);
	if (u->integrity_count++ < WORK_INTEGRITY_TOLD_MAX)
		watch_emit_shared(u->env->telemetry, &rec);
}

void work_op_error(struct work_unit *u, int err, uint64_t key)
{
	struct watch_record rec = {
		.t_ns = mrt_now_ns(),
		.kind = WATCH_OP_ERROR,
		.p = 0xffff,
		.a = u->workload,
		.b = u->worker,
		.c = (uint64_t)-err,
		.d = key,
	};
	int64_t slot = rec.t_ns / WORK_ERROR_INTERVAL_NS;

	if (slot != u->error_slot)
		u->error_count = 0;
	u->error_slot = slot;
	if (u->error_count++ < WORK_ERROR_TOLD_MAX)
		watch_emit_shared(u->env->telemetry, &rec);
}

void work_checked(struct work_unit *u, uint64_t entries)
{
	struct watch_record rec = {
		.t_ns = mrt_now_ns(),
		.kind = WATCH_CHECKED,
		.p = 0xffff,
		.a = u->workload,
		.b = entries,
	};

	atomic_fetch_add_explicit(&u->env->checked, entries, memory_order_relaxed);
	watch_emit_shared(u->env->telemetry, &rec);
}
