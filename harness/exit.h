/*
 * exit.h: what the program's exit status says (README, "Exit codes").
 *
 * Where several apply, the first of 130 or 143, 1, 3, 4, 99, 5, 7.
 */
#pragma once

enum gcs_exit { GCS_EXIT_PASS = 0, GCS_EXIT_HARNESS = 1, GCS_EXIT_USAGE = 2, GCS_EXIT_UNSUPPORTED = 3, GCS_EXIT_CRASH = 4,
	GCS_EXIT_INCONCLUSIVE = 5, GCS_EXIT_UNTRUSTED = 7, GCS_EXIT_FAIL = 99, GCS_EXIT_INT = 130, GCS_EXIT_TERM = 143 };
