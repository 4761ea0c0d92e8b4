/*
 * page.h: text for people at a terminal: how wide it is, whether it can show more than ASCII, and
 * text wrapped to it.
 *
 * Text is UTF-8 inside; what the locale cannot show is written as the nearest ASCII at the end, in
 * gcs_page_put.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define GCS_PAGE_COLS	  80u /* when nobody says */
#define GCS_PAGE_COLS_MIN 40u
#define GCS_PAGE_COLS_MAX 240u

struct gcs_page {
	uint32_t cols;
	bool utf8;
};

/* Of a descriptor: the terminal's width, else $COLUMNS, else GCS_PAGE_COLS; within the bounds
 * above. Whether UTF-8 can be shown is the locale's to say (LC_CTYPE is set from the environment).
 */
struct gcs_page gcs_page_of(int fd);

/* Columns of a text: code points. Broken UTF-8 counts a byte each. */
uint32_t gcs_page_width(const char *text);
/* Length in bytes of the first `cols` columns. */
size_t gcs_page_cut(const char *text, uint32_t cols);
/* Write it; without UTF-8 what is not ASCII becomes what looks nearest. Control characters but
 * newline are dropped: a text may come from a file. */
void gcs_page_put(FILE *out, const char *text, const struct gcs_page *page);

/* Words of text to out, UTF-8, wrapped at cols: the first line begins behind what stands already
 * (`at` columns), the others behind `indent` blanks. Ends with a newline. Blanks and newlines in
 * text are one blank each; a word longer than a line stands alone. */
void gcs_page_wrap(FILE *out, const char *text, uint32_t at, uint32_t indent, uint32_t cols);
