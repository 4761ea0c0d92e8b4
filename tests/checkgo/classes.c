/* classes.c: what the allocator hands out for a request, as classes.go answers it. */
#include "tests/checkgo/checkgo.h"

#include "runtime/mem/mem.h"

#include <stdlib.h>

#define CLASSES_BYTES_MAX 40000u
/* Questions of one run of both sides; the heap is collected between them. */
#define CLASSES_PART 2500u

struct classes_job {
	struct check *c;
	const struct check_op *op;
	size_t n;
	struct check_answer *ret;
};

static const uint64_t classes_pointer = 1;
static const struct mrt_type classes_byte = {"byte", 1, 0, NULL}, classes_word = {"pointer", 8, 1, &classes_pointer};

static uint64_t classes_total(mrt_g *g)
{
	struct mrt_memstats m;

	mrt_memstats_read(g, &m);
	return m.total_alloc;
}

static uint64_t classes_taken(mrt_g *g, const struct mrt_type *type, uint64_t n)
{
	MRT_ROOTS(g, object, 1);
	uint64_t before = classes_total(g);

	if (mrt_new_array(g, type, n, &object[0]) < 0)
		check_die("classes: out of memory");
	return classes_total(g) - before;
}

static uint64_t classes_appended(mrt_g *g, uint64_t n)
{
	static const char zero[CLASSES_BYTES_MAX];
	struct mrt_slice s = {0};
	MRT_ROOT_SLOTS(g, frame, &s.array, 1);

	if (mrt_append(g, &classes_byte, &s, zero, n) < 0)
		check_die("classes: out of memory");
	return s.cap;
}

static void classes_main(mrt_g *g, void *arg)
{
	const struct classes_job *job = arg;

	for (size_t i = 0; i < job->n; i++) {
		uint64_t n = job->op[i].v[0], v;

		if (job->op[i].kind == 'b')
			v = classes_appended(g, n);
		else if (job->op[i].kind == 'n')
			v = classes_taken(g, &classes_byte, n);
		else
			v = classes_taken(g, &classes_word, check_with_header(job->c, n) / 8);
		job->ret[i] = (struct check_answer){.v = {v}, .n = 1};
	}
}

static void classes_ours(struct check *c, const struct check_op *op, size_t n, const struct check_answer *go,
		     struct check_answer *ret)
{
	struct classes_job job = {c, op, n, ret};

	(void)go;
	check_run(c, classes_main, &job);
}

static bool classes_kind(struct check *c, char kind, uint64_t first, uint64_t step, const char *what)
{
	static const struct check_topic topic = {
		.name = "classes", .ours = classes_ours, .differ = check_equal};
	struct check_op op[CLASSES_PART];
	uint64_t bytes = first, all = 0;

	while (bytes <= CLASSES_BYTES_MAX) {
		size_t n = 0;

		for (; n < CLASSES_PART && bytes <= CLASSES_BYTES_MAX; bytes += step)
			op[n++] = (struct check_op){kind, {bytes}};
		if (!check_sequence(c, &topic, op, n))
			return false;
		all += n;
	}
	check_row(c, "classes", what, all);
	return true;
}

bool check_classes(struct check *c)
{
	bool header = check_rounding(c) == MRT_ROUNDING_1_22;

	/* Below 16 bytes without pointers Go has the tiny allocator. */
	return classes_kind(c, 'b', 1, 1, "capacity of a nil []byte that 1 to 40000 bytes are appended to") &&
	       classes_kind(c, 'n', 16, 1, "bytes taken for 16 to 40000 without pointers") &&
	       classes_kind(c, 'p', 8, 8,
			    header ? "bytes taken for 8 to 40000 with pointers, Go's header added here"
				   : "bytes taken for 8 to 40000 with pointers");
}
