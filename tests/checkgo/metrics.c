/*
 * metrics.c: the names of runtime/metrics that this runtime has, their kinds, and every bound of their histograms to the bit, as
 * metrics.go answers; which Go has a name is a column of runtime/watch/metrics.def.
 */
#include "tests/checkgo/checkgo.h"

#include <stdlib.h>
#include <string.h>

#define METRICS_OPS_MAX 4096u
#define METRICS_LIST_MAX 64u

static struct mrt_metric_sample metrics_sample[METRICS_LIST_MAX]; /* of the runtime that answers; their bounds stay */

static uint64_t metrics_hash(const char *name)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (; *name != 0; name++)
		h = (h ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
	return h;
}

static void metrics_main(mrt_g *g, void *arg)
{
	(void)arg;
	if (mrt_metrics_count > METRICS_LIST_MAX)
		check_die("metrics: more than there is room for");
	for (size_t i = 0; i < mrt_metrics_count; i++)
		metrics_sample[i] = (struct mrt_metric_sample){.name = mrt_metrics[i].name};
	mrt_metrics_read(g, metrics_sample, mrt_metrics_count);
}

static size_t metrics_row(uint64_t hash)
{
	size_t i = 0;

	while (i < mrt_metrics_count && metrics_hash(mrt_metrics[i].name) != hash)
		i++;
	if (i == mrt_metrics_count)
		check_die("metrics: asked for what is not in the table");
	return i;
}

/* Go 1.19 does not say of /sched/latencies that it only grows, though it does. */
static bool metrics_said_to_grow(const struct check *c, const struct mrt_metric *m)
{
	return m->cumulative && (c->minor > 19 || strcmp(m->name, "/sched/latencies:seconds") != 0);
}

static void metrics_ours(struct check *c, const struct check_op *op, size_t n, const struct check_answer *go,
			 struct check_answer *ret)
{
	(void)go;
	for (size_t i = 0; i < n; i++) {
		size_t row = metrics_row(op[i].v[0]);
		const struct mrt_metric *m = &mrt_metrics[row];
		const struct mrt_metric_sample *s = &metrics_sample[row];

		ret[i] = (struct check_answer){.n = 2};
		if (op[i].kind == 'd' && m->since <= c->minor) {
			ret[i].v[0] = m->kind; /* numbered as Go's */
			ret[i].v[1] = metrics_said_to_grow(c, m);
		} else if (op[i].kind == 'b') {
			ret[i].v[0] = s->cells;
			memcpy(&ret[i].v[1], &s->bound[op[i].v[1]], sizeof(ret[i].v[1]));
		}
	}
}

/* The buckets of times are another Go's: /gc/pauses has those of 1.19, all others those since 1.20. */
static bool metrics_bounds_asked(const struct check *c, const struct mrt_metric *m)
{
	if (m->kind != MRT_METRIC_HISTOGRAM || m->since > c->minor)
		return false;
	return strstr(m->name, ":seconds") == NULL || (c->minor < 20) == (strcmp(m->name, "/gc/pauses:seconds") == 0);
}

static size_t metrics_questions(const struct check *c, struct check_op *op, uint64_t *ret_bounds)
{
	size_t n = 0;

	*ret_bounds = 0;
	for (size_t i = 0; i < mrt_metrics_count; i++) {
		uint64_t hash = metrics_hash(mrt_metrics[i].name);

		op[n++] = (struct check_op){'d', {hash}};
		for (uint64_t k = 0; metrics_bounds_asked(c, &mrt_metrics[i]) && k <= metrics_sample[i].cells; k++) {
			op[n++] = (struct check_op){'b', {hash, k}};
			++*ret_bounds;
		}
		if (n + MRT_METRIC_CELLS_MAX + 2 > METRICS_OPS_MAX)
			check_die("metrics: too many questions");
	}
	return n;
}

bool check_metrics(struct check *c)
{
	static const struct check_topic topic = {
		.name = "metrics", .ours = metrics_ours, .differ = check_equal, .head = 0};
	struct check_op *op = calloc(METRICS_OPS_MAX, sizeof(*op));
	uint64_t bounds = 0;
	bool same;
	size_t n;

	if (op == NULL)
		check_die("out of memory");
	check_run(c, metrics_main, NULL);
	n = metrics_questions(c, op, &bounds);
	same = check_sequence(c, &topic, op, n);
	free(op);
	if (!same)
		return false;
	check_row(c, "metrics", "names in this Go or not, kinds, whether they only grow", mrt_metrics_count);
	check_row(c, "metrics", "bounds of histograms, to the bit", bounds);
	return true;
}
