/*
 * test_sweep_run.c: each class of a sweep's outcomes by a simulated target that really takes its
 * failure so: the target itself, with a saboteur, and with a driver that is wrong (crooked.c).
 */
#include "harness/base/paths.h"
#include "harness/sweep/sweep.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE_NS INT64_C(3000000000)

static const char text_of_scenario[] =
	"version: 1\n"
	"name: %s\n"
	"target: {procs: 2, gogc: 50, heap_reserve: 64MiB, stress: {gc_every: 20, clobber: true}}\n"
	"workload:\n"
	"  - {id: %s, driver: map-churn, workers: 2, rate: 3k/s, keys: 820, value: ptr, value_bytes: 256B, mix: {insert: 65, delete: 35}}\n"
	"phases:\n"
	"  - {id: work, for: 100ms}\n";

struct trial {
	struct gcs_scenario *scenario;
	struct gcs_sweep_options opt;
	struct gcs_sweep_facts facts;
	enum gcs_sweep_class what;
	char text[400];
};

static void use_target(const char *name)
{
	const char *build = getenv("GCSTORM_BUILD");
	char path[GCS_PATH_BYTES];
	snprintf(path, sizeof path, "%s/%s", build && *build ? build : ".", name);
	setenv("GCSTORM_TARGET", path, 1);
}

static void trial_init(struct trial *t, const char *id, const char *point)
{
	char path[] = "/tmp/test_sweep_run.XXXXXX";
	struct gcs_scenario_error error;
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_true(dprintf(fd, text_of_scenario, id, id) > 0);
	close(fd);
	*t = (struct trial){.what = GCS_SWEEP_CLASSES};
	assert_int_equal(gcs_scenario_load(&t->scenario, path, NULL, 0, &error), 0);
	unlink(path);
	t->opt = (struct gcs_sweep_options){
		.scenario = t->scenario,
		.point = gcs_point_by_name(point),
		.sim = true,
		.patience_ns = PATIENCE_NS,
		.run = gcs_sweep_run,
	};
	assert_non_null(t->opt.point);
}

static enum gcs_exit trial_one(struct trial *t, uint64_t visit)
{
	enum gcs_exit code = gcs_sweep_one(&t->opt, visit, &t->facts, &t->what, t->text, sizeof t->text);
	printf("%s, visit %" PRIu64 ": exit %d, %s: %s%s\n", t->scenario->name, visit, (int)code,
	       t->what < GCS_SWEEP_CLASSES ? gcs_sweep_class_name(t->what) : "no class", t->facts.words,
	       t->text);
	return code;
}

static void trial_fini(struct trial *t)
{
	gcs_scenario_destroy(t->scenario);
}

/* A driver that takes the fifth failed allocation so. */
static void expect_crooked(const char *how, enum gcs_sweep_class want)
{
	struct trial t;
	use_target("tests/crooked-target");
	trial_init(&t, how, "mem/malloc");
	assert_int_equal(trial_one(&t, 5), gcs_sweep_class_fails(want) ? GCS_EXIT_FAIL : GCS_EXIT_PASS);
	assert_string_equal(gcs_sweep_class_name(t.what), gcs_sweep_class_name(want));
	if (t.facts.done)
		assert_int_equal(t.facts.fired, 1);
	trial_fini(&t);
}

static void an_honest_driver_is_clean(void **state)
{
	(void)state;
	expect_crooked("honest", GCS_SWEEP_CLEAN);
}

static void a_swallowed_failure_is_found(void **state)
{
	(void)state;
	expect_crooked("swallow", GCS_SWEEP_SWALLOWED);
}

static void another_error_is_found(void **state)
{
	(void)state;
	expect_crooked("mistranslate", GCS_SWEEP_MISTRANSLATED);
}

static void errors_without_a_fault_are_found(void **state)
{
	(void)state;
	expect_crooked("sulk", GCS_SWEEP_PARTIAL);
}

static void a_leak_is_found(void **state)
{
	(void)state;
	expect_crooked("leak", GCS_SWEEP_LEAK);
}

static void a_hang_is_found(void **state)
{
	(void)state;
	expect_crooked("hang", GCS_SWEEP_HANG);
}

static void a_crash_is_found(void **state)
{
	(void)state;
	expect_crooked("crash", GCS_SWEEP_CRASH);
}

static void a_throw_that_nobody_wants_is_found(void **state)
{
	(void)state;
	expect_crooked("throw", GCS_SWEEP_THROW_WRONG);
}

/* The collection that follows brings the memory. */
static void a_masked_failure_is_seen(void **state)
{
	struct trial t;
	(void)state;
	use_target("gcstorm-target-sim");
	trial_init(&t, "honest", "mem/refill");
	assert_int_equal(trial_one(&t, 5), GCS_EXIT_PASS);
	assert_int_equal(t.what, GCS_SWEEP_MASKED);
	trial_fini(&t);
}

/* With the policy `throw` the runtime ends with Go's words, and that is what was asked for. */
static void a_throw_that_is_wanted_is_seen(void **state)
{
	struct trial t;
	(void)state;
	use_target("gcstorm-target-sim");
	trial_init(&t, "honest", "mem/refill");
	free(t.scenario->oom);
	t.scenario->oom = strdup("throw");
	assert_non_null(t.scenario->oom);
	assert_int_equal(trial_one(&t, 5), GCS_EXIT_PASS);
	assert_int_equal(t.what, GCS_SWEEP_THROW);
	assert_non_null(strstr(t.facts.words, "out of memory"));
	trial_fini(&t);
}

/* A map that loses a bucket: its contents tell. Where a loss does no harm, nothing is found. */
static void a_broken_runtime_is_found(void **state)
{
	struct trial t;
	(void)state;
	use_target("gcstorm-target-sim");
	trial_init(&t, "honest", "sabotage/lost_bucket");
	assert_int_equal(trial_one(&t, 5), GCS_EXIT_FAIL);
	assert_int_equal(t.what, GCS_SWEEP_PARTIAL);
	assert_true(t.facts.integrity > 0);
	trial_fini(&t);
}

/* Several points by a pattern: each has its own verdict and state, the worst is the whole's. */
static void a_pattern_means_several_points(void **state)
{
	char dir[] = "/tmp/test_sweep_run.XXXXXX", file[64];
	struct gcs_sweeps *all = calloc(1, sizeof *all);
	struct trial t;
	(void)state;
	assert_non_null(all);
	assert_non_null(mkdtemp(dir));
	snprintf(file, sizeof file, "%s/state", dir);
	use_target("gcstorm-target-sim");
	trial_init(&t, "honest", "mem/malloc");
	t.opt.limit = 2;
	t.opt.state = file;
	assert_int_equal(gcs_sweep_match(all, "os/*", true), 0);
	assert_int_equal(gcs_sweep_match(all, "mem/malloc", true), 0);
	assert_true(gcs_sweep_match(all, "*", true) > 6);
	for (uint32_t i = 0; i < all->n; i++)
		assert_false(gcs_point_sabotages(all->entry[i].point));
	assert_int_equal(gcs_sweep_match(all, "mem/ma*", true), 1);
	assert_int_equal(gcs_sweep_many(all, &t.opt), GCS_EXIT_PASS);
	assert_int_equal(all->entry[0].sweep->position, 2);
	gcs_sweeps_fini(all);
	assert_true(gcs_sweep_match(all, "mem/*", true) >= 6);
	assert_int_equal(gcs_sweep_many(all, &t.opt), GCS_EXIT_INCONCLUSIVE);
	gcs_sweeps_fini(all);
	assert_int_equal(gcs_sweep_match(all, "sabotage/lost*", true), 1);
	assert_int_equal(gcs_sweep_many(all, &t.opt), GCS_EXIT_FAIL);
	gcs_sweeps_fini(all);
	snprintf(file, sizeof file, "%s/state.mem-malloc", dir);
	assert_int_equal(access(file, R_OK), 0);
	snprintf(file, sizeof file, "rm -r '%s'", dir);
	assert_int_equal(system(file), 0);
	trial_fini(&t);
	free(all);
}

/* A whole sweep of a wrong driver: each visit fails, and each is swallowed; the call stacks come first. */
static void a_whole_sweep_names_the_visits(void **state)
{
	struct gcs_sweep *s = calloc(1, sizeof *s);
	struct trial t;
	(void)state;
	assert_non_null(s);
	use_target("tests/crooked-target");
	trial_init(&t, "swallow", "mem/malloc");
	t.opt.limit = 4;
	assert_int_equal(gcs_sweep(s, &t.opt, t.text, sizeof t.text), GCS_EXIT_FAIL);
	assert_int_equal(s->nfailures, 4);
	assert_true(s->stacks.n >= 2);
	assert_int_equal(s->stacks.first[0], 1);
	for (uint32_t i = 0; i < 4 && i < s->stacks.n; i++)
		assert_int_equal(s->failure[i].visit, s->stacks.first[i]);
	free(s);
	trial_fini(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_honest_driver_is_clean),
		cmocka_unit_test(a_swallowed_failure_is_found),
		cmocka_unit_test(another_error_is_found),
		cmocka_unit_test(errors_without_a_fault_are_found),
		cmocka_unit_test(a_leak_is_found),
		cmocka_unit_test(a_hang_is_found),
		cmocka_unit_test(a_crash_is_found),
		cmocka_unit_test(a_throw_that_nobody_wants_is_found),
		cmocka_unit_test(a_masked_failure_is_seen),
		cmocka_unit_test(a_throw_that_is_wanted_is_seen),
		cmocka_unit_test(a_broken_runtime_is_found),
		cmocka_unit_test(a_whole_sweep_names_the_visits),
		cmocka_unit_test(a_pattern_means_several_points),
	};
	if (!GCS_FAULTS) {
		puts("no faults in this build");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
