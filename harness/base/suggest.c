/* suggest.c: see suggest.h.  Optimal string alignment distance in three rows; words beyond 63
 * letters get no suggestion. */
#include "harness/base/suggest.h"

#include <string.h>

#define SUGGEST_LETTERS 64u

static char suggest_fold(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c | 0x20);
	return c == '-' ? '_' : c;
}

static unsigned suggest_min(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static unsigned suggest_distance(const char *a, const char *b)
{
	unsigned row[3][SUGGEST_LETTERS + 1];
	size_t na = strlen(a), nb = strlen(b);
	if (na >= SUGGEST_LETTERS || nb >= SUGGEST_LETTERS)
		return SUGGEST_LETTERS;
	for (size_t j = 0; j <= nb; j++)
		row[0][j] = (unsigned)j;
	for (size_t i = 1; i <= na; i++) {
		unsigned *now = row[i % 3], *up = row[(i + 2) % 3], *upper = row[(i + 1) % 3];
		now[0] = (unsigned)i;
		for (size_t j = 1; j <= nb; j++) {
			char x = suggest_fold(a[i - 1]), y = suggest_fold(b[j - 1]);
			now[j] = suggest_min(up[j - 1] + (x != y),
					     suggest_min(up[j], now[j - 1]) + 1);
			if (i > 1 && j > 1 && x == suggest_fold(b[j - 2]) &&
			    y == suggest_fold(a[i - 2]))
				now[j] = suggest_min(now[j], upper[j - 2] + 1);
		}
	}
	return row[na % 3][nb];
}

const char *gcs_suggest(const char *word, const void *list, size_t count, size_t stride)
{
	const char *best = NULL;
	size_t len = strlen(word);
	unsigned near = len < 3 ? 1 : len < 6 ? 2 : 3;
	for (size_t i = 0; i < count; i++) {
		const char *candidate;
		memcpy(&candidate, (const char *)list + i * stride, sizeof candidate);
		unsigned d = suggest_distance(word, candidate);
		/* Half the word changed is another word. */
		if (d <= near && 2 * d <= strlen(candidate) &&
		    (!best || d < near || suggest_distance(word, best) > d)) {
			best = candidate;
			near = d;
		}
	}
	return best;
}
