/*
 * workload.h: drivers and what they share.
 *
 * A driver churns one kind of managed structure. One live structure is a unit: its managed part
 * hangs on one root, its model (what it must hold) lies outside the managed heap. Who owns a unit
 * performs its operations one at a time: a worker goroutine at its pace (crew.c), or the handlers
 * of a group of connections under a mutex (echo.c).
 *
 * An operation that gets -ENOMEM has changed nothing: the unit checks that at once, and the error
 * is counted. What contradicts the model is an integrity error; the run goes on.
 */
#pragma once

#include "runtime/mrt.h"
#include "runtime/watch/telemetry.h"
#include "workloads/plan.h"

enum work_integrity {
	WORK_MISSING = 1,    /* a key that must be there is not; expected: version */
	WORK_VALUE = 2,	     /* a value is not what was stored; expected, found: a word of it */
	WORK_UNEXPECTED = 3, /* a key or element that must not be there */
	WORK_COUNT = 4,	     /* the structure counts otherwise than the model */
	WORK_TWICE = 5,	     /* an iteration gave a key twice, or missed one */
	WORK_HEADER = 6,     /* length or capacity of a slice moved */
	WORK_HEAP = 7,	     /* the heap check found a broken invariant; found: its number */
	WORK_REPLY = 8,	     /* a reply that does not answer its request */
};

struct rates;

/* The run, as its workers see it. */
struct work_env {
	const struct plan *plan;
	struct mrt_telemetry *telemetry; /* NULL: none (tests) */
	int64_t t0_ns;			 /* written before the workers are let go */
	struct rates *rates;		 /* one a workload; NULL: nobody changes them */
	_Atomic bool stop;		 /* end the loops now */
	_Atomic uint64_t checked, integrity_errors;
	/* What the units of a workload share besides their parameters; the driver's own, by work_unit_options.workload. */
	mrt_mutex shared_lock;
	void *shared[PLAN_WORKLOADS_MAX];
	bool live_counted; /* when asked for (plan.h): after everything was let go */
	uint64_t live_bytes, live_objects;
	bool profiled; /* the heap profile's file is written, or could not be: profile_error */
	int profile_error;
};

struct work_driver;

/* The part of a unit that is the same for every driver; the driver's own structure begins with it.
 */
struct work_unit {
	const struct work_driver *driver;
	struct work_env *env;
	const struct plan_workload *w; /* whose parameters it has */
	uint32_t workload, worker;     /* for reports: who owns it */
	uint64_t rng;
	void *const *root;  /* where its owner keeps the managed root */
	int64_t error_slot; /* interval of the last reported -ENOMEM */
	uint32_t error_count, integrity_count;
};

struct work_unit_options {
	struct work_env *env;
	const struct plan_workload *w;
	uint32_t workload, worker;
	uint32_t share; /* keys and retain are split among so many units */
};

#define WORK_NEVER INT64_MAX

struct work_driver {
	const char *name, *about;
	/* Refuse parameters that make no sense: -EINVAL with a sentence. */
	int (*accept)(const struct plan_workload *w, char *text, size_t cap);
	bool served; /* by connections: none of the following */
	/* Make a unit and its managed part, filled to where the run starts from. *ret_root is a
	 * root slot of the caller. */
	int (*create)(mrt_g *g, const struct work_unit_options *opt, void **ret_root,
		      struct work_unit **ret);
	/* When the next operation is intended, ns from t0, never before the one before;
	 * WORK_NEVER: none comes any more. NULL: at the workload's rate. */
	int64_t (*due)(struct work_unit *unit);
	/* One operation. 0 or -ENOMEM. */
	int (*op)(mrt_g *g, struct work_unit *unit);
	/* Tell of the map at hand (look.h), between two operations, now and then. growths: that the unit's operations have begun so far.
	 * ret NULL: it is not this unit's that is told; what a map is told of that it shares with others goes there. No safepoint.
	 * NULL: there is no map. */
	void (*look)(struct work_unit *unit, const struct mrt_map_growths *growths, struct watch_map *ret);
	/* Compare everything with the model. */
	void (*verify)(mrt_g *g, struct work_unit *unit);
	void (*destroy)(struct work_unit *unit); /* the model; the managed part is garbage once its
						    root is gone */
};

extern const struct work_driver work_map_churn, work_slice_append, work_heap_follow, work_echo,
	work_sync_map;

/* NULL: there is no such driver. */
const struct work_driver *work_driver_by_name(const char *name);
/* All of them, NULL at the end. */
extern const struct work_driver *const work_drivers[];

void work_unit_init(struct work_unit *u, const struct work_driver *driver,
		    const struct work_unit_options *opt);
/* Report a contradiction: counted always, told up to a bound. */
void work_integrity(struct work_unit *u, enum work_integrity kind, uint64_t key, uint64_t expected,
		    uint64_t found);
/* Tell of an operation that failed, at most a few each 100 ms. */
void work_op_error(struct work_unit *u, int err, uint64_t key);
void work_checked(struct work_unit *u, uint64_t entries);

/* ---- content: every word is a function of what it belongs to */
static inline uint64_t work_mix(uint64_t x)
{
	x ^= x >> 30;
	x *= UINT64_C(0xbf58476d1ce4e5b9);
	x ^= x >> 27;
	x *= UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

static inline uint64_t work_word(uint64_t key, uint64_t version, uint64_t index)
{
	return work_mix(key ^ version * UINT64_C(0x9e3779b97f4a7c15) ^
			index * UINT64_C(0xd1342543de82ef95));
}

/* The unit's own random numbers. */
static inline uint64_t work_random(struct work_unit *u)
{
	u->rng += UINT64_C(0x9e3779b97f4a7c15);
	return work_mix(u->rng);
}

/* Below n, evenly. */
static inline uint64_t work_below(struct work_unit *u, uint64_t n)
{
	return (uint64_t)(((unsigned __int128)work_random(u) * n) >> 64);
}
