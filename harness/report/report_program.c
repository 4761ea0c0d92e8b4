/*
 * report_program.c: what is known of a program under exec besides its telemetry, as text and as JSON: facts of the record whose keys begin with
 * "program." (harness/guard/facts.c), and where each figure comes from. Nothing where there is none.
 */
#include "harness/report/report_priv.h"

#include <inttypes.h>
#include <jansson.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define PROGRAM_INDENT 11u
#define PROGRAM_LINE   1024

const char report_program_sql[] =
	"SELECT substr(key, 9), value FROM host WHERE key LIKE 'program.%' "
	"UNION ALL SELECT key, value FROM host WHERE key = 'throttled_ns' ORDER BY 1";

void report_program_row(struct report *r, sqlite3_stmt *q)
{
	const char *key = (const char *)sqlite3_column_text(q, 0);
	void *grown = reallocarray(r->program, r->nprograms + 1, sizeof(*r->program));
	if (!grown)
		return;
	r->program = grown;
	r->program[r->nprograms++] = (struct report_program){
		.key = strdup(key ? key : ""), .value = (uint64_t)sqlite3_column_int64(q, 1)};
}

void report_program_fini(struct report *r)
{
	for (size_t i = 0; i < r->nprograms; i++)
		free(r->program[i].key);
	free(r->program);
}

static bool program_has(const struct report *r, const char *key)
{
	for (size_t i = 0; i < r->nprograms; i++)
		if (strcmp(r->program[i].key, key) == 0)
			return true;
	return false;
}

/* 0: it is not told. */
static uint64_t program_get(const struct report *r, const char *key)
{
	for (size_t i = 0; i < r->nprograms; i++)
		if (strcmp(r->program[i].key, key) == 0)
			return r->program[i].value;
	return 0;
}

/* ---- text */

struct program_line {
	char text[PROGRAM_LINE];
	size_t n;
};

__attribute__((format(printf, 2, 3))) static void program_say(struct program_line *l, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int n = vsnprintf(l->text + l->n, sizeof(l->text) - l->n, format, args);
	va_end(args);
	l->n += n < 0 ? 0 : (size_t)n;
	if (l->n >= sizeof(l->text))
		l->n = sizeof(l->text) - 1;
}

static const char *program_ns(char ret[REPORT_COUNT_BYTES], const struct report *r, const char *key)
{
	return report_ns(ret, (int64_t)program_get(r, key));
}

static const char *program_count(char ret[REPORT_COUNT_BYTES], const struct report *r, const char *key)
{
	return report_count(ret, program_get(r, key));
}

static const char *program_bytes(char ret[REPORT_COUNT_BYTES], uint64_t bytes)
{
	gcs_metric_show(GCS_UNIT_BYTES, (double)bytes, ret, REPORT_COUNT_BYTES);
	return ret;
}

static void program_kernel(const struct report *r, struct program_line *l)
{
	char a[REPORT_COUNT_BYTES], b[REPORT_COUNT_BYTES];
	program_say(l, "in the run it waited %s for a processor (run delay, up to %" PRIu64 " process%s at once)",
		    report_ns(a, (int64_t)r->run_delay_ns), r->processes_max, r->processes_max == 1 ? "" : "es");
	if (program_get(r, "throttled_times"))
		program_say(l, "; its control group was throttled %s times, %s in all",
			    program_count(a, r, "throttled_times"), program_ns(b, r, "throttled_ns"));
	else if (program_has(r, "throttled_times"))
		program_say(l, "; its control group was never throttled");
	if (!program_has(r, "user_ns"))
		return;
	program_say(l, "; from start to end, with all that it started: %s user", program_ns(a, r, "user_ns"));
	program_say(l, ", %s system, %s voluntary", program_ns(a, r, "system_ns"),
		    program_count(b, r, "switches_voluntary"));
	program_say(l, " and %s involuntary switches, %s major page faults",
		    program_count(a, r, "switches_involuntary"), program_count(b, r, "faults_major"));
	program_say(l, ", the largest process %s resident", program_bytes(a, program_get(r, "rss_largest_bytes")));
}

static void program_cycles(const struct report *r, struct program_line *l)
{
	char a[REPORT_COUNT_BYTES], b[REPORT_COUNT_BYTES];
	if (program_get(r, "cycles_gctrace"))
		program_say(l, "%s cycles of gctrace lines, as precise as these are",
			    program_count(a, r, "cycles_gctrace"));
	else
		program_say(l, "no line of gctrace came");
	if (!program_has(r, "exact_cycles"))
		return;
	if (program_get(r, "cycles_vars"))
		program_say(l, "; %s of MemStats, no line having come: one stop each, in which both of a cycle are",
			    program_count(a, r, "cycles_vars"));
	program_say(l, "; PauseNs of %s: %s in all", program_count(a, r, "exact_cycles"),
		    program_ns(b, r, "exact_total_ns"));
	program_say(l, ", %s at the longest (GC#%" PRIu64 ")", program_ns(a, r, "exact_max_ns"),
		    program_get(r, "exact_max_cycle"));
	if (program_get(r, "both_cycles"))
		program_say(l, "; of those with a line %s, which said %s", program_ns(a, r, "both_exact_ns"),
			    program_ns(b, r, "both_gctrace_ns"));
	if (program_get(r, "exact_unseen"))
		program_say(l, "; %s more went by between two looks", program_count(a, r, "exact_unseen"));
}

/* What did not come, by its kind. */
static void program_missed(const struct report *r, struct program_line *l)
{
	static const char prefix[] = "debug_missed_";
	char a[REPORT_COUNT_BYTES];
	const char *lead = "; without an answer: ";
	for (size_t i = 0; i < r->nprograms; i++) {
		const struct report_program *p = &r->program[i];
		if (strncmp(p->key, prefix, sizeof(prefix) - 1) != 0)
			continue;
		program_say(l, "%s%s ", lead, report_count(a, p->value));
		for (const char *c = p->key + sizeof(prefix) - 1; *c; c++)
			program_say(l, "%c", *c == '_' ? ' ' : *c);
		lead = ", ";
	}
}

static void program_debug(const struct report *r, struct program_line *l)
{
	char a[REPORT_COUNT_BYTES], b[REPORT_COUNT_BYTES];
	program_say(l, "/debug/vars every %s: %s answers", program_ns(a, r, "debug_every_ns"),
		    program_count(b, r, "debug_answers"));
	if (program_get(r, "debug_answers")) {
		program_say(l, " (live heap and goal between cycles are HeapAlloc and NextGC; each cost one stop, not counted above)");
		program_say(l, ", Sys at most %s", program_bytes(a, program_get(r, "sys_max_bytes")));
		program_say(l, ", GCCPUFraction %.2f%% at the end", (double)program_get(r, "gc_cpu_ppb") / 1e7);
	}
	program_missed(r, l);
	if (program_get(r, "profiles") || program_get(r, "profiles_missed"))
		program_say(l, "; %s profiles saved beside the record, %s missed",
			    program_count(a, r, "profiles"), program_count(b, r, "profiles_missed"));
}

static void program_print(const char *head, const struct program_line *l, FILE *out)
{
	fprintf(out, "%-*s", (int)PROGRAM_INDENT, head);
	report_wrap(out, l->text, PROGRAM_INDENT, PROGRAM_INDENT);
}

void report_program_text(const struct report *r, FILE *out)
{
	struct program_line kernel = {.n = 0}, cycles = {.n = 0}, debug = {.n = 0};
	if (!program_has(r, "user_ns") && !program_has(r, "cycles_gctrace"))
		return;
	program_kernel(r, &kernel);
	program_print("PROGRAM", &kernel, out);
	program_cycles(r, &cycles);
	program_print("", &cycles, out);
	if (!program_has(r, "debug_every_ns"))
		return;
	program_debug(r, &debug);
	program_print("", &debug, out);
}

/* ---- JSON */

json_t *report_program_json(const struct report *r)
{
	if (r->nprograms == 0)
		return json_null();
	json_t *o = json_pack("{sI sI}", "run_delay_ns", (json_int_t)r->run_delay_ns, "processes_max",
			      (json_int_t)r->processes_max);
	for (size_t i = 0; o && i < r->nprograms; i++)
		json_object_set_new(o, r->program[i].key, json_integer((json_int_t)r->program[i].value));
	return o;
}
