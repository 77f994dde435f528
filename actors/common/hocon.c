/* SPDX-License-Identifier: Apache-2.0 */
#include "hocon.h"

#include <stdlib.h>
#include <string.h>

#include "drover/assert.h"
#include "hocon_path.h"

static bool parse_members(struct hocon_parser *parser, json_t *object, bool braced);
static bool parse_value(struct hocon_parser *parser, json_t **value);

const char *dr_hocon_getenv(void *unused, const char *name)
{
    (void)unused;
    return getenv(name);
}

/* The object that holds the path's last name; made, or put in a scalar's place, where missing. */
static json_t *reach(json_t *object, const struct hocon_path *path)
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

static bool enter(struct hocon_parser *parser)
{
    if (parser->depth == DR_HOCON_MAX_DEPTH)
        return hocon_fail(&parser->in, "nested too deep");
    parser->depth++;
    parser->in.at++;
    return true;
}

static json_t *parse_object(struct hocon_parser *parser)
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

static json_t *parse_array(struct hocon_parser *parser)
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

static bool parse_text(struct hocon_parser *parser, struct hocon_row *row, const char *blanks,
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

static bool parse_piece(struct hocon_parser *parser, struct hocon_row *row, const char *blanks,
                        size_t blanks_len)
{
    struct hocon_text *in = &parser->in;
    size_t from = in->at;
    if (hocon_starts(in, "${"))
        return hocon_substitute(parser, row, blanks, blanks_len);
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
static bool parse_value(struct hocon_parser *parser, json_t **value)
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
static bool parse_object_member(struct hocon_parser *parser, json_t *holder, const char *name)
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

static bool append(struct hocon_parser *parser, json_t *holder, const char *name, json_t *value)
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

static bool parse_assignment(struct hocon_parser *parser, json_t *object,
                             const struct hocon_path *path)
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

static bool parse_members(struct hocon_parser *parser, json_t *object, bool braced)
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
        struct hocon_path path = {0};
        bool good = hocon_path_parse(parser, &path);
        if (good) {
            parser->depth += path.count - 1;
            good = parse_assignment(parser, object, &path);
            parser->depth -= path.count - 1;
        }
        hocon_path_free(&path);
        if (!good)
            return false;
    }
}

static bool parse_file(struct hocon_parser *parser)
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
    struct hocon_parser parser = {
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
