#!/bin/sh
# run.sh: a short run from end to end, real and simulated: exit code, what is on stdout and stderr, the record, its mode and place;
# and the ways in which a run is refused before it starts.
set -u
src=${GCSTORM_SOURCE:-.}
bin=${GCSTORM_BUILD:-build}/gcstorm
scenario=$src/tests/scenarios/good/short.yaml
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
XDG_STATE_HOME=$work/state; export XDG_STATE_HOME
bad=0

fault() { echo "$1" >&2; bad=$((bad + 1)); }
code() { want=$1; shift; "$@" > "$work/out" 2> "$work/err"; got=$?; [ "$got" = "$want" ] || { fault "exit $got, not $want: $*"; cat "$work/err" >&2; }; }
has() { grep -q -- "$2" "$1" || { fault "$3: no '$2' in:"; cat "$1" >&2; }; }
mode() { [ "$(stat -c %a "$1")" = "$2" ] || fault "$1: mode $(stat -c %a "$1"), not $2"; }

# A real run. 7 is: the machine was taken from us for a while; if it was for as long as a fault's half a second, the run is made again (5). Everything else
# must hold all the same.
for turn in 1 2 3; do
	rm -f "$work/real.gcrun"
	"$bin" run --plain -o "$work/real.gcrun" "$scenario" > "$work/out" 2> "$work/err"
	got=$?
	[ "$got" = 5 ] || break
done
[ "$got" = 0 ] || [ "$got" = 7 ] || { fault "real run: exit $got"; cat "$work/out" "$work/err" >&2; }
for event in 'oom#1 armed' 'late#1 armed' 'gcnow#1 disarmed' 'phase heal'; do has "$work/err" "$event" 'real run, stderr'; done
has "$work/out" "$work/real.gcrun" 'the summary names the record'
mode "$work/real.gcrun" 600
[ -e "$work/real.gcrun-wal" ] && fault 'the log was not folded into the record'
cp "$work/out" "$work/summary"
code 0 "$bin" report "$work/real.gcrun"
cmp -s "$work/out" "$work/summary" || fault 'report says something else than the run'
code 0 "$bin" report --format json "$work/real.gcrun"
tr -d ' \n' < "$work/out" > "$work/json"
for key in '"run":{' '"phases":\[' '"pauses":{' '"stopping_max_ns":' '"gc":{' '"ops":\[' '"faults":\[' '"integrity":{' '"harness":{' \
	'"sim":false' '"errors":0'; do has "$work/json" "$key" 'the report as JSON'; done

# A simulated run, in the usual place.
code 0 "$bin" run --plain --sim --format json "$scenario"
tr -d ' \n' < "$work/out" > "$work/json"
has "$work/json" '"sim":true' 'simulated run'
mode "$work/state/gcstorm/runs" 700
mode "$work/state/gcstorm" 700
set -- "$work"/state/gcstorm/runs/short-*.gcrun
[ $# = 1 ] && mode "$1" 600
code 0 "$bin" list runs
has "$work/out" short 'list runs'
code 0 "$bin" report last
has "$work/out" SIMULATED 'report last'

# An SLO that may end the run does so.
code 99 "$bin" run --plain -o "$work/abort.gcrun" --set 'slo=[{id: clean, check: "ops.errors == 0", abort: true}]' --set phases.storm.for=60s \
	--set faults.oom.when.for=30s "$scenario"
has "$work/err" 'SLO clean failed' 'an abort'
grep -q 'phase heal' "$work/err" && fault 'the run went on after its abort'

# Refused before anything starts.
code 2 "$bin" run --plain --sim -o "$work/real.gcrun" "$scenario"
has "$work/err" 'File exists' 'a record that exists'
code 3 "$bin" run --plain --sim -o "$scenario/no.gcrun" "$scenario"
has "$work/err" 'cannot create the record' 'a record that cannot be'
XDG_STATE_HOME=/proc/nowhere; export XDG_STATE_HOME
code 3 "$bin" run --plain --sim "$scenario"
has "$work/err" 'no record at /proc/nowhere/gcstorm/runs' 'a directory that cannot be'
code 2 "$bin" run --plain --sim --set phases.storm.for=5 "$scenario"
has "$work/err" '^--set:1:18: error: ' 'a wrong override'
[ -s "$work/out" ] && fault 'a refused run printed a result'
GCSTORM_TARGET=$work/none; export GCSTORM_TARGET
XDG_STATE_HOME=$work/empty; export XDG_STATE_HOME
code 3 "$bin" run --plain --sim "$scenario"
has "$work/err" 'cannot start the target' 'no target'
[ -n "$(find "$work/empty" -name '*.gcrun*')" ] && fault 'a run that never was left a record'

[ "$bad" = 0 ] && echo "run.sh: all as it should be"
[ "$bad" = 0 ]
