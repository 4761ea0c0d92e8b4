/*
 * build.h: which programs these are.
 */
#pragma once

#include <stdbool.h>

#define GCS_BUILD_BYTES 40

/* "HARNESS-TARGET", sixteen hexadecimal digits of the content of each file: this program, and the target, real or
 * simulated ("?" for one that cannot be read). Two builds that differ differ in it, but for an accident in 2^64. Read
 * at the first call and kept: call it before there are threads, and before a fork that should share it. */
const char *gcs_build_id(bool sim);
