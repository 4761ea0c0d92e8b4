/*
 * story.h: a page of Markdown as plain text for a terminal: headings, paragraphs and lists wrapped,
 * tables in columns, code as it is, no markup left.
 *
 * What is understood is what our own pages use: # headings, paragraphs, - * and 1. lists (nested by
 * indentation), > quotes, | tables |, code fenced or indented by four, `code`, *emphasis*, links.
 * All else is text.
 */
#pragma once

#include "harness/base/page.h"

void gcs_story_render(const char *markdown, const struct gcs_page *page, FILE *out);
