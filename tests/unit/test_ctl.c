/* test_ctl.c: a run's directory, and the socket in it: who may live there, what is cleared away,
 * what is asked and answered. */
#define _GNU_SOURCE 1 /* pipe2 */
#include "tests/unit/test_run_fixture.h"

#include "harness/run/ctl.h"
#include "harness/run/rundir.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define ID "20260726-101112-ab12"

static char dir[64];

static int set_up(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/test_ctl.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	return setenv("XDG_RUNTIME_DIR", dir, 1);
}

static int tear_down(void **state)
{
	char command[128];
	(void)state;
	snprintf(command, sizeof command, "rm -rf %s", dir);
	return system(command);
}

static const char *in_dir(const char *name)
{
	static char path[2][256];
	static unsigned turn;
	char *p = path[turn++ % 2];
	snprintf(p, sizeof path[0], "%s/%s", dir, name);
	return p;
}

static void touch(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
}

/* ---- directories */

static void test_made_and_removed(void **state)
{
	struct gcs_rundir d;
	struct stat st;
	char found[GCS_PATH_BYTES], *text = NULL;
	(void)state;
	assert_int_equal(gcs_rundir_find(ID, found), -ENOENT);
	assert_int_equal(gcs_rundir_make(&d, ID, &text), 0);
	assert_string_equal(d.path, in_dir("gcstorm/" ID));
	assert_int_equal(stat(d.path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(stat(in_dir("gcstorm"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	int fd = gcs_rundir_find(ID, found);
	assert_true(fd >= 0);
	close(fd);
	assert_string_equal(found, d.path);
	assert_int_equal(mkfifo(in_dir("gcstorm/" ID "/fiu-1.in"), 0600), 0);
	touch(in_dir("gcstorm/" ID "/ctl.sock"));
	gcs_rundir_remove(&d);
	assert_int_equal(access(in_dir("gcstorm/" ID), F_OK), -1);
	assert_int_equal(gcs_rundir_find(ID, found), -ENOENT);
	gcs_rundir_remove(&d); /* nothing is left to do */
	assert_null(text);
}

/* A process that makes a directory, and lives until it is killed. */
static pid_t live_in(const char *id)
{
	struct gcs_rundir d;
	char *text = NULL, byte;
	int ready[2];
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (gcs_rundir_make(&d, id, &text) || write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

/* The dead are cleared away by the next one, whatever they left; the living are not, nor is what is
 * no run. */
static void test_stale(void **state)
{
	struct gcs_rundir d;
	char *text = NULL;
	(void)state;
	pid_t lives = live_in("20260101-000000-aaaa"), dies = live_in("20260101-000000-dead");
	touch(in_dir("gcstorm/20260101-000000-dead/ctl.sock"));
	assert_int_equal(mkfifo(in_dir("gcstorm/20260101-000000-dead/fiu-7.out"), 0600), 0);
	kill(dies, SIGKILL);
	assert_int_equal(waitpid(dies, NULL, 0), dies);
	assert_int_equal(mkdir(in_dir("gcstorm/20260101-000000-0000"), 0700), 0); /* lockless */
	assert_int_equal(mkdir(in_dir("gcstorm/somebody-elses"), 0700), 0);
	assert_int_equal(symlink("/tmp", in_dir("gcstorm/20260101-000000-1111")), 0);
	assert_int_equal(gcs_rundir_make(&d, ID, &text), 0);
	assert_int_equal(access(in_dir("gcstorm/20260101-000000-dead"), F_OK), -1);
	assert_int_equal(access(in_dir("gcstorm/20260101-000000-0000"), F_OK), -1);
	assert_int_equal(access(in_dir("gcstorm/20260101-000000-aaaa/lock"), F_OK), 0);
	assert_int_equal(access(in_dir("gcstorm/somebody-elses"), F_OK), 0);
	assert_int_equal(access("/tmp", F_OK), 0);
	gcs_rundir_remove(&d);
	kill(lives, SIGKILL);
	assert_int_equal(waitpid(lives, NULL, 0), lives);
}

static void refused(const char *id, int error, const char *what)
{
	struct gcs_rundir d;
	char *text = NULL;
	assert_int_equal(gcs_rundir_make(&d, id, &text), error);
	assert_non_null(text);
	assert_non_null(strstr(text, what));
	assert_string_equal(d.path, "");
	gcs_rundir_remove(&d); /* harmless */
	free(text);
}

static void test_refused_places(void **state)
{
	char long_path[GCS_PATH_BYTES];
	(void)state;
	assert_int_equal(chmod(in_dir("gcstorm"), 0770), 0);
	refused(ID, -EPERM, "somebody else may write there");
	assert_int_equal(chmod(in_dir("gcstorm"), 0700), 0);
	assert_int_equal(mkdir(in_dir("gcstorm/" ID), 0700), 0);
	pid_t lives = live_in("20260101-000000-bbbb"); /* clears ID away: nobody lives there */
	refused("20260101-000000-bbbb", -EEXIST, "gcstorm");
	kill(lives, SIGKILL);
	assert_int_equal(waitpid(lives, NULL, 0), lives);
	setenv("XDG_RUNTIME_DIR", "/proc/nowhere", 1);
	refused(ID, -ENOENT, "/proc/nowhere/gcstorm");
	touch(in_dir("file"));
	setenv("XDG_RUNTIME_DIR", in_dir("file"), 1);
	refused(ID, -ENOTDIR, "file/gcstorm");
	assert_int_equal(mkdir(in_dir("linked"), 0700), 0);
	assert_int_equal(symlink(in_dir("gcstorm"), in_dir("linked/gcstorm")), 0);
	setenv("XDG_RUNTIME_DIR", in_dir("linked"), 1);
	refused(ID, -ENOTDIR, "linked/gcstorm"); /* O_DIRECTORY | O_NOFOLLOW */
	memset(long_path, 'x', sizeof long_path - 1);
	long_path[0] = '/';
	long_path[sizeof long_path - 8] = '\0';
	setenv("XDG_RUNTIME_DIR", long_path, 1);
	refused(ID, -ENAMETOOLONG, "XDG_RUNTIME_DIR");
	setenv("XDG_RUNTIME_DIR", dir, 1);
}

/* Without $XDG_RUNTIME_DIR, and with one that is no path: by user, in /tmp. */
static void test_places(void **state)
{
	char path[GCS_PATH_BYTES], expected[64];
	(void)state;
	snprintf(expected, sizeof expected, "/tmp/gcstorm-%u", (unsigned)geteuid());
	assert_int_equal(gcs_path_runtime(0, path), 0);
	assert_string_equal(path, in_dir("gcstorm"));
	assert_int_equal(gcs_path_runtime(1, path), 0);
	assert_string_equal(path, expected);
	assert_int_equal(gcs_path_runtime(2, path), 0);
	assert_int_equal(gcs_path_runtime(3, path), -ENOENT);
	setenv("XDG_RUNTIME_DIR", "relative", 1);
	assert_int_equal(gcs_path_runtime(0, path), 0);
	assert_string_equal(path, expected);
	setenv("XDG_RUNTIME_DIR", dir, 1);
	if (geteuid() == 0) { /* another user's, as after su: not touched */
		assert_int_equal(chown(dir, 1, (gid_t)-1), 0);
		assert_int_equal(gcs_path_runtime(0, path), 0);
		assert_string_equal(path, expected);
		assert_int_equal(chown(dir, 0, (gid_t)-1), 0);
	}
	unsetenv("XDG_RUNTIME_DIR");
	assert_int_equal(gcs_path_runtime(0, path), 0);
	assert_string_equal(path, expected);
	assert_int_equal(gcs_path_runtime(2, path), -ENOENT);
	setenv("XDG_RUNTIME_DIR", dir, 1);
}

/* ---- the socket */

/* A run that is only played, and what it was told. */
struct house {
	struct run r;
	struct gcs_rundir dir;
	struct gcs_ctl *ctl;
	enum gcs_exit answer;
	unsigned orders;
	struct gcs_request order; /* the last one; its text is here */
	char text[GCS_CTL_TEXT_BYTES];
	int64_t limit_ns;
};

static enum gcs_exit house_order(void *self, const struct gcs_request *order,
				 char ret_text[GCS_CTL_SAID_BYTES])
{
	struct house *h = self;
	h->orders++;
	h->order = *order;
	snprintf(h->text, sizeof h->text, "%s", order->text ? order->text : "");
	if (h->answer != GCS_EXIT_PASS)
		snprintf(ret_text, GCS_CTL_SAID_BYTES, "not now");
	else if (order->act == GCS_DO_ARM)
		atomic_store(&h->r.tel->fault[order->fault].armed, 1);
	return h->answer;
}

static int64_t house_limit(void *self, uint32_t fault)
{
	return fault == 0 ? ((struct house *)self)->limit_ns : -1;
}

static const struct gcs_snapshot *house_snapshot(void *self)
{
	return gcs_collect_snapshot(((struct house *)self)->r.c);
}

static const struct watch_fault *house_counters(void *self, uint32_t fault)
{
	return &((struct house *)self)->r.tel->fault[fault];
}

static void house_about(void *self, struct gcs_ctl_about *ret)
{
	*ret = (struct gcs_ctl_about){.pid = 4711,
				      .going = true,
				      .now_ns = ((struct house *)self)->r.now_ns,
				      .fifo = "/x/fiu-4711"};
}

static void house_open(struct house *h)
{
	const struct gcs_ctl_sink sink = {.self = h,
					  .order = house_order,
					  .snapshot = house_snapshot,
					  .counters = house_counters,
					  .limit = house_limit,
					  .about = house_about};
	char *text = NULL;
	memset(h, 0, sizeof *h);
	h->limit_ns = -1;
	run_init(&h->r);
	h->r.s->fault[1].window[0] = (struct gcs_window){12 * S_NS, 14 * S_NS};
	h->r.s->fault[1].window[1] = (struct gcs_window){16 * S_NS, 18 * S_NS};
	h->r.s->fault[1].nwindows = 2;
	run_start(&h->r);
	run_until(&h->r, 13 * S_NS);
	assert_int_equal(gcs_rundir_make(&h->dir, ID, &text), 0);
	assert_int_equal(gcs_ctl_create(&h->ctl, h->dir.fd, &sink), 0);
}

static void house_close(struct house *h)
{
	gcs_ctl_destroy(h->ctl);
	gcs_rundir_remove(&h->dir);
	run_fini(&h->r);
}

static int call(const struct house *h)
{
	int fd = gcs_ctl_connect(h->dir.fd);
	assert_true(fd >= 0);
	return fd;
}

static void say(int fd, const char *line)
{
	assert_int_equal(send(fd, line, strlen(line), MSG_NOSIGNAL), strlen(line));
}

/* The next reply; the house answers what is there first. NULL: it hung up. */
static json_t *hear(struct house *h, int fd)
{
	static char text[1 << 16];
	gcs_ctl_poll(h->ctl);
	gcs_ctl_poll(
		h->ctl); /* first it lets in, then it listens: one call does both, two do surely */
	ssize_t n = recv(fd, text, sizeof text, MSG_DONTWAIT);
	assert_true(n >= 0 || errno != EAGAIN);
	if (n <= 0)
		return NULL;
	assert_int_equal(text[n - 1], '\n');
	json_t *o = json_loadb(text, (size_t)n, 0, NULL);
	assert_non_null(o);
	return o;
}

static const char *word(json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));
	return text ? text : "";
}

static void test_status(void **state)
{
	static struct house h;
	(void)state;
	house_open(&h);
	int fd = call(&h);
	say(fd, "{\"do\":\"status\"}\n");
	json_t *o = hear(&h, fd), *s = json_object_get(o, "status");
	assert_true(json_is_true(json_object_get(o, "ok")));
	assert_string_equal(word(s, "name"), "hand-made");
	assert_string_equal(word(s, "phase"), "storm");
	assert_string_equal(word(s, "fifo"), "/x/fiu-4711");
	assert_int_equal(json_integer_value(json_object_get(s, "pid")), 4711);
	assert_int_equal(json_integer_value(json_object_get(s, "now_ns")), 13 * S_NS);
	json_t *late = json_array_get(json_object_get(s, "faults"), 1);
	assert_string_equal(word(late, "id"), "late");
	assert_string_equal(word(late, "next"), "disarm"); /* its first window is open */
	assert_int_equal(json_integer_value(json_object_get(late, "next_edge_ns")), 14 * S_NS);
	json_t *oom = json_array_get(json_object_get(s, "faults"), 0);
	assert_true(json_is_null(json_object_get(oom, "next")));
	assert_true(json_is_null(json_object_get(oom, "next_edge_ns")));
	json_decref(o);
	run_until(&h.r, 15 * S_NS); /* between the windows; the same connection */
	say(fd, "{\"do\":\"status\"}\n");
	o = hear(&h, fd);
	late = json_array_get(json_object_get(json_object_get(o, "status"), "faults"), 1);
	assert_string_equal(word(late, "next"), "arm");
	assert_int_equal(json_integer_value(json_object_get(late, "next_edge_ns")), 16 * S_NS);
	json_decref(o);
	assert_int_equal(h.orders, 0);
	close(fd);
	house_close(&h);
}

static void test_orders(void **state)
{
	static struct house h;
	(void)state;
	house_open(&h);
	int fd = call(&h);
	say(fd, "{\"do\":\"arm\",\"fault\":\"oom\"}\n");
	json_t *o = hear(&h, fd);
	assert_true(json_is_true(json_object_get(o, "ok")));
	json_t *oom = json_array_get(json_object_get(json_object_get(o, "status"), "faults"), 0);
	assert_true(json_is_true(json_object_get(oom, "armed"))); /* live, before any tick */
	json_decref(o);
	assert_int_equal(h.order.act, GCS_DO_ARM);
	assert_int_equal(h.order.fault, 0);
	assert_int_equal(h.order.for_ns, 0);
	say(fd, "{\"do\":\"mark\",\"text\":\"two\\nlines \\u001b[31m\"}\n");
	json_decref(hear(&h, fd));
	assert_int_equal(h.order.act, GCS_DO_MARK);
	assert_string_equal(h.text, "two lines  [31m"); /* nothing that moves a terminal */
	say(fd, "{\"do\":\"disarm-all\"}\n");
	json_decref(hear(&h, fd));
	assert_int_equal(h.order.act, GCS_DO_DISARM_ALL);
	h.answer = GCS_EXIT_UNSUPPORTED;
	say(fd, "{\"do\":\"fire\",\"fault\":\"late\"}\n");
	o = hear(&h, fd);
	assert_true(json_is_false(json_object_get(o, "ok")));
	assert_int_equal(json_integer_value(json_object_get(o, "exit")), GCS_EXIT_UNSUPPORTED);
	assert_string_equal(word(o, "error"), "not now");
	json_decref(o);
	close(fd);
	house_close(&h);
}

/* Limits, other numbers, other rates: as they are said, to whom they are about. */
static void test_changes(void **state)
{
	static const struct {
		const char *line;
		struct gcs_request order;
	} asked[] = {
		{"{\"do\":\"arm\",\"fault\":\"late\",\"for\":\"30s\"}\n", {.act = GCS_DO_ARM, .fault = 1, .for_ns = 30 * S_NS}},
		{"{\"do\":\"arm\",\"fault\":\"oom\",\"for\":\"keep\"}\n", {.act = GCS_DO_ARM, .for_ns = GCS_ARM_KEEP}},
		{"{\"do\":\"arm\",\"fault\":\"oom\",\"for\":\"0\"}\n", {.act = GCS_DO_ARM, .for_ns = GCS_ARM_KEEP}},
		{"{\"do\":\"edit\",\"fault\":\"late\",\"set\":\"delay=5ms,every=3\"}\n",
		 {.act = GCS_DO_EDIT, .fault = 1, .text = "delay=5ms,every=3"}},
		{"{\"do\":\"rate\",\"workload\":\"net\",\"rate\":\"500/s\"}\n",
		 {.act = GCS_DO_RATE, .workload = 1, .text = "500/s"}},
	};
	static struct house h;
	(void)state;
	house_open(&h);
	int fd = call(&h);
	for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
		const struct gcs_request *want = &asked[i].order;
		say(fd, asked[i].line);
		json_t *o = hear(&h, fd);
		assert_true(json_is_true(json_object_get(o, "ok")));
		json_decref(o);
		assert_int_equal(h.order.act, want->act);
		assert_int_equal(h.order.fault, want->fault);
		assert_int_equal(h.order.workload, want->workload);
		assert_int_equal(h.order.for_ns, want->for_ns);
		assert_string_equal(h.text, want->text ? want->text : "");
	}
	h.limit_ns = 17 * S_NS;
	say(fd, "{\"do\":\"status\"}\n");
	json_t *o = hear(&h, fd), *s = json_object_get(o, "status");
	json_t *oom = json_array_get(json_object_get(s, "faults"), 0);
	assert_int_equal(json_integer_value(json_object_get(oom, "limit_ns")), 17 * S_NS);
	assert_true(json_is_null(json_object_get(json_array_get(json_object_get(s, "faults"), 1), "limit_ns")));
	json_t *net = json_array_get(json_object_get(s, "workloads"), 1);
	assert_string_equal(word(net, "id"), "net");
	assert_string_equal(word(net, "driver"), "echo");
	assert_int_equal(json_integer_value(json_object_get(net, "rate")), 1000);
	json_decref(o);
	close(fd);
	house_close(&h);
}

/* What is wrong is said, with what would be right; nothing is ordered. */
static void test_wrong(void **state)
{
	static const struct {
		const char *line, *error, *hint;
	} wrong[] = {
		{"{\"do\":\"arm\",\"fault\":\"omo\"}\n", "has no fault 'omo'",
		 "did you mean 'oom'?"},
		{"{\"do\":\"arm\",\"fault\":\"zzzzzzzz\"}\n", "has no fault",
		 "its faults: oom, late"},
		{"{\"do\":\"fire\"}\n", "which fault", "oom, late"},
		{"{\"do\":\"fire\",\"fault\":7}\n", "which fault", "oom, late"},
		{"{\"do\":\"explode\"}\n", "no such order", ""},
		{"{\"do\":\"arm\",\"fault\":\"oom\",\"for\":\"5\"}\n", "cannot be armed for '5'", "such as 30s"},
		{"{\"do\":\"arm\",\"fault\":\"oom\",\"for\":\"25h\"}\n", "cannot be armed for '25h'", "to 24h"},
		{"{\"do\":\"arm\",\"fault\":\"oom\",\"for\":\"0s\"}\n", "cannot be armed for '0s'", "keep"},
		{"{\"do\":\"edit\",\"fault\":\"oom\"}\n", "no 'set' to edit", ""},
		{"{\"do\":\"edit\",\"set\":\"every=2\"}\n", "which fault", "oom, late"},
		{"{\"do\":\"rate\",\"workload\":\"map\",\"rate\":\"5/s\"}\n", "has no workload 'map'", "did you mean 'maps'?"},
		{"{\"do\":\"rate\",\"rate\":\"5/s\"}\n", "which workload", "its workloads: maps, net"},
		{"{\"do\":\"rate\",\"workload\":\"net\"}\n", "no 'rate' to rate", ""},
		{"{\"do\":7}\n", "no request", ""},
		{"[]\n", "no request", ""},
		{"\n", "no request", ""},
		{"arm oom\n", "no request", ""},
	};
	static struct house h;
	(void)state;
	house_open(&h);
	int fd = call(&h);
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		say(fd, wrong[i].line);
		json_t *o = hear(&h, fd);
		assert_true(json_is_false(json_object_get(o, "ok")));
		assert_int_equal(json_integer_value(json_object_get(o, "exit")), GCS_EXIT_USAGE);
		assert_non_null(strstr(word(o, "error"), wrong[i].error));
		assert_non_null(strstr(word(o, "hint"), wrong[i].hint));
		json_decref(o);
	}
	char line[600];
	snprintf(line, sizeof line, "{\"do\":\"edit\",\"fault\":\"oom\",\"set\":\"%0*d\"}\n", GCS_CTL_TEXT_BYTES, 0);
	say(fd, line); /* cut, it would mean something else */
	json_t *o = hear(&h, fd);
	assert_string_equal(word(o, "error"), "'set' of edit is too long");
	json_decref(o);
	assert_int_equal(h.orders, 0);
	close(fd);
	house_close(&h);
}

/* A line in pieces; clients that say nothing make room for others; one that goes is forgotten. */
static void test_clients(void **state)
{
	static struct house h;
	int idle[GCS_CTL_CLIENTS + 3];
	struct pollfd fds[GCS_CTL_FDS];
	(void)state;
	house_open(&h);
	assert_int_equal(gcs_ctl_fds(h.ctl, fds), 1);
	for (int i = 0; i < GCS_CTL_CLIENTS + 3; i++) {
		idle[i] = call(&h);
		gcs_ctl_poll(h.ctl);
	}
	assert_int_equal(gcs_ctl_fds(h.ctl, fds), GCS_CTL_FDS);
	assert_null(hear(&h, idle[0])); /* the oldest were hung up on */
	int last = idle[GCS_CTL_CLIENTS + 2];
	say(last, "{\"do\":");
	gcs_ctl_poll(h.ctl);
	say(last, "\"status\"}\n");
	json_t *o = hear(&h, last);
	assert_true(json_is_true(json_object_get(o, "ok")));
	json_decref(o);
	for (int i = 0; i < GCS_CTL_CLIENTS + 3; i++)
		close(idle[i]);
	gcs_ctl_poll(h.ctl);
	assert_int_equal(gcs_ctl_fds(h.ctl, fds), 1);
	gcs_ctl_poll(NULL); /* a run without a directory */
	assert_int_equal(gcs_ctl_fds(NULL, fds), 0);
	gcs_ctl_destroy(h.ctl);
	h.ctl = NULL;
	assert_int_equal(gcs_ctl_connect(h.dir.fd), -ECONNREFUSED);
	house_close(&h);
}

/* Who asks and never listens does not hold the run up. */
static void test_deaf(void **state)
{
	static struct house h;
	struct pollfd fds[GCS_CTL_FDS];
	(void)state;
	house_open(&h);
	int fd = call(&h);
	unsigned asked = 0;
	for (; asked < 100000; asked++) {
		if (send(fd, "{\"do\":\"status\"}\n", 16, MSG_NOSIGNAL | MSG_DONTWAIT) != 16)
			break;
		gcs_ctl_poll(h.ctl);
	}
	assert_true(asked > 10 && asked < 100000); /* it was hung up on */
	gcs_ctl_poll(h.ctl);
	assert_int_equal(gcs_ctl_fds(h.ctl, fds), 1);
	close(fd);
	house_close(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_made_and_removed),
		cmocka_unit_test(test_stale),
		cmocka_unit_test(test_refused_places),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_orders),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_clients),
		cmocka_unit_test(test_deaf),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
