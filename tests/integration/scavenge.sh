#!/bin/sh
# scavenge.sh: a heap that rises and falls goes back to the system: seen in the resident set of a real target, and kept from it by
# mem/os_release until that is over. Simulated, each point of the free pages fires and the contents are right.
. "${GCSTORM_SOURCE:-.}/tests/integration/lib.sh"

cat > "$work/rise.yaml" <<'YAML'
version: 1
name: rise
seed: 7
target: {runtime: embedded, procs: 2, gogc: 100, memlimit: none}
workload:
  - id: heap
    driver: heap-follow
    workers: 2
    size: "uniform(64B, 48KiB)"
    follow:
      - {at: 0s, live: 8MiB, alloc: 48MiB/s}
      - {at: 1500ms, live: 64MiB, alloc: 48MiB/s}
      - {at: 2500ms, live: 64MiB, alloc: 48MiB/s}
      - {at: 3500ms, live: 8MiB, alloc: 64MiB/s}
phases:
  - {id: steady, for: 3s}
  - {id: storm, for: 6s}
  - {id: heal, for: 5s}
recovery: {signals: [ops.errors], band: 2, window: 500ms, windows: 2, deadline: 2s}
slo:
  - {id: whole, check: "integrity.errors == 0"}
  - {id: high, check: "rss.max > 90MiB", phases: [steady]}
  - {id: low, check: "rss.max < 64MiB", phases: [heal]}
YAML

fired() { tr -d ' \n' < "$1" | grep -q "\"point\":\"$2\"[^}]*\"fired\":[1-9]"; }
low() { tr -d ' \n' < "$1" | grep -q "\"check\":\"rss.max<64MiB\",\"ok\":$2"; }

# Simulated there is no resident set: without the checks of it.
sed '/rss.max/d' "$work/rise.yaml" > "$work/sim.yaml"
for f in mem/os_release:probability=1 mem/os_release:action=delay,every=3,delay=5ms mem/scavenge:delay=500ms mem/fragment:every=2; do
	code 0 "$bin" run --plain --sim --format json --fault "$f,phase=storm,at=100ms,for=2s" -o "$work/sim.gcrun" "$work/sim.yaml"
	fired "$work/out" "${f%%:*}" || { fault "$f did not fire"; cat "$work/out" >&2; }
	rm -f "$work/sim.gcrun"
done

# The machine may have no time for us; what is resident is not its affair.
real() { # name, more arguments
	name=$1; shift
	"$bin" run --plain --format json -o "$work/$name.gcrun" "$@" "$work/rise.yaml" > "$work/$name.json" 2> "$work/$name.err"
	echo $? > "$work/$name.exit"
}
real free &
real kept --fault mem/os_release:probability=1,phase=storm,at=0s,for=6s
wait
for name in free kept; do
	case $(cat "$work/$name.exit") in 0 | 5 | 7 | 99) ;; *) fault "$name: exit $(cat "$work/$name.exit")"; cat "$work/$name.err" >&2 ;; esac
	has "$work/$name.json" '"errors": 0' "$name: contents"
done
fired "$work/kept.json" mem/os_release || fault "mem/os_release did not fire on real threads"
if ! grep -q 'sanitizer build' "$work/free.err"; then # where shadow memory is resident, too
	low "$work/free.json" true || { fault 'a heap that fell is still resident'; cat "$work/free.json" >&2; }
	low "$work/kept.json" false || { fault 'what could not be given back is not resident'; cat "$work/kept.json" >&2; }
fi
over scavenge
