/*
 * screen.h: the live screen as a display of the harness.
 */
#pragma once

#include "harness/display.h"
#include "tui/view.h"

extern const struct gcs_display tui_screen_display;

/* Two records were put beside each other: that is shown. */
void tui_screen_compared(struct tui_state *st);
/* One key against a state: changes the state, perhaps asks for an act. No terminal: testable. */
struct gcs_request tui_screen_key(struct tui_state *st, const struct gcs_snapshot *s, int key);
/* The same of the mouse, at a place of the screen. */
struct gcs_request tui_screen_mouse(struct tui_state *st, const struct gcs_snapshot *s, struct tui_mouse at);
