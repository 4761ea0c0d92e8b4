/*
 * points.h: the catalogue of fault points as data: names to ids and back.  Knows neither libfiu nor
 * the runtime, so that the harness can link it alone.
 */
#pragma once

#include "faults/gate.h"

#include <stddef.h>

struct gcs_point_info {
	enum gcs_point id;
	const char *name;   /* "mem/malloc" */
	const char *family; /* "mem" */
	uint32_t actions;   /* enum gcs_action bits that it allows */
	int default_errno;  /* positive; 0: none */
	bool benign;	    /* the program may swallow the failure without harm */
	const char *size_is; /* what a match on size compares, in bytes; NULL: the site knows no size */
	const char *sentence;
};

/* All points in the order of points.def, saboteurs behind them. */
const struct gcs_point_info *gcs_points(size_t *ret_count);
/* NULL: there is no such point. */
const struct gcs_point_info *gcs_point_by_name(const char *name);
const struct gcs_point_info *gcs_point_by_id(uint32_t id);

/* A saboteur: what fires there breaks the runtime, to prove that the checks find it. Stands behind all other points in the
 * catalogue; fires only in a scenario that names it. */
bool gcs_point_sabotages(const struct gcs_point_info *point);

/* May a failure there have this errno? Below the policy (all of mem/ but mem/malloc) there is one error: the allocator takes no other
 * for want of memory. */
bool gcs_point_error_fits(const struct gcs_point_info *point, int err);

/* Do its faults have a place and a mode (gate.h)? gc/write alone. */
bool gcs_point_has_places(const struct gcs_point_info *point);
/* "before_shade", "start", …; NULL: none. A mode of `edge` is written apart, as edge: true. */
const char *gcs_where_name(uint32_t where);
const char *gcs_mode_name(uint32_t mode);
/* May a figure there be multiplied by this, in 10^-3? At map/hash it is a share of the buckets: less than one. */
bool gcs_point_factor_fits(const struct gcs_point_info *point, uint32_t by_milli);
/* ---- what its site knows besides the size */
/* False: a system call, about which the harness decides, outside the target. */
bool gcs_point_in_target(const struct gcs_point_info *point);
/* Whose type a match on type compares there; NONE: the site knows no type. */
enum gcs_type_of { GCS_TYPE_OF_NONE, GCS_TYPE_OF_OBJECT = 1, GCS_TYPE_OF_MAP = 2, GCS_TYPE_OF_SLICE = 4 };
enum gcs_type_of gcs_point_type_of(const struct gcs_point_info *point);
/* "the object that is allocated", "the elements of the map", …; NULL of NONE. */
const char *gcs_type_of_words(enum gcs_type_of of);
/* Is a visit about a map, whose state a condition may ask for? */
bool gcs_point_has_map(const struct gcs_point_info *point);
/* Is a visit about a goroutine? False: it is the runtime's own affair. */
bool gcs_point_has_goroutine(const struct gcs_point_info *point);

/* "fail", "delay", …; of one action bit. NULL: none. */
const char *gcs_action_name(enum gcs_action action);
/* GCS_ACT_NONE: no such action. */
enum gcs_action gcs_action_by_name(const char *name);
