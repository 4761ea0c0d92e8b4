/* player.c: see player.h. */
#include "harness/playback/player.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLAYER_NOTICE_NS 8000000000
#define PLAYER_SPEED_MIN 0.125
#define PLAYER_SPEED_MAX 64.0

struct gcs_player {
	struct gcs_playback *p;
	int64_t pos_ns;
	double speed;
	bool playing, following, from_list;
	int64_t refresh_ns, notice_ns; /* time left */
	char notice[112];
	int worst_kind; /* of the last jump, and how many there were; -1 none */
	uint32_t worst_rank;
	const struct gcs_versus *versus;
};

static __attribute__((format(printf, 2, 3))) void player_say(struct gcs_player *pl, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(pl->notice, sizeof pl->notice, fmt, ap);
	va_end(ap);
	pl->notice_ns = PLAYER_NOTICE_NS;
}

struct gcs_player *gcs_player_create(struct gcs_playback *p, bool from_list)
{
	struct gcs_player *pl = calloc(1, sizeof *pl);
	if (!pl)
		return NULL;
	pl->p = p;
	pl->speed = 1;
	pl->from_list = from_list;
	pl->following = gcs_playback_live(p);
	pl->pos_ns = gcs_playback_end(p);
	pl->refresh_ns = GCS_PLAYER_REFRESH_NS;
	pl->worst_kind = -1;
	const char *thinned = gcs_playback_thinned(p);
	if (thinned)
		player_say(pl, "Thinned: %.*s.", (int)strcspn(thinned, ";"), thinned);
	return pl;
}

void gcs_player_destroy(struct gcs_player *pl)
{
	free(pl);
}

void gcs_player_versus(struct gcs_player *pl, const struct gcs_versus *v)
{
	pl->versus = v;
}

void gcs_player_say(struct gcs_player *pl, const char *text)
{
	player_say(pl, "%s", text);
}

/* ---------------------------------------------------------------- going somewhere */

/* By hand: it stands still there. */
static void player_go(struct gcs_player *pl, int64_t t_ns)
{
	int64_t end_ns = gcs_playback_end(pl->p);
	pl->pos_ns = t_ns < 0 ? 0 : t_ns > end_ns ? end_ns : t_ns;
	pl->following = false;
}

/* A step while it plays goes on playing from there. */
static void player_seek(struct gcs_player *pl, int64_t by_ns)
{
	player_go(pl, pl->pos_ns + by_ns);
}

static void player_jump(struct gcs_player *pl, int64_t t_ns)
{
	player_go(pl, t_ns);
	pl->playing = false;
}

static void player_play(struct gcs_player *pl)
{
	bool at_end = pl->pos_ns >= gcs_playback_end(pl->p);
	if (pl->following) {
		pl->following = false;
		player_say(pl, "Paused here; the run goes on. F follows it again.");
		return;
	}
	pl->playing = !pl->playing;
	if (pl->playing && at_end && gcs_playback_live(pl->p)) {
		pl->playing = false;
		pl->following = true;
	} else if (pl->playing && at_end) {
		pl->pos_ns = 0; /* from the beginning, as films do */
	}
}

static void player_speed(struct gcs_player *pl, double by)
{
	double to = pl->speed * by;
	if (to >= PLAYER_SPEED_MIN && to <= PLAYER_SPEED_MAX)
		pl->speed = to;
}

/* At the last edge the first one is next, and the other way round. */
static void player_edge(struct gcs_player *pl, bool forward)
{
	char text[112] = "";
	int64_t t_ns = gcs_playback_edge(pl->p, pl->pos_ns, forward, text, sizeof text);
	bool round = t_ns < 0;
	if (round)
		t_ns = gcs_playback_edge(pl->p, forward ? -1 : INT64_MAX, forward, text, sizeof text);
	if (t_ns < 0) {
		player_say(pl, "No fault was armed or fired in this record%s.", gcs_playback_live(pl->p) ? " so far" : "");
		return;
	}
	player_jump(pl, t_ns);
	player_say(pl, "%s%s", round ? forward ? "From the beginning again: " : "From the end again: " : "", text);
}

static void player_worst(struct gcs_player *pl, int kind)
{
	char text[112] = "";
	if (kind < GCS_WORST_STW || kind > GCS_WORST_ANY)
		kind = GCS_WORST_STW;
	pl->worst_rank = pl->worst_kind == kind ? pl->worst_rank + 1 : 0;
	pl->worst_kind = kind;
	int64_t t_ns = gcs_playback_worst(pl->p, (enum gcs_worst)kind, pl->worst_rank, text, sizeof text);
	if (t_ns < 0 && pl->worst_rank > 0) { /* all have been seen */
		pl->worst_rank = 0;
		t_ns = gcs_playback_worst(pl->p, (enum gcs_worst)kind, 0, text, sizeof text);
	}
	if (t_ns < 0) {
		player_say(pl, "The record has no pause of this kind.");
		return;
	}
	player_jump(pl, t_ns);
	text[0] = (char)(text[0] == 'w' ? 'W' : text[0]);
	player_say(pl, "%s", text);
}

static void player_follow(struct gcs_player *pl)
{
	pl->pos_ns = gcs_playback_end(pl->p);
	pl->playing = false;
	pl->following = gcs_playback_live(pl->p);
	if (!pl->following)
		player_say(pl, "The run is over: this is its end.");
}

void gcs_player_do(struct gcs_player *pl, struct gcs_request req)
{
	if (req.act != GCS_DO_NOTHING && req.act != GCS_DO_WORST_PAUSE)
		pl->worst_kind = -1;
	if (req.act != GCS_DO_NOTHING)
		pl->notice_ns = 0;
	switch (req.act) {
	case GCS_DO_SEEK: player_seek(pl, req.by_ns); break;
	case GCS_DO_WINDOW: player_jump(pl, gcs_playback_window(pl->p, pl->pos_ns, req.by_ns > 0)); break;
	case GCS_DO_HOME: player_jump(pl, 0); break;
	case GCS_DO_END: player_jump(pl, gcs_playback_end(pl->p)); break;
	case GCS_DO_PLAY: player_play(pl); break;
	case GCS_DO_FASTER: player_speed(pl, 2); break;
	case GCS_DO_SLOWER: player_speed(pl, 0.5); break;
	case GCS_DO_NEXT_FAULT: player_edge(pl, true); break;
	case GCS_DO_PREV_FAULT: player_edge(pl, false); break;
	case GCS_DO_WORST_PAUSE: player_worst(pl, req.kind); break;
	case GCS_DO_FOLLOW: player_follow(pl); break;
	case GCS_DO_ARM: case GCS_DO_DISARM: case GCS_DO_FIRE: case GCS_DO_DISARM_ALL: case GCS_DO_MARK: case GCS_DO_EDIT: case GCS_DO_RATE:
		player_say(pl, "This is a record: nothing can be armed, fired, changed or marked in it.");
		break;
	default: break;
	}
}

/* ---------------------------------------------------------------- time */

static void player_refresh(struct gcs_player *pl, int64_t elapsed_ns)
{
	pl->refresh_ns -= elapsed_ns;
	if (gcs_playback_finished(pl->p) || pl->refresh_ns > 0)
		return;
	pl->refresh_ns = GCS_PLAYER_REFRESH_NS;
	int e = gcs_playback_refresh(pl->p);
	if (e < 0)
		player_say(pl, "The record cannot be read just now: %s.", strerror(-e));
	if (!pl->following)
		return;
	pl->pos_ns = gcs_playback_end(pl->p);
	pl->following = gcs_playback_live(pl->p);
	if (!pl->following)
		player_say(pl, gcs_playback_finished(pl->p) ? "The run has ended." : "The run is gone: its record goes no further.");
}

static void player_advance(struct gcs_player *pl, int64_t elapsed_ns)
{
	int64_t end_ns = gcs_playback_end(pl->p);
	if (!pl->playing)
		return;
	pl->pos_ns += (int64_t)((double)elapsed_ns * pl->speed);
	if (pl->pos_ns < end_ns)
		return;
	pl->pos_ns = end_ns;
	pl->playing = false;
	pl->following = gcs_playback_live(pl->p);
}

void gcs_player_tick(struct gcs_player *pl, int64_t elapsed_ns)
{
	pl->notice_ns -= elapsed_ns < pl->notice_ns ? elapsed_ns : pl->notice_ns;
	player_refresh(pl, elapsed_ns);
	player_advance(pl, elapsed_ns);
}

int64_t gcs_player_wait(const struct gcs_player *pl)
{
	if (pl->playing)
		return GCS_PLAYER_FRAME_NS;
	if (!gcs_playback_finished(pl->p))
		return GCS_PLAYER_REFRESH_NS;
	return pl->notice_ns > 0 ? pl->notice_ns : -1;
}

const struct gcs_snapshot *gcs_player_snapshot(struct gcs_player *pl)
{
	struct gcs_snapshot *s = gcs_playback_at(pl->p, pl->pos_ns);
	s->playback.following = pl->following;
	s->playback.paused = !pl->playing && !pl->following;
	s->playback.speed = pl->speed;
	s->playback.from_list = pl->from_list;
	s->versus = pl->versus;
	snprintf(s->playback.notice, sizeof s->playback.notice, "%s", pl->notice_ns > 0 ? pl->notice : "");
	return s;
}
