/* scenario_diag.c: an error as people expect it of a compiler: place, sentence, source line, caret,
 * what was expected. */
#include "harness/scenario/scenario_priv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

int gcs_diag_init(struct gcs_diag *d)
{
	*d = (struct gcs_diag){0};
	d->out = open_memstream(&d->text, &d->bytes);
	return d->out ? 0 : -ENOMEM;
}

char *gcs_diag_fini(struct gcs_diag *d)
{
	if (d->errors > GCS_DIAG_MAX)
		fprintf(d->out, "(%u more)\n", d->errors - GCS_DIAG_MAX);
	fclose(d->out);
	return d->text;
}

struct gcs_place gcs_place_of(const struct gcs_node *n)
{
	return (struct gcs_place){n->source, n->line, n->column, n->length};
}

struct gcs_place gcs_place_in(const struct gcs_node *n, uint32_t at)
{
	struct gcs_place place = gcs_place_of(n);
	/* Only where text and source agree byte for byte is an offset a column: no escapes, no
	 * folding. */
	if (n->kind != GCS_NODE_SCALAR || strlen(n->text) != place.length || at >= place.length)
		return place;
	uint32_t word = (uint32_t)strcspn(n->text + at, " ");
	place.column += at;
	place.length = word ? word : 1;
	return place;
}

static const char *diag_line(const struct gcs_source *source, uint32_t line, size_t *ret_bytes)
{
	const char *p = source->text;
	for (; line > 1; line--) {
		const char *end = strchr(p, '\n');
		if (!end)
			break;
		p = end + 1;
	}
	*ret_bytes = strcspn(p, "\r\n");
	return p;
}

static bool diag_continues(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* The source line and under it the caret: tabs are repeated, so that it stands right at any tab
 * width. */
static void diag_show(FILE *out, const struct gcs_place *place)
{
	size_t bytes, at = 0;
	const char *line = diag_line(place->source, place->line, &bytes);
	for (size_t i = 0; i < bytes; i++)
		fputc((unsigned char)line[i] < ' ' && line[i] != '\t' ? ' ' : line[i], out);
	fputc('\n', out);
	uint32_t column = 1;
	for (; at < bytes && column < place->column; at++) {
		if (diag_continues(line[at]))
			continue;
		fputc(line[at] == '\t' ? '\t' : ' ', out);
		column++;
	}
	for (; column < place->column; column++)
		fputc(' ', out);
	fputc('^', out);
	while (at < bytes && diag_continues(line[++at]))
		;
	for (uint32_t i = 1; i < place->length && at < bytes; at++) {
		if (diag_continues(line[at]))
			continue;
		fputc('~', out);
		i++;
	}
	fputc('\n', out);
}

void gcs_diag_at(struct gcs_diag *d, struct gcs_place place, const char *expected, const char *hint,
		 const char *fmt, ...)
{
	if (++d->errors > GCS_DIAG_MAX)
		return;
	if (d->variant && place.source != d->within)
		place = d->blame;
	fprintf(d->out, "%s:%u:%u: error: ", place.source->name, place.line, place.column);
	if (d->variant)
		fprintf(d->out, "variant '%s': ", d->variant);
	va_list ap;
	va_start(ap, fmt);
	vfprintf(d->out, fmt, ap);
	va_end(ap);
	fputc('\n', d->out);
	diag_show(d->out, &place);
	if (expected)
		fprintf(d->out, "  expected: %s\n", expected);
	if (hint)
		fprintf(d->out, "  hint: %s\n", hint);
}
