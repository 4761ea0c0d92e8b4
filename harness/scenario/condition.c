/*
 * condition.c: from text to a program, by recursive descent, one token ahead.
 *
 *   or: and {or and}   and: not {and not}   not: {not} comparison   comparison: sum [op sum]
 *   sum: product {+ product}   product: value {* value}   value: number, name, word or (or)
 *
 * Steps are written as their operands are done, so the program is in postfix order by itself. Each function is false after an error, of
 * which only the first is said.
 */
#include "harness/scenario/condition.h"

#include "harness/base/suggest.h"
#include "harness/base/units.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#define CONDITION_NESTING_MAX 16u
#define CONDITION_NUMBER_MAX  32u
#define CONDITION_NAMES_MAX   64u
#define CONDITION_WHOLE_MAX   (INT64_MAX / GCS_CONDITION_MILLI)

enum condition_kind {
	CONDITION_END,
	CONDITION_NUMBER,
	CONDITION_NAME,
	CONDITION_OPERATOR,
	CONDITION_OPEN,
	CONDITION_CLOSE,
	CONDITION_STRAY
};

struct condition_token {
	enum condition_kind kind;
	enum gcs_condition_code code; /* OPERATOR */
	uint32_t at, bytes;
};

struct condition_parser {
	const char *text;
	const struct gcs_point_info *point;
	struct condition_token now;
	uint32_t end; /* of the token before it */
	uint32_t nesting;
	struct gcs_condition *c;
	struct gcs_condition_error *e;
};

/* A part that has been read: what it is and where it stands. */
struct condition_part {
	enum gcs_operand type;
	uint32_t at, bytes;
};

__attribute__((format(printf, 4, 5))) static bool condition_refuse(struct condition_parser *p,
								   uint32_t at, uint32_t bytes,
								   const char *format, ...)
{
	va_list args;
	p->e->at = at;
	p->e->bytes = bytes ? bytes : 1;
	va_start(args, format);
	vsnprintf(p->e->text, sizeof p->e->text, format, args);
	va_end(args);
	return false;
}

static bool condition_expected(struct condition_parser *p, const char *expected)
{
	snprintf(p->e->expected, sizeof p->e->expected, "%s", expected);
	return false;
}

static bool condition_hint(struct condition_parser *p, const char *hint)
{
	snprintf(p->e->hint, sizeof p->e->hint, "%s", hint);
	return false;
}

/* ---- tokens */

static uint32_t token_operator(const char *at, enum gcs_condition_code *ret)
{
	static const struct {
		const char *text;
		enum gcs_condition_code code;
	} rows[] = {
		{"==", GCS_CONDITION_EQ}, {"!=", GCS_CONDITION_NE},  {"<=", GCS_CONDITION_LE},
		{">=", GCS_CONDITION_GE}, {"&&", GCS_CONDITION_AND}, {"||", GCS_CONDITION_OR},
		{"<", GCS_CONDITION_LT},  {">", GCS_CONDITION_GT},   {"+", GCS_CONDITION_ADD},
		{"-", GCS_CONDITION_SUB}, {"*", GCS_CONDITION_MUL},  {"!", GCS_CONDITION_NOT},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (strncmp(at, rows[i].text, strlen(rows[i].text)) != 0)
			continue;
		*ret = rows[i].code;
		return (uint32_t)strlen(rows[i].text);
	}
	return 0;
}

static bool token_is_name(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '.';
}

/* A name, or a word that is an operator. */
static struct condition_token token_word(const char *text, uint32_t at)
{
	struct condition_token t = {CONDITION_NAME, GCS_CONDITION_CODES, at, 0};
	char word[4] = "";
	while (token_is_name(text[at + t.bytes]))
		t.bytes++;
	if (t.bytes < sizeof word)
		memcpy(word, text + at, t.bytes);
	t.code = gcs_condition_code_by_name(word);
	if (t.code != GCS_CONDITION_CODES)
		t.kind = CONDITION_OPERATOR;
	return t;
}

static struct condition_token token_at(const char *text, uint32_t at)
{
	struct condition_token t = {CONDITION_STRAY, GCS_CONDITION_CODES, at, 1};
	char c = text[at];
	if (c == '\0') {
		t.kind = CONDITION_END;
	} else if (isdigit((unsigned char)c)) {
		t.kind = CONDITION_NUMBER;
		while (token_is_name(text[at + t.bytes]) || text[at + t.bytes] == '%')
			t.bytes++;
	} else if (isalpha((unsigned char)c) || c == '_') {
		t = token_word(text, at);
	} else if (c == '(' || c == ')') {
		t.kind = c == '(' ? CONDITION_OPEN : CONDITION_CLOSE;
	} else {
		uint32_t bytes = token_operator(text + at, &t.code);
		t.kind = bytes ? CONDITION_OPERATOR : CONDITION_STRAY;
		t.bytes = bytes ? bytes : 1;
	}
	return t;
}

static void condition_next(struct condition_parser *p)
{
	p->end = p->now.at + (p->now.kind == CONDITION_END ? 0 : p->now.bytes);
	uint32_t at = p->end;
	while (isspace((unsigned char)p->text[at]))
		at++;
	p->now = token_at(p->text, at);
}

static bool condition_stray(struct condition_parser *p, const char *expected)
{
	const struct condition_token *t = &p->now;
	if (t->kind == CONDITION_END)
		condition_refuse(p, t->at, 1, "the condition ends here");
	else
		condition_refuse(p, t->at, t->bytes, "'%.*s' cannot stand here",
				 (int)(t->bytes < 64 ? t->bytes : 64), p->text + t->at);
	condition_expected(p, expected);
	switch (p->text[t->at]) {
	case '=':
		return condition_hint(p, t->kind == CONDITION_STRAY ? "did you mean '=='?" : "");
	case '&':
		return condition_hint(p, t->kind == CONDITION_STRAY ? "did you mean '&&'?" : "");
	case '|':
		return condition_hint(p, t->kind == CONDITION_STRAY ? "did you mean '||'?" : "");
	case '/':
		return condition_hint(p, "there is no division: write 2 * heap.live > heap.goal");
	default:
		return false;
	}
}

/* ---- steps */

static bool condition_step(struct condition_parser *p, struct gcs_condition_step step, uint32_t at)
{
	if (p->c->n == GCS_CONDITION_STEPS_MAX)
		return condition_refuse(p, at, 1, "the condition is too long: from here on");
	p->c->step[p->c->n++] = step;
	return true;
}

static const char *condition_wants(enum gcs_operand type)
{
	switch (type) {
	case GCS_OPERAND_BYTES:
		return "bytes with their unit, such as 64MiB, or a size of the heap";
	case GCS_OPERAND_PHASE:
		return "off, mark, termination";
	case GCS_OPERAND_BOOL:
		return "true, false";
	default:
		return "a count, such as 500 or 10k";
	}
}

/* The operand that is to blame, when an operator does not take both. */
static bool condition_clash(struct condition_parser *p, enum gcs_condition_code code,
			    const struct condition_part *a, const struct condition_part *b)
{
	const char *name = gcs_condition_code_name(code);
	bool constant = a->type == GCS_OPERAND_NUMBER || a->type == GCS_OPERAND_ZERO;
	const struct condition_part *bad = b, *good = a;
	if (code == GCS_CONDITION_AND || code == GCS_CONDITION_OR) {
		bad = a->type != GCS_OPERAND_BOOL ? a : b;
		condition_refuse(p, bad->at, bad->bytes, "'%s' joins what is true or false, and this is %s",
				 name, gcs_operand_name(bad->type));
		return condition_expected(p, "a comparison, such as gc.phase == mark");
	}
	if (constant && b->type == GCS_OPERAND_BYTES) {
		bad = a;
		good = b;
	}
	if (code == GCS_CONDITION_MUL && a->type == b->type)
		return condition_refuse(p, b->at, b->bytes, "%s cannot be multiplied by %s",
					gcs_operand_name(a->type), gcs_operand_name(b->type));
	if (a->type == b->type) {
		condition_refuse(p, a->at, a->bytes, "'%s' does not take %s", name,
				 gcs_operand_name(a->type));
		return condition_expected(p, "numbers; words are compared by == and !=");
	}
	condition_refuse(p, bad->at, bad->bytes, "'%s' cannot take %s with %s", name,
			 gcs_operand_name(good->type), gcs_operand_name(bad->type));
	return condition_expected(p, condition_wants(good->type));
}

/* *a becomes a op b. */
static bool condition_apply(struct condition_parser *p, enum gcs_condition_code code,
			    struct condition_part *a, const struct condition_part *b)
{
	enum gcs_operand made = gcs_condition_type(code, a->type, b->type);
	if (made == GCS_OPERAND_NONE)
		return condition_clash(p, code, a, b);
	a->type = made;
	a->bytes = b->at + b->bytes - a->at;
	return condition_step(p, (struct gcs_condition_step){.code = (uint8_t)code}, b->at);
}

/* ---- values */

/* Thousandths of a plain number: 500, 10k, 0.9, 90%. 0, -EINVAL, -ERANGE. */
static int number_plain(char *word, int64_t *ret)
{
	size_t n = strlen(word);
	uint32_t milli;
	uint64_t whole;
	bool percent = word[n - 1] == '%';
	if (percent)
		word[n - 1] = '\0';
	if (percent || strchr(word, '.') != NULL) {
		int e = gcs_parse_factor(word, &milli);
		if (e == 0) {
			*ret = percent ? milli / 100 : milli;
			return percent && milli % 100 ? -ERANGE : 0;
		}
		if (percent || e == -ERANGE)
			return e;
	}
	int e = gcs_parse_count(word, &whole);
	if (e)
		return e;
	if (whole > CONDITION_WHOLE_MAX)
		return -ERANGE;
	*ret = (int64_t)whole * GCS_CONDITION_MILLI;
	return 0;
}

static int number_parse(char *word, struct gcs_condition_step *ret)
{
	uint64_t bytes;
	int e;
	if (word[strlen(word) - 1] != 'B') {
		e = number_plain(word, &ret->value);
		ret->type = ret->value == 0 ? GCS_OPERAND_ZERO : GCS_OPERAND_NUMBER;
		return e;
	}
	e = gcs_parse_bytes(word, &bytes);
	if (e)
		return e;
	if (bytes > CONDITION_WHOLE_MAX)
		return -ERANGE;
	ret->value = (int64_t)bytes * GCS_CONDITION_MILLI;
	ret->type = GCS_OPERAND_BYTES;
	return 0;
}

static bool condition_number(struct condition_parser *p, struct condition_part *ret)
{
	struct gcs_condition_step step = {.code = GCS_CONDITION_CONSTANT};
	const struct condition_token *t = &p->now;
	char word[CONDITION_NUMBER_MAX] = "";
	int e = -EINVAL;
	if (t->bytes < sizeof word) {
		memcpy(word, p->text + t->at, t->bytes);
		e = number_parse(word, &step);
	}
	if (e) {
		condition_refuse(p, t->at, t->bytes,
				 e == -ERANGE ? "too large a number, or finer than a thousandth: '%.*s'"
					      : "not a number that a condition can have: '%.*s'",
				 (int)(t->bytes < 64 ? t->bytes : 64), p->text + t->at);
		return condition_expected(p, "a number such as 500, 10k, 0.9, 90% or 64MiB");
	}
	ret->type = (enum gcs_operand)step.type;
	return condition_step(p, step, t->at);
}

/* All that a name may be, for hints and lists. */
static size_t condition_names(const char *ret[CONDITION_NAMES_MAX], bool of_map)
{
	size_t nstates, nwords, n = 0;
	const struct gcs_state_info *state = gcs_states(&nstates);
	const struct gcs_state_word *word = gcs_state_words(&nwords);
	for (size_t i = 0; i < nstates && n < CONDITION_NAMES_MAX; i++)
		if (of_map || !state[i].of_map)
			ret[n++] = state[i].name;
	for (size_t i = 0; i < nwords && n < CONDITION_NAMES_MAX; i++)
		ret[n++] = word[i].name;
	return n;
}

static bool condition_unknown(struct condition_parser *p, const char *word)
{
	const char *names[CONDITION_NAMES_MAX];
	size_t all = condition_names(names, true);
	const char *near = gcs_suggest(word, names, all, sizeof names[0]);
	condition_refuse(p, p->now.at, p->now.bytes, "there is no state or word '%s'", word);
	if (near)
		snprintf(p->e->hint, sizeof p->e->hint, "did you mean '%s'?", near);
	size_t n = condition_names(names, gcs_point_has_map(p->point)), len = 0;
	for (size_t i = 0; i < n && len < sizeof p->e->expected; i++)
		len += (size_t)snprintf(p->e->expected + len, sizeof p->e->expected - len, "%s%s",
					i ? ", " : "", names[i]);
	return false;
}

static bool condition_no_map(struct condition_parser *p, const char *word)
{
	size_t n, len = 0;
	const struct gcs_point_info *all = gcs_points(&n);
	condition_refuse(p, p->now.at, p->now.bytes, "'%s' cannot be asked at %s: it has no map there",
			 word, p->point->name);
	for (size_t i = 0; i < n && len < sizeof p->e->expected; i++)
		if (gcs_point_has_map(&all[i]))
			len += (size_t)snprintf(p->e->expected + len, sizeof p->e->expected - len,
						"%s%s", len ? ", " : "a state of the run, or one of the points ",
						all[i].name);
	return false;
}

static bool condition_name(struct condition_parser *p, struct condition_part *ret)
{
	const struct condition_token *t = &p->now;
	char word[CONDITION_NUMBER_MAX] = "";
	memcpy(word, p->text + t->at, t->bytes < sizeof word ? t->bytes : sizeof word - 1);
	const struct gcs_state_info *state = gcs_state_by_name(word);
	const struct gcs_state_word *said = gcs_state_word_by_name(word);
	struct gcs_condition_step step = {.code = GCS_CONDITION_CONSTANT};
	if (t->bytes >= sizeof word || (!state && !said))
		return condition_unknown(p, word);
	if (state && state->of_map && !gcs_point_has_map(p->point))
		return condition_no_map(p, word);
	if (state) {
		step = (struct gcs_condition_step){.code = GCS_CONDITION_STATE,
						   .state = (uint8_t)state->id};
	} else {
		step.type = (uint8_t)said->type;
		step.value = said->value;
	}
	ret->type = state ? state->type : said->type;
	return condition_step(p, step, t->at);
}

/* ---- the grammar */

#define CONDITION_VALUE "a state, a number or a word: `gcstorm list states` has the states"

static bool condition_or(struct condition_parser *p, struct condition_part *ret);

static bool condition_nested(struct condition_parser *p)
{
	if (++p->nesting <= CONDITION_NESTING_MAX)
		return true;
	return condition_refuse(p, p->now.at, p->now.bytes, "the condition is nested too deeply");
}

static bool condition_brackets(struct condition_parser *p, struct condition_part *ret)
{
	uint32_t at = p->now.at;
	if (!condition_nested(p))
		return false;
	condition_next(p);
	if (!condition_or(p, ret))
		return false;
	if (p->now.kind != CONDITION_CLOSE)
		return condition_stray(p, "an operator, or )");
	ret->at = at;
	ret->bytes = p->now.at + 1 - at;
	p->nesting--;
	return true;
}

static bool condition_value(struct condition_parser *p, struct condition_part *ret)
{
	bool good;
	*ret = (struct condition_part){GCS_OPERAND_NONE, p->now.at, p->now.bytes};
	if (p->now.kind == CONDITION_NUMBER)
		good = condition_number(p, ret);
	else if (p->now.kind == CONDITION_NAME)
		good = condition_name(p, ret);
	else if (p->now.kind == CONDITION_OPEN)
		good = condition_brackets(p, ret);
	else
		good = condition_stray(p, CONDITION_VALUE);
	if (good)
		condition_next(p);
	return good;
}

static bool condition_at(const struct condition_parser *p, enum gcs_condition_code from,
			 enum gcs_condition_code to)
{
	return p->now.kind == CONDITION_OPERATOR && p->now.code >= from && p->now.code <= to;
}

/* What one level does: its operators are codes from..to, its operands what `part` reads. */
static bool condition_level(struct condition_parser *p, enum gcs_condition_code from,
			    enum gcs_condition_code to,
			    bool (*part)(struct condition_parser *, struct condition_part *),
			    struct condition_part *ret)
{
	if (!part(p, ret))
		return false;
	while (condition_at(p, from, to)) {
		enum gcs_condition_code code = p->now.code;
		struct condition_part b;
		condition_next(p);
		if (!part(p, &b) || !condition_apply(p, code, ret, &b))
			return false;
	}
	return true;
}

static bool condition_product(struct condition_parser *p, struct condition_part *ret)
{
	return condition_level(p, GCS_CONDITION_MUL, GCS_CONDITION_MUL, condition_value, ret);
}

static bool condition_sum(struct condition_parser *p, struct condition_part *ret)
{
	return condition_level(p, GCS_CONDITION_ADD, GCS_CONDITION_SUB, condition_product, ret);
}

static bool condition_comparison(struct condition_parser *p, struct condition_part *ret)
{
	struct condition_part b;
	if (!condition_sum(p, ret))
		return false;
	if (!condition_at(p, GCS_CONDITION_LT, GCS_CONDITION_NE))
		return true;
	enum gcs_condition_code code = p->now.code;
	condition_next(p);
	if (!condition_sum(p, &b) || !condition_apply(p, code, ret, &b))
		return false;
	if (!condition_at(p, GCS_CONDITION_LT, GCS_CONDITION_NE))
		return true;
	condition_refuse(p, p->now.at, p->now.bytes, "comparisons do not follow one another");
	return condition_expected(p, "a < b and b < c");
}

static bool condition_not(struct condition_parser *p, struct condition_part *ret)
{
	uint32_t at = p->now.at;
	if (!condition_at(p, GCS_CONDITION_NOT, GCS_CONDITION_NOT))
		return condition_comparison(p, ret);
	if (!condition_nested(p))
		return false;
	condition_next(p);
	if (!condition_not(p, ret))
		return false;
	p->nesting--;
	if (ret->type != GCS_OPERAND_BOOL) {
		condition_refuse(p, ret->at, ret->bytes, "'not' takes what is true or false, and this is %s",
				 gcs_operand_name(ret->type));
		return condition_expected(p, "a comparison, such as gc.phase == mark");
	}
	ret->bytes += ret->at - at;
	ret->at = at;
	return condition_step(p, (struct gcs_condition_step){.code = GCS_CONDITION_NOT}, at);
}

static bool condition_and(struct condition_parser *p, struct condition_part *ret)
{
	return condition_level(p, GCS_CONDITION_AND, GCS_CONDITION_AND, condition_not, ret);
}

static bool condition_or(struct condition_parser *p, struct condition_part *ret)
{
	return condition_level(p, GCS_CONDITION_OR, GCS_CONDITION_OR, condition_and, ret);
}

static bool condition_whole(struct condition_parser *p)
{
	struct condition_part all;
	condition_next(p);
	if (!condition_or(p, &all))
		return false;
	if (p->now.kind != CONDITION_END)
		return condition_stray(p, "an operator, or the end");
	if (all.type != GCS_OPERAND_BOOL) {
		condition_refuse(p, all.at, all.bytes, "a condition is true or false, and this is %s",
				 gcs_operand_name(all.type));
		return condition_expected(p, "a comparison, such as heap.live > 0.9 * heap.goal");
	}
	const char *why = gcs_condition_check(p->c, p->point);
	return why ? condition_refuse(p, all.at, all.bytes, "this cannot be a condition: %s", why) : true;
}

int gcs_condition_parse(const char *text, const struct gcs_point_info *point,
			struct gcs_condition *ret, struct gcs_condition_error *e)
{
	struct gcs_condition c = {.n = 0};
	struct condition_parser p = {.text = text, .point = point, .c = &c, .e = e};
	*e = (struct gcs_condition_error){0};
	if (!condition_whole(&p))
		return -EINVAL;
	*ret = c;
	return 0;
}

bool gcs_condition_scale(struct gcs_condition *c, uint32_t heap_milli)
{
	bool found = false;
	for (uint32_t i = 0; i < c->n; i++) {
		struct gcs_condition_step *step = &c->step[i];
		if (step->code != GCS_CONDITION_CONSTANT || step->type != GCS_OPERAND_BYTES)
			continue;
		__int128 scaled = (__int128)step->value * 1000 / heap_milli;
		step->value = scaled > INT64_MAX ? INT64_MAX : (int64_t)scaled;
		found = true;
	}
	return found;
}
