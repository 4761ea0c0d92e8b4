/* playback_find.c: where to go in a record: edges of faults, windows, the worst pauses. */
#include "harness/playback/playback_priv.h"

#include "harness/measure/ledger.h"
#include "harness/record/record_read.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* "15.00 s": cut, not rounded, as the position on the screen is. */
static const char *find_when(char ret[32], int64_t t_ns)
{
	snprintf(ret, 32, "%" PRId64 ".%02d s", t_ns / 1000000000, (int)(t_ns / 10000000 % 100));
	return ret;
}

/* ---------------------------------------------------------------- edges and windows */

static void find_say(const struct gcs_playback *p, const struct playback_mark *m, char *ret, size_t cap)
{
	static const char *const what[] = {"armed", "disarmed", "fired by hand"};
	const char *id = p->scenario->fault[m->fault].id;
	char when[32];
	if (m->what == PLAYBACK_FIRE)
		snprintf(ret, cap, "%s %s at %s", id, what[m->what], find_when(when, m->t_ns));
	else
		snprintf(ret, cap, "%s#%u %s at %s", id, m->number + 1, what[m->what], find_when(when, m->t_ns));
}

int64_t gcs_playback_edge(const struct gcs_playback *p, int64_t t_ns, bool forward, char *ret_text, size_t cap)
{
	const struct playback_mark *found = NULL;
	for (size_t i = 0; i < p->nmarks && !(found && forward); i++)
		if (forward ? p->mark[i].t_ns > t_ns : p->mark[i].t_ns < t_ns)
			found = &p->mark[i];
	if (!found || found->t_ns > gcs_playback_end(p))
		return -1;
	find_say(p, found, ret_text, cap);
	return found->t_ns;
}

int64_t gcs_playback_window(const struct gcs_playback *p, int64_t t_ns, bool forward)
{
	size_t n = playback_closed(p, t_ns);
	if (forward)
		return n < p->nwindows ? p->window[n].end_ns : gcs_playback_end(p);
	if (n > 0 && p->window[n - 1].end_ns == t_ns)
		n--;
	return n > 0 ? p->window[n - 1].end_ns : 0;
}

/* ---------------------------------------------------------------- the worst */

struct find_pause {
	char kind[16];
	int64_t t_ns, dur_ns, stopping_ns;
	uint64_t cycle, firing;
};

/* ?1: the rank. The longest of each kind are found by index. */
#define FIND_TOP(kind)                                                                                                      \
	"SELECT * FROM (SELECT kind, t_ns, dur_ns, stopping_ns, cycle, firing FROM pauses WHERE kind='" kind                \
	"' AND phase >= 0 ORDER BY dur_ns DESC, t_ns LIMIT ?1 + 1)"
static const char *const find_sql[] = {
	[GCS_WORST_STW] = FIND_TOP("stw") " ORDER BY dur_ns DESC, t_ns LIMIT 1 OFFSET ?1",
	[GCS_WORST_STOPPING] = "SELECT kind, t_ns, dur_ns, stopping_ns, cycle, firing FROM pauses WHERE kind='stw' AND phase >= 0 AND stopping_ns NOT NULL "
			       "ORDER BY stopping_ns DESC, t_ns LIMIT 1 OFFSET ?1",
	[GCS_WORST_ASSIST] = FIND_TOP("assist") " ORDER BY dur_ns DESC, t_ns LIMIT 1 OFFSET ?1",
	[GCS_WORST_WAKE] = FIND_TOP("wake_lag") " ORDER BY dur_ns DESC, t_ns LIMIT 1 OFFSET ?1",
	[GCS_WORST_OP] = NULL, /* not a pause */
	[GCS_WORST_ANY] = FIND_TOP("stw") " UNION ALL " FIND_TOP("assist") " UNION ALL " FIND_TOP("wake_lag") " UNION ALL " FIND_TOP(
		"alloc_stall") " ORDER BY dur_ns DESC, t_ns LIMIT 1 OFFSET ?1",
};

static bool find_row(sqlite3 *db, const char *sql, uint32_t rank, struct find_pause *ret)
{
	sqlite3_stmt *q = NULL;
	bool found = sqlite3_prepare_v2(db, sql, -1, &q, NULL) == SQLITE_OK &&
		     sqlite3_bind_int64(q, 1, rank) == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW;
	if (found) {
		const char *kind = (const char *)sqlite3_column_text(q, 0);
		snprintf(ret->kind, sizeof ret->kind, "%s", kind ? kind : "");
		ret->t_ns = sqlite3_column_int64(q, 1);
		ret->dur_ns = sqlite3_column_int64(q, 2);
		ret->stopping_ns = sqlite3_column_int64(q, 3);
		ret->cycle = (uint64_t)sqlite3_column_int64(q, 4);
		ret->firing = (uint64_t)sqlite3_column_int64(q, 5);
	}
	sqlite3_finalize(q);
	return found;
}

/* "due to oom#1, visit 17 of worker 3": the occurrence that the pause's beginning fell into or came after. */
static void find_due(const struct gcs_playback *p, const struct find_pause *f, char *ret, size_t cap)
{
	int fault = gcs_firing_fault(f->firing);
	uint32_t number = 0;
	snprintf(ret, cap, "%s", "no firing behind it");
	if (fault < 0 || (uint32_t)fault >= p->scenario->nfaults)
		return;
	for (size_t i = 0; i < p->noccs; i++)
		if (p->occ[i].fault == (uint32_t)fault && p->occ[i].start_ns <= f->t_ns - f->dur_ns)
			number = p->occ[i].number + 1;
	if (number)
		snprintf(ret, cap, "due to %s#%u, visit %u of worker %u", p->scenario->fault[fault].id, number,
			 gcs_firing_visit(f->firing), gcs_firing_worker(f->firing));
	else
		snprintf(ret, cap, "due to %s", p->scenario->fault[fault].id);
}

static void find_name(const struct find_pause *f, enum gcs_worst kind, char *ret, size_t cap)
{
	static const struct { const char *kind, *name; } names[] = {
		{"stw", "STW"}, {"assist", "assist"}, {"alloc_stall", "allocation stall"}, {"wake_lag", "wake lag"}};
	const char *name = f->kind;
	char length[32], stopping[32];
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(f->kind, names[i].kind) == 0)
			name = names[i].name;
	gcs_metric_show(GCS_UNIT_NS, (double)f->dur_ns, length, sizeof length);
	gcs_metric_show(GCS_UNIT_NS, (double)f->stopping_ns, stopping, sizeof stopping);
	if (kind == GCS_WORST_STOPPING)
		snprintf(ret, cap, "%s to stop, STW %s GC#%" PRIu64, stopping, length, f->cycle);
	else if (f->cycle)
		snprintf(ret, cap, "%s %s GC#%" PRIu64, name, length, f->cycle);
	else
		snprintf(ret, cap, "%s %s", name, length);
}

static const char *find_rank(uint32_t rank, char ret[32])
{
	if (rank == 0)
		return "worst";
	snprintf(ret, 32, "%u. worst", rank + 1);
	return ret;
}

static int64_t find_pause(struct gcs_playback *p, enum gcs_worst kind, uint32_t rank, char *ret_text, size_t cap)
{
	sqlite3 *db = NULL;
	char *text = NULL, name[112], due[112], nth[32], when[32];
	struct find_pause f = {"", -1, 0, 0, 0, 0};
	if (gcs_record_read(p->path, &db, &text) == 0) {
		if (!find_row(db, find_sql[kind], rank, &f))
			f.t_ns = -1;
		sqlite3_close(db);
	}
	free(text);
	if (f.t_ns < 0)
		return -1;
	find_name(&f, kind, name, sizeof name);
	find_due(p, &f, due, sizeof due);
	snprintf(ret_text, cap, "%s: %s at %s, %s", find_rank(rank, nth), name, find_when(when, f.t_ns), due);
	return f.t_ns;
}

struct find_op { int64_t p99_ns; size_t window; uint32_t workload; };

static int find_op_order(const void *a, const void *b)
{
	const struct find_op *x = a, *y = b;
	if (x->p99_ns != y->p99_ns)
		return x->p99_ns < y->p99_ns ? 1 : -1;
	return (x->window > y->window) - (x->window < y->window);
}

/* One entry a window, its slowest workload. */
static int64_t find_op(const struct gcs_playback *p, uint32_t rank, char *ret_text, size_t cap)
{
	char length[32], nth[32], from[32], to[32];
	struct find_op *all = calloc(p->nwindows + 1, sizeof *all);
	size_t n = 0;
	for (size_t i = 0; i < p->nwindows && all; i++) {
		struct find_op worst = {0, i, 0};
		for (uint32_t w = 0; w < p->scenario->nworkloads && p->window[i].ops; w++)
			if (p->window[i].ops[w].p99_ns > worst.p99_ns) {
				worst.p99_ns = p->window[i].ops[w].p99_ns;
				worst.workload = w;
			}
		if (worst.p99_ns > 0)
			all[n++] = worst;
	}
	if (rank >= n) {
		free(all);
		return -1;
	}
	qsort(all, n, sizeof *all, find_op_order);
	const struct playback_window *w = &p->window[all[rank].window];
	gcs_metric_show(GCS_UNIT_NS, (double)all[rank].p99_ns, length, sizeof length);
	snprintf(ret_text, cap, "%s: P99 of %s %s, from %s to %s", find_rank(rank, nth),
		 p->scenario->workload[all[rank].workload].id, length, find_when(from, w->start_ns), find_when(to, w->end_ns));
	free(all);
	return w->end_ns;
}

int64_t gcs_playback_worst(struct gcs_playback *p, enum gcs_worst kind, uint32_t rank, char *ret_text, size_t cap)
{
	return kind == GCS_WORST_OP ? find_op(p, rank, ret_text, cap) : find_pause(p, kind, rank, ret_text, cap);
}
