/*
 * condition.h: the text of a fault's condition (`while`), compiled to the program of faults/condition.h.
 *
 *   while: gc.phase == mark and heap.live > 0.9 * heap.goal
 *
 * Comparisons (== != < <= > >=) of states, words and numbers; + - *; and or not, written && || ! too; parentheses. `not` binds
 * looser than a comparison, `and` tighter than `or`. Numbers: 500, 10k, 0.9, 90% (a factor), 64MiB; to a thousandth. What kinds go
 * together is checked: bytes with bytes, a phase with a phase.
 */
#pragma once

#include "faults/condition.h"

struct gcs_condition_error {
	uint32_t at, bytes; /* the word at fault, in the text */
	char text[160];
	char expected[384], hint[96]; /* may be empty */
};

/* 0; -EINVAL with *ret_error. What it gives passes gcs_condition_check. */
int gcs_condition_parse(const char *text, const struct gcs_point_info *point,
			struct gcs_condition *ret, struct gcs_condition_error *ret_error);
/* Divide what is given in bytes by the heap scale. True: there was something. */
bool gcs_condition_scale(struct gcs_condition *c, uint32_t heap_milli);
