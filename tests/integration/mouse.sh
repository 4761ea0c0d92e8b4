#!/bin/sh
# mouse.sh: the mouse in a real terminal (tmux), as bytes that a terminal sends: presses and the wheel, in both forms, cut in two; off by
# option; and whatever else may come instead, of which no figure may be taken for a key that arms a fault.
. "${GCSTORM_SOURCE:-.}/tests/integration/libtmux.sh"
make_record
hex() { printf '%s' "$1" | od -An -tx1 | tr -d '\n'; }
# shellcheck disable=SC2046 # a word each byte
bytes() { send_bytes 1b $(hex "$1"); }
# Columns and rows from 1, as terminals count.
click() { bytes "[<0;$1;$2M"; bytes "[<0;$1;$2m"; }
row_of() { screen | grep -n -e "$1" | head -1 | cut -d: -f1; }

tm new-session -d -s s -x 80 -y 24 "exec env TERM=screen $bin view $work/record.gcrun"
wait_for 'q quit'
wait_flag mouse_standard_flag 1
wait_flag mouse_sgr_flag 1
wait_for '^>\[ \]1 oom'
click 10 "$(row_of ']2 force')"
wait_for '^>\[ \]2 force'
send_bytes 1b 5b 4d 20 2a "$(printf '%x' $((32 + $(row_of ']1 oom'))))" # the old form
wait_for '^>\[ \]1 oom'
bytes "[<65;10;$(row_of ']1 oom')M"      # the wheel, down
wait_for '^>\[ \]2 force'
bytes "[<64;10;$(row_of ']1 oom')M"
wait_for '^>\[ \]1 oom'
click 50 20
wait_for '┼> EVENTS\|┼─> EVENTS\|> EVENTS'

# The track: to where the record begins. A report in two parts is one all the same; but its rest must come within 0.2 s, which on a busy machine it may
# not, and so it is sent again.
track=$(screen | sed -n '3s/\[.*//p' | awk '{ print length($0) + 2 }')
halves() {
	bytes "[<0;$track"
	# shellcheck disable=SC2046
	send_bytes $(hex ";3M")
	for look in 1 2 3 4 5 6 7 8 9 10; do shows 'PAUSED *0:00.00 of' && return 0; sleep 0.1; done
	return 1
}
until_true "a report in two parts is none" halves
press F4
wait_for 'TIMELINE'
click 40 8
wait_gone 'PAUSED *0:00.00 of'
press F6
wait_for 'EVENTS  '
wait_for 'oom#1 disarmed'
row=$(row_of 'oom#1 disarmed')
click 20 "$row"
press Enter
wait_for 'PAUSED *0:07.80 of'
press F3
wait_for 'PAUSES \['
press q
until_true "it did not end" sh -c "! tmux -S $socket has-session 2> /dev/null"
end_terminal 2> /dev/null

# ---- off by option, and where the terminal has none
tm new-session -d -s s -x 80 -y 24 "exec env TERM=screen $bin view --no-mouse $work/record.gcrun"
wait_for 'q quit'
flag_is mouse_any_flag 0 || fail "--no-mouse is not heeded"
end_terminal
tm new-session -d -s s -x 80 -y 24 "exec env TERM=vt100 $bin view $work/record.gcrun"
wait_for 'q quit'
flag_is mouse_any_flag 0 || fail "a vt100 is asked for its mouse"
end_terminal

# ---- a run, and a terminal that sends what it likes: no fault is armed by it, and the run goes on
tm new-session -d -s s -x 80 -y 24 "exec env TERM=screen $bin run $work/long.yaml -o $work/run.gcrun"
wait_for 'maps .*/s'
seed=${GCS_TEST_SEED:-$(date +%s)}
echo "seed $seed"
awk -v seed="$seed" 'BEGIN { srand(seed)
	for (i = 0; i < 60; i++) { # reports, most of them broken: numbers of any size, buttons that are none, in any place
		line = "1b 5b 3c"
		n = int(rand() * 3) + 1
		for (k = 0; k < n; k++) {
			d = 1 + int(rand() * 4)
			for (j = 0; j < d; j++) line = line sprintf(" 3%d", int(rand() * 10))
			if (k < n - 1) line = line " 3b"
		}
		print line (n == 3 ? (rand() < 0.5 ? " 4d" : " 6d") : " 5a") # a whole one ends as one; a broken one in a Z, which is no key
	} }' > "$work/garbage"
# shellcheck disable=SC2086
while read -r line; do send_bytes $line; done < "$work/garbage"
for garbage in 'ff fe 80' 'c3 28' '1b 5b 4d 20' '1b 5b 39 39 7e' '00 00'; do
	# shellcheck disable=SC2086
	send_bytes $garbage
	press F6
	wait_for 'EVENTS  '
	press F6
	wait_for 'SLO and'
done
"$bin" ctl "$work/run.gcrun" status > "$work/status" 2>&1 || fail "it does not answer: $(cat "$work/status")"
screen | grep -q 'Stop the run' && fail "garbage asks to stop the run"
"$bin" report --format json "$work/run.gcrun" > "$work/report"
grep -q '"operator_modified": *false' "$work/report" || fail "garbage has changed the run"
press q
wait_for 'Stop the run'
press y
until_true "it did not end" sh -c "! tmux -S $socket has-session 2> /dev/null"
echo "the mouse does what it points at"
