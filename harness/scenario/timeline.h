/*
 * timeline.h: what a scenario will do and when, before it runs: its edges in time order, what each
 * fault does in words, and both as a page and as JSON.
 */
#pragma once

#include "harness/base/page.h"
#include "harness/scenario.h"

/* At one time: what ends first, then the phase, then what begins. */
enum gcs_edge_kind { GCS_EDGE_DISARM, GCS_EDGE_PHASE, GCS_EDGE_ARM, GCS_EDGE_END };
struct gcs_edge {
	int64_t t_ns; /* from t0 */
	enum gcs_edge_kind kind;
	uint32_t index;	 /* of the phase or fault */
	uint32_t window; /* of the fault */
};
/* In time order, malloc'd; NULL: no memory. The last is the end. */
struct gcs_edge *gcs_timeline_edges(const struct gcs_scenario *s, size_t *ret_count);

#define GCS_FAULT_WORDS 768
/* "fail with ENOMEM, 2% of visits, at most 500 in all; workload maps". */
void gcs_fault_words(const struct gcs_scenario *s, const struct gcs_fault *f,
		     char ret[GCS_FAULT_WORDS]);
/* "115 s", "3 min 50 s", "1 h 5 min". */
#define GCS_SPAN_WORDS 48
char *gcs_span_words(char ret[GCS_SPAN_WORDS], int64_t ns);

/* Phases over lanes of faults and curves, drawn to scale; UTF-8. (timeline_picture.c) */
void gcs_timeline_picture(const struct gcs_scenario *s, uint32_t cols, FILE *out);
/* The page. (timeline_text.c) */
void gcs_timeline_text(const struct gcs_scenario *s, const struct gcs_page *page, FILE *out);
/* gcs_scenario_json and `edges`: [{"t_ns", "clock", "what": "phase|arm|disarm|end", "id",
 * "window"}]. malloc'd; NULL: no memory. */
char *gcs_timeline_json(const struct gcs_scenario *s);
