/* churn_key.c: see churn_key.h. */
#include "workloads/churn_key.h"

#include "workloads/workload.h"

#include <string.h>

#define CHURN_ABSENT	 (UINT64_C(1) << 62)
#define CHURN_ABSENT_U32 UINT32_C(0x80000000)
#define CHURN_DIGITS	 11u /* of six bits: a number */

static const struct mrt_type churn_text_type = {.name = "churn key", .size = 1};
static const struct mrt_type churn_array_type = {.name = "churn key", .size = 32};

int churn_keys_init(struct churn_keys *k, enum plan_key kind, uint64_t salt,
		    const struct mrt_type *elem)
{
	static const struct mrt_key_type types[] = {
		[PLAN_KEY_U64] = {.kind = MRT_KEY_U64},
		[PLAN_KEY_U32] = {.kind = MRT_KEY_U32},
		[PLAN_KEY_STRING] = {.kind = MRT_KEY_STRING},
		[PLAN_KEY_BYTES32] = {.kind = MRT_KEY_MEMORY, .layout = &churn_array_type},
	};

	k->kind = kind;
	k->salt = salt;
	return mrt_map_type_init_key(&k->mt, &types[kind], elem);
}

/* Different for different x (the finalizer of MurmurHash3). */
static uint32_t churn_mix_u32(uint32_t x)
{
	x ^= x >> 16;
	x *= UINT32_C(0x85ebca6b);
	x ^= x >> 13;
	x *= UINT32_C(0xc2b2ae35);
	return x ^ x >> 16;
}

/* u32: n counts modulo 2^31, and 0 is among them. */
static uint64_t churn_key_number(const struct churn_keys *k, uint64_t n)
{
	uint64_t number;

	if (k->kind == PLAN_KEY_U32)
		return churn_mix_u32((uint32_t)k->salt + ((uint32_t)n & ~CHURN_ABSENT_U32));
	number = work_mix(k->salt + n);
	return number != 0 ? number : 1;
}

uint64_t churn_key_fresh(const struct churn_keys *k, const struct model *m, uint64_t *next)
{
	uint64_t number = churn_key_number(k, *next);

	while (k->kind == PLAN_KEY_U32 && (number == 0 || model_find(m, number) != NULL))
		number = churn_key_number(k, ++*next);
	return number;
}

uint64_t churn_key_absent(const struct churn_keys *k, uint64_t random)
{
	if (k->kind == PLAN_KEY_U32)
		return churn_mix_u32((uint32_t)k->salt + ((uint32_t)random | CHURN_ABSENT_U32));
	return churn_key_number(k, CHURN_ABSENT + random % CHURN_ABSENT);
}

/* ------------------------------------------------------------------- content */

static const char churn_digit[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";

static void churn_text(char *text, size_t bytes, uint64_t bits)
{
	for (size_t i = 0; i < bytes; i++, bits >>= 6)
		text[i] = churn_digit[bits & 63];
}

/* The text of a number into the hand. */
static void churn_build_text(struct churn_keys *k, uint64_t number)
{
	size_t bytes = CHURN_TEXT_BYTES_MIN +
		       work_word(number, 0, 0) % (CHURN_TEXT_BYTES_MAX - CHURN_TEXT_BYTES_MIN + 1);

	churn_text(k->hand.text, CHURN_DIGITS, number);
	for (size_t at = CHURN_DIGITS; at < bytes; at += CHURN_DIGITS - 1) {
		size_t left = bytes - at;

		churn_text(k->hand.text + at, left < CHURN_DIGITS - 1 ? left : CHURN_DIGITS - 1,
			   work_word(number, 0, at));
	}
	k->string = (struct mrt_string){k->hand.text, bytes};
}

const void *churn_key_build(struct churn_keys *k, uint64_t number)
{
	if (k->kind == PLAN_KEY_STRING) {
		churn_build_text(k, number);
		return &k->string;
	}
	k->hand.word[0] = number;
	for (uint64_t i = 1; i < 4; i++)
		k->hand.word[i] = work_word(number, 0, i);
	return k->hand.word;
}

/* What a text says that may have been overwritten. */
static uint64_t churn_read_text(const struct mrt_string *s)
{
	uint64_t number = 0;

	if (s->bytes < CHURN_TEXT_BYTES_MIN || s->bytes > CHURN_TEXT_BYTES_MAX)
		return 0;
	for (uint32_t i = 0; i < CHURN_DIGITS; i++) {
		const char *digit = memchr(churn_digit, s->data[i], sizeof(churn_digit) - 1);

		if (digit != NULL)
			number |= (uint64_t)(digit - churn_digit) << 6 * i;
	}
	return number;
}

uint64_t churn_key_met(struct churn_keys *k, const struct mrt_map_iter *it, bool *ret_whole)
{
	uint64_t number = it->key;

	*ret_whole = true;
	if (k->kind == PLAN_KEY_STRING) {
		const struct mrt_string *s = it->key_ptr;

		number = churn_read_text(s);
		churn_build_text(k, number);
		*ret_whole = s->bytes == k->string.bytes &&
			     memcmp(s->data, k->string.data, s->bytes) == 0;
	} else if (k->kind == PLAN_KEY_BYTES32) {
		memcpy(&number, it->key_ptr, sizeof(number));
		*ret_whole = memcmp(it->key_ptr, churn_key_build(k, number), 32) == 0;
	}
	return number;
}

/* --------------------------------------------------------------------- store */

int churn_key_put_built(mrt_g *g, struct churn_keys *k, mrt_map *m, uint64_t number, const void *elem)
{
	MRT_ROOTS(g, text, 1);
	int r;

	churn_key_build(k, number);
	if (k->kind == PLAN_KEY_BYTES32)
		return mrt_map_put_key(g, &k->mt, m, k->hand.word, elem);
	r = mrt_new_array(g, &churn_text_type, k->string.bytes, &text[0]);
	if (r < 0)
		return r;
	memcpy(text[0], k->hand.text, k->string.bytes);
	return mrt_map_put_key(g, &k->mt, m, &(struct mrt_string){text[0], k->string.bytes}, elem);
}
