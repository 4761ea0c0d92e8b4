/*
 * scenario_priv.h: what the parts of the scenario loader share: a tree of nodes that remember where
 * they stood, and errors that point there.
 *
 * The steps: scenario_yaml.c reads text into a tree; scenario_set.c lays a variant and `--set` over
 * it; scenario_bind.c takes values out by one table; scenario_scale.c applies the scales;
 * scenario_resolve.c and scenario_faults.c make times absolute and check what one key says against
 * another. A step begins only when the one before found nothing wrong; binding, scaling and
 * resolving report all they find (up to GCS_DIAG_MAX). scenario_variants.c takes each variant
 * through the same steps, on a copy of the tree.
 */
#pragma once

#include "harness/scenario.h"

#define GCS_SOURCE_BYTES_MAX (16u << 20) /* an imported log is some MiB */
#define GCS_NODES_MAX	     500000u	 /* GCS_FOLLOW_MAX points of eleven nodes, a few times */
#define GCS_DEPTH_MAX	     12u
#define GCS_DIAG_MAX	     20u

/* ---- sources and nodes */

struct gcs_source {
	char *name;
	char *text;
	uint32_t shift; /* the parsed part begins at this column of line 1 */
};

enum gcs_node_kind { GCS_NODE_SCALAR, GCS_NODE_LIST, GCS_NODE_MAP };

struct gcs_node {
	enum gcs_node_kind kind;
	const struct gcs_source *source;
	uint32_t line, column, length; /* from 1, in characters; length: of the part on this line */
	char *text;		       /* of a scalar */
	bool plain;		       /* a scalar without quotes */
	struct gcs_node *key;	       /* of a map's child; a scalar */
	struct gcs_node *first, *last, *next;
	struct gcs_node *all; /* every node of the document, for freeing */
};

struct gcs_doc {
	struct gcs_node *root, *all;
	uint32_t nodes;
	struct gcs_source *source[1 + 70]; /* the file, each --set, --variant, the scales, edits */
	uint32_t nsources;
	const char *what; /* "scenario": what messages call such a file */
};

/* ---- diagnostics */

struct gcs_place {
	const struct gcs_source *source;
	uint32_t line, column, length;
};
struct gcs_diag {
	FILE *out;
	char *text;
	size_t bytes;
	uint32_t errors;
	/* Not NULL: what is said is due to this variant; what would point outside it points to
	 * `blame`. */
	const char *variant;
	const struct gcs_source *within;
	struct gcs_place blame;
};
int gcs_diag_init(struct gcs_diag *d);
/* The collected text, malloc'd (empty when there was no error). */
char *gcs_diag_fini(struct gcs_diag *d);
struct gcs_place gcs_place_of(const struct gcs_node *n);
/* The word inside a scalar, `at` bytes from its start; the whole scalar when quoting hides where
 * that is. */
struct gcs_place gcs_place_in(const struct gcs_node *n, uint32_t at);
/* expected and hint may be NULL. */
void gcs_diag_at(struct gcs_diag *d, struct gcs_place place, const char *expected, const char *hint,
		 const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* ---- scenario_yaml.c */

int gcs_doc_init(struct gcs_doc *doc);
void gcs_doc_fini(struct gcs_doc *doc);
/* NULL: no memory, or too many sources. Takes text over. */
const struct gcs_source *gcs_doc_source(struct gcs_doc *doc, const char *name, char *text,
					uint32_t shift);
/* Parse a source from its shift on. 0; -EINVAL with an error in d; -ENOMEM. */
int gcs_yaml_parse(struct gcs_doc *doc, const struct gcs_source *source, struct gcs_node **ret,
		   struct gcs_diag *d);
struct gcs_node *gcs_node_new(struct gcs_doc *doc, enum gcs_node_kind kind,
			      const struct gcs_source *source);
void gcs_node_append(struct gcs_node *parent, struct gcs_node *child);
/* The child of a map; NULL: there is none, or n is NULL or no map. */
const struct gcs_node *gcs_node_get(const struct gcs_node *n, const char *key);
/* Text of a scalar child, or NULL. */
const char *gcs_node_text(const struct gcs_node *n, const char *key);
/* "a mapping", "a list", "text" */
const char *gcs_node_kind_name(const struct gcs_node *n);
/* A deep copy that belongs to doc; source NULL: places stay as they are. NULL: no memory. */
struct gcs_node *gcs_node_copy(struct gcs_doc *doc, const struct gcs_node *n,
			       const struct gcs_source *source);
/* As YAML in one line, malloc'd. */
char *gcs_node_flow(const struct gcs_node *n);

/* ---- scenario_set.c: 0, -EINVAL with an error in d, -ENOMEM. */
int gcs_set_apply(struct gcs_doc *doc, const struct gcs_override *set, struct gcs_diag *d);
/* The same for an option of its own: its value is the source, called `option` in messages. */
int gcs_set_option(struct gcs_doc *doc, const char *option, const struct gcs_override *set,
		   struct gcs_diag *d);
/* A variant's `set`, whose nodes may belong to another doc. Places of what is set are those in the
 * variant, in `source` (NULL: its own). */
int gcs_set_variant(struct gcs_doc *doc, const struct gcs_node *set,
		    const struct gcs_source *source, struct gcs_diag *d);

/* ---- scenario_compact.c: one more fault, written as POINT:key=value,…. 0, -EINVAL with an error in
 * d, -ENOMEM. */
int gcs_compact_fault(struct gcs_doc *doc, const char *option, const char *text,
		      struct gcs_diag *d);
/* key=value,… over a fault of the tree: keys that may change in mid-run; none takes one out. name: of
 * the source, in messages. The same. */
int gcs_compact_edit(struct gcs_doc *doc, const char *name, const char *text,
		     struct gcs_node *fault, struct gcs_diag *d);

/* ---- scenario_variants.c */

/* The variant as written; NULL: none of that id (a child of `variants` that is no mapping has
 * none). */
const struct gcs_node *gcs_variant_node(const struct gcs_node *root, const char *id);
/* Take every variant of the file through all steps. Nothing is said when the file fails without a
 * variant too: that is said of the file. 0; -EINVAL with errors in d; -ENOMEM. */
int gcs_variants_check(const struct gcs_doc *doc, const char *path, struct gcs_diag *d);
/* The tree that a scenario was built from: its text, its variant, and what was laid over; `again`
 * takes over what stands beside the tree. 0; -EINVAL with errors in d; -ENOMEM. (scenario.c) */
int gcs_scenario_tree(const struct gcs_scenario *s, struct gcs_scenario *again,
		      struct gcs_doc *doc, struct gcs_diag *d);
/* Bind, scale and resolve a tree. 0; -EINVAL with errors in d; -ENOMEM. (scenario.c) */
int gcs_scenario_build(struct gcs_scenario *s, const struct gcs_node *root, struct gcs_diag *d);

/* The text of a file, malloc'd: at most GCS_SOURCE_BYTES_MAX, without NUL. 0; -errno. (scenario.c) */
int gcs_source_read(const char *path, char **ret);
/* "it is not text", "it is larger than 16MiB", or what the system calls it. */
const char *gcs_source_errno_text(int e);

/* ---- scenario_reduce.c */

/* Take out what a path names, as --set does; nothing happens when it is not there. */
void gcs_reduce_drop(struct gcs_node *root, const char *path);
/* As YAML: a line a key, a line an item of its list. */
void gcs_reduce_write(FILE *out, const struct gcs_node *root);

/* ---- scenario_bind.c */

/* Items as written; what is absent is 0 and has no node. */
struct gcs_bound_fault {
	struct gcs_fault f;
	int64_t at_ns, for_ns, repeat_every_ns, repeat_jitter_ns;
	uint32_t repeat_times;
	bool unscaled;
};
struct gcs_bound_phase {
	struct gcs_phase p;
	int64_t for_ns;
};

/* Strings belong to the scenario: the items have been copied there when binding returns. */
struct gcs_bound {
	struct gcs_scenario *s;
	const struct gcs_node *root;
	const struct gcs_node *workload_node[GCS_WORKLOADS_MAX], *phase_node[GCS_PHASES_MAX],
		*fault_node[GCS_FAULTS_MAX];
	const struct gcs_node *slo_node[GCS_CHECKS_MAX], *expect_node[GCS_CHECKS_MAX];
	const struct gcs_node *variant_node[GCS_VARIANTS_MAX], *reported_node[GCS_REPORTED_MAX];
	struct gcs_bound_fault fault[GCS_FAULTS_MAX];
	struct gcs_bound_phase phase[GCS_PHASES_MAX];
};
void gcs_bind(struct gcs_bound *b, struct gcs_diag *d);

/* ---- scenario_scale.c: what is bound, by the scales of b->s. */
void gcs_scale(struct gcs_bound *b, struct gcs_diag *d);
#define GCS_WINDOW_SCALED_MIN_NS INT64_C(500000000)
/* "20", "2.5", of thousandths. */
char *gcs_scale_show(char *ret, uint32_t milli);

/* ---- scenario_resolve.c */
#define GCS_RESOLVE_HINT 96
void gcs_resolve(struct gcs_bound *b, struct gcs_diag *d);
/* "did you mean 'x'?", or NULL when nothing is near. */
const char *gcs_resolve_near(char hint[GCS_RESOLVE_HINT], const char *word, const void *list,
			     size_t n, size_t stride);
/* "a, b, c" of a list of names. */
const char *gcs_resolve_list(char *ret, size_t cap, const void *list, size_t n, size_t stride);
/* Index of the phase that a node names; -1 after an error. */
int gcs_resolve_phase(const struct gcs_scenario *s, const struct gcs_node *n, struct gcs_diag *d);

/* ---- scenario_match.c: a fault's point and workloads are known. */

/* `match` on type and goroutine. */
void gcs_resolve_match(const struct gcs_scenario *s, struct gcs_fault *f, const struct gcs_node *n,
		       struct gcs_diag *d);
/* `while`. */
void gcs_resolve_condition(const struct gcs_scenario *s, struct gcs_fault *f,
			   const struct gcs_node *n, struct gcs_diag *d);

/* ---- scenario_faults.c: false: windows could not be told, so edges mean nothing. */
bool gcs_resolve_faults(struct gcs_bound *b, struct gcs_diag *d);
/* Before the first fault and after the last: baseline, deadline. */
void gcs_resolve_edges(struct gcs_bound *b, struct gcs_diag *d);
/* After both, so that what is wrong with a scenario does not hang on its seed. */
void gcs_resolve_activation(struct gcs_scenario *s);

/* ---- scenario_go.c: what cannot be had with the runtime go. */
void gcs_resolve_go(const struct gcs_bound *b, struct gcs_diag *d);
