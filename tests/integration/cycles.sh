#!/bin/sh
# cycles.sh: each point at the edges of a collection, and each place and mode of gc/write, laid over a simulated run in its compact form:
# it fires, what is due to it is said, nothing is wrong in the heap, and the run is the same the second time.
. "$(dirname "$0")/lib.sh"
cycles=$src/tests/scenarios/cycles.yaml

run() { # NAME FAULT MORE: more arguments
	record=$work/$1.gcrun fault=$2
	shift 2
	code 0 "$bin" run --plain --sim -o "$record" --fault "$fault,for=200ms,id=it" --set 'expect=["fault.it.fired >= 2"]' "$@" "$cycles"
	hash=$(sed -n 's/.*  hash \([0-9a-f]*\) .*/\1/p' "$work/out")
}

# A fault, and what the report says is due to it.
try() { # FAULT DUE...
	point=$1
	shift
	run one "$point"
	for due in "$@"; do has "$work/out" "due to it:.*$due" "$point"; done
	rm -f "$work"/*.gcrun*
}

# With a goal of 2 MiB the trigger is where the sweep's slack puts it, whatever the pacer reckons.
run one gc/pacer:by=20 --set target.gogc=150 --set workload.slices.rate=40k/s
has "$work/out" 'due to it:.*collection.*stop' gc/pacer:by=20
rm -f "$work"/*.gcrun*
try gc/gogc:by=2 collection stop
try gc/roots:delay=1ms assist collection
try gc/mark:delay=1ms assist collection
try gc/termination:delay=1ms assist stop
try gc/sweep_start:delay=1ms
try gc/worker:action=drop stop
try stw/spin:delay=500us,every=50 stop
for where in before_shade after_shade after_store; do
	try gc/write:where=$where,every=200 collection stop
	try gc/write:where=$where,mode=cycle,every=500 collection stop
	try gc/write:where=$where,edge=true collection stop
done

# All of them together, twice.
all() {
	run "$1" gc/write:where=after_shade,mode=cycle,every=900 --fault gc/write:where=after_store,edge=true,every=3,for=200ms \
		--fault gc/pacer:by=20,every=2,for=200ms --fault gc/gogc:by=0.5,every=2,for=200ms --fault gc/roots:delay=1ms,every=3,for=200ms \
		--fault gc/mark:delay=1ms,every=3,for=200ms --fault gc/termination:delay=1ms,every=3,for=200ms \
		--fault gc/sweep_start:delay=1ms,every=3,for=200ms --fault gc/worker:action=drop,every=2,for=200ms \
		--fault stw/spin:delay=500us,every=200,for=200ms
}
all first
first=$hash
all second
[ -n "$hash" ] && [ "$hash" = "$first" ] || fault "all together: hash '$first', then '$hash'"

# The Kth store, of each worker; in the plan it is said in words.
run kth gc/write:mode=cycle,nth=100,where=after_shade
has "$work/out" 'fired.*: 4 of' 'the Kth store of four workers'
code 0 "$bin" plan --fault gc/write:mode=cycle,where=after_store,nth=100 "$cycles"
tr -s '\n ' ' ' < "$work/out" > "$work/words"
has "$work/words" 'wait for a whole collection after the store, the 100th visit of each worker' 'the plan'

# Refused where it means nothing.
code 2 "$bin" check --fault gc/alloc:where=after_store "$cycles"
has "$work/err" "'where' means nothing at gc/alloc" 'a place elsewhere'
code 2 "$bin" check --fault gc/write:mode=start,edge=true "$cycles"
has "$work/err" 'can never fire' 'an edge at which nothing can start'

over cycles.sh
