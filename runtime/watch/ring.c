/*
 * ring.c: the telemetry rings: one producer a P, many producers in the shared one, one reader for
 * all.
 *
 * P ring: head counts records written, tail records read; the slot of a count is count modulo size.
 * The producer is whoever holds the P, and the hand-over of a P orders one holder's stores before
 * the next one's.
 *
 * Shared ring: Vyukov's bounded queue. Slot i starts with turn i; turn == position means free for
 * that position, turn == position + 1 means filled. A producer that dies between taking a position
 * and filling it stops the reader there: what follows is unread, which only a killed process can
 * bring about.
 *
 * Real: a full ring drops the record and counts it. Simulation: the writer waits for the reader in
 * real time (virtual time stands still), and drops only when there is no reader (ctl_fd -1, or its
 * other end closed).
 */
#include "runtime/watch/telemetry.h"

#include "runtime/prim/prim.h"

#include <errno.h>
#include <string.h>

#define RING_MASK   (WATCH_RING_RECORDS - 1)
#define SHARED_MASK (WATCH_SHARED_RECORDS - 1)

_Static_assert((WATCH_RING_RECORDS & RING_MASK) == 0, "a power of two");
_Static_assert((WATCH_SHARED_RECORDS & SHARED_MASK) == 0, "a power of two");

void watch_layout_init(struct mrt_telemetry *t, uint32_t procs)
{
	t->version = WATCH_VERSION;
	t->size_check = (uint32_t)sizeof(struct watch_record);
	t->bytes = sizeof(*t);
	t->procs = procs < WATCH_PS_MAX ? procs : WATCH_PS_MAX;
	t->enabled = 1;
	t->target_pid = 0;
	t->ctl_fd = -1;
	for (uint32_t i = 0; i < WATCH_SHARED_RECORDS; i++)
		atomic_store_explicit(&t->shared.slot[i].turn, i, memory_order_relaxed);
	t->magic = WATCH_MAGIC;
}

int watch_layout_check(const struct mrt_telemetry *t)
{
	if (t->magic != WATCH_MAGIC || t->version != WATCH_VERSION)
		return -EPROTO;
	if (t->size_check != sizeof(struct watch_record) || t->bytes != sizeof(*t))
		return -EPROTO;
	return t->procs <= WATCH_PS_MAX ? 0 : -EPROTO;
}

/* The simulation's proof: what was said, by whom and when, in the order it was said. */
static void ring_fold(const struct watch_record *rec)
{
	prim_sim_fold(((uint64_t)rec->kind << 16 | rec->p) ^ (uint64_t)rec->t_ns << 24);
	prim_sim_fold(rec->a);
	prim_sim_fold(rec->b);
	prim_sim_fold(rec->c);
	prim_sim_fold(rec->d);
	prim_sim_fold(rec->e);
	prim_sim_fold(rec->f);
}

/* Simulation: wait until the reader has come to `wanted`; false: nobody reads. */
static bool ring_wait(struct mrt_telemetry *t, const _Atomic uint64_t *tail, uint64_t wanted)
{
#if MRT_SIM
	return t->ctl_fd >= 0 && prim_sim_wait_reader(t->ctl_fd, tail, wanted);
#else
	(void)t;
	(void)tail;
	(void)wanted;
	return false;
#endif
}

void watch_emit(struct mrt_telemetry *t, struct watch_ring *ring, const struct watch_record *rec)
{
	uint64_t head;
	struct watch_record *slot;

	if (ring == NULL)
		return;
	ring_fold(rec);
	if (atomic_load_explicit(&t->enabled, memory_order_relaxed) == 0)
		return;
	head = atomic_load_explicit(&ring->head, memory_order_relaxed);
	/* Acquire: the reader's copy out of the slot happens before we write it again. */
	if (head - atomic_load_explicit(&ring->tail, memory_order_acquire) >= WATCH_RING_RECORDS &&
	    !ring_wait(t, &ring->tail, head - WATCH_RING_RECORDS + 1)) {
		uint64_t lost = atomic_load_explicit(&ring->lost, memory_order_relaxed);

		atomic_store_explicit(&ring->lost, lost + 1, memory_order_relaxed);
		return;
	}
	slot = &ring->rec[head & RING_MASK];
	*slot = *rec;
	slot->seq = (uint32_t)head;
	/* Release: the record is whole before the reader sees the count. */
	atomic_store_explicit(&ring->head, head + 1, memory_order_release);
}

/* Take a position in the shared ring: 0, -EAGAIN when it is full. */
static int shared_claim(struct watch_shared_ring *ring, uint64_t *ret_pos)
{
	uint64_t pos = atomic_load_explicit(&ring->head, memory_order_relaxed);

	for (;;) {
		struct watch_shared_slot *slot = &ring->slot[pos & SHARED_MASK];
		/* Acquire: pairs with the reader's release when it frees the slot. */
		uint64_t turn = atomic_load_explicit(&slot->turn, memory_order_acquire);
		int64_t behind = (int64_t)(turn - pos);

		if (behind < 0) {
			*ret_pos = pos;
			return -EAGAIN;
		}
		if (behind > 0) {
			pos = atomic_load_explicit(&ring->head, memory_order_relaxed);
			continue;
		}
		/* Relaxed: the slot's turn carries the order, the head only deals out positions. */
		if (atomic_compare_exchange_weak_explicit(&ring->head, &pos, pos + 1,
							  memory_order_relaxed,
							  memory_order_relaxed)) {
			*ret_pos = pos;
			return 0;
		}
	}
}

void watch_emit_shared(struct mrt_telemetry *t, const struct watch_record *rec)
{
	struct watch_shared_ring *ring;
	struct watch_shared_slot *slot;
	uint64_t pos;

	if (t == NULL)
		return;
	ring_fold(rec);
	if (atomic_load_explicit(&t->enabled, memory_order_relaxed) == 0)
		return;
	ring = &t->shared;
	while (shared_claim(ring, &pos) < 0)
		if (!ring_wait(t, &ring->tail, pos - WATCH_SHARED_RECORDS + 1)) {
			atomic_fetch_add_explicit(&ring->lost, 1, memory_order_relaxed);
			return;
		}
	slot = &ring->slot[pos & SHARED_MASK];
	slot->rec = *rec;
	slot->rec.seq = (uint32_t)pos;
	/* Release: the record is whole before the reader sees the turn. */
	atomic_store_explicit(&slot->turn, pos + 1, memory_order_release);
}

static size_t ring_drain(struct watch_ring *ring, struct watch_record *ret, size_t max)
{
	uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
	/* Acquire: pairs with the producer's release. */
	uint64_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
	size_t n = 0;

	while (tail != head && n < max)
		ret[n++] = ring->rec[tail++ & RING_MASK];
	/* Release: we have read before the producer writes there again. */
	atomic_store_explicit(&ring->tail, tail, memory_order_release);
	return n;
}

static size_t shared_drain(struct watch_shared_ring *ring, struct watch_record *ret, size_t max)
{
	uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
	size_t n = 0;

	while (n < max) {
		struct watch_shared_slot *slot = &ring->slot[tail & SHARED_MASK];

		/* Acquire: pairs with the producer's release of the turn. */
		if (atomic_load_explicit(&slot->turn, memory_order_acquire) != tail + 1)
			break;
		ret[n++] = slot->rec;
		/* Release: read before it is written again. */
		atomic_store_explicit(&slot->turn, tail + WATCH_SHARED_RECORDS,
				      memory_order_release);
		tail++;
	}
	atomic_store_explicit(&ring->tail, tail, memory_order_release);
	return n;
}

size_t watch_drain(struct mrt_telemetry *t, struct watch_record *ret, size_t max)
{
	size_t n = shared_drain(&t->shared, ret, max);

	for (uint32_t p = 0; p < t->procs && p < WATCH_PS_MAX && n < max; p++)
		n += ring_drain(&t->ring[p], ret + n, max - n);
	return n;
}

uint64_t watch_lost(struct mrt_telemetry *t)
{
	uint64_t lost = atomic_load_explicit(&t->shared.lost, memory_order_relaxed);

	for (uint32_t p = 0; p < t->procs && p < WATCH_PS_MAX; p++)
		lost += atomic_load_explicit(&t->ring[p].lost, memory_order_relaxed);
	return lost;
}

uint64_t watch_written(struct mrt_telemetry *t)
{
	uint64_t n = atomic_load_explicit(&t->shared.head, memory_order_relaxed);

	for (uint32_t p = 0; p < t->procs && p < WATCH_PS_MAX; p++)
		n += atomic_load_explicit(&t->ring[p].head, memory_order_relaxed);
	return n;
}
