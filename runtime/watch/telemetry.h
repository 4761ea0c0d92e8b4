/*
 * telemetry.h: the shared memory between a target and the harness: layout and writing side.
 *
 * One memfd, made by the harness. Header, gauges, one single-producer ring a P, one many-producer ring for threads without a P,
 * one histogram a worker slot. Records have 64 bytes; a full ring drops the record and counts it (real); in the
 * simulation the writer waits for the reader in real time, so that nothing is lost and the virtual
 * run is untouched. A Go agent mirrors this layout (later): change it with WATCH_VERSION.
 *
 * Ring: head is written by the producer (release), tail by the reader (release); each reads the other's with acquire.
 */
#pragma once

#include "runtime/watch/hist.h"

#include <stdbool.h>

#define WATCH_MAGIC 0x6d726f7473636731ull
#define WATCH_VERSION 3u
#define WATCH_PS_MAX 64
#define WATCH_RING_RECORDS 8192u  /* a P ring; power of two */
#define WATCH_SHARED_RECORDS 8192u
#define WATCH_HISTS 96            /* worker slots */

enum watch_kind {
	WATCH_NONE,
	WATCH_STW,        /* a: reason (sched_stw_reason), b: stopping_ns, c: stopped_ns, d: cycle, e: firing: that made the stop late (stw/stop, stw/spin), else that made it long (stw/stopped), else that began the cycle */
	WATCH_ASSIST,     /* a: worker, b: duration_ns, c: cycle, d: work done, e: firing that kept it from credit (gc/assist), else of the cycle; t: its end */
	WATCH_ALLOC_STALL,/* a: worker, b: duration_ns (emergency GC wait), c: bytes, d: 1 if memory came in the end, e: firing that refused it first */
	WATCH_WAKE_LAG,   /* a: worker, b: lag_ns (ready seen by poller -> running), e: firing that delayed or dropped the wake */
	WATCH_GC_START,   /* a: cycle, b: trigger (gc_trigger), c: heap_live, d: goal, e: firing: that began it, else that held it back (gc/start), else that set when it is due (gc/gogc, gc/pacer), else that holds its marking up (gc/roots, gc/mark) */
	WATCH_GC_MARK_END,/* a: cycle, b: mark_ns (concurrent), c: heap_live, d: heap_marked, e: assist_ns, f: background_ns */
	WATCH_GC_END,     /* a: cycle, b: next goal, c: stack bytes, d: gc cpu ns total, e: total cpu ns available so far, f: idle mark ns */
	WATCH_SWEEP_END,  /* a: cycle, b: duration_ns, c: pages, e: firing that stalled the sweeper (gc/sweep, gc/sweep_start), the last one */
	WATCH_GC_H,       /* a: cycle, b: heap at start, c: at end, d: marked, e: goal, f: sweep-termination stop ns << 32 | mark-termination stop ns */
	WATCH_FIRE,       /* a: fault index << 32 | action, b: worker, c: ordinal, d: firing id, e: gc cycle << 8 | phase, f: size or argument */
	WATCH_EFFECT,     /* a: fault index, b: firing id, c: what came of it and d: a figure of that (enum watch_effect) */
	WATCH_ARM,        /* a: fault index, b: occurrence number (0..), c: 1 armed 0 disarmed, d: 1 by operator, e: fired so far */
	WATCH_PHASE,      /* a: phase index, b: 1 start 0 end */
	WATCH_OP_ERROR,   /* a: workload index, b: worker, c: errno, d: key */
	WATCH_INTEGRITY,  /* a: workload index, b: worker, c: kind, d: key, e: expected, f: found */
	WATCH_CHECKED,    /* a: workload index, b: entries checked in this sweep */
	WATCH_STALL,      /* a machine pause seen by the control thread: b: ns it ran late */
	WATCH_END,        /* a: sim hash, b: 0 normal */
	WATCH_KINDS
};

/* What came of a firing: c of WATCH_EFFECT; behind it what d is. Numbers are never reused; 12 to 29 go by family. */
enum watch_effect {
	WATCH_EFFECT_MASKED = 1,	/* memory came after all */
	WATCH_EFFECT_BEGAN = 2,		/* a collection (its cycle) or the growth of a map (its buckets) */
	WATCH_EFFECT_FAILED = 3,	/* the operation did: errno */
	WATCH_EFFECT_WOKE = 4,		/* a delayed wake ran */
	WATCH_EFFECT_REPAIRED = 5,	/* a dropped wake was found by the back-stop poll */
	WATCH_EFFECT_LATE = 6,		/* late or held up, to the safepoint, with fresh pages, with a look of the poller, a due cycle, a stalled
					 * sweeper or mark worker, a long stop, a root scan, a P without its CPU, pages given
					 * back, a writer that waits for its cycle, an edge of a cycle, a stop that waited for a loop: ns */
	WATCH_EFFECT_ALONE = 7,		/* no credit for an assist: scan work done instead */
	WATCH_EFFECT_FLUSHED = 8,	/* a write barrier's buffer: pointers */
	WATCH_EFFECT_IDLE = 9,		/* nothing came of it but: 1 if a goroutine woke for nothing (duplicate), what was left lying (steal), the
					 * figure as it was (gc/pacer, gc/gogc), ns that it looped (stw/spin) */
	WATCH_EFFECT_BIASED = 12,	/* the figure that was used (mem/limit: bytes, gc/pacer: trigger, gc/gogc: percent) */
	WATCH_EFFECT_KEPT = 13,		/* pages were not given back and stay: bytes */
	WATCH_EFFECT_STALLED = 14,	/* the scavenger: bytes due to be given back at the end of it */
	WATCH_EFFECT_SPLIT = 15,	/* the longest free run, by a span: bytes of the longest that is left */
	WATCH_EFFECT_LEFT = 16,		/* a mark worker, its cycle: workers that are left */
	WATCH_EFFECT_BACK = 17,		/* it came back, for want of others: ns since it left */
	WATCH_EFFECT_UNMOVED = 20,	/* a share of a map's growth left undone: old chains that are not passed over yet */
	WATCH_EFFECT_COLLIDES = 21,	/* a map's keys do: of so many buckets they use one */
	WATCH_EFFECT_CAPACITY = 22,	/* of a new array was changed: it */
	WATCH_EFFECT_REORDERED = 23,	/* wakes of a look: how many changed place */
	WATCH_EFFECT_BATCH = 24,	/* of wakes ended: wakes in it */
	WATCH_EFFECT_REFUSED = 25,	/* a thread: threads there are */
	WATCH_EFFECT_CAME = 26,		/* an M for a P after threads were refused: ns without */
	WATCH_EFFECT_PREEMPTED = 27,	/* ns away */
	WATCH_EFFECT_EARLY = 28,	/* woken: ns before the deadline */
	WATCH_EFFECT_NEEDLESS = 29,	/* other Ms did the work of the one that was refused: ns without it */
	WATCH_EFFECT_HELD = 30,		/* what a look found (os/epoll_pwait): ns */
	WATCH_EFFECT_REVERSED = 31,	/* what a look found was told in reverse order: events */
};

struct watch_record {
	int64_t t_ns;     /* CLOCK_MONOTONIC, or virtual */
	uint16_t kind;
	uint16_t p;       /* P id, 0xffff none */
	uint32_t seq;     /* low bits of the producer's count */
	uint64_t a, b, c, d, e, f;
};
_Static_assert(sizeof(struct watch_record) == 64, "a record is one cache line");

struct watch_ring {
	_Alignas(64) _Atomic uint64_t head; /* records ever written */
	_Atomic uint64_t lost;
	_Alignas(64) _Atomic uint64_t tail; /* records ever read */
	_Alignas(64) struct watch_record rec[WATCH_RING_RECORDS];
};

/* Many producers: slot sequence numbers (Vyukov's bounded queue). */
struct watch_shared_slot {
	_Atomic uint64_t turn;
	struct watch_record rec;
};
struct watch_shared_ring {
	_Alignas(64) _Atomic uint64_t head;
	_Atomic uint64_t lost;
	_Alignas(64) _Atomic uint64_t tail;
	_Alignas(64) struct watch_shared_slot slot[WATCH_SHARED_RECORDS];
};

/* Read at any time, each word on its own (relaxed); written by the runtime and by sysmon/control. */
struct watch_gauges {
	_Atomic uint64_t heap_live, heap_goal, heap_trigger, heap_marked, heap_inuse, heap_sys;
	_Atomic uint64_t gc_cycle, gc_phase, gc_forced, gc_cpu_ns, cpu_ns_available, assist_ns_total;
	_Atomic uint64_t goroutines, runnable, mark_ns_last;
	_Atomic uint64_t telemetry_records;
	_Atomic int64_t target_now_ns; /* virtual now in the simulation */
};

/* One a (workload, worker): written by that worker alone. For load processes too. */
struct watch_ops {
	_Atomic uint32_t used;
	uint32_t workload, worker; /* worker: index within the workload */
	uint32_t is_client;        /* 1: measured by a client outside the runtime */
	_Atomic uint64_t ops, errors, late_ns_max; /* errors: -ENOMEM and the like */
	_Atomic uint64_t intended;                 /* ops due by now, by schedule */
	struct watch_hist latency;
};

/* Per fault: written by the decision function, relaxed adds. */
#define WATCH_FAULTS_MAX 32
struct watch_fault {
	_Atomic uint64_t visits, eligible, fired, masked, armed, cold_ns; /* cold_ns: time spent deciding (injector cost) */
	_Atomic uint64_t log_dropped, log_hash;
};

struct mrt_telemetry {
	uint64_t magic;
	uint32_t version, size_check;
	uint64_t bytes;
	uint32_t procs;
	_Atomic uint32_t enabled;             /* 0: records are not written (bench) */
	int32_t target_pid;
	int32_t ctl_fd;               /* sim back-pressure; -1 */
	_Atomic uint32_t load_ready, load_go, load_done; /* load process handshake (futex-free: polled at 1 ms) */
	_Atomic int64_t t0_ns;
	/* The lease: the harness adds one every 100 ms from a thread of its own; 0: nobody keeps a lease (tests, simulation). A target
	 * whose control thread has run for 1.2 s of its own ticks without seeing it move disarms everything and ends. */
	_Atomic uint64_t beat;
	/* Simulation: the reader has sampled gauges and histograms up to this target_now_ns, and drained the rings; 0: nobody samples.
	 * The target's control thread waits for it at every tenth of a virtual second, so that samples fall on interval edges.
	 * held_ns: the moment at which it waits, or last did. While held_ns is above sampled_ns virtual time stands still, and all that the
	 * target did up to then can be read; a line sent before sampled_ns reaches it is read at that moment of virtual time. */
	_Atomic uint64_t sampled_ns, held_ns;
	_Alignas(64) struct watch_gauges gauges;
	_Alignas(64) struct watch_fault fault[WATCH_FAULTS_MAX];
	_Alignas(64) struct watch_shared_ring shared;
	_Alignas(64) struct watch_ring ring[WATCH_PS_MAX];
	_Alignas(64) struct watch_ops ops[WATCH_HISTS];
};

/* Reader and writer: fill / verify a fresh zeroed mapping of sizeof(struct mrt_telemetry). */
void watch_layout_init(struct mrt_telemetry *t, uint32_t procs);
int watch_layout_check(const struct mrt_telemetry *t); /* 0, -EPROTO */

/* Writer. ring NULL: nothing happens. The caller is the ring's one producer. Folds the record into the sim hash. */
void watch_emit(struct mrt_telemetry *t, struct watch_ring *ring, const struct watch_record *rec);
void watch_emit_shared(struct mrt_telemetry *t, const struct watch_record *rec);

/* Reader (harness): up to max records of all rings, unordered between rings. */
size_t watch_drain(struct mrt_telemetry *t, struct watch_record *ret, size_t max);
uint64_t watch_lost(struct mrt_telemetry *t);
/* Records ever written, all rings. */
uint64_t watch_written(struct mrt_telemetry *t);
