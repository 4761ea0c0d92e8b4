/*
 * condition.c: the tables that states.def generates; what a program may be.
 */
#include "faults/condition.h"

#include <string.h>

static const struct gcs_state_info states[] = {
#define STATE_IN_RUN false
#define STATE_IN_MAP true
#define STATE_IN_SWISS true
#define STATE_OF_RUN false
#define STATE_OF_MAP false
#define STATE_OF_SWISS true
#define STATE(id_, ident_, name_, type_, where_, sentence_)                                        \
	{.name = (name_),                                                                          \
	 .id = GCS_RT_##ident_,                                                                 \
	 .type = GCS_OPERAND_##type_,                                                                \
	 .of_map = STATE_IN_##where_,                                                              \
	 .swiss = STATE_OF_##where_,                                                               \
	 .sentence = (sentence_)},
#define STATE_WORD(...)
#include "faults/states.def"
#undef STATE
#undef STATE_WORD
};

static const struct gcs_state_word words[] = {
#define STATE(...)
#define STATE_WORD(type_, word_, value_)                                                           \
	{.name = (word_), .type = GCS_OPERAND_##type_, .value = (value_)},
#include "faults/states.def"
#undef STATE
#undef STATE_WORD
};

#define STATES_COUNT (sizeof(states) / sizeof(states[0]))
#define WORDS_COUNT  (sizeof(words) / sizeof(words[0]))

static const char *const codes[GCS_CONDITION_CODES] = {
	[GCS_CONDITION_ADD] = "+",   [GCS_CONDITION_SUB] = "-",	  [GCS_CONDITION_MUL] = "*",
	[GCS_CONDITION_LT] = "<",    [GCS_CONDITION_LE] = "<=",	  [GCS_CONDITION_GT] = ">",
	[GCS_CONDITION_GE] = ">=",   [GCS_CONDITION_EQ] = "==",	  [GCS_CONDITION_NE] = "!=",
	[GCS_CONDITION_NOT] = "not", [GCS_CONDITION_AND] = "and", [GCS_CONDITION_OR] = "or",
};

/* -------------------------------------------------------------------- tables */

const struct gcs_state_info *gcs_states(size_t *ret_count)
{
	*ret_count = STATES_COUNT;
	return states;
}

const struct gcs_state_word *gcs_state_words(size_t *ret_count)
{
	*ret_count = WORDS_COUNT;
	return words;
}

const struct gcs_state_info *gcs_state_by_name(const char *name)
{
	for (size_t i = 0; i < STATES_COUNT; i++)
		if (strcmp(states[i].name, name) == 0)
			return &states[i];
	return NULL;
}

const struct gcs_state_info *gcs_state_by_id(uint32_t id)
{
	for (size_t i = 0; i < STATES_COUNT; i++)
		if ((uint32_t)states[i].id == id)
			return &states[i];
	return NULL;
}

const struct gcs_state_word *gcs_state_word_by_name(const char *name)
{
	for (size_t i = 0; i < WORDS_COUNT; i++)
		if (strcmp(words[i].name, name) == 0)
			return &words[i];
	return NULL;
}

const char *gcs_operand_name(enum gcs_operand type)
{
	static const char *const names[] = {
		[GCS_OPERAND_NONE] = "nothing",	  [GCS_OPERAND_BOOL] = "true or false",
		[GCS_OPERAND_PHASE] = "a phase",	  [GCS_OPERAND_COUNT] = "a count",
		[GCS_OPERAND_BYTES] = "bytes",	  [GCS_OPERAND_NUMBER] = "a plain number",
		[GCS_OPERAND_ZERO] = "a plain number",
	};
	return names[type];
}

const char *gcs_condition_code_name(enum gcs_condition_code code)
{
	return code < GCS_CONDITION_CODES ? codes[code] : NULL;
}

enum gcs_condition_code gcs_condition_code_by_name(const char *name)
{
	for (uint32_t i = 0; i < GCS_CONDITION_CODES; i++)
		if (codes[i] != NULL && strcmp(codes[i], name) == 0)
			return (enum gcs_condition_code)i;
	return GCS_CONDITION_CODES;
}

/* --------------------------------------------------------------------- types */

static bool type_numeric(enum gcs_operand v)
{
	return v == GCS_OPERAND_COUNT || v == GCS_OPERAND_BYTES || v == GCS_OPERAND_NUMBER ||
	       v == GCS_OPERAND_ZERO;
}

/* Two that can be added up and compared: what they are together. */
static enum gcs_operand type_sum(enum gcs_operand a, enum gcs_operand b)
{
	if (!type_numeric(a) || !type_numeric(b))
		return GCS_OPERAND_NONE;
	if (a == GCS_OPERAND_ZERO)
		return b;
	if (b == GCS_OPERAND_ZERO || a == b)
		return a;
	return a == GCS_OPERAND_BYTES || b == GCS_OPERAND_BYTES ? GCS_OPERAND_NONE : GCS_OPERAND_COUNT;
}

static enum gcs_operand type_product(enum gcs_operand a, enum gcs_operand b)
{
	if (!type_numeric(a) || !type_numeric(b) || (a == GCS_OPERAND_BYTES && b == GCS_OPERAND_BYTES))
		return GCS_OPERAND_NONE;
	if (a == GCS_OPERAND_BYTES || b == GCS_OPERAND_BYTES)
		return GCS_OPERAND_BYTES;
	return a == GCS_OPERAND_COUNT || b == GCS_OPERAND_COUNT ? GCS_OPERAND_COUNT : GCS_OPERAND_NUMBER;
}

enum gcs_operand gcs_condition_type(enum gcs_condition_code code, enum gcs_operand a, enum gcs_operand b)
{
	bool numbers = type_sum(a, b) != GCS_OPERAND_NONE;
	bool words_alike = a == b && (a == GCS_OPERAND_BOOL || a == GCS_OPERAND_PHASE);

	switch (code) {
	case GCS_CONDITION_ADD:
	case GCS_CONDITION_SUB:
		return type_sum(a, b);
	case GCS_CONDITION_MUL:
		return type_product(a, b);
	case GCS_CONDITION_LT:
	case GCS_CONDITION_LE:
	case GCS_CONDITION_GT:
	case GCS_CONDITION_GE:
		return numbers ? GCS_OPERAND_BOOL : GCS_OPERAND_NONE;
	case GCS_CONDITION_EQ:
	case GCS_CONDITION_NE:
		return numbers || words_alike ? GCS_OPERAND_BOOL : GCS_OPERAND_NONE;
	case GCS_CONDITION_NOT:
		return a == GCS_OPERAND_BOOL && b == GCS_OPERAND_NONE ? GCS_OPERAND_BOOL : GCS_OPERAND_NONE;
	case GCS_CONDITION_AND:
	case GCS_CONDITION_OR:
		return a == GCS_OPERAND_BOOL && b == GCS_OPERAND_BOOL ? GCS_OPERAND_BOOL : GCS_OPERAND_NONE;
	default:
		return GCS_OPERAND_NONE;
	}
}

/* ------------------------------------------------------------------ checking */

/* The types on the stack while a program is gone through. */
struct check_stack {
	enum gcs_operand type[GCS_CONDITION_STACK_MAX];
	uint32_t n;
	bool asks; /* for a state */
};

static const char *check_push(struct check_stack *s, enum gcs_operand type)
{
	if (s->n == GCS_CONDITION_STACK_MAX)
		return "it needs too much of a stack";
	s->type[s->n++] = type;
	return NULL;
}

static const char *check_constant(struct check_stack *s, const struct gcs_condition_step *step)
{
	if (step->type == GCS_OPERAND_NONE || step->type == GCS_OPERAND_COUNT ||
	    step->type > GCS_OPERAND_ZERO)
		return "a constant is of no kind";
	return check_push(s, (enum gcs_operand)step->type);
}

static const char *check_state(struct check_stack *s, const struct gcs_condition_step *step,
			       const struct gcs_point_info *point)
{
	const struct gcs_state_info *state = gcs_state_by_id(step->state);

	if (state == NULL)
		return "it asks for a state that is not there";
	if (state->of_map && !gcs_point_has_map(point))
		return "the point has no map there";
	s->asks = true;
	return check_push(s, state->type);
}

static const char *check_operator(struct check_stack *s, const struct gcs_condition_step *step)
{
	uint32_t takes = step->code == GCS_CONDITION_NOT ? 1 : 2;
	enum gcs_operand b = GCS_OPERAND_NONE, made;

	if (step->code >= GCS_CONDITION_CODES)
		return "it has an operator that is not there";
	if (s->n < takes)
		return "an operator lacks an operand";
	if (takes == 2)
		b = s->type[--s->n];
	made = gcs_condition_type((enum gcs_condition_code)step->code, s->type[s->n - 1], b);
	if (made == GCS_OPERAND_NONE)
		return "an operator does not take its operands";
	s->type[s->n - 1] = made;
	return NULL;
}

const char *gcs_condition_check(const struct gcs_condition *c, const struct gcs_point_info *point)
{
	struct check_stack s = {.n = 0};
	const char *why = NULL;

	if (c->n == 0)
		return NULL;
	if (c->n > GCS_CONDITION_STEPS_MAX)
		return "it is too long";
	if (!gcs_point_in_target(point))
		return "the harness decides at system calls, and does not see the runtime's state";
	for (uint32_t i = 0; i < c->n && why == NULL; i++) {
		const struct gcs_condition_step *step = &c->step[i];

		if (step->code == GCS_CONDITION_CONSTANT)
			why = check_constant(&s, step);
		else if (step->code == GCS_CONDITION_STATE)
			why = check_state(&s, step, point);
		else
			why = check_operator(&s, step);
	}
	if (why != NULL)
		return why;
	if (s.n != 1 || s.type[0] != GCS_OPERAND_BOOL)
		return "it does not come to true or false";
	return s.asks ? NULL : "it asks nothing of the runtime";
}
