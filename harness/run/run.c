/*
 * run.c: the harness's main loop.
 *
 * One thread waits on everything: the target's sockets and pipes, signals (signalfd), a tick
 * (timerfd), the keyboard, those who send orders (orders.h). A run goes through RUN_STARTING (the plan
 * is sent), RUN_GOING (t0 is known), RUN_LEAVING (told to quit, with a rising scale of force) to
 * RUN_OVER (the target is gone). Whatever ends it early goes through run_leave: disarm, quit,
 * SIGTERM, SIGKILL.
 */
#include "harness/run/run_priv.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int64_t run_now(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

void run_trouble(struct run *r, enum gcs_exit code, const char *fmt, ...)
{
	va_list ap;
	if (r->trouble != GCS_EXIT_PASS)
		return;
	r->trouble = code;
	va_start(ap, fmt);
	vsnprintf(r->trouble_text, sizeof r->trouble_text, fmt, ap);
	va_end(ap);
	if (r->collect)
		gcs_collect_fail(r->collect, code, r->trouble_text);
}

enum gcs_exit run_exit_of(int e)
{
	switch (-e) {
	case EACCES:
	case EPERM:
	case EROFS:
	case ENOSPC:
	case EDQUOT:
	case ENOENT:
	case ENOTDIR:
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case EAGAIN:
	case ENOSYS:
	case EISDIR:
		return GCS_EXIT_UNSUPPORTED;
	default:
		return GCS_EXIT_HARNESS;
	}
}

/* ---- leaving */

/* It disarms first of all. A simulated target is told where it waits for us, which is no accident of
 * real time: so a run that was ended by what it did is cut at the same moment every time. */
static void run_say_quit(struct run *r)
{
	r->quit_due = r->opt->sim && r->started && !gcs_collect_holds(r->collect);
	if (r->quit_due)
		return;
	gcs_collect_ending(r->collect);
	gcs_target_say(r->target, "quit", -1);
}

void run_leave(struct run *r)
{
	if (r->state == RUN_LEAVING || r->state == RUN_OVER)
		return;
	r->state = RUN_LEAVING;
	r->force = 1;
	r->deadline_ns = run_now() + (r->interrupted ? RUN_QUIT_NS : RUN_QUIT_POLITE_NS);
	run_say_quit(r);
}

/* The deadline of the force used so far has passed, or patience has ended. */
static void run_press(struct run *r)
{
	r->force = r->force < 3 ? r->force + 1 : 3;
	r->deadline_ns = run_now() + RUN_TERM_NS;
	if (r->force == 2)
		gcs_collect_event(r->collect, 2, "the target does not quit: SIGTERM");
	else
		gcs_collect_event(r->collect, 2, "the target does not end: SIGKILL");
	gcs_target_kill(r->target, r->force == 2 ? SIGTERM : SIGKILL);
}

static void run_interrupt(struct run *r, int sig)
{
	if (r->interrupted && r->state == RUN_LEAVING) {
		r->force = 2;
		run_press(r); /* a second one means now */
		return;
	}
	r->interrupted = sig == SIGINT ? SIGINT : SIGTERM;
	if (r->state == RUN_LEAVING)
		r->deadline_ns = run_now() + RUN_QUIT_NS;
	gcs_collect_event(r->collect, 2,
			  sig == SIGINT	  ? "interrupted"
			  : sig == SIGHUP ? "hung up"
					  : "terminated");
	run_leave(r);
}

/* A simulated target has no deadline in real time; it hangs when its own time stands still, or goes on
 * for long after the end. */
static void run_check_hang(struct run *r)
{
	const struct mrt_telemetry *t = gcs_target_telemetry(r->target);
	int64_t now_ns = run_now(),
		virtual_ns = atomic_load_explicit(&t->gauges.target_now_ns, memory_order_relaxed),
		t0_ns = atomic_load_explicit(&t->t0_ns, memory_order_relaxed);
	if (virtual_ns != r->virtual_ns || r->moved_ns == 0) {
		r->virtual_ns = virtual_ns;
		r->moved_ns = now_ns;
	}
	bool endless = virtual_ns - t0_ns > r->scenario->end_ns + RUN_OVERTIME_NS;
	if (!endless && now_ns - r->moved_ns < RUN_STILL_NS)
		return;
	gcs_collect_event(r->collect, 2,
			  endless ? "the target is not done long after the last phase"
				  : "the target hangs: no virtual time passes any more");
	run_leave(r);
	r->deadline_ns = now_ns; /* it is past asking */
}

static void run_check_deadline(struct run *r)
{
	if (r->opt->sim && r->state == RUN_GOING && !r->done)
		run_check_hang(r);
	if (r->deadline_ns == 0 || run_now() < r->deadline_ns)
		return;
	switch (r->state) {
	case RUN_STARTING:
		run_trouble(r, GCS_EXIT_HARNESS, "the target was not ready after %d s",
			    (int)(RUN_READY_NS / (1000 * RUN_MS)));
		run_leave(r);
		break;
	case RUN_GOING:
		gcs_collect_event(r->collect, 2,
				  "the target is not done long after the last phase");
		run_leave(r);
		break;
	case RUN_LEAVING:
		run_press(r);
		break;
	case RUN_OVER:
		break;
	}
}

/* ---- the screen */

static void run_request(struct run *r, struct gcs_request req)
{
	if (req.act == GCS_DO_QUIT) {
		gcs_collect_operator(r->collect, "screen", "quit", -1, "");
		run_leave(r);
	} else {
		gcs_orders_request(r->orders, req);
	}
}

static void run_keyboard(struct run *r)
{
	struct gcs_request req;
	for (int i = 0; i < 64 && (req = r->display->poll(r->display_self)).act != GCS_DO_NOTHING;
	     i++)
		run_request(r, req);
	r->frame_ns = 0; /* what a key changed is shown at once */
}

static void run_frame(struct run *r, bool now)
{
	int64_t t = run_now();
	if (!now && t - r->frame_ns < RUN_FRAME_NS - RUN_MS)
		return;
	r->frame_ns = t;
	r->display->frame(r->display_self, gcs_collect_snapshot(r->collect));
}

/* ---- the loop */

static void run_collect(struct run *r)
{
	int e = gcs_collect_tick(r->collect);
	if (e < 0)
		run_trouble(r, e == -ENOSPC || e == -EDQUOT ? GCS_EXIT_UNSUPPORTED : run_exit_of(e),
			    "the record cannot be written: %s", strerror(-e));
	if (e)
		run_leave(r);
	if (r->quit_due)
		run_say_quit(r);
	gcs_collect_let_go(r->collect);
}

static void run_on_signal(struct run *r)
{
	struct signalfd_siginfo info;
	while (read(r->signals, &info, sizeof info) == (ssize_t)sizeof info) {
		if (info.ssi_signo == SIGCHLD)
			gcs_target_reap(r->target);
		else
			run_interrupt(r, (int)info.ssi_signo);
	}
}

/* How long poll may wait: until an order's time is up, or for ever. */
static int run_wait_ms(const struct run *r)
{
	int64_t next_ns = gcs_orders_next_ns(r->orders), left_ns;
	if (next_ns == INT64_MAX)
		return -1;
	left_ns = next_ns - run_now();
	return left_ns <= 0 ? 0 : left_ns < RUN_TICK_NS ? (int)(left_ns / RUN_MS + 1) : -1;
}

static void run_wait(struct run *r)
{
	struct pollfd fds[GCS_TARGET_FDS + GCS_CTL_FDS + 3];
	uint64_t ticks;
	int n = gcs_target_fds(r->target, fds);
	n += gcs_orders_fds(r->orders, fds + n);
	int own = n;
	fds[n++] = (struct pollfd){.fd = r->signals, .events = POLLIN};
	fds[n++] = (struct pollfd){.fd = r->tick, .events = POLLIN};
	fds[n++] = (struct pollfd){.fd = r->display->fd(r->display_self), .events = POLLIN};
	if (poll(fds, (nfds_t)n, run_wait_ms(r)) < 0)
		return; /* EINTR: a signal that is not ours */
	gcs_target_poll(r->target);
	gcs_orders_poll(r->orders);
	gcs_orders_due(r->orders);
	if (fds[own + 2].revents)
		run_keyboard(r);
	if (fds[own].revents)
		run_on_signal(r);
	if (fds[own + 1].revents && read(r->tick, &ticks, sizeof ticks) > 0 && r->state != RUN_OVER)
		run_collect(r);
}

static void run_loop(struct run *r)
{
	while (r->state != RUN_OVER) {
		run_wait(r);
		run_try_start(r);
		run_check_deadline(r);
		run_frame(r, false);
	}
}

/* ---- the end */

static void run_last_words(const struct run *r)
{
	const char *line[GCS_LAST_WORDS];
	bool died = r->target && (r->trouble != GCS_EXIT_PASS || !WIFEXITED(r->status) ||
				  WEXITSTATUS(r->status) != 0);
	size_t n = died ? gcs_target_last_words(r->target, line) : 0;
	if (n)
		fprintf(stderr, "gcstorm: last words of the target:\n");
	for (size_t i = 0; i < n; i++)
		fprintf(stderr, "  %s\n", line[i] ? line[i] : "");
}

static enum gcs_exit run_conclude(struct run *r)
{
	enum gcs_exit code = gcs_collect_finish(r->collect, r->interrupted);
	run_frame(r, true);
	r->display->close(r->display_self);
	r->display = NULL;
	run_last_words(r);
	if (r->trouble != GCS_EXIT_PASS)
		fprintf(stderr, "gcstorm: %s\n", r->trouble_text);
	if (gcs_scenario_runtime(r->scenario) == GCS_RUNTIME_COMMAND)
		fprintf(stderr, "gcstorm: the program's output: %s.out, %s.err\n", r->record, r->record);
	if (!r->opt->quiet)
		gcs_report(r->record, r->opt->format, stdout, stderr); /* names the record too */
	bool kept = gcs_kept_file_tell(&r->profile, stderr);
	kept &= gcs_kept_file_tell(&r->trace, stderr);
	if (!kept && code == GCS_EXIT_PASS)
		code = GCS_EXIT_UNSUPPORTED;
	return code; /* trouble is in it: the collector was told */
}

static void run_fini(struct run *r)
{
	gcs_target_destroy(r->target);
	gcs_orders_destroy(r->orders);
	gcs_collect_destroy(r->collect);
	gcs_kept_file_close(&r->profile);
	gcs_kept_file_close(&r->trace);
	if (r->tick >= 0)
		close(r->tick);
	if (r->signals >= 0)
		close(r->signals);
	sigprocmask(SIG_SETMASK, &r->old_mask, NULL);
}

static void run_result(struct run *r, enum gcs_exit code, struct gcs_run_result *ret)
{
	const struct gcs_snapshot *s = r->collect ? gcs_collect_snapshot(r->collect) : NULL;

	memset(ret, 0, sizeof *ret);
	ret->exit = code;
	memcpy(ret->run_id, r->run_id, sizeof ret->run_id);
	if (access(r->record, F_OK) == 0)
		snprintf(ret->record, sizeof ret->record, "%s", r->record);
	snprintf(ret->sentence, sizeof ret->sentence, "%.*s", (int)sizeof ret->sentence - 1,
		 r->trouble != GCS_EXIT_PASS ? r->trouble_text
		 : s			     ? s->headline
					     : "");
	if (!s)
		return;
	ret->duration_ns = s->now_ns;
	ret->target_rss_max = s->rss_max;
	ret->operator_modified = s->operator_modified;
	ret->threw = gcs_collect_threw(r->collect);
}

enum gcs_exit gcs_run(const struct gcs_run_options *opt, struct gcs_run_result *ret)
{
	struct run r = {
		.opt = opt,
		.scenario = opt->scenario,
		.profile = {.fd = -1},
		.trace = {.fd = -1},
		.signals = -1,
		.tick = -1,
	};
	enum gcs_exit code = GCS_EXIT_PASS;
	mode_t mask = umask(077);
	if (run_set_up(&r) == 0) {
		if (run_start_target(&r) == 0) {
			run_tell_sabotage(&r);
			run_open_display(&r);
			run_loop(&r);
			code = run_conclude(&r);
		} else {
			gcs_collect_finish(r.collect, 0);
			unlink(r.record); /* nothing ran */
		}
	}
	if (r.trouble != GCS_EXIT_PASS && code == GCS_EXIT_PASS) {
		fprintf(stderr, "gcstorm: %s\n", r.trouble_text);
		code = r.trouble;
	}
	if (ret)
		run_result(&r, code, ret);
	run_fini(&r);
	umask(mask);
	return code;
}
