#!/bin/sh
# go.sh: the agent on real Go, with each toolchain that there is (from 1.19 on): the shared memory lies where the C header says, every driver does
# the same operations as on the embedded runtime, one by one, from the same seed; its maps are laid out as it takes them to be; a run whose forced
# collections are all found in Go's own gctrace, with a heap profile; wakes of Go's poller that come late, by as much, and a trace; a stop that
# waits for a loop; what Go cannot do is refused. Skipped without a Go.
. "${GCSTORM_SOURCE:-.}/tests/integration/lib.sh"
mirror=$build/tests/go-mirror
GCSTORM_GO_AGENT=$src/workloads/go; export GCSTORM_GO_AGENT
XDG_CACHE_HOME=$work/cache; export XDG_CACHE_HOME
# Go's own cache is the user's: its library is compiled once.
GOCACHE=${GOCACHE:-${HOME:-$work}/.cache/go-build}; export GOCACHE
seed=${GCS_TEST_SEED:-$(date +%s)}

toolchains() {
	{ command -v go; ls -d /usr/local/go/bin/go /usr/lib/go-*/bin/go; } 2> /dev/null | while read -r go; do
		[ -x "$go" ] && readlink -f "$go"
	done | sort -u
}
gos=$(toolchains)
[ -n "$gos" ] || { echo 'no Go here: skipped' >&2; exit 77; }
echo "seed $seed"

# A plan of all drivers, keys and values; one unit after the other, so that it needs no clock.
workload() { # id, driver, more
	printf '%s{"id":"%s","driver":"%s","rate":0,"conns":0,"handler":"",%s}' "$comma" "$1" "$2" "$3"
	comma=,
}
plan() { # header of objects with pointers
	zipf='"size":{"dist":"zipf","min":64,"max":65536,"s_milli":1100}' mix='"mix":{"insert":40,"delete":40,"lookup":20}'
	mib=1048576 comma=
	printf '{"cmd":"load","version":1,"runtime":{"procs":2,"gogc":100,"memlimit":0,"seed":%s,"oom":"return","gc_every":0,"clobber":false,' "$seed"
	printf '"check_edges":false,"gctrace":false,"heap_reserve":0},"end_ns":1000000000,"phases":[],"faults":[],"workloads":['
	workload a map-churn "\"workers\":2,\"keys\":400,\"value\":\"u64\",\"value_bytes\":8,$mix"
	workload b map-churn "\"workers\":1,\"keys\":400,\"key\":\"u32\",\"value\":\"inline\",\"value_bytes\":64,$mix"
	workload c map-churn "\"workers\":1,\"keys\":400,\"key\":\"string\",\"value\":\"indirect\",\"value_bytes\":256,$mix"
	workload d map-churn "\"workers\":1,\"keys\":400,\"key\":\"bytes32\",\"value\":\"ptr\",\"value_bytes\":48,$mix"
	workload e map-churn "\"workers\":1,\"keys\":400,\"key\":\"string\",\"value\":\"pooled\",\"value_bytes\":64,$mix"
	workload f map-churn "\"workers\":1,\"keys\":400,\"renew\":900,\"mix\":{\"insert\":60,\"delete\":30,\"lookup\":10}"
	workload g slice-append "\"workers\":2,\"retain\":100000,$zipf"
	workload h slice-append '"workers":1,"retain":9000,"size":{"dist":"uniform","min":8,"max":4000}'
	workload i slice-append '"workers":1,"retain":900000,"size":{"dist":"zipf","min":8,"max":1048576,"s_milli":1999}'
	workload j sync-map '"workers":1,"keys":400,"value_bytes":64,"mix":{"insert":40,"delete":38,"lookup":20,"range":2}'
	workload k heap-follow "\"workers\":2,\"header\":$1,$zipf,\"follow\":[[0,$((4 * mib)),$((20 * mib)),100,false],[1000000000,$((8 * mib)),$((50 * mib)),0,false],[1100000000,$mib,$((90 * mib)),0,false]]"
	printf ']}\n'
}
"$mirror" layout > "$work/layout" || fault 'go-mirror layout'
for header in 0 8; do
	plan $header > "$work/plan.$header"
	"$mirror" operations 2000 < "$work/plan.$header" > "$work/operations.$header" || fault 'go-mirror operations'
	[ "$(wc -l < "$work/operations.$header")" -gt 25000 ] || fault 'the mirror says too little'
done
cmp -s "$work/operations.0" "$work/operations.8" && fault 'a header changes nothing'
"$mirror" conditions 5000 "$seed" > "$work/conditions" || fault 'go-mirror conditions'
"$mirror" maps 5000 < "$work/plan.0" > "$work/buckets" || fault 'go-mirror maps'
[ "$(wc -l < "$work/layout")" -gt 60 ] || fault 'the mirror knows too few fields'

# Forced collections are told apart from others by GOGC=off; one worker a fault visits, so each firing has a cycle of its own.
cat > "$work/forced.yaml" <<'YAML'
version: 1
name: forced
about: "Forced collections on real Go, and nothing else collects."
seed: 7
target: {runtime: go, procs: 2, gogc: off}
workload:
  - {id: maps, driver: map-churn, workers: 1, rate: 10k/s, keys: 5k, value: ptr, value_bytes: 32B, mix: {insert: 40, delete: 40, lookup: 20}}
  - {id: slices, driver: slice-append, workers: 1, rate: 1k/s, size: "zipf(1.2, 64B, 64KiB)", retain: 1MiB}
  - {id: shared, driver: sync-map, workers: 2, rate: 2k/s, keys: 1k, value_bytes: 64B, mix: {lookup: 80, insert: 10, delete: 10}}
  - {id: net, driver: echo, rate: 500/s, conns: 4, handler: maps}
phases:
  - {id: steady, for: 700ms}
  - {id: storm, for: 600ms}
  - {id: heal, for: 700ms}
faults:
  - {id: assign, point: gc/map_assign, when: {phase: storm, for: 500ms}, fire: {every: 400}, match: {workload: maps}}
  - {id: append, point: gc/append, when: {phase: storm, for: 500ms}, fire: {every: 50}}
  - {id: write, point: gc/write, when: {phase: storm, for: 500ms}, fire: {probability: 2%}, match: {workload: net}}
  - {id: alloc, point: gc/alloc, when: {phase: storm, for: 500ms}, fire: {every: 40}, match: {workload: shared}}
slo:
  - {id: whole, check: "integrity.errors == 0", abort: true}
  - {id: alive, check: "target.crashes == 0"}
expect:
  - "fault.assign.fired >= 1"
  - "fault.append.fired >= 1"
recovery: {signals: [gc.rate], band: 2.5, window: 200ms, windows: 3}
YAML

one() { # a toolchain
	version=$("$1" env GOVERSION)
	name=$version
	rm -f "$work/$name.gcrun"
	"$bin" run --plain --format json --target "go=$1" -o "$work/$name.gcrun" --heap-profile "$work/$name.pb.gz" \
		--set target.heap_profile_rate=16KiB "$work/forced.yaml" > "$work/json" 2> "$work/err"
	got=$?
	case $got in 0 | 5 | 7 | 99) ;; *) fault "$version: exit $got"; cat "$work/err" >&2; return ;; esac
	has "$work/err" "building the agent with $version" "$version"
	agent=$(ls "$work"/cache/gcstorm/agent-"$version"-*)
	"$agent" -layout | cmp -s - "$work/layout" || { fault "$version: another layout"; "$agent" -layout | diff "$work/layout" - >&2; }
	minor=${version#go1.} header=8
	[ "${minor%%[!0-9]*}" -ge 22 ] || header=0
	"$agent" -operations 2000 < "$work/plan.$header" > "$work/agent"
	# The last line has how much was compared, which depends on capacities; but nothing may be wrong.
	sed '$d' "$work/operations.$header" > "$work/a"
	sed '$d' "$work/agent" > "$work/b"
	cmp -s "$work/a" "$work/b" || { fault "$version: other operations, seed $seed"; diff "$work/a" "$work/b" | head -n 4 >&2; }
	has "$work/agent" 'errors 0$' "$version"
	"$agent" -cost > "$work/cost" 2>&1 || { fault "$version: what it costs"; cat "$work/cost" >&2; }
	[ "$(awk -F '\t' '/^agent_/ && $2 > 0 && NF == 4' "$work/cost" | wc -l)" = 5 ] || { fault "$version: costs"; cat "$work/cost" >&2; }
	"$build/tests/test_record_whole" "$work/$name.gcrun" > /dev/null 2>&1 || fault "$version: the record is broken"
	"$bin" report "$work/$name.gcrun" > "$work/report" 2>&1 || fault "$version: no report"
	has "$work/report" 'go/2P' "$version"
	has "$work/report" ', 0 wrong' "$version"
	looks "$version"
	forced "$version"
	profile "$1" "$work/$name.pb.gz"
	maps
}

looks() { # a version: what is recorded of scheduler and maps, and who waited
	"$build/tests/test_collect_look" "$work/$1.gcrun" > "$work/looks" || fault "$1: no looks"
	classic=1 known=unknown
	[ "${minor%%[!0-9]*}" -lt 24 ] || classic=2
	[ "${minor%%[!0-9]*}" -lt 26 ] || known=known
	has "$work/looks" "^sched $known nps 0 " "$1: the scheduler"
	[ "$known" = unknown ] || has "$work/looks" ' threads [1-9]' "$1: threads"
	has "$work/looks" ' waited [1-9]' "$1: scheduling latencies"
	# 5,000 keys and an eighth either way; 1,024 buckets, or as many groups, from one on; and one of the maps behind the connections
	awk -v kind=$classic '/^map maps\.0 / { n++; if ($4 != kind || $8 < 4374 || $8 > 5626 || $6 < 9 || $10 < $6) exit 1 } END { exit n != 1 }' "$work/looks" ||
		{ fault "$1: the map of map-churn"; cat "$work/looks" >&2; }
	has "$work/looks" "^map net\.0 kind $classic b [6-9] count 1[0-9][0-9][0-9] grown" "$1: the map of echo"
	[ "$(grep -c '^map' "$work/looks")" = 2 ] || fault "$1: maps that cannot be looked into"
	has "$work/looks" '^stall net\.[0-3] wakes [1-9]' "$1: who waited"
}

profile() { # a toolchain, a heap profile
	has "$work/err" "heap profile: $2" "$version"
	gzip -dc "$2" > "$work/plain" 2> /dev/null || fault "$version: gzip cannot read the heap profile"
	for name in inuse_space 'main.(\*appends).op' 'main.(\*pointerMap\[' 'main.(\*syncUnit)'; do
		grep -qa "$name" "$work/plain" || fault "$version: no '$name' in the heap profile"
	done
	for tool in "$("$1" env GOTOOLDIR)"/pprof; do # from 1.25 on it is not there before it is built
		[ -x "$tool" ] || continue
		"$tool" -raw "$2" > "$work/raw" 2>&1
		has "$work/raw" '^Period: 16384$' "$version: the scenario's rate"
	done
}

# What the headers of maps say, entry by entry: buckets as the embedded runtime has them; tables by Go's rules (internal/runtime/maps), which up to
# one table's 896 entries leave no choice. Conditions are reckoned as there too. Sets the condition for a map that grows or is about to, and one that this Go does not know.
maps() {
	"$agent" -conditions < "$work/conditions" > "$work/reckoned"
	cmp -s "$work/conditions" "$work/reckoned" || { fault "$version: conditions hold otherwise, seed $seed"; diff "$work/conditions" "$work/reckoned" | head -n 4 >&2; }
	"$agent" -maps 5000 > "$work/maps"
	case $(head -n 1 "$work/maps") in
	'layout 1 known')
		sed 1d "$work/maps" | cmp -s - "$work/buckets" || { fault "$version: other buckets"; sed 1d "$work/maps" | diff "$work/buckets" - | head -n 4 >&2; }
		grows=map.growing unknown='map.tables > 1' ;;
	'layout 2 known')
		sed 1d "$work/maps" | awk '
			function bad() { print "after " NR " entries: " $0; exit }
			$1 != NR { bad() }
			NR <= 8 && ($3 != 0 || $4 != 8 || $5 != 8 - NR) { bad() }
			NR == 9 { slots = 16 }
			NR > 8 && NR <= 896 { if (slots * 7 / 8 < NR) slots *= 2; if ($2 != 0 || $3 != 1 || $4 != slots || $5 != slots * 7 / 8 - NR) bad() }
			NR > 896 && ($4 != 1024 * $3 || $4 * 7 / 8 < NR || 2 ^ $2 < $3 || $3 < 2) { bad() }
			END { if (NR != 5000) print NR " lines" }' > "$work/bad"
		[ ! -s "$work/bad" ] || fault "$version: other tables, $(cat "$work/bad")"
		grows='map.growth_left == 0' unknown=map.growing ;;
	*) fault "$version: $(head -n 1 "$work/maps")" ;;
	esac
}

# Fired, as counted by the agent; cycles of the run; forced ones in what Go printed of its own, where two more are those of the check behind the run.
forced() {
	fired=$(sed -n 's/^    fired: \([0-9,]*\) of .*/\1/p' "$work/report" | tr -d , | awk '{n += $1} END {print n + 0}')
	began=$(sed -n 's/^GC  \([0-9,]*\) cycles*, \([0-9,]*\) forced.*/\1 \2/p' "$work/report" | tr -d ,)
	traced=$(grep -a -o 'gc [0-9]* @[^(]*(forced)' "$work/$1.gcrun" | sort -u | wc -l)
	[ "$fired" -ge 2 ] || fault "$1: only $fired firings"
	[ "$traced" = $((fired + 2)) ] || fault "$1: $fired firings, $traced forced cycles in gctrace, not two more"
	[ "$began" = "$fired $fired" ] || fault "$1: $fired firings, cycles and forced '$began'"
}

# A stop waits for a loop without a safepoint, and all collections are asked for by the other goroutine meanwhile.
cat > "$work/spin.yaml" <<'YAML'
version: 1
name: spin
about: "A loop without safepoints, and collections that must wait for it."
seed: 7
target: {runtime: go, procs: 2, gogc: off}
workload:
  - {id: maps, driver: map-churn, workers: 1, rate: 5k/s, keys: 5k, value: ptr, value_bytes: 32B, mix: {insert: 40, delete: 40, lookup: 20}}
  - {id: slices, driver: slice-append, workers: 1, rate: 1k/s, size: "zipf(1.2, 64B, 64KiB)", retain: 1MiB}
phases:
  - {id: steady, for: 700ms}
  - {id: storm, for: 800ms}
  - {id: heal, for: 700ms}
faults:
  - {id: spin, point: stw/spin, when: {phase: storm, for: 700ms}, fire: {every: 200, delay: 50ms}, match: {workload: maps}}
  - {id: gcs, point: gc/append, when: {phase: storm, for: 700ms}, fire: {every: 30}}
slo:
  - {id: whole, check: "integrity.errors == 0", abort: true}
  - {id: waits, check: "pause.stw.max > 30ms"}
recovery: {signals: [gc.rate], band: 2.5, window: 200ms, windows: 3}
YAML
# A run whose report says all of these; a machine that stood still for a good part of a phase has three tries. Toolchain, name, a condition of the fault
# `grow` or none, what it says.
as_said() {
	go=$1 name=$2 grow=$3; shift 3
	for turn in 1 2 3; do
		rm -f "$work/$name.gcrun" "$work/$name.gcrun.trace"
		"$bin" run --plain --target "go=$go" -o "$work/$name.gcrun" ${grow:+--set "faults.grow.while=$grow"} "$work/$name.yaml" \
			> "$work/report" 2> "$work/err"
		unsaid=
		for said in "$@"; do grep -q -- "$said" "$work/report" || unsaid=$said; done
		[ -n "$unsaid" ] || return
	done
	has "$work/report" "$unsaid" "$name, $go"
}
spin() { # a toolchain
	as_said "$1" spin '' 'ok     waits' 'ok     whole'
}

# Late wakes: what Go's poller finds is held back. Few requests, so that the program is blocked in its poller when each comes. What is for the
# embedded runtime alone keeps its place and does nothing. Collections meanwhile when a map grows, and a trace around them.
cat > "$work/late.yaml" <<'YAML'
version: 1
name: late
about: "Wakes of Go's poller that come late."
seed: 7
target: {runtime: go, procs: 2}
workload:
  - {id: maps, driver: map-churn, workers: 1, rate: 1k/s, keys: 5k}
  - {id: net, driver: echo, rate: 60/s, conns: 4, handler: maps}
  - {id: young, driver: map-churn, workers: 1, rate: 5k/s, keys: 2k, renew: 3k, mix: {insert: 80, delete: 10, lookup: 10}}
phases:
  - {id: steady, for: 1s}
  - {id: storm, for: 1s}
  - {id: heal, for: 1s}
faults:
  - {id: oom, point: mem/malloc, only: embedded, when: {phase: storm}, fire: {every: 2}}
  - {id: late, point: netpoll/wake, when: {phase: storm}, fire: {delay: 60ms}}
  - {id: grow, point: gc/map_assign, when: {phase: storm, at: 100ms, for: 800ms}, match: {goroutine: young/0}, fire: {every: 1}, limit: {times: 6},
     while: map.count > 0, trace: true}
slo:
  - {id: rises, check: "op.latency.p50@net >= 60ms", phases: [storm]}
  - {id: calm, check: "op.latency.p50@net < 30ms", phases: [steady]}
  - {id: lags, check: "wake.lag.p50 >= 60ms", phases: [storm]}
  - {id: prompt, check: "wake.lag.p50 < 30ms", phases: [steady]}
  - {id: sampled, check: "sched.latency.count >= 1"}
  - {id: whole, check: "integrity.errors == 0", abort: true}
expect: ["fault.late.fired >= 8", "fault.oom.fired >= 1", "fault.grow.fired >= 2"]
recovery: {signals: [op.latency.p50@net], band: 2.5, window: 200ms, windows: 3}
YAML
late() { # a toolchain
	as_said "$1" late "$grows" 'ok     rises' 'ok     calm' 'ok     lags' 'ok     prompt' 'ok     sampled' 'ok     whole' \
		'met  *fault.late.fired' 'met  *fault.grow.fired'
	has "$work/report" '^  late  os/epoll_pwait: delay by 60ms' "late wakes, $1"
	has "$work/report" 'fault.oom.fired.*not judged' "late wakes, $1"
	has "$work/report" 'for another runtime' "late wakes, $1"
	has "$work/report" '^  scheduling latency  *[1-9]' "late wakes, $1"
	# It fires where the map grows, which is at few of the visits.
	"$bin" report --format json "$work/late.gcrun" > "$work/json" 2>&1
	counts=$(tr -d ' \n' < "$work/json" | grep -o '"id":"grow"[^[]*' | sed 's/.*"visits":\([0-9]*\),"eligible":\([0-9]*\).*/\2 \1/')
	[ "${counts% *}" -ge 2 ] && [ "$((2 * ${counts% *}))" -lt "${counts#* }" ] || fault "$1: eligible and visits of '$grows': '$counts'"
	trace "$1" "$work/late.gcrun.trace"
	"$bin" run --plain --target "go=$1" -o "$work/unknown.gcrun" --set "faults.grow.while=$unknown" "$work/late.yaml" > "$work/out" 2> "$work/err"
	has "$work/err" "grow: while: ${unknown% >*} is not known of go1" "$1"
	[ ! -e "$work/unknown.gcrun.trace" ] || fault "$1: a trace of a run that was refused"
	rm -f "$work/unknown.gcrun"
}

# go tool trace makes a profile of it, and what the agent noted is in it.
trace() { # a toolchain, a file
	has "$work/err" "execution trace: $2" "a trace, $1"
	[ "$(head -c 5 "$2")" = 'go 1.' ] || fault "a trace, $1: it begins otherwise"
	for note in grow armed fires disarmed; do grep -qa "$note" "$2" || fault "a trace, $1: no '$note' in it"; done
	"$1" tool trace -pprof=sched "$2" > "$work/sched.pb" 2> "$work/err" || { fault "a trace, $1: go tool trace fails"; cat "$work/err" >&2; }
	gzip -dc "$work/sched.pb" 2> /dev/null | grep -qa 'main.(\*crewWorker)' || fault "a trace, $1: no worker in the profile of scheduling latencies"
}

for go in $gos; do one "$go"; late "$go"; done
spin "$go"

hasnt "$work/err" 'building the agent' 'the second run with a toolchain'

code 2 "$bin" run --target go=/nowhere/go --set phases.steady.for=1 "$work/forced.yaml"
code 3 "$bin" run --plain --target go=/nowhere/go -o "$work/nowhere.gcrun" "$work/forced.yaml"
has "$work/err" 'there is no Go at /nowhere/go' 'no toolchain'
printf '#!/bin/sh\n[ "$1" = env ] && echo go1.30 && exit\necho no compiler today; exit 1\n' > "$work/go"
chmod +x "$work/go"
code 3 "$bin" run --plain --target "go=$work/go" -o "$work/broken.gcrun" "$work/forced.yaml"
has "$work/err" 'no compiler today' 'a toolchain that does not build'
[ -z "$(ls "$work/cache/gcstorm" | grep '^build-')" ] || fault 'a build left its directory behind'
code 3 "$bin" run --plain --sim -o "$work/sim.gcrun" "$work/forced.yaml"
has "$work/err" 'the runtime go cannot be simulated' 'simulation'
code 2 "$bin" run --target go "$src/tests/scenarios/good/short.yaml"
has "$work/err" 'mem/malloc cannot be had with the runtime go' 'a point that Go has not'
over 'real Go'
