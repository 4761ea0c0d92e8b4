#!/bin/sh
# determinism.sh: the same scenario and seed give the same sequence of events to the last bit; another seed another.
set -u
bin=${GCSTORM_BUILD:?}/gcstorm scenario=${GCSTORM_SOURCE:?}/tests/scenarios/stress.yaml
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# Fewer collections and a shorter storm than in stress.sh: three runs of it must fit under ThreadSanitizer too.
short="--set target.stress.gc_every=1000 --set phases.steady.for=2s --set phases.storm.for=2s --set phases.heal.for=2s"
for fault in oom late gcnow; do short="$short --set faults.$fault.when.for=1s"; done

hash() { # SEED TAKE
	# shellcheck disable=SC2086
	"$bin" run "$scenario" $short --sim --seed "$1" --plain --format json -o "$work/$1-$2.gcrun" > "$work/$1-$2.json" 2> "$work/err" ||
		{ echo "seed $1: exit $?"; tail -n 20 "$work/err"; exit 1; }
	sed -n 's/.*"hash": *"\([0-9a-f]*\)".*/\1/p' "$work/$1-$2.json"
}

a=$(hash 7 first) || { echo "$a"; exit 1; }
b=$(hash 7 second) || { echo "$b"; exit 1; }
c=$(hash 8 first) || { echo "$c"; exit 1; }
echo "seed 7: $a, again: $b; seed 8: $c"
[ -n "$a" ] && [ "$a" != 0000000000000000 ] || { echo "no hash"; exit 1; }
[ "$a" = "$b" ] || { echo "the same seed gave two runs"; exit 1; }
[ "$a" != "$c" ] || { echo "two seeds gave one run"; exit 1; }
