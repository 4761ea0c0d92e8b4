/*
 * test_versus_fixture.h: runs as a comparison reads them from their records, made by hand: two workloads, two faults, an SLO, the same each time.
 */
#pragma once

#include "harness/compare/versus.h"
#include "harness/exit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERSUS_FIXTURE_RUNS 8

static char vf_name[] = "map-delete-residue", vf_target[] = "embedded", vf_pass[] = "PASS", vf_sentence[] = "all held", vf_steady[] = "steady",
	    vf_storm[] = "storm", vf_maps[] = "maps", vf_slices[] = "slices", vf_map_churn[] = "map-churn", vf_append[] = "slice-append",
	    vf_oom[] = "oom", vf_late[] = "late", vf_malloc[] = "mem/malloc", vf_wake[] = "netpoll/wake", vf_back[] = "steady", vf_whole[] = "stops",
	    vf_text[] = "pause.stw.p99 < 5ms", vf_shown[] = "1.2 ms", vf_resolved[] = "{\"seed\": 1, \"runtime\": {\"gogc\": 100}}";

struct versus_fixture_run {
	struct gcs_versus_input in; /* nothing in it is owned */
	char path[96];
	struct report_phase phase[2];
	struct report_ops ops[2];
	struct report_fault fault[2];
	struct report_occurrence occ[2];
	struct report_check slo[1];
};

static inline void versus_fixture_report(struct versus_fixture_run *r, uint64_t seed)
{
	int64_t noise = (int64_t)(seed * 7919 % 5); /* per cent */
	r->phase[0] = (struct report_phase){vf_steady, 0, 4000000000, false};
	r->phase[1] = (struct report_phase){vf_storm, 4000000000, 26000000000, true};
	r->ops[0] = (struct report_ops){vf_maps, vf_map_churn, 2000000, 0, {2000000, 700, 900, 4000 + 40 * noise, 20000, 900000}};
	r->ops[1] = (struct report_ops){vf_slices, vf_append, 400000, 0, {400000, 500, 800, 2000, 9000, 400000}};
	r->fault[0] = (struct report_fault){.id = vf_oom, .point = vf_malloc};
	r->fault[1] = (struct report_fault){.id = vf_late, .point = vf_wake};
	r->occ[0] = (struct report_occurrence){.fault = 0, .degraded_ns = 5000000000, .recovery_ns = 2400000000, .state = vf_back};
	r->occ[1] = (struct report_occurrence){.fault = 1, .degraded_ns = -1, .recovery_ns = 100000000, .state = vf_back};
	r->slo[0] = (struct report_check){.id = vf_whole, .text = vf_text, .shown = vf_shown, .ok = true, .has = true, .value = 1.2e6};
	r->in.report = (struct report){
		.path = r->path, .name = vf_name, .target = vf_target, .word = vf_pass, .sentence = vf_sentence, .seed = seed, .sim = true, .finished = true,
		.procs = 2, .begun_wall_ns = 1700000000000000000 + (int64_t)seed, .phase = r->phase, .nphases = 2, .ops = r->ops, .nops = 2, .fault = r->fault,
		.nfaults = 2, .occ = r->occ, .noccs = 2, .slo = r->slo, .nslos = 1, .recorded_ns = 22000000000, .resolution_ns = 100000000, .gc_cycles = 40, .gc_cpu_ns = 900000000,
		.cpu_ns = 44000000000, .used_ns = 9000000000, .heap_live_max = 128u << 20, .heap_goal_max = 256u << 20,
	};
	r->in.report.series[GCS_STW] = (struct gcs_pcts){80, 82000, 120000, 1200000 + 12000 * noise, 3000000, 3100000};
	r->in.report.series[GCS_ASSIST] = (struct gcs_pcts){400, 300000, 900000, 2100000, 3000000, 3050000};
	r->in.report.series[GCS_WAKE] = (struct gcs_pcts){900, 40000, 90000, 110000, 5100000, 5300000};
}

/* n runs, of the seeds 1 to n, on each side: alike but for what a test changes. */
struct versus_fixture {
	struct versus_fixture_run run[GCS_VERSUS_SIDES][VERSUS_FIXTURE_RUNS];
	uint32_t n[GCS_VERSUS_SIDES];
	double band;
};

static inline struct versus_fixture *make_versus_fixture(uint32_t na, uint32_t nb)
{
	struct versus_fixture *f = calloc(1, sizeof *f);
	*f = (struct versus_fixture){.n = {na, nb}, .band = 1.25};
	for (int side = 0; side < GCS_VERSUS_SIDES; side++)
		for (uint32_t i = 0; i < f->n[side]; i++) {
			struct versus_fixture_run *r = &f->run[side][i];
			snprintf(r->path, sizeof r->path, "/runs/map-delete-residue-%c%u.gcrun", 'a' + side, i + 1);
			r->in.path = r->path;
			r->in.resolved = vf_resolved;
			snprintf(r->in.machine, sizeof r->in.machine, "here, a processor");
			versus_fixture_report(r, i + 1);
		}
	return f;
}

/* NULL: it failed. The fixture may go. */
static inline struct gcs_versus *make_versus_of(struct versus_fixture *f)
{
	struct gcs_versus_input in[GCS_VERSUS_SIDES][VERSUS_FIXTURE_RUNS];
	const struct gcs_versus_input *const side[GCS_VERSUS_SIDES] = {in[0], in[1]};
	struct gcs_versus *v = NULL;
	for (int s = 0; s < GCS_VERSUS_SIDES; s++)
		for (uint32_t i = 0; i < f->n[s]; i++)
			in[s][i] = f->run[s][i].in;
	return gcs_versus_create(&v, side, f->n, f->band) == 0 ? v : NULL;
}

/* What a screen test shows: B stops for twice as long and works faster; the last of its runs is inconclusive; gogc is 50 there. */
static inline struct gcs_versus *make_versus(uint32_t na, uint32_t nb)
{
	static char inconclusive[] = "INCONCLUSIVE", fired[] = "oom fired 0 < 20", resolved[] = "{\"seed\": 1, \"runtime\": {\"gogc\": 50}}";
	struct versus_fixture *f = make_versus_fixture(na, nb);
	for (uint32_t i = 0; i < nb; i++) {
		struct report *r = &f->run[GCS_VERSUS_B][i].in.report;
		f->run[GCS_VERSUS_B][i].in.resolved = resolved;
		r->series[GCS_STW].p99_ns *= 2;
		r->series[GCS_STW].max_ns *= 2;
		r->ops[1].count *= 3;
		r->ops[0].p.p99_ns = (int64_t)(r->ops[0].p.p99_ns * (i % 2 ? 1.4 : 1.1));
		r->gc_cycles *= 2;
		r->slo[0].ok = i != 0;
	}
	if (nb > 1) {
		struct report *r = &f->run[GCS_VERSUS_B][nb - 1].in.report;
		r->exit = GCS_EXIT_INCONCLUSIVE;
		r->word = inconclusive;
		r->sentence = fired;
	}
	struct gcs_versus *v = make_versus_of(f);
	free(f);
	return v;
}
