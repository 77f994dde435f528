/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_COMMON_SECRETYAML_H
#define DROVER_COMMON_SECRETYAML_H

#include <jansson.h>
#include <stddef.h>

#include "error.h"

#define DR_SECRETYAML_MAX_DEPTH 16

/* The pure half of dr_secretfile_load: YAML text to an object of objects, arrays and strings, owned
 * by the caller. `file` is a name for the error's sentence. */
json_t *dr_secretyaml_parse(const char *file, const char *text, size_t len, struct dr_error *error);

#endif
