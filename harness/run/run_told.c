/* run_told.c: what the target says, and what comes of it. */
#include "harness/run/run_priv.h"
#include "harness/base/throw.h"
#include "harness/run/lease.h"

#include <inttypes.h>
#include <string.h>
#include <sys/wait.h>

/* The simulation has its start with the plan. */
void run_try_start(struct run *r)
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

static void run_on_ready(void *self, int pid)
{
	struct run *r = self;
	r->ready = true;
	gcs_collect_target(r->collect, pid);
	if (r->opt->sim)
		gcs_collect_event(r->collect, 0, "simulated: every time is modelled, none is measured");
	gcs_orders_ready(r->orders, pid);
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
	gcs_orders_told(((struct run *)self)->orders, source, act, fault, text);
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
	gcs_orders_target(r->orders, pid);
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

static void run_on_note(void *self, int level, const char *text)
{
	gcs_collect_event(((struct run *)self)->collect, level, text);
}

static void run_on_fact(void *self, const char *key, uint64_t value)
{
	char text[32];
	snprintf(text, sizeof text, "%" PRIu64, value);
	gcs_collect_fact(((struct run *)self)->collect, key, text);
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

struct gcs_target_sink run_sink(struct run *r)
{
	return (struct gcs_target_sink){
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
		.note = run_on_note,
		.fact = run_on_fact,
		.exited = run_on_exited,
		.load_exited = run_on_load_exited,
	};
}
