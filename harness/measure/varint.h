/*
 * varint.h: whole numbers as bytes of the record: seven bits a byte, the low ones first, the top bit of each byte but the last set.
 *
 * Reading trusts nothing: a record may be damaged or made by somebody else.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define GCS_VARINT_MAX 10 /* bytes of one */

static inline size_t gcs_varint_put(unsigned char *to, uint64_t v)
{
	size_t n = 0;
	while (v >= 0x80) {
		to[n++] = (unsigned char)(v | 0x80);
		v >>= 7;
	}
	to[n++] = (unsigned char)v;
	return n;
}

/* Bytes used, 0: truncated or too long. */
static inline size_t gcs_varint_get(const unsigned char *from, size_t left, uint64_t *ret)
{
	uint64_t v = 0;
	for (size_t n = 0; n < left && n < GCS_VARINT_MAX; n++) {
		v |= (uint64_t)(from[n] & 0x7f) << (7 * n);
		if (!(from[n] & 0x80)) {
			*ret = v;
			return n + 1;
		}
	}
	return 0;
}
