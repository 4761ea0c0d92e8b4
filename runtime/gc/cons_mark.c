/*
 * cons_mark.c: how many bytes the program allocates while the collector scans one, each on a CPU of
 * its own (mgcpacer.go endCycle): from it comes how long before the goal a cycle must begin.
 *
 *  sample  grown * (u + idle) / (work * (1 - u)), u = 1/4 + the assists' share of all Ps' time
 *          = grown * (D + 4A + 4I) / (work * (3D - 4A)), D = length of marking times Ps, A assists,
 *          I idle marking; so it is a ratio of integers
 *
 * 1.21  the largest of this cycle's sample and the four before. 32 fractional bits; u counts as 63/64
 *       at most and the ratio as 256.
 * 1.19  a PI controller follows the samples: kp 0.9, ti 4 cycles, reset time 1000 cycles, output
 *       within 1000 of 0. It overshoots: its output can be negative. In Go a negative one becomes, by
 *       the conversion of amd64, a runway beyond every goal, and so the earliest trigger; here too.
 *       48 fractional bits. A sample that is infinite, or above 2^60, resets it, as does an integral
 *       above 2^72: in Go it is 1.8e308 for both.
 */
#include "runtime/gc/gc_priv.h"

#define CONS_MARK_MAX	     ((uint64_t)1 << 40) /* Q32: 256 bytes allocated a byte scanned */
#define CONS_MARK_BITS	     48
#define CONS_MARK_ONE	     ((int64_t)1 << CONS_MARK_BITS)
#define CONS_MARK_SAMPLE_MAX ((unsigned __int128)1 << 60)
#define CONS_MARK_OUT_MAX    (1000 * CONS_MARK_ONE)
#define CONS_MARK_SUM_MAX    ((__int128)1 << 120)

void gc_cons_mark_init(struct gc_cons_mark *c, enum mrt_pacer pacer)
{
	*c = (struct gc_cons_mark){.pacer = pacer};
}

/* ----------------------------------------------------------------------- 1.21 */

static uint64_t cons_mark_q32(const struct gc_cons_mark_sample *s)
{
	uint64_t cpu = (uint64_t)(s->mark_ns > 0 ? s->mark_ns : 1) * s->procs;
	uint64_t u = GC_Q32 / 4 + gc_q32_div((uint64_t)s->assist_ns, cpu);
	uint64_t idle = gc_q32_div((uint64_t)s->idle_ns, cpu), scanned, ratio;

	if (u > GC_Q32 / 64 * 63)
		u = GC_Q32 / 64 * 63;
	scanned = gc_q32_mul(s->work, GC_Q32 - u);
	ratio = gc_q32_div(gc_q32_mul(s->grown, u + idle), scanned > 1 ? scanned : 1);
	return ratio < CONS_MARK_MAX ? ratio : CONS_MARK_MAX;
}

static void cons_mark_largest(struct gc_cons_mark *c, uint64_t now)
{
	c->q32 = now;
	for (uint32_t i = 0; i < 4; i++)
		c->q32 = c->q32 > c->last[i] ? c->q32 : c->last[i];
	for (uint32_t i = 0; i < 3; i++)
		c->last[i] = c->last[i + 1];
	c->last[3] = now;
}

/* ----------------------------------------------------------------------- 1.19 */

/* num / den with CONS_MARK_BITS fractional bits, cut. False: infinite, or too large. den < 2^127. */
static bool cons_mark_divide(unsigned __int128 num, unsigned __int128 den, __int128 *ret)
{
	unsigned __int128 q, rest;

	if (den == 0 || num / den >= CONS_MARK_SAMPLE_MAX)
		return false;
	q = num / den;
	rest = num % den;
	for (uint32_t i = 0; i < CONS_MARK_BITS; i++) {
		q <<= 1;
		rest <<= 1;
		if (rest >= den) {
			rest -= den;
			q |= 1;
		}
	}
	*ret = (__int128)q;
	return true;
}

/* More than all the time can be the assists' by rounding and by what is flushed late: then the sample is
 * negative, as in Go. */
static bool cons_mark_sample(const struct gc_cons_mark_sample *s, __int128 *ret)
{
	int64_t cpu = s->mark_ns > 0 ? s->mark_ns * (int64_t)s->procs : 1;
	int64_t assist = s->mark_ns > 0 ? s->assist_ns : 0, idle = s->mark_ns > 0 ? s->idle_ns : 0;
	int64_t mutator = 3 * cpu - 4 * assist;
	uint64_t mutator_abs = mutator < 0 ? (uint64_t)-mutator : (uint64_t)mutator;

	if (!cons_mark_divide((unsigned __int128)s->grown * (uint64_t)(cpu + 4 * assist + 4 * idle),
			      (unsigned __int128)s->work * mutator_abs, ret))
		return false;
	if (mutator < 0)
		*ret = -*ret;
	return true;
}

/* One cycle's step of the controller. False: reset. */
static bool cons_mark_step(struct gc_cons_mark *c, const struct gc_cons_mark_sample *s)
{
	__int128 sample, error, raw, out;

	if (cons_mark_sample(s, &sample)) {
		error = sample - c->q48;
		raw = 9 * error / 10 + c->integral;
		out = raw < -CONS_MARK_OUT_MAX ? -CONS_MARK_OUT_MAX
		      : raw > CONS_MARK_OUT_MAX ? CONS_MARK_OUT_MAX
						: raw;
		c->integral += 9 * error / 40 + (out - raw) / 1000;
		c->q48 = (int64_t)out;
		if (c->integral < CONS_MARK_SUM_MAX && c->integral > -CONS_MARK_SUM_MAX)
			return true;
	}
	c->integral = 0;
	c->q48 = 0;
	return false;
}

/* ------------------------------------------------------------------------ both */

bool gc_cons_mark_add(struct gc_cons_mark *c, const struct gc_cons_mark_sample *s)
{
	if (c->pacer == MRT_PACER_1_19)
		return s->grown == 0 || cons_mark_step(c, s);
	if (s->work != 0)
		cons_mark_largest(c, cons_mark_q32(s));
	return true;
}

uint64_t gc_cons_mark_runway(const struct gc_cons_mark *c, uint64_t work)
{
	unsigned __int128 bytes;

	if (c->pacer != MRT_PACER_1_19)
		return gc_q32_mul(work, c->q32 * 3);
	bytes = (unsigned __int128)(uint64_t)(c->q48 < 0 ? -c->q48 : c->q48) * 3 * work >>
		CONS_MARK_BITS;
	if (c->q48 < 0)
		return bytes == 0 ? 0 : UINT64_MAX;
	return bytes > INT64_MAX ? INT64_MAX : (uint64_t)bytes;
}

struct watch_ratio gc_cons_mark_ratio(const struct gc_cons_mark *c)
{
	if (c->pacer != MRT_PACER_1_19)
		return (struct watch_ratio){.num = c->q32, .den = GC_Q32};
	return (struct watch_ratio){.negative = c->q48 < 0,
				    .num = (uint64_t)(c->q48 < 0 ? -c->q48 : c->q48),
				    .den = (uint64_t)CONS_MARK_ONE};
}
