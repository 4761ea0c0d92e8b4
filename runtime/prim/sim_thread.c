/*
 * sim_thread.c: prim threads as coroutines: their births and deaths.
 */
#include "runtime/prim/prim.h"
#include "runtime/prim/sim_priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define THREAD_STACK_BYTES ((size_t)256 << 10)
#define THREAD_IDS_MAX	   SIM_PEER_ID_FIRST

static struct {
	prim_thread *table; /* by id; element 0 is unused: the initial thread lies apart */
	uint32_t max;	    /* 0: prim_init has not been called */
	uint64_t seed;
	uint64_t born; /* threads created so far: each draws its own jitter */
	prim_ctx initial_ctx;
} threads;

prim_thread sim_initial = {
	.name = "main",
	.state = SIM_RUNNABLE,
	.now = SIM_START_NS,
	.rng = 1,
};

prim_thread *sim_thread_at(uint32_t id)
{
	if (id == 0)
		return &sim_initial;
	return id < threads.max ? &threads.table[id] : NULL;
}

static void thread_seed(prim_thread *thread)
{
	/* Never 0: an xorshift would stay there. */
	thread->rng = prim_mix64(threads.seed ^ prim_mix64(++threads.born)) | 1;
}

int prim_init(const struct prim_options *opt)
{
	uint32_t max = opt->max_threads != 0 ? opt->max_threads : PRIM_THREADS_MAX_DEFAULT;

	if (threads.max != 0)
		return -EALREADY;
	if (max > THREAD_IDS_MAX)
		max = THREAD_IDS_MAX;
	threads.table = prim_map(max * sizeof(*threads.table));
	if (threads.table == NULL || sim_event_room(max) < 0)
		return -ENOMEM;
	threads.max = max;
	threads.seed = opt->seed;
	prim_seed_init(opt->seed);
	sim_hash_init(opt->seed);
	thread_seed(&sim_initial);
	prim_ctx_init_thread(&threads.initial_ctx);
	sim_initial.own = sim_initial.running = &threads.initial_ctx;
	return 0;
}

static void thread_main(void *arg)
{
	prim_thread *thread = arg;

	thread->fn(thread->arg);
	sim_finish();
}

/* Taken at once: making the context may stand back for other threads. */
static prim_thread *thread_take_slot(void)
{
	for (uint32_t id = 1; id < threads.max; id++) {
		prim_thread *thread = &threads.table[id];

		if (thread->state != SIM_FREE)
			continue;
		memset(thread, 0, sizeof(*thread));
		thread->id = thread->event.id = id;
		thread->state = SIM_NEW;
		return thread;
	}
	return NULL;
}

int prim_thread_create(prim_thread **ret_thread, const char *name, void (*fn)(void *), void *arg)
{
	prim_thread *thread = thread_take_slot();
	int64_t at;

	if (thread == NULL)
		return -EAGAIN;
	thread->own = prim_ctx_create(THREAD_STACK_BYTES, thread_main, thread);
	if (thread->own == NULL) {
		thread->state = SIM_FREE;
		return -EAGAIN;
	}
	at = prim_now_ns() + sim_cost_ns[PRIM_COST_THREAD];
	snprintf(thread->name, sizeof(thread->name), "%s", name);
	thread->fn = fn;
	thread->arg = arg;
	thread->running = thread->own;
	thread->now = at;
	thread->blocked_ns = at - SIM_START_NS; /* its CPU time starts at 0 */
	thread_seed(thread);
	sim_start_thread(thread, at);
	*ret_thread = thread;
	prim_step(PRIM_COST_OS_CALL);
	return 0;
}

void prim_thread_join(prim_thread *thread)
{
	thread->joiner = sim_self();
	if (thread->state != SIM_DONE)
		sim_block(SIM_WAIT_JOIN, thread, PRIM_FOREVER);
	prim_ctx_destroy(thread->own);
	thread->state = SIM_FREE;
}

prim_thread *prim_thread_self(void)
{
	return sim_self();
}

void prim_thread_set_user(void *user)
{
	sim_self()->user = user;
}

void *prim_thread_user(void)
{
	return sim_self()->user;
}

uint32_t prim_thread_id(void)
{
	return sim_self()->id;
}

prim_ctx *prim_ctx_thread(void)
{
	return sim_self()->own;
}

uint32_t prim_ncpu(void)
{
	return SIM_NCPU;
}
