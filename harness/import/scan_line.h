/*
 * scan_line.h: what gctrace=2 tells of objects scanned, after a cycle; Go 1.25 and later. Of the
 * cycle, and of each size class that had any (`L`: large objects); with Green Tea, and without:
 *
 *   scan: total 5+3+2=10 objs, 2+1=3 spans
 *   scan: class 64B 5+3+2=10 objs, 2+1=3 spans
 *   scan: total 10 objs
 *
 * Source of the rule: dumpScanStats in Go's mgcmark_greenteagc.go and mgcmark_nogreenteagc.go.
 */
#pragma once

#include "harness/import/line_cursor.h"

struct gcs_scan_line {
	bool total;		 /* of all classes */
	uint32_t class_bytes;	 /* of a class; 0: large objects */
	bool spans;		 /* Green Tea: the numbers of spans are there */
	uint64_t objects_alone;	 /* scanned one by one */
	uint64_t objects_sparse; /* with their span, few of it */
	uint64_t objects_dense;	 /* with their span, most of it */
	uint64_t spans_sparse, spans_dense;
};

/* The line at the cursor; sums that do not add up are no such line. *meant: `scan: total 5` or the
 * like. */
bool gcs_scan_line(struct line_cursor *c, bool *meant, struct gcs_scan_line *ret);
