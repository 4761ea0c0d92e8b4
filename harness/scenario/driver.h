/*
 * driver.h: the workload drivers as data: what each does, and which keys of a workload it has.
 */
#pragma once

#include "faults/points.h"

#include <stdbool.h>
#include <stddef.h>

/* A type of the objects that a driver makes, by the name of its descriptor (struct mrt_type). Stable: scenarios match on it. */
struct gcs_driver_type {
	const char *name;
	uint32_t of; /* enum gcs_type_of bits: what has it */
	const char *sentence;
};

struct gcs_driver_info {
	const char *name;
	const char *sentence;
	const char *keys; /* besides id and driver; a blank between two */
	const struct gcs_driver_type *type; /* ntypes of them; a handler's objects are those of its workload */
	size_t ntypes;
};

const struct gcs_driver_info *gcs_drivers(size_t *ret_count);
/* NULL: there is no such driver. */
const struct gcs_driver_info *gcs_driver_by_name(const char *name);
bool gcs_driver_has(const struct gcs_driver_info *driver, const char *key);
