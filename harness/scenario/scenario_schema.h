/*
 * scenario_schema.h: the one table of what a scenario may say: drives binding, error texts and
 * documentation.
 */
#pragma once

#include "harness/scenario/scenario_priv.h"

enum gcs_type {
	GCS_T_TEXT, /* char * */
	GCS_T_ID,   /* char *: a-z first, then a-z 0-9 - _ */
	GCS_T_WORD, /* char *, one of words */
	GCS_T_COUNT32,
	GCS_T_COUNT,   /* 200k */
	GCS_T_BYTES,   /* uint64_t */
	GCS_T_LIMIT,   /* uint64_t bytes, or none (0) */
	GCS_T_RATE,    /* uint64_t, or max (0) */
	GCS_T_TIME,    /* int64_t ns */
	GCS_T_SHARE,   /* uint32_t, 10^-9 */
	GCS_T_FACTOR,  /* uint32_t, 10^-3 */
	GCS_T_PERCENT, /* uint32_t, 50 or 50% */
	GCS_T_NUMBER,  /* uint64_t, 17 or 0x11 */
	GCS_T_GOGC,    /* int, or off (-1) */
	GCS_T_BOOL,    /* bool */
	GCS_T_SIZE,    /* struct gcs_size */
	GCS_T_ERRNO,   /* int */
	GCS_T_NAME,    /* text that resolving looks up; not stored */
	GCS_T_NAMES,   /* a list of such texts; not stored */
	GCS_T_ANY_OF,  /* such a text, or a list of them; not stored */
	GCS_T_FLOW,    /* uint64_t: bytes a second, 5MiB/s */
	GCS_T_RANGE,   /* struct gcs_match: sizes A..B */
	GCS_T_CLOCK,   /* char *: a time of day */
	GCS_T_MOMENT,  /* struct gcs_moment */
	GCS_T_SETS,    /* a mapping of paths to values, as --set; bound apart */
	GCS_T_SECTION, /* a mapping, fields at the same base */
	GCS_T_LIST,    /* a list of sections or texts, bound item by item */
};

struct gcs_field {
	const char *key;
	enum gcs_type type;
	size_t offset; /* in the struct the section binds to */
	bool required;
	uint64_t min, max;		   /* in the type's unit; max 0: no range */
	const char *const *words;	   /* WORD: NULL-terminated */
	const struct gcs_section *section; /* SECTION, LIST of sections */
	const char *about;		   /* what it means, half a sentence */
};

/* Keys of the design that this version does not have, with what to do instead. */
struct gcs_later {
	const char *key, *hint;
};

struct gcs_section {
	const char *name; /* "workload", in messages */
	const struct gcs_field *field;
	size_t nfields;
	const struct gcs_later *later; /* NULL or ended by a NULL key */
	bool has_id;
};

extern const struct gcs_section gcs_schema; /* the whole file */
/* Sections of list items, bound one by one. */
extern const struct gcs_section gcs_schema_workload, gcs_schema_follow, gcs_schema_phase,
	gcs_schema_fault, gcs_schema_slo, gcs_schema_variant, gcs_schema_reported;

/* ---- scenario_bind.c: for other files that are bound by such a table */

/* The keys of mapping n into base; errors call it `label`. */
void gcs_bind_section(struct gcs_diag *d, const struct gcs_section *s, const char *label,
		      const struct gcs_node *n, void *base);
struct gcs_bind_list {
	const struct gcs_section *section;
	size_t cap, stride;
	void *item;		      /* the array bound to */
	const struct gcs_node **node; /* of each item */
};
/* The items of list (NULL: none), at most cap; returns how many. Ids, where there are some, differ. */
uint32_t gcs_bind_items(const struct gcs_bind_list *l, const struct gcs_node *list, const char *key,
			struct gcs_diag *d);
