/*
 * main.c: `checkgo TOPIC MINOR PROGRAM`: one topic against a Go program built with Go 1.MINOR; `checkgo types` prints a part of that program.
 * GCS_TEST_SEED: what is drawn; GCS_CHECK_GO_SEEDS: how many sequences. Exit 0: all agreed, 1: something differs, 2: no comparison.
 */
#include "tests/checkgo/checkgo.h"

#include "runtime/prim/prim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAIN_SEEDS 200u

static const struct {
	const char *name;
	bool (*check)(struct check *c);
} main_topic[] = {
	{"append", check_append},
	{"classes", check_classes},
	{"map", check_map},
	{"map-sizes", check_map_sizes},
	{"map-overflow", check_map_overflow},
	{"goals", check_goals},
	{"memstats", check_memstats},
	{"metrics", check_metrics},
	{"pool", check_pool},
	{"syncmap", check_sync_map},
};

static uint64_t main_number(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text != NULL ? strtoull(text, NULL, 0) : otherwise;
}

int main(int argc, char **argv)
{
	struct check c = {0};
	struct prim_options opt = {0};

	if (argc == 2 && strcmp(argv[1], "types") == 0) {
		check_append_types();
		return 0;
	}
	if (argc != 4)
		check_die("use: checkgo TOPIC MINOR PROGRAM, or checkgo types");
	c.minor = atoi(argv[2]);
	c.oracle = argv[3];
	c.seed = c.random = main_number("GCS_TEST_SEED", 1);
	c.seeds = main_number("GCS_CHECK_GO_SEEDS", MAIN_SEEDS);
	opt.seed = c.seed;
	if (prim_init(&opt) != 0)
		check_die("the runtime does not start");
	for (size_t i = 0; i < sizeof(main_topic) / sizeof(main_topic[0]); i++)
		if (strcmp(main_topic[i].name, argv[1]) == 0)
			return main_topic[i].check(&c) ? 0 : 1;
	check_die("no topic '%s'", argv[1]);
}
