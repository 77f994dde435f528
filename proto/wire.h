/* SPDX-License-Identifier: Apache-2.0
 *
 * What encode.c, decode.c and json.c share: the envelope's fields on the wire, and the check that
 * runs over foreign bytes before anything is allocated for them.
 */
#pragma once
#include "drover/message.h"

/* The envelope without the body, field by field as it travels. */
extern const struct dr_desc dr_wire_envelope;
#define DR_WIRE_BODY "body"

/* Walks msgpack bytes without allocating: one complete value, no byte more, every declared length
 * backed by bytes that are there, nesting at most depth_max. 0, or -1 with a sentence in err.
 * msgpack-c itself allocates by what a header claims, so a five-byte message could ask for
 * gigabytes; this runs first. */
int dr_wire_check(const uint8_t *bytes, size_t len, int depth_max, char *err, size_t err_len);
