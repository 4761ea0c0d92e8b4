/*
 * test_mem_scavenge.c: giving free pages back, against a plain model: one byte a page. It knows
 * where the next span must lie, which pages go back next, and which are zero when they come back. Then: a
 * system that refuses, a heap that is damaged, spans placed apart (mem/fragment's hook).
 */
#include "faults/gate.h"
#include "runtime/mem/mem_priv.h"
#include "tests/unit/test_mem_fixture.h"

#include <errno.h>

#define PAGES	   8192u /* of the reservation */
#define CHUNK	   ((uint32_t)(MEM_CHUNK_BYTES / MEM_PAGE_BYTES))
#define PIECE	   ((uint32_t)(MEM_SCAVENGE_BYTES / MEM_PAGE_BYTES))
#define OBJECT_MAX 600u

enum { PAGE_NONE, PAGE_USED, PAGE_IDLE, PAGE_RELEASED };

struct object {
	uint64_t *p;
	uint32_t page, npages;
	uint64_t stamp;
};

static struct {
	uint8_t page[PAGES];
	uint32_t grown;
	struct object object[OBJECT_MAX];
	uint32_t nobjects;
	uint64_t given_back, came_back; /* pages */
} model;
static uint64_t rng_state;

static uint64_t below(uint64_t n)
{
	return rng(&rng_state) % n;
}

static bool model_free(uint32_t page)
{
	return model.page[page] == PAGE_IDLE || model.page[page] == PAGE_RELEASED;
}

/* The first run that is long enough, by looking at every page; PAGES: none. */
static uint32_t model_first_fit(uint32_t npages)
{
	uint32_t run = 0;

	for (uint32_t i = 0; i < model.grown; i++) {
		run = model_free(i) ? run + 1 : 0;
		if (run == npages)
			return i + 1 - npages;
	}
	return PAGES;
}

static void model_grow(uint32_t npages)
{
	uint32_t tail = 0;

	while (tail < model.grown && model_free(model.grown - 1 - tail))
		tail++;
	for (uint32_t more = (npages - tail + CHUNK - 1) / CHUNK * CHUNK; more > 0; more--)
		model.page[model.grown++] = PAGE_RELEASED;
}

static void object_fill(const struct object *o)
{
	for (size_t i = 0; i < o->npages * MEM_PAGE_BYTES / 8; i++)
		o->p[i] = o->stamp + i;
}

static void object_verify(const struct object *o)
{
	for (size_t i = 0; i < o->npages * MEM_PAGE_BYTES / 8; i++)
		if (o->p[i] != o->stamp + i)
			fail_msg("page %u: word %zu is lost", o->page, i);
}

/* What was released is zero, what was not is as the last owner left it. */
static bool page_is_zero(uint32_t page)
{
	const uint64_t *p = (uint64_t *)(mem_layout.base + (uintptr_t)page * MEM_PAGE_BYTES);

	for (size_t i = 0; i < MEM_PAGE_BYTES / 8; i++)
		if (p[i] != 0)
			return false;
	return true;
}

static void model_alloc(void)
{
	uint32_t npages = (uint32_t)(below(8) == 0 ? 5 + below(300) : 5 + below(20)), fresh = 0;
	struct object *o = &model.object[model.nobjects];
	bool needzero = false;

	if (model_first_fit(npages) == PAGES)
		model_grow(npages);
	*o = (struct object){
		.page = model_first_fit(npages), .npages = npages, .stamp = rng(&rng_state)};
	o->p = mem_large_alloc(npages * MEM_PAGE_BYTES, below(2), &needzero);
	assert_ptr_equal(o->p, mem_layout.base + (uintptr_t)o->page * MEM_PAGE_BYTES);
	for (uint32_t i = o->page; i < o->page + npages; i++) {
		if (model.page[i] == PAGE_RELEASED) {
			fresh++;
			assert_true(page_is_zero(i));
		}
		model.page[i] = PAGE_USED;
	}
	assert_int_equal(needzero, fresh != npages);
	model.came_back += fresh;
	object_fill(o);
	model.nobjects++;
}

/* A sweep: every object lives with this probability. */
static void model_sweep(uint32_t percent)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < model.nobjects; i++) {
		struct object *o = &model.object[i];
		struct mem_obj at = {0};

		object_verify(o);
		if (below(100) < percent) {
			assert_true(mem_find(o->p, &at) && mem_mark(&at));
			model.object[kept++] = *o;
		} else {
			memset(&model.page[o->page], PAGE_IDLE, o->npages);
		}
	}
	model.nobjects = kept;
	mem_sweep_begin();
	while (mem_sweep_one() != 0)
		;
}

/* The highest backed free pages that lie together, at most max. */
static void model_scavenge(uint32_t max)
{
	uint32_t end = model.grown, n = 0;
	int64_t released = mem_scavenge(max * MEM_PAGE_BYTES);

	while (end > 0 && model.page[end - 1] != PAGE_IDLE)
		end--;
	max = max < PIECE ? max : PIECE;
	for (; n < max && n < end && model.page[end - 1 - n] == PAGE_IDLE; n++)
		model.page[end - 1 - n] = PAGE_RELEASED;
	assert_int_equal(released, n * MEM_PAGE_BYTES);
	model.given_back += n;
}

static void model_figures(void)
{
	uint32_t count[PAGE_RELEASED + 1] = {0};
	struct mem_stats st;

	for (uint32_t i = 0; i < model.grown; i++) {
		count[model.page[i]]++;
		assert_int_equal(mem_released_count(i, 1), model.page[i] == PAGE_RELEASED);
	}
	mem_stats_read(&st);
	assert_int_equal(st.heap_sys, model.grown * MEM_PAGE_BYTES);
	assert_int_equal(st.heap_inuse, count[PAGE_USED] * MEM_PAGE_BYTES);
	assert_int_equal(st.heap_released, count[PAGE_RELEASED] * MEM_PAGE_BYTES);
	assert_int_equal(st.heap_idle - st.heap_released, count[PAGE_IDLE] * MEM_PAGE_BYTES);
	heap_ok();
}

/* A word that takes only part of a range is the hard part of the bits: ranges of every kind. */
static void bits_ranges(void **state)
{
	enum { BITS = 1024 };
	bool plain[BITS] = {0};
	uint32_t before;

	(void)state;
	heap_up(PAGES * MEM_PAGE_BYTES, false);
	prim_mutex_lock(&mem_heap.lock);
	before = mem_heap.released_pages;
	for (uint32_t round = 0; round < 3000; round++) {
		uint32_t page = (uint32_t)below(BITS), n = (uint32_t)below(BITS - page + 1), set = 0;

		for (uint32_t i = page; i < page + n; i++)
			set += plain[i];
		assert_int_equal(mem_released_count(page, n), set);
		assert_int_equal(mem_released_take(page, n), set);
		memset(&plain[page], 0, n);
		if (below(2) == 0)
			continue;
		mem_released_set(page, n);
		memset(&plain[page], 1, n);
	}
	mem_released_take(0, BITS);
	assert_int_equal(mem_heap.released_pages, before);
	prim_mutex_unlock(&mem_heap.lock);
	mem_fini();
}

static void model_rounds(void **state)
{
	static const uint32_t keep[] = {60, 30, 85, 0, 50, 95, 10, 70};
	uint64_t before;

	(void)state;
	memset(&model, 0, sizeof(model));
	heap_up(PAGES * MEM_PAGE_BYTES, false);
	for (uint32_t round = 0; round < 40; round++) {
		for (uint64_t n = 20 + below(60); n > 0 && model.nobjects < OBJECT_MAX &&
						  model.grown < PAGES - 2 * CHUNK; n--) {
			model_alloc();
			if (below(4) == 0)
				model_scavenge((uint32_t)(1 + below(12)));
		}
		model_figures();
		model_sweep(keep[round % 8]);
		model_figures();
		for (uint64_t n = below(120); n > 0; n--)
			model_scavenge((uint32_t)(1 + below(12)));
		model_figures();
	}
	model_sweep(0);
	do {
		before = model.given_back;
		model_scavenge(PIECE);
	} while (model.given_back != before);
	model_figures();
	for (uint32_t i = 0; i < model.grown; i++)
		assert_int_equal(model.page[i], PAGE_RELEASED);
	assert_true(model.given_back > 2000 && model.came_back > 2000);
	mem_fini();
}

/* ------------------------------------------------------------------- refused */

static uint32_t asked;
static int answer;

static int hook_release(size_t bytes)
{
	asked++;
	assert_int_equal(bytes, MEM_SCAVENGE_BYTES);
	return answer;
}

/* A gate open without a fault behind it: the hook alone answers. */
static void gate(enum gcs_point point, bool open)
{
	atomic_store(&gcs_gates[point], open ? 1 : 0);
}

/* Everything but the released bits is as before; later it goes. */
static void refused(void **state)
{
	static const struct mem_hooks with = {.live_add = hook_live,
					      .sweep_debt = hook_debt,
					      .alloc_black = hook_black,
					      .release = hook_release};
	struct mem_stats before, after;
	bool needzero = false;
	uint64_t *p;

	(void)state;
	if (!GCS_FAULTS)
		skip();
	atomic_store(&black, false);
	assert_int_equal(mem_init(PAGES * MEM_PAGE_BYTES, &with, false), 0);
	p = mem_large_alloc(MEM_SCAVENGE_BYTES, true, &needzero);
	assert_non_null(p);
	assert_false(needzero);
	p[5] = 77;
	mem_sweep_begin();
	while (mem_sweep_one() != 0)
		;
	mem_stats_read(&before);
	assert_int_equal(before.heap_idle - before.heap_released, MEM_SCAVENGE_BYTES);
	gate(GCS_POINT_mem_os_release, true);
	answer = -ENOMEM;
	for (uint32_t i = 1; i <= 3; i++) {
		assert_int_equal(mem_scavenge(1 << 20), -ENOMEM);
		assert_int_equal(asked, i);
		mem_stats_read(&after);
		assert_int_equal(after.heap_released, before.heap_released);
		assert_int_equal(after.heap_idle, before.heap_idle);
		assert_int_equal(after.heap_sys, before.heap_sys);
		heap_ok();
	}
	answer = 0;
	assert_int_equal(mem_scavenge(1 << 20), MEM_SCAVENGE_BYTES);
	gate(GCS_POINT_mem_os_release, false);
	assert_int_equal(mem_scavenge(1 << 20), 0);
	heap_ok();
	mem_stats_read(&after);
	assert_int_equal(after.heap_idle, after.heap_released);
	assert_ptr_equal(mem_large_alloc(MEM_SCAVENGE_BYTES, true, &needzero), p);
	assert_false(needzero);
	assert_int_equal(p[5], 0);
	mem_fini();
}

/* -------------------------------------------------------------- spans apart */

static bool choices[4];
static uint32_t nchoices;
static uint64_t apart; /* the firing that comes back */
static size_t longest_told;

static uint64_t hook_fragment(size_t bytes, bool choice)
{
	(void)bytes;
	choices[nchoices++ % 4] = choice;
	return choice ? apart : 0;
}

static void hook_fragmented(uint64_t firing, size_t longest)
{
	assert_int_equal(firing, apart);
	longest_told = longest;
}

/* In the middle of the longest run, with room on both sides; what is released stays right. */
static void placed_apart(void **state)
{
	static const struct mem_hooks with = {.live_add = hook_live,
					      .sweep_debt = hook_debt,
					      .alloc_black = hook_black,
					      .fragment = hook_fragment,
					      .fragmented = hook_fragmented};
	uintptr_t want[2];
	bool needzero = true;

	(void)state;
	if (!GCS_FAULTS)
		skip();
	atomic_store(&black, false);
	assert_int_equal(mem_init(PAGES * MEM_PAGE_BYTES, &with, false), 0);
	gate(GCS_POINT_mem_fragment, true);
	apart = 99;
	/* A whole chunk: nothing to choose. */
	assert_ptr_equal(mem_large_alloc(MEM_CHUNK_BYTES, true, &needzero), mem_layout.base);
	assert_true(nchoices == 1 && !choices[0]);
	/* Twelve pages of the next 512: 250 before, 250 behind. */
	want[0] = mem_layout.base + MEM_CHUNK_BYTES + 250 * MEM_PAGE_BYTES;
	assert_ptr_equal(mem_large_alloc(12 * MEM_PAGE_BYTES, true, &needzero), want[0]);
	assert_int_equal(longest_told, 250 * MEM_PAGE_BYTES);
	assert_false(needzero);
	/* The first of two that are as long. */
	want[1] = mem_layout.base + MEM_CHUNK_BYTES + 120 * MEM_PAGE_BYTES;
	assert_ptr_equal(mem_large_alloc(10 * MEM_PAGE_BYTES, true, &needzero), want[1]);
	assert_int_equal(longest_told, 250 * MEM_PAGE_BYTES);
	heap_ok();
	gate(GCS_POINT_mem_fragment, false);
	mem_sweep_begin();
	while (mem_sweep_one() != 0)
		;
	heap_ok();
	/* Backed are the first chunk and the two places: mixed runs are cut right, too. */
	gate(GCS_POINT_mem_fragment, true);
	assert_non_null(mem_large_alloc(600 * MEM_PAGE_BYTES, true, &needzero));
	assert_true(needzero);
	gate(GCS_POINT_mem_fragment, false);
	heap_ok();
	mem_fini();
}

/* -------------------------------------------------------------------- damage */

static void expect_broken(const char *what)
{
	char text[256] = "";

	assert_int_equal(mem_check(text, sizeof(text)), -EUCLEAN);
	if (strstr(text, what) == NULL)
		fail_msg("wanted \"%s\", the check says \"%s\"", what, text);
}

static void check_finds(void **state)
{
	bool needzero;

	(void)state;
	heap_up(PAGES * MEM_PAGE_BYTES, false);
	assert_non_null(mem_large_alloc(40 * MEM_PAGE_BYTES, true, &needzero));
	mem_sweep_begin();
	while (mem_sweep_one() != 0)
		;
	assert_non_null(mem_large_alloc(8 * MEM_PAGE_BYTES, true, &needzero));
	heap_ok(); /* 8 used, 32 backed, the others released */
	mem_heap.released[0] ^= UINT64_C(1) << 20;
	expect_broken("released: page 8");
	mem_heap.released[0] ^= UINT64_C(1) << 20;
	mem_heap.released[0] ^= UINT64_C(1) << 3;
	expect_broken("has a page that is released");
	mem_heap.released[0] ^= UINT64_C(1) << 3;
	mem_heap.runs->backed--;
	expect_broken("released");
	mem_heap.runs->backed++;
	mem_heap.runs->high = 39;
	expect_broken("up to 40");
	mem_heap.runs->high = 40;
	mem_heap.runs->backed_all++;
	expect_broken("wrong sum");
	mem_heap.runs->backed_all--;
	mem_heap.released_pages++;
	expect_broken("pages released, counted");
	mem_heap.released_pages--;
	mem_heap.releasing_pages = 2;
	expect_broken("2 on their way");
	mem_heap.releasing_pages = 0;
	heap_ok();
	mem_fini();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bits_ranges),	cmocka_unit_test(model_rounds),
		cmocka_unit_test(refused),	cmocka_unit_test(placed_apart),
		cmocka_unit_test(check_finds),
	};

	if (test_begin() != 0)
		return 1;
	rng_state = test_seed;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
