/*
 * model.c: linear probing, at most half full, deletion by moving later entries back (no
 * tombstones).
 */
#include "workloads/model.h"

#include "workloads/workload.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int model_init(struct model *m, uint32_t cap)
{
	uint32_t size = 16;

	while (size < cap * UINT64_C(2))
		size *= 2;
	*m = (struct model){.cap = cap, .mask = size - 1};
	m->entry = calloc(cap > 0 ? cap : 1, sizeof(*m->entry));
	m->table = calloc(size, sizeof(*m->table));
	if (m->entry != NULL && m->table != NULL)
		return 0;
	model_fini(m);
	return -ENOMEM;
}

void model_fini(struct model *m)
{
	free(m->entry);
	free(m->table);
	m->entry = NULL;
	m->table = NULL;
}

static uint32_t model_home(const struct model *m, uint64_t key)
{
	return (uint32_t)(work_mix(key) >> 20) & m->mask;
}

/* Where the key is, or the free place where it would go. */
static uint32_t model_probe(const struct model *m, uint64_t key)
{
	uint32_t at = model_home(m, key);

	while (m->table[at] != 0 && m->entry[m->table[at] - 1].key != key)
		at = (at + 1) & m->mask;
	return at;
}

struct model_entry *model_find(const struct model *m, uint64_t key)
{
	uint32_t at = model_probe(m, key);

	return m->table[at] != 0 ? &m->entry[m->table[at] - 1] : NULL;
}

void model_put(struct model *m, uint64_t key, uint64_t version)
{
	uint32_t at = model_probe(m, key);

	assert(m->table[at] == 0 && m->count < m->cap);
	m->entry[m->count] = (struct model_entry){key, version};
	m->table[at] = ++m->count;
}

void model_clear(struct model *m)
{
	memset(m->table, 0, ((size_t)m->mask + 1) * sizeof(*m->table));
	m->count = 0;
}

/* Free a place: whoever probed past it moves back. */
static void model_free_place(struct model *m, uint32_t hole)
{
	uint32_t at = hole;

	for (;;) {
		uint32_t home;

		at = (at + 1) & m->mask;
		if (m->table[at] == 0)
			break;
		home = model_home(m, m->entry[m->table[at] - 1].key);
		/* May it move to the hole? Only if its home is not between hole and where it is. */
		if (((at - home) & m->mask) >= ((at - hole) & m->mask)) {
			m->table[hole] = m->table[at];
			hole = at;
		}
	}
	m->table[hole] = 0;
}

void model_delete(struct model *m, uint64_t key)
{
	uint32_t at = model_probe(m, key), index = m->table[at] - 1, last = m->count - 1;

	assert(m->table[at] != 0);
	model_free_place(m, at);
	if (index != last) {
		uint32_t moved = model_probe(m, m->entry[last].key);

		m->entry[index] = m->entry[last];
		m->table[moved] = index + 1;
	}
	m->count = last;
}
