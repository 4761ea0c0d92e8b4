/*
 * test_sync_map.c: sync.Map: against a model of Go's rules, state by state; refused memory at every allocation.
 * Many goroutines: test_sync_map_many.c.
 */
#include "test_sync_map_value.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rule),
		cmocka_unit_test(test_model),
		cmocka_unit_test(test_refuse),
		cmocka_unit_test(test_rollback),
	};

	model_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
