/*
 * command_view.c: gcstorm view: a record on the screen, from a list or by name.
 *
 * One thread waits for keys, signals and time; the player decides what is shown, the display draws it. Whatever ends it, the
 * display is closed first: SIGINT, SIGTERM and SIGHUP come through a signalfd; Ctrl-Z and coming back are the display's.
 */
#include "harness/command/command_priv.h"

#include "harness/base/paths.h"
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
};

static int64_t view_clock(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* ---------------------------------------------------------------- the terminal */

static int view_no_terminal(void)
{
	fputs("gcstorm: view needs a terminal; `gcstorm report RUN` tells the same in text\n", stderr);
	return GCS_EXIT_UNSUPPORTED;
}

static bool view_terminal(const struct gcs_arguments *a)
{
	const char *term = getenv("TERM");
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
		gcs_player_do(player, req);
		v->display->frame(v->self, gcs_player_snapshot(player)); /* the next key refers to it */
	}
	return true;
}

static void view_play(struct view *v, struct gcs_player *player)
{
	int64_t at_ns = view_clock();
	bool stay = true;
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
	if (player)
		return 0;
	if (!v->trouble)
		v->trouble = strdup(strerror(e ? -e : ENOMEM));
	return e == -EINVAL || e == -EAGAIN || e == -ENOENT || e == -EISDIR ? GCS_EXIT_USAGE : GCS_EXIT_HARNESS;
}

/* ---------------------------------------------------------------- the list */

/* The entry that was chosen; -1 none yet. */
static int64_t view_choice(struct view *v)
{
	struct gcs_request req;
	for (int i = 0; i < 64 && (req = v->display->poll(v->self)).act != GCS_DO_NOTHING; i++) {
		if (req.act == GCS_DO_QUIT) {
			view_end(v, GCS_EXIT_PASS);
			return -1;
		}
		if (req.act == GCS_DO_CHOOSE && req.fault < v->runs.n)
			return req.fault;
	}
	return -1;
}

static void view_list(struct view *v)
{
	int64_t read_ns = view_clock();
	while (!v->over) {
		bool more = gcs_runs_read(&v->runs);
		v->display->list(v->self, v->runs.choice, v->runs.n);
		view_wait(v, more ? 0 : VIEW_AGAIN_NS);
		int64_t chosen = v->over ? -1 : view_choice(v);
		if (!more && view_clock() - read_ns >= VIEW_AGAIN_NS) {
			gcs_runs_again(&v->runs);
			read_ns = view_clock();
		}
		if (chosen < 0)
			continue;
		if (view_record(v, v->runs.path[chosen]) != 0) {
			free(v->trouble); /* the list says what cannot be read */
			v->trouble = NULL;
		}
		gcs_runs_again(&v->runs);
	}
}

/* ---------------------------------------------------------------- the command */

static int view_path(const char *arg, char path[GCS_PATH_BYTES])
{
	int e = gcs_path_record(arg, path);
	if (e == -ENOTUNIQ)
		return gcs_command_usage("`gcstorm list runs` names them", "several runs are called '%s'", arg);
	if (e)
		return gcs_command_usage("`gcstorm list runs` names them; `last` is the newest", "there is no run '%s'", arg);
	return 0;
}

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

int gcs_command_view(const struct gcs_arguments *a)
{
	if (a->value[GCS_OPT_PLAIN])
		return gcs_command_view_plain(a);
	struct view v = {.signals = -1};
	char path[GCS_PATH_BYTES] = "";
	int code = a->nwords ? view_path(a->word[0], path) : view_find_runs(a, &v.runs);
	if (code == 0 && !view_terminal(a))
		code = view_no_terminal();
	if (code == 0) {
		int e = view_open(&v, a->screen);
		if (e == 0 && a->nwords)
			code = view_record(&v, path);
		else if (e == 0)
			view_list(&v);
		view_close(&v);
		if (e)
			fprintf(stderr, "gcstorm: no screen: %s\n",
				e == -ENXIO ? "the terminal's type, $TERM, is unknown" : strerror(-e));
		code = e ? GCS_EXIT_UNSUPPORTED : code ? code : (int)v.code;
	}
	if (v.trouble)
		fprintf(stderr, "gcstorm: %s\n", v.trouble);
	free(v.trouble);
	gcs_runs_fini(&v.runs);
	return code;
}
