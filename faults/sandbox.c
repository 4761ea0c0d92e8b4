/*
 * sandbox.c: the allow-list, built with libseccomp.
 *
 * One filter, loaded with NO_NEW_PRIVS before the first thread, whatever it is for: of two, the one
 * that refuses would outrank the one that asks. Sanitizer builds are left alone,
 * since their runtimes open /proc, call prctl and personality, and trace their own threads at exit
 * to find leaks.
 */
#include "faults/sandbox.h"

#include "faults/listener.h"
#include "faults/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
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
	"pwrite64", /* the heap profile */
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

/* The calls of points that are asked about have a rule of their own. */
static bool sandbox_asks(const struct sandbox_options *opt, int nr)
{
	const struct gcs_syscalls *s = gcs_syscalls_by_nr(nr);

	for (size_t i = 0; s != NULL && i < opt->npoints; i++)
		if (opt->point[i] == s->point)
			return true;
	return false;
}

static int sandbox_rules(scmp_filter_ctx ctx, unsigned int action, const char *const *name,
			 size_t n, const struct sandbox_options *opt)
{
	for (size_t i = 0; i < n; i++) {
		int nr = seccomp_syscall_resolve_name(name[i]), r;

		if (nr == __NR_SCMP_ERROR || sandbox_asks(opt, nr))
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

/* One call to ask about; of those on descriptors, the target's own lines are let through. */
static int sandbox_ask(scmp_filter_ctx ctx, const struct gcs_syscalls *s, int nr, bool confine,
		       int first_fd)
{
	const unsigned int first = first_fd != 0 ? (unsigned int)first_fd : GCS_SYSCALLS_FD;
	const struct scmp_arg_cmp outer = {.arg = 0, .op = SCMP_CMP_GE, .datum_a = first};
	const struct scmp_arg_cmp own = {.arg = 0, .op = SCMP_CMP_LT, .datum_a = first};
	int r;

	if (!s->connection)
		return seccomp_rule_add(ctx, SCMP_ACT_NOTIFY, nr, 0);
	r = seccomp_rule_add_array(ctx, SCMP_ACT_NOTIFY, nr, 1, &outer);
	if (r == 0 && confine)
		r = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, nr, 1, &own);
	return r;
}

/* Two faults on one point: one rule. */
static bool sandbox_named_before(const struct sandbox_options *opt, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (opt->point[k] == opt->point[i])
			return true;
	return false;
}

/* ret_any: there is something to ask about. */
static int sandbox_asked(scmp_filter_ctx ctx, const struct sandbox_options *opt, bool confine,
			 bool *ret_any)
{
	int r = 0;

	for (size_t i = 0; i < opt->npoints; i++) {
		const struct gcs_syscalls *s = gcs_syscalls_of(opt->point[i]);

		if (s == NULL || sandbox_named_before(opt, i))
			continue;
		*ret_any = true;
		for (size_t k = 0; k < s->count && r == 0; k++)
			if (s->nr[k] >= 0)
				r = sandbox_ask(ctx, s, s->nr[k], confine, opt->first_fd);
	}
	return r;
}

static int sandbox_build(scmp_filter_ctx ctx, const struct sandbox_options *opt)
{
	/* Of prctl, a thread may name itself. */
	const struct scmp_arg_cmp naming = {.arg = 0, .op = SCMP_CMP_EQ, .datum_a = PR_SET_NAME};
	const struct scmp_arg_cmp other = {.arg = 0, .op = SCMP_CMP_NE, .datum_a = PR_SET_NAME};
	int r = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1, &naming);

	if (r == 0)
		r = seccomp_rule_add_array(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(prctl), 1, &other);
	if (r == 0)
		r = sandbox_rules(ctx, SCMP_ACT_ALLOW, sandbox_allowed,
				  SANDBOX_COUNT(sandbox_allowed), opt);
	if (r == 0)
		r = sandbox_rules(ctx, SCMP_ACT_ERRNO(EPERM), sandbox_refused,
				  SANDBOX_COUNT(sandbox_refused), opt);
	if (r == 0)
		r = sandbox_reply(ctx, opt->reply_path);
	return r;
}

/* libseccomp writes the program, of which *ret is a mapping. */
static int sandbox_export(scmp_filter_ctx ctx, struct sock_fprog *ret)
{
	void *code = MAP_FAILED;
	off_t bytes = 0;
	int fd = memfd_create("filter", MFD_CLOEXEC), r;

	if (fd < 0)
		return -errno;
	r = seccomp_export_bpf(ctx, fd);
	if (r == 0 && (bytes = lseek(fd, 0, SEEK_END)) > 0)
		code = mmap(NULL, (size_t)bytes, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (code == MAP_FAILED)
		return r < 0 ? r : -ENOMEM;
	ret->filter = code;
	ret->len = (unsigned short)((size_t)bytes / sizeof(*ret->filter));
	return 0;
}

static int sandbox_load(scmp_filter_ctx ctx, enum sandbox_state *ret)
{
	int r = seccomp_load(ctx);

	*ret = SANDBOX_ON;
	/* ECANCELED: libseccomp's word for whatever the kernel said. */
	if (r == -ENOSYS || r == -EINVAL || r == -EPERM || r == -EACCES || r == -ECANCELED) {
		*ret = SANDBOX_OFF_KERNEL;
		r = 0;
	}
	return r;
}

int gcs_sandbox_enter_with(const struct sandbox_options *opt, enum sandbox_state *ret,
			   int *ret_listener)
{
	bool confine = opt->confine && !SANDBOX_SANITIZER, asks = false;
	struct sock_fprog prog = {0};
	scmp_filter_ctx ctx = seccomp_init(confine ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ALLOW);
	int r;

	*ret = confine ? SANDBOX_ON : SANDBOX_OFF_SANITIZER;
	*ret_listener = -1;
	if (ctx == NULL)
		return -ENOMEM;
	r = sandbox_asked(ctx, opt, confine, &asks);
	if (r == 0 && confine)
		r = sandbox_build(ctx, opt);
	if (r == 0 && asks)
		r = sandbox_export(ctx, &prog);
	else if (r == 0 && confine)
		r = sandbox_load(ctx, ret);
	seccomp_release(ctx);
	if (r == 0 && asks) {
		/* From here on a call that is asked about waits for whoever gets the listener:
		 * nothing is freed, the mapping stays. */
		*ret_listener = gcs_listener_load(&prog);
		r = *ret_listener < 0 ? *ret_listener : 0;
	}
	return r;
}

int gcs_sandbox_ask_program(const enum gcs_point *point, size_t npoints, int first_fd,
			    struct sock_fprog *ret)
{
	const struct sandbox_options opt = {
		.point = point, .npoints = npoints, .first_fd = first_fd};
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	bool asks = false;
	int r;

	*ret = (struct sock_fprog){0};
	if (ctx == NULL)
		return -ENOMEM;
	r = sandbox_asked(ctx, &opt, false, &asks);
	if (r == 0 && asks)
		r = sandbox_export(ctx, ret);
	seccomp_release(ctx);
	return r;
}

int gcs_sandbox_enter(enum sandbox_state *ret, const char *reply_path)
{
	const struct sandbox_options opt = {.reply_path = reply_path, .confine = true};
	int listener;

	return gcs_sandbox_enter_with(&opt, ret, &listener);
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
