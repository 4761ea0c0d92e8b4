/*
 * test_guard.c: the parts of gcstorm-guard and of its clients: a filter in place of a program that speaks for itself, cycles out of gctrace lines, a
 * stderr that is a flood, what a program died of, when it is back, replies of HTTP in every cut.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "faults/listener.h"
#include "harness/base/throw.h"
#include "harness/guard/launch.h"
#include "harness/guard/tee.h"
#include "harness/guard/throttle.h"
#include "harness/guard/trace.h"
#include "harness/measure/comeback.h"
#include "runtime/gc/gc.h"
#include "workloads/load_http.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MS INT64_C(1000000)

/* ---- launching */

struct listened {
	int listener;
	pid_t pid;
};

static int listened(void *self, int listener, pid_t pid)
{
	*(struct listened *)self = (struct listened){listener, pid};
	return 0;
}

static char shell[] = "/bin/sh", dash_c[] = "-c", script[] = "echo out; echo err >&2; exit 7";
static char *const echo_argv[] = {shell, dash_c, script, NULL};

/* The system does not let anyone ask: as the other tests of filters, nothing to be done. */
static bool refused(int e)
{
	return e == -EPERM || e == -ENOSYS || e == -EBUSY || e == -EINVAL;
}

static void test_launch(void **state)
{
	const enum gcs_point points[] = {GCS_POINT_os_nanosleep};
	struct listened got = {.listener = -1};
	int pipe_fd[2], status;
	char text[64];
	pid_t pid;
	(void)state;
	for (size_t n = 0; n < 2; n++) {
		assert_int_equal(pipe2(pipe_fd, O_CLOEXEC), 0);
		int e = guard_launch(&(struct guard_launch){.path = echo_argv[0],
							    .argv = echo_argv,
							    .point = points,
							    .npoints = n,
							    .out_fd = pipe_fd[1],
							    .err_fd = pipe_fd[1],
							    .listen = listened,
							    .self = &got},
				     &pid);
		close(pipe_fd[1]);
		if (n && refused(e))
			return;
		assert_int_equal(e, 0);
		assert_int_equal(got.listener >= 0, n > 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(WEXITSTATUS(status), 7);
		ssize_t bytes = read(pipe_fd[0], text, sizeof text);
		assert_int_equal(bytes, 8);
		assert_memory_equal(text, "out\nerr\n", 8);
		close(pipe_fd[0]);
	}
	assert_int_equal(got.pid, pid);
	close(got.listener);
}

static void test_launch_nothing(void **state)
{
	char path[] = "/nonexistent/program", *const argv[] = {path, NULL};
	const enum gcs_point points[] = {GCS_POINT_os_nanosleep};
	struct listened got = {.listener = -1};
	pid_t pid = 0;
	(void)state;
	for (size_t n = 0; n < 2; n++) {
		int e = guard_launch(&(struct guard_launch){.path = argv[0],
							    .argv = argv,
							    .point = points,
							    .npoints = n,
							    .out_fd = 2,
							    .err_fd = 2,
							    .listen = listened,
							    .self = &got},
				     &pid);
		assert_true(e == -ENOENT || (n && refused(e)));
		assert_int_equal(pid, 0);
	}
	if (got.listener >= 0)
		close(got.listener);
}

/* Answer what is asked, until the listener's last caller is gone; how often it was asked. */
static int answer_all(int listener)
{
	struct seccomp_notif call;
	struct seccomp_notif_resp answer;
	struct pollfd pfd = {.fd = listener, .events = POLLIN};
	int asked = 0;
	while (poll(&pfd, 1, 10000) > 0 && (pfd.revents & POLLIN)) {
		memset(&call, 0, sizeof call);
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call))
			continue;
		assert_true(call.data.nr == SYS_clock_nanosleep || call.data.nr == SYS_nanosleep);
		asked++;
		answer = (struct seccomp_notif_resp){.id = call.id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
		ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
	}
	return asked;
}

/* What a program that speaks the protocol itself is started by: the line comes before anything is asked about, then it runs on. */
static void test_in_place(void **state)
{
	const enum gcs_point points[] = {GCS_POINT_os_nanosleep, GCS_POINT_gc_write};
	char path[] = "/bin/sleep", time[] = "0.01", *const argv[] = {path, time, NULL};
	char text[64] = "";
	int pair[2], status;
	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	pid_t pid = fork();
	if (pid == 0) {
		int control = fcntl(pair[1], F_DUPFD, 10);
		dup2(control, 3);
		_exit(refused(guard_become(argv[0], argv, points, 2)) ? 99 : 98);
	}
	close(pair[1]);
	struct pollfd pfd = {.fd = pair[0], .events = POLLIN};
	assert_true(poll(&pfd, 1, 10000) > 0);
	int listener = gcs_listener_receive(pair[0]);
	if (listener >= 0) {
		assert_true(recv(pair[0], text, sizeof text - 1, 0) > 0);
		assert_string_equal(text, "{\"ev\":\"listener\"}\n");
		assert_true(answer_all(listener) >= 1);
		close(listener);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), listener >= 0 ? 0 : 99);
	close(pair[0]);
}

/* ---- gctrace */

static size_t drained(struct mrt_telemetry *t, struct watch_record rec[64])
{
	return watch_drain(t, rec, 64);
}

static const struct watch_record *of_kind(const struct watch_record *rec, size_t n, uint16_t kind,
					  uint64_t a)
{
	for (size_t i = 0; i < n; i++)
		if (rec[i].kind == kind && rec[i].a == a)
			return &rec[i];
	fail_msg("no record of kind %u", kind);
	return NULL;
}

static const char trace_line[] =
	"gc 3 @9.000s 5%: 0.50+20+0.25 ms clock, 1.0+2.0/4.0/8.0+0.50 ms cpu, 10->12->6 MB, "
	"11 MB goal, 1 MB stacks, 0 MB globals, 4 P (forced)";

static void test_trace(void **state)
{
	struct mrt_telemetry *t = calloc(1, sizeof *t);
	struct watch_record rec[64];
	struct guard_trace trace;
	(void)state;
	watch_layout_init(t, 2);
	guard_trace_init(&trace, t);
	guard_trace_begin(&trace, 1000 * MS);
	guard_trace_line(&trace, "gc notes of a program, not a cycle", 1500 * MS);
	guard_trace_line(&trace, trace_line, 2000 * MS);
	size_t n = drained(t, rec);
	assert_int_equal(n, 6);
	const struct watch_record *start = of_kind(rec, n, WATCH_GC_START, 3),
				  *first = of_kind(rec, n, WATCH_STW, SCHED_STW_GC_START),
				  *last = of_kind(rec, n, WATCH_STW, SCHED_STW_GC_END),
				  *heap = of_kind(rec, n, WATCH_GC_H, 3);
	assert_int_equal(start->t_ns, 2000 * MS - 20 * MS - 750000);
	assert_int_equal(start->b, GC_TRIGGER_FORCED);
	assert_int_equal(start->c, 10 << 20);
	assert_int_equal(start->d, 11 << 20);
	assert_int_equal(first->t_ns, 2000 * MS - 20 * MS - 250000); /* its end */
	assert_true(first->b == WATCH_UNKNOWN && last->b == WATCH_UNKNOWN);
	assert_int_equal(first->c, 500000);
	assert_int_equal(last->c, 250000);
	assert_int_equal(last->t_ns, 2000 * MS);
	assert_int_equal(heap->c, 12 << 20);
	assert_int_equal(heap->d, 6 << 20);
	assert_int_equal(atomic_load(&t->gauges.heap_live), 6 << 20);
	assert_int_equal(atomic_load(&t->gauges.gc_cpu_ns), 7500000); /* without the idle 8.0 */
	assert_int_equal(atomic_load(&t->gauges.cpu_ns_available), 4000 * MS);
	/* A program in its place counts from 1 again: the numbers go on. */
	guard_trace_begin(&trace, 3000 * MS);
	guard_trace_line(&trace, trace_line, 4000 * MS);
	n = drained(t, rec);
	assert_int_equal(of_kind(rec, n, WATCH_GC_START, 6)->c, 10 << 20);
	assert_int_equal(atomic_load(&t->gauges.cpu_ns_available), 12000 * MS);
	free(t);
}

/* ---- stderr */

struct heard {
	size_t lines, longest;
	char last[TEE_LINE_BYTES];
};

static void hear(void *self, const char *line)
{
	struct heard *h = self;
	h->lines++;
	h->longest = strlen(line) > h->longest ? strlen(line) : h->longest;
	snprintf(h->last, sizeof h->last, "%s", line);
}

/* A harness that takes nothing holds nobody up, and the file has every byte. */
/* SCHED lines of several Go versions, and with detail: what each tells, and what it does not. */
static void test_sched(void **state)
{
	struct mrt_telemetry *t = calloc(1, sizeof *t);
	struct watch_sched *s = &t->sched;
	struct guard_trace trace;
	(void)state;
	watch_layout_init(t, 4);
	guard_trace_init(&trace, t);
	guard_trace_line(&trace, "scheduling of SCHED lines", 1 * MS);
	guard_trace_line(&trace, "SCHED 7ms: gomaxprocs=4 idleprocs=0 thr", 2 * MS); /* cut */
	assert_int_equal(s->at_ns, 0);
	/* 1.19 */
	guard_trace_line(&trace, "SCHED 1009ms: gomaxprocs=4 idleprocs=1 threads=6 spinningthreads=2 idlethreads=3 runqueue=5 [4 14 0 7]", 10 * MS);
	assert_int_equal(s->at_ns, 10 * MS);
	assert_int_equal(s->ps_known, 4);
	assert_int_equal(s->global_runq, 5);
	assert_int_equal(s->idle_ps, 1);
	assert_int_equal(s->threads, 6);
	assert_int_equal(s->spinning, 2);
	assert_int_equal(s->idle_threads, 3);
	assert_true(s->timers == WATCH_UNKNOWN && s->poll_waiters == WATCH_UNKNOWN && s->goroutines == WATCH_UNKNOWN);
	assert_int_equal(s->p[1].runq, 14);
	assert_int_equal(s->p[3].runq, 7);
	assert_int_equal(s->p[3].status, WATCH_P_UNKNOWN);
	assert_int_equal(s->p[3].sched_ticks, 0);
	/* 1.26, behind a cycle on the same line */
	guard_trace_line(&trace,
			 "gc 1 @0.011s 1%: 0.036+0.27+0.011 ms clock, 0.14+0.18/0.19/0.19+0.047 ms cpu, 4->4->0 MB, 5 MB goal, 0 MB stacks, 0 MB globals, 4 P"
			 "SCHED 2000ms: gomaxprocs=2 idleprocs=0 threads=5 spinningthreads=0 needspinning=1 idlethreads=1 runqueue=0 [ 3 0 ] schedticks=[ 70 9 ]",
			 20 * MS);
	assert_int_equal(trace.cycles, 1);
	assert_int_equal(s->at_ns, 20 * MS);
	assert_int_equal(s->ps_known, 2);
	assert_int_equal(s->p[0].runq, 3);
	assert_int_equal(s->p[0].sched_ticks, 70);
	assert_int_equal(s->p[1].sched_ticks, 9);
	/* with detail: the Ps come in lines of their own; Ms and Gs are passed over */
	guard_trace_line(&trace,
			 "SCHED 3000ms: gomaxprocs=2 idleprocs=0 threads=5 spinningthreads=0 needspinning=0 idlethreads=1 runqueue=8 gcwaiting=false "
			 "nmidlelocked=0 stopwait=0 sysmonwait=false",
			 30 * MS);
	assert_int_equal(s->global_runq, 8);
	assert_int_equal(s->p[0].runq, 3);
	guard_trace_line(&trace, "  P0: status=1 schedtick=77 syscalltick=12 m=0 runqsize=6 gfreecnt=0 timerslen=2", 31 * MS);
	guard_trace_line(&trace, "  P1: status=2 schedtick=5 syscalltick=2 m=nil runqsize=1 gfreecnt=0 timerslen=3", 32 * MS);
	guard_trace_line(&trace, "  M0: p=0 curg=1 mallocing=0 throwing=0 preemptoff= locks=0 dying=0 spinning=false blocked=false lockedg=nil", 33 * MS);
	guard_trace_line(&trace, "  P2: status=0 schedtick=5 syscalltick=2 m=nil runqsize=9 gfreecnt=0 timerslen=3", 34 * MS); /* of no P that there is */
	assert_int_equal(s->p[0].status, WATCH_P_RUNNING);
	assert_int_equal(s->p[0].runq, 6);
	assert_int_equal(s->p[0].sched_ticks, 77);
	assert_int_equal(s->p[0].syscall_ticks, 12);
	assert_int_equal(s->p[1].status, WATCH_P_SYSCALL);
	assert_int_equal(s->p[2].runq, 0);
	assert_int_equal(s->timers, 5);
	assert_int_equal(s->ps_known, 2);
	/* behind the run nothing counts */
	trace.to_ns = 40 * MS;
	guard_trace_line(&trace, "SCHED 4000ms: gomaxprocs=2 idleprocs=2 threads=5 spinningthreads=0 idlethreads=1 runqueue=0 [0 0]", 41 * MS);
	assert_int_equal(s->idle_ps, 0);
	assert_int_equal(s->at_ns, 34 * MS);
	free(t);
}

static void test_tee(void **state)
{
	static char flood[3 * TEE_LINE_BYTES];
	char path[] = "/tmp/test_guard.XXXXXX", back[sizeof flood];
	struct heard h = {0};
	int from[2], to[2], sum = 0;
	(void)state;
	memset(flood, 'x', sizeof flood);
	flood[10] = '\n';
	flood[20] = '\0';
	flood[sizeof flood - 4] = '\n';
	assert_int_equal(pipe2(from, O_CLOEXEC | O_NONBLOCK) | pipe2(to, O_CLOEXEC | O_NONBLOCK), 0);
	struct guard_tee t = {.from = from[0], .file = mkstemp(path), .to = to[1], .line = hear, .self = &h};
	for (int i = 0; i < 20; i++, sum++) { /* more than a pipe holds */
		assert_int_equal(write(from[1], flood, sizeof flood), sizeof flood);
		assert_true(guard_tee_read(&t));
	}
	close(from[1]);
	assert_false(guard_tee_read(&t));
	assert_true(t.dropped > 0);
	assert_string_equal(h.last, "xxx");
	assert_true(h.longest < TEE_LINE_BYTES && h.lines > 3 * 20);
	assert_int_equal(t.failed, 0);
	assert_int_equal(lseek(t.file, 0, SEEK_END), sum * (off_t)sizeof flood);
	assert_int_equal(pread(t.file, back, sizeof back, 5 * (off_t)sizeof flood), sizeof back);
	assert_memory_equal(back, flood, sizeof back);
	guard_tee_fini(&t);
	close(to[0]);
	close(to[1]);
	unlink(path);
}

/* ---- deaths, and coming back */

static void test_deaths(void **state)
{
	static const struct {
		const char *line;
		enum gcs_death death;
	} cases[] = {
		{"fatal error: out of memory", GCS_DEATH_MEMORY},
		{"fatal error: runtime: out of memory", GCS_DEATH_MEMORY},
		{"fatal error: out of memory allocating allArenas", GCS_DEATH_MEMORY},
		{"fatal error: failed to reserve page summary memory", GCS_DEATH_MEMORY},
		{"fatal error: pageAlloc: out of memory", GCS_DEATH_MEMORY},
		{"runtime: mmap: access denied", GCS_DEATH_MEMORY},
		{"fatal error: newosproc", GCS_DEATH_THREAD},
		{"runtime/cgo: pthread_create failed: Resource temporarily unavailable", GCS_DEATH_THREAD},
		{"fatal error: stack overflow", GCS_DEATH_STACK},
		{"fatal error: concurrent map writes", GCS_DEATH_FATAL},
		{"panic: runtime error: index out of range", GCS_DEATH_PANIC},
		{"goroutine 1 [running]:", GCS_DEATH_OTHER},
		{NULL, GCS_DEATH_OTHER},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(gcs_death_of(cases[i].line), cases[i].death);
		assert_int_equal(gcs_death_words(cases[i].death) == NULL,
				 cases[i].death == GCS_DEATH_OTHER);
	}
}

static void test_comeback(void **state)
{
	struct gcs_comeback c = {0};
	(void)state;
	assert_false(gcs_comeback_interval(&c, 0, 100, true, 1)); /* nothing has happened */
	gcs_comeback_died(&c, 250);
	assert_false(gcs_comeback_interval(&c, 200, 300, true, 2)); /* it does not run */
	gcs_comeback_restarted(&c, 310);
	assert_false(gcs_comeback_interval(&c, 300, 400, true, 2)); /* not all of it is after */
	assert_false(gcs_comeback_interval(&c, 400, 500, true, 2));
	assert_false(gcs_comeback_interval(&c, 500, 600, false, 2));
	assert_false(gcs_comeback_interval(&c, 600, 700, true, 2));
	gcs_comeback_died(&c, 750); /* again: the time runs from the first */
	gcs_comeback_restarted(&c, 760);
	assert_false(gcs_comeback_interval(&c, 700, 800, false, 2));
	assert_false(gcs_comeback_interval(&c, 800, 900, true, 2));
	assert_true(gcs_comeback_interval(&c, 900, 1000, true, 2));
	assert_int_equal(c.last_ns, 760 - 250);
	assert_false(gcs_comeback_interval(&c, 1000, 1100, true, 2));
}

static void test_throttle(void **state)
{
	struct guard_throttle t = {1, 1};
	(void)state;
	guard_throttle_parse("usage_usec 9\nnr_periods 7\nnr_throttled 3\nthrottled_usec 4500\n", &t);
	assert_int_equal(t.times, 3);
	assert_int_equal(t.us, 4500);
	guard_throttle_parse("nr_periods 7\nnr_throttled 2\nthrottled_time 8000000", &t);
	assert_int_equal(t.times, 2);
	assert_int_equal(t.us, 8000);
	guard_throttle_parse("", &t);
	assert_int_equal(t.times + t.us, 0);
}

/* ---- HTTP */

static const struct {
	const char *reply;
	enum http_progress progress;
	int status;
	enum http_state after;
	const char *content;
} replies[] = {
	{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", HTTP_REPLIED, 200, HTTP_IDLE, "hello"},
	{"HTTP/1.1 503 Busy\nconnection: close\ncontent-length:2\n\nno", HTTP_REPLIED, 503, HTTP_CLOSED, "no"},
	{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA;x=y\r\n0123456789\r\n0\r\nT: v\r\n\r\n",
	 HTTP_REPLIED, 200, HTTP_IDLE, "hello0123456789"},
	{"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 None\r\n\r\n", HTTP_REPLIED, 204, HTTP_IDLE, ""},
	{"HTTP/1.0 200 OK\r\n\r\nto the end", HTTP_REPLIED, 200, HTTP_CLOSED, "to the end"},
	{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", HTTP_LOST, 200, HTTP_CLOSED, "hell"},
	{"SSH-2.0-OpenSSH\r\n", HTTP_LOST, 0, HTTP_CLOSED, ""},
	{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", HTTP_LOST, 200, HTTP_CLOSED, ""},
};

struct content {
	char text[64];
	size_t n, most; /* more than this is refused */
};

static bool content_more(void *self, const char *bytes, size_t n)
{
	struct content *c = self;
	if (c->n + n > c->most)
		return false;
	memcpy(c->text + c->n, bytes, n);
	c->n += n;
	return true;
}

/* In pieces of so many bytes. ret: what it holds; NULL: nobody wants it. */
static enum http_progress http_talk(const char *reply, size_t piece, struct http_client *c, struct content *ret)
{
	static const struct http_server server = {.request = "GET / HTTP/1.1\r\n\r\n", .request_bytes = 18};
	enum http_progress p = HTTP_WAITS;
	char request[64];
	int pair[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
	http_client_init(c);
	c->body = ret ? content_more : NULL;
	c->self = ret;
	c->fd = pair[0];
	c->state = HTTP_IDLE;
	assert_int_equal(http_client_send(c, &server), 0);
	assert_int_equal(read(pair[1], request, sizeof request), 18);
	for (size_t i = 0; i < strlen(reply) && p == HTTP_WAITS; i += piece) {
		size_t n = strlen(reply) - i < piece ? strlen(reply) - i : piece;
		assert_int_equal(send(pair[1], reply + i, n, MSG_NOSIGNAL), n);
		p = http_client_ready(c);
	}
	close(pair[1]);
	return p == HTTP_WAITS ? http_client_ready(c) : p;
}

static void test_http(void **state)
{
	struct http_client c;
	(void)state;
	for (size_t i = 0; i < sizeof replies / sizeof replies[0]; i++)
		for (size_t piece = 1; piece < 100; piece += 7) {
			struct content got = {.most = sizeof got.text};
			assert_int_equal(http_talk(replies[i].reply, piece, &c, piece % 2 ? &got : NULL), replies[i].progress);
			assert_int_equal(got.n, piece % 2 ? strlen(replies[i].content) : 0);
			assert_memory_equal(got.text, replies[i].content, got.n);
			if (replies[i].progress == HTTP_REPLIED)
				assert_int_equal(c.status, replies[i].status);
			assert_int_equal(c.state, replies[i].after);
			http_client_close(&c);
		}
}

/* Who wants no more of it loses the connection, and has what came before. */
static void test_http_refused(void **state)
{
	struct http_client c;
	struct content got = {.most = 5};
	(void)state;
	assert_int_equal(http_talk(replies[2].reply, 1, &c, &got), HTTP_LOST);
	assert_int_equal(c.state, HTTP_CLOSED);
	assert_int_equal(got.n, 5);
}

static void test_http_server(void **state)
{
	struct http_server s;
	(void)state;
	assert_int_equal(http_server_find(&s, "http://127.0.0.1:8080/a?b"), 0);
	assert_memory_equal(s.request, "GET /a?b HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n", 41);
	assert_int_equal(http_server_find(&s, "http://127.0.0.1"), 0);
	assert_int_equal(http_server_find(&s, "http://[::1]:80/"), 0);
	assert_int_equal(http_server_find(&s, "https://127.0.0.1/"), -EINVAL);
	assert_int_equal(http_server_find(&s, "http:///"), -EINVAL);
	assert_int_equal(http_server_find(&s, "http://127.0.0.1:/"), -EINVAL);
	assert_int_equal(http_server_find(&s, "http://a b/"), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_launch),	   cmocka_unit_test(test_launch_nothing),
		cmocka_unit_test(test_in_place),   cmocka_unit_test(test_trace),
		cmocka_unit_test(test_sched),
		cmocka_unit_test(test_tee),	   cmocka_unit_test(test_deaths),
		cmocka_unit_test(test_comeback),   cmocka_unit_test(test_http),
		cmocka_unit_test(test_http_refused), cmocka_unit_test(test_http_server),
		cmocka_unit_test(test_throttle),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
