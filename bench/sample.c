/*
 * sample.c: one sample of one operation, as lines of name, value, unit and checksum.
 */
#include "bench/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void bench_tell(struct bench *b, const char *suffix, double value, const char *unit)
{
	struct bench_figure *f = &b->figure[b->nfigures];

	if (b->nfigures == BENCH_FIGURES)
		return;
	snprintf(f->name, sizeof(f->name), "%s.%s", b->op->name, suffix);
	f->value = value;
	f->unit = unit;
	b->nfigures++;
}

void bench_trace_begins(void)
{
	fputs("bench: trace begins\n", stderr);
}

static uint64_t sample_divided(uint64_t count)
{
	const char *text = getenv("BENCH_DIVIDE");
	uint64_t by = text != NULL ? strtoull(text, NULL, 10) : 1;

	return by <= 1 || count == 0 ? count : count > by ? count / by : 1;
}

static const struct bench_op *sample_find(const struct bench_op *const tables[], const char *name)
{
	for (; *tables != NULL; tables++)
		for (const struct bench_op *op = *tables; op->name != NULL; op++)
			if (strcmp(op->name, name) == 0)
				return op;
	return NULL;
}

int bench_list(const struct bench_op *const tables[])
{
	for (; *tables != NULL; tables++)
		for (const struct bench_op *op = *tables; op->name != NULL; op++)
			printf("%s%s\n", op->name, op->heavy ? "\theavy" : "");
	return 0;
}

static void sample_print(const struct bench *b)
{
	unsigned long long checksum = b->checksum;

	if (b->ops != 0)
		printf("%s\t%.3f\tns\tchecksum %llu\n", b->op->name, (double)b->ns / (double)b->ops, checksum);
	for (uint32_t i = 0; i < b->nfigures; i++)
		printf("%s\t%.3f\t%s\tchecksum %llu\n", b->figure[i].name, b->figure[i].value,
		       b->figure[i].unit, checksum);
}

int bench_sample(const struct bench_op *const tables[], const char *name, int (*run)(struct bench *))
{
	static struct bench b;
	int rc;

	b.op = sample_find(tables, name);
	if (b.op == NULL) {
		fprintf(stderr, "bench: no operation '%s'\n", name);
		return 2;
	}
	b.n = sample_divided(b.op->n);
	b.ops = sample_divided(b.op->ops);
	b.cycles = sample_divided(b.op->cycles);
	rc = run(&b);
	if (rc < 0) {
		fprintf(stderr, "bench: %s: %s\n", name, strerror(-rc));
		return 1;
	}
	sample_print(&b);
	return 0;
}
