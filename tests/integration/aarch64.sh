#!/bin/sh
# aarch64.sh: the runtime on the other machine: a cross compiler makes everything that runs in the target, for both backends, with the
# warnings of this build as errors; qemu runs tests of the runtime; simulated runs are those of this machine to the last event.
#
# What the libraries of configure.ac give is not there for it. tests/arm stands in for cmocka and libfiu; a file that includes the header of
# another one (absent) is left out, and must not be needed by the tests. Any other header that is missing is a failure. What qemu cannot
# show: it orders memory at least as strongly as this machine, so a barrier that only a weaker one needs is not missed.
set -u
cross=${GCS_CROSS:-aarch64-linux-gnu-}
src=${GCSTORM_SOURCE:-.}
build=${GCSTORM_BUILD:-build}
absent='seccomp|jansson|ncurses|libfyaml|sqlite3|zlib'
# Programs by the name of their source. Not prim_pages: qemu lets madvise succeed where nothing is mapped.
both="prim_ctx prim_sync sched sched_net mutex rwmutex mem_threads gc gc_faults machine"
threaded="prim_real_poll"
simulated="gc_determinism"

command -v "${cross}gcc" > /dev/null || { echo "no ${cross}gcc: nothing is compiled for aarch64 (Debian: gcc-aarch64-linux-gnu)"; exit 77; }
command -v qemu-aarch64 > /dev/null || { echo "no qemu-aarch64: nothing made for aarch64 can run (Debian: qemu-user)"; exit 77; }
echo 'int main(void) { return 0; }' | "${cross}gcc" -static -x c -o /dev/null - 2> /dev/null ||
	{ echo "${cross}gcc has no C library (Debian: libc6-dev-arm64-cross)"; exit 77; }

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
unset MAKEFLAGS MFLAGS MAKELEVEL
fault() { echo "$1" >&2; exit 1; }
told() { make -s -C "$build" --eval="told:;@echo $1" told; } # what this build's Makefile says

cflags=$(told '$(filter-out $(GCS_SANITIZE),$(AM_CFLAGS)) $(GCS_DEBUG_CPPFLAGS) $(filter -DGCS_%,$(DEFS))') || exit 1
case $cflags in *-Wall*) ;; *) fault "no warnings in the flags of $build: $cflags" ;; esac
cflags="$cflags -Werror -O2 -D_GNU_SOURCE=1 -I$src/tests/arm -I$src"

# The sources of a variable, but for headers and what needs a library that is absent.
sources() {
	for file in $(told "$1" | tr ' ' '\n' | grep '\.[cS]$' | sort -u); do
		if grep -qE "^#include <($absent)[-a-z]*\.h>" "$src/$file"; then echo "left out: $file" >&2; else echo "$file"; fi
	done
}
real=$(sources '$(libmrt_a_SOURCES) $(libgcsfaults_a_SOURCES) $(libgcsworkloads_a_SOURCES) $(gcstorm_target_SOURCES) $(gcstorm_load_SOURCES)') || exit 1
sim=$(sources '$(libmrt_sim_a_SOURCES) $(libgcsfaults_sim_a_SOURCES) $(libgcsworkloads_sim_a_SOURCES) $(gcstorm_target_sim_SOURCES)' 2> /dev/null) || exit 1
[ "$(echo "$real" | wc -l)" -gt 90 ] && [ "$(echo "$sim" | wc -l)" -gt 90 ] || fault "too few files: $(echo "$real" | wc -l) and $(echo "$sim" | wc -l)"

# A makefile of it: objects in a folder a backend, an archive of those without a main, the test programs.
objects() { for file in $2; do printf '%s/%s.o ' "$1" "$file"; done; }
library() { for file in $2; do grep -q '^int main(' "$src/$file" || printf '%s/%s.o ' "$1" "$file"; done; }
rules() { # FOLDER SOURCES FLAGS TESTS
	for file in $2; do printf '%s/%s.o: %s/%s\n\t@mkdir -p $(@D) && $(CC) %s -c -o $@ $<\n' "$1" "$file" "$src" "$file" "$3"; done
	printf '%s/all.a: %s\n\t@$(AR) rcs $@ $^\n' "$1" "$(library "$1" "$2")"
	for test in $4; do
		printf '%s/test_%s: %s/tests/unit/test_%s.c %s/all.a\n\t@$(CC) %s -static -o $@ $^ -lm\nall: %s/test_%s\n' \
			"$1" "$test" "$src" "$test" "$1" "$3" "$1" "$test"
	done
	printf 'all: %s\n' "$(objects "$1" "$2")"
}
{
	printf 'all:\nCC = %sgcc\nAR = %sar\n' "$cross" "$cross"
	rules real "$real" "$cflags" "$both $threaded"
	rules sim "$sim" "$cflags -DMRT_SIM=1" "$both $simulated"
} > "$work/Makefile"
make -s -k -C "$work" -j"$(nproc)" all || fault "it does not compile for aarch64"
echo "compiled: $(echo "$real" | wc -l) files for the real backend, $(echo "$sim" | wc -l) for the simulated one"

# Run there; what a program says is kept.
emulated() { # FOLDER TEST
	qemu-aarch64 "$work/$1/test_$2" > "$work/$1.$2.out" 2>&1 || { cat "$work/$1.$2.out" >&2; fault "$1/test_$2 fails under qemu"; }
	echo "$1/test_$2: $(grep -c '^\[       OK' "$work/$1.$2.out") cases"
}
for test in $both; do emulated real "$test"; emulated sim "$test"; done
for test in $threaded; do emulated real "$test"; done
for test in $simulated; do emulated sim "$test"; done

# The same run here.
here() { "$build/tests/test_machine$1" > "$work/here$1" 2>&1 || { cat "$work/here$1" >&2; fault "test_machine$1 fails on this machine"; }; }
lines() { sed -n "s/^# \($1 [0-9a-f]\{16\}.*\)$/\1/p" "$2"; }
same() { # WORD FILE FILE: both say it, and the same
	one=$(lines "$1" "$2") other=$(lines "$1" "$3")
	[ -n "$one" ] && [ "$one" = "$other" ] || fault "here '$one', there '$other'"
}
here ''
here _on_sim
same run "$work/here_on_sim" "$work/sim.machine.out"
same contents "$work/here_on_sim" "$work/sim.machine.out"
same contents "$work/here" "$work/real.machine.out"
echo "the same here and there: $(lines run "$work/here_on_sim")"
