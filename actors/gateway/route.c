/* SPDX-License-Identifier: Apache-2.0 */
#include "route.h"

#include <stdio.h>
#include <string.h>

#define ROUTE(method, pattern, role, name) void handle_##name(struct request *request);
#include "routes.def"
#undef ROUTE

const struct route route_table[] = {
#define ROUTE(method, pattern, role, name) {#method, pattern, ROLE_##role, #name, handle_##name},
#include "routes.def"
#undef ROUTE
};
const size_t route_count = sizeof route_table / sizeof route_table[0];

static int hex(char c)
{
    const char *digits = "0123456789abcdef0123456789ABCDEF";
    const char *at = c == '\0' ? NULL : strchr(digits, c);
    return at == NULL ? -1 : (int)((at - digits) % 16);
}

/* A part of the path up to the next slash; false: too long, empty or badly encoded. */
static bool take_part(const char **path, char *out, size_t room)
{
    size_t len = 0;
    const char *at = *path;
    while (*at != '\0' && *at != '/') {
        int c = (unsigned char)*at++;
        if (c == '%') {
            int high = hex(at[0]), low = high < 0 ? -1 : hex(at[1]);
            if (low < 0)
                return false;
            c = high * 16 + low;
            at += 2;
        }
        if (c == '\0' || len + 1 >= room)
            return false;
        out[len++] = (char)c;
    }
    out[len] = '\0';
    *path = at;
    return len > 0;
}

static bool matches(const char *pattern, const char *path, struct route_args *args)
{
    args->count = 0;
    while (*pattern != '\0') {
        if (*pattern != '{') {
            if (*pattern++ != *path++)
                return false;
            continue;
        }
        if (args->count == ROUTE_ARGS_MAX ||
            !take_part(&path, args->values[args->count], sizeof args->values[0]))
            return false;
        args->count++;
        pattern = strchr(pattern, '}') + 1;
    }
    return *path == '\0';
}

const struct route *route_find(const char *method, const char *path, struct route_args *args,
                               char allowed[128])
{
    bool head = strcmp(method, "HEAD") == 0;
    struct route_args tried;
    allowed[0] = '\0';
    for (size_t i = 0; i < route_count; i++) {
        const struct route *route = &route_table[i];
        if (!matches(route->pattern, path, &tried))
            continue;
        if (strcmp(route->method, head ? "GET" : method) == 0) {
            *args = tried;
            return route;
        }
        size_t used = strlen(allowed);
        if (used + strlen(route->method) + 3 < 128)
            snprintf(allowed + used, 128 - used, "%s%s", used > 0 ? ", " : "", route->method);
    }
    return NULL;
}

const char *role_name(enum role role)
{
    static const char *const names[] = {"", "viewer", "operator"};
    return names[role];
}

enum role role_parse(const char *text)
{
    return strcmp(text, "operator") == 0 ? ROLE_OPERATOR
           : strcmp(text, "viewer") == 0 ? ROLE_VIEWER
                                         : ROLE_NONE;
}
