/* span.c: time along the columns of a view; see view.h. */
#include "tui/format.h"
#include "tui/view.h"

#include <stdio.h>

#define SPAN_LABEL 9 /* columns that a mark of time needs, at least */

/* The least round stretch of time that is not shorter. */
static int64_t span_round(int64_t ns)
{
	static const int64_t step_ns[] = {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 15000, 30000, 60000, 120000, 300000,
					  600000, 1800000, 3600000, 7200000, 21600000, 86400000};
	for (size_t i = 0; i < sizeof step_ns / sizeof step_ns[0]; i++)
		if (step_ns[i] * 1000000 >= ns)
			return step_ns[i] * 1000000;
	return ns / 86400000000000 * 86400000000000 + 86400000000000;
}

void tui_span_axis(struct tui_canvas *c, const struct tui_box *box, int row, const struct tui_span *span)
{
	int64_t step_ns = span_round(span->col_ns * SPAN_LABEL), end_ns = span->from_ns + span->col_ns * span->cols;
	char text[TUI_NUMBER];
	for (int64_t t = (span->from_ns + step_ns - 1) / step_ns * step_ns; t < end_ns; t += step_ns) {
		int64_t col = tui_span_col(span, t);
		if (col + 7 > box->cols)
			break;
		tui_put(c, box, row, (int)col, TUI_RULE, 0x2502);
		tui_print(c, box, row, (int)col + 1, TUI_DIM, "%s",
			  step_ns >= 1000000000 ? tui_clock(text, t) : step_ns >= 10000000 ? tui_clock_fine(text, t) : tui_clock_milli(text, t));
	}
}
