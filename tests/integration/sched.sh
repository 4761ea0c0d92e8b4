#!/bin/sh
# sched.sh: faults of sched/ in whole runs: each fires in the simulation, and costs neither an operation nor an entry; all at once
# repeat to the last bit; on real threads they are recovered from; a refused thread is survived.
. "${GCSTORM_SOURCE:-.}/tests/integration/lib.sh"

sed -e '/^faults:/,/^slo:/{/^slo:/!d}' -e '/^expect:/,/^recovery:/{/^recovery:/!d}' "$scenario" > "$work/plain.yaml"

# Nothing that was due at its time was left out, and all of it is right.
complete() {
	tr -d ' \n' < "$work/out" > "$work/json"
	has "$work/json" '"count":100000,[^}]*"workload":"maps"' "$1: operations"
	has "$work/json" '"count":10000,[^}]*"workload":"slices"' "$1: operations"
	has "$work/json" '"integrity":{"checked":[1-9][0-9]*,"errors":0' "$1: contents"
}
fired() { tr -d ' \n' < "$work/out" | grep -q "\"point\":\"$1\"[^}]*\"fired\":[1-9]" || { fault "$1 did not fire"; cat "$work/out" >&2; }; }
run() { want=$1; shift; rm -f "$work/r.gcrun"; code "$want" "$bin" run --plain --format json -o "$work/r.gcrun" "$@"; }

for word in timer:every=5,delay=2ms timer:by=0.5 timer:by=4,every=3 preempt:every=3 starve:every=200,delay=3ms; do
	run 0 --sim --fault "sched/$word,phase=storm" "$work/plain.yaml"
	fired "sched/${word%%:*}"
	complete "$word"
done

set -- --fault sched/timer:every=5,delay=2ms,phase=storm --fault sched/timer:by=0.5,phase=storm,id=early \
	--fault sched/preempt:every=3,phase=storm --fault sched/starve:every=200,delay=3ms,phase=storm
all() { for point in timer preempt starve; do fired "sched/$point"; done; }
run 0 --sim "$@" "$work/plain.yaml"
all
complete 'all at once'
first=$(sed -n 's/.*"hash": *"\([0-9a-f]*\)".*/\1/p' "$work/out")
run 0 --sim "$@" "$work/plain.yaml"
again=$(sed -n 's/.*"hash": *"\([0-9a-f]*\)".*/\1/p' "$work/out")
[ -n "$first" ] && [ "$first" = "$again" ] || fault "two runs: '$first', '$again'"

# A busy machine may make it untrustworthy, or slower than it should be.
rm -f "$work/r.gcrun"
"$bin" run --plain --format json -o "$work/r.gcrun" "$@" "$work/plain.yaml" > "$work/out" 2> "$work/err"
got=$?
case $got in 0 | 5 | 7) ;; *) fault "real: exit $got"; cat "$work/err" >&2 ;; esac
all
tr -d ' \n' < "$work/out" > "$work/json"
has "$work/json" '"integrity":{"checked":[1-9][0-9]*,"errors":0' 'real: contents'
whole "$work/r.gcrun" real

# Threads stay once they are there: the load grows, so that more of them are wanted.
cat > "$work/threads.yaml" <<'YAML'
version: 1
name: threads
seed: 7
target: {procs: 24}
workload:
  - id: heap
    driver: heap-follow
    workers: 6
    size: "uniform(256B, 8KiB)"
    follow:
      - {at: 0s, live: 1MiB, alloc: 200KiB/s}
      - {at: 1500ms, live: 1MiB, alloc: 200KiB/s}
      - {at: 1600ms, live: 20MiB, alloc: 100MiB/s}
      - {at: 5s, live: 20MiB, alloc: 100MiB/s}
phases:
  - {id: steady, for: 1500ms}
  - {id: storm, for: 1500ms}
  - {id: heal, for: 2s}
slo:
  - {id: whole, check: "integrity.errors == 0", abort: true}
recovery: {signals: [ops.error_rate], window: 250ms, windows: 2}
YAML
run 0 --sim --fault sched/thread:phase=storm "$work/threads.yaml"
fired sched/thread
over sched
