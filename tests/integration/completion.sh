#!/bin/bash
# completion.sh: the completion of bash, asked as a shell asks it: every command, every option, the words of arguments, and
# names that gcstorm itself is asked for.
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
set -u
build=${GCSTORM_BUILD:-build}
export PATH="$build:$PATH"
export GCSTORM_INCIDENTS=${GCSTORM_INCIDENTS:-${GCSTORM_SOURCE:-.}/incidents}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
export XDG_STATE_HOME="$work"
cd "$work" || exit 1
compopt() { :; } # it complains outside of a completion
eval "$(gcstorm completion bash)" || exit 1
bad=0 checked=0

ask() { # WORDS...: what is offered for the last of them
	COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
	_gcstorm gcstorm
	printf '%s\n' "${COMPREPLY[@]}" | sort -u
}

wants() { # EXPECTED... -- WORDS...: every one of the expected is offered
	local want=()
	while [ "$1" != -- ]; do want+=("$1"); shift; done
	shift
	ask "$@" > "$work/offered"
	for w in "${want[@]}"; do
		checked=$((checked + 1))
		grep -qxF -e "$w" "$work/offered" || { echo "'$*' does not offer '$w' but: $(tr '\n' ' ' < "$work/offered")" >&2; bad=$((bad + 1)); }
	done
}

only() { # EXPECTED WORDS...: exactly this
	local want=$1
	shift
	checked=$((checked + 1))
	[ "$(ask "$@" | tr '\n' ' ')" = "$want" ] || { echo "'$*' offers '$(ask "$@" | tr '\n' ' ')', not '$want'" >&2; bad=$((bad + 1)); }
}

commands=$(gcstorm help | sed -n 's/^  \([a-z][a-z]*\) .*/\1/p')
[ -n "$commands" ] || exit 1
# shellcheck disable=SC2086
wants $commands -- gcstorm ''
for c in $commands; do
	options=$(gcstorm help "$c" | grep -oE -- '^ +(-[a-z], )?--[a-z-]+' | grep -oE -- '--[a-z-]+' | sort -u)
	only "$(printf '%s\n' --help $options | sort -u | tr '\n' ' ')" gcstorm "$c" --
done
only 'replay report run ' gcstorm r
only 'json text ' gcstorm run --format ''
only 'json text ' gcstorm run x -f ''
only 'faults go-faults go-metrics incidents keys metrics runs states workloads ' gcstorm list ''
only 'bash ' gcstorm completion ''
only 'arm disarm disarm-all edit fire mark rate status ' gcstorm ctl last ''
only 'map-delete-residue ' gcstorm run map-d
only 'map-delete-residue ' gcstorm run --seed 7 map-d
only 'map-delete-residue ' gcstorm soak big map-d
only 'mem/malloc ' gcstorm show mem/m
only 'target.gogc= ' gcstorm run --set target.gogc
only 'last ' gcstorm report la
only ' ' gcstorm nonsense ''
: > here.yaml
wants here.yaml map-delete-residue -- gcstorm run ''

echo "checked $checked, $bad wrong"
[ "$checked" -gt 40 ] && [ "$bad" = 0 ]
