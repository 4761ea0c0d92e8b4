/* run_begin.c: setting a run up: what can be refused is refused before anything starts. */
#include "harness/run/run_priv.h"

#include "faults/points.h"
#include "harness/base/signals.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

static int run_watch_signals(struct run *r)
{
	signal(SIGPIPE, SIG_IGN); /* a reader of ours that goes away, or a file size limit, is an
				     error to be told, */
	signal(SIGXFSZ, SIG_IGN); /* not an end in mid-run */
	r->signals = gcs_signals_open(true, &r->old_mask);
	if (r->signals < 0)
		return r->signals;
	r->tick = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (r->tick < 0)
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

static enum gcs_orders_time run_orders_time(void *self)
{
	const struct run *r = self;
	return r->state == RUN_STARTING ? GCS_ORDERS_EARLY
	       : r->state == RUN_GOING	? GCS_ORDERS_NOW
					: GCS_ORDERS_LATE;
}

static int run_open_orders(struct run *r)
{
	const struct gcs_orders_run run = {
		.scenario = r->scenario,
		.id = r->run_id,
		.sim = r->opt->sim,
		.collect = r->collect,
		.target = r->target,
		.self = r,
		.time = run_orders_time,
	};
	int e = gcs_orders_create(&r->orders, &run);
	if (e)
		run_trouble(r, run_exit_of(e), "cannot set up the run: %s", strerror(-e));
	else
		gcs_orders_open(r->orders);
	return e;
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

int run_set_up(struct run *r)
{
	const struct gcs_target_sink sink = run_sink(r);
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
		e = run_open_orders(r);
	}
	return e;
}

int run_start_target(struct run *r)
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

void run_tell_sabotage(const struct run *r)
{
	for (uint32_t i = 0; i < r->scenario->nfaults; i++) {
		const struct gcs_point_info *p = gcs_point_by_name(r->scenario->fault[i].point);
		if (p && gcs_point_sabotages(p))
			fprintf(stderr, "gcstorm: fault '%s' breaks the runtime on purpose (%s)\n",
				r->scenario->fault[i].id, p->name);
	}
}

void run_open_display(struct run *r)
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
