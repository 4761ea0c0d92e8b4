/*
 * load.c: gcstorm-load: the clients of echo and of http, in a process of their own.
 *
 * Open loop: request n of a workload is intended at t0 + n / rate, on connection n modulo conns.
 * One request is in flight a connection; what falls due meanwhile waits and leaves at once when the
 * reply is there, and its latency counts from the intended start all the same. One thread: epoll
 * over the connections, the control socket (its end ends us) and a timerfd set to the next intended
 * start, or to the next look at the lease.
 *
 * The rate of a workload may change in mid-run (a line of the harness): what fell due before stays
 * where it was, the next request is intended at the moment of the change.
 *
 * Clients of http make their connections themselves, and anew when they are lost. A request that gets no connection, or loses it, has failed: it is an error,
 * no operation, and has no latency.
 *
 * Descriptors and the plan: docs/control-protocol.md. The handshake with the target is three words
 * in the telemetry. Nothing here is under a fault; a reply that does not answer its request is an
 * integrity error.
 */
#include "workloads/echo_wire.h"
#include "workloads/load_http.h"
#include "workloads/plan_edit.h"
#include "workloads/rates.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define LOAD_CONTROL_FD		3
#define LOAD_TELEMETRY_FD	4
#define LOAD_LINE_BYTES		((size_t)4 << 20)
#define LOAD_EVENTS_MAX		128
#define LOAD_POLL_NS		1000000L
#define LOAD_LINGER_NS		INT64_C(1000000000) /* for replies after the end */
#define LOAD_LEASE_NS		INT64_C(1200000000)
#define LOAD_LOOK_NS		INT64_C(50000000) /* at the lease */
#define LOAD_INTEGRITY_TOLD_MAX 100u
#define LOAD_ORDER_BYTES	256u

struct load_client {
	int fd; /* -1: closed */
	uint32_t index;
	uint64_t due, sent, got; /* requests of this connection */
	size_t reply_bytes;	 /* of the reply that is coming in */
	struct echo_reply reply;
	struct http_client http; /* of a workload with a url; fd is its descriptor */
};

/* Requests from `first` on are intended at from_ns + (n - first) / rate. */
struct load_row {
	uint64_t first, rate;
	int64_t from_ns;
};

struct load_work {
	const struct plan_workload *w;
	struct watch_ops *ops;
	struct load_row row[RATES_MAX + 1]; /* by time; the first from t0 on */
	uint32_t nrows;
	uint64_t next; /* request that falls due next */
	struct load_client *client;
	struct http_server server; /* with a url */
};

struct load {
	struct plan *plan;
	struct mrt_telemetry *telemetry;
	int epoll_fd, timer_fd;
	int64_t t0_ns, end_ns;
	bool orphan;
	uint64_t beat; /* of the lease, seen last */
	int64_t lease_at_ns, quiet_ns;
	uint32_t open, told;
	char order[LOAD_ORDER_BYTES]; /* a line of the harness, so far */
	size_t order_bytes;
	uint32_t nworks;
	struct load_work work[PLAN_WORKLOADS_MAX];
};

static int64_t load_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void load_bump(_Atomic uint64_t *counter)
{
	/* One writer: this thread. */
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1,
			      memory_order_relaxed);
}

static int64_t load_intended(const struct load_work *k, uint64_t n)
{
	const struct load_row *row = &k->row[k->nrows - 1];

	while (n < row->first) /* it waits for its reply since before a change */
		row--;
	return row->from_ns +
	       (int64_t)((unsigned __int128)(n - row->first) * 1000000000u / row->rate);
}

/* ------------------------------------------------------------------- clients */

static void load_close(struct load *l, struct load_client *c)
{
	if (c->fd < 0)
		return;
	close(c->fd);
	c->fd = -1;
	l->open--;
}

/* ---- of http */

static int load_watch(struct load *l, int fd, uint64_t tag, uint32_t events);

static uint64_t load_tag(const struct load *l, const struct load_work *k, const struct load_client *c)
{
	return ((uint64_t)(k - l->work) << 32 | c->index) + 2;
}

/* The request that was due is answered, or will never be. */
static void load_http_failed(struct load_work *k, struct load_client *c)
{
	load_bump(&k->ops->errors);
	c->sent = ++c->got;
}

/* A connection, or an error for the request that wanted it. */
static void load_http_connect(struct load *l, struct load_work *k, struct load_client *c)
{
	int r = http_client_connect(&c->http, &k->server);

	/* What is watched goes out of epoll when it is closed. */
	if (r == 0)
		r = load_watch(l, c->http.fd, load_tag(l, k, c), EPOLLIN | EPOLLOUT | EPOLLET);
	if (r < 0) {
		http_client_close(&c->http);
		load_http_failed(k, c);
	}
}

/* Send what is due; those that fail at once are done with, one a turn of the loop at most for each that fell due. */
static void load_http_send(struct load *l, struct load_work *k, struct load_client *c)
{
	while (c->sent != c->due && c->sent == c->got) {
		if (c->http.state == HTTP_CLOSED)
			load_http_connect(l, k, c);
		if (c->http.state == HTTP_CONNECTING)
			return;
		if (c->http.state != HTTP_IDLE)
			continue; /* it failed */
		if (http_client_send(&c->http, &k->server) < 0)
			load_http_failed(k, c);
		else
			c->sent++;
	}
}

static void load_http_replied(struct load_work *k, struct load_client *c)
{
	int64_t intended = load_intended(k, c->got * k->w->conns + c->index);

	watch_hist_add(&k->ops->latency, (uint64_t)(load_now_ns() - intended));
	load_bump(&k->ops->ops);
	if (c->http.status >= 500)
		load_bump(&k->ops->errors);
	c->got++;
}

static void load_http_ready(struct load *l, struct load_work *k, struct load_client *c)
{
	bool connecting = c->http.state == HTTP_CONNECTING;

	switch (c->http.state == HTTP_CLOSED ? HTTP_WAITS : http_client_ready(&c->http)) {
	case HTTP_REPLIED:
		load_http_replied(k, c);
		break;
	case HTTP_LOST:
		/* An idle one was closed by the server: nothing is lost. */
		if (connecting || c->sent != c->got)
			load_http_failed(k, c);
		break;
	case HTTP_CONNECTED:
	case HTTP_WAITS:
		break;
	}
	load_http_send(l, k, c);
}

/* Send the next request that is due, if none is in flight. */
static void load_send(struct load *l, struct load_work *k, struct load_client *c)
{
	uint64_t n = c->sent * k->w->conns + c->index;
	struct echo_request request = {.sequence = c->sent, .intended_ns = load_intended(k, n)};
	ssize_t r;

	if (k->w->url[0] != '\0') {
		load_http_send(l, k, c);
		return;
	}
	if (c->fd < 0 || c->sent == c->due || c->sent != c->got)
		return;
	/* One request is far below what a socket buffers, so it goes out whole or not at all. */
	do {
		request.sent_ns = load_now_ns();
		r = send(c->fd, &request, sizeof(request), MSG_NOSIGNAL);
	} while (r < 0 && errno == EINTR);
	if (r == (ssize_t)sizeof(request))
		c->sent++;
	else
		load_close(l, c);
}

static void load_reply(struct load *l, struct load_work *k, struct load_client *c, int64_t now_ns)
{
	int64_t intended = load_intended(k, c->got * k->w->conns + c->index);
	struct watch_record rec = {
		.t_ns = now_ns,
		.kind = WATCH_INTEGRITY,
		.p = 0xffff,
		.a = k->w->index,
		.b = c->index,
		.c = WORK_REPLY,
		.d = c->got,
		.e = (uint64_t)intended,
		.f = (uint64_t)c->reply.intended_ns,
	};

	if ((!echo_reply_holds(&c->reply, intended) || c->reply.sequence != c->got) &&
	    l->told++ < LOAD_INTEGRITY_TOLD_MAX)
		watch_emit_shared(l->telemetry, &rec);
	watch_hist_add(&k->ops->latency, (uint64_t)(now_ns - intended));
	load_bump(&k->ops->ops);
	if (c->reply.status != 0)
		load_bump(&k->ops->errors);
	c->got++;
	c->reply_bytes = 0;
}

static void load_receive(struct load *l, struct load_work *k, struct load_client *c)
{
	while (c->fd >= 0) {
		ssize_t n = recv(c->fd, (char *)&c->reply + c->reply_bytes,
				 sizeof(c->reply) - c->reply_bytes, MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0 || c->sent == c->got) { /* gone, or a reply to nothing */
			load_close(l, c);
			return;
		}
		c->reply_bytes += (size_t)n;
		if (c->reply_bytes < sizeof(c->reply))
			continue;
		load_reply(l, k, c, load_now_ns());
		load_send(l, k, c);
	}
}

/* ------------------------------------------------------------------ schedule */

/* Everything that has fallen due by now; returns when the next falls due. */
static int64_t load_make_due(struct load *l, struct load_work *k, int64_t now_ns)
{
	for (;;) {
		int64_t intended = load_intended(k, k->next);
		struct load_client *c = &k->client[k->next % k->w->conns];

		if (intended >= l->end_ns)
			return INT64_MAX;
		if (intended > now_ns)
			return intended;
		k->next++;
		c->due++;
		load_send(l, k, c);
		atomic_store_explicit(&k->ops->intended, k->next, memory_order_relaxed);
	}
}

/* ---- what the harness says: another rate, or nothing that concerns us */

static void load_rate(struct load *l, struct load_work *k, uint64_t rate)
{
	int64_t now = load_now_ns();

	if (l->t0_ns == 0 || k->nrows > RATES_MAX)
		return;
	load_make_due(l, k, now); /* at the rate so far */
	k->row[k->nrows++] = (struct load_row){k->next, rate, now};
}

static void load_order(struct load *l, const char *line)
{
	json_t *o = json_loads(line, 0, NULL);
	const char *cmd = json_string_value(json_object_get(o, "cmd"));
	uint32_t workload;
	uint64_t rate;

	if (cmd != NULL && strcmp(cmd, "rate") == 0 &&
	    plan_edit_rate(l->plan, o, &workload, &rate) == 0)
		for (uint32_t i = 0; i < l->nworks; i++)
			if (l->work[i].w->index == workload)
				load_rate(l, &l->work[i], rate);
	json_decref(o);
}

/* What has come of lines; an end is the harness's. */
static void load_orders(struct load *l)
{
	ssize_t n = recv(LOAD_CONTROL_FD, l->order + l->order_bytes,
			 sizeof(l->order) - 1 - l->order_bytes, MSG_DONTWAIT);
	char *end;

	l->orphan = n == 0;
	if (n <= 0)
		return;
	l->order_bytes += (size_t)n;
	l->order[l->order_bytes] = '\0';
	while ((end = strchr(l->order, '\n')) != NULL) {
		*end++ = '\0';
		load_order(l, l->order);
		l->order_bytes -= (size_t)(end - l->order);
		memmove(l->order, end, l->order_bytes + 1);
	}
	if (l->order_bytes == sizeof(l->order) - 1) /* no line of ours is that long */
		l->order_bytes = 0;
}

/* As the target's control thread does: the harness stands still for so long, counted in our own
 * time, that we are nobody's any more. */
static void load_lease(struct load *l, int64_t now_ns)
{
	int64_t passed = now_ns - l->lease_at_ns;
	uint64_t beat = atomic_load_explicit(&l->telemetry->beat, memory_order_relaxed);

	l->lease_at_ns = now_ns;
	l->quiet_ns += passed < 2 * LOAD_LOOK_NS ? passed : 2 * LOAD_LOOK_NS;
	if (beat != l->beat || beat == 0)
		l->quiet_ns = 0;
	l->beat = beat;
	l->orphan |= l->quiet_ns >= LOAD_LEASE_NS;
}

static void load_set_timer(struct load *l, int64_t at_ns)
{
	struct itimerspec its = {
		.it_value = {.tv_sec = at_ns / 1000000000, .tv_nsec = at_ns % 1000000000},
	};

	timerfd_settime(l->timer_fd, TFD_TIMER_ABSTIME, &its, NULL);
}

static bool load_all_answered(const struct load *l)
{
	for (uint32_t i = 0; i < l->nworks; i++)
		for (uint32_t j = 0; j < l->work[i].w->conns; j++) {
			const struct load_client *c = &l->work[i].client[j];

			if ((c->fd >= 0 || l->work[i].w->url[0] != '\0') && c->got != c->due)
				return false;
		}
	return true;
}

/* Events carry (workload << 32 | connection) + 2; 0 the timer, 1 the control socket. */
static void load_event(struct load *l, uint64_t tag)
{
	struct load_work *k;
	uint64_t fired;

	if (tag == 0) {
		if (read(l->timer_fd, &fired, sizeof(fired)) < 0)
			return;
	} else if (tag == 1) {
		load_orders(l);
	} else {
		k = &l->work[(tag - 2) >> 32];
		if (k->w->url[0] != '\0')
			load_http_ready(l, k, &k->client[(tag - 2) & UINT32_MAX]);
		else
			load_receive(l, k, &k->client[(tag - 2) & UINT32_MAX]);
	}
}

static void load_run(struct load *l)
{
	struct epoll_event events[LOAD_EVENTS_MAX];

	while (!l->orphan && l->open > 0) {
		int64_t now = load_now_ns(), next = INT64_MAX;
		int n;

		for (uint32_t i = 0; i < l->nworks; i++) {
			int64_t at = load_make_due(l, &l->work[i], now);

			next = at < next ? at : next;
		}
		if (next == INT64_MAX) {
			if (load_all_answered(l) || now >= l->end_ns + LOAD_LINGER_NS)
				return;
			next = l->end_ns + LOAD_LINGER_NS;
		}
		load_lease(l, now);
		load_set_timer(l, next < now + LOAD_LOOK_NS ? next : now + LOAD_LOOK_NS);
		n = epoll_wait(l->epoll_fd, events, LOAD_EVENTS_MAX, -1);
		for (int i = 0; i < n; i++)
			load_event(l, events[i].data.u64);
	}
}

/* -------------------------------------------------------------------- set-up */

static int load_fail(const char *what, int r)
{
	fprintf(stderr, "gcstorm-load: %s: %s\n", what, strerror(-r));
	return r;
}

/* The load line ends at the first newline; what follows stays for later and is dropped. */
static int load_read_line(char *line, size_t cap)
{
	size_t used = 0;

	while (used < cap - 1) {
		ssize_t n = read(LOAD_CONTROL_FD, line + used, cap - 1 - used);
		char *end;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -EPIPE;
		end = memchr(line + used, '\n', (size_t)n);
		used += (size_t)n;
		line[used] = '\0';
		if (end != NULL) {
			*end = '\0';
			return 0;
		}
	}
	return -E2BIG;
}

static int load_plan(struct load *l)
{
	char *line = malloc(LOAD_LINE_BYTES), text[256] = "";
	int r = -ENOMEM;

	if (line != NULL)
		r = load_read_line(line, LOAD_LINE_BYTES);
	if (r == 0)
		r = plan_parse(&l->plan, line, text, sizeof(text));
	free(line);
	return r < 0 ? load_fail(text[0] != '\0' ? text : "the plan", r) : 0;
}

static int load_map(struct load *l)
{
	l->telemetry = mmap(NULL, sizeof(*l->telemetry), PROT_READ | PROT_WRITE, MAP_SHARED,
			    LOAD_TELEMETRY_FD, 0);
	if (l->telemetry == MAP_FAILED)
		return load_fail("telemetry", -errno);
	return watch_layout_check(l->telemetry) < 0 ? load_fail("telemetry", -EPROTO) : 0;
}

static int load_watch(struct load *l, int fd, uint64_t tag, uint32_t events)
{
	struct epoll_event event = {.events = events | EPOLLRDHUP, .data.u64 = tag};

	return epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int load_open_work(struct load *l, const struct plan_workload *w)
{
	struct load_work *k = &l->work[l->nworks];
	int r = 0;

	k->w = w;
	k->ops = &l->telemetry->ops[w->first_slot];
	k->ops->workload = w->index;
	k->ops->worker = 0;
	k->ops->is_client = 1;
	atomic_store_explicit(&k->ops->used, 1, memory_order_release);
	k->client = calloc(w->conns, sizeof(*k->client));
	if (k->client == NULL)
		return -ENOMEM;
	if (w->url[0] != '\0')
		r = http_server_find(&k->server, w->url);
	for (uint32_t i = 0; i < w->conns && r == 0; i++) {
		k->client[i].index = i;
		k->client[i].fd = w->url[0] != '\0' ? -1 : w->first_fd + (int)i;
		http_client_init(&k->client[i].http);
		if (k->client[i].fd >= 0)
			r = load_watch(l, k->client[i].fd, load_tag(l, k, &k->client[i]), EPOLLIN);
		l->open += r == 0;
	}
	l->nworks++;
	return r;
}

static int load_open(struct load *l)
{
	int r = 0;

	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	l->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (l->epoll_fd < 0 || l->timer_fd < 0)
		return load_fail("epoll", -errno);
	r = load_watch(l, l->timer_fd, 0, EPOLLIN);
	if (r == 0)
		r = load_watch(l, LOAD_CONTROL_FD, 1, EPOLLIN);
	for (uint32_t i = 0; i < l->plan->nworkloads && r == 0; i++)
		if (l->plan->workload[i].conns > 0 && l->plan->workload[i].rate > 0)
			r = load_open_work(l, &l->plan->workload[i]);
	return r < 0 ? load_fail("the connections", r) : 0;
}

/* Say that we are ready; wait for the target's go, looking once a millisecond. */
static void load_await_go(struct load *l)
{
	struct epoll_event event;

	atomic_store_explicit(&l->telemetry->load_ready, 1, memory_order_release);
	load_set_timer(l, load_now_ns() + LOAD_POLL_NS);
	/* Acquire: pairs with the target's release: t0 is there. */
	while (!l->orphan &&
	       atomic_load_explicit(&l->telemetry->load_go, memory_order_acquire) == 0) {
		if (epoll_wait(l->epoll_fd, &event, 1, -1) == 1)
			load_event(l, event.data.u64);
		load_lease(l, load_now_ns());
		load_set_timer(l, load_now_ns() + LOAD_POLL_NS);
	}
	l->t0_ns = atomic_load_explicit(&l->telemetry->t0_ns, memory_order_relaxed);
	l->end_ns = l->t0_ns + l->plan->end_ns;
	for (uint32_t i = 0; i < l->nworks; i++) {
		l->work[i].row[0] = (struct load_row){0, l->work[i].w->rate, l->t0_ns};
		l->work[i].nrows = 1;
	}
}

int main(void)
{
	static struct load load;
	int r = load_plan(&load);

	if (r == 0)
		r = load_map(&load);
	if (r == 0)
		r = load_open(&load);
	if (r < 0)
		return 2;
	load_await_go(&load);
	load_run(&load);
	atomic_store_explicit(&load.telemetry->load_done, 1, memory_order_release);
	return 0;
}
