/* SPDX-License-Identifier: Apache-2.0
 *
 * What another autoscaler started becomes Drover's. The console calls neither the server nor a
 * cloud: the watcher names the workers, the provisioner marks their instances, each once.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "console.h"
#include "drover/assert.h"
#include "import.h"

#define ARGUMENTS_MOST 2000 /* instances in one run of the provisioner */

char *import_run(const char *program, const char *const *arguments, size_t *len, int *code)
{
    char path[600], *data = NULL;
    const char **argv = calloc(ARGUMENTS_MOST + 8, sizeof *argv);
    int fd = -1;
    size_t room = 0;
    DR_ASSERT(argv);
    *len = 0;
    *code = -1;
    argv[0] = path;
    for (size_t i = 0; i < ARGUMENTS_MOST + 6 && arguments[i]; i++)
        argv[i + 1] = arguments[i];
    pid_t pid = spawn_find(program, path, sizeof path) == 0 ? spawn_start(argv, &fd, false) : -1;
    FILE *out = pid > 0 ? fdopen(fd, "r") : NULL;
    ssize_t n = out ? getdelim(&data, &room, '\0', out) : -1;
    *len = n > 0 ? (size_t)n : 0;
    if (out)
        fclose(out);
    if (pid > 0)
        *code = spawn_wait(pid);
    free(argv);
    return data;
}

/* Which of the imported types a worker's machine is; NULL, with a remark. */
static const json_t *type_of(struct import *im, const char *worker, const char *resource)
{
    const char *name = json_string_value(json_array_get(json_object_get(im->names, resource), 0));
    json_t *type;
    size_t i;
    json_array_foreach (json_object_get(im->out, "machine_types"), i, type) {
        if (name && strcmp(json_string_value(json_object_get(type, "name")), name) == 0)
            return type;
    }
    import_warn(im, worker, NULL,
                "its machine is left: resource %.60s is not in this configuration", resource);
    return NULL;
}

/* account -> ["INSTANCE=TYPE", ...] of the workers that the server has now. */
static json_t *wanted(struct import *im, const char *config)
{
    const char *prefix = json_string_value(json_object_get(im->out, "worker_prefix"));
    const char *arguments[] = {"--fetch-workers", prefix, "--config", config, NULL};
    json_t *accounts = json_object(), *worker;
    size_t len, i;
    int code;
    char *text = import_run("drover-watcher", arguments, &len, &code);
    json_t *workers = text && code == 0 ? json_loadb(text, len, 0, NULL) : NULL;
    if (!workers)
        import_warn(im, "--take-over", NULL,
                    "nothing is taken over: the server did not say which workers there are");
    json_array_foreach (workers, i, worker) {
        const char *id = "", *instance = "", *resource = "", *task = "", *size = "";
        json_unpack(worker, "{s:s,s:s,s:s,s:s,s:s}", "worker", &id, "instance_id", &instance,
                    "name", &resource, "task", &task, "size", &size);
        const json_t *type = type_of(im, id, resource);
        const char *account = json_string_value(json_object_get(type, "account"));
        if (!account)
            continue;
        if (!json_object_get(accounts, account))
            json_object_set_new(accounts, account, json_array());
        json_array_append_new(
            json_object_get(accounts, account),
            json_sprintf("%s=%s", instance, json_string_value(json_object_get(type, "name"))));
    }
    if (workers && json_array_size(workers) == 0)
        import_note(im, "--take-over", NULL, "no worker of prefix %.63s is registered", prefix);
    json_decref(workers);
    free(text);
    return accounts;
}

static void note_lines(struct import *im, char *text)
{
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        const char *what = "", *sentence = "", *grant = "";
        int ok = 0;
        json_t *finding = json_loads(line, 0, NULL);
        json_unpack(finding, "{s:b,s:s,s:s,s:s}", "ok", &ok, "what", &what, "sentence", &sentence,
                    "grant", &grant);
        if (ok)
            import_note(im, what, NULL, "%s", sentence);
        else
            import_warn(im, what, NULL, "%s%s%s%s", *sentence ? sentence : line,
                        *grant ? " (the right it needs: " : "", grant, *grant ? ")" : "");
        json_decref(finding);
    }
}

static void take(struct import *im, const char *config, const char *account, const json_t *items,
                 size_t from)
{
    const char *arguments[ARGUMENTS_MOST + 5] = {"--take-over", account, "--config", config};
    size_t count = 4, len;
    int code;
    for (size_t i = from; i < json_array_size(items) && i < from + ARGUMENTS_MOST; i++)
        arguments[count++] = json_string_value(json_array_get(items, i));
    char *text = import_run("drover-provisioner", arguments, &len, &code);
    if (text && len > 0)
        note_lines(im, text);
    else
        import_warn(im, account, NULL, "nothing is taken over: drover-provisioner ended with %d",
                    code);
    free(text);
}

void import_take_over(struct import *im, const char *config)
{
    const char *account;
    json_t *items, *accounts = wanted(im, config);
    json_object_foreach (accounts, account, items) {
        for (size_t from = 0; from < json_array_size(items); from += ARGUMENTS_MOST)
            take(im, config, account, items, from);
    }
    json_decref(accounts);
}
