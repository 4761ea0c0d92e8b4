/*
 * go_mirror.c: what the agent of workloads/go/ must say too, said by the C sources; tests/integration/go.sh compares.
 *
 *   go_mirror layout                  sizes and offsets of runtime/watch/telemetry.h
 *   go_mirror conditions N SEED       so many conditions drawn at random, of which each line has the program, what map.count is, and whether it holds
 *   go_mirror maps N < PLAN           of a map that gets N entries, its count and b after each
 *   go_mirror operations N < PLAN     what the units hold after each of the first N operations: a digest of the unit's random numbers and of
 *                                     its whole model, key by key
 *
 * The drivers' sources are included for the sake of their structures.
 */
#include "workloads/heap_follow.c"
#include "workloads/map_churn.c"
#include "workloads/slice_append.c"
#include "workloads/sync_map.c"

#include "faults/condition.h"
#include "faults/fault.h"
#include "runtime/prim/prim.h"

#include <inttypes.h>

#define MIRROR_LINE_BYTES ((size_t)4 << 20)

static void mirror_say(const char *name, size_t value)
{
	printf("%s %zu\n", name, value);
}

#define AT(name, type, field)	   mirror_say(name, offsetof(struct type, field))
#define IN(name, field)		   AT(name, mrt_telemetry, field)
#define GAUGE(field)		   IN(#field, gauges.field)
#define KIND(name, kind)	   mirror_say("kind " name, kind)

static void mirror_header(void)
{
	IN("bytes", bytes);
	IN("procs", procs);
	IN("enabled", enabled);
	IN("target_pid", target_pid);
	IN("ctl_fd", ctl_fd);
	IN("load_ready", load_ready);
	IN("load_go", load_go);
	IN("load_done", load_done);
	IN("t0_ns", t0_ns);
	IN("beat", beat);
	IN("held_ns", held_ns);
	IN("gauges", gauges);
	GAUGE(heap_live);
	GAUGE(heap_goal);
	GAUGE(heap_marked);
	GAUGE(heap_inuse);
	GAUGE(heap_sys);
	GAUGE(gc_cycle);
	GAUGE(gc_forced);
	GAUGE(gc_cpu_ns);
	GAUGE(cpu_ns_available);
	GAUGE(assist_ns_total);
	GAUGE(goroutines);
	GAUGE(telemetry_records);
	GAUGE(target_now_ns);
}

static void mirror_looks(void)
{
	IN("sched", sched);
	IN("sched.at_ns", sched.at_ns);
	IN("sched.goroutines", sched.goroutines);
	IN("sched.global_runq", sched.global_runq);
	IN("sched.idle_ps", sched.idle_ps);
	IN("sched.threads", sched.threads);
	IN("sched.idle_threads", sched.idle_threads);
	IN("sched.spinning", sched.spinning);
	IN("sched.timers", sched.timers);
	IN("sched.poll_waiters", sched.poll_waiters);
	IN("sched.ps_known", sched.ps_known);
	IN("sched.p", sched.p);
	AT("p.runq", watch_p, runq);
	AT("p.sched_ticks", watch_p, sched_ticks);
	AT("p.syscall_ticks", watch_p, syscall_ticks);
	IN("map", map);
	AT("map.kind", watch_map, kind);
	AT("map.b", watch_map, b);
	AT("map.growing", watch_map, growing);
	AT("map.amended", watch_map, amended);
	AT("map.count", watch_map, count);
	AT("map.overflow", watch_map, overflow);
	AT("map.old_buckets", watch_map, old_buckets);
	AT("map.evacuated", watch_map, evacuated);
	AT("map.load_milli", watch_map, load_milli);
	AT("map.bytes", watch_map, bytes);
	AT("map.grown", watch_map, grown);
	AT("map.regrown", watch_map, regrown);
	AT("map.dirty", watch_map, dirty);
}

static void mirror_parts(void)
{
	IN("fault", fault);
	AT("fault.eligible", watch_fault, eligible);
	AT("fault.fired", watch_fault, fired);
	AT("fault.armed", watch_fault, armed);
	AT("fault.log_hash", watch_fault, log_hash);
	IN("shared", shared);
	AT("shared.tail", watch_shared_ring, tail);
	AT("shared.slot", watch_shared_ring, slot);
	IN("ring", ring);
	AT("ring.rec", watch_ring, rec);
	AT("record.kind", watch_record, kind);
	AT("record.seq", watch_record, seq);
	AT("record.a", watch_record, a);
	AT("record.f", watch_record, f);
	IN("ops", ops);
	AT("ops.workload", watch_ops, workload);
	AT("ops.is_client", watch_ops, is_client);
	AT("ops.ops", watch_ops, ops);
	AT("ops.late_ns_max", watch_ops, late_ns_max);
	AT("ops.intended", watch_ops, intended);
	AT("ops.latency", watch_ops, latency);
	AT("hist.cell", watch_hist, cell);
}

static void mirror_kinds(void)
{
	mirror_say("index 1e6", watch_hist_index(1000000));
	mirror_say("index 1e15", watch_hist_index(UINT64_C(1000000000000000)));
	KIND("stw", WATCH_STW);
	KIND("wake_lag", WATCH_WAKE_LAG);
	KIND("gc_start", WATCH_GC_START);
	KIND("gc_end", WATCH_GC_END);
	KIND("fire", WATCH_FIRE);
	KIND("effect", WATCH_EFFECT);
	KIND("arm", WATCH_ARM);
	KIND("phase", WATCH_PHASE);
	KIND("integrity", WATCH_INTEGRITY);
	KIND("checked", WATCH_CHECKED);
	KIND("end", WATCH_END);
	KIND("sched_lag", WATCH_SCHED_LAG);
}

static void mirror_layout(void)
{
	mirror_say("sizeof telemetry", sizeof(struct mrt_telemetry));
	mirror_say("sizeof record", sizeof(struct watch_record));
	mirror_say("sizeof ring", sizeof(struct watch_ring));
	mirror_say("sizeof shared_ring", sizeof(struct watch_shared_ring));
	mirror_say("sizeof shared_slot", sizeof(struct watch_shared_slot));
	mirror_say("sizeof ops", sizeof(struct watch_ops));
	mirror_say("sizeof fault", sizeof(struct watch_fault));
	mirror_say("sizeof hist", sizeof(struct watch_hist));
	mirror_say("sizeof map", sizeof(struct watch_map));
	mirror_say("sizeof p", sizeof(struct watch_p));
	mirror_say("version", WATCH_VERSION);
	mirror_header();
	mirror_looks();
	mirror_parts();
	mirror_kinds();
}

/* ---- operations */

static uint64_t mirror_churn(const struct churn *c)
{
	uint64_t sum = work_mix(c->unit.rng ^ work_mix(c->next));

	for (uint64_t i = 0; i < c->model.count; i++) {
		const struct model_entry *e = &c->model.entry[i];

		sum = work_mix(sum ^ work_mix(e->key ^ i) ^ e->version);
	}
	return sum;
}

static uint64_t mirror_append(const struct append *a)
{
	uint64_t sum = work_mix(a->unit.rng ^ work_mix(a->number));

	for (uint32_t i = 0; i < APPEND_AT_WORK; i++)
		sum = work_mix(sum ^ work_mix(a->model[i].number ^ a->target[i]) ^ a->model[i].len);
	return sum;
}

static uint64_t mirror_follow(const struct follow *f)
{
	uint64_t sum = work_mix(f->next ^ work_mix(f->bytes) ^ work_mix(f->held + 1));

	return work_mix(sum ^ work_mix(f->first) ^ work_mix(f->end + 2) ^ (uint64_t)f->due_ns);
}

static uint64_t mirror_sync(const struct sync *s)
{
	uint64_t sum = work_mix(s->unit.rng ^ work_mix(s->count));

	for (uint32_t i = 0; i < s->shared->cap; i++)
		sum = work_mix(sum ^ work_mix(s->own[i] ^ (uint64_t)i) ^ sync_look(s, sync_own_key(s, i)));
	return sum;
}

static uint64_t mirror_digest(struct work_unit *u)
{
	if (u->driver == &work_map_churn)
		return mirror_churn(churn_of(u));
	if (u->driver == &work_slice_append)
		return mirror_append(append_of(u));
	return u->driver == &work_heap_follow ? mirror_follow(follow_of(u)) : mirror_sync(sync_of(u));
}

struct mirror {
	struct work_env env;
	bool maps;
	uint32_t n;
	int error;
};

static void mirror_unit(mrt_g *g, struct mirror *m, const struct plan_workload *w, uint32_t worker)
{
	const struct work_driver *d = work_driver_by_name(w->driver);
	struct work_unit_options opt = {.env = &m->env, .w = w, .workload = w->index, .worker = worker, .share = w->workers};
	struct work_unit *u = NULL;
	MRT_ROOTS(g, root, 1);

	if (d == NULL || d->served)
		m->error = -ENOTSUP;
	if (m->error == 0)
		m->error = d->create(g, &opt, &root[0], &u);
	for (uint32_t i = 0; i < m->n && m->error == 0; i++) {
		m->error = d->op(g, u);
		printf("%s/%u %u %016" PRIx64 "\n", w->id, worker, i, mirror_digest(u));
	}
	if (m->error == 0)
		d->verify(g, u);
	if (u != NULL)
		d->destroy(u);
}

static void mirror_map(mrt_g *g, struct mirror *m)
{
	const struct mrt_type number = {.name = "mirror number", .size = sizeof(uint64_t)};
	struct mrt_map_type mt;
	struct mrt_map_info info;
	MRT_ROOTS(g, root, 1);

	m->error = mrt_map_type_init(&mt, MRT_KEY_U64, &number);
	if (m->error == 0)
		m->error = mrt_map_new(g, &mt, 0, &root[0]);
	for (uint64_t i = 0; i < m->n && m->error == 0; i++) {
		m->error = mrt_map_put(g, &mt, root[0], i, &i);
		mrt_map_inspect(root[0], &info);
		printf("%" PRIu64 " %u\n", info.count, info.b);
	}
}

static void mirror_main(mrt_g *g, void *arg)
{
	struct mirror *m = arg;

	if (m->maps) {
		mirror_map(g, m);
		return;
	}
	for (uint32_t i = 0; i < m->env.plan->nworkloads; i++)
		for (uint32_t j = 0; j < m->env.plan->workload[i].workers; j++)
			mirror_unit(g, m, &m->env.plan->workload[i], j);
	printf("checked %" PRIu64 " errors %" PRIu64 "\n", m->env.checked, m->env.integrity_errors);
}

static int mirror_run(uint32_t n, bool maps)
{
	char *line = calloc(1, MIRROR_LINE_BYTES), text[256] = "";
	struct plan *plan = NULL;
	struct mirror m = {.n = n, .maps = maps};

	if (line == NULL || fread(line, 1, MIRROR_LINE_BYTES - 1, stdin) == 0)
		return -EIO;
	m.error = plan_parse(&plan, line, text, sizeof(text));
	free(line);
	m.env.plan = plan;
	if (m.error == 0)
		m.error = prim_init(&(struct prim_options){.seed = plan->runtime.seed});
	if (m.error == 0)
		m.error = mrt_run(&plan->runtime, mirror_main, &m) < 0 ? -ENOMEM : m.error;
	if (m.error < 0)
		fprintf(stderr, "go_mirror: %s %s\n", strerror(-m.error), text);
	plan_destroy(plan);
	return m.error;
}

/* ---- conditions */

static uint64_t mirror_state, mirror_count;

static uint64_t mirror_draw(uint64_t below)
{
	mirror_state += UINT64_C(0x9e3779b97f4a7c15);
	return work_mix(mirror_state) % below;
}

static void mirror_step(struct gcs_condition *c, struct gcs_condition_step step)
{
	if (c->n < GCS_CONDITION_STEPS_MAX)
		c->step[c->n] = step;
	c->n++; /* beyond the most: the check refuses it */
}

static void mirror_constant(struct gcs_condition *c, int64_t value)
{
	mirror_step(c, (struct gcs_condition_step){.code = GCS_CONDITION_CONSTANT,
						   .type = value == 0 ? GCS_OPERAND_ZERO : GCS_OPERAND_NUMBER,
						   .value = value});
}

static void mirror_operator(struct gcs_condition *c, enum gcs_condition_code from, enum gcs_condition_code to)
{
	mirror_step(c, (struct gcs_condition_step){.code = (uint8_t)(from + mirror_draw((uint64_t)(to - from) + 1))});
}

static void mirror_number(struct gcs_condition *c, int depth)
{
	static const int64_t some[] = {0, 1, 999, 1000, 1500, -1, -2500, 3000000, INT64_MAX, INT64_MIN, INT64_MAX / 1000, INT64_C(1) << 40};

	if (depth == 0 && mirror_draw(2)) {
		mirror_step(c, (struct gcs_condition_step){.code = GCS_CONDITION_STATE, .state = GCS_RT_map_count});
	} else if (depth == 0) {
		mirror_constant(c, mirror_draw(3) ? some[mirror_draw(sizeof some / sizeof some[0])] : (int64_t)mirror_draw(9000000));
	} else {
		mirror_number(c, depth - 1);
		mirror_number(c, (int)mirror_draw((uint64_t)depth));
		mirror_operator(c, GCS_CONDITION_ADD, GCS_CONDITION_MUL);
	}
}

static void mirror_bool(struct gcs_condition *c, int depth)
{
	if (depth == 0 || mirror_draw(3) == 0) {
		mirror_number(c, (int)mirror_draw(3));
		mirror_number(c, (int)mirror_draw(3));
		mirror_operator(c, GCS_CONDITION_LT, GCS_CONDITION_NE);
		return;
	}
	mirror_bool(c, depth - 1);
	if (mirror_draw(3) == 0) {
		mirror_operator(c, GCS_CONDITION_NOT, GCS_CONDITION_NOT);
		return;
	}
	mirror_bool(c, depth - 1);
	mirror_operator(c, GCS_CONDITION_AND, GCS_CONDITION_OR);
}

static int64_t mirror_state_of(enum gcs_rt_state state, const struct gcs_site *site)
{
	(void)state;
	(void)site;
	return (int64_t)mirror_count;
}

static void mirror_print(const struct gcs_condition *c)
{
	for (uint32_t i = 0; i < c->n; i++) {
		const struct gcs_condition_step *step = &c->step[i];

		printf(i > 0 ? "," : "[");
		if (step->code == GCS_CONDITION_CONSTANT)
			printf("%" PRId64, step->value);
		else
			printf("\"%s\"", step->code == GCS_CONDITION_STATE ? gcs_state_by_id(step->state)->name
									   : gcs_condition_code_name((enum gcs_condition_code)step->code));
	}
	printf("]");
}

static int mirror_conditions(unsigned long n, uint64_t seed)
{
	const struct gcs_site site = {.map = &mirror_state};

	mirror_state = seed;
	gcs_rt_state_source = mirror_state_of;
	while (n > 0) {
		struct gcs_condition c = {.n = 0};

		mirror_count = mirror_draw(4) ? mirror_draw(10000) : mirror_draw(INT64_MAX);
		mirror_bool(&c, (int)mirror_draw(4));
		if (gcs_condition_check(&c, gcs_point_by_name("gc/map_assign")) != NULL)
			continue; /* too long, or it asks for nothing */
		mirror_print(&c);
		printf("\t%" PRIu64 "\t%d\n", mirror_count, gcs_condition_holds(&c, &site));
		n--;
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "layout") == 0)
		mirror_layout();
	else if (argc == 4 && strcmp(argv[1], "conditions") == 0)
		return mirror_conditions(strtoul(argv[2], NULL, 10), strtoull(argv[3], NULL, 10));
	else if (argc == 3 && (strcmp(argv[1], "operations") == 0 || strcmp(argv[1], "maps") == 0))
		return mirror_run((uint32_t)strtoul(argv[2], NULL, 10), argv[1][0] == 'm') < 0;
	else
		return 2;
	return 0;
}
