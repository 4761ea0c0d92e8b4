/*
 * show.h: what there is, told one at a time: an incident's story, a fault point, a driver, a
 * metric. The examples are such as can be put into a scenario.
 */
#pragma once

#include "harness/scenario/driver.h"
#include "harness/measure/metric.h"
#include "harness/base/page.h"

#include "faults/condition.h"
#include "faults/points.h"

/* A scenario and the story beside it (NAME.md by NAME.yaml; without one, its `about`). 0; -EINVAL
 * with *ret_error as gcs_scenario_load. */
int gcs_show_incident(const char *path, const struct gcs_page *page, FILE *out,
		      struct gcs_scenario_error *ret_error);
void gcs_show_point(const struct gcs_point_info *point, const struct gcs_page *page, FILE *out);
void gcs_show_driver(const struct gcs_driver_info *driver, const struct gcs_page *page, FILE *out);
void gcs_show_state(const struct gcs_state_info *state, const struct gcs_page *page, FILE *out);
void gcs_show_metric(const struct gcs_metric *metric, const struct gcs_page *page, FILE *out);

#define GCS_EXAMPLE_BYTES 256
/* An item of `faults`, for a scenario with a phase `storm`; action: one bit of the point's. */
void gcs_point_example(const struct gcs_point_info *point, enum gcs_action action,
		       char ret[GCS_EXAMPLE_BYTES]);
/* An item of `workload`, for a scenario that has one called `maps` already. */
const char *gcs_driver_example(const struct gcs_driver_info *driver);
/* A fault with a condition on the state, as gcs_point_example. */
void gcs_state_example(const struct gcs_state_info *state, char ret[GCS_EXAMPLE_BYTES]);
/* A check, for a scenario with a workload `maps` and a fault `oom`. */
void gcs_metric_example(const struct gcs_metric *metric, char ret[GCS_EXAMPLE_BYTES]);
