/*
 * shrink_timeline.c: the shortest timeline.
 *
 * Windows first, phases after: a phase cannot be shorter than the windows in it. Each length is bisected by itself between one that fails as
 * the run did and one that does not (or cannot be loaded), until the two lie within an eighth or SHRINK_STEP_NS.
 */
#include "harness/explore/shrink_priv.h"

#include "harness/base/units.h"

#include <inttypes.h>
#include <string.h>

#define SHRINK_STEP_NS INT64_C(10000000)
#define SHRINK_MS      INT64_C(1000000)

/* A key whose value is a number of nanoseconds, or a count. */
struct shrink_length {
	const char *key;
	bool count;
	int64_t value; /* as it is: it fails */
};

static void shrink_show(const struct shrink_length *l, int64_t value, char ret[SHRINK_NAME])
{
	char unit[GCS_UNIT_TEXT];
	if (l->count)
		snprintf(ret, SHRINK_NAME, "%" PRId64, value);
	else
		snprintf(ret, SHRINK_NAME, "%s", gcs_show_duration(unit, value));
}

/* Between the two, in whole milliseconds, which read well; 0: they are close enough. */
static int64_t shrink_between(const struct shrink_length *l, int64_t good, int64_t bad)
{
	int64_t step = l->count ? 1 : bad / 8 > SHRINK_STEP_NS ? bad / 8 : SHRINK_STEP_NS, at = good + (bad - good) / 2;
	if (bad - good <= step)
		return 0;
	return l->count || at < SHRINK_MS ? at : at - at % SHRINK_MS;
}

/* "good" is what no longer fails. */
static void shrink_bisect(struct shrink *s, const struct shrink_length *l)
{
	char what[2 * SHRINK_NAME + 2], was[SHRINK_NAME];
	char(*pair)[SHRINK_NAME] = s->length[s->nlengths];
	int64_t good = 0, bad = l->value, at;
	bool any = false;
	if (s->nlengths == SHRINK_LENGTHS || snprintf(pair[0], SHRINK_NAME, "%s", l->key) >= SHRINK_NAME)
		return;
	while (s->stop == GCS_EXIT_PASS && (at = shrink_between(l, good, bad)) > good) {
		memcpy(was, pair[1], sizeof(was));
		shrink_show(l, at, pair[1]);
		if (!any)
			s->set[s->nsets++] = (struct gcs_override){pair[0], pair[1]};
		bool fails = shrink_fails(s);
		snprintf(what, sizeof(what), "%s=%s", l->key, pair[1]);
		shrink_say(s, what, fails);
		if (fails) {
			any = true;
			bad = at;
			continue;
		}
		good = at;
		memcpy(pair[1], was, sizeof(was));
		s->nsets -= !any;
	}
	s->nlengths += any;
}

static void shrink_key(struct shrink *s, const char *list, const char *id, const char *below, bool count, int64_t value)
{
	char key[SHRINK_NAME];
	struct shrink_length l = {.key = key, .count = count, .value = value};
	if (snprintf(key, sizeof(key), "%s.%s%s", list, id, below) < (int)sizeof(key))
		shrink_bisect(s, &l);
}

static const struct gcs_phase *shrink_phase_of(const struct shrink *s, const struct gcs_window *w)
{
	for (uint32_t i = 0; i < s->whole->nphases; i++)
		if (s->whole->phase[i].start_ns <= w->start_ns && w->start_ns < s->whole->phase[i].end_ns)
			return &s->whole->phase[i];
	return NULL;
}

/* Windows that begin when their phase, or what they follow, does. */
static void shrink_starts(struct shrink *s)
{
	struct shrink_parts at = {.n = 0};
	for (uint32_t i = 0; i < s->whole->nfaults; i++) {
		const struct gcs_fault *f = &s->whole->fault[i];
		const struct gcs_phase *p = f->nwindows ? shrink_phase_of(s, &f->window[0]) : NULL;
		if (p && f->window[0].start_ns > p->start_ns && shrink_is_left(s, "faults", f->id))
			shrink_part(&at, "faults", f->id, ".when.at");
	}
	shrink_parts(s, &at);
}

/* Under a time scale a window may keep its length or not: it is left alone. */
static void shrink_windows(struct shrink *s)
{
	char repeat[SHRINK_NAME];
	for (uint32_t i = 0; i < s->whole->nfaults && s->stop == GCS_EXIT_PASS; i++) {
		const struct gcs_fault *f = &s->whole->fault[i];
		if (!f->nwindows || s->whole->time_scale_milli != 1000 || !shrink_is_left(s, "faults", f->id))
			continue;
		snprintf(repeat, sizeof(repeat), "%s.when.repeat", f->id);
		if (f->nwindows > 2 && shrink_is_left(s, "faults", repeat)) /* down to one: the repeat would be gone */
			shrink_key(s, "faults", f->id, ".when.repeat.times", true, f->nwindows);
		shrink_key(s, "faults", f->id, ".when.for", false, f->window[0].end_ns - f->window[0].start_ns);
	}
}

static void shrink_phases(struct shrink *s)
{
	struct shrink_parts phases = {.n = 0};
	for (uint32_t i = 0; i < s->whole->nphases; i++)
		shrink_part(&phases, "phases", s->whole->phase[i].id, "");
	shrink_parts(s, &phases);
	for (uint32_t i = 0; i < s->whole->nphases && s->stop == GCS_EXIT_PASS; i++) {
		const struct gcs_phase *p = &s->whole->phase[i];
		if (shrink_is_left(s, "phases", p->id))
			shrink_key(s, "phases", p->id, ".for", false, (p->end_ns - p->start_ns) * s->whole->time_scale_milli / 1000);
	}
}

void shrink_timeline(struct shrink *s)
{
	shrink_starts(s);
	shrink_windows(s);
	/* A phase also has room for what comes after its last window. */
	if (s->whole->time_scale_milli == 1000 && s->whole->recovery.deadline_ns > 0)
		shrink_key(s, "recovery", "deadline", "", false, s->whole->recovery.deadline_ns);
	shrink_phases(s);
}
