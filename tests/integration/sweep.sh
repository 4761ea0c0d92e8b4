#!/bin/sh
# sweep.sh: visits of mem/ fail over each driver, once and persistently, and are clean or masked; a saboteur is found; a sweep that is
# killed goes on and finds the same; one that learns nothing says so.
. "${GCSTORM_SOURCE:-.}/tests/integration/lib.sh"
here=$src/tests/scenarios

"$bin" sweep "$here/sweep-maps.yaml" --point mem/malloc --limit 1 > "$work/out" 2> "$work/err"
if [ $? = 3 ] && grep -q 'disable-faults' "$work/err"; then echo 'no faults in this build'; exit 77; fi

# --- each driver, each point of mem/: here the call stacks and a visit more; all of them in tests/long/sweep_mem.sh
for driver in maps maps-large keys sync slices slices-large heap echo echo-large; do
	for mode in once persistent; do
		"$bin" sweep "$here/sweep-$driver.yaml" --point 'mem/*' --mode $mode --limit 4 > "$work/out" 2> "$work/err"
		got=$?
		[ $got = 0 ] || [ $got = 5 ] || { fault "$driver $mode: exit $got"; cat "$work/out" "$work/err" >&2; }
		has "$work/out" '^sweep of mem/malloc over sweep-'$driver',.* 4 of [0-9]* visits$' "$driver $mode"
		has "$work/out" '^  [1-4] of [0-9]* call stacks' "$driver $mode"
		has "$work/out" '^  clean .* 4$' "$driver $mode"
		has "$work/out" '^  mem/malloc .*  PASS$' "$driver $mode: the map"
		hasnt "$work/out" '^FAIL' "$driver $mode"
	done
done
code 5 "$bin" sweep "$here/sweep-maps.yaml" --point 'mem/*' --limit 1
has "$work/out" '^  mem/large  *not visited  *not visited  *not visited  INCONCLUSIVE' 'cells that were not reached'
has "$work/out" '^  mem/malloc .* not reached  PASS' 'cells that were not reached'

# --- below the policy one refusal is masked by the collection that follows, and all of them are not
code 5 "$bin" sweep "$here/sweep-heap.yaml" --point mem/large --limit 12
has "$work/out" '^  masked .* 12$' 'mem/large once'
has "$work/err" 'no failure ever reached the program' 'mem/large once'
code 0 "$bin" sweep "$here/sweep-heap.yaml" --point mem/large --mode persistent --limit 12

# --- a saboteur is found, and what repeats it is printed as a shell takes it
code 99 "$bin" sweep "$here/sweep-maps.yaml" --set 'workload.maps.mix={insert: 60, delete: 40}' --point sabotage/lost_bucket --limit 3
has "$work/out" '^  partial .* 3$' 'lost buckets'
again=$(sed -n 's/^  repeat: gcstorm //p' "$work/out" | head -n 1)
eval "set -- $again"
code 99 "$bin" "$@"
has "$work/out" '^visit [0-9]* of sabotage/lost_bucket: partial' 'one visit again'
set --

# --- whole, and killed at a moment that the state names: the same table
code 0 "$bin" sweep --format json "$here/sweep-slices.yaml" --point mem/malloc
cp "$work/out" "$work/want"
has "$work/want" '"failures":\[\]' 'a whole sweep'
kills=0 done=0
position() { sed -n 's/.*"position":\([0-9]*\),.*/\1/p' "$work/state.json" 2> /dev/null; }
further() { [ "$(position)" -gt "$1" ] || ! alive "$harness"; }
while [ $kills -lt 2 ] && [ $done -lt 5 ]; do
	was=$(position)
	"$bin" sweep "$here/sweep-slices.yaml" --point mem/malloc --resume "$work/state.json" > "$work/out" 2> "$work/err" &
	harness=$!
	until_true 300 further "${was:-0}" || { fault 'no state was kept'; cat "$work/err" >&2; break; }
	kill -9 $harness 2> /dev/null
	wait $harness 2> /dev/null
	if [ $? = 137 ]; then
		kills=$((kills + 1))
	else # this shell had no processor before all was done: from the beginning
		done=$((done + 1))
		rm -f "$work/state.json"
	fi
done
[ $kills = 2 ] || fault "killed $kills times"
harness=
[ "$(position)" -gt 0 ] || fault 'nothing was kept'
code 0 "$bin" sweep --format json "$here/sweep-slices.yaml" --point mem/malloc --resume "$work/state.json"
cmp -s "$work/out" "$work/want" || { fault 'a sweep that was killed found otherwise'; cat "$work/want" "$work/out" >&2; }
code 2 "$bin" sweep "$here/sweep-slices.yaml" --point mem/malloc --mode persistent --resume "$work/state.json"
has "$work/err" 'is of another sweep' 'the state of another'

# --- nothing visited; a visit alone; what is refused
code 5 "$bin" sweep "$here/sweep-maps.yaml" --point gc/append
has "$work/err" 'never visited' 'nothing visited'
code 0 "$bin" sweep "$here/sweep-maps.yaml" --point mem/malloc --visit 9
has "$work/out" '^visit 9 of mem/malloc: clean' 'one visit'
code 5 "$bin" sweep "$here/sweep-maps.yaml" --point mem/malloc --visit 9999999
has "$work/err" 'nothing fired: the point was visited [0-9]* times' 'a visit too far'
code 2 "$bin" sweep "$here/sweep-maps.yaml"
code 2 "$bin" sweep "$here/sweep-maps.yaml" --point mem/maloc
has "$work/err" "did you mean 'mem/malloc'" 'a wrong point'
code 2 "$bin" sweep "$here/sweep-maps.yaml" --point mem/malloc --mode twice
code 2 "$bin" sweep "$here/sweep-maps.yaml" --point 'os/*'
code 2 "$bin" sweep "$here/sweep-maps.yaml" --point os/mmap
has "$work/err" 'a simulated target makes none' 'a system call, simulated'
code 2 "$bin" sweep "$here/sweep-maps.yaml" --point 'mem/*' --visit 3
code 2 "$bin" sweep "$here/sweep-maps.yaml" --point netpoll/wake
over sweep
