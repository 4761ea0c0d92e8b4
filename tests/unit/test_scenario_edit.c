/* test_scenario_edit.c: numbers of a fault and rates of workloads changed in mid-run: what holds then, and what is wrong, in the words
 * of who loads scenarios. */
#include "tests/unit/test_scenario_fixture.h"

static const char more[] =
	"  - {id: more, for: 30s}\n"
	"faults:\n"
	"  - {id: oom, point: mem/malloc, when: {phase: storm}, fire: {probability: 2%}, match: {workload: maps, size: 1KiB..}, limit: {times: 7}}\n"
	"  - {id: late, point: netpoll/wake, when: {phase: storm}, fire: {every: 2, delay: 2ms, double: {max: 8ms}}}\n"
	"variants:\n"
	"  - {id: slow, set: {faults.late.fire.delay: 4ms}}\n";

static struct gcs_scenario *edit(const struct gcs_scenario *s, uint32_t fault, const char *before,
				 const char *text)
{
	struct gcs_scenario_error error = {NULL};
	struct gcs_scenario *now = NULL;
	int e = gcs_scenario_edit(&now, s, fault, before, text, &error);
	if (e)
		fail_msg("%s: %d %s", text, e, error.text ? error.text : "");
	return now;
}

static void test_edits(void **state)
{
	struct gcs_scenario *s, *now;
	(void)state;
	load(more, NULL, &s, NULL);
	now = edit(s, 1, NULL, "delay=5ms,every=100");
	assert_int_equal(now->fault[1].delay_ns, 5000000);
	assert_int_equal(now->fault[1].every, 100);
	assert_int_equal(now->fault[1].delay_max_ns, 8000000); /* what is not named stays */
	assert_int_equal(now->fault[1].window[0].start_ns, s->fault[1].window[0].start_ns);
	assert_int_equal(now->fault[0].p_ppb, 20000000); /* the other one too */
	assert_string_equal(now->fault[1].point, "netpoll/wake");
	gcs_scenario_destroy(now);
	now = edit(s, 1, "every=100,jitter=1ms", "delay=9ms,double=none"); /* on top of what was said before */
	assert_int_equal(now->fault[1].every, 100);
	assert_int_equal(now->fault[1].jitter_ns, 1000000);
	assert_int_equal(now->fault[1].delay_ns, 9000000);
	assert_int_equal(now->fault[1].delay_max_ns, 0);
	gcs_scenario_destroy(now);
	now = edit(s, 0, NULL, "probability=none,times=none,size=..64B,error=EAGAIN,burst=3,after=10");
	assert_int_equal(now->fault[0].p_ppb, 0);
	assert_int_equal(now->fault[0].every, 1); /* as if it had not been written */
	assert_int_equal(now->fault[0].times, 0);
	assert_int_equal(now->fault[0].match.size_min, 0);
	assert_int_equal(now->fault[0].match.size_max, 64);
	assert_int_equal(now->fault[0].match.workloads, 1); /* the rest of its section stays */
	assert_int_equal(now->fault[0].err, EAGAIN);
	assert_int_equal(now->fault[0].burst, 3);
	assert_int_equal(now->fault[0].after, 10);
	gcs_scenario_destroy(now);
	now = edit(s, 0, "size=..64B,nth=5", "size=none,nth=none");
	assert_int_equal(now->fault[0].match.size_max, 0);
	assert_int_equal(now->fault[0].nth, 0);
	assert_int_equal(now->fault[0].p_ppb, 20000000);
	gcs_scenario_destroy(now);
	gcs_scenario_destroy(s);
}

/* It is laid over all that the run was made of: variant, --set, --fault, scales. */
static void test_over_everything(void **state)
{
	const struct gcs_override set[] = {{"faults.late.fire.every", "6"},
					   {"--fault", "stw/stop:delay=5ms,manual=true"},
					   {"seed", "4711"}};
	const struct gcs_scenario_options opt = {
		.set = set, .nset = 3, .variant = "slow", .time_scale = "2", .heap_scale = "4"};
	struct gcs_scenario *s, *now;
	(void)state;
	assert_int_equal(load_with(more, &opt, &s, NULL), 0);
	now = edit(s, 1, NULL, "jitter=1ms");
	assert_int_equal(now->fault[1].delay_ns, s->fault[1].delay_ns);
	assert_int_equal(s->fault[1].delay_ns, 4000000);
	assert_int_equal(now->fault[1].every, 6);
	assert_int_equal(now->fault[1].jitter_ns, 1000000);
	assert_int_equal(now->nfaults, 3);
	assert_int_equal(now->seed, 4711);
	assert_int_equal(now->end_ns, s->end_ns);
	assert_int_equal(now->fault[0].match.size_min, s->fault[0].match.size_min);
	gcs_scenario_destroy(now);
	now = edit(s, 2, NULL, "delay=70ms");
	assert_int_equal(now->fault[2].delay_ns, 70000000);
	gcs_scenario_destroy(now);
	gcs_scenario_destroy(s);
}

/* What is wrong points into what was said, and reads as it does of a file. */
static void test_wrong(void **state)
{
	static const struct {
		uint32_t fault;
		const char *text, *error, *more;
	} wrong[] = {
		{1, "delay=5", "edit:1:7: error: 'delay' of fire of fault 'late' cannot be '5'", "the unit is missing"},
		{1, "every=2,delay=2h", "edit:1:15: error: 'delay' of fire of fault 'late' is out of range: 2h", "from 1ns to 1h"},
		{1, "every=0", "'every' of fire of fault 'late' is out of range: 0", "from 1 to"},
		{0, "probability=1.5", "'probability' of fire of fault 'oom' is out of range: 1.5", "from 0 to 1"},
		{0, "probability=0", "fault 'oom' can never fire", "more than 0"},
		{0, "delay=5ms", "'delay' means nothing to the action fail of fault 'oom'", ""},
		{0, "nth=5,after=9", "fault 'oom' can never fire: its nth visit is not after the first 9", ""},
		{1, "delay=none", "fault 'late' delays, but not by how much", "fire: {delay: 5ms}"},
		{1, "delay=9ms", "the delay of fault 'late' is longer than it may become", ""},
		{1, "size=1KiB", "a visit of netpoll/wake (fault 'late') has no size to match", ""},
		{0, "error=EWHAT", "'error' of fire of fault 'oom' cannot be 'EWHAT'", ""},
		{0, "times=-1", "'times' of limit of fault 'oom' cannot be '-1'", "negative numbers mean nothing here"},
		{0, "phase=heal", "'phase' of a fault stands for the whole run", "probability, nth, every"},
		{0, "while=gc.phase == mark", "'while' of a fault stands for the whole run", "size, times"},
		{0, "probabilty=1%", "a fault has no 'probabilty'", "did you mean 'probability'?"},
		{0, "", "a key is missing here", ""},
		{0, "every", "'every' has no value", "key=value"},
		{0, "every=2,every=3", "'every' is given twice", ""},
	};
	struct gcs_scenario *s, *now;
	(void)state;
	load(more, NULL, &s, NULL);
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		struct gcs_scenario_error error = {NULL};
		assert_int_equal(gcs_scenario_edit(&now, s, wrong[i].fault, NULL, wrong[i].text, &error), -EINVAL);
		assert_non_null(error.text);
		if (!strstr(error.text, wrong[i].error) || !strstr(error.text, wrong[i].more))
			fail_msg("'%s' says: %s", wrong[i].text, error.text);
		gcs_scenario_error_fini(&error);
	}
	gcs_scenario_destroy(s);
}

static void rate(const struct gcs_scenario *s, uint32_t w, const char *text, uint64_t want, const char *wrong)
{
	struct gcs_scenario_error error = {NULL};
	struct gcs_scenario *now = NULL;
	int e = gcs_scenario_rerate(&now, s, w, text, &error);
	if (wrong) {
		assert_int_equal(e, -EINVAL);
		if (!strstr(error.text, wrong))
			fail_msg("'%s' says: %s", text, error.text);
	} else {
		assert_int_equal(e, 0);
		assert_int_equal(now->workload[w].rate, want);
		gcs_scenario_destroy(now);
	}
	gcs_scenario_error_fini(&error);
}

static void test_rates(void **state)
{
	const struct gcs_override set[] = {
		{"workload", "[{id: maps, driver: map-churn, rate: 2k/s}, {id: net, driver: echo, rate: 100/s, handler: maps}, "
			     "{id: heap, driver: heap-follow, follow: [{at: 0s, live: 1MiB, alloc: 1MiB/s}]}]"},
		{NULL, NULL}};
	struct gcs_scenario *s;
	(void)state;
	load("", set, &s, NULL);
	rate(s, 0, "500/s", 500, NULL);
	rate(s, 0, "20k/s", 20000, NULL);
	rate(s, 0, "max", 0, NULL); /* a scenario may say so; orders refuse it in mid-run */
	rate(s, 1, "7/s", 7, NULL);
	rate(s, 0, "500", 0, "a rate ends in /s");
	rate(s, 0, "0/s", 0, "rate:1:1: error: 'rate' of workload 'maps' is out of range: 0/s");
	rate(s, 0, "1G/s", 0, "is out of range");
	rate(s, 0, "fast", 0, "'rate' of workload 'maps' cannot be 'fast'");
	rate(s, 1, "max", 0, "echo workload 'net' cannot have the rate max");
	rate(s, 2, "500/s", 0, "the driver heap-follow of workload 'heap' has no 'rate'");
	gcs_scenario_destroy(s);
}

static void joined(const char *before, const char *text, const char *want)
{
	char *now = gcs_scenario_edits(before, text);
	assert_string_equal(now, want);
	free(now);
}

static void test_joined(void **state)
{
	(void)state;
	joined(NULL, "every=2", "every=2");
	joined("", "every=2", "every=2");
	joined("every=2", "every=3", "every=3");
	joined("every=2,delay=5ms", "delay=6ms,times=4", "every=2,delay=6ms,times=4");
	joined("nth=2,every=none,delay=5ms", "every=7", "nth=2,delay=5ms,every=7");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_edits), cmocka_unit_test(test_over_everything), cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_rates), cmocka_unit_test(test_joined),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
