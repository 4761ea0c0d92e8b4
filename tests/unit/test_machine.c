/*
 * test_machine.c: the whole runtime in one run: goroutines with maps, slices and lists beside a model, allocations that fail,
 * collections that stores force, the heap check at every phase edge. Two lines tell what tests/integration/aarch64.sh compares:
 * what is left in the heap is the same on every machine and backend; a simulated run is the same to the last event.
 */
#include "tests/unit/test_gc_fixture.h"

#include "faults/fault.h"
#include "runtime/watch/telemetry.h"

#include <errno.h>
#include <inttypes.h>

#define GOROUTINES 4u
#define KEYS	   600u
#define STEPS	   20000u
#define FORCED	   6u /* collections by the main goroutine beside them */

struct cell {
	struct cell *next;
	uint64_t number[3];
};
static const uint64_t cell_mask[] = {1};
static const struct mrt_type cell_type = {
	.name = "cell", .size = sizeof(struct cell), .ptr_words = 1, .ptrmask = cell_mask};
static const struct mrt_type link_type = {.name = "*cell", .size = 8, .ptr_words = 1, .ptrmask = cell_mask};
static const struct mrt_type word_type = {.name = "word", .size = 8};
static struct mrt_map_type cells_type; /* uint64 -> *cell */
static struct mrt_telemetry *telemetry;

/* A goroutine's part; what it holds, it alone changes. */
struct part {
	mrt_g *g;
	mrt_wg *wg;
	uint64_t rng, sum;
	mrt_map *map;	       /* rooted */
	void **scratch;	       /* root slot */
	struct mrt_slice words; /* its array is rooted */
	/* the model, outside the heap */
	uint64_t at[KEYS]; /* number of the first cell under a key; 0: none */
	uint32_t chain[KEYS]; /* how many cells hang there */
	uint64_t words_sum, words_len;
	uint64_t refused;
};

struct outcome {
	uint64_t contents, refused;
	uint32_t num_gc;
	int64_t end_ns;
};

/* -ENOMEM is a fault's: it must have changed nothing, so that the operation may simply be done again. */
static bool part_refused(struct part *p, int err)
{
	GC_TEST_MUST(err == 0 || err == -ENOMEM);
	p->refused += err != 0;
	return err != 0;
}

static struct cell *part_first(struct part *p, uint64_t key)
{
	void *const *elem = mrt_map_get(p->g, &cells_type, p->map, key);

	return elem != NULL ? *elem : NULL;
}

/* A new cell before those that hang under the key. */
static void part_push(struct part *p, uint64_t key, uint64_t number)
{
	struct cell *cell;

	while (part_refused(p, mrt_new(p->g, &cell_type, p->scratch)))
		;
	cell = *p->scratch;
	for (uint32_t i = 0; i < 3; i++)
		cell->number[i] = number + i;
	mrt_store(p->g, (void **)&cell->next, part_first(p, key));
	while (part_refused(p, mrt_map_put(p->g, &cells_type, p->map, key, p->scratch)))
		GC_TEST_MUST((p->at[key] == 0) == (part_first(p, key) == NULL));
	*p->scratch = NULL;
	p->at[key] = number;
	p->chain[key]++;
}

static void part_delete(struct part *p, uint64_t key)
{
	GC_TEST_MUST(mrt_map_delete(p->g, &cells_type, p->map, key) == (p->at[key] != 0));
	p->at[key] = 0;
	p->chain[key] = 0;
}

static void part_append(struct part *p, uint64_t word)
{
	while (part_refused(p, mrt_append(p->g, &word_type, &p->words, &word, 1)))
		GC_TEST_MUST(p->words.len == p->words_len);
	p->words_len++;
	p->words_sum += word;
}

static void part_step(struct part *p)
{
	uint64_t draw = gc_test_random(&p->rng), key = (draw >> 8) % KEYS;

	switch (draw % 4) {
	case 0:
		part_append(p, draw);
		break;
	case 1:
		part_delete(p, key);
		break;
	default:
		part_push(p, key, draw | 1);
	}
}

/* What the heap holds is what the model says; the sum of it. */
static void part_compare(struct part *p)
{
	uint64_t sum = 0, count = 0;

	for (uint64_t key = 0; key < KEYS; key++) {
		struct cell *cell = part_first(p, key);
		uint32_t chain = 0;

		GC_TEST_MUST((cell == NULL ? 0 : cell->number[0]) == p->at[key]);
		count += cell != NULL;
		for (; cell != NULL; cell = cell->next, chain++) {
			GC_TEST_MUST(cell->number[2] == cell->number[0] + 2);
			sum = sum * 31 + cell->number[1];
		}
		GC_TEST_MUST(chain == p->chain[key]);
	}
	GC_TEST_MUST(count == mrt_map_count(p->map));
	for (size_t i = 0; i < p->words.len; i++)
		p->words_sum -= ((uint64_t *)p->words.array)[i];
	GC_TEST_MUST(p->words.len == p->words_len && p->words_sum == 0);
	p->sum = sum * 31 + p->words_len;
}

static void part_body(mrt_g *g, void *arg)
{
	struct part *p = arg;
	MRT_ROOTS(g, roots, 2);
	MRT_ROOT_SLOTS(g, words_frame, &p->words.array, 1);

	p->g = g;
	p->scratch = &roots[1];
	while (part_refused(p, mrt_map_new(g, &cells_type, 0, &roots[0])))
		;
	p->map = roots[0];
	for (uint32_t i = 0; i < STEPS; i++) {
		part_step(p);
		if (i % 100 == 0)
			mrt_yield(g);
	}
	part_compare(p);
	mrt_wg_done(g, p->wg);
}

static void machine_start(mrt_g *g, struct part *part, mrt_wg *wg)
{
	mrt_wg_add(wg, GOROUTINES);
	for (uint32_t i = 0; i < GOROUTINES; i++) {
		struct mrt_go_options opt = {.name = "part", .worker = MRT_WORKER_FIRST + i, .driver = 0};

		part[i] = (struct part){.wg = wg, .rng = gc_test_seed() + i};
		GC_TEST_MUST(mrt_go(g, part_body, &part[i], &opt) == 0);
	}
}

static void machine_body(mrt_g *g, void *arg)
{
	static struct part part[GOROUTINES];
	struct outcome *ret = arg;
	struct mrt_memstats stats;
	char text[256] = "";
	mrt_wg wg = {0};

	for (uint32_t fault = 0; fault < 2; fault++)
		gcs_fault_arm(fault, 0, false, mrt_now_ns());
	machine_start(g, part, &wg);
	for (uint32_t i = 0; i < FORCED; i++)
		mrt_gc(g);
	mrt_wg_wait(g, &wg);
	gcs_faults_disarm_all(false, mrt_now_ns());
	mrt_gc(g);
	if (mrt_heap_check(g, text, sizeof(text)) != 0)
		fprintf(stderr, "heap check: %s\n", text);
	GC_TEST_MUST(text[0] == '\0');
	for (uint32_t i = 0; i < GOROUTINES; i++) {
		ret->contents = ret->contents * 1000003 + part[i].sum;
		ret->refused += part[i].refused;
	}
	mrt_memstats_read(g, &stats);
	ret->num_gc = stats.num_gc;
	ret->end_ns = mrt_now_ns();
}

static void machine_faults(void)
{
	static const uint32_t worker[GOROUTINES] = {MRT_WORKER_FIRST, MRT_WORKER_FIRST + 1,
						    MRT_WORKER_FIRST + 2, MRT_WORKER_FIRST + 3};
	static const struct gcs_fault_spec spec[] = {
		{.point = GCS_POINT_mem_malloc, .action = GCS_ACT_FAIL, .err = ENOMEM, .every = 7},
		{.point = GCS_POINT_gc_write, .action = GCS_ACT_FORCE, .every = 150},
	};
	struct gcs_faults_options opt = {.spec = spec, .nspecs = 2, .seed = gc_test_seed(), .worker = worker,
					 .nworkers = GOROUTINES, .telemetry = telemetry};

	assert_int_equal(gcs_faults_load(&opt), 0);
}

static void test_whole(void **state)
{
	struct mrt_options opt = {.procs = 4, .clobber = true, .check_edges = true};
	struct outcome out = {0};

	(void)state;
	telemetry = prim_pages_alloc(sizeof(*telemetry));
	assert_non_null(telemetry);
	watch_layout_init(telemetry, opt.procs);
	opt.telemetry = telemetry;
	assert_int_equal(mrt_map_type_init(&cells_type, MRT_KEY_U64, &link_type), 0);
	machine_faults();
	gc_test_run(opt, machine_body, &out);
	assert_true(out.num_gc > FORCED);
	assert_true(out.refused >= STEPS * GOROUTINES / 20);
	printf("# contents %016" PRIx64 "\n", out.contents);
#if MRT_SIM
	printf("# run %016" PRIx64 ", %" PRIu64 " refused, %u collections, ends at %" PRId64 " ns\n", prim_sim_hash(), out.refused,
	       out.num_gc, out.end_ns);
#endif
	gcs_faults_clear();
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_whole)};

	return cmocka_run_group_tests(tests, gc_test_setup, NULL);
}
