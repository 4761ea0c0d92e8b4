/*
 * decide.c: when a fault fires: a pure function of (seed, point, worker, ordinal).
 *
 * No random state is shared, so the same visits give the same firings whatever the threads did. The
 * draw for a visit is the finaliser of splitmix64 over salt, worker and ordinal; the salt carries
 * seed and point, and for a second fault on the same point its place, so that two of them do not
 * fire at the same visits.
 */
#include "faults/fault_priv.h"

#include <string.h>


#define DECIDE_GOLDEN UINT64_C(0x9e3779b97f4a7c15)
#define DECIDE_PPB    1000000000u
#define DECIDE_JITTER UINT64_C(0x6a09e667f3bcc909)

static uint64_t decide_mix(uint64_t x)
{
	x ^= x >> 30;
	x *= UINT64_C(0xbf58476d1ce4e5b9);
	x ^= x >> 27;
	x *= UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

static uint64_t decide_draw(uint64_t salt, uint32_t worker, uint32_t ordinal)
{
	uint64_t visit = (uint64_t)worker << 32 | ordinal;

	return decide_mix(salt ^ decide_mix(visit * DECIDE_GOLDEN + DECIDE_GOLDEN));
}

uint64_t fault_salt(uint64_t seed, uint32_t point, uint32_t place)
{
	return decide_mix(seed + DECIDE_GOLDEN * ((uint64_t)place << 32 | point));
}

static bool match_type(const struct gcs_fault_spec *s, const struct gcs_site *site)
{
	for (uint32_t i = 0; i < s->ntypes; i++)
		if (site->type != NULL && strcmp(s->type[i], site->type) == 0)
			return true;
	return s->ntypes == 0;
}

static bool match_goroutine(const struct gcs_fault_spec *s, uint32_t worker)
{
	for (uint32_t i = 0; i < s->ngoroutines; i++)
		if (worker >= s->goroutine[i].first && worker <= s->goroutine[i].last)
			return true;
	return s->ngoroutines == 0;
}

bool fault_matches(const struct gcs_fault_spec *s, const struct gcs_site *site)
{
	if (s->workloads != 0 && (site->driver >= 32 || (s->workloads >> site->driver & 1) == 0))
		return false;
	if (site->actions != 0 && (site->actions & s->action) == 0)
		return false;
	if (site->modes != 0 && (site->modes >> s->mode & 1) == 0)
		return false;
	if (site->arg < s->size_min || (s->size_max != 0 && site->arg > s->size_max))
		return false;
	return match_goroutine(s, site->goroutine) && match_type(s, site) &&
	       gcs_condition_holds(&s->condition, site);
}

/* Relaxed: a hint; the share is taken in fiu.c by an atomic add. */
static bool decide_share_left(const struct fault_worker *w)
{
	uint64_t taken = atomic_load_explicit(&w->taken, memory_order_relaxed);

	return (uint32_t)taken < taken >> 32;
}

static bool decide_drawn(const struct fault *f, uint32_t worker, uint32_t ordinal, uint32_t p_ppb)
{
	unsigned __int128 draw = decide_draw(f->salt, worker, ordinal);

	return (uint64_t)(draw * DECIDE_PPB >> 64) < p_ppb;
}

bool fault_schedule_holds(const struct fault *f, const struct gcs_fault_spec *s, uint32_t worker,
			  uint32_t ordinal)
{
	uint32_t own_ppb = atomic_load_explicit(&f->own_ppb, memory_order_relaxed);

	if (!decide_share_left(&f->worker[worker]))
		return false;
	if (own_ppb != 0)
		return decide_drawn(f, worker, ordinal, own_ppb - 1);
	if (ordinal <= s->after)
		return false;
	if (s->nth != 0 && ordinal != s->nth)
		return false;
	if (s->every != 0 && ordinal % s->every != 0)
		return false;
	return s->p_ppb == 0 || decide_drawn(f, worker, ordinal, s->p_ppb);
}

bool fault_sweep_holds(const struct gcs_fault_spec *s, uint64_t nth)
{
	return nth == s->visit || (s->visit_on && nth > s->visit);
}

static bool decide_before(const struct gcs_fired *a, uint32_t worker, uint32_t ordinal)
{
	return a->worker < worker || (a->worker == worker && a->ordinal < ordinal);
}

bool fault_replay_holds(const struct gcs_fault_spec *s, uint32_t worker, uint32_t ordinal)
{
	uint32_t low = 0, high = s->nfired;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (decide_before(&s->fired[mid], worker, ordinal))
			low = mid + 1;
		else
			high = mid;
	}
	return low < s->nfired && s->fired[low].worker == worker &&
	       s->fired[low].ordinal == ordinal;
}

/* Relaxed: a worker is one goroutine, or visits under a lock. */
bool fault_burst_holds(const struct fault *f, uint32_t worker, uint32_t ordinal)
{
	const struct fault_worker *w = &f->worker[worker];

	return ordinal <= atomic_load_explicit(&w->burst_end, memory_order_relaxed) &&
	       decide_share_left(w);
}

void fault_burst_begin(struct fault *f, const struct gcs_fault_spec *s, uint32_t worker,
		       uint32_t ordinal)
{
	uint64_t end = ordinal + s->burst - 1;

	if (s->burst > 1)
		atomic_store_explicit(&f->worker[worker].burst_end,
				      end < UINT32_MAX ? (uint32_t)end : UINT32_MAX,
				      memory_order_relaxed);
}

/* The delay of a worker that has fired so often before. */
static int64_t decide_doubled_ns(const struct gcs_fault_spec *s, uint32_t fired)
{
	int64_t delay = s->delay_ns;

	if (s->delay_max_ns == 0)
		return delay;
	for (; fired > 0 && delay < s->delay_max_ns; fired--)
		delay = delay <= s->delay_max_ns / 2 ? 2 * delay : s->delay_max_ns;
	return delay;
}

int64_t fault_delay_ns(const struct fault *f, const struct gcs_fault_spec *s, uint32_t worker,
		       uint32_t ordinal, uint32_t fired)
{
	uint64_t span = (uint64_t)s->jitter_ns + 1;
	uint64_t draw = decide_draw(f->salt ^ DECIDE_JITTER, worker, ordinal);

	return decide_doubled_ns(s, fired) + (int64_t)(((unsigned __int128)draw * span) >> 64);
}

/* Who visits a point that is the runtime's own; NULL: goroutines of the program do. */
static const uint32_t *split_own(const struct fault *f)
{
	static const uint32_t poller = MRT_WORKER_NETPOLL, sweeper = MRT_WORKER_SWEEPER,
			      marker = MRT_WORKER_MARK0, collector = MRT_WORKER_GC,
			      system_calls = MRT_WORKER_SYSCALL,
			      scheduler = MRT_WORKER_SCHED, scavenger = MRT_WORKER_SCAVENGER;

	switch ((uint32_t)f->spec.point) {
	case GCS_POINT_gc_sweep:
		return &sweeper;
	case GCS_POINT_gc_worker:
		return &marker;
	case GCS_POINT_gc_start:
	case GCS_POINT_stw_stopped:
	case GCS_POINT_sabotage_early_free:
	case GCS_POINT_sabotage_flip_bit:
	case GCS_POINT_mem_limit:
	case GCS_POINT_gc_pacer:
	case GCS_POINT_gc_gogc:
	case GCS_POINT_gc_roots:
	case GCS_POINT_gc_mark:
	case GCS_POINT_gc_termination:
	case GCS_POINT_gc_sweep_start:
		return &collector;
	case GCS_POINT_mem_os_release: /* whoever gives pages back */
	case GCS_POINT_mem_scavenge:
		return &scavenger;
	case GCS_POINT_netpoll_wake: /* whoever polls */
	case GCS_POINT_netpoll_poll:
		return &poller;
	case GCS_POINT_sched_steal:
	case GCS_POINT_sched_thread:
	case GCS_POINT_sched_starve:
		return &scheduler;
	default: /* one for all system calls, whoever makes them */
		return strncmp(f->name, "os/", 3) == 0 ? &system_calls : NULL;
	}
}

/* Take every share away, so that what has fired stands still; how much that is. */
static uint64_t split_freeze(struct fault *f)
{
	uint64_t fired = 0;

	for (uint32_t i = 0; i < MRT_WORKER_MAX; i++)
		fired += (uint32_t)atomic_fetch_and_explicit(&f->worker[i].taken, UINT32_MAX,
							     memory_order_relaxed);
	return fired;
}

/* So many firings more. Nobody else writes the word: its share is 0. */
static void split_give(struct fault_worker *w, uint64_t more)
{
	uint32_t fired = fault_worker_fired(w);
	uint64_t share = fired + more < UINT32_MAX ? fired + more : UINT32_MAX - 1;

	atomic_store_explicit(&w->taken, share << 32 | fired, memory_order_relaxed);
}

/* No bound: the share is never used up. */
static void split_unbound(struct fault *f)
{
	for (uint32_t i = 0; i < MRT_WORKER_MAX; i++)
		atomic_fetch_or_explicit(&f->worker[i].taken, (uint64_t)UINT32_MAX << 32,
					 memory_order_relaxed);
}

void fault_split(struct fault *f, uint64_t times, const uint32_t *worker, uint32_t nworkers)
{
	const uint32_t *own = split_own(f);
	uint32_t among = 0, place = 0;
	uint64_t fired, left;

	if (own != NULL) {
		worker = own;
		nworkers = 1;
	}
	if (times == 0) {
		split_unbound(f);
		return;
	}
	fired = split_freeze(f);
	left = times > fired ? times - fired : 0;
	for (uint32_t i = 0; i < nworkers; i++)
		among += own != NULL || match_goroutine(&f->spec, worker[i]);
	for (uint32_t i = 0; i < nworkers; i++)
		if (own != NULL || match_goroutine(&f->spec, worker[i])) {
			split_give(&f->worker[worker[i]], left / among + (place < left % among));
			place++;
		}
}
