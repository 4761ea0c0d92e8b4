#!/bin/sh
# syscalls.sh: faults of os/ on the real target: priced, fired, recovered from; the content stays right; refused in the simulation;
# and nobody is left behind when the harness dies, or stands still, while calls are held.
. "${GCSTORM_SOURCE:-.}/tests/integration/lib.sh"

# A scenario of its own: name, seconds of storm, faults on stdin.
scene() {
	{ cat <<-YAML
		version: 1
		name: $1
		seed: 7
		target: {runtime: embedded, procs: 2}
		workload:
		  - {id: maps, driver: map-churn, workers: 2, rate: 5k/s, keys: 20k, value: ptr}
		  - {id: net, driver: echo, rate: 300/s, conns: 8, handler: maps}
		phases:
		  - {id: steady, for: 3s}
		  - {id: storm, for: ${2}s}
		  - {id: heal, for: 5s}
		recovery: {signals: [ops.errors], band: 2, window: 500ms, windows: 2, deadline: 2s}
		slo:
		  - {id: whole, check: "integrity.errors == 0"}
		faults:
	YAML
	cat; } > "$work/$1.yaml"
}
fired() { "$bin" report --format json "$1" | tr -d ' \n' | grep -q "\"id\":\"$2\"[^}]*\"fired\":[1-9]"; }

"$build/tests/test_injector" > "$work/unit" 2>&1
if [ $? = 77 ]; then cat "$work/unit"; exit 77; fi

scene all 2 <<'YAML'
  - {id: poll, point: os/epoll_pwait, when: {phase: storm, at: 100ms, for: 1s}, fire: {every: 3, delay: 2ms}}
  - {id: wait, point: os/futex, allow-hot: true, when: {phase: storm, at: 100ms, for: 1s}, fire: {every: 5, delay: 1ms}}
  - {id: in, point: os/read, allow-hot: true, when: {phase: storm, at: 100ms, for: 1s}, fire: {every: 2}}
  - {id: out, point: os/write, allow-hot: true, when: {phase: storm, at: 100ms, for: 1s}, fire: {every: 2}}
YAML
"$bin" run --plain -o "$work/all.gcrun" "$work/all.yaml" > "$work/out" 2> "$work/err"
got=$?
case $got in 0 | 5 | 7 | 99) ;; *) fault "all: exit $got"; cat "$work/err" >&2 ;; esac
cat "$work/out" "$work/err" > "$work/both"
has "$work/both" 'a notified call costs [0-9.]* µs' 'the price'
whole "$work/all.gcrun" all
for f in poll wait in out; do fired "$work/all.gcrun" "$f" || { fault "all: $f did not fire"; cat "$work/report" >&2; }; done
has "$work/report" 'entries compared with the model, 0 wrong' 'contents after faults of system calls'

# No point of os/, no price.
code 3 "$bin" run --plain --sim "$work/all.yaml"
has "$work/err" 'is a system call, and a simulated target makes none' 'simulated'

# Calls are held for longer than the run has left; then the harness is killed, or stopped.
scene held 30 <<'YAML'
  - {id: poll, point: os/epoll_pwait, when: {phase: storm}, fire: {delay: 10m}}
  - {id: wait, point: os/futex, allow-hot: true, when: {phase: storm}, fire: {every: 3, delay: 10m}}
YAML
hold() {
	begin "$1" "$work/held.yaml"
	until_true 300 grep -q 'armed' "$work/log" || fault "$1: nothing was armed"
}
hold killed
kill -9 "$harness"
from=$(now_ms)
until_true 100 gone $children || fault 'killed: the target outlived the harness'
echo "killed: gone after $(($(now_ms) - from)) ms"
wait "$harness" 2> /dev/null
harness=

hold stopped
kill -STOP "$harness"
from=$(now_ms)
until_true 100 gone $children || fault 'stopped: the target outlived its lease'
echo "stopped: gone after $(($(now_ms) - from)) ms"
kill -CONT "$harness"
finish stopped 5

# Told to quit, the target is let go and ends in order.
hold quit
kill -INT "$harness"
finish quit 130
whole "$work/quit.gcrun" quit
hasnt "$work/log" SIGKILL 'quit while calls are held'

over syscalls.sh
