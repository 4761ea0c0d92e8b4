/* sweep_many.c: the points of a pattern, swept one after the other. */
#define _GNU_SOURCE 1 /* asprintf */
#include "harness/sweep/sweep.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Saboteurs are meant only by who names them, and a simulated target makes no system calls. */
static bool many_means(const char *pattern, const struct gcs_point_info *point, bool sim)
{
	size_t len = strlen(pattern) - 1; /* without its star */
	if (strncmp(pattern, point->name, len) != 0 || gcs_sweep_action(point) == GCS_ACT_NONE)
		return false;
	if (gcs_point_sabotages(point) && strncmp(pattern, "sabotage", strlen("sabotage")) != 0)
		return false;
	return !(sim && strcmp(point->family, "os") == 0);
}

uint32_t gcs_sweep_match(struct gcs_sweeps *all, const char *pattern, bool sim)
{
	size_t n;
	const struct gcs_point_info *point = gcs_points(&n);
	*all = (struct gcs_sweeps){0};
	if (!*pattern || pattern[strlen(pattern) - 1] != '*')
		return 0;
	for (size_t i = 0; i < n && all->n < GCS_SWEEPS_MAX; i++)
		if (many_means(pattern, &point[i], sim))
			all->entry[all->n++].point = &point[i];
	return all->n;
}

/* FILE.mem-malloc: each point has a state of its own. */
static char *many_state(const struct gcs_sweep_options *opt, const struct gcs_point_info *point)
{
	char *path;
	if (!opt->state || asprintf(&path, "%s.%s", opt->state, point->name) < 0)
		return NULL;
	for (char *p = path + strlen(opt->state); *p; p++)
		if (*p == '/')
			*p = '-';
	return path;
}

static bool many_goes_on(enum gcs_exit code)
{
	return code == GCS_EXIT_PASS || code == GCS_EXIT_FAIL || code == GCS_EXIT_INCONCLUSIVE;
}

static void many_one(struct gcs_sweep_entry *e, const struct gcs_sweep_options *opt)
{
	struct gcs_sweep_options one = *opt;
	char *state = many_state(opt, e->point);
	one.point = e->point;
	one.state = state;
	e->sweep = calloc(1, sizeof *e->sweep);
	if (!e->sweep || (opt->state && !state)) {
		snprintf(e->text, sizeof e->text, "%s", strerror(ENOMEM));
		e->code = GCS_EXIT_UNSUPPORTED;
	} else {
		e->code = gcs_sweep(e->sweep, &one, e->text, sizeof e->text);
	}
	free(state);
}

enum gcs_exit gcs_sweep_many(struct gcs_sweeps *all, const struct gcs_sweep_options *opt)
{
	enum gcs_exit code = GCS_EXIT_PASS;
	for (uint32_t i = 0; i < all->n; i++) {
		struct gcs_sweep_entry *e = &all->entry[i];
		many_one(e, opt);
		if (!many_goes_on(e->code))
			return e->code;
		if (e->code == GCS_EXIT_FAIL || code == GCS_EXIT_PASS)
			code = e->code;
	}
	return code;
}

void gcs_sweeps_fini(struct gcs_sweeps *all)
{
	for (uint32_t i = 0; i < all->n; i++)
		free(all->entry[i].sweep);
	*all = (struct gcs_sweeps){0};
}
