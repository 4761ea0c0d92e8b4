/*
 * scav_line.c: see scav_line.h.
 */
#include "harness/import/scav_line.h"

#include <string.h>

#define SCAV_KIB_MAX (1ull << 54) /* 2^64 bytes */
#define SCAV_MIB_MAX (1ull << 44)

static bool scav_summary(struct line_cursor *c, struct gcs_scav_line *s)
{
	return line_is(c, "inuse: ") &&
	       line_number_then(c, SCAV_MIB_MAX, &s->inuse_mib, ", idle: ") &&
	       line_number_then(c, SCAV_MIB_MAX, &s->idle_mib, ", sys: ") &&
	       line_number_then(c, SCAV_MIB_MAX, &s->sys_mib, ", released: ") &&
	       line_number_then(c, SCAV_MIB_MAX, &s->released_mib, ", consumed: ") &&
	       line_number_then(c, SCAV_MIB_MAX, &s->consumed_mib, " (MB)");
}

/* After 0x. */
static bool scav_hex(struct line_cursor *c, uint64_t *ret)
{
	static const char digits[] = "0123456789abcdef";
	const char *from = c->p, *d;
	*ret = 0;
	for (; c->p < c->end && *c->p && (d = strchr(digits, *c->p)) != NULL; c->p++) {
		if (*ret > SCAV_MIB_MAX)
			return line_range(c);
		*ret = *ret << 4 | (uint64_t)(d - digits);
	}
	return c->p > from || line_fail(c);
}

/* `23 MB released` */
static bool scav_released(struct line_cursor *c, struct gcs_scav_line *s)
{
	bool hex = line_at(c, "0x");
	c->p += hex ? 2 : 0;
	if (!(hex ? scav_hex(c, &s->work_kib) : line_number(c, SCAV_KIB_MAX, &s->work_kib)))
		return false;
	if (!hex && line_try(c, " KB released"))
		return true;
	if (!line_is(c, " MB released"))
		return false;
	if (s->work_kib > SCAV_MIB_MAX)
		return line_range(c);
	s->work_kib <<= 10;
	return true;
}

static bool scav_scvg(struct line_cursor *c, bool *meant, struct gcs_scav_line *s)
{
	s->has_number = !line_at(c, ":");
	if (s->has_number && !line_signed(c, INT64_MAX, &s->number))
		return false;
	if (!line_is(c, ": ")) {
		*meant = c->fault == LINE_CUT;
		return false;
	}
	s->form = line_digit(c)			   ? GCS_SCAV_RELEASED
		  : line_may(c, "GC forced", 1) ? GCS_SCAV_FORCED
						   : GCS_SCAV_SUMMARY;
	*meant = s->form != GCS_SCAV_SUMMARY || line_may(c, "inuse: ", 0);
	if (s->form == GCS_SCAV_RELEASED)
		return scav_released(c, s);
	return s->form == GCS_SCAV_FORCED ? line_is(c, "GC forced") : scav_summary(c, s);
}

/* ` KiB work (bg), 0 KiB work (eager), 3128 KiB now, `, or as it was before. */
static bool scav_work(struct line_cursor *c, struct gcs_scav_line *s)
{
	if (!line_is(c, " KiB work"))
		return false;
	s->split = line_try(c, " (bg), ");
	if (s->split)
		return line_number_then(c, SCAV_KIB_MAX, &s->eager_kib, " KiB work (eager), ") &&
		       line_number_then(c, SCAV_KIB_MAX, &s->released_kib, " KiB now, ");
	return line_is(c, ", ") &&
	       line_number_then(c, SCAV_KIB_MAX, &s->released_kib, " KiB total, ");
}

static bool scav_scav(struct line_cursor *c, bool *meant, struct gcs_scav_line *s)
{
	s->form = GCS_SCAV_WORK;
	*meant = line_digit(c);
	if (!*meant || !line_number(c, SCAV_KIB_MAX, &s->work_kib))
		return false;
	struct line_cursor ahead = *c;
	if (line_try(&ahead, " ") && line_digit(&ahead)) {
		*c = ahead;
		s->has_number = true;
		s->number = (int64_t)s->work_kib;
		if (!line_number(c, SCAV_KIB_MAX, &s->work_kib))
			return false;
	} else {
		*meant = line_may(c, " KiB work", 0); /* and not `scav 7 of them` */
	}
	if (!scav_work(c, s) || !line_number_then(c, SCAV_KIB_MAX, &s->util_percent, "% util"))
		return false;
	s->forced = line_may(c, " (forced)", 2);
	s->reset = line_may(c, " [controller reset]", 2);
	return (!s->forced || line_is(c, " (forced)")) &&
	       (!s->reset || line_is(c, " [controller reset]"));
}

bool gcs_scav_line(struct line_cursor *c, bool *meant, struct gcs_scav_line *ret)
{
	*ret = (struct gcs_scav_line){0};
	*meant = false;
	if (line_try(c, "scav "))
		return scav_scav(c, meant, ret);
	return line_try(c, "scvg") && scav_scvg(c, meant, ret);
}
