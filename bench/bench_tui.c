/*
 * bench_tui.c: what the live screen costs: a real terminal (a pty whose output is read and thrown away), ten frames a
 * second, a snapshot in which everything moves; CPU time of the drawing process against wall time.
 */
#define _GNU_SOURCE 1
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
#define FRAME_NS 100000000

static int64_t bench_now_ns(clockid_t id)
{
	struct timespec ts;
	clock_gettime(id, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

static void bench_move(struct gcs_snapshot *s, int frame)
{
	s->now_ns = (int64_t)frame * FRAME_NS;
	s->cell_ns = FRAME_NS;
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
	struct gcs_snapshot *s = bench_snapshot();
	if (tui_screen_display.open(&self) < 0)
		_exit(1);
	int64_t figure[2] = {0, bench_now_ns(CLOCK_MONOTONIC)}, cpu = 0;
	for (int frame = 1; frame <= FRAMES; frame++) {
		bench_move(s, frame);
		int64_t before = bench_now_ns(CLOCK_PROCESS_CPUTIME_ID);
		tui_screen_display.frame(self, s);
		cpu += bench_now_ns(CLOCK_PROCESS_CPUTIME_ID) - before;
		int64_t next = figure[1] + (int64_t)frame * FRAME_NS;
		struct timespec ts = {next / 1000000000, next % 1000000000};
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
	}
	figure[0] = cpu;
	figure[1] = bench_now_ns(CLOCK_MONOTONIC) - figure[1];
	tui_screen_display.close(self);
	_exit(write(out, figure, sizeof figure) == sizeof figure ? 0 : 1);
}

static int bench_size(unsigned short rows, unsigned short cols)
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
	while ((n = read(pty, drain, sizeof drain)) > 0)
		bytes += n;
	bool ok = read(figures[0], got, sizeof got) == sizeof got;
	waitpid(pid, NULL, 0);
	close(pty);
	close(figures[0]);
	if (!ok)
		return -EIO;
	printf("tui.%ux%u\t%.3f\t%% of a core at 10 frames/s\t%.0f us a frame, %lld bytes a frame\n", cols, rows,
	       100.0 * (double)got[0] / (double)got[1], (double)got[0] / FRAMES / 1e3, (long long)(bytes / FRAMES));
	return 0;
}

int main(void)
{
	setenv("TERM", "xterm-256color", 0);
	setenv("LC_ALL", "C.UTF-8", 1);
	int rc = bench_size(24, 80);
	if (rc == 0)
		rc = bench_size(60, 200);
	if (rc < 0)
		fprintf(stderr, "bench-tui: %s\n", strerror(-rc));
	return rc < 0;
}
