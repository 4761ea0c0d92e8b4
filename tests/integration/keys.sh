#!/bin/sh
# keys.sh: keys at random, the mouse among them, against a record on a real terminal (tmux): it takes them all, finds back to the main
# screen, quits when it is told to, and the record is what it was. GCS_TEST_SEED repeats a run.
. "${GCSTORM_SOURCE:-.}/tests/integration/libtmux.sh"
make_record
before=$(cksum < "$work/record.gcrun")
seed=${GCS_TEST_SEED:-$(date +%s)}
echo "seed $seed"
# Those that leave are left out: q, F10, Ctrl-C, Ctrl-Z, Ctrl-\, and Ctrl-S, after which nothing is seen.
awk -v seed="$seed" 'BEGIN { srand(seed)
	n = split("F1 F2 F3 F4 F5 F6 F7 F8 F9 F11 F12 Tab BTab Up Down Left Right S-Left S-Right PPage NPage Home End Enter BSpace Escape Space IC DC C-a C-e C-l C-x M-a M-[ a b c d e f g h i j k l m n o p r s t u v w x y z A B D E F G K M N R S W 1 2 3 9 0 + - = / ? < > [ ] , .", key, " ")
	for (i = 0; i < 900; i++)
		if (rand() < 0.15)
			printf "mouse %d %d %d\n", (rand() < 0.5 ? 0 : 64 + int(rand() * 2)), 1 + int(rand() * 100), 1 + int(rand() * 40)
		else if (rand() < 0.03)
			printf "size %d %d\n", 20 + int(rand() * 181), 5 + int(rand() * 56)
		else
			print "key", key[1 + int(rand() * n)]
	}' > "$work/keys"
# shellcheck disable=SC2016 # the shell that is started fills them in
tm new-session -d -s s -x 80 -y 24 "env TERM=screen $bin view $work/record.gcrun 2> $work/err; echo \$? > $work/code"
wait_for 'q quit'
while read -r what a b c; do
	case $what in
	key) tm send-keys -t s "$a" ;;
	# shellcheck disable=SC2046 # a word each byte
	mouse) send_bytes 1b $(printf '[<%d;%d;%dM' "$a" "$b" "$c" | od -An -tx1 | tr -d '\n') ;;
	size) tm resize-window -t s -x "$a" -y "$b" ;;
	esac || fail "it has ended: code $(cat "$work/code"), $(cat "$work/err")"
done < "$work/keys"
tm resize-window -t s -x 80 -y 24
back() {
	press Escape
	shows 'SLO and' && return 0
	sleep 0.1 # for the next look, as until_true has it
	shows 'SLO and'
}
until_true "it does not find back to the main screen" back
press Home
wait_for 'PAUSED *0:00.00 of\|PLAYING'
press q
until_true "it does not quit" test -s "$work/code"
[ "$(cat "$work/code")" = 0 ] && [ ! -s "$work/err" ] || { echo "FAIL: code $(cat "$work/code")"; cat "$work/err"; exit 1; }
[ "$before" = "$(cksum < "$work/record.gcrun")" ] || { echo "FAIL: looking at a record has changed it"; exit 1; }
echo "it takes every key"
