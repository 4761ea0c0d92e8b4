/* sweep_class.c: what became of a visit that failed. */
#include "harness/base/throw.h"
#include "harness/sweep/sweep.h"

#include <string.h>
#include <sys/wait.h>

#define CLASS_THROW_EXIT 2 /* a fatal error of the runtime, as of Go's */

const char *gcs_sweep_class_name(enum gcs_sweep_class c)
{
	static const char *const name[GCS_SWEEP_CLASSES] = {
		[GCS_SWEEP_CLEAN] = "clean",
		[GCS_SWEEP_MASKED] = "masked",
		[GCS_SWEEP_THROW] = "expected throw",
		[GCS_SWEEP_SWALLOWED] = "swallowed",
		[GCS_SWEEP_MISTRANSLATED] = "mistranslated",
		[GCS_SWEEP_PARTIAL] = "partial",
		[GCS_SWEEP_LEAK] = "leak",
		[GCS_SWEEP_HANG] = "hang",
		[GCS_SWEEP_THROW_WRONG] = "unexpected throw",
		[GCS_SWEEP_CRASH] = "crash",
		[GCS_SWEEP_NOT_REACHED] = "not reached",
	};
	return name[c];
}

const char *gcs_sweep_phase_name(enum gcs_sweep_phase p)
{
	static const char *const name[GCS_SWEEP_PHASES] = {"off", "mark", "mark termination"};
	return name[p];
}

bool gcs_sweep_class_fails(enum gcs_sweep_class c)
{
	return c >= GCS_SWEEP_SWALLOWED && c <= GCS_SWEEP_CRASH;
}

enum gcs_action gcs_sweep_action(const struct gcs_point_info *point)
{
	static const enum gcs_action order[] = {GCS_ACT_FAIL, GCS_ACT_FORCE, GCS_ACT_BREAK};
	for (size_t i = 0; i < sizeof order / sizeof order[0]; i++)
		if (point->actions & order[i])
			return order[i];
	return GCS_ACT_NONE;
}

/* It ended before its time. */
static enum gcs_sweep_class class_of_death(const struct gcs_sweep_options *opt,
					   const struct gcs_sweep_facts *f)
{
	if (f->hung)
		return GCS_SWEEP_HANG;
	if (!WIFEXITED(f->status) || WEXITSTATUS(f->status) != CLASS_THROW_EXIT)
		return GCS_SWEEP_CRASH;
	bool asked = strcmp(opt->scenario->oom, "throw") == 0 && f->fired > 0;
	return asked && gcs_is_throw(f->words) ? GCS_SWEEP_THROW : GCS_SWEEP_THROW_WRONG;
}

/* It fired, and all that the program has and holds is right: was anybody told? */
static enum gcs_sweep_class class_of_telling(const struct gcs_sweep_options *opt,
					     const struct gcs_sweep_facts *f)
{
	enum gcs_action action = gcs_sweep_action(opt->point);
	if (action == GCS_ACT_BREAK)
		return GCS_SWEEP_MASKED; /* nothing came of it */
	if (action != GCS_ACT_FAIL || f->errors)
		return GCS_SWEEP_CLEAN;
	return f->masked || opt->point->benign ? GCS_SWEEP_MASKED : GCS_SWEEP_SWALLOWED;
}

enum gcs_sweep_class gcs_sweep_judge(const struct gcs_sweep_options *opt,
				     const struct gcs_sweep_facts *prime,
				     const struct gcs_sweep_facts *f)
{
	if (!f->done)
		return class_of_death(opt, f);
	if (f->integrity || f->errors_late)
		return GCS_SWEEP_PARTIAL;
	if (f->other_errno)
		return GCS_SWEEP_MISTRANSLATED;
	if (f->live_bytes != prime->live_bytes || f->live_objects != prime->live_objects)
		return GCS_SWEEP_LEAK;
	return f->fired ? class_of_telling(opt, f) : GCS_SWEEP_NOT_REACHED;
}
