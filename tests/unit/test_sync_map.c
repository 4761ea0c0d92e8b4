/*
 * test_sync_map.c: sync.Map: against a model of Go's rules, state by state; refused memory at every allocation; many goroutines with a
 * collector that never rests.
 */
#include "map_model.h"

#include "runtime/data/sync_map.h"

#if MRT_SIM || MODEL_SLOW
#define FEW(n) ((n) / 8)
#else
#define FEW(n) (n)
#endif

struct value {
	uint64_t key, version;
};
static const struct mrt_type value_type = {.name = "value", .size = sizeof(struct value)};

static int value_new(mrt_g *g, uint64_t key, uint64_t version, void **ret)
{
	int rc = mrt_new(g, &value_type, ret);

	if (rc == 0)
		*(struct value *)*ret = (struct value){key, version};
	return rc;
}

static void value_check(const void *p, uint64_t key, uint64_t version)
{
	const struct value *v = p;

	CHECK((v != NULL) == (version != 0));
	CHECK(v == NULL || (v->key == key && v->version == version));
}

/* --------------------------------------------------------------- the model: Go's rules */

#define UNIVERSE 96
#define EXPUNGED UINT64_MAX

/* An entry is read's or dirty's or both's: p is the version of its value, 0 nil, or EXPUNGED. */
struct ref {
	bool in_read[UNIVERSE], in_dirty[UNIVERSE];
	uint64_t p[UNIVERSE];
	bool amended;
	uint64_t misses, versions;
	/* how often */
	uint64_t promoted, amends, expunged, revived, swapped, compared, cleared;
	uint64_t nil_in_dirty; /* compared and deleted there, where read lacks the key */
};

static uint64_t ref_len(const bool *in)
{
	uint64_t n = 0;

	for (int k = 0; k < UNIVERSE; k++)
		n += in[k];
	return n;
}

static void ref_promote(struct ref *r)
{
	memcpy(r->in_read, r->in_dirty, sizeof(r->in_read));
	memset(r->in_dirty, 0, sizeof(r->in_dirty));
	for (int k = 0; k < UNIVERSE; k++)
		if (!r->in_read[k])
			r->p[k] = 0;
	r->amended = false;
	r->misses = 0;
	r->promoted++;
}

static void ref_miss(struct ref *r)
{
	if (++r->misses >= ref_len(r->in_dirty))
		ref_promote(r);
}

static uint64_t ref_value(const struct ref *r, uint64_t k)
{
	return (r->in_read[k] || r->in_dirty[k]) && r->p[k] != EXPUNGED ? r->p[k] : 0;
}

static uint64_t ref_load(struct ref *r, uint64_t k)
{
	uint64_t p = ref_value(r, k);

	if (!r->in_read[k] && r->amended)
		ref_miss(r);
	return p;
}

static void ref_amend(struct ref *r)
{
	r->amended = true;
	r->amends++;
	for (int k = 0; k < UNIVERSE; k++) {
		if (!r->in_read[k])
			continue;
		r->in_dirty[k] = r->p[k] != 0;
		if (r->p[k] == 0) {
			r->p[k] = EXPUNGED;
			r->expunged++;
		}
	}
}

static void ref_store(struct ref *r, uint64_t k, uint64_t version)
{
	if (r->in_read[k] && r->p[k] == EXPUNGED) {
		r->in_dirty[k] = true;
		r->revived++;
	} else if (!r->in_read[k] && !r->in_dirty[k]) {
		if (!r->amended)
			ref_amend(r);
		r->in_dirty[k] = true;
	}
	r->p[k] = version;
}

static uint64_t ref_load_or_store(struct ref *r, uint64_t k, uint64_t version)
{
	bool in_dirty_only = !r->in_read[k] && r->in_dirty[k];
	uint64_t p = ref_value(r, k);

	if (p == 0)
		ref_store(r, k, version);
	if (in_dirty_only)
		ref_miss(r);
	return p != 0 ? p : version;
}

static uint64_t ref_delete(struct ref *r, uint64_t k)
{
	uint64_t p = ref_value(r, k);

	if (r->in_read[k]) {
		if (r->p[k] != EXPUNGED)
			r->p[k] = 0;
	} else if (r->amended) {
		r->in_dirty[k] = false;
		ref_miss(r);
	}
	return p;
}

/* What the key had. */
static uint64_t ref_swap(struct ref *r, uint64_t k, uint64_t version)
{
	uint64_t p = ref_value(r, k);

	ref_store(r, k, version);
	r->swapped++;
	return p;
}

/* `right`: what is compared with is what the key has, if it has anything. */
static bool ref_compare_and_swap(struct ref *r, uint64_t k, bool right, uint64_t version)
{
	bool swaps = right && ref_value(r, k) != 0, in_dirty_only = !r->in_read[k] && r->in_dirty[k];

	if (swaps)
		r->p[k] = version;
	r->compared += swaps;
	if (in_dirty_only)
		ref_miss(r);
	return swaps;
}

static bool ref_compare_and_delete(struct ref *r, uint64_t k, bool right)
{
	bool deletes = right && ref_value(r, k) != 0;

	if (!r->in_read[k] && r->amended)
		ref_miss(r);
	if (deletes)
		r->p[k] = 0;
	r->nil_in_dirty += deletes && !r->in_read[k];
	return deletes;
}

static void ref_clear(struct ref *r)
{
	if (ref_len(r->in_read) == 0 && !r->amended)
		return;
	memset(r->in_read, 0, sizeof(r->in_read));
	memset(r->in_dirty, 0, sizeof(r->in_dirty));
	memset(r->p, 0, sizeof(r->p));
	r->amended = false;
	r->misses = 0;
	r->cleared++;
}

/* ------------------------------------------------------------------ the map beside it */

struct pair {
	mrt_g *g;
	mrt_sync_map *m;
	struct ref ref;
	uint64_t refused;
};

static void pair_check(struct pair *p)
{
	struct mrt_sync_map_info info;
	uint64_t deleted = 0, expunged = 0;
	char text[200] = "";

	for (int k = 0; k < UNIVERSE; k++) {
		deleted += p->ref.in_read[k] && p->ref.p[k] == 0;
		expunged += p->ref.in_read[k] && p->ref.p[k] == EXPUNGED;
	}
	mrt_sync_map_inspect(p->g, p->m, &info);
	CHECK(info.amended == p->ref.amended && info.misses == p->ref.misses);
	CHECK(info.read_len == ref_len(p->ref.in_read));
	CHECK(info.dirty_len == ref_len(p->ref.in_dirty));
	CHECK(info.deleted == deleted && info.expunged == expunged);
	if (sync_map_check(p->m, text, sizeof(text)) != 0) {
		fprintf(stderr, "%s (seed %llu)\n", text, (unsigned long long)model_seed);
		_exit(1);
	}
}

static void pair_load(struct pair *p, uint64_t k)
{
	uint64_t expected = ref_load(&p->ref, k);

	value_check(mrt_sync_map_load(p->g, p->m, k), k, expected);
}

/* The value is made without the gate: what fails is the map's. */
static void pair_value(struct pair *p, uint64_t k, void **ret)
{
	uint32_t gate = gcs_gates[GCS_POINT_mem_malloc];

	gcs_gates[GCS_POINT_mem_malloc] = 0;
	CHECK(value_new(p->g, k, p->ref.versions + 1, ret) == 0);
	gcs_gates[GCS_POINT_mem_malloc] = gate;
}

static bool pair_done(struct pair *p, int rc)
{
	CHECK(rc == 0 || (rc == -ENOMEM && model_gate.failed > 0));
	p->refused += rc != 0;
	return rc == 0;
}

static bool pair_store(struct pair *p, uint64_t k)
{
	MRT_ROOTS(p->g, root, 1);

	pair_value(p, k, root);
	if (!pair_done(p, mrt_sync_map_store(p->g, p->m, k, root[0])))
		return false;
	ref_store(&p->ref, k, ++p->ref.versions);
	return true;
}

static bool pair_load_or_store(struct pair *p, uint64_t k)
{
	uint64_t before = ref_value(&p->ref, k), expected;
	bool loaded = false;
	MRT_ROOTS(p->g, root, 2);

	pair_value(p, k, root);
	if (!pair_done(p, mrt_sync_map_load_or_store(p->g, p->m, k, root[0], &root[1], &loaded))) {
		CHECK(root[1] == NULL);
		return false;
	}
	expected = ref_load_or_store(&p->ref, k, p->ref.versions + 1);
	p->ref.versions += before == 0;
	CHECK(loaded == (before != 0) && (loaded || root[1] == root[0]));
	value_check(root[1], k, expected);
	return true;
}

static void pair_delete(struct pair *p, uint64_t k)
{
	uint64_t expected = ref_delete(&p->ref, k);

	value_check(mrt_sync_map_load_and_delete(p->g, p->m, k), k, expected);
}

static bool pair_swap(struct pair *p, uint64_t k)
{
	MRT_ROOTS(p->g, root, 2);

	pair_value(p, k, root);
	root[1] = root[0]; /* is written over */
	if (!pair_done(p, mrt_sync_map_swap(p->g, p->m, k, root[0], &root[1]))) {
		CHECK(root[1] == root[0]);
		return false;
	}
	value_check(root[1], k, ref_swap(&p->ref, k, p->ref.versions + 1));
	p->ref.versions++;
	return true;
}

/* With what the key has, or with a value that looks the same and is another. */
static void pair_compare(struct pair *p, uint64_t k, bool deletes)
{
	bool right = model_below(4) != 0, want, got;
	uint64_t version = p->ref.versions + 1;
	MRT_ROOTS(p->g, root, 2);

	pair_load(p, k);
	root[0] = mrt_sync_map_load(p->g, p->m, k);
	ref_load(&p->ref, k);
	pair_value(p, k, &root[1]);
	if (!right || root[0] == NULL) {
		uint64_t has = root[0] != NULL ? ((struct value *)root[0])->version : 0;

		right = false;
		root[0] = NULL;
		pair_value(p, k, root);
		((struct value *)root[0])->version = has;
	}
	if (deletes) {
		want = ref_compare_and_delete(&p->ref, k, right);
		got = mrt_sync_map_compare_and_delete(p->g, p->m, k, root[0]);
	} else {
		want = ref_compare_and_swap(&p->ref, k, right, version);
		got = mrt_sync_map_compare_and_swap(p->g, p->m, k, root[0], root[1]);
		p->ref.versions += want;
	}
	CHECK(got == want);
}

static void pair_clear(struct pair *p)
{
	mrt_sync_map_clear(p->g, p->m);
	ref_clear(&p->ref);
}

struct ranged {
	struct pair *pair;
	bool seen[UNIVERSE];
	uint64_t n, limit;
};

static bool ranged_one(mrt_g *g, uint64_t key, void *value, void *arg)
{
	struct ranged *r = arg;

	CHECK(key < UNIVERSE && !r->seen[key]);
	value_check(value, key, ref_value(&r->pair->ref, key));
	r->seen[key] = true;
	mrt_yield(g);
	value_check(value, key, ref_value(&r->pair->ref, key));
	return ++r->n != r->limit;
}

static void pair_range(struct pair *p, uint64_t limit)
{
	struct ranged r = {.pair = p, .limit = limit};
	uint64_t live = 0;

	if (p->ref.amended)
		ref_promote(&p->ref);
	for (uint64_t k = 0; k < UNIVERSE; k++)
		live += ref_value(&p->ref, k) != 0;
	mrt_sync_map_range(p->g, p->m, ranged_one, &r);
	CHECK(r.n == (limit != 0 && limit < live ? limit : live));
}

static void pair_new(struct pair *p, mrt_g *g, void **root)
{
	memset(p, 0, sizeof(*p));
	p->g = g;
	CHECK(mrt_sync_map_new(g, root) == 0);
	p->m = root[0];
	pair_check(p);
}

static void pair_change(struct pair *p, uint64_t k, uint64_t dice)
{
	switch (dice % 6) {
	case 0:
		pair_load_or_store(p, k);
		break;
	case 1:
		pair_swap(p, k);
		break;
	case 2:
		pair_compare(p, k, false);
		break;
	case 3:
		pair_compare(p, k, true);
		break;
	default:
		pair_store(p, k);
	}
}

/* Phases of different mixes and of few or all keys, so that every transition comes often. */
static void pair_step(struct pair *p, uint64_t step)
{
	uint64_t phase = step / 64 % 4, dice = model_below(100);
	uint64_t k = model_below(phase == 3 ? 12 : UNIVERSE);
	static const uint64_t load[] = {20, 75, 30, 40}, delete[] = {10, 10, 50, 20};

	if (dice < load[phase])
		pair_load(p, k);
	else if (dice < load[phase] + delete[phase])
		pair_delete(p, k);
	else if (dice == 99)
		pair_range(p, model_below(3) * 5);
	else if (dice == 98 && model_below(8) == 0)
		pair_clear(p);
	else
		pair_change(p, k, dice);
}

static void model_body(mrt_g *g, void *arg)
{
	static struct pair p;
	uint64_t steps = *(uint64_t *)arg, often = steps / 1000;
	MRT_ROOTS(g, root, 2);

	pair_new(&p, g, root);
	for (uint64_t step = 0; step < steps; step++) {
		pair_step(&p, step);
		pair_check(&p);
	}
	for (uint64_t k = 0; k < UNIVERSE; k++)
		pair_load(&p, k);
	CHECK(p.ref.promoted > often && p.ref.amends > often);
	CHECK(p.ref.expunged > often && p.ref.revived > often);
	CHECK(p.ref.swapped > often && p.ref.compared > often);
	CHECK(p.ref.nil_in_dirty >= steps / 4000 && p.ref.cleared >= steps / 4000);
	CHECK(mrt_sync_map_store(g, p.m, 1, NULL) == -EINVAL);
	CHECK(mrt_sync_map_swap(g, p.m, 1, NULL, &root[1]) == -EINVAL && root[1] == NULL);
	CHECK(pair_store(&p, 1));
	root[1] = mrt_sync_map_load(g, p.m, 1);
	ref_load(&p.ref, 1);
	CHECK(!mrt_sync_map_compare_and_swap(g, p.m, 1, root[1], NULL));
	CHECK(!mrt_sync_map_compare_and_swap(g, p.m, 2000, NULL, root[1]));
	CHECK(!mrt_sync_map_compare_and_delete(g, p.m, 2000, NULL));
	pair_check(&p);
}

static void test_model(void **state)
{
	uint64_t steps = 20000, few = MODEL_SLOW ? 1000 : 8000;

	(void)state;
	model_run(model_body, &steps, false);
	model_run(model_body, &few, true);
}

/* ------------------------------------------------------------- Go's rule, by the numbers */

static void info_is(struct pair *p, struct mrt_sync_map_info want)
{
	struct mrt_sync_map_info info;

	mrt_sync_map_inspect(p->g, p->m, &info);
	CHECK(info.amended == want.amended && info.misses == want.misses);
	CHECK(info.read_len == want.read_len && info.dirty_len == want.dirty_len);
	CHECK(info.deleted == want.deleted && info.expunged == want.expunged);
}

static void rule_body(mrt_g *g, void *arg)
{
	static struct pair p;
	MRT_ROOTS(g, root, 1);

	(void)arg;
	pair_new(&p, g, root);
	for (uint64_t k = 0; k < 10; k++)
		CHECK(pair_store(&p, k));
	info_is(&p, (struct mrt_sync_map_info){.amended = true, .dirty_len = 10});
	/* The tenth miss promotes; found or not is the same. */
	for (uint64_t k = 5; k < 14; k++)
		pair_load(&p, k);
	info_is(&p, (struct mrt_sync_map_info){.amended = true, .misses = 9, .dirty_len = 10});
	pair_load(&p, 95);
	info_is(&p, (struct mrt_sync_map_info){.read_len = 10});
	/* Nil, and back without the lock's doing. */
	pair_delete(&p, 3);
	pair_delete(&p, 4);
	info_is(&p, (struct mrt_sync_map_info){.read_len = 10, .deleted = 2});
	CHECK(pair_store(&p, 4));
	info_is(&p, (struct mrt_sync_map_info){.read_len = 10, .deleted = 1});
	/* The first new key copies nine and expunges one. */
	CHECK(pair_store(&p, 20));
	info_is(&p, (struct mrt_sync_map_info){
			    .amended = true, .read_len = 10, .dirty_len = 10, .expunged = 1});
	CHECK(pair_store(&p, 3));
	info_is(&p, (struct mrt_sync_map_info){.amended = true, .read_len = 10, .dirty_len = 11});
	pair_delete(&p, 20); /* of dirty alone: gone, and a miss */
	info_is(&p, (struct mrt_sync_map_info){
			    .amended = true, .misses = 1, .read_len = 10, .dirty_len = 10});
	pair_range(&p, 0);
	info_is(&p, (struct mrt_sync_map_info){.read_len = 10});
}

static void changes_body(mrt_g *g, void *arg)
{
	static struct pair p;
	MRT_ROOTS(g, root, 3);

	(void)arg;
	pair_new(&p, g, root);
	CHECK(value_new(g, 1, 1, &root[1]) == 0 && value_new(g, 1, 2, &root[2]) == 0);
	for (uint64_t k = 0; k < 4; k++)
		CHECK(mrt_sync_map_store(g, p.m, k, root[1]) == 0);
	/* In dirty alone: another value is a miss as well, a key that is in neither is none to swap, and one to delete. */
	CHECK(!mrt_sync_map_compare_and_swap(g, p.m, 0, root[2], root[1]));
	info_is(&p, (struct mrt_sync_map_info){.amended = true, .misses = 1, .dirty_len = 4});
	CHECK(!mrt_sync_map_compare_and_swap(g, p.m, 9, root[1], root[2]));
	info_is(&p, (struct mrt_sync_map_info){.amended = true, .misses = 1, .dirty_len = 4});
	CHECK(!mrt_sync_map_compare_and_delete(g, p.m, 9, root[1]));
	info_is(&p, (struct mrt_sync_map_info){.amended = true, .misses = 2, .dirty_len = 4});
	/* Deleted by comparison it stays in dirty, nil, and comes into read so. */
	CHECK(mrt_sync_map_compare_and_delete(g, p.m, 0, root[1]));
	info_is(&p, (struct mrt_sync_map_info){.amended = true, .misses = 3, .dirty_len = 4});
	CHECK(mrt_sync_map_compare_and_swap(g, p.m, 1, root[1], root[2]));
	info_is(&p, (struct mrt_sync_map_info){.read_len = 4, .deleted = 1});
	CHECK(mrt_sync_map_load(g, p.m, 0) == NULL && mrt_sync_map_load(g, p.m, 1) == root[2]);
	/* A swap is no miss, in dirty neither. */
	CHECK(mrt_sync_map_swap(g, p.m, 7, root[1], &root[2]) == 0 && root[2] == NULL);
	CHECK(mrt_sync_map_swap(g, p.m, 7, root[1], &root[2]) == 0 && root[2] == root[1]);
	info_is(&p, (struct mrt_sync_map_info){
			    .amended = true, .read_len = 4, .dirty_len = 4, .expunged = 1});
	/* The key that was expunged has nothing to swap for, and comes back. */
	CHECK(!mrt_sync_map_compare_and_swap(g, p.m, 0, root[1], root[1]));
	CHECK(mrt_sync_map_swap(g, p.m, 0, root[1], &root[2]) == 0 && root[2] == NULL);
	info_is(&p, (struct mrt_sync_map_info){.amended = true, .read_len = 4, .dirty_len = 5});
	mrt_sync_map_clear(g, p.m);
	info_is(&p, (struct mrt_sync_map_info){0});
	CHECK(mrt_sync_map_load(g, p.m, 7) == NULL && mrt_sync_map_load(g, p.m, 1) == NULL);
	CHECK(mrt_sync_map_store(g, p.m, 7, root[1]) == 0);
	info_is(&p, (struct mrt_sync_map_info){.amended = true, .dirty_len = 1});
}

/* After clear the dirty map has its buckets: the same keys again cost their entries, and the read object that says amended. */
static void clear_body(mrt_g *g, void *arg)
{
	static struct mrt_memstats stats[2];
	MRT_ROOTS(g, root, 2);

	(void)arg;
	CHECK(mrt_sync_map_new(g, &root[0]) == 0 && value_new(g, 0, 1, &root[1]) == 0);
	for (uint64_t k = 0; k < 1000; k++)
		CHECK(mrt_sync_map_store(g, root[0], k, root[1]) == 0);
	mrt_sync_map_clear(g, root[0]);
	mrt_memstats_read(g, &stats[0]);
	for (uint64_t k = 0; k < 1000; k++)
		CHECK(mrt_sync_map_store(g, root[0], k, root[1]) == 0);
	mrt_memstats_read(g, &stats[1]);
	CHECK(stats[1].mallocs - stats[0].mallocs >= 1001);
	CHECK(stats[1].total_alloc - stats[0].total_alloc < 24000); /* the array alone has 256 buckets of 144 bytes */
}

static void test_rule(void **state)
{
	(void)state;
	model_run(rule_body, NULL, false);
	model_run(changes_body, NULL, false);
	model_run(clear_body, NULL, false);
}

/* ---------------------------------------------------------------------- no memory */

/* Random operations, now and then with an allocation, or all from one on, that fails. */
static void refuse_body(mrt_g *g, void *arg)
{
	static struct pair p;
	MRT_ROOTS(g, root, 1);

	pair_new(&p, g, root);
	for (uint64_t step = 0; step < *(uint64_t *)arg; step++) {
		model_fail(1 + model_below(6), model_below(2) == 0);
		pair_step(&p, step);
		model_fail(0, false);
		pair_check(&p);
	}
	CHECK(p.refused > *(uint64_t *)arg / 200);
}

static void test_refuse(void **state)
{
	uint64_t steps = 20000, few = MODEL_SLOW ? 1000 : 4000;

	(void)state;
	model_run(refuse_body, &steps, false);
	model_run(refuse_body, &few, true);
}

/*
 * The first new key of a large map that has deleted entries, refused at its first, second, ... allocation: entries have been expunged
 * by then, and are not when it answers. Its keys collide (map/hash), so that copying allocates too: overflow buckets.
 */
#define LARGE 2000

static void large_make(mrt_g *g, mrt_sync_map *m)
{
	MRT_ROOTS(g, root, 1);

	for (uint64_t k = 0; k < LARGE; k++) {
		CHECK(value_new(g, k, 1, root) == 0);
		CHECK(mrt_sync_map_store(g, m, k, root[0]) == 0);
	}
	for (uint64_t k = 0; k < LARGE; k++) /* misses */
		mrt_sync_map_load(g, m, k);
	for (uint64_t k = 0; k < LARGE; k += 4)
		value_check(mrt_sync_map_load_and_delete(g, m, k), k, 1);
}

static void rollback_body(mrt_g *g, void *arg)
{
	struct mrt_sync_map_info before, after;
	uint64_t at = 1;
	char text[200];
	MRT_ROOTS(g, root, 2);

	(void)arg;
	gcs_gates[GCS_POINT_map_hash] = 1;
	model_points.one_in = 1;
	model_points.by_milli = 20;
	CHECK(mrt_sync_map_new(g, &root[0]) == 0);
	large_make(g, root[0]);
	mrt_sync_map_inspect(g, root[0], &before);
	CHECK(!before.amended && before.read_len == LARGE && before.deleted == LARGE / 4);
	CHECK(value_new(g, LARGE, 1, &root[1]) == 0);
	for (;; at++) {
		int rc;

		model_fail(at, at % 2);
		rc = mrt_sync_map_store(g, root[0], LARGE, root[1]);
		model_fail(0, false);
		CHECK(sync_map_check(root[0], text, sizeof(text)) == 0);
		mrt_sync_map_inspect(g, root[0], &after);
		if (rc == 0)
			break;
		CHECK(rc == -ENOMEM && memcmp(&before, &after, sizeof(before)) == 0);
		for (uint64_t k = 0; k <= LARGE; k++)
			value_check(mrt_sync_map_load(g, root[0], k), k,
				    k % 4 != 0 && k < LARGE ? 1 : 0);
	}
	CHECK(after.amended && after.expunged == LARGE / 4);
	CHECK(after.dirty_len == LARGE - LARGE / 4 + 1);
	CHECK(at > 50); /* entry, two read objects, the map with its array: the rest was copying */
	gcs_gates[GCS_POINT_map_hash] = 0;
}

static void test_rollback(void **state)
{
	(void)state;
	model_run(rollback_body, NULL, false);
}

/* -------------------------------------------------------------------------- many */

#define WRITERS	 4
#define READERS	 3
#define MANY_KEYS 64

struct many {
	mrt_sync_map *m;
	mrt_wg writers, others;
	_Atomic uint32_t writer_next, reader_next;
	_Atomic bool stop;
	_Atomic uint64_t cycles, hits;
	uint64_t steps;
};

static void storm_body(mrt_g *g, void *arg)
{
	struct many *s = arg;

	while (!s->stop) {
		mrt_gc(g);
		s->cycles++;
		mrt_yield(g);
	}
	mrt_wg_done(g, &s->others);
}

/* Alone to write its keys: what it finds there is known. */
static void writer_body(mrt_g *g, void *arg)
{
	struct many *s = arg;
	uint64_t me = atomic_fetch_add(&s->writer_next, 1), random = model_seed * 97 + me, version = 1;
	uint64_t held[MANY_KEYS] = {0};
	MRT_ROOTS(g, root, 2);

	for (uint64_t i = 0; i < s->steps; i++) {
		uint64_t z = data_fold(random += DATA_HASH_A, DATA_HASH_B);
		uint64_t k = z % (MANY_KEYS / WRITERS) * WRITERS + me, dice = z >> 32 & 15;
		bool loaded;

		if (dice < 6) {
			value_check(mrt_sync_map_load(g, s->m, k), k, held[k]);
		} else if (dice < 9) {
			value_check(mrt_sync_map_load_and_delete(g, s->m, k), k, held[k]);
			held[k] = 0;
		} else {
			CHECK(value_new(g, k, version, &root[0]) == 0);
			if (dice < 12) {
				CHECK(mrt_sync_map_load_or_store(g, s->m, k, root[0], &root[1],
								 &loaded) == 0);
				CHECK(loaded == (held[k] != 0));
				held[k] = loaded ? held[k] : version;
				value_check(root[1], k, held[k]);
			} else {
				CHECK(mrt_sync_map_store(g, s->m, k, root[0]) == 0);
				held[k] = version;
			}
			version++;
		}
	}
	for (uint64_t k = me; k < MANY_KEYS; k += WRITERS)
		value_check(mrt_sync_map_load(g, s->m, k), k, held[k]);
	mrt_wg_done(g, &s->writers);
}

struct watch {
	uint64_t seen[MANY_KEYS]; /* the newest version of each key: none that is older comes after */
	bool now[MANY_KEYS];
};

static void watch_one(struct watch *w, uint64_t key, const struct value *v)
{
	CHECK(key < MANY_KEYS && v->key == key && v->version >= w->seen[key]);
	w->seen[key] = v->version;
}

static bool watch_range(mrt_g *g, uint64_t key, void *value, void *arg)
{
	struct watch *w = arg;

	(void)g;
	CHECK(key < MANY_KEYS && !w->now[key]);
	w->now[key] = true;
	watch_one(w, key, value);
	return true;
}

static void reader_body(mrt_g *g, void *arg)
{
	struct many *s = arg;
	uint64_t random = model_seed * 89 + atomic_fetch_add(&s->reader_next, 1);
	struct watch w = {0};

	while (!s->stop) {
		uint64_t z = data_fold(random += DATA_HASH_A, DATA_HASH_B), k = z % (MANY_KEYS + 8);
		const struct value *v = mrt_sync_map_load(g, s->m, k);

		CHECK(v == NULL || k < MANY_KEYS);
		if (v != NULL) {
			watch_one(&w, k, v);
			s->hits++;
		}
		if ((z >> 32 & 255) == 0) {
			memset(w.now, 0, sizeof(w.now));
			mrt_sync_map_range(g, s->m, watch_range, &w);
		}
		if ((z >> 50 & 31) == 0)
			mrt_yield(g);
	}
	mrt_wg_done(g, &s->others);
}

static void many_body(mrt_g *g, void *arg)
{
	static struct many s;
	char text[200];
	MRT_ROOTS(g, root, 1);

	s = (struct many){.steps = *(uint64_t *)arg};
	CHECK(mrt_sync_map_new(g, root) == 0);
	s.m = root[0];
	mrt_wg_add(&s.writers, WRITERS);
	mrt_wg_add(&s.others, READERS + 1);
	CHECK(mrt_go(g, storm_body, &s, NULL) == 0);
	for (int i = 0; i < READERS; i++)
		CHECK(mrt_go(g, reader_body, &s, NULL) == 0);
	for (int i = 0; i < WRITERS; i++)
		CHECK(mrt_go(g, writer_body, &s, NULL) == 0);
	mrt_wg_wait(g, &s.writers);
	while (s.cycles < 3 || s.hits < 100)
		mrt_yield(g);
	s.stop = true;
	mrt_wg_wait(g, &s.others);
	CHECK(mrt_heap_check(g, text, sizeof(text)) == 0);
}

/*
 * The only reference to a value moves from the map into a hand of roots, which the collector may have scanned already, stays there for
 * about as long as a cycle, and goes back under another key: deletion shades what it takes, a store what it gives.
 */
#define HAND 200
#define SHUFFLED 600

struct shuffle {
	struct many *s;
	void **hand;
	uint64_t held[HAND], at[SHUFFLED]; /* versions; 0: empty */
};

static void shuffle_step(mrt_g *g, struct shuffle *h)
{
	uint64_t slot = model_below(HAND), k = model_below(SHUFFLED);

	if (h->held[slot] == 0 && h->at[k] != 0) {
		h->hand[slot] = mrt_sync_map_load_and_delete(g, h->s->m, k);
		h->held[slot] = h->at[k];
		h->at[k] = 0;
	} else if (h->held[slot] != 0 && h->at[k] == 0) {
		CHECK(mrt_sync_map_store(g, h->s->m, k, h->hand[slot]) == 0);
		h->at[k] = h->held[slot];
		h->held[slot] = 0;
		h->hand[slot] = NULL;
		return;
	}
	if (h->held[slot] != 0)
		value_check(h->hand[slot], 0, h->held[slot]);
}

static void shuffle_body(mrt_g *g, void *arg)
{
	static struct many s;
	static struct shuffle h;
	MRT_ROOTS(g, root, HAND + 1);

	s = (struct many){.steps = *(uint64_t *)arg};
	h = (struct shuffle){.s = &s, .hand = root + 1};
	CHECK(mrt_sync_map_new(g, root) == 0);
	s.m = root[0];
	for (uint64_t k = 0; k < SHUFFLED * 2 / 3; k++) {
		CHECK(value_new(g, 0, k + 1, &h.hand[0]) == 0);
		CHECK(mrt_sync_map_store(g, s.m, k, h.hand[0]) == 0);
		h.at[k] = k + 1;
	}
	h.hand[0] = NULL;
	mrt_wg_add(&s.others, 1);
	CHECK(mrt_go(g, storm_body, &s, NULL) == 0);
	for (uint64_t i = 0; i < s.steps || s.cycles < 5; i++)
		shuffle_step(g, &h);
	s.stop = true;
	mrt_wg_wait(g, &s.others);
	for (uint64_t k = 0; k < SHUFFLED; k++)
		value_check(mrt_sync_map_load(g, s.m, k), 0, h.at[k]);
}

static void test_shuffle(void **state)
{
	struct mrt_options opt = {.procs = 2, .seed = model_seed, .clobber = true, .check_edges = true};
	uint64_t steps = FEW(2000000);
	struct model_run run = {shuffle_body, &steps};

	(void)state;
	model_random_state = model_seed;
	assert_int_equal(mrt_run(&opt, model_run_main, &run), 0);
}

/* Everybody stores the same new keys, then everybody deletes them: one does each. */
#define RACERS	   6
#define RACE_KEYS  200

struct race {
	mrt_sync_map *m;
	mrt_wg done;
	_Atomic uint32_t next, ready;
	bool deletes;
	uint64_t got[RACERS][RACE_KEYS];
	_Atomic uint32_t won[RACE_KEYS];
};

static void racer_store(mrt_g *g, struct race *r, uint64_t me, uint64_t k)
{
	bool loaded;
	MRT_ROOTS(g, root, 2);

	CHECK(value_new(g, k, me + 1, &root[0]) == 0);
	CHECK(mrt_sync_map_load_or_store(g, r->m, k, root[0], &root[1], &loaded) == 0);
	CHECK(loaded || root[0] == root[1]);
	r->won[k] += !loaded;
	r->got[me][k] = ((struct value *)root[1])->version;
}

static void racer_body(mrt_g *g, void *arg)
{
	struct race *r = arg;
	uint64_t me = atomic_fetch_add(&r->next, 1);

	r->ready++;
	while (r->ready < RACERS)
		mrt_yield(g);
	for (uint64_t k = 0; k < RACE_KEYS; k++) {
		if (r->deletes)
			r->won[k] += mrt_sync_map_load_and_delete(g, r->m, k) != NULL;
		else
			racer_store(g, r, me, k);
	}
	mrt_wg_done(g, &r->done);
}

static void race_start(mrt_g *g, struct race *r, bool deletes)
{
	r->next = r->ready = 0;
	r->deletes = deletes;
	memset(r->won, 0, sizeof(r->won));
	mrt_wg_add(&r->done, RACERS);
	for (int i = 0; i < RACERS; i++)
		CHECK(mrt_go(g, racer_body, r, NULL) == 0);
	mrt_wg_wait(g, &r->done);
	for (int k = 0; k < RACE_KEYS; k++)
		CHECK(r->won[k] == 1);
}

static void race_body(mrt_g *g, void *arg)
{
	static struct race r;
	MRT_ROOTS(g, root, 1);

	(void)arg;
	CHECK(mrt_sync_map_new(g, root) == 0);
	r = (struct race){.m = root[0]};
	for (int round = 0; round < 5; round++) {
		race_start(g, &r, false);
		for (int k = 0; k < RACE_KEYS; k++)
			for (int i = 1; i < RACERS; i++)
				CHECK(r.got[i][k] == r.got[0][k]);
		race_start(g, &r, true);
	}
}

/*
 * Counters: whoever would add reads a value, makes its successor and swaps it for the one that was read; what is in the end is how often
 * that was done. Now and then one is taken out by comparison and begins anew: what it had been counts on.
 */
#define COUNTED 6

struct counters {
	mrt_sync_map *m;
	mrt_wg done;
	_Atomic uint32_t next;
	_Atomic uint64_t added[COUNTED], taken[COUNTED];
	uint64_t steps;
};

static void counter_add(mrt_g *g, struct counters *c, uint64_t k)
{
	MRT_ROOTS(g, root, 3);

	for (;;) {
		bool loaded;

		root[0] = mrt_sync_map_load(g, c->m, k);
		CHECK(value_new(g, k, root[0] != NULL ? ((struct value *)root[0])->version + 1 : 1,
				&root[1]) == 0);
		if (root[0] != NULL) {
			if (mrt_sync_map_compare_and_swap(g, c->m, k, root[0], root[1]))
				break;
			continue;
		}
		CHECK(mrt_sync_map_load_or_store(g, c->m, k, root[1], &root[2], &loaded) == 0);
		if (!loaded)
			break;
	}
	c->added[k]++;
}

static void counter_take(mrt_g *g, struct counters *c, uint64_t k)
{
	MRT_ROOTS(g, root, 1);

	root[0] = mrt_sync_map_load(g, c->m, k);
	if (root[0] != NULL && mrt_sync_map_compare_and_delete(g, c->m, k, root[0]))
		c->taken[k] += ((struct value *)root[0])->version;
}

static void counter_body(mrt_g *g, void *arg)
{
	struct counters *c = arg;
	uint64_t random = model_seed * 83 + atomic_fetch_add(&c->next, 1);

	for (uint64_t i = 0; i < c->steps; i++) {
		uint64_t z = data_fold(random += DATA_HASH_A, DATA_HASH_B), k = z % COUNTED;
		uint64_t dice = z >> 32 & 63;

		if (dice == 0)
			counter_take(g, c, k);
		else if (dice < 8) /* misses: dirty is promoted */
			mrt_sync_map_load(g, c->m, COUNTED);
		else
			counter_add(g, c, k);
	}
	mrt_wg_done(g, &c->done);
}

static void counters_body(mrt_g *g, void *arg)
{
	static struct counters c;
	char text[200];
	MRT_ROOTS(g, root, 1);

	memset(&c, 0, sizeof(c));
	c.steps = *(uint64_t *)arg / 8;
	CHECK(mrt_sync_map_new(g, root) == 0);
	c.m = root[0];
	mrt_wg_add(&c.done, RACERS);
	for (int i = 0; i < RACERS; i++)
		CHECK(mrt_go(g, counter_body, &c, NULL) == 0);
	mrt_wg_wait(g, &c.done);
	for (uint64_t k = 0; k < COUNTED; k++) {
		const struct value *v = mrt_sync_map_load(g, c.m, k);

		CHECK(c.added[k] == c.taken[k] + (v != NULL ? v->version : 0));
	}
	CHECK(mrt_heap_check(g, text, sizeof(text)) == 0);
}

/* Everybody swaps values of its own in: each that went in comes out once, or is there in the end. */
#define SWAPS 2000

struct swaps {
	mrt_sync_map *m;
	mrt_wg done;
	_Atomic uint32_t next, left;
	uint64_t steps;
	_Atomic uint8_t out[RACERS * SWAPS + 1];
};

static void swapper_body(mrt_g *g, void *arg)
{
	struct swaps *s = arg;
	uint64_t me = atomic_fetch_add(&s->next, 1);
	MRT_ROOTS(g, root, 2);

	for (uint64_t i = 0; i < s->steps; i++) {
		uint64_t k = i % 3;

		CHECK(value_new(g, k, me * SWAPS + i + 1, &root[0]) == 0);
		CHECK(mrt_sync_map_swap(g, s->m, k, root[0], &root[1]) == 0);
		if (root[1] != NULL)
			s->out[((struct value *)root[1])->version]++;
		if (i % 64 == 0) /* a new key: expunges nothing, and makes a dirty map */
			CHECK(mrt_sync_map_store(g, s->m, 1000 + me * SWAPS + i, root[0]) == 0);
	}
	mrt_wg_done(g, &s->done);
}

static void swaps_body(mrt_g *g, void *arg)
{
	static struct swaps s;
	MRT_ROOTS(g, root, 1);

	memset(&s, 0, sizeof(s));
	s.steps = *(uint64_t *)arg / 20 < SWAPS ? *(uint64_t *)arg / 20 : SWAPS;
	CHECK(mrt_sync_map_new(g, root) == 0);
	s.m = root[0];
	mrt_wg_add(&s.done, RACERS);
	for (int i = 0; i < RACERS; i++)
		CHECK(mrt_go(g, swapper_body, &s, NULL) == 0);
	mrt_wg_wait(g, &s.done);
	for (uint64_t k = 0; k < 3; k++) {
		const struct value *v = mrt_sync_map_load(g, s.m, k);

		CHECK(v != NULL && v->key == k);
		s.out[v->version]++;
	}
	for (uint64_t me = 0; me < RACERS; me++)
		for (uint64_t i = 0; i < s.steps; i++)
			CHECK(s.out[me * SWAPS + i + 1] == 1);
}

/* The map is cleared all the while: what a key has is its owner's newest value or nothing. */
static void owner_body(mrt_g *g, void *arg)
{
	struct swaps *s = arg;
	uint64_t me = atomic_fetch_add(&s->next, 1), found = 0;
	MRT_ROOTS(g, root, 2);

	for (uint64_t i = 1; i <= s->steps; i++) {
		uint64_t k = i % 7 * RACERS + me;
		const struct value *v;

		CHECK(value_new(g, k, i, &root[0]) == 0);
		CHECK(mrt_sync_map_swap(g, s->m, k, root[0], &root[1]) == 0);
		v = root[1];
		CHECK(v == NULL || (v->key == k && v->version + 7 == i));
		v = mrt_sync_map_load(g, s->m, k);
		CHECK(v == NULL || v == root[0]);
		found += v != NULL;
	}
	CHECK(found > 0);
	s->left--;
	mrt_wg_done(g, &s->done);
}

static void cleared_body(mrt_g *g, void *arg)
{
	static struct swaps s;
	struct mrt_sync_map_info info;
	char text[200];
	MRT_ROOTS(g, root, 1);

	memset(&s, 0, sizeof(s));
	s.steps = *(uint64_t *)arg / 8;
	s.left = RACERS;
	CHECK(mrt_sync_map_new(g, root) == 0);
	s.m = root[0];
	mrt_wg_add(&s.done, RACERS);
	for (int i = 0; i < RACERS; i++)
		CHECK(mrt_go(g, owner_body, &s, NULL) == 0);
	while (s.left > 0) {
		mrt_sync_map_clear(g, s.m);
		mrt_yield(g);
	}
	mrt_wg_wait(g, &s.done);
	mrt_sync_map_clear(g, s.m);
	mrt_sync_map_inspect(g, s.m, &info);
	CHECK(info.read_len == 0 && info.dirty_len == 0 && !info.amended);
	for (uint64_t k = 0; k < 7 * RACERS; k++)
		CHECK(mrt_sync_map_load(g, s.m, k) == NULL);
	CHECK(mrt_heap_check(g, text, sizeof(text)) == 0);
}

/* Not the stress of one goroutine: cycles at every 50th allocation, and the storm's. */
static void many_run(mrt_go_fn *fn, void *arg, uint32_t procs)
{
	struct mrt_options opt = {.procs = procs,
				  .seed = model_seed,
				  .gc_every = 50,
				  .clobber = true,
				  .check_edges = true};
	struct model_run run = {fn, arg};

	assert_int_equal(mrt_run(&opt, model_run_main, &run), 0);
}

static void test_many(void **state)
{
	static const uint32_t procs[] = {1, 2, 8};
	uint64_t steps = FEW(40000);

	(void)state;
	for (int i = 0; i < 3; i++) {
		many_run(many_body, &steps, procs[i]);
		many_run(race_body, NULL, procs[i]);
		many_run(counters_body, &steps, procs[i]);
		many_run(swaps_body, &steps, procs[i]);
		many_run(cleared_body, &steps, procs[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rule),	 cmocka_unit_test(test_model),
		cmocka_unit_test(test_refuse),	 cmocka_unit_test(test_rollback),
		cmocka_unit_test(test_shuffle),	 cmocka_unit_test(test_many),
	};

	model_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
