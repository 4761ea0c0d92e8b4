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

/* ---- what broke off */

/* Nothing has gone on: broken, as it was read alone. */
static int reader_close(struct gcs_gctrace_reader *r)
{
	if (r->open.bytes == 0)
		return 0;
	struct gcs_gctrace_find f = {.line = r->open.line,
				     .first_line = r->open.first_line,
				     .last_line = r->open.first_line,
				     .offset = r->open.offset};
	f.line.from = 0;
	f.line.to = r->open.alone;
	r->open.bytes = 0;
	return reader_tell(r, &f, r->open.text);
}

static bool reader_space(char b)
{
	return b == ' ' || b == '\t';
}

/* A broken line ends with what may go on on the next. */
static bool reader_opens(struct gcs_gctrace_reader *r, const struct gcs_gctrace_line *l,
			 const char *text)
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
	r->open.first_line = r->open.last_line = r->count.lines;
	r->open.offset = r->line_offset;
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
	if (!more || r->count.lines - r->open.first_line >= GCS_GCTRACE_WRAP_LINES_MAX)
		return reader_close(r);
	r->open.text[r->open.bytes] = ' ';
	r->open.bytes += blank;
	while (bytes > indent && reader_space(text[bytes - 1]))
		bytes--;
	memcpy(r->open.text + r->open.bytes, text + indent, bytes - indent);
	r->open.bytes += bytes - indent;
	*ret_used = bytes;
	return 0;
}

/* ---- lines */

/* One find of a line, or the line that has none. */
static int reader_find(struct gcs_gctrace_reader *r, struct gcs_gctrace_line *l, const char *text)
{
	struct gcs_gctrace_find f = {.line = *l,
				     .first_line = r->count.lines,
				     .last_line = r->count.lines,
				     .offset = r->line_offset};
	if (l->kind != GCS_GCTRACE_BROKEN && l->reason != GCS_GCTRACE_WHOLE)
		reader_broken(r, l->reason, r->count.lines);
	return reader_opens(r, l, text) ? 0 : reader_tell(r, &f, text);
}

/* A line whose first `used` bytes belong to the lines before: each find of it, one after the other. */
static int reader_line(struct gcs_gctrace_reader *r, const char *text, size_t bytes)
{
	size_t used = 0;
	int e = 0;
	while (bytes && text[bytes - 1] == '\r')
		bytes--;
	r->count.lines++;
	if (r->open.bytes)
		e = reader_go_on(r, text, bytes, &used);
	bool more = used > 0;
	while (e == 0 && !r->open.bytes) {
		struct gcs_gctrace_line l;
		text += used;
		bytes -= used;
		if (gcs_gctrace_parse(text, bytes, &l) == GCS_GCTRACE_OTHER && more)
			return 0;
		more = true;
		used = l.to;
		e = reader_find(r, &l, text);
		if (l.kind == GCS_GCTRACE_OTHER || l.kind == GCS_GCTRACE_BROKEN)
			break;
	}
	return e;
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
