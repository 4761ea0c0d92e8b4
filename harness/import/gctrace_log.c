/*
 * gctrace_log.c: see gctrace_log.h.
 */
#include "harness/import/gctrace_log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_READ_BYTES 65536u

static int log_found(void *arg, const struct gcs_gctrace_find *find);

void gcs_gctrace_log_init(struct gcs_gctrace_log *log)
{
	memset(log, 0, sizeof *log);
	gcs_gctrace_reader_init(&log->reader, log_found, log);
}

void gcs_gctrace_log_fini(struct gcs_gctrace_log *log)
{
	free(log->entry);
	free(log->part);
	free(log->text);
	gcs_gctrace_reader_fini(&log->reader);
	memset(log, 0, sizeof *log);
}

static int log_grow(void **mem, size_t want, size_t size, size_t *cap)
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

/* Its text, with the arrow as Go prints it. */
static int log_text(struct gcs_gctrace_log *log, const char *from, size_t bytes, size_t *ret)
{
	if (log_grow((void **)&log->text, log->text_bytes + bytes + 1, 1, &log->text_cap))
		return -ENOMEM;
	*ret = log->text_bytes;
	struct line_cursor c = {from, from + bytes, LINE_NONE};
	while (c.p < c.end) {
		bool arrow = line_at(&c, "-\\u003e") || line_at(&c, "-&gt;");
		log->text[log->text_bytes++] = *c.p;
		if (arrow) {
			line_arrow(&c);
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
	if (log_grow((void **)&log->part, log->nparts + 1u, sizeof log->part[0], &cap))
		return -ENOMEM;
	log->parts_cap = (uint32_t)cap;
	log->part[log->nparts++] = (struct gcs_gctrace_part){.first = log->n};
	return 0;
}

static int log_cycle(struct gcs_gctrace_log *log, const struct gcs_gctrace_find *find)
{
	const struct gcs_gctrace_cycle *g = &find->line.cycle,
				       *last = log->n ? &log->entry[log->n - 1].cycle : NULL;
	bool begins = !last || g->number <= last->number || g->at_ns < last->at_ns;
	size_t cap = log->cap;
	if (last && g->number == last->number && g->at_ns == last->at_ns) {
		gcs_gctrace_reader_skip(&log->reader, GCS_GCTRACE_REPEATED, find->first_line);
		return 0;
	}
	if (log->n == GCS_GCTRACE_CYCLES_MAX) {
		gcs_gctrace_reader_skip(&log->reader, GCS_GCTRACE_FULL, find->first_line);
		return 0;
	}
	if (log_grow((void **)&log->entry, log->n + 1u, sizeof log->entry[0], &cap))
		return -ENOMEM;
	log->cap = (uint32_t)cap;
	struct gcs_gctrace_entry *e = &log->entry[log->n];
	*e = (struct gcs_gctrace_entry){
		.cycle = *g, .line = find->first_line, .offset = find->offset};
	if (log_text(log, find->text, find->bytes, &e->text))
		return -ENOMEM;
	if (begins && log_part(log))
		return -ENOMEM;
	log->n++;
	log->part[log->nparts - 1].n++;
	log->entry_line = find->last_line;
	return 0;
}

/* A line that is just `(forced)`, right after a cycle that ended with its line: wrapped there. */
static int log_forced(struct gcs_gctrace_log *log, const struct gcs_gctrace_find *find)
{
	static const char word[] = "(forced)";
	struct gcs_gctrace_entry *e = log->n ? &log->entry[log->n - 1] : NULL;
	size_t from = 0, to = find->bytes, want = log->text_bytes + sizeof word;
	while (from < to && find->text[from] == ' ')
		from++;
	while (from < to && find->text[to - 1] == ' ')
		to--;
	if (!e || find->first_line != log->entry_line + 1 || e->cycle.forced ||
	    to - from != sizeof word - 1 || memcmp(find->text + from, word, to - from) != 0)
		return 0;
	if (log_grow((void **)&log->text, want, 1, &log->text_cap))
		return -ENOMEM;
	log->text[log->text_bytes - 1] = ' ';
	memcpy(log->text + log->text_bytes, word, sizeof word);
	log->text_bytes = want;
	e->cycle.forced = true;
	return 0;
}

static int log_found(void *arg, const struct gcs_gctrace_find *find)
{
	struct gcs_gctrace_log *log = arg;
	if (find->line.kind == GCS_GCTRACE_CYCLE)
		return log_cycle(log, find);
	return find->line.kind == GCS_GCTRACE_OTHER ? log_forced(log, find) : 0;
}

int gcs_gctrace_log_feed(struct gcs_gctrace_log *log, const char *bytes, size_t n)
{
	log->reader.arg = log;
	return gcs_gctrace_reader_feed(&log->reader, bytes, n);
}

int gcs_gctrace_log_finish(struct gcs_gctrace_log *log)
{
	log->reader.arg = log;
	return gcs_gctrace_reader_finish(&log->reader);
}

int gcs_gctrace_log_read(struct gcs_gctrace_log *log, int fd)
{
	char *piece = malloc(LOG_READ_BYTES);
	int e = piece ? 0 : -ENOMEM;
	while (e == 0) {
		ssize_t got = read(fd, piece, LOG_READ_BYTES);
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
