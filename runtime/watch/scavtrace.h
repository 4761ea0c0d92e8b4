/*
 * scavtrace.h: the line that GODEBUG=scavtrace=1 prints, byte for byte in Go 1.19's format (mgcscavenge.go:printScavTrace):
 *
 *	scav # KiB work, # KiB total, #% util
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WATCH_SCAV_LINE_BYTES 128

struct watch_scav {
	uint64_t work;	   /* bytes given back in the background since the last line; forced: by this call */
	uint64_t released; /* bytes that are given back now */
	uint64_t inuse, retained; /* bytes in spans; in spans or free and backed */
	bool forced;	   /* by FreeOSMemory */
};

/* The line with its newline; returns its length, less than cap. */
size_t watch_scav_format(char *line, size_t cap, const struct watch_scav *t);
