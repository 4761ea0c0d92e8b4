/*
 * crew.h: all workers of a plan: made, let go, gathered, checked.
 *
 * Everything here runs on the main goroutine, but for create (before mrt_run) and destroy (after
 * it).
 */
#pragma once

#include "workloads/workload.h"

struct crew;

/* 0; -EINVAL with a sentence; -ENOMEM. */
int crew_create(struct crew **ret, struct work_env *env, char *text, size_t cap);
/* Start every worker goroutine; each makes its unit and waits. 0, or the first -errno. */
int crew_prepare(mrt_g *g, struct crew *c);
/* env->t0_ns is set: go (under env->stop: only so far that they can be gathered). 0, or -errno when
 * the connections could not be opened (then stop it). */
int crew_begin(mrt_g *g, struct crew *c);
/* Wait until every worker has stopped (env->stop, or its end) and the connections are closed. */
void crew_gather(mrt_g *g, struct crew *c, bool patient);
/* Two whole collections with everything live, the heap check, then every structure against its
 * model. */
void crew_check(mrt_g *g, struct crew *c);
/* Let the workers end. */
void crew_dismiss(mrt_g *g, struct crew *c);
void crew_destroy(struct crew *c);
