/* replay.c: a simulated run again, and where the two part. */
#include "harness/explore/replay_priv.h"

#include "harness/base/build.h"
#include "harness/record/record_read.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* What is walked through in both records, row by row: time, then words. The first is what must be the same; the others, which a record may
 * have lost some of, only tell where two runs part that are not. */
static const struct replay_walk {
	const char *name, *sql;
} replay_walks[] = {
	{"firing", "SELECT f.t_ns, printf('fault %s, worker %d, its visit %d, action %d, GC cycle %d in phase %d, argument %d', "
		   "(SELECT id FROM faults WHERE idx = f.fault), f.worker, f.ordinal, f.action, f.gc_cycle, f.gc_phase, f.arg) "
		   "FROM firings f WHERE f.t_ns <= ?1 ORDER BY 1, 2"},
	{"collection", "SELECT start_ns, printf('cycle %d, cause %d, heap %d bytes', cycle, cause, heap_start) FROM gc_cycles "
		       "WHERE start_ns <= ?1 ORDER BY 1, 2"},
	{"pause", "SELECT t_ns, printf('%s of %d ns, worker %d', kind, dur_ns, worker) FROM pauses WHERE t_ns <= ?1 ORDER BY 1, 2"},
};
#define REPLAY_WALKS  (sizeof(replay_walks) / sizeof(replay_walks[0]))
#define REPLAY_FIRING 0

struct replay_difference {
	bool found;
	int64_t t_ns;
	const char *what; /* name of the walk */
	char then[256], now[256]; /* "": nothing there */
};

struct replay {
	const struct gcs_replay_options *opt;
	struct gcs_original then, now;
	int64_t until_ns; /* what is compared; INT64_MAX: all */
	int64_t firings;
	bool same_hash, same_build;
	struct replay_difference first;
};

/* ---- comparing */

static bool replay_step(sqlite3_stmt *q, int64_t *t_ns, char text[256])
{
	text[0] = '\0';
	*t_ns = INT64_MAX;
	if (sqlite3_step(q) != SQLITE_ROW)
		return false;
	*t_ns = sqlite3_column_int64(q, 0);
	snprintf(text, 256, "%s", (const char *)sqlite3_column_text(q, 1));
	return true;
}

static sqlite3_stmt *replay_query(sqlite3 *db, const char *sql, int64_t until_ns)
{
	sqlite3_stmt *q = NULL;
	if (sqlite3_prepare_v2(db, sql, -1, &q, NULL) == SQLITE_OK)
		sqlite3_bind_int64(q, 1, until_ns);
	return q;
}

/* Rows that are the same, and the first that is not. */
static int64_t replay_walk(struct replay *r, const struct replay_walk *w, struct replay_difference *ret)
{
	sqlite3_stmt *a = replay_query(r->then.db, w->sql, r->until_ns), *b = replay_query(r->now.db, w->sql, r->until_ns);
	int64_t same = 0, ta, tb;
	for (;; same++) {
		bool more_a = replay_step(a, &ta, ret->then), more_b = replay_step(b, &tb, ret->now);
		if (!more_a && !more_b)
			break;
		if (more_a && more_b && ta == tb && strcmp(ret->then, ret->now) == 0)
			continue;
		ret->found = true;
		ret->what = w->name;
		ret->t_ns = ta < tb ? ta : tb;
		if (ta > ret->t_ns)
			ret->then[0] = '\0';
		if (tb > ret->t_ns)
			ret->now[0] = '\0';
		break;
	}
	sqlite3_finalize(a);
	sqlite3_finalize(b);
	return same;
}

static int64_t replay_last_whole_interval(sqlite3 *db)
{
	sqlite3_stmt *q = replay_query(db,
				       "SELECT coalesce(max(end_ns), 0) FROM intervals WHERE end_ns - start_ns = "
				       "(SELECT max(end_ns - start_ns) FROM intervals) AND "
				       "end_ns <= (SELECT coalesce(end_ns, now_ns) FROM run)",
				       0);
	int64_t t_ns = sqlite3_step(q) == SQLITE_ROW ? sqlite3_column_int64(q, 0) : 0;
	sqlite3_finalize(q);
	return t_ns;
}

static int64_t replay_until(const struct replay *r)
{
	if (r->then.early == r->now.early && !r->then.quit)
		return INT64_MAX;
	int64_t a = replay_last_whole_interval(r->then.db), b = replay_last_whole_interval(r->now.db);
	return a < b ? a : b;
}

static void replay_compare(struct replay *r)
{
	struct replay_difference d = {0};
	r->until_ns = replay_until(r);
	r->same_build = strcmp(r->then.build, r->now.build) == 0;
	r->same_hash = r->until_ns < INT64_MAX || strcmp(r->then.hash, r->now.hash) == 0;
	r->firings = replay_walk(r, &replay_walks[REPLAY_FIRING], &r->first);
	if (r->same_hash && !r->first.found)
		return;
	for (size_t i = REPLAY_FIRING + 1; i < REPLAY_WALKS && !r->then.thinned; i++) {
		replay_walk(r, &replay_walks[i], &d);
		if (d.found && (!r->first.found || d.t_ns < r->first.t_ns))
			r->first = d;
		d = (struct replay_difference){0};
	}
}

static bool replay_same(const struct replay *r)
{
	return r->same_hash && !r->first.found;
}

static enum gcs_exit replay_exit(const struct replay *r)
{
	return replay_same(r) ? GCS_EXIT_PASS : r->same_build ? GCS_EXIT_FAIL : GCS_EXIT_INCONCLUSIVE;
}

/* ---- telling */

static void replay_tell_difference(const struct replay *r)
{
	FILE *out = r->opt->out;
	if (!r->same_hash)
		fprintf(out, "hash %s then, %s now\n", r->then.hash, r->now.hash);
	if (!r->first.found) {
		fputs("no firing, collection or pause differs: the runs part in something that is not recorded\n", out);
		return;
	}
	fprintf(out, "the first difference is a %s at %.9f s\n", r->first.what, (double)r->first.t_ns / 1e9);
	fprintf(out, "  then: %s\n  now:  %s\n", r->first.then[0] ? r->first.then : "nothing", r->first.now[0] ? r->first.now : "nothing");
}

static void replay_tell(const struct replay *r)
{
	FILE *out = r->opt->out;
	if (replay_same(r) && r->until_ns < INT64_MAX)
		fprintf(out, "%s: the same up to %.3f s, where it was cut short: %" PRId64 " firings\n", r->then.name,
			(double)r->until_ns / 1e9, r->firings);
	else if (replay_same(r))
		fprintf(out, "%s: the same to the last bit: hash %s, %" PRId64 " firings\n", r->then.name,
			*r->now.hash ? r->now.hash : "none", r->firings);
	else
		fprintf(out, "%s: ANOTHER RUN, by %s programs\n", r->then.name, r->same_build ? "the same" : "other");
	if (!replay_same(r))
		replay_tell_difference(r);
	if (!r->same_build)
		fprintf(out, "build %s then, %s now\n", *r->then.build ? r->then.build : "unknown", r->now.build);
	replay_tell_verdicts(r->opt, &r->then, &r->now);
}

static void replay_tell_json(const struct replay *r)
{
	json_t *first = r->first.found ? json_pack("{ss sI ss ss}", "what", r->first.what, "t_ns", (json_int_t)r->first.t_ns, "then",
						   r->first.then, "now", r->first.now)
				       : json_null();
	json_t *o = json_pack("{ss sb sb s{ss ss si} s{ss ss si} sI so so}", "replay", r->then.id, "same", (int)replay_same(r),
			      "same_build", (int)r->same_build, "then", "hash", r->then.hash, "build", r->then.build, "exit",
			      r->then.exit, "now", "hash", r->now.hash, "build", r->now.build, "exit", r->now.exit, "firings",
			      (json_int_t)r->firings, "compared_until_ns",
			      r->until_ns < INT64_MAX ? json_integer((json_int_t)r->until_ns) : json_null(), "first_difference", first);
	if (o)
		json_dumpf(o, r->opt->out, JSON_INDENT(2));
	fputc('\n', r->opt->out);
	json_decref(o);
}

/* ---- the whole */

void replay_tell_verdicts(const struct gcs_replay_options *opt, const struct gcs_original *then, const struct gcs_original *now)
{
	fprintf(opt->out, "verdict then: %s: %s\n", then->word, then->sentence);
	if (then->exit != now->exit || strcmp(then->sentence, now->sentence) != 0)
		fprintf(opt->out, "verdict now:  %s: %s\n", now->word, now->sentence);
	if (opt->output)
		fprintf(opt->out, "record %s\n", opt->output);
}

enum gcs_exit replay_refuse(const struct gcs_replay_options *opt, enum gcs_exit code, const char *text)
{
	fprintf(opt->err, "gcstorm: %s: %s\n", opt->record, text);
	return code;
}

enum gcs_exit replay_again(const struct gcs_replay_options *opt, struct gcs_original *then, struct gcs_original *now, struct gcs_trial how)
{
	struct gcs_trial_end end;
	char *text = NULL;
	struct stat st;
	int e = gcs_original_unpack(then);
	if (e)
		return replay_refuse(opt, GCS_EXIT_UNSUPPORTED, strerror(-e));
	if (opt->output && stat(opt->output, &st) == 0)
		return replay_refuse(opt, GCS_EXIT_USAGE, "the new record's file is there already");
	how.seed = then->seed;
	snprintf(how.path, sizeof(how.path), "%s", then->scenario);
	snprintf(how.record, sizeof(how.record), "%s%s", opt->output ? opt->output : then->dir, opt->output ? "" : "/again.gcrun");
	snprintf(how.log, sizeof(how.log), "%s/again.log", then->dir);
	e = gcs_trial_once(&how, &then->load, "gcstorm replay", &end);
	if (e > 0)
		return e == SIGINT ? GCS_EXIT_INT : GCS_EXIT_TERM;
	if (e < 0)
		return replay_refuse(opt, GCS_EXIT_UNSUPPORTED, strerror(-e));
	if (!end.run.record[0])
		return replay_refuse(opt, end.run.exit, end.run.sentence);
	e = gcs_original_open(now, how.record, &text);
	if (e)
		replay_refuse(opt, GCS_EXIT_HARNESS, text ? text : strerror(-e));
	free(text);
	return e ? GCS_EXIT_HARNESS : GCS_EXIT_PASS;
}

static enum gcs_exit replay_simulated(struct replay *r)
{
	enum gcs_exit code = replay_again(r->opt, &r->then, &r->now, (struct gcs_trial){0});
	if (code != GCS_EXIT_PASS)
		return code;
	replay_compare(r);
	if (strcmp(r->opt->format, "json") == 0)
		replay_tell_json(r);
	else
		replay_tell(r);
	return replay_exit(r);
}

enum gcs_exit gcs_replay(const struct gcs_replay_options *opt)
{
	struct replay r = {.opt = opt};
	char *text = NULL;
	enum gcs_exit code;
	int e = gcs_original_open(&r.then, opt->record, &text);
	const char *refusal = e ? NULL : gcs_original_refusal(&r.then, true);
	if (e) {
		fprintf(opt->err, "gcstorm: %s\n", text ? text : strerror(-e));
		code = GCS_EXIT_USAGE;
	} else if (refusal) {
		code = replay_refuse(opt, GCS_EXIT_UNSUPPORTED, refusal);
	} else {
		code = r.then.sim ? replay_simulated(&r) : replay_real(opt, &r.then);
	}
	free(text);
	gcs_original_close(&r.now);
	gcs_original_close(&r.then);
	return code;
}
