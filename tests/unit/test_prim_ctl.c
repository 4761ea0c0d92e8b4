/*
 * test_prim_ctl.c: the control line: framing, bounds, a lost other end.
 */
#include "runtime/prim/prim.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define MS INT64_C(1000000)

static int pair[2]; /* ours, the other end's */

static void pair_open(void)
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
}

static void pair_write(const char *text)
{
	assert_int_equal(write(pair[1], text, strlen(text)), strlen(text));
}

static int recv_by(char *line, size_t cap, int64_t ms)
{
	return prim_ctl_recv(pair[0], line, cap, prim_now_ns() + ms * MS);
}

static void test_framing(void **state)
{
	char line[64];

	(void)state;
	pair_open();
	pair_write("{\"a\":1}\n\n{\"b\"");
	assert_int_equal(recv_by(line, sizeof(line), 100), 0);
	assert_string_equal(line, "{\"a\":1}");
	assert_int_equal(recv_by(line, sizeof(line), 100), 0);
	assert_string_equal(line, "");
	assert_int_equal(recv_by(line, sizeof(line), 5), -EAGAIN);
	pair_write(":2}\n");
	assert_int_equal(recv_by(line, sizeof(line), 100), 0);
	assert_string_equal(line, "{\"b\":2}");
	close(pair[0]);
	close(pair[1]);
}

static void test_deadline(void **state)
{
	char line[64];
	int64_t before = prim_now_ns();

	(void)state;
	pair_open();
	assert_int_equal(recv_by(line, sizeof(line), 20), -EAGAIN);
	assert_true(prim_now_ns() >= before + 20 * MS);
	assert_int_equal(prim_ctl_recv(pair[0], line, sizeof(line), 0), -EAGAIN);
	close(pair[0]);
	close(pair[1]);
}

static void test_bound(void **state)
{
	char line[8];

	(void)state;
	pair_open();
	pair_write("1234567\n12345678\nok\n");
	assert_int_equal(recv_by(line, sizeof(line), 100), 0);
	assert_string_equal(line, "1234567");
	assert_int_equal(recv_by(line, sizeof(line), 100), -E2BIG);
	assert_int_equal(recv_by(line, sizeof(line), 100), 0);
	assert_string_equal(line, "ok");

	/* In pieces: reported once, dropped up to its newline. */
	pair_write("0123456789");
	assert_int_equal(recv_by(line, sizeof(line), 100), -E2BIG);
	pair_write("0123456789");
	assert_int_equal(recv_by(line, sizeof(line), 5), -EAGAIN);
	pair_write("0123456789\nyes\n");
	assert_int_equal(recv_by(line, sizeof(line), 100), 0);
	assert_string_equal(line, "yes");
	close(pair[0]);
	close(pair[1]);
}

static void test_gone(void **state)
{
	char line[64];

	(void)state;
	pair_open();
	pair_write("last\nhalf");
	close(pair[1]);
	assert_int_equal(recv_by(line, sizeof(line), 100), 0);
	assert_string_equal(line, "last");
	assert_int_equal(recv_by(line, sizeof(line), 100), -EPIPE);
	assert_int_equal(prim_ctl_send(pair[0], "x", 1), -EPIPE);
	close(pair[0]);
}

static void *closer_run(void *arg)
{
	char byte;

	/* Ends when the waiter is about to wait: it writes first. */
	if (read(*(int *)arg, &byte, 1) == 1)
		close(*(int *)arg);
	return NULL;
}

/* The other end dies while we wait: seen long before the deadline. */
static void test_gone_waiting(void **state)
{
	char line[64];
	pthread_t closer;

	(void)state;
	pair_open();
	assert_int_equal(pthread_create(&closer, NULL, closer_run, &pair[1]), 0);
	assert_int_equal(prim_ctl_send(pair[0], "", 0), 0);
	assert_int_equal(prim_ctl_recv(pair[0], line, sizeof(line), PRIM_FOREVER), -EPIPE);
	pthread_join(closer, NULL);
	close(pair[0]);
}

/* Two at once: whose line it is, in order; the end of one does not hide the other; each keeps the
 * pieces of its own lines. */
static void test_two(void **state)
{
	int other[2], fd[2];
	char line[64];
	uint32_t which = 9;

	(void)state;
	pair_open();
	assert_int_equal(pipe2(other, O_CLOEXEC | O_NONBLOCK), 0);
	fd[0] = pair[0];
	fd[1] = other[0];
	assert_int_equal(
		prim_ctl_recv_any(fd, 2, &which, line, sizeof(line), prim_now_ns() + 5 * MS),
		-EAGAIN);
	assert_int_equal(write(other[1], "side\nsi", 7), 7);
	pair_write("main\nma");
	assert_int_equal(prim_ctl_recv_any(fd, 2, &which, line, sizeof(line), PRIM_FOREVER), 0);
	assert_int_equal(which, 0);
	assert_string_equal(line, "main");
	assert_int_equal(prim_ctl_recv_any(fd, 2, &which, line, sizeof(line), PRIM_FOREVER), 0);
	assert_int_equal(which, 1);
	assert_string_equal(line, "side");
	assert_int_equal(write(other[1], "de2\n", 4), 4);
	assert_int_equal(prim_ctl_recv_any(fd, 2, &which, line, sizeof(line), PRIM_FOREVER), 0);
	assert_string_equal(line, "side2");
	pair_write("in2\n");
	assert_int_equal(prim_ctl_recv_any(fd, 2, &which, line, sizeof(line), PRIM_FOREVER), 0);
	assert_int_equal(which, 0);
	assert_string_equal(line, "main2");
	assert_int_equal(write(other[1], "0123456789\n", 11), 11);
	assert_int_equal(prim_ctl_recv_any(fd, 2, &which, line, 8, PRIM_FOREVER), -E2BIG);
	assert_int_equal(which, 1);
	close(other[1]);
	assert_int_equal(prim_ctl_recv_any(fd, 2, &which, line, sizeof(line), PRIM_FOREVER),
			 -EPIPE);
	assert_int_equal(which, 1);
	pair_write("alone\n");
	assert_int_equal(prim_ctl_recv_any(fd, 1, &which, line, sizeof(line), PRIM_FOREVER), 0);
	assert_int_equal(which, 0);
	assert_string_equal(line, "alone");
	close(other[0]);
	close(pair[0]);
	close(pair[1]);
}

enum { LONG_BYTES = 3 << 20 };

static void *drain_run(void *arg)
{
	char *text = malloc(LONG_BYTES + 16);
	size_t used = 0;
	ssize_t n;

	while ((n = read(pair[1], text + used, LONG_BYTES + 16 - used)) > 0)
		used += (size_t)n;
	*(size_t *)arg = used;
	for (size_t i = 0; i < LONG_BYTES; i++)
		if (text[i] != (char)('a' + i % 26))
			*(size_t *)arg = 0;
	if (text[used - 1] != '\n')
		*(size_t *)arg = 0;
	free(text);
	return NULL;
}

/* Longer than any socket buffer, from a non-blocking descriptor. */
static void test_send_long(void **state)
{
	char *text = malloc(LONG_BYTES);
	size_t used = 0;
	pthread_t drain;

	(void)state;
	for (size_t i = 0; i < LONG_BYTES; i++)
		text[i] = (char)('a' + i % 26);
	pair_open();
	assert_int_equal(fcntl(pair[0], F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(pthread_create(&drain, NULL, drain_run, &used), 0);
	assert_int_equal(prim_ctl_send(pair[0], text, LONG_BYTES), 0);
	close(pair[0]);
	pthread_join(drain, NULL);
	assert_int_equal(used, LONG_BYTES + 1);
	close(pair[1]);
	free(text);
}

static void *long_run(void *arg)
{
	prim_ctl_send(pair[1], arg, LONG_BYTES);
	prim_ctl_send(pair[1], "end\n", 4);
	return NULL;
}

static void test_recv_long(void **state)
{
	char *text = malloc(LONG_BYTES), *line = malloc(LONG_BYTES + 1);
	pthread_t writer;

	(void)state;
	for (size_t i = 0; i < LONG_BYTES; i++)
		text[i] = (char)('a' + i % 26);
	pair_open();
	assert_int_equal(pthread_create(&writer, NULL, long_run, text), 0);
	assert_int_equal(prim_ctl_recv(pair[0], line, LONG_BYTES + 1, PRIM_FOREVER), 0);
	assert_memory_equal(line, text, LONG_BYTES);
	assert_int_equal(prim_ctl_recv(pair[0], line, LONG_BYTES + 1, PRIM_FOREVER), 0);
	assert_string_equal(line, "end");
	pthread_join(writer, NULL);
	close(pair[0]);
	close(pair[1]);
	free(text);
	free(line);
}

/* ------------------------------------------------------------ two who speak at once */

#define TWO_LINES 2000u

static void *speaker_run(void *arg)
{
	char line[41];
	long sent = 0;

	memset(line, *(const char *)arg, sizeof(line) - 1);
	for (uint32_t i = 0; i < TWO_LINES; i++)
		sent += prim_ctl_send(pair[1], line, sizeof(line) - 1) == 0;
	return (void *)sent;
}

/* The main goroutine and the control thread do. */
static void test_send_two(void **state)
{
	static const char letters[] = "ab";
	pthread_t speaker[2];
	void *sent;
	char line[64];

	(void)state;
	pair_open();
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&speaker[i], NULL, speaker_run, (void *)(uintptr_t)&letters[i]), 0);
	for (uint32_t i = 0; i < 2 * TWO_LINES; i++) {
		assert_int_equal(prim_ctl_recv(pair[0], line, sizeof(line), PRIM_FOREVER), 0);
		assert_int_equal(strlen(line), 40);
		assert_int_equal(strspn(line, (char[]){line[0], '\0'}), 40);
	}
	for (int i = 0; i < 2; i++) {
		pthread_join(speaker[i], &sent);
		assert_int_equal((long)sent, TWO_LINES);
	}
	close(pair[0]);
	close(pair[1]);
}

/* ------------------------------------------------------- a reader to wait for */

static void *reader_run(void *arg)
{
	_Atomic uint64_t *word = arg;

	for (uint64_t i = 1; i <= 1000; i++)
		atomic_store_explicit(word, i, memory_order_release);
	return NULL;
}

static void test_wait_reader(void **state)
{
	_Atomic uint64_t word = 0;
	pthread_t reader;

	(void)state;
	pair_open();
	assert_int_equal(pthread_create(&reader, NULL, reader_run, &word), 0);
	assert_true(prim_sim_wait_reader(pair[0], &word, 1000));
	pthread_join(reader, NULL);
	close(pair[1]);
	assert_true(prim_sim_wait_reader(pair[0], &word, 1000));
	assert_false(prim_sim_wait_reader(pair[0], &word, 1001));
	close(pair[0]);
}

static int group_setup(void **state)
{
	struct prim_options options = {.seed = 1};

	(void)state;
	return prim_init(&options);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_framing),	     cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_bound),	     cmocka_unit_test(test_gone),
		cmocka_unit_test(test_gone_waiting), cmocka_unit_test(test_send_long),
		cmocka_unit_test(test_recv_long),    cmocka_unit_test(test_wait_reader),
		cmocka_unit_test(test_two),	     cmocka_unit_test(test_send_two),
	};

	return cmocka_run_group_tests_name("prim_ctl", tests, group_setup, NULL);
}
