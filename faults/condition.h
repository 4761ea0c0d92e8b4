/*
 * condition.h: a fault's condition on the state of the runtime (`while`), as a small postfix program.
 *
 * The harness compiles the text (harness/scenario/condition_parse.c); the load line carries the program; it runs at each visit that is
 * eligible otherwise. All numbers are integers in thousandths, and what does not fit saturates: no floating point, so a simulated run
 * repeats anywhere. A program that gcs_condition_check has passed ends, and keeps within its stack, whatever the state is.
 */
#pragma once

#include "faults/points.h"

#define GCS_CONDITION_STEPS_MAX 48u
#define GCS_CONDITION_STACK_MAX 16u
#define GCS_CONDITION_MILLI	1000

/* What a value is. A number is a constant without a unit; zero fits everything that can be added up. */
enum gcs_operand {
	GCS_OPERAND_NONE,
	GCS_OPERAND_BOOL,
	GCS_OPERAND_PHASE,
	GCS_OPERAND_COUNT,
	GCS_OPERAND_BYTES,
	GCS_OPERAND_NUMBER,
	GCS_OPERAND_ZERO
};

enum gcs_condition_code {
	GCS_CONDITION_CONSTANT, /* push value */
	GCS_CONDITION_STATE,	/* push a state */
	GCS_CONDITION_ADD,
	GCS_CONDITION_SUB,
	GCS_CONDITION_MUL,
	GCS_CONDITION_LT,
	GCS_CONDITION_LE,
	GCS_CONDITION_GT,
	GCS_CONDITION_GE,
	GCS_CONDITION_EQ,
	GCS_CONDITION_NE,
	GCS_CONDITION_NOT,
	GCS_CONDITION_AND,
	GCS_CONDITION_OR,
	GCS_CONDITION_CODES
};

struct gcs_condition_step {
	uint8_t code;  /* enum gcs_condition_code */
	uint8_t type;  /* CONSTANT: enum gcs_operand */
	uint8_t state; /* STATE: enum gcs_rt_state */
	int64_t value; /* CONSTANT: thousandths of numbers and bytes; a phase, 0 or 1 */
};

struct gcs_condition {
	uint32_t n; /* steps; 0: no condition, it always holds */
	struct gcs_condition_step step[GCS_CONDITION_STEPS_MAX];
};

/* ---- the tables */

struct gcs_state_info {
	const char *name; /* "gc.phase" */
	enum gcs_rt_state id;
	enum gcs_operand type;
	bool of_map; /* only at points whose site has a map */
	bool swiss;  /* ... of Go 1.24 or later: the embedded runtime cannot tell it */
	const char *sentence;
};
struct gcs_state_word {
	const char *name; /* "mark" */
	enum gcs_operand type;
	int64_t value;
};
const struct gcs_state_info *gcs_states(size_t *ret_count);
const struct gcs_state_word *gcs_state_words(size_t *ret_count);
/* NULL: there is none. */
const struct gcs_state_info *gcs_state_by_name(const char *name);
const struct gcs_state_info *gcs_state_by_id(uint32_t id);
const struct gcs_state_word *gcs_state_word_by_name(const char *name);
/* "bytes", "a count", … */
const char *gcs_operand_name(enum gcs_operand type);
/* "+", "and", …; NULL of what only pushes. */
const char *gcs_condition_code_name(enum gcs_condition_code code);
/* GCS_CONDITION_CODES: none. */
enum gcs_condition_code gcs_condition_code_by_name(const char *name);

/* ---- checking and running */

/* What an operator makes of its operands (NOT: of a alone, b is NONE); NONE: it does not take them. */
enum gcs_operand gcs_condition_type(enum gcs_condition_code code, enum gcs_operand a, enum gcs_operand b);
/* May it run at visits of this point? NULL, or half a sentence that says why not. */
const char *gcs_condition_check(const struct gcs_condition *c, const struct gcs_point_info *point);
/* Of a program that has been checked. False too when a state cannot be told: no runtime, no map. */
bool gcs_condition_holds(const struct gcs_condition *c, const struct gcs_site *site);
