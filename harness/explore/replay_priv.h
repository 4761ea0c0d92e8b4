/*
 * replay_priv.h: what the two kinds of replay share: making the run again, telling its verdicts.
 */
#pragma once

#include "harness/explore/original.h"
#include "harness/explore/replay.h"

/* The sentence, with the record's name; returns code. */
enum gcs_exit replay_refuse(const struct gcs_replay_options *opt, enum gcs_exit code, const char *text);
/* Make the run of `then` again, as `how` says (real, prepare, self; the rest is filled in), and open its record. GCS_EXIT_PASS, or what
 * kept it from that, told. */
enum gcs_exit replay_again(const struct gcs_replay_options *opt, struct gcs_original *then, struct gcs_original *now,
			   struct gcs_trial how);
void replay_tell_verdicts(const struct gcs_replay_options *opt, const struct gcs_original *then, const struct gcs_original *now);

/* ---- replay_real.c: of a run on real threads: its firings once more. As gcs_replay. */
enum gcs_exit replay_real(const struct gcs_replay_options *opt, struct gcs_original *then);
