/*
 * driver.h: the workload drivers as data: what each does, and which keys of a workload it has.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct gcs_driver_info {
	const char *name;
	const char *sentence;
	const char *keys; /* besides id and driver; a blank between two */
};

const struct gcs_driver_info *gcs_drivers(size_t *ret_count);
/* NULL: there is no such driver. */
const struct gcs_driver_info *gcs_driver_by_name(const char *name);
bool gcs_driver_has(const struct gcs_driver_info *driver, const char *key);
