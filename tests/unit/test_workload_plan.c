/* The plan, the sizes, the model: what the drivers stand on, without a runtime. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "workloads/dist.h"
#include "workloads/model.h"
#include "workloads/plan.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t test_seed = 1;

static uint64_t test_random(void)
{
	uint64_t x = test_seed += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* The line of docs/control-protocol.md, widened to three workloads. */
static const char good[] =
	"{\"cmd\":\"load\",\"version\":1,"
	"\"runtime\":{\"procs\":2,\"gogc\":100,\"memlimit\":0,\"seed\":9345,\"oom\":\"return\","
	"\"gc_every\":0,"
	"\"clobber\":false,\"check_edges\":false,\"gctrace\":true,\"heap_reserve\":0},"
	"\"end_ns\":40000000000,"
	"\"phases\":[{\"id\":\"warmup\",\"start_ns\":0,\"end_ns\":4000000000}],"
	"\"workloads\":[{\"id\":\"maps\",\"driver\":\"map-churn\",\"workers\":2,\"rate\":100000,"
	"\"keys\":200000,"
	"\"value\":\"ptr\",\"value_bytes\":32,\"mix\":{\"insert\":50,\"delete\":50,\"lookup\":0},"
	"\"size\":{\"dist\":\"zipf\",\"min\":64,\"max\":8388608,\"s_milli\":1200},\"conns\":0,"
	"\"handler\":\"\","
	"\"retain\":0,\"follow\":[]},"
	"{\"id\":\"net\",\"driver\":\"echo\",\"workers\":1,\"rate\":5000,\"conns\":64,\"handler\":"
	"\"maps\"},"
	"{\"id\":\"slices\",\"driver\":\"slice-append\",\"workers\":3,\"rate\":20000,\"retain\":"
	"1048576}],"
	"\"faults\":[{\"id\":\"oom\",\"point\":\"mem/"
	"malloc\",\"action\":\"fail\",\"errno\":12,\"p_ppb\":20000000,"
	"\"nth\":0,\"every\":0,\"times\":500,\"delay_ns\":0,\"jitter_ns\":0,"
	"\"burst\":3,\"after\":9,\"delay_max_ns\":0,\"size_min\":1024,\"size_max\":8192,\"match_workloads\":5,"
	"\"windows\":[[10000000000,15000000000],[20000000000,21000000000]]}]}";

static void test_plan_good(void **state)
{
	struct plan *p = NULL;
	char text[256] = "";

	(void)state;
	assert_int_equal(plan_parse(&p, good, text, sizeof(text)), 0);
	assert_int_equal(p->runtime.procs, 2);
	assert_int_equal(p->runtime.seed, 9345);
	assert_true(p->runtime.gctrace);
	assert_int_equal(p->runtime.pacer, MRT_PACER_1_21);
	assert_false(p->runtime.pacertrace);
	assert_int_equal(p->end_ns, 40000000000);
	assert_int_equal(p->nworkloads, 3);
	assert_int_equal(p->workload[1].handler, 0);
	assert_int_equal(p->workload[1].workers, 0);
	assert_int_equal(p->workload[1].first_fd, 5);
	assert_int_equal(p->workload[0].first_id, 128);
	assert_int_equal(p->workload[1].first_id, 130);
	assert_int_equal(p->workload[2].first_id, 194);
	assert_int_equal(p->workload[1].first_slot, 2);
	assert_int_equal(p->workload[2].first_slot, 3);
	assert_int_equal(p->nslots, 6);
	assert_int_equal(p->nworkers, 69);
	assert_int_equal(p->workload[0].size.dist, PLAN_DIST_ZIPF);
	assert_int_equal(p->workload[0].key, PLAN_KEY_U64);
	assert_int_equal(p->spec[0].point, GCS_POINT_mem_malloc);
	assert_int_equal(p->spec[0].times, 500);
	assert_int_equal(p->spec[0].burst, 3);
	assert_int_equal(p->spec[0].after, 9);
	assert_int_equal(p->spec[0].size_min, 1024);
	assert_int_equal(p->spec[0].size_max, 8192);
	assert_int_equal(p->spec[0].workloads, 5);
	assert_int_equal(p->fault[0].nwindows, 2);
	assert_int_equal(p->fault[0].window[1].start_ns, 20000000000);
	plan_destroy(p);
}

/* good with `from` replaced by `to`. */
static char *mutate(const char *from, const char *to)
{
	const char *at = strstr(good, from);
	size_t len = sizeof(good) + strlen(to);
	char *line = malloc(len);

	assert_non_null(at);
	assert_non_null(line);
	snprintf(line, len, "%.*s%s%s", (int)(at - good), good, to, at + strlen(from));
	return line;
}

/* What a plan says of the sizes of arrays; nothing: as Go 1.19. */
static void test_plan_rounding(void **state)
{
	static const struct {
		const char *to;
		enum mrt_rounding want;
	} row[] = {{"\"oom\":\"return\"", MRT_ROUNDING_1_19},
		   {"\"oom\":\"return\",\"rounding\":\"1.19\"", MRT_ROUNDING_1_19},
		   {"\"oom\":\"return\",\"rounding\":\"1.22\"", MRT_ROUNDING_1_22}};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		char *line = mutate("\"oom\":\"return\"", row[i].to), text[256] = "";
		struct plan *p = NULL;

		assert_int_equal(plan_parse(&p, line, text, sizeof(text)), 0);
		assert_int_equal(p->runtime.rounding, row[i].want);
		plan_destroy(p);
		free(line);
	}
}

static void test_plan_keys(void **state)
{
	static const char *const word[] = {[PLAN_KEY_U64] = "u64",
					   [PLAN_KEY_U32] = "u32",
					   [PLAN_KEY_STRING] = "string",
					   [PLAN_KEY_BYTES32] = "bytes32"};
	struct plan *p = NULL;
	char text[256] = "", with[64];

	(void)state;
	for (uint32_t i = 0; i < sizeof(word) / sizeof(word[0]); i++) {
		snprintf(with, sizeof(with), "\"key\":\"%s\",\"value\":\"ptr\"", word[i]);
		char *line = mutate("\"value\":\"ptr\"", with);

		assert_int_equal(plan_parse(&p, line, text, sizeof(text)), 0);
		assert_int_equal(p->workload[0].key, i);
		plan_destroy(p);
		free(line);
	}
}

/* The third workload follows a curve. */
static void test_plan_follow(void **state)
{
	static const char *const bad[] = {
		"[]", /* nothing to follow is for the driver to refuse */
		"[[1,0,0,0,false]]",
		"[[0,0,0,0,false],[2,0,0,0,false],[1,0,0,0,false]]",
		"[[0,0,0,0]]",
		"[[0,-1,0,0,false]]",
		"[[0,0,-1,0,false]]",
		"[[0,0,1099511627777,0,false]]",
		"[[0,0,0,-2,false]]",
		"[[0,0,0,0,1]]",
		"{}",
		"7",
	};
	struct plan *p = NULL;
	char text[256] = "", with[512];
	char *line = mutate("\"rate\":20000,", "\"rate\":0,\"follow\":[[0,104857600,52428800,100,"
						"false],[5000000000,1048576,0,-1,true],[5000000000,0,0,0,"
						"false]],");

	(void)state;
	assert_int_equal(plan_parse(&p, line, text, sizeof(text)), 0);
	free(line);
	assert_int_equal(p->workload[0].nfollow, 0);
	assert_int_equal(p->workload[2].nfollow, 3);
	assert_int_equal(p->workload[2].follow[0].live, 104857600);
	assert_int_equal(p->workload[2].follow[0].alloc_per_s, 52428800);
	assert_int_equal(p->workload[2].follow[0].gogc, 100);
	assert_int_equal(p->workload[2].follow[1].at_ns, 5000000000);
	assert_int_equal(p->workload[2].follow[1].gogc, -1);
	assert_true(p->workload[2].follow[1].forced);
	assert_false(p->workload[2].follow[2].forced);
	plan_destroy(p);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(with, sizeof(with), "\"rate\":0,\"follow\":%s,", bad[i]);
		line = mutate("\"rate\":20000,", with);
		p = NULL;
		text[0] = '\0';
		assert_int_equal(plan_parse(&p, line, text, sizeof(text)), i == 0 ? 0 : -EINVAL);
		assert_true(i == 0 || strstr(text, "follow") != NULL);
		plan_destroy(p);
		free(line);
	}
	/* A handler operates by the clock of its connections, not by the curve's. */
	line = mutate("\"retain\":0,\"follow\":[]", "\"retain\":0,\"follow\":[[0,0,0,0,false]]");
	p = NULL;
	assert_int_equal(plan_parse(&p, line, text, sizeof(text)), -EINVAL);
	assert_non_null(strstr(text, "handler"));
	free(line);
}

static void test_plan_pacer(void **state)
{
	static const struct {
		const char *keys, *refusal;
		enum mrt_pacer pacer;
		bool trace, scavtrace;
	} rows[] = {
		{"\"pacer\":\"1.21\",", NULL, MRT_PACER_1_21, false, false},
		{"\"pacer\":\"1.19\",\"gcpacertrace\":true,", NULL, MRT_PACER_1_19, true, false},
		{"\"scavtrace\":true,", NULL, MRT_PACER_1_21, false, true},
		{"\"pacer\":\"1.2\",", "pacer must be 1.19 or 1.21", 0, false, false},
		{"\"pacer\":1.19,", "runtime: ", 0, false, false},
		{"\"gcpacertrace\":1,", "runtime: ", 0, false, false},
		{"\"scavtrace\":1,", "runtime: ", 0, false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char with[128], text[256] = "", *line;
		struct plan *p = NULL;
		int r;

		snprintf(with, sizeof(with), "%s\"clobber\":", rows[i].keys);
		line = mutate("\"clobber\":", with);
		r = plan_parse(&p, line, text, sizeof(text));
		free(line);
		if (rows[i].refusal != NULL) {
			assert_int_equal(r, -EINVAL);
			assert_non_null(strstr(text, rows[i].refusal));
			continue;
		}
		assert_int_equal(r, 0);
		assert_int_equal(p->runtime.pacer, rows[i].pacer);
		assert_int_equal(p->runtime.pacertrace, rows[i].trace);
		assert_int_equal(p->runtime.scavtrace, rows[i].scavtrace);
		plan_destroy(p);
	}
}

/* The profile's descriptor lies behind the 64 connections; a simulated target has none of them. */
static void test_plan_heap_profile(void **state)
{
	char text[256] = "", *line;
	struct plan *p = NULL;

	(void)state;
	assert_int_equal(plan_parse(&p, good, text, sizeof(text)), 0);
	assert_int_equal(p->runtime.heap_profile_rate, 0);
	plan_destroy(p);
	line = mutate("\"clobber\":", "\"heap_profile_rate\":524288,\"clobber\":");
	assert_int_equal(plan_parse(&p, line, text, sizeof(text)), 0);
	assert_int_equal(p->runtime.heap_profile_rate, 524288);
	assert_int_equal(plan_profile_fd(p, false), 5 + 64);
	assert_int_equal(plan_profile_fd(p, true), 5);
	plan_destroy(p);
	free(line);
	line = mutate("\"clobber\":", "\"heap_profile_rate\":-1,\"clobber\":");
	assert_int_equal(plan_parse(&p, line, text, sizeof(text)), -EINVAL);
	assert_non_null(strstr(text, "out of range"));
	free(line);
}

/* One more key of the fault, and what its refusal says. */
#define BOUND(key, said) {"\"p_ppb\":20000000,", "\"p_ppb\":20000000," key ",", said}

/* What a fault is bound to: goroutines become fault worker ids, the condition a program that has been checked. */
static void test_plan_bound(void **state)
{
	static const char *const more[] = BOUND("\"match_types\":[\"churn value\",\"map\"],\"match_goroutines\":[[0,1,1],[1,2,63],[2,0,2]],"
						"\"while\":[\"heap.live\",900,\"heap.goal\",\"*\",\">\",\"gc.phase\",\"mark\",\"!=\",\"and\","
						"\"heap.live\",{\"bytes\":64000},\"<\",\"or\"]", "");
	struct plan *p = NULL;
	char text[256] = "", *line = mutate(more[0], more[1]);

	(void)state;
	assert_int_equal(plan_parse(&p, line, text, sizeof(text)), 0);
	free(line);
	assert_int_equal(p->spec[0].ntypes, 2);
	assert_string_equal(p->spec[0].type[0], "churn value");
	assert_int_equal(p->spec[0].ngoroutines, 3);
	assert_int_equal(p->spec[0].goroutine[0].first, 129);
	assert_int_equal(p->spec[0].goroutine[0].last, 129);
	assert_int_equal(p->spec[0].goroutine[1].first, 132);
	assert_int_equal(p->spec[0].goroutine[1].last, 193);
	assert_int_equal(p->spec[0].goroutine[2].last, 196);
	assert_int_equal(p->spec[0].condition.n, 13);
	assert_int_equal(p->spec[0].condition.step[1].type, GCS_OPERAND_NUMBER);
	assert_int_equal(p->spec[0].condition.step[6].value, 1);
	assert_int_equal(p->spec[0].condition.step[10].type, GCS_OPERAND_BYTES);
	assert_int_equal(p->spec[0].condition.step[12].code, GCS_CONDITION_OR);
	plan_destroy(p);
	line = mutate(more[0], "\"p_ppb\":20000000,");
	p = NULL;
	assert_int_equal(plan_parse(&p, line, text, sizeof(text)), 0);
	assert_int_equal(p->spec[0].condition.n + p->spec[0].ntypes + p->spec[0].ngoroutines, 0);
	plan_destroy(p);
	free(line);
}

/* The triggers of gc/write: each of its places and modes, and what is none. */
static void test_plan_write(void **state)
{
	static const struct {
		const char *keys, *refusal;
		enum gcs_where where;
		enum gcs_mode mode;
	} rows[] = {
		{"", NULL, GCS_WHERE_BEFORE_SHADE, GCS_MODE_START},
		{"\"where\":\"after_shade\",", NULL, GCS_WHERE_AFTER_SHADE, GCS_MODE_START},
		{"\"mode\":\"cycle\",", NULL, GCS_WHERE_BEFORE_SHADE, GCS_MODE_CYCLE},
		{"\"where\":\"after_store\",\"mode\":\"cycle\",\"edge\":true,", NULL,
		 GCS_WHERE_AFTER_STORE, GCS_MODE_EDGE},
		{"\"edge\":true,", "edge needs the mode cycle", 0, 0},
		{"\"mode\":\"edge\",", "no mode 'edge'", 0, 0},
		{"\"where\":\"after\",", "no place 'after'", 0, 0},
		{"\"where\":1,", "oom: ", 0, 0},
	};
	static const char point[] = "mem/malloc\",\"action\":\"fail\",\"errno\":12,";
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *sized = mutate("\"size_min\":1024,\"size_max\":8192,", "");
		struct plan *p = NULL;
		char *at = strstr(sized, point);
		char *line;

		assert_non_null(at);
		*at = '\0';
		assert_true(asprintf(&line, "%sgc/write\",\"action\":\"force\",%s%s", sized, rows[i].keys,
				     at + sizeof(point) - 1) > 0);
		text[0] = '\0';
		assert_int_equal(plan_parse(&p, line, text, sizeof(text)),
				 rows[i].refusal != NULL ? -EINVAL : 0);
		if (rows[i].refusal != NULL) {
			assert_non_null(strstr(text, rows[i].refusal));
		} else {
			assert_int_equal(p->spec[0].where, rows[i].where);
			assert_int_equal(p->spec[0].mode, rows[i].mode);
			plan_destroy(p);
		}
		free(line);
		free(sized);
	}
}

/* The firings of a run that is replayed; a plan that gives none has triggers. */
static void test_plan_fired(void **state)
{
	static const struct gcs_fired want[] = {{2, 5}, {2, 6}, {129, 1}, {129, 401}};
	struct plan *p = NULL;
	char text[256] = "";
	char *line = mutate("\"after\":9", "\"after\":9,\"fired\":[[2,5,1],[129,1,400],[130]]");

	(void)state;
	assert_int_equal(plan_parse(&p, line, text, sizeof(text)), 0);
	assert_true(p->spec[0].replays);
	assert_int_equal(p->spec[0].nfired, 4);
	assert_memory_equal(p->spec[0].fired, want, sizeof(want));
	plan_destroy(p);
	free(line);
	line = mutate("\"after\":9", "\"after\":9,\"fired\":[]");
	assert_int_equal(plan_parse(&p, line, text, sizeof(text)), 0);
	assert_true(p->spec[0].replays);
	assert_int_equal(p->spec[0].nfired, 0);
	plan_destroy(p);
	free(line);
	assert_int_equal(plan_parse(&p, good, text, sizeof(text)), 0);
	assert_false(p->spec[0].replays);
	plan_destroy(p);
}

static void test_plan_refusals(void **state)
{
	static const char *const cases[][3] = {
		{"\"version\":1", "\"version\":2", "version"},
		{"\"procs\":2", "\"procs\":0", "procs"},
		{"\"procs\":2", "\"procs\":\"2\"", "runtime"},
		{"\"oom\":\"return\"", "\"oom\":\"panic\"", "oom"},
		{"\"oom\":\"return\"", "\"oom\":\"return\",\"rounding\":\"1.20\"", "rounding"},
		{"\"oom\":\"return\"", "\"oom\":\"return\",\"rounding\":22", "runtime"},
		{"\"end_ns\":40000000000,", "", "end_ns"},
		{"\"driver\":\"map-churn\",", "", "workloads[0]"},
		{"\"insert\":50", "\"insert\":51", "mix"},
		{"\"insert\":50", "\"range\":1,\"insert\":50", "mix"},
		{"\"insert\":50", "\"range\":-1,\"insert\":51", "mix"},
		{"\"value\":\"ptr\"", "\"value\":\"str\"", "value"},
		{"\"value\":\"ptr\"", "\"key\":\"str\"", "kind of key 'str'"},
		{"\"value\":\"ptr\"", "\"key\":4", "maps"},
		{"\"dist\":\"zipf\"", "\"dist\":\"normal\"", "normal"},
		{"\"max\":8388608", "\"max\":8", "size"},
		{"\"handler\":\"maps\"", "\"handler\":\"map\"", "handler"},
		{"\"workers\":3", "\"workers\":95", "workers"},
		{"mem/malloc", "mem/maloc", "mem/maloc"},
		{"\"action\":\"fail\"", "\"action\":\"delay\"", "delay"},
		{"\"p_ppb\":20000000", "\"p_ppb\":-1", "oom"},
		{"[20000000000,21000000000]", "[14000000000,21000000000]", "overlaps"},
		{"[20000000000,21000000000]", "[20000000000]", "windows[1]"},
		{"\"burst\":3", "\"burst\":-3", "oom: a number"},
		{"\"after\":9", "\"after\":4294967296", "oom: a number"},
		{"\"after\":9", "\"fired\":[[2,5,0]]", "oom: fired[0]"},
		{"\"after\":9", "\"fired\":[[2,5],[4096,1]]", "oom: fired[1]"},
		{"\"after\":9", "\"fired\":[[2,4294967295,1]]", "oom: fired[0]"},
		{"\"after\":9", "\"fired\":{\"2\":[1]}", "oom: fired is no list"},
		{"\"delay_max_ns\":0", "\"delay_max_ns\":7", "delay_max_ns"},
		{"\"size_max\":8192", "\"size_max\":1023", "oom: a number"},
		{"\"match_workloads\":5", "\"match_workloads\":8", "match_workloads"},
		{"\"burst\":3", "\"burst\":3,\"where\":\"after_store\"", "mean nothing at mem/malloc"},
		{"mem/malloc\",\"action\":\"fail", "gc/write\",\"action\":\"force", "gc/write has no size"},
		BOUND("\"match_types\":\"x\"", "match_types"),
		BOUND("\"match_types\":[1]", "match_types[0]"),
		BOUND("\"match_types\":[\"a name of more than thirty-one letters\"]", "match_types[0]"),
		BOUND("\"match_types\":[\"a\",\"b\",\"c\",\"d\",\"e\"]", "at most 4"),
		BOUND("\"match_goroutines\":[[0,0,2]]", "match_goroutines[0]"),
		BOUND("\"match_goroutines\":[[0,1,0]]", "match_goroutines[0]"),
		BOUND("\"match_goroutines\":[[3,0,0]]", "match_goroutines[0]"),
		BOUND("\"match_goroutines\":[[0,-1,0]]", "match_goroutines[0]"),
		BOUND("\"match_goroutines\":[7]", "match_goroutines[0]"),
		BOUND("\"while\":[]", "while: a list"),
		BOUND("\"while\":{}", "while: a list"),
		BOUND("\"while\":[null]", "while[0]"),
		BOUND("\"while\":[{\"bytes\":\"1\"}]", "while[0]"),
		BOUND("\"while\":[\"gc.sweeping\",\"xor\"]", "operator that is not there"),
		BOUND("\"while\":[\"heap.live\"]", "true or false"),
		BOUND("\"while\":[\"heap.live\",64000,\">\"]", "does not take its operands"),
		BOUND("\"while\":[\"not\"]", "lacks an operand"),
		BOUND("\"while\":[\"map.growing\"]", "no map"),
		BOUND("\"while\":[\"true\"]", "asks nothing"),
	};
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct plan *p = NULL;
		char *line = mutate(cases[i][0], cases[i][1]);

		text[0] = '\0';
		assert_int_equal(plan_parse(&p, line, text, sizeof(text)), -EINVAL);
		assert_non_null(strstr(text, cases[i][2]));
		assert_null(p);
		free(line);
	}
}

/* Every cut of the line is refused, none crashes. */
static void test_plan_cut(void **state)
{
	char text[256], line[sizeof(good)];

	(void)state;
	for (size_t n = 0; n < sizeof(good) - 1; n += 3) {
		struct plan *p = NULL;

		memcpy(line, good, n);
		line[n] = '\0';
		assert_int_equal(plan_parse(&p, line, text, sizeof(text)), -EINVAL);
	}
}

/* --------------------------------------------------------------------- sizes */

static void test_dist_edges(void **state)
{
	struct plan_size fixed = {PLAN_DIST_FIXED, 100, 900, 0};
	struct plan_size uniform = {PLAN_DIST_UNIFORM, 100, 103, 0};
	struct plan_size zipf = {PLAN_DIST_ZIPF, 64, 8388608, 1200};
	uint32_t seen[4] = {0};
	static struct dist d;

	(void)state;
	dist_init(&d, &fixed);
	assert_int_equal(dist_draw(&d, UINT64_MAX), 100);
	dist_init(&d, &uniform);
	for (int i = 0; i < 40000; i++)
		seen[dist_draw(&d, test_random()) - 100]++;
	for (int i = 0; i < 4; i++)
		assert_true(seen[i] > 9500 && seen[i] < 10500);
	dist_init(&d, &zipf);
	assert_int_equal(dist_draw(&d, 0), 64);
	assert_int_equal(dist_draw(&d, UINT64_MAX), 8388608);
	zipf.min = zipf.max = 77;
	dist_init(&d, &zipf);
	assert_int_equal(dist_draw(&d, test_random()), 77);
}

/* The chance of a size below x, by the integral of x^-s. */
static double zipf_below(double x, double min, double max, double s)
{
	if (fabs(s - 1) < 1e-9)
		return log(x / min) / log(max / min);
	return (pow(x, 1 - s) - pow(min, 1 - s)) / (pow(max, 1 - s) - pow(min, 1 - s));
}

static void test_dist_zipf(void **state)
{
	static const uint32_t exponents[] = {0, 500, 1000, 1200, 2000};
	static struct dist d;

	(void)state;
	for (size_t k = 0; k < sizeof(exponents) / sizeof(exponents[0]); k++) {
		struct plan_size size = {PLAN_DIST_ZIPF, 1024, 1048576, exponents[k]};
		uint32_t below[3] = {0};
		static const uint64_t cut[3] = {4096, 65536, 524288};

		dist_init(&d, &size);
		for (int i = 0; i < 100000; i++) {
			uint64_t x = dist_draw(&d, test_random());

			assert_true(x >= size.min && x <= size.max);
			for (int j = 0; j < 3; j++)
				below[j] += x < cut[j];
		}
		for (int j = 0; j < 3; j++) {
			double p = zipf_below((double)cut[j], 1024, 1048577, exponents[k] / 1000.0);

			assert_true(fabs(below[j] / 1e5 - p) < 0.01);
		}
	}
}

/* --------------------------------------------------------------------- model */

#define KEYS 300u

/* Against the simplest thing that can be right: an array over a small set of keys. */
static void test_model(void **state)
{
	struct model m;
	uint64_t version[KEYS] = {0};
	uint32_t count = 0;

	(void)state;
	assert_int_equal(model_init(&m, KEYS), 0);
	for (uint32_t step = 0; step < 200000; step++) {
		uint32_t k = (uint32_t)(test_random() % KEYS);
		uint64_t key = (uint64_t)k * 1024 + 1; /* keys that cluster */
		struct model_entry *e = model_find(&m, key);

		assert_int_equal(e != NULL, version[k] != 0);
		if (e != NULL) {
			assert_int_equal(e->version, version[k]);
			model_delete(&m, key);
			version[k] = 0;
			count--;
		} else {
			version[k] = step + 1;
			model_put(&m, key, version[k]);
			count++;
		}
		assert_int_equal(m.count, count);
	}
	for (uint32_t i = 0; i < m.count; i++)
		assert_int_equal(m.entry[i].version, version[(m.entry[i].key - 1) / 1024]);
	model_fini(&m);
}

int main(void)
{
	const char *seed = getenv("GCS_TEST_SEED");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plan_good), cmocka_unit_test(test_plan_rounding),
		cmocka_unit_test(test_plan_pacer),
		cmocka_unit_test(test_plan_heap_profile), cmocka_unit_test(test_plan_keys),
		cmocka_unit_test(test_plan_follow), cmocka_unit_test(test_plan_bound),
		cmocka_unit_test(test_plan_write), cmocka_unit_test(test_plan_fired), cmocka_unit_test(test_plan_refusals),
		cmocka_unit_test(test_plan_cut),  cmocka_unit_test(test_dist_edges),
		cmocka_unit_test(test_dist_zipf), cmocka_unit_test(test_model),
	};

	if (seed != NULL)
		test_seed = strtoull(seed, NULL, 0);
	printf("# seed %llu (GCS_TEST_SEED)\n", (unsigned long long)test_seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
