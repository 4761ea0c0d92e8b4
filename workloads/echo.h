/*
 * echo.h: goroutines parked in netpoll, one a connection, that perform one operation of another
 * driver for each request.
 */
#pragma once

#include "workloads/workload.h"

struct echo;

int echo_create(struct echo **ret, struct work_env *env,
		const struct plan_workload *w); /* -ENOMEM */
/* Make the units behind the handlers; real: open the connections. 0, -errno. */
int echo_prepare(mrt_g *g, struct echo *e);
/* t0 is known: start the handlers; sim: and the peers. 0, -errno. */
int echo_begin(mrt_g *g, struct echo *e);
/* Have all clients gone away by themselves? */
bool echo_quiet(const struct echo *e);
/* Close what is open, wait for the handlers. */
void echo_end(mrt_g *g, struct echo *e);
void echo_verify(mrt_g *g, struct echo *e);
void echo_release(mrt_g *g, struct echo *e); /* give up the roots */
void echo_destroy(struct echo *e);	     /* after mrt_run */
