#!/bin/sh
# sabotage.sh: a scenario for each saboteur, simulated: the run fails, because a check finds what is broken (99) or the target ends
# (4), and says so; with no saboteur the same scenario passes.
. "${GCSTORM_SOURCE:-.}/tests/integration/lib.sh"
seed=${GCS_TEST_SEED:-0x2481}
"$bin" list faults > "$work/list"

write() { # POINT EDGES
	cat <<-YAML
	version: 1
	name: sabotage
	seed: $seed
	target: {runtime: embedded, procs: 2, gogc: 50, stress: {gc_every: 200, clobber: true, check_edges: $2}}
	workload:
	  - {id: maps, driver: map-churn, workers: 2, rate: 4k/s, keys: 3k, value: ptr, value_bytes: 48B, mix: {insert: 40, delete: 40, lookup: 20}}
	  # Made anew after 300 operations, so that they grow again and again, each at its own time: pointers that are on the move while marking.
	  - {id: growing, driver: map-churn, workers: 16, rate: 32k/s, keys: 6240, value: ptr, value_bytes: 16B, renew: 300, mix: {insert: 46, delete: 40, lookup: 14}}
	  - {id: slices, driver: slice-append, workers: 1, rate: 500/s, size: "zipf(1.2, 64B, 16KiB)", retain: 512KiB}
	phases:
	  - {id: steady, for: 2s}
	  - {id: storm, for: 3s}
	  - {id: heal, for: 2s}
	faults:
	  - {id: it, point: $1, when: {phase: storm, at: 500ms, for: 2s}, fire: {every: 1}}
	slo:
	  - {id: whole, check: "integrity.errors == 0", abort: true}
	recovery: {signals: [ops.errors], band: 2, window: 500ms, windows: 2, deadline: 1s}
	YAML
}

run() { # NAME POINT EDGES
	write "$2" "$3" > "$work/$1.yaml"
	"$bin" run "$work/$1.yaml" --sim --plain -o "$work/$1.gcrun" > "$work/$1.out" 2> "$work/$1.err"
	got=$?
	"$bin" report --format json "$work/$1.gcrun" | tr -d ' \n' > "$work/$1.json"
}

found() { # NAME POINT EDGES
	run "$@"
	case $got in
	4) # what it said itself; a signal leaves it no time
		what=$(sed -n '/last words/,$p' "$work/$1.err" | sed -n 's/^  //p' | grep -v '^gc ' | head -n 1)
		what=${what:-$(sed -n 's/.*! the target was/the target was/p' "$work/$1.err")} ;;
	99) what=$(grep -o '"integrity":{"checked":[0-9]*,"errors":[0-9]*' "$work/$1.json") ;;
	*) what= ;;
	esac
	echo "$1: exit $got: $what"
	case $got:$what in
	4:?* | 99:*'"errors":'[1-9]*) ;;
	*) fault "$1: not found"; cat "$work/$1.out" "$work/$1.err" >&2 ;;
	esac
	has "$work/$1.err" "fault 'it' breaks the runtime on purpose ($2)" "$1"
	has "$work/$1.out" "^SABOTAGED: .*by $2" "$1"
	has "$work/list" "^$2 *break " 'list faults'
}

# Without one the scenario passes, and says nothing of saboteurs.
run none gc/write true
[ "$got" = 0 ] || { fault "none: exit $got"; cat "$work/none.out" "$work/none.err" >&2; }
hasnt "$work/none.out" SABOTAGED none

for edges in false true; do
	for point in $(sed -n 's|^\(sabotage/[a-z_]*\) .*|\1|p' "$work/list"); do
		found "$(basename "$point")-$edges" "$point" "$edges"
	done
done
over sabotage.sh
