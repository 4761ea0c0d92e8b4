/*
 * target.c: see target.h.
 *
 * Descriptors follow docs/control-protocol.md. The telemetry memfd is sealed against shrinking and
 * growing before anyone else has it: a target that breaks it can write nonsense, but cannot make
 * the harness fault.
 */
#define _GNU_SOURCE 1 /* memfd_create, seals, asprintf */
#include "harness/run/target.h"
#include "harness/run/injector.h"
#include "harness/run/lease.h"
#include "harness/run/program.h"
#include "harness/base/lines.h"
#include "harness/base/paths.h"
#include "harness/base/spawn.h"

#include "faults/fault.h"
#include "faults/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define TARGET_LOAD_MS	  10000 /* for the load line to be taken */
#define TARGET_WORD_BYTES 400u
#define TARGET_FILES	  2u /* that it writes: a heap profile, a trace */

struct target_process {
	pid_t pid;
	bool alive;
	int ctl, err;
	struct gcs_lines ctl_lines, err_lines;
};

struct gcs_target {
	const struct gcs_scenario *scenario;
	struct gcs_target_sink sink;
	bool sim;
	int telemetry_fd;
	int profile_fd, trace_fd; /* the caller's; -1: none */
	struct mrt_telemetry *telemetry;
	struct gcs_lease *lease;
	struct gcs_injector *injector; /* NULL: no fault of os/ */
	char *fifo; /* prefix, NULL: none */
	char *output; /* the same */
	pid_t program; /* under exec: the one that runs, a group of its own; 0: none, or it has ended */
	struct target_process main, load;
	char *words[GCS_LAST_WORDS]; /* ring; nwords counts all that came */
	size_t nwords;
};

static int target_fail(char **ret_text, int e, const char *what)
{
	if (asprintf(ret_text, "%s: %s", what, strerror(-e)) < 0)
		*ret_text = NULL;
	return e;
}

/* ---- shared memory */

static int target_map(struct gcs_target *t)
{
	const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
	int fd = memfd_create("gcstorm-telemetry", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	t->telemetry_fd = fd;
	if (fchmod(fd, 0600) || ftruncate(fd, sizeof(struct mrt_telemetry)) ||
	    fcntl(fd, F_ADD_SEALS, seals))
		return -errno;
	void *at =
		mmap(NULL, sizeof(struct mrt_telemetry), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return -errno;
	t->telemetry = at;
	watch_layout_init(t->telemetry, t->scenario->procs);
	return 0;
}

int gcs_target_create(struct gcs_target **ret, const struct gcs_scenario *s, bool sim,
		      const struct gcs_target_sink *sink, char **ret_text)
{
	if (sim && gcs_scenario_runtime(s) != GCS_RUNTIME_EMBEDDED) {
		if (asprintf(ret_text, "the runtime %s cannot be simulated: virtual time is the embedded runtime's alone", s->runtime) < 0)
			*ret_text = NULL;
		return -ENOSYS;
	}
	struct gcs_target *t = calloc(1, sizeof *t);
	if (!t)
		return target_fail(ret_text, -ENOMEM, "cannot set up the target");
	t->scenario = s;
	t->sink = *sink;
	t->sim = sim;
	t->profile_fd = t->trace_fd = -1;
	t->telemetry_fd = t->main.ctl = t->main.err = t->load.ctl = t->load.err = -1;
	int e = target_map(t);
	if (e) {
		gcs_target_destroy(t);
		return target_fail(ret_text, e, "cannot set up the shared memory");
	}
	*ret = t;
	return 0;
}

struct mrt_telemetry *gcs_target_telemetry(struct gcs_target *t)
{
	return t->telemetry;
}

static bool target_is_command(const struct gcs_target *t)
{
	return gcs_scenario_runtime(t->scenario) == GCS_RUNTIME_COMMAND;
}

void gcs_target_set_fifo(struct gcs_target *t, const char *prefix)
{
	free(t->fifo);
	t->fifo = t->sim || target_is_command(t) ? NULL : strdup(prefix);
}

void gcs_target_set_output(struct gcs_target *t, const char *prefix)
{
	free(t->output);
	t->output = target_is_command(t) ? strdup(prefix) : NULL;
}

void gcs_target_set_heap_profile(struct gcs_target *t, int fd)
{
	t->profile_fd = fd;
}

void gcs_target_set_trace(struct gcs_target *t, int fd)
{
	t->trace_fd = fd;
}

/* ---- starting */

static uint32_t target_conns(const struct gcs_target *t)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < t->scenario->nworkloads && !t->sim; i++)
		n += t->scenario->workload[i].url ? 0 : t->scenario->workload[i].conns;
	return n;
}

/* Are there clients, which are a process of their own? */
static bool target_has_clients(const struct gcs_target *t)
{
	for (uint32_t i = 0; i < t->scenario->nworkloads && !t->sim; i++)
		if (t->scenario->workload[i].conns)
			return true;
	return false;
}

static int target_room_for_fds(unsigned wanted)
{
	struct rlimit lim;
	if (getrlimit(RLIMIT_NOFILE, &lim))
		return -errno;
	if (lim.rlim_cur >= wanted)
		return 0;
	if (lim.rlim_max < wanted)
		return -EMFILE;
	lim.rlim_cur = lim.rlim_max;
	return setrlimit(RLIMIT_NOFILE, &lim) ? -errno : 0;
}

static void target_close_all(int *fd, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (fd[i] >= 0)
			close(fd[i]);
}

static int target_spawn_one(struct gcs_target *t, struct target_process *p,
			    const struct gcs_program *program, int *fd, unsigned nfds)
{
	int ctl[2], err[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ctl))
		return -errno;
	if (pipe2(err, O_CLOEXEC)) {
		target_close_all(ctl, 2);
		return -errno;
	}
	fd[0] = ctl[1];
	fd[1] = t->telemetry_fd;
	int e = gcs_spawn(&(struct gcs_spawn){.path = program->path,
					      .args = program->args,
					      .env = (const char *const *)program->env,
					      .err_fd = err[1],
					      .fd = fd,
					      .nfds = nfds,
					      .group = p == &t->main ? 0 : t->main.pid,
					      .die_with_parent = p != &t->main},
			  &p->pid);
	close(ctl[1]);
	close(err[1]);
	p->ctl = ctl[0];
	p->err = err[0];
	if (e)
		return e;
	p->alive = true;
	fcntl(p->ctl, F_SETFL,
	      O_NONBLOCK); /* our end only: the ends of a pair have their own flags */
	fcntl(p->err, F_SETFL, O_NONBLOCK);
	return 0;
}

/* With room in fd for TARGET_FILES more: where the heap profile goes, and the trace. */
static int target_spawn_main(struct gcs_target *t, const struct gcs_program *program, int *fd,
			     unsigned nfds)
{
	bool profiles = t->scenario->heap_profile_rate > 0, traces = gcs_scenario_traces(t->scenario);
	int null = profiles || traces ? open("/dev/null", O_WRONLY | O_CLOEXEC) : -1;
	if ((profiles || traces) && null < 0)
		return -errno;
	if (profiles)
		fd[nfds++] = t->profile_fd < 0 ? null : t->profile_fd;
	if (traces)
		fd[nfds++] = t->trace_fd < 0 ? null : t->trace_fd;
	int e = target_spawn_one(t, &t->main, program, fd, nfds);
	if (null >= 0)
		close(null);
	return e;
}

static int target_spawn_load(struct gcs_target *t, int *theirs, uint32_t conns, char **ret_text)
{
	struct gcs_program load = {.path = ""};
	if (gcs_path_program("gcstorm-load", load.path))
		return target_fail(ret_text, -ENOENT, "gcstorm-load");
	int e = target_spawn_one(t, &t->load, &load, theirs, 2 + conns);
	return e ? target_fail(ret_text, e, load.path) : 0;
}

static int target_spawn_both(struct gcs_target *t, int *ours, int *theirs, uint32_t conns,
			     char **ret_text)
{
	static struct gcs_program program; /* large, and one at a time */
	int e = gcs_program_find(&program, t->scenario, t->sim, ret_text);
	if (e) {
		gcs_program_fini(&program);
		return e;
	}
	if (t->fifo)
		e = gcs_program_setenv(&program, "GCSTORM_FIFO", t->fifo);
	if (e == 0 && t->output)
		e = gcs_program_setenv(&program, "GCSTORM_OUTPUT", t->output);
	e = e ? e : target_spawn_main(t, &program, ours, 2 + conns);
	if (e)
		target_fail(ret_text, e, program.path);
	gcs_program_fini(&program);
	return e || !target_has_clients(t) ? e : target_spawn_load(t, theirs, conns, ret_text);
}

static int target_spawn_with_conns(struct gcs_target *t, uint32_t conns, char **ret_text)
{
	/* [0] control, [1] telemetry, then one end of each connection, and room for the files */
	int *fd = malloc(2 * (conns + 2 + TARGET_FILES) * sizeof *fd);
	if (!fd)
		return target_fail(ret_text, -ENOMEM, "cannot start the target");
	int *ours = fd, *theirs = fd + conns + 2 + TARGET_FILES, e = target_room_for_fds(4 * (conns + 2) + 64);
	uint32_t made = 0;
	for (; made < conns && e == 0; made++) {
		int pair[2];
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) {
			e = -errno;
			break;
		}
		ours[2 + made] = pair[0];
		theirs[2 + made] = pair[1];
	}
	e = e ? target_fail(ret_text, e, "cannot make the connections")
	      : target_spawn_both(t, ours, theirs, conns, ret_text);
	target_close_all(ours + 2, made);
	target_close_all(theirs + 2, made);
	free(fd);
	return e;
}

/* ---- speaking */

static int target_send(struct target_process *p, const char *text, size_t len, int wait_ms)
{
	while (len && p->ctl >= 0) {
		ssize_t n = send(p->ctl, text, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		} else if (errno == EAGAIN) {
			struct pollfd pfd = {.fd = p->ctl, .events = POLLOUT};
			if (wait_ms == 0 || poll(&pfd, 1, wait_ms) <= 0)
				return -EAGAIN;
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	return p->ctl >= 0 ? 0 : -EPIPE;
}

int gcs_target_spawn(struct gcs_target *t, char **ret_text)
{
	uint32_t conns = target_conns(t);
	char *plan = gcs_scenario_plan(t->scenario), *line = NULL;
	int len = plan ? asprintf(&line, "%s\n", plan) : -1, e = 0;
	/* A program's guard answers its system calls itself. */
	if (len >= 0 && gcs_injector_wanted(t->scenario) && !target_is_command(t))
		e = gcs_injector_create(&t->injector, plan, t->telemetry);
	free(plan);
	if (len < 0)
		return target_fail(ret_text, -ENOMEM, "cannot write the plan");
	e = e ? target_fail(ret_text, e, "cannot set up the faults of system calls")
	      : target_spawn_with_conns(t, conns, ret_text);
	if (e == 0 && !t->sim)
		e = gcs_lease_start(&t->lease, &t->telemetry->beat);
	if (e && !*ret_text)
		target_fail(ret_text, e, "cannot start the lease");
	if (e == 0) {
		e = target_send(&t->main, line, (size_t)len, TARGET_LOAD_MS);
		if (e == 0 && target_has_clients(t))
			e = target_send(&t->load, line, (size_t)len, TARGET_LOAD_MS);
		/* One that is gone already says why itself. */
		e = e == -EPIPE || e == -ECONNRESET ? 0 : e;
		if (e)
			target_fail(ret_text, e, "the target does not take the plan");
	}
	free(line);
	return e;
}

/* Is the fault decided on here? */
static bool target_injects(const struct gcs_target *t, uint32_t fault)
{
	return t->injector && strncmp(t->scenario->fault[fault].point, "os/", 3) == 0;
}

int gcs_target_say(struct gcs_target *t, const char *cmd, int fault)
{
	char line[128];
	if (t->injector && strcmp(cmd, "quit") == 0)
		gcs_injector_release(t->injector);
	if (strcmp(cmd, "fire") == 0 && target_injects(t, (uint32_t)fault)) {
		gcs_injector_fire(t->injector, (uint32_t)fault); /* its site is here */
		return 0;
	}
	int n = fault < 0 ? snprintf(line, sizeof line, "{\"cmd\":\"%s\"}\n", cmd)
			  : snprintf(line, sizeof line, "{\"cmd\":\"%s\",\"fault\":%d}\n", cmd,
				     fault);
	return target_send(&t->main, line, (size_t)n, 0);
}

int gcs_target_edit(struct gcs_target *t, const struct gcs_scenario *s, uint32_t index)
{
	char *text = gcs_scenario_edit_line(s, index), *line = NULL;
	int len = text ? asprintf(&line, "%s\n", text) : -1;
	int e = len < 0			 ? -ENOMEM
		: target_injects(t, index) ? gcs_injector_edit(t->injector, text)
					 : target_send(&t->main, line, (size_t)len, 0);
	free(text);
	free(line);
	return e;
}

int gcs_target_rate(struct gcs_target *t, uint32_t workload, uint64_t rate)
{
	char line[96];
	bool clients = t->scenario->workload[workload].conns > 0;
	int n = snprintf(line, sizeof line, "{\"cmd\":\"rate\",\"workload\":%u,\"rate\":%llu}\n",
			 workload, (unsigned long long)rate);
	return target_send(clients ? &t->load : &t->main, line, (size_t)n, 0);
}

/* ---- listening */

static void target_word(struct gcs_target *t, const char *line)
{
	char **slot = &t->words[t->nwords++ % GCS_LAST_WORDS];
	free(*slot);
	*slot = strndup(line, TARGET_WORD_BYTES);
}

static void target_stderr(void *self, char *line)
{
	struct gcs_target *t = self;
	if (strncmp(line, "gc ", 3) == 0 || strncmp(line, "pacer: ", 7) == 0 || strncmp(line, "scav ", 5) == 0 ||
	    strncmp(line, "SCHED ", 6) == 0)
		t->sink.gctrace(t->sink.self, line);
	else if (*line)
		target_word(t, line);
}

static const char *target_text(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));
	return text ? text : "";
}

static int64_t target_number(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

/* What the target says is not trusted: an act is one of these. */
static void target_operator(struct gcs_target *t, const json_t *o)
{
	static const char *const acts[] = {"arm", "disarm", "fire", "refused"};
	bool own = strcmp(target_text(o, "source"), "target") == 0;
	const json_t *fault = json_object_get(o, "fault");
	json_int_t i = json_is_integer(fault) ? json_integer_value(fault) : -1;
	if (i < 0 || i >= t->scenario->nfaults)
		i = -1;
	for (size_t k = 0; k < sizeof acts / sizeof acts[0]; k++)
		if (strcmp(acts[k], target_text(o, "act")) == 0)
			t->sink.operator(t->sink.self, own ? "target" : "fiu-ctrl", acts[k],
					 (int)i, target_text(o, "text"));
}

static void target_stacks(const struct gcs_target_sink *k, const json_t *list)
{
	uint64_t first[GCS_STACKS_MAX];
	size_t n = json_array_size(list);
	if (!k->stacks || n == 0 || n > GCS_STACKS_MAX)
		return;
	for (size_t i = 0; i < n; i++)
		first[i] = (uint64_t)json_integer_value(json_array_get(list, i));
	k->stacks(k->self, first, n);
}

static void target_done(const struct gcs_target_sink *k, const json_t *o)
{
	target_stacks(k, json_object_get(o, "stacks"));
	if (k->live && json_object_get(o, "live_bytes"))
		k->live(k->self, (uint64_t)target_number(o, "live_bytes"),
			(uint64_t)target_number(o, "live_objects"));
	if (k->heap_profile && json_object_get(o, "heap_profile"))
		k->heap_profile(k->self, (int)target_number(o, "heap_profile"));
	if (k->trace && json_object_get(o, "trace"))
		k->trace(k->self, (int)target_number(o, "trace"));
	k->done(k->self, target_text(o, "hash"), (uint64_t)target_number(o, "checked"),
		(uint64_t)target_number(o, "integrity_errors"));
}

/* Of a guard: its program has ended. */
static void target_died(const struct gcs_target_sink *k, const json_t *o)
{
	const char *text = target_text(o, "text");
	if (k->died)
		k->died(k->self, (int)target_number(o, "status"), *text ? text : NULL,
			json_is_true(json_object_get(o, "again")),
			(uint32_t)target_number(o, "restarts"));
}

/* What it found out. The key is one word, and says where it is from. False: it says something else. */
static bool target_found(const struct gcs_target_sink *k, const char *ev, const json_t *o)
{
	const char *word = target_text(o, "key");
	char key[64];
	bool fact = strcmp(ev, "fact") == 0, note = strcmp(ev, "note") == 0;
	if (note && k->note)
		k->note(k->self, target_number(o, "level") > 0, target_text(o, "text"));
	if (!fact || !k->fact || !*word || word[strspn(word, "abcdefghijklmnopqrstuvwxyz_")])
		return fact || note;
	snprintf(key, sizeof key, "program.%s", word);
	k->fact(k->self, key, (uint64_t)target_number(o, "value"));
	return true;
}

/* What the guard says of its program. False: it says something else. */
static bool target_program(struct gcs_target *t, const char *ev, const json_t *o)
{
	const struct gcs_target_sink *k = &t->sink;
	bool died = strcmp(ev, "died") == 0, ended = strcmp(ev, "ended") == 0;
	if (!target_is_command(t))
		return false;
	if (strcmp(ev, "ready") == 0 || strcmp(ev, "restarted") == 0)
		t->program = (pid_t)target_number(o, "pid");
	else if (died || ended)
		t->program = 0;
	if (died)
		target_died(k, o);
	else if (strcmp(ev, "throttled") == 0 && k->throttled)
		k->throttled(k->self, (uint64_t)target_number(o, "times"),
			     target_number(o, "us") * 1000);
	else if (ended && k->ended)
		k->ended(k->self, (int)target_number(o, "status"));
	else if (strcmp(ev, "ready") == 0)
		k->ready(k->self, t->program);
	else if (strcmp(ev, "restarted") == 0 && k->restarted)
		k->restarted(k->self, t->program);
	return died || ended || strcmp(ev, "ready") == 0 || strcmp(ev, "restarted") == 0 ||
	       strcmp(ev, "throttled") == 0 || target_found(k, ev, o);
}

static void target_message(void *self, char *line)
{
	struct gcs_target *t = self;
	const struct gcs_target_sink *k = &t->sink;
	json_t *o = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
	const char *ev = target_text(o, "ev");
	if (target_program(t, ev, o))
		; /* told */
	else if (strcmp(ev, "ready") == 0)
		k->ready(k->self, t->main.pid);
	else if (strcmp(ev, "error") == 0)
		k->refused(k->self, target_text(o, "text"));
	else if (strcmp(ev, "started") == 0)
		k->started(k->self, target_number(o, "t0_abs_ns"));
	else if (strcmp(ev, "done") == 0)
		target_done(k, o);
	else if (strcmp(ev, "operator") == 0)
		target_operator(t, o);
	else if (strcmp(ev, "listener") == 0)
		; /* it came with the line: target_take_listener */
	else
		target_word(t, line);
	json_decref(o);
}

/* The load process has nothing to say but errors. */
static void target_load_message(void *self, char *line)
{
	struct gcs_target *t = self;
	json_t *o = json_loads(line, 0, NULL);
	if (strcmp(target_text(o, "ev"), "error") == 0)
		t->sink.refused(t->sink.self, target_text(o, "text"));
	json_decref(o);
}

static void target_read(struct gcs_target *t, int *fd, struct gcs_lines *l,
			void (*line)(void *, char *))
{
	if (*fd < 0 || gcs_lines_read(l, *fd, line, t) == 0)
		return;
	close(*fd);
	*fd = -1;
}

/* It comes with the target's first line, before its first call that is asked about. False: nothing
 * was there yet. Then nothing may be read either: the line may have come since, and a plain read of
 * it would close the listener. */
static bool target_take_listener(struct gcs_target *t)
{
	if (!t->injector || gcs_injector_listens(t->injector) || t->main.ctl < 0)
		return true;
	int fd = gcs_listener_receive(t->main.ctl);
	int e = fd >= 0 ? gcs_injector_listen(t->injector, fd, t->main.pid) : fd;
	if (e && e != -EAGAIN && e != -ENODATA)
		t->sink.refused(t->sink.self, strerror(-e));
	return e != -EAGAIN;
}

void gcs_target_poll(struct gcs_target *t)
{
	bool heard = target_take_listener(t);
	target_read(t, &t->main.err, &t->main.err_lines, target_stderr);
	target_read(t, &t->load.err, &t->load.err_lines, target_stderr);
	if (heard)
		target_read(t, &t->main.ctl, &t->main.ctl_lines, target_message);
	target_read(t, &t->load.ctl, &t->load.ctl_lines, target_load_message);
}

int gcs_target_fds(const struct gcs_target *t, struct pollfd fds[GCS_TARGET_FDS])
{
	const int all[GCS_TARGET_FDS] = {t->main.ctl, t->main.err, t->load.ctl, t->load.err};
	int n = 0;
	for (int i = 0; i < GCS_TARGET_FDS; i++)
		if (all[i] >= 0)
			fds[n++] = (struct pollfd){.fd = all[i], .events = POLLIN};
	return n;
}

static bool target_reap_one(struct target_process *p, int *ret_status)
{
	if (!p->alive || waitpid(p->pid, ret_status, WNOHANG) != p->pid)
		return false;
	p->alive = false;
	return true;
}

void gcs_target_reap(struct gcs_target *t)
{
	int status;
	if (target_reap_one(&t->load, &status))
		t->sink.load_exited(t->sink.self, status);
	if (!target_reap_one(&t->main, &status))
		return;
	gcs_target_poll(t); /* what it said before it ended comes first */
	/* A guard that was killed: the kernel has killed the program with it; what that had started goes too. */
	if (t->program > 0)
		kill(-t->program, SIGKILL);
	t->program = 0;
	t->sink.exited(t->sink.self, status);
}

/* ---- ending */

bool gcs_target_alive(const struct gcs_target *t)
{
	return t->main.alive;
}

int64_t gcs_target_lease_gap(struct gcs_target *t, int64_t *ret_from_ns)
{
	*ret_from_ns = 0;
	return t->lease ? gcs_lease_gap(t->lease, ret_from_ns) : 0;
}

void gcs_target_kill(struct gcs_target *t, int sig)
{
	/* While either is not waited for, the group's number cannot belong to anyone else. */
	if (t->main.alive || t->load.alive)
		kill(-t->main.pid, sig);
}

size_t gcs_target_last_words(const struct gcs_target *t, const char *ret[GCS_LAST_WORDS])
{
	size_t n = t->nwords < GCS_LAST_WORDS ? t->nwords : GCS_LAST_WORDS;
	for (size_t i = 0; i < n; i++)
		ret[i] = t->words[(t->nwords - n + i) % GCS_LAST_WORDS];
	return n;
}

static void target_process_fini(struct target_process *p)
{
	if (p->alive)
		waitpid(p->pid, NULL, 0);
	if (p->ctl >= 0)
		close(p->ctl);
	if (p->err >= 0)
		close(p->err);
	gcs_lines_fini(&p->ctl_lines);
	gcs_lines_fini(&p->err_lines);
}

void gcs_target_destroy(struct gcs_target *t)
{
	if (!t)
		return;
	gcs_target_kill(t, SIGKILL);
	gcs_lease_stop(t->lease);
	target_process_fini(&t->load);
	target_process_fini(&t->main);
	gcs_injector_destroy(t->injector);
	for (size_t i = 0; i < GCS_LAST_WORDS; i++)
		free(t->words[i]);
	free(t->fifo);
	free(t->output);
	if (t->telemetry)
		munmap(t->telemetry, sizeof *t->telemetry);
	if (t->telemetry_fd >= 0)
		close(t->telemetry_fd);
	free(t);
}
