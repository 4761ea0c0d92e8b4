/*
 * mrt.h: the managed runtime, as a workload sees it.  The only header that
 * workloads include from runtime/.
 *
 * Go's semantics in C: goroutines, a concurrent collector, maps and slices
 * that grow, park and move as Go's do.  One runtime lives in a process at a
 * time (mrt_run ... return).
 *
 * The contract of precise roots.  The collector knows a goroutine's pointers
 * only through the frames it registered (MRT_ROOTS) and the pins of the
 * operation it is inside.  A managed pointer held anywhere else is stale
 * after the next safepoint.  Safepoints are: every function below that takes
 * an mrt_g, unless its comment says "no safepoint".
 *
 * Every heap pointer store goes through mrt_store().  Slots of a root frame
 * are plain C variables: assign them directly.
 *
 * Errors: 0 or -errno.  Under the `return` policy an operation that gets no
 * memory returns -ENOMEM and has changed nothing that the program can see.
 */
#pragma once

#include "faults/gate.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --------------------------------------------------------------- goroutines */

/* A frame of roots: `count` consecutive pointer words. Linked from the goroutine. */
struct mrt_frame {
	struct mrt_frame *up;
	void **slots;
	size_t count;
	struct mrt_g *g;
};

/* The part of a goroutine that inline code may touch; the rest is sched's. */
typedef struct mrt_g {
	struct mrt_frame *frames;    /* innermost first; written by this goroutine only */
	const _Atomic uint32_t *poll; /* its P's poll word: non-zero asks for a safepoint */
} mrt_g;

static inline struct mrt_frame mrt_frame_init(mrt_g *g, void **slots, size_t count)
{
	return (struct mrt_frame){.up = g->frames, .slots = slots, .count = count, .g = g};
}
/* The asm hides that the frame is a local: gcc 12 does not see that the cleanup takes it off again (-Wdangling-pointer). */
static inline void mrt_frame_push(struct mrt_frame *frame)
{
	struct mrt_frame *hidden = frame;

	__asm__("" : "+r"(hidden));
	frame->g->frames = hidden;
}
static inline void mrt_frame_pop(struct mrt_frame *frame) { frame->g->frames = frame->up; }

/* Declares `void *name[n]`, all NULL, as roots until the scope ends. */
#define MRT_ROOTS(gp, name, n)                                                                  \
	void *name[n] = {0};                                                                    \
	MRT_ROOT_SLOTS(gp, name##_frame, name, n)
/* Makes n existing consecutive pointer words roots until the scope ends. */
#define MRT_ROOT_SLOTS(gp, frame_name, first, n)                                                \
	struct mrt_frame frame_name __attribute__((cleanup(mrt_frame_pop))) =                   \
		mrt_frame_init((gp), (void **)(first), (n));                                    \
	mrt_frame_push(&frame_name)

typedef void mrt_go_fn(mrt_g *g, void *arg);

struct mrt_go_options {
	const char *name;     /* for people; kept by pointer */
	uint32_t worker;      /* fault worker id, MRT_WORKER_FIRST..; 0: next free one */
	uint16_t driver;      /* telemetry/match: index of the workload, 0xffff none */
	bool system;          /* not a mutator of the workload: never under mem/ faults */
	size_t stack_bytes;   /* rounded up to a power of two of at least 16 KiB; 0: 64 KiB */
};

/* Fixed worker ids of system goroutines and threads (faults/DESIGN §4). */
enum {
	MRT_WORKER_NONE = 0,
	MRT_WORKER_MAIN = 1,
	MRT_WORKER_NETPOLL = 2,
	MRT_WORKER_SYSMON = 3,
	MRT_WORKER_SWEEPER = 4,
	MRT_WORKER_CONTROL = 5,
	MRT_WORKER_GC = 6, /* points of the collector that one goroutine at a time visits, whoever it is */
	MRT_WORKER_SYSCALL = 7, /* all system calls of the target: os/ */
	MRT_WORKER_SCHED = 8, /* the scheduler, on any thread, when it works for no goroutine */
	MRT_WORKER_SCAVENGER = 9, /* and whoever else gives pages back: mem/os_release */
	MRT_WORKER_MARK0 = 16, /* + P id */
	MRT_WORKER_FIRST = 128, /* goroutines of workloads */
	MRT_WORKER_MAX = 4096
};

/* Start a goroutine. g NULL: from a thread without one; the run does not end before the call has. -EINVAL: there is no such worker. -ENOMEM: no memory for it or its
 * stack, nothing has been started (under `throw` that ends the process).
 *
 * How many: as many as there is memory for, a page or two of each parked one; of address space each takes its stack and
 * 4 to 8 KiB more (the simulation has 64 GiB). Stacks do not grow. An overflow ends the process in Go's words, with the
 * goroutine's number and name: at once for the first 16000, and for all where the kernel has guard markers (Linux 6.13);
 * else when it next parks, ends or is scanned (runtime/prim/prim.h). A hundred thousand is tested. */
int mrt_go(mrt_g *g, mrt_go_fn *fn, void *arg, const struct mrt_go_options *opt);
void mrt_yield(mrt_g *g);
void mrt_sleep_until(mrt_g *g, int64_t deadline_ns);
int64_t mrt_now_ns(void); /* no safepoint */
uint32_t mrt_worker(const mrt_g *g);
/* A safepoint for loops that make no runtime call. */
void mrt_safepoint_slow(mrt_g *g);
#if defined(MRT_SIM) && MRT_SIM
static inline void mrt_safepoint(mrt_g *g) { mrt_safepoint_slow(g); }
#else
static inline void mrt_safepoint(mrt_g *g)
{
	uint32_t why = atomic_load_explicit(g->poll, memory_order_relaxed);

#if GCS_FAULTS
	/* The gate of sched/preempt, in the same branch. */
	why |= atomic_load_explicit(&gcs_gates[GCS_POINT_sched_preempt], memory_order_relaxed);
#endif
	if (__builtin_expect(why != 0, 0))
		mrt_safepoint_slow(g);
}
#endif
/* Bracket a blocking system call: the P is handed off; no managed access between. */
void mrt_block_enter(mrt_g *g);
void mrt_block_exit(mrt_g *g);

/* Go's Mutex (sync/mutex.go). A free one is up for grabs, even when goroutines wait: those are woken first come, first served, and
 * compete. One that has waited for more than 1 ms and loses has the mutex handed to those that wait, in their order, until the last of
 * them, or one that has waited for less, has it; an unlock that hands it over lets the receiver run first. Zero is valid. Any
 * goroutine may unlock; its memory is needed until the last unlock has returned. Unlocking a free one ends the process with Go's text,
 * exit status 2. */
typedef struct mrt_sema { /* part of it; goroutines that wait, and permits (runtime/sema.go) */
	uint32_t permits;
	_Atomic uint32_t guard;
	void *head, *tail;
} mrt_sema;
enum mrt_mutex_state {
	MRT_MUTEX_LOCKED = 1,
	MRT_MUTEX_WOKEN = 2,	/* somebody is on the way: an unlock wakes nobody */
	MRT_MUTEX_STARVING = 4, /* it is handed over; without LOCKED: on the way to its receiver */
	MRT_MUTEX_WAITER = 8	/* each that waits; the count is the upper bits */
};
typedef struct mrt_mutex {
	_Atomic uint32_t state; /* for checks and tests */
	mrt_sema sema;
} mrt_mutex;
void mrt_lock(mrt_g *g, mrt_mutex *m);
bool mrt_try_lock(mrt_g *g, mrt_mutex *m); /* no safepoint */
void mrt_unlock(mrt_g *g, mrt_mutex *m);

/* Go's RWMutex (sync/rwmutex.go): readers share, a writer excludes. A writer that waits holds back every reader that comes
 * after it; its unlock lets in all readers that wait, before the next writer. Not recursive: not even for reading, as a writer may
 * come in between. Zero is valid; outside the managed heap; its memory is needed until the last unlock has returned. An unlock without
 * its lock ends the process with Go's text, exit status 2. At most 2^30 readers at a time. */
typedef struct mrt_rwmutex {
	mrt_mutex w; /* held by the writer that waits or writes */
	mrt_sema writer_sema, reader_sema;
	_Atomic int32_t reader_count; /* reading or waiting; 2^30 less while there is a writer */
	_Atomic int32_t reader_wait;  /* readers that the writer waits for */
} mrt_rwmutex;
void mrt_rw_rlock(mrt_g *g, mrt_rwmutex *rw);
bool mrt_rw_try_rlock(mrt_g *g, mrt_rwmutex *rw); /* no safepoint */
void mrt_rw_runlock(mrt_g *g, mrt_rwmutex *rw);	  /* no safepoint */
void mrt_rw_lock(mrt_g *g, mrt_rwmutex *rw);
bool mrt_rw_try_lock(mrt_g *g, mrt_rwmutex *rw);
void mrt_rw_unlock(mrt_g *g, mrt_rwmutex *rw);

/* A wait group. Zero is valid. */
typedef struct mrt_wg {
	_Atomic int64_t count;
	void *waiter;
	_Atomic uint32_t guard;
} mrt_wg;
void mrt_wg_add(mrt_wg *wg, int64_t n); /* no safepoint */
void mrt_wg_done(mrt_g *g, mrt_wg *wg);
void mrt_wg_wait(mrt_g *g, mrt_wg *wg); /* one waiter */

/* -------------------------------------------------------------- connections */

struct prim_conn;
typedef struct mrt_conn mrt_conn;
/* -errno: the poller does not take it (netpoll/register too); conn stays the caller's, nothing is kept. */
int mrt_conn_open(mrt_g *g, struct prim_conn *conn, mrt_conn **ret_conn);
/* Off the poller and registered anew, as a connection is that another poller takes over; what is ready is told of again. While nobody
 * reads or writes. -errno: it is off the poller, and whoever waited on it would wait in vain: renew it again, or close it; -ECANCELED: closed. */
int mrt_conn_renew(mrt_g *g, mrt_conn *c);
/* Park until something is there. >0 bytes, 0 end of stream, -errno; -ECANCELED after close. */
int64_t mrt_conn_read(mrt_g *g, mrt_conn *c, void *buf, size_t bytes);
int64_t mrt_conn_write_all(mrt_g *g, mrt_conn *c, const void *buf, size_t bytes);
/* Wakes a parked reader; may be called by any goroutine. Memory is freed at mrt_run's end. */
void mrt_conn_close(mrt_g *g, mrt_conn *c);
/* Nanoseconds from "the poller saw it ready" to "the goroutine ran", of the last read that parked; 0 if it did not. */
int64_t mrt_conn_wake_lag_ns(const mrt_conn *c);

/* ------------------------------------------------------------------- memory */

/* Layout of an object: bit i of ptrmask says that word i is a pointer.
 * ptr_words is the number of words up to and including the last pointer (0: noscan).
 * Objects are aligned to 8 bytes; those below 16 bytes without pointers, which share blocks (malloc.go, the
 * tiny allocator), to 8, 4 or 2 if their size is divisible by it. Static storage or lifetime of the runtime. */
struct mrt_type {
	const char *name;
	size_t size;
	uint32_t ptr_words;
	const uint64_t *ptrmask;
};

/* Zeroed memory for one object, or n consecutive ones. *ret is written last,
 * untouched on failure; it should be a root slot. -ENOMEM; -EOVERFLOW. */
int mrt_new(mrt_g *g, const struct mrt_type *type, void **ret);
int mrt_new_array(mrt_g *g, const struct mrt_type *type, size_t n, void **ret);

/* The one pointer store: gate, hybrid barrier (mbarrier.go), relaxed atomic
 * store. A safepoint only when a forced GC fires (treat it as one). `slot` lies in
 * a heap object or a registered global. */
void mrt_store(mrt_g *g, void **slot, void *value);
/* atomic.Pointer's CompareAndSwap: as mrt_store, if *slot is `expected`; false: it was not, and nothing has changed. Acquire and
 * release. A safepoint when a forced GC fires. */
bool mrt_cas(mrt_g *g, void **slot, void *expected, void *value);
static inline void *mrt_load(void *const *slot)
{
	return __atomic_load_n(slot, __ATOMIC_RELAXED);
}

/* Global roots: n consecutive words outside the heap; stores through mrt_store. */
int mrt_globals_add(void **first, size_t n);
void mrt_globals_remove(void **first);

/* ---------------------------------------------------------------- collector */

void mrt_gc(mrt_g *g); /* runtime.GC: a whole cycle including its sweep, forced */
/* debug.FreeOSMemory: mrt_gc, and then all that is free goes back to the system, as far as that takes it. */
void mrt_free_os_memory(mrt_g *g);
void mrt_set_gogc(mrt_g *g, int percent); /* negative: off */

/* MemStats (mstats.go); every field has Go's meaning and its invariants hold. Times are mrt_now_ns's. by_size: the
 * classes 0 to 60, without large objects; size 0: class 0, which is none. */
#define MRT_MEMSTATS_SIZES 61
struct mrt_memstats {
	uint64_t alloc, total_alloc, sys, lookups, mallocs, frees;
	uint64_t heap_alloc, heap_sys, heap_idle, heap_inuse, heap_released, heap_objects;
	uint64_t stack_inuse, stack_sys, mspan_inuse, mspan_sys, mcache_inuse, mcache_sys;
	uint64_t buck_hash_sys, gc_sys, other_sys;
	uint64_t next_gc, last_gc_ns, pause_total_ns;
	uint64_t pause_ns[256], pause_end[256]; /* of the cycle n at n % 256, the first is 0 */
	uint32_t num_gc, num_forced_gc;
	double gc_cpu_fraction;
	bool enable_gc, debug_gc; /* always true, always false */
	struct {
		uint32_t size;
		uint64_t mallocs, frees;
	} by_size[MRT_MEMSTATS_SIZES];
};
/* Stops the world and empties every P's cache. */
void mrt_memstats_read(mrt_g *g, struct mrt_memstats *ret);

/* runtime/metrics, by Go's names (runtime/watch/metrics.def has them all). */
enum mrt_metric_kind { MRT_METRIC_BAD, MRT_METRIC_UINT64, MRT_METRIC_FLOAT64, MRT_METRIC_HISTOGRAM };
struct mrt_metric {
	const char *name; /* with its unit: /gc/heap/goal:bytes */
	enum mrt_metric_kind kind;
	bool cumulative;
	int since;	 /* Go 1.since; 19: or earlier */
	const char *how; /* what it is reckoned from, for people */
};
extern const struct mrt_metric mrt_metrics[]; /* by name */
extern const size_t mrt_metrics_count;

#define MRT_METRIC_CELLS_MAX 721 /* of a histogram */
struct mrt_metric_sample {
	const char *name;	   /* in */
	uint64_t *count;	   /* in: of a histogram, room for MRT_METRIC_CELLS_MAX; or NULL */
	enum mrt_metric_kind kind; /* BAD: there is no such metric; else the one of these that is written */
	uint64_t u64;
	double f64;
	/* Cell i counts what is not below bound[i] and below bound[i + 1]. The bounds stay as they are. */
	uint32_t cells;
	const double *bound;
};
/* All of one moment: stops the world. */
void mrt_metrics_read(mrt_g *g, struct mrt_metric_sample *samples, size_t n);

/* The heap profile (mrt_options.heap_profile_rate), as of the end of a mark phase one or two cycles ago, or of the last
 * mrt_gc: pprof's protobuf, gzipped. `write` takes it in pieces: 0, or -errno, which ends it and is returned. While the
 * runtime runs, any thread, no safepoint. -ENOTSUP: the rate is 0; -ENOMEM. Functions have their names if the
 * program can be read, now or when prim_program_keep was called. */
#define MRT_HEAP_PROFILE_RATE 524288 /* Go's */
int mrt_heap_profile_write(int (*write)(void *arg, const void *data, size_t bytes), void *arg);
/* Samples that found no memory for their record. */
uint64_t mrt_heap_profile_dropped(void);

/* Walk everything (spans, bits, colours, map invariants). 0, or the number of
 * the first broken invariant with its text. Stops the world. */
int mrt_heap_check(mrt_g *g, char *text, size_t cap);

/* --------------------------------------------------------------------- maps */

/* Of the integer kinds the number is the width. */
enum mrt_key {
	MRT_KEY_MEMORY = 1, /* equal if the bytes are: arrays, structs without padding, pointers */
	MRT_KEY_STRING = 2, /* struct mrt_string */
	MRT_KEY_U32 = 4,
	MRT_KEY_F32 = 5, /* +0 == -0, NaN != NaN (alg.go: f32hash, f64hash) */
	MRT_KEY_F64 = 6,
	MRT_KEY_CUSTOM = 7, /* hash and equal functions */
	MRT_KEY_U64 = 8
};

/* A string: data in the managed heap (then rooted like any pointer; it may point into an object) or static. */
struct mrt_string {
	const char *data;
	size_t bytes;
};

/* What a map must know of its keys; layout, hash and equal live as long as the type. */
struct mrt_key_type {
	enum mrt_key kind;
	const struct mrt_type *layout; /* MEMORY, CUSTOM: size and pointers of a key; else NULL */
	/* CUSTOM: equal keys have equal hashes (mrt_hash_*); no safepoint, and the heap check calls them too. */
	uint64_t (*hash)(const void *key, uint64_t seed);
	bool (*equal)(const void *a, const void *b);
	bool irreflexive; /* CUSTOM: a key may differ from itself, as one with a NaN in it does (not reflexivekey) */
	bool update;      /* CUSTOM: equal keys may look different: an update stores the new one (needkeyupdate) */
};

/* Parts of a CUSTOM key's hash, chained through the seed. A NaN's is another each time. */
uint64_t mrt_hash_memory(const void *p, size_t bytes, uint64_t seed);
uint64_t mrt_hash_string(const struct mrt_string *s, uint64_t seed);
uint64_t mrt_hash_f32(float f, uint64_t seed);
uint64_t mrt_hash_f64(double f, uint64_t seed);

/* A map's type: the layout of its buckets (reflectdata MapBucketType), computed by init. Keys and elements above 128 bytes
 * lie in objects of their own. */
struct mrt_map_type {
	enum mrt_key key;
	const struct mrt_type *elem;
	/* computed */
	uint32_t slot_bytes;    /* of an element: 8 or its size */
	uint32_t key_bytes;     /* of a key's slot likewise */
	uint32_t bucket_bytes;
	bool indirect, key_indirect;  /* > 128 bytes: slot holds a pointer */
	bool has_pointers;      /* a bucket has, in keys or elements */
	uint16_t shape;         /* data/map_type.c's number for all that */
	const struct mrt_type *key_layout;
	const struct mrt_type *key_slot, *elem_slot; /* what lies in the bucket: the thing itself, or a pointer to it */
	struct mrt_type bucket; /* descriptor handed to the allocator */
	uint64_t bucket_mask[32];
};
/* Integer keys. -EINVAL: no such key, or pointers in a size that is no multiple of 8; -ENOSPC: too many different layouts in
 * one process (MAP_SHAPES_MAX). No safepoint; from any thread. */
int mrt_map_type_init(struct mrt_map_type *mt, enum mrt_key key, const struct mrt_type *elem);
/* Any keys. The same. */
int mrt_map_type_init_key(struct mrt_map_type *mt, const struct mrt_key_type *key, const struct mrt_type *elem);

typedef struct mrt_map mrt_map; /* a managed object */

/*
 * A map has one writer, or any number of readers: callers lock. Who breaks that is told so where the map can see it, as in Go, best
 * effort: "fatal error: concurrent map writes", "concurrent map read and map write", "concurrent map iteration and map write", exit 2.
 */
/* hint <= 0: like make(map) */
int mrt_map_new(mrt_g *g, const struct mrt_map_type *mt, int64_t hint, void **ret_map);
/* Copies `elem` (elem->size bytes) in; pointer words with the barrier. New key
 * or update. -ENOMEM: unchanged. */
int mrt_map_put(mrt_g *g, const struct mrt_map_type *mt, mrt_map *m, uint64_t key, const void *elem);
/* Pointer to the element or NULL; valid until the next safepoint. No safepoint. */
const void *mrt_map_get(mrt_g *g, const struct mrt_map_type *mt, mrt_map *m, uint64_t key);
/* Never fails. true if the key was there. */
bool mrt_map_delete(mrt_g *g, const struct mrt_map_type *mt, mrt_map *m, uint64_t key);
/* The same for keys of every kind, by address (those above are for integers). Pointers in key and elem are rooted by the caller;
 * neither lies in the map itself. */
int mrt_map_put_key(mrt_g *g, const struct mrt_map_type *mt, mrt_map *m, const void *key, const void *elem);
const void *mrt_map_get_key(mrt_g *g, const struct mrt_map_type *mt, mrt_map *m, const void *key);
bool mrt_map_delete_key(mrt_g *g, const struct mrt_map_type *mt, mrt_map *m, const void *key);
uint64_t mrt_map_count(const mrt_map *m);
int mrt_map_clear(mrt_g *g, const struct mrt_map_type *mt, mrt_map *m);

struct mrt_map_info {
	uint64_t count;
	uint8_t b;
	uint32_t overflow;
	bool growing, same_size;
	uint64_t evacuated, old_buckets;
	uint64_t load_milli;   /* entries a bucket of the current array, times 1000; growth doubles above 6500 */
	uint64_t bucket_bytes; /* of the arrays, old and new, and of the current one's overflow buckets outside it */
};
/* No safepoint, and no lock: while another goroutine works on the map, too (the caller keeps the map alive). Then the fields need not
 * belong to one moment: each was true at some time during the call. */
void mrt_map_inspect(const mrt_map *m, struct mrt_map_info *ret);
/* Growths that g, the caller, has begun since it was started, whatever map it was: to twice as many buckets; to as many. */
struct mrt_map_growths { uint64_t doubled, same_size; };
void mrt_map_growths(const mrt_g *g, struct mrt_map_growths *ret);

/* Randomised iteration that survives growth (map.go mapiterinit/next). The
 * iterator registers its own root frame: strictly nested scopes, fini in every way out. */
struct mrt_map_iter {
	struct mrt_frame frame;
	void *roots[5];         /* map, buckets, current bucket, overflow lists */
	const struct mrt_map_type *mt;
	uint64_t start_bucket, bucket, check_bucket;
	uint32_t seed;          /* of the map, when it was last looked at */
	uint8_t b, offset, i;
	bool wrapped, emptied, done;
	/* the current entry */
	uint64_t key;           /* integer kinds; else 0 */
	const void *key_ptr;    /* every kind; like elem */
	const void *elem;       /* valid until the next safepoint */
};
void mrt_map_iter_init(mrt_g *g, const struct mrt_map_type *mt, mrt_map *m, struct mrt_map_iter *it);
bool mrt_map_iter_next(mrt_g *g, struct mrt_map_iter *it);
void mrt_map_iter_fini(struct mrt_map_iter *it);
#define MRT_MAP_ITER(gp, mt, m, name)                                                           \
	struct mrt_map_iter name __attribute__((cleanup(mrt_map_iter_fini)));                   \
	mrt_map_iter_init((gp), (mt), (m), &name)

/* ----------------------------------------------------------------- sync.Map */

/*
 * Go's sync.Map up to 1.23 (sync/map.go): a map for many readers. Keys are integers, a value is a managed pointer that is not NULL. Any
 * number of goroutines at a time; the map and a value handed in must be rooted by the caller. Every call is a safepoint. A value that
 * is returned must be rooted before the next one.
 *
 * Look-up, update and deletion of a key that the `read` part has take no lock. What it lacks is looked up under a lock in the `dirty`
 * part, which takes its place when as many have missed as it has keys; the first new key after that makes another one, of all that
 * is not deleted. Only what may bring a new key can be refused memory: store, swap, load_or_store.
 */
typedef struct mrt_sync_map mrt_sync_map; /* a managed object */

int mrt_sync_map_new(mrt_g *g, void **ret_map);
/* NULL: the key is not there. */
void *mrt_sync_map_load(mrt_g *g, mrt_sync_map *m, uint64_t key);
/* -EINVAL: no value. -ENOMEM: unchanged. */
int mrt_sync_map_store(mrt_g *g, mrt_sync_map *m, uint64_t key, void *value);
/* As mrt_sync_map_store; what the key had before into the root slot *ret_previous, NULL: nothing. Go 1.20. */
int mrt_sync_map_swap(mrt_g *g, mrt_sync_map *m, uint64_t key, void *value, void **ret_previous);
/* The key's value, or `value`, which is stored, into the root slot *ret_actual. As mrt_sync_map_store. */
int mrt_sync_map_load_or_store(mrt_g *g, mrt_sync_map *m, uint64_t key, void *value, void **ret_actual,
			       bool *ret_loaded);
/* What was there; NULL: nothing. Delete is the same. */
void *mrt_sync_map_load_and_delete(mrt_g *g, mrt_sync_map *m, uint64_t key);
/* If the key has `old`, this very pointer, it gets `value`, or is deleted; true: it had. NULL, of either, is no value: false. Both are rooted
 * by the caller. Go 1.20. */
bool mrt_sync_map_compare_and_swap(mrt_g *g, mrt_sync_map *m, uint64_t key, void *old, void *value);
bool mrt_sync_map_compare_and_delete(mrt_g *g, mrt_sync_map *m, uint64_t key, void *old);
/* Deletes all keys; the dirty part keeps its buckets. Go 1.23. */
void mrt_sync_map_clear(mrt_g *g, mrt_sync_map *m);
/* Each key at most once; no snapshot: what others store or delete meanwhile is seen or not. The value is rooted while fn runs, which
 * may use the map; false ends. */
void mrt_sync_map_range(mrt_g *g, mrt_sync_map *m,
			bool (*fn)(mrt_g *g, uint64_t key, void *value, void *arg), void *arg);

/* Taken under the lock; entries may change meanwhile. deleted: entries of read that are nil; expunged: and are not in dirty. */
struct mrt_sync_map_info { bool amended; uint64_t misses, read_len, dirty_len, deleted, expunged; };
void mrt_sync_map_inspect(mrt_g *g, mrt_sync_map *m, struct mrt_sync_map_info *ret);
/* The same without the lock and without a walk, as mrt_map_inspect: no safepoint, no step of the simulation, and no common moment. Of read
 * and dirty what mrt_map_inspect tells of a map; keys of read may be deleted. */
struct mrt_sync_map_parts { bool amended; uint64_t misses; struct mrt_map_info read, dirty; };
void mrt_sync_map_look(mrt_sync_map *m, struct mrt_sync_map_parts *ret);

/* ---------------------------------------------------------------- sync.Pool */

/*
 * Go's sync.Pool (sync/pool.go, sync/poolqueue.go): objects that are free until a collection takes them. Each P has a private one and
 * a queue that others steal from. A cycle's first stop makes what is there the victim cache, and lets the last victim cache go: an
 * object that nobody gets lives through one collection and dies in the second.
 *
 * A pool lies outside the managed heap and is initialised and ended by a goroutine, within one run. Any number of goroutines at a time.
 */
/* An object for a pool that has none, into the root slot *ret. 0, or -errno, which is the answer of mrt_pool_get. */
typedef int mrt_pool_new_fn(mrt_g *g, void *arg, void **ret);
typedef struct mrt_pool {
	void *caches[2]; /* managed: of this cycle; victim. Roots: globals */
	_Atomic uint32_t victim_left; /* 0: nothing is left in the victim cache */
	mrt_pool_new_fn *fresh; /* NULL: none */
	void *arg;
	struct mrt_pool *next; /* all pools */
} mrt_pool;

int mrt_pool_init(mrt_g *g, mrt_pool *pool, mrt_pool_new_fn *fresh, void *arg); /* -ENOMEM: too many globals. No safepoint */
void mrt_pool_fini(mrt_g *g, mrt_pool *pool);	 /* forgets what is in it. No safepoint */
/* obj may be handed out again, at once; it is rooted by the caller. NULL: nothing. -ENOMEM: not taken, the pool is as before. */
int mrt_pool_put(mrt_g *g, mrt_pool *pool, void *obj);
/* *ret, a root slot: an object, whoever put it; NULL: there is none, and no function to make one. -ENOMEM, or what that function
 * answers: *ret is as before. */
int mrt_pool_get(mrt_g *g, mrt_pool *pool, void **ret);

/* What is in it, world stopped: objects of this cycle's cache, of the victim cache, and queues of both. */
struct mrt_pool_info { uint64_t fresh, victim, queues; uint32_t queue_cap_max; };
void mrt_pool_inspect(mrt_g *g, mrt_pool *pool, struct mrt_pool_info *ret);

/* ------------------------------------------------------------------- slices */

/* `array` must be rooted (MRT_ROOT_SLOTS on it) or lie in a heap object. */
struct mrt_slice {
	void *array;
	size_t len, cap;
};
/* make([]T, len, cap). -EINVAL: len above cap; -EOVERFLOW: cap elements are more than an address space holds; -ENOMEM. */
int mrt_slice_make(mrt_g *g, const struct mrt_type *elem, size_t len, size_t cap, struct mrt_slice *ret);
/* append(s, elems...): copies n elements; grows by growslice's rule. -ENOMEM; -EOVERFLOW where growslice panics (len out of range): `s` unchanged. */
int mrt_append(mrt_g *g, const struct mrt_type *elem, struct mrt_slice *s, const void *elems, size_t n);
/* s[lo:hi:max]; no allocation, no safepoint; -EINVAL out of range. `ret` may be `s`. Stored with the barrier. */
int mrt_slice_sub(mrt_g *g, const struct mrt_type *elem, const struct mrt_slice *s, size_t lo, size_t hi,
		  size_t max, struct mrt_slice *ret);
/* copy(dst, src): as many as both have, whichever way they overlap. The number. */
int64_t mrt_slice_copy(mrt_g *g, const struct mrt_type *elem, struct mrt_slice *dst, const struct mrt_slice *src);

/* How many bytes an array of a grown slice, or of a map's buckets, has: roundupsize (msize.go), which changed with Go 1.22. */
enum mrt_rounding {
	MRT_ROUNDING_1_19, /* up to 32768 bytes a size class, above whole pages of 8 KiB; 1.18 to 1.21 */
	MRT_ROUNDING_1_22  /* with pointers and above 512 bytes, 8 bytes of the class are a header that the array cannot use */
};
/* What growslice looks at besides the numbers. */
struct mrt_growth {
	size_t elem_bytes;
	bool noscan; /* the elements have no pointers */
	enum mrt_rounding rounding;
};
/* The capacity growslice gives (slice.go) when append needs `need` elements and there is room for old_cap; 0: Go panics, append's answer is
 * -EOVERFLOW. A function of its arguments; for who reckons with sizes, as tests do and the heap-follow driver. */
size_t mrt_slice_next_cap(struct mrt_growth of, size_t old_cap, size_t need);

/* ------------------------------------------------------------------ running */

enum mrt_oom { MRT_OOM_RETURN, MRT_OOM_THROW };
enum mrt_pacer { MRT_PACER_1_21, MRT_PACER_1_19 }; /* whose rules: of 1.21 to 1.26, or of 1.19 */

struct mrt_telemetry; /* runtime/watch/telemetry.h */

struct mrt_options {
	uint32_t procs;          /* Ps, 1..64; 0: prim_ncpu() */
	int gogc;                /* percent, negative off; 0 means 100 */
	uint64_t memlimit;       /* 0: none */
	uint64_t heap_profile_rate; /* MemProfileRate: bytes; 1: every allocation; 0: no profile */
	enum mrt_oom oom;
	enum mrt_rounding rounding; /* of grown slices and bucket arrays */
	uint64_t seed;           /* hash seeds, steal order, iteration start; 0: random */
	size_t heap_reserve;     /* address space; 0: 64 GiB */
	enum mrt_pacer pacer;
	bool gctrace;            /* Go's line on stderr each cycle */
	bool pacertrace;         /* and those of gcpacertrace=1 */
	bool scavtrace;          /* and those of scavtrace=1 */
	/* stress switches */
	uint64_t gc_every;       /* start a GC at every nth allocation; 0 off */
	bool clobber;            /* freed memory is overwritten with 0xdeadbeef words at sweep */
	bool check_edges;        /* heap check at each phase edge; dies naming the broken invariant */
	struct mrt_telemetry *telemetry; /* NULL: none */
};

/* Start the runtime on the calling thread (prim_init done), run fn as the main
 * goroutine, stop everything when it returns, give all memory back. Remaining
 * goroutines must have ended (-EBUSY otherwise, after the main returned). */
int mrt_run(const struct mrt_options *opt, mrt_go_fn *fn, void *arg);
