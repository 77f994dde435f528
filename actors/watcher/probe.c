/* SPDX-License-Identifier: Apache-2.0 */
#include "probe.h"

#include <czmq.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clearml.h"
#include "drover/assert.h"
#include "drover/config.h"
#include "json.h"
#include "log.h"
#include "nocore.h"
#include "seal.h"
#include "secretfile.h"

#define CREATE_MAX 100

enum { FINE = 0, FAILED = 1, USAGE = 64 };

struct probe {
    const char *config_path;
    bool secrets, write;
    const char *create[CREATE_MAX];
    size_t create_count, created;
    const struct dr_cfg_root *config;
    struct dr_clearml_credentials pair;
    struct clearml *client;
    json_t *queues; /* names at the server */
    bool failed, done;
};

/* ---- findings -------------------------------------------------------------------------------- */
/* more: an object whose members stand beside the rest (stolen), or NULL. */
static void found(struct probe *probe, bool ok, bool unsure, json_t *more, const char *what,
                  const char *sentence)
{
    json_t *line = json_pack("{s:b,s:b,s:s,s:s,s:s}", "ok", ok, "unsure", unsure, "what", what,
                             "sentence", sentence, "grant", "");
    if (more)
        json_object_update(line, more);
    char *text = line ? json_dumps(line, JSON_COMPACT) : NULL;
    puts(text ? text : "{\"ok\":false,\"what\":\"a finding\",\"sentence\":\"is no text\"}");
    fflush(stdout);
    free(text);
    json_decref(line);
    json_decref(more);
    probe->failed = probe->failed || (!ok && !unsure);
}

static void fail(struct probe *probe, const char *what, const char *sentence)
{
    found(probe, false, false, NULL, what, sentence);
}

/* ---- one step after the other ---------------------------------------------------------------- */
static bool has_queue(const struct probe *probe, const char *name)
{
    json_t *one;
    size_t i;
    json_array_foreach (probe->queues, i, one)
        if (strcmp(json_string_value(one), name) == 0)
            return true;
    return false;
}

static void finish(struct probe *probe)
{
    for (size_t i = 0; i < probe->config->queues.count; i++) {
        const char *name = probe->config->queues.items[i].name;
        char what[160];
        snprintf(what, sizeof what, "queue %.100s", name);
        if (name[0] && !has_queue(probe, name))
            found(probe, false, true, NULL, what,
                  "the server has no queue of this name yet: make it on its web page, or let "
                  "`drover init` do it");
    }
    probe->done = true;
}

static void create_next(struct probe *probe);

static void on_created(const struct clearml_answer *answer, void *arg)
{
    struct probe *probe = arg;
    const char *name = probe->create[probe->created++];
    char what[160];
    snprintf(what, sizeof what, "queue %.100s", name);
    if (answer->cls == CLEARML_OK) {
        json_array_append_new(probe->queues, json_string(name));
        found(probe, true, false, NULL, what, "created at the server");
    } else {
        fail(probe, what, answer->sentence);
    }
    create_next(probe);
}

static void create_next(struct probe *probe)
{
    while (probe->created < probe->create_count && has_queue(probe, probe->create[probe->created]))
        probe->created++;
    if (probe->created == probe->create_count)
        finish(probe);
    else
        clearml_call(probe->client, "queues.create",
                     json_pack("{s:s}", "name", probe->create[probe->created]), 0, on_created,
                     probe);
}

static void on_queues(const struct clearml_answer *answer, void *arg)
{
    struct probe *probe = arg;
    json_t *list = json_object_get(answer->data, "queues"), *queue;
    char sentence[200];
    size_t i;
    if (answer->cls != CLEARML_OK) {
        fail(probe, "queues", answer->sentence);
        probe->done = true;
        return;
    }
    json_array_foreach (list, i, queue) {
        json_t *name = json_object_get(queue, "name");
        if (json_is_string(name))
            json_array_append(probe->queues, name);
    }
    size_t count = json_array_size(probe->queues);
    snprintf(sentence, sizeof sentence, "the server has %zu queue%s", count, count == 1 ? "" : "s");
    found(probe, true, false, json_pack("{s:O}", "queues", probe->queues), "queues", sentence);
    create_next(probe);
}

/* The first call logs in. A server that keeps its version to itself has taken the pair all the
 * same. */
static void on_info(const struct clearml_answer *answer, void *arg)
{
    struct probe *probe = arg;
    char sentence[900];
    if (answer->cls != CLEARML_OK && answer->cls != CLEARML_REFUSED) {
        fail(probe, answer->cls == CLEARML_WRONG_KEY ? "key pair" : "server", answer->sentence);
        probe->done = true;
        return;
    }
    const char *version = dr_json_str(answer->data, "version", "", NULL);
    const char *server = probe->config->clearml.api_server[0] ? probe->config->clearml.api_server
                                                              : probe->pair.api_server;
    snprintf(sentence, sizeof sentence, "%.300s (ClearML %.60s) takes the pair found in %s", server,
             version[0] ? version : "of unknown version", probe->pair.found_in);
    found(probe, true, false, json_pack("{s:s}", "version", version), "key pair", sentence);
    clearml_call(probe->client, "queues.get_all",
                 json_pack("{s:[s,s]}", "only_fields", "id", "name"), 0, on_queues, probe);
}

static int on_look(zloop_t *loop, int timer, void *arg)
{
    (void)loop;
    (void)timer;
    return ((struct probe *)arg)->done ? -1 : 0; /* -1 ends the loop */
}

static void ask(struct probe *probe)
{
    const size_t look_ms = 10;
    zloop_t *loop = zloop_new();
    DR_ASSERT(loop);
    probe->client = clearml_new(loop, &probe->config->clearml, &probe->pair);
    clearml_call(probe->client, "server.info", NULL, 0, on_info, probe);
    zloop_timer(loop, look_ms, 0, on_look, probe);
    zloop_start(loop);
    clearml_destroy(&probe->client);
    zloop_destroy(&loop);
}

/* ---- the pair -------------------------------------------------------------------------------- */
static char *take(json_t *secrets, const char *key)
{
    char *text = strdup(dr_json_str(secrets, key, "", NULL));
    DR_ASSERT(text);
    return text;
}

static bool find_pair(struct probe *probe, json_t *secrets, struct dr_error *error)
{
    if (!secrets)
        return dr_clearml_credentials_load(probe->config->clearml.credentials_file, &probe->pair,
                                           error);
    probe->pair = (struct dr_clearml_credentials){.access_key = take(secrets, "access_key"),
                                                  .secret_key = take(secrets, "secret_key"),
                                                  .api_server = take(secrets, "api_server"),
                                                  .web_server = take(secrets, "web_server"),
                                                  .files_server = take(secrets, "files_server"),
                                                  .found_in = "your answers"};
    return (probe->pair.access_key[0] && probe->pair.secret_key[0]) ||
           dr_error_set(error, "access_key and secret_key must both be given");
}

static void write_pair(struct probe *probe)
{
    const char *path = probe->config->clearml.credentials_file;
    struct dr_error error = {0};
    char sentence[1100];
    json_t *tree = json_pack("{s:s,s:s}", "access_key", probe->pair.access_key, "secret_key",
                             probe->pair.secret_key);
    if (!path[0]) {
        fail(probe, "clearml.credentials_file", "must name the file to write");
    } else if (!dr_secretfile_write(path, tree, &error)) {
        fail(probe, "clearml.credentials_file", error.text);
    } else {
        snprintf(sentence, sizeof sentence, "written to %.1000s (mode 0600)", path);
        found(probe, true, false, NULL, "clearml.credentials_file", sentence);
    }
    json_decref(tree);
}

static void run(struct probe *probe)
{
    struct dr_error error = {0};
    json_t *secrets = probe->secrets ? dr_secret_read_stdin(&error) : NULL;
    probe->queues = json_array();
    if (error.text[0])
        fail(probe, "key pair", error.text);
    else if (!find_pair(probe, secrets, &error))
        fail(probe, "key pair", error.text);
    else
        ask(probe);
    if (probe->write && !probe->failed)
        write_pair(probe);
    dr_clearml_credentials_free(&probe->pair);
    json_decref(secrets);
    json_decref(probe->queues);
}

/* ---- the configuration ----------------------------------------------------------------------- */
/* Faults of `clearml` stop it, but for a server that stands beside the key pair. */
static void say_faults(struct probe *probe, const struct dr_config_errors *errors, bool read)
{
    for (size_t i = 0; i < errors->count; i++) {
        const struct dr_config_error *one = &errors->items[i];
        bool ours = !read || strncmp(one->path, "clearml.", 8) == 0;
        if (ours && !one->warning)
            fail(probe, read ? one->path : "configuration", one->what);
    }
}

static bool read_arguments(struct probe *probe, int argc, char **argv)
{
    bool good = true;
    for (int i = 2; i < argc && good; i++) {
        if (strcmp(argv[i], "--config") == 0 && i + 1 < argc)
            probe->config_path = argv[++i];
        else if (strcmp(argv[i], "--create-queue") == 0 && i + 1 < argc &&
                 probe->create_count < CREATE_MAX)
            probe->create[probe->create_count++] = argv[++i];
        else if (strcmp(argv[i], "--secrets") == 0)
            probe->secrets = true;
        else if (strcmp(argv[i], "--write") == 0)
            probe->write = true;
        else
            good = false;
    }
    return good && probe->config_path && (probe->secrets || !probe->write);
}

int probe_main(int argc, char **argv)
{
    struct probe probe = {0};
    struct dr_config_errors errors;
    if (!read_arguments(&probe, argc, argv)) {
        fputs("usage: drover-watcher --probe --config FILE [--secrets [--write]] "
              "[--create-queue NAME]...\n",
              stderr);
        return USAGE;
    }
    dr_no_core();
    dr_log_set_level(DR_LOG_ERROR);
    zsys_handler_set(NULL);
    struct dr_config *config = dr_config_load_draft(probe.config_path, &errors);
    say_faults(&probe, &errors, config != NULL);
    dr_config_errors_free(&errors);
    if (config && !probe.failed) {
        probe.config = dr_config_root(config);
        run(&probe);
    }
    dr_config_free(config);
    return probe.failed ? FAILED : FINE;
}
