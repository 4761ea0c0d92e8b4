/*
 * gate.c: the gates, and the cold path behind them.
 *
 * A gate counts why a point must be visited: armed faults and pending fire-once orders on it. The
 * cold path walks the faults of the point, counts the visit, asks the schedule (decide.c) and, when
 * that holds, libfiu (fiu.c); a firing is logged and returned.
 *
 * The log is bounded: LOG_INTERVAL_MAX records a fault and interval of LOG_INTERVAL_NS; what is
 * beyond is counted and its ids are added up through a hash, which does not depend on their order.
 *
 * What the injection itself costs is measured on the real back end: each firing, and one in
 * COST_SAMPLE of the other visits, taken COST_SAMPLE times. What reading the clock costs is
 * measured when the faults are loaded and taken off.
 */
#include "faults/fault_priv.h"

#include "faults/points.h"
#include "runtime/prim/prim.h"

#include <errno.h>
#include <string.h>

#define LOG_INTERVAL_NS	 INT64_C(100000000)
#define LOG_INTERVAL_MAX 512u
#define COST_SAMPLE	 16u
#define DELAY_NS_MAX	 INT64_C(3600000000000)
#define PPB_MAX		 1000000000u
#define BY_MILLI_MAX	 100000u

_Atomic uint32_t gcs_gates[GCS_POINT_COUNT_MAX];

static struct {
	struct fault fault[WATCH_FAULTS_MAX];
	uint32_t count;
	int8_t first[GCS_POINT_COUNT_MAX]; /* first fault of a point, -1 none */
	uint32_t worker[MRT_WORKER_MAX], nworkers; /* for splitting `times` again */
	struct mrt_telemetry *telemetry;
	int64_t clock_ns;			  /* one reading of the clock */
	struct watch_fault own[WATCH_FAULTS_MAX]; /* counters when there is no telemetry */
} faults;

static void count_add(_Atomic uint64_t *counter, uint64_t by)
{
	atomic_fetch_add_explicit(counter, by, memory_order_relaxed);
}

/* ------------------------------------------------------------------- loading */

/* The least that two readings in a row lie apart. */
static int64_t cost_of_clock(void)
{
	int64_t least = INT64_MAX;

	for (int i = 0; i < 32; i++) {
		int64_t a = prim_now_ns(), b = prim_now_ns();

		least = b - a < least ? b - a : least;
	}
	return least;
}

/* Does the point's site know what the match compares, and the condition asks for? */
static bool fault_match_fits(const struct gcs_fault_spec *s, const struct gcs_point_info *info)
{
	if (s->ntypes > GCS_MATCH_TYPES_MAX || s->ngoroutines > GCS_MATCH_GOROUTINES_MAX)
		return false;
	for (uint32_t i = 0; i < s->ntypes; i++)
		if (memchr(s->type[i], '\0', GCS_TYPE_BYTES) == NULL)
			return false;
	if ((s->ntypes != 0 && gcs_point_type_of(info) == GCS_TYPE_OF_NONE) ||
	    (s->ngoroutines != 0 && !gcs_point_has_goroutine(info)))
		return false;
	return gcs_condition_check(&s->condition, info) == NULL;
}

static bool fault_fired_in_order(const struct gcs_fault_spec *s)
{
	const struct gcs_fired *f = s->fired;

	for (uint32_t i = 0; i < s->nfired; i++)
		if (f[i].worker >= MRT_WORKER_MAX || f[i].ordinal == 0 ||
		    (i > 0 && (f[i - 1].worker > f[i].worker ||
			       (f[i - 1].worker == f[i].worker &&
				f[i - 1].ordinal >= f[i].ordinal))))
			return false;
	return s->nfired <= GCS_FIRED_MAX;
}

static int fault_spec_check(const struct gcs_fault_spec *s)
{
	const struct gcs_point_info *info = gcs_point_by_id((uint32_t)s->point);
	uint32_t action = (uint32_t)s->action;

	if (info == NULL || (action & (action - 1)) != 0 || (info->actions & action) == 0)
		return -EINVAL;
	if (s->p_ppb > PPB_MAX || s->err < 0 || s->burst > UINT32_MAX ||
	    s->after > UINT32_MAX)
		return -EINVAL;
	if ((s->size_min != 0 || s->size_max != 0) &&
	    (info->size_is == NULL || (s->size_max != 0 && s->size_max < s->size_min)))
		return -EINVAL;
	if (s->err != 0 && !gcs_point_error_fits(info, s->err))
		return -EINVAL;
	if (!fault_match_fits(s, info))
		return -EINVAL;
	if (s->delay_ns < 0 || s->delay_ns > DELAY_NS_MAX || s->jitter_ns < 0 ||
	    s->jitter_ns > DELAY_NS_MAX)
		return -EINVAL;
	if (s->delay_max_ns != 0 &&
	    ((s->action & (GCS_ACT_DELAY | GCS_ACT_COALESCE)) == 0 || s->delay_ns == 0 || s->delay_max_ns < s->delay_ns ||
	     s->delay_max_ns > DELAY_NS_MAX))
		return -EINVAL;
	if (s->by_milli > BY_MILLI_MAX ||
	    (s->action == GCS_ACT_BIAS &&
	     (s->by_milli == 0 || !gcs_point_factor_fits(info, s->by_milli))))
		return -EINVAL;
	if ((uint32_t)s->where >= GCS_WHERES || (uint32_t)s->mode >= GCS_MODES ||
	    ((s->where != 0 || s->mode != 0) && !gcs_point_has_places(info)))
		return -EINVAL;
	return fault_fired_in_order(s) ? 0 : -EINVAL;
}

/* Append to the chain of its point; returns its place there. */
static uint32_t fault_link(struct fault *f)
{
	int8_t *link = &faults.first[f->spec.point];
	uint32_t place = 0;

	while (*link >= 0) {
		link = &faults.fault[*link].next;
		place++;
	}
	*link = (int8_t)f->index;
	f->next = -1;
	return place;
}

static int fault_setup(uint32_t index, const struct gcs_faults_options *opt)
{
	struct fault *f = &faults.fault[index];
	const struct gcs_point_info *info = gcs_point_by_id((uint32_t)opt->spec[index].point);
	uint32_t place;

	memset(f, 0, sizeof(*f));
	f->spec = opt->spec[index];
	if (f->spec.replays)
		f->spec.burst = f->spec.times = 0; /* what they did is among the firings */
	if (f->spec.err == 0)
		f->spec.err = info->default_errno;
	atomic_init(&f->now, &f->spec);
	f->index = index;
	f->name = info->name;
	f->worker = prim_pages_alloc(MRT_WORKER_MAX * sizeof(*f->worker));
	if (f->worker == NULL)
		return -ENOMEM;
	faults.count = index + 1;
	if (f->spec.stacks && (f->stacks = fault_stacks_create()) == NULL)
		return -ENOMEM;
	f->count = opt->telemetry != NULL ? &opt->telemetry->fault[index] : &faults.own[index];
	place = fault_link(f);
	f->salt = fault_salt(opt->seed, (uint32_t)f->spec.point, place);
	fault_split(f, f->spec.times, faults.worker, faults.nworkers);
	return place == 0 ? fault_fiu_enable(f->name) : 0;
}

int gcs_faults_load(const struct gcs_faults_options *opt)
{
	int r = 0;

	if (!GCS_FAULTS && opt->nspecs > 0)
		return -ENOTSUP;
	if (opt->nspecs > WATCH_FAULTS_MAX)
		return -E2BIG;
	if (opt->nworkers > MRT_WORKER_MAX)
		return -EINVAL;
	for (uint32_t i = 0; i < opt->nspecs; i++)
		if (fault_spec_check(&opt->spec[i]) < 0)
			return -EINVAL;
	for (uint32_t i = 0; i < opt->nworkers; i++)
		if (opt->worker[i] >= MRT_WORKER_MAX)
			return -EINVAL;
	gcs_faults_clear();
	faults.telemetry = opt->telemetry;
	faults.clock_ns = MRT_SIM ? 0 : cost_of_clock();
	memset(faults.own, 0, sizeof(faults.own));
	faults.nworkers = opt->nworkers;
	if (opt->nworkers > 0)
		memcpy(faults.worker, opt->worker, opt->nworkers * sizeof(*opt->worker));
	for (uint32_t i = 0; i < opt->nspecs && r == 0; i++)
		r = fault_setup(i, opt);
	if (r < 0)
		gcs_faults_clear();
	return r;
}

static void fault_edits_free(struct fault *f)
{
	while (f->edits != NULL) {
		struct fault_edit *e = f->edits;

		f->edits = e->before;
		prim_pages_free(e, sizeof(*e));
	}
}

void gcs_faults_clear(void)
{
	for (uint32_t i = 0; i < faults.count; i++) {
		struct fault *f = &faults.fault[i];

		fault_fiu_disable(f->name);
		fault_edits_free(f);
		prim_pages_free(f->worker, MRT_WORKER_MAX * sizeof(*f->worker));
		fault_stacks_destroy(f->stacks);
	}
	faults.count = 0;
	memset(faults.first, -1, sizeof(faults.first));
	for (uint32_t i = 0; i < GCS_POINT_COUNT_MAX; i++)
		atomic_store_explicit(&gcs_gates[i], 0, memory_order_relaxed);
}

/* -------------------------------------------------------------------- arming */

static void fault_emit_arm(const struct fault *f, bool armed, bool by_operator, int64_t now_ns)
{
	struct watch_record rec = {
		.t_ns = now_ns,
		.kind = WATCH_ARM,
		.p = 0xffff,
		.a = f->index,
		.b = f->occurrence,
		.c = armed,
		.d = by_operator,
		.e = faults.telemetry != NULL
			     ? atomic_load_explicit(&faults.telemetry->fault[f->index].fired,
						    memory_order_relaxed)
			     : 0,
	};

	watch_emit_shared(faults.telemetry, &rec);
}

static void gate_add(enum gcs_point point, uint32_t by)
{
	/* Relaxed: the flags of the fault carry the order; a visit that finds none of them set does
	 * nothing. */
	atomic_fetch_add_explicit(&gcs_gates[point], by, memory_order_relaxed);
}

void gcs_fault_arm(uint32_t fault, uint32_t occurrence, bool by_operator, int64_t now_ns)
{
	struct fault *f = &faults.fault[fault];

	if (fault >= faults.count || gcs_fault_armed(fault))
		return;
	f->occurrence = occurrence;
	fault_emit_arm(f, true, by_operator, now_ns);
	atomic_store_explicit(&f->count->armed, 1, memory_order_relaxed);
	/* Release: pairs with the acquire in fault_visit: who sees it armed sees it loaded. */
	atomic_store_explicit(&f->armed, true, memory_order_release);
	gate_add(f->spec.point, 1);
}

void gcs_fault_arm_with(uint32_t fault, uint32_t occurrence, uint32_t p_ppb, int64_t now_ns)
{
	if (fault >= faults.count)
		return;
	/* Relaxed: visits that begin after the arming (release) see it; on an armed fault, soon. */
	atomic_store_explicit(&faults.fault[fault].own_ppb, (p_ppb < PPB_MAX ? p_ppb : PPB_MAX) + 1,
			      memory_order_relaxed);
	gcs_fault_arm(fault, occurrence, true, now_ns);
}

void gcs_fault_disarm(uint32_t fault, bool by_operator, int64_t now_ns)
{
	struct fault *f = &faults.fault[fault];

	if (fault >= faults.count || !gcs_fault_armed(fault))
		return;
	gate_add(f->spec.point, UINT32_MAX);
	atomic_store_explicit(&f->armed, false, memory_order_relaxed);
	atomic_store_explicit(&f->own_ppb, 0, memory_order_relaxed);
	atomic_store_explicit(&f->count->armed, 0, memory_order_relaxed);
	fault_emit_arm(f, false, by_operator, now_ns);
}

/* The numbers of `to`, everything else of the fault. */
static struct gcs_fault_spec fault_edited(const struct fault *f, const struct gcs_fault_spec *to)
{
	struct gcs_fault_spec s = f->spec;

	s.err = to->err != 0 ? to->err : gcs_point_by_id((uint32_t)s.point)->default_errno;
	s.p_ppb = to->p_ppb;
	s.nth = to->nth;
	s.every = to->every;
	s.after = to->after;
	s.burst = to->burst;
	s.times = to->times;
	s.delay_ns = to->delay_ns;
	s.jitter_ns = to->jitter_ns;
	s.delay_max_ns = to->delay_max_ns;
	s.by_milli = to->by_milli;
	s.size_min = to->size_min;
	s.size_max = to->size_max;
	return s;
}

int gcs_fault_edit(uint32_t fault, const struct gcs_fault_spec *to)
{
	struct fault *f = &faults.fault[fault];
	struct gcs_fault_spec s;
	struct fault_edit *e;

	if (fault >= faults.count)
		return -ENOENT;
	s = fault_edited(f, to);
	if (s.replays || s.visit != 0 || fault_spec_check(&s) < 0)
		return -EINVAL;
	if (f->nedits == GCS_FAULT_EDITS_MAX)
		return -E2BIG;
	e = prim_pages_alloc(sizeof(*e));
	if (e == NULL)
		return -ENOMEM;
	*e = (struct fault_edit){.spec = s, .before = f->edits};
	f->edits = e;
	f->nedits++;
	if (s.times != fault_now(f)->times)
		fault_split(f, s.times, faults.worker, faults.nworkers);
	/* Release: pairs with the acquire of fault_now. */
	atomic_store_explicit(&f->now, &e->spec, memory_order_release);
	atomic_store_explicit(&f->own_ppb, 0, memory_order_relaxed); /* the last word holds */
	return 0;
}

void gcs_fault_follow(uint32_t fault, bool armed)
{
	struct fault *f = &faults.fault[fault];

	if (fault >= faults.count || gcs_fault_armed(fault) == armed)
		return;
	gate_add(f->spec.point, armed ? 1 : UINT32_MAX);
	atomic_store_explicit(&f->armed, armed, memory_order_release); /* as in gcs_fault_arm */
}

bool gcs_fault_armed(uint32_t fault)
{
	return fault < faults.count &&
	       atomic_load_explicit(&faults.fault[fault].armed, memory_order_relaxed);
}

void gcs_fault_fire_once(uint32_t fault)
{
	struct fault *f = &faults.fault[fault];

	if (fault >= faults.count)
		return;
	/* Release: as in gcs_fault_arm. Whoever turns it from true to false takes the gate's share
	 * back. */
	if (!atomic_exchange_explicit(&f->once, true, memory_order_acq_rel))
		gate_add(f->spec.point, 1);
}

static bool fault_take_once(struct fault *f)
{
	if (!atomic_load_explicit(&f->once, memory_order_relaxed) ||
	    !atomic_exchange_explicit(&f->once, false, memory_order_acq_rel))
		return false;
	gate_add(f->spec.point, UINT32_MAX);
	return true;
}

void gcs_faults_disarm_all(bool by_operator, int64_t now_ns)
{
	for (uint32_t i = 0; i < faults.count; i++) {
		gcs_fault_disarm(i, by_operator, now_ns);
		fault_take_once(&faults.fault[i]);
	}
}

uint32_t gcs_fault_stacks(uint32_t fault, uint64_t ret_first[GCS_STACKS_MAX], uint64_t *ret_lost)
{
	*ret_lost = 0;
	if (fault >= faults.count || faults.fault[fault].stacks == NULL)
		return 0;
	return fault_stacks_read(faults.fault[fault].stacks, ret_first, ret_lost);
}

const struct watch_fault *gcs_fault_counters(uint32_t fault)
{
	return fault < faults.count ? faults.fault[fault].count : NULL;
}

/* ------------------------------------------------------------------- the log */

/* May one more record be written in the interval of now? */
static bool log_allows(struct fault_log *log, int64_t now_ns)
{
	uint64_t interval = (uint64_t)(now_ns / LOG_INTERVAL_NS), old, new;

	old = atomic_load_explicit(&log->state, memory_order_relaxed);
	do {
		if (interval > old >> 16)
			new = interval << 16 | 1;
		else if ((old & 0xffff) >= LOG_INTERVAL_MAX)
			return false;
		else
			new = old + 1;
	} while (!atomic_compare_exchange_weak_explicit(
		&log->state, &old, new, memory_order_relaxed, memory_order_relaxed));
	return true;
}

static void log_emit(const struct gcs_site *site, const struct watch_record *rec)
{
	if (site->ring != NULL)
		watch_emit(faults.telemetry, site->ring, rec);
	else
		watch_emit_shared(faults.telemetry, rec);
}

static void log_fire(struct fault *f, const struct gcs_site *site, uint32_t ordinal, uint64_t id)
{
	struct watch_record rec = {
		.t_ns = site->now_ns,
		.kind = WATCH_FIRE,
		.p = site->p,
		.a = (uint64_t)f->index << 32 | (uint32_t)f->spec.action,
		.b = site->worker,
		.c = ordinal,
		.d = id,
		.e = (uint64_t)site->gc_cycle << 8 | site->gc_phase,
		.f = site->arg,
	};

	if (faults.telemetry == NULL)
		return;
	if (log_allows(&f->fires, site->now_ns)) {
		log_emit(site, &rec);
		return;
	}
	count_add(&f->count->log_dropped, 1);
	count_add(&f->count->log_hash, fault_salt(id, 0, 0));
}

void gcs_effect(const struct gcs_site *site, uint64_t firing, enum gcs_effect effect, uint64_t value)
{
	uint32_t index = (uint32_t)(firing >> 48) - 1;
	struct watch_record rec = {
		.t_ns = site->now_ns,
		.kind = WATCH_EFFECT,
		.p = site->p,
		.a = index,
		.b = firing,
		.c = effect,
		.d = value,
	};

	if (index >= faults.count)
		return;
	if (effect == GCS_EFFECT_MASKED)
		count_add(&faults.fault[index].count->masked, 1);
	if (faults.telemetry != NULL && log_allows(&faults.fault[index].effects, site->now_ns))
		log_emit(site, &rec);
}

/* ------------------------------------------------------------- the cold path */

static int64_t cost_now(bool wanted)
{
	return wanted && !MRT_SIM ? prim_now_ns() : 0;
}

static void cost_add(struct fault *f, int64_t since_ns, uint32_t weight)
{
	int64_t spent;

	if (since_ns == 0)
		return;
	spent = prim_now_ns() - since_ns - faults.clock_ns;
	if (spent > 0)
		count_add(&f->count->cold_ns, (uint64_t)spent * weight);
}

/* The schedule holds: let libfiu say the last word, count and log. */
static bool fault_fire(struct fault *f, const struct gcs_fault_spec *s, const struct gcs_site *site,
		       uint32_t ordinal, bool once, struct gcs_firing *ret)
{
	uint64_t id =
		(uint64_t)(f->index + 1) << 48 | (uint64_t)(site->worker & 0xffff) << 32 | ordinal;
	uint32_t before = fault_worker_fired(&f->worker[site->worker]);
	struct fault_visit visit = {
		.fault = f,
		.worker = &f->worker[site->worker],
		.once = once,
		.id = id,
	};

	if (!fault_fiu_ask(&visit))
		return false;
	count_add(&f->count->fired, 1);
	log_fire(f, site, ordinal, id);
	*ret = (struct gcs_firing){
		.id = id,
		.fault = f->index,
		.action = s->action,
		.err = s->err,
		.delay_ns = s->action & (GCS_ACT_DELAY | GCS_ACT_COALESCE)
				    ? fault_delay_ns(f, s, site->worker, ordinal, before)
				    : 0,
		.by_milli = s->by_milli,
		.mode = s->mode,
	};
	return true;
}

/* Acquire: pairs with gcs_fault_arm and gcs_fault_fire_once. */
static bool fault_wants_visits(const struct fault *f)
{
	return atomic_load_explicit(&f->armed, memory_order_acquire) ||
	       atomic_load_explicit(&f->once, memory_order_acquire);
}

uint32_t gcs_armed_where(enum gcs_point point)
{
	uint32_t bits = 0;

	for (int8_t i = faults.first[point]; i >= 0; i = faults.fault[i].next)
		if ((uint32_t)i < faults.count && fault_wants_visits(&faults.fault[i]))
			bits |= 1u << faults.fault[i].spec.where;
	return bits;
}

/* nth: the eligible visit of the fault, ordinal: of its worker. */
static bool fault_holds(const struct fault *f, const struct gcs_fault_spec *s, uint32_t worker,
			uint32_t ordinal, uint64_t nth)
{
	if (s->replays)
		return fault_replay_holds(s, worker, ordinal);
	if (s->visit != 0)
		return fault_sweep_holds(s, nth);
	return fault_schedule_holds(f, s, worker, ordinal);
}

static bool fault_visit(struct fault *f, const struct gcs_site *site, struct gcs_firing *ret)
{
	const struct gcs_fault_spec *s;
	bool once, burst, fired, holds;
	uint32_t ordinal;
	uint64_t nth, visit;
	int64_t start;

	if (!fault_wants_visits(f) || (uint32_t)f->spec.where != site->where)
		return false;
	visit = atomic_fetch_add_explicit(&f->count->visits, 1, memory_order_relaxed);
	if (!site->eligible || site->worker >= MRT_WORKER_MAX)
		return false;
	start = cost_now(visit % COST_SAMPLE == 0);
	s = fault_now(f);
	if (!fault_matches(s, site)) {
		cost_add(f, start, COST_SAMPLE);
		return false;
	}
	nth = 1 + atomic_fetch_add_explicit(&f->count->eligible, 1, memory_order_relaxed);
	ordinal = 1 + atomic_fetch_add_explicit(&f->worker[site->worker].ordinal, 1,
						memory_order_relaxed);
	if (f->stacks != NULL)
		fault_stacks_note(f->stacks, nth);
	once = fault_take_once(f);
	burst = !once && fault_burst_holds(f, site->worker, ordinal);
	holds = fault_holds(f, s, site->worker, ordinal, nth);
	if (!once && !burst && !holds) {
		cost_add(f, start, COST_SAMPLE);
		return false;
	}
	start = cost_now(true);
	fired = fault_fire(f, s, site, ordinal, once, ret);
	if (fired && !once && !burst)
		fault_burst_begin(f, s, site->worker, ordinal);
	cost_add(f, start, 1);
	return fired;
}

bool gcs_decide(enum gcs_point point, const struct gcs_site *site, struct gcs_firing *ret)
{
	for (int8_t i = faults.first[point]; i >= 0; i = faults.fault[i].next)
		if ((uint32_t)i < faults.count && fault_visit(&faults.fault[i], site, ret))
			return true;
	return false;
}
