/*
 * go_agent.h: the agent of workloads/go/, built with a Go toolchain when it is needed.
 *
 * Built in a directory of its own with a go.mod that names the toolchain's own language version,
 * so that the program has the defaults (GODEBUG) of that Go and not of an older one. Nothing is
 * downloaded: there is nothing to download, and GOTOOLCHAIN=local, GOPROXY=off. What is built lies
 * in $XDG_CACHE_HOME/gcstorm (~/.cache/gcstorm) under a name made of the toolchain's version and a
 * hash of its settings and of the sources; a toolchain under development (devel) is asked each
 * time, since its version does not say what it is. Two runs at once build under names of their
 * own, and rename.
 */
#pragma once

#include "harness/base/paths.h"

/* Path of the agent built with this toolchain's program (`go`); NULL: `go` of PATH, else
 * /usr/local/go/bin/go, else the newest /usr/lib/go-N/bin/go. A build is told on stderr and
 * takes from a second to a minute. 0; -ENOENT: no toolchain, or the sources are not there;
 * -ENOSYS: it cannot build the agent; -errno; with *ret_text (malloc'd) in go's own words.
 * Waits; not for a thread that must go on. */
int gcs_go_agent_build(char ret_path[GCS_PATH_BYTES], const char *toolchain, char **ret_text);
