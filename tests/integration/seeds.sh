#!/bin/sh
# seeds.sh: a hundred seeds of a mixed scenario (all drivers; of the faults a quarter, drawn from the seed) pass, with the heap checked at each
# edge of a phase and contents compared; a run of them is made again to the last bit. Under sanitizers there are fewer seeds, each takes
# much longer; GCS_SEEDS says how many, GCS_TEST_SEED the first. `make check-long` runs 10,000.
. "${GCSTORM_SOURCE:-.}/tests/integration/lib.sh"
mixed=$src/tests/scenarios/mixed.yaml
sanitizers=$(sed -n 's/^GCS_SANITIZE = *//p' "$build/Makefile" 2> /dev/null)
case $sanitizers in
'') seeds=100 ;;
*thread*) seeds=2 ;; # forty times as long, and there is one thread
*) seeds=8 ;;
esac
seeds=${GCS_SEEDS:-$seeds} first=${GCS_TEST_SEED:-1}
echo "$seeds seeds from $first, sanitizers: ${sanitizers:-none}"

# Undecided: a fault that was drawn found no visit, which says nothing of the runtime; it is rare, or the scenario is not well made.
"$bin" explore "$mixed" --seed "$first" --seeds "$seeds" -o "$work/found" > "$work/out" 2> "$work/err"
got=$?
cat "$work/out"
has "$work/out" ' passed, 0 failed,' 'the mixed scenario'
passed=$(sed -n 's/.*: \([0-9]*\) passed.*/\1/p' "$work/out")
[ $((${passed:-0} * 20)) -ge $((seeds * 19)) ] || { fault "$passed of $seeds passed, exit $got"; cat "$work/err" >&2; }
code 0 "$bin" run --sim "$mixed" --seed "$first" --plain -o "$work/one.gcrun"
whole "$work/one.gcrun" 'one of them'
code 0 "$bin" replay "$work/one.gcrun"
has "$work/out" 'the same to the last bit: hash' 'one of them'
over seeds
