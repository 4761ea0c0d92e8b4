/* fidelity_priv.h: what fidelity.c, fidelity_note.c and parting.c share. */
#pragma once

#include "harness/measure/fidelity.h"

struct fidelity_side {
	const struct gcs_fidelity_cycle *cycle; /* those in the window */
	size_t n;
};

struct fidelity_work {
	const struct gcs_fidelity_options *opt;
	struct gcs_fidelity *ret;
	struct fidelity_side logged, reproduced;
	double *value;	/* room for a number a cycle of both sides */
};

/* fidelity_note.c: everything else is filled in. */
void fidelity_notes(struct fidelity_work *w);

/* fidelity.c: live or goal of a cycle; whether it is a number to compare. */
uint64_t fidelity_bytes(const struct gcs_fidelity_cycle *c, enum gcs_fidelity_what what);
bool fidelity_compares(const struct gcs_fidelity_cycle *c, enum gcs_fidelity_what what);
/* The reproduced curve at t (of o only that is read): straight between cycles, level before the first and behind the last. *at is where the
 * last call ended, 0 at first: t never falls. */
double fidelity_curve(const struct gcs_fidelity_options *o, enum gcs_fidelity_what what, int64_t t_ns,
		      size_t *at);
