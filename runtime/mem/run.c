/*
 * run.c: the free runs of the page heap, a treap by address.
 *
 * Every node knows the longest run of its subtree: the first run by address
 * that fits is found in one descent, O(log n) expected.  The priority is a
 * hash of the page at which the node was inserted, so that the shape, and
 * with it a simulated run, depends on nothing but the history.  No two runs
 * touch: mem_runs_put joins them.
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

struct mem_run *mem_runs_take(struct mem_run *root, uint32_t npages, uint32_t *ret_page,
			      struct mem_run **ret_spent)
{
	if (mem_runs_longest(root->left) >= npages) {
		root->left = mem_runs_take(root->left, npages, ret_page, ret_spent);
	} else if (root->npages >= npages) {
		*ret_page = root->page;
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

struct mem_run *mem_runs_put(struct mem_run *root, struct mem_run *run,
			     struct mem_run *ret_spent[2])
{
	struct mem_run *before = run_before(root, run->page);
	struct mem_run *after = run_after(root, run->page);

	ret_spent[0] = ret_spent[1] = NULL;
	if (before != NULL && before->page + before->npages == run->page) {
		root = run_remove(root, before);
		run->page = before->page;
		run->npages += before->npages;
		ret_spent[0] = before;
	}
	if (after != NULL && run->page + run->npages == after->page) {
		root = run_remove(root, after);
		run->npages += after->npages;
		ret_spent[1] = after;
	}
	run->prio = run_prio(run->page);
	return run_insert(root, run);
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
