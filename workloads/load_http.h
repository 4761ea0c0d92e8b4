/*
 * load_http.h: a client of HTTP/1.1, for gcstorm-load and for what exec asks a program: one connection, one request in flight, GET of one address.
 *
 * Nothing blocks. A reply is whole by its Content-Length, its last chunk, or the end of the connection; its content is passed over, or goes to `body`.
 * http only, over TCP or a Unix socket, no redirects: a reply is what came, whatever it says.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define HTTP_REQUEST_BYTES 640
#define HTTP_LINE_BYTES	   512 /* of a line of the head: what follows on a longer one is passed over */

struct http_server {
	struct sockaddr_storage address;
	socklen_t bytes;
	char request[HTTP_REQUEST_BYTES];
	size_t request_bytes;
};
/* "http://HOST[:PORT][/PATH]", or "http://unix:/SOCKET[:/PATH]". Looks HOST up. 0; -EINVAL; -ENOENT: there is no such host. */
int http_server_find(struct http_server *ret, const char *url);
/* The same, of what lies below the address: PATH, without a slash at its end, and `below`, which begins with one. */
int http_server_find_below(struct http_server *ret, const char *url, const char *below);

enum http_state {
	HTTP_CLOSED,
	HTTP_CONNECTING,
	HTTP_IDLE,
	HTTP_HEAD, /* a request is in flight: the head of its reply is read, or what follows */
	HTTP_BODY,
	HTTP_CHUNK_SIZE,
	HTTP_CHUNK,
	HTTP_CHUNK_END,
	HTTP_TRAILER,
	HTTP_TO_END,
};

struct http_client {
	enum http_state state;
	int fd; /* -1 */
	char line[HTTP_LINE_BYTES];
	size_t line_bytes;
	uint64_t left; /* of body or chunk */
	uint32_t head_lines;
	int status; /* of the reply */
	bool chunked, length_known, closes;
	/* What the reply holds, as it comes, in pieces; NULL: it is passed over. False: no more of it, the connection is lost. Set behind _init.
	 * With it _ready reads a bounded part at a time, and waits though more may be there: the descriptor must be looked at by level. */
	bool (*body)(void *self, const char *bytes, size_t n);
	void *self;
};

void http_client_init(struct http_client *c);
/* A new connection, HTTP_CONNECTING or HTTP_IDLE. 0; -errno: it is closed again. */
int http_client_connect(struct http_client *c, const struct http_server *s);
/* HTTP_IDLE: a request goes out. 0; -errno: it is closed. */
int http_client_send(struct http_client *c, const struct http_server *s);
enum http_progress { HTTP_WAITS, HTTP_CONNECTED, HTTP_REPLIED, HTTP_LOST };
/* Its descriptor is ready: go on as far as it goes. REPLIED: c->status, and it is IDLE, or CLOSED where the server wants that. LOST: it is CLOSED. */
enum http_progress http_client_ready(struct http_client *c);
void http_client_close(struct http_client *c);
