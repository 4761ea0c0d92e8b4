/*
 * fiu-control.h: the other part of tests/arm/fiu.h: enabling and disabling.
 */
#pragma once

#include <fiu.h>

static inline int fiu_enable_external(const char *name, int failnum, void *failinfo, unsigned int flags, external_cb_t *ask)
{
	struct fiu_point *p;

	(void)failinfo;
	(void)flags;
	pthread_rwlock_wrlock(&fiu_lock);
	p = fiu_find(name);
	if (p == NULL)
		p = fiu_find(NULL);
	if (p != NULL)
		*p = (struct fiu_point){.name = name, .failnum = failnum, .ask = ask};
	pthread_rwlock_unlock(&fiu_lock);
	return p != NULL ? 0 : -1;
}

static inline int fiu_disable(const char *name)
{
	struct fiu_point *p;

	pthread_rwlock_wrlock(&fiu_lock);
	p = fiu_find(name);
	if (p != NULL)
		p->name = NULL;
	pthread_rwlock_unlock(&fiu_lock);
	return p != NULL ? 0 : -1;
}
