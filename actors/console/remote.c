/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands ask, in the gateway's JSON and back. */
#include "remote.h"

#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drover/assert.h"
#include "json_read.h"
#include "strbuf.h"

bool remote_can(const char *command)
{
    static const char *const known[] = {
        "status", "top",    "queues", "machines", "tasks", "why",   "logs",    "history",   "cost",
        "pause",  "resume", "drain",  "kill",     "keep",  "adopt", "version", "completion"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(known[i], command) == 0)
            return true;
    if (strcmp(command, "tap") == 0)
        fputs("drover: tap reads Drover's bus, which only its own host has; from afar `drover "
              "logs` follows what happens\n",
              stderr);
    else
        fprintf(stderr,
                "drover: %s works on the files of Drover's own host: run it there, without "
                "--gateway and DROVER_GATEWAY\n",
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
    long status = remote_http(remote, path, input.data, wait_ms, &answer, err, err_len);
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
static void escape(const char *text, char *out, size_t room)
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
    escape(machine, id, sizeof id);
    for (bool whole = false; !whole;) {
        struct dr_strbuf answer = {0};
        snprintf(path, sizeof path, "/api/v1/machines/%s/log?after=%lld", id, (long long)after);
        long status = remote_http(remote, path, NULL, 5000, &answer, err, err_len);
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

/* ---- what happens --------------------------------------------------------------------------- */
static volatile sig_atomic_t ended;

static void on_signal(int signal)
{
    (void)signal;
    ended = 1;
}

struct following {
    bool json, came;
    char event[32], last[80]; /* of the message that is being read; what was read last */
};

static const char *word(const json_t *row, const char *name)
{
    const char *text = json_string_value(json_object_get(row, name));
    return text == NULL ? "" : text;
}

static void print_activity(const json_t *row)
{
    char when[32];
    const char *machine = word(row, "machine"), *task = word(row, "task");
    printf("%s %-7s %-18s %s%s%s%s%s\n",
           words_clock(json_integer_value(json_object_get(row, "t_us")), when), word(row, "level"),
           word(row, "source"), word(row, "text"), *machine ? "  machine " : "", machine,
           *task ? "  task " : "", task);
}

static bool on_line(void *arg, const char *line)
{
    struct following *following = arg;
    if (strncmp(line, "id: ", 4) == 0)
        snprintf(following->last, sizeof following->last, "%s", line + 4);
    else if (strncmp(line, "event: ", 7) == 0)
        snprintf(following->event, sizeof following->event, "%s", line + 7);
    else if (strncmp(line, "data: ", 6) == 0 && strcmp(following->event, "activity") == 0) {
        json_t *row = json_loads(line + 6, 0, NULL);
        if (following->json)
            puts(line + 6);
        else
            print_activity(row);
        json_decref(row);
        fflush(stdout);
    } else if (strncmp(line, "data: ", 6) == 0 && strcmp(following->event, "reset") == 0)
        fputs("drover: events were missed\n", stderr);
    following->came = true;
    return !ended && !ferror(stdout);
}

int remote_follow(struct console *console)
{
    struct following following = {.json = console->json};
    const struct sigaction act = {.sa_handler = on_signal};
    char err[512] = "the stream ended";
    sigaction(SIGINT, &act, NULL);
    sigaction(SIGTERM, &act, NULL);
    while (!ended && !ferror(stdout)) {
        long status =
            remote_stream(console->remote, following.last, on_line, &following, err, sizeof err);
        if (ended || ferror(stdout))
            break;
        /* A gateway may be started anew; one that was never there is another matter. */
        fprintf(stderr, "drover: %s%s\n", err, following.came ? "; trying again" : "");
        if (!following.came || (status > 0 && status != 200))
            return EXIT_BROKEN;
        sleep(1);
    }
    return EXIT_FINE;
}
