/*
 * slice_append.c: the shapes in which slices keep memory alive (incident I1).
 *
 * A unit works on a few slices at a time. One operation appends up to a kilobyte to one of them,
 * until it has the size that the distribution gave it; on the way an alias may hold the array that
 * append has left behind, or watch an append in place. A finished slice is cut down to a short
 * header over at most eight elements somewhere in its array and put on a shelf: the header keeps
 * the whole array alive. The shelf holds `retain`/units bytes of such arrays; beyond that the
 * oldest go.
 *
 * All headers lie in one managed object, the shelf; element j of slice number n is a function of n
 * and j, so the model is a number, an offset and a length each.
 */
#include "workloads/dist.h"
#include "workloads/workload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define APPEND_AT_WORK	    8u	  /* slices growing at a time */
#define APPEND_SHELF	    4096u /* retained headers at most */
#define APPEND_CHUNK_MAX    128u  /* elements of one operation */
#define APPEND_SHORT	    8u	  /* elements of a retained header */
#define APPEND_ALIAS_ONE_IN 4u
#define APPEND_POLL_EVERY   512u /* elements between safepoints of a full check */
#define APPEND_ELEM_BYTES   8u

/* Where the headers lie in the shelf object. */
#define APPEND_ALIAS_FIRST APPEND_AT_WORK
#define APPEND_KEPT_FIRST  (2 * APPEND_AT_WORK)
#define APPEND_HEADERS	   (APPEND_KEPT_FIRST + APPEND_SHELF)

/* What a header must show: elements lo .. lo+len of slice number `number`; len 0: nothing. */
struct append_model {
	uint64_t number;
	size_t lo, len, bytes; /* bytes: of the array behind it */
};

struct append {
	struct work_unit unit;
	struct dist sizes;
	uint64_t number;	       /* of the last slice begun */
	size_t target[APPEND_AT_WORK]; /* elements; 0: none at work */
	uint32_t kept_first, kept_count;
	uint64_t kept_bytes, kept_budget;
	uint64_t scratch[APPEND_CHUNK_MAX];
	struct append_model model[APPEND_HEADERS];
};

static const struct mrt_type append_elem = {.name = "append element", .size = APPEND_ELEM_BYTES};
static const uint64_t append_mask[1] = {1};
static const struct mrt_type append_header = {
	.name = "append header",
	.size = sizeof(struct mrt_slice),
	.ptr_words = 1,
	.ptrmask = append_mask,
};

static int append_accept(const struct plan_workload *w, char *text, size_t cap)
{
	if (w->size.min >= APPEND_ELEM_BYTES)
		return 0;
	snprintf(text, cap, "%s: a size is at least %u bytes", w->id, APPEND_ELEM_BYTES);
	return -EINVAL;
}

static struct append *append_of(struct work_unit *u)
{
	return (struct append *)u;
}

static struct mrt_slice *append_at(const struct append *a, uint32_t header)
{
	return (struct mrt_slice *)mrt_load(a->unit.root) + header;
}

/* ------------------------------------------------------------------- content */

static void append_check_element(struct append *a, uint32_t header, size_t i)
{
	const struct append_model *m = &a->model[header];
	const uint64_t *array = mrt_load(&append_at(a, header)->array);
	uint64_t expected = work_word(m->number, 1, m->lo + i);

	if (array == NULL)
		work_integrity(&a->unit, WORK_MISSING, m->number, m->len, 0);
	else if (array[i] != expected)
		work_integrity(&a->unit, WORK_VALUE, m->number, expected, array[i]);
}

static bool append_check_header(struct append *a, uint32_t header)
{
	const struct mrt_slice *s = append_at(a, header);

	if (s->len == a->model[header].len && s->cap >= s->len)
		return true;
	work_integrity(&a->unit, WORK_HEADER, a->model[header].number, a->model[header].len,
		       s->len);
	return false;
}

/* The ends and one in between. */
static void append_check_sample(struct append *a, uint32_t header)
{
	size_t len = a->model[header].len;

	if (!append_check_header(a, header) || len == 0)
		return;
	append_check_element(a, header, 0);
	append_check_element(a, header, len - 1);
	append_check_element(a, header, work_below(&a->unit, len));
}

static void append_check_all(mrt_g *g, struct append *a, uint32_t header)
{
	if (!append_check_header(a, header))
		return;
	for (size_t i = 0; i < a->model[header].len; i++) {
		append_check_element(a, header, i);
		if (i % APPEND_POLL_EVERY == APPEND_POLL_EVERY - 1)
			mrt_safepoint(g);
	}
}

/* ------------------------------------------------------------------- headers */

static void append_clear(mrt_g *g, struct append *a, uint32_t header)
{
	struct mrt_slice *s = append_at(a, header);

	mrt_store(g, &s->array, NULL);
	s->len = s->cap = 0;
	a->model[header] = (struct append_model){0};
}

/* header := from[lo : lo+len : max]. */
static void append_cut(mrt_g *g, struct append *a, uint32_t header, uint32_t from, size_t lo,
		       size_t len, size_t max)
{
	const struct mrt_slice *s = append_at(a, from);
	int r = mrt_slice_sub(g, &append_elem, s, lo, lo + len, max, append_at(a, header));

	if (r < 0)
		work_integrity(&a->unit, WORK_HEADER, a->model[from].number, len, s->cap);
	a->model[header] = a->model[from];
	a->model[header].lo += lo;
	a->model[header].len = len;
}

static void append_drop_oldest(mrt_g *g, struct append *a)
{
	uint32_t header = APPEND_KEPT_FIRST + a->kept_first;

	append_check_all(g, a, header);
	a->kept_bytes -= a->model[header].bytes;
	append_clear(g, a, header);
	a->kept_first = (a->kept_first + 1) % APPEND_SHELF;
	a->kept_count--;
}

/* The slice has its size: keep a short header over it, forget the rest. */
static void append_finish(mrt_g *g, struct append *a, uint32_t at)
{
	const struct mrt_slice *s = append_at(a, at);
	size_t len = s->len < APPEND_SHORT ? s->len : APPEND_SHORT;
	size_t lo = work_below(&a->unit, s->len - len + 1);
	uint32_t header;

	if (a->kept_count == APPEND_SHELF)
		append_drop_oldest(g, a);
	header = APPEND_KEPT_FIRST + (a->kept_first + a->kept_count) % APPEND_SHELF;
	append_check_sample(a, at);
	append_cut(g, a, header, at, lo, len, lo + len);
	a->model[header].bytes = s->cap * APPEND_ELEM_BYTES;
	a->kept_bytes += a->model[header].bytes;
	a->kept_count++;
	append_clear(g, a, at);
	append_clear(g, a, APPEND_ALIAS_FIRST + at);
	a->target[at] = 0;
	while (a->kept_bytes > a->kept_budget && a->kept_count > 0)
		append_drop_oldest(g, a);
}

/* ---------------------------------------------------------------- operations */

static void append_begin(struct append *a, uint32_t at)
{
	uint64_t bytes = dist_draw(&a->sizes, work_random(&a->unit));

	a->target[at] = bytes < APPEND_ELEM_BYTES ? 1 : bytes / APPEND_ELEM_BYTES;
	a->model[at] = (struct append_model){.number = ++a->number};
}

/* After an append that got no memory: the same header over the same content. */
static int append_failed(struct append *a, uint32_t at, struct mrt_slice before, int r)
{
	const struct mrt_slice *s = append_at(a, at);

	work_op_error(&a->unit, r, a->model[at].number);
	if (s->array != before.array || s->len != before.len || s->cap != before.cap)
		work_integrity(&a->unit, WORK_HEADER, a->model[at].number, before.len, s->len);
	append_check_sample(a, at);
	return r;
}

/* After an append: the new elements, the seam, and what the alias shows. */
static void append_check_done(struct append *a, uint32_t at, struct mrt_slice before)
{
	const struct mrt_slice *s = append_at(a, at),
			       *alias = append_at(a, APPEND_ALIAS_FIRST + at);
	bool moved = s->array != before.array;

	append_check_sample(a, at);
	if (before.len > 0)
		append_check_element(a, at, before.len);
	if (moved && before.array != NULL && s->cap == before.cap)
		work_integrity(&a->unit, WORK_HEADER, a->model[at].number, before.cap, s->cap);
	if (!moved && alias->array == s->array && alias->cap == s->cap) {
		/* In place: the alias sees the new elements beyond its own length. */
		uint64_t expected = work_word(a->model[at].number, 1, s->len - 1);
		uint64_t found = ((const uint64_t *)alias->array)[s->len - 1];

		if (found != expected)
			work_integrity(&a->unit, WORK_VALUE, a->model[at].number, expected, found);
	}
	append_check_sample(a, APPEND_ALIAS_FIRST + at);
}

static int append_op(mrt_g *g, struct work_unit *u)
{
	struct append *a = append_of(u);
	uint32_t at = (uint32_t)work_below(u, APPEND_AT_WORK);
	struct append_model *m = &a->model[at];
	struct mrt_slice before;
	size_t n;
	int r;

	if (a->target[at] == 0)
		append_begin(a, at);
	n = 1 + work_below(u, APPEND_CHUNK_MAX);
	if (n > a->target[at] - m->len)
		n = a->target[at] - m->len;
	for (size_t i = 0; i < n; i++)
		a->scratch[i] = work_word(m->number, 1, m->len + i);
	if (m->len > 0 && work_below(u, APPEND_ALIAS_ONE_IN) == 0)
		append_cut(g, a, APPEND_ALIAS_FIRST + at, at, 0, m->len, append_at(a, at)->cap);
	before = *append_at(a, at);
	r = mrt_append(g, &append_elem, append_at(a, at), a->scratch, n);
	if (r < 0)
		return append_failed(a, at, before, r);
	m->len += n;
	append_check_done(a, at, before);
	if (m->len == a->target[at])
		append_finish(g, a, at);
	return 0;
}

static void append_verify(mrt_g *g, struct work_unit *u)
{
	struct append *a = append_of(u);
	uint64_t elements = 0;

	for (uint32_t i = 0; i < APPEND_HEADERS; i++) {
		append_check_all(g, a, i);
		elements += a->model[i].len;
	}
	work_checked(u, elements);
}

/* -------------------------------------------------------------------- making */

static void append_destroy(struct work_unit *u)
{
	free(append_of(u));
}

static int append_create(mrt_g *g, const struct work_unit_options *opt, void **ret_root,
			 struct work_unit **ret)
{
	struct append *a = calloc(1, sizeof(*a));
	int r;

	if (a == NULL)
		return -ENOMEM;
	work_unit_init(&a->unit, &work_slice_append, opt);
	a->unit.root = ret_root;
	dist_init(&a->sizes, &opt->w->size);
	a->kept_budget = opt->w->retain / opt->share;
	r = mrt_new_array(g, &append_header, APPEND_HEADERS, ret_root);
	if (r < 0)
		append_destroy(&a->unit);
	else
		*ret = &a->unit;
	return r;
}

const struct work_driver work_slice_append = {
	.name = "slice-append",
	.about = "Appends until slices have their size; aliases and short headers keep large "
		 "arrays alive.",
	.accept = append_accept,
	.create = append_create,
	.op = append_op,
	.verify = append_verify,
	.destroy = append_destroy,
};
