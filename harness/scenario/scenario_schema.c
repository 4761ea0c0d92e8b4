/* scenario_schema.c: the table behind scenario_schema.h. */
#include "harness/scenario/scenario_schema.h"

#define MS   INT64_C(1000000)
#define S    (1000 * MS)
#define HOUR (3600 * S)
#define MIB  (UINT64_C(1) << 20)
#define GIB  (UINT64_C(1) << 30)

#define AT(type, field) .offset = offsetof(struct type, field)
#define SECTION(name_, fields, ...)                                                                \
	{.name = name_, .field = fields, .nfields = sizeof fields / sizeof fields[0], __VA_ARGS__}

/* One row a key: kept on one line. */
/* clang-format off */
static const char *const words_runtime[] = {"embedded", "go", "command", NULL};
static const char *const words_map[] = {"classic", NULL};
static const char *const words_oom[] = {"return", "throw", NULL};
static const char *const words_rounding[] = {"1.19", "1.22", NULL};
static const char *const words_pacer[] = {"1.21", "1.19", NULL};
static const char *const words_driver[] = {"map-churn", "slice-append", "echo", "heap-follow", "sync-map", "http", NULL};
static const char *const words_where[] = {"before_shade", "after_shade", "after_store", NULL};
static const char *const words_mode[] = {"start", "cycle", NULL};
static const char *const words_key[] = {"u64", "u32", "string", "bytes32", NULL};
static const char *const words_value[] = {"u64", "inline", "indirect", "ptr", "pooled", NULL};

/* ---- target */
static const struct gcs_field fields_stress[] = {
	{"gc_every", GCS_T_COUNT, AT(gcs_scenario, gc_every), .max = 1000000000, .about = "a collection at every nth allocation, 0 for none"},
	{"clobber", GCS_T_BOOL, AT(gcs_scenario, clobber), .about = "overwrite freed memory"},
	{"check_edges", GCS_T_BOOL, AT(gcs_scenario, check_edges), .about = "check the whole heap at each phase edge of the collector"},
};
static const struct gcs_section section_stress = SECTION("target.stress", fields_stress);

static const struct gcs_field fields_debug[] = {
	{"url", GCS_T_TEXT, AT(gcs_scenario, debug.url), .required = true, .about = "where /debug/vars and /debug/pprof are served: http://HOST:PORT, or http://unix:/SOCKET"},
	{"every", GCS_T_TIME, AT(gcs_scenario, debug.every_ns), .min = 100 * MS, .max = HOUR, .about = "from one look at /debug/vars (package expvar) to the next; each costs the program one stop of its world"},
	{"profiles", GCS_T_NAMES, .about = "kinds of profiles (package net/http/pprof) that are saved in the steady state, at the end of each window of a fault, and at the end: heap, allocs, goroutine, block, mutex, threadcreate"},
};
static const struct gcs_section section_debug = SECTION("target.debug", fields_debug);

static const struct gcs_field fields_target[] = {
	{"runtime", GCS_T_WORD, AT(gcs_scenario, runtime), .words = words_runtime, .about = "what runs the workload: the embedded runtime, or go: the same drivers built with a Go toolchain, or command: any program, started by gcstorm exec"},
	{"go", GCS_T_TEXT, AT(gcs_scenario, go), .about = "the toolchain's program for the runtime go, as /usr/local/go/bin/go; absent: go of PATH, of /usr/local/go, of /usr/lib/go-N"},
	{"on_exit", GCS_T_TEXT, AT(gcs_scenario, on_exit), .about = "what the death of the target in mid-run means: fail; expect: it must die, and the run ends with that; or restart(N), at most N times (command)"},
	{"debug", GCS_T_SECTION, .section = &section_debug, .about = "what the program serves about itself, asked for while it runs (command)"},
	{"procs", GCS_T_COUNT32, AT(gcs_scenario, procs), .min = 1, .max = 64, .about = "Ps, as GOMAXPROCS"},
	{"gogc", GCS_T_GOGC, AT(gcs_scenario, gogc), .min = 1, .max = 10000, .about = "percent of growth between collections, or off"},
	{"memlimit", GCS_T_LIMIT, AT(gcs_scenario, memlimit), .min = MIB, .max = 1024 * GIB, .about = "soft memory limit, or none"},
	{"heap_reserve", GCS_T_BYTES, AT(gcs_scenario, heap_reserve), .min = 64 * MIB, .max = 1024 * GIB, .about = "address space for the heap"},
	{"map", GCS_T_WORD, AT(gcs_scenario, map), .words = words_map, .about = "layout of maps"},
	{"oom", GCS_T_WORD, AT(gcs_scenario, oom), .words = words_oom, .about = "when memory is refused: the operation fails and has changed nothing, or the target dies as a Go program does"},
	{"rounding", GCS_T_WORD, AT(gcs_scenario, rounding), .words = words_rounding, .about = "sizes of grown slices and of bucket arrays, as in Go up to 1.21, or from 1.22 on"},
	{"pacer", GCS_T_WORD, AT(gcs_scenario, pacer), .words = words_pacer, .about = "whose rules say when a collection begins: Go 1.19's, or those of 1.21 to 1.26"},
	{"gcpacertrace", GCS_T_BOOL, AT(gcs_scenario, pacertrace), .about = "print the pacer's lines too, as GODEBUG=gcpacertrace=1; the record keeps them with gctrace's"},
	{"scavtrace", GCS_T_BOOL, AT(gcs_scenario, scavtrace), .about = "print the scavenger's line of each cycle, as GODEBUG=scavtrace=1; the record keeps it with gctrace's"},
	{"heap_profile_rate", GCS_T_BYTES, AT(gcs_scenario, heap_profile_rate), .max = 1024 * GIB, .about = "bytes allocated between two samples of the heap profile, as runtime.MemProfileRate; 1B: every allocation, 0B: no profile"},
	{"stress", GCS_T_SECTION, .section = &section_stress, .about = "switches that find bugs and cost speed"},
};
static const struct gcs_later later_target[] = {
	{"command", "it stands on the command line: gcstorm exec SCENARIO -- PROGRAM"},
	{NULL, NULL},
};
static const struct gcs_section section_target = SECTION("target", fields_target, .later = later_target);

/* ---- workload */
static const struct gcs_field fields_mix[] = {
	{"insert", GCS_T_PERCENT, AT(gcs_workload, mix_insert), .max = 100, .about = "share of operations"},
	{"delete", GCS_T_PERCENT, AT(gcs_workload, mix_delete), .max = 100, .about = "share of operations"},
	{"lookup", GCS_T_PERCENT, AT(gcs_workload, mix_lookup), .max = 100, .about = "share of operations"},
	{"range", GCS_T_PERCENT, AT(gcs_workload, mix_range), .max = 100, .about = "share of operations that walk the whole map (sync-map)"},
};
static const struct gcs_section section_mix = SECTION("mix", fields_mix);

static const struct gcs_field fields_follow[] = {
	{"at", GCS_T_TIME, AT(gcs_follow_point, at_ns), .required = true, .max = 24 * HOUR, .about = "when, from the start of the run; the first at 0s"},
	{"live", GCS_T_BYTES, AT(gcs_follow_point, live), .required = true, .max = 1024 * GIB, .about = "bytes kept alive"},
	{"alloc", GCS_T_FLOW, AT(gcs_follow_point, alloc_per_s), .required = true, .max = 1024 * GIB, .about = "bytes allocated a second"},
	{"gogc", GCS_T_GOGC, AT(gcs_follow_point, gogc), .min = 1, .max = 10000, .about = "from here on; absent: as before"},
	{"forced", GCS_T_BOOL, AT(gcs_follow_point, forced), .about = "true: the program itself starts a collection here"},
};
const struct gcs_section gcs_schema_follow = SECTION("point", fields_follow);

static const struct gcs_field fields_workload[] = {
	{"id", GCS_T_ID, AT(gcs_workload, id), .required = true, .about = "its name in this scenario"},
	{"driver", GCS_T_WORD, AT(gcs_workload, driver), .required = true, .words = words_driver, .about = "what it does"},
	{"workers", GCS_T_COUNT32, AT(gcs_workload, workers), .min = 1, .max = 64, .about = "goroutines that do the operations"},
	{"rate", GCS_T_RATE, AT(gcs_workload, rate), .min = 1, .max = 100000000, .about = "operations over all workers, or max"},
	{"keys", GCS_T_COUNT, AT(gcs_workload, keys), .min = 1, .max = 100000000, .about = "size of the key space"},
	{"key", GCS_T_WORD, AT(gcs_workload, key), .words = words_key, .about = "what the map is looked up by: an integer, a string of 12 to 43 bytes that each store makes anew, or an array of 32 bytes"},
	{"value", GCS_T_WORD, AT(gcs_workload, value), .words = words_value, .about = "how the map holds its values"},
	{"value_bytes", GCS_T_BYTES, AT(gcs_workload, value_bytes), .min = 8, .max = MIB, .about = "size of one value"},
	{"mix", GCS_T_SECTION, .section = &section_mix, .about = "shares of operations, in percent"},
	{"size", GCS_T_SIZE, AT(gcs_workload, size), .min = 1, .max = GIB, .about = "bytes of one slice or object"},
	{"pointers", GCS_T_PERCENT, AT(gcs_workload, pointers), .max = 100, .about = "share of objects that have pointers; the others need no marking inside"},
	{"retain", GCS_T_BYTES, AT(gcs_workload, retain), .max = 64 * GIB, .about = "bytes kept alive behind short headers"},
	{"conns", GCS_T_COUNT32, AT(gcs_workload, conns), .min = 1, .max = 2048, .about = "connections, one goroutine each"},
	{"renew", GCS_T_COUNT32, AT(gcs_workload, renew), .min = 1, .max = UINT32_MAX, .about = "so many operations, and a worker's map is replaced by an empty one, or a connection is registered with the poller anew"},
	{"handler", GCS_T_NAME, .about = "id of the workload whose operation each request performs"},
	{"url", GCS_T_TEXT, AT(gcs_workload, url), .about = "what the clients of http ask for: http://HOST:PORT/PATH"},
	{"follow", GCS_T_LIST, .section = &gcs_schema_follow, .max = GCS_FOLLOW_MAX, .about = "points of the curve, in time order; straight lines between them"},
};
static const struct gcs_later later_workload[] = {
	{"tag", "requests carry no tags in this version"},
	{"variant", "variants stand at the top: variants: [{id: …, set: {…}}]"},
	{NULL, NULL},
};
const struct gcs_section gcs_schema_workload = SECTION("workload", fields_workload, .later = later_workload, .has_id = true);

/* ---- phases */
static const struct gcs_field fields_phase[] = {
	{"id", GCS_T_ID, AT(gcs_bound_phase, p.id), .required = true, .about = "its name in this scenario"},
	{"for", GCS_T_TIME, AT(gcs_bound_phase, for_ns), .required = true, .min = 100 * MS, .max = 24 * HOUR, .about = "how long it lasts"},
	{"record", GCS_T_BOOL, AT(gcs_bound_phase, p.record), .about = "false: it counts for nothing, as a warm-up"},
};
const struct gcs_section gcs_schema_phase = SECTION("phase", fields_phase, .has_id = true);

/* ---- faults */
static const struct gcs_field fields_repeat[] = {
	{"every", GCS_T_TIME, AT(gcs_bound_fault, repeat_every_ns), .required = true, .min = 10 * MS, .max = 24 * HOUR, .about = "from one start to the next"},
	{"times", GCS_T_COUNT32, AT(gcs_bound_fault, repeat_times), .min = 1, .max = GCS_WINDOWS_MAX, .about = "windows in all; absent: until the phase ends"},
	{"jitter", GCS_T_TIME, AT(gcs_bound_fault, repeat_jitter_ns), .max = HOUR, .about = "each start is moved by up to this, to and fro, drawn from the seed"},
};
static const struct gcs_section section_repeat = SECTION("repeat", fields_repeat);

static const struct gcs_field fields_when[] = {
	{"phase", GCS_T_NAME, .about = "id of a phase"},
	{"at", GCS_T_TIME, AT(gcs_bound_fault, at_ns), .max = 24 * HOUR, .about = "from the start of the phase, or from what `after` names"},
	{"for", GCS_T_TIME, AT(gcs_bound_fault, for_ns), .min = MS, .max = 24 * HOUR, .about = "how long the window is open; absent: until the phase ends"},
	{"after", GCS_T_NAME, .about = "FAULT.start or FAULT.end"},
	{"repeat", GCS_T_SECTION, .section = &section_repeat, .about = "the window again and again"},
	{"unscaled", GCS_T_BOOL, AT(gcs_bound_fault, unscaled), .about = "true: at, for and repeat keep their length under a time scale"},
	{"manual", GCS_T_BOOL, AT(gcs_bound_fault, f.manual), .about = "true: no window, armed by hand only"},
};
static const struct gcs_later later_when[] = {
	{"while", "it stands beside when: while: gc.phase == mark"},
	{"match", "it stands beside when: match: {size: …}"},
	{NULL, NULL},
};
static const struct gcs_section section_when = SECTION("when", fields_when, .later = later_when);

static const struct gcs_field fields_double[] = {
	{"max", GCS_T_TIME, AT(gcs_bound_fault, f.delay_max_ns), .required = true, .min = 1, .max = HOUR, .about = "the longest delay"},
};
static const struct gcs_section section_double = SECTION("double", fields_double);

static const struct gcs_field fields_fire[] = {
	{"probability", GCS_T_SHARE, AT(gcs_bound_fault, f.p_ppb), .max = 1000000000, .about = "of each eligible visit"},
	{"nth", GCS_T_COUNT, AT(gcs_bound_fault, f.nth), .min = 1, .max = UINT32_MAX, .about = "the visit of that number, for each worker"},
	{"every", GCS_T_COUNT, AT(gcs_bound_fault, f.every), .min = 1, .max = UINT32_MAX, .about = "each visit that this number divides, for each worker"},
	{"after", GCS_T_COUNT, AT(gcs_bound_fault, f.after), .min = 1, .max = UINT32_MAX, .about = "the first so many visits of each worker never fire"},
	{"burst", GCS_T_COUNT, AT(gcs_bound_fault, f.burst), .min = 1, .max = UINT32_MAX, .about = "a firing draws the next visits of its worker along, so many in all"},
	{"delay", GCS_T_TIME, AT(gcs_bound_fault, f.delay_ns), .min = 1, .max = HOUR, .about = "how long the action takes"},
	{"jitter", GCS_T_TIME, AT(gcs_bound_fault, f.jitter_ns), .max = HOUR, .about = "added to the delay, evenly from nothing up to this"},
	{"double", GCS_T_SECTION, .section = &section_double, .about = "the delay doubles at each firing of a worker"},
	{"by", GCS_T_FACTOR, AT(gcs_bound_fault, f.by_milli), .min = 1, .max = 100000, .about = "what is biased is multiplied by this: 0.5 halves it"},
	{"error", GCS_T_ERRNO, AT(gcs_bound_fault, f.err), .about = "what a failing operation returns"},
	{"where", GCS_T_WORD, AT(gcs_bound_fault, f.where), .words = words_where, .about = "gc/write: at which moment of the store"},
	{"mode", GCS_T_WORD, AT(gcs_bound_fault, f.mode), .words = words_mode, .about = "gc/write: a cycle starts, if none runs; or the writer waits for the whole of a cycle of its own, at any store"},
	{"edge", GCS_T_BOOL, AT(gcs_bound_fault, f.edge), .about = "gc/write, true: only the first store of each goroutine since the write barrier went on; mode is cycle then"},
};
static const struct gcs_later later_fire[] = {
	{"while", "it stands beside fire: while: gc.phase == mark"},
	{"match", "it stands beside fire: match: {size: …}"},
	{"times", "it stands under limit: limit: {times: …}"},
	{NULL, NULL},
};
static const struct gcs_section section_fire = SECTION("fire", fields_fire, .later = later_fire);

static const struct gcs_field fields_match[] = {
	{"size", GCS_T_RANGE, AT(gcs_bound_fault, f.match), .min = 1, .max = 1024 * GIB, .about = "bytes asked for; at points whose site has a size"},
	{"workload", GCS_T_ANY_OF, .about = "ids of workloads"},
	{"driver", GCS_T_ANY_OF, .about = "drivers of workloads"},
	{"type", GCS_T_ANY_OF, .about = "types of objects, of `gcstorm show DRIVER`; at points whose site knows the type"},
	{"goroutine", GCS_T_ANY_OF, .about = "goroutines of workloads, as maps/1, maps/0..3 or echo/17: workers or connections, counted from 0"},
};
static const struct gcs_later later_match[] = {
	{"tag", "requests carry no tags in this version"},
	{NULL, NULL},
};
static const struct gcs_section section_match = SECTION("match", fields_match, .later = later_match);

static const struct gcs_field fields_limit[] = {
	{"times", GCS_T_COUNT, AT(gcs_bound_fault, f.times), .min = 1, .max = UINT32_MAX, .about = "firings in the whole run"},
};
static const struct gcs_section section_limit = SECTION("limit", fields_limit);

static const struct gcs_field fields_fault[] = {
	{"id", GCS_T_ID, AT(gcs_bound_fault, f.id), .required = true, .about = "its name in this scenario"},
	{"point", GCS_T_NAME, .required = true, .about = "one of `gcstorm list faults`"},
	{"action", GCS_T_NAME, .about = "what happens there; absent: what the point does by itself"},
	{"when", GCS_T_SECTION, .required = true, .section = &section_when, .about = "its window on the timeline, or {manual: true}: by hand only"},
	{"fire", GCS_T_SECTION, .section = &section_fire, .about = "which visits inside the window; all that is given must hold"},
	{"match", GCS_T_SECTION, .section = &section_match, .about = "at which sites; other visits are not eligible"},
	{"while", GCS_T_TEXT, AT(gcs_bound_fault, f.condition), .about = "a condition on the state of the runtime, as gc.phase == mark; other visits are not eligible"},
	{"limit", GCS_T_SECTION, .section = &section_limit, .about = "an end to it"},
	{"only", GCS_T_WORD, AT(gcs_bound_fault, f.only), .words = words_runtime, .about = "the runtime that it is for: on another one it is left out, and what is expected of it is not judged"},
	{"trace", GCS_T_BOOL, AT(gcs_bound_fault, f.trace), .about = "true: Go's execution trace from a second before its first window to a second after it, in RECORD.trace, for go tool trace (go)"},
	{"allow-hot", GCS_T_BOOL, AT(gcs_bound_fault, f.allow_hot), .about = "true: a system call may be asked about that the target makes all the time (os/futex, os/read, os/write)"},
};
const struct gcs_section gcs_schema_fault = SECTION("fault", fields_fault, .has_id = true);

/* ---- checks, recovery, the whole */
static const struct gcs_field fields_slo[] = {
	{"id", GCS_T_ID, AT(gcs_check, id), .required = true, .about = "its name in this scenario"},
	{"check", GCS_T_TEXT, AT(gcs_check, text), .required = true, .about = "METRIC < VALUE, as \"pause.stw.p99 < 2ms\""},
	{"window", GCS_T_TIME, AT(gcs_check, window_ns), .min = 100 * MS, .max = 24 * HOUR, .about = "judged over stretches of this length; absent: over the whole"},
	{"phases", GCS_T_NAMES, .about = "ids of phases; absent: all recorded ones"},
	{"abort", GCS_T_BOOL, AT(gcs_check, abort), .about = "true: the run ends when it fails"},
};
const struct gcs_section gcs_schema_slo = SECTION("slo", fields_slo, .has_id = true);

static const struct gcs_field fields_recovery[] = {
	{"signals", GCS_T_NAMES, .about = "metrics that must come back"},
	{"band", GCS_T_FACTOR, AT(gcs_scenario, recovery.band_milli), .min = 1001, .max = 100000, .about = "steady is within this factor of the baseline"},
	{"window", GCS_T_TIME, AT(gcs_scenario, recovery.window_ns), .min = 100 * MS, .max = HOUR, .about = "length of one look"},
	{"windows", GCS_T_COUNT32, AT(gcs_scenario, recovery.windows), .min = 1, .max = 1000, .about = "good looks in a row that mean steady"},
	{"deadline", GCS_T_TIME, AT(gcs_scenario, recovery.deadline_ns), .min = 100 * MS, .max = 24 * HOUR, .about = "after a fault's end; later is never"},
};
static const struct gcs_section section_recovery = SECTION("recovery", fields_recovery);

/* ---- scales, variants, what was reported and logged */
static const struct gcs_field fields_scale[] = {
	{"time", GCS_T_FACTOR, AT(gcs_scenario, time_scale_milli), .min = 10, .max = 10000000, .about = "the timeline runs this many times faster"},
	{"heap", GCS_T_FACTOR, AT(gcs_scenario, heap_scale_milli), .min = 10, .max = 10000000, .about = "bytes and live sets are divided by this"},
};
static const struct gcs_section section_scale = SECTION("scale", fields_scale);

static const struct gcs_field fields_variant[] = {
	{"id", GCS_T_ID, AT(gcs_variant, id), .required = true, .about = "its name, for --variant"},
	{"about", GCS_T_TEXT, AT(gcs_variant, about), .about = "one sentence"},
	{"set", GCS_T_SETS, .required = true, .about = "what is changed, keys as those of --set"},
};
const struct gcs_section gcs_schema_variant = SECTION("variant", fields_variant, .has_id = true);

static const struct gcs_field fields_reported[] = {
	{"what", GCS_T_TEXT, AT(gcs_reported, what), .required = true, .about = "as it was told, \"P99 before\""},
	{"value", GCS_T_TEXT, AT(gcs_reported, value), .required = true, .about = "as it was told, \"320 ms\""},
	{"metric", GCS_T_TEXT, AT(gcs_reported, metric), .about = "what reproduces it; absent: nothing here measures it, and note says why"},
	{"variant", GCS_T_TEXT, AT(gcs_reported, variant), .about = "id of the variant it tells of, or " GCS_VARIANT_BASE "; absent: of all"},
	{"phases", GCS_T_NAMES, .about = "ids of phases the metric is read over; absent: all recorded ones"},
	{"at", GCS_T_TIME, AT(gcs_reported, at_ns), .max = 24 * HOUR, .about = "in place of phases: the begin of the stretch it tells of, from the start of the run"},
	{"for", GCS_T_TIME, AT(gcs_reported, for_ns), .min = MS, .max = 24 * HOUR, .about = "... and its length; value is then one of the metric's unit, and judged"},
	{"peak", GCS_T_BOOL, AT(gcs_reported, peak), .about = "true: the worst window of the stretch, not the stretch as a whole"},
	{"within", GCS_T_SHARE, AT(gcs_reported, within_ppb), .min = 1, .max = 1000000000, .about = "how exact it is, to either side; absent: as its digits say, 320ms is 315ms to 325ms"},
	{"note", GCS_T_TEXT, AT(gcs_reported, note), .about = "what to know about it"},
};
const struct gcs_section gcs_schema_reported = SECTION("reported figure", fields_reported);

static const struct gcs_field fields_logged[] = {
	{"source", GCS_T_TEXT, AT(gcs_scenario, logged.source), .required = true, .about = "name of the log"},
	{"at", GCS_T_TIME, AT(gcs_scenario, logged.at_ns), .max = 24 * HOUR, .about = "when, from the start of the run, the first line's cycle began; absent: at the start of phase follow, else at 0s"},
	{"lines", GCS_T_LIST, .required = true, .max = GCS_LOGGED_MAX, .about = "its gctrace lines, whole"},
};
static const struct gcs_section section_logged = SECTION("logged", fields_logged);

static const struct gcs_field fields_top[] = {
	{"version", GCS_T_NUMBER, .offset = SIZE_MAX, .required = true, .min = 1, .max = 1, .about = "of this format"},
	{"name", GCS_T_ID, AT(gcs_scenario, name), .required = true, .about = "of the scenario; names the record"},
	{"about", GCS_T_TEXT, AT(gcs_scenario, about), .about = "one sentence"},
	{"seed", GCS_T_NUMBER, AT(gcs_scenario, seed), .max = INT64_MAX, .about = "of every draw; 17 or 0x11"},
	{"scale", GCS_T_SECTION, .section = &section_scale, .about = "factors to run it by; --time-scale and --heap-scale replace them"},
	{"clock", GCS_T_CLOCK, AT(gcs_scenario, clock), .about = "what the incident's own clock showed at the start"},
	{"target", GCS_T_SECTION, .section = &section_target, .about = "the runtime under test"},
	{"workload", GCS_T_LIST, .section = &gcs_schema_workload, .max = GCS_WORKLOADS_MAX, .about = "what it does meanwhile; at least one, but for a command, which may be its own load"},
	{"phases", GCS_T_LIST, .required = true, .section = &gcs_schema_phase, .max = GCS_PHASES_MAX, .about = "the timeline"},
	{"faults", GCS_T_LIST, .section = &gcs_schema_fault, .max = GCS_FAULTS_MAX, .about = "what goes wrong, and when"},
	{"activation", GCS_T_SHARE, AT(gcs_scenario, activation_ppb), .min = 1, .max = 1000000000, .about = "each fault is live in a run with this probability, drawn from the seed; absent: all are"},
	{"slo", GCS_T_LIST, .section = &gcs_schema_slo, .max = GCS_CHECKS_MAX, .about = "what must hold"},
	{"expect", GCS_T_LIST, .max = GCS_CHECKS_MAX, .about = "what the faults must have done, or the run proves nothing"},
	{"recovery", GCS_T_SECTION, .section = &section_recovery, .about = "what coming back to steady state means"},
	{"variants", GCS_T_LIST, .section = &gcs_schema_variant, .max = GCS_VARIANTS_MAX, .about = "the same incident with something changed"},
	{"reported", GCS_T_LIST, .section = &gcs_schema_reported, .max = GCS_REPORTED_MAX, .about = "figures that people told, and what reproduces them"},
	{"logged", GCS_T_SECTION, .section = &section_logged, .about = "the production log that is followed"},
};
static const struct gcs_later later_top[] = {
	{"include", "a scenario is one file in this version"},
	{NULL, NULL},
};
const struct gcs_section gcs_schema = SECTION("the scenario", fields_top, .later = later_top);
/* clang-format on */
