/*
 * test_condition.c: the language of `while`: what texts compile to, what is said of wrong ones and where; and that random expressions,
 * written in all the ways there are, come to what a plain evaluation of the tree says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "harness/scenario/condition.h"
#include "tests/unit/test_draw.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct gcs_point_info *at_map(void)
{
	return gcs_point_by_name("gc/map_assign");
}

static const struct gcs_point_info *at_malloc(void)
{
	return gcs_point_by_name("mem/malloc");
}

/* ---- what is made of a text */

static void step_words(const struct gcs_condition_step *step, char *ret, size_t cap)
{
	if (step->code == GCS_CONDITION_STATE)
		snprintf(ret, cap, "%s", gcs_state_by_id(step->state)->name);
	else if (step->code != GCS_CONDITION_CONSTANT)
		snprintf(ret, cap, "%s", gcs_condition_code_name((enum gcs_condition_code)step->code));
	else
		snprintf(ret, cap, "%lld%s", (long long)step->value,
			 step->type == GCS_OPERAND_BYTES ? "B" : "");
}

static void assert_compiles(const char *text, const char *program)
{
	struct gcs_condition c;
	struct gcs_condition_error e;
	char words[512] = "", word[64];
	int r = gcs_condition_parse(text, at_map(), &c, &e);
	if (r != 0)
		fail_msg("%s: %u: %s", text, e.at, e.text);
	for (uint32_t i = 0; i < c.n; i++) {
		step_words(&c.step[i], word, sizeof word);
		snprintf(words + strlen(words), sizeof words - strlen(words), "%s%s", i ? " " : "", word);
	}
	assert_string_equal(words, program);
	assert_null(gcs_condition_check(&c, at_map()));
}

static void test_compiles(void **state)
{
	(void)state;
	assert_compiles("gc.phase == mark", "gc.phase 1 ==");
	assert_compiles("gc.phase==mark", "gc.phase 1 ==");
	assert_compiles("map.growing", "map.growing");
	assert_compiles("map.growing == false", "map.growing 0 ==");
	assert_compiles("heap.live > 0.9 * heap.goal", "heap.live 900 heap.goal * >");
	assert_compiles("heap.live > 90% * heap.goal", "heap.live 900 heap.goal * >");
	assert_compiles("heap.live > heap.goal * 12.5%", "heap.live heap.goal 125 * >");
	assert_compiles("heap.live - 1.5MiB >= heap.marked", "heap.live 1572864000B - heap.marked >=");
	assert_compiles("heap.marked > 0", "heap.marked 0 >");
	assert_compiles("goroutines * 8KiB < heap.live", "goroutines 8192000B * heap.live <");
	assert_compiles("map.count + 1 > 10k", "map.count 1000 + 10000000 >");
	assert_compiles("1 + 2 * 3 == gc.cycle", "1000 2000 3000 * + gc.cycle ==");
	assert_compiles("(1 + 2) * 3 == gc.cycle", "1000 2000 + 3000 * gc.cycle ==");
	assert_compiles("5 - 2 - 1 != gc.cycle", "5000 2000 - 1000 - gc.cycle !=");
	assert_compiles("not gc.sweeping and map.growing or gc.phase == off",
			"gc.sweeping not map.growing and gc.phase 0 == or");
	assert_compiles("!gc.sweeping&&map.growing||gc.phase==off",
			"gc.sweeping not map.growing and gc.phase 0 == or");
	assert_compiles("not gc.phase == mark", "gc.phase 1 == not");
	assert_compiles("map.growing or gc.sweeping and gc.phase == termination",
			"map.growing gc.sweeping gc.phase 2 == and or");
	assert_compiles(" ( map.growing or gc.sweeping ) and map.b <= 5 ",
			"map.growing gc.sweeping or map.b 5000 <= and");
	assert_compiles("not not map.same_size", "map.same_size not not");
}

/* ---- what is said of a wrong one */

struct wrong {
	const char *text;
	uint32_t at, bytes;
	const char *said, *expected, *hint; /* parts of them; NULL: nothing is asked of it */
};

static const struct wrong wrongs[] = {
	{"gc.fase == mark", 0, 7, "there is no state or word 'gc.fase'", "gc.phase", "did you mean 'gc.phase'"},
	{"gc.phase == marc", 12, 4, "no state or word 'marc'", NULL, "'mark'"},
	{"gc.phase = mark", 9, 1, "'=' cannot stand here", NULL, "'=='"},
	{"gc.sweeping & true", 12, 1, NULL, NULL, "'&&'"},
	{"heap.live > 10k", 12, 3, "bytes with a plain number", "64MiB", NULL},
	{"10 < heap.live", 0, 2, "bytes with a plain number", "64MiB", NULL},
	{"heap.live > goroutines", 12, 10, "bytes with a count", NULL, NULL},
	{"heap.live + 5 > 1MiB", 12, 1, "'+' cannot take bytes with a plain number", NULL, NULL},
	{"heap.live * heap.goal > 1MiB", 12, 9, "multiplied", NULL, NULL},
	{"gc.phase < mark", 0, 8, "'<' does not take a phase", "==", NULL},
	{"gc.phase == true", 12, 4, "a phase with true or false", "mark", NULL},
	{"gc.phase == 1", 12, 1, "a phase with a plain number", "off, mark", NULL},
	{"gc.sweeping + 1 > 2", 14, 1, NULL, NULL, NULL},
	{"heap.live", 0, 9, "this is bytes", "a comparison", NULL},
	{"(heap.live)", 0, 11, "this is bytes", NULL, NULL},
	{"gc.sweeping and heap.live", 16, 9, "'and' joins", NULL, NULL},
	{"gc.phase or gc.sweeping", 0, 8, "'or' joins", NULL, NULL},
	{"not heap.live", 4, 9, "'not' takes", NULL, NULL},
	{"1 < 2", 0, 5, "asks nothing", NULL, NULL},
	{"map.growing", 0, 11, "it has no map there", "gc/map_assign", NULL},
	{"gc.sweeping or", 14, 1, "ends here", "a state", NULL},
	{"", 0, 1, "ends here", NULL, NULL},
	{"(gc.sweeping", 12, 1, "ends here", ")", NULL},
	{"gc.sweeping)", 11, 1, "')' cannot stand here", "the end", NULL},
	{"gc.sweeping gc.sweeping", 12, 11, "cannot stand here", NULL, NULL},
	{"0 < gc.cycle < 5", 13, 1, "do not follow", "and", NULL},
	{"heap.live / 2 > 1MiB", 10, 1, NULL, NULL, "no division"},
	{"heap.live > 5ms", 12, 3, "not a number", "64MiB", NULL},
	{"heap.live > 0x10", 12, 4, "not a number", NULL, NULL},
	{"heap.live > 0.0001 * heap.goal", 12, 6, "finer than a thousandth", NULL, NULL},
	{"heap.live > 1.25% * heap.goal", 12, 5, "finer than a thousandth", NULL, NULL},
	{"heap.live > 9999999999GiB", 12, 13, "too large", NULL, NULL},
	{"gc.cycle > -5", 11, 1, "'-' cannot stand here", NULL, NULL},
	{"gc.sweeping and \xc3\xa9", 16, 1, NULL, NULL, NULL},
};

static void test_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(wrongs); i++) {
		const struct wrong *w = &wrongs[i];
		struct gcs_condition c = {.n = 77};
		struct gcs_condition_error e;
		if (gcs_condition_parse(w->text, at_malloc(), &c, &e) != -EINVAL)
			fail_msg("accepted: %s", w->text);
		assert_int_equal(c.n, 77);
		if (e.at != w->at || e.bytes != w->bytes || (w->said && !strstr(e.text, w->said)) ||
		    (w->expected && !strstr(e.expected, w->expected)) ||
		    (w->hint && !strstr(e.hint, w->hint)))
			fail_msg("%s: %u+%u: %s; expected: %s; hint: %s", w->text, e.at, e.bytes, e.text,
				 e.expected, e.hint);
	}
}

static void test_bounds(void **state)
{
	struct gcs_condition c;
	struct gcs_condition_error e;
	char text[4096] = "gc.sweeping";
	(void)state;
	for (uint32_t terms = 2; terms <= 24; terms++) {
		strcat(text, " or gc.sweeping");
		assert_int_equal(gcs_condition_parse(text, at_malloc(), &c, &e), 0);
		assert_int_equal(c.n, 2 * terms - 1);
	}
	strcat(text, " or gc.sweeping");
	assert_int_equal(gcs_condition_parse(text, at_malloc(), &c, &e), -EINVAL);
	assert_non_null(strstr(e.text, "too long"));
	memset(text, '(', 17);
	strcpy(text + 17, "gc.sweeping");
	assert_int_equal(gcs_condition_parse(text, at_malloc(), &c, &e), -EINVAL);
	assert_non_null(strstr(e.text, "nested too deeply"));
	assert_int_equal(e.at, 16);
	/* Sums to the right of sums lie on the stack. */
	strcpy(text, "gc.cycle > ");
	for (int i = 0; i < 15; i++)
		strcat(text, "1 + (");
	strcat(text, "1");
	for (int i = 0; i < 15; i++)
		strcat(text, ")");
	assert_int_equal(gcs_condition_parse(text, at_malloc(), &c, &e), -EINVAL);
	assert_non_null(strstr(e.text, "stack"));
}

static void test_system_call(void **state)
{
	struct gcs_condition c;
	struct gcs_condition_error e;
	(void)state;
	assert_int_equal(gcs_condition_parse("gc.phase == mark", gcs_point_by_name("os/mmap"), &c, &e),
			 -EINVAL);
	assert_non_null(strstr(e.text, "the harness decides at system calls"));
}

/* ---- what it comes to */

static int64_t states[GCS_RT_COUNT_MAX];

static int64_t state_of(enum gcs_rt_state state, const struct gcs_site *site)
{
	(void)site;
	return states[state];
}

static bool holds(const char *text)
{
	struct gcs_condition c;
	struct gcs_condition_error e;
	struct gcs_site site = {.gc_phase = (uint8_t)states[GCS_RT_gc_phase],
				.gc_cycle = (uint32_t)states[GCS_RT_gc_cycle],
				.map = states};
	if (gcs_condition_parse(text, at_map(), &c, &e) != 0)
		fail_msg("%s: %u: %s", text, e.at, e.text);
	return gcs_condition_holds(&c, &site);
}

static void test_thousandths(void **state)
{
	(void)state;
	gcs_rt_state_source = state_of;
	states[GCS_RT_heap_goal] = 1000;
	states[GCS_RT_heap_live] = 900;
	assert_false(holds("heap.live > 0.9 * heap.goal"));
	assert_true(holds("heap.live >= 0.9 * heap.goal"));
	assert_true(holds("heap.live > 0.899 * heap.goal"));
	assert_true(holds("heap.live == 90% * heap.goal"));
	/* Nothing wraps: a goal that means "never" is beyond every heap. */
	states[GCS_RT_heap_goal] = INT64_MAX;
	assert_false(holds("heap.live > 0.9 * heap.goal"));
	assert_true(holds("heap.goal + heap.goal >= heap.goal"));
	assert_true(holds("1000 * heap.goal > 1GiB"));
	assert_true(holds("heap.live - heap.goal - heap.goal < 0"));
	/* Below zero is below zero. */
	states[GCS_RT_gc_cycle] = 3;
	assert_true(holds("gc.cycle - 5 < 0"));
	assert_true(holds("(gc.cycle - 5) * 2 + 4 == 0"));
	gcs_rt_state_source = NULL;
}

/* No runtime answers, or there is no map: neither it nor its contrary holds. */
static void test_unknown(void **state)
{
	struct gcs_condition c;
	struct gcs_condition_error e;
	(void)state;
	assert_int_equal(gcs_condition_parse("not map.growing", at_map(), &c, &e), 0);
	states[GCS_RT_map_growing] = 0;
	gcs_rt_state_source = state_of;
	assert_true(gcs_condition_holds(&c, &(struct gcs_site){.map = states}));
	assert_false(gcs_condition_holds(&c, &(struct gcs_site){.map = NULL}));
	gcs_rt_state_source = NULL;
	assert_false(gcs_condition_holds(&c, &(struct gcs_site){.map = states}));
	c.n = 0;
	assert_true(gcs_condition_holds(&c, &(struct gcs_site){.map = NULL}));
}

static void test_scale(void **state)
{
	struct gcs_condition c;
	struct gcs_condition_error e;
	(void)state;
	assert_int_equal(gcs_condition_parse("heap.live > 3MiB and gc.cycle > 10", at_map(), &c, &e), 0);
	assert_true(gcs_condition_scale(&c, 4000));
	assert_int_equal(c.step[1].value, INT64_C(786432000));
	assert_int_equal(c.step[4].value, 10000);
	assert_int_equal(gcs_condition_parse("heap.live > 0.5 * heap.goal", at_map(), &c, &e), 0);
	assert_false(gcs_condition_scale(&c, 4000));
}

/* ---- random trees */

struct tree {
	char text[2048]; /* in brackets, when it is more than a value */
	int64_t value;	 /* thousandths, or 0 and 1 */
};

static void tree_join(struct tree *t, const struct tree *a, const char *op, const struct tree *b)
{
	struct tree left = *a;
	snprintf(t->text, sizeof t->text, "(%.800s%s%.800s)", left.text, op, b->text);
}

/* A size; numbers are small enough for nothing to saturate. */
static void tree_bytes(struct tree *t, int depth)
{
	static const char *const names[] = {"heap.live", "heap.goal", "heap.trigger", "heap.marked"};
	static const enum gcs_rt_state ids[] = {GCS_RT_heap_live, GCS_RT_heap_goal, GCS_RT_heap_trigger,
						GCS_RT_heap_marked};
	struct tree a, b;
	uint64_t kind = draw(depth > 0 ? 5 : 2), n = draw(4);
	switch (kind) {
	case 0:
		snprintf(t->text, sizeof t->text, "%s", names[n]);
		t->value = states[ids[n]] * 1000;
		return;
	case 1:
		n = draw(2000);
		snprintf(t->text, sizeof t->text, "%llu%s", (unsigned long long)n, n % 2 ? "B" : "KiB");
		t->value = (int64_t)n * (n % 2 ? 1 : 1024) * 1000;
		return;
	case 2: /* of a factor: thousandths of thousandths are cut off */
		tree_bytes(&a, depth - 1);
		n = draw(3000);
		snprintf(b.text, sizeof b.text, "%llu.%03llu", (unsigned long long)n / 1000,
			 (unsigned long long)n % 1000);
		t->value = (int64_t)((__int128)a.value * (int64_t)n / 1000);
		tree_join(t, &a, draw(2) ? " * " : "*", &b);
		return;
	default:
		tree_bytes(&a, depth - 1);
		tree_bytes(&b, depth - 1);
		t->value = kind == 3 ? a.value + b.value : a.value - b.value;
		tree_join(t, &a, kind == 3 ? " + " : " - ", &b);
	}
}

static void tree_compare(struct tree *t, int depth)
{
	static const char *const ops[] = {" < ", "<=", " > ", ">=", " == ", "!="};
	struct tree a, b;
	uint64_t op = draw(6);
	tree_bytes(&a, depth);
	tree_bytes(&b, depth);
	const bool is[] = {a.value < b.value,  a.value <= b.value, a.value > b.value,
			   a.value >= b.value, a.value == b.value, a.value != b.value};
	t->value = is[op];
	tree_join(t, &a, ops[op], &b);
}

static void tree_bool(struct tree *t, int depth)
{
	static const char *const phases[] = {"off", "mark", "termination"};
	struct tree a, b;
	uint64_t kind = draw(depth > 0 ? 6 : 3), n = draw(3);
	switch (kind) {
	case 0:
		snprintf(t->text, sizeof t->text, "gc.phase %s %s", n % 2 ? "!=" : "==", phases[n]);
		t->value = (states[GCS_RT_gc_phase] == (int64_t)n) != n % 2;
		return;
	case 1:
		snprintf(t->text, sizeof t->text, "map.growing");
		t->value = states[GCS_RT_map_growing];
		return;
	case 2:
		tree_compare(t, depth > 0 ? depth - 1 : 0);
		return;
	case 3:
		tree_bool(&a, depth - 1);
		t->value = !a.value;
		snprintf(t->text, sizeof t->text, "%s(%.1000s)", n ? "not " : "!", a.text);
		return;
	default:
		tree_bool(&a, depth - 1);
		tree_bool(&b, depth - 1);
		t->value = kind == 4 ? a.value && b.value : a.value || b.value;
		tree_join(t, &a, kind == 4 ? (n ? " and " : "&&") : (n ? " or " : "||"), &b);
	}
}

static void test_random_trees(void **state)
{
	const char *given = getenv("GCS_TEST_SEED");
	uint32_t held = 0, run = 0;
	static struct tree t;
	(void)state;
	draw_state = given ? strtoull(given, NULL, 0) : 0x2481;
	printf("# GCS_TEST_SEED=0x%llx\n", (unsigned long long)draw_state);
	gcs_rt_state_source = state_of;
	for (uint32_t i = 0; i < 6000; i++) {
		struct gcs_condition c;
		struct gcs_condition_error e;
		for (uint32_t k = 0; k < GCS_RT_COUNT_MAX; k++)
			states[k] = (int64_t)draw(3000000);
		states[GCS_RT_gc_phase] = (int64_t)draw(3);
		states[GCS_RT_map_growing] = (int64_t)draw(2);
		tree_bool(&t, 1 + (int)draw(3));
		if (gcs_condition_parse(t.text, at_map(), &c, &e) != 0) {
			/* Some ask for nothing, some are too long. */
			assert_true(strstr(e.text, "nothing") || strstr(e.text, "too long"));
			continue;
		}
		run++;
		held += t.value != 0;
		if (holds(t.text) != (t.value != 0))
			fail_msg("%s should %s", t.text, t.value ? "hold" : "not hold");
	}
	gcs_rt_state_source = NULL;
	assert_true(run > 4000 && held > 1000 && held < run - 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_compiles),    cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_bounds),	    cmocka_unit_test(test_system_call),
		cmocka_unit_test(test_thousandths), cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_scale),	    cmocka_unit_test(test_random_trees),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
