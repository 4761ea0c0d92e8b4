/* kept_file.c: see kept_file.h. */
#include "harness/run/kept_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define KEPT_ERRNO_MAX 4095 /* the kernel's MAX_ERRNO */

int gcs_kept_file_open(struct gcs_kept_file *k, const char *what, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0)
		return -errno;
	*k = (struct gcs_kept_file){.what = what, .path = path, .fd = fd};
	return 0;
}

void gcs_kept_file_made(struct gcs_kept_file *k, int e)
{
	k->told = true;
	k->error = e <= 0 && e >= -KEPT_ERRNO_MAX ? e : -EPROTO; /* not trusted */
	/* Some file systems tell of a full disk only here. */
	if (k->error == 0 && k->fd >= 0 && fsync(k->fd) < 0)
		k->error = -errno;
	k->kept = k->fd >= 0 && k->error == 0;
}

static const char *kept_why_not(const struct gcs_kept_file *k)
{
	if (!k->told)
		return "the target ended before it could be written";
	return k->error == -ENODATA ? "there was nothing to write" : strerror(-k->error);
}

bool gcs_kept_file_tell(const struct gcs_kept_file *k, FILE *out)
{
	if (!k->path)
		return true;
	if (k->kept)
		fprintf(out, "gcstorm: %s: %s\n", k->what, k->path);
	else
		fprintf(out, "gcstorm: no %s at %s: %s\n", k->what, k->path, kept_why_not(k));
	return k->kept;
}

void gcs_kept_file_close(struct gcs_kept_file *k)
{
	if (k->fd < 0)
		return;
	close(k->fd);
	k->fd = -1;
	if (!k->kept)
		unlink(k->path);
}
