/*
 * fuzz_gctrace_log.c: any bytes as a log: nothing is read outside of them, and what is said of them
 * agrees with itself. Stands alone with libFuzzer:
 *
 *   clang -fsanitize=fuzzer,address,undefined -I. tests/fuzz/fuzz_gctrace_log.c \
 *           harness/import/gctrace_log.c
 *
 * and is mutated from printed seeds in tests/unit/test_gctrace_fuzz.c.
 */
#include "harness/import/gctrace_log.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_HOLDS(cond)                                                                           \
	do {                                                                                       \
		if (!(cond))                                                                       \
			abort();                                                                   \
	} while (0)

/* The text that is kept for a cycle is that cycle. */
static void fuzz_entry(const struct gcs_gctrace_log *log, const struct gcs_gctrace_entry *e)
{
	struct gcs_gctrace_line l;
	const char *text = log->text + e->text;
	FUZZ_HOLDS(gcs_gctrace_parse(text, strlen(text), &l) == GCS_GCTRACE_CYCLE);
	FUZZ_HOLDS(l.from == 0 && l.to == strlen(text));
	FUZZ_HOLDS(memcmp(&l.cycle, &e->cycle, sizeof l.cycle) == 0);
	FUZZ_HOLDS(l.cycle.procs > 0 && l.cycle.at_ns >= 0 && l.cycle.mark_ns >= 0);
	FUZZ_HOLDS(e->line >= 1 && e->line <= log->lines && e->offset < log->bytes);
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

/* Whole, or in pieces of `step` bytes. */
static void fuzz_read(struct gcs_gctrace_log *log, const uint8_t *data, size_t size, size_t step)
{
	gcs_gctrace_log_init(log);
	for (size_t at = 0; at < size; at += step) {
		size_t n = size - at < step ? size - at : step;
		FUZZ_HOLDS(gcs_gctrace_log_feed(log, (const char *)data + at, n) == 0);
	}
	FUZZ_HOLDS(gcs_gctrace_log_finish(log) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gcs_gctrace_log whole, pieces;
	fuzz_read(&whole, data, size, size ? size : 1);
	fuzz_read(&pieces, data, size, size ? 1 + data[0] % 61u : 1);
	FUZZ_HOLDS(whole.bytes == size && whole.n == pieces.n && whole.lines == pieces.lines);
	FUZZ_HOLDS(whole.text_bytes == pieces.text_bytes && whole.nul_bytes == pieces.nul_bytes);
	FUZZ_HOLDS(whole.text_bytes == 0 || memcmp(whole.text, pieces.text, whole.text_bytes) == 0);
	FUZZ_HOLDS(memcmp(whole.reason, pieces.reason, sizeof whole.reason) == 0);
	for (uint32_t i = 0; i < whole.n; i++)
		fuzz_entry(&whole, &whole.entry[i]);
	fuzz_parts(&whole);
	gcs_gctrace_log_fini(&whole);
	gcs_gctrace_log_fini(&pieces);
	return 0;
}
