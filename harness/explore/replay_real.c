/*
 * replay_real.c: the firings of a run on real threads, fired again.
 *
 * A firing is a fault, a worker and the worker's ordinal there. How many there were is the fault's counter; which they were is in the
 * record as far as its log went: what lies between the two is missing. In the new run the counter tells how many fired, exactly, and its
 * log which.
 */
#include "harness/explore/replay_priv.h"

#include "faults/fault.h"
#include "runtime/mrt.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define REAL_NAMED 5u /* firings told of one by one */

struct real_fault {
	char id[128];
	struct gcs_fired *then, *now; /* by worker, then ordinal; each once */
	uint32_t nthen, nnow;
	uint64_t fired_then, fired_now; /* counted */
};

struct real_sum {
	uint64_t recorded, missing; /* then: listed, and counted only */
	uint64_t fired, unreached;
	uint64_t unlisted; /* now: counted only */
	uint64_t others;   /* fired now, and not then */
};

struct real {
	const struct gcs_replay_options *opt;
	const struct gcs_original *then, *now;
	struct real_fault fault[GCS_FAULTS_MAX];
	uint32_t nfaults;
};

/* ---- reading a record */

static int real_count(sqlite3 *db, const char *sql, uint32_t fault, uint64_t *ret)
{
	sqlite3_stmt *q = NULL;
	int e = sqlite3_prepare_v2(db, sql, -1, &q, NULL) == SQLITE_OK ? 0 : -EINVAL;
	if (e == 0)
		sqlite3_bind_int64(q, 1, fault);
	if (e == 0 && sqlite3_step(q) == SQLITE_ROW)
		*ret = (uint64_t)sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	return e;
}

static int real_rows(sqlite3_stmt *q, struct gcs_fired *list, uint64_t cap, uint32_t *ret_n)
{
	uint32_t n = 0;
	while (sqlite3_step(q) == SQLITE_ROW && n < cap) {
		sqlite3_int64 worker = sqlite3_column_int64(q, 0), ordinal = sqlite3_column_int64(q, 1);
		if (worker < 0 || worker >= MRT_WORKER_MAX || ordinal < 1 || ordinal > UINT32_MAX)
			return -EINVAL;
		list[n++] = (struct gcs_fired){(uint32_t)worker, (uint32_t)ordinal};
	}
	*ret_n = n;
	return 0;
}

static int real_list(sqlite3 *db, uint32_t fault, struct gcs_fired **ret, uint32_t *ret_n)
{
	uint64_t rows = 0;
	sqlite3_stmt *q = NULL;
	int e = real_count(db, "SELECT count(*) FROM firings WHERE fault = ?1", fault, &rows);
	if (e)
		return e;
	if (rows > GCS_FIRED_MAX)
		return -E2BIG;
	*ret = malloc((rows + 1) * sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	if (sqlite3_prepare_v2(db, "SELECT DISTINCT worker, ordinal FROM firings WHERE fault = ?1 ORDER BY 1, 2", -1, &q, NULL) != SQLITE_OK)
		return -EINVAL;
	sqlite3_bind_int64(q, 1, fault);
	e = real_rows(q, *ret, rows, ret_n);
	sqlite3_finalize(q);
	return e;
}

static int real_read_faults(struct real *r)
{
	sqlite3_stmt *q = NULL;
	if (sqlite3_prepare_v2(r->then->db, "SELECT id, fired FROM faults ORDER BY idx", -1, &q, NULL) != SQLITE_OK)
		return -EINVAL;
	while (sqlite3_step(q) == SQLITE_ROW && r->nfaults < GCS_FAULTS_MAX) {
		struct real_fault *f = &r->fault[r->nfaults++];
		snprintf(f->id, sizeof(f->id), "%s", (const char *)sqlite3_column_text(q, 0));
		f->fired_then = (uint64_t)sqlite3_column_int64(q, 1);
	}
	sqlite3_finalize(q);
	return 0;
}

/* 0; -E2BIG: more firings than a plan carries; -EINVAL: the record makes no sense. */
static int real_read(struct real *r)
{
	uint64_t all = 0;
	int e = real_read_faults(r);
	for (uint32_t i = 0; i < r->nfaults && e == 0; i++) {
		e = real_list(r->then->db, i, &r->fault[i].then, &r->fault[i].nthen);
		all += r->fault[i].nthen;
	}
	return e ? e : all > GCS_FIRED_MAX ? -E2BIG : 0;
}

static int real_read_now(struct real *r)
{
	int e = 0;
	for (uint32_t i = 0; i < r->nfaults && e == 0; i++) {
		struct real_fault *f = &r->fault[i];
		e = real_list(r->now->db, i, &f->now, &f->nnow);
		if (e == 0)
			e = real_count(r->now->db, "SELECT fired FROM faults WHERE idx = ?1", i, &f->fired_now);
	}
	return e;
}

/* ---- the run */

static int real_prepare(void *self, struct gcs_scenario *s)
{
	const struct real *r = self;
	if (s->nfaults != r->nfaults)
		return -EINVAL;
	for (uint32_t i = 0; i < s->nfaults; i++) {
		if (strcmp(s->fault[i].id, r->fault[i].id) != 0)
			return -EINVAL;
		s->fault[i].replays = true;
		s->fault[i].fired = r->fault[i].then;
		s->fault[i].nfired = r->fault[i].nthen;
	}
	return 0;
}

/* ---- comparing: both lists are sorted alike */

static int real_order(const struct gcs_fired *a, const struct gcs_fired *b)
{
	if (a->worker != b->worker)
		return a->worker < b->worker ? -1 : 1;
	return a->ordinal < b->ordinal ? -1 : a->ordinal > b->ordinal;
}

/* The next firing of `list` from *at on that `other` does not have; NULL: there is none. */
static const struct gcs_fired *real_alone(const struct gcs_fired *list, uint32_t n, uint32_t *at, const struct gcs_fired *other,
					  uint32_t nother, uint32_t *other_at)
{
	while (*at < n) {
		const struct gcs_fired *x = &list[(*at)++];
		while (*other_at < nother && real_order(&other[*other_at], x) < 0)
			(*other_at)++;
		if (*other_at == nother || real_order(&other[*other_at], x) != 0)
			return x;
	}
	return NULL;
}

static struct real_sum real_sum_of(const struct real_fault *f)
{
	struct real_sum s = {.recorded = f->nthen, .fired = f->fired_now};
	uint32_t a = 0, b = 0;
	while (real_alone(f->now, f->nnow, &a, f->then, f->nthen, &b))
		s.others++;
	s.missing = f->fired_then > f->nthen ? f->fired_then - f->nthen : 0;
	s.unlisted = f->fired_now > f->nnow ? f->fired_now - f->nnow : 0;
	s.unreached = s.recorded > s.fired ? s.recorded - s.fired : 0;
	return s;
}

static struct real_sum real_sum_all(const struct real *r)
{
	struct real_sum all = {0};
	for (uint32_t i = 0; i < r->nfaults; i++) {
		struct real_sum s = real_sum_of(&r->fault[i]);
		all.recorded += s.recorded;
		all.missing += s.missing;
		all.fired += s.fired;
		all.unreached += s.unreached;
		all.unlisted += s.unlisted;
		all.others += s.others;
	}
	return all;
}

/* ---- telling */

static void real_tell_unreached(const struct real *r, const struct real_fault *f)
{
	struct real_sum s = real_sum_of(f);
	const struct gcs_fired *x;
	uint32_t a = 0, b = 0, named = 0;
	if (s.unreached == 0)
		return;
	fprintf(r->opt->out, "%s: %" PRIu64 " not reached%s:", f->id, s.unreached,
		s.unlisted ? " (the new run's log lost some, which are named here too)" : "");
	while (named < REAL_NAMED && (x = real_alone(f->then, f->nthen, &a, f->now, f->nnow, &b)))
		fprintf(r->opt->out, "%s worker %" PRIu32 "'s visit %" PRIu32, named++ ? "," : "", x->worker, x->ordinal);
	fputs(named < s.unreached ? ", ...\n" : "\n", r->opt->out);
}

static void real_tell(const struct real *r, const struct real_sum *s)
{
	FILE *out = r->opt->out;
	fprintf(out, "%s: on real threads: %" PRIu64 " firings recorded, %" PRIu64 " fired again, %" PRIu64 " not reached\n", r->then->name,
		s->recorded, s->fired - s->others, s->unreached);
	for (uint32_t i = 0; i < r->nfaults; i++)
		real_tell_unreached(r, &r->fault[i]);
	for (uint32_t i = 0; i < r->nfaults; i++)
		if (real_sum_of(&r->fault[i]).missing)
			fprintf(out, "%s: %" PRIu64 " of its %" PRIu64 " firings are counted and not listed: they could not be replayed\n",
				r->fault[i].id, real_sum_of(&r->fault[i]).missing, r->fault[i].fired_then);
	if (s->others)
		fprintf(out, "%" PRIu64 " fired that had not fired then\n", s->others);
	replay_tell_verdicts(r->opt, r->then, r->now);
}

static json_t *real_json_unreached(const struct real_fault *f)
{
	const struct gcs_fired *x;
	json_t *list = json_array();
	uint32_t a = 0, b = 0;
	while (json_array_size(list) < REAL_NAMED && (x = real_alone(f->then, f->nthen, &a, f->now, f->nnow, &b)))
		json_array_append_new(list, json_pack("[I,I]", (json_int_t)x->worker, (json_int_t)x->ordinal));
	return list;
}

static void real_tell_json(const struct real *r, const struct real_sum *all, enum gcs_exit code)
{
	json_t *faults = json_array();
	for (uint32_t i = 0; i < r->nfaults; i++) {
		const struct real_fault *f = &r->fault[i];
		struct real_sum s = real_sum_of(f);
		json_array_append_new(faults, json_pack("{ss sI sI sI sI sI sI so}", "id", f->id, "recorded", (json_int_t)s.recorded, "missing",
							(json_int_t)s.missing, "fired", (json_int_t)s.fired, "unreached",
							(json_int_t)s.unreached, "unlisted", (json_int_t)s.unlisted, "others",
							(json_int_t)s.others, "first_unreached", real_json_unreached(f)));
	}
	json_t *o = json_pack("{ss sb sI sI sI sI sI s{si} s{si} so si}", "replay", r->then->id, "sim", 0, "recorded", (json_int_t)all->recorded,
			      "missing", (json_int_t)all->missing, "fired", (json_int_t)all->fired, "unreached", (json_int_t)all->unreached,
			      "others", (json_int_t)all->others, "then", "exit", r->then->exit, "now", "exit", r->now->exit, "faults", faults,
			      "exit", (int)code);
	if (o)
		json_dumpf(o, r->opt->out, JSON_INDENT(2));
	fputc('\n', r->opt->out);
	json_decref(o);
}

/* ---- the whole */

static enum gcs_exit real_judge(const struct real_sum *s)
{
	if (s->others)
		return GCS_EXIT_FAIL;
	return s->unreached || s->missing ? GCS_EXIT_INCONCLUSIVE : GCS_EXIT_PASS;
}

static enum gcs_exit real_compare(struct real *r)
{
	int e = real_read_now(r);
	if (e)
		return replay_refuse(r->opt, GCS_EXIT_HARNESS, strerror(-e));
	struct real_sum s = real_sum_all(r);
	enum gcs_exit code = real_judge(&s);
	if (strcmp(r->opt->format, "json") == 0)
		real_tell_json(r, &s, code);
	else
		real_tell(r, &s);
	return code;
}

static enum gcs_exit real_load(struct real *r)
{
	uint64_t listed = 0;
	int e = real_read(r);
	for (uint32_t i = 0; i < r->nfaults; i++)
		listed += r->fault[i].nthen;
	if (e == -E2BIG)
		return replay_refuse(r->opt, GCS_EXIT_UNSUPPORTED, "more fired in it than a replay can carry");
	if (e)
		return replay_refuse(r->opt, GCS_EXIT_UNSUPPORTED, strerror(-e));
	if (listed == 0)
		return replay_refuse(r->opt, GCS_EXIT_UNSUPPORTED, "it ran on real threads and lists no firing: there is nothing to replay");
	return GCS_EXIT_PASS;
}

enum gcs_exit replay_real(const struct gcs_replay_options *opt, struct gcs_original *then)
{
	struct gcs_original now = {0};
	struct real *r = calloc(1, sizeof(*r));
	if (!r)
		return replay_refuse(opt, GCS_EXIT_UNSUPPORTED, strerror(ENOMEM));
	*r = (struct real){.opt = opt, .then = then, .now = &now};
	enum gcs_exit code = real_load(r);
	if (code == GCS_EXIT_PASS)
		code = replay_again(opt, then, &now, (struct gcs_trial){.real = true, .prepare = real_prepare, .self = r});
	if (code == GCS_EXIT_PASS)
		code = real_compare(r);
	gcs_original_close(&now);
	for (uint32_t i = 0; i < r->nfaults; i++) {
		free(r->fault[i].then);
		free(r->fault[i].now);
	}
	free(r);
	return code;
}
