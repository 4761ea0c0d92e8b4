/*
 * test_mem.c: classes, objects, bitmap, and a model: random allocation, marks
 * for the survivors, sweep, with the heap check after every round.
 */
#include "runtime/mem/mem_priv.h"
#include "tests/unit/test_mem_fixture.h"

#include <errno.h>

#define RESERVE ((size_t)256 << 20)

static uint64_t rng_state;

static uint64_t below(uint64_t n)
{
	return rng(&rng_state) % n;
}

/* ------------------------------------------------------------------ classes */

struct class_row {
	uint32_t class, bytes, span, objects, tail;
};
static const struct class_row class_rows[] = {
	{1, 8, 8192, 1024, 0},	    {2, 16, 8192, 512, 0},	{3, 24, 8192, 341, 8},
	{4, 32, 8192, 256, 0},	    {5, 48, 8192, 170, 32},	{6, 64, 8192, 128, 0},
	{7, 80, 8192, 102, 32},	    {8, 96, 8192, 85, 32},	{9, 112, 8192, 73, 16},
	{10, 128, 8192, 64, 0},	    {11, 144, 8192, 56, 128},	{12, 160, 8192, 51, 32},
	{13, 176, 8192, 46, 96},    {14, 192, 8192, 42, 128},	{15, 208, 8192, 39, 80},
	{16, 224, 8192, 36, 128},   {17, 240, 8192, 34, 32},	{18, 256, 8192, 32, 0},
	{19, 288, 8192, 28, 128},   {20, 320, 8192, 25, 192},	{21, 352, 8192, 23, 96},
	{22, 384, 8192, 21, 128},   {23, 416, 8192, 19, 288},	{24, 448, 8192, 18, 128},
	{25, 480, 8192, 17, 32},    {26, 512, 8192, 16, 0},	{27, 576, 8192, 14, 128},
	{28, 640, 8192, 12, 512},   {29, 704, 8192, 11, 448},	{30, 768, 8192, 10, 512},
	{31, 896, 8192, 9, 128},    {32, 1024, 8192, 8, 0},	{33, 1152, 8192, 7, 128},
	{34, 1280, 8192, 6, 512},   {35, 1408, 16384, 11, 896}, {36, 1536, 8192, 5, 512},
	{37, 1792, 16384, 9, 256},  {38, 2048, 8192, 4, 0},	{39, 2304, 16384, 7, 256},
	{40, 2688, 8192, 3, 128},   {41, 3072, 24576, 8, 0},	{42, 3200, 16384, 5, 384},
	{43, 3456, 24576, 7, 384},  {44, 4096, 8192, 2, 0},	{45, 4864, 24576, 5, 256},
	{46, 5376, 16384, 3, 256},  {47, 6144, 24576, 4, 0},	{48, 6528, 32768, 5, 128},
	{49, 6784, 40960, 6, 256},  {50, 6912, 49152, 7, 768},	{51, 8192, 8192, 1, 0},
	{52, 9472, 57344, 6, 512},  {53, 9728, 49152, 5, 512},	{54, 10240, 40960, 4, 0},
	{55, 10880, 32768, 3, 128}, {56, 12288, 24576, 2, 0},	{57, 13568, 40960, 3, 256},
	{58, 14336, 57344, 4, 0},   {59, 16384, 16384, 1, 0},	{60, 18432, 73728, 4, 0},
	{61, 19072, 57344, 3, 128}, {62, 20480, 40960, 2, 0},	{63, 21760, 65536, 3, 256},
	{64, 24576, 24576, 1, 0},   {65, 27264, 81920, 3, 128}, {66, 28672, 57344, 2, 0},
	{67, 32768, 32768, 1, 0},
};

static void classes_table(void **state)
{
	(void)state;
	assert_int_equal(sizeof(class_rows) / sizeof(class_rows[0]), MEM_CLASSES - 1);
	assert_int_equal(mem_class_size[0], 0);
	for (size_t i = 0; i < MEM_CLASSES - 1; i++) {
		const struct class_row *row = &class_rows[i];
		size_t span = mem_class_pages[row->class] * MEM_PAGE_BYTES;

		assert_int_equal(row->class, i + 1);
		assert_int_equal(mem_class_size[row->class], row->bytes);
		assert_int_equal(span, row->span);
		assert_int_equal(span / row->bytes, row->objects);
		assert_int_equal(span % row->bytes, row->tail);
	}
}

static void classes_lookup(void **state)
{
	uint32_t class = 1;

	(void)state;
	for (uint32_t bytes = 1; bytes <= MEM_SMALL_MAX; bytes++) {
		if (bytes > class_rows[class - 1].bytes)
			class ++;
		if (mem_class_of(bytes) != class)
			fail_msg("%u bytes: class %u, not %u", bytes, mem_class_of(bytes), class);
		if (mem_round_up(bytes) != class_rows[class - 1].bytes)
			fail_msg("%u bytes round to %zu", bytes, mem_round_up(bytes));
	}
	assert_int_equal(mem_class_of(0), 1);
	assert_int_equal(mem_round_up(0), 0);
	assert_int_equal(mem_round_up(32769), 40960);
	assert_int_equal(mem_round_up(40960), 40960);
	assert_int_equal(mem_round_up(1000001), 1007616);
	assert_true(mem_round_up(SIZE_MAX - 5) == SIZE_MAX - 5);
}

/* ------------------------------------------------------------------ objects */

/* Every address of every slot resolves, the tail does not. */
static void find_resolves(void **state)
{
	struct mem_cache *c;
	struct mem_obj o = {0};

	(void)state;
	heap_up(RESERVE, false);
	assert_int_equal(mem_cache_create(&c), 0);
	for (uint32_t class = 1; class < MEM_CLASSES; class ++) {
		size_t bytes = mem_class_size[class];
		uintptr_t p = (uintptr_t)alloc(c, bytes, class & 1);
		struct mem_span *s = c->span[class * 2 + (class & 1)];

		assert_true(p == s->base);
		for (uint32_t i = 0; i < s->nelems; i++) {
			size_t at[3] = {0, bytes - 1, below(bytes)};

			for (int k = 0; k < 3; k++) {
				assert_true(mem_find((void *)(s->base + i * bytes + at[k]), &o));
				assert_true(o.span == s && o.index == i &&
					    o.base == s->base + i * bytes);
			}
			assert_int_equal(mem_allocated(&o), i == 0);
		}
		assert_int_equal(mem_obj_bytes(&o), bytes);
		assert_int_equal(mem_obj_noscan(&o), class & 1);
		if (s->nelems * bytes < s->npages * MEM_PAGE_BYTES)
			assert_false(mem_find((void *)(s->base + s->nelems * bytes), &o));
	}
	heap_ok();
	uintptr_t large = (uintptr_t)alloc(c, 5000000, false);
	assert_true(mem_find((void *)(large + 4999999), &o) && o.base == large && o.index == 0);
	assert_int_equal(mem_obj_bytes(&o), 5005312);
	assert_true(mem_mark(&o));
	assert_false(mem_mark(&o));
	assert_false(mem_in_heap(&o));
	assert_false(mem_find(&o, &o));
	assert_false(mem_find(NULL, &o));
	heap_ok();
	mem_cache_destroy(c);
	mem_fini();
}

/* Small objects with pointers: grey from the mark until they are taken, a span at a time; others are not. */
static void batched_spans(void **state)
{
	static const size_t size[] = {8, 16, 24, 48, 64, 512, 513, 1024, 40000};
	struct mem_cache *c = NULL;
	struct mem_obj o = {0}, born = {0};
	uint32_t w;

	(void)state;
	heap_up(RESERVE, false);
	assert_int_equal(mem_cache_create(&c), 0);
	for (size_t i = 0; i < sizeof(size) / sizeof(size[0]); i++) {
		assert_true(mem_find(alloc(c, size[i], true), &o));
		assert_false(mem_span_batched(o.span));
		assert_true(mem_find(alloc(c, size[i], false), &o));
		assert_int_equal(mem_span_batched(o.span), size[i] <= 512);
		if (!mem_span_batched(o.span))
			continue;
		assert_true(mem_find(alloc(c, size[i], false), &born) && born.span == o.span);
		assert_true(mem_mark_black(&born));
		assert_false(mem_mark_black(&born) || mem_grey(&born) || mem_grey(&o));
		assert_true(mem_mark(&o) && mem_grey(&o));
		assert_true(mem_span_wait(o.span));
		assert_false(mem_span_wait(o.span)); /* it waits once */
		mem_span_waited(o.span);
		w = o.index / 64;
		assert_int_equal(mem_span_take_grey(o.span, w), UINT64_C(1) << (o.index % 64));
		assert_int_equal(mem_span_take_grey(o.span, w), 0);
		assert_false(mem_grey(&o));
		assert_true(mem_span_wait(o.span)); /* and may again */
		mem_span_waited(o.span);
	}
	heap_ok();
	/* The next cycle knows nothing of it. */
	assert_true(mem_find((void *)o.base, &o));
	sweep_all(c);
	assert_true(mem_find(alloc(c, 512, false), &o));
	assert_true(mem_mark(&o) && mem_grey(&o));
	heap_ok();
	mem_cache_destroy(c);
	mem_fini();
}

/* A page table entry read too late, of a span that has moved or gone, does not resolve. */
static void find_rejects_stale(void **state)
{
	struct mem_cache *c = NULL;
	struct mem_obj o = {0}, none = {0};
	char *first, *second;
	uint32_t page;

	(void)state;
	heap_up(RESERVE, false);
	assert_int_equal(mem_cache_create(&c), 0);
	first = alloc(c, 65536, true);
	second = alloc(c, 65536, true);
	assert_true(mem_find(second, &o) && mem_mark(&o));
	sweep_all(c); /* the first is free */
	page = (uint32_t)(((uintptr_t)first - mem_layout.base) / MEM_PAGE_BYTES);
	assert_false(mem_find(first, &none));
	atomic_store(&mem_layout.page_table[page], o.span);
	assert_false(mem_find(first + 5, &none));
	atomic_store(&mem_layout.page_table[page], NULL);
	atomic_store(&mem_layout.page_table[page + 100], o.span);
	assert_false(mem_find(first + 100 * MEM_PAGE_BYTES, &none));
	atomic_store(&mem_layout.page_table[page + 100], NULL);
	atomic_fetch_add(&o.span->gen, 1);
	assert_false(mem_find(second, &none));
	atomic_fetch_sub(&o.span->gen, 1);
	assert_null(none.span);
	heap_ok();
	mem_cache_destroy(c);
	mem_fini();
}

/* heapLive: a refill counts the whole room, a flush gives the rest back. */
static void live_accounting(void **state)
{
	struct mem_cache *c;
	struct mem_stats st;

	(void)state;
	heap_up(RESERVE, false);
	assert_int_equal(mem_cache_create(&c), 0);
	alloc(c, 48, true);
	assert_int_equal(heap_live, 8192);
	assert_int_equal(debt_bytes, 8192);
	mem_cache_flush(c);
	assert_int_equal(heap_live, 8192 - 169 * 48);
	alloc(c, 48, true); /* the same span again: 169 slots and the tail */
	assert_int_equal(heap_live, 8192 - 169 * 48 + 8192 - 48);
	alloc(c, 100000, false);
	assert_int_equal(heap_live, 8192 - 169 * 48 + 8192 - 48 + 106496);
	mem_cache_flush(c);
	mem_stats_read(&st);
	assert_int_equal(st.alloc_objects_total, 3);
	assert_int_equal(st.alloc_bytes_total, 2 * 48 + 106496);
	assert_int_equal(st.heap_sys, MEM_CHUNK_BYTES);
	assert_int_equal(st.heap_inuse, 8192 + 106496);
	assert_int_equal(st.heap_sys, st.heap_inuse + st.heap_idle);
	assert_int_equal(st.heap_released, st.heap_sys - st.heap_inuse);
	sweep_all(c);
	mem_stats_read(&st);
	assert_int_equal(st.freed_objects_total, 3);
	assert_int_equal(st.freed_bytes_total, st.alloc_bytes_total);
	assert_int_equal(st.heap_inuse, 0);
	assert_int_equal(st.spans_inuse, 0);
	assert_int_equal(mem_pages_in_use(), 0);
	mem_cache_destroy(c);
	mem_fini();
}

/* ------------------------------------------------------------ pointer bitmap */

static void bits_expect(uintptr_t obj, size_t slot_words, size_t elem_words, uint32_t ptr_words,
			const uint64_t *mask, size_t n)
{
	for (size_t i = 0; i < slot_words; i++) {
		size_t in = i % elem_words;
		bool want =
			i < n * elem_words && in < ptr_words && (mask[in / 64] >> (in % 64) & 1);
		uint64_t got = mem_bits_get(obj + i * 8);

		if ((got & 1) != want)
			fail_msg("word %zu of %zu x %zu: %d", i, n, elem_words, (int)(got & 1));
		if (i % 64 == 0 && i + 64 <= slot_words)
			for (size_t k = 0; k < 64; k++)
				assert_int_equal(got >> k & 1, mem_bits_get(obj + (i + k) * 8) & 1);
	}
}

/* Random layouts in neighbouring slots: each as it was set, whoever was written after it. */
static void bits_random(void **state)
{
	enum { OBJECTS = 400 };
	static struct {
		uintptr_t obj;
		size_t slot, elem, n;
		uint32_t ptr;
		uint64_t mask[8];
	} o[OBJECTS];
	struct mem_cache *c;

	(void)state;
	heap_up(RESERVE, false);
	assert_int_equal(mem_cache_create(&c), 0);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < OBJECTS; i++) {
			o[i].elem = 1 + below(i % 4 == 0 ? 500 : 40);
			o[i].n = 1 + below(i % 50 == 0 ? 3000 : 20);
			o[i].ptr = (uint32_t)below(o[i].elem + 1);
			o[i].slot = mem_round_up(o[i].elem * o[i].n * 8) / 8;
			for (int k = 0; k < 8; k++)
				o[i].mask[k] = rng(&rng_state);
			o[i].obj = (uintptr_t)alloc(c, o[i].elem * o[i].n * 8, false);
			mem_bits_set((void *)o[i].obj, o[i].slot * 8, o[i].elem * 8, o[i].ptr,
				     o[i].mask, o[i].n);
		}
		for (int i = OBJECTS - 1; i >= 0;
		     i--) /* again, now with the upper neighbour there */
			mem_bits_set((void *)o[i].obj, o[i].slot * 8, o[i].elem * 8, o[i].ptr,
				     o[i].mask, o[i].n);
		for (int i = 0; i < OBJECTS; i++)
			bits_expect(o[i].obj, o[i].slot, o[i].elem, o[i].ptr, o[i].mask, o[i].n);
		sweep_all(c); /* the second round finds old bits */
	}
	mem_cache_destroy(c);
	mem_fini();
}

/* -------------------------------------------------------------------- model */

#define MODEL_MAX 20000

struct model_object {
	uint64_t *p;
	size_t bytes;
	uint64_t stamp;
};
static struct model_object model[MODEL_MAX];
static size_t model_count;

static size_t model_size(void)
{
	switch (below(20)) {
	case 0:
		return MEM_SMALL_MAX + 1 + below(400000);
	case 1:
	case 2:
		return 8 + below(MEM_SMALL_MAX - 8);
	case 3:
		return 1024 + below(100);
	default:
		return 8 + below(256);
	}
}

static void model_alloc(struct mem_cache *c, size_t n)
{
	for (; n > 0 && model_count < MODEL_MAX; n--) {
		struct model_object *o = &model[model_count];

		o->bytes = model_size();
		o->p = alloc(c, o->bytes, below(2));
		if (o->p == NULL)
			return;
		o->stamp = rng(&rng_state);
		for (size_t i = 0; i < mem_round_up(o->bytes) / 8; i++)
			o->p[i] = o->stamp + i;
		model_count++;
	}
}

static void model_verify(void)
{
	for (size_t i = 0; i < model_count; i++)
		for (size_t k = 0; k < mem_round_up(model[i].bytes) / 8; k++)
			if (model[i].p[k] != model[i].stamp + k)
				fail_msg("object %zu (%zu bytes) lost word %zu", i, model[i].bytes,
					 k);
}

/* Keep `percent` of the objects: mark those, forget the others. The bytes kept. */
static uint64_t model_mark(uint32_t percent)
{
	size_t kept = 0;
	uint64_t bytes = 0;
	struct mem_obj o = {0};

	for (size_t i = 0; i < model_count; i++) {
		if (below(100) >= percent)
			continue;
		assert_true(mem_find((char *)model[i].p + below(model[i].bytes), &o));
		assert_true(o.base == (uintptr_t)model[i].p && mem_allocated(&o));
		assert_true(mem_mark(&o));
		bytes += mem_obj_bytes(&o);
		model[kept++] = model[i];
	}
	model_count = kept;
	return bytes;
}

static void model_figures(void)
{
	struct mem_stats st;
	uint64_t bytes = 0;

	for (size_t i = 0; i < model_count; i++)
		bytes += mem_round_up(model[i].bytes);
	mem_stats_read(&st);
	assert_int_equal(st.alloc_objects_total - st.freed_objects_total, model_count);
	assert_int_equal(st.alloc_bytes_total - st.freed_bytes_total, bytes);
	assert_int_equal(st.heap_sys, st.heap_inuse + st.heap_idle);
	assert_int_equal(st.heap_inuse, mem_pages_in_use() * MEM_PAGE_BYTES);
	assert_true(st.heap_idle >= st.heap_released);
	assert_true(bytes <= st.heap_inuse);
}

static void model_rounds(void **state)
{
	static const uint32_t keep[] = {50, 90, 10, 0, 70, 100, 30, 60};
	struct mem_cache *c;

	(void)state;
	heap_up(RESERVE, true);
	assert_int_equal(mem_cache_create(&c), 0);
	model_count = 0;
	for (uint32_t round = 0; round < 24; round++) {
		model_alloc(c, 600 + below(600));
		heap_ok();
		uint64_t marked = model_mark(keep[round % 8]);
		assert_int_equal(mem_marked_bytes(), marked);
		heap_ok();
		mem_sweep_begin();
		assert_true(mem_cache_stale(c));
		heap_ok();
		mem_caches_flush_stale();
		/* Allocation sweeps as it goes; what is left is swept after. */
		model_alloc(c, below(800));
		heap_ok();
		while (mem_sweep_one() != 0)
			;
		assert_true(mem_sweep_done());
		heap_ok();
		mem_cache_flush(c);
		heap_ok();
		model_verify();
		model_figures();
	}
	model_mark(0);
	sweep_all(c);
	assert_int_equal(mem_pages_in_use(), 0);
	heap_ok();
	mem_cache_destroy(c);
	mem_fini();
}

/* A freed object is overwritten, a live neighbour is not. */
static void clobbered(void **state)
{
	struct mem_cache *c;
	struct mem_obj o = {0};
	uint64_t *p[3];

	(void)state;
	heap_up(RESERVE, true);
	assert_int_equal(mem_cache_create(&c), 0);
	for (int i = 0; i < 3; i++) {
		p[i] = alloc(c, 64, true);
		memset(p[i], 0x11, 64);
	}
	assert_true(mem_find(p[1], &o) && mem_mark(&o));
	sweep_all(c);
	mem_unpoison(p[0], 64);
	assert_true(p[0][0] == UINT64_C(0xdeadbeefdeadbeef) &&
		    p[0][7] == UINT64_C(0xdeadbeefdeadbeef));
	assert_true(p[1][0] == UINT64_C(0x1111111111111111) && p[1][7] == p[1][0]);
	mem_poison(p[0], 64);
	assert_true(mem_find(p[0], &o) && !mem_allocated(&o));
	/* The freed slot comes first, and says that it wants zeroing. */
	bool needzero = false;
	assert_int_equal(mem_cache_refill(c, (mem_spanclass)(mem_class_of(64) * 2 + 1)), 0);
	assert_ptr_equal(mem_cache_alloc(c, (mem_spanclass)(mem_class_of(64) * 2 + 1), &needzero),
			 p[0]);
	assert_true(needzero);
	mem_cache_destroy(c);
	mem_fini();
}

static void expect_broken(const char *what)
{
	char text[256] = "";

	assert_int_equal(mem_check(text, sizeof(text)), -EUCLEAN);
	if (strstr(text, what) == NULL)
		fail_msg("wanted \"%s\", the check says \"%s\"", what, text);
}

/* What the check must find in a span and the page table: damage, one at a time, each undone. */
static void check_finds_span(void **state)
{
	struct mem_cache *c = NULL;
	struct mem_obj o = {0}, batched = {0};

	(void)state;
	heap_up(RESERVE, false);
	assert_int_equal(mem_cache_create(&c), 0);
	assert_true(mem_find(alloc(c, 128, true), &o));
	heap_ok();
	o.span->alloc_count++;
	expect_broken("S3");
	o.span->alloc_count--;
	o.index = 5; /* free */
	assert_true(mem_mark(&o));
	expect_broken("marked and free");
	atomic_store(&o.span->mark_bits[0], 0);
	o.span->elem_bytes = 144;
	expect_broken("S1");
	o.span->elem_bytes = 128;
	o.span->free_index = 65;
	expect_broken("S2");
	o.span->free_index = 0; /* the object would be handed out twice */
	expect_broken("S3");
	o.span->free_index = 1;
	atomic_fetch_add(&o.span->sweepgen, 4);
	expect_broken("S4");
	atomic_fetch_sub(&o.span->sweepgen, 4);
	assert_true(mem_find(alloc(c, 128, false), &batched));
	atomic_fetch_or(&batched.span->scan_bits[0], UINT64_C(1) << 7);
	expect_broken("S5");
	atomic_store(&batched.span->scan_bits[0], 0);
	o.span->alloc_cache |= 1;
	expect_broken("offers an allocated");
	o.span->alloc_cache &= ~UINT64_C(1);
	atomic_store(&mem_layout.page_table[7], o.span);
	expect_broken("page 7");
	atomic_store(&mem_layout.page_table[7], NULL);
	atomic_store(&mem_layout.page_table[0], NULL);
	expect_broken("neither in a span nor free");
	atomic_store(&mem_layout.page_table[0], o.span);
	atomic_fetch_add(&o.span->gen, 1);
	expect_broken("not in use");
	atomic_fetch_sub(&o.span->gen, 1);
	heap_ok();
	mem_cache_destroy(c);
	mem_fini();
}

/* And in the runs, the sets and the counters. */
static void check_finds_lists(void **state)
{
	struct mem_cache *c = NULL;
	struct mem_obj o = {0};
	struct mem_spanset *set;

	(void)state;
	heap_up(RESERVE, false);
	assert_int_equal(mem_cache_create(&c), 0);
	assert_true(mem_find(alloc(c, 128, true), &o));
	mem_heap.runs->max++;
	expect_broken("runs");
	mem_heap.runs->max--;
	mem_heap.free_pages++;
	expect_broken("counters");
	mem_heap.free_pages--;
	mem_count(&mem_counters.alloc_objects, 1);
	expect_broken("counters");
	mem_uncount(&mem_counters.alloc_objects, 1);
	c->span[o.span->spanclass] = &mem_span_none;
	expect_broken("0 of them in a set or cache");
	c->span[o.span->spanclass] = o.span;
	c->span[o.span->spanclass + 2] = o.span;
	expect_broken("not of class");
	c->span[o.span->spanclass + 2] = &mem_span_none;
	atomic_fetch_sub(&o.span->sweepgen, 3);
	expect_broken("S4: cached");
	atomic_fetch_add(&o.span->sweepgen, 3);
	mem_cache_flush(c);
	heap_ok();
	set = o.span->list;
	atomic_fetch_add(&set->count, 1);
	expect_broken("counted 2");
	atomic_fetch_sub(&set->count, 1);
	atomic_fetch_sub(&o.span->sweepgen, 2);
	expect_broken("S4");
	atomic_fetch_add(&o.span->sweepgen, 2);
	mem_count(&mem_counters.unswept, 1);
	expect_broken("unswept");
	mem_uncount(&mem_counters.unswept, 1);
	o.span->prev = o.span;
	expect_broken("sets");
	o.span->prev = NULL;
	heap_ok();
	mem_cache_destroy(c);
	mem_fini();
}

/* ----------------------------------------------------------- refill, sweep */

/* Words of the bitmap that are full of live objects are stepped over. */
static void full_words(void **state)
{
	struct mem_cache *c = NULL;
	struct mem_obj o = {0};
	mem_spanclass sc = (mem_spanclass)(mem_class_of(8) * 2 + 1);
	uintptr_t base;

	(void)state;
	heap_up(RESERVE, false);
	assert_int_equal(mem_cache_create(&c), 0);
	for (int i = 0; i < 1024; i++)
		alloc(c, 8, true);
	base = c->span[sc]->base;
	for (uint32_t i = 0; i < 1024; i++)
		if ((i / 64) % 3 != 1 || i % 64 == 9)
			assert_true(mem_find((void *)(base + i * 8), &o) && mem_mark(&o));
	sweep_all(c);
	for (uint32_t i = 0; i < 1024; i++)
		if ((i / 64) % 3 == 1 && i % 64 != 9)
			assert_true((uintptr_t)alloc(c, 8, true) == base + i * 8);
	assert_true((uintptr_t)alloc(c, 8, true) - base >= 8192);
	heap_ok();
	mem_cache_destroy(c);
	mem_fini();
}

/* A refill looks at a hundred unswept spans, then takes fresh pages. */
static void sweep_budget(void **state)
{
	struct mem_cache *c = NULL;
	struct mem_obj o = {0};
	uint64_t swept;

	(void)state;
	heap_up(RESERVE, false);
	assert_int_equal(mem_cache_create(&c), 0);
	for (int i = 0; i < 300; i++)
		assert_true(mem_find(alloc(c, 8192, false), &o) && mem_mark(&o));
	mem_cache_flush(c);
	mem_sweep_begin();
	assert_true(mem_cache_stale(c));
	assert_non_null(alloc(c, 8192, false)); /* the refill flushes the stale cache */
	assert_false(mem_cache_stale(c));
	swept = mem_pages_swept();
	assert_int_equal(swept, MEM_SWEEP_BUDGET);
	assert_int_equal(mem_pages_in_use(), 301);
	while (mem_sweep_one() != 0)
		swept++;
	assert_int_equal(swept, 300);
	heap_ok();
	mem_cache_destroy(c);
	mem_fini();
}

/* Spans are swept and filled up in the order in which they came to their central, swept by who allocates or before. */
static void spans_first_in_first_out(void **state)
{
	struct mem_cache *c = NULL;
	struct mem_obj o = {0};
	char *first[4];

	(void)state;
	for (int before = 0; before < 2; before++) {
		heap_up(RESERVE, false);
		assert_int_equal(mem_cache_create(&c), 0);
		for (int i = 0; i < 8; i++) { /* two a span */
			char *p = alloc(c, 4096, true);

			if (i % 2 == 0) {
				first[i / 2] = p;
				assert_true(mem_find(p, &o) && mem_mark(&o));
			}
		}
		mem_cache_flush(c);
		mem_sweep_begin();
		while (before == 1 && mem_sweep_one() != 0)
			continue;
		for (int i = 0; i < 4; i++)
			assert_ptr_equal(alloc(c, 4096, true), first[i] + 4096);
		heap_ok();
		mem_cache_destroy(c);
		mem_fini();
	}
}

static void caches_and_metadata_reused(void **state)
{
	struct mem_cache *a = NULL, *b = NULL;
	struct mem_stats st, later;
	char *big;

	(void)state;
	heap_up(RESERVE, false);
	assert_int_equal(mem_cache_create(&a), 0);
	alloc(a, 8, true);
	mem_cache_destroy(a);
	assert_int_equal(mem_cache_create(&b), 0);
	assert_ptr_equal(a, b);
	big = mem_persist(1 << 20, 4096);
	assert_non_null(big);
	assert_int_equal((uintptr_t)big % 4096, 0);
	memset(big, 1, 1 << 20);
	for (int round = 0; round < 30; round++) {
		for (int i = 0; i < 2000; i++)
			alloc(b, 1 + below(20000), below(2));
		sweep_all(b);
		if (round == 9)
			mem_stats_read(&st);
	}
	mem_stats_read(&later); /* nothing grows from round to round but by chance */
	assert_true(later.span_sys + later.bits_sys + later.other_sys <
		    (st.span_sys + st.bits_sys + st.other_sys) * 11 / 10);
	assert_true(later.heap_sys <= st.heap_sys * 11 / 10);
	mem_cache_destroy(b);
	mem_fini();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(classes_table),
		cmocka_unit_test(classes_lookup),
		cmocka_unit_test(find_resolves),
		cmocka_unit_test(batched_spans), cmocka_unit_test(find_rejects_stale),
		cmocka_unit_test(live_accounting),
		cmocka_unit_test(bits_random),
		cmocka_unit_test(model_rounds),
		cmocka_unit_test(clobbered),
		cmocka_unit_test(check_finds_span),
		cmocka_unit_test(check_finds_lists),
		cmocka_unit_test(full_words),
		cmocka_unit_test(sweep_budget),
		cmocka_unit_test(spans_first_in_first_out),
		cmocka_unit_test(caches_and_metadata_reused),
	};

	if (test_begin() != 0)
		return 1;
	rng_state = test_seed;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
