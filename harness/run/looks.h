/*
 * looks.h: looks of a poller (epoll_wait(2), epoll_pwait(2), epoll_pwait2(2)), answered in the
 * kernel's place, so that what they find can be held back.
 *
 * A look that may block waits here, on a duplicate of the target's own epoll descriptor, from the
 * target's first look on: none is in the kernel when a fault is armed, and who waits here is given
 * what was held. Its timeout is kept. What a look finds is taken from the kernel, perhaps held, and
 * written into the target's memory when the call is answered.
 *
 * An edge is told once, so what was taken is never lost: it stays here until an answer that gives it
 * has been accepted. A call that is gone (its thread was killed) leaves its events to the next. What
 * is level-triggered, as the descriptor is by which a runtime breaks its own poller's sleep, is
 * never held: the kernel tells of it again, and nobody waits for the runtime's own orders.
 *
 * A look that does not block is never held either: it gets what is due, or nothing. It goes on in
 * the kernel when there is nothing to be done. So does one that cannot be answered from here: with
 * a signal mask, of another process, or with arguments that the kernel refuses.
 *
 * Limits: which descriptors are level-triggered is read at the first look and again after firings,
 * once a second. Not thread-safe: all of it is the injector's thread's.
 */
#pragma once

#include "faults/gate.h"

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define GCS_LOOKS_POLLERS 16 /* of one target; looks of more go on in the kernel */

struct seccomp_notif;
struct gcs_looks;

struct gcs_looks_sink {
	void *self;
	/* A look has found so many events that are told once. False: nothing fires. */
	bool (*found)(void *self, uint32_t events, int64_t now_ns, struct gcs_firing *ret);
	void (*effect)(void *self, uint64_t firing, enum gcs_effect effect, uint64_t value,
		       int64_t now_ns);
	/* The call returns count, or fails with err. False: it is gone. */
	bool (*answer)(void *self, uint64_t id, uint32_t count, int err);
	void (*go_on)(void *self, uint64_t id);
};

enum gcs_looks_mode {
	GCS_LOOKS_ARMED,
	GCS_LOOKS_CALM,	 /* nothing fires now */
	GCS_LOOKS_QUIET, /* nor ever again: only what was taken before is given */
};

/* May this process answer pid's looks? Tried out on its descriptor fd and on the word at address
 * `at`, which it writes back as it was. 0; -errno, and *ret_what names what the system refused. */
int gcs_looks_allowed(pid_t pid, int fd, uint64_t at, const char **ret_what);
/* 0, -errno. */
int gcs_looks_create(struct gcs_looks **ret, pid_t pid, const struct gcs_looks_sink *sink);
/* NULL is fine. Whoever waits must have been let go before. */
void gcs_looks_destroy(struct gcs_looks *l);

/* True: the call is answered, or will be. False: it is to go on. */
bool gcs_looks_take(struct gcs_looks *l, const struct seccomp_notif *call, enum gcs_looks_mode mode,
		    int64_t now_ns);
/* What to wait for: at most GCS_LOOKS_POLLERS descriptors; their number. */
int gcs_looks_fds(const struct gcs_looks *l, struct pollfd *fds);
/* And until when; INT64_MAX: only for these. */
int64_t gcs_looks_due_ns(const struct gcs_looks *l);
/* Something of that has come: answer whom it concerns. */
void gcs_looks_serve(struct gcs_looks *l, int64_t now_ns);
/* Nothing is held any more: who waits gets what was held, else begins again (EINTR), or, with
 * `for_good`, goes on in the kernel; what is left is given to the next looks. */
void gcs_looks_let_go(struct gcs_looks *l, bool for_good, int64_t now_ns);
