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

static const struct {
	enum gcs_act act;
	const char *name;
	bool wants_fault;
} ctl_acts[] = {
	{GCS_DO_ARM, "arm", true},    {GCS_DO_DISARM, "disarm", true},
	{GCS_DO_FIRE, "fire", true},  {GCS_DO_DISARM_ALL, "disarm-all", false},
	{GCS_DO_MARK, "mark", false},
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
	/* Armed since the last tick: by whom is not known yet. */
	const char *by = !armed || !v->armed ? NULL : v->operator_act ? "hand" : "window";
	return json_pack("{ss ss ss sb ss? sI sI sI so ss?}", "id", s->scenario->fault[i].id,
			 "point", s->scenario->fault[i].point, "what", v->what ? v->what : "",
			 "armed", (int)armed, "by", by, "fired", ctl_load(&live->fired), "eligible",
			 ctl_load(&live->eligible), "visits", ctl_load(&live->visits),
			 "next_edge_ns", ctl_time(edge_ns), "next", next);
}

static json_t *ctl_status(const struct gcs_ctl *c)
{
	const struct gcs_snapshot *s = c->sink.snapshot(c->sink.self);
	struct gcs_ctl_about about = {0};
	json_t *faults = json_array();
	c->sink.about(c->sink.self, &about);
	for (uint32_t i = 0; i < s->scenario->nfaults; i++)
		json_array_append_new(faults, ctl_fault(c, s, i, about.now_ns));
	return json_pack("{ss ss ss sI sb sb ss sI sI ss? ss? sb so}", "run", s->run_id, "name",
			 s->scenario->name, "record", s->record_path, "pid", (json_int_t)about.pid,
			 "sim", (int)s->sim, "going", (int)about.going, "state",
			 ctl_state(s->state), "now_ns", (json_int_t)about.now_ns, "end_ns",
			 (json_int_t)s->end_ns, "phase",
			 s->phase >= 0 ? s->scenario->phase[s->phase].id : NULL, "fifo", about.fifo,
			 "operator_modified", (int)s->operator_modified, "faults", faults);
}

/* ---- requests */

static json_t *ctl_refuse(enum gcs_exit code, const char *hint, const char *text)
{
	return json_pack("{sb si ss ss?}", "ok", 0, "exit", (int)code, "error", text, "hint", hint);
}

/* Index of the fault; -1: none, with *ret_reply. */
static int ctl_find_fault(const struct gcs_ctl *c, const char *id, json_t **ret_reply)
{
	const struct gcs_scenario *s = c->sink.snapshot(c->sink.self)->scenario;
	char text[GCS_CTL_TEXT_BYTES], hint[GCS_CTL_TEXT_BYTES] = "";
	for (uint32_t i = 0; id && i < s->nfaults; i++)
		if (strcmp(s->fault[i].id, id) == 0)
			return (int)i;
	const char *near =
		id ? gcs_suggest(id, &s->fault[0].id, s->nfaults, sizeof s->fault[0]) : NULL;
	if (near)
		snprintf(hint, sizeof hint, "did you mean '%s'?", near);
	for (uint32_t i = 0; !near && i < s->nfaults; i++)
		snprintf(hint + strlen(hint), sizeof hint - strlen(hint), "%s%s",
			 i ? ", " : "its faults: ", s->fault[i].id);
	if (id)
		snprintf(text, sizeof text, "%.60s has no fault '%.60s'", s->name, id);
	else
		snprintf(text, sizeof text, "which fault?");
	*ret_reply =
		ctl_refuse(GCS_EXIT_USAGE, s->nfaults ? hint : "it has no faults at all", text);
	return -1;
}

/* It goes into records and on terminals. */
static void ctl_copy_text(char ret[GCS_CTL_TEXT_BYTES], const char *text)
{
	snprintf(ret, GCS_CTL_TEXT_BYTES, "%s", text ? text : "");
	for (char *p = ret; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = ' ';
}

static json_t *ctl_order(struct gcs_ctl *c, size_t act, json_t *request)
{
	char remark[GCS_CTL_TEXT_BYTES] = "", text[GCS_CTL_TEXT_BYTES];
	json_t *reply = NULL;
	int fault = -1;
	ctl_copy_text(text, json_string_value(json_object_get(request, "text")));
	if (ctl_acts[act].wants_fault)
		fault = ctl_find_fault(c, json_string_value(json_object_get(request, "fault")),
				       &reply);
	if (reply)
		return reply;
	enum gcs_exit code = c->sink.order(c->sink.self, ctl_acts[act].act, fault, text, remark);
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
