/* page.c: see page.h. */
#include "harness/base/page.h"

#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

static uint32_t page_cols(int fd)
{
	struct winsize size;
	const char *env = getenv("COLUMNS");
	long cols = GCS_PAGE_COLS;
	if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		cols = size.ws_col;
	else if (env && strtol(env, NULL, 10) > 0)
		cols = strtol(env, NULL, 10);
	return cols<(long)GCS_PAGE_COLS_MIN ? GCS_PAGE_COLS_MIN : cols>(long) GCS_PAGE_COLS_MAX
		       ? GCS_PAGE_COLS_MAX
		       : (uint32_t)cols;
}

struct gcs_page gcs_page_of(int fd)
{
	setlocale(LC_CTYPE, "");
	return (struct gcs_page){.cols = page_cols(fd),
				 .utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0};
}

/* Bytes of the character at p; a broken one is one byte. */
static size_t page_char(const char *p)
{
	unsigned char c = (unsigned char)*p;
	size_t n = c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	for (size_t i = 1; i < n; i++)
		if (((unsigned char)p[i] & 0xc0) != 0x80)
			return 1;
	return n;
}

uint32_t gcs_page_width(const char *text)
{
	uint32_t n = 0;
	for (const char *p = text; *p; p += page_char(p))
		n++;
	return n;
}

size_t gcs_page_cut(const char *text, uint32_t cols)
{
	const char *p = text;
	for (; *p && cols; cols--)
		p += page_char(p);
	return (size_t)(p - text);
}

/* What looks nearest, in ASCII. */
static const char *page_ascii(const char *p, size_t n)
{
	static const struct {
		const char *from, *to;
	} rows[] = {
		{"█", "#"},  {"▇", "*"},	{"▆", "+"},	   {"▅", "="},	{"▄", "-"},
		{"▃", ":"},  {"▂", "."},	{"▁", "_"},	   {"▌", "|"},	{"·", "."},
		{"│", "|"},  {"─", "-"},	{"═", "="},	   {"┬", "+"},	{"•", "*"},
		{"–", "-"},  {"—", "-"},	{"…", "..."},	   {"±", "+-"}, {"×", "x"},
		{"≥", ">="}, {"≤", "<="},	{"→", "->"},	   {"“", "\""}, {"”", "\""},
		{"‘", "'"},  {"’", "'"},	{"µ", "u"},	   {"ä", "ae"}, {"ö", "oe"},
		{"ü", "ue"}, {"ß", "ss"},	{"¹", "1"},	   {"²", "2"},	{"⁻", "-"},
		{"⁹", "9"},  {"§", "section "}, {"°", " degrees"}, {"é", "e"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (strlen(rows[i].from) == n && memcmp(rows[i].from, p, n) == 0)
			return rows[i].to;
	return "?";
}

void gcs_page_put(FILE *out, const char *text, const struct gcs_page *page)
{
	for (const char *p = text; *p;) {
		size_t n = page_char(p);
		unsigned char c = (unsigned char)*p;
		if (n > 1 && page->utf8)
			fwrite(p, 1, n, out);
		else if (n > 1)
			fputs(page_ascii(p, n), out);
		else if (c >= 0x80)
			fputc('?', out);
		else if (c == '\n' || (c >= ' ' && c != 0x7f))
			fputc(c, out);
		p += n;
	}
}

void gcs_page_wrap(FILE *out, const char *text, uint32_t at, uint32_t indent, uint32_t cols)
{
	static const char blank[] = " \t\r\n";
	bool first = true; /* on its line */
	for (const char *p = text + strspn(text, blank); *p; p += strspn(p, blank)) {
		size_t n = strcspn(p, blank);
		char *word = strndup(p, n);
		uint32_t width = word ? gcs_page_width(word) : (uint32_t)n;
		free(word);
		if (!first && at + 1 + width > cols) {
			fprintf(out, "\n%*s", (int)indent, "");
			at = indent;
			first = true;
		}
		fprintf(out, "%s%.*s", first ? "" : " ", (int)n, p);
		at += width + !first;
		first = false;
		p += n;
	}
	fputc('\n', out);
}
