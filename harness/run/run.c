/*
 * run.c: the harness's main loop.
 *
 * One thread waits on everything: the target's sockets and pipes, signals (signalfd), a tick
 * (timerfd), the keyboard, those who send orders (ctl.h). A run goes through RUN_STARTING (the plan
 * is sent), RUN_GOING (t0 is known), RUN_LEAVING (told to quit, with a rising scale of force) to
 * RUN_OVER (the target is gone). Whatever ends it early goes through run_leave: disarm, quit,
 * SIGTERM, SIGKILL.
 */
#define _GNU_SOURCE 1 /* asprintf */
#include "harness/run/run.h"
#include "harness/run/ctl.h"
#include "harness/run/injector.h"
#include "harness/run/kept_file.h"
#include "harness/run/lease.h"
#include "harness/base/paths.h"
#include "harness/base/throw.h"
#include "harness/run/rundir.h"
#include "harness/run/target.h"

#include "faults/points.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RUN_MS		   INT64_C(1000000)
#define RUN_TICK_NS	   (100 * RUN_MS)
#define RUN_TICK_SIM_NS	   (1 * RUN_MS)
#define RUN_FRAME_NS	   (100 * RUN_MS)
#define RUN_READY_NS	   (30000 * RUN_MS) /* for the target to be ready */
#define RUN_OVERTIME_NS	   (60000 * RUN_MS) /* beyond the last phase, for the check of contents */
#define RUN_STILL_NS	   (120000 * RUN_MS) /* of real time in which no virtual time passes */
#define RUN_QUIT_NS	   (2000 * RUN_MS)  /* after an interrupt */
#define RUN_QUIT_POLITE_NS (20000 * RUN_MS) /* after anything else: contents are checked first */
#define RUN_TERM_NS	   (1000 * RUN_MS)

enum run_state { RUN_STARTING, RUN_GOING, RUN_LEAVING, RUN_OVER };

struct run {
	const struct gcs_run_options *opt;
	const struct gcs_scenario *scenario;
	char run_id[24], record[GCS_PATH_BYTES];
	struct gcs_collect *collect;
	struct gcs_target *target;
	struct gcs_kept_file profile, trace;
	char trace_path[GCS_PATH_BYTES + sizeof GCS_TRACE_SUFFIX];
	struct gcs_rundir dir;
	struct gcs_ctl *ctl;		/* NULL: nobody can send orders */
	char fifo[GCS_PATH_BYTES + 32]; /* "": fiu-ctrl has nothing to speak to */
	int pid;			/* of the target, when it is ready */
	const struct gcs_display *display;
	void *display_self;
	int signals, tick;
	sigset_t old_mask;
	enum run_state state;
	int64_t deadline_ns, frame_ns;
	int64_t virtual_ns, moved_ns; /* simulation: its time, and since when (real time) it is that */
	int force; /* 0 none, 1 quit, 2 SIGTERM, 3 SIGKILL */
	bool ready, asked, started, done;
	bool quit_due; /* simulation: to be said when the target waits next */
	int interrupted;       /* 0, SIGINT, SIGTERM */
	enum gcs_exit trouble; /* PASS: none of the harness's own */
	char trouble_text[512];
	int status; /* of the target */
	bool died, over;	/* exec: its program died for good, with `death`; it ended by itself, and was content */
	int death;		/* wait status */
	char death_text[160];	/* what it said it died of; "" nothing */
	struct gcs_injector_prices price; /* of system calls that are asked about; 0: none is */
};

static int64_t run_now(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static __attribute__((format(printf, 3, 4))) void run_trouble(struct run *r, enum gcs_exit code,
							      const char *fmt, ...)
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

static enum gcs_exit run_exit_of(int e)
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

static void run_leave(struct run *r)
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

/* ---- what the target says */

/* Start when the target is ready, and the clients too. The simulation has its start with the plan.
 */
static void run_try_start(struct run *r)
{
	const struct mrt_telemetry *t = gcs_target_telemetry(r->target);
	bool clients = false;
	for (uint32_t i = 0; i < r->scenario->nworkloads; i++)
		clients |= r->scenario->workload[i].conns > 0;
	if (!r->ready || r->asked || r->state != RUN_STARTING)
		return;
	if (clients && atomic_load_explicit(&t->load_ready, memory_order_acquire) == 0)
		return;
	r->asked = true;
	gcs_target_say(r->target, "start", -1);
}

/* How to lay hands on this run: told once it can be done. */
static void run_tell_hands(struct run *r)
{
	char out[sizeof r->fifo + 8], *text = NULL;
	if (r->ctl && r->scenario->nfaults &&
	    asprintf(&text, "hands on: gcstorm ctl %s arm|disarm|fire FAULT", r->run_id) > 0)
		gcs_collect_event(r->collect, 0, text);
	free(text);
	text = NULL;
	snprintf(r->fifo, sizeof r->fifo, "%s/" GCS_RUNDIR_FIFO "-%d", r->dir.path, r->pid);
	snprintf(out, sizeof out, "%s.out", r->fifo);
	if (!r->dir.path[0] || access(out, F_OK) != 0)
		r->fifo[0] = '\0';
	else if (asprintf(&text, "or fiu-ctrl -c 'enable name=POINT' %s", r->fifo) > 0)
		gcs_collect_event(r->collect, 0, text);
	free(text);
}

static void run_on_ready(void *self, int pid)
{
	struct run *r = self;
	r->ready = true;
	r->pid = pid;
	gcs_collect_target(r->collect, pid);
	if (r->opt->sim)
		gcs_collect_event(r->collect, 0, "simulated: every time is modelled, none is measured");
	run_tell_hands(r);
	run_try_start(r);
}

static void run_on_refused(void *self, const char *text)
{
	struct run *r = self;
	run_trouble(r, GCS_EXIT_HARNESS, "the target refused: %s", text);
	run_leave(r);
}

static void run_on_started(void *self, int64_t t0_abs_ns)
{
	struct run *r = self;
	r->started = true;
	gcs_collect_started(r->collect, t0_abs_ns);
	if (r->state != RUN_STARTING)
		return;
	r->state = RUN_GOING;
	r->deadline_ns = r->opt->sim ? 0 : run_now() + r->scenario->end_ns + RUN_OVERTIME_NS;
}

static void run_on_done(void *self, const char *hash, uint64_t checked, uint64_t errors)
{
	struct run *r = self;
	r->done = true;
	gcs_collect_done(r->collect, hash, checked, errors);
	if (r->state == RUN_GOING) {
		r->state = RUN_LEAVING; /* it ends by itself; if not, it is pressed */
		r->force = 1;
		r->deadline_ns = run_now() + RUN_QUIT_POLITE_NS;
	}
}

static void run_on_heap_profile(void *self, int e)
{
	gcs_kept_file_made(&((struct run *)self)->profile, e);
}

static void run_on_trace(void *self, int e)
{
	gcs_kept_file_made(&((struct run *)self)->trace, e);
}

static void run_on_gctrace(void *self, const char *line)
{
	gcs_collect_gctrace(((struct run *)self)->collect, line);
}

static void run_on_operator(void *self, const char *source, const char *act, int fault,
			    const char *text)
{
	gcs_collect_operator(((struct run *)self)->collect, source, act, fault, text);
}

/* The target did what it must when we stand still: it is no crash, and nothing failed; what the
 * rest of the run would have brought nobody knows. */
static void run_lease_ran_out(struct run *r)
{
	int64_t from_ns, gap_ns = gcs_target_lease_gap(r->target, &from_ns);
	if (!r->done)
		gcs_collect_stood_still(r->collect, from_ns);
	if (!r->interrupted)
		run_trouble(r, GCS_EXIT_INCONCLUSIVE,
			    "the harness stood still for %.1f s (Ctrl-Z, SIGSTOP?): the target's "
			    "lease ran out, it ended",
			    (double)gap_ns / 1e9);
}

/* ---- a program under exec */

/* "exit status 2", "signal 9 (Killed)" */
static const char *run_status_words(int status, char ret[64])
{
	if (WIFSIGNALED(status))
		snprintf(ret, 64, "signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		snprintf(ret, 64, "exit status %d", WEXITSTATUS(status));
	return ret;
}

static void run_on_died(void *self, int status, const char *text, bool again, uint32_t restarts)
{
	struct run *r = self;
	char how[64];
	r->over = WIFEXITED(status) && WEXITSTATUS(status) == 0;
	r->died = !again && !r->over;
	r->death = status;
	snprintf(r->death_text, sizeof r->death_text, "%s", text ? text : "");
	run_status_words(status, how);
	if (!r->over)
		gcs_collect_died(r->collect, how, text, again ? restarts : 0);
	else if (r->state == RUN_STARTING || r->state == RUN_GOING)
		run_trouble(r, GCS_EXIT_INCONCLUSIVE,
			    "the program was done (exit status 0) before the run was");
}

static void run_on_restarted(void *self, int pid)
{
	struct run *r = self;
	r->pid = pid;
	gcs_collect_restarted(r->collect, pid);
}

static void run_on_ended(void *self, int status)
{
	struct run *r = self;
	char how[64], text[96];
	snprintf(text, sizeof text, "the program ended when told to: %s",
		 run_status_words(status, how));
	gcs_collect_event(r->collect, 0, text);
	snprintf(text, sizeof text, "%d",
		 WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
	gcs_collect_fact(r->collect, "program_status", text);
}

static void run_on_throttled(void *self, uint64_t times, int64_t ns)
{
	struct run *r = self;
	char text[96];
	snprintf(text, sizeof text, "%" PRId64, ns);
	gcs_collect_fact(r->collect, "throttled_ns", text);
	if (times == 0)
		return;
	snprintf(text, sizeof text, "throttled %" PRIu64 " times, %.1f ms in all: the CPU quota of its control group",
		 times, (double)ns / 1e6);
	gcs_collect_event(r->collect, 1, text);
}

/* The guard has ended because its program has: what is told is the program's end. True: it is no accident. */
static bool run_program_over(struct run *r, int *status)
{
	if (r->died)
		*status = r->death;
	else if (r->over)
		*status = 0;
	return r->over && !r->died;
}

static void run_on_exited(void *self, int status)
{
	struct run *r = self;
	bool expected = r->done || r->state == RUN_LEAVING;
	expected |= run_program_over(r, &status);
	if (!r->died && WIFEXITED(status) && WEXITSTATUS(status) == GCS_LEASE_EXIT) {
		run_lease_ran_out(r);
		expected = true;
		status = 0;
	}
	r->status = status;
	/* What it wrote last is still in the rings. */
	if (r->trouble == GCS_EXIT_PASS || r->trouble == GCS_EXIT_INCONCLUSIVE)
		gcs_collect_tick(r->collect);
	const char *line[GCS_LAST_WORDS];
	size_t n = gcs_target_last_words(r->target, line);
	const char *fatal = r->died && *r->death_text ? r->death_text : gcs_fatal_line(line, n);
	gcs_collect_exit(r->collect, status, expected, fatal);
	r->state = RUN_OVER;
}

static void run_on_load_exited(void *self, int status)
{
	struct run *r = self;
	if (r->done || r->state == RUN_LEAVING || r->state == RUN_OVER)
		return;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return;
	run_trouble(r, GCS_EXIT_HARNESS, "the load process died (%s %d)",
		    WIFSIGNALED(status) ? "signal" : "status",
		    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	run_leave(r);
}

/* ---- the operator */

/* What keeps an order from being carried out now; NULL: nothing. */
static const char *run_busy(const struct run *r, int fault)
{
	if (fault >= 0 && r->scenario->fault[fault].elsewhere)
		return "the fault is for another runtime (only)";
	if (r->opt->sim)
		return "a simulated run takes no orders: it must repeat";
	if (r->state == RUN_STARTING)
		return "the run has not begun yet";
	return r->state == RUN_GOING ? NULL : "the run is ending";
}

/* It is so already: nothing is sent, and nothing is modified. */
static bool run_needless(const struct run *r, enum gcs_act act, int fault)
{
	const struct watch_fault *f =
		&gcs_target_telemetry(r->target)->fault[fault < 0 ? 0 : fault];
	bool armed = atomic_load_explicit(&f->armed, memory_order_relaxed) != 0;
	return (act == GCS_DO_ARM && armed) || (act == GCS_DO_DISARM && !armed);
}

static enum gcs_exit run_say(char ret_text[GCS_CTL_TEXT_BYTES], enum gcs_exit code,
			     const char *text)
{
	snprintf(ret_text, GCS_CTL_TEXT_BYTES, "%s", text);
	return code;
}

/* fault -1: none. PASS: sent and written down, or there was nothing to do (ret_text says so); else
 * why not. */
static enum gcs_exit run_order(struct run *r, const char *source, enum gcs_act act, int fault,
			       const char *text, char ret_text[GCS_CTL_TEXT_BYTES])
{
	static const char *const command[] = {
		[GCS_DO_ARM] = "arm",
		[GCS_DO_DISARM] = "disarm",
		[GCS_DO_FIRE] = "fire",
		[GCS_DO_DISARM_ALL] = "disarm_all",
	};
	const char *busy = run_busy(r, fault);
	if (act == GCS_DO_MARK) {
		gcs_collect_operator(r->collect, source, "mark", -1, text ? text : "");
		return GCS_EXIT_PASS;
	}
	if (busy)
		return run_say(ret_text, GCS_EXIT_UNSUPPORTED, busy);
	if (run_needless(r, act, fault)) {
		snprintf(ret_text, GCS_CTL_TEXT_BYTES, "%s is %s already",
			 r->scenario->fault[fault].id, act == GCS_DO_ARM ? "armed" : "disarmed");
		return GCS_EXIT_PASS;
	}
	if (gcs_target_say(r->target, command[act], fault) != 0)
		return run_say(ret_text, GCS_EXIT_UNSUPPORTED, "the target does not listen");
	gcs_collect_operator(r->collect, source, command[act], fault, "");
	return GCS_EXIT_PASS;
}

static void run_request(struct run *r, struct gcs_request req)
{
	char text[GCS_CTL_TEXT_BYTES] = "";
	bool one = req.act == GCS_DO_ARM || req.act == GCS_DO_DISARM || req.act == GCS_DO_FIRE;
	if (req.act == GCS_DO_QUIT) {
		gcs_collect_operator(r->collect, "screen", "quit", -1, "");
		run_leave(r);
		return;
	}
	if (!one && req.act != GCS_DO_DISARM_ALL && req.act != GCS_DO_MARK)
		return; /* what only a record's viewer does */
	if (one && req.fault >= r->scenario->nfaults)
		return;
	run_order(r, "screen", req.act, one ? (int)req.fault : -1, NULL, text);
	if (*text)
		gcs_collect_event(r->collect, 1, text);
}

static enum gcs_exit run_ctl_order(void *self, enum gcs_act act, int fault, const char *text,
				   char ret_text[GCS_CTL_TEXT_BYTES])
{
	return run_order(self, "ctl", act, fault, text, ret_text);
}

static const struct gcs_snapshot *run_ctl_snapshot(void *self)
{
	return gcs_collect_snapshot(((struct run *)self)->collect);
}

static const struct watch_fault *run_ctl_counters(void *self, uint32_t fault)
{
	return &gcs_target_telemetry(((struct run *)self)->target)->fault[fault];
}

static void run_ctl_about(void *self, struct gcs_ctl_about *ret)
{
	const struct run *r = self;
	const struct mrt_telemetry *t = gcs_target_telemetry(r->target);
	int64_t t0_ns = atomic_load_explicit(&t->t0_ns, memory_order_relaxed);
	bool live = r->state == RUN_GOING && !r->opt->sim && t0_ns > 0;
	*ret = (struct gcs_ctl_about){
		.pid = r->pid,
		.now_ns = live ? run_now() - t0_ns : gcs_collect_snapshot(r->collect)->now_ns,
		.going = r->state == RUN_GOING,
		.fifo = r->fifo[0] ? r->fifo : NULL,
	};
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

static void run_wait(struct run *r)
{
	struct pollfd fds[GCS_TARGET_FDS + GCS_CTL_FDS + 3];
	uint64_t ticks;
	int n = gcs_target_fds(r->target, fds);
	n += gcs_ctl_fds(r->ctl, fds + n);
	int own = n;
	fds[n++] = (struct pollfd){.fd = r->signals, .events = POLLIN};
	fds[n++] = (struct pollfd){.fd = r->tick, .events = POLLIN};
	fds[n++] = (struct pollfd){.fd = r->display->fd(r->display_self), .events = POLLIN};
	if (poll(fds, (nfds_t)n, -1) < 0)
		return; /* EINTR: a signal that is not ours */
	gcs_target_poll(r->target);
	gcs_ctl_poll(r->ctl);
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

/* ---- setting up */

static int run_watch_signals(struct run *r)
{
	sigset_t mask;
	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGHUP);
	sigaddset(&mask, SIGCHLD);
	signal(SIGPIPE, SIG_IGN); /* a reader of ours that goes away, or a file size limit, is an
				     error to be told, */
	signal(SIGXFSZ, SIG_IGN); /* not an end in mid-run */
	/* Before any thread: they inherit it. */
	if (sigprocmask(SIG_BLOCK, &mask, &r->old_mask))
		return -errno;
	r->signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	r->tick = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (r->signals < 0 || r->tick < 0)
		return -errno;
	struct timespec every = {.tv_nsec = r->opt->sim ? RUN_TICK_SIM_NS : RUN_TICK_NS};
	return timerfd_settime(r->tick, 0, &(struct itimerspec){every, every}, NULL) ? -errno : 0;
}

static void run_name(struct run *r)
{
	uint16_t salt = 0;
	time_t now = time(NULL);
	struct tm tm;
	char stamp[16];
	if (getrandom(&salt, sizeof salt, 0) != (ssize_t)sizeof salt)
		salt = (uint16_t)getpid();
	strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", localtime_r(&now, &tm));
	snprintf(r->run_id, sizeof r->run_id, "%s-%04x", stamp, salt);
}

static int run_place_record(struct run *r)
{
	char dir[GCS_PATH_BYTES];
	run_name(r);
	if (r->opt->record) {
		snprintf(r->record, sizeof r->record, "%s", r->opt->record);
		return access(r->record, F_OK) == 0 ? -EEXIST : 0;
	}
	int e = gcs_path_runs(dir, 1);
	int n = snprintf(r->record, sizeof r->record, "%s", dir);
	if (e)
		return e;
	n += snprintf(r->record + n, sizeof r->record - (size_t)n, "/%s%s%s-%s.gcrun",
		      r->scenario->name, r->scenario->chosen ? "+" : "",
		      r->scenario->chosen ? r->scenario->chosen : "", r->run_id);
	return n >= (int)sizeof r->record ? -ENAMETOOLONG : 0;
}

/* Beside the record, whose place is known. */
static int run_open_trace(struct run *r)
{
	if (!gcs_scenario_traces(r->scenario))
		return 0;
	snprintf(r->trace_path, sizeof r->trace_path, "%s" GCS_TRACE_SUFFIX, r->record);
	int e = gcs_kept_file_open(&r->trace, "execution trace", r->trace_path);
	if (e)
		run_trouble(r, e == -EEXIST ? GCS_EXIT_USAGE : run_exit_of(e),
			    "no execution trace at %s: %s", r->trace_path, strerror(-e));
	else
		gcs_target_set_trace(r->target, r->trace.fd);
	return e;
}

static int run_open_record(struct run *r)
{
	char *text = NULL;
	int e = run_place_record(r);
	if (e) {
		run_trouble(r, e == -EEXIST ? GCS_EXIT_USAGE : run_exit_of(e),
			    "no record at %s: %s", r->record, strerror(-e));
		return e;
	}
	e = run_open_trace(r);
	if (e)
		return e;
	struct gcs_collect_options opt = {
		.scenario = r->scenario,
		.telemetry = gcs_target_telemetry(r->target),
		.record_path = r->record,
		.run_id = r->run_id,
		.command_line = r->opt->command_line,
		.sim = r->opt->sim,
	};
	e = gcs_collect_create(&r->collect, &opt, &text);
	if (e && text)
		run_trouble(r, run_exit_of(e), "%s", text);
	else if (e)
		run_trouble(r, run_exit_of(e), "no record at %s: %s", r->record, strerror(-e));
	free(text);
	return e;
}

/* Without one the run goes on, out of reach. */
static void run_make_dir(struct run *r)
{
	const struct gcs_ctl_sink sink = {
		.self = r,
		.order = run_ctl_order,
		.snapshot = run_ctl_snapshot,
		.counters = run_ctl_counters,
		.about = run_ctl_about,
	};
	char *why = NULL, *text = NULL, prefix[GCS_PATH_BYTES + 8];
	int e = gcs_rundir_make(&r->dir, r->run_id, &why);
	if (e == 0)
		e = gcs_ctl_create(&r->ctl, r->dir.fd, &sink);
	if (e) {
		if (asprintf(&text, "no orders by gcstorm ctl: %s", why ? why : strerror(-e)) > 0)
			gcs_collect_event(r->collect, 1, text);
	} else {
		snprintf(prefix, sizeof prefix, "%s/" GCS_RUNDIR_FIFO, r->dir.path);
		gcs_target_set_fifo(r->target, prefix);
	}
	free(why);
	free(text);
}

static int run_start_target(struct run *r)
{
	char *text = NULL;
	int e = gcs_target_spawn(r->target, &text);
	if (e)
		run_trouble(r, run_exit_of(e), "cannot start the target: %s",
			    text ? text : strerror(-e));
	free(text);
	r->state = RUN_STARTING;
	r->deadline_ns = run_now() + RUN_READY_NS;
	if (e == 0 && r->opt->sim) {
		r->asked = true;
		gcs_target_say(r->target, "start", -1);
	}
	return e;
}

static void run_tell_sabotage(const struct run *r)
{
	for (uint32_t i = 0; i < r->scenario->nfaults; i++) {
		const struct gcs_point_info *p = gcs_point_by_name(r->scenario->fault[i].point);
		if (p && gcs_point_sabotages(p))
			fprintf(stderr, "gcstorm: fault '%s' breaks the runtime on purpose (%s)\n",
				r->scenario->fault[i].id, p->name);
	}
}

static void run_open_display(struct run *r)
{
	r->display = r->opt->display;
	int e = r->display->open(&r->display_self);
	if (e == 0)
		return;
	fprintf(stderr, "gcstorm: no screen (%s): plain lines\n",
		e == -ENOTTY  ? "standard input and output are no terminal"
		: e == -ENXIO ? "the terminal's type, $TERM, is unknown"
			      : strerror(-e));
	r->display = &gcs_display_plain;
	if (r->display->open(&r->display_self))
		abort(); /* a few bytes: there is nothing left to run with */
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
	gcs_ctl_destroy(r->ctl);
	gcs_target_destroy(r->target);
	gcs_rundir_remove(&r->dir);
	gcs_collect_destroy(r->collect);
	gcs_kept_file_close(&r->profile);
	gcs_kept_file_close(&r->trace);
	if (r->tick >= 0)
		close(r->tick);
	if (r->signals >= 0)
		close(r->signals);
	sigprocmask(SIG_SETMASK, &r->old_mask, NULL);
}

/* Can the faults of os/ be had here, and for how much? Known before there is a record. */
static int run_price(struct run *r)
{
	const struct gcs_fault *f = gcs_injector_wanted(r->scenario);
	if (!f)
		return 0;
	int e = r->opt->sim ? -ENOTSUP
			    : gcs_injector_price(gcs_injector_looks(r->scenario), &r->price);
	if (r->opt->sim)
		run_trouble(r, GCS_EXIT_UNSUPPORTED,
			    "fault '%s' cannot be simulated: %s is a system call, and a simulated "
			    "target makes none",
			    f->id, f->point);
	else if (e)
		run_trouble(r, GCS_EXIT_UNSUPPORTED,
			    "fault '%s' (%s) cannot be had here: this system does not let a "
			    "process answer another's system calls (%s: %s)",
			    f->id, f->point, r->price.refused, strerror(-e));
	return e;
}

static void run_tell_price(struct run *r)
{
	char text[96], look[48] = "";
	if (r->price.call_ns == 0)
		return;
	if (r->price.look_ns)
		snprintf(look, sizeof look, ", a look of the poller %.1f \u00b5s",
			 (double)r->price.look_ns / 1e3);
	snprintf(text, sizeof text, "a notified call costs %.1f \u00b5s%s",
		 (double)r->price.call_ns / 1e3, look);
	gcs_collect_event(r->collect, 0, text);
	snprintf(text, sizeof text, "%" PRId64, r->price.call_ns);
	gcs_collect_fact(r->collect, "notified_call_ns", text);
	if (r->price.look_ns == 0)
		return;
	snprintf(text, sizeof text, "%" PRId64, r->price.look_ns);
	gcs_collect_fact(r->collect, "notified_look_ns", text);
}

/* The caller's mistake if it cannot be: told before anything starts. */
static int run_open_profile(struct run *r)
{
	int e = r->opt->heap_profile ? gcs_kept_file_open(&r->profile, "heap profile", r->opt->heap_profile) : 0;
	if (e)
		run_trouble(r, GCS_EXIT_USAGE, "no heap profile at %s: %s", r->opt->heap_profile,
			    strerror(-e));
	else if (r->opt->heap_profile)
		gcs_target_set_heap_profile(r->target, r->profile.fd);
	return e;
}

static int run_set_up(struct run *r)
{
	const struct gcs_target_sink sink = {
		.self = r,
		.ready = run_on_ready,
		.refused = run_on_refused,
		.started = run_on_started,
		.done = run_on_done,
		.operator= run_on_operator,
		.heap_profile = run_on_heap_profile,
		.trace = run_on_trace,
		.gctrace = run_on_gctrace,
		.died = run_on_died,
		.restarted = run_on_restarted,
		.ended = run_on_ended,
		.throttled = run_on_throttled,
		.exited = run_on_exited,
		.load_exited = run_on_load_exited,
	};
	char *text = NULL;
	int e = run_watch_signals(r);
	if (e == 0)
		e = gcs_target_create(&r->target, r->scenario, r->opt->sim, &sink, &text);
	if (e)
		run_trouble(r, run_exit_of(e), "%s", text ? text : strerror(-e));
	free(text);
	if (e == 0)
		e = run_price(r);
	if (e == 0)
		e = run_open_profile(r);
	if (e == 0)
		e = run_open_record(r);
	if (e == 0) {
		gcs_target_set_output(r->target, r->record);
		run_tell_price(r);
		run_make_dir(r);
	}
	return e;
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
		.dir = {.fd = -1, .lock_fd = -1},
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
