#!/bin/sh
# death.sh: a run that is interrupted, whose target dies, or whose harness dies: exit codes, records, and nobody left behind.
set -u
src=${GCSTORM_SOURCE:-.}
bin=${GCSTORM_BUILD:-build}/gcstorm
scenario=$src/tests/scenarios/good/short.yaml
work=$(mktemp -d) || exit 1
harness=
trap '[ -n "$harness" ] && kill -9 "$harness" 2> /dev/null; rm -rf "$work"' EXIT
bad=0

fault() { echo "$1" >&2; bad=$((bad + 1)); }
has() { grep -q -- "$2" "$1" || { fault "$3: no '$2' in:"; cat "$1" >&2; }; }

# Wait until a command succeeds, $1 tenths of a second at most.
until_true() { left=$1; shift; while ! "$@" 2> /dev/null; do left=$((left - 1)); [ "$left" -gt 0 ] || return 1; sleep 0.1; done; }
storming() { grep -q 'phase storm' "$work/err"; }
gone() { for p in "$@"; do alive "$p" && return 1; done; return 0; }
# A zombie that nobody waits for yet is dead as well.
alive() { [ -e "/proc/$1/stat" ] && ! grep -q '^State:[[:space:]]*Z' "/proc/$1/status"; }

# A run in the background, up to its storm; $children are its processes.
begin() {
	rm -f "$work/err" # the last one's: `storming` must not see it
	"$bin" run --plain -o "$work/$1.gcrun" --set phases.storm.for=30s "$scenario" > "$work/out" 2> "$work/err" &
	harness=$!
	until_true 300 storming || { fault "$1: no storm"; cat "$work/err" >&2; }
	children=$(cat "/proc/$harness/task/$harness/children")
	[ "$(echo "$children" | wc -w)" = 2 ] || fault "$1: children '$children', not a target and a load process"
}
finish() { # name, exit code
	wait "$harness"
	got=$?
	harness=
	[ "$got" = "$2" ] || { fault "$1: exit $got, not $2"; cat "$work/err" >&2; }
	until_true 20 gone $children || fault "$1: processes were left behind"
}

begin interrupt
kill -INT "$harness"
finish interrupt 130
has "$work/err" interrupted 'interrupt'
"$bin" report "$work/interrupt.gcrun" > "$work/report" 2>&1 || fault 'interrupt: the record cannot be read'
has "$work/report" 'exit 130' 'the record of an interrupted run'

begin terminate
kill -TERM "$harness"
finish terminate 143
"$bin" report --format json "$work/terminate.gcrun" | tr -d ' \n' > "$work/report"
has "$work/report" '"exit":143' 'the record of a terminated run'

# The target is killed: recorded, exit 4.
begin killed
for p in $children; do case $(cat "/proc/$p/comm" 2> /dev/null) in gcstorm-target*) kill -9 "$p" ;; esac; done
finish killed 4
"$bin" report --format json "$work/killed.gcrun" | tr -d ' \n' > "$work/report"
has "$work/report" '"exit":4' 'the record of a run whose target was killed'

# A target that does not listen is killed, three seconds after the interrupt.
begin stuck
for p in $children; do kill -STOP "$p"; done
kill -INT "$harness"
until_true 50 gone $children "$harness" || fault 'stuck: not ended five seconds after the interrupt'
finish stuck 130
has "$work/err" SIGKILL 'stuck'

# A load process that dies takes the measurement with it: the harness has failed.
begin unloaded
for p in $children; do case $(cat "/proc/$p/comm" 2> /dev/null) in gcstorm-load) kill -9 "$p" ;; esac; done
finish unloaded 1
has "$work/err" 'the load process died (signal 9)' 'unloaded'
"$bin" report --format json "$work/unloaded.gcrun" | tr -d ' \n' > "$work/report"
has "$work/report" '"exit":1,' 'the record of a run without its load process'

# The harness is killed: the others end by themselves within two seconds, and what was recorded is there.
begin orphan
sleep 0.5
kill -9 "$harness"
until_true 20 gone $children || fault 'orphan: the target outlived the harness by two seconds'
wait "$harness" 2> /dev/null
harness=
"$bin" report "$work/orphan.gcrun" > "$work/report" 2>&1 || { fault 'orphan: the record cannot be read'; cat "$work/report" >&2; }
has "$work/report" 'short' 'the record of a run whose harness was killed'
has "$work/report" 'steady' 'the record of a run whose harness was killed'

[ "$bad" = 0 ] && echo "death.sh: all as it should be"
[ "$bad" = 0 ]
