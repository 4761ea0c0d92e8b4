#!/bin/sh
# readout.sh: what a user reads off the 80x24 screen of a record (which faults are at work at a moment, the worst pause with its firing,
# how long each recovery took) against what `gcstorm report --format json` says of it, in UTF-8 and in ASCII; and whole screens at
# three sizes against those in tests/screens. GCS_SCREENS_WRITE=1 writes them anew: after a change that is meant to change them.
. "${GCSTORM_SOURCE:-.}/tests/integration/libtmux.sh"
src=${GCSTORM_SOURCE:-.}
record=$work/record.gcrun
"$bin" run --sim --plain "$src/tests/scenarios/good/read-off.yaml" -o "$record" > "$work/out" 2>&1 || { echo "FAIL: the run"; cat "$work/out"; exit 1; }
{ "$bin" report --format json "$record" | tr -d ' \n'; echo; } > "$work/json"

# ---- the record's words: fault start end recovery (ns); then the worst stop
sed 's/"id":/\n"id":/g' "$work/json" | sed -n 's/^"id":"\([a-z]*\)","point":.*/&/p' | while read -r fault; do
	id=$(echo "$fault" | sed 's/^"id":"\([a-z]*\)".*/\1/')
	echo "$fault" | sed 's/{"number":/\n/g' | sed -n "s/^\([0-9]*\),\"start_ns\":\([0-9]*\),\"end_ns\":\([0-9]*\),.*\"recovery_ns\":\([0-9]*\),\"fired\".*/$id \1 \2 \3 \4/p"
done > "$work/occurrences"
[ "$(wc -l < "$work/occurrences")" = 2 ] || { echo "FAIL: occurrences of the report"; cat "$work/occurrences"; exit 1; }
worst=$(sed -n 's/.*"worst":\[{"kind":"stw","t_ns":\([0-9]*\),"dur_ns":\([0-9]*\),"cycle":\([0-9]*\),"firing":{"fault":"\([a-z]*\)","visit":\([0-9]*\),"worker":\([0-9]*\)}.*/\1 \2 \3 \4 \5 \6/p' "$work/json")
max_ns=$(sed -n 's/.*"stw":{"count":[0-9]*,"p50_ns":[0-9]*,"p90_ns":[0-9]*,"p99_ns":[0-9]*,"p999_ns":[0-9]*,"max_ns":\([0-9]*\).*/\1/p' "$work/json")
# shellcheck disable=SC2086
set -- $worst
[ $# = 6 ] && [ "$2" = "$max_ns" ] || { echo "FAIL: the report's worst stop: '$worst', at most $max_ns"; exit 1; }
worst_t_ns=$1 worst_ns=$2 worst_cycle=$3 worst_fault=$4 worst_visit=$5 worst_worker=$6
awk '$5 > 0' "$work/occurrences" | grep -q . || { echo "FAIL: every recovery was immediate: nothing to read"; exit 1; }

# ---- the screen
# Position of the player in units of 10 ms, as its third row has it.
position() { screen | sed -n '3s/^ PAUSED *\([0-9]*\):\([0-9.]*\) of.*/\1 \2/p' | awk '{ printf "%d", ($1 * 60 + $2) * 100 + 0.5 }'; }
# Faults of the record that are armed then; a position is cut to 10 ms, so at an edge both may hold, and edges are looked at past them.
armed_then() { awk -v t="$1" '$3 / 1e7 <= t && t < $4 / 1e7 { print $1 }' "$work/occurrences"; }
check_faults() {
	at=$(position)
	[ -n "$at" ] || fail "no position"
	want=$(armed_then "$at")
	shown=$(screen | sed -n 's/^[> ]\[x\][0-9] \([a-z]*\) .*/\1/p')
	[ "$shown" = "$want" ] || fail "at $at x 10 ms '$shown' is armed on the screen, '$want' in the record"
	title=$(screen | sed -n '1s/.*FAULTING \([a-z]*\).*/\1/p')
	[ "$title" = "$want" ] || fail "at $at x 10 ms the title says '$title', the record '$want'"
	[ -z "$want" ] || seen="$seen $want"
}
moved() { [ "$(position)" != "$was" ]; }
step() { was=$(position); press "$1"; until_true "$1 does not move from $was" moved; }

read_off() { # word about the way, options
	tm new-session -d -s s -x 80 -y 24 "exec env TERM=screen $bin view $2 $record"
	wait_for 'q quit'
	# recovery, when all is over
	while read -r id number _ _ recovery_ns; do
		want=$(awk -v ns="$recovery_ns" 'BEGIN { print (ns > 100000000 ? sprintf("%.1fs", ns / 1e9) : "<0.1s") }')
		screen | grep -q "[│|] $id#$((number + 1)) *steady *in $want" || fail "$1: $id#$((number + 1)) was back in $want"
	done < "$work/occurrences"
	press Home
	wait_for 'PAUSED *0:00.00'
	seen=
	for key in n ']' n n Right n Right Right; do
		step "$key"
		check_faults
	done
	[ "$(echo "$seen" | tr ' ' '\n' | sort -u | wc -l)" = 3 ] || fail "$1: of the faults only '$seen' was seen at work" # and an empty line
	# the worst stop: its length, moment, collection and firing, on three screens
	ms=$(awk -v ns="$worst_ns" 'BEGIN { printf "%.1f", ns / 1e6 }')
	press w
	wait_for "Worst: STW $ms ms GC#$worst_cycle at .* due to $worst_fault#1, visit $worst_visit of worker $worst_worker"
	at=$(awk -v ns="$worst_t_ns" 'BEGIN { printf "%d", ns / 1e7 }')
	[ "$(position)" = "$at" ] || fail "$1: the worst stop was at $at x 10 ms, the screen is at $(position)"
	check_faults
	press F3
	wait_for 'PAUSES \['
	press w Enter
	milli=$(awk -v ns="$worst_t_ns" 'BEGIN { s = int(ns / 1e6); printf "%d:%02d.%03d", s / 60000, s / 1000 % 60, s % 1000 }')
	wait_for "^> *$milli *${ms}ms .* GC#$worst_cycle *$worst_fault#1 visit $worst_visit of w$worst_worker"
	press F4
	wait_for "longest: STW ${ms}ms GC#$worst_cycle due to $worst_fault#1 visit $worst_visit of w$worst_worker"
	press F4 End
	wait_for 'ENDED'
	wait_for " max  *[0-9.]*  *$(awk -v ns="$max_ns" 'BEGIN { printf "%.1f", ns / 1e6 }')"
	[ "$1" = UTF-8 ] || ! screen | LC_ALL=C grep -q '[^ -~]' || fail "$1: a character beyond it"
	end_terminal
}
read_off UTF-8 ''
read_off ASCII --ascii

# ---- whole screens, but for when the record was made
picture() { echo "==== $1"; screen | sed -e '1s/RECORD ....-..-.. ..:../RECORD YYYY-MM-DD HH:MM/' -e '1s/run [0-9]*-[0-9]*-[0-9a-f]*/run ID/' -e 's/ctl [0-9]*-[0-9]*-[0-9a-f]* /ctl 20000101-000000-0000 /' -e 's/ *$//'; }
settles() { screen > "$work/a"; sleep 0.1; screen > "$work/b"; cmp -s "$work/a" "$work/b"; }
pictures() { # columns, rows, options
	tm new-session -d -s s -x "$1" -y "$2" "exec env TERM=screen $bin view $3 $record"
	wait_for 'q quit'
	press w
	wait_for 'Worst: STW'
	until_true "it goes on changing" settles
	picture main
	press F3; wait_for ' PAUSES '; press w; until_true "it goes on changing" settles
	picture pauses
	press F4; wait_for 'TIMELINE '; until_true "it goes on changing" settles
	picture timeline
	press F2; wait_for ' MAPS GROWING'; until_true "it goes on changing" settles
	picture maps
	press F5; wait_for ' STALLS ms '; until_true "it goes on changing" settles
	picture sched
	press F6; wait_for ' EVENTS  '; until_true "it goes on changing" settles
	picture events
	end_terminal
}
different=0
for kind in 80x24 100x32 200x60 80x24-ascii; do
	size=${kind%-ascii} option=
	[ "$kind" = "$size" ] || option=--ascii
	pictures "${size%x*}" "${size#*x}" "$option" > "$work/$kind.txt" || { cat "$work/$kind.txt"; exit 1; }
	if [ -n "${GCS_SCREENS_WRITE:-}" ]; then
		cp "$work/$kind.txt" "$src/tests/screens/$kind.txt"
	elif ! diff "$src/tests/screens/$kind.txt" "$work/$kind.txt"; then
		echo "FAIL: $kind is another picture than tests/screens/$kind.txt"
		different=1
	fi
done
[ "$different" = 0 ] && echo "the screens say what the record says"
