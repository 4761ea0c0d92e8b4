/*
 * sim_sched.c: virtual time: the ordered set of events, stepping, blocking.
 *
 * The set is a binary heap whose elements know their place, so that a
 * wake can take a sleeper out of the middle.  Its first time is cached as
 * the horizon: the usual step is an addition and one comparison.
 *
 * Everything is integer arithmetic.  Jitter comes from a generator a
 * thread, so what one thread draws does not depend on the others.
 */
#include "runtime/prim/prim.h"
#include "runtime/prim/sim_priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SIM_HEAP_MIN	1024u
#define SIM_SPIN_LONELY 1000000u /* spinning rounds with nobody left to end them */
#define SIM_TEXT_MAX	8192

const uint32_t sim_cost_ns[PRIM_COST_COUNT] = {
#define COST(id, ns, text) [PRIM_COST_##id] = (ns),
#include "runtime/prim/costs.def"
#undef COST
};

static struct {
	prim_thread *self;
	int64_t horizon; /* time of the first event; INT64_MAX: none */
	struct sim_event **heap;
	uint32_t count, cap;
	uint64_t hash;
	uint64_t order; /* blocks so far */
} sim = {.self = &sim_initial, .horizon = INT64_MAX};

/* ------------------------------------------------------------ the event set */

static inline bool sim_before(const struct sim_event *a, const struct sim_event *b)
{
	return a->at != b->at ? a->at < b->at : a->id < b->id;
}

static inline void sim_heap_set(uint32_t i, struct sim_event *event)
{
	sim.heap[i] = event;
	event->slot = i + 1;
}

static void sim_heap_up(uint32_t i, struct sim_event *event)
{
	while (i > 0 && sim_before(event, sim.heap[(i - 1) / 2])) {
		sim_heap_set(i, sim.heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	sim_heap_set(i, event);
}

static void sim_heap_down(uint32_t i, struct sim_event *event)
{
	for (;;) {
		uint32_t child = 2 * i + 1;

		if (child >= sim.count)
			break;
		if (child + 1 < sim.count && sim_before(sim.heap[child + 1], sim.heap[child]))
			child++;
		if (!sim_before(sim.heap[child], event))
			break;
		sim_heap_set(i, sim.heap[child]);
		i = child;
	}
	sim_heap_set(i, event);
}

static inline void sim_horizon_set(void)
{
	sim.horizon = sim.count > 0 ? sim.heap[0]->at : INT64_MAX;
}

int sim_event_room(uint32_t count)
{
	uint32_t cap = sim.cap > 0 ? sim.cap : SIM_HEAP_MIN;
	struct sim_event **heap;

	while (cap < count)
		cap *= 2;
	if (cap == sim.cap)
		return 0;
	heap = prim_map(cap * sizeof(struct sim_event *));
	if (heap == NULL)
		return -ENOMEM;
	if (sim.heap != NULL) {
		memcpy(heap, sim.heap, sim.count * sizeof(struct sim_event *));
		prim_unmap(sim.heap, sim.cap * sizeof(struct sim_event *));
	}
	sim.heap = heap;
	sim.cap = cap;
	return 0;
}

int sim_event_add(struct sim_event *event, int64_t at)
{
	int r = sim_event_room(sim.count + 1);

	if (r < 0)
		return r;
	event->at = at;
	sim_heap_up(sim.count++, event);
	sim_horizon_set();
	return 0;
}

void sim_event_cancel(struct sim_event *event)
{
	uint32_t i = event->slot - 1;
	struct sim_event *last;

	if (event->slot == 0)
		return;
	event->slot = 0;
	last = sim.heap[--sim.count];
	if (last != event) {
		if (i > 0 && sim_before(last, sim.heap[(i - 1) / 2]))
			sim_heap_up(i, last);
		else
			sim_heap_down(i, last);
	}
	sim_horizon_set();
}

/* ---------------------------------------------------------------- the clock */

/* 0 .. ns/8 + 1, uniform. */
static inline int64_t sim_jitter(prim_thread *thread, uint64_t ns)
{
	uint64_t x = thread->rng;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	thread->rng = x;
	return (int64_t)(((x >> 40) * (ns / 8 + 2)) >> 24);
}

void prim_sim_fold(uint64_t value)
{
	uint64_t x = (sim.hash << 5 | sim.hash >> 59) ^ value;

	sim.hash = (x ^ x >> 29) * PRIM_GOLDEN;
}

uint64_t prim_sim_hash(void)
{
	return prim_mix64(sim.hash);
}

/* ------------------------------------------------------------------ deadlock */

static size_t sim_describe_lock(char *text, size_t size, const prim_mutex *m)
{
	return (size_t)snprintf(text, size, "lock %s (%p), held by thread %u (%s)",
				prim_rank_name(m->rank), (const void *)m, m->owner->id,
				m->owner->name);
}

static size_t sim_describe(char *text, size_t size, const prim_thread *thread)
{
	const prim_thread *joined = thread->wait_on;

	switch (thread->wait) {
	case SIM_WAIT_SLEEP:
		return (size_t)snprintf(text, size, "a sleep without end");
	case SIM_WAIT_NOTE:
		return (size_t)snprintf(text, size, "note %p", thread->wait_on);
	case SIM_WAIT_LOCK:
		return sim_describe_lock(text, size, thread->wait_on);
	case SIM_WAIT_JOIN:
		return (size_t)snprintf(text, size, "the end of thread %u (%s)", joined->id,
					joined->name);
	case SIM_WAIT_POLL:
		return (size_t)snprintf(text, size, "a connection or a break");
	}
	return 0;
}

static _Noreturn void sim_deadlock(void)
{
	static char text[SIM_TEXT_MAX];
	const prim_thread *thread;
	char what[160];
	size_t used;

	used = (size_t)snprintf(text, sizeof(text),
				"prim: deadlock in the simulation at %lld ns: no thread can run, "
				"no deadline is set\n",
				(long long)sim.self->now);
	for (uint32_t id = 0; (thread = sim_thread_at(id)) != NULL; id++) {
		if (thread->state != SIM_BLOCKED)
			continue;
		sim_describe(what, sizeof(what), thread);
		used += (size_t)snprintf(text + used, sizeof(text) - used,
					 "  thread %u (%s) waits for %s since %lld ns\n", id,
					 thread->name, what, (long long)thread->wait_since);
		if (used > sizeof(text) - 256)
			break;
	}
	prim_die(2, text);
}

/* ----------------------------------------------------------------- switching */

/* Take events until one is a thread: that one runs next. */
static prim_thread *sim_pick(void)
{
	for (;;) {
		struct sim_event *event;
		prim_thread *thread;

		if (sim.count == 0)
			sim_deadlock();
		event = sim.heap[0];
		sim_event_cancel(event);
		if (event->fire != NULL) {
			prim_sim_fold(event->id);
			prim_sim_fold((uint64_t)event->at);
			event->fire(event);
			continue;
		}
		thread = (prim_thread *)event;
		if (thread->state == SIM_BLOCKED) { /* its deadline */
			thread->woken = false;
			thread->blocked_ns += event->at - thread->wait_since;
		}
		thread->state = SIM_RUNNABLE;
		thread->now = event->at;
		return thread;
	}
}

static prim_thread *sim_pick_switch(void)
{
	prim_thread *next = sim_pick();

	sim.self = next;
	prim_sim_fold(next->id);
	prim_sim_fold((uint64_t)next->now);
	return next;
}

/* The running thread has been put where it belongs: run the next one.
 * Returns when this thread is picked again. */
static void sim_dispatch(void)
{
	prim_thread *self = sim.self;
	prim_thread *next = sim_pick_switch();

	if (next != self)
		prim_ctx_jump(self->running, next->running);
}

static void sim_queue(prim_thread *thread, int64_t at)
{
	if (sim_event_add(&thread->event, at) < 0)
		prim_dief("prim: no memory for the simulation's event set");
}

/* The clock has reached the horizon. */
static void __attribute__((noinline)) sim_stand_back(prim_thread *self)
{
	self->event.at = self->now;
	if (!sim_before(sim.heap[0], &self->event))
		return;
	sim_queue(self, self->now);
	sim_dispatch();
}

static inline void sim_charge(prim_thread *self, uint64_t ns)
{
	self->now += (int64_t)ns + sim_jitter(self, ns);
	if (PRIM_UNLIKELY(self->now >= sim.horizon))
		sim_stand_back(self);
}

void prim_step_n(enum prim_cost cost, uint32_t units)
{
	sim_charge(sim.self, (uint64_t)sim_cost_ns[cost] * units);
}

void prim_spin_wait(uint32_t round)
{
	uint32_t units = 1 + (round < 1024 ? round / 16 : 64);

	if (sim.count == 0 && round > SIM_SPIN_LONELY)
		prim_dief("prim: thread %u (%s) spins and every other thread is blocked for ever",
			  sim.self->id, sim.self->name);
	prim_step_n(PRIM_COST_SPIN, units);
}

void prim_pause(uint32_t n)
{
	prim_step_n(PRIM_COST_SPIN, n);
}

bool sim_block(enum sim_wait wait, const void *on, int64_t deadline_ns)
{
	prim_thread *self = sim.self;

	self->state = SIM_BLOCKED;
	self->wait = wait;
	self->wait_on = on;
	self->wait_since = self->now;
	self->wait_order = sim.order++;
	if (deadline_ns != PRIM_FOREVER)
		sim_queue(self, deadline_ns > self->now ? deadline_ns : self->now);
	sim_dispatch();
	return self->woken;
}

void sim_wake(prim_thread *thread, int64_t at_ns, enum prim_cost cost)
{
	uint64_t ns = sim_cost_ns[cost];
	int64_t at = at_ns + (int64_t)ns + sim_jitter(thread, ns);

	sim_event_cancel(&thread->event);
	if (at < thread->now)
		at = thread->now;
	thread->state = SIM_RUNNABLE;
	thread->woken = true;
	thread->blocked_ns += at - thread->wait_since;
	sim_queue(thread, at);
}

void sim_hash_init(uint64_t seed)
{
	sim.hash = prim_mix64(seed + PRIM_GOLDEN);
}

void sim_start_thread(prim_thread *thread, int64_t at_ns)
{
	thread->state = SIM_RUNNABLE;
	sim_queue(thread, at_ns);
}

void sim_finish(void)
{
	prim_thread *self = sim.self;
	prim_thread *next;

	self->state = SIM_DONE;
	if (self->joiner != NULL)
		sim_wake(self->joiner, self->now, PRIM_COST_WAKE);
	next = sim_pick_switch();
	prim_ctx_jump_last(self->own, next->running);
}

/* ---------------------------------------------------------- the running thread */

prim_thread *sim_self(void)
{
	return sim.self;
}

int64_t prim_now_ns(void)
{
	return sim.self->now;
}

int64_t prim_thread_cpu_ns(void)
{
	return sim.self->now - SIM_START_NS - sim.self->blocked_ns;
}

void prim_sleep_until(int64_t deadline_ns)
{
	prim_step(PRIM_COST_SLEEP);
	if (deadline_ns > sim.self->now)
		sim_block(SIM_WAIT_SLEEP, NULL, deadline_ns);
}

void prim_ctx_switch(prim_ctx *from, prim_ctx *to)
{
	sim.self->running = to;
	prim_ctx_jump(from, to);
}

void prim_ctx_exit_to(prim_ctx *from, prim_ctx *to)
{
	sim.self->running = to;
	prim_ctx_jump_last(from, to);
}
