/*
 * look.h: what the looks at the scheduler and at maps found in an interval, and the bytes that the record keeps of that
 * (table `looks`): of each look how much waited and grew, and the last picture whole.
 *
 * The bytes are varints after a number that names their form. A figure that is not told (UINT64_MAX) takes one byte: all of them are
 * kept plus one.
 */
#pragma once

#include "harness/snapshot.h"

#define GCS_LOOK_POINTS_MAX 1024 /* of an interval; what comes later joins the last one */

struct gcs_look_point {
	int64_t t_ns;
	uint32_t runq;   /* as gcs_cell.runq_max */
	uint8_t growing; /* as gcs_cell.maps_growing */
};

struct gcs_look {
	struct gcs_sched_view sched; /* of the last look */
	struct gcs_map_view map[GCS_MAPS_SHOWN];
	uint32_t nmaps;
	struct gcs_look_point *point;
	uint32_t npoints, cap;
};

/* Goroutines that wait for a P; 0: nobody looks. */
uint32_t gcs_look_runq(const struct gcs_sched_view *sched);
uint8_t gcs_look_growing(const struct gcs_map_view *map, uint32_t n);

/* The last picture (map: NULL will do for none); *look is made when it is NULL. False: no memory, it is lost. */
bool gcs_look_set(struct gcs_look **look, const struct gcs_sched_view *sched, const struct gcs_map_view *map, uint32_t nmaps);
/* One more look's figures. Without memory they join the ones before. */
void gcs_look_mark(struct gcs_look *look, const struct gcs_look_point *point);
/* What comes after: *from goes into *to, and is NULL then. */
void gcs_look_join(struct gcs_look **to, struct gcs_look **from);
void gcs_look_destroy(struct gcs_look *look);
/* The most of its points. */
struct gcs_look_point gcs_look_most(const struct gcs_look *look);

/* Length; *ret is malloc'd, NULL when there is no memory. */
size_t gcs_look_points_encode(const struct gcs_look *look, unsigned char **ret);
size_t gcs_look_sched_encode(const struct gcs_sched_view *sched, unsigned char **ret);
size_t gcs_look_maps_encode(const struct gcs_map_view *map, uint32_t n, unsigned char **ret);
size_t gcs_look_stalls_encode(const struct gcs_stall_view *stall, uint32_t n, unsigned char **ret);

/* 0; -EPROTO: not such bytes, then ret is empty. Each point goes to fn until they are no such bytes. */
int gcs_look_points_decode(const void *bytes, size_t n, void (*fn)(void *self, const struct gcs_look_point *point), void *self);
int gcs_look_sched_decode(const void *bytes, size_t n, struct gcs_sched_view *ret);
int gcs_look_maps_decode(const void *bytes, size_t n, struct gcs_map_view ret[GCS_MAPS_SHOWN], uint32_t *ret_n);
int gcs_look_stalls_decode(const void *bytes, size_t n, struct gcs_stall_view ret[GCS_STALLS_SHOWN], uint32_t *ret_n);
