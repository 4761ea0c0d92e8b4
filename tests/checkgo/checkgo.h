/*
 * checkgo.h: this runtime against a real Go, number by number. `make check-go` builds the program and the Go programs of
 * tests/go with each toolchain that it finds (tests/checkgo/check_go.sh).
 *
 * A check is a sequence of operations. Both sides carry it out and answer each operation with a few numbers: a Go program that
 * reads the operations as lines and answers with lines, and this runtime in a run of its own. Where they differ the sequence is cut
 * down to what still differs, and printed. All that is drawn at random comes from one seed (GCS_TEST_SEED), but for what Go
 * itself draws: the hash seeds of its maps.
 */
#pragma once

#include "runtime/mrt.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHECK_ANSWERS_MAX 12u

/* What an operation means is its topic's, and the Go program's: `kind a b c d` is the line it reads. */
struct check_op {
	char kind;
	uint64_t v[4];
};

struct check_answer {
	uint64_t v[CHECK_ANSWERS_MAX];
	uint32_t n;
};

struct check {
	int minor;	    /* Go 1.minor */
	const char *oracle; /* the Go program */
	uint64_t seed, seeds;
	uint64_t random; /* state of check_random */
	char *log;	 /* what the Go program wrote to stderr last; NULL: nothing */
};

/* How two sides are compared. */
struct check_topic {
	const char *name;
	/* Carries the operations out on this runtime; ret[i] answers op[i]. go: Go's answers, for what is reckoned from Go's figures. */
	void (*ours)(struct check *c, const struct check_op *op, size_t n, const struct check_answer *go,
		     struct check_answer *ret);
	/* The first operation whose answers do not agree; n: none. */
	size_t (*differ)(struct check *c, const struct check_op *op, size_t n, const struct check_answer *go,
			 const struct check_answer *our);
	/* Go's own runtime may have done something beside: a difference counts if it is still there when it was asked so often (0: once). */
	uint32_t asks;
	/* So many operations at the head a sequence must keep. */
	size_t head;
	/* May a number be made smaller (NULL: none may)? Asked with the whole operation as it would be. */
	bool (*valid)(const struct check_op *op);
	/* The operation that begins a sequence where `before` left one that `head` began; NULL: there is none. */
	struct check_op (*restart)(const struct check_op *head, const struct check_answer *before);
};

/* ---- check.c */

/* true: they agree. Else the shortest sequence found is on stderr. */
bool check_sequence(struct check *c, const struct check_topic *topic, const struct check_op *op, size_t n);
/* Every number the same. */
size_t check_equal(struct check *c, const struct check_op *op, size_t n, const struct check_answer *go,
		   const struct check_answer *our);
/* fn on the main goroutine of a runtime, by the rounding of c's Go. */
void check_run(struct check *c, mrt_go_fn *fn, void *arg);
enum mrt_rounding check_rounding(const struct check *c);
/* Go from 1.22 on puts the type in front of objects with pointers above 512 bytes; what it then takes is
 * what this allocator takes for 8 bytes more (docs/fidelity.md). */
uint64_t check_with_header(const struct check *c, uint64_t bytes);
uint64_t check_random(struct check *c);
static inline uint64_t check_below(struct check *c, uint64_t n)
{
	return check_random(c) % n;
}
/* One line of the table: what agreed, how many of them. */
void check_row(const struct check *c, const char *topic, const char *what, uint64_t n);
/* This program cannot go on: not a difference. Exit 2. */
void check_die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* ---- oracle.c: n operations to the Go program, n answers back; its stderr into c->log. */
void check_ask(struct check *c, const struct check_op *op, size_t n, struct check_answer *ret);

/* ---- the topics; true: all agreed */

bool check_append(struct check *c);
void check_append_types(void); /* prints the Go file of the element types that it asks for */
bool check_classes(struct check *c);
bool check_map(struct check *c);
bool check_map_sizes(struct check *c);
bool check_map_overflow(struct check *c);
bool check_goals(struct check *c);
bool check_memstats(struct check *c);
bool check_metrics(struct check *c);
bool check_pool(struct check *c);
bool check_sync_map(struct check *c);
