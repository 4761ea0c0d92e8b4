/* versus_behind.c: see versus_behind.h. */
#include "tui/versus_behind.h"

#include "harness/compare/versus.h"
#include "harness/measure/ledger.h"
#include "tui/format.h"
#include "tui/heat_grid.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct behind {
	struct versus_line *line;
	int n, cols;
};

static __attribute__((format(printf, 3, 4))) void behind_add(struct behind *b, enum tui_role role, const char *fmt, ...)
{
	va_list ap;
	if (b->n == VERSUS_BEHIND_LINES)
		return;
	struct versus_line *l = &b->line[b->n++];
	l->role = role;
	va_start(ap, fmt);
	vsnprintf(l->text, sizeof l->text, fmt, ap);
	va_end(ap);
}

/* ---------------------------------------------------------------- runs */

static void behind_value(const struct gcs_versus_row *row, int side, uint32_t run, char ret[32])
{
	double value = row->side[side].value[run];
	if (isnan(value))
		snprintf(ret, 32, "-");
	else if (row->check)
		snprintf(ret, 32, "%s", value > 0 ? "ok" : "FAIL");
	else
		gcs_versus_show(row, value, ret, 32);
}

static void behind_runs(struct behind *b, const struct gcs_versus *v, const struct gcs_versus_row *row, int side)
{
	int name = b->cols >= 110 ? 48 : 30;
	char value[32];
	for (uint32_t i = 0; i < v->side[side].nruns; i++) {
		const struct gcs_versus_run *r = &v->side[side].run[i];
		behind_value(row, side, i, value);
		if (r->why[0])
			behind_add(b, TUI_WARN, "%c %-*.*s %11s  not counted: %s", 'A' + side, name, name, r->name, value, r->why);
		else
			behind_add(b, TUI_PLAIN, "%c %-*.*s %11s  %s  seed 0x%" PRIx64 "%s", 'A' + side, name, name, r->name, value, r->verdict, r->seed,
				   i == v->side[side].drawn ? "  drawn" : "");
	}
}

/* ---------------------------------------------------------------- pauses */

/* Of which kind of pause a figure is; -1: of none. */
static int behind_kind(const char *metric)
{
	static const struct { const char *begins; int kind; } kinds[] = {
		{"pause.stw.", GCS_HEAT_STW}, {"pause.stopping.", GCS_HEAT_STOPPING}, {"assist.", GCS_HEAT_ASSIST}, {"wake.lag.", GCS_HEAT_WAKE}};
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (strncmp(metric, kinds[i].begins, strlen(kinds[i].begins)) == 0)
			return kinds[i].kind;
	return -1;
}

/* Figures are of recorded phases. */
static bool behind_recorded(const struct gcs_versus_side *side, int64_t t_ns)
{
	int phase = gcs_scenario_phase_at(side->scenario, t_ns);
	return phase >= 0 && side->scenario->phase[phase].record;
}

/* The longest that is shorter than `than`, or as long and later in the list; NULL: there is no other. */
static const struct gcs_pause_row *behind_next(const struct gcs_versus_side *side, enum gcs_heat_kind kind, const struct gcs_pause_row *than)
{
	const struct gcs_history *h = side->history;
	const struct gcs_pause_row *found = NULL;
	for (uint32_t i = 0; i < h->npauses; i++) {
		const struct gcs_pause_row *p = &h->pause[i];
		int64_t ns = heat_grid_length(p, kind), most_ns = than ? heat_grid_length(than, kind) : INT64_MAX;
		bool left = ns < most_ns || (ns == most_ns && p > than);
		if (ns >= 0 && left && (!found || ns > heat_grid_length(found, kind)) && behind_recorded(side, p->t_ns))
			found = p;
	}
	return found;
}

static void behind_due(const struct gcs_versus_side *side, const struct gcs_pause_row *p, char *ret, size_t cap)
{
	int fault = gcs_firing_fault(p->firing);
	snprintf(ret, cap, "no firing behind it");
	if (fault < 0 || (uint32_t)fault >= side->scenario->nfaults)
		return;
	const char *id = side->scenario->fault[fault].id;
	if (p->occurrence)
		snprintf(ret, cap, "due to %s#%u", id, p->occurrence);
	else
		snprintf(ret, cap, "due to %s", id);
}

static void behind_pauses(struct behind *b, const struct gcs_versus *v, int side, enum gcs_heat_kind kind)
{
	const struct gcs_pause_row *p = NULL;
	char at[TUI_NUMBER], length[TUI_NUMBER], cycle[24], due[64];
	for (int i = 0; i < VERSUS_BEHIND_PAUSES && (p = behind_next(&v->side[side], kind, p)); i++) {
		snprintf(cycle, sizeof cycle, "GC#%u", p->cycle);
		behind_due(&v->side[side], p, due, sizeof due);
		behind_add(b, TUI_PLAIN, "%c %s %s at %s  %-8s %s", 'A' + side, i ? "then" : "longest", tui_duration(length, heat_grid_length(p, kind)),
			   tui_clock_milli(at, p->t_ns), p->cycle ? cycle : "", due);
	}
}

/* ---------------------------------------------------------------- recovery */

static void behind_occurrence(struct behind *b, const struct gcs_snapshot *s, int side, const struct gcs_occ_row *o, const char *id)
{
	static const struct { const char *text; enum tui_role role; } state[] = {
		[GCS_REC_ARMED] = {"armed", TUI_FAULT},	    [GCS_REC_DEGRADED] = {"degraded", TUI_BAD},
		[GCS_REC_RECOVERING] = {"recovering", TUI_WARN}, [GCS_REC_STEADY] = {"steady", TUI_GOOD},
		[GCS_REC_NEVER] = {"NEVER", TUI_BAD},	    [GCS_REC_UNTOUCHED] = {"untouched", TUI_DIM},
		[GCS_REC_UNJUDGED] = {"unjudged", TUI_DIM}};
	char from[TUI_NUMBER], back[TUI_NUMBER];
	bool in = o->recovery_ns >= 0;
	behind_add(b, state[o->state].role, "%c %s#%u  armed at %s  %s%s%s", 'A' + side, id, o->number + 1, tui_clock_milli(from, o->start_ns),
		   state[o->state].text, in ? " in " : "", in ? tui_back(back, s, o->recovery_ns) : "");
}

static void behind_occurrences(struct behind *b, const struct gcs_snapshot *s, int side, const char *id)
{
	const struct gcs_versus_side *of = &s->versus->side[side];
	int told = 0;
	for (uint32_t i = 0; i < of->history->noccs && told < VERSUS_BEHIND_OCCS; i++) {
		const struct gcs_occ_row *o = &of->history->occ[i];
		if (o->fault >= of->scenario->nfaults || strcmp(of->scenario->fault[o->fault].id, id) != 0)
			continue;
		behind_occurrence(b, s, side, o, id);
		told++;
	}
}

int versus_behind(const struct gcs_snapshot *s, int at, int cols, struct versus_line line[VERSUS_BEHIND_LINES])
{
	const struct gcs_versus *v = s->versus;
	const struct gcs_versus_row *row = &v->row[at];
	struct behind b = {line, 0, cols};
	int kind = row->check ? -1 : behind_kind(row->metric);
	const char *id = strncmp(row->metric, "recovery.", 9) == 0 ? strchr(row->metric, '@') : NULL;
	for (int side = 0; side < GCS_VERSUS_SIDES; side++)
		behind_runs(&b, v, row, side);
	for (int side = 0; side < GCS_VERSUS_SIDES; side++) {
		if (!v->side[side].history || !v->side[side].scenario)
			continue;
		if (kind >= 0)
			behind_pauses(&b, v, side, (enum gcs_heat_kind)kind);
		else if (id && !row->check)
			behind_occurrences(&b, s, side, id + 1);
	}
	return b.n;
}
