#!/bin/sh
# matrix.sh: what else can befall a run (see death.sh): a harness that stands still, a terminal that is closed, a full disk, readers
# while it is written, two at once, a target that dies in mid-order. Each: a clear message or exit code, a record that is whole, and
# nobody left behind. Directories that cannot be written are in run.sh.
. "${GCSTORM_SOURCE:-.}/tests/integration/lib.sh"
storm="--set phases.storm.for=300s --set faults.oom.when.for=20s $scenario"

# The harness is stopped: target and load process are gone within two seconds (twice that on a busy machine), and what it finds
# when it goes on is told as what it is.
begin stopped $storm
kill -STOP "$harness"
from=$(now_ms)
until_true 300 gone $children || fault 'stopped: the target outlived its lease'
echo "stopped: gone after $(($(now_ms) - from)) ms"
sleep 1
kill -CONT "$harness"
finish stopped 5
has "$work/log" 'the harness stood still for [1-9][0-9.]* s (Ctrl-Z, SIGSTOP?): the target.s lease ran out, it ended' 'stopped'
has "$work/log" 'the lease ran out: faults are disarmed, ending' 'stopped: last words'
has "$work/log" 'oom#1 disarmed' 'stopped: what was armed'
has "$work/summary" '^INCONCLUSIVE: the harness stood still' 'stopped'
hasnt "$work/summary" 'CRASH\|killed by' 'stopped'
whole "$work/stopped.gcrun" stopped
has "$work/report" 'exit 5' 'the record of a run whose harness was stopped'

# Stopped for a moment only: nothing happens.
begin paused --set phases.storm.for=3s "$scenario"
kill -STOP "$harness"
sleep 0.4
kill -CONT "$harness"
until_true 300 reached heal || fault 'paused: the run did not go on'
kill -INT "$harness"
finish paused 130
whole "$work/paused.gcrun" paused

# The terminal is closed.
begin hup $storm
kill -HUP "$harness"
finish hup 143
has "$work/log" 'hung up' 'hup'
whole "$work/hup.gcrun" hup
if command -v tmux > /dev/null; then
	tmux -f /dev/null -S "$work/tmux" new-session -d -x 100 -y 30 "exec $bin run -o $work/closed.gcrun $storm"
	begun() { "$bin" report "$work/closed.gcrun" | grep -q 'UNFINISHED.*up to [1-9]'; }
	until_true 300 begun || fault 'closed: no run in the terminal'
	harness=$(tmux -S "$work/tmux" list-panes -F '#{pane_pid}')
	children=$(cat "/proc/$harness/task/$harness/children")
	tmux -S "$work/tmux" kill-server
	until_true 300 gone "$harness" $children || fault 'closed: the run outlived its terminal'
	harness=
	whole "$work/closed.gcrun" closed
	has "$work/report" 'exit 143' 'the record of a run whose terminal was closed'
else
	echo 'tmux is not installed: a terminal that goes was not tried'
fi

# The disk is full: everything is disarmed, the run ends, exit 3; what was written before stays.
full() {
	finish full 3
	has "$work/log" 'gcstorm: the record cannot be written: No space left on device' "full, $1"
	whole "$2" "full, $1"
	has "$work/report" 'UNFINISHED: there is no verdict: .*nothing more could be written' "full, $1"
}
if command -v prlimit > /dev/null; then
	begin full $storm
	prlimit --fsize=400000 --pid "$harness"
	full 'a file that may not grow' "$work/full.gcrun"
else
	echo 'prlimit is not installed: a file that may not grow was not tried'
fi
mkdir "$work/small"
if unshare -m mount -t tmpfs -o size=600k none "$work/small" 2> /dev/null; then
	unshare -m sh -c "mount -t tmpfs -o size=600k none $work/small || exit 99
		timeout 60 $bin run --plain -o $work/small/x.gcrun $storm > $work/summary 2> $work/log; echo \$? > $work/small-code
		$build/tests/test_record_whole $work/small/x.gcrun 2>&1 || echo broken
		$bin report $work/small/x.gcrun" > "$work/out" 2>&1
	[ "$(cat "$work/small-code")" = 3 ] || { fault "a full disk: exit $(cat "$work/small-code")"; cat "$work/log" >&2; }
	has "$work/log" 'gcstorm: the record cannot be written: No space left on device' 'a full disk'
	has "$work/out" '^UNFINISHED' 'a full disk'
	hasnt "$work/out" '^broken' 'a full disk'
else
	echo 'no mount for us: a small file system was not tried'
fi

# Read while it is written, again and again: no reader fails, none harms it, and the run does not notice.
begin read $storm
i=0
while [ $i -lt 15 ]; do
	i=$((i + 1))
	code 0 "$bin" report "$work/read.gcrun"
	has "$work/out" 'UNFINISHED' 'a reader'
	"$build/tests/test_record_whole" "$work/read.gcrun" || fault 'a reader found a record that is broken'
	code 0 "$bin" report --format json "$work/read.gcrun"
done
kill -INT "$harness"
finish read 130
whole "$work/read.gcrun" read
hasnt "$work/log" 'cannot be written' 'read'

# Two at once, of one scenario and in one second: two records, two directories, and neither disturbs the other.
begin one $storm
first=$harness first_children=$children
begin two $storm
[ "$(ls "$work/runtime/gcstorm" | wc -l)" = 2 ] || fault "two runs, but: $(ls "$work/runtime/gcstorm")"
code 0 "$bin" ctl "$work/one.gcrun" mark 'only one'
kill -INT "$harness"
wait "$harness"
[ $? = 130 ] || fault 'two: the second was not interrupted'
until_true 300 gone $children || fault 'two: processes were left behind'
gone $first_children "$first" && fault 'two: the first died with the second'
code 0 "$bin" ctl "$work/one.gcrun" status
harness=$first children=$first_children
kill -INT "$harness"
finish one 130
whole "$work/one.gcrun" one
has "$work/report" 'only one' 'two: an order to the first'
whole "$work/two.gcrun" two
hasnt "$work/report" 'only one' 'two: an order to the first'
"$bin" run --plain --sim "$scenario" > "$work/a" 2> "$work/log" &
a=$!
"$bin" run --plain --sim "$scenario" > "$work/b" 2>> "$work/log" &
wait $! || fault 'two simulations: the second failed'
wait "$a" || fault 'two simulations: the first failed'
[ "$(ls "$XDG_STATE_HOME"/gcstorm/runs/*.gcrun | wc -l)" = 2 ] || fault 'two simulations: not two records'
[ "$(grep -o 'hash [0-9a-f]*' "$work/a")" = "$(grep -o 'hash [0-9a-f]*' "$work/b")" ] || fault 'two simulations: they differ'

over matrix.sh
