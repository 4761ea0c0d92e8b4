/* seen_join.c: moments of a post-mortem onto the time of a log; see seen.h. */
#include "harness/import/seen.h"

#include "harness/base/units.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

/* ---- --at */

int gcs_parse_wall(const char *text, struct gcs_wall *ret)
{
	const char *at = strchr(text, '@');
	size_t n = at ? (size_t)(at - text) : strlen(text);
	struct gcs_wall wall = {.log_ns = 0};
	char moment[GCS_MOMENT_TEXT];
	if (n >= sizeof moment)
		return -EINVAL;
	memcpy(moment, text, n);
	moment[n] = '\0';
	int e = gcs_parse_moment(moment, &wall.moment);
	if (e == 0 && at)
		e = gcs_parse_duration(at + 1, &wall.log_ns);
	if (e == 0)
		*ret = wall;
	return e;
}

char *gcs_wall_show(char ret[GCS_MOMENT_TEXT], const struct gcs_wall *wall, int64_t log_ns)
{
	return gcs_show_moment(ret, &wall->moment, log_ns - wall->log_ns);
}

char *gcs_wall_clock(char ret[GCS_MOMENT_TEXT], const struct gcs_wall *wall, int64_t log_ns)
{
	return gcs_show_moment_clock(ret, &wall->moment, log_ns - wall->log_ns);
}

/* ---- joining */

struct join {
	const struct gcs_seen *s;
	const struct gcs_wall *wall;
	int64_t midnight_ns; /* time of the log at a midnight of the zone of times of day */
	struct gcs_seen_wrong *wrong;
};

static int join_wrong(struct join *j, int32_t sight, const char *key, const char *hint,
		      const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

static int join_wrong(struct join *j, int32_t sight, const char *key, const char *hint,
		      const char *fmt, ...)
{
	va_list args;
	*j->wrong = (struct gcs_seen_wrong){.sight = sight, .key = key, .hint = hint};
	va_start(args, fmt);
	vsnprintf(j->wrong->text, sizeof j->wrong->text, fmt, args);
	va_end(args);
	return -EINVAL;
}

static void join_midnight(struct join *j)
{
	struct gcs_moment zoned = j->wall->moment;
	if (zoned.dated && j->s->onset.dated)
		zoned.zone_s = j->s->onset.zone_s;
	j->midnight_ns = j->wall->log_ns - gcs_moment_day_ns(&zoned);
}

/* The first time that a clock shows m at or after `from`. */
static int64_t join_first(const struct join *j, const struct gcs_moment *m, int64_t from_ns)
{
	int64_t ns = (j->midnight_ns + m->ns - from_ns) % GCS_DAY_NS;
	return from_ns + (ns < 0 ? ns + GCS_DAY_NS : ns);
}

/* A dated moment, which needs a dated --at; or by the clock, first at or after `from`. */
static int join_moment(struct join *j, int32_t sight, const char *key, const struct gcs_moment *m,
		       int64_t from_ns, int64_t *ret)
{
	if (!m->dated) {
		*ret = join_first(j, m, from_ns);
		return 0;
	}
	if (!j->wall->moment.dated)
		return join_wrong(j, sight, key, "--at with date and zone, as 2024-05-03T03:10:00Z",
				  "'%s' has a date and a zone, and --at has none: nothing says how they lie to each other", key);
	*ret = m->ns - j->wall->moment.ns + j->wall->log_ns;
	return 0;
}

/* How far t is from the log. */
static int64_t join_off(int64_t t_ns, int64_t first_ns, int64_t last_ns)
{
	return t_ns < first_ns ? first_ns - t_ns : t_ns > last_ns ? t_ns - last_ns : 0;
}

static int join_onset(struct join *j, int64_t first_ns, int64_t last_ns, struct gcs_joined *ret)
{
	int64_t after_ns;
	int e = join_moment(j, -1, "onset", &j->s->onset, first_ns, &after_ns);
	if (e)
		return e;
	int64_t before_ns = after_ns - GCS_DAY_NS;
	int64_t before_off_ns = join_off(before_ns, first_ns, last_ns),
		after_off_ns = join_off(after_ns, first_ns, last_ns);
	bool nearer = !j->s->onset.dated && before_off_ns < after_off_ns;
	ret->onset_ns = nearer ? before_ns : after_ns;
	ret->end_ns = INT64_MAX;
	if (!j->s->end.given)
		return 0;
	e = join_moment(j, -1, "end", &j->s->end, ret->onset_ns, &ret->end_ns);
	if (e == 0 && ret->end_ns <= ret->onset_ns)
		return join_wrong(j, -1, "end", NULL, "the incident ends before it begins");
	return e;
}

static int join_sight(struct join *j, uint32_t i, struct gcs_joined *ret)
{
	const struct gcs_sight *s = &j->s->saw[i];
	int64_t at_ns = ret->onset_ns, until_ns = ret->end_ns;
	int e = 0;
	if (s->at.given) {
		e = join_moment(j, (int32_t)i, "at", &s->at, ret->onset_ns - GCS_SEEN_BEFORE_NS,
				&at_ns);
		until_ns = at_ns;
	}
	if (e == 0 && s->until.given)
		e = join_moment(j, (int32_t)i, "until", &s->until, at_ns, &until_ns);
	if (e == 0 && until_ns < at_ns)
		e = join_wrong(j, (int32_t)i, "until", NULL, "it ends before it begins");
	ret->saw[i].at_ns = at_ns;
	ret->saw[i].until_ns = until_ns;
	return e;
}

int gcs_seen_join(const struct gcs_seen *s, const struct gcs_wall *wall, int64_t first_ns,
		  int64_t last_ns, struct gcs_joined *ret,
		  struct gcs_seen_wrong *ret_wrong)
{
	struct join j = {.s = s, .wall = wall, .wrong = ret_wrong};
	struct gcs_joined joined;
	join_midnight(&j);
	int e = join_onset(&j, first_ns, last_ns, &joined);
	for (uint32_t i = 0; e == 0 && i < s->nsaw; i++)
		e = join_sight(&j, i, &joined);
	if (e == 0)
		*ret = joined;
	return e;
}

bool gcs_joined_outside(const struct gcs_joined *j, int64_t first_ns, int64_t last_ns)
{
	return j->onset_ns > last_ns || j->end_ns < first_ns;
}
