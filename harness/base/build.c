/* build.c: a hash over the programs' files. Not cryptographic: it tells builds apart, it proves nothing. */
#include "harness/base/build.h"

#include "harness/base/paths.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUILD_FACTOR UINT64_C(0x9e3779b97f4a7c15)

static uint64_t build_mix(uint64_t h, uint64_t word)
{
	h = (h ^ word) * BUILD_FACTOR;
	return h ^ h >> 29;
}

static uint64_t build_hash(const unsigned char *p, size_t n)
{
	uint64_t h = build_mix(0, n), word;
	for (; n >= sizeof(word); p += sizeof(word), n -= sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		h = build_mix(h, word);
	}
	word = 0;
	memcpy(&word, p, n);
	return build_mix(h, word);
}

static void build_file(const char *path, char ret[17])
{
	struct stat st;
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *p = MAP_FAILED;
	snprintf(ret, 17, "?");
	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0)
		p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p != MAP_FAILED) {
		snprintf(ret, 17, "%016" PRIx64, build_hash(p, (size_t)st.st_size));
		munmap(p, (size_t)st.st_size);
	}
	if (fd >= 0)
		close(fd);
}

const char *gcs_build_id(bool sim)
{
	static char id[2][GCS_BUILD_BYTES];
	char own[17], target[17], path[GCS_PATH_BYTES];
	if (id[sim][0])
		return id[sim];
	build_file("/proc/self/exe", own);
	build_file(gcs_path_program(sim ? "gcstorm-target-sim" : "gcstorm-target", path) == 0 ? path : NULL, target);
	snprintf(id[sim], sizeof(id[sim]), "%s-%s", own, target);
	return id[sim];
}
