/* SPDX-License-Identifier: Apache-2.0
 *
 * YAML as PyYAML writes it. Two security groups that are one list in Python are an anchor and an
 * alias in the wizard's file, and a tuple may carry a tag.
 */
#include <string.h>
#include <yaml.h>

#include "drover/assert.h"
#include "import.h"

#define DEPTH_MAX 64
#define NODES_MAX 200000 /* aliases counted as often as they are used */

struct yaml {
    yaml_parser_t parser;
    const char *name;
    json_t *anchors; /* name -> node */
    long nodes;
    struct dr_error *error;
};

static json_t *fault(struct yaml *yaml, yaml_mark_t mark, const char *what, const char *more)
{
    dr_error_set_at(yaml->error, (int)mark.line + 1, (int)mark.column + 1, "%s:%d:%d: %s%s%s",
                    yaml->name, (int)mark.line + 1, (int)mark.column + 1, what, *more ? ", " : "",
                    more);
    return NULL;
}

static bool next(struct yaml *yaml, yaml_event_t *event)
{
    if (yaml_parser_parse(&yaml->parser, event))
        return true;
    const yaml_parser_t *p = &yaml->parser;
    yaml_mark_t mark = p->problem_mark.line || p->problem_mark.column ? p->problem_mark : p->mark;
    fault(yaml, mark, p->problem ? p->problem : "it cannot be read", p->context ? p->context : "");
    return false;
}

static bool one_of(const char *text, const char *const *words)
{
    for (; *words; words++) {
        if (strcmp(text, *words) == 0)
            return true;
    }
    return false;
}

/* A number as YAML and JSON both write it; 0123 and 1:30 stay texts. */
static bool plain_number(const char *text)
{
    const char *at = text + (*text == '-');
    if (*at == '0' && at[1] >= '0' && at[1] <= '9')
        return false;
    size_t digits = strspn(at, "0123456789");
    at += digits;
    if (digits == 0 || digits > 18)
        return false;
    if (*at == '.') {
        size_t more = strspn(at + 1, "0123456789");
        at += 1 + more;
        digits = more;
    }
    return digits > 0 && *at == '\0';
}

static json_t *plain(const char *text)
{
    static const char *const none[] = {"", "~", "null", "Null", "NULL", NULL};
    static const char *const yes[] = {"true", "True", "TRUE", "yes", "Yes",
                                      "YES",  "on",   "On",   "ON",  NULL};
    static const char *const no[] = {"false", "False", "FALSE", "no",  "No",
                                     "NO",    "off",   "Off",   "OFF", NULL};
    if (one_of(text, none))
        return json_null();
    if (one_of(text, yes))
        return json_true();
    if (one_of(text, no))
        return json_false();
    return plain_number(text) ? json_loads(text, JSON_DECODE_ANY, NULL) : json_string(text);
}

static json_t *scalar(struct yaml *yaml, const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;
    bool whole = strlen(text) == event->data.scalar.length;
    json_t *value =
        event->data.scalar.plain_implicit && whole ? plain(text) : json_string(whole ? text : NULL);
    return value ? value
                 : fault(yaml, event->start_mark, "a text holds a byte that is no character", "");
}

static long weigh(const json_t *node)
{
    long sum = 1;
    const char *key;
    size_t i;
    json_t *child;
    json_object_foreach ((json_t *)node, key, child)
        sum += sum > NODES_MAX ? 0 : weigh(child);
    json_array_foreach (node, i, child)
        sum += sum > NODES_MAX ? 0 : weigh(child);
    return sum;
}

static json_t *alias(struct yaml *yaml, const yaml_event_t *event)
{
    const char *name = (const char *)event->data.alias.anchor;
    json_t *node = json_object_get(yaml->anchors, name);
    if (!node)
        return fault(yaml, event->start_mark, "an alias names no anchor that ended before it",
                     name);
    yaml->nodes += weigh(node);
    return json_incref(node);
}

static json_t *read_node(struct yaml *yaml, const yaml_event_t *event, int depth);

/* What stands under `<<` gives way to what stands beside it. */
static void merge(json_t *into, json_t *from)
{
    size_t i;
    json_t *one;
    json_array_foreach (from, i, one)
        json_object_update_missing(into, one);
    if (json_is_object(from))
        json_object_update_missing(into, from);
}

static bool add(struct yaml *yaml, json_t *node, json_t *key, json_t *value, yaml_mark_t mark)
{
    char *printed = NULL;
    if (json_is_array(node))
        return json_array_append_new(node, value) == 0;
    const char *name = json_string_value(key);
    if (!name && !json_is_object(key) && !json_is_array(key))
        name = printed = json_dumps(key, JSON_ENCODE_ANY); /* a queue may be called 1 */
    bool fine = name != NULL;
    if (!fine)
        fault(yaml, mark, "a key must be a word, not a list or a mapping", "");
    else if (strcmp(name, "<<") == 0)
        merge(node, value);
    else
        json_object_set(node, name, value);
    free(printed);
    json_decref(value);
    return fine;
}

static json_t *read_children(struct yaml *yaml, json_t *node, yaml_event_type_t end, int depth)
{
    json_t *key = NULL;
    yaml_event_t event;
    bool fine = true, ended = false;
    while (fine && !ended && (fine = next(yaml, &event))) {
        yaml_mark_t mark = event.start_mark;
        ended = event.type == end;
        json_t *child = ended ? NULL : read_node(yaml, &event, depth + 1);
        yaml_event_delete(&event);
        if (ended)
            break;
        fine = child != NULL;
        if (fine && json_is_object(node) && !key) {
            key = child;
            continue;
        }
        fine = fine && add(yaml, node, key, child, mark);
        json_decref(key);
        key = NULL;
    }
    json_decref(key);
    if (fine)
        return node;
    json_decref(node);
    return NULL;
}

static json_t *read_node(struct yaml *yaml, const yaml_event_t *event, int depth)
{
    const char *anchor = NULL;
    json_t *node;
    if (depth > DEPTH_MAX || yaml->nodes++ > NODES_MAX)
        return fault(yaml, event->start_mark, "it is nested too deeply or its aliases multiply",
                     "");
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        anchor = (const char *)event->data.scalar.anchor;
        node = scalar(yaml, event);
        break;
    case YAML_SEQUENCE_START_EVENT:
        anchor = (const char *)event->data.sequence_start.anchor;
        node = read_children(yaml, json_array(), YAML_SEQUENCE_END_EVENT, depth);
        break;
    case YAML_MAPPING_START_EVENT:
        anchor = (const char *)event->data.mapping_start.anchor;
        node = read_children(yaml, json_object(), YAML_MAPPING_END_EVENT, depth);
        break;
    case YAML_ALIAS_EVENT:
        return alias(yaml, event);
    default:
        return fault(yaml, event->start_mark, "one document is expected", "");
    }
    if (node && anchor)
        json_object_set(yaml->anchors, anchor, node);
    return node;
}

static json_t *document(struct yaml *yaml)
{
    json_t *root = NULL;
    yaml_event_t event;
    for (bool more = true; more && next(yaml, &event);) {
        bool mark =
            event.type == YAML_STREAM_START_EVENT || event.type == YAML_DOCUMENT_START_EVENT;
        if (event.type == YAML_STREAM_END_EVENT)
            dr_error_set(yaml->error, "%s is empty", yaml->name);
        else if (!mark)
            root = read_node(yaml, &event, 0);
        more = mark;
        yaml_event_delete(&event);
    }
    return root;
}

json_t *import_yaml(const char *name, const char *text, size_t len, struct dr_error *error)
{
    struct yaml yaml = {.name = name, .anchors = json_object(), .error = error};
    DR_ASSERT(yaml_parser_initialize(&yaml.parser) && yaml.anchors);
    yaml_parser_set_input_string(&yaml.parser, (const unsigned char *)text, len);
    json_t *root = document(&yaml);
    yaml_parser_delete(&yaml.parser);
    json_decref(yaml.anchors);
    return root;
}
