/*
 * throw.h: which of a target's last words are those of a runtime that died as its policy `oom: throw` asks
 * (runtime/mem/throw.def).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

bool gcs_is_throw(const char *line);
/* The line that says what the target died of: the first that is a throw's, a fatal error or a panic. NULL: none of them is. */
const char *gcs_fatal_line(const char *const line[], size_t n);
