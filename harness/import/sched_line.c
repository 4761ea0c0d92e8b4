/*
 * sched_line.c: see sched_line.h.
 */
#include "harness/import/sched_line.h"

#include <string.h>

#define SCHED_MS_MAX	 5000000000000ull /* 150 years */
#define SCHED_WORDS_MAX 64 /* bytes of a reason; Go's longest has half of it */

static bool sched_u32(struct line_cursor *c, const char *key, uint32_t max, uint32_t *ret)
{
	return line_is(c, key) && line_u32(c, max, ret);
}

static bool sched_flag(struct line_cursor *c, const char *key, bool *ret)
{
	uint32_t v = 0;
	if (!line_is(c, key))
		return false;
	*ret = line_try(c, "true");
	if (*ret || line_try(c, "false"))
		return true;
	if (!line_u32(c, 1, &v))
		return false;
	*ret = v != 0;
	return true;
}

/* A number, or none: -1 or nil. */
static bool sched_id(struct line_cursor *c, const char *key, int64_t *ret)
{
	if (!line_is(c, key))
		return false;
	if (line_try(c, "-1") || line_try(c, "nil")) {
		*ret = -1;
		return true;
	}
	return line_signed(c, INT64_MAX, ret) && (*ret >= 0 || line_range(c));
}

/* A key that not every version prints; -1 without. */
static bool sched_optional(struct line_cursor *c, const char *key, int32_t *ret)
{
	uint32_t v;
	*ret = -1;
	if (!line_may(c, key, 2))
		return true;
	if (!sched_u32(c, key, LINE_PROCS_MAX, &v))
		return false;
	*ret = (int32_t)v;
	return true;
}

/* ---- SCHED */

/* `1 2 3]`, with blanks or without at both ends, after the bracket. */
static bool sched_list(struct line_cursor *c, const char *text, struct gcs_sched_list *l)
{
	line_try(c, " ");
	l->at = (size_t)(c->p - text);
	for (;;) {
		uint32_t v;
		if (!line_u32(c, UINT32_MAX, &v))
			return false;
		l->n++;
		l->sum += v;
		l->max = v > l->max ? v : l->max;
		if (line_try(c, "]"))
			return true;
		if (!line_is(c, " "))
			return false;
		if (line_try(c, "]"))
			return true;
	}
}

uint32_t gcs_sched_next(const char *text, size_t *at)
{
	uint32_t v = 0;
	for (; text[*at] >= '0' && text[*at] <= '9'; ++*at)
		v = 10 * v + (uint32_t)(text[*at] - '0');
	++*at;
	return v;
}

/* ` gcwaiting=0 nmidlelocked=0 stopwait=0 sysmonwait=0`, from the second key on. */
static bool sched_detail(struct line_cursor *c, struct gcs_sched_line *s)
{
	int64_t stopwait;
	s->detail = true;
	if (!sched_flag(c, "gcwaiting=", &s->gcwaiting) ||
	    !sched_u32(c, " nmidlelocked=", LINE_PROCS_MAX, &s->nmidlelocked))
		return false;
	if (line_may(c, " nmspinning=", 3) &&
	    !sched_optional(c, " nmspinning=", &s->spinningthreads))
		return false;
	if (!line_is(c, " stopwait=") || !line_signed(c, INT32_MAX, &stopwait) ||
	    !sched_flag(c, " sysmonwait=", &s->sysmonwait))
		return false;
	s->stopwait = (int32_t)stopwait;
	return true;
}

/* `[4 4] schedticks=[ 7 9 ]` */
static bool sched_queues(struct line_cursor *c, const char *text, struct gcs_sched_line *s)
{
	if (!line_is(c, "[") || !sched_list(c, text, &s->queues))
		return false;
	return !line_may(c, " schedticks=[", 2) ||
	       (line_is(c, " schedticks=[") && sched_list(c, text, &s->ticks));
}

static bool sched_summary(struct line_cursor *c, const char *text, bool *meant,
			  struct gcs_sched_line *s)
{
	uint64_t ms;
	*meant = line_try(c, "SCHED ") && line_digit(c) &&
		 line_number_then(c, SCHED_MS_MAX, &ms, "ms: ");
	if (!*meant)
		return false;
	s->at_ns = (int64_t)ms * 1000000;
	if (!sched_u32(c, "gomaxprocs=", LINE_PROCS_MAX, &s->gomaxprocs) ||
	    !sched_u32(c, " idleprocs=", LINE_PROCS_MAX, &s->idleprocs) ||
	    !sched_u32(c, " threads=", LINE_PROCS_MAX, &s->threads) ||
	    !sched_optional(c, " spinningthreads=", &s->spinningthreads) ||
	    !sched_optional(c, " needspinning=", &s->needspinning) ||
	    !sched_u32(c, " idlethreads=", LINE_PROCS_MAX, &s->idlethreads) ||
	    !sched_u32(c, " runqueue=", INT32_MAX, &s->runqueue) || !line_is(c, " "))
		return false;
	return line_at(c, "g") ? sched_detail(c, s) : sched_queues(c, text, s);
}

/* ---- its details */

/* `P0: status=1 schedtick=7 syscalltick=2 m=0 runqsize=4 gfreecnt=0 timerslen=0` */
static bool sched_p(struct line_cursor *c, struct gcs_sched_line *s)
{
	s->form = GCS_SCHED_P;
	s->timers = -1;
	if (!line_u32(c, 64, &s->status) || !line_is(c, " schedtick=") ||
	    !line_number(c, UINT64_MAX, &s->schedtick) || !line_is(c, " syscalltick=") ||
	    !line_number(c, UINT64_MAX, &s->syscalltick) || !sched_id(c, " m=", &s->m) ||
	    !sched_u32(c, " runqsize=", UINT32_MAX, &s->runqsize) || !line_is(c, " gfreecnt=") ||
	    !line_signed(c, INT64_MAX, &s->gfreecnt))
		return false;
	return !line_may(c, " timerslen=", 2) || sched_id(c, " timerslen=", &s->timers);
}

/* Words of any kind, and where they end. */
static bool sched_words(struct line_cursor *c, const char *end)
{
	for (int n = 0; c->p < c->end && !line_at(c, end); c->p++)
		if (n++ == SCHED_WORDS_MAX)
			return line_fail(c);
	return c->p < c->end || line_fail(c);
}

/* A number that is not kept, of a key that not every version prints. */
static bool sched_passed(struct line_cursor *c, const char *key)
{
	int64_t v;
	return !line_may(c, key, 2) || (line_is(c, key) && line_signed(c, INT64_MAX, &v));
}

/* ` preemptoff=` and the reason, which is empty or words. */
static bool sched_preemptoff(struct line_cursor *c)
{
	if (!line_may(c, " preemptoff=", 2))
		return true;
	return line_is(c, " preemptoff=") && sched_words(c, " locks=");
}

/* `M0: p=0 curg=1 mallocing=0 … lockedg=-1`; gcing and helpgc before Go 1.11. */
static bool sched_m(struct line_cursor *c, struct gcs_sched_line *s)
{
	int64_t mallocing, dying;
	s->form = GCS_SCHED_M;
	if (!sched_id(c, "", &s->p) || !sched_id(c, " curg=", &s->g) ||
	    !line_is(c, " mallocing=") || !line_signed(c, INT32_MAX, &mallocing) ||
	    !sched_passed(c, " throwing=") || !sched_passed(c, " gcing=") ||
	    !sched_preemptoff(c) || !line_is(c, " locks=") ||
	    !line_signed(c, INT32_MAX, &s->locks) || !line_is(c, " dying=") ||
	    !line_signed(c, INT32_MAX, &dying) || !sched_passed(c, " helpgc=") ||
	    !sched_flag(c, " spinning=", &s->spinning))
		return false;
	s->mallocing = mallocing != 0;
	s->dying = dying != 0;
	if (line_may(c, " blocked=", 2) && !sched_flag(c, " blocked=", &s->blocked))
		return false;
	return sched_id(c, " lockedg=", &s->locked);
}

/* `G1: status=4(force gc (idle)) m=-1 lockedm=-1`: the reason ends where `) m=` follows. */
static bool sched_g(struct line_cursor *c, const char *text, struct gcs_sched_line *s)
{
	s->form = GCS_SCHED_G;
	if (!line_u32(c, 1u << 16, &s->status) || !line_is(c, "("))
		return false;
	s->reason_from = (size_t)(c->p - text);
	if (!sched_words(c, ") m="))
		return false;
	s->reason_to = (size_t)(c->p - text);
	return sched_id(c, ") m=", &s->m) && sched_id(c, " lockedm=", &s->locked);
}

static bool sched_part(struct line_cursor *c, const char *text, bool *meant,
		       struct gcs_sched_line *s)
{
	char what = *c->p++;
	*meant = line_digit(c) && line_signed(c, INT64_MAX, &s->id) &&
		 line_is(c, what == 'M' ? ": p=" : ": status=") && (line_digit(c) || what == 'M');
	if (!*meant)
		return false;
	return what == 'P' ? sched_p(c, s) : what == 'M' ? sched_m(c, s) : sched_g(c, text, s);
}

bool gcs_sched_line(struct line_cursor *c, const char *text, bool *meant,
		    struct gcs_sched_line *ret)
{
	memset(ret, 0, sizeof *ret);
	ret->spinningthreads = ret->needspinning = -1;
	*meant = false;
	if (line_at(c, "P") || line_at(c, "M") || line_at(c, "G"))
		return sched_part(c, text, meant, ret);
	return sched_summary(c, text, meant, ret);
}
