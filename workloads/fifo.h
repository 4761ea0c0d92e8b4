/*
 * fifo.h: the pair of FIFOs through which fiu-ctrl(1) speaks to a target, as it does to a program
 * that called fiu_rc_fifo(): PREFIX-PID.in takes commands, PREFIX-PID.out gives a reply to each.
 *
 * The prefix comes in the environment, GCSTORM_FIFO. fiu-ctrl reads a reply up to the end of the
 * stream, so the writing end is opened for each reply and closed behind it; the sandbox lets this
 * one path be opened. Nothing here waits. A NULL fifo is one that is not there.
 */
#pragma once

#include <stdint.h>

struct fifo;

/* Before the sandbox. 0; -ENOENT: none is asked for; -errno. */
int fifo_create(struct fifo **ret);
/* For gcs_sandbox_enter. NULL: none. */
const char *fifo_reply_path(const struct fifo *f);

/* ---- the control thread */
/* To wait on and read lines from, -1: none. Never ends, since we hold its other end too. */
int fifo_fd(const struct fifo *f);
/* The reply to the command that was read: as soon as somebody reads it. */
void fifo_reply(struct fifo *f, int status);
/* Hand out replies that are waited for; drop those that nobody came for. */
void fifo_flush(struct fifo *f, int64_t now_ns);

/* Closes; the names stay, the harness's directory goes with all that is in it. */
void fifo_destroy(struct fifo *f);
