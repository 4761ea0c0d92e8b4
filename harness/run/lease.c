/* lease.c: see lease.h. */
#include "harness/run/lease.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

struct gcs_lease {
	_Atomic uint64_t *beat;
	pthread_t thread;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t changed;
	bool stop;
	int64_t last_ns, gap_ns, gap_from_ns;
};

static int64_t lease_now(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void lease_look_locked(struct gcs_lease *l, int64_t now_ns)
{
	if (now_ns - l->last_ns <= l->gap_ns)
		return;
	l->gap_ns = now_ns - l->last_ns;
	l->gap_from_ns = l->last_ns;
}

static void lease_beat_locked(struct gcs_lease *l)
{
	int64_t now = lease_now();
	lease_look_locked(l, now);
	l->last_ns = now;
	/* Relaxed: the target only looks whether it moves. */
	atomic_fetch_add_explicit(l->beat, 1, memory_order_relaxed);
}

static void *lease_run(void *arg)
{
	struct gcs_lease *l = arg;
	pthread_mutex_lock(&l->lock);
	while (!l->stop) {
		lease_beat_locked(l);
		int64_t at = l->last_ns + GCS_LEASE_BEAT_NS;
		struct timespec ts = {.tv_sec = at / 1000000000, .tv_nsec = at % 1000000000};
		pthread_cond_timedwait(&l->changed, &l->lock, &ts);
	}
	pthread_mutex_unlock(&l->lock);
	return NULL;
}

static int lease_cond(pthread_cond_t *cond)
{
	pthread_condattr_t attr;
	int e = pthread_condattr_init(&attr);
	if (e)
		return -e;
	e = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	if (e == 0)
		e = pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
	return -e;
}

int gcs_lease_start(struct gcs_lease **ret, _Atomic uint64_t *beat)
{
	struct gcs_lease *l = calloc(1, sizeof *l);
	if (!l)
		return -ENOMEM;
	l->beat = beat;
	l->last_ns = lease_now();
	int e = -pthread_mutex_init(&l->lock, NULL);
	if (e)
		goto failLock;
	e = lease_cond(&l->changed);
	if (e)
		goto failCond;
	e = -pthread_create(&l->thread, NULL, lease_run, l);
	if (e)
		goto failThread;
	*ret = l;
	return 0;

failThread:
	pthread_cond_destroy(&l->changed);
failCond:
	pthread_mutex_destroy(&l->lock);
failLock:
	free(l);
	return e;
}

int64_t gcs_lease_gap(struct gcs_lease *l, int64_t *ret_from_ns)
{
	pthread_mutex_lock(&l->lock);
	lease_look_locked(l, lease_now());
	int64_t gap = l->gap_ns;
	*ret_from_ns = l->gap_from_ns;
	pthread_mutex_unlock(&l->lock);
	return gap;
}

void gcs_lease_stop(struct gcs_lease *l)
{
	if (!l)
		return;
	pthread_mutex_lock(&l->lock);
	l->stop = true;
	pthread_cond_signal(&l->changed);
	pthread_mutex_unlock(&l->lock);
	pthread_join(l->thread, NULL);
	pthread_cond_destroy(&l->changed);
	pthread_mutex_destroy(&l->lock);
	free(l);
}
