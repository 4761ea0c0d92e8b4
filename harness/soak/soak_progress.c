/*
 * soak_progress.c: how the runs of a soak are shown: one line that is written over and over on a
 * terminal, or the display that was asked for, watched for the wish to end.
 *
 * A display is opened without arguments, so there is one of these in the process.
 */
#include "harness/soak/soak_priv.h"

#include <inttypes.h>
#include <unistd.h>

#define PROGRESS_CELLS 79

static struct {
	const struct gcs_display *inner; /* NULL: the line */
	char label[64];
	bool terminal, quit, drawn;
} progress;

/* ---- the line */

static int progress_open(void **ret_self)
{
	progress.terminal = isatty(STDERR_FILENO);
	progress.drawn = false;
	*ret_self = &progress;
	return 0;
}

static void progress_frame(void *self, const struct gcs_snapshot *s)
{
	char text[160];
	uint64_t fired = 0;
	(void)self;
	if (!progress.terminal)
		return;
	for (uint32_t i = 0; i < s->scenario->nfaults; i++)
		fired += s->fault[i].fired;
	int phase = gcs_scenario_phase_at(s->scenario, s->now_ns);
	snprintf(text, sizeof(text), "%s  %s  %.1f of %.1f s  stw max %.2f ms  fired %" PRIu64,
		 progress.label, phase < 0 ? "-" : s->scenario->phase[phase].id,
		 (double)s->now_ns / 1e9, (double)s->end_ns / 1e9,
		 (double)s->stw_total.max_ns / 1e6, fired);
	fprintf(stderr, "\r%-*.*s", PROGRESS_CELLS, PROGRESS_CELLS, text);
	fflush(stderr);
	progress.drawn = true;
}

static struct gcs_request progress_poll(void *self)
{
	(void)self;
	return (struct gcs_request){.act = GCS_DO_NOTHING};
}

static int progress_fd(void *self)
{
	(void)self;
	return -1;
}

static void progress_close(void *self)
{
	(void)self;
	if (progress.drawn)
		fprintf(stderr, "\r%*s\r", PROGRESS_CELLS, "");
	fflush(stderr);
}

static const struct gcs_display progress_line = {
	.name = "progress",
	.open = progress_open,
	.frame = progress_frame,
	.poll = progress_poll,
	.fd = progress_fd,
	.close = progress_close,
};

/* ---- another display, watched */

static int watched_open(void **ret_self)
{
	return progress.inner->open(ret_self);
}

static void watched_frame(void *self, const struct gcs_snapshot *s)
{
	progress.inner->frame(self, s);
}

static struct gcs_request watched_poll(void *self)
{
	struct gcs_request r = progress.inner->poll(self);
	progress.quit |= r.act == GCS_DO_QUIT;
	return r;
}

static int watched_fd(void *self)
{
	return progress.inner->fd(self);
}

static void watched_close(void *self)
{
	progress.inner->close(self);
}

static const struct gcs_display progress_watched = {
	.name = "watched",
	.open = watched_open,
	.frame = watched_frame,
	.poll = watched_poll,
	.fd = watched_fd,
	.close = watched_close,
};

const struct gcs_display *soak_display(const struct gcs_display *inner, const char *label)
{
	progress.inner = inner;
	progress.quit = false;
	snprintf(progress.label, sizeof(progress.label), "%s", label);
	return inner ? &progress_watched : &progress_line;
}

bool soak_display_quit(void)
{
	return progress.quit;
}
