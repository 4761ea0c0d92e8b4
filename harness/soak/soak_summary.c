/*
 * soak_summary.c: what a soak found, read from its state alone: at its end, and by `gcstorm report
 * DIR` at any time.
 */
#include "harness/measure/metric.h"
#include "harness/soak/soak_priv.h"
#include "harness/soak/soak_trend.h"
#include "harness/base/units.h"
#include "harness/measure/verdict.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define SUM_LISTED_TEXT 20
#define SUM_LISTED_JSON 1000
#define SUM_HOUR_NS	3.6e12

/* Worst first: the exit code of a soak is the first that a round has. */
static const int sum_exits[] = {GCS_EXIT_FAIL,	       GCS_EXIT_CRASH,	   GCS_EXIT_HARNESS,
				GCS_EXIT_INCONCLUSIVE, GCS_EXIT_UNTRUSTED, GCS_EXIT_PASS};
#define SUM_EXITS (sizeof(sum_exits) / sizeof(sum_exits[0]))

struct sum_worst {
	const char *key, *title, *column;
	enum gcs_unit unit;
	bool has;
	struct gcs_soak_round round;
	int64_t value;
};
struct sum {
	struct soak *s;
	struct gcs_soak_progress progress;
	const char *over;
	enum gcs_exit exit;
	uint64_t count[GCS_SOAK_SCENARIOS_MAX][SUM_EXITS], all[SUM_EXITS];
	struct sum_worst worst[4];
	struct {
		uint64_t count, never, unjudged;
		int64_t p50_ns, p90_ns, p99_ns, max_ns;
	} back;
	uint64_t record[4]; /* by enum gcs_soak_record */
	struct gcs_trend harness, target;
	double rounds_an_hour;
};

const char *soak_over(const struct soak *s, const struct gcs_soak_progress *p, int64_t spent_ns)
{
	if (s->plan.until_failure && p->finished && soak_failing(p->last_exit))
		return "a round failed";
	if (s->plan.rounds && p->last >= s->plan.rounds)
		return "all rounds are done";
	if (s->plan.for_ns && spent_ns >= s->plan.for_ns)
		return "the time is up";
	return NULL;
}

/* ---- gathering */

static int sum_exit_at(int64_t exit)
{
	for (size_t i = 0; i < SUM_EXITS; i++)
		if (sum_exits[i] == exit)
			return (int)i;
	return 2; /* anything else is the harness's own failure */
}

static void sum_count(void *self, const char *text, const int64_t *value, int n)
{
	struct sum *m = self;
	(void)text;
	(void)n;
	if (value[0] < 0 || value[0] >= GCS_SOAK_SCENARIOS_MAX)
		return;
	int at = sum_exit_at(value[1]);
	m->count[value[0]][at] += (uint64_t)value[2];
	m->all[at] += (uint64_t)value[2];
}

static int sum_counts(struct sum *m)
{
	return gcs_soak_state_rows(m->s->state,
				   "SELECT '', scenario, exit, count(*) FROM rounds WHERE finished "
				   "GROUP BY scenario, exit",
				   sum_count, m);
}

enum gcs_exit soak_exit_of_rounds(struct soak *s)
{
	struct sum m = {.s = s};
	if (sum_counts(&m))
		return GCS_EXIT_HARNESS;
	for (size_t i = 0; i < SUM_EXITS; i++)
		if (m.all[i])
			return (enum gcs_exit)sum_exits[i];
	return GCS_EXIT_PASS;
}

static int sum_worsts(struct sum *m)
{
	static const struct sum_worst all[] = {
		{"stw_max_ns", "world stopped", "stw_max_ns", GCS_UNIT_NS, .value = 0},
		{"recovery_max_ns", "recovery", "recovery_max_ns", GCS_UNIT_NS, .value = 0},
		{"harness_rss", "harness resident", "harness_rss", GCS_UNIT_BYTES, .value = 0},
		{"target_rss", "target resident", "target_rss", GCS_UNIT_BYTES, .value = 0},
	};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		char where[128];
		struct sum_worst *w = &m->worst[i];
		*w = all[i];
		snprintf(where, sizeof(where),
			 "finished AND %s > 0 ORDER BY %s DESC, number LIMIT 1", w->column,
			 w->column);
		int found = gcs_soak_state_first(m->s->state, where, &w->round);
		if (found < 0)
			return found;
		w->has = found > 0;
		const int64_t values[] = {w->round.stw_max_ns, w->round.recovery_max_ns,
					  (int64_t)w->round.harness_rss,
					  (int64_t)w->round.target_rss};
		w->value = values[i];
	}
	return 0;
}

static int64_t sum_quantile(struct sum *m, uint64_t parts_of_100)
{
	char sql[128];
	uint64_t rank = (m->back.count * parts_of_100 + 99) / 100; /* the nearest rank, from 1 */
	snprintf(sql, sizeof(sql),
		 "SELECT recovery_ns FROM recoveries WHERE recovery_ns IS NOT NULL ORDER BY "
		 "recovery_ns LIMIT 1 OFFSET %" PRIu64,
		 rank ? rank - 1 : 0);
	return gcs_soak_state_number(m->s->state, sql, -1);
}

static void sum_recoveries(struct sum *m)
{
	struct gcs_soak_state *s = m->s->state;
	m->back.count = (uint64_t)gcs_soak_state_number(
		s, "SELECT count(*) FROM recoveries WHERE recovery_ns IS NOT NULL", 0);
	m->back.never = (uint64_t)gcs_soak_state_number(
		s, "SELECT count(*) FROM recoveries WHERE state = 'never'", 0);
	m->back.unjudged = (uint64_t)gcs_soak_state_number(
		s, "SELECT count(*) FROM recoveries WHERE state = 'unjudged'", 0);
	m->back.p50_ns = sum_quantile(m, 50);
	m->back.p90_ns = sum_quantile(m, 90);
	m->back.p99_ns = sum_quantile(m, 99);
	m->back.max_ns = sum_quantile(m, 100);
}

struct sum_points {
	struct gcs_trend_point *point;
	size_t n, cap;
	bool target;
};

static int sum_point(void *self, const struct gcs_soak_round *r)
{
	struct sum_points *l = self;
	uint64_t bytes = l->target ? r->target_rss : r->harness_rss;
	if (bytes && l->n < l->cap)
		l->point[l->n++] =
			(struct gcs_trend_point){r->number, r->scenario, (double)bytes / 1024};
	return 0;
}

static int sum_trend(struct sum *m, bool target, struct gcs_trend *ret)
{
	struct sum_points l = {.cap = m->progress.finished, .target = target};
	l.point = calloc(l.cap + 1, sizeof(*l.point));
	if (!l.point)
		return -ENOMEM;
	int e = gcs_soak_state_each(m->s->state, "finished ORDER BY number", sum_point, &l);
	if (e == 0)
		e = gcs_trend_of(l.point, l.n, ret);
	free(l.point);
	return e;
}

static void sum_record(void *self, const char *text, const int64_t *value, int n)
{
	struct sum *m = self;
	(void)text;
	(void)n;
	m->record[value[0] & 3] = (uint64_t)value[1];
}

static int sum_gather(struct sum *m, struct soak *s)
{
	memset(m, 0, sizeof(*m));
	m->s = s;
	int e = gcs_soak_state_progress(s->state, &m->progress);
	if (e == 0)
		e = sum_counts(m);
	if (e == 0)
		e = sum_worsts(m);
	if (e == 0)
		e = gcs_soak_state_rows(s->state,
					"SELECT '', record, count(*) FROM rounds WHERE finished "
					"GROUP BY record",
					sum_record, m);
	if (e == 0)
		e = sum_trend(m, false, &m->harness);
	if (e == 0)
		e = sum_trend(m, true, &m->target);
	if (e)
		return e;
	sum_recoveries(m);
	m->over = soak_over(s, &m->progress, m->progress.spent_ns);
	m->exit = soak_exit_of_rounds(s);
	if (m->progress.spent_ns > 0)
		m->rounds_an_hour =
			(double)m->progress.finished * SUM_HOUR_NS / (double)m->progress.spent_ns;
	return 0;
}

/* ---- as text */

struct sum_shown {
	char text[32];
};

static struct sum_shown sum_show(enum gcs_unit unit, double value)
{
	struct sum_shown s;
	gcs_metric_show(unit, value, s.text, sizeof(s.text));
	return s;
}

static struct sum_shown sum_took(int64_t ns)
{
	struct sum_shown s;
	double v = (double)ns / 1e9;
	if (v < 120)
		snprintf(s.text, sizeof(s.text), "%.1f s", v);
	else if (v < 7200)
		snprintf(s.text, sizeof(s.text), "%.1f min", v / 60);
	else
		snprintf(s.text, sizeof(s.text), "%.2f h", v / 3600);
	return s;
}

static void text_head(const struct sum *m, FILE *out)
{
	const char *lead = ": ";
	fprintf(out, "\nSOAK %s: %" PRIu64 " round%s in %s", m->s->plan.name, m->progress.finished,
		m->progress.finished == 1 ? "" : "s", sum_took(m->progress.spent_ns).text);
	for (size_t i = 0; i < SUM_EXITS; i++) {
		if (!m->all[i])
			continue;
		fprintf(out, "%s%" PRIu64 " %s", lead, m->all[i],
			gcs_verdict_word((enum gcs_exit)sum_exits[i]));
		lead = ", ";
	}
	fprintf(out, ".\n");
	if (m->over)
		fprintf(out, "It has ended: %s.\n", m->over);
	else {
		fprintf(out, "It has not ended. To go on: gcstorm soak --resume ");
		gcs_soak_quote(out, m->s->dir);
		fputc('\n', out);
	}
	if (m->s->plan.sim)
		fprintf(out, "SIMULATED: pauses and recoveries are modelled, not measured.\n");
}

static void text_rounds(const struct sum *m, FILE *out)
{
	fprintf(out, "\nROUNDS %24s", "all");
	for (size_t i = SUM_EXITS; i-- > 0;)
		if (m->all[i])
			fprintf(out, " %12s", gcs_verdict_word((enum gcs_exit)sum_exits[i]));
	fputc('\n', out);
	for (uint32_t k = 0; k < m->s->plan.nscenarios; k++) {
		uint64_t total = 0;
		for (size_t i = 0; i < SUM_EXITS; i++)
			total += m->count[k][i];
		fprintf(out, "  %-20s %8" PRIu64, m->s->plan.scenario[k].name, total);
		for (size_t i = SUM_EXITS; i-- > 0;)
			if (m->all[i])
				fprintf(out, " %12" PRIu64, m->count[k][i]);
		fputc('\n', out);
	}
}

#define SUM_NOT_PASSED "finished AND exit <> 0 ORDER BY " SOAK_SQL_FAILING " DESC, number LIMIT "

struct sum_list {
	const struct sum *m;
	FILE *out;
	json_t *list;
};

static int text_bad(void *self, const struct gcs_soak_round *r)
{
	struct sum_list *l = self;
	const struct soak *s = l->m->s;
	char *command = gcs_soak_command(&s->plan, s->dir, r->number);
	fprintf(l->out, "  #%04" PRIu64 " %s  %s: %s\n        again: %s\n", r->number,
		s->plan.scenario[r->scenario].name, r->word, r->sentence, command ? command : "");
	if (r->record == GCS_SOAK_WHOLE || r->record == GCS_SOAK_THIN)
		fprintf(l->out, "        record: %s/%s%s\n", s->dir, r->file,
			r->record == GCS_SOAK_THIN ? " (thinned)" : "");
	else
		fprintf(l->out, "        record: %s\n", gcs_soak_record_name(r->record));
	free(command);
	return 0;
}

static void text_bads(const struct sum *m, FILE *out)
{
	char where[160];
	struct sum_list l = {m, out, NULL};
	uint64_t bad = m->progress.finished - m->all[SUM_EXITS - 1];
	if (bad == 0)
		return;
	fprintf(out, "\nNOT PASSED\n");
	snprintf(where, sizeof(where), SUM_NOT_PASSED "%d", SUM_LISTED_TEXT);
	gcs_soak_state_each(m->s->state, where, text_bad, &l);
	if (bad > SUM_LISTED_TEXT)
		fprintf(out, "  and %" PRIu64 " more; gcstorm report --format json %s lists them\n",
			bad - SUM_LISTED_TEXT, m->s->dir);
}

static void text_worst(const struct sum *m, FILE *out)
{
	if (m->progress.finished == 0)
		return;
	fprintf(out, "\nWORST\n");
	for (size_t i = 0; i < sizeof(m->worst) / sizeof(m->worst[0]); i++) {
		const struct sum_worst *w = &m->worst[i];
		if (w->has)
			fprintf(out, "  %-18s %10s  round %" PRIu64 ", %s\n", w->title,
				sum_show(w->unit, (double)w->value).text, w->round.number,
				m->s->plan.scenario[w->round.scenario].name);
	}
	fprintf(out, "\nTIME TO RECOVER  %" PRIu64 " times", m->back.count);
	if (m->back.count)
		fprintf(out, ": p50 %s, p90 %s, p99 %s, max %s",
			sum_show(GCS_UNIT_NS, (double)m->back.p50_ns).text,
			sum_show(GCS_UNIT_NS, (double)m->back.p90_ns).text,
			sum_show(GCS_UNIT_NS, (double)m->back.p99_ns).text,
			sum_show(GCS_UNIT_NS, (double)m->back.max_ns).text);
	fprintf(out, "; %" PRIu64 " never, %" PRIu64 " not judged\n", m->back.never,
		m->back.unjudged);
}

static void text_trend(const struct sum *m, const char *whose, const struct gcs_trend *t, FILE *out)
{
	if (t->rounds == 0) {
		fprintf(out, "  %-8s not measured\n", whose);
		return;
	}
	fprintf(out, "  %-8s %s in the first round, %s in the last", whose,
		sum_show(GCS_UNIT_BYTES, t->first_kib * 1024).text,
		sum_show(GCS_UNIT_BYTES, t->last_kib * 1024).text);
	if (t->word != GCS_TREND_INCONCLUSIVE)
		fprintf(out, "; %+.2f KiB a round, %+.3f MiB an hour", t->slope_kib,
			t->slope_kib / 1024 * m->rounds_an_hour);
	fprintf(out, ": %s\n", gcs_trend_name(t->word));
}

static int sum_text(const struct sum *m, FILE *out)
{
	char limit[GCS_UNIT_TEXT];
	text_head(m, out);
	text_rounds(m, out);
	text_bads(m, out);
	text_worst(m, out);
	fprintf(out, "\nMEMORY (%s)\n", gcs_trend_rule);
	text_trend(m, "harness", &m->harness, out);
	text_trend(m, "target", &m->target, out);
	fprintf(out,
		"\nRECORDS  %" PRIu64 " whole, %" PRIu64 " thinned, %" PRIu64
		" removed; %s of at most %s, in %s\n",
		m->record[GCS_SOAK_WHOLE], m->record[GCS_SOAK_THIN], m->record[GCS_SOAK_GONE],
		sum_show(GCS_UNIT_BYTES, (double)m->progress.record_bytes).text,
		gcs_show_bytes(limit, m->s->plan.disk_bytes), m->s->dir);
	fflush(out);
	return ferror(out) ? -EIO : 0;
}

/* ---- as JSON */

static json_t *json_counts(const uint64_t *count)
{
	json_t *o = json_object();
	for (size_t i = 0; i < SUM_EXITS; i++)
		json_object_set_new(o, gcs_verdict_word((enum gcs_exit)sum_exits[i]),
				    json_integer((json_int_t)count[i]));
	return o;
}

static json_t *json_scenarios(const struct sum *m)
{
	json_t *list = json_array();
	for (uint32_t k = 0; k < m->s->plan.nscenarios; k++)
		json_array_append_new(list, json_pack("{ss ss so}", "name",
						      m->s->plan.scenario[k].name, "given",
						      m->s->plan.scenario[k].given, "verdicts",
						      json_counts(m->count[k])));
	return list;
}

static int json_bad(void *self, const struct gcs_soak_round *r)
{
	struct sum_list *l = self;
	const struct soak *s = l->m->s;
	char *command = gcs_soak_command(&s->plan, s->dir, r->number), seed[32];
	snprintf(seed, sizeof(seed), "0x%016" PRIx64, r->seed);
	json_array_append_new(
		l->list,
		json_pack("{sI ss ss si ss ss ss ss ss ss}", "round", (json_int_t)r->number,
			  "scenario", s->plan.scenario[r->scenario].name, "seed", seed, "exit",
			  r->exit, "verdict", r->word, "sentence", r->sentence, "hash", r->hash,
			  "command", command ? command : "", "record", r->file, "record_state",
			  gcs_soak_record_name(r->record)));
	free(command);
	return 0;
}

static json_t *json_bads(const struct sum *m)
{
	char where[160];
	struct sum_list l = {m, NULL, json_array()};
	snprintf(where, sizeof(where), SUM_NOT_PASSED "%d", SUM_LISTED_JSON);
	gcs_soak_state_each(m->s->state, where, json_bad, &l);
	return l.list;
}

static json_t *json_worst(const struct sum *m)
{
	json_t *o = json_object();
	for (size_t i = 0; i < sizeof(m->worst) / sizeof(m->worst[0]); i++) {
		const struct sum_worst *w = &m->worst[i];
		json_object_set_new(o, w->key,
				    w->has ? json_pack("{sI sI}", "value", (json_int_t)w->value,
						       "round", (json_int_t)w->round.number)
					   : json_null());
	}
	return o;
}

static json_t *json_trend(const struct sum *m, const struct gcs_trend *t)
{
	return json_pack("{ss sI sf sf sf sf sf sf}", "word", gcs_trend_name(t->word), "rounds",
			 (json_int_t)t->rounds, "first_kib", t->first_kib, "last_kib", t->last_kib,
			 "median_kib", t->median_kib, "slope_kib_a_round", t->slope_kib,
			 "slope_mib_an_hour", t->slope_kib / 1024 * m->rounds_an_hour,
			 "rising_pairs", t->rising);
}

static json_t *json_back(const struct sum *m)
{
	return json_pack("{sI sI sI sI sI sI sI}", "count", (json_int_t)m->back.count, "never",
			 (json_int_t)m->back.never, "unjudged", (json_int_t)m->back.unjudged,
			 "p50_ns", (json_int_t)m->back.p50_ns, "p90_ns",
			 (json_int_t)m->back.p90_ns, "p99_ns", (json_int_t)m->back.p99_ns, "max_ns",
			 (json_int_t)m->back.max_ns);
}

static json_t *json_records(const struct sum *m)
{
	return json_pack("{sI sI sI sI sI}", "whole", (json_int_t)m->record[GCS_SOAK_WHOLE],
			 "thinned", (json_int_t)m->record[GCS_SOAK_THIN], "removed",
			 (json_int_t)m->record[GCS_SOAK_GONE], "bytes",
			 (json_int_t)m->progress.record_bytes, "limit_bytes",
			 (json_int_t)m->s->plan.disk_bytes);
}

static int sum_json(const struct sum *m, FILE *out)
{
	char seed[32];
	snprintf(seed, sizeof(seed), "0x%" PRIx64, m->s->plan.seed);
	json_t *root = json_pack(
		"{s{ss ss ss sI sI so? si so so so so so s{ss so so} so}}", "summary", "name",
		m->s->plan.name, "dir", m->s->dir, "seed", seed, "rounds",
		(json_int_t)m->progress.finished, "spent_ns", (json_int_t)m->progress.spent_ns,
		"ended", m->over ? json_string(m->over) : json_null(), "exit", (int)m->exit,
		"verdicts", json_counts(m->all), "scenarios", json_scenarios(m), "not_passed",
		json_bads(m), "worst", json_worst(m), "recovery", json_back(m), "memory", "rule",
		gcs_trend_rule, "harness", json_trend(m, &m->harness), "target",
		json_trend(m, &m->target), "records", json_records(m));
	if (!root)
		return -ENOMEM;
	int e = json_dumpf(root, out, JSON_COMPACT | JSON_REAL_PRECISION(9)) ? -EIO : 0;
	fputc('\n', out);
	fflush(out);
	json_decref(root);
	return e;
}

int soak_summary(struct soak *s, FILE *out)
{
	struct sum *m = malloc(sizeof(*m));
	int e = m ? sum_gather(m, s) : -ENOMEM;
	if (e == 0)
		e = soak_json(s) ? sum_json(m, out) : sum_text(m, out);
	free(m);
	return e;
}
