/* SPDX-License-Identifier: Apache-2.0 */
#include "handlers.h"

#include "errors.h"
#include <string.h>

#define OPEN SANDBOX_OPEN
#define LOGIN SANDBOX_LOGIN
#define ADMIN SANDBOX_ADMIN
#define ROUTE(name, major, minor, handler, access, schema) \
    {name, SANDBOX_VERSION(major, minor), handler, access, schema},

static const struct sandbox_route routes[] = {
#include "routes.def"
#include "routes_data.def"
};

const struct sandbox_route *sandbox_route_find(const char *name, int version)
{
    const struct sandbox_route *best = NULL;
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        const struct sandbox_route *r = &routes[i];
        if (r->version <= version && (!best || r->version > best->version) &&
            strcmp(r->name, name) == 0)
            best = r;
    }
    return best;
}

struct field {
    char name[64];
    char type[16];
    char need; /* '!', '^' or 0 */
};

/* Takes the next "name:type[!^]" off *p; false at the end. */
static bool next_field(const char **p, struct field *f)
{
    while (**p == ' ')
        (*p)++;
    if (**p == '\0')
        return false;
    size_t whole = strcspn(*p, " ");
    size_t name = strcspn(*p, ":");
    size_t type = whole - name - 1;
    char last = (*p)[whole - 1];
    f->need = last == '!' || last == '^' ? last : '\0';
    if (f->need)
        type--;
    memcpy(f->name, *p, name);
    f->name[name] = '\0';
    memcpy(f->type, *p + name + 1, type);
    f->type[type] = '\0';
    *p += whole;
    return true;
}

static bool all_items(const json_t *list, bool strings)
{
    size_t i;
    json_t *item;
    json_array_foreach (list, i, item) {
        if (strings ? !json_is_string(item) : !json_is_object(item))
            return false;
    }
    return true;
}

static bool number_like(const json_t *v)
{
    if (!json_is_string(v))
        return json_is_number(v) || json_is_boolean(v);
    const char *text = json_string_value(v);
    return *text && text[strspn(text, "+-.0123456789eE")] == '\0';
}

static bool fits(const char *type, const json_t *v)
{
    if (strcmp(type, "str") == 0)
        return json_is_string(v);
    if (strcmp(type, "int") == 0 || strcmp(type, "num") == 0)
        return number_like(v);
    if (strcmp(type, "obj") == 0)
        return json_is_object(v);
    if (strcmp(type, "list") == 0)
        return json_is_array(v);
    if (strcmp(type, "[str]") == 0)
        return json_is_array(v) && all_items(v, true);
    if (strcmp(type, "[obj]") == 0)
        return json_is_array(v) && all_items(v, false);
    return true; /* bool and any take everything */
}

int sandbox_route_check(struct sandbox_call *call, const struct sandbox_route *route)
{
    struct field f;
    for (const char *p = route->schema; next_field(&p, &f);) {
        const json_t *v = json_object_get(call->body, f.name);
        if (f.need == '^' && !v)
            return sandbox_fail(call, 400, SUB_MISSING_FIELDS,
                                "Missing required fields: missing=('%s')", f.name);
        if (!v || json_is_null(v)) {
            if (f.need == '!')
                return fail_required(call, f.name);
            continue;
        }
        if (!fits(f.type, v))
            return sandbox_fail(call, 400, SUB_VALIDATION,
                                "Validation error (error for field '%s': ('value is wrong, "
                                "expected type \"%s\"').)",
                                f.name, f.type);
    }
    return 0;
}
