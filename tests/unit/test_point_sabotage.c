/*
 * test_point_sabotage.c: every saboteur is found, and how fast. Each run is a process of its own: its heap is broken on purpose.
 *
 * Look: after each collection (or map operation) come the heap check and a comparison of all contents with a model outside the
 * heap, which follows no pointer before it has compared it; the run ends with what they see first. Edges: the heap is checked at
 * the phase edges of the collector instead, and the process ends there with the broken invariant.
 */
#include "tests/unit/test_point_fixture.h"

#include "faults/points.h"
#include "runtime/mem/mem.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define HOLDERS	   8192u /* so many that a marking is in the middle of them for a while */
#define ROUNDS_MAX 400u /* collections */
#define KEYS_MAX   4000u
#define NOT_FOUND  9 /* exit status: all rounds went by */

struct cell {
	void *holder;
	uint64_t number[3];
};
static const uint64_t first_mask[] = {1};
static const struct mrt_type cell_type = {
	.name = "cell", .size = sizeof(struct cell), .ptr_words = 1, .ptrmask = first_mask};
static const struct mrt_type pointer_type = {
	.name = "pointer", .size = sizeof(void *), .ptr_words = 1, .ptrmask = first_mask};
static const struct mrt_type number_type = {.name = "number", .size = sizeof(uint64_t)};

/* What the child saw; shared with the parent, which reads it when the child is gone. */
struct sight {
	int invariant;	  /* of the heap check; 0: nothing */
	bool content;	  /* a content is not what was stored */
	uint64_t fired;	  /* firings until it was found */
	uint64_t cycles;  /* collections from the first firing until then */
	uint64_t ops;	  /* operations from then */
	char text[256];	  /* of the heap check */
	char last[1024];  /* of stderr */
};
static struct sight *sight;

struct attack {
	struct gcs_fault_spec spec;
	mrt_go_fn *body;
	bool edges;
};

/* -------------------------------------------------------------- the looking */

static uint64_t look_cycles(mrt_g *g)
{
	struct mrt_memstats s;

	mrt_memstats_read(g, &s);
	return s.num_gc;
}

/* Once the heap is broken nothing may go on: the process ends here. */
static void look(mrt_g *g, bool (*content)(void *), void *arg)
{
	sight->fired = POINT_FAULT(0, fired);
	sight->invariant = mrt_heap_check(g, sight->text, sizeof(sight->text));
	if (sight->invariant != 0)
		_exit(0);
	sight->content = !content(arg);
	if (sight->content)
		_exit(0);
}

/* ------------------------------------------- holders of cells, swapped about */

struct herd {
	void **holders;		     /* the root's array */
	void *holder[HOLDERS];	     /* the model: addresses, and what each cell must hold */
	struct cell *cell[HOLDERS];
	uint64_t number[HOLDERS];
	uint64_t rng;
	_Atomic bool collected;
};

static void herd_make(mrt_g *g, struct herd *h, void **root)
{
	MRT_ROOTS(g, made, 1);

	h->rng = gc_test_seed();
	GC_TEST_MUST(mrt_new_array(g, &pointer_type, HOLDERS, root) == 0);
	h->holders = *root;
	for (uint32_t i = 0; i < HOLDERS; i++) {
		struct cell *c;

		GC_TEST_MUST(mrt_new(g, &pointer_type, &made[0]) == 0);
		mrt_store(g, &h->holders[i], made[0]);
		h->holder[i] = made[0];
		GC_TEST_MUST(mrt_new(g, &cell_type, &made[0]) == 0);
		c = h->cell[i] = made[0];
		mrt_store(g, h->holder[i], c);
		mrt_store(g, &c->holder, h->holder[i]);
		h->number[i] = gc_test_random(&h->rng);
		for (uint32_t k = 0; k < 3; k++)
			c->number[k] = h->number[i] + k;
	}
}

static bool herd_whole(void *arg)
{
	struct herd *h = arg;
	bool whole = true;

	for (uint32_t i = 0; i < HOLDERS && whole; i++) {
		whole = h->holders[i] == h->holder[i] && *(void **)h->holder[i] == h->cell[i] &&
			h->cell[i]->holder == h->holder[i];
		for (uint32_t k = 0; k < 3 && whole; k++)
			whole = h->cell[i]->number[k] == h->number[i] + k;
	}
	return whole;
}

/* Two holders change cells: each cell is in one of them before and after. */
static void herd_swap(mrt_g *g, struct herd *h)
{
	uint32_t i = (uint32_t)(gc_test_random(&h->rng) % HOLDERS);
	uint32_t j = (uint32_t)(gc_test_random(&h->rng) % HOLDERS);
	struct cell *a = h->cell[i], *b = h->cell[j];
	uint64_t number = h->number[i];

	mrt_store(g, h->holder[i], b);
	mrt_store(g, h->holder[j], a);
	mrt_store(g, &b->holder, h->holder[i]);
	mrt_store(g, &a->holder, h->holder[j]);
	h->cell[i] = b;
	h->cell[j] = a;
	h->number[i] = h->number[j];
	h->number[j] = number;
}

static void herd_collect(mrt_g *g, void *arg)
{
	struct herd *h = arg;

	mrt_gc(g);
	atomic_store(&h->collected, true);
}

/* arg: do cells move while the collector marks? */
static void herd_body(mrt_g *g, bool moving)
{
	static struct herd h;
	uint64_t before = 0;
	MRT_ROOTS(g, root, 1);

	herd_make(g, &h, &root[0]);
	point_arm_all(1);
	for (uint32_t round = 0; round < ROUNDS_MAX; round++) {
		if (POINT_FAULT(0, fired) == 0)
			before = look_cycles(g);
		atomic_store(&h.collected, !moving);
		if (moving)
			GC_TEST_MUST(mrt_go(g, herd_collect, &h, NULL) == 0);
		else
			mrt_gc(g);
		while (!atomic_load(&h.collected)) {
			herd_swap(g, &h);
			sight->ops += POINT_FAULT(0, fired) != 0;
			mrt_yield(g);
		}
		sight->cycles = look_cycles(g) - before;
		look(g, herd_whole, &h);
	}
	_exit(NOT_FOUND);
}

static void herd_moving(mrt_g *g, void *arg)
{
	(void)arg;
	herd_body(g, true);
}

static void herd_still(mrt_g *g, void *arg)
{
	(void)arg;
	herd_body(g, false);
}

/* ----------------------------------------------------------- a growing map */

struct churn {
	mrt_g *g;
	const struct mrt_map_type *mt;
	mrt_map *map;
	uint64_t stored[KEYS_MAX]; /* the model; 0: not there */
	uint64_t keys;
};

static bool churn_whole(void *arg)
{
	struct churn *c = arg;

	for (uint64_t key = 0; key < c->keys; key++) {
		void *const *slot = mrt_map_get(c->g, c->mt, c->map, key);

		if (slot == NULL || **(uint64_t *const *)slot != c->stored[key])
			return false;
	}
	return mrt_map_count(c->map) == c->keys;
}

static void churn_put(mrt_g *g, struct churn *c, uint64_t key, uint64_t value)
{
	MRT_ROOTS(g, made, 1);

	GC_TEST_MUST(mrt_new(g, &number_type, &made[0]) == 0);
	*(uint64_t *)made[0] = value;
	GC_TEST_MUST(mrt_map_put(g, c->mt, c->map, key, &made[0]) == 0);
	c->stored[key] = value;
}

/* New keys, and old ones anew, so that the map grows and is written while it does. */
static void churn_body(mrt_g *g, bool check)
{
	static struct mrt_map_type mt;
	static struct churn c;
	uint64_t rng = gc_test_seed();
	MRT_ROOTS(g, root, 1);

	GC_TEST_MUST(mrt_map_type_init(&mt, MRT_KEY_U64, &pointer_type) == 0);
	GC_TEST_MUST(mrt_map_new(g, &mt, 0, &root[0]) == 0);
	c = (struct churn){.g = g, .mt = &mt, .map = root[0]};
	point_arm_all(1);
	while (c.keys < KEYS_MAX) {
		churn_put(g, &c, c.keys, gc_test_random(&rng));
		c.keys++;
		churn_put(g, &c, gc_test_random(&rng) % c.keys, gc_test_random(&rng));
		sight->fired = POINT_FAULT(0, fired);
		sight->ops += sight->fired != 0;
		if (check)
			look(g, churn_whole, &c);
		sight->content = !churn_whole(&c);
		if (sight->content)
			_exit(0);
	}
	_exit(NOT_FOUND);
}

static void churn_checked(mrt_g *g, void *arg)
{
	(void)arg;
	churn_body(g, true);
}

/* By the contents alone. */
static void churn_compared(mrt_g *g, void *arg)
{
	(void)arg;
	churn_body(g, false);
}

/* ---------------------------------------------- numbers in objects of their own */

#define PENS	  64u
#define PEN_WORDS 6u

struct pen {
	uint64_t word[PEN_WORDS];
};
static const struct mrt_type pen_type = {.name = "pen", .size = sizeof(struct pen)};

struct pens {
	struct pen *pen[PENS];
	uint32_t count;
};

static bool pens_whole(void *arg)
{
	struct pens *p = arg;

	for (uint32_t i = 0; i < p->count; i++)
		for (uint32_t w = 0; w < PEN_WORDS; w++)
			if (p->pen[i]->word[w] != (uint64_t)i * PEN_WORDS + w)
				return false;
	return true;
}

static void pens_body(mrt_g *g, void *arg)
{
	static struct pens p;
	MRT_ROOTS(g, root, PENS);

	(void)arg;
	point_arm_all(1);
	while (p.count < PENS) {
		GC_TEST_MUST(mrt_new(g, &pen_type, &root[p.count]) == 0);
		p.pen[p.count] = root[p.count];
		for (uint32_t w = 0; w < PEN_WORDS; w++)
			p.pen[p.count]->word[w] = (uint64_t)p.count * PEN_WORDS + w;
		p.count++;
		sight->ops++;
		look(g, pens_whole, &p);
	}
	_exit(NOT_FOUND);
}

/* A map of numbers: its arrays are too small, which nobody may touch before they are seen. */
static void small_map_body(mrt_g *g, void *arg)
{
	static struct mrt_map_type mt;
	MRT_ROOTS(g, root, 1);

	(void)arg;
	GC_TEST_MUST(mrt_map_type_init(&mt, MRT_KEY_U64, &number_type) == 0);
	GC_TEST_MUST(mrt_map_new(g, &mt, 0, &root[0]) == 0);
	point_arm_all(1);
	for (uint64_t key = 0; key < KEYS_MAX; key++) {
		GC_TEST_MUST(mrt_map_put(g, &mt, root[0], key, &key) == 0);
		sight->ops += POINT_FAULT(0, fired) != 0;
		sight->fired = POINT_FAULT(0, fired);
		sight->invariant = mrt_heap_check(g, sight->text, sizeof(sight->text));
		if (sight->invariant != 0)
			_exit(0);
	}
	_exit(NOT_FOUND);
}

/* ------------------------------------------------------ a goroutine that wakes */

/* Its second place in the queue comes up while it sleeps again. */
static void waking_body(mrt_g *g, void *arg)
{
	(void)arg;
	point_arm_all(1);
	for (uint32_t i = 0; i < ROUNDS_MAX; i++) {
		mrt_sleep_until(g, mrt_now_ns() + 1000000);
		sight->fired = POINT_FAULT(0, fired);
		sight->ops += sight->fired != 0;
	}
	_exit(NOT_FOUND);
}

/* ------------------------------------------------------------------- a run */

static void attack_child(const struct attack *a, int fd)
{
	struct prim_options prim = {.seed = gc_test_seed()};
	struct mrt_options opt = {
		.procs = 2,
		.gogc = -1,
		.seed = gc_test_seed(),
		.heap_reserve = (size_t)1 << 28,
		.clobber = true,
		.check_edges = a->edges,
	};

	dup2(fd, STDERR_FILENO);
	GC_TEST_MUST(prim_init(&prim) == 0);
	point_load(&a->spec, 1, opt.procs);
	opt.telemetry = point_telemetry;
	mrt_run(&opt, a->body, NULL);
	_exit(NOT_FOUND); /* the bodies end the process */
}

static int attack(const struct attack *a)
{
	const char *name = gcs_point_by_id((uint32_t)a->spec.point)->name;
	FILE *err = tmpfile();
	int status;
	pid_t pid;

	assert_non_null(err);
	memset(sight, 0, sizeof(*sight));
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		attack_child(a, fileno(err));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	rewind(err);
	sight->last[fread(sight->last, 1, sizeof(sight->last) - 1, err)] = '\0';
	fclose(err);
	printf("# %s%s: status %#x, %llu firings, %llu cycles, %llu operations; invariant %d%s%s%s\n", name,
	       a->edges ? ", edges" : "", (unsigned)status, (unsigned long long)sight->fired,
	       (unsigned long long)sight->cycles, (unsigned long long)sight->ops, sight->invariant,
	       sight->content ? ", contents" : "", sight->invariant ? ": " : "",
	       sight->invariant ? sight->text : "");
	if (sight->last[0] != '\0')
		printf("#   %s\n", sight->last);
	if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_FOUND)
		fail_msg("%s was not found (GCS_TEST_SEED=%llu)", name,
			 (unsigned long long)gc_test_seed());
	return status;
}

/* Found by the heap check or the contents, within so many collections; false: by the sanitizer, which sees freed memory used. */
static bool must_be_seen(const struct attack *a, uint64_t cycles)
{
	int status = attack(a);

	if (MEM_ASAN && strstr(sight->last, "AddressSanitizer") != NULL)
		return false; /* earlier than any look of ours */
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_true(sight->fired > 0);
	assert_true(sight->invariant != 0 || sight->content);
	assert_true(sight->cycles <= cycles);
	return true;
}

/* The process ends by itself and says why. */
static void must_die_of(const struct attack *a, const char *why)
{
	int status = attack(a);

	assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) != 0);
	assert_non_null(strstr(sight->last, why));
}

static struct gcs_fault_spec always(enum gcs_point point)
{
	return (struct gcs_fault_spec){.point = point, .action = GCS_ACT_BREAK, .every = 1};
}

static void test_skip_barrier(void **state)
{
	struct attack a = {.spec = always(GCS_POINT_sabotage_skip_barrier), .body = herd_moving};

	(void)state;
	if (must_be_seen(&a, 20))
		assert_int_equal(sight->invariant, 2);
	a.edges = true;
	must_die_of(&a, "mrt: heap check, end of marking of cycle");
	assert_non_null(strstr(sight->last, "invariant 4: black object"));
}

static void test_early_free(void **state)
{
	struct attack a = {.spec = always(GCS_POINT_sabotage_early_free), .body = herd_still};

	(void)state;
	must_be_seen(&a, 2);
	assert_true(sight->invariant == 2 || sight->invariant == 3);
}

static void test_lost_bucket(void **state)
{
	struct attack a = {.spec = {.point = GCS_POINT_sabotage_lost_bucket,
				    .action = GCS_ACT_BREAK,
				    .nth = 5},
			   .body = churn_checked};

	(void)state;
	must_be_seen(&a, 0);
	assert_int_equal(sight->invariant, 7);
	assert_non_null(strstr(sight->text, "M1 count is"));
	assert_int_equal(sight->ops, 1);
	a.body = churn_compared;
	must_be_seen(&a, 0);
	assert_true(sight->content && sight->ops == 1);
}

/* Each firing alone, so that those that hit a mark and those that hit a word are both seen. */
static void test_flip_bit(void **state)
{
	uint32_t checked = 0, compared = 0;

	(void)state;
	for (uint64_t nth = 1; nth <= 16; nth++) {
		struct attack a = {.spec = {.point = GCS_POINT_sabotage_flip_bit,
					    .action = GCS_ACT_BREAK,
					    .nth = nth},
				   .body = herd_still};

		must_be_seen(&a, 1);
		assert_int_equal(sight->fired, 1);
		checked += sight->invariant != 0;
		compared += sight->content;
	}
	assert_true(checked > 0 && compared > 0);
}

static void test_flip_mark_at_edge(void **state)
{
	struct attack a = {.spec = always(GCS_POINT_sabotage_flip_bit),
			   .body = herd_still,
			   .edges = true};

	(void)state;
	must_die_of(&a, "mrt: heap check, end of marking of cycle");
}

static void test_stale_evacuation(void **state)
{
	struct attack a = {.spec = {.point = GCS_POINT_sabotage_stale_evacuation,
				    .action = GCS_ACT_BREAK,
				    .nth = 3},
			   .body = churn_checked};

	(void)state;
	must_be_seen(&a, 0);
	assert_int_equal(sight->invariant, 7);
	assert_int_equal(sight->ops, 1);
	a.body = churn_compared;
	must_be_seen(&a, 0);
	assert_true(sight->content && sight->ops == 1);
}

static void test_unrooted(void **state)
{
	struct attack a = {.spec = always(GCS_POINT_sabotage_unrooted), .body = herd_still};

	(void)state;
	must_be_seen(&a, 1);
	assert_int_equal(sight->invariant, 3);
	a.edges = true;
	must_die_of(&a, "mrt: heap check, end of marking of cycle");
	assert_non_null(strstr(sight->last, "invariant 5: a root slot of"));
}

/* Objects without pointers overlap; one with pointers does not take its layout; a bucket array is seen to be too small. */
static void test_wrong_size(void **state)
{
	struct attack a = {.spec = always(GCS_POINT_sabotage_wrong_size), .body = pens_body};

	(void)state;
	if (must_be_seen(&a, 0))
		assert_true(sight->content && sight->ops == 2);
	a.body = small_map_body;
	a.spec.size_min = 200;
	if (must_be_seen(&a, 0))
		assert_non_null(strstr(sight->text, "M6 "));
	a.spec.size_min = 9; /* not the first numbers */
	a.spec.every = 0;
	a.spec.nth = 1;
	a.body = churn_checked;
	must_die_of(&a, "mem: layout does not fit its object");
}

static void test_double_ready(void **state)
{
	struct attack a = {.spec = always(GCS_POINT_sabotage_double_ready), .body = waking_body};

	(void)state;
#if defined(__SANITIZE_THREAD__)
	skip(); /* one goroutine on two threads is a race: ThreadSanitizer is the one that finds it */
#endif
	must_die_of(&a, "mrt: a goroutine is not in the status it is moved from");
	/* the next wake; a busy machine may take a few more to look at the queue */
	assert_true(sight->ops <= 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_skip_barrier), cmocka_unit_test(test_early_free),
		cmocka_unit_test(test_lost_bucket),  cmocka_unit_test(test_flip_bit),
		cmocka_unit_test(test_flip_mark_at_edge), cmocka_unit_test(test_stale_evacuation),
		cmocka_unit_test(test_unrooted), cmocka_unit_test(test_wrong_size),
		cmocka_unit_test(test_double_ready),
	};

	if (!GCS_FAULTS) {
		printf("# built without faults\n");
		return 77;
	}
	sight = mmap(NULL, sizeof(*sight), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (sight == MAP_FAILED)
		return 99;
	printf("# GCS_TEST_SEED=%llu\n", (unsigned long long)gc_test_seed());
	return cmocka_run_group_tests(tests, NULL, NULL);
}
