/* SPDX-License-Identifier: Apache-2.0
 *
 * drover.yaml as C: `struct dr_cfg_root` and its sections, generated from config.def.
 */
#pragma once
#include "drover/schema.h"

#define SECTION(rec, meaning) struct dr_##rec {
#define END_SECTION(rec)              \
    }                                 \
    ;                                 \
    struct dr_##rec##_list {          \
        const struct dr_##rec *items; \
        size_t count;                 \
    };
#define C_STR(rec, field, def, meaning) const char *field;
#define C_REQ(rec, field, meaning) const char *field;
#define C_NAME(rec, field, meaning) const char *field;
#define C_ENUM(rec, field, def, words, meaning) const char *field;
#define C_INT(rec, field, def, min, max, meaning) int64_t field;
#define C_DUR(rec, field, key, def, min, max, meaning) int64_t field;
#define C_USD(rec, field, key, def, meaning) int64_t field;
#define C_BOOL(rec, field, def, meaning) bool field;
#define C_STRS(rec, field, meaning) struct dr_strs field;
#define C_REC(rec, field, of, meaning) struct dr_##of field;
#define C_RECS(rec, field, of, meaning) struct dr_##of##_list field;
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

/* A checked configuration. Everything in root lives as long as the config. */
struct dr_config;

/* One complaint about a configuration: "drover.yaml:12: queues[1].types: no machine type ..." */
struct dr_config_error {
    int line; /* 1-based; 0: the file as a whole */
    bool warning;
    char *text;       /* file, line, field and what to do, ready to print */
    char *path;       /* the field: "machine_types[1].price_per_hour"; "": the file as a whole */
    const char *what; /* what is wrong with it and what to do, without file, line and path */
};
struct dr_config_errors {
    struct dr_config_error *items;
    size_t count;
};

/* Parses YAML text, fills defaults, checks every field and every reference between sections, and
 * reports all faults at once, not only the first. `name` stands in the messages. On success returns
 * the config (free with dr_config_free()); on errors NULL. *errors holds errors and warnings either
 * way; free with dr_config_errors_free(). Bounded: 4 MiB, nesting of 32, no aliases. Not blocking.
 */
struct dr_config *dr_config_parse(const char *text, size_t len, const char *name,
                                  struct dr_config_errors *errors);

/* The same for a file that is still being written: what could be read is returned also when there
 * are errors, with defaults (or "") in place of what is missing or wrong. NULL only when the text
 * as a whole cannot be read. JSON is YAML: a form's document of this shape is read too. */
struct dr_config *dr_config_parse_draft(const char *text, size_t len, const char *name,
                                        struct dr_config_errors *errors);

/* Read the file and parse it. */
struct dr_config *dr_config_load(const char *path, struct dr_config_errors *errors);

struct dr_config *dr_config_load_draft(const char *path, struct dr_config_errors *errors);

const struct dr_cfg_root *dr_config_root(const struct dr_config *config);

/* The text that was parsed, as droverd hands it to its children. */
const char *dr_config_text(const struct dr_config *config, size_t *len);

/* The configuration as a person would write it: in the table's order, only what differs from the
 * defaults, each kind of setting explained once above its first line. Parsed again it is equal. The
 * caller's (free). */
char *dr_config_write(const struct dr_cfg_root *root);

/* The same as one JSON document: durations as texts ("15m"), money as numbers of dollars. */
char *dr_config_json(const struct dr_cfg_root *root);

/* All that can be set, for forms: {"root", "groups", "secrets", "sections": [{"name", "meaning",
 * "fields": [{"key", "kind", "required", "default", "min", "max", "words", "of", "label",
 * "meaning", "example", "link", "group", "flags"}]}]}; what does not apply is left out. Kinds: text
 * name word number duration dollars switch texts section sections. The caller's (free). */
char *dr_config_schema_json(void);

/* The smallest clearml.calls_per_month that the rules can live with under these timings. When a
 * budget is tight the watcher stretches its intervals (P3, P5, P6, P7) together, at most to a tick
 * each 60 s, twice fresh_queues, or settle_gap, whichever is shortest; a reading of the workers
 * each 60 s or 2/3 of worker_proof, whichever is shorter. A tick is two calls while something waits
 * (last_update of all queues; the entries), a reading of the workers one; a tenth comes on top for
 * keys, drain flags and what is put back. For a month of 30 days, rounded up to thousands. */
int64_t dr_config_min_calls(const struct dr_cfg_root *root);

/* True when a running droverd may replace `before` by `after`. Otherwise false with a sentence:
 * some settings need a stop and a start. */
bool dr_config_may_replace(const struct dr_cfg_root *before, const struct dr_cfg_root *after,
                           char *err, size_t err_len);

void dr_config_free(struct dr_config *config);
void dr_config_errors_free(struct dr_config_errors *errors);

/* Lookups that everybody needs; NULL when there is none. */
const struct dr_cfg_account *dr_config_account(const struct dr_cfg_root *root, const char *name);
const struct dr_cfg_type *dr_config_type(const struct dr_cfg_root *root, const char *name);
const struct dr_cfg_queue *dr_config_queue(const struct dr_cfg_root *root, const char *name);

/* The names of the queues that a type serves, in priority order (priority, then file order).
 * Returns how many; fills at most max pointers, borrowed from root. */
size_t dr_config_type_queues(const struct dr_cfg_root *root, const char *type, const char **names,
                             size_t max);
