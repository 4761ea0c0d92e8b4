/*
 * trial.c: children that each make one run.
 *
 * SIGCHLD and the signals that interrupt are blocked and taken with sigtimedwait: there is no handler and no race. A child
 * tells its result through a pipe, which holds it whole.
 */
#include "harness/explore/trial.h"

#include "harness/soak/soak_plan.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TRIAL_TICK_NS 200000000

static_assert(sizeof(struct gcs_run_result) < 65536, "a result fits into a pipe");

struct trial_slot {
	struct gcs_trial trial;
	pid_t pid; /* 0: free */
	int fd;
	int64_t began_ns;
};

struct trials {
	const struct gcs_trials *c;
	struct trial_slot *slot;
	unsigned running;
	sigset_t mask, old_mask;
	bool stop;	 /* begin no more */
	int interrupted; /* 0, SIGINT, SIGTERM */
	int error;	 /* 0, -errno */
};

static int64_t trial_now(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* ---- the command */

static void trial_option(FILE *out, const char *name, const char *value)
{
	if (!value)
		return;
	fprintf(out, " --%s ", name);
	gcs_soak_quote(out, value);
}

char *gcs_trial_command(const char *path, const struct gcs_scenario_options *load, uint64_t seed)
{
	char *text = NULL, *pair;
	size_t n;
	FILE *out = open_memstream(&text, &n);
	if (!out)
		return NULL;
	fputs("gcstorm run --sim", out);
	trial_option(out, "variant", load->variant);
	trial_option(out, "time-scale", load->time_scale);
	trial_option(out, "heap-scale", load->heap_scale);
	for (size_t i = 0; i < load->nset; i++) {
		if (strcmp(load->set[i].key, "seed") == 0)
			continue;
		if (strcmp(load->set[i].key, GCS_OVERRIDE_FAULT) == 0) {
			trial_option(out, "fault", load->set[i].value);
			continue;
		}
		if (asprintf(&pair, "%s=%s", load->set[i].key, load->set[i].value) < 0)
			continue;
		trial_option(out, "set", pair);
		free(pair);
	}
	fprintf(out, " --seed 0x%" PRIx64 " ", seed);
	gcs_soak_quote(out, path);
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

/* ---- in the child */

static enum gcs_exit trial_make(const struct gcs_trials *c, const struct gcs_trial *t, struct gcs_run_result *ret)
{
	struct gcs_override set[GCS_TRIAL_SETS_MAX + 1];
	struct gcs_scenario_options load = *c->load;
	struct gcs_scenario_error error;
	struct gcs_scenario *s;
	char seed[32];
	if (load.nset > GCS_TRIAL_SETS_MAX)
		return GCS_EXIT_USAGE;
	snprintf(seed, sizeof(seed), "0x%" PRIx64, t->seed);
	if (load.nset)
		memcpy(set, load.set, load.nset * sizeof(set[0]));
	set[load.nset++] = (struct gcs_override){"seed", seed};
	load.set = set;
	int e = gcs_scenario_load_with(&s, t->path, &load, &error);
	if (e) {
		fputs(error.text ? error.text : "gcstorm: no memory\n", stderr);
		snprintf(ret->sentence, sizeof(ret->sentence), "the scenario cannot be read with this seed");
		gcs_scenario_error_fini(&error);
		return e == -ENOMEM ? GCS_EXIT_UNSUPPORTED : GCS_EXIT_USAGE;
	}
	e = t->prepare ? t->prepare(t->self, s) : 0;
	if (e) {
		snprintf(ret->sentence, sizeof(ret->sentence), "the scenario cannot be prepared: %s", strerror(-e));
		gcs_scenario_destroy(s);
		return GCS_EXIT_UNSUPPORTED;
	}
	char *command = c->command_line ? NULL : gcs_trial_command(t->path, c->load, t->seed);
	const struct gcs_run_options opt = {
		.scenario = s,
		.sim = !t->real,
		.display = &gcs_display_plain,
		.record = t->record,
		.format = "text",
		.command_line = c->command_line ? c->command_line : command ? command : "",
		.quiet = true,
	};
	enum gcs_exit code = gcs_run(&opt, ret);
	free(command);
	gcs_scenario_destroy(s);
	return code;
}

static _Noreturn void trial_child(const struct trials *all, const struct gcs_trial *t, int fd, pid_t parent)
{
	struct gcs_run_result result = {0};
	int log = open(t->log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent || log < 0 || null < 0 || dup2(null, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0)
		_exit(GCS_EXIT_UNSUPPORTED);
	sigprocmask(SIG_SETMASK, &all->old_mask, NULL);
	result.exit = trial_make(all->c, t, &result);
	fflush(NULL);
	_exit(write(fd, &result, sizeof(result)) == (ssize_t)sizeof(result) ? 0 : GCS_EXIT_HARNESS);
}

/* ---- in the parent */

static int trial_begin(struct trials *all, struct trial_slot *s)
{
	int fd[2];
	pid_t parent = getpid();
	if (pipe2(fd, O_CLOEXEC))
		return -errno;
	fflush(NULL); /* what is buffered is the parent's to print */
	s->began_ns = trial_now();
	pid_t pid = fork();
	if (pid == 0)
		trial_child(all, &s->trial, fd[1], parent);
	int e = pid < 0 ? -errno : 0;
	close(fd[1]);
	if (e) {
		close(fd[0]);
		return e;
	}
	s->pid = pid;
	s->fd = fd[0];
	all->running++;
	return 0;
}

static void trials_fill(struct trials *all)
{
	for (unsigned i = 0; i < all->c->jobs && !all->stop; i++) {
		struct trial_slot *s = &all->slot[i];
		if (s->pid)
			continue;
		if (!all->c->next(all->c->self, &s->trial)) {
			all->stop = true;
			return;
		}
		if ((all->error = trial_begin(all, s)) != 0)
			all->stop = true;
	}
}

static void trial_result(const struct trial_slot *s, int status, int interrupted, struct gcs_run_result *ret)
{
	if (read(s->fd, ret, sizeof(*ret)) == (ssize_t)sizeof(*ret))
		return;
	memset(ret, 0, sizeof(*ret));
	/* The interrupt came before or behind the run proper, where a signal ends the process. */
	if (interrupted && WIFSIGNALED(status) && WTERMSIG(status) == interrupted) {
		ret->exit = interrupted == SIGINT ? GCS_EXIT_INT : GCS_EXIT_TERM;
		return;
	}
	ret->exit = WIFEXITED(status) && WEXITSTATUS(status) == GCS_EXIT_UNSUPPORTED ? GCS_EXIT_UNSUPPORTED
										       : GCS_EXIT_HARNESS;
	snprintf(ret->sentence, sizeof(ret->sentence), "the process that made the run died (%s %d)",
		 WIFSIGNALED(status) ? "signal" : "status", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

static void trial_ended(struct trials *all, struct trial_slot *s, int status)
{
	struct gcs_trial_end end = {.took_ns = trial_now() - s->began_ns};
	trial_result(s, status, all->interrupted, &end.run);
	close(s->fd);
	s->pid = 0;
	all->running--;
	if (!all->c->ended(all->c->self, &s->trial, &end))
		all->stop = true;
}

static void trials_reap(struct trials *all)
{
	int status;
	for (unsigned i = 0; i < all->c->jobs; i++)
		if (all->slot[i].pid && waitpid(all->slot[i].pid, &status, WNOHANG) == all->slot[i].pid)
			trial_ended(all, &all->slot[i], status);
}

/* A second one asks again: a run that is asked twice ends at once. */
static void trials_interrupt(struct trials *all, int sig)
{
	if (!all->interrupted)
		all->interrupted = sig == SIGINT ? SIGINT : SIGTERM;
	all->stop = true;
	for (unsigned i = 0; i < all->c->jobs; i++)
		if (all->slot[i].pid)
			kill(all->slot[i].pid, all->interrupted);
}

static void trials_wait(struct trials *all)
{
	int sig = sigtimedwait(&all->mask, NULL, &(struct timespec){.tv_nsec = TRIAL_TICK_NS});
	if (sig == SIGINT || sig == SIGTERM || sig == SIGHUP)
		trials_interrupt(all, sig);
	trials_reap(all);
	if (all->c->tick)
		all->c->tick(all->c->self);
}

int gcs_trials_run(const struct gcs_trials *c)
{
	struct trials all = {.c = c, .slot = calloc(c->jobs, sizeof(*all.slot))};
	assert(c->jobs >= 1 && c->jobs <= GCS_TRIALS_MAX);
	if (!all.slot)
		return -ENOMEM;
	sigemptyset(&all.mask);
	sigaddset(&all.mask, SIGCHLD);
	sigaddset(&all.mask, SIGINT);
	sigaddset(&all.mask, SIGTERM);
	sigaddset(&all.mask, SIGHUP);
	sigprocmask(SIG_BLOCK, &all.mask, &all.old_mask);
	trials_fill(&all);
	while (all.running) {
		trials_wait(&all);
		trials_fill(&all);
	}
	/* Taken here, they do not end the caller when they are unblocked. */
	const struct timespec now = {0};
	while (sigtimedwait(&all.mask, NULL, &now) > 0)
		;
	sigprocmask(SIG_SETMASK, &all.old_mask, NULL);
	free(all.slot);
	return all.interrupted ? all.interrupted : all.error;
}

/* ---- one alone */

struct trial_single {
	const struct gcs_trial *trial;
	struct gcs_trial_end *end;
	bool begun;
};

static bool single_next(void *self, struct gcs_trial *ret)
{
	struct trial_single *s = self;
	if (s->begun)
		return false;
	s->begun = true;
	*ret = *s->trial;
	return true;
}

static bool single_ended(void *self, const struct gcs_trial *t, const struct gcs_trial_end *end)
{
	(void)t;
	*((struct trial_single *)self)->end = *end;
	return false;
}

int gcs_trial_once(const struct gcs_trial *t, const struct gcs_scenario_options *load, const char *command_line,
		   struct gcs_trial_end *ret)
{
	struct trial_single self = {.trial = t, .end = ret};
	const struct gcs_trials one = {
		.load = load,
		.command_line = command_line,
		.jobs = 1,
		.self = &self,
		.next = single_next,
		.ended = single_ended,
	};
	memset(ret, 0, sizeof(*ret));
	return gcs_trials_run(&one);
}
