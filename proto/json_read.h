/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON to structs, by descriptor: the way back of dr_json(). For what people and scripts send.
 */
#pragma once
#include <jansson.h>

#include "drover/message.h"

/* Reads one JSON object, borrowed for the call. Fields that are missing are empty, 0 or false;
 * unknown ones, ones of another kind, NUL bytes and what nests deeper than DR_DEPTH_MAX are errors:
 * -1 with a sentence in err that says the place ("body.queues[3].id: ..."), and nothing to free.
 * Bytes do not travel as JSON: {"bytes": N} is read as none. 0: *out is the caller's
 * (dr_record_free()). Never blocks. */
int dr_json_read(const struct dr_desc *desc, const json_t *object, struct dr_record *out, char *err,
                 size_t err_len);
