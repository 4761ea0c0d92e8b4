/*
 * bench_tui.c: what the screens cost: a real terminal (a pty whose output is read and thrown away), ten frames a second, a snapshot
 * in which everything moves, a history as full as it gets; CPU time of the drawing process against wall time.
 */
#define _GNU_SOURCE 1
#include "harness/measure/history.h"
#include "harness/measure/metric.h"
#include "tui/screen.h"

#include <errno.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FRAMES 60
#define SETTLE 5 /* frames before those, in which the key arrives */
#define FRAME_NS 100000000

static int64_t bench_now_ns(clockid_t id)
{
	struct timespec ts;
	clock_gettime(id, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

static void bench_move(struct gcs_snapshot *s, int frame)
{
	s->now_ns = INT64_C(3600000000000) + (int64_t)frame * FRAME_NS;
	s->cell_ns = INT64_C(7100000000);
	s->ncells = (uint32_t)frame + 200;
	for (uint32_t i = 0; i < s->ncells && i < GCS_STRIP_CELLS; i++) {
		struct gcs_cell *c = &s->cell[i];
		c->stw_max_ns = 15000 + (int64_t)((i + (uint32_t)frame) * 2654435761u % 4000000);
		c->heap_live_max = (100 + (i + (uint32_t)frame) * 37 % 90) << 20;
		c->heap_live_min = c->heap_live_max - (1 << 20);
		c->heap_goal = 200u << 20;
		c->faults_armed = i % 40 > 30;
		c->faults_fired = i % 40 > 34;
	}
	s->stw_total = s->stw_now = (struct gcs_pcts){(uint64_t)frame * 7, 20000 + frame, 40000 + frame, 90000 + frame,
						      120000 + frame, 400000 + frame};
	s->heap_live = (uint64_t)(100 + frame) << 20;
	s->gc_cycle = (uint32_t)frame * 3;
	s->gc_cpu = frame / 1000.0;
	for (uint32_t i = 0; i < s->scenario->nworkloads; i++)
		s->work[i].rate = 90000 + frame * 13.0;
	for (uint32_t i = 0; i < s->scenario->nfaults; i++)
		s->fault[i].fired += 3;
	s->nevents = 20;
	for (uint32_t i = 0; i < s->nevents; i++) {
		s->event[i].t_ns = s->now_ns;
		snprintf(s->event[i].text, sizeof s->event[i].text, "GC #%u done, %d", s->gc_cycle + i, frame);
	}
}

/* Full lists, an hour of windows. */
static struct gcs_history *bench_history(void)
{
	const int64_t hour_ns = INT64_C(3600000000000);
	struct gcs_history *h = gcs_history_create(1000000000);
	if (h == NULL)
		abort();
	for (uint32_t i = 0; i < GCS_HISTORY_PAUSES; i++) {
		int64_t t_ns = hour_ns / GCS_HISTORY_PAUSES * i;
		gcs_history_pause(h, &(struct gcs_pause_row){.t_ns = t_ns, .dur_ns = 15000 + (int64_t)(i * 2654435761u % 4000000), .stopping_ns = 9000,
							     .firing = i % 3 ? 0 : (UINT64_C(1) << 48) + i, .cycle = i, .occurrence = 1,
							     .kind = (uint8_t)(i % GCS_PAUSE_KINDS)});
		gcs_history_firing(h, t_ns, (UINT64_C(1) << 48) + i);
	}
	for (uint32_t i = 0; i < GCS_HISTORY_CYCLES; i++) {
		int64_t t_ns = hour_ns / GCS_HISTORY_CYCLES * i;
		*gcs_history_cycle(h, i + 1) = (struct gcs_cycle_row){i + 1, 0, t_ns, t_ns + 90000000, t_ns + 90100000, t_ns + 200000000};
	}
	gcs_history_occs(h, GCS_HISTORY_OCCS);
	for (uint32_t i = 0; i < GCS_HISTORY_OCCS; i++)
		*gcs_history_occ(h) = (struct gcs_occ_row){i % 3, i / 3, GCS_REC_STEADY, false, i * INT64_C(7000000000), i * INT64_C(7000000000) + 1000,
							   i * INT64_C(7000000000) + 3000000000, i * INT64_C(7000000000) + 5000000000, 1500000000};
	for (int i = 0; i < 3600; i++) {
		struct gcs_measure m = {0};
		for (int k = 0; k < 40; k++)
			gcs_measure_add(&m, GCS_STW, (uint64_t)(15000 + (i * 40 + k) * 2654435761u % 4000000));
		gcs_heat_window(&h->heat, i * INT64_C(1000000000), (i + 1) * INT64_C(1000000000), &m, 0);
		gcs_measure_fini(&m);
	}
	return h;
}

/* What the run adds to it between two frames. */
static void bench_happen(struct gcs_history *h, const struct gcs_snapshot *s, int frame)
{
	struct gcs_event_view *e = gcs_history_event(h);
	e->t_ns = s->now_ns;
	snprintf(e->text, sizeof e->text, "GC #%d done", frame);
	for (int k = 0; k < 64; k++)
		gcs_history_pause(h, &(struct gcs_pause_row){.t_ns = s->now_ns, .dur_ns = 15000 + frame * k, .kind = GCS_PAUSE_STW, .stopping_ns = -1});
	memcpy(h->cell, s->cell, sizeof h->cell);
	h->ncells = s->ncells;
	h->cell_ns = 7100000000;
}

static struct gcs_snapshot *bench_snapshot(void)
{
	static char name[] = "bench", ids[3][8] = {"maps", "slices", "net"};
	struct gcs_scenario *sc = calloc(1, sizeof *sc);
	struct gcs_snapshot *s = calloc(1, sizeof *s);
	if (sc == NULL || s == NULL)
		abort();
	sc->name = name;
	sc->procs = 2;
	sc->end_ns = s->end_ns = (int64_t)FRAMES * FRAME_NS;
	sc->nworkloads = sc->nfaults = 3;
	for (int i = 0; i < 3; i++) {
		sc->workload[i].id = sc->fault[i].id = ids[i];
		s->work[i] = (struct gcs_work_view){.id = ids[i], .rate_wanted = 100000};
		s->fault[i] = (struct gcs_fault_view){.id = ids[i], .what = "p=0.02", .armed = true};
	}
	s->scenario = sc;
	s->state = GCS_FAULTING;
	return s;
}

/* In the child, on the pty: CPU ns and wall ns through the pipe. */
static void bench_draw(int out)
{
	void *self;
	struct gcs_history *h = bench_history();
	struct gcs_snapshot *s = bench_snapshot();
	if (tui_screen_display.open(&self) < 0)
		_exit(1);
	s->history = h;
	int64_t figure[2] = {0, 0}, begun = 0;
	for (int frame = 1; frame <= SETTLE + FRAMES; frame++) {
		bench_move(s, frame);
		bench_happen(h, s, frame);
		if (frame == SETTLE + 1)
			begun = bench_now_ns(CLOCK_MONOTONIC);
		int64_t before = bench_now_ns(CLOCK_PROCESS_CPUTIME_ID);
		tui_screen_display.frame(self, s);
		if (frame > SETTLE)
			figure[0] += bench_now_ns(CLOCK_PROCESS_CPUTIME_ID) - before;
		else
			tui_screen_display.poll(self);
		struct timespec ts = {0, FRAME_NS};
		clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
	}
	figure[1] = bench_now_ns(CLOCK_MONOTONIC) - begun;
	tui_screen_display.close(self);
	_exit(write(out, figure, sizeof figure) == sizeof figure ? 0 : 1);
}

/* key: what a terminal sends for the key that leads to the screen. */
static int bench_size(const char *name, const char *key, unsigned short rows, unsigned short cols)
{
	int figures[2], pty;
	struct winsize ws = {.ws_row = rows, .ws_col = cols};
	if (pipe(figures) < 0)
		return -errno;
	pid_t pid = forkpty(&pty, NULL, NULL, &ws);
	if (pid < 0)
		return -errno;
	if (pid == 0)
		bench_draw(figures[1]);
	close(figures[1]);
	char drain[65536];
	ssize_t n;
	int64_t bytes = 0, got[2];
	bool ok = write(pty, key, strlen(key)) == (ssize_t)strlen(key);
	while ((n = read(pty, drain, sizeof drain)) > 0)
		bytes += n;
	ok &= read(figures[0], got, sizeof got) == sizeof got;
	waitpid(pid, NULL, 0);
	close(pty);
	close(figures[0]);
	if (!ok)
		return -EIO;
	printf("tui.%s%ux%u\t%.3f\t%% of a core at 10 frames/s\t%.0f us a frame, %lld bytes a frame\n", name, cols, rows,
	       100.0 * (double)got[0] / (double)got[1], (double)got[0] / FRAMES / 1e3, (long long)(bytes / (SETTLE + FRAMES)));
	return 0;
}

int main(void)
{
	static const struct { const char *name, *key; } screens[] = {{"", ""}, {"pauses.", "\033OR"}, {"timeline.", "\033OS"}, {"events.", "\033[17~"}};
	int rc = 0;
	setenv("TERM", "xterm-256color", 0);
	setenv("LC_ALL", "C.UTF-8", 1);
	for (size_t i = 0; i < sizeof screens / sizeof screens[0] && rc == 0; i++) {
		rc = bench_size(screens[i].name, screens[i].key, 24, 80);
		if (rc == 0)
			rc = bench_size(screens[i].name, screens[i].key, 60, 200);
	}
	if (rc < 0)
		fprintf(stderr, "bench-tui: %s\n", strerror(-rc));
	return rc < 0;
}
