/* SPDX-License-Identifier: Apache-2.0 */
#include "takeover.h"

#include <czmq.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drover/assert.h"
#include "drover/config.h"
#include "log.h"
#include "nocore.h"
#include "probe.h"
#include "shell.h"

#define MOST_MS 600000
#define USAGE_EXIT 64
#define CONFIG_EXIT 78

struct run {
    const struct dr_cfg_root *config;
    const struct dr_cfg_account *account;
    struct driver_takeover *items;
    size_t count;
    bool failed, done;
};

static void on_found(void *arg, const struct driver_finding *finding)
{
    (void)arg;
    probe_print(finding);
}

static void fail(struct run *run, const char *what, const char *sentence)
{
    run->failed = true;
    probe_print(&(struct driver_finding){.what = what, .sentence = sentence, .grant = ""});
}

static void on_done(void *arg, const char *id, const struct driver_answer *answer)
{
    struct run *run = arg;
    (void)id;
    run->done = true;
    run->failed = run->failed || answer->class != DRIVER_OK;
}

static int on_look(zloop_t *loop, int timer, void *arg)
{
    (void)loop;
    (void)timer;
    return ((struct run *)arg)->done ? -1 : 0; /* -1 ends the loop */
}

static int on_late(zloop_t *loop, int timer, void *arg)
{
    (void)loop;
    (void)timer;
    fail(arg, "take over", "the cloud has not answered everything within ten minutes");
    return -1;
}

static void ask_cloud(struct run *run, const struct driver_ops *ops)
{
    const size_t look_ms = 20;
    struct dr_error error = {0};
    zloop_t *loop = zloop_new();
    DR_ASSERT(loop);
    struct driver_setup setup = {.loop = loop,
                                 .config = run->config,
                                 .account = run->account,
                                 .deployment = run->config->deployment,
                                 .state_dir = run->config->state_dir};
    void *driver = ops->open(&setup, &error);
    if (driver) {
        zloop_timer(loop, look_ms, 0, on_look, run);
        zloop_timer(loop, MOST_MS, 1, on_late, run);
        ops->take_over(driver, run->items, run->count, on_found, on_done, run);
        zloop_start(loop);
        ops->close(driver);
    } else {
        fail(run, "account", error.text);
    }
    zloop_destroy(&loop);
}

/* INSTANCE=TYPE, as long as the process's arguments live. */
static void read_items(struct run *run, int count, char **words)
{
    run->items = calloc((size_t)count + 1, sizeof *run->items);
    DR_ASSERT(run->items);
    for (int i = 0; i < count; i++) {
        char *is = strchr(words[i], '=');
        const struct dr_cfg_type *type = is ? dr_config_type(run->config, is + 1) : NULL;
        if (!type || strcmp(type->account, run->account->name) != 0) {
            fail(run, words[i], "is no INSTANCE=TYPE with a machine type of this account");
            continue;
        }
        *is = '\0';
        run->items[run->count++] = (struct driver_takeover){words[i], type};
    }
}

static void work(struct run *run, int count, char **words)
{
    const struct driver_ops *ops = shell_driver(run->account->driver);
    DR_ASSERT(ops); /* the configuration's words are those of the table */
    read_items(run, count, words);
    if (!ops->take_over)
        fail(run, run->account->name, "its machines cannot have been another autoscaler's");
    else if (run->count > 0)
        ask_cloud(run, ops);
    free(run->items);
}

int takeover_main(int argc, char **argv)
{
    struct dr_config_errors errors;
    struct run run = {0};
    if (argc < 6 || strcmp(argv[3], "--config") != 0) {
        fputs("usage: drover-provisioner --take-over ACCOUNT --config FILE INSTANCE=TYPE...\n",
              stderr);
        return USAGE_EXIT;
    }
    dr_no_core();
    dr_log_set_level(DR_LOG_ERROR);
    zsys_handler_set(NULL);
    struct dr_config *config = dr_config_load(argv[4], &errors);
    for (size_t i = 0; i < errors.count && !config; i++)
        fprintf(stderr, "%s\n", errors.items[i].text);
    dr_config_errors_free(&errors);
    if (!config)
        return CONFIG_EXIT;
    run.config = dr_config_root(config);
    run.account = dr_config_account(run.config, argv[2]);
    if (run.account)
        work(&run, argc - 5, argv + 5);
    else
        fail(&run, "configuration", "it has no account of this name");
    dr_config_free(config);
    return run.failed ? 1 : 0;
}
