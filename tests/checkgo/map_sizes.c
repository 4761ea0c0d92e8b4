/*
 * map_sizes.c: what make(map[K]V, hint) takes, as classes.go answers it for Go up to 1.23: how many objects, and their bytes, by which
 * the bucket array with its spare buckets is known. Here a map without pointers has the list of its overflow buckets from the beginning
 * (docs/fidelity.md): one object more from 2 buckets on, and another, which holds it, where there are no spare buckets. That is added;
 * so is, from Go 1.22 on, the header of an array with pointers.
 */
#include "tests/checkgo/map.h"

#include "runtime/data/map_priv.h"
#include "runtime/mem/mem.h"

#include <stdlib.h>

#define SIZES_BYTES_MAX	 ((uint64_t)4 << 20) /* of a bucket array; that of 8 by 8 bytes may be larger */
#define SIZES_SMALL	 130u		     /* hints below that: all of them */
#define SIZES_HINT_MAX	 100000u
#define SIZES_RANDOM	 20u
#define SIZES_OPS_MAX	 400u
#define SIZES_LIST_BYTES 24u /* each of the two objects */
#define SIZES_SPARES_B	 4u

static uint32_t sizes_b(uint64_t hint)
{
	uint32_t b = 0;

	while (hint > 8 && hint > 13 * (((uint64_t)1 << b) / 2))
		b++;
	return b;
}

struct sizes_job {
	const struct check_op *op;
	size_t n;
	struct check_answer *ret;
};

static void sizes_one(mrt_g *g, const struct check_op *op, struct check_answer *ret)
{
	struct check_map_type t;
	struct mrt_memstats before, after;
	MRT_ROOTS(g, m, 1);

	check_map_type(&t, op->v[0], op->v[1], op->v[2] != 0);
	mrt_memstats_read(g, &before);
	if (mrt_map_new(g, &t.map, (int64_t)op->v[3], &m[0]) < 0)
		check_die("map: out of memory");
	mrt_memstats_read(g, &after);
	*ret = (struct check_answer){.v = {after.mallocs - before.mallocs, after.total_alloc - before.total_alloc,
					   map_array_count(t.map.bucket_bytes, !t.map.has_pointers, sizes_b(op->v[3])) *
						   t.map.bucket_bytes},
				     .n = 3}; /* the array too, for sizes_header */
}

static void sizes_main(mrt_g *g, void *arg)
{
	const struct sizes_job *job = arg;

	for (size_t i = 0; i < job->n; i++)
		sizes_one(g, &job->op[i], &job->ret[i]);
}

static void sizes_ours(struct check *c, const struct check_op *op, size_t n, const struct check_answer *go,
		     struct check_answer *ret)
{
	struct sizes_job job = {op, n, ret};

	(void)go;
	check_run(c, sizes_main, &job);
}

static bool sizes_noscan(const struct check_op *op)
{
	return op->v[2] == 0 && op->v[1] <= 128;
}

/* What an array of that many bytes takes more in Go. */
static uint64_t sizes_header(const struct check *c, const struct check_op *op, uint64_t array)
{
	bool header = check_rounding(c) == MRT_ROUNDING_1_22 && !sizes_noscan(op) && sizes_b(op->v[3]) > 0 &&
		      array > MEM_HEADER_ABOVE && array <= MEM_SMALL_MAX - MEM_HEADER_BYTES;

	return header ? mem_round_up(array + MEM_HEADER_BYTES) - mem_round_up(array) : 0;
}

static size_t sizes_differ(struct check *c, const struct check_op *op, size_t n, const struct check_answer *go,
			   const struct check_answer *our)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t b = sizes_b(op[i].v[3]);
		uint64_t more = !sizes_noscan(&op[i]) || b == 0 ? 0 : b < SIZES_SPARES_B ? 2 : 1;

		if (go[i].n != 2 || our[i].v[0] != go[i].v[0] + more ||
		    our[i].v[1] + sizes_header(c, &op[i], our[i].v[2]) != go[i].v[1] + more * SIZES_LIST_BYTES)
			return i;
	}
	return n;
}

static uint64_t sizes_array(uint64_t key, uint64_t elem, uint64_t hint)
{
	return ((uint64_t)1 << sizes_b(hint)) * (16 + 8 * (key + (elem > 128 ? 8 : elem)));
}

static size_t sizes_hints(struct check *c, uint64_t key, uint64_t elem, bool pointers, struct check_op *op)
{
	uint64_t limit = key == 8 && elem == 8 ? UINT64_MAX : SIZES_BYTES_MAX;
	size_t n = 0;

	for (uint64_t hint = 0; hint < SIZES_SMALL; hint++)
		op[n++] = (struct check_op){'m', {key, elem, pointers, hint}};
	for (uint32_t b = 4; 13u << b >> 1 <= SIZES_HINT_MAX; b++)
		for (uint64_t hint = 13u << b >> 1; hint <= (13u << b >> 1) + 1; hint++)
			if (sizes_array(key, elem, hint) <= limit)
				op[n++] = (struct check_op){'m', {key, elem, pointers, hint}};
	for (uint32_t i = 0; i < SIZES_RANDOM; i++) {
		uint64_t hint = check_below(c, SIZES_HINT_MAX);

		if (sizes_array(key, elem, hint) <= limit)
			op[n++] = (struct check_op){'m', {key, elem, pointers, hint}};
	}
	return n;
}

static bool sizes_valid(const struct check_op *op)
{
	return (op->v[0] == 4 || op->v[0] == 8) && (op->v[2] == 0 || (op->v[2] == 1 && op->v[1] % 8 == 0 && op->v[1] > 0));
}

bool check_map_sizes(struct check *c)
{
	static const struct check_topic topic = {
		.name = "map sizes", .ours = sizes_ours, .differ = sizes_differ, .valid = sizes_valid};
	static const uint16_t elem[][2] = {
		{0, 0},	  {1, 0},   {2, 0},   {4, 0},	{8, 0},	  {13, 0},  {16, 0},   {24, 0},	 {48, 0},  {64, 0},
		{100, 0}, {120, 0}, {127, 0}, {128, 0}, {129, 0}, {136, 0}, {256, 0}, {1024, 0}, {8, 1},   {16, 1},
		{64, 1},  {120, 1}, {128, 1}, {136, 1}, {1024, 1}};
	struct check_op op[SIZES_OPS_MAX];
	uint64_t all = 0;

	for (size_t i = 0; i < 2 * sizeof(elem) / sizeof(elem[0]); i++) {
		const uint16_t *e = elem[i / 2];
		size_t n = sizes_hints(c, i % 2 == 0 ? 4 : 8, e[0], e[1] != 0, op);

		if (!check_sequence(c, &topic, op, n))
			return false;
		all += n;
	}
	check_row(c, "map", "objects and bytes of make(map, hint), hints 0 to 100000, 50 types", all);
	return true;
}
