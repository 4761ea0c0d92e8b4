#!/bin/sh
# timeline.sh: a log and what people saw of the incident: joined by `gcstorm import --at --timeline`, run in the simulation, and read from the
# report: logged, reported and reproduced side by side, and the first place where they part; as text, as JSON, and again from the kept record.
set -u
src=${GCSTORM_SOURCE:-.}
bin=${GCSTORM_BUILD:-build}/gcstorm
log=$src/tests/logs/steady-go1.19.log
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
XDG_STATE_HOME=$work/state; export XDG_STATE_HOME
bad=0

fault() { echo "$1" >&2; bad=$((bad + 1)); }
code() { want=$1; shift; "$@" > "$work/out" 2> "$work/err"; got=$?; [ "$got" = "$want" ] || { fault "exit $got, not $want: $*"; cat "$work/err" >&2; }; }
has() { grep -q -- "$2" "$1" || { fault "$3: no '$2' in:"; cat "$1" >&2; }; }
hasnt() { grep -q -- "$2" "$1" && { fault "$3: '$2' in:"; cat "$1" >&2; }; }
import() { name=$1; shift; code 0 "$bin" import --heap-scale 1 --time-scale 1 -o "$work/$name.yaml" "$@"; cp "$work/err" "$work/$name.said"; }
run() { # NAME OPTIONS...: simulated; the report of its end in NAME.txt, of the record in NAME.json and NAME.again
	name=$1; shift
	"$bin" run --sim --plain -o "$work/$name.gcrun" "$@" "$work/$name.yaml" > "$work/$name.txt" 2> "$work/err" || { fault "$name: exit $?"; cat "$work/err" >&2; }
	"$bin" report --format json "$work/$name.gcrun" > "$work/$name.json" || fault "$name: no report"
	"$bin" report "$work/$name.gcrun" > "$work/$name.again" || fault "$name: no report"
	for half in txt again; do sed -n '/^ALONG THE TIME/,/^INTEGRITY/p' "$work/$name.$half" > "$work/$name.$half.part"; done
	[ -s "$work/$name.txt.part" ] || fault "$name: nothing along the time"
	cmp -s "$work/$name.txt.part" "$work/$name.again.part" || fault "$name: the kept record says something else"
}
# first NAME KEY: of the first place where the curves part, from JSON
first() { sed -n '/^ *"first": {/,/^ *},*$/p' "$work/$1.json" | tr -d ' ",' | sed -n "s/^$2://p"; }
is() { [ "$2" = "$3" ] || fault "$1: '$2', not '$3'"; }

# What the log itself has: nothing parts. 48 MiB goal at 40 MiB live, 80 MiB; a cycle each 0.7 s.
cat > "$work/true.timeline" <<'YAML'
version: 1
incident: churn
source: "post-mortem of 3 May"
onset: 2024-05-03T05:12:04+02:00
end: 03:12:12
saw:
  - {what: "live heap at its worst", metric: heap.live.max, peak: 80MiB, within: 15%}
  - {what: "collections", at: 03:12:05, until: 03:12:11, metric: gc.cycles, value: 9, within: 25%}
  - {what: "errors", errors: 4.7%, note: "nothing here gives up"}
YAML
sed 's/03:12:12/05:12:12/; s/03:12:05/05:12:05/; s/03:12:11/05:12:11/' "$work/true.timeline" > "$work/true.zoned"
import true "$log" --at 2024-05-03T03:12:00Z --timeline "$work/true.zoned"
has "$work/true.said" 'clock: the cycles taken began from 2024-05-03T03:12:00.058Z to 2024-05-03T03:12:' 'the clock of the log'
has "$work/true.said" 'incident churn: from 2024-05-03T03:12:04Z to 2024-05-03T03:12:12Z (@4.000s to @12.000s); 3 things seen$' 'the incident'
has "$work/true.yaml" '^clock: "03:11:5[0-9]' 'clock'
has "$work/true.yaml" 'id: incident, for: 8s' 'phases'
code 0 "$bin" plan "$work/true.yaml"
has "$work/out" '03:12:04  *.*incident' 'the plan has the onset on the clock'
has "$work/out" '(03:12:05) for 6.00 s' 'the plan has the stretch of a figure'
run true
has "$work/true.txt.part" '^  -- incident' 'phases in the table'
has "$work/true.txt.part" 'told: live heap at its worst: 80MiB; logged [0-9.]* MiB; here [0-9.]* MiB$' 'three figures at their time'
has "$work/true.txt.part" '^THE CURVES PART nowhere' 'nothing parts'
has "$work/true.txt" '^  collections .* 9 .*gc.cycles  03:12:05 to 03:12:11' 'the figures'
has "$work/true.json" '"first": null' 'nothing parts'
has "$work/true.json" '"clock": "03:12:04"' 'a window begins at the onset'
is 'judged' "$(grep -c '"apart": null' "$work/true.json")" 1

# The same, told wrong: the first is the earliest that is not as told, the log's before the run's.
sed 's/value: 9, within: 25%/value: 90/; s/peak: 80MiB/peak: 200MiB/' "$work/true.zoned" > "$work/false.zoned"
import false "$log" --at 2024-05-03T03:12:00Z --timeline "$work/false.zoned"
run false
has "$work/false.txt.part" '^THE CURVES PART at 03:12:04, run [0-9.]* s: live heap at its worst: told 200MiB, logged' 'told wrong'
has "$work/false.txt.part" '^           then at 03:12:05, run [0-9.]* s: collections: told 90, here' 'told wrong'
is 'first' "$(first false clock)" 03:12:04
is 'first' "$(first false what)" 'liveheapatitsworst'
has "$work/false.json" '"logged_apart": true' 'the log says otherwise'

# Another room for the heap than the log's: the curves part, and the clock says when.
cat > "$work/half.timeline" <<'YAML'
version: 1
incident: churn
onset: 03:12:06
YAML
bad_before=$bad
import parted "$log" --at 03:12 --timeline "$work/half.timeline"
has "$work/parted.said" 'from 03:12:06 (@6.000s to the log.s end); 0 things seen' 'no end'
run parted --set target.gogc=40
has "$work/parted.txt.part" '^THE CURVES PART at 03:1[12]:[0-9][0-9], run' 'curves part'
has "$work/parted.json" '"between": \[' 'between which'
is 'between' "$(first parted what | grep -c 'cycles\|period\|goal')" 1
[ "$bad" = "$bad_before" ] || cat "$work/parted.txt.part" >&2
grep -q '"parts": true' "$work/parted.json" || fault 'no window is marked'

# Scales: bytes that were told are divided, the clock goes faster.
code 0 "$bin" run --sim --plain --time-scale 2 --heap-scale 2 -o "$work/scaled.gcrun" "$work/true.yaml"
has "$work/out" 'told: live heap at its worst: 80MiB, to scale 40 MiB; logged' 'scaled'
has "$work/out" '03:12:05 to 03:12:11' 'scaled'

# Only the part around the incident.
sed 's/^source:.*/margin: 2s/' "$work/true.zoned" > "$work/margin.zoned"
import margin "$log" --at 2024-05-03T03:12:00Z --timeline "$work/margin.zoned"
has "$work/margin.said" 'of the log [0-9]* cycles are left out, being farther than 2s' 'margin'
code 0 "$bin" check "$work/margin.yaml"
code 0 "$bin" import --format json -o "$work/json.yaml" "$log" --at 2024-05-03T03:12:00Z --timeline "$work/margin.zoned"
has "$work/out" '"onset": "2024-05-03T03:12:04Z"' 'as JSON'
has "$work/out" '"onset_log_ns": 4000000000' 'as JSON'
import alone "$log" --at 23:59:59.5
has "$work/alone.yaml" '^clock: "23:59:5' '--at alone'

# The timeline that the documents show, on a log of that length: a cycle each two seconds for half an hour.
awk '/^```timeline/ { on = 1; next } /^```/ { on = 0 } on' "$src/docs/post-mortems.md" > "$work/shown"
[ -s "$work/shown" ] || fault 'the documents show no timeline'
awk 'BEGIN { for (i = 1; i <= 900; i++) printf "gc %d @%d.000s 1%%: 0.02+1.0+0.03 ms clock, 0.04+0.1/0.9/0+0.06 ms cpu, 38->39->20 MB, 40 MB goal, 0 MB stacks, 0 MB globals, 2 P\n", i, 2 * i }' > "$work/log"
import shown "$work/log" --at 2024-05-03T03:10:00Z --timeline "$work/shown"
has "$work/shown.said" 'incident checkout: from 2024-05-03T03:12:00Z to 2024-05-03T03:29:00Z (@120.000s to @1140.000s); 5 things seen$' 'what the documents show'
has "$work/shown.said" '270 cycles are left out' 'what the documents show'
code 0 "$bin" check "$work/shown.yaml"

# What cannot be.
refused() { what=$1; shift; code 2 "$bin" import "$log" "$@"; has "$work/err" "$what" "$*"; [ -s "$work/out" ] && fault "$*: something on standard output"; }
refused 'timeline needs --at' --timeline "$work/true.zoned"
refused 'what the clock showed' --at noon
refused 'there is no such moment' --at 25:00
refused 'lies outside of the log: it was 2024-05-03T03:12:04Z to 2024-05-03T03:12:12Z, and the log goes from 2024-05-03T04:00:00.058Z (@0.058s) to' \
	--at 2024-05-03T04:00:00Z --timeline "$work/true.zoned"
refused 'has a date and a zone, and --at has none' --at 03:12 --timeline "$work/true.zoned"
refused 'cannot read the timeline' --at 03:12 --timeline "$work/absent"
sed 's/incident:/incidents:/' "$work/true.zoned" > "$work/wrong.zoned"
refused "wrong.zoned:2:1: error: unknown key 'incidents' in the timeline" --at 03:12 --timeline "$work/wrong.zoned"
has "$work/err" "did you mean 'incident'" 'a hint'
grep '^gc 2 @' "$log" > "$work/one"
code 2 "$bin" import "$work/one" --at 03:12 --timeline "$work/half.timeline"
has "$work/err" 'no two cycles in a row' 'one cycle has no time'

[ "$bad" = 0 ] && echo "timeline.sh: all as it should be"
[ "$bad" = 0 ]
