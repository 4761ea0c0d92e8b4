/*
 * test_tui_stall.c: a run on a terminal that nobody reads: the screen is left standing in mid-frame, the run goes on to its end with every
 * record in its book, and once the terminal is read again it gets the rest of that frame, and is given back.
 */
#include "tests/unit/test_run_fixture.h"
#include "tui/screen.h"

#include <poll.h>
#include <pty.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <utmp.h>

#define STALL_WATCHDOG_S 120 /* whoever waits for the terminal waits for ever */

struct stalled {
	uint64_t written, stops, lost, cycles, frames;
	int exit;
	bool full; /* the terminal took nothing any more before the run's end */
};

static bool stall_is_full(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	return poll(&p, 1, 0) == 0;
}

/* Of 310 ticks, a frame each. What the last frame shows is what came of them. */
static struct stalled stall_run(struct run *r, void *self)
{
	struct stalled got = {0};
	r->play.gc_each_tick = true;
	run_start(r);
	for (; r->now_ns < 31 * S_NS; got.frames++) {
		r->play.stw_stopped_ns = (int64_t)(got.frames * 7919 % 4000 + 1) * US_NS;
		if (run_tick(r) != 0)
			_exit(3);
		tui_screen_display.frame(self, gcs_collect_snapshot(r->c));
		tui_screen_display.poll(self);
	}
	got.full = stall_is_full(STDOUT_FILENO);
	got.exit = run_end(r);
	tui_screen_display.frame(self, gcs_collect_snapshot(r->c));
	got.written = watch_written(r->tel);
	got.lost = watch_lost(r->tel);
	got.cycles = r->cycle;
	got.stops = gcs_collect_snapshot(r->c)->stw_total.count;
	return got;
}

static void stall_child(int slave, int out)
{
	struct run r;
	void *self;
	alarm(STALL_WATCHDOG_S);
	if (login_tty(slave) < 0 || tui_screen_display.open(&self) < 0)
		_exit(2);
	run_init(&r);
	struct stalled got = stall_run(&r, self);
	if (write(out, &got, sizeof got) != (ssize_t)sizeof got)
		_exit(4);
	tui_screen_display.close(self); /* from here on it is read */
	run_fini(&r);
	_exit(0);
}

/* What is on the terminal, up to its hang-up; the newest of it. */
static size_t stall_drain(int master, char *ret, size_t cap)
{
	char part[4096];
	size_t n = 0;
	ssize_t got;
	while ((got = read(master, part, sizeof part)) > 0) {
		if (n + (size_t)got >= cap) {
			size_t keep = n > cap / 2 ? cap / 2 : n;
			memmove(ret, ret + n - keep, keep);
			n = keep;
		}
		memcpy(ret + n, part, (size_t)got);
		n += (size_t)got;
	}
	ret[n] = '\0';
	return n;
}

static void test_nobody_reads(void **state)
{
	(void)state;
	int master, slave, out[2], status;
	struct winsize size = {.ws_row = 60, .ws_col = 200};
	struct termios before, after;
	struct stalled got;
	static char bytes[1 << 20];
	assert_int_equal(openpty(&master, &slave, NULL, NULL, &size), 0);
	assert_int_equal(tcgetattr(master, &before), 0);
	assert_int_equal(pipe(out), 0);
	fflush(NULL);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(master);
		close(out[0]);
		stall_child(slave, out[1]);
	}
	close(out[1]);
	ssize_t n = read(out[0], &got, sizeof got); /* only when the run is over, and nothing of the terminal was read before */
	assert_int_equal(tcgetattr(master, &after), 0);
	assert_true(n == (ssize_t)sizeof got);
	assert_int_not_equal(before.c_lflag, after.c_lflag); /* it had been taken over */
	close(slave);
	size_t drained = stall_drain(master, bytes, sizeof bytes);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_true(got.full); /* else this test would show nothing */
	assert_int_equal(got.exit, 0);
	assert_int_equal(got.frames, 310);
	assert_int_equal(got.cycles, 310);
	assert_int_equal(got.stops, 310);
	assert_int_equal(got.lost, 0);
	assert_int_equal(got.written, 310 * 5); /* a late wake, and four records a cycle */
	assert_true(drained > 0);
	/* The frame that was cut is whole, and the terminal left: its last bytes are those that leave the other screen. */
	assert_non_null(strstr(bytes + (drained > 128 ? drained - 128 : 0), "\033[?1049l"));
	close(out[0]);
	close(master);
}

/* The same modes as before, seen from the terminal, once it has been read. */
static void test_modes(void **state)
{
	(void)state;
	int master, slave, status;
	struct winsize size = {.ws_row = 24, .ws_col = 80};
	struct termios before, after;
	char bytes[1 << 14];
	void *self;
	assert_int_equal(openpty(&master, &slave, NULL, NULL, &size), 0);
	assert_int_equal(tcgetattr(slave, &before), 0);
	fflush(NULL);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(master);
		alarm(STALL_WATCHDOG_S);
		if (login_tty(slave) < 0 || tui_screen_display.open(&self) < 0)
			_exit(2);
		tui_screen_display.close(self);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(tcgetattr(slave, &after), 0);
	assert_int_equal(before.c_lflag, after.c_lflag);
	assert_int_equal(before.c_iflag, after.c_iflag);
	assert_int_equal(before.c_oflag, after.c_oflag);
	close(slave);
	stall_drain(master, bytes, sizeof bytes);
	close(master);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_nobody_reads), cmocka_unit_test(test_modes)};
	setenv("TERM", "xterm-256color", 1);
	setenv("LC_ALL", "C.UTF-8", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
