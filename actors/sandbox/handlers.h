/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "sandbox.h"

/* The routes are two tables, routes.def (auth, queues, workers, tasks, users, server) and
 * routes_data.def (events, metrics, models, projects). One row:
 *
 *   ROUTE("queues.create", 2, 4, queues_create, LOGIN, "name:str! tags:[str]")
 *
 * name; the version it appeared in (a client that asks for an older one gets the newest row that is
 * not newer, the same name may stand in several rows); handler; OPEN, LOGIN or ADMIN; schema.
 *
 * Schema: fields apart by blanks, field:type with type str, int, num, bool, obj, list, [str], [obj]
 * or any; "!" behind it: required (400/12 if missing), "^": required the server's older way
 * (400/11). A null counts as absent; int, num and bool take whatever can be read as such, as the
 * server does. Fields that the schema does not name are let through. */
enum sandbox_access { SANDBOX_OPEN, SANDBOX_LOGIN, SANDBOX_ADMIN };

struct sandbox_route {
    const char *name;
    int version; /* SANDBOX_VERSION */
    sandbox_handler *handler;
    enum sandbox_access access;
    const char *schema;
};

#define ROUTE(name, major, minor, handler, access, schema) sandbox_handler handler;
#include "routes.def"
#include "routes_data.def"
#undef ROUTE

/* The row that serves name for a client asking version; NULL if there is none. */
const struct sandbox_route *sandbox_route_find(const char *name, int version);
/* Checks body against the row's schema; 0, or -1 with the call's error set. */
int sandbox_route_check(struct sandbox_call *call, const struct sandbox_route *route);
