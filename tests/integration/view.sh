#!/bin/sh
# view.sh: records on the screen, in a real terminal (tmux): scrub, jump, the worst, the list, a live run to its end, one whose harness
# was killed; resized, stopped and continued, terminated; and what happens without a terminal.
. "${GCSTORM_SOURCE:-.}/tests/integration/libtmux.sh"
runs=$XDG_STATE_HOME/gcstorm/runs

write_scenarios
sed 's/^name: .*/name: short-one/; s/id: heal, for: 4s/id: heal, for: 2s/' "$work/s.yaml" > "$work/short.yaml"

# ---- without a terminal, and without runs
"$bin" view > "$work/out" 2> "$work/err" < /dev/null; code=$?
[ "$code" = 2 ] || { echo "FAIL: without runs: exit $code"; cat "$work/err"; exit 1; }
grep -q 'no runs' "$work/err" || { echo "FAIL: no runs, and nothing says so"; cat "$work/err"; exit 1; }
"$bin" run --sim --plain "$work/s.yaml" > "$work/report" 2> /dev/null || { echo "FAIL: the run"; cat "$work/report"; exit 1; }
record=$(sed -n 's/^record //p' "$work/report")
[ -f "$record" ] || { echo "FAIL: no record"; exit 1; }
"$bin" view last > "$work/out" 2> "$work/err" < /dev/null; code=$?
[ "$code" = 3 ] && grep -q 'needs a terminal' "$work/err" || { echo "FAIL: without a terminal: exit $code"; cat "$work/err"; exit 1; }
"$bin" view > "$work/out" 2> "$work/err" < /dev/null; code=$?
[ "$code" = 3 ] && grep -q 'looked-at' "$work/out" && grep -q 'needs a terminal' "$work/err" ||
	{ echo "FAIL: the list without a terminal: exit $code"; cat "$work/out" "$work/err"; exit 1; }
before=$(cksum < "$record")

# ---- a finished record, 80x24
open_shell 80 24
type_line 'a=$(stty -g)'
type_line "$bin view last"
wait_for 'RECORD 20'
wait_for 'PASS: '
wait_for 'PAUSED    0:16'
[ -z "$(screen | sed -n '/^.\{81\}/p')" ] || fail "a line is wider than the screen"
press Home
wait_for 'PAUSED    0:00.00 of 0:16'
wait_for 'WARMING'
press n
wait_for '0:06.50 of'                   # where the window begins
wait_for 'oom#1 armed at 6.50 s'
wait_for '\[x\]1 oom'
wait_for 'FAULTING oom'
press n
wait_for '0:07.80 of'
wait_for 'oom#1 disarmed'
press n N
wait_for '0:07.80 of'
press Right
wait_for '0:08.80 of'
press .
wait_for '0:09.00 of'
press , ,
wait_for '0:08.00 of'
press ']'
wait_for '0:16.* of'
press '['
wait_for '0:06.0. of'
press w
wait_for 'Worst: STW .* GC#'
worst_at=
at_worst() { worst_at=$(screen | sed -n 's/.*PAUSED *\([0-9:.]*\) of.*/\1/p'); shows "at ${worst_at#0:0} s\|at ${worst_at#0:} s"; }
until_true "the position is not that of the pause" at_worst
press w
wait_for '2. worst: STW'
press 1
wait_for 'This is a record'
press k
wait_for 'TIME TO STOP'
press '?'
wait_for 'KEYS OF A RECORD'
press x
wait_gone 'KEYS OF A RECORD'
press Home '>' '>' ' '
wait_for 'PLAYING'
wait_for 'x4'
press ' '
wait_for 'PAUSED'

# ---- the other screens: the worst pause and what caused it, a lane scrubbed, an event gone to
press End F3
wait_for 'PAUSES .*\[stopping\]'
press K K K K
wait_for 'PAUSES \[stw\]'
press w Enter Enter                     # to the longest
wait_for "^>  *${worst_at}[0-9] .*GC#"    # the same that the key found
wait_for "PAUSED *$worst_at of"
press Escape Escape
wait_for 'STW PAUSE'
press F4
wait_for 'AT '
press n
wait_for 'oom#\|force#'
press F6
wait_for 'EVENTS'
press g Enter
wait_for 'PAUSED *0:00.00 of'
press Escape
wait_for 'STW PAUSE'

# ---- other sizes, while it is looked at
tm resize-window -t s -x 60 -y 20
wait_for 'all of it from 80x24'
tm resize-window -t s -x 100 -y 32
wait_for 'lost 0'
wait_for 'PAUSED'
[ -z "$(screen | sed -n '/^.\{101\}/p')" ] || fail "a line is wider than the screen"
tm resize-window -t s -x 80 -y 24
wait_for 'q quit'

# ---- stopped and continued, and left
press C-z
wait_prompt
type_line fg
wait_for 'RECORD 20'
wait_for 'q quit'
press q
wait_prompt
type_line 'echo code $?; [ "$a" = "$(stty -g)" ] && echo terminal restored'
wait_for 'code 0'
wait_for '^terminal restored'

# ---- terminated
for sig in TERM HUP INT; do
	tm send-keys -t s -l "clear; a=\$(stty -g); sh -c 'echo \$\$ > $work/pid; exec $bin view last'; echo code \$?; [ \"\$a\" = \"\$(stty -g)\" ] && echo terminal restored"
	press Enter
	wait_for 'RECORD 20'
	kill "-$sig" "$(cat "$work/pid")"
	[ "$sig" = INT ] && wait_for 'code 130' || wait_for 'code 143'
	wait_for '^terminal restored'
	type_line clear
	wait_gone 'terminal restored'
done
type_line "TERM=dumb $bin view last; echo code \$?"
wait_for 'needs a terminal'
wait_for 'code 3'
type_line "clear; $bin view $work/s.yaml; echo code \$?"
wait_for 'not a record'
wait_for 'code 2'
end_terminal
[ "$before" = "$(cksum < "$record")" ] || { echo "FAIL: looking at a record has changed it"; exit 1; }

# ---- a live run, followed to its end
"$bin" run --plain "$work/short.yaml" > /dev/null 2>&1 &
harness=$!
open_shell 100 32
begun() { "$bin" report "$runs/$1"-*.gcrun > /dev/null 2>&1; } # its file is there before there is something in it
until_true "the run did not begin" begun short-one
type_line "clear; $bin view short-one"
wait_for 'FOLLOWING'
wait_for 'short-one'
press Left
wait_for 'PAUSED .* so far'
press F
wait_for 'FOLLOWING'
wait_for 'The run has ended'
wait_for 'ENDED'
press q
wait "$harness"
harness=

# ---- one whose harness is killed
"$bin" run --plain "$work/long.yaml" > /dev/null 2>&1 &
harness=$!
until_true "the run did not begin" begun going-on
type_line "clear; $bin view going-on"
wait_for 'FOLLOWING 0:0[1-9]'
kill -9 "$harness"
wait "$harness" 2> /dev/null
harness=
wait_for 'goes no further'
press Left End
wait_for 'UNFINISHED'
press q
wait_prompt

# ---- the list
type_line "clear; $bin view"
wait_for 'RUNS, newest first  3'
wait_for '> going-on .* UNFINISHED'
press j
wait_for '> short-one'
press / l o o k
wait_for '1 of 3'
press Enter Enter
wait_for 'RECORD 20'
press l
wait_for '> looked-at .*simulated'
press Escape
wait_for 'RUNS, newest first  3'
press q
wait_prompt
end_terminal

# ---- no colour, and no more than ASCII
tmux -f /dev/null -S "$socket" new-session -d -s s -x 80 -y 24 "exec env NO_COLOR=1 LC_ALL=C TERM=screen $bin view looked-at"
wait_for 'PASS: '
tm capture-pane -e -p -t s | grep -q "$(printf '\033')\[3[1-7]m" && fail "NO_COLOR is not heeded"
tm capture-pane -p -t s | LC_ALL=C grep -q '[^ -~]' && fail "a character beyond ASCII in the C locale"
press q
[ "$before" = "$(cksum < "$record")" ] || { echo "FAIL: looking at a record has changed it"; exit 1; }
echo "records are looked at"
