/* orders.c: see orders.h. */
#define _GNU_SOURCE 1 /* asprintf */
#include "harness/run/orders.h"
#include "harness/base/units.h"
#include "harness/run/rundir.h"
#include "workloads/rates.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ORDERS_NEAR_NS	INT64_C(50000000) /* a limit so shortly before a window's edge is left to that */
#define ORDERS_AGAIN_NS INT64_C(100000000) /* a target that does not listen is told again */

/* Of a fault that is armed by hand. */
struct orders_arm {
	int64_t until_ns; /* absolute; GCS_ARM_KEEP: no limit; 0: it is not armed by hand */
	int64_t edge_ns;  /* its next window begins or ends: that ends the arm; INT64_MAX none */
	int64_t for_ns;
};

struct gcs_orders {
	struct gcs_orders_run run;
	struct gcs_rundir dir;
	struct gcs_ctl *ctl;		/* NULL: nobody can send orders */
	char fifo[GCS_PATH_BYTES + 32]; /* "": fiu-ctrl has nothing to speak to */
	int pid;			/* of the target, when it is ready */
	bool cancelled;			/* no window opens any more */
	struct orders_arm arm[GCS_FAULTS_MAX];
	char *edits[GCS_FAULTS_MAX]; /* what was said of each, in one text; NULL: nothing */
	uint32_t nedits[GCS_FAULTS_MAX], nrates[GCS_WORKLOADS_MAX];
};

static int64_t orders_now(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* ---- what is so already */

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

static bool orders_armed(const struct gcs_orders *o, uint32_t fault)
{
	const struct watch_fault *f = &gcs_target_telemetry(o->run.target)->fault[fault];
	return atomic_load_explicit(&f->armed, memory_order_relaxed) != 0;
}

static bool orders_by_hand(const struct gcs_orders *o, uint32_t fault)
{
	const struct orders_arm *a = &o->arm[fault];
	return orders_armed(o, fault) && a->until_ns != 0 && orders_now() < a->edge_ns;
}

static enum gcs_exit orders_say(char ret_text[GCS_CTL_SAID_BYTES], enum gcs_exit code,
				const char *text)
{
	snprintf(ret_text, GCS_CTL_SAID_BYTES, "%s", text);
	return code;
}

static enum gcs_exit orders_unheard(char ret_text[GCS_CTL_SAID_BYTES])
{
	return orders_say(ret_text, GCS_EXIT_UNSUPPORTED, "the target does not listen");
}

/* ---- arming, for a time */

static void orders_disarmed(struct gcs_orders *o, uint32_t fault)
{
	o->arm[fault] = (struct orders_arm){0};
	gcs_collect_limit(o->run.collect, fault, -1);
}

/* The moment at which a window of the fault ends an arm by hand; INT64_MAX: none does. */
static int64_t orders_edge(const struct gcs_orders *o, uint32_t fault, int64_t now_ns, int64_t t0_ns)
{
	const struct gcs_fault *f = &o->run.scenario->fault[fault];
	int64_t edge_ns = INT64_MAX;
	for (uint32_t i = 0; i < f->nwindows; i++) {
		int64_t start_ns = t0_ns + f->window[i].start_ns, end_ns = t0_ns + f->window[i].end_ns;
		if (start_ns > now_ns && !o->cancelled && start_ns < edge_ns)
			edge_ns = start_ns;
		if (end_ns > now_ns && end_ns < edge_ns) /* a cancelled one ends all the same */
			edge_ns = end_ns;
	}
	return edge_ns;
}

/* From now on, or for another time from now on. What the record says of it. */
static void orders_limit(struct gcs_orders *o, uint32_t fault, int64_t for_ns, char ret_text[64])
{
	const struct mrt_telemetry *t = gcs_target_telemetry(o->run.target);
	int64_t t0_ns = atomic_load_explicit(&t->t0_ns, memory_order_relaxed), now_ns = orders_now();
	struct orders_arm *a = &o->arm[fault];
	char time[GCS_UNIT_TEXT];
	a->edge_ns = orders_edge(o, fault, now_ns, t0_ns);
	a->for_ns = for_ns;
	a->until_ns = for_ns == GCS_ARM_KEEP ? GCS_ARM_KEEP : now_ns + for_ns;
	ret_text[0] = '\0';
	if (a->until_ns != GCS_ARM_KEEP && a->edge_ns < a->until_ns + ORDERS_NEAR_NS) {
		a->until_ns = GCS_ARM_KEEP; /* the window's edge comes first */
		snprintf(ret_text, 64, "until its window");
	} else if (a->until_ns != GCS_ARM_KEEP) {
		snprintf(ret_text, 64, "for %s", gcs_show_duration(time, for_ns));
	}
	gcs_collect_limit(o->run.collect, fault,
			  a->until_ns == GCS_ARM_KEEP ? -1 : a->until_ns - t0_ns);
}

static enum gcs_exit orders_arm(struct gcs_orders *o, const char *source,
				const struct gcs_request *req, char ret_text[GCS_CTL_SAID_BYTES])
{
	const char *id = o->run.scenario->fault[req->fault].id;
	bool armed = orders_armed(o, req->fault);
	char text[64];
	/* Armed by hand already: another limit can be set. */
	if (armed && (req->for_ns == 0 || !orders_by_hand(o, req->fault))) {
		snprintf(ret_text, GCS_CTL_SAID_BYTES, "%s is armed already", id);
		return GCS_EXIT_PASS;
	}
	if (!armed && gcs_target_say(o->run.target, "arm", (int)req->fault) != 0)
		return orders_unheard(ret_text);
	orders_limit(o, req->fault, req->for_ns ? req->for_ns : GCS_ARM_NS, text);
	gcs_collect_operator(o->run.collect, source, "arm", (int)req->fault, text);
	return GCS_EXIT_PASS;
}

static enum gcs_exit orders_disarm(struct gcs_orders *o, const char *source,
				   const struct gcs_request *req, char ret_text[GCS_CTL_SAID_BYTES])
{
	if (!orders_armed(o, req->fault)) {
		snprintf(ret_text, GCS_CTL_SAID_BYTES, "%s is disarmed already",
			 o->run.scenario->fault[req->fault].id);
		return GCS_EXIT_PASS;
	}
	if (gcs_target_say(o->run.target, "disarm", (int)req->fault) != 0)
		return orders_unheard(ret_text);
	gcs_collect_operator(o->run.collect, source, "disarm", (int)req->fault, "");
	orders_disarmed(o, req->fault);
	return GCS_EXIT_PASS;
}

static enum gcs_exit orders_disarm_all(struct gcs_orders *o, const char *source,
				       char ret_text[GCS_CTL_SAID_BYTES])
{
	if (gcs_target_say(o->run.target, "disarm_all", -1) != 0)
		return orders_unheard(ret_text);
	gcs_collect_operator(o->run.collect, source, "disarm_all", -1, "");
	o->cancelled = true;
	for (uint32_t i = 0; i < o->run.scenario->nfaults; i++)
		orders_disarmed(o, i);
	return GCS_EXIT_PASS;
}

static void orders_end(struct gcs_orders *o, uint32_t fault, int64_t now_ns)
{
	bool by_hand = orders_by_hand(o, fault);
	if (by_hand && gcs_target_say(o->run.target, "disarm", (int)fault) == -EAGAIN) {
		o->arm[fault].until_ns = now_ns + ORDERS_AGAIN_NS;
		return;
	}
	if (by_hand)
		gcs_collect_time_up(o->run.collect, fault, o->arm[fault].for_ns);
	orders_disarmed(o, fault);
}

void gcs_orders_due(struct gcs_orders *o)
{
	int64_t now_ns = orders_now();
	if (gcs_orders_next_ns(o) > now_ns)
		return;
	for (uint32_t i = 0; i < o->run.scenario->nfaults; i++) {
		if (o->arm[i].until_ns == 0 || o->arm[i].until_ns > now_ns)
			continue;
		if (o->run.time(o->run.self) == GCS_ORDERS_NOW)
			orders_end(o, i, now_ns);
		else
			orders_disarmed(o, i); /* the end disarms everything */
	}
}

int64_t gcs_orders_next_ns(const struct gcs_orders *o)
{
	int64_t next_ns = INT64_MAX;
	for (uint32_t i = 0; i < o->run.scenario->nfaults; i++)
		if (o->arm[i].until_ns != 0 && o->arm[i].until_ns < next_ns)
			next_ns = o->arm[i].until_ns;
	return next_ns;
}

/* ---- other numbers, other rates */

/* What is wrong with it, in the words of who loads scenarios. */
static enum gcs_exit orders_wrong(char ret_text[GCS_CTL_SAID_BYTES], int e,
				  struct gcs_scenario_error *error)
{
	orders_say(ret_text, GCS_EXIT_USAGE, error->text && *error->text ? error->text : strerror(-e));
	gcs_scenario_error_fini(error);
	return e == -EINVAL ? GCS_EXIT_USAGE : GCS_EXIT_UNSUPPORTED;
}

static enum gcs_exit orders_edit_now(struct gcs_orders *o, const char *source,
				     const struct gcs_request *req, const struct gcs_scenario *now,
				     char ret_text[GCS_CTL_SAID_BYTES])
{
	char *edits = gcs_scenario_edits(o->edits[req->fault], req->text);
	int e = edits ? gcs_target_edit(o->run.target, now, req->fault) : -ENOMEM;
	if (e) {
		free(edits);
		return e == -EAGAIN || e == -EPIPE
			       ? orders_unheard(ret_text)
			       : orders_say(ret_text, GCS_EXIT_UNSUPPORTED, strerror(-e));
	}
	free(o->edits[req->fault]);
	o->edits[req->fault] = edits;
	o->nedits[req->fault]++;
	gcs_collect_edit(o->run.collect, source, req->fault, &now->fault[req->fault], req->text);
	return GCS_EXIT_PASS;
}

static enum gcs_exit orders_edit(struct gcs_orders *o, const char *source,
				 const struct gcs_request *req, char ret_text[GCS_CTL_SAID_BYTES])
{
	struct gcs_scenario_error error;
	struct gcs_scenario *now;
	if (gcs_scenario_runtime(o->run.scenario) == GCS_RUNTIME_COMMAND)
		return orders_say(ret_text, GCS_EXIT_UNSUPPORTED,
				  "under exec a fault's numbers stand for the whole run: it can be armed, "
				  "disarmed and fired");
	if (o->nedits[req->fault] == GCS_FAULT_EDITS_MAX) {
		snprintf(ret_text, GCS_CTL_SAID_BYTES, "%s has been edited %u times: no more",
			 o->run.scenario->fault[req->fault].id, GCS_FAULT_EDITS_MAX);
		return GCS_EXIT_UNSUPPORTED;
	}
	int e = gcs_scenario_edit(&now, o->run.scenario, req->fault, o->edits[req->fault],
				  req->text ? req->text : "", &error);
	if (e)
		return orders_wrong(ret_text, e, &error);
	enum gcs_exit code = orders_edit_now(o, source, req, now, ret_text);
	gcs_scenario_destroy(now);
	return code;
}

/* Why the rate cannot change to that; NULL: it can. */
static const char *orders_no_rate(const struct gcs_orders *o, uint32_t workload, uint64_t rate)
{
	if (o->run.scenario->workload[workload].rate == 0)
		return "it is a closed loop (rate: max): a worker begins the next operation when the last one is over, "
		       "so there is no rate to change";
	if (rate == 0)
		return "it does not become a closed loop (max) in mid-run: latencies, which count from the intended "
		       "start, would mean something else from there on";
	return o->nrates[workload] == RATES_MAX ? "its rate has changed too often already" : NULL;
}

static enum gcs_exit orders_rate(struct gcs_orders *o, const char *source,
				 const struct gcs_request *req, char ret_text[GCS_CTL_SAID_BYTES])
{
	struct gcs_scenario_error error;
	struct gcs_scenario *now;
	int e = gcs_scenario_rerate(&now, o->run.scenario, req->workload,
				    req->text ? req->text : "", &error);
	if (e)
		return orders_wrong(ret_text, e, &error);
	uint64_t rate = now->workload[req->workload].rate;
	const char *why = orders_no_rate(o, req->workload, rate);
	gcs_scenario_destroy(now);
	if (why) {
		snprintf(ret_text, GCS_CTL_SAID_BYTES, "workload '%s': %s",
			 o->run.scenario->workload[req->workload].id, why);
		return GCS_EXIT_UNSUPPORTED;
	}
	if (gcs_target_rate(o->run.target, req->workload, rate) != 0)
		return orders_unheard(ret_text);
	o->nrates[req->workload]++;
	gcs_collect_rate(o->run.collect, source, req->workload, rate);
	return GCS_EXIT_PASS;
}

/* ---- any of them */

static enum gcs_exit orders_fire(struct gcs_orders *o, const char *source,
				 const struct gcs_request *req, char ret_text[GCS_CTL_SAID_BYTES])
{
	if (gcs_target_say(o->run.target, "fire", (int)req->fault) != 0)
		return orders_unheard(ret_text);
	gcs_collect_operator(o->run.collect, source, "fire", (int)req->fault, "");
	return GCS_EXIT_PASS;
}

static bool orders_of_fault(enum gcs_act act)
{
	return act == GCS_DO_ARM || act == GCS_DO_DISARM || act == GCS_DO_FIRE ||
	       act == GCS_DO_EDIT;
}

/* PASS: sent and written down, or there was nothing to do (ret_text says so); else why not. */
static enum gcs_exit orders_do(struct gcs_orders *o, const char *source,
			       const struct gcs_request *req, char ret_text[GCS_CTL_SAID_BYTES])
{
	const char *busy = orders_busy(o, orders_of_fault(req->act) ? (int)req->fault : -1);
	if (req->act == GCS_DO_MARK) {
		gcs_collect_operator(o->run.collect, source, "mark", -1, req->text ? req->text : "");
		return GCS_EXIT_PASS;
	}
	if (busy)
		return orders_say(ret_text, GCS_EXIT_UNSUPPORTED, busy);
	switch (req->act) {
	case GCS_DO_ARM:
		return orders_arm(o, source, req, ret_text);
	case GCS_DO_DISARM:
		return orders_disarm(o, source, req, ret_text);
	case GCS_DO_FIRE:
		return orders_fire(o, source, req, ret_text);
	case GCS_DO_DISARM_ALL:
		return orders_disarm_all(o, source, ret_text);
	case GCS_DO_EDIT:
		return orders_edit(o, source, req, ret_text);
	case GCS_DO_RATE:
		return orders_rate(o, source, req, ret_text);
	default:
		return GCS_EXIT_PASS; /* what only a record's viewer does */
	}
}

/* An event is one line: of several the first, without the place. */
static void orders_tell(struct gcs_orders *o, char *text)
{
	const char *error = strstr(text, ": error: ");
	text[strcspn(text, "\n")] = '\0';
	if (*text)
		gcs_collect_event(o->run.collect, 1, error ? error + strlen(": error: ") : text);
}

void gcs_orders_request(struct gcs_orders *o, struct gcs_request req)
{
	char text[GCS_CTL_SAID_BYTES] = "";
	if (orders_of_fault(req.act) && req.fault >= o->run.scenario->nfaults)
		return;
	if (req.act == GCS_DO_RATE && req.workload >= o->run.scenario->nworkloads)
		return;
	if (orders_of_fault(req.act) || req.act == GCS_DO_DISARM_ALL || req.act == GCS_DO_MARK ||
	    req.act == GCS_DO_RATE)
		orders_do(o, "screen", &req, text);
	orders_tell(o, text);
}

void gcs_orders_told(struct gcs_orders *o, const char *source, const char *act, int fault,
		     const char *text)
{
	gcs_collect_operator(o->run.collect, source, act, fault, text);
	if (fault < 0)
		return;
	if (strcmp(act, "arm") == 0)
		o->arm[fault] = (struct orders_arm){GCS_ARM_KEEP, INT64_MAX, 0};
	else if (strcmp(act, "disarm") == 0)
		orders_disarmed(o, (uint32_t)fault);
}

/* ---- what the socket asks for */

static enum gcs_exit orders_ctl_order(void *self, const struct gcs_request *order,
				      char ret_text[GCS_CTL_SAID_BYTES])
{
	return orders_do(self, "ctl", order, ret_text);
}

static int64_t orders_ctl_limit(void *self, uint32_t fault)
{
	const struct gcs_orders *o = self;
	const struct mrt_telemetry *t = gcs_target_telemetry(o->run.target);
	const struct orders_arm *a = &o->arm[fault];
	if (a->until_ns == GCS_ARM_KEEP || !orders_by_hand(o, fault))
		return -1;
	return a->until_ns - atomic_load_explicit(&t->t0_ns, memory_order_relaxed);
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
		.limit = orders_ctl_limit,
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
	    asprintf(&text, "hands on: gcstorm ctl %s arm|disarm|fire|edit FAULT", o->run.id) > 0)
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
	for (uint32_t i = 0; i < GCS_FAULTS_MAX; i++)
		free(o->edits[i]);
	free(o);
}
