/*
 * scan_line.c: see scan_line.h.
 */
#include "harness/import/scan_line.h"

#define SCAN_OBJECTS_MAX (1ull << 60)

/* `64B ` or `L ` */
static bool scan_class(struct line_cursor *c, struct gcs_scan_line *s)
{
	if (line_try(c, "L "))
		return true;
	return line_u32(c, 1u << 20, &s->class_bytes) && (s->class_bytes || line_range(c)) &&
	       line_is(c, "B ");
}

/* `3+2=10 objs, 2+1=3 spans`, after the first number and its +. */
static bool scan_spans(struct line_cursor *c, struct gcs_scan_line *s)
{
	uint64_t objects, spans;
	s->spans = true;
	if (!line_number_then(c, SCAN_OBJECTS_MAX, &s->objects_sparse, "+") ||
	    !line_number_then(c, SCAN_OBJECTS_MAX, &s->objects_dense, "=") ||
	    !line_number_then(c, 4 * SCAN_OBJECTS_MAX, &objects, " objs, ") ||
	    !line_number_then(c, SCAN_OBJECTS_MAX, &s->spans_sparse, "+") ||
	    !line_number_then(c, SCAN_OBJECTS_MAX, &s->spans_dense, "=") ||
	    !line_number_then(c, 4 * SCAN_OBJECTS_MAX, &spans, " spans"))
		return false;
	return (objects == s->objects_alone + s->objects_sparse + s->objects_dense &&
		spans == s->spans_sparse + s->spans_dense) ||
	       line_range(c);
}

bool gcs_scan_line(struct line_cursor *c, bool *meant, struct gcs_scan_line *ret)
{
	*ret = (struct gcs_scan_line){0};
	*meant = false;
	if (!line_try(c, "scan: "))
		return false;
	ret->total = line_try(c, "total ");
	if (!ret->total && !line_is(c, "class "))
		return false;
	*meant = line_digit(c) || line_at(c, "L ") || c->p == c->end;
	if (!ret->total && !scan_class(c, ret))
		return false;
	if (!line_number(c, SCAN_OBJECTS_MAX, &ret->objects_alone))
		return false;
	return line_try(c, "+") ? scan_spans(c, ret) : line_is(c, " objs");
}
