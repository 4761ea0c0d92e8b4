/* orders.c: see orders.h. */
#define _GNU_SOURCE 1 /* asprintf */
#include "harness/run/orders.h"
#include "harness/run/rundir.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct gcs_orders {
	struct gcs_orders_run run;
	struct gcs_rundir dir;
	struct gcs_ctl *ctl;		/* NULL: nobody can send orders */
	char fifo[GCS_PATH_BYTES + 32]; /* "": fiu-ctrl has nothing to speak to */
	int pid;			/* of the target, when it is ready */
};

static int64_t orders_now(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* ---- carrying out */

/* What keeps an order from being carried out now; NULL: nothing. */
static const char *orders_busy(const struct gcs_orders *o, int fault)
{
	if (fault >= 0 && o->run.scenario->fault[fault].elsewhere)
		return "the fault is for another runtime (only)";
	if (o->run.sim)
		return "a simulated run takes no orders: it must repeat";
	switch (o->run.time(o->run.self)) {
	case GCS_ORDERS_EARLY:
		return "the run has not begun yet";
	case GCS_ORDERS_LATE:
		return "the run is ending";
	case GCS_ORDERS_NOW:
		break;
	}
	return NULL;
}

/* It is so already: nothing is sent, and nothing is modified. */
static bool orders_needless(const struct gcs_orders *o, enum gcs_act act, int fault)
{
	const struct watch_fault *f =
		&gcs_target_telemetry(o->run.target)->fault[fault < 0 ? 0 : fault];
	bool armed = atomic_load_explicit(&f->armed, memory_order_relaxed) != 0;
	return (act == GCS_DO_ARM && armed) || (act == GCS_DO_DISARM && !armed);
}

static enum gcs_exit orders_say(char ret_text[GCS_CTL_TEXT_BYTES], enum gcs_exit code,
				const char *text)
{
	snprintf(ret_text, GCS_CTL_TEXT_BYTES, "%s", text);
	return code;
}

/* fault -1: none. PASS: sent and written down, or there was nothing to do (ret_text says so); else
 * why not. */
static enum gcs_exit orders_do(struct gcs_orders *o, const char *source, enum gcs_act act,
			       int fault, const char *text, char ret_text[GCS_CTL_TEXT_BYTES])
{
	static const char *const command[] = {
		[GCS_DO_ARM] = "arm",
		[GCS_DO_DISARM] = "disarm",
		[GCS_DO_FIRE] = "fire",
		[GCS_DO_DISARM_ALL] = "disarm_all",
	};
	const char *busy = orders_busy(o, fault);
	if (act == GCS_DO_MARK) {
		gcs_collect_operator(o->run.collect, source, "mark", -1, text ? text : "");
		return GCS_EXIT_PASS;
	}
	if (busy)
		return orders_say(ret_text, GCS_EXIT_UNSUPPORTED, busy);
	if (orders_needless(o, act, fault)) {
		snprintf(ret_text, GCS_CTL_TEXT_BYTES, "%s is %s already",
			 o->run.scenario->fault[fault].id,
			 act == GCS_DO_ARM ? "armed" : "disarmed");
		return GCS_EXIT_PASS;
	}
	if (gcs_target_say(o->run.target, command[act], fault) != 0)
		return orders_say(ret_text, GCS_EXIT_UNSUPPORTED, "the target does not listen");
	gcs_collect_operator(o->run.collect, source, command[act], fault, "");
	return GCS_EXIT_PASS;
}

void gcs_orders_request(struct gcs_orders *o, struct gcs_request req)
{
	char text[GCS_CTL_TEXT_BYTES] = "";
	bool one = req.act == GCS_DO_ARM || req.act == GCS_DO_DISARM || req.act == GCS_DO_FIRE;
	if (!one && req.act != GCS_DO_DISARM_ALL && req.act != GCS_DO_MARK)
		return; /* what only a record's viewer does */
	if (one && req.fault >= o->run.scenario->nfaults)
		return;
	orders_do(o, "screen", req.act, one ? (int)req.fault : -1, NULL, text);
	if (*text)
		gcs_collect_event(o->run.collect, 1, text);
}

/* ---- what the socket asks for */

static enum gcs_exit orders_ctl_order(void *self, enum gcs_act act, int fault, const char *text,
				      char ret_text[GCS_CTL_TEXT_BYTES])
{
	return orders_do(self, "ctl", act, fault, text, ret_text);
}

static const struct gcs_snapshot *orders_ctl_snapshot(void *self)
{
	return gcs_collect_snapshot(((struct gcs_orders *)self)->run.collect);
}

static const struct watch_fault *orders_ctl_counters(void *self, uint32_t fault)
{
	return &gcs_target_telemetry(((struct gcs_orders *)self)->run.target)->fault[fault];
}

static void orders_ctl_about(void *self, struct gcs_ctl_about *ret)
{
	const struct gcs_orders *o = self;
	const struct mrt_telemetry *t = gcs_target_telemetry(o->run.target);
	int64_t t0_ns = atomic_load_explicit(&t->t0_ns, memory_order_relaxed);
	bool going = o->run.time(o->run.self) == GCS_ORDERS_NOW,
	     live = going && !o->run.sim && t0_ns > 0;
	*ret = (struct gcs_ctl_about){
		.pid = o->pid,
		.now_ns = live ? orders_now() - t0_ns
			       : gcs_collect_snapshot(o->run.collect)->now_ns,
		.going = going,
		.fifo = o->fifo[0] ? o->fifo : NULL,
	};
}

int gcs_orders_fds(const struct gcs_orders *o, struct pollfd fds[GCS_CTL_FDS])
{
	return gcs_ctl_fds(o->ctl, fds);
}

void gcs_orders_poll(struct gcs_orders *o)
{
	gcs_ctl_poll(o->ctl);
}

/* ---- life */

int gcs_orders_create(struct gcs_orders **ret, const struct gcs_orders_run *run)
{
	struct gcs_orders *o = calloc(1, sizeof *o);
	if (!o)
		return -ENOMEM;
	o->run = *run;
	o->dir.fd = o->dir.lock_fd = -1;
	*ret = o;
	return 0;
}

void gcs_orders_open(struct gcs_orders *o)
{
	const struct gcs_ctl_sink sink = {
		.self = o,
		.order = orders_ctl_order,
		.snapshot = orders_ctl_snapshot,
		.counters = orders_ctl_counters,
		.about = orders_ctl_about,
	};
	char *why = NULL, *text = NULL, prefix[GCS_PATH_BYTES + 8];
	int e = gcs_rundir_make(&o->dir, o->run.id, &why);
	if (e == 0)
		e = gcs_ctl_create(&o->ctl, o->dir.fd, &sink);
	if (e) {
		if (asprintf(&text, "no orders by gcstorm ctl: %s", why ? why : strerror(-e)) > 0)
			gcs_collect_event(o->run.collect, 1, text);
	} else {
		snprintf(prefix, sizeof prefix, "%s/" GCS_RUNDIR_FIFO, o->dir.path);
		gcs_target_set_fifo(o->run.target, prefix);
	}
	free(why);
	free(text);
}

void gcs_orders_target(struct gcs_orders *o, int pid)
{
	o->pid = pid;
}

void gcs_orders_ready(struct gcs_orders *o, int pid)
{
	char out[sizeof o->fifo + 8], *text = NULL;
	o->pid = pid;
	if (o->ctl && o->run.scenario->nfaults &&
	    asprintf(&text, "hands on: gcstorm ctl %s arm|disarm|fire FAULT", o->run.id) > 0)
		gcs_collect_event(o->run.collect, 0, text);
	free(text);
	text = NULL;
	snprintf(o->fifo, sizeof o->fifo, "%s/" GCS_RUNDIR_FIFO "-%d", o->dir.path, pid);
	snprintf(out, sizeof out, "%s.out", o->fifo);
	if (!o->dir.path[0] || access(out, F_OK) != 0)
		o->fifo[0] = '\0';
	else if (asprintf(&text, "or fiu-ctrl -c 'enable name=POINT' %s", o->fifo) > 0)
		gcs_collect_event(o->run.collect, 0, text);
	free(text);
}

void gcs_orders_destroy(struct gcs_orders *o)
{
	if (!o)
		return;
	gcs_ctl_destroy(o->ctl);
	gcs_rundir_remove(&o->dir);
	free(o);
}
