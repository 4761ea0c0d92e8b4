/* fidelity_priv.h: what fidelity.c and fidelity_note.c share. */
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
