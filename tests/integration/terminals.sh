#!/bin/sh
# terminals.sh: terminals of other kinds: with many, few and no colours, with few glyphs, none that can place a cursor, ones that stop,
# are resized in storms, take nothing and vanish; and what a terminal is like after a crash.
. "${GCSTORM_SOURCE:-.}/tests/integration/libtmux.sh"
make_record
esc=$(printf '\033')
colours() { tm capture-pane -e -p -t s > "$work/colours"; }
start() { tm new-session -d -s s -x 80 -y 24 "exec env $1"; }

# ---- each kind: it shows the record, in no other colours than it has
for kind in "xterm-256color:38;5;:3[1-7]m" "screen:3[1-7]m:38;5;" "linux:3[1-7]m:38;5;" "vt100:RECORD:[34][0-7]m" "vt220:RECORD:[34][0-7]m" "ansi:3[1-7]m:38;5;"; do
	term=${kind%%:*} rest=${kind#*:}
	infocmp "$term" > /dev/null 2>&1 || { echo "no description of $term here"; continue; }
	start "TERM=$term $bin view $work/record.gcrun"
	wait_for 'RECORD 20'
	wait_for 'q quit'
	colours
	grep -q "${rest%%:*}" "$work/colours" || fail "$term: no ${rest%%:*}"
	grep -q "$esc\[\([012457];\)*${rest#*:}" "$work/colours" && fail "$term: ${rest#*:}"
	[ -z "$(screen | sed -n '/^.\{81\}/p')" ] || fail "$term: a line is wider than the screen"
	if [ "$term" = linux ]; then
		send_bytes 1b 5b 5b 43 # its F3
		wait_for 'PAUSES \['
		screen | sed 's/[ -~─│┼┬┴▄█░▒▓µ·]//g' | grep -q . && fail "a glyph that a console's font has not"
	fi
	end_terminal
done
start "NO_COLOR=1 TERM=xterm-256color $bin view $work/record.gcrun"
wait_for 'q quit'
colours
grep -q "$esc\[[0-9;]*[34][0-7]" "$work/colours" && fail "NO_COLOR is not heeded"
end_terminal

# ---- braille by option: dots where they can be shown, else the usual pictures, and why is said once
dots() { screen | LC_ALL=C grep -q "$(printf '\342[\240-\243][\200-\277]')"; }
start "TERM=screen $bin view --braille $work/record.gcrun"
wait_for 'q quit'
until_true "no dots in the strip" dots
press F4
wait_for 'TIMELINE'
until_true "no dots in the lanes" dots
end_terminal
for why in "TERM=linux:a console's font has none" "TERM=screen LC_ALL=C:the locale is not UTF-8"; do
	start "${why%%:*} $bin view --braille $work/record.gcrun"
	wait_for "No braille: ${why#*:}"
	dots && fail "dots all the same: ${why%%:*}"
	press Right
	wait_gone 'No braille'
	end_terminal
done

# ---- ASCII by option, where the locale has all of Unicode
start "TERM=screen $bin view --ascii $work/record.gcrun"
wait_for 'q quit'
for key in F3 F4 F6 '?'; do
	press "$key"
	wait_gone 'RECOVERY of each'
	screen | LC_ALL=C grep -q '[^ -~]' && fail "a character beyond ASCII with --ascii, after $key"
	press Escape
	[ "$key" != '?' ] && wait_for 'RECOVERY of each'
done
end_terminal
for command in "run $work/long.yaml -o $work/ascii.gcrun" "soak --tui --rounds 1 -o $work/soak $work/long.yaml" "exec -o $work/x.gcrun $work/exec.yaml -- sleep 600"; do
	cat > "$work/exec.yaml" <<-'YAML'
	version: 1
	name: asleep
	phases: [{id: steady, for: 600s}]
	YAML
	start "TERM=screen $bin ${command%% *} --ascii ${command#* }"
	wait_for 'STW PAUSE'
	wait_for 'q quit'
	screen | LC_ALL=C grep -q '[^ -~]' && fail "a character beyond ASCII: $command"
	press q
	wait_for 'Stop the run'
	press y
	until_true "$command did not end" sh -c "! tmux -S $socket has-session 2> /dev/null"
	end_terminal 2> /dev/null
done

# ---- no terminal that a picture can be on: plain lines instead, or a refusal
for term in dumb no-such-terminal ''; do
	open_shell 80 24
	type_line "TERM=$term $bin run --sim --tui $work/s.yaml -o $work/plain$term.gcrun 2> $work/err; echo code \$?"
	wait_for 'code 0'
	grep -q 'no screen' "$work/err" || fail "TERM=$term: $(cat "$work/err")"
	type_line "clear; TERM=$term $bin view $work/record.gcrun; echo code \$?"
	wait_for 'code 3'
	end_terminal
done

# ---- the result goes to a file, the picture to the terminal
open_shell 80 24
type_line 'a=$(stty -g)'
type_line "clear; $bin run --tui --format json $work/long.yaml -o $work/json.gcrun > $work/json; echo code \$?; [ \"\$a\" = \"\$(stty -g)\" ] && echo terminal restored"
wait_for 'STW PAUSE'
wait_for 'maps .*/s'
# A terminal that takes nothing (Ctrl-S): who waits is the picture, not the run, which goes on to answer.
press C-s
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
	timeout 20 "$bin" ctl "$work/json.gcrun" mark "stalled-$i" > "$work/ctl" 2>&1 || fail "the run waits for its terminal: $(cat "$work/ctl")"
	sleep 0.1 # a frame's time, in which it would be drawn
done
press F6 # whatever it is that is drawn
screen | grep -q 'stalled-15' && fail "Ctrl-S stops nothing here"
press C-q
wait_for 'EVENTS  '
wait_for 'stalled-15'
press q
wait_for 'Stop the run'
press y
wait_for '^terminal restored'
wait_prompt
grep -q '"verdict"' "$work/json" && ! grep -q "$esc" "$work/json" || fail "the result: $(head -c 300 "$work/json")"

# ---- killed by its own fault: the terminal is as it was, and the shell hears of the signal
for sig in SEGV BUS ABRT; do
	type_line "clear; sh -c 'echo \$\$ > $work/pid; exec $bin view $work/record.gcrun'; echo code \$?; [ \"\$a\" = \"\$(stty -g)\" ] && echo terminal restored"
	wait_for 'RECORD 20'
	wait_flag alternate_on 1
	wait_flag mouse_standard_flag 1
	wait_flag cursor_flag 0
	kill "-$sig" "$(cat "$work/pid")"
	wait_for 'code [1-9]' # a sanitizer has a code of its own
	wait_for '^terminal restored'
	[ "$(flag alternate_on)$(flag mouse_standard_flag)$(flag cursor_flag)" = 001 ] || fail "after $sig the terminal is not what it was"
done

# ---- stopped, and continued
type_line "clear; $bin view $work/record.gcrun"
wait_for 'RECORD 20'
wait_for 'q quit'
screen > "$work/before"
press C-z
wait_prompt
[ "$(flag alternate_on)$(flag mouse_standard_flag)$(flag cursor_flag)" = 001 ] || fail "stopped, it keeps the terminal"
type_line fg
wait_for 'RECORD 20'
wait_flag mouse_standard_flag 1
same() { screen | cmp -s - "$work/before"; }
until_true "continued, it shows another picture" same

# ---- resized in a storm: at the end the picture is the one it would have been
seed=${GCS_TEST_SEED:-$(date +%s)}
echo "seed $seed"
awk -v seed="$seed" 'BEGIN { srand(seed); for (i = 0; i < 120; i++) print 20 + int(rand() * 181), 5 + int(rand() * 56) }' > "$work/sizes"
while read -r cols rows; do tm resize-window -t s -x "$cols" -y "$rows"; done < "$work/sizes"
tm resize-window -t s -x 80 -y 24
until_true "after the storm it shows another picture" same
press F3
wait_for 'PAUSES'
while read -r cols rows; do tm resize-window -t s -x "$cols" -y "$rows"; done < "$work/sizes"
tm resize-window -t s -x 80 -y 24
press F3
until_true "after the second storm it shows another picture" same

press q
wait_prompt
end_terminal

# ---- a run that is stopped: its target ends by itself, continued it says so on a terminal that is what it was
open_shell 80 24
type_line 'a=$(stty -g)'
# Armed to the end, so that it is seen armed whenever one looks.
sed 's/for: 1.3s/for: 500s/; s/id: storm, for: 6s/id: storm, for: 600s/' "$work/long.yaml" > "$work/armed.yaml"
type_line "sh -c 'echo \$\$ > $work/pid; exec $bin run --tui $work/armed.yaml -o $work/stopped.gcrun > $work/said'"
wait_for 'FAULTING oom'
children=$(cat "/proc/$(cat "$work/pid")/task/$(cat "$work/pid")/children")
press C-z
wait_prompt
[ "$(flag alternate_on)$(flag mouse_standard_flag)$(flag cursor_flag)" = 001 ] || fail "stopped, it keeps the terminal"
until_true "its processes outlive it" gone $children
type_line fg
until_true "continued, it does not end, or does not say why" grep -q 'the harness stood still' "$work/said"
wait_prompt
type_line 'clear; [ "$a" = "$(stty -g)" ] && echo terminal restored'
wait_for '^terminal restored'
"$build/tests/test_record_whole" "$work/stopped.gcrun" > "$work/whole" 2>&1 || fail "the record is broken: $(cat "$work/whole")"
end_terminal

# ---- a terminal that vanishes: the run ends as when it is told to, and its record is whole
open_shell 80 24
type_line "$bin run $work/armed.yaml -o $work/hup.gcrun; echo \$? > $work/code"
wait_for 'FAULTING oom'
end_terminal
i=0
until "$bin" report --format json "$work/hup.gcrun" 2> /dev/null | grep -q '"finished": *true'; do
	i=$((i + 1))
	[ "$i" -lt 400 ] || { echo "FAIL: without its terminal the run does not end"; exit 1; }
	sleep 0.1
done
"$build/tests/test_record_whole" "$work/hup.gcrun" > "$work/whole" 2>&1 || { echo "FAIL: the record is broken"; cat "$work/whole"; exit 1; }
"$bin" report "$work/hup.gcrun" | grep -q 'hung up\|interrupted\|terminated' || { echo "FAIL: the record does not say why it ended"; exit 1; }

# ---- the same of one that shall not mind (nohup): it goes on, without a picture, and without being busy with that
open_shell 80 24
type_line "trap '' HUP; $bin run --tui $work/long.yaml -o $work/nohup.gcrun & echo \$! > $work/pid; fg"
wait_for 'maps .*/s'
harness=$(cat "$work/pid")
end_terminal
goes_on() { "$bin" ctl "$work/nohup.gcrun" status > "$work/status" 2>&1; }
i=0
until goes_on && grep -q heal "$work/status"; do
	i=$((i + 1))
	[ "$i" -lt 400 ] || { echo "FAIL: without its terminal it does not go on"; cat "$work/status"; exit 1; }
	sleep 0.1
done
ticks() { awk '{ print $14 + $15 }' "/proc/$harness/stat"; }
up() { awk '{ print int($1 * 100) }' /proc/uptime; } # ticks of a hundredth
a=$(ticks) from=$(up); sleep 2; used=$(($(ticks) - a)) passed=$(($(up) - from))
[ $((used * 2)) -lt $passed ] || { echo "FAIL: it uses $used of $passed ticks without a terminal"; exit 1; }
kill "$harness"
i=0
until gone "$harness"; do i=$((i + 1)); [ "$i" -lt 400 ] || { echo "FAIL: it does not end"; exit 1; }; sleep 0.1; done
harness=
"$build/tests/test_record_whole" "$work/nohup.gcrun" > "$work/whole" 2>&1 || { echo "FAIL: the record is broken"; cat "$work/whole"; exit 1; }
echo "each kind of terminal is what it shall be"
