/*
 * timeline_text.c: the page of `gcstorm plan`: what the scenario is, its timeline as a picture and
 * edge by edge, then what runs meanwhile and what is asked of it.
 *
 * A fault with many windows is shown with the first few; one line stands for the others.
 */
#include "harness/measure/metric.h"
#include "harness/scenario/timeline.h"
#include "harness/base/units.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_WINDOWS_SHOWN 3u /* of a fault that has more than TEXT_WINDOWS_ALL */
#define TEXT_WINDOWS_ALL   6u
#define TEXT_SHOWN	   40

struct page_out {
	const struct gcs_scenario *s;
	const struct gcs_page *page;
	FILE *out;
};

static const char *text_unit(enum gcs_unit unit, double v, char ret[TEXT_SHOWN])
{
	gcs_metric_show(unit, v, ret, TEXT_SHOWN);
	return ret;
}

static const char *text_bytes(uint64_t v, char ret[TEXT_SHOWN])
{
	return text_unit(GCS_UNIT_BYTES, (double)v, ret);
}

/* ---- head */

/* GOGC, and bytes that the heap scale has divided with both values. */
static void text_target(const struct page_out *p)
{
	const struct gcs_scenario *s = p->s;
	char line[256], gogc[16] = "off", now[TEXT_SHOWN], written[TEXT_SHOWN];
	if (s->gogc >= 0)
		snprintf(gogc, sizeof gogc, "%d", s->gogc);
	size_t n = (size_t)snprintf(line, sizeof line, "%s, %u P, GOGC %s",
				    gcs_runtime_name(gcs_scenario_runtime(s)), s->procs, gogc);
	if (s->memlimit)
		n += (size_t)snprintf(line + n, sizeof line - n, ", memory limit %s",
				      text_bytes(s->memlimit, now));
	if (s->memlimit && s->heap_scale_milli != 1000)
		n += (size_t)snprintf(line + n, sizeof line - n, " (%s as written)",
				      text_unit(GCS_UNIT_BYTES,
						(double)s->memlimit * s->heap_scale_milli / 1e3,
						written));
	if (s->rounding && strcmp(s->rounding, "1.19") != 0)
		n += (size_t)snprintf(line + n, sizeof line - n, ", rounding of Go %s", s->rounding);
	if (s->heap_scale_milli != 1000)
		snprintf(line + n, sizeof line - n, ", heap scale %.7g", s->heap_scale_milli / 1e3);
	if (s->pacer && strcmp(s->pacer, "1.21") != 0) {
		n = strlen(line);
		snprintf(line + n, sizeof line - n, ", pacer of Go %s", s->pacer);
	}
	fputs("  target     ", p->out);
	gcs_page_wrap(p->out, line, 13, 13, p->page->cols);
}

static void text_length(const struct page_out *p)
{
	const struct gcs_scenario *s = p->s;
	char run[GCS_SPAN_WORDS], written[GCS_SPAN_WORDS], factor[GCS_UNIT_TEXT], from[16], to[16];
	snprintf(factor, sizeof factor, "%.7g", s->time_scale_milli / 1e3);
	gcs_span_words(run, s->end_ns);
	if (s->time_scale_milli == 1000)
		fprintf(p->out, "  takes      %s\n", run);
	else
		fprintf(p->out, "  takes      %s in %s (time scale %s)\n",
			gcs_span_words(written, s->unscaled_end_ns), run, factor);
	if (gcs_scenario_clock(s, 0, from) && gcs_scenario_clock(s, s->end_ns, to))
		fprintf(p->out, "  clock      %s to %s, the incident's own\n", from, to);
}

static void text_variant(const struct page_out *p)
{
	for (uint32_t i = 0; p->s->chosen && i < p->s->nvariants; i++)
		if (strcmp(p->s->variant[i].id, p->s->chosen) == 0)
			fprintf(p->out, "  variant    %s%s%s\n", p->s->chosen,
				p->s->variant[i].about ? ": " : "",
				p->s->variant[i].about ? p->s->variant[i].about : "");
}

static void text_head(const struct page_out *p)
{
	const struct gcs_scenario *s = p->s;
	fprintf(p->out, "%s%s ", s->name, s->about ? ":" : "");
	gcs_page_wrap(p->out, s->about ? s->about : "", gcs_page_width(s->name) + 2, 2,
		      p->page->cols);
	fputc('\n', p->out);
	text_length(p);
	text_target(p);
	fprintf(p->out, "  seed       0x%" PRIx64 "\n", s->seed);
	text_variant(p);
}

/* ---- edges */

/* Seconds as fine as the length of the run asks for; over ten minutes as a clock. */
static void text_time(const struct page_out *p, int64_t t_ns, char ret[24])
{
	if (p->s->end_ns < 60 * INT64_C(1000000000))
		snprintf(ret, 24, "%.2f s", (double)t_ns / 1e9);
	else if (p->s->end_ns < 600 * INT64_C(1000000000))
		snprintf(ret, 24, "%.1f s", (double)t_ns / 1e9);
	else
		snprintf(ret, 24, "%" PRId64 ":%02d:%02d", t_ns / INT64_C(3600000000000),
			 (int)(t_ns / INT64_C(60000000000) % 60),
			 (int)(t_ns / INT64_C(1000000000) % 60));
}

static bool text_folds(const struct gcs_fault *f)
{
	return f->nwindows > TEXT_WINDOWS_ALL;
}

/* The line for all windows that are not shown. */
static void text_folded(const struct gcs_fault *f, char *ret, size_t cap)
{
	uint32_t n = f->nwindows - TEXT_WINDOWS_SHOWN, last = f->nwindows - 1;
	int64_t total = f->window[last].start_ns - f->window[0].start_ns, every = total / last;
	bool even = true;
	char end[GCS_UNIT_TEXT];
	for (uint32_t i = 0; i < last; i++)
		even &= f->window[i + 1].start_ns - f->window[i].start_ns == every;
	if (even)
		snprintf(ret, cap, "… %u more windows of %s, every %s", n, f->id,
			 gcs_show_duration(end, every));
	else
		snprintf(ret, cap, "… %u more windows of %s, one in %.3g s on average", n, f->id,
			 (double)every / 1e9);
}

/* false: it is not shown. */
static bool text_edge(const struct page_out *p, const struct gcs_edge *e, char *ret, size_t cap)
{
	const struct gcs_phase *phase = &p->s->phase[e->index];
	const struct gcs_fault *f = &p->s->fault[e->index];
	char number[16] = "", words[GCS_FAULT_WORDS];
	bool fault = e->kind == GCS_EDGE_ARM || e->kind == GCS_EDGE_DISARM;
	if (fault && text_folds(f) && e->window >= TEXT_WINDOWS_SHOWN) {
		if (e->kind != GCS_EDGE_ARM || e->window != TEXT_WINDOWS_SHOWN)
			return false;
		text_folded(f, ret, cap);
		return true;
	}
	if (fault && f->nwindows > 1)
		snprintf(number, sizeof number, " #%u", e->window + 1);
	switch (e->kind) {
	case GCS_EDGE_PHASE:
		snprintf(ret, cap, "phase %s%s", phase->id, phase->record ? "" : " (not recorded)");
		break;
	case GCS_EDGE_ARM:
		gcs_fault_words(p->s, f, words);
		snprintf(ret, cap, "arm %s%s%s%s%s%s", f->id, number, e->window ? "" : ": ",
			 e->window ? "" : f->point, e->window ? "" : ": ", e->window ? "" : words);
		break;
	case GCS_EDGE_DISARM:
		snprintf(ret, cap, "disarm %s%s", f->id, number);
		break;
	case GCS_EDGE_END:
		snprintf(ret, cap, "end");
		break;
	}
	return true;
}

static void text_edges(const struct page_out *p)
{
	size_t n;
	struct gcs_edge *edge = gcs_timeline_edges(p->s, &n);
	fprintf(p->out, "\nEDGES\n");
	for (size_t i = 0; edge && i < n; i++) {
		char what[GCS_FAULT_WORDS + 128], time[24], clock[16] = "";
		if (!text_edge(p, &edge[i], what, sizeof what))
			continue;
		text_time(p, edge[i].t_ns, time);
		uint32_t at = (uint32_t)fprintf(p->out, "  %9s  ", time);
		if (gcs_scenario_clock(p->s, edge[i].t_ns, clock))
			at += (uint32_t)fprintf(p->out, "%s  ", clock);
		if (edge[i].kind != GCS_EDGE_PHASE && edge[i].kind != GCS_EDGE_END)
			at += (uint32_t)fprintf(p->out, "  ");
		gcs_page_wrap(p->out, what, at, at + 2, p->page->cols);
	}
	free(edge);
}

enum text_why { TEXT_BY_HAND, TEXT_NOT_DRAWN, TEXT_ELSEWHERE };

/* Faults without a window: armed by hand, not drawn for this run, or for another runtime. */
static void text_windowless(const struct page_out *p, enum text_why why)
{
	bool first = true;
	for (uint32_t i = 0; i < p->s->nfaults; i++) {
		const struct gcs_fault *f = &p->s->fault[i];
		char words[GCS_FAULT_WORDS], line[GCS_FAULT_WORDS + 128];
		if (f->elsewhere != (why == TEXT_ELSEWHERE) ||
		    (why == TEXT_NOT_DRAWN && !f->left_out) || (why == TEXT_BY_HAND && !f->manual))
			continue;
		if (first && why == TEXT_ELSEWHERE)
			fprintf(p->out, "\nNOT ON THIS RUNTIME (only: …)\n");
		else if (first && why == TEXT_NOT_DRAWN)
			fprintf(p->out, "\nNOT DRAWN (activation %.7g%%, seed 0x%" PRIx64 ")\n",
				p->s->activation_ppb / 1e7, p->s->seed);
		else if (first)
			fprintf(p->out, "\nBY HAND (gcstorm ctl RUN arm FAULT)\n");
		first = false;
		gcs_fault_words(p->s, f, words);
		snprintf(line, sizeof line, "%s: %s", f->point, words);
		uint32_t at = (uint32_t)fprintf(p->out, "  %-12s ", f->id);
		gcs_page_wrap(p->out, line, at, at, p->page->cols);
	}
}

/* ---- workloads */

static void text_size(const struct gcs_size *size, char *ret, size_t cap)
{
	static const char *const dist[] = {[GCS_DIST_FIXED] = "",
					   [GCS_DIST_UNIFORM] = ", evenly",
					   [GCS_DIST_ZIPF] = ", by zipf"};
	char a[TEXT_SHOWN], b[TEXT_SHOWN];
	if (size->min == size->max)
		snprintf(ret, cap, "%s", text_bytes(size->min, a));
	else
		snprintf(ret, cap, "%s to %s%s", text_bytes(size->min, a), text_bytes(size->max, b),
			 dist[size->dist]);
}

static void text_follow(const struct gcs_workload *w, char *ret, size_t cap)
{
	uint64_t live_min = UINT64_MAX, live_max = 0, alloc_max = 0;
	uint32_t forced = 0;
	char a[TEXT_SHOWN], b[TEXT_SHOWN], c[TEXT_SHOWN];
	for (uint32_t i = 0; i < w->nfollow; i++) {
		const struct gcs_follow_point *p = &w->follow[i];
		live_min = p->live < live_min ? p->live : live_min;
		live_max = p->live > live_max ? p->live : live_max;
		alloc_max = p->alloc_per_s > alloc_max ? p->alloc_per_s : alloc_max;
		forced += p->forced;
	}
	snprintf(
		ret, cap,
		"a curve of %u points, %s to %s live, up to %s allocated a second, %u collection%s "
		"forced",
		w->nfollow, text_bytes(live_min, a), text_bytes(live_max, b),
		text_bytes(alloc_max, c), forced, forced == 1 ? "" : "s");
}

static void text_workload_parts(const struct gcs_workload *w, char *ret, size_t cap)
{
	char count[GCS_UNIT_TEXT], size[128], bytes[TEXT_SHOWN];
	bool named = w->key && strcmp(w->key, "u64") != 0;
	text_size(&w->size, size, sizeof size);
	if (strcmp(w->driver, "map-churn") == 0)
		snprintf(ret, cap,
			 "%s %s%skeys, values %s of %s, %u%% insert, %u%% delete, %u%% look up",
			 gcs_show_count(count, w->keys), named ? w->key : "", named ? " " : "", w->value,
			 text_bytes(w->value_bytes, bytes), w->mix_insert, w->mix_delete,
			 w->mix_lookup);
	else if (strcmp(w->driver, "sync-map") == 0)
		snprintf(ret, cap,
			 "one map of %s keys, values of %s, %u%% insert, %u%% delete, %u%% look up, %u%% range",
			 gcs_show_count(count, w->keys), text_bytes(w->value_bytes, bytes),
			 w->mix_insert, w->mix_delete, w->mix_lookup, w->mix_range);
	else if (strcmp(w->driver, "slice-append") == 0)
		snprintf(ret, cap, "slices of %s, %s kept behind short headers", size,
			 text_bytes(w->retain, bytes));
	else if (strcmp(w->driver, "http") == 0)
		snprintf(ret, cap, "%u connections to %s", w->conns, w->url ? w->url : "");
	else if (strcmp(w->driver, "echo") == 0)
		snprintf(ret, cap, "%u connections%s%s", w->conns,
			 *w->handler ? ", each request an operation of " : "", w->handler);
	else
		text_follow(w, ret, cap);
}

static void text_workloads(const struct page_out *p)
{
	fprintf(p->out, "\nWORKLOADS\n");
	for (uint32_t i = 0; i < p->s->nworkloads; i++) {
		const struct gcs_workload *w = &p->s->workload[i];
		char line[512], parts[384], rate[TEXT_SHOWN];
		text_workload_parts(w, parts, sizeof parts);
		int n = snprintf(line, sizeof line, "%s, ", w->driver);
		if (w->renew)
			n += snprintf(line + n, sizeof line - (size_t)n, "renewed after %s operations, ",
				      gcs_show_count(rate, w->renew));
		if (w->rate)
			n += snprintf(line + n, sizeof line - (size_t)n, "%s, ",
				      text_unit(GCS_UNIT_RATE, (double)w->rate, rate));
		else if (!w->nfollow)
			n += snprintf(line + n, sizeof line - (size_t)n, "as fast as it goes, ");
		if (w->workers)
			n += snprintf(line + n, sizeof line - (size_t)n, "%u worker%s, ",
				      w->workers, w->workers == 1 ? "" : "s");
		snprintf(line + n, sizeof line - (size_t)n, "%s", parts);
		uint32_t at = (uint32_t)fprintf(p->out, "  %-12s ", w->id);
		gcs_page_wrap(p->out, line, at, at, p->page->cols);
	}
}

/* ---- what is asked of it */

static void text_in_phases(char *const *name, uint32_t n, char *ret, size_t cap)
{
	size_t len = strlen(ret);
	for (uint32_t i = 0; i < n && len < cap; i++)
		len += (size_t)snprintf(ret + len, cap - len, "%s%s", i ? ", " : ", in ", name[i]);
}

static void text_checks(const struct page_out *p)
{
	const struct gcs_scenario *s = p->s;
	if (s->nslos)
		fprintf(p->out, "\nSLOS (must hold)\n");
	for (uint32_t i = 0; i < s->nslos; i++) {
		char line[1024] = "", each[GCS_SPAN_WORDS];
		snprintf(line, sizeof line, "%s", s->slo[i].text);
		if (s->slo[i].window_ns)
			snprintf(line + strlen(line), sizeof line - strlen(line), ", over each %s",
				 gcs_span_words(each, s->slo[i].window_ns));
		text_in_phases(s->slo[i].phases, s->slo[i].nphases, line, sizeof line);
		if (s->slo[i].abort)
			snprintf(line + strlen(line), sizeof line - strlen(line), ", else it ends");
		uint32_t at = (uint32_t)fprintf(p->out, "  %-12s ", s->slo[i].id);
		gcs_page_wrap(p->out, line, at, at, p->page->cols);
	}
	if (s->nexpects)
		fprintf(p->out, "\nEXPECTED (or the run proves nothing)\n");
	for (uint32_t i = 0; i < s->nexpects; i++)
		fprintf(p->out, "  %s\n", s->expect[i].text);
}

static void text_recovery(const struct page_out *p)
{
	const struct gcs_recovery *r = &p->s->recovery;
	char line[1024] = "", window[GCS_SPAN_WORDS], deadline[GCS_SPAN_WORDS];
	size_t n = 0;
	for (uint32_t i = 0; i < r->nsignals && n < sizeof line; i++)
		n += (size_t)snprintf(line + n, sizeof line - n, "%s%s", i ? ", " : "",
				      r->signal[i]);
	if (n < sizeof line)
		snprintf(line + n, sizeof line - n,
			 " within %.4g times the baseline for %u looks of %s, at most %s after a "
			 "fault's end",
			 r->band_milli / 1e3, r->windows, gcs_span_words(window, r->window_ns),
			 gcs_span_words(deadline, r->deadline_ns));
	fprintf(p->out, "\nRECOVERY\n  ");
	gcs_page_wrap(p->out, line, 2, 2, p->page->cols);
}

/* ---- variants, figures, log */

static void text_variants(const struct page_out *p)
{
	const struct gcs_scenario *s = p->s;
	if (s->nvariants)
		fprintf(p->out, "\nVARIANTS (--variant ID, or --variants for all)\n");
	for (uint32_t i = 0; i < s->nvariants; i++) {
		const struct gcs_variant *v = &s->variant[i];
		char line[2048] = "";
		size_t n = 0;
		for (uint32_t k = 0; k < v->nsets && n < sizeof line; k++)
			n += (size_t)snprintf(line + n, sizeof line - n, "%s%s=%s", k ? ", " : "",
					      v->key[k], v->value[k]);
		uint32_t at = (uint32_t)fprintf(p->out, "  %-12s ", v->id);
		if (v->about) {
			gcs_page_wrap(p->out, v->about, at, at, p->page->cols);
			fprintf(p->out, "%*s", (int)at, "");
		}
		gcs_page_wrap(p->out, line, at, at, p->page->cols);
	}
}

/* ", from 5.75 s (00:00:03) for 3.00 s" */
static void text_stretch(const struct gcs_scenario *s, const struct gcs_reported *r, char *line,
			 size_t cap)
{
	char clock[16];
	size_t n = strlen(line);
	if (!r->for_ns)
		return;
	bool has = gcs_scenario_clock(s, r->at_ns, clock);
	snprintf(line + n, cap - n, ", from %.2f s%s%s%s for %.2f s%s", (double)r->at_ns / 1e9,
		 has ? " (" : "", has ? clock : "", has ? ")" : "", (double)r->for_ns / 1e9,
		 r->peak ? ", its worst window" : "");
}

static void text_reported(const struct page_out *p)
{
	const struct gcs_scenario *s = p->s;
	if (s->nreported)
		fprintf(p->out, "\nREPORTED (the run puts its own beside it)\n");
	for (uint32_t i = 0; i < s->nreported; i++) {
		const struct gcs_reported *r = &s->reported[i];
		char line[1024] = "";
		snprintf(line, sizeof line, "%s: %s: %s", r->what, r->value,
			 r->metric ? r->metric : r->note);
		text_in_phases(r->phases, r->nphases, line, sizeof line);
		if (r->variant)
			snprintf(line + strlen(line), sizeof line - strlen(line), ", of %s",
				 r->variant);
		text_stretch(s, r, line, sizeof line);
		fputs("  ", p->out);
		gcs_page_wrap(p->out, line, 2, 4, p->page->cols);
	}
	if (s->logged.nlines)
		fprintf(p->out, "\nLOGGED\n  %s: %u line%s of gctrace\n", s->logged.source,
			s->logged.nlines, s->logged.nlines == 1 ? "" : "s");
}

void gcs_timeline_text(const struct gcs_scenario *s, const struct gcs_page *page, FILE *out)
{
	char *text = NULL;
	size_t bytes;
	struct page_out p = {s, page, open_memstream(&text, &bytes)};
	if (!p.out)
		return;
	text_head(&p);
	fprintf(p.out, "\nTIMELINE\n");
	gcs_timeline_picture(s, page->cols, p.out);
	text_edges(&p);
	text_windowless(&p, TEXT_BY_HAND);
	text_windowless(&p, TEXT_NOT_DRAWN);
	text_windowless(&p, TEXT_ELSEWHERE);
	text_workloads(&p);
	text_checks(&p);
	text_recovery(&p);
	text_variants(&p);
	text_reported(&p);
	fclose(p.out);
	gcs_page_put(out, text ? text : "", page);
	free(text);
}
