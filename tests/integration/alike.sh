#!/bin/sh
# alike.sh: the embedded runtime under load beside the newest Go that there is, by gcstorm diff: from the same operations about as many collections, about the same live
# heap. Real threads and real Go; what decides are figures that a busy machine does not move, and the band is wide. Skipped without a Go.
. "${GCSTORM_SOURCE:-.}/tests/integration/lib.sh"
GCSTORM_GO_AGENT=$src/workloads/go; export GCSTORM_GO_AGENT
XDG_CACHE_HOME=$work/cache; export XDG_CACHE_HOME
GOCACHE=${GOCACHE:-${HOME:-$work}/.cache/go-build}; export GOCACHE
go=$({ command -v go; ls -d /usr/local/go/bin/go /usr/lib/go-*/bin/go; } 2> /dev/null | while read -r go; do
	[ -x "$go" ] && echo "$("$go" env GOVERSION) $(readlink -f "$go")"
done | sort -t . -k2,2n -k3,3n | tail -n 1 | sed 's/[^ ]* //')
[ -n "$go" ] || { echo 'no Go here: skipped' >&2; exit 77; }

# The live set stays: what a cycle begins with is the pacer's doing alone.
cat > "$work/load.yaml" <<'YAML'
version: 1
name: load
about: "Maps and slices at a rate that both runtimes keep up with."
seed: 11
target: {procs: 2, gogc: 50}
workload:
  - {id: maps, driver: map-churn, workers: 2, rate: 60k/s, keys: 8k, value: ptr, value_bytes: 1KiB, mix: {insert: 45, delete: 45, lookup: 10}}
  - {id: slices, driver: slice-append, workers: 1, rate: 2k/s, size: "zipf(1.2, 64B, 64KiB)", retain: 1MiB}
phases:
  - {id: fill, for: 500ms, record: false}
  - {id: steady, for: 900ms}
slo:
  - {id: whole, check: "integrity.errors == 0", abort: true}
YAML
# Exit code that is wanted, a name, more arguments. What the rounds have not decided, as the machine had no time for some of them, is tried anew.
side_by_side() {
	want=$1 into=$work/$2; shift 2
	for turn in 1 2 3; do
		rm -rf "$into"
		"$bin" diff "$work/load.yaml" --band 1.8 -o "$into" "$@" > "$work/out" 2> "$work/err"
		got=$?
		cat "$work/out"
		[ "$got" = 5 ] || break
	done
	[ "$got" = "$want" ] || { fault "exit $got, not $want: diff $*"; cat "$work/err" >&2; }
}
# Nine rounds: one that the machine had no time for does not count.
decide=gc.cycles,heap.live.max
side_by_side 0 same --targets "embedded,go=$go" --signals "$decide" --rounds 9
# It can fail: a runtime that collects a quarter as often is not the same.
side_by_side 99 other --targets "embedded:target.gogc=200,go=$go" --signals gc.cycles --rounds 6
over 'the embedded runtime beside Go'
