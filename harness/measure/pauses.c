/*
 * pauses.c: a heap of the worst durations so far.
 *
 * Whoever is among the worst at the end was so when it came, so writing at once loses none of them;
 * of n pauses in random order about 1000 (1 + ln(n/1000)) are written on that ground.
 */
#include "harness/measure/pauses.h"

const char *const gcs_pause_name[GCS_PAUSE_KINDS] = {"stw", "assist", "alloc_stall", "wake_lag"};

static void pauses_swap(int64_t *heap, uint32_t a, uint32_t b)
{
	int64_t t = heap[a];
	heap[a] = heap[b];
	heap[b] = t;
}

static void pauses_up(int64_t *heap, uint32_t i)
{
	for (; i > 0 && heap[i] < heap[(i - 1) / 2]; i = (i - 1) / 2)
		pauses_swap(heap, i, (i - 1) / 2);
}

static void pauses_down(int64_t *heap, uint32_t n)
{
	for (uint32_t i = 0;;) {
		uint32_t least = 2 * i + 1;
		if (least >= n)
			return;
		if (least + 1 < n && heap[least + 1] < heap[least])
			least++;
		if (heap[i] <= heap[least])
			return;
		pauses_swap(heap, i, least);
		i = least;
	}
}

static bool pauses_worst(int64_t *heap, uint32_t *n, int64_t dur_ns)
{
	if (*n < GCS_PAUSES_WORST) {
		heap[*n] = dur_ns;
		pauses_up(heap, (*n)++);
		return true;
	}
	if (dur_ns <= heap[0])
		return false;
	heap[0] = dur_ns;
	pauses_down(heap, *n);
	return true;
}

bool gcs_pauses_keep(struct gcs_pauses *p, enum gcs_pause_kind kind, int64_t dur_ns,
		     uint64_t interval)
{
	bool worst = pauses_worst(p->kind[kind].worst, &p->kind[kind].n, dur_ns);
	if (p->kind[kind].interval != interval) {
		p->kind[kind].interval = interval;
		p->kind[kind].routine = 0;
	}
	bool routine = p->kind[kind].routine < GCS_PAUSES_ROUTINE;
	p->kind[kind].routine += routine;
	return worst || routine;
}
