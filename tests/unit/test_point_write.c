/*
 * test_point_write.c: gc/write at each of its places and in each of its modes: the cycle begins at that
 * moment of the store, whatever the caller has unrooted; in the mode cycle the store goes on when a
 * whole one is over; with edge only a goroutine's first store since the barrier went on is eligible.
 * Contents are as without it.
 */
#include "tests/unit/test_point_fixture.h"

#include "runtime/gc/gc.h"

#define WRITERS	 3u
#define SLOTS	 64u
#define ROUND	 200u  /* operations on one array; then it is compared, and a new one made */
#define OPS	 400u  /* of each writer, at least */
#define MORE	 200000u /* and at most, until there were as many firings as wanted */
#define WANTED	 3u
#define FIRED_MAX 180u

struct cell {
	uint64_t number;
	void *next;
};
static const uint64_t cell_mask[] = {2};
static const struct mrt_type cell_type = {
	.name = "cell", .size = sizeof(struct cell), .ptr_words = 2, .ptrmask = cell_mask};
static const uint64_t pointer_mask[] = {1};
static const struct mrt_type pointer_type = {
	.name = "pointer", .size = sizeof(void *), .ptr_words = 1, .ptrmask = pointer_mask};

static void heap_is_whole(mrt_g *g)
{
	char text[256];

	gcs_faults_disarm_all(false, mrt_now_ns());
	mrt_gc(g);
	GC_TEST_MUST(mrt_heap_check(g, text, sizeof(text)) == 0);
}

/* -------------------------------------------------------------------- storm */

struct storm {
	mrt_wg wg;
	_Atomic uint64_t stores;
};

struct writer {
	struct storm *storm;
	uint64_t rng, ops;
	uint64_t number[SLOTS], next[SLOTS]; /* 0: nothing there */
};

static void writer_compare(struct writer *w, void *const *array)
{
	for (uint32_t i = 0; i < SLOTS; i++) {
		const struct cell *c = mrt_load(&array[i]);

		GC_TEST_MUST((c != NULL) == (w->number[i] != 0));
		if (c == NULL)
			continue;
		GC_TEST_MUST(c->number == w->number[i]);
		GC_TEST_MUST((c->next != NULL) == (w->next[i] != 0));
		GC_TEST_MUST(c->next == NULL ||
			     ((const struct cell *)c->next)->number == w->next[i]);
	}
	memset(w->number, 0, sizeof(w->number));
	memset(w->next, 0, sizeof(w->next));
}

/* Nothing but the array is rooted: neither what is stored nor the object it is stored into. */
static void writer_op(mrt_g *g, struct writer *w, void **array)
{
	uint64_t draw = gc_test_random(&w->rng);
	uint32_t at = (uint32_t)(draw % SLOTS), other = (uint32_t)(draw >> 32) % SLOTS;
	void *fresh;

	w->ops++;
	GC_TEST_MUST(mrt_new(g, &cell_type, &fresh) == 0);
	((struct cell *)fresh)->number = w->ops;
	mrt_store(g, &array[at], fresh);
	w->number[at] = w->ops;
	w->next[at] = 0;
	if (at == other || w->number[other] == 0)
		return;
	mrt_store(g, &((struct cell *)mrt_load(&array[at]))->next, mrt_load(&array[other]));
	w->next[at] = w->number[other];
	atomic_fetch_add(&w->storm->stores, 1);
}

static void writer_body(mrt_g *g, void *arg)
{
	struct writer *w = arg;
	MRT_ROOTS(g, roots, 1);

	while (w->ops < OPS || (POINT_FAULT(0, fired) < WANTED && w->ops < MORE)) {
		GC_TEST_MUST(mrt_new_array(g, &pointer_type, SLOTS, &roots[0]) == 0);
		for (uint32_t i = 0; i < ROUND; i++)
			writer_op(g, w, roots[0]);
		writer_compare(w, roots[0]);
	}
	atomic_fetch_add(&w->storm->stores, w->ops);
	mrt_wg_done(g, &w->storm->wg);
}

static void storm_body(mrt_g *g, void *arg)
{
	struct storm *s = arg;
	static struct writer w[WRITERS];

	point_arm_all(1);
	mrt_wg_add(&s->wg, WRITERS);
	for (uint32_t i = 0; i < WRITERS; i++) {
		struct mrt_go_options opt = {.worker = MRT_WORKER_FIRST + i};

		w[i] = (struct writer){.storm = s, .rng = gc_test_seed() + i};
		GC_TEST_MUST(mrt_go(g, writer_body, &w[i], &opt) == 0);
	}
	mrt_wg_wait(g, &s->wg);
	heap_is_whole(g);
}

/* Every firing began a cycle that carries its id; a writer that waited was held up by it. */
static void check_storm(const struct gcs_fault_spec *spec)
{
	bool waits = spec->mode != GCS_MODE_START;

	assert_true(POINT_FAULT(0, fired) >= WANTED);
	assert_int_equal(point_log.n, POINT_FAULT(0, fired));
	for (uint32_t i = 0; i < point_log.n; i++) {
		const struct point_firing *f = &point_log.f[i];

		assert_true(f->worker >= MRT_WORKER_FIRST &&
			    f->worker < MRT_WORKER_FIRST + WRITERS);
		assert_true(f->began == 1 && f->cycles == 1 && f->stops >= 2);
		assert_int_equal(f->late, waits);
		assert_true(f->value > 0);
	}
}

static void storm(mrt_go_fn *body, enum gcs_where where, enum gcs_mode mode)
{
	struct gcs_fault_spec spec = {.point = GCS_POINT_gc_write,
				      .action = GCS_ACT_FORCE,
				      .where = where,
				      .mode = mode,
				      .every = mode == GCS_MODE_EDGE ? 2 : 11,
				      .times = FIRED_MAX};
	struct storm s = {0};

	point_run(&spec, 1,
		  (struct mrt_options){
			  .procs = 3, .check_edges = true, .clobber = true, .gc_every = 97},
		  body, &s);
	assert_int_equal(POINT_FAULT(0, visits), s.stores);
	if (mode == GCS_MODE_CYCLE)
		assert_int_equal(POINT_FAULT(0, eligible), s.stores);
	check_storm(&spec);
}

static void test_storm_start(void **state)
{
	(void)state;
	for (uint32_t where = 0; where < GCS_WHERES; where++)
		storm(storm_body, (enum gcs_where)where, GCS_MODE_START);
}

static void test_storm_cycle(void **state)
{
	(void)state;
	for (uint32_t where = 0; where < GCS_WHERES; where++)
		storm(storm_body, (enum gcs_where)where, GCS_MODE_CYCLE);
}

static void test_storm_edge(void **state)
{
	(void)state;
	for (uint32_t where = 0; where < GCS_WHERES; where++)
		storm(storm_body, (enum gcs_where)where, GCS_MODE_EDGE);
}

/* --------------------------------------------------------- maps and slices */

struct holder {
	struct storm *storm;
	const struct mrt_map_type *mt;
	uint64_t rng, ops, number[SLOTS];
};

static void holder_compare(mrt_g *g, struct holder *h, void *map, const struct mrt_slice *s,
			   uint64_t first)
{
	for (uint64_t key = 0; key < SLOTS; key++) {
		struct cell *const *slot = mrt_map_get(g, h->mt, map, key);

		GC_TEST_MUST((slot != NULL) == (h->number[key] != 0));
		GC_TEST_MUST(slot == NULL || (*slot)->number == h->number[key]);
	}
	for (size_t i = 0; i < s->len; i++)
		GC_TEST_MUST(((struct cell **)s->array)[i]->number == first + i + 1);
	memset(h->number, 0, sizeof(h->number));
}

/* An insertion or an update, and an append that grows or fits: two visits. */
static void holder_op(mrt_g *g, struct holder *h, void **roots, struct mrt_slice *s)
{
	uint64_t key = gc_test_random(&h->rng) % SLOTS;

	h->ops++;
	GC_TEST_MUST(mrt_new(g, &cell_type, &roots[1]) == 0);
	((struct cell *)roots[1])->number = h->ops;
	GC_TEST_MUST(mrt_map_put(g, h->mt, roots[0], key, &roots[1]) == 0);
	h->number[key] = h->ops;
	GC_TEST_MUST(mrt_append(g, &pointer_type, s, &roots[1], 1) == 0);
}

static void holder_body(mrt_g *g, void *arg)
{
	struct holder *h = arg;
	MRT_ROOTS(g, roots, 2);

	while (h->ops < OPS || (POINT_FAULT(0, fired) < WANTED && h->ops < MORE)) {
		struct mrt_slice s = {0};
		uint64_t first = h->ops;
		MRT_ROOT_SLOTS(g, s_frame, &s.array, 1);

		GC_TEST_MUST(mrt_map_new(g, h->mt, 0, &roots[0]) == 0);
		for (uint32_t i = 0; i < ROUND; i++)
			holder_op(g, h, roots, &s);
		holder_compare(g, h, roots[0], &s, first);
	}
	atomic_fetch_add(&h->storm->stores, 2 * h->ops);
	mrt_wg_done(g, &h->storm->wg);
}

static void holders_body(mrt_g *g, void *arg)
{
	struct storm *s = arg;
	static struct holder h[WRITERS];
	struct mrt_map_type mt;

	GC_TEST_MUST(mrt_map_type_init(&mt, MRT_KEY_U64, &pointer_type) == 0);
	point_arm_all(1);
	mrt_wg_add(&s->wg, WRITERS);
	for (uint32_t i = 0; i < WRITERS; i++) {
		struct mrt_go_options opt = {.worker = MRT_WORKER_FIRST + i};

		h[i] = (struct holder){.storm = s, .mt = &mt, .rng = gc_test_seed() + i};
		GC_TEST_MUST(mrt_go(g, holder_body, &h[i], &opt) == 0);
	}
	mrt_wg_wait(g, &s->wg);
	heap_is_whole(g);
}

static void test_storm_held(void **state)
{
	(void)state;
	for (uint32_t mode = 0; mode < GCS_MODES; mode++)
		for (uint32_t where = 0; where < GCS_WHERES; where++)
			storm(holders_body, (enum gcs_where)where, (enum gcs_mode)mode);
}

/* -------------------------------------------------------------------- where */

struct look {
	mrt_wg wg;
	_Atomic bool ready;
	void **slot;
	void *old_value, *seen;
};

/* Without a safepoint from before the store to after its firing: so that the cycle, which must stop
 * this goroutine first, cannot begin before the slot was looked at. */
static void look_body(mrt_g *g, void *arg)
{
	struct look *l = arg;

	atomic_store(&l->ready, true);
	for (uint32_t round = 0; POINT_FAULT(0, fired) == 0; round++)
		prim_spin_wait(round);
	l->seen = mrt_load(l->slot);
	mrt_wg_done(g, &l->wg);
}

static void where_body(mrt_g *g, void *arg)
{
	struct look *l = arg;
	MRT_ROOTS(g, roots, 2);

	GC_TEST_MUST(mrt_new_array(g, &pointer_type, 1, &roots[0]) == 0);
	GC_TEST_MUST(mrt_new(g, &cell_type, &roots[1]) == 0);
	l->old_value = roots[1];
	l->slot = roots[0];
	mrt_store(g, roots[0], roots[1]);
	GC_TEST_MUST(mrt_new(g, &cell_type, &roots[1]) == 0);
	mrt_wg_add(&l->wg, 1);
	GC_TEST_MUST(mrt_go(g, look_body, l, NULL) == 0);
	while (!atomic_load(&l->ready))
		mrt_yield(g);
	point_arm_all(1);
	mrt_store(g, roots[0], roots[1]);
	mrt_wg_wait(g, &l->wg);
	GC_TEST_MUST(mrt_load(roots[0]) == roots[1]);
	heap_is_whole(g);
}

static void test_where(void **state)
{
	(void)state;
	for (uint32_t mode = GCS_MODE_START; mode <= GCS_MODE_CYCLE; mode++)
		for (uint32_t where = 0; where < GCS_WHERES; where++) {
			struct gcs_fault_spec spec = {.point = GCS_POINT_gc_write,
						      .action = GCS_ACT_FORCE,
						      .where = (enum gcs_where)where,
						      .mode = (enum gcs_mode)mode,
						      .nth = 1};
			struct look l = {0};

			point_run(&spec, 1, (struct mrt_options){.gogc = -1}, where_body, &l);
			assert_int_equal(POINT_FAULT(0, fired), 1);
			assert_int_equal(l.seen == l.old_value, where != GCS_WHERE_AFTER_STORE);
			assert_int_equal(point_log.f[0].cycles, 1);
		}
}

/* --------------------------------------------------------------- Kth store */

#define KTH 137u

struct kth {
	uint64_t stores, fired_at, eligible;
	uint64_t edges; /* stores that were their goroutine's first since the barrier went on */
	uint32_t cycle;
	bool edge;
};

static void kth_store(mrt_g *g, struct kth *k, void **slot, void *value)
{
	uint64_t before = POINT_FAULT(0, fired);
	bool on = gc_barrier_enabled();

	k->edges += on && k->cycle != gc_cycle();
	k->stores++;
	mrt_store(g, slot, value);
	if (gc_barrier_enabled())
		k->cycle = gc_cycle();
	if (before == 0 && POINT_FAULT(0, fired) == 1)
		k->fired_at = k->stores;
}

static void kth_body(mrt_g *g, void *arg)
{
	struct kth *k = arg;
	MRT_ROOTS(g, roots, 2);

	GC_TEST_MUST(mrt_new_array(g, &pointer_type, SLOTS, &roots[0]) == 0);
	point_arm_all(1);
	for (uint32_t i = 0; i < 2 * KTH || (k->edge && POINT_FAULT(0, fired) < WANTED && i < MORE);
	     i++) {
		GC_TEST_MUST(mrt_new(g, &cell_type, &roots[1]) == 0);
		kth_store(g, k, (void **)roots[0] + i % SLOTS, roots[1]);
	}
	k->eligible = POINT_FAULT(0, eligible);
	heap_is_whole(g);
}

static struct kth kth(struct gcs_fault_spec spec, struct mrt_options opt)
{
	struct kth k = {.edge = spec.mode == GCS_MODE_EDGE};

	spec.point = GCS_POINT_gc_write;
	spec.action = GCS_ACT_FORCE;
	point_run(&spec, 1, opt, kth_body, &k);
	assert_int_equal(POINT_FAULT(0, visits), k.stores);
	return k;
}

/* While no cycle runs by itself, the Kth store while none does is the Kth store; and in the mode cycle
 * it is so in any case. */
static void test_kth(void **state)
{
	struct kth k;

	(void)state;
	for (uint32_t where = 0; where < GCS_WHERES; where++) {
		struct gcs_fault_spec spec = {.where = (enum gcs_where)where, .nth = KTH};

		k = kth(spec, (struct mrt_options){.gogc = -1});
		assert_int_equal(k.fired_at, KTH);
		spec.mode = GCS_MODE_CYCLE;
		k = kth(spec, (struct mrt_options){.gc_every = 20, .check_edges = true});
		assert_int_equal(k.fired_at, KTH);
		assert_int_equal(k.eligible, k.stores);
	}
}

/* One goroutine stores: what it sees of the barrier before a store is what the visit goes by. */
static void test_edge(void **state)
{
	struct gcs_fault_spec spec = {.mode = GCS_MODE_EDGE};
	struct kth k = kth(spec, (struct mrt_options){.gc_every = 20, .check_edges = true});

	(void)state;
	assert_true(POINT_FAULT(0, fired) >= WANTED);
	assert_int_equal(k.eligible, k.edges);
	assert_int_equal(POINT_FAULT(0, fired), k.edges);
	assert_true(k.edges < k.stores);
}

static void two_places_body(mrt_g *g, void *arg)
{
	struct kth *k = arg;
	MRT_ROOTS(g, roots, 1);

	GC_TEST_MUST(mrt_new_array(g, &pointer_type, SLOTS, &roots[0]) == 0);
	point_arm_all(2);
	for (k->stores = 0; k->stores < 20; k->stores++)
		mrt_store(g, roots[0], roots[0]);
	heap_is_whole(g);
}

/* Two faults of one point do not share visits when they are at different places. */
static void test_two_places(void **state)
{
	struct gcs_fault_spec spec[] = {
		{.point = GCS_POINT_gc_write, .action = GCS_ACT_FORCE, .where = GCS_WHERE_AFTER_STORE, .nth = 5},
		{.point = GCS_POINT_gc_write, .action = GCS_ACT_FORCE, .mode = GCS_MODE_CYCLE, .nth = 5},
	};
	struct kth k = {0};

	(void)state;
	point_run(spec, 2, (struct mrt_options){.gogc = -1}, two_places_body, &k);
	for (uint32_t i = 0; i < 2; i++) {
		assert_int_equal(POINT_FAULT(i, visits), k.stores);
		assert_int_equal(POINT_FAULT(i, fired), 1);
	}
	assert_int_equal(point_log.n, 2);
}

static void test_refused(void **state)
{
	static const struct gcs_fault_spec bad[] = {
		{.point = GCS_POINT_gc_alloc, .action = GCS_ACT_FORCE, .mode = GCS_MODE_CYCLE},
		{.point = GCS_POINT_gc_alloc, .action = GCS_ACT_FORCE, .where = GCS_WHERE_AFTER_STORE},
		{.point = GCS_POINT_gc_write, .action = GCS_ACT_FORCE, .where = GCS_WHERES},
		{.point = GCS_POINT_gc_write, .action = GCS_ACT_FORCE, .mode = GCS_MODES},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(
			gcs_faults_load(&(struct gcs_faults_options){.spec = &bad[i], .nspecs = 1}),
			-EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_storm_start), cmocka_unit_test(test_storm_cycle),
		cmocka_unit_test(test_storm_edge),  cmocka_unit_test(test_storm_held),
		cmocka_unit_test(test_where),
		cmocka_unit_test(test_kth),	    cmocka_unit_test(test_edge),
		cmocka_unit_test(test_two_places),  cmocka_unit_test(test_refused),
	};

	return point_main("write", tests, sizeof(tests) / sizeof(tests[0]));
}
