/*
 * test_guard_debug.c: asking a program for what it serves about itself, against a server that answers by a script, well and badly, on a Unix socket. Time
 * is what the test says: nothing sleeps.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "harness/guard/debug.h"
#include "runtime/watch/telemetry.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MS    INT64_C(1000000)
#define S     (1000 * MS)
#define WALL  INT64_C(1700000000000000000)
#define TURNS 20000 /* of poll: a bound, not a wait */

/* ---- the server */

/* What it does with one request. repeat: the body so many times. */
struct answer {
	const char *head, *body;
	size_t repeat;
	bool hangs; /* says nothing more, and keeps the connection */
};

struct fixture {
	char dir[64], socket[96], url[128], prefix[96];
	int listener, conn;
	bool answered;
	char request[1024];
	size_t nrequest, requests, sent;
	struct answer answer, profile; /* to /debug/vars; to anything else */
	struct mrt_telemetry *telemetry;
	struct guard_trace trace;
	struct guard_debug d;
	int64_t now_ns;
	char said[16][512];
	int level[16];
	size_t nsaid;
};

static void on_say(void *self, int level, const char *text)
{
	struct fixture *f = self;
	assert_true(f->nsaid < 16);
	f->level[f->nsaid] = level;
	snprintf(f->said[f->nsaid++], sizeof f->said[0], "%s", text);
}

static size_t said(const struct fixture *f, const char *words)
{
	size_t n = 0;
	for (size_t i = 0; i < f->nsaid; i++)
		n += strstr(f->said[i], words) != NULL;
	return n;
}

static void serve_at(struct fixture *f)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	snprintf(at.sun_path, sizeof at.sun_path, "%s", f->socket);
	f->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(f->listener, (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(listen(f->listener, 4), 0);
}

static void hang_up(struct fixture *f)
{
	if (f->conn >= 0)
		close(f->conn);
	f->conn = -1;
}

static void serve_more(struct fixture *f)
{
	const struct answer *a = strstr(f->request, "/debug/vars") ? &f->answer : &f->profile;
	size_t head = strlen(a->head), body = strlen(a->body), all = head + body * a->repeat;
	while (f->sent < all) {
		const char *from = f->sent < head ? a->head + f->sent : a->body + (f->sent - head) % body;
		ssize_t n = send(f->conn, from, strlen(from), MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0)
			break; /* it has hung up */
		f->sent += (size_t)n;
	}
	if (!a->hangs)
		hang_up(f);
}

/* As far as it goes without waiting. */
static void serve(struct fixture *f)
{
	if (f->listener >= 0 && f->conn < 0) {
		f->conn = accept4(f->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		f->nrequest = f->sent = 0;
		f->answered = false;
	}
	if (f->conn < 0)
		return;
	ssize_t n = recv(f->conn, f->request + f->nrequest, sizeof f->request - 1 - f->nrequest, MSG_DONTWAIT);
	if (n == 0) {
		hang_up(f);
		return;
	}
	f->nrequest += n > 0 ? (size_t)n : 0;
	f->request[f->nrequest] = '\0';
	if (strstr(f->request, "\r\n\r\n")) {
		f->requests += !f->answered;
		f->answered = true;
		serve_more(f);
	}
}

/* ---- the fixture */

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	strcpy(f->dir, "/tmp/test_guard_debug.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->socket, sizeof f->socket, "%s/socket", f->dir);
	snprintf(f->url, sizeof f->url, "http://unix:%s", f->socket);
	snprintf(f->prefix, sizeof f->prefix, "%s/run.gcrun", f->dir);
	f->listener = f->conn = -1;
	f->telemetry = calloc(1, sizeof *f->telemetry);
	watch_layout_init(f->telemetry, 2);
	guard_trace_init(&f->trace, f->telemetry);
	f->now_ns = 100 * S;
	guard_trace_begin(&f->trace, f->now_ns);
	f->trace.from_ns = f->now_ns;
	f->d = (struct guard_debug){.url = f->url,
				    .every_ns = S,
				    .kinds = "heap,goroutine",
				    .prefix = f->prefix,
				    .trace = &f->trace,
				    .say = on_say,
				    .self = f};
	assert_int_equal(guard_debug_init(&f->d), 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	char command[128];
	guard_debug_fini(&f->d);
	hang_up(f);
	if (f->listener >= 0)
		close(f->listener);
	snprintf(command, sizeof command, "rm -rf %s", f->dir);
	int e = system(command);
	free(f->telemetry);
	free(f);
	return e;
}

static void step(struct fixture *f)
{
	struct pollfd pfd = guard_debug_fd(&f->d);
	poll(&pfd, 1, 0);
	guard_debug_step(&f->d, pfd.fd >= 0 && pfd.revents, f->now_ns, WALL + f->now_ns);
}

/* Until nothing is in flight and nothing waits but the next look. */
static void settle(struct fixture *f)
{
	for (int i = 0; i < TURNS; i++) {
		step(f);
		serve(f);
		if (f->d.asks == GUARD_ASKS_NOTHING && f->d.nqueue == 0)
			return;
	}
	fail_msg("it does not settle");
}

static void look(struct fixture *f, const struct answer *a)
{
	f->answer = *a;
	f->now_ns += S;
	settle(f);
}

static char much[65536]; /* filled in main */
static const char vars_head[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n";
#define VARS_JSON \
	"{\"cmdline\":[\"x\"],\"memstats\":{\"HeapAlloc\":5000000,\"NextGC\":9000000,\"NumGC\":0,\"Sys\":70000000}}"
static const struct answer vars_well = {.head = vars_head,
					.body = "5c\r\n" VARS_JSON "\r\n0\r\n\r\n",
					.repeat = 1,
					.hangs = true},
			   status_404 = {.head = "HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\n",
					 .body = "no\n",
					 .repeat = 1},
			   status_empty = {.head = "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", .body = "x"},
			   no_json = {.head = "HTTP/1.0 200 OK\r\n\r\n", .body = "hello\n", .repeat = 1},
			   no_http = {.head = "SSH-2.0-OpenSSH\r\n", .body = "x"},
			   endless = {.head = "HTTP/1.1 200 OK\r\n\r\n",
				      .body = much,
				      .repeat = SIZE_MAX / sizeof much / 2},
			   cut = {.head = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n",
				  .body = "{\"memstats\"",
				  .repeat = 1},
			   silent = {.head = "HTTP/1.1 200 OK\r\n", .body = "x", .hangs = true},
			   profile = {.head = "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n\r\n",
				      .body = "\x1f\x8b profile",
				      .repeat = 5000};

static void test_sizes(void **state)
{
	(void)state;
	assert_int_equal(strlen(VARS_JSON), 0x5c);
}

static void test_answers(void **state)
{
	struct fixture *f = *state;
	serve_at(f);
	guard_debug_program(&f->d, true, f->now_ns);
	look(f, &vars_well);
	assert_int_equal(f->requests, 1);
	assert_non_null(strstr(f->request, "GET /debug/vars HTTP/1.1\r\n"));
	assert_int_equal(f->d.answers, 1);
	assert_int_equal(atomic_load(&f->telemetry->gauges.heap_live), 5000000);
	assert_int_equal(atomic_load(&f->telemetry->gauges.heap_goal), 9000000);
	assert_int_equal(f->d.sys_max, 70000000);
	settle(f); /* the second is not over */
	assert_int_equal(f->requests, 1);
	look(f, &vars_well);
	assert_int_equal(f->requests, 2);
	assert_int_equal(f->d.answers, 2);
	assert_int_equal(f->nsaid, 0);
}

/* Each kind is counted each time, told once, and the next answer is taken. */
static void test_badly(void **state)
{
	static const struct {
		const struct answer *answer;
		enum guard_miss miss;
		const char *words;
	} cases[] = {
		{&status_404, GUARD_MISS_STATUS, "it answers: 404"},
		{&status_empty, GUARD_MISS_STATUS, "it answers"},
		{&no_json, GUARD_MISS_ELSE, "it serves something else: no JSON"},
		{&no_http, GUARD_MISS_LOST, "the connection broke, or it is no HTTP"},
		{&endless, GUARD_MISS_LARGE, "the answer is too large"},
		{&cut, GUARD_MISS_LOST, "the connection broke"},
	};
	struct fixture *f = *state;
	uint64_t missed[GUARD_MISSES] = {0};
	serve_at(f);
	guard_debug_program(&f->d, true, f->now_ns);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		for (int k = 0; k < 2; k++) {
			look(f, cases[i].answer);
			assert_int_equal(f->d.missed[cases[i].miss], ++missed[cases[i].miss]);
			hang_up(f);
		}
		assert_int_equal(said(f, cases[i].words), 1);
		look(f, &vars_well);
		assert_int_equal(f->d.answers, i + 1);
		hang_up(f);
	}
	assert_int_equal(f->nsaid, 4); /* as many as kinds */
	assert_int_equal(f->level[0], 1);
}

static void test_slow(void **state)
{
	struct fixture *f = *state;
	serve_at(f);
	guard_debug_program(&f->d, true, f->now_ns);
	f->answer = silent;
	for (int i = 0; i < 100; i++) {
		step(f);
		serve(f);
	}
	assert_true(f->answered);
	assert_false(guard_debug_idle(&f->d));
	f->now_ns += GUARD_ANSWER_NS;
	step(f);
	assert_int_equal(f->d.missed[GUARD_MISS_SLOW], 0);
	f->now_ns++;
	step(f);
	assert_int_equal(f->d.missed[GUARD_MISS_SLOW], 1);
	assert_int_equal(said(f, "no whole answer within 5 s"), 1);
	hang_up(f);
	look(f, &vars_well);
	assert_true(f->d.answers >= 1);
}

/* A program that does not listen yet is nothing to tell of, one that never does is. */
static void test_nobody(void **state)
{
	struct fixture *f = *state;
	guard_debug_program(&f->d, true, f->now_ns);
	for (int i = 0; i < 2; i++) {
		look(f, &vars_well);
		assert_int_equal(f->d.missed[GUARD_MISS_REFUSED], i + 1);
	}
	assert_int_equal(f->nsaid, 0);
	look(f, &vars_well);
	look(f, &vars_well);
	assert_int_equal(said(f, "nobody listens there"), 1);
	assert_int_equal(f->nsaid, 1);
	serve_at(f);
	look(f, &vars_well);
	assert_int_equal(f->d.answers, 1);
}

static size_t file_bytes(const struct fixture *f, const char *name, char head[16])
{
	char path[200];
	snprintf(path, sizeof path, "%s/%s", f->dir, name);
	int fd = open(path, O_RDONLY);
	if (fd < 0)
		return 0;
	assert_true(read(fd, head, 16) >= 0);
	off_t n = lseek(fd, 0, SEEK_END);
	close(fd);
	return (size_t)n;
}

static void test_profiles(void **state)
{
	struct fixture *f = *state;
	char head[16];
	serve_at(f);
	guard_debug_program(&f->d, true, f->now_ns);
	look(f, &vars_well);
	hang_up(f);
	f->profile = profile;
	guard_debug_profile(&f->d, "late-1");
	settle(f);
	assert_int_equal(f->d.profiles, 2);
	assert_int_equal(file_bytes(f, "run.gcrun.late-1.heap.pb.gz", head), 5000 * strlen(profile.body));
	assert_memory_equal(head, "\x1f\x8b profile\x1f\x8b pro", 16);
	assert_int_equal(file_bytes(f, "run.gcrun.late-1.goroutine.pb.gz", head), 5000 * strlen(profile.body));
	assert_non_null(strstr(f->request, "GET /debug/pprof/goroutine HTTP/1.1\r\n"));
	assert_int_equal(said(f, "profile saved: run.gcrun.late-1.heap.pb.gz, 50000 bytes"), 1);
	/* What is there already is nobody's to overwrite. */
	guard_debug_profile(&f->d, "late-1");
	settle(f);
	assert_int_equal(f->d.profiles, 2);
	assert_int_equal(f->d.missed[GUARD_MISS_FILE], 2);
	assert_int_equal(f->d.profiles_missed, 2);
}

/* What is no profile, or not whole, leaves no file. */
static void test_no_profiles(void **state)
{
	static const struct answer *const bad[] = {&status_404, &no_json, &cut, &endless};
	struct fixture *f = *state;
	char head[16], moment[16];
	serve_at(f);
	guard_debug_program(&f->d, true, f->now_ns);
	look(f, &vars_well);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		hang_up(f);
		f->profile = *bad[i];
		snprintf(moment, sizeof moment, "m%zu", i);
		guard_debug_profile(&f->d, moment);
		settle(f);
		assert_int_equal(f->d.profiles_missed, 2 * (i + 1));
	}
	assert_int_equal(f->d.profiles, 0);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		char name[64];
		snprintf(name, sizeof name, "run.gcrun.m%zu.heap.pb.gz", i);
		assert_int_equal(file_bytes(f, name, head), 0);
	}
}

/* The program dies with a request in flight: nothing is left of it, and the next one is asked at once. */
static void test_restart(void **state)
{
	struct fixture *f = *state;
	char head[16];
	serve_at(f);
	guard_debug_program(&f->d, true, f->now_ns);
	look(f, &vars_well);
	hang_up(f);
	f->profile = silent;
	guard_debug_profile(&f->d, "late-1");
	for (int i = 0; i < 100; i++) {
		step(f);
		serve(f);
	}
	assert_int_equal(f->d.asks, GUARD_ASKS_PROFILE);
	guard_debug_program(&f->d, false, f->now_ns);
	assert_int_equal(f->d.profiles_missed, 2);
	assert_int_equal(file_bytes(f, "run.gcrun.late-1.heap.pb.gz", head), 0);
	assert_true(guard_debug_idle(&f->d));
	assert_int_equal(guard_debug_fd(&f->d).fd, -1);
	guard_debug_profile(&f->d, "late-2");
	assert_int_equal(f->d.profiles_missed, 4);
	hang_up(f);
	guard_debug_program(&f->d, true, f->now_ns);
	f->answer = vars_well;
	settle(f);
	assert_int_equal(f->d.answers, 2);
}

static void test_end(void **state)
{
	struct fixture *f = *state;
	serve_at(f);
	guard_debug_program(&f->d, true, f->now_ns);
	look(f, &vars_well);
	hang_up(f);
	guard_debug_end(&f->d, "end");
	assert_false(guard_debug_idle(&f->d));
	f->profile = profile;
	settle(f);
	assert_int_equal(f->d.profiles, 2);
	assert_int_equal(f->d.answers, 2);
	assert_true(guard_debug_idle(&f->d));
	f->now_ns += 10 * S;
	step(f);
	assert_true(guard_debug_idle(&f->d)); /* nothing more */
}

static void test_too_many(void **state)
{
	struct fixture *f = *state;
	char moment[16];
	serve_at(f);
	guard_debug_program(&f->d, true, f->now_ns);
	for (int i = 0; i < GUARD_PROFILES_MAX; i++) {
		snprintf(moment, sizeof moment, "m%d", i);
		guard_debug_profile(&f->d, moment);
	}
	assert_int_equal(f->d.nqueue, GUARD_PROFILES_MAX);
	assert_int_equal(f->d.profiles_missed, GUARD_PROFILES_MAX);
}

static bool begins(const struct http_server *s, const char *with)
{
	return strncmp(s->request, with, strlen(with)) == 0;
}

static void test_addresses(void **state)
{
	static const struct {
		const char *url, *kinds;
		int e;
	} cases[] = {
		{NULL, "heap", 0},
		{"http://127.0.0.1:6060", "", 0},
		{"http://127.0.0.1:6060/", "heap,goroutine,allocs,block,mutex,threadcreate", 0},
		{"http://127.0.0.1:6060", "profile", -EINVAL},
		{"http://127.0.0.1:6060", "heap,", 0},
		{"http://127.0.0.1:6060", ",heap", -EINVAL},
		{"https://127.0.0.1:6060", "", -EINVAL},
		{"http://unix:relative", "", -EINVAL},
		{"http://unix:/a:b", "", -EINVAL},
	};
	struct http_server s;
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct guard_debug d = {.url = cases[i].url, .kinds = cases[i].kinds};
		assert_int_equal(guard_debug_init(&d), cases[i].e);
		guard_debug_fini(&d);
	}
	assert_int_equal(http_server_find_below(&s, "http://127.0.0.1:1/in/", "/debug/vars"), 0);
	assert_true(begins(&s, "GET /in/debug/vars HTTP/1.1\r\nHost: 127.0.0.1:1\r\n"));
	assert_int_equal(http_server_find_below(&s, "http://unix:/run/x.sock:/in", "/debug/vars"), 0);
	assert_true(begins(&s, "GET /in/debug/vars HTTP/1.1\r\nHost: localhost\r\n"));
	assert_int_equal(http_server_find(&s, "http://unix:/run/x.sock"), 0);
	assert_true(begins(&s, "GET / HTTP/1.1\r\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test_setup_teardown(test_answers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_badly, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_slow, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_nobody, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_profiles, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_profiles, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_restart, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_end, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_too_many, set_up, tear_down),
	};
	memset(much, '[', sizeof much - 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
