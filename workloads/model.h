/*
 * model.h: what a map must hold: key -> version, outside the managed heap.
 *
 * The entries lie dense in an array (so that a random one is found in one step), an open-addressing
 * table finds them by key. Keys are never 0. The capacity is fixed when it is made; nothing
 * allocates afterwards, so the model works when memory is what fails.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct model_entry {
	uint64_t key, version;
};

struct model {
	struct model_entry *entry;
	uint32_t *table; /* entry index plus one; 0: free */
	uint32_t count, cap, mask;
};

int model_init(struct model *m, uint32_t cap); /* -ENOMEM */
void model_fini(struct model *m);
/* NULL: not there. Valid until the next put or delete. */
struct model_entry *model_find(const struct model *m, uint64_t key);
/* A new key; there must be room (count < cap). */
void model_put(struct model *m, uint64_t key, uint64_t version);
/* Holds nothing any more. */
void model_clear(struct model *m);
/* The key must be there. */
void model_delete(struct model *m, uint64_t key);
