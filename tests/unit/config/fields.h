/* SPDX-License-Identifier: Apache-2.0
 *
 * One small configuration with one field set to whatever a test likes, for every field of the
 * schema.
 */
#pragma once
#include "config_help.h"

/* A field where it stands in the file: machine_types[0].budget.per_hour. */
struct place {
    const struct cfg_section *section;
    const struct cfg_field *field;
    char path[128];
};

/* Calls once for each field, sections and lists included, in the table's order. */
void fields_each(void (*visit)(const struct place *place));

/* The file as YAML in which `place` holds `value` (YAML as it stands after the colon; NULL: the
 * field is left out) and all else is what is needed, and fits. The caller's (free). */
char *fields_document(const struct place *place, const char *value);

/* The row's example as YAML. The caller's (free). */
char *fields_example(const struct place *place);

/* text in double quotes, for YAML and JSON. The caller's (free). */
char *fields_quoted(const char *text);
