/*
 * history.h: what a run did, item by item and in bounded memory (2.5 MB): counts by length (heat.h), the pauses, collections, firings
 * and occurrences that the record has rows of, events. What a screen needs beyond the picture of a moment (snapshot.h).
 *
 * Made by the collector as the run goes on, and by the reader of a record from its rows in the same order: the two agree. It always
 * covers the whole run so far, and of a record that is looked at the whole record, wherever in it one looks. Of each list the
 * newest are kept; `dropped` counts what went. Pauses are thinned instead: a moment and length that holds many keeps its longest.
 *
 * Times are ns from t0; -1: not (yet). One thread.
 */
#pragma once

#include "harness/measure/heat.h"
#include "harness/measure/pauses.h"
#include "harness/snapshot.h"

#define GCS_HISTORY_PAUSES  16384
#define GCS_HISTORY_CYCLES  8192
#define GCS_HISTORY_FIRINGS 16384
#define GCS_HISTORY_OCCS    512
#define GCS_HISTORY_EVENTS  2048

struct gcs_pause_row {
	int64_t t_ns, dur_ns;  /* when it ended */
	int64_t stopping_ns;   /* of a stop; -1: not known apart */
	uint64_t firing;       /* that it is due to; 0 none (ledger.h) */
	uint32_t cycle;        /* 0: of none */
	uint16_t occurrence;   /* of the firing's fault, counted from 1; 0 none */
	uint8_t kind;	       /* enum gcs_pause_kind */
};

struct gcs_cycle_row {
	uint32_t cycle;
	int32_t cause; /* enum gc_trigger; -1 not known */
	int64_t start_ns, mark_end_ns, end_ns /* of mark termination */, sweep_end_ns;
};

struct gcs_firing_row {
	int64_t t_ns;
	uint64_t firing; /* its fault: gcs_firing_fault */
};

struct gcs_occ_row {
	uint32_t fault, number;
	enum gcs_rec_state state;
	bool by_operator;
	int64_t start_ns, first_fired_ns, end_ns, steady_ns /* when it was found steady */, recovery_ns;
};

struct gcs_history {
	struct gcs_heat heat;
	struct gcs_pause_row pause[GCS_HISTORY_PAUSES]; uint32_t npauses; uint64_t pauses_dropped;
	struct gcs_cycle_row cycle[GCS_HISTORY_CYCLES]; uint32_t ncycles; uint64_t cycles_dropped;
	struct gcs_firing_row firing[GCS_HISTORY_FIRINGS]; uint32_t nfirings; uint64_t firings_dropped;
	struct gcs_occ_row occ[GCS_HISTORY_OCCS]; uint32_t noccs; uint64_t occs_dropped;
	struct gcs_event_view event[GCS_HISTORY_EVENTS]; uint32_t nevents; uint64_t events_dropped;
	struct gcs_cell cell[GCS_STRIP_CELLS]; uint32_t ncells; int64_t cell_ns; /* the strip, of all of it */
};

/* NULL: no memory. window_ns: of the run's windows. */
struct gcs_history *gcs_history_create(int64_t window_ns);
void gcs_history_destroy(struct gcs_history *h);

/* In the order of the record's rows. */
void gcs_history_pause(struct gcs_history *h, const struct gcs_pause_row *row);
void gcs_history_firing(struct gcs_history *h, int64_t t_ns, uint64_t firing);
/* That of this number; a new one, nothing known of it, if there is none. */
struct gcs_cycle_row *gcs_history_cycle(struct gcs_history *h, uint32_t cycle);
/* A new one, to be filled in. */
struct gcs_event_view *gcs_history_event(struct gcs_history *h);
/* The occurrences are told anew, n of them: begin, then the newest GCS_HISTORY_OCCS by _occ. */
void gcs_history_occs(struct gcs_history *h, uint64_t n);
struct gcs_occ_row *gcs_history_occ(struct gcs_history *h);
/* When the clock of recovery began to run for an occurrence of the list: the moment after its end from which nothing was armed,
 * until it was decided. -1: not yet. */
int64_t gcs_history_clock(const struct gcs_history *h, const struct gcs_occ_row *o);
