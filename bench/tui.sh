#!/bin/sh
# tui.sh: what the screens cost, as tables (bench/bench_tui.c says how it is measured).
#
#   bench/tui.sh [--rounds N] [--build DIR] [--write FILE] [--only PATTERN] [--list]
#
# A round is a sample of everything, each in processes of its own; the next round goes backwards. 3 rounds, if not said; a figure is their median
# with the least and the most. --write puts the tables between the markers of FILE (docs/performance.md). --only: what matches (grep -E), and
# nothing is written. Reckon with two to four minutes a round; stderr says what is at work. The machine's load before and after is told with the
# tables: CPU time of a thread hardly depends on it, records that are lost do.
set -eu

ROUNDS=3
BUILD=${GCSTORM_BUILD:-build}
WRITE=
ONLY=
LIST=

say() { printf 'tui: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

while [ $# -gt 0 ]; do
	case $1 in
	--rounds) ROUNDS=${2:?--rounds wants a number}; shift 2 ;;
	--build) BUILD=${2:?--build wants a directory}; shift 2 ;;
	--write) WRITE=${2:?--write wants a file}; shift 2 ;;
	--only) ONLY=${2:?--only wants a pattern}; shift 2 ;;
	--list) LIST=yes; shift ;;
	*) die "unknown argument $1" ;;
	esac
done
[ "$ROUNDS" -gt 0 ] 2>/dev/null || die "--rounds wants a number, not '$ROUNDS'"
[ -z "$WRITE" ] || [ -z "$ONLY" ] || die "a part of the tables is not written"
for PROGRAM in "$BUILD/bench-tui" "$BUILD/bench/bench-tui"; do [ ! -x "$PROGRAM" ] || break; done
[ -x "$PROGRAM" ] || die "no bench-tui in $BUILD: make -C $BUILD bench-tui builds it"
SOURCE=${GCSTORM_SOURCE:-$(dirname "$0")/..}

TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

"$PROGRAM" list | grep -E -- "${ONLY:-.}" >"$TMP/forth" || die "nothing matches"
awk '{ line[NR] = $0 } END { for (i = NR; i > 0; i--) print line[i] }' "$TMP/forth" >"$TMP/back"
[ -z "$LIST" ] || { cat "$TMP/forth"; exit 0; }

load() { cut -d ' ' -f 1-3 /proc/loadavg; }
BEFORE=$(load)
: >"$TMP/samples"
for round in $(seq 1 "$ROUNDS"); do
	say "round $round of $ROUNDS, load $(load)"
	order=$TMP/forth
	[ $((round % 2)) = 1 ] || order=$TMP/back
	while read -r kind screen size; do
		"$PROGRAM" "$kind" "$screen" "$size" >"$TMP/sample" </dev/null || die "no sample of $kind $screen $size"
		printf '%s\t%s\t%s\t' "$kind" "$screen" "$size" | cat - "$TMP/sample" >>"$TMP/samples"
	done <"$order"
done

{
	printf '%s, %s CPUs, Linux %s, %s. Rounds: %s. Load (1, 5, 15 minutes) %s before, %s after.\n\n' \
		"$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" "$(nproc)" "$(uname -r)" "$(date -u +%F)" "$ROUNDS" "$BEFORE" "$(load)"
	awk -F '\t' -f "$SOURCE/bench/tui.awk" "$TMP/samples"
} >"$TMP/tables"
cat "$TMP/tables"
[ -n "$WRITE" ] || exit 0
grep -q '^<!-- tui:begin -->$' "$WRITE" && grep -q '^<!-- tui:end -->$' "$WRITE" || die "$WRITE has no markers of tui"
awk -v file="$TMP/tables" '
$0 == "<!-- tui:end -->" { inside = 0 }
!inside { print }
$0 == "<!-- tui:begin -->" { inside = 1; print ""; while ((getline line < file) > 0) print line; print "" }
' "$WRITE" >"$TMP/new"
cat "$TMP/new" >"$WRITE"
say "written to $WRITE"
