#!/bin/sh
# follow.sh: a curve is followed in the simulation, its cycles become a log as Go writes it, and that log is followed: along the same
# curve with another seed, imported, and along a wrong curve; then the logs of real programs. What the report says of each.
set -u
src=${GCSTORM_SOURCE:-.}
bin=${GCSTORM_BUILD:-build}/gcstorm
curve=$src/tests/scenarios/follow.yaml
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
bad=0

fault() { echo "$1" >&2; bad=$((bad + 1)); }
has() { grep -q -- "$2" "$1" || { fault "$3: no '$2' in:"; cat "$1" >&2; }; }
run() { # NAME OPTIONS... SCENARIO: a simulated run; its report in $work/NAME.json and NAME.txt
	name=$1; shift
	"$bin" run --sim --plain -o "$work/$name.gcrun" "$@" > "$work/$name.txt" 2> "$work/err" || { fault "$name: exit $?"; cat "$work/err" >&2; }
	"$bin" report --format json "$work/$name.gcrun" > "$work/$name.json" || fault "$name: no report"
}
number() { # NAME KEY: the first number of that key
	sed -n "s/^ *\"$2\": *\([-0-9.e]*\),*\$/\1/p" "$work/$1.json" | head -n 1
}
least() { # NAME VALUE: the overall score is at least that
	score=$(number "$1" overall)
	awk -v a="${score:-0}" -v b="$2" 'BEGIN { exit !(a >= b) }' || { fault "$1: fidelity ${score:-none}, not $2"; sed -n '/^FIDELITY/,$p' "$work/$1.txt" >&2; }
}

# The cycles of a run as a log. A run that follows a log tells its own cycles beside it: so one line is given for a start.
{ cat "$curve"; echo 'logged: {source: "none", at: 0s, lines: ["gc 1 @0.000s 0%: 0+0+0 ms clock, 0+0/0/0+0 ms cpu, 8->8->8 MB, 16 MB goal, 2 P",'
	echo '    "gc 2 @16.000s 0%: 0+0+0 ms clock, 0+0/0/0+0 ms cpu, 8->8->8 MB, 16 MB goal, 2 P"]}'; } > "$work/none.yaml"
run none "$work/none.yaml"
awk '
	/"logged": \{|"logged": null/ { ours = 0 }
	/"reproduced": \{/ { ours = 1 }
	ours && /:/ { key = $1; gsub(/[":]/, "", key); value = $2; sub(/,/, "", value); v[key] = value }
	ours && /\}/ {
		ours = 0
		printf "gc %d @%d.%03ds 1%%: %.3f+%.3f+%.3f ms clock, 0+0/0/0+0 ms cpu, %d->%d->%d MB, %d MB goal, 0 MB stacks, 0 MB globals, 2 P%s\n",
			v["cycle"], v["start_ns"] / 1e9, int(v["start_ns"] / 1e6) % 1000, v["stop_first_ns"] / 1e6, v["mark_ns"] / 1e6,
			v["stop_second_ns"] / 1e6, v["heap_start"] / 1048576, v["heap_end"] / 1048576, v["heap_live"] / 1048576,
			v["goal"] / 1048576, v["forced"] == "true" ? " (forced)" : ""
	}' "$work/none.json" > "$work/log"
cycles=$(wc -l < "$work/log")
[ "$cycles" -ge 30 ] || fault "only $cycles cycles"
[ "$(grep -c forced "$work/log")" = 1 ] || fault "not one forced cycle: $(grep forced "$work/log")"

# The same curve, another seed: but for the log's whole MiB and ms the same cycles.
first=$(sed -n '1s/.*@\([0-9.]*\)s .*/\1/p' "$work/log")
{ cat "$curve"; echo "logged:"; echo "  source: derived"; echo "  at: ${first}s"; echo "  lines:"; sed 's/.*/    - "&"/' "$work/log"; } > "$work/own.yaml"
run own --seed 77 "$work/own.yaml"
least own 0.9
logged=$(sed -n '/"logged": {/,$s/^ *"cycle": *\([0-9]*\),*$/\1/p' "$work/own.json" | head -n 1)
[ "$logged" = "$(sed -n '1s/gc \([0-9]*\) .*/\1/p' "$work/log")" ] || fault "the first logged cycle is another one"
has "$work/own.txt" '^FOLLOWED LOG  derived  heap 1/1, time 1x' 'the head'
has "$work/own.txt" 'those that differ most' 'a long table is folded'
has "$work/own.txt" '^FIDELITY  [0-9.]*%, the lowest of' 'the scores'
[ "$(grep -c '"reproduced": {' "$work/own.json")" -ge "$cycles" ] || fault "JSON has not all cycles"

# The same seed: the same run, the same score.
run again --seed 77 "$work/own.yaml"
[ "$(number again overall)" = "$(number own overall)" ] || fault "the same seed, another score"
[ "$(sed -n 's/.*"hash": //p' "$work/again.json")" = "$(sed -n 's/.*"hash": //p' "$work/own.json")" ] || fault "the same seed, another run"

# Twice as fast at half the size: the log is scaled along, the goals stay above the smallest.
run scaled --time-scale 2 --heap-scale 2 "$work/own.yaml"
least scaled 0.85
has "$work/scaled.txt" 'heap 1/2, time 2x' 'the scales'

# Half the room: twice the cycles, and said so.
sed 's/gogc: 100}/gogc: 40}/; s/gogc: 50}/gogc: 20}/' "$work/own.yaml" > "$work/wrong.yaml"
run wrong "$work/wrong.yaml"
awk -v a="$(number wrong overall)" 'BEGIN { exit !(a < 0.75) }' || fault "a wrong curve scores $(number wrong overall)"

# The log alone, imported.
"$bin" import "$work/log" -o "$work/imported.yaml" 2> "$work/err" || { fault "import: exit $?"; cat "$work/err" >&2; }
run imported "$work/imported.yaml"
least imported 0.8

# Logs of real Go programs, imported; and of one on the spot, where Go is: if it stood still meanwhile for seconds, as happens on a busy machine, its log has
# a gap that no curve has, so it has three tries.
real() { # a log: its score
	real=$(basename "$1" .log)
	rm -f "$work/$real".gcrun* "$work/$real.yaml"
	"$bin" import "$1" -o "$work/$real.yaml" 2> "$work/err" || { fault "import $1: exit $?"; cat "$work/err" >&2; }
	run "$real" "$work/$real.yaml"
	score=$(number "$real" overall)
}
if command -v go > "$work/out" 2>&1 && go build -o "$work/heap" "$src/tests/go/heap.go" 2> "$work/err"; then
	for turn in 1 2 3; do
		GOMAXPROCS=2 GODEBUG=gctrace=1 "$work/heap" change 2> "$work/spot-go.log" || fault "heap.go: exit $?"
		real "$work/spot-go.log"
		awk -v a="${score:-0}" 'BEGIN { exit !(a >= 0.8) }' && break
		echo "spot-go: $score"
	done
else
	echo "follow.sh: no Go here: only the logs that are at hand"
fi
for log in "$src"/tests/logs/*-go*.log "$work"/*-go.log; do
	[ -s "$log" ] || continue
	real "$log"
	least "$real" 0.8
	echo "$real: $score"
done

[ "$bad" = 0 ] && echo "follow.sh: all as it should be"
[ "$bad" = 0 ]
