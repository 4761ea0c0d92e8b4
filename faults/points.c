/*
 * points.c: the tables that points.def generates.
 */
#include "faults/points.h"

#include <errno.h>
#include <string.h>

static const struct gcs_point_info points[] = {
#define POINT(id_, family_, name_, actions_, errno_, benign_, size_is_, sentence_)                 \
	{.id = GCS_POINT_##family_##_##name_,                                                      \
	 .name = #family_ "/" #name_,                                                              \
	 .family = #family_,                                                                       \
	 .actions = (actions_),                                                                    \
	 .default_errno = (errno_),                                                                \
	 .benign = (benign_) != 0,                                                                 \
	 .size_is = (size_is_),                                                                    \
	 .sentence = (sentence_)},
#include "faults/points.def"
#include "faults/saboteurs.def"
#undef POINT
};

#define POINTS_COUNT (sizeof(points) / sizeof(points[0]))

static const struct {
	enum gcs_action action;
	const char *name;
} actions[] = {
	{GCS_ACT_FAIL, "fail"}, {GCS_ACT_DELAY, "delay"},	  {GCS_ACT_FORCE, "force"},
	{GCS_ACT_DROP, "drop"}, {GCS_ACT_DUPLICATE, "duplicate"}, {GCS_ACT_REORDER, "reorder"},
	{GCS_ACT_BIAS, "bias"}, {GCS_ACT_BREAK, "break"},
	{GCS_ACT_COALESCE, "coalesce"},
};

#define ACTIONS_COUNT (sizeof(actions) / sizeof(actions[0]))

const struct gcs_point_info *gcs_points(size_t *ret_count)
{
	*ret_count = POINTS_COUNT;
	return points;
}

const struct gcs_point_info *gcs_point_by_name(const char *name)
{
	for (size_t i = 0; i < POINTS_COUNT; i++)
		if (strcmp(points[i].name, name) == 0)
			return &points[i];
	return NULL;
}

const struct gcs_point_info *gcs_point_by_id(uint32_t id)
{
	for (size_t i = 0; i < POINTS_COUNT; i++)
		if ((uint32_t)points[i].id == id)
			return &points[i];
	return NULL;
}

bool gcs_point_sabotages(const struct gcs_point_info *point)
{
	return (point->actions & GCS_ACT_BREAK) != 0;
}

bool gcs_point_error_fits(const struct gcs_point_info *point, int err)
{
	switch (point->id) {
	case GCS_POINT_mem_refill:
	case GCS_POINT_mem_large:
	case GCS_POINT_mem_span:
	case GCS_POINT_mem_os_reserve:
	case GCS_POINT_mem_os_commit:
		return err == point->default_errno;
	default:
		return true;
	}
}

bool gcs_point_factor_fits(const struct gcs_point_info *point, uint32_t by_milli)
{
	return point->id != GCS_POINT_map_hash || by_milli < 1000;
}

bool gcs_point_in_target(const struct gcs_point_info *point)
{
	return strcmp(point->family, "os") != 0;
}

enum gcs_type_of gcs_point_type_of(const struct gcs_point_info *point)
{
	switch (point->id) {
	case GCS_POINT_mem_malloc:
	case GCS_POINT_gc_alloc:
		return GCS_TYPE_OF_OBJECT;
	case GCS_POINT_gc_append:
	case GCS_POINT_slice_grow:
	case GCS_POINT_slice_alias:
		return GCS_TYPE_OF_SLICE;
	default:
		return gcs_point_has_map(point) ? GCS_TYPE_OF_MAP : GCS_TYPE_OF_NONE;
	}
}

const char *gcs_type_of_words(enum gcs_type_of of)
{
	switch (of) {
	case GCS_TYPE_OF_OBJECT:
		return "the object that is allocated";
	case GCS_TYPE_OF_MAP:
		return "the elements of the map";
	case GCS_TYPE_OF_SLICE:
		return "the elements of the slice";
	default:
		return NULL;
	}
}

bool gcs_point_has_map(const struct gcs_point_info *point)
{
	switch (point->id) {
	case GCS_POINT_gc_map_assign:
	case GCS_POINT_gc_map_delete:
	case GCS_POINT_gc_evacuate:
	case GCS_POINT_map_grow:
	case GCS_POINT_map_iterate:
	case GCS_POINT_map_evacuate:
		return true;
	default:
		return false;
	}
}

bool gcs_point_has_goroutine(const struct gcs_point_info *point)
{
	switch ((uint32_t)point->id) {
	case GCS_POINT_gc_sweep:
	case GCS_POINT_gc_sweep_start:
	case GCS_POINT_gc_worker:
	case GCS_POINT_gc_pacer:
	case GCS_POINT_gc_gogc:
	case GCS_POINT_gc_roots:
	case GCS_POINT_gc_mark:
	case GCS_POINT_gc_termination:
	case GCS_POINT_mem_limit:
	case GCS_POINT_mem_os_release:
	case GCS_POINT_mem_scavenge:
	case GCS_POINT_netpoll_poll:
	case GCS_POINT_sched_steal:
	case GCS_POINT_sched_thread:
	case GCS_POINT_stw_stopped:
	case GCS_POINT_sabotage_early_free:
	case GCS_POINT_sabotage_flip_bit:
		return false;
	default:
		return gcs_point_in_target(point);
	}
}

bool gcs_point_has_places(const struct gcs_point_info *point)
{
	return point->id == GCS_POINT_gc_write;
}

const char *gcs_where_name(uint32_t where)
{
	static const char *const names[GCS_WHERES] = {[GCS_WHERE_BEFORE_SHADE] = "before_shade",
						      [GCS_WHERE_AFTER_SHADE] = "after_shade",
						      [GCS_WHERE_AFTER_STORE] = "after_store"};

	return where < GCS_WHERES ? names[where] : NULL;
}

const char *gcs_mode_name(uint32_t mode)
{
	static const char *const names[GCS_MODES] = {[GCS_MODE_START] = "start",
						     [GCS_MODE_CYCLE] = "cycle",
						     [GCS_MODE_EDGE] = "edge"};

	return mode < GCS_MODES ? names[mode] : NULL;
}

const char *gcs_action_name(enum gcs_action action)
{
	for (size_t i = 0; i < ACTIONS_COUNT; i++)
		if (actions[i].action == action)
			return actions[i].name;
	return NULL;
}

enum gcs_action gcs_action_by_name(const char *name)
{
	for (size_t i = 0; i < ACTIONS_COUNT; i++)
		if (strcmp(actions[i].name, name) == 0)
			return actions[i].action;
	return GCS_ACT_NONE;
}
