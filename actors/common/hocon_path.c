/* SPDX-License-Identifier: Apache-2.0 */
#include "hocon_path.h"

#include <stdlib.h>
#include <string.h>

#include "drover/assert.h"

/* What all substitutions of a file may copy together: a few lines can ask for gigabytes. */
#define COPIED_MAX DR_HOCON_MAX_SIZE

void hocon_path_free(struct hocon_path *path)
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

bool hocon_path_parse(struct hocon_parser *parser, struct hocon_path *path)
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

static json_t *find(const json_t *tree, const struct hocon_path *path, int count)
{
    for (int i = 0; i < count && tree; i++)
        tree = json_object_get(tree, path->name[i]);
    return (json_t *)tree;
}

/* A copy of what stands above under this name, else the environment's; NULL without error if there
 * is none. */
static json_t *look_up(struct hocon_parser *parser, const struct hocon_path *path,
                       const char *whole, bool *good)
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

bool hocon_substitute(struct hocon_parser *parser, struct hocon_row *row, const char *blanks,
                      size_t blanks_len)
{
    struct hocon_text *in = &parser->in;
    size_t opened = in->at;
    in->at += 2;
    bool optional = hocon_peek(in, 0) == '?';
    in->at += optional;
    size_t from = in->at;
    struct hocon_path path = {0};
    bool good = hocon_path_parse(parser, &path);
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
    hocon_path_free(&path);
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
