/*
 * fuzz_condition.c: any bytes as the text of a condition, and as a program that a plan could carry: what is accepted passes the target's
 * check and runs within its bounds, whatever the states are; what is refused says where. Stands alone with libFuzzer:
 *
 *   clang -fsanitize=fuzzer,address,undefined -I. tests/fuzz/fuzz_condition.c faults/condition.c faults/condition_run.c faults/points.c \
 *           harness/scenario/condition.c harness/base/suggest.c harness/base/units.c
 *
 * and is mutated from printed seeds in tests/unit/test_condition_fuzz.c.
 */
#include "harness/scenario/condition.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_HOLDS(cond)                                                                           \
	do {                                                                                       \
		if (!(cond))                                                                       \
			abort();                                                                   \
	} while (0)

static const int64_t fuzz_extremes[] = {0, 1, 2, -1, 1000, INT64_MAX, INT64_MIN, INT64_MAX / 1000 + 1};

/* States of the worst sort. */
static int64_t fuzz_state(enum gcs_rt_state state, const struct gcs_site *site)
{
	return fuzz_extremes[((uint32_t)state + site->arg) %
			     (sizeof fuzz_extremes / sizeof fuzz_extremes[0])];
}

static uint32_t fuzz_run(const struct gcs_condition *c)
{
	uint32_t held = 0;
	gcs_rt_state_source = fuzz_state;
	for (uint64_t arg = 0; arg < 8; arg++) {
		struct gcs_site site = {.arg = arg, .gc_phase = (uint8_t)arg, .map = arg & 1 ? c : NULL};
		held += gcs_condition_holds(c, &site);
	}
	gcs_rt_state_source = NULL;
	for (uint64_t arg = 0; arg < 2; arg++)
		FUZZ_HOLDS(c->n == 0 || !gcs_condition_holds(c, &(struct gcs_site){.arg = arg}));
	return held;
}

static const struct gcs_point_info *fuzz_point(uint8_t byte)
{
	size_t n;
	const struct gcs_point_info *all = gcs_points(&n);
	return &all[byte % n];
}

static void fuzz_text(const struct gcs_point_info *point, const uint8_t *data, size_t size)
{
	struct gcs_condition c = {.n = 0};
	struct gcs_condition_error e;
	char *text = malloc(size + 1);
	FUZZ_HOLDS(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	if (gcs_condition_parse(text, point, &c, &e) == 0) {
		FUZZ_HOLDS(c.n > 0 && gcs_condition_check(&c, point) == NULL);
		fuzz_run(&c);
		gcs_condition_scale(&c, 10);
		gcs_condition_scale(&c, 10);
		FUZZ_HOLDS(gcs_condition_check(&c, point) == NULL);
		fuzz_run(&c);
	} else {
		FUZZ_HOLDS(c.n == 0 && e.text[0] != '\0' && e.bytes > 0);
		FUZZ_HOLDS(e.at <= strlen(text) && e.at + e.bytes <= strlen(text) + 1);
	}
	free(text);
}

static void fuzz_program(const struct gcs_point_info *point, const uint8_t *data, size_t size)
{
	struct gcs_condition c = {.n = 0};
	for (; size >= 3 && c.n < GCS_CONDITION_STEPS_MAX; data += 3, size -= 3)
		c.step[c.n++] = (struct gcs_condition_step){
			.code = data[0] % (GCS_CONDITION_CODES + 2),
			.type = data[1] % (GCS_OPERAND_ZERO + 3),
			.state = data[1],
			.value = fuzz_extremes[data[2] % (sizeof fuzz_extremes / sizeof fuzz_extremes[0])],
		};
	if (gcs_condition_check(&c, point) == NULL)
		fuzz_run(&c);
	c.n = GCS_CONDITION_STEPS_MAX + 1 + (uint32_t)size;
	FUZZ_HOLDS(gcs_condition_check(&c, point) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	if (data[0] % 4 == 0)
		fuzz_program(fuzz_point(data[1]), data + 2, size - 2);
	else
		fuzz_text(fuzz_point(data[1]), data + 2, size - 2);
	return 0;
}
