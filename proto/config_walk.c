/* SPDX-License-Identifier: Apache-2.0 */
#include "config_walk.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "config_value.h"
#include "drover/assert.h"

struct walk {
    struct dr_arena *arena;
    struct cfg_report *report;
    char path[256];
};

static const char *const kind_words[] = {
    [CFG_NODE_SCALAR] = "a single value", [CFG_NODE_MAP] = "a section", [CFG_NODE_LIST] = "a list"};

/* Lengthens the path for as long as the caller is below; hand the result to path_leave(). */
__attribute__((format(printf, 2, 3))) static size_t path_enter(struct walk *walk,
                                                               const char *format, ...)
{
    size_t len = strlen(walk->path);
    va_list args;
    va_start(args, format);
    vsnprintf(walk->path + len, sizeof walk->path - len, format, args);
    va_end(args);
    return len;
}

static void path_leave(struct walk *walk, size_t len)
{
    walk->path[len] = '\0';
}

/* ---- scalars: text to slot; false when it is no such thing ----------------------------------- */
static bool set_text(struct walk *walk, const struct cfg_field *field, const char *text, void *slot)
{
    (void)field;
    const char *copy = dr_arena_text(walk->arena, text, strlen(text));
    DR_ASSERT(copy);
    *(const char **)slot = copy;
    return true;
}

static bool set_name(struct walk *walk, const struct cfg_field *field, const char *text, void *slot)
{
    return cfg_value_name(text) && set_text(walk, field, text, slot);
}

static bool set_word(struct walk *walk, const struct cfg_field *field, const char *text, void *slot)
{
    return cfg_value_is_word(field->words, text) && set_text(walk, field, text, slot);
}

static bool set_int(struct walk *walk, const struct cfg_field *field, const char *text, void *slot)
{
    (void)walk, (void)field;
    return cfg_value_int(text, slot);
}

static bool set_duration(struct walk *walk, const struct cfg_field *field, const char *text,
                         void *slot)
{
    (void)walk, (void)field;
    return cfg_value_duration(text, slot);
}

static bool set_usd(struct walk *walk, const struct cfg_field *field, const char *text, void *slot)
{
    (void)walk, (void)field;
    return cfg_value_usd(text, slot);
}

static bool set_bool(struct walk *walk, const struct cfg_field *field, const char *text, void *slot)
{
    (void)walk, (void)field;
    return cfg_value_bool(text, slot);
}

static const struct {
    bool (*set)(struct walk *walk, const struct cfg_field *field, const char *text, void *slot);
    const char *must_be;
} scalars[CFG_KINDS] = {
    [CFG_STR] = {set_text, "a text"},
    [CFG_REQ] = {set_text, "a text"},
    [CFG_NAME] = {set_name, "a name of 1 to 63 letters, digits, `.`, `_` or `-`"},
    [CFG_ENUM] = {set_word, "one of its words"},
    [CFG_INT] = {set_int, "a whole number"},
    [CFG_DUR] = {set_duration, "a number and a unit, such as 250ms, 90s, 15m, 2h or 7d"},
    [CFG_USD] = {set_usd, "dollars such as 3 or 0.526, with at most six decimals"},
    [CFG_BOOL] = {set_bool, "true or false"},
};

/* "" for a text without a default: never NULL. */
static void set_default(struct walk *walk, const struct cfg_field *field, void *slot)
{
    const char *def = field->def ? field->def : "";
    if (*def || field->kind == CFG_STR)
        DR_ASSERT(scalars[field->kind].set(walk, field, def, slot));
    else
        set_text(walk, field, "", slot);
}

static void say_words(const struct cfg_field *field, char *out, size_t size)
{
    size_t used = 0;
    for (const char *at = field->words; *at && used + 4 < size; at++)
        used += (size_t)snprintf(out + used, size - used, *at == '|' ? ", " : "%c", *at);
}

static void refuse_value(struct walk *walk, const struct cfg_field *field,
                         const struct cfg_node *node)
{
    char words[160];
    if (field->kind == CFG_ENUM) {
        say_words(field, words, sizeof words);
        cfg_fault(walk->report, node->line, walk->path, "`%.60s` is none of: %s", node->text,
                  words);
        return;
    }
    cfg_fault(walk->report, node->line, walk->path, "must be %s; `%.60s` is not",
              scalars[field->kind].must_be, node->text);
}

static void check_range(struct walk *walk, const struct cfg_field *field,
                        const struct cfg_node *node, void *slot)
{
    int64_t min, max, value;
    if (!field->min)
        return;
    memcpy(&value, slot, sizeof value);
    DR_ASSERT(scalars[field->kind].set(walk, field, field->min, &min));
    DR_ASSERT(scalars[field->kind].set(walk, field, field->max, &max));
    if (value >= min && value <= max)
        return;
    cfg_fault(walk->report, node->line, walk->path, "must lie between %s and %s; %.60s does not",
              field->min, field->max, node->text);
    set_default(walk, field, slot);
}

/* A relative path would mean another file for each process and each way of starting. */
static void check_path(struct walk *walk, const struct cfg_field *field,
                       const struct cfg_node *node)
{
    size_t len = strlen(field->key);
    bool is_path =
        field->kind == CFG_STR && len > 5 &&
        (strcmp(field->key + len - 5, "_file") == 0 || strcmp(field->key + len - 4, "_dir") == 0);
    if (!is_path || *node->text == '\0')
        return;
    if (*node->text != '/')
        cfg_fault(walk->report, node->line, walk->path,
                  "write the whole path, beginning with /; `%.80s` depends on who reads it",
                  node->text);
    for (const char *c = node->text; *c; c++) {
        if ((unsigned char)*c < ' ') {
            cfg_fault(walk->report, node->line, walk->path, "a control character in a path");
            return;
        }
    }
}

static void walk_scalar(struct walk *walk, const struct cfg_field *field,
                        const struct cfg_node *node, void *slot)
{
    set_default(walk, field, slot);
    if (node->kind != CFG_NODE_SCALAR) {
        cfg_fault(walk->report, node->line, walk->path, "must be %s, not %s",
                  scalars[field->kind].must_be, kind_words[node->kind]);
        return;
    }
    if (cfg_is_required(field) && *node->text == '\0') {
        cfg_fault(walk->report, node->line, walk->path, "must not be empty: %s", field->meaning);
        return;
    }
    if (!scalars[field->kind].set(walk, field, node->text, slot)) {
        set_default(walk, field, slot);
        refuse_value(walk, field, node);
        return;
    }
    check_range(walk, field, node, slot);
    check_path(walk, field, node);
}

static void walk_texts(struct walk *walk, const struct cfg_node *node, struct dr_strs *slot)
{
    if (node->kind != CFG_NODE_LIST) {
        cfg_fault(walk->report, node->line, walk->path,
                  "must be a list, such as [one, two], not %s", kind_words[node->kind]);
        return;
    }
    const char **items = dr_arena_alloc(walk->arena, (node->count + 1) * sizeof *items);
    DR_ASSERT(items);
    size_t index = 0;
    for (const struct cfg_node *item = node->first; item; item = item->next, index++) {
        size_t outside = path_enter(walk, "[%zu]", index);
        items[index] = "";
        if (item->kind != CFG_NODE_SCALAR || *item->text == '\0' || item->null)
            cfg_fault(walk->report, item->line, walk->path, "must be a text, not %s",
                      item->kind == CFG_NODE_SCALAR ? "empty" : kind_words[item->kind]);
        else
            set_text(walk, NULL, item->text, &items[index]);
        path_leave(walk, outside);
    }
    *slot = (struct dr_strs){.items = items, .count = node->count};
}

/* ---- sections -------------------------------------------------------------------------------- */
static void walk_section(struct walk *walk, const struct cfg_section *section,
                         struct cfg_node *node, int line, char *out);

static void walk_sections(struct walk *walk, const struct cfg_section *section,
                          const struct cfg_node *node, struct dr_recs *slot)
{
    if (node->kind != CFG_NODE_LIST) {
        cfg_fault(walk->report, node->line, walk->path,
                  "must be a list: begin each entry with `- `, not %s", kind_words[node->kind]);
        return;
    }
    char *items = dr_arena_alloc(walk->arena, (node->count + 1) * section->size);
    DR_ASSERT(items);
    size_t index = 0;
    for (struct cfg_node *item = node->first; item; item = item->next, index++) {
        size_t outside = path_enter(walk, "[%zu]", index);
        walk_section(walk, section, item, item->line, items + index * section->size);
        path_leave(walk, outside);
    }
    *slot = (struct dr_recs){.items = items, .count = node->count};
}

static void walk_field(struct walk *walk, const struct cfg_field *field, struct cfg_node *node,
                       int line, void *slot)
{
    size_t outside = path_enter(walk, "%s%s", *walk->path ? "." : "", field->key);
    bool given = node && !node->null;
    if (node)
        node->known = true;
    switch (field->kind) {
    case CFG_REC:
        walk_section(walk, field->of, given ? node : NULL, node ? node->key_line : line, slot);
        break;
    case CFG_RECS:
        if (given)
            walk_sections(walk, field->of, node, slot);
        break;
    case CFG_STRS:
        if (given)
            walk_texts(walk, node, slot);
        break;
    default:
        if (given) {
            walk_scalar(walk, field, node, slot);
            break;
        }
        set_default(walk, field, slot);
        if (cfg_is_required(field))
            cfg_fault(walk->report, node ? node->line : line, walk->path, "must be given: %s",
                      field->meaning);
    }
    path_leave(walk, outside);
}

static const char *nth_key(const void *arg, size_t index)
{
    return ((const struct cfg_section *)arg)->fields[index].key;
}

/* The files that this section names for its secrets, as the table has them: "a or b"; "" if none.
 */
static void secrets_homes(const struct cfg_section *section, char *out, size_t size)
{
    size_t len = 0;
    out[0] = '\0';
    for (size_t i = 0; i < section->field_count; i++) {
        const char *key = section->fields[i].key;
        bool home = cfg_value_names_secret(key) || strcmp(key, "credentials_file") == 0;
        if (home && len < size)
            len += (size_t)snprintf(out + len, size - len, "%s%s", len ? " or " : "", key);
    }
}

static void refuse_key(struct walk *walk, const struct cfg_section *section,
                       const struct cfg_node *node)
{
    size_t outside = path_enter(walk, "%s%.60s", *walk->path ? "." : "", node->key);
    const char *near = cfg_nearest(node->key, section->field_count, nth_key, section);
    char homes[256];
    secrets_homes(section, homes, sizeof homes);
    if (cfg_value_names_secret(node->key))
        cfg_fault(walk->report, node->key_line, walk->path,
                  "this file holds no secrets: move it to a file of mode 0600 and name that in %s",
                  homes[0] ? homes : "clearml.credentials_file or accounts[].secrets_file");
    else if (near)
        cfg_fault(walk->report, node->key_line, walk->path,
                  "there is no such setting; did you mean `%s`?", near);
    else
        cfg_fault(walk->report, node->key_line, walk->path,
                  "there is no such setting; docs/configuration.md lists them all");
    path_leave(walk, outside);
}

static void walk_section(struct walk *walk, const struct cfg_section *section,
                         struct cfg_node *node, int line, char *out)
{
    if (node && node->kind != CFG_NODE_MAP) {
        cfg_fault(walk->report, node->line, walk->path, "must be `key: value` lines, not %s",
                  kind_words[node->kind]);
        for (size_t i = 0; i < section->field_count; i++) /* readable, without further faults */
            if (scalars[section->fields[i].kind].set)
                set_default(walk, &section->fields[i], out + section->fields[i].offset);
        return;
    }
    for (size_t i = 0; i < section->field_count; i++) {
        const struct cfg_field *field = &section->fields[i];
        walk_field(walk, field, cfg_tree_find(node, field->key), line, out + field->offset);
    }
    for (const struct cfg_node *child = node ? node->first : NULL; child; child = child->next)
        if (!child->known)
            refuse_key(walk, section, child);
}

void cfg_walk(struct dr_arena *arena, struct cfg_node *tree, struct cfg_report *report,
              struct dr_cfg_root *root)
{
    struct walk walk = {.arena = arena, .report = report};
    memset(root, 0, sizeof *root);
    walk_section(&walk, cfg_root_section(), tree, 0, (char *)root);
}
