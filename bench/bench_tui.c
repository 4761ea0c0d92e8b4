/*
 * bench_tui.c: what the screens cost, on a real terminal (a pty whose output is read and thrown away by another process), ten frames a second.
 *
 *   bench-tui list        what there is to measure, a line each
 *   bench-tui LINE        a sample of it, on one line:
 *     frame SCREEN RxC    a snapshot in which everything moves, a history as full as it gets:
 *                           CPU us a frame of the drawing thread, bytes a frame
 *     feed SCREEN RxC     a run whose collector gets 100,000 records a second; SCREEN none: without a screen:
 *                           CPU of drawing, of collecting and of the record's thread, in % of a core; us of a frame, and of the dearest;
 *                           records a second, records lost or not read, peak RSS in MiB
 * bench/tui.sh makes tables of them. CPU time is that of the thread (CLOCK_THREAD_CPUTIME_ID), so it stands on a busy machine, too; caches are
 * then colder, and what is lost there says how the machine was shared.
 */
#include "bench/busy.h"

#include "tui/screen.h"

#include <errno.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FRAMES 40
#define SETTLE 10 /* frames before those, in which the key arrives */

struct sample {
	char kind[8], screen[32];
	unsigned short rows, cols;
};

struct answer {
	int rc;
	int64_t draw_ns; /* of a frame sample */
	struct feed_result feed;
};

/* ---------------------------------------------------------------- on the terminal */

static void bench_frames(struct answer *ret)
{
	void *self;
	struct gcs_snapshot *s = busy_snapshot();
	ret->rc = tui_screen_display.open(&self);
	if (ret->rc < 0)
		return;
	for (int frame = 1; frame <= SETTLE + FRAMES; frame++) {
		busy_move(s, frame);
		int64_t before = busy_cpu_ns();
		tui_screen_display.frame(self, s);
		tui_screen_display.poll(self);
		if (frame > SETTLE)
			ret->draw_ns += busy_cpu_ns() - before;
		struct timespec ts = {0, BUSY_FRAME_NS};
		clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
	}
	tui_screen_display.close(self);
}

static void bench_child(const struct sample *what, int out)
{
	struct answer answer = {0};
	bool none = strcmp(what->screen, "none") == 0;
	tui_screen_display.wish((struct gcs_display_wishes){.braille = strcmp(what->screen, "braille") == 0});
	if (strcmp(what->kind, "frame") == 0)
		bench_frames(&answer);
	else
		answer.rc = busy_feed(none ? NULL : &tui_screen_display, &answer.feed);
	_exit(write(out, &answer, sizeof answer) == (ssize_t)sizeof answer ? 0 : 1);
}

/* What a terminal sends for an F key. */
static void bench_key(int fkey, char ret[8])
{
	static const int code[] = {15, 17, 18, 19, 20, 21, 23, 24}; /* from F5 on */
	if (fkey >= 1 && fkey <= 4)
		snprintf(ret, 8, "\033O%c", 'P' + fkey - 1);
	else if (fkey >= 5 && fkey <= 12)
		snprintf(ret, 8, "\033[%d~", code[fkey - 5]);
	else
		ret[0] = '\0';
}

static int bench_fkey(const char *screen)
{
	for (int i = 0; i < TUI_SCREENS; i++)
		if (strcmp(tui_screens[i].name, screen) == 0)
			return tui_screens[i].fkey;
	return 0;
}

/* A child has the terminal; this process reads it. Bytes that came to *ret_bytes. 0, -errno. */
static int bench_on_terminal(const struct sample *what, struct answer *ret, int64_t *ret_bytes)
{
	struct winsize size = {.ws_row = what->rows, .ws_col = what->cols};
	char drain[65536], key[8];
	int out[2], pty;
	ssize_t n;
	if (pipe(out) < 0)
		return -errno;
	pid_t pid = forkpty(&pty, NULL, NULL, &size);
	if (pid < 0)
		return -errno;
	if (pid == 0)
		bench_child(what, out[1]);
	close(out[1]);
	bench_key(bench_fkey(what->screen), key);
	bool ok = write(pty, key, strlen(key)) == (ssize_t)strlen(key);
	*ret_bytes = 0;
	while ((n = read(pty, drain, sizeof drain)) > 0)
		*ret_bytes += n;
	ok &= read(out[0], ret, sizeof *ret) == (ssize_t)sizeof *ret;
	waitpid(pid, NULL, 0);
	close(pty);
	close(out[0]);
	return ok ? ret->rc : -EIO;
}

/* ---------------------------------------------------------------- what is said */

static void bench_say_feed(const struct feed_result *f)
{
	double wall = (double)f->wall_ns / 100;
	printf("%.3f\t%.3f\t%.3f\t%.0f\t%.0f\t%.0f\t%llu\t%.1f\n", (double)f->draw_ns / wall, (double)f->collect_ns / wall, (double)f->else_ns / wall,
	       (double)f->draw_ns / FEED_FRAMES / 1e3, (double)f->draw_max_ns / 1e3,
	       (double)f->written / ((double)f->wall_ns * (FEED_FRAMES + FEED_SETTLE) / FEED_FRAMES / 1e9),
	       (unsigned long long)(f->lost + f->unread + (f->stops_told - f->stops)), (double)f->rss_max_kib / 1024);
}

static int bench_one(const struct sample *what)
{
	struct answer answer = {0};
	int64_t bytes = 0;
	int rc = bench_on_terminal(what, &answer, &bytes);
	if (rc < 0)
		return rc;
	if (strcmp(what->kind, "frame") == 0)
		printf("%.1f\t%lld\n", (double)answer.draw_ns / FRAMES / 1e3, (long long)(bytes / (SETTLE + FRAMES)));
	else
		bench_say_feed(&answer.feed);
	return 0;
}

static void bench_list(void)
{
	static const struct { int rows, cols; } sizes[] = {{24, 80}, {50, 160}, {60, 200}};
	for (int i = 0; i <= TUI_SCREENS; i++) {
		const char *screen = i < TUI_SCREENS ? tui_screens[i].name : "braille";
		for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++)
			printf("frame %s %dx%d\n", screen, sizes[k].rows, sizes[k].cols);
	}
	for (int i = 0; i <= TUI_SCREENS; i++)
		printf("feed %s 50x160\n", i < TUI_SCREENS ? tui_screens[i].name : "braille");
	printf("feed none 50x160\n");
}

int main(int argc, char **argv)
{
	struct sample what;
	setenv("TERM", "xterm-256color", 0);
	setenv("LC_ALL", "C.UTF-8", 1);
	if (argc == 2 && strcmp(argv[1], "list") == 0) {
		bench_list();
		return 0;
	}
	if (argc != 4 || sscanf(argv[3], "%hux%hu", &what.rows, &what.cols) != 2 || (strcmp(argv[1], "frame") != 0 && strcmp(argv[1], "feed") != 0)) {
		fprintf(stderr, "bench-tui list | frame SCREEN RxC | feed SCREEN RxC\n");
		return 2;
	}
	snprintf(what.kind, sizeof what.kind, "%s", argv[1]);
	snprintf(what.screen, sizeof what.screen, "%s", argv[2]);
	int rc = bench_one(&what);
	if (rc < 0)
		fprintf(stderr, "bench-tui: %s\n", strerror(-rc));
	return rc < 0;
}
