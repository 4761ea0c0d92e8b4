/*
 * collect_fidelity.c: the cycles of the production log that a scenario follows, and the run's own
 * beside them: tables `logged` and `fidelity` of the record.
 *
 * A log is wanted where it can be told when its cycles were to come: its first line at logged.at_ns,
 * else at the start of phase `follow`, else at t0; the others as far behind it as the log says, divided
 * by the time scale. Sizes are divided by the heap scale, the clock parts stay as logged.
 */
#include "harness/collect/collect_priv.h"

#include "harness/measure/fidelity.h"
#include "harness/import/gctrace_log.h"
#include "runtime/gc/gc.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define FIDELITY_CYCLES_MAX (1u << 18) /* of the run; what comes later is not compared */
#define FIDELITY_MIB	    ((uint64_t)1 << 20)
#define FIDELITY_GOAL_MIN   ((uint64_t)4 << 20) /* at GOGC 100 */
#define FIDELITY_CLOCK_NS   1000000		/* a log's starts are whole ms */

struct collect_fidelity {
	struct gcs_fidelity_cycle *logged, *reproduced;
	size_t nlogged, nreproduced, cap;
	struct gcs_fidelity_cycle begun; /* the cycle that is under way; number 0: none */
};

/* ---------------------------------------------------------------- the log */

static uint32_t fidelity_scale(uint32_t milli)
{
	return milli > 0 ? milli : 1000; /* 0: a scenario made by hand, as written */
}

static uint64_t fidelity_bytes_of(const struct gcs_scenario *s, uint64_t mib)
{
	return (uint64_t)((unsigned __int128)mib * FIDELITY_MIB * 1000 /
			  fidelity_scale(s->heap_scale_milli));
}

static int64_t fidelity_ns_of(const struct gcs_scenario *s, int64_t ns)
{
	return (int64_t)((__int128)ns * 1000 / fidelity_scale(s->time_scale_milli));
}

static int64_t fidelity_first_ns(const struct gcs_scenario *s)
{
	if (s->logged.at_ns >= 0)
		return s->logged.at_ns;
	for (uint32_t i = 0; i < s->nphases; i++)
		if (strcmp(s->phase[i].id, "follow") == 0)
			return s->phase[i].start_ns;
	return 0;
}

static void fidelity_take(struct gcs_collect *c, const struct gcs_gctrace_cycle *line,
			  int64_t first_log_ns)
{
	const struct gcs_scenario *s = c->scenario;
	struct collect_fidelity *f = c->fidelity;
	struct gcs_fidelity_cycle *to = &f->logged[f->nlogged];
	*to = (struct gcs_fidelity_cycle){
		.number = line->number,
		.at_ns = fidelity_first_ns(s) + fidelity_ns_of(s, line->at_ns - first_log_ns),
		.forced = line->forced,
		.heap_start = fidelity_bytes_of(s, line->heap_start_mib),
		.heap_end = fidelity_bytes_of(s, line->heap_end_mib),
		.heap_marked = fidelity_bytes_of(s, line->heap_live_mib),
		.goal = line->goal_mib == GCS_GCTRACE_GOAL_OFF
				? UINT64_MAX >> 1 /* as large as a record's number can be */
				: fidelity_bytes_of(s, line->goal_mib),
		.stop_first_ns = line->stop_first_ns,
		.mark_ns = line->mark_ns,
		.stop_second_ns = line->stop_second_ns,
		.procs = line->procs,
	};
	gcs_record_put(c->record, GCS_ROW_LOGGED, gcs_u64(f->nlogged), gcs_u64(to->number),
		       gcs_int(to->at_ns), gcs_int(to->forced), gcs_u64(to->heap_start),
		       gcs_u64(to->heap_end), gcs_u64(to->heap_marked), gcs_u64(to->goal),
		       gcs_int(to->stop_first_ns), gcs_int(to->mark_ns),
		       gcs_int(to->stop_second_ns), gcs_u64(to->procs));
	f->nlogged++;
}

static void fidelity_read(struct gcs_collect *c)
{
	const struct gcs_logged *l = &c->scenario->logged;
	int64_t first_ns = -1, last_ns = -1;
	uint32_t unread = 0;
	for (uint32_t i = 0; i < l->nlines; i++) {
		struct gcs_gctrace_line line;
		if (gcs_gctrace_parse(l->line[i], strlen(l->line[i]), &line) !=
			    GCS_GCTRACE_CYCLE ||
		    line.cycle.at_ns < last_ns) {
			unread++;
			continue;
		}
		last_ns = line.cycle.at_ns;
		if (first_ns < 0)
			first_ns = last_ns;
		fidelity_take(c, &line.cycle, first_ns);
	}
	if (unread > 0)
		collect_say(c, 0, 1,
			    "logged: %" PRIu32 " of %" PRIu32
			    " lines are no cycles in the order of time: not compared",
			    unread, l->nlines);
}

void collect_fidelity_begin(struct gcs_collect *c)
{
	uint32_t n = c->scenario->logged.nlines;
	struct collect_fidelity *f = n > 0 ? calloc(1, sizeof(*f)) : NULL;
	if (!f)
		return;
	f->logged = calloc(n, sizeof(*f->logged));
	c->fidelity = f;
	if (f->logged)
		fidelity_read(c);
}

void collect_fidelity_fini(struct gcs_collect *c)
{
	if (!c->fidelity)
		return;
	free(c->fidelity->logged);
	free(c->fidelity->reproduced);
	free(c->fidelity);
	c->fidelity = NULL;
}

/* ---------------------------------------------------------------- the run */

static void fidelity_keep(struct collect_fidelity *f)
{
	if (f->nreproduced == f->cap) {
		size_t cap = f->cap ? 2 * f->cap : 256;
		void *grown = cap <= FIDELITY_CYCLES_MAX
				      ? reallocarray(f->reproduced, cap, sizeof(*f->reproduced))
				      : NULL;
		if (!grown)
			return;
		f->reproduced = grown;
		f->cap = cap;
	}
	f->reproduced[f->nreproduced++] = f->begun;
	f->begun.number = 0;
}

void collect_fidelity_gc(struct gcs_collect *c, const struct watch_record *r)
{
	struct collect_fidelity *f = c->fidelity;
	if (!f || r->t_ns < c->t0_abs_ns)
		return;
	if (r->kind == WATCH_GC_START)
		f->begun = (struct gcs_fidelity_cycle){
			.number = r->a,
			.at_ns = collect_rel(c, r->t_ns),
			.forced = r->b == GC_TRIGGER_FORCED,
			.procs = c->scenario->procs,
		};
	if (r->a != f->begun.number || f->begun.number == 0)
		return;
	if (r->kind == WATCH_GC_MARK_END)
		f->begun.mark_ns = (int64_t)r->b;
	if (r->kind != WATCH_GC_H)
		return;
	f->begun.heap_start = r->b;
	f->begun.heap_end = r->c;
	f->begun.heap_marked = r->d;
	f->begun.goal = r->e;
	f->begun.stop_first_ns = (int64_t)(r->f >> 32);
	f->begun.stop_second_ns = (int64_t)(r->f & UINT32_MAX);
	fidelity_keep(f);
}

/* ---------------------------------------------------------------- the end */

static bool fidelity_follows(const struct gcs_scenario *s, uint32_t workload)
{
	return workload < s->nworkloads && s->workload[workload].nfollow > 0;
}

static uint64_t fidelity_goal_min(const struct gcs_scenario *s)
{
	int gogc = s->gogc;
	for (uint32_t i = 0; i < s->nworkloads; i++)
		if (fidelity_follows(s, i) && s->workload[i].follow[0].gogc != 0)
			gogc = s->workload[i].follow[0].gogc;
	return gogc > 0 ? FIDELITY_GOAL_MIN * (uint64_t)gogc / 100 : 0;
}

static int64_t fidelity_late_ns(const struct gcs_collect *c)
{
	uint64_t late_ns = 0;
	for (uint32_t i = 0; i < WATCH_HISTS; i++) {
		const struct watch_ops *ops = &c->tel->ops[i];
		/* acquire: whose slot it is was written before */
		if (atomic_load_explicit(&ops->used, memory_order_acquire) == 0 ||
		    !fidelity_follows(c->scenario, ops->workload))
			continue;
		uint64_t its = atomic_load_explicit(&ops->late_ns_max, memory_order_relaxed);
		if (its > late_ns)
			late_ns = its;
	}
	return (int64_t)late_ns;
}

static void fidelity_put(struct gcs_collect *c, const char *what, struct gcs_value logged,
			 struct gcs_value reproduced, struct gcs_value score, const char *note)
{
	gcs_record_put(c->record, GCS_ROW_FIDELITY, gcs_text(what), logged, reproduced, score,
		       gcs_text(note && *note ? note : NULL));
}

static void fidelity_rows(struct gcs_collect *c, const struct gcs_fidelity *f)
{
	const struct gcs_scenario *s = c->scenario;
	struct gcs_value none = {.kind = GCS_VALUE_NULL};
	for (int what = 0; what < GCS_FIDELITY_WHATS; what++) {
		const struct gcs_fidelity_score *row = &f->of[what];
		if (row->has)
			fidelity_put(c, gcs_fidelity_name[what], gcs_real(row->logged),
				     gcs_real(row->reproduced),
				     row->scored ? gcs_real(row->score) : none, row->note);
	}
	fidelity_put(c, "window", gcs_real((double)f->from_ns), gcs_real((double)f->to_ns), none,
		     NULL);
	fidelity_put(c, "time_scale", none, gcs_real(fidelity_scale(s->time_scale_milli) / 1000.0), none, NULL);
	fidelity_put(c, "heap_scale", none, gcs_real(fidelity_scale(s->heap_scale_milli) / 1000.0), none, NULL);
	fidelity_put(c, "source", none, none, none, s->logged.source);
	if (f->has)
		fidelity_put(c, "overall", none, none, gcs_real(f->overall), f->note);
}

void collect_fidelity_end(struct gcs_collect *c)
{
	const struct gcs_scenario *s = c->scenario;
	struct collect_fidelity *own = c->fidelity;
	struct gcs_fidelity f;
	if (!own || own->nlogged == 0 || !c->started)
		return;
	struct gcs_fidelity_options opt = {
		.logged = own->logged,
		.nlogged = own->nlogged,
		.reproduced = own->reproduced,
		.nreproduced = own->nreproduced,
		.grain_bytes = fidelity_bytes_of(s, 1),
		.grain_ns = fidelity_ns_of(s, FIDELITY_CLOCK_NS),
		.end_ns = c->ended_ns < collect_end(c) ? c->ended_ns : collect_end(c),
		.facts = {
			.stall_ns = c->stall_total_ns,
			.late_ns = fidelity_late_ns(c),
			.goal_min = fidelity_goal_min(s),
			.heap_scale = fidelity_scale(s->heap_scale_milli) / 1000.0,
			.time_scale = fidelity_scale(s->time_scale_milli) / 1000.0,
			.procs = s->procs,
			.others = s->nworkloads > 1 || s->nfaults > 0,
		},
	};
	gcs_reproductions_logged(&c->reproductions, own->logged, own->nlogged, c->intervals.window_ns);
	if (gcs_fidelity_compare(&f, &opt) != 0)
		return;
	fidelity_rows(c, &f);
	collect_parting_rows(c, &opt, &f);
}
