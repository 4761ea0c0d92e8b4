/* test_scenario_compact.c: a fault on the command line: --fault POINT:key=value,... becomes what the same fault in the file would. */
#include "tests/unit/test_scenario_fixture.h"

static void test_compact(void **state)
{
	static const char more[] = "faults:\n"
				   "  - {id: gc-write, point: gc/write, when: {phase: more, at: "
				   "7s, for: 1s}}\n";
	const struct gcs_override with[] = {
		{"phases", "[{id: steady, for: 10s}, {id: storm, for: 20s}, {id: more, for: 9s}, {id: "
			   "heal, for: 30s}]"},
		{"--fault", "gc/write:every=50000"},
		{"faults.gc-write-2.fire.every", "9"}, /* in their order: it is there by now */
		{"--fault", "mem/malloc:probability=2%,phase=storm,at=1s,for=5s,times=500,size=1KiB..,"
			    "workload=maps,burst=3,after=10,error=EIO,id=oom"},
		{"--fault", "stw/stop:delay=5ms,jitter=1ms,double=1s,manual=true"},
		{"--fault", "gc/write:where=after_store,edge=true"},
		{"--fault", "gc/pacer:by=2.5"},
		{"--fault", "sched/timer:by=0.5"},
		{"--fault", "os/futex:probability=1%,allow-hot=true"},
		{NULL, NULL}};
	struct gcs_scenario *s;
	(void)state;
	load(more, with, &s, NULL);
	assert_int_equal(s->nfaults, 8);
	const struct gcs_fault *f = s->fault;
	assert_string_equal(f[1].id, "gc-write-2");
	assert_string_equal(f[1].point, "gc/write");
	assert_int_equal(f[1].every, 9);
	assert_int_equal(f[1].window[0].start_ns, 30 * SEC); /* the phase that has faults */
	assert_string_equal(f[2].id, "oom");
	assert_int_equal(f[2].p_ppb, 20000000);
	assert_int_equal(f[2].window[0].start_ns, 11 * SEC);
	assert_int_equal(f[2].window[0].end_ns, 16 * SEC);
	assert_int_equal(f[2].times, 500);
	assert_int_equal(f[2].match.size_min, 1024);
	assert_int_equal(f[2].match.workloads, 1);
	assert_int_equal(f[2].burst, 3);
	assert_int_equal(f[2].after, 10);
	assert_int_equal(f[2].err, EIO);
	assert_string_equal(f[3].id, "stw-stop");
	assert_true(f[3].manual);
	assert_int_equal(f[3].delay_ns, 5000000);
	assert_int_equal(f[3].delay_max_ns, SEC);
	assert_string_equal(f[4].id, "gc-write-3");
	assert_string_equal(f[4].where, "after_store");
	assert_true(f[4].edge && !f[4].mode && !f[3].where);
	assert_int_equal(f[5].by_milli, 2500);
	assert_string_equal(f[6].action, "bias");
	assert_int_equal(f[6].by_milli, 500);
	assert_true(f[7].allow_hot && !f[6].allow_hot);
	gcs_scenario_destroy(s);
}

/* Without faults in the file: the recorded phase after the steady one. */
static void test_compact_phase(void **state)
{
	const struct gcs_override with[] = {{"--fault", "gc/write:every=50k"}, {NULL, NULL}},
				  warm[] = {{"phases", "[{id: warm, for: 9s, record: false}, {id: calm, "
						       "for: 9s}, {id: pause, for: 1s, record: false}, "
						       "{id: b, for: 9s}, {id: c, for: 9s}]"},
					    {"--fault", "gc/write:for=1s"},
					    {NULL, NULL}};
	struct gcs_scenario *s;
	(void)state;
	load("", with, &s, NULL);
	assert_int_equal(s->nfaults, 1);
	assert_int_equal(s->fault[0].window[0].start_ns, 10 * SEC);
	assert_int_equal(s->fault[0].window[0].end_ns, 30 * SEC);
	gcs_scenario_destroy(s);
	load("faults:\n", warm, &s, NULL);
	assert_int_equal(s->fault[0].window[0].start_ns, 19 * SEC);
	gcs_scenario_destroy(s);
}

static void test_compact_errors(void **state)
{
	static const char *const rows[][2] = {
		{"gc/writ:every=5",
		 "--fault:1:1: error: there is no fault point 'gc/writ'\ngc/writ:every=5\n^~~~~~~\n"},
		{"gc/write:evry=5",
		 "--fault:1:10: error: a fault has no 'evry'\ngc/write:evry=5\n         ^~~~\n"},
		{"gc/write:match.wrkload=maps",
		 "--fault:1:10: error: a fault has no 'match.wrkload'\n"},
		{"gc/write:match.wrkload=maps", "hint: did you mean 'workload'?"},
		{"gc/write:every=x",
		 "--fault:1:16: error: 'every' of fire of fault 'gc-write' cannot be 'x'\n"
		 "gc/write:every=x\n               ^\n"},
		{"gc/write:every", "--fault:1:10: error: 'every' has no value\n"},
		{"gc/write:every=0", "expected: a count from 1 to 4294967295, such as 500"},
		{"gc/write:every=", "--fault:1:10: error: 'every' has no value\n"},
		{"gc/write:every=,nth=3", "--fault:1:10: error: 'every' has no value\n"},
		{"gc/write:every=5,every=6", "--fault:1:18: error: 'every' is given twice\n"},
		{"gc/write:delay=1ms,double=1s,double=2s", "--fault:1:30: error: 'double' is given twice"},
		{"gc/write:", "--fault:1:10: error: a key is missing here\n"},
		{"gc/write:every=5,", "--fault:1:18: error: a key is missing here\n"},
		{":every=5", "--fault:1:1: error: the fault point is missing\n"},
		{"gc/write:phase=strom", "--fault:1:16: error: there is no phase 'strom'\n"},
		{"gc/write:phase=storm,at=25s", "--fault:1:25: error: fault 'gc-write' would start at"},
		{"gc/write:delay=1ms",
		 "--fault:1:10: error: 'delay' means nothing to the action force of fault 'gc-write'\n"},
		{"gc/write:id=ä-ö,action=bogus", "--fault:1:13: error: 'id' of fault 'ä-ö'"},
		{"gc/write:id=ä-ö,action=bogus", "cannot be 'ä-ö'\ngc/write:id=ä-ö,action=bogus\n"
						 "            ^~~\n"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct gcs_override with[] = {{"--fault", rows[i][0]}, {NULL, NULL}};
		struct gcs_scenario *s = NULL;
		char *text = NULL;
		assert_int_equal(load("", with, &s, &text), -EINVAL);
		assert_null(s);
		if (!strstr(text, rows[i][1]))
			fail_msg("%s says\n%s", rows[i][0], text);
		free(text);
	}
}

/* Any text is taken or refused, with words. */
static void test_compact_bent(void **state)
{
	static const char *const part[] = {"gc/write", ":", "every=", ",", "5", "mem/malloc", "=", "\xc3\xa4",
					   "phase=storm", "id=x", "double=1s", "delay=2ms", "%", "'", "\n", "after=3"};
	const char *seed = getenv("GCS_TEST_SEED");
	uint64_t r = seed ? strtoull(seed, NULL, 0) : 9345;
	unsigned good = 0;
	(void)state;
	print_message("GCS_TEST_SEED=%llu\n", (unsigned long long)r);
	for (unsigned i = 0; i < 3000; i++) {
		char text[256] = "gc/write:";
		size_t parts = (r = r * UINT64_C(6364136223846793005) + 1442695040888963407) >> 60;
		for (size_t k = 0; k < parts; k++) {
			r = r * UINT64_C(6364136223846793005) + 1442695040888963407;
			strcat(text, part[r >> 60]);
		}
		const struct gcs_override with[] = {{"--fault", text}, {NULL, NULL}};
		struct gcs_scenario *s = NULL;
		char *error = NULL;
		int e = load("", with, &s, &error);
		assert_true(e == 0 ? s != NULL : e == -EINVAL && strstr(error, "--fault:1:"));
		good += e == 0;
		free(error);
		gcs_scenario_destroy(s);
	}
	assert_true(good > 0);
}

/* The same in one word; what it writes as YAML is read again. */
static void test_bound(void **state)
{
	static const struct gcs_override set[] = {
		{GCS_OVERRIDE_FAULT, "gc/write:every=100,while=gc.phase==mark"},
		{GCS_OVERRIDE_FAULT, "gc/map_delete:while=!map.growing && map.b > 3,type=churn element,goroutine=maps/0..0"},
		{NULL, NULL}};
	struct gcs_scenario *s;
	(void)state;
	load("", set, &s, NULL);
	assert_int_equal(s->nfaults, 2);
	assert_string_equal(s->fault[0].condition, "gc.phase==mark");
	assert_int_equal(s->fault[0].program.n, 3);
	assert_int_equal(s->fault[0].every, 100);
	assert_int_equal(s->fault[1].program.n, 6);
	assert_string_equal(s->fault[1].match.type[0], "churn element");
	assert_int_equal(s->fault[1].match.ngoroutines, 1);
	gcs_scenario_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_compact),	       cmocka_unit_test(test_compact_phase),
		cmocka_unit_test(test_compact_errors), cmocka_unit_test(test_compact_bent),
		cmocka_unit_test(test_bound),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
