/*
 * goals.c: heap goals, by the pacer's formulas fed with Go's own figures, to the byte; and the gctrace lines of both, through one parser;
 * and those of scavtrace.
 *
 * From 1.21 on Go says how much is live and how much of stacks and globals it scanned. Before that two goals of the same collection do:
 * that at GOGC 200 less that at GOGC 100 is live + stacks + globals, when neither is the minimum, and the others must follow.
 */
#include "tests/checkgo/checkgo.h"

#include "harness/import/gctrace_log.h"
#include "runtime/gc/gc_priv.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GOALS_PERCENTS 5u
#define GOALS_OPS      48u
#define GOALS_LINE_MAX 512u

enum goals_answer { GOALS_100 = 2, GOALS_200 = 3, GOALS_LIVE = 5, GOALS_ROOTS, GOALS_NUMBER, GOALS_ANSWERS };
enum goals_limit { LIMIT_MAPPED, LIMIT_FREE, LIMIT_ALLOC, LIMIT_MARKED, LIMIT_GOAL, LIMIT_ANSWERS };

static const int goals_percent[GOALS_PERCENTS] = {10, 50, 100, 200, 400};

/* ---- the gctrace lines */

/* The cycle of that number in the log. */
static bool goals_cycle(const char *log, uint64_t number, struct gcs_gctrace_cycle *ret)
{
	struct gcs_gctrace_line line;

	for (; log != NULL && *log != 0; log += strcspn(log, "\n"), log += *log == '\n')
		if (gcs_gctrace_parse(log, strcspn(log, "\n"), &line) == GCS_GCTRACE_CYCLE &&
		    line.cycle.number == number) {
			*ret = line.cycle;
			return true;
		}
	return false;
}

/* A line with every number as N: "gc N @Ns N%: N+N+N ms clock, ...". */
static void goals_shape(const char *text, size_t bytes, char ret[GOALS_LINE_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < bytes && n < GOALS_LINE_MAX - 1;) {
		if (!isdigit((unsigned char)text[i])) {
			ret[n++] = text[i++];
			continue;
		}
		ret[n++] = 'N';
		while (i < bytes && (isdigit((unsigned char)text[i]) || text[i] == '.'))
			i++;
	}
	ret[n] = 0;
}

/* Every line about a cycle is whole and has this shape (empty: the first one's, ret). Their number. */
static uint64_t goals_lines(const char *log, char shape[GOALS_LINE_MAX], const char *whose)
{
	char own[GOALS_LINE_MAX];
	uint64_t n = 0;

	for (; log != NULL && *log != 0; log += strcspn(log, "\n"), log += *log == '\n') {
		size_t bytes = strcspn(log, "\n");
		struct gcs_gctrace_line line;

		if (strncmp(log, "gc ", 3) != 0)
			continue;
		goals_shape(log, bytes, own);
		if (*shape == 0)
			memcpy(shape, own, sizeof(own));
		if (gcs_gctrace_parse(log, bytes, &line) != GCS_GCTRACE_CYCLE || !line.cycle.scanned ||
		    !line.cycle.forced || strcmp(own, shape) != 0) {
			fprintf(stderr, "gctrace: %s line\n  %.*s\n  has not the shape\n  %s\n", whose, (int)bytes, log,
				shape);
			return 0;
		}
		n++;
	}
	return n;
}

/* Every line of the scavenger has this shape (empty: the first one's, ret), but for what Go's controller adds. Their number. */
static uint64_t goals_scav_lines(const char *log, char shape[GOALS_LINE_MAX], const char *whose)
{
	static const char reset[] = " [controller reset]";
	char own[GOALS_LINE_MAX], *end;
	uint64_t n = 0;

	for (; log != NULL && *log != 0; log += strcspn(log, "\n"), log += *log == '\n') {
		size_t bytes = strcspn(log, "\n");

		if (strncmp(log, "scav ", 5) != 0)
			continue;
		goals_shape(log, bytes, own);
		end = strstr(own, reset);
		if (end != NULL && end[sizeof(reset) - 1] == 0)
			*end = 0;
		if (*shape == 0)
			memcpy(shape, own, sizeof(own));
		if (strcmp(own, shape) != 0) {
			fprintf(stderr, "scavtrace: %s line\n  %.*s\n  has not the shape\n  %s\n", whose, (int)bytes,
				log, shape);
			return 0;
		}
		n++;
	}
	return n;
}

static void goals_collect(mrt_g *g, void *arg)
{
	(void)arg;
	for (int i = 0; i < 5; i++)
		mrt_gc(g);
}

/* What a run of ours writes to stderr with gctrace on. Freed by the caller. */
static char *goals_our_trace(void)
{
	struct mrt_options opt = {.procs = 2, .gctrace = true, .scavtrace = true, .seed = 1};
	FILE *f = tmpfile();
	int keep = dup(STDERR_FILENO);
	char *text = calloc(1, 1 << 16);

	if (f == NULL || keep < 0 || text == NULL || dup2(fileno(f), STDERR_FILENO) < 0)
		check_die("no temporary file");
	mrt_run(&opt, goals_collect, NULL);
	dup2(keep, STDERR_FILENO);
	close(keep);
	rewind(f);
	if (fread(text, 1, (1 << 16) - 1, f) == 0)
		check_die("the runtime has written no gctrace line");
	fclose(f);
	return text;
}

/* From 1.20 on the line has other words (docs/fidelity.md). */
static bool goals_scav(struct check *c, const char *ours)
{
	char shape[GOALS_LINE_MAX] = "";
	uint64_t n;

	if (c->minor > 19)
		return true;
	n = goals_scav_lines(c->log, shape, "Go's");
	if (n == 0 || goals_scav_lines(ours, shape, "this runtime's") == 0)
		return false;
	check_row(c, "scavtrace", "lines of Go, all with the words and numbers of this runtime's", n);
	return true;
}

static bool goals_traces(struct check *c)
{
	char shape[GOALS_LINE_MAX] = "", *ours = goals_our_trace();
	bool scav = goals_scav(c, ours);
	uint64_t go_n = goals_lines(c->log, shape, "Go's"), n = go_n > 0 ? goals_lines(ours, shape, "this runtime's") : 0;

	free(ours);
	if (n > 0)
		check_row(c, "gctrace", "lines of Go, all with the words and numbers of this runtime's", go_n);
	return n > 0 && scav;
}

/* ---- GOGC */

static void goals_one(const struct check *c, const struct check_answer *go, struct check_answer *ret)
{
	struct gcs_gctrace_cycle cycle = {0};
	uint64_t live = go->v[GOALS_LIVE], roots = go->v[GOALS_ROOTS];

	*ret = *go;
	if (c->minor < 21) {
		uint64_t all = go->v[GOALS_200] - go->v[GOALS_100];

		live = go->v[GOALS_100] - all;
		roots = all - live;
	}
	for (uint32_t i = 0; i < GOALS_PERCENTS; i++)
		ret->v[i] = gc_pacer_percent_goal(live, roots, goals_percent[i]);
	/* The log knows what is live in MiB. */
	if (!goals_cycle(c->log, go->v[GOALS_NUMBER], &cycle) || live >> 20 != cycle.heap_live_mib)
		ret->v[GOALS_LIVE] = (uint64_t)cycle.heap_live_mib << 20;
}

static void goals_ours(struct check *c, const struct check_op *op, size_t n, const struct check_answer *go,
		       struct check_answer *ret)
{
	(void)op;
	for (size_t i = 0; i < n; i++) {
		if (go[i].n != GOALS_ANSWERS)
			check_die("goals: an answer of %u numbers", go[i].n);
		goals_one(c, &go[i], &ret[i]);
	}
}

static bool goals_percents(struct check *c)
{
	static const struct check_topic topic = {.name = "goals", .ours = goals_ours, .differ = check_equal};
	/* Before 1.21 the minimum, 4 MiB at GOGC 100, must not be the goal there. */
	uint64_t least = c->minor < 21 ? 4 << 10 : 0;
	struct check_op op[GOALS_OPS];

	for (size_t i = 0; i < GOALS_OPS; i++)
		op[i] = (struct check_op){'l', {least + check_below(c, (uint64_t)1 << (4 + check_below(c, 14))),
						check_below(c, 3) == 0 ? check_below(c, 4000) : 0}};
	if (!check_sequence(c, &topic, op, GOALS_OPS))
		return false;
	check_row(c, "goals", "at GOGC 10, 50, 100, 200 and 400, to the byte", GOALS_OPS * GOALS_PERCENTS);
	return true;
}

/* ---- the memory limit */

static void goals_limit_ours(struct check *c, const struct check_op *op, size_t n, const struct check_answer *go,
			     struct check_answer *ret)
{
	(void)c;
	for (size_t i = 0; i < n; i++) {
		const uint64_t *v = go[i].v;
		struct gc_limit_figures f = {.limit = op[i].v[0] << 10, .mapped = v[LIMIT_MAPPED], .heap_free = v[LIMIT_FREE],
					     .heap_alloc = v[LIMIT_ALLOC], .marked = v[LIMIT_MARKED]};

		if (go[i].n != LIMIT_ANSWERS)
			check_die("goals: an answer of %u numbers", go[i].n);
		ret[i] = go[i];
		ret[i].v[LIMIT_GOAL] = gc_pacer_limit_goal(&f, MRT_PACER_1_21); /* Go has limits to compare from 1.21 on */
	}
}

static bool goals_limits(struct check *c)
{
	static const struct check_topic topic = {
		.name = "goals", .ours = goals_limit_ours, .differ = check_equal};
	struct check_op op[GOALS_OPS];

	for (size_t i = 0; i < GOALS_OPS; i++) {
		uint64_t live = check_below(c, (uint64_t)1 << (4 + check_below(c, 13)));

		op[i] = (struct check_op){'m', {1024 + check_below(c, 8 * live + (32 << 10)), live}};
	}
	if (!check_sequence(c, &topic, op, GOALS_OPS))
		return false;
	check_row(c, "goals", "under memory limits of 1 MiB to 540 MiB, to the byte", GOALS_OPS);
	return true;
}

bool check_goals(struct check *c)
{
	if (setenv("GODEBUG", "gctrace=1,scavtrace=1", 1) != 0)
		check_die("no environment");
	return goals_percents(c) && goals_traces(c) && (c->minor < 21 || goals_limits(c));
}
