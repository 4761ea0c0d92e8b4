/*
 * limiter.c: the collector's share of the CPU has a bound (mgclimit.go, the same in Go 1.19 and 1.26).
 *
 * Without it a heap whose live bytes come near the memory limit is collected without end, and those
 * who allocate do little but assist. A bucket of one second a P fills with the collector's time and
 * drains with the program's. While it is full nobody assists, in marking or in giving pages back: the
 * heap may then pass its goal, and the memory limit.
 *
 *  collector  assists, a quarter of all Ps' time while marking (what workers are given, whoever
 *             runs), all Ps from the request of each of the two stops to its end
 *  program    the rest, without what Ps were idle or marked for want of other work
 *
 * Whoever finishes an assist updates it, the scheduler and sysmon while marking when 10 ms have
 * passed, and the two transitions. An update takes what is under way into account up to its own
 * moment, so that no window has more time than it had: each P has one word, what it is at and since
 * when, and an update moves that moment on. One updates at a time; who comes meanwhile leaves it to
 * the next.
 */
#include "runtime/gc/gc_priv.h"

#define LIMITER_CAPACITY_NS INT64_C(1000000000) /* a P */
#define LIMITER_PERIOD_NS   INT64_C(10000000)
#define LIMITER_EVENT_SHIFT 62 /* the moment lies below */
#define LIMITER_MOMENT_MASK ((UINT64_C(1) << LIMITER_EVENT_SHIFT) - 1)

_Atomic uint32_t gc_limiter_enabled;

static struct {
	_Atomic uint32_t lock; /* 1: somebody updates, or a transition is under way */
	/* Whoever holds the lock. */
	struct gc_bucket bucket;
	bool marking;
	uint32_t procs;
	int64_t idle_seen_ns; /* of sched_idle_ns */
	int64_t on_since_ns;
	/* Written with the lock held, read anywhere. */
	_Atomic int64_t updated_ns, on_ns;
	_Atomic uint64_t turned_on, overflow_ns;
	_Atomic uint32_t last_cycle;
	/* Of events that have ended since the last update. */
	_Atomic int64_t assist_ns, idle_mark_ns;
	/* By P: what it is at, and since when; 0: nothing. Its holder begins and ends, updates move on. */
	struct {
		_Alignas(64) _Atomic uint64_t event;
	} at[GC_PROCS_MAX];
} limiter;

static bool limiter_try_lock(void)
{
	uint32_t open = 0;

	/* Acquire: pairs with the release in limiter_unlock. */
	return atomic_compare_exchange_strong_explicit(&limiter.lock, &open, 1,
						       memory_order_acquire, memory_order_relaxed);
}

static void limiter_unlock(void)
{
	atomic_store_explicit(&limiter.lock, 0, memory_order_release);
}

void gc_limiter_init(uint32_t procs, int64_t now_ns)
{
	limiter.bucket =
		(struct gc_bucket){.capacity_ns = (uint64_t)procs * (uint64_t)LIMITER_CAPACITY_NS};
	limiter.marking = false;
	limiter.procs = procs;
	limiter.idle_seen_ns = limiter.on_since_ns = 0;
	atomic_store_explicit(&limiter.updated_ns, now_ns, memory_order_relaxed);
	atomic_store_explicit(&limiter.on_ns, 0, memory_order_relaxed);
	atomic_store_explicit(&limiter.turned_on, 0, memory_order_relaxed);
	atomic_store_explicit(&limiter.overflow_ns, 0, memory_order_relaxed);
	atomic_store_explicit(&limiter.last_cycle, 0, memory_order_relaxed);
	atomic_store_explicit(&limiter.assist_ns, 0, memory_order_relaxed);
	atomic_store_explicit(&limiter.idle_mark_ns, 0, memory_order_relaxed);
	for (uint32_t i = 0; i < GC_PROCS_MAX; i++)
		atomic_store_explicit(&limiter.at[i].event, 0, memory_order_relaxed);
	atomic_store_explicit(&gc_limiter_enabled, 0, memory_order_relaxed);
	limiter_unlock();
}

/* --------------------------------------------------------------------- bucket */

bool gc_bucket_add(struct gc_bucket *b, int64_t mutator_ns, int64_t gc_ns)
{
	uint64_t room_ns = b->capacity_ns - b->fill_ns;
	int64_t change_ns = gc_ns - mutator_ns;

	if (change_ns > 0 && room_ns <= (uint64_t)change_ns) {
		b->overflow_ns += (uint64_t)change_ns - room_ns;
		b->fill_ns = b->capacity_ns;
		return true;
	}
	if (change_ns == 0)
		return room_ns == 0;
	if (change_ns > 0)
		b->fill_ns += (uint64_t)change_ns;
	else
		b->fill_ns -= b->fill_ns < (uint64_t)-change_ns ? b->fill_ns : (uint64_t)-change_ns;
	return false;
}

/* The lock is held. */
static void limiter_accumulate(int64_t mutator_ns, int64_t gc_ns, int64_t now_ns)
{
	bool was = gc_limiter_on(), on = gc_bucket_add(&limiter.bucket, mutator_ns, gc_ns);

	if (was)
		gc_count(&limiter.on_ns, now_ns - limiter.on_since_ns);
	limiter.on_since_ns = now_ns;
	atomic_store_explicit(&limiter.overflow_ns, limiter.bucket.overflow_ns,
			      memory_order_relaxed);
	if (on == was)
		return;
	atomic_store_explicit(&gc_limiter_enabled, on, memory_order_relaxed);
	if (!on)
		return;
	atomic_fetch_add_explicit(&limiter.turned_on, 1, memory_order_relaxed);
	atomic_store_explicit(&limiter.last_cycle, gc_cycles_counted() + 1, memory_order_relaxed);
}

/* --------------------------------------------------------------------- events */

static uint64_t limiter_event_word(enum gc_limiter_event what, int64_t now_ns)
{
	return (uint64_t)what << LIMITER_EVENT_SHIFT | ((uint64_t)now_ns & LIMITER_MOMENT_MASK);
}

static enum gc_limiter_event limiter_event_what(uint64_t word)
{
	return (enum gc_limiter_event)(word >> LIMITER_EVENT_SHIFT);
}

static int64_t limiter_event_since(uint64_t word)
{
	return (int64_t)(word & LIMITER_MOMENT_MASK);
}

bool gc_limiter_event_begin(const struct sched_p *p, enum gc_limiter_event what, int64_t now_ns)
{
	_Atomic uint64_t *event = &limiter.at[p->id].event;

	if (atomic_load_explicit(event, memory_order_relaxed) != 0)
		return false;
	atomic_store_explicit(event, limiter_event_word(what, now_ns), memory_order_relaxed);
	return true;
}

void gc_limiter_event_end(const struct sched_p *p, int64_t now_ns)
{
	/* Relaxed, as in limiter_event_take: who swaps the word owns the time before it. */
	uint64_t word = atomic_exchange_explicit(&limiter.at[p->id].event, 0,
						 memory_order_relaxed);
	int64_t ns = now_ns - limiter_event_since(word);

	if (ns <= 0)
		return;
	gc_count(limiter_event_what(word) == GC_LIMITER_ASSIST ? &limiter.assist_ns
							       : &limiter.idle_mark_ns,
		 ns);
}

/* What a P is at, up to now; it goes on from now. The lock is held. */
static void limiter_event_take(_Atomic uint64_t *event, int64_t now_ns, int64_t *assist_ns,
			       int64_t *idle_ns)
{
	uint64_t word = atomic_load_explicit(event, memory_order_relaxed), on;
	int64_t ns;

	do {
		ns = now_ns - limiter_event_since(word);
		if (word == 0 || ns <= 0)
			return;
		on = limiter_event_word(limiter_event_what(word), now_ns);
	} while (!atomic_compare_exchange_weak_explicit(event, &word, on,
							memory_order_relaxed,
							memory_order_relaxed));
	*(limiter_event_what(word) == GC_LIMITER_ASSIST ? assist_ns : idle_ns) += ns;
}

/* -------------------------------------------------------------------- updating */

/* The lock is held. The share of background workers is one of all the time, idle or not. */
static void limiter_update_locked(int64_t now_ns)
{
	int64_t window_ns = (now_ns - gc_counted(&limiter.updated_ns)) * (int64_t)limiter.procs;
	int64_t assist_ns, idle_ns, gc_ns, idle_all_ns;

	if (window_ns < 0)
		return;
	atomic_store_explicit(&limiter.updated_ns, now_ns, memory_order_relaxed);
	assist_ns = atomic_exchange_explicit(&limiter.assist_ns, 0, memory_order_relaxed);
	idle_ns = atomic_exchange_explicit(&limiter.idle_mark_ns, 0, memory_order_relaxed);
	idle_all_ns = sched_idle_ns(now_ns);
	idle_ns += idle_all_ns - limiter.idle_seen_ns;
	limiter.idle_seen_ns = idle_all_ns;
	for (uint32_t i = 0; i < limiter.procs; i++)
		limiter_event_take(&limiter.at[i].event, now_ns, &assist_ns, &idle_ns);
	gc_ns = assist_ns + (limiter.marking ? window_ns / 4 : 0);
	limiter_accumulate(window_ns - idle_ns - gc_ns, gc_ns, now_ns);
}

void gc_limiter_update(int64_t now_ns)
{
	if (!limiter_try_lock())
		return;
	limiter_update_locked(now_ns);
	limiter_unlock();
}

void gc_limiter_refresh(int64_t now_ns)
{
	if (gc_phase_now() == GC_MARK &&
	    now_ns - gc_counted(&limiter.updated_ns) > LIMITER_PERIOD_NS)
		gc_limiter_update(now_ns);
}

void gc_limiter_transition(bool marking, int64_t now_ns)
{
	/* The world stands still, but sysmon does not: it has no P. */
	for (uint32_t round = 0; !limiter_try_lock(); round++)
		prim_spin_wait(round);
	gc_must(limiter.marking != marking, "gc: the limiter was told the same phase twice\n");
	limiter_update_locked(now_ns);
	limiter.marking = marking;
}

void gc_limiter_transition_end(int64_t now_ns)
{
	int64_t stopped_ns = now_ns - gc_counted(&limiter.updated_ns);

	if (stopped_ns > 0)
		limiter_accumulate(0, stopped_ns * (int64_t)limiter.procs, now_ns);
	atomic_store_explicit(&limiter.updated_ns, now_ns, memory_order_relaxed);
	limiter_unlock();
}

void gc_limiter_counts(struct gc_limiter_counts *ret)
{
	*ret = (struct gc_limiter_counts){
		.on_ns = gc_counted(&limiter.on_ns),
		.turned_on = atomic_load_explicit(&limiter.turned_on, memory_order_relaxed),
		.overflow_ns = atomic_load_explicit(&limiter.overflow_ns, memory_order_relaxed),
		.last_cycle = atomic_load_explicit(&limiter.last_cycle, memory_order_relaxed),
	};
}
