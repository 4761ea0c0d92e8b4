#!/bin/sh
# bench.sh: the project's figures, measured side by side in one run, as one table.
#
#   bench.sh [--pairs N] [--build DIR] [--write FILE] [--gates] [OPERATION...]      (make bench calls it)
#
# With --gates only the second table: what every fault point costs, disarmed and armed (bench/bench_gates.c).
# Each operation runs in a fresh process, here and in Go, N times (10) in alternation; medians, least and most, and the
# median of the pairs' ratios are printed. Every Go found is used: the one in PATH and /usr/lib/go-*/bin/go. Both sides print a
# checksum of the work done; if they differ, there is no table. --write puts the tables between the markers of FILE.
set -eu

PAIRS=${BENCH_PAIRS:-10}
BUILD=${GCSTORM_BUILD:-build}
WRITE=${BENCH_WRITE:-}
OPS="map_churn slice_append alloc_64_noscan alloc_64_pointers"
CHOSEN=
ONLY_GATES=

say() { printf 'bench: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

while [ $# -gt 0 ]; do
	case $1 in
	--pairs) PAIRS=$2; shift 2 ;;
	--build) BUILD=$2; shift 2 ;;
	--write) WRITE=$2; shift 2 ;;
	--gates) ONLY_GATES=yes; shift ;;
	-*) die "unknown option $1" ;;
	*) CHOSEN="$CHOSEN $1"; shift ;;
	esac
done
OPS=${CHOSEN:-$OPS}
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

TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT INT TERM

# One program for each different Go; its path is printed.
build_go() {
	for go in "$(command -v go || true)" /usr/lib/go-*/bin/go; do
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

# One sample, "ns checksum", of operation $2 by program $1.
sample() {
	"$1" op "$2" | awk -F '\t' '{ sub("checksum ", "", $4); print $2, $4 }'
}

# PAIRS alternating samples of operation $1, here and by $2: lines "here sum there sum".
measure() {
	i=0
	while [ "$i" -lt "$PAIRS" ]; do
		if [ $((i % 2)) = 0 ]; then
			here=$(sample "$RUNTIME" "$1"); there=$(sample "$2" "$1")
		else
			there=$(sample "$2" "$1"); here=$(sample "$RUNTIME" "$1")
		fi
		[ -n "$here" ] && [ -n "$there" ] || die "$1: a run failed"
		printf '%s %s\n' "$here" "$there"
		i=$((i + 1))
	done
}

pair_row() {
	awk -v name="$1" -v other="$2" '
	function sort(a, n,   i, j, t) {
		for (i = 2; i <= n; i++)
			for (j = i; j > 1 && a[j - 1] > a[j]; j--) { t = a[j]; a[j] = a[j - 1]; a[j - 1] = t }
	}
	function median(a, n) { return n % 2 ? a[(n + 1) / 2] : (a[n / 2] + a[n / 2 + 1]) / 2 }
	$2 != $4 { bad = 1; printf "bench: %s: checksum %s here, %s in %s\n", name, $2, $4, other > "/dev/stderr" }
	{ n++; here[n] = $1 + 0; there[n] = $3 + 0; ratio[n] = $1 / $3 }
	END {
		if (bad || n == 0) exit 1
		sort(here, n); sort(there, n); sort(ratio, n)
		printf "| %s | %.1f ns (%.1f to %.1f) | %.1f ns (%.1f to %.1f) | %.2f (%.2f to %.2f) | %s, %d pairs |\n", name,
			median(here, n), here[1], here[n], median(there, n), there[1], there[n],
			median(ratio, n), ratio[1], ratio[n], other, n
	}'
}

table() {
	printf '| what | here: median (least to most) | there | here / there | note |\n|---|---|---|---|---|\n'
	single_rows "$RUNTIME" gate
	single_rows "$RUNTIME" telemetry
	[ -z "$SYSCALLS" ] || single_rows "$SYSCALLS"
	[ -z "$TUI" ] || single_rows "$TUI"
	for program in $(build_go); do
		for op in $OPS; do
			say "$op, $(basename "$program")"
			measure "$op" "$program" >"$TMP/samples"
			pair_row "$op" "$(basename "$program")" <"$TMP/samples" || die "$op: not the same work"
		done
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
if [ -n "$GATES" ]; then
	say "$(basename "$GATES")"
	one_table gates "$GATES"
elif [ -n "$ONLY_GATES" ]; then
	die "no bench-gates in $BUILD: make bench builds it"
fi
