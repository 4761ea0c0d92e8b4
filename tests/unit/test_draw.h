/*
 * test_draw.h: the seeded generator of tests that draw at random (splitmix64), and what a fuzzed entry that aborts says: the
 * seed of the input at fault.
 */
#pragma once

#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

static uint64_t draw_state, seed_of_input;

static inline uint64_t draw(uint64_t below)
{
	draw_state += 0x9e3779b97f4a7c15u;
	uint64_t z = draw_state;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return (z ^ (z >> 31)) % below;
}

/* Called in abort(): only what a signal handler may. */
static inline void draw_on_abort(int signal)
{
	char text[64] = "# failed: GCS_TEST_SEED=0x";
	size_t n = strlen(text);
	(void)signal;
	for (int shift = 60; shift >= 0; shift -= 4)
		text[n++] = "0123456789abcdef"[(seed_of_input >> shift) & 15];
	text[n++] = '\n';
	(void)!write(STDERR_FILENO, text, n);
	_exit(1);
}
