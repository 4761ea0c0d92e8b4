/*
 * fuzz_gctrace_log.c: any bytes as a log: nothing is read outside of them, what is said of them
 * agrees with itself, does not depend on how they are cut into pieces, and a line that is made of
 * the values that were read has these values. Stands alone with libFuzzer:
 *
 *   clang -fsanitize=fuzzer,address,undefined -I. tests/fuzz/fuzz_gctrace_log.c \
 *           harness/import/gctrace_[lr]*.c harness/import/line_cursor.c \
 *           harness/import/cycle_line.c harness/import/old_line.c harness/import/sc*_line.c \
 *           harness/import/pacer_line.c -lm
 *
 * and is mutated from printed seeds in tests/unit/test_gctrace_fuzz.c.
 */
#include "harness/import/gctrace_log.h"

#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/gctrace_render.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_HOLDS(cond)                                                                           \
	do {                                                                                       \
		if (!(cond))                                                                       \
			abort();                                                                   \
	} while (0)

/* ---- one find */

static bool fuzz_same_values(const struct gcs_gctrace_line *a, const struct gcs_gctrace_line *b)
{
	switch (a->kind) {
	case GCS_GCTRACE_CYCLE:
	case GCS_GCTRACE_NO_GOAL:
		return memcmp(&a->cycle, &b->cycle, sizeof a->cycle) == 0;
	case GCS_GCTRACE_OLD:
		return memcmp(&a->old, &b->old, sizeof a->old) == 0;
	case GCS_GCTRACE_SCAN:
		return memcmp(&a->scan, &b->scan, sizeof a->scan) == 0;
	case GCS_GCTRACE_SCAV:
		return memcmp(&a->scav, &b->scav, sizeof a->scav) == 0;
	case GCS_GCTRACE_SCHED:
		return memcmp(&a->sched, &b->sched, sizeof a->sched) == 0;
	default:
		return true; /* floats: compared as they are printed */
	}
}

/* A line made of the values has these values; offsets into it may differ. */
static void fuzz_rendered(const char *text, const struct gcs_gctrace_line *l)
{
	static struct render once, twice;
	struct gcs_gctrace_line again, sched;
	render_line(&once, text, l);
	if (once.full)
		return; /* a list of thousands of Ps */
	enum gcs_gctrace_kind k = gcs_gctrace_parse_start(once.text, once.n, &again);
	if (l->kind <= GCS_GCTRACE_NO_GOAL && l->cycle.five_parts && k == GCS_GCTRACE_BROKEN) {
		FUZZ_HOLDS(again.reason == GCS_GCTRACE_RANGE); /* a sum past one's limit */
		return;
	}
	FUZZ_HOLDS(k == l->kind && again.from == 0 && again.to == once.n);
	render_line(&twice, once.text, &again);
	FUZZ_HOLDS(once.n == twice.n && memcmp(once.text, twice.text, once.n) == 0);
	sched = *l;
	if (l->kind == GCS_GCTRACE_SCHED) {
		sched.sched.queues.at = again.sched.queues.at;
		sched.sched.ticks.at = again.sched.ticks.at;
		sched.sched.reason_from = again.sched.reason_from;
		sched.sched.reason_to = again.sched.reason_to;
	}
	FUZZ_HOLDS(fuzz_same_values(&sched, &again));
}

/* What is whole is so by itself, and its lists lie in it. */
static void fuzz_whole(const struct gcs_gctrace_find *f)
{
	struct gcs_gctrace_line alone;
	FUZZ_HOLDS(gcs_gctrace_parse_start(f->text, f->bytes, &alone) == f->line.kind);
	FUZZ_HOLDS(alone.from == 0 && alone.to == f->bytes);
	FUZZ_HOLDS(fuzz_same_values(&alone, &f->line));
	if (f->line.kind == GCS_GCTRACE_SCHED) {
		const struct gcs_sched_line *s = &f->line.sched;
		FUZZ_HOLDS(s->queues.at + 2 * (size_t)s->queues.n <= f->bytes);
		FUZZ_HOLDS(s->ticks.at + 2 * (size_t)s->ticks.n <= f->bytes);
		FUZZ_HOLDS(s->reason_from <= s->reason_to && s->reason_to <= f->bytes);
	}
	fuzz_rendered(f->text, &alone);
}

/* ---- a stream of them */

struct fuzz_stream {
	const uint8_t *data;
	size_t size;
	uint64_t finds, hash;
	uint64_t last_line;
};

static void fuzz_hash(struct fuzz_stream *s, const void *bytes, size_t n)
{
	for (const unsigned char *p = bytes; n; n--, p++)
		s->hash = (s->hash ^ *p) * UINT64_C(0x100000001b3);
}

/* The text stands in the input, in its order; only blanks and newlines may have gone or come. */
static void fuzz_stands(const struct fuzz_stream *s, const struct gcs_gctrace_find *f)
{
	size_t at = f->offset;
	for (size_t i = 0; i < f->bytes; i++) {
		if (f->text[i] == ' ' || f->text[i] == '\t')
			continue;
		while (at < s->size && s->data[at] != (uint8_t)f->text[i])
			at++;
		FUZZ_HOLDS(at < s->size);
		at++;
	}
}

static int fuzz_found(void *arg, const struct gcs_gctrace_find *f)
{
	struct fuzz_stream *s = arg;
	const struct gcs_gctrace_line *l = &f->line;
	FUZZ_HOLDS(f->first_line >= 1 && f->first_line <= f->last_line);
	FUZZ_HOLDS(f->first_line >= s->last_line && f->offset <= s->size);
	FUZZ_HOLDS(l->from == 0 && l->to == f->bytes && l->kind < GCS_GCTRACE_KINDS);
	FUZZ_HOLDS(l->kind != GCS_GCTRACE_BROKEN || l->reason != GCS_GCTRACE_WHOLE);
	FUZZ_HOLDS(l->kind != GCS_GCTRACE_OTHER || l->reason == GCS_GCTRACE_WHOLE);
	fuzz_stands(s, f);
	if (l->kind != GCS_GCTRACE_OTHER && l->kind != GCS_GCTRACE_BROKEN)
		fuzz_whole(f);
	s->finds++;
	s->last_line = f->first_line;
	fuzz_hash(s, &l->kind, sizeof l->kind);
	fuzz_hash(s, &l->reason, sizeof l->reason);
	fuzz_hash(s, &f->first_line, sizeof f->first_line);
	fuzz_hash(s, &f->last_line, sizeof f->last_line);
	fuzz_hash(s, &f->offset, sizeof f->offset);
	fuzz_hash(s, f->text, f->bytes);
	return 0;
}

static void fuzz_reader(struct fuzz_stream *s, struct gcs_gctrace_counts *ret, size_t step)
{
	static struct gcs_gctrace_reader r;
	gcs_gctrace_reader_init(&r, fuzz_found, s);
	for (size_t at = 0; at < s->size; at += step) {
		size_t n = s->size - at < step ? s->size - at : step;
		FUZZ_HOLDS(gcs_gctrace_reader_feed(&r, (const char *)s->data + at, n) == 0);
	}
	FUZZ_HOLDS(gcs_gctrace_reader_finish(&r) == 0);
	*ret = r.count;
	gcs_gctrace_reader_fini(&r);
}

/* Every line is a find's, and every find has a line. */
static void fuzz_counts(const struct fuzz_stream *s, const struct gcs_gctrace_counts *c)
{
	uint64_t sum = 0, lines = c->wrapped_lines - c->wrapped;
	for (int k = 0; k < GCS_GCTRACE_KINDS; k++)
		sum += c->kind[k];
	FUZZ_HOLDS(c->bytes == s->size && sum >= s->finds && c->lines <= s->finds + lines);
	FUZZ_HOLDS(c->wrapped_lines >= 2 * c->wrapped);
	FUZZ_HOLDS(c->kind[GCS_GCTRACE_BROKEN] ==
		   c->reason[GCS_GCTRACE_CUT].count + c->reason[GCS_GCTRACE_INTERRUPTED].count +
			   c->reason[GCS_GCTRACE_REST].count + c->reason[GCS_GCTRACE_RANGE].count);
	FUZZ_HOLDS(c->kind[GCS_GCTRACE_OLD] == c->reason[GCS_GCTRACE_TOO_OLD].count);
	FUZZ_HOLDS(c->kind[GCS_GCTRACE_NO_GOAL] == c->reason[GCS_GCTRACE_GOALLESS].count);
}

/* ---- a log */

/* The text that is kept for a cycle is that cycle. */
static void fuzz_entry(const struct gcs_gctrace_log *log, const struct gcs_gctrace_entry *e)
{
	struct gcs_gctrace_line l;
	const char *text = log->text + e->text;
	FUZZ_HOLDS(gcs_gctrace_parse(text, strlen(text), &l) == GCS_GCTRACE_CYCLE);
	FUZZ_HOLDS(l.from == 0 && l.to == strlen(text));
	FUZZ_HOLDS(memcmp(&l.cycle, &e->cycle, sizeof l.cycle) == 0);
	FUZZ_HOLDS(l.cycle.procs > 0 && l.cycle.at_ns >= 0 && l.cycle.mark_ns >= 0);
	FUZZ_HOLDS(e->line >= 1 && e->line <= log->reader.count.lines);
	FUZZ_HOLDS(e->offset < log->reader.count.bytes);
}

static void fuzz_parts(const struct gcs_gctrace_log *log)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < log->nparts; i++) {
		const struct gcs_gctrace_part *p = &log->part[i];
		FUZZ_HOLDS(p->first == n && p->n > 0);
		n += p->n;
		for (uint32_t j = p->first + 1; j < n; j++) {
			const struct gcs_gctrace_cycle *a = &log->entry[j - 1].cycle,
						       *b = &log->entry[j].cycle;
			FUZZ_HOLDS(a->number < b->number && a->at_ns <= b->at_ns);
		}
	}
	FUZZ_HOLDS(n == log->n);
}

static void fuzz_log(const uint8_t *data, size_t size, const struct gcs_gctrace_counts *c)
{
	static struct gcs_gctrace_log log;
	gcs_gctrace_log_init(&log);
	FUZZ_HOLDS(gcs_gctrace_log_feed(&log, (const char *)data, size) == 0);
	FUZZ_HOLDS(gcs_gctrace_log_finish(&log) == 0);
	for (uint32_t i = 0; i < log.n; i++)
		fuzz_entry(&log, &log.entry[i]);
	fuzz_parts(&log);
	FUZZ_HOLDS(log.n + log.reader.count.reason[GCS_GCTRACE_REPEATED].count ==
		   c->kind[GCS_GCTRACE_CYCLE]);
	gcs_gctrace_log_fini(&log);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_stream whole = {.data = data, .size = size}, pieces = whole;
	struct gcs_gctrace_counts a, b;
	fuzz_reader(&whole, &a, size ? size : 1);
	fuzz_reader(&pieces, &b, size ? 1 + data[0] % 61u : 1);
	FUZZ_HOLDS(whole.hash == pieces.hash && whole.finds == pieces.finds);
	FUZZ_HOLDS(memcmp(&a, &b, sizeof a) == 0);
	fuzz_counts(&whole, &a);
	fuzz_log(data, size, &a);
	return 0;
}
