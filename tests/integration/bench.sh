#!/bin/sh
# bench.sh: what bench/bench.sh makes of samples, with programs that stand in for those it measures: medians, intervals, 99th percentiles, means and assists
# that are known; columns for what is there; operations that are chosen, that differ and that fail. Nothing is timed.
. "$(dirname "$0")/lib.sh"
mkdir "$work/build" "$work/counts"
bench=$(cd "$src" && pwd)/bench/bench.sh
unset BENCH_WRITE BENCH_PAIRS BENCH_DIVIDE BENCH_LIMIT GCSTORM_BUILD

# A program $1 that is $2 times as slow as its sample numbers 1, 2, 3 ... say.
stand_in() {
	cat > "$1" <<PROGRAM
#!/bin/sh
name=\$(basename "\$0") by=$2
PROGRAM
	cat >> "$1" <<'PROGRAM'
case $1 in
list) cat "$COUNTS/ops.$name" 2> /dev/null || printf 'grow\nstop\npause_x\ndiffer\nfail\nhuge\theavy\nhang\theavy\n'; exit ;;
version) echo "$name, 3 marking threads"; exit ;;
esac
n=$(($(cat "$COUNTS/$name.$2" 2> /dev/null || echo 0) + 1))
echo $n > "$COUNTS/$name.$2"
echo "$n$name" >> "$COUNTS/turns"
sum='checksum 5'
case $2 in
fail) [ "$name" != bench-runtime ] || { echo "no luck" >&2; exit 3; } ;;
differ) sum="checksum $by" ;;
hang) sleep 30 ;;
stop) for i in $(seq 1 $((n * 10))); do printf 'stop.p99\t%d\tus\t%s\n' $((i * by)) "$sum"; done ;;
pause_x)
	echo "gc 1 @0.1s 1%: 0.1+2+0.1 ms clock, 0.2+7000/2/3+0.2 ms cpu, 4->4->0 MB, 4 MB goal" >&2
	echo "bench: trace begins" >&2
	[ -z "$GODEBUG$by" ] || for a in 1 3; do
		echo "gc 2 @0.2s 1%: 0.1+2+0.1 ms clock, 0.2+$((a * by)).0/2/3+0.2 ms cpu, 4->4->0 MB, 4 MB goal" >&2
	done
	printf 'pause_x.late\t%d\tus\t%s\n' $((by - 1)) "$sum" ;;
esac
case $2 in grow | differ | huge) printf '%s\t%d\tns\t%s\n' "$2" $((n * by)) "$sum" ;; esac
PROGRAM
	chmod +x "$1"
}
COUNTS=$work/counts; export COUNTS

stand_in "$work/build/bench-runtime" 1
stand_in "$work/build/bench-libgc" 4
echo grow > "$COUNTS/ops.bench-libgc"
# Two compilers, of two Gos, the newer one first; and one that cannot compile.
for go in 1.20.1/2 1.9.2/3; do
	mkdir "$work/go${go%/*}"
	stand_in "$work/go${go%/*}/program" "${go#*/}"
	cat > "$work/go${go%/*}/go" <<GO
#!/bin/sh
[ "\$1" = env ] && { echo go${go%/*}; exit; }
cp "$work/go${go%/*}/program" "\$3"
GO
done
mkdir "$work/go2"
cat > "$work/go2/go" <<'GO'
#!/bin/sh
[ "$1" = env ] && { echo go2.0; exit; }
exit 1
GO
chmod +x "$work"/go*/go

# bench.sh with the stand-ins: wanted exit status, arguments. Numbers of samples begin anew.
bench() { want=$1; shift; rm -f "$COUNTS"/*.[a-z]*_x "$COUNTS"/*.grow "$COUNTS"/*.stop "$COUNTS"/*.differ "$COUNTS"/*.huge; code "$want" sh "$bench" --build "$work/build" "$@"; }
gos="--go $work/go1.20.1/go --go $work/go1.9.2/go --go $work/go2/go"
# shellcheck disable=SC2086
{
# Median 5.5 of 1 to 10; every round's ratio is 1/3, 1/2 and 1/4. Columns: the older Go first, then libgc.
bench 0 $gos grow
has "$work/out" '^| grow | 5.50 ns (1.00 to 10.0) | 16.5 ns (3.00 to 30.0) | 0.33 (0.33 to 0.33) | 11.0 ns (2.00 to 20.0) | 0.50 (0.50 to 0.50) | 22.0 ns (4.00 to 40.0) | 0.25 (0.25 to 0.25) | |$' "a row"
has "$work/out" '^| what | here: median (least to most) | go1.9.2 | here / go1.9.2 | go1.20.1 | here / go1.20.1 | bench-libgc | here / bench-libgc | note |$' "the head"
has "$work/out" '^Rounds: 10. bench-libgc, 3 marking threads.$' "the rounds"
has "$work/err" 'go2/go cannot build bench/go; left out' "a Go that cannot compile"

# Each has the first place in turn.
rm "$COUNTS/turns"
bench 0 $gos --pairs 3 grow
[ "$(tr '\n' ' ' < "$COUNTS/turns")" = "1bench-runtime 1go1.9.2 1go1.20.1 1bench-libgc 2go1.9.2 2go1.20.1 2bench-libgc 2bench-runtime 3go1.20.1 3bench-libgc 3bench-runtime 3go1.9.2 " ] || { fault "the turns:"; cat "$COUNTS/turns" >&2; }

# One operation beside the newest Go and who is no Go.
bench 0 $gos --pairs 1 --newest '^gro' --only '^(stop|grow)$'
has "$work/out" '^| grow | 1.00 ns (.*) | | | 2.00 ns (.*) | 0.50 (.*) | 4.00 ns ' "the newest alone"
has "$work/out" '^| stop.p99 | 10.0 us | 30.0 us ' "both"

# The 99th percentile of all samples: 10 + 20 + 30 stops, of which the 60th; libgc has no such operation.
bench 0 $gos --pairs 3 --only '^(stop|grow)$'
has "$work/out" '^| stop.p99 | 30.0 us | 90.0 us | 0.33 (.*) | 60.0 us | 0.50 (.*) | | | of 60 here |$' "a percentile"
has "$work/out" '^| geometric mean of the ratios | | | 0.33 of 2 | | 0.50 of 2 | | 0.25 of 1 | |$' "the means"

# Assists of 1 and 3 ms, not the one before the trace begins; nothing against something is no number, and not part of the mean.
bench 0 $gos --pairs 1 pause_x
has "$work/out" '^| pause_x.assist | 2000 us a cycle (2000 to 2000) | 6000 us a cycle (6000 to 6000) | 0.33 ' "assists"
has "$work/out" '^| pause_x.late | 0.00 us (0.00 to 0.00) | 2.00 us (2.00 to 2.00) | 0.00 (0.00 to 0.00) | 1.00 us' "nothing here"
has "$work/out" '0.33 of 1 | | 0.50 of 1' "the mean without a zero"

# Work that differs and runs that fail are left out, the rest is measured; nothing is written.
printf '<!-- bench:begin -->\nold\n<!-- bench:end -->\n' > "$work/doc.md"
bench 1 $gos --pairs 2 --write "$work/doc.md"
has "$work/err" 'differ: checksum 1 here, checksum 3 in go1.9.2' "a checksum"
has "$work/err" 'fail: a run of here failed (status 3)' "a failure"
has "$work/err" 'no luck' "its last words"
has "$work/err" 'left out: differ fail' "what was left out"
has "$work/out" '^| grow | 1.50 ns' "the rest"
hasnt "$work/out" '^| \(differ\|fail\|huge\) ' "a row of what was left out"
[ "$(cat "$work/doc.md")" = "$(printf '<!-- bench:begin -->\nold\n<!-- bench:end -->')" ] || fault "a table with gaps was written"
bench 0 $gos --pairs 2 --without 'differ|fail' --write "$work/doc.md"
has "$work/doc.md" '^| grow | 1.50 ns' "what is written"
hasnt "$work/doc.md" '^old$' "what was there"

# What is kept is not measured again: its numbers are those of the first time, though the next would be higher. Not by other programs.
bench 0 --go none --no-libgc --pairs 3 --keep "$work/kept" grow
has "$work/out" '^Rounds: 3.$' "one sitting"
code 0 sh "$bench" --build "$work/build" --go none --no-libgc --pairs 3 --keep "$work/kept" grow stop
has "$work/out" '^| grow | 2.00 ns (1.00 to 3.00) | |$' "what was kept"
has "$work/out" '^| stop.p99 | ' "what was not"
has "$work/out" '^Rounds: 3. Measured in 2 sittings, the first on ' "two sittings"
# Nor is a round; the one that is missing is the fourth sample.
sed '/^3	/d' "$work/kept/grow.samples" > "$work/two" && cp "$work/two" "$work/kept/grow.samples"
code 0 sh "$bench" --build "$work/build" --go none --no-libgc --pairs 3 --keep "$work/kept" grow
has "$work/out" '^| grow | 2.00 ns (1.00 to 4.00) | |$' "a round that was missing"
bench 1 --go none --no-libgc --pairs 2 --keep "$work/kept" grow
has "$work/err" 'other programs or another number of rounds' "other rounds"
BENCH_DIVIDE=2 bench 1 --keep "$work/kept" grow

# A sample has its time.
BENCH_LIMIT=1 bench 1 --go none --no-libgc hang
has "$work/err" 'hang: a run of here failed (status 124)' "a sample without end"

# Neither Go nor libgc; heavy ones if asked for; what would be measured.
bench 0 --go none --no-libgc --pairs 3 grow
has "$work/err" 'beside nothing' "nobody beside"
has "$work/out" '^| grow | 2.00 ns (1.00 to 3.00) | |$' "a row alone"
bench 0 $gos --heavy --list --without 'fail|differ|_'
[ "$(cat "$work/out")" = "grow: go1.9.2 go1.20.1 bench-libgc
stop: go1.9.2 go1.20.1
huge: go1.9.2 go1.20.1
hang: go1.9.2 go1.20.1" ] || { fault "the list:"; cat "$work/out" >&2; }
bench 1 --go none --only huge
has "$work/err" 'no operation matches' "a heavy one that is not asked for"
bench 1 --go none nothing
has "$work/err" "no operation 'nothing'" "an operation that is not there"
bench 1 --pairs none
bench 1 --wrong
BENCH_DIVIDE=2 bench 1 --write "$work/doc.md"
}

# ---- bench/tui.sh: medians of rounds, the worst of what must not be, what the screen adds; the document is written between its markers.
mkdir "$work/screens"
cat > "$work/screens/bench-tui" <<'PROGRAM'
#!/bin/sh
case $1 in
list) printf 'frame main 24x80\nframe main 50x160\nfeed main 50x160\nfeed none 50x160\n'; exit ;;
esac
n=$(($(cat "$COUNTS/tui.$1.$2.$3" 2> /dev/null || echo 0) + 1))
echo $n > "$COUNTS/tui.$1.$2.$3"
echo "$1 $2 $3" >> "$COUNTS/tui.turns"
case $1.$2.$3 in
frame.main.24x80) printf '%d\t700\n' $((n * 100)) ;;
frame.main.50x160) printf '%d\t3000\n' $((1000 - n * 100)) ;;
feed.main.50x160) printf '1.%d\t4.00\t2.00\t1100\t%d\t100000\t%d\t40.%d\n' $n $((n * 1000)) $((n == 2)) $n ;;
feed.none.50x160) printf '0.000\t3.%d\t2.00\t0\t0\t99990\t0\t35.0\n' $n ;;
esac
PROGRAM
chmod +x "$work/screens/bench-tui"
printf 'before\n<!-- tui:begin -->\nold\n<!-- tui:end -->\nafter\n' > "$work/screens.md"
screens=$(dirname "$bench")/tui.sh
COUNTS=$work/counts code 0 sh "$screens" --build "$work/screens" --rounds 3 --write "$work/screens.md"
has "$work/out" '^| main | 200 (100 to 300) | 0.20 | 700 | 800 (700 to 900) | 0.80 | 3000 |$' 'frames'
has "$work/out" '^| main | 1.20 (1.10 to 1.30) | 3000 | 4.00 (4.00 to 4.00) | 2.00 (2.00 to 2.00) | 100000 | 1 | 40.2 | 5.2 |$' 'a run that is fed'
has "$work/out" '^| without a screen |  | 0 | 3.20 (3.10 to 3.30) | 2.00 (2.00 to 2.00) | 99990 | 0 | 35.0 |  |$' 'a run without a screen'
[ "$(sed -n 5p "$work/counts/tui.turns")" = 'feed none 50x160' ] || fault 'the second round does not go backwards'
[ "$(sed -n '1p;$p' "$work/screens.md" | tr '\n' ' ')" = 'before after ' ] || fault 'the document is damaged'
grep -q '^old$' "$work/screens.md" && fault 'what was written before is still there'
has "$work/screens.md" '^| main | 200 ' 'the document'
COUNTS=$work/counts code 1 sh "$screens" --build "$work/screens" --only main --write "$work/screens.md"
COUNTS=$work/counts code 1 sh "$screens" --build "$work/counts"
[ "$bad" = 0 ] || exit 1
echo "the bench's table is what its samples say"
