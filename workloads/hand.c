/*
 * hand.c: see hand.h. An operator's arm or disarm holds until the fault's next edge; its occurrences
 * count on after those of the windows.
 */
#include "workloads/hand.h"

#include "faults/fault.h"
#include "faults/fiu_rc.h"
#include "faults/points.h"
#include "faults/syscalls.h"
#include "runtime/prim/prim.h"
#include "workloads/control.h"
#include "workloads/plan_edit.h"
#include "workloads/rates.h"

#include <stdio.h>
#include <string.h>

/* Of an operator's arm: behind those of the windows. */
static uint32_t hand_occurrence(struct hand *h, uint32_t fault)
{
	return h->env->plan->fault[fault].nwindows + h->acts[fault]++;
}

static void hand_operator(struct hand *h, const char *cmd, json_t *object)
{
	json_int_t fault = json_integer_value(json_object_get(object, "fault"));
	uint32_t i = (uint32_t)fault;
	const struct plan *p = h->env->plan;

	if (!json_is_integer(json_object_get(object, "fault")) || fault < 0 || fault >= p->nfaults)
		return;
	if (strcmp(cmd, "arm") == 0 && !gcs_fault_armed(i))
		gcs_fault_arm(i, hand_occurrence(h, i), true, prim_now_ns());
	else if (strcmp(cmd, "disarm") == 0)
		gcs_fault_disarm(i, true, prim_now_ns());
	else if (strcmp(cmd, "fire") == 0)
		gcs_fault_fire_once(i);
}

static void hand_tell(struct hand *h, const char *source, const char *act, int fault,
		      const char *text)
{
	control_send(h->fd, json_pack("{s:s,s:s,s:s,s:i,s:s}", "ev", "operator", "source", source,
				      "act", act, "fault", fault, "text", text));
}

/* 0, -errno. */
static int hand_change(struct hand *h, const char *cmd, json_t *object)
{
	struct gcs_fault_spec spec;
	uint32_t i;
	uint64_t rate;
	int r;

	if (strcmp(cmd, "edit") == 0) {
		r = plan_edit_fault(h->env->plan, object, &i, &spec);
		return r < 0 ? r : gcs_fault_edit(i, &spec);
	}
	r = plan_edit_rate(h->env->plan, object, &i, &rate);
	return r < 0 ? r : rates_add(&h->env->rates[i], prim_now_ns(), rate);
}

/* The harness has checked it; what is left is want of memory, or too many of them. */
static void hand_edit(struct hand *h, const char *cmd, json_t *object)
{
	char text[96];
	int r = hand_change(h, cmd, object);

	if (r == 0)
		return;
	snprintf(text, sizeof(text), "%s: %s: nothing has changed", cmd, strerror(-r));
	hand_tell(h, "target", "refused", -1, text);
}

void hand_order(struct hand *h, const char *cmd, json_t *object)
{
	if (strcmp(cmd, "edit") == 0 || strcmp(cmd, "rate") == 0)
		hand_edit(h, cmd, object);
	else
		hand_operator(h, cmd, object);
}

/* ------------------------------------------------------------------- fiu-ctrl */

/* Do to one fault what the command says; what that is called, NULL: it is so already. */
static const char *hand_fiu_one(struct hand *h, const struct gcs_fiu_command *cmd, uint32_t i)
{
	int64_t now = prim_now_ns();
	bool armed = gcs_fault_armed(i);

	if (cmd->act == GCS_FIU_DISABLE) {
		gcs_fault_disarm(i, true, now);
		return armed ? "disarm" : NULL;
	}
	if (cmd->onetime) {
		gcs_fault_fire_once(i);
		return "fire";
	}
	gcs_fault_arm_with(i, armed ? 0 : hand_occurrence(h, i), cmd->p_ppb, now);
	return "arm";
}

const char *hand_fiu(struct hand *h, const char *line, const char *not_now)
{
	const struct plan *p = h->env->plan;
	struct gcs_fiu_command cmd;
	const char *why = NULL, *act;
	uint32_t found = 0;
	bool elsewhere = false;

	if (gcs_fiu_parse(&cmd, line, &why) < 0)
		return why;
	if (not_now != NULL)
		return not_now;
	for (uint32_t i = 0; i < p->nfaults; i++) {
		if (!gcs_fiu_matches(&cmd, gcs_point_by_id((uint32_t)p->spec[i].point)->name))
			continue;
		if (cmd.act != GCS_FIU_DISABLE && gcs_syscalls_of(p->spec[i].point) != NULL) {
			elsewhere = true; /* the harness decides, by the scenario's triggers */
			continue;
		}
		found++;
		act = hand_fiu_one(h, &cmd, i);
		if (act != NULL)
			hand_tell(h, "fiu-ctrl", act, (int)i, line);
	}
	if (found == 0 && elsewhere)
		return "system calls are armed by gcstorm ctl";
	return found > 0 ? NULL : "the scenario has no fault at that point";
}

void hand_fiu_refused(struct hand *h, const char *line, const char *why)
{
	char text[256];

	snprintf(text, sizeof(text), "%.120s: %.100s", why, line);
	hand_tell(h, "fiu-ctrl", "refused", -1, text);
}
