/*
 * special.c: what is known of single objects besides their bits (mheap.go, special): a short list a span.
 *
 * The list of a span belongs to who may allocate from it, or sweeps it: one at a time, so it needs no lock. Only the
 * spare records do. A sweep takes out those whose object it finds dead, before the object is free.
 */
#include "runtime/mem/mem_priv.h"

#include <errno.h>

#define SPECIAL_BATCH 64u

struct mem_special {
	struct mem_special *next;
	void *what;
	uint32_t index;
};

static struct {
	prim_mutex lock;
	struct mem_special *spare;
	uint64_t live; /* records in lists */
} special;

void mem_special_init(void)
{
	prim_mutex_init(&special.lock, PRIM_RANK_HEAP);
	special.spare = NULL;
	special.live = 0;
}

static void special_put_locked(struct mem_special *s)
{
	prim_mutex_assert_held(&special.lock);
	s->next = special.spare;
	special.spare = s;
}

static struct mem_special *special_get_locked(void)
{
	struct mem_special *s = special.spare;

	if (s == NULL) {
		s = mem_persist(SPECIAL_BATCH * sizeof(*s), _Alignof(struct mem_special));
		for (uint32_t i = 1; s != NULL && i < SPECIAL_BATCH; i++)
			special_put_locked(&s[i]);
	} else {
		special.spare = s->next;
	}
	special.live += s != NULL;
	return s;
}

int mem_special_add(const struct mem_obj *o, void *what)
{
	struct mem_special *s;

	prim_mutex_lock(&special.lock);
	s = special_get_locked();
	prim_mutex_unlock(&special.lock);
	if (s == NULL)
		return -ENOMEM;
	*s = (struct mem_special){.next = o->span->specials, .what = what, .index = o->index};
	o->span->specials = s;
	return 0;
}

/* Those of unmarked objects, unlinked. */
static struct mem_special *special_take_dead(struct mem_span *span)
{
	struct mem_special **at = &span->specials, *dead = NULL;

	while (*at != NULL) {
		struct mem_special *s = *at;
		struct mem_obj o = {.span = span, .index = s->index};

		if (mem_marked(&o)) {
			at = &s->next;
			continue;
		}
		*at = s->next;
		s->next = dead;
		dead = s;
	}
	return dead;
}

void mem_special_sweep(struct mem_span *span)
{
	struct mem_special *dead = special_take_dead(span), *next;

	for (struct mem_special *s = dead; s != NULL; s = s->next)
		if (mem_hooks->special_dead != NULL)
			mem_hooks->special_dead(s->what);
	prim_mutex_lock(&special.lock);
	for (struct mem_special *s = dead; s != NULL; s = next) {
		next = s->next;
		special_put_locked(s);
		special.live--;
	}
	prim_mutex_unlock(&special.lock);
}

bool mem_special_check(const struct mem_span *span, uint64_t *count)
{
	for (const struct mem_special *s = span->specials; s != NULL; s = s->next, ++*count)
		if (s->index >= span->nelems || !mem_span_allocated(span, s->index))
			return false;
	return true;
}

uint64_t mem_special_live(void)
{
	return special.live;
}
