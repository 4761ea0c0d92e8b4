/*
 * ward.c: a program for tests/integration/exec.sh to put under exec: it knows nothing of gcstorm.
 *
 *   ward facts           its descriptors, its filter and what it may not gain, then sleeps
 *   ward naps            it and a child sleep 10 ms at a time; a line when a sleep took 100 ms more
 *   ward says            output to compare byte by byte, lines of gctrace with known figures among it
 *   ward maps            maps and unmaps 20 MiB every 20 ms; refused, it dies with a Go program's words
 *   ward leaves FILE     a child that leaves its group and does not hear SIGTERM; the numbers of both in FILE
 *   ward ends STATUS     after half a second
 *   ward serves HOST:PORT    HTTP on 127.0.0.1, edge-triggered, one thread
 */
#define _GNU_SOURCE 1
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MS 1000000L
#define MAP_BYTES ((size_t)20 << 20)

static long now_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / MS;
}

static void nap(long ms)
{
	nanosleep(&(struct timespec){ms / 1000, ms % 1000 * MS}, NULL);
}

static void status_line(const char *name)
{
	char line[256];
	FILE *f = fopen("/proc/self/status", "re");
	while (f && fgets(line, sizeof line, f))
		if (strncmp(line, name, strlen(name)) == 0)
			fputs(line, stdout);
	if (f)
		fclose(f);
}

static _Noreturn void facts(void)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *e;
	while (dir && (e = readdir(dir)))
		if (e->d_name[0] != '.' && atoi(e->d_name) != dirfd(dir))
			printf("fd %s\n", e->d_name);
	status_line("NoNewPrivs:");
	status_line("Seccomp:");
	printf("GOGC=%s GODEBUG=%s\n", getenv("GOGC") ? getenv("GOGC") : "",
	       getenv("GODEBUG") ? getenv("GODEBUG") : "");
	printf("GCSTORM_OUTPUT=%s\n", getenv("GCSTORM_OUTPUT") ? getenv("GCSTORM_OUTPUT") : "none");
	fflush(stdout);
	for (;;)
		nap(1000);
}

static _Noreturn void naps(void)
{
	const char *who = fork() == 0 ? "child" : "parent";
	for (;;) {
		long from = now_ms();
		nap(10);
		if (now_ms() - from < 110)
			continue;
		printf("%s late\n", who);
		fflush(stdout);
	}
}

/* A cycle every 100 ms: A is 1.1 ms, C the same, but every third time 2.2 ms: so much are the median and the 90th of all, wherever a run begins. */
static _Noreturn void says(void)
{
	fputs("out, without an end of line", stdout);
	fflush(stdout);
	fputs("err\n\xff\xfe not UTF-8\n", stderr);
	for (int i = 1;; i++) {
		fprintf(stderr,
			"gc %d @%d.%d00s 2%%: 1.1+10+%s ms clock, 2.2+1.0/2.0/0.5+4.4 ms cpu, "
			"40->50->20 MB, 60 MB goal, 1 MB stacks, 0 MB globals, 2 P\n",
			i, i / 10, i % 10, i % 3 ? "1.1" : "2.2");
		nap(100);
	}
}

static int maps(void)
{
	for (;;) {
		void *at = mmap(NULL, MAP_BYTES, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (at == MAP_FAILED) {
			fputs("fatal error: runtime: out of memory\n\n", stderr);
			for (int i = 0; i < 500; i++)
				fprintf(stderr, "goroutine %d [running]:\n", i);
			return 2;
		}
		munmap(at, MAP_BYTES);
		fprintf(stderr, "gc 1 @0.1s 1%%: 1.0+1.0+1.0 ms clock, 1.0+1.0/1.0/1.0+1.0 ms cpu, "
				"4->5->2 MB, 6 MB goal, 0 MB stacks, 0 MB globals, 2 P\n");
		nap(20);
	}
}

static _Noreturn void leaves(const char *file)
{
	pid_t child = fork();
	if (child == 0) {
		setsid();
		signal(SIGTERM, SIG_IGN);
		for (;;)
			nap(50);
	}
	FILE *f = fopen(file, "we");
	fprintf(f, "%d %d\n", (int)getpid(), (int)child);
	fclose(f);
	for (;;)
		nap(50);
}

static void serve_conn(int fd)
{
	static const char reply[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
				    "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n";
	char bytes[4096];
	ssize_t n;
	while ((n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT)) > 0)
		if (send(fd, reply, sizeof reply - 1, MSG_NOSIGNAL) < 0)
			break;
	if (n == 0 || (n < 0 && errno != EAGAIN))
		close(fd);
}

static int serves(int port)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct epoll_event e, got[64];
	int s = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), ep = epoll_create1(0), one = 1;
	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(s, (struct sockaddr *)&at, sizeof at) || listen(s, 64)) {
		perror("ward");
		return 1;
	}
	e = (struct epoll_event){.events = EPOLLIN, .data.fd = s};
	epoll_ctl(ep, EPOLL_CTL_ADD, s, &e);
	for (;;) {
		int n = epoll_wait(ep, got, 64, -1);
		for (int i = 0; i < n; i++) {
			if (got[i].data.fd != s) {
				serve_conn(got[i].data.fd);
				continue;
			}
			int fd = accept4(s, NULL, NULL, SOCK_NONBLOCK);
			e = (struct epoll_event){.events = EPOLLIN | EPOLLET, .data.fd = fd};
			epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
		}
	}
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "", *arg = argc > 2 ? argv[2] : "";
	if (strcmp(what, "facts") == 0)
		facts();
	if (strcmp(what, "naps") == 0)
		naps();
	if (strcmp(what, "says") == 0)
		says();
	if (strcmp(what, "maps") == 0)
		return maps();
	if (strcmp(what, "leaves") == 0)
		leaves(arg);
	if (strcmp(what, "serves") == 0)
		return serves(atoi(strrchr(arg, ':') ? strrchr(arg, ':') + 1 : arg));
	nap(500);
	return atoi(arg);
}
