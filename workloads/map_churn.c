/*
 * map_churn.c: steady insert and delete on a long-lived map.
 *
 * The map is filled with keys/units entries before the run, and then insertions and deletions keep
 * it there in equal volume: a deletion takes a random key, an insertion brings a key that was never
 * there (one in eight updates an old one). So the population shifts through the map for as long as
 * it lives: slots are freed and filled everywhere, overflow chains stay, and now and then they
 * bring the map to grow at the same size (incident I1). A mix that is not balanced is held within
 * an eighth of the target.
 *
 * Keys are integers, strings or arrays: churn_key.h.
 *
 * Values carry words that follow from key and version: u64 (one word), inline (value_bytes <= 128,
 * in the bucket), indirect (more: the map keeps them behind a pointer), ptr (a pointer to an object
 * of value_bytes, made for each store), pooled (a pointer to a buffer of value_bytes from the unit's
 * pool). A look-up of an inline or indirect value copies it whole, as v := m[k] does.
 *
 * With `renew` a unit's map gives way to a new and empty one after so many operations, as a cache
 * does that is thrown away and fills again; it grows from nothing each time. The old one is walked and
 * compared before that.
 *
 * The pool is a shelf of free buffers in managed memory, the unit's own: a value that is deleted or
 * replaced goes back to it, a store takes from it and makes a new one only when it is empty. It is
 * a free list, not a sync.Pool: nothing but the unit takes from it and no collection empties it. A
 * buffer on the shelf carries CHURN_FREE in its first word, so one that is still in use shows.
 */
#include "workloads/churn_key.h"
#include "workloads/look.h"
#include "workloads/model.h"
#include "workloads/workload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHURN_INLINE_BYTES_MAX 128u
#define CHURN_UPDATE_ONE_IN    8u
#define CHURN_WHOLE_ONE_IN     8u  /* look-ups that compare every word */
#define CHURN_ABSENT_ONE_IN    8u  /* look-ups of a key that was never there */
#define CHURN_RECHECK_ONE_IN   16u /* deletions that look for the key again */
#define CHURN_AFTER_ERROR      32u /* entries compared after an -ENOMEM */
#define CHURN_POLL_EVERY       64u /* entries between safepoints of a full check */
#define CHURN_FREE	       UINT64_C(0x6672656562756666)
#define CHURN_SHELF_MAX	       65536u /* buffers; what does not fit is left to the collector */
#define CHURN_U32_KEYS_MAX     (UINT64_C(1) << 30)

struct churn {
	struct work_unit unit;
	struct mrt_type object; /* ptr, pooled: what a value points to */
	struct mrt_type elem;
	struct churn_keys keys;
	struct model model; /* by the keys' numbers */
	uint64_t next;	    /* which number is the next new key's: churn_key_number */
	uint32_t target, words;
	uint32_t ops; /* since the map was renewed */
	uint32_t shelf_cap, shelf_count; /* pooled */
	uint64_t *scratch;		 /* a value being stored, or the copy of one that was read */
	uint8_t *seen; /* one bit an entry of the model: met by the iteration */
};

/* pooled: what the unit's root is. Managed. */
struct churn_hold {
	void *map;
	void *shelf; /* an array of pointers, the first shelf_count of them not NULL */
};

static const uint64_t churn_ptrmask[1] = {1};
static const uint64_t churn_hold_ptrmask[1] = {3};
static const struct mrt_type churn_hold_type = {
	.name = "churn hold",
	.size = sizeof(struct churn_hold),
	.ptr_words = 2,
	.ptrmask = churn_hold_ptrmask,
};
static const struct mrt_type churn_slot_type = {
	.name = "churn shelf",
	.size = 8,
	.ptr_words = 1,
	.ptrmask = churn_ptrmask,
};

static int churn_accept(const struct plan_workload *w, char *text, size_t cap)
{
	const char *why = NULL;

	if (w->keys == 0)
		why = "keys must be at least 1";
	else if (w->key == PLAN_KEY_U32 && w->keys > CHURN_U32_KEYS_MAX)
		why = "there are at most 1073741824 keys of 32 bits";
	else if (w->value == PLAN_VALUE_INLINE && w->value_bytes > CHURN_INLINE_BYTES_MAX)
		why = "an inline value has at most 128 bytes";
	else if (w->value == PLAN_VALUE_INDIRECT && w->value_bytes <= CHURN_INLINE_BYTES_MAX)
		why = "an indirect value has more than 128 bytes";
	else if (w->value_bytes % 8 != 0)
		why = "value_bytes must be a multiple of 8";
	if (why == NULL)
		return 0;
	snprintf(text, cap, "%s: %s", w->id, why);
	return -EINVAL;
}

static struct churn *churn_of(struct work_unit *u)
{
	return (struct churn *)u;
}

static bool churn_pooled(const struct churn *c)
{
	return c->unit.w->value == PLAN_VALUE_POOLED;
}

/* Does the map hold pointers to the values? */
static bool churn_points(const struct churn *c)
{
	return c->unit.w->value == PLAN_VALUE_PTR || churn_pooled(c);
}

static mrt_map *churn_map(const struct churn *c)
{
	struct churn_hold *hold = mrt_load(c->unit.root);

	return churn_pooled(c) ? mrt_load(&hold->map) : (mrt_map *)(void *)hold;
}

/* ---------------------------------------------------------------------- pool */

static void **churn_shelf(const struct churn *c)
{
	struct churn_hold *hold = mrt_load(c->unit.root);

	return mrt_load(&hold->shelf);
}

/* A buffer for the caller's root slot. -ENOMEM. */
static int churn_take(mrt_g *g, struct churn *c, void **ret)
{
	void **slot;
	uint64_t *buffer;

	if (c->shelf_count == 0)
		return mrt_new(g, &c->object, ret);
	slot = &churn_shelf(c)[--c->shelf_count];
	buffer = *ret = mrt_load(slot);
	if (buffer[0] != CHURN_FREE)
		work_integrity(&c->unit, WORK_VALUE, 0, CHURN_FREE, buffer[0]);
	mrt_store(g, slot, NULL);
	return 0;
}

/* `root`: a root slot with a buffer that nothing uses any more. Allocates nothing. */
static void churn_put_back(mrt_g *g, struct churn *c, void *const *root)
{
	if (c->shelf_count == c->shelf_cap)
		return;
	*(uint64_t *)*root = CHURN_FREE;
	mrt_store(g, &churn_shelf(c)[c->shelf_count], *root);
	c->shelf_count++;
}

/* ------------------------------------------------------------------- content */

static void churn_fill(const struct churn *c, uint64_t *word, uint64_t key, uint64_t version)
{
	for (uint32_t i = 0; i < c->words; i++)
		word[i] = work_word(key, version, i);
}

/* Compare a stored value (NULL: missing) with the model's; the first word only unless `whole`. No
 * safepoint. */
static bool churn_compare(struct churn *c, const void *elem, uint64_t key, uint64_t version,
			  bool whole)
{
	const uint64_t *word = elem;

	if (word != NULL && churn_points(c))
		word = *(void *const *)elem;
	else if (word != NULL)
		word = memcpy(c->scratch, elem, c->words * sizeof(*c->scratch));
	if (word == NULL) {
		work_integrity(&c->unit, WORK_MISSING, key, version, 0);
		return false;
	}
	for (uint32_t i = 0; i < (whole ? c->words : 1); i++) {
		uint64_t expected = work_word(key, version, i);

		if (word[i] != expected) {
			work_integrity(&c->unit, WORK_VALUE, key, expected, word[i]);
			return false;
		}
	}
	return true;
}

static void churn_check_entry(mrt_g *g, struct churn *c, const struct model_entry *e, bool whole)
{
	churn_compare(c, churn_key_get(g, &c->keys, churn_map(c), e->key), e->key, e->version, whole);
}

static void churn_check_absent(mrt_g *g, struct churn *c, uint64_t key)
{
	if (churn_key_get(g, &c->keys, churn_map(c), key) != NULL)
		work_integrity(&c->unit, WORK_UNEXPECTED, key, 0, 1);
}

static void churn_check_count(struct churn *c)
{
	uint64_t count = mrt_map_count(churn_map(c));

	if (count != c->model.count)
		work_integrity(&c->unit, WORK_COUNT, 0, c->model.count, count);
}

/* After an operation that got no memory: as before, the key in question and a sample. */
static void churn_check_unchanged(mrt_g *g, struct churn *c, uint64_t key)
{
	const struct model_entry *e = model_find(&c->model, key);

	churn_check_count(c);
	if (e != NULL)
		churn_check_entry(g, c, e, true);
	else
		churn_check_absent(g, c, key);
	for (uint32_t i = 0; i < CHURN_AFTER_ERROR && c->model.count > 0; i++)
		churn_check_entry(g, c, &c->model.entry[work_below(&c->unit, c->model.count)],
				  true);
}

/* ---------------------------------------------------------------- operations */

/* A pooled buffer takes the place of the one that the key had; whichever is left over goes back. */
static int churn_store_pooled(mrt_g *g, struct churn *c, uint64_t key, uint64_t version)
{
	MRT_ROOTS(g, value, 2); /* new, old */
	void *const *had;
	int r = churn_take(g, c, &value[0]);

	if (r < 0)
		return r;
	churn_fill(c, value[0], key, version);
	had = churn_key_get(g, &c->keys, churn_map(c), key);
	value[1] = had != NULL ? mrt_load(had) : NULL;
	r = churn_key_put(g, &c->keys, churn_map(c), key, &value[0]);
	if (r < 0)
		churn_put_back(g, c, &value[0]);
	else if (value[1] != NULL)
		churn_put_back(g, c, &value[1]);
	return r;
}

/* Store a value for the key; the model is the caller's business. */
static int churn_store(mrt_g *g, struct churn *c, uint64_t key, uint64_t version)
{
	MRT_ROOTS(g, value, 1);
	const void *elem = c->scratch;
	int r;

	if (churn_pooled(c))
		return churn_store_pooled(g, c, key, version);
	if (churn_points(c)) {
		r = mrt_new(g, &c->object, &value[0]);
		if (r < 0)
			return r;
		churn_fill(c, value[0], key, version);
		elem = &value[0];
	} else {
		churn_fill(c, c->scratch, key, version);
	}
	return churn_key_put(g, &c->keys, churn_map(c), key, elem);
}

/* true: it was there. Its buffer goes back to the pool. */
static bool churn_remove(mrt_g *g, struct churn *c, uint64_t key)
{
	MRT_ROOTS(g, value, 1);
	void *const *had = churn_pooled(c) ? churn_key_get(g, &c->keys, churn_map(c), key) : NULL;
	bool was;

	value[0] = had != NULL ? mrt_load(had) : NULL;
	was = churn_key_delete(g, &c->keys, churn_map(c), key);
	if (value[0] != NULL)
		churn_put_back(g, c, &value[0]);
	return was;
}

static int churn_failed(mrt_g *g, struct churn *c, int r, uint64_t key)
{
	work_op_error(&c->unit, r, key);
	churn_check_unchanged(g, c, key);
	return r;
}

static int churn_insert(mrt_g *g, struct churn *c)
{
	uint64_t key = churn_key_fresh(&c->keys, &c->model, &c->next);
	int r = churn_store(g, c, key, 1);

	if (r < 0)
		return churn_failed(g, c, r, key);
	c->next++;
	model_put(&c->model, key, 1);
	return 0;
}

static int churn_update(mrt_g *g, struct churn *c)
{
	struct model_entry *e = &c->model.entry[work_below(&c->unit, c->model.count)];
	int r = churn_store(g, c, e->key, e->version + 1);

	if (r < 0)
		return churn_failed(g, c, r, e->key);
	e->version++;
	return 0;
}

static void churn_delete(mrt_g *g, struct churn *c)
{
	uint64_t key = c->model.entry[work_below(&c->unit, c->model.count)].key;

	if (!churn_remove(g, c, key))
		work_integrity(&c->unit, WORK_MISSING, key, 1, 0);
	model_delete(&c->model, key);
	if (work_below(&c->unit, CHURN_RECHECK_ONE_IN) == 0) {
		churn_check_absent(g, c, key);
		churn_check_count(c);
	}
}

static void churn_lookup(mrt_g *g, struct churn *c)
{
	bool whole = work_below(&c->unit, CHURN_WHOLE_ONE_IN) == 0;

	if (c->model.count == 0 || work_below(&c->unit, CHURN_ABSENT_ONE_IN) == 0)
		churn_check_absent(g, c, churn_key_absent(&c->keys, work_random(&c->unit)));
	else
		churn_check_entry(g, c, &c->model.entry[work_below(&c->unit, c->model.count)],
				  whole);
}

/* ---------------------------------------------------------------- full check */

/* Every entry once: mark it, complain about strangers, keys that are not whole, and repetitions. */
static void churn_verify_met(struct churn *c, const struct mrt_map_iter *it)
{
	bool whole;
	uint64_t key = churn_key_met(&c->keys, it, &whole);
	struct model_entry *e = whole ? model_find(&c->model, key) : NULL;
	size_t index;

	if (e == NULL) {
		work_integrity(&c->unit, WORK_UNEXPECTED, key, 0, 1);
		return;
	}
	churn_compare(c, it->elem, key, e->version, true);
	index = (size_t)(e - c->model.entry);
	if ((c->seen[index / 8] >> index % 8 & 1) != 0)
		work_integrity(&c->unit, WORK_TWICE, key, 1, 2);
	c->seen[index / 8] |= (uint8_t)(1u << index % 8);
}

static void churn_verify_iterate(mrt_g *g, struct churn *c)
{
	uint64_t met = 0;
	MRT_MAP_ITER(g, &c->keys.mt, churn_map(c), it);

	memset(c->seen, 0, c->model.cap / 8 + 1);
	while (mrt_map_iter_next(g, &it)) {
		churn_verify_met(c, &it);
		if (++met % CHURN_POLL_EVERY == 0)
			mrt_safepoint(g);
	}
	if (met != c->model.count)
		work_integrity(&c->unit, WORK_TWICE, 0, c->model.count, met);
}

static void churn_verify(mrt_g *g, struct work_unit *u)
{
	struct churn *c = churn_of(u);

	churn_check_count(c);
	for (uint32_t i = 0; i < c->model.count; i++) {
		churn_check_entry(g, c, &c->model.entry[i], true);
		if (i % CHURN_POLL_EVERY == 0)
			mrt_safepoint(g);
	}
	churn_verify_iterate(g, c);
	work_checked(u, 2 * (uint64_t)c->model.count);
}

/* ------------------------------------------------------------- one operation */

/* A new map, empty, in the place of the one there is, which is walked a last time. */
static int churn_renew(mrt_g *g, struct churn *c)
{
	MRT_ROOTS(g, fresh, 1);
	struct churn_hold *hold;
	int r;

	churn_verify_iterate(g, c);
	work_checked(&c->unit, c->model.count);
	r = mrt_map_new(g, &c->keys.mt, 0, &fresh[0]);
	if (r < 0)
		return churn_failed(g, c, r, churn_key_fresh(&c->keys, &c->model, &c->next));
	hold = mrt_load(c->unit.root);
	mrt_store(g, churn_pooled(c) ? &hold->map : (void **)(uintptr_t)c->unit.root, fresh[0]);
	model_clear(&c->model);
	c->ops = 0;
	return 0;
}

static int churn_op(mrt_g *g, struct work_unit *u)
{
	struct churn *c = churn_of(u);
	uint32_t band = c->target / 8 + 1;
	uint32_t dice = (uint32_t)work_below(u, 100);
	bool insert;

	if (u->w->renew != 0 && ++c->ops > u->w->renew)
		return churn_renew(g, c);
	if (dice >= u->w->mix_insert + u->w->mix_delete) {
		churn_lookup(g, c);
		return 0;
	}
	insert = dice < u->w->mix_insert;
	if (c->model.count + band <= c->target || c->model.count == 0)
		insert = true;
	else if (c->model.count >= c->target + band)
		insert = false;
	if (!insert) {
		churn_delete(g, c);
		return 0;
	}
	if (c->model.count > 0 && work_below(u, CHURN_UPDATE_ONE_IN) == 0)
		return churn_update(g, c);
	return churn_insert(g, c);
}

static void churn_look(struct work_unit *u, const struct mrt_map_growths *growths,
		       struct watch_map *ret)
{
	if (ret != NULL)
		work_look_map(churn_map(churn_of(u)), growths, ret);
}

/* -------------------------------------------------------------------- making */

static void churn_types(struct churn *c)
{
	const struct plan_workload *w = c->unit.w;
	bool ptr = churn_points(c), one = w->value == PLAN_VALUE_U64;

	c->words = one ? 1 : w->value_bytes / 8;
	c->object = (struct mrt_type){.name = "churn value", .size = w->value_bytes};
	c->elem = (struct mrt_type){
		.name = "churn element",
		.size = ptr || one ? 8 : w->value_bytes,
		.ptr_words = ptr ? 1 : 0,
		.ptrmask = ptr ? churn_ptrmask : NULL,
	};
}

static void churn_destroy(struct work_unit *u)
{
	struct churn *c = churn_of(u);

	model_fini(&c->model);
	free(c->scratch);
	free(c->seen);
	free(c);
}

static int churn_alloc(struct churn **ret, const struct work_unit_options *opt)
{
	struct churn *c = calloc(1, sizeof(*c));
	uint64_t salt;
	uint32_t cap;
	int r;

	if (c == NULL)
		return -ENOMEM;
	work_unit_init(&c->unit, &work_map_churn, opt);
	salt = work_random(&c->unit);
	c->target = (uint32_t)(opt->w->keys / opt->share);
	if (c->target == 0)
		c->target = 1;
	cap = c->target + c->target / 8 + 2;
	/* As many as the population sways by, both ways. */
	c->shelf_cap = c->target / 4 + 4 < CHURN_SHELF_MAX ? c->target / 4 + 4 : CHURN_SHELF_MAX;
	churn_types(c);
	c->scratch = malloc(c->words * sizeof(*c->scratch));
	c->seen = malloc(cap / 8 + 1);
	r = model_init(&c->model, cap);
	if (r == 0)
		r = churn_keys_init(&c->keys, opt->w->key, salt, &c->elem);
	if (r == 0 && (c->scratch == NULL || c->seen == NULL))
		r = -ENOMEM;
	if (r < 0)
		churn_destroy(&c->unit);
	else
		*ret = c;
	return r;
}

/* The managed part, empty; *root is the caller's root slot. */
static int churn_make(mrt_g *g, struct churn *c, void **root)
{
	MRT_ROOTS(g, part, 2);
	struct churn_hold *hold;
	int r;

	if (!churn_pooled(c))
		return mrt_map_new(g, &c->keys.mt, 0, root);
	r = mrt_map_new(g, &c->keys.mt, 0, &part[0]);
	if (r == 0)
		r = mrt_new_array(g, &churn_slot_type, c->shelf_cap, &part[1]);
	if (r == 0)
		r = mrt_new(g, &churn_hold_type, root);
	if (r < 0)
		return r;
	hold = *root;
	mrt_store(g, &hold->map, part[0]);
	hold = *root;
	mrt_store(g, &hold->shelf, part[1]);
	return 0;
}

static int churn_create(mrt_g *g, const struct work_unit_options *opt, void **ret_root,
			struct work_unit **ret)
{
	struct churn *c;
	int r = churn_alloc(&c, opt);

	if (r < 0)
		return r;
	c->unit.root = ret_root;
	r = churn_make(g, c, ret_root);
	while (r == 0 && c->model.count < c->target)
		r = churn_insert(g, c);
	if (r < 0)
		churn_destroy(&c->unit);
	else
		*ret = &c->unit;
	return r;
}

const struct work_driver work_map_churn = {
	.name = "map-churn",
	.about = "Inserts and deletes in equal volume on long-lived maps; residue stays in "
		 "overflow chains.",
	.accept = churn_accept,
	.create = churn_create,
	.op = churn_op,
	.look = churn_look,
	.verify = churn_verify,
	.destroy = churn_destroy,
};
