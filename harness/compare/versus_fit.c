/* versus_fit.c: which runs may be compared; see versus.h. */
#include "harness/compare/versus_priv.h"

#include "harness/exit.h"

#include <string.h>

void versus_unfit(const struct gcs_versus_input *in, char *ret, size_t cap)
{
	const struct report *r = &in->report;
	ret[0] = '\0';
	if (!r->finished)
		snprintf(ret, cap, "it has no verdict: it goes on, or its harness was killed");
	else if (r->exit != GCS_EXIT_PASS && r->exit != GCS_EXIT_FAIL)
		snprintf(ret, cap, "%s: %s", r->word, r->sentence);
	else if (r->nmodifying)
		snprintf(ret, cap, "operator-modified: something was changed by hand");
}

/* A variant is of its scenario. */
static bool fit_name(const char *a, const char *b)
{
	size_t n = strcspn(a, "+");
	return n == strcspn(b, "+") && strncmp(a, b, n) == 0;
}

static bool fit_phases(const struct report *a, const struct report *b)
{
	bool same = a->nphases == b->nphases;
	for (size_t i = 0; same && i < a->nphases; i++) {
		const struct report_phase *x = &a->phase[i], *y = &b->phase[i];
		same = strcmp(x->id, y->id) == 0 && x->start_ns == y->start_ns && x->end_ns == y->end_ns && x->record == y->record;
	}
	return same;
}

static bool fit_workloads(const struct report *a, const struct report *b)
{
	bool same = a->nops == b->nops;
	for (size_t i = 0; same && i < a->nops; i++)
		same = strcmp(a->ops[i].id, b->ops[i].id) == 0 && strcmp(a->ops[i].driver, b->ops[i].driver) == 0;
	return same;
}

static bool fit_faults(const struct report *a, const struct report *b)
{
	bool same = a->nfaults == b->nfaults;
	for (size_t i = 0; same && i < a->nfaults; i++)
		same = strcmp(a->fault[i].id, b->fault[i].id) == 0 && strcmp(a->fault[i].point, b->fault[i].point) == 0;
	return same;
}

void versus_foreign(const struct gcs_versus_input *pattern, const struct gcs_versus_input *in, char *ret, size_t cap)
{
	const struct report *a = &pattern->report, *b = &in->report;
	ret[0] = '\0';
	if (!fit_name(a->name, b->name))
		snprintf(ret, cap, "another scenario: %s, not %s", b->name, a->name);
	else if (!fit_phases(a, b))
		snprintf(ret, cap, "another scenario: its phases are others, or otherwise long");
	else if (!fit_workloads(a, b))
		snprintf(ret, cap, "another scenario: its workloads are others");
	else if (!fit_faults(a, b))
		snprintf(ret, cap, "another scenario: its faults are others");
	else if (a->sim != b->sim)
		snprintf(ret, cap, b->sim ? "simulated, where others are real: its times are modelled" : "real, where others are simulated");
	else if (!a->sim && strcmp(pattern->machine, in->machine) != 0)
		snprintf(ret, cap, "another machine: %s", in->machine);
}
