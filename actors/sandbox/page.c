/* SPDX-License-Identifier: Apache-2.0 */
/* What the SDK and the dashboard call a task's page: its name, status, parameters, last scalars and
 * console as plain HTML. Who knows a task's id may read it, as with a link to share. */
#include "page.h"

#include "data.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINES_SHOWN = 500 };

static const char HEAD[] =
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">%s<title>%s</title>\n"
    "<style>body{font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:70em;padding:0 1em}"
    "td{padding:0 1.5em 0 0;vertical-align:top}pre{background:#f3f4f5;color:#15181b;padding:1em;"
    "overflow-x:auto;white-space:pre-wrap}</style></head><body>\n";
static const char TAIL[] =
    "<p>The sandbox's own page: ClearML's web pages are not part of the sandbox.</p>"
    "</body></html>\n";

/* Text from outside, made harmless. */
static void put(FILE *out, const char *text)
{
    for (const char *p = text == NULL ? "" : text; *p != '\0'; p++) {
        const char *safe = *p == '&' ? "&amp;" : *p == '<' ? "&lt;" : *p == '>' ? "&gt;" : NULL;
        if (safe != NULL)
            fputs(safe, out);
        else
            fputc(*p, out);
    }
}

static void put_row(FILE *out, const char *name, const char *value)
{
    if (value == NULL || *value == '\0')
        return;
    fputs("<tr><td>", out);
    put(out, name);
    fputs("</td><td>", out);
    put(out, value);
    fputs("</td></tr>\n", out);
}

static void put_parameters(FILE *out, const json_t *task)
{
    const char *section, *key;
    json_t *parameters, *parameter;
    json_object_foreach (json_object_get(task, "hyperparams"), section, parameters) {
        json_object_foreach (parameters, key, parameter) {
            char name[256];
            const char *own = sandbox_get_str(parameter, "name");
            snprintf(name, sizeof name, "%s/%s", section, own == NULL ? key : own);
            put_row(out, name, sandbox_get_str(parameter, "value"));
        }
    }
}

static void put_scalars(FILE *out, const json_t *task)
{
    const char *metric, *variant;
    json_t *variants, *last;
    json_object_foreach (json_object_get(task, "last_metrics"), metric, variants) {
        json_object_foreach (variants, variant, last) {
            char name[256], value[64];
            const char *of = sandbox_get_str(last, "metric"),
                       *which = sandbox_get_str(last, "variant");
            snprintf(name, sizeof name, "%s: %s", of == NULL ? "" : of, which == NULL ? "" : which);
            snprintf(value, sizeof value, "%g", json_number_value(json_object_get(last, "value")));
            if (of != NULL && *of != ':')
                put_row(out, name, value);
        }
    }
}

static void put_console(FILE *out, struct sandbox *sb, const char *id)
{
    json_t *lines = events_select(sb, id, &(struct events_filter){.type = "log"});
    events_sort(lines, "timestamp", false);
    size_t count = json_array_size(lines), from = count > LINES_SHOWN ? count - LINES_SHOWN : 0;
    fputs("</table>\n<h2>Console</h2>\n<pre>", out);
    if (count == 0)
        fputs("nothing yet", out);
    for (size_t i = from; i < count; i++) {
        const char *line = sandbox_get_str(json_array_get(lines, i), "msg");
        put(out, line);
        if (line != NULL && (*line == '\0' || line[strlen(line) - 1] != '\n'))
            fputc('\n', out);
    }
    fputs("</pre>\n", out);
    json_decref(lines);
}

static void put_task(FILE *out, struct sandbox *sb, const char *id, const json_t *task)
{
    const char *status = sandbox_get_str(task, "status"),
               *project = sandbox_get_str(task, "project");
    bool moves =
        status != NULL && (strcmp(status, "queued") == 0 || strcmp(status, "in_progress") == 0);
    /* The title stands in an element that knows no markup: the id is enough. */
    fprintf(out, HEAD, moves ? "<meta http-equiv=\"refresh\" content=\"3\">" : "", id);
    fputs("<h1>", out);
    put(out, sandbox_get_str(task, "name"));
    fputs("</h1>\n<table>\n", out);
    put_row(out, "status", status);
    put_row(out, "reason", sandbox_get_str(task, "status_reason"));
    put_row(out, "message", sandbox_get_str(task, "status_message"));
    if (project != NULL)
        put_row(out, "project", sandbox_get_str(json_object_get(sb->projects, project), "name"));
    put_row(out, "id", id);
    put_row(out, "worker", sandbox_get_str(task, "last_worker"));
    put_row(out, "container", sandbox_get_str(task, "container.image"));
    put_parameters(out, task);
    put_scalars(out, task);
    put_console(out, sb, id);
}

/* The id in /projects/PROJECT/tasks/ID/…, or experiments in place of tasks; empty: none. */
static bool find_id(const char *path, char id[33])
{
    char kind[16];
    return sscanf(path, "/projects/%*[^/]/%15[a-z]/%32[0-9a-f]", kind, id) == 2 &&
           (strcmp(kind, "tasks") == 0 || strcmp(kind, "experiments") == 0);
}

bool page_serve(struct sandbox *sb, const struct sandbox_request *request,
                struct sandbox_response *response)
{
    char id[33] = "", *body = NULL;
    size_t size = 0;
    bool ours = strncmp(request->path, "/projects/", 10) == 0 ||
                strncmp(request->path, "/workers-and-queues", 19) == 0;
    if (!ours || request->method == NULL ||
        (strcmp(request->method, "GET") != 0 && strcmp(request->method, "HEAD") != 0))
        return false;
    const json_t *task = find_id(request->path, id) ? json_object_get(sb->tasks, id) : NULL;
    FILE *out = open_memstream(&body, &size);
    if (out == NULL)
        return false;
    if (task != NULL)
        put_task(out, sb, id, task);
    else
        fprintf(out, HEAD, "", "sandbox");
    if (task == NULL)
        fputs("<h1>No such page</h1>\n<p>Tasks have one: /projects/*/tasks/ID. The rest is in "
              "Drover's dashboard.</p>\n",
              out);
    fputs(TAIL, out);
    fclose(out);
    *response = (struct sandbox_response){
        .status = task != NULL ? 200 : 404,
        .content_type = "text/html; charset=utf-8",
        .headers = strdup("Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'\n"
                          "X-Content-Type-Options: nosniff\nReferrer-Policy: no-referrer\n"
                          "Cache-Control: no-store\n"),
        .body = body,
        .body_size = size};
    return true;
}
