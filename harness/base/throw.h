/*
 * throw.h: which of a target's last words are those of a runtime that died as its policy `oom: throw` asks
 * (runtime/mem/throw.def).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

bool gcs_is_throw(const char *line);
/* Of what kind a death is by such a line. */
enum gcs_death {
	GCS_DEATH_OTHER,
	GCS_DEATH_MEMORY, /* the system refused it memory */
	GCS_DEATH_THREAD, /* the system refused it a thread */
	GCS_DEATH_STACK,  /* a goroutine's stack outgrew its limit */
	GCS_DEATH_FATAL,  /* another fatal error of the runtime */
	GCS_DEATH_PANIC,
};
/* Of the program's words, by throw.def and death.def; line NULL: OTHER. */
enum gcs_death gcs_death_of(const char *line);
/* "memory was refused"; NULL: there is nothing to say. */
const char *gcs_death_words(enum gcs_death death);
/* The line that says what the target died of: the first that is a throw's, a fatal error or a panic. NULL: none of them is. */
const char *gcs_fatal_line(const char *const line[], size_t n);
