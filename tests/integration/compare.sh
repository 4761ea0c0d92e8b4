#!/bin/sh
# compare.sh: two records beside each other on the screen, in a real terminal (tmux): from the command line, with F7 from a record, and from the list; what
# the screen says is what is printed; sizes, ASCII; a second file that is bad.
. "${GCSTORM_SOURCE:-.}/tests/integration/libtmux.sh"
make_record
"$bin" run --sim --plain --seed 78 --set faults.oom.fire.probability=60% "$work/s.yaml" -o "$work/second.gcrun" > "$work/out" 2>&1 ||
	{ echo "FAIL: the second run"; cat "$work/out"; exit 1; }
before=$(cat "$work/record.gcrun" "$work/second.gcrun" | cksum)
"$bin" view "$work/record.gcrun" "$work/second.gcrun" > "$work/table" 2> "$work/err" < /dev/null
[ $? = 5 ] || { echo "FAIL: printed"; cat "$work/table" "$work/err"; exit 1; }
narrow() { [ -z "$(screen | sed -n "/^.\{$(($1 + 1))\}/p")" ] || fail "a line is wider than $1 columns"; }

# ---- from the command line
open_shell 80 24
type_line 'a=$(stty -g)'
type_line "$bin view $work/record.gcrun $work/second.gcrun"
wait_for 'FIGURES, modelled times'
wait_for ' A record  embedded/2P, seed 0x4d'
wait_for ' B second  embedded/2P, seed 0x4e'
wait_for 'no interval; nothing is decided'
wait_for 'STW PAUSE, max per .* AT 0:'
narrow 80
for metric in pause.stw.p50 pause.stw.p99 pause.stw.max; do # as printed
	row=$(awk -v m="$metric" '$1 == m { printf "%s *%s %s *%s %s *%s\n", $1, $2, $3, $4, $5, $6 }' "$work/table")
	[ -n "$row" ] || fail "$metric is not in the table"
	wait_for "$row"
done
press Down
wait_for '^>pause.stw.p99'
press Enter
wait_for 'BEHIND pause.stw.p99'
wait_for 'B second .* seed 0x4e'
wait_for 'A longest .* at 0:'
press Escape
wait_for '^>pause.stw.p99'
press w
moment=$(screen | sed -n 's/.* AT \([0-9:.]*\) .*/\1/p')
press Left
until_true "the cursor did not move" shows_not " AT $moment "
press n
wait_for 'oom'
press K
wait_for 'TIME TO STOP, max per'
press F7
wait_for 'TIME TO STOP ms'
press F7
wait_for 'FIGURES'
tm resize-window -t s -x 100 -y 32
wait_for 'gc.cpu'
narrow 100
tm resize-window -t s -x 200 -y 60
wait_for 'recovery.time.max@oom'
wait_for 'heap.goal.max'
tm resize-window -t s -x 60 -y 20
wait_for 'all of it from 80x24'
press Tab
wait_for 'max per'
narrow 60
tm resize-window -t s -x 80 -y 24
wait_for 'q quit'
press '?'
wait_for 'KEYS OF A RECORD, compare SCREEN'
press x
press q
wait_prompt
type_line 'echo code $?; [ "$a" = "$(stty -g)" ] && echo terminal restored'
wait_for 'code 0'
wait_for '^terminal restored'

# ---- a second file that is bad: said, before there is a screen
type_line "clear; $bin view $work/record.gcrun $work/s.yaml; echo code \$?"
wait_for 's.yaml.* not a'
wait_for 'code 2'

# ---- F7 in a record, without and with runs to choose from
type_line "clear; $bin view $work/record.gcrun"
wait_for 'RECORD 20'
press F7
wait_for 'There is no run to choose from'
wait_for 'Nothing is compared yet'
press q
wait_prompt
runs=$XDG_STATE_HOME/gcstorm/runs
mkdir -p "$runs"
cp "$work/record.gcrun" "$runs/looked-at-20260101T000001-1.gcrun"
cp "$work/second.gcrun" "$runs/looked-at-20260101T000002-2.gcrun"
echo junk > "$runs/torn-20260101T000003-3.gcrun"
type_line "clear; $bin view $runs/looked-at-20260101T000001-1.gcrun"
wait_for 'RECORD 20'
press F7
wait_for 'COMPARE looked-at WITH, newest first  3'
wait_for '^.\*looked-at'
press Escape
wait_for 'Nothing is compared yet'
press c / t o r n Enter Enter
wait_for 'Not compared: .*torn'
wait_for 'Nothing is compared yet'          # and nothing is lost
press c Escape                              # the filter goes
wait_for 'newest first  3'
press / s i m u l Enter
wait_for '2 of 3'
press g Enter
wait_for 'FIGURES'
press Escape
wait_for 'STW PAUSE'
press q
wait_prompt

# ---- from the list
type_line "clear; $bin view"
wait_for 'RUNS, newest first  3'
press / s i m u l Enter
wait_for '2 of 3'
press c
wait_for 'COMPARE looked-at WITH'
press c                                     # taken back
wait_for 'RUNS, newest first'
press c
wait_for 'COMPARE looked-at WITH'
press j Enter
wait_for 'FIGURES'
press Escape
wait_for 'STW PAUSE'
press l
wait_for 'RUNS, newest first'
press q
wait_prompt
end_terminal

# ---- ASCII, no colour: the same words
tmux -f /dev/null -S "$socket" new-session -d -s s -x 80 -y 24 "exec env NO_COLOR=1 LC_ALL=C TERM=screen $bin view $work/record.gcrun $work/second.gcrun"
wait_for 'FIGURES'
wait_for 'no interval; nothing is decided'
tm capture-pane -p -t s | LC_ALL=C grep -q '[^ -~]' && fail "a character beyond ASCII in the C locale"
press q
[ "$before" = "$(cat "$work/record.gcrun" "$work/second.gcrun" | cksum)" ] || fail 'comparing records has changed them'
echo "records stand beside each other"
