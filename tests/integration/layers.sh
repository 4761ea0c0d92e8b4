#!/bin/sh
# layers.sh: includes point one way, between the folders and inside the harness (ARCHITECTURE.md).
set -u
cd "${GCSTORM_SOURCE:-.}" || exit 1
# Lowest first; a file may include what stands on its own line or above. Folders on one line do not know each other.
cat > "${TMPDIR:-/tmp}/layers.$$" <<'LAYERS'
runtime
faults
workloads
harness
harness/base
harness/measure
harness/scenario
harness/import harness/record
harness/collect
harness/report
harness/run harness/playback
harness/soak harness/sweep harness/guard harness/compare
harness/explore
harness/command
tui
LAYERS
trap 'rm -f "${TMPDIR:-/tmp}/layers.$$"' EXIT
find runtime faults workloads harness tui -name '*.[ch]' | sort | xargs grep -H '^#include "' | awk -v layers="${TMPDIR:-/tmp}/layers.$$" '
	BEGIN { while ((getline line < layers) > 0) { rank++; n = split(line, f, " "); for (i = 1; i <= n; i++) level[f[i]] = rank } }
	function folder(path,   p) {
		n = split(path, p, "/")
		if (p[1] == "harness" && n > 2) return p[1] "/" p[2]
		return p[1]
	}
	{
		from = substr($0, 1, index($0, ":") - 1); to = $0; sub(/^[^"]*"/, "", to); sub(/".*/, "", to)
		a = folder(from); b = folder(to); checked++
		if (!(a in level)) { print from ": folder " a " is not in the list"; bad++ }
		else if (!(b in level)) next
		else if (a == "runtime" && to == "faults/gate.h") next
		else if (a == b) next
		else if (level[b] >= level[a]) { print from " includes " to ": " a " may not know " b; bad++ }
	}
	END { print checked " includes, " bad + 0 " against the order"; exit !(checked > 500 && bad == 0) }'
