/* playback_hand.c: edits, rates and limits by hand, from the rows that collect_hand.c wrote. */
#include "harness/playback/playback_priv.h"

#include "harness/base/units.h"
#include "harness/collect/collect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* "for 30s" */
static int64_t hand_limit(int64_t t_ns, const char *text)
{
	int64_t for_ns;
	if (strncmp(text, "for ", 4) != 0 || gcs_parse_duration(text + 4, &for_ns))
		return -1;
	return t_ns + for_ns;
}

/* The value of times in KEY=VALUE,…; none: no bound. */
static void hand_times(struct playback_act *a, const char *text, size_t bytes)
{
	const char *end = text + bytes;
	char value[32];
	for (const char *at = text; at < end; at += strcspn(at, ",") + 1) {
		size_t n = strcspn(at, ",") < (size_t)(end - at) ? strcspn(at, ",") : (size_t)(end - at);
		if (n < 7 || n >= 6 + sizeof value || strncmp(at, "times=", 6) != 0)
			continue;
		snprintf(value, sizeof value, "%.*s", (int)(n - 6), at + 6);
		a->has_times = strcmp(value, "none") == 0 || gcs_parse_count(value, &a->times) == 0;
	}
}

static void hand_edit(struct gcs_playback *p, struct playback_act *a, const char *text)
{
	const char *now = strstr(text, GCS_COLLECT_NOW);
	hand_times(a, text, now ? (size_t)(now - text) : strlen(text));
	a->what = now ? strdup(now + strlen(GCS_COLLECT_NOW)) : NULL;
	if (now && !a->what)
		p->error = -ENOMEM;
}

/* "maps 500/s"; false: of no workload that there is. */
static bool hand_rate(const struct gcs_playback *p, struct playback_act *a, const char *text)
{
	const char *blank = strchr(text, ' ');
	size_t bytes = blank ? (size_t)(blank - text) : 0;
	if (!blank || gcs_parse_rate(blank + 1, &a->rate))
		return false;
	for (uint32_t i = 0; i < p->scenario->nworkloads; i++)
		if (strlen(p->scenario->workload[i].id) == bytes &&
		    memcmp(p->scenario->workload[i].id, text, bytes) == 0) {
			a->workload = i;
			return true;
		}
	return false;
}

void playback_hand(struct gcs_playback *p, int64_t t_ns, const char *act, int64_t fault,
		   const char *text)
{
	static const char *const acts[] = {"arm", "disarm", "edit", "rate"};
	bool known = fault >= 0 && fault < p->scenario->nfaults;
	int kind = 0;
	if (strcmp(act, "mark") == 0 || strcmp(act, "refused") == 0 || strcmp(act, "quit") == 0)
		return;
	p->operator_modified = true;
	while (kind <= PLAYBACK_HAND_RATE && strcmp(acts[kind], act) != 0)
		kind++;
	if (kind > PLAYBACK_HAND_RATE || (kind != PLAYBACK_HAND_RATE && !known))
		return;
	struct playback_act *a = playback_more(p, &p->act, &p->nacts, &p->acts_cap, sizeof *a);
	if (!a)
		return;
	a->t_ns = t_ns;
	a->kind = kind;
	a->fault = known ? (uint32_t)fault : 0;
	a->limit_ns = kind == PLAYBACK_HAND_ARM ? hand_limit(t_ns, text) : -1;
	if (kind == PLAYBACK_HAND_EDIT)
		hand_edit(p, a, text);
	if (kind == PLAYBACK_HAND_RATE && !hand_rate(p, a, text))
		p->nacts--;
}

void playback_hand_fini(struct gcs_playback *p)
{
	for (size_t i = 0; i < p->nacts; i++)
		free(p->act[i].what);
	free(p->act);
}

static void hand_apply(const struct playback_act *a, struct gcs_snapshot *s)
{
	struct gcs_fault_view *v = &s->fault[a->fault];
	switch (a->kind) {
	case PLAYBACK_HAND_ARM:
	case PLAYBACK_HAND_DISARM:
		v->limit_ns = a->limit_ns;
		break;
	case PLAYBACK_HAND_EDIT:
		v->what = a->what ? a->what : v->what;
		v->times = a->has_times ? a->times : v->times;
		break;
	case PLAYBACK_HAND_RATE:
		s->work[a->workload].rate_wanted = (double)a->rate;
		break;
	}
}

void playback_hand_show(const struct gcs_playback *p, struct gcs_snapshot *s, int64_t t_ns)
{
	const struct gcs_scenario *sc = p->scenario;
	for (uint32_t i = 0; i < sc->nfaults; i++) {
		s->fault[i].times = sc->fault[i].times;
		s->fault[i].limit_ns = -1;
	}
	for (uint32_t i = 0; i < sc->nworkloads; i++)
		s->work[i].rate_wanted = (double)sc->workload[i].rate;
	for (size_t i = 0; i < p->nacts && p->act[i].t_ns <= t_ns; i++)
		hand_apply(&p->act[i], s);
	for (uint32_t i = 0; i < sc->nfaults; i++)
		if (!s->fault[i].operator_act)
			s->fault[i].limit_ns = -1;
}
