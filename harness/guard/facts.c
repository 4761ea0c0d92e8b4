/* facts.c: see facts.h. */
#include "harness/guard/facts.h"

#include "harness/guard/say.h"

#include <stdio.h>
#include <sys/resource.h>

static void facts_exact(const struct guard_exact *x)
{
	guard_fact("cycles_gctrace", x->by_line);
	if (x->cycles == 0 && x->by_vars == 0)
		return;
	guard_fact("cycles_vars", x->by_vars);
	guard_fact("exact_cycles", x->cycles);
	guard_fact("exact_total_ns", (uint64_t)x->total_ns);
	guard_fact("exact_max_ns", (uint64_t)x->max_ns);
	guard_fact("exact_max_cycle", x->max_number);
	guard_fact("exact_unseen", x->unseen);
	guard_fact("both_cycles", x->both);
	guard_fact("both_exact_ns", (uint64_t)x->both_ns);
	guard_fact("both_gctrace_ns", (uint64_t)x->line_ns);
}

static void facts_debug(const struct guard_debug *d)
{
	char key[48];
	guard_fact("debug_every_ns", (uint64_t)d->every_ns);
	guard_fact("debug_answers", d->answers);
	for (int k = 0; k < GUARD_MISSES; k++) {
		snprintf(key, sizeof key, "debug_missed_%s", guard_miss_name((enum guard_miss)k));
		if (d->missed[k])
			guard_fact(key, d->missed[k]);
	}
	guard_fact("profiles", d->profiles);
	guard_fact("profiles_missed", d->profiles_missed);
	if (d->answers == 0)
		return;
	guard_fact("sys_max_bytes", d->sys_max);
	guard_fact("gc_cpu_ppb", d->gc_cpu_ppb);
}

void guard_facts_told(const struct guard_trace *t, const struct guard_debug *d)
{
	facts_exact(&t->exact);
	if (d->url)
		facts_debug(d);
}

static uint64_t facts_ns(struct timeval t)
{
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_usec * 1000u;
}

void guard_facts_usage(void)
{
	struct rusage u;
	if (getrusage(RUSAGE_CHILDREN, &u) != 0)
		return;
	guard_fact("user_ns", facts_ns(u.ru_utime));
	guard_fact("system_ns", facts_ns(u.ru_stime));
	guard_fact("switches_voluntary", (uint64_t)u.ru_nvcsw);
	guard_fact("switches_involuntary", (uint64_t)u.ru_nivcsw);
	guard_fact("faults_minor", (uint64_t)u.ru_minflt);
	guard_fact("faults_major", (uint64_t)u.ru_majflt);
	guard_fact("rss_largest_bytes", (uint64_t)u.ru_maxrss << 10);
}

void guard_facts_throttle(const struct guard_throttle *before)
{
	struct guard_throttle now;
	if (!guard_throttle_read(&now))
		return;
	guard_say(json_pack("{s:s,s:I,s:I}", "ev", "throttled", "times",
			    (json_int_t)(now.times - before->times), "us",
			    (json_int_t)(now.us - before->us)));
	guard_fact("throttled_times", now.times - before->times);
}
