# libtmux.sh: what tests in a real terminal (tmux) share. Sourced; sets $bin, a directory $work of its own (also as XDG_STATE_HOME and
# XDG_RUNTIME_DIR) and a UTF-8 locale; the terminal, and $harness if it is set, are gone at the end.
set -u
command -v tmux > /dev/null || { echo "tmux is not installed"; exit 77; }
build=${GCSTORM_BUILD:-build}
case $build in /*) ;; *) build=$PWD/$build ;; esac
bin=$build/gcstorm
work=$(mktemp -d) || exit 1
XDG_STATE_HOME=$work/state XDG_RUNTIME_DIR=$work/runtime LC_ALL=C.UTF-8
export XDG_STATE_HOME XDG_RUNTIME_DIR LC_ALL
mkdir -m 700 "$XDG_STATE_HOME" "$XDG_RUNTIME_DIR"
socket=$work/tmux
harness=
trap 'tm kill-server 2> /dev/null; [ -n "$harness" ] && kill "$harness" 2> /dev/null; rm -rf "$work"' EXIT

# Nobody's own configuration.
tm() { tmux -u -f /dev/null -S "$socket" "$@"; }
# A server that is told to end still answers for a while: the next one has a socket of its own.
end_terminal() { tm kill-server; socket=$socket+; }
screen() { tm capture-pane -p -t s; }
flag() { tm display-message -p -t s "#{$1}"; }
fail() { echo "FAIL: $1"; echo "--- screen"; screen; exit 1; }
# A zombie that nobody waits for yet is dead as well.
gone() { for p in "$@"; do [ -e "/proc/$p/stat" ] && ! grep -q '^State:[[:space:]]*Z' "/proc/$p/status" && return 1; done; return 0; }
press() { for key in "$@"; do tm send-keys -t s "$key"; done; }
type_line() { tm send-keys -t s -l "$1"; tm send-keys -t s Enter; }
# Bytes as a terminal sends them, in hexadecimal.
send_bytes() { tm send-keys -t s -H "$@"; }

# Until a command succeeds: bounded by a deadline, not by a fixed sleep. What is said when it does not, the command.
until_true() {
	what=$1 i=0; shift
	until "$@"; do
		i=$((i + 1))
		[ "$i" -lt 400 ] || fail "$what"
		sleep 0.1
	done
}
shows() { screen | grep -q -e "$1"; }
shows_not() { ! shows "$1"; }
wait_for() { until_true "the screen never showed '$1'" shows "$1"; }
wait_gone() { until_true "the screen went on showing '$1'" shows_not "$1"; }
# The shell has the terminal again: nothing stands behind its last prompt. An older prompt, which is there again as soon as the picture goes, has its
# command behind it; and what is typed before the program has given the modes back ends in no end of a line.
wait_prompt() { wait_for 'ready> *$'; }
flag_is() { [ "$(flag "$1")" = "$2" ]; }
wait_flag() { until_true "$1 was never $2" flag_is "$1" "$2"; }

open_shell() { # columns, rows, the terminal's type
	tm new-session -d -s s -x "$1" -y "$2" "exec env TERM=${3:-screen} PS1='ready> ' sh -i"
	wait_prompt
}
# $work/s.yaml, 16 s with two faults, and $work/long.yaml, the same with an end that does not come.
write_scenarios() {
	cat > "$work/s.yaml" <<'YAML'
version: 1
name: looked-at
seed: 77
target: {runtime: embedded, procs: 2}
workload:
  - {id: maps, driver: map-churn, workers: 1, rate: 4k/s, keys: 4k, value: ptr, value_bytes: 64B, mix: {insert: 50, delete: 50}}
  - {id: slices, driver: slice-append, workers: 1, rate: 1k/s, size: "zipf(1.2, 64B, 16KiB)", retain: 1MiB}
phases:
  - {id: warmup, for: 1s, record: false}
  - {id: steady, for: 5s}
  - {id: storm, for: 6s}
  - {id: heal, for: 4s}
faults:
  - {id: oom, point: mem/malloc, when: {phase: storm, at: 0.5s, for: 1.3s}, fire: {probability: 20%}}
  - {id: force, point: gc/write, when: {phase: storm, at: 3s, for: 1s}, fire: {every: 200}}
recovery: {signals: [ops.errors, gc.rate], band: 2.5, window: 500ms, windows: 2, deadline: 3s}
YAML
	sed 's/^name: .*/name: going-on/; s/id: heal, for: 4s/id: heal, for: 600s/' "$work/s.yaml" > "$work/long.yaml"
}
# A finished record, the same each time: $work/record.gcrun.
make_record() {
	write_scenarios
	"$bin" run --sim --plain "$work/s.yaml" -o "$work/record.gcrun" > "$work/out" 2>&1 || { echo "FAIL: the run"; cat "$work/out"; exit 1; }
}
