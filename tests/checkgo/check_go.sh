#!/bin/sh
# check_go.sh: this runtime against every Go that is found: PATH, /usr/lib/go-*/bin/go, and $GCS_GO, a list with colons.
# GCS_TEST_SEED, GCS_CHECK_GO_SEEDS: what is drawn, and how many sequences. Run by `make check-go`.
build=$(cd "${GCSTORM_BUILD:?}" && pwd) src=$(cd "${GCSTORM_SOURCE:?}" && pwd)
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
GCS_TEST_SEED=${GCS_TEST_SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
export GCS_TEST_SEED GOTOOLCHAIN=local GOCACHE="$work/cache" GOPATH="$work/path" GOFLAGS= GO111MODULE=off GODEBUG= GOGC=100 GOMEMLIMIT=off
cd "$work" || exit 1

# One a line, each installation once.
toolchains() {
	{ command -v go; ls /usr/lib/go-*/bin/go; printf '%s\n' "$GCS_GO" | tr : '\n'; } 2>/dev/null |
		while read -r go; do [ -x "$go" ] && readlink -f "$go"; done | awk '!seen[$0]++'
}

# The minor of 1.MINOR; nothing for what is not a release.
minor() { "$1" version 2>/dev/null | sed -n 's/^go version go1\.\([0-9]*\).*/\1/p'; }

# topic NAME PROGRAM; compile PROGRAM [FILE...]: PROGRAM is a file of tests/go without .go.
topic() {
	"$build/tests/checkgo/checkgo" "$1" "$minor" "$work/$2-$minor" || { bad=1; echo "FAIL: $1 with Go 1.$minor"; }
}
compile() {
	name=$1
	[ $# -gt 1 ] && shift || set -- "$src/tests/go/$1.go"
	"$go" build -o "$work/$name-$minor" "$@" || { bad=1; echo "FAIL: $name.go with Go 1.$minor"; return 1; }
}

# A log of a program of this Go, recorded now, is followed by the embedded runtime and by this Go: cycles, period, live heap and goal are like the
# log's in nine of ten parts at least. Real threads: wants a machine that has time.
follow() {
	GOMAXPROCS=2 GODEBUG=gctrace=1 "$work/heap-$minor" steady 2>"$work/log-$minor" || { bad=1; echo "FAIL: heap.go with Go 1.$minor"; return; }
	"$build/gcstorm" import "$work/log-$minor" -o "$work/follow-$minor.yaml" >"$work/out" 2>&1 || { bad=1; echo "FAIL: import"; cat "$work/out"; return; }
	for target in embedded "go=$go"; do
		"$build/gcstorm" run --plain --target "$target" -o "$work/follow.gcrun" "$work/follow-$minor.yaml" >"$work/out" 2>"$work/err"
		"$build/gcstorm" report --format json "$work/follow.gcrun" >"$work/json" 2>>"$work/err"
		score=$(sed -n 's/^ *"overall": *\([0-9.e-]*\),*$/\1/p' "$work/json" | head -n 1)
		awk -v score="${score:-0}" 'BEGIN { exit !(score >= 0.9) }' || { bad=1; echo "FAIL: a log of Go 1.$minor on $target"; cat "$work/err"; grep -A 8 '^FIDELITY' "$work/out"; }
		printf '%-12s%-58s%s\n' follow "a log of $(wc -l <"$work/log-$minor") cycles on $target: how alike" "${score:-none}"
		rm -f "$work/follow.gcrun"
	done
}

bad=0 found=0
GCSTORM_GO_AGENT=$src/workloads/go XDG_CACHE_HOME=$work/agents
export GCSTORM_GO_AGENT XDG_CACHE_HOME
"$build/tests/checkgo/checkgo" types >types.go || exit 1
mkdir -p "$work/append" && cp "$src/tests/go/append.go" types.go "$work/append/"
echo "seed $GCS_TEST_SEED"
for go in $(toolchains); do
	minor=$(minor "$go")
	[ -n "$minor" ] && [ "$minor" -ge 19 ] || { echo "$go: not Go 1.19 or later, left out"; continue; }
	found=$((found + 1))
	echo "$go: $("$go" version)"
	compile append append/append.go append/types.go && topic append append
	compile classes && topic classes classes
	compile goals && topic goals goals
	compile memstats && topic memstats memstats
	compile metrics && topic metrics metrics
	compile pool && topic pool pool
	compile sync_map && topic syncmap sync_map
	compile heap && follow
	if [ "$minor" -le 23 ]; then
		[ -x "$work/classes-$minor" ] && topic map-sizes classes
		compile classic_map && topic map classic_map && topic map-overflow classic_map
	fi
done
[ "$found" -gt 0 ] || { echo 'check-go: no Go found (PATH, /usr/lib/go-*/bin, $GCS_GO)'; exit 77; }
exit "$bad"
