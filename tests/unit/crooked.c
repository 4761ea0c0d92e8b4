/*
 * crooked.c: a driver that takes failures wrongly, for a simulated target whose sweeps must find it.
 *
 * It is map-churn, until an operation of it gets -ENOMEM for the first time; what happens then the
 * workload's id says. Linked in place of the table of drivers (--wrap=work_driver_by_name).
 */
#include "runtime/prim/prim.h"
#include "workloads/workload.h"

#include <errno.h>
#include <string.h>

const struct work_driver *__wrap_work_driver_by_name(const char *name);

static struct {
	bool failed;
	void *leak; /* a global root that nobody clears */
} crooked;

static const struct mrt_type crooked_word = {.name = "crooked word", .size = 8};

static _Noreturn void crooked_hang(mrt_g *g)
{
	for (;;)
		mrt_sleep_until(g, mrt_now_ns() + 1000000);
}

static int crooked_leak(mrt_g *g, int r)
{
	MRT_ROOTS(g, root, 1);

	if (mrt_globals_add(&crooked.leak, 1) < 0 || mrt_new(g, &crooked_word, &root[0]) < 0)
		prim_die(1, "crooked: no memory to leak\n");
	mrt_store(g, &crooked.leak, root[0]);
	return r;
}

/* The first operation that failed, with r. */
static int crooked_take(mrt_g *g, struct work_unit *u, int r)
{
	const char *how = u->w->id;

	if (strcmp(how, "swallow") == 0)
		return 0;
	if (strcmp(how, "mistranslate") == 0) {
		work_op_error(u, -EIO, 0);
		return -EIO;
	}
	if (strcmp(how, "leak") == 0)
		return crooked_leak(g, r);
	if (strcmp(how, "hang") == 0)
		crooked_hang(g);
	if (strcmp(how, "crash") == 0)
		__builtin_trap();
	if (strcmp(how, "throw") == 0)
		prim_die(2, "fatal error: found bad pointer in Go heap\n");
	return r;
}

static int crooked_op(mrt_g *g, struct work_unit *u)
{
	int r = work_map_churn.op(g, u);

	if (r == -ENOMEM && !crooked.failed) {
		crooked.failed = true;
		return crooked_take(g, u, r);
	}
	if (r == 0 && crooked.failed && strcmp(u->w->id, "sulk") == 0) {
		work_op_error(u, -ENOMEM, 0); /* it works again, and says that it does not */
		return -ENOMEM;
	}
	return r;
}

static struct work_driver crooked_driver;

static int crooked_create(mrt_g *g, const struct work_unit_options *opt, void **ret_root,
			  struct work_unit **ret)
{
	int r = work_map_churn.create(g, opt, ret_root, ret);

	if (r == 0)
		(*ret)->driver = &crooked_driver;
	return r;
}

const struct work_driver *__wrap_work_driver_by_name(const char *name)
{
	crooked_driver = work_map_churn;
	crooked_driver.create = crooked_create;
	crooked_driver.op = crooked_op;
	return strcmp(name, crooked_driver.name) == 0 ? &crooked_driver : NULL;
}
