/*
 * signals.h: the signals that end a program of ours, as something to be read in its loop.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>

/* Block SIGINT, SIGTERM, SIGHUP, and with `children` SIGCHLD; they are read from the descriptor, which does not wait and is
 * closed by exec. Before any thread is made: threads inherit what is blocked. ret_old: what was blocked before, NULL: of no use.
 * The descriptor, -errno. */
int gcs_signals_open(bool children, sigset_t *ret_old);
