/*
 * run_priv.h: a run's state, shared by run.c (its life, the loop, the end), run_begin.c (setting up)
 * and run_told.c (what the target says).
 */
#pragma once

#include "harness/run/injector.h"
#include "harness/run/kept_file.h"
#include "harness/run/orders.h"
#include "harness/base/paths.h"
#include "harness/run/run.h"
#include "harness/run/target.h"

#include <signal.h>

#define RUN_MS		   INT64_C(1000000)
#define RUN_TICK_NS	   (100 * RUN_MS)
#define RUN_TICK_SIM_NS	   (1 * RUN_MS)
#define RUN_FRAME_NS	   (100 * RUN_MS)
#define RUN_READY_NS	   (30000 * RUN_MS) /* for the target to be ready */
#define RUN_OVERTIME_NS	   (60000 * RUN_MS) /* beyond the last phase, for the check of contents */
#define RUN_STILL_NS	   (120000 * RUN_MS) /* of real time in which no virtual time passes */
#define RUN_QUIT_NS	   (2000 * RUN_MS)  /* after an interrupt */
#define RUN_QUIT_POLITE_NS (20000 * RUN_MS) /* after anything else: contents are checked first */
#define RUN_TERM_NS	   (1000 * RUN_MS)

enum run_state { RUN_STARTING, RUN_GOING, RUN_LEAVING, RUN_OVER };

struct run {
	const struct gcs_run_options *opt;
	const struct gcs_scenario *scenario;
	char run_id[24], record[GCS_PATH_BYTES];
	struct gcs_collect *collect;
	struct gcs_target *target;
	struct gcs_kept_file profile, trace;
	char trace_path[GCS_PATH_BYTES + sizeof GCS_TRACE_SUFFIX];
	struct gcs_orders *orders;
	const struct gcs_display *display;
	void *display_self;
	int signals, tick;
	sigset_t old_mask;
	enum run_state state;
	int64_t deadline_ns, frame_ns;
	int64_t virtual_ns, moved_ns; /* simulation: its time, and since when (real time) it is that */
	int force; /* 0 none, 1 quit, 2 SIGTERM, 3 SIGKILL */
	bool ready, asked, started, done;
	bool quit_due; /* simulation: to be said when the target waits next */
	int interrupted;       /* 0, SIGINT, SIGTERM */
	enum gcs_exit trouble; /* PASS: none of the harness's own */
	char trouble_text[512];
	int status; /* of the target */
	bool died, over;	/* exec: its program died for good, with `death`; it ended by itself, and was content */
	int death;		/* wait status */
	char death_text[160];	/* what it said it died of; "" nothing */
	struct gcs_injector_prices price; /* of system calls that are asked about; 0: none is */
};

/* ---- run.c */
int64_t run_now(void);
/* The first trouble of the harness's own counts. */
void run_trouble(struct run *r, enum gcs_exit code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* What a -errno is to a caller. */
enum gcs_exit run_exit_of(int e);
/* Tell the target to end, and press it if it does not. */
void run_leave(struct run *r);

/* ---- run_begin.c: 0, -errno with the run's trouble. */
int run_set_up(struct run *r);
int run_start_target(struct run *r);
/* What must be said before the screen opens; then it opens, or plain lines do. */
void run_tell_sabotage(const struct run *r);
void run_open_display(struct run *r);

/* ---- run_told.c */
struct gcs_target_sink run_sink(struct run *r);
/* Start when the target is ready, and the clients too. */
void run_try_start(struct run *r);
