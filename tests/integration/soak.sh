#!/bin/sh
# soak.sh: a soak of simulated rounds that is killed three times at random and loses no finished round; what a failing round
# prints repeats it to the last bit; how a soak ends, and what it refuses.
set -u
src=${GCSTORM_SOURCE:-.}
build=${GCSTORM_BUILD:-build}
bin=$build/gcstorm
scenario=$src/tests/scenarios/good/short.yaml
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
XDG_STATE_HOME=$work/state; export XDG_STATE_HOME
bad=0

fault() { echo "$1" >&2; bad=$((bad + 1)); }
code() { want=$1; shift; "$@" > "$work/out" 2> "$work/err"; got=$?; [ "$got" = "$want" ] || { fault "exit $got, not $want: $*"; cat "$work/out" "$work/err" >&2; }; }
has() { grep -q -- "$2" "$1" || { fault "$3: no '$2' in:"; cat "$1" >&2; }; }
hasnt() { grep -q -- "$2" "$1" && { fault "$3: '$2' in:"; cat "$1" >&2; }; }

# Rounds as they were printed, one a line: number, scenario, seed, verdict, hash.
rounds() {
	sed -n 's/^{"round":{"number":\([0-9]*\),.*"scenario":"\([^"]*\)","seed":"\([^"]*\)".*"verdict":"\([^"]*\)".*"hash":"\([^"]*\)".*/\1 \2 \3 \4 \5/p' "$@"
}

# --- undisturbed, then the same soak killed at random. The second scenario fails in every round.
strict=$work/strict.yaml
sed -e 's/^name: short/name: strict/' -e 's/check: "target.crashes == 0"/check: "ops.errors == 0"/' "$scenario" > "$strict"
total=12
code 99 "$bin" soak --format json --sim --rounds $total --seed 0x5eed -o "$work/calm" "$scenario" "$strict"
rounds "$work/out" > "$work/want"
[ "$(wc -l < "$work/want")" = $total ] || { fault 'an undisturbed soak did not print every round'; cat "$work/out" >&2; }
[ "$(awk '{print $3}' "$work/want" | sort -u | wc -l)" = $total ] || fault 'two rounds had one seed'
[ "$(grep -c ' strict 0x[0-9a-f]* FAIL [0-9a-f]' "$work/want")" = 6 ] || { fault 'the strict scenario did not fail each time'; cat "$work/want" >&2; }

seed=${GCS_TEST_SEED:-$$}
echo "kills are drawn from GCS_TEST_SEED=$seed"
: > "$work/printed"
kills=0
args="--rounds $total --sim --seed 0x5eed -o $work/killed $scenario $strict"
while :; do
	: > "$work/now" # the last one's rounds: they must not be counted again
	# shellcheck disable=SC2086
	"$bin" soak --format json $args > "$work/now" 2> "$work/err" &
	pid=$!
	if [ $kills -lt 3 ]; then
		# Let it finish up to two rounds more, then a little of the next: how much is drawn.
		seed=$(((seed * 1103515245 + 12345) % 2147483648))
		more=$((seed / 65536 % 2 + 1))
		until [ "$(rounds "$work/now" | wc -l)" -ge $more ] || ! kill -0 $pid 2> /dev/null; do sleep 0.02; done
		sleep "0.$(printf %03d $((seed / 1024 % 200)))"
		kill -9 $pid 2> /dev/null
	fi
	wait $pid 2> /dev/null
	got=$?
	rounds "$work/now" >> "$work/printed"
	[ $got = 137 ] || break
	kills=$((kills + 1))
	# What was printed as finished is finished, with its record.
	code 0 "$bin" report --format json "$work/killed"
	done=$(sed -n 's/.*"summary":.*"rounds":\([0-9]*\),"spent.*/\1/p' "$work/out")
	[ "${done:-0}" -ge "$(wc -l < "$work/printed")" ] || fault "after kill $kills: $done rounds are known, but $(wc -l < "$work/printed") were printed"
	while read -r number name _ _ _; do
		record=$work/killed/round-$(printf %04d "$number")-$name.gcrun
		"$bin" report "$record" > "$work/one" 2>&1 || { fault "after kill $kills: round $number has no record"; cat "$work/one" >&2; }
		hasnt "$work/one" UNFINISHED "the record of round $number"
	done < "$work/printed"
	args="--resume $work/killed"
done
[ $got = 99 ] || { fault "the resumed soak: exit $got"; cat "$work/now" "$work/err" >&2; }
# A round that was committed, but killed before its line, is told by nobody: the state has them all.
sort -n -u "$work/printed" | while read -r line; do grep -qxF "$line" "$work/want" || echo "$line"; done > "$work/other"
[ -s "$work/other" ] && { fault 'a killed soak ran other rounds:'; cat "$work/other" >&2; }
[ "$(awk '{print $1}' "$work/printed" | sort -n | uniq -d | wc -l)" = 0 ] || { fault 'a finished round was run again'; cat "$work/printed" >&2; }
has "$work/now" "\"rounds\":$total," 'the summary after the kills'
echo "killed $kills times"
[ $kills -ge 1 ] || fault 'it was over before it was killed'
ls "$work/calm" | grep '^round' > "$work/files"
ls "$work/killed" | grep '^round' | cmp -s - "$work/files" || { fault 'other files are left after the kills'; ls "$work/killed" >&2; }
code 99 "$bin" soak --resume "$work/killed"
has "$work/out" 'this soak has ended: all rounds are done' 'a soak that has ended'
has "$work/out" "$total rounds in" 'its summary'
has "$work/out" 'harness  .* KiB a round' 'the slope of its memory'

# --- the printed command repeats a failing round
has "$work/out" 'again: gcstorm run --sim --seed 0x' 'the command that repeats it'
number=$(awk '$4 == "FAIL" {print $1; exit}' "$work/want")
hash=$(awk '$4 == "FAIL" {print $5; exit}' "$work/want")
again=$(sed -n "/^  #000$number /,/again:/s/^ *again: //p" "$work/out")
mkdir "$work/path"
ln -s "$(cd "$build" && pwd)/gcstorm" "$work/path/gcstorm"
(PATH=$work/path:$PATH; sh -c "$again --format json --plain") > "$work/repeated" 2> "$work/err"
[ $? = 99 ] || { fault "'$again' does not fail"; cat "$work/repeated" "$work/err" >&2; }
has "$work/repeated" "\"hash\": *\"$hash\"" "'$again'"

# --- thinned records can be read, whole ones are whole
code 0 "$bin" report "$work/calm/round-0001-short.gcrun"
has "$work/out" '^THINNED' 'a passed record'
code 0 "$bin" report "$work/calm/round-0002-strict.gcrun"
hasnt "$work/out" '^THINNED' 'a failed record'
code 0 "$bin" list runs
hasnt "$work/out" round- 'list runs shows rounds of a soak'

# --- interrupted, by hand, and gone on with
"$bin" soak --sim --for 10m "$scenario" > "$work/out" 2> "$work/err" &
pid=$!
until grep -q '^#0001' "$work/out" || ! kill -0 $pid 2> /dev/null; do sleep 0.05; done
kill -TERM $pid
wait $pid
[ $? = 143 ] || { fault 'a soak that was terminated: not 143'; cat "$work/out" "$work/err" >&2; }
has "$work/out" 'It has not ended. To go on: gcstorm soak --resume' 'a terminated soak'
dir=$(sed -n 's/.*gcstorm soak --resume //p' "$work/out")
case $dir in "$work"/state/gcstorm/soaks/short-*) ;; *) fault "it lies in '$dir'" ;; esac
[ "$(stat -c %a "$dir")" = 700 ] || fault "$dir: mode $(stat -c %a "$dir")"
finished=$(sed -n 's/^SOAK short: \([0-9]*\) round.*/\1/p' "$work/out")
code 0 "$bin" soak --resume "$dir" --rounds $((finished + 1))
has "$work/out" "$finished rounds* finished" 'what it found'
has "$work/out" "^SOAK short: $((finished + 1)) rounds" 'a soak that was gone on with'

# --- until one fails
code 99 "$bin" soak --sim --until-failure --rounds 9 -o "$work/until" "$scenario" "$strict"
has "$work/out" 'It has ended: a round failed' '--until-failure'
has "$work/out" '^SOAK short: 2 rounds' '--until-failure'

# --- refused
code 2 "$bin" soak
has "$work/err" 'soak wants a scenario' 'no scenario'
code 2 "$bin" soak --sim -o "$work/calm" "$scenario"
has "$work/err" 'no empty directory' 'a directory with something in it'
code 2 "$bin" soak --resume "$work/calm" "$scenario"
has "$work/err" '--resume takes no scenario' 'a scenario with --resume'
code 2 "$bin" soak --resume "$work/calm" --seed 3
has "$work/err" '--seed is not for it' 'an option with --resume'
code 2 "$bin" soak --resume "$work"
has "$work/err" 'there is no soak in' 'a directory without a soak'
code 2 "$bin" soak --for 8 "$scenario"
has "$work/err" '--for wants a number like 8h' 'a time without its unit'
code 2 "$bin" soak --disk 10MiB "$scenario"
has "$work/err" 'at least 64MiB' 'too little room'
code 2 "$bin" soak no-such-scenario
has "$work/err" "there is no scenario 'no-such-scenario'" 'a scenario that is not there'
code 2 "$bin" soak --set seed=3 "$scenario"
has "$work/err" '--set seed is not for a soak' 'a seed by --set'
code 3 "$bin" soak --sim -o /proc/nowhere "$scenario"
has "$work/err" 'no soak in /proc/nowhere' 'a directory that cannot be'

[ "$bad" = 0 ] && echo "soak.sh: all as it should be"
[ "$bad" = 0 ]
