/*
 * plain.c: a run without a screen: one line an event on stderr, and a line of state each five
 * seconds of the run.
 *
 * A snapshot carries the latest events only; which of them are new is told by looking for the one
 * printed last.
 */
#include "harness/display.h"
#include "harness/units.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define PLAIN_EVERY_NS INT64_C(5000000000)

struct plain {
	struct gcs_event_view last;
	bool any;
	int64_t next_ns;
};

static int plain_open(void **ret_self)
{
	struct plain *p = calloc(1, sizeof *p);
	if (!p)
		return -ENOMEM;
	p->next_ns = PLAIN_EVERY_NS;
	*ret_self = p;
	return 0;
}

static const char *plain_phase(const struct gcs_snapshot *s, int64_t t_ns)
{
	int phase = gcs_scenario_phase_at(s->scenario, t_ns);
	return phase >= 0 ? s->scenario->phase[phase].id : "-";
}

static bool plain_same(const struct gcs_event_view *a, const struct gcs_event_view *b)
{
	return a->t_ns == b->t_ns && a->level == b->level && strcmp(a->text, b->text) == 0;
}

static void plain_events(struct plain *p, const struct gcs_snapshot *s)
{
	static const char mark[] = {' ', '*', '!'};
	uint32_t from = 0;
	for (uint32_t i = s->nevents; p->any && i > 0; i--) {
		if (plain_same(&s->event[i - 1], &p->last)) {
			from = i;
			break;
		}
	}
	for (uint32_t i = from; i < s->nevents; i++) {
		const struct gcs_event_view *e = &s->event[i];
		fprintf(stderr, "%8.3fs %-8s %c %s\n", (double)e->t_ns / 1e9,
			plain_phase(s, e->t_ns), mark[e->level % 3], e->text);
		p->last = *e;
		p->any = true;
	}
}

/* "1.25 ms": three digits, so that a column of them reads well. */
static const char *plain_ms(char *ret, size_t cap, int64_t ns)
{
	double ms = (double)ns / 1e6;
	snprintf(ret, cap, "%.*f ms", ms < 10 ? 2 : ms < 100 ? 1 : 0, ms);
	return ret;
}

static void plain_status(const struct gcs_snapshot *s)
{
	char a[32], b[32], c[32];
	uint64_t fired = 0;
	int64_t p99 = 0;
	for (uint32_t i = 0; i < s->scenario->nfaults; i++)
		fired += s->fault[i].fired;
	for (uint32_t i = 0; i < s->scenario->nworkloads; i++)
		p99 = s->work[i].p99_now_ns > p99 ? s->work[i].p99_now_ns : p99;
	fprintf(stderr,
		"%8.3fs %-8s = %.0f ops/s, p99 %s; stw p99 %s max %s; gc %u, forced %u; heap %.1f "
		"of %.1f MiB; fired %" PRIu64 "\n",
		(double)s->now_ns / 1e9, plain_phase(s, s->now_ns), s->ops_rate,
		plain_ms(a, sizeof a, p99), plain_ms(b, sizeof b, s->stw_now.p99_ns),
		plain_ms(c, sizeof c, s->stw_now.max_ns), s->gc_cycle, s->gc_forced,
		(double)s->heap_live / 1048576, (double)s->heap_goal / 1048576, fired);
}

static void plain_frame(void *self, const struct gcs_snapshot *s)
{
	struct plain *p = self;
	plain_events(p, s);
	if (s->now_ns < p->next_ns || s->state == GCS_ENDED)
		return;
	plain_status(s);
	p->next_ns = s->now_ns - s->now_ns % PLAIN_EVERY_NS + PLAIN_EVERY_NS;
}

static struct gcs_request plain_poll(void *self)
{
	(void)self;
	return (struct gcs_request){GCS_DO_NOTHING, 0};
}

static int plain_fd(void *self)
{
	(void)self;
	return -1;
}

static void plain_close(void *self)
{
	free(self);
}

const struct gcs_display gcs_display_plain = {
	.name = "plain",
	.open = plain_open,
	.frame = plain_frame,
	.poll = plain_poll,
	.fd = plain_fd,
	.close = plain_close,
};
