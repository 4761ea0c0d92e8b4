/* append.c: capacities after random appends, as append.go answers them. */
#include "tests/checkgo/checkgo.h"

#include <stdio.h>
#include <stdlib.h>

/* Bytes of one slice, and of what one append adds. */
#define APPEND_BYTES_MAX ((uint64_t)4 << 20)
#define APPEND_OPS_MAX	 64u
#define APPEND_STATICS	 7u
#define APPEND_GROWTHS	 24u

/* Element sizes beside 1 to 128. */
static const uint16_t append_large[] = {
	129,  130,  136,  144,	152,  160,  192,  200,	208,  240,  248,  255,	256,  257,  264,  288,	320,  328,
	352,  360,  384,  400,	416,  448,  456,  480,	496,  504,  511,  512,	513,  520,  528,  568,	576,  584,
	600,  640,  648,  704,	720,  768,  800,  896,	904,  1000, 1016, 1017, 1023, 1024, 1032, 1144, 1152, 1160,
	1280, 1288, 1408, 1536, 1600, 1792, 2000, 2040, 2048, 2056, 2304, 2688, 2696, 3072, 3200, 3333, 3456, 4000,
	4088, 4095, 4096, 4104, 4500, 4856, 4864, 4872, 4992, 5000,
};
#define APPEND_LARGE (sizeof(append_large) / sizeof(append_large[0]))
#define APPEND_SIZES (128 + APPEND_LARGE)

static uint64_t append_size(size_t i)
{
	return i < 128 ? i + 1 : append_large[i - 128];
}

void check_append_types(void)
{
	puts("// types.go: made by `checkgo types` for append.go.\npackage main\n\n"
	     "var types = map[[2]int]func(int, int) slice{");
	for (size_t i = 0; i < APPEND_SIZES; i++) {
		unsigned size = (unsigned)append_size(i);

		printf("\t{%u, 0}: newTyped[[%u]byte],\n", size, size);
		if (size % 8 == 0)
			printf("\t{%u, 1}: newTyped[[%u]*byte],\n", size, size / 8);
	}
	puts("}");
}

/* ---- ours */

static const uint64_t append_mask[] = {[0 ... 9] = UINT64_MAX}; /* 640 words, for 5000 bytes */

static struct mrt_type append_type(uint64_t size, bool pointers)
{
	return (struct mrt_type){.name = "element",
				 .size = size,
				 .ptr_words = pointers ? (uint32_t)(size / 8) : 0,
				 .ptrmask = pointers ? append_mask : NULL};
}

/* The capacity of a nil slice of a type that append.go writes out, grown n times. */
static uint64_t append_static(const struct check *c, uint64_t kind, uint64_t n)
{
	static const struct {
		size_t bytes;
		bool noscan;
	} type[APPEND_STATICS] = {{1, true},  {4, true},   {8, false}, {16, false},
				  {16, false}, {24, true}, {24, false}};
	struct mrt_growth of = {type[kind].bytes, type[kind].noscan, check_rounding(c)};
	size_t cap = 0;

	for (; n > 0; n--)
		cap = mrt_slice_next_cap(of, cap, cap + 1);
	return cap;
}

struct append_job {
	struct check *c;
	const struct check_op *op;
	size_t n;
	struct check_answer *ret;
	const void *zero; /* elements to append */
};

static void append_main(mrt_g *g, void *arg)
{
	const struct append_job *job = arg;
	struct mrt_slice s = {0};
	MRT_ROOT_SLOTS(g, frame, &s.array, 1);
	struct mrt_type type = append_type(1, false);

	for (size_t i = 0; i < job->n; i++) {
		const struct check_op *op = &job->op[i];
		struct check_answer *ret = &job->ret[i];
		int r = 0;

		switch (op->kind) {
		case 's':
			type = append_type(op->v[0], op->v[1] != 0);
			r = mrt_slice_make(g, &type, op->v[2], op->v[3], &s);
			*ret = (struct check_answer){.v = {s.cap}, .n = 1};
			break;
		case 'x':
			*ret = (struct check_answer){.v = {append_static(job->c, op->v[0], op->v[1])}, .n = 1};
			break;
		default:
			if (op->kind == 'g')
				s.len = s.cap;
			r = mrt_append(g, &type, &s, job->zero, op->v[0]);
			*ret = (struct check_answer){.v = {s.len, s.cap}, .n = 2};
		}
		if (r < 0)
			check_die("append: %c: error %d", op->kind, r);
	}
}

static void append_ours(struct check *c, const struct check_op *op, size_t n, const struct check_answer *go,
		     struct check_answer *ret)
{
	static void *zero; /* zeros: elements of any type; kept for the program's life */
	struct append_job job = {.c = c, .op = op, .n = n, .ret = ret};

	(void)go;
	if (zero == NULL)
		zero = calloc(1, APPEND_BYTES_MAX);
	if (zero == NULL)
		check_die("out of memory");
	job.zero = zero;
	check_run(c, append_main, &job);
}

/* ---- drawing */

/* 0 to 2^bits - 1, each length in bits as likely as the next. */
static uint64_t append_draw(struct check *c, uint32_t bits)
{
	return check_random(c) >> 1 >> (63 - check_below(c, bits + 1));
}

static uint64_t append_at_most(struct check *c, uint32_t bits, uint64_t size)
{
	uint64_t v = append_draw(c, bits);

	return v * size > APPEND_BYTES_MAX / 4 ? APPEND_BYTES_MAX / 4 / size : v;
}

/* A slice that grows until it is too large; appends within the capacity between. */
static size_t append_sequence(struct check *c, struct check_op *op)
{
	uint64_t size = append_size(check_below(c, APPEND_SIZES)), pointers = size % 8 == 0 && check_below(c, 3) != 0;
	uint64_t cap = check_below(c, 2) == 0 ? 0 : append_at_most(c, 11, size), len = check_below(c, cap + 1);
	struct mrt_growth of = {size, pointers == 0, check_rounding(c)};
	size_t n = 0;

	op[n++] = (struct check_op){'s', {size, pointers, len, cap}};
	while (n < APPEND_OPS_MAX && cap * size <= APPEND_BYTES_MAX) {
		bool grow = check_below(c, 3) != 0;
		uint64_t more = check_below(c, 2) == 0 ? 1 : append_at_most(c, grow ? 10 : 5, size);

		op[n++] = (struct check_op){grow ? 'g' : 'a', {more}};
		len = (grow ? cap : len) + more;
		if (len > cap) /* only to know when to stop */
			cap = mrt_slice_next_cap(of, cap, len);
		if (cap == 0 && more > 0)
			break;
	}
	return n;
}

static bool append_valid(const struct check_op *op)
{
	/* Sizes are those of types.go; the rest may be anything that is a slice. */
	return op->kind != 's' || (op->v[2] <= op->v[3] && op->v[1] <= 1 && op->v[0] > 0 &&
				   op->v[0] <= 128 && (op->v[1] == 0 || op->v[0] % 8 == 0));
}

static struct check_op append_restart(const struct check_op *head, const struct check_answer *before)
{
	return (struct check_op){'s', {head->v[0], head->v[1], before->v[0], before->v[1]}};
}

bool check_append(struct check *c)
{
	static const struct check_topic random = {.name = "append",
						  .ours = append_ours,
						  .differ = check_equal,
						  .head = 1,
						  .valid = append_valid,
						  .restart = append_restart};
	static const struct check_topic types = {
		.name = "append", .ours = append_ours, .differ = check_equal};
	struct check_op op[APPEND_STATICS * APPEND_GROWTHS];
	uint64_t appends = 0;
	size_t n = 0;

	for (uint64_t kind = 0; kind < APPEND_STATICS; kind++)
		for (uint64_t times = 1; times <= APPEND_GROWTHS; times++)
			op[n++] = (struct check_op){'x', {kind, times}};
	if (!check_sequence(c, &types, op, n))
		return false;
	check_row(c, "append", "capacities of slices of 7 types written out, one element at a time", n);
	for (uint64_t i = 0; i < c->seeds; i++) {
		n = append_sequence(c, op);
		if (!check_sequence(c, &random, op, n))
			return false;
		appends += n - 1;
	}
	check_row(c, "append", "lengths and capacities, elements of 1 to 5000 bytes, random appends", appends);
	return true;
}
