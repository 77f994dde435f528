/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration: looked at, checked, replaced, and every version kept. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "configfile.h"
#include "drover/assert.h"
#include "drover/clock.h"
#include "gateway.h"

#define NOTE_MAX 1000

void handle_config(struct request *request);
void handle_config_put(struct request *request);
void handle_config_check(struct request *request);
void handle_config_history(struct request *request);
void handle_config_version(struct request *request);
void handle_schema(struct request *request);

static bool read_now(struct request *request, struct configfile *file)
{
    struct dr_error error;
    if (configfile_read(configfile_path(request->gateway), file, &error))
        return true;
    answer_error(request, 503, "unavailable", "%s", error.text);
    return false;
}

void handle_config(struct request *request)
{
    struct configfile file;
    if (!read_now(request, &file))
        return;
    answer_json(request, 200,
                json_pack("{s:s,s:s,s:s,s:b}", "text", file.text, "hash", file.hash, "path",
                          configfile_path(request->gateway), "writable",
                          access(configfile_path(request->gateway), W_OK) == 0));
    free(file.text);
}

void handle_config_check(struct request *request)
{
    const char *text = request_needs(request, "text");
    if (text != NULL)
        answer_json(request, 200, configfile_judge(request->gateway, text, NULL));
}

static void overtaken(struct request *request, const struct configfile *file, const char *yours)
{
    answer_json(request, 409,
                json_pack("{s:{s:s,s:s},s:{s:s,s:s},s:{s:s}}", "error", "code", "conflict",
                          "sentence", "someone changed the configuration meanwhile: compare both",
                          "current", "text", file->text, "hash", file->hash, "yours", "text",
                          yours));
}

/* It is kept beside every version and in the history. */
static bool fits(struct request *request, const char *note)
{
    if (strlen(note) <= NOTE_MAX)
        return true;
    answer_error(request, 400, "bad-request", "note may have %d bytes: nothing was changed",
                 NOTE_MAX);
    return false;
}

void handle_config_put(struct request *request)
{
    const char *text = request_needs(request, "text");
    const char *base = text == NULL ? NULL : request_needs(request, "base_hash");
    const char *note = base == NULL ? NULL : request_text(request, "note");
    struct configfile file;
    struct dr_error error;
    bool good;
    if (note == NULL || !fits(request, note) || !read_now(request, &file))
        return;
    json_t *judged = configfile_judge(request->gateway, text, &good);
    if (strcmp(base, file.hash) != 0) {
        overtaken(request, &file, text);
        json_decref(judged);
    } else if (!good) {
        json_object_set_new(judged, "error",
                            json_pack("{s:s,s:s}", "code", "bad-config", "sentence",
                                      "the configuration has faults: nothing was changed"));
        answer_json(request, 422, judged);
    } else if (!configfile_replace(request->gateway, &file, text, request->login.user, note,
                                   &error)) {
        json_decref(judged);
        answer_error(request, 503, "unavailable", "%s", error.text);
    } else {
        bool told = configfile_tell(request->gateway);
        gateway_note(request->gateway, "config", "drover.yaml", "applied", note,
                     request->login.user);
        configfile_hash(text, file.hash);
        json_object_set_new(judged, "hash", json_string(file.hash));
        json_object_set_new(
            judged, "sentence",
            json_string(told ? "it is written, and Drover takes it over"
                             : "it is written, but droverd did not start this gateway: tell it to "
                               "read it (SIGHUP, or a new start)"));
        answer_json(request, 200, judged);
    }
    free(file.text);
}

void handle_config_history(struct request *request)
{
    answer_json(request, 200,
                json_pack("{s:o}", "versions", configfile_versions(request->gateway)));
}

void handle_config_version(struct request *request)
{
    const char *n = request_arg(request, 0);
    char *text = configfile_version(request->gateway, n);
    if (text == NULL)
        answer_error(request, 404, "not-found", "there is no version %s", n);
    else
        answer_json(request, 200, json_pack("{s:s}", "text", text));
    free(text);
}

void handle_schema(struct request *request)
{
    char *text = dr_config_schema_json();
    DR_ASSERT(text != NULL);
    answer_text(request, 200, "application/json", text, strlen(text));
    free(text);
}
