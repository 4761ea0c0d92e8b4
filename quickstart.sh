#!/bin/sh
# quickstart.sh: from a fresh clone on Debian to a running storm, or to the tests.
#
#   ./quickstart.sh          install what is missing, build, run the incident map-delete-residue
#   ./quickstart.sh check    install what is missing, build, run the tests
#   ./quickstart.sh build    install what is missing, build
#
# Everything is built in ./build (BUILD_DIR changes that). Packages come from Debian through apt-get, as root or through sudo.
set -eu
cd "$(dirname "$0")"

BUILD_DIR=${BUILD_DIR:-build}
PACKAGES="gcc make libc6-dev autoconf automake pkg-config
	libfiu-dev fiu-utils libseccomp-dev libncurses-dev libfyaml-dev
	libsqlite3-dev libjansson-dev zlib1g-dev libcmocka-dev tmux"

say() { printf 'quickstart: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

missing_packages() {
	for p in $PACKAGES ${EXTRA_PACKAGES:-}; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || printf '%s ' "$p"
	done
}

as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"
	elif command -v sudo >/dev/null; then sudo "$@"
	else die "packages are missing and this is neither root nor is there sudo: install by hand: $missing"
	fi
}

install_packages() {
	command -v dpkg-query >/dev/null || die "this is not Debian: install by hand: $PACKAGES"
	missing=$(missing_packages)
	[ -n "$missing" ] || return 0
	say "installing: $missing"
	as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q >&2
	# shellcheck disable=SC2086
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing >&2
}

build() {
	if [ ! -x configure ] || [ configure.ac -nt configure ]; then
		say "generating configure"
		autoreconf -fi >&2
	fi
	mkdir -p "$BUILD_DIR"
	if [ ! -f "$BUILD_DIR/Makefile" ]; then
		# shellcheck disable=SC2086
		(cd "$BUILD_DIR" && "$src/configure" --quiet ${CONFIGURE_FLAGS:-} >&2)
	fi
	say "building in $BUILD_DIR"
	make -C "$BUILD_DIR" -s -j"$(nproc)" >&2
}

src=$(pwd)
case ${1:-run} in
run)
	install_packages
	build
	exec "$BUILD_DIR/gcstorm" run map-delete-residue
	;;
check)
	install_packages
	build
	# Tests wait a third of their time.
	exec make -C "$BUILD_DIR" -s -j"$(($(nproc) + 1))" check
	;;
build)
	install_packages
	build
	;;
*)
	die "unknown word '$1': ./quickstart.sh [check|build]"
	;;
esac
