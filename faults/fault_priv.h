/*
 * fault_priv.h: what gate.c, decide.c and fiu.c share.
 */
#pragma once

#include "faults/fault.h"
#include "runtime/mrt.h"
#include "runtime/watch/telemetry.h"

/* What a worker has done under one fault. A worker is one goroutine, except netpoll's, which any
 * thread may be, and the scheduler's, which several threads may be at once: there a burst is as exact as
 * their order. */
struct fault_worker {
	_Atomic uint32_t ordinal; /* eligible visits so far */
	_Atomic uint32_t burst_end; /* the last ordinal of the burst that began last */
	/* share << 32 | fired: of `times` it may fire so often (UINT32_MAX: no bound), and has. One word, so
	 * that a share that is taken away cannot be used any more. */
	_Atomic uint64_t taken;
};

static inline uint32_t fault_worker_fired(const struct fault_worker *w)
{
	/* Relaxed: of this worker, which is here. */
	return (uint32_t)atomic_load_explicit(&w->taken, memory_order_relaxed);
}

/* Numbers that an operator gave; kept until the faults are cleared, for visits may still read those
 * before. */
struct fault_edit {
	struct gcs_fault_spec spec;
	struct fault_edit *before;
};

/* Firings (or effects) written in one interval of the log: interval << 16 | count. */
struct fault_log {
	_Atomic uint64_t state;
};

struct fault {
	struct gcs_fault_spec spec; /* as loaded: what no edit changes is read here */
	const struct gcs_fault_spec *_Atomic now; /* spec, or that of the last edit */
	struct fault_edit *edits;   /* control thread: the last one */
	uint32_t nedits;
	uint32_t index;
	uint64_t salt;	  /* of the draws: seed, point, place among the faults of the point */
	const char *name; /* the point's: libfiu's name */
	_Atomic bool armed;
	_Atomic bool once;
	_Atomic uint32_t own_ppb; /* an operator's probability, plus one; 0: the spec's triggers hold */
	uint32_t occurrence; /* control thread */
	int8_t next;	     /* next fault on the same point, -1 none */
	struct fault_log fires, effects;
	struct fault_worker *worker; /* MRT_WORKER_MAX of them */
	struct fault_stacks *stacks; /* NULL: not kept */
	struct watch_fault *count;
};

/* What the fault's numbers are at this visit: read once a visit, and handed on. */
static inline const struct gcs_fault_spec *fault_now(const struct fault *f)
{
	/* Acquire: pairs with the release of gcs_fault_edit: who sees the edit sees its numbers. */
	return atomic_load_explicit(&f->now, memory_order_acquire);
}

/* ---- decide.c: the schedule, pure but for the counters it reads; s: fault_now of this visit */
/* Is this visit one that the fault is meant for? */
bool fault_matches(const struct gcs_fault_spec *s, const struct gcs_site *site);
/* Do after, nth, every, probability (or the operator's) and what is left of the share allow a firing? */
bool fault_schedule_holds(const struct fault *f, const struct gcs_fault_spec *s, uint32_t worker,
			  uint32_t ordinal);
/* Is the fault's nth eligible visit one that a sweep has chosen? */
bool fault_sweep_holds(const struct gcs_fault_spec *s, uint64_t nth);
/* Is it one of the firings of the run that is replayed? */
bool fault_replay_holds(const struct gcs_fault_spec *s, uint32_t worker, uint32_t ordinal);
/* Has an earlier firing taken this ordinal along, and is there a share left? */
bool fault_burst_holds(const struct fault *f, uint32_t worker, uint32_t ordinal);
/* This ordinal has fired by the schedule: the next ones go with it. */
void fault_burst_begin(struct fault *f, const struct gcs_fault_spec *s, uint32_t worker,
		       uint32_t ordinal);
/* Delay, doubled as often as its worker has fired before, with its jitter; of the same firing always
 * the same. */
int64_t fault_delay_ns(const struct fault *f, const struct gcs_fault_spec *s, uint32_t worker,
		       uint32_t ordinal, uint32_t fired);
uint64_t fault_salt(uint64_t seed, uint32_t point, uint32_t place);
/* Split what is left of `times` (0: no bound) among the workers, or among those of them that the
 * fault is bound to by goroutine. Nobody fires while it is being split. */
void fault_split(struct fault *f, uint64_t times, const uint32_t *worker, uint32_t nworkers);

/* ---- stacks.c */
struct fault_stacks *fault_stacks_create(void); /* NULL: no memory */
void fault_stacks_destroy(struct fault_stacks *s);
/* The caller's stack, at this eligible visit. Never waits. */
void fault_stacks_note(struct fault_stacks *s, uint64_t visit);
uint32_t fault_stacks_read(const struct fault_stacks *s, uint64_t *ret_first, uint64_t *ret_lost);

/* ---- fiu.c: libfiu as the engine under it */
/* What the callback needs, of the visit that the calling thread is in. */
struct fault_visit {
	struct fault *fault;
	struct fault_worker *worker;
	bool once;
	uint64_t id;
};
int fault_fiu_enable(const char *name);
void fault_fiu_disable(const char *name);
/* Ask libfiu; true: fire. Never yields. */
bool fault_fiu_ask(struct fault_visit *visit);
