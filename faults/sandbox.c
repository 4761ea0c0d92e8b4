/*
 * sandbox.c: the allow-list, built with libseccomp.
 *
 * One filter, loaded with NO_NEW_PRIVS before the first thread. Sanitizer builds are left alone,
 * since their runtimes open /proc, call prctl and personality, and trace their own threads at exit
 * to find leaks.
 */
#include "faults/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <seccomp.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANDBOX_SANITIZER 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANDBOX_SANITIZER 1
#endif
#ifndef SANDBOX_SANITIZER
#define SANDBOX_SANITIZER 0
#endif

/* By name, so that one list serves every architecture: what one does not have is left out. */
static const char *const sandbox_allowed[] = {
	/* memory */
	"mmap",
	"munmap",
	"mremap",
	"mprotect",
	"madvise",
	"brk",
	"mincore",
	/* threads and waiting */
	"futex",
	"clone",
	"clone3",
	"set_robust_list",
	"set_tid_address",
	"rseq",
	"exit",
	"exit_group",
	"sched_yield",
	"sched_getaffinity",
	"membarrier",
	"gettid",
	"getpid",
	"tgkill",
	"getcpu",
	"rt_sigaction",
	"rt_sigprocmask",
	"rt_sigreturn",
	"sigaltstack",
	"restart_syscall",
	/* time */
	"clock_gettime",
	"clock_getres",
	"clock_nanosleep",
	"nanosleep",
	"gettimeofday",
	/* descriptors that are there, the poller's, and its own pipe to itself */
	"read",
	"write",
	"readv",
	"writev",
	"recvfrom",
	"sendto",
	"recvmsg",
	"sendmsg",
	"close",
	"fcntl",
	"lseek",
	"fstat",
	"poll",
	"ppoll",
	"epoll_create1",
	"epoll_ctl",
	"epoll_wait",
	"epoll_pwait",
	"epoll_pwait2",
	"eventfd2",
	"shutdown",
	/* the rest */
	"getrandom",
	"getrusage",
	"prlimit64",
};

/* Tried by the C library, which does without. */
static const char *const sandbox_refused[] = {
	"open",
	"access",
	"faccessat",
	"faccessat2",
	"readlink",
	"readlinkat",
	"stat",
	"lstat",
	"newfstatat",
	"statx",
	"ioctl",
	"uname",
	"sysinfo",
	"getcwd",
	"sched_setaffinity",
	"sched_getparam",
	"sched_getscheduler",
};

#define SANDBOX_REPLY_FLAGS (O_WRONLY | O_NONBLOCK | O_CLOEXEC)
#define SANDBOX_COUNT(list) (sizeof(list) / sizeof((list)[0]))

static int sandbox_rules(scmp_filter_ctx ctx, unsigned int action, const char *const *name,
			 size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int nr = seccomp_syscall_resolve_name(name[i]), r;

		if (nr == __NR_SCMP_ERROR)
			continue; /* newer than this libseccomp */
		r = seccomp_rule_add(ctx, action, nr, 0);
		if (r < 0 && r != -EDOM) /* -EDOM: not on this architecture */
			return r;
	}
	return 0;
}

/* One path, told by where its text lies, with one set of flags; what else is asked to be opened is
 * refused, as in sandbox_refused. */
static int sandbox_reply(scmp_filter_ctx ctx, const char *path)
{
	const struct scmp_arg_cmp path_is = {
		.arg = 1, .op = SCMP_CMP_EQ, .datum_a = (uintptr_t)path};
	const struct scmp_arg_cmp path_is_not = {
		.arg = 1, .op = SCMP_CMP_NE, .datum_a = (uintptr_t)path};
	const struct scmp_arg_cmp flags_are = {.arg = 2,
					       .op = SCMP_CMP_MASKED_EQ,
					       .datum_a = UINT32_MAX,
					       .datum_b = SANDBOX_REPLY_FLAGS};
	int r;

	if (path == NULL)
		return seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(openat), 0);
	r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(openat), 2, path_is, flags_are);
	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(openat), 1, path_is_not);
	return r;
}

int gcs_sandbox_open_reply(const char *path)
{
	/* The system call itself: the C library's wrapper may add to the flags. */
	long fd = syscall(SYS_openat, AT_FDCWD, path, SANDBOX_REPLY_FLAGS, 0);

	return fd < 0 ? -errno : (int)fd;
}

static int sandbox_build(scmp_filter_ctx ctx, const char *reply_path)
{
	/* Of prctl, a thread may name itself. */
	const struct scmp_arg_cmp naming = {.arg = 0, .op = SCMP_CMP_EQ, .datum_a = PR_SET_NAME};
	const struct scmp_arg_cmp other = {.arg = 0, .op = SCMP_CMP_NE, .datum_a = PR_SET_NAME};
	int r = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1, &naming);

	if (r == 0)
		r = seccomp_rule_add_array(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(prctl), 1, &other);
	if (r == 0)
		r = sandbox_rules(ctx, SCMP_ACT_ALLOW, sandbox_allowed,
				  SANDBOX_COUNT(sandbox_allowed));
	if (r == 0)
		r = sandbox_rules(ctx, SCMP_ACT_ERRNO(EPERM), sandbox_refused,
				  SANDBOX_COUNT(sandbox_refused));
	if (r == 0)
		r = sandbox_reply(ctx, reply_path);
	return r;
}

int gcs_sandbox_enter(enum sandbox_state *ret, const char *reply_path)
{
	scmp_filter_ctx ctx;
	int r;

	*ret = SANDBOX_OFF_SANITIZER;
	if (SANDBOX_SANITIZER)
		return 0;
	ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	if (ctx == NULL)
		return -ENOMEM;
	r = sandbox_build(ctx, reply_path);
	if (r == 0) {
		*ret = SANDBOX_ON;
		r = seccomp_load(ctx);
		/* ECANCELED: libseccomp's word for whatever the kernel said. */
		if (r == -ENOSYS || r == -EINVAL || r == -EPERM || r == -EACCES ||
		    r == -ECANCELED) {
			*ret = SANDBOX_OFF_KERNEL;
			r = 0;
		}
	}
	seccomp_release(ctx);
	return r;
}

const char *gcs_sandbox_notice(enum sandbox_state state)
{
	switch (state) {
	case SANDBOX_ON:
		return NULL;
	case SANDBOX_OFF_SANITIZER:
		return "the sandbox is off: this is a sanitizer build";
	case SANDBOX_OFF_KERNEL:
		return "the sandbox is off: this system does not allow seccomp filters";
	}
	return NULL;
}
