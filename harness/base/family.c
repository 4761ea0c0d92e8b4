/* family.c: see family.h. */
#include "harness/base/family.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define FAMILY_TASKS_MAX 4096

struct family_list {
	int pid[GCS_FAMILY_MAX];
	size_t n;
};

static void family_add(struct family_list *l, int pid)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->pid[i] == pid) /* it moved to another parent while we read */
			return;
	if (l->n < GCS_FAMILY_MAX)
		l->pid[l->n++] = pid;
}

static void family_children_of_task(struct family_list *l, int pid, const char *task)
{
	char path[320];
	int child;
	snprintf(path, sizeof path, "/proc/%d/task/%s/children", pid, task);
	FILE *f = fopen(path, "re");
	while (f && fscanf(f, "%d", &child) == 1)
		family_add(l, child);
	if (f)
		fclose(f);
}

static void family_children(struct family_list *l, int pid)
{
	char path[64];
	const struct dirent *entry;
	snprintf(path, sizeof path, "/proc/%d/task", pid);
	DIR *dir = opendir(path);
	for (int i = 0; dir && i < FAMILY_TASKS_MAX && (entry = readdir(dir)); i++)
		if (entry->d_name[0] != '.')
			family_children_of_task(l, pid, entry->d_name);
	if (dir)
		closedir(dir);
}

static const struct gcs_member *family_find(const struct gcs_family *f, int pid, uint64_t start)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->member[i].pid == pid && f->member[i].last.start_ticks == start)
			return &f->member[i];
	return NULL;
}

/* How much it has grown since the last look; all of one that is new. */
static void family_count(struct gcs_family *f, const struct gcs_member *was, const struct gcs_proc *now)
{
	static const struct gcs_proc none;
	const struct gcs_proc *last = was ? &was->last : &none;
	f->sum.rss += now->rss;
	if (now->cpu_ns > last->cpu_ns)
		f->sum.cpu_ns += now->cpu_ns - last->cpu_ns;
	if (now->run_delay_ns > last->run_delay_ns)
		f->sum.run_delay_ns += now->run_delay_ns - last->run_delay_ns;
}

int gcs_family_read(struct gcs_family *f, int pid)
{
	struct family_list list = {.n = 0};
	struct gcs_member next[GCS_FAMILY_MAX];
	struct gcs_proc now;
	size_t n = 0;
	if (f->parent == 0 && gcs_proc_read(pid, &now) == 0)
		f->parent = now.parent;
	if (f->parent > 0)
		family_children(&list, f->parent);
	if (list.n == 0)
		family_add(&list, pid);
	f->sum.rss = 0;
	for (size_t i = 0; i < list.n; i++) { /* it grows meanwhile */
		if (gcs_proc_read(list.pid[i], &now) != 0)
			continue;
		family_children(&list, list.pid[i]);
		family_count(f, family_find(f, list.pid[i], now.start_ticks), &now);
		next[n++] = (struct gcs_member){list.pid[i], now};
	}
	memcpy(f->member, next, n * sizeof next[0]);
	f->n = n;
	f->max = n > f->max ? n : f->max;
	return n ? 0 : -ESRCH;
}
