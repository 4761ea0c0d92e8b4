/* test_gctrace_line.h: one line, as a whole one of its kind. */
#pragma once

#include "harness/import/gctrace_line.h"

#include <string.h>

static inline struct gcs_gctrace_line parsed(const char *text, enum gcs_gctrace_kind kind)
{
	struct gcs_gctrace_line l;
	gcs_gctrace_parse(text, strlen(text), &l);
	assert_int_equal(l.kind, kind);
	assert_int_equal(l.reason, GCS_GCTRACE_WHOLE);
	return l;
}
