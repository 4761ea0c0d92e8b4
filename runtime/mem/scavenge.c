/*
 * scavenge.c: giving free pages back to the system.
 *
 * One bit a page says that the system does not back it: it was never touched, or it was given back.
 * Bits are set only in free runs; every run knows how many of its pages are backed and above which
 * page none is, so that the search for the next piece goes on where the last one ended. As in Go
 * (mgcscavenge.go) the highest pages go first, since allocation takes the lowest.
 *
 * The system is asked without the heap's lock, which may take long: the piece is out of the runs
 * meanwhile, counted as idle. Go counts pages as released whatever madvise says; here they are zero
 * when they come back, so they count only when it has succeeded.
 */
#include "runtime/mem/mem_priv.h"

#define RELEASED_WORD 64u

/* ---------------------------------------------------------------------- bits */

/* Bits of the word that holds `page`, from there up to `end` at most; *ret_next: where the next
 * word's begin. */
static uint64_t released_mask(uint32_t page, uint32_t end, uint32_t *ret_next)
{
	uint32_t low = page % RELEASED_WORD, n = RELEASED_WORD - low;

	n = n < end - page ? n : end - page;
	*ret_next = page + n;
	return (n == RELEASED_WORD ? ~UINT64_C(0) : (UINT64_C(1) << n) - 1) << low;
}

void mem_released_set(uint32_t page, uint32_t npages)
{
	uint32_t end = page + npages, next;

	prim_mutex_assert_held(&mem_heap.lock);
	for (; page < end; page = next)
		mem_heap.released[page / RELEASED_WORD] |= released_mask(page, end, &next);
	mem_heap.released_pages += npages;
}

uint32_t mem_released_count(uint32_t page, uint32_t npages)
{
	uint32_t end = page + npages, next, n = 0;

	for (; page < end; page = next)
		n += (uint32_t)__builtin_popcountll(mem_heap.released[page / RELEASED_WORD] &
						    released_mask(page, end, &next));
	return n;
}

uint32_t mem_released_take(uint32_t page, uint32_t npages)
{
	uint32_t end = page + npages, next, n = 0;

	prim_mutex_assert_held(&mem_heap.lock);
	for (; page < end; page = next) {
		uint64_t *word = &mem_heap.released[page / RELEASED_WORD],
			 mask = released_mask(page, end, &next);

		n += (uint32_t)__builtin_popcountll(*word & mask);
		*word &= ~mask;
	}
	mem_heap.released_pages -= n;
	return n;
}

static bool released_is(uint32_t page)
{
	return (mem_heap.released[page / RELEASED_WORD] >> (page % RELEASED_WORD) & 1) != 0;
}

/* One past the last backed page below `end`; there is one. */
static uint32_t released_backed_end(uint32_t end)
{
	while (released_is(end - 1)) {
		bool whole = end % RELEASED_WORD == 0 &&
			     mem_heap.released[end / RELEASED_WORD - 1] == ~UINT64_C(0);

		end -= whole ? RELEASED_WORD : 1;
	}
	return end;
}

/* ------------------------------------------------------------------ the pages */

/* The highest backed pages that lie together, at most `max`. */
static void scavenge_piece_locked(struct mem_run *run, uint32_t max, struct mem_cut *ret)
{
	uint32_t end = released_backed_end(run->high), page = end - 1;

	while (page > run->page && end - page < max && !released_is(page - 1))
		page--;
	run->high = end;
	ret->run = run;
	ret->page = page;
	ret->npages = end - page;
}

/* *ret_s: whose run the piece becomes. false: there is none, or no descriptor for it. */
static bool scavenge_take_locked(uint32_t max, struct mem_span **ret_s)
{
	struct mem_run *run = mem_runs_last_backed(mem_heap.runs);
	struct mem_span *s, *rest;
	struct mem_cut cut;

	if (run == NULL)
		return false;
	s = mem_heap_spare_try_locked();
	if (s == NULL)
		return false;
	rest = mem_heap_spare_try_locked();
	if (rest == NULL) {
		mem_heap_spare_put_locked(s);
		return false;
	}
	scavenge_piece_locked(run, max, &cut);
	cut.rest = &rest->run;
	mem_heap_run_cut_locked(&cut);
	mem_heap.releasing_pages += cut.npages;
	s->run = (struct mem_run){.page = cut.page, .npages = cut.npages};
	*ret_s = s;
	return true;
}

static void scavenge_put_locked(struct mem_span *s, bool released)
{
	struct mem_run *run = &s->run;

	mem_heap.releasing_pages -= run->npages;
	if (released) {
		mem_released_set(run->page, run->npages);
		mem_heap.mapped -= (uint64_t)run->npages << MEM_PAGE_SHIFT;
	}
	run->backed = released ? 0 : run->npages;
	run->high = run->page + run->npages;
	mem_heap_run_put_locked(s);
}

static int scavenge_release(const struct mem_run *run)
{
	uintptr_t addr = mem_layout.base + ((uintptr_t)run->page << MEM_PAGE_SHIFT);
	size_t bytes = (size_t)run->npages << MEM_PAGE_SHIFT;
	int r = 0;

	if (gcs_gate(GCS_POINT_mem_os_release) && mem_hooks->release != NULL)
		r = mem_hooks->release(bytes);
	return r == 0 ? prim_pages_decommit((void *)addr, bytes) : r;
}

int64_t mem_scavenge(size_t max_bytes)
{
	size_t max = max_bytes < MEM_SCAVENGE_BYTES ? max_bytes : MEM_SCAVENGE_BYTES;
	struct mem_span *s = NULL;
	int64_t bytes;
	bool any;
	int r;

	max = max > MEM_PAGE_BYTES ? max / MEM_PAGE_BYTES : 1;
	prim_mutex_lock(&mem_heap.lock);
	any = scavenge_take_locked((uint32_t)max, &s);
	prim_mutex_unlock(&mem_heap.lock);
	if (!any)
		return 0;
	bytes = (int64_t)s->run.npages << MEM_PAGE_SHIFT;
	r = scavenge_release(&s->run);
	prim_mutex_lock(&mem_heap.lock);
	scavenge_put_locked(s, r == 0);
	prim_mutex_unlock(&mem_heap.lock);
	return r < 0 ? r : bytes;
}
