/* SPDX-License-Identifier: Apache-2.0 */
/* What every handler does: answer, ask the bus, read what it was given. */
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "drover/assert.h"
#include "gateway.h"
#include "utf8.h"

#define GZIP_FROM ((size_t)1024) /* shorter ones fit into a packet anyway */

/* ---- answering ------------------------------------------------------------------------------ */
/* The caller's; NULL: it does not pay. The fastest level: the loop waits for it. */
static char *gzip_of(const char *text, size_t len, size_t *out_len)
{
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)text, .avail_in = (uInt)len};
    if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return NULL;
    char *out = malloc(len);
    DR_ASSERT(out != NULL);
    stream.next_out = (Bytef *)out;
    stream.avail_out = (uInt)len;
    bool whole = deflate(&stream, Z_FINISH) == Z_STREAM_END;
    *out_len = stream.total_out;
    deflateEnd(&stream);
    if (!whole) {
        free(out);
        return NULL;
    }
    return out;
}

static void answer_bytes(struct request *request, unsigned status, const char *type, char *text,
                         size_t len)
{
    bool large = len > GZIP_FROM && len < UINT_MAX && strncmp(request->path, "/api/", 5) == 0;
    size_t packed_len = 0;
    char *packed = large && request_takes_gzip(request) ? gzip_of(text, len, &packed_len) : NULL;
    if (packed != NULL) {
        free(text);
        text = packed;
        len = packed_len;
    }
    struct MHD_Response *response =
        MHD_create_response_from_buffer(len, text, MHD_RESPMEM_MUST_FREE);
    DR_ASSERT(response != NULL);
    MHD_add_response_header(response, "Content-Type", type);
    if (packed != NULL)
        MHD_add_response_header(response, "Content-Encoding", "gzip");
    if (large)
        MHD_add_response_header(response, "Vary", "Accept-Encoding");
    answer_response(request, status, response);
}

json_t *text_json(const char *text)
{
    struct dr_strbuf out = {0};
    dr_strbuf_add_text(&out, "");
    for (size_t left = strlen(text); left > 0;) {
        size_t len = dr_utf8_char(text, left), used = len == 0 ? 1 : len;
        dr_strbuf_add(&out, len == 0 ? "\xef\xbf\xbd" : text, len == 0 ? 3 : len);
        text += used;
        left -= used;
    }
    json_t *json = json_string(out.data);
    DR_ASSERT(json != NULL);
    dr_strbuf_free(&out);
    return json;
}

void answer_json(struct request *request, unsigned status, json_t *tree)
{
    if (tree == NULL) { /* what is not ours to vouch for got into it: one request fails, not all */
        answer_error(request, 500, "internal", "the answer holds what is no UTF-8 text");
        return;
    }
    char *text = json_dumps(tree, JSON_COMPACT);
    DR_ASSERT(text != NULL);
    json_decref(tree);
    answer_bytes(request, status, "application/json", text, strlen(text));
}

void answer_text(struct request *request, unsigned status, const char *type, const char *text,
                 size_t len)
{
    char *copy = malloc(len + 1);
    DR_ASSERT(copy != NULL);
    memcpy(copy, text, len);
    answer_bytes(request, status, type, copy, len);
}

void answer_error(struct request *request, unsigned status, const char *code, const char *format,
                  ...)
{
    char sentence[1200];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    answer_json(request, status,
                json_pack("{s:{s:s,s:o}}", "error", "code", code, "sentence", text_json(sentence)));
}

static unsigned status_of(const char *code)
{
    static const struct {
        const char *code;
        unsigned status;
    } table[] = {{"bad-request", 400}, {"not-found", 404}, {"conflict", 409},   {"stale", 409},
                 {"capped", 409},      {"refused", 409},   {"unavailable", 503}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (strcmp(table[i].code, code) == 0)
            return table[i].status;
    }
    return 500;
}

/* Why no answer came decides what a person has to think of it: what did not get through was not
 * done, a write that got through may have been. */
static void say_silence(struct request *request, const char *why)
{
    bool silent = strncmp(why, "timeout", 7) == 0;
    bool through =
        silent || strcmp(why, "this actor is stopping") == 0 || strncmp(why, "answered", 8) == 0;
    char what[400];
    snprintf(what, sizeof what, "%s%s", silent ? request->asked : why,
             silent ? " did not answer in time" : "");
    if (through && request->asked_write)
        answer_error(request, 503, "unknown",
                     "%s: it is not known whether it was done. Look at what is shown and at the "
                     "history before you try again",
                     what);
    else
        answer_error(request, 503, "unavailable", "%s%s; try again in a moment",
                     request->asked_write ? "nothing was done: " : "", what);
}

bool answer_came(struct request *request, const struct dr_answer *answer)
{
    if (answer->refused != NULL)
        answer_error(request, status_of(answer->refused), answer->refused, "%s", answer->failure);
    else if (answer->message == NULL)
        say_silence(request, answer->failure);
    return answer->message != NULL;
}

static bool refused(struct request *request, const struct dr_message *message)
{
    if (message->row->type != DR_ACK)
        return false;
    const struct dr_ack *ack = message->body;
    if (!ack->ok)
        answer_error(request, status_of(ack->code), ack->code, "%s", ack->sentence);
    return !ack->ok;
}

bool answer_ack(struct request *request, const struct dr_answer *answer)
{
    if (!answer_came(request, answer) || refused(request, answer->message))
        return false;
    char *json = dr_json(answer->message->row->desc, answer->message->body);
    DR_ASSERT(json != NULL);
    answer_bytes(request, 200, "application/json", json, strlen(json));
    return true;
}

bool answer_expects(struct request *request, const struct dr_answer *answer, enum dr_type type)
{
    if (!answer_came(request, answer) || refused(request, answer->message))
        return false;
    if (answer->message->row->type == type)
        return true;
    answer_error(request, 503, "internal", "an answer of another kind came: %s",
                 answer->message->row->name);
    return false;
}

/* ---- asking --------------------------------------------------------------------------------- */
struct asked {
    struct request *request;
    ask_fn *then;
};

static void on_answer(struct dr_actor *actor, const struct dr_answer *answer, void *arg)
{
    struct asked asked = *(struct asked *)arg;
    (void)actor;
    free(arg);
    asked.then(asked.request, answer);
}

void request_ask(struct request *request, const char *to, enum dr_type type, const void *body,
                 ask_fn *then)
{
    request->asked = to;
    request->asked_write = dr_row_by_type(type)->reply == DR_ACK;
    if (request->gateway->actor == NULL) {
        then(request, &(struct dr_answer){.failure = "Drover is not set up yet"});
        return;
    }
    struct asked *asked = malloc(sizeof *asked);
    DR_ASSERT(asked != NULL);
    *asked = (struct asked){request, then};
    dr_request(request->gateway->actor, to, type, body, NULL, NULL, GATEWAY_ASK_MS, on_answer,
               asked);
}

void gateway_note(struct gateway *gateway, const char *kind, const char *id, const char *done,
                  const char *sentence, const char *by)
{
    struct dr_hand_note note = {
        .kind = kind, .id = id, .done = done, .sentence = sentence, .by = by};
    notes_add(gateway->notes, &note);
}

/* ---- reading -------------------------------------------------------------------------------- */
const char *request_arg(const struct request *request, size_t n)
{
    DR_ASSERT(n < request->args.count);
    return request->args.values[n];
}

const char *request_query(const struct request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, name);
}

bool request_takes_gzip(const struct request *request)
{
    const char *codings =
        MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, "Accept-Encoding");
    const char *found = codings == NULL ? NULL : strcasestr(codings, "gzip");
    if (found == NULL)
        return false;
    found += strspn(found + 4, " \t;") + 4; /* "gzip; q=0.0" */
    return strncasecmp(found, "q=", 2) != 0 || strtod(found + 2, NULL) > 0;
}

bool request_number(struct request *request, const char *name, int64_t standard, int64_t min,
                    int64_t max, int64_t *out)
{
    const char *text = request_query(request, name);
    *out = standard;
    if (text == NULL)
        return true;
    size_t sign = *text == '-', len = strlen(text + sign); /* 18 digits fit whatever they are */
    if (len > 0 && len <= 18 && strspn(text + sign, "0123456789") == len) {
        *out = strtoll(text, NULL, 10);
        if (*out >= min && *out <= max)
            return true;
    }
    answer_error(request, 400, "bad-request", "%s must be a whole number from %lld to %lld", name,
                 (long long)min, (long long)max);
    return false;
}

bool request_among(const char *words, const char *word, size_t len)
{
    for (const char *at = words; at != NULL; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, word, len) == 0 && (at[len] == ',' || at[len] == '\0'))
            return true;
    }
    return false;
}

bool request_words(struct request *request, const char *name, const char *words, bool many)
{
    const char *text = request_query(request, name);
    bool good = true;
    for (const char *at = text; good && at != NULL; at = many ? strchr(at, ',') : NULL) {
        at += at != text;
        good = request_among(words, at, many ? strcspn(at, ",") : strlen(at));
    }
    if (!good)
        answer_error(request, 400, "bad-request", "%s must be %sof %s", name,
                     many ? "a list " : "one ", words);
    return good;
}

const char *request_needs(struct request *request, const char *name)
{
    if (json_object_get(request->input, name) != NULL)
        return request_text(request, name);
    answer_error(request, 400, "bad-request", "%s is needed", name);
    return NULL;
}

const char *request_text(struct request *request, const char *name)
{
    const json_t *value = json_object_get(request->input, name);
    if (value == NULL)
        return "";
    if (json_is_string(value) && strlen(json_string_value(value)) == json_string_length(value))
        return json_string_value(value);
    answer_error(request, 400, "bad-request", "%s must be a text", name);
    return NULL;
}
