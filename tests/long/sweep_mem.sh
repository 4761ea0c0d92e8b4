#!/bin/sh
# sweep_mem.sh [SEED...]: every visit of every point of mem/ that can fail, over each driver, once and persistently: all clean or masked,
# and each point visited over each driver. Takes minutes a seed; `make check` has a part of it (tests/integration/sweep.sh).
. "${GCSTORM_SOURCE:-.}/tests/integration/lib.sh"
here=$src/tests/scenarios
points='mem/malloc mem/refill mem/span mem/large mem/os_commit mem/os_reserve'

"$bin" sweep "$here/sweep-maps.yaml" --point mem/malloc --limit 1 > "$work/out" 2> "$work/err"
if [ $? = 3 ] && grep -q 'disable-faults' "$work/err"; then echo 'no faults in this build'; exit 77; fi

# Of once, what fails below the policy is masked, so that nothing is learnt of how the program takes it: exit 5.
sweep() { # scenario, mode, seed
	"$bin" sweep "$here/sweep-$1.yaml" --point 'mem/*' --mode "$2" --seed "$3" > "$work/$1.$2" 2> "$work/err"
	got=$?
	case $got in
	0 | 5) ;;
	*) fault "sweep-$1 $2, seed $3: exit $got"; cat "$work/$1.$2" "$work/err" >&2 ;;
	esac
	has "$work/$1.$2" '^where in the collector' "sweep-$1 $2, seed $3"
	sed -n '/^where in/,$p' "$work/$1.$2" >> "$work/map"
}

[ $# -gt 0 ] || set -- 1
for seed in "$@"; do
	for driver in maps slices heap echo; do
		: > "$work/map"
		for mode in once persistent; do
			sweep $driver $mode "$seed"
			[ $driver = heap ] || sweep $driver-large $mode "$seed" # heap has both
			[ $driver != maps ] || { sweep keys $mode "$seed"; sweep sync $mode "$seed"; }
			for point in $points; do
				grep "^  $point " "$work/map" | grep -qv 'not visited' || fault "$driver $mode, seed $seed: $point was never visited"
			done
		done
		cat "$work/$driver".* "$work/$driver"-large.* 2> /dev/null | awk -v what="$driver, seed $seed" '
			/^sweep of/ { sweeps++; visits += $(NF - 3) }
			END { print what ": " sweeps " sweeps, " visits " visits" }'
	done
done
over 'sweeps of mem/'
