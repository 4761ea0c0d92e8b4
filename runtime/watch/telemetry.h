/*
 * telemetry.h: the shared memory between a target and the harness: layout and writing side.
 *
 * One memfd, made by the harness. Header, gauges, one single-producer ring a P, one many-producer ring for threads without a P,
 * one histogram a worker slot. Records have 64 bytes; a full ring drops the record and counts it (real); in the
 * simulation the writer waits for the reader in real time, so that nothing is lost and the virtual
 * run is untouched. workloads/go/telemetry.go mirrors this layout: change it with WATCH_VERSION.
 *
 * Ring: head is written by the producer (release), tail by the reader (release); each reads the other's with acquire.
 */
#pragma once

#include "runtime/watch/hist.h"

#include <stdbool.h>

#define WATCH_MAGIC 0x6d726f7473636731ull
#define WATCH_VERSION 4u
#define WATCH_PS_MAX 64
#define WATCH_RING_RECORDS 8192u  /* a P ring; power of two */
#define WATCH_SHARED_RECORDS 8192u
#define WATCH_HISTS 96            /* worker slots */

#define WATCH_UNKNOWN UINT64_MAX /* not told apart (Go before 1.22) */

enum watch_kind {
	WATCH_NONE,
	WATCH_STW,        /* a: reason (sched_stw_reason), b: stopping_ns, WATCH_UNKNOWN: part of c, c: stopped_ns, d: cycle, e: firing: that made the stop late (stw/stop, stw/spin), else that made it long (stw/stopped), else that began the cycle */
	WATCH_ASSIST,     /* a: worker, b: duration_ns, c: cycle, d: work done, e: firing that kept it from credit (gc/assist), else of the cycle; t: its end */
	WATCH_ALLOC_STALL,/* a: worker, b: duration_ns (emergency GC wait), c: bytes, d: 1 if memory came in the end, e: firing that refused it first */
	WATCH_WAKE_LAG,   /* a: worker, b: lag_ns (ready seen by poller -> running; on real Go client's send -> return of Read), e: firing that delayed or dropped the wake */
	WATCH_GC_START,   /* a: cycle, b: trigger (gc_trigger), c: heap_live, d: goal, e: firing: that began it, else that held it back (gc/start), else that set when it is due (gc/gogc, gc/pacer), else that holds its marking up (gc/roots, gc/mark) */
	WATCH_GC_MARK_END,/* a: cycle, b: mark_ns (concurrent), c: heap_live, d: heap_marked, e: assist_ns, f: background_ns */
	WATCH_GC_END,     /* a: cycle, b: next goal, c: stack bytes, d: gc cpu ns total, e: total cpu ns available so far, f: idle mark ns */
	WATCH_SWEEP_END,  /* a: cycle, b: duration_ns, c: pages, e: firing that stalled the sweeper (gc/sweep, gc/sweep_start), the last one */
	WATCH_GC_H,       /* a: cycle, b: heap at start, c: at end, d: marked, e: goal, f: sweep-termination stop ns << 32 | mark-termination stop ns */
	WATCH_FIRE,       /* a: fault index << 32 | action, b: worker, c: ordinal, d: firing id, e: gc cycle << 8 | phase, f: size or argument */
	WATCH_EFFECT,     /* a: fault index, b: firing id, c: what came of it (enum gcs_effect of faults/gate.h), d: a figure of that */
	WATCH_ARM,        /* a: fault index, b: occurrence number (0..), c: 1 armed 0 disarmed, d: 1 by operator, e: fired so far */
	WATCH_PHASE,      /* a: phase index, b: 1 start 0 end */
	WATCH_OP_ERROR,   /* a: workload index, b: worker, c: errno, d: key */
	WATCH_INTEGRITY,  /* a: workload index, b: worker, c: kind, d: key, e: expected, f: found */
	WATCH_CHECKED,    /* a: workload index, b: entries checked in this sweep */
	WATCH_STALL,      /* a machine pause seen by the control thread: b: ns it ran late */
	WATCH_END,        /* a: sim hash, b: 0 normal */
	WATCH_LIMITER,    /* the CPU limiter was on since the last one, or since the start: a: cycle that has ended, b: ns on, c: times it came on */
	WATCH_SCHED_LAG,  /* real Go, /sched/latencies: of a goroutine in eight, whoever made it runnable: b: lag_ns (runnable -> running); t: when it was seen */
	WATCH_KINDS
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

/* The scheduler, at one look a control tick; written by the control thread (runtime/sched/look.c). Real Go: from what it tells of itself (runtime/metrics of
 * Go 1.26 on; a guarded program: its SCHED lines), so not by P, or no more of it than that. Each word on its own; WATCH_UNKNOWN: not told. */
enum watch_p_status { WATCH_P_UNKNOWN, WATCH_P_IDLE, WATCH_P_RUNNING, WATCH_P_SYSCALL, WATCH_P_GC_STOP, WATCH_P_DEAD };
struct watch_p {
	_Atomic uint32_t status, runq;     /* runq: goroutines in its queue, runnext among them */
	_Atomic uint64_t sched_ticks, syscall_ticks; /* time slices begun (a goroutine out of `next` goes on with the last one); system calls */
};
struct watch_sched {
	_Atomic int64_t at_ns;             /* of the look (release, after the words); 0: nobody looks */
	_Atomic uint64_t goroutines;       /* but the runtime's own */
	_Atomic uint64_t global_runq;      /* ps_known 0: goroutines that wait for a P, in whatever queue */
	/* threads: all, sysmon too; idle_threads: parked for want of work, without the one in the poller (nmidle); poll_waiters: goroutines
	 * parked on a connection. */
	_Atomic uint64_t idle_ps, threads, idle_threads, spinning, timers, poll_waiters;
	_Atomic uint64_t ps_known;         /* how many of p[] are told; 0: they are not told apart */
	struct watch_p p[WATCH_PS_MAX];
};

/* The map that a worker slot works on: written by that worker between two operations, each 10 ms at most. Each word on its own. Of a map that
 * several workers share the first one's slot tells; of echo that of the first group of connections. A sync.Map: count, b, overflow and load_milli are those of read, deleted keys among
 * them; growing, old_buckets and evacuated those of dirty; bytes both. Swiss (nothing grows bit by bit there): b is log2 of the groups, rounded down; overflow
 * counts tombstones, old_buckets and evacuated are 0. */
enum watch_map_kind { WATCH_MAP_NONE, WATCH_MAP_CLASSIC, WATCH_MAP_SWISS, WATCH_MAP_SYNC };
struct watch_map {
	_Atomic uint32_t kind, b, growing; /* b: log2 of the buckets (Swiss: groups); growing: 1 twice the size, 2 the same size */
	_Atomic uint32_t amended;          /* sync: dirty holds more than read */
	_Atomic uint64_t count, overflow, old_buckets, evacuated, load_milli, bytes;
	/* Growths that began so far, of all maps that the slot's worker has had (of a shared one: by all who share it): twice the size; the
	 * same size. Embedded: counted, each of them. Real Go: those that looks have seen the traces of, at the least. */
	_Atomic uint64_t grown, regrown;
	_Atomic uint64_t misses, dirty;    /* sync */
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
	_Alignas(64) struct watch_sched sched;
	_Alignas(64) struct watch_map map[WATCH_HISTS]; /* of the worker slot with the same index as in ops */
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
