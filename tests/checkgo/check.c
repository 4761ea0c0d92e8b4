/* check.c: a sequence carried out twice, and cut down where the two differ; the parts that topics share. */
#include "tests/checkgo/checkgo.h"

#include "runtime/mem/mem.h"
#include "runtime/prim/prim.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Runs of both sides for one shrinking, at most. */
#define CHECK_SHRINK_RUNS 600u

void check_die(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	fputs("checkgo: ", stderr);
	vfprintf(stderr, format, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(2);
}

uint64_t check_random(struct check *c)
{
	uint64_t z = c->random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

void check_row(const struct check *c, const char *topic, const char *what, uint64_t n)
{
	printf("  1.%-3d %-9s %-72s %9" PRIu64 "\n", c->minor, topic, what, n);
	fflush(stdout);
}

enum mrt_rounding check_rounding(const struct check *c)
{
	return c->minor >= 22 ? MRT_ROUNDING_1_22 : MRT_ROUNDING_1_19;
}

uint64_t check_with_header(const struct check *c, uint64_t bytes)
{
	bool header = check_rounding(c) == MRT_ROUNDING_1_22 && bytes > MEM_HEADER_ABOVE &&
		      bytes <= MEM_SMALL_MAX - MEM_HEADER_BYTES;

	return bytes + (header ? MEM_HEADER_BYTES : 0);
}

void check_run(struct check *c, mrt_go_fn *fn, void *arg)
{
	struct mrt_options opt = {
		.procs = 1, .seed = check_random(c) | 1, .rounding = check_rounding(c)};
	int r = mrt_run(&opt, fn, arg);

	if (r != 0)
		check_die("the runtime did not run: %s", strerror(-r));
}

/* ---- comparing */

size_t check_equal(struct check *c, const struct check_op *op, size_t n, const struct check_answer *go,
		   const struct check_answer *our)
{
	(void)c;
	(void)op;
	for (size_t i = 0; i < n; i++)
		if (go[i].n != our[i].n || memcmp(go[i].v, our[i].v, go[i].n * sizeof(go[i].v[0])) != 0)
			return i;
	return n;
}

/* A sequence with both sides' answers. */
struct check_case {
	struct check_op *op;
	struct check_answer *go, *our;
	size_t n, bad; /* bad: the first that differs; n: none */
};

static void case_init(struct check_case *k, const struct check_op *op, size_t n)
{
	k->op = calloc(n + 1, sizeof(*k->op));
	k->go = calloc(n + 1, sizeof(*k->go));
	k->our = calloc(n + 1, sizeof(*k->our));
	if (k->op == NULL || k->go == NULL || k->our == NULL)
		check_die("out of memory");
	memcpy(k->op, op, n * sizeof(*op));
	k->n = n;
}

static void case_fini(struct check_case *k)
{
	free(k->op);
	free(k->go);
	free(k->our);
}

static bool case_agrees(struct check *c, const struct check_topic *topic, struct check_case *k)
{
	uint32_t asks = topic->asks > 0 ? topic->asks : 1;

	do {
		check_ask(c, k->op, k->n, k->go);
		memset(k->our, 0, k->n * sizeof(*k->our));
		topic->ours(c, k->op, k->n, k->go, k->our);
		k->bad = topic->differ(c, k->op, k->n, k->go, k->our);
	} while (k->bad < k->n && --asks > 0);
	return k->bad == k->n;
}

/* ---- shrinking */

/* Takes `with` in place of k if it differs too; what comes after its first difference goes. */
static bool shrink_to(struct check *c, const struct check_topic *topic, struct check_case *k,
		      struct check_case *with, uint32_t *runs)
{
	struct check_case old = *k;

	if (*runs == 0 || ((*runs)--, case_agrees(c, topic, with))) {
		case_fini(with);
		return false;
	}
	with->n = with->bad + 1;
	*k = *with;
	case_fini(&old);
	return true;
}

/* Only what differs, from the state before it. */
static void shrink_restart(struct check *c, const struct check_topic *topic, struct check_case *k, uint32_t *runs)
{
	struct check_op op[2];
	struct check_case with;

	if (k->bad < 2)
		return;
	op[0] = topic->restart(&k->op[0], &k->go[k->bad - 1]);
	op[1] = k->op[k->bad];
	case_init(&with, op, 2);
	shrink_to(c, topic, k, &with, runs);
}

/* Leaves out runs of operations: half of them, then quarters, down to single ones. */
static void shrink_ops(struct check *c, const struct check_topic *topic, struct check_case *k, uint32_t *runs)
{
	for (size_t part = (k->n - topic->head + 1) / 2; part > 0; part /= 2) {
		/* The one that differs stays. */
		for (size_t at = topic->head; at + part < k->n && *runs > 0;) {
			struct check_case with;

			case_init(&with, k->op, k->n);
			memmove(&with.op[at], &with.op[at + part], (k->n - at - part) * sizeof(*with.op));
			with.n = k->n - part;
			if (!shrink_to(c, topic, k, &with, runs))
				at += part;
		}
	}
}

static bool shrink_number(struct check *c, const struct check_topic *topic, struct check_case *k, size_t at,
			  uint64_t smaller, int field, uint32_t *runs)
{
	struct check_case with;

	case_init(&with, k->op, k->n);
	with.op[at].v[field] = smaller;
	if (smaller < k->op[at].v[field] && topic->valid(&with.op[at]))
		return shrink_to(c, topic, k, &with, runs);
	case_fini(&with);
	return false;
}

static void shrink_numbers(struct check *c, const struct check_topic *topic, struct check_case *k, uint32_t *runs)
{
	for (size_t at = 0; at < k->n; at++)
		for (int field = 0; field < 4 && at < k->n; field++)
			while (at < k->n && *runs > 0 &&
			       (shrink_number(c, topic, k, at, 0, field, runs) ||
				shrink_number(c, topic, k, at, k->op[at].v[field] / 2, field, runs) ||
				shrink_number(c, topic, k, at, k->op[at].v[field] - 1, field, runs)))
				continue;
}

static void case_print_answer(const char *who, const struct check_answer *a)
{
	fprintf(stderr, "  %s", who);
	for (uint32_t i = 0; i < a->n; i++)
		fprintf(stderr, " %" PRIu64, a->v[i]);
}

static void case_print(const struct check *c, const struct check_topic *topic, const struct check_case *k)
{
	fprintf(stderr, "%s: Go 1.%d and this runtime differ (GCS_TEST_SEED=%" PRIu64 "); the shortest sequence found:\n",
		topic->name, c->minor, c->seed);
	for (size_t i = 0; i < k->n; i++) {
		fprintf(stderr, "    %c", k->op[i].kind);
		for (int f = 0; f < 4; f++)
			fprintf(stderr, " %" PRIu64, k->op[i].v[f]);
		case_print_answer(i == k->bad ? "  <-- Go" : "   Go", &k->go[i]);
		case_print_answer(" here", &k->our[i]);
		fputc('\n', stderr);
	}
}

bool check_sequence(struct check *c, const struct check_topic *topic, const struct check_op *op, size_t n)
{
	struct check_case k;
	uint32_t runs = CHECK_SHRINK_RUNS;
	bool same;

	case_init(&k, op, n);
	same = case_agrees(c, topic, &k);
	if (!same) {
		k.n = k.bad + 1;
		if (topic->restart != NULL)
			shrink_restart(c, topic, &k, &runs);
		shrink_ops(c, topic, &k, &runs);
		if (topic->valid != NULL)
			shrink_numbers(c, topic, &k, &runs);
		case_print(c, topic, &k);
	}
	case_fini(&k);
	return same;
}
