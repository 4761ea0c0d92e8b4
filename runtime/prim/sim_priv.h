/*
 * sim_priv.h: the simulated machine, as the files of the back end see it.
 *
 * One OS thread runs everything.  What will happen is one ordered set of
 * events, by (time, id): a runnable thread is an event at its own clock, a
 * thread asleep with a deadline one at its deadline, a virtual peer one at
 * its next message.  The running thread is not in the set; whenever its
 * clock passes the first event it stands back.  So no code ever runs at a
 * time later than something that has yet to happen, and the time seen by
 * one statement after the other never falls, on whatever thread.
 */
#pragma once

#include "runtime/prim/prim_priv.h"

#define SIM_START_NS	  INT64_C(1000000000)
#define SIM_NCPU	  64u
#define SIM_PEER_ID_FIRST 0x10000u

struct sim_event {
	int64_t at;
	uint32_t id;
	uint32_t slot;			       /* place in the set plus one; 0: not in it */
	void (*fire)(struct sim_event *event); /* NULL: the event is a thread */
};

enum sim_state { SIM_FREE, SIM_NEW, SIM_RUNNABLE, SIM_BLOCKED, SIM_DONE };

enum sim_wait { SIM_WAIT_SLEEP, SIM_WAIT_NOTE, SIM_WAIT_LOCK, SIM_WAIT_JOIN, SIM_WAIT_POLL };

struct prim_thread {
	struct sim_event event; /* first: an event without fire is its thread */
	uint32_t id;
	char name[PRIM_NAME_BYTES];
	void *user;
	void (*fn)(void *);
	void *arg;
	prim_ctx *own;
	prim_ctx *running; /* the context it is on, or was left on */
	int64_t now;	   /* its virtual clock */
	int64_t blocked_ns;
	uint64_t rng;
	enum sim_state state;
	enum sim_wait wait;
	const void *wait_on;
	int64_t wait_since;
	uint64_t wait_order; /* blocked earlier: lower */
	bool woken;	     /* against: its deadline passed */
	prim_thread *joiner;
	struct prim_held held; /* debug builds */
};

extern const uint32_t sim_cost_ns[PRIM_COST_COUNT];

/* Thread 0; it runs from the start, so that code before prim_init may step. */
extern prim_thread sim_initial;
/* The thread that runs. */
prim_thread *sim_self(void);
/* The thread of an id, live or not; NULL beyond the highest id possible. */
prim_thread *sim_thread_at(uint32_t id);

int sim_event_add(struct sim_event *event, int64_t at); /* 0, -ENOMEM */
void sim_event_cancel(struct sim_event *event);
/* Room for this many events in all: adding up to that many then cannot fail. */
int sim_event_room(uint32_t count);

/* Block the running thread; true: woken, false: the deadline passed. */
bool sim_block(enum sim_wait wait, const void *on, int64_t deadline_ns);
/* Make a blocked thread runnable, `cost` after `at_ns` at the earliest. */
void sim_wake(prim_thread *thread, int64_t at_ns, enum prim_cost cost);
/* The running thread is over: go to another one, for good. */
_Noreturn void sim_finish(void);
/* Put a new thread among the runnable ones. */
void sim_start_thread(prim_thread *thread, int64_t at_ns);
/* The event hash starts from the seed. */
void sim_hash_init(uint64_t seed);
