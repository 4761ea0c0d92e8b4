/*
 * target.c: gcstorm-target: the process under test: one plan, one runtime, one run.
 *
 *   gcstorm-target [--sim] [--no-sandbox]      descriptors: docs/control-protocol.md
 *
 * Exit status: 0 the run is over (or the harness is gone), 2 the plan was refused, 3 the lease ran
 * out (the harness stands still), else as the runtime died.
 *
 * The two backends are two programs from this one source. --sim given to the real one starts the
 * other, which lies beside it.
 */
#include "faults/fault.h"
#include "faults/listener.h"
#include "faults/sandbox.h"
#include "faults/syscalls.h"
#include "runtime/prim/prim.h"
#include "workloads/control.h"
#include "workloads/crew.h"
#include "workloads/fifo.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TARGET_CONTROL_FD   3
#define TARGET_TELEMETRY_FD 4
#define TARGET_LINE_BYTES   ((size_t)4 << 20)
#define TARGET_TEXT_BYTES   256
#define TARGET_REFUSED	    2
#define TARGET_TICK_MS	    20
#define TARGET_QUIET_MS	    1900 /* when the control thread, if it could, would end us by force */

struct target {
	bool sandbox, sim;
	struct plan *plan;
	struct work_env env;
	struct crew *crew;
	struct control *control;
	struct fifo *fifo;	      /* NULL: fiu-ctrl has nothing to speak to */
	char text[TARGET_TEXT_BYTES]; /* why it was refused */
};

static int target_refuse(struct target *t, int r, const char *what)
{
	if (t->text[0] == '\0')
		snprintf(t->text, sizeof(t->text), "%s: %s", what, strerror(-r));
	return r;
}

static int target_options(struct target *t, int argc, char **argv)
{
	t->sandbox = true;
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--sim") == 0) {
			t->sim = true;
		} else if (strcmp(argv[i], "--no-sandbox") == 0) {
			t->sandbox = false;
		} else {
			snprintf(t->text, sizeof(t->text), "unknown option '%.100s'", argv[i]);
			return -EINVAL;
		}
	}
	return 0;
}

/* The real program was asked for the simulation: become the program beside it. */
static int target_become_sim(struct target *t, char **argv)
{
	char path[PATH_MAX];
	ssize_t n;

	if (MRT_SIM || !t->sim)
		return 0;
	n = readlink("/proc/self/exe", path, sizeof(path) - sizeof("-sim"));
	if (n < 0)
		return target_refuse(t, -errno, "/proc/self/exe");
	memcpy(path + n, "-sim", sizeof("-sim"));
	execv(path, argv);
	return target_refuse(t, -errno, path);
}

/* ------------------------------------------------------------------- loading */

static int target_load_plan(struct target *t)
{
	char *line = malloc(TARGET_LINE_BYTES);
	int r;

	if (line == NULL)
		return target_refuse(t, -ENOMEM, "load");
	r = prim_ctl_recv(TARGET_CONTROL_FD, line, TARGET_LINE_BYTES, PRIM_FOREVER);
	if (r == 0)
		r = plan_parse(&t->plan, line, t->text, sizeof(t->text));
	free(line);
	return r < 0 ? target_refuse(t, r, "load") : 0;
}

static int target_map_telemetry(struct target *t)
{
	struct mrt_telemetry *telemetry =
		prim_shared_map(TARGET_TELEMETRY_FD, sizeof(struct mrt_telemetry));
	int r = telemetry != NULL ? watch_layout_check(telemetry) : -ENOMEM;

	if (r < 0)
		return target_refuse(t, r, "telemetry");
	telemetry->target_pid = (int32_t)getpid();
	telemetry->ctl_fd = MRT_SIM ? TARGET_CONTROL_FD : -1;
	t->env.telemetry = telemetry;
	return 0;
}

/* Held calls may hold the control thread itself, so a lease that runs out is seen here as well. This
 * thread began before the filter that asks was loaded, and loads one for itself that does not. Quiet
 * is counted in its own ticks, as the control thread does. */
static void *target_watch_lease(void *arg)
{
	const struct mrt_telemetry *telemetry = arg;
	enum sandbox_state state;
	uint64_t beat, seen = 0;
	int quiet_ms = 0;

	if (gcs_sandbox_enter(&state, NULL) < 0)
		return NULL;
	while (quiet_ms < TARGET_QUIET_MS) {
		poll(NULL, 0, TARGET_TICK_MS);
		beat = atomic_load_explicit(&telemetry->beat, memory_order_relaxed);
		quiet_ms = beat == 0 || beat != seen ? 0 : quiet_ms + TARGET_TICK_MS;
		seen = beat;
	}
	_exit(CONTROL_LEASE_EXIT);
}

/* Only a target that is asked about needs it. */
static int target_start_watch(struct target *t)
{
	pthread_t thread;
	bool asked = false;
	int r;

	for (uint32_t i = 0; i < t->plan->nfaults; i++)
		asked |= gcs_syscalls_of(t->plan->spec[i].point) != NULL;
	if (!asked)
		return 0;
	r = -pthread_create(&thread, NULL, target_watch_lease, t->env.telemetry);
	if (r == 0)
		r = -pthread_detach(thread);
	return r < 0 ? target_refuse(t, r, "watching the lease") : 0;
}

/* The harness answers from now on; the listener is its alone, so that its death is known. */
static int target_give_listener(struct target *t, int listener)
{
	static const char line[] = "{\"ev\":\"listener\"}\n";
	int r;

	if (listener < 0)
		return 0;
	r = gcs_listener_send(TARGET_CONTROL_FD, listener, line, sizeof(line) - 1);
	close(listener);
	return r < 0 ? target_refuse(t, r, "handing the listener over") : 0;
}

static int target_enter_sandbox(struct target *t)
{
	enum gcs_point point[WATCH_FAULTS_MAX];
	struct sandbox_options opt = {
		.reply_path = fifo_reply_path(t->fifo),
		.confine = t->sandbox,
		.point = point,
		.npoints = t->plan->nfaults,
	};
	enum sandbox_state state;
	char line[128];
	int r, n, listener;

	for (uint32_t i = 0; i < t->plan->nfaults; i++)
		point[i] = t->plan->spec[i].point;
	r = gcs_sandbox_enter_with(&opt, &state, &listener);
	if (r < 0)
		return target_refuse(t, r, "sandbox");
	r = target_give_listener(t, listener);
	if (t->sandbox && gcs_sandbox_notice(state) != NULL) {
		n = snprintf(line, sizeof(line), "gcstorm-target: %s\n", gcs_sandbox_notice(state));
		prim_log(line, (size_t)n);
	}
	return r;
}

static int target_load_faults(struct target *t)
{
	struct plan *p = t->plan;
	uint32_t *worker = malloc((p->nworkers + 1) * sizeof(*worker));
	struct gcs_faults_options opt = {
		.spec = p->spec,
		.nspecs = p->nfaults,
		.seed = p->runtime.seed,
		.worker = worker,
		.nworkers = p->nworkers,
		.telemetry = t->env.telemetry,
	};
	int r;

	if (worker == NULL)
		return target_refuse(t, -ENOMEM, "faults");
	for (uint32_t i = 0; i < p->nworkers; i++)
		worker[i] = MRT_WORKER_FIRST + i; /* as plan.c deals them out */
	r = gcs_faults_load(&opt);
	free(worker);
	return r < 0 ? target_refuse(t, r, "faults") : 0;
}

/* Without them the run goes on. */
static void target_make_fifo(struct target *t)
{
	char line[TARGET_TEXT_BYTES];
	int r = MRT_SIM ? -ENOENT : fifo_create(&t->fifo);

	if (r == 0 || r == -ENOENT)
		return;
	snprintf(line, sizeof(line), "gcstorm-target: no FIFOs for fiu-ctrl: %s\n", strerror(-r));
	prim_log(line, strlen(line));
}

/* Everything before the runtime starts. 0, or refused. */
static int target_load(struct target *t)
{
	struct prim_options prim;
	int r = target_load_plan(t);

	if (r == 0)
		r = target_map_telemetry(t);
	if (r == 0) {
		if (t->plan->runtime.heap_profile_rate != 0)
			prim_program_keep(); /* its names: the sandbox lets nobody open the program */
		target_make_fifo(t);
		r = target_start_watch(t);
	}
	if (r == 0)
		r = target_enter_sandbox(t);
	if (r < 0)
		return r;
	prim = (struct prim_options){.seed = t->plan->runtime.seed};
	r = prim_init(&prim);
	if (r < 0)
		return target_refuse(t, r, "prim");
	t->env.plan = t->plan;
	t->plan->runtime.telemetry = t->env.telemetry;
	r = target_load_faults(t);
	if (r == 0 && crew_create(&t->crew, &t->env, t->text, sizeof(t->text)) < 0)
		r = target_refuse(t, -ENOMEM, "workloads");
	if (r == 0) {
		r = control_create(&t->control, &t->env, TARGET_CONTROL_FD, t->fifo);
		if (r < 0)
			target_refuse(t, r, "control");
	}
	return r;
}

/* ------------------------------------------------------------------- running */

static void target_refuse_here(mrt_g *g, struct target *t, int r, const char *what)
{
	target_refuse(t, r, what);
	control_refuse(g, t->control, t->text);
}

/* The workloads have let go of all they had: what two collections leave was lost. */
static void target_count_live(mrt_g *g, struct work_env *env)
{
	struct mrt_memstats stats;

	mrt_gc(g);
	mrt_gc(g);
	mrt_memstats_read(g, &stats);
	env->live_bytes = stats.heap_alloc;
	env->live_objects = stats.heap_objects;
	env->live_counted = true;
}

struct target_profile_file {
	int fd;
	uint64_t at;
};

static int target_profile_piece(void *arg, const void *data, size_t bytes)
{
	struct target_profile_file *f = arg;
	int r = prim_file_write(f->fd, f->at, data, bytes);

	f->at += bytes;
	return r;
}

/* The workloads still have all they had, and the check has just collected twice (crew_check): so this is as of its last
 * collection, without one more of our own. With a rate it is always made, whoever keeps it, so that a simulated run has the same
 * steps when it is made again. */
static void target_write_profile(mrt_g *g, struct target *t)
{
	struct target_profile_file file = {.fd = plan_profile_fd(t->plan, MRT_SIM)};

	if (t->plan->runtime.heap_profile_rate == 0)
		return;
	mrt_block_enter(g);
	t->env.profile_error = mrt_heap_profile_write(target_profile_piece, &file);
	mrt_block_exit(g);
	t->env.profiled = true;
}

static void target_goroutine(mrt_g *g, void *arg)
{
	struct target *t = arg;
	enum control_end end = CONTROL_FAILED;
	int r = crew_prepare(g, t->crew);

	if (r < 0) {
		target_refuse_here(g, t, r, "preparing the workloads");
		crew_begin(g, t->crew);
	} else {
		control_ready(g, t->control);
		r = crew_begin(g, t->crew);
		if (r < 0)
			target_refuse_here(g, t, r, "opening the connections");
		end = control_wait_end(g, t->control);
	}
	crew_gather(g, t->crew, end == CONTROL_TIME);
	if (end == CONTROL_TIME || end == CONTROL_QUIT) {
		crew_check(g, t->crew);
		target_write_profile(g, t);
	}
	crew_dismiss(g, t->crew);
	if (t->plan->count_live && (end == CONTROL_TIME || end == CONTROL_QUIT))
		target_count_live(g, &t->env);
}

/* The last record and the last line; the hash is that of everything before them. */
static void target_say_end(struct target *t)
{
	uint64_t hash = prim_sim_hash();
	struct watch_record rec = {
		.t_ns = prim_now_ns(),
		.kind = WATCH_END,
		.p = 0xffff,
		.a = hash,
	};

	watch_emit_shared(t->env.telemetry, &rec);
	control_done(t->control, hash);
}

/* The runtime has ended with r: say so. 0, or the exit status of a refusal. */
static int target_end(struct target *t, int r, enum control_end end)
{
	if (r < 0) {
		target_refuse(t, r, "the runtime");
		control_send_error(TARGET_CONTROL_FD, t->text);
		return TARGET_REFUSED;
	}
	if (end == CONTROL_ORPHAN)
		return 0;
	if (end == CONTROL_LEASE)
		return CONTROL_LEASE_EXIT;
	if (t->text[0] != '\0')
		return TARGET_REFUSED; /* the sentence is sent */
	target_say_end(t);
	return 0;
}

static int target_run(struct target *t)
{
	int r = mrt_run(&t->plan->runtime, target_goroutine, t);
	enum control_end end = control_join(t->control);
	int status = target_end(t, r, end);

	gcs_faults_clear();
	return status;
}

int main(int argc, char **argv)
{
	struct target t = {0};
	int status = TARGET_REFUSED;
	int r = target_options(&t, argc, argv);

	if (r == 0)
		r = target_become_sim(&t, argv);
	if (r == 0)
		r = target_load(&t);
	if (r == 0)
		status = target_run(&t);
	else
		control_send_error(TARGET_CONTROL_FD, t.text);
	control_destroy(t.control);
	fifo_destroy(t.fifo);
	crew_destroy(t.crew);
	plan_destroy(t.plan);
	return status;
}
