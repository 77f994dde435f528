/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch_task.h"

#include <czmq.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clearml.h"
#include "drover/assert.h"
#include "drover/config.h"
#include "log.h"
#include "nocore.h"
#include "workers.h"

enum { FINE = 0, UNKNOWN_TASK = 1, NO_ANSWER = 2, USAGE = 64, CONFIG = 78 };

struct fetch {
    const char *task, *prefix, *config_path;
    int code;
    bool done;
};

static void print(struct fetch *fetch, json_t *value)
{
    char *text = value ? json_dumps(value, JSON_COMPACT) : NULL;
    bool fine = text && puts(text) >= 0 && fflush(stdout) == 0;
    fetch->code = fine ? FINE : NO_ANSWER;
    free(text);
}

static void on_task(const struct clearml_answer *answer, void *arg)
{
    struct fetch *fetch = arg;
    json_t *tasks = json_object_get(answer->data, "tasks");
    fetch->done = true;
    if (answer->cls != CLEARML_OK) {
        fprintf(stderr, "drover: task %s: %s\n", fetch->task, answer->sentence);
        fetch->code = answer->cls == CLEARML_WRONG_KEY ? CONFIG : NO_ANSWER;
    } else if (json_array_size(tasks) == 0) {
        fprintf(stderr, "drover: the ClearML server has no task %s, or not for this key pair\n",
                fetch->task);
        fetch->code = UNKNOWN_TASK;
    } else {
        print(fetch, json_array_get(tasks, 0));
    }
}

/* One that no machine can be behind is left out: it has no instance's id at its end. */
static json_t *worker_of(const struct fetch *fetch, const json_t *worker)
{
    struct worker_name name;
    const char *id = json_string_value(json_object_get(worker, "id"));
    const char *task = json_string_value(json_object_get(json_object_get(worker, "task"), "id"));
    if (!id || !worker_parse(id, fetch->prefix, &name) || name.slot != 0)
        return NULL;
    return json_pack("{s:s,s:s,s:s,s:s,s:s}", "worker", id, "instance_id", name.instance, "name",
                     name.name, "size", name.type, "task", task ? task : "");
}

static void on_workers(const struct clearml_answer *answer, void *arg)
{
    struct fetch *fetch = arg;
    json_t *workers = json_object_get(answer->data, "workers"), *list = json_array(), *worker;
    size_t i;
    fetch->done = true;
    fetch->code = NO_ANSWER;
    json_array_foreach (workers, i, worker) {
        json_t *one = worker_of(fetch, worker);
        if (one)
            json_array_append_new(list, one);
    }
    if (answer->cls != CLEARML_OK || !json_is_array(workers))
        fprintf(stderr, "drover: the workers of the ClearML server: %s\n",
                answer->cls == CLEARML_OK ? "it gave no list" : answer->sentence);
    else
        print(fetch, list);
    json_decref(list);
}

static int on_look(zloop_t *loop, int timer, void *arg)
{
    (void)loop;
    (void)timer;
    return ((struct fetch *)arg)->done ? -1 : 0; /* -1 ends the loop */
}

static void ask(struct fetch *fetch, const struct dr_cfg_clearml *cfg)
{
    const size_t look_ms = 10;
    struct dr_clearml_credentials found = {0};
    struct dr_error error;
    if (!dr_clearml_credentials_load(cfg->credentials_file, &found, &error)) {
        fprintf(stderr, "drover: no ClearML key pair: %s\n", error.text);
        fetch->code = CONFIG;
        return;
    }
    zloop_t *loop = zloop_new();
    DR_ASSERT(loop);
    struct clearml *client = clearml_new(loop, cfg, &found);
    if (fetch->task)
        clearml_call(client, "tasks.get_all",
                     json_pack("{s:[s],s:[s,s,s,s,s,s],s:b}", "id", fetch->task, "only_fields",
                               "id", "name", "status", "hyperparams", "configuration",
                               "execution.parameters", "search_hidden", 1),
                     0, on_task, fetch);
    else
        clearml_call(client, "workers.get_all", NULL, 0, on_workers, fetch);
    zloop_timer(loop, look_ms, 0, on_look, fetch);
    zloop_start(loop);
    clearml_destroy(&client);
    zloop_destroy(&loop);
    dr_clearml_credentials_free(&found);
}

/* Without a file all is as the defaults have it, and the server is the one beside the key pair. */
static int run(struct fetch *fetch)
{
    static const char none[] = "deployment: fetch\nclearml:\n  api_server: http://localhost\n";
    struct dr_config_errors errors;
    struct dr_config *config = fetch->config_path
                                   ? dr_config_load(fetch->config_path, &errors)
                                   : dr_config_parse(none, sizeof none - 1, "", &errors);
    for (size_t i = 0; i < errors.count && !config; i++)
        fprintf(stderr, "%s\n", errors.items[i].text);
    dr_config_errors_free(&errors);
    if (!config)
        return CONFIG;
    struct dr_cfg_clearml cfg = dr_config_root(config)->clearml;
    if (!fetch->config_path)
        cfg.api_server = "";
    fetch->code = NO_ANSWER;
    ask(fetch, &cfg);
    dr_config_free(config);
    return fetch->code;
}

bool fetch_asked(int argc, char **argv)
{
    return argc > 1 &&
           (strcmp(argv[1], "--fetch-task") == 0 || strcmp(argv[1], "--fetch-workers") == 0);
}

int fetch_main(int argc, char **argv)
{
    struct fetch fetch = {0};
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--fetch-task") == 0)
            fetch.task = argv[i + 1];
        else if (strcmp(argv[i], "--fetch-workers") == 0)
            fetch.prefix = argv[i + 1];
        else if (strcmp(argv[i], "--config") == 0)
            fetch.config_path = argv[i + 1];
    }
    if (argc % 2 == 0 || (!fetch.task == !fetch.prefix)) {
        fputs("usage: drover-watcher --fetch-task ID | --fetch-workers PREFIX [--config FILE]\n",
              stderr);
        return USAGE;
    }
    dr_no_core();
    dr_log_set_level(DR_LOG_ERROR);
    return run(&fetch);
}
