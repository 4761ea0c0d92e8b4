/*
 * suggest.h: "did you mean".
 */
#pragma once

#include <stddef.h>

/* The word of the list that is nearest to `word` (letters inserted, deleted, changed or swapped;
 * case and - against _ cost nothing), if it is near enough to be a slip; NULL otherwise. The list
 * is `count` pointers `stride` bytes apart. */
const char *gcs_suggest(const char *word, const void *list, size_t count, size_t stride);
