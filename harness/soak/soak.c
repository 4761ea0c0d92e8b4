/*
 * soak.c: the loop of a soak, and its beginning, middle and end in the state.
 *
 * Of a round: begun (committed), run, finished (committed, with all figures), thinned, room made.
 * INT, TERM and HUP are blocked from the first step to the last: a run reads them itself, between
 * runs they are looked for.
 */
#define _GNU_SOURCE 1 /* asprintf */
#include "harness/soak/soak.h"
#include "harness/record/record.h"
#include "harness/report/report_priv.h"
#include "harness/soak/soak_priv.h"
#include "harness/base/units.h"
#include "harness/measure/verdict.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SOAK_BROKEN_MAX 3   /* rounds in a row in which the harness itself failed */
#define SOAK_DIR_ROOM	256 /* bytes of a path below the directory */

static int64_t soak_wall_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* ---- the world */

static enum gcs_exit world_run(void *self, const struct gcs_run_options *opt,
			       struct gcs_run_result *ret)
{
	(void)self;
	return gcs_run(opt, ret);
}

static int64_t world_now_ns(void *self)
{
	struct timespec ts;
	(void)self;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static const struct gcs_soak_world soak_real_world = {.run = world_run, .now_ns = world_now_ns};

static int64_t soak_now(const struct soak *s)
{
	return s->world->now_ns(s->world->self);
}

static int64_t soak_spent(const struct soak *s)
{
	return s->spent_before_ns + soak_now(s) - s->sat_down_ns;
}

/* Resident memory of this process; 0 where /proc does not say. */
static uint64_t soak_own_rss(void)
{
	unsigned long long size, resident = 0;
	FILE *f = fopen("/proc/self/statm", "re");
	if (f && fscanf(f, "%llu %llu", &size, &resident) != 2)
		resident = 0;
	if (f)
		fclose(f);
	return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* ---- trouble */

static void soak_trouble(struct soak *s, enum gcs_exit code, const char *what, int e)
{
	if (s->trouble != GCS_EXIT_PASS)
		return;
	s->trouble = e == -ENOSPC || e == -EDQUOT || e == -EROFS ? GCS_EXIT_UNSUPPORTED : code;
	if (e)
		fprintf(stderr, "gcstorm: %s: %s\n", what, strerror(-e));
	else
		fprintf(stderr, "gcstorm: %s\n", what);
}

/* The soak cannot go on without its state. true: it can. */
static bool soak_stands(struct soak *s, int e)
{
	if (e)
		soak_trouble(s, GCS_EXIT_HARNESS, "the soak's state or records cannot be written",
			     e);
	return e == 0;
}

/* ---- signals between runs */

static void soak_signal_set(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGHUP);
}

static void soak_look_for_signal(struct soak *s)
{
	sigset_t set;
	soak_signal_set(&set);
	int sig = sigtimedwait(&set, NULL, &(struct timespec){0});
	if (sig > 0)
		s->stopped = sig == SIGINT ? GCS_EXIT_INT : GCS_EXIT_TERM;
}

/* ---- a round: its figures */

static void figures_copy(char *to, size_t cap, const char *from)
{
	snprintf(to, cap, "%s", from ? from : "");
}

/* What the record says of the run; the caller frees it with report_fini. 0, -errno. */
static int figures_load(const char *path, struct report *ret)
{
	FILE *nowhere = fopen("/dev/null", "we");
	if (!nowhere)
		return -errno;
	int e = report_load(ret, path, nowhere);
	fclose(nowhere);
	return e;
}

/* No finer than it was measured: what was back within the resolution took that at most. */
static int64_t figures_recovery(const struct report *from, const struct report_occurrence *o)
{
	bool finer = o->recovery_ns >= 0 && o->recovery_ns < from->resolution_ns;
	return finer ? from->resolution_ns : o->recovery_ns;
}

static void figures_take(struct gcs_soak_round *r, const struct report *from)
{
	r->exit = from->exit;
	r->duration_ns = from->duration_ns;
	figures_copy(r->word, sizeof(r->word), from->word);
	figures_copy(r->sentence, sizeof(r->sentence), from->sentence);
	figures_copy(r->hash, sizeof(r->hash), from->hash);
	r->stw_max_ns = from->series[GCS_STW].count ? from->series[GCS_STW].max_ns : -1;
	r->target_rss = from->rss_max;
	r->recovery_max_ns = -1;
	for (size_t i = 0; i < from->noccs; i++) {
		int64_t recovery_ns = figures_recovery(from, &from->occ[i]);
		if (recovery_ns > r->recovery_max_ns)
			r->recovery_max_ns = recovery_ns;
	}
}

static struct gcs_soak_recovery *figures_recoveries(const struct report *from, size_t *ret_n)
{
	struct gcs_soak_recovery *list = calloc(from->noccs + 1, sizeof(*list));
	*ret_n = 0;
	for (size_t i = 0; list && i < from->noccs; i++) {
		const struct report_occurrence *o = &from->occ[i];
		list[(*ret_n)++] = (struct gcs_soak_recovery){
			.fault = o->fault < from->nfaults ? from->fault[o->fault].id : "",
			.state = o->state,
			.number = o->number,
			.recovery_ns = figures_recovery(from, o),
		};
	}
	return list;
}

/* Of a run that has ended; res NULL: it is only known from its record. 0, -errno of the state. */
static int soak_finish(struct soak *s, struct gcs_soak_round *r, const struct gcs_run_result *res)
{
	char path[GCS_PATH_BYTES];
	struct report report = {0};
	struct gcs_soak_recovery *list = NULL;
	size_t n = 0;
	soak_record_path(s, r->file, path);
	r->record_bytes = soak_record_bytes(path);
	r->record = r->record_bytes ? GCS_SOAK_WHOLE : GCS_SOAK_NONE;
	r->stw_max_ns = r->recovery_max_ns = -1;
	bool read = r->record_bytes && figures_load(path, &report) == 0;
	if (read) {
		figures_take(r, &report);
		list = figures_recoveries(&report, &n);
	}
	if (res) {
		if (!read || r->exit != (int)res->exit) {
			r->exit = res->exit;
			figures_copy(r->word, sizeof(r->word), gcs_verdict_word(res->exit));
			figures_copy(r->sentence, sizeof(r->sentence), res->sentence);
			r->duration_ns = res->duration_ns;
		}
		r->target_rss = res->target_rss_max > r->target_rss ? res->target_rss_max
								    : r->target_rss;
		r->by_hand = res->operator_modified;
		r->harness_rss = soak_own_rss();
	}
	int e = gcs_soak_state_finish(s->state, r, list, n, soak_spent(s));
	free(list);
	if (read)
		report_fini(&report);
	soak_at(s, "finished");
	return e;
}

/* ---- a round: from begin to end */

static int soak_begin(struct soak *s, uint64_t number, struct gcs_soak_round *r)
{
	char path[GCS_PATH_BYTES];
	*r = (struct gcs_soak_round){
		.number = number,
		.scenario = gcs_soak_scenario_of(&s->plan, number),
		.seed = gcs_soak_seed_of(&s->plan, number),
		.begun_wall_ns = soak_wall_ns(),
	};
	snprintf(r->file, sizeof(r->file), "round-%04" PRIu64 "-%s.gcrun", number,
		 s->plan.scenario[r->scenario].name);
	soak_record_path(s, r->file, path);
	soak_record_remove(path);
	int e = gcs_soak_state_begin(s->state, r);
	soak_at(s, "begun");
	return e;
}

/* The half record first: on a full disk its room is needed to write the note. */
static int soak_cut(struct soak *s, const struct gcs_soak_round *r, const char *why)
{
	char path[GCS_PATH_BYTES], note[160];
	soak_record_path(s, r->file, path);
	soak_record_remove(path);
	soak_at(s, "cut.removed");
	snprintf(note, sizeof(note), "round %" PRIu64 " was cut off (%s)", r->number, why);
	int e = gcs_soak_state_cut(s->state, r->number, note, soak_spent(s));
	soak_at(s, "cut");
	return e;
}

static enum gcs_exit soak_run(struct soak *s, const struct gcs_soak_round *r,
			      struct gcs_scenario *scenario, struct gcs_run_result *ret)
{
	char path[GCS_PATH_BYTES], label[64];
	char *command = gcs_soak_command(&s->plan, s->dir, r->number);
	soak_record_path(s, r->file, path);
	snprintf(label, sizeof(label), "#%04" PRIu64 " %s", r->number, scenario->name);
	const struct gcs_run_options opt = {
		.scenario = scenario,
		.sim = s->plan.sim,
		.display = soak_display(s->opt->display, label),
		.record = path,
		.format = "text",
		.command_line = command ? command : "",
		.quiet = true,
	};
	enum gcs_exit code = s->world->run(s->world->self, &opt, ret);
	free(command);
	if (soak_display_quit() && code != GCS_EXIT_TERM)
		code = GCS_EXIT_INT;
	soak_at(s, "ran");
	return code;
}

static int soak_load(struct soak *s, uint64_t number, struct gcs_scenario **ret)
{
	struct gcs_scenario_error error;
	int e = gcs_soak_load(&s->plan, s->dir, number, ret, &error);
	if (e == 0)
		return 0;
	fputs(error.text ? error.text : "gcstorm: no memory\n", stderr);
	gcs_scenario_error_fini(&error);
	return e;
}

/* What stands after a round: its record thinned or kept, and room. */
static int soak_tidy(struct soak *s, const struct gcs_soak_round *r)
{
	int e = 0;
	if (r->exit == GCS_EXIT_PASS && r->record == GCS_SOAK_WHOLE)
		e = soak_disk_thin(s, r->number, r->file);
	if (e == -EBUSY || e == -EINVAL)
		e = 0; /* somebody reads it, or it is no record: whole until the next sitting */
	return e ? e : soak_disk_keep(s);
}

/* Of a run that was stopped or could not begin: the round is still to be run. */
static bool soak_unfinished(struct soak *s, const struct gcs_soak_round *r, enum gcs_exit code)
{
	if (code == GCS_EXIT_INT || code == GCS_EXIT_TERM) {
		s->stopped = code;
		soak_stands(s, soak_cut(s, r, "interrupted"));
		return true;
	}
	if (code != GCS_EXIT_UNSUPPORTED && code != GCS_EXIT_USAGE)
		return false;
	soak_trouble(s, code == GCS_EXIT_USAGE ? GCS_EXIT_HARNESS : GCS_EXIT_UNSUPPORTED,
		     "the soak ends: this round cannot run here", 0);
	soak_cut(s, r, "it could not run");
	return true;
}

static void soak_one(struct soak *s, uint64_t number)
{
	struct gcs_soak_round r;
	struct gcs_scenario *scenario = NULL;
	struct gcs_run_result res = {.exit = GCS_EXIT_HARNESS};
	if (soak_load(s, number, &scenario)) {
		soak_trouble(s, GCS_EXIT_HARNESS,
			     "the soak ends: its copy of a scenario is no more what it was", 0);
		return;
	}
	int64_t from_ns = soak_now(s);
	if (soak_stands(s, soak_begin(s, number, &r))) {
		enum gcs_exit code = soak_run(s, &r, scenario, &res);
		res.exit = code;
		r.spent_ns = soak_now(s) - from_ns;
		if (!soak_unfinished(s, &r, code) && soak_stands(s, soak_finish(s, &r, &res))) {
			soak_tell_round(s, &r);
			soak_stands(s, soak_tidy(s, &r));
			s->broken = code == GCS_EXIT_HARNESS ? s->broken + 1 : 0;
		}
	}
	if (s->broken == SOAK_BROKEN_MAX)
		soak_trouble(s, GCS_EXIT_HARNESS,
			     "the soak ends: the harness itself failed three times in a row", 0);
	gcs_scenario_destroy(scenario);
}

static void soak_loop(struct soak *s)
{
	while (s->stopped == GCS_EXIT_PASS && s->trouble == GCS_EXIT_PASS) {
		struct gcs_soak_progress p;
		if (!soak_stands(s, gcs_soak_state_progress(s->state, &p)) ||
		    soak_over(s, &p, soak_spent(s)))
			return;
		soak_look_for_signal(s);
		if (s->stopped == GCS_EXIT_PASS)
			soak_one(s, p.last + 1);
	}
}

/* ---- after a kill */

static bool recover_judged(const char *path)
{
	struct report report;
	if (soak_record_bytes(path) == 0 || figures_load(path, &report))
		return false;
	bool judged = report.finished && report.exit != GCS_EXIT_INT &&
		      report.exit != GCS_EXIT_TERM && report.exit != GCS_EXIT_UNSUPPORTED;
	report_fini(&report);
	return judged;
}

/* A round that was begun and is not finished: finished now if its run was judged, else cut off. */
static int recover_round(struct soak *s, uint64_t finished)
{
	char path[GCS_PATH_BYTES];
	struct gcs_soak_round r;
	int found = gcs_soak_state_first(s->state, "NOT finished ORDER BY number LIMIT 1", &r);
	if (found <= 0) {
		soak_tell(s, "%" PRIu64 " round%s finished, none was cut off", finished,
			  finished == 1 ? "" : "s");
		return found;
	}
	soak_record_path(s, r.file, path);
	if (recover_judged(path)) {
		gcs_record_fold(path); /* killed before it was closed; where that fails it stays whole */
		soak_tell(s,
			  "%" PRIu64 " round%s finished; round %" PRIu64
			  " had come to its verdict and counts",
			  finished, finished == 1 ? "" : "s", r.number);
		int e = soak_finish(s, &r, NULL);
		if (e == 0)
			soak_tell_round(s, &r);
		return e;
	}
	soak_tell(s,
		  "%" PRIu64 " round%s finished, round %" PRIu64
		  " was cut off: again with the same seed",
		  finished, finished == 1 ? "" : "s", r.number);
	return soak_cut(s, &r, "the harness was killed");
}

static int soak_recover(struct soak *s)
{
	struct gcs_soak_progress p;
	int e = gcs_soak_state_progress(s->state, &p);
	if (e == 0)
		e = recover_round(s, p.finished);
	if (e == 0)
		e = soak_disk_recover(s);
	return e ? e : soak_disk_keep(s);
}

/* ---- the directory */

static bool dir_is_empty(const char *dir)
{
	struct dirent *e;
	bool empty = true;
	DIR *d = opendir(dir);
	while (d && empty && (e = readdir(d)) != NULL)
		empty = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
	if (d)
		closedir(d);
	return d && empty;
}

static enum gcs_exit dir_trouble(const char *dir, int e)
{
	fprintf(stderr, "gcstorm: no soak in %s: %s\n", dir, strerror(-e));
	return e == -EEXIST ? GCS_EXIT_USAGE : GCS_EXIT_UNSUPPORTED;
}

/* Every directory on the way that is missing, 0700. */
static int dir_make_all(const char *dir)
{
	char path[GCS_PATH_BYTES];
	if (snprintf(path, sizeof(path), "%s", dir) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	for (char *p = path + 1;; p++) {
		if (*p && *p != '/')
			continue;
		char was = *p;
		*p = '\0';
		if (mkdir(path, 0700) && errno != EEXIST && errno != EISDIR)
			return -errno;
		*p = was;
		if (!was)
			return 0;
	}
}

static enum gcs_exit dir_make(const char *dir)
{
	int e = dir_make_all(dir);
	if (e)
		return dir_trouble(dir, e);
	if (dir_is_empty(dir))
		return GCS_EXIT_PASS;
	fprintf(stderr,
		"gcstorm: no soak in %s: it is no empty directory\n"
		"  hint: --resume goes on with a soak that is there\n",
		dir);
	return GCS_EXIT_USAGE;
}

/* Nobody else may work in the directory; the lock goes with the process, however that ends. */
static enum gcs_exit dir_lock(struct soak *s)
{
	char path[GCS_PATH_BYTES];
	if (!realpath(s->opt->dir, s->dir))
		return dir_trouble(s->opt->dir, -errno);
	if (strlen(s->dir) + SOAK_DIR_ROOM > sizeof(s->dir))
		return dir_trouble(s->dir, -ENAMETOOLONG);
	soak_record_path(s, GCS_SOAK_LOCK, path);
	s->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->lock < 0)
		return dir_trouble(s->dir, -errno);
	if (flock(s->lock, LOCK_EX | LOCK_NB) == 0)
		return GCS_EXIT_PASS;
	if (errno != EWOULDBLOCK)
		return dir_trouble(s->dir, -errno);
	fprintf(stderr, "gcstorm: the soak in %s goes on already, in another process\n", s->dir);
	return GCS_EXIT_USAGE;
}

static int dir_copy(struct soak *s, const char *file, const char *text)
{
	char path[GCS_PATH_BYTES];
	soak_record_path(s, file, path);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
	if (!f) {
		int e = -errno;
		if (fd >= 0)
			close(fd);
		return e;
	}
	bool ok = fputs(text, f) >= 0 && fflush(f) == 0 && fsync(fd) == 0;
	int e = ok ? 0 : -errno;
	return fclose(f) && e == 0 ? -errno : e;
}

static int dir_copies(struct soak *s, char *const *text)
{
	int e = 0;
	for (uint32_t i = 0; i < s->plan.nscenarios && e == 0; i++)
		e = dir_copy(s, s->plan.scenario[i].file, text[i]);
	soak_at(s, "copied");
	return e;
}

/* ---- a sitting */

static enum gcs_exit soak_exit(struct soak *s)
{
	if (s->stopped != GCS_EXIT_PASS)
		return s->stopped;
	return s->trouble != GCS_EXIT_PASS ? s->trouble : soak_exit_of_rounds(s);
}

/* The state is open, the head is told: rounds, summary, exit code. */
static enum gcs_exit soak_sit(struct soak *s)
{
	soak_loop(s);
	int e = soak_summary(s, s->opt->out);
	if (e)
		soak_trouble(s, GCS_EXIT_HARNESS, "the summary cannot be told", e);
	return soak_exit(s);
}

static void soak_init(struct soak *s, const struct gcs_soak_options *opt)
{
	*s = (struct soak){.opt = opt, .world = opt->world ? opt->world : &soak_real_world};
	s->lock = -1;
	s->sat_down_ns = soak_now(s);
}

static void soak_fini(struct soak *s)
{
	gcs_soak_state_close(s->state);
	gcs_soak_plan_fini(&s->plan);
	if (s->lock >= 0)
		close(s->lock);
}

static enum gcs_exit soak_say_error(int e, char *text)
{
	fprintf(stderr, "gcstorm: %s\n", text ? text : strerror(-e));
	free(text);
	return e == -ENOENT || e == -EINVAL ? GCS_EXIT_USAGE : GCS_EXIT_UNSUPPORTED;
}

static enum gcs_exit start_locked(struct soak *s, char *const *text)
{
	char *why = NULL;
	int e = dir_copies(s, text);
	if (e)
		return dir_trouble(s->dir, e);
	e = gcs_soak_state_create(&s->state, s->dir, &s->plan, &why);
	if (e)
		return soak_say_error(e, why);
	soak_at(s, "created");
	soak_tell_head(s, false);
	return soak_sit(s);
}

static enum gcs_exit resume_locked(struct soak *s, const struct gcs_soak_limits *limits)
{
	char *why = NULL;
	struct gcs_soak_progress p = {0};
	int e = gcs_soak_state_open(&s->state, s->dir, false, &s->plan, &why);
	if (e)
		return soak_say_error(e, why);
	if (limits->for_ns)
		s->plan.for_ns = *limits->for_ns;
	if (limits->rounds)
		s->plan.rounds = *limits->rounds;
	if (limits->disk_bytes)
		s->plan.disk_bytes = *limits->disk_bytes;
	if (limits->for_ns || limits->rounds || limits->disk_bytes)
		e = gcs_soak_state_limits(s->state, &s->plan);
	if (e == 0)
		e = gcs_soak_state_progress(s->state, &p);
	s->spent_before_ns = p.spent_ns;
	soak_tell_head(s, true);
	if (soak_stands(s, e))
		soak_stands(s, soak_recover(s));
	if (s->trouble == GCS_EXIT_PASS && gcs_soak_state_progress(s->state, &p) == 0) {
		const char *over = soak_over(s, &p, soak_spent(s));
		if (over)
			soak_tell(s, "this soak has ended: %s", over);
	}
	return soak_sit(s);
}

/* A soak from lock to unlock, with its signals held back. */
static enum gcs_exit soak_whole(struct soak *s, char *const *text,
				const struct gcs_soak_limits *limits)
{
	sigset_t set, before;
	soak_signal_set(&set);
	sigprocmask(SIG_BLOCK, &set, &before);
	mode_t mask = umask(077);
	enum gcs_exit code = dir_lock(s);
	if (code == GCS_EXIT_PASS)
		code = text ? start_locked(s, text) : resume_locked(s, limits);
	umask(mask);
	soak_fini(s);
	soak_look_for_signal(s); /* one that came too late has had its effect */
	sigprocmask(SIG_SETMASK, &before, NULL);
	return code;
}

enum gcs_exit gcs_soak_start(struct gcs_soak_plan *plan, char *const *text,
			     const struct gcs_soak_options *opt)
{
	struct soak s;
	soak_init(&s, opt);
	s.plan = *plan;
	memset(plan, 0, sizeof(*plan));
	enum gcs_exit code = dir_make(opt->dir);
	if (code == GCS_EXIT_PASS)
		return soak_whole(&s, text, NULL);
	soak_fini(&s);
	return code;
}

enum gcs_exit gcs_soak_resume(const struct gcs_soak_limits *limits,
			      const struct gcs_soak_options *opt)
{
	struct soak s;
	char *why = NULL;
	struct gcs_soak_plan plan;
	struct gcs_soak_state *state;
	/* Before the lock: a directory without a soak is left as it is. */
	int e = gcs_soak_state_open(&state, opt->dir, true, &plan, &why);
	if (e)
		return soak_say_error(e, why);
	gcs_soak_state_close(state);
	gcs_soak_plan_fini(&plan);
	soak_init(&s, opt);
	return soak_whole(&s, NULL, limits);
}

int gcs_soak_report(const char *dir, const char *format, FILE *out, FILE *err)
{
	struct soak s;
	char *why = NULL;
	const struct gcs_soak_options opt = {.dir = dir, .format = format, .out = out};
	soak_init(&s, &opt);
	int e = realpath(dir, s.dir) ? 0 : -errno;
	if (e == 0)
		e = gcs_soak_state_open(&s.state, s.dir, true, &s.plan, &why);
	if (e == 0)
		e = soak_summary(&s, out);
	if (e)
		fprintf(err, "gcstorm: %s\n", why ? why : strerror(-e));
	free(why);
	soak_fini(&s);
	return e;
}
