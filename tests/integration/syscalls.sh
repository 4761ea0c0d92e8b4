#!/bin/sh
# syscalls.sh: faults of os/ on the real target: priced, every point reached, fired, recovered from; the content stays right; refused
# in the simulation and where the system does not allow it; and nobody is left behind when the harness dies, or stands still, while
# calls are held.
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

# A run of $work/NAME.yaml in which all these faults fire: a busy machine may want several.
all_fired() {
	name=$1; shift
	for turn in 1 2 3; do
		rm -f "$work/$name.gcrun"
		"$bin" run --plain -o "$work/$name.gcrun" "$work/$name.yaml" > "$work/out" 2> "$work/err"
		got=$?
		case $got in 0 | 5 | 7 | 99) ;; *) fault "$name: exit $got"; cat "$work/err" >&2 ;; esac
		missing=
		for f in "$@"; do fired "$work/$name.gcrun" "$f" || missing="$missing $f"; done
		[ -n "$missing" ] || break
	done
	whole "$work/$name.gcrun" "$name"
	[ -z "$missing" ] || { fault "$name:$missing did not fire"; cat "$work/report" >&2; }
	has "$work/report" 'entries compared with the model, 0 wrong' "$name: contents after faults of system calls"
	cat "$work/out" "$work/err" > "$work/both"
	has "$work/both" 'a notified call costs [0-9.]* µs' "$name: the price"
}

"$build/tests/test_injector" > "$work/unit" 2>&1
if [ $? = 77 ]; then cat "$work/unit"; exit 77; fi

scene hot 2 <<'YAML'
  - {id: poll, point: os/epoll_pwait, when: {phase: storm, at: 100ms, for: 1s}, fire: {every: 3, delay: 2ms}}
  - {id: turn, point: os/epoll_pwait, action: reorder, when: {phase: storm, at: 1200ms, for: 700ms}, fire: {every: 1}}
  - {id: wait, point: os/futex, allow-hot: true, when: {phase: storm, at: 100ms, for: 1s}, fire: {every: 5, delay: 1ms}}
  - {id: in, point: os/read, allow-hot: true, when: {phase: storm, at: 100ms, for: 1s}, fire: {every: 2}}
  - {id: out, point: os/write, allow-hot: true, when: {phase: storm, at: 100ms, for: 1s}, fire: {every: 2}}
YAML
all_fired hot poll wait in out # two events in one look are for chance to bring
has "$work/both" 'a look of the poller [0-9.]* µs' 'the price of a look'
has "$work/report" 'due to it: [0-9,]* late wakes' 'what was held, in the ledger'

# The points that a warm target reaches only when it grows: its heap, its threads (looks that end late take one each), its timers
# (late wakes are some), and when something sleeps. A thread's stack is made accessible by mprotect too, so no threads are wanted
# while that fails. First the kernel is late, then it refuses.
cold() {
	cat > "$work/$1.yaml" <<-YAML
		version: 1
		name: $1
		seed: 7
		target: {runtime: embedded, procs: 2}
		workload:
		  - {id: maps, driver: map-churn, workers: 1, rate: 500/s, keys: 5k, value: ptr}
		  - {id: net, driver: echo, rate: 1k/s, conns: 300, handler: maps}
		  - {id: heap, driver: heap-follow, size: "uniform(256B, 8KiB)", follow: [{at: 0s, live: 1MiB, alloc: 1MiB/s}, {at: 5s, live: 1MiB, alloc: 1MiB/s}, {at: 6s, live: 24MiB, alloc: 24MiB/s}, {at: 7s, live: 24MiB, alloc: 1MiB/s}]}
		phases:
		  - {id: steady, for: 3s}
		  - {id: storm, for: 4s}
		  - {id: heal, for: 3s}
		recovery: {signals: [ops.errors], band: 2, window: 500ms, windows: 2, deadline: 1s}
		faults:
		  - {id: late, point: netpoll/poll, when: {phase: storm}, fire: {every: 3, delay: 20ms}}
		  - {id: wake, point: netpoll/wake, when: {phase: storm}, fire: {delay: 300ms}}
		  - {id: map, point: os/mmap, when: {phase: storm}, fire: {delay: 1ms}}
		  - {id: commit, point: os/mprotect, when: {phase: storm, at: 2s}, match: {size: 4MiB..4MiB}, fire: {$2}}
		  - {id: unmap, point: os/munmap, when: {phase: storm}, fire: {$3}}
		  - {id: thread, point: os/clone, when: {phase: storm, for: 2s}, fire: {$4}}
		  - {id: nap, point: os/nanosleep, when: {phase: storm}, fire: {$4}}
	YAML
}
# Under AddressSanitizer late wakes did not pile up so far that a larger array of timers was wanted: there nothing is unmapped.
more=unmap
ldd "$build/gcstorm-target" | grep -q libasan && more=
cold slow 'delay: 1ms' 'delay: 1ms' 'delay: 1ms'
# shellcheck disable=SC2086
all_fired slow map commit thread nap $more
hasnt "$work/report" 'errors [1-9]' slow
unmap='every: 1'
ldd "$build/gcstorm-target" | grep -q 'lib[at]san' && unmap='delay: 1ms' # a sanitizer ends the program if its own munmap fails
cold refused 'every: 1' "$unmap" 'every: 2'
# shellcheck disable=SC2086
all_fired refused commit thread nap $more
errors=$(sed -n '/^OPERATIONS/,/^$/s/^  heap *[0-9,]* *\([0-9,]*\) .*/\1/p' "$work/report")
case $errors in '' | 0) fault "refused: no allocation failed for memory that the kernel does not back: '$errors'"; cat "$work/report" >&2 ;; esac

# A system that does not let a process have another's descriptors: a look cannot be answered, everything else can.
scene poll 1 <<'YAML'
  - {id: poll, point: os/epoll_pwait, when: {phase: storm}, fire: {delay: 2ms}}
YAML
code 0 "$bin" check "$work/poll.yaml"
hasnt "$work/err" 'may not be reached' 'a fault of the poller'
code 0 "$bin" check "$work/slow.yaml"
for f in map commit unmap thread nap; do has "$work/err" "fault '$f' (os/[a-z]*) may not be reached" check; done
code 0 "$bin" plan "$work/slow.yaml"
has "$work/err" "fault 'thread' (os/clone) may not be reached" plan
code 3 "$build/tests/test_injector" --refuse "$bin" run --plain -o "$work/poll.gcrun" "$work/poll.yaml"
has "$work/err" "fault 'poll' (os/epoll_pwait) cannot be had here: .*(pidfd_getfd: Operation not permitted)" 'a look refused'
[ ! -e "$work/poll.gcrun" ] || fault 'a look refused: there is a record'

# No point of os/, no price.
code 3 "$bin" run --plain --sim "$work/hot.yaml"
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
until_true 300 gone $children || fault 'killed: the target outlived the harness'
echo "killed: gone after $(($(now_ms) - from)) ms"
wait "$harness" 2> /dev/null
harness=

hold stopped
kill -STOP "$harness"
from=$(now_ms)
until_true 300 gone $children || fault 'stopped: the target outlived its lease'
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
