/* SPDX-License-Identifier: Apache-2.0 */
#include "hocon.h"

#include <stdlib.h>
#include <string.h>

#include "drover/assert.h"
#include "hocon_lex.h"
#include "hocon_value.h"

/* What all substitutions of a file may copy together: a few lines can ask for gigabytes. */
#define COPIED_MAX DR_HOCON_MAX_SIZE

struct parser {
    struct hocon_text in;
    json_t *root;
    dr_hocon_lookup_fn *lookup;
    void *arg;
    int depth;
    size_t copied;
};

/* A dotted name, taken apart: "a.\"b.c\".d" has three. */
struct path {
    char *name[DR_HOCON_MAX_DEPTH];
    int count;
};

static bool parse_members(struct parser *parser, json_t *object, bool braced);
static bool parse_value(struct parser *parser, json_t **value);

const char *dr_hocon_getenv(void *unused, const char *name)
{
    (void)unused;
    return getenv(name);
}

static void path_free(struct path *path)
{
    for (int i = 0; i < path->count; i++)
        free(path->name[i]);
    path->count = 0;
}

/* One name of a path: quoted, or what stands up to the next character with a meaning. */
static bool parse_name(struct hocon_text *in, struct dr_strbuf *name)
{
    hocon_skip_blanks(in);
    if (hocon_peek(in, 0) == '"')
        return hocon_take_quoted(in, name);
    size_t from = in->at, end = from;
    int c;
    while ((c = hocon_peek(in, 0)) > 0 && !strchr(".:=+{}[]\",#$^`?!@*&\\\r\n", c) &&
           !hocon_starts(in, "//")) {
        in->at++;
        if (c != ' ' && c != '\t')
            end = in->at; /* blanks within a name belong to it, blanks after it do not */
    }
    dr_strbuf_add(name, in->text + from, end - from);
    return end > from || hocon_fail(in, "expected a name here");
}

static bool parse_path(struct parser *parser, struct path *path)
{
    struct hocon_text *in = &parser->in;
    for (;;) {
        struct dr_strbuf name = {0};
        bool good = parse_name(in, &name);
        if (good && parser->depth + path->count >= DR_HOCON_MAX_DEPTH)
            good = hocon_fail(in, "nested too deep");
        if (good) {
            dr_strbuf_add(&name, "", 0);
            path->name[path->count] = strdup(name.data);
            DR_ASSERT(path->name[path->count++] != NULL);
        }
        dr_strbuf_free(&name);
        if (!good)
            return false;
        hocon_skip_blanks(in);
        if (hocon_peek(in, 0) != '.')
            return true;
        in->at++;
    }
}

static json_t *find(const json_t *tree, const struct path *path, int count)
{
    for (int i = 0; i < count && tree; i++)
        tree = json_object_get(tree, path->name[i]);
    return (json_t *)tree;
}

/* The object that holds the path's last name; made, or put in a scalar's place, where missing. */
static json_t *reach(json_t *object, const struct path *path)
{
    for (int i = 0; i + 1 < path->count; i++) {
        json_t *next = json_object_get(object, path->name[i]);
        if (!json_is_object(next)) {
            next = json_object();
            DR_ASSERT(json_object_set_new(object, path->name[i], next) == 0);
        }
        object = next;
    }
    return object;
}

/* A copy of what stands above under this name, else the environment's; NULL without error if there
 * is none. */
static json_t *look_up(struct parser *parser, const struct path *path, const char *whole,
                       bool *good)
{
    const json_t *above = find(parser->root, path, path->count);
    if (!above) {
        const char *value = parser->lookup ? parser->lookup(parser->arg, whole) : NULL;
        json_t *text = value ? json_string(value) : NULL;
        if (value && !text)
            *good = hocon_fail(&parser->in, "the environment's value is no UTF-8 text");
        return text;
    }
    int depth;
    hocon_measure(above, &depth, &parser->copied);
    if (parser->copied > COPIED_MAX || parser->depth + depth > DR_HOCON_MAX_DEPTH) {
        *good = hocon_fail(&parser->in, "the substitutions of this file grow out of bounds");
        return NULL;
    }
    return json_deep_copy(above);
}

static bool parse_substitution(struct parser *parser, struct hocon_row *row, const char *blanks,
                               size_t blanks_len)
{
    struct hocon_text *in = &parser->in;
    size_t opened = in->at;
    in->at += 2;
    bool optional = hocon_peek(in, 0) == '?';
    in->at += optional;
    size_t from = in->at;
    struct path path = {0};
    bool good = parse_path(parser, &path);
    if (good && hocon_peek(in, 0) != '}')
        good = hocon_fail_at(in, opened, "this ${ is not closed");
    json_t *value = NULL;
    if (good) {
        char *whole = strndup(in->text + from, in->at - from);
        DR_ASSERT(whole != NULL);
        in->at++;
        value = look_up(parser, &path, whole, &good);
        free(whole);
    }
    path_free(&path);
    if (!good)
        return false;
    if (value)
        return hocon_row_add_json(row, blanks, blanks_len, value) ||
               hocon_fail_at(in, opened, "a text, an object and an array cannot be joined");
    row->undefined = true;
    return optional || hocon_fail_at(in, opened,
                                     "this name has no value above nor in the environment "
                                     "(write ${?NAME} if it may be missing)");
}

static bool enter(struct parser *parser)
{
    if (parser->depth == DR_HOCON_MAX_DEPTH)
        return hocon_fail(&parser->in, "nested too deep");
    parser->depth++;
    parser->in.at++;
    return true;
}

static json_t *parse_object(struct parser *parser)
{
    if (!enter(parser))
        return NULL;
    json_t *object = json_object();
    if (!parse_members(parser, object, true)) {
        json_decref(object);
        return NULL;
    }
    parser->depth--;
    return object;
}

static json_t *parse_array(struct parser *parser)
{
    size_t opened = parser->in.at;
    if (!enter(parser))
        return NULL;
    json_t *array = json_array();
    bool good = true;
    hocon_skip_space(&parser->in, true);
    while (good && hocon_peek(&parser->in, 0) != ']') {
        json_t *value = NULL;
        if (hocon_peek(&parser->in, 0) == -1)
            good = hocon_fail_at(&parser->in, opened, "this [ is never closed");
        else
            good = parse_value(parser, &value);
        if (value)
            json_array_append_new(array, value);
        hocon_skip_space(&parser->in, true);
    }
    if (!good) {
        json_decref(array);
        return NULL;
    }
    parser->in.at++;
    parser->depth--;
    return array;
}

static size_t number_here(const struct hocon_text *in)
{
    size_t len = hocon_number_len(in->text + in->at, in->len - in->at);
    struct hocon_text after = *in;
    after.at += len;
    hocon_skip_blanks(&after);
    return hocon_at_end_of_value(&after) || hocon_peek(&after, 0) == '$' ? len : 0;
}

static bool parse_text(struct parser *parser, struct hocon_row *row, const char *blanks,
                       size_t blanks_len)
{
    struct hocon_text *in = &parser->in;
    struct dr_strbuf text = {0};
    size_t from = in->at;
    bool quoted = hocon_peek(in, 0) == '"', good = true;
    if (quoted) {
        good = hocon_take_quoted(in, &text);
    } else {
        size_t len = number_here(in);
        if (len == 0)
            len = hocon_unquoted_len(in);
        good = len > 0 || hocon_fail(in, "this character must stand in double quotes");
        dr_strbuf_add(&text, in->text + in->at, len);
        in->at += len;
    }
    if (good)
        good = hocon_row_add_text(row, blanks, blanks_len, text.data ? text.data : "", text.len,
                                  quoted) ||
               hocon_fail_at(in, from, "a text cannot follow an object or an array");
    dr_strbuf_free(&text);
    return good;
}

static bool parse_piece(struct parser *parser, struct hocon_row *row, const char *blanks,
                        size_t blanks_len)
{
    struct hocon_text *in = &parser->in;
    size_t from = in->at;
    if (hocon_starts(in, "${"))
        return parse_substitution(parser, row, blanks, blanks_len);
    int c = hocon_peek(in, 0);
    if (c != '{' && c != '[')
        return parse_text(parser, row, blanks, blanks_len);
    json_t *value = c == '{' ? parse_object(parser) : parse_array(parser);
    if (!value)
        return false;
    return hocon_row_add_json(row, blanks, blanks_len, value) ||
           hocon_fail_at(in, from, "a text, an object and an array cannot be joined");
}

/* All pieces up to the end of the value. *value stays NULL if they are ${?names} without value. */
static bool parse_value(struct parser *parser, json_t **value)
{
    struct hocon_text *in = &parser->in;
    struct hocon_row row = {0};
    size_t from = in->at;
    bool good = true;
    while (good) {
        size_t blanks = in->at;
        hocon_skip_blanks(in);
        if (hocon_at_end_of_value(in))
            break;
        good = parse_piece(parser, &row, in->text + blanks, in->at - blanks);
    }
    *value = good ? hocon_row_value(&row) : NULL;
    if (good && !*value && !row.undefined)
        good = hocon_fail_at(in, from, "a value is missing here");
    hocon_row_free(&row);
    return good;
}

/* `{` after a name: the object is hung into the tree before its members are read, so that these
 * may refer to each other. More objects may follow on the line, and are merged. */
static bool parse_object_member(struct parser *parser, json_t *holder, const char *name)
{
    struct hocon_text *in = &parser->in;
    json_t *object = json_object_get(holder, name);
    if (!json_is_object(object)) {
        object = json_object();
        DR_ASSERT(json_object_set_new(holder, name, object) == 0);
    }
    while (hocon_peek(in, 0) == '{') {
        if (!enter(parser) || !parse_members(parser, object, true))
            return false;
        parser->depth--;
        hocon_skip_blanks(in);
    }
    if (hocon_at_end_of_value(in))
        return true;
    size_t from = in->at;
    json_t *more;
    if (!parse_value(parser, &more))
        return false;
    if (more && !json_is_object(more)) {
        json_decref(more);
        return hocon_fail_at(in, from, "only an object can follow an object");
    }
    if (more)
        hocon_merge(holder, name, more);
    return true;
}

static bool append(struct parser *parser, json_t *holder, const char *name, json_t *value)
{
    json_t *list = json_object_get(holder, name);
    if (!list) {
        list = json_array();
        DR_ASSERT(json_object_set_new(holder, name, list) == 0);
    }
    if (!json_is_array(list)) {
        json_decref(value);
        return hocon_fail(&parser->in, "+= adds to a list, and what stands above is none");
    }
    if (!json_is_array(value))
        return json_array_append_new(list, value) == 0;
    json_array_extend(list, value);
    json_decref(value);
    return true;
}

static bool parse_assignment(struct parser *parser, json_t *object, const struct path *path)
{
    struct hocon_text *in = &parser->in;
    hocon_skip_space(in, false);
    bool adds = hocon_starts(in, "+="), braced = hocon_peek(in, 0) == '{';
    if (!adds && !braced && hocon_peek(in, 0) != ':' && hocon_peek(in, 0) != '=')
        return hocon_fail(in, "expected `:`, `=` or `{` after a name");
    in->at += adds ? 2 : braced ? 0 : 1;
    hocon_skip_space(in, false);
    const char *name = path->name[path->count - 1];
    if (!adds && hocon_peek(in, 0) == '{')
        return parse_object_member(parser, reach(object, path), name);
    json_t *value;
    if (!parse_value(parser, &value))
        return false;
    if (adds && value)
        return append(parser, reach(object, path), name, value);
    if (value)
        hocon_merge(reach(object, path), name, value);
    return true;
}

/* `include "x"`, `include file("x")`: it would open a file that nobody checked. */
static bool at_include(const struct hocon_text *in)
{
    if (!hocon_starts(in, "include"))
        return false;
    struct hocon_text after = *in;
    after.at += strlen("include");
    size_t before_blanks = after.at;
    hocon_skip_blanks(&after);
    return hocon_peek(&after, 0) == '"' ||
           (after.at > before_blanks &&
            (hocon_starts(&after, "file(") || hocon_starts(&after, "url(") ||
             hocon_starts(&after, "required(")));
}

static bool parse_members(struct parser *parser, json_t *object, bool braced)
{
    struct hocon_text *in = &parser->in;
    size_t opened = in->at - (braced ? 1 : 0);
    for (;;) {
        hocon_skip_space(in, true);
        int c = hocon_peek(in, 0);
        if (c == -1)
            return !braced || hocon_fail_at(in, opened, "this { is never closed");
        if (c == '}') {
            in->at++;
            return braced || hocon_fail_at(in, in->at - 1, "a } without its {");
        }
        if (at_include(in))
            return hocon_fail(in, "include is not supported: put the lines here themselves");
        struct path path = {0};
        bool good = parse_path(parser, &path);
        if (good) {
            parser->depth += path.count - 1;
            good = parse_assignment(parser, object, &path);
            parser->depth -= path.count - 1;
        }
        path_free(&path);
        if (!good)
            return false;
    }
}

static bool parse_file(struct parser *parser)
{
    struct hocon_text *in = &parser->in;
    if (!hocon_check_utf8(in))
        return false;
    if (hocon_starts(in, "\xef\xbb\xbf"))
        in->at += 3; /* a byte order mark, as Windows editors write */
    hocon_skip_space(in, false);
    if (hocon_peek(in, 0) != '{')
        return parse_members(parser, parser->root, false);
    if (!enter(parser) || !parse_members(parser, parser->root, true))
        return false;
    hocon_skip_space(in, true);
    return hocon_peek(in, 0) == -1 ||
           hocon_fail(in, "nothing may follow the closing } of the file");
}

json_t *dr_hocon_parse(const char *file, const char *text, size_t len, dr_hocon_lookup_fn *lookup,
                       void *arg, struct dr_error *error)
{
    if (len > DR_HOCON_MAX_SIZE) {
        dr_error_set(error, "%s: larger than %zu bytes", file, DR_HOCON_MAX_SIZE);
        return NULL;
    }
    struct parser parser = {
        .in = {.file = file, .text = text, .len = len, .error = error},
        .root = json_object(),
        .lookup = lookup,
        .arg = arg,
    };
    if (parse_file(&parser))
        return parser.root;
    json_decref(parser.root);
    return NULL;
}
