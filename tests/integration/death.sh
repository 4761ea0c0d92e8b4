#!/bin/sh
# death.sh: a run that is interrupted, whose target dies, or whose harness dies: exit codes, records, and nobody left behind.
# What else can happen to a run is in matrix.sh.
. "${GCSTORM_SOURCE:-.}/tests/integration/lib.sh"
storm="--set phases.storm.for=300s $scenario"

begin interrupt $storm
kill -INT "$harness"
finish interrupt 130
has "$work/log" interrupted 'interrupt'
whole "$work/interrupt.gcrun" interrupt
has "$work/report" 'exit 130' 'the record of an interrupted run'

begin terminate $storm
kill -TERM "$harness"
finish terminate 143
whole "$work/terminate.gcrun" terminate
"$bin" report --format json "$work/terminate.gcrun" | tr -d ' \n' > "$work/report"
has "$work/report" '"exit":143' 'the record of a terminated run'

# The target is killed: recorded, exit 4.
begin killed $storm
for p in $children; do case $(cat "/proc/$p/comm" 2> /dev/null) in gcstorm-target*) kill -9 "$p" ;; esac; done
finish killed 4
whole "$work/killed.gcrun" killed
"$bin" report --format json "$work/killed.gcrun" | tr -d ' \n' > "$work/report"
has "$work/report" '"exit":4' 'the record of a run whose target was killed'

# A target that does not listen is killed, three seconds after the interrupt.
begin stuck $storm
for p in $children; do kill -STOP "$p"; done
kill -INT "$harness"
until_true 300 gone $children "$harness" || fault 'stuck: not ended after the interrupt'
finish stuck 130
has "$work/log" SIGTERM 'stuck'
has "$work/log" SIGKILL 'stuck'
whole "$work/stuck.gcrun" stuck

# A second interrupt waits for nothing.
begin impatient $storm
for p in $children; do kill -STOP "$p"; done
kill -INT "$harness"
until_true 300 grep -q interrupted "$work/log" || fault 'impatient: the first interrupt was not seen'
kill -INT "$harness"
finish impatient 130
has "$work/log" SIGKILL 'impatient'
hasnt "$work/log" SIGTERM 'impatient'

# A load process that dies takes the measurement with it: the harness has failed.
begin unloaded $storm
for p in $children; do case $(cat "/proc/$p/comm" 2> /dev/null) in gcstorm-load) kill -9 "$p" ;; esac; done
finish unloaded 1
has "$work/log" 'the load process died (signal 9)' 'unloaded'
whole "$work/unloaded.gcrun" unloaded
"$bin" report --format json "$work/unloaded.gcrun" | tr -d ' \n' > "$work/report"
has "$work/report" '"exit":1,' 'the record of a run without its load process'

# The harness is killed: the others end by themselves within two seconds (twice that on a busy machine), and what was recorded is
# there. The directory it left goes with the next run.
begin orphan $storm
recorded() { "$bin" report "$work/orphan.gcrun" | grep -q 'UNFINISHED.*up to [1-9]'; } # seconds
until_true 300 recorded || fault 'orphan: nothing is recorded'
id=$(ls "$work/runtime/gcstorm")
kill -9 "$harness"
from=$(now_ms)
until_true 300 gone $children || fault 'orphan: the target outlived the harness'
echo "orphan: gone after $(($(now_ms) - from)) ms"
wait "$harness" 2> /dev/null
harness=
whole "$work/orphan.gcrun" orphan
has "$work/report" 'UNFINISHED' 'the record of a run whose harness was killed'
has "$work/report" 'steady' 'the record of a run whose harness was killed'
code 3 "$bin" ctl "$work/orphan.gcrun" status
has "$work/err" 'cannot be reached' 'orders to a run whose harness was killed'
[ -e "$work/runtime/gcstorm/$id" ] || fault 'orphan: no directory was left: is it in another place?'
code 0 "$bin" run --plain --sim "$scenario"
[ -e "$work/runtime/gcstorm/$id" ] && fault 'orphan: the directory of a dead run was left by the next one'

# A simulated target that hangs is found by its own time, which goes on for long after the end: the driver of this one never comes back from
# the first operation that failed.
cat > "$work/hang.yaml" <<'YAML'
version: 1
name: hang
workload:
  - {id: hang, driver: map-churn, workers: 1, rate: 20k/s, keys: 1k}
phases:
  - {id: steady, for: 2s}
  - {id: storm, for: 1s}
  - {id: heal, for: 1s}
faults:
  - {id: oom, point: mem/malloc, when: {phase: storm, for: 500ms}, fire: {every: 1}}
recovery: {signals: [ops.errors], band: 2, window: 500ms, windows: 1, deadline: 1s}
YAML
if [ -x "$build/tests/crooked-target" ] && ! "$bin" check "$work/hang.yaml" 2>&1 | grep -q 'disable-faults'; then
	GCSTORM_TARGET=$build/tests/crooked-target code 4 "$bin" run --plain --sim "$work/hang.yaml" -o "$work/hang.gcrun"
	has "$work/err" '64\..*the target is not done long after the last phase' 'a simulated target that hangs'
	whole "$work/hang.gcrun" hang
fi

over death.sh
