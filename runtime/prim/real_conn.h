/*
 * real_conn.h: the inside of a connection, for the poller.
 */
#pragma once

struct prim_conn {
	int fd;
};
