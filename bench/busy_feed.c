/*
 * busy_feed.c: see busy.h. The loop is that of a run on real threads: each tenth of a second the collector reads what has come, then a frame.
 */
#include "bench/busy.h"

#include "harness/collect/collect.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FEED_NS	       (1000000000 / FEED_RATE)
#define FEED_NAP_NS    1000000
#define FEED_BURST     2000 /* what a writer that was held up makes good at once; the rest it leaves out, as a target would */
#define FEED_CYCLE     2500 /* records a collection: forty a second */
#define FEED_ARM       (FEED_RATE * 3 / 2) /* the first record of the storm */
#define FEED_PS	       2
#define FEED_WORKERS   8
#define FEED_FAULTS    3

static const char feed_scenario[] =
	"version: 1\nname: fed\ntarget: {procs: 2}\n"
	"workload:\n  - {id: maps, driver: map-churn, workers: 2, rate: 20k/s, keys: 10k}\n"
	"  - {id: slices, driver: slice-append, workers: 1, rate: 2k/s, size: 4KiB, retain: 1MiB}\n"
	"  - {id: net, driver: echo, rate: 500/s, conns: 8, handler: maps}\n"
	"phases:\n  - {id: steady, for: 1500ms}\n  - {id: storm, for: 600s}\n  - {id: heal, for: 60s}\n"
	"faults:\n  - {id: oom, point: mem/malloc, when: {phase: storm}, fire: {probability: 2%}}\n"
	"  - {id: late, point: netpoll/wake, when: {phase: storm}, fire: {every: 2, delay: 5ms}}\n"
	"  - {id: gcnow, point: gc/write, when: {phase: storm}, fire: {every: 100}}\n"
	"slo:\n  - {id: whole, check: \"integrity.errors == 0\"}\n  - {id: stops, check: \"pause.stw.p99 < 1s\"}\n"
	"recovery: {signals: [op.latency.p99, pause.stw.p99, wake.lag.p99], window: 500ms}\n";

/* Beside the telemetry, for the two processes. */
struct feed_shared {
	_Atomic uint32_t go;	 /* the run has begun; set by the reader (release), looked at by the writer (acquire) */
	_Atomic uint32_t stop;	 /* set by the reader; relaxed: the writer's end is waited for */
	_Atomic uint64_t stops;	 /* that were written */
};

struct feed {
	char dir[64], path[96], scenario_path[96];
	struct gcs_scenario *scenario;
	struct mrt_telemetry *telemetry;
	struct feed_shared *shared;
	struct gcs_collect *collect;
	pid_t writer;
};

/* ---------------------------------------------------------------- the target's side */

static void feed_emit(struct mrt_telemetry *t, uint32_t p, struct watch_record r)
{
	r.t_ns = busy_clock_ns();
	r.p = (uint16_t)p;
	watch_emit(t, &t->ring[p], &r);
}

static void feed_collection(struct mrt_telemetry *t, struct feed_shared *shared, uint32_t p, uint64_t cycle)
{
	uint64_t heap = (60 + cycle % 5) << 20;
	feed_emit(t, p, (struct watch_record){.kind = WATCH_GC_START, .a = cycle, .c = heap, .d = 64 << 20});
	for (uint64_t k = 0; k < 2; k++)
		feed_emit(t, p, (struct watch_record){.kind = WATCH_STW, .b = 12000 + cycle * 7919 % 40000, .c = 20000 + cycle * 104729 % 900000, .d = cycle});
	feed_emit(t, p, (struct watch_record){.kind = WATCH_GC_MARK_END, .a = cycle, .b = 3000000, .c = heap, .d = 32 << 20});
	feed_emit(t, p, (struct watch_record){.kind = WATCH_GC_END, .a = cycle, .b = 64 << 20});
	atomic_fetch_add_explicit(&shared->stops, 2, memory_order_relaxed);
	atomic_store_explicit(&t->gauges.gc_cycle, cycle, memory_order_relaxed);
	atomic_store_explicit(&t->gauges.heap_live, heap / 2, memory_order_relaxed);
	atomic_store_explicit(&t->gauges.heap_goal, 64 << 20, memory_order_relaxed);
}

/* Late wakes, assists, firings and what came of them, as a run of eight workers under three busy faults has them. */
static void feed_record(struct mrt_telemetry *t, uint64_t i)
{
	uint32_t p = (uint32_t)(i % FEED_PS), fault = (uint32_t)(i % FEED_FAULTS);
	uint64_t worker = 128 + i % FEED_WORKERS, length_ns = 5000 + i * 2654435761u % 300000, cycle = i / FEED_CYCLE;
	uint64_t firing = (uint64_t)(fault + 1) << 48 | worker << 32 | (i & 0xffffffff);
	struct watch_record r = {.kind = WATCH_WAKE_LAG, .a = worker, .b = length_ns};
	if (i % 20 >= 17 && i >= FEED_ARM)
		r = (struct watch_record){.kind = WATCH_EFFECT, .a = fault, .b = firing, .c = 1, .d = length_ns};
	else if (i % 20 >= 14 && i >= FEED_ARM)
		r = (struct watch_record){.kind = WATCH_FIRE, .a = (uint64_t)fault << 32 | 1, .b = worker, .c = i, .d = firing, .e = cycle << 8};
	else if (i % 20 >= 9)
		r = (struct watch_record){.kind = WATCH_ASSIST, .a = worker, .b = length_ns, .c = cycle, .d = 4096};
	feed_emit(t, p, r);
	if (r.kind == WATCH_FIRE) {
		atomic_fetch_add_explicit(&t->fault[fault].visits, 50, memory_order_relaxed);
		atomic_fetch_add_explicit(&t->fault[fault].eligible, 50, memory_order_relaxed);
		atomic_fetch_add_explicit(&t->fault[fault].fired, 1, memory_order_relaxed);
	}
}

/* A millisecond's operations of each worker. */
static void feed_operations(struct mrt_telemetry *t, uint64_t turn)
{
	for (uint32_t w = 0; w < FEED_WORKERS; w++) {
		struct watch_ops *ops = &t->ops[w];
		for (uint64_t k = 0; k < 20; k++)
			watch_hist_add(&ops->latency, 300 + (turn * 31 + k * 7919) % 20000);
		atomic_fetch_add_explicit(&ops->ops, 20, memory_order_relaxed);
	}
}

static void feed_arm(struct mrt_telemetry *t)
{
	for (uint32_t i = 0; i < FEED_FAULTS; i++) {
		feed_emit(t, 0, (struct watch_record){.kind = WATCH_ARM, .a = i, .c = 1});
		atomic_store_explicit(&t->fault[i].armed, 1, memory_order_relaxed);
	}
}

static void feed_write(struct mrt_telemetry *t, struct feed_shared *shared)
{
	struct timespec nap = {0, FEED_NAP_NS};
	while (atomic_load_explicit(&shared->go, memory_order_acquire) == 0)
		clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, NULL);
	int64_t begun_ns = busy_clock_ns();
	uint64_t done = 0;
	for (uint64_t turn = 0; atomic_load_explicit(&shared->stop, memory_order_relaxed) == 0; turn++) {
		uint64_t due = (uint64_t)(busy_clock_ns() - begun_ns) / FEED_NS;
		if (due > done + FEED_BURST) {
			begun_ns += (int64_t)(due - done - FEED_BURST) * FEED_NS;
			due = done + FEED_BURST;
		}
		for (; done < due; done++) {
			if (done == FEED_ARM)
				feed_arm(t);
			feed_record(t, done);
			if (done % FEED_CYCLE == 0)
				feed_collection(t, shared, (uint32_t)(done / FEED_CYCLE % FEED_PS), done / FEED_CYCLE + 1);
		}
		feed_operations(t, turn);
		clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, NULL);
	}
}

/* ---------------------------------------------------------------- the harness's side */

static void *feed_map(size_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return at == MAP_FAILED ? NULL : at;
}

static int feed_load(struct feed *f)
{
	struct gcs_scenario_error error = {NULL};
	const char *tmp = getenv("TMPDIR");
	snprintf(f->dir, sizeof f->dir, "%.40s/bench-tui-XXXXXX", tmp && strlen(tmp) <= 40 ? tmp : "/tmp");
	if (mkdtemp(f->dir) == NULL)
		return -errno;
	snprintf(f->path, sizeof f->path, "%s/run.gcrun", f->dir);
	snprintf(f->scenario_path, sizeof f->scenario_path, "%s/fed.yaml", f->dir);
	FILE *out = fopen(f->scenario_path, "w");
	if (out == NULL)
		return -errno;
	fputs(feed_scenario, out);
	fclose(out);
	int rc = gcs_scenario_load(&f->scenario, f->scenario_path, NULL, 0, &error);
	if (rc < 0)
		fprintf(stderr, "bench-tui: %s\n", error.text ? error.text : strerror(-rc));
	gcs_scenario_error_fini(&error);
	return rc;
}

static int feed_start(struct feed *f)
{
	f->telemetry = feed_map(sizeof *f->telemetry);
	f->shared = feed_map(sizeof *f->shared);
	if (!f->telemetry || !f->shared)
		return -ENOMEM;
	watch_layout_init(f->telemetry, FEED_PS);
	for (uint32_t w = 0; w < FEED_WORKERS; w++) {
		f->telemetry->ops[w].workload = w % 3;
		f->telemetry->ops[w].worker = w / 3;
		atomic_store_explicit(&f->telemetry->ops[w].used, 1, memory_order_release); /* with the two before it */
	}
	f->writer = fork();
	if (f->writer == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		feed_write(f->telemetry, f->shared);
		_exit(0);
	}
	return f->writer < 0 ? -errno : 0;
}

static int feed_begin(struct feed *f)
{
	char *text = NULL;
	int rc = feed_load(f);
	if (rc == 0)
		rc = feed_start(f);
	if (rc < 0)
		return rc;
	struct gcs_collect_options opt = {.scenario = f->scenario, .telemetry = f->telemetry, .record_path = f->path, .run_id = "bench",
					  .command_line = "bench-tui"};
	rc = gcs_collect_create(&f->collect, &opt, &text);
	if (rc < 0)
		fprintf(stderr, "bench-tui: %s\n", text ? text : strerror(-rc));
	free(text);
	if (rc == 0) {
		gcs_collect_target(f->collect, f->writer);
		gcs_collect_started(f->collect, busy_clock_ns());
		atomic_store_explicit(&f->shared->go, 1, memory_order_release);
	}
	return rc;
}

static void feed_end(struct feed *f)
{
	static const char *const tails[] = {"", "-wal", "-shm", "-journal"};
	char path[128];
	if (f->writer > 0) {
		kill(f->writer, SIGKILL);
		waitpid(f->writer, NULL, 0);
	}
	gcs_collect_destroy(f->collect);
	gcs_scenario_destroy(f->scenario);
	for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
		snprintf(path, sizeof path, "%s%s", f->path, tails[i]);
		unlink(path);
	}
	unlink(f->scenario_path);
	rmdir(f->dir);
}

/* ---------------------------------------------------------------- measured */

static int64_t feed_process_ns(void)
{
	struct rusage r;
	getrusage(RUSAGE_SELF, &r);
	return (r.ru_utime.tv_sec + r.ru_stime.tv_sec) * INT64_C(1000000000) + (r.ru_utime.tv_usec + r.ru_stime.tv_usec) * INT64_C(1000);
}

static uint64_t feed_rss_max_kib(void)
{
	unsigned long kib = 0;
	char line[128];
	FILE *f = fopen("/proc/self/status", "r");
	while (f && kib == 0 && fgets(line, sizeof line, f))
		sscanf(line, "VmHWM: %lu", &kib);
	if (f)
		fclose(f);
	return kib;
}

static uint64_t feed_unread(const struct mrt_telemetry *t)
{
	uint64_t n = 0;
	for (uint32_t p = 0; p < FEED_PS; p++)
		n += atomic_load_explicit(&t->ring[p].head, memory_order_relaxed) - atomic_load_explicit(&t->ring[p].tail, memory_order_relaxed);
	return n;
}

static void feed_frames(struct feed *f, const struct gcs_display *display, void *self, int frames, struct feed_result *ret)
{
	int64_t next_ns = busy_clock_ns(), begun_ns = next_ns, process_ns = feed_process_ns(), thread_ns = busy_cpu_ns();
	memset(ret, 0, sizeof *ret);
	for (int i = 0; i < frames; i++) {
		next_ns += BUSY_FRAME_NS;
		struct timespec until = {next_ns / 1000000000, next_ns % 1000000000};
		while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
			;
		int64_t a = busy_cpu_ns();
		gcs_collect_tick(f->collect);
		int64_t b = busy_cpu_ns();
		if (display) {
			display->frame(self, gcs_collect_snapshot(f->collect));
			display->poll(self);
		}
		int64_t c = busy_cpu_ns();
		ret->collect_ns += b - a;
		ret->draw_ns += c - b;
		ret->draw_max_ns = c - b > ret->draw_max_ns ? c - b : ret->draw_max_ns;
	}
	ret->wall_ns = busy_clock_ns() - begun_ns;
	ret->else_ns = feed_process_ns() - process_ns - (busy_cpu_ns() - thread_ns);
}

/* The writer ends, what it has written is read, and counted against what it says. */
static void feed_conclude(struct feed *f, struct feed_result *ret)
{
	atomic_store_explicit(&f->shared->stop, 1, memory_order_relaxed);
	waitpid(f->writer, NULL, 0);
	f->writer = 0;
	gcs_collect_exit(f->collect, 0, true, NULL);
	gcs_collect_finish(f->collect, 0);
	ret->written = watch_written(f->telemetry);
	ret->lost = watch_lost(f->telemetry);
	ret->unread = feed_unread(f->telemetry);
	ret->stops_told = atomic_load_explicit(&f->shared->stops, memory_order_relaxed);
	ret->stops = gcs_collect_snapshot(f->collect)->stw_total.count;
}

int busy_feed(const struct gcs_display *display, struct feed_result *ret)
{
	struct feed f = {.writer = 0};
	void *self = NULL;
	int rc = feed_begin(&f);
	if (rc == 0 && display)
		rc = display->open(&self);
	if (rc == 0) {
		feed_frames(&f, display, self, FEED_SETTLE, ret);
		feed_frames(&f, display, self, FEED_FRAMES, ret);
		ret->rss_max_kib = feed_rss_max_kib();
		feed_conclude(&f, ret);
		if (display)
			display->close(self);
	}
	feed_end(&f);
	return rc;
}
