/*
 * test_gc.c: what is collected is exactly what cannot be reached.
 *
 * A random graph of managed objects has a model in plain memory. After a collection the live bytes
 * must equal what the model can reach, to the byte; and mutators on several Ps walk their graphs
 * while cycles run, freed memory is overwritten, and every phase edge is checked.
 */
#include "tests/unit/test_gc_fixture.h"

#include "runtime/mem/mem.h"

#include <string.h>

#define EDGES_MAX 40000u
#define NODES_MAX 4000u
#define ROOTS	  8u

/* Node kinds by number of edges: small, a page, large, huge (cut into pieces). */
static const uint32_t kind_edges[] = {1, 4, 30, 300, 6000, EDGES_MAX};
#define KINDS 6u

struct node {
	uint64_t id;
	uint32_t kind, edges;
	void *edge[];
};

static struct mrt_type node_type[KINDS];
static uint64_t node_mask[KINDS][(EDGES_MAX + 66) / 64];
static const struct mrt_type leaf_type = {.name = "leaf", .size = 24};

static void types_init(void)
{
	for (uint32_t k = 0; k < KINDS; k++) {
		uint32_t words = kind_edges[k] + 2;

		for (uint32_t w = 2; w < words; w++)
			node_mask[k][w / 64] |= UINT64_C(1) << (w % 64);
		node_type[k] = (struct mrt_type){.name = "node",
						 .size = words * 8,
						 .ptr_words = words,
						 .ptrmask = node_mask[k]};
	}
}

/* Objects do not move: the model knows nodes by number and remembers addresses of live ones. */
struct model_node {
	struct node *addr;
	uint32_t kind;
	int32_t edge[4]; /* the first few edges are used; -1: NULL */
	bool reached;
};

struct model {
	struct model_node node[NODES_MAX];
	uint32_t count;
	int32_t root[ROOTS];
	uint32_t live[NODES_MAX], live_count;
	uint32_t stack[NODES_MAX];
	uint64_t rng;
};

static uint32_t model_edges(const struct model_node *n)
{
	return kind_edges[n->kind] < 4 ? kind_edges[n->kind] : 4;
}

/* Spread the used edges over the whole object, so that every piece of a huge one matters. */
static uint32_t model_slot(const struct model_node *n, uint32_t e)
{
	return e * (kind_edges[n->kind] / model_edges(n));
}

static void model_reach(struct model *m)
{
	uint32_t *stack = m->stack, depth = 0;

	m->live_count = 0;
	for (uint32_t i = 0; i < m->count; i++)
		m->node[i].reached = false;
	for (uint32_t r = 0; r < ROOTS; r++) {
		if (m->root[r] < 0 || m->node[m->root[r]].reached)
			continue;
		m->node[m->root[r]].reached = true;
		stack[depth++] = (uint32_t)m->root[r];
		while (depth > 0) {
			struct model_node *n = &m->node[stack[--depth]];

			m->live[m->live_count++] = (uint32_t)(n - m->node);
			for (uint32_t e = 0; e < model_edges(n); e++) {
				if (n->edge[e] < 0 || m->node[n->edge[e]].reached)
					continue;
				m->node[n->edge[e]].reached = true;
				stack[depth++] = (uint32_t)n->edge[e];
			}
		}
	}
}

static uint64_t object_bytes(size_t bytes)
{
	return bytes <= MEM_SMALL_MAX
		       ? mem_round_up(bytes)
		       : (bytes + MEM_PAGE_BYTES - 1) / MEM_PAGE_BYTES * MEM_PAGE_BYTES;
}

static uint64_t model_live_bytes(const struct model *m)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < m->live_count; i++)
		sum += object_bytes(node_type[m->node[m->live[i]].kind].size);
	return sum;
}

/* Every reachable node is where the model says and holds what it should. */
static void model_verify(const struct model *m, void **roots)
{
	for (uint32_t r = 0; r < ROOTS; r++)
		GC_TEST_MUST(roots[r] == (m->root[r] < 0 ? NULL : m->node[m->root[r]].addr));
	for (uint32_t i = 0; i < m->live_count; i++) {
		const struct model_node *n = &m->node[m->live[i]];

		GC_TEST_MUST(n->addr->id == m->live[i] && n->addr->kind == n->kind);
		for (uint32_t e = 0; e < model_edges(n); e++)
			GC_TEST_MUST(mrt_load(&n->addr->edge[model_slot(n, e)]) ==
				     (n->edge[e] < 0 ? NULL : m->node[n->edge[e]].addr));
	}
}

static uint32_t model_pick_kind(struct model *m)
{
	uint64_t x = gc_test_random(&m->rng) % 1000;

	return x < 400 ? 0 : x < 900 ? 1 : x < 980 ? 2 : x < 994 ? 3 : x < 999 ? 4 : 5;
}

/* A new node hangs where something may have hung before. */
static void model_grow(struct model *m, mrt_g *g, void **roots)
{
	uint32_t kind = model_pick_kind(m), id = m->count;
	struct model_node *n = &m->node[id];
	uint64_t at = gc_test_random(&m->rng);
	MRT_ROOTS(g, fresh, 1);

	GC_TEST_MUST(mrt_new(g, &node_type[kind], &fresh[0]) == 0);
	*n = (struct model_node){.addr = fresh[0], .kind = kind, .edge = {-1, -1, -1, -1}};
	n->addr->id = id;
	n->addr->kind = kind;
	m->count++;
	model_reach(m);
	if (m->live_count == 0 || at % 20 == 0) {
		roots[at / 20 % ROOTS] = fresh[0];
		m->root[at / 20 % ROOTS] = (int32_t)id;
	} else {
		struct model_node *from = &m->node[m->live[at / 20 % m->live_count]];
		uint32_t e = (uint32_t)(at >> 40) % model_edges(from);

		mrt_store(g, &from->addr->edge[model_slot(from, e)], fresh[0]);
		from->edge[e] = (int32_t)id;
	}
}

/* An edge between live nodes, or one cut. */
static void model_link(struct model *m, mrt_g *g)
{
	uint64_t at = gc_test_random(&m->rng);
	struct model_node *from, *to;
	uint32_t e;

	model_reach(m);
	if (m->live_count == 0)
		return;
	from = &m->node[m->live[at % m->live_count]];
	to = &m->node[m->live[(at >> 20) % m->live_count]];
	e = (uint32_t)(at >> 40) % model_edges(from);
	if (at >> 63) {
		mrt_store(g, &from->addr->edge[model_slot(from, e)], to->addr);
		from->edge[e] = (int32_t)(to - m->node);
	} else {
		mrt_store(g, &from->addr->edge[model_slot(from, e)], NULL);
		from->edge[e] = -1;
	}
}

static struct model *model_create(uint64_t seed)
{
	struct model *m = calloc(1, sizeof(*m));

	GC_TEST_MUST(m != NULL);
	m->rng = seed;
	for (uint32_t r = 0; r < ROOTS; r++)
		m->root[r] = -1;
	return m;
}

static void check_whole(mrt_g *g)
{
	char text[256];
	int r = mrt_heap_check(g, text, sizeof(text));

	if (r != 0)
		fprintf(stderr, "heap check %d: %s\n", r, text);
	GC_TEST_MUST(r == 0);
}

static void exact_body(mrt_g *g, void *arg)
{
	struct model *m = model_create(gc_test_seed());
	struct mrt_memstats before, after;
	MRT_ROOTS(g, roots, ROOTS);

	(void)arg;
	mrt_gc(g);
	mrt_memstats_read(g, &before);
	GC_TEST_MUST(before.heap_alloc == 0);
	for (uint32_t round = 0; round < 6; round++) {
		for (uint32_t i = 0; i < 150 && m->count < NODES_MAX; i++) {
			model_grow(m, g, roots);
			model_link(m, g);
		}
		if (round == 4)
			for (uint32_t r = 1; r < ROOTS; r++) {
				roots[r] = NULL;
				m->root[r] = -1;
			}
		mrt_gc(g);
		model_reach(m);
		model_verify(m, roots);
		mrt_memstats_read(g, &after);
		GC_TEST_MUST(after.heap_alloc == model_live_bytes(m));
		GC_TEST_MUST(after.heap_objects == m->live_count);
		check_whole(g);
	}
	memset(roots, 0, sizeof(roots));
	mrt_gc(g);
	mrt_memstats_read(g, &after);
	GC_TEST_MUST(after.heap_alloc == 0 && after.heap_objects == 0);
	free(m);
}

static void test_exact(void **state)
{
	(void)state;
	gc_test_run((struct mrt_options){.procs = 2, .clobber = true, .check_edges = true},
		    exact_body, NULL);
}

/* ------------------------------------------------------------------ globals */

static void *global_words[4];

static void globals_body(mrt_g *g, void *arg)
{
	struct mrt_memstats s;
	MRT_ROOTS(g, fresh, 1);

	(void)arg;
	GC_TEST_MUST(mrt_globals_add(global_words, 4) == 0);
	for (uint32_t i = 0; i < 4; i++) {
		GC_TEST_MUST(mrt_new(g, &node_type[1], &fresh[0]) == 0);
		((struct node *)fresh[0])->id = i;
		mrt_store(g, &global_words[i], fresh[0]);
	}
	fresh[0] = NULL;
	mrt_gc(g);
	mrt_memstats_read(g, &s);
	GC_TEST_MUST(s.heap_objects == 4);
	for (uint32_t i = 0; i < 4; i++)
		GC_TEST_MUST(((struct node *)mrt_load(&global_words[i]))->id == i);
	mrt_store(g, &global_words[2], NULL);
	mrt_gc(g);
	mrt_memstats_read(g, &s);
	GC_TEST_MUST(s.heap_objects == 3);
	mrt_globals_remove(global_words);
	memset(global_words, 0, sizeof(global_words));
	mrt_gc(g);
	mrt_memstats_read(g, &s);
	GC_TEST_MUST(s.heap_objects == 0);
}

static void test_globals(void **state)
{
	(void)state;
	gc_test_run((struct mrt_options){.procs = 1, .check_edges = true}, globals_body, NULL);
}

/* ----------------------------------------------------------------- mutators */

#define MUTATORS 6u

struct mutator {
	uint64_t seed;
	uint32_t steps;
	mrt_wg *wg;
};

/* A list whose nodes are handed from goroutine to goroutine through a table in global roots. */
static void *shared_words[MUTATORS];
static mrt_mutex shared_lock;

static void list_verify(const struct node *n)
{
	for (uint32_t i = 0; n != NULL && i < 1000; i++) {
		const struct node *next = mrt_load(&n->edge[0]);

		GC_TEST_MUST(n->kind == 1);
		GC_TEST_MUST(next == NULL || next->id + 1 == n->id);
		n = next;
	}
}

/* Put a node in front of somebody's list and keep it as somebody else's. */
static void shared_step(mrt_g *g, uint64_t x)
{
	uint32_t from = (uint32_t)(x % MUTATORS), to = (uint32_t)((x >> 8) % MUTATORS);
	struct node *head;
	MRT_ROOTS(g, fresh, 2);

	GC_TEST_MUST(mrt_new(g, &node_type[1], &fresh[0]) == 0);
	mrt_lock(g, &shared_lock);
	fresh[1] = mrt_load(&shared_words[from]);
	head = fresh[1];
	list_verify(head);
	((struct node *)fresh[0])->kind = 1;
	((struct node *)fresh[0])->id = head != NULL && head->id < 200 ? head->id + 1 : 0;
	if (((struct node *)fresh[0])->id != 0)
		mrt_store(g, &((struct node *)fresh[0])->edge[0], fresh[1]);
	mrt_store(g, &shared_words[to], fresh[0]);
	mrt_unlock(g, &shared_lock);
}

static void mutator_body(mrt_g *g, void *arg)
{
	const struct mutator *mu = arg;
	struct model *m = model_create(mu->seed);
	MRT_ROOTS(g, roots, ROOTS);
	MRT_ROOTS(g, leaf, 1);

	for (uint32_t i = 0; i < mu->steps && m->count < NODES_MAX; i++) {
		model_grow(m, g, roots);
		model_link(m, g);
		GC_TEST_MUST(mrt_new(g, &leaf_type, &leaf[0]) == 0);
		memset(leaf[0], 0x5a, leaf_type.size);
		shared_step(g, gc_test_random(&m->rng));
		if (i % 16 == 0) {
			model_reach(m);
			model_verify(m, roots);
			for (size_t b = 0; b < leaf_type.size; b++)
				GC_TEST_MUST(((unsigned char *)leaf[0])[b] == 0x5a);
		}
		if (i % 64 == 63)
			for (uint32_t r = 2; r < ROOTS; r++) {
				roots[r] = NULL;
				m->root[r] = -1;
			}
		if (i % 100 == 99)
			mrt_yield(g);
	}
	model_reach(m);
	model_verify(m, roots);
	free(m);
	mrt_wg_done(g, mu->wg);
}

static void mutators_wave(mrt_g *g, uint64_t seed, uint32_t steps)
{
	struct mutator mu[MUTATORS];
	mrt_wg wg = {0};

	mrt_wg_add(&wg, MUTATORS);
	for (uint32_t i = 0; i < MUTATORS; i++) {
		mu[i] = (struct mutator){.seed = seed + i * 77, .steps = steps, .wg = &wg};
		GC_TEST_MUST(mrt_go(g, mutator_body, &mu[i], NULL) == 0);
	}
	mrt_wg_wait(g, &wg);
	for (uint32_t i = 0; i < MUTATORS; i++)
		list_verify(mrt_load(&shared_words[i]));
}

/* Until ten cycles have run among them: a machine that is busy with other things needs more than
 * one wave. */
static void mutators_body(mrt_g *g, void *arg)
{
	struct mrt_memstats s = {0};

	GC_TEST_MUST(mrt_globals_add(shared_words, MUTATORS) == 0);
	for (uint32_t wave = 0; s.num_gc < 10; wave++) {
		GC_TEST_MUST(wave < 100);
		mutators_wave(g, gc_test_seed() + wave, *(uint32_t *)arg);
		mrt_memstats_read(g, &s);
	}
	check_whole(g);
	for (uint32_t i = 0; i < MUTATORS; i++)
		mrt_store(g, &shared_words[i], NULL);
	mrt_globals_remove(shared_words);
	mrt_gc(g);
	mrt_memstats_read(g, &s);
	GC_TEST_MUST(s.heap_objects == 0);
}

static void mutators_on(uint32_t procs)
{
	uint32_t steps = 250;

	memset(shared_words, 0, sizeof(shared_words));
	gc_test_run(
		(struct mrt_options){
			.procs = procs, .gc_every = 50, .clobber = true, .check_edges = true},
		mutators_body, &steps);
}

static void test_mutators_1(void **state)
{
	(void)state;
	mutators_on(1);
}
static void test_mutators_2(void **state)
{
	(void)state;
	mutators_on(2);
}
static void test_mutators_4(void **state)
{
	(void)state;
	mutators_on(4);
}
static void test_mutators_8(void **state)
{
	(void)state;
	mutators_on(8);
}

/* ------------------------------------------------- goroutines that do not run */

#define SLEEPERS 300u

struct sleeper {
	uint32_t number;
	mrt_wg *wg, *ready;
	mrt_mutex *gate;
};

/* Holds an object in a frame below another one, parked or in a blocking call, while others collect.
 */
static void sleeper_wait(mrt_g *g, const struct sleeper *s)
{
	MRT_ROOTS(g, inner, 2);

	GC_TEST_MUST(mrt_new(g, &node_type[0], &inner[1]) == 0);
	((struct node *)inner[1])->id = s->number + 1000000;
	mrt_wg_done(g, s->ready);
	if (s->number % 50 == 0) {
		mrt_block_enter(g);
		prim_sleep_until(prim_now_ns() + 2000000);
		mrt_block_exit(g);
	}
	mrt_lock(g, s->gate);
	mrt_unlock(g, s->gate);
	GC_TEST_MUST(((struct node *)inner[1])->id == s->number + 1000000);
}

static void sleeper_body(mrt_g *g, void *arg)
{
	const struct sleeper *s = arg;
	MRT_ROOTS(g, outer, 3);

	GC_TEST_MUST(mrt_new(g, &node_type[1], &outer[2]) == 0);
	((struct node *)outer[2])->id = s->number;
	sleeper_wait(g, s);
	GC_TEST_MUST(((struct node *)outer[2])->id == s->number);
	mrt_wg_done(g, s->wg);
}

static void sleepers_body(mrt_g *g, void *arg)
{
	struct sleeper *s = calloc(SLEEPERS, sizeof(*s));
	mrt_wg wg = {0}, ready = {0};
	mrt_mutex gate = {0};
	struct mrt_memstats m;

	(void)arg;
	GC_TEST_MUST(s != NULL);
	mrt_lock(g, &gate);
	mrt_wg_add(&wg, SLEEPERS);
	mrt_wg_add(&ready, SLEEPERS);
	for (uint32_t i = 0; i < SLEEPERS; i++) {
		s[i] = (struct sleeper){.number = i, .wg = &wg, .ready = &ready, .gate = &gate};
		GC_TEST_MUST(mrt_go(g, sleeper_body, &s[i], NULL) == 0);
	}
	mrt_wg_wait(g, &ready);
	for (uint32_t i = 0; i < 3; i++)
		mrt_gc(g);
	mrt_memstats_read(g, &m);
	GC_TEST_MUST(m.heap_objects == 2 * SLEEPERS);
	check_whole(g);
	mrt_unlock(g, &gate);
	mrt_wg_wait(g, &wg);
	mrt_gc(g);
	mrt_memstats_read(g, &m);
	GC_TEST_MUST(m.heap_objects == 0);
	free(s);
}

static void test_sleepers(void **state)
{
	(void)state;
	gc_test_run((struct mrt_options){.procs = 3, .clobber = true, .check_edges = true},
		    sleepers_body, NULL);
}

/* ------------------------------------------------------------------- zeroing */

static void zeroed_round(mrt_g *g, void **roots, uint64_t *rng)
{
	static const size_t sizes[] = {8, 24, 64, 500, 4096, 9000, 30000, 33000, 300000, 1500000};
	static const struct mrt_type byte_type = {.name = "byte", .size = 1};
	static const uint64_t pair_mask[] = {1};
	static const struct mrt_type pair_type = {
		.name = "pair", .size = 16, .ptr_words = 1, .ptrmask = pair_mask};

	for (uint32_t i = 0; i < 40; i++) {
		size_t bytes = sizes[gc_test_random(rng) % (sizeof(sizes) / sizeof(sizes[0]))];
		bool pointers = gc_test_random(rng) % 2;
		uint64_t *word;

		GC_TEST_MUST(
			(pointers ? mrt_new_array(g, &pair_type, (bytes + 15) / 16, &roots[i % 4])
				  : mrt_new_array(g, &byte_type, bytes, &roots[i % 4])) == 0);
		word = roots[i % 4];
		for (size_t w = 0; w < bytes / 8; w++)
			GC_TEST_MUST(__atomic_load_n(&word[w], __ATOMIC_RELAXED) == 0);
		/* Leave dirt behind, but none that looks like a pointer where one is expected. */
		for (size_t w = 0; w < bytes / 8; w++)
			if (!pointers || w % 2 == 1)
				word[w] = UINT64_MAX;
	}
}

static void zeroed_body(mrt_g *g, void *arg)
{
	uint64_t rng = gc_test_seed();
	MRT_ROOTS(g, roots, 4);

	(void)arg;
	for (uint32_t round = 0; round < 12; round++) {
		zeroed_round(g, roots, &rng);
		if (round % 3 == 2)
			mrt_gc(g);
	}
}

static void test_zeroed(void **state)
{
	(void)state;
	gc_test_run((struct mrt_options){.procs = 2, .check_edges = true}, zeroed_body, NULL);
	gc_test_run((struct mrt_options){.procs = 2, .clobber = true}, zeroed_body, NULL);
}

/* ------------------------------------------------------------- forced cycles */

static void forced_waiter(mrt_g *g, void *arg)
{
	mrt_gc(g);
	mrt_wg_done(g, arg);
}

static void forced_body(mrt_g *g, void *arg)
{
	struct mrt_memstats s;
	mrt_wg wg = {0};

	(void)arg;
	for (uint32_t i = 1; i <= 5; i++) {
		mrt_gc(g);
		mrt_memstats_read(g, &s);
		GC_TEST_MUST(s.num_gc == i && s.num_forced_gc == i);
		GC_TEST_MUST(s.pause_ns[(s.num_gc + 255) % 256] > 0);
	}
	/* Many at once share cycles, and all come back. */
	mrt_wg_add(&wg, 8);
	for (uint32_t i = 0; i < 8; i++)
		GC_TEST_MUST(mrt_go(g, forced_waiter, &wg, NULL) == 0);
	mrt_wg_wait(g, &wg);
	mrt_memstats_read(g, &s);
	GC_TEST_MUST(s.num_gc >= 6 && s.num_gc <= 5 + 16);
}

static void test_forced(void **state)
{
	(void)state;
	gc_test_run((struct mrt_options){.procs = 2, .check_edges = true}, forced_body, NULL);
}

/* ------------------------------------------------------------- stress cycles */

#define STRESS_ALLOCS 400u
#define STRESS_EVERY  20u

static void stress_body(mrt_g *g, void *arg)
{
	struct mrt_memstats s;
	uint32_t cycles;

	(void)arg;
	for (uint32_t i = 0; i < STRESS_ALLOCS; i++) {
		MRT_ROOTS(g, root, 1);

		GC_TEST_MUST(mrt_new(g, &leaf_type, &root[0]) == 0);
		mrt_sleep_until(g, mrt_now_ns() + 1000); /* on another P perhaps */
	}
	mrt_gc(g); /* the last one is counted at its end: on a slow machine it may be the only one */
	mrt_memstats_read(g, &s);
	cycles = s.num_gc - s.num_forced_gc;
	printf("# %u cycles\n", cycles);
	/* One in so many; a counter that stays due makes it nearly every one. */
	GC_TEST_MUST(cycles > 0 && cycles <= 2 * STRESS_ALLOCS / STRESS_EVERY);
}

/* One in so many allocations of a P, wherever the goroutine goes on after it. */
static void test_stress(void **state)
{
	(void)state;
	gc_test_run((struct mrt_options){.procs = 2, .gogc = -1, .gc_every = STRESS_EVERY}, stress_body, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forced),	   cmocka_unit_test(test_globals),
		cmocka_unit_test(test_zeroed),	   cmocka_unit_test(test_sleepers),
		cmocka_unit_test(test_exact),	   cmocka_unit_test(test_mutators_1),
		cmocka_unit_test(test_mutators_2), cmocka_unit_test(test_mutators_4),
		cmocka_unit_test(test_mutators_8), cmocka_unit_test(test_stress),
	};

	types_init();
	return cmocka_run_group_tests(tests, gc_test_setup, NULL);
}
