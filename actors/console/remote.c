/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands ask, in the gateway's JSON and back. */
#include "remote.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "drover/assert.h"
#include "help.h"
#include "json_read.h"
#include "seal.h"
#include "strbuf.h"

bool remote_can(const char *command)
{
    const struct help_row *row = help_row(command);
    if (row->afar != NULL)
        return true;
    console_fail(EXIT_USAGE, "usage",
                 "%s works on the files of Drover's own host: run it there, without --gateway and "
                 "DROVER_GATEWAY",
                 command);
    return false;
}

/* ---- asking --------------------------------------------------------------------------------- */
static int hand_over(const struct dr_message_row *row, struct dr_record *record,
                     struct dr_message *out)
{
    *out = (struct dr_message){.row = row, .body = record->value, .arena = record->arena};
    return 0;
}

static int read_reply(const struct dr_message_row *asked, const struct dr_strbuf *answer,
                      struct dr_message *out, char *err, size_t err_len)
{
    struct dr_record record;
    json_t *tree = answer->len == 0 ? NULL : json_loadb(answer->data, answer->len, 0, NULL);
    const char *name = json_string_value(json_object_get(tree, "reply"));
    const struct dr_message_row *row = name == NULL ? NULL : dr_row_by_name(name, strlen(name));
    int result = -1;
    if (row == NULL || row->shape != DR_REPLY)
        snprintf(err, err_len, "the gateway's answer is none that this drover knows");
    else if (dr_json_read(row->desc, json_object_get(tree, "body"), &record, err, err_len) != 0)
        row = NULL; /* of another version: err says which field */
    else if (row->type == asked->reply)
        result = hand_over(row, &record, out);
    else {
        snprintf(err, err_len, "%s",
                 row->type == DR_ACK ? ((const struct dr_ack *)record.value)->sentence
                                     : "answered by another message");
        dr_record_free(&record);
    }
    json_decref(tree);
    return result;
}

/* As the ledger itself would have said it. */
static int refuse(const char *code, const char *sentence, struct dr_message *out)
{
    struct dr_ack ack = {.ok = false, .code = code, .sentence = sentence};
    struct dr_record record;
    DR_ASSERT(dr_record_copy(&dr_desc_ack, &ack, &record) == 0);
    return hand_over(dr_row_by_type(DR_ACK), &record, out);
}

int remote_ask(struct remote *remote, const char *to, enum dr_type type, const void *body,
               int wait_ms, struct dr_message *out, char *err, size_t err_len)
{
    const struct dr_message_row *row = dr_row_by_type(type);
    struct dr_strbuf answer = {0}, input = {0};
    char path[128], code[32];
    int result = -1;
    char *json = dr_json(row->desc, body);
    DR_ASSERT(json != NULL);
    dr_strbuf_printf(&input, "{\"to\":\"%s\",\"body\":%s}", to, json);
    free(json);
    snprintf(path, sizeof path, "/api/v1/ask/%s", row->name);
    long status = remote_http(remote, "POST", path, input.data, wait_ms, &answer, err, err_len);
    if (status == 200) {
        result = read_reply(row, &answer, out, err, err_len);
    } else if (status > 0) {
        remote_refusal(remote, status, &answer, code, err, err_len);
        if (row->reply == DR_ACK && *code != '\0' && status != 401 && status < 500)
            result = refuse(code, err, out);
    }
    dr_strbuf_free(&input);
    dr_strbuf_free(&answer);
    return result;
}

/* ---- a machine's log ------------------------------------------------------------------------ */
void remote_escape(const char *text, char *out, size_t room)
{
    size_t len = 0;
    for (; *text != '\0' && len + 4 < room; text++)
        len += (size_t)snprintf(out + len, room - len, "%%%02X", (unsigned char)*text);
    out[len] = '\0';
}

int remote_log(struct remote *remote, const char *machine, remote_take_fn *take, void *arg,
               char *err, size_t err_len)
{
    char id[400], path[600];
    json_int_t after = 0;
    remote_escape(machine, id, sizeof id);
    for (bool whole = false; !whole;) {
        struct dr_strbuf answer = {0};
        snprintf(path, sizeof path, "/api/v1/machines/%s/log?after=%lld", id, (long long)after);
        long status = remote_http(remote, "GET", path, NULL, 5000, &answer, err, err_len);
        if (status > 0 && status != 200)
            remote_refusal(remote, status, &answer, (char[32]){0}, err, err_len);
        json_t *tree = status == 200 ? json_loadb(answer.data, answer.len, 0, NULL) : NULL;
        const json_t *text = json_object_get(tree, "text");
        json_int_t next = json_integer_value(json_object_get(tree, "next"));
        if (json_string_length(text) > 0)
            take(arg, json_string_value(text), json_string_length(text));
        whole = json_is_true(json_object_get(tree, "whole")) || next <= after;
        after = next;
        json_decref(tree);
        dr_strbuf_free(&answer);
        if (status != 200)
            return -1;
    }
    return 0;
}

/* ---- other operations ----------------------------------------------------------------------- */
int remote_do(struct console *console, const char *method, const char *path, json_t *input,
              json_t **out)
{
    char err[512], code[32] = "";
    struct dr_strbuf answer = {0};
    char *text = input == NULL ? NULL : json_dumps(input, JSON_COMPACT);
    long status = remote_http(console->remote, method, path, text, 5000, &answer, err, sizeof err);
    json_decref(input);
    dr_wipe_free_text(text);
    int result = EXIT_FINE;
    if (status < 0)
        result = console_fail(EXIT_BROKEN, "unavailable", "%s", err);
    else if (status >= 300) {
        remote_refusal(console->remote, status, &answer, code, err, sizeof err);
        bool broken = status == 401 || status >= 500 || *code == '\0';
        result = console_fail(broken ? EXIT_BROKEN : EXIT_WAITS,
                              *code == '\0' ? "unavailable" : code, "%s", err);
    }
    *out = result == EXIT_FINE ? json_loadb(answer.data, answer.len, 0, NULL) : NULL;
    if (answer.len > 0)
        dr_wipe(answer.data, answer.len); /* a token may be in it */
    dr_strbuf_free(&answer);
    if (result == EXIT_FINE && *out == NULL)
        result = console_fail(EXIT_BROKEN, "unavailable",
                              "the gateway's answer is none that this drover knows");
    return result;
}

struct dr_config *remote_config_try(struct remote *remote, int wait_ms)
{
    char err[512];
    struct dr_config_errors errors;
    struct dr_config *config = NULL;
    struct dr_strbuf answer = {0};
    long status =
        remote_http(remote, "GET", "/api/v1/config", NULL, wait_ms, &answer, err, sizeof err);
    json_t *tree = status == 200 ? json_loadb(answer.data, answer.len, 0, NULL) : NULL;
    const char *text = json_string_value(json_object_get(tree, "text"));
    if (text != NULL) {
        config = dr_config_parse(text, strlen(text), "drover.yaml", &errors);
        dr_config_errors_free(&errors);
    }
    json_decref(tree);
    dr_strbuf_free(&answer);
    return config;
}

int remote_config(struct console *console, struct dr_config **out)
{
    struct dr_config_errors errors;
    json_t *answer;
    *out = NULL;
    int code = remote_do(console, "GET", "/api/v1/config", NULL, &answer);
    if (code != EXIT_FINE)
        return code;
    const char *text = json_string_value(json_object_get(answer, "text"));
    const char *path = json_string_value(json_object_get(answer, "path"));
    if (text != NULL)
        *out = dr_config_parse(text, strlen(text), path == NULL ? "drover.yaml" : path, &errors);
    if (text != NULL && *out == NULL)
        code = console_faults(path == NULL ? "drover.yaml" : path, &errors);
    else if (text == NULL)
        code =
            console_fail(EXIT_BROKEN, "unavailable", "the gateway's answer has no configuration");
    if (text != NULL)
        dr_config_errors_free(&errors);
    json_decref(answer);
    return code;
}
