/* say.c: see say.h. */
#include "harness/guard/say.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

void guard_say(json_t *o)
{
	char *text = o ? json_dumps(o, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
	size_t n = text ? strlen(text) : 0;
	if (text) {
		text[n] = '\n'; /* in the place of its end: it is sent by its length */
		while (send(GUARD_CONTROL_FD, text, n + 1, MSG_NOSIGNAL) < 0 && errno == EINTR)
			;
	}
	free(text);
	json_decref(o);
}

json_t *guard_text(const char *line)
{
	char text[256];
	snprintf(text, sizeof text, "%s", line ? line : "");
	for (char *p = text; *p; p++)
		*p = *p < ' ' || *p > '~' ? '?' : *p;
	return json_string(text);
}

void guard_note(void *unused, int level, const char *text)
{
	(void)unused;
	guard_say(json_pack("{s:s,s:i,s:o}", "ev", "note", "level", level, "text", guard_text(text)));
}

void guard_fact(const char *key, uint64_t value)
{
	guard_say(json_pack("{s:s,s:s,s:I}", "ev", "fact", "key", key, "value", (json_int_t)value));
}
