/*
 * report.c: reading a record.
 *
 * Everything printed comes from the file; nothing of the run that made it needs to exist. A record
 * whose harness was killed has no verdict and no SLO rows, but its totals, faults and occurrences
 * stand as of the last tick.
 */
#include "harness/collect/collect.h"

#include "harness/record/record_read.h"
#include "harness/report/report_priv.h"
#include "harness/record/thin.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- sqlite */

struct report_db {
	sqlite3 *db;
	int error;
};

static char *report_str(sqlite3_stmt *q, int column)
{
	const char *text = (const char *)sqlite3_column_text(q, column);
	return strdup(text ? text : "");
}

static int64_t report_time(sqlite3_stmt *q, int column)
{
	return sqlite3_column_type(q, column) == SQLITE_NULL ? -1 : sqlite3_column_int64(q, column);
}

/* Run a query; each row goes to fn. */
static void report_each(struct report_db *db, struct report *r, const char *sql,
			void (*fn)(struct report *, sqlite3_stmt *))
{
	sqlite3_stmt *q = NULL;
	int rc = sqlite3_prepare_v2(db->db, sql, -1, &q, NULL);
	while (rc == SQLITE_OK || rc == SQLITE_ROW) {
		rc = sqlite3_step(q);
		if (rc == SQLITE_ROW)
			fn(r, q);
	}
	if (rc != SQLITE_DONE)
		db->error = -EIO;
	sqlite3_finalize(q);
}

/* One more element of an array; NULL: no memory, and the row is left out. */
static void *report_more(void *array_of, size_t *n, size_t size)
{
	void **array = array_of;
	void *grown = reallocarray(*array, *n + 1, size);
	if (!grown)
		return NULL;
	*array = grown;
	void *slot = (char *)grown + *n * size;
	memset(slot, 0, size);
	(*n)++;
	return slot;
}

/* ---------------------------------------------------------------- rows */

static void row_run(struct report *r, sqlite3_stmt *q)
{
	r->id = report_str(q, 0);
	r->name = report_str(q, 1);
	r->seed = (uint64_t)sqlite3_column_int64(q, 2);
	r->target = report_str(q, 3);
	r->sim = sqlite3_column_int(q, 4);
	r->command = report_str(q, 5);
	r->begun_wall_ns = sqlite3_column_int64(q, 6);
	r->duration_ns = sqlite3_column_type(q, 8) == SQLITE_NULL ? sqlite3_column_int64(q, 7)
								  : sqlite3_column_int64(q, 8);
	r->hash = report_str(q, 9);
	r->procs = (uint32_t)sqlite3_column_int(q, 10);
}

static void row_verdict(struct report *r, sqlite3_stmt *q)
{
	if (r->finished)
		return;
	r->finished = true;
	r->exit = sqlite3_column_int(q, 0);
	r->word = report_str(q, 1);
	r->sentence = report_str(q, 2);
}

static void row_reason(struct report *r, sqlite3_stmt *q)
{
	struct report_event *e = report_more(&r->reason, &r->nreasons, sizeof(*e));
	if (!e)
		return;
	e->level = sqlite3_column_int(q, 0);
	e->text = report_str(q, 1);
}

static void row_phase(struct report *r, sqlite3_stmt *q)
{
	struct report_phase *p = report_more(&r->phase, &r->nphases, sizeof(*p));
	if (!p)
		return;
	p->id = report_str(q, 0);
	p->start_ns = sqlite3_column_int64(q, 1);
	p->end_ns = sqlite3_column_int64(q, 2);
	p->record = sqlite3_column_int(q, 3);
}

static void report_hist(sqlite3_stmt *q, int column, struct gcs_pcts *ret)
{
	struct watch_hist_sum h;
	memset(ret, 0, sizeof(*ret));
	int n = sqlite3_column_bytes(q, column);
	const void *bytes = sqlite3_column_blob(q, column);
	if (bytes && gcs_hist_decode(&h, bytes, (size_t)n) == 0)
		gcs_hist_pcts(&h, ret);
}

static void row_ops(struct report *r, sqlite3_stmt *q)
{
	struct report_ops *o = report_more(&r->ops, &r->nops, sizeof(*o));
	if (!o)
		return;
	o->id = report_str(q, 0);
	o->driver = report_str(q, 1);
	o->count = (uint64_t)sqlite3_column_int64(q, 2);
	o->errors = (uint64_t)sqlite3_column_int64(q, 3);
	report_hist(q, 4, &o->p);
}

static void row_series(struct report *r, sqlite3_stmt *q)
{
	const char *name = (const char *)sqlite3_column_text(q, 0);
	for (int s = 0; s < GCS_SERIES && name; s++)
		if (strcmp(name, gcs_series_name[s]) == 0)
			report_hist(q, 1, &r->series[s]);
}

static void row_fault(struct report *r, sqlite3_stmt *q)
{
	struct report_fault *f = report_more(&r->fault, &r->nfaults, sizeof(*f));
	if (!f)
		return;
	f->id = report_str(q, 0);
	f->point = report_str(q, 1);
	f->what = report_str(q, 2);
	f->outcome = report_str(q, 3);
	f->visits = (uint64_t)sqlite3_column_int64(q, 4);
	f->eligible = (uint64_t)sqlite3_column_int64(q, 5);
	f->fired = (uint64_t)sqlite3_column_int64(q, 6);
	f->masked = (uint64_t)sqlite3_column_int64(q, 7);
	f->windows = (uint32_t)sqlite3_column_int(q, 8);
}

static void row_occurrence(struct report *r, sqlite3_stmt *q)
{
	struct report_occurrence *o = report_more(&r->occ, &r->noccs, sizeof(*o));
	if (!o)
		return;
	o->fault = (uint32_t)sqlite3_column_int(q, 0);
	o->number = (uint32_t)sqlite3_column_int(q, 2);
	o->start_ns = sqlite3_column_int64(q, 3);
	o->first_fired_ns = report_time(q, 4);
	o->end_ns = report_time(q, 5);
	o->degraded_ns = report_time(q, 6);
	o->steady_ns = report_time(q, 7);
	o->recovery_ns = report_time(q, 8);
	o->fired = (uint64_t)sqlite3_column_int64(q, 9);
	o->overlapped = sqlite3_column_int(q, 10);
	o->by_operator = sqlite3_column_int(q, 11);
	o->state = report_str(q, 12);
}

/* Rows come in the order of seq, so those of one occurrence follow its place in r->occ: column 0.
 */
static void row_signal(struct report *r, sqlite3_stmt *q)
{
	sqlite3_int64 at = sqlite3_column_int64(q, 0);
	if (at < 0 || (size_t)at >= r->noccs || r->occ[at].nsignals == GCS_SIGNALS_MAX)
		return;
	struct report_signal *s = &r->occ[at].signal[r->occ[at].nsignals++];
	s->name = report_str(q, 1);
	s->left_ns = report_time(q, 2);
	s->left = s->left_ns >= 0;
	s->recovery_ns = report_time(q, 3);
	s->peak = sqlite3_column_double(q, 4);
	s->peak_ratio = sqlite3_column_double(q, 5);
	s->unit = sqlite3_column_int(q, 6);
	s->baseline = sqlite3_column_double(q, 7);
	s->bound = sqlite3_column_double(q, 8);
}

static void row_due(struct report *r, sqlite3_stmt *q)
{
	struct report_due *d = report_more(&r->due, &r->ndues, sizeof(*d));
	if (!d)
		return;
	d->fault = (uint32_t)sqlite3_column_int(q, 0);
	d->what = report_str(q, 1);
	d->count = (uint64_t)sqlite3_column_int64(q, 2);
	d->total_ns = sqlite3_column_int64(q, 3);
	d->excess_ns = sqlite3_column_int64(q, 4);
	d->max_ns = sqlite3_column_int64(q, 5);
}

static void report_check_row(struct report_check *c, sqlite3_stmt *q)
{
	if (!c)
		return;
	c->id = report_str(q, 0);
	c->text = report_str(q, 1);
	c->ok = sqlite3_column_int(q, 2);
	c->left_out = sqlite3_column_type(q, 2) == SQLITE_NULL;
	c->has = sqlite3_column_type(q, 3) != SQLITE_NULL;
	c->value = sqlite3_column_double(q, 3);
	c->shown = report_str(q, 4);
	c->windows = (uint32_t)sqlite3_column_int(q, 5);
	c->windows_failed = (uint32_t)sqlite3_column_int(q, 6);
}

static void row_slo(struct report *r, sqlite3_stmt *q)
{
	report_check_row(report_more(&r->slo, &r->nslos, sizeof(*r->slo)), q);
}

static void row_expect(struct report *r, sqlite3_stmt *q)
{
	report_check_row(report_more(&r->expect, &r->nexpects, sizeof(*r->expect)), q);
}

static void row_act(struct report *r, sqlite3_stmt *q)
{
	struct report_act *a = report_more(&r->act, &r->nacts, sizeof(*a));
	if (!a)
		return;
	a->t_ns = sqlite3_column_int64(q, 0);
	a->source = report_str(q, 1);
	a->act = report_str(q, 2);
	a->fault = sqlite3_column_int(q, 3);
	a->text = report_str(q, 4);
	a->modifies = strcmp(a->act, "mark") != 0 && strcmp(a->act, "refused") != 0 &&
		      strcmp(a->act, "quit") != 0;
	r->nmodifying += a->modifies;
}

static void row_pause(struct report *r, sqlite3_stmt *q)
{
	struct report_pause *p = report_more(&r->worst, &r->nworst, sizeof(*p));
	if (!p)
		return;
	p->kind = report_str(q, 0);
	p->t_ns = sqlite3_column_int64(q, 1);
	p->dur_ns = sqlite3_column_int64(q, 2);
	p->stopping_ns = report_time(q, 3);
	p->stopped_ns = report_time(q, 4);
	p->cycle = (uint64_t)sqlite3_column_int64(q, 5);
	p->firing = (uint64_t)sqlite3_column_int64(q, 6);
	p->disturbed = sqlite3_column_int(q, 7);
}

static void row_counter(struct report *r, sqlite3_stmt *q)
{
	const struct {
		const char *key;
		uint64_t *slot;
	} slots[] = {
		{"recorded_ns", (uint64_t *)&r->recorded_ns},
		{"used_ns", &r->used_ns},
		{"gc_cycles", &r->gc_cycles},
		{"gc_forced", &r->gc_forced},
		{"gc_cpu_ns", &r->gc_cpu_ns},
		{"cpu_ns", &r->cpu_ns},
		{"assist_ns", &r->assist_ns},
		{"heap_live_max", &r->heap_live_max},
		{"heap_goal_max", &r->heap_goal_max},
		{"rss_max", &r->rss_max},
		{"run_delay_ns", &r->run_delay_ns},
		{"processes_max", &r->processes_max},
		{"resolution_ns", (uint64_t *)&r->resolution_ns},
		{"limiter_cycles", &r->limiter_cycles},
		{"limiter_on_ns", &r->limiter_on_ns},
		{"limiter_first", &r->limiter_first},
		{"limiter_last", &r->limiter_last},
		{"integrity_checked", &r->integrity_checked},
		{"integrity_errors", &r->integrity_errors},
		{"crashes", &r->crashes},
		{"restarts", &r->restarts},
		{"comeback_max_ns", &r->comeback_max_ns},
		{"samples_lost", &r->samples_lost},
	};
	const char *key = (const char *)sqlite3_column_text(q, 0);
	for (size_t i = 0; key && i < sizeof(slots) / sizeof(slots[0]); i++)
		if (strcmp(key, slots[i].key) == 0)
			*slots[i].slot = (uint64_t)sqlite3_column_int64(q, 1);
}

static void row_harness(struct report *r, sqlite3_stmt *q)
{
	const char *key = (const char *)sqlite3_column_text(q, 0);
	double v = sqlite3_column_double(q, 1);
	if (!key)
		return;
	if (strcmp(key, "injector_cost") == 0)
		r->injector_cost = v;
	else if (strcmp(key, "target_stall_max_ns") == 0)
		r->stall_max_ns = v;
	else if (strcmp(key, "own_late_max_ns") == 0)
		r->own_late_max_ns = v;
	else if (strcmp(key, "rows_dropped") == 0)
		r->rows_dropped = (uint64_t)v;
}

static void row_gctrace(struct report *r, sqlite3_stmt *q)
{
	free(r->gctrace);
	r->gctrace = report_str(q, 0);
}

static void row_thinned(struct report *r, sqlite3_stmt *q)
{
	free(r->thinned);
	r->thinned = report_str(q, 0);
}

static const struct {
	const char *sql;
	void (*fn)(struct report *, sqlite3_stmt *);
} report_queries[] = {
	{"SELECT id,name,seed,target,sim,command,begun_wall_ns,now_ns,end_ns,hash,procs FROM run "
	 "LIMIT 1",
	 row_run},
	{"SELECT exit,word,sentence FROM verdict", row_verdict},
	{"SELECT exit,text FROM reasons ORDER BY rowid", row_reason},
	{"SELECT id,start_ns,end_ns,record FROM phases ORDER BY idx", row_phase},
	{"SELECT w.id,w.driver,t.count,t.errors,t.hist FROM workloads w LEFT JOIN total_ops t ON "
	 "t.workload=w.idx ORDER BY w.idx",
	 row_ops},
	{"SELECT series,hist FROM totals", row_series},
	{"SELECT id,point,what,outcome,visits,eligible,fired,masked,windows FROM faults ORDER BY "
	 "idx",
	 row_fault},
	{"SELECT "
	 "fault,seq,number,start_ns,first_fired_ns,end_ns,degraded_ns,steady_ns,recovery_ns,fired,"
	 "overlapped,by_operator,state"
	 " FROM occurrences ORDER BY seq",
	 row_occurrence},
	{"SELECT (SELECT count(*) FROM occurrences o WHERE o.seq < s.seq), s.signal, s.left_ns, "
	 "s.recovery_ns, s.peak, s.peak_ratio,"
	 " g.unit, g.baseline, g.bound FROM occurrence_signals s LEFT JOIN signals g ON "
	 "g.name=s.signal ORDER BY s.seq, s.rowid",
	 row_signal},
	{"SELECT fault,due,count,total_ns,excess_ns,max_ns FROM ledger WHERE fault >= 0 ORDER BY "
	 "fault,due",
	 row_due},
	{"SELECT id,text,ok,value,shown,windows,windows_failed FROM slo ORDER BY rowid", row_slo},
	{"SELECT '',text,ok,value,shown,0,0 FROM expect ORDER BY rowid", row_expect},
	{"SELECT t_ns,source,act,fault,text FROM operator ORDER BY rowid", row_act},
	{"SELECT kind,t_ns,dur_ns,stopping_ns,stopped_ns,cycle,firing,disturbed FROM (SELECT *, "
	 "row_number() OVER (PARTITION BY kind"
	 " ORDER BY dur_ns DESC) AS place FROM pauses WHERE phase IN (SELECT idx FROM phases WHERE "
	 "record)) WHERE place <= 3 ORDER BY kind='stw' DESC, kind, dur_ns DESC",
	 row_pause},
	{"SELECT key,value FROM counters", row_counter},
	{"SELECT key,value FROM harness", row_harness},
	{report_effects_sql, report_effects_row},
	{report_reported_sql, report_reported_row},
	{report_logged_sql, report_logged_row},
	{report_followed_sql, report_followed_row},
	{report_fidelity_sql, report_fidelity_row},
	{report_curves_sql, report_curves_row},
	{report_program_sql, report_program_row},
	{"SELECT line FROM gctrace WHERE line LIKE 'gc %' ORDER BY rowid DESC LIMIT 1", row_gctrace},
	{"SELECT value FROM host WHERE key='" GCS_THIN_KEY "'", row_thinned},
};

/* ---------------------------------------------------------------- opening */

static int report_open(const char *path, sqlite3 **ret, FILE *err)
{
	char *text = NULL;
	int rc = gcs_record_read(path, ret, &text);
	if (rc != 0)
		fprintf(err, "gcstorm: %s\n", text ? text : strerror(-rc));
	free(text);
	return rc;
}

int report_load(struct report *r, const char *path, FILE *err)
{
	struct report_db db = {0};
	memset(r, 0, sizeof(*r));
	int rc = report_open(path, &db.db, err);
	if (rc != 0)
		return rc;
	r->path = strdup(path);
	/* one view of a record that may still be written */
	sqlite3_exec(db.db, "BEGIN", NULL, NULL, NULL);
	for (size_t i = 0; i < sizeof(report_queries) / sizeof(report_queries[0]); i++)
		report_each(&db, r, report_queries[i].sql, report_queries[i].fn);
	if (db.error || !r->id) {
		fprintf(err, "gcstorm: %s is damaged: %s\n", path, sqlite3_errmsg(db.db));
		db.error = -EIO;
		report_fini(r);
	}
	sqlite3_exec(db.db, "COMMIT", NULL, NULL, NULL);
	sqlite3_close(db.db);
	return db.error;
}

static void report_fini_checks(struct report_check *c, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(c[i].id);
		free(c[i].text);
		free(c[i].shown);
	}
	free(c);
}

static void report_fini_occurrences(struct report *r)
{
	for (size_t i = 0; i < r->noccs; i++) {
		free(r->occ[i].state);
		for (uint32_t k = 0; k < r->occ[i].nsignals; k++)
			free(r->occ[i].signal[k].name);
	}
	free(r->occ);
}

static void report_fini_faults(struct report *r)
{
	for (size_t i = 0; i < r->nfaults; i++) {
		free(r->fault[i].id);
		free(r->fault[i].point);
		free(r->fault[i].what);
		free(r->fault[i].outcome);
	}
	free(r->fault);
	for (size_t i = 0; i < r->ndues; i++)
		free(r->due[i].what);
	free(r->due);
	report_effects_fini(r);
}

void report_fini(struct report *r)
{
	char *texts[] = {r->path, r->id,   r->name,	r->target,  r->command,
			 r->hash, r->word, r->sentence, r->gctrace, r->thinned};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		free(texts[i]);
	report_program_fini(r);
	for (size_t i = 0; i < r->nphases; i++)
		free(r->phase[i].id);
	free(r->phase);
	for (size_t i = 0; i < r->nops; i++) {
		free(r->ops[i].id);
		free(r->ops[i].driver);
	}
	free(r->ops);
	for (size_t i = 0; i < r->nreasons; i++)
		free(r->reason[i].text);
	free(r->reason);
	for (size_t i = 0; i < r->nacts; i++) {
		free(r->act[i].source);
		free(r->act[i].act);
		free(r->act[i].text);
	}
	free(r->act);
	for (size_t i = 0; i < r->nworst; i++)
		free(r->worst[i].kind);
	free(r->worst);
	report_reported_fini(r);
	report_fidelity_fini(r);
	report_curves_fini(r);
	report_fini_faults(r);
	report_fini_occurrences(r);
	report_fini_checks(r->slo, r->nslos);
	report_fini_checks(r->expect, r->nexpects);
	memset(r, 0, sizeof(*r));
}

int gcs_report(const char *path, const char *format, FILE *out, FILE *err)
{
	struct report r;
	int rc = report_load(&r, path, err);
	if (rc != 0)
		return rc;
	if (strcmp(format, "json") == 0)
		rc = report_json(&r, out);
	else
		report_text(&r, out);
	report_fini(&r);
	if (fflush(out) != 0 || ferror(out))
		rc = -EIO;
	return rc;
}
