#!/bin/sh
# seeds.sh: GCS_SEEDS seeds (10,000), half of them of tests/scenarios/mixed.yaml and half of mixed-more.yaml, from GCS_TEST_SEED (1) on, in
# parts of 500, GCS_JOBS at once (as many as there are processors). A part that passed stays passed: what is interrupted goes on where it was,
# as long as the programs and its scenario are the same. Failing seeds are kept in $GCS_LONG_DIR/seeds-SCENARIO-FIRST, and the rest is run
# nevertheless. Undecided ones (a fault that was drawn found no visit) say nothing of the runtime; more than one in a hundred of a scenario's
# is a fault of the scenario.
set -u
src=${GCSTORM_SOURCE:?} build=${GCSTORM_BUILD:?}
dir=${GCS_LONG_DIR:-$build/check-long}
seeds=${GCS_SEEDS:-10000} first=${GCS_TEST_SEED:-1} jobs=${GCS_JOBS:-$(nproc)} part=500
passed=0 failed=0 undecided=0 bad=0
mkdir -p "$dir" || exit 1
number() { sed -n "s/^ *\"$1\": \([0-9]*\),*\$/\1/p" "$2" | head -n 1; }

explore() { # FIRST COUNT
	part_dir=$dir/seeds-$name-$1
	before=$(cat "$part_dir.passed" 2> /dev/null)
	if [ "${before#* }" = "$2 $programs" ]; then
		echo "$name: seeds $1 to $(($1 + $2 - 1)): passed before"
		passed=$((passed + ${before%% *})) undecided=$((undecided + $2 - ${before%% *}))
		return
	fi
	rm -rf "$part_dir" "$part_dir.passed"
	"$build/gcstorm" explore "$scenario" --seed "$1" --seeds "$2" --jobs "$jobs" -o "$part_dir" > "$dir/out"
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

all() { # NAME COUNT
	name=$1 scenario=$src/tests/scenarios/$1.yaml next=$first end=$((first + $2)) before_undecided=$undecided
	programs=$(cat "$build/gcstorm" "$build/gcstorm-target-sim" "$scenario" | cksum)
	while [ "$next" -lt "$end" ]; do
		count=$((end - next < part ? end - next : part))
		explore "$next" "$count"
		next=$((next + count))
		echo "== of $seeds seeds $passed passed, $failed failed, $undecided are undecided"
	done
	[ $(((undecided - before_undecided) * 100)) -le "$2" ] || bad=1
}

all mixed $(((seeds + 1) / 2))
all mixed-more $((seeds / 2))
[ "$bad" = 0 ] && [ "$failed" = 0 ] && [ $((passed + undecided)) = "$seeds" ]
