/*
 * test_map_alone.c: who works on a map that another writes is told so with Go's text; a look at a map
 * (mrt_map_inspect) is right when it rests, and does no harm while it does not.
 *
 * A writer is parked in the middle of its operation, at a point where a fault would hold it, until
 * another goroutine has come: no time is involved, and under ThreadSanitizer no race.
 */
#include "faults/gate.h"
#include "runtime/data/map_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define MUST(cond)                                                                                 \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #cond);         \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

/* ------------------------------------------------------------ a parked writer */

static struct {
	enum gcs_point point; /* where the writer waits */
	mrt_g *writer;
	_Atomic bool there, go_on;
} held;

_Atomic uint32_t gcs_gates[GCS_POINT_COUNT_MAX];
bool gcs_decide(enum gcs_point point, const struct gcs_site *site, struct gcs_firing *ret)
{
	(void)ret;
	if (point != held.point || site->worker != mrt_worker(held.writer))
		return false;
	held.there = true;
	while (!held.go_on)
		mrt_yield(held.writer);
	return false;
}
uint32_t gcs_armed_where(enum gcs_point point)
{
	(void)point;
	return 0;
}
void gcs_effect(const struct gcs_site *site, uint64_t firing, enum gcs_effect effect, uint64_t value)
{
	(void)site, (void)firing, (void)effect, (void)value;
}

static const struct mrt_type number = {"number", 8, 0, NULL};
static const struct mrt_string texts[2] = {{"one", 3}, {"two", 3}};

struct stage {
	bool strings; /* keys; else u64 */
	struct mrt_map_type mt;
	struct mrt_map *m;
	void (*intrude)(mrt_g *g, struct stage *s);
	mrt_wg done;
};

static const void *stage_key(const struct stage *s, uint64_t n)
{
	static const uint64_t numbers[2] = {1, 2};

	return s->strings ? (const void *)&texts[n] : &numbers[n];
}

static void intrude_get(mrt_g *g, struct stage *s)
{
	mrt_map_get_key(g, &s->mt, s->m, stage_key(s, 0));
}
static void intrude_put(mrt_g *g, struct stage *s)
{
	uint64_t elem = 1;

	mrt_map_put_key(g, &s->mt, s->m, stage_key(s, 1), &elem);
}
static void intrude_delete(mrt_g *g, struct stage *s)
{
	mrt_map_delete_key(g, &s->mt, s->m, stage_key(s, 1));
}
static void intrude_clear(mrt_g *g, struct stage *s)
{
	mrt_map_clear(g, &s->mt, s->m);
}
static void intrude_iterate(mrt_g *g, struct stage *s)
{
	MRT_MAP_ITER(g, &s->mt, s->m, it);

	mrt_map_iter_next(g, &it);
}
/* The flag is lost, as by two writers that flip it at the same time: the writer finds out at its end. */
static void intrude_lose(mrt_g *g, struct stage *s)
{
	(void)g;
	atomic_fetch_and(&s->m->flags, (uint8_t)~MAP_WRITING);
}
static void intrude_inspect(mrt_g *g, struct stage *s)
{
	struct mrt_map_info info;

	(void)g;
	mrt_map_inspect(s->m, &info);
	MUST(info.count == 2 && mrt_map_count(s->m) == 2);
}

static void intruder(mrt_g *g, void *arg)
{
	struct stage *s = arg;

	while (!held.there)
		mrt_yield(g);
	s->intrude(g, s);
	held.go_on = true;
	mrt_wg_done(g, &s->done);
}

static void stage_body(mrt_g *g, void *arg)
{
	struct stage *s = arg;
	struct mrt_key_type key = {.kind = s->strings ? MRT_KEY_STRING : MRT_KEY_U64};
	uint64_t elem = 5;
	MRT_ROOTS(g, root, 1);

	MUST(mrt_map_type_init_key(&s->mt, &key, &number) == 0);
	MUST(mrt_map_new(g, &s->mt, 0, &root[0]) == 0);
	s->m = root[0];
	for (uint64_t n = 0; n < 2; n++)
		MUST(mrt_map_put_key(g, &s->mt, s->m, stage_key(s, n), &elem) == 0);
	held.writer = g;
	gcs_gates[held.point] = 1;
	mrt_wg_add(&s->done, 1);
	MUST(mrt_go(g, intruder, s, NULL) == 0);
	if (held.point == GCS_POINT_gc_map_assign)
		mrt_map_put_key(g, &s->mt, s->m, stage_key(s, 0), &elem);
	else
		mrt_map_delete_key(g, &s->mt, s->m, stage_key(s, 0));
	mrt_wg_wait(g, &s->done);
}

/* What a process says that plays this, and how it ends. */
static int play(struct stage *s, enum gcs_point point, uint32_t procs, char *text, size_t cap)
{
	int fd[2], status;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(fd), 0);
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct mrt_options opt = {.procs = procs, .seed = 3};

		dup2(fd[1], 2);
		held.point = point;
		_exit(mrt_run(&opt, stage_body, s) == 0 ? 0 : 1);
	}
	close(fd[1]);
	n = read(fd[0], text, cap - 1);
	close(fd[0]);
	text[n > 0 ? n : 0] = '\0';
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_intruders(void **state)
{
	static const struct {
		void (*intrude)(mrt_g *g, struct stage *s);
		const char *text; /* NULL: nothing happens */
	} cases[] = {
		{intrude_get, "fatal error: concurrent map read and map write\n"},
		{intrude_put, "fatal error: concurrent map writes\n"},
		{intrude_delete, "fatal error: concurrent map writes\n"},
		{intrude_clear, "fatal error: concurrent map writes\n"},
		{intrude_iterate, "fatal error: concurrent map iteration and map write\n"},
		{intrude_lose, "fatal error: concurrent map writes\n"},
		{intrude_inspect, NULL},
	};
	static const enum gcs_point points[] = {GCS_POINT_gc_map_assign, GCS_POINT_gc_map_delete};

	(void)state;
	for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++)
		for (uint32_t kind = 0; kind < 8; kind++) {
			struct stage s = {.strings = kind & 1, .intrude = cases[c].intrude};
			char text[400];
			int status = play(&s, points[kind >> 1 & 1], kind & 4 ? 4 : 1, text,
					  sizeof(text));

			assert_string_equal(text, cases[c].text != NULL ? cases[c].text : "");
			assert_int_equal(status, cases[c].text != NULL ? 2 : 0);
		}
}

/* The flag is held by writers alone, and let go by all of them: also by one that gets no memory, or
 * finds nothing. Readers side by side are no crime. */
static void lawful_body(mrt_g *g, void *arg)
{
	struct mrt_map_type mt;
	uint64_t elem = 1;
	MRT_ROOTS(g, root, 1);
	struct mrt_map *m;

	(void)arg;
	MUST(mrt_map_type_init(&mt, MRT_KEY_U64, &number) == 0);
	MUST(mrt_map_new(g, &mt, 0, &root[0]) == 0);
	m = root[0];
	for (uint64_t key = 0; key < 2000; key++) {
		MUST(mrt_map_put(g, &mt, m, key, &elem) == 0 && !map_flag(m, MAP_WRITING));
		mrt_map_delete(g, &mt, m, key * 3);
		MUST(!map_flag(m, MAP_WRITING));
	}
	MRT_MAP_ITER(g, &mt, m, one);
	MRT_MAP_ITER(g, &mt, m, two);
	MUST(mrt_map_iter_next(g, &one) && mrt_map_iter_next(g, &two));
	MUST(mrt_map_get(g, &mt, m, one.key) != NULL);
	MUST(mrt_map_clear(g, &mt, m) == 0 && !map_flag(m, MAP_WRITING));
}

static void test_lawful(void **state)
{
	struct mrt_options opt = {.procs = 1, .seed = 3};

	(void)state;
	assert_int_equal(mrt_run(&opt, lawful_body, NULL), 0);
}

/* -------------------------------------------------------------------- a look */

/* Bytes of the current array and of its overflow buckets outside, from the objects themselves. */
static uint64_t bytes_of(const struct mrt_map *m, uint32_t bucket_bytes)
{
	struct mem_obj o;
	uint64_t buckets;

	if (m->buckets == NULL)
		return 0;
	MUST(mem_find(m->buckets, &o));
	buckets = mem_obj_bytes(&o) / bucket_bytes;
	if (m->b < 4)
		buckets = (uint64_t)1 << m->b;
	for (uint64_t i = 0; i <= map_mask(m->b); i++)
		for (uint8_t *b = m->buckets + i * bucket_bytes;
		     (b = map_overflow(b, bucket_bytes)) != NULL;)
			buckets += (uintptr_t)b < o.base || (uintptr_t)b >= o.base + mem_obj_bytes(&o);
	return buckets * bucket_bytes;
}

static void inspect_body(mrt_g *g, void *arg)
{
	uint32_t bytes = *(uint32_t *)arg;
	struct mrt_type elem = {"elem", bytes, 0, NULL};
	struct mrt_map_type mt;
	struct mrt_map_info info;
	uint64_t value[16] = {0};
	MRT_ROOTS(g, root, 1);
	struct mrt_map *m;

	MUST(mrt_map_type_init(&mt, MRT_KEY_U64, &elem) == 0);
	MUST(mrt_map_new(g, &mt, 0, &root[0]) == 0);
	m = root[0];
	mrt_map_inspect(m, &info);
	MUST(info.count == 0 && info.load_milli == 0 && info.bucket_bytes == 0);
	for (uint64_t key = 0; key < 3000; key++) {
		MUST(mrt_map_put(g, &mt, m, key, value) == 0);
		mrt_map_inspect(m, &info);
		MUST(info.count == key + 1 && info.b == m->b && info.growing == map_growing(m));
		MUST(info.load_milli == (key + 1) * 1000 / ((uint64_t)1 << m->b));
		MUST(info.load_milli <= 8000 && (info.b == 0 || info.load_milli <= 6500));
		if (!info.growing)
			MUST(info.bucket_bytes == bytes_of(m, mt.bucket_bytes));
		else
			MUST(info.bucket_bytes > bytes_of(m, mt.bucket_bytes));
	}
	mrt_map_inspect(NULL, &info);
	MUST(info.count == 0 && info.b == 0 && info.bucket_bytes == 0);
}

static void test_inspect(void **state)
{
	uint32_t bytes[] = {0, 8, 40, 128};

	(void)state;
	for (size_t i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++) {
		struct mrt_options opt = {.procs = 1, .seed = 3};

		assert_int_equal(mrt_run(&opt, inspect_body, &bytes[i]), 0);
	}
}

/* Looks from elsewhere while the map grows, shrinks, is cleared. */
#define LOOKS 20000

struct looked {
	struct mrt_map *m;
	_Atomic uint64_t looks;
	mrt_wg done;
};

static void looker(mrt_g *g, void *arg)
{
	struct looked *l = arg;
	struct mrt_map_info info;

	while (l->looks < LOOKS) {
		mrt_map_inspect(l->m, &info);
		MUST(info.count <= 5000 && info.b <= 10 && info.evacuated <= info.old_buckets);
		MUST(info.bucket_bytes <= (uint64_t)1 << 22);
		if (l->looks++ % 16 == 0)
			mrt_yield(g);
	}
	mrt_wg_done(g, &l->done);
}

static void looked_body(mrt_g *g, void *arg)
{
	static struct looked looked;
	struct looked *l = &looked;
	struct mrt_map_type mt;
	uint64_t elem = 1;
	MRT_ROOTS(g, root, 1);

	(void)arg;
	MUST(mrt_map_type_init(&mt, MRT_KEY_U64, &number) == 0);
	MUST(mrt_map_new(g, &mt, 0, &root[0]) == 0);
	*l = (struct looked){.m = root[0]};
	mrt_wg_add(&l->done, 1);
	MUST(mrt_go(g, looker, l, NULL) == 0);
	for (uint64_t key = 0; l->looks < LOOKS; key++) {
		MUST(mrt_map_put(g, &mt, l->m, key % 5000, &elem) == 0);
		mrt_map_delete(g, &mt, l->m, key * 7 % 5000);
		if (key % 9000 == 8999)
			mrt_map_clear(g, &mt, l->m);
		if (key % 64 == 0)
			mrt_yield(g);
	}
	mrt_wg_wait(g, &l->done);
}

static void test_looked_at(void **state)
{
	struct mrt_options opt = {.procs = 4, .seed = 3};

	(void)state;
	assert_int_equal(mrt_run(&opt, looked_body, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_intruders),
		cmocka_unit_test(test_lawful),
		cmocka_unit_test(test_inspect),
		cmocka_unit_test(test_looked_at),
	};
	struct prim_options prim = {.seed = 3};

	if (prim_init(&prim) != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
