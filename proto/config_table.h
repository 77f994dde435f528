/* SPDX-License-Identifier: Apache-2.0
 *
 * config.def as data: what the walker, the checks and docs/configuration.md stand on.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

enum cfg_kind {
    CFG_STR,  /* const char * */
    CFG_REQ,  /* const char *, must be given */
    CFG_NAME, /* const char *, must be given */
    CFG_ENUM, /* const char * out of words; must be given when its default is empty */
    CFG_INT,  /* int64_t */
    CFG_DUR,  /* int64_t, milliseconds */
    CFG_USD,  /* int64_t, millionths of a dollar */
    CFG_BOOL, /* bool */
    CFG_STRS, /* struct dr_strs */
    CFG_REC,  /* an embedded struct */
    CFG_RECS, /* struct dr_recs */
    CFG_KINDS
};

struct cfg_section;

/* One thing that can be set. Texts that do not apply are NULL; def, min and max are written as a
 * person would write them in the file. */
struct cfg_field {
    const char *key; /* as in the file */
    enum cfg_kind kind;
    size_t offset;
    const char *def, *min, *max;
    const char *words; /* CFG_ENUM: "a|b|c" */
    const struct cfg_section *of;
    const char *meaning;
};

struct cfg_section {
    const char *name;
    const char *meaning;
    size_t size;
    const struct cfg_field *fields;
    size_t field_count;
};

/* True when the file must give it. */
bool cfg_is_required(const struct cfg_field *field);

/* Every section in the table's order; the last one is the file itself. Static storage. */
extern const struct cfg_section *const cfg_sections[];
extern const size_t cfg_section_count;
const struct cfg_section *cfg_root_section(void);
