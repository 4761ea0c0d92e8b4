/*
 * map_overflow.c: what depends on the hash, in distribution: how many overflow buckets a map has that is as full as it may be, and how
 * often, full and churned, it grows to the same size. Go draws its hash seeds itself, so that no two runs of it are the same.
 *
 * The test: two samples of the same size, one of each side; the difference of their means in units of its standard error (Welch's
 * t, which for hundreds of values is as good as normal). 5 of these come by chance once in 1.7 million comparisons if the distributions
 * are the same; a run makes ten, so that it gives a false alarm once in 170,000 runs.
 */
#include "tests/checkgo/map.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define OVERFLOW_SIGMAS	     5.0
#define OVERFLOW_SAMPLES_MIN 100u
#define OVERFLOW_KEYS_MAX    (13u << 12 >> 1)

/* ---- ours */

struct overflow_job {
	struct check *c;
	const struct check_op *op;
	size_t n;
	struct check_answer *ret;
};

struct overflow_map {
	mrt_g *g;
	struct check_map_type type;
	void *map;
	uint64_t *key;
	uint64_t n;
};

/* A key that the map does not have, put into it. */
static uint64_t overflow_insert(struct check *c, struct overflow_map *m)
{
	static const uint64_t zero;
	uint64_t key, before = mrt_map_count(m->map);

	do {
		key = check_random(c);
		if (mrt_map_put(m->g, &m->type.map, m->map, key, &zero) < 0)
			check_die("map: out of memory");
	} while (mrt_map_count(m->map) == before);
	return key;
}

static uint64_t overflow_churn(struct check *c, struct overflow_map *m, uint64_t ops)
{
	struct mrt_map_info info;
	uint64_t growths = 0;
	bool before;

	for (mrt_map_inspect(m->map, &info); ops > 0; ops--) {
		uint64_t at = check_below(c, m->n);

		before = info.growing;
		mrt_map_delete(m->g, &m->type.map, m->map, m->key[at]);
		m->key[at] = overflow_insert(c, m);
		mrt_map_inspect(m->map, &info);
		growths += !before && info.growing;
	}
	return growths;
}

static void overflow_one(mrt_g *g, struct check *c, const struct check_op *op, uint64_t *keys, struct check_answer *ret)
{
	struct overflow_map m = {.g = g, .key = keys};
	MRT_ROOT_SLOTS(g, frame, &m.map, 1);
	struct mrt_map_info info;

	check_map_type(&m.type, op->v[0], 8, false);
	if (mrt_map_new(g, &m.type.map, 0, &m.map) < 0)
		check_die("map: out of memory");
	while (m.n < (UINT64_C(13) << op->v[1] >> 1))
		m.key[m.n++] = overflow_insert(c, &m);
	mrt_map_inspect(m.map, &info);
	*ret = (struct check_answer){.v = {info.b, info.overflow}, .n = 2};
	if (op->kind == 'w')
		ret->v[1] = overflow_churn(c, &m, op->v[2]);
}

static void overflow_main(mrt_g *g, void *arg)
{
	static uint64_t keys[OVERFLOW_KEYS_MAX];
	const struct overflow_job *job = arg;

	for (size_t i = 0; i < job->n; i++)
		overflow_one(g, job->c, &job->op[i], keys, &job->ret[i]);
}

/* ---- comparing */

struct overflow_sample {
	double mean, variance;
};

static struct overflow_sample overflow_sample(const struct check_answer *a, size_t n)
{
	struct overflow_sample s = {0};

	for (size_t i = 0; i < n; i++)
		s.mean += (double)a[i].v[1] / (double)n;
	for (size_t i = 0; i < n; i++)
		s.variance += ((double)a[i].v[1] - s.mean) * ((double)a[i].v[1] - s.mean) / (double)(n - 1);
	return s;
}

static bool overflow_agrees(struct check *c, const char *what, const struct check_answer *go,
			    const struct check_answer *our, size_t n)
{
	struct overflow_sample a = overflow_sample(go, n), b = overflow_sample(our, n);
	double error = sqrt((a.variance + b.variance) / (double)n), apart = fabs(a.mean - b.mean);
	char text[128];
	bool agree = error > 0 ? apart <= OVERFLOW_SIGMAS * error : apart == 0;

	snprintf(text, sizeof(text), "%s: mean %.2f here %.2f, at most %.2f apart", what, a.mean, b.mean,
		 OVERFLOW_SIGMAS * error);
	if (agree)
		check_row(c, "map", text, n);
	else
		fprintf(stderr, "map: Go 1.%d and this runtime differ: %s\n", c->minor, text);
	return agree;
}

static bool overflow_compare(struct check *c, struct check_op op, size_t n)
{
	struct check_op *ops = calloc(n, sizeof(*ops));
	struct check_answer *go = calloc(2 * n, sizeof(*go)), *our = go + n;
	struct overflow_job job = {c, ops, n, our};
	char what[64];
	bool agree = true;

	if (ops == NULL || go == NULL)
		check_die("out of memory");
	for (size_t i = 0; i < n; i++) {
		ops[i] = op;
		ops[i].v[op.kind == 'o' ? 2 : 3] = check_random(c);
	}
	check_ask(c, ops, n, go);
	check_run(c, overflow_main, &job);
	for (size_t i = 0; i < n; i++)
		agree &= go[i].v[0] == op.v[1] && our[i].v[0] == op.v[1];
	if (!agree)
		fprintf(stderr, "map: a full map of %llu buckets has not B %llu\n", 1ull << op.v[1],
			(unsigned long long)op.v[1]);
	snprintf(what, sizeof(what), "%s, u%llu keys, B %llu",
		 op.kind == 'o' ? "overflow" : "same-size growths", (unsigned long long)op.v[0] * 8,
		 (unsigned long long)op.v[1]);
	agree = agree && overflow_agrees(c, what, go, our, n);
	free(ops);
	free(go);
	return agree;
}

bool check_map_overflow(struct check *c)
{
	static const struct check_op op[] = {
		{'o', {4, 1}}, {'o', {8, 1}}, {'o', {4, 4}},  {'o', {8, 4}},  {'o', {4, 8}}, {'o', {8, 8}},
		{'o', {8, 12}}, {'w', {4, 5, 5000}}, {'w', {8, 5, 5000}}, {'w', {8, 8, 20000}},
	};
	size_t n = c->seeds < OVERFLOW_SAMPLES_MIN ? OVERFLOW_SAMPLES_MIN : c->seeds;
	bool agree = true;

	for (size_t i = 0; i < sizeof(op) / sizeof(op[0]); i++)
		agree &= overflow_compare(c, op[i], n);
	return agree;
}
