/*
 * playback_load.c: the tables of a record, read into memory; what grows is read on from the last row, what is rewritten is read
 * again. One read transaction sees one state of a record that is still written.
 */
#define _GNU_SOURCE 1 /* asprintf */
#include "harness/playback/playback_priv.h"

#include "harness/record/record_read.h"
#include "harness/record/thin.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct load {
	struct gcs_playback *p;
	sqlite3 *db;
	size_t rows; /* new ones, of tables that grow */
	bool broken;
};
typedef void load_row(struct load *l, sqlite3_stmt *q);

static int64_t load_time(sqlite3_stmt *q, int column)
{
	return sqlite3_column_type(q, column) == SQLITE_NULL ? -1 : sqlite3_column_int64(q, column);
}

static void load_str(sqlite3_stmt *q, int column, char *ret, size_t cap)
{
	const char *text = (const char *)sqlite3_column_text(q, column);
	snprintf(ret, cap, "%s", text ? text : "");
}

static uint64_t load_u64(sqlite3_stmt *q, int column)
{
	return (uint64_t)sqlite3_column_int64(q, column);
}

void *playback_more(struct gcs_playback *p, void *array_of, size_t *n, size_t *cap, size_t size)
{
	void **array = array_of;
	if (*n == *cap) {
		size_t more = *cap ? 2 * *cap : 64;
		void *grown = reallocarray(*array, more, size);
		if (!grown) {
			p->error = -ENOMEM;
			return NULL;
		}
		*array = grown;
		*cap = more;
	}
	void *slot = (char *)*array + (*n)++ * size;
	memset(slot, 0, size);
	return slot;
}

#define MORE(l, field) playback_more((l)->p, &(l)->p->field, &(l)->p->n##field##s, &(l)->p->field##s_cap, sizeof *(l)->p->field)

/* Rows of a query with one number, ?1; each goes to fn. */
static void load_each(struct load *l, const char *sql, int64_t from, load_row *fn)
{
	sqlite3_stmt *q = NULL;
	int rc = sqlite3_prepare_v2(l->db, sql, -1, &q, NULL);
	if (rc == SQLITE_OK && sqlite3_bind_parameter_count(q) > 0)
		rc = sqlite3_bind_int64(q, 1, from);
	while (rc == SQLITE_OK || rc == SQLITE_ROW) {
		rc = sqlite3_step(q);
		if (rc == SQLITE_ROW)
			fn(l, q);
	}
	l->broken |= rc != SQLITE_DONE;
	sqlite3_finalize(q);
}

/* ---------------------------------------------------------------- the run */

static void load_run(struct load *l, sqlite3_stmt *q)
{
	struct gcs_playback *p = l->p;
	p->began = true;
	load_str(q, 0, p->id, sizeof p->id);
	p->sim = sqlite3_column_int(q, 1);
	p->begun_wall_ns = sqlite3_column_int64(q, 2);
	p->pid = load_time(q, 3);
	p->now_ns = sqlite3_column_int64(q, 4);
	p->end_ns = load_time(q, 5);
}

static void load_scenario(struct load *l, sqlite3_stmt *q)
{
	const char *text = (const char *)sqlite3_column_text(q, 0);
	if (!l->p->scenario && gcs_scenario_of_json(text ? text : "", &l->p->scenario) == -ENOMEM)
		l->p->error = -ENOMEM;
}

static void load_verdict(struct load *l, sqlite3_stmt *q)
{
	l->p->finished = true;
	load_str(q, 0, l->p->verdict, sizeof l->p->verdict);
	load_str(q, 1, l->p->sentence, sizeof l->p->sentence);
}

static void load_thinned(struct load *l, sqlite3_stmt *q)
{
	load_str(q, 0, l->p->thinned, sizeof l->p->thinned);
}

static void load_total_ops(struct load *l, sqlite3_stmt *q)
{
	struct watch_hist_sum h;
	int64_t w = sqlite3_column_int64(q, 0);
	const void *bytes = sqlite3_column_blob(q, 1);
	if (w >= 0 && w < GCS_WORKLOADS_MAX && bytes && gcs_hist_decode(&h, bytes, (size_t)sqlite3_column_bytes(q, 1)) == 0)
		gcs_hist_pcts(&h, &l->p->total_ops[w]);
}

static void load_operator(struct load *l, sqlite3_stmt *q)
{
	const char *act = (const char *)sqlite3_column_text(q, 2), *text = (const char *)sqlite3_column_text(q, 4);
	int64_t fault = sqlite3_column_type(q, 3) == SQLITE_NULL ? -1 : sqlite3_column_int64(q, 3);
	l->p->act_row = sqlite3_column_int64(q, 0);
	l->rows++;
	playback_hand(l->p, sqlite3_column_int64(q, 1), act ? act : "", fault, text ? text : "");
}

static void load_counter(struct load *l, sqlite3_stmt *q)
{
	struct gcs_playback *p = l->p;
	const struct {
		const char *key;
		uint64_t *slot;
	} slots[] = {
		{"integrity_checked", &p->last.checked},
		{"integrity_errors", &p->last.errors},
		{"samples_lost", &p->last.lost},
		{"crashes", &p->last.crashes},
		{"resolution_ns", (uint64_t *)&p->resolution_ns},
	};
	const char *key = (const char *)sqlite3_column_text(q, 0);
	for (size_t i = 0; key && i < sizeof slots / sizeof slots[0]; i++)
		if (strcmp(key, slots[i].key) == 0)
			*slots[i].slot = load_u64(q, 1);
}

static void load_harness(struct load *l, sqlite3_stmt *q)
{
	struct gcs_playback *p = l->p;
	const struct {
		const char *key;
		double *slot;
	} slots[] = {
		{"injector_cost", &p->last.cost},
		{"target_stall_max_ns", &p->last.stall_ns},
		{"own_late_max_ns", &p->last.late_ns},
	};
	const char *key = (const char *)sqlite3_column_text(q, 0);
	for (size_t i = 0; key && i < sizeof slots / sizeof slots[0]; i++)
		if (strcmp(key, slots[i].key) == 0)
			*slots[i].slot = sqlite3_column_double(q, 1);
}

static void load_final(struct playback_final *f, sqlite3_stmt *q)
{
	f->state = sqlite3_column_type(q, 0) == SQLITE_NULL ? 0
		   : sqlite3_column_int(q, 0)		    ? 1
							    : -1;
	f->has = sqlite3_column_type(q, 1) != SQLITE_NULL;
	f->value = sqlite3_column_double(q, 1);
	load_str(q, 2, f->shown, sizeof f->shown);
	f->failed_ns = load_time(q, 3);
}

static void load_slo(struct load *l, sqlite3_stmt *q)
{
	if (l->p->nfinal_slos < GCS_CHECKS_MAX)
		load_final(&l->p->final[l->p->nfinal_slos++], q);
}

static void load_expect(struct load *l, sqlite3_stmt *q)
{
	if (l->p->nfinal_expects < GCS_CHECKS_MAX)
		load_final(&l->p->final[GCS_CHECKS_MAX + l->p->nfinal_expects++], q);
}

/* ---------------------------------------------------------------- windows */

static void load_window(struct load *l, sqlite3_stmt *q)
{
	const struct gcs_scenario *s = l->p->scenario;
	struct playback_window *w = MORE(l, window);
	if (!w)
		return;
	l->rows++;
	w->index = sqlite3_column_int64(q, 0);
	w->start_ns = sqlite3_column_int64(q, 1);
	w->end_ns = sqlite3_column_int64(q, 2);
	w->phase = sqlite3_column_int(q, 3);
	if (w->phase >= (int)s->nphases)
		w->phase = -1; /* broken bytes: none */
	w->recorded = w->phase >= 0 && s->phase[w->phase].record;
	uint64_t *slot[] = {&w->fires, &w->heap_live_min, &w->heap_live_max, &w->heap_marked, &w->heap_goal, &w->rss,
			    &w->gc_cycles, &w->gc_forced, &w->gc_cpu_ns, &w->cpu_ns, &w->assist_ns};
	for (int i = 0; i < (int)(sizeof slot / sizeof slot[0]); i++)
		*slot[i] = load_u64(q, 4 + i);
	w->ops = calloc(s->nworkloads ? s->nworkloads : 1, sizeof *w->ops);
	if (!w->ops)
		l->p->error = -ENOMEM;
}

/* Rows come in the order of windows, nearly: the window looked for is near the end. */
static struct playback_window *load_window_of(struct gcs_playback *p, int64_t index)
{
	size_t low = 0, high = p->nwindows;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (p->window[middle].index < index)
			low = middle + 1;
		else
			high = middle;
	}
	return low < p->nwindows && p->window[low].index == index && p->window[low].ops ? &p->window[low] : NULL;
}

static struct playback_hist load_hist(struct gcs_playback *p, sqlite3_stmt *q, int column, int64_t max_ns)
{
	struct playback_hist h = {0, 0, max_ns};
	const void *bytes = sqlite3_column_blob(q, column);
	size_t n = (size_t)sqlite3_column_bytes(q, column);
	if (!bytes || n == 0)
		return h;
	if (n > p->bytes_cap - p->nbytes) {
		size_t cap = 2 * p->bytes_cap + n + 65536;
		unsigned char *grown = realloc(p->bytes, cap);
		if (!grown) {
			p->error = -ENOMEM;
			return h;
		}
		p->bytes = grown;
		p->bytes_cap = cap;
	}
	if (n)
		memcpy(p->bytes + p->nbytes, bytes, n);
	h.at = p->nbytes;
	h.n = (uint32_t)n;
	p->nbytes += n;
	return h;
}

static void load_series(struct load *l, sqlite3_stmt *q)
{
	struct playback_window *w = load_window_of(l->p, sqlite3_column_int64(q, 1));
	const char *name = (const char *)sqlite3_column_text(q, 2);
	l->p->hist_row = sqlite3_column_int64(q, 0);
	for (int s = 0; s < GCS_SERIES && name && w; s++)
		if (strcmp(name, gcs_series_name[s]) == 0)
			w->series[s] = load_hist(l->p, q, 4, sqlite3_column_int64(q, 3));
}

static void load_ops(struct load *l, sqlite3_stmt *q)
{
	struct playback_window *w = load_window_of(l->p, sqlite3_column_int64(q, 1));
	int64_t workload = sqlite3_column_int64(q, 2);
	l->p->ops_row = sqlite3_column_int64(q, 0);
	if (!w || workload < 0 || workload >= l->p->scenario->nworkloads)
		return;
	struct playback_ops *o = &w->ops[workload];
	o->count = load_u64(q, 3);
	o->errors = load_u64(q, 4);
	o->p99_ns = sqlite3_column_int64(q, 5);
	o->hist = load_hist(l->p, q, 6, 0);
}

static void load_look(struct load *l, sqlite3_stmt *q)
{
	struct gcs_playback *p = l->p;
	struct playback_window *w = load_window_of(p, sqlite3_column_int64(q, 0));
	struct gcs_look_point most = {.runq = (uint32_t)load_u64(q, 1), .growing = (uint8_t)load_u64(q, 2)};
	p->look_next = sqlite3_column_int64(q, 0) + 1;
	if (!w)
		return;
	w->look = (struct playback_look){load_hist(p, q, 4, 0), load_hist(p, q, 5, 0), load_hist(p, q, 6, 0)};
	playback_look_points(p, w, sqlite3_column_blob(q, 3), (size_t)sqlite3_column_bytes(q, 3), &most);
}

/* ---------------------------------------------------------------- what happened */

static void load_pause(struct load *l, sqlite3_stmt *q)
{
	struct gcs_playback *p = l->p;
	const char *name = (const char *)sqlite3_column_text(q, 1);
	int64_t t_ns = sqlite3_column_int64(q, 2), dur_ns = sqlite3_column_int64(q, 3);
	int kind = 0;
	p->pause_row = sqlite3_column_int64(q, 0);
	l->rows++;
	while (name && kind < GCS_PAUSE_KINDS && strcmp(name, gcs_pause_name[kind]) != 0)
		kind++;
	if (!name || kind == GCS_PAUSE_KINDS)
		return;
	playback_cell_pause(p, (enum gcs_pause_kind)kind, t_ns, dur_ns, load_time(q, 4));
	playback_history_pause(p, &(struct gcs_pause_row){.t_ns = t_ns,
							  .dur_ns = dur_ns,
							  .stopping_ns = kind == GCS_PAUSE_STW ? load_time(q, 4) : -1,
							  .firing = load_u64(q, 7),
							  .cycle = (uint32_t)load_u64(q, 6),
							  .kind = (uint8_t)kind});
	struct playback_stop *stop = kind == GCS_PAUSE_STW ? MORE(l, stop) : NULL;
	if (stop)
		*stop = (struct playback_stop){t_ns, load_time(q, 4), load_time(q, 5)};
}

static void load_firing(struct load *l, sqlite3_stmt *q)
{
	struct gcs_playback *p = l->p;
	int64_t fault = sqlite3_column_int64(q, 1), t_ns = sqlite3_column_int64(q, 2);
	p->firing_row = sqlite3_column_int64(q, 0);
	l->rows++;
	if (fault < 0 || fault >= p->scenario->nfaults)
		return;
	struct playback_times *f = &p->fired[fault];
	int64_t *slot = playback_more(p, &f->t, &f->n, &f->cap, sizeof *slot);
	if (!slot)
		return;
	*slot = t_ns;
	f->disordered |= f->n > 1 && slot[-1] > t_ns;
	playback_cell_fire(p, (uint32_t)fault, t_ns);
	playback_history_firing(p, t_ns, load_u64(q, 3));
}

static void load_event(struct load *l, sqlite3_stmt *q)
{
	const char *text = (const char *)sqlite3_column_text(q, 3);
	struct playback_event *e = MORE(l, event);
	l->p->event_row = sqlite3_column_int64(q, 0);
	l->rows++;
	if (!e)
		return;
	e->t_ns = sqlite3_column_int64(q, 1);
	e->level = sqlite3_column_int(q, 2);
	e->text = strdup(text ? text : "");
	if (!e->text)
		l->p->error = -ENOMEM;
	else
		playback_history_event(l->p, e);
}

static void load_cycle(struct load *l, sqlite3_stmt *q)
{
	struct playback_gc *g = MORE(l, gc);
	if (!g)
		return;
	g->cycle = sqlite3_column_int64(q, 0);
	g->cause = sqlite3_column_type(q, 1) == SQLITE_NULL ? -1 : sqlite3_column_int(q, 1);
	g->start_ns = load_time(q, 2);
	g->mark_end_ns = load_time(q, 3);
	g->end_ns = load_time(q, 4);
	g->mark_ns = sqlite3_column_int64(q, 5);
	g->heap_start = load_u64(q, 6);
	g->heap_end = load_u64(q, 7);
	g->heap_marked = load_u64(q, 8);
	g->goal = load_u64(q, 9);
	g->sweep_end_ns = load_time(q, 10);
	playback_history_cycle(l->p, g);
}

static void load_fault(struct load *l, sqlite3_stmt *q)
{
	int64_t i = sqlite3_column_int64(q, 0);
	if (i < 0 || i >= l->p->scenario->nfaults)
		return;
	load_str(q, 1, l->p->what[i], sizeof l->p->what[i]);
	l->p->fault_final[i].visits = load_u64(q, 2);
	l->p->fault_final[i].eligible = load_u64(q, 3);
	l->p->fault_final[i].fired = load_u64(q, 4);
	l->p->fault_final[i].masked = load_u64(q, 5);
}

static enum gcs_rec_state load_state(const char *name)
{
	for (int s = GCS_REC_ARMED; s <= GCS_REC_UNJUDGED && name; s++)
		if (strcmp(name, gcs_rec_state_name((enum gcs_rec_state)s)) == 0)
			return (enum gcs_rec_state)s;
	return GCS_REC_UNJUDGED;
}

static void load_occurrence(struct load *l, sqlite3_stmt *q)
{
	int64_t fault = sqlite3_column_int64(q, 0);
	struct playback_occ *o = MORE(l, occ);
	if (!o)
		return;
	o->fault = (uint32_t)fault;
	o->number = (uint32_t)sqlite3_column_int(q, 1);
	int64_t *slot[] = {&o->start_ns, &o->first_fired_ns, &o->end_ns, &o->degraded_ns, &o->steady_ns, &o->recovery_ns};
	for (int i = 0; i < (int)(sizeof slot / sizeof slot[0]); i++)
		*slot[i] = load_time(q, 2 + i);
	o->fired = load_u64(q, 8);
	o->overlapped = sqlite3_column_int(q, 9);
	o->by_operator = sqlite3_column_int(q, 10);
	o->state = load_state((const char *)sqlite3_column_text(q, 11));
	o->seq = sqlite3_column_int64(q, 12);
	for (int k = 0; k < GCS_SIGNALS_MAX; k++)
		o->signal[k] = (struct playback_signal){-1, -1, 0, 0};
	if (fault < 0 || fault >= l->p->scenario->nfaults)
		l->p->noccs--; /* of no fault that there is */
}

static int load_occ_order(const void *key, const void *element)
{
	int64_t seq = *(const int64_t *)key, other = ((const struct playback_occ *)element)->seq;
	return (seq > other) - (seq < other);
}

static void load_occ_signal(struct load *l, sqlite3_stmt *q)
{
	struct gcs_playback *p = l->p;
	int64_t seq = sqlite3_column_int64(q, 0);
	const char *name = (const char *)sqlite3_column_text(q, 1);
	struct playback_occ *o = p->noccs ? bsearch(&seq, p->occ, p->noccs, sizeof *o, load_occ_order) : NULL;
	for (uint32_t k = 0; k < p->nsignals && o && name; k++)
		if (strcmp(p->signal[k].name, name) == 0)
			o->signal[k] = (struct playback_signal){load_time(q, 2), load_time(q, 3), sqlite3_column_double(q, 4),
								sqlite3_column_double(q, 5)};
}

/* ---------------------------------------------------------------- all of them */

static void load_run_tables(struct load *l)
{
	struct gcs_playback *p = l->p;
	p->nfinal_slos = p->nfinal_expects = 0;
	load_each(l, "SELECT id, sim, begun_wall_ns, pid, now_ns, end_ns FROM run LIMIT 1", 0, load_run);
	if (!p->scenario)
		load_each(l, "SELECT resolved FROM scenario LIMIT 1", 0, load_scenario);
	load_each(l, "SELECT word, sentence FROM verdict LIMIT 1", 0, load_verdict);
	load_each(l, "SELECT key, value FROM counters", 0, load_counter);
	load_each(l, "SELECT key, value FROM harness", 0, load_harness);
	load_each(l, "SELECT value FROM host WHERE key = '" GCS_THIN_KEY "'", 0, load_thinned);
	load_each(l, "SELECT workload, hist FROM total_ops", 0, load_total_ops);
	load_each(l, "SELECT ok, value, shown, failed_ns FROM slo ORDER BY rowid", 0, load_slo);
	load_each(l, "SELECT ok, value, shown, NULL FROM expect ORDER BY rowid", 0, load_expect);
}

/* Cycles are filled in as they go on: from the last one that is whole. */
static void load_cycles(struct load *l)
{
	struct gcs_playback *p = l->p;
	int64_t from = 0;
	size_t whole = 0;
	while (whole < p->ngcs && p->gc[whole].end_ns >= 0 && p->gc[whole].heap_end > 0)
		whole++;
	if (whole > 0)
		from = p->gc[--whole].cycle; /* the last one may be swept by now */
	p->ngcs = whole;
	load_each(l,
		  "SELECT cycle, cause, start_ns, mark_end_ns, end_ns, mark_ns, heap_start, heap_end, heap_marked, goal, sweep_end_ns FROM "
		  "gc_cycles WHERE cycle >= ?1 ORDER BY cycle",
		  from, load_cycle);
}

static void load_growing(struct load *l)
{
	struct gcs_playback *p = l->p;
	int64_t next = p->nwindows ? p->window[p->nwindows - 1].index + 1 : INT64_MIN;
	load_each(l,
		  "SELECT idx, start_ns, end_ns, phase, fires, heap_live_min, heap_live_max, heap_marked, heap_goal, rss, "
		  "gc_cycles, gc_forced, gc_cpu_ns, cpu_ns, assist_ns FROM intervals WHERE idx >= ?1 ORDER BY idx",
		  next, load_window);
	load_each(l, "SELECT rowid, interval, series, max_ns, hist FROM interval_hists WHERE rowid > ?1 ORDER BY rowid", p->hist_row,
		  load_series);
	load_each(l,
		  "SELECT rowid, interval, workload, count, errors, p99_ns, hist FROM interval_ops WHERE rowid > ?1 ORDER BY rowid",
		  p->ops_row, load_ops);
	load_each(l, "SELECT interval, runq_max, maps_growing, points, sched, maps, stalls FROM looks WHERE interval >= ?1 ORDER BY interval",
		  p->look_next, load_look);
	load_each(l,
		  "SELECT rowid, kind, t_ns, dur_ns, ifnull(stopping_ns, -1), ifnull(stopped_ns, dur_ns), cycle, firing "
		  "FROM pauses WHERE rowid > ?1 AND phase >= 0 ORDER BY rowid",
		  p->pause_row, load_pause);
	load_each(l, "SELECT rowid, fault, t_ns, id FROM firings WHERE rowid > ?1 ORDER BY rowid", p->firing_row, load_firing);
	load_each(l, "SELECT rowid, t_ns, level, text FROM events WHERE rowid > ?1 ORDER BY rowid", p->event_row, load_event);
	load_each(l, "SELECT rowid, t_ns, act, fault, text FROM operator WHERE rowid > ?1 ORDER BY rowid", p->act_row, load_operator);
}

static void load_rewritten(struct load *l)
{
	load_cycles(l);
	load_each(l, "SELECT idx, what, visits, eligible, fired, masked FROM faults", 0, load_fault);
	l->p->noccs = 0;
	load_each(l,
		  "SELECT fault, number, start_ns, first_fired_ns, end_ns, degraded_ns, steady_ns, recovery_ns, fired, overlapped, "
		  "by_operator, state, seq FROM occurrences ORDER BY seq",
		  0, load_occurrence);
	load_each(l, "SELECT seq, signal, left_ns, recovery_ns, peak, peak_ratio FROM occurrence_signals", 0, load_occ_signal);
}

static int load_refuse(char **ret_text, const char *path, const char *why)
{
	if (asprintf(ret_text, "%s is damaged: %s", path, why) < 0)
		*ret_text = NULL;
	return -EIO;
}

/* What makes a record readable at all has been read. */
static int load_check(struct load *l, char **ret_text)
{
	struct gcs_playback *p = l->p;
	if (p->error == -ENOMEM)
		return -ENOMEM;
	if (l->broken)
		return load_refuse(ret_text, p->path, sqlite3_errmsg(l->db));
	if (!p->began) { /* a run that begins writes this first */
		load_refuse(ret_text, p->path, "it names no run");
		return -EAGAIN;
	}
	if (!p->scenario)
		return load_refuse(ret_text, p->path, "its scenario cannot be read");
	return 0;
}

int playback_load(struct gcs_playback *p, char **ret_text)
{
	struct load l = {.p = p};
	bool was_finished = p->finished;
	int64_t was_ns = p->now_ns;
	int e = gcs_record_read(p->path, &l.db, ret_text);
	if (e)
		return e;
	if (sqlite3_exec(l.db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK)
		l.broken = true;
	load_run_tables(&l);
	e = load_check(&l, ret_text);
	if (e == 0 && p->sum_every == 0) {
		p->history = gcs_history_create(p->scenario->recovery.window_ns);
		e = playback_replay_begin(p);
	}
	if (e == 0) {
		load_growing(&l);
		load_rewritten(&l);
		e = load_check(&l, ret_text);
	}
	sqlite3_exec(l.db, "COMMIT", NULL, NULL, NULL);
	sqlite3_close(l.db);
	return e ? e : l.rows > 0 || p->now_ns != was_ns || p->finished != was_finished;
}
