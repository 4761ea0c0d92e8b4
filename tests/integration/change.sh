#!/bin/sh
# change.sh: a run that is changed while it goes on: a fault armed for a time, its numbers edited, rates of workloads changed, moments marked; in
# the target, in the clients' process and, where there is a Go, in its agent. What is wrong is refused, and what was done is told.
. "${GCSTORM_SOURCE:-.}/tests/integration/lib.sh"
scenario=$src/tests/scenarios/good/hands.yaml

begin_play() {
	rm -f "$work/log"
	"$bin" run --plain "$@" > "$work/summary" 2> "$work/log" &
	harness=$!
	until_true 600 reached play || { fault 'no play'; cat "$work/log" >&2; }
	id=$(sed -n 's/.*hands on: gcstorm ctl \([^ ]*\) .*/\1/p' "$work/log")
}
# How often a fault has fired; the same half a second later.
fired() { "$bin" ctl --format json "$id" status | tr -d ' \n' | sed 's/.*"id":"'"$1"'"[^}]*"fired":\([0-9]*\).*/\1/'; }
rests() { a=$(fired "$1"); sleep 0.5; [ "$a" = "$(fired "$1")" ]; }
fires() { a=$(fired "$1"); sleep 0.2; [ "$(fired "$1")" -gt "$a" ]; }
# Operations of a workload, by the report.
ops() { tr -d ' \n' < "$work/json" | sed 's/{/\n{/g' | grep '"workload":"'"$1"'".*"errors":' | sed 's/.*"count":\([0-9]*\).*/\1/' | head -n 1; }
# Into $work/json, while the run goes on: it lasts until we are done with it, however slow the machine.
look() { "$bin" report --format json "$id" > "$work/json" 2> /dev/null; }
# The rates of maps and net have changed: from one look to another there are more than twice as many requests as operations, where as written there is
# a fortieth, or a hundredth.
turned_round() {
	look && m=$(ops maps) n=$(ops net) || return 1
	[ "${m:-0}" -gt 0 ] && [ "${n:-0}" -gt 0 ] || return 1
	[ -n "$m0" ] || m0=$m n0=$n
	[ $((n - n0)) -ge 500 ] || return 1
	[ $((n - n0)) -gt $((2 * (m - m0))) ] && return 0
	m0=$m n0=$n
	return 1
}
rates_change() { m0=; until_true 300 turned_round || fault "$1: maps $m0 to $m operations, net $n0 to $n requests"; }
interrupt() { kill -INT "$harness"; wait "$harness"; got=$?; harness=; [ "$got" = 130 ] || { fault "exit $got, not 130"; cat "$work/summary" "$work/log" >&2; }; }

# Words that are missing or too many.
code 2 "$bin" ctl last edit
has "$work/err" 'edit which fault' 'no fault'
code 2 "$bin" ctl last edit oom
has "$work/err" 'which numbers of oom' 'no numbers'
code 2 "$bin" ctl last rate
has "$work/err" 'rate which workload' 'no workload'
code 2 "$bin" ctl last rate maps
has "$work/err" 'which rate' 'no rate'
code 2 "$bin" ctl last arm oom til 5s
has "$work/err" "arm takes no 'til'" 'a wrong word'
code 2 "$bin" ctl last arm oom 5s
has "$work/err" 'arm FAULT for 30s' 'a limit without for'

begin_play --set phases.play.for=600s --set faults.late.when.at=599s "$scenario"

# For a time; another one; without an end.
code 2 "$bin" ctl last arm oom for 5
has "$work/err" "a fault cannot be armed for '5'" 'a limit without its unit'
code 0 "$bin" ctl last arm oom for 2m
has "$work/out" '^oom is armed; its time limit disarms it at [0-9]*\.[0-9] s$' 'arm for'
code 0 "$bin" ctl last status
has "$work/out" '^oom  *mem/malloc .* disarm at [0-9]*\.[0-9] s ' 'a limit in the status'
code 0 "$bin" ctl last arm oom for 1200ms
until_true 300 grep -q 'time limit: oom is disarmed after 1.2s by hand' "$work/log" || fault 'the limit was not kept'
until_true 300 grep -q 'oom#1 disarmed by hand' "$work/log" || fault 'the end of a limit is no end of an occurrence'
code 0 "$bin" ctl last arm oom for 1m
code 0 "$bin" ctl last arm oom keep
has "$work/out" '^oom is armed until it is disarmed$' 'keep'
code 0 "$bin" ctl last mark 'numbers'

# Other numbers: none of `times` is left, then no bound at all.
until_true 300 fires oom || fault 'oom does not fire'
code 0 "$bin" ctl last edit oom times=1 error=EAGAIN
has "$work/out" '^oom: fail p=0.02 from now on$' 'edit'
until_true 300 rests oom || fault 'times is no bound any more'
code 0 "$bin" ctl last edit oom probability=none,every=40,times=none
has "$work/out" '^oom: fail every 40 from now on$' 'edit again'
until_true 300 fires oom || fault 'oom does not fire again'
code 2 "$bin" ctl last edit oom delay=5ms
has "$work/err" "^edit:1:1: error: 'delay' means nothing to the action fail of fault 'oom'$" 'a wrong number'
has "$work/err" '^delay=5ms$' 'the line'
code 2 "$bin" ctl last edit oom phase=heal
has "$work/err" "'phase' of a fault stands for the whole run" 'what stands'
code 2 "$bin" ctl last edit omo every=2
has "$work/err" "did you mean 'oom'" 'a wrong fault'
code 0 "$bin" ctl last status
has "$work/out" '^oom .* fail every 40$' 'numbers in the status'
code 0 "$bin" ctl last disarm oom

# Other rates: of workers in the target, and of clients.
code 0 "$bin" ctl last rate maps 200/s
has "$work/out" '^maps: 200/s from now on$' 'rate'
code 0 "$bin" ctl last rate net 2k/s
code 2 "$bin" ctl last rate maps 5
has "$work/err" "^rate:1:1: error: 'rate' of workload 'maps' cannot be '5'$" 'a rate without /s'
code 2 "$bin" ctl last rate mops 5/s
has "$work/err" "did you mean 'maps'" 'a wrong workload'
code 3 "$bin" ctl last rate maps max
has "$work/err" "workload 'maps': it does not become a closed loop" 'max'
code 0 "$bin" ctl last status
has "$work/out" '^maps  *map-churn  *200/s$' 'rates in the status'
has "$work/out" '^net  *echo  *2k/s$' 'rates in the status'
rates_change 'rates'

interrupt
hasnt "$work/log" 'nothing has changed' 'the target took all of it'
has "$work/log" 'operator (ctl): arm oom: for 1.2s' 'events'
has "$work/log" 'operator (ctl): edit oom: times=1,error=EAGAIN, now fail p=0.02' 'events'
has "$work/log" 'operator (ctl): rate: net 2k/s' 'events'
has "$work/summary" '^OPERATOR-MODIFIED: ' 'the summary'
code 0 "$bin" report "$id"
has "$work/out" 'ctl  *edit oom: probability=none,every=40,times=none, now fail every 40' 'the report'
has "$work/out" 'ctl  *rate: maps 200/s' 'the report'
has "$work/out" 'ctl  *mark: numbers' 'the report'

# A closed loop has no rate; a limit that a window comes before.
begin_play --set workload.maps.rate=max --set phases.play.for=60s --set faults.late.when.at=50s "$scenario"
code 3 "$bin" ctl "$id" rate maps 500/s
has "$work/err" "workload 'maps': it is a closed loop (rate: max)" 'a closed loop'
code 0 "$bin" ctl "$id" arm late
has "$work/out" '^late is armed; its windows arm it at 51.5 s$' 'a window before the limit'
kill -INT "$harness"
wait "$harness"
harness=
has "$work/log" 'operator (ctl): arm late: until its window' 'a window before the limit'

# A simulation must repeat.
begin_play --sim --set phases.play.for=2000s "$scenario"
code 3 "$bin" ctl "$id" edit oom every=2
has "$work/err" 'a simulated run takes no orders' 'edit in a simulation'
code 3 "$bin" ctl "$id" rate maps 5/s
has "$work/err" 'a simulated run takes no orders' 'rate in a simulation'
kill -INT "$harness"
wait "$harness"
harness=

# A system call is decided on in the harness, where its fault's numbers change too; under exec they stand, and the clients' rate changes.
"$build/tests/test_injector" > "$work/unit" 2>&1
if [ $? = 77 ]; then
	cat "$work/unit"
else
	cat > "$work/calls.yaml" <<'YAML'
version: 1
name: calls
about: "Waits for orders about system calls."
seed: 13
target: {procs: 2}
workload:
  - {id: net, driver: echo, rate: 500/s, conns: 4}
phases:
  - {id: steady, for: 1s}
  - {id: play, for: 600s}
  - {id: heal, for: 1s}
faults:
  - {id: poll, point: os/epoll_pwait, when: {manual: true}, fire: {every: 100M, delay: 1ms}}
recovery: {signals: [ops.error_rate], window: 250ms, windows: 2}
YAML
	begin_play "$work/calls.yaml"
	code 0 "$bin" ctl "$id" arm poll
	code 0 "$bin" ctl "$id" edit poll every=2,delay=200us
	has "$work/out" '^poll: delay 200us every 2 from now on$' 'edit of a system call'
	until_true 300 fires poll || fault 'poll does not fire'
	code 0 "$bin" ctl "$id" edit poll times=1
	until_true 300 rests poll || fault 'times is no bound of a system call'
	kill -INT "$harness"
	wait "$harness"
	harness=
	free_port
	cat > "$work/program.yaml" <<YAML
version: 1
name: program
about: "Waits for orders about a program."
seed: 14
target: {runtime: command}
workload:
  - {id: web, driver: http, url: "http://127.0.0.1:$port/x", rate: 20/s, conns: 4}
phases:
  - {id: steady, for: 1s}
  - {id: play, for: 60s}
  - {id: heal, for: 1s}
faults:
  - {id: late, point: os/epoll_pwait, when: {manual: true}, fire: {every: 100M, delay: 1ms}}
recovery: {signals: [op.latency.p50@web], window: 250ms, windows: 2}
YAML
	rm -f "$work/log"
	"$bin" exec --plain "$work/program.yaml" -- "$build/tests/ward" serves "127.0.0.1:$port" > "$work/summary" 2> "$work/log" &
	harness=$!
	until_true 600 reached play || { fault 'exec: no play'; cat "$work/log" >&2; }
	id=$(sed -n 's/.*hands on: gcstorm ctl \([^ ]*\) .*/\1/p' "$work/log")
	code 3 "$bin" ctl "$id" edit late every=2
	has "$work/err" "under exec a fault's numbers stand for the whole run" 'edit under exec'
	code 0 "$bin" ctl "$id" rate web 200/s
	code 0 "$bin" ctl "$id" arm late for 1s
	until_true 300 grep -q 'time limit: late is disarmed after 1s by hand' "$work/log" || fault 'no limit under exec'
	many() { look && [ "$(ops web)" -gt 1400 ]; } # as written there are never more than 1,240
	until_true 600 many || fault "web: $(ops web) requests"
	kill -INT "$harness"
	wait "$harness"
	harness=
fi

# The agent on real Go.
go=$(command -v go || ls /usr/local/go/bin/go /usr/lib/go-*/bin/go 2> /dev/null | head -n 1)
if [ -n "$go" ]; then
	GCSTORM_GO_AGENT=$src/workloads/go; export GCSTORM_GO_AGENT
	XDG_CACHE_HOME=$work/cache; export XDG_CACHE_HOME
	GOCACHE=${GOCACHE:-${HOME:-$work}/.cache/go-build}; export GOCACHE
	cat > "$work/agent.yaml" <<'YAML'
version: 1
name: agent
about: "Waits for orders, on real Go."
seed: 12
target: {runtime: go, procs: 2, gogc: 400}
workload:
  - {id: maps, driver: map-churn, workers: 2, rate: 20k/s, keys: 5k}
  - {id: net, driver: echo, rate: 200/s, conns: 2, handler: maps}
phases:
  - {id: steady, for: 1s}
  - {id: play, for: 600s}
  - {id: heal, for: 2s}
faults:
  - {id: gcnow, point: gc/alloc, when: {manual: true}, fire: {every: 1M}}
recovery: {signals: [ops.error_rate], window: 250ms, windows: 2}
YAML
	begin_play --target "go=$go" "$work/agent.yaml"
	code 0 "$bin" ctl "$id" arm gcnow for 8s
	code 0 "$bin" ctl "$id" edit gcnow every=500
	has "$work/out" '^gcnow: force every 500 from now on$' 'edit on Go'
	until_true 300 fires gcnow || fault 'gcnow does not fire on Go'
	code 0 "$bin" ctl "$id" edit gcnow times=1
	until_true 300 rests gcnow || fault 'times is no bound on Go'
	code 0 "$bin" ctl "$id" rate maps 100/s
	code 0 "$bin" ctl "$id" rate net 1k/s
	rates_change 'rates on Go'
	until_true 300 grep -q 'time limit: gcnow is disarmed after 8s by hand' "$work/log" || fault 'no limit on Go'
	interrupt
else
	echo 'no Go here: not tried'
fi

over change.sh
