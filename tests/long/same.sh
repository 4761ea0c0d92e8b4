#!/bin/sh
# same.sh BUILD BUILD...: the simulated targets of several builds make the same run of each seed: hash, firings, collections, pauses, verdict:
# all that a report tells. The first build's gcstorm runs them. GCS_SEEDS seeds (5) of tests/scenarios/mixed.yaml, from GCS_TEST_SEED (1) on.
set -u
src=$(cd "$(dirname "$0")/../.." && pwd)
[ $# -ge 2 ] || { echo "usage: same.sh BUILD BUILD..." >&2; exit 2; }
for build in "$@"; do
	[ -x "$build/gcstorm-target-sim" ] || { echo "same.sh: no $build/gcstorm-target-sim" >&2; exit 2; }
done
bin=$1/gcstorm seeds=${GCS_SEEDS:-5} seed=${GCS_TEST_SEED:-1} bad=0
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
XDG_RUNTIME_DIR=$work; export XDG_RUNTIME_DIR

# The report of the seed's run by this build's target, without the run's name. A run that fails is compared as any other.
told() { # BUILD SEED
	GCSTORM_TARGET=$(cd "$1" && pwd)/gcstorm-target-sim "$bin" run --sim --seed "$2" "$src/tests/scenarios/mixed.yaml" --plain --format json \
		-o "$work/gcrun" > "$work/json" 2> "$work/err"
	got=$?
	rm -f "$work"/gcrun*
	grep -q '"hash": "[0-9a-f]\{16\}"' "$work/json" || { echo "$1, seed $2: exit $got, no hash" >&2; tail -n 20 "$work/err" >&2; return 1; }
	sed '/^  "id": /d' "$work/json"
}

i=0
while [ "$i" -lt "$seeds" ]; do
	told "$1" "$seed" > "$work/first" || exit 1
	hash=$(sed -n 's/^  "hash": "\(.*\)",$/\1/p' "$work/first")
	other=$1
	for build in "$@"; do
		[ "$build" != "$1" ] || continue
		told "$build" "$seed" > "$work/other" || exit 1
		cmp -s "$work/first" "$work/other" && continue
		echo "seed $seed: $build makes another run than $other:"
		diff "$work/first" "$work/other" | head -n 20
		bad=$((bad + 1))
	done
	[ -n "${GCS_QUIET:-}" ] || echo "seed $seed: $hash"
	seed=$((seed + 1)) i=$((i + 1))
done
echo "$# builds, $seeds seeds each: $bad runs differ"
[ "$bad" = 0 ]
