/* SPDX-License-Identifier: Apache-2.0
 *
 * drover import: from ClearML's own autoscaler, its hosted apps, or another Drover.
 */
#include "import.h"

#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "console.h"
#include "credentials.h"
#include "drover/assert.h"
#include "nocore.h"
#include "seal.h"

struct request {
    const struct console *console;
    const char *source, *out, *deployment;
    bool take_over;
    char secrets_dir[PATH_MAX];
};

static int usage(void)
{
    fputs("usage: drover import FILE|TASK_ID [--out drover.yaml] [--deployment NAME] "
          "[--take-over]\n",
          stderr);
    return EXIT_USAGE;
}

/* ---- input ------------------------------------------------------------------------------------
 */
static bool is_task_id(const char *text)
{
    return strlen(text) == 32 && strspn(text, "0123456789abcdef") == 32;
}

/* Only the watcher talks to the server: it is asked for the task, once. */
static char *fetch(const struct request *request, size_t *len, int *code)
{
    const char *config = request->console->config_path;
    bool configured = access(config, R_OK) == 0;
    const char *arguments[] = {"--fetch-task", request->source, configured ? "--config" : NULL,
                               config, NULL};
    char *text = import_run("drover-watcher", arguments, len, code);
    if (*code == 0 && *len > 0)
        return text;
    free(text);
    *code = *code > 0 ? *code : EXIT_BROKEN;
    return NULL;
}

/* The text, or NULL with *code set and the reason said. */
static char *read_source(const struct request *request, size_t *len, int *code)
{
    struct dr_error error;
    *len = 0;
    *code = EXIT_BROKEN;
    bool task = is_task_id(request->source) && access(request->source, F_OK) != 0;
    if (task)
        return fetch(request, len, code);
    char *text = import_file(request->source, len, &error);
    if (!text)
        fprintf(stderr, "%s\n", error.text);
    *code = EXIT_CONFIG;
    return text;
}

/* ---- output -----------------------------------------------------------------------------------
 */
static int warnings(const struct import *im)
{
    int count = 0;
    size_t i;
    json_t *entry;
    json_array_foreach (im->remarks, i, entry)
        count += strcmp(json_string_value(json_object_get(entry, "level")), "warning") == 0;
    return count;
}

static void print_remark(const struct console *console, json_t *entry)
{
    const char *level = "", *field = "", *value = "", *sentence = "";
    if (console->json) {
        char *line = json_dumps(entry, JSON_COMPACT);
        puts(line ? line : "null");
        free(line);
        return;
    }
    json_unpack(entry, "{s:s,s:s,s:s,s:s}", "level", &level, "field", &field, "value", &value,
                "sentence", &sentence);
    printf("%-8s %s%s%s: %s\n", level, field, *value ? " = " : "", value, sentence);
}

static void print_end(const struct request *request, const struct import *im, const char *written)
{
    const char *name;
    json_t *secret;
    int count = warnings(im);
    if (request->console->json) {
        json_t *files = json_array();
        json_object_foreach (im->secrets, name, secret)
            json_array_append_new(files, json_sprintf("%s/%s", im->secrets_dir, name));
        json_t *end =
            json_pack("{s:s,s:o,s:i}", "written", written, "secrets", files, "warnings", count);
        char *line = json_dumps(end, JSON_COMPACT);
        puts(line ? line : "null");
        free(line);
        json_decref(end);
        return;
    }
    if (*written)
        printf("\n%s is written", written);
    json_object_foreach (im->secrets, name, secret)
        printf(", %s/%s", im->secrets_dir, name);
    if (*written)
        printf("; %d warning%s. Next: drover --config %s check\n", count, count == 1 ? "" : "s",
               written);
    else
        printf("\nnothing is written; %d warning%s\n", count, count == 1 ? "" : "s");
}

/* As Drover writes it. What the loader finds wrong a person has to mend. */
static char *judged(struct import *im, const char *name)
{
    struct dr_config_errors errors;
    char *json = json_dumps(im->out, JSON_INDENT(2)), *text;
    DR_ASSERT(json);
    struct dr_config *config = dr_config_parse(json, strlen(json), name, &errors);
    for (size_t i = 0; i < errors.count && !config; i++) {
        if (!errors.items[i].warning)
            import_warn(im, "drover.yaml", NULL, "has to be mended before it works: %.500s",
                        errors.items[i].text);
    }
    dr_config_errors_free(&errors);
    text = config ? dr_config_write(dr_config_root(config)) : json;
    if (config)
        free(json);
    dr_config_free(config);
    return text;
}

/* ---- the two ways -----------------------------------------------------------------------------
 */
static int import_clearml(const struct request *request, struct import *im)
{
    struct dr_clearml_credentials found = {0};
    struct dr_error error;
    bool have = dr_clearml_credentials_load("", &found, &error);
    im->api_server = have ? found.api_server : "";
    im->web_server = have ? found.web_server : "";
    im->files_server = have ? found.files_server : "";
    im->access_key = have ? found.access_key : "";
    im->secret_key = have ? found.secret_key : "";
    import_root(im);
    import_types(im);
    import_queues(im);
    import_leftovers(im, "hyper_params", im->hyper);
    import_leftovers(im, "configurations", im->conf);
    char *text = judged(im, request->out);
    int code = import_write(im, request->out, text, strlen(text));
    free(text);
    if (code == 0 && request->take_over)
        import_take_over(im, request->out);
    dr_clearml_credentials_free(&found);
    return code;
}

/* Its own file is itself: nothing is changed, no comment lost. */
static int import_own(const struct request *request, const struct import *im, const char *text,
                      size_t len)
{
    struct dr_config_errors errors;
    struct dr_config *config = dr_config_parse(text, len, request->source, &errors);
    for (size_t i = 0; i < errors.count; i++)
        fprintf(stderr, "%s\n", errors.items[i].text);
    dr_config_errors_free(&errors);
    int code = config ? import_write(im, request->out, text, len) : EXIT_CONFIG;
    dr_config_free(config);
    return code;
}

static int import_tree(const struct request *request, struct import *im, const json_t *tree,
                       const char *text, size_t len)
{
    const char *written = request->out;
    int code = 0;
    switch (import_shape(im, tree)) {
    case IMPORT_DROVER:
        code = import_own(request, im, text, len);
        break;
    case IMPORT_UNKNOWN:
        fprintf(stderr,
                "%s: nothing in it is an autoscaler's: neither hyper_params, configurations, "
                "queues and resource_configurations, nor a task with them, nor a hosted app's "
                "form, nor a drover.yaml\n",
                request->source);
        return EXIT_CONFIG;
    case IMPORT_CLEARML:
        if (request->take_over && im->running) {
            fprintf(stderr,
                    "drover: task %s, the autoscaler itself, runs: two that end machines of one "
                    "prefix would end each other's. Stop it, then take over\n",
                    im->task);
            return EXIT_WAITS;
        }
        if (import_is_gcp(im)) {
            import_gcp(im);
            written = "";
        } else {
            code = import_clearml(request, im);
        }
        break;
    }
    if (code != 0)
        return code;
    size_t i;
    json_t *entry;
    json_array_foreach (im->remarks, i, entry)
        print_remark(request->console, entry);
    print_end(request, im, written);
    return warnings(im) > 0 ? EXIT_WAITS : EXIT_FINE;
}

static int import_source(const struct request *request)
{
    struct dr_error error;
    size_t len;
    int code;
    char *text = read_source(request, &len, &code);
    if (!text)
        return code;
    json_t *tree = import_parse(request->source, text, len, &error);
    if (tree) {
        struct import im = {.source = request->source,
                            .hyper = json_object(),
                            .conf = json_object(),
                            .out = json_object(),
                            .secrets = json_object(),
                            .remarks = json_array(),
                            .kept = json_array(),
                            .common = json_object(),
                            .names = json_object(),
                            .secrets_dir = request->secrets_dir,
                            .deployment = request->deployment};
        code = import_tree(request, &im, tree, text, len);
        json_t *owned[] = {im.hyper,   im.conf, im.out,    im.secrets,
                           im.remarks, im.kept, im.common, im.names};
        for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
            json_decref(owned[i]);
    } else {
        fprintf(stderr, "%s\n", error.text);
        code = EXIT_CONFIG;
    }
    json_decref(tree);
    dr_wipe(text, len);
    free(text);
    return code;
}

/* DIR/drover-secrets beside the file, as a path that does not depend on where droverd is started.
 */
static bool place_secrets(struct request *request)
{
    char dir[PATH_MAX], real[PATH_MAX];
    const char *slash = strrchr(request->out, '/');
    snprintf(dir, sizeof dir, "%.*s", slash ? (int)(slash - request->out) + 1 : 1,
             slash ? request->out : ".");
    if (!realpath(dir, real)) {
        fprintf(stderr, "drover: there is no directory %s\n", dir);
        return false;
    }
    int n = snprintf(request->secrets_dir, sizeof request->secrets_dir, "%s%sdrover-secrets", real,
                     strcmp(real, "/") == 0 ? "" : "/");
    return n > 0 && (size_t)n < 512;
}

int cmd_import(struct console *console, int argc, char **argv)
{
    struct request request = {.console = console, .out = "drover.yaml"};
    dr_no_core();
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--out") == 0 && i + 1 < argc)
            request.out = argv[++i];
        else if (strcmp(argv[i], "--deployment") == 0 && i + 1 < argc)
            request.deployment = argv[++i];
        else if (strcmp(argv[i], "--take-over") == 0)
            request.take_over = true;
        else if (argv[i][0] != '-' && !request.source)
            request.source = argv[i];
        else
            return usage();
    }
    if (!request.source || !place_secrets(&request))
        return usage();
    return import_source(&request);
}
