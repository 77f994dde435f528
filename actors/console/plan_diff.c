/* SPDX-License-Identifier: Apache-2.0 */
#include "plan_diff.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drover/assert.h"

#define PATH_ROOM 512

static void compare(json_t *out, const char *path, json_t *now, json_t *then);

/* A setting as a person would write it; a section by what it is. */
static char *text_of(const json_t *value, const char *other)
{
    if (value == NULL)
        return strdup(other);
    if (json_is_string(value))
        return strdup(json_string_length(value) == 0 ? "\"\"" : json_string_value(value));
    if (json_is_object(value))
        return strdup("there");
    return json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(12));
}

static void note(json_t *out, const char *path, const json_t *now, const json_t *then)
{
    bool section = json_is_object(now == NULL ? then : now);
    const char *none = section ? "not there" : "not set";
    char *a = text_of(now, none), *b = text_of(then, none);
    DR_ASSERT(a != NULL && b != NULL);
    json_array_append_new(out, json_pack("{s:s,s:s,s:s}", "path", path, "now", a, "then",
                                         section && now == NULL ? "new"
                                         : section              ? "gone"
                                                                : b));
    free(a);
    free(b);
}

static void compare_sections(json_t *out, const char *path, json_t *now, json_t *then)
{
    const char *key;
    json_t *value;
    char below[PATH_ROOM];
    json_object_foreach (now, key, value) {
        snprintf(below, sizeof below, "%s%s%s", path, *path == '\0' ? "" : ".", key);
        compare(out, below, value, json_object_get(then, key));
    }
    json_object_foreach (then, key, value) {
        snprintf(below, sizeof below, "%s%s%s", path, *path == '\0' ? "" : ".", key);
        if (json_object_get(now, key) == NULL)
            compare(out, below, NULL, value);
    }
}

static const char *name_of(const json_t *section)
{
    const char *name = json_string_value(json_object_get(section, "name"));
    return name == NULL ? "" : name;
}

static json_t *named(const json_t *list, const char *name)
{
    size_t i;
    json_t *section;
    json_array_foreach (list, i, section) {
        if (strcmp(name_of(section), name) == 0)
            return section;
    }
    return NULL;
}

static void compare_lists(json_t *out, const char *path, json_t *now, json_t *then)
{
    size_t i;
    json_t *section;
    char below[PATH_ROOM];
    json_array_foreach (now, i, section) {
        snprintf(below, sizeof below, "%s[%s]", path, name_of(section));
        compare(out, below, section, named(then, name_of(section)));
    }
    json_array_foreach (then, i, section) {
        snprintf(below, sizeof below, "%s[%s]", path, name_of(section));
        if (named(now, name_of(section)) == NULL)
            compare(out, below, NULL, section);
    }
}

static bool of_sections(const json_t *list)
{
    const json_t *first = json_array_get(list, 0);
    return first != NULL && *name_of(first) != '\0';
}

static void compare(json_t *out, const char *path, json_t *now, json_t *then)
{
    if (now != NULL && then != NULL && json_equal(now, then))
        return;
    if (json_is_object(now) && json_is_object(then))
        compare_sections(out, path, now, then);
    else if (of_sections(now) || of_sections(then))
        compare_lists(out, path, now, then);
    else
        note(out, path, now, then);
}

json_t *plan_diff(const struct dr_cfg_root *now, const struct dr_cfg_root *then)
{
    char *a = dr_config_json(now), *b = dr_config_json(then);
    json_t *out = json_array(), *was = json_loads(a, 0, NULL), *will = json_loads(b, 0, NULL);
    DR_ASSERT(out != NULL && was != NULL && will != NULL);
    compare(out, "", was, will);
    json_decref(was);
    json_decref(will);
    free(a);
    free(b);
    return out;
}
