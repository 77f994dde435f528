/* SPDX-License-Identifier: Apache-2.0 */
#include "config_help.h"

#include <string.h>

#include "drover/assert.h"
#include "drover/config.h"

#define CONFIG_GROUP(id, name_, title_, meaning_) \
    [CFG_GROUP_##id] = {.name = name_, .title = title_, .meaning = meaning_},
#define CONFIG_SECRET(file_, key_, hidden_, label_, example_, link_, group_, meaning_)
#define HELP(rec, field, label_, example_, link_, group_, flags_)
const struct cfg_group_row cfg_groups[CFG_GROUPS] = {
#include "drover/config_help.def"
};
#undef CONFIG_GROUP
#undef CONFIG_SECRET
#undef HELP

#define CONFIG_GROUP(id, name_, title_, meaning_)
#define CONFIG_SECRET(file_, key_, hidden_, label_, example_, link_, group_, meaning_) \
    {.file = file_,                                                                    \
     .key = key_,                                                                      \
     .hidden = hidden_,                                                                \
     .label = label_,                                                                  \
     .example = example_,                                                              \
     .link = link_,                                                                    \
     .group = CFG_GROUP_##group_,                                                      \
     .meaning = meaning_},
#define HELP(rec, field, label_, example_, link_, group_, flags_)
const struct cfg_secret cfg_secrets[] = {
#include "drover/config_help.def"
};
#undef CONFIG_SECRET
#undef HELP

const size_t cfg_secret_count = sizeof cfg_secrets / sizeof *cfg_secrets;

#define CONFIG_SECRET(file_, key_, hidden_, label_, example_, link_, group_, meaning_)
#define HELP(rec, field, label_, example_, link_, group_, flags_) \
    {.section = #rec,                                             \
     .offset = offsetof(struct dr_##rec, field),                  \
     .label = label_,                                             \
     .example = example_,                                         \
     .link = link_,                                               \
     .group = CFG_GROUP_##group_,                                 \
     .flags = flags_},
const struct cfg_help cfg_helps[] = {
#include "drover/config_help.def"
};

const size_t cfg_help_count = sizeof cfg_helps / sizeof *cfg_helps;

const struct cfg_help *cfg_help(const struct cfg_section *section, const struct cfg_field *field)
{
    for (size_t i = 0; i < cfg_help_count; i++)
        if (cfg_helps[i].offset == field->offset &&
            strcmp(cfg_helps[i].section, section->name) == 0)
            return &cfg_helps[i];
    return NULL;
}

const char *cfg_help_flag_name(unsigned n)
{
    static const char *const names[] = {"advanced", "expert", "aws", "local", "secret_file"};
    return n < sizeof names / sizeof *names ? names[n] : NULL;
}
