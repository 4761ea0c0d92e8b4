/* command_table.c: every command and every option, once. */
#include "harness/command_priv.h"

#define BIT(id) (1u << GCS_OPT_##id)

/* clang-format off */
const struct gcs_option gcs_options[GCS_OPTIONS] = {
	[GCS_OPT_HELP] = {"help", 'h', NULL, false, "say what the command does"},
	[GCS_OPT_SIM] = {"sim", 0, NULL, false, "simulate: one thread, virtual time; same scenario and seed, same run"},
	[GCS_OPT_SEED] = {"seed", 0, "N", false, "the seed of every draw, decimal or 0x…; as --set seed=N"},
	[GCS_OPT_SET] = {"set", 's', "KEY=VALUE", true, "change a value: workload.maps.keys=10k, phases.storm.for=5s"},
	[GCS_OPT_TUI] = {"tui", 0, NULL, false, "show the screen; by default on a terminal"},
	[GCS_OPT_PLAIN] = {"plain", 0, NULL, false, "one line an event on standard error; by default without a terminal"},
	[GCS_OPT_FORMAT] = {"format", 'f', "text|json", false, "of the result on standard output"},
	[GCS_OPT_OUTPUT] = {"output", 'o', "RECORD", false, "write the record there, a file that does not exist yet"},
};

const struct gcs_command gcs_commands[] = {
	{"run", "SCENARIO", 1, 1,
	 BIT(SIM) | BIT(SEED) | BIT(SET) | BIT(TUI) | BIT(PLAIN) | BIT(FORMAT) | BIT(OUTPUT),
	 "run a scenario and judge it",
	 "SCENARIO is a file, or the name of an incident (gcstorm list incidents).\n"
	 "The record lies in $XDG_STATE_HOME/gcstorm/runs, or where --output says.\n"
	 "Exit: 0 pass, 2 wrong usage or scenario, 3 unsupported or no resource, 4 the target crashed,\n"
	 "5 inconclusive, 7 untrustworthy, 99 an SLO or integrity check failed, 130 and 143 interrupted,\n"
	 "1 the harness itself failed.",
	 gcs_command_run},
	{"check", "SCENARIO", 1, 1, BIT(SEED) | BIT(SET) | BIT(FORMAT),
	 "read a scenario and say what is wrong with it",
	 "Nothing is started. With --format json it prints the scenario with every default filled in\n"
	 "and every time absolute, in nanoseconds.",
	 gcs_command_check},
	{"report", "RUN", 1, 1, BIT(FORMAT),
	 "tell what happened in a run, from its record",
	 "RUN is a file, a part of a record's name that no other has, or `last`.",
	 gcs_command_report},
	{"list", "faults|workloads|incidents|keys|metrics|runs", 1, 1, BIT(FORMAT),
	 "list what there is",
	 "keys are those of a scenario; metrics are what SLOs, expectations and recovery signals can name.",
	 gcs_command_list},
	{"version", "", 0, 0, 0, "print the version", "", gcs_command_version},
	{"help", "[COMMAND]", 0, 1, 0, "say what a command does", "", gcs_command_help},
};
const size_t gcs_commands_count = sizeof gcs_commands / sizeof gcs_commands[0];
/* clang-format on */
