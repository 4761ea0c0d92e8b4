#!/bin/sh
# stress.sh: the drivers on 4 Ps with a collection at every 50th allocation, freed memory clobbered, every fault on; real
# threads and simulated, with the contents checked. Under the sanitizer builds this is the test that matters most.
# A verdict of 7 (a machine too busy to measure on) is no failure here: what is measured is not the point. One of 5 is the same machine's, if it had no time for
# a fault or for steady state; but that each of three runs is such a one is none.
set -u
bin=${GCSTORM_BUILD:?}/gcstorm scenario=${GCSTORM_SOURCE:?}/tests/scenarios/stress.yaml
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
seed=${GCS_TEST_SEED:-$(date +%s)}
echo "seed $seed (set GCS_TEST_SEED to repeat)"

storm() { # NAME OPTION...
	name=$1
	shift
	for turn in 1 2 3; do
		rm -f "$work/$name.gcrun"
		"$bin" run "$scenario" --plain --seed "$seed" --format json -o "$work/$name.gcrun" "$@" > "$work/$name.json" 2> "$work/$name.err"
		code=$?
		echo "$name: exit $code"
		[ "$code" = 5 ] || break
	done
	grep -E '"(checked|errors|cycles|verdict)"' "$work/$name.json" | head -8
	case $code in
	0 | 7) ;;
	*) cat "$work/$name.json"; tail -n 40 "$work/$name.err"; exit 1 ;;
	esac
	tr -d ' \n' < "$work/$name.json" | grep -q '"integrity":{"checked":[1-9][0-9]*,"errors":0[,}]' ||
		{ echo "$name: contents not checked, or wrong"; cat "$work/$name.json"; exit 1; }
}

storm real
# A simulated collection takes no real time to speak of, so there are many more of them: a shorter run.
storm simulated --sim --set phases.steady.for=2s --set phases.storm.for=2s --set phases.heal.for=2s \
	--set faults.oom.when.for=800ms --set faults.late.when.for=800ms --set faults.gcnow.when.for=800ms
