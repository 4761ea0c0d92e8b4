/*
 * gctrace_render.h: a find of gcs_gctrace_parse as a line again, in the newest form that has all of
 * its values. What was read from it must be what was rendered: for the tests and the fuzzer.
 */
#pragma once

#include "harness/import/gctrace_line.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct render {
	char text[16384];
	size_t n;
	bool full;
};

static inline void render_put(struct render *r, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	int n = vsnprintf(r->text + r->n, sizeof r->text - r->n, format, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof r->text - r->n)
		r->full = true;
	else
		r->n += (size_t)n;
}

static inline void render_ms(struct render *r, int64_t ns, const char *after)
{
	render_put(r, "%" PRId64 ".%06" PRId64 "%s", ns / 1000000, ns % 1000000, after);
}

/* As Go's print: three digits of exponent. */
static inline void render_float(struct render *r, double v)
{
	char text[64], *e;
	if (isnan(v) || isinf(v)) {
		render_put(r, "%s", isnan(v) ? "NaN" : v < 0 ? "-Inf" : "+Inf");
		return;
	}
	snprintf(text, sizeof text, "%+.6e", v);
	e = strchr(text, 'e');
	render_put(r, "%.*s%c%03d", (int)(e + 1 - text), text, e[1], atoi(e + 2));
}

static inline void render_cycle(struct render *r, const struct gcs_gctrace_cycle *g)
{
	render_put(r, "gc %" PRIu64 " @%" PRId64 ".%09" PRId64 "s %" PRIu32 "%%: ", g->number,
		   g->at_ns / 1000000000, g->at_ns % 1000000000, g->cpu_percent);
	render_ms(r, g->stop_first_ns, "+");
	render_ms(r, g->mark_ns, g->five_parts ? "+0+0+" : "+");
	render_ms(r, g->stop_second_ns, " ms clock, ");
	render_ms(r, g->cpu_stop_first_ns, g->five_parts ? "+0+0+" : "+");
	render_ms(r, g->cpu_assist_ns, "/");
	render_ms(r, g->cpu_background_ns, "/");
	render_ms(r, g->cpu_idle_ns, "+");
	render_ms(r, g->cpu_stop_second_ns, " ms cpu, ");
	render_put(r, "%" PRIu32 "->%" PRIu32 "->%" PRIu32 " MB, ", g->heap_start_mib,
		   g->heap_end_mib, g->heap_live_mib);
	if (!g->no_goal)
		render_put(r, "%" PRIu64 " MB goal, ",
			   g->goal_mib == GCS_GCTRACE_GOAL_OFF ? UINT64_C(17592186044415)
							       : (uint64_t)g->goal_mib);
	if (g->scanned)
		render_put(r, "%" PRIu32 " MB stacks, %" PRIu32 " MB globals, ", g->stacks_mib,
			   g->globals_mib);
	render_put(r, "%" PRIu32 " P%s", g->procs, g->forced ? " (forced)" : "");
}

static inline void render_old(struct render *r, const struct gcs_gctrace_old *g)
{
	int64_t unit = g->parts == 3 ? 1000000 : 1000;
	render_put(r, "gc%" PRIu64 "(%" PRIu32 "): ", g->number, g->markers);
	for (unsigned i = 0; i < g->parts; i++)
		render_put(r, "%s%" PRId64, i ? "+" : "", g->part_ns[i] / unit);
	render_put(r, " %s, %" PRIu32 " -> %" PRIu32 " MB%s ", g->parts == 3 ? "ms" : "us",
		   g->heap_first_mib, g->heap_second_mib, g->swept ? "" : ",");
	if (g->swept)
		render_put(r, "%" PRIu64 " -> ", g->objects_first);
	render_put(r, "%" PRIu64 " (%" PRIu64 "-%" PRIu64 ") objects, ", g->objects, g->allocated,
		   g->freed);
	if (g->has_goroutines)
		render_put(r, "%" PRIu64 " goroutines, ", g->goroutines);
	if (g->has_sweeps)
		render_put(r, "%" PRIu64 "/%" PRIu64 "/%" PRIu64 " sweeps, ", g->spans,
			   g->swept_background, g->swept_paused);
	render_put(r, "%" PRIu64 "(%" PRIu64 ") handoff, ", g->handoffs, g->handoff_objects);
	if (g->has_steals)
		render_put(r, "%" PRIu64 "(%" PRIu64 ") steal, ", g->steals, g->steal_objects);
	render_put(r, "%" PRIu64 "/%" PRIu64 "/%" PRIu64 " yields", g->yields_spin, g->yields_os,
		   g->sleeps);
}

static inline void render_scan(struct render *r, const struct gcs_scan_line *s)
{
	render_put(r, "scan: ");
	if (s->total)
		render_put(r, "total ");
	else if (s->class_bytes)
		render_put(r, "class %" PRIu32 "B ", s->class_bytes);
	else
		render_put(r, "class L ");
	render_put(r, "%" PRIu64, s->objects_alone);
	if (s->spans)
		render_put(r,
			   "+%" PRIu64 "+%" PRIu64 "=%" PRIu64 " objs, %" PRIu64 "+%" PRIu64
			   "=%" PRIu64 " spans",
			   s->objects_sparse, s->objects_dense,
			   s->objects_alone + s->objects_sparse + s->objects_dense, s->spans_sparse,
			   s->spans_dense, s->spans_sparse + s->spans_dense);
	else
		render_put(r, " objs");
}

static inline void render_scav(struct render *r, const struct gcs_scav_line *s)
{
	render_put(r, s->form == GCS_SCAV_WORK ? "scav " : "scvg");
	if (s->has_number)
		render_put(r, "%" PRId64 "%s", s->number, s->form == GCS_SCAV_WORK ? " " : "");
	if (s->form == GCS_SCAV_SUMMARY)
		render_put(r,
			   ": inuse: %" PRIu64 ", idle: %" PRIu64 ", sys: %" PRIu64
			   ", released: %" PRIu64 ", consumed: %" PRIu64 " (MB)",
			   s->inuse_mib, s->idle_mib, s->sys_mib, s->released_mib, s->consumed_mib);
	else if (s->form == GCS_SCAV_RELEASED)
		render_put(r, ": %" PRIu64 " KB released", s->work_kib);
	else if (s->form == GCS_SCAV_FORCED)
		render_put(r, ": GC forced");
	else if (s->split)
		render_put(r,
			   "%" PRIu64 " KiB work (bg), %" PRIu64 " KiB work (eager), %" PRIu64
			   " KiB now, %" PRIu64 "%% util",
			   s->work_kib, s->eager_kib, s->released_kib, s->util_percent);
	else
		render_put(r, "%" PRIu64 " KiB work, %" PRIu64 " KiB total, %" PRIu64 "%% util",
			   s->work_kib, s->released_kib, s->util_percent);
	render_put(r, "%s", s->forced ? " (forced)" : s->reset ? " [controller reset]" : "");
}

static inline void render_list(struct render *r, const char *text, const struct gcs_sched_list *l)
{
	size_t at = l->at;
	render_put(r, "[ ");
	for (uint32_t i = 0; i < l->n; i++)
		render_put(r, "%" PRIu32 " ", gcs_sched_next(text, &at));
	render_put(r, "]");
}

static inline void render_id(struct render *r, const char *key, int64_t id)
{
	if (id < 0)
		render_put(r, "%snil", key);
	else
		render_put(r, "%s%" PRId64, key, id);
}

static inline const char *render_flag(bool v)
{
	return v ? "true" : "false";
}

static inline void render_summary(struct render *r, const char *text,
				  const struct gcs_sched_line *s)
{
	render_put(r, "SCHED %" PRId64 "ms: gomaxprocs=%" PRIu32 " idleprocs=%" PRIu32
		      " threads=%" PRIu32,
		   s->at_ns / 1000000, s->gomaxprocs, s->idleprocs, s->threads);
	if (s->spinningthreads >= 0)
		render_put(r, " spinningthreads=%" PRId32, s->spinningthreads);
	if (s->needspinning >= 0)
		render_put(r, " needspinning=%" PRId32, s->needspinning);
	render_put(r, " idlethreads=%" PRIu32 " runqueue=%" PRIu32 " ", s->idlethreads,
		   s->runqueue);
	if (s->detail) {
		render_put(r,
			   "gcwaiting=%s nmidlelocked=%" PRIu32 " stopwait=%" PRId32
			   " sysmonwait=%s",
			   render_flag(s->gcwaiting), s->nmidlelocked, s->stopwait,
			   render_flag(s->sysmonwait));
		return;
	}
	render_list(r, text, &s->queues);
	if (s->ticks.n) {
		render_put(r, " schedticks=");
		render_list(r, text, &s->ticks);
	}
}

static inline void render_sched(struct render *r, const char *text, const struct gcs_sched_line *s)
{
	if (s->form == GCS_SCHED_SUMMARY) {
		render_summary(r, text, s);
	} else if (s->form == GCS_SCHED_P) {
		render_put(r, "P%" PRId64 ": status=%" PRIu32 " schedtick=%" PRIu64
			      " syscalltick=%" PRIu64,
			   s->id, s->status, s->schedtick, s->syscalltick);
		render_id(r, " m=", s->m);
		render_put(r, " runqsize=%" PRIu32 " gfreecnt=%" PRId64, s->runqsize, s->gfreecnt);
		if (s->timers >= 0)
			render_put(r, " timerslen=%" PRId64, s->timers);
	} else if (s->form == GCS_SCHED_M) {
		render_put(r, "M%" PRId64 ": ", s->id);
		render_id(r, "p=", s->p);
		render_id(r, " curg=", s->g);
		render_put(r,
			   " mallocing=%d throwing=0 preemptoff= locks=%" PRId64
			   " dying=%d spinning=%s blocked=%s",
			   s->mallocing, s->locks, s->dying, render_flag(s->spinning),
			   render_flag(s->blocked));
		render_id(r, " lockedg=", s->locked);
	} else {
		render_put(r, "G%" PRId64 ": status=%" PRIu32 "(%.*s", s->id, s->status,
			   (int)(s->reason_to - s->reason_from), text + s->reason_from);
		render_id(r, ") m=", s->m);
		render_id(r, " lockedm=", s->locked);
	}
}

static inline void render_pacer_old(struct render *r, const struct gcs_pacer_line *p)
{
	const struct {
		const char *key;
		double v;
	} after[] = {{" h_t=", p->growth_trigger}, {" h_a=", p->growth_actual},
		     {" h_g=", p->growth_goal}};
	const uint64_t heap[] = {p->h_trigger, p->h_actual, p->h_goal};
	render_put(r, "H_m_prev=%" PRIu64, p->h_m_prev);
	for (int i = 0; i < 3; i++) {
		render_put(r, "%s", after[i].key);
		render_float(r, after[i].v);
		render_put(r, " H_%c=%" PRIu64, "Tag"[i], heap[i]);
	}
	render_put(r, " u_a=");
	render_float(r, p->util_actual);
	render_put(r, " u_g=");
	render_float(r, p->util_goal);
	render_put(r, " W_a=%" PRId64 " goalΔ=", p->work_actual);
	render_float(r, p->goal_delta);
	render_put(r, " actualΔ=");
	render_float(r, p->actual_delta);
	render_put(r, " u_a/u_g=");
	render_float(r, p->util_ratio);
}

static inline void render_pacer_end(struct render *r, const struct gcs_pacer_line *p)
{
	render_put(r,
		   "%" PRId64 "%% CPU (%" PRId64 " exp.) for %" PRId64 "+%" PRId64 "+%" PRId64
		   " B work (%" PRId64 " B exp.) in %" PRIu64 " B -> %" PRIu64 " B (∆goal %" PRId64
		   ", cons/mark ",
		   p->cpu_percent, p->cpu_goal_percent, p->work_heap_bytes, p->work_stack_bytes,
		   p->work_globals_bytes, p->work_expected_bytes, p->trigger_bytes, p->heap_bytes,
		   p->over_goal_bytes);
	render_float(r, p->cons_mark);
	render_put(r, ")%s", p->reset ? "[controller reset]" : "");
}

static inline void render_pacer(struct render *r, const struct gcs_pacer_line *p)
{
	render_put(r, "pacer: ");
	if (p->form == GCS_PACER_START) {
		render_put(r, "assist ratio=");
		render_float(r, p->assist_ratio);
		render_put(r, " (scan %" PRIu64 " MB in %" PRIu64 "->%" PRIu64 " MB) workers=%" PRId64
			      "+",
			   p->scan_mib, p->heap_mib, p->goal_mib, p->dedicated);
		if (p->whole_fraction)
			render_put(r, "%d", (int)p->fractional);
		else
			render_float(r, p->fractional);
	} else if (p->form == GCS_PACER_OLD_END) {
		render_pacer_old(r, p);
	} else if (p->form == GCS_PACER_END) {
		render_pacer_end(r, p);
	} else {
		render_put(r,
			   "sweep done at heap size %" PRIu64 "MB; allocated %" PRIu64
			   "MB during sweep; swept %" PRIu64 " pages",
			   p->swept_heap_mib, p->swept_allocated_mib, p->swept_pages);
		if (p->has_rate) {
			render_put(r, " at ");
			render_float(r, p->pages_per_byte);
			render_put(r, " pages/byte");
		}
	}
}

/* text: what the line was read from. */
static inline void render_line(struct render *r, const char *text, const struct gcs_gctrace_line *l)
{
	r->n = 0;
	r->full = false;
	switch (l->kind) {
	case GCS_GCTRACE_CYCLE:
	case GCS_GCTRACE_NO_GOAL:
		render_cycle(r, &l->cycle);
		break;
	case GCS_GCTRACE_OLD:
		render_old(r, &l->old);
		break;
	case GCS_GCTRACE_FORCED:
		render_put(r, "GC forced");
		break;
	case GCS_GCTRACE_SCAN:
		render_scan(r, &l->scan);
		break;
	case GCS_GCTRACE_SCAV:
		render_scav(r, &l->scav);
		break;
	case GCS_GCTRACE_SCHED:
		render_sched(r, text, &l->sched);
		break;
	case GCS_GCTRACE_PACER:
		render_pacer(r, &l->pacer);
		break;
	default:
		break;
	}
}
