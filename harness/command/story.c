/*
 * story.c: see story.h. Line by line: a line begins a block, goes on with the one before, or stands
 * alone; a block is written when the next begins.
 */
#include "harness/command/story.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define STORY_CELLS_MAX 12u
#define STORY_ROWS_MAX	512u

enum story_block { STORY_NONE, STORY_TEXT, STORY_ITEM, STORY_QUOTE };

struct story_row {
	char *cell[STORY_CELLS_MAX];
};

struct story {
	const struct gcs_page *page;
	FILE *out;
	bool begun; /* something is written: a blank line comes before the next block */
	/* the block that is being read */
	enum story_block block;
	FILE *words;
	char *text;
	size_t bytes;
	uint32_t indent; /* of an item's mark */
	char mark[8];	 /* of an item: "•", "1." */
	bool tight;	 /* follows an item directly */
	/* table */
	struct story_row *row;
	uint32_t nrows, ncells;
};

/* ---- inside a line */

/* Where a link's address ends; NULL: p is no link. *ret_text: length of its text. */
static const char *story_link(const char *p, size_t *ret_text)
{
	const char *close = *p == '[' ? strchr(p, ']') : NULL;
	const char *end = close && close[1] == '(' ? strchr(close, ')') : NULL;
	if (end)
		*ret_text = (size_t)(close - p - 1);
	return end;
}

/* A star that opens or closes emphasis, not one that stands between blanks. */
static bool story_star(const char *text, const char *p)
{
	bool before = p > text && !isspace((unsigned char)p[-1]),
	     after = p[1] && !isspace((unsigned char)p[1]);
	return *p == '*' && (before || after);
}

static void story_plain(FILE *out, const char *text);

static const char *story_link_put(FILE *out, const char *p, const char *end, size_t text)
{
	char *word = strndup(p + 1, text);
	if (word)
		story_plain(out, word);
	free(word);
	const char *address = p + text + 3;
	if (strncmp(address, "http", 4) == 0)
		fprintf(out, " (%.*s)", (int)(end - address), address);
	return end;
}

/* Text without its markup. */
static void story_plain(FILE *out, const char *text)
{
	bool code = false;
	for (const char *p = text; *p; p++) {
		size_t n = 0;
		const char *end = code ? NULL : story_link(p, &n);
		if (*p == '`')
			code = !code;
		else if (end)
			p = story_link_put(out, p, end, n);
		else if (!code && *p == '\\' && ispunct((unsigned char)p[1]))
			fputc(*++p, out);
		else if (code || !story_star(text, p))
			fputc(*p, out);
	}
}

static char *story_plain_dup(const char *text, size_t n)
{
	char *copy = strndup(text, n), *ret = NULL;
	size_t bytes;
	FILE *out = copy ? open_memstream(&ret, &bytes) : NULL;
	if (out) {
		story_plain(out, copy);
		fclose(out);
	}
	free(copy);
	return ret;
}

/* ---- blocks of words */

static void story_gap(struct story *s)
{
	if (s->begun)
		fputc('\n', s->out);
	s->begun = true;
}

static void story_flush_words(struct story *s)
{
	if (s->block == STORY_NONE)
		return;
	fclose(s->words);
	char *plain = story_plain_dup(s->text ? s->text : "", s->bytes);
	if (!s->tight)
		story_gap(s);
	uint32_t at = 0;
	if (s->block == STORY_ITEM) {
		fprintf(s->out, "%*s%s ", (int)s->indent + 2, "", s->mark);
		at = s->indent + 3 + gcs_page_width(s->mark);
	} else if (s->block == STORY_QUOTE) {
		fputs("    ", s->out);
		at = 4;
	}
	gcs_page_wrap(s->out, plain ? plain : "", at, at, s->page->cols);
	free(plain);
	free(s->text);
	s->text = NULL;
	s->block = STORY_NONE;
}

static void story_begin(struct story *s, enum story_block block, const char *text)
{
	s->words = open_memstream(&s->text, &s->bytes);
	if (!s->words)
		return;
	s->block = block;
	fputs(text, s->words);
}

static void story_go_on(struct story *s, const char *text)
{
	fprintf(s->words, "\n%s", text);
}

/* ---- tables */

static bool story_rule_row(const char *line)
{
	return strspn(line, "|-: \t") == strlen(line) && strstr(line, "--");
}

static void story_row_add(struct story *s, const char *line)
{
	uint32_t n = 0;
	if (!s->row)
		s->row = calloc(STORY_ROWS_MAX, sizeof s->row[0]);
	if (!s->row || s->nrows == STORY_ROWS_MAX || story_rule_row(line))
		return;
	struct story_row *row = &s->row[s->nrows++];
	for (const char *p = line + 1; n < STORY_CELLS_MAX;) {
		p += strspn(p, " \t");
		if (!*p)
			break; /* behind the last stroke */
		const char *end = p;
		while (*end && (*end != '|' || end[-1] == '\\'))
			end++;
		row->cell[n++] = story_plain_dup(p, (size_t)(end - p));
		p = *end ? end + 1 : end;
	}
	for (uint32_t i = 0; i < n; i++) {
		size_t len = row->cell[i] ? strlen(row->cell[i]) : 0;
		while (len && isspace((unsigned char)row->cell[i][len - 1]))
			row->cell[i][--len] = '\0';
	}
	s->ncells = n > s->ncells ? n : s->ncells;
}

/* Columns of the longest word: a cell cannot be narrower. */
static uint32_t story_longest_word(const char *text)
{
	uint32_t longest = 1;
	for (const char *p = text; *p;) {
		size_t n = strcspn(p, " \t");
		char *word = strndup(p, n);
		uint32_t w = word ? gcs_page_width(word) : 0;
		free(word);
		longest = w > longest ? w : longest;
		p += n + strspn(p + n, " \t");
	}
	return longest;
}

/* Widths that fit the page: the widest column that can gives way first. */
static void story_widths(const struct story *s, uint32_t width[STORY_CELLS_MAX])
{
	uint32_t total = 2 * s->ncells, least[STORY_CELLS_MAX];
	for (uint32_t c = 0; c < s->ncells; c++) {
		width[c] = least[c] = 1;
		for (uint32_t r = 0; r < s->nrows; r++) {
			const char *cell = s->row[r].cell[c] ? s->row[r].cell[c] : "";
			uint32_t w = gcs_page_width(cell), word = story_longest_word(cell);
			width[c] = w > width[c] ? w : width[c];
			least[c] = word > least[c] ? word : least[c];
		}
		total += width[c];
	}
	for (; total > s->page->cols; total--) {
		uint32_t widest = s->ncells;
		for (uint32_t c = 0; c < s->ncells; c++)
			if (width[c] > least[c] &&
			    (widest == s->ncells || width[c] > width[widest]))
				widest = c;
		if (widest == s->ncells)
			return; /* it cannot fit */
		width[widest]--;
	}
}

/* One line of a cell that was wrapped; moves *text behind it. Returns the columns written. */
static uint32_t story_cell_line(FILE *out, const char **text)
{
	size_t n = strcspn(*text, "\n");
	char *line = strndup(*text, n);
	uint32_t width = line ? gcs_page_width(line) : 0;
	fputs(line ? line : "", out);
	free(line);
	*text += n + ((*text)[n] == '\n');
	return width;
}

static char *story_cell_wrapped(const char *cell, uint32_t width)
{
	char *text = NULL;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);
	if (!out)
		return NULL;
	gcs_page_wrap(out, cell ? cell : "", 0, 0, width);
	fclose(out);
	return text;
}

static void story_row_put(struct story *s, const struct story_row *row,
			  const uint32_t width[STORY_CELLS_MAX])
{
	char *wrapped[STORY_CELLS_MAX];
	const char *rest[STORY_CELLS_MAX];
	bool more = true;
	for (uint32_t c = 0; c < s->ncells; c++) {
		wrapped[c] = story_cell_wrapped(row->cell[c], width[c]);
		rest[c] = wrapped[c] ? wrapped[c] : "";
	}
	while (more) {
		uint32_t blanks = 2; /* before the next cell: no blank ends a line */
		more = false;
		for (uint32_t c = 0; c < s->ncells; c++) {
			uint32_t at = 0;
			if (*rest[c] && *rest[c] != '\n') {
				fprintf(s->out, "%*s", (int)blanks, "");
				blanks = 0;
			}
			if (*rest[c])
				at = story_cell_line(s->out, &rest[c]);
			blanks += (at < width[c] ? width[c] - at : 0) + 2;
			more |= *rest[c] != '\0';
		}
		fputc('\n', s->out);
	}
	for (uint32_t c = 0; c < s->ncells; c++)
		free(wrapped[c]);
}

static void story_flush_table(struct story *s)
{
	uint32_t width[STORY_CELLS_MAX] = {0};
	if (s->nrows)
		story_gap(s);
	story_widths(s, width);
	for (uint32_t r = 0; r < s->nrows; r++) {
		story_row_put(s, &s->row[r], width);
		for (uint32_t c = 0; r == 0 && c < s->ncells; c++) {
			fputs("  ", s->out);
			for (uint32_t i = 0; i < width[c]; i++)
				fputs("─", s->out);
		}
		if (r == 0)
			fputc('\n', s->out);
	}
	for (uint32_t r = 0; r < s->nrows; r++)
		for (uint32_t c = 0; c < STORY_CELLS_MAX; c++)
			free(s->row[r].cell[c]);
	free(s->row);
	s->row = NULL;
	s->nrows = s->ncells = 0;
}

static void story_flush(struct story *s)
{
	story_flush_words(s);
	story_flush_table(s);
	s->tight = false;
}

/* ---- lines */

static void story_heading(struct story *s, const char *line)
{
	size_t level = strspn(line, "#");
	const char *text = line + level + strspn(line + level, " ");
	char *plain = story_plain_dup(text, strlen(text));
	story_flush(s);
	story_gap(s);
	gcs_page_wrap(s->out, plain ? plain : "", 0, 0, s->page->cols);
	for (uint32_t i = 0; level <= 2 && plain && i < gcs_page_width(plain) && i < s->page->cols; i++)
		fputs(level == 1 ? "═" : "─", s->out);
	if (level <= 2)
		fputc('\n', s->out);
	free(plain);
}

/* Length of an item's mark with the blanks behind it; 0: the line begins none. */
static size_t story_mark(const char *line, char ret[8])
{
	size_t digits = strspn(line, "0123456789");
	if ((*line == '-' || *line == '*' || *line == '+') && line[1] == ' ') {
		snprintf(ret, 8, "•");
		return 1 + strspn(line + 1, " ");
	}
	if (digits == 0 || digits > 3 || line[digits] != '.' || line[digits + 1] != ' ')
		return 0;
	snprintf(ret, 8, "%.*s.", (int)digits, line);
	return digits + 1 + strspn(line + digits + 1, " ");
}

static bool story_item(struct story *s, const char *line)
{
	size_t indent = strspn(line, " ");
	char mark[8];
	size_t n = story_mark(line + indent, mark);
	if (n == 0 || (s->block == STORY_TEXT && indent == 0 && *mark != '\xe2'))
		return false;
	bool tight = s->block == STORY_ITEM;
	story_flush(s);
	s->tight = tight;
	memcpy(s->mark, mark, sizeof mark);
	s->indent = (uint32_t)indent;
	story_begin(s, STORY_ITEM, line + indent + n);
	return true;
}

static void story_line(struct story *s, const char *line)
{
	size_t blanks = strspn(line, " \t");
	const char *text = line + blanks;
	if (!*text || strncmp(text, "<!--", 4) == 0)
		story_flush(s);
	else if (*line == '#' && line[strspn(line, "#")] == ' ')
		story_heading(s, line);
	else if (*text == '|') {
		story_flush_words(s);
		s->tight = false;
		story_row_add(s, text);
	} else if (story_item(s, line))
		return;
	else if (*text == '>' && s->block != STORY_QUOTE) {
		story_flush(s);
		story_begin(s, STORY_QUOTE, text + 1);
	} else if (s->block != STORY_NONE)
		story_go_on(s, *text == '>' && s->block == STORY_QUOTE ? text + 1 : text);
	else {
		story_flush(s);
		story_begin(s, STORY_TEXT, text);
	}
}

/* Code: no word of it is touched. *verbatim: in it already. true: the line was code. */
static bool story_code(struct story *s, const char *line, bool *fenced, bool *indented)
{
	if (strncmp(line, "```", 3) == 0) {
		story_flush(s);
		if (!*fenced)
			story_gap(s);
		*fenced = !*fenced;
		return true;
	}
	bool four = strncmp(line, "    ", 4) == 0 && line[strspn(line, " ")];
	if (!*fenced && !(four && s->block == STORY_NONE)) {
		*indented = false;
		return false;
	}
	if (!*fenced && !*indented) {
		story_flush(s);
		story_gap(s);
	}
	*indented = !*fenced;
	fprintf(s->out, "    %s\n", *fenced ? line : line + 4);
	return true;
}

void gcs_story_render(const char *markdown, const struct gcs_page *page, FILE *out)
{
	char *text = NULL;
	size_t bytes;
	struct story s = {.page = page, .out = open_memstream(&text, &bytes)};
	bool fenced = false, indented = false;
	if (!s.out)
		return;
	for (const char *p = markdown; *p;) {
		size_t n = strcspn(p, "\n");
		char *line = strndup(p, n);
		if (line && n && line[n - 1] == '\r')
			line[n - 1] = '\0';
		if (line && !story_code(&s, line, &fenced, &indented))
			story_line(&s, line);
		free(line);
		p += n + (p[n] == '\n');
	}
	story_flush(&s);
	fclose(s.out);
	gcs_page_put(out, text ? text : "", page);
	free(text);
}
