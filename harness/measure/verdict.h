/*
 * verdict.h: what a run is worth: one exit code, one word, one sentence (DESIGN §6).
 */
#pragma once

#include "harness/measure/check.h"
#include "harness/exit.h"
#include "harness/measure/recovery.h"

enum gcs_outcome {
	GCS_OUT_NOT_ARMED,
	GCS_OUT_NEVER_REACHED,
	GCS_OUT_NEVER_ELIGIBLE,
	GCS_OUT_NEVER_FIRED,
	GCS_OUT_MASKED,
	GCS_OUT_WITHOUT_EFFECT,
	GCS_OUT_FIRED,
	GCS_OUT_DIED, /* the target, of it, as oom: throw asks */
	GCS_OUT_NOT_DRAWN, /* left out of this run by the scenario's activation, and not armed by hand */
	GCS_OUT_ELSEWHERE /* it is for another runtime (`only`) */
};
const char *gcs_outcome_name(enum gcs_outcome o);
enum gcs_outcome gcs_outcome_of(const struct gcs_fault *fault, const struct gcs_fault_facts *f,
				bool effects_known);

#define GCS_REASONS_MAX	    24
#define GCS_COST_MAX	    0.05 /* of the target's processor time */
#define GCS_STALL_SHARE_MAX 0.10 /* of the run, stolen by the machine */

struct gcs_grounds {
	const struct gcs_scenario *scenario;
	const struct gcs_facts *facts;
	const struct gcs_recoveries *recoveries;
	const struct gcs_judge *slo, *expect;
	int interrupted;   /* 0, SIGINT, SIGTERM */
	enum gcs_exit fail;              /* PASS, or what the harness said of itself */
	const char *fail_text;
	int harness_error; /* 0 or -errno: -ENOSPC is a lack of resources, anything else the
			      harness's failure */
	bool started;	   /* the target began the run */
	bool target_crashed;
	bool died_as_expected; /* it crashed in mid-run, and on_exit is expect */
	const char *crash_text;
	bool ended_early; /* an operator ended the run, or it was given up */
	bool sim;
	int64_t resolution_ns; /* of recovery times */
	int64_t duration_ns, stall_total_ns;
};

struct gcs_verdict {
	enum gcs_exit exit;
	bool threw;	    /* the target died as `oom: throw` asks, and up to then nothing that was measured failed */
	const char *word;   /* PASS, FAIL, ... */
	char sentence[200]; /* of the reason that decided */
	uint32_t nreasons;
	struct {
		enum gcs_exit exit;
		char text[200];
	} reason[GCS_REASONS_MAX]; /* all that was found, worst first */
};
void gcs_verdict_decide(struct gcs_verdict *v, const struct gcs_grounds *g);
const char *gcs_verdict_word(enum gcs_exit exit);
