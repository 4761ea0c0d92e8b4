/* reach.c: see reach.h. */
#include "faults/reach.h"

#include <string.h>

struct reach_go {
	uint32_t point, actions, stand_in; /* the last: of os/, 0: none */
	const char *how;
};
static const struct reach_go reach_go[] = {
#define REACH(point, actions, how) {point, actions, 0, how},
#define STAND_IN(point, other, actions, how) {point, actions, other, how},
#include "faults/reach.def"
#undef REACH
#undef STAND_IN
};

static const char *const reach_names[] = {
	[GCS_RUNTIME_EMBEDDED] = "embedded",
	[GCS_RUNTIME_GO] = "go",
	[GCS_RUNTIME_COMMAND] = "command",
};

const char *gcs_runtime_name(enum gcs_runtime runtime)
{
	return reach_names[runtime];
}

static const struct reach_go *reach_find(const struct gcs_point_info *point)
{
	for (size_t i = 0; i < sizeof reach_go / sizeof reach_go[0]; i++)
		if (reach_go[i].point == (uint32_t)point->id)
			return &reach_go[i];
	return NULL;
}

uint32_t gcs_point_reach(const struct gcs_point_info *point, enum gcs_runtime runtime)
{
	if (runtime == GCS_RUNTIME_EMBEDDED || !gcs_point_in_target(point))
		return point->actions;
	const struct reach_go *go = runtime == GCS_RUNTIME_GO ? reach_find(point) : NULL;
	return go ? go->actions & point->actions : 0;
}

const struct gcs_point_info *gcs_point_stand_in(const struct gcs_point_info *point, enum gcs_runtime runtime)
{
	const struct reach_go *go = runtime == GCS_RUNTIME_GO ? reach_find(point) : NULL;
	return go && go->stand_in ? gcs_point_by_id(go->stand_in) : point;
}

/* Why a Go program cannot have it. */
static const char *reach_never(const struct gcs_point_info *point)
{
	if (gcs_point_sabotages(point))
		return "a saboteur breaks the embedded runtime";
	if (point->actions & GCS_ACT_FAIL)
		return "in Go what is refused memory or a thread does not fail and return: the program dies; a system call of os/ can be refused";
	return "it lies inside the runtime, where nothing outside the embedded one reaches";
}

const char *gcs_point_reach_words(const struct gcs_point_info *point, enum gcs_runtime runtime)
{
	if (runtime == GCS_RUNTIME_EMBEDDED || !gcs_point_in_target(point))
		return NULL;
	if (runtime == GCS_RUNTIME_COMMAND)
		return "in a program that is not changed only system calls can be reached, the points of os/";
	const struct reach_go *go = reach_find(point);
	return go ? go->how : reach_never(point);
}
