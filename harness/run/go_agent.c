/* go_agent.c: see go_agent.h. */
#define _GNU_SOURCE 1 /* asprintf, strverscmp */
#include "harness/run/go_agent.h"
#include "harness/base/spawn.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define AGENT_FILES_MAX	  64u
#define AGENT_FILE_BYTES  ((size_t)1 << 20)
#define AGENT_SAID_BYTES  4096u
#define AGENT_FNV_FIRST	  UINT64_C(0xcbf29ce484222325)
#define AGENT_FNV_PRIME	  UINT64_C(0x100000001b3)

/* One build. */
struct agent {
	char go[GCS_PATH_BYTES];     /* the toolchain's program */
	char source[GCS_PATH_BYTES]; /* where the sources lie */
	char cache[GCS_PATH_BYTES];
	char work[GCS_PATH_BYTES];   /* where it is built; "": not made */
	char version[64];	     /* go1.26.8, or devel go1.27-… */
	char said[AGENT_SAID_BYTES]; /* by go, the last that was run */
	char *file[AGENT_FILES_MAX]; /* names in source, sorted */
	size_t nfiles;
	uint64_t hash;
	char **text;
};

static __attribute__((format(printf, 3, 4))) int agent_fail(struct agent *a, int e,
		const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	if (!*a->text && vasprintf(a->text, format, ap) < 0)
		*a->text = NULL;
	va_end(ap);
	return e;
}

static int agent_join(char ret[GCS_PATH_BYTES], const char *dir, const char *name)
{
	int n = snprintf(ret, GCS_PATH_BYTES, "%s/%s", dir, name);
	return n < 0 || n >= GCS_PATH_BYTES ? -ENAMETOOLONG : 0;
}

/* ---- the toolchain */

static bool agent_is_program(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

static bool agent_in_path(char ret[GCS_PATH_BYTES])
{
	const char *path = getenv("PATH");
	for (size_t n; path && *path; path += n + (path[n] == ':')) {
		n = strcspn(path, ":");
		int len = snprintf(ret, GCS_PATH_BYTES, "%.*s/go", (int)n, path);
		if (n > 0 && len < GCS_PATH_BYTES && agent_is_program(ret))
			return true;
	}
	return false;
}

/* The newest of a distribution's packages. */
static bool agent_packaged(char ret[GCS_PATH_BYTES])
{
	glob_t found;
	*ret = '\0';
	if (glob("/usr/lib/go-*/bin/go", 0, NULL, &found))
		return false;
	for (size_t i = 0; i < found.gl_pathc; i++)
		if (agent_is_program(found.gl_pathv[i]) &&
				strlen(found.gl_pathv[i]) < GCS_PATH_BYTES &&
		    (!*ret || strverscmp(found.gl_pathv[i], ret) > 0))
			strcpy(ret, found.gl_pathv[i]);
	globfree(&found);
	return *ret != '\0';
}

static int agent_toolchain(struct agent *a, const char *toolchain)
{
	if (toolchain) {
		if (strlen(toolchain) >= sizeof a->go || !agent_is_program(toolchain) ||
		    !realpath(toolchain, a->go))
			return agent_fail(a, -ENOENT, "there is no Go at %s (target.go names the "
					"program, as /usr/local/go/bin/go)", toolchain);
		return 0;
	}
	if (agent_in_path(a->go))
		return 0;
	strcpy(a->go, "/usr/local/go/bin/go");
	if (agent_is_program(a->go) || agent_packaged(a->go))
		return 0;
	return agent_fail(a, -ENOENT,
			  "the runtime go needs a Go toolchain, 1.19 or later, and there is none: "
			  "no go in PATH, none in /usr/local/go or "
			  "/usr/lib/go-*; --target go=PATH names its program");
}

/* ---- running it */

static void agent_hear(struct agent *a, int fd)
{
	char drop[512];
	size_t n = 0;
	for (;;) {
		bool room = n < sizeof a->said - 1;
		ssize_t got = read(fd, room ? a->said + n : drop,
				room ? sizeof a->said - 1 - n : sizeof drop);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		n += room ? (size_t)got : 0;
	}
	while (n > 0 && a->said[n - 1] == '\n')
		n--;
	a->said[n] = '\0';
}

/* sh, only to go to a directory first. args: what follows. 0; -ENOSYS when it ends otherwise
 * than with 0; what it said is in a->said. */
static int agent_run(struct agent *a, const char *dir, const char *const *args)
{
	static const char *const quiet[] = {
		"GOTOOLCHAIN=local", "GOFLAGS=-mod=mod", "GO111MODULE=on", "CGO_ENABLED=0",
		"GOPROXY=off", "GOWORK=off", "GO_EXTLINK_ENABLED=0", NULL};
	static const char script[] = "cd \"$0\" && exec \"$@\"";
	const char *all[16] = {"-c", script, dir, a->go};
	char cache[GCS_PATH_BYTES + 20];
	const char *env[16];
	int pipe_fd[2], status = 0;
	size_t n = 0;
	pid_t pid;
	for (size_t i = 0; args[i]; i++)
		all[4 + i] = args[i];
	for (; quiet[n]; n++)
		env[n] = quiet[n];
	snprintf(cache, sizeof cache, "GOCACHE=%s/go-build", a->cache);
	if (!getenv("GOCACHE") && !getenv("HOME") && !getenv("XDG_CACHE_HOME"))
		env[n++] = cache;
	env[n] = NULL;
	if (pipe2(pipe_fd, O_CLOEXEC))
		return -errno;
	int e = gcs_spawn(&(struct gcs_spawn){.path = "/bin/sh", .args = all, .env = env,
			.err_fd = pipe_fd[1], .die_with_parent = 1}, &pid);
	close(pipe_fd[1]);
	if (e == 0)
		agent_hear(a, pipe_fd[0]);
	close(pipe_fd[0]);
	while (e == 0 && waitpid(pid, &status, 0) < 0)
		e = errno == EINTR ? 0 : -errno;
	return e ? e : status == 0 ? 0 : -ENOSYS;
}

/* ---- the sources */

static int agent_by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool agent_scan(struct agent *a, const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	while (d && a->nfiles < AGENT_FILES_MAX && (e = readdir(d)) != NULL) {
		size_t len = strlen(e->d_name);
		if (len > 3 && e->d_name[0] != '.' && strcmp(e->d_name + len - 3, ".go") == 0 &&
		    (a->file[a->nfiles] = strdup(e->d_name)) != NULL)
			a->nfiles++;
	}
	if (d)
		closedir(d);
	qsort(a->file, a->nfiles, sizeof a->file[0], agent_by_name);
	return a->nfiles > 0 && strlen(dir) < sizeof a->source && strcpy(a->source, dir);
}

static int agent_source(struct agent *a)
{
	const char *set = getenv("GCSTORM_GO_AGENT");
	char own[GCS_PATH_BYTES], dir[GCS_PATH_BYTES];
	ssize_t n = readlink("/proc/self/exe", own, sizeof own - 1);
	own[n > 0 ? n : 0] = '\0';
	if (strrchr(own, '/'))
		*strrchr(own, '/') = '\0';
	if (set ? agent_scan(a, set)
		: (agent_join(dir, own, "workloads/go") == 0 && agent_scan(a, dir)) ||
			  (agent_join(dir, own, "../workloads/go") == 0 && agent_scan(a, dir)) ||
			  agent_scan(a, GCS_PKGDATADIR "/go"))
		return 0;
	return agent_fail(a, -ENOENT, "the sources of the agent are not there (%s)",
			set ? set : GCS_PKGDATADIR "/go");
}

static void agent_fold(struct agent *a, const char *data, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		a->hash = (a->hash ^ (unsigned char)data[i]) * AGENT_FNV_PRIME;
}

/* A file whole, malloc'd. NULL: it cannot be read. */
static char *agent_read(const struct agent *a, const char *name, size_t *ret_bytes)
{
	char path[GCS_PATH_BYTES];
	char *data = agent_join(path, a->source, name) == 0 ? malloc(AGENT_FILE_BYTES) : NULL;
	FILE *f = data ? fopen(path, "re") : NULL;
	*ret_bytes = f ? fread(data, 1, AGENT_FILE_BYTES, f) : 0;
	bool whole = f && !ferror(f) && feof(f);
	if (f)
		fclose(f);
	if (whole)
		return data;
	free(data);
	return NULL;
}

static int agent_hash(struct agent *a)
{
	a->hash = AGENT_FNV_FIRST;
	agent_fold(a, a->go, strlen(a->go) + 1);
	agent_fold(a, a->said, strlen(a->said) + 1); /* go env */
	for (size_t i = 0; i < a->nfiles; i++) {
		size_t bytes;
		char *data = agent_read(a, a->file[i], &bytes);
		if (!data)
			return agent_fail(a, -EIO, "%s/%s cannot be read", a->source, a->file[i]);
		agent_fold(a, a->file[i], strlen(a->file[i]) + 1);
		agent_fold(a, data, bytes);
		free(data);
	}
	return 0;
}

/* ---- the cache */

static int agent_cache(struct agent *a)
{
	const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	char *to = a->cache;
	int n;
	if (xdg && *xdg == '/')
		n = snprintf(to, GCS_PATH_BYTES, "%s/gcstorm", xdg);
	else if (home && *home == '/')
		n = snprintf(to, GCS_PATH_BYTES, "%s/.cache/gcstorm", home);
	else
		n = snprintf(to, GCS_PATH_BYTES, "/tmp/gcstorm-cache-%u", (unsigned)geteuid());
	int e = n < 0 || n >= GCS_PATH_BYTES ? -ENAMETOOLONG : gcs_path_make(a->cache);
	struct stat st;
	if (e == 0 && (stat(a->cache, &st) || st.st_uid != geteuid()))
		e = -EPERM; /* what lies there is run */
	return e ? agent_fail(a, e, "no place for the agent at %s: %s", a->cache, strerror(-e)) : 0;
}

static int agent_write(const struct agent *a, const char *name, const char *data, size_t bytes)
{
	char path[GCS_PATH_BYTES];
	FILE *f = agent_join(path, a->work, name) == 0 ? fopen(path, "we") : NULL;
	if (!f)
		return errno ? -errno : -ENAMETOOLONG;
	size_t n = fwrite(data, 1, bytes, f);
	return fclose(f) || n != bytes ? -EIO : 0;
}

/* The sources, and a go.mod of this toolchain's own version: 1.26 of go1.26.8, 1.27 of devel
 * go1.27-…. */
static int agent_copy(struct agent *a)
{
	const char *version = strstr(a->version, "go1.");
	char mod[128];
	int minor = version ? atoi(version + 4) : 19;
	int n = snprintf(mod, sizeof mod, "module gcstorm/agent\n\ngo 1.%d\n", minor), e;
	if (minor < 19)
		return agent_fail(a, -ENOSYS, "%s is %s; the agent needs Go 1.19 or later", a->go,
				a->version);
	if (agent_join(a->work, a->cache, "build-XXXXXX") || !mkdtemp(a->work)) {
		e = -errno;
		*a->work = '\0';
		return agent_fail(a, e, "no place to build the agent at %s: %s", a->cache,
				strerror(-e));
	}
	e = agent_write(a, "go.mod", mod, (size_t)n);
	for (size_t i = 0; i < a->nfiles && e == 0; i++) {
		size_t bytes;
		char *data = agent_read(a, a->file[i], &bytes);
		e = data ? agent_write(a, a->file[i], data, bytes) : -EIO;
		free(data);
	}
	return e ? agent_fail(a, e, "the agent's sources cannot be copied to %s: %s", a->work,
			strerror(-e)) : 0;
}

static void agent_clean(const struct agent *a)
{
	char path[GCS_PATH_BYTES];
	if (!*a->work)
		return;
	for (size_t i = 0; i < a->nfiles; i++)
		if (agent_join(path, a->work, a->file[i]) == 0)
			unlink(path);
	static const char *const more[] = {"go.mod", "agent", NULL};
	for (size_t i = 0; more[i]; i++)
		if (agent_join(path, a->work, more[i]) == 0)
			unlink(path);
	rmdir(a->work);
}

static int agent_build(struct agent *a, const char *path)
{
	static const char *const build[] = {"build", "-trimpath", "-o", "agent", ".", NULL};
	char built[GCS_PATH_BYTES];
	int e = agent_copy(a);
	if (e)
		return e;
	fprintf(stderr, "gcstorm: building the agent with %s (%s) ...\n", a->version, a->go);
	e = agent_run(a, a->work, build);
	if (e)
		return agent_fail(a, e, "%s cannot build the agent:\n%s", a->go, a->said);
	if (agent_join(built, a->work, "agent") || rename(built, path))
		return agent_fail(a, -errno, "the agent cannot be put at %s: %s", path,
				strerror(errno));
	return 0;
}

/* Which Go it is, and what else bears on what it builds. */
static int agent_ask(struct agent *a)
{
	static const char *const ask[] = {"env", "GOVERSION", "GOARCH", "GOAMD64", "GOARM64",
			"GOEXPERIMENT", "GOROOT", NULL};
	int e = agent_run(a, "/", ask);
	if (e)
		return agent_fail(a, e, "%s does not say what it is:\n%s", a->go, a->said);
	snprintf(a->version, sizeof a->version, "%.*s", (int)strcspn(a->said, "\n"), a->said);
	return 0;
}

static int agent_find(struct agent *a, const char *toolchain, char ret_path[GCS_PATH_BYTES])
{
	char name[96], path[GCS_PATH_BYTES];
	int e = agent_toolchain(a, toolchain);
	e = e ? e : agent_source(a);
	e = e ? e : agent_cache(a);
	e = e ? e : agent_ask(a);
	e = e ? e : agent_hash(a);
	if (e)
		return e;
	snprintf(name, sizeof name, "agent-%.*s-%016" PRIx64, (int)strcspn(a->version, " /"),
			a->version, a->hash);
	if (agent_join(path, a->cache, name))
		return agent_fail(a, -ENAMETOOLONG, "%s is too long a place", a->cache);
	if (strstr(a->version, "devel") || !agent_is_program(path))
		e = agent_build(a, path);
	if (e == 0)
		strcpy(ret_path, path);
	return e;
}

int gcs_go_agent_build(char ret_path[GCS_PATH_BYTES], const char *toolchain, char **ret_text)
{
	struct agent *a = calloc(1, sizeof *a);
	if (!a)
		return -ENOMEM;
	a->text = ret_text;
	int e = agent_find(a, toolchain, ret_path);
	agent_clean(a);
	for (size_t i = 0; i < a->nfiles; i++)
		free(a->file[i]);
	free(a);
	return e;
}
