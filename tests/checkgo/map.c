/*
 * map.c: maps of Go up to 1.23, as classic_map.go answers about them.
 *
 * Go's hash is not ours, and its seed is Go's own: which chain a key is in differs, so how many overflow buckets there are, and when too
 * many of them make the map grow to the same size. What does not depend on it is compared exactly: the count, B, when a doubling begins,
 * that it is under way as long as it must be and over when it must be, and how far it may have come. From the first growth to the
 * same size on, on either side, the count alone is compared, until a clear finds both with the same B.
 *
 * A doubling moves one or two chains of the old array with each assignment or deletion: after k of them k to 2k of n have
 * moved, so that it is certainly under way while 2k < n, and over from k = n on.
 */
#include "tests/checkgo/map.h"

#include <stdlib.h>
#include <string.h>

enum map_answer { MAP_COUNT, MAP_B, MAP_GROWING, MAP_SAME, MAP_OVERFLOW, MAP_EVACUATED, MAP_ANSWERS };

#define MAP_OPS_MAX 4000u

static const uint64_t map_mask[3] = {UINT64_MAX, UINT64_MAX, UINT64_MAX};

void check_map_type(struct check_map_type *t, uint64_t key_bytes, uint64_t elem_bytes, bool pointers)
{
	t->elem = (struct mrt_type){.name = "element",
				    .size = elem_bytes,
				    .ptr_words = pointers ? (uint32_t)(elem_bytes / 8) : 0,
				    .ptrmask = pointers ? map_mask : NULL};
	if (mrt_map_type_init(&t->map, key_bytes == 4 ? MRT_KEY_U32 : MRT_KEY_U64, &t->elem) != 0)
		check_die("map: no type with elements of %llu bytes", (unsigned long long)elem_bytes);
}

/* ---- ours */

struct map_job {
	const struct check_op *op;
	size_t n;
	struct check_answer *ret;
};

static void map_show(const mrt_map *m, struct check_answer *ret)
{
	struct mrt_map_info info;

	mrt_map_inspect(m, &info);
	*ret = (struct check_answer){.v = {info.count, info.b, info.growing, info.growing && info.same_size,
					   info.overflow, info.evacuated},
				     .n = MAP_ANSWERS};
}

static void map_main(mrt_g *g, void *arg)
{
	static const char zero[1024];
	const struct map_job *job = arg;
	struct check_map_type t;
	MRT_ROOTS(g, m, 1);

	for (size_t i = 0; i < job->n; i++) {
		const struct check_op *op = &job->op[i];
		int r = 0;

		switch (op->kind) {
		case 'm':
			check_map_type(&t, op->v[0], op->v[1], op->v[2] != 0);
			r = mrt_map_new(g, &t.map, (int64_t)op->v[3], &m[0]);
			break;
		case 'i':
			r = mrt_map_put(g, &t.map, m[0], op->v[0], zero);
			break;
		case 'd':
			mrt_map_delete(g, &t.map, m[0], op->v[0]);
			break;
		default:
			r = mrt_map_clear(g, &t.map, m[0]);
		}
		if (r < 0)
			check_die("map: %c: error %d", op->kind, r);
		map_show(m[0], &job->ret[i]);
	}
}

static void map_ours(struct check *c, const struct check_op *op, size_t n, const struct check_answer *go,
		     struct check_answer *ret)
{
	struct map_job job = {op, n, ret};

	(void)go;
	check_run(c, map_main, &job);
}

/* ---- comparing */

/* What is known of the map after the operations so far. */
struct map_track {
	bool apart;		 /* the hash has had a part in it: only the count is the same */
	uint64_t moves, old;	 /* a doubling: assignments and deletions since, it included; buckets of the old array. 0: none */
	struct check_answer was; /* Go's answer before */
};

/* A growth to the same size has begun, or even ended: overflow buckets are counted anew. */
static bool map_same_growth(const struct check_op *op, const struct check_answer *was, const struct check_answer *is)
{
	return is->v[MAP_SAME] != 0 || (op->kind != 'c' && op->kind != 'm' && is->v[MAP_B] == was->v[MAP_B] &&
					is->v[MAP_OVERFLOW] < was->v[MAP_OVERFLOW]);
}

static void map_track_op(struct map_track *t, const struct check_op *op, const struct check_answer *go)
{
	bool emptied = op->kind == 'm' || (op->kind == 'c' && t->was.v[MAP_COUNT] > 0);

	if (emptied)
		t->moves = t->old = 0;
	else if (go->v[MAP_B] > t->was.v[MAP_B]) {
		t->moves = 1;
		t->old = (uint64_t)1 << t->was.v[MAP_B];
	} else if (t->moves > 0 && (op->kind == 'i' || (op->kind == 'd' && t->was.v[MAP_COUNT] > 0)))
		t->moves++;
}

static bool map_growth_right(const struct map_track *t, const struct check_answer *a)
{
	bool growing = a->v[MAP_GROWING] != 0;

	if (growing && (t->moves >= t->old || a->v[MAP_EVACUATED] < t->moves || a->v[MAP_EVACUATED] > 2 * t->moves))
		return false;
	return growing || 2 * t->moves >= t->old;
}

/* exact: operations that were compared in everything. */
static size_t map_differ_counted(const struct check_op *op, size_t n, const struct check_answer *go,
				 const struct check_answer *our, uint64_t *exact)
{
	struct map_track t = {0};

	for (size_t i = 0; i < n; i++) {
		struct check_answer our_was = i > 0 ? our[i - 1] : (struct check_answer){0};

		if (go[i].n != MAP_ANSWERS || go[i].v[MAP_COUNT] != our[i].v[MAP_COUNT])
			return i;
		if (op[i].kind == 'm' ||
		    (op[i].kind == 'c' && t.was.v[MAP_COUNT] > 0 && go[i].v[MAP_B] == our[i].v[MAP_B]))
			t.apart = false;
		t.apart |= map_same_growth(&op[i], &t.was, &go[i]) || map_same_growth(&op[i], &our_was, &our[i]);
		map_track_op(&t, &op[i], &go[i]);
		t.was = go[i];
		if (t.apart)
			continue;
		if (go[i].v[MAP_B] != our[i].v[MAP_B] || !map_growth_right(&t, &go[i]) ||
		    !map_growth_right(&t, &our[i]))
			return i;
		++*exact;
	}
	return n;
}

static uint64_t map_exact; /* of all sequences so far */

static size_t map_differ(struct check *c, const struct check_op *op, size_t n, const struct check_answer *go,
			 const struct check_answer *our)
{
	(void)c;
	return map_differ_counted(op, n, go, our, &map_exact);
}

/* ---- drawing */

static struct check_op map_first(struct check *c)
{
	static const uint16_t elem[][2] = {{0, 0},   {8, 0},	{8, 0},	  {13, 0}, {64, 0},
					   {128, 0}, {129, 0}, {1024, 0}, {8, 1},  {128, 1}, {136, 1}};
	const uint16_t *e = elem[check_below(c, sizeof(elem) / sizeof(elem[0]))];
	uint64_t hint = check_below(c, 3) == 0 ? check_random(c) >> 1 >> (63 - check_below(c, 12)) : 0;

	return (struct check_op){'m', {check_below(c, 2) == 0 ? 4 : 8, e[0], e[1], hint}};
}

/* A map as full as it may be, in which every key is soon replaced by a new one: overflow buckets collect. */
static void map_sliding(struct check *c, struct check_op *op, size_t n)
{
	uint64_t window = (uint64_t)13 << check_below(c, 7) >> 1, next = 0;

	op[0] = map_first(c);
	for (size_t i = 1; i < n; i++) {
		bool full = next >= window && i % 2 == 0;

		op[i] = full ? (struct check_op){'d', {next - window}} : (struct check_op){'i', {next}};
		next += !full;
	}
}

/* Stretches that mostly insert, mostly delete, or both; now and then a clear, or everything deleted key by key. */
static void map_sequence(struct check *c, struct check_op *op, size_t n)
{
	uint64_t universe = (uint64_t)8 << check_below(c, 9), inserts = 100, left = 0;

	op[0] = map_first(c);
	for (size_t i = 1; i < n; i++, left--) {
		if (left == 0) {
			inserts = (uint64_t[]){100, 90, 55, 45, 10}[check_below(c, 5)];
			left = 1 + check_below(c, 2 * universe);
			if (check_below(c, 12) == 0) {
				op[i] = (struct check_op){'c', {0}};
				left++;
				continue;
			}
		}
		op[i] = (struct check_op){check_below(c, 100) < inserts ? 'i' : 'd', {check_below(c, universe)}};
	}
}

bool check_map(struct check *c)
{
	static const struct check_topic topic = {
		.name = "map", .ours = map_ours, .differ = map_differ, .head = 1};
	struct check_op *op = calloc(MAP_OPS_MAX, sizeof(*op));
	uint64_t all = 0;

	if (op == NULL)
		check_die("out of memory");
	for (uint64_t i = 0; i < c->seeds; i++) {
		size_t n = MAP_OPS_MAX / 8 * (1 + check_below(c, 8));

		(check_below(c, 4) == 0 ? map_sliding : map_sequence)(c, op, n);
		if (!check_sequence(c, &topic, op, n)) {
			free(op);
			return false;
		}
		all += n;
	}
	free(op);
	check_row(c, "map", "count after each insert, delete and clear", all);
	check_row(c, "map", "B, doublings and their progress, until a growth to the same size comes", map_exact);
	return map_exact > 0 || all == 0;
}
