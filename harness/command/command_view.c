/*
 * command_view.c: gcstorm view: a record on the screen, from a list or by name; or two, beside each other.
 *
 * One thread waits for keys, signals and time; the player decides what is shown, the display draws it. Whatever ends it, the
 * display is closed first: SIGINT, SIGTERM and SIGHUP come through a signalfd; Ctrl-Z and coming back are the display's.
 */
#include "harness/command/command_versus.h"

#include "harness/base/signals.h"
#include "harness/collect/collect.h"
#include "harness/playback/player.h"
#include "harness/report/runs.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#define VIEW_BEGIN_NS INT64_C(3000000000) /* for a run that begins to be in its record */
#define VIEW_RETRY_NS INT64_C(50000000)
#define VIEW_AGAIN_NS INT64_C(1000000000) /* runs that are not over, in the list */

struct view {
	const struct gcs_display *display;
	void *self;
	int signals;
	sigset_t old_mask;
	enum gcs_exit code;
	bool over;
	struct gcs_runs runs; /* n 0: there is no list */
	char *trouble;        /* told when the screen is gone */
	double band;	      /* of comparisons */
	const char *path;     /* of the record that is shown */
	struct gcs_versus *versus; /* what it is put beside; NULL: nothing */
	struct gcs_runs others;	   /* to choose that from, where there is no list; n 0: not read */
	int64_t marked;		   /* entry of the list that is compared with the next that is chosen; -1 none */
	char notice[112];	   /* said when the record is shown; "" nothing */
};

enum { VIEW_NOTHING = -1, VIEW_BACK = -2 }; /* of what is chosen in a list */

static int64_t view_clock(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* ---------------------------------------------------------------- the terminal */

static int view_no_terminal(void)
{
	fputs("gcstorm: view needs a terminal; `gcstorm view --plain RUN` tells the same in lines, `gcstorm report RUN` what came of it\n", stderr);
	return GCS_EXIT_UNSUPPORTED;
}

static bool view_terminal(const struct gcs_arguments *a)
{
	const char *term = getenv("TERM");
	if (a->value[GCS_OPT_PLAIN] || strcmp(a->format, "json") == 0)
		return false;
	return a->screen && a->screen->list && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && term && *term &&
	       strcmp(term, "dumb") != 0;
}

static int view_open(struct view *v, const struct gcs_display *screen)
{
	v->signals = gcs_signals_open(false, &v->old_mask);
	int e = v->signals < 0 ? v->signals : screen->open(&v->self);
	if (e == 0)
		v->display = screen;
	return e;
}

static void view_close(struct view *v)
{
	if (v->display)
		v->display->close(v->self);
	if (v->signals >= 0)
		close(v->signals);
	sigprocmask(SIG_SETMASK, &v->old_mask, NULL);
}

static void view_end(struct view *v, enum gcs_exit code)
{
	v->over = true;
	v->code = code;
}

/* Until a key, a signal, a change of the window's size, or so much time; -1: without an end. */
static void view_wait(struct view *v, int64_t ns)
{
	struct signalfd_siginfo info;
	struct pollfd fds[] = {{.fd = v->display->fd(v->self), .events = POLLIN}, {.fd = v->signals, .events = POLLIN}};
	if (fds[0].fd < 0)
		view_end(v, GCS_EXIT_TERM); /* the terminal was found gone */
	else if (poll(fds, 2, ns < 0 ? -1 : (int)((ns + 999999) / 1000000)) < 0)
		return; /* EINTR: resized, or stopped and continued */
	if (fds[0].revents & (POLLHUP | POLLERR | POLLNVAL))
		view_end(v, GCS_EXIT_TERM); /* the terminal is gone */
	if (fds[1].revents && read(v->signals, &info, sizeof info) == (ssize_t)sizeof info)
		view_end(v, info.ssi_signo == SIGINT ? GCS_EXIT_INT : GCS_EXIT_TERM);
}

/* ---------------------------------------------------------------- a list */

static void view_mark(struct view *v, struct gcs_runs *runs, int64_t entry)
{
	for (uint32_t i = 0; i < runs->n; i++)
		runs->choice[i].marked = i == entry;
	v->marked = entry;
}

/* with: what the chosen one will be put beside; NULL: what is marked, if anything is. */
static void view_draw_list(struct view *v, const struct gcs_runs *runs, const char *with)
{
	v->display->list(v->self, runs->choice, runs->n, with || v->marked < 0 ? with : runs->choice[v->marked].name);
}

/* The entry that was chosen; VIEW_NOTHING yet; VIEW_BACK. */
static int64_t view_choice(struct view *v, struct gcs_runs *runs, const char *with)
{
	struct gcs_request req;
	for (int i = 0; i < 64 && (req = v->display->poll(v->self)).act != GCS_DO_NOTHING; i++) {
		if (req.act == GCS_DO_QUIT)
			view_end(v, GCS_EXIT_PASS);
		if (req.act == GCS_DO_QUIT || req.act == GCS_DO_LIST)
			return VIEW_BACK;
		if (req.act == GCS_DO_COMPARE && req.fault < runs->n && !with) {
			view_mark(v, runs, req.fault == v->marked ? VIEW_NOTHING : (int64_t)req.fault);
			view_draw_list(v, runs, with); /* the next key refers to it */
		}
		if (req.act == GCS_DO_CHOOSE && req.fault < runs->n)
			return req.fault;
	}
	return VIEW_NOTHING;
}

/* As view_choice, until there is one. VIEW_BACK also when it is over. */
static int64_t view_pick(struct view *v, struct gcs_runs *runs, const char *with)
{
	int64_t read_ns = view_clock(), chosen = VIEW_NOTHING;
	while (chosen == VIEW_NOTHING) {
		bool more = gcs_runs_read(runs);
		view_draw_list(v, runs, with);
		view_wait(v, more ? 0 : VIEW_AGAIN_NS);
		chosen = v->over ? VIEW_BACK : view_choice(v, runs, with);
		if (!more && view_clock() - read_ns >= VIEW_AGAIN_NS) {
			gcs_runs_again(runs);
			read_ns = view_clock();
		}
	}
	return chosen;
}

/* ---------------------------------------------------------------- two records */

/* 0, or -errno with *ret_text. */
static int view_versus(struct view *v, const char *a, const char *b, char **ret_text)
{
	struct gcs_versus_paths side[GCS_VERSUS_SIDES] = {{.n = 1}, {.n = 1}};
	struct gcs_versus *made = NULL;
	side[GCS_VERSUS_A].path[0] = strdup(a);
	side[GCS_VERSUS_B].path[0] = strdup(b);
	int e = side[0].path[0] && side[1].path[0] ? gcs_versus_open(&made, side, v->band, ret_text) : -ENOMEM;
	gcs_versus_paths_fini(&side[GCS_VERSUS_A]);
	gcs_versus_paths_fini(&side[GCS_VERSUS_B]);
	if (e)
		return e;
	gcs_versus_close(v->versus);
	v->versus = made;
	return 0;
}

/* What stands in the way is said; what was there stays. false: it does. */
static bool view_beside(struct view *v, const char *path)
{
	char *text = NULL;
	int e = view_versus(v, v->path, path, &text);
	if (e)
		snprintf(v->notice, sizeof v->notice, "Not compared: %s", text ? text : strerror(-e));
	free(text);
	return e == 0;
}

/* The list, or one that is read when it is first needed. NULL: there are no runs. */
static struct gcs_runs *view_others(struct view *v)
{
	char dir[GCS_PATH_BYTES];
	if (v->runs.n)
		return &v->runs;
	if (v->others.n == 0) {
		gcs_runs_fini(&v->others);
		if (gcs_path_runs(dir, 0) || gcs_runs_init(&v->others, dir))
			return NULL;
	}
	return v->others.n ? &v->others : NULL;
}

/* Asks for the other record, from the list of runs. */
static void view_ask_other(struct view *v, struct gcs_player *player)
{
	struct gcs_runs *runs = view_others(v);
	if (!runs) {
		gcs_player_say(player, "There is no run to choose from; `gcstorm view A B` takes files.");
		return;
	}
	for (uint32_t i = 0; i < runs->n; i++)
		runs->choice[i].marked = strcmp(runs->path[i], v->path) == 0;
	int64_t chosen = view_pick(v, runs, gcs_player_snapshot(player)->scenario->name);
	view_mark(v, runs, VIEW_NOTHING);
	if (chosen < 0)
		return;
	if (view_beside(v, runs->path[chosen]))
		gcs_player_versus(player, v->versus);
	else
		gcs_player_say(player, v->notice);
	v->notice[0] = '\0';
}

/* ---------------------------------------------------------------- a record */

/* Keys in hand. false: the user wants to leave the record. */
static bool view_keys(struct view *v, struct gcs_player *player)
{
	struct gcs_request req;
	for (int i = 0; i < 64 && (req = v->display->poll(v->self)).act != GCS_DO_NOTHING; i++) {
		if (req.act == GCS_DO_QUIT)
			view_end(v, GCS_EXIT_PASS);
		if (req.act == GCS_DO_QUIT || (req.act == GCS_DO_LIST && v->runs.n > 0))
			return false;
		if (req.act == GCS_DO_COMPARE)
			view_ask_other(v, player);
		else
			gcs_player_do(player, req);
		if (v->over)
			return false;
		v->display->frame(v->self, gcs_player_snapshot(player)); /* the next key refers to it */
	}
	return true;
}

static void view_play(struct view *v, struct gcs_player *player)
{
	int64_t at_ns = view_clock();
	bool stay = true;
	gcs_player_versus(player, v->versus);
	if (v->notice[0])
		gcs_player_say(player, v->notice);
	v->notice[0] = '\0';
	while (stay && !v->over) {
		v->display->frame(v->self, gcs_player_snapshot(player));
		view_wait(v, gcs_player_wait(player));
		int64_t now_ns = view_clock();
		gcs_player_tick(player, now_ns - at_ns);
		at_ns = now_ns;
		stay = !v->over && view_keys(v, player);
	}
}

/* 0, or the exit code with *trouble told. */
static int view_record(struct view *v, const char *path)
{
	struct gcs_playback *p = NULL;
	v->path = path;
	int e = gcs_playback_open(&p, path, &v->trouble);
	/* the file is there a moment before the run is written into it */
	for (int64_t until_ns = view_clock() + VIEW_BEGIN_NS; e == -EAGAIN && view_clock() < until_ns && !v->over;) {
		free(v->trouble);
		v->trouble = NULL;
		view_wait(v, VIEW_RETRY_NS);
		e = gcs_playback_open(&p, path, &v->trouble);
	}
	struct gcs_player *player = e == 0 ? gcs_player_create(p, v->runs.n > 0) : NULL;
	if (player)
		view_play(v, player);
	gcs_player_destroy(player);
	gcs_playback_close(p);
	gcs_versus_close(v->versus);
	v->versus = NULL;
	v->notice[0] = '\0';
	if (player)
		return 0;
	if (!v->trouble)
		v->trouble = strdup(strerror(e ? -e : ENOMEM));
	return e == -EINVAL || e == -EAGAIN || e == -ENOENT || e == -EISDIR ? GCS_EXIT_USAGE : GCS_EXIT_HARNESS;
}

/* ---------------------------------------------------------------- the list */

static void view_list(struct view *v)
{
	while (!v->over) {
		int64_t chosen = view_pick(v, &v->runs, NULL), marked = v->marked;
		view_mark(v, &v->runs, VIEW_NOTHING);
		if (chosen < 0)
			continue;
		const char *path = v->runs.path[chosen];
		if (marked >= 0 && marked != chosen) {
			v->path = v->runs.path[marked];
			view_beside(v, path);
			path = v->path;
		}
		if (view_record(v, path) != 0) {
			free(v->trouble); /* the list says what cannot be read */
			v->trouble = NULL;
		}
		gcs_runs_again(&v->runs);
	}
}

/* ---------------------------------------------------------------- the command */

/* Without a terminal the list is printed, which is what can be done of it. */
static int view_list_plain(const char *dir)
{
	int e = gcs_record_list(dir, "text", stdout);
	fflush(stdout);
	if (e)
		fprintf(stderr, "gcstorm: %s: %s\n", dir, strerror(-e));
	return view_no_terminal();
}

static int view_find_runs(const struct gcs_arguments *a, struct gcs_runs *runs)
{
	char dir[GCS_PATH_BYTES];
	int e = gcs_path_runs(dir, 0);
	if (e == 0)
		e = gcs_runs_init(runs, dir);
	if (e == -ENOENT || (e == 0 && runs->n == 0)) {
		gcs_runs_fini(runs);
		return gcs_command_usage("`gcstorm run SCENARIO` makes one; `gcstorm list incidents` names scenarios",
					 "there are no runs to look at yet");
	}
	if (e)
		fprintf(stderr, "gcstorm: %s: %s\n", dir, strerror(-e));
	if (e == 0 && !view_terminal(a))
		return view_list_plain(dir);
	return e ? GCS_EXIT_HARNESS : 0;
}

/* The screen, with the record, or the list where there is none. */
static int view_show(struct view *v, const struct gcs_arguments *a, const char *path)
{
	int code = 0, e = view_open(v, a->screen);
	if (e == 0 && path)
		code = view_record(v, path);
	else if (e == 0)
		view_list(v);
	view_close(v);
	if (e)
		fprintf(stderr, "gcstorm: no screen: %s\n",
			e == -ENXIO ? "the terminal's type, $TERM, is unknown" : strerror(-e));
	return e ? GCS_EXIT_UNSUPPORTED : code ? code : (int)v->code;
}

static int view_two(struct view *v, const struct gcs_arguments *a)
{
	struct gcs_versus_paths side[GCS_VERSUS_SIDES] = {{.n = 0}, {.n = 0}};
	int code = gcs_command_versus_sides(a, side), e = 0;
	if (code == 0)
		e = gcs_versus_open(&v->versus, side, v->band, &v->trouble);
	if (e && !v->trouble)
		v->trouble = strdup(strerror(-e));
	if (code == 0 && e)
		code = gcs_command_versus_code(e);
	else if (code == 0 && view_terminal(a))
		code = view_show(v, a, side[GCS_VERSUS_A].path[v->versus->side[GCS_VERSUS_A].drawn]);
	else if (code == 0)
		code = gcs_command_versus_print(a, v->versus);
	gcs_versus_paths_fini(&side[GCS_VERSUS_A]);
	gcs_versus_paths_fini(&side[GCS_VERSUS_B]);
	return code;
}

static int view_one(struct view *v, const struct gcs_arguments *a)
{
	char path[GCS_PATH_BYTES] = "";
	if (strcmp(a->format, "json") == 0)
		return gcs_command_usage("`gcstorm report RUN --format json` tells of one", "view prints two that are compared");
	if (a->value[GCS_OPT_PLAIN])
		return gcs_command_view_plain(a);
	int code = a->nwords ? gcs_command_record(a->word[0], path) : view_find_runs(a, &v->runs);
	if (code == 0 && !view_terminal(a))
		code = view_no_terminal();
	return code ? code : view_show(v, a, a->nwords ? path : NULL);
}

int gcs_command_view(const struct gcs_arguments *a)
{
	struct view v = {.signals = -1, .marked = VIEW_NOTHING};
	int code = gcs_command_band(a, &v.band);
	if (code == 0)
		code = gcs_command_versus_two(a) ? view_two(&v, a) : view_one(&v, a);
	if (v.trouble)
		fprintf(stderr, "gcstorm: %s\n", v.trouble);
	free(v.trouble);
	gcs_versus_close(v.versus);
	gcs_runs_fini(&v.runs);
	gcs_runs_fini(&v.others);
	return code;
}
