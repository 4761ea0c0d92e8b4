/* test_scenario.c: what a good scenario becomes: defaults, times, windows, overrides, JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "harness/scenario.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SEC INT64_C(1000000000)

static const char base[] = "version: 1\n"
			   "name: base\n"
			   "workload:\n"
			   "  - {id: maps, driver: map-churn}\n"
			   "phases:\n"
			   "  - {id: steady, for: 10s}\n"
			   "  - {id: storm, for: 20s}\n"
			   "  - {id: heal, for: 30s}\n";

/* Load text followed by more; set ends with a NULL key. */
static int load(const char *more, const struct gcs_override *set, struct gcs_scenario **ret,
		char **ret_error)
{
	char path[] = "/tmp/test_scenario.XXXXXX";
	struct gcs_scenario_error error;
	size_t nset = 0;
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, base, strlen(base)), strlen(base));
	assert_int_equal(write(fd, more, strlen(more)), strlen(more));
	close(fd);
	while (set && set[nset].key)
		nset++;
	int e = gcs_scenario_load(ret, path, set, nset, &error);
	unlink(path);
	if (ret_error)
		*ret_error = error.text;
	else if (e)
		fail_msg("%d: %s", e, error.text);
	return e;
}

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
		 "  expected: version, name, about, seed, target, workload, phases, faults, slo, "
		 "expect, recovery\n"
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_windows),
		cmocka_unit_test(test_deadline_fits),
		cmocka_unit_test(test_overrides),
		cmocka_unit_test(test_override_errors),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_plan),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
