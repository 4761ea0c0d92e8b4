/*
 * plan.c: the load line, with jansson.
 *
 * The harness has checked the scenario already; what is checked here is what would break the
 * target: types, ranges, names, references, and the sizes of the tables.
 */
#include "workloads/plan.h"

#include "faults/points.h"
#include "faults/syscalls.h"
#include "runtime/prim/prim.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

/* Where the sentence goes. */
struct plan_error {
	char *text;
	size_t cap;
};

static __attribute__((format(printf, 2, 3))) int plan_refuse(struct plan_error *e,
							     const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(e->text, e->cap, format, ap);
	va_end(ap);
	return -EINVAL;
}

static int plan_name(char *ret, const char *name, struct plan_error *e)
{
	if (strlen(name) >= PLAN_NAME_BYTES)
		return plan_refuse(e, "the name '%.80s' is longer than %u bytes", name,
				   PLAN_NAME_BYTES - 1);
	memcpy(ret, name, strlen(name) + 1);
	return 0;
}

static int plan_runtime(struct plan *p, json_t *root, struct plan_error *e)
{
	json_int_t procs, gogc, memlimit, seed, gc_every, reserve, profile = 0;
	int clobber, edges, gctrace, count_live = 0, pacertrace = 0, scavtrace = 0;
	/* What a plan says that has no word of it. */
	const char *oom, *rounding = "1.19", *pacer = "1.21";
	json_error_t je;

	if (json_unpack_ex(root, &je, 0, "{s:{s:I,s:I,s:I,s:I,s:s,s?s,s:I,s:b,s:b,s:b,s:I,s?b,s?s,s?b,s?b,s?I}}", "runtime",
			   "procs", &procs, "gogc", &gogc, "memlimit", &memlimit, "seed", &seed,
			   "oom", &oom, "rounding", &rounding, "gc_every", &gc_every, "clobber",
			   &clobber, "check_edges", &edges, "gctrace", &gctrace, "heap_reserve", &reserve, "count_live",
			   &count_live, "pacer", &pacer, "gcpacertrace", &pacertrace,
			   "scavtrace", &scavtrace, "heap_profile_rate", &profile) < 0)
		return plan_refuse(e, "runtime: %s", je.text);
	if (procs < 1 || procs > WATCH_PS_MAX)
		return plan_refuse(e, "runtime: procs must be 1 to %d", WATCH_PS_MAX);
	if (gogc < -1 || gogc > 1000000 || memlimit < 0 || gc_every < 0 || reserve < 0 ||
	    profile < 0)
		return plan_refuse(e, "runtime: a number is out of range");
	if (strcmp(oom, "return") != 0 && strcmp(oom, "throw") != 0)
		return plan_refuse(e, "runtime: oom must be return or throw");
	if (strcmp(rounding, "1.19") != 0 && strcmp(rounding, "1.22") != 0)
		return plan_refuse(e, "runtime: rounding must be 1.19 or 1.22");
	if (strcmp(pacer, "1.19") != 0 && strcmp(pacer, "1.21") != 0)
		return plan_refuse(e, "runtime: pacer must be 1.19 or 1.21");
	p->count_live = count_live;
	p->runtime = (struct mrt_options){
		.procs = (uint32_t)procs,
		.gogc = gogc == 0 ? 1 : (int)gogc, /* mrt_options reads 0 as 100 */
		.memlimit = (uint64_t)memlimit,
		.heap_profile_rate = (uint64_t)profile,
		.oom = oom[0] == 't' ? MRT_OOM_THROW : MRT_OOM_RETURN,
		.rounding = strcmp(rounding, "1.22") == 0 ? MRT_ROUNDING_1_22 : MRT_ROUNDING_1_19,
		.seed = (uint64_t)seed,
		.heap_reserve = (size_t)reserve,
		.pacer = strcmp(pacer, "1.19") == 0 ? MRT_PACER_1_19 : MRT_PACER_1_21,
		.gctrace = gctrace != 0,
		.pacertrace = pacertrace != 0,
		.scavtrace = scavtrace != 0,
		.gc_every = (uint64_t)gc_every,
		.clobber = clobber != 0,
		.check_edges = edges != 0,
	};
	return 0;
}

static int plan_window(struct plan_window *w, json_int_t start, json_int_t end)
{
	if (start < 0 || end < start)
		return -EINVAL;
	*w = (struct plan_window){start, end};
	return 0;
}

static int plan_phases(struct plan *p, json_t *root, struct plan_error *e)
{
	json_t *list = json_object_get(root, "phases"), *item;
	size_t i;

	if (!json_is_array(list) || json_array_size(list) > PLAN_PHASES_MAX)
		return plan_refuse(e, "phases: a list of at most %u", PLAN_PHASES_MAX);
	json_array_foreach(list, i, item)
	{
		json_int_t start, end;
		json_error_t je;

		if (json_unpack_ex(item, &je, 0, "{s:I,s:I}", "start_ns", &start, "end_ns", &end) <
		    0)
			return plan_refuse(e, "phases[%zu]: %s", i, je.text);
		if (plan_window(&p->phase[i], start, end) < 0)
			return plan_refuse(e, "phases[%zu]: ends before it starts", i);
	}
	p->nphases = (uint32_t)json_array_size(list);
	return 0;
}

/* Index of text in a list of n names, -1 none. */
static int plan_word(const char *text, const char *const *names, int n)
{
	for (int i = 0; i < n; i++)
		if (strcmp(names[i], text) == 0)
			return i;
	return -1;
}

static int plan_size(struct plan_workload *w, json_t *item, struct plan_error *e)
{
	static const char *const dists[] = {"fixed", "uniform", "zipf"};
	const char *dist = "fixed";
	json_int_t min = 64, max = 64, s = 1000;
	json_error_t je;
	int kind;

	if (json_unpack_ex(item, &je, 0, "{s?{s:s,s:I,s:I,s?I}}", "size", "dist", &dist, "min",
			   &min, "max", &max, "s_milli", &s) < 0)
		return plan_refuse(e, "%s: size: %s", w->id, je.text);
	kind = plan_word(dist, dists, 3);
	if (kind < 0)
		return plan_refuse(e, "%s: size: unknown distribution '%s'", w->id, dist);
	if (min < 1 || max < min || (uint64_t)max > PLAN_SIZE_BYTES_MAX || s < 0 || s > 10000)
		return plan_refuse(e, "%s: size: out of range", w->id);
	w->size =
		(struct plan_size){(enum plan_dist)kind, (uint64_t)min, (uint64_t)max, (uint32_t)s};
	return 0;
}

static int plan_value(struct plan_workload *w, json_t *item, struct plan_error *e)
{
	static const char *const values[] = {"u64", "inline", "indirect", "ptr", "pooled"};
	static const char *const keys[] = {"u64", "u32", "string", "bytes32"};
	const char *value = "ptr", *key = "u64";
	json_int_t bytes = 32, insert = 50, erase = 50, lookup = 0, range = 0;
	json_error_t je;
	int kind, key_kind;

	if (json_unpack_ex(item, &je, 0, "{s?s,s?s,s?I,s?{s:I,s:I,s:I,s?I}}", "key", &key, "value",
			   &value, "value_bytes", &bytes, "mix", "insert", &insert, "delete",
			   &erase, "lookup", &lookup, "range", &range) < 0)
		return plan_refuse(e, "%s: %s", w->id, je.text);
	key_kind = plan_word(key, keys, 4);
	if (key_kind < 0)
		return plan_refuse(e, "%s: unknown kind of key '%s'", w->id, key);
	kind = plan_word(value, values, 5);
	if (kind < 0)
		return plan_refuse(e, "%s: unknown kind of value '%s'", w->id, value);
	if (bytes < 8 || bytes > PLAN_VALUE_BYTES_MAX)
		return plan_refuse(e, "%s: value_bytes must be 8 to %u", w->id,
				   PLAN_VALUE_BYTES_MAX);
	if (insert < 0 || erase < 0 || lookup < 0 || range < 0 ||
	    insert + erase + lookup + range != 100)
		return plan_refuse(e, "%s: the mix must add up to 100", w->id);
	w->key = (enum plan_key)key_kind;
	w->value = (enum plan_value)kind;
	w->value_bytes = (uint32_t)bytes;
	w->mix_insert = (uint32_t)insert;
	w->mix_delete = (uint32_t)erase;
	w->mix_lookup = (uint32_t)lookup;
	w->mix_range = (uint32_t)range;
	return 0;
}

/* ------------------------------------------------------------ curves to follow */

#define PLAN_FOLLOW_BYTES_MAX (UINT64_C(1) << 40) /* live, and allocated a second */

static int plan_follow_row(struct plan_follow *f, json_t *row, int64_t from_ns)
{
	json_int_t at, live, alloc, gogc;
	int forced;

	if (json_unpack(row, "[I,I,I,I,b]", &at, &live, &alloc, &gogc, &forced) < 0)
		return -EINVAL;
	if (at < from_ns || live < 0 || (uint64_t)live > PLAN_FOLLOW_BYTES_MAX || alloc < 0 ||
	    (uint64_t)alloc > PLAN_FOLLOW_BYTES_MAX || gogc < -1 || gogc > 1000000)
		return -EINVAL;
	*f = (struct plan_follow){at, (uint64_t)live, (uint64_t)alloc, (int)gogc, forced != 0};
	return 0;
}

static int plan_follow(struct plan_workload *w, json_t *item, struct plan_error *e)
{
	json_t *list = json_object_get(item, "follow"), *row;
	size_t n = json_array_size(list), i;

	if (list == NULL || (json_is_array(list) && n == 0))
		return 0;
	if (!json_is_array(list) || n > PLAN_FOLLOW_MAX)
		return plan_refuse(e, "%s: follow: a list of at most %u", w->id, PLAN_FOLLOW_MAX);
	w->follow = calloc(n, sizeof(*w->follow));
	if (w->follow == NULL)
		return -ENOMEM;
	w->nfollow = (uint32_t)n;
	json_array_foreach(list, i, row)
	{
		int64_t from_ns = i > 0 ? w->follow[i - 1].at_ns : 0;

		if (plan_follow_row(&w->follow[i], row, from_ns) < 0)
			return plan_refuse(e,
					   "%s: follow[%zu] is not [at, live, alloc, gogc, forced] "
					   "in the order of time",
					   w->id, i);
	}
	if (w->follow[0].at_ns != 0)
		return plan_refuse(e, "%s: follow must begin at 0", w->id);
	return 0;
}

static int plan_workload(struct plan_workload *w, json_t *item, struct plan_error *e)
{
	const char *id, *driver, *url = "";
	json_int_t workers = 1, rate = 0, keys = 0, conns = 0, retain = 0, renew = 0, header = 0, pointers = PLAN_POINTERS;
	json_error_t je;

	if (json_unpack_ex(item, &je, 0, "{s:s,s:s,s?s,s?I,s?I,s?I,s?I,s?I,s?I,s?I,s?I}", "id", &id, "driver",
			   &driver, "url", &url, "workers", &workers, "rate", &rate, "keys", &keys, "conns",
			   &conns, "retain", &retain, "renew", &renew, "header", &header, "pointers", &pointers) < 0)
		return plan_refuse(e, "workloads[%u]: %s", w->index, je.text);
	if (plan_name(w->id, id, e) < 0 || plan_name(w->driver, driver, e) < 0)
		return -EINVAL;
	if (workers < 0 || conns < 0 || (conns == 0 && workers == 0) ||
	    workers > PLAN_WORKERS_MAX || conns > PLAN_WORKERS_MAX)
		return plan_refuse(e, "%s: workers or conns must be 1 to %u", id, PLAN_WORKERS_MAX);
	if (rate < 0 || rate > 1000000000 || keys < 0 || keys > UINT32_MAX / 2 || retain < 0 ||
	    renew < 0 || renew > UINT32_MAX || header < 0 || header > 8 || pointers < 0 ||
	    pointers > 100)
		return plan_refuse(e, "%s: a number is out of range", id);
	if (strlen(url) >= PLAN_URL_BYTES)
		return plan_refuse(e, "%s: the url is longer than %u bytes", id, PLAN_URL_BYTES - 1);
	memcpy(w->url, url, strlen(url) + 1);
	w->workers = conns > 0 ? 0 : (uint32_t)workers;
	w->conns = (uint32_t)conns;
	w->rate = (uint64_t)rate;
	w->keys = (uint64_t)keys;
	w->retain = (uint64_t)retain;
	w->renew = (uint32_t)renew;
	w->header = (uint32_t)header;
	w->pointers = (uint32_t)pointers;
	if (plan_size(w, item, e) < 0 || plan_value(w, item, e) < 0)
		return -EINVAL;
	return plan_follow(w, item, e);
}

/* Find the workloads that handlers name. */
static int plan_handlers(struct plan *p, json_t *list, struct plan_error *e)
{
	for (uint32_t i = 0; i < p->nworkloads; i++) {
		struct plan_workload *w = &p->workload[i];
		const char *name =
			json_string_value(json_object_get(json_array_get(list, i), "handler"));

		w->handler = -1;
		if (name == NULL || name[0] == '\0')
			continue;
		for (uint32_t j = 0; j < p->nworkloads; j++)
			if (strcmp(p->workload[j].id, name) == 0)
				w->handler = (int)j;
		if (w->handler < 0 || p->workload[w->handler].conns > 0 ||
		    p->workload[w->handler].nfollow > 0)
			return plan_refuse(e, "%s: no workload '%s' can be its handler", w->id,
					   name);
	}
	return 0;
}

/* Deal out ids, slots and descriptors. */
static int plan_layout(struct plan *p, struct plan_error *e)
{
	for (uint32_t i = 0; i < p->nworkloads; i++) {
		struct plan_workload *w = &p->workload[i];

		w->first_id = MRT_WORKER_FIRST + p->nworkers;
		w->first_slot = p->nslots;
		w->first_fd = PLAN_FIRST_CONN_FD + (int)p->nconns;
		p->nworkers += plan_goroutines(w);
		p->nconns += w->url[0] != '\0' ? 0 : w->conns;
		p->nslots += w->conns > 0 ? 1 : w->workers;
	}
	if (p->nslots > WATCH_HISTS)
		return plan_refuse(e, "more than %d workers over all workloads", WATCH_HISTS);
	if (MRT_WORKER_FIRST + p->nworkers > MRT_WORKER_MAX)
		return plan_refuse(e, "more than %d goroutines over all workloads",
				   MRT_WORKER_MAX - MRT_WORKER_FIRST);
	return 0;
}

static int plan_workloads(struct plan *p, json_t *root, struct plan_error *e)
{
	json_t *list = json_object_get(root, "workloads"), *item;
	size_t i;
	int r;

	if (!json_is_array(list) || json_array_size(list) > PLAN_WORKLOADS_MAX)
		return plan_refuse(e, "workloads: a list of at most %u", PLAN_WORKLOADS_MAX);
	p->nworkloads = (uint32_t)json_array_size(list);
	json_array_foreach(list, i, item)
	{
		p->workload[i].index = (uint32_t)i;
		r = plan_workload(&p->workload[i], item, e);
		if (r < 0)
			return r;
	}
	if (plan_handlers(p, list, e) < 0)
		return -EINVAL;
	return plan_layout(p, e);
}

static int plan_fault_windows(struct plan_fault *f, json_t *item, struct plan_error *e)
{
	json_t *list = json_object_get(item, "windows"), *pair;
	size_t n = json_array_size(list), i;

	if (!json_is_array(list) || n > PLAN_WINDOWS_MAX)
		return plan_refuse(e, "%s: windows: a list of at most %u", f->id, PLAN_WINDOWS_MAX);
	f->window = calloc(n + 1, sizeof(*f->window));
	if (f->window == NULL)
		return -ENOMEM;
	json_array_foreach(list, i, pair)
	{
		json_int_t start, end;

		if (json_unpack(pair, "[I,I]", &start, &end) < 0 ||
		    plan_window(&f->window[i], start, end) < 0)
			return plan_refuse(e, "%s: windows[%zu] is not [start, end]", f->id, i);
		if (i > 0 && f->window[i].start_ns < f->window[i - 1].end_ns)
			return plan_refuse(e, "%s: windows[%zu] overlaps the one before", f->id, i);
	}
	f->nwindows = (uint32_t)n;
	return 0;
}

/* Ordinals that are left out, and a delay that doubles. */
static int plan_fault_more(struct gcs_fault_spec *s, const char *id, json_t *item,
			   struct plan_error *e)
{
	json_int_t after = 0, delay_max = 0;
	json_error_t je;

	if (json_unpack_ex(item, &je, 0, "{s?I,s?I}", "after", &after, "delay_max_ns",
			   &delay_max) < 0)
		return plan_refuse(e, "%s: %s", id, je.text);
	if (after < 0 || after > UINT32_MAX || delay_max < 0)
		return plan_refuse(e, "%s: a number is out of range", id);
	if (delay_max != 0 &&
	    ((s->action & (GCS_ACT_DELAY | GCS_ACT_COALESCE)) == 0 || s->delay_ns == 0 || delay_max < s->delay_ns))
		return plan_refuse(e, "%s: delay_max_ns must be a delay's, and not less", id);
	s->after = (uint64_t)after;
	s->delay_max_ns = delay_max;
	return 0;
}

/* gc/write: at which moment of a store, and how. */
static int plan_fault_write(struct gcs_fault_spec *s, const char *id, json_t *item,
			    const struct gcs_point_info *info, struct plan_error *e)
{
	const char *where = gcs_where_name(GCS_WHERE_BEFORE_SHADE),
		   *mode = gcs_mode_name(GCS_MODE_START);
	int edge = 0;
	json_error_t je;

	if (json_unpack_ex(item, &je, 0, "{s?s,s?s,s?b}", "where", &where, "mode", &mode, "edge",
			   &edge) < 0)
		return plan_refuse(e, "%s: %s", id, je.text);
	while (s->where < GCS_WHERES && strcmp(where, gcs_where_name(s->where)) != 0)
		s->where++;
	while (s->mode < GCS_MODE_EDGE && strcmp(mode, gcs_mode_name(s->mode)) != 0)
		s->mode++;
	if (s->where == GCS_WHERES || s->mode == GCS_MODE_EDGE)
		return plan_refuse(e, "%s: there is no place '%s' or no mode '%s'", id, where, mode);
	if (edge && s->mode != GCS_MODE_CYCLE)
		return plan_refuse(e, "%s: edge needs the mode cycle", id);
	if (edge)
		s->mode = GCS_MODE_EDGE;
	if ((s->where != 0 || s->mode != 0) && !gcs_point_has_places(info))
		return plan_refuse(e, "%s: where and mode mean nothing at %s", id, info->name);
	return 0;
}

/* One worker's firings: its id, the first ordinal, then by how much each lies behind the one before. */
static int plan_fired_worker(struct plan_fault *f, struct gcs_fault_spec *s, json_t *row)
{
	json_int_t worker = json_integer_value(json_array_get(row, 0)), ordinal = 0;

	if (worker < 0 || worker >= MRT_WORKER_MAX ||
	    json_array_size(row) > GCS_FIRED_MAX - s->nfired)
		return -EINVAL;
	for (size_t i = 1; i < json_array_size(row); i++) {
		json_int_t by = json_integer_value(json_array_get(row, i));

		if (by <= 0 || by > UINT32_MAX - ordinal)
			return -EINVAL;
		ordinal += by;
		f->fired[s->nfired++] = (struct gcs_fired){(uint32_t)worker, (uint32_t)ordinal};
	}
	return 0;
}

/* The firings of the run that is replayed. */
static int plan_fault_fired(struct plan_fault *f, struct gcs_fault_spec *s, json_t *item,
			    struct plan_error *e)
{
	json_t *list = json_object_get(item, "fired"), *row;
	size_t n = 0, i;

	if (list == NULL)
		return 0;
	json_array_foreach(list, i, row)
		n += json_array_size(row);
	f->fired = calloc(n + 1, sizeof(*f->fired));
	if (f->fired == NULL)
		return -ENOMEM;
	s->replays = true;
	s->fired = f->fired;
	json_array_foreach(list, i, row)
		if (plan_fired_worker(f, s, row) < 0)
			return plan_refuse(e, "%s: fired[%zu] is not [worker, ordinal, by how "
					      "much more, ...]", f->id, i);
	return json_is_array(list) ? 0 : plan_refuse(e, "%s: fired is no list", f->id);
}

/* What makes a site the fault's, and how many visits a firing takes along. */
static int plan_fault_match(const struct plan *p, struct gcs_fault_spec *s, const char *id,
			    json_t *item, const struct gcs_point_info *info, struct plan_error *e)
{
	json_int_t burst = 0, size_min = 0, size_max = 0, workloads = 0, visit = 0;
	int visit_on = 0, stacks = 0;
	json_error_t je;

	if (json_unpack_ex(item, &je, 0, "{s?I,s?I,s?I,s?I,s?I,s?b,s?b}", "burst", &burst,
			   "size_min", &size_min, "size_max", &size_max, "match_workloads",
			   &workloads, "visit", &visit, "visit_on", &visit_on, "stacks",
			   &stacks) < 0)
		return plan_refuse(e, "%s: %s", id, je.text);
	if (burst < 0 || burst > UINT32_MAX || visit < 0 || size_min < 0 || size_max < 0 ||
	    (size_max != 0 && size_max < size_min))
		return plan_refuse(e, "%s: a number is out of range", id);
	if ((size_min != 0 || size_max != 0) && info->size_is == NULL)
		return plan_refuse(e, "%s: %s has no size to match", id, info->name);
	if (workloads < 0 || workloads >> p->nworkloads != 0)
		return plan_refuse(e, "%s: match_workloads names a workload that is not there", id);
	s->burst = (uint64_t)burst;
	s->visit = (uint64_t)visit;
	s->visit_on = visit_on;
	s->stacks = stacks;
	s->size_min = (uint64_t)size_min;
	s->size_max = (uint64_t)size_max;
	s->workloads = (uint32_t)workloads;
	return 0;
}

static int plan_fault_types(struct gcs_fault_spec *s, const char *id, json_t *item,
			    struct plan_error *e)
{
	json_t *list = json_object_get(item, "match_types");
	size_t n = json_array_size(list);

	if (list != NULL && (!json_is_array(list) || n > GCS_MATCH_TYPES_MAX))
		return plan_refuse(e, "%s: match_types: a list of at most %u", id,
				   GCS_MATCH_TYPES_MAX);
	for (size_t i = 0; i < n; i++) {
		const char *name = json_string_value(json_array_get(list, i));

		if (name == NULL || strlen(name) >= GCS_TYPE_BYTES)
			return plan_refuse(e, "%s: match_types[%zu] is no name", id, i);
		memcpy(s->type[i], name, strlen(name) + 1);
	}
	s->ntypes = (uint32_t)n;
	return 0;
}

/* [workload, first, last]: indices within the workload, turned into fault worker ids. */
static int plan_fault_goroutines(const struct plan *p, struct gcs_fault_spec *s, const char *id,
				 json_t *item, struct plan_error *e)
{
	json_t *list = json_object_get(item, "match_goroutines");
	size_t n = json_array_size(list);

	if (list != NULL && (!json_is_array(list) || n > GCS_MATCH_GOROUTINES_MAX))
		return plan_refuse(e, "%s: match_goroutines: a list of at most %u", id,
				   GCS_MATCH_GOROUTINES_MAX);
	for (size_t i = 0; i < n; i++) {
		json_int_t w, first, last;

		if (json_unpack(json_array_get(list, i), "[I,I,I]", &w, &first, &last) < 0 ||
		    w < 0 || w >= p->nworkloads || first < 0 || last < first ||
		    last >= plan_goroutines(&p->workload[w]))
			return plan_refuse(e, "%s: match_goroutines[%zu] is not [workload, first, last]",
					   id, i);
		s->goroutine[i] = (struct gcs_worker_range){
			p->workload[w].first_id + (uint32_t)first,
			p->workload[w].first_id + (uint32_t)last,
		};
	}
	s->ngoroutines = (uint32_t)n;
	return 0;
}

/* A step of a condition: the name of an operator, a state or a word; a number in thousandths; bytes. */
static int plan_step(json_t *item, struct gcs_condition_step *ret)
{
	const char *name = json_string_value(item);
	json_t *bytes = json_object_get(item, "bytes");
	const struct gcs_state_word *word = name != NULL ? gcs_state_word_by_name(name) : NULL;
	const struct gcs_state_info *state = name != NULL ? gcs_state_by_name(name) : NULL;

	*ret = (struct gcs_condition_step){.code = GCS_CONDITION_CONSTANT};
	if (word != NULL) {
		ret->type = (uint8_t)word->type;
		ret->value = word->value;
	} else if (state != NULL) {
		ret->code = GCS_CONDITION_STATE;
		ret->state = (uint8_t)state->id;
	} else if (name != NULL) {
		ret->code = (uint8_t)gcs_condition_code_by_name(name);
	} else if (json_is_integer(item) || json_is_integer(bytes)) {
		ret->value = json_integer_value(bytes != NULL ? bytes : item);
		ret->type = bytes != NULL     ? GCS_OPERAND_BYTES
			    : ret->value == 0 ? GCS_OPERAND_ZERO
					      : GCS_OPERAND_NUMBER;
	} else {
		return -EINVAL;
	}
	return 0;
}

static int plan_fault_condition(struct gcs_fault_spec *s, const char *id, json_t *item,
				const struct gcs_point_info *info, struct plan_error *e)
{
	json_t *list = json_object_get(item, "while");
	size_t n = json_array_size(list);
	const char *why;

	if (list == NULL)
		return 0;
	if (!json_is_array(list) || n == 0 || n > GCS_CONDITION_STEPS_MAX)
		return plan_refuse(e, "%s: while: a list of 1 to %u", id, GCS_CONDITION_STEPS_MAX);
	for (size_t i = 0; i < n; i++)
		if (plan_step(json_array_get(list, i), &s->condition.step[i]) < 0)
			return plan_refuse(e, "%s: while[%zu] is no step of a condition", id, i);
	s->condition.n = (uint32_t)n;
	why = gcs_condition_check(&s->condition, info);
	return why != NULL ? plan_refuse(e, "%s: while: %s", id, why) : 0;
}

/* What else its site must be, and the runtime. */
static int plan_fault_bound(const struct plan *p, struct gcs_fault_spec *s, const char *id,
			    json_t *item, const struct gcs_point_info *info, struct plan_error *e)
{
	if (plan_fault_types(s, id, item, e) < 0 ||
	    plan_fault_goroutines(p, s, id, item, e) < 0)
		return -EINVAL;
	if (s->ntypes != 0 && gcs_point_type_of(info) == GCS_TYPE_OF_NONE)
		return plan_refuse(e, "%s: %s has no type to match", id, info->name);
	if (s->ngoroutines != 0 && !gcs_point_has_goroutine(info))
		return plan_refuse(e, "%s: %s is about no goroutine", id, info->name);
	return plan_fault_condition(s, id, item, info, e);
}

static int plan_fault(struct plan *p, uint32_t index, json_t *item, struct plan_error *e)
{
	struct plan_fault *f = &p->fault[index];
	const struct gcs_point_info *info;
	const char *id, *point, *action;
	json_int_t err = 0, p_ppb = 0, nth = 0, every = 0, times = 0, delay = 0, jitter = 0, by = 0;
	json_error_t je;

	if (json_unpack_ex(item, &je, 0, "{s:s,s:s,s:s,s?I,s?I,s?I,s?I,s?I,s?I,s?I,s?I}", "id", &id,
			   "point", &point, "action", &action, "errno", &err, "p_ppb", &p_ppb,
			   "nth", &nth, "every", &every, "times", &times, "delay_ns", &delay,
			   "jitter_ns", &jitter, "by_milli", &by) < 0)
		return plan_refuse(e, "faults[%u]: %s", index, je.text);
	if (plan_name(f->id, id, e) < 0)
		return -EINVAL;
	info = gcs_point_by_name(point);
	if (info == NULL)
		return plan_refuse(e, "%s: there is no point '%s'", id, point);
	if ((info->actions & (uint32_t)gcs_action_by_name(action)) == 0)
		return plan_refuse(e, "%s: %s does not know the action '%s'", id, point, action);
	if (MRT_SIM && gcs_syscalls_of(info->id) != NULL)
		return plan_refuse(e, "%s: a simulated target makes no system calls (%s)", id, point);
	if (err < 0 || err > 4095 || p_ppb < 0 || p_ppb > 1000000000 || nth < 0 || every < 0 ||
	    times < 0 || delay < 0 || jitter < 0 || by < 0 || by > 100000)
		return plan_refuse(e, "%s: a number is out of range", id);
	p->spec[index] = (struct gcs_fault_spec){
		.point = info->id,
		.action = gcs_action_by_name(action),
		.err = (int)err,
		.p_ppb = (uint32_t)p_ppb,
		.nth = (uint64_t)nth,
		.every = (uint64_t)every,
		.times = (uint64_t)times,
		.delay_ns = delay,
		.jitter_ns = jitter,
		.by_milli = (uint32_t)by,
	};
	p->nfaults = index + 1;
	if (plan_fault_match(p, &p->spec[index], id, item, info, e) < 0 ||
	    plan_fault_bound(p, &p->spec[index], id, item, info, e) < 0 ||
	    plan_fault_more(&p->spec[index], id, item, e) < 0 ||
	    plan_fault_write(&p->spec[index], id, item, info, e) < 0 ||
	    plan_fault_fired(f, &p->spec[index], item, e) < 0)
		return -EINVAL;
	return plan_fault_windows(f, item, e);
}

static int plan_faults(struct plan *p, json_t *root, struct plan_error *e)
{
	json_t *list = json_object_get(root, "faults"), *item;
	size_t i;
	int r = 0;

	if (!json_is_array(list) || json_array_size(list) > WATCH_FAULTS_MAX)
		return plan_refuse(e, "faults: a list of at most %d", WATCH_FAULTS_MAX);
	json_array_foreach(list, i, item)
	{
		r = plan_fault(p, (uint32_t)i, item, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int plan_fill(struct plan *p, json_t *root, struct plan_error *e)
{
	json_int_t version, end;
	const char *cmd;
	json_error_t je;
	int r;

	if (json_unpack_ex(root, &je, 0, "{s:s,s:I,s:I}", "cmd", &cmd, "version", &version,
			   "end_ns", &end) < 0)
		return plan_refuse(e, "load: %s", je.text);
	if (strcmp(cmd, "load") != 0 || version != 1)
		return plan_refuse(e, "the first line must be load, version 1");
	if (end <= 0)
		return plan_refuse(e, "end_ns must be positive");
	p->end_ns = end;
	r = plan_runtime(p, root, e);
	if (r == 0)
		r = plan_phases(p, root, e);
	if (r == 0)
		r = plan_workloads(p, root, e);
	if (r == 0)
		r = plan_faults(p, root, e);
	return r;
}

int plan_parse(struct plan **ret, const char *line, char *text, size_t cap)
{
	struct plan_error e = {text, cap};
	struct plan *p = calloc(1, sizeof(*p));
	json_error_t je;
	json_t *root;
	int r;

	if (p == NULL)
		return -ENOMEM;
	root = json_loads(line, JSON_REJECT_DUPLICATES, &je);
	if (root == NULL)
		r = plan_refuse(&e, "column %d: %s", je.column, je.text);
	else
		r = plan_fill(p, root, &e);
	json_decref(root);
	if (r < 0)
		plan_destroy(p);
	else
		*ret = p;
	return r;
}

void plan_destroy(struct plan *plan)
{
	if (plan == NULL)
		return;
	for (uint32_t i = 0; i < plan->nfaults; i++)
		free(plan->fault[i].window);
	for (uint32_t i = 0; i < plan->nfaults; i++)
		free(plan->fault[i].fired);
	for (uint32_t i = 0; i < plan->nworkloads; i++)
		free(plan->workload[i].follow);
	free(plan);
}
