/*
 * recovery.c: baselines, limits, and the state machine of an occurrence.
 *
 *   ARMED -> DEGRADED (a signal beyond its limit, after the first firing)
 *         -> RECOVERING (the clock runs) -> STEADY | NEVER
 *   ARMED -> UNTOUCHED (steady, nothing left its band) | UNJUDGED (there was no baseline)
 *
 * Limit of a signal: band times the baseline, but at least the metric's floor beyond it
 * (microseconds of noise are no degradation), and at least three robust standard deviations (a
 * noisy machine is not a broken runtime).
 *
 * Whether a signal is bad is decided by whole intervals, when it came back by their slices: it is
 * the end of the last bad slice in the last bad interval on the clock, or, later, of the bad slices
 * that follow the clock's start without a good one between. A slice is bad beyond the limit, and
 * beyond what nine in ten slices of the baseline kept to; one with nothing to measure in it says
 * nothing.
 *
 * Limits: effects are told apart in time only: two faults armed together share what they do (both
 * are overlapped); and what comes later than `windows` good intervals after the end is not counted.
 */
#include "harness/measure/recovery.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SPREADS	    3.0
#define RATIO_MAX   1e6
#define SLICE_SHARE 0.9	      /* of the baseline's slices are good by definition */
#define OUTSIDE_MAX (1.0 / 3) /* of the baseline's windows may lie outside band and noise */
#define SPREAD_SHARE_MAX                                                                           \
	0.5 /* of the median: more spread is no level that one could come back to */

static const char *const recovery_default[] = {"op.latency.p99", "pause.stw.p99", "ops.rate",
					       "wake.lag.p99"};

const char *gcs_rec_state_name(enum gcs_rec_state s)
{
	static const char *const names[] = {"armed", "degraded",  "recovering", "steady",
					    "never", "untouched", "unjudged"};
	return names[s];
}

int gcs_recoveries_init(struct gcs_recoveries *r, const struct gcs_scenario *s)
{
	const struct gcs_recovery *conf = &s->recovery;
	struct gcs_expr_error e;
	memset(r, 0, sizeof(*r));
	r->windows = conf->windows ? conf->windows : 5;
	r->band_milli = conf->band_milli > 1000 ? conf->band_milli : 1250;
	r->window_ns = conf->window_ns > 0 ? conf->window_ns : 1000000000;
	r->deadline_ns = conf->deadline_ns > 0 ? conf->deadline_ns : INT64_MAX / 4;
	r->first_arm_ns = -1;
	r->nsignals = conf->nsignals ? conf->nsignals
				     : sizeof(recovery_default) / sizeof(recovery_default[0]);
	for (uint32_t i = 0; i < r->nsignals; i++) {
		struct gcs_signal *sig = &r->signal[i];
		sig->name = conf->nsignals ? conf->signal[i] : recovery_default[i];
		int rc = gcs_signal_find(sig->name, s, &sig->ref, &e);
		if (rc != 0)
			return rc;
	}
	return 0;
}

void gcs_recoveries_fini(struct gcs_recoveries *r)
{
	free(r->occ);
	memset(r, 0, sizeof(*r));
}

/* ---------------------------------------------------------------- baseline */

static double signal_limit(const struct gcs_signal *sig, uint32_t band_milli)
{
	double band = band_milli / 1000.0, noise = SPREADS * sig->spread,
	       slack = sig->ref.metric->floor;
	if (sig->ref.metric->worse > 0)
		return fmax(sig->base * band, sig->base + fmax(slack, noise));
	return fmin(sig->base / band, sig->base - fmax(slack, noise));
}

static bool signal_beyond(const struct gcs_signal *sig, double v, double limit)
{
	return sig->has_base && (sig->ref.metric->worse > 0 ? v > limit : v < limit);
}

static int signal_order(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

bool gcs_signal_beyond(const struct gcs_signal *sig, double value)
{
	return signal_beyond(sig, value, sig->limit);
}

/* From the limit of intervals. */
static double signal_slice_limit(const struct gcs_signal *sig)
{
	double v[GCS_BASELINE_MAX];
	size_t n = sig->nslices < GCS_BASELINE_MAX ? sig->nslices : GCS_BASELINE_MAX;
	if (n == 0)
		return sig->limit;
	memcpy(v, sig->slice, n * sizeof(v[0]));
	qsort(v, n, sizeof(v[0]), signal_order);
	size_t at = (size_t)(SLICE_SHARE * (double)(n - 1));
	return sig->ref.metric->worse > 0 ? fmax(sig->limit, v[at])
					  : fmin(sig->limit, v[n - 1 - at]);
}

/* Share of the samples outside the band on either side. */
static double signal_outside(const double *v, size_t n, double middle, double band, double slack)
{
	size_t out = 0;
	for (size_t i = 0; i < n; i++)
		out += v[i] > fmax(middle * band, middle + slack) ||
		       v[i] < fmin(middle / band, middle - slack);
	return n ? (double)out / (double)n : 0;
}

static bool signal_settle(struct gcs_recoveries *r, struct gcs_signal *sig, uint32_t n)
{
	double v[GCS_BASELINE_MAX], band = r->band_milli / 1000.0, slack = sig->ref.metric->floor;
	uint32_t half = n / 2;
	memcpy(v, sig->sample, n * sizeof(v[0]));
	double early = gcs_median(v, half);
	memcpy(v, sig->sample + half, (n - half) * sizeof(v[0]));
	double late = gcs_median(v, n - half);
	memcpy(v, sig->sample, n * sizeof(v[0]));
	sig->base = gcs_median(v, n);
	sig->spread = gcs_spread(v, n, sig->base);
	sig->has_base = true;
	sig->limit = signal_limit(sig, r->band_milli);
	sig->slice_limit = signal_slice_limit(sig);
	double noise = fmax(slack, SPREADS * sig->spread);
	double out = signal_outside(sig->sample, n, sig->base, band, noise);
	bool drifts = signal_outside(&late, 1, early, band, noise) > 0;
	bool wide = sig->spread > fmax(SPREAD_SHARE_MAX * sig->base, slack);
	if (out <= OUTSIDE_MAX && !drifts && !wide)
		return true;
	char base[32];
	gcs_metric_show(sig->ref.metric->unit, sig->base, base, sizeof(base));
	snprintf(r->why_not, sizeof(r->why_not),
		 "%s %s before the first fault (median %s of %u windows, %.0f%% of them far from "
		 "it)",
		 sig->name, drifts ? "drifted" : "was not steady", base, n, 100 * out);
	return false;
}

static void baseline_settle(struct gcs_recoveries *r)
{
	uint32_t n = r->nbaseline < GCS_BASELINE_MAX ? r->nbaseline : GCS_BASELINE_MAX;
	r->steady = 1;
	if (n < GCS_BASELINE_MIN) {
		r->steady = -1;
		snprintf(r->why_not, sizeof(r->why_not),
			 "only %u recorded windows before the first fault, %u are needed", n,
			 GCS_BASELINE_MIN);
		return;
	}
	for (uint32_t i = 0; i < r->nsignals; i++)
		if (!signal_settle(r, &r->signal[i], n))
			r->steady = -1;
}

/* The oldest sample makes room: the order (old to new) matters for drift. */
static void baseline_add(struct gcs_recoveries *r, const double *value, uint32_t has)
{
	for (uint32_t i = 0; i < r->nsignals; i++) {
		struct gcs_signal *sig = &r->signal[i];
		double v = has >> i & 1 ? value[i] : 0;
		uint32_t at = r->nbaseline;
		if (at >= GCS_BASELINE_MAX) {
			memmove(sig->sample, sig->sample + 1, (GCS_BASELINE_MAX - 1) * sizeof(v));
			at = GCS_BASELINE_MAX - 1;
		}
		sig->sample[at] = v;
	}
	r->nbaseline++;
}

/* ---------------------------------------------------------------- events */

static struct gcs_occurrence *occurrence_open(struct gcs_recoveries *r, uint32_t fault)
{
	for (uint32_t i = r->nocc; i-- > 0;)
		if (r->occ[i].fault == fault)
			return r->occ[i].end_ns < 0 ? &r->occ[i] : NULL;
	return NULL;
}

static struct gcs_occurrence *occurrence_new(struct gcs_recoveries *r)
{
	if (r->nocc == r->cap) {
		uint32_t cap = r->cap ? 2 * r->cap : 32;
		struct gcs_occurrence *occ =
			r->nocc < GCS_OCCURRENCES_MAX ? realloc(r->occ, cap * sizeof(*occ)) : NULL;
		if (!occ) {
			r->skipped++;
			return NULL;
		}
		r->occ = occ;
		r->cap = cap;
	}
	return &r->occ[r->nocc++];
}

static int64_t signal_recovery(const struct gcs_occurrence *o, const struct gcs_occ_signal *os)
{
	if (!os->left)
		return -1;
	return (os->bad_ns > os->stretch_ns ? os->bad_ns : os->stretch_ns) - o->clock_ns;
}

/* What an occurrence is in the end, from whether everything is good now. */
static enum gcs_rec_state occurrence_end(const struct gcs_recoveries *r,
					 const struct gcs_occurrence *o, bool good)
{
	if (o->degraded_ns >= 0)
		return good ? GCS_REC_STEADY : GCS_REC_NEVER;
	return r->signal[0].has_base ? GCS_REC_UNTOUCHED : GCS_REC_UNJUDGED;
}

static void occurrence_decide(struct gcs_recoveries *r, struct gcs_occurrence *o,
			      enum gcs_rec_state state, int64_t t_ns)
{
	o->state = state;
	o->decided = o->changed = true;
	o->steady_ns = state == GCS_REC_STEADY || state == GCS_REC_UNTOUCHED ? t_ns : -1;
	for (uint32_t i = 0; i < r->nsignals && state == GCS_REC_STEADY; i++) {
		struct gcs_occ_signal *os = &o->signal[i];
		os->recovery_ns = signal_recovery(o, os);
		if (os->recovery_ns > o->recovery_ns)
			o->recovery_ns = os->recovery_ns;
	}
}

/* Everything armed or not yet back is touched by fault's arming. What has fired, was disarmed, and moved no signal in a whole interval
 * since then has moved none: what moves from now on is not due to it. */
static void occurrences_overlap(struct gcs_recoveries *r, int64_t t_ns)
{
	for (uint32_t i = 0; i < r->nocc; i++) {
		struct gcs_occurrence *o = &r->occ[i];
		if (o->decided)
			continue;
		o->overlapped = o->changed = true;
		if (o->first_fired_ns >= 0 && o->degraded_ns < 0 && o->good > 0) {
			occurrence_decide(r, o, occurrence_end(r, o, true), t_ns);
			continue;
		}
		o->good = 0;
		o->clock_ns = -1;
		for (uint32_t k = 0; k < r->nsignals; k++) {
			o->signal[k].good = 0;
			o->signal[k].recovery_ns = -1;
		}
	}
}

void gcs_recoveries_arm(struct gcs_recoveries *r, uint32_t fault, uint32_t number, bool by_operator,
			int64_t t_ns)
{
	if (fault >= GCS_FAULTS_MAX || (r->armed >> fault & 1))
		return;
	if (r->first_arm_ns < 0) {
		r->first_arm_ns = t_ns;
		baseline_settle(r);
	}
	bool others = r->armed != 0;
	occurrences_overlap(r, t_ns);
	r->armed |= 1u << fault;
	struct gcs_occurrence *o = occurrence_new(r);
	if (!o)
		return;
	*o = (struct gcs_occurrence){.fault = fault,
				     .number = number,
				     .state = GCS_REC_ARMED,
				     .overlapped = others,
				     .by_operator = by_operator,
				     .start_ns = t_ns,
				     .first_fired_ns = -1,
				     .end_ns = -1,
				     .clock_ns = -1,
				     .degraded_ns = -1,
				     .steady_ns = -1,
				     .recovery_ns = -1,
				     .changed = true};
	for (uint32_t i = 0; i < r->nsignals; i++)
		o->signal[i].left_ns = o->signal[i].recovery_ns = -1;
}

void gcs_recoveries_fire(struct gcs_recoveries *r, uint32_t fault, int64_t t_ns)
{
	struct gcs_occurrence *o = NULL;
	for (uint32_t i = r->nocc; i-- > 0 && !o;)
		if (r->occ[i].fault == fault && r->occ[i].start_ns <= t_ns)
			o = &r->occ[i];
	if (!o)
		return;
	o->fired++;
	o->changed = true;
	if (o->first_fired_ns < 0)
		o->first_fired_ns = t_ns;
}

void gcs_recoveries_count(struct gcs_recoveries *r, uint32_t fault, bool armed, uint64_t fired)
{
	struct gcs_occurrence *o = occurrence_open(r, fault);
	if (!o)
		return;
	if (armed)
		o->fired_before = fired;
	else if (fired >= o->fired_before && fired - o->fired_before > o->fired)
		o->fired = fired - o->fired_before;
	o->changed = true;
}

static void clock_start(struct gcs_recoveries *r, int64_t t_ns)
{
	for (uint32_t i = 0; i < r->nocc; i++) {
		struct gcs_occurrence *o = &r->occ[i];
		if (o->decided)
			continue;
		o->clock_ns = t_ns;
		o->changed = true;
		for (uint32_t k = 0; k < r->nsignals; k++) {
			o->signal[k].stretch_ns = o->signal[k].bad_ns = t_ns;
			o->signal[k].unbroken = true;
		}
		if (o->state == GCS_REC_DEGRADED)
			o->state = GCS_REC_RECOVERING;
	}
}

void gcs_recoveries_disarm(struct gcs_recoveries *r, uint32_t fault, int64_t t_ns)
{
	if (fault >= GCS_FAULTS_MAX || !(r->armed >> fault & 1))
		return;
	r->armed &= ~(1u << fault);
	struct gcs_occurrence *o = occurrence_open(r, fault);
	if (o) {
		o->end_ns = t_ns;
		o->changed = true;
	}
	if (r->armed == 0)
		clock_start(r, t_ns);
}

/* ---------------------------------------------------------------- intervals */

static double signal_ratio(const struct gcs_signal *sig, double v)
{
	double base = sig->base > 0 ? sig->base : fmax(sig->ref.metric->floor, 1);
	double ratio = sig->ref.metric->worse > 0 ? v / base : v > 0 ? base / v : RATIO_MAX;
	return fmin(ratio, RATIO_MAX);
}

static void occurrence_peak(const struct gcs_signal *sig, struct gcs_occ_signal *os, double v)
{
	double ratio = signal_ratio(sig, v);
	if (os->peak_ratio == 0 || ratio > os->peak_ratio) {
		os->peak = v;
		os->peak_ratio = ratio;
	}
}

static void occurrence_left(struct gcs_occurrence *o, struct gcs_occ_signal *os, int64_t start_ns)
{
	if (!os->left) {
		os->left = true;
		os->left_ns = start_ns;
	}
	if (o->degraded_ns < 0)
		o->degraded_ns = start_ns > o->first_fired_ns ? start_ns : o->first_fired_ns;
	if (o->state == GCS_REC_ARMED)
		o->state = o->clock_ns >= 0 ? GCS_REC_RECOVERING : GCS_REC_DEGRADED;
}

static void occurrence_interval(struct gcs_recoveries *r, struct gcs_occurrence *o,
				int64_t start_ns, int64_t end_ns, const double *value, uint32_t has)
{
	bool fired = o->first_fired_ns >= 0 && end_ns > o->first_fired_ns;
	bool on_clock = o->clock_ns >= 0 && start_ns >= o->clock_ns, all_good = true;
	for (uint32_t i = 0; i < r->nsignals; i++) {
		struct gcs_occ_signal *os = &o->signal[i];
		if (!(has >> i & 1)) {
			os->good += on_clock;
			continue;
		}
		if (fired)
			occurrence_peak(&r->signal[i], os, value[i]);
		bool bad = signal_beyond(&r->signal[i], value[i], r->signal[i].limit);
		if (bad && fired)
			occurrence_left(o, os, start_ns);
		if (bad && on_clock)
			os->bad_ns = os->slice_ns > start_ns ? os->slice_ns : end_ns;
		os->good = bad ? 0 : os->good + on_clock;
		if (os->left && os->good == r->windows)
			os->recovery_ns = signal_recovery(o, os);
		else if (os->left && bad)
			os->recovery_ns = -1;
		all_good &= !bad;
	}
	o->changed = true;
	o->good = all_good ? o->good + on_clock : 0;
	if (on_clock && o->good >= r->windows)
		occurrence_decide(r, o, occurrence_end(r, o, true), end_ns);
	else if (on_clock && !all_good && end_ns - o->clock_ns > r->deadline_ns)
		occurrence_decide(r, o, occurrence_end(r, o, false), end_ns);
}

static void occurrence_slice(const struct gcs_recoveries *r, struct gcs_occurrence *o,
			     int64_t end_ns, const double *value, uint32_t has)
{
	for (uint32_t i = 0; i < r->nsignals; i++) {
		struct gcs_occ_signal *os = &o->signal[i];
		bool on_clock = o->clock_ns >= 0 && end_ns > o->clock_ns;
		if (!(has >> i & 1))
			continue;
		bool bad = signal_beyond(&r->signal[i], value[i], r->signal[i].slice_limit);
		if (bad)
			os->slice_ns = end_ns;
		if (bad && on_clock && os->unbroken)
			os->stretch_ns = end_ns;
		if (!bad && on_clock)
			os->unbroken = false;
	}
}

void gcs_recoveries_slice(struct gcs_recoveries *r, int64_t end_ns, bool recorded,
			  const double *value, uint32_t has)
{
	bool baseline = r->first_arm_ns < 0 || end_ns <= r->first_arm_ns;
	for (uint32_t i = 0; i < r->nsignals && baseline && recorded && r->steady == 0; i++) {
		struct gcs_signal *sig = &r->signal[i];
		if (has >> i & 1)
			sig->slice[sig->nslices++ % GCS_BASELINE_MAX] = value[i];
	}
	for (uint32_t i = 0; i < r->nocc; i++)
		if (!r->occ[i].decided && end_ns > r->occ[i].start_ns)
			occurrence_slice(r, &r->occ[i], end_ns, value, has);
}

void gcs_recoveries_interval(struct gcs_recoveries *r, int64_t start_ns, int64_t end_ns,
			     bool recorded, const double *value, uint32_t has)
{
	if (r->first_arm_ns < 0 || end_ns <= r->first_arm_ns) {
		if (recorded && r->steady == 0)
			baseline_add(r, value, has);
		return;
	}
	for (uint32_t i = 0; i < r->nocc; i++)
		if (!r->occ[i].decided && end_ns > r->occ[i].start_ns)
			occurrence_interval(r, &r->occ[i], start_ns, end_ns, value, has);
}

void gcs_recoveries_finish(struct gcs_recoveries *r, int64_t now_ns)
{
	for (uint32_t f = 0; f < GCS_FAULTS_MAX; f++)
		gcs_recoveries_disarm(r, f, now_ns);
	for (uint32_t i = 0; i < r->nocc; i++)
		if (!r->occ[i].decided)
			occurrence_decide(r, &r->occ[i], occurrence_end(r, &r->occ[i], false),
					  now_ns);
}

static void occurrence_facts(const struct gcs_occurrence *o, struct gcs_facts *facts)
{
	struct gcs_fault_facts *f = &facts->fault[o->fault];
	bool degraded = o->degraded_ns >= 0, never = o->state == GCS_REC_NEVER;
	f->occurrences++;
	f->degraded += degraded;
	f->never += never;
	f->recovered += o->state == GCS_REC_STEADY || o->state == GCS_REC_UNTOUCHED;
	facts->degraded += degraded;
	facts->never += never;
	facts->open += !o->decided;
	if (o->decided && o->recovery_ns > facts->recovery_max_ns)
		facts->recovery_max_ns = o->recovery_ns;
}

void gcs_recoveries_facts(const struct gcs_recoveries *r, struct gcs_facts *facts)
{
	facts->occurrences = r->nocc;
	facts->degraded = facts->never = facts->open = 0;
	facts->recovery_max_ns = 0;
	for (uint32_t i = 0; i < GCS_FAULTS_MAX; i++) {
		struct gcs_fault_facts *f = &facts->fault[i];
		f->occurrences = f->degraded = f->recovered = f->never = 0;
	}
	for (uint32_t i = 0; i < r->nocc; i++)
		occurrence_facts(&r->occ[i], facts);
}
