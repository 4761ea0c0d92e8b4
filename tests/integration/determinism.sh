#!/bin/sh
# determinism.sh: the same scenario and seed give the same sequence of events to the last bit; another seed another. So does one that an
# SLO ends, even with a harness that stands still again and again.
set -u
bin=${GCSTORM_BUILD:?}/gcstorm scenario=${GCSTORM_SOURCE:?}/tests/scenarios/stress.yaml aborting=${GCSTORM_SOURCE:?}/tests/scenarios/abort.yaml
work=$(mktemp -d) || exit 1
harness=
trap '[ -n "$harness" ] && kill -9 "$harness" 2> /dev/null; rm -rf "$work"' EXIT

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

# --- ended by an SLO; with a last argument the harness is stopped for so many milliseconds, and goes on for 5, until it has ended
aborted() { # TAKE [MS]
	"$bin" run "$aborting" --sim --plain --format json -o "$work/$1.gcrun" > "$work/$1.json" 2> "$work/err" &
	harness=$!
	while [ -n "${2:-}" ] && kill -STOP "$harness" 2> /dev/null; do
		sleep "0.0$2"
		kill -CONT "$harness"
		sleep 0.005
	done
	wait "$harness"
	got=$?
	harness=
	[ "$got" = 99 ] || { echo "aborted, $1: exit $got"; tail -n 20 "$work/err"; exit 1; }
	tr -d ' \n' < "$work/$1.json" | grep -o '"hash":"[0-9a-f]*"\|"duration_ns":[0-9]*\|"integrity":{[^}]*}' > "$work/$1.facts"
	[ "$(wc -l < "$work/$1.facts")" -ge 3 ] || { echo "aborted, $1: no facts"; exit 1; }
}
aborted calm
for ms in 10 30 50; do
	aborted "slow$ms" "$ms"
	cmp -s "$work/calm.facts" "$work/slow$ms.facts" || { echo "ended elsewhere by a harness that stood still"; diff "$work/calm.facts" "$work/slow$ms.facts"; exit 1; }
done
echo "aborted: $(tr '\n' ' ' < "$work/calm.facts")"
"$bin" replay "$work/calm.gcrun" > "$work/replay" || { cat "$work/replay"; exit 1; }
grep -q 'the same to the last bit: hash' "$work/replay" || { echo "not compared to the end"; cat "$work/replay"; exit 1; }
