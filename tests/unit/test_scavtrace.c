/*
 * test_scavtrace.c: the line of scavtrace: as Go 1.19 wrote it, and what a run prints, with MemStats beside it; our own reader of
 * logs knows it.
 */
#include "tests/unit/test_gc_fixture.h"

#include "harness/import/gctrace_log.h"
#include "runtime/gc/gc_priv.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define MIB	((uint64_t)1 << 20)
#define OBJECTS 32u
#define CYCLES	3u
#define PATIENCE_NS INT64_C(60000000000) /* how long a busy machine may take */

static const struct mrt_type byte_type = {.name = "byte", .size = 1};

/* Go 1.19 printed them. */
static void test_lines(void **state)
{
	static const struct {
		struct watch_scav t;
		const char *line;
	} v[] = {
		{{.work = 64768 << 10, .released = 64984 << 10, .inuse = 3 << 20, .retained = 3 << 20},
		 "scav 64768 KiB work, 64984 KiB total, 100% util\n"},
		{{.released = (432 << 10) + 1023, .inuse = 999, .retained = 1000},
		 "scav 0 KiB work, 432 KiB total, 99% util\n"},
		{{.work = 63456 << 10, .released = 66808 << 10, .inuse = 1, .retained = 2, .forced = true},
		 "scav 63456 KiB work, 66808 KiB total, 50% util (forced)\n"},
		{{.work = 0}, "scav 0 KiB work, 0 KiB total, 0% util\n"},
	};
	char line[WATCH_SCAV_LINE_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		assert_int_equal(watch_scav_format(line, sizeof(line), &v[i].t), strlen(v[i].line));
		assert_string_equal(line, v[i].line);
	}
	assert_int_equal(watch_scav_format(line, 8, &v[0].t), 7);
	assert_string_equal(line, "scav 64");
}

/* --------------------------------------------------------------------- in a run */

struct traced {
	uint64_t work, released, util; /* of the last line that is not forced; work: of all */
	uint64_t forced_work, forced_released, forced_util;
	uint32_t lines, forced, other;
	struct mrt_memstats before, after; /* FreeOSMemory */
};

static void trace_body(mrt_g *g, void *arg)
{
	struct traced *t = arg;
	struct mrt_memstats full;
	int64_t until_ns;
	MRT_ROOTS(g, roots, OBJECTS);

	for (uint32_t i = 0; i < OBJECTS; i++)
		GC_TEST_MUST(mrt_new_array(g, &byte_type, MIB, &roots[i]) == 0);
	mrt_memstats_read(g, &full);
	memset(&roots[2], 0, (OBJECTS - 2) * sizeof(roots[0]));
	for (uint32_t i = 0; i < CYCLES; i++)
		mrt_gc(g);
	/* What the background gives back the next line tells, or FreeOSMemory's own cycle. */
	until_ns = mrt_now_ns() + PATIENCE_NS;
	do {
		GC_TEST_MUST(mrt_now_ns() < until_ns);
		mrt_sleep_until(g, mrt_now_ns() + INT64_C(20000000));
		mrt_memstats_read(g, &t->before);
	} while (t->before.heap_released <= full.heap_released);
	mrt_free_os_memory(g);
	mrt_memstats_read(g, &t->after);
}

static void traced_line(struct traced *t, const char *line, size_t n)
{
	struct gcs_gctrace_line read;
	uint64_t work, released, util;
	int end = 0;

	if (sscanf(line, "scav %" SCNu64 " KiB work, %" SCNu64 " KiB total, %" SCNu64 "%% util%n", &work, &released,
		   &util, &end) != 3 ||
	    end == 0) {
		t->other++;
		return;
	}
	assert_int_equal(gcs_gctrace_parse(line, n, &read), GCS_GCTRACE_SCAV);
	assert_int_equal(read.scav.form, GCS_SCAV_WORK);
	assert_int_equal(read.scav.work_kib, work);
	assert_int_equal(read.scav.released_kib, released);
	assert_int_equal(read.scav.util_percent, util);
	assert_int_equal(read.scav.forced, strcmp(line + end, " (forced)") == 0);
	if (strcmp(line + end, " (forced)") == 0) {
		t->forced++;
		t->forced_work = work;
		t->forced_released = released;
		t->forced_util = util;
		return;
	}
	assert_string_equal(line + end, "");
	t->lines++;
	t->work += work;
	t->released = released;
	t->util = util;
}

static void traced_run(bool on, struct traced *t)
{
	struct mrt_options opt = {
		.procs = 1, .gogc = -1, .scavtrace = on, .seed = gc_test_seed(), .heap_reserve = (size_t)1 << 28};
	FILE *file = tmpfile();
	int keep = dup(STDERR_FILENO);
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	*t = (struct traced){0};
	assert_true(file != NULL && keep >= 0);
	fflush(stderr);
	assert_true(dup2(fileno(file), STDERR_FILENO) >= 0);
	n = mrt_run(&opt, trace_body, t);
	dup2(keep, STDERR_FILENO);
	close(keep);
	assert_int_equal(n, 0);
	rewind(file);
	while ((n = getline(&line, &cap, file)) > 0) {
		line[--n] = '\0';
		traced_line(t, line, (size_t)n);
	}
	free(line);
	fclose(file);
}

static uint64_t percent(const struct mrt_memstats *m)
{
	return m->heap_inuse * 100 / (m->heap_sys - m->heap_released);
}

static void test_run(void **state)
{
	struct traced t;

	(void)state;
	traced_run(true, &t);
	assert_int_equal(t.other, 0);
	/* One a cycle, FreeOSMemory's too, and its own. */
	assert_int_equal(t.lines, CYCLES + 1);
	assert_int_equal(t.forced, 1);
	/* With one P nothing goes on between the line and the figures that are read. */
	assert_int_equal(t.forced_released, t.after.heap_released >> 10);
	assert_int_equal(t.forced_util, percent(&t.after));
	assert_int_equal(t.after.heap_idle, t.after.heap_released);
	/* By hand went what was still free and backed, but for what the background gave back meanwhile. */
	assert_true(t.forced_work > 0 && t.released + t.forced_work <= t.forced_released);
	assert_true(t.work > 0 && t.work <= t.released);
	assert_true(t.util > 0 && t.util <= 100 && t.released <= t.forced_released);
}

static void test_off(void **state)
{
	struct traced t;

	(void)state;
	traced_run(false, &t);
	assert_int_equal(t.lines + t.forced + t.other, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_run),
		cmocka_unit_test(test_off),
	};

	return cmocka_run_group_tests(tests, gc_test_setup, NULL);
}
