/* test_report.c: the report from a record alone: keys of the JSON, the page for people, killed and
 * foreign files, the list of runs. */
#include "tests/unit/test_run_fixture.h"

#include "faults/gate.h"
#include "harness/display.h"
#include "harness/report/report_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

struct printed {
	char *out, *err;
	int rc;
};

static struct printed report(const char *path, const char *format)
{
	struct printed p = {0};
	size_t n, m;
	FILE *out = open_memstream(&p.out, &n), *err = open_memstream(&p.err, &m);
	p.rc = gcs_report(path, format, out, err);
	fclose(out);
	fclose(err);
	return p;
}

static void printed_fini(struct printed *p)
{
	free(p->out);
	free(p->err);
}

static void storm(struct run *r, uint32_t fault, uint32_t occurrence, int64_t from_s, int64_t to_s,
		  struct play bad)
{
	run_until(r, from_s * S_NS);
	struct play calm = r->play;
	run_arm(r, fault, occurrence, true);
	r->play = bad;
	while (r->now_ns < to_s * S_NS) {
		r->play.firing = run_fire(r, fault);
		assert_int_equal(run_tick(r), 0);
	}
	run_arm(r, fault, occurrence, false);
	r->play = calm;
}

/* A run with a storm in it, up to `until_s`, not finished. */
static void play(struct run *r, int64_t until_s)
{
	fixture_check(r->s->slo, &r->s->nslos, "p99", "op.latency.p99 < 50ms")->window_ns =
		5 * S_NS;
	fixture_check(r->s->slo, &r->s->nslos, "back", "recovery.time.max < 5s");
	fixture_check(r->s->expect, &r->s->nexpects, "", "fault.oom.fired >= 20");
	run_start(r);
	struct play bad = r->play;
	bad.errors_a_tick = 3;
	bad.op_ns = 4 * MS_NS;
	bad.stw_stopped_ns = 2 * MS_NS;
	storm(r, 0, 0, 12, 14, bad);
	if (until_s > 18)
		storm(r, 1, 0, 18, 19, bad);
	run_emit(r, (struct watch_record){.kind = WATCH_LIMITER, .a = 33, .b = 4 * MS_NS, .c = 2});
	run_emit(r, (struct watch_record){.kind = WATCH_LIMITER, .a = 35, .b = 8 * MS_NS, .c = 1});
	gcs_collect_gctrace(r->c,
			    "gc 7 @1.5s 2%: 0.024+289+0.021 ms clock, 0.19+0.11/144/0.021+0.17 ms "
			    "cpu, 480->480->240 MB, 960 MB goal, 8 P");
	gcs_collect_gctrace(r->c, "pacer: sweep done at heap size 240MB; allocated 0MB during sweep; "
				  "swept 9 pages at +1.000000e-004 pages/byte");
	run_until(r, until_s * S_NS);
}

/* The keys that issue and scripts rely on, by path. */
static json_t *at(json_t *o, const char *path)
{
	char key[32];
	while (o && *path) {
		size_t n = strcspn(path, "/");
		snprintf(key, sizeof(key), "%.*s", (int)n, path);
		o = key[0] >= '0' && key[0] <= '9' ? json_array_get(o, (size_t)atoi(key))
						   : json_object_get(o, key);
		if (!o)
			print_error("no %s\n", path);
		path += n + (path[n] == '/');
	}
	assert_non_null(o);
	return o;
}

static void test_json(void **state)
{
	(void)state;
	struct run r;
	run_init(&r);
	play(&r, 32);
	assert_int_equal(run_end(&r), GCS_EXIT_PASS);
	struct printed p = report(r.path, "json");
	assert_int_equal(p.rc, 0);
	assert_string_equal(p.err, "");
	json_error_t e;
	json_t *root = json_loads(p.out, JSON_REJECT_DUPLICATES, &e);
	if (!root)
		print_error("%s\n", e.text);
	assert_non_null(root);
	static const char *const integers[] = {"run/seed",
					       "run/exit",
					       "run/duration_ns",
					       "phases/0/start_ns",
					       "phases/3/end_ns",
					       "pauses/stw/count",
					       "pauses/stw/p50_ns",
					       "pauses/stw/p99_ns",
					       "pauses/stw/max_ns",
					       "pauses/stw/stopping_max_ns",
					       "pauses/assist/count",
					       "pauses/assist/p99_ns",
					       "pauses/wake_lag/count",
					       "pauses/wake_lag/max_ns",
					       "gc/cycles",
					       "gc/forced",
					       "ops/0/count",
					       "ops/0/errors",
					       "ops/0/p50_ns",
					       "ops/0/p99_ns",
					       "ops/0/p999_ns",
					       "ops/0/max_ns",
					       "faults/0/eligible",
					       "faults/0/fired",
					       "faults/0/occurrences/0/start_ns",
					       "faults/0/occurrences/0/end_ns",
					       "faults/0/occurrences/0/recovery_ns",
					       "integrity/checked",
					       "integrity/errors",
					       "harness/samples_lost"};
	for (size_t i = 0; i < sizeof(integers) / sizeof(integers[0]); i++)
		assert_true(json_is_integer(at(root, integers[i])));
	static const char *const texts[][2] = {{"run/id", "t-01"},
					       {"run/name", "hand-made"},
					       {"run/target", "embedded"},
					       {"run/hash", "0123456789abcdef"},
					       {"run/verdict", "PASS"},
					       {"phases/0/id", "warmup"},
					       {"ops/0/workload", "maps"},
					       {"faults/0/id", "oom"},
					       {"faults/0/point", "mem/malloc"},
					       {"faults/0/outcome", "fired"},
					       {"slo/0/id", "p99"},
					       {"expect/0/check", "fault.oom.fired >= 20"}};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_string_equal(json_string_value(at(root, texts[i][0])), texts[i][1]);
	assert_true(json_is_true(at(root, "run/sim")));
	assert_true(json_is_true(at(root, "faults/0/occurrences/0/degraded")));
	assert_true(json_is_true(at(root, "faults/0/occurrences/0/steady")));
	assert_true(json_is_true(at(root, "slo/0/ok")));
	assert_true(json_is_number(at(root, "slo/0/value")));
	assert_true(json_is_true(at(root, "expect/0/ok")));
	assert_true(json_is_real(at(root, "gc/cpu_fraction")));
	assert_true(json_is_number(at(root, "harness/injector_cost")));
	assert_true(json_is_object(at(root, "faults/0/occurrences/0/by_signal")));
	assert_true(json_is_true(json_object_get(
		json_object_get(at(root, "faults/0/occurrences/0/by_signal"), "op.latency.p99"),
		"left")));
	assert_true(json_is_false(json_object_get(
		json_object_get(at(root, "faults/0/occurrences/0/by_signal"), "wake.lag.p99"),
		"left")));
	assert_int_equal(json_integer_value(at(root, "recovery/resolution_ns")), 100 * MS_NS);
	assert_int_equal(json_integer_value(at(root, "faults/0/occurrences/0/recovery_ns")), 0);
	assert_int_equal(json_integer_value(at(root, "run/seed")), 0x2481);
	assert_int_equal(json_integer_value(at(root, "ops/0/count")), 30000);
	assert_int_equal(json_integer_value(at(root, "ops/0/errors")), 3 * 30);
	assert_int_equal(json_integer_value(at(root, "faults/0/fired")), 20);
	assert_int_equal(json_integer_value(at(root, "faults/0/occurrences/0/start_ns")),
			 12 * S_NS);
	assert_int_equal(json_integer_value(at(root, "pauses/stw/stopping_max_ns")), 20 * US_NS);
	assert_int_equal(json_integer_value(at(root, "integrity/checked")), 1000);
	assert_int_equal(json_integer_value(at(root, "gc/limiter/on_ns")), 12 * MS_NS);
	assert_int_equal(json_integer_value(at(root, "gc/limiter/first")), 33);
	json_decref(root);
	printed_fini(&p);
	run_fini(&r);
}

static void says(const struct printed *p, const char *text)
{
	if (!strstr(p->out, text))
		print_error("the page does not say '%s':\n%s\n", text, p->out);
	assert_non_null(strstr(p->out, text));
}

static void test_text(void **state)
{
	(void)state;
	struct run r;
	run_init(&r);
	play(&r, 32);
	assert_int_equal(run_end(&r), GCS_EXIT_PASS);
	struct printed p = report(r.path, "text");
	says(&p, "and it was back within 0.1 s.");
	assert_int_equal(p.rc, 0);
	assert_memory_equal(p.out, "PASS: all 2 SLOs hold", 20); /* the verdict comes first */
	says(&p, "SIMULATED: every time in this report is modelled");
	says(&p, "only A and C stop the world");
	says(&p, "0.024+289+0.021");
	says(&p, "\n  CPU limiter on for 12 ms in 2 cycles, gc 33 to 35\n");
	says(&p, "hash 0123456789abcdef");
	says(&p, "oom  mem/malloc: fail with ENOMEM, 2% of visits\n    fired: 20 of 100 eligible visits");
	says(&p, "due to oom");
	char last[160];
	int n = snprintf(last, sizeof(last), "\nrecord %s\n", r.path);
	assert_string_equal(p.out + strlen(p.out) - n, last); /* and where it lies comes last */
	says(&p, "FAULTS (recovery is measured to 0.1 s)");
	says(&p, ", steady within 0.1 s of its end");
	says(&p, "back within 0.1 s");
	says(&p, "op.latency.p99");
	says(&p, "1,000 entries compared with the model, 0 wrong");
	says(&p, "samples lost 0");
	says(&p, "30,000"); /* operations */
	for (const char *line = p.out; line;
	     line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
		if (!strstr(line, "gc 7") || strchr(line, '\n') < strstr(line, "gc 7"))
			assert_true(strcspn(line, "\n") <= 132);
	printed_fini(&p);
	run_fini(&r);
}

static void event(struct gcs_snapshot *s, int64_t ms, const char *text)
{
	struct gcs_event_view *e = &s->event[s->nevents++];
	*e = (struct gcs_event_view){.t_ns = ms * MS_NS};
	snprintf(e->text, sizeof(e->text), "%s", text);
}

/* What comes late is printed where its time says; at the end nothing is kept back. */
static void test_plain(void **state)
{
	(void)state;
	struct gcs_snapshot *s = calloc(1, sizeof(*s));
	struct gcs_scenario *scenario = fixture_scenario();
	char out[2048] = "";
	void *self;
	s->scenario = scenario;
	s->end_ns = scenario->end_ns;
	FILE *f = tmpfile();
	int keep = dup(STDERR_FILENO);
	fflush(stderr);
	dup2(fileno(f), STDERR_FILENO);
	assert_int_equal(gcs_display_plain.open(&self), 0);
	s->now_ns = 15035 * MS_NS;
	event(s, 15035, "said by the harness");
	gcs_display_plain.frame(self, s);
	s->now_ns = 15135 * MS_NS;
	event(s, 15000, "oom#1 armed");
	gcs_display_plain.frame(self, s);
	gcs_display_plain.frame(self, s);
	event(s, 15130, "last");
	gcs_display_plain.frame(self, s);
	gcs_display_plain.close(self);
	dup2(keep, STDERR_FILENO);
	close(keep);
	rewind(f);
	out[fread(out, 1, sizeof(out) - 1, f)] = '\0';
	fclose(f);
	const char *armed = strstr(out, "armed"), *said = strstr(out, "said by"),
		   *status = strstr(out, "operations a second"), *last = strstr(out, "last");
	if (!armed || !said || !status || !last)
		print_error("%s", out);
	assert_true(armed && armed < said && said < status && status < last);
	assert_null(strstr(armed + 1, "armed")); /* once */
	free(s);
	fixture_scenario_free(scenario);
}

static int64_t recorded_ns(const char *path)
{
	struct printed p = report(path, "json");
	json_t *root = p.rc == 0 ? json_loads(p.out, 0, NULL) : NULL;
	int64_t ns = root ? json_integer_value(at(root, "run/duration_ns")) : -1;
	json_decref(root);
	printed_fini(&p);
	return ns;
}

/* The harness was killed: what there is, and that it is unfinished. */
static void test_killed(void **state)
{
	(void)state;
	struct run r;
	run_init(&r);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		play(&r, 17);
		for (;;)
			pause();
	}
	for (int i = 0; i < 6000 && recorded_ns(r.path) < 16 * S_NS; i++) /* a minute */
		usleep(10000);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_true(recorded_ns(r.path) >= 16 * S_NS);
	struct printed p = report(r.path, "text");
	assert_int_equal(p.rc, 0);
	assert_memory_equal(p.out, "UNFINISHED: ", 12);
	says(&p, "unfinished");
	says(&p, "oom  mem/malloc");
	printed_fini(&p);
	p = report(r.path, "json");
	json_t *root = json_loads(p.out, 0, NULL);
	assert_string_equal(json_string_value(at(root, "run/verdict")), "UNFINISHED");
	assert_true(json_is_null(at(root, "run/exit")));
	assert_true(json_integer_value(at(root, "ops/0/count")) >= 13000);
	json_decref(root);
	printed_fini(&p);
	run_fini(&r);
}

static void test_foreign(void **state)
{
	(void)state;
	struct run r;
	run_init(&r);
	struct printed p = report(r.path, "text");
	assert_int_equal(p.rc, -ENOENT);
	assert_non_null(strstr(p.err, r.path));
	printed_fini(&p);
	static const char *const contents[] = {"", "gc 1 @0.1s 0%: this is a log, not a record\n"};
	for (size_t i = 0; i < 2; i++) {
		FILE *f = fopen(r.path, "w");
		fputs(contents[i], f);
		fclose(f);
		p = report(r.path, "json");
		assert_int_equal(p.rc, i == 0 ? -EAGAIN : -EINVAL);
		assert_non_null(strstr(p.err, "is not a record of a run"));
		assert_string_equal(p.out, "");
		printed_fini(&p);
		f = fopen(r.path, "r");
		char back[64] = "";
		size_t n = fread(back, 1, sizeof(back) - 1, f);
		fclose(f);
		assert_int_equal(n, strlen(contents[i])); /* looked at, never touched */
	}
	p = report(r.dir, "text");
	assert_int_equal(p.rc, -EINVAL);
	printed_fini(&p);
	run_fini(&r);
}

/* A record cut off or overwritten in the middle: a message, no crash. */
static void test_damaged(void **state)
{
	(void)state;
	struct run r;
	run_init(&r);
	play(&r, 32);
	run_end(&r);
	struct stat st;
	assert_int_equal(stat(r.path, &st), 0);
	static unsigned char junk[4096];
	memset(junk, 0xa5, sizeof(junk));
	for (off_t at_byte = 4096; at_byte < st.st_size; at_byte += st.st_size / 23) {
		FILE *f = fopen(r.path, "r+");
		unsigned char keep[sizeof(junk)];
		fseek(f, at_byte, SEEK_SET);
		size_t n = fread(keep, 1, sizeof(keep), f);
		fseek(f, at_byte, SEEK_SET);
		fwrite(junk, 1, n, f);
		fclose(f);
		struct printed p = report(r.path, "text");
		assert_true(p.rc == 0 || strstr(p.err, "damaged") != NULL);
		printed_fini(&p);
		f = fopen(r.path, "r+");
		fseek(f, at_byte, SEEK_SET);
		fwrite(keep, 1, n, f);
		fclose(f);
	}
	assert_int_equal(truncate(r.path, st.st_size / 2), 0);
	struct printed p = report(r.path, "text");
	assert_int_not_equal(p.rc, 0);
	assert_non_null(strstr(p.err, r.path));
	printed_fini(&p);
	run_fini(&r);
}

static void test_list(void **state)
{
	(void)state;
	struct run r;
	char *out = NULL, path[160];
	size_t n;
	run_init(&r);
	play(&r, 32);
	run_end(&r);
	snprintf(path, sizeof(path), "%s/old.gcrun", r.dir);
	FILE *f = fopen(path, "w");
	fputs("no record", f);
	fclose(f);
	struct timespec long_ago[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
	assert_int_equal(utimensat(AT_FDCWD, path, long_ago, 0), 0);
	FILE *mem = open_memstream(&out, &n);
	assert_int_equal(gcs_record_list(r.dir, "text", mem), 0);
	fclose(mem);
	const char *pass = strstr(out, "PASS"), *bad = strstr(out, "UNREADABLE");
	assert_true(pass && bad && pass < bad); /* newest first */
	assert_non_null(strstr(out, "run.gcrun  (simulated)"));
	free(out);
	mem = open_memstream(&out, &n);
	assert_int_equal(gcs_record_list(r.dir, "json", mem), 0);
	fclose(mem);
	json_t *root = json_loads(out, 0, NULL);
	assert_int_equal(json_array_size(root), 1);
	assert_string_equal(json_string_value(at(root, "0/verdict")), "PASS");
	json_decref(root);
	free(out);
	unlink(path);
	mem = open_memstream(&out, &n);
	assert_int_equal(gcs_record_list("/nonexistent", "text", mem), -ENOENT);
	fclose(mem);
	free(out);
	run_fini(&r);
}

/* The report of a run with these acts by hand; a mark and what was refused modify nothing. */
static struct printed by_hand(struct run *r, bool modify, const char *format)
{
	run_init(r);
	run_start(r);
	run_until(r, 2 * S_NS);
	gcs_collect_operator(r->c, "ctl", "mark", -1, "deploy");
	run_until(r, 3 * S_NS);
	gcs_collect_operator(r->c, "fiu-ctrl", "refused", -1, "no such point: enable name=x");
	if (modify) {
		gcs_collect_operator(r->c, "screen", "arm", 1, "");
		run_until(r, 4 * S_NS);
		gcs_collect_operator(r->c, "fiu-ctrl", "disarm", 1, "disable name=netpoll/*");
	}
	run_until(r, 32 * S_NS);
	run_end(r);
	return report(r->path, format);
}

static void test_by_hand(void **state)
{
	(void)state;
	struct run r;
	char *out = NULL;
	size_t n;
	struct printed p = by_hand(&r, true, "text");
	says(&p, "\nOPERATOR-MODIFIED: 2 acts by hand, the first at 3.0 s.\n");
	says(&p, "     2.000  ctl       mark: deploy\n");
	says(&p, "     3.000  fiu-ctrl  refused: no such point: enable name=x\n");
	says(&p, "     3.000  screen    arm late\n");
	says(&p, "     4.000  fiu-ctrl  disarm late: disable name=netpoll/*\n");
	assert_true(gcs_collect_snapshot(r.c)->operator_modified);
	FILE *mem = open_memstream(&out, &n);
	assert_int_equal(gcs_record_list(r.dir, "text", mem), 0);
	fclose(mem);
	assert_non_null(strstr(out, "(simulated)  (operator-modified)\n"));
	free(out);
	printed_fini(&p);
	run_fini(&r);

	p = by_hand(&r, true, "json");
	json_t *root = json_loads(p.out, 0, NULL);
	assert_true(json_is_true(at(root, "run/operator_modified")));
	assert_int_equal(json_array_size(at(root, "operator")), 4);
	assert_string_equal(json_string_value(at(root, "operator/2/fault")), "late");
	assert_true(json_is_null(at(root, "operator/0/fault")));
	assert_string_equal(json_string_value(at(root, "operator/0/text")), "deploy");
	assert_int_equal(json_integer_value(at(root, "operator/3/t_ns")), 4 * S_NS);
	json_decref(root);
	printed_fini(&p);
	run_fini(&r);

	p = by_hand(&r, false, "text");
	says(&p, "mark: deploy\n");
	assert_null(strstr(p.out, "OPERATOR-MODIFIED"));
	assert_false(gcs_collect_snapshot(r.c)->operator_modified);
	printed_fini(&p);
	run_fini(&r);
}

/* What a fault's firings came to, in words: numbers, times and units, one and many. */
static void test_effects(void **state)
{
	static struct {
		char point[24], what[24];
		struct report_effect e;
		const char *said;
	} rows[] = {
		{"stw/stopped", "delay", {0, GCS_EFFECT_LATE, 1, 5000000, 5000000},
		 "held up 1 time, 5 ms at most"},
		{"sched/preempt", "end a time slice", {0, GCS_EFFECT_PREEMPTED, 2000, 9000, 1770},
		 "2,000 times off the P, 1.77 us at most"},
		{"netpoll/wake", "coalesce", {0, GCS_EFFECT_BATCH, 1, 6, 6}, "1 batch of 6 wakes in all, 6 at most"},
		{"netpoll/wake", "coalesce", {0, GCS_EFFECT_BATCH, 3, 12, 6}, "3 batches of 12 wakes in all, 6 at most"},
		{"gc/gogc", "bias", {0, GCS_EFFECT_BIASED, 4, 80, 20}, "4 figures biased, to 20% at most"},
		{"mem/limit", "bias", {0, GCS_EFFECT_BIASED, 1, 20971520, 20971520},
		 "1 figure biased, to 20,971,520 bytes at most"},
		{"map/grow", "force a growth", {0, GCS_EFFECT_BEGAN, 2, 3072, 2048},
		 "2 growths of a map begun, 2,048 buckets at most"},
		{"map/iterate", "force a collection", {0, GCS_EFFECT_BEGAN, 2, 7, 4}, NULL},
		{"gc/write", "force a collection", {0, GCS_EFFECT_BEGAN, 2, 7, 4}, NULL},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *text = NULL, said[128] = "";
		size_t bytes;
		struct report_fault f = {.point = rows[i].point, .what = rows[i].what,
					 .fired = rows[i].e.count};
		struct report_effect e = rows[i].e;
		struct report r = {.fault = &f, .nfaults = 1, .effect = &e, .neffects = 1};
		FILE *out = open_memstream(&text, &bytes);
		report_effects_text(&r, 0, out);
		fclose(out);
		if (rows[i].said)
			snprintf(said, sizeof(said), "    came to: %s\n", rows[i].said);
		assert_string_equal(text, said);
		free(text);
	}
}

/* A long condition stays within the page, its lines behind the first set in. */
static void test_wrapped(void **state)
{
	char *text = NULL, condition[512] = "while gc.phase == mark";
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);
	(void)state;
	for (int i = 0; i < 16; i++)
		strcat(condition, " and goroutines > 1k");
	fputs("    ", out);
	report_wrap(out, condition, 4, 6);
	fclose(out);
	assert_true(strlen(text) > 300);
	for (const char *line = text; *line; line += strcspn(line, "\n") + 1) {
		assert_true(strcspn(line, "\n") <= 132);
		assert_int_equal(strspn(line, " "), line == text ? 4 : 6);
	}
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json),	cmocka_unit_test(test_text),
		cmocka_unit_test(test_killed),	cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_damaged), cmocka_unit_test(test_list),
		cmocka_unit_test(test_plain),	cmocka_unit_test(test_by_hand),
		cmocka_unit_test(test_effects), cmocka_unit_test(test_wrapped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
