/*
 * control.c: the timeline is a sorted list of edges (phases and fault windows begin and end);
 * between edges the thread waits for a line from the harness, CONTROL_TICK_NS at most. Lateness of
 * those waits beyond a millisecond is a pause of the machine and reported.
 *
 * Operators (hand.h) speak through the harness, or with fiu-ctrl through a pair of FIFOs (fifo.h).
 *
 * The main goroutine waits at two gates, begin and end. The thread has no goroutine, so it opens a
 * gate through one that it starts for the purpose.
 *
 * Simulation: the lines up to `start` are there before the run; later only `quit` and the end of
 * the socket count, since whatever else arrives does so at a real, unrepeatable time. `quit` does not:
 * the harness sends it while virtual time is held (control_sample).
 */
#include "workloads/control.h"

#include "faults/fault.h"
#include "runtime/prim/prim.h"
#include "runtime/sched/sched.h"
#include "workloads/fifo.h"
#include "workloads/hand.h"
#include "workloads/rates.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#define CONTROL_TICK_NS	   INT64_C(10000000)
#define CONTROL_SAMPLE_NS  INT64_C(100000000) /* simulation: the harness samples here */
#define CONTROL_STALL_NS   INT64_C(1000000)
#define CONTROL_ORPHAN_NS  INT64_C(700000000) /* then the process ends, whatever it is at */
#define CONTROL_LEASE_NS   INT64_C(1200000000)
#define CONTROL_LINE_BYTES 4096u

/* In the order in which edges of the same moment are played. */
enum control_edge_kind { EDGE_PHASE_END, EDGE_DISARM, EDGE_PHASE_START, EDGE_ARM, EDGE_END };

struct control_edge {
	int64_t at_ns; /* from t0 */
	enum control_edge_kind kind;
	uint32_t index, window;
};

struct control {
	struct work_env *env;
	int fd[PRIM_CTL_FDS_MAX]; /* the control socket, the FIFO */
	uint32_t nfds;
	struct fifo *fifo;
	prim_thread *thread;
	struct control_edge *edge;
	uint32_t nedges, next;
	bool start_seen, begun, ended, cancelled; /* cancelled: no window opens any more */
	_Atomic(enum control_end) end; /* set by the thread; the main goroutine may read it while an
					  orphan's end replaces it */
	int64_t orphan_ns;	       /* when the socket closed or the lease ran out; 0: neither */
	uint64_t beat;		       /* of the lease, seen last */
	int64_t lease_at_ns, quiet_ns; /* last look; our own time since the beat moved */
	int64_t sample_ns;	       /* when the harness is waited for next */
	struct hand hand;
	_Atomic bool prepared; /* the main goroutine waits at `begin` */
	_Atomic bool finished; /* mrt_run has returned */
	mrt_wg begin_gate, end_gate;
	char line[CONTROL_LINE_BYTES];
};

/* ------------------------------------------------------------------- sending */

void control_send(int fd, json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT);

	/* A harness that is gone is noticed when reading. */
	if (text != NULL)
		prim_ctl_send(fd, text, strlen(text));
	free(text);
	json_decref(object);
}

void control_send_error(int fd, const char *text)
{
	control_send(fd, json_pack("{s:s,s:s}", "ev", "error", "text", text));
}

static json_t *control_workers(const struct plan *plan)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < plan->nworkloads; i++) {
		const struct plan_workload *w = &plan->workload[i];

		for (uint32_t j = 0; j < plan_goroutines(w); j++)
			json_array_append_new(list, json_pack("{s:i,s:i,s:i}", "workload", (int)i,
							      "worker", (int)j, "id",
							      (int)(w->first_id + j)));
	}
	return list;
}

static void control_publish(struct control *c, int64_t now_ns)
{
	struct mrt_telemetry *t = c->env->telemetry;

	if (t == NULL)
		return;
	/* Release: who sees the time sees what was told before it (a simulated run is read up to
	 * it). */
	atomic_store_explicit(&t->gauges.target_now_ns, now_ns, memory_order_release);
	atomic_store_explicit(&t->gauges.telemetry_records, watch_written(t), memory_order_relaxed);
}

/* Only while the main goroutine waits at the end gate, which this thread opens: behind it the runtime may end at any moment. */
static void control_look(struct control *c)
{
	if (c->env->telemetry != NULL && c->begun && !c->ended)
		sched_look(&c->env->telemetry->sched, prim_now_ns());
}

/* Simulation: hold virtual time until the harness has sampled this moment, so that what it counts
 * in an interval is what happened in it, every time; and what it decides by that is known here
 * before time goes on. */
static void control_sample(struct control *c, int64_t now_ns)
{
	struct mrt_telemetry *t = c->env->telemetry;

	if (!MRT_SIM || t == NULL || !c->begun || c->orphan_ns != 0 || now_ns < c->sample_ns)
		return;
	c->sample_ns = now_ns - (now_ns - c->env->t0_ns) % CONTROL_SAMPLE_NS + CONTROL_SAMPLE_NS;
	/* Relaxed: it only says whether anybody samples; the wait acquires. */
	if (atomic_load_explicit(&t->sampled_ns, memory_order_relaxed) == 0)
		return;
	/* Release: who sees that we wait sees what was told before. */
	atomic_store_explicit(&t->held_ns, (uint64_t)now_ns, memory_order_release);
	prim_sim_wait_reader(c->fd[0], &t->sampled_ns, (uint64_t)now_ns);
}

static int control_visit_compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* The first visits from each call stack, rising; the faults are still loaded. NULL: no fault keeps
 * them. */
static json_t *control_stacks(const struct plan *p)
{
	uint64_t lost, *first = NULL;
	json_t *list = NULL;
	uint32_t n;

	for (uint32_t i = 0; i < p->nfaults && list == NULL; i++) {
		if (!p->spec[i].stacks)
			continue;
		first = malloc(GCS_STACKS_MAX * sizeof(*first));
		n = first != NULL ? gcs_fault_stacks(i, first, &lost) : 0;
		if (n == 0)
			break;
		qsort(first, n, sizeof(*first), control_visit_compare);
		list = json_array();
		for (uint32_t k = 0; k < n; k++)
			json_array_append_new(list, json_integer((json_int_t)first[k]));
	}
	free(first);
	return list;
}

void control_done(struct control *c, uint64_t hash)
{
	char text[17];
	json_t *done, *stacks;

	control_publish(c, prim_now_ns());
	snprintf(text, sizeof(text), "%016llx", (unsigned long long)hash);
	done = json_pack("{s:s,s:s,s:I,s:I}", "ev", "done", "hash", text, "checked",
			 (json_int_t)atomic_load(&c->env->checked), "integrity_errors",
			 (json_int_t)atomic_load(&c->env->integrity_errors));
	if (done != NULL && c->env->live_counted) {
		json_object_set_new(done, "live_bytes", json_integer((json_int_t)c->env->live_bytes));
		json_object_set_new(done, "live_objects",
				    json_integer((json_int_t)c->env->live_objects));
	}
	if (done != NULL && c->env->profiled)
		json_object_set_new(done, "heap_profile", json_integer(c->env->profile_error));
	if (done != NULL && (stacks = control_stacks(c->env->plan)) != NULL)
		json_object_set_new(done, "stacks", stacks);
	control_send(c->fd[0], done);
}

/* --------------------------------------------------------------------- gates */

static void control_open_gate(mrt_g *g, void *arg)
{
	mrt_wg_done(g, arg);
}

/* Let the main goroutine through; false: no memory for it now, try again. */
static bool control_open(mrt_wg *gate)
{
	struct mrt_go_options opt = {
		.name = "control",
		.worker = MRT_WORKER_CONTROL,
		.driver = 0xffff,
		.system = true,
	};

	return mrt_go(NULL, control_open_gate, gate, &opt) == 0;
}

static bool control_prepared(const struct control *c)
{
	/* Acquire: the runtime is up when this is set. */
	return atomic_load_explicit(&c->prepared, memory_order_acquire);
}

/* t0 is now, or as soon as everything is prepared. */
static void control_try_begin(struct control *c)
{
	struct mrt_telemetry *t = c->env->telemetry;

	if (c->begun || !c->start_seen || !control_prepared(c))
		return;
	c->env->t0_ns = prim_now_ns();
	if (!control_open(&c->begin_gate))
		return;
	c->begun = true;
	if (t != NULL) {
		atomic_store_explicit(&t->t0_ns, c->env->t0_ns, memory_order_relaxed);
		/* Release: who sees it go sees t0. */
		atomic_store_explicit(&t->load_go, 1, memory_order_release);
	}
	control_send(c->fd[0], json_pack("{s:s,s:I}", "ev", "started", "t0_abs_ns",
					 (json_int_t)c->env->t0_ns));
}

static void control_stop(struct control *c, enum control_end why)
{
	if (c->end == CONTROL_RUNNING || why == CONTROL_ORPHAN || why == CONTROL_LEASE)
		c->end = why;
	c->cancelled = true;
	gcs_faults_disarm_all(false, prim_now_ns());
	atomic_store_explicit(&c->env->stop, true, memory_order_relaxed);
}

/* The run is over: open what the main goroutine still waits at. */
static void control_try_end(struct control *c)
{
	if (c->end == CONTROL_RUNNING || c->ended || !control_prepared(c))
		return;
	if (!c->begun) {
		c->env->t0_ns = prim_now_ns();
		c->begun = control_open(&c->begin_gate);
	}
	if (c->begun)
		c->ended = control_open(&c->end_gate);
}

/* ------------------------------------------------------------------ timeline */

static int control_edge_compare(const void *a, const void *b)
{
	const struct control_edge *x = a, *y = b;

	if (x->at_ns != y->at_ns)
		return x->at_ns < y->at_ns ? -1 : 1;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static void control_edge_add(struct control *c, int64_t at_ns, enum control_edge_kind kind,
			     uint32_t index, uint32_t window)
{
	c->edge[c->nedges++] = (struct control_edge){at_ns, kind, index, window};
}

static int control_timeline(struct control *c, const struct plan *p)
{
	size_t n = 2 * (size_t)p->nphases + 1;

	for (uint32_t i = 0; i < p->nfaults; i++)
		n += 2 * (size_t)p->fault[i].nwindows;
	c->edge = calloc(n, sizeof(*c->edge));
	if (c->edge == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < p->nphases; i++) {
		control_edge_add(c, p->phase[i].start_ns, EDGE_PHASE_START, i, 0);
		control_edge_add(c, p->phase[i].end_ns, EDGE_PHASE_END, i, 0);
	}
	for (uint32_t i = 0; i < p->nfaults; i++)
		for (uint32_t j = 0; j < p->fault[i].nwindows; j++) {
			control_edge_add(c, p->fault[i].window[j].start_ns, EDGE_ARM, i, j);
			control_edge_add(c, p->fault[i].window[j].end_ns, EDGE_DISARM, i, j);
		}
	control_edge_add(c, p->end_ns, EDGE_END, 0, 0);
	qsort(c->edge, c->nedges, sizeof(*c->edge), control_edge_compare);
	return 0;
}

static void control_emit_phase(struct control *c, const struct control_edge *e, int64_t now_ns)
{
	struct watch_record rec = {
		.t_ns = now_ns,
		.kind = WATCH_PHASE,
		.p = 0xffff,
		.a = e->index,
		.b = e->kind == EDGE_PHASE_START,
	};

	watch_emit_shared(c->env->telemetry, &rec);
}

static void control_play(struct control *c, const struct control_edge *e, int64_t now_ns)
{
	switch (e->kind) {
	case EDGE_PHASE_START:
	case EDGE_PHASE_END:
		control_emit_phase(c, e, now_ns);
		break;
	case EDGE_ARM:
		if (c->cancelled)
			break;
		gcs_fault_disarm(e->index, true, now_ns); /* an operator's arm ends here */
		gcs_fault_arm(e->index, e->window, false, now_ns);
		break;
	case EDGE_DISARM:
		gcs_fault_disarm(e->index, false, now_ns);
		break;
	case EDGE_END:
		control_stop(c, CONTROL_TIME);
		break;
	}
}

static void control_play_due(struct control *c)
{
	int64_t now = prim_now_ns();

	while (c->begun && c->next < c->nedges && c->env->t0_ns + c->edge[c->next].at_ns <= now)
		control_play(c, &c->edge[c->next++], now);
}

/* ------------------------------------------------------------------ commands */

static void control_command(struct control *c, json_t *object)
{
	const char *cmd = json_string_value(json_object_get(object, "cmd"));

	if (cmd == NULL)
		return;
	if (strcmp(cmd, "start") == 0) {
		c->start_seen = true;
	} else if (strcmp(cmd, "quit") == 0) {
		control_stop(c, CONTROL_QUIT);
	} else if (c->end != CONTROL_RUNNING || (MRT_SIM && c->begun)) {
		return;
	} else if (strcmp(cmd, "disarm_all") == 0) {
		c->cancelled = true;
		gcs_faults_disarm_all(true, prim_now_ns());
	} else {
		hand_order(&c->hand, cmd, object);
	}
}

static void control_line(struct control *c)
{
	json_t *object = json_loads(c->line, 0, NULL);

	if (object != NULL)
		control_command(c, object);
	json_decref(object);
}

/* ------------------------------------------------------------------- fiu-ctrl */

static void control_fifo_line(struct control *c)
{
	const char *not_now = !c->begun			   ? "the run has not begun yet"
			      : c->end != CONTROL_RUNNING ? "the run is ending"
							   : NULL;
	const char *why;

	for (char *p = c->line; *p != '\0'; p++) /* it goes into JSON, into records, on screens */
		if (*p < ' ' || *p > '~')
			*p = '?';
	why = hand_fiu(&c->hand, c->line, not_now);
	if (why != NULL)
		hand_fiu_refused(&c->hand, c->line, why);
	fifo_reply(c->fifo, why == NULL ? 0 : -1);
}

/* -------------------------------------------------------------------- thread */

/* We should have been here at deadline_ns. */
static void control_stall(struct control *c, int64_t deadline_ns, int64_t now_ns)
{
	struct watch_record rec = {
		.t_ns = now_ns,
		.kind = WATCH_STALL,
		.p = 0xffff,
		.b = (uint64_t)(now_ns - deadline_ns),
	};

	if (!MRT_SIM && c->begun && now_ns - deadline_ns > CONTROL_STALL_NS)
		watch_emit_shared(c->env->telemetry, &rec);
}

static void control_orphaned(struct control *c, enum control_end why)
{
	static const char stopped[] = "gcstorm-target: the harness stands still, the lease ran "
				      "out: faults are disarmed, ending\n";

	if (c->orphan_ns == 0) {
		c->orphan_ns = prim_now_ns();
		control_stop(c, why);
		if (why == CONTROL_LEASE)
			prim_last_words(stopped, sizeof(stopped) - 1);
	}
	if (MRT_SIM || prim_now_ns() - c->orphan_ns <= CONTROL_ORPHAN_NS)
		return;
	if (c->end == CONTROL_LEASE)
		prim_die(CONTROL_LEASE_EXIT, "gcstorm-target: ended by force");
	prim_die(0, "gcstorm-target: the harness is gone: faults are disarmed, ending");
}

/* Quiet is counted in our own time: a machine that stood still as a whole takes nothing. */
static void control_lease(struct control *c, int64_t now_ns)
{
	struct mrt_telemetry *t = c->env->telemetry;
	int64_t passed = now_ns - c->lease_at_ns;
	uint64_t beat;

	c->lease_at_ns = now_ns;
	if (MRT_SIM || t == NULL)
		return;
	/* Relaxed: only whether it moves. */
	beat = atomic_load_explicit(&t->beat, memory_order_relaxed);
	if (beat != c->beat || beat == 0) {
		c->beat = beat;
		c->quiet_ns = 0;
		return;
	}
	c->quiet_ns += passed < 2 * CONTROL_TICK_NS ? passed : 2 * CONTROL_TICK_NS;
	if (c->quiet_ns >= CONTROL_LEASE_NS)
		control_orphaned(c, CONTROL_LEASE);
}

static int64_t control_deadline(const struct control *c, int64_t now_ns)
{
	int64_t deadline = now_ns + CONTROL_TICK_NS;

	/* Simulation: no moment of virtual time may pass before the start has come, or a slow harness would be part of the run. */
	if (MRT_SIM && !c->start_seen && c->end == CONTROL_RUNNING)
		return PRIM_FOREVER;
	if (c->begun) /* on whole ticks from t0: interval edges are among them */
		deadline -= (now_ns - c->env->t0_ns) % CONTROL_TICK_NS;
	if (c->begun && c->next < c->nedges && c->env->t0_ns + c->edge[c->next].at_ns < deadline)
		deadline = c->env->t0_ns + c->edge[c->next].at_ns;
	return deadline;
}

/* What came of waiting for the FIFO; the same, without its lines and errors: -EAGAIN only if
 * nothing came. */
static int control_fifo(struct control *c, int r)
{
	if (r == 0) {
		control_fifo_line(c);
	} else if (r != -EAGAIN) {
		c->nfds = r == -E2BIG ? c->nfds : 1; /* it cannot be read any more: do without */
		fifo_reply(c->fifo, -1);
		r = 0;
	}
	return r;
}

static void control_step(struct control *c)
{
	int64_t deadline = control_deadline(c, prim_now_ns()), now;
	uint32_t which = 0;
	int r = -EPIPE;

	if (c->orphan_ns == 0)
		r = prim_ctl_recv_any(c->fd, c->nfds, &which, c->line, sizeof(c->line), deadline);
	else
		prim_sleep_until(deadline); /* nothing will come any more */
	if (which != 0)
		r = control_fifo(c, r);
	else if (r == 0)
		control_line(c);
	if (r == -EAGAIN)
		control_stall(c, deadline, prim_now_ns());
	else if (r == -EPIPE)
		control_orphaned(c, CONTROL_ORPHAN);
	if (c->end == CONTROL_RUNNING && atomic_load_explicit(&c->env->stop, memory_order_relaxed))
		control_stop(c, CONTROL_FAILED);
	control_try_begin(c);
	control_play_due(c);
	control_look(c);
	control_try_end(c);
	now = prim_now_ns();
	fifo_flush(c->fifo, now);
	control_lease(c, now);
	control_publish(c, now);
	control_sample(c, now);
}

static void control_main(void *arg)
{
	struct control *c = arg;

	while (!atomic_load_explicit(&c->finished, memory_order_acquire))
		control_step(c);
}

/* ------------------------------------------------------------ the main goroutine */

/* The gate `prepared` is released to the thread only when the main goroutine is about to wait. */
static void control_wait_begin(mrt_g *g, struct control *c)
{
	atomic_store_explicit(&c->prepared, true, memory_order_release);
	mrt_wg_wait(g, &c->begin_gate);
}

void control_ready(mrt_g *g, struct control *c)
{
	json_t *workers = control_workers(c->env->plan);

	mrt_block_enter(g);
	control_send(c->fd[0], json_pack("{s:s,s:i,s:o}", "ev", "ready", "pid", (int)getpid(),
					 "workers", workers));
	mrt_block_exit(g);
	control_wait_begin(g, c);
}

void control_refuse(mrt_g *g, struct control *c, const char *text)
{
	mrt_block_enter(g);
	control_send_error(c->fd[0], text);
	mrt_block_exit(g);
	/* Once begun, the thread sees this and brings the run to its end. */
	atomic_store_explicit(&c->env->stop, true, memory_order_relaxed);
}

enum control_end control_wait_end(mrt_g *g, struct control *c)
{
	mrt_wg_wait(g, &c->end_gate);
	return c->end;
}

/* ------------------------------------------------------------ making, ending */

int control_create(struct control **ret, struct work_env *env, int fd, struct fifo *fifo)
{
	struct control *c = calloc(1, sizeof(*c));
	int r;

	if (c == NULL)
		return -ENOMEM;
	c->env = env;
	c->hand = (struct hand){.env = env, .fd = fd};
	c->fd[0] = fd;
	c->fd[1] = fifo_fd(fifo);
	c->nfds = fifo != NULL ? 2 : 1;
	c->fifo = fifo;
	mrt_wg_add(&c->begin_gate, 1);
	mrt_wg_add(&c->end_gate, 1);
	env->rates = calloc(env->plan->nworkloads + 1, sizeof(*env->rates));
	r = env->rates != NULL ? control_timeline(c, env->plan) : -ENOMEM;
	if (r == 0)
		r = prim_thread_create(&c->thread, "control", control_main, c);
	if (r < 0)
		control_destroy(c);
	else
		*ret = c;
	return r;
}

enum control_end control_join(struct control *c)
{
	atomic_store_explicit(&c->finished, true, memory_order_release);
	prim_thread_join(c->thread);
	return c->end;
}

void control_destroy(struct control *c)
{
	if (c == NULL)
		return;
	free(c->env->rates);
	c->env->rates = NULL;
	free(c->edge);
	free(c);
}
