/*
 * display.h: how a run is shown while it lasts; the seam between harness/ and tui/.
 *
 * The harness calls it from its main thread, once a frame. It never waits.
 */
#pragma once

#include "harness/snapshot.h"

enum gcs_act { GCS_DO_NOTHING, GCS_DO_ARM, GCS_DO_DISARM, GCS_DO_FIRE, GCS_DO_DISARM_ALL, GCS_DO_MARK, GCS_DO_QUIT,
	GCS_DO_EDIT /* numbers of a fault */, GCS_DO_RATE /* of a workload */,
	/* looking at a record (gcstorm view) only */
	GCS_DO_SEEK /* by by_ns */, GCS_DO_HOME, GCS_DO_END, GCS_DO_PLAY /* or pause */, GCS_DO_FASTER, GCS_DO_SLOWER,
	GCS_DO_NEXT_FAULT, GCS_DO_PREV_FAULT /* the edge of a window, or a firing where none is armed by window */, GCS_DO_WORST_PAUSE /* again: the next worst */,
	GCS_DO_FOLLOW, GCS_DO_WINDOW /* to the next (by_ns 1) or last (-1) end of a window */, GCS_DO_LIST /* back to the list of runs */,
	GCS_DO_CHOOSE /* entry `fault` of the list */ };
#define GCS_ARM_NS   INT64_C(60000000000) /* a fault armed by hand is disarmed after this, if nothing else is said */
#define GCS_ARM_KEEP INT64_MAX            /* or not before the run ends, or a window of it begins or ends */
struct gcs_request {
	enum gcs_act act; uint32_t fault; int64_t by_ns; int kind; /* enum gcs_worst (playback.h) of GCS_DO_WORST_PAUSE */
	uint32_t workload;  /* of GCS_DO_RATE */
	int64_t for_ns;     /* of GCS_DO_ARM: 0 is GCS_ARM_NS */
	/* Of GCS_DO_MARK: its words, NULL none; of GCS_DO_EDIT: key=value,… as gcs_scenario_edit takes it; of GCS_DO_RATE: as a
	 * scenario says it, 500/s. The asker's, until the next one is asked for. */
	const char *text;
};

/* A run in the list that `gcstorm view` offers. */
struct gcs_choice {
	char name[64], when[24], length[16], verdict[24];
	bool read;            /* the rest is known; before, the name alone */
	bool failed, unfinished, unreadable, sim, by_hand;
};

/* What the command line asks of a display. */
struct gcs_display_wishes { bool ascii /* whatever the locale says */, braille /* where the terminal can */, no_mouse; };

struct gcs_display {
	const char *name;
	/* 0, or -errno: the caller falls back to plain lines. */
	int (*open)(void **ret_self);
	void (*frame)(void *self, const struct gcs_snapshot *snap);
	/* Take one pending request of the user; GCS_DO_NOTHING when there is none. */
	struct gcs_request (*poll)(void *self);
	/* File descriptor that becomes readable on input, -1 none, or none any more. */
	int (*fd)(void *self);
	/* Instead of a frame: a list to choose from; poll then gives GCS_DO_CHOOSE or GCS_DO_QUIT. NULL: it cannot. */
	void (*list)(void *self, const struct gcs_choice *choice, uint32_t n);
	/* How it shall look, once it is opened, and each time after. NULL: there is nothing to choose. */
	void (*wish)(struct gcs_display_wishes wishes);
	/* Restores the terminal; async-signal-safe is not needed: called on every way out of the main thread. */
	void (*close)(void *self);
};
/* harness/run/plain.c: lines, an event each, figures regularly. On standard error; and on standard output, of a record, whole by itself. */
extern const struct gcs_display gcs_display_plain, gcs_display_plain_out;
