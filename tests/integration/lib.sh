# lib.sh: what the integration tests of runs and their ends share. Sourced; sets $src, $bin, $scenario, a directory $work of its own
# (also as XDG_STATE_HOME and XDG_RUNTIME_DIR) that goes at the end, and kills $harness, if it is set, on every way out.
set -u
src=${GCSTORM_SOURCE:-.}
build=${GCSTORM_BUILD:-build}
bin=$build/gcstorm
scenario=$src/tests/scenarios/good/short.yaml
work=$(mktemp -d) || exit 1
harness=
trap '[ -n "$harness" ] && kill -9 "$harness" 2> /dev/null; rm -rf "$work"' EXIT
mkdir -m 700 "$work/runtime"
XDG_STATE_HOME=$work/state; export XDG_STATE_HOME
XDG_RUNTIME_DIR=$work/runtime; export XDG_RUNTIME_DIR
bad=0

fault() { echo "$1" >&2; bad=$((bad + 1)); }
has() { grep -q -- "$2" "$1" || { fault "$3: no '$2' in:"; cat "$1" >&2; }; }
hasnt() { ! grep -q -- "$2" "$1" || { fault "$3: '$2' in:"; cat "$1" >&2; }; }
# Exit code of a command, its output to $work/out and $work/err.
code() { want=$1; shift; "$@" > "$work/out" 2> "$work/err"; got=$?; [ "$got" = "$want" ] || { fault "exit $got, not $want: $*"; cat "$work/err" >&2; }; }

# Wait until a command succeeds, $1 tenths of a second at most.
until_true() { left=$1; shift; while ! "$@" 2> /dev/null; do left=$((left - 1)); [ "$left" -gt 0 ] || return 1; sleep 0.1; done; }
reached() { grep -q "phase $1" "$work/log"; }
gone() { for p in "$@"; do alive "$p" && return 1; done; return 0; }
# A zombie that nobody waits for yet is dead as well.
alive() { [ -e "/proc/$1/stat" ] && ! grep -q '^State:[[:space:]]*Z' "/proc/$1/status"; }
now_ms() { echo $(($(date +%s%N) / 1000000)); }

# A run on real threads that is to pass: exit code in $got, output in $work/out and $work/err. Faults that have half a second may find no visit in it on a
# machine that stands still (5), and so there are up to three. A record that is not to be there yet, the command.
busy_run() {
	record=$1; shift
	for turn in 1 2 3; do
		rm -f "$record"
		"$@" > "$work/out" 2> "$work/err"
		got=$?
		[ "$got" = 5 ] || break
	done
}

# A run in the background, up to its storm: name, more arguments. $children are its processes, its stderr is in $work/log, its record
# $work/NAME.gcrun.
begin() {
	name=$1; shift
	rm -f "$work/log" # the last one's: it must not be seen
	"$bin" run --plain -o "$work/$name.gcrun" "$@" > "$work/summary" 2> "$work/log" &
	harness=$!
	until_true 300 reached storm || { fault "$name: no storm"; cat "$work/log" >&2; }
	children=$(cat "/proc/$harness/task/$harness/children")
	[ "$(echo "$children" | wc -w)" = 2 ] || fault "$name: children '$children', not a target and a load process"
}
finish() { # name, exit code
	wait "$harness"
	got=$?
	harness=
	[ "$got" = "$2" ] || { fault "$1: exit $got, not $2"; cat "$work/log" >&2; }
	until_true 300 gone $children || fault "$1: processes were left behind"
	[ -z "$(ls -A "$work/runtime/gcstorm" 2> /dev/null | grep -v '^\.lock$')" ] || fault "$1: its directory was left behind"
}

# $port: another port that nobody has on this machine. Below those that connections are given (ip_local_port_range), and tests that run at the same
# time, whose numbers are near each other, look at others.
free_port() {
	port=${port:-$((10000 + $$ * 32 % 22000))}
	while port=$((port < 32000 ? port + 1 : 10000)); grep -q ":$(printf '%04X' "$port") " /proc/net/tcp /proc/net/tcp6 2> /dev/null; do :; done
}

# The record is one that SQLite finds whole, and report can read: file, name.
whole() {
	"$build/tests/test_record_whole" "$1" > "$work/whole" 2>&1 || { fault "$2: the record is broken"; cat "$work/whole" >&2; }
	"$bin" report "$1" > "$work/report" 2>&1 || { fault "$2: the record cannot be read"; cat "$work/report" >&2; }
}

over() { [ "$bad" = 0 ] && echo "$1: all as it should be"; [ "$bad" = 0 ]; }
