/*
 * scav_line.h: the scavenger's lines. Of Go 1.0 to 1.13, with gctrace=1; the number counts its
 * rounds, is -1 for debug.FreeOSMemory and is not printed since 1.12:
 *
 *   scvg7: inuse: 5236, idle: 425, sys: 5662, released: 418, consumed: 5244 (MB)
 *   scvg7: 23 MB released                (1.0: 0x17 MB; 1.12: scvg: 8 KB released)
 *   scvg7: GC forced                     (1.0 to 1.3: the GC of every two minutes)
 *
 * and with scavtrace=1, of 1.15, of 1.16 to 1.20, and since:
 *
 *   scav 4 2560 KiB work, 3064 KiB total, 79% util
 *   scav 2560 KiB work, 3064 KiB total, 79% util (forced)
 *   scav 8 KiB work (bg), 0 KiB work (eager), 3128 KiB now, 87% util [controller reset]
 *
 * Source of the rule: MHeap_Scavenge in Go's mheap.c, printScavTrace in mgcscavenge.go.
 */
#pragma once

#include "harness/import/line_cursor.h"

enum gcs_scav_form { GCS_SCAV_SUMMARY, GCS_SCAV_RELEASED, GCS_SCAV_FORCED, GCS_SCAV_WORK };

struct gcs_scav_line {
	enum gcs_scav_form form;
	bool has_number;
	int64_t number; /* of the round (scvg), of the generation (scav) */
	/* SUMMARY, as printed: a sum of Go's own that went below 0 is near 2^44. */
	uint64_t inuse_mib, idle_mib, sys_mib, released_mib, consumed_mib;
	uint64_t work_kib;	/* RELEASED: by this round. WORK: since the line before */
	uint64_t eager_kib;	/* WORK with `split`: by allocations */
	uint64_t released_kib;	/* WORK: now given back */
	uint64_t util_percent;	/* WORK: of what is held, in use */
	bool split;		/* background and eager work are told apart */
	bool forced;		/* WORK: by debug.FreeOSMemory */
	bool reset;		/* WORK: the scavenger's controller began anew */
};

/* The line at the cursor. *meant: `scvg7: ` or `scav 7` and how a form goes on. */
bool gcs_scav_line(struct line_cursor *c, bool *meant, struct gcs_scav_line *ret);
