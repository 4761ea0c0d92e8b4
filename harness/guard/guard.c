/*
 * guard.c: gcstorm-guard: the target of `gcstorm exec`: it guards a program that knows nothing of us.
 *
 *   gcstorm-guard [--restart N] [--debug URL --every NS [--profiles KIND,...]] -- PROGRAM [ARGUMENT]...
 *                                                                 descriptors: docs/control-protocol.md
 *   gcstorm-guard --in-place POINT[,POINT]... -- PROGRAM [ARGUMENT]...
 *
 * To the harness it is a target: it speaks the control protocol, plays the timeline, writes telemetry and keeps the lease. The program runs beside
 * it, in a process group of its own, behind one filter if the scenario names system calls; what the filter holds is answered here (injector.h), so that
 * no death of the harness leaves a call without an answer: this process sees the closed socket, and kills the program before it ends.
 *
 * With --in-place it becomes the program, which speaks the protocol itself, behind the filter, whose listener the harness gets.
 *
 * GCSTORM_OUTPUT=PREFIX in the environment: where the program's stdout and stderr go (ward.h), and its profiles (debug.h).
 *
 * Exit status: 0 the run is over (or the harness is gone), 1 the program died, 2 refused, 3 the lease ran out.
 */
#include "faults/points.h"
#include "faults/syscalls.h"
#include "harness/base/lines.h"
#include "harness/base/signals.h"
#include "harness/base/throw.h"
#include "harness/guard/backoff.h"
#include "harness/guard/debug.h"
#include "harness/guard/facts.h"
#include "harness/guard/launch.h"
#include "harness/guard/play.h"
#include "harness/guard/say.h"
#include "harness/guard/throttle.h"
#include "harness/guard/ward.h"
#include "harness/run/lease.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define GUARD_TELEMETRY_FD 4
#define GUARD_LINE_BYTES   ((size_t)4 << 20)
#define GUARD_MS	   INT64_C(1000000)
#define GUARD_TICK_NS	   (10 * GUARD_MS)
#define GUARD_STALL_NS	   GUARD_MS
#define GUARD_LEASE_NS	   (1200 * GUARD_MS)
#define GUARD_POLITE_NS	   (5000 * GUARD_MS) /* from SIGTERM to SIGKILL, at the end */
#define GUARD_QUIT_NS	   (1000 * GUARD_MS) /* the same, when it was asked to quit */
#define GUARD_LINGER_NS	   (1100 * GUARD_MS) /* clients give up after a second */
#define GUARD_SAVING_NS	   (8000 * GUARD_MS) /* for the last answer and the profiles, from the end of the run */
#define GUARD_REFUSED	   2

enum guard_why { GUARD_RUNS, GUARD_TIME, GUARD_QUIT, GUARD_DEATH, GUARD_ORPHAN, GUARD_LEASE };

struct guard {
	char *load;   /* the plan as it came */
	char *prefix; /* of the program's files; NULL: none */
	struct plan *plan;
	struct mrt_telemetry *telemetry;
	struct guard_play play;
	struct guard_ward ward;
	struct gcs_lines lines;
	int signals;
	uint32_t restarts, restarted; /* how many there may be, and were */
	uint32_t died_row;	      /* backoff.h */
	int64_t again_ns;	      /* it is started again then; 0: it is not */
	struct guard_debug debug;
	int64_t steady_ns, saved_ns; /* the profile of the steady state is asked for then, 0: it has been; what still comes is waited for until then */
	const char *points;	      /* --in-place */
	enum guard_why end;
	int64_t linger_ns; /* the run's time is over, and clients wait for their last replies until then; 0: not so */
	int64_t kill_ns; /* the program is killed then; 0: it is not being ended */
	int status;	 /* of the program */
	bool over;	 /* it has ended for good */
	bool throttles; /* it can be told */
	struct guard_throttle throttle; /* at the start */
	uint64_t beat;
	int64_t lease_at_ns, quiet_ns;
};

static int64_t guard_now(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* ---- speaking */

/* Returns what main ends with. */
static __attribute__((format(printf, 1, 2))) int guard_refuse(const char *fmt, ...)
{
	char text[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	for (char *p = text; *p; p++) /* it goes into JSON: a path is any bytes */
		*p = *p < ' ' || *p > '~' ? '?' : *p;
	guard_say(json_pack("{s:s,s:s}", "ev", "error", "text", text));
	return GUARD_REFUSED;
}

/* ---- the end of the program, and of the run */

/* What ends later is no cycle of the run. */
static void guard_told_until(struct guard *g, int64_t now_ns)
{
	if (g->ward.trace.to_ns == INT64_MAX)
		g->ward.trace.to_ns = now_ns;
}

static void guard_leave(struct guard *g, enum guard_why why)
{
	int64_t now = guard_now();
	bool gone = why == GUARD_ORPHAN || why == GUARD_LEASE;
	if (g->end != GUARD_RUNS && !gone)
		return;
	g->end = why;
	g->linger_ns = g->again_ns = 0;
	guard_told_until(g, now);
	guard_debug_program(&g->debug, false, now);
	guard_play_cancel(&g->play, false, now);
	guard_ward_release(&g->ward);
	if (why == GUARD_TIME || why == GUARD_QUIT) {
		const struct watch_record rec = {.t_ns = now, .kind = WATCH_END, .p = 0xffff};
		watch_emit_shared(g->telemetry, &rec);
		guard_say(json_pack("{s:s,s:s,s:i,s:i}", "ev", "done", "hash", "", "checked", 0,
				    "integrity_errors", 0));
	}
	g->over |= g->ward.pid == 0;
	g->kill_ns = gone ? now : now + (why == GUARD_TIME ? GUARD_POLITE_NS : GUARD_QUIT_NS);
	guard_ward_signal(&g->ward, gone ? SIGKILL : SIGTERM);
	guard_ward_signal(&g->ward, SIGCONT); /* one that is stopped would not hear it */
}

static void guard_start_again(struct guard *g)
{
	int64_t now = guard_now();
	int e = guard_ward_start(&g->ward, now);
	g->again_ns = 0;
	if (e) {
		guard_say(json_pack("{s:s,s:i,s:o,s:b,s:i}", "ev", "died", "status", 127 << 8, "text",
				    guard_text(strerror(-e)), "again", 0, "restarts", g->restarted));
		guard_leave(g, GUARD_DEATH);
		return;
	}
	guard_debug_program(&g->debug, true, now);
	guard_say(json_pack("{s:s,s:i}", "ev", "restarted", "pid", (int)g->ward.pid));
}

static void guard_wait_again(struct guard *g)
{
	int64_t now = guard_now(), wait_ns = guard_backoff_ns(&g->died_row, now - g->ward.trace.begun_ns);
	char text[96];
	g->again_ns = now + wait_ns;
	snprintf(text, sizeof text, "it is started again in %.1f s", (double)wait_ns / 1e9);
	if (wait_ns == 0)
		guard_start_again(g);
	else
		guard_note(NULL, 0, text);
}

/* It has ended by itself, in the middle of the run. One that was successful is not started again: it is over. */
static void guard_died(struct guard *g)
{
	const char *fatal = guard_ward_fatal(&g->ward);
	bool success = WIFEXITED(g->status) && WEXITSTATUS(g->status) == 0;
	bool again = !success && g->play.t0_ns && g->restarted < g->restarts;
	g->restarted += again;
	guard_debug_program(&g->debug, false, guard_now());
	guard_say(json_pack("{s:s,s:i,s:o,s:b,s:i}", "ev", "died", "status", g->status, "text",
			    guard_text(fatal), "again", again, "restarts", (int)g->restarted));
	if (again)
		guard_wait_again(g);
	else
		guard_leave(g, GUARD_DEATH);
}

static void guard_children(struct guard *g)
{
	if (!guard_ward_reap(&g->ward, &g->status))
		return;
	if (g->end == GUARD_RUNS && !g->linger_ns) {
		guard_died(g);
		return;
	}
	if (g->end == GUARD_RUNS)
		guard_leave(g, GUARD_TIME);
	g->over = true;
	guard_say(json_pack("{s:s,s:i}", "ev", "ended", "status", g->status));
}

/* ---- what the harness says */

static void guard_operator(struct guard *g, const char *cmd, json_t *o)
{
	json_int_t i = json_integer_value(json_object_get(o, "fault"));
	if (!json_is_integer(json_object_get(o, "fault")) || i < 0 || i >= g->plan->nfaults)
		return;
	if (strcmp(cmd, "fire") == 0)
		gcs_injector_fire(g->ward.injector, (uint32_t)i);
	else if (strcmp(cmd, "arm") == 0 || strcmp(cmd, "disarm") == 0)
		guard_play_operator(&g->play, (uint32_t)i, cmd[0] == 'a', guard_now());
}

/* A fault's window has ended. */
static void guard_disarmed(void *self, uint32_t fault, uint32_t window)
{
	struct guard *g = self;
	char moment[GUARD_MOMENT_BYTES];
	snprintf(moment, sizeof moment, "%.60s-%u", g->plan->fault[fault].id, window + 1);
	guard_debug_profile(&g->debug, moment);
}

static void guard_start(struct guard *g)
{
	int64_t now = guard_now();
	if (g->play.t0_ns)
		return;
	guard_play_begin(&g->play, now);
	g->ward.trace.from_ns = now;
	g->steady_ns = now + guard_play_steady_ns(g->plan);
	g->throttles = guard_throttle_read(&g->throttle);
	atomic_store_explicit(&g->telemetry->t0_ns, now, memory_order_relaxed);
	/* Release: who sees it go (workloads/load.c) sees t0. */
	atomic_store_explicit(&g->telemetry->load_go, 1, memory_order_release);
	guard_say(json_pack("{s:s,s:I}", "ev", "started", "t0_abs_ns", (json_int_t)now));
}

static void guard_command(void *self, char *line)
{
	struct guard *g = self;
	json_t *o = json_loads(line, 0, NULL);
	const char *cmd = json_string_value(json_object_get(o, "cmd"));
	if (!cmd || g->end != GUARD_RUNS)
		;
	else if (strcmp(cmd, "start") == 0)
		guard_start(g);
	else if (strcmp(cmd, "quit") == 0)
		guard_leave(g, GUARD_QUIT);
	else if (strcmp(cmd, "disarm_all") == 0)
		guard_play_cancel(&g->play, true, guard_now());
	else
		guard_operator(g, cmd, o);
	json_decref(o);
}

/* ---- the loop */

/* As workloads/control.c: quiet is counted in our own time, and a machine that stood still as a whole takes nothing. */
static void guard_lease(struct guard *g, int64_t now_ns)
{
	int64_t passed = now_ns - g->lease_at_ns;
	uint64_t beat = atomic_load_explicit(&g->telemetry->beat, memory_order_relaxed);
	g->lease_at_ns = now_ns;
	g->quiet_ns += passed < 2 * GUARD_TICK_NS ? passed : 2 * GUARD_TICK_NS;
	if (beat != g->beat || beat == 0)
		g->quiet_ns = 0;
	g->beat = beat;
	if (g->quiet_ns >= GUARD_LEASE_NS && g->end != GUARD_LEASE)
		guard_leave(g, GUARD_LEASE);
}

static void guard_publish(const struct guard *g, int64_t now_ns)
{
	struct watch_gauges *u = &g->telemetry->gauges;
	atomic_store_explicit(&u->telemetry_records, watch_written(g->telemetry),
			      memory_order_relaxed);
	/* Release: as in workloads/control.c. */
	atomic_store_explicit(&u->target_now_ns, now_ns, memory_order_release);
}

/* We should have been here at deadline_ns. */
static void guard_stall(const struct guard *g, int64_t deadline_ns, int64_t now_ns)
{
	const struct watch_record rec = {.t_ns = now_ns,
					 .kind = WATCH_STALL,
					 .p = 0xffff,
					 .b = (uint64_t)(now_ns - deadline_ns)};
	if (g->play.t0_ns && g->end == GUARD_RUNS && now_ns - deadline_ns > GUARD_STALL_NS)
		watch_emit_shared(g->telemetry, &rec);
}

static void guard_signals(struct guard *g)
{
	struct signalfd_siginfo info;
	while (read(g->signals, &info, sizeof info) == (ssize_t)sizeof info) {
		if (info.ssi_signo == SIGCHLD) {
			guard_children(g);
			continue;
		}
		guard_leave(g, GUARD_QUIT); /* the harness presses: no more patience */
		g->kill_ns = guard_now();
	}
}

/* What the program says of itself when it is asked. */
static void guard_ask(struct guard *g, bool ready)
{
	struct timespec wall;
	int64_t now = guard_now();
	clock_gettime(CLOCK_REALTIME, &wall);
	if (g->steady_ns && now >= g->steady_ns) {
		g->steady_ns = 0;
		guard_debug_profile(&g->debug, "steady");
	}
	guard_debug_step(&g->debug, ready, now, (int64_t)wall.tv_sec * 1000000000 + wall.tv_nsec);
	guard_trace_due(&g->ward.trace, now);
}

static void guard_wait(struct guard *g, int64_t deadline_ns)
{
	struct pollfd fds[] = {{.fd = g->signals, .events = POLLIN},
			       {.fd = g->end == GUARD_ORPHAN ? -1 : GUARD_CONTROL_FD, .events = POLLIN},
			       {.fd = g->ward.tee.from, .events = POLLIN},
			       guard_debug_fd(&g->debug)};
	int64_t left = deadline_ns - guard_now();
	struct timespec ts = {.tv_nsec = left > 0 ? left : 0};
	if (ppoll(fds, 4, &ts, NULL) == 0)
		guard_stall(g, deadline_ns, guard_now());
	if (fds[2].revents && !guard_tee_read(&g->ward.tee)) {
		close(g->ward.tee.from);
		g->ward.tee.from = -1;
	}
	if (fds[1].revents && gcs_lines_read(&g->lines, GUARD_CONTROL_FD, guard_command, g) < 0)
		guard_leave(g, GUARD_ORPHAN);
	guard_ask(g, fds[3].revents != 0);
	if (fds[0].revents)
		guard_signals(g);
}

static bool guard_clients_done(const struct guard *g)
{
	bool clients = false;
	for (uint32_t i = 0; i < g->plan->nworkloads; i++)
		clients |= g->plan->workload[i].conns > 0;
	/* Acquire: pairs with the release of workloads/load.c. */
	return !clients || atomic_load_explicit(&g->telemetry->load_done, memory_order_acquire) != 0;
}

/* Nothing fires any more; the program serves its clients to the end. */
static void guard_time_over(struct guard *g, int64_t now_ns)
{
	guard_play_cancel(&g->play, false, now_ns);
	guard_ward_release(&g->ward);
	g->linger_ns = now_ns + GUARD_LINGER_NS;
	g->saved_ns = now_ns + GUARD_SAVING_NS;
	guard_told_until(g, now_ns);
	guard_debug_end(&g->debug, "end");
}

static bool guard_is_served(const struct guard *g, int64_t now_ns)
{
	bool served = now_ns >= g->linger_ns || guard_clients_done(g);
	return served && (now_ns >= g->saved_ns || guard_debug_idle(&g->debug));
}

static void guard_step(struct guard *g)
{
	int64_t now = guard_now(), deadline = now + GUARD_TICK_NS, next = guard_play_next_ns(&g->play);
	guard_wait(g, g->end == GUARD_RUNS && next < deadline ? next : deadline);
	now = guard_now();
	if (g->end == GUARD_RUNS && guard_play_due(&g->play, now))
		guard_time_over(g, now);
	if (g->linger_ns && guard_is_served(g, now))
		guard_leave(g, GUARD_TIME);
	if (g->again_ns && now >= g->again_ns)
		guard_start_again(g);
	if (g->kill_ns && now >= g->kill_ns)
		guard_ward_signal(&g->ward, SIGKILL);
	guard_lease(g, now);
	guard_publish(g, now);
}

/* What there is to say once nothing more comes. */
static void guard_account(struct guard *g)
{
	char text[160];
	guard_trace_due(&g->ward.trace, INT64_MAX);
	if (g->play.t0_ns)
		guard_facts_told(&g->ward.trace, &g->debug);
	guard_facts_usage();
	if (g->throttles)
		guard_facts_throttle(&g->throttle);
	if (g->ward.tee.failed) {
		snprintf(text, sizeof text, "gcstorm-guard: the program's output is not whole: %s\n",
			 strerror(g->ward.tee.failed));
		if (write(2, text, strlen(text)) < 0)
			return;
	}
}

static int guard_run(struct guard *g)
{
	while (g->end == GUARD_RUNS || !g->over)
		guard_step(g);
	guard_ward_sweep(&g->ward);
	guard_account(g);
	return g->end == GUARD_LEASE ? GCS_LEASE_EXIT : g->end == GUARD_DEATH;
}

/* ---- beginning */

static void guard_first_line(void *self, char *line)
{
	struct guard *g = self;
	if (!g->load)
		g->load = strdup(line);
	else
		guard_command(g, line);
}

static int guard_read_plan(struct guard *g)
{
	char text[256] = "";
	struct pollfd pfd = {.fd = GUARD_CONTROL_FD, .events = POLLIN};
	while (!g->load) {
		if (poll(&pfd, 1, -1) < 0 && errno != EINTR)
			return -errno;
		if (gcs_lines_read(&g->lines, GUARD_CONTROL_FD, guard_first_line, g) < 0 && !g->load)
			return -EPIPE;
	}
	int e = plan_parse(&g->plan, g->load, text, sizeof text);
	if (e)
		guard_refuse("the plan: %s", text);
	return e;
}

static int guard_map(struct guard *g)
{
	void *at = mmap(NULL, sizeof *g->telemetry, PROT_READ | PROT_WRITE, MAP_SHARED,
			GUARD_TELEMETRY_FD, 0);
	if (at == MAP_FAILED)
		return -errno;
	g->telemetry = at;
	int e = watch_layout_check(g->telemetry);
	if (e == 0)
		g->telemetry->ctl_fd = -1;
	return e;
}

static int guard_watch_signals(struct guard *g)
{
	signal(SIGPIPE, SIG_IGN);
	g->signals = gcs_signals_open(true, NULL);
	return g->signals < 0 ? g->signals : 0;
}

/* Ours are not the program's. */
static int guard_own_fds(void)
{
	for (int fd = GUARD_CONTROL_FD; fd <= GUARD_TELEMETRY_FD; fd++)
		if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
			return -errno;
	return fcntl(GUARD_CONTROL_FD, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

static int guard_set_up(struct guard *g)
{
	const char *set = getenv("GCSTORM_OUTPUT");
	char *prefix = set ? strdup(set) : NULL;
	unsetenv("GCSTORM_OUTPUT");
	g->ward.plan = g->plan;
	g->ward.telemetry = g->telemetry;
	int e = guard_play_init(&g->play, g->plan, g->telemetry);
	g->play.disarmed = guard_disarmed;
	g->play.self = g;
	if (e == 0)
		e = guard_ward_init(&g->ward, prefix, g->load);
	g->prefix = prefix;
	return e;
}

/* Its address is looked up before the program runs: that may take a while. */
static int guard_set_up_debug(struct guard *g)
{
	g->debug.prefix = g->prefix;
	g->debug.trace = &g->ward.trace;
	g->debug.say = guard_note;
	int e = guard_debug_init(&g->debug);
	if (e)
		guard_refuse("nothing can be asked for at %s: %s", g->debug.url, strerror(-e));
	return e;
}

/* Everything up to the program's start. 0, or main's status. */
static int guard_begin(struct guard *g)
{
	int e = guard_own_fds();
	if (e == 0)
		e = guard_watch_signals(g);
	if (e == 0)
		e = guard_map(g);
	if (e)
		return guard_refuse("setting up: %s", strerror(-e));
	if (guard_read_plan(g))
		return GUARD_REFUSED;
	e = guard_set_up(g);
	if (e)
		return guard_refuse("setting up: %s", strerror(-e));
	if (guard_set_up_debug(g))
		return GUARD_REFUSED;
	prctl(PR_SET_TIMERSLACK, 1UL);
	g->lease_at_ns = guard_now();
	e = guard_ward_start(&g->ward, g->lease_at_ns);
	if (e)
		return guard_refuse("cannot start %s: %s", g->ward.path, strerror(-e));
	guard_debug_program(&g->debug, true, g->lease_at_ns);
	g->telemetry->target_pid = (int32_t)g->ward.pid;
	guard_say(json_pack("{s:s,s:i,s:[]}", "ev", "ready", "pid", (int)g->ward.pid, "workers"));
	return 0;
}

static void guard_fini(struct guard *g)
{
	guard_debug_fini(&g->debug);
	guard_ward_fini(&g->ward);
	guard_play_fini(&g->play);
	gcs_lines_fini(&g->lines);
	plan_destroy(g->plan);
	free(g->load);
	free(g->prefix);
}

/* --in-place: the points by their names. */
static int guard_in_place(const struct guard *g)
{
	enum gcs_point point[WATCH_FAULTS_MAX];
	char *names = strdup(g->points), *save = NULL;
	size_t n = 0;
	for (char *name = strtok_r(names, ",", &save); name && n < WATCH_FAULTS_MAX;
	     name = strtok_r(NULL, ",", &save)) {
		const struct gcs_point_info *info = gcs_point_by_name(name);
		if (!info || !gcs_syscalls_of(info->id))
			return guard_refuse("there is no system call %s", name);
		point[n++] = info->id;
	}
	free(names);
	int e = guard_become(g->ward.path, g->ward.argv, point, n);
	return guard_refuse("cannot start %s: %s", g->ward.path, strerror(-e));
}

/* Where the program's words begin; NULL: wrong usage. */
static char **guard_options(struct guard *g, char **argv)
{
	for (argv++; *argv && strcmp(*argv, "--") != 0; argv++) {
		if (strcmp(*argv, "--restart") == 0 && argv[1])
			g->restarts = (uint32_t)strtoul(*++argv, NULL, 10);
		else if (strcmp(*argv, "--in-place") == 0 && argv[1])
			g->points = *++argv;
		else if (strcmp(*argv, "--debug") == 0 && argv[1])
			g->debug.url = *++argv;
		else if (strcmp(*argv, "--every") == 0 && argv[1])
			g->debug.every_ns = strtoll(*++argv, NULL, 10);
		else if (strcmp(*argv, "--profiles") == 0 && argv[1])
			g->debug.kinds = *++argv;
		else
			return NULL;
	}
	return *argv && argv[1] ? argv + 1 : NULL;
}

int main(int argc, char **argv)
{
	struct guard g = {.signals = -1};
	char **words = argc > 0 ? guard_options(&g, argv) : NULL;
	if (!words)
		return guard_refuse("gcstorm-guard [--restart N] [--debug URL --every NS [--profiles KINDS]] | --in-place POINTS -- PROGRAM [ARGUMENT]...");
	g.ward.path = words[0];
	g.ward.argv = words;
	g.ward.tee.from = g.ward.tee.file = g.ward.out_fd = g.debug.file = g.debug.http.fd = -1;
	if (g.points)
		return guard_in_place(&g);
	int status = guard_begin(&g);
	if (status == 0)
		status = guard_run(&g);
	guard_fini(&g);
	return status;
}
