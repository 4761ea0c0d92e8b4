/*
 * bench_syscalls.c: what it costs that system calls of a target are asked about (os/): rows for
 * bench.sh, "name value unit note".
 */
#include "harness/run/injector.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TURNS 15

static int order(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

static void row(const char *name, int64_t ns[TURNS], const char *what)
{
	qsort(ns, TURNS, sizeof ns[0], order);
	printf("%s\t%.1f\tus\t%.1f to %.1f, medians of %d turns; %s\n", name, (double)ns[TURNS / 2] / 1e3,
	       (double)ns[0] / 1e3, (double)ns[TURNS - 1] / 1e3, TURNS, what);
}

int main(void)
{
	int64_t call[TURNS], look[TURNS];
	for (int i = 0; i < TURNS; i++) {
		struct gcs_injector_prices price;
		int e = gcs_injector_price(true, &price);
		if (e) { /* no row: this system has no such thing */
			fprintf(stderr, "bench-syscalls: %s: %s\n", price.refused, strerror(-e));
			return 0;
		}
		call[i] = price.call_ns;
		look[i] = price.look_ns;
	}
	row("notified_call", call, "asked about and let go on");
	row("notified_look", look, "finds something, answered by the harness");
	return 0;
}
