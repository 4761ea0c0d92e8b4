/*
 * look.c: looks of an interval, and their bytes.
 *
 * Each kind of bytes has one list of fields, walked by writer and reader alike: so they cannot disagree about it.
 */
#include "harness/measure/look.h"

#include "harness/measure/varint.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_FORMAT 1u

/* ---------------------------------------------------------------- figures */

uint32_t gcs_look_runq(const struct gcs_sched_view *sched)
{
	uint64_t n = sched->global_runq != UINT64_MAX ? sched->global_runq : 0;
	if (sched->at_ns < 0)
		return 0;
	for (uint32_t i = 0; i < sched->nps; i++)
		n += sched->p[i].runq;
	return n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
}

uint8_t gcs_look_growing(const struct gcs_map_view *map, uint32_t n)
{
	uint8_t growing = 0;
	for (uint32_t i = 0; i < n; i++)
		growing = (uint8_t)(growing + (map[i].growing != GCS_MAP_STILL));
	return growing;
}

/* ---------------------------------------------------------------- of an interval */

static void look_more(struct gcs_look_point *most, const struct gcs_look_point *p)
{
	if (p->runq > most->runq)
		most->runq = p->runq;
	if (p->growing > most->growing)
		most->growing = p->growing;
}

/* False: no memory. */
static bool look_room(struct gcs_look *look)
{
	uint32_t cap = look->cap ? 2 * look->cap : 16;
	struct gcs_look_point *grown;
	if (look->npoints < look->cap)
		return true;
	grown = realloc(look->point, cap * sizeof *grown);
	if (!grown)
		return false;
	look->point = grown;
	look->cap = cap;
	return true;
}

void gcs_look_mark(struct gcs_look *look, const struct gcs_look_point *p)
{
	if (look->npoints < GCS_LOOK_POINTS_MAX && look_room(look))
		look->point[look->npoints++] = *p;
	else if (look->npoints)
		look_more(&look->point[look->npoints - 1], p);
}

bool gcs_look_set(struct gcs_look **look, const struct gcs_sched_view *sched, const struct gcs_map_view *map, uint32_t nmaps)
{
	if (!*look)
		*look = calloc(1, sizeof **look);
	if (!*look)
		return false;
	(*look)->sched = *sched;
	if (nmaps)
		memcpy((*look)->map, map, nmaps * sizeof *map);
	(*look)->nmaps = nmaps;
	return true;
}

void gcs_look_join(struct gcs_look **to, struct gcs_look **from)
{
	struct gcs_look *before = *to, *after = *from;
	if (!after)
		return;
	*from = NULL;
	*to = after;
	if (!before)
		return;
	/* The older points first: `before` takes the newer ones and gives its list away. */
	for (uint32_t i = 0; i < after->npoints; i++)
		gcs_look_mark(before, &after->point[i]);
	free(after->point);
	after->point = before->point;
	after->npoints = before->npoints;
	after->cap = before->cap;
	free(before);
}

void gcs_look_destroy(struct gcs_look *look)
{
	if (!look)
		return;
	free(look->point);
	free(look);
}

struct gcs_look_point gcs_look_most(const struct gcs_look *look)
{
	struct gcs_look_point most = {0};
	for (uint32_t i = 0; i < look->npoints; i++)
		look_more(&most, &look->point[i]);
	return most;
}

/* ---------------------------------------------------------------- bytes, to and fro */

/* to NULL: read. */
struct look_bytes {
	unsigned char *to;
	const unsigned char *from;
	size_t n, left; /* written; left to read */
	bool broken;
};

static void look_u64(struct look_bytes *b, uint64_t *v)
{
	uint64_t kept = 0;
	if (b->to) {
		b->n += gcs_varint_put(b->to + b->n, *v + 1);
		return;
	}
	size_t used = b->broken ? 0 : gcs_varint_get(b->from, b->left, &kept);
	b->broken |= used == 0;
	b->from += used;
	b->left -= used;
	*v = b->broken ? 0 : kept - 1;
}

static void look_i64(struct look_bytes *b, int64_t *v)
{
	uint64_t u = (uint64_t)*v;
	look_u64(b, &u);
	*v = (int64_t)u;
}

/* limit: the most that it may be. */
static void look_u32(struct look_bytes *b, uint32_t *v, uint32_t limit)
{
	uint64_t u = *v;
	look_u64(b, &u);
	b->broken |= u > limit;
	*v = b->broken ? 0 : (uint32_t)u;
}

/* Where bytes of at most so many numbers go. */
static bool look_write(struct look_bytes *b, size_t numbers)
{
	*b = (struct look_bytes){.to = malloc((1 + numbers) * GCS_VARINT_MAX)};
	if (b->to)
		b->n = gcs_varint_put(b->to, LOOK_FORMAT);
	return b->to != NULL;
}

static struct look_bytes look_read(const void *bytes, size_t n)
{
	struct look_bytes b = {.from = bytes, .left = n};
	uint64_t form = 0;
	size_t used = bytes ? gcs_varint_get(b.from, n, &form) : 0;
	b.broken = used == 0 || form != LOOK_FORMAT;
	b.from += used;
	b.left -= used;
	return b;
}

static int look_end(const struct look_bytes *b)
{
	return b->broken || b->left > 0 ? -EPROTO : 0;
}

/* ---------------------------------------------------------------- points */

static void look_point_fields(struct look_bytes *b, struct gcs_look_point *p, int64_t *at_ns)
{
	int64_t step_ns = p->t_ns - *at_ns;
	uint32_t growing = p->growing;
	look_i64(b, &step_ns);
	look_u32(b, &p->runq, UINT32_MAX);
	look_u32(b, &growing, UINT8_MAX);
	b->broken |= step_ns < 0 || step_ns > INT64_MAX - *at_ns;
	p->growing = (uint8_t)growing;
	p->t_ns = *at_ns = b->broken ? *at_ns : *at_ns + step_ns;
}

size_t gcs_look_points_encode(const struct gcs_look *look, unsigned char **ret)
{
	struct look_bytes b;
	int64_t at_ns = 0;
	if (look_write(&b, 3 * (size_t)look->npoints))
		for (uint32_t i = 0; i < look->npoints; i++) {
			struct gcs_look_point p = look->point[i];
			look_point_fields(&b, &p, &at_ns);
		}
	*ret = b.to;
	return b.n;
}

int gcs_look_points_decode(const void *bytes, size_t n, void (*fn)(void *self, const struct gcs_look_point *point), void *self)
{
	struct look_bytes b = look_read(bytes, n);
	int64_t at_ns = 0;
	while (!b.broken && b.left > 0) {
		struct gcs_look_point p = {.t_ns = at_ns};
		look_point_fields(&b, &p, &at_ns);
		if (!b.broken)
			fn(self, &p);
	}
	return look_end(&b);
}

/* ---------------------------------------------------------------- scheduler */

static void look_p_fields(struct look_bytes *b, struct gcs_p_view *p)
{
	uint32_t status = p->status;
	look_u32(b, &status, GCS_P_DEAD);
	look_u32(b, &p->runq, UINT32_MAX);
	look_u64(b, &p->sched_ticks);
	look_u64(b, &p->syscall_ticks);
	p->status = (enum gcs_p_status)status;
}

static void look_sched_fields(struct look_bytes *b, struct gcs_sched_view *s)
{
	look_i64(b, &s->at_ns);
	look_u64(b, &s->goroutines);
	look_u64(b, &s->global_runq);
	look_u64(b, &s->idle_ps);
	look_u64(b, &s->threads);
	look_u64(b, &s->idle_threads);
	look_u64(b, &s->spinning);
	look_u64(b, &s->timers);
	look_u64(b, &s->poll_waiters);
	look_u32(b, &s->nps, GCS_PS_SHOWN);
	for (uint32_t i = 0; i < s->nps; i++)
		look_p_fields(b, &s->p[i]);
}

size_t gcs_look_sched_encode(const struct gcs_sched_view *sched, unsigned char **ret)
{
	struct gcs_sched_view s = *sched;
	struct look_bytes b;
	if (look_write(&b, 10 + 4 * (size_t)s.nps))
		look_sched_fields(&b, &s);
	*ret = b.to;
	return b.n;
}

int gcs_look_sched_decode(const void *bytes, size_t n, struct gcs_sched_view *ret)
{
	struct look_bytes b = look_read(bytes, n);
	memset(ret, 0, sizeof *ret);
	look_sched_fields(&b, ret);
	if (look_end(&b) == 0)
		return 0;
	*ret = (struct gcs_sched_view){.at_ns = -1};
	return -EPROTO;
}

/* ---------------------------------------------------------------- maps */

static void look_map_fields(struct look_bytes *b, struct gcs_map_view *m)
{
	uint32_t kind = m->kind, growing = m->growing, amended = m->amended;
	uint64_t *figure[] = {&m->count, &m->overflow, &m->old_buckets, &m->evacuated, &m->load_milli,
			      &m->bytes, &m->grown,    &m->regrown,	&m->misses,    &m->dirty};
	look_u32(b, &m->workload, GCS_WORKLOADS_MAX - 1);
	look_u32(b, &m->worker, UINT32_MAX);
	look_u32(b, &kind, GCS_MAP_SYNC);
	look_u32(b, &growing, GCS_MAP_SAME_SIZE);
	look_u32(b, &amended, 1);
	look_u32(b, &m->b, UINT32_MAX);
	for (size_t i = 0; i < sizeof figure / sizeof figure[0]; i++)
		look_u64(b, figure[i]);
	m->kind = (enum gcs_map_kind)kind;
	m->growing = (enum gcs_map_growing)growing;
	m->amended = amended;
}

size_t gcs_look_maps_encode(const struct gcs_map_view *map, uint32_t n, unsigned char **ret)
{
	struct look_bytes b;
	if (look_write(&b, 16 * (size_t)n))
		for (uint32_t i = 0; i < n; i++) {
			struct gcs_map_view m = map[i];
			look_map_fields(&b, &m);
		}
	*ret = b.to;
	return b.n;
}

int gcs_look_maps_decode(const void *bytes, size_t n, struct gcs_map_view ret[GCS_MAPS_SHOWN], uint32_t *ret_n)
{
	struct look_bytes b = look_read(bytes, n);
	uint32_t maps = 0;
	while (!b.broken && b.left > 0 && maps < GCS_MAPS_SHOWN) {
		memset(&ret[maps], 0, sizeof ret[0]);
		look_map_fields(&b, &ret[maps++]);
	}
	*ret_n = look_end(&b) == 0 ? maps : 0;
	return look_end(&b);
}

/* ---------------------------------------------------------------- stalls */

static void look_stall_fields(struct look_bytes *b, struct gcs_stall_view *s)
{
	look_u32(b, &s->slot, UINT32_MAX);
	look_u32(b, &s->workload, GCS_WORKLOADS_MAX - 1);
	look_u32(b, &s->worker, UINT32_MAX);
	for (int k = 0; k < GCS_STALL_KINDS; k++) {
		look_u64(b, &s->by[k].count);
		if (s->by[k].count == 0)
			continue;
		look_i64(b, &s->by[k].total_ns);
		look_i64(b, &s->by[k].max_ns);
		look_i64(b, &s->by[k].max_at_ns);
		look_u64(b, &s->by[k].max_firing);
	}
}

size_t gcs_look_stalls_encode(const struct gcs_stall_view *stall, uint32_t n, unsigned char **ret)
{
	struct look_bytes b;
	if (look_write(&b, (3 + 5 * GCS_STALL_KINDS) * (size_t)n))
		for (uint32_t i = 0; i < n; i++) {
			struct gcs_stall_view s = stall[i];
			look_stall_fields(&b, &s);
		}
	*ret = b.to;
	return b.n;
}

int gcs_look_stalls_decode(const void *bytes, size_t n, struct gcs_stall_view ret[GCS_STALLS_SHOWN], uint32_t *ret_n)
{
	struct look_bytes b = look_read(bytes, n);
	uint32_t stalls = 0;
	while (!b.broken && b.left > 0 && stalls < GCS_STALLS_SHOWN) {
		memset(&ret[stalls], 0, sizeof ret[0]);
		look_stall_fields(&b, &ret[stalls++]);
	}
	*ret_n = look_end(&b) == 0 ? stalls : 0;
	return look_end(&b);
}
