/*
 * test_heap_profile.c: the heap profile.
 *
 * The gaps are those of an exponential distribution, and what is made of samples is unbiased: each statistical check
 * allows five standard deviations, which chance exceeds once in 1.7 million; there are about a dozen of them.
 * With rate 1 everything is sampled, and what is published equals a model exactly, cycle by cycle. What is
 * written is decoded here, and read by `go tool pprof` where there is one.
 */
#include "tests/unit/test_gc_fixture.h"

#include "runtime/gc/gc_priv.h"
#include "runtime/watch/heap_profile.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define SIGMAS 5.0

static const struct mrt_type byte_type = {.name = "byte", .size = 1};
static const uint64_t pointer_mask[] = {1};
static const struct mrt_type pointer_type = {
	.name = "pointer", .size = sizeof(void *), .ptr_words = 1, .ptrmask = pointer_mask};

/* --------------------------------------------------------------------- gaps */

static void test_gap_of(void **state)
{
	uint64_t rng = gc_test_seed();

	(void)state;
	assert_int_equal(watch_profile_gap_of(524288, 1u << 26), 1);
	for (uint32_t i = 0; i < 100000; i++) {
		uint32_t draw = (uint32_t)(gc_test_random(&rng) >> (38 + i % 26)) + 1;
		double gap = -log((double)draw / (1 << 26)) * 524288;

		assert_true(fabs((double)watch_profile_gap_of(524288, draw) - 1 - gap) < 1.5);
	}
}

/* k of n with probability p each. */
static void must_be_likely(uint64_t k, uint64_t n, double p)
{
	double sigma = sqrt((double)n * p * (1 - p)), off = (double)k - (double)n * p;

	if (fabs(off) > SIGMAS * sigma)
		fprintf(stderr, "%llu of %llu, expected %.1f: %.1f standard deviations (GCS_TEST_SEED=%llu)\n",
			(unsigned long long)k, (unsigned long long)n, (double)n * p, off / sigma,
			(unsigned long long)gc_test_seed());
	assert_true(fabs(off) <= SIGMAS * sigma);
}

/* Objects of one size, as the allocator counts the gap down, over many generators. */
static void test_unbiased(void **state)
{
	static const uint64_t size[] = {16, 1024, 32768, 524288, 3000000};
	const uint64_t rate = 524288;
	struct watch_profile_options opt = {.rate = rate};

	(void)state;
	watch_profile_init(&opt);
	for (uint32_t s = 0; s < sizeof(size) / sizeof(size[0]); s++) {
		uint64_t n = 100 * rate / size[s] + 2000, k = 0;

		for (uint64_t seed = 0; seed < 20; seed++) {
			uint64_t random = gc_test_seed() + seed;
			uint64_t left = watch_profile_gap(&random);

			for (uint64_t i = 0; i < n; i++) {
				bool sampled = size[s] >= left;

				k += sampled;
				left = sampled ? watch_profile_gap(&random) : left - size[s];
			}
		}
		must_be_likely(k, 20 * n, 1 - exp(-(double)size[s] / (double)rate));
	}
	watch_profile_fini();
}

/* ----------------------------------------------------------------- aggregates */

#define RECORDS 4096u

/* Of all buckets of this size; 0: of every size. */
static struct watch_profile_counts counts_of(uint64_t bytes)
{
	static struct watch_profile_record record[RECORDS];
	size_t n = watch_profile_read(record, RECORDS);
	struct watch_profile_counts sum = {0};

	GC_TEST_MUST(n <= RECORDS);
	for (size_t i = 0; i < n; i++) {
		const struct watch_profile_counts *c = &record[i].counts;

		if (bytes != 0 && record[i].bucket->bytes != bytes)
			continue;
		sum.allocs += c->allocs;
		sum.frees += c->frees;
		sum.alloc_bytes += c->alloc_bytes;
		sum.free_bytes += c->free_bytes;
	}
	return sum;
}

static void must_count(uint64_t bytes, uint64_t allocs, uint64_t frees)
{
	struct watch_profile_counts c = counts_of(bytes);

	if (c.allocs != allocs || c.frees != frees)
		fprintf(stderr, "%llu bytes: %llu allocated, %llu freed; expected %llu, %llu\n",
			(unsigned long long)bytes, (unsigned long long)c.allocs,
			(unsigned long long)c.frees, (unsigned long long)allocs,
			(unsigned long long)frees);
	GC_TEST_MUST(c.allocs == allocs && c.frees == frees);
	GC_TEST_MUST(c.alloc_bytes == allocs * bytes && c.free_bytes == frees * bytes);
}

static void allocate(mrt_g *g, uint32_t n, size_t bytes, void **root)
{
	for (uint32_t i = 0; i < n; i++)
		GC_TEST_MUST(mrt_new_array(g, &pointer_type, bytes / 8, root) == 0);
}

/* ----------------------------------------------------------------- the model */

#define SLOTS 200u

static const size_t model_bytes[] = {32, 64, 1024, 32768, 65536};
#define SIZES (sizeof(model_bytes) / sizeof(model_bytes[0]))

struct model {
	uint64_t allocs[SIZES], live[SIZES];
	uint32_t at[SLOTS]; /* size and one of what lies there */
};

static void model_churn(mrt_g *g, struct model *m, void **slot, uint64_t *rng)
{
	for (uint32_t i = 0; i < 1000; i++) {
		uint64_t r = gc_test_random(rng);
		uint32_t at = r % SLOTS, size = (uint32_t)((r >> 16) % (i % 50 == 0 ? SIZES : 3));

		GC_TEST_MUST(mrt_new_array(g, &pointer_type, model_bytes[size] / 8, &slot[at]) == 0);
		m->allocs[size]++;
		m->live[size]++;
		if (m->at[at] != 0)
			m->live[m->at[at] - 1]--;
		m->at[at] = size + 1;
	}
}

static void model_body(mrt_g *g, void *arg)
{
	struct model m = {{0}, {0}, {0}};
	uint64_t rng = gc_test_seed();
	char text[256];
	MRT_ROOTS(g, slot, SLOTS);

	(void)arg;
	for (uint32_t round = 0; round < 6; round++) {
		model_churn(g, &m, slot, &rng);
		mrt_gc(g);
		if (round % 2 == 0)
			mrt_gc(g);
		for (uint32_t i = 0; i < SIZES; i++)
			must_count(model_bytes[i], m.allocs[i], m.allocs[i] - m.live[i]);
		GC_TEST_MUST(mrt_heap_check(g, text, sizeof(text)) == 0);
	}
	GC_TEST_MUST(mrt_heap_profile_dropped() == 0);
}

static void test_model(void **state)
{
	(void)state;
	for (uint32_t procs = 1; procs <= 3; procs += 2)
		gc_test_run((struct mrt_options){.procs = procs,
						 .heap_profile_rate = 1,
						 .check_edges = true,
						 .clobber = true},
			    model_body, NULL);
}

/* --------------------------------------------------------------- three cycles */

/* A cycle without mrt_gc's publication. */
static void plain_cycle(mrt_g *g)
{
	gc_wait_full(sched_of(g), GC_TRIGGER_STRESS, 0);
}

static void cycles_body(mrt_g *g, void *arg)
{
	MRT_ROOTS(g, roots, 2);

	(void)arg;
	/* So that something is published; else everything would be, below. */
	allocate(g, 1, 48, &roots[0]);
	must_count(48, 1, 0);
	allocate(g, 10, 64, &roots[0]);
	must_count(64, 0, 0);
	plain_cycle(g);
	/* The sweep has found nine dead; neither they nor the births are of an ended cycle. */
	must_count(64, 0, 0);
	plain_cycle(g);
	must_count(64, 10, 9);
	roots[0] = NULL;
	allocate(g, 3, 96, &roots[1]);
	mrt_gc(g);
	/* mrt_gc publishes what its own sweep found. */
	must_count(64, 10, 10);
	must_count(96, 3, 2);
	/* What comes after it is not of it. */
	allocate(g, 5, 96, &roots[1]);
	must_count(96, 3, 2);
	plain_cycle(g);
	must_count(96, 3, 2);
	plain_cycle(g);
	must_count(96, 8, 7);
}

static void test_three_cycles(void **state)
{
	(void)state;
	gc_test_run((struct mrt_options){.procs = 1, .gogc = -1, .heap_profile_rate = 1}, cycles_body,
		    NULL);
}

/* A block of small things is one sample; what shares it is none. */
static void tiny_body(mrt_g *g, void *arg)
{
	MRT_ROOTS(g, roots, 1);

	(void)arg;
	for (uint32_t i = 0; i < 400; i++)
		GC_TEST_MUST(mrt_new_array(g, &byte_type, 4, &roots[0]) == 0);
	roots[0] = NULL;
	mrt_gc(g);
	mrt_gc(g);
	must_count(16, 100, 100);
	GC_TEST_MUST(counts_of(0).allocs == 100);
}

static void test_tiny(void **state)
{
	(void)state;
	gc_test_run((struct mrt_options){.procs = 1, .gogc = -1, .heap_profile_rate = 1}, tiny_body,
		    NULL);
}

/* -------------------------------------------------------------------- sampled */

#define SAMPLED_RATE 2048u
#define SAMPLERS     4u

struct sampler {
	mrt_wg *wg;
	uint32_t n;
};

static void sampler_body(mrt_g *g, void *arg)
{
	struct sampler *s = arg;
	MRT_ROOTS(g, roots, 2);

	for (uint32_t i = 0; i < s->n; i++) {
		allocate(g, 1, 64, &roots[0]);
		allocate(g, i % 10 == 0, 4096, &roots[1]);
	}
	mrt_wg_done(g, s->wg);
}

static void sampled_body(mrt_g *g, void *arg)
{
	struct sampler s = {.n = 40000};
	struct mrt_memstats m;
	mrt_wg wg = {0};

	(void)arg;
	s.wg = &wg;
	mrt_wg_add(&wg, SAMPLERS);
	for (uint32_t i = 0; i < SAMPLERS; i++)
		GC_TEST_MUST(mrt_go(g, sampler_body, &s, NULL) == 0);
	mrt_wg_wait(g, &wg);
	mrt_gc(g);
	mrt_gc(g);
	must_be_likely(counts_of(64).allocs, (uint64_t)SAMPLERS * s.n, 1 - exp(-64.0 / SAMPLED_RATE));
	must_be_likely(counts_of(4096).allocs, (uint64_t)SAMPLERS * s.n / 10,
		       1 - exp(-4096.0 / SAMPLED_RATE));
	GC_TEST_MUST(counts_of(0).allocs == counts_of(0).frees);
	mrt_memstats_read(g, &m);
	GC_TEST_MUST(m.buck_hash_sys > 179999 * 8);
}

static void test_sampled(void **state)
{
	(void)state;
	gc_test_run((struct mrt_options){.procs = 4, .heap_profile_rate = SAMPLED_RATE}, sampled_body,
		    NULL);
}

static void off_body(mrt_g *g, void *arg)
{
	struct mrt_memstats m;
	MRT_ROOTS(g, roots, 1);

	(void)arg;
	allocate(g, 1000, 32768, &roots[0]);
	mrt_gc(g);
	mrt_memstats_read(g, &m);
	GC_TEST_MUST(m.buck_hash_sys == 0 && counts_of(0).allocs == 0);
	GC_TEST_MUST(mrt_heap_profile_write(NULL, NULL) == -ENOTSUP);
}

static void test_off(void **state)
{
	(void)state;
	gc_test_run((struct mrt_options){.procs = 1}, off_body, NULL);
}

/* ------------------------------------------------------------------ no memory */

static uint32_t refuse_after;

static void *refusing(size_t bytes, size_t align)
{
	return refuse_after-- == 0 ? NULL : mem_persist(bytes, align);
}

/* The table and two buckets, then nothing: allocations go on, samples are dropped. */
static void refused_body(mrt_g *g, void *arg)
{
	struct watch_profile_options opt = {.rate = 1, .alloc = refusing};
	MRT_ROOTS(g, roots, 1);

	(void)arg;
	refuse_after = 3;
	watch_profile_fini();
	watch_profile_init(&opt);
	allocate(g, 10, 64, &roots[0]);
	allocate(g, 10, 96, &roots[0]);
	refuse_after = 0;
	allocate(g, 1, 128, &roots[0]);
	GC_TEST_MUST(mrt_heap_profile_dropped() == 1);
	roots[0] = NULL;
	mrt_gc(g);
	must_count(64, 10, 10);
	must_count(96, 10, 10);
	must_count(128, 0, 0);
}

static void test_refused(void **state)
{
	(void)state;
	gc_test_run((struct mrt_options){.procs = 1, .gogc = -1, .heap_profile_rate = 1}, refused_body,
		    NULL);
}

/* -------------------------------------------------------------------- written */

#define FILE_MAX ((size_t)1 << 20)

struct written {
	size_t n, fail_at;
	uint8_t byte[FILE_MAX];
};

static int written_take(void *arg, const void *data, size_t bytes)
{
	struct written *w = arg;

	if (w->n + bytes > w->fail_at)
		return -EIO;
	memcpy(w->byte + w->n, data, bytes);
	w->n += bytes;
	return 0;
}

/* Undo the gzip: stored blocks only. */
static size_t unzip(const struct written *w, uint8_t *ret)
{
	uint32_t crc = UINT32_MAX;
	size_t at = 10, n = 0;
	bool last = false;

	GC_TEST_MUST(w->n > 18 && w->byte[0] == 0x1f && w->byte[1] == 0x8b && w->byte[2] == 8);
	while (!last) {
		size_t bytes = w->byte[at + 1] | w->byte[at + 2] << 8;

		GC_TEST_MUST(w->byte[at] <= 1 && (bytes ^ 0xffff) == (size_t)(w->byte[at + 3] |
									      w->byte[at + 4] << 8));
		last = w->byte[at] == 1;
		memcpy(ret + n, w->byte + at + 5, bytes);
		at += 5 + bytes;
		n += bytes;
	}
	for (size_t i = 0; i < n; i++) {
		crc ^= ret[i];
		for (int b = 0; b < 8; b++)
			crc = (crc & 1) != 0 ? crc >> 1 ^ UINT32_C(0xedb88320) : crc >> 1;
	}
	GC_TEST_MUST(at + 8 == w->n);
	for (int i = 0; i < 4; i++) {
		GC_TEST_MUST(w->byte[at + i] == (uint8_t)(~crc >> 8 * i));
		GC_TEST_MUST(w->byte[at + 4 + i] == (uint8_t)(n >> 8 * i));
	}
	return n;
}

static uint64_t varint(const uint8_t **at)
{
	uint64_t value = 0;

	for (uint32_t shift = 0;; shift += 7) {
		uint8_t byte = *(*at)++;

		value |= (uint64_t)(byte & 127) << shift;
		if (byte < 128)
			return value;
	}
}

struct field {
	uint32_t tag;
	uint64_t number;	   /* of a varint */
	const uint8_t *bytes, *end; /* of what has a length */
};

static bool field_next(const uint8_t **at, const uint8_t *end, struct field *ret)
{
	uint64_t key;

	if (*at >= end)
		return false;
	key = varint(at);
	*ret = (struct field){.tag = (uint32_t)(key >> 3)};
	if ((key & 7) == 0) {
		ret->number = varint(at);
		return true;
	}
	GC_TEST_MUST((key & 7) == 2);
	ret->number = varint(at);
	ret->bytes = *at;
	ret->end = *at += ret->number;
	return true;
}

enum { TAG_MAPPING = 3, TAG_LOCATION = 4 }; /* of profile.proto */

/* What a reader makes of it. */
struct decoded {
	uint64_t value[4], period, samples, mappings, locations, functions, types;
	uint64_t mapped_from, mapped_to;
	bool names_caller, names_type; /* strings */
};

static void decode_sample(struct decoded *d, struct field f)
{
	uint32_t values = 0;
	struct field in;

	while (field_next(&f.bytes, f.end, &in))
		if (in.tag == 2)
			d->value[values++] += in.number;
	GC_TEST_MUST(values == 4);
	d->samples++;
}

static void decode_address(struct decoded *d, struct field f)
{
	struct field in;

	while (field_next(&f.bytes, f.end, &in)) {
		if (f.tag == TAG_MAPPING && in.tag == 2)
			d->mapped_from = in.number;
		if (f.tag == TAG_MAPPING && in.tag == 3)
			d->mapped_to = in.number;
		if (f.tag == TAG_LOCATION && in.tag == 3)
			GC_TEST_MUST(in.number >= d->mapped_from && in.number < d->mapped_to);
	}
}

static bool string_is(const struct field *f, const char *text)
{
	return f->number == strlen(text) && memcmp(f->bytes, text, f->number) == 0;
}

static struct decoded decode(const uint8_t *at, size_t n)
{
	const uint8_t *end = at + n;
	struct decoded d = {.period = 0};
	struct field f;

	while (field_next(&at, end, &f)) {
		d.types += f.tag == 1;
		if (f.tag == 2)
			decode_sample(&d, f);
		if (f.tag == TAG_MAPPING || f.tag == TAG_LOCATION)
			decode_address(&d, f);
		d.mappings += f.tag == TAG_MAPPING;
		d.locations += f.tag == TAG_LOCATION;
		d.functions += f.tag == 5;
		d.period += f.tag == 12 ? f.number : 0;
		if (f.tag != 6)
			continue;
		d.names_caller |= string_is(&f, "written_caller");
		d.names_type |= string_is(&f, "inuse_space");
	}
	return d;
}

/* Not inlined, so that it is a frame. */
static __attribute__((noinline)) void written_caller(mrt_g *g, void **root)
{
	for (uint32_t i = 0; i < 100; i++)
		GC_TEST_MUST(mrt_new_array(g, &byte_type, 1 << 20, root) == 0);
	__asm__("" ::: "memory");
}

static struct written written;

static void written_body(mrt_g *g, void *arg)
{
	static uint8_t plain[FILE_MAX];
	struct decoded d;
	MRT_ROOTS(g, roots, 1);

	(void)arg;
	written_caller(g, &roots[0]);
	mrt_gc(g);
	written = (struct written){.fail_at = FILE_MAX};
	GC_TEST_MUST(mrt_heap_profile_write(written_take, &written) == 0);
	d = decode(plain, unzip(&written, plain));
	GC_TEST_MUST(d.types == 4 && d.period == watch_profile_rate() && d.mappings == 1);
	GC_TEST_MUST(d.samples > 0 && d.locations > 1 && d.functions > 1);
	GC_TEST_MUST(d.names_caller && d.names_type);
	if (watch_profile_rate() == 1) {
		GC_TEST_MUST(d.value[0] == 100 && d.value[1] == 100 << 20);
		GC_TEST_MUST(d.value[2] == 1 && d.value[3] == 1 << 20);
	} else {
		/* All but e^-2 of them are sampled, and stand for the others: a standard deviation is 4,
		 * and more than 100 / (1 - e^-2) cannot come of it. */
		GC_TEST_MUST(d.value[0] >= 75 && d.value[0] <= 116);
		GC_TEST_MUST(d.value[1] >= (uint64_t)75 << 20 && d.value[1] <= (uint64_t)116 << 20);
	}
	/* A writer that fails ends it. */
	written.n = 0;
	written.fail_at = 100;
	GC_TEST_MUST(mrt_heap_profile_write(written_take, &written) == -EIO);
	written.n = 0;
	written.fail_at = FILE_MAX;
	GC_TEST_MUST(mrt_heap_profile_write(written_take, &written) == 0);
}

static void test_written(void **state)
{
	(void)state;
	gc_test_run((struct mrt_options){.procs = 1,
					 .heap_profile_rate = MRT_HEAP_PROFILE_RATE},
		    written_body, NULL);
	gc_test_run((struct mrt_options){.procs = 1, .heap_profile_rate = 1}, written_body, NULL);
}

/* Of the file that test_written left. */
static void test_go_reads_it(void **state)
{
	char path[] = "/tmp/test_heap_profile.XXXXXX", command[256], line[512];
	bool caller = false, total = false;
	FILE *f;
	int fd;

	(void)state;
	if (system("go tool -n pprof >/dev/null 2>&1") != 0) {
		printf("# no `go tool pprof` here: nobody else reads the profile\n");
		skip();
	}
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, written.byte, written.n), written.n);
	close(fd);
	snprintf(command, sizeof(command), "go tool pprof -top -sample_index=alloc_space %s 2>&1", path);
	f = popen(command, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		caller |= strstr(line, "written_caller") != NULL && strstr(line, "100MB") != NULL;
		total |= strstr(line, "Type: alloc_space") != NULL;
		printf("# %s", line);
	}
	assert_int_equal(pclose(f), 0);
	unlink(path);
	assert_true(caller && total);
}

/* At its offset, whatever lies before; errors come back. */
static void test_file_write(void **state)
{
	char path[] = "/tmp/test_heap_profile.XXXXXX", text[16] = "";
	int fd = mkstemp(path), full = open("/dev/full", O_WRONLY | O_CLOEXEC), only;

	(void)state;
	assert_true(fd >= 0);
	only = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(prim_file_write(fd, 4, "later", 5), 0);
	assert_int_equal(prim_file_write(fd, 0, "soon", 4), 0);
	assert_int_equal(prim_file_write(fd, 9, "", 0), 0);
	assert_int_equal(read(only, text, sizeof(text)), 9);
	assert_memory_equal(text, "soonlater", 9);
	assert_int_equal(prim_file_write(only, 0, "x", 1), -EBADF);
	if (full >= 0) {
		assert_int_equal(prim_file_write(full, 0, "x", 1), -ENOSPC);
		close(full);
	}
	close(only);
	close(fd);
	unlink(path);
}

/* Kept once, the names need no file any more: a process that may open none has them too. Last: it cannot be undone. */
static void test_kept(void **state)
{
	struct rlimit had, none;
	struct prim_symbols symbols;
	struct prim_mapping before, after;
	uint32_t pc = (uint32_t)((uintptr_t)written_caller - prim_program_start());

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &had), 0);
	none = (struct rlimit){.rlim_cur = 0, .rlim_max = had.rlim_max};
	assert_int_equal(prim_program_mapping(&before), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(prim_symbols_open(&symbols), -EMFILE);
	assert_int_equal(prim_program_mapping(&after), -EMFILE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &had), 0);
	prim_program_keep();
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	for (int i = 0; i < 2; i++) { /* closing takes nothing away */
		assert_int_equal(prim_symbols_open(&symbols), 0);
		assert_string_equal(prim_symbols_name(&symbols, pc), "written_caller");
		prim_symbols_close(&symbols);
	}
	assert_int_equal(prim_program_mapping(&after), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &had), 0);
	assert_int_equal(after.start, before.start);
	assert_int_equal(after.offset, before.offset);
	assert_string_equal(after.file, before.file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gap_of),	cmocka_unit_test(test_unbiased),
		cmocka_unit_test(test_model),	cmocka_unit_test(test_three_cycles),
		cmocka_unit_test(test_tiny),	cmocka_unit_test(test_sampled),
		cmocka_unit_test(test_off),	cmocka_unit_test(test_refused),
		cmocka_unit_test(test_written), cmocka_unit_test(test_go_reads_it),
		cmocka_unit_test(test_file_write), cmocka_unit_test(test_kept),
	};

	return cmocka_run_group_tests(tests, gc_test_setup, NULL);
}
