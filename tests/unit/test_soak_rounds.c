/* test_soak_rounds.c: a soak whose runs are played: what is counted, kept and printed, when it
 * ends and with which exit code; and that nothing finished is lost, whatever it is killed in. */
#include "harness/record/record.h"
#include "harness/soak/soak.h"
#include "harness/soak/soak_state.h"
#include "harness/measure/verdict.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define ROUND_NS INT64_C(10000000000) /* what every played round takes */
#define ROUNDS	 40

/* ---- a world that is played */

struct shared { /* seen by the parent of a killed soak */
	uint64_t seed[ROUNDS]; /* of the rounds that the state has taken as finished; 0: not */
};
struct world {
	struct gcs_soak_world w;
	int exit[ROUNDS];      /* of round i; 0 pass */
	unsigned lines[ROUNDS]; /* of gctrace, a kilobyte each, which only a whole record keeps */
	int64_t now_ns;
	unsigned runs;	 /* so far */
	uint64_t number; /* of the run in progress */
	uint64_t seed;
	int raise_in; /* round at whose end a signal comes, 0: none */
	int step, kill_at;
	struct shared *shared;
};

static const char scenario_text[] =
	"version: 1\nname: %s\nworkload:\n  - {id: maps, driver: map-churn, workers: 1, "
	"rate: 1k/s, keys: 1k}\nphases:\n  - {id: steady, for: 2s}\n";

static void played_rows(const struct world *w, struct gcs_record *rec, int exit)
{
	char text[1024];
	gcs_record_put(rec, GCS_ROW_RUN, gcs_text("t"), gcs_text("alpha"), gcs_u64(w->seed),
		       gcs_text("embedded"), gcs_int(2), gcs_int(0), gcs_text("x"), gcs_int(0));
	gcs_record_put(rec, GCS_ROW_PHASE, gcs_int(0), gcs_text("steady"), gcs_int(0),
		       gcs_int(ROUND_NS), gcs_int(1));
	gcs_record_put(rec, GCS_ROW_FAULT, gcs_int(0), gcs_text("oom"), gcs_text("mem/malloc"),
		       gcs_text("fail"), gcs_int(1));
	gcs_record_put(rec, GCS_ROW_OCCURRENCE, gcs_int(0), gcs_int(0), gcs_int(0), gcs_int(0),
		       gcs_int(0), gcs_int(5), gcs_int(0), gcs_int(7),
		       gcs_u64(1000000 * w->number), gcs_int(3), gcs_int(0), gcs_int(0),
		       gcs_text(exit ? "never" : "steady"));
	memset(text, 'g', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (unsigned i = 0; i < w->lines[w->number] + 2; i++)
		gcs_record_put(rec, GCS_ROW_GCTRACE, gcs_int(i), gcs_text(text));
}

static void played_at(void *self, const char *step)
{
	struct world *w = self;
	if (strcmp(step, "finished") == 0 && w->shared && w->runs)
		w->shared->seed[w->number] = w->seed;
	if (++w->step == w->kill_at)
		kill(getpid(), SIGKILL);
}

static enum gcs_exit played_run(void *self, const struct gcs_run_options *opt,
				struct gcs_run_result *ret)
{
	struct world *w = self;
	const struct gcs_record_options where = {.path = opt->record};
	struct gcs_record *rec;
	char hash[24], sentence[64];
	const char *name = strstr(opt->record, "round-");
	assert_non_null(name);
	w->number = strtoull(name + 6, NULL, 10);
	assert_true(w->number > 0 && w->number < ROUNDS);
	w->seed = opt->scenario->seed;
	w->now_ns += ROUND_NS;
	w->runs++;
	int exit = w->exit[w->number];
	*ret = (struct gcs_run_result){.exit = (enum gcs_exit)exit, .duration_ns = ROUND_NS};
	snprintf(ret->sentence, sizeof(ret->sentence), "nothing ran");
	if (exit == GCS_EXIT_UNSUPPORTED)
		return (enum gcs_exit)exit;
	assert_int_equal(gcs_record_create(&rec, &where, NULL), 0);
	played_rows(w, rec, exit);
	gcs_record_sync(rec);
	played_at(w, "half a record");
	snprintf(hash, sizeof(hash), "%016" PRIx64, opt->scenario->seed);
	snprintf(sentence, sizeof(sentence), "round %" PRIu64 " of %s", w->number,
		 opt->scenario->name);
	gcs_record_put(rec, GCS_ROW_VERDICT, gcs_int(exit),
		       gcs_text(gcs_verdict_word((enum gcs_exit)exit)), gcs_text(sentence));
	gcs_record_put(rec, GCS_ROW_RUN_END, gcs_int(ROUND_NS), gcs_text(hash));
	gcs_record_sync(rec);
	played_at(w, "judged, not closed");
	assert_int_equal(gcs_record_close(rec), 0);
	snprintf(ret->sentence, sizeof(ret->sentence), "%s", sentence);
	if (w->raise_in == (int)w->number)
		kill(getpid(), SIGTERM); /* blocked: the soak finds it */
	return (enum gcs_exit)exit;
}

static int64_t played_now(void *self)
{
	return ((struct world *)self)->now_ns;
}

static void world_init(struct world *w)
{
	memset(w, 0, sizeof(*w));
	w->w = (struct gcs_soak_world){played_run, played_now, played_at, w};
}

/* ---- a place, a plan, a sitting */

struct place {
	char top[64], dir[128];
	char *out; /* of the last sitting; malloc'd */
};

static void place_init(struct place *p)
{
	memset(p, 0, sizeof(*p));
	strcpy(p->top, "/tmp/gcstorm-test-XXXXXX");
	assert_non_null(mkdtemp(p->top));
	snprintf(p->dir, sizeof(p->dir), "%s/soak", p->top);
}

static void place_empty(const char *dir)
{
	char path[512];
	struct dirent *e;
	DIR *d = opendir(dir);
	while (d && (e = readdir(d)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		unlink(path);
	}
	if (d)
		closedir(d);
	rmdir(dir);
}

static void place_fini(struct place *p)
{
	place_empty(p->dir);
	assert_int_equal(rmdir(p->top), 0);
	free(p->out);
}

static struct gcs_soak_plan plan_of(uint32_t scenarios)
{
	static const char *const names[] = {"alpha", "beta"};
	struct gcs_soak_plan p = {.name = strdup("alpha"), .seed = 77, .disk_bytes = 1ull << 30};
	for (uint32_t i = 0; i < scenarios; i++) {
		char file[64];
		snprintf(file, sizeof(file), "scenario-%u-%s.yaml", i + 1, names[i]);
		p.scenario[p.nscenarios++] = (struct gcs_soak_scenario){
			strdup(names[i]), strdup(names[i]), strdup(file)};
	}
	return p;
}

struct sitting {
	const char *format;
	struct gcs_soak_plan *plan; /* NULL: resume */
	struct gcs_soak_limits limits;
};

static enum gcs_exit sit_with(struct place *p, struct world *w, const struct sitting *how)
{
	size_t n;
	char *text[2];
	free(p->out);
	p->out = NULL;
	FILE *out = open_memstream(&p->out, &n);
	assert_non_null(out);
	const struct gcs_soak_options opt = {.dir = p->dir,
					     .format = how->format ? how->format : "text",
					     .out = out,
					     .world = &w->w};
	enum gcs_exit code;
	if (how->plan) {
		uint32_t scenarios = how->plan->nscenarios;
		for (uint32_t i = 0; i < scenarios; i++) {
			text[i] = malloc(512);
			assert_non_null(text[i]);
			snprintf(text[i], 512, scenario_text, how->plan->scenario[i].name);
		}
		code = gcs_soak_start(how->plan, text, &opt);
		for (uint32_t i = 0; i < scenarios; i++)
			free(text[i]);
		gcs_soak_plan_fini(how->plan);
	} else {
		code = gcs_soak_resume(&how->limits, &opt);
	}
	fclose(out);
	return code;
}

static enum gcs_exit start(struct place *p, struct world *w, struct gcs_soak_plan plan)
{
	return sit_with(p, w, &(struct sitting){.plan = &plan});
}

static enum gcs_exit resume(struct place *p, struct world *w)
{
	return sit_with(p, w, &(struct sitting){.plan = NULL});
}

static void assert_says(const struct place *p, const char *text)
{
	if (!strstr(p->out, text))
		print_error("no '%s' in:\n%s\n", text, p->out);
	assert_non_null(strstr(p->out, text));
}

/* ---- what the state says */

struct gathered {
	struct gcs_soak_round r[ROUNDS];
	size_t n;
	int64_t recoveries, notes;
};

static int gather_round(void *self, const struct gcs_soak_round *r)
{
	struct gathered *g = self;
	assert_true(g->n < ROUNDS);
	g->r[g->n++] = *r;
	return 0;
}

static void gather(const char *dir, struct gathered *g)
{
	struct gcs_soak_state *s;
	struct gcs_soak_plan plan;
	char *text = NULL;
	memset(g, 0, sizeof(*g));
	int e = gcs_soak_state_open(&s, dir, true, &plan, &text);
	if (e)
		print_error("%s\n", text ? text : "?");
	assert_int_equal(e, 0);
	assert_int_equal(gcs_soak_state_each(s, "1 ORDER BY number", gather_round, g), 0);
	g->recoveries = gcs_soak_state_number(s, "SELECT count(*) FROM recoveries", -1);
	g->notes = gcs_soak_state_number(s, "SELECT count(*) FROM notes", -1);
	gcs_soak_state_close(s);
	gcs_soak_plan_fini(&plan);
}

static bool record_there(const char *dir, const struct gcs_soak_round *r)
{
	char path[400];
	snprintf(path, sizeof(path), "%s/%s", dir, r->file);
	return access(path, F_OK) == 0;
}

/* Every record that the state counts on can be read and has its verdict. */
static void assert_records_stand(const char *dir, const struct gathered *g)
{
	for (size_t i = 0; i < g->n; i++) {
		char path[400], *text = NULL;
		size_t n;
		const struct gcs_soak_round *r = &g->r[i];
		if (r->record != GCS_SOAK_WHOLE && r->record != GCS_SOAK_THIN)
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, r->file);
		FILE *out = open_memstream(&text, &n);
		assert_int_equal(gcs_report(path, "text", out, stderr), 0);
		fclose(out);
		assert_null(strstr(text, "UNFINISHED"));
		assert_non_null(strstr(text, r->sentence));
		free(text);
	}
}

/* ---- tests */

static void test_rounds(void **state)
{
	struct place p;
	struct world w;
	struct gathered g;
	struct gcs_soak_plan plan = plan_of(2);
	(void)state;
	place_init(&p);
	world_init(&w);
	plan.rounds = 5;
	const struct gcs_soak_plan seeds = {.seed = plan.seed, .nscenarios = 2};
	assert_int_equal(start(&p, &w, plan), GCS_EXIT_PASS);
	gather(p.dir, &g);
	assert_int_equal(g.n, 5);
	for (uint64_t i = 0; i < 5; i++) {
		const struct gcs_soak_round *r = &g.r[i];
		char hash[24], line[64];
		assert_int_equal(r->number, i + 1);
		assert_int_equal(r->scenario, i % 2);
		assert_true(r->finished);
		assert_int_equal(r->seed, gcs_soak_seed_of(&seeds, i + 1));
		snprintf(hash, sizeof(hash), "%016" PRIx64, r->seed); /* it ran with that */
		assert_string_equal(r->hash, hash);
		assert_int_equal(r->record, GCS_SOAK_THIN);
		assert_true(record_there(p.dir, r));
		assert_true(r->harness_rss > 0 && r->record_bytes > 0);
		assert_int_equal(r->recovery_max_ns, 1000000 * (i + 1));
		assert_int_equal(r->stw_max_ns, -1);
		snprintf(line, sizeof(line), "\n#%04" PRIu64 " ", i + 1);
		assert_says(&p, line);
	}
	assert_int_equal(g.recoveries, 5);
	assert_records_stand(p.dir, &g);
	assert_says(&p, "5 rounds in 50.0 s: 5 PASS.");
	assert_says(&p, "It has ended: all rounds are done.");
	assert_says(&p, "p50 3 ms");
	assert_says(&p, "0 whole, 5 thinned, 0 removed");
	/* Again: said once more, nothing is run. */
	assert_int_equal(resume(&p, &w), GCS_EXIT_PASS);
	assert_int_equal(w.runs, 5);
	assert_says(&p, "this soak has ended: all rounds are done");
	/* More rounds are a new limit. */
	const uint64_t more = 7;
	assert_int_equal(sit_with(&p, &w, &(struct sitting){.limits = {.rounds = &more}}),
			 GCS_EXIT_PASS);
	assert_int_equal(w.runs, 7);
	place_fini(&p);
}

static void test_time_over_all_sittings(void **state)
{
	struct place p;
	struct world w, again;
	struct gathered g;
	struct gcs_soak_plan plan = plan_of(1);
	(void)state;
	place_init(&p);
	world_init(&w);
	plan.for_ns = 35 * ROUND_NS / 10;
	w.exit[3] = GCS_EXIT_INT;
	assert_int_equal(start(&p, &w, plan), GCS_EXIT_INT);
	assert_says(&p, "It has not ended. To go on: gcstorm soak --resume");
	gather(p.dir, &g);
	assert_int_equal(g.n, 2); /* the third was cut off, its record is gone */
	assert_int_equal(g.notes, 1);
	world_init(&again);
	again.now_ns = 12345 * ROUND_NS; /* the clock of another boot */
	assert_int_equal(resume(&p, &again), GCS_EXIT_PASS);
	gather(p.dir, &g);
	assert_int_equal(again.runs, 1); /* 30 s were spent: one more begins */
	assert_int_equal(g.n, 3);
	assert_says(&p, "3 rounds in 40.0 s");
	assert_says(&p, "It has ended: the time is up.");
	place_fini(&p);
}

static void test_until_failure(void **state)
{
	struct place p;
	struct world w;
	struct gcs_soak_plan plan = plan_of(2);
	(void)state;
	place_init(&p);
	world_init(&w);
	plan.until_failure = true;
	plan.rounds = 20;
	w.exit[2] = GCS_EXIT_INCONCLUSIVE; /* decided nothing: no failure */
	w.exit[4] = GCS_EXIT_FAIL;
	assert_int_equal(start(&p, &w, plan), GCS_EXIT_FAIL);
	assert_int_equal(w.runs, 4);
	assert_says(&p, "It has ended: a round failed.");
	assert_says(&p, "      round 4 of beta\n      again: gcstorm run --seed 0x");
	assert_says(&p, "2 whole, 2 thinned");
	assert_int_equal(resume(&p, &w), GCS_EXIT_FAIL);
	assert_int_equal(w.runs, 4);
	place_fini(&p);
}

static void test_exit_codes(void **state)
{
	static const struct {
		int exit[4], want;
	} cases[] = {
		{{0, 0, 0}, 0},	  {{0, 7, 0}, 7},     {{5, 7, 0}, 5},	{{7, 1, 5}, 1},
		{{1, 4, 5}, 4},	  {{4, 99, 1}, 99},   {{0, 0, 130}, 130}, {{99, 143, 0}, 143},
		{{99, 3, 0}, 3},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct place p;
		struct world w;
		struct gcs_soak_plan plan = plan_of(1);
		place_init(&p);
		world_init(&w);
		plan.rounds = 3;
		memcpy(&w.exit[1], cases[i].exit, 3 * sizeof(int));
		assert_int_equal(start(&p, &w, plan), cases[i].want);
		place_fini(&p);
	}
}

/* A round that cannot run here, and a harness that fails again and again, end the soak; it can be
 * gone on with. */
static void test_troubles(void **state)
{
	struct place p;
	struct world w;
	struct gathered g;
	struct gcs_soak_plan plan = plan_of(1);
	(void)state;
	place_init(&p);
	world_init(&w);
	plan.rounds = 8;
	w.exit[2] = GCS_EXIT_UNSUPPORTED;
	assert_int_equal(start(&p, &w, plan), GCS_EXIT_UNSUPPORTED);
	gather(p.dir, &g);
	assert_int_equal(g.n, 1);
	w.exit[2] = w.exit[3] = w.exit[5] = w.exit[6] = w.exit[7] = GCS_EXIT_HARNESS;
	assert_int_equal(resume(&p, &w), GCS_EXIT_HARNESS);
	gather(p.dir, &g);
	assert_int_equal(g.n, 7);
	assert_int_equal(resume(&p, &w), GCS_EXIT_HARNESS); /* round 8 is the last, and passes */
	gather(p.dir, &g);
	assert_int_equal(g.n, 8);
	place_fini(&p);
}

static void test_signal_between_rounds(void **state)
{
	struct place p;
	struct world w;
	struct gathered g;
	struct gcs_soak_plan plan = plan_of(1);
	(void)state;
	place_init(&p);
	world_init(&w);
	plan.rounds = 8;
	w.raise_in = 2;
	assert_int_equal(start(&p, &w, plan), GCS_EXIT_TERM);
	gather(p.dir, &g);
	assert_int_equal(g.n, 2); /* the second is whole all the same */
	assert_int_equal(g.notes, 0);
	assert_true(g.r[1].finished);
	place_fini(&p);
}

static void test_places(void **state)
{
	struct place p;
	struct world w;
	struct gcs_soak_plan plan = plan_of(1);
	char path[200];
	(void)state;
	place_init(&p);
	world_init(&w);
	plan.rounds = 1;
	/* Nothing is there to go on with, and nothing is made. */
	assert_int_equal(resume(&p, &w), GCS_EXIT_USAGE);
	assert_int_equal(access(p.dir, F_OK), -1);
	assert_int_equal(mkdir(p.dir, 0700), 0);
	assert_int_equal(resume(&p, &w), GCS_EXIT_USAGE);
	assert_int_equal(rmdir(p.dir), 0); /* still empty */
	/* An empty directory is as good as none. */
	assert_int_equal(mkdir(p.dir, 0700), 0);
	assert_int_equal(start(&p, &w, plan), GCS_EXIT_PASS);
	/* A second one does not begin where one is. */
	plan = plan_of(1);
	assert_int_equal(start(&p, &w, plan), GCS_EXIT_USAGE);
	assert_int_equal(w.runs, 1);
	/* Two do not share one. */
	snprintf(path, sizeof(path), "%s/" GCS_SOAK_LOCK, p.dir);
	FILE *lock = fopen(path, "r+");
	assert_non_null(lock);
	assert_int_equal(flock(fileno(lock), LOCK_EX | LOCK_NB), 0);
	assert_int_equal(resume(&p, &w), GCS_EXIT_USAGE);
	/* But its summary can be read. */
	char *text = NULL;
	size_t n;
	FILE *out = open_memstream(&text, &n);
	assert_int_equal(gcs_soak_report(p.dir, "text", out, stderr), 0);
	fclose(out);
	assert_non_null(strstr(text, "1 round in 10.0 s: 1 PASS."));
	free(text);
	fclose(lock);
	assert_int_equal(resume(&p, &w), GCS_EXIT_PASS);
	place_fini(&p);
}

static void test_room(void **state)
{
	struct place p;
	struct world w;
	struct gathered g;
	struct gcs_soak_plan plan = plan_of(1);
	(void)state;
	place_init(&p);
	world_init(&w);
	for (int i = 1; i < ROUNDS; i++)
		w.lines[i] = 1000; /* a megabyte whole, next to nothing thin */
	plan.rounds = 3;
	plan.disk_bytes = 4 << 20;
	w.exit[2] = w.exit[4] = w.exit[7] = GCS_EXIT_FAIL;
	w.exit[3] = GCS_EXIT_INCONCLUSIVE;
	assert_int_equal(start(&p, &w, plan), GCS_EXIT_FAIL);
	gather(p.dir, &g); /* all fits: two megabytes and a little */
	const enum gcs_soak_record fits[] = {GCS_SOAK_THIN, GCS_SOAK_WHOLE, GCS_SOAK_WHOLE};
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(g.r[i].record, fits[i]);
	/* Less room: what passed goes, what decided nothing is thinned; the failing one stays. */
	const uint64_t little = 2 << 20;
	assert_int_equal(sit_with(&p, &w, &(struct sitting){.limits = {.disk_bytes = &little}}),
			 GCS_EXIT_FAIL);
	gather(p.dir, &g);
	const enum gcs_soak_record less[] = {GCS_SOAK_GONE, GCS_SOAK_WHOLE, GCS_SOAK_THIN};
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(g.r[i].record, less[i]);
	assert_false(record_there(p.dir, &g.r[0]));
	assert_says(&p, "disk: the record of round 1 (passed) is removed");
	assert_says(&p, "disk: the record of round 3 (decided nothing) is thinned");
	/* More failing ones: the older are thinned, the last is whole whatever it takes. */
	const uint64_t tiny = 1 << 19, more = 7;
	const struct sitting both = {.limits = {.disk_bytes = &tiny, .rounds = &more}};
	assert_int_equal(sit_with(&p, &w, &both), GCS_EXIT_FAIL);
	gather(p.dir, &g);
	assert_int_equal(g.n, 7);
	assert_int_equal(g.r[6].record, GCS_SOAK_WHOLE);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(g.r[i].record, GCS_SOAK_GONE);
	assert_says(&p, "the last failing record alone is larger than 512KiB; it stays");
	assert_records_stand(p.dir, &g);
	place_fini(&p);
}

/* Each line is an object; the commands and figures are in it. */
static void test_json(void **state)
{
	struct place p;
	struct world w;
	struct gcs_soak_plan plan = plan_of(2);
	unsigned rounds = 0, summaries = 0, heads = 0;
	(void)state;
	place_init(&p);
	world_init(&w);
	plan.rounds = 6;
	w.exit[3] = GCS_EXIT_FAIL;
	assert_int_equal(sit_with(&p, &w, &(struct sitting){.format = "json", .plan = &plan}),
			 GCS_EXIT_FAIL);
	for (char *line = strtok(p.out, "\n"); line; line = strtok(NULL, "\n")) {
		json_t *o = json_loads(line, JSON_REJECT_DUPLICATES, NULL), *sum;
		assert_non_null(o);
		heads += json_object_get(o, "soak") != NULL;
		rounds += json_object_get(o, "round") != NULL;
		sum = json_object_get(o, "summary");
		if (sum) {
			const json_t *bad = json_object_get(sum, "not_passed");
			const json_t *memory = json_object_get(sum, "memory");
			summaries++;
			assert_int_equal(json_integer_value(json_object_get(sum, "exit")), 99);
			assert_int_equal(json_array_size(bad), 1);
			assert_int_equal(json_integer_value(json_object_get(json_array_get(bad, 0),
									    "round")), 3);
			assert_non_null(json_object_get(json_array_get(bad, 0), "command"));
			assert_string_equal(json_string_value(json_object_get(
						    json_object_get(memory, "harness"), "word")),
					    "flat");
		}
		json_decref(o);
	}
	assert_int_equal(heads, 1);
	assert_int_equal(rounds, 6);
	assert_int_equal(summaries, 1);
	place_fini(&p);
}

/* ---- killed at every step */

#define SWEEP_ROUNDS 6

static void sweep_world(struct world *w, struct shared *shared, int kill_at)
{
	world_init(w);
	w->shared = shared;
	w->kill_at = kill_at;
	w->exit[2] = w->exit[4] = GCS_EXIT_FAIL;
	w->exit[5] = GCS_EXIT_CRASH;
	for (int i = 1; i < ROUNDS; i++)
		w->lines[i] = 150;
}

static struct gcs_soak_plan sweep_plan(void)
{
	struct gcs_soak_plan plan = plan_of(2);
	plan.rounds = SWEEP_ROUNDS;
	plan.disk_bytes = 450 << 10; /* two whole ones and a few thin ones */
	return plan;
}

/* In a process of its own. Its wait status. */
static int sweep_sit(struct place *p, struct shared *shared, bool first, int kill_at)
{
	int status;
	fflush(NULL);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct world w;
		sweep_world(&w, shared, kill_at);
		enum gcs_exit code = first ? start(p, &w, sweep_plan()) : resume(p, &w);
		_exit((int)code);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static bool was_killed(int status)
{
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

/* Whatever the killed one had taken as finished is there. */
static void assert_nothing_lost(struct place *p, const struct shared *shared)
{
	struct gathered g;
	gather(p->dir, &g);
	for (uint64_t n = 1; n <= SWEEP_ROUNDS; n++) {
		if (!shared->seed[n])
			continue;
		assert_true(g.n >= n);
		assert_int_equal(g.r[n - 1].number, n);
		assert_true(g.r[n - 1].finished);
		assert_int_equal(g.r[n - 1].seed, shared->seed[n]);
	}
	assert_records_stand(p->dir, &g);
}

static void assert_same(const struct gathered *g, const struct gathered *want)
{
	assert_int_equal(g->n, want->n);
	assert_int_equal(g->recoveries, want->recoveries);
	for (size_t i = 0; i < g->n; i++) {
		const struct gcs_soak_round *a = &g->r[i], *b = &want->r[i];
		assert_int_equal(a->number, b->number);
		assert_int_equal(a->scenario, b->scenario);
		assert_int_equal(a->seed, b->seed);
		assert_int_equal(a->exit, b->exit);
		assert_int_equal(a->record, b->record);
		assert_int_equal(a->recovery_max_ns, b->recovery_max_ns);
		assert_true(a->finished && b->finished);
		assert_string_equal(a->hash, b->hash);
		assert_string_equal(a->sentence, b->sentence);
		assert_string_equal(a->file, b->file);
	}
}

/* Nothing lies about that an undisturbed soak would not have left. */
static unsigned files_in(const char *dir)
{
	unsigned n = 0;
	struct dirent *e;
	DIR *d = opendir(dir);
	assert_non_null(d);
	while ((e = readdir(d)) != NULL)
		n += e->d_name[0] != '.' && strncmp(e->d_name, GCS_SOAK_DB, 7) != 0;
	closedir(d);
	return n;
}

static void test_killed_anywhere(void **state)
{
	struct place oracle;
	struct gathered want, got;
	struct shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	(void)state;
	assert_ptr_not_equal(shared, MAP_FAILED);
	place_init(&oracle);
	int status = sweep_sit(&oracle, shared, true, 0);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == GCS_EXIT_FAIL);
	gather(oracle.dir, &want);
	unsigned files = files_in(oracle.dir);
	bool kinds[4] = {false};
	for (size_t i = 0; i < want.n; i++)
		kinds[want.r[i].record] = true;
	assert_true(kinds[GCS_SOAK_WHOLE] && kinds[GCS_SOAK_THIN] && kinds[GCS_SOAK_GONE]);
	int kill_at = 0;
	do {
		struct place p;
		kill_at++;
		place_init(&p);
		memset(shared, 0, sizeof(*shared));
		status = sweep_sit(&p, shared, true, kill_at);
		bool first_killed = was_killed(status), begun = kill_at > 1;
		if (first_killed && begun) {
			assert_nothing_lost(&p, shared);
			/* And once more, in the next sitting. */
			status = sweep_sit(&p, shared, false, 1 + kill_at % 9);
			assert_nothing_lost(&p, shared);
		}
		if (first_killed) {
			status = sweep_sit(&p, shared, false, 0);
			assert_true(WIFEXITED(status));
			assert_int_equal(WEXITSTATUS(status),
					 begun ? GCS_EXIT_FAIL : GCS_EXIT_USAGE);
		}
		if (begun) {
			gather(p.dir, &got);
			assert_same(&got, &want);
			assert_records_stand(p.dir, &got);
			assert_int_equal(files_in(p.dir), files);
		}
		place_fini(&p);
		if (!first_killed)
			break;
	} while (kill_at < 1000);
	assert_true(kill_at > 8 * SWEEP_ROUNDS / 2); /* it was killed in many places */
	print_message("killed at %d steps\n", kill_at - 1);
	place_fini(&oracle);
	munmap(shared, sizeof(*shared));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rounds),
		cmocka_unit_test(test_time_over_all_sittings),
		cmocka_unit_test(test_until_failure),
		cmocka_unit_test(test_exit_codes),
		cmocka_unit_test(test_troubles),
		cmocka_unit_test(test_signal_between_rounds),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_killed_anywhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
