#!/bin/sh
# bench.sh: the project's figures, measured side by side in one run, as one table.
#
#   bench.sh [--pairs N] [--build DIR] [--go PROGRAM] [--without PATTERN] [--write FILE] [--gates] [OPERATION...]      (make bench calls it)
#
# With operations only those, with --without all but those whose names match (grep -E), with --go beside that one Go. With --gates only the second table: what every fault point costs, disarmed and armed (bench/bench_gates.c).
# Each operation runs in a fresh process, here and in Go, N times (10) in alternation, the first place changing each time; bench/table.awk
# makes the rows. Every Go found is used: the one in PATH and /usr/lib/go-*/bin/go. Both sides print a checksum of the work done; if
# they differ, there is no table. All of it takes about an hour and a half a Go, most of it for the large heaps (mark_1gib, pause_2g). --write puts the tables between the markers of FILE.
set -eu

PAIRS=${BENCH_PAIRS:-10}
BUILD=${GCSTORM_BUILD:-build}
WRITE=${BENCH_WRITE:-}
CHOSEN=
ONLY_GATES=
GO=
WITHOUT='^$'

say() { printf 'bench: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

while [ $# -gt 0 ]; do
	case $1 in
	--pairs) PAIRS=$2; shift 2 ;;
	--build) BUILD=$2; shift 2 ;;
	--write) WRITE=$2; shift 2 ;;
	--gates) ONLY_GATES=yes; shift ;;
	--go) GO=$2; shift 2 ;;
	--without) WITHOUT=$2; shift 2 ;;
	-*) die "unknown option $1" ;;
	*) CHOSEN="$CHOSEN $1"; shift ;;
	esac
done
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
TUI=$(find_program bench-tui)
SYSCALLS=$(find_program bench-syscalls)
GATES=$(find_program bench-gates)
[ -n "$RUNTIME" ] || [ -n "$ONLY_GATES" ] || die "no bench-runtime in $BUILD: make bench builds it"
BENCH_CLIENT=$RUNTIME # of the echo; the same for both sides
export BENCH_CLIENT
OPS=$CHOSEN
[ -n "$OPS" ] || [ -n "$ONLY_GATES" ] || OPS=$("$RUNTIME" list | grep -Ev -- "$WITHOUT")

TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT INT TERM

# One program for each different Go; its path is printed.
build_go() {
	set -- "$(command -v go || true)" /usr/lib/go-*/bin/go
	[ -z "$GO" ] || set -- "$GO"
	for go in "$@"; do
		[ -n "$go" ] && [ -x "$go" ] || continue
		version=$("$go" env GOVERSION 2>/dev/null) || continue
		out=$TMP/$version
		[ -e "$out" ] && continue
		if (cd bench/go && GO111MODULE=on GOFLAGS=-mod=mod GOTOOLCHAIN=local CGO_ENABLED=0 GOCACHE="$TMP/cache" \
			"$go" build -o "$out" .) >&2; then
			printf '%s\n' "$out"
		else
			say "$go cannot build bench/go; left out"
		fi
	done
}

# Run a program that prints "name value unit note" lines: rows for figures that have no other side.
single_rows() {
	say "$(basename "$1") ${2:-}"
	"$@" >"$TMP/out" || die "$* failed"
	awk -F '\t' '{ printf "| %s | %s %s | | | %s |\n", $1, $2, $3, $4 }' "$TMP/out"
}

# One sample of operation $2 by program $1, as lines of table.awk; $3, $4: pair and side.
sample() {
	"$1" op "$2" >"$TMP/sample" || die "$2: a run of $(basename "$1") failed"
	awk -F '\t' -v pair="$3" -v side="$4" '{ print pair "\t" side "\t" $0 }' "$TMP/sample"
}

# PAIRS alternating samples of operation $1, here and by $2.
measure() {
	i=0
	while [ "$i" -lt "$PAIRS" ]; do
		i=$((i + 1))
		if [ $((i % 2)) = 0 ]; then
			sample "$RUNTIME" "$1" "$i" here; sample "$2" "$1" "$i" there
		else
			sample "$2" "$1" "$i" there; sample "$RUNTIME" "$1" "$i" here
		fi
	done
}

# The geometric mean of the ratios of a table.
mean_row() {
	awk -v other="$1" '{ sum += log($1); n++ }
	END { if (n) printf "| geometric mean of %d ratios | | | %.2f | %s |\n", n, exp(sum / n), other }' "$TMP/ratios"
}

table() {
	printf '| what | here: median (least to most) | there | here / there | note |\n|---|---|---|---|---|\n'
	if [ -z "$CHOSEN" ]; then
		single_rows "$RUNTIME" gate
		single_rows "$RUNTIME" telemetry
		[ -z "$SYSCALLS" ] || single_rows "$SYSCALLS"
		[ -z "$TUI" ] || single_rows "$TUI"
	fi
	for program in $(build_go); do
		: >"$TMP/ratios"
		for op in $OPS; do
			say "$op, $(basename "$program")"
			measure "$op" "$program" >"$TMP/samples" || exit 1
			awk -v other="$(basename "$program")" -v ratios="$TMP/ratios" -f bench/table.awk "$TMP/samples" ||
				die "$op: not the same work"
		done
		mean_row "$(basename "$program")"
	done
}

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
	[ -z "$WRITE" ] || write_between "$name" "$TMP/$name"
}

[ -n "$ONLY_GATES" ] || one_table bench table
if [ -n "$GATES" ] && [ -z "$CHOSEN" ]; then
	say "$(basename "$GATES")"
	one_table gates "$GATES"
elif [ -n "$ONLY_GATES" ]; then
	die "no bench-gates in $BUILD: make bench builds it"
fi
