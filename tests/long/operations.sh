#!/bin/sh
# operations.sh: 20 million operations on 8 Ps in the simulation, within two minutes of processor time; twice, the same.
set -u
src=${GCSTORM_SOURCE:?} bin=${GCSTORM_BUILD:?}/gcstorm
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
XDG_RUNTIME_DIR=$work; export XDG_RUNTIME_DIR
bad=0

take() { # NAME: its hash; the processor time it took to $work/NAME.time
	# `times` of a subshell: what its children used, user and system, on the second line.
	(
		"$bin" run --sim "$src/tests/scenarios/long.yaml" --plain --format json -o "$work/$1.gcrun" > "$work/$1.json" 2> "$work/err"
		echo $? > "$work/$1.code"
		times > "$work/$1.time"
	)
	[ "$(cat "$work/$1.code")" = 0 ] || { echo "exit $(cat "$work/$1.code")" >&2; tail -n 20 "$work/err" >&2; exit 1; }
	sed -n 's/^  "hash": "\(.*\)",$/\1/p' "$work/$1.json"
}
seconds() { sed -n 2p "$1" | tr 'ms' '  ' | awk '{printf "%.1f", $1 * 60 + $2 + $3 * 60 + $4}'; }

a=$(take first) || exit 1
b=$(take second) || exit 1
operations=$(sed -n '/^ "ops"/,/^ \]/s/^ *"count": \([0-9]*\),*$/\1/p' "$work/first.json" | awk '{n += $1} END {printf "%d", n}')
first=$(seconds "$work/first.time") second=$(seconds "$work/second.time")
echo "$operations operations, hash $a: $first s and $second s of processor time"
[ "$operations" -ge 20000000 ] || { echo "less than 20 million operations"; bad=1; }
[ -n "$a" ] && [ "$a" = "$b" ] || { echo "the same seed gave two runs: $a, $b"; bad=1; }
for s in "$first" "$second"; do
	awk "BEGIN {exit !($s < 120)}" || { echo "$s s: more than two minutes"; bad=1; }
done
[ "$bad" = 0 ]
