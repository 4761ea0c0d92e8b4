#!/bin/sh
# planted.sh: a bug that only some seeds meet, from end to end with the commands that a user types: explored, kept, shrunk to its one fault and a
# short timeline, made again to the last bit.
. "${GCSTORM_SOURCE:-.}/tests/integration/lib.sh"
saboteur=$src/tests/scenarios/saboteur.yaml
path=$work/path
mkdir "$path" "$work/tmp"
ln -s "$(cd "$build" && pwd)/gcstorm" "$path/gcstorm"
PATH=$path:$PATH TMPDIR=$work/tmp; export PATH TMPDIR
number() { sed -n "s/^ *\"$1\": \([0-9]*\),*\$/\1/p" "$work/found/summary.json" | head -n 1; }

# --- some seeds of a dozen fail, and others pass
code 99 gcstorm explore "$saboteur" --seeds 12 -o "$work/found"
cat "$work/out"
failed=$(number failed) passed=$(number passed)
[ "${failed:-0}" -ge 2 ] && [ "${passed:-0}" -ge 2 ] || fault "$failed of 12 fail, $passed pass: no bug behind a seed"
has "$work/out" 'entries were lost, stale or torn' 'what is wrong with them'

# --- the command that is printed repeats the fastest
again=$(sed -n 's/^    again:  //p' "$work/out" | head -n 1)
record=$(sed -n 's/^    record: //p' "$work/out" | head -n 1)
code 99 sh -c "$again --plain -o $work/again.gcrun"
code 0 gcstorm replay "$record"
has "$work/out" 'the same to the last bit: hash' 'the kept record'

# --- one fault of six is left, which is the one, in less time than before
code 0 gcstorm shrink "$record" -o "$work/small.yaml"
cat "$work/out"
[ "$(grep -c 'point:' "$work/small.yaml")" = 1 ] && grep -q '{id: planted, point: sabotage/lost_bucket' "$work/small.yaml" ||
	fault 'not shrunk to its one fault'
hasnt "$work/small.yaml" activation 'what is left'
hasnt "$work/small.yaml" 'id: heal' 'what is left: a phase that is not needed'
has "$work/out" '^left: 1 of 6 faults, [1-3] of 4 workloads, [12] of 3 phases, [0-9.]*m*s of 1.6s$' 'what is left'
has "$work/err" 'faults.planted.when.for=.*: still fails' 'the window gets shorter'

# --- it fails by itself, and is made again
code 99 gcstorm run --sim "$work/small.yaml" --plain -o "$work/small.gcrun"
has "$work/out" 'entries were lost, stale or torn' 'the shrunk run'
code 0 gcstorm replay "$work/small.gcrun"
has "$work/out" 'the same to the last bit: hash' 'the shrunk run'
# --- without its fault there is nothing wrong
grep -v 'point:' "$work/small.yaml" | grep -v '^faults:' > "$work/none.yaml"
code 0 gcstorm run --sim "$work/none.yaml" --plain -o "$work/none.gcrun"
[ -z "$(ls -A "$work/tmp")" ] || fault 'scratch directories are left behind'
over planted
