/*
 * host.h: facts about the machine, and what /proc says of the target.
 */
#pragma once

#include <stdint.h>

/* Calls back for each fact: kernel, cpu, processors, memory, page size, clock ticks. */
void gcs_host_facts(void (*each)(void *arg, const char *key, const char *value), void *arg);
/* Processor time stolen from this (virtual) machine since it started; 0 where it is not told. */
int64_t gcs_host_steal_ns(void);

struct gcs_proc {
	uint64_t rss;	      /* bytes */
	int64_t cpu_ns;	      /* user and system, all threads, ended ones too */
	int64_t run_delay_ns; /* threads alive now: time they could run and did not */
	uint64_t start_ticks; /* when it began: with its number it is this process and no other */
	int parent;
};
/* 0; -ESRCH: there is no such process any more; ret is untouched then. */
int gcs_proc_read(int pid, struct gcs_proc *ret);
