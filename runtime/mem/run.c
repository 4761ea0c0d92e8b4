/*
 * run.c: the free runs of the page heap, a treap by address.
 *
 * Every node knows the longest run of its subtree: the first run by address
 * that fits is found in one descent, O(log n) expected.  The priority is a
 * hash of the page at which the node was inserted, so that the shape, and
 * with it a simulated run, depends on nothing but the history.  No two runs
 * touch: mem_runs_put joins them.
 *
 * Of each run and of each subtree it is known how many pages the system backs
 * (the others are released, scavenge.c), so that the last run with such pages is
 * found in one descent as well.
 *
 * A node is the `run` member of an unused span descriptor; nothing is
 * allocated here, so freeing pages cannot fail.
 */
#include "runtime/mem/mem_priv.h"

static uint32_t run_prio(uint32_t page)
{
	uint64_t x = (page + UINT64_C(1)) * UINT64_C(0x9e3779b97f4a7c15);

	return (uint32_t)((x ^ x >> 29) * UINT64_C(0xbf58476d1ce4e5b9) >> 32);
}

static void run_update(struct mem_run *t)
{
	uint32_t left = mem_runs_longest(t->left), right = mem_runs_longest(t->right);
	uint32_t max = t->npages > left ? t->npages : left;

	t->max = max > right ? max : right;
	t->backed_all = t->backed + mem_runs_backed(t->left) + mem_runs_backed(t->right);
}

/* Every page of l lies below every page of r. */
static struct mem_run *run_merge(struct mem_run *l, struct mem_run *r)
{
	if (l == NULL)
		return r;
	if (r == NULL)
		return l;
	if (l->prio >= r->prio) {
		l->right = run_merge(l->right, r);
		run_update(l);
		return l;
	}
	r->left = run_merge(l, r->left);
	run_update(r);
	return r;
}

static void run_split(struct mem_run *t, uint32_t page, struct mem_run **ret_l,
		      struct mem_run **ret_r)
{
	if (t == NULL) {
		*ret_l = *ret_r = NULL;
	} else if (t->page < page) {
		run_split(t->right, page, &t->right, ret_r);
		run_update(t);
		*ret_l = t;
	} else {
		run_split(t->left, page, ret_l, &t->left);
		run_update(t);
		*ret_r = t;
	}
}

static struct mem_run *run_insert(struct mem_run *t, struct mem_run *run)
{
	if (t == NULL || run->prio > t->prio) {
		run_split(t, run->page, &run->left, &run->right);
		run_update(run);
		return run;
	}
	if (run->page < t->page)
		t->left = run_insert(t->left, run);
	else
		t->right = run_insert(t->right, run);
	run_update(t);
	return t;
}

static struct mem_run *run_add(struct mem_run *root, struct mem_run *run)
{
	run->prio = run_prio(run->page);
	return run_insert(root, run);
}

static struct mem_run *run_remove(struct mem_run *t, const struct mem_run *run)
{
	if (t == run)
		return run_merge(t->left, t->right);
	if (run->page < t->page)
		t->left = run_remove(t->left, run);
	else
		t->right = run_remove(t->right, run);
	run_update(t);
	return t;
}

static struct mem_run *run_before(struct mem_run *t, uint32_t page)
{
	struct mem_run *found = NULL;

	while (t != NULL) {
		if (t->page < page)
			found = t;
		t = t->page < page ? t->right : t->left;
	}
	return found;
}

static struct mem_run *run_after(struct mem_run *t, uint32_t page)
{
	struct mem_run *found = NULL;

	while (t != NULL) {
		if (t->page > page)
			found = t;
		t = t->page > page ? t->left : t->right;
	}
	return found;
}

/* Backed pages among npages of the run from `page` on. Looks at single pages only where the run is
 * mixed. */
static uint32_t run_backed_in(const struct mem_run *run, uint32_t page, uint32_t npages)
{
	if (run->backed == 0 || page >= run->high)
		return 0;
	if (run->backed == run->npages)
		return npages;
	return npages - mem_released_count(page, npages);
}

struct mem_run *mem_runs_take(struct mem_run *root, uint32_t npages, uint32_t *ret_page,
			      struct mem_run **ret_spent)
{
	if (mem_runs_longest(root->left) >= npages) {
		root->left = mem_runs_take(root->left, npages, ret_page, ret_spent);
	} else if (root->npages >= npages) {
		*ret_page = root->page;
		root->backed -= run_backed_in(root, root->page, npages);
		root->page += npages;
		root->npages -= npages;
		*ret_spent = root->npages == 0 ? root : NULL;
		if (root->npages == 0)
			return run_merge(root->left, root->right);
	} else {
		root->right = mem_runs_take(root->right, npages, ret_page, ret_spent);
	}
	run_update(root);
	return root;
}

struct mem_run *mem_runs_cut(struct mem_run *root, const struct mem_cut *cut,
			     struct mem_run *ret_spent[2])
{
	struct mem_run *run = cut->run, *rest = cut->rest;
	uint32_t end = cut->page + cut->npages, run_end = run->page + run->npages;

	root = run_remove(root, run);
	*rest = (struct mem_run){.page = end, .npages = run_end - end, .high = run->high};
	rest->backed = run_backed_in(run, end, rest->npages);
	run->backed -= rest->backed + run_backed_in(run, cut->page, cut->npages);
	run->npages = cut->page - run->page;
	if (run->high > cut->page)
		run->high = cut->page;
	ret_spent[0] = run->npages == 0 ? run : NULL;
	ret_spent[1] = rest->npages == 0 ? rest : NULL;
	if (run->npages != 0)
		root = run_add(root, run);
	return rest->npages != 0 ? run_add(root, rest) : root;
}

struct mem_run *mem_runs_last_backed(struct mem_run *root)
{
	while (mem_runs_backed(root) != 0) {
		if (mem_runs_backed(root->right) != 0)
			root = root->right;
		else if (root->backed != 0)
			break;
		else
			root = root->left;
	}
	return mem_runs_backed(root) != 0 ? root : NULL;
}

struct mem_run *mem_runs_first_longest(struct mem_run *root)
{
	uint32_t longest = mem_runs_longest(root);

	while (root != NULL) {
		if (mem_runs_longest(root->left) == longest)
			root = root->left;
		else if (root->npages == longest)
			break;
		else
			root = root->right;
	}
	return root;
}

/* Two runs that touch are one: what is known of the other one comes to it. */
static void run_join(struct mem_run *run, const struct mem_run *other)
{
	if (other->backed != 0 && (run->backed == 0 || other->high > run->high))
		run->high = other->high;
	run->backed += other->backed;
	run->npages += other->npages;
}

struct mem_run *mem_runs_put(struct mem_run *root, struct mem_run *run,
			     struct mem_run *ret_spent[2])
{
	struct mem_run *before = run_before(root, run->page);
	struct mem_run *after = run_after(root, run->page);

	ret_spent[0] = ret_spent[1] = NULL;
	if (before != NULL && before->page + before->npages == run->page) {
		root = run_remove(root, before);
		run_join(run, before);
		run->page = before->page;
		ret_spent[0] = before;
	}
	if (after != NULL && run->page + run->npages == after->page) {
		root = run_remove(root, after);
		run_join(run, after);
		ret_spent[1] = after;
	}
	return run_add(root, run);
}

int mem_runs_walk(const struct mem_run *root, int (*fn)(const struct mem_run *, void *), void *arg)
{
	int r;

	if (root == NULL)
		return 0;
	r = mem_runs_walk(root->left, fn, arg);
	if (r == 0)
		r = fn(root, arg);
	return r != 0 ? r : mem_runs_walk(root->right, fn, arg);
}
