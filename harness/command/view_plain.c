/*
 * view_plain.c: gcstorm view --plain: a record as lines, from its beginning; one that is still written is followed to its end.
 *
 * The lines are those of a run (harness/run/plain.c), made from the record in steps as a run would have shown it. There is no terminal and no
 * key; SIGINT, SIGTERM and SIGHUP come through a signalfd.
 */
#include "harness/command/command_priv.h"

#include "harness/base/signals.h"
#include "harness/collect/collect.h"
#include "harness/playback/playback.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define LINES_STEP_NS	 INT64_C(100000000)
#define LINES_STEPS_MAX	 36000 /* of a longer record steps are longer */
#define LINES_LATE_NS	 INT64_C(500000000) /* so long after it happened an event is in the record */
#define LINES_AGAIN_MS	 500   /* looks at a record that is still written */
#define LINES_BEGIN_MS	 50    /* and at one that has not begun, */
#define LINES_BEGINS_MAX 60    /* so many times */

struct lines {
	struct gcs_playback *record;
	void *self; /* of the display */
	int signals;
	int64_t at_ns;
	int code;
	bool over;
};

/* So long, or until a signal says that it is over. */
static void lines_wait(struct lines *l, int ms)
{
	struct signalfd_siginfo info;
	struct pollfd fd = {.fd = l->signals, .events = POLLIN};
	if (poll(&fd, 1, ms) <= 0 || read(l->signals, &info, sizeof info) != (ssize_t)sizeof info)
		return;
	l->over = true;
	l->code = info.ssi_signo == SIGINT ? GCS_EXIT_INT : GCS_EXIT_TERM;
}

static void lines_tell(struct lines *l, int64_t to_ns)
{
	int64_t step_ns = gcs_playback_end(l->record) / LINES_STEPS_MAX;
	step_ns = step_ns > LINES_STEP_NS ? step_ns : LINES_STEP_NS;
	while (l->at_ns < to_ns && !l->over) {
		l->at_ns = to_ns - l->at_ns > step_ns ? l->at_ns + step_ns : to_ns;
		gcs_display_plain_out.frame(l->self, gcs_playback_at(l->record, l->at_ns));
		lines_wait(l, 0);
	}
}

static void lines_follow(struct lines *l)
{
	while (!l->over && gcs_playback_live(l->record)) {
		lines_tell(l, gcs_playback_end(l->record) - LINES_LATE_NS);
		lines_wait(l, LINES_AGAIN_MS);
		gcs_playback_refresh(l->record);
	}
	lines_tell(l, gcs_playback_end(l->record));
	if (!l->over) /* also of a record that ended before its beginning */
		gcs_display_plain_out.frame(l->self, gcs_playback_at(l->record, gcs_playback_end(l->record)));
}

static int lines_open(struct lines *l, const char *path, char **ret_trouble)
{
	int e = gcs_playback_open(&l->record, path, ret_trouble);
	for (int i = 0; e == -EAGAIN && i < LINES_BEGINS_MAX && !l->over; i++) {
		lines_wait(l, LINES_BEGIN_MS);
		free(*ret_trouble);
		*ret_trouble = NULL;
		e = gcs_playback_open(&l->record, path, ret_trouble);
	}
	return e;
}

static int lines_fail(int e, const char *trouble)
{
	fprintf(stderr, "gcstorm: %s\n", trouble ? trouble : strerror(-e));
	return e == -EINVAL || e == -EAGAIN || e == -ENOENT || e == -EISDIR ? GCS_EXIT_USAGE : GCS_EXIT_HARNESS;
}

static int lines_record(const char *path)
{
	struct lines l = {.code = GCS_EXIT_PASS};
	sigset_t old;
	char *trouble = NULL;
	l.signals = gcs_signals_open(false, &old);
	int e = l.signals < 0 ? l.signals : lines_open(&l, path, &trouble);
	if (e == 0)
		e = gcs_display_plain_out.open(&l.self);
	if (e == 0) {
		lines_follow(&l);
		gcs_display_plain_out.close(l.self);
	}
	gcs_playback_close(l.record);
	if (l.signals >= 0) {
		close(l.signals);
		sigprocmask(SIG_SETMASK, &old, NULL);
	}
	int code = e && !l.over ? lines_fail(e, trouble) : l.code;
	free(trouble);
	return code;
}

static int lines_list(void)
{
	char dir[GCS_PATH_BYTES];
	int e = gcs_path_runs(dir, 0);
	if (e == 0)
		e = gcs_record_list(dir, "text", stdout);
	if (e == -ENOENT)
		return gcs_command_usage("`gcstorm run SCENARIO` makes one", "there are no runs to look at yet");
	if (e)
		fprintf(stderr, "gcstorm: the records: %s\n", strerror(-e));
	return e ? GCS_EXIT_HARNESS : 0;
}

int gcs_command_view_plain(const struct gcs_arguments *a)
{
	char path[GCS_PATH_BYTES];
	if (a->nwords == 0)
		return lines_list();
	if (a->nwords > 1)
		return gcs_command_usage("`gcstorm view --plain RUN` for each", "--plain tells of one record");
	int code = gcs_command_record(a->word[0], path);
	return code ? code : lines_record(path);
}
