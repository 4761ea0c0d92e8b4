/* test_fiu_rc.c: libfiu's remote control commands: what is taken, what is refused and why, and
 * lines that are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "faults/fiu_rc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct gcs_fiu_command taken(const char *line)
{
	struct gcs_fiu_command c;
	const char *why = "";
	int r = gcs_fiu_parse(&c, line, &why);

	if (r != 0)
		print_error("'%s' was refused: %s\n", line, why);
	assert_int_equal(r, 0);
	return c;
}

static void test_taken(void **state)
{
	struct gcs_fiu_command c = taken("enable name=mem/malloc");

	(void)state;
	assert_int_equal(c.act, GCS_FIU_ENABLE);
	assert_string_equal(c.name, "mem/malloc");
	assert_int_equal(c.p_ppb, GCS_FIU_ALWAYS_PPB);
	assert_false(c.onetime);
	c = taken("enable_random name=gc/write,probability=0.25");
	assert_int_equal(c.act, GCS_FIU_ENABLE);
	assert_int_equal(c.p_ppb, 250000000);
	c = taken("enable_random probability=-1,name=gc/write");
	assert_int_equal(c.p_ppb, GCS_FIU_ALWAYS_PPB);
	c = taken("enable_random name=a,probability=1e-9");
	assert_int_equal(c.p_ppb, 1);
	c = taken("enable failnum=1,failinfo=12,name=mem/*,onetime");
	assert_string_equal(c.name, "mem/*");
	assert_true(c.onetime);
	c = taken("  disable\tname=mem/span \r");
	assert_int_equal(c.act, GCS_FIU_DISABLE);
	assert_string_equal(c.name, "mem/span");
	/* As fiu-ctrl wrote it of old, with -e. */
	c = taken("enable_random name=x,failnum=1,failinfo=0,probability=0.10");
	assert_int_equal(c.p_ppb, 100000000);
}

static void test_refused(void **state)
{
	static const struct {
		const char *line, *why;
		int error;
	} lines[] = {
		{"", "empty", -EINVAL},
		{" \t ", "empty", -EINVAL},
		{"enable", "name= is missing", -EINVAL},
		{"enable name=", "name of a point", -EINVAL},
		{"enable name=a b", "commas", -EINVAL},
		{"enable name=a\x01", "character", -EINVAL},
		{"enable name=a\"b", "character", -EINVAL},
		{"enable name=a,failnum=0", "failnum=0", -EINVAL},
		{"enable name=a,failnum=", "number", -EINVAL},
		{"enable name=a,failinfo=x", "number", -EINVAL},
		{"enable name=a,failnum=99999999999999999999", "number", -EINVAL},
		{"enable name=a,twice", "key=value", -EINVAL},
		{"enable name=a,colour=red", "no such parameter", -EINVAL},
		{"enable_random name=a", "probability= is missing", -EINVAL},
		{"enable_random name=a,probability=0", "never fires", -EINVAL},
		{"enable_random name=a,probability=1.5", "from 0 to 1", -EINVAL},
		{"enable_random name=a,probability=nan", "from 0 to 1", -EINVAL},
		{"enable_random name=a,probability=-0.5", "from 0 to 1", -EINVAL},
		{"enable_random name=a,probability=0.5x", "from 0 to 1", -EINVAL},
		{"enable_stack_by_name name=a,func_name=f,pos_in_stack=-1", "stack", -ENOTSUP},
		{"explode name=a", "no such command", -EINVAL},
	};
	struct gcs_fiu_command c = {.name = "before"};
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		why = NULL;
		assert_int_equal(gcs_fiu_parse(&c, lines[i].line, &why), lines[i].error);
		assert_non_null(why);
		if (strstr(why, lines[i].why) == NULL)
			print_error("'%s': '%s', not '%s'\n", lines[i].line, why, lines[i].why);
		assert_non_null(strstr(why, lines[i].why));
		assert_string_equal(c.name, "before"); /* untouched */
	}
}

static void test_long(void **state)
{
	char line[2000] = "enable name=";
	struct gcs_fiu_command c;
	const char *why;

	(void)state;
	memset(line + strlen(line), 'a', GCS_FIU_NAME_BYTES - 1);
	assert_int_equal(gcs_fiu_parse(&c, line, &why), 0);
	assert_int_equal(strlen(c.name), GCS_FIU_NAME_BYTES - 1);
	strcat(line, "a");
	assert_int_equal(gcs_fiu_parse(&c, line, &why), -EINVAL);
	memset(line, 'a', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	assert_int_equal(gcs_fiu_parse(&c, line, &why), -EINVAL);
}

/* As in libfiu: a '*' counts at the end only. */
static void test_matches(void **state)
{
	static const struct {
		const char *name, *point;
		bool matches;
	} pairs[] = {
		{"mem/malloc", "mem/malloc", true},  {"mem/malloc", "mem/mallocs", false},
		{"mem/malloc", "mem", false},	     {"mem/*", "mem/malloc", true},
		{"mem/*", "gc/write", false},	     {"*", "anything", true},
		{"m*/malloc", "mem/malloc", false},  {"mem/mal*", "mem/malloc", true},
		{"mem/malloc*", "mem/malloc", true}, {"*", "sabotage/flip_bit", false},
		{"sabotage/*", "sabotage/flip_bit", false},
		{"sabotage/flip_bit", "sabotage/flip_bit", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct gcs_fiu_command c = {0};

		strcpy(c.name, pairs[i].name);
		assert_int_equal(gcs_fiu_matches(&c, pairs[i].point), pairs[i].matches);
	}
	assert_true(gcs_fiu_matches(&(struct gcs_fiu_command){.act = GCS_FIU_DISABLE, .name = "*"},
				    "sabotage/flip_bit"));
}

/* Anything may come down a FIFO: pieces of commands, put together by chance. */
static void test_noise(void **state)
{
	static const char *const pieces[] = {
		"enable",   "disable",	  "enable_random",
		" ",	    "\t",	  ",",
		"=",	    "name=",	  "probability=",
		"failnum=", "failinfo=",  "onetime",
		"*",	    "mem/malloc", "0.5",
		"-1",	    "nan",	  "\xff\xfe",
		"%s%n",	    "\"\\",	  "99999999999999999999",
	};
	const char *given = getenv("GCS_TEST_SEED");
	unsigned seed = given != NULL ? (unsigned)strtoul(given, NULL, 0) : 1;
	unsigned accepted = 0;

	(void)state;
	print_message("# seed %u (GCS_TEST_SEED)\n", seed);
	for (int round = 0; round < 20000; round++) {
		struct gcs_fiu_command c;
		const char *why = NULL;
		char line[400] = "";
		int r, n = rand_r(&seed) % 12;

		for (int i = 0; i < n; i++)
			strcat(line, pieces[(size_t)rand_r(&seed) %
					    (sizeof(pieces) / sizeof(pieces[0]))]);
		r = gcs_fiu_parse(&c, line, &why);
		if (r != 0) {
			assert_non_null(why);
			continue;
		}
		accepted++;
		assert_true(c.name[0] != '\0' && strlen(c.name) < sizeof(c.name));
		assert_true(c.p_ppb >= 1 && c.p_ppb <= GCS_FIU_ALWAYS_PPB);
	}
	assert_true(accepted > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_taken), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_long),  cmocka_unit_test(test_matches),
		cmocka_unit_test(test_noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
