#!/bin/sh
# oom.sh: what a scenario's `oom` says is what a refusal of memory or of a thread comes to: the target dies with Go's words, and the run is recorded
# whole, with exit 4 and the fault it died of; or the operation fails, and the run goes on. Real and simulated; sweep and explore know the one from the other.
. "${GCSTORM_SOURCE:-.}/tests/integration/lib.sh"

cat > "$work/fault.yaml" <<'YAML'
version: 1
name: refused
target: {procs: 2, gogc: off, oom: throw}
workload:
  - {id: slices, driver: slice-append, workers: 2, rate: 20k/s, retain: 1GiB, size: 64KiB}
phases:
  - {id: steady, for: 1600ms}
  - {id: storm, for: 1s}
  - {id: heal, for: 500ms}
faults:
  - {id: short, point: mem/malloc, when: {phase: storm, for: 500ms}, fire: {every: 1}}
recovery: {signals: [ops.errors], band: 2, window: 500ms, windows: 1, deadline: 1s}
slo:
  - {id: few, check: ops.count < 1M}
YAML
cat > "$work/small.yaml" <<'YAML'
version: 1
name: used-up
target: {procs: 2, gogc: off, heap_reserve: 64MiB}
workload:
  - {id: slices, driver: slice-append, workers: 2, rate: max, retain: 128MiB, size: 64KiB}
phases:
  - {id: steady, for: 200ms}
YAML
"$bin" check "$work/fault.yaml" 2>&1 | grep -q 'disable-faults' && { echo 'no faults in this build'; exit 77; }

grow='^  runtime: out of memory: cannot allocate 4194304-byte block ([0-9]* in use)$'
# A run that dies: what it says last, and what is said of it afterwards; more arguments of run.
dies() {
	fatal=$1; shift
	rm -f "$work/dead.gcrun"
	code 4 "$bin" run --plain -o "$work/dead.gcrun" "$@"
	has "$work/err" 'last words of the target:' "$*"
	has "$work/err" "^  $fatal\$" "$*"
	has "$work/out" "^CRASH: the target died at [0-9.]* s as oom: throw asks: $fatal\\.\$" "$*"
	whole "$work/dead.gcrun" "$*"
	has "$work/report" 'exit 4' "$*"
	has "$work/report" "as oom: throw asks: $fatal" "the record of $*"
}
died_of() {
	has "$work/report" 'fired, and the target died of it: [12] of [0-9]* eligible visit' "$1" # of each P one
	has "$work/report" 'came to: the target died of it, as oom: throw asks' "$1"
	"$bin" report --format json "$work/dead.gcrun" > "$work/json"
	has "$work/json" '"outcome": *"died"' "$1, JSON"
}

# Faults: what each site's refusal ends with.
for how in '' --sim; do
	dies 'fatal error: out of memory' $how "$work/fault.yaml"
	has "$work/err" "$grow" "mem/malloc $how"
	died_of "mem/malloc $how"
done
for point in mem/refill mem/span mem/os_reserve slice/grow; do
	dies 'fatal error: out of memory' --sim "$work/fault.yaml" --set faults.short.point=$point
	has "$work/err" "$grow" "$point"
	died_of $point
done
dies 'fatal error: runtime: out of memory' --sim "$work/fault.yaml" --set faults.short.point=mem/os_commit
hasnt "$work/err" 'cannot allocate' 'mem/os_commit'
died_of mem/os_commit

# A heap that is used up, without any fault: M is the whole reservation.
for how in '' --sim; do
	dies 'fatal error: out of memory' $how "$work/small.yaml" --set target.oom=throw --set phases.steady.for=30s
	has "$work/err" '^  runtime: out of memory: cannot allocate 4194304-byte block (67108864 in use)$' "used up $how"
done
# The kernel refuses the tables of a chunk, or the guard of a new thread's stack, if one is started first: the target's own words, where system calls can
# be held.
if "$bin" check "$work/fault.yaml" --set faults.short.point=os/mprotect > /dev/null 2>&1; then
	"$bin" run --plain "$work/fault.yaml" --set faults.short.point=os/mprotect > "$work/out" 2> "$work/err"
	got=$?
	case $got in
	4) has "$work/err" '^  fatal error: \(out of memory allocating heap arena metadata\|newosproc\)$' 'os/mprotect' ;;
	3) echo 'os/mprotect: cannot be held here' ;;
	*) fault "os/mprotect: exit $got"; cat "$work/err" >&2 ;;
	esac
fi

# `return`: operations fail, contents hold, and nobody dies. The real run ends as soon as one has failed.
code 0 "$bin" run --sim --plain -o "$work/return.gcrun" "$work/small.yaml"
sed 's/for: 200ms}/for: 30s}\nslo:\n  - {id: failed, check: ops.errors < 1, abort: true}/' "$work/small.yaml" > "$work/until.yaml"
code 99 "$bin" run --plain -o "$work/real.gcrun" "$work/until.yaml"
for run in return real; do
	hasnt "$work/err" 'last words' "$run"
	whole "$work/$run.gcrun" "$run"
	has "$work/report" '^  slices  *[0-9,]*  *[1-9]' "$run: failed operations"
	has "$work/report" ', 0 wrong$' "$run"
done
# A limit is none: the heap grows beyond it, and nothing is refused.
code 0 "$bin" run --sim --plain "$work/small.yaml" --set target.oom=throw --set target.memlimit=8MiB --set workload.slices.retain=24MiB \
	--set workload.slices.rate=40k/s --set phases.steady.for=600ms
has "$work/out" 'live heap at most 1[0-9.]* MiB' 'a limit'

# sweep: such a death is what was asked for; without the word the same failure is told to the program.
code 0 "$bin" sweep "$work/fault.yaml" --point mem/malloc --limit 2
has "$work/out" '^  expected throw  *2 ' 'sweep, throw'
has "$work/out" 'the death that oom: throw asks for' 'sweep, throw'
code 0 "$bin" sweep "$work/fault.yaml" --point mem/malloc --limit 2 --set target.oom=return
hasnt "$work/out" 'throw' 'sweep, return'
# explore: no failure, and said.
code 0 "$bin" explore "$work/fault.yaml" --seeds 2 -o "$work/seeds"
has "$work/out" '2 passed, 0 failed' 'explore'
has "$work/out" '^2 of those that passed died of want of memory, as oom: throw asks$' 'explore'
# An SLO that failed before is a failure all the same.
code 99 "$bin" explore "$work/fault.yaml" --seeds 2 --set 'slo.few.check=ops.count < 10' -o "$work/slow"
has "$work/out" '0 passed, 2 failed' 'explore, with an SLO that fails'

over oom.sh
