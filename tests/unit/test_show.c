/* test_show.c: what `show` tells: stories without their markup, at any width; points, drivers and
 * metrics with examples that hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "harness/measure/check.h"
#include "harness/scenario/scenario_schema.h"
#include "harness/command/show.h"
#include "harness/command/story.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct gcs_page wide = {80, true};

struct text {
	char *text;
	size_t bytes;
	FILE *out;
};

static FILE *text_open(struct text *t)
{
	t->out = open_memstream(&t->text, &t->bytes);
	assert_non_null(t->out);
	return t->out;
}

static const char *text_close(struct text *t)
{
	fclose(t->out);
	return t->text;
}

static void story_is(const char *markdown, uint32_t cols, const char *expected)
{
	struct text t;
	gcs_story_render(markdown, &(struct gcs_page){cols, true}, text_open(&t));
	assert_string_equal(text_close(&t), expected);
	free(t.text);
}

static void test_story(void **state)
{
	(void)state;
	story_is("# A *title*\n\nSome `code_with_underscores * and stars *` and **bold\nwords** "
		 "that go "
		 "on.\n",
		 40,
		 "A title\n═══════\n\nSome code_with_underscores * and stars *\nand bold words "
		 "that go "
		 "on.\n");
	story_is("## Second\ntext at once\n### Third\n", 80,
		 "Second\n──────\n\ntext at once\n\nThird\n");
	story_is("- one that is long enough to be wrapped\n- two\n  goes on\n\nEnd.\n", 24,
		 "  • one that is long\n    enough to be wrapped\n  • two goes on\n\nEnd.\n");
	story_is("1. one\n2. two\n   - inner\n", 80, "  1. one\n  2. two\n     • inner\n");
	story_is("Run it:\n\n    gcstorm run `x` *y*\n\n    and this\n\nText.\n", 80,
		 "Run it:\n\n    gcstorm run `x` *y*\n\n    and this\n\nText.\n");
	story_is("```sh\n# not a heading\n\n| no table |\n```\nText.\n", 80,
		 "    # not a heading\n    \n    | no table |\n\nText.\n");
	story_is("> said\n> so\n\nSee [the page](page.md) and [that](https://example.org/a).\n", 80,
		 "    said so\n\nSee the page and that (https://example.org/a).\n");
	story_is("a < b * c \\* d\n", 80, "a < b * c * d\n");
	story_is("<!-- hidden -->\n\nText.\n", 80, "Text.\n");
	story_is("", 80, "");
}

static void test_table(void **state)
{
	(void)state;
	story_is("| a | `bb` |\n|---|---|\n| 1 | two |\n| 3 |\n\nText.\n", 80,
		 "  a  bb\n  ─  ───\n  1  two\n  3\n\nText.\n");
	story_is("| when | what it stands for |\n|:--|--:|\n| now | words that do not fit the page "
		 "at all "
		 "|\n",
		 30,
		 "  when  what it stands for\n  ────  ──────────────────────\n  now   words that "
		 "do not "
		 "fit\n        the page at all\n");
}

static void test_ascii(void **state)
{
	struct text t;
	(void)state;
	gcs_story_render("# Größe – “so”\n\n- µs ≥ 5 → λ\x1b[31m\xff\n",
			 &(struct gcs_page){80, false}, text_open(&t));
	assert_string_equal(text_close(&t),
			    "Groesse - \"so\"\n============\n\n  * us >= 5 -> ?[31m?\n");
	free(t.text);
}

/* No text at all breaks it: a page cut anywhere, and with any byte put in. */
static void test_broken(void **state)
{
	static const char whole[] =
		"# A *b*\n\n1. one `c` [d](e)\n   - f\n\n| g | h |\n|--|--|\n| i "
		"| \\| |\n\n> j\n\n    k\n\n```\nl\n```\n**m** \xc3\xa4 https://n\n";
	static const char bytes[] = "#*`[]()|>-1. \n\\\xc3\x01";
	(void)state;
	for (size_t cut = 0; cut < sizeof whole; cut++) {
		for (size_t k = 0; k < sizeof bytes; k++) {
			char page[sizeof whole + 1];
			struct text t;
			memcpy(page, whole, cut);
			page[cut] = bytes[k];
			memcpy(page + cut + 1, whole + cut, sizeof whole - cut);
			gcs_story_render(page, &(struct gcs_page){GCS_PAGE_COLS_MIN, false},
					 text_open(&t));
			for (const char *p = text_close(&t); *p; p++)
				assert_true(*p == '\n' || (*p >= ' ' && *p < 0x7f));
			free(t.text);
		}
	}
}

/* Load a scenario with these in it. */
static void loads(const char *workload, const char *fault, const char *slo, const char *expect)
{
	char path[] = "/tmp/test_show.XXXXXX";
	struct gcs_scenario *s;
	struct gcs_scenario_error error;
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	dprintf(fd,
		"version: 1\nname: base\nworkload:\n  - {id: maps, driver: map-churn}\n%s%s%s"
		"phases:\n  - {id: steady, for: 10s}\n  - {id: storm, for: 20s}\n  - {id: heal, "
		"for: 30s}\n"
		"faults:\n  - {id: oom, point: mem/malloc, when: {manual: true}}\n%s%s%s",
		*workload ? "  - " : "", workload, *workload ? "\n" : "", *fault ? "  - " : "",
		fault, *fault ? "\n" : "");
	if (*slo)
		dprintf(fd, "slo:\n  - {id: bound, check: \"%s\"}\n", slo);
	if (*expect)
		dprintf(fd, "expect:\n  - \"%s\"\n", expect);
	close(fd);
	int e = gcs_scenario_load(&s, path, NULL, 0, &error);
	unlink(path);
	if (e)
		fail_msg("%s", error.text);
	gcs_scenario_destroy(s);
}

/* Of a program under exec, which has other workloads and no points within it. */
static void loads_command(const char *workload)
{
	char path[] = "/tmp/test_show.XXXXXX";
	struct gcs_scenario *s;
	struct gcs_scenario_error error;
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	dprintf(fd,
		"version: 1\nname: base\ntarget: {runtime: command}\nworkload:\n  - %s\nphases:\n"
		"  - {id: steady, for: 10s}\n",
		workload);
	close(fd);
	int e = gcs_scenario_load(&s, path, NULL, 0, &error);
	unlink(path);
	if (e)
		fail_msg("%s", error.text);
	gcs_scenario_destroy(s);
}

/* Each point, each of its actions: what is shown as an example is a fault that can be used. */
static void test_points(void **state)
{
	size_t n;
	const struct gcs_point_info *p = gcs_points(&n);
	(void)state;
	for (size_t i = 0; i < n; i++) {
		struct text t;
		gcs_show_point(&p[i], &wide, text_open(&t));
		text_close(&t);
		assert_ptr_equal(strstr(t.text, p[i].name), t.text);
		for (uint32_t bit = 1; bit && bit <= p[i].actions; bit <<= 1) {
			char example[GCS_EXAMPLE_BYTES];
			if (!(p[i].actions & bit))
				continue;
			gcs_point_example(&p[i], (enum gcs_action)bit, example);
			assert_non_null(strstr(t.text, example));
			assert_non_null(strstr(t.text, gcs_action_name((enum gcs_action)bit)));
			loads("", example, "", "");
		}
		assert_true(!strstr(t.text, "size: ") == !p[i].size_is);
		free(t.text);
	}
}

/* States: each has a page, and its example can be used. */
static void test_states(void **state)
{
	size_t n;
	const struct gcs_state_info *s = gcs_states(&n);
	(void)state;
	for (size_t i = 0; i < n; i++) {
		struct text t;
		char example[GCS_EXAMPLE_BYTES];
		gcs_show_state(&s[i], &wide, text_open(&t));
		text_close(&t);
		assert_ptr_equal(strstr(t.text, s[i].name), t.text);
		gcs_state_example(&s[i], example);
		assert_non_null(strstr(t.text, example));
		loads("", example, "", "");
		assert_true(!strstr(t.text, "about a map:") == !s[i].of_map);
		free(t.text);
	}
}

/* Drivers: the table and the schema name the same, and the examples can be used. */
static void test_drivers(void **state)
{
	size_t n, words = 0;
	const struct gcs_driver_info *d = gcs_drivers(&n);
	const struct gcs_field *driver = NULL;
	(void)state;
	for (size_t i = 0; i < gcs_schema_workload.nfields; i++)
		if (strcmp(gcs_schema_workload.field[i].key, "driver") == 0)
			driver = &gcs_schema_workload.field[i];
	assert_non_null(driver);
	for (; driver->words[words]; words++)
		assert_non_null(gcs_driver_by_name(driver->words[words]));
	assert_int_equal(words, n);
	for (size_t i = 0; i < n; i++) {
		struct text t;
		gcs_show_driver(&d[i], &wide, text_open(&t));
		text_close(&t);
		assert_non_null(strstr(t.text, gcs_driver_example(&d[i])));
		if (strcmp(d[i].name, "http") == 0)
			loads_command(gcs_driver_example(&d[i]));
		else
			loads(gcs_driver_example(&d[i]), "", "", "");
		free(t.text);
	}
}

static void test_metrics(void **state)
{
	(void)state;
	for (size_t i = 0; i < gcs_metrics_count; i++) {
		char example[GCS_EXAMPLE_BYTES];
		struct text t;
		gcs_metric_example(&gcs_metrics[i], example);
		gcs_show_metric(&gcs_metrics[i], &wide, text_open(&t));
		assert_non_null(strstr(text_close(&t), example));
		free(t.text);
		if (gcs_metrics[i].subject == GCS_OF_FAULT)
			loads("", "", "", example);
		else
			loads("", "", example, "");
	}
}

/* Every story of the library, at every width: no line of words longer than the page, no markup. */
static void test_incidents(void **state)
{
	const char *source = getenv("GCSTORM_SOURCE");
	char dir[4000], path[4300];
	unsigned seen = 0;
	struct dirent *entry;
	(void)state;
	snprintf(dir, sizeof dir, "%s/incidents", source ? source : ".");
	DIR *d = opendir(dir);
	assert_non_null(d);
	while ((entry = readdir(d)) != NULL) {
		size_t n = strlen(entry->d_name);
		if (n < 6 || strcmp(entry->d_name + n - 5, ".yaml") != 0)
			continue;
		snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
		for (uint32_t cols = 60; cols <= 120; cols += 20) {
			struct gcs_scenario_error error;
			struct text t;
			char *save = NULL;
			if (gcs_show_incident(path, &(struct gcs_page){cols, true}, text_open(&t),
					      &error))
				fail_msg("%s", error.text);
			text_close(&t);
			assert_true(strncmp(t.text, entry->d_name, n - 5) == 0);
			for (char *line = strtok_r(t.text, "\n", &save); line;
			     line = strtok_r(NULL, "\n", &save)) {
				if (strncmp(line, "    ", 4) == 0)
					continue; /* code, as it is */
				if (gcs_page_width(line) > cols)
					fail_msg("%u columns: %s", cols, line);
				if (strstr(line, "**") || strchr(line, '`') || strstr(line, "](") ||
				    strstr(line, "|--"))
					fail_msg("%s: %s", entry->d_name, line);
			}
			free(t.text);
		}
		seen++;
	}
	closedir(d);
	assert_true(seen > 0);
}

/* Without a story: what it is about. */
static void test_no_story(void **state)
{
	const char *source = getenv("GCSTORM_SOURCE");
	char path[4096];
	struct gcs_scenario_error error;
	struct text t;
	(void)state;
	snprintf(path, sizeof path, "%s/tests/scenarios/good/everything.yaml",
		 source ? source : ".");
	if (gcs_show_incident(path, &wide, text_open(&t), &error))
		fail_msg("%s", error.text);
	text_close(&t);
	assert_ptr_equal(strstr(t.text, "everything runs 115 s: maps (map-churn), "), t.text);
	assert_non_null(
		strstr(t.text, " variants inline, quiet\n\nEvery key once, größer als nötig.\n"));
	free(t.text);
	assert_int_equal(gcs_show_incident("/nonexistent.yaml", &wide, text_open(&t), &error),
			 -ENOENT);
	assert_non_null(error.text);
	gcs_scenario_error_fini(&error);
	assert_string_equal(text_close(&t), "");
	free(t.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_story),	 cmocka_unit_test(test_table),
		cmocka_unit_test(test_ascii),	 cmocka_unit_test(test_broken),
		cmocka_unit_test(test_points), cmocka_unit_test(test_states),	 cmocka_unit_test(test_drivers),
		cmocka_unit_test(test_metrics),	 cmocka_unit_test(test_incidents),
		cmocka_unit_test(test_no_story),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
