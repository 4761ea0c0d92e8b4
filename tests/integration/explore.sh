#!/bin/sh
# explore.sh: many seeds of a scenario in which one of several faults breaks an SLO with some seeds: those are found and kept, and nothing else;
# the printed command fails again; a kept run is replayed, and shrunk to its one fault.
. "${GCSTORM_SOURCE:-.}/tests/integration/lib.sh"
planted=$src/tests/scenarios/explore.yaml
path=$work/path
mkdir "$work/tmp"
TMPDIR=$work/tmp; export TMPDIR
mkdir "$path"
ln -s "$(cd "$build" && pwd)/gcstorm" "$path/gcstorm"
number() { sed -n "s/^ *\"$1\": \([0-9]*\),*\$/\1/p" "$2" | head -n 1; }

# --- found, counted, kept
code 99 "$bin" explore "$planted" --seeds 24 --jobs 3 --seed 100 --format json -o "$work/found"
cp "$work/out" "$work/summary"
cmp -s "$work/out" "$work/found/summary.json" || fault 'summary.json is not what was printed'
failed=$(number failed "$work/summary")
[ "$(($(number passed "$work/summary") + failed + $(number undecided "$work/summary")))" = 24 ] || fault 'seeds are missing'
[ "$failed" -ge 1 ] && [ "$failed" -le 20 ] || fault "$failed seeds of 24 fail"
[ "$(ls "$work/found" | grep -c 'gcrun$')" = "$failed" ] || { fault 'not as many records as failures'; ls "$work/found" >&2; }
[ "$(ls "$work/found" | grep -c 'log$')" = "$failed" ] || { fault 'not as many logs as failures'; ls "$work/found" >&2; }
[ -z "$(ls "$work/found" | grep -E -v '^(0x[0-9a-f]+\.(gcrun|log)|scenario.yaml|summary.json)$')" ] || { fault 'other files'; ls "$work/found" >&2; }
cmp -s "$planted" "$work/found/scenario.yaml" || fault 'the scenario is not kept'
for record in "$work"/found/*.gcrun; do whole "$record" "$record"; has "$work/report" 'ops.errors <= 7' "$record"; done
sed -n 's/^ *"took_ns": \([0-9]*\),*$/\1/p' "$work/summary" | tail -n "$failed" > "$work/took"
sort -n "$work/took" | cmp -s - "$work/took" || { fault 'the fastest is not first'; cat "$work/took" >&2; }

# --- the same seeds fail, however many run at once; the command repeats it
code 99 "$bin" explore "$planted" --seeds 24 --jobs 1 --seed 100 -o "$work/again"
(cd "$work/found" && ls ./*.gcrun) > "$work/a"
(cd "$work/again" && ls ./*.gcrun) | cmp -s - "$work/a" || fault 'other seeds fail when one runs at once'
again=$(sed -n 's/^    again:  //p' "$work/out" | head -n 1)
(PATH=$path:$PATH; sh -c "$again --plain -o $work/one.gcrun") > "$work/out" 2> "$work/err"
[ $? = 99 ] || { fault "'$again' does not fail"; cat "$work/err" >&2; }

# --- a kept record: made again to the last bit, shrunk to the one fault that breaks it, which is made again too
record=$(ls "$work"/found/*.gcrun | head -n 1)
code 0 "$bin" replay "$record"
has "$work/out" 'the same to the last bit: hash' 'the kept record'
code 0 "$bin" shrink "$record" -o "$work/small.yaml"
cp "$work/out" "$work/shrunk"
[ "$(grep -c 'point:' "$work/small.yaml")" = 1 ] && grep -q '{id: oom, point: mem/malloc' "$work/small.yaml" || { fault 'not shrunk to its one fault'; cat "$work/small.yaml" >&2; }
grep -q 'net, driver' "$work/small.yaml" && { fault 'a workload that is not needed is left'; cat "$work/small.yaml" >&2; }
has "$work/err" 'without faults.late.*: still fails' 'what it tries'
code 0 "$bin" check "$work/small.yaml"
again=$(sed -n 's/^again: //p' "$work/shrunk")
(PATH=$path:$PATH; sh -c "$again --plain -o $work/small.gcrun") > "$work/out" 2> "$work/err"
[ $? = 99 ] || { fault "'$again' does not fail"; cat "$work/err" >&2; }
has "$work/out" 'SLO clean failed' 'the shrunk run'
code 0 "$bin" replay "$work/small.gcrun"
code 2 "$bin" shrink "$record" -o "$work/small.yaml"
[ -z "$(ls -A "$work/tmp")" ] || fault 'scratch directories are left behind'

# --- all pass; nothing is kept; what the command line lays over is laid over each
code 0 "$bin" explore "$planted" --seeds 6 --set 'slo.clean.check=ops.errors <= 1M' --set faults.oom.fire.probability=10% -o "$work/calm"
[ -z "$(ls "$work/calm" | grep -E 'gcrun|log$')" ] || { fault 'passing records are kept'; ls "$work/calm" >&2; }
has "$work/out" '6 passed, 0 failed, 0 undecided' 'all pass'
code 0 "$bin" run "$planted" --sim --seed 1 --set 'slo.clean.check=ops.errors <= 1M' --plain -o "$work/pass.gcrun"
code 2 "$bin" shrink "$work/pass.gcrun" -o "$work/never.yaml"
has "$work/err" 'did not fail' 'nothing to shrink'
# --- a fault that never fires decides nothing
code 5 "$bin" explore "$planted" --seeds 2 --set faults.oom.fire.probability=0.0000001% -o "$work/never"
has "$work/out" 'undecided, the first is seed 0x1, exit 5' 'a fault that does not fire'

# --- refused
code 2 "$bin" explore "$planted" --seeds 2 -o "$work/calm"
has "$work/err" 'is not empty' 'a directory with something in it'
code 2 "$bin" explore "$planted" --seeds 0
code 2 "$bin" explore "$planted" --jobs 65
code 2 "$bin" explore nosuch
# --- its own place
code 0 "$bin" explore "$planted" --seeds 1 --set 'slo.clean.check=ops.errors <= 1M'
[ "$(ls "$work"/state/gcstorm/explores/planted-*/summary.json | wc -l)" = 1 ] || fault 'not below the state directory'

# --- interrupted: the runs that go on are ended, nothing half is left
rm -f "$work/err"
"$bin" explore "$planted" --seeds 100000 --jobs 2 -o "$work/cut" > "$work/out" 2> "$work/err" &
harness=$!
until_true 300 grep -q 'exit 99' "$work/err" || fault 'no failure before the interrupt'
kill -TERM $harness
wait $harness
[ $? = 143 ] || { fault 'not 143 after SIGTERM'; cat "$work/err" >&2; }
harness=
has "$work/out" 'failed, the fastest first' 'the summary after an interrupt'
[ "$(ls "$work/cut" | grep -c 'gcrun$')" = "$(number failed "$work/cut/summary.json")" ] || { fault 'after an interrupt: other records'; ls "$work/cut" >&2; }
[ -z "$(ls -A "$work/runtime/gcstorm" 2> /dev/null | grep -v '^\.lock$')" ] || fault 'run directories are left behind'
over explore
