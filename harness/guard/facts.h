/*
 * facts.h: what the guard knows of its program at the end, as figures for the report (guard_fact).
 */
#pragma once

#include "harness/guard/debug.h"
#include "harness/guard/throttle.h"

/* What lines of gctrace and MemStats told, and how the asking went. */
void guard_facts_told(const struct guard_trace *t, const struct guard_debug *d);
/*
 * Of all processes that the program was, from their starts to their ends: processor time, switches, page faults (getrusage). Those of a process
 * that did not wait for its children, and did not want to know of their ends, are missing.
 */
void guard_facts_usage(void);
/* From the start to the end of the run, by the program's control group. before: at the start. */
void guard_facts_throttle(const struct guard_throttle *before);
