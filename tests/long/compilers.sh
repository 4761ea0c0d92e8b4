#!/bin/sh
# compilers.sh: many seeds make the same runs whatever compiled the target: gcc and clang, with and without optimization. Builds are made in
# $GCS_LONG_DIR, as far as the compilers are there; the first is the one that is tested. GCS_SEEDS seeds (200).
set -u
src=${GCSTORM_SOURCE:?} build=${GCSTORM_BUILD:?}
dir=${GCS_LONG_DIR:-$build/check-long}
GCS_SEEDS=${GCS_SEEDS:-200}; export GCS_SEEDS

compile() { # NAME CC CFLAGS: a target in $dir/NAME
	command -v "$2" > /dev/null || { echo "compilers: no $2: $1 is left out"; return 1; }
	mkdir -p "$dir/$1" && cd "$dir/$1" || exit 1
	[ -f Makefile ] || "$src/configure" --quiet CC="$2" CFLAGS="$3" > configure.log 2>&1 || { cat configure.log; exit 1; }
	make -s gcstorm-target-sim > make.log 2>&1 || { tail -n 30 make.log; exit 1; }
	cd "$src" || exit 1
}

set -- "$build"
for kind in 'gcc-O0 gcc -O0' 'gcc-O2 gcc -O2' 'clang-O0 clang -O0' 'clang-O2 clang -O2'; do
	# shellcheck disable=SC2086
	compile ${kind%% *} ${kind#* } && set -- "$@" "$dir/${kind%% *}"
done
[ $# -ge 3 ] || { echo "compilers: no second compiler: nothing is compared"; exit 77; }
GCS_QUIET=1 sh "$src/tests/long/same.sh" "$@"
