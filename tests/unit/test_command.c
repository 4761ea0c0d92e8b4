/* test_command.c: the command line against its table: what is refused, with which words, and what
 * is printed where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "harness/collect/collect.h"
#include "harness/command/command.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORDS_MAX 12
#define TEXT_MAX  65536

struct said {
	int code;
	char out[TEXT_MAX], err[TEXT_MAX];
};

static void read_back(FILE *f, char *ret)
{
	rewind(f);
	ret[fread(ret, 1, TEXT_MAX - 1, f)] = '\0';
	fclose(f);
}

/* Run `gcstorm WORDS...` in a child; what it wrote where, and its exit code. */
static void run(struct said *ret, const char *const *words)
{
	char *argv[WORDS_MAX + 2] = {(char *)(uintptr_t)"gcstorm"};
	int argc = 1;
	FILE *out = tmpfile(), *err = tmpfile();
	assert_non_null(out);
	assert_non_null(err);
	for (; words[argc - 1]; argc++)
		argv[argc] = (char *)(uintptr_t)words[argc - 1];
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		dup2(fileno(out), STDOUT_FILENO);
		dup2(fileno(err), STDERR_FILENO);
		int code = gcs_command_main(argc, argv, NULL);
		fflush(NULL);
		_exit(code);
	}
	int status = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	ret->code = WEXITSTATUS(status);
	read_back(out, ret->out);
	read_back(err, ret->err);
}

static void test_usage(void **state)
{
	static const struct {
		const char *words[WORDS_MAX];
		const char *err;
	} rows[] = {
		{{"rnu"}, "gcstorm: unknown command 'rnu'\n  hint: did you mean 'run'?\n"},
		{{"xyzzy"},
		 "gcstorm: unknown command 'xyzzy'\n  hint: `gcstorm help` lists the commands\n"},
		{{"--sim", "run"},
		 "gcstorm: unknown option '--sim'\n  hint: the command comes first: gcstorm run "
		 "[OPTION]... SCENARIO\n"},
		{{"run"}, "gcstorm: run wants SCENARIO\n"},
		{{"run", "a", "b"}, "gcstorm: run takes no 'b'\n"},
		{{"run", "--smi", "x"},
		 "gcstorm: run has no option '--smi'\n  hint: did you mean '--sim'?\n"},
		{{"run", "-x", "x"},
		 "gcstorm: run has no option '-x'\n  hint: `gcstorm help run` lists its options\n"},
		{{"check", "--sim", "x"},
		 "gcstorm: check has no option '--sim'\n  hint: `gcstorm help check` lists its "
		 "options\n"},
		{{"run", "--seed"}, "gcstorm: --seed wants N\n"},
		{{"run", "--sim=yes", "x"}, "gcstorm: --sim takes no value\n"},
		{{"run", "--sim", "--sim", "x"}, "gcstorm: --sim is given twice\n"},
		{{"run", "--format", "xml", "x"},
		 "gcstorm: there is no format 'xml'\n  hint: --format text or --format json\n"},
		{{"run", "--set", "seed", "x"},
		 "gcstorm: --set wants KEY=VALUE, not 'seed'\n  hint: --set "
		 "workload.maps.keys=10k\n"},
		{{"run", "--set", "seed=", "x"},
		 "gcstorm: --set wants KEY=VALUE, not 'seed='\n  hint: --set "
		 "workload.maps.keys=10k\n"},
		{{"run", "--tui", "--plain", "x"},
		 "gcstorm: --tui and --plain exclude each other\n"},
		{{"show", "mem/mallc"},
		 "gcstorm: there is nothing called 'mem/mallc' to show\n  hint: did you mean "
		 "'mem/malloc'?\n"},
		{{"show", "eco"},
		 "gcstorm: there is nothing called 'eco' to show\n  hint: did you mean 'echo'?\n"},
		{{"show", "op.latency.p9"},
		 "gcstorm: there is nothing called 'op.latency.p9' to show\n  hint: did you mean "
		 "'op.latency.p90'?\n"},
		{{"show", "xyzzyplugh"},
		 "gcstorm: there is nothing called 'xyzzyplugh' to show\n  hint: `gcstorm list "
		 "incidents`, `list faults`, `list workloads`, `list states` and `list metrics` name what there "
		 "is\n"},
		{{"plan", "no-such-incident"},
		 "gcstorm: there is no scenario 'no-such-incident'\n"
		 "  hint: `gcstorm list incidents` names those there are; anything else is a "
		 "path\n"},
		{{"run", "--variant", "a", "--variants", "x"},
		 "gcstorm: --variant and --variants exclude each other\n"},
		{{"run", "no-such-incident"},
		 "gcstorm: there is no scenario 'no-such-incident'\n"
		 "  hint: `gcstorm list incidents` names those there are; anything else is a "
		 "path\n"},
		{{"list", "fualts"},
		 "gcstorm: there is no list of 'fualts'\n  hint: did you mean 'faults'?\n"},
		{{"list", "zzz"},
		 "gcstorm: there is no list of 'zzz'\n  hint: "
		 "faults|workloads|incidents|keys|states|metrics|go-faults|go-metrics|runs\n"},
		{{"report", "no-such-run"},
		 "gcstorm: there is no run 'no-such-run'\n  hint: `gcstorm list runs` names them; "
		 "`last` is the newest\n"},
		{{"help", "rnu"}, "gcstorm: unknown command 'rnu'\n  hint: did you mean 'run'?\n"},
	};
	struct said *said = calloc(1, sizeof *said);
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		run(said, rows[i].words);
		if (said->code != GCS_EXIT_USAGE || strcmp(said->err, rows[i].err) != 0 ||
		    *said->out)
			fail_msg("%s %s: %d, out \"%s\", err \"%s\"", rows[i].words[0],
				 rows[i].words[1] ? rows[i].words[1] : "", said->code, said->out,
				 said->err);
	}
	free(said);
}

static void test_seed_and_set_errors(void **state)
{
	static const char *const rows[][WORDS_MAX] = {
		{"check", "--seed", "x", NULL},
		{"check", "-s", "seed=x", NULL},
		{"check", "-sseed=x", NULL},
		{"check", "--set=seed=x", NULL},
	};
	struct said *said = calloc(1, sizeof *said);
	char path[4096];
	const char *source = getenv("GCSTORM_SOURCE");
	(void)state;
	snprintf(path, sizeof path, "%s/tests/scenarios/good/everything.yaml",
		 source ? source : ".");
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const char *words[WORDS_MAX + 1];
		size_t n = 0;
		for (; rows[i][n]; n++)
			words[n] = rows[i][n];
		words[n] = path;
		words[n + 1] = NULL;
		run(said, words);
		assert_int_equal(said->code, GCS_EXIT_USAGE);
		assert_ptr_equal(strstr(said->err, "--set:1:6: error: 'seed' of the scenario "
						   "cannot be 'x'\nseed=x\n     ^\n"),
				 said->err);
		assert_string_equal(said->out, "");
	}
	free(said);
}

static void test_check(void **state)
{
	struct said *said = calloc(1, sizeof *said);
	char path[4096];
	const char *source = getenv("GCSTORM_SOURCE");
	(void)state;
	snprintf(path, sizeof path, "%s/tests/scenarios/good/everything.yaml",
		 source ? source : ".");
	run(said, (const char *[]){"check", path, NULL});
	assert_int_equal(said->code, 0);
	assert_string_equal(said->err, "");
	assert_string_equal(said->out, "everything: ok: 115s in 4 phases, 6 workloads, 5 faults in "
				       "22 windows, 3 SLOs, 1 expectation\n");
	run(said, (const char *[]){"check", "--seed", "99", "--format=json", "--", path, NULL});
	assert_int_equal(said->code, 0);
	json_t *o = json_loads(said->out, JSON_REJECT_DUPLICATES, NULL);
	assert_int_equal(json_integer_value(json_object_get(o, "seed")), 99);
	json_decref(o);
	free(said);
}

/* Options of a scenario reach every command that takes them. */
static void test_plan(void **state)
{
	struct said *said = calloc(1, sizeof *said);
	char path[4096];
	const char *source = getenv("GCSTORM_SOURCE");
	(void)state;
	snprintf(path, sizeof path, "%s/tests/scenarios/good/everything.yaml",
		 source ? source : ".");
	run(said, (const char *[]){"plan", "--variant=quiet", "--time-scale", "1", "--heap-scale=4",
				   "--format=json", path, NULL});
	assert_string_equal(said->err, "");
	assert_int_equal(said->code, 0);
	json_t *o = json_loads(said->out, JSON_REJECT_DUPLICATES, NULL);
	assert_string_equal(json_string_value(json_object_get(o, "variant")), "quiet");
	assert_int_equal(json_integer_value(json_object_get(o, "end_ns")), INT64_C(230000000000));
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(o, "scale"), "heap_milli")),
		4000);
	assert_true(json_array_size(json_object_get(o, "edges")) > 10);
	json_decref(o);
	run(said, (const char *[]){"plan", "--seed=7", "--set=clock=01:02:03", path, NULL});
	assert_int_equal(said->code, 0);
	assert_non_null(strstr(said->out, "  seed       0x7\n"));
	assert_non_null(
		strstr(said->out, "  clock      01:02:03 to 01:05:53, the incident's own\n"));
	run(said, (const char *[]){"plan", "--variant=quite", path, NULL});
	assert_int_equal(said->code, GCS_EXIT_USAGE);
	assert_non_null(strstr(said->err, "hint: did you mean 'quiet'?\n"));
	assert_string_equal(said->out, "");
	free(said);
}

static void test_show(void **state)
{
	static const char *const rows[][2] = {
		{"map-delete-residue", "map-delete-residue runs 50 s: "},
		{"mem/malloc", "mem/malloc: a fault point\n"},
		{"heap-follow", "heap-follow: a workload driver\n"},
		{"op.latency.p99@maps", "op.latency.p99: a metric\n"},
		{"fault.oom.fired", "fault.ID.fired: a metric\n"},
	};
	struct said *said = calloc(1, sizeof *said);
	const char *source = getenv("GCSTORM_SOURCE");
	char dir[4096];
	(void)state;
	snprintf(dir, sizeof dir, "%s/incidents", source ? source : ".");
	setenv("GCSTORM_INCIDENTS", dir, 1);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		run(said, (const char *[]){"show", rows[i][0], NULL});
		assert_int_equal(said->code, 0);
		assert_string_equal(said->err, "");
		assert_ptr_equal(strstr(said->out, rows[i][1]), said->out);
	}
	unsetenv("GCSTORM_INCIDENTS");
	free(said);
}

/* Help is made of the table: every command and option is in it. */
static void test_help(void **state)
{
	struct said *said = calloc(1, sizeof *said);
	(void)state;
	run(said, (const char *[]){NULL});
	assert_int_equal(said->code, GCS_EXIT_USAGE);
	assert_string_equal(said->out, "");
	run(said, (const char *[]){"--help", NULL});
	assert_int_equal(said->code, 0);
	for (size_t i = 0; i < gcs_commands_count; i++)
		assert_non_null(strstr(said->out, gcs_commands[i].about));
	for (size_t i = 0; i < gcs_commands_count; i++) {
		char *by_option =
			strdup((run(said, (const char *[]){gcs_commands[i].name, "--help", NULL}),
				said->out));
		assert_int_equal(said->code, 0);
		run(said, (const char *[]){"help", gcs_commands[i].name, NULL});
		assert_int_equal(said->code, 0);
		assert_string_equal(said->out, by_option);
		for (int o = 0; o < GCS_OPTIONS; o++)
			if (gcs_commands[i].options & GCS_OPTION_BIT(o))
				assert_non_null(strstr(said->out, gcs_options[o].about));
		free(by_option);
	}
	free(said);
}

static void test_lists(void **state)
{
	static const char *const lists[] = {"faults", "workloads", "incidents", "metrics", "runs"};
	struct said *said = calloc(1, sizeof *said);
	char dir[] = "/tmp/test_command.XXXXXX";
	(void)state;
	assert_non_null(mkdtemp(dir));
	setenv("XDG_STATE_HOME", dir, 1); /* no runs */
	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
		run(said, (const char *[]){"list", lists[i], "--format", "json", NULL});
		assert_int_equal(said->code, 0);
		json_t *o = json_loads(said->out, JSON_REJECT_DUPLICATES, NULL);
		if (!json_is_array(o))
			fail_msg("list %s: %s", lists[i], said->out);
		json_decref(o);
	}
	run(said, (const char *[]){"list", "faults", NULL});
	assert_non_null(strstr(said->out, "mem/malloc"));
	assert_non_null(strstr(said->out, "netpoll/wake"));
	assert_non_null(strstr(said->out, "gc/write"));
	run(said, (const char *[]){"version", NULL});
	assert_ptr_equal(strstr(said->out, "gcstorm "), said->out);
	rmdir(dir);
	free(said);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_usage), cmocka_unit_test(test_seed_and_set_errors),
		cmocka_unit_test(test_check), cmocka_unit_test(test_plan),
		cmocka_unit_test(test_show),  cmocka_unit_test(test_help),
		cmocka_unit_test(test_lists),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
