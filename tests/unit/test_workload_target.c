/*
 * The target as a program, driven over its control socket as the harness does: whole runs with
 * faults on the real and the simulated backend, content checked, hashes compared, ends of every
 * kind.
 *
 * Programs are taken from GCSTORM_BUILD (the build folder).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "runtime/watch/telemetry.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#define CONNS_MAX	16
#define RUN_SECONDS_MAX 120 /* sanitizers on a busy machine */
#define TRIES		10  /* of what takes long only where the machine does other things, or stands still */

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SLOW_BUILD 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SLOW_BUILD 1
#endif
#ifndef SLOW_BUILD
#define SLOW_BUILD 0
#endif

static unsigned test_seed = 1;

struct run {
	struct mrt_telemetry *t;
	int memory_fd, control_fd, load_fd;
	pid_t target, load;
	int status, load_status;
	char dir[64];	 /* of the FIFOs, "": none */
	char acts[1024]; /* operator events, "act fault;" each */
	/* what was seen */
	uint64_t kind[WATCH_KINDS], armed[4], disarmed[4], integrity;
	bool ready, started, done, error;
	char error_text[256], hash[32];
	json_int_t checked, integrity_errors, workers;
	char buf[1 << 16];
	size_t used;
};

static double now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* ------------------------------------------------------------------ starting */

static pid_t spawn(const char *name, const int *fds, int nfds)
{
	const char *build = getenv("GCSTORM_BUILD");
	int high[2 + CONNS_MAX];
	char path[4096];
	pid_t pid;

	snprintf(path, sizeof(path), "%s/%s", build != NULL ? build : ".", name);
	pid = fork();
	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	/* First out of the way of the final numbers, then into place. */
	for (int i = 0; i < nfds; i++)
		high[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 100);
	for (int i = 0; i < nfds; i++)
		dup2(high[i], 3 + i);
	execl(path, path, (char *)NULL);
	fprintf(stderr, "%s: %s\n", path, strerror(errno));
	_exit(127);
}

/* Start the target and, with conns, the load process. */
static void run_start_in(struct run *r, bool sim, int conns, const char *dir)
{
	int control[2], load[2], fds[2 + CONNS_MAX], other[2 + CONNS_MAX];

	memset(r, 0, sizeof(*r));
	if (dir != NULL)
		snprintf(r->dir, sizeof(r->dir), "%s", dir);
	r->memory_fd = memfd_create("telemetry", MFD_CLOEXEC);
	assert_int_equal(ftruncate(r->memory_fd, sizeof(struct mrt_telemetry)), 0);
	r->t = mmap(NULL, sizeof(*r->t), PROT_READ | PROT_WRITE, MAP_SHARED, r->memory_fd, 0);
	assert_ptr_not_equal(r->t, MAP_FAILED);
	watch_layout_init(r->t, 4);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, load), 0);
	fds[0] = control[1];
	other[0] = load[1];
	fds[1] = other[1] = r->memory_fd;
	for (int i = 0; i < conns; i++) {
		int pair[2];

		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
		fds[2 + i] = pair[0];
		other[2 + i] = pair[1];
	}
	if (dir != NULL) {
		char prefix[80];

		snprintf(prefix, sizeof(prefix), "%s/fiu", dir);
		setenv("GCSTORM_FIFO", prefix, 1);
	}
	r->target = spawn(sim ? "gcstorm-target-sim" : "gcstorm-target", fds, 2 + conns);
	unsetenv("GCSTORM_FIFO");
	if (conns > 0)
		r->load = spawn("gcstorm-load", other, 2 + conns);
	close(control[1]);
	close(load[1]);
	for (int i = 0; i < conns; i++) {
		close(fds[2 + i]);
		close(other[2 + i]);
	}
	r->control_fd = control[0];
	r->load_fd = load[0];
}

static void run_start(struct run *r, bool sim, int conns)
{
	run_start_in(r, sim, conns, NULL);
}

static void run_say(struct run *r, const char *line)
{
	size_t len = strlen(line);

	assert_int_equal(send(r->control_fd, line, len, MSG_NOSIGNAL), len);
	if (r->load > 0 && strstr(line, "\"load\"") != NULL)
		assert_int_equal(send(r->load_fd, line, len, MSG_NOSIGNAL), len);
}

/* ----------------------------------------------------------------- following */

static void run_line(struct run *r, const char *line)
{
	json_t *o = json_loads(line, 0, NULL);
	const char *ev = json_string_value(json_object_get(o, "ev"));

	assert_non_null(ev);
	if (strcmp(ev, "ready") == 0) {
		r->ready = true;
		r->workers = (json_int_t)json_array_size(json_object_get(o, "workers"));
		assert_int_equal(json_integer_value(json_object_get(o, "pid")), r->target);
	} else if (strcmp(ev, "started") == 0) {
		r->started = true;
	} else if (strcmp(ev, "done") == 0) {
		r->done = true;
		snprintf(r->hash, sizeof(r->hash), "%s",
			 json_string_value(json_object_get(o, "hash")));
		r->checked = json_integer_value(json_object_get(o, "checked"));
		r->integrity_errors = json_integer_value(json_object_get(o, "integrity_errors"));
	} else if (strcmp(ev, "operator") == 0) {
		const char *source = json_string_value(json_object_get(o, "source"));
		bool own = strcmp(source, "target") == 0;

		assert_true(own || strcmp(source, "fiu-ctrl") == 0);
		snprintf(r->acts + strlen(r->acts), sizeof(r->acts) - strlen(r->acts), "%s%s %d;",
			 own ? "own " : "", json_string_value(json_object_get(o, "act")),
			 (int)json_integer_value(json_object_get(o, "fault")));
	} else if (strcmp(ev, "error") == 0) {
		r->error = true;
		snprintf(r->error_text, sizeof(r->error_text), "%s",
			 json_string_value(json_object_get(o, "text")));
	}
	json_decref(o);
}

static void run_drain(struct run *r)
{
	static struct watch_record rec[1024];
	size_t n;

	while ((n = watch_drain(r->t, rec, 1024)) > 0)
		for (size_t i = 0; i < n; i++) {
			assert_true(rec[i].kind < WATCH_KINDS);
			r->kind[rec[i].kind]++;
			if (rec[i].kind == WATCH_ARM && rec[i].a < 4)
				(rec[i].c != 0 ? r->armed : r->disarmed)[rec[i].a]++;
			if (rec[i].kind == WATCH_INTEGRITY)
				print_message("# integrity: workload %d worker %d kind %d key %llx "
					      "expected "
					      "%llx found %llx\n",
					      (int)rec[i].a, (int)rec[i].b, (int)rec[i].c,
					      (unsigned long long)rec[i].d,
					      (unsigned long long)rec[i].e,
					      (unsigned long long)rec[i].f);
		}
}

/* Read what is there for at most ms; false: the socket has closed. */
static bool run_step(struct run *r, int ms)
{
	struct pollfd pfd = {.fd = r->control_fd, .events = POLLIN};
	char *end;
	ssize_t n;

	run_drain(r);
	if (poll(&pfd, 1, ms) <= 0)
		return true;
	n = recv(r->control_fd, r->buf + r->used, sizeof(r->buf) - r->used - 1, MSG_DONTWAIT);
	if (n <= 0)
		return n < 0 && errno == EAGAIN;
	r->used += (size_t)n;
	r->buf[r->used] = '\0';
	while ((end = memchr(r->buf, '\n', r->used)) != NULL) {
		*end = '\0';
		run_line(r, r->buf);
		r->used -= (size_t)(end + 1 - r->buf);
		memmove(r->buf, end + 1, r->used + 1);
	}
	return true;
}

static void run_until(struct run *r, const bool *flag)
{
	double limit = now_s() + RUN_SECONDS_MAX;

	while (!*flag && run_step(r, 2))
		assert_true(now_s() < limit);
}

/* Once at least: what is there already is read, whatever the machine does. */
static void run_for(struct run *r, double seconds)
{
	double limit = now_s() + seconds;

	while (run_step(r, 2) && now_s() < limit)
		;
}

/* Follow it to its end. */
static void run_finish(struct run *r)
{
	double limit = now_s() + RUN_SECONDS_MAX;

	while (run_step(r, 2))
		assert_true(now_s() < limit);
	assert_int_equal(waitpid(r->target, &r->status, 0), r->target);
	run_drain(r);
	close(r->control_fd);
	close(r->load_fd);
	if (r->load > 0)
		assert_int_equal(waitpid(r->load, &r->load_status, 0), r->load);
	close(r->memory_fd);
}

static void run_release(struct run *r)
{
	munmap(r->t, sizeof(*r->t));
}

/* --------------------------------------------------------------------- plans */

struct plan_text {
	unsigned seed, procs, gc_every;
	int clobber;
	long long end_ms;
	const char *workloads, *faults;
};

static const char *plan_line(const struct plan_text *p)
{
	static char line[8192];

	snprintf(line, sizeof(line),
		 "{\"cmd\":\"load\",\"version\":1,\"runtime\":{\"procs\":%u,\"gogc\":100,"
		 "\"memlimit\":0,\"seed\":%u,"
		 "\"oom\":\"return\",\"gc_every\":%u,\"clobber\":%s,\"check_edges\":false,"
		 "\"gctrace\":false,"
		 "\"heap_reserve\":0},\"end_ns\":%lld,\"phases\":[{\"id\":\"a\",\"start_ns\":0,"
		 "\"end_ns\":%lld}],"
		 "\"workloads\":[%s],\"faults\":[%s]}\n",
		 p->procs, p->seed, p->gc_every, p->clobber ? "true" : "false", p->end_ms * 1000000,
		 p->end_ms * 1000000, p->workloads, p->faults);
	return line;
}

#define MAPS(value, bytes, workers, rate)                                                          \
	"{\"id\":\"maps\",\"driver\":\"map-churn\",\"workers\":" #workers ",\"rate\":" #rate       \
	",\"keys\":20000,\"value\":\"" value "\",\"value_bytes\":" #bytes                          \
	",\"mix\":{\"insert\":40,\"delete\":40,\"lookup\":20}}"
#define SLICES                                                                                     \
	"{\"id\":\"slices\",\"driver\":\"slice-append\",\"workers\":2,\"rate\":20000,\"retain\":"  \
	"4194304,"                                                                                 \
	"\"size\":{\"dist\":\"zipf\",\"min\":64,\"max\":1048576,\"s_milli\":1200}}"
#define NET(conns)                                                                                 \
	"{\"id\":\"net\",\"driver\":\"echo\",\"workers\":0,\"rate\":2000,\"conns\":" #conns        \
	",\"handler\":\"maps\"}"
#define FAULT(id, point, action, trigger, extra, from, to)                                         \
	"{\"id\":\"" id "\",\"point\":\"" point "\",\"action\":\"" action "\"," trigger extra      \
	",\"windows\":[[" #from "000000," #to "000000]]}"

#define ALL_WORK MAPS("ptr", 32, 2, 40000) "," SLICES "," NET(12)
#define ALL_FAULTS                                                                                 \
	FAULT("oom", "mem/malloc", "fail", "\"p_ppb\":20000000", ",\"times\":2000", 200, 500)      \
	"," FAULT("late", "netpoll/wake", "delay", "\"every\":5", ",\"delay_ns\":2000000", 300,    \
		  700) "," FAULT("gcnow", "gc/write", "force", "\"every\":100", "", 200, 700)

static void check_clean_end(const struct run *r)
{
	if (r->error)
		print_message("# refused: %s\n", r->error_text);
	assert_true(WIFEXITED(r->status));
	assert_int_equal(WEXITSTATUS(r->status), 0);
	assert_true(r->ready && r->started && r->done);
	assert_int_equal(r->kind[WATCH_INTEGRITY], 0);
	assert_int_equal(r->integrity_errors, 0);
	assert_int_equal(r->kind[WATCH_END], 1);
}

static uint64_t ops_of(const struct run *r, uint32_t workload)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < WATCH_HISTS; i++)
		if (r->t->ops[i].used && r->t->ops[i].workload == workload) {
			assert_int_equal(r->t->ops[i].ops, r->t->ops[i].latency.count);
			n += r->t->ops[i].ops;
		}
	return n;
}

/* -------------------------------------------------------------------- whole runs */

static void whole_run(struct run *r, bool sim, const struct plan_text *p, int conns)
{
	run_start(r, sim, sim ? 0 : conns);
	run_say(r, plan_line(p));
	if (!sim)
		run_until(r, &r->ready);
	while (r->load > 0 && atomic_load(&r->t->load_ready) == 0)
		run_for(r, 0.002);
	run_say(r, "{\"cmd\":\"start\"}\n");
	run_finish(r);
}

/* Eligible visits after which one of the workers must have fired: a busy machine may give fewer in the windows. */
static const uint64_t enough[3] = {1000, 5, (2 + 2 + 12) * 100};

static void check_all_faults(const struct run *r)
{
	check_clean_end(r);
	assert_int_equal(r->workers, 2 + 2 + 12);
	assert_true(r->checked > 20000);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(r->armed[i], 1);
		assert_int_equal(r->disarmed[i], 1);
		assert_true(r->t->fault[i].fired > 0 || r->t->fault[i].eligible < enough[i]);
		assert_true(r->t->fault[i].visits >= r->t->fault[i].eligible);
		assert_int_equal(r->t->fault[i].armed, 0);
	}
	assert_true(r->kind[WATCH_OP_ERROR] > 0 || r->t->fault[0].fired == 0);
	assert_true(r->kind[WATCH_GC_END] > 0);
	assert_true(r->kind[WATCH_STW] > 0);
	assert_int_equal(r->kind[WATCH_PHASE], 2);
}

/* There was some of everything: unless the machine stood still for all of a window, or for most of the run. */
static bool had_its_time(const struct run *r)
{
	uint64_t ticks = 0;
	bool all = r->kind[WATCH_OP_ERROR] > 0 && r->kind[WATCH_WAKE_LAG] > 0;

	for (uint32_t i = 0; i < 3; i++)
		all = ops_of(r, i) > 100 && all;
	for (uint32_t i = 0; i < r->t->sched.ps_known; i++)
		ticks += r->t->sched.p[i].sched_ticks;
	return all && ticks > 100;
}

/* What the target told of its scheduler and of the maps of its first workload, which has two workers. */
static void check_looks(const struct run *r, uint32_t procs, uint64_t keys)
{
	const struct watch_sched *s = &r->t->sched;

	assert_true(s->at_ns >= r->t->t0_ns && s->at_ns <= r->t->gauges.target_now_ns);
	assert_int_equal(s->ps_known, procs);
	assert_true(s->threads >= 2 && s->idle_ps <= procs);
	for (uint32_t i = 0; i < procs; i++)
		assert_in_range(s->p[i].status, WATCH_P_IDLE, WATCH_P_GC_STOP);
	for (uint32_t i = 0; i < WATCH_HISTS; i++) {
		const struct watch_map *m = &r->t->map[i];

		/* Two workers that share the keys, two that have no map, and eight groups of connections, of which the first tells. */
		uint64_t share = i < 2 ? keys / 2 : keys / 8;

		assert_int_equal(m->kind, i < 2 || i == 4 ? WATCH_MAP_CLASSIC : WATCH_MAP_NONE);
		if (m->kind == WATCH_MAP_NONE)
			continue;
		assert_in_range(m->count, share - share / 4, share + share / 4);
		assert_true(m->b >= 8 && m->grown >= m->b); /* from one bucket on */
		assert_true(m->bytes > m->count * 8);
		assert_int_equal(m->load_milli, m->count * 1000 >> m->b);
	}
}

static void test_real_with_faults(void **state)
{
	struct plan_text p = {.seed = test_seed,
			      .procs = 2,
			      .end_ms = 1000,
			      .workloads = ALL_WORK,
			      .faults = ALL_FAULTS};
	static struct run r;
	bool enough_time = false;

	(void)state;
	for (int i = 0; i < TRIES && !enough_time; i++) {
		whole_run(&r, false, &p, 12);
		check_all_faults(&r);
		check_looks(&r, 2, 20000);
		assert_int_equal(r.load_status, 0);
		assert_string_equal(r.hash, "0000000000000000");
		enough_time = had_its_time(&r);
		run_release(&r);
	}
	assert_true(enough_time);
}

/* Under stress: a collection at every 50th allocation, freed memory clobbered, four Ps; each kind
 * of value. */
static void test_real_stress(void **state)
{
	static const char *const work[] = {
		MAPS("ptr", 32, 4, 0) "," SLICES,
		MAPS("inline", 64, 2, 20000) "," NET(3),
		MAPS("indirect", 256, 2, 20000) "," SLICES,
		MAPS("u64", 8, 2, 20000) "," SLICES,
	};
	static const int conns[] = {0, 3, 0, 0};
	static struct run r;

	(void)state;
	for (size_t i = 0; i < sizeof(work) / sizeof(work[0]); i++) {
		struct plan_text p = {
			.seed = test_seed,
			.procs = 4,
			.end_ms = 300,
			.gc_every = 50,
			.clobber = 1,
			.workloads = work[i],
			.faults = FAULT("oom", "mem/malloc", "fail", "\"p_ppb\":5000000", "", 100,
					250),
		};

		whole_run(&r, false, &p, conns[i]);
		check_clean_end(&r);
		assert_true(r.kind[WATCH_GC_END] > 2);
		assert_true(r.checked > 20000);
		run_release(&r);
	}
}

static void test_sim_repeats(void **state)
{
	struct plan_text p = {.seed = test_seed,
			      .procs = 2,
			      .end_ms = 800,
			      .workloads = ALL_WORK,
			      .faults = ALL_FAULTS};
	static struct run a, b;

	(void)state;
	whole_run(&a, true, &p, 12);
	check_all_faults(&a);
	assert_true(had_its_time(&a));
	check_looks(&a, 2, 20000);
	whole_run(&b, true, &p, 12);
	check_clean_end(&b);
	assert_string_equal(a.hash, b.hash);
	for (int k = 0; k < WATCH_KINDS; k++)
		assert_int_equal(a.kind[k], b.kind[k]);
	for (uint32_t i = 0; i < WATCH_HISTS; i++)
		assert_memory_equal(&a.t->ops[i], &b.t->ops[i], sizeof(a.t->ops[i]));
	assert_memory_equal(&a.t->sched, &b.t->sched, sizeof(a.t->sched));
	assert_memory_equal(a.t->map, b.t->map, sizeof(a.t->map));
	assert_int_equal(watch_lost(a.t), 0);
	run_release(&b);
	p.seed++;
	whole_run(&b, true, &p, 12);
	check_clean_end(&b);
	assert_string_not_equal(a.hash, b.hash);
	run_release(&a);
	run_release(&b);
}

/* ---------------------------------------------------------------------- ends */

static const struct plan_text long_plan = {
	.seed = 5,
	.procs = 2,
	.end_ms = 600000,
	.workloads = MAPS("ptr", 32, 2, 20000),
	.faults = FAULT("gcnow", "gc/write", "force", "\"every\":100", "", 500000, 550000)};

static void start_long_in(struct run *r, const char *dir)
{
	run_start_in(r, false, 0, dir);
	run_say(r, plan_line(&long_plan));
	run_until(r, &r->ready);
	run_say(r, "{\"cmd\":\"start\"}\n");
	run_until(r, &r->started);
}

static void start_long(struct run *r)
{
	start_long_in(r, NULL);
}

static void wait_fired(struct run *r, uint64_t more_than)
{
	double limit = now_s() + 20;

	while (atomic_load(&r->t->fault[0].fired) <= more_than && now_s() < limit)
		run_for(r, 0.005);
	assert_true(atomic_load(&r->t->fault[0].fired) > more_than);
	run_drain(r); /* what was told before it fired */
}

/* The fault is disarmed, and visits that began before that are over: how often it has fired. */
static uint64_t wait_still(struct run *r)
{
	double limit = now_s() + 20;
	uint64_t fired, before;

	do {
		before = atomic_load(&r->t->fault[0].fired);
		run_for(r, 0.05);
		fired = atomic_load(&r->t->fault[0].fired);
	} while (fired != before && now_s() < limit);
	assert_int_equal(fired, before);
	return fired;
}

static void test_operator_and_quit(void **state)
{
	static struct run r;

	(void)state;
	start_long(&r);
	run_say(&r, "{\"cmd\":\"fire\",\"fault\":0}\n");
	wait_fired(&r, 0);
	run_for(&r, 0.05);
	assert_int_equal(r.t->fault[0].fired, 1);
	assert_int_equal(r.armed[0], 0);
	run_say(&r, "{\"cmd\":\"arm\",\"fault\":0}\nnonsense\n{\"cmd\":\"arm\",\"fault\":7}\n");
	wait_fired(&r, 3);
	assert_int_equal(r.armed[0], 1);
	run_say(&r, "{\"cmd\":\"disarm\",\"fault\":0}\n");
	while (atomic_load(&r.t->fault[0].armed) != 0)
		run_for(&r, 0.005);
	wait_still(&r);
	run_say(&r, "{\"cmd\":\"quit\"}\n");
	run_finish(&r);
	check_clean_end(&r);
	assert_int_equal(r.disarmed[0], 1);
	run_release(&r);
}

#define EDIT(fault, every, times)                                                                  \
	"{\"cmd\":\"edit\",\"fault\":" #fault ",\"errno\":0,\"p_ppb\":0,\"nth\":0,\"every\":" #every    \
	",\"after\":0,\"burst\":0,\"times\":" #times                                               \
	",\"delay_ns\":0,\"jitter_ns\":0,\"delay_max_ns\":0,"                                      \
	"\"by_milli\":0,\"size_min\":0,\"size_max\":0}\n"

/* Nothing but refusals has come, so many. */
static void wait_refused(struct run *r, size_t many)
{
	static const char one[] = "own refused -1;";
	double limit = now_s() + 20;

	while (strlen(r->acts) < many * strlen(one) && now_s() < limit)
		run_for(r, 0.005);
	assert_int_equal(strlen(r->acts), many * strlen(one));
	for (size_t i = 0; i < many; i++)
		assert_memory_equal(r->acts + i * strlen(one), one, strlen(one));
}

/* While it runs. */
static uint64_t ops_now(const struct run *r)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < WATCH_HISTS; i++)
		n += atomic_load(&r->t->ops[i].ops);
	return n;
}

/* Until operations in a fifth of a second lie within; a busy machine takes its time. */
static void wait_ops(struct run *r, uint64_t least, uint64_t most)
{
	double limit = now_s() + 60;
	uint64_t n = UINT64_MAX;

	while ((n < least || n > most) && now_s() < limit) {
		uint64_t before = ops_now(r);

		run_for(r, 0.2);
		n = ops_now(r) - before;
	}
	assert_in_range(n, least, most);
}

static void test_numbers_and_rates(void **state)
{
	static struct run r;

	(void)state;
	start_long(&r);
	run_say(&r, EDIT(0, 1, 3) "{\"cmd\":\"arm\",\"fault\":0}\n");
	wait_fired(&r, 2);
	run_for(&r, 0.1);
	assert_int_equal(r.t->fault[0].fired, 3); /* all of `times`, and no more */
	run_say(&r, EDIT(0, 1, 0));
	wait_fired(&r, 10);
	run_say(&r, "{\"cmd\":\"disarm\",\"fault\":0}\n{\"cmd\":\"rate\",\"workload\":0,\"rate\":50}\n");
	wait_ops(&r, 1, 20); /* when what the collections have left behind is worked off */
	run_say(&r, "{\"cmd\":\"rate\",\"workload\":0,\"rate\":5000}\n");
	wait_ops(&r, 500, 1500);
	assert_string_equal(r.acts, "");
	run_say(&r, EDIT(7, 1, 0) EDIT(0, -1, 0) "{\"cmd\":\"edit\",\"fault\":0,\"every\":7}\n"
		    "{\"cmd\":\"edit\"}\n{\"cmd\":\"rate\",\"workload\":1,\"rate\":7}\n"
		    "{\"cmd\":\"rate\",\"workload\":0,\"rate\":0}\n{\"cmd\":\"rate\",\"workload\":0}\n");
	wait_refused(&r, 7);
	run_say(&r, "{\"cmd\":\"quit\"}\n");
	run_finish(&r);
	check_clean_end(&r);
	run_release(&r);
}

/* How long the target lives on. */
static double harness_dies(void)
{
	static struct run r;
	double from, lived;
	int status = 0;

	start_long(&r);
	run_say(&r, "{\"cmd\":\"arm\",\"fault\":0}\n");
	wait_fired(&r, 0);
	from = now_s();
	close(r.control_fd);
	assert_int_equal(waitpid(r.target, &status, 0), r.target);
	lived = now_s() - from;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(r.t->fault[0].armed, 0);
	close(r.load_fd);
	close(r.memory_fd);
	run_release(&r);
	return lived;
}

/* A machine that stood still meanwhile is asked again. */
static void lives_less_than(double bound_s, double (*lived_s)(void))
{
	double lived = bound_s;

	for (int i = 0; i < TRIES && lived >= bound_s; i++)
		lived = lived_s();
	assert_true(lived < bound_s);
}

static void test_harness_dies(void **state)
{
	(void)state;
	lives_less_than(SLOW_BUILD ? 5 : 1.2, harness_dies);
}

/* ---------------------------------------------------------------- the lease */

static void wait_end(struct run *r, int status)
{
	double limit = now_s() + RUN_SECONDS_MAX;
	int got = 0;
	pid_t pid;

	while ((pid = waitpid(r->target, &got, WNOHANG)) == 0) {
		run_step(r, 2);
		assert_true(now_s() < limit);
	}
	assert_int_equal(pid, r->target);
	run_drain(r);
	assert_true(WIFEXITED(got));
	assert_int_equal(WEXITSTATUS(got), status);
}

/* Longer than any lease, by its own time and by ours. */
static void beat_on(struct run *r)
{
	for (int i = 0; i < 20; i++) {
		atomic_fetch_add(&r->t->beat, 1);
		run_for(r, 0.1);
	}
}

/* How long the target lives on without a beat. */
static double lease_runs_out(void)
{
	static struct run r;
	double from, lived;

	start_long(&r);
	run_for(&r, 1.5); /* longer than any lease: there is none */
	assert_int_equal(waitpid(r.target, NULL, WNOHANG), 0);
	run_say(&r, "{\"cmd\":\"arm\",\"fault\":0}\n");
	wait_fired(&r, 0);
	beat_on(&r);
	assert_int_equal(waitpid(r.target, NULL, WNOHANG), 0);
	assert_int_equal(r.t->fault[0].armed, 1);
	from = now_s();
	wait_end(&r, 3);
	lived = now_s() - from;
	assert_true(lived > 1); /* its own time, but never less than real time */
	assert_int_equal(r.t->fault[0].armed, 0);
	assert_int_equal(r.disarmed[0], 1);
	assert_false(r.done);
	close(r.control_fd);
	close(r.load_fd);
	close(r.memory_fd);
	run_release(&r);
	return lived;
}

/* A harness that keeps its socket and stands still: the target disarms and ends by itself; not
 * while the beat moves, and not if it never began. Two seconds, and a busy machine. */
static void test_lease(void **state)
{
	(void)state;
	lives_less_than(SLOW_BUILD ? 20 : 4, lease_runs_out);
}

/* The load process keeps the same lease: here before the target lets it go. */
static void test_load_lease(void **state)
{
	struct plan_text p = {.seed = test_seed,
			      .procs = 2,
			      .end_ms = 60000,
			      .workloads = ALL_WORK,
			      .faults = ""};
	static struct run r;
	int status = 0;

	(void)state;
	run_start(&r, false, 12);
	run_say(&r, plan_line(&p));
	run_until(&r, &r.ready);
	while (atomic_load(&r.t->load_ready) == 0)
		run_for(&r, 0.002);
	atomic_fetch_add(&r.t->beat, 1);
	assert_int_equal(waitpid(r.load, &status, 0), r.load);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	wait_end(&r, 3);
	close(r.control_fd);
	close(r.load_fd);
	run_release(&r);
}

/* ----------------------------------------------------------------- fiu-ctrl */

static int fifo_open(const struct run *r, const char *end, int flags)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/fiu-%d.%s", r->dir, (int)r->target, end);
	fd = open(path, flags | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

/* As fiu-ctrl does: write a line, read the reply to the end of the stream. */
static int fifo_command(struct run *r, const char *command)
{
	int in = fifo_open(r, "in", O_WRONLY), out, n;
	char reply[32] = "", line[8192];
	size_t used = 0;

	n = snprintf(line, sizeof(line), "%s\n", command);
	assert_int_equal(write(in, line, (size_t)n), n);
	close(in);
	out = fifo_open(r, "out", O_RDONLY);
	while (used < sizeof(reply) - 1 &&
	       (n = (int)read(out, reply + used, sizeof(reply) - 1 - used)) > 0)
		used += (size_t)n;
	close(out);
	assert_true(used > 0 && reply[used - 1] == '\n');
	run_for(r, 0.02); /* what it says on the socket it said before */
	return atoi(reply);
}

static void fifo_remove(struct run *r)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -r %s", r->dir);
	assert_int_equal(system(command), 0);
}

static void test_fiu_ctrl(void **state)
{
	char dir[] = "/tmp/test_workload_target.XXXXXX", big[6000];
	static struct run r;
	uint64_t fired;

	(void)state;
	assert_non_null(mkdtemp(dir));
	start_long_in(&r, dir);
	assert_int_equal(fifo_command(&r, "enable name=gc/write,onetime"), 0);
	wait_fired(&r, 0);
	assert_int_equal(fifo_command(&r, "enable name=gc/*"), 0);
	assert_int_equal(r.t->fault[0].armed, 1);
	wait_fired(&r, 3);
	assert_int_equal(fifo_command(&r, "enable_random name=gc/write,probability=0.5"), 0);
	assert_int_equal(r.t->fault[0].armed, 1);
	assert_int_equal(fifo_command(&r, "disable name=gc/write"), 0);
	assert_int_equal(r.t->fault[0].armed, 0);
	fired = wait_still(&r);
	assert_int_equal(fifo_command(&r, "disable name=*"),
			 0); /* it is already: nothing to tell */
	assert_string_equal(r.acts, "fire 0;arm 0;arm 0;disarm 0;");
	r.acts[0] = '\0';
	assert_int_equal(fifo_command(&r, "enable name=mem/malloc"), -1);
	assert_int_equal(fifo_command(&r, "enable_stack_by_name name=gc/write,func_name=main"), -1);
	assert_int_equal(fifo_command(&r, "nonsense \xff\x01"), -1);
	assert_string_equal(r.acts, "refused -1;refused -1;refused -1;");
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	assert_int_equal(fifo_command(&r, big), -1);
	assert_int_equal(fifo_command(&r, "disable name=gc/write"), 0); /* and it goes on */
	assert_int_equal(r.t->fault[0].fired, fired);
	assert_int_equal(r.armed[0], 1);
	assert_int_equal(r.disarmed[0], 1);
	run_say(&r, "{\"cmd\":\"quit\"}\n");
	run_finish(&r);
	check_clean_end(&r);
	run_release(&r);
	fifo_remove(&r);
}

/* A reader that goes before its reply, replies that nobody comes for, FIFOs that cannot be made:
 * the run goes on. */
static void test_fiu_ctrl_rude(void **state)
{
	char dir[] = "/tmp/test_workload_target.XXXXXX";
	static struct run r;

	(void)state;
	assert_non_null(mkdtemp(dir));
	start_long_in(&r, dir);
	for (int i = 0; i < 40; i++) {
		int in = fifo_open(&r, "in", O_WRONLY),
		    out = fifo_open(&r, "out", O_RDONLY | O_NONBLOCK);

		assert_int_equal(write(in, "disable name=gc/write\n", 22), 22);
		close(out);
		close(in);
		run_for(&r, 0.001);
	}
	assert_int_equal(waitpid(r.target, NULL, WNOHANG), 0);
	run_say(&r, "{\"cmd\":\"quit\"}\n");
	run_finish(&r);
	check_clean_end(&r);
	run_release(&r);
	fifo_remove(&r);

	start_long_in(&r, "/proc/nowhere");
	run_say(&r, "{\"cmd\":\"quit\"}\n");
	run_finish(&r);
	check_clean_end(&r);
	run_release(&r);
}

static void test_refused(void **state)
{
	static const char *const work[][2] = {
		{"{\"id\":\"x\",\"driver\":\"map-chrun\",\"workers\":1,\"keys\":1}", "map-chrun"},
		{"{\"id\":\"x\",\"driver\":\"map-churn\",\"workers\":1,\"keys\":0}", "keys"},
		{"{\"id\":\"x\",\"driver\":\"map-churn\",\"workers\":1,\"keys\":9,\"value\":"
		 "\"inline\","
		 "\"value_bytes\":136}",
		 "inline"},
		{"{\"id\":\"x\",\"driver\":\"echo\",\"workers\":1}", "echo"},
	};
	static struct run r;

	(void)state;
	for (size_t i = 0; i < sizeof(work) / sizeof(work[0]); i++) {
		struct plan_text p = {
			.procs = 1, .end_ms = 1000, .workloads = work[i][0], .faults = ""};

		run_start(&r, i % 2 != 0, 0);
		run_say(&r, plan_line(&p));
		run_finish(&r);
		assert_true(r.error);
		assert_non_null(strstr(r.error_text, work[i][1]));
		assert_true(WIFEXITED(r.status));
		assert_int_equal(WEXITSTATUS(r.status), 2);
		run_release(&r);
	}
}

int main(void)
{
	const char *seed = getenv("GCS_TEST_SEED");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_real_with_faults),
		cmocka_unit_test(test_real_stress),
		cmocka_unit_test(test_sim_repeats),
		cmocka_unit_test(test_operator_and_quit),
		cmocka_unit_test(test_numbers_and_rates),
		cmocka_unit_test(test_harness_dies),
		cmocka_unit_test(test_lease),
		cmocka_unit_test(test_load_lease),
		cmocka_unit_test(test_fiu_ctrl),
		cmocka_unit_test(test_fiu_ctrl_rude),
	};

	if (seed != NULL)
		test_seed = (unsigned)strtoul(seed, NULL, 0);
	printf("# seed %u (GCS_TEST_SEED)\n", test_seed);
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
