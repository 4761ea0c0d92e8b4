/* fifo.c: see fifo.h. */
#include "workloads/fifo.h"

#include "faults/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIFO_REPLIES	16u
#define FIFO_REPLY_NS	INT64_C(5000000000) /* for somebody to come for a reply */
#define FIFO_PATH_BYTES 4096u

struct fifo {
	int in;
	char *out; /* path; a mapping that is never written again */
	int reply[FIFO_REPLIES];
	uint32_t nreplies;
	int64_t since_ns; /* the first reply waits since; 0: not seen yet */
};

static int fifo_path(char ret[FIFO_PATH_BYTES], const char *prefix, const char *suffix)
{
	int n = snprintf(ret, FIFO_PATH_BYTES, "%s-%d.%s", prefix, (int)getpid(), suffix);

	return n < 0 || (unsigned)n >= FIFO_PATH_BYTES ? -ENAMETOOLONG : 0;
}

/* A name for the sandbox to know: its place is its proof. */
static int fifo_map_out(struct fifo *f, const char *prefix)
{
	char *at = mmap(NULL, FIFO_PATH_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			-1, 0);
	int r;

	if (at == MAP_FAILED)
		return -errno;
	f->out = at;
	r = fifo_path(at, prefix, "out");
	if (r < 0)
		return r;
	return mprotect(at, FIFO_PATH_BYTES, PROT_READ) < 0 ? -errno : 0;
}

static int fifo_make(struct fifo *f, const char *prefix)
{
	char in[FIFO_PATH_BYTES];
	int r = fifo_map_out(f, prefix);

	if (r == 0)
		r = fifo_path(in, prefix, "in");
	if (r == 0 && (mkfifo(in, 0600) < 0 || mkfifo(f->out, 0600) < 0))
		r = -errno;
	if (r < 0)
		return r;
	/* Who comes for a reply and goes before it is written must not end us. */
	signal(SIGPIPE, SIG_IGN);
	/* Both ways: whoever writes comes and goes, and we neither wait for one nor see an end. */
	f->in = open(in, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	return f->in < 0 ? -errno : 0;
}

int fifo_create(struct fifo **ret)
{
	const char *prefix = getenv("GCSTORM_FIFO");
	struct fifo *f;
	int r;

	if (prefix == NULL || prefix[0] == '\0')
		return -ENOENT;
	if (prefix[0] != '/')
		return -EINVAL;
	f = calloc(1, sizeof(*f));
	if (f == NULL)
		return -ENOMEM;
	f->in = -1;
	r = fifo_make(f, prefix);
	if (r < 0)
		fifo_destroy(f);
	else
		*ret = f;
	return r;
}

const char *fifo_reply_path(const struct fifo *f)
{
	return f != NULL ? f->out : NULL;
}

int fifo_fd(const struct fifo *f)
{
	return f != NULL ? f->in : -1;
}

void fifo_reply(struct fifo *f, int status)
{
	if (f->nreplies < FIFO_REPLIES)
		f->reply[f->nreplies++] = status;
}

static void fifo_pop(struct fifo *f)
{
	f->nreplies--;
	memmove(f->reply, f->reply + 1, f->nreplies * sizeof(f->reply[0]));
	f->since_ns = 0;
}

void fifo_flush(struct fifo *f, int64_t now_ns)
{
	char text[16];
	int fd, n;

	if (f == NULL || f->nreplies == 0)
		return;
	if (f->since_ns == 0)
		f->since_ns = now_ns;
	fd = gcs_sandbox_open_reply(f->out);
	if (fd < 0) {
		if (fd != -ENXIO || now_ns - f->since_ns > FIFO_REPLY_NS)
			fifo_pop(f);
		return;
	}
	n = snprintf(text, sizeof(text), "%d\n", f->reply[0]);
	if (write(fd, text, (size_t)n) < 0 && errno == EAGAIN)
		n = 0; /* nobody takes what is in it already: not this one either */
	close(fd);
	fifo_pop(f);
}

void fifo_destroy(struct fifo *f)
{
	if (f == NULL)
		return;
	if (f->in >= 0)
		close(f->in);
	if (f->out != NULL)
		munmap(f->out, FIFO_PATH_BYTES);
	free(f);
}
