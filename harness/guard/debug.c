/* debug.c: see debug.h. */
#include "harness/guard/debug.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEBUG_TEXT 512

/* Those that are there at once: `profile` and `trace` run for seconds, and are what they measure. */
static const char *const debug_kinds[GUARD_PROFILE_KINDS] = {"heap",  "allocs", "goroutine",
							     "block", "mutex",	"threadcreate"};

const char *guard_miss_name(enum guard_miss miss)
{
	static const char *const names[GUARD_MISSES] = {"refused", "lost",	    "slow",	     "status",
							"not_it",  "too_large", "other_program", "not_saved"};
	return names[miss];
}

/* ---- setting up */

static int debug_kind(struct guard_debug *d, const char *name, size_t n)
{
	char below[64];
	for (uint32_t k = 0; k < GUARD_PROFILE_KINDS; k++) {
		if (strlen(debug_kinds[k]) != n || strncmp(debug_kinds[k], name, n) != 0)
			continue;
		snprintf(below, sizeof below, "/debug/pprof/%s", debug_kinds[k]);
		d->wants[k] = true;
		return http_server_find_below(&d->profile[k], d->url, below);
	}
	return -EINVAL;
}

int guard_debug_init(struct guard_debug *d)
{
	const char *name = d->kinds ? d->kinds : "";
	http_client_init(&d->http);
	d->file = -1;
	d->next_ns = INT64_MAX;
	if (!d->url)
		return 0;
	d->text = malloc(GUARD_VARS_BYTES_MAX + 1);
	if (!d->text)
		return -ENOMEM;
	int e = http_server_find_below(&d->vars, d->url, "/debug/vars");
	while (e == 0 && *name) {
		size_t n = strcspn(name, ",");
		e = debug_kind(d, name, n);
		name += n + (name[n] == ',');
	}
	return e;
}

/* Drop what is in flight, and the file that is not whole. */
static void debug_close(struct guard_debug *d)
{
	http_client_close(&d->http);
	if (d->file >= 0) {
		close(d->file);
		unlink(d->path);
	}
	d->file = -1;
	d->asks = GUARD_ASKS_NOTHING;
}

void guard_debug_fini(struct guard_debug *d)
{
	debug_close(d);
	free(d->text);
	d->text = NULL;
}

void guard_debug_program(struct guard_debug *d, bool runs, int64_t now_ns)
{
	if (!d->url)
		return;
	if (!runs) {
		d->profiles_missed += d->nqueue;
		d->nqueue = 0;
	}
	debug_close(d);
	d->runs = runs;
	d->answered = false;
	d->begun_ns = d->next_ns = now_ns;
}

/* ---- what did not come */

static const char *debug_what(const struct guard_debug *d, char ret[48])
{
	if (d->asks == GUARD_ASKS_VARS)
		return "/debug/vars";
	snprintf(ret, 48, "/debug/pprof/%s", debug_kinds[d->queue[0].kind]);
	return ret;
}

static void debug_tell(struct guard_debug *d, enum guard_miss miss, const char *detail)
{
	static const char *const words[GUARD_MISSES] = {
		"nobody listens there",
		"the connection broke, or it is no HTTP",
		"no whole answer within 5 s",
		"it answers",
		"it serves something else",
		"the answer is too large",
		"another program answers: it has collected before this one was started",
		"it cannot be saved",
	};
	char text[DEBUG_TEXT], what[48];
	if (d->told & 1u << miss)
		return;
	d->told |= 1u << miss;
	snprintf(text, sizeof text, "%s of %.200s: %s%s%.100s (told once, counted in the report)",
		 debug_what(d, what), d->url, words[miss], *detail ? ": " : "", detail);
	d->say(d->self, 1, text);
}

static void debug_pop(struct guard_debug *d)
{
	if (d->nqueue)
		memmove(d->queue, d->queue + 1, --d->nqueue * sizeof d->queue[0]);
}

static void debug_missed(struct guard_debug *d, enum guard_miss miss, const char *detail, int64_t now_ns)
{
	bool early = miss == GUARD_MISS_REFUSED && !d->answered &&
		     now_ns - d->begun_ns < GUARD_PATIENCE_NS;
	bool profile = d->asks == GUARD_ASKS_PROFILE;
	d->missed[miss]++;
	d->profiles_missed += profile;
	if (!early)
		debug_tell(d, miss, detail);
	debug_close(d);
	if (profile)
		debug_pop(d);
}

/* ---- what comes */

static bool debug_give_up(struct guard_debug *d, enum guard_miss why)
{
	d->gave_up = true;
	d->why = why;
	return false;
}

static bool debug_store(struct guard_debug *d, const char *bytes, size_t n)
{
	d->file_bytes += n;
	if (d->file_bytes > GUARD_PROFILE_BYTES_MAX)
		return debug_give_up(d, GUARD_MISS_LARGE);
	while (n) {
		ssize_t got = write(d->file, bytes, n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			d->file_error = got < 0 ? errno : ENOSPC;
			return debug_give_up(d, GUARD_MISS_FILE);
		}
		bytes += got;
		n -= (size_t)got;
	}
	return true;
}

static bool debug_body(void *self, const char *bytes, size_t n)
{
	struct guard_debug *d = self;
	if (d->http.status != 200)
		return debug_give_up(d, GUARD_MISS_STATUS);
	if (d->asks == GUARD_ASKS_PROFILE)
		return debug_store(d, bytes, n);
	if (n > GUARD_VARS_BYTES_MAX - d->bytes)
		return debug_give_up(d, GUARD_MISS_LARGE);
	memcpy(d->text + d->bytes, bytes, n);
	d->bytes += n;
	return true;
}

/* The answer is whole. */
static void debug_vars(struct guard_debug *d, int64_t now_ns, int64_t wall_ns)
{
	struct guard_vars v;
	const char *why = "";
	if (guard_vars_parse(&v, d->text, d->bytes, &why) != 0) {
		debug_missed(d, GUARD_MISS_ELSE, why, now_ns);
		return;
	}
	enum guard_fit fit = guard_trace_vars(d->trace, &v, now_ns, wall_ns);
	if (fit == GUARD_OLDER) {
		debug_missed(d, GUARD_MISS_OTHER, "", now_ns);
		return;
	}
	if (fit == GUARD_SEVERAL && !d->told_several)
		d->say(d->self, 1, "/debug/vars: NumGC fell: several processes answer in turn; their cycles are told by gctrace lines alone");
	d->told_several |= fit == GUARD_SEVERAL;
	d->answers++;
	d->answered = true;
	d->gc_cpu_ppb = v.gc_cpu_ppb;
	d->sys_max = v.sys > d->sys_max ? v.sys : d->sys_max;
	debug_close(d);
}

/* gzip begins with these two: anything else is no profile. */
static bool debug_is_profile(int file)
{
	unsigned char head[2];
	return pread(file, head, 2, 0) == 2 && head[0] == 0x1f && head[1] == 0x8b;
}

static void debug_profile(struct guard_debug *d, int64_t now_ns)
{
	char text[DEBUG_TEXT];
	const char *slash = strrchr(d->path, '/');
	if (!debug_is_profile(d->file)) {
		debug_missed(d, GUARD_MISS_ELSE, "no profile", now_ns);
		return;
	}
	snprintf(text, sizeof text, "profile saved: %.300s, %" PRIu64 " bytes",
		 slash ? slash + 1 : d->path, d->file_bytes);
	if (close(d->file) != 0) {
		d->file = -1;
		unlink(d->path);
		debug_missed(d, GUARD_MISS_FILE, strerror(errno), now_ns);
		return;
	}
	d->file = -1;
	d->profiles++;
	d->say(d->self, 0, text);
	debug_close(d);
	debug_pop(d);
}

static void debug_replied(struct guard_debug *d, int64_t now_ns, int64_t wall_ns)
{
	char status[16];
	snprintf(status, sizeof status, "%d", d->http.status);
	if (d->http.status != 200)
		debug_missed(d, GUARD_MISS_STATUS, status, now_ns);
	else if (d->asks == GUARD_ASKS_VARS)
		debug_vars(d, now_ns, wall_ns);
	else
		debug_profile(d, now_ns);
}

static void debug_lost(struct guard_debug *d, bool connecting, int64_t now_ns)
{
	char status[16] = "";
	if (d->gave_up && d->why == GUARD_MISS_STATUS)
		snprintf(status, sizeof status, "%d", d->http.status);
	if (d->gave_up)
		debug_missed(d, d->why, d->why == GUARD_MISS_FILE ? strerror(d->file_error) : status, now_ns);
	else
		debug_missed(d, connecting ? GUARD_MISS_REFUSED : GUARD_MISS_LOST, "", now_ns);
}

/* ---- asking */

static const struct http_server *debug_server(const struct guard_debug *d)
{
	return d->asks == GUARD_ASKS_VARS ? &d->vars : &d->profile[d->queue[0].kind];
}

static void debug_send(struct guard_debug *d, int64_t now_ns)
{
	if (http_client_send(&d->http, debug_server(d)) != 0)
		debug_missed(d, GUARD_MISS_LOST, "", now_ns);
}

static bool debug_file(struct guard_debug *d)
{
	const struct guard_profile *p = &d->queue[0];
	int n = snprintf(d->path, sizeof d->path, "%s.%s.%s.pb.gz", d->prefix ? d->prefix : "",
			 p->moment, debug_kinds[p->kind]);
	d->file_bytes = 0;
	if (!d->prefix || n >= (int)sizeof d->path)
		errno = ENAMETOOLONG;
	else
		d->file = open(d->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return d->file >= 0;
}

static void debug_ask(struct guard_debug *d, enum guard_asks what, int64_t now_ns)
{
	d->asks = what;
	d->asked_ns = now_ns;
	d->bytes = 0;
	d->gave_up = false;
	if (what == GUARD_ASKS_PROFILE && !debug_file(d)) {
		debug_missed(d, GUARD_MISS_FILE, strerror(errno), now_ns);
		return;
	}
	http_client_init(&d->http);
	d->http.body = debug_body;
	d->http.self = d;
	if (http_client_connect(&d->http, debug_server(d)) != 0)
		debug_missed(d, GUARD_MISS_REFUSED, "", now_ns);
	else if (d->http.state == HTTP_IDLE)
		debug_send(d, now_ns);
}

/* The next request that is due, profiles first. What nobody answered in time is not asked for twice. */
static void debug_next(struct guard_debug *d, int64_t now_ns)
{
	if (d->nqueue) {
		debug_ask(d, GUARD_ASKS_PROFILE, now_ns);
	} else if (now_ns >= d->next_ns) {
		d->next_ns = d->ending ? INT64_MAX : now_ns + d->every_ns;
		debug_ask(d, GUARD_ASKS_VARS, now_ns);
	}
}

static void debug_ready(struct guard_debug *d, int64_t now_ns, int64_t wall_ns)
{
	bool connecting = d->http.state == HTTP_CONNECTING;
	switch (http_client_ready(&d->http)) {
	case HTTP_CONNECTED:
		debug_send(d, now_ns);
		break;
	case HTTP_REPLIED:
		debug_replied(d, now_ns, wall_ns);
		break;
	case HTTP_LOST:
		debug_lost(d, connecting, now_ns);
		break;
	case HTTP_WAITS:
		break;
	}
}

void guard_debug_step(struct guard_debug *d, bool ready, int64_t now_ns, int64_t wall_ns)
{
	if (!d->url || !d->runs)
		return;
	if (ready && d->asks != GUARD_ASKS_NOTHING)
		debug_ready(d, now_ns, wall_ns);
	if (d->asks != GUARD_ASKS_NOTHING && now_ns - d->asked_ns > GUARD_ANSWER_NS)
		debug_missed(d, GUARD_MISS_SLOW, "", now_ns);
	if (d->asks == GUARD_ASKS_NOTHING)
		debug_next(d, now_ns);
}

/* The last ones find room for certain. */
static bool debug_has_room(const struct guard_debug *d)
{
	return d->nqueue < GUARD_PROFILES_MAX &&
	       (d->ending || d->profiles + d->nqueue < GUARD_SAVED_MAX);
}

void guard_debug_profile(struct guard_debug *d, const char *moment)
{
	for (uint32_t k = 0; d->url && k < GUARD_PROFILE_KINDS; k++) {
		if (!d->wants[k])
			continue;
		if (!d->runs || !debug_has_room(d)) {
			d->profiles_missed++;
			continue;
		}
		struct guard_profile *p = &d->queue[d->nqueue++];
		p->kind = k;
		snprintf(p->moment, sizeof p->moment, "%s", moment);
	}
}

void guard_debug_end(struct guard_debug *d, const char *moment)
{
	d->ending = true;
	d->next_ns = 0;
	guard_debug_profile(d, moment);
}

bool guard_debug_idle(const struct guard_debug *d)
{
	return !d->url || !d->runs ||
	       (d->asks == GUARD_ASKS_NOTHING && d->nqueue == 0 && d->next_ns == INT64_MAX);
}

struct pollfd guard_debug_fd(const struct guard_debug *d)
{
	bool connecting = d->http.state == HTTP_CONNECTING;
	return (struct pollfd){.fd = d->asks == GUARD_ASKS_NOTHING ? -1 : d->http.fd,
			       .events = connecting ? POLLOUT : POLLIN};
}
