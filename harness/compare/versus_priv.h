/* versus_priv.h: what versus.c shares with its parts. */
#pragma once

#include "harness/compare/versus.h"

/* versus_settings.c: "target.gogc 100 -> 50, ... and 2 more": what differs from a to b, two resolved scenarios as JSON, but for what is drawn from the
 * seed. "" nothing, or one of them is not known. */
void versus_settings(const char *a, const char *b, char *ret, size_t cap);

/* versus_fit.c: why a run does not count; "" it does. The first: by itself; the second: beside the pattern. */
void versus_unfit(const struct gcs_versus_input *in, char *ret, size_t cap);
void versus_foreign(const struct gcs_versus_input *pattern, const struct gcs_versus_input *in, char *ret, size_t cap);
