/* plan_edit.c: see plan_edit.h. */
#include "workloads/plan_edit.h"

#include <errno.h>

#define PLAN_RATE_MAX 100000000

/* Index of an item of the plan; -1: there is none. */
static json_int_t plan_edit_index(const json_t *line, const char *key, uint32_t count)
{
	const json_t *value = json_object_get(line, key);
	json_int_t i = json_integer_value(value);

	return json_is_integer(value) && i >= 0 && i < count ? i : -1;
}

int plan_edit_fault(const struct plan *p, const json_t *line, uint32_t *ret_fault,
		    struct gcs_fault_spec *ret)
{
	json_int_t i = plan_edit_index(line, "fault", p->nfaults), number[13];
	static const char *const key[13] = {
		"errno",    "p_ppb",	 "nth",		 "every",    "after",	 "burst",    "times",
		"delay_ns", "jitter_ns", "delay_max_ns", "by_milli", "size_min", "size_max",
	};

	if (i < 0)
		return -EINVAL;
	for (int k = 0; k < 13; k++) {
		const json_t *value = json_object_get(line, key[k]);

		number[k] = json_integer_value(value);
		if (!json_is_integer(value) || number[k] < 0)
			return -EINVAL;
	}
	if (number[0] > 4095 || number[1] > 1000000000 || number[10] > 100000)
		return -EINVAL;
	*ret = p->spec[i];
	ret->err = (int)number[0];
	ret->p_ppb = (uint32_t)number[1];
	ret->nth = (uint64_t)number[2];
	ret->every = (uint64_t)number[3];
	ret->after = (uint64_t)number[4];
	ret->burst = (uint64_t)number[5];
	ret->times = (uint64_t)number[6];
	ret->delay_ns = number[7];
	ret->jitter_ns = number[8];
	ret->delay_max_ns = number[9];
	ret->by_milli = (uint32_t)number[10];
	ret->size_min = (uint64_t)number[11];
	ret->size_max = (uint64_t)number[12];
	*ret_fault = (uint32_t)i;
	return 0;
}

int plan_edit_rate(const struct plan *p, const json_t *line, uint32_t *ret_workload,
		   uint64_t *ret_rate)
{
	json_int_t i = plan_edit_index(line, "workload", p->nworkloads);
	const json_t *rate = json_object_get(line, "rate");

	if (i < 0 || p->workload[i].rate == 0 || !json_is_integer(rate) ||
	    json_integer_value(rate) < 1 || json_integer_value(rate) > PLAN_RATE_MAX)
		return -EINVAL;
	*ret_workload = (uint32_t)i;
	*ret_rate = (uint64_t)json_integer_value(rate);
	return 0;
}
