/* SPDX-License-Identifier: Apache-2.0
 *
 * config_help.def as data: how people meet each field of config.def.
 */
#pragma once
#include <stdbool.h>

#include "config_table.h"

#define CONFIG_GROUP(id, name, title, meaning) CFG_GROUP_##id,
#define CONFIG_SECRET(file, key, hidden, label, example, link, group, meaning)
#define HELP(rec, field, label, example, link, group, flags)
enum cfg_group {
#include "drover/config_help.def"
    CFG_GROUPS
};
#undef CONFIG_GROUP
#undef CONFIG_SECRET
#undef HELP

enum cfg_help_flag {
    CFG_ADVANCED = 1,
    CFG_EXPERT = 2,
    CFG_AWS = 4,
    CFG_LOCAL = 8,
    CFG_SECRET_FILE = 16,
};

struct cfg_group_row {
    const char *name, *title, *meaning;
};

struct cfg_secret {
    const char *file, *key;
    bool hidden;
    const char *label, *example, *link;
    enum cfg_group group;
    const char *meaning;
};

struct cfg_help {
    const char *section; /* "cfg_type" */
    size_t offset;       /* of the field in its section */
    const char *label, *example, *link;
    enum cfg_group group;
    unsigned flags; /* enum cfg_help_flag */
};

/* In the order of the wizard's screens. Static storage, like all that is here. */
extern const struct cfg_group_row cfg_groups[CFG_GROUPS];

extern const struct cfg_secret cfg_secrets[];
extern const size_t cfg_secret_count;

extern const struct cfg_help cfg_helps[];
extern const size_t cfg_help_count;

/* The row of a field; NULL only while the table lacks one, which a test tells. section and field
 * are the table's own. */
const struct cfg_help *cfg_help(const struct cfg_section *section, const struct cfg_field *field);

/* "advanced", "expert", "aws", "local" or "secret_file" for the n-th flag; NULL past the last. */
const char *cfg_help_flag_name(unsigned n);
