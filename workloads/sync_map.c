/*
 * sync_map.c: readers and writers of one sync.Map that all workers of the workload share.
 *
 * Keys are the integers below keys and an eighth. Each belongs to one worker, who alone stores and
 * deletes it: a quarter by Store, Swap, CompareAndSwap or LoadOrStore each, half of the deletions by
 * CompareAndDelete. Between a deletion and the next insertion a key is absent; about `keys` of them
 * are there at any time. Look-ups are of everybody's keys, one in eight of a key that never was;
 * `range` walks the whole map.
 *
 * So both parts of a sync.Map are at work: a key that read has comes and goes without the lock,
 * until a promotion and the next new key expunge what is deleted; from then on it is a new key
 * itself, goes to dirty, costs look-ups that miss, and sooner or later a copy of all that is there.
 *
 * The model is a word a key, written by its owner: the version, which counts what was done to the
 * key; whether it is there; and that something is being done to it. Of his own keys a worker knows
 * what he must find. Of another's he reads the word before and after: if both are the same and
 * nothing was being done, what the map gave must be that very version; else one of those between. That
 * is sound because the owner's word is written before and after his operation, and whoever finds
 * what an operation left has synchronised with it.
 *
 * A value is an object without pointers: the version, veiled by the key, and words that follow from
 * both.
 */
#include "workloads/look.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SYNC_UPDATE_ONE_IN  8u
#define SYNC_WHOLE_ONE_IN   8u	/* values of which every word is compared */
#define SYNC_ABSENT_ONE_IN  8u	/* look-ups of a key that was never there */
#define SYNC_OWN_ONE_IN	    4u	/* look-ups of a key of one's own */
#define SYNC_AFTER_ERROR    32u /* of one's own keys compared after an -ENOMEM */
#define SYNC_POLL_EVERY	    64u /* keys between safepoints of a full check */
#define SYNC_KEYS_MAX	    (UINT64_C(1) << 30)

/* The word of a key. */
#define SYNC_PRESENT UINT64_C(1)
#define SYNC_BUSY    UINT64_C(2)
#define SYNC_VERSION 2 /* bits to the right of it */

/* What the units of a workload share; of the first that is made, gone with the last. */
struct sync_shared {
	void *map; /* rooted by each unit */
	uint32_t refs, units, cap;
	_Atomic uint64_t doubled, regrown; /* growths that the workers have told of; relaxed, sums */
	_Atomic uint64_t word[]; /* key k at k; of unit k % units, its k / units-th of cap */
};

struct sync {
	struct work_unit unit;
	struct sync_shared *shared;
	struct mrt_type object;
	uint32_t me, words;
	uint32_t target, count; /* of one's own keys */
	uint32_t *own;		/* cap of them: the first count are there, the rest not */
	uint8_t *seen;		/* a bit a key: met by the walk */
	struct mrt_map_growths told;
};

static int sync_accept(const struct plan_workload *w, char *text, size_t cap)
{
	const char *why = NULL;

	if (w->keys == 0 || w->keys > SYNC_KEYS_MAX)
		why = "keys must be 1 to 1073741824";
	else if (w->value_bytes % 8 != 0)
		why = "value_bytes must be a multiple of 8";
	if (why == NULL)
		return 0;
	snprintf(text, cap, "%s: %s", w->id, why);
	return -EINVAL;
}

static struct sync *sync_of(struct work_unit *u)
{
	return (struct sync *)u;
}

static mrt_sync_map *sync_map(const struct sync *s)
{
	return mrt_load(s->unit.root);
}

static uint64_t sync_keys(const struct sync *s)
{
	return (uint64_t)s->shared->units * s->shared->cap;
}

static uint64_t sync_own_key(const struct sync *s, uint32_t index)
{
	return (uint64_t)index * s->shared->units + s->me;
}

/* ------------------------------------------------------------------- content */

static uint64_t sync_word(uint64_t key, uint64_t version, uint32_t i)
{
	return i == 0 ? work_mix(~key) ^ version : work_word(key, version, i);
}

/* A value of so many words, in a root slot. -ENOMEM. */
static int sync_value(mrt_g *g, const struct sync *s, uint64_t key, uint64_t version, void **ret)
{
	int r = mrt_new(g, &s->object, ret);
	uint64_t *word = *ret;

	for (uint32_t i = 0; r == 0 && i < s->words; i++)
		word[i] = sync_word(key, version, i);
	return r;
}

/* The version that a value claims, and whether its words (all: else the last) are that version's. No safepoint. */
static bool sync_read(struct sync *s, uint64_t key, const uint64_t *word, bool whole,
		      uint64_t *ret_version)
{
	uint64_t version = word[0] ^ work_mix(~key);

	*ret_version = version;
	for (uint32_t i = whole ? 1 : s->words - 1; i < s->words; i++) {
		uint64_t expected = sync_word(key, version, i);

		if (word[i] == expected)
			continue;
		work_integrity(&s->unit, WORK_VALUE, key, expected, word[i]);
		return false;
	}
	return true;
}

static bool sync_whole(struct sync *s)
{
	return work_below(&s->unit, SYNC_WHOLE_ONE_IN) == 0;
}

/* ---------------------------------------------------------------- comparison */

/* What a key of one's own gave, against its word. */
static void sync_check_own(struct sync *s, uint64_t key, uint64_t word, const void *value, bool whole)
{
	uint64_t version;

	if ((value != NULL) != ((word & SYNC_PRESENT) != 0))
		work_integrity(&s->unit, value != NULL ? WORK_UNEXPECTED : WORK_MISSING, key,
			       word >> SYNC_VERSION, value != NULL);
	else if (value != NULL && sync_read(s, key, value, whole, &version) &&
		 version != word >> SYNC_VERSION)
		work_integrity(&s->unit, WORK_VALUE, key, word >> SYNC_VERSION, version);
}

/* What another's key gave while it may have been worked on: the words before and after. */
static void sync_check_other(struct sync *s, uint64_t key, uint64_t before, uint64_t after,
			     const void *value)
{
	uint64_t version, low, high;

	if (before == after && (before & SYNC_BUSY) == 0) {
		sync_check_own(s, key, before, value, sync_whole(s));
		return;
	}
	if (value == NULL || !sync_read(s, key, value, sync_whole(s), &version))
		return;
	low = (before >> SYNC_VERSION) + ((before & SYNC_PRESENT) == 0);
	high = (after >> SYNC_VERSION) + ((after & SYNC_BUSY) != 0);
	if (version < low || version > high)
		work_integrity(&s->unit, WORK_VALUE, key, low, version);
}

/* Acquire: pairs with the owner's release in sync_end: what that operation left is found, or something later. The second look cannot come
 * before the map's own, which is an acquire too and pairs with the owner's store to the map: behind that is what sync_begin wrote. */
static uint64_t sync_look(const struct sync *s, uint64_t key)
{
	return atomic_load_explicit(&s->shared->word[key], memory_order_acquire);
}

static void sync_check_key(mrt_g *g, struct sync *s, uint64_t key)
{
	uint64_t before = sync_look(s, key);
	const void *value = mrt_sync_map_load(g, sync_map(s), key);

	if (key % s->shared->units == s->me)
		sync_check_own(s, key, before, value, sync_whole(s));
	else
		sync_check_other(s, key, before, sync_look(s, key), value);
}

static void sync_check_absent(mrt_g *g, struct sync *s, uint64_t key)
{
	if (mrt_sync_map_load(g, sync_map(s), key) != NULL)
		work_integrity(&s->unit, WORK_UNEXPECTED, key, 0, 1);
}

static int sync_failed(mrt_g *g, struct sync *s, int r, uint64_t key)
{
	work_op_error(&s->unit, r, key);
	sync_check_key(g, s, key);
	for (uint32_t i = 0; i < SYNC_AFTER_ERROR; i++)
		sync_check_key(g, s, sync_own_key(s, (uint32_t)work_below(&s->unit, s->shared->cap)));
	return r;
}

/* ------------------------------------------------------------ a key's operation */

/* Relaxed: the map's store that follows is a release, and carries it along. The word as it was. */
static uint64_t sync_begin(struct sync *s, uint64_t key)
{
	_Atomic uint64_t *word = &s->shared->word[key];
	uint64_t was = atomic_load_explicit(word, memory_order_relaxed); /* nobody else writes it */

	atomic_store_explicit(word, was | SYNC_BUSY, memory_order_relaxed);
	return was;
}

/* Release: pairs with sync_look. */
static void sync_end(struct sync *s, uint64_t key, uint64_t word)
{
	atomic_store_explicit(&s->shared->word[key], word, memory_order_release);
}

/* By LoadOrStore, when it is not there. */
static int sync_store_new(mrt_g *g, struct sync *s, uint64_t key, void *const *value)
{
	bool loaded;
	MRT_ROOTS(g, actual, 1);
	int r = mrt_sync_map_load_or_store(g, sync_map(s), key, *value, &actual[0], &loaded);

	if (r == 0 && (loaded || actual[0] != *value))
		work_integrity(&s->unit, WORK_UNEXPECTED, key, 0, 1);
	return r;
}

static int sync_store_swap(mrt_g *g, struct sync *s, uint64_t key, uint64_t was, void *const *value)
{
	MRT_ROOTS(g, previous, 1);
	int r = mrt_sync_map_swap(g, sync_map(s), key, *value, &previous[0]);

	if (r == 0)
		sync_check_own(s, key, was, previous[0], true);
	return r;
}

/* What is there is its own, so that nobody can have come in between. */
static void sync_store_compared(mrt_g *g, struct sync *s, uint64_t key, uint64_t was,
				void *const *value)
{
	MRT_ROOTS(g, had, 1);

	had[0] = mrt_sync_map_load(g, sync_map(s), key);
	sync_check_own(s, key, was, had[0], true);
	if (!mrt_sync_map_compare_and_swap(g, sync_map(s), key, had[0], *value))
		work_integrity(&s->unit, WORK_MISSING, key, was >> SYNC_VERSION, 0);
}

/* value: a root slot. -ENOMEM. */
static int sync_store_by(mrt_g *g, struct sync *s, uint64_t key, uint64_t was, void *const *value)
{
	bool present = (was & SYNC_PRESENT) != 0;

	switch (work_below(&s->unit, 4)) {
	case 0:
		return sync_store_swap(g, s, key, was, value);
	case 1:
		if (!present)
			return sync_store_new(g, s, key, value);
		sync_store_compared(g, s, key, was, value);
		return 0;
	default:
		return mrt_sync_map_store(g, sync_map(s), key, *value);
	}
}

static int sync_store(mrt_g *g, struct sync *s, uint64_t key)
{
	uint64_t was = sync_begin(s, key), version = (was >> SYNC_VERSION) + 1;
	MRT_ROOTS(g, value, 1);
	int r = sync_value(g, s, key, version, &value[0]);

	if (r == 0)
		r = sync_store_by(g, s, key, was, &value[0]);
	sync_end(s, key, r == 0 ? version << SYNC_VERSION | SYNC_PRESENT : was);
	return r < 0 ? sync_failed(g, s, r, key) : 0;
}

static void sync_remove(mrt_g *g, struct sync *s, uint64_t key)
{
	uint64_t was = sync_begin(s, key);
	MRT_ROOTS(g, had, 1);

	if (work_below(&s->unit, 2) == 0) {
		had[0] = mrt_sync_map_load_and_delete(g, sync_map(s), key);
		sync_check_own(s, key, was, had[0], true);
	} else {
		had[0] = mrt_sync_map_load(g, sync_map(s), key);
		sync_check_own(s, key, was, had[0], true);
		if (!mrt_sync_map_compare_and_delete(g, sync_map(s), key, had[0]))
			work_integrity(&s->unit, WORK_MISSING, key, was >> SYNC_VERSION, 0);
	}
	sync_end(s, key, ((was >> SYNC_VERSION) + 1) << SYNC_VERSION);
}

/* ---------------------------------------------------------------- operations */

/* One of the keys that are not there. */
static int sync_insert(mrt_g *g, struct sync *s)
{
	uint32_t at = s->count + (uint32_t)work_below(&s->unit, s->shared->cap - s->count);
	uint32_t index = s->own[at];
	int r = sync_store(g, s, sync_own_key(s, index));

	if (r < 0)
		return r;
	s->own[at] = s->own[s->count];
	s->own[s->count++] = index;
	return 0;
}

static int sync_update(mrt_g *g, struct sync *s)
{
	return sync_store(g, s, sync_own_key(s, s->own[work_below(&s->unit, s->count)]));
}

static void sync_delete(mrt_g *g, struct sync *s)
{
	uint32_t at = (uint32_t)work_below(&s->unit, s->count), index = s->own[at];

	sync_remove(g, s, sync_own_key(s, index));
	s->own[at] = s->own[--s->count];
	s->own[s->count] = index;
}

static void sync_lookup(mrt_g *g, struct sync *s)
{
	uint64_t keys = sync_keys(s);

	if (work_below(&s->unit, SYNC_ABSENT_ONE_IN) == 0)
		sync_check_absent(g, s, keys + work_below(&s->unit, keys));
	else if (work_below(&s->unit, SYNC_OWN_ONE_IN) == 0)
		sync_check_key(g, s, sync_own_key(s, (uint32_t)work_below(&s->unit, s->shared->cap)));
	else
		sync_check_key(g, s, work_below(&s->unit, keys));
}

/* ---------------------------------------------------------------------- walk */

struct sync_walk {
	struct sync *s;
	bool quiet; /* nobody works on the map: every key must be as its word says */
	uint64_t met, own;
};

static bool sync_walk_met(mrt_g *g, uint64_t key, void *value, void *arg)
{
	struct sync_walk *w = arg;
	struct sync *s = w->s;
	bool own = key % s->shared->units == s->me;

	if (key >= sync_keys(s)) {
		work_integrity(&s->unit, WORK_UNEXPECTED, key, 0, 1);
		return true;
	}
	if ((s->seen[key / 8] >> key % 8 & 1) != 0)
		work_integrity(&s->unit, WORK_TWICE, key, 1, 2);
	s->seen[key / 8] |= (uint8_t)(1u << key % 8);
	if (own || w->quiet)
		sync_check_own(s, key, sync_look(s, key), value, w->quiet || sync_whole(s));
	else /* since when the map has had it is not known */
		sync_check_other(s, key, SYNC_BUSY, sync_look(s, key), value);
	w->own += own;
	if (++w->met % SYNC_POLL_EVERY == 0)
		mrt_safepoint(g);
	return true;
}

/* Every key of one's own, or, when nobody works on the map, of all, is met once. How many were met. */
static uint64_t sync_walk(mrt_g *g, struct sync *s, bool quiet)
{
	struct sync_walk w = {.s = s, .quiet = quiet};

	memset(s->seen, 0, sync_keys(s) / 8 + 1);
	mrt_sync_map_range(g, sync_map(s), sync_walk_met, &w);
	if (w.own != s->count)
		work_integrity(&s->unit, WORK_TWICE, 0, s->count, w.own);
	return w.met;
}

/* ------------------------------------------------------------- one operation */

static int sync_op(mrt_g *g, struct work_unit *u)
{
	struct sync *s = sync_of(u);
	uint32_t band = s->target / 8 + 1, dice = (uint32_t)work_below(u, 100);
	bool insert = dice < u->w->mix_insert;

	if (dice >= 100 - u->w->mix_range) {
		sync_walk(g, s, false);
		return 0;
	}
	if (dice >= u->w->mix_insert + u->w->mix_delete) {
		sync_lookup(g, s);
		return 0;
	}
	if (s->count + band <= s->target || s->count == 0)
		insert = true;
	else if (s->count == s->shared->cap)
		insert = false;
	if (!insert) {
		sync_delete(g, s);
		return 0;
	}
	if (s->count > 0 && work_below(u, SYNC_UPDATE_ONE_IN) == 0)
		return sync_update(g, s);
	return sync_insert(g, s);
}

/* What this unit has begun since its last look, into the sum. */
static void sync_tell_growths(struct sync *s, const struct mrt_map_growths *now)
{
	atomic_fetch_add_explicit(&s->shared->doubled, now->doubled - s->told.doubled,
				  memory_order_relaxed);
	atomic_fetch_add_explicit(&s->shared->regrown, now->same_size - s->told.same_size,
				  memory_order_relaxed);
	s->told = *now;
}

/* It is one map: the first unit tells of it, with the growths of all. */
static void sync_look_at(struct work_unit *u, const struct mrt_map_growths *growths,
			 struct watch_map *ret)
{
	struct sync *s = sync_of(u);
	struct mrt_map_growths all;

	sync_tell_growths(s, growths);
	if (s->me != 0 || ret == NULL)
		return;
	all.doubled = atomic_load_explicit(&s->shared->doubled, memory_order_relaxed);
	all.same_size = atomic_load_explicit(&s->shared->regrown, memory_order_relaxed);
	work_look_sync_map(sync_map(s), &all, ret);
}

/* Nobody works on the map any more. */
static void sync_verify(mrt_g *g, struct work_unit *u)
{
	struct sync *s = sync_of(u);
	uint64_t checked = s->shared->cap;

	for (uint32_t i = 0; i < s->shared->cap; i++) {
		uint64_t key = sync_own_key(s, i);

		sync_check_own(s, key, sync_look(s, key), mrt_sync_map_load(g, sync_map(s), key), true);
	}
	checked += sync_walk(g, s, true);
	work_checked(u, checked);
}

/* -------------------------------------------------------------------- making */

/* Under the lock, or when there are no goroutines any more. */
static void sync_let_go(struct sync *s)
{
	if (s->shared != NULL && --s->shared->refs == 0) {
		s->unit.env->shared[s->unit.workload] = NULL;
		free(s->shared);
	}
	free(s->own);
	free(s->seen);
	free(s);
}

static void sync_destroy(struct work_unit *u)
{
	sync_let_go(sync_of(u));
}

/* The map, in the caller's root slot, and the words. */
static int sync_share(mrt_g *g, const struct work_unit_options *opt, uint32_t cap, void **root,
		      struct sync_shared **ret)
{
	struct sync_shared *shared;
	int r = mrt_sync_map_new(g, root);

	if (r < 0)
		return r;
	shared = calloc(1, sizeof(*shared) + sizeof(shared->word[0]) * opt->share * cap);
	if (shared == NULL)
		return -ENOMEM;
	shared->map = *root;
	shared->units = opt->share;
	shared->cap = cap;
	*ret = shared;
	return 0;
}

/* Who comes first makes it. Its root, and those of all others, last until the units are dismissed: the map is there for who comes later. */
static int sync_join_locked(mrt_g *g, struct sync *s, const struct work_unit_options *opt,
			    void **root)
{
	uint32_t cap = s->target + s->target / 8 + 2;
	struct sync_shared *shared = opt->env->shared[opt->workload];
	int r = 0;

	if (shared == NULL)
		r = sync_share(g, opt, cap, root, &shared);
	if (r < 0)
		return r;
	opt->env->shared[opt->workload] = shared;
	*root = shared->map;
	shared->refs++;
	s->shared = shared;
	s->own = malloc(cap * sizeof(*s->own));
	s->seen = malloc(sync_keys(s) / 8 + 1);
	return s->own != NULL && s->seen != NULL ? 0 : -ENOMEM;
}

static int sync_alloc(struct sync **ret, const struct work_unit_options *opt)
{
	struct sync *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return -ENOMEM;
	work_unit_init(&s->unit, &work_sync_map, opt);
	s->me = opt->worker;
	s->target = (uint32_t)(opt->w->keys / opt->share);
	if (s->target == 0)
		s->target = 1;
	s->words = opt->w->value_bytes / 8;
	s->object = (struct mrt_type){.name = "sync value", .size = opt->w->value_bytes};
	*ret = s;
	return 0;
}

static int sync_fill(mrt_g *g, struct sync *s)
{
	int r = 0;

	for (uint32_t i = 0; i < s->shared->cap; i++)
		s->own[i] = i;
	while (r == 0 && s->count < s->target)
		r = sync_insert(g, s);
	return r;
}

static int sync_create(mrt_g *g, const struct work_unit_options *opt, void **ret_root,
		       struct work_unit **ret)
{
	struct sync *s;
	int r = sync_alloc(&s, opt);

	if (r < 0)
		return r;
	s->unit.root = ret_root;
	mrt_lock(g, &opt->env->shared_lock);
	r = sync_join_locked(g, s, opt, ret_root);
	mrt_unlock(g, &opt->env->shared_lock);
	if (r == 0)
		r = sync_fill(g, s);
	if (r == 0) {
		*ret = &s->unit;
		return 0;
	}
	mrt_lock(g, &opt->env->shared_lock);
	sync_let_go(s);
	mrt_unlock(g, &opt->env->shared_lock);
	return r;
}

const struct work_driver work_sync_map = {
	.name = "sync-map",
	.about = "Readers and writers share one sync.Map: promotions, copies of all that is there, "
		 "expunged keys.",
	.accept = sync_accept,
	.create = sync_create,
	.op = sync_op,
	.look = sync_look_at,
	.verify = sync_verify,
	.destroy = sync_destroy,
};
