/* SPDX-License-Identifier: Apache-2.0 */
/* The table of operations, and which of them a request means. Pure. */
#ifndef DROVER_GATEWAY_ROUTE_H
#define DROVER_GATEWAY_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

struct request;

enum role { ROLE_NONE, ROLE_VIEWER, ROLE_OPERATOR };

#define ROUTE_ARGS_MAX 2

struct route {
    const char *method, *pattern; /* "/api/v1/machines/{id}/drain" */
    enum role role;               /* at least this */
    const char *name;             /* operationId */
    void (*handle)(struct request *request);
};

struct route_args {
    size_t count;
    char values[ROUTE_ARGS_MAX][256]; /* percent-decoded */
};

extern const struct route route_table[];
extern const size_t route_count;

/* The row, or NULL. allowed (128 bytes): the methods that the path has, "" when it has none. */
const struct route *route_find(const char *method, const char *path, struct route_args *args,
                               char allowed[128]);

/* "viewer", "operator", "" */
const char *role_name(enum role role);
enum role role_parse(const char *text);

#endif
