#!/bin/sh
# diff.sh: one scenario on several targets. Simulated, so that what agrees and what does not is the same each time.
. "${GCSTORM_SOURCE:-.}/tests/integration/lib.sh"
scenario=$work/churn.yaml
cat > "$scenario" <<'YAML'
version: 1
name: churn
seed: 7
target: {procs: 2}
workload:
  - {id: maps, driver: map-churn, workers: 2, rate: 200k/s, keys: 50k, value: ptr}
phases:
  - {id: steady, for: 600ms}
YAML
diff() { want=$1 into=$2; shift 2; "$bin" diff "$scenario" --sim -o "$work/$into" "$@" > "$work/$into.out" 2> "$work/$into.err"; got=$?
	[ "$got" = "$want" ] || { fault "exit $got, not $want: diff $*"; cat "$work/$into.out" "$work/$into.err" >&2; }; }

# --- a target against itself is the same in everything, to the last bit
diff 0 self --targets embedded,embedded --band 1
has "$work/self.out" '^DIFF of churn: 6 rounds, targets in turn; simulated: every time is modelled$' self
has "$work/self.out" '^A = embedded: 6 PASS$' self
has "$work/self.out" '^maps p99 .* 1\.00 (1\.00 to 1\.00) *same$' self
has "$work/self.out" 'interval of 96\.9 %' self
has "$work/self.err" '^gcstorm: round 6 of 6: embedded$' 'rounds are told'
hasnt "$work/self.out" 'differs$\|open$' self
hasnt "$work/self.out" '^maps errors' 'a row of nothing'
hasnt "$work/self.out" '^resident max' 'a figure that the simulation does not have'
[ "$(ls "$work/self" | tr '\n' ' ')" = '1-1.gcrun 1-2.gcrun 2-1.gcrun 2-2.gcrun 3-1.gcrun 3-2.gcrun 4-1.gcrun 4-2.gcrun 5-1.gcrun 5-2.gcrun 6-1.gcrun 6-2.gcrun ' ] ||
	fault "records: $(ls "$work/self")"

# --- one that collects more often: what follows from that differs, and nothing else; JSON says the same as the records
diff 99 gogc --targets embedded,embedded:target.gogc=25 --format json
for metric in gc.cycles; do
	tr -d '\n' < "$work/gogc.out" | grep -q "\"metric\": \"$metric\".[^]]*\][^]]*\][^]]*\][^]]*\"agree\": \"differs\"" || fault "$metric does not differ"
done
tr -d '\n' < "$work/gogc.out" | grep -q '"metric": "ops.rate"[^}]*"agree": "same"' || fault 'the rate is not the same'
cycles=$(tr -d '\n ' < "$work/gogc.out" | sed 's/.*"metric":"gc.cycles"[^[]*"values":\[\[\([0-9]*\)[^]]*\],\[\([0-9]*\).*/\1 \2/')
recorded=
for target in 1 2; do
	"$bin" report --format json "$work/gogc/1-$target.gcrun" > "$work/report" 2> "$work/err" || fault "no report of target $target"
	recorded="$recorded $(tr -d '\n ' < "$work/report" | sed 's/.*"cycles":\([0-9]*\).*/\1/')"
done
[ "$cycles" = "${recorded# }" ] || fault "cycles of the first round: $cycles, by the records$recorded"

# --- what decides, and how near is near enough
diff 0 rate --targets embedded,embedded:target.gogc=25 --signals ops.rate@maps
has "$work/rate.out" '^GC cycles .*(differs)$' 'what does not decide'
has "$work/rate.out" 'In brackets: does not decide' 'what does not decide'
diff 0 wide --targets embedded,embedded:target.gogc=25 --signals gc.cycles --band 50
diff 5 few --targets embedded,embedded:seed=9 --rounds 2
has "$work/few.out" '-$' 'two rounds'

# --- nothing runs when something is wrong
wrong() { words=$1; shift; diff 2 wrong "$@"; has "$work/wrong.err" "$words" "diff $*"; hasnt "$work/wrong.err" 'round 1' "diff $*"; }
wrong 'wants the targets'
wrong "two at least, not 'embedded' alone" --targets embedded
wrong "no target can be 'embedded:gogc'" --targets embedded,embedded:gogc
wrong "no target can be 'go='" --targets embedded,go=
wrong "target.runtime" --targets embedded,jvm
wrong 'target embedded:target.gogk=5' --targets embedded,embedded:target.gogk=5
wrong "did you mean 'gc.cycles'" --targets embedded,embedded --signals gc.cylces
wrong 'behind the @ stands the id of a workload' --targets embedded,embedded --signals ops.rate@map
wrong '1 to 1000' --targets embedded,embedded --rounds 0
wrong 'a factor from 1 to 100' --targets embedded,embedded --band 0.9
mkdir "$work/full" && : > "$work/full/file"
diff 2 full --targets embedded,embedded
has "$work/full.err" 'there is something in it' 'a directory that is not empty'

# --- an interrupt leaves the table of what there is
"$bin" diff "$scenario" --sim --rounds 1000 --targets embedded,embedded --format json -o "$work/cut" > "$work/cut.out" 2> "$work/cut.err" &
pid=$!
until grep -q 'round 3' "$work/cut.err"; do kill -0 $pid 2> /dev/null || break; sleep 0.02; done
kill -TERM $pid
wait $pid
got=$?
[ "$got" = 143 ] || fault "interrupted: exit $got"
has "$work/cut.out" '"exit": 143' interrupted
has "$work/cut.out" '"planned": 1000' interrupted
has "$work/cut.out" '"metric": "op.latency.p99"' interrupted
over diff.sh
