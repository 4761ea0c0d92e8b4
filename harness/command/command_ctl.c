/*
 * command_ctl.c: gcstorm ctl: an order to a run that goes on, or a look at it.
 *
 * The record names the run, the run has a directory, its socket lies there. An order is sent, then
 * the run is asked until the target shows what was ordered, CTL_CONFIRM_NS at most. (Other numbers
 * and rates the target does not show: that it could not take them is an event of the run.)
 */
#include "harness/collect/collect.h"
#include "harness/command/command_priv.h"
#include "harness/run/ctl.h"
#include "harness/base/paths.h"
#include "harness/report/report_priv.h"
#include "harness/run/rundir.h"
#include "harness/base/suggest.h"
#include "harness/base/units.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CTL_REPLY_MS	5000
#define CTL_CONFIRM_NS	INT64_C(1000000000)
#define CTL_LOOK_NS	20000000L
#define CTL_REPLY_BYTES ((size_t)1 << 20)

/* What stands behind it: RUN and the verb are words 0 and 1. */
enum ctl_want { CTL_NOTHING, CTL_FAULT, CTL_ARM, CTL_TEXT, CTL_EDIT, CTL_RATE };
static const struct ctl_verb {
	const char *name;
	enum ctl_want want;
} ctl_verbs[] = {
	{"status", CTL_NOTHING}, {"arm", CTL_ARM},	      {"disarm", CTL_FAULT},
	{"fire", CTL_FAULT},	 {"disarm-all", CTL_NOTHING}, {"mark", CTL_TEXT},
	{"edit", CTL_EDIT},	 {"rate", CTL_RATE},
};
#define CTL_VERBS (sizeof ctl_verbs / sizeof ctl_verbs[0])

/* ---- finding the run */

static int ctl_say(enum gcs_exit code, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static int ctl_say(enum gcs_exit code, const char *format, ...)
{
	va_list args;
	fputs("gcstorm: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return (int)code;
}

/* No socket, or nobody behind it: what the record says of that. */
static int ctl_unreachable(const struct report *r, int e)
{
	if (r->finished)
		return ctl_say(GCS_EXIT_UNSUPPORTED, "the run %s is over: %s: %s", r->id, r->word,
			       r->sentence);
	if (e == -ENOENT || e == -ECONNREFUSED)
		return ctl_say(GCS_EXIT_UNSUPPORTED,
			       "the run %s cannot be reached: its harness died, or it belongs to "
			       "another user, or to another machine",
			       r->id);
	return ctl_say(GCS_EXIT_UNSUPPORTED, "the run %s cannot be reached: %s", r->id,
		       strerror(-e));
}

/* A connection into *ret_fd; exit code. */
static int ctl_reach(const char *run, int *ret_fd)
{
	char path[GCS_PATH_BYTES], dir[GCS_PATH_BYTES];
	struct report r;
	int e = gcs_path_record(run, path);
	if (e == -ENOTUNIQ)
		return gcs_command_usage("`gcstorm list runs` names them",
					 "several runs are called '%s'", run);
	if (e)
		return gcs_command_usage("`gcstorm list runs` names them; `last` is the newest",
					 "there is no run '%s'", run);
	if (report_load(&r, path, stderr))
		return GCS_EXIT_USAGE; /* it names no record; that has been said */
	int found = gcs_rundir_find(r.id, dir);
	*ret_fd = found >= 0 ? gcs_ctl_connect(found) : found;
	if (found >= 0)
		close(found);
	int code = *ret_fd < 0 ? ctl_unreachable(&r, *ret_fd) : 0;
	report_fini(&r);
	return code;
}

/* ---- asking */

static bool ctl_send(int fd, const char *text)
{
	size_t len = strlen(text);
	return send(fd, text, len, MSG_NOSIGNAL) == (ssize_t)len;
}

/* One line; NULL: none came. */
static json_t *ctl_receive(int fd)
{
	char *text = malloc(CTL_REPLY_BYTES);
	size_t used = 0;
	json_t *reply = NULL;
	while (text && used < CTL_REPLY_BYTES) {
		struct pollfd pfd = {.fd = fd, .events = POLLIN};
		if (poll(&pfd, 1, CTL_REPLY_MS) <= 0)
			break;
		ssize_t n = recv(fd, text + used, CTL_REPLY_BYTES - used, 0);
		if (n <= 0)
			break;
		used += (size_t)n;
		if (text[used - 1] == '\n') {
			reply = json_loadb(text, used, 0, NULL);
			break;
		}
	}
	free(text);
	return reply;
}

/* NULL: it was said that there is no answer. Takes the request over. */
static json_t *ctl_ask(int fd, json_t *request)
{
	json_t *reply = NULL;
	char *text = json_dumps(request, JSON_COMPACT), *line = NULL;
	if (text && asprintf(&line, "%s\n", text) > 0 && ctl_send(fd, line))
		reply = ctl_receive(fd);
	free(line);
	free(text);
	json_decref(request);
	if (!reply)
		ctl_say(GCS_EXIT_UNSUPPORTED,
			"the run does not answer: it has just ended, or its harness is stopped");
	return reply;
}

/* Words as they go into a request. False: it was said that one is none. */
static bool ctl_put(json_t *request, const char *key, const char *value)
{
	if (value && json_object_set_new(request, key, json_string(value)) != 0) {
		ctl_say(GCS_EXIT_USAGE, "'%s' is no text", value);
		return false;
	}
	return true;
}

/* The words from one on, as one: "delay=5ms,every=100", "the deploy". NULL: there are none. */
static char *ctl_joined(const struct gcs_arguments *a, int from, char between)
{
	char *text = NULL;
	size_t bytes;
	FILE *out = a->nwords > from ? open_memstream(&text, &bytes) : NULL;
	if (!out)
		return NULL;
	for (int i = from; i < a->nwords; i++) {
		if (i > from)
			fputc(between, out);
		fputs(a->word[i], out);
	}
	return fclose(out) ? NULL : text;
}

/* NULL: it was said what is wrong. */
static json_t *ctl_request(const struct ctl_verb *v, const struct gcs_arguments *a)
{
	json_t *r = json_pack("{ss}", "do", v->name);
	const char *word = a->nwords > 2 ? a->word[2] : NULL;
	char *rest = v->want == CTL_EDIT ? ctl_joined(a, 3, ',') : v->want == CTL_TEXT ? ctl_joined(a, 2, ' ') : NULL;
	bool good = true;
	if (v->want == CTL_FAULT || v->want == CTL_ARM || v->want == CTL_EDIT)
		good = ctl_put(r, "fault", word);
	if (good && v->want == CTL_ARM)
		good = ctl_put(r, "for", a->nwords > 3 ? a->word[a->nwords - 1] : NULL);
	if (good && v->want == CTL_TEXT)
		good = ctl_put(r, "text", rest);
	if (good && v->want == CTL_EDIT)
		good = ctl_put(r, "set", rest);
	if (good && v->want == CTL_RATE)
		good = ctl_put(r, "workload", word) && ctl_put(r, "rate", a->word[3]);
	free(rest);
	if (good)
		return r;
	json_decref(r);
	return NULL;
}

/* ---- what a status holds */

static const char *ctl_text(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));
	return text ? text : "";
}

static bool ctl_true(const json_t *o, const char *key)
{
	return json_is_true(json_object_get(o, key));
}

static double ctl_seconds(const json_t *o, const char *key)
{
	return (double)json_integer_value(json_object_get(o, key)) / 1e9;
}

static const json_t *ctl_fault(const json_t *status, const char *id)
{
	const json_t *list = json_object_get(status, "faults");
	for (size_t i = 0; i < json_array_size(list); i++)
		if (strcmp(ctl_text(json_array_get(list, i), "id"), id) == 0)
			return json_array_get(list, i);
	return NULL;
}

static const json_t *ctl_workload(const json_t *status, const char *id)
{
	const json_t *list = json_object_get(status, "workloads");
	for (size_t i = 0; i < json_array_size(list); i++)
		if (strcmp(ctl_text(json_array_get(list, i), "id"), id) == 0)
			return json_array_get(list, i);
	return NULL;
}

static json_int_t ctl_fired(const json_t *status, const char *id)
{
	return json_integer_value(json_object_get(ctl_fault(status, id), "fired"));
}

static bool ctl_any_armed(const json_t *status)
{
	const json_t *list = json_object_get(status, "faults");
	for (size_t i = 0; i < json_array_size(list); i++)
		if (ctl_true(json_array_get(list, i), "armed"))
			return true;
	return false;
}

/* ---- printing */

static bool ctl_limited(const json_t *fault)
{
	return json_is_integer(json_object_get(fault, "limit_ns"));
}

static const char *ctl_next(const json_t *fault, char ret[48])
{
	const char *next = ctl_text(fault, "next");
	if (ctl_limited(fault)) /* else the window's edge would come first */
		snprintf(ret, 48, "disarm at %.1f s", ctl_seconds(fault, "limit_ns"));
	else if (*next)
		snprintf(ret, 48, "%s at %.1f s", next, ctl_seconds(fault, "next_edge_ns"));
	else
		snprintf(ret, 48, "-");
	return ret;
}

/* "500/s"; "-": a closed loop, or a clock of its own. */
static const char *ctl_rate(const json_t *workload, char ret[GCS_UNIT_TEXT + 2])
{
	json_int_t rate = json_integer_value(json_object_get(workload, "rate"));
	char count[GCS_UNIT_TEXT];
	if (rate > 0)
		snprintf(ret, GCS_UNIT_TEXT + 2, "%s/s", gcs_show_count(count, (uint64_t)rate));
	else
		snprintf(ret, GCS_UNIT_TEXT + 2, "-");
	return ret;
}

static void ctl_print_workloads(const json_t *s)
{
	const json_t *list = json_object_get(s, "workloads"), *w;
	char rate[GCS_UNIT_TEXT + 2];
	size_t i;
	if (json_array_size(list))
		printf("%-16s %-15s %s\n", "WORKLOAD", "DRIVER", "RATE");
	json_array_foreach(list, i, w)
	{
		printf("%-16s %-15s %s\n", ctl_text(w, "id"), ctl_text(w, "driver"),
		       ctl_rate(w, rate));
	}
}

static const char *ctl_armed(const json_t *fault)
{
	const char *by = ctl_text(fault, "by");
	if (!ctl_true(fault, "armed"))
		return "no";
	return strcmp(by, "hand") == 0	   ? "by hand"
	       : strcmp(by, "window") == 0 ? "by window"
					   : "yes";
}

static void ctl_print_status(const json_t *s)
{
	const json_t *list = json_object_get(s, "faults"), *f;
	char next[48];
	size_t i;
	printf("%s (%s): %s%s%.1f of %.1f s, %s%s%s\n", ctl_text(s, "run"), ctl_text(s, "name"),
	       ctl_text(s, "phase"), *ctl_text(s, "phase") ? ", " : "", ctl_seconds(s, "now_ns"),
	       ctl_seconds(s, "end_ns"), ctl_text(s, "state"),
	       ctl_true(s, "sim") ? ", simulated" : "",
	       ctl_true(s, "operator_modified") ? ", operator-modified" : "");
	if (json_array_size(list))
		printf("%-16s %-15s %-10s %8s  %-20s %s\n", "FAULT", "POINT", "ARMED", "FIRED",
		       "NEXT", "WHAT");
	json_array_foreach(list, i, f)
	{
		printf("%-16s %-15s %-10s %8lld  %-20s %s\n", ctl_text(f, "id"),
		       ctl_text(f, "point"), ctl_armed(f),
		       (long long)json_integer_value(json_object_get(f, "fired")),
		       ctl_next(f, next), ctl_text(f, "what"));
	}
	ctl_print_workloads(s);
	if (*ctl_text(s, "fifo"))
		printf("also: fiu-ctrl -c 'enable name=POINT' %s\n", ctl_text(s, "fifo"));
}

static void ctl_print_fault(const char *verb, const char *id, const json_t *f, bool confirmed)
{
	bool arm = strcmp(verb, "arm") == 0;
	const char *next = ctl_text(f, "next");
	if (strcmp(verb, "fire") == 0) {
		if (confirmed)
			printf("%s has fired\n", id);
		else
			printf("%s will fire at its next eligible visit; none came within a "
			       "second\n",
			       id);
		return;
	}
	if (!confirmed) {
		printf("sent; the target has not shown within a second that %s is %sarmed\n", id,
		       arm ? "" : "dis");
		return;
	}
	printf("%s is %sarmed", id, arm ? "" : "dis");
	if (ctl_limited(f))
		printf("; its time limit disarms it at %.1f s", ctl_seconds(f, "limit_ns"));
	else if (*next)
		printf("; its windows %s it at %.1f s", next, ctl_seconds(f, "next_edge_ns"));
	else if (arm)
		printf(" until it is disarmed");
	putchar('\n');
}

static void ctl_print_rate(const char *id, const json_t *workload)
{
	char rate[GCS_UNIT_TEXT + 2];
	printf("%s: %s from now on\n", id, ctl_rate(workload, rate));
}

static void ctl_print_done(const char *verb, const char *word, const json_t *reply, bool confirmed)
{
	const json_t *status = json_object_get(reply, "status");
	if (strcmp(verb, "status") == 0)
		ctl_print_status(status);
	else if (strcmp(verb, "mark") == 0)
		puts("marked");
	else if (strcmp(verb, "edit") == 0)
		printf("%s: %s from now on\n", word, ctl_text(ctl_fault(status, word), "what"));
	else if (strcmp(verb, "rate") == 0)
		ctl_print_rate(word, ctl_workload(status, word));
	else if (strcmp(verb, "disarm-all") == 0)
		puts(confirmed ? "every fault is disarmed, and no window opens any more"
			       : "sent; the target has not shown within a second that all is "
				 "disarmed");
	else
		ctl_print_fault(verb, word, ctl_fault(status, word), confirmed);
}

/* ---- orders */

static int ctl_refused(const json_t *reply)
{
	const char *hint = ctl_text(reply, "hint");
	const char *error = ctl_text(reply, "error");
	int code = (int)json_integer_value(json_object_get(reply, "exit"));
	if (strchr(error, '\n')) /* as of a scenario: with place, line and caret */
		fputs(error, stderr);
	else
		ctl_say(GCS_EXIT_USAGE, "%s", error);
	if (*hint)
		fprintf(stderr, "  hint: %s\n", hint);
	return code == GCS_EXIT_UNSUPPORTED ? GCS_EXIT_UNSUPPORTED : GCS_EXIT_USAGE;
}

/* The status shows what was ordered. */
static bool ctl_shown(const json_t *reply, const char *verb, const char *word, json_int_t before)
{
	const json_t *status = json_object_get(reply, "status");
	if (strcmp(verb, "arm") == 0)
		return ctl_true(ctl_fault(status, word), "armed");
	if (strcmp(verb, "disarm") == 0)
		return !ctl_true(ctl_fault(status, word), "armed");
	if (strcmp(verb, "fire") == 0)
		return ctl_fired(status, word) > before;
	if (strcmp(verb, "disarm-all") == 0)
		return !ctl_any_armed(status);
	return true;
}

static int64_t ctl_now(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* Replaces *reply by later ones until it shows, or time is up; a run that ends meanwhile confirms
 * nothing. */
static bool ctl_confirm(int fd, json_t **reply, const char *verb, const char *word,
			json_int_t before)
{
	const struct timespec look = {.tv_nsec = CTL_LOOK_NS};
	int64_t until = ctl_now() + CTL_CONFIRM_NS;
	while (!ctl_shown(*reply, verb, word, before)) {
		if (ctl_now() >= until)
			return false;
		nanosleep(&look, NULL);
		json_t *next = ctl_send(fd, "{\"do\":\"status\"}\n") ? ctl_receive(fd) : NULL;
		if (!next)
			return false;
		json_decref(*reply);
		*reply = next;
	}
	return true;
}

/* What came of it, once it is confirmed or given up. Replaces *reply. */
static void ctl_tell(int fd, const struct ctl_verb *v, const struct gcs_arguments *a,
		     json_t **reply, json_int_t before)
{
	char remark[GCS_CTL_SAID_BYTES];
	const char *word = a->nwords > 2 ? a->word[2] : NULL;
	snprintf(remark, sizeof remark, "%s", ctl_text(*reply, "remark"));
	bool confirmed = ctl_confirm(fd, reply, v->name, word, before);
	if (strcmp(a->format, "json") == 0) {
		json_object_set_new(*reply, "confirmed", json_boolean(confirmed));
		json_dumpf(*reply, stdout, JSON_INDENT(1));
		putchar('\n');
	} else if (*remark) {
		puts(remark);
	} else {
		ctl_print_done(v->name, word, *reply, confirmed);
	}
}

/* How often it has fired; -1: it was said that there is no answer. */
static json_int_t ctl_fired_before(int fd, const char *word)
{
	json_t *reply = ctl_ask(fd, json_pack("{ss}", "do", "status"));
	json_int_t fired = reply ? ctl_fired(json_object_get(reply, "status"), word) : -1;
	json_decref(reply);
	return fired;
}

static int ctl_order(int fd, const struct ctl_verb *v, const struct gcs_arguments *a)
{
	json_int_t before = strcmp(v->name, "fire") == 0 ? ctl_fired_before(fd, a->word[2]) : 0;
	if (before < 0)
		return GCS_EXIT_UNSUPPORTED;
	json_t *request = ctl_request(v, a);
	if (!request)
		return GCS_EXIT_USAGE;
	json_t *reply = ctl_ask(fd, request);
	if (!reply)
		return GCS_EXIT_UNSUPPORTED;
	int code = ctl_true(reply, "ok") ? 0 : ctl_refused(reply);
	if (code == 0)
		ctl_tell(fd, v, a, &reply, before);
	json_decref(reply);
	return code;
}

/* Are its words there, and no others? */
static bool ctl_words(const struct ctl_verb *v, const struct gcs_arguments *a)
{
	static const int most[] = {[CTL_NOTHING] = 2, [CTL_FAULT] = 3, [CTL_ARM] = 5,
				   [CTL_TEXT] = 32,   [CTL_EDIT] = 16, [CTL_RATE] = 4};
	bool workload = v->want == CTL_RATE, of_time = a->nwords == 5 && v->want == CTL_ARM;
	if (v->want != CTL_NOTHING && v->want != CTL_TEXT && a->nwords < 3)
		gcs_command_usage("`gcstorm ctl RUN status` lists them", "%s which %s?", v->name,
				  workload ? "workload" : "fault");
	else if (v->want == CTL_RATE && a->nwords < 4)
		gcs_command_usage("500/s, 20k/s", "which rate?");
	else if (v->want == CTL_EDIT && a->nwords < 4)
		gcs_command_usage("delay=5ms, every=100; KEY=none takes it out", "which numbers of %s?",
				  a->word[2]);
	else if (a->nwords > most[v->want])
		gcs_command_usage(NULL, "%s takes no '%s'", v->name, a->word[most[v->want]]);
	else if (v->want == CTL_ARM && ((of_time && strcmp(a->word[3], "for") != 0) ||
					(a->nwords == 4 && strcmp(a->word[3], "keep") != 0)))
		gcs_command_usage("arm FAULT for 30s, or arm FAULT keep", "arm takes no '%s'", a->word[3]);
	else
		return true;
	return false;
}

/* NULL: it was said what is wrong. */
static const struct ctl_verb *ctl_verb(const struct gcs_arguments *a)
{
	char hint[96];
	const char *name = a->word[1];
	for (size_t i = 0; i < CTL_VERBS; i++) {
		const struct ctl_verb *v = &ctl_verbs[i];
		if (strcmp(v->name, name) != 0)
			continue;
		return ctl_words(v, a) ? v : NULL;
	}
	const char *near = gcs_suggest(name, &ctl_verbs[0].name, CTL_VERBS, sizeof ctl_verbs[0]);
	snprintf(hint, sizeof hint, "did you mean '%s'?", near ? near : "");
	gcs_command_usage(near ? hint : "status, arm, disarm, fire, disarm-all, mark, edit, rate",
			  "a run cannot be told to '%s'", name);
	return NULL;
}

int gcs_command_ctl(const struct gcs_arguments *a)
{
	const struct ctl_verb *v = ctl_verb(a);
	int fd = -1;
	if (!v)
		return GCS_EXIT_USAGE;
	int code = ctl_reach(a->word[0], &fd);
	if (code == 0) {
		code = ctl_order(fd, v, a);
		close(fd);
	}
	return code;
}
