/*
 * heap_follow.c: live bytes, allocation rate and GOGC as a curve says, and nothing else: when a cycle
 * starts and what it costs is the collector's own business.
 *
 * Bytes are slots (size classes), with the header that the plan says objects with pointers have. Each worker has an equal share of the curve. One operation is one
 * object, due when the integral of the rate has reached it; so the bytes allocated by a time do not
 * drift, and a late worker catches up object by object.
 *
 * Live: a ring of objects holds what the curve says at the operation's time, to within one object: the
 * oldest are dropped as the curve falls or the ring is full. As long as the ring has room every new
 * object goes into it; then one in FOLLOW_TURNOVER takes the place of the oldest, and all others are
 * garbage at once. The ring itself (a directory of chunks of slots) counts as live.
 *
 * Of the objects that are large enough the plan's share (`pointers`, half if it is silent) is made of cells of 64 bytes with a pointer
 * in the first word of each: as much must be scanned, an eighth of its words being pointers. Object n of the ring
 * points from cell j to object n + link[j] once that exists: always to younger ones, which outlive it,
 * so no object is kept alive but by the ring.
 *
 * Content and pointers follow from an object's number; the model is the numbers in the ring. Every word
 * of one dropped object in FOLLOW_WHOLE is compared, of the others the ends and the pointers.
 *
 * At each point of the curve a worker lets go what is too much. Worker 0 also sets GOGC there, and
 * collects by hand where the point says forced; it waits for that cycle, as runtime.GC does, and then
 * catches up. An allocation that got no memory counts as done: what was due is not asked for twice.
 */
#include "workloads/curve.h"
#include "workloads/dist.h"
#include "workloads/workload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define FOLLOW_TURNOVER	      8u
#define FOLLOW_WHOLE	      4u
#define FOLLOW_AFTER_ERROR    16u /* objects compared after an -ENOMEM */
#define FOLLOW_CELL_BYTES     64u
#define FOLLOW_CELL_WORDS     (FOLLOW_CELL_BYTES / 8)
#define FOLLOW_LINKS	      4u
#define FOLLOW_CHUNK	      512u /* slots of a chunk */
#define FOLLOW_SIZE_BYTES_MIN 16u
#define FOLLOW_SIZE_BYTES_MAX (UINT64_C(1) << 20)
/* Of Go 1.22 and later, minSizeForMallocHeader and maxSmallSize (runtime/mbitmap.go): of what is smaller the span tells the pointers, of what is larger the
 * span has the type. */
#define FOLLOW_HEADER_OVER    512u
#define FOLLOW_HEADER_MOST    32768u
#define FOLLOW_POLL_WORDS     8192u /* between two safepoints */
#define FOLLOW_SLOTS_MAX      (UINT64_C(1) << 28)

/* Near and far ones. */
static const uint32_t follow_link[FOLLOW_LINKS] = {1, 7, 61, 499};

struct follow {
	struct work_unit unit;
	struct curve curve;
	struct dist sizes;
	uint32_t pointers; /* per cent of the objects */
	uint64_t header; /* bytes that an object with pointers has besides, if it is of FOLLOW_HEADER_OVER bytes or more */
	uint64_t salt;	 /* number n has the content of salt + n */
	uint64_t next;	 /* number of the next object */
	uint64_t bytes;	 /* due so far and dealt with */
	uint64_t held;	 /* by the ring, itself included */
	uint32_t event;	 /* the next point of the curve to act on */
	int64_t due_ns;	 /* of the next operation; valid if has_due */
	bool has_due, at_point;
	/* the ring: place n % slots, n from first to end; ever rising */
	uint64_t first, end;
	uint64_t slots, chunks;
	uint64_t *number; /* model: which object lies there */
};

static const uint64_t follow_mask[1] = {1};
static const struct mrt_type follow_plain = {.name = "follow words", .size = 8};
static const struct mrt_type follow_cell = {
	.name = "follow cell",
	.size = FOLLOW_CELL_BYTES,
	.ptr_words = 1,
	.ptrmask = follow_mask,
};
static const struct mrt_type follow_slot = {
	.name = "follow slot",
	.size = 8,
	.ptr_words = 1,
	.ptrmask = follow_mask,
};

/* What number n is. */
struct follow_object {
	uint64_t number;
	size_t words, cells; /* cells 0: no pointers */
	uint64_t slot_bytes;
};

static int follow_accept(const struct plan_workload *w, char *text, size_t cap)
{
	const char *why = NULL;

	if (w->nfollow == 0)
		why = "there is no curve to follow";
	else if (w->rate != 0)
		why = "the rate is the curve's";
	else if (w->size.min < FOLLOW_SIZE_BYTES_MIN || w->size.max > FOLLOW_SIZE_BYTES_MAX)
		why = "a size is 16 bytes to 1 MiB";
	if (why == NULL)
		return 0;
	snprintf(text, cap, "%s: %s", w->id, why);
	return -EINVAL;
}

static struct follow *follow_of(struct work_unit *u)
{
	return (struct follow *)u;
}

/* ------------------------------------------------------------------- objects */

static uint64_t follow_slot_bytes(uint64_t bytes)
{
	return mrt_slice_next_cap((struct mrt_growth){.elem_bytes = 1, .noscan = true}, 0, bytes);
}

/* The same of an object with pointers. */
static uint64_t follow_pointers_bytes(const struct follow *f, uint64_t bytes)
{
	bool has_header = bytes > FOLLOW_HEADER_OVER && bytes + f->header <= FOLLOW_HEADER_MOST;

	return follow_slot_bytes(bytes + (has_header ? f->header : 0));
}

static struct follow_object follow_object(const struct follow *f, uint64_t number)
{
	uint64_t random = work_mix(f->salt + number);
	uint64_t bytes = dist_draw(&f->sizes, random) & ~UINT64_C(7);
	struct follow_object o = {.number = number, .words = bytes / 8};

	if (bytes >= FOLLOW_CELL_BYTES && work_mix(~random) % 100 < f->pointers) {
		o.cells = bytes / FOLLOW_CELL_BYTES;
		o.words = o.cells * FOLLOW_CELL_WORDS;
	}
	o.slot_bytes = o.cells > 0 ? follow_pointers_bytes(f, o.words * 8) : follow_slot_bytes(o.words * 8);
	return o;
}

static uint64_t follow_word(const struct follow *f, uint64_t number, uint64_t index)
{
	return work_mix(f->salt ^ number) + index * UINT64_C(0x9e3779b97f4a7c15);
}

static bool follow_is_pointer(const struct follow_object *o, size_t word)
{
	return o->cells > 0 && word % FOLLOW_CELL_WORDS == 0;
}

/* *root: the new object. Safepoints between pieces of a large one. */
static void follow_fill(mrt_g *g, const struct follow *f, const struct follow_object *o,
			void *const *root)
{
	uint64_t *word = *root, base = follow_word(f, o->number, 0);

	for (size_t i = 0; i < o->words; i++) {
		if (!follow_is_pointer(o, i))
			word[i] = base + i * UINT64_C(0x9e3779b97f4a7c15);
		if (i % FOLLOW_POLL_WORDS == FOLLOW_POLL_WORDS - 1)
			mrt_safepoint(g);
	}
}

static int follow_new(mrt_g *g, const struct follow *f, const struct follow_object *o, void **root)
{
	int r = o->cells > 0 ? mrt_new_array(g, &follow_cell, o->cells, root)
			     : mrt_new_array(g, &follow_plain, o->words, root);

	if (r == 0)
		follow_fill(g, f, o, root);
	return r;
}

/* ---------------------------------------------------------------------- ring */

static void **follow_chunk(const struct follow *f, uint64_t place)
{
	return (void **)mrt_load(f->unit.root) + place / FOLLOW_CHUNK % f->chunks;
}

/* The slot of a place whose chunk is there. */
static void **follow_place(const struct follow *f, uint64_t place)
{
	return (void **)mrt_load(follow_chunk(f, place)) + place % FOLLOW_CHUNK;
}

static struct follow_object follow_at(const struct follow *f, uint64_t place)
{
	return follow_object(f, f->number[place % f->slots]);
}

static uint64_t follow_chunk_bytes(const struct follow *f)
{
	return follow_pointers_bytes(f, FOLLOW_CHUNK * sizeof(void *));
}

/* What putting an object of so many bytes at the end adds. */
static uint64_t follow_need(const struct follow *f, uint64_t bytes)
{
	return bytes + (f->end % FOLLOW_CHUNK == 0 || f->first == f->end ? follow_chunk_bytes(f) : 0);
}

/* The pointers from object `place` as they must be. */
static void follow_check_links(struct follow *f, uint64_t place, const struct follow_object *o,
			       void *const *object)
{
	for (size_t j = 0; j < o->cells; j++) {
		uint64_t to = j < FOLLOW_LINKS ? place + follow_link[j] : UINT64_MAX;
		const void *expected = to < f->end ? mrt_load(follow_place(f, to)) : NULL;
		const void *found = mrt_load(&object[j * FOLLOW_CELL_WORDS]);

		if (found != expected)
			work_integrity(&f->unit, WORK_VALUE, o->number, (uintptr_t)expected,
				       (uintptr_t)found);
	}
}

/* Nothing moves while it is compared; safepoints between pieces of a large one. */
static void follow_check(mrt_g *g, struct follow *f, uint64_t place, bool whole)
{
	struct follow_object o = follow_at(f, place);
	void *const *object = mrt_load(follow_place(f, place));
	const uint64_t *word = (const uint64_t *)object;
	size_t step = whole || o.words < 2 ? 1 : o.words - 1;

	if (object == NULL) {
		work_integrity(&f->unit, WORK_MISSING, o.number, o.words, 0);
		return;
	}
	for (size_t i = 0; i < o.words; i += step) {
		uint64_t expected = follow_word(f, o.number, i);

		if (!follow_is_pointer(&o, i) && word[i] != expected) {
			work_integrity(&f->unit, WORK_VALUE, o.number, expected, word[i]);
			break;
		}
		if (i % FOLLOW_POLL_WORDS == FOLLOW_POLL_WORDS - 1)
			mrt_safepoint(g);
	}
	follow_check_links(f, place, &o, object);
}

static void follow_drop(mrt_g *g, struct follow *f)
{
	uint64_t place = f->first;
	struct follow_object o = follow_at(f, place);

	follow_check(g, f, place, o.number % FOLLOW_WHOLE == 0);
	mrt_store(g, follow_place(f, place), NULL);
	f->held -= o.slot_bytes;
	f->first++;
	if (f->first % FOLLOW_CHUNK == 0 || f->first == f->end) {
		mrt_store(g, follow_chunk(f, place), NULL);
		f->held -= follow_chunk_bytes(f);
	}
	mrt_safepoint(g);
}

/* Let go until the ring holds no more than `bytes`. */
static void follow_trim(mrt_g *g, struct follow *f, uint64_t bytes)
{
	while (f->held > bytes && f->first < f->end)
		follow_drop(g, f);
}

/* The older ones that point to the youngest. */
static void follow_link_youngest(mrt_g *g, struct follow *f, void *const *root)
{
	uint64_t youngest = f->end - 1;

	for (size_t j = 0; j < FOLLOW_LINKS; j++) {
		uint64_t holder = youngest - follow_link[j];

		if (youngest < follow_link[j] || holder < f->first)
			break;
		if (follow_at(f, holder).cells > j)
			mrt_store(g,
				  (void **)mrt_load(follow_place(f, holder)) +
					  j * FOLLOW_CELL_WORDS,
				  *root);
	}
}

/* Put *root at the end. -ENOMEM: nothing has changed. */
static int follow_keep(mrt_g *g, struct follow *f, const struct follow_object *o, void *const *root)
{
	MRT_ROOTS(g, chunk, 1);
	int r;

	if (f->first == f->end) /* an empty ring has no chunk: begin a new one */
		f->first = f->end = (f->end + FOLLOW_CHUNK - 1) / FOLLOW_CHUNK * FOLLOW_CHUNK;
	if (f->end % FOLLOW_CHUNK == 0) {
		r = mrt_new_array(g, &follow_slot, FOLLOW_CHUNK, &chunk[0]);
		if (r < 0)
			return r;
		mrt_store(g, follow_chunk(f, f->end), chunk[0]);
		f->held += follow_chunk_bytes(f);
		f->bytes += follow_chunk_bytes(f);
	}
	mrt_store(g, follow_place(f, f->end), *root);
	f->number[f->end % f->slots] = o->number;
	f->held += o->slot_bytes;
	f->end++;
	follow_link_youngest(g, f, root);
	return 0;
}

/* ---------------------------------------------------------------- operations */

static int64_t follow_due(struct work_unit *u)
{
	struct follow *f = follow_of(u);
	int64_t point_ns = WORK_NEVER;

	if (f->has_due)
		return f->due_ns;
	f->due_ns = curve_due(&f->curve, f->bytes + follow_object(f, f->next).slot_bytes);
	if (f->event < f->curve.n)
		point_ns = f->curve.point[f->event].at_ns;
	f->at_point = point_ns <= f->due_ns && point_ns != WORK_NEVER;
	if (f->at_point)
		f->due_ns = point_ns;
	f->has_due = true;
	return f->due_ns;
}

/* What a point of the curve asks for besides allocation. */
static int follow_point(mrt_g *g, struct follow *f)
{
	const struct plan_follow *p = &f->curve.point[f->event++];

	follow_trim(g, f, curve_live(&f->curve, p->at_ns));
	if (f->unit.worker != 0)
		return 0;
	if (p->gogc != 0)
		mrt_set_gogc(g, p->gogc);
	if (p->forced)
		mrt_gc(g);
	return 0;
}

static int follow_failed(mrt_g *g, struct follow *f, const struct follow_object *o, int r)
{
	work_op_error(&f->unit, r, o->number);
	for (uint32_t i = 0; i < FOLLOW_AFTER_ERROR && f->first < f->end; i++)
		follow_check(g, f, f->first + work_below(&f->unit, f->end - f->first), true);
	return r;
}

/* Is it to be kept, the curve saying `live`? Makes room for it. */
static bool follow_wants(mrt_g *g, struct follow *f, const struct follow_object *o, uint64_t live)
{
	uint64_t need = follow_need(f, o->slot_bytes);

	if (f->held + need <= live)
		return true;
	if (o->number % FOLLOW_TURNOVER != 0 || need > live || f->first == f->end)
		return false;
	follow_trim(g, f, live - need);
	return f->held + follow_need(f, o->slot_bytes) <= live;
}

static int follow_allocate(mrt_g *g, struct follow *f, int64_t t_ns)
{
	struct follow_object o = follow_object(f, f->next);
	uint64_t live = curve_live(&f->curve, t_ns);
	MRT_ROOTS(g, object, 1);
	int r;

	follow_trim(g, f, live);
	f->next++;
	f->bytes += o.slot_bytes;
	r = follow_new(g, f, &o, &object[0]);
	if (r == 0 && f->end - f->first < f->slots - FOLLOW_CHUNK && follow_wants(g, f, &o, live))
		r = follow_keep(g, f, &o, &object[0]);
	return r < 0 ? follow_failed(g, f, &o, r) : 0;
}

static int follow_op(mrt_g *g, struct work_unit *u)
{
	struct follow *f = follow_of(u);
	int64_t t_ns = follow_due(u);

	f->has_due = false;
	if (f->at_point)
		return follow_point(g, f);
	return t_ns == WORK_NEVER ? 0 : follow_allocate(g, f, t_ns);
}

static void follow_verify(mrt_g *g, struct work_unit *u)
{
	struct follow *f = follow_of(u);

	for (uint64_t place = f->first; place < f->end; place++) {
		follow_check(g, f, place, true);
		mrt_safepoint(g);
	}
	work_checked(u, f->end - f->first);
}

/* -------------------------------------------------------------------- making */

static void follow_destroy(struct work_unit *u)
{
	struct follow *f = follow_of(u);

	curve_fini(&f->curve);
	free(f->number);
	free(f);
}

/* Room for as many objects as the curve can ever hold, the chunks at both ends not being full. */
static int follow_ring(struct follow *f)
{
	uint64_t least = follow_slot_bytes(f->unit.w->size.min & ~UINT64_C(7));
	uint64_t most = curve_live_max(&f->curve) / least;

	if (f->unit.w->size.max >= FOLLOW_CELL_BYTES && least > FOLLOW_CELL_BYTES)
		most = curve_live_max(&f->curve) / (least / 2); /* cells round down */
	f->chunks = most / FOLLOW_CHUNK + 3;
	f->slots = f->chunks * FOLLOW_CHUNK;
	if (f->slots > FOLLOW_SLOTS_MAX)
		return -ENOMEM;
	f->number = malloc(f->slots * sizeof(*f->number));
	return f->number != NULL ? 0 : -ENOMEM;
}

static int follow_alloc(struct follow **ret, const struct work_unit_options *opt)
{
	struct follow *f = calloc(1, sizeof(*f));
	int r;

	if (f == NULL)
		return -ENOMEM;
	work_unit_init(&f->unit, &work_heap_follow, opt);
	f->pointers = opt->w->pointers;
	f->header = opt->w->header;
	f->salt = work_random(&f->unit);
	dist_init(&f->sizes, &opt->w->size);
	f->event = opt->w->follow[0].forced ? 0 : 1;
	r = curve_init(&f->curve, opt->w->follow, opt->w->nfollow, opt->share);
	if (r == 0)
		r = follow_ring(f);
	if (r < 0)
		follow_destroy(&f->unit);
	else
		*ret = f;
	return r;
}

/* The live bytes of the first point, then a collection, so that the run starts where a cycle ended:
 * building must not look like allocating. Workers that end together share it. */
static int follow_build(mrt_g *g, struct follow *f)
{
	uint64_t live = curve_live(&f->curve, 0);
	int r = 0;

	if (f->unit.worker == 0 && f->curve.point[0].gogc != 0)
		mrt_set_gogc(g, f->curve.point[0].gogc);
	while (r == 0) {
		struct follow_object o = follow_object(f, f->next);
		MRT_ROOTS(g, object, 1);

		if (f->held + follow_need(f, o.slot_bytes) > live)
			break;
		f->next++;
		r = follow_new(g, f, &o, &object[0]);
		if (r == 0)
			r = follow_keep(g, f, &o, &object[0]);
	}
	f->bytes = 0;
	mrt_gc(g);
	return r;
}

static int follow_create(mrt_g *g, const struct work_unit_options *opt, void **ret_root,
			 struct work_unit **ret)
{
	struct follow *f;
	int r = follow_alloc(&f, opt);

	if (r < 0)
		return r;
	f->unit.root = ret_root;
	r = mrt_new_array(g, &follow_slot, f->chunks, ret_root);
	f->held = follow_pointers_bytes(f, f->chunks * sizeof(void *));
	if (r == 0)
		r = follow_build(g, f);
	if (r < 0)
		follow_destroy(&f->unit);
	else
		*ret = &f->unit;
	return r;
}

const struct work_driver work_heap_follow = {
	.name = "heap-follow",
	.about = "Follows a curve of live bytes, allocation rate and GOGC; cycles are the "
		 "collector's own.",
	.accept = follow_accept,
	.create = follow_create,
	.due = follow_due,
	.op = follow_op,
	.verify = follow_verify,
	.destroy = follow_destroy,
};
