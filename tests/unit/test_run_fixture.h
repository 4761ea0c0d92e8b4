/*
 * test_run_fixture.h: a scenario and a telemetry block made by hand, and a target that is only
 * played: for the tests of the collector, the record and the report. Time is virtual; nothing
 * waits.
 */
#pragma once

#include "harness/collect/collect.h"
#include "harness/record/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define S_NS	1000000000ll
#define MS_NS	1000000ll
#define US_NS	1000ll
#define T0_NS	(77 * S_NS)
#define TICK_NS (100 * MS_NS)

/* What the played target does; changed by a test while it runs. */
struct play {
	int64_t op_ns, stw_stopping_ns, stw_stopped_ns, wake_ns;
	uint32_t ops_a_tick, errors_a_tick;
	bool gc_each_tick; /* else one a second */
	uint64_t firing;   /* carried by cycles, stops and wakes; 0 none */
};

struct run {
	char dir[64], path[128];
	struct gcs_scenario *s;
	struct mrt_telemetry *tel;
	struct gcs_collect *c;
	int64_t now_ns;
	uint64_t cycle, ordinal;
	struct play play;
};

static inline char *fixture_dup(const char *s)
{
	char *copy = strdup(s);
	assert_non_null(copy);
	return copy;
}

static inline void fixture_phase(struct gcs_scenario *s, const char *id, int64_t from_s,
				 int64_t to_s, bool record)
{
	s->phase[s->nphases++] =
		(struct gcs_phase){fixture_dup(id), from_s * S_NS, to_s * S_NS, record};
	s->end_ns = to_s * S_NS;
}

static inline struct gcs_fault *fixture_fault(struct gcs_scenario *s, const char *id,
					      const char *point, const char *action)
{
	struct gcs_fault *f = &s->fault[s->nfaults++];
	f->id = fixture_dup(id);
	f->point = point;
	f->action = action;
	return f;
}

static inline struct gcs_check *fixture_check(struct gcs_check *list, uint32_t *n, const char *id,
					      const char *text)
{
	struct gcs_check *c = &list[(*n)++];
	c->id = fixture_dup(id);
	c->text = fixture_dup(text);
	return c;
}

/* warmup 0-2 (not recorded), steady 2-12, storm 12-20, heal 20-32; faults oom and late, not armed
 * unless a test does. */
static inline struct gcs_scenario *fixture_scenario(void)
{
	struct gcs_scenario *s = calloc(1, sizeof(*s));
	assert_non_null(s);
	s->name = fixture_dup("hand-made");
	s->about = fixture_dup("");
	s->path = fixture_dup("hand-made.yaml");
	s->text = fixture_dup("version: 1\n");
	s->oom = fixture_dup("return");
	s->rounding = fixture_dup("1.19");
	s->map = fixture_dup("classic");
	s->seed = 0x2481;
	s->procs = 2;
	s->gogc = 100;
	for (int i = 0; i < 2; i++) {
		struct gcs_workload *w = &s->workload[s->nworkloads++];
		w->id = fixture_dup(i ? "net" : "maps");
		w->driver = fixture_dup(i ? "echo" : "map-churn");
		w->handler = fixture_dup("");
		w->value = fixture_dup("ptr");
		w->workers = 1;
		w->rate = 1000;
	}
	fixture_phase(s, "warmup", 0, 2, false);
	fixture_phase(s, "steady", 2, 12, true);
	fixture_phase(s, "storm", 12, 20, true);
	fixture_phase(s, "heal", 20, 32, true);
	struct gcs_fault *oom = fixture_fault(s, "oom", "mem/malloc", "fail");
	oom->p_ppb = 20000000;
	oom->err = 12; /* ENOMEM */
	fixture_fault(s, "late", "netpoll/wake", "delay")->delay_ns = 5 * MS_NS;
	s->recovery = (struct gcs_recovery){
		.band_milli = 1250, .window_ns = S_NS, .windows = 3, .deadline_ns = 8 * S_NS};
	static const char *const signals[] = {"op.latency.p99", "pause.stw.p99", "ops.rate",
					      "ops.errors", "wake.lag.p99"};
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		s->recovery.signal[s->recovery.nsignals++] = fixture_dup(signals[i]);
	return s;
}

static inline void fixture_free_checks(struct gcs_check *c, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		free(c[i].id);
		free(c[i].text);
		for (uint32_t k = 0; k < c[i].nphases; k++)
			free(c[i].phases[k]);
	}
}

static inline void fixture_scenario_free(struct gcs_scenario *s)
{
	char *texts[] = {s->name, s->about, s->path, s->text, s->oom, s->rounding, s->map, s->clock};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		free(texts[i]);
	for (uint32_t i = 0; i < s->nworkloads; i++) {
		free(s->workload[i].id);
		free(s->workload[i].driver);
		free(s->workload[i].handler);
		free(s->workload[i].value);
	}
	for (uint32_t i = 0; i < s->nphases; i++)
		free(s->phase[i].id);
	for (uint32_t i = 0; i < GCS_FAULTS_MAX; i++) /* all: a test may have set nfaults to 0 */
		free(s->fault[i].id);
	for (uint32_t i = 0; i < s->recovery.nsignals; i++)
		free(s->recovery.signal[i]);
	for (uint32_t i = 0; i < s->nreported; i++) {
		struct gcs_reported *f = &s->reported[i];
		free(f->what);
		free(f->value);
		free(f->metric);
		free(f->note);
		free(f->variant);
		for (uint32_t k = 0; k < f->nphases; k++)
			free(f->phases[k]);
	}
	free(s->chosen);
	fixture_free_checks(s->slo, s->nslos);
	fixture_free_checks(s->expect, s->nexpects);
	free(s);
}

static inline struct mrt_telemetry *fixture_telemetry(void)
{
	struct mrt_telemetry *t = mmap(NULL, sizeof(*t), PROT_READ | PROT_WRITE,
				       MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_ptr_not_equal(t, MAP_FAILED);
	watch_layout_init(t, 2);
	for (uint32_t i = 0; i < 2; i++) {
		t->ops[i].workload = i;
		atomic_store_explicit(&t->ops[i].used, 1, memory_order_release);
	}
	return t;
}

static inline void run_init(struct run *r)
{
	memset(r, 0, sizeof(*r));
	strcpy(r->dir, "/tmp/gcstorm-test-XXXXXX");
	assert_non_null(mkdtemp(r->dir));
	snprintf(r->path, sizeof(r->path), "%s/run.gcrun", r->dir);
	r->s = fixture_scenario();
	r->tel = fixture_telemetry();
	r->play = (struct play){.op_ns = 20 * US_NS,
				.stw_stopping_ns = 20 * US_NS,
				.stw_stopped_ns = 60 * US_NS,
				.wake_ns = 30 * US_NS,
				.ops_a_tick = 100};
}

/* The played target has come to this moment and waits for the collector. */
static inline void run_wait_at(struct run *r, int64_t t_ns)
{
	atomic_store(&r->tel->gauges.target_now_ns, T0_NS + t_ns);
	atomic_store_explicit(&r->tel->held_ns, (uint64_t)(T0_NS + t_ns), memory_order_release);
}

/* A tick of the collector, which is acted on at once. */
static inline int run_collect(struct run *r)
{
	int rc = gcs_collect_tick(r->c);
	gcs_collect_let_go(r->c);
	return rc;
}

static inline void run_start(struct run *r)
{
	struct gcs_collect_options opt = {.scenario = r->s,
					  .telemetry = r->tel,
					  .record_path = r->path,
					  .run_id = "t-01",
					  .command_line = "gcstorm run hand-made.yaml",
					  .sim = true};
	char *text = NULL;
	int rc = gcs_collect_create(&r->c, &opt, &text);
	if (rc)
		print_error("create: %s\n", text);
	assert_int_equal(rc, 0);
	run_wait_at(r, 0);
	gcs_collect_started(r->c, T0_NS);
}

static inline void run_emit(struct run *r, struct watch_record rec)
{
	if (rec.t_ns == 0)
		rec.t_ns = T0_NS + r->now_ns;
	rec.p = 0;
	watch_emit(r->tel, &r->tel->ring[0], &rec);
}

static inline void run_arm(struct run *r, uint32_t fault, uint32_t occurrence, bool on)
{
	run_emit(r, (struct watch_record){.kind = WATCH_ARM, .a = fault, .b = occurrence, .c = on});
	atomic_store(&r->tel->fault[fault].armed, on);
}

static inline uint64_t run_fire(struct run *r, uint32_t fault)
{
	uint64_t id = (uint64_t)(fault + 1) << 48 | 128ull << 32 | ++r->ordinal;
	atomic_fetch_add(&r->tel->fault[fault].visits, 10);
	atomic_fetch_add(&r->tel->fault[fault].eligible, 5);
	atomic_fetch_add(&r->tel->fault[fault].fired, 1);
	run_emit(r, (struct watch_record){.kind = WATCH_FIRE,
					  .a = (uint64_t)fault << 32 | 1,
					  .b = 128,
					  .c = r->ordinal,
					  .d = id});
	return id;
}

static inline void run_cycle(struct run *r)
{
	const struct play *p = &r->play;
	uint64_t n = ++r->cycle;
	run_emit(r, (struct watch_record){.kind = WATCH_GC_START,
					  .a = n,
					  .b = p->firing ? 3 : 0,
					  .c = 60 << 20,
					  .d = 64 << 20,
					  .e = p->firing});
	run_emit(r, (struct watch_record){.kind = WATCH_STW,
					  .b = (uint64_t)p->stw_stopping_ns,
					  .c = (uint64_t)p->stw_stopped_ns,
					  .d = n,
					  .e = p->firing});
	run_emit(r, (struct watch_record){.kind = WATCH_GC_MARK_END,
					  .a = n,
					  .b = 3000000,
					  .c = 61 << 20,
					  .d = 32 << 20});
	run_emit(r, (struct watch_record){.kind = WATCH_GC_END, .a = n, .b = 64 << 20});
}

/* One tick of the played target and of the collector. Returns what the collector said. */
static inline int run_tick(struct run *r)
{
	const struct play *p = &r->play;
	for (uint32_t w = 0; w < 2; w++) {
		struct watch_ops *ops = &r->tel->ops[w];
		for (uint32_t i = 0; i < p->ops_a_tick; i++)
			watch_hist_add(&ops->latency, (uint64_t)(p->op_ns + i * 10));
		atomic_fetch_add(&ops->ops, p->ops_a_tick);
		atomic_fetch_add(&ops->errors, p->errors_a_tick);
	}
	r->now_ns += TICK_NS / 2;
	run_emit(r, (struct watch_record){.kind = WATCH_WAKE_LAG,
					  .a = 128,
					  .b = (uint64_t)p->wake_ns,
					  .e = p->firing});
	if (p->gc_each_tick || r->now_ns / TICK_NS % 10 == 5)
		run_cycle(r);
	r->now_ns += TICK_NS / 2;
	atomic_store(&r->tel->gauges.heap_live, 40u << 20);
	atomic_store(&r->tel->gauges.heap_goal, 64u << 20);
	atomic_fetch_add(&r->tel->gauges.cpu_ns_available, 2 * TICK_NS);
	atomic_fetch_add(&r->tel->gauges.gc_cpu_ns, TICK_NS / 10);
	run_wait_at(r, r->now_ns);
	return run_collect(r);
}

static inline void run_until(struct run *r, int64_t t_ns)
{
	while (r->now_ns < t_ns)
		assert_int_equal(run_tick(r), 0);
}

/* The normal end: done, exit 0. */
static inline enum gcs_exit run_end(struct run *r)
{
	gcs_collect_done(r->c, "0123456789abcdef", 1000, 0);
	gcs_collect_exit(r->c, 0, true, NULL);
	return gcs_collect_finish(r->c, 0);
}

static inline void run_fini(struct run *r)
{
	char path[160];
	gcs_collect_destroy(r->c);
	fixture_scenario_free(r->s);
	munmap(r->tel, sizeof(*r->tel));
	static const char *const tails[] = {"", "-wal", "-shm", "-journal"};
	for (size_t i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s%s", r->path, tails[i]);
		unlink(path);
	}
	rmdir(r->dir);
}
