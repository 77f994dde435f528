/* SPDX-License-Identifier: Apache-2.0 */
#include "secretyaml.h"

#include <string.h>
#include <yaml.h>

#include "drover/assert.h"

struct reader {
    yaml_parser_t parser;
    yaml_event_t event; /* the one last read; deleted before the next */
    const char *file;
    struct dr_error *error;
    json_t *open[DR_SECRETYAML_MAX_DEPTH]; /* objects and arrays, outermost first */
    char *key[DR_SECRETYAML_MAX_DEPTH];    /* of open[i], waiting for its value */
    int depth;
    json_t *root;
};

static bool fail(struct reader *reader, const char *what)
{
    const yaml_mark_t *at = &reader->event.start_mark;
    int line = (int)at->line + 1, column = (int)at->column + 1;
    return dr_error_set_at(reader->error, line, column, "%s:%d:%d: %s", reader->file, line, column,
                           what);
}

/* The parser's own words quote no value ("did not find expected key"). */
static bool next_event(struct reader *reader)
{
    yaml_event_delete(&reader->event);
    if (yaml_parser_parse(&reader->parser, &reader->event))
        return true;
    int line = (int)reader->parser.problem_mark.line + 1;
    int column = (int)reader->parser.problem_mark.column + 1;
    return dr_error_set_at(reader->error, line, column, "%s:%d:%d: not YAML: %s", reader->file,
                           line, column,
                           reader->parser.problem ? reader->parser.problem : "unreadable");
}

/* Puts a finished or just opened value into what is open; takes the reference. */
static bool place(struct reader *reader, json_t *value)
{
    int top = reader->depth - 1;
    if (top < 0) {
        reader->root = value;
        return true;
    }
    json_t *parent = reader->open[top];
    if (json_is_array(parent)) {
        json_array_append_new(parent, value);
        return true;
    }
    if (json_object_get(parent, reader->key[top])) {
        json_decref(value);
        return fail(reader, "this key stands twice");
    }
    int set = json_object_set_new(parent, reader->key[top], value);
    free(reader->key[top]);
    reader->key[top] = NULL;
    return set == 0 || fail(reader, "a key that is not UTF-8");
}

static bool take_scalar(struct reader *reader)
{
    const char *text = (const char *)reader->event.data.scalar.value;
    size_t len = reader->event.data.scalar.length;
    if (reader->event.data.scalar.anchor || reader->event.data.scalar.tag)
        return fail(reader, "anchors and tags are not read here");
    if (memchr(text, '\0', len))
        return fail(reader, "a NUL in a text");
    int top = reader->depth - 1;
    if (top < 0) {
        if (len > 0)
            return fail(reader, "expected `name: value` lines");
        reader->root = json_object(); /* "---" alone */
        return true;
    }
    if (json_is_object(reader->open[top]) && !reader->key[top]) {
        reader->key[top] = strdup(text);
        DR_ASSERT(reader->key[top] != NULL);
        return true;
    }
    json_t *value = json_stringn(text, len);
    return value ? place(reader, value) : fail(reader, "a text that is not UTF-8");
}

static bool open_container(struct reader *reader, json_t *container, bool marked)
{
    int top = reader->depth - 1;
    bool as_key = top >= 0 && json_is_object(reader->open[top]) && !reader->key[top];
    if (marked || as_key || reader->depth == DR_SECRETYAML_MAX_DEPTH) {
        json_decref(container);
        if (marked)
            return fail(reader, "anchors and tags are not read here");
        return fail(reader, as_key ? "a key must be a text" : "nested too deep");
    }
    if (!place(reader, container))
        return false;
    reader->open[reader->depth++] = container;
    return true;
}

static bool take_event(struct reader *reader, int *documents)
{
    const yaml_event_t *event = &reader->event;
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return take_scalar(reader);
    case YAML_MAPPING_START_EVENT:
        return open_container(reader, json_object(),
                              event->data.mapping_start.anchor || event->data.mapping_start.tag);
    case YAML_SEQUENCE_START_EVENT:
        if (reader->depth == 0)
            return fail(reader, "expected `name: value` lines, found a list");
        return open_container(reader, json_array(),
                              event->data.sequence_start.anchor || event->data.sequence_start.tag);
    case YAML_MAPPING_END_EVENT:
    case YAML_SEQUENCE_END_EVENT:
        reader->depth--;
        return true;
    case YAML_ALIAS_EVENT:
        return fail(reader, "aliases are not read here");
    case YAML_DOCUMENT_START_EVENT:
        return ++*documents == 1 || fail(reader, "a second document");
    default:
        return true;
    }
}

json_t *dr_secretyaml_parse(const char *file, const char *text, size_t len, struct dr_error *error)
{
    struct reader reader = {.file = file, .error = error};
    DR_ASSERT(yaml_parser_initialize(&reader.parser));
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, len);
    int documents = 0;
    bool good = true;
    do {
        good = next_event(&reader) && take_event(&reader, &documents);
    } while (good && reader.event.type != YAML_STREAM_END_EVENT);
    yaml_event_delete(&reader.event);
    yaml_parser_delete(&reader.parser);
    for (int i = 0; i < DR_SECRETYAML_MAX_DEPTH; i++)
        free(reader.key[i]);
    if (!good) {
        json_decref(reader.root);
        return NULL;
    }
    return reader.root ? reader.root : json_object();
}
