/* SPDX-License-Identifier: Apache-2.0 */
#include "config_tree.h"

#include <string.h>
#include <yaml.h>

#include "drover/assert.h"

struct reader {
    yaml_parser_t yaml;
    struct dr_arena *arena;
    struct cfg_report *report;
    bool failed;
};

static int line_of(const yaml_event_t *event)
{
    return (int)event->start_mark.line + 1;
}

/* The next event; false when the text ends in a fault that leaves nothing to go on with. */
static bool next(struct reader *reader, yaml_event_t *event)
{
    if (yaml_parser_parse(&reader->yaml, event))
        return true;
    const yaml_parser_t *yaml = &reader->yaml;
    int line = (int)(yaml->problem_mark.line ? yaml->problem_mark.line : yaml->mark.line) + 1;
    cfg_fault(reader->report, line, "", "this is no YAML: %s%s%s",
              yaml->problem ? yaml->problem : "it cannot be read", yaml->context ? ", " : "",
              yaml->context ? yaml->context : "");
    reader->failed = true;
    return false;
}

static struct cfg_node *new_node(struct reader *reader, enum cfg_node_kind kind, int line)
{
    struct cfg_node *node = dr_arena_alloc(reader->arena, sizeof *node);
    DR_ASSERT(node);
    node->kind = kind;
    node->line = line;
    return node;
}

static bool is_null(const char *text)
{
    return *text == '\0' || strcmp(text, "~") == 0 || strcmp(text, "null") == 0 ||
           strcmp(text, "Null") == 0 || strcmp(text, "NULL") == 0;
}

static void refuse_marks(struct reader *reader, const yaml_event_t *event,
                         const yaml_char_t *anchor, const yaml_char_t *tag)
{
    if (anchor)
        cfg_fault(reader->report, line_of(event), "", "anchors (&%.40s) are not understood here",
                  (const char *)anchor);
    if (tag)
        cfg_fault(reader->report, line_of(event), "", "tags (%.40s) are not understood here",
                  (const char *)tag);
}

static struct cfg_node *read_scalar(struct reader *reader, const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;
    struct cfg_node *node = new_node(reader, CFG_NODE_SCALAR, line_of(event));
    refuse_marks(reader, event, event->data.scalar.anchor, event->data.scalar.tag);
    if (memchr(text, '\0', event->data.scalar.length))
        cfg_fault(reader->report, node->line, "", "a NUL character stands in this text");
    node->text = dr_arena_text(reader->arena, text, event->data.scalar.length);
    DR_ASSERT(node->text);
    node->null = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && is_null(node->text);
    return node;
}

static struct cfg_node *read_node(struct reader *reader, yaml_event_t *event, int depth);

static void append(struct reader *reader, struct cfg_node *parent, struct cfg_node *child)
{
    if (parent->count == CFG_CHILDREN_MAX) {
        cfg_fault(reader->report, child->line, "", "more than %d entries in one place",
                  CFG_CHILDREN_MAX);
        reader->failed = true;
        return;
    }
    if (parent->last)
        parent->last->next = child;
    else
        parent->first = child;
    parent->last = child;
    parent->count++;
}

static void add_to_map(struct reader *reader, struct cfg_node *map, const struct cfg_node *key,
                       struct cfg_node *value)
{
    if (key->kind != CFG_NODE_SCALAR) {
        cfg_fault(reader->report, key->line, "", "a key must be a word, not a list or a section");
        return;
    }
    const struct cfg_node *before = cfg_tree_find(map, key->text);
    if (before) {
        cfg_fault(reader->report, key->line, "", "`%.60s` was given before, in line %d: keep one",
                  key->text, before->key_line);
        return;
    }
    value->key = key->text;
    value->key_line = key->line;
    append(reader, map, value);
}

/* Reads children up to the event that ends the collection. */
static void read_children(struct reader *reader, struct cfg_node *node, int depth)
{
    yaml_event_type_t end =
        node->kind == CFG_NODE_MAP ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT;
    const struct cfg_node *key = NULL;
    yaml_event_t event;
    while (!reader->failed && next(reader, &event)) {
        bool ended = event.type == end;
        struct cfg_node *child = ended ? NULL : read_node(reader, &event, depth + 1);
        yaml_event_delete(&event);
        if (ended)
            return;
        if (!child)
            continue;
        if (node->kind == CFG_NODE_LIST) {
            append(reader, node, child);
        } else if (!key) {
            key = child;
        } else {
            add_to_map(reader, node, key, child);
            key = NULL;
        }
    }
}

static struct cfg_node *read_node(struct reader *reader, yaml_event_t *event, int depth)
{
    if (depth > CFG_DEPTH_MAX) {
        cfg_fault(reader->report, line_of(event), "", "nested deeper than %d levels",
                  CFG_DEPTH_MAX);
        reader->failed = true;
        return NULL;
    }
    struct cfg_node *node;
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return read_scalar(reader, event);
    case YAML_MAPPING_START_EVENT:
        refuse_marks(reader, event, event->data.mapping_start.anchor,
                     event->data.mapping_start.tag);
        node = new_node(reader, CFG_NODE_MAP, line_of(event));
        read_children(reader, node, depth);
        return node;
    case YAML_SEQUENCE_START_EVENT:
        refuse_marks(reader, event, event->data.sequence_start.anchor,
                     event->data.sequence_start.tag);
        node = new_node(reader, CFG_NODE_LIST, line_of(event));
        read_children(reader, node, depth);
        return node;
    default: /* an alias: it could make a small file a giant one */
        cfg_fault(reader->report, line_of(event), "",
                  "aliases (*name) are not understood here: write it out");
        node = new_node(reader, CFG_NODE_SCALAR, line_of(event));
        node->text = "";
        node->null = true;
        return node;
    }
}

static struct cfg_node *read_document(struct reader *reader)
{
    struct cfg_node *root = NULL;
    yaml_event_t event;
    for (bool ended = false; !ended && !reader->failed && next(reader, &event);) {
        ended = event.type == YAML_STREAM_END_EVENT;
        bool content = event.type != YAML_STREAM_START_EVENT &&
                       event.type != YAML_DOCUMENT_START_EVENT &&
                       event.type != YAML_DOCUMENT_END_EVENT && !ended;
        if (content && root) {
            cfg_fault(reader->report, line_of(&event), "",
                      "a second document begins here (---): one file, one configuration");
            reader->failed = true;
        } else if (content) {
            root = read_node(reader, &event, 1);
        }
        yaml_event_delete(&event);
    }
    return root;
}

struct cfg_node *cfg_tree_parse(struct dr_arena *arena, const char *text, size_t len,
                                struct cfg_report *report)
{
    struct reader reader = {.arena = arena, .report = report};
    if (len > CFG_TEXT_MAX) {
        cfg_fault(report, 0, "", "larger than 4 MiB: this is not a configuration");
        return NULL;
    }
    DR_ASSERT(yaml_parser_initialize(&reader.yaml));
    yaml_parser_set_encoding(&reader.yaml, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader.yaml, (const unsigned char *)text, len);
    struct cfg_node *root = read_document(&reader);
    yaml_parser_delete(&reader.yaml);
    if (reader.failed)
        return NULL;
    if (!root || root->null)
        root = new_node(&reader, CFG_NODE_MAP, 1);
    if (root->kind == CFG_NODE_MAP)
        return root;
    cfg_fault(report, root->line, "", "a configuration is `key: value` lines; this is none");
    return NULL;
}

struct cfg_node *cfg_tree_find(const struct cfg_node *node, const char *key)
{
    if (!node || node->kind != CFG_NODE_MAP)
        return NULL;
    struct cfg_node *child = node->first;
    while (child && strcmp(child->key, key) != 0)
        child = child->next;
    return child;
}

struct cfg_node *cfg_tree_item(const struct cfg_node *node, size_t index)
{
    if (!node || node->kind != CFG_NODE_LIST)
        return NULL;
    struct cfg_node *child = node->first;
    for (; child && index > 0; index--)
        child = child->next;
    return child;
}
