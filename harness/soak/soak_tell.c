/*
 * soak_tell.c: what a soak prints while it lasts: a line a round, a note when it does something by
 * itself. With --format json one object a line.
 */
#include "harness/measure/metric.h"
#include "harness/soak/soak_priv.h"
#include "harness/base/units.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TELL_SHOWN 32

static void tell_json(struct soak *s, const char *key, json_t *what)
{
	json_t *line = json_pack("{so}", key, what);
	if (!line)
		return;
	json_dumpf(line, s->opt->out, JSON_COMPACT | JSON_REAL_PRECISION(9));
	fputc('\n', s->opt->out);
	fflush(s->opt->out);
	json_decref(line);
}

void soak_tell(struct soak *s, const char *format, ...)
{
	char text[512];
	va_list ap;
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (soak_json(s)) {
		tell_json(s, "note", json_string(text));
		return;
	}
	fprintf(s->opt->out, "%s\n", text);
	fflush(s->opt->out);
}

/* ---- the head */

static void tell_limits(const struct gcs_soak_plan *p, char *ret, size_t cap)
{
	char time[GCS_UNIT_TEXT], disk[GCS_UNIT_TEXT];
	int n = 0;
	if (p->for_ns)
		n = snprintf(ret, cap, "for %s, ", gcs_show_duration(time, p->for_ns));
	if (p->rounds)
		n += snprintf(ret + n, cap - (size_t)n, "at most %" PRIu64 " rounds, ", p->rounds);
	if (p->until_failure)
		n += snprintf(ret + n, cap - (size_t)n, "until one fails, ");
	snprintf(ret + n, cap - (size_t)n, "records up to %s",
		 gcs_show_bytes(disk, p->disk_bytes));
}

void soak_tell_head(struct soak *s, bool resumed)
{
	char limits[160], seed[32];
	const struct gcs_soak_plan *p = &s->plan;
	tell_limits(p, limits, sizeof(limits));
	snprintf(seed, sizeof(seed), "0x%" PRIx64, p->seed);
	if (!soak_json(s)) {
		soak_tell(s, "soak %s: %u scenario%s%s, seed %s, %s; in %s", p->name, p->nscenarios,
			  p->nscenarios == 1 ? "" : "s", p->sim ? ", simulated" : "", seed, limits,
			  s->dir);
		return;
	}
	json_t *names = json_array();
	for (uint32_t i = 0; i < p->nscenarios; i++)
		json_array_append_new(names, json_string(p->scenario[i].name));
	tell_json(s, "soak",
		  json_pack("{ss ss ss so sb sb sI sI sI sb}", "name", p->name, "dir", s->dir,
			    "seed", seed, "scenarios", names, "sim", (int)p->sim, "resumed",
			    (int)resumed, "for_ns", (json_int_t)p->for_ns, "rounds",
			    (json_int_t)p->rounds, "disk_bytes", (json_int_t)p->disk_bytes,
			    "until_failure", (int)p->until_failure));
}

/* ---- a round */

static const char *tell_shown(char ret[TELL_SHOWN], enum gcs_unit unit, double value)
{
	gcs_metric_show(unit, value, ret, TELL_SHOWN);
	return ret;
}

/* Number, time of day, scenario, seed, verdict, length of the run, longest stop of the world,
 * longest recovery, memory of the harness now and of the target at most. */
static void tell_round_text(struct soak *s, const struct gcs_soak_round *r)
{
	char clock[16] = "", took[TELL_SHOWN], stw[TELL_SHOWN] = "-", back[TELL_SHOWN] = "-";
	char own[TELL_SHOWN], target[TELL_SHOWN] = "-";
	time_t begun = (time_t)(r->begun_wall_ns / 1000000000);
	struct tm tm;
	int wide = 0;
	if (localtime_r(&begun, &tm))
		strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	if (r->stw_max_ns >= 0)
		tell_shown(stw, GCS_UNIT_NS, (double)r->stw_max_ns);
	if (r->recovery_max_ns >= 0)
		tell_shown(back, GCS_UNIT_NS, (double)r->recovery_max_ns);
	if (r->target_rss)
		tell_shown(target, GCS_UNIT_BYTES, (double)r->target_rss);
	for (uint32_t i = 0; i < s->plan.nscenarios; i++) {
		int n = (int)strlen(s->plan.scenario[i].name);
		wide = n > wide ? n : wide;
	}
	fprintf(s->opt->out,
		"#%04" PRIu64 " %s %-*s 0x%016" PRIx64
		" %-5s %8s  stw %8s  back %8s  rss %s, target %s%s\n",
		r->number, clock, wide, s->plan.scenario[r->scenario].name, r->seed, r->word,
		tell_shown(took, GCS_UNIT_NS, (double)r->duration_ns), stw, back,
		tell_shown(own, GCS_UNIT_BYTES, (double)r->harness_rss), target,
		r->by_hand ? "  [by hand]" : "");
}

static void tell_round_json(struct soak *s, const struct gcs_soak_round *r, const char *command)
{
	char seed[32];
	snprintf(seed, sizeof(seed), "0x%016" PRIx64, r->seed);
	json_t *o = json_pack(
		"{sI sI ss ss si ss ss ss sI sI so so sI sI sb ss}", "number",
		(json_int_t)r->number, "begun_wall_ns", (json_int_t)r->begun_wall_ns, "scenario",
		s->plan.scenario[r->scenario].name, "seed", seed, "exit", r->exit, "verdict",
		r->word, "sentence", r->sentence, "hash", r->hash, "duration_ns",
		(json_int_t)r->duration_ns, "spent_ns", (json_int_t)r->spent_ns, "stw_max_ns",
		r->stw_max_ns < 0 ? json_null() : json_integer((json_int_t)r->stw_max_ns),
		"recovery_max_ns",
		r->recovery_max_ns < 0 ? json_null() : json_integer((json_int_t)r->recovery_max_ns),
		"harness_rss", (json_int_t)r->harness_rss, "target_rss", (json_int_t)r->target_rss,
		"by_hand", (int)r->by_hand, "command", command);
	if (o)
		tell_json(s, "round", o);
}

void soak_tell_round(struct soak *s, const struct gcs_soak_round *r)
{
	char *command = gcs_soak_command(&s->plan, s->dir, r->number);
	if (soak_json(s)) {
		tell_round_json(s, r, command ? command : "");
	} else {
		tell_round_text(s, r);
		if (r->exit != GCS_EXIT_PASS)
			fprintf(s->opt->out, "      %s\n      again: %s\n", r->sentence,
				command ? command : "");
		fflush(s->opt->out);
	}
	free(command);
}
