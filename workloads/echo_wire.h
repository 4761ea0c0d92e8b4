/*
 * echo_wire.h: what travels between the clients of echo and its handlers. Host byte order: both
 * ends are on one machine.
 */
#pragma once

#include "workloads/workload.h"

/* The simulation's virtual peers fill in the first two words. */
struct echo_request {
	uint64_t sequence;
	int64_t intended_ns;
	int64_t sent_ns; /* CLOCK_MONOTONIC, just before send(); 0: not told. For the agent on Go, which has no other measure of its wakes. */
};

struct echo_reply {
	uint64_t sequence;
	int64_t intended_ns;
	uint64_t sum;	 /* echo_sum of the request */
	uint64_t status; /* 0, or the errno of the handler's operation */
};

static inline uint64_t echo_sum(uint64_t sequence, int64_t intended_ns)
{
	return work_word(sequence, (uint64_t)intended_ns, 1);
}

static inline bool echo_reply_holds(const struct echo_reply *reply, int64_t intended_ns)
{
	return reply->intended_ns == intended_ns &&
	       reply->sum == echo_sum(reply->sequence, reply->intended_ns);
}
