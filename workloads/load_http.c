/* load_http.c: see load_http.h. */
#include "workloads/load_http.h"

#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>
#include <unistd.h>

#define HTTP_READ_BYTES	    16384
#define HTTP_NAME_BYTES	    256
#define HTTP_HEAD_LINES_MAX 1000u
#define HTTP_READS_MAX	    64 /* of one call, with somebody who wants the content: he has other things to do */

/* ------------------------------------------------------------------- address */

/* HOST, [HOST] or either with :PORT, cut in place. */
static int http_host(char *text, char **ret_host, const char **ret_port)
{
	char *rest;

	*ret_host = text;
	*ret_port = "80";
	if (text[0] == '[') {
		rest = strchr(text, ']');
		if (rest == NULL)
			return -EINVAL;
		*ret_host = text + 1;
		*rest++ = '\0';
	} else {
		rest = strchr(text, ':');
	}
	if (rest == NULL || *rest == '\0')
		return **ret_host != '\0' ? 0 : -EINVAL;
	if (*rest != ':' || rest[1] == '\0')
		return -EINVAL;
	*rest = '\0';
	*ret_port = rest + 1;
	return **ret_host != '\0' ? 0 : -EINVAL;
}

static int http_look_up(struct http_server *ret, const char *host, const char *port)
{
	const struct addrinfo want = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *found = NULL;

	if (getaddrinfo(host, port, &want, &found) != 0 || found == NULL)
		return -ENOENT;
	memcpy(&ret->address, found->ai_addr, found->ai_addrlen);
	ret->bytes = found->ai_addrlen;
	freeaddrinfo(found);
	return 0;
}

/* unix:/SOCKET[:/PATH] in rest. */
static int http_unix(struct http_server *ret, const char *rest, const char **ret_path)
{
	struct sockaddr_un *at = (struct sockaddr_un *)&ret->address;
	const char *name = rest + strlen("unix:");
	size_t n = strcspn(name, ":");

	if (name[0] != '/' || n >= sizeof(at->sun_path) || (name[n] == ':' && name[n + 1] != '/'))
		return -EINVAL;
	*at = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(at->sun_path, name, n);
	ret->bytes = sizeof(*at);
	*ret_path = name[n] == ':' ? name + n + 1 : "";
	return 0;
}

/* HOST[:PORT][/PATH] in rest; named: HOST[:PORT], of HTTP_NAME_BYTES. */
static int http_tcp(struct http_server *ret, const char *rest, char *named, const char **ret_path)
{
	char cut[HTTP_NAME_BYTES], *host;
	const char *port;
	size_t n = strcspn(rest, "/");
	int r;

	if (n == 0 || n >= sizeof(cut))
		return -EINVAL;
	memcpy(named, rest, n);
	named[n] = '\0';
	memcpy(cut, named, n + 1);
	*ret_path = rest + n;
	r = http_host(cut, &host, &port);
	return r < 0 ? r : http_look_up(ret, host, port);
}

int http_server_find_below(struct http_server *ret, const char *url, const char *below)
{
	static const char scheme[] = "http://";
	char named[HTTP_NAME_BYTES] = "localhost";
	const char *rest = url + sizeof(scheme) - 1, *path = "";
	size_t n;
	int r;

	if (strncmp(url, scheme, sizeof(scheme) - 1) != 0 || strpbrk(url, " \r\n") != NULL)
		return -EINVAL;
	r = strncmp(rest, "unix:", 5) == 0 ? http_unix(ret, rest, &path)
					   : http_tcp(ret, rest, named, &path);
	if (r < 0)
		return r;
	n = strlen(path);
	if (below[0] != '\0' && n > 0 && path[n - 1] == '/')
		n--;
	n = (size_t)snprintf(ret->request, sizeof(ret->request),
			     "GET %.*s%s%s HTTP/1.1\r\nHost: %s\r\nUser-Agent: gcstorm\r\n\r\n", (int)n,
			     path, below, n == 0 && below[0] == '\0' ? "/" : "", named);
	if (n >= sizeof(ret->request))
		return -EINVAL;
	ret->request_bytes = n;
	return 0;
}

int http_server_find(struct http_server *ret, const char *url)
{
	return http_server_find_below(ret, url, "");
}

/* ---------------------------------------------------------------- connection */

void http_client_init(struct http_client *c)
{
	*c = (struct http_client){.fd = -1};
}

void http_client_close(struct http_client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->state = HTTP_CLOSED;
}

int http_client_connect(struct http_client *c, const struct http_server *s)
{
	const int on = 1;
	int r = 0;

	c->fd = socket(s->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		return -errno;
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	c->state = HTTP_IDLE;
	if (connect(c->fd, (const struct sockaddr *)&s->address, s->bytes) < 0)
		r = -errno;
	if (r == -EINPROGRESS) {
		c->state = HTTP_CONNECTING;
		r = 0;
	}
	if (r < 0)
		http_client_close(c);
	return r;
}

int http_client_send(struct http_client *c, const struct http_server *s)
{
	ssize_t n;

	/* One request is far below what a socket buffers, so it goes out whole or not at all. */
	do {
		n = send(c->fd, s->request, s->request_bytes, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n != (ssize_t)s->request_bytes) {
		int r = n < 0 ? -errno : -EIO;

		http_client_close(c);
		return r;
	}
	c->state = HTTP_HEAD;
	c->line_bytes = 0;
	c->head_lines = 0;
	c->chunked = c->length_known = c->closes = false;
	return 0;
}

/* --------------------------------------------------------------------- reply */

static bool http_field(const char *line, const char *name, const char **ret_value)
{
	size_t n = strlen(name);

	if (strncasecmp(line, name, n) != 0 || line[n] != ':')
		return false;
	*ret_value = line + n + 1 + strspn(line + n + 1, " \t");
	return true;
}

/* The empty line: what comes now? */
static void http_head_over(struct http_client *c)
{
	c->head_lines = 0;
	if (c->status / 100 == 1) /* another head follows */
		return;
	if (c->status == 204 || c->status == 304) {
		c->left = 0;
		c->state = HTTP_BODY;
	} else if (c->chunked) {
		c->state = HTTP_CHUNK_SIZE;
	} else {
		c->closes |= !c->length_known;
		c->state = c->length_known ? HTTP_BODY : HTTP_TO_END;
	}
}

static int http_head_line(struct http_client *c)
{
	const char *value;
	int minor;

	if (c->head_lines++ == 0) {
		if (sscanf(c->line, "HTTP/1.%1d %3d", &minor, &c->status) != 2)
			return -EPROTO;
		c->closes = minor == 0;
	} else if (c->line[0] == '\0') {
		http_head_over(c);
	} else if (http_field(c->line, "Content-Length", &value)) {
		c->left = strtoull(value, NULL, 10);
		c->length_known = true;
	} else if (http_field(c->line, "Transfer-Encoding", &value)) {
		c->chunked = strcasecmp(value, "chunked") == 0;
	} else if (http_field(c->line, "Connection", &value)) {
		c->closes = strcasecmp(value, "close") == 0;
	}
	return c->head_lines > HTTP_HEAD_LINES_MAX ? -EPROTO : 0;
}

static int http_line(struct http_client *c)
{
	char *end;

	switch (c->state) {
	case HTTP_HEAD:
		return http_head_line(c);
	case HTTP_CHUNK_SIZE:
		c->left = strtoull(c->line, &end, 16);
		if (end == c->line)
			return -EPROTO;
		c->state = c->left > 0 ? HTTP_CHUNK : HTTP_TRAILER;
		return 0;
	case HTTP_CHUNK_END:
		c->state = HTTP_CHUNK_SIZE;
		return c->line[0] == '\0' ? 0 : -EPROTO;
	default: /* HTTP_TRAILER */
		if (c->line[0] == '\0') {
			c->left = 0;
			c->state = HTTP_BODY; /* nothing is left of it */
		}
		return 0;
	}
}

/* A byte of a line; the line when it is whole. */
static int http_line_byte(struct http_client *c, char byte)
{
	if (byte != '\n') {
		if (c->line_bytes < HTTP_LINE_BYTES - 1)
			c->line[c->line_bytes++] = byte;
		return 0;
	}
	if (c->line_bytes > 0 && c->line[c->line_bytes - 1] == '\r')
		c->line_bytes--;
	c->line[c->line_bytes] = '\0';
	c->line_bytes = 0;
	return http_line(c);
}

static bool http_whole(const struct http_client *c)
{
	return c->state == HTTP_BODY && c->left == 0;
}

static int http_content(const struct http_client *c, const char *bytes, size_t n)
{
	return c->body == NULL || n == 0 || c->body(c->self, bytes, n) ? 0 : -ECANCELED;
}

/* 0; 1: the reply is whole; -EPROTO, also for what comes behind it; -ECANCELED. */
static int http_take(struct http_client *c, const char *bytes, size_t n)
{
	size_t i = 0;
	int r = 0;

	while (i < n && r == 0 && !http_whole(c)) {
		size_t part = n - i;

		if (c->state == HTTP_TO_END)
			return http_content(c, bytes + i, part);
		if (c->state != HTTP_BODY && c->state != HTTP_CHUNK) {
			r = http_line_byte(c, bytes[i++]);
			continue;
		}
		part = c->left < part ? (size_t)c->left : part;
		r = http_content(c, bytes + i, part);
		i += part;
		c->left -= part;
		if (c->state == HTTP_CHUNK && c->left == 0)
			c->state = HTTP_CHUNK_END;
	}
	if (r < 0 || (http_whole(c) && i < n))
		return -EPROTO;
	return http_whole(c) ? 1 : 0;
}

static enum http_progress http_replied(struct http_client *c)
{
	c->state = HTTP_IDLE;
	if (c->closes)
		http_client_close(c);
	return HTTP_REPLIED;
}

static enum http_progress http_lost(struct http_client *c)
{
	http_client_close(c);
	return HTTP_LOST;
}

static enum http_progress http_connected(struct http_client *c)
{
	int e = 0;
	socklen_t bytes = sizeof(e);

	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &e, &bytes) < 0 || e != 0)
		return http_lost(c);
	c->state = HTTP_IDLE;
	return HTTP_CONNECTED;
}

enum http_progress http_client_ready(struct http_client *c)
{
	char bytes[HTTP_READ_BYTES];

	if (c->state == HTTP_CONNECTING)
		return http_connected(c);
	for (int i = 0; c->state != HTTP_CLOSED && (c->body == NULL || i < HTTP_READS_MAX); i++) {
		ssize_t n = recv(c->fd, bytes, sizeof(bytes), 0);
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return HTTP_WAITS;
		if (n == 0 && c->state == HTTP_TO_END)
			return http_replied(c);
		if (n <= 0 || c->state == HTTP_IDLE) /* gone, or a reply to nothing */
			return http_lost(c);
		r = http_take(c, bytes, (size_t)n);
		if (r < 0)
			return http_lost(c);
		if (r > 0)
			return http_replied(c);
	}
	return HTTP_WAITS;
}
