/*
 * sync_map.c: a sync.Map, operation by operation, as sync_map.go answers. Up to Go 1.23 all of its state is compared; from 1.24 on, where
 * it is a hash trie, what the operations answer.
 */
#include "tests/checkgo/checkgo.h"

#include <stdlib.h>

#define SYNC_MAP_OPS_MAX 2000u
#define SYNC_MAP_TRIE	 24 /* Go 1.24 */
#define SYNC_MAP_TIMES	 5  /* sequences, as they take so little */

enum sync_map_answer { SYNC_MAP_VALUE, SYNC_MAP_FLAG, SYNC_MAP_RESULTS, SYNC_MAP_ANSWERS = 8 };

static const struct mrt_type sync_map_number = {"number", 8, 0, NULL};

/* ---- ours */

struct sync_map_job {
	const struct check_op *op;
	size_t n;
	struct check_answer *ret;
	uint32_t answers;
};

struct sync_map_sum {
	uint64_t calls, sum, end;
};

static uint64_t sync_map_value(const void *value)
{
	return value != NULL ? *(const uint64_t *)value : 0;
}

static bool sync_map_add(mrt_g *g, uint64_t key, void *value, void *arg)
{
	struct sync_map_sum *s = arg;

	(void)g;
	s->calls++;
	s->sum += key * sync_map_value(value);
	return s->calls != s->end;
}

static void sync_map_each(mrt_g *g, mrt_sync_map *m, uint64_t end, struct check_answer *ret)
{
	struct sync_map_sum s = {.end = end};

	mrt_sync_map_range(g, m, sync_map_add, &s);
	ret->v[SYNC_MAP_VALUE] = s.calls;
	ret->v[SYNC_MAP_FLAG] = s.calls == end ? 0 : s.sum;
}

static void sync_map_put(mrt_g *g, mrt_sync_map *m, const struct check_op *op, struct check_answer *ret)
{
	bool loaded = false;
	int r;
	MRT_ROOTS(g, root, 2);

	r = mrt_new(g, &sync_map_number, &root[0]);
	if (r == 0) {
		*(uint64_t *)root[0] = op->v[1];
		r = op->kind == 's' ? mrt_sync_map_store(g, m, op->v[0], root[0])
				    : mrt_sync_map_load_or_store(g, m, op->v[0], root[0], &root[1], &loaded);
	}
	if (r < 0)
		check_die("syncmap: %c: error %d", op->kind, r);
	ret->v[SYNC_MAP_VALUE] = sync_map_value(root[1]);
	ret->v[SYNC_MAP_FLAG] = loaded;
}

static void sync_map_op(mrt_g *g, mrt_sync_map *m, const struct check_op *op, struct check_answer *ret)
{
	const void *value = NULL;

	switch (op->kind) {
	case 'l':
		value = mrt_sync_map_load(g, m, op->v[0]);
		break;
	case 'x':
	case 'd':
		value = mrt_sync_map_load_and_delete(g, m, op->v[0]);
		break;
	case 'r':
		sync_map_each(g, m, op->v[0], ret);
		return;
	default:
		sync_map_put(g, m, op, ret);
		return;
	}
	ret->v[SYNC_MAP_VALUE] = op->kind != 'd' ? sync_map_value(value) : 0;
	ret->v[SYNC_MAP_FLAG] = op->kind == 'x' && value != NULL;
}

static void sync_map_main(mrt_g *g, void *arg)
{
	const struct sync_map_job *job = arg;
	struct mrt_sync_map_info info;
	MRT_ROOTS(g, m, 1);

	if (mrt_sync_map_new(g, &m[0]) < 0)
		check_die("syncmap: out of memory");
	for (size_t i = 0; i < job->n; i++) {
		struct check_answer a = {.n = job->answers};

		sync_map_op(g, m[0], &job->op[i], &a);
		mrt_sync_map_inspect(g, m[0], &info);
		a.v[2] = info.amended;
		a.v[3] = info.misses;
		a.v[4] = info.read_len;
		a.v[5] = info.dirty_len;
		a.v[6] = info.deleted;
		a.v[7] = info.expunged;
		job->ret[i] = a;
	}
}

static void sync_map_ours(struct check *c, const struct check_op *op, size_t n, const struct check_answer *go,
			  struct check_answer *ret)
{
	struct sync_map_job job = {op, n, ret, c->minor < SYNC_MAP_TRIE ? SYNC_MAP_ANSWERS : SYNC_MAP_RESULTS};

	(void)go;
	check_run(c, sync_map_main, &job);
}

/* ---- drawing */

static struct check_op sync_map_draw(struct check *c, uint64_t universe, uint64_t changes)
{
	uint64_t key = check_below(c, universe), what = check_below(c, 100);

	if (what == 0)
		return (struct check_op){'r', {check_below(c, 2) == 0 ? 0 : 1 + check_below(c, universe)}};
	if (what >= changes)
		return (struct check_op){'l', {key}};
	if (check_below(c, 5) < 2)
		return (struct check_op){check_below(c, 2) == 0 ? 'x' : 'd', {key}};
	return (struct check_op){check_below(c, 2) == 0 ? 's' : 'o', {key, 1 + check_below(c, 1 << 20)}};
}

/* Stretches that mostly look up, change, or both, over few keys or many. */
static size_t sync_map_sequence(struct check *c, struct check_op *op)
{
	size_t n = SYNC_MAP_OPS_MAX / 8 * (1 + check_below(c, 8));
	uint64_t universe = 0, changes = 0, left = 0, most = (uint64_t)2 << check_below(c, 9);

	for (size_t i = 0; i < n; i++, left--) {
		if (left == 0) {
			universe = 1 + check_below(c, most);
			changes = (uint64_t[]){5, 20, 50, 95}[check_below(c, 4)];
			left = 1 + check_below(c, 2 * most);
		}
		op[i] = sync_map_draw(c, universe, changes);
	}
	return n;
}

static bool sync_map_valid(const struct check_op *op)
{
	return (op->kind != 's' && op->kind != 'o') || op->v[1] > 0;
}

bool check_sync_map(struct check *c)
{
	static const struct check_topic topic = {
		.name = "syncmap", .ours = sync_map_ours, .differ = check_equal, .valid = sync_map_valid};
	struct check_op *op = calloc(SYNC_MAP_OPS_MAX, sizeof(*op));
	uint64_t all = 0;
	bool same = true;

	if (op == NULL)
		check_die("out of memory");
	for (uint64_t i = 0; i < SYNC_MAP_TIMES * c->seeds && same; i++) {
		size_t n = sync_map_sequence(c, op);

		same = check_sequence(c, &topic, op, n);
		all += n;
	}
	free(op);
	if (same)
		check_row(c, "syncmap",
			  c->minor < SYNC_MAP_TRIE ? "results, amended, misses, keys of read and dirty, nil and expunged; operations"
						   : "results (it is a hash trie); operations",
			  all);
	return same;
}
