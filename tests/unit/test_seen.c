/*
 * test_seen.c: what people saw: the corpus of wrong timelines, tests/timelines/bad (each NAME.yaml
 * is refused with exactly the text in NAME.expected), where moments lie on the time of a log
 * (midnight, zones, against a slow model), and the scenario that comes of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "harness/import/import.h"
#include "harness/scenario.h"
#include "tests/unit/test_draw.h"

#include "tests/unit/test_file.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define S_NS	 INT64_C(1000000000)
#define BAD_MIN	 20
#define BENDS	 1500
#define DRAWS	 20000

static char *path_of(char ret[4096], const char *name)
{
	const char *source = getenv("GCSTORM_SOURCE");
	snprintf(ret, 4096, "%s/tests/timelines/%s", source ? source : ".", name);
	return ret;
}

static struct gcs_wall wall(const char *text)
{
	struct gcs_wall w;
	if (gcs_parse_wall(text, &w))
		fail_msg("--at %s", text);
	return w;
}

/* ---- reading */

static int load(struct gcs_seen **ret, struct gcs_joined *joined, const char *path, const char *at,
		struct gcs_scenario_error *error)
{
	struct gcs_wall w = wall(at);
	return gcs_seen_load(ret, joined, path, &w, 10 * S_NS, 1000 * S_NS, error);
}

static bool bad_one(const char *name)
{
	struct gcs_seen *s = NULL;
	struct gcs_joined joined;
	struct gcs_scenario_error error;
	char expected_path[300];
	snprintf(expected_path, sizeof expected_path, "%.*s.expected", (int)(strlen(name) - 5),
		 name);
	bool clock = strncmp(name, "clock-", 6) == 0;
	int e = load(&s, &joined, name, clock ? "03:00" : "2024-05-03T03:00:00Z", &error);
	char *expected = slurp(expected_path);
	bool same = e == -EINVAL && !s && strcmp(error.text, expected) == 0;
	if (!same)
		print_error("%s (%d) says\n%s\ninstead of\n%s\n", name, e,
			    error.text ? error.text : "nothing: it was accepted", expected);
	free(expected);
	gcs_scenario_error_fini(&error);
	gcs_seen_destroy(s);
	return same;
}

static void test_corpus(void **state)
{
	char here[4096], bad[4096];
	unsigned n = 0, wrong = 0;
	(void)state;
	assert_non_null(getcwd(here, sizeof here));
	assert_int_equal(chdir(path_of(bad, "bad")), 0);
	DIR *d = opendir(".");
	assert_non_null(d);
	for (struct dirent *entry; (entry = readdir(d)) != NULL;) {
		size_t length = strlen(entry->d_name);
		if (length < 6 || strcmp(entry->d_name + length - 5, ".yaml") != 0)
			continue;
		n++;
		wrong += !bad_one(entry->d_name);
	}
	closedir(d);
	assert_int_equal(chdir(here), 0);
	assert_true(n >= BAD_MIN);
	assert_int_equal(wrong, 0);
}

static void test_good(void **state)
{
	char path[4096];
	struct gcs_seen *s = NULL;
	struct gcs_joined j;
	struct gcs_scenario_error error;
	(void)state;
	if (load(&s, &j, path_of(path, "good.yaml"), "2024-05-03T03:00:00Z", &error))
		fail_msg("%s", error.text);
	assert_string_equal(s->incident, "checkout");
	assert_string_equal(s->source, "post-mortem: \"Frühstück\"");
	assert_true(s->margin_ns == 30 * S_NS && s->nsaw == 5);
	assert_true(j.onset_ns == 120 * S_NS && j.end_ns == 720 * S_NS);
	assert_string_equal(s->saw[0].peak, "30MiB");
	assert_true(s->saw[0].within_ppb == 200000000 && !s->saw[0].value);
	assert_true(j.saw[0].at_ns == 180 * S_NS && j.saw[0].until_ns == 330 * S_NS);
	assert_true(j.saw[1].at_ns == j.onset_ns && j.saw[1].until_ns == j.end_ns);
	assert_true(j.saw[3].at_ns == 255 * S_NS && j.saw[3].until_ns == 255 * S_NS);
	assert_true(j.saw[4].at_ns == -60 * S_NS);
	gcs_seen_destroy(s);
	assert_int_equal(load(&s, &j, path_of(path, "absent.yaml"), "03:00", &error), -ENOENT);
	assert_non_null(strstr(error.text, "cannot read the timeline: No such file"));
	gcs_scenario_error_fini(&error);
}

/* Bytes changed, left out, doubled at random: read or refused, with words. */
static void test_bent(void **state)
{
	char path[4096], bent[] = "/tmp/test_seen.XXXXXX";
	unsigned good = 0;
	(void)state;
	char *text = slurp(path_of(path, "good.yaml"));
	int fd = mkstemp(bent);
	assert_true(fd >= 0);
	close(fd);
	for (int i = 0; i < BENDS; i++) {
		char copy[4096];
		struct gcs_seen *s = NULL;
		struct gcs_joined j;
		struct gcs_scenario_error error;
		size_t n = strlen(text);
		assert_true(n < sizeof copy);
		memcpy(copy, text, n);
		for (uint64_t k = 1 + draw(3); k > 0; k--)
			copy[draw(n)] = "{}[]:,-\"\n 0129TZx@%&*"[draw(21)];
		FILE *f = fopen(bent, "w");
		assert_non_null(f);
		assert_int_equal(fwrite(copy, 1, draw(8) ? n : draw(n), f) <= n, 1);
		fclose(f);
		if (load(&s, &j, bent, "2024-05-03T03:00:00Z", &error) == 0) {
			good++;
			gcs_seen_destroy(s);
			continue;
		}
		assert_non_null(error.text);
		assert_non_null(strstr(error.text, "error: "));
		gcs_scenario_error_fini(&error);
	}
	unlink(bent);
	free(text);
	print_message("%u of %d bent timelines were still good\n", good, BENDS);
	assert_true(good > 0 && good < BENDS);
}

/* ---- joining */

static struct gcs_moment moment(const char *text)
{
	struct gcs_moment m = {0};
	if (text && gcs_parse_moment(text, &m))
		fail_msg("moment %s", text);
	return m;
}

struct joins {
	const char *at, *onset, *end;
	int64_t first_s, last_s, onset_s, end_s; /* end 0: none */
	bool outside;
};

static void test_join(void **state)
{
	static const struct joins rows[] = {
		{"03:10", "03:12", "03:29", 1, 3600, 120, 1140, false},
		{"03:10@100s", "03:12", NULL, 1, 3600, 220, 0, false},
		/* over midnight: into the log, both of them */
		{"23:50", "00:10", "00:05:00", 1, 86000, 1200, 1200 + 86400 - 300, false},
		{"23:50", "23:55", "00:05", 1, 3600, 300, 900, false},
		/* a log of three days: the first time that it comes */
		{"12:00", "11:00", NULL, 7200, 3 * 86400, 82800, 0, false},
		/* nearest, where no day brings it into the log: before, behind */
		{"03:10", "03:00", "03:05", 1, 600, -600, -300, true},
		{"03:10", "04:00", NULL, 1, 600, 3000, 0, true},
		{"03:10", "03:00", NULL, 1, 600, -600, 0, false},
		{"03:10", "03:00", "03:12", 1, 600, -600, 120, false},
		/* zones */
		{"2024-05-03T03:10:00Z", "2024-05-03T05:12:00+02:00", "2024-05-02T22:59:00-04:30",
		 1, 3600, 120, 1140, false},
		{"2024-05-03T03:10:00Z", "2024-05-03T05:12:00+02:00", "05:29", 1, 3600, 120, 1140,
		 false},
		{"2024-05-03T05:10:00+02:00", "05:12", "05:29", 1, 3600, 120, 1140, false},
		{"2024-12-31T23:59:00Z@9.5s", "2025-01-01T00:00:00Z", "00:00:10", 1, 3600, 69, 79,
		 false},
		{"2024-05-03T03:10:00Z", "2024-05-04T03:12:00Z", NULL, 1, 3600, 86520, 0, true},
		{"2024-05-03T03:10:00Z", "2024-05-03T01:12:00Z", "03:12", 1, 3600, -7080, 120,
		 false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct joins *r = &rows[i];
		struct gcs_seen s = {.onset = moment(r->onset), .end = moment(r->end)};
		struct gcs_wall w = wall(r->at);
		struct gcs_joined j;
		struct gcs_seen_wrong wrong;
		if (gcs_seen_join(&s, &w, r->first_s * S_NS, r->last_s * S_NS, &j, &wrong))
			fail_msg("row %zu: %s", i, wrong.text);
		int64_t half = strstr(r->at, "9.5s") ? S_NS / 2 : 0;
		if (j.onset_ns != r->onset_s * S_NS + half ||
		    j.end_ns != (r->end ? r->end_s * S_NS + half : INT64_MAX))
			fail_msg("row %zu: %lld to %lld", i, (long long)j.onset_ns,
				 (long long)j.end_ns);
		assert_int_equal(gcs_joined_outside(&j, r->first_s * S_NS, r->last_s * S_NS),
				 r->outside);
	}
}

static void test_wall(void **state)
{
	struct gcs_wall w = {.log_ns = 7};
	char text[GCS_MOMENT_TEXT];
	(void)state;
	assert_int_equal(gcs_parse_wall("03:10@", &w), -EINVAL);
	assert_int_equal(gcs_parse_wall("03:10@12", &w), -EINVAL);
	assert_int_equal(gcs_parse_wall("@12s", &w), -EINVAL);
	assert_int_equal(gcs_parse_wall("03:70", &w), -ERANGE);
	assert_int_equal(gcs_parse_wall("2024-05-03T03:12:00.0000000000000000000000000000000000000000Z", &w), -EINVAL);
	assert_int_equal(w.log_ns, 7);
	w = wall("2024-03-01T10:00:00.2Z@0.200s");
	assert_string_equal(gcs_wall_show(text, &w, 0), "2024-03-01T10:00:00Z");
	assert_string_equal(gcs_wall_clock(text, &w, 86400 * S_NS + S_NS / 4), "10:00:00.25");
}

/* A time of day means the day that the contract says, found by trying them all. */
static void test_days(void **state)
{
	(void)state;
	for (int i = 0; i < DRAWS; i++) {
		int64_t start = (int64_t)draw(86400), first = (int64_t)draw(200000),
			last = first + (int64_t)draw(200000), best = INT64_MIN, off = 0;
		struct gcs_seen s = {.onset = {.given = true, .ns = (int64_t)draw(86400) * S_NS},
				     .nsaw = 1};
		s.end = (struct gcs_moment){.given = draw(2), .ns = (int64_t)draw(86400) * S_NS};
		s.saw[0].at = (struct gcs_moment){.given = true, .ns = (int64_t)draw(86400) * S_NS};
		struct gcs_wall w = {.moment = {.given = true, .ns = start * S_NS}};
		struct gcs_joined j;
		struct gcs_seen_wrong wrong;
		int e = gcs_seen_join(&s, &w, first * S_NS, last * S_NS, &j, &wrong);
		for (int64_t t = s.onset.ns / S_NS - start - 3 * 86400; t < 9 * 86400;
		     t += 86400) {
			int64_t its = t < first ? first - t : t > last ? t - last : 0;
			if (best == INT64_MIN || its < off || (its == off && off > 0 && t > best)) {
				best = t;
				off = its;
			}
		}
		if (s.end.given && s.end.ns == s.onset.ns) {
			assert_int_equal(e, -EINVAL);
			continue;
		}
		assert_int_equal(e, 0);
		assert_true(j.onset_ns == best * S_NS);
		if (s.end.given)
			assert_true(j.end_ns > j.onset_ns && j.end_ns - j.onset_ns < GCS_DAY_NS &&
				    (j.end_ns + start * S_NS - s.end.ns) % GCS_DAY_NS == 0);
		int64_t at = j.saw[0].at_ns - j.onset_ns;
		assert_true(at >= -GCS_SEEN_BEFORE_NS && at < GCS_DAY_NS - GCS_SEEN_BEFORE_NS);
		assert_true((j.saw[0].at_ns + start * S_NS - s.saw[0].at.ns) % GCS_DAY_NS == 0);
	}
}

/* ---- the scenario */

/* A cycle a second, from gc 1 @1.000s on. */
static void make_log(struct gcs_gctrace_log *log, int n)
{
	gcs_gctrace_log_init(log);
	for (int i = 1; i <= n; i++) {
		char line[256];
		int bytes = snprintf(line, sizeof line,
				     "gc %d @%d.000s 1%%: 0.02+1.0+0.03 ms clock, 0.04+0.1/0.9/0+0.06 ms cpu, 38->39->20 MB, 40 MB goal, "
				     "0 MB stacks, 0 MB globals, 2 P\n",
				     i, i);
		assert_int_equal(gcs_gctrace_log_feed(log, line, (size_t)bytes), 0);
	}
	assert_int_equal(gcs_gctrace_log_finish(log), 0);
}

static struct gcs_scenario *scenario_of(const char *text, const char *time)
{
	char path[] = "/tmp/test_seen.XXXXXX";
	struct gcs_scenario_options opt = {.time_scale = time, .heap_scale = "1"};
	struct gcs_scenario_error error = {0};
	struct gcs_scenario *s = NULL;
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	if (gcs_scenario_load_with(&s, path, &opt, &error))
		fail_msg("%s\n%s", error.text, text);
	unlink(path);
	return s;
}

struct made {
	struct gcs_wall wall;
	struct gcs_seen *seen;
	struct gcs_joined joined;
	struct gcs_import im;
	struct gcs_scenario *s;
};

static int make(struct made *m, const char *at, const char *timeline, int cycles, const char *time)
{
	char path[] = "/tmp/test_seen.XXXXXX";
	struct gcs_gctrace_log log;
	struct gcs_scenario_error error;
	memset(m, 0, sizeof *m);
	m->wall = wall(at);
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, timeline, strlen(timeline)), (ssize_t)strlen(timeline));
	close(fd);
	if (gcs_seen_load(&m->seen, &m->joined, path, &m->wall, S_NS, cycles * S_NS, &error))
		fail_msg("%s", error.text);
	unlink(path);
	make_log(&log, cycles);
	struct gcs_import_incident told = {&m->wall, m->seen, &m->joined};
	struct gcs_import_options opt = {.source = "test.log", .cpus = 2, .time_scale_milli = 1000,
					 .heap_scale_milli = 1000, .incident = &told};
	int e = gcs_import(&log, &opt, &m->im);
	gcs_gctrace_log_fini(&log);
	if (e == 0)
		m->s = scenario_of(m->im.text, time);
	return e;
}

static void made_fini(struct made *m)
{
	gcs_scenario_destroy(m->s);
	gcs_import_fini(&m->im);
	gcs_seen_destroy(m->seen);
}

/* Run time at which the incident's clock shows it. */
static double run_s(const struct gcs_scenario *s, int64_t clock_s)
{
	return (double)(clock_s * S_NS - s->clock_ns) / 1e9;
}

static void phase_is(const struct gcs_scenario *s, uint32_t i, const char *id, double from,
		     double to)
{
	assert_true(i < s->nphases);
	if (strcmp(s->phase[i].id, id) != 0 ||
	    fabs((double)s->phase[i].start_ns / 1e9 - from) > 0.002 ||
		fabs((double)s->phase[i].end_ns / 1e9 - to) > 0.002)
		fail_msg("phase %u: %s %lld to %lld, not %s %f to %f", i, s->phase[i].id,
			 (long long)s->phase[i].start_ns, (long long)s->phase[i].end_ns,
			 id, from, to);
}

#define AT_0310 (3 * 3600 + 10 * 60)

static void test_scenario(void **state)
{
	struct made m;
	(void)state;
	assert_int_equal(make(&m, "03:10",
			      "version: 1\nincident: checkout\nsource: \"a \\\"post-mortem\\\"\"\nonset: 03:10:20.5\nend: 03:10:50\nsaw:\n"
			      "  - {what: \"früher\", at: 03:10:25, until: 03:10:30, metric: heap.live.max, peak: 30MiB, within: 12.5%}\n"
			      "  - {what: all of it, metric: gc.cycles, value: 29}\n"
			      "  - {what: long before, at: 02:00, metric: gc.cycles, value: 1}\n"
			      "  - {what: pages, at: 03:10:40}\n"
			      "  - {what: late, at: 03:10:55, until: 04:00, metric: gc.cycles, value: 5, note: kept}\n",
			      60, "1"),
			 0);
	const struct gcs_scenario *s = m.s;
	/* logged.at is run time of gc 1, which is @1s: the clock shows 03:10:01 there */
	assert_true(fabs(run_s(s, AT_0310 + 1) - (double)s->logged.at_ns / 1e9) < 0.002);
	double onset = run_s(s, AT_0310 + 20) + 0.5, end = run_s(s, AT_0310 + 50);
	assert_int_equal(s->nphases, 4);
	phase_is(s, 1, "before", (double)s->phase[0].end_ns / 1e9, onset);
	phase_is(s, 2, "incident", onset, end);
	phase_is(s, 3, "after", end, (double)s->end_ns / 1e9);
	assert_int_equal(s->nreported, 5);
	const struct gcs_reported *r = s->reported;
	assert_string_equal(r[0].what, "früher");
	assert_string_equal(r[0].value, "30MiB");
	assert_true(r[0].peak && r[0].within_ppb == 125000000 && r[0].for_ns == 5 * S_NS);
	assert_true(fabs((double)r[0].at_ns / 1e9 - run_s(s, AT_0310 + 25)) < 0.002);
	assert_true(fabs((double)r[1].at_ns / 1e9 - onset) < 0.002 &&
		    fabs((double)r[1].for_ns / 1e9 - 29.5) < 0.003 && !r[1].peak);
	assert_true(r[2].for_ns == 0 && !r[2].metric && strstr(r[2].note, "not compared"));
	assert_true(r[3].for_ns == 2 * S_NS && !r[3].metric && strcmp(r[3].value, "seen") == 0 &&
		    r[3].note); /* two periods */
	assert_true(r[4].at_ns + r[4].for_ns <= s->end_ns && strcmp(r[4].note, "kept") == 0);
	assert_int_equal(m.im.sights_out, 1);
	made_fini(&m);
}

/* The clock goes on at the time scale; phases and figures are scaled along. */
static void test_scaled(void **state)
{
	struct made m;
	char clock[16];
	(void)state;
	assert_int_equal(make(&m, "23:59:30",
			      "version: 1\nincident: wrap\nonset: 00:00:10\nend: 00:00:30\nsaw:\n"
			      "  - {what: cycles, metric: gc.cycles, value: 20}\n", 120, "4"), 0);
	const struct gcs_scenario *s = m.s;
	assert_string_equal(s->phase[2].id, "incident");
	assert_true(fabs((double)(s->phase[2].end_ns - s->phase[2].start_ns) / 1e9 - 5) < 0.002);
	assert_true(gcs_scenario_clock(s, s->phase[2].start_ns + S_NS / 1000, clock));
	assert_string_equal(clock, "00:00:10");
	assert_true(gcs_scenario_clock(s, s->logged.at_ns + S_NS / 1000, clock));
	assert_string_equal(clock, "23:59:31");
	assert_true(llabs(s->reported[0].at_ns - s->phase[2].start_ns) < S_NS / 500 &&
		    llabs(s->reported[0].for_ns - 5 * S_NS) < S_NS / 500);
	made_fini(&m);
}

/* Of the log what the margin leaves. */
static void test_margin(void **state)
{
	struct made m;
	(void)state;
	assert_int_equal(make(&m, "03:10",
			      "version: 1\nincident: x\nonset: 03:10:30\nend: 03:10:40\nmargin: 5s\n", 60, "1"), 0);
	assert_true(m.im.number_first == 25 && m.im.number_last == 45 && m.im.n == 21 &&
		    m.im.cut == 39);
	assert_true(m.im.at_first_ns == 25 * S_NS && m.im.at_last_ns == 45 * S_NS);
	assert_true(fabs(run_s(m.s, AT_0310 + 25) - (double)m.s->logged.at_ns / 1e9) < 0.002);
	made_fini(&m);
	assert_int_equal(make(&m, "03:10",
			      "version: 1\nincident: x\nonset: 03:10:30.2\nend: 03:10:30.4\nmargin: 0s\n", 60, "1"), -EDOM);
	made_fini(&m);
	/* no end: to the log's end */
	assert_int_equal(make(&m, "03:10",
			      "version: 1\nincident: x\nonset: 03:10:30\nmargin: 5s\n", 60, "1"),
				0);
	assert_true(m.im.number_first == 25 && m.im.number_last == 60);
	assert_string_equal(m.s->phase[m.s->nphases - 1].id, "incident");
	made_fini(&m);
}

/* Edges that leave no room for a phase, or lie outside. */
static void test_edges(void **state)
{
	static const struct {
		const char *onset, *end, *phases;
	} rows[] = {
		{"03:09:00", "03:10:30", "warmup incident after "},
		{"03:09:00", "03:20:00", "warmup incident "},
		{"03:10:30", "03:20:00", "warmup before incident "},
		{"03:10:30", "03:10:30.001", "warmup before incident after "},
		{"03:09:00", "03:10:01.001", "warmup incident after "},
		{"03:11:00", "03:20:00", "warmup before incident "},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char text[256], names[256] = "";
		struct made m;
		snprintf(text, sizeof text, "version: 1\nincident: x\nonset: %s\nend: %s\n",
			 rows[i].onset, rows[i].end);
		assert_int_equal(make(&m, "03:10", text, 60, "1"), 0);
		for (uint32_t k = 0; k < m.s->nphases; k++)
			snprintf(names + strlen(names), sizeof names - strlen(names), "%s ",
				 m.s->phase[k].id);
		if (strcmp(names, rows[i].phases) != 0)
			fail_msg("row %zu: %s, not %s", i, names, rows[i].phases);
		made_fini(&m);
	}
}

/* A log longer than a scenario: the stretch that has the onset, though another has more cycles. */
static void test_long(void **state)
{
	struct gcs_gctrace_log log;
	struct gcs_wall w = wall("00:00");
	struct gcs_seen seen = {.margin_ns = -1};
	struct gcs_joined joined = {.onset_ns = 40 * 3600 * S_NS, .end_ns = 41 * 3600 * S_NS};
	struct gcs_import_incident told = {&w, &seen, &joined};
	struct gcs_import_options opt = {.source = "test.log", .cpus = 2};
	struct gcs_import im;
	char incident[] = "long";
	(void)state;
	seen.incident = incident;
	gcs_gctrace_log_init(&log);
	for (int i = 1; i <= 600; i++) { /* one a minute for six hours, then one in twelve */
		char line[256];
		int at = i <= 360 ? 60 * i : 60 * 360 + 720 * (i - 360);
		int bytes = snprintf(line, sizeof line,
				     "gc %d @%d.000s 1%%: 0.02+1.0+0.03 ms clock, 0.04+0.1/0.9/0+0.06 ms cpu, 38->39->20 MB, 40 MB goal, 2 P\n", i, at);
		assert_int_equal(gcs_gctrace_log_feed(&log, line, (size_t)bytes), 0);
	}
	assert_int_equal(gcs_gctrace_log_finish(&log), 0);
	assert_int_equal(gcs_import(&log, &opt, &im), 0);
	assert_true(im.number_first == 1);
	gcs_import_fini(&im);
	opt.incident = &told;
	assert_int_equal(gcs_import(&log, &opt, &im), 0);
	assert_true(im.at_first_ns <= joined.onset_ns && im.at_last_ns >= joined.onset_ns);
	gcs_import_fini(&im);
	gcs_gctrace_log_fini(&log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_corpus),
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bent),
		cmocka_unit_test(test_join),
		cmocka_unit_test(test_wall),
		cmocka_unit_test(test_days),
		cmocka_unit_test(test_scenario),
		cmocka_unit_test(test_scaled),
		cmocka_unit_test(test_margin),
		cmocka_unit_test(test_edges),
		cmocka_unit_test(test_long),
	};
	const char *seed = getenv("GCS_TEST_SEED");
	draw_state = seed ? strtoull(seed, NULL, 0) : 0x2481;
	print_message("GCS_TEST_SEED=%llu\n", (unsigned long long)draw_state);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
