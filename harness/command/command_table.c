/* command_table.c: every command and every option, once. */
#include "harness/command/command_priv.h"

#define BIT(id) GCS_OPTION_BIT(GCS_OPT_##id)
#define SCALES	(BIT(TIME_SCALE) | BIT(HEAP_SCALE))
#define LOOKS	(BIT(ASCII) | BIT(BRAILLE) | BIT(NO_MOUSE))

/* clang-format off */
const struct gcs_option gcs_options[GCS_OPTIONS] = {
	[GCS_OPT_HELP] = {"help", 'h', NULL, false, "say what the command does"},
	[GCS_OPT_SIM] = {"sim", 0, NULL, false, "simulate: one thread, virtual time; same scenario and seed, same run"},
	[GCS_OPT_SEED] = {"seed", 0, "N", false, "the seed of every draw, decimal or 0x…; as --set seed=N"},
	[GCS_OPT_SET] = {"set", 's', "KEY=VALUE", true, "change a value: workload.maps.keys=10k, phases.storm.for=5s"},
	[GCS_OPT_TUI] = {"tui", 0, NULL, false, "show the screen; by default on a terminal"},
	[GCS_OPT_PLAIN] = {"plain", 0, NULL, false, "lines of text, an event each, figures in words; by default without a terminal"},
	[GCS_OPT_FORMAT] = {"format", 'f', "text|json", false, "of the result on standard output"},
	[GCS_OPT_OUTPUT] = {"output", 'o', "FILE", false, "write the result there (run, replay: the record, a new file; import, shrink: the scenario; soak, explore, diff: a directory)"},
	[GCS_OPT_TIME_SCALE] = {"time-scale", 0, "FACTOR", false, "play the timeline this many times faster: phases, windows and curves, never rates and delays"},
	[GCS_OPT_HEAP_SCALE] = {"heap-scale", 0, "FACTOR", false, "divide bytes and live sets by this"},
	[GCS_OPT_VARIANT] = {"variant", 0, "ID", false, "one of the scenario's variants: the same incident with something changed"},
	[GCS_OPT_VARIANTS] = {"variants", 0, NULL, false, "the scenario as it is and each of its variants, in turn; one table at the end"},
	[GCS_OPT_FOR] = {"for", 0, "TIME", false, "begin no new round after this time, 8h"},
	[GCS_OPT_ROUNDS] = {"rounds", 0, "N", false, "so many rounds (soak: at most)"},
	[GCS_OPT_DISK] = {"disk", 0, "BYTES", false, "what all records together may take, 2GiB"},
	[GCS_OPT_UNTIL_FAILURE] = {"until-failure", 0, NULL, false, "stop after the first round that fails"},
	[GCS_OPT_SEEDS] = {"seeds", 0, "N", false, "how many seeds, from the scenario's or --seed on"},
	[GCS_OPT_JOBS] = {"jobs", 'j', "N", false, "so many runs at once; by default one a processor"},
	[GCS_OPT_FAULT] = {"fault", 0, "POINT:KEY=VALUE,...", true, "one more fault, as gc/write:every=50k or mem/malloc:probability=2%,phase=storm,for=5s"},
	[GCS_OPT_RESUME] = {"resume", 0, "FILE", false, "go on with the soak whose directory, or the sweep whose file that is"},
	[GCS_OPT_POINT] = {"point", 0, "POINT", false, "the fault point to sweep, mem/malloc; a star at its end stands for all that begin so"},
	[GCS_OPT_MODE] = {"mode", 0, "once|persistent", false, "the chosen visit alone fails, or with all later ones"},
	[GCS_OPT_LIMIT] = {"limit", 0, "N", false, "at most so many visits, spread over the run"},
	[GCS_OPT_VISIT] = {"visit", 0, "N", false, "this visit alone, and what came of it"},
	[GCS_OPT_REAL] = {"real", 0, NULL, false, "real threads: visits do not repeat exactly"},
	[GCS_OPT_HEAP_PROFILE] = {"heap-profile", 0, "FILE", false, "sample the heap, and write its profile for go tool pprof there, a new file, when the workload has ended"},
	[GCS_OPT_TARGET] = {"target", 0, "RUNTIME", false, "what runs the workload: embedded, go (the Go that is found) or go=PATH; as --set target.runtime=go --set target.go=PATH"},
	[GCS_OPT_TARGETS] = {"targets", 0, "A,B,...", false, "what shall be compared: embedded, go, go=PATH; behind each, for it alone, :KEY=VALUE"},
	[GCS_OPT_SIGNALS] = {"signals", 0, "A,B,...", false, "the figures that decide, as gc.cycles or op.latency.p99@maps; by default all"},
	[GCS_OPT_BAND] = {"band", 0, "FACTOR", false, "how far apart figures may be and still agree, 1.25"},
	[GCS_OPT_AT] = {"at", 0, "WALLCLOCK[@TIME]", false, "what the clock showed when the logged program started, or at that @TIME of the log: 2024-05-03T03:10:00Z, 03:10, 03:10:22@95.4s"},
	[GCS_OPT_TIMELINE] = {"timeline", 0, "FILE", false, "what people saw of the incident: its onset and end, figures with their times"},
	[GCS_OPT_ASCII] = {"ascii", 0, NULL, false, "draw the screen in ASCII, whatever the locale says"},
	[GCS_OPT_BRAILLE] = {"braille", 0, NULL, false, "draw strips, heap and lanes in dots, two by four a character; wants UTF-8 and a font that has braille"},
	[GCS_OPT_NO_MOUSE] = {"no-mouse", 0, NULL, false, "leave the mouse to the terminal, for marking text"},
};

const struct gcs_command gcs_commands[] = {
	{"run", "SCENARIO", 1, 1,
	 BIT(TARGET) | BIT(SIM) | BIT(SEED) | BIT(SET) | BIT(FAULT) | BIT(TUI) | LOOKS | BIT(PLAIN) | BIT(FORMAT) | BIT(OUTPUT) | SCALES | BIT(VARIANT) | BIT(VARIANTS) |
		 BIT(HEAP_PROFILE),
	 "run a scenario and judge it",
	 "SCENARIO is a file, or the name of an incident (gcstorm list incidents).\n"
	 "The record lies in $XDG_STATE_HOME/gcstorm/runs, or where --output says.\n"
	 "The heap profile is that of the last collection with everything live; it samples every\n"
	 "512 KiB (target.heap_profile_rate says otherwise). A run whose target died has none.\n"
	 "Exit: 0 pass, 2 wrong usage or scenario, 3 unsupported or no resource, 4 the target crashed,\n"
	 "5 inconclusive, 7 untrustworthy, 99 an SLO or integrity check failed, 130 and 143 interrupted,\n"
	 "1 the harness itself failed. With --variants the worst of all.",
	 gcs_command_run},
	{"exec", "SCENARIO -- PROGRAM [ARGUMENT]...", 1, GCS_EXEC_WORDS_MAX,
	 BIT(SEED) | BIT(SET) | BIT(FAULT) | BIT(TUI) | LOOKS | BIT(PLAIN) | BIT(FORMAT) | BIT(OUTPUT) | SCALES | BIT(VARIANT),
	 "run any program, not changed, under the faults that reach it",
	 "The faults are those of os/: system calls that are late or fail. One filter holds the calls that\n"
	 "the scenario names, and no others; what a held call costs is printed. A scenario that names none\n"
	 "installs none: the program runs at native speed. With a filter a set-user-ID program runs without\n"
	 "its privileges (NO_NEW_PRIVS). The program is never sandboxed.\n"
	 "A Go program gets GODEBUG=gctrace=1, and GOGC, GOMEMLIMIT and GOMAXPROCS where the scenario gives\n"
	 "gogc, memlimit and procs. Its cycles and stops are those of the gctrace lines, as precise as they\n"
	 "are; the stops include the time to stop. Its stdin is empty; its stdout goes to RECORD.out and its\n"
	 "stderr to RECORD.err, every byte. Load comes from workloads of the driver http, or the program is\n"
	 "its own.\n"
	 "At the end it gets SIGTERM, and five seconds later SIGKILL, with all that it started; so it does\n"
	 "when gcstorm is interrupted (one second) or dies. A program that dies in mid-run fails the run\n"
	 "(exit 4) unless target.on_exit is restart(N), which starts it again: at once, then after 100 ms,\n"
	 "twice as long each further time, up to 5 s, and at once again when it had run for 10 s; or expect,\n"
	 "under which it must die (else exit 5). One that ends with status 0 ends the run (exit 5).\n"
	 "With target.debug a Go program is asked for /debug/vars while it runs, and for profiles, which are\n"
	 "saved as RECORD.MOMENT.KIND.pb.gz; where it does not answer the report says how often and why.\n"
	 "Exit: as run.",
	 gcs_command_exec},
	{"soak", "[SCENARIO...]", 0, GCS_WORDS_MAX,
	 BIT(TARGET) | BIT(SIM) | BIT(SEED) | BIT(SET) | BIT(FAULT) | BIT(TUI) | LOOKS | BIT(PLAIN) | BIT(FORMAT) | BIT(OUTPUT) | SCALES | BIT(VARIANT) | BIT(FOR) | BIT(ROUNDS) |
		 BIT(DISK) | BIT(UNTIL_FAILURE) | BIT(RESUME),
	 "run scenarios round after round with new seeds, and keep what fails",
	 "Rounds take the scenarios in turn, each with a seed made from --seed and its number. A round\n"
	 "that does not pass keeps its record whole, and its line has the command that repeats it;\n"
	 "passing ones are thinned, and go first when --disk (2GiB) is reached. Without --for and\n"
	 "--rounds a soak takes an hour. It lies in $XDG_STATE_HOME/gcstorm/soaks, or where --output\n"
	 "says. After a kill or an interrupt --resume DIR goes on with the options it had; --for,\n"
	 "--rounds and --disk may be given anew. `gcstorm report DIR` prints the summary at any time.\n"
	 "Exit: 130 and 143 interrupted, 1 and 3 when that ended the soak; else the first that any round\n"
	 "had of 99, 4, 1, 5, 7 (an SLO that failed outweighs a crash, what failed what decided nothing);\n"
	 "0 when all passed. With --format json each line is an object: soak, round, note, summary.",
	 gcs_command_soak},
	{"diff", "SCENARIO", 1, 1,
	 BIT(TARGETS) | BIT(ROUNDS) | BIT(SIGNALS) | BIT(BAND) | BIT(SIM) | BIT(SEED) | BIT(SET) | BIT(FAULT) | BIT(FORMAT) | BIT(OUTPUT) | SCALES | BIT(VARIANT),
	 "run a scenario on several runtimes, and say what agrees",
	 "A round is a run on each target, with one seed (the scenario's, or --seed; one more each round);\n"
	 "the first place goes round. After six rounds, or --rounds, each figure of the first target stands\n"
	 "beside that of each other: medians, the median of the ratios within a round with its interval (of\n"
	 "95 % at least from six rounds on), and whether all of that lies within the band (same), none of\n"
	 "it (differs), or part (open). A target may differ in more than its runtime:\n"
	 "--targets embedded,embedded:target.gogc=50.\n"
	 "The records lie in $XDG_STATE_HOME/gcstorm/diffs, or where --output says: ROUND-TARGET.gcrun.\n"
	 "Exit: 99 when a figure that decides (--signals) differs, 5 when one is open, 0 when all are the\n"
	 "same; what the runs' own SLOs say does not count. 1 and 3 when that ended it, 130 and 143\n"
	 "interrupted.",
	 gcs_command_diff},
	{"explore", "SCENARIO", 1, 1,
	 BIT(SEED) | BIT(SET) | BIT(FAULT) | BIT(FORMAT) | BIT(OUTPUT) | SCALES | BIT(VARIANT) | BIT(SEEDS) | BIT(JOBS),
	 "simulate a scenario with many seeds, and keep what fails",
	 "Takes the scenario's seed (or --seed) and the ones after it, 100 where --seeds is not given. A\n"
	 "run that fails (exit 99 or 4) keeps its record and log; the rest is deleted. The summary lists\n"
	 "the failing seeds, the fastest first, each with the command that repeats it. All lies in\n"
	 "$XDG_STATE_HOME/gcstorm/explores, or where --output says: scenario.yaml, SEED.gcrun, summary.json.\n"
	 "Exit: 99 when any failed, 5 or 7 when any was undecided, 0 when all passed; 1 and 3 when that\n"
	 "ended it early, 130 and 143 interrupted.",
	 gcs_command_explore},
	{"replay", "RUN", 1, 1, BIT(FORMAT) | BIT(OUTPUT),
	 "make a run again from its record, and compare",
	 "RUN is a file, a part of a record's name that no other has, or `last`. The scenario, what was\n"
	 "laid over it and the seed are in the record. The new record is kept where --output says.\n"
	 "Simulated: the hash of all events and each firing must be the same, else the first difference\n"
	 "is told. Exit: 0 the same, 99 another run, 5 another run by other programs (the record names\n"
	 "the build).\n"
	 "On real threads: what the record lists as fired (fault, worker, the worker's visit) fires, and\n"
	 "nothing else, whatever the triggers say; told is what was never reached. When it fires, and all\n"
	 "else, is another run's. Firings beyond the log's bound are counted in a record and not listed:\n"
	 "they cannot be replayed, and are told too. Exit: 0 all fired, 5 not all, 99 something else fired.\n"
	 "Both: 3 it cannot be repeated: it was interrupted or changed by hand, or nothing fired.",
	 gcs_command_replay},
	{"shrink", "RUN", 1, 1, BIT(OUTPUT),
	 "find the smallest part of a failing simulated scenario that still fails",
	 "RUN is a file, a part of a record's name that no other has, or `last`. Faults, repeats,\n"
	 "workloads and phases go, windows and phases get shorter, one simulated run a try, as long as the\n"
	 "run ends with the same exit and the same SLO failed. The scenario is written to NAME-shrunk.yaml, or where\n"
	 "--output says, with the seed in it.\n"
	 "Exit: 0 written, 2 the run did not fail, 3 it cannot be repeated, 99 it does not fail again (5 when\n"
	 "it was made by other programs), 130 and 143 interrupted.",
	 gcs_command_shrink},
	{"check", "SCENARIO", 1, 1, BIT(TARGET) | BIT(SEED) | BIT(SET) | BIT(FAULT) | BIT(FORMAT) | SCALES | BIT(VARIANT),
	 "read a scenario and say what is wrong with it",
	 "Nothing is started. With --format json it prints the scenario with every default filled in\n"
	 "and every time absolute, in nanoseconds.",
	 gcs_command_check},
	{"plan", "SCENARIO", 1, 1, BIT(TARGET) | BIT(SEED) | BIT(SET) | BIT(FAULT) | BIT(FORMAT) | SCALES | BIT(VARIANT),
	 "print the timeline of a scenario before it runs",
	 "Phases, and every window of every fault, against the clock of the run and that of the incident.",
	 gcs_command_plan},
	{"show", "NAME", 1, 1, 0,
	 "tell the story of an incident, a fault point, a driver, a state or a metric",
	 "NAME is one of `gcstorm list incidents`, `list faults`, `list workloads` or `list metrics`.",
	 gcs_command_show},
	{"import", "LOG", 1, 1, BIT(OUTPUT) | BIT(FORMAT) | SCALES | BIT(AT) | BIT(TIMELINE),
	 "turn a production gctrace log into a scenario",
	 "LOG is a file with the lines of GODEBUG=gctrace=1 (Go 1.5 and later) and anything between them,\n"
	 "or - for standard input. The scenario goes to --output, else to standard output; what was read\n"
	 "and what was skipped, and why, to standard error. Without scales, ones that fit this machine.\n"
	 "\n"
	 "With --at the scenario shows the incident's own clock; --timeline needs it. Any line of the log\n"
	 "that carries a time stamp tells it: the stamp, and the line's @TIME behind it. FILE is YAML:\n"
	 "version: 1, incident: NAME, source: TEXT, onset: and end: (RFC 3339, or a time of day), margin:\n"
	 "TIME (of the log only so much around the incident), and saw: a list of {what: TEXT, at: and\n"
	 "until:, metric: METRIC, one of value:, peak: and errors:, within: SHARE, note: TEXT}. Phases begin at\n"
	 "onset and end, and the report of a run sets logged, reported and reproduced side by side, with\n"
	 "the first place where they part.",
	 gcs_command_import},
	{"view", "[RUN]", 0, 1, LOOKS | BIT(PLAIN),
	 "look at a record on the screen: scrub, jump, follow",
	 "RUN is a file, a part of a record's name that no other has, or `last`. A run that goes on is\n"
	 "followed. Without RUN, a list to choose from. With --plain it is told in lines on standard output,\n"
	 "from its beginning, and no terminal is needed.",
	 gcs_command_view},
	{"ctl", "RUN arm|disarm|fire|disarm-all|edit|rate|mark|status [FAULT|WORKLOAD|TEXT] [WORD...]", 2, 16, BIT(FORMAT),
	 "arm, disarm, fire and change faults of a run that goes on",
	 "RUN is a record or `last`. `status` tells what is armed, what comes next, and the rates.\n"
	 "\n"
	 "`arm FAULT` holds until the fault's next window begins or ends, for 60 seconds at most;\n"
	 "`arm FAULT for 5m` for so long at most, `arm FAULT keep` without a limit. `disarm FAULT` holds\n"
	 "until the next window, `fire FAULT` is for one eligible visit, `disarm-all` cancels the windows\n"
	 "ahead too.\n"
	 "\n"
	 "`edit FAULT KEY=VALUE...` gives a fault other numbers, by the keys of --fault: probability, nth,\n"
	 "every, after, burst, delay, jitter, double, error, by, size and times; KEY=none takes one out.\n"
	 "`rate WORKLOAD RATE` is so many operations, or requests of its clients, a second: 500/s. Both are\n"
	 "checked as the scenario was. `mark TEXT` puts a line into the record.\n"
	 "\n"
	 "Whatever is armed, disarmed, fired or changed by hand marks the run as operator-modified, and the\n"
	 "report tells it. SLOs, expectations and recovery are judged as before: against another rate than\n"
	 "that of the steady state, signals of throughput mean little. A simulated run takes no orders but\n"
	 "marks, since it must repeat; under exec a fault's numbers stand.",
	 gcs_command_ctl},
	{"sweep", "SCENARIO", 1, 1,
	 BIT(SIM) | BIT(REAL) | BIT(SEED) | BIT(SET) | BIT(FORMAT) | SCALES | BIT(VARIANT) | BIT(POINT) | BIT(MODE) | BIT(LIMIT) |
		 BIT(VISIT) | BIT(RESUME),
	 "let every visit of a fault point fail, each in a fresh target",
	 "A first run counts the visits of POINT; then visit after visit is chosen: first one from each\n"
	 "call stack, then the others, spread over the run first, all of them in the end, and on until\n"
	 "nothing fires; simulated unless --real is given. After each come the heap check, the check of\n"
	 "contents and the count of what is still live when all was let go; the last fifth of the run is\n"
	 "without faults. The scenario's own faults are left out. With --resume FILE the state is kept\n"
	 "there, and a sweep that ended early goes on from it. POINT may end in a star, 'mem/*': all such\n"
	 "points that can fail, force or (if their family is named) break, each with its own FILE.POINT,\n"
	 "and a map of where in the collector's cycle each has failed.\n"
	 "Exit: 0 all clean or masked, 99 otherwise, 5 nothing was visited or no failure ever reached the\n"
	 "program, 2 wrong usage, 3 no resource, 4 the target crashes without any fault, 130 and 143\n"
	 "interrupted.",
	 gcs_command_sweep},
	{"report", "RUN", 1, 1, BIT(FORMAT),
	 "tell what happened in a run, from its record",
	 "RUN is a file, a part of a record's name that no other has, or `last`; or the directory of a soak.",
	 gcs_command_report},
	{"list", "faults|workloads|incidents|keys|states|metrics|go-faults|go-metrics|runs", 1, 1, BIT(FORMAT),
	 "list what there is",
	 "keys are those of a scenario; metrics are what SLOs, expectations and recovery signals can name;\n"
	 "go-faults are the points that the drivers reach on real Go (--target go), and how.\n"
	 "go-metrics are the names of Go's runtime/metrics that mrt_metrics_read (runtime/mrt.h) answers to.",
	 gcs_command_list},
	{"completion", "bash", 1, 1, 0, "print the completion of a shell", "In bash: eval \"$(gcstorm completion bash)\"",
	 gcs_command_completion},
	{"manual", "[COMMAND]", 0, 1, 0, "print a manual page, as man reads it", "gcstorm manual run | man -l -",
	 gcs_command_manual},
	{"version", "", 0, 0, 0, "print the version", "", gcs_command_version},
	{"help", "[COMMAND]", 0, 1, 0, "say what a command does", "", gcs_command_help},
};
const size_t gcs_commands_count = sizeof gcs_commands / sizeof gcs_commands[0];
/* clang-format on */
