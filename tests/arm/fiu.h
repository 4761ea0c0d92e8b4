/*
 * fiu.h: what faults/fiu.c needs of libfiu, for a machine whose libfiu is not at hand (tests/integration/aarch64.sh): points that
 * ask their callback while they are enabled. Included by one file.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

typedef int external_cb_t(const char *name, int *failnum, void **failinfo, unsigned int *flags);

#define FIU_POINTS_MAX 128

static struct fiu_point {
	const char *name; /* the caller's; NULL: free */
	int failnum;
	external_cb_t *ask;
} fiu_points[FIU_POINTS_MAX];
static pthread_rwlock_t fiu_lock = PTHREAD_RWLOCK_INITIALIZER;

/* NULL looks for a free one; NULL is the answer when there is none. Under the lock. */
static inline struct fiu_point *fiu_find(const char *name)
{
	for (struct fiu_point *p = fiu_points; p < fiu_points + FIU_POINTS_MAX; p++)
		if (name == NULL ? p->name == NULL : p->name != NULL && strcmp(p->name, name) == 0)
			return p;
	return NULL;
}

static inline int fiu_init(unsigned int flags)
{
	return flags == 0 ? 0 : -1;
}

static inline int fiu_fail(const char *name)
{
	const struct fiu_point *p;
	unsigned int flags = 0;
	void *info = NULL;
	int failnum = 0;

	pthread_rwlock_rdlock(&fiu_lock);
	p = fiu_find(name);
	if (p != NULL) {
		failnum = p->failnum;
		if (!p->ask(name, &failnum, &info, &flags))
			failnum = 0;
	}
	pthread_rwlock_unlock(&fiu_lock);
	return failnum;
}
