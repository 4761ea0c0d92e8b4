/*
 * gctrace_log.c: see gctrace_log.h.
 *
 * A cycle is read by a cursor that takes one literal or number after the other. Where it cannot go
 * on, the place decides the reason: at the end of the text the line was cut, before it something
 * else stands there. What is not in a whole cycle is looked at again for the marks of a broken one.
 */
#define _GNU_SOURCE 1 /* memmem */
#include "harness/import/gctrace_log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GCTRACE_READ_BYTES 65536u
/* What no program reaches; below it nothing overflows. */
#define GCTRACE_MIB_MAX	    (1u << 30)	  /* 1 PiB */
#define GCTRACE_GOAL_MAX    (1ull << 44)  /* 2^64 bytes: what no goal at all is printed as */
#define GCTRACE_SECONDS_MAX 5000000000ull /* 150 years; in ns it fits 63 bits */
#define GCTRACE_MS_MAX	    10000000000ull /* of one part of a clock: 116 days */
#define GCTRACE_PROCS_MAX   (1u << 20)

const char *gcs_gctrace_reason_text(enum gcs_gctrace_reason r)
{
	static const char *const text[GCS_GCTRACE_REASONS] = {
		[GCS_GCTRACE_WHOLE] = "whole",
		[GCS_GCTRACE_CUT] = "the line ends before the cycle does",
		[GCS_GCTRACE_INTERRUPTED] = "other output stands in the middle of the cycle",
		[GCS_GCTRACE_REST] = "the end of a cycle that began on another line",
		[GCS_GCTRACE_OLD] = "of Go 1.4 or older: no heap goal, no time",
		[GCS_GCTRACE_NO_GOAL] = "of a Go 1.5 before its release: no heap goal",
		[GCS_GCTRACE_RANGE] = "a number that cannot be",
		[GCS_GCTRACE_REPEATED] = "the same cycle as the one before",
		[GCS_GCTRACE_FULL] = "more cycles than are read",
	};
	return r < GCS_GCTRACE_REASONS ? text[r] : "unknown";
}

/* ---- the cursor */

struct gctrace_cursor {
	const char *p, *end;
	enum gcs_gctrace_reason reason; /* of the first failure; it stays */
};

static bool gctrace_fail(struct gctrace_cursor *c)
{
	if (c->reason == GCS_GCTRACE_WHOLE)
		c->reason = c->p == c->end ? GCS_GCTRACE_CUT : GCS_GCTRACE_INTERRUPTED;
	return false;
}

/* The literal, if it is there. A text that ends inside it is left at its end: it was cut. */
static bool gctrace_try(struct gctrace_cursor *c, const char *literal)
{
	size_t n = strlen(literal), left = (size_t)(c->end - c->p);
	if (left >= n && memcmp(c->p, literal, n) == 0) {
		c->p += n;
		return true;
	}
	if (left < n && memcmp(c->p, literal, left) == 0)
		c->p = c->end;
	return false;
}

static bool gctrace_is(struct gctrace_cursor *c, const char *literal)
{
	return gctrace_try(c, literal) || gctrace_fail(c);
}

/* At the literal: only looked at. */
static bool gctrace_at(const struct gctrace_cursor *c, const char *literal)
{
	size_t n = strlen(literal);
	return (size_t)(c->end - c->p) >= n && memcmp(c->p, literal, n) == 0;
}

static bool gctrace_digit(const struct gctrace_cursor *c)
{
	return c->p < c->end && *c->p >= '0' && *c->p <= '9';
}

/* Digits, at most max. */
static bool gctrace_number(struct gctrace_cursor *c, uint64_t max, uint64_t *ret)
{
	uint64_t v = 0;
	bool large = false;
	if (!gctrace_digit(c))
		return gctrace_fail(c);
	for (; gctrace_digit(c); c->p++) {
		unsigned d = (unsigned)(*c->p - '0');
		large = large || v > (max - d) / 10;
		v = large ? max : 10 * v + d;
	}
	if (large && c->reason == GCS_GCTRACE_WHOLE)
		c->reason = GCS_GCTRACE_RANGE;
	*ret = v;
	return !large;
}

static bool gctrace_u32(struct gctrace_cursor *c, uint32_t max, uint32_t *ret)
{
	uint64_t v;
	if (!gctrace_number(c, max, &v))
		return false;
	*ret = (uint32_t)v;
	return true;
}

/* Digits, perhaps with a fraction, of something that is unit_ns long. What is finer than 1 ns is
 * dropped. */
static bool gctrace_time(struct gctrace_cursor *c, uint64_t max, int64_t unit_ns, int64_t *ret)
{
	uint64_t whole;
	if (!gctrace_number(c, max, &whole))
		return false;
	int64_t ns = (int64_t)whole * unit_ns;
	if (gctrace_at(c, ".")) {
		c->p++;
		if (!gctrace_digit(c))
			return gctrace_fail(c);
		for (; gctrace_digit(c); c->p++) {
			unit_ns /= 10;
			ns += unit_ns * (*c->p - '0');
		}
	}
	*ret = ns;
	return true;
}

static bool gctrace_ms(struct gctrace_cursor *c, int64_t *ret)
{
	return gctrace_time(c, GCTRACE_MS_MAX, 1000000, ret);
}

/* ---- the fields of a cycle, in their order */

/* `12 @1.234s 3%: `, after the "gc ". */
static bool gctrace_head(struct gctrace_cursor *c, struct gcs_gctrace_cycle *g)
{
	if (gctrace_at(c, "#"))
		c->p++; /* Go 1.5 before its release */
	if (!gctrace_number(c, UINT64_MAX, &g->number) || !gctrace_is(c, " @") ||
	    !gctrace_time(c, GCTRACE_SECONDS_MAX, 1000000000, &g->at_ns) ||
	    !gctrace_is(c, "s "))
		return false;
	if (gctrace_at(c, "-"))
		c->p++; /* a share that is not settled yet */
	if (!gctrace_u32(c, 1000000, &g->cpu_percent) || !gctrace_is(c, "%"))
		return false;
	gctrace_try(c, " (checking for goroutine leaks)");
	return gctrace_is(c, ": ");
}

static bool gctrace_clock(struct gctrace_cursor *c, struct gcs_gctrace_cycle *g)
{
	int64_t part[5];
	unsigned n = 0;
	do {
		if (!gctrace_ms(c, &part[n++]))
			return false;
	} while (n < 5 && gctrace_try(c, "+"));
	if (n != 3 && n != 5)
		return gctrace_fail(c);
	g->five_parts = n == 5;
	g->stop_first_ns = part[0];
	g->mark_ns = n == 5 ? part[1] + part[2] + part[3] : part[1];
	g->stop_second_ns = part[n - 1];
	return gctrace_is(c, " ms clock, ");
}

static bool gctrace_cpu(struct gctrace_cursor *c, struct gcs_gctrace_cycle *g)
{
	int64_t scan = 0, sync = 0;
	while (gctrace_at(c, " "))
		c->p++; /* where a wrapped line was joined again */
	if (!gctrace_ms(c, &g->cpu_stop_first_ns) || !gctrace_is(c, "+"))
		return false;
	if (g->five_parts && (!gctrace_ms(c, &scan) || !gctrace_is(c, "+") ||
			      !gctrace_ms(c, &sync) || !gctrace_is(c, "+")))
		return false;
	if (!gctrace_ms(c, &g->cpu_assist_ns) || !gctrace_is(c, "/") ||
	    !gctrace_ms(c, &g->cpu_background_ns) || !gctrace_is(c, "/") ||
	    !gctrace_ms(c, &g->cpu_idle_ns) || !gctrace_is(c, "+") ||
	    !gctrace_ms(c, &g->cpu_stop_second_ns))
		return false;
	g->cpu_background_ns += scan + sync;
	return gctrace_is(c, " ms cpu, ");
}

static bool gctrace_arrow(struct gctrace_cursor *c)
{
	return gctrace_try(c, "->") || gctrace_try(c, "-\\u003e") || gctrace_try(c, "-&gt;") ||
	       gctrace_fail(c);
}

static bool gctrace_mib(struct gctrace_cursor *c, uint32_t *ret, const char *after)
{
	return gctrace_u32(c, GCTRACE_MIB_MAX, ret) && gctrace_is(c, after);
}

/* Without GOGC the goal is what is left of 2^63 or 2^64 bytes, by version. */
static bool gctrace_goal(struct gctrace_cursor *c, uint32_t *ret)
{
	uint64_t mib;
	if (!gctrace_number(c, GCTRACE_GOAL_MAX, &mib))
		return false;
	*ret = mib > GCTRACE_MIB_MAX ? GCS_GCTRACE_GOAL_OFF : (uint32_t)mib;
	return gctrace_is(c, " MB goal, ");
}

static bool gctrace_heap(struct gctrace_cursor *c, struct gcs_gctrace_cycle *g)
{
	if (!gctrace_u32(c, GCTRACE_MIB_MAX, &g->heap_start_mib) || !gctrace_arrow(c) ||
	    !gctrace_u32(c, GCTRACE_MIB_MAX, &g->heap_end_mib) || !gctrace_arrow(c) ||
	    !gctrace_mib(c, &g->heap_live_mib, " MB, "))
		return false;
	struct gctrace_cursor ahead = *c;
	uint32_t procs;
	if (gctrace_u32(&ahead, GCTRACE_PROCS_MAX, &procs) && gctrace_at(&ahead, " P")) {
		c->reason = GCS_GCTRACE_NO_GOAL;
		return false;
	}
	return gctrace_goal(c, &g->goal_mib);
}

/* `3 MB stacks, 0 MB globals, 4 P (forced)` */
static bool gctrace_tail(struct gctrace_cursor *c, struct gcs_gctrace_cycle *g)
{
	uint32_t first;
	if (!gctrace_u32(c, GCTRACE_MIB_MAX, &first))
		return false;
	if (gctrace_try(c, " MB stacks, ")) {
		g->scanned = true;
		g->stacks_mib = first;
		if (!gctrace_mib(c, &g->globals_mib, " MB globals, ") ||
		    !gctrace_u32(c, GCTRACE_PROCS_MAX, &first))
			return false;
	}
	if (!gctrace_is(c, " P"))
		return false;
	if (first == 0 || first > GCTRACE_PROCS_MAX) {
		c->reason = GCS_GCTRACE_RANGE;
		return false;
	}
	g->procs = first;
	g->forced = gctrace_at(c, " (forced)");
	if (g->forced)
		c->p += strlen(" (forced)");
	return true;
}

/* The cycle whose "gc " the cursor has just passed. */
static bool gctrace_cycle(struct gctrace_cursor *c, struct gcs_gctrace_cycle *g)
{
	*g = (struct gcs_gctrace_cycle){0};
	return gctrace_head(c, g) && gctrace_clock(c, g) && gctrace_cpu(c, g) &&
	       gctrace_heap(c, g) && gctrace_tail(c, g);
}

/* ---- lines that are no cycle */

/* `what` at the beginning of the text or after a blank, then, when asked for, a digit. */
static bool gctrace_word(const char *text, size_t bytes, const char *what, bool digit)
{
	size_t n = strlen(what);
	for (const char *p = text, *end = text + bytes;
	     (p = memmem(p, (size_t)(end - p), what, n)) != NULL; p++) {
		bool begins = p == text || p[-1] == ' ' || p[-1] == '\t' || p[-1] == '"';
		bool goes_on = !digit || (p + n < end && p[n] >= '0' && p[n] <= '9');
		if (begins && goes_on)
			return true;
	}
	return false;
}

/* The scavenger's (scvg to Go 1.15, scav since), the scheduler's, the pacer's, gctrace=2's. */
static bool gctrace_runtime(const char *text, size_t bytes)
{
	return gctrace_word(text, bytes, "scvg", true) ||
	       gctrace_word(text, bytes, "scvg: ", false) ||
	       gctrace_word(text, bytes, "scav ", true) ||
	       gctrace_word(text, bytes, "SCHED ", true) ||
	       gctrace_word(text, bytes, "pacer: ", false) ||
	       gctrace_word(text, bytes, "scan: total ", false) ||
	       gctrace_word(text, bytes, "scan: class ", false) ||
	       gctrace_word(text, bytes, "GC forced", false);
}

/* A number before `what`: "44 MB goal" and not "the MB goal". */
static bool gctrace_measured(const char *text, size_t bytes, const char *what)
{
	const char *p = memmem(text, bytes, what, strlen(what));
	return p && p > text && p[-1] >= '0' && p[-1] <= '9';
}

static bool gctrace_rest(const char *text, size_t bytes)
{
	return gctrace_measured(text, bytes, " ms clock,") ||
	       gctrace_measured(text, bytes, " ms cpu,") ||
	       gctrace_measured(text, bytes, " MB goal,");
}

/* gc7(4): */
static bool gctrace_old(struct gctrace_cursor c)
{
	uint64_t n;
	return gctrace_number(&c, UINT64_MAX, &n) && gctrace_is(&c, "(") &&
	       gctrace_number(&c, UINT64_MAX, &n) && gctrace_is(&c, "):");
}

/* Is what follows a "gc " meant as a cycle? With its number and the @, or with its number where
 * the line begins so. */
static bool gctrace_meant(struct gctrace_cursor c, bool begins)
{
	uint64_t n;
	if (gctrace_at(&c, "#"))
		c.p++;
	if (!gctrace_digit(&c))
		return false;
	gctrace_number(&c, UINT64_MAX, &n);
	return begins || gctrace_at(&c, " @");
}

static bool gctrace_blank(const char *from, const char *to)
{
	while (from < to && (*from == ' ' || *from == '\t'))
		from++;
	return from == to;
}

static void gctrace_broken(struct gcs_gctrace_line *l, enum gcs_gctrace_reason r)
{
	if (l->kind == GCS_GCTRACE_BROKEN)
		return; /* the first reason stands */
	l->kind = GCS_GCTRACE_BROKEN;
	l->reason = r;
}

enum gcs_gctrace_kind gcs_gctrace_parse(const char *text, size_t bytes,
					struct gcs_gctrace_line *ret)
{
	while (bytes && (text[bytes - 1] == '\n' || text[bytes - 1] == '\r'))
		bytes--;
	*ret = (struct gcs_gctrace_line){.to = bytes};
	const char *end = text + bytes;
	for (const char *p = text; (p = memmem(p, (size_t)(end - p), "gc", 2)) != NULL; p += 2) {
		struct gctrace_cursor c = {p + 2, end, GCS_GCTRACE_WHOLE};
		if (gctrace_old(c))
			gctrace_broken(ret, GCS_GCTRACE_OLD);
		if (!gctrace_try(&c, " ") || !gctrace_meant(c, gctrace_blank(text, p)))
			continue;
		if (!gctrace_cycle(&c, &ret->cycle)) {
			gctrace_broken(ret, c.reason);
			continue;
		}
		ret->kind = GCS_GCTRACE_CYCLE;
		ret->reason = GCS_GCTRACE_WHOLE;
		ret->from = (size_t)(p - text);
		ret->to = (size_t)(c.p - text);
		return ret->kind;
	}
	ret->cycle = (struct gcs_gctrace_cycle){0};
	if (ret->kind != GCS_GCTRACE_BROKEN && gctrace_rest(text, bytes))
		gctrace_broken(ret, GCS_GCTRACE_REST);
	if (ret->kind != GCS_GCTRACE_BROKEN && gctrace_runtime(text, bytes))
		ret->kind = GCS_GCTRACE_RUNTIME;
	return ret->kind;
}

/* ---- a log */

void gcs_gctrace_log_init(struct gcs_gctrace_log *log)
{
	*log = (struct gcs_gctrace_log){0};
}

void gcs_gctrace_log_fini(struct gcs_gctrace_log *log)
{
	free(log->entry);
	free(log->part);
	free(log->text);
	free(log->line);
	*log = (struct gcs_gctrace_log){0};
}

static int gctrace_grow(void **mem, size_t want, size_t size, size_t *cap)
{
	if (want <= *cap)
		return 0;
	size_t n = *cap ? *cap : 4;
	while (n < want)
		n *= 2;
	void *p = realloc(*mem, n * size);
	if (!p)
		return -ENOMEM;
	*mem = p;
	*cap = n;
	return 0;
}

static void log_reason(struct gcs_gctrace_log *log, enum gcs_gctrace_reason r)
{
	if (log->reason[r].count++ == 0)
		log->reason[r].first_line = log->lines;
}

/* Its text, with the arrow as Go prints it. */
static int log_text(struct gcs_gctrace_log *log, const char *from, size_t bytes, size_t *ret)
{
	if (gctrace_grow((void **)&log->text, log->text_bytes + bytes + 1, 1, &log->text_cap))
		return -ENOMEM;
	*ret = log->text_bytes;
	struct gctrace_cursor c = {from, from + bytes, GCS_GCTRACE_WHOLE};
	while (c.p < c.end) {
		bool arrow = gctrace_at(&c, "-\\u003e") || gctrace_at(&c, "-&gt;");
		log->text[log->text_bytes++] = *c.p;
		if (arrow) {
			gctrace_arrow(&c);
			log->text[log->text_bytes++] = '>';
		} else {
			c.p++;
		}
	}
	log->text[log->text_bytes++] = '\0';
	return 0;
}

static int log_part(struct gcs_gctrace_log *log)
{
	size_t cap = log->parts_cap;
	if (gctrace_grow((void **)&log->part, log->nparts + 1u, sizeof log->part[0], &cap))
		return -ENOMEM;
	log->parts_cap = (uint32_t)cap;
	log->part[log->nparts++] = (struct gcs_gctrace_part){.first = log->n};
	return 0;
}

static int log_cycle(struct gcs_gctrace_log *log, const struct gcs_gctrace_line *l,
		     const char *text)
{
	const struct gcs_gctrace_cycle *g = &l->cycle,
				       *last = log->n ? &log->entry[log->n - 1].cycle : NULL;
	bool begins = !last || g->number <= last->number || g->at_ns < last->at_ns;
	size_t cap = log->cap;
	if (last && g->number == last->number && g->at_ns == last->at_ns) {
		log_reason(log, GCS_GCTRACE_REPEATED);
		return 0;
	}
	if (log->n == GCS_GCTRACE_CYCLES_MAX) {
		log_reason(log, GCS_GCTRACE_FULL);
		return 0;
	}
	if (gctrace_grow((void **)&log->entry, log->n + 1u, sizeof log->entry[0], &cap))
		return -ENOMEM;
	log->cap = (uint32_t)cap;
	if (begins && log_part(log))
		return -ENOMEM;
	struct gcs_gctrace_entry *e = &log->entry[log->n];
	*e = (struct gcs_gctrace_entry){
		.cycle = *g, .line = log->lines, .offset = log->line_offset};
	if (log_text(log, text + l->from, l->to - l->from, &e->text))
		return -ENOMEM;
	log->n++;
	log->part[log->nparts - 1].n++;
	return 0;
}

/* A line, or what stands on it after a cycle. */
static int log_line(struct gcs_gctrace_log *log, const char *text, size_t bytes)
{
	struct gcs_gctrace_line l;
	bool more = false;
	int e = 0;
	log->lines++;
	for (;;) {
		enum gcs_gctrace_kind kind = gcs_gctrace_parse(text, bytes, &l);
		if (kind == GCS_GCTRACE_BROKEN) {
			log->broken++;
			log_reason(log, l.reason);
		} else if (!more) {
			log->other += kind == GCS_GCTRACE_OTHER;
			log->runtime += kind == GCS_GCTRACE_RUNTIME;
		}
		if (kind != GCS_GCTRACE_CYCLE)
			return 0;
		e = log_cycle(log, &l, text);
		if (e)
			return e;
		text += l.to;
		bytes -= l.to;
		more = true;
	}
}

/* What was gathered is a line. */
static int log_end_line(struct gcs_gctrace_log *log)
{
	int e = log_line(log, log->line ? log->line : "", log->line_bytes);
	log->long_lines += log->line_long;
	log->line_long = false;
	log->line_bytes = 0;
	return e;
}

/* Bytes of a line, kept up to the most that is looked at. */
static void log_gather(struct gcs_gctrace_log *log, const char *bytes, size_t n)
{
	size_t room = GCS_GCTRACE_LINE_BYTES_MAX - log->line_bytes;
	if (n > room) {
		log->line_long = true;
		n = room;
	}
	if (n)
		memcpy(log->line + log->line_bytes, bytes, n);
	log->line_bytes += n;
}

static void log_look(struct gcs_gctrace_log *log, const char *bytes, size_t n)
{
	for (size_t i = 0; i < n && log->bytes + i < sizeof log->head; i++)
		log->head[log->bytes + i] = (unsigned char)bytes[i];
	for (const char *p = bytes; (p = memchr(p, 0, (size_t)(bytes + n - p))) != NULL; p++)
		log->nul_bytes++;
}

int gcs_gctrace_log_feed(struct gcs_gctrace_log *log, const char *bytes, size_t n)
{
	if (!log->line && !(log->line = malloc(GCS_GCTRACE_LINE_BYTES_MAX)))
		return -ENOMEM;
	log_look(log, bytes, n);
	while (n) {
		const char *nl = memchr(bytes, '\n', n);
		size_t take = nl ? (size_t)(nl - bytes) : n;
		log_gather(log, bytes, take);
		if (nl) {
			int e = log_end_line(log);
			if (e)
				return e;
			take++;
		}
		log->bytes += take;
		if (nl)
			log->line_offset = log->bytes;
		bytes += take;
		n -= take;
	}
	return 0;
}

int gcs_gctrace_log_finish(struct gcs_gctrace_log *log)
{
	return log->line_bytes || log->line_long ? log_end_line(log) : 0;
}

int gcs_gctrace_log_read(struct gcs_gctrace_log *log, int fd)
{
	char *piece = malloc(GCTRACE_READ_BYTES);
	int e = piece ? 0 : -ENOMEM;
	while (e == 0) {
		ssize_t got = read(fd, piece, GCTRACE_READ_BYTES);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			e = -errno;
		else if (got > 0)
			e = gcs_gctrace_log_feed(log, piece, (size_t)got);
		else
			break;
	}
	free(piece);
	return e ? e : gcs_gctrace_log_finish(log);
}

struct gcs_gctrace_part gcs_gctrace_log_longest(const struct gcs_gctrace_log *log)
{
	struct gcs_gctrace_part best = {0};
	for (uint32_t i = 0; i < log->nparts; i++)
		if (log->part[i].n > best.n)
			best = log->part[i];
	return best;
}
