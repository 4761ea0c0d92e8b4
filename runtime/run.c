/*
 * run.c: mrt_run: the runtime from its first page to its last.
 *
 * Order: heap, collector's state, goroutines and Ps (which take caches and collector's locals),
 * system goroutines, main; and back the same way. The caller has done prim_init; nothing of prim is
 * undone here.
 */
#include "runtime/data/data.h"
#include "runtime/gc/gc.h"
#include "runtime/mem/mem.h"
#include "runtime/mem/throw.h"
#include "runtime/mrt.h"
#include "runtime/sched/sched.h"
#include "runtime/state.h"

#include <errno.h>

#define RUN_PROCS_MAX	 64u
#define RUN_HEAP_RESERVE ((size_t)64 << 30)

static uint32_t run_procs(const struct mrt_options *opt)
{
	uint32_t n = opt->procs != 0 ? opt->procs : prim_ncpu();

	return n < RUN_PROCS_MAX ? n : RUN_PROCS_MAX;
}

static struct gc_options run_gc_options(const struct mrt_options *opt, uint32_t procs,
					uint64_t seed)
{
	return (struct gc_options){
		.procs = procs,
		.seed = seed,
		.heap_profile_rate = opt->heap_profile_rate,
		.gogc = opt->gogc,
		.memlimit = opt->memlimit,
		.pacer = opt->pacer,
		.gctrace = opt->gctrace,
		.pacertrace = opt->pacertrace,
		.scavtrace = opt->scavtrace,
		.gc_every = opt->gc_every,
		.check_edges = opt->check_edges,
		.telemetry = opt->telemetry,
	};
}

static int run_started(const struct mrt_options *opt, mrt_go_fn *fn, void *arg)
{
	int r = gc_start_workers();

	data_init(opt->rounding);
	return r < 0 ? r : sched_main(fn, arg);
}

int mrt_run(const struct mrt_options *opt, mrt_go_fn *fn, void *arg)
{
	uint32_t procs = run_procs(opt);
	uint64_t seed = opt->seed != 0 ? opt->seed : prim_seed();
	struct gc_options gc = run_gc_options(opt, procs, seed);
	struct sched_options sched = {
		.procs = procs,
		.seed = seed,
		.telemetry = opt->telemetry,
		.gc = &gc_sched_hooks,
	};
	int r;

	if (opt->procs > RUN_PROCS_MAX || fn == NULL)
		return -EINVAL;
	mem_throw_policy(opt->oom == MRT_OOM_THROW);
	r = mem_init(opt->heap_reserve != 0 ? opt->heap_reserve : RUN_HEAP_RESERVE, &gc_mem_hooks,
		     opt->clobber);
	if (r < 0)
		return r;
	r = gc_init(&gc);
	if (r < 0)
		goto fail_gc;
	r = sched_init(&sched);
	if (r < 0)
		goto fail_sched;
	gcs_rt_state_source = mrt_state;
	r = run_started(opt, fn, arg);
	sched_fini();
	gcs_rt_state_source = NULL;
fail_sched:
	gc_fini();
fail_gc:
	mem_fini();
	return r;
}
