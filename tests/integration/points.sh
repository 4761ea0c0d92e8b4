#!/bin/sh
# points.sh: faults of maps, slices and the poller in whole runs, simulated and real: each fires, content stays right, and the report
# says in words what it came to.
. "${GCSTORM_SOURCE:-.}/tests/integration/lib.sh"

# A scenario of its own: name, times of the three phases, the rest on stdin. Maps and registrations are renewed, so that the points
# of what is made once are visited in the storm too.
scene() {
	{ cat <<-YAML
		version: 1
		name: $1
		seed: 7
		target: {runtime: embedded, procs: 2}
		workload:
		  - {id: maps, driver: map-churn, workers: 2, rate: 20k/s, keys: 4k, renew: 3k}
		  - {id: slices, driver: slice-append, workers: 1, rate: 2k/s, size: "zipf(1.2, 64B, 64KiB)", retain: 1MiB}
		  - {id: net, driver: echo, rate: 2k/s, conns: 16, handler: maps, renew: 20}
		phases:
		  - {id: steady, for: 1500ms}
		  - {id: storm, for: 1500ms}
		  - {id: heal, for: 2s}
		recovery: {signals: [ops.error_rate], window: 250ms, windows: 2, deadline: 2s}
		slo:
		  - {id: whole, check: "integrity.errors == 0", abort: true}
	YAML
	cat; } > "$work/$1.yaml"
}
hash_of() { sed -n 's/.*  hash \([0-9a-f]*\) .*/\1/p' "$1"; }

scene data <<'YAML'
expect:
  - "fault.held.fired >= 20"
  - "fault.undone.fired >= 100"
  - "fault.hash.fired >= 3"
  - "fault.grows.fired >= 1"
  - "fault.exact.fired >= 20"
  - "fault.room.fired >= 20"
faults:
  - {id: held, point: map/evacuate, when: {phase: storm}, fire: {every: 30, delay: 200us}}
  - {id: undone, point: map/evacuate, action: drop, when: {phase: storm}, fire: {every: 2}}
  - {id: hash, point: map/hash, when: {phase: storm}, fire: {by: 0.1}}
  - {id: grows, point: map/iterate, action: reorder, when: {phase: storm}, fire: {every: 3}}
  - {id: exact, point: slice/alias, when: {phase: storm, for: 700ms}, fire: {every: 2}}
  - {id: room, point: slice/alias, when: {phase: storm, at: 700ms}, fire: {by: 3}}
YAML
code 0 "$bin" run --sim --plain "$work/data.yaml"
mv "$work/out" "$work/first"
for said in "held up .* at most" "shares of a map's growth left undone" "maps whose keys fall into one bucket of 16" "new arrays of another capacity"; do
	has "$work/first" "$said" "data"
done
code 0 "$bin" run --sim --plain "$work/data.yaml"
[ -n "$(hash_of "$work/out")" ] && [ "$(hash_of "$work/first")" = "$(hash_of "$work/out")" ] ||
	fault "data: two runs, two hashes: $(hash_of "$work/first") $(hash_of "$work/out")"

# Refused registrations are failed operations, and over with the fault; wakes that wait for one another give looks something to turn.
scene net <<'YAML'
expect:
  - "fault.refused.fired >= 20"
  - "fault.batch.fired >= 20"
  - "fault.turned.fired >= 20"
  - "fault.lost.fired >= 10"
  - "ops.errors@net >= 10"
faults:
  - {id: refused, point: netpoll/register, when: {phase: storm}, fire: {probability: 40%}}
  - {id: batch, point: netpoll/wake, action: coalesce, when: {phase: storm, for: 700ms}, fire: {delay: 3ms}}
  - {id: turned, point: netpoll/wake, action: reorder, when: {phase: storm, for: 700ms}}
  - {id: lost, point: netpoll/wake, action: drop, when: {phase: storm, at: 700ms}, fire: {every: 20}}
YAML
code 0 "$bin" run --sim --plain "$work/net.yaml"
has "$work/out" "batch  netpoll/wake: coalesce, held for 3ms, every visit" "net"
for said in "failed operations" "batches of .* wakes in all" "looks with .* wakes out of order" "late wakes" \
	"dropped wakes: \([0-9]*\) of \1 ran in the end, [0-9]* found by the 10 ms back-stop poll"; do
	has "$work/out" "$said" "net"
done
has "$work/err" "refused#1 steady again" "net"
code 0 "$bin" run --sim --plain "$work/net.yaml" --fault slice/alias:by=3
has "$work/out" "new arrays of another capacity" "net, and one more"

# On real threads the machine may be too busy for a verdict; what fires and what it comes to is the same.
for name in data net; do
	busy_run "$work/$name.gcrun" "$bin" run --plain -o "$work/$name.gcrun" "$work/$name.yaml"
	case $got in 0 | 5 | 7) ;; *) fault "$name, real: exit $got"; cat "$work/out" "$work/err" >&2 ;; esac
	hasnt "$work/out" "NOT    " "$name, real"
done

[ "$bad" = 0 ]
