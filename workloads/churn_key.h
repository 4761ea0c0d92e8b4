/*
 * churn_key.h: the keys of map-churn's maps: u64, u32, string or bytes32 (map[uint64]V, map[uint32]V,
 * map[string]V, map[[32]byte]V).
 *
 * The model knows a key by its number. Of the integers the number is the key; a string or an array
 * begins with it and goes on with what follows from it, so a key that is met tells which it is and
 * whether it is whole.
 *
 * A string's text is a managed object that the map keeps alive. Every store makes one, also that of
 * a key which the map has: an update takes the new string and lets the old one go, as Go's maps do
 * (mapassign_faststr; needkeyupdate). A look-up or deletion makes none, as m[string(bytes)]. Texts
 * have 12 to 43 bytes, evenly: those below 16 share blocks (the tiny allocator), and both sides of
 * the 32 bytes from which a map of one bucket compares strings otherwise are there.
 */
#pragma once

#include "runtime/mrt.h"
#include "workloads/model.h"
#include "workloads/plan.h"

#define CHURN_TEXT_BYTES_MIN 12u
#define CHURN_TEXT_BYTES_MAX 43u

struct churn_keys {
	enum plan_key kind;
	uint64_t salt;
	struct mrt_map_type mt;
	/* the key in hand, outside the managed heap */
	union {
		uint64_t word[4];
		char text[CHURN_TEXT_BYTES_MAX];
	} hand;
	struct mrt_string string;
};

/* -EINVAL, -ENOSPC: as mrt_map_type_init_key. */
int churn_keys_init(struct churn_keys *k, enum plan_key kind, uint64_t salt,
		    const struct mrt_type *elem);

/* The number of a key that the model does not have and never had, the *next-th or, where *next is moved on to, a later one. Of the u32 there
 * are 2^31, and then the first come again. Never 0, which the model keeps for itself. At most one step more than the model has keys. */
uint64_t churn_key_fresh(const struct churn_keys *k, const struct model *m, uint64_t *next);
/* One that churn_key_fresh does not give. */
uint64_t churn_key_absent(const struct churn_keys *k, uint64_t random);

/* The key with this number, by address: string, bytes32. Valid until the next call. */
const void *churn_key_build(struct churn_keys *k, uint64_t number);
/* As mrt_map_put. Safepoints; elem's pointers are rooted by the caller. */
int churn_key_put_built(mrt_g *g, struct churn_keys *k, mrt_map *m, uint64_t number, const void *elem);
/* The number of the key that an iteration has met; *ret_whole: it is that key to the last byte. */
uint64_t churn_key_met(struct churn_keys *k, const struct mrt_map_iter *it, bool *ret_whole);

/* The map operations; the integers' are those that take a number, without a detour. */
static inline bool churn_keys_are_ints(const struct churn_keys *k)
{
	return k->kind == PLAN_KEY_U64 || k->kind == PLAN_KEY_U32;
}
static inline const void *churn_key_get(mrt_g *g, struct churn_keys *k, mrt_map *m, uint64_t number)
{
	if (__builtin_expect(churn_keys_are_ints(k), 1))
		return mrt_map_get(g, &k->mt, m, number);
	return mrt_map_get_key(g, &k->mt, m, churn_key_build(k, number));
}
static inline int churn_key_put(mrt_g *g, struct churn_keys *k, mrt_map *m, uint64_t number,
				const void *elem)
{
	if (__builtin_expect(churn_keys_are_ints(k), 1))
		return mrt_map_put(g, &k->mt, m, number, elem);
	return churn_key_put_built(g, k, m, number, elem);
}
static inline bool churn_key_delete(mrt_g *g, struct churn_keys *k, mrt_map *m, uint64_t number)
{
	if (__builtin_expect(churn_keys_are_ints(k), 1))
		return mrt_map_delete(g, &k->mt, m, number);
	return mrt_map_delete_key(g, &k->mt, m, churn_key_build(k, number));
}
