/*
 * state.h: what the runtime tells a fault's condition of itself (gcs_rt_state_source of faults/gate.h).
 */
#pragma once

#include "faults/gate.h"

int64_t mrt_state(enum gcs_rt_state state, const struct gcs_site *site);
