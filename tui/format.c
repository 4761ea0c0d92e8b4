/* format.c: numbers for people; see format.h. */
#include "tui/format.h"

#include <inttypes.h>
#include <stdio.h>

static const char *format_3digits(char *ret, double v)
{
	int decimals = v >= 99.95 ? 0 : v >= 9.995 ? 1 : v >= 0.9995 ? 2 : 3;
	snprintf(ret, TUI_NUMBER, "%.*f", decimals, v);
	return ret;
}

const char *tui_ms(char *ret, int64_t ns)
{
	if (ns < 0) {
		snprintf(ret, TUI_NUMBER, "-");
		return ret;
	}
	return format_3digits(ret, (double)ns / 1e6);
}

const char *tui_duration(char *ret, int64_t ns)
{
	if (ns < 0)
		snprintf(ret, TUI_NUMBER, "-");
	else if (ns < 1000)
		snprintf(ret, TUI_NUMBER, "%" PRId64 "ns", ns);
	else if (ns < 1000000)
		snprintf(ret, TUI_NUMBER, "%.0fµs", (double)ns / 1e3);
	else if (ns < 100000000)
		snprintf(ret, TUI_NUMBER, "%.1fms", (double)ns / 1e6);
	else if (ns < 60000000000)
		snprintf(ret, TUI_NUMBER, "%.1fs", (double)ns / 1e9);
	else
		return tui_clock(ret, ns);
	return ret;
}

const char *tui_clock(char *ret, int64_t ns)
{
	int64_t s = ns < 0 ? 0 : ns / 1000000000;
	if (s >= 3600)
		snprintf(ret, TUI_NUMBER, "%" PRId64 ":%02d:%02d", s / 3600, (int)(s / 60 % 60), (int)(s % 60));
	else
		snprintf(ret, TUI_NUMBER, "%d:%02d", (int)(s / 60), (int)(s % 60));
	return ret;
}

const char *tui_clock_fine(char *ret, int64_t ns)
{
	char whole[TUI_NUMBER];
	int64_t cs = ns < 0 ? 0 : ns / 10000000;
	snprintf(ret, TUI_NUMBER, "%.*s.%02d", TUI_NUMBER - 4, tui_clock(whole, ns), (int)(cs % 100));
	return ret;
}

const char *tui_clock_milli(char *ret, int64_t ns)
{
	char whole[TUI_NUMBER];
	int64_t ms = ns < 0 ? 0 : ns / 1000000;
	snprintf(ret, TUI_NUMBER, "%.*s.%03d", TUI_NUMBER - 5, tui_clock(whole, ns), (int)(ms % 1000));
	return ret;
}

const char *tui_count(char *ret, uint64_t n)
{
	char digits[TUI_NUMBER];
	int len = snprintf(digits, sizeof digits, "%" PRIu64, n), out = 0;
	if (len > 15) { /* commas would not fit; nobody reads so many digits */
		snprintf(ret, TUI_NUMBER, "%.3g", (double)n);
		return ret;
	}
	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			ret[out++] = ',';
		ret[out++] = digits[i];
	}
	ret[out] = '\0';
	return ret;
}

const char *tui_rate(char *ret, double r)
{
	if (r >= 999.5e3)
		snprintf(ret, TUI_NUMBER, "%.3gM", r / 1e6);
	else if (r >= 9.95e3)
		snprintf(ret, TUI_NUMBER, "%.0fk", r / 1e3);
	else if (r >= 999.5)
		snprintf(ret, TUI_NUMBER, "%.1fk", r / 1e3);
	else
		snprintf(ret, TUI_NUMBER, "%.0f", r);
	return ret;
}

const char *tui_mib(char *ret, uint64_t bytes)
{
	double mib = (double)bytes / (1024.0 * 1024.0);
	snprintf(ret, TUI_NUMBER, mib >= 9.95 ? "%.0f" : "%.1f", mib);
	return ret;
}
