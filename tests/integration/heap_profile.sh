#!/bin/sh
# heap_profile.sh: run --heap-profile: the file is a gzipped pprof that names the allocating functions, real and simulated; a simulated
# run repeats with it and without the file; and the ways in which there is none.
. "$(dirname "$0")/lib.sh"

# Functions of maps and slices; where the samples are depends on the run, that there are some of them does not.
ours='mrt_append|slice_grow|mrt_map_put|map_grow|map_array_alloc|churn_store'

profile() { # FILE NAME: a whole profile, with names
	[ -f "$1" ] || { fault "$2: no file"; return; }
	[ "$(od -An -tx1 -N2 "$1" | tr -d ' ')" = 1f8b ] || fault "$2: it does not begin as gzip"
	[ "$(stat -c %a "$1")" = 600 ] || fault "$2: mode $(stat -c %a "$1")"
	gzip -dc "$1" > "$work/plain" 2> "$work/gzip" || { fault "$2: gzip cannot read it"; cat "$work/gzip" >&2; }
	for name in alloc_objects alloc_space inuse_objects inuse_space gcstorm-target; do
		grep -qa "$name" "$work/plain" || fault "$2: no '$name' in it"
	done
	grep -qaE "$ours" "$work/plain" || fault "$2: no function of a map or slice in it"
}

top() { # FILE INDEX NAME: Go's own reader names one of ours under this index
	$go tool pprof -top -sample_index="$2" "$1" > "$work/top" 2>&1 || fault "$3: go tool pprof fails"
	grep -q "^Type: $2" "$work/top" || fault "$3: not a profile of $2"
	grep -qE "[1-9][0-9.]*[kMG]?B .*($ours)" "$work/top" || { fault "$3: $2 has no function of a map or slice"; cat "$work/top" >&2; }
}

go=
command -v go > /dev/null && go tool -n pprof > /dev/null 2>&1 && go=go
[ -n "$go" ] || echo "heap_profile.sh: no \`go tool pprof\` here: nobody else reads the profiles"

# A real run; 5 and 7 are: the machine was taken from us for a while, or from a fault. One sample in 4 KiB, as the scenario is short.
"$bin" run --plain -o "$work/real.gcrun" --heap-profile "$work/real.pb.gz" --set target.heap_profile_rate=4KiB "$scenario" \
	> "$work/out" 2> "$work/err"
got=$?
case $got in 0 | 5 | 7) ;; *) fault "real run: exit $got"; cat "$work/err" >&2 ;; esac
has "$work/err" "heap profile: $work/real.pb.gz" 'a real run'
profile "$work/real.pb.gz" 'a real run'

# A simulated one, and again: the same hash. A replay, which keeps no profile, has it too: the rate is in the record.
hash() { sed -n 's/.*  hash \([0-9a-f]*\) .*/\1/p' "$work/out"; }
code 0 "$bin" run --plain --sim -o "$work/one.gcrun" --heap-profile "$work/one.pb.gz" "$scenario"
profile "$work/one.pb.gz" 'a simulated run'
first=$(hash)
code 0 "$bin" run --plain --sim -o "$work/two.gcrun" --heap-profile "$work/two.pb.gz" "$scenario"
[ -n "$first" ] && [ "$(hash)" = "$first" ] || fault "two simulated runs with a profile: hash '$first', then '$(hash)'"
code 0 "$bin" replay "$work/one.gcrun"
has "$work/out" 'the same to the last bit' 'the replay of a run with a profile'
code 0 "$bin" run --plain --sim -o "$work/none.gcrun" --set target.heap_profile_rate=512KiB "$scenario"
[ "$(hash)" = "$first" ] || fault 'a rate without a file is another run'

if [ -n "$go" ]; then
	for file in real one; do
		top "$work/$file.pb.gz" alloc_space "$file"
		top "$work/$file.pb.gz" inuse_space "$file" # the workloads have not let go yet
	done
	$go tool pprof -raw "$work/real.pb.gz" > "$work/raw" 2>&1
	has "$work/raw" '^Period: 4096$' "the scenario's rate"
	$go tool pprof -raw "$work/one.pb.gz" > "$work/raw" 2>&1
	has "$work/raw" '^Period: 524288$' 'the usual rate'
fi

# Refused before anything starts: nothing is overwritten, no record is left, nor a file where there was none.
echo mine > "$work/mine"
code 2 "$bin" run --plain --sim --heap-profile "$work/mine" "$scenario"
has "$work/err" "no heap profile at $work/mine: File exists" 'a file that exists'
[ "$(cat "$work/mine")" = mine ] || fault 'a file that was there is overwritten'
code 2 "$bin" run --plain --sim --heap-profile "$work/nowhere/it" "$scenario"
has "$work/err" 'No such file or directory' 'a directory that is not'
code 2 "$bin" run --plain --sim --variants --heap-profile "$work/it" "$scenario"
has "$work/err" 'not with --variants' 'variants'
[ -n "$(find "$work/state" -name '*.gcrun*' 2> /dev/null)" ] && fault 'a refused run left a record'
code 2 "$bin" run --plain --sim -o "$work/one.gcrun" --heap-profile "$work/it" "$scenario"
[ -e "$work/it" ] && fault 'a run that did not begin left an empty profile'

# A target that dies has none, and says so.
begin killed --heap-profile "$work/killed.pb.gz" --set phases.storm.for=60s "$scenario"
for p in $children; do case $(cat "/proc/$p/comm" 2> /dev/null) in gcstorm-target) kill -9 "$p" ;; esac; done
wait "$harness"
got=$?
harness=
[ "$got" = 4 ] || fault "a killed target: exit $got"
has "$work/log" "no heap profile at $work/killed.pb.gz: the target ended before it could be written" 'a killed target'
[ -e "$work/killed.pb.gz" ] && fault 'a killed target left a profile'

# An interrupted run has one: it ends in good order.
begin interrupted --heap-profile "$work/interrupted.pb.gz" --set phases.storm.for=60s --set target.heap_profile_rate=4KiB "$scenario"
kill -INT "$harness"
wait "$harness"
got=$?
harness=
[ "$got" = 130 ] || fault "an interrupted run: exit $got"
profile "$work/interrupted.pb.gz" 'an interrupted run'

[ "$bad" = 0 ] && echo "heap_profile.sh: all as it should be"
[ "$bad" = 0 ]
