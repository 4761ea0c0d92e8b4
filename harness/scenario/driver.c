/* driver.c: see driver.h. */
#include "harness/scenario/driver.h"

#include <string.h>

static const struct gcs_driver_info drivers[] = {
	{"map-churn",
	 "inserts, deletes and look-ups on maps of integer keys; contents checked against a model",
	 "workers rate keys value value_bytes mix renew"},
	{"slice-append",
	 "appends to slices until they are full grown; short headers keep large arrays alive",
	 "workers rate size retain"},
	{"echo",
	 "requests over connections; each may do one operation of another workload; clients of "
	 "their own",
	 "rate conns handler renew"},
	{"heap-follow",
	 "follows a curve of live bytes and allocation rate; when to collect is the pacer's affair",
	 "workers size follow"},
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
