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
position() { screen | position_in; }
position_in() { sed -n '3s/^ PAUSED *\([0-9]*\):\([0-9.]*\) of.*/\1 \2/p' | awk '{ printf "%d", ($1 * 60 + $2) * 100 + 0.5 }'; }
# Faults of the record that are armed then; a position is cut to 10 ms, so at an edge both may hold, and edges are looked at past them.
armed_then() { awk -v t="$1" '$3 / 1e7 <= t && t < $4 / 1e7 { print $1 }' "$work/occurrences"; }
# All of it from one look at the screen, which may find it half drawn: so it is looked at until it agrees.
agrees() {
	screen > "$work/now"
	at=$(position_in < "$work/now")
	[ -n "$at" ] || return 1
	want=$(armed_then "$at")
	shown=$(sed -n 's/^[> ]\[x\][0-9] \([a-z]*\) .*/\1/p' "$work/now")
	title=$(sed -n '1s/.*FAULTING \([a-z]*\).*/\1/p' "$work/now")
	[ "$shown" = "$want" ] && [ "$title" = "$want" ]
}
check_faults() {
	until_true "the fault of the title, the one that is armed on the screen and the record's at that moment are not the same" agrees
	[ -z "$want" ] || seen="$seen $want"
}
moved() { now=$(position); [ -n "$now" ] && [ "$now" != "$was" ]; }
stands_at() { [ "$(position)" = "$1" ]; }
step() { was=$(position); press "$1"; until_true "$1 does not move from $was" moved; }

read_off() { # word about the way, options
	tm new-session -d -s s -x 80 -y 24 "exec env TERM=screen $bin view $2 $record"
	wait_for 'q quit'
	# recovery, when all is over
	while read -r id number _ _ recovery_ns; do
		want=$(awk -v ns="$recovery_ns" 'BEGIN { print (ns > 100000000 ? sprintf("%.1fs", ns / 1e9) : "<0.1s") }')
		wait_for "[│|] $id#$((number + 1)) *steady *in $want"
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
	until_true "$1: the worst stop was at $at x 10 ms, where the screen is not" stands_at "$at"
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
shot() { screen | sed -e '1s/RECORD ....-..-.. ..:../RECORD YYYY-MM-DD HH:MM/' -e '1s/run [0-9]*-[0-9]*-[0-9a-f]*/run ID/' -e 's/ctl [0-9]*-[0-9]*-[0-9a-f]* /ctl 20000101-000000-0000 /' -e 's/ *$//'; }
settles() { screen > "$work/a"; sleep 0.1; screen > "$work/b"; cmp -s "$work/a" "$work/b"; }
# One that is kept is waited for: that a screen does not change for a moment says nothing on a machine that stands still. What is another picture for a
# cause is so for long; the next ones have less time.
as_kept() { shot > "$work/shot"; cmp -s "$work/shot" "$work/kept"; }
picture() {
	if [ -n "${GCS_SCREENS_WRITE:-}" ]; then
		until_true "it goes on changing" settles
		shot > "$work/shot"
	else
		sed -n "/^==== $1\$/,/^==== /{/^==== /!p}" "$src/tests/screens/$kind.txt" > "$work/kept"
		i=0
		until as_kept; do i=$((i + 1)); [ "$i" -lt "$patience" ] || { patience=5; break; }; sleep 0.1; done
	fi
	echo "==== $1"
	cat "$work/shot"
}
pictures() { # columns, rows, options
	patience=20
	tm new-session -d -s s -x "$1" -y "$2" "exec env TERM=screen $bin view $3 $record"
	wait_for 'q quit'
	press w
	wait_for 'Worst: STW'
	picture main
	press F3; wait_for ' PAUSES '; press w
	picture pauses
	press F4; wait_for 'TIMELINE '
	picture timeline
	press F2; wait_for ' MAPS GROWING'
	picture maps
	press F5; wait_for ' STALLS ms '
	picture sched
	press F6; wait_for ' EVENTS  '
	picture events
	end_terminal
}
different=0 turns='1 2 3' # what the key w said of the worst pause goes after 8 s, and on a machine that is slow it may not be there any more: then once more
for kind in 80x24 100x32 200x60 80x24-ascii; do
	size=${kind%-ascii} option=
	[ "$kind" = "$size" ] || option=--ascii
	for turn in $turns; do
		pictures "${size%x*}" "${size#*x}" "$option" > "$work/$kind.txt" || { cat "$work/$kind.txt"; exit 1; }
		cmp -s "$src/tests/screens/$kind.txt" "$work/$kind.txt" && break
		[ -z "${GCS_SCREENS_WRITE:-}" ] || break
	done
	if [ -n "${GCS_SCREENS_WRITE:-}" ]; then
		cp "$work/$kind.txt" "$src/tests/screens/$kind.txt"
	elif ! diff "$src/tests/screens/$kind.txt" "$work/$kind.txt"; then
		echo "FAIL: $kind is another picture than tests/screens/$kind.txt"
		different=1 turns=1
	fi
done
[ "$different" = 0 ] && echo "the screens say what the record says"
