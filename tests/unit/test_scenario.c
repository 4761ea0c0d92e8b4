/* test_scenario.c: what a good scenario becomes: defaults, times, windows, overrides, JSON. */
#include "tests/unit/test_scenario_fixture.h"

#include <jansson.h>

static void test_defaults(void **state)
{
	struct gcs_scenario *s;
	(void)state;
	load("", NULL, &s, NULL);
	assert_int_equal(s->seed, 1);
	assert_int_equal(s->procs, 2);
	assert_int_equal(s->gogc, 100);
	assert_int_equal(s->memlimit, 0);
	assert_string_equal(s->map, "classic");
	assert_string_equal(s->oom, "return");
	assert_string_equal(s->rounding, "1.19");
	assert_int_equal(s->nworkloads, 1);
	assert_int_equal(s->workload[0].workers, 1);
	assert_int_equal(s->workload[0].rate, 0);
	assert_int_equal(s->workload[0].keys, 100000);
	assert_string_equal(s->workload[0].value, "ptr");
	assert_int_equal(s->workload[0].value_bytes, 32);
	assert_int_equal(s->workload[0].mix_insert + s->workload[0].mix_delete, 100);
	assert_int_equal(s->nfaults, 0);
	assert_int_equal(s->recovery.nsignals, 4);
	assert_int_equal(s->recovery.band_milli, 1250);
	assert_int_equal(s->recovery.window_ns, SEC);
	assert_int_equal(s->recovery.windows, 5);
	assert_int_equal(s->recovery.deadline_ns, 15 * SEC);
	assert_int_equal(s->end_ns, 60 * SEC);
	assert_int_equal(s->phase[1].start_ns, 10 * SEC);
	assert_int_equal(s->phase[1].end_ns, 30 * SEC);
	assert_true(s->phase[0].record);
	assert_int_equal(gcs_scenario_phase_at(s, 0), 0);
	assert_int_equal(gcs_scenario_phase_at(s, 10 * SEC), 1);
	assert_int_equal(gcs_scenario_phase_at(s, 60 * SEC), -1);
	gcs_scenario_destroy(s);
}

static void test_windows(void **state)
{
	struct gcs_scenario *s;
	(void)state;
	load("faults:\n"
	     "  - {id: gcnow, point: gc/write, when: {after: oom.end, at: 500ms, for: 1s}, fire: "
	     "{every: 50k}}\n"
	     "  - {id: oom, point: mem/malloc, when: {phase: storm, at: 2s, for: 1s, repeat: "
	     "{every: 5s, times: 3}}, fire: {probability: 2%}}\n"
	     "  - {id: late, point: netpoll/wake, when: {phase: storm, at: 1s, for: 3s, repeat: "
	     "{every: 4s}}, fire: {delay: 5ms, jitter: 1ms}}\n"
	     "  - {id: rest, point: mem/malloc, when: {phase: storm, after: oom.start}, fire: "
	     "{nth: 3, error: EIO}, limit: {times: 2}}\n",
	     NULL, &s, NULL);
	const struct gcs_fault *gcnow = &s->fault[0], *oom = &s->fault[1], *late = &s->fault[2],
			       *rest = &s->fault[3];
	assert_int_equal(oom->nwindows, 3);
	assert_int_equal(oom->window[0].start_ns, 12 * SEC);
	assert_int_equal(oom->window[2].start_ns, 22 * SEC);
	assert_int_equal(oom->window[2].end_ns, 23 * SEC);
	assert_int_equal(oom->p_ppb, 20000000);
	assert_int_equal(oom->err, ENOMEM);
	assert_string_equal(oom->action, "fail");
	assert_int_equal(gcnow->nwindows, 1); /* named before what it waits for */
	assert_int_equal(gcnow->window[0].start_ns, 23 * SEC + SEC / 2);
	assert_string_equal(gcnow->action, "force");
	assert_int_equal(gcnow->every, 50000);
	assert_int_equal(late->nwindows, 5); /* 11, 15, 19, 23, 27: the last ends with the phase */
	assert_int_equal(late->window[4].end_ns, 30 * SEC);
	assert_int_equal(late->every, 1); /* nothing given: each eligible visit */
	assert_int_equal(late->jitter_ns, 1000000);
	assert_int_equal(rest->window[0].start_ns, 12 * SEC);
	assert_int_equal(rest->window[0].end_ns, 30 * SEC);
	assert_int_equal(rest->err, EIO);
	assert_int_equal(rest->times, 2);
	assert_int_equal(rest->every, 0);
	gcs_scenario_destroy(s);
}

/* Without a word about it the deadline is what the run leaves. */
static void test_deadline_fits(void **state)
{
	struct gcs_scenario *s;
	(void)state;
	load("faults:\n  - {id: oom, point: mem/malloc, when: {phase: heal, at: 10s, for: 11s}}\n",
	     NULL, &s, NULL);
	assert_int_equal(s->recovery.deadline_ns, 9 * SEC);
	gcs_scenario_destroy(s);
}

static void test_overrides(void **state)
{
	static const struct gcs_override set[] = {
		{"workload.maps.keys", "10k"},
		{"seed", "0x7"},
		{"phases.storm.for", "5s"},
		{"target.stress.gc_every", "50"},
		{"workload.0.workers", "3"},
		{"target.procs", "4"},
		{"target.rounding", "1.22"},
		{"workload.maps.mix", "{insert: 40, delete: 40, lookup: 20}"},
		{"expect", "[integrity.errors == 0]"},
		{"seed", "9"},
		{NULL, NULL},
	};
	struct gcs_scenario *s;
	(void)state;
	load("target: {gogc: 50}\n", set, &s, NULL);
	assert_int_equal(s->workload[0].keys, 10000);
	assert_int_equal(s->workload[0].workers, 3);
	assert_int_equal(s->workload[0].mix_lookup, 20);
	assert_int_equal(s->seed, 9); /* the last one counts */
	assert_int_equal(s->gc_every, 50);
	assert_int_equal(s->procs, 4);
	assert_string_equal(s->rounding, "1.22");
	assert_int_equal(s->gogc, 50);
	assert_int_equal(s->end_ns, 45 * SEC);
	assert_int_equal(s->nexpects, 1);
	assert_string_equal(s->expect[0].text, "integrity.errors == 0");
	gcs_scenario_destroy(s);
}

static void test_override_errors(void **state)
{
	static const struct {
		struct gcs_override set[2];
		const char *expected;
	} rows[] = {
		{{{"workload.maps.keys", "10x"}},
		 "--set:1:20: error: 'keys' of workload 'maps' cannot be '10x'\n"
		 "workload.maps.keys=10x\n"
		 "                   ^~~\n"
		 "  expected: a count from 1 to 100M, such as 500, 20k or 1M (keys: size of the "
		 "key space)\n"},
		{{{"workload.map.keys", "10k"}},
		 "--set:1:10: error: nothing in this list is called 'map'\n"
		 "workload.map.keys=10k\n"
		 "         ^~~\n"
		 "  expected: the id of an item, or its number from 0\n"
		 "  hint: did you mean 'maps'?\n"},
		{{{"sede", "7"}},
		 "--set:1:1: error: unknown key 'sede' in the scenario\n"
		 "sede=7\n"
		 "^~~~\n"
		 "  expected: version, name, about, seed, scale, clock, target, workload, phases, "
		 "faults, activation, slo, expect, recovery, variants, reported, logged\n"
		 "  hint: did you mean 'seed'?\n"},
		{{{"seed.more", "7"}},
		 "--set:1:6: error: there is nothing inside a plain value\nseed.more=7\n     "
		 "^~~~\n"},
		{{{"target..procs", "7"}},
		 "--set:1:8: error: an empty name in the path\n"
		 "target..procs=7\n"
		 "       ^\n"
		 "  expected: names with points between them, such as workload.maps.keys\n"},
		{{{"phases.storm.for", "["}},
		 "--set:1:19: error: not YAML: flow sequence without a closing "
		 "bracket\nphases.storm.for=[\n                  ^\n"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct gcs_scenario *s = NULL;
		char *text = NULL;
		assert_int_equal(load("seed: 3\n", rows[i].set, &s, &text), -EINVAL);
		assert_null(s);
		assert_string_equal(text, rows[i].expected);
		free(text);
	}
}

/* ---- activation */

static void test_activation(void **state)
{
	char more[4096] = "activation: 25%\nexpect: [fault.f3.fired >= 1]\nfaults:\n"
			  "  - {id: hand, point: gc/write, when: {manual: true}}\n";
	struct gcs_scenario *s, *again, *fewer;
	uint32_t live = 0, differ = 0, first[20];
	(void)state;
	for (int i = 0; i < 20; i++)
		sprintf(more + strlen(more),
			"  - {id: f%d, point: gc/write, when: {phase: storm, at: %dms, for: 1s}}\n", i,
			1000 + i);
	for (int seed = 1; seed <= 60; seed++) {
		char text[16];
		snprintf(text, sizeof text, "%d", seed);
		const struct gcs_override set[] = {{"seed", text}, {NULL, NULL}},
					  less[] = {{"seed", text},
						    {"faults", "[{id: f3, point: mem/malloc, when: "
							       "{phase: storm}}]"},
						    {NULL, NULL}};
		load(more, set, &s, NULL);
		load(more, set, &again, NULL);
		load(more, less, &fewer, NULL);
		assert_false(s->fault[0].left_out);
		assert_int_equal(fewer->fault[0].left_out, s->fault[4].left_out);
		for (uint32_t i = 1; i <= 20; i++) {
			const struct gcs_fault *f = &s->fault[i];
			assert_int_equal(f->left_out, again->fault[i].left_out);
			assert_int_equal(f->nwindows, !f->left_out);
			live += !f->left_out;
			first[i - 1] = seed == 1 ? f->left_out : first[i - 1];
			differ += f->left_out != first[i - 1];
		}
		gcs_scenario_destroy(s);
		gcs_scenario_destroy(again);
		gcs_scenario_destroy(fewer);
	}
	assert_in_range(live, 225, 375); /* of 1200, five deviations around 300 */
	assert_true(differ > 100);
	load(more, (const struct gcs_override[]){{"activation", "100%"}, {NULL, NULL}}, &s, NULL);
	for (uint32_t i = 0; i < s->nfaults; i++)
		assert_false(s->fault[i].left_out);
	gcs_scenario_destroy(s);
}

static void test_files(void **state)
{
	struct gcs_scenario *s = NULL;
	struct gcs_scenario_error error;
	(void)state;
	assert_int_equal(gcs_scenario_load(&s, "/nonexistent/scenario.yaml", NULL, 0, &error),
			 -ENOENT);
	assert_string_equal(error.text, "/nonexistent/scenario.yaml: error: cannot read the "
					"scenario: No such file or directory\n");
	gcs_scenario_error_fini(&error);
	assert_int_equal(gcs_scenario_load(&s, "/tmp", NULL, 0, &error), -EISDIR);
	assert_string_equal(error.text, "/tmp: error: cannot read the scenario: Is a directory\n");
	gcs_scenario_error_fini(&error);
	assert_int_equal(gcs_scenario_load(&s, "/dev/zero", NULL, 0, &error), -EFBIG);
	gcs_scenario_error_fini(&error);
	assert_null(s);
}

static int64_t number(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);
	assert_true(json_is_integer(v));
	return json_integer_value(v);
}

/* The load line has the keys of docs/control-protocol.md, and is one line. */
static void test_plan(void **state)
{
	struct gcs_scenario *s;
	(void)state;
	load("seed: 0x2481\n"
	     "faults:\n  - {id: late, point: netpoll/wake, when: {phase: storm, for: 1s}, fire: "
	     "{every: 10, delay: 5ms}}\n",
	     NULL, &s, NULL);
	char *text = gcs_scenario_plan(s);
	assert_non_null(text);
	assert_null(strchr(text, '\n'));
	json_t *o = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_string_equal(json_string_value(json_object_get(o, "cmd")), "load");
	assert_int_equal(number(o, "version"), 1);
	assert_int_equal(number(o, "end_ns"), 60 * SEC);
	json_t *runtime = json_object_get(o, "runtime");
	assert_int_equal(number(runtime, "seed"), 0x2481);
	assert_int_equal(number(runtime, "procs"), 2);
	assert_true(json_is_false(json_object_get(runtime, "clobber")));
	assert_string_equal(json_string_value(json_object_get(runtime, "rounding")), "1.19");
	json_t *w = json_array_get(json_object_get(o, "workloads"), 0);
	assert_string_equal(json_string_value(json_object_get(w, "driver")), "map-churn");
	assert_int_equal(number(json_object_get(w, "mix"), "insert"), 50);
	json_t *f = json_array_get(json_object_get(o, "faults"), 0);
	assert_string_equal(json_string_value(json_object_get(f, "action")), "delay");
	assert_int_equal(number(f, "delay_ns"), 5000000);
	assert_int_equal(json_integer_value(json_array_get(
				 json_array_get(json_object_get(f, "windows"), 0), 1)),
			 11 * SEC);
	json_decref(o);
	free(text);
	text = gcs_scenario_json(s);
	o = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_string_equal(json_string_value(json_object_get(o, "name")), "base");
	assert_int_equal(number(json_object_get(o, "recovery"), "window_ns"), SEC);
	json_decref(o);
	free(text);
	gcs_scenario_destroy(s);
}

/* ---- the heap profile */

static void test_heap_profile_rate(void **state)
{
	struct gcs_scenario *s;
	char *line;
	(void)state;
	load("seed: 3\n", NULL, &s, NULL);
	assert_int_equal(s->heap_profile_rate, 0);
	line = gcs_scenario_plan(s);
	assert_null(strstr(line, "heap_profile"));
	free(line);
	gcs_scenario_destroy(s);
	load("target: {heap_profile_rate: 1B}\nscale: {heap: 10}\n", NULL, &s, NULL);
	assert_int_equal(s->heap_profile_rate, 1); /* a rate is none of the heap's bytes */
	line = gcs_scenario_plan(s);
	assert_non_null(strstr(line, "\"heap_profile_rate\":1"));
	free(line);
	gcs_scenario_destroy(s);
}

/* ---- the trace */

static void test_trace(void **state)
{
	static const char faults[] =
		"target: {runtime: %s}\n"
		"faults:\n  - {id: a, point: gc/append, when: {phase: storm}, fire: {every: 9}}\n"
		"  - {id: b, point: gc/append, only: go, when: {phase: storm}, fire: {every: 9}, trace: true}\n";
	char text[sizeof faults + 16];
	struct gcs_scenario *s;
	char *line;
	(void)state;
	snprintf(text, sizeof text, faults, "go");
	load(text, NULL, &s, NULL);
	assert_true(gcs_scenario_traces(s));
	line = gcs_scenario_plan(s);
	const char *b = strstr(line, "\"id\":\"b\"");
	assert_non_null(b);
	assert_non_null(strstr(b, "\"trace\":true"));
	assert_ptr_equal(strstr(line, "\"trace\""), strstr(b, "\"trace\""));
	free(line);
	gcs_scenario_destroy(s);
	snprintf(text, sizeof text, faults, "embedded"); /* it is for go alone */
	load(text, NULL, &s, NULL);
	assert_false(gcs_scenario_traces(s));
	line = gcs_scenario_plan(s);
	assert_null(strstr(line, "\"trace\""));
	free(line);
	gcs_scenario_destroy(s);
}

/* ---- a program under exec */

static struct gcs_scenario *load_command(const char *target)
{
	struct gcs_scenario_options none = {0};
	struct gcs_scenario *s;
	char text[512];
	snprintf(text, sizeof text, "target: {runtime: command, %s}\nphases: [{id: steady, for: 10s}]\n", target);
	load_text("version: 1\nname: base\n", text, &none, &s, NULL);
	return s;
}

/* What a program under exec is asked, and what its death means. */
static void test_command(void **state)
{
	struct gcs_scenario *s = load_command("debug: {url: \"http://unix:/run/x\", profiles: [mutex, heap, mutex]}");
	(void)state;
	assert_string_equal(s->debug.url, "http://unix:/run/x");
	assert_string_equal(s->debug.profiles, "mutex,heap");
	assert_int_equal(s->debug.every_ns, SEC);
	assert_false(s->expects_death);
	char *plan = gcs_scenario_plan(s);
	assert_non_null(strstr(plan, "\"debug\":{\"url\":\"http://unix:/run/x\",\"every_ns\":1000000000,\"profiles\":\"mutex,heap\"}"));
	free(plan);
	gcs_scenario_destroy(s);
	s = load_command("on_exit: expect, debug: {url: \"http://h:1\", every: 250ms}");
	assert_true(s->expects_death);
	assert_int_equal(s->restarts, 0);
	assert_int_equal(s->debug.every_ns, SEC / 4);
	assert_null(s->debug.profiles);
	gcs_scenario_destroy(s);
	s = load_command("on_exit: restart(7)");
	assert_int_equal(s->restarts, 7);
	assert_false(s->expects_death);
	assert_null(s->debug.url);
	gcs_scenario_destroy(s);
}

/* ---- the pacer */

static void test_pacer(void **state)
{
	struct gcs_scenario *s;
	char *text = NULL, *line;
	(void)state;
	load("seed: 3\n", NULL, &s, NULL);
	assert_string_equal(s->pacer, "1.21");
	assert_false(s->pacertrace);
	assert_false(s->scavtrace);
	line = gcs_scenario_json(s);
	assert_non_null(strstr(line, "\"pacer\":\"1.21\""));
	assert_null(strstr(line, "gcpacertrace"));
	assert_null(strstr(line, "scavtrace"));
	free(line);
	gcs_scenario_destroy(s);
	load("target: {pacer: 1.19, gcpacertrace: true, scavtrace: true}\n", NULL, &s, NULL);
	assert_string_equal(s->pacer, "1.19");
	assert_true(s->pacertrace);
	line = gcs_scenario_json(s);
	assert_non_null(strstr(line, "\"pacer\":\"1.19\""));
	assert_non_null(strstr(line, "\"gcpacertrace\":true"));
	assert_non_null(strstr(line, "\"scavtrace\":true"));
	free(line);
	gcs_scenario_destroy(s);
	assert_int_equal(load("target: {pacer: 1.18}\n", NULL, &s, &text), -EINVAL);
	assert_non_null(strstr(text, "1.21, 1.19"));
	free(text);
}

/* ---- scales */

static const char scaled[] =
	"target: {memlimit: 512MiB, heap_reserve: 256MiB}\n"
	"scale: {time: 2, heap: 4}\n"
	"clock: \"23:59:50\"\n"
	"faults:\n"
	"  - {id: oom, point: mem/malloc, when: {phase: storm, at: 4s, for: 2s}}\n"
	"  - {id: late, point: netpoll/wake, when: {phase: storm, at: 1s, for: 600ms, repeat: "
	"{every: 2s, times: 3}, unscaled: true}, fire: {delay: 40ms, jitter: 10ms}}\n"
	"  - {id: brief, point: gc/write, when: {phase: storm, for: 300ms}, fire: {every: 10}}\n"
	"slo:\n"
	"  - {id: p99, check: \"op.latency.p99 < 2ms\", window: 4s}\n"
	"recovery: {window: 150ms, windows: 4, deadline: 700ms}\n";

static void test_scales(void **state)
{
	struct gcs_scenario *s;
	char text[16];
	(void)state;
	load(scaled, NULL, &s, NULL);
	assert_int_equal(s->time_scale_milli, 2000);
	assert_int_equal(s->heap_scale_milli, 4000);
	assert_int_equal(s->unscaled_end_ns, 60 * SEC);
	assert_int_equal(s->end_ns, 30 * SEC);
	assert_int_equal(s->phase[1].start_ns, 5 * SEC);
	assert_int_equal(s->memlimit, 128 << 20);
	assert_int_equal(s->heap_reserve, 64 << 20);
	assert_int_equal(s->workload[0].keys, 25000); /* the default too */
	assert_int_equal(s->workload[0].value_bytes, 32);
	const struct gcs_fault *oom = &s->fault[0], *late = &s->fault[1], *brief = &s->fault[2];
	assert_int_equal(oom->window[0].start_ns, 7 * SEC);
	assert_int_equal(oom->window[0].end_ns, 8 * SEC);
	assert_int_equal(late->nwindows, 3); /* as written, from the scaled start of the phase */
	assert_int_equal(late->window[2].start_ns, 10 * SEC);
	assert_int_equal(late->window[2].end_ns, 10 * SEC + 600000000);
	assert_int_equal(late->delay_ns, 40000000);
	assert_int_equal(late->jitter_ns, 10000000);
	assert_int_equal(brief->window[0].end_ns, 5 * SEC + 150000000);
	assert_int_equal(s->slo[0].window_ns, 2 * SEC);
	assert_int_equal(s->recovery.window_ns, 100000000);   /* not below */
	assert_int_equal(s->recovery.deadline_ns, 400000000); /* room for four looks */
	assert_true(gcs_scenario_clock(s, 0, text));
	assert_string_equal(text, "23:59:50");
	assert_true(gcs_scenario_clock(s, 5 * SEC, text));
	assert_string_equal(text, "00:00:00");
	assert_true(gcs_scenario_clock(s, 30 * SEC, text));
	assert_string_equal(text, "00:00:50");
	assert_true(gcs_scenario_clock(s, -SEC, text));
	assert_string_equal(text, "23:59:48");
	gcs_scenario_destroy(s);
}

static void test_scale_options(void **state)
{
	static const struct gcs_override set[] = {{"scale.time", "5"}};
	struct gcs_scenario *s;
	char text[16], *error;
	(void)state;
	load_with("scale: {time: 4}\n", &(struct gcs_scenario_options){.set = set, .nset = 1}, &s,
		  NULL);
	assert_int_equal(s->end_ns, 12 * SEC);
	assert_false(gcs_scenario_clock(s, 0, text));
	gcs_scenario_destroy(s);
	load_with("scale: {time: 4}\n",
		  &(struct gcs_scenario_options){
			  .set = set, .nset = 1, .time_scale = "2.5", .heap_scale = "0.5"},
		  &s, NULL);
	assert_int_equal(s->time_scale_milli, 2500); /* the option counts last */
	assert_int_equal(s->heap_scale_milli, 500);
	assert_int_equal(s->end_ns, 24 * SEC);
	assert_int_equal(s->unscaled_end_ns, 60 * SEC);
	assert_int_equal(s->workload[0].keys, 200000);
	gcs_scenario_destroy(s);
	assert_int_equal(
		load_with("", &(struct gcs_scenario_options){.heap_scale = "1e3"}, &s, &error),
		-EINVAL);
	assert_string_equal(error,
			    "--heap-scale:1:1: error: 'heap' of scale cannot be '1e3'\n1e3\n^~~\n"
			    "  expected: a factor from 0.01 to 10000, such as 1.25 (heap: bytes "
			    "and live sets are divided by this)\n"
			    "  hint: exponents are not read here: write 1M for 1e6\n");
	free(error);
}

/* Many rows: nothing is bounded below what an import makes, and the line fits what the target
 * reads. */
static void test_follow(void **state)
{
	const size_t cap = (size_t)2 << 20, line = (size_t)4 << 20;
	char *text = malloc(cap);
	struct gcs_scenario *s;
	(void)state;
	size_t n = (size_t)snprintf(
		text, cap, "scale: {time: 2, heap: 4}\nlogged:\n  source: a.log\n  lines:\n");
	for (int i = 0; i < GCS_LOGGED_MAX; i++)
		n += (size_t)snprintf(text + n, cap - n,
				      "    - \"gc %d @%d.000s 2%%: 0.024+1.2+0.021 ms clock\"\n",
				      i + 1, i);
	char path[] = "/tmp/test_follow.XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	dprintf(fd, "%s", "version: 1\nname: curve\nphases:\n  - {id: all, for: 3h}\n");
	assert_int_equal(write(fd, text, n), n);
	dprintf(fd, "%s", "workload:\n  - id: heap\n    driver: heap-follow\n    follow:\n");
	n = 0;
	for (int i = 0; i < GCS_FOLLOW_MAX; i++)
		n += (size_t)snprintf(text + n, cap - n,
				      "      - {at: %ds, live: %dMiB, alloc: 512MiB/s%s}\n", i,
				      1 + i % 1000,
				      i == 0   ? ", gogc: off"
				      : i == 7 ? ", gogc: 50, forced: true"
					       : "");
	assert_int_equal(write(fd, text, n), n);
	close(fd);
	struct gcs_scenario_error error;
	if (gcs_scenario_load(&s, path, NULL, 0, &error))
		fail_msg("%s", error.text);
	unlink(path);
	free(text);
	const struct gcs_workload *w = &s->workload[0];
	assert_int_equal(w->nfollow, GCS_FOLLOW_MAX);
	assert_int_equal(w->workers, 1);
	assert_int_equal(w->follow[0].gogc, -1);
	assert_int_equal(w->follow[1].gogc, 0);
	assert_int_equal(w->follow[7].gogc, 50);
	assert_true(w->follow[7].forced);
	assert_int_equal(w->follow[7].at_ns, 3 * SEC + SEC / 2);
	assert_int_equal(w->follow[7].live, 2 << 20);
	assert_int_equal(w->follow[7].alloc_per_s,
			 256 << 20); /* twice as fast, a quarter as much */
	assert_int_equal(s->logged.nlines, GCS_LOGGED_MAX);
	assert_string_equal(s->logged.source, "a.log");
	assert_string_equal(s->logged.line[1], "gc 2 @1.000s 2%: 0.024+1.2+0.021 ms clock");
	char *plan = gcs_scenario_plan(s);
	assert_true(strlen(plan) + 2 < line / 3);
	json_t *o = json_loads(plan, JSON_REJECT_DUPLICATES, NULL);
	json_t *follow =
		json_object_get(json_array_get(json_object_get(o, "workloads"), 0), "follow");
	assert_int_equal(json_array_size(follow), GCS_FOLLOW_MAX);
	json_t *row = json_array_get(follow, 7);
	assert_int_equal(json_integer_value(json_array_get(row, 0)), 3 * SEC + SEC / 2);
	assert_int_equal(json_integer_value(json_array_get(row, 3)), 50);
	assert_true(json_is_true(json_array_get(row, 4)));
	json_decref(o);
	free(plan);
	gcs_scenario_destroy(s);
}

/* ---- gc/write: what is not said is not in the plan */

static const char *plan_word(const json_t *plan, size_t fault, const char *key)
{
	return json_string_value(
		json_object_get(json_array_get(json_object_get(plan, "faults"), fault), key));
}

static void test_write(void **state)
{
	struct gcs_scenario *s;
	(void)state;
	load("faults:\n"
	     "  - {id: a, point: gc/write, when: {phase: storm}}\n"
	     "  - {id: b, point: gc/write, when: {phase: storm}, fire: {where: after_shade, mode: start}}\n"
	     "  - {id: c, point: gc/write, when: {phase: storm}, fire: {mode: cycle}}\n"
	     "  - {id: d, point: gc/write, when: {phase: storm}, fire: {edge: true, where: after_store}}\n",
	     (const struct gcs_override[]){{NULL, NULL}}, &s, NULL);
	char *plan = gcs_scenario_plan(s);
	json_t *o = json_loads(plan, JSON_REJECT_DUPLICATES, NULL);
	assert_null(plan_word(o, 0, "where"));
	assert_null(plan_word(o, 0, "mode"));
	assert_string_equal(plan_word(o, 1, "where"), "after_shade");
	assert_string_equal(plan_word(o, 1, "mode"), "start");
	assert_string_equal(plan_word(o, 2, "mode"), "cycle");
	assert_string_equal(plan_word(o, 3, "mode"), "cycle");
	assert_true(json_is_true(json_object_get(
		json_array_get(json_object_get(o, "faults"), 3), "edge")));
	json_decref(o);
	free(plan);
	gcs_scenario_destroy(s);
}

/* ---- match, burst, actions, hands, jitter */

static void test_sites(void **state)
{
	struct gcs_scenario *s;
	(void)state;
	load("faults:\n"
	     "  - {id: a, point: mem/malloc, when: {manual: true}, fire: {burst: 3, after: 2k, probability: "
	     "1%}, match: {size: 1KiB..8KiB, workload: maps}}\n"
	     "  - {id: b, point: netpoll/wake, when: {phase: storm}, match: {driver: [echo, "
	     "map-churn]}}\n"
	     "  - {id: c, point: netpoll/wake, when: {phase: storm}, fire: {delay: 1ms, double: {max: 1s}}, match: "
	     "{workload: [two, net], driver: map-churn}}\n"
	     "  - {id: d, point: gc/append, when: {phase: storm}, match: {size: 64B}}\n"
	     "  - {id: e, point: mem/span, when: {phase: storm}, match: {size: ..1MiB}}\n"
	     "  - {id: f, point: mem/os_commit, when: {phase: storm}, match: {size: 64KiB..}}\n",
	     (const struct gcs_override[]){{"workload",
					    "[{id: maps, driver: map-churn}, {id: two, driver: "
					    "map-churn}, {id: net, driver: echo, rate: 1/s}]"},
					   {NULL, NULL}},
	     &s, NULL);
	const struct gcs_fault *f = s->fault;
	assert_true(f[0].manual);
	assert_int_equal(f[0].nwindows, 0);
	assert_int_equal(f[0].burst, 3);
	assert_int_equal(f[0].match.size_min, 1024);
	assert_int_equal(f[0].match.size_max, 8192);
	assert_int_equal(f[0].match.workloads, 1);
	assert_string_equal(f[1].action, "drop"); /* no delay is given */
	assert_int_equal(f[1].match.workloads, 7);
	assert_string_equal(f[2].action, "delay");
	assert_int_equal(f[2].match.workloads, 2);
	assert_int_equal(f[3].match.size_min, 64);
	assert_int_equal(f[3].match.size_max, 64);
	assert_int_equal(f[3].match.workloads, 0);
	assert_int_equal(f[4].match.size_min, 0);
	assert_int_equal(f[4].match.size_max, 1 << 20);
	assert_int_equal(f[5].match.size_min, 65536);
	assert_int_equal(f[5].match.size_max, 0);
	char *plan = gcs_scenario_plan(s);
	json_t *o = json_loads(plan, JSON_REJECT_DUPLICATES, NULL),
	       *fault = json_array_get(json_object_get(o, "faults"), 0);
	assert_int_equal(number(fault, "burst"), 3);
	assert_int_equal(number(fault, "after"), 2000);
	assert_int_equal(number(fault, "delay_max_ns"), 0);
	assert_int_equal(number(json_array_get(json_object_get(o, "faults"), 2), "delay_max_ns"),
			 1000000000);
	assert_int_equal(number(fault, "size_min"), 1024);
	assert_int_equal(number(fault, "size_max"), 8192);
	assert_int_equal(number(fault, "match_workloads"), 1);
	json_decref(o);
	free(plan);
	gcs_scenario_destroy(s);
}

/* Types, goroutines, a condition: resolved, and in the load line. */
static void test_bound_to_state(void **state)
{
	struct gcs_scenario *s;
	(void)state;
	load("scale: {heap: 4}\n"
	     "faults:\n"
	     "  - {id: a, point: mem/malloc, when: {phase: storm}, match: {type: [churn value, map.bucket], "
	     "goroutine: [maps/1, \"net/2..5\"], workload: [maps, net]}, "
	     "while: heap.live > 0.9 * heap.goal and not (gc.phase == off or heap.live < 4MiB)}\n"
	     "  - {id: b, point: gc/evacuate, when: {phase: storm}, match: {type: churn element}, "
	     "while: \"!map.same_size && map.count >= 10k\"}\n"
	     "  - {id: c, point: sched/ready, when: {phase: storm}, match: {goroutine: net/7}, fire: {delay: 1ms}}\n",
	     (const struct gcs_override[]){{"workload",
					    "[{id: maps, driver: map-churn, workers: 2}, {id: net, driver: echo, rate: 1/s, "
					    "conns: 8, handler: maps}]"},
					   {NULL, NULL}},
	     &s, NULL);
	const struct gcs_match *m = &s->fault[0].match;
	assert_int_equal(m->ntypes, 2);
	assert_string_equal(m->type[1], "map.bucket");
	assert_int_equal(m->ngoroutines, 2);
	assert_true(m->goroutine[0].workload == 0 && m->goroutine[0].first == 1 && m->goroutine[0].last == 1);
	assert_true(m->goroutine[1].workload == 1 && m->goroutine[1].first == 2 && m->goroutine[1].last == 5);
	assert_true(s->fault[0].condition_scaled && !s->fault[1].condition_scaled);
	assert_int_equal(s->fault[2].program.n, 0);
	char *plan = gcs_scenario_plan(s);
	json_t *o = json_loads(plan, JSON_REJECT_DUPLICATES, NULL), *list = json_object_get(o, "faults"),
	       *a = json_array_get(list, 0), *b = json_array_get(list, 1), *c = json_array_get(list, 2);
	char *program = json_dumps(json_object_get(a, "while"), JSON_COMPACT);
	assert_string_equal(program, "[\"heap.live\",900,\"heap.goal\",\"*\",\">\",\"gc.phase\",\"off\",\"==\",\"heap."
				     "live\",{\"bytes\":1048576000},\"<\",\"or\",\"not\",\"and\"]");
	free(program);
	program = json_dumps(json_object_get(a, "match_goroutines"), JSON_COMPACT);
	assert_string_equal(program, "[[0,1,1],[1,2,5]]");
	free(program);
	assert_int_equal(json_array_size(json_object_get(a, "match_types")), 2);
	assert_int_equal(json_array_size(json_object_get(b, "while")), 6);
	assert_null(json_object_get(c, "while"));
	assert_null(json_object_get(c, "match_types"));
	json_decref(o);
	free(plan);
	char *whole = gcs_scenario_json(s);
	assert_non_null(strstr(whole, "\"condition\":\"!map.same_size && map.count >= 10k\""));
	free(whole);
	gcs_scenario_destroy(s);
}

/* With hands alone there is no last fault to heal after. */
static void test_manual_alone(void **state)
{
	struct gcs_scenario *s;
	(void)state;
	load("faults:\n  - {id: a, point: mem/malloc, when: {manual: true}}\n", NULL, &s, NULL);
	assert_int_equal(s->recovery.deadline_ns, 15 * SEC);
	gcs_scenario_destroy(s);
}

static void test_jitter(void **state)
{
	static const char faults[] =
		"faults:\n"
		"  - {id: other, point: gc/write, when: {phase: storm, for: 1s}}\n"
		"  - {id: pulse, point: netpoll/wake, when: {phase: storm, for: 600ms, repeat: "
		"{every: 2s, jitter: 690ms}}}\n";
	struct gcs_window first[GCS_WINDOWS_MAX] = {{0}};
	uint32_t differ = 0, moved = 0;
	(void)state;
	for (int seed = 1; seed <= 40; seed++) {
		char text[16];
		struct gcs_scenario *s;
		snprintf(text, sizeof text, "%d", seed);
		load(faults, (const struct gcs_override[]){{"seed", text}, {NULL, NULL}}, &s, NULL);
		const struct gcs_fault *f = &s->fault[1];
		assert_int_equal(f->nwindows, 10);
		for (uint32_t i = 0; i < f->nwindows; i++) {
			int64_t nominal = 10 * SEC + (int64_t)i * 2 * SEC;
			assert_int_equal(f->window[i].end_ns - f->window[i].start_ns, 600000000);
			assert_true(f->window[i].start_ns >= nominal - 690000000);
			assert_true(f->window[i].start_ns <= nominal + 690000000);
			assert_true(f->window[i].start_ns >= 10 * SEC);
			assert_true(f->window[i].end_ns <= 30 * SEC);
			assert_true(i == 0 || f->window[i].start_ns > f->window[i - 1].end_ns);
			moved += f->window[i].start_ns != nominal;
		}
		if (seed == 1)
			memcpy(first, f->window, sizeof first);
		else
			differ += memcmp(first, f->window, sizeof first) != 0;
		gcs_scenario_destroy(s);
	}
	assert_int_equal(differ, 39);
	assert_true(moved > 300);
	/* The same seed draws the same, whatever other faults there are. */
	struct gcs_scenario *s;
	load("faults:\n"
	     "  - {id: pulse, point: netpoll/wake, when: {phase: storm, for: 600ms, repeat: "
	     "{every: "
	     "2s, jitter: 690ms}}}\n",
	     NULL, &s, NULL);
	assert_memory_equal(first, s->fault[0].window, sizeof first);
	gcs_scenario_destroy(s);
}

/* ---- variants, reported */

static void test_variants(void **state)
{
	static const char text[] =
		"variants:\n"
		"  - {id: fixed, about: \"a fix\", set: {workload.maps.value: "
		"inline, workload.maps.mix: {insert: 40, delete: 40, lookup: 20}}}\n"
		"  - {id: slow, set: {scale.time: 0.5, name: \"slow\"}}\n";
	static const struct gcs_override set[] = {{"workload.maps.mix.lookup", "30"},
						  {"workload.maps.mix.insert", "30"}};
	struct gcs_scenario *s;
	(void)state;
	load(text, NULL, &s, NULL);
	assert_null(s->chosen);
	assert_string_equal(s->workload[0].value, "ptr");
	assert_int_equal(s->nvariants, 2);
	assert_string_equal(s->variant[0].about, "a fix");
	assert_int_equal(s->variant[0].nsets, 2);
	assert_string_equal(s->variant[0].key[1], "workload.maps.mix");
	assert_string_equal(s->variant[0].value[1], "{insert: 40, delete: 40, lookup: 20}");
	assert_string_equal(s->variant[1].value[1], "\"slow\"");
	gcs_scenario_destroy(s);
	/* --set is laid over the variant, and leaves what the variant says as it was written. */
	load_with(text, &(struct gcs_scenario_options){.variant = "fixed", .set = set, .nset = 2},
		  &s, NULL);
	assert_string_equal(s->chosen, "fixed");
	assert_string_equal(s->workload[0].value, "inline");
	assert_int_equal(s->workload[0].mix_insert, 30);
	assert_int_equal(s->workload[0].mix_lookup, 30);
	assert_string_equal(s->variant[0].value[1], "{insert: 40, delete: 40, lookup: 20}");
	gcs_scenario_destroy(s);
	load_with(text, &(struct gcs_scenario_options){.variant = GCS_VARIANT_BASE}, &s, NULL);
	assert_null(s->chosen);
	assert_string_equal(s->workload[0].value, "ptr");
	gcs_scenario_destroy(s);
	load_with(text, &(struct gcs_scenario_options){.variant = "slow", .time_scale = "3"}, &s,
		  NULL);
	assert_int_equal(s->time_scale_milli, 3000);
	assert_string_equal(s->name, "slow");
	gcs_scenario_destroy(s);
}

static void test_variant_unknown(void **state)
{
	struct gcs_scenario *s = NULL;
	char *error;
	(void)state;
	assert_int_equal(load_with("variants:\n  - {id: fixed, set: {seed: 2}}\n",
				   &(struct gcs_scenario_options){.variant = "fixde"}, &s, &error),
			 -EINVAL);
	assert_string_equal(error,
			    "--variant:1:1: error: the scenario has no variant 'fixde'\n"
			    "fixde\n^~~~~\n  expected: fixed\n  hint: did you mean 'fixed'?\n");
	free(error);
	assert_int_equal(load_with("", &(struct gcs_scenario_options){.variant = "x"}, &s, &error),
			 -EINVAL);
	assert_string_equal(error, "--variant:1:1: error: the scenario has no variants, so not 'x' "
				   "either\nx\n^\n");
	free(error);
	assert_null(s);
}

static void test_reported(void **state)
{
	struct gcs_scenario *s;
	(void)state;
	load("reported:\n"
	     "  - {what: \"P99\", value: \"320 ms\", metric: op.latency.p99@maps, variant: "
	     "as-it-is, phases: [storm, "
	     "heal]}\n"
	     "  - {what: hosts, value: \"12\", note: \"one host here\"}\n",
	     NULL, &s, NULL);
	assert_int_equal(s->nreported, 2);
	assert_string_equal(s->reported[0].value, "320 ms");
	assert_string_equal(s->reported[0].metric, "op.latency.p99@maps");
	assert_int_equal(s->reported[0].nphases, 2);
	assert_string_equal(s->reported[0].variant, GCS_VARIANT_BASE);
	assert_null(s->reported[1].variant);
	assert_string_equal(s->reported[0].phases[1], "heal");
	assert_int_equal(s->reported[1].line, 11);
	assert_null(s->reported[1].metric);
	gcs_scenario_destroy(s);
}

/* The record's JSON of a scaled scenario with everything: what is said there is what is run. */
static void test_json_everything(void **state)
{
	const char *source = getenv("GCSTORM_SOURCE");
	char path[4096];
	struct gcs_scenario *s;
	struct gcs_scenario_error error;
	const struct gcs_scenario_options opt = {.variant = "quiet", .time_scale = "4"};
	(void)state;
	snprintf(path, sizeof path, "%s/tests/scenarios/good/everything.yaml",
		 source ? source : ".");
	if (gcs_scenario_load_with(&s, path, &opt, &error))
		fail_msg("%s", error.text);
	char *text = gcs_scenario_json(s), *plan = gcs_scenario_plan(s);
	json_t *o = json_loads(text, JSON_REJECT_DUPLICATES, NULL),
	       *p = json_loads(plan, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(o);
	assert_int_equal(number(json_object_get(o, "scale"), "time_milli"), 4000);
	assert_int_equal(number(json_object_get(o, "scale"), "heap_milli"), 1600);
	assert_int_equal(number(o, "unscaled_end_ns"), 4 * number(o, "end_ns"));
	assert_int_equal(number(json_object_get(o, "runtime"), "gogc"), 200);
	assert_string_equal(json_string_value(json_object_get(o, "variant")), "quiet");
	assert_string_equal(json_string_value(json_object_get(o, "clock")), "23:59:30");
	assert_int_equal(json_array_size(json_object_get(o, "variants")), 2);
	assert_int_equal(json_array_size(json_object_get(o, "reported")), 2);
	assert_int_equal(json_array_size(json_object_get(json_object_get(o, "logged"), "lines")),
			 1);
	json_t *w = json_object_get(o, "workloads");
	assert_null(json_object_get(json_array_get(w, 0), "key")); /* u64: as before there were others */
	assert_string_equal(json_string_value(json_object_get(json_array_get(w, 3), "key")), "string");
	assert_null(json_object_get(json_object_get(json_array_get(w, 0), "mix"), "range"));
	assert_int_equal(number(json_object_get(json_array_get(w, 4), "mix"), "range"), 2);
	/* What the target is sent is a part of it, word for word. */
	assert_true(json_equal(json_object_get(o, "workloads"), json_object_get(p, "workloads")));
	assert_true(json_equal(json_object_get(o, "runtime"), json_object_get(p, "runtime")));
	assert_int_equal(number(o, "end_ns"), number(p, "end_ns"));
	json_t *faults = json_object_get(o, "faults"), *sent = json_object_get(p, "faults");
	assert_int_equal(json_array_size(faults), s->nfaults);
	for (uint32_t i = 0; i < s->nfaults; i++) {
		json_t *f = json_array_get(faults, i);
		assert_int_equal(json_is_true(json_object_get(f, "manual")), s->fault[i].manual);
		assert_int_equal(json_is_true(json_object_get(f, "left_out")), s->fault[i].left_out);
		json_object_del(f, "manual");
		json_object_del(f, "left_out");
		json_object_del(f, "condition"); /* as written; the program is sent */
		assert_true(json_equal(f, json_array_get(sent, i)));
	}
	json_decref(o);
	json_decref(p);
	free(text);
	free(plan);
	gcs_scenario_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_windows),
		cmocka_unit_test(test_deadline_fits),
		cmocka_unit_test(test_overrides),
		cmocka_unit_test(test_override_errors),
		cmocka_unit_test(test_activation),
		cmocka_unit_test(test_write),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_plan),
		cmocka_unit_test(test_heap_profile_rate),
		cmocka_unit_test(test_command),
		cmocka_unit_test(test_pacer),
		cmocka_unit_test(test_trace),
		cmocka_unit_test(test_scales),
		cmocka_unit_test(test_scale_options),
		cmocka_unit_test(test_follow),
		cmocka_unit_test(test_sites),
		cmocka_unit_test(test_bound_to_state),
		cmocka_unit_test(test_manual_alone),
		cmocka_unit_test(test_jitter),
		cmocka_unit_test(test_variants),
		cmocka_unit_test(test_variant_unknown),
		cmocka_unit_test(test_reported),
		cmocka_unit_test(test_json_everything),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
