/*
 * gctrace_line.c: see gctrace_line.h.
 *
 * At every byte that one of the lines may begin with, its parser is asked. What is whole counts
 * wherever it stands; what is not counts as broken only if enough of it is there to say that it was
 * meant, and for the words that prose uses too, only where a word begins. A line without any is
 * looked at again for the marks of a cycle's end.
 */
#define _GNU_SOURCE 1 /* memmem */
#include "harness/import/gctrace_line.h"

#include <string.h>

const char *gcs_gctrace_kind_text(enum gcs_gctrace_kind k)
{
	static const char *const text[GCS_GCTRACE_KINDS] = {
		[GCS_GCTRACE_OTHER] = "of something else",
		[GCS_GCTRACE_CYCLE] = "cycles",
		[GCS_GCTRACE_NO_GOAL] = "of cycles without a goal",
		[GCS_GCTRACE_OLD] = "of cycles of Go 1.0 to 1.4",
		[GCS_GCTRACE_FORCED] = "of GC forced",
		[GCS_GCTRACE_SCAN] = "of scanning",
		[GCS_GCTRACE_SCAV] = "of the scavenger",
		[GCS_GCTRACE_SCHED] = "of the scheduler",
		[GCS_GCTRACE_PACER] = "of the pacer",
		[GCS_GCTRACE_BROKEN] = "not usable",
	};
	return k < GCS_GCTRACE_KINDS ? text[k] : "unknown";
}

const char *gcs_gctrace_kind_name(enum gcs_gctrace_kind k)
{
	static const char *const name[GCS_GCTRACE_KINDS] = {
		[GCS_GCTRACE_OTHER] = "other",	     [GCS_GCTRACE_CYCLE] = "cycles",
		[GCS_GCTRACE_NO_GOAL] = "goalless",  [GCS_GCTRACE_OLD] = "old_cycles",
		[GCS_GCTRACE_FORCED] = "gc_forced",    [GCS_GCTRACE_SCAN] = "scan",
		[GCS_GCTRACE_SCAV] = "scavenger",    [GCS_GCTRACE_SCHED] = "scheduler",
		[GCS_GCTRACE_PACER] = "pacer",	     [GCS_GCTRACE_BROKEN] = "broken",
	};
	return k < GCS_GCTRACE_KINDS ? name[k] : "unknown";
}

const char *gcs_gctrace_reason_text(enum gcs_gctrace_reason r)
{
	static const char *const text[GCS_GCTRACE_REASONS] = {
		[GCS_GCTRACE_WHOLE] = "whole",
		[GCS_GCTRACE_CUT] = "the line ends before it does",
		[GCS_GCTRACE_INTERRUPTED] = "other output stands in the middle of it",
		[GCS_GCTRACE_REST] = "the end of a cycle that began on another line",
		[GCS_GCTRACE_RANGE] = "a number that cannot be",
		[GCS_GCTRACE_TOO_OLD] = "a cycle of Go 1.4 or older: no heap goal, no time",
		[GCS_GCTRACE_GOALLESS] = "a cycle of a Go 1.5 before its release: no heap goal",
		[GCS_GCTRACE_REPEATED] = "the same cycle as the one before",
		[GCS_GCTRACE_FULL] = "more cycles than are read",
	};
	return r < GCS_GCTRACE_REASONS ? text[r] : "unknown";
}

static enum gcs_gctrace_reason gctrace_reason(enum line_fault f)
{
	return f == LINE_CUT	 ? GCS_GCTRACE_CUT
	       : f == LINE_RANGE ? GCS_GCTRACE_RANGE
				 : GCS_GCTRACE_INTERRUPTED;
}

/* ---- what begins here */

static bool gctrace_begins(const char *text, const char *p)
{
	return p == text || p[-1] == ' ' || p[-1] == '\t' || p[-1] == '"';
}

static bool gctrace_blank(const char *from, const char *to)
{
	while (from < to && (*from == ' ' || *from == '\t'))
		from++;
	return from == to;
}

/* A quote that a message begins with: after : or =, or with the line; not one of prose. */
static bool gctrace_message(const char *text, const char *quote)
{
	while (quote > text && quote[-1] == ' ')
		quote--;
	return quote == text || quote[-1] == ':' || quote[-1] == '=';
}

/* `GC forced`, and nothing after it but what JSON ends a message with. */
static bool gctrace_forced(struct line_cursor *c, const char *text)
{
	const char *p = c->p;
	if (p > text && p[-1] == '"' && !gctrace_message(text, p - 1))
		return false;
	return line_is(c, "GC forced") &&
	       (gctrace_blank(c->p, c->end) || line_at(c, "\"") || line_at(c, "\\n"));
}

struct gctrace_try {
	struct line_cursor c;
	enum gcs_gctrace_kind kind; /* what was tried */
	bool meant;
};

static bool gctrace_try_gc(struct gctrace_try *t, const char *text, struct gcs_gctrace_line *l)
{
	bool begins = gctrace_blank(text, t->c.p);
	t->kind = GCS_GCTRACE_CYCLE;
	if (!line_at(&t->c, "gc ")) {
		t->kind = GCS_GCTRACE_OLD;
		return gcs_old_line(&t->c, &t->meant, &l->old);
	}
	if (!gcs_cycle_line(&t->c, begins, &t->meant, &l->cycle))
		return false;
	if (l->cycle.no_goal)
		t->kind = GCS_GCTRACE_NO_GOAL;
	return true;
}

/* The first two bytes of one of them: most text is passed over here. */
static bool gctrace_marked(const char *p, const char *end)
{
	if (end - p < 2)
		return false;
	bool digit = p[1] >= '0' && p[1] <= '9';
	switch (*p) {
	case 'g':
	case 's':
		return p[1] == 'c';
	case 'p':
		return p[1] == 'a';
	case 'S':
		return p[1] == 'C';
	case 'G':
		return p[1] == 'C' || digit;
	case 'P':
	case 'M':
		return digit;
	default:
		return false;
	}
}

/* By the first byte. The parsers write into the union, also when they fail. */
static bool gctrace_try_here(struct gctrace_try *t, const char *text, struct gcs_gctrace_line *l)
{
	bool begins = gctrace_begins(text, t->c.p);
	bool whole = false;
	switch (*t->c.p) {
	case 'g':
		return gctrace_try_gc(t, text, l);
	case 's':
		t->kind = line_at(&t->c, "scan") ? GCS_GCTRACE_SCAN : GCS_GCTRACE_SCAV;
		whole = t->kind == GCS_GCTRACE_SCAN ? gcs_scan_line(&t->c, &t->meant, &l->scan)
						    : gcs_scav_line(&t->c, &t->meant, &l->scav);
		break;
	case 'p':
		t->kind = GCS_GCTRACE_PACER;
		whole = gcs_pacer_line(&t->c, &t->meant, &l->pacer);
		break;
	case 'G':
		if (line_at(&t->c, "GC")) {
			t->kind = GCS_GCTRACE_FORCED;
			return begins && gctrace_forced(&t->c, text);
		}
		/* fall through */
	case 'S':
	case 'P':
	case 'M':
		t->kind = GCS_GCTRACE_SCHED;
		whole = gcs_sched_line(&t->c, text, &t->meant, &l->sched);
		break;
	default:
		break;
	}
	t->meant = t->meant && begins;
	return whole;
}

/* What begins at `at`; false: nothing, and OTHER or BROKEN if it was meant. */
static bool gctrace_here(const char *text, size_t bytes, size_t at, struct gcs_gctrace_line *l)
{
	struct gctrace_try t = {.c = {text + at, text + bytes, LINE_NONE}};
	if (gctrace_try_here(&t, text, l)) {
		l->kind = t.kind;
		l->from = at;
		l->to = (size_t)(t.c.p - text);
		return true;
	}
	if (t.meant && l->reason == GCS_GCTRACE_WHOLE) { /* the first that is broken stands */
		l->kind = GCS_GCTRACE_BROKEN;
		l->meant = t.kind;
		l->reason = gctrace_reason(t.c.fault);
		l->from = at;
	}
	return false;
}

/* ---- lines without any */

/* A number before `what`: "44 MB goal" and not "the MB goal". */
static bool gctrace_measured(const char *text, size_t bytes, const char *what)
{
	const char *p = memmem(text, bytes, what, strlen(what));
	return p && p > text && p[-1] >= '0' && p[-1] <= '9';
}

/* `69/0/0 yields`, and not "it yields". */
static bool gctrace_yields(const char *text, size_t bytes)
{
	const char *what = " yields", *p = memmem(text, bytes, what, strlen(what));
	if (!p)
		return false;
	while (p > text && p[-1] >= '0' && p[-1] <= '9')
		p--;
	return p > text && p[-1] == '/';
}

static bool gctrace_rest(const char *text, size_t bytes)
{
	return gctrace_measured(text, bytes, " ms clock,") ||
	       gctrace_measured(text, bytes, " ms cpu,") ||
	       gctrace_measured(text, bytes, " MB goal,") ||
	       gctrace_measured(text, bytes, ") steal,") || gctrace_yields(text, bytes);
}

static size_t gctrace_trimmed(const char *text, size_t bytes)
{
	while (bytes && (text[bytes - 1] == '\n' || text[bytes - 1] == '\r'))
		bytes--;
	return bytes;
}

/* Nothing of the union but of what was read whole. */
static enum gcs_gctrace_kind gctrace_none(struct gcs_gctrace_line *l)
{
	struct gcs_gctrace_line none = {.kind = l->kind, .meant = l->meant, .reason = l->reason,
					.from = l->from, .to = l->to};
	*l = none;
	return l->kind;
}

enum gcs_gctrace_kind gcs_gctrace_parse(const char *text, size_t bytes,
					struct gcs_gctrace_line *ret)
{
	bytes = gctrace_trimmed(text, bytes);
	*ret = (struct gcs_gctrace_line){.to = bytes};
	for (size_t at = 0; at < bytes; at++) {
		if (gctrace_marked(text + at, text + bytes) && gctrace_here(text, bytes, at, ret))
			return ret->kind;
	}
	if (ret->kind == GCS_GCTRACE_OTHER && gctrace_rest(text, bytes)) {
		ret->kind = GCS_GCTRACE_BROKEN;
		ret->reason = GCS_GCTRACE_REST;
	}
	return gctrace_none(ret);
}

enum gcs_gctrace_kind gcs_gctrace_parse_start(const char *text, size_t bytes,
					      struct gcs_gctrace_line *ret)
{
	bytes = gctrace_trimmed(text, bytes);
	*ret = (struct gcs_gctrace_line){.to = bytes};
	if (gctrace_marked(text, text + bytes) && gctrace_here(text, bytes, 0, ret))
		return ret->kind;
	return gctrace_none(ret);
}
