/* filter.c: text that is typed to find something by; see view.h. */
#include "tui/view.h"

#include <string.h>
#include <strings.h>

bool tui_filter_has(const char *text, const char *part)
{
	size_t n = strlen(part);
	for (; *text != '\0'; text++)
		if (strncasecmp(text, part, n) == 0)
			return true;
	return n == 0;
}

void tui_filter_type(char *filter, size_t cap, int key)
{
	size_t n = strlen(filter);
	if (key == TUI_KEY_BACKSPACE && n > 0)
		filter[n - 1] = '\0';
	else if (key >= ' ' && key < 0x7f && n + 1 < cap) {
		filter[n] = (char)key;
		filter[n + 1] = '\0';
	}
}
