/* SPDX-License-Identifier: Apache-2.0 */
#include "config_table.h"

#include "drover/config.h"

#define FIELD(rec, field, key_, kind_, ...) \
    {.key = key_, .kind = kind_, .offset = offsetof(struct dr_##rec, field), __VA_ARGS__},
#define SECTION(rec, meaning_)                       \
    static const char meaning_of_##rec[] = meaning_; \
    static const struct cfg_field fields_of_##rec[] = {
#define END_SECTION(rec)                                                 \
    }                                                                    \
    ;                                                                    \
    static const struct cfg_section section_##rec = {                    \
        .name = #rec,                                                    \
        .meaning = meaning_of_##rec,                                     \
        .size = sizeof(struct dr_##rec),                                 \
        .fields = fields_of_##rec,                                       \
        .field_count = sizeof fields_of_##rec / sizeof *fields_of_##rec, \
    };
#define C_STR(rec, field, def_, meaning_) \
    FIELD(rec, field, #field, CFG_STR, .def = def_, .meaning = meaning_)
#define C_REQ(rec, field, meaning_) FIELD(rec, field, #field, CFG_REQ, .meaning = meaning_)
#define C_NAME(rec, field, meaning_) FIELD(rec, field, #field, CFG_NAME, .meaning = meaning_)
#define C_ENUM(rec, field, def_, words_, meaning_) \
    FIELD(rec, field, #field, CFG_ENUM, .def = def_, .words = words_, .meaning = meaning_)
#define C_INT(rec, field, def_, min_, max_, meaning_) \
    FIELD(rec, field, #field, CFG_INT, .def = def_, .min = min_, .max = max_, .meaning = meaning_)
#define C_DUR(rec, field, key_, def_, min_, max_, meaning_) \
    FIELD(rec, field, key_, CFG_DUR, .def = def_, .min = min_, .max = max_, .meaning = meaning_)
#define C_USD(rec, field, key_, def_, meaning_) \
    FIELD(rec, field, key_, CFG_USD, .def = def_, .min = "0", .max = "1000000", .meaning = meaning_)
#define C_BOOL(rec, field, def_, meaning_) \
    FIELD(rec, field, #field, CFG_BOOL, .def = def_, .meaning = meaning_)
#define C_STRS(rec, field, meaning_) FIELD(rec, field, #field, CFG_STRS, .meaning = meaning_)
#define C_REC(rec, field, of_, meaning_) \
    FIELD(rec, field, #field, CFG_REC, .of = &section_##of_, .meaning = meaning_)
#define C_RECS(rec, field, of_, meaning_) \
    FIELD(rec, field, #field, CFG_RECS, .of = &section_##of_, .meaning = meaning_)
#include "drover/config.def"
#undef SECTION
#undef END_SECTION
#undef C_STR
#undef C_REQ
#undef C_NAME
#undef C_ENUM
#undef C_INT
#undef C_DUR
#undef C_USD
#undef C_BOOL
#undef C_STRS
#undef C_REC
#undef C_RECS

#define SECTION(rec, meaning_) &section_##rec,
#define END_SECTION(rec)
#define C_STR(rec, field, def_, meaning_)
#define C_REQ(rec, field, meaning_)
#define C_NAME(rec, field, meaning_)
#define C_ENUM(rec, field, def_, words_, meaning_)
#define C_INT(rec, field, def_, min_, max_, meaning_)
#define C_DUR(rec, field, key_, def_, min_, max_, meaning_)
#define C_USD(rec, field, key_, def_, meaning_)
#define C_BOOL(rec, field, def_, meaning_)
#define C_STRS(rec, field, meaning_)
#define C_REC(rec, field, of_, meaning_)
#define C_RECS(rec, field, of_, meaning_)
const struct cfg_section *const cfg_sections[] = {
#include "drover/config.def"
};

const size_t cfg_section_count = sizeof cfg_sections / sizeof *cfg_sections;

const struct cfg_section *cfg_root_section(void)
{
    return &section_cfg_root;
}

bool cfg_is_required(const struct cfg_field *field)
{
    return field->kind == CFG_REQ || field->kind == CFG_NAME ||
           (field->kind == CFG_ENUM && *field->def == '\0');
}
