#!/bin/sh
# bound.sh: faults that are bound to the state of the runtime, to types and to goroutines, from the scenario to the report; the ends that a
# fault can have, in text and JSON; and that the types which `gcstorm show DRIVER` lists are those that the drivers make.
. "${GCSTORM_SOURCE:-.}/tests/integration/lib.sh"

# The value of a key of a fault in $work/json (indented by the report: a key a line).
of() { # FAULT KEY
	awk -v id="\"$1\"" -v key="\"$2\":" '$1 == "\"faults\":" { in_faults = 1 } in_faults && $1 == "\"id\":" { here = index($2, id) == 1 }
		in_faults && here && $1 == key { v = $2; for (i = 3; i <= NF; i++) v = v " " $i; sub(/,$/, "", v); gsub(/"/, "", v); print v; exit }' "$work/json"
}
ended() { [ "$(of "$1" outcome)" = "$2" ] || fault "$1 ended '$(of "$1" outcome)', not $2"; }

# ---- one of each end, none overlapping another
cat > "$work/ends.yaml" << 'YAML'
version: 1
name: ends
seed: 0x2481
target: {procs: 2}
workload:
  - {id: maps, driver: map-churn, workers: 2, rate: 10k/s, keys: 5k, value: ptr, value_bytes: 2KiB}
phases:
  - {id: steady, for: 5s}
  - {id: storm,  for: 15s}
  - {id: heal,   for: 5s}
faults:
  - {id: nobody,   point: netpoll/wake, when: {phase: storm, at: 0s, for: 500ms}}
  - {id: never,    point: mem/malloc,   when: {phase: storm, at: 1s, for: 500ms}, while: gc.phase == mark and gc.phase == off}
  - {id: absorbed, point: mem/refill,   when: {phase: storm, at: 2s, for: 500ms}, fire: {every: 2}, limit: {times: 4}}
  - {id: nothing,  point: mem/malloc,   when: {phase: storm, at: 7s, for: 500ms}, fire: {nth: 20}, limit: {times: 1}, while: heap.live < heap.goal}
  - {id: felt,     point: stw/stopped,  when: {phase: storm, at: 11s, for: 2s}, fire: {delay: 60ms}, while: gc.cycle > 0}
recovery: {signals: [pause.stw.p99, op.latency.p99], windows: 3, deadline: 5s}
YAML
code 5 "$bin" run --sim --plain -o "$work/ends.gcrun" "$work/ends.yaml"
cp "$work/out" "$work/text"
"$bin" report -f json "$work/ends.gcrun" > "$work/json" || fault "no JSON"
ended nobody never_reached
ended never never_eligible
ended absorbed masked
ended nothing without_effect
ended felt fired
for said in "armed, but never reached" "reached, but never eligible" "fired, but masked" "fired, but moved no signal" "    fired: " \
	"; while gc.phase == mark and gc.phase == off" "; while heap.live < heap.goal"; do
	has "$work/text" "$said" "the report"
done
has "$work/text" "fault nobody was armed but netpoll/wake was never reached" "the verdict"
has "$work/json" '; while gc.cycle > 0"' "the JSON"
[ "$(of never visits)" -gt 0 ] || fault "never was not visited"
[ "$(of nothing fired)" = 1 ] || fault "nothing fired $(of nothing fired) times"

# ---- a run with conditions repeats
hash() { sed -n 's/.*"hash": *"\([0-9a-f]*\)".*/\1/p' "$1"; }
code 5 "$bin" run --sim --plain -f json -o "$work/again.gcrun" "$work/ends.yaml"
[ -n "$(hash "$work/json")" ] && [ "$(hash "$work/json")" = "$(hash "$work/out")" ] || fault "the same seed gave two runs"

# ---- types: each allocation has one that is listed, and each that is listed is one in the source
for driver in map-churn slice-append heap-follow; do
	"$bin" show "$driver" | awk '/types of its objects/ { on = 1; next } on && NF == 0 { exit } on && /^  [^ ]/ { t = substr($0, 3, 16); sub(/ +$/, "", t); print t }'
done > "$work/names"
[ "$(wc -l < "$work/names")" -ge 14 ] || fault "only $(wc -l < "$work/names") types are listed"
while read -r type; do
	grep -qF "\"$type\"" "$src"/workloads/*.c "$src"/runtime/data/map*.c || fault "no source has the type '$type'"
done < "$work/names"

types() { # the workloads as YAML, how many types come by at least
	want=$2
	cat > "$work/types.yaml" <<YAML
version: 1
name: types
workload: [$1]
phases: [{id: steady, for: 3s}, {id: storm, for: 2s}, {id: heal, for: 5s}]
YAML
	set -- --fault "mem/malloc:id=all,nth=4000000000"
	n=0
	while read -r type; do
		n=$((n + 1))
		"$bin" check "$work/types.yaml" --fault "mem/malloc:type=$type" > /dev/null 2>&1 || continue
		set -- "$@" --fault "mem/malloc:id=t$n,nth=4000000000,type=$type"
	done < "$work/names"
	rm -f "$work/types.gcrun"
	"$bin" run --sim --plain -f json -o "$work/types.gcrun" "$work/types.yaml" "$@" > "$work/json" 2> "$work/err"
	sum=0 n=0 kinds=0
	while read -r type; do
		n=$((n + 1)) got=$(of "t$n" eligible)
		sum=$((sum + ${got:-0}))
		[ "${got:-0}" = 0 ] || kinds=$((kinds + 1))
	done < "$work/names"
	[ "$(of all eligible)" -gt 100 ] || { fault "no allocation was visited"; cat "$work/err" >&2; }
	[ "$sum" = "$(of all eligible)" ] || fault "$(of all eligible) allocations, $sum of a type that is listed"
	[ "$kinds" -ge "$want" ] || fault "only $kinds types came by, not $want"
}
types "{id: a, driver: map-churn, rate: 2k/s, keys: 2k, value: ptr}, {id: b, driver: map-churn, rate: 2k/s, keys: 2k, value: indirect}, {id: net, driver: echo, rate: 500/s, conns: 4, handler: a}" 2
types "{id: a, driver: map-churn, rate: 2k/s, keys: 2k, value: pooled}, {id: s, driver: slice-append, rate: 500/s, retain: 1MiB}, {id: b, driver: map-churn, rate: 2k/s, keys: 2k, value: u64}" 1
types "{id: h, driver: heap-follow, size: \"uniform(256B, 8KiB)\", follow: [{at: 0s, live: 10MiB, alloc: 5MiB/s}]}, {id: b, driver: map-churn, rate: 2k/s, keys: 2k, value: inline}" 4
over bound.sh
