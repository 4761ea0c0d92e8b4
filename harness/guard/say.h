/*
 * say.h: what the guard says to the harness: lines on the control socket (docs/control-protocol.md). From the main thread alone.
 */
#pragma once

#include <jansson.h>
#include <stdint.h>

#define GUARD_CONTROL_FD 3

/* Takes the object; NULL: nothing. A harness that is gone is no error here. */
void guard_say(json_t *o);
/* Any bytes as JSON text, cut at 255; NULL is "". */
json_t *guard_text(const char *line);
/* An event, for screen and record: level 0 news, 1 a warning. */
void guard_note(void *unused, int level, const char *text);
/* A figure for the report, under "program.KEY". */
void guard_fact(const char *key, uint64_t value);
