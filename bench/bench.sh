#!/bin/sh
# bench.sh: the project's figures, measured side by side in one run, as tables (make bench calls it).
#
#   bench.sh [--pairs N] [--only PATTERN] [--without PATTERN] [--heavy] [--newest PATTERN] [--go PROGRAM]... [--no-libgc]
#            [--build DIR] [--write FILE] [--quick] [--keep DIR] [--gates] [--list] [OPERATION...]
#
# Without more, all operations but the heavy ones, which take minutes a sample (--heavy: those, too), then what every fault point costs,
# disarmed and armed (bench/bench_gates.c; --gates: only that). With operations those; --only, --without: those whose names match, or do not
# (grep -E); with any of the three, figures that have no other side and fault points are left out. --list: what would be measured, and
# beside what. --quick: one round of a hundredth of the work, to see that all sides do the same; its figures mean nothing.
#
# An operation runs in a fresh process, here and in each other program, N times (10): a round is one sample of each, the first place
# going round; bench/table.awk makes the rows. The others are every Go that is found (the one in PATH, /usr/local/go/bin/go,
# /usr/lib/go-*/bin/go; --go: those; --go none), and libgc for what it can do, if bench-libgc was built. None of them is needed. --newest: operations
# that match are measured beside the newest Go alone.
#
# --keep: whole rounds that were measured stay in DIR, and a later call with the same programs, rounds and DIR goes on where this one ended; the
# table says in how many sittings it was made. Samples of other programs are refused.
#
# All sides print a checksum of the work done. An operation whose checksums differ, that fails, or that takes longer than BENCH_LIMIT seconds
# (900) a sample is left out; the exit status is then 1, and nothing is written. --write puts the tables between the markers of FILE. What
# is at work, and since when, goes to stderr.
set -eu

PAIRS=${BENCH_PAIRS:-10}
BUILD=${GCSTORM_BUILD:-build}
WRITE=${BENCH_WRITE:-}
LIMIT=${BENCH_LIMIT:-900}
CHOSEN=
ONLY=
WITHOUT=
ONLY_GATES=
ONLY_LIST=
HEAVY=
NEWEST=
NO_LIBGC=
GO=
KEEP=

say() { printf 'bench: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }
# An option's argument: what is left of the command line is passed.
argument() { [ $# -ge 2 ] || die "$1 wants an argument"; printf '%s\n' "$2"; }

while [ $# -gt 0 ]; do
	case $1 in
	--pairs) PAIRS=$(argument "$@"); shift 2 ;;
	--build) BUILD=$(argument "$@"); shift 2 ;;
	--write) WRITE=$(argument "$@"); shift 2 ;;
	--go) GO="$GO $(argument "$@")"; shift 2 ;;
	--no-libgc) NO_LIBGC=yes; shift ;;
	--only) ONLY=$(argument "$@"); shift 2 ;;
	--without) WITHOUT=$(argument "$@"); shift 2 ;;
	--quick) PAIRS=1 BENCH_DIVIDE=100; export BENCH_DIVIDE; shift ;;
	--heavy) HEAVY=yes; shift ;;
	--newest) NEWEST=$(argument "$@"); shift 2 ;;
	--keep) KEEP=$(argument "$@"); shift 2 ;;
	--gates) ONLY_GATES=yes; shift ;;
	--list) ONLY_LIST=yes; shift ;;
	-*) die "unknown option $1" ;;
	*) CHOSEN="$CHOSEN $1"; shift ;;
	esac
done
[ "$PAIRS" -gt 0 ] 2>/dev/null || die "--pairs wants a number, not '$PAIRS'"
if [ -n "$KEEP" ]; then
	[ -z "${BENCH_DIVIDE:-}" ] || die "figures of --quick are not kept"
	mkdir -p "$KEEP"
	KEEP=$(cd "$KEEP" && pwd)
fi
if [ -n "$WRITE" ]; then
	[ -z "${BENCH_DIVIDE:-}" ] || die "figures of --quick are not written"
	case $WRITE in /*) ;; *) WRITE=$PWD/$WRITE ;; esac
fi
BUILD=$(cd "$BUILD" && pwd)
cd "${GCSTORM_SOURCE:-$(dirname "$0")/..}"

find_program() {
	for p in "$BUILD/$1" "$BUILD/bench/$1"; do
		if [ -x "$p" ]; then
			printf '%s\n' "$p"
			return
		fi
	done
}
RUNTIME=$(find_program bench-runtime)
SYSCALLS=$(find_program bench-syscalls)
GATES=$(find_program bench-gates)
LIBGC=$(find_program bench-libgc)
[ -n "$RUNTIME" ] || [ -n "$ONLY_GATES" ] || die "no bench-runtime in $BUILD: make bench builds it"
BENCH_CLIENT=$RUNTIME # of the echo; the same for all sides
export BENCH_CLIENT

# Everything, or a part; what has no other side is measured only with everything.
WHOLE=yes
[ -z "$CHOSEN$ONLY$WITHOUT${BENCH_DIVIDE:-}" ] || WHOLE=
operations() {
	if [ -n "$CHOSEN" ]; then
		printf '%s\n' $CHOSEN
	else
		"$RUNTIME" list | if [ -n "$HEAVY" ]; then cut -f 1; else grep -v 'heavy$'; fi
	fi | grep -E -- "${ONLY:-.}" | grep -Ev -- "${WITHOUT:-^\$}" || true
}
OPS=
[ -n "$ONLY_GATES" ] || OPS=$(operations)
[ -n "$OPS" ] || [ -n "$ONLY_GATES" ] || die "no operation matches"

TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
START=$(date +%s)

# ---------------------------------------------------------------- other sides

# $TMP/sides: a line a program, the version that is its column's name and where it is; each can list its operations. None is twice.
side() {
	[ ! -e "$TMP/ops.$1" ] || return 0
	"$2" list | cut -f 1 >"$TMP/ops.$1" && printf '%s %s\n' "$1" "$2" >>"$TMP/sides"
}

build_go() {
	set -- "$(command -v go || true)" /usr/local/go/bin/go /usr/lib/go-*/bin/go
	# shellcheck disable=SC2086
	[ -z "$GO" ] || set -- $GO
	for go in "$@"; do
		[ -x "$go" ] || continue
		version=$("$go" env GOVERSION 2>/dev/null) || continue
		[ -n "$version" ] && [ ! -e "$TMP/ops.$version" ] || continue
		if (cd bench/go && GO111MODULE=on GOFLAGS="-mod=mod -buildvcs=false" GOTOOLCHAIN=local CGO_ENABLED=0 GOCACHE="$TMP/cache" \
			"$go" build -o "$TMP/$version" .) >&2; then
			side "$version" "$TMP/$version"
			printf '%s %s\n' "$version" "$go" >>"$TMP/compilers"
		else
			say "$go cannot build bench/go; left out"
		fi
	done
}

find_sides() {
	: >"$TMP/sides"
	side here "$RUNTIME"
	build_go
	# The oldest Go first, whatever PATH says.
	sort -t . -k1,1 -k2,2n -k3,3n "$TMP/sides" | grep '^go' >"$TMP/gos" || true
	grep -v '^go' "$TMP/sides" | cat - "$TMP/gos" >"$TMP/sides.new"
	mv "$TMP/sides.new" "$TMP/sides"
	if [ -n "$LIBGC" ] && [ -z "$NO_LIBGC" ]; then
		LIBGC_VERSION=$("$LIBGC" version)
		side "${LIBGC_VERSION%%,*}" "$LIBGC"
	fi
	OTHERS=$(awk 'NR > 1 { printf "%s%s", sep, $1; sep = " " }' "$TMP/sides")
	say "beside ${OTHERS:-nothing: no go, no libgc}"
}

# ------------------------------------------------------------------- measuring

# Run a program that prints "name value unit note" lines: rows for figures that have no other side.
single_rows() {
	say "$(basename "$1") ${2:-}"
	"$@" >"$TMP/out" || die "$* failed"
	awk -F '\t' '{ printf "| %s | %s %s | %s |\n", $1, $2, $3, $4 }' "$TMP/out"
}

# The assists of a cycle on average, of the lines of gctrace in a sample's stderr: "0.1+a/b/c+0.2 ms cpu", in it a. All sides print them alike.
assist_line() {
	awk -v name="$1" -v sum="$(tail -n 1 "$TMP/sample" | cut -f 4)" '
	$0 == "bench: trace begins" { inside = 1 }
	inside && match($0, /[0-9.+\/]+ ms cpu/) { split(substr($0, RSTART, RLENGTH), part, "[+/]"); all += part[2]; n++ }
	END { if (n) printf "%s.assist\t%.3f\tus a cycle\t%s\n", name, all * 1000 / n, sum }' "$TMP/errors"
}

# One sample of operation $2 by program $1, as lines of table.awk; $3, $4: round and side.
sample() {
	trace=
	case $2 in pause_*) trace=GODEBUG=gctrace=1 ;; esac # bench-runtime does so by itself
	# shellcheck disable=SC2086
	env $trace timeout -k 5 "$LIMIT" "$1" op "$2" >"$TMP/sample" 2>"$TMP/errors" || {
		rc=$?
		tail -n 3 "$TMP/errors" >&2
		say "$2: a run of $4 failed (status $rc)"
		return 1
	}
	[ -z "$trace" ] || assist_line "$2" >>"$TMP/sample"
	awk -F '\t' -v round="$3" -v side="$4" '{ print round "\t" side "\t" $0 }' "$TMP/sample"
}

# $TMP/turn: the sides of operation $1, those that have it; of the Gos the newest alone, if --newest says so.
take_turns() {
	newest=
	[ -z "$NEWEST" ] || ! printf '%s\n' "$1" | grep -Eq -- "$NEWEST" || newest=$(sed -n '$s/ .*//p' "$TMP/gos")
	while read -r name program; do
		grep -qx -- "$1" "$TMP/ops.$name" || continue
		[ -z "$newest" ] || [ "$name" = "$newest" ] || ! grep -q "^$name " "$TMP/gos" || continue
		printf '%s %s\n' "$name" "$program"
	done <"$TMP/sides" >"$TMP/turn"
}

# One round of operation $1, number $2. Nobody is always the first.
measure_round() {
	while read -r name program; do
		sample "$program" "$1" "$2" "$name" </dev/null || return 1
	done <"$TMP/turn"
}
next_turn() {
	{ sed 1d "$TMP/turn" && head -n 1 "$TMP/turn"; } >"$TMP/turned"
	mv "$TMP/turned" "$TMP/turn"
}

# $TMP/samples: PAIRS rounds of operation $1. With --keep, whole rounds of an earlier sitting are taken as they are, and each that has ended stays.
measure() {
	take_turns "$1"
	: >"$TMP/samples"
	[ -z "$KEEP" ] || [ ! -e "$KEEP/$1.samples" ] || cp "$KEEP/$1.samples" "$TMP/samples"
	round=0
	while [ "$round" -lt "$PAIRS" ]; do
		round=$((round + 1))
		if ! grep -q "^$round	" "$TMP/samples"; then
			measure_round "$1" "$round" >"$TMP/round" || return 1
			cat "$TMP/round" >>"$TMP/samples"
			[ -z "$KEEP" ] || { cp "$TMP/samples" "$KEEP/new" && mv "$KEEP/new" "$KEEP/$1.samples"; }
		fi
		next_turn
	done
}

# --keep: only what the same programs have measured goes into one table.
open_kept() {
	[ -n "$KEEP" ] || return 0
	while read -r name program; do
		printf '%s %s\n' "$name" "$(cksum <"$program")"
	done <"$TMP/sides" >"$TMP/programs"
	echo "rounds $PAIRS" >>"$TMP/programs"
	if [ ! -e "$KEEP/programs" ]; then
		cp "$TMP/programs" "$KEEP/programs"
	elif ! cmp -s "$TMP/programs" "$KEEP/programs"; then
		die "$KEEP is of other programs or another number of rounds: another --keep, or without it"
	fi
	! rounds_missing || date -u +%F >>"$KEEP/sittings"
}

# Is there anything left to measure?
rounds_missing() {
	for op in $OPS; do
		[ -e "$KEEP/$op.samples" ] && [ "$(cut -f 1 "$KEEP/$op.samples" | sort -u | wc -l)" -ge "$PAIRS" ] || return 0
	done
	return 1
}

rows_of() {
	measure "$1" &&
		awk -v others="$OTHERS" -v ratios="$TMP/ratios" -f bench/table.awk "$TMP/samples" >"$TMP/rows" &&
		cat "$TMP/rows"
}

# What the agent on real Go costs, by each Go.
agent_rows() {
	while read -r version _; do
		(cd workloads/go && GO111MODULE=on GOFLAGS="-mod=mod -buildvcs=false" GOTOOLCHAIN=local CGO_ENABLED=0 GOCACHE="$TMP/cache" \
			"$(sed -n "s/^$version //p" "$TMP/compilers")" build -o "$TMP/agent" .) >&2 || die "the agent does not build with $version"
		say "the agent, $version"
		"$TMP/agent" -cost >"$TMP/out" || die "agent -cost failed"
		awk -F '\t' -v by="$version" '{ printf "| %s, %s | %s %s | %s |\n", $1, by, $2, $3, $4 }' "$TMP/out"
	done <"$TMP/gos"
}

alone() {
	printf '| what | here | note |\n|---|---|---|\n'
	single_rows "$RUNTIME" gate
	single_rows "$RUNTIME" telemetry
	[ -z "$SYSCALLS" ] || single_rows "$SYSCALLS"
	agent_rows
	echo
}

head_row() {
	printf '| what | here: median (least to most) |'
	for other in $OTHERS; do
		printf ' %s | here / %s |' "$other" "$other"
	done
	printf ' note |\n|---|---|'
	for other in $OTHERS; do
		printf '%s' '---|---|'
	done
	printf '%s\n' '---|'
}

sittings() {
	[ -z "$KEEP" ] || [ "$(wc -l <"$KEEP/sittings")" = 1 ] ||
		printf ' Measured in %d sittings, the first on %s.' "$(wc -l <"$KEEP/sittings")" "$(head -n 1 "$KEEP/sittings")"
}

table() {
	[ -z "$WHOLE" ] || alone
	printf 'Rounds: %s.%s%s\n\n' "$PAIRS" "${LIBGC_VERSION:+ $LIBGC_VERSION.}" "$(sittings)"
	head_row
	: >"$TMP/ratios"
	number=0
	for op in $OPS; do
		number=$((number + 1))
		say "$op, $number of $(echo "$OPS" | wc -w), after $(($(date +%s) - START)) s"
		rows_of "$op" || { say "$op: left out"; echo "$op" >>"$TMP/failed"; }
	done
	awk -v means=yes -v others="$OTHERS" -f bench/table.awk "$TMP/ratios"
}

# --------------------------------------------------------------------- writing

host() {
	printf '%s, %s CPUs, Linux %s, %s\n\n' \
		"$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" "$(nproc)" "$(uname -r)" "$(date -u +%F)"
}

# The file between the markers of this name in $WRITE becomes file $2.
write_between() {
	grep -q "^<!-- $1:begin -->\$" "$WRITE" && grep -q "^<!-- $1:end -->\$" "$WRITE" || die "$WRITE has no markers of $1"
	awk -v name="$1" -v file="$2" '
	$0 == "<!-- " name ":end -->" { inside = 0 }
	!inside { print }
	$0 == "<!-- " name ":begin -->" { inside = 1; print ""; while ((getline line < file) > 0) print line; print "" }
	' "$WRITE" >"$TMP/new"
	cat "$TMP/new" >"$WRITE"
	say "$1 written to $WRITE"
}

# Make one of the tables, show it, and put it where it belongs.
one_table() {
	name=$1
	shift
	(host && "$@") >"$TMP/$name" || die "no table of $name"
	cat "$TMP/$name"
	[ ! -e "$TMP/failed" ] || die "left out: $(tr '\n' ' ' <"$TMP/failed")"
	[ -z "$WRITE" ] || write_between "$name" "$TMP/$name"
}

[ -n "$ONLY_GATES" ] || find_sides
for op in $OPS; do
	grep -qx -- "$op" "$TMP/ops.here" || die "no operation '$op'"
done
if [ -n "$ONLY_LIST" ]; then
	for op in $OPS; do
		printf '%s\n' "$op:$(for other in $OTHERS; do ! grep -qx -- "$op" "$TMP/ops.$other" || printf ' %s' "$other"; done)"
	done
	exit 0
fi
[ -n "$ONLY_GATES" ] || { open_kept && one_table bench table; }
if [ -n "$GATES" ] && [ -n "$WHOLE" ]; then
	say "$(basename "$GATES")"
	one_table gates "$GATES"
elif [ -n "$ONLY_GATES" ]; then
	die "no bench-gates in $BUILD: make bench builds it"
fi
