/*
 * heap_profile.h: which allocations are sampled, and what is known of them (mprof.go, malloc.go).
 *
 * Sampling is a Poisson process over the bytes allocated: from one sample to the next lie as many bytes as an
 * exponential distribution with mean `rate` gives, drawn for each P by itself, in integers. A sample belongs to
 * a bucket: its call stack, and the rounded size of the object.
 *
 * Allocations are known at once, deaths only when the dead are swept. So that a profile is of one moment, the
 * end of a mark phase, events are counted ahead. With C the number of ended mark phases: an allocation counts
 * for C+2, a death found by a sweep for C+1, and when a mark phase ends, C moves on and what is counted for the new C is
 * published: its deaths were all found by the sweep that the next cycle waited for. mrt_gc, which sweeps to the end,
 * publishes C+1 too. A profile is one to two cycles old.
 *
 * Nothing of it lies on the managed heap; when there is no memory for a record the sample is dropped and counted,
 * and the allocation goes on.
 *
 * Threads: any, no safepoint. One lock, taken for a sample, the death of one, and publishing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WATCH_PROFILE_FRAMES 32u

struct watch_profile_counts {
	uint64_t allocs, frees, alloc_bytes, free_bytes;
};

/* Immutable but for what hangs on `future` and `active`, which are under the profile's lock. */
struct watch_profile_bucket {
	struct watch_profile_bucket *next; /* in its slot */
	struct watch_profile_bucket *all;  /* of all, the newest first */
	uint64_t hash, bytes;		   /* bytes: rounded size of each object */
	struct watch_profile_counts active, future[3];
	uint32_t frames;
	uint32_t pc[]; /* return addresses from the program's start, innermost first */
};

struct watch_profile_options {
	uint64_t rate; /* mean bytes from sample to sample; 1: every allocation; 0: off */
	/* Zeroed memory that lives until fini, or NULL. */
	void *(*alloc)(size_t bytes, size_t align);
};
void watch_profile_init(const struct watch_profile_options *opt);
/* Forget everything. The memory is the allocator's to take back. */
void watch_profile_fini(void);
uint64_t watch_profile_rate(void);

/* Bytes until the next sample; UINT64_MAX: never. *random: the P's generator. */
uint64_t watch_profile_gap(uint64_t *random);
/* The same for a draw of 1..2^26. Pure; exported to the unit test. */
uint64_t watch_profile_gap_of(uint64_t rate, uint32_t draw);

/* NULL: no memory. */
struct watch_profile_bucket *watch_profile_bucket(const uint32_t *pc, uint32_t frames, uint64_t bytes);
void watch_profile_malloc(struct watch_profile_bucket *b);
void watch_profile_free(struct watch_profile_bucket *b);
void watch_profile_drop(void);

/* A mark phase ends, world stopped. */
void watch_profile_next_cycle(void);
/* After that, world running: publish C. */
void watch_profile_flush(void);
/* The sweep after mark phase C has ended, and no other has: publish C+1. */
void watch_profile_flush_swept(void);

struct watch_profile_record {
	const struct watch_profile_bucket *bucket;
	struct watch_profile_counts counts;
};
/* What is published, newest bucket first, at most `cap`; the number there are. While nothing has been published at
 * all, for want of a cycle, everything is first. */
size_t watch_profile_read(struct watch_profile_record *ret, size_t cap);
uint64_t watch_profile_dropped(void);
uint64_t watch_profile_sys(void); /* bytes of the table and the buckets: BuckHashSys. World stopped. */
