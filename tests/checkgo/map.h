/* map.h: what the topics about maps share. */
#pragma once

#include "tests/checkgo/checkgo.h"

struct check_map_type {
	struct mrt_type elem;
	struct mrt_map_type map;
};
void check_map_type(struct check_map_type *ret, uint64_t key_bytes, uint64_t elem_bytes, bool pointers);
