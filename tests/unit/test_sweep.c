/* test_sweep.c: the order of a sweep, its classes, its state, on a runner that makes facts up. */
#include "harness/sweep/sweep.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define LIVE  1000
#define EXIT2 (2 << 8) /* wait status */

/* A program of `visits` visits; what happens at one is the test's to say. */
struct fake {
	uint64_t visits;
	struct gcs_sweep_facts at[64]; /* by visit; of one not set: it is told, all holds */
	uint64_t runs, asked[256];
	uint64_t stop_after; /* interrupt after so many runs, 0: never */
	volatile sig_atomic_t interrupted;
	struct gcs_sweep_facts prime;
	uint32_t nfirst; /* call stacks that the prime tells */
	uint64_t first[8];
};

static int fake_run(const struct gcs_sweep_options *opt, uint64_t visit, int64_t deadline_ns,
		    struct gcs_sweep_facts *ret)
{
	struct fake *f = opt->self;
	assert_true(deadline_ns > 0);
	f->asked[f->runs++ % 256] = visit;
	if (f->stop_after && f->runs == f->stop_after)
		f->interrupted = SIGINT;
	if (visit == GCS_SWEEP_NO_VISIT) {
		*ret = f->prime;
		if (opt->stacks) {
			opt->stacks->n = f->nfirst;
			memcpy(opt->stacks->first, f->first, sizeof f->first);
		}
	} else if (visit > f->visits) {
		*ret = f->prime;
		ret->fired = 0;
	} else if (f->at[visit].started) {
		*ret = f->at[visit];
	} else {
		*ret = f->prime;
		ret->fired = ret->errors = 1;
		ret->phase = visit % 2;
	}
	return 0;
}

struct rig {
	struct gcs_scenario scenario;
	struct fake fake;
	struct gcs_sweep_options opt;
	struct gcs_sweep sweep;
	char text[400], oom[8], rounding[8], name[8];
};

static struct rig *rig_of(uint64_t visits)
{
	struct rig *r = calloc(1, sizeof *r);
	assert_non_null(r);
	strcpy(r->oom, "return");
	strcpy(r->name, "fake");
	r->scenario.oom = r->oom;
	r->scenario.rounding = strcpy(r->rounding, "1.19");
	r->scenario.name = r->name;
	r->scenario.end_ns = 1000;
	r->fake.visits = visits;
	r->fake.prime = (struct gcs_sweep_facts){.done = true,
						 .started = true,
						 .eligible = visits,
						 .live_bytes = LIVE,
						 .live_objects = 1};
	r->opt = (struct gcs_sweep_options){.scenario = &r->scenario,
					    .point = gcs_point_by_name("mem/malloc"),
					    .sim = true,
					    .interrupted = &r->fake.interrupted,
					    .run = fake_run,
					    .self = &r->fake};
	return r;
}

static enum gcs_exit rig_sweep(struct rig *r)
{
	return gcs_sweep(&r->sweep, &r->opt, r->text, sizeof r->text);
}

/* ---- order */

static void each_visit_comes_once(void **state)
{
	(void)state;
	for (uint64_t count = 1; count <= 300; count++) {
		bool seen[301] = {false};
		for (uint64_t i = 0; i < count; i++) {
			uint64_t v = gcs_sweep_visit_at(count, i);
			assert_in_range(v, 1, count);
			assert_false(seen[v]);
			seen[v] = true;
		}
	}
}

/* After a few, no stretch of the run is without one. */
static void early_visits_are_spread(void **state)
{
	(void)state;
	const uint64_t count = 100000, tried = 64;
	bool eighth[8] = {false};
	for (uint64_t i = 0; i < tried; i++)
		eighth[(gcs_sweep_visit_at(count, i) - 1) * 8 / count] = true;
	for (int i = 0; i < 8; i++)
		assert_true(eighth[i]);
	assert_int_equal(gcs_sweep_visit_at(count, 0), 1);
}

/* The first visit of each call stack comes before all others, and none comes twice. */
static void call_stacks_come_first(void **state)
{
	(void)state;
	struct rig *r = rig_of(20);
	bool seen[22] = {false};
	r->fake.nfirst = 4;
	memcpy(r->fake.first, (uint64_t[]){1, 3, 11, 20}, 4 * sizeof(uint64_t));
	assert_int_equal(rig_sweep(r), GCS_EXIT_PASS);
	assert_int_equal(r->fake.runs, 22);
	for (int i = 0; i < 4; i++)
		assert_int_equal(r->fake.asked[1 + i], r->fake.first[i]);
	for (int i = 1; i <= 21; i++) {
		assert_in_range(r->fake.asked[i], 1, 21);
		assert_false(seen[r->fake.asked[i]]);
		seen[r->fake.asked[i]] = true;
	}
	free(r);
}

/* What makes no sense is left alone: one pass, and each visit once. */
static void nonsense_stacks_are_left_out(void **state)
{
	(void)state;
	static const uint64_t bad[][2] = {{3, 3}, {5, 4}, {0, 1}, {1, 21}};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct rig *r = rig_of(20);
		r->fake.nfirst = 2;
		memcpy(r->fake.first, bad[i], sizeof bad[i]);
		assert_int_equal(rig_sweep(r), GCS_EXIT_PASS);
		assert_int_equal(r->sweep.stacks.n, 0);
		assert_int_equal(r->fake.runs, 22);
		free(r);
	}
}

/* ---- classes */

static struct gcs_sweep_facts facts_of(const struct rig *r)
{
	struct gcs_sweep_facts f = r->fake.prime;
	f.fired = f.errors = 1;
	return f;
}

static void assert_class(struct rig *r, struct gcs_sweep_facts f, enum gcs_sweep_class want)
{
	assert_string_equal(gcs_sweep_class_name(gcs_sweep_judge(&r->opt, &r->fake.prime, &f)),
			    gcs_sweep_class_name(want));
}

static void runs_that_end_are_judged(void **state)
{
	(void)state;
	struct rig *r = rig_of(1);
	struct gcs_sweep_facts f = facts_of(r);
	assert_class(r, f, GCS_SWEEP_CLEAN);
	f.errors = 0;
	assert_class(r, f, GCS_SWEEP_SWALLOWED);
	f.masked = 1;
	assert_class(r, f, GCS_SWEEP_MASKED);
	f.fired = f.masked = 0;
	assert_class(r, f, GCS_SWEEP_NOT_REACHED);
	f = facts_of(r);
	f.other_errno = EIO;
	assert_class(r, f, GCS_SWEEP_MISTRANSLATED);
	f = facts_of(r);
	f.live_bytes += 16;
	assert_class(r, f, GCS_SWEEP_LEAK);
	f = facts_of(r);
	f.live_objects--;
	assert_class(r, f, GCS_SWEEP_LEAK);
	f.integrity = 1; /* worse than the leak that it brings */
	assert_class(r, f, GCS_SWEEP_PARTIAL);
	f = facts_of(r);
	f.errors_late = 1;
	assert_class(r, f, GCS_SWEEP_PARTIAL);
	r->opt.point = gcs_point_by_name("gc/write");
	f = facts_of(r);
	f.errors = 0;
	assert_class(r, f, GCS_SWEEP_CLEAN);
	free(r);
}

static void deaths_are_judged(void **state)
{
	(void)state;
	struct rig *r = rig_of(1);
	struct gcs_sweep_facts f = {.started = true, .fired = 1, .status = SIGSEGV};
	assert_class(r, f, GCS_SWEEP_CRASH);
	f.status = 1 << 8;
	assert_class(r, f, GCS_SWEEP_CRASH);
	f.hung = true;
	f.status = SIGKILL;
	assert_class(r, f, GCS_SWEEP_HANG);
	f = (struct gcs_sweep_facts){.started = true, .fired = 1, .status = EXIT2};
	strcpy(f.words, "fatal error: out of memory");
	assert_class(r, f, GCS_SWEEP_THROW_WRONG); /* the policy is to return */
	strcpy(r->oom, "throw");
	assert_class(r, f, GCS_SWEEP_THROW);
	strcpy(f.words, "fatal error: newosproc");
	assert_class(r, f, GCS_SWEEP_THROW);
	strcpy(f.words, "fatal error: out of memory, it seems");
	assert_class(r, f, GCS_SWEEP_THROW_WRONG);
	strcpy(f.words, "fatal error: found bad pointer");
	assert_class(r, f, GCS_SWEEP_THROW_WRONG);
	strcpy(f.words, "fatal error: out of memory");
	f.fired = 0; /* not for our sake */
	assert_class(r, f, GCS_SWEEP_THROW_WRONG);
	free(r);
}

/* ---- sweeps */

static void a_clean_sweep_passes(void **state)
{
	(void)state;
	struct rig *r = rig_of(20);
	assert_int_equal(rig_sweep(r), GCS_EXIT_PASS);
	assert_int_equal(r->fake.runs, 22); /* prime, visits, one beyond */
	assert_int_equal(r->fake.asked[21], 21);
	assert_int_equal(r->sweep.table[GCS_SWEEP_CLEAN][GCS_SWEEP_OFF], 10);
	assert_int_equal(r->sweep.table[GCS_SWEEP_CLEAN][GCS_SWEEP_MARK], 10);
	assert_true(r->sweep.closed);
	free(r);
}

static void a_failure_is_kept(void **state)
{
	(void)state;
	struct rig *r = rig_of(20);
	r->fake.at[7] = facts_of(r);
	r->fake.at[7].live_bytes = LIVE + 48;
	r->fake.at[7].phase = GCS_SWEEP_TERMINATION;
	assert_int_equal(rig_sweep(r), GCS_EXIT_FAIL);
	assert_int_equal(r->sweep.nfailures, 1);
	assert_int_equal(r->sweep.failure[0].visit, 7);
	assert_int_equal(r->sweep.failure[0].what, GCS_SWEEP_LEAK);
	assert_non_null(strstr(r->sweep.failure[0].words, "1048 bytes"));
	assert_int_equal(r->sweep.table[GCS_SWEEP_LEAK][GCS_SWEEP_TERMINATION], 1);
	free(r);
}

static void nothing_learnt_is_inconclusive(void **state)
{
	(void)state;
	struct rig *r = rig_of(0);
	assert_int_equal(rig_sweep(r), GCS_EXIT_INCONCLUSIVE);
	assert_int_equal(r->fake.runs, 1);
	free(r);
	r = rig_of(3);
	for (int i = 1; i <= 3; i++) {
		r->fake.at[i] = facts_of(r);
		r->fake.at[i].errors = 0;
		r->fake.at[i].masked = 1;
	}
	assert_int_equal(rig_sweep(r), GCS_EXIT_INCONCLUSIVE);
	r->fake.at[2].errors = 1; /* one got through */
	assert_int_equal(rig_sweep(r), GCS_EXIT_PASS);
	r->fake.prime.errors = 1; /* it fails by itself */
	assert_int_equal(rig_sweep(r), GCS_EXIT_INCONCLUSIVE);
	r->fake.prime.errors = 0;
	r->fake.prime.done = false;
	assert_int_equal(rig_sweep(r), GCS_EXIT_CRASH);
	free(r);
}

static void a_firing_beyond_the_last_visit_is_judged(void **state)
{
	(void)state;
	struct rig *r = rig_of(5);
	r->fake.visits = 6; /* the prime counted one too few */
	r->fake.prime.eligible = 5;
	r->fake.at[6] = facts_of(r);
	r->fake.at[6].errors = 0;
	assert_int_equal(rig_sweep(r), GCS_EXIT_FAIL);
	assert_int_equal(r->sweep.failure[0].what, GCS_SWEEP_SWALLOWED);
	assert_int_equal(r->fake.asked[6], 6);
	assert_int_equal(r->fake.asked[7], 7); /* there nothing fires, and it ends */
	assert_int_equal(r->fake.runs, 8);
	free(r);
}

static void a_limit_holds(void **state)
{
	(void)state;
	struct rig *r = rig_of(20);
	r->opt.limit = 6;
	assert_int_equal(rig_sweep(r), GCS_EXIT_PASS);
	assert_int_equal(r->fake.runs, 7);
	assert_int_equal(r->sweep.position, 6);
	assert_false(r->sweep.closed);
	free(r);
}

static void an_interrupted_sweep_goes_on(void **state)
{
	(void)state;
	char path[] = "/tmp/test_sweep.XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	unlink(path);
	struct rig *r = rig_of(20), *whole = rig_of(20);
	r->fake.nfirst = whole->fake.nfirst = 2;
	r->fake.first[0] = whole->fake.first[0] = 2;
	r->fake.first[1] = whole->fake.first[1] = 9;
	r->fake.at[3] = facts_of(r);
	r->fake.at[3].integrity = 2;
	whole->fake.at[3] = r->fake.at[3];
	r->opt.state = path;
	r->fake.stop_after = 15; /* the third visit is among them */
	assert_int_equal(rig_sweep(r), GCS_EXIT_INT);
	assert_int_equal(r->sweep.position, 14);
	r->fake.stop_after = r->fake.runs = 0;
	r->fake.interrupted = 0;
	assert_int_equal(rig_sweep(r), GCS_EXIT_FAIL);
	assert_int_equal(r->fake.runs, 1 + 6 + 1);
	assert_int_equal(rig_sweep(whole), GCS_EXIT_FAIL);
	assert_memory_equal(r->sweep.table, whole->sweep.table, sizeof whole->sweep.table);
	assert_int_equal(r->sweep.nfailures, 1);
	assert_string_equal(r->sweep.failure[0].words, whole->sweep.failure[0].words);
	/* Another sweep's state is refused, and left as it is. */
	r->opt.persistent = true;
	assert_int_equal(rig_sweep(r), GCS_EXIT_USAGE);
	r->opt.persistent = false;
	r->fake.prime.eligible = 19;
	assert_int_equal(rig_sweep(r), GCS_EXIT_USAGE);
	r->fake.prime.eligible = 20;
	r->fake.first[1] = 10;
	assert_int_equal(rig_sweep(r), GCS_EXIT_USAGE);
	struct gcs_sweep read = {0};
	assert_int_equal(gcs_sweep_load(&read, path), 0);
	assert_int_equal(read.position, 20);
	unlink(path);
	free(r);
	free(whole);
}

static void a_broken_state_is_refused(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"", "{}", "[1]", "{\"what\":\"gcstorm sweep\",\"version\":1",
		"{\"what\":\"gcstorm sweep\",\"version\":2,\"identity\":1,\"count\":2,\"position\":"
		"3,\"closed\":false,\"table\":[],\"stacks\":[],\"failures\":[]}",
		"{\"what\":\"gcstorm sweep\",\"version\":2,\"identity\":1,\"count\":2,\"position\":"
		"1,\"closed\":false,\"table\":[1,2],\"stacks\":[],\"failures\":[]}"};
	char path[] = "/tmp/test_sweep.XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct gcs_sweep s = {.position = 77};
		size_t len = strlen(texts[i]);
		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(pwrite(fd, texts[i], len, 0), (ssize_t)len);
		assert_int_equal(gcs_sweep_load(&s, path), -EINVAL);
		assert_int_equal(s.position, 77);
	}
	close(fd);
	unlink(path);
	struct gcs_sweep s = {0};
	assert_int_equal(gcs_sweep_load(&s, path), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_visit_comes_once),
		cmocka_unit_test(early_visits_are_spread),
		cmocka_unit_test(call_stacks_come_first),
		cmocka_unit_test(nonsense_stacks_are_left_out),
		cmocka_unit_test(runs_that_end_are_judged),
		cmocka_unit_test(deaths_are_judged),
		cmocka_unit_test(a_clean_sweep_passes),
		cmocka_unit_test(a_failure_is_kept),
		cmocka_unit_test(nothing_learnt_is_inconclusive),
		cmocka_unit_test(a_firing_beyond_the_last_visit_is_judged),
		cmocka_unit_test(a_limit_holds),
		cmocka_unit_test(an_interrupted_sweep_goes_on),
		cmocka_unit_test(a_broken_state_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
