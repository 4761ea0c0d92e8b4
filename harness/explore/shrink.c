/* shrink.c: delta debugging of a scenario: the parts that go. shrink_timeline.c: what gets shorter. */
#include "harness/explore/shrink_priv.h"

#include "harness/base/build.h"
#include "harness/base/units.h"
#include "harness/record/record_read.h"
#include "harness/soak/soak_plan.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- a try */

static char *shrink_text(struct shrink *s, struct gcs_scenario_error *error)
{
	struct gcs_scenario_options load = s->o.load;
	const char *drop[SHRINK_DROPS_MAX];
	load.set = s->set;
	load.nset = s->nsets;
	for (uint32_t i = 0; i < s->ndrops; i++)
		drop[i] = s->drop[i];
	return gcs_scenario_reduced(s->o.scenario, &load, drop, s->ndrops, error);
}

static int shrink_write(const char *path, const char *head, const char *text)
{
	FILE *f = fopen(path, "we");
	if (!f)
		return -errno;
	int e = fprintf(f, "%s%s", head, text) < 0 ? -EIO : 0;
	return fclose(f) && e == 0 ? -errno : e;
}

static bool shrink_slo_failed(const struct shrink *s, const char *record)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *q = NULL;
	char *text = NULL;
	bool failed = false;
	if (gcs_record_read(record, &db, &text) == 0 &&
	    sqlite3_prepare_v2(db, "SELECT 1 FROM slo WHERE id = ?1 AND ok = 0", -1, &q, NULL) == SQLITE_OK) {
		sqlite3_bind_text(q, 1, s->slo, -1, SQLITE_STATIC);
		failed = sqlite3_step(q) == SQLITE_ROW;
	}
	sqlite3_finalize(q);
	sqlite3_close(db);
	free(text);
	return failed;
}

static bool shrink_run(struct shrink *s, const char *path)
{
	const struct gcs_scenario_options none = {0};
	struct gcs_trial t = {.seed = s->o.seed};
	struct gcs_trial_end end;
	snprintf(t.path, sizeof(t.path), "%s", path);
	snprintf(t.record, sizeof(t.record), "%s/try.gcrun", s->o.dir);
	snprintf(t.log, sizeof(t.log), "%s/try.log", s->o.dir);
	s->tries++;
	int e = gcs_trial_once(&t, &none, "gcstorm shrink", &end);
	if (e > 0)
		s->stop = e == SIGINT ? GCS_EXIT_INT : GCS_EXIT_TERM;
	else if (e < 0)
		s->stop = GCS_EXIT_UNSUPPORTED;
	bool same = e == 0 && (int)end.run.exit == s->o.exit && (!*s->slo || shrink_slo_failed(s, t.record));
	unlink(t.record);
	return same;
}

bool shrink_fails(struct shrink *s)
{
	struct gcs_scenario_error error = {NULL};
	struct gcs_scenario *loaded;
	char path[GCS_TRIAL_PATH_BYTES];
	char *text = s->stop == GCS_EXIT_PASS ? shrink_text(s, &error) : NULL;
	bool fails = false;
	snprintf(path, sizeof(path), "%s/try.yaml", s->o.dir);
	int e = text ? shrink_write(path, "", text) : -EINVAL;
	if (e == 0 && gcs_scenario_load(&loaded, path, NULL, 0, &error) == 0) {
		gcs_scenario_destroy(loaded);
		fails = shrink_run(s, path);
	}
	gcs_scenario_error_fini(&error);
	free(text);
	return fails;
}

void shrink_say(struct shrink *s, const char *what, bool fails)
{
	if (s->stop == GCS_EXIT_PASS)
		fprintf(s->opt->err, "%4u  %s: %s\n", s->tries, what, fails ? "still fails" : "needed");
}

/* ---- parts that go */

void shrink_part(struct shrink_parts *p, const char *list, const char *id, const char *below)
{
	if (p->n < SHRINK_PARTS_MAX && snprintf(p->path[p->n], SHRINK_NAME, "%s.%s%s", list, id, below) < SHRINK_NAME)
		p->n++;
}

/* Try without `count` of the parts from `at` on; those that go leave the list. */
static bool shrink_without(struct shrink *s, struct shrink_parts *p, uint32_t at, uint32_t count)
{
	uint32_t before = s->ndrops;
	char what[SHRINK_NAME + 40];
	for (uint32_t i = 0; i < count && s->ndrops < SHRINK_DROPS_MAX; i++)
		memcpy(s->drop[s->ndrops++], p->path[at + i], SHRINK_NAME);
	bool fails = shrink_fails(s);
	if (count > 1)
		snprintf(what, sizeof(what), "without %s and %u more", p->path[at], count - 1);
	else
		snprintf(what, sizeof(what), "without %s", p->path[at]);
	shrink_say(s, what, fails);
	if (!fails) {
		s->ndrops = before;
		return false;
	}
	memmove(p->path[at], p->path[at + count], (p->n - at - count) * sizeof(p->path[0]));
	p->n -= count;
	return true;
}

void shrink_parts(struct shrink *s, struct shrink_parts *p)
{
	for (uint32_t chunk = p->n > 1 ? p->n / 2 : 1; p->n && s->stop == GCS_EXIT_PASS;) {
		bool gone = false;
		for (uint32_t at = 0; at < p->n && s->stop == GCS_EXIT_PASS;) {
			uint32_t count = chunk < p->n - at ? chunk : p->n - at;
			if (shrink_without(s, p, at, count))
				gone = true;
			else
				at += count;
		}
		if (chunk == 1 && !gone)
			return;
		chunk = chunk > 1 ? chunk / 2 : 1;
	}
}

bool shrink_is_left(const struct shrink *s, const char *list, const char *id)
{
	char path[SHRINK_NAME];
	snprintf(path, sizeof(path), "%s.%s", list, id);
	for (uint32_t i = 0; i < s->ndrops; i++)
		if (strcmp(s->drop[i], path) == 0)
			return false;
	return true;
}

/* What activation has left out of this run goes together with it, or nothing does: alone neither is the same run. */
static void shrink_not_drawn(struct shrink *s)
{
	struct shrink_parts p = {.n = 0};
	if (!s->whole->activation_ppb)
		return;
	memcpy(p.path[p.n++], "activation", sizeof("activation"));
	for (uint32_t i = 0; i < s->whole->nfaults; i++)
		if (s->whole->fault[i].left_out)
			shrink_part(&p, "faults", s->whole->fault[i].id, "");
	shrink_without(s, &p, 0, p.n);
}

static void shrink_all_parts(struct shrink *s)
{
	struct shrink_parts faults = {.n = 0}, repeats = {.n = 0}, work = {.n = 0};
	shrink_not_drawn(s);
	for (uint32_t i = 0; i < s->whole->nfaults; i++)
		if (shrink_is_left(s, "faults", s->whole->fault[i].id))
			shrink_part(&faults, "faults", s->whole->fault[i].id, "");
	shrink_parts(s, &faults);
	for (uint32_t i = 0; i < s->whole->nfaults; i++)
		if (s->whole->fault[i].nwindows > 1 && shrink_is_left(s, "faults", s->whole->fault[i].id))
			shrink_part(&repeats, "faults", s->whole->fault[i].id, ".when.repeat");
	shrink_parts(s, &repeats);
	for (uint32_t i = 0; i < s->whole->nworkloads; i++)
		shrink_part(&work, "workload", s->whole->workload[i].id, "");
	shrink_parts(s, &work);
}

/* ---- the whole */

static enum gcs_exit shrink_refuse(const struct shrink *s, enum gcs_exit code, const char *text)
{
	fprintf(s->opt->err, "gcstorm: %s: %s\n", s->opt->record, text);
	return code;
}

static char *shrink_first_slo(sqlite3 *db)
{
	sqlite3_stmt *q = NULL;
	char *id = NULL;
	if (sqlite3_prepare_v2(db, "SELECT id FROM slo WHERE ok = 0 ORDER BY rowid", -1, &q, NULL) == SQLITE_OK &&
	    sqlite3_step(q) == SQLITE_ROW)
		id = strdup((const char *)sqlite3_column_text(q, 0));
	sqlite3_finalize(q);
	return id ? id : strdup("");
}

/* What judges nothing here goes at once: expectations, variants, told figures, the other SLOs. */
static void shrink_begin(struct shrink *s)
{
	static const char *const always[] = {"expect", "variants", "reported"};
	for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
		snprintf(s->drop[s->ndrops++], SHRINK_NAME, "%s", always[i]);
	for (uint32_t i = 0; i < s->whole->nslos; i++)
		if (strcmp(s->whole->slo[i].id, s->slo) != 0)
			snprintf(s->drop[s->ndrops++], SHRINK_NAME, "slo.%s", s->whole->slo[i].id);
	for (size_t i = 0; i < s->o.load.nset; i++)
		s->set[s->nsets++] = s->o.load.set[i];
}

static enum gcs_exit shrink_load(struct shrink *s)
{
	struct gcs_scenario_error error;
	char *text = NULL;
	int e = gcs_original_open(&s->o, s->opt->record, &text);
	const char *refusal = e ? NULL : gcs_original_refusal(&s->o, false);
	if (e)
		fprintf(s->opt->err, "gcstorm: %s\n", text ? text : strerror(-e));
	free(text);
	if (e)
		return GCS_EXIT_USAGE;
	if (refusal)
		return shrink_refuse(s, GCS_EXIT_UNSUPPORTED, refusal);
	if (s->o.exit != GCS_EXIT_FAIL && s->o.exit != GCS_EXIT_CRASH)
		return shrink_refuse(s, GCS_EXIT_USAGE, "it did not fail: there is nothing to shrink");
	if ((e = gcs_original_unpack(&s->o)) != 0 || !(s->slo = shrink_first_slo(s->o.db)))
		return shrink_refuse(s, GCS_EXIT_UNSUPPORTED, strerror(e ? -e : ENOMEM));
	if (gcs_scenario_load_with(&s->whole, s->o.scenario, &s->o.load, &error)) {
		fputs(error.text ? error.text : "gcstorm: no memory\n", s->opt->err);
		gcs_scenario_error_fini(&error);
		return GCS_EXIT_UNSUPPORTED;
	}
	return GCS_EXIT_PASS;
}

/* How much of it is left. */
static void shrink_tell_left(const struct shrink *s, const char *path)
{
	struct gcs_scenario_error error;
	struct gcs_scenario *left;
	char was[GCS_UNIT_TEXT], is[GCS_UNIT_TEXT];
	if (gcs_scenario_load(&left, path, NULL, 0, &error)) {
		gcs_scenario_error_fini(&error);
		return;
	}
	fprintf(s->opt->out, "left: %u of %u faults, %u of %u workloads, %u of %u phases, %s of %s\n", left->nfaults, s->whole->nfaults,
		left->nworkloads, s->whole->nworkloads, left->nphases, s->whole->nphases, gcs_show_duration(is, left->end_ns),
		gcs_show_duration(was, s->whole->end_ns));
	gcs_scenario_destroy(left);
}

static enum gcs_exit shrink_finish(struct shrink *s)
{
	struct gcs_scenario_error error = {NULL};
	char path[GCS_PATH_BYTES], head[512], seed[32];
	if (s->opt->output)
		snprintf(path, sizeof(path), "%s", s->opt->output);
	else
		snprintf(path, sizeof(path), "%s-shrunk.yaml", s->whole->name);
	snprintf(seed, sizeof(seed), "0x%" PRIx64, s->o.seed);
	s->set[s->nsets++] = (struct gcs_override){"seed", seed};
	char *text = shrink_text(s, &error);
	snprintf(head, sizeof(head), "# Shrunk from run %s (%s) in %u simulated runs. %.300s\n", s->o.id, s->o.name, s->tries, s->o.sentence);
	for (char *p = head; p[0] && p[1]; p++)
		if (*p == '\n')
			*p = ' ';
	int e = !text ? -ENOMEM : access(path, F_OK) == 0 ? -EEXIST : shrink_write(path, head, text);
	if (e) {
		fprintf(s->opt->err, "gcstorm: %s: %s\n", path, strerror(-e));
	} else {
		fprintf(s->opt->out, "%s still fails (exit %d%s%s); %u simulated runs\n", s->whole->name, s->o.exit,
			*s->slo ? ", SLO " : "", s->slo, s->tries);
		shrink_tell_left(s, path);
		fputs(text, s->opt->out);
		fputs("again: gcstorm run --sim ", s->opt->out);
		gcs_soak_quote(s->opt->out, path);
		fputc('\n', s->opt->out);
	}
	gcs_scenario_error_fini(&error);
	free(text);
	return e == -EEXIST ? GCS_EXIT_USAGE : e ? GCS_EXIT_UNSUPPORTED : GCS_EXIT_PASS;
}

static enum gcs_exit shrink_all(struct shrink *s)
{
	enum gcs_exit code = shrink_load(s);
	if (code != GCS_EXIT_PASS)
		return code;
	if (s->opt->output && access(s->opt->output, F_OK) == 0)
		return shrink_refuse(s, GCS_EXIT_USAGE, "the shrunk scenario's file is there already");
	shrink_begin(s);
	if (!shrink_fails(s) && s->stop == GCS_EXIT_PASS)
		return strcmp(s->o.build, gcs_build_id(true)) == 0
			       ? shrink_refuse(s, GCS_EXIT_FAIL, "it does not fail again as it did")
			       : shrink_refuse(s, GCS_EXIT_INCONCLUSIVE, "it does not fail again as it did, but the programs are others now");
	shrink_all_parts(s);
	shrink_timeline(s);
	return s->stop != GCS_EXIT_PASS ? s->stop : shrink_finish(s);
}

enum gcs_exit gcs_shrink(const struct gcs_shrink_options *opt)
{
	struct shrink *s = calloc(1, sizeof(*s));
	if (!s)
		return GCS_EXIT_UNSUPPORTED;
	s->opt = opt;
	enum gcs_exit code = shrink_all(s);
	gcs_scenario_destroy(s->whole);
	free(s->slo);
	gcs_original_close(&s->o);
	free(s);
	return code;
}
