/* driver.c: see driver.h. */
#include "harness/scenario/driver.h"

#include <string.h>

#define OBJECT GCS_TYPE_OF_OBJECT
#define MAP    GCS_TYPE_OF_MAP
#define SLICE  GCS_TYPE_OF_SLICE

static const struct gcs_driver_type types_map_churn[] = {
	{"churn element", OBJECT | MAP, "what stands in a map by its key; an object of its own when it is indirect"},
	{"churn value", OBJECT, "what an element points to (value: ptr, pooled)"},
	{"churn key", OBJECT, "the text of a key (key: string)"},
	{"churn hold", OBJECT, "the pair of a map and its shelf (value: pooled)"},
	{"churn shelf", OBJECT, "the array of objects that wait to be used again (value: pooled)"},
	{"map", OBJECT, "the header of a map"},
	{"map.bucket", OBJECT, "buckets of a map, with what stands in them"},
	{"map.extra", OBJECT, "where a map of no pointers keeps its overflow buckets"},
	{"map.list", OBJECT, "a list of overflow buckets"},
	{"pointer", OBJECT, "the array of such a list"},
};
static const struct gcs_driver_type types_slice_append[] = {
	{"append element", OBJECT | SLICE, "the arrays of the slices"},
	{"append header", OBJECT, "the headers of the slices, one array a worker"},
};
static const struct gcs_driver_type types_heap_follow[] = {
	{"follow words", OBJECT, "an object without pointers"},
	{"follow cell", OBJECT, "an object with pointers"},
	{"follow slot", OBJECT, "arrays that hold the objects"},
};
static const struct gcs_driver_type types_sync_map[] = {
	{"sync value", OBJECT, "what a key has"},
	{"sync.map", OBJECT, "the header of the map"},
	{"sync.map.entry", OBJECT, "what both parts of the map have by a key: the pointer to its value"},
	{"sync.map.read", OBJECT, "the read part: a map, and whether the dirty one has more"},
	{"map", OBJECT, "the header of either part's map"},
	{"map.bucket", OBJECT, "its buckets"},
	{"map.list", OBJECT, "a list of overflow buckets"},
	{"pointer", OBJECT | MAP, "what stands in either part's map; the array of such a list"},
};

#undef OBJECT
#undef MAP
#undef SLICE

#define TYPES(list) .type = list, .ntypes = sizeof list / sizeof list[0]

static const struct gcs_driver_info drivers[] = {
	{"map-churn",
	 "inserts, deletes and look-ups on maps, by integers, strings or arrays; contents checked against a model",
	 "workers rate keys key value value_bytes mix renew", TYPES(types_map_churn)},
	{"slice-append",
	 "appends to slices until they are full grown; short headers keep large arrays alive",
	 "workers rate size retain", TYPES(types_slice_append)},
	{"echo",
	 "requests over connections; each may do one operation of another workload; clients of "
	 "their own",
	 "rate conns handler renew", NULL, 0},
	{"heap-follow",
	 "follows a curve of live bytes and allocation rate; when to collect is the pacer's affair",
	 "workers size pointers follow", TYPES(types_heap_follow)},
	{"sync-map",
	 "stores, deletions, look-ups and walks of all workers on one sync.Map; contents checked "
	 "against a model",
	 "workers rate keys value_bytes mix", TYPES(types_sync_map)},
	{"http",
	 "the clients of a program under exec: GET requests over kept connections, by the clock; a "
	 "request that is refused or cut off is an error, and so is a status of 500 and above",
	 "rate conns url", NULL, 0},
};

const struct gcs_driver_info *gcs_drivers(size_t *ret_count)
{
	*ret_count = sizeof drivers / sizeof drivers[0];
	return drivers;
}

const struct gcs_driver_info *gcs_driver_by_name(const char *name)
{
	for (size_t i = 0; i < sizeof drivers / sizeof drivers[0]; i++)
		if (strcmp(drivers[i].name, name) == 0)
			return &drivers[i];
	return NULL;
}

bool gcs_driver_has(const struct gcs_driver_info *driver, const char *key)
{
	size_t n = strlen(key);
	for (const char *p = driver->keys; *p; p += strcspn(p, " "), p += *p == ' ')
		if (strncmp(p, key, n) == 0 && (p[n] == ' ' || p[n] == '\0'))
			return true;
	return false;
}
