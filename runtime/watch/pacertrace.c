/*
 * pacertrace.c: what the pacer did in a cycle, as Go prints it.
 */
#include "runtime/watch/pacertrace.h"

#include <inttypes.h>
#include <stdio.h>

#define RATIO_DIGITS 7
#define RATIO_BYTES  (RATIO_DIGITS + 8)

/* 10^7 times the ratio's digits d.dddddd, rounded, and its exponent: 1 <= num / den < 10 before. */
static uint64_t ratio_digits(unsigned __int128 num, unsigned __int128 den)
{
	uint64_t digits = 0;

	for (int i = 0; i < RATIO_DIGITS; i++) {
		digits = digits * 10 + (uint64_t)(num / den);
		num = num % den * 10;
	}
	return digits + (num / den >= 5);
}

size_t watch_ratio_format(char *text, size_t cap, struct watch_ratio r)
{
	unsigned __int128 num = r.num, den = r.den != 0 ? r.den : 1;
	uint64_t digits = 0;
	int e = 0, n;

	if (num != 0) {
		for (; num >= 10 * den; e++)
			den *= 10;
		for (; num < den; e--)
			num *= 10;
		digits = ratio_digits(num, den);
		if (digits == 10000000) {
			digits /= 10;
			e++;
		}
	}
	n = snprintf(text, cap, "%c%" PRIu64 ".%06" PRIu64 "e%c%03d", r.negative ? '-' : '+',
		     digits / 1000000, digits % 1000000, e < 0 ? '-' : '+', e < 0 ? -e : e);
	return n > 0 ? ((size_t)n < cap ? (size_t)n : cap - 1) : 0;
}

static size_t pacer_length(int n, size_t cap)
{
	return n > 0 ? ((size_t)n < cap ? (size_t)n : cap - 1) : 0;
}

size_t watch_pacer_start_format(char *line, size_t cap, const struct watch_pacer_start *t)
{
	char assist[RATIO_BYTES], fractional[RATIO_BYTES];

	watch_ratio_format(assist, sizeof(assist), t->assist);
	watch_ratio_format(fractional, sizeof(fractional), t->fractional);
	return pacer_length(snprintf(line, cap,
				     "pacer: assist ratio=%s (scan %" PRIu64 " MB in %" PRIu64
				     "->%" PRIu64 " MB) workers=%" PRIu32 "+%s\n",
				     assist, t->scan >> 20, t->live >> 20, t->goal >> 20,
				     t->dedicated, fractional),
			    cap);
}

size_t watch_pacer_end_format(char *line, size_t cap, const struct watch_pacer_end *t)
{
	char cons_mark[RATIO_BYTES];

	watch_ratio_format(cons_mark, sizeof(cons_mark), t->cons_mark);
	return pacer_length(
		snprintf(line, cap,
			 "pacer: %" PRIu64 "%% CPU (25 exp.) for %" PRIu64 "+%" PRIu64 "+%" PRIu64
			 " B work (%" PRIu64 " B exp.) in %" PRIu64 " B -> %" PRIu64
			 " B (∆goal %" PRId64 ", cons/mark %s)%s\n",
			 t->cpu_percent, t->heap_work, t->stack_work, t->globals_work,
			 t->expected_work, t->triggered, t->live, (int64_t)(t->live - t->goal),
			 cons_mark, t->reset ? "[controller reset]" : ""),
		cap);
}

size_t watch_pacer_sweep_format(char *line, size_t cap, const struct watch_pacer_sweep *t)
{
	char ratio[RATIO_BYTES];

	watch_ratio_format(ratio, sizeof(ratio), t->pages_per_byte);
	return pacer_length(snprintf(line, cap,
				     "pacer: sweep done at heap size %" PRIu64
				     "MB; allocated %" PRIu64 "MB during sweep; swept %" PRIu64
				     " pages at %s pages/byte\n",
				     t->live >> 20, t->allocated >> 20, t->pages, ratio),
			    cap);
}
