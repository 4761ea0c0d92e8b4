/*
 * collect_drain.c: telemetry records, in the order of time.
 *
 * Rings are drained without order between them, so records are held until nothing older can come
 * (COLLECT_GRACE_NS real, at once in the simulation up to its clock), sorted, and handled one by
 * one; intervals that a record has left behind are closed before it. A record that comes later than
 * that counts in the oldest open interval.
 */
#include "harness/collect/collect_priv.h"

#include "faults/gate.h"
#include "runtime/gc/gc.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define DRAIN_BATCH	    4096
#define DRAIN_BATCHES_MAX   256

/* Arming comes first and disarming last among records of the same nanosecond, so that a firing
 * finds its occurrence. */
static int drain_rank(const struct watch_record *r)
{
	if (r->kind != WATCH_ARM)
		return 1;
	return r->c ? 0 : 2;
}

static int drain_order(const void *a, const void *b)
{
	const struct watch_record *x = a, *y = b;
	if (x->t_ns != y->t_ns)
		return x->t_ns < y->t_ns ? -1 : 1;
	if (drain_rank(x) != drain_rank(y))
		return drain_rank(x) - drain_rank(y);
	if (x->p != y->p)
		return x->p < y->p ? -1 : 1;
	int32_t gap = (int32_t)(x->seq - y->seq);
	return (gap > 0) - (gap < 0);
}

static bool drain_room(struct gcs_collect *c)
{
	if (c->held_cap - c->nheld >= DRAIN_BATCH)
		return true;
	size_t cap = c->held_cap ? 2 * c->held_cap : 4 * DRAIN_BATCH;
	struct watch_record *held =
		cap <= COLLECT_HELD_MAX ? realloc(c->held, cap * sizeof(*held)) : NULL;
	if (!held)
		return false; /* what does not fit stays in the rings, and is counted there if they
				 overflow */
	c->held = held;
	c->held_cap = cap;
	return true;
}

bool collect_drain_rings(struct gcs_collect *c)
{
	for (int i = 0; i < DRAIN_BATCHES_MAX; i++) {
		if (!drain_room(c))
			return false;
		size_t n = watch_drain(c->tel, c->held + c->nheld, DRAIN_BATCH);
		c->nheld += n;
		if (n == 0)
			break;
	}
	return true;
}

/* ---------------------------------------------------------------- one record */

static uint32_t drain_worker(uint64_t worker)
{
	return worker > UINT32_MAX ? UINT32_MAX : (uint32_t)worker;
}

static void drain_pause_put(struct gcs_collect *c, enum gcs_pause_kind kind,
			    const struct watch_record *r, int64_t dur_ns, uint64_t firing,
			    uint64_t cycle, int phase)
{
	bool stw = kind == GCS_PAUSE_STW, parts = stw && r->b != WATCH_UNKNOWN;
	gcs_record_put(c->record, GCS_ROW_PAUSE, gcs_text(gcs_pause_name[kind]),
		       gcs_int(collect_rel(c, r->t_ns)), gcs_int(dur_ns),
		       parts ? gcs_u64(r->b) : gcs_time(-1), parts ? gcs_u64(r->c) : gcs_time(-1),
		       stw ? gcs_u64(r->a) : gcs_time(-1), stw ? gcs_time(-1) : gcs_u64(r->a),
		       gcs_u64(cycle), firing ? gcs_u64(firing) : gcs_time(-1), gcs_int(phase),
		       gcs_int(0));
}

static void drain_pause_row(struct gcs_collect *c, enum gcs_pause_kind kind,
			    const struct watch_record *r, int64_t dur_ns, uint64_t firing,
			    uint64_t cycle)
{
	int64_t t_ns = collect_rel(c, r->t_ns);
	const struct gcs_interval *i = gcs_intervals_at(&c->intervals, t_ns);
	if (!i || !gcs_pauses_keep(&c->pauses, kind, dur_ns, i->index / c->intervals.parts))
		return;
	drain_pause_put(c, kind, r, dur_ns, firing, cycle, i->phase);
	if (i->phase >= 0)
		collect_history_pause(c, kind, r, dur_ns, firing, cycle);
}

static void drain_stw(struct gcs_collect *c, const struct watch_record *r, struct gcs_interval *i,
		      struct gcs_cell *cell)
{
	bool parts = r->b != WATCH_UNKNOWN; /* else neither part is known, only their sum, c */
	int64_t stopping_ns = parts ? (int64_t)r->b : 0, dur_ns = stopping_ns + (int64_t)r->c;
	uint64_t firing = gcs_ledger_firing(&c->ledger, r->e, r->d, UINT32_MAX, 0);
	gcs_measure_add(&i->m, GCS_STW, (uint64_t)dur_ns);
	gcs_measure_lag(&i->m, collect_rel(c, r->t_ns), dur_ns);
	if (parts) {
		gcs_measure_add(&i->m, GCS_STOPPING, r->b);
		gcs_measure_add(&i->m, GCS_STOPPED, r->c);
	}
	gcs_strip_max(&cell->stw_max_ns, dur_ns);
	gcs_strip_max(&cell->stopping_max_ns, stopping_ns);
	cell->stw_count++;
	if (c->over_ns > 0 && dur_ns > c->over_ns)
		cell->over_count++;
	c->snap.stw_last_stopping_ns = parts ? stopping_ns : -1;
	c->snap.stw_last_stopped_ns = (int64_t)r->c;
	gcs_ledger_charge(&c->ledger, GCS_DUE_STW, firing, dur_ns);
	drain_pause_row(c, GCS_PAUSE_STW, r, dur_ns, firing, r->d);
	if (c->over_ns > 0 && dur_ns > c->over_ns)
		collect_say(c, collect_rel(c, r->t_ns), 1, "STW %.1f ms GC#%" PRIu64,
			    (double)dur_ns / 1e6, r->d);
}

/* Who was held up, for how long, and what that was due to. */
static void drain_held_up(struct gcs_collect *c, enum gcs_stall_kind kind, const struct watch_record *r, uint64_t firing)
{
	gcs_stalls_add(&c->stalls, kind, r->a, (int64_t)r->b, collect_rel(c, r->t_ns), firing);
}

static void drain_assist(struct gcs_collect *c, const struct watch_record *r,
			 struct gcs_interval *i, struct gcs_cell *cell)
{
	uint64_t firing = gcs_ledger_firing(&c->ledger, r->e, r->c, UINT32_MAX, 0);
	gcs_measure_add(&i->m, GCS_ASSIST, r->b);
	gcs_strip_max(&cell->assist_max_ns, (int64_t)r->b);
	gcs_ledger_charge(&c->ledger, GCS_DUE_ASSIST, firing, (int64_t)r->b);
	drain_held_up(c, GCS_STALL_ASSIST, r, firing);
	drain_pause_row(c, GCS_PAUSE_ASSIST, r, (int64_t)r->b, firing, r->c);
}

static void drain_alloc_stall(struct gcs_collect *c, const struct watch_record *r,
			      struct gcs_interval *i)
{
	int64_t begun_ns = collect_rel(c, r->t_ns) - (int64_t)r->b;
	uint64_t firing = gcs_ledger_firing(&c->ledger, r->e, 0, drain_worker(r->a), begun_ns);
	gcs_measure_add(&i->m, GCS_ALLOC_STALL, r->b);
	gcs_ledger_charge(&c->ledger, GCS_DUE_ALLOC_STALL, firing, (int64_t)r->b);
	drain_held_up(c, GCS_STALL_ALLOC, r, firing);
	drain_pause_row(c, GCS_PAUSE_ALLOC_STALL, r, (int64_t)r->b, firing, 0);
}

static void drain_wake(struct gcs_collect *c, const struct watch_record *r, struct gcs_interval *i,
		       struct gcs_cell *cell)
{
	gcs_measure_add(&i->m, GCS_WAKE, r->b);
	gcs_measure_lag(&i->m, collect_rel(c, r->t_ns), (int64_t)r->b);
	gcs_strip_max(&cell->wake_max_ns, (int64_t)r->b);
	gcs_ledger_charge(&c->ledger, GCS_DUE_WAKE, r->e, (int64_t)r->b);
	drain_held_up(c, GCS_STALL_WAKE, r, r->e);
	drain_pause_row(c, GCS_PAUSE_WAKE, r, (int64_t)r->b, r->e, 0);
}

static void drain_sched(struct gcs_collect *c, const struct watch_record *r, struct gcs_interval *i)
{
	gcs_measure_add(&i->m, GCS_SCHED, r->b);
	gcs_measure_lag(&i->m, collect_rel(c, r->t_ns), (int64_t)r->b);
}

static void drain_gc_start(struct gcs_collect *c, const struct watch_record *r,
			   struct gcs_interval *i, struct gcs_cell *cell)
{
	bool forced = r->b == GC_TRIGGER_FORCED || r->b == GC_TRIGGER_FAULT;
	i->m.gc_cycles++;
	i->m.gc_forced += forced;
	cell->gc_count++;
	gcs_measure_heap(&i->m, r->c, r->d, 0);
	gcs_strip_heap(cell, r->c, r->d);
	gcs_ledger_cycle(&c->ledger, r->a, r->e);
	if (r->e)
		gcs_ledger_charge(&c->ledger, GCS_DUE_GC, r->e, 0);
	gcs_record_put(c->record, GCS_ROW_GC_START, gcs_u64(r->a), gcs_u64(r->b),
		       r->e ? gcs_u64(r->e) : gcs_time(-1), gcs_int(collect_rel(c, r->t_ns)),
		       gcs_u64(r->c), gcs_u64(r->d));
}

static void drain_gc_one(struct gcs_collect *c, const struct watch_record *r, struct gcs_interval *i,
			 struct gcs_cell *cell)
{
	int64_t t_ns = collect_rel(c, r->t_ns);
	collect_fidelity_gc(c, r);
	collect_history_gc(c, r);
	switch (r->kind) {
	case WATCH_GC_START:
		drain_gc_start(c, r, i, cell);
		break;
	case WATCH_GC_MARK_END:
		i->m.heap_marked = r->d;
		gcs_measure_add(&i->m, GCS_MARK, r->b);
		c->snap.mark_ns_last = (int64_t)r->b;
		gcs_record_put(c->record, GCS_ROW_GC_MARK_END, gcs_u64(r->a), gcs_int(t_ns),
			       gcs_u64(r->b), gcs_u64(r->d), gcs_u64(r->e), gcs_u64(r->f));
		break;
	case WATCH_GC_END:
		gcs_record_put(c->record, GCS_ROW_GC_END, gcs_u64(r->a), gcs_int(t_ns),
			       gcs_u64(r->f));
		break;
	case WATCH_SWEEP_END:
		gcs_record_put(c->record, GCS_ROW_GC_SWEEP, gcs_u64(r->a), gcs_int(t_ns),
			       gcs_u64(r->c));
		break;
	default:
		gcs_measure_heap(&i->m, r->c, r->e, 0);
		gcs_strip_heap(cell, r->d, r->e);
		gcs_record_put(c->record, GCS_ROW_GC_HEAP, gcs_u64(r->a), gcs_u64(r->b),
			       gcs_u64(r->c), gcs_u64(r->d), gcs_u64(r->e), gcs_u64(r->f >> 32),
			       gcs_u64(r->f & UINT32_MAX));
	}
}

static void drain_gc(struct gcs_collect *c, const struct watch_record *r, struct gcs_interval *i,
		     struct gcs_cell *cell)
{
	struct watch_record end = *r, mark, heap;
	if (r->kind == WATCH_GC_END && collect_go_cycle(c, &end, &mark, &heap)) {
		drain_gc_one(c, &mark, i, cell);
		drain_gc_one(c, &heap, i, cell);
	}
	drain_gc_one(c, &end, i, cell);
}

static void drain_fire(struct gcs_collect *c, const struct watch_record *r, struct gcs_interval *i,
		       struct gcs_cell *cell)
{
	uint64_t fault = r->a >> 32;
	int64_t t_ns = collect_rel(c, r->t_ns);
	if (fault >= c->scenario->nfaults)
		return;
	i->fires++;
	cell->fires++;
	cell->faults_fired |= 1u << fault;
	c->fired[fault]++;
	gcs_recoveries_fire(&c->recoveries, (uint32_t)fault, t_ns);
	gcs_ledger_fired(&c->ledger, drain_worker(r->b), r->d, t_ns);
	if (c->firing_rows[fault]++ >= COLLECT_FIRINGS_MAX) {
		c->firings_dropped++;
		return;
	}
	collect_history_firing(c, t_ns, r->d);
	gcs_record_put(c->record, GCS_ROW_FIRING, gcs_u64(r->d), gcs_u64(fault), gcs_int(t_ns),
		       gcs_u64(r->b), gcs_u64(r->c), gcs_u64(r->a & UINT32_MAX), gcs_u64(r->e >> 8),
		       gcs_u64(r->e & 0xff), gcs_u64(r->f));
}

static void drain_arm(struct gcs_collect *c, const struct watch_record *r)
{
	int64_t t_ns = collect_rel(c, r->t_ns);
	uint32_t bit;
	if (r->a >= c->scenario->nfaults)
		return;
	bit = 1u << r->a;
	if (((c->armed & bit) != 0) == (r->c != 0))
		return;
	gcs_strip_armed(&c->snap, c->armed_from_ns, t_ns, c->armed);
	c->armed_from_ns = t_ns;
	if (r->c) {
		if (c->recoveries.first_arm_ns < 0)
			gcs_ledger_usual(&c->ledger, &c->calm);
		gcs_recoveries_arm(&c->recoveries, (uint32_t)r->a, (uint32_t)r->b, r->d != 0, t_ns);
		gcs_recoveries_count(&c->recoveries, (uint32_t)r->a, true, r->e);
		c->armed |= bit;
		c->armed_seen |= bit;
		c->armed_by_operator =
			r->d ? c->armed_by_operator | bit : c->armed_by_operator & ~bit;
	} else {
		gcs_recoveries_count(&c->recoveries, (uint32_t)r->a, false, r->e);
		gcs_recoveries_disarm(&c->recoveries, (uint32_t)r->a, t_ns);
		c->armed &= ~bit;
	}
	collect_say(c, t_ns, 1, "%s#%" PRIu64 " %s%s", c->scenario->fault[r->a].id, r->b + 1,
		    r->c ? "armed" : "disarmed", r->d ? " by hand" : "");
}

static void drain_integrity(struct gcs_collect *c, const struct watch_record *r)
{
	const char *id = r->a < c->scenario->nworkloads ? c->scenario->workload[r->a].id : "?";
	c->data_errors++;
	if (c->data_errors <= COLLECT_DATA_EVENTS_MAX)
		collect_say(c, collect_rel(c, r->t_ns), 2,
			    "integrity: %s key %" PRIu64 " expected %" PRIx64 " found %" PRIx64, id,
			    r->d, r->e, r->f);
}

/* Told one by one up to a bound: the counts are in shared memory, who is to blame in WATCH_EFFECT.
 */
static void drain_op_error(struct gcs_collect *c, const struct watch_record *r)
{
	if (c->op_errors_told++ == 0 && r->a < c->scenario->nworkloads)
		collect_say(c, collect_rel(c, r->t_ns), 1, "%s: first failed operation (%s)",
			    c->scenario->workload[r->a].id, strerrorname_np((int)r->c));
}

static void drain_effect(struct gcs_collect *c, const struct watch_record *r)
{
	if (r->c == GCS_EFFECT_FAILED)
		gcs_ledger_charge(&c->ledger, GCS_DUE_ERROR, r->b, 0);
	int fault = gcs_firing_fault(r->b);
	if (r->c == GCS_EFFECT_DIED && fault >= 0 && (uint32_t)fault < c->scenario->nfaults)
		c->facts.fault[fault].died++;
	if (r->c == GCS_EFFECT_HELD)
		gcs_ledger_charge(&c->ledger, GCS_DUE_WAKE, r->b, (int64_t)r->d);
	gcs_record_put(c->record, GCS_ROW_EFFECT, gcs_u64(r->b), gcs_int(collect_rel(c, r->t_ns)),
		       gcs_u64(r->c), gcs_u64(r->d));
}

static void drain_stall(struct gcs_collect *c, const struct watch_record *r, struct gcs_interval *i)
{
	int64_t t_ns = collect_rel(c, r->t_ns), late_ns = (int64_t)r->b;
	i->stall_ns += late_ns;
	c->stall_total_ns += late_ns;
	if (late_ns > c->facts.stall_max_ns)
		c->facts.stall_max_ns = late_ns;
	gcs_record_put(c->record, GCS_ROW_DISTURBED, gcs_int(t_ns - late_ns), gcs_int(t_ns));
}

/* A pause that ended after the run: the record has it, in no phase, and nothing else. */
static bool drain_after_end(struct gcs_collect *c, const struct watch_record *r)
{
	bool stw = r->kind == WATCH_STW;
	enum gcs_pause_kind kind = stw				  ? GCS_PAUSE_STW
				   : r->kind == WATCH_ASSIST	  ? GCS_PAUSE_ASSIST
				   : r->kind == WATCH_ALLOC_STALL ? GCS_PAUSE_ALLOC_STALL
				   : r->kind == WATCH_WAKE_LAG	  ? GCS_PAUSE_WAKE
								  : GCS_PAUSE_KINDS;
	if (kind == GCS_PAUSE_KINDS)
		return false;
	if (c->after_rows[kind]++ < GCS_PAUSES_ROUTINE)
		drain_pause_put(c, kind, r, (int64_t)(stw ? r->b + r->c : r->b), 0, stw ? r->d : 0,
				-1);
	return true;
}

static void drain_limiter(struct gcs_collect *c, const struct watch_record *r)
{
	if (c->limiter.cycles++ == 0) {
		c->limiter.first = r->a;
		collect_say(c, collect_rel(c, r->t_ns), 1,
			    "the CPU limiter came on by gc %" PRIu64 ": collecting took its half of "
			    "the CPU, nobody assists for now",
			    r->a);
	}
	c->limiter.last = r->a;
	c->limiter.on_ns += r->b;
}

static void drain_record(struct gcs_collect *c, const struct watch_record *r)
{
	int64_t t_ns = collect_rel(c, r->t_ns);
	struct gcs_interval *i = t_ns >= 0 ? gcs_intervals_at(&c->intervals, t_ns) : NULL;
	if (!i)
		return; /* before t0: setting up is not part of the run */
	bool after = t_ns > collect_end(c);
	struct gcs_cell none = {0}, *cell = after ? &none : gcs_strip_at(&c->snap, t_ns);
	if (after && drain_after_end(c, r))
		return;
	switch ((enum watch_kind)r->kind) {
	case WATCH_STW:
		drain_stw(c, r, i, cell);
		break;
	case WATCH_ASSIST:
		drain_assist(c, r, i, cell);
		break;
	case WATCH_ALLOC_STALL:
		drain_alloc_stall(c, r, i);
		break;
	case WATCH_WAKE_LAG:
		drain_wake(c, r, i, cell);
		break;
	case WATCH_SCHED_LAG:
		if (!after)
			drain_sched(c, r, i);
		break;
	case WATCH_GC_START:
	case WATCH_GC_MARK_END:
	case WATCH_GC_END:
	case WATCH_SWEEP_END:
	case WATCH_GC_H:
		drain_gc(c, r, i, cell);
		break;
	case WATCH_LIMITER:
		drain_limiter(c, r);
		break;
	case WATCH_FIRE:
		drain_fire(c, r, i, cell);
		break;
	case WATCH_EFFECT:
		drain_effect(c, r);
		break;
	case WATCH_ARM:
		drain_arm(c, r);
		break;
	case WATCH_PHASE:
		if (r->b && r->a < c->scenario->nphases)
			collect_say(c, t_ns, 0, "phase %s", c->scenario->phase[r->a].id);
		break;
	case WATCH_OP_ERROR:
		drain_op_error(c, r);
		break;
	case WATCH_INTEGRITY:
		drain_integrity(c, r);
		break;
	case WATCH_CHECKED:
		c->told_checked += r->b;
		break;
	case WATCH_STALL:
		drain_stall(c, r, i);
		break;
	case WATCH_END:
		if (c->sim)
			snprintf(c->hash, sizeof(c->hash), "%016" PRIx64, r->a);
		break;
	case WATCH_NONE:
	case WATCH_KINDS:
		break;
	}
}

/* Not beyond what has been sampled: operations must be in before an interval closes. Not beyond the
 * end of the run either. */
void collect_advance(struct gcs_collect *c, int64_t horizon_ns)
{
	struct gcs_interval *i;
	if (horizon_ns > c->sampled_ns)
		horizon_ns = c->sampled_ns;
	if (c->ended_ns >= 0 && horizon_ns > c->ended_ns)
		horizon_ns = c->ended_ns;
	while ((i = gcs_intervals_close(&c->intervals, horizon_ns))) {
		c->closed_ns = i->end_ns;
		collect_close(c, i);
	}
}

void collect_drain(struct gcs_collect *c)
{
	collect_drain_rings(c);
	if (!c->started)
		return;
	qsort(c->held, c->nheld, sizeof(c->held[0]), drain_order);
	size_t n = 0;
	for (; n < c->nheld && collect_rel(c, c->held[n].t_ns) < c->horizon_ns; n++) {
		int64_t t_ns = collect_rel(c, c->held[n].t_ns);
		if (t_ns < c->closed_ns && t_ns >= 0)
			c->late_records++;
		collect_advance(c, t_ns);
		drain_record(c, &c->held[n]);
	}
	c->nheld -= n;
	if (n)
		memmove(c->held, c->held + n, c->nheld * sizeof(c->held[0]));
	collect_advance(c, c->horizon_ns);
	if (c->horizon_ns != INT64_MAX) {
		if (c->horizon_ns <= collect_end(c))
			gcs_strip_armed(&c->snap, c->armed_from_ns, c->horizon_ns, c->armed);
		if (c->horizon_ns > c->armed_from_ns)
			c->armed_from_ns = c->horizon_ns;
	}
}
