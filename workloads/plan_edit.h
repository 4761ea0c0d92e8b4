/*
 * plan_edit.h: what an operator changes of a plan while the run goes on: lines `edit` and `rate` of
 * docs/control-protocol.md. The plan itself stays as it was loaded.
 */
#pragma once

#include "workloads/plan.h"

#include <jansson.h>

/* The fault that an `edit` line names, with the line's numbers. 0; -EINVAL: no such fault, or a
 * number is missing or out of range. (That they go together is for gcs_fault_edit to say.) */
int plan_edit_fault(const struct plan *p, const json_t *line, uint32_t *ret_fault,
		    struct gcs_fault_spec *ret);
/* The workload and the operations a second of a `rate` line. 0; -EINVAL: no such workload, one
 * without a rate (a closed loop, or a driver with a clock of its own), or no rate. */
int plan_edit_rate(const struct plan *p, const json_t *line, uint32_t *ret_workload,
		   uint64_t *ret_rate);
