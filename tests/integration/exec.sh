#!/bin/sh
# exec.sh: programs that know nothing of us: what reaches them and what does not, what they say, of themselves too when they are asked, how they die and
# come back, and that nobody is left behind, whoever is killed.
. "${GCSTORM_SOURCE:-.}/tests/integration/lib.sh"
ward=$build/tests/ward

# A scenario: name, lines of target, how long its phases are, faults and the like on stdin. What shall come in a phase has some seconds there: it comes when
# a machine that stood still for one or two goes on, and mostly the run ends with it.
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
# The same in the background: programs that only sleep are watched at once. after NAME waits for it.
exec_bg() {
	{ exec_it "$@"; echo "$got" > "$work/$1.code"; } &
}
after() { name=$1; until_true 600 [ -s "$work/$name.code" ]; got=$(cat "$work/$name.code"); }
# Words that may stand on two lines of a page.
tells() { tr -s ' \n' ' ' < "$1" > "$1.flat"; has "$1.flat" "$2" "$3"; }
# A part of the test at the same time as others; all of them wait at the end of it. What it finds wrong is its exit.
parts=
part() { { bad=0; "$@"; exit "$bad"; } & parts="$parts $!"; }
joined() { for p in $parts; do wait "$p" || bad=$((bad + 1)); done; parts=; }
well() { case $got in 0 | 5 | 7) ;; *) fault "$name: exit $got"; cat "$work/$name.log" "$work/$name.said" >&2 ;; esac; }

"$build/tests/test_injector" > "$work/unit" 2>&1
if [ $? = 77 ]; then cat "$work/unit"; exit 77; fi

# Without a system call that is named there is no filter, and nothing of ours is left open in it.
scene native 'runtime: command, gogc: 70' < /dev/null
GODEBUG=madvdontneed=1; export GODEBUG
exec_bg native "$ward" facts
unset GODEBUG
scene says 'runtime: command' 1200ms 1200ms 1200ms < /dev/null
exec_bg says "$ward" says
free_port # where nobody listens
scene naps "debug: {url: \"http://127.0.0.1:$port\", every: 500ms, profiles: [heap]}" 1500ms 1200ms 1s <<YAML
faults:
  - {id: late, point: os/nanosleep, when: {phase: storm}, fire: {every: 1, delay: 120ms}}
recovery: {signals: [pause.stw.p99], window: 200ms, windows: 2}
YAML
exec_bg naps "$ward" naps
after native
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
after says
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

# Calls are held, those of its children too. It serves nothing about itself, which is told once and harms nobody.
after naps
well
has "$work/naps.log" 'a notified call costs [0-9.]* µs' 'naps: the price'
has "$work/naps.gcrun.out" 'parent late' naps
has "$work/naps.gcrun.out" 'child late' naps
[ "$(grep -c 'nobody listens there' "$work/naps.log")" = 1 ] || { fault 'naps: not told once that nobody listens'; cat "$work/naps.log" >&2; }
tells "$work/naps.said" 'up to 2 processes at once' 'naps: parent and child'
tells "$work/naps.said" 'voluntary and .* involuntary switches' 'naps: switches'
tells "$work/naps.said" '/debug/vars every 500.* ms: 0 answers; without an answer: [0-9]* refused' 'naps: counted'
tells "$work/naps.said" '0 profiles saved beside the record, 3 missed' 'naps: steady, fault, end'

# Refused memory kills it; by its own words, though a traceback follows them.
died() {
	scene maps 'on_exit: fail' 1s 3s 2500ms <<YAML
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
	sed -i 's/on_exit: restart(2)/on_exit: expect/' "$work/maps.yaml"
	cp "$work/maps.yaml" "$work/dies.yaml"
	exec_it dies "$ward" maps
	case $got in 0 | 5 | 7) ;; *) fault "dies: exit $got"; cat "$work/dies.log" >&2 ;; esac
	hasnt "$work/dies.said" 'CRASH\|expected to die' 'dies: as expected'
	[ "$got" != 0 ] || has "$work/dies.said" 'PASS: .*as expected, the target died at' 'dies: said so'
	"$bin" report --format json "$work/maps.gcrun" | tr -d ' \n' > "$work/report"
	has "$work/report" '"restarts":{"count":1,"comeback_max_ns":[1-9]' 'maps: as JSON'
}

# One that dies again and again, one that is content, and what cannot be started.
ended() {
	scene ends 'on_exit: restart(2)' 8s < /dev/null
	exec_it ends "$ward" ends 3
	[ "$got" = 4 ] || fault "ends: exit $got, not 4"
	has "$work/ends.log" 'restart 2 of 2' ends
	[ "$(grep -c 'it is started again in 0.1 s' "$work/ends.log")" = 1 ] || fault 'ends: the first restart is at once, the second is not'
	hasnt "$work/ends.log" 'restart 3' ends
	exec_it ends "$ward" ends 0
	[ "$got" = 5 ] || fault "ends: exit $got, not 5, when the program is done"
	has "$work/ends.log" 'the program was done' ends
	sed 's/on_exit: restart(2)/on_exit: expect/' "$work/ends.yaml" > "$work/lives.yaml"
	exec_it lives "$ward" ends 0
	[ "$got" = 5 ] || fault "lives: exit $got, not 5"
	has "$work/lives.said" 'the target was expected to die in the run, and did not' 'lives: it did not die'
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
}

# A server under load: wakes of its poller are late, and it recovers.
free_port
serve() { # name, program...
	name=$1; shift
	scene "$name" 'runtime: command' 2s 1500ms 3s <<YAML
workload:
  - {id: web, driver: http, url: "http://127.0.0.1:$port/x", rate: 100/s, conns: 8}
faults:
  - {id: late, point: os/epoll_pwait, when: {phase: storm}, fire: {every: 1, delay: 20ms}}
recovery: {signals: [op.latency.p50@web], band: 16, window: 300ms, windows: 2}
expect:
  - "fault.late.fired >= 20"
  - "fault.late.recovered >= 1"
YAML
	for turn in 1 2 3; do # the machine may be busy
		exec_it "$name" "$@" 127.0.0.1:$port
		[ "$got" = 0 ] && break
		free_port
		sed -i "s|127.0.0.1:[0-9]*/x|127.0.0.1:$port/x|" "$work/$name.yaml"
	done
	well
	has "$work/$name.said" 'due to it: [0-9,]* late wakes' "$name: what was held"
	case $got in 5 | 7) echo "exec: $name: this machine is too busy for latencies to be judged (exit $got)"; return ;; esac
	has "$work/$name.said" 'op.latency.p50@web .* -> [0-9.]* ms' "$name: its latency rose"
	has "$work/$name.log" 'late#1 steady again' "$name: it recovered"
}
# ... and asked for what it does not serve.
served() {
	serve web "$ward" serves

	free_port
	scene else "debug: {url: \"http://127.0.0.1:$port\", every: 200ms, profiles: [heap]}" < /dev/null
	exec_it else "$ward" serves 127.0.0.1:$port
	well
	has "$work/else.log" '/debug/vars of http://127.0.0.1:[0-9]*: it serves something else: no JSON (told once' else
	tells "$work/else.said" 'without an answer: \([0-9]* refused, \)*[0-9]* not it' else # refused: before it listened
	[ -z "$(ls "$work"/else.gcrun.*.pb.gz 2> /dev/null)" ] || fault 'else: a profile that is none was kept'
}
part died
part ended
part served
joined

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
	[ "$2" = STOP ] && { until_true 300 gone $children || fault "$1: processes were left behind"; kill -CONT "$harness"; }
	wait "$harness"
	got=$?
	harness=
	[ "$got" = "$4" ] || { fault "$1: exit $got, not $4"; cat "$work/log" >&2; }
	[ "$2" = KILL ] && [ "$3" = guard ] && { p=${children##* }; kill -9 "$p" 2> /dev/null; }
	until_true 300 gone $children || { fault "$1: processes were left behind"; kill -9 $children; }
}
left interrupt INT harness 130
left killed KILL harness 137
left stopped STOP harness 5
left unguarded KILL guard 4

# Go programs, as they were built, with every Go there is.
gos=
for g in $(command -v go) /usr/local/go/bin/go /usr/lib/go-*/bin/go; do
	[ -x "$g" ] || continue
	case " $gos " in *" $(readlink -f "$g") "*) ;; *) gos="$gos $(readlink -f "$g")" ;; esac
done
if [ -z "$gos" ]; then
	echo 'exec: no go was found: nothing of Go is tested'
	over exec
	exit
fi
GOCACHE=${GOCACHE:-${TMPDIR:-/tmp}/gcstorm-go-cache-$(id -u)}; GO111MODULE=off; GOFLAGS=; CGO_ENABLED=0
export GOCACHE GO111MODULE GOFLAGS CGO_ENABLED
built() { for p in "$@"; do "$go" build -o "$work/$p" "$src/tests/go/exec_$p.go" || { fault "$p is not built by $go"; exit 1; }; done; }
fact() { tr -d ' \n' < "$work/$name.json" | sed -n "s/.*\"program\":{[^}]*\"$1\":\([0-9]*\).*/\1/p"; }
at_least() { n=$(fact "$1"); [ "${n:-0}" -ge "$2" ] || { fault "$name: $1 is '$n', not $2 and more"; cat "$work/$name.json" >&2; }; }
# Each cycle was counted once, whoever told it. Those at the edges of the run may be on either side, and on a busy machine the program is there for some tenths
# of a second before and after it, with a hundred cycles a second: up to a quarter.
once() {
	cycles=$(tr -d ' \n' < "$work/$name.json" | sed -n 's/.*"gc":{[^}]*"cycles":\([0-9]*\).*/\1/p')
	told=$(($(fact cycles_gctrace) + $(fact cycles_vars)))
	[ $(((cycles - told) * 4)) -le "$told" ] && [ $(((told - cycles) * 4)) -le "$told" ] || fault "$name: $cycles cycles in the report, $told told"
}

# Asked for what it serves, under faults of its threads, its memory, its pipe and its connections, none of which it may die of.
debugged() {
	free_port
	scene calls "debug: {url: \"http://127.0.0.1:$port\", every: 200ms, profiles: [heap, goroutine]}" 1500ms 1500ms 1500ms <<YAML
faults:
  - {id: thread, point: os/clone, when: {phase: storm}, fire: {every: 2, delay: 3ms}}
  - {id: back, point: os/madvise, when: {phase: storm}, fire: {every: 2}}
  - {id: in, point: os/read, allow-hot: true, when: {phase: storm}, fire: {every: 3}}
  - {id: out, point: os/write, allow-hot: true, when: {phase: storm}, fire: {every: 3}}
recovery: {signals: [pause.stw.p50], band: 100, window: 200ms, windows: 2}
YAML
	exec_it calls "$work/debug" 127.0.0.1:$port
	well
	has "$work/calls.log" 'the program ended when told to: signal 15' "calls of $go"
	"$bin" report --format json "$work/calls.gcrun" > "$work/$name.json"
	for f in thread back in out; do
		tr -d ' \n' < "$work/$name.json" | grep -q "\"id\":\"$f\"[^}]*\"fired\":[1-9]" || { fault "calls of $go: $f did not fire"; cat "$work/calls.said" >&2; }
	done
	at_least debug_answers 5
	at_least exact_cycles 5
	at_least both_cycles 5
	at_least sys_max_bytes 1000000
	at_least switches_voluntary 10
	once
	# Lines have two digits, and (1.26) begin before the world stops: a thread that loses its processor in between, as happens on a busy machine,
	# makes them longer by milliseconds. But no stop is longer than its line says, nor shorter than a microsecond.
	exact=$(fact both_exact_ns); lines=$(fact both_gctrace_ns); both=$(fact both_cycles)
	[ "$exact" -ge $((both * 1000)) ] && [ "$exact" -le $((lines * 4)) ] || fault "calls of $go: stops of $lines ns by lines, of $exact ns by PauseNs, in $both cycles"
	for moment in steady thread-1 back-1 in-1 out-1 end; do
		for kind in heap goroutine; do
			gzip -dc "$work/calls.gcrun.$moment.$kind.pb.gz" | grep -a -q 'main\.' || fault "calls of $go: no profile $moment.$kind"
		done
	done
	tells "$work/calls.said" '12 profiles saved beside the record, 0 missed' "calls of $go"
}
# One whose stderr says nothing of its cycles: MemStats do. On a Unix socket. Of its scheduler it does.
silent() {
	scene silent "debug: {url: \"http://unix:$work/sock\", every: 300ms}" 1500ms 300ms 1200ms < /dev/null
	exec_it silent /usr/bin/env GODEBUG=gctrace=0,schedtrace=50 "$work/debug" "$work/sock"
	well
	"$bin" report --format json "$work/silent.gcrun" > "$work/$name.json"
	at_least cycles_vars 5
	at_least exact_total_ns 1
	[ "$(fact cycles_gctrace)" = 0 ] || fault 'silent: lines of gctrace'
	once
	"$build/tests/test_collect_look" "$work/silent.gcrun" > "$work/looks" 2>&1
	has "$work/looks" '^sched known nps [1-9][0-9]* threads [1-9]' 'silent: SCHED lines'
	has "$work/silent.said" 'world stopped  *[1-9]' 'silent: stops of MemStats'
	has "$work/silent.said" 'GC .*; [0-9.]*[1-9][0-9.]*% of the processors' 'silent: the share of the processors'
}
# Refused memory, in a Go program: name, what its death means, how long its phases are.
go_died() {
	scene "$1" "on_exit: $2" "$3" "$4" "$5" <<YAML
faults:
  - {id: nomem, point: os/mmap, match: {size: "16MiB..48MiB"}, when: {phase: storm}, fire: {every: 1}, limit: {times: 1}}
recovery: {signals: [pause.stw.p50], band: 100, window: 500ms, windows: 2}
YAML
	exec_it "$1" "$work/grower"
	well
	has "$work/$name.log" 'the program died: exit status 2, memory was refused: fatal error: ' "$name of $go"
}
go_restarted() {
	go_died gomaps 'restart(2)' 2s 3s 2s
	has "$work/gomaps.said" 'RESTARTS   1: the program died and was started again' gomaps
}
# The main part with the first Go; the others die in their own words, as is expected.
first=yes
for go in $gos; do
	built debug grower
	debugged
	if [ "$first" ]; then
		built server
		part serve goserver "$work/server"
		part go_restarted
		joined
		silent
	else
		go_died godies expect 1600ms 4s 1s
		hasnt "$work/godies.said" 'CRASH\|expected to die' "godies of $go"
	fi
	first=
done
over exec
