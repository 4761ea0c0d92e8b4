#!/bin/sh
# plain.sh: a run in lines, and its record in lines (gcstorm view --plain): the same events, the same end, no byte that is more than text; a run
# that goes on is followed to its end; no terminal is needed.
. "${GCSTORM_SOURCE:-.}/tests/integration/lib.sh"

# Of lines "time phase text": the texts of events alone.
events() { awk '$1 ~ /^[0-9.]+s$/ { $1 = $2 = ""; sub(/^ */, ""); print }' "$1" | grep -v '^now: \|^state: \|^recovery: \|^stops of the world\|^mark assists\|^wakes of' | sort; }
only_text() { LC_ALL=C grep -q '[^ -~]' "$1" && fault "$2: more than text: $(LC_ALL=C grep '[^ -~]' "$1" | head -n 3 | od -c | head)"; }

# ---- simulated: a finished record says what the run said
code 0 "$bin" run --plain --sim --set phases.heal.for=6s -o "$work/sim.gcrun" "$scenario"
cp "$work/err" "$work/run"
cp "$work/out" "$work/summary"
TERM=dumb code 0 "$bin" view --plain "$work/sim.gcrun"
[ -s "$work/err" ] && fault "view --plain has something to say on stderr: $(cat "$work/err")"
cp "$work/out" "$work/view"
only_text "$work/view" 'a record'
grep -v '^gcstorm: ' "$work/run" > "$work/lines"
only_text "$work/lines" 'a run'
events "$work/lines" | grep -v "$(tail -n 1 "$work/lines" | sed 's/^ *[^ ]* ended *//; s/[][\.*^$]/./g')" > "$work/run.events"
events "$work/view" > "$work/view.events"
[ "$(wc -l < "$work/run.events")" -ge 8 ] || { fault 'hardly an event in the run'; cat "$work/lines" >&2; }
missing=$(comm -23 "$work/run.events" "$work/view.events")
[ -z "$missing" ] || { fault "the record in lines lacks: $missing"; cat "$work/view" >&2; }
has "$work/view" '^record of short: run .*simulated' 'whose record it is'
for what in 'state: faulting, armed: ' 'state: recover' 'now: .* operations a second, P99 ' 'stops of the world: last 10 s .*; since the start P50 .*, P99 .*, longest ' \
	'recovery: oom, occurrence 1: ' 'ended    stops of the world: since the start' 'ended    recovery: oom, occurrence 1: ' 'ended    holds: '; do
	has "$work/view" "$what" 'the record in lines'
done
[ "$(tail -n 1 "$work/view")" = "$(tail -n 1 "$work/lines")" ] || fault "another end: $(tail -n 1 "$work/view"), not $(tail -n 1 "$work/lines")"
tail -n 1 "$work/view" | grep -q ' ended    PASS: ' || fault "the last line is no sentence: $(tail -n 1 "$work/view")"
# Its figures are those of the report: the longest stop, of all phases or of the recorded ones.
longest=$(sed -n 's/.* ended    stops of the world: .*longest \([0-9.]* [a-z]*\),.*/\1/p' "$work/view" |
	awk '{ print $1 * ($2 == "ms" ? 1000000 : $2 == "us" ? 1000 : 1) }')
code 0 "$bin" report --format json "$work/sim.gcrun"
tr -d ' \n' < "$work/out" | sed 's/.*"pauses":{//' > "$work/json"
most=$(sed 's/.*"stw":{[^}]*"max_ns":\([0-9]*\).*/\1/' "$work/json")
awk -v a="$longest" -v b="$most" 'BEGIN { exit !(a > 0 && a >= b * 0.99) }' || fault "the longest stop is $longest ns, and $most ns in the report"
# Twice the same.
code 0 "$bin" view --plain "$work/sim.gcrun"
cmp -s "$work/out" "$work/view" || fault 'the same record is told in another way'

# ---- real: one that goes on is followed, in a pipe, and the follower ends with it
begin real "$scenario"
"$bin" view --plain "$work/real.gcrun" > "$work/followed" 2> "$work/followed.err" &
follower=$!
until_true 300 grep -q 'phase storm' "$work/followed" || fault 'the storm is not followed'
wait "$harness"
got=$?
harness=
# 5 and 7: a busy machine. What is told of it is the same.
case $got in 0 | 5 | 7) ;; *) fault "real run: exit $got"; cat "$work/log" >&2 ;; esac
wait "$follower" || { fault 'the follower failed'; cat "$work/followed.err" >&2; }
[ -s "$work/followed.err" ] && { fault 'the follower complains'; cat "$work/followed.err" >&2; }
grep -v '^gcstorm: ' "$work/log" > "$work/lines"
[ "$(tail -n 1 "$work/followed" | sed 's/^[^e]*//')" = "$(tail -n 1 "$work/lines" | sed 's/^[^e]*//')" ] ||
	fault "followed to '$(tail -n 1 "$work/followed")', and the run ended '$(tail -n 1 "$work/lines")'"
for event in 'oom#1 armed' 'late#1 armed' 'gcnow#1 disarmed' 'phase heal'; do
	[ "$(grep -c "$event" "$work/followed")" = 1 ] || { fault "'$event' is not told once"; cat "$work/followed" >&2; }
done
only_text "$work/followed" 'a record that is followed'

# ---- interrupted while it follows
begin long --set phases.heal.for=600s "$scenario"
rm -f "$work/followed" # the last one's: by its storm the follower would be interrupted before it is gcstorm, and a bash then leaves by our trap
"$bin" view --plain "$work/long.gcrun" > "$work/followed" 2>&1 &
follower=$!
until_true 300 grep -q 'phase storm' "$work/followed" || fault 'the long one is not followed'
kill -INT "$follower" 2> /dev/null
wait "$follower"
got=$?
# A shell starts what is in the background with SIGINT ignored; blocked and read, it arrives all the same.
[ "$got" = 130 ] || fault "interrupted: exit $got"
alive "$harness" || fault 'the run has ended with its follower'
kill -INT "$harness"
finish long 130

# ---- the list, and what is refused
XDG_STATE_HOME=$work/state code 0 "$bin" run --plain --sim "$scenario"
code 0 "$bin" view --plain
has "$work/out" 'short' 'the list of runs'
code 0 "$bin" view --plain last
has "$work/out" '^record of short: ' 'the newest'
code 2 "$bin" view --plain no-such-run
has "$work/err" "there is no run 'no-such-run'" 'a run that is none'
code 2 "$bin" view --plain "$scenario"
code 2 "$bin" run --plain --ascii --braille --sim "$scenario"
has "$work/err" '--ascii and --braille exclude each other' 'two wishes'
over 'plain lines'
