/*
 * test_scenario_bad.c: the corpus of wrong scenarios, tests/scenarios/bad: each NAME.yaml must be
 * refused with exactly the text in NAME.expected. And no text at all may crash the loader: good and
 * bad ones are bent at random and read again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "harness/scenario.h"

#include "tests/unit/test_file.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BAD_MIN	 30
#define BENDS	 3000

/* Into tests/scenarios/NAME, so that messages carry file names alone. */
static void enter(const char *name)
{
	const char *source = getenv("GCSTORM_SOURCE");
	char path[4096];
	snprintf(path, sizeof path, "%s/tests/scenarios/%s", source ? source : ".", name);
	if (chdir(path))
		fail_msg("%s: %s (GCSTORM_SOURCE names the source tree)", path, strerror(errno));
}

static bool is_yaml(const char *name)
{
	size_t n = strlen(name);
	return n > 5 && strcmp(name + n - 5, ".yaml") == 0;
}

static bool bad_one(const char *name)
{
	struct gcs_scenario *s = NULL;
	struct gcs_scenario_error error;
	char path[300];
	snprintf(path, sizeof path, "%.*s.expected", (int)(strlen(name) - 5), name);
	int e = gcs_scenario_load(&s, name, NULL, 0, &error);
	char *expected = slurp(path);
	bool same = e == -EINVAL && !s && strcmp(error.text, expected) == 0;
	if (!same)
		print_error("%s (%d) says\n%s\ninstead of\n%s\n", name, e,
			    error.text ? error.text : "nothing: it was accepted", expected);
	free(expected);
	gcs_scenario_error_fini(&error);
	gcs_scenario_destroy(s);
	return same;
}

static void test_corpus(void **state)
{
	unsigned n = 0, wrong = 0;
	struct dirent *entry;
	char here[4096];
	(void)state;
	assert_non_null(getcwd(here, sizeof here));
	enter("bad");
	DIR *d = opendir(".");
	assert_non_null(d);
	while ((entry = readdir(d)) != NULL) {
		if (!is_yaml(entry->d_name))
			continue;
		n++;
		wrong += !bad_one(entry->d_name);
	}
	closedir(d);
	assert_int_equal(chdir(here), 0);
	print_message("%u wrong scenarios read\n", n);
	assert_true(n >= BAD_MIN);
	assert_int_equal(wrong, 0);
}

static void test_good(void **state)
{
	struct dirent *entry;
	unsigned n = 0;
	char here[4096];
	(void)state;
	assert_non_null(getcwd(here, sizeof here));
	enter("good");
	DIR *d = opendir(".");
	assert_non_null(d);
	while ((entry = readdir(d)) != NULL) {
		struct gcs_scenario *s = NULL;
		struct gcs_scenario_error error;
		if (!is_yaml(entry->d_name))
			continue;
		if (gcs_scenario_load(&s, entry->d_name, NULL, 0, &error))
			fail_msg("%s", error.text);
		char *json = gcs_scenario_json(s), *plan = gcs_scenario_plan(s);
		assert_non_null(json);
		assert_non_null(plan);
		free(json);
		free(plan);
		gcs_scenario_destroy(s);
		n++;
	}
	closedir(d);
	assert_int_equal(chdir(here), 0);
	assert_true(n > 0);
}

/* ---- bending */

static uint64_t draw_state;

static uint64_t draw(uint64_t below)
{
	draw_state ^= draw_state << 13;
	draw_state ^= draw_state >> 7;
	draw_state ^= draw_state << 17;
	return draw_state % below;
}

static size_t bend(char *text, size_t n)
{
	static const char *const bits[] = {"{",	    "}",
					   "[",	    "]",
					   ":",	    "- ",
					   "\n",    "\t",
					   "#",	    "&a ",
					   "*a",    "!!x ",
					   "\"",    "'",
					   "|\n",   ">\n",
					   "%",	    "---\n",
					   "...\n", "? ",
					   "\\",    "99999999999999999999",
					   "0x",    "-1",
					   "1e9",   "\xff",
					   "\xc3",  "ä",
					   "null",  "~",
					   "<<: ",  ",",
					   "."};
	size_t at = draw(n), len;
	switch (draw(5)) {
	case 0: /* drop a stretch */
		len = 1 + draw(20);
		len = at + len > n ? n - at : len;
		memmove(text + at, text + at + len, n - at - len);
		return n - len;
	case 1: /* another byte */
		text[at] = (char)(1 + draw(255));
		return n;
	case 2: /* a stretch twice */
		len = 1 + draw(40);
		len = at + len > n ? n - at : len;
		memmove(text + at + len, text + at, n - at);
		return n + len;
	case 3: /* cut the rest */
		return at ? at : 1;
	default: {
		const char *bit = bits[draw(sizeof bits / sizeof bits[0])];
		len = strlen(bit);
		memmove(text + at + len, text + at, n - at);
		memcpy(text + at, bit, len);
		return n + len;
	}
	}
}

static void bend_one(const char *original, size_t n, const char *path, unsigned *accepted)
{
	char *text = calloc(1, 2 * TEXT_MAX);
	struct gcs_scenario *s = NULL;
	struct gcs_scenario_error error;
	memcpy(text, original, n);
	for (uint64_t bends = 1 + draw(4); bends > 0 && n > 1; bends--)
		n = bend(text, n);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, n, f), n);
	fclose(f);
	free(text);
	if (gcs_scenario_load(&s, path, NULL, 0, &error) == 0) {
		char *plan = gcs_scenario_plan(s);
		assert_non_null(plan);
		free(plan);
		gcs_scenario_destroy(s);
		++*accepted;
	} else {
		assert_non_null(error.text);
		assert_true(strstr(error.text, "error: ") != NULL);
		gcs_scenario_error_fini(&error);
	}
}

static void test_bent(void **state)
{
	char here[4096], path[] = "/tmp/test_scenario_bad.XXXXXX";
	const char *seed = getenv("GCS_TEST_SEED");
	unsigned accepted = 0;
	(void)state;
	draw_state = seed ? strtoull(seed, NULL, 0) : 0x2481;
	draw_state += draw_state == 0;
	print_message("GCS_TEST_SEED=%llu\n", (unsigned long long)draw_state);
	assert_non_null(getcwd(here, sizeof here));
	enter("good");
	char *text = slurp("everything.yaml");
	assert_int_equal(chdir(here), 0);
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	for (int i = 0; i < BENDS; i++)
		bend_one(text, strlen(text), path, &accepted);
	unlink(path);
	free(text);
	print_message("%u of %d bent scenarios were still good\n", accepted, BENDS);
	assert_true(accepted > 0 && accepted < BENDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_corpus),
					   cmocka_unit_test(test_good),
					   cmocka_unit_test(test_bent)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
