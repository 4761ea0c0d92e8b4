/*
 * prim.h: the operating system, as the runtime sees it.
 *
 * Everything in the target that waits, locks, reads a clock, asks for
 * memory, polls a connection, switches a stack or draws a random seed goes
 * through this header.  Two backends implement it, chosen when the runtime
 * is compiled (libmrt, or libmrt_sim with -DMRT_SIM=1):
 *
 *   real  threads, futexes, mmap, epoll, CLOCK_MONOTONIC.
 *   sim   one OS thread.  A prim thread is a coroutine with a virtual clock
 *         of its own; the one whose clock is lowest runs (each thread has a
 *         CPU to itself).  prim_step() charges a modelled cost with seeded
 *         jitter, and may switch.  Connections are in memory, pages lie at
 *         fixed addresses.  Same seed, same plan, same build: the same
 *         sequence of events, and prim_sim_hash() proves it.
 *
 * Errors are 0 or a negative errno.  Nothing here logs.  Nothing here knows
 * a goroutine.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef MRT_SIM
#define MRT_SIM 0
#endif

#define PRIM_PAGE_BYTES 4096u
#define PRIM_FOREVER INT64_MAX /* a deadline that never comes */

#define PRIM_LIKELY(x) __builtin_expect(!!(x), 1)
#define PRIM_UNLIKELY(x) __builtin_expect(!!(x), 0)

/* ---------------------------------------------------------------- process */

/* Options of one process; read once by prim_init. */
struct prim_options {
	uint64_t seed;      /* sim: drives jitter; both: prim_seed() derives from it when non-zero */
	uint32_t max_threads; /* bound on live prim threads; 0: 256 */
};

/* Call once, on the initial thread, before anything else; the caller becomes
 * prim thread 0.  0, -EALREADY, -ENOMEM. */
int prim_init(const struct prim_options *opt);

/* A 64-bit value for hash seeds and the like: the n-th value of a generator
 * seeded by prim_options.seed; from getrandom(2) when that seed is 0 (real). */
uint64_t prim_seed(void);

/* Number of CPUs this process may run on (sched_getaffinity); sim: a large constant. */
uint32_t prim_ncpu(void);

/* Last words: message to stderr (one write), then _exit(status). No return.  A
 * full pipe that nobody reads keeps nobody from dying: a tenth of a second, and
 * the words are lost. */
_Noreturn void prim_die(int status, const char *message);
/* The same words, and on. */
void prim_last_words(const char *text, size_t len);

/* The return addresses of the caller's callers, innermost first, as offsets in this program: of one
 * build the same in every run. At most max, those outside of the program left out; 0: none can be
 * told here. Any stack; takes about 2 KiB of it, allocates nothing, and a frame costs a microsecond
 * or so: not for a hot path. */
uint32_t prim_backtrace(uint32_t *ret_pc, uint32_t max);

/* The program's text as the system has mapped it. -errno: it cannot be told. */
struct prim_mapping {
	uint64_t start, limit, offset; /* addresses; where in the file it begins */
	char file[512];
};
int prim_program_mapping(struct prim_mapping *ret);
/* Where the addresses that prim_backtrace gives count from. */
uint64_t prim_program_start(void);

/* The functions of the program, from its own symbol table. Not for a hot path: it is read from the file.
 * -ENOENT: it has none; other -errno. */
struct prim_symbols {
	const char *file; /* mapped; private to prim, as all of it */
	size_t bytes;
	const void *table;
	size_t count;
	const char *names;
	size_t names_bytes;
	uint64_t link_start; /* the address that the file was linked to begin at */
};
int prim_symbols_open(struct prim_symbols *ret);
void prim_symbols_close(struct prim_symbols *s);
/* Read both now: the mapping and the symbols are then what they are at this moment, for as long as the process lives. For
 * a process that will be forbidden to open files. Once, before there is a second thread. What cannot be read now keeps its
 * error. */
void prim_program_keep(void);
/* The function that lies over pc, counted as prim_backtrace does; NULL: none is known. Valid until closed;
 * equal names of one function are one pointer. */
const char *prim_symbols_name(const struct prim_symbols *s, uint32_t pc);

/* Unbuffered write of a whole text line to stderr (gctrace); sim: same. */
void prim_log(const char *text, size_t len);

/* All of it, from this offset on, into a file that the process was given; takes no virtual time. By pwrite, which no fault of
 * os/ holds. 0; -errno, and some of it may be written. Any thread. */
int prim_file_write(int fd, uint64_t offset, const void *data, size_t bytes);

/* ------------------------------------------------------------------ clock */

/* CLOCK_MONOTONIC in ns; sim: the calling thread's virtual time (starts at 1 s). */
int64_t prim_now_ns(void);

/* CPU time of the calling thread in ns (CLOCK_THREAD_CPUTIME_ID); sim: time it was not blocked. */
int64_t prim_thread_cpu_ns(void);

/* Sleep the calling *thread* (never a goroutine) until the deadline. */
void prim_sleep_until(int64_t deadline_ns);

/* ------------------------------------------------------------ sim: stepping */

/* What a step costs; the table is runtime/prim/costs.def (committed, modelled). */
enum prim_cost {
#define COST(id, ns, text) PRIM_COST_##id,
#include "runtime/prim/costs.def"
#undef COST
	PRIM_COST_COUNT
};

#if MRT_SIM
/* Charge `units` times the cost, with seeded jitter; may switch to another
 * thread whose clock is behind: on that thread's context, and back on the
 * caller's.  Call at safepoints, allocations, barriers, per unit of mark or
 * sweep work.  Allowed with a prim_mutex held; others then really wait for it.
 * Time never falls from one statement executed to the next, whatever thread
 * executes it. prim_ctx_switch charges nothing: its caller does. */
void prim_step_n(enum prim_cost cost, uint32_t units);
/* Fold a value into the running hash of the event sequence. */
void prim_sim_fold(uint64_t value);
uint64_t prim_sim_hash(void);
#else
static inline void prim_step_n(enum prim_cost cost, uint32_t units) { (void)cost; (void)units; }
static inline void prim_sim_fold(uint64_t value) { (void)value; }
static inline uint64_t prim_sim_hash(void) { return 0; }
#endif
static inline void prim_step(enum prim_cost cost) { prim_step_n(cost, 1); }

/* Body of a spin loop, `round` counting up from 0: a CPU pause, now and then
 * sched_yield; sim: lets every other thread that is behind run, and charges
 * the spin, more in late rounds. */
void prim_spin_wait(uint32_t round);
/* A short wait whose length is the processor's: n CPU pauses; sim: charges n turns. */
void prim_pause(uint32_t n);

/* ---------------------------------------------------------------- threads */

typedef struct prim_thread prim_thread;

/* Start a thread.  `name` (15 bytes used) is copied.  -EAGAIN when the OS or
 * max_threads refuses.  Every thread is joined exactly once. */
int prim_thread_create(prim_thread **ret_thread, const char *name, void (*fn)(void *), void *arg);
void prim_thread_join(prim_thread *thread);

/* The calling thread, and the user word attached to it (sched stores its M
 * there).  Out of line on purpose: a coroutine may resume on another thread
 * and a compiler would keep the thread-local address across the switch. */
prim_thread *prim_thread_self(void);
void prim_thread_set_user(void *user);
void *prim_thread_user(void);
uint32_t prim_thread_id(void); /* 0 = initial; small, dense, never reused while live */

/* ---------------------------------------------------------------- parking */

/* A note: one sleeper, one wake, then clear (the idea of Go's runtime note,
 * lock_futex.go).  Zero-initialised is a valid, clear note.  Wake
 * happens-before the return of the sleep it ends.  A second wake before the
 * clear is a mistake (debug builds die). */
typedef struct prim_note {
	_Atomic uint32_t key; /* 0 clear, 1 woken, 2 clear with a sleeper (real) */
	uint32_t sim_sleeper; /* sim: the sleeping thread's id plus one */
} prim_note;

void prim_note_wake(prim_note *note);
/* true: woken; false: the deadline passed. At most one sleeper. */
bool prim_note_sleep(prim_note *note, int64_t deadline_ns);
/* Only when nobody sleeps on it and no wake can be on its way. */
void prim_note_clear(prim_note *note);

/* ------------------------------------------------------------------ locks */

/* Lock ranks, lowest first: a thread takes locks in rising rank only.  The
 * debug build (MRT_DEBUG) keeps the held ranks per thread and dies, naming
 * both, on a breach. */
enum prim_rank {
	PRIM_RANK_ANY = 0,   /* unranked: leaf locks of tests */
	PRIM_RANK_GC_START,
	PRIM_RANK_STW,
	PRIM_RANK_SCHED,     /* global queues, idle lists */
	PRIM_RANK_NETPOLL,
	PRIM_RANK_POLLDESC,
	PRIM_RANK_TIMERS,    /* one a P */
	PRIM_RANK_ALLG,
	PRIM_RANK_ASSIST,    /* queue of parked assists */
	PRIM_RANK_SWEEP,
	PRIM_RANK_WORKBUF,
	PRIM_RANK_CENTRAL,   /* one a span class */
	PRIM_RANK_HEAP,      /* page heap */
	PRIM_RANK_META,      /* persistent metadata */
	PRIM_RANK_WATCH,
	PRIM_RANK_FAULTS,
	PRIM_RANK_COUNT
};

/* A futex mutex that spins briefly, then sleeps.  Not recursive.  A
 * goroutine never parks or reaches a safepoint while holding one. */
typedef struct prim_mutex {
	_Atomic uint32_t word;
	uint16_t rank;
	uint16_t sim_waiters;
	prim_thread *owner; /* debug and sim */
} prim_mutex;

void prim_mutex_init(prim_mutex *m, enum prim_rank rank);
void prim_mutex_lock(prim_mutex *m);
bool prim_mutex_trylock(prim_mutex *m);
void prim_mutex_unlock(prim_mutex *m);
/* First line of every *_locked function (checked in debug builds). */
void prim_mutex_assert_held(const prim_mutex *m);

/* ------------------------------------------------------------------ pages */

/* Reserve address space (PROT_NONE).  With a hint, exactly there or -EEXIST /
 * -ENOMEM; hint 0: anywhere aligned to `align` (a power of two; below a page:
 * a page).  -EINVAL: no size, or hint and align do not fit.  sim: the same
 * addresses in every run, as for prim_pages_alloc and stacks. */
int prim_pages_reserve(void **ret_base, uintptr_t hint, size_t bytes, size_t align);
/* Give a whole reservation back, with whatever was committed in it. */
void prim_pages_unreserve(void *base, size_t bytes);
/* The heap's fixed base for this kind of build (plain, ASan, TSan, sim). */
uintptr_t prim_heap_base(void);
/* Make reserved pages readable and writable; they read as zero the first
 * time.  -errno, mostly -ENOMEM.  sim: their first touch is not charged here: PRIM_COST_FAULT
 * by whoever uses them. */
int prim_pages_commit(void *addr, size_t bytes);
/* Give the frames back (madvise DONTNEED): zero when touched again, which is a
 * page fault.  -errno: the system refuses, and the contents are as they were. */
int prim_pages_decommit(void *addr, size_t bytes);
/* Fresh zeroed metadata pages, never under a fault. NULL: out of memory; errno says why. */
void *prim_pages_alloc(size_t bytes);
void prim_pages_free(void *addr, size_t bytes);

/* --------------------------------------------------------------- contexts */

/* A stack and the machine context parked on it. Switches are annotated for
 * ASan and TSan inside the backend. */
typedef struct prim_ctx prim_ctx;

/* A coroutine with a stack of at least `stack_bytes`: a power of two of at least 16 KiB, and some of a page
 * more (four times that under a sanitizer). What lies below it, in the order in which it is used:
 * a page without access, 16000 at most (a quarter of vm.max_map_count if that is less); a page that the
 * kernel has marked, where it can (Linux 6.13); else a canary of 1 KiB. The first two give SIGSEGV
 * (prim_ctx_fault); an overwritten canary is found when the context is next left, checked, reset or destroyed.
 * Then the process dies with the words of Go, naming the label. Parked it costs a page of memory while its
 * frames have room in about 2.8 KiB; address space, of which the stacks of a slab are taken
 * together, bounds the number.
 * It starts in fn(arg) at the first switch; fn never returns: its last act is
 * prim_ctx_exit_to.  NULL: no memory (TSan: also beyond 7000 at a time). */
prim_ctx *prim_ctx_create(size_t stack_bytes, void (*fn)(void *), void *arg);
/* Whom last words name: "goroutine ID [NAME]". The name is kept by pointer; NULL: none. */
void prim_ctx_label(prim_ctx *ctx, uint32_t id, const char *name);
/* Dies when the canary of ctx is overwritten. ctx is the caller's own, or held still. */
void prim_ctx_check(const prim_ctx *ctx);
/* Dies in the same words when addr, that SIGSEGV tells of, lies in the guard below ctx. */
void prim_ctx_fault(const prim_ctx *ctx, const void *addr);
/* fn is called with the address when memory is touched that may not be, on the thread that did so but on a stack for
 * signals. It dies, or returns: then the signal does what it does without it. NULL: nobody, as before. Not while
 * there are other threads; not under sanitizers, which report themselves. */
void prim_fault_watch(void (*fn)(const void *addr));
/* What the figures of memory count for it: the power of two, without a sanitizer's share. */
size_t prim_ctx_bytes(const prim_ctx *ctx);
/* Memory of destroyed contexts goes back to the system: slabs that nobody uses are unmapped, the pages of
 * other unused stacks are given back; taken again, they are touched anew. How many stacks it were.
 * Until then destroyed ones keep their pages, prim_stacks_cached bytes as prim_ctx_bytes counts them,
 * and are taken first. Any thread. */
uint32_t prim_stacks_release(void);
uint64_t prim_stacks_cached(void);
/* Tests: stacks of slabs made from now on have no guards of these kinds. 0: as ever. */
enum { PRIM_GUARD_PAGES = 1, PRIM_GUARD_MARKERS = 2 };
void prim_stack_forbid(uint32_t guards);
/* Re-arm a finished context for a new fn (its stack is reused).  Cheaper than
 * destroy and create; but those reuse stacks as well. */
void prim_ctx_reset(prim_ctx *ctx, void (*fn)(void *), void *arg);
void prim_ctx_destroy(prim_ctx *ctx); /* not the running one */
/* The context of the calling prim thread itself (its scheduler loop).  A thread
 * must be on it again when its function returns. */
prim_ctx *prim_ctx_thread(void);
/* Save into `from` (the running one), resume `to`.  `to` must have been left
 * completely: whoever makes a context resumable elsewhere does so from the
 * context that was switched to. */
void prim_ctx_switch(prim_ctx *from, prim_ctx *to);
/* As switch, but `from` is finished and will be reset or destroyed. */
_Noreturn void prim_ctx_exit_to(prim_ctx *from, prim_ctx *to);

/* ------------------------------------------------------- connections, polling */

/* A non-blocking stream end.  real: an inherited socket descriptor.  sim: one
 * end of an in-memory pair whose other end is a virtual peer. */
typedef struct prim_conn prim_conn;

/* Takes the descriptor over and makes it non-blocking. real only; sim: -ENOTSUP. */
int prim_conn_open_fd(prim_conn **ret_conn, int fd);
/* >0 bytes, 0 peer closed, -EAGAIN, other -errno. */
int64_t prim_conn_read(prim_conn *conn, void *buf, size_t bytes);
int64_t prim_conn_write(prim_conn *conn, const void *buf, size_t bytes);
void prim_conn_close(prim_conn *conn);

enum { PRIM_POLL_IN = 1, PRIM_POLL_OUT = 2, PRIM_POLL_HUP = 4 };

struct prim_event {
	void *tag;
	uint32_t events;
	int64_t ready_ns; /* when the poll call returned it; sim: when it became ready */
};

#define PRIM_POLL_EVENTS_MAX 128

int prim_poll_init(void);
/* Edge-triggered, both directions, once a connection (netpoll_epoll.go). What is
 * ready already is the first edge. */
int prim_poll_add(prim_conn *conn, void *tag);
void prim_poll_remove(prim_conn *conn);
/* What is ready now is an edge once more, under the same tag: for whoever lost one.
 * Any thread. Of a connection that is not added (any more) nothing is told: adding it tells of all. */
void prim_poll_rearm(prim_conn *conn, void *tag);
/* Up to PRIM_POLL_EVENTS_MAX events; deadline 0 never blocks. A break
 * returns early with what there is (perhaps 0); only a blocking poll takes it,
 * and one that comes after the break takes it at once. One thread blocks at a
 * time.  A tag may still be returned by a poll that began before its
 * connection was removed.  -errno: the poller is broken. */
int prim_poll_wait(struct prim_event *events, int max, int64_t deadline_ns);
/* Wake the blocked poller, or the next one to block; deduplicated. */
void prim_poll_break(void);

/* ------------------------------------------------------------ sim: virtual peers */

/* An open-loop client on a virtual peer: request i of connection c is
 * intended at start + (i * conns + c) * period; it carries a request of
 * `request_bytes` whose first 16 bytes are {u64 sequence, i64 intended_ns};
 * a reply is `reply_bytes`. One request in flight a connection; a late one is sent at
 * once and its latency still counts from the intended start.  A message takes
 * exactly PRIM_COST_NET_WIRE each way.  After its last reply (no intended start
 * before stop_ns is left) the client hangs up: the target reads 0.  Writing
 * more than the reply that is owed: -EPROTO. */
struct prim_peer_options {
	uint32_t conns;
	int64_t start_ns, stop_ns; /* virtual; intended starts in [start, stop) */
	int64_t period_ns;         /* between intended starts over all connections */
	uint32_t request_bytes, reply_bytes;
	/* Called when a whole reply has arrived; latency from intended start.
	 * Runs on whatever stack happens to be current: be brief, and call
	 * nothing of prim.h. */
	void (*on_reply)(void *arg, uint32_t conn, int64_t intended_ns, int64_t done_ns,
			 const void *reply);
	void *arg;
};
/* sim only (real: -ENOTSUP). ret_conns has room for opt->conns. */
int prim_peer_start(const struct prim_peer_options *opt, prim_conn **ret_conns);

/* --------------------------------------------------------------- control line */

/* The control socket: one JSON text a line, both ways.  Used by the control
 * thread only. */
/* Next whole line without its newline, ended by a NUL; -EAGAIN: deadline passed
 * (what came of a line is kept); -EPIPE: the other end is gone, seen while
 * waiting too; -E2BIG: no room in cap, the line is dropped.  sim: the deadline is
 * virtual, and lines are taken only if they are there already (the harness has
 * sent the whole plan before the start); with PRIM_FOREVER it waits in real
 * time while virtual time stands still (the handshake). */
int prim_ctl_recv(int fd, char *line, size_t cap, int64_t deadline_ns);
/* The same over several descriptors, each in the same place at every call (the
 * control socket first); lines of an earlier one come first. *ret_which: whose line
 * it is, or whose end, or who sent too much. */
#define PRIM_CTL_FDS_MAX 2u
int prim_ctl_recv_any(const int *fd, uint32_t nfds, uint32_t *ret_which, char *line, size_t cap,
		      int64_t deadline_ns);
/* Sends all of it, and a newline when the last byte is none.  0, -EPIPE, other
 * -errno; waits while the other end is slow. Any thread: lines do not mix. */
int prim_ctl_send(int fd, const char *line, size_t len);

/* Map a shared memory descriptor (telemetry). NULL on failure. */
void *prim_shared_map(int fd, size_t bytes);
/* sim: wait, in real time, until *word >= wanted (a reader draining a ring, who
 * stores it with release); false when the control socket's other end has gone.
 * real: works as well. */
bool prim_sim_wait_reader(int ctl_fd, const _Atomic uint64_t *word, uint64_t wanted);
