/*
 * memstats.c: what MemStats counts while objects of all sizes come, are linked, are dropped and collected, as memstats.go answers it.
 *
 * Everything is compared to the last object and byte, by class too. Spans that Go's own objects began take the first of ours, so what
 * spans take (HeapInuse) is compared where all sizes are of classes that neither the Go program nor its library uses.
 */
#include "tests/checkgo/checkgo.h"

#include "runtime/mem/mem.h"

#include <stdlib.h>
#include <string.h>

#define MEMSTATS_SLOTS	   64u
#define MEMSTATS_OPS_MAX   400u
#define MEMSTATS_LARGE_MAX (300u << 10)
#define MEMSTATS_ASKS	   6u		/* in one of 25 runs Go 1.26 allocates 16 bytes of its own */
#define MEMSTATS_PAGE_CACHE (64 * (uint64_t)MEM_PAGE_BYTES)
#define MEMSTATS_MANY	   (256u << 10) /* bytes of one `n`, about */

/* ---- ours */

struct memstats_job {
	struct check *c;
	const struct check_op *op;
	size_t n;
	struct check_answer *ret;
	struct mrt_memstats base, now;
	uint64_t words[MEMSTATS_SLOTS]; /* pointers of the object in a slot, as Go counts them */
};

static const uint64_t memstats_pointer = 1;
static const struct mrt_type memstats_byte = {"byte", 1, 0, NULL}, memstats_word = {"pointer", 8, 1, &memstats_pointer};

static void memstats_allocate(mrt_g *g, struct memstats_job *job, const struct check_op *op, void **slot)
{
	bool pointers = op->v[2] != 0;
	uint64_t n = pointers ? check_with_header(job->c, op->v[1]) / 8 : op->v[1];
	MRT_ROOTS(g, before, 1);

	before[0] = slot[op->v[0]];
	if (mrt_new_array(g, pointers ? &memstats_word : &memstats_byte, n, &slot[op->v[0]]) < 0)
		check_die("memstats: out of memory");
	if (pointers && op->kind == 'n')
		mrt_store(g, slot[op->v[0]], before[0]);
	job->words[op->v[0]] = pointers ? op->v[1] / 8 : 0;
}

static void memstats_link(mrt_g *g, struct memstats_job *job, const struct check_op *op, void **slot)
{
	uint64_t words = job->words[op->v[0]];

	if (words > 0)
		mrt_store(g, (void **)slot[op->v[0]] + op->v[1] % words, slot[op->v[2]]);
}

static struct check_answer memstats_summary(const struct mrt_memstats *b, const struct mrt_memstats *m, bool inuse)
{
	return (struct check_answer){
		.v = {m->mallocs - b->mallocs, m->frees - b->frees, m->total_alloc - b->total_alloc,
		      m->heap_alloc - b->heap_alloc, m->heap_objects - b->heap_objects, m->num_gc - b->num_gc,
		      m->num_forced_gc - b->num_forced_gc, m->alloc - m->heap_alloc,
		      m->heap_sys - m->heap_inuse - m->heap_idle, m->lookups,
		      inuse ? m->heap_inuse - b->heap_inuse : 0},
		.n = 11};
}

static struct check_answer memstats_answer(mrt_g *g, struct memstats_job *job, const struct check_op *op)
{
	const struct mrt_memstats *b = &job->base, *m = &job->now;
	uint64_t i = op->v[0];

	mrt_memstats_read(g, &job->now);
	if (op->kind == 's')
		return memstats_summary(b, m, op->v[0] != 0);
	if (op->kind == 'f')
		return (struct check_answer){.v = {m->heap_idle - m->heap_released}, .n = 1};
	return (struct check_answer){.v = {m->by_size[i].size, m->by_size[i].mallocs - b->by_size[i].mallocs,
					   m->by_size[i].frees - b->by_size[i].frees},
				     .n = 3};
}

static void memstats_op(mrt_g *g, struct memstats_job *job, const struct check_op *op, void **slot,
			struct check_answer *ret)
{
	*ret = (struct check_answer){.n = 1};
	switch (op->kind) {
	case 'a':
	case 'q':
		memstats_allocate(g, job, op, slot);
		break;
	case 'n':
	case 'Q':
		for (uint64_t i = 0; i < op->v[3]; i++)
			memstats_allocate(g, job, op, slot);
		break;
	case 'l':
		memstats_link(g, job, op, slot);
		break;
	case 'd':
		slot[op->v[0]] = NULL;
		job->words[op->v[0]] = 0;
		break;
	case 'g':
		mrt_gc(g);
		break;
	case 'f':
		mrt_free_os_memory(g);
		/* fall through */
	default:
		*ret = memstats_answer(g, job, op);
	}
}

static void memstats_main(mrt_g *g, void *arg)
{
	struct memstats_job *job = arg;
	MRT_ROOTS(g, slot, MEMSTATS_SLOTS);

	mrt_set_gogc(g, -1);
	mrt_gc(g);
	mrt_memstats_read(g, &job->base);
	for (size_t i = 0; i < job->n; i++)
		memstats_op(g, job, &job->op[i], slot, &job->ret[i]);
}

static void memstats_ours(struct check *c, const struct check_op *op, size_t n, const struct check_answer *go,
			  struct check_answer *ret)
{
	struct memstats_job *job = calloc(1, sizeof(*job));

	(void)go;
	if (job == NULL)
		check_die("out of memory");
	*job = (struct memstats_job){.c = c, .op = op, .n = n, .ret = ret};
	check_run(c, memstats_main, job);
	free(job);
}

/* ---- drawing */

/* Bytes of an object: tiny, around a class's size, any small size, large. */
static uint64_t memstats_bytes(struct check *c, bool pointers)
{
	uint64_t bytes;

	switch (check_below(c, 8)) {
	case 0:
	case 1:
		bytes = 1 + check_below(c, 15);
		break;
	case 2:
	case 3:
	case 4:
		bytes = mem_class_size[1 + check_below(c, MEM_CLASSES - 1)] + check_below(c, 3);
		bytes -= bytes > 1;
		break;
	case 5:
	case 6:
		bytes = 1 + check_below(c, MEM_SMALL_MAX);
		break;
	default:
		bytes = MEM_SMALL_MAX + check_below(c, MEMSTATS_LARGE_MAX);
	}
	return pointers ? (bytes + 7) / 8 * 8 : bytes;
}

/* Sizes of classes that neither the Go program nor its library uses (seen with 1.19 and 1.26). */
static const uint16_t memstats_quiet_class[] = {2304,  2688,  3200,  3456,  4864,  5376,  6528,	 6784, 6912,
						10880, 13568, 14336, 18432, 19072, 20480, 21760, 24576, 27264, 28672};

static bool memstats_quiet(uint64_t bytes)
{
	bool quiet = bytes > MEM_SMALL_MAX;

	for (size_t i = 0; i < sizeof(memstats_quiet_class) / sizeof(memstats_quiet_class[0]); i++)
		quiet |= bytes <= memstats_quiet_class[i] && bytes + 8 > memstats_quiet_class[i];
	return quiet;
}

static uint64_t memstats_quiet_bytes(struct check *c)
{
	uint64_t classes = sizeof(memstats_quiet_class) / sizeof(memstats_quiet_class[0]), i = check_below(c, classes * 3 / 2);

	return i < classes ? memstats_quiet_class[i] - check_below(c, 8)
			   : MEM_SMALL_MAX + 1 + check_below(c, MEMSTATS_LARGE_MAX);
}

static struct check_op memstats_draw_alloc(struct check *c, bool quiet)
{
	uint64_t pointers = quiet ? 0 : check_below(c, 2), bytes, slot = check_below(c, MEMSTATS_SLOTS);

	bytes = quiet ? memstats_quiet_bytes(c) : memstats_bytes(c, pointers != 0);
	if (check_below(c, 3) != 0)
		return (struct check_op){quiet ? 'q' : 'a', {slot, bytes, pointers}};
	return (struct check_op){quiet ? 'Q' : 'n',
				 {slot, bytes, pointers, check_below(c, 2 + MEMSTATS_MANY / (bytes + 256))}};
}

static struct check_op memstats_draw(struct check *c, bool quiet)
{
	uint64_t what = check_below(c, 100);

	if (what < 50)
		return memstats_draw_alloc(c, quiet);
	if (what < 65)
		return (struct check_op){
			'l', {check_below(c, MEMSTATS_SLOTS), check_below(c, 4096), check_below(c, MEMSTATS_SLOTS)}};
	if (what < 80)
		return (struct check_op){'d', {check_below(c, MEMSTATS_SLOTS)}};
	if (what < 84)
		return (struct check_op){'g', {0}};
	if (what < 86)
		return (struct check_op){'f', {0}};
	if (what < 94)
		return (struct check_op){'s', {quiet}};
	return (struct check_op){'z', {1 + check_below(c, MRT_MEMSTATS_SIZES - 1)}};
}

/* What was asked for at last is collected, given back and counted, class by class. */
static size_t memstats_sequence(struct check *c, struct check_op *op, bool quiet)
{
	size_t n = MEMSTATS_OPS_MAX / 8 * (1 + check_below(c, 8));

	for (size_t i = 0; i < n; i++)
		op[i] = memstats_draw(c, quiet);
	op[n++] = (struct check_op){'s', {quiet}};
	op[n++] = (struct check_op){'f', {0}};
	op[n++] = (struct check_op){'s', {quiet}};
	for (uint64_t i = 1; i < MRT_MEMSTATS_SIZES; i++)
		op[n++] = (struct check_op){'z', {i}};
	return n;
}

static bool memstats_valid(const struct check_op *op)
{
	bool allocates = op->kind == 'a' || op->kind == 'n';

	if (op->kind == 'q' || op->kind == 'Q')
		return op->v[2] == 0 && memstats_quiet(op->v[1]);
	return !allocates || (op->v[1] > 0 && (op->v[2] == 0 || op->v[1] % 8 == 0));
}

/* Go says always what its spans take. Of what is free it keeps up to 64 pages, its P's (mpagecache.go), when it gives all back. */
static bool memstats_same(const struct check_op *op, const struct check_answer *go, const struct check_answer *our)
{
	size_t same = go->n - (op->kind == 's' && op->v[0] == 0);

	if (go->n != our->n)
		return false;
	if (op->kind == 'f')
		return go->v[0] <= MEMSTATS_PAGE_CACHE && our->v[0] == 0;
	return memcmp(go->v, our->v, same * sizeof(go->v[0])) == 0;
}

static size_t memstats_differ(struct check *c, const struct check_op *op, size_t n, const struct check_answer *go,
			      const struct check_answer *our)
{
	(void)c;
	for (size_t i = 0; i < n; i++)
		if (!memstats_same(&op[i], &go[i], &our[i]))
			return i;
	return n;
}

bool check_memstats(struct check *c)
{
	static const struct check_topic topic = {
		.name = "memstats", .ours = memstats_ours, .differ = memstats_differ, .valid = memstats_valid,
		.asks = MEMSTATS_ASKS};
	struct check_op *op = calloc(MEMSTATS_OPS_MAX + MRT_MEMSTATS_SIZES + 4, sizeof(*op));
	uint64_t all = 0, spans = 0;

	if (op == NULL)
		check_die("out of memory");
	for (uint64_t i = 0; i < c->seeds; i++) {
		bool quiet = check_below(c, 4) == 0;
		size_t n = memstats_sequence(c, op, quiet);

		if (!check_sequence(c, &topic, op, n)) {
			free(op);
			return false;
		}
		all += n;
		spans += quiet;
	}
	free(op);
	check_row(c, "memstats", "objects and bytes come and gone, in all and by class; operations", all);
	check_row(c, "memstats", "what spans take (HeapInuse), sizes that only the questions ask for; sequences", spans);
	return true;
}
