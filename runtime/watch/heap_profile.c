/*
 * heap_profile.c: buckets, the ring of three cycles, and the draw of the next sample.
 *
 * The logarithm is computed by squaring, a bit at a time: the same integer on every machine, and rarely asked for.
 */
#include "runtime/watch/heap_profile.h"

#include "runtime/prim/prim.h"

#include <string.h>

#define PROFILE_SLOTS	  179999u
#define PROFILE_DRAW_BITS 26u
#define PROFILE_RATE_MAX  UINT64_C(0x7000000)
#define PROFILE_LN2_Q32	  UINT64_C(2977044472)

static struct {
	prim_mutex lock;
	struct watch_profile_options opt;
	struct watch_profile_bucket **slot; /* NULL until the first sample */
	struct watch_profile_bucket *all;
	size_t buckets;
	uint32_t cycle; /* modulo 3 */
	uint64_t sys, dropped;
} profile;

void watch_profile_init(const struct watch_profile_options *opt)
{
	memset(&profile, 0, sizeof(profile));
	profile.opt = *opt;
	if (profile.opt.rate > PROFILE_RATE_MAX)
		profile.opt.rate = PROFILE_RATE_MAX;
	/* Under it memory is asked for, and it is taken with no other lock held. */
	prim_mutex_init(&profile.lock, PRIM_RANK_HEAP);
}

void watch_profile_fini(void)
{
	memset(&profile, 0, sizeof(profile));
}

uint64_t watch_profile_rate(void)
{
	return profile.opt.rate;
}

/* ------------------------------------------------------------------ sampling */

/* log2(x) with 32 fractional bits, the last few of them inexact; x > 0. */
static uint64_t profile_log2_q32(uint32_t x)
{
	uint32_t whole = 31 - (uint32_t)__builtin_clz(x);
	uint64_t m = (uint64_t)x << (31 - whole), log = whole; /* m: 1 to 2, Q31 */

	for (uint32_t i = 0; i < 32; i++) {
		m = m * m >> 31;
		log <<= 1;
		if (m >> 32 != 0) {
			m >>= 1;
			log |= 1;
		}
	}
	return log;
}

uint64_t watch_profile_gap_of(uint64_t rate, uint32_t draw)
{
	/* draw / 2^26 is q, uniform in (0, 1]; -ln(q) * rate is exponential with mean `rate`. */
	uint64_t minus_log2 = ((uint64_t)PROFILE_DRAW_BITS << 32) - profile_log2_q32(draw);

	return (uint64_t)((unsigned __int128)minus_log2 * PROFILE_LN2_Q32 * rate >> 64) + 1;
}

/* splitmix64 */
static uint64_t profile_random(uint64_t *state)
{
	uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

uint64_t watch_profile_gap(uint64_t *random)
{
	if (profile.opt.rate == 0)
		return UINT64_MAX;
	if (profile.opt.rate == 1)
		return 0;
	return watch_profile_gap_of(profile.opt.rate,
				    (uint32_t)(profile_random(random) >> (64 - PROFILE_DRAW_BITS)) +
					    1);
}

/* ------------------------------------------------------------------- buckets */

static uint64_t profile_hash(const uint32_t *pc, uint32_t frames, uint64_t bytes)
{
	uint64_t hash = bytes * UINT64_C(0x9e3779b97f4a7c15);

	for (uint32_t i = 0; i < frames; i++) {
		hash = (hash ^ pc[i]) * UINT64_C(0xbf58476d1ce4e5b9);
		hash ^= hash >> 29;
	}
	return hash;
}

static void *profile_alloc_locked(size_t bytes)
{
	void *ret = profile.opt.alloc(bytes, 8);

	prim_mutex_assert_held(&profile.lock);
	if (ret != NULL)
		profile.sys += bytes;
	return ret;
}

static struct watch_profile_bucket **profile_slot_locked(uint64_t hash)
{
	if (profile.slot == NULL)
		profile.slot = profile_alloc_locked(PROFILE_SLOTS * sizeof(*profile.slot));
	return profile.slot != NULL ? &profile.slot[hash % PROFILE_SLOTS] : NULL;
}

static struct watch_profile_bucket *profile_bucket_new_locked(const uint32_t *pc, uint32_t frames)
{
	struct watch_profile_bucket *b =
		profile_alloc_locked((sizeof(*b) + frames * sizeof(*pc) + 7) & ~(size_t)7);

	if (b == NULL)
		return NULL;
	memcpy(b->pc, pc, frames * sizeof(*pc));
	b->frames = frames;
	b->all = profile.all;
	profile.all = b;
	profile.buckets++;
	return b;
}

static struct watch_profile_bucket *profile_bucket_locked(const uint32_t *pc, uint32_t frames,
							  uint64_t bytes)
{
	uint64_t hash = profile_hash(pc, frames, bytes);
	struct watch_profile_bucket **slot = profile_slot_locked(hash), *b;

	if (slot == NULL)
		return NULL;
	for (b = *slot; b != NULL; b = b->next)
		if (b->hash == hash && b->bytes == bytes && b->frames == frames &&
		    memcmp(b->pc, pc, frames * sizeof(*pc)) == 0)
			return b;
	b = profile_bucket_new_locked(pc, frames);
	if (b == NULL)
		return NULL;
	b->hash = hash;
	b->bytes = bytes;
	b->next = *slot;
	*slot = b;
	return b;
}

struct watch_profile_bucket *watch_profile_bucket(const uint32_t *pc, uint32_t frames, uint64_t bytes)
{
	struct watch_profile_bucket *b;

	prim_mutex_lock(&profile.lock);
	b = profile_bucket_locked(pc, frames < WATCH_PROFILE_FRAMES ? frames : WATCH_PROFILE_FRAMES,
				  bytes);
	prim_mutex_unlock(&profile.lock);
	return b;
}

void watch_profile_malloc(struct watch_profile_bucket *b)
{
	struct watch_profile_counts *c;

	prim_mutex_lock(&profile.lock);
	c = &b->future[(profile.cycle + 2) % 3];
	c->allocs++;
	c->alloc_bytes += b->bytes;
	prim_mutex_unlock(&profile.lock);
}

void watch_profile_free(struct watch_profile_bucket *b)
{
	struct watch_profile_counts *c;

	prim_mutex_lock(&profile.lock);
	c = &b->future[(profile.cycle + 1) % 3];
	c->frees++;
	c->free_bytes += b->bytes;
	prim_mutex_unlock(&profile.lock);
}

void watch_profile_drop(void)
{
	prim_mutex_lock(&profile.lock);
	profile.dropped++;
	prim_mutex_unlock(&profile.lock);
}

/* ---------------------------------------------------------------- publishing */

static void profile_publish_locked(uint32_t index)
{
	prim_mutex_assert_held(&profile.lock);
	for (struct watch_profile_bucket *b = profile.all; b != NULL; b = b->all) {
		struct watch_profile_counts *c = &b->future[index];

		b->active.allocs += c->allocs;
		b->active.frees += c->frees;
		b->active.alloc_bytes += c->alloc_bytes;
		b->active.free_bytes += c->free_bytes;
		*c = (struct watch_profile_counts){0};
	}
}

void watch_profile_next_cycle(void)
{
	if (profile.opt.rate == 0)
		return;
	prim_mutex_lock(&profile.lock);
	profile.cycle = (profile.cycle + 1) % 3;
	prim_mutex_unlock(&profile.lock);
}

void watch_profile_flush(void)
{
	if (profile.opt.rate == 0)
		return;
	prim_mutex_lock(&profile.lock);
	profile_publish_locked(profile.cycle);
	prim_mutex_unlock(&profile.lock);
}

void watch_profile_flush_swept(void)
{
	if (profile.opt.rate == 0)
		return;
	prim_mutex_lock(&profile.lock);
	profile_publish_locked((profile.cycle + 1) % 3);
	prim_mutex_unlock(&profile.lock);
}

static bool profile_empty_locked(void)
{
	for (const struct watch_profile_bucket *b = profile.all; b != NULL; b = b->all)
		if (b->active.allocs != 0 || b->active.frees != 0)
			return false;
	return true;
}

size_t watch_profile_read(struct watch_profile_record *ret, size_t cap)
{
	size_t n = 0, there;

	prim_mutex_lock(&profile.lock);
	/* A cycle may have ended and not been flushed yet. */
	profile_publish_locked(profile.cycle);
	for (uint32_t i = 0; profile_empty_locked() && i < 3; i++)
		profile_publish_locked((profile.cycle + i) % 3);
	for (const struct watch_profile_bucket *b = profile.all; b != NULL && n < cap; b = b->all)
		ret[n++] = (struct watch_profile_record){.bucket = b, .counts = b->active};
	there = profile.buckets;
	prim_mutex_unlock(&profile.lock);
	return there;
}

uint64_t watch_profile_dropped(void)
{
	uint64_t dropped;

	prim_mutex_lock(&profile.lock);
	dropped = profile.dropped;
	prim_mutex_unlock(&profile.lock);
	return dropped;
}

uint64_t watch_profile_sys(void)
{
	return profile.sys;
}
