/*
 * import_gogc.c: which GOGC, and which memory limit, explain the goals of a log.
 *
 * Each pair of neighbouring cycles leaves an interval of GOGC: the goal of the second, the live
 * bytes of the first, both rounded. The value that lies in most intervals is taken, the roundest of
 * equals. Two kinds of goals say little and only count when nothing else is there: those at the
 * minimum, and, up to Go 1.17, those that the runtime had to put 1 MiB above a heap that was larger
 * than its goal when the cycle began.
 *
 * A limit: goals that stay where they are, below what GOGC would give, while the live bytes change.
 */
#include "harness/import/import_priv.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define GOGC_MAX	10000
#define GOGC_RUN_MIN	4    /* departing cycles in a row that make a change */
#define GOGC_LIMIT_MIN	5    /* goals that make a limit */
#define GOGC_LIMIT_BAND 0.03 /* goals under a limit differ by less */

/* What the goal after cycle i says. */
struct gogc_goal {
	bool known, off;    /* the next cycle is there; without GOGC */
	double live_lo, live_hi, roots_lo, roots_hi; /* what the goal is made of */
	double goal;				     /* [goal, goal + 1) */
	int lo, hi; /* percent that give it; lo > hi: none */
	bool lifted;  /* may be 1 MiB above the heap in place of the goal */
	bool minimum; /* may be the minimum */
};

static int gogc_clip(double percent, bool up)
{
	double v = up ? ceil(percent) : floor(percent);
	return v < 1 ? 1 : v > GOGC_MAX ? GOGC_MAX : (int)v;
}

static struct gogc_goal gogc_goal(const struct import_model *m, uint32_t i, bool reachable)
{
	struct gogc_goal g = {0};
	if (i + 1 >= m->n || !m->cycle[i].next)
		return g;
	const struct gcs_gctrace_cycle *a = &m->cycle[i].entry->cycle,
				       *b = &m->cycle[i + 1].entry->cycle;
	double born = a->heap_end_mib > a->heap_start_mib ? a->heap_end_mib - a->heap_start_mib : 0;
	if (b->forced && !b->scanned && b->goal_mib <= b->heap_start_mib)
		return g; /* a forced cycle took the heap as it was for its goal, up to Go 1.8 */
	g.known = true;
	g.off = b->goal_mib == GCS_GCTRACE_GOAL_OFF;
	g.live_lo = a->heap_live_mib;
	g.live_hi = g.live_lo + 1;
	if (reachable && born > 0) {
		g.live_lo = fmax(0, g.live_lo - born - 1);
		g.live_hi = fmax(1, g.live_hi - born + 1);
	}
	if (b->scanned) {
		g.roots_lo = a->stacks_mib + b->globals_mib;
		g.roots_hi = g.roots_lo + 2;
	}
	g.goal = b->goal_mib;
	g.lifted = !b->scanned && b->goal_mib <= b->heap_start_mib + 1;
	double lo = 100 * (g.goal - g.live_hi) / (g.live_hi + g.roots_hi),
	       hi = 100 * (g.goal + 1 - g.live_lo) / fmax(g.live_lo + g.roots_lo, 1e-9);
	g.lo = gogc_clip(lo, true);
	g.hi = gogc_clip(hi, false);
	if (hi < 1 || lo > GOGC_MAX)
		g.lo = GOGC_MAX + 1;
	/* at the minimum: 4 MiB GOGC/100 is the goal, and not less than GOGC gives */
	int least = (int)ceil(g.goal * 25);
	g.minimum = g.live_lo + (g.live_lo + g.roots_lo) * least / 100 <= g.goal + 1;
	return g;
}

/* As the runtime would, at the least. */
static double gogc_least(const struct gogc_goal *g, int gogc)
{
	return fmax(g->live_lo + (g->live_lo + g->roots_lo) * gogc / 100, import_minimum(gogc));
}

static bool gogc_explains(const struct gogc_goal *g, int gogc)
{
	if (g->off || gogc < 0)
		return g->off == (gogc < 0);
	if (gogc >= g->lo && gogc <= g->hi && import_minimum(gogc) < g->goal + 1)
		return true;
	if (gogc_least(g, gogc) >= g->goal + 1)
		return false;
	return g->lifted || (g->minimum && import_minimum(gogc) >= g->goal);
}

/* 100 before 50 before 110 before 105 before 103. */
static int gogc_round(int gogc)
{
	return gogc == 100 ? 4 : gogc % 50 == 0 ? 3 : gogc % 10 == 0 ? 2 : gogc % 5 == 0;
}

struct gogc_best {
	int gogc;
	uint32_t votes, voters;
};

/* The GOGC that most of goals [from, to) have in their interval. weak: of those that say little. */
static struct gogc_best gogc_vote(const struct gogc_goal *goal, uint32_t from, uint32_t to,
				  bool weak, int32_t *votes)
{
	struct gogc_best best = {.gogc = 100};
	for (int g = 0; g <= GOGC_MAX + 1; g++)
		votes[g] = 0;
	for (uint32_t i = from; i < to; i++) {
		const struct gogc_goal *g = &goal[i];
		if (!g->known || g->off || weak != (g->lifted || g->minimum))
			continue;
		best.voters++;
		if (g->minimum) {
			votes[gogc_clip(25 * g->goal, true)]++;
			votes[gogc_clip(25 * (g->goal + 1), true)]--;
		} else if (g->lo <= g->hi) {
			votes[g->lo]++;
			votes[g->hi + 1]--;
		}
	}
	int32_t sum = 0;
	for (int g = 1; g <= GOGC_MAX; g++) {
		sum += votes[g];
		if (sum > (int32_t)best.votes ||
		    (sum == (int32_t)best.votes && sum > 0 && gogc_round(g) > gogc_round(best.gogc))) {
			best.gogc = g;
			best.votes = (uint32_t)sum;
		}
	}
	return best;
}

/* ... of the goals [from, to) that are known. */
static uint32_t gogc_explained(const struct gogc_goal *goal, uint32_t from, uint32_t to, int gogc,
			       uint32_t *ret_known)
{
	uint32_t n = 0, known = 0;
	for (uint32_t i = from; i < to; i++) {
		known += goal[i].known;
		n += goal[i].known && gogc_explains(&goal[i], gogc);
	}
	*ret_known = known;
	return n;
}

/* The end of a run of goals that gogc does not explain; unknown ones do not end it. */
static uint32_t gogc_departing(const struct gogc_goal *goal, uint32_t from, uint32_t n, int gogc,
			       uint32_t *ret_count)
{
	uint32_t to = from, count = 0;
	for (uint32_t i = from; i < n; i++) {
		if (!goal[i].known)
			continue;
		if (gogc_explains(&goal[i], gogc))
			break;
		to = i + 1;
		count++;
	}
	*ret_count = count;
	return to;
}

static bool gogc_all_off(const struct gogc_goal *goal, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++)
		if (goal[i].known && !goal[i].off)
			return false;
	return true;
}

/* Other values where several in a row agree on one. */
static void gogc_changes(struct import_model *m, const struct gogc_goal *goal, int32_t *votes)
{
	uint32_t count, to;
	for (uint32_t i = 0; i < m->n; i = to + 1) {
		to = gogc_departing(goal, i, m->n, m->im->gogc, &count);
		if (count == 0) {
			to = i;
			continue;
		}
		struct gogc_best b = gogc_vote(goal, i, to, false, votes);
		if (gogc_all_off(goal, i, to))
			b = (struct gogc_best){-1, count, count};
		if (b.gogc >= 0 && (count < GOGC_RUN_MIN || b.votes < GOGC_RUN_MIN ||
				    b.votes * 4 < count * 3))
			continue;
		/* cycles at its sides that both values explain are with it */
		while (i > 0 && (!goal[i - 1].known || gogc_explains(&goal[i - 1], b.gogc)))
			i--;
		while (to < m->n && (!goal[to].known || gogc_explains(&goal[to], b.gogc)))
			to++;
		for (uint32_t j = i; j < to; j++)
			m->cycle[j].gogc = b.gogc;
	}
	for (uint32_t i = 1; i < m->n; i++)
		m->im->changes += m->cycle[i].gogc != m->cycle[i - 1].gogc;
}

static int gogc_compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* Goals below what gogc gives, near each other, while the live bytes are not: a limit, and their
 * middle. 0: there is none. */
static double gogc_limit(const struct import_model *m, const struct gogc_goal *goal, int gogc,
			 double *below)
{
	uint32_t n = 0, near = 0, over = 0;
	double live_lo = INFINITY, live_hi = 0;
	for (uint32_t i = 0; i < m->n; i++)
		if (goal[i].known && !goal[i].off && gogc_least(&goal[i], gogc) >= goal[i].goal + 1)
			below[n++] = goal[i].goal;
	if (n < GOGC_LIMIT_MIN)
		return 0;
	qsort(below, n, sizeof below[0], gogc_compare);
	double middle = below[n / 2], band = middle * GOGC_LIMIT_BAND + 1;
	for (uint32_t i = 0; i < m->n; i++) {
		if (!goal[i].known || goal[i].off)
			continue;
		over += goal[i].goal > middle + band;
		if (fabs(goal[i].goal - middle) > band)
			continue;
		near += gogc_least(&goal[i], gogc) >= goal[i].goal + 1;
		live_lo = fmin(live_lo, goal[i].live_lo);
		live_hi = fmax(live_hi, goal[i].live_lo);
	}
	bool moves = live_hi - live_lo > fmax(2, 0.1 * live_hi);
	return near * 10 >= n * 7 && over * 20 <= n && moves ? middle : 0;
}

/* What a limit must be for goals of `middle`: the runtime keeps 3 % of headroom, and what is not
 * heap (stacks, bitmaps, its own tables) counts too. Only an estimate: the log does not say it. */
static double gogc_limit_for(double middle)
{
	return ceil((middle + 0.5) * 1.03 * 1.03 + 2);
}

/* Goals under the limit say nothing of GOGC. */
static void gogc_drop_limited(struct import_model *m, struct gogc_goal *goal, double middle)
{
	for (uint32_t i = 0; i < m->n; i++)
		if (goal[i].known && goal[i].goal >= middle * (1 - GOGC_LIMIT_BAND) - 1)
			goal[i].known = false;
}

/* Goals that say little do not speak against 100, which is what Go takes when nobody asks. */
static struct gogc_best gogc_best(const struct import_model *m, const struct gogc_goal *goal,
				  int32_t *votes)
{
	uint32_t known;
	struct gogc_best b = gogc_vote(goal, 0, m->n, false, votes);
	if (b.votes)
		return b;
	uint32_t voters = b.voters;
	b = gogc_vote(goal, 0, m->n, true, votes);
	if (gogc_explained(goal, 0, m->n, 100, &known) >=
	    gogc_explained(goal, 0, m->n, b.gogc, &known))
		b.gogc = 100;
	b.voters = voters;
	return b;
}

/* Most goals without GOGC: off is the rule. */
static bool gogc_off(const struct import_model *m, const struct gogc_goal *goal)
{
	uint32_t off = 0, known = 0;
	for (uint32_t i = 0; i < m->n; i++) {
		known += goal[i].known;
		off += goal[i].known && goal[i].off;
	}
	return off * 2 > known;
}

static void gogc_settle(struct import_model *m, struct gogc_goal *goal, int32_t *votes,
			double *below)
{
	struct gcs_import *im = m->im;
	struct gogc_best best = gogc_best(m, goal, votes);
	im->gogc = best.gogc;
	uint32_t known, explained = gogc_explained(goal, 0, m->n, best.gogc, &known);
	double limit = gogc_limit(m, goal, best.gogc, below);
	bool alone = false;
	if (limit == 0 && explained * 2 < known)
		limit = gogc_limit(m, goal, GOGC_MAX, below);
	if (limit > 0) {
		im->memlimit_mib = gogc_limit_for(limit);
		gogc_drop_limited(m, goal, limit);
		best = gogc_best(m, goal, votes);
		/* without goals below it that agree, the limit is all there is */
		alone = best.votes < 2 || best.votes * 4 < best.voters * 3;
		im->gogc = alone ? -1 : best.gogc;
	}
	if (gogc_off(m, goal))
		im->gogc = -1;
	im->said = best.voters;
	for (uint32_t i = 0; i < m->n; i++)
		m->cycle[i].gogc = im->gogc;
	if (!alone)
		gogc_changes(m, goal, votes);
	for (uint32_t i = 0; i < m->n; i++) {
		im->goals += goal[i].known;
		im->explained += goal[i].known && gogc_explains(&goal[i], m->cycle[i].gogc);
	}
}

/* Are goals made of what was reachable, not of what was marked? Go 1.5 did that. Later versions up
 * to 1.17 are given the reading that explains more, or else gives a GOGC that people set. */
static bool gogc_reachable(const struct import_model *m, struct gogc_goal *goal, int32_t *votes)
{
	uint32_t got[2], known;
	int gogc[2];
	for (int reachable = 0; reachable < 2; reachable++) {
		for (uint32_t i = 0; i < m->n; i++)
			goal[i] = gogc_goal(m, i, reachable);
		gogc[reachable] = gogc_best(m, goal, votes).gogc;
		got[reachable] = gogc_explained(goal, 0, m->n, gogc[reachable], &known);
	}
	if (m->im->five_parts || got[1] > got[0] + got[0] / 4)
		return true;
	return got[1] >= got[0] && gogc[1] % 50 == 0 && gogc[0] % 50 != 0;
}

int gcs_import_gogc(struct import_model *m)
{
	struct gogc_goal *goal = calloc(m->n, sizeof goal[0]);
	int32_t *votes = calloc(GOGC_MAX + 2, sizeof votes[0]);
	double *below = calloc(m->n, sizeof below[0]);
	int e = goal && votes && below ? 0 : -ENOMEM;
	if (e == 0) {
		m->im->reachable = !m->im->scanned && gogc_reachable(m, goal, votes);
		for (uint32_t i = 0; i < m->n; i++)
			goal[i] = gogc_goal(m, i, m->im->reachable);
		gogc_settle(m, goal, votes, below);
	}
	free(goal);
	free(votes);
	free(below);
	return e;
}

void gcs_import_narrow(const struct import_model *m, uint32_t i, double *lo, double *hi)
{
	int gogc = m->cycle[i].gogc;
	struct gogc_goal g = gogc_goal(m, i, false);
	if (!g.known || g.off || gogc < 0 || m->im->reachable || g.lifted || g.minimum ||
	    !gogc_explains(&g, gogc))
		return;
	double part = gogc / 100.0, least = (g.goal - g.roots_hi * part) / (1 + part),
	       most = (g.goal + 1 - g.roots_lo * part) / (1 + part);
	if (fmax(*lo, least) <= fmin(*hi, most)) {
		*lo = fmax(*lo, least);
		*hi = fmin(*hi, most);
	}
}
