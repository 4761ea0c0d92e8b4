/*
 * fault_priv.h: what gate.c, decide.c and fiu.c share.
 */
#pragma once

#include "faults/fault.h"
#include "runtime/mrt.h"
#include "runtime/watch/telemetry.h"

/* What a worker has done under one fault. A worker is one goroutine, except netpoll's, which any
 * thread may be. */
struct fault_worker {
	_Atomic uint32_t ordinal; /* eligible visits so far */
	_Atomic uint32_t fired;
	uint32_t share; /* of `times`; UINT32_MAX: no bound */
};

/* Firings (or effects) written in one interval of the log: interval << 16 | count. */
struct fault_log {
	_Atomic uint64_t state;
};

struct fault {
	struct gcs_fault_spec spec;
	uint32_t index;
	uint64_t salt;	  /* of the draws: seed, point, place among the faults of the point */
	const char *name; /* the point's: libfiu's name */
	_Atomic bool armed;
	_Atomic bool once;
	uint32_t occurrence; /* control thread */
	int8_t next;	     /* next fault on the same point, -1 none */
	struct fault_log fires, effects;
	struct fault_worker *worker; /* MRT_WORKER_MAX of them */
	struct watch_fault *count;
};

/* ---- decide.c: the schedule, pure but for the counters it reads */
/* Do nth, every, probability and what is left of the share allow a firing? */
bool fault_schedule_holds(const struct fault *f, uint32_t worker, uint32_t ordinal);
/* Delay with its jitter, of the same firing always the same. */
int64_t fault_delay_ns(const struct fault *f, uint32_t worker, uint32_t ordinal);
uint64_t fault_salt(uint64_t seed, uint32_t point, uint32_t place);
/* Split `times` among the workers. */
void fault_split(struct fault *f, const uint32_t *worker, uint32_t nworkers);

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
