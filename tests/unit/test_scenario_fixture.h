/*
 * test_scenario_fixture.h: what tests of the loader share: a base scenario, and loading it with more text and overrides behind it.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "harness/scenario.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SEC INT64_C(1000000000)

/* What the loaders below begin with. */
static const char base[] = "version: 1\n"
			   "name: base\n"
			   "workload:\n"
			   "  - {id: maps, driver: map-churn}\n"
			   "phases:\n"
			   "  - {id: steady, for: 10s}\n"
			   "  - {id: storm, for: 20s}\n"
			   "  - {id: heal, for: 30s}\n";

/* Load a scenario that begins with head and goes on with more. */
static inline int load_text(const char *head, const char *more, const struct gcs_scenario_options *opt,
		     struct gcs_scenario **ret, char **ret_error)
{
	char path[] = "/tmp/test_scenario.XXXXXX";
	struct gcs_scenario_error error;
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, head, strlen(head)), strlen(head));
	assert_int_equal(write(fd, more, strlen(more)), strlen(more));
	close(fd);
	int e = gcs_scenario_load_with(ret, path, opt, &error);
	unlink(path);
	if (ret_error)
		*ret_error = error.text;
	else if (e)
		fail_msg("%d: %s", e, error.text);
	return e;
}

/* Load the usual text followed by more. */
static inline int load_with(const char *more, const struct gcs_scenario_options *opt,
		     struct gcs_scenario **ret, char **ret_error)
{
	return load_text(base, more, opt, ret, ret_error);
}

/* set ends with a NULL key. */
static inline int load(const char *more, const struct gcs_override *set, struct gcs_scenario **ret,
		char **ret_error)
{
	struct gcs_scenario_options opt = {.set = set};
	while (set && set[opt.nset].key)
		opt.nset++;
	return load_with(more, &opt, ret, ret_error);
}
