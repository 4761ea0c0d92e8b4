#!/bin/sh
# versus.sh: records beside each other, printed (gcstorm view A B). Simulated, so that what is equal, and what is not, is the same each time.
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
  - {id: steady, for: 1500ms}
slo:
  - {id: calm, check: pause.stw.p99 < 1s}
YAML
sed 's/^name: .*/name: otherwise/' "$scenario" > "$work/otherwise.yaml"
run() { into=$1; shift; "$bin" run --plain -o "$work/$into.gcrun" "$@" > "$work/out" 2> "$work/err" || { fault "the run $into"; cat "$work/out" "$work/err" >&2; }; }
view() { want=$1; shift; code "$want" "$bin" view "$@" < /dev/null; }
mkdir "$work/a" "$work/b" "$work/c" "$work/none"
for seed in 1 2 3 4 5 6; do
	run "a/$seed" --sim --seed $seed "$scenario"
	run "b/$seed" --sim --seed $seed --set target.gogc=10 "$scenario"
	run "c/$seed" --sim --seed $seed "$scenario"
done
run other --sim "$work/otherwise.yaml"
"$bin" run --plain -o "$work/real.gcrun" "$scenario" > "$work/out" 2>&1 # on a busy machine its figures may be untrusted (exit 7)
before=$(cat "$work"/[abc]/*.gcrun | cksum)

# --- what is equal by construction is the same in every figure, to the last bit
view 0 "$work/a" "$work/c" --band 1
has "$work/out" '^A = 6 runs of churn: embedded/2P, 6 of 6 count$' equal
has "$work/out" '^6 pairs of one seed, interval 96\.9 %; same: all of it within 1/1 to 1$' equal
has "$work/out" '^op\.latency\.p99@maps .* 1\.00 (1\.00 to 1\.00) same$' equal
hasnt "$work/out" 'WORSE$\|better$\|open$\|differs$\|^otherwise\|not counted' equal
[ "$(grep -c ' same$' "$work/out")" -ge 8 ] || { fault 'few figures'; cat "$work/out" >&2; }
has "$work/out" '^calm: pause\.stw\.p99 < 1s$' 'an SLO'
has "$work/out" '  6 of 6 ok   6 of 6 ok$' 'an SLO'

# --- a difference that is planted: it is found, named, and on the right side; what does not follow from it is the same
view 99 "$work/a" "$work/b" --plain
has "$work/out" '^otherwise on B: target\.gogc 100 -> 10$' planted
has "$work/out" '^gc\.cycles .* differs$' planted
has "$work/out" '^gc\.cpu .* WORSE$' planted
has "$work/out" '^ops\.rate@maps .* same$' planted
view 99 "$work/b" "$work/a"
has "$work/out" '^gc\.cpu .* better$' 'the other way round'
view 99 "$work/a" "$work/b" --format json
tr -d '\n' < "$work/out" | grep -q '"metric": "gc.cpu",[^}]*"verdict": "WORSE"' || { fault 'JSON does not say so'; cat "$work/out" >&2; }
view 0 "$work/a" "$work/c" --format json --band 1
hasnt "$work/out" WORSE 'JSON of what is equal'

# --- one against one: the figures of their reports, a ratio, and neither interval nor verdict
view 5 "$work/a/1.gcrun" "$work/b/1.gcrun"
has "$work/out" 'no interval; nothing is decided' 'one against one'
hasnt "$work/out" ' to [0-9.]*)\|WORSE$\|same$' 'one against one'
recorded=
for side in a b; do
	"$bin" report --format json "$work/$side/1.gcrun" > "$work/report" 2> "$work/err" || fault "no report of $side"
	recorded="$recorded $(tr -d '\n ' < "$work/report" | sed 's/.*"cycles":\([0-9]*\).*/\1/')"
done
shown=$(awk '$1 == "gc.cycles" { print $2, $3, $4 }' "$work/out")
want=$(echo "$recorded" | awk '{ r = $2 / $1; printf "%d %d %s\n", $1, $2, sprintf(r >= 100 ? "%.0f" : r >= 10 ? "%.1f" : "%.2f", r) }')
[ "$shown" = "$want" ] || fault "cycles: '$shown', by the records '$want'"

# --- sets of files; those of one seed stand against each other whatever their order
a=$work/a c=$work/c
view 0 --band 1 "$a/1.gcrun" "$a/2.gcrun" "$a/3.gcrun" "$a/4.gcrun" "$a/5.gcrun" -- "$c/5.gcrun" "$c/4.gcrun" "$c/3.gcrun" "$c/2.gcrun" "$c/1.gcrun"
has "$work/out" '^5 pairs of one seed, interval 93\.8 %' 'files'
view 5 "$a/1.gcrun" "$a/2.gcrun" -- "$c"
has "$work/out" '^2 pairs of one seed: a verdict takes 5\.$' 'two and six'
has "$work/out" '^4 runs have no partner on the other side\.$' 'two and six'

# --- who does not count, and why; the others do
view 5 "$a/1.gcrun" "$work/other.gcrun"
has "$work/out" '^not counted: B other: another scenario: otherwise, not churn$' 'another scenario'
has "$work/out" '^Nothing is compared: no run of B counts\.$' 'another scenario'
hasnt "$work/out" '^gc.cycles  *[0-9][0-9]*  *[0-9][0-9]*  *[0-9]' 'another scenario has a ratio'
view 5 "$a/1.gcrun" "$work/real.gcrun"
has "$work/out" '^not counted: B real: real, where others are simulated$' 'real against simulated'
echo 'no record at all' > "$c/bad.gcrun"
view 0 "$a" "$c" --band 1
has "$work/out" '^not counted: B bad: .*not a' 'one that cannot be read'
has "$work/out" '^B = 7 runs of churn: embedded/2P, 6 of 7 count$' 'one that cannot be read'

# --- what cannot be compared is told, and nothing is printed
wrong() { words=$1; shift; view 2 "$@"; has "$work/err" "$words" "view $*"; [ ! -s "$work/out" ] || fault "view $*: something was printed"; }
wrong 'bad.gcrun.*not a' "$a/1.gcrun" "$c/bad.gcrun"
wrong 'bad.gcrun.*not a' "$c/bad.gcrun" "$a/1.gcrun"
wrong "no run 'nowhere'" "$a/1.gcrun" nowhere
wrong 'which of 3 records' "$a/1.gcrun" "$a/2.gcrun" "$a/3.gcrun"
wrong 'nothing stands behind the --' "$a/1.gcrun" --
wrong 'no record lies in' "$a" "$work/none"
wrong 'band wants a factor' "$a" "$c" --band wide
wrong 'two that are compared' "$a/1.gcrun" --format json
rm "$c/bad.gcrun"
[ "$before" = "$(cat "$work"/[abc]/*.gcrun | cksum)" ] || fault 'comparing records has changed them'
over versus
