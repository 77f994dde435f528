/* SPDX-License-Identifier: Apache-2.0 */
#include "probe.h"

#include <czmq.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bootdata.h"
#include "drover/assert.h"
#include "drover/config.h"
#include "hocon.h"
#include "log.h"
#include "nocore.h"
#include "probe_secrets.h"
#include "secrets.h"
#include "shell.h"

#define PROBE_MOST_MS 120000
/* As long as the real ones: what fits here fits then. */
#define KEY_OF_40 "0123456789012345678901234567890123456789"
#define ID_OF_32 "01234567890123456789012345678901"
#define ATTEMPT_ID "a0123456789"
#define USAGE_EXIT 64

struct probe {
    const struct dr_cfg_root *config;
    const struct dr_cfg_account *account;
    const struct driver_ops *ops;
    void *driver;
    const struct probe_secrets *secrets; /* NULL: none were typed */
    bool failed, done;
};

void probe_print(const struct driver_finding *finding)
{
    json_t *line =
        json_pack("{s:b,s:b,s:s,s:s,s:s}", "ok", finding->ok, "unsure", finding->unsure, "what",
                  finding->what, "sentence", finding->sentence, "grant", finding->grant);
    char *text = line ? json_dumps(line, JSON_COMPACT) : NULL;
    puts(text ? text : "{\"ok\":false,\"what\":\"a finding\",\"sentence\":\"is no text\"}");
    fflush(stdout);
    free(text);
    json_decref(line);
}

static void on_found(void *arg, const struct driver_finding *finding)
{
    struct probe *probe = arg;
    struct driver_finding said = *finding;
    char *named = probe->secrets ? probe_secrets_named(probe->secrets, finding->sentence) : NULL;
    if (named)
        said.sentence = named;
    probe->failed = probe->failed || (!finding->ok && !finding->unsure);
    probe_print(&said);
    free(named);
}

static void note(struct probe *probe, bool ok, const char *what, const char *sentence)
{
    struct driver_finding finding = {.ok = ok, .what = what, .sentence = sentence, .grant = ""};
    on_found(probe, &finding);
}

static void on_done(void *arg, const char *id, const struct driver_answer *answer)
{
    struct probe *probe = arg;
    (void)id;
    probe->done = true;
    if (answer->class != DRIVER_OK && !probe->failed)
        note(probe, false, "probe", answer->sentence);
}

/* ---- boot data ------------------------------------------------------------------------------- */
/* A row as the planner would want it: as many queue ids as queues name the type. */
static size_t queues_of(const struct dr_cfg_root *config, const struct dr_cfg_type *type,
                        const char **ids)
{
    size_t count = 0;
    for (size_t i = 0; i < config->queues.count; i++) {
        const struct dr_strs *types = &config->queues.items[i].types;
        for (size_t n = 0; n < types->count; n++) {
            if (strcmp(types->items[n], type->name) == 0) {
                ids[count++] = ID_OF_32;
                break;
            }
        }
    }
    return count;
}

static bool build(struct probe *probe, const struct dr_cfg_type *type,
                  const struct boot_blob *script, struct dr_strbuf *body, struct dr_error *error)
{
    char offering[SHELL_OFFERING_SIZE];
    snprintf(offering, sizeof offering, "%s", type->name);
    if (probe->ops->offering && !probe->ops->offering(type, 0, offering, sizeof offering))
        return dr_error_set(error, "there is nothing that could be asked for to get it");
    struct driver_request request = {
        .attempt = ATTEMPT_ID,
        .count = probe->ops->batch_max,
        .account = probe->account,
        .type = type,
        .offering = offering,
        .deployment = probe->config->deployment,
        .ledger_id = ID_OF_32,
        .user_data = script->data,
        .user_data_len = script->size,
    };
    return probe->ops->build(probe->driver, &request, body, error);
}

static void try_type(struct probe *probe, const struct dr_cfg_type *type)
{
    const char **ids = calloc(probe->config->queues.count + 1, sizeof *ids);
    char what[160], sentence[160];
    DR_ASSERT(ids);
    size_t count = queues_of(probe->config, type, ids);
    struct dr_machine_row row = {.drain_queue = ID_OF_32, .queues = {.items = ids, .count = count}};
    struct bootdata_request data = {
        .config = probe->config,
        .account = probe->account,
        .type = type,
        .machine = &row,
        .access_key = KEY_OF_40,
        .secret_key = KEY_OF_40,
        .id_source = probe->ops->id_source,
        .power_off = probe->ops->power_off,
        .gpu_count = probe->driver && probe->ops->gpus ? probe->ops->gpus(probe->driver, type) : 0,
    };
    struct boot_blob script = {0};
    struct dr_strbuf body = {0};
    struct dr_error error = {0};
    snprintf(what, sizeof what, "boot data of type %s", type->name);
    if (count == 0) {
        note(probe, true, what, "no queue is served by it: not tried");
    } else if (!bootdata_render(&data, &script, &error) ||
               (probe->driver && !build(probe, type, &script, &body, &error))) {
        note(probe, false, what, error.text);
    } else {
        snprintf(sentence, sizeof sentence, "a script of %zu bytes%s", script.size,
                 probe->driver ? ", and it fits into a request" : "");
        note(probe, true, what, sentence);
    }
    boot_blob_free(&script);
    dr_strbuf_free(&body);
    free(ids);
}

/* Known before there is a type whose boot data they go into. Of HOCON there is more than Drover
 * reads: what it cannot is only doubted. */
static void try_secrets(struct probe *probe)
{
    struct secrets secrets;
    struct dr_error error = {0};
    if (!secrets_load(probe->account->secrets_file, &secrets, &error)) {
        note(probe, false, "secrets of the machines", error.text);
        return;
    }
    json_t *conf = dr_hocon_parse("storage_conf", secrets.storage_conf,
                                  strlen(secrets.storage_conf), dr_hocon_getenv, NULL, &error);
    if (!conf) {
        struct driver_finding doubt = {
            .unsure = true, .what = "secrets of the machines", .sentence = error.text, .grant = ""};
        on_found(probe, &doubt);
    }
    json_decref(conf);
    secrets_free(&secrets);
}

/* ---- the driver ------------------------------------------------------------------------------ */
static int on_look(zloop_t *loop, int timer, void *arg)
{
    (void)loop;
    (void)timer;
    return ((struct probe *)arg)->done ? -1 : 0; /* -1 ends the loop */
}

static int on_late(zloop_t *loop, int timer, void *arg)
{
    (void)loop;
    (void)timer;
    note(arg, false, "probe", "the cloud has not answered everything within two minutes");
    return -1;
}

/* A driver that has nothing to try is not opened: that could leave something behind. */
static void try_driver(struct probe *probe, zloop_t *loop)
{
    const size_t look_ms = 20;
    struct dr_error error = {0};
    struct driver_setup setup = {.loop = loop,
                                 .config = probe->config,
                                 .account = probe->account,
                                 .deployment = probe->config->deployment,
                                 .state_dir = probe->config->state_dir};
    probe->driver = probe->ops->open(&setup, &error);
    if (!probe->driver) {
        note(probe, false, "account", error.text);
        return;
    }
    zloop_timer(loop, look_ms, 0, on_look, probe);
    zloop_timer(loop, PROBE_MOST_MS, 1, on_late, probe);
    probe->ops->probe(probe->driver, on_found, on_done, probe);
    zloop_start(loop);
}

static void run(struct probe *probe)
{
    zloop_t *loop = zloop_new();
    DR_ASSERT(loop);
    if (probe->ops->probe)
        try_driver(probe, loop);
    else
        probe->ops->look(probe->account, on_found, probe);
    for (size_t i = 0; i < probe->config->machine_types.count; i++) {
        const struct dr_cfg_type *type = &probe->config->machine_types.items[i];
        if (strcmp(type->account, probe->account->name) == 0)
            try_type(probe, type);
    }
    if (probe->driver)
        probe->ops->close(probe->driver);
    zloop_destroy(&loop);
}

/* ---- what is asked --------------------------------------------------------------------------- */
struct arguments {
    const char *account, *config_path;
    bool draft, secrets, write;
};

static bool read_arguments(struct arguments *out, int argc, char **argv)
{
    bool good = argc > 2;
    out->account = good ? argv[2] : "";
    for (int i = 3; i < argc && good; i++) {
        if (strcmp(argv[i], "--config") == 0 && i + 1 < argc)
            out->config_path = argv[++i];
        else if (strcmp(argv[i], "--draft") == 0)
            out->draft = true;
        else if (strcmp(argv[i], "--secrets") == 0)
            out->secrets = true;
        else if (strcmp(argv[i], "--write") == 0)
            out->write = true;
        else
            good = false;
    }
    return good && out->config_path && (out->secrets || !out->write);
}

/* Of a draft only what is wrong with its accounts counts. */
static struct dr_config *load(struct probe *probe, const struct arguments *asked)
{
    struct dr_config_errors errors;
    struct dr_config *config = asked->draft ? dr_config_load_draft(asked->config_path, &errors)
                                            : dr_config_load(asked->config_path, &errors);
    for (size_t i = 0; i < errors.count; i++) {
        const struct dr_config_error *one = &errors.items[i];
        bool ours = !config || !asked->draft || strncmp(one->path, "accounts[", 9) == 0;
        if (!one->warning && ours)
            note(probe, false, "configuration", one->text);
    }
    dr_config_errors_free(&errors);
    return config;
}

static void probe_account(struct probe *probe, const char *name)
{
    probe->account = dr_config_account(probe->config, name);
    if (probe->account) {
        probe->ops = shell_driver(probe->account->driver);
        if (probe->ops) {
            try_secrets(probe);
            run(probe);
        } else { /* a draft that does not say which */
            note(probe, false, "configuration", "the account names no driver");
        }
    } else {
        note(probe, false, "configuration", "it has no account of this name");
    }
}

static void probe_typed(struct probe *probe, const struct arguments *asked,
                        const struct dr_cfg_root *config)
{
    struct probe_secrets secrets;
    struct dr_error error = {0};
    if (probe_secrets_begin(&secrets, config, asked->account, &error)) {
        probe->config = &secrets.root;
        probe->secrets = &secrets;
        probe_account(probe, asked->account);
    } else {
        note(probe, false, "secrets", error.text);
    }
    bool keep = asked->write && !probe->failed;
    probe->secrets = NULL;
    probe->config = config;
    if (!probe_secrets_end(&secrets, keep, &error))
        note(probe, false, "secrets", error.text);
    else if (keep)
        note(probe, true, "secrets", "written to the files that the account names (mode 0600)");
}

int probe_main(int argc, char **argv)
{
    struct probe probe = {0};
    struct arguments asked = {0};
    if (!read_arguments(&asked, argc, argv)) {
        fputs("usage: drover-provisioner --probe ACCOUNT --config FILE [--draft] [--secrets "
              "[--write]]\n",
              stderr);
        return USAGE_EXIT;
    }
    dr_no_core();
    dr_log_set_level(DR_LOG_ERROR);
    zsys_handler_set(NULL);
    struct dr_config *config = load(&probe, &asked);
    if (!config)
        return 1;
    probe.config = dr_config_root(config);
    if (!probe.failed && asked.secrets)
        probe_typed(&probe, &asked, probe.config);
    else if (!probe.failed)
        probe_account(&probe, asked.account);
    dr_config_free(config);
    return probe.failed ? 1 : 0;
}
