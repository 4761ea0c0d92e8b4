/*
 * vars.c: see vars.h.
 *
 * Integers are read as doubles: NextGC is 2^64 - 1 where there is no goal, which a signed integer does not hold.
 */
#include "harness/guard/vars.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

#define VARS_NUMBER_MAX 9.2e18 /* above: no number of ours */

/* False: there is none from 0 on. */
static bool vars_number(const json_t *value, double *ret)
{
	double number = json_number_value(value);
	if (!json_is_number(value) || !isfinite(number) || number < 0)
		return false;
	*ret = number;
	return true;
}

/* 0: none, or none of ours. */
static uint64_t vars_u64(const json_t *stats, const char *key)
{
	double number;
	if (!vars_number(json_object_get(stats, key), &number) || number > VARS_NUMBER_MAX)
		return 0;
	return (uint64_t)number;
}

static bool vars_list(const json_t *stats, const char *key, uint64_t ret[GUARD_VARS_PAUSES])
{
	const json_t *list = json_object_get(stats, key);
	double number;
	if (json_array_size(list) != GUARD_VARS_PAUSES)
		return false;
	for (size_t i = 0; i < GUARD_VARS_PAUSES; i++) {
		if (!vars_number(json_array_get(list, i), &number) || number > VARS_NUMBER_MAX)
			return false;
		ret[i] = (uint64_t)number;
	}
	return true;
}

static void vars_pauses(const json_t *stats, struct guard_vars *ret)
{
	uint64_t end[GUARD_VARS_PAUSES];
	ret->has_pauses = vars_list(stats, "PauseNs", ret->pause_ns) && vars_list(stats, "PauseEnd", end);
	for (size_t i = 0; ret->has_pauses && i < GUARD_VARS_PAUSES; i++)
		ret->end_wall_ns[i] = (int64_t)end[i];
}

/* What every MemStats has, and nobody else. */
static bool vars_is_memstats(const json_t *stats)
{
	static const char *const keys[] = {"HeapAlloc", "NextGC", "NumGC", "Sys"};
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		if (!json_is_number(json_object_get(stats, keys[i])))
			return false;
	return true;
}

static void vars_read(const json_t *stats, struct guard_vars *ret)
{
	double share;
	*ret = (struct guard_vars){
		.heap_alloc = vars_u64(stats, "HeapAlloc"),
		.heap_inuse = vars_u64(stats, "HeapInuse"),
		.heap_sys = vars_u64(stats, "HeapSys"),
		.sys = vars_u64(stats, "Sys"),
		.goal = vars_u64(stats, "NextGC"),
		.cycles = vars_u64(stats, "NumGC"),
		.forced = vars_u64(stats, "NumForcedGC"),
		.pause_total_ns = vars_u64(stats, "PauseTotalNs"),
		.last_gc_wall_ns = (int64_t)vars_u64(stats, "LastGC"),
	};
	if (vars_number(json_object_get(stats, "GCCPUFraction"), &share) && share <= 1)
		ret->gc_cpu_ppb = (uint32_t)(share * 1e9);
	vars_pauses(stats, ret);
}

int guard_vars_parse(struct guard_vars *ret, const char *text, size_t bytes, const char **ret_why)
{
	json_t *root = json_loadb(text, bytes, JSON_DECODE_INT_AS_REAL, NULL);
	const json_t *stats = json_object_get(root, "memstats");
	bool good = vars_is_memstats(stats);
	if (good)
		vars_read(stats, ret);
	else
		*ret_why = root ? "JSON without a Go program's memstats" : "no JSON";
	json_decref(root);
	return good ? 0 : -EPROTO;
}
