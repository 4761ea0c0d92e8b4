/*
 * test_collect_look.c: scheduler, maps and who was held up, from shared memory to the screen, into the record and out of it again: what is
 * shown of a record at a moment is what the run's screen showed then. With an argument: what a record shows at its end, for the scripts.
 */
#include "tests/unit/test_run_fixture.h"

#include "harness/measure/look.h"
#include "harness/measure/stalls.h"
#include "harness/playback/playback.h"
#include "harness/record/thin.h"
#include "runtime/mrt.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>

static uint64_t seed = 1, rng_state;

static uint64_t rng(void)
{
	rng_state += 0x9e3779b97f4a7c15ull;
	uint64_t z = rng_state;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

/* Of every size; now and then one that is not told. */
static uint64_t figure(void)
{
	return rng() % 20 == 0 ? UINT64_MAX : rng() >> rng() % 64;
}

/* ---------------------------------------------------------------- comparing */

static void same_sched(const struct gcs_sched_view *a, const struct gcs_sched_view *b)
{
	assert_int_equal(a->at_ns, b->at_ns);
	assert_int_equal(a->nps, b->nps);
	assert_int_equal(a->goroutines, b->goroutines);
	assert_int_equal(a->global_runq, b->global_runq);
	assert_int_equal(a->idle_ps, b->idle_ps);
	assert_int_equal(a->threads, b->threads);
	assert_int_equal(a->idle_threads, b->idle_threads);
	assert_int_equal(a->spinning, b->spinning);
	assert_int_equal(a->timers, b->timers);
	assert_int_equal(a->poll_waiters, b->poll_waiters);
	for (uint32_t i = 0; i < a->nps; i++) {
		assert_int_equal(a->p[i].status, b->p[i].status);
		assert_int_equal(a->p[i].runq, b->p[i].runq);
		assert_int_equal(a->p[i].sched_ticks, b->p[i].sched_ticks);
		assert_int_equal(a->p[i].syscall_ticks, b->p[i].syscall_ticks);
	}
}

static void same_maps(const struct gcs_map_view *a, uint32_t na, const struct gcs_map_view *b, uint32_t nb)
{
	assert_int_equal(na, nb);
	for (uint32_t i = 0; i < na; i++) {
		assert_int_equal(a[i].workload, b[i].workload);
		assert_int_equal(a[i].worker, b[i].worker);
		assert_int_equal(a[i].kind, b[i].kind);
		assert_int_equal(a[i].growing, b[i].growing);
		assert_int_equal(a[i].b, b[i].b);
		assert_int_equal(a[i].count, b[i].count);
		assert_int_equal(a[i].overflow, b[i].overflow);
		assert_int_equal(a[i].old_buckets, b[i].old_buckets);
		assert_int_equal(a[i].evacuated, b[i].evacuated);
		assert_int_equal(a[i].load_milli, b[i].load_milli);
		assert_int_equal(a[i].bytes, b[i].bytes);
		assert_int_equal(a[i].grown, b[i].grown);
		assert_int_equal(a[i].regrown, b[i].regrown);
		assert_int_equal(a[i].amended, b[i].amended);
		assert_int_equal(a[i].misses, b[i].misses);
		assert_int_equal(a[i].dirty, b[i].dirty);
	}
}

static void same_stalls(const struct gcs_stall_view *a, uint32_t na, const struct gcs_stall_view *b, uint32_t nb)
{
	assert_int_equal(na, nb);
	for (uint32_t i = 0; i < na; i++) {
		assert_int_equal(a[i].slot, b[i].slot);
		assert_int_equal(a[i].workload, b[i].workload);
		assert_int_equal(a[i].worker, b[i].worker);
		for (int k = 0; k < GCS_STALL_KINDS; k++) {
			assert_int_equal(a[i].by[k].count, b[i].by[k].count);
			assert_int_equal(a[i].by[k].total_ns, b[i].by[k].total_ns);
			assert_int_equal(a[i].by[k].max_ns, b[i].by[k].max_ns);
			assert_int_equal(a[i].by[k].max_at_ns, b[i].by[k].max_at_ns);
			assert_int_equal(a[i].by[k].max_firing, b[i].by[k].max_firing);
		}
	}
}

/* ---------------------------------------------------------------- bytes */

static struct gcs_sched_view some_sched(void)
{
	struct gcs_sched_view s = {.at_ns = (int64_t)(rng() >> 2), .nps = (uint32_t)(rng() % (GCS_PS_SHOWN + 1)), .goroutines = figure(), .global_runq = figure(),
				   .idle_ps = figure(), .threads = figure(), .idle_threads = figure(), .spinning = figure(),
				   .timers = figure(), .poll_waiters = figure()};
	for (uint32_t i = 0; i < s.nps; i++)
		s.p[i] = (struct gcs_p_view){(enum gcs_p_status)(rng() % (GCS_P_DEAD + 1)), (uint32_t)rng(), figure(), figure()};
	return s;
}

static struct gcs_map_view some_map(void)
{
	return (struct gcs_map_view){.workload = (uint32_t)(rng() % GCS_WORKLOADS_MAX), .worker = (uint32_t)(rng() % 100),
				     .kind = (enum gcs_map_kind)(1 + rng() % 3), .growing = (enum gcs_map_growing)(rng() % 3),
				     .b = (uint32_t)(rng() % 48), .count = figure(), .overflow = figure(), .old_buckets = figure(),
				     .evacuated = figure(), .load_milli = figure(), .bytes = figure(), .grown = figure(),
				     .regrown = figure(), .amended = rng() % 2, .misses = figure(), .dirty = figure()};
}

static struct gcs_stall_view some_stall(void)
{
	struct gcs_stall_view s = {.slot = (uint32_t)rng(), .workload = (uint32_t)(rng() % GCS_WORKLOADS_MAX), .worker = (uint32_t)rng()};
	for (int k = 0; k < GCS_STALL_KINDS; k++)
		if (rng() % 2) {
			s.by[k].count = 1 + (rng() >> 8);
			s.by[k].total_ns = (int64_t)(rng() >> 1);
			s.by[k].max_ns = (int64_t)(rng() >> 1);
			s.by[k].max_at_ns = (int64_t)(rng() >> 1);
			s.by[k].max_firing = rng();
		}
	return s;
}

static void test_sched_bytes(void **state)
{
	(void)state;
	for (int i = 0; i < 300; i++) {
		struct gcs_sched_view s = some_sched(), back;
		unsigned char *bytes;
		size_t n = gcs_look_sched_encode(&s, &bytes);
		assert_int_equal(gcs_look_sched_decode(bytes, n, &back), 0);
		same_sched(&s, &back);
		for (size_t cut = 0; cut < n; cut++) {
			assert_int_equal(gcs_look_sched_decode(bytes, cut, &back), -EPROTO);
			assert_int_equal(back.at_ns, -1);
			assert_int_equal(back.nps, 0);
		}
		free(bytes);
	}
	struct gcs_sched_view back;
	assert_int_equal(gcs_look_sched_decode(NULL, 0, &back), -EPROTO);
}

static void test_list_bytes(void **state)
{
	static struct gcs_map_view map[GCS_MAPS_SHOWN], maps[GCS_MAPS_SHOWN];
	static struct gcs_stall_view stall[GCS_STALLS_SHOWN], stalls[GCS_STALLS_SHOWN];
	(void)state;
	for (uint32_t n = 0; n <= GCS_MAPS_SHOWN; n += 1 + n / 3) {
		unsigned char *bytes;
		uint32_t got = 77;
		for (uint32_t i = 0; i < n; i++) {
			map[i] = some_map();
			stall[i] = some_stall();
		}
		size_t length = gcs_look_maps_encode(map, n, &bytes);
		assert_int_equal(gcs_look_maps_decode(bytes, length, maps, &got), 0);
		same_maps(map, n, maps, got);
		assert_int_equal(gcs_look_maps_decode(bytes, length - 1, maps, &got), -EPROTO);
		assert_int_equal(got, 0);
		free(bytes);
		length = gcs_look_stalls_encode(stall, n, &bytes);
		assert_int_equal(gcs_look_stalls_decode(bytes, length, stalls, &got), 0);
		same_stalls(stall, n, stalls, got);
		assert_int_equal(gcs_look_stalls_decode(bytes, length - 1, stalls, &got), -EPROTO);
		assert_int_equal(got, 0);
		free(bytes);
	}
}

static void count_point(void *self, const struct gcs_look_point *p)
{
	assert_true(p->t_ns >= 0);
	++*(uint32_t *)self;
}

/* Bytes that somebody has changed are refused or read as something else, and never beyond their end. */
static void test_bent_bytes(void **state)
{
	static struct gcs_map_view maps[GCS_MAPS_SHOWN];
	static struct gcs_stall_view stalls[GCS_STALLS_SHOWN];
	(void)state;
	for (int i = 0; i < 20000; i++) {
		size_t length = rng() % 80;
		unsigned char *bytes = malloc(length ? length : 1); /* as long as that, for a sanitizer to see */
		struct gcs_sched_view sched;
		uint32_t n;
		for (size_t k = 0; k < length; k++)
			bytes[k] = rng() % 3 ? (unsigned char)(rng() % 9) : (unsigned char)rng();
		if (length)
			bytes[0] = 1;
		if (gcs_look_sched_decode(bytes, length, &sched) == 0)
			assert_true(sched.nps <= GCS_PS_SHOWN);
		if (gcs_look_maps_decode(bytes, length, maps, &n) == 0)
			for (uint32_t k = 0; k < n; k++)
				assert_true(maps[k].kind <= GCS_MAP_SYNC && maps[k].workload < GCS_WORKLOADS_MAX);
		if (gcs_look_stalls_decode(bytes, length, stalls, &n) == 0)
			for (uint32_t k = 0; k < n; k++)
				assert_true(stalls[k].workload < GCS_WORKLOADS_MAX);
		gcs_look_points_decode(bytes, length, count_point, &n);
		free(bytes);
	}
}

/* Slices that are joined: the last picture, all points in order; what is too much joins the last one. */
static void test_joined(void **state)
{
	struct gcs_look *all = NULL;
	unsigned char *bytes;
	uint32_t n = 0;
	(void)state;
	for (uint32_t i = 0; i < GCS_LOOK_POINTS_MAX + 50; i++) {
		struct gcs_sched_view sched = {.at_ns = i, .global_runq = i == 700 ? 99 : 1};
		struct gcs_look *one = NULL;
		assert_true(gcs_look_set(&one, &sched, NULL, 0));
		gcs_look_mark(one, &(struct gcs_look_point){i, gcs_look_runq(&sched), i == GCS_LOOK_POINTS_MAX + 40 ? 7 : 0});
		gcs_look_join(&all, &one);
		assert_null(one);
	}
	assert_int_equal(all->sched.at_ns, GCS_LOOK_POINTS_MAX + 49);
	assert_int_equal(all->npoints, GCS_LOOK_POINTS_MAX);
	assert_int_equal(all->point[GCS_LOOK_POINTS_MAX - 1].growing, 7);
	assert_int_equal(gcs_look_most(all).runq, 99);
	size_t length = gcs_look_points_encode(all, &bytes);
	assert_int_equal(gcs_look_points_decode(bytes, length, count_point, &n), 0);
	assert_int_equal(n, GCS_LOOK_POINTS_MAX);
	free(bytes);
	gcs_look_destroy(all);
}

/* ---------------------------------------------------------------- who was held up */

static void test_stalls(void **state)
{
	static struct gcs_stall_view shown[GCS_STALLS_SHOWN];
	struct gcs_scenario *sc = fixture_scenario();
	struct gcs_stalls s;
	(void)state;
	sc->workload[0].workers = 3;
	sc->workload[1].workers = 0;
	sc->workload[1].conns = 500;
	assert_int_equal(gcs_stalls_init(&s, sc), 0);
	assert_int_equal(s.n, 503);
	gcs_stalls_add(&s, GCS_STALL_WAKE, MRT_WORKER_FIRST - 1, 5, 1, 0); /* the runtime's own */
	gcs_stalls_add(&s, GCS_STALL_WAKE, MRT_WORKER_FIRST + 503, 5, 1, 0);
	gcs_stalls_add(&s, GCS_STALL_WAKE, UINT64_MAX, 5, 1, 0);
	assert_int_equal(gcs_stalls_show(&s, shown), 0);
	gcs_stalls_add(&s, GCS_STALL_ASSIST, MRT_WORKER_FIRST + 2, 10, 100, 7);
	gcs_stalls_add(&s, GCS_STALL_ASSIST, MRT_WORKER_FIRST + 2, 30, 200, 8);
	gcs_stalls_add(&s, GCS_STALL_ASSIST, MRT_WORKER_FIRST + 2, 30, 300, 9); /* as long: the first stays */
	gcs_stalls_add(&s, GCS_STALL_WAKE, MRT_WORKER_FIRST + 3, 4, 400, 0);
	assert_true(s.changed);
	assert_int_equal(gcs_stalls_show(&s, shown), 2);
	assert_false(s.changed);
	assert_int_equal(shown[0].slot, MRT_WORKER_FIRST + 2);
	assert_int_equal(shown[0].workload, 0);
	assert_int_equal(shown[0].worker, 2);
	assert_int_equal(shown[0].by[GCS_STALL_ASSIST].count, 3);
	assert_int_equal(shown[0].by[GCS_STALL_ASSIST].total_ns, 70);
	assert_int_equal(shown[0].by[GCS_STALL_ASSIST].max_ns, 30);
	assert_int_equal(shown[0].by[GCS_STALL_ASSIST].max_at_ns, 200);
	assert_int_equal(shown[0].by[GCS_STALL_ASSIST].max_firing, 8);
	assert_int_equal(shown[0].by[GCS_STALL_WAKE].count, 0);
	assert_int_equal(shown[1].workload, 1);
	assert_int_equal(shown[1].worker, 0);
	/* More than are shown: those that were held up for longest in all, by slot. */
	for (uint32_t i = 0; i < 500; i++)
		gcs_stalls_add(&s, GCS_STALL_WAKE, MRT_WORKER_FIRST + 3 + (i * 131) % 500, 1000 + (int64_t)((i * 131) % 500), 1, 0);
	assert_int_equal(gcs_stalls_show(&s, shown), GCS_STALLS_SHOWN);
	for (uint32_t i = 0; i < GCS_STALLS_SHOWN; i++)
		assert_int_equal(shown[i].slot, MRT_WORKER_FIRST + 503 - GCS_STALLS_SHOWN + i);
	gcs_stalls_fini(&s);
	fixture_scenario_free(sc);
}

/* ---------------------------------------------------------------- a played target */

#define FIRING (UINT64_C(1) << 48 | UINT64_C(128) << 32 | 5)

/* What it tells of itself then. */
static void play_look(struct run *r, int64_t t_ns)
{
	struct watch_sched *s = &r->tel->sched;
	struct watch_map *m = r->tel->map;
	uint64_t tick = (uint64_t)(t_ns / TICK_NS);
	atomic_store(&s->global_runq, tick % 7);
	atomic_store(&s->idle_ps, tick % 2);
	atomic_store(&s->threads, 5);
	atomic_store(&s->timers, GCS_UNTOLD);
	atomic_store(&s->ps_known, 2);
	for (uint32_t i = 0; i < 2; i++) {
		atomic_store(&s->p[i].status, i ? WATCH_P_SYSCALL : WATCH_P_RUNNING);
		atomic_store(&s->p[i].runq, (uint32_t)(tick % (5 + i)));
		atomic_store(&s->p[i].sched_ticks, 10 * tick + i);
	}
	atomic_store(&s->at_ns, T0_NS + t_ns);
	atomic_store(&m[0].kind, WATCH_MAP_CLASSIC);
	atomic_store(&m[0].count, 1000 + tick);
	atomic_store(&m[0].growing, tick % 3);
	atomic_store(&m[0].grown, tick / 3);
	atomic_store(&m[1].kind, tick > 100 ? WATCH_MAP_SYNC : WATCH_MAP_NONE);
	atomic_store(&m[1].amended, tick % 2);
	atomic_store(&m[1].growing, 1);
	atomic_store(&m[1].dirty, tick);
	atomic_store(&m[5].kind, WATCH_MAP_SWISS); /* of a slot that nobody has taken */
}

/* With stalls of both workers, until t. */
static void play_until(struct run *r, int64_t t_ns)
{
	while (r->now_ns < t_ns) {
		play_look(r, r->now_ns + TICK_NS);
		run_emit(r, (struct watch_record){.t_ns = T0_NS + r->now_ns + 1, .kind = WATCH_ASSIST, .a = MRT_WORKER_FIRST,
						  .b = (uint64_t)(r->now_ns % (977 * US_NS)), .c = r->cycle});
		run_emit(r, (struct watch_record){.t_ns = T0_NS + r->now_ns + 2, .kind = WATCH_ALLOC_STALL, .a = MRT_WORKER_FIRST + 1,
						  .b = r->now_ns == 15 * S_NS ? 6 * MS_NS : 5 * MS_NS, .e = r->now_ns == 15 * S_NS ? FIRING : 0});
		run_emit(r, (struct watch_record){.t_ns = T0_NS + r->now_ns + 3, .kind = WATCH_SCHED_LAG,
						  .b = (uint64_t)(r->now_ns / TICK_NS * US_NS)});
		assert_int_equal(run_tick(r), 0);
	}
}

static struct gcs_snapshot at_start, middle, at_end; /* at 0.3 s, 16 s, and the end */

static void play_whole(struct run *r, int64_t window_ns)
{
	run_init(r);
	r->s->nfaults = 0;
	r->s->recovery.window_ns = window_ns;
	run_start(r);
	play_until(r, 300 * MS_NS);
	at_start = *gcs_collect_snapshot(r->c);
	play_until(r, 16 * S_NS);
	middle = *gcs_collect_snapshot(r->c);
	play_until(r, r->s->end_ns);
	assert_int_equal(run_end(r), GCS_EXIT_PASS);
	at_end = *gcs_collect_snapshot(r->c);
}

static void test_on_the_screen(void **state)
{
	struct run r;
	(void)state;
	run_init(&r);
	r.s->nfaults = 0;
	run_start(&r);
	assert_int_equal(run_collect(&r), 0);
	const struct gcs_snapshot *s = gcs_collect_snapshot(r.c);
	assert_int_equal(s->sched.at_ns, -1);
	assert_int_equal(s->nmaps, 0);
	assert_int_equal(s->nstalls, 0);
	play_until(&r, 16 * S_NS);
	assert_int_equal(s->sched.at_ns, 16 * S_NS);
	assert_int_equal(s->sched.nps, 2);
	assert_int_equal(s->sched.global_runq, 160 % 7);
	assert_int_equal(s->sched.timers, GCS_UNTOLD);
	assert_int_equal(s->sched.p[1].status, GCS_P_SYSCALL);
	assert_int_equal(s->sched.p[1].runq, 160 % 6);
	assert_int_equal(s->sched.p[1].sched_ticks, 1601);
	assert_int_equal(s->nmaps, 2);
	assert_int_equal(s->map[0].kind, GCS_MAP_CLASSIC);
	assert_int_equal(s->map[0].workload, 0);
	assert_int_equal(s->map[0].count, 1160);
	assert_int_equal(s->map[0].growing, GCS_MAP_DOUBLES);
	assert_int_equal(s->map[1].kind, GCS_MAP_SYNC);
	assert_int_equal(s->map[1].workload, 1);
	assert_int_equal(s->map[1].dirty, 160);
	/* a column a tick: 16 s are 161 looks in cells of a tenth of a second */
	for (uint32_t i = 2; i < s->ncells; i++) {
		assert_int_equal(s->cell[i].runq_max, i % 7 + i % 5 + i % 6);
		assert_int_equal(s->cell[i].maps_growing, (i % 3 != 0) + (i > 100));
	}
	/* the first worker: wakes of the fixture, and assists; the second: stalls, the longest with its firing */
	assert_int_equal(s->nstalls, 2);
	assert_int_equal(s->stall[0].by[GCS_STALL_WAKE].count, 160);
	assert_int_equal(s->stall[0].by[GCS_STALL_WAKE].max_ns, 30 * US_NS);
	assert_int_equal(s->stall[0].by[GCS_STALL_ASSIST].count, 160);
	assert_int_equal(s->stall[1].by[GCS_STALL_ALLOC].count, 160);
	assert_int_equal(s->stall[1].by[GCS_STALL_ALLOC].total_ns, 160 * 5 * MS_NS + MS_NS);
	assert_int_equal(s->stall[1].by[GCS_STALL_ALLOC].max_ns, 6 * MS_NS);
	assert_int_equal(s->stall[1].by[GCS_STALL_ALLOC].max_at_ns, 15 * S_NS + 2);
	assert_true(s->stall[1].by[GCS_STALL_ALLOC].max_firing == FIRING);
	assert_int_equal(s->sched_total.count, 160);
	assert_int_equal(s->sched_now.count, 100);
	assert_int_equal(s->stall[1].workload, 1);
	run_fini(&r);
}

/* ---------------------------------------------------------------- looked at again */

static struct gcs_playback *must_open(const char *path)
{
	struct gcs_playback *p = NULL;
	char *text = NULL;
	if (gcs_playback_open(&p, path, &text))
		fail_msg("%s: %s", path, text ? text : "");
	return p;
}

static void same(const struct gcs_snapshot *a, const struct gcs_snapshot *b)
{
	same_sched(&a->sched, &b->sched);
	same_maps(a->map, a->nmaps, b->map, b->nmaps);
	same_stalls(a->stall, a->nstalls, b->stall, b->nstalls);
	assert_memory_equal(&a->sched_total, &b->sched_total, sizeof a->sched_total);
	assert_memory_equal(&a->sched_now, &b->sched_now, sizeof a->sched_now);
}

static void test_in_the_record(void **state)
{
	struct run r;
	(void)state;
	play_whole(&r, S_NS);
	struct gcs_playback *p = must_open(r.path);
	same(gcs_playback_at(p, 16 * S_NS), &middle);
	same(gcs_playback_at(p, INT64_MAX), &at_end);
	const struct gcs_snapshot *s = gcs_playback_at(p, INT64_MAX);
	assert_int_equal(s->cell_ns, at_end.cell_ns);
	for (uint32_t i = 0; i < s->ncells && i < at_end.ncells; i++) {
		assert_int_equal(s->cell[i].runq_max, at_end.cell[i].runq_max);
		assert_int_equal(s->cell[i].maps_growing, at_end.cell[i].maps_growing);
	}
	/* before the first window has closed nothing is known */
	s = gcs_playback_at(p, 300 * MS_NS);
	assert_int_equal(s->sched.at_ns, -1);
	assert_int_equal(s->nmaps + s->nstalls, 0);
	assert_int_equal(at_start.sched.at_ns, 300 * MS_NS);
	gcs_playback_close(p);
	run_fini(&r);
}

/* A record that is still written is read on. */
static void test_followed(void **state)
{
	struct run r;
	(void)state;
	run_init(&r);
	r.s->nfaults = 0;
	run_start(&r);
	play_until(&r, 3 * S_NS);
	struct gcs_snapshot first = *gcs_collect_snapshot(r.c);
	/* A thread of the record's own commits them. */
	struct gcs_playback *p = NULL;
	char *text = NULL;
	while (gcs_playback_open(&p, r.path, &text) == -EAGAIN)
		free(text);
	assert_non_null(p);
	while (gcs_playback_end(p) < 3 * S_NS)
		assert_true(gcs_playback_refresh(p) >= 0);
	same(gcs_playback_at(p, 3 * S_NS), &first);
	play_until(&r, 8 * S_NS);
	struct gcs_snapshot then = *gcs_collect_snapshot(r.c);
	while (gcs_playback_end(p) < 8 * S_NS)
		assert_true(gcs_playback_refresh(p) >= 0);
	same(gcs_playback_at(p, 8 * S_NS), &then);
	same(gcs_playback_at(p, 3 * S_NS), &first);
	gcs_playback_close(p);
	run_end(&r);
	run_fini(&r);
}

/* Thinned: the last picture is as it was, and of a stretch that became one the most is left. */
static void test_thinned(void **state)
{
	struct run r;
	uint32_t most = 0, growing = 0;
	(void)state;
	play_whole(&r, 250 * MS_NS); /* 128 windows, of which about 60 are left */
	assert_int_equal(gcs_thin(r.path, NULL, NULL), 0);
	struct gcs_playback *p = must_open(r.path);
	const struct gcs_snapshot *s = gcs_playback_at(p, INT64_MAX);
	same_sched(&s->sched, &at_end.sched);
	same_maps(s->map, s->nmaps, at_end.map, at_end.nmaps);
	same_stalls(s->stall, s->nstalls, at_end.stall, at_end.nstalls);
	for (uint32_t i = 0; i < s->ncells; i++) {
		most = s->cell[i].runq_max > most ? s->cell[i].runq_max : most;
		growing = s->cell[i].maps_growing > growing ? s->cell[i].maps_growing : growing;
	}
	assert_int_equal(most, 6 + 4 + 5);
	assert_int_equal(growing, 2);
	gcs_playback_close(p);
	run_fini(&r);
}

/* Bytes that are damaged show nothing, and harm nothing. */
static void test_damaged(void **state)
{
	struct run r;
	sqlite3 *db;
	(void)state;
	play_whole(&r, S_NS);
	assert_int_equal(sqlite3_open(r.path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "UPDATE looks SET points=x'01ff', sched=x'0102', maps=x'', stalls=x'7f'", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	struct gcs_playback *p = must_open(r.path);
	const struct gcs_snapshot *s = gcs_playback_at(p, INT64_MAX);
	assert_int_equal(s->sched.at_ns, -1);
	assert_int_equal(s->sched.nps + s->nmaps + s->nstalls, 0);
	gcs_playback_close(p);
	run_fini(&r);
}

static int say(const char *path)
{
	struct gcs_playback *p = NULL;
	char *text = NULL;
	if (gcs_playback_open(&p, path, &text)) {
		fprintf(stderr, "%s\n", text ? text : path);
		return 1;
	}
	const struct gcs_snapshot *s = gcs_playback_at(p, INT64_MAX);
	printf("sched %s nps %u threads %lld waited %lld\n", s->sched.at_ns >= 0 ? "known" : "unknown", s->sched.nps,
	       (long long)s->sched.threads, (long long)s->sched_total.count);
	for (uint32_t i = 0; i < s->nmaps; i++)
		printf("map %s.%u kind %d b %u count %llu grown %llu\n", s->work[s->map[i].workload].id, s->map[i].worker, s->map[i].kind,
		       s->map[i].b, (unsigned long long)s->map[i].count, (unsigned long long)s->map[i].grown);
	for (uint32_t i = 0; i < s->nstalls; i++)
		printf("stall %s.%u wakes %llu\n", s->work[s->stall[i].workload].id, s->stall[i].worker,
		       (unsigned long long)s->stall[i].by[GCS_STALL_WAKE].count);
	gcs_playback_close(p);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return say(argv[1]);
	const char *text = getenv("GCS_TEST_SEED");
	if (text)
		seed = strtoull(text, NULL, 0);
	printf("# seed %llu\n", (unsigned long long)seed);
	rng_state = seed;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sched_bytes),  cmocka_unit_test(test_list_bytes),	   cmocka_unit_test(test_bent_bytes),
		cmocka_unit_test(test_joined),	     cmocka_unit_test(test_stalls),	   cmocka_unit_test(test_on_the_screen),
		cmocka_unit_test(test_in_the_record), cmocka_unit_test(test_followed),	   cmocka_unit_test(test_thinned),
		cmocka_unit_test(test_damaged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
