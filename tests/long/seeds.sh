#!/bin/sh
# seeds.sh: GCS_SEEDS seeds (10,000) of tests/scenarios/mixed.yaml, from GCS_TEST_SEED (1) on, in parts of 500, GCS_JOBS at once (as many as
# there are processors). A part that passed stays passed: what is interrupted goes on where it was, as long as the programs are the same.
# Failing seeds are kept in $GCS_LONG_DIR/seeds-FIRST, and the rest is run nevertheless. Undecided ones (a fault that was drawn found no visit)
# say nothing of the runtime; more than one in a hundred is a fault of the scenario.
set -u
src=${GCSTORM_SOURCE:?} build=${GCSTORM_BUILD:?}
dir=${GCS_LONG_DIR:-$build/check-long}
seeds=${GCS_SEEDS:-10000} first=${GCS_TEST_SEED:-1} jobs=${GCS_JOBS:-$(nproc)} part=500
passed=0 failed=0 undecided=0
mkdir -p "$dir" || exit 1
number() { sed -n "s/^ *\"$1\": \([0-9]*\),*\$/\1/p" "$2" | head -n 1; }
programs=$(cat "$build/gcstorm" "$build/gcstorm-target-sim" "$src/tests/scenarios/mixed.yaml" | cksum)

explore() { # FIRST COUNT
	part_dir=$dir/seeds-$1
	before=$(cat "$part_dir.passed" 2> /dev/null)
	if [ "${before#* }" = "$2 $programs" ]; then
		echo "seeds $1 to $(($1 + $2 - 1)): passed before"
		passed=$((passed + ${before%% *})) undecided=$((undecided + $2 - ${before%% *}))
		return
	fi
	rm -rf "$part_dir" "$part_dir.passed"
	"$build/gcstorm" explore "$src/tests/scenarios/mixed.yaml" --seed "$1" --seeds "$2" --jobs "$jobs" -o "$part_dir" > "$dir/out"
	code=$?
	cat "$dir/out"
	case $code in 130 | 143) exit $code ;; esac
	[ -f "$part_dir/summary.json" ] || exit 1
	good=$(number passed "$part_dir/summary.json") bad=$(number failed "$part_dir/summary.json")
	passed=$((passed + good)) failed=$((failed + bad)) undecided=$((undecided + $2 - good - bad))
	case $code in 0 | 5) ;; *) return ;; esac
	rm -rf "$part_dir"
	echo "$good $2 $programs" > "$part_dir.passed"
}

end=$((first + seeds))
while [ "$first" -lt "$end" ]; do
	count=$((end - first < part ? end - first : part))
	explore "$first" "$count"
	first=$((first + count))
	echo "== of $seeds seeds $passed passed, $failed failed, $undecided are undecided"
done
[ "$failed" = 0 ] && [ $((passed + undecided)) = "$seeds" ] && [ $((undecided * 100)) -le "$seeds" ]
