/*
 * scenario_scale.c: the scales, applied to what was bound, before times are made absolute.
 *
 * A time scale T divides what lies on the timeline: phases, windows (at, for, repeat), points of a
 * curve, the windows of SLOs and of recovery, the deadline. It leaves alone what is physical:
 * rates, delays, thresholds, GOGC. The allocation rate of a curve is part of the curve: it is
 * multiplied by T, so that as much is allocated from one point to the next. A heap scale H divides
 * what the heap holds: memory limit, reserve, live bytes and allocation of a curve, keys of maps,
 * what slices retain; not the size of one object.
 *
 * What a scale makes too small is refused and not bent, except where nothing is lost by bending:
 * recovery looks over 100 ms at least, its deadline leaves room for them, a map keeps one key, and
 * the reserve its minimum.
 */
#include "harness/scenario/scenario_priv.h"
#include "harness/base/units.h"

#include <inttypes.h>
#include <string.h>

#define MS  INT64_C(1000000)
#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

#define SCALE_PHASE_MIN_NS    (100 * MS)
#define SCALE_WINDOW_MIN_NS   (1 * MS) /* of those that were short as written */
#define SCALE_EVERY_MIN_NS    (10 * MS)
#define SCALE_SLO_MIN_NS      (100 * MS)
#define SCALE_RECOVERY_MIN_NS (100 * MS)
#define SCALE_RESERVE_MIN     (64 * MIB)

#define SCALE_TEXT 64

struct scale_cursor {
	struct gcs_bound *b;
	struct gcs_diag *d;
	uint32_t time_milli, heap_milli;
	char label[64]; /* "phase 'steady'" */
};

char *gcs_scale_show(char *ret, uint32_t milli)
{
	int n = snprintf(ret, GCS_UNIT_TEXT, "%" PRIu32 ".%03" PRIu32, milli / 1000, milli % 1000);
	while (ret[n - 1] == '0')
		ret[--n] = '\0';
	if (ret[n - 1] == '.')
		ret[--n] = '\0';
	return ret;
}

static int64_t scale_time(const struct scale_cursor *c, int64_t ns)
{
	return (int64_t)((__int128)ns * 1000 / c->time_milli);
}

static uint64_t scale_bytes(const struct scale_cursor *c, uint64_t n)
{
	unsigned __int128 v = (unsigned __int128)n * 1000 / c->heap_milli;
	return v > UINT64_MAX ? UINT64_MAX : (uint64_t)v;
}

/* ---- refusals */

/* n: the value as written. */
static void scale_refuse(const struct scale_cursor *c, const struct gcs_node *n, bool time,
			 const char *scaled, const char *expected)
{
	char factor[GCS_UNIT_TEXT];
	gcs_diag_at(c->d, gcs_place_of(n), expected,
		    time ? "a smaller time scale, or a longer time here" : "another heap scale",
		    "'%s' of %s is %s as written, and %s at a %s scale of %s",
		    n->key ? n->key->text : "", c->label, n->text, scaled, time ? "time" : "heap",
		    gcs_scale_show(factor, time ? c->time_milli : c->heap_milli));
}

/* A time as written in map[key] (absent: nothing to scale), not below min. */
static void scale_time_field(const struct scale_cursor *c, const struct gcs_node *map,
			     const char *key, int64_t *ns, int64_t min)
{
	const struct gcs_node *n = gcs_node_get(map, key);
	char scaled[GCS_UNIT_TEXT], least[GCS_UNIT_TEXT], expected[SCALE_TEXT];
	if (!n)
		return;
	int64_t written = *ns;
	*ns = scale_time(c, written);
	if (*ns >= min || *ns >= written)
		return;
	snprintf(expected, sizeof expected, "at least %s", gcs_show_duration(least, min));
	scale_refuse(c, n, true, gcs_show_duration(scaled, *ns), expected);
}

/* Bytes (or keys: count) as written in map[key], within min..max; 0 stays 0. */
static void scale_bytes_field(const struct scale_cursor *c, const struct gcs_node *map,
			      const char *key, uint64_t *v, uint64_t min, uint64_t max, bool count)
{
	char *(*show)(char *, uint64_t) = count ? gcs_show_count : gcs_show_bytes;
	const struct gcs_node *n = gcs_node_get(map, key);
	char scaled[GCS_UNIT_TEXT], bound[GCS_UNIT_TEXT], expected[SCALE_TEXT];
	uint64_t written = *v;
	if (written == 0)
		return;
	*v = scale_bytes(c, written);
	bool low = *v < min && *v<written, high = *v> max && *v > written;
	if (!n || (!low && !high))
		return;
	snprintf(expected, sizeof expected, "at %s %s", low ? "least" : "most",
		 show(bound, low ? min : max));
	scale_refuse(c, n, false, show(scaled, *v), expected);
}

/* ---- parts */

static void scale_phases(struct scale_cursor *c)
{
	struct gcs_scenario *s = c->b->s;
	for (uint32_t i = 0; i < s->nphases; i++) {
		s->unscaled_end_ns += c->b->phase[i].for_ns;
		snprintf(c->label, sizeof c->label, "phase '%s'", s->phase[i].id);
		scale_time_field(c, c->b->phase_node[i], "for", &c->b->phase[i].for_ns,
				 SCALE_PHASE_MIN_NS);
	}
}

static void scale_fault(struct scale_cursor *c, uint32_t i)
{
	struct gcs_bound_fault *f = &c->b->fault[i];
	const struct gcs_node *when = gcs_node_get(c->b->fault_node[i], "when"),
			      *repeat = gcs_node_get(when, "repeat");
	if (f->unscaled)
		return;
	snprintf(c->label, sizeof c->label, "fault '%s'", f->f.id);
	scale_time_field(c, when, "at", &f->at_ns, 0);
	scale_time_field(c, when, "for", &f->for_ns,
			 f->for_ns < GCS_WINDOW_SCALED_MIN_NS ? SCALE_WINDOW_MIN_NS
							      : GCS_WINDOW_SCALED_MIN_NS);
	scale_time_field(c, repeat, "every", &f->repeat_every_ns, SCALE_EVERY_MIN_NS);
	scale_time_field(c, repeat, "jitter", &f->repeat_jitter_ns, 0);
}

static void scale_checks(struct scale_cursor *c)
{
	struct gcs_scenario *s = c->b->s;
	const struct gcs_node *recovery = gcs_node_get(c->b->root, "recovery");
	for (uint32_t i = 0; i < s->nslos; i++) {
		snprintf(c->label, sizeof c->label, "slo '%s'", s->slo[i].id);
		scale_time_field(c, c->b->slo_node[i], "window", &s->slo[i].window_ns,
				 SCALE_SLO_MIN_NS);
	}
	int64_t window = scale_time(c, s->recovery.window_ns);
	s->recovery.window_ns = window > SCALE_RECOVERY_MIN_NS ? window : SCALE_RECOVERY_MIN_NS;
	if (!gcs_node_get(recovery, "deadline") || c->time_milli == 1000)
		return;
	int64_t deadline = scale_time(c, s->recovery.deadline_ns),
		need = s->recovery.window_ns * s->recovery.windows;
	s->recovery.deadline_ns = deadline > need ? deadline : need;
}

static void scale_follow(struct scale_cursor *c, struct gcs_workload *w,
			 const struct gcs_node *list)
{
	const struct gcs_node *n = list ? list->first : NULL;
	for (uint32_t i = 0; i < w->nfollow && n; i++, n = n->next) {
		struct gcs_follow_point *p = &w->follow[i];
		snprintf(c->label, sizeof c->label, "point %u of '%s'", i + 1, w->id);
		scale_time_field(c, n, "at", &p->at_ns, 0);
		scale_bytes_field(c, n, "live", &p->live, 0, 1024 * GIB, false);
		unsigned __int128 alloc =
			(unsigned __int128)p->alloc_per_s * c->time_milli / c->heap_milli;
		if (alloc <= 1024 * GIB) {
			p->alloc_per_s = (uint64_t)alloc;
			continue;
		}
		char a[GCS_UNIT_TEXT], t[GCS_UNIT_TEXT], h[GCS_UNIT_TEXT];
		const struct gcs_node *written = gcs_node_get(n, "alloc");
		gcs_diag_at(c->d, gcs_place_of(written), "at most 1024GiB/s", NULL,
			    "'alloc' of %s is %s as written, and %s/s at a time scale of %s and a "
			    "heap scale of %s",
			    c->label, written->text,
			    gcs_show_bytes(a, alloc > UINT64_MAX ? UINT64_MAX : (uint64_t)alloc),
			    gcs_scale_show(t, c->time_milli), gcs_scale_show(h, c->heap_milli));
	}
}

static void scale_workload(struct scale_cursor *c, uint32_t i)
{
	struct gcs_workload *w = &c->b->s->workload[i];
	const struct gcs_node *n = c->b->workload_node[i];
	snprintf(c->label, sizeof c->label, "workload '%s'", w->id);
	if (strcmp(w->driver, "map-churn") == 0 || strcmp(w->driver, "sync-map") == 0) {
		scale_bytes_field(c, n, "keys", &w->keys, 0, 100000000, true);
		w->keys += w->keys == 0;
	}
	scale_bytes_field(c, n, "retain", &w->retain, 0, 64 * GIB, false);
	scale_follow(c, w, gcs_node_get(n, "follow"));
}

static void scale_target(struct scale_cursor *c)
{
	struct gcs_scenario *s = c->b->s;
	const struct gcs_node *target = gcs_node_get(c->b->root, "target");
	snprintf(c->label, sizeof c->label, "target");
	scale_bytes_field(c, target, "memlimit", &s->memlimit, MIB, 1024 * GIB, false);
	scale_bytes_field(c, target, "heap_reserve", &s->heap_reserve, 0, 1024 * GIB, false);
	if (s->heap_reserve && s->heap_reserve < SCALE_RESERVE_MIN)
		s->heap_reserve = SCALE_RESERVE_MIN;
}

void gcs_scale(struct gcs_bound *b, struct gcs_diag *d)
{
	struct scale_cursor c = {.b = b,
				 .d = d,
				 .time_milli = b->s->time_scale_milli,
				 .heap_milli = b->s->heap_scale_milli};
	scale_phases(&c);
	for (uint32_t i = 0; i < b->s->nfaults; i++)
		scale_fault(&c, i);
	scale_checks(&c);
	scale_target(&c);
	for (uint32_t i = 0; i < b->s->nreported; i++) {
		struct gcs_reported *r = &b->s->reported[i];
		r->at_ns = scale_time(&c, r->at_ns);
		if (r->for_ns)
			r->for_ns = 1 + scale_time(&c, r->for_ns - 1); /* rounded up: never to nothing */
	}
	if (c.b->s->logged.at_ns >= 0)
		c.b->s->logged.at_ns = scale_time(&c, c.b->s->logged.at_ns);
	for (uint32_t i = 0; i < b->s->nworkloads; i++)
		scale_workload(&c, i);
}
