/*
 * plan.h: the `load` line of docs/control-protocol.md, parsed and laid out.
 *
 * The target and the load process parse the same line and so agree, without a word between them, on
 * worker ids, telemetry slots and descriptors: each is dealt out in the order of the workloads.
 */
#pragma once

#include "faults/fault.h"
#include "runtime/mrt.h"
#include "runtime/watch/telemetry.h"

#define PLAN_WORKLOADS_MAX   16u
#define PLAN_PHASES_MAX	     32u
#define PLAN_WINDOWS_MAX     256u
#define PLAN_WORKERS_MAX     2048u /* of one workload: goroutines or connections */
#define PLAN_NAME_BYTES	     64u
#define PLAN_URL_BYTES	     400u
#define PLAN_VALUE_BYTES_MAX (1u << 20)
#define PLAN_SIZE_BYTES_MAX  (UINT64_C(1) << 30)
#define PLAN_POINTERS	     50	   /* per cent, where the line does not say */
#define PLAN_FOLLOW_MAX	     8192u /* points of a curve */
#define PLAN_FIRST_CONN_FD   5 /* the heap profile's lies behind the last: plan_profile_fd */

enum plan_dist { PLAN_DIST_FIXED, PLAN_DIST_UNIFORM, PLAN_DIST_ZIPF };
struct plan_size {
	enum plan_dist dist;
	uint64_t min, max; /* bytes */
	uint32_t s_milli;  /* zipf: exponent in thousandths */
};

enum plan_key { PLAN_KEY_U64, PLAN_KEY_U32, PLAN_KEY_STRING, PLAN_KEY_BYTES32 };

enum plan_value {
	PLAN_VALUE_U64,
	PLAN_VALUE_INLINE,
	PLAN_VALUE_INDIRECT,
	PLAN_VALUE_PTR,
	PLAN_VALUE_POOLED /* as ptr; the objects come from a pool and go back to it */
};

/* heap-follow: what holds from at_ns on. Live bytes and rate change in a straight line from point to
 * point (two points at one time are a step); gogc and forced belong to the moment. */
struct plan_follow {
	int64_t at_ns; /* of the first point 0; never falling */
	uint64_t live, alloc_per_s;
	int gogc;    /* -1 off, 0 as before */
	bool forced; /* a collection by hand */
};

struct plan_workload {
	char id[PLAN_NAME_BYTES], driver[PLAN_NAME_BYTES];
	uint32_t index;
	uint32_t workers, conns; /* conns > 0: served by connections, workers is 0 */
	uint64_t rate;		 /* operations a second over all workers; 0: closed loop */
	uint64_t keys;
	enum plan_key key;
	enum plan_value value;
	uint32_t value_bytes;
	uint32_t mix_insert, mix_delete, mix_lookup, mix_range; /* per cent, together 100 */
	struct plan_size size;
	uint64_t retain;
	uint32_t renew; /* operations of a unit or connection between two renewals; 0: none */
	uint32_t pointers; /* heap-follow: per cent of the objects */
	uint32_t header; /* heap-follow: bytes that an object with pointers has besides where the runtime keeps its type before it; 0 on this one */
	struct plan_follow *follow; /* owned by the plan; NULL: no curve */
	uint32_t nfollow;
	char url[PLAN_URL_BYTES]; /* "": its connections are descriptors; else clients of a server outside, which make them themselves */
	int handler; /* index of the workload whose operation the connections perform; -1 */
	/* laid out */
	uint32_t first_id;   /* fault worker id of worker (or connection) 0 */
	uint32_t first_slot; /* of watch_ops: one a worker, one for all connections */
	int first_fd;
};

struct plan_window {
	int64_t start_ns, end_ns;
};

struct plan_fault {
	char id[PLAN_NAME_BYTES];
	struct plan_window *window;
	struct gcs_fired *fired; /* owned by the plan; its spec points to them */
	uint32_t nwindows;
};

struct plan {
	struct mrt_options runtime; /* telemetry not set */
	int64_t end_ns;
	bool count_live; /* when everything is let go: what is still live? */
	struct plan_window phase[PLAN_PHASES_MAX];
	uint32_t nphases;
	struct plan_workload workload[PLAN_WORKLOADS_MAX];
	uint32_t nworkloads;
	struct plan_fault fault[WATCH_FAULTS_MAX];
	struct gcs_fault_spec spec[WATCH_FAULTS_MAX];
	uint32_t nfaults;
	uint32_t nworkers, nconns, nslots; /* over all workloads; nworkers counts connections too, nconns those that are descriptors */
};

/* 0; -EINVAL with one sentence in text; -ENOMEM. */
int plan_parse(struct plan **ret, const char *line, char *text, size_t cap);
void plan_destroy(struct plan *plan);

/* Where the heap profile goes, when there is a rate: behind the connections, which a simulated target has none of. */
static inline int plan_profile_fd(const struct plan *p, bool sim)
{
	return PLAN_FIRST_CONN_FD + (sim ? 0 : (int)p->nconns);
}

/* Goroutines of a workload: its workers, or one a connection. */
static inline uint32_t plan_goroutines(const struct plan_workload *w)
{
	return w->conns > 0 ? w->conns : w->workers;
}
