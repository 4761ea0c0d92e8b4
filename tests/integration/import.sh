#!/bin/sh
# import.sh: gcstorm import from the command line: logs of real programs whose heap is known, a log in which everything stands that
# logs have, and every way in which there is nothing to import.
set -u
src=${GCSTORM_SOURCE:-.}
bin=${GCSTORM_BUILD:-build}/gcstorm
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
XDG_STATE_HOME=$work/state; export XDG_STATE_HOME
logs=$src/tests/logs
bad=0

fault() { echo "$1" >&2; bad=$((bad + 1)); }
code() { want=$1; shift; "$@" > "$work/out" 2> "$work/err"; got=$?; [ "$got" = "$want" ] || { fault "exit $got, not $want: $*"; cat "$work/err" >&2; }; }
has() { grep -q -- "$2" "$1" || { fault "$3: no '$2' in:"; cat "$1" >&2; }; }
# field FILE NAME: a number of the JSON that import prints, rounded down
field() { tr -d ' ",{}' < "$1" | sed -n "s/^$2:\(-\{0,1\}[0-9]*\).*/\1/p" | head -n 1; }
within() { [ "$2" -ge "$3" ] && [ "$2" -le "$4" ] || fault "$1: $2 is not within $3 and $4"; }

# Every log of a real program: what tests/go/heap.go was asked to do, to the precision of its trace.
for version in 1.19 1.26; do
	for mode in steady growing forced tiny change limit off; do
		log=$logs/$mode-go$version.log
		code 0 "$bin" import --format json -o "$work/$mode-$version.yaml" "$log"
		cp "$work/out" "$work/$mode.json"
		code 0 "$bin" check "$work/$mode-$version.yaml"
		[ "$(field "$work/$mode.json" cycles)" = "$(grep -c '^gc ' "$log")" ] || fault "$log: not every cycle was read"
	done
	within "steady $version, GOGC" "$(field "$work/steady.json" percent)" 100 100
	within "steady $version, live" "$(field "$work/steady.json" live_mib)" 39 41
	within "steady $version, allocated" "$(field "$work/steady.json" alloc_mib_per_s)" 58 62
	within "growing $version, live" "$(field "$work/growing.json" live_mib)" 55 60
	within "growing $version, allocated" "$(field "$work/growing.json" alloc_mib_per_s)" 18 21
	within "forced $version, forced" "$(field "$work/forced.json" forced)" 8 8
	within "forced $version, live" "$(field "$work/forced.json" live_mib)" 19 21
	within "tiny $version, live" "$(field "$work/tiny.json" live_mib)" 0 0
	within "tiny $version, allocated" "$(field "$work/tiny.json" alloc_mib_per_s)" 34 44
	within "change $version, changes" "$(field "$work/change.json" changes)" 1 1
	has "$work/change-$version.yaml" 'procs: 2, gogc: 100' "change $version"
	has "$work/change-$version.yaml" 'gogc: 50}' "change $version"
	within "limit $version, limit" "$(field "$work/limit.json" memlimit_mib)" 80 100
	has "$work/off-$version.yaml" 'gogc: off' "off $version"
done

# What is around cycles, and what breaks them: each named, with its first line.
code 0 "$bin" import "$logs/mixed.log"
cp "$work/out" "$work/mixed.yaml"
for said in '19 lines: 9 cycles, 1 of cycles of Go 1.0 to 1.4, 1 of the scavenger, 1 of the scheduler, 3 of something else, 4 not usable$' 'ends before it does (first on line 19)' 'in the middle of it (first on line 9)' \
	'began on another line (first on line 10)' 'Go 1.4 or older.*first on line 15' 'cannot be (first on line 16)' \
	'same cycle as the one before (first on line 12)' 'goes back 1 time,' 'gc 1 to 8 on lines 3 to 14' '1 cycle missing' 'P changes from 4 to 8'; do
	has "$work/err" "$said" 'mixed.log'
done
has "$work/mixed.yaml" '"gc 2 @0.200s .*4->5->3 MB' 'arrows of JSON are arrows again'
has "$work/mixed.yaml" 'forced: true} # gc 3' 'mixed.log'
code 0 "$bin" check "$work/mixed.yaml"

# Every kind of line that the runtime writes, and lines that were wrapped: counted by kind, and the cycles taken.
code 0 "$bin" import --format json -o "$work/kinds.yaml" "$logs/kinds.log"
cp "$work/out" "$work/kinds.json"
for figure in lines=30 cycles=4 runtime=18 goalless=1 old_cycles=2 gc_forced=1 scan=2 scavenger=5 scheduler=4 pacer=3 other=3 broken=1 wrapped=3 first_number=1 last_line=28; do
	name=${figure%=*}
	[ "$(field "$work/kinds.json" "$name")" = "${figure#*=}" ] || fault "kinds.log: $name is $(field "$work/kinds.json" "$name"), not ${figure#*=}"
done
for said in '30 lines: 4 cycles, 1 of cycles without a goal, 2 of cycles of Go 1.0 to 1.4, 1 of GC forced, 2 of scanning, 5 of the scavenger, 4 of the scheduler, 3 of the pacer, 3 of something else, 1 not usable$' \
	'3: wrapped, on 7 lines, and joined again' 'gc 1 to 4 on lines 4 to 28'; do
	has "$work/err" "$said" 'kinds.log'
done
has "$work/kinds.yaml" 'forced: true} # gc 2' 'kinds.log: forced, wrapped before the word'
code 0 "$bin" check "$work/kinds.yaml"

# Standard input, to a file; scales that are given; a file that is there stays.
"$bin" import --time-scale 2 --heap-scale 1.5 -o "$work/in.yaml" - < "$logs/mixed.log" 2> "$work/err" || fault 'standard input'
has "$work/in.yaml" 'scale: {time: 2, heap: 1.5}' 'scales that are given'
has "$work/err" 'time scale 2 (given)' 'scales that are given'
has "$work/in.yaml" 'source: "standard input"' 'standard input'
cp "$work/in.yaml" "$work/before"
code 2 "$bin" import -o "$work/in.yaml" "$logs/mixed.log"
has "$work/err" 'is there already' 'a file that is there'
cmp -s "$work/in.yaml" "$work/before" || fault 'import wrote over a file'

# Nothing to import: exit 2, the reason, what to do.
refused() { what=$1; shift; code 2 "$bin" import "$@"; has "$work/err" "$what" "$*"; [ -s "$work/out" ] && fault "$*: something on standard output"; }
: > "$work/empty"
printf 'no GC here\nnor here\n' > "$work/other"
head -c 3000 /dev/zero > "$work/zeros"
printf '\377\376g\000c\000 \000' > "$work/utf16"
gzip -c "$logs/mixed.log" > "$work/log.gz"
grep '^gc 2 @' "$logs/steady-go1.19.log" > "$work/one"
printf 'gc76(1): 2+1+1390+1 us, 1 -> 3 MB, 16397 (1015746-999349) objects, 1/1/0 sweeps, 0(0) handoff, 0(0) steal, 0/0/0 yields\n' > "$work/old"
sed 's/^gc 2 @[0-9.]*/gc 2 @99999999/' "$logs/steady-go1.19.log" | head -n 2 > "$work/apart"
refused "is empty" "$work/empty"
has "$work/err" 'GODEBUG=gctrace=1' 'how to make a log'
refused "no line of 'other' (2 in all)" "$work/other"
has "$work/err" 'GODEBUG=gctrace=1' 'how to make a log'
refused 'is not a text' "$work/zeros"
refused 'is UTF-16' "$work/utf16"
refused 'compressed with gzip' "$work/log.gz"
code 0 "$bin" import "$work/one" # a line from a ticket: taken as typical, and said so
has "$work/err" 'only one cycle in a row: gc 2 is taken as typical and repeated 12 times' 'one cycle'
cp "$work/out" "$work/one.yaml"
has "$work/one.yaml" 'one cycle of one, repeated' 'one cycle'
code 0 "$bin" check "$work/one.yaml"
refused 'Go 1.4 or older' "$work/old"
refused 'no two cycles' "$work/apart"
refused 'is a directory' "$work"
refused 'there is no file' "$work/absent"
refused 'cannot be written' -o "$work/absent/x.yaml" "$logs/mixed.log"
refused 'factor' --time-scale 0 "$logs/mixed.log"
refused 'factor' --heap-scale fast "$logs/mixed.log"
refused '--output FILE' --format json "$logs/mixed.log"
if [ "$(id -u)" != 0 ]; then
	cp "$logs/mixed.log" "$work/closed"
	chmod 000 "$work/closed"
	refused 'cannot be read' "$work/closed"
fi
if [ -w /dev/full ]; then
	"$bin" import "$logs/mixed.log" > /dev/full 2> "$work/err"
	[ $? = 3 ] || fault 'a full disk'
	has "$work/err" 'cannot be written' 'a full disk'
fi

[ "$bad" = 0 ] || { echo "$bad faults" >&2; exit 1; }
