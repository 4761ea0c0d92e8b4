/*
 * gctrace_reader.c: see gctrace_reader.h.
 */
#include "harness/import/gctrace_reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void gcs_gctrace_reader_init(struct gcs_gctrace_reader *r, gcs_gctrace_found *found, void *arg)
{
	memset(r, 0, sizeof *r);
	r->found = found;
	r->arg = arg;
}

void gcs_gctrace_reader_fini(struct gcs_gctrace_reader *r)
{
	free(r->line);
	r->line = NULL;
}

/* ---- telling */

void gcs_gctrace_reader_skip(struct gcs_gctrace_reader *r, enum gcs_gctrace_reason why,
			     uint64_t line)
{
	if (r->count.reason[why].count++ == 0 || line < r->count.reason[why].first_line)
		r->count.reason[why].first_line = line;
}

static void reader_broken(struct gcs_gctrace_reader *r, enum gcs_gctrace_reason why, uint64_t line)
{
	r->count.kind[GCS_GCTRACE_BROKEN]++;
	gcs_gctrace_reader_skip(r, why, line);
}

/* The find's text is at `text`, and its offsets are made to count from there. */
static int reader_tell(struct gcs_gctrace_reader *r, struct gcs_gctrace_find *f, const char *text)
{
	struct gcs_gctrace_line *l = &f->line;
	f->text = text + l->from;
	f->bytes = l->to - l->from;
	if (l->kind == GCS_GCTRACE_SCHED) {
		struct gcs_sched_line *s = &l->sched;
		s->queues.at -= s->queues.n ? l->from : 0;
		s->ticks.at -= s->ticks.n ? l->from : 0;
		s->reason_from -= s->form == GCS_SCHED_G ? l->from : 0;
		s->reason_to -= s->form == GCS_SCHED_G ? l->from : 0;
	}
	l->from = 0;
	l->to = f->bytes;
	if (l->kind == GCS_GCTRACE_BROKEN)
		reader_broken(r, l->reason, f->first_line);
	else
		r->count.kind[l->kind]++;
	if (f->last_line > f->first_line) {
		r->count.wrapped++;
		r->count.wrapped_lines += f->last_line - f->first_line + 1;
	}
	if (l->kind == GCS_GCTRACE_OLD)
		gcs_gctrace_reader_skip(r, GCS_GCTRACE_TOO_OLD, f->first_line);
	if (l->kind == GCS_GCTRACE_NO_GOAL)
		gcs_gctrace_reader_skip(r, GCS_GCTRACE_GOALLESS, f->first_line);
	return r->found ? r->found(r->arg, f) : 0;
}

/* ---- the finds of a line */

struct reader_place {
	uint64_t line, offset;
};

static bool reader_opens(struct gcs_gctrace_reader *r, const struct gcs_gctrace_line *l,
			 const char *text, const struct reader_place *at);

/* One find of a line, or the line that has none. */
static int reader_find(struct gcs_gctrace_reader *r, struct gcs_gctrace_line *l, const char *text,
		       const struct reader_place *at)
{
	struct gcs_gctrace_find f = {
		.line = *l, .first_line = at->line, .last_line = at->line, .offset = at->offset};
	if (l->kind != GCS_GCTRACE_BROKEN && l->reason != GCS_GCTRACE_WHOLE)
		reader_broken(r, l->reason, at->line);
	return reader_tell(r, &f, text);
}

/* Each, one after the other. rest: of a line whose beginning was told already. last: a line is to
 * follow, so the last find may be kept open. */
static int reader_finds(struct gcs_gctrace_reader *r, const char *text, size_t bytes,
			const struct reader_place *at, bool rest, bool last)
{
	for (;;) {
		struct gcs_gctrace_line l;
		enum gcs_gctrace_kind k = gcs_gctrace_parse(text, bytes, &l);
		size_t used = l.to;
		if ((k == GCS_GCTRACE_OTHER && rest) || (last && reader_opens(r, &l, text, at)))
			return 0;
		int e = reader_find(r, &l, text, at);
		if (e || k == GCS_GCTRACE_OTHER || k == GCS_GCTRACE_BROKEN)
			return e;
		text += used;
		bytes -= used;
		rest = true;
	}
}

/* ---- what broke off */

/* Nothing has made it whole: broken, as it was read alone, and what seemed to go on by itself. */
static int reader_close(struct gcs_gctrace_reader *r)
{
	if (r->open.bytes == 0)
		return 0;
	struct gcs_gctrace_line l = r->open.line;
	struct reader_place at = {r->open.first_line, r->open.offset};
	l.from = 0;
	l.to = r->open.alone;
	r->open.bytes = 0;
	int e = reader_find(r, &l, r->open.text, &at);
	for (unsigned i = 0; i < r->open.nmore && e == 0; i++) {
		at = (struct reader_place){r->open.more[i].line, r->open.more[i].offset};
		e = reader_finds(r, r->open.text + r->open.more[i].at, r->open.more[i].bytes, &at,
				 false, false);
	}
	return e;
}

static bool reader_space(char b)
{
	return b == ' ' || b == '\t';
}

/* A broken line ends with what may go on on the next. */
static bool reader_opens(struct gcs_gctrace_reader *r, const struct gcs_gctrace_line *l,
			 const char *text, const struct reader_place *at)
{
	size_t bytes = l->to - l->from;
	while (bytes && reader_space(text[l->from + bytes - 1]))
		bytes--;
	if (l->kind != GCS_GCTRACE_BROKEN || l->reason != GCS_GCTRACE_CUT ||
	    bytes > sizeof r->open.text / 2)
		return false;
	memcpy(r->open.text, text + l->from, bytes);
	r->open.bytes = r->open.alone = bytes;
	r->open.before_bytes = l->from < sizeof r->open.before ? l->from : 0;
	memcpy(r->open.before, text, r->open.before_bytes);
	r->open.line = *l;
	r->open.first_line = at->line;
	r->open.offset = at->offset;
	r->open.nmore = 0;
	return true;
}

/* How much of a line is passed over before what may go on: the quote of the first line, blanks. */
static size_t reader_indent(const struct gcs_gctrace_reader *r, const char *text, size_t bytes)
{
	size_t n = r->open.before_bytes;
	if (n > bytes || memcmp(text, r->open.before, n) != 0)
		n = 0;
	while (n < bytes && reader_space(text[n]))
		n++;
	return n;
}

/* Does it go on with these bytes, after a blank or without one? GCS_GCTRACE_BROKEN: yes, and is not
 * whole yet. OTHER: no. Else it is whole, and *ret_used of the bytes belong to it. */
static enum gcs_gctrace_kind reader_join(struct gcs_gctrace_reader *r, const char *text,
					 size_t bytes, bool blank, struct gcs_gctrace_line *l,
					 size_t *ret_used)
{
	size_t had = r->open.bytes + blank, room = sizeof r->open.text - had;
	size_t n = bytes < room ? bytes : room;
	r->open.text[r->open.bytes] = ' ';
	memcpy(r->open.text + had, text, n);
	enum gcs_gctrace_kind k = gcs_gctrace_parse_start(r->open.text, had + n, l);
	if (k == GCS_GCTRACE_BROKEN)
		return l->reason == GCS_GCTRACE_CUT && n == bytes && bytes < room
			       ? GCS_GCTRACE_BROKEN
			       : GCS_GCTRACE_OTHER;
	if (k == GCS_GCTRACE_OTHER || l->to <= had)
		return GCS_GCTRACE_OTHER;
	*ret_used = l->to - had;
	return k;
}

/* It is whole now. */
static int reader_joined(struct gcs_gctrace_reader *r, const struct gcs_gctrace_line *l)
{
	struct gcs_gctrace_find f = {.line = *l,
				     .first_line = r->open.first_line,
				     .last_line = r->count.lines,
				     .offset = r->open.offset};
	r->open.bytes = 0;
	return reader_tell(r, &f, r->open.text);
}

/* A line that begins with something of its own does not go on with anything. */
static bool reader_own(const char *text, size_t bytes)
{
	struct gcs_gctrace_line l;
	return gcs_gctrace_parse_start(text, bytes, &l) != GCS_GCTRACE_OTHER;
}

/* It goes on with this, and is not whole yet. */
static void reader_keep(struct gcs_gctrace_reader *r, const char *text, size_t bytes, bool blank)
{
	while (bytes && reader_space(text[bytes - 1]))
		bytes--;
	r->open.text[r->open.bytes] = ' ';
	r->open.bytes += blank;
	memcpy(r->open.text + r->open.bytes, text, bytes);
	r->open.more[r->open.nmore].at = r->open.bytes;
	r->open.more[r->open.nmore].bytes = bytes;
	r->open.more[r->open.nmore].line = r->count.lines;
	r->open.more[r->open.nmore].offset = r->line_offset;
	r->open.nmore++;
	r->open.bytes += bytes;
}

/* A line after one that broke off. *ret_used: the bytes that belong to that; all of them while it
 * goes on. */
static int reader_go_on(struct gcs_gctrace_reader *r, const char *text, size_t bytes,
			size_t *ret_used)
{
	size_t indent = reader_indent(r, text, bytes), used = 0;
	struct gcs_gctrace_line l;
	bool blank = false, more = false;
	*ret_used = 0;
	if (indent == bytes || reader_own(text + indent, bytes - indent))
		return reader_close(r);
	for (int i = 0; i < 2; i++) {
		enum gcs_gctrace_kind k =
			reader_join(r, text + indent, bytes - indent, i == 0, &l, &used);
		if (k != GCS_GCTRACE_OTHER && k != GCS_GCTRACE_BROKEN) {
			*ret_used = indent + used;
			return reader_joined(r, &l);
		}
		if (k == GCS_GCTRACE_BROKEN && !more) {
			more = true;
			blank = i == 0;
		}
	}
	if (!more || r->open.nmore == GCS_GCTRACE_WRAP_LINES_MAX)
		return reader_close(r);
	*ret_used = bytes;
	reader_keep(r, text + indent, bytes - indent, blank);
	return 0;
}

/* ---- lines */

/* A line: what belongs to the lines before, then its own. */
static int reader_line(struct gcs_gctrace_reader *r, const char *text, size_t bytes)
{
	size_t used = 0;
	int e = 0;
	while (bytes && text[bytes - 1] == '\r')
		bytes--;
	r->count.lines++;
	if (r->open.bytes)
		e = reader_go_on(r, text, bytes, &used);
	if (e || r->open.bytes)
		return e;
	struct reader_place at = {r->count.lines, r->line_offset};
	return reader_finds(r, text + used, bytes - used, &at, used > 0, true);
}

/* What was gathered is a line. */
static int reader_end_line(struct gcs_gctrace_reader *r)
{
	int e = reader_line(r, r->line ? r->line : "", r->line_bytes);
	r->count.long_lines += r->line_long;
	r->line_long = false;
	r->line_bytes = 0;
	return e;
}

/* Bytes of a line, kept up to the most that is looked at. */
static void reader_gather(struct gcs_gctrace_reader *r, const char *bytes, size_t n)
{
	size_t room = GCS_GCTRACE_LINE_BYTES_MAX - r->line_bytes;
	if (n > room) {
		r->line_long = true;
		n = room;
	}
	if (n)
		memcpy(r->line + r->line_bytes, bytes, n);
	r->line_bytes += n;
}

static void reader_look(struct gcs_gctrace_reader *r, const char *bytes, size_t n)
{
	for (size_t i = 0; i < n && r->count.bytes + i < sizeof r->head; i++)
		r->head[r->count.bytes + i] = (unsigned char)bytes[i];
	for (const char *p = bytes; (p = memchr(p, 0, (size_t)(bytes + n - p))) != NULL; p++)
		r->count.nul_bytes++;
}

int gcs_gctrace_reader_feed(struct gcs_gctrace_reader *r, const char *bytes, size_t n)
{
	if (!r->line && !(r->line = malloc(GCS_GCTRACE_LINE_BYTES_MAX)))
		return -ENOMEM;
	reader_look(r, bytes, n);
	while (n) {
		const char *nl = memchr(bytes, '\n', n);
		size_t take = nl ? (size_t)(nl - bytes) : n;
		reader_gather(r, bytes, take);
		r->count.bytes += take + (nl != NULL);
		if (nl) {
			int e = reader_end_line(r);
			if (e)
				return e;
			take++;
			r->line_offset = r->count.bytes;
		}
		bytes += take;
		n -= take;
	}
	return 0;
}

int gcs_gctrace_reader_finish(struct gcs_gctrace_reader *r)
{
	int e = r->line_bytes || r->line_long ? reader_end_line(r) : 0;
	return e ? e : reader_close(r);
}
