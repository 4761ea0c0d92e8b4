/*
 * plain.c: a run without a screen: one line an event on stderr, and a line of state each five
 * seconds of the run.
 *
 * A snapshot carries the latest events only; which of them are new is told by looking for the one
 * seen last. What happens in the target is known a little later than what the harness says itself,
 * so lines wait for PLAIN_HOLD_NS of the run and are printed in the order of time.
 */
#include "harness/display.h"
#include "harness/base/units.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define PLAIN_EVERY_NS INT64_C(5000000000)
/* A window closes so late at most, and is told of then. */
#define PLAIN_HOLD_NS  INT64_C(300000000)
#define PLAIN_HELD_MAX (4 * GCS_EVENTS_SHOWN)

struct plain_line {
	int64_t t_ns;
	char text[240];
};

struct plain {
	struct gcs_event_view last;
	bool any;
	int64_t next_ns;
	struct plain_line held[PLAIN_HELD_MAX]; /* by time, oldest first */
	uint32_t nheld;
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

static void plain_print(struct plain *p, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		fputs(p->held[i].text, stderr);
	p->nheld -= n;
	memmove(p->held, p->held + n, p->nheld * sizeof(p->held[0]));
}

/* Behind the held lines of its time and before the later ones: room to write its text. */
static char *plain_hold(struct plain *p, int64_t t_ns)
{
	if (p->nheld == PLAIN_HELD_MAX)
		plain_print(p, 1);
	uint32_t at = p->nheld++;
	for (; at > 0 && p->held[at - 1].t_ns > t_ns; at--)
		p->held[at] = p->held[at - 1];
	p->held[at].t_ns = t_ns;
	return p->held[at].text;
}

static void plain_print_until(struct plain *p, int64_t t_ns)
{
	uint32_t n = 0;
	while (n < p->nheld && p->held[n].t_ns <= t_ns)
		n++;
	plain_print(p, n);
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
		snprintf(plain_hold(p, e->t_ns), sizeof(p->held[0].text), "%8.3fs %-8s %c %s\n",
			 (double)e->t_ns / 1e9, plain_phase(s, e->t_ns), mark[e->level % 3],
			 e->text);
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

static void plain_status(struct plain *p, const struct gcs_snapshot *s)
{
	char a[32], b[32], c[32];
	uint64_t fired = 0;
	int64_t p99 = 0;
	for (uint32_t i = 0; i < s->scenario->nfaults; i++)
		fired += s->fault[i].fired;
	for (uint32_t i = 0; i < s->scenario->nworkloads; i++)
		p99 = s->work[i].p99_now_ns > p99 ? s->work[i].p99_now_ns : p99;
	snprintf(plain_hold(p, s->now_ns), sizeof(p->held[0].text),
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
	if (s->now_ns >= p->next_ns && s->now_ns <= s->end_ns && s->state != GCS_ENDED) {
		plain_status(p, s);
		p->next_ns = s->now_ns - s->now_ns % PLAIN_EVERY_NS + PLAIN_EVERY_NS;
	}
	plain_print_until(p, s->state == GCS_ENDED ? INT64_MAX : s->now_ns - PLAIN_HOLD_NS);
}

static struct gcs_request plain_poll(void *self)
{
	(void)self;
	return (struct gcs_request){.act = GCS_DO_NOTHING};
}

static int plain_fd(void *self)
{
	(void)self;
	return -1;
}

static void plain_close(void *self)
{
	plain_print(self, ((struct plain *)self)->nheld);
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
