/*
 * ctl.c: see ctl.h.
 *
 * A client sends one JSON object a line and gets one back for each, in order. A client that does
 * not take its reply, or sends more than a line's worth of nothing, is hung up on. When all places
 * are taken the oldest client makes room.
 */
#include "harness/run/ctl.h"
#include "harness/base/lines.h"
#include "harness/run/rundir.h"
#include "harness/base/suggest.h"
#include "harness/base/units.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct ctl_client {
	int fd; /* -1: free */
	struct gcs_lines lines;
	uint64_t turn; /* when it came */
};
struct gcs_ctl {
	struct gcs_ctl_sink sink;
	int fd;
	uint64_t turns;
	struct ctl_client client[GCS_CTL_CLIENTS];
	struct ctl_client *answering;
};

enum ctl_about { CTL_ALL, CTL_FAULT, CTL_WORKLOAD };
static const struct {
	enum gcs_act act;
	const char *name;
	enum ctl_about about;
	const char *text; /* the key of its words; NULL: it has none */
	bool must;	  /* without them it means nothing */
} ctl_acts[] = {
	{GCS_DO_ARM, "arm", CTL_FAULT, NULL, false},
	{GCS_DO_DISARM, "disarm", CTL_FAULT, NULL, false},
	{GCS_DO_FIRE, "fire", CTL_FAULT, NULL, false},
	{GCS_DO_DISARM_ALL, "disarm-all", CTL_ALL, NULL, false},
	{GCS_DO_MARK, "mark", CTL_ALL, "text", false},
	{GCS_DO_EDIT, "edit", CTL_FAULT, "set", true},
	{GCS_DO_RATE, "rate", CTL_WORKLOAD, "rate", true},
};
#define CTL_ACTS (sizeof ctl_acts / sizeof ctl_acts[0])

const char *gcs_ctl_act_name(enum gcs_act act)
{
	for (size_t i = 0; i < CTL_ACTS; i++)
		if (ctl_acts[i].act == act)
			return ctl_acts[i].name;
	return NULL;
}

/* ---- the socket */

/* A path may be longer than a socket's address: go by the directory's descriptor. */
static struct sockaddr_un ctl_address(int dir_fd)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	snprintf(a.sun_path, sizeof a.sun_path, "/proc/self/fd/%d/" GCS_RUNDIR_SOCKET, dir_fd);
	return a;
}

int gcs_ctl_connect(int dir_fd)
{
	struct sockaddr_un a = ctl_address(dir_fd);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&a, sizeof a) == 0)
		return fd;
	int e = -errno;
	close(fd);
	return e;
}

static int ctl_listen(int dir_fd)
{
	struct sockaddr_un a = ctl_address(dir_fd);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (bind(fd, (const struct sockaddr *)&a, sizeof a) == 0 &&
	    listen(fd, GCS_CTL_CLIENTS) == 0)
		return fd;
	int e = -errno;
	close(fd);
	return e;
}

int gcs_ctl_create(struct gcs_ctl **ret, int dir_fd, const struct gcs_ctl_sink *sink)
{
	struct gcs_ctl *c = calloc(1, sizeof *c);
	if (!c)
		return -ENOMEM;
	c->sink = *sink;
	for (int i = 0; i < GCS_CTL_CLIENTS; i++)
		c->client[i].fd = -1;
	c->fd = ctl_listen(dir_fd);
	if (c->fd < 0) {
		int e = c->fd;
		free(c);
		return e;
	}
	*ret = c;
	return 0;
}

static void ctl_hang_up(struct ctl_client *k)
{
	if (k->fd >= 0)
		close(k->fd);
	k->fd = -1;
	gcs_lines_fini(&k->lines);
}

void gcs_ctl_destroy(struct gcs_ctl *c)
{
	if (!c)
		return;
	for (int i = 0; i < GCS_CTL_CLIENTS; i++)
		ctl_hang_up(&c->client[i]);
	close(c->fd);
	free(c);
}

/* ---- what a run is like */

static const char *ctl_state(enum gcs_state s)
{
	static const char *const names[] = {
		[GCS_STARTING] = "starting",	 [GCS_WARMING] = "warming",
		[GCS_STEADY] = "steady",	 [GCS_FAULTING] = "faulting",
		[GCS_RECOVERING] = "recovering", [GCS_RECOVERED] = "recovered",
		[GCS_ENDED] = "ended",
	};
	return names[s];
}

static json_t *ctl_time(int64_t ns)
{
	return ns < 0 ? json_null() : json_integer((json_int_t)ns);
}

static json_int_t ctl_load(const _Atomic uint64_t *word)
{
	return (json_int_t)atomic_load_explicit(word, memory_order_relaxed);
}

/* The next edge of its windows, and what it does; NULL: there is none. */
static const char *ctl_next(const struct gcs_fault *f, int64_t now_ns, int64_t *ret_edge_ns)
{
	*ret_edge_ns = -1;
	for (uint32_t i = 0; i < f->nwindows; i++) {
		if (f->window[i].end_ns <= now_ns)
			continue;
		bool open = f->window[i].start_ns <= now_ns;
		*ret_edge_ns = open ? f->window[i].end_ns : f->window[i].start_ns;
		return open ? "disarm" : "arm";
	}
	return NULL;
}

static json_t *ctl_fault(const struct gcs_ctl *c, const struct gcs_snapshot *s, uint32_t i,
			 int64_t now_ns)
{
	int64_t edge_ns;
	const char *next = ctl_next(&s->scenario->fault[i], now_ns, &edge_ns);
	const struct watch_fault *live = c->sink.counters(c->sink.self, i);
	const struct gcs_fault_view *v = &s->fault[i];
	bool armed = ctl_load(&live->armed) != 0;
	int64_t limit_ns = c->sink.limit(c->sink.self, i);
	/* Armed since the last tick: by whom is not known yet. */
	const char *by = !armed || !v->armed ? NULL : v->operator_act ? "hand" : "window";
	return json_pack("{ss ss ss sb ss? sI sI sI so ss? so}", "id", s->scenario->fault[i].id,
			 "point", s->scenario->fault[i].point, "what", v->what ? v->what : "",
			 "armed", (int)armed, "by", by, "fired", ctl_load(&live->fired), "eligible",
			 ctl_load(&live->eligible), "visits", ctl_load(&live->visits),
			 "next_edge_ns", ctl_time(edge_ns), "next", next, "limit_ns",
			 ctl_time(limit_ns));
}

static json_t *ctl_workloads(const struct gcs_snapshot *s)
{
	json_t *list = json_array();
	for (uint32_t i = 0; i < s->scenario->nworkloads; i++)
		json_array_append_new(list, json_pack("{ss ss sI}", "id", s->scenario->workload[i].id,
						      "driver", s->scenario->workload[i].driver,
						      "rate", (json_int_t)s->work[i].rate_wanted));
	return list;
}

static json_t *ctl_status(const struct gcs_ctl *c)
{
	const struct gcs_snapshot *s = c->sink.snapshot(c->sink.self);
	struct gcs_ctl_about about = {0};
	json_t *faults = json_array();
	c->sink.about(c->sink.self, &about);
	for (uint32_t i = 0; i < s->scenario->nfaults; i++)
		json_array_append_new(faults, ctl_fault(c, s, i, about.now_ns));
	return json_pack("{ss ss ss sI sb sb ss sI sI ss? ss? sb so so}", "run", s->run_id, "name",
			 s->scenario->name, "record", s->record_path, "pid", (json_int_t)about.pid,
			 "sim", (int)s->sim, "going", (int)about.going, "state",
			 ctl_state(s->state), "now_ns", (json_int_t)about.now_ns, "end_ns",
			 (json_int_t)s->end_ns, "phase",
			 s->phase >= 0 ? s->scenario->phase[s->phase].id : NULL, "fifo", about.fifo,
			 "operator_modified", (int)s->operator_modified, "faults", faults, "workloads",
			 ctl_workloads(s));
}

/* ---- requests */

static json_t *ctl_refuse(enum gcs_exit code, const char *hint, const char *text)
{
	return json_pack("{sb si ss ss?}", "ok", 0, "exit", (int)code, "error", text, "hint", hint);
}

/* What there is, where a request names nothing of it: "did you mean 'oom'?", "its faults: oom, late". */
static void ctl_hint(char hint[GCS_CTL_TEXT_BYTES], const char *id, const char *what,
		     const void *list, size_t n, size_t stride)
{
	const char *near = id ? gcs_suggest(id, list, n, stride) : NULL, *name;
	size_t used = 0;
	if (near) {
		snprintf(hint, GCS_CTL_TEXT_BYTES, "did you mean '%s'?", near);
		return;
	}
	used = (size_t)snprintf(hint, GCS_CTL_TEXT_BYTES, n ? "its %ss: " : "it has no %ss at all",
				what);
	for (size_t i = 0; i < n && used < GCS_CTL_TEXT_BYTES; i++) {
		memcpy(&name, (const char *)list + i * stride, sizeof name);
		used += (size_t)snprintf(hint + used, GCS_CTL_TEXT_BYTES - used, "%s%s",
					 i ? ", " : "", name);
	}
}

/* Index of what has this id; -1: nothing has, with *ret_reply. list: of structures that begin with
 * their ids. */
static int ctl_find(const struct gcs_ctl *c, const char *id, const char *what, const void *list,
		    size_t n, size_t stride, json_t **ret_reply)
{
	char text[GCS_CTL_TEXT_BYTES], hint[GCS_CTL_TEXT_BYTES];
	const char *name;
	for (size_t i = 0; id && i < n; i++) {
		memcpy(&name, (const char *)list + i * stride, sizeof name);
		if (strcmp(name, id) == 0)
			return (int)i;
	}
	ctl_hint(hint, id, what, list, n, stride);
	if (id)
		snprintf(text, sizeof text, "%.60s has no %s '%.60s'",
			 c->sink.snapshot(c->sink.self)->scenario->name, what, id);
	else
		snprintf(text, sizeof text, "which %s?", what);
	*ret_reply = ctl_refuse(GCS_EXIT_USAGE, hint, text);
	return -1;
}

/* The fault or workload that the order is about. */
static void ctl_order_about(const struct gcs_ctl *c, enum ctl_about about, const json_t *request,
			    struct gcs_request *order, json_t **ret_reply)
{
	const struct gcs_scenario *s = c->sink.snapshot(c->sink.self)->scenario;
	if (about == CTL_FAULT)
		order->fault = (uint32_t)ctl_find(
			c, json_string_value(json_object_get(request, "fault")), "fault",
			&s->fault[0].id, s->nfaults, sizeof s->fault[0], ret_reply);
	if (about == CTL_WORKLOAD)
		order->workload = (uint32_t)ctl_find(
			c, json_string_value(json_object_get(request, "workload")), "workload",
			&s->workload[0].id, s->nworkloads, sizeof s->workload[0], ret_reply);
}

#define CTL_LIMIT_MAX_NS (INT64_C(24) * 3600 * 1000000000)

/* "30s"; keep, 0. */
static void ctl_order_limit(const json_t *request, struct gcs_request *order, json_t **ret_reply)
{
	const char *text = json_string_value(json_object_get(request, "for"));
	char say[GCS_CTL_TEXT_BYTES];
	if (!text)
		return;
	if (strcmp(text, "keep") == 0 || strcmp(text, "0") == 0) {
		order->for_ns = GCS_ARM_KEEP;
		return;
	}
	int e = gcs_parse_duration(text, &order->for_ns);
	if (e == 0 && order->for_ns >= 1000000 && order->for_ns <= CTL_LIMIT_MAX_NS)
		return;
	snprintf(say, sizeof say, "a fault cannot be armed for '%.60s'", text);
	*ret_reply = ctl_refuse(GCS_EXIT_USAGE,
				"a time with its unit, from 1ms to 24h, such as 30s; or keep, till the end of the run", say);
}

/* It goes into records and on terminals. False: it is too long. */
static bool ctl_copy_text(char ret[GCS_CTL_TEXT_BYTES], const char *text)
{
	int n = snprintf(ret, GCS_CTL_TEXT_BYTES, "%s", text ? text : "");
	for (char *p = ret; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = ' ';
	return n < GCS_CTL_TEXT_BYTES;
}

/* Its words. */
static void ctl_order_text(size_t act, const json_t *request, struct gcs_request *order,
			   char text[GCS_CTL_TEXT_BYTES], json_t **ret_reply)
{
	const char *key = ctl_acts[act].text, *given;
	char say[64];
	if (!key)
		return;
	given = json_string_value(json_object_get(request, key));
	order->text = text;
	if (ctl_copy_text(text, given) && (given || !ctl_acts[act].must))
		return;
	if (!ctl_acts[act].must)
		return; /* a mark's words are cut */
	snprintf(say, sizeof say, given ? "'%s' of %s is too long" : "no '%s' to %s", key,
		 ctl_acts[act].name);
	*ret_reply = ctl_refuse(GCS_EXIT_USAGE, NULL, say);
}

static json_t *ctl_order(struct gcs_ctl *c, size_t act, json_t *request)
{
	char remark[GCS_CTL_SAID_BYTES] = "", text[GCS_CTL_TEXT_BYTES];
	struct gcs_request order = {.act = ctl_acts[act].act};
	json_t *reply = NULL;
	ctl_order_about(c, ctl_acts[act].about, request, &order, &reply);
	if (!reply && order.act == GCS_DO_ARM)
		ctl_order_limit(request, &order, &reply);
	if (!reply)
		ctl_order_text(act, request, &order, text, &reply);
	if (reply)
		return reply;
	enum gcs_exit code = c->sink.order(c->sink.self, &order, remark);
	if (code != GCS_EXIT_PASS)
		return ctl_refuse(code, NULL, remark);
	return json_pack("{sb ss? so}", "ok", 1, "remark", *remark ? remark : NULL, "status",
			 ctl_status(c));
}

static json_t *ctl_answer(struct gcs_ctl *c, json_t *request)
{
	const char *what = json_string_value(json_object_get(request, "do"));
	if (!what)
		return ctl_refuse(GCS_EXIT_USAGE, NULL, "no request: {\"do\":\"status\"}");
	if (strcmp(what, "status") == 0)
		return json_pack("{sb so}", "ok", 1, "status", ctl_status(c));
	for (size_t i = 0; i < CTL_ACTS; i++)
		if (strcmp(ctl_acts[i].name, what) == 0)
			return ctl_order(c, i, request);
	return ctl_refuse(GCS_EXIT_USAGE, NULL, "no such order");
}

static void ctl_line(void *self, char *line)
{
	struct gcs_ctl *c = self;
	struct ctl_client *k = c->answering;
	json_t *request = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
	json_t *reply = ctl_answer(c, request);
	char *text = reply ? json_dumps(reply, JSON_COMPACT) : NULL;
	size_t len = text ? strlen(text) : 0;
	if (text)
		text[len] = '\n'; /* in place of the NUL; sent by its length */
	/* Its buffer holds a reply; who takes none is no client. */
	if (k->fd >= 0 &&
	    (!text || send(k->fd, text, len + 1, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)len + 1))
		shutdown(k->fd, SHUT_RDWR);
	free(text);
	json_decref(reply);
	json_decref(request);
}

static void ctl_accept(struct gcs_ctl *c)
{
	struct ctl_client *place = &c->client[0];
	int fd = accept4(c->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	for (int i = 0; i < GCS_CTL_CLIENTS; i++)
		if (c->client[i].fd < 0 || (place->fd >= 0 && c->client[i].turn < place->turn))
			place = &c->client[i];
	ctl_hang_up(place);
	place->fd = fd;
	place->turn = c->turns++;
}

int gcs_ctl_fds(const struct gcs_ctl *c, struct pollfd fds[GCS_CTL_FDS])
{
	int n = 0;
	if (!c)
		return 0;
	fds[n++] = (struct pollfd){.fd = c->fd, .events = POLLIN};
	for (int i = 0; i < GCS_CTL_CLIENTS; i++)
		if (c->client[i].fd >= 0)
			fds[n++] = (struct pollfd){.fd = c->client[i].fd, .events = POLLIN};
	return n;
}

void gcs_ctl_poll(struct gcs_ctl *c)
{
	if (!c)
		return;
	ctl_accept(c);
	for (int i = 0; i < GCS_CTL_CLIENTS; i++) {
		struct ctl_client *k = &c->client[i];
		c->answering = k;
		if (k->fd >= 0 && gcs_lines_read(&k->lines, k->fd, ctl_line, c) != 0)
			ctl_hang_up(k);
	}
}
