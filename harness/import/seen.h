/*
 * seen.h: what people saw of an incident (a small file of YAML, from a post-mortem), and where it
 * lies on the time of a gctrace log.
 *
 *   version: 1
 *   incident: checkout                   # names it
 *   source: "post-mortem of 3 May"       # optional
 *   onset: 2024-05-03T03:12:00Z          # or a time of day, 03:12:00
 *   end: 03:29:00                        # optional: to the log's end
 *   margin: 2m                           # optional: of the log only so much before the onset and behind the end
 *   saw:
 *     - {what: "heap doubled", at: 03:13:00, until: 03:15:00, metric: heap.live.max, peak: 512MiB, within: 10%}
 *     - {what: "errors", errors: 4.7%, note: "no metric here: nothing gives up"}
 *
 * A figure is `value` (of its stretch), `peak` (its worst window) or `errors`; with a metric it is
 * one of the metric's unit. Without `at` it is of the whole incident, without `until` of the
 * moment.
 *
 * Joining: a moment with date and zone lies where the distance from --at says. A time of day is
 * read in the onset's zone, else in that of --at, and taken for the day on which it comes
 *   onset         into the log, else nearest to it
 *   end, until    first at or after the onset, or `at`
 *   at            first from six hours (GCS_SEEN_BEFORE_NS) before the onset on
 *
 * Pure but for the file that is read.
 */
#pragma once

#include "harness/base/moment.h"
#include "harness/scenario.h"

#define GCS_SEEN_MAX	   GCS_REPORTED_MAX
#define GCS_SEEN_BEFORE_NS (6 * INT64_C(3600) * 1000000000)

struct gcs_sight {
	char *what, *metric, *value, *peak, *errors, *note; /* NULL: not given */
	struct gcs_moment at, until;
	uint32_t within_ppb;
};

struct gcs_seen {
	char *incident, *source;
	struct gcs_moment onset, end;
	int64_t margin_ns; /* -1: not given */
	struct gcs_sight saw[GCS_SEEN_MAX];
	uint32_t nsaw;
};

/* Of --at: what the clock showed when the log was at log_ns (`@` of its lines). */
struct gcs_wall {
	struct gcs_moment moment;
	int64_t log_ns;
};
/* 03:10, 2024-05-03T03:10:00Z, either with @12.5s behind it, else @0s. 0; -EINVAL; -ERANGE. */
int gcs_parse_wall(const char *text, struct gcs_wall *ret);
/* The wall clock at a time of the log, in the zone of --at. */
char *gcs_wall_show(char ret[GCS_MOMENT_TEXT], const struct gcs_wall *wall, int64_t log_ns);
char *gcs_wall_clock(char ret[GCS_MOMENT_TEXT], const struct gcs_wall *wall, int64_t log_ns);

/* Times of the log. */
struct gcs_joined {
	int64_t onset_ns, end_ns; /* end: INT64_MAX, to the log's end */
	struct {
		int64_t at_ns, until_ns; /* alike: a moment */
	} saw[GCS_SEEN_MAX];
};
/* What cannot be: whose key, and why. */
struct gcs_seen_wrong {
	int32_t sight; /* -1: of the file */
	const char *key, *hint;
	char text[192];
};
/* The log goes from first to last. 0; -EINVAL with *ret_wrong. */
int gcs_seen_join(const struct gcs_seen *s, const struct gcs_wall *wall, int64_t first_ns,
		  int64_t last_ns, struct gcs_joined *ret,
		  struct gcs_seen_wrong *ret_wrong);
/* The incident has no moment in common with the log. */
bool gcs_joined_outside(const struct gcs_joined *j, int64_t first_ns, int64_t last_ns);

/* Read, bind, check and join. 0; -EINVAL and what reading says, with *ret_error
 * (gcs_scenario_error_fini); -ENOMEM. */
int gcs_seen_load(struct gcs_seen **ret, struct gcs_joined *ret_joined, const char *path,
		  const struct gcs_wall *wall, int64_t first_ns,
		  int64_t last_ns, struct gcs_scenario_error *ret_error);
void gcs_seen_destroy(struct gcs_seen *s);
