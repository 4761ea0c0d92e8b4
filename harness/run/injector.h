/*
 * injector.h: the faults of os/: system calls of the target, held by its filter, answered here.
 *
 * A thread reads the calls from the listener that the target sent (faults/listener.h), decides on
 * each with the engine of all faults (faults/gate.h; worker MRT_WORKER_SYSCALL, ordinals counted at
 * matching calls while the fault is armed), and answers: with an errno, after a delay, or at once.
 * A call that is let go on runs in the target as if nobody had asked. When a fault is armed the
 * target's control thread says in the telemetry. Firings are counted and logged there too, as those
 * of the target's own sites.
 *
 * Looks of a poller (os/epoll_pwait) are another matter: what they find is held, not the call
 * (harness/run/looks.h).
 *
 * Many calls are held at once. A delay ends no earlier than it says; at the end of the run, or when
 * it is left, those held are let go on, so that the target can end.
 *
 * If the harness dies, all these calls fail with ENOSYS; the target notices the closed control
 * socket and ends. If it is stopped, they wait; the target's lease runs out, and it ends.
 */
#pragma once

#include "harness/scenario.h"

#include <sys/types.h>

struct mrt_telemetry;
struct gcs_injector;

/* The first fault of os/; NULL: the scenario has none, and needs no injector. */
const struct gcs_fault *gcs_injector_wanted(const struct gcs_scenario *s);

/* Does the scenario hold back what looks of a poller find? */
bool gcs_injector_looks(const struct gcs_scenario *s);

struct gcs_injector_prices {
	int64_t call_ns; /* a call that is asked about and let go on */
	int64_t look_ns; /* a look that finds something and is answered here; 0: not asked for */
	const char *refused; /* after an error: what the system does not allow */
};
/* Medians of some hundred, in a child of the calling process. 0; -errno where the system does not
 * allow it: -EPERM, -ENOSYS, -EINVAL. */
int gcs_injector_price(bool looks, struct gcs_injector_prices *ret);

/* One at a time in a process. telemetry must outlive it; plan is the load line. 0; -ENOMEM,
 * -EINVAL; -ENOTSUP: built with --disable-faults. */
int gcs_injector_create(struct gcs_injector **ret, const char *plan,
			struct mrt_telemetry *telemetry);
/* Faults are armed in this very process (faults/fault.h): what the telemetry says of it is not followed. Before it listens. */
void gcs_injector_armed_here(struct gcs_injector *in);
/* Begin to answer, for the process pid. The listener is the injector's from now on, even after an
 * error. 0, -errno. Again: a new process has come in the place of the old one, which has ended. */
int gcs_injector_listen(struct gcs_injector *in, int listener, pid_t pid);
bool gcs_injector_listens(const struct gcs_injector *in);
/* The next call that matches the fault fires. */
void gcs_injector_fire(struct gcs_injector *in, uint32_t fault);
/* The fault has the numbers of an `edit` line from now on (workloads/plan_edit.h). 0; -errno as of gcs_fault_edit. Any thread but its own,
 * one at a time. */
int gcs_injector_edit(struct gcs_injector *in, const char *line);
/* Nothing is held or fired any more. */
void gcs_injector_release(struct gcs_injector *in);
/* Lets go what is held and closes the listener. NULL is fine. */
void gcs_injector_destroy(struct gcs_injector *in);
