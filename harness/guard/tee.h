/*
 * tee.h: the stderr of the program: every byte into a file, and each line to the harness.
 *
 * The harness is never waited for: lines that it does not take at once are dropped there and counted (the file has them).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEE_LINE_BYTES 4096 /* of a line that is looked at; the file has all of it */

struct guard_tee {
	int from, file, to; /* pipe (not blocking), file, the harness (not blocking); -1: none */
	void (*line)(void *self, const char *line);
	void *self;
	char text[TEE_LINE_BYTES + 1]; /* the line that is coming in, with room for its newline */
	size_t used;
	uint64_t dropped;	     /* lines that the harness did not take */
	int failed;		     /* of writing the file: the first errno */
};

/* What is there, without waiting. False: the end, its writers are gone. */
bool guard_tee_read(struct guard_tee *t);
void guard_tee_fini(struct guard_tee *t);
