/*
 * test_sync_map_value.h: what the tests of sync.Map store: a value that says whose it is and which store it is from.
 */
#pragma once

#include "map_model.h"

#include "runtime/data/sync_map.h"

#if MRT_SIM || MODEL_SLOW
#define FEW(n) ((n) / 8)
#else
#define FEW(n) (n)
#endif

struct value {
	uint64_t key, version;
};
static const struct mrt_type value_type = {.name = "value", .size = sizeof(struct value)};

static int value_new(mrt_g *g, uint64_t key, uint64_t version, void **ret)
{
	int rc = mrt_new(g, &value_type, ret);

	if (rc == 0)
		*(struct value *)*ret = (struct value){key, version};
	return rc;
}

static void value_check(const void *p, uint64_t key, uint64_t version)
{
	const struct value *v = p;

	CHECK((v != NULL) == (version != 0));
	CHECK(v == NULL || (v->key == key && v->version == version));
}
