#!/bin/sh
# exec.sh: programs that know nothing of us: what reaches them and what does not, what they say, how they die and come back, and that nobody is left
# behind, whoever is killed.
. "${GCSTORM_SOURCE:-.}/tests/integration/lib.sh"
ward=$build/tests/ward

# A scenario: name, lines of target, how long its phases are, faults and the like on stdin.
scene() {
	{ cat <<-YAML
		version: 1
		name: $1
		target: {$2}
		phases:
		  - {id: steady, for: ${3:-700ms}}
		  - {id: storm, for: ${4:-700ms}}
		  - {id: heal, for: ${5:-700ms}}
	YAML
	cat; } > "$work/$1.yaml"
}
# Run it: name, the program. Its exit code is $got; a machine that is busy may make it 5 or 7.
exec_it() {
	name=$1; shift
	rm -f "$work/$name".gcrun*
	"$bin" exec --plain -o "$work/$name.gcrun" "$work/$name.yaml" -- "$@" > "$work/$name.said" 2> "$work/$name.log"
	got=$?
}
well() { case $got in 0 | 5 | 7) ;; *) fault "$name: exit $got"; cat "$work/$name.log" >&2 ;; esac; }

"$build/tests/test_injector" > "$work/unit" 2>&1
if [ $? = 77 ]; then cat "$work/unit"; exit 77; fi

# Without a system call that is named there is no filter, and nothing of ours is left open in it.
scene native 'runtime: command, gogc: 70' < /dev/null
GODEBUG=madvdontneed=1; export GODEBUG
exec_it native "$ward" facts
unset GODEBUG
well
cat > "$work/want" <<TEXT
fd 0
fd 1
fd 2
NoNewPrivs:	0
Seccomp:	0
GOGC=70 GODEBUG=madvdontneed=1,gctrace=1
GCSTORM_OUTPUT=none
TEXT
# A container's own filter is not ours.
grep -v '^Seccomp:\|^NoNewPrivs:' "$work/want" > "$work/want2"
grep '^Seccomp:\|^NoNewPrivs:' /proc/self/status > "$work/here"
grep -v '^Seccomp:\|^NoNewPrivs:' "$work/native.gcrun.out" | cmp -s - "$work/want2" || { fault 'native: not what was expected'; cat "$work/native.gcrun.out" >&2; }
grep '^Seccomp:\|^NoNewPrivs:' "$work/native.gcrun.out" | cmp -s - "$work/here" || fault 'native: there is a filter'
hasnt "$work/native.log" 'a notified call costs' native
has "$work/native.log" 'the program ended when told to: signal 15' native

# What it says is kept to the byte; lines of gctrace become cycles and stops.
scene says 'runtime: command' < /dev/null
exec_it says "$ward" says
well
printf 'out, without an end of line' | cmp -s - "$work/says.gcrun.out" || fault 'says: stdout is another'
printf 'err\n\377\376 not UTF-8\n' > "$work/want"
head -c 17 "$work/says.gcrun.err" | cmp -s - "$work/want" || fault 'says: stderr is another'
lines=$(grep -c '^gc ' "$work/says.gcrun.err")
"$bin" report --format json "$work/says.gcrun" > "$work/json"
cycles=$(tr -d ' \n' < "$work/json" | sed -n 's/.*"gc":{[^}]*"cycles":\([0-9]*\).*/\1/p')
[ "${cycles:-0}" -ge 8 ] && [ "${cycles:-0}" -le "$lines" ] || fault "says: $cycles cycles of $lines lines"
whole "$work/says.gcrun" says
has "$work/report" 'world stopped  *[0-9]* *1.1[0-9]* ms *2.2[0-9]* ms' 'says: stops of 1.1 and 2.2 ms'
has "$work/report" 'time to stop *none' 'says: it is not known apart'
has "$work/report" 'live heap at most 50 MiB, goal at most 60 MiB' 'says: heap'

# Calls are held, those of its children too.
scene naps 'runtime: command' <<YAML
faults:
  - {id: late, point: os/nanosleep, when: {phase: storm}, fire: {every: 1, delay: 120ms}}
recovery: {signals: [pause.stw.p99], window: 200ms, windows: 2}
YAML
exec_it naps "$ward" naps
well
has "$work/naps.log" 'a notified call costs [0-9.]* µs' 'naps: the price'
has "$work/naps.gcrun.out" 'parent late' naps
has "$work/naps.gcrun.out" 'child late' naps

# Refused memory kills it; by its own words, though a traceback follows them.
scene maps 'on_exit: fail' 1s 1s 1500ms <<YAML
faults:
  - {id: nomem, point: os/mmap, match: {size: "16MiB..48MiB"}, when: {phase: storm}, fire: {every: 1}, limit: {times: 1}}
recovery: {signals: [pause.stw.p99], band: 50, window: 200ms, windows: 2}
YAML
exec_it maps "$ward" maps
[ "$got" = 4 ] || { fault "maps: exit $got, not 4"; cat "$work/maps.log" >&2; }
has "$work/maps.log" 'the program died: exit status 2, memory was refused: fatal error: runtime: out of memory' maps
has "$work/maps.said" 'CRASH: the target died at [0-9.]* s: fatal error: runtime: out of memory' maps
sed -i 's/on_exit: fail/on_exit: restart(2)/' "$work/maps.yaml"
exec_it maps "$ward" maps
well
has "$work/maps.log" 'restart 1 of 2' maps
has "$work/maps.log" 'steady again [0-9.]* s after the program died' maps
has "$work/maps.said" 'RESTARTS   1: the program died and was started again; back to steady state after' maps
whole "$work/maps.gcrun" maps
"$bin" report --format json "$work/maps.gcrun" | tr -d ' \n' > "$work/report"
has "$work/report" '"restarts":{"count":1,"comeback_max_ns":[1-9]' 'maps: as JSON'

# One that dies again and again, one that is content, and what cannot be started.
scene ends 'on_exit: restart(2)' 2s < /dev/null
exec_it ends "$ward" ends 3
[ "$got" = 4 ] || fault "ends: exit $got, not 4"
has "$work/ends.log" 'restart 2 of 2' ends
hasnt "$work/ends.log" 'restart 3' ends
exec_it ends "$ward" ends 0
[ "$got" = 5 ] || fault "ends: exit $got, not 5, when the program is done"
has "$work/ends.log" 'the program was done' ends
code 2 "$bin" exec "$work/ends.yaml" -- gcstorm-no-such-program
has "$work/err" "there is no program 'gcstorm-no-such-program'" 'not found'
code 2 "$bin" exec "$work/ends.yaml" -- "$work/ends.yaml"
has "$work/err" 'cannot be run' 'not executable'
code 2 "$bin" exec "$work/ends.yaml" "$ward"
code 2 "$bin" run "$work/ends.yaml"
has "$work/err" 'gcstorm exec' 'run, of a scenario for a program'
code 2 "$bin" exec --fault mem/malloc:every=1 "$work/ends.yaml" -- "$ward" facts
has "$work/err" 'cannot be had with the runtime command' 'no fault within it'
printf '\177ELF garbage' > "$work/garbage"
chmod +x "$work/garbage"
code 1 "$bin" exec -o "$work/garbage.gcrun" "$work/ends.yaml" -- "$work/garbage"
has "$work/err" 'cannot start .*garbage: Exec format error' 'no program'

# Nobody is left behind: what, the signal, to whom, the exit code. The calls of all of them are held meanwhile.
scene left 'runtime: command' 1s 60s 1s <<YAML
faults:
  - {id: late, point: os/nanosleep, when: {phase: storm}, fire: {every: 1, delay: 30s}}
recovery: {signals: [pause.stw.p99], window: 200ms, windows: 2}
YAML
left() {
	rm -f "$work"/left.gcrun* "$work/pids" "$work/log"
	"$bin" exec --plain -o "$work/left.gcrun" "$work/left.yaml" -- "$ward" leaves "$work/pids" > "$work/summary" 2> "$work/log" &
	harness=$!
	until_true 300 reached storm || { fault "$1: no storm"; cat "$work/log" >&2; }
	guard=$(cat "/proc/$harness/task/$harness/children")
	children="$guard $(cat "$work/pids")"
	for p in $children; do alive "$p" || fault "$1: $p does not run"; done
	[ "$3" = guard ] && kill "-$2" $guard || kill "-$2" "$harness"
	[ "$2" = STOP ] && { until_true 60 gone $children || fault "$1: processes were left behind"; kill -CONT "$harness"; }
	wait "$harness"
	got=$?
	harness=
	[ "$got" = "$4" ] || { fault "$1: exit $got, not $4"; cat "$work/log" >&2; }
	[ "$2" = KILL ] && [ "$3" = guard ] && { p=${children##* }; kill -9 "$p" 2> /dev/null; }
	until_true 60 gone $children || { fault "$1: processes were left behind"; kill -9 $children; }
}
left interrupt INT harness 130
left killed KILL harness 137
left stopped STOP harness 5
left unguarded KILL guard 4

# A server under load: wakes of its poller are late, and it recovers.
port=$((20000 + $$ % 20000))
serve() { # name, program...
	name=$1; shift
	scene "$name" 'runtime: command' 2s 1500ms 3s <<YAML
workload:
  - {id: web, driver: http, url: "http://127.0.0.1:$port/x", rate: 100/s, conns: 8}
faults:
  - {id: late, point: os/epoll_pwait, when: {phase: storm}, fire: {every: 1, delay: 20ms}}
recovery: {signals: [op.latency.p50@web], band: 4, window: 300ms, windows: 2}
expect:
  - "fault.late.fired >= 20"
  - "fault.late.recovered >= 1"
YAML
	for turn in 1 2; do # the port may be taken, the machine busy
		exec_it "$name" "$@" 127.0.0.1:$port
		[ "$got" = 0 ] && break
		port=$((port + 1))
		sed -i "s|127.0.0.1:[0-9]*/x|127.0.0.1:$port/x|" "$work/$name.yaml"
	done
	well
	has "$work/$name.said" 'op.latency.p50@web .* -> [0-9.]* ms' "$name: its latency rose"
	has "$work/$name.said" 'due to it: [0-9,]* late wakes' "$name: what was held"
	has "$work/$name.log" 'late#1 steady again' "$name: it recovered"
}
serve web "$ward" serves

# The same with a Go program, as it was built, and one that is killed by a refused mmap.
go=
for g in $(command -v go) /usr/local/go/bin/go /usr/lib/go-*/bin/go; do [ -x "$g" ] && go=${go:-$g}; done
if [ -z "$go" ]; then
	echo 'exec: no go was found: nothing of Go is tested'
	over exec
	exit
fi
GOCACHE=${GOCACHE:-${TMPDIR:-/tmp}/gcstorm-go-cache-$(id -u)}; GO111MODULE=off; GOFLAGS=; CGO_ENABLED=0
export GOCACHE GO111MODULE GOFLAGS CGO_ENABLED
"$go" build -o "$work/server" "$src/tests/go/exec_server.go" && "$go" build -o "$work/grower" "$src/tests/go/exec_grower.go" || fault 'the Go programs are not built'
serve goserver "$work/server"
scene gomaps 'on_exit: restart(2)' 2s 1s 2s <<YAML
faults:
  - {id: nomem, point: os/mmap, match: {size: "16MiB..48MiB"}, when: {phase: storm}, fire: {every: 1}, limit: {times: 1}}
recovery: {signals: [pause.stw.p50], band: 100, window: 500ms, windows: 2}
YAML
exec_it gomaps "$work/grower"
well
has "$work/gomaps.log" 'the program died: exit status 2, memory was refused: fatal error: ' gomaps
has "$work/gomaps.said" 'RESTARTS   1: the program died and was started again' gomaps
over exec
