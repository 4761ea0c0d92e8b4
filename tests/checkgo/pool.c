/*
 * pool.c: which object a sync.Pool gives, and when one dies, as pool.go answers it: put and got by the one P there is, with collections
 * between. Private, head of the queue, victim cache from its tail, New; what lives is counted by MemStats, in a class of its own.
 */
#include "tests/checkgo/checkgo.h"

#include <stdlib.h>

#define POOL_OBJECT_BYTES 2688u
#define POOL_OPS_MAX	  1000u
#define POOL_MANY_MAX	  300u /* of the queues of 8, 16, ... 256 */
#define POOL_NEW_FIRST	  ((uint64_t)1 << 32)
#define POOL_CLASS	  40u
#define POOL_ASKS	  3u

static const struct mrt_type pool_object = {"object", POOL_OBJECT_BYTES, 0, NULL};

/* ---- ours */

struct pool_job {
	const struct check_op *op;
	size_t n;
	struct check_answer *ret;
	uint64_t made; /* by fresh */
	struct mrt_memstats stats;
};

static int pool_object_new(mrt_g *g, uint64_t id, void **ret)
{
	int r = mrt_new(g, &pool_object, ret);

	if (r == 0)
		*(uint64_t *)*ret = id;
	return r;
}

static int pool_fresh(mrt_g *g, void *arg, void **ret)
{
	struct pool_job *job = arg;

	return pool_object_new(g, POOL_NEW_FIRST + ++job->made, ret);
}

static int pool_put(mrt_g *g, mrt_pool *pool, uint64_t id, uint64_t n)
{
	int r = 0;
	MRT_ROOTS(g, root, 1);

	for (uint64_t i = 0; i < n && r == 0; i++) {
		r = pool_object_new(g, id + i, &root[0]);
		if (r == 0)
			r = mrt_pool_put(g, pool, root[0]);
	}
	return r;
}

/* The number of the last of n; back: it is put back. */
static uint64_t pool_get(mrt_g *g, mrt_pool *pool, uint64_t n, bool back)
{
	MRT_ROOTS(g, root, 1);

	for (uint64_t i = 0; i < n; i++)
		if (mrt_pool_get(g, pool, &root[0]) < 0)
			check_die("pool: out of memory");
	if (back && mrt_pool_put(g, pool, root[0]) < 0)
		check_die("pool: out of memory");
	return root[0] != NULL ? *(uint64_t *)root[0] : 0;
}

static uint64_t pool_living(mrt_g *g, struct pool_job *job)
{
	mrt_memstats_read(g, &job->stats);
	if (job->stats.by_size[POOL_CLASS].size != POOL_OBJECT_BYTES)
		check_die("pool: not the class of its objects");
	return job->stats.by_size[POOL_CLASS].mallocs - job->stats.by_size[POOL_CLASS].frees;
}

static void pool_main(mrt_g *g, void *arg)
{
	struct pool_job *job = arg;
	bool fresh = job->n > 0 && job->op[0].kind == 'n' && job->op[0].v[0] == 1;
	mrt_pool pool;

	mrt_set_gogc(g, -1);
	if (mrt_pool_init(g, &pool, fresh ? pool_fresh : NULL, job) < 0)
		check_die("pool: not begun");
	for (size_t i = 0; i < job->n; i++) {
		const struct check_op *op = &job->op[i];
		uint64_t v = 0;

		if (op->kind == 'p' && pool_put(g, &pool, op->v[0], op->v[1]) < 0)
			check_die("pool: out of memory");
		else if (op->kind == 'g' || op->kind == 'b')
			v = pool_get(g, &pool, op->kind == 'g' ? 1 : op->v[0], op->kind == 'b');
		else if (op->kind == 'c')
			mrt_gc(g);
		else if (op->kind == 'l')
			v = pool_living(g, job);
		job->ret[i] = (struct check_answer){.v = {v}, .n = 1};
	}
	mrt_pool_fini(g, &pool);
}

static void pool_ours(struct check *c, const struct check_op *op, size_t n, const struct check_answer *go,
		      struct check_answer *ret)
{
	struct pool_job *job = calloc(1, sizeof(*job));

	(void)go;
	if (job == NULL)
		check_die("out of memory");
	*job = (struct pool_job){.op = op, .n = n, .ret = ret};
	check_run(c, pool_main, job);
	free(job);
}

/* ---- drawing */

static struct check_op pool_draw(struct check *c, uint64_t puts, uint64_t *id)
{
	uint64_t what = check_below(c, 100);
	struct check_op op = {'p', {*id, 1}};

	if (what < 8)
		return (struct check_op){'c', {0}};
	if (what < 14)
		return (struct check_op){'l', {0}};
	if (what < 18)
		return (struct check_op){'b', {1 + check_below(c, 1 + check_below(c, POOL_MANY_MAX))}};
	if (check_below(c, 100) >= puts)
		return (struct check_op){'g', {0}};
	if (check_below(c, 8) == 0)
		op.v[1] = 1 + check_below(c, 1 + check_below(c, POOL_MANY_MAX));
	*id += op.v[1];
	return op;
}

/* Stretches of more puts, or more gets. */
static size_t pool_sequence(struct check *c, struct check_op *op)
{
	size_t n = POOL_OPS_MAX / 8 * (1 + check_below(c, 8));
	uint64_t id = 1, left = 0, puts = 0;

	op[0] = (struct check_op){'n', {check_below(c, 2)}};
	for (size_t i = 1; i < n; i++, left--) {
		if (left == 0) {
			puts = 20 + check_below(c, 61);
			left = 1 + check_below(c, 60);
		}
		op[i] = pool_draw(c, puts, &id);
	}
	return n;
}

static bool pool_valid(const struct check_op *op)
{
	return op->kind != 'b' || op->v[0] > 0;
}

bool check_pool(struct check *c)
{
	static const struct check_topic topic = {.name = "pool", .ours = pool_ours, .differ = check_equal, .valid = pool_valid,
						 .asks = POOL_ASKS,
						 .head = 1};
	struct check_op *op = calloc(POOL_OPS_MAX, sizeof(*op));
	uint64_t all = 0;
	bool same = true;

	if (op == NULL)
		check_die("out of memory");
	for (uint64_t i = 0; i < c->seeds && same; i++) {
		size_t n = pool_sequence(c, op);

		same = check_sequence(c, &topic, op, n);
		all += n;
	}
	free(op);
	if (same)
		check_row(c, "pool", "which object Get gives, and how many live, collections between; operations", all);
	return same;
}
