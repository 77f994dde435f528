/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_port.h"

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drover/assert.h"

static struct when now(void *shell)
{
    return ((struct fake *)shell)->now;
}

static void call(void *shell, const char *endpoint, json_t *body, clearml_fn cb, void *arg)
{
    struct fake *fake = shell;
    DR_ASSERT(fake->call_count < 64);
    struct fake_call *made = &fake->calls[fake->call_count++];
    fake->calls_made++;
    *made = (struct fake_call){.body = body, .cb = cb, .arg = arg};
    snprintf(made->endpoint, sizeof made->endpoint, "%s", endpoint);
}

static void prove(void *shell, const char *access_key, const char *secret_key, clearml_fn cb,
                  void *arg)
{
    call(shell, "prove", json_pack("{s:s,s:s}", "access", access_key, "secret", secret_key), cb,
         arg);
}

static void ask(void *shell, enum dr_type type, const void *body, ack_fn cb, void *arg)
{
    struct fake *fake = shell;
    DR_ASSERT(fake->ask_count < 64);
    struct fake_ask *made = &fake->asks[fake->ask_count++];
    *made = (struct fake_ask){.type = type, .cb = cb, .arg = arg};
    DR_ASSERT(dr_record_copy(dr_row_by_type(type)->desc, body, &made->body) == 0);
}

static void fetch_rows(void *shell)
{
    ((struct fake *)shell)->fetches++;
}

static void fetch_names(void *shell)
{
    ((struct fake *)shell)->name_fetches++;
}

static void publish(void *shell, enum dr_type type, const void *body)
{
    struct fake *fake = shell;
    DR_ASSERT(type < 64);
    dr_record_free(&fake->said[type]);
    DR_ASSERT(dr_record_copy(dr_row_by_type(type)->desc, body, &fake->said[type]) == 0);
    fake->said_count[type]++;
}

static unsigned char *seal(void *shell, const struct dr_bin *public_key, const char *text,
                           size_t *len)
{
    (void)shell;
    if (public_key->len == 0)
        return NULL;
    char *sealed = malloc(strlen(text) + 8);
    DR_ASSERT(sealed != NULL);
    *len = (size_t)sprintf(sealed, "sealed:%s", text);
    return (unsigned char *)sealed;
}

static void keep_log(void *shell, enum dr_log_level level, bool often, const struct dr_log_ctx *ctx,
                     const char *text)
{
    struct fake *fake = shell;
    (void)often;
    (void)ctx;
    size_t len = strlen(fake->log);
    snprintf(fake->log + len, sizeof fake->log - len, "%s: %s\n", dr_log_level_name(level), text);
}

void fake_init(struct fake *fake)
{
    memset(fake, 0, sizeof *fake);
    fake->now = (struct when){.boot_ms = 1000000, .wall_us = INT64_C(1800000000000000)};
    fake->port = (struct port){.shell = fake,
                               .now = now,
                               .call = call,
                               .prove = prove,
                               .ask = ask,
                               .fetch_rows = fetch_rows,
                               .fetch_names = fetch_names,
                               .publish = publish,
                               .seal = seal,
                               .log = keep_log};
}

void fake_stop(struct fake *fake)
{
    while (fake->ask_count > 0) {
        struct fake_ask taken = fake->asks[--fake->ask_count];
        taken.cb(NULL, taken.arg);
        dr_record_free(&taken.body);
    }
    while (fake->call_count > 0) {
        struct fake_call taken = fake->calls[--fake->call_count];
        taken.cb(&(struct clearml_answer){.cls = CLEARML_UNREACHABLE, .sentence = "stopping"},
                 taken.arg);
        json_decref(taken.body);
    }
    assert_int_equal(fake->call_count + fake->ask_count, 0);
}

void fake_free(struct fake *fake)
{
    for (size_t i = 0; i < 64; i++)
        dr_record_free(&fake->said[i]);
}

void fake_sleep(struct fake *fake, int64_t ms)
{
    fake->now.boot_ms += ms;
    fake->now.wall_us += ms * 1000;
}

static struct fake_call take_call(struct fake *fake, const char *endpoint)
{
    if (fake->call_count == 0)
        fail_msg("no call is under way; %s was expected", endpoint);
    struct fake_call taken = fake->calls[0];
    assert_string_equal(taken.endpoint, endpoint);
    memmove(fake->calls, fake->calls + 1, --fake->call_count * sizeof *fake->calls);
    return taken;
}

void fake_answer(struct fake *fake, const char *endpoint, const char *json)
{
    struct fake_call taken = take_call(fake, endpoint);
    json_error_t error;
    json_t *data = json_loads(json, 0, &error);
    if (data == NULL)
        fail_msg("the test's own JSON is broken: %s in %s", error.text, json);
    struct clearml_answer answer = {.cls = CLEARML_OK,
                                    .http = 200,
                                    .code = 200,
                                    .sentence = "",
                                    .data = data,
                                    .sent_ms = fake->now.boot_ms,
                                    .recv_ms = fake->now.boot_ms,
                                    .server_date_us = fake->now.wall_us,
                                    .retry_after_ms = -1};
    taken.cb(&answer, taken.arg);
    json_decref(data);
    json_decref(taken.body);
}

void fake_fail(struct fake *fake, const char *endpoint, enum clearml_class cls, int subcode,
               const char *sentence)
{
    struct fake_call taken = take_call(fake, endpoint);
    struct clearml_answer answer = {.cls = cls,
                                    .code = cls == CLEARML_REFUSED ? 400 : 0,
                                    .subcode = subcode,
                                    .sentence = sentence,
                                    .sent_ms = fake->now.boot_ms,
                                    .recv_ms = fake->now.boot_ms,
                                    .retry_after_ms = -1};
    taken.cb(&answer, taken.arg);
    json_decref(taken.body);
}

void fake_ack(struct fake *fake, enum dr_type type, bool ok, const char *code, int64_t seq,
              const char *id)
{
    if (fake->ask_count == 0)
        fail_msg("no request is under way");
    struct fake_ask taken = fake->asks[0];
    assert_int_equal(taken.type, type);
    memmove(fake->asks, fake->asks + 1, --fake->ask_count * sizeof *fake->asks);
    const char *ids[] = {id == NULL ? "" : id};
    struct dr_ack ack = {.ok = ok,
                         .code = code,
                         .sentence = "as the test says",
                         .seq = seq,
                         .ids = {ids, id != NULL}};
    taken.cb(&ack, taken.arg);
    dr_record_free(&taken.body);
}

const char *fake_body(struct fake *fake)
{
    static char text[8192];
    assert_true(fake->call_count > 0);
    char *dump = json_dumps(fake->calls[0].body, JSON_COMPACT | JSON_SORT_KEYS);
    snprintf(text, sizeof text, "%s", dump);
    free(dump);
    return text;
}

const char *fake_next(const struct fake *fake)
{
    return fake->call_count == 0 ? "" : fake->calls[0].endpoint;
}

const void *fake_asked(struct fake *fake, enum dr_type type)
{
    if (fake->ask_count == 0)
        fail_msg("no request is under way");
    assert_int_equal(fake->asks[0].type, type);
    return fake->asks[0].body.value;
}
