/* heap_profile.c: see heap_profile.h. */
#include "harness/run/heap_profile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define HEAP_PROFILE_ERRNO_MAX 4095 /* the kernel's MAX_ERRNO */

int gcs_heap_profile_open(struct gcs_heap_profile *p, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0)
		return -errno;
	*p = (struct gcs_heap_profile){.path = path, .fd = fd};
	return 0;
}

void gcs_heap_profile_made(struct gcs_heap_profile *p, int e)
{
	p->told = true;
	p->error = e <= 0 && e >= -HEAP_PROFILE_ERRNO_MAX ? e : -EPROTO; /* not trusted */
	/* Some file systems tell of a full disk only here. */
	if (p->error == 0 && p->fd >= 0 && fsync(p->fd) < 0)
		p->error = -errno;
	p->kept = p->fd >= 0 && p->error == 0;
}

bool gcs_heap_profile_tell(const struct gcs_heap_profile *p, FILE *out)
{
	if (!p->path)
		return true;
	if (p->kept)
		fprintf(out, "gcstorm: heap profile: %s\n", p->path);
	else if (p->told)
		fprintf(out, "gcstorm: no heap profile at %s: %s\n", p->path, strerror(-p->error));
	else
		fprintf(out, "gcstorm: no heap profile at %s: the target ended before it could be written\n", p->path);
	return p->kept;
}

void gcs_heap_profile_close(struct gcs_heap_profile *p)
{
	if (p->fd < 0)
		return;
	close(p->fd);
	p->fd = -1;
	if (!p->kept)
		unlink(p->path);
}
