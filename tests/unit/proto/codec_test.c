/* SPDX-License-Identifier: Apache-2.0
 *
 * Every row of messages.def goes out and comes back equal; whatever is broken is an error with its
 * place, and costs no more memory than it has bytes.
 */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drover/message.h"

#include "arena.h"

static const struct dr_envelope plain = {
    .version = DR_WIRE_VERSION,
    .source = "ledger",
    .boot = "b0",
    .seq = 7,
    .time_us = 1700000000000000,
    .corr = "c1",
    .request = "r1",
    .left_ms = 250,
};

/* Fills a record with values that differ from field to field. */
static void fill(struct dr_arena *arena, const struct dr_desc *desc, void *record, int64_t *n);

static void fill_field(struct dr_arena *arena, const struct dr_field *field, void *at, int64_t *n)
{
    char text[64];
    int len = snprintf(text, sizeof text, "%s-%lld \xc3\xa4\"\\\n", field->name, (long long)++*n);
    switch (field->kind) {
    case DR_STR:
        *(const char **)at = dr_arena_text(arena, text, (size_t)len);
        break;
    case DR_I64:
        *(int64_t *)at = *n % 3 == 0 ? INT64_MIN + *n : *n % 3 == 1 ? INT64_MAX - *n : *n;
        break;
    case DR_BOOL:
        *(bool *)at = *n % 2 == 0;
        break;
    case DR_BIN:
        *(struct dr_bin *)at = (struct dr_bin){(const uint8_t *)"\0\xff\x80", 3};
        break;
    case DR_STRS: {
        const char **items = dr_arena_alloc(arena, 2 * sizeof *items);
        items[0] = dr_arena_text(arena, text, (size_t)len);
        items[1] = "";
        *(struct dr_strs *)at = (struct dr_strs){items, 2};
        break;
    }
    case DR_REC:
        fill(arena, field->of, at, n);
        break;
    case DR_RECS: {
        char *items = dr_arena_alloc(arena, 2 * field->of->size);
        fill(arena, field->of, items, n);
        fill(arena, field->of, items + field->of->size, n);
        *(struct dr_recs *)at = (struct dr_recs){items, 2};
        break;
    }
    }
}

static void fill(struct dr_arena *arena, const struct dr_desc *desc, void *record, int64_t *n)
{
    for (size_t i = 0; i < desc->field_count; i++)
        fill_field(arena, &desc->fields[i], (char *)record + desc->fields[i].offset, n);
}

static void encode(const struct dr_message_row *row, const void *body, uint8_t **bytes, size_t *len)
{
    struct dr_envelope env = plain;
    env.type = row->name;
    assert_int_equal(dr_message_encode(&env, row->desc, body, bytes, len), 0);
}

static void every_row_comes_back_equal(void **state)
{
    (void)state;
    size_t count;
    const struct dr_message_row *rows = dr_rows(&count);
    for (size_t i = 0; i < count; i++) {
        int64_t n = (int64_t)i;
        struct dr_arena *arena = dr_arena_new();
        void *body = dr_arena_alloc(arena, rows[i].desc->size);
        fill(arena, rows[i].desc, body, &n);
        uint8_t *bytes;
        size_t len;
        encode(&rows[i], body, &bytes, &len);
        struct dr_message message;
        char err[200] = "";
        if (dr_message_decode(bytes, len, &message, err, sizeof err) != 0)
            fail_msg("%s: %s", rows[i].name, err);
        assert_ptr_equal(message.row, &rows[i]);
        assert_true(dr_record_equal(rows[i].desc, body, message.body));
        assert_string_equal(message.env.corr, "c1");
        assert_int_equal(message.env.left_ms, 250);

        struct dr_record copy;
        assert_int_equal(dr_record_copy(rows[i].desc, message.body, &copy), 0);
        dr_message_free(&message);
        assert_true(dr_record_equal(rows[i].desc, body, copy.value));
        *(char *)copy.value ^= 1; /* the first field is a text, a number or a record: any differs */
        dr_record_free(&copy);
        free(bytes);
        dr_arena_free(&arena);
    }
}

static void null_texts_count_as_empty(void **state)
{
    (void)state;
    struct dr_ack ack = {.ok = true};
    uint8_t *bytes;
    size_t len;
    struct dr_message message;
    char err[200];
    encode(dr_row_by_type(DR_ACK), &ack, &bytes, &len);
    assert_int_equal(dr_message_decode(bytes, len, &message, err, sizeof err), 0);
    assert_string_equal(((const struct dr_ack *)message.body)->sentence, "");
    dr_message_free(&message);
    free(bytes);
}

static void every_cut_is_an_error(void **state)
{
    (void)state;
    int64_t n = 0;
    struct dr_arena *arena = dr_arena_new();
    const struct dr_message_row *row = dr_row_by_type(DR_LEDGER_STATE);
    void *body = dr_arena_alloc(arena, row->desc->size);
    fill(arena, row->desc, body, &n);
    uint8_t *bytes;
    size_t len;
    encode(row, body, &bytes, &len);
    for (size_t cut = 0; cut < len; cut++) {
        struct dr_message message;
        char err[200] = "";
        uint8_t *exact = malloc(cut + 1); /* exact size: an over-read is seen by ASan */
        memcpy(exact, bytes, cut);
        assert_int_equal(dr_message_decode(exact, cut, &message, err, sizeof err), -1);
        assert_true(err[0] != '\0');
        free(exact);
    }
    free(bytes);
    dr_arena_free(&arena);
}

/* Any one byte changed: an error or a message, never a crash. */
static void every_flip_is_survived(void **state)
{
    (void)state;
    int64_t n = 0;
    struct dr_arena *arena = dr_arena_new();
    const struct dr_message_row *row = dr_row_by_type(DR_QUEUES_OBSERVED);
    void *body = dr_arena_alloc(arena, row->desc->size);
    fill(arena, row->desc, body, &n);
    uint8_t *bytes;
    size_t len;
    encode(row, body, &bytes, &len);
    for (size_t at = 0; at < len; at++)
        for (int bit = 0; bit < 8; bit++) {
            struct dr_message message;
            char err[200];
            bytes[at] ^= (uint8_t)(1 << bit);
            if (dr_message_decode(bytes, len, &message, err, sizeof err) == 0)
                dr_message_free(&message);
            bytes[at] ^= (uint8_t)(1 << bit);
        }
    free(bytes);
    dr_arena_free(&arena);
}

static void refused(const uint8_t *bytes, size_t len, const char *words)
{
    struct dr_message message;
    char err[200] = "";
    assert_int_equal(dr_message_decode(bytes, len, &message, err, sizeof err), -1);
    if (strstr(err, words) == NULL)
        fail_msg("expected \"%s\" in \"%s\"", words, err);
}

/* Claims of size without the bytes for it must not be believed. */
static void great_claims_cost_nothing(void **state)
{
    (void)state;
    static const uint8_t list[] = {0xdd, 0xff, 0xff, 0xff, 0xff};
    static const uint8_t map[] = {0xdf, 0x7f, 0xff, 0xff, 0xff, 0xa1, 'v'};
    static const uint8_t bin[] = {0xc6, 0x40, 0x00, 0x00, 0x00, 1, 2, 3};
    refused(list, sizeof list, "claims more items");
    refused(map, sizeof map, "claims more items");
    refused(bin, sizeof bin, "cut off");

    size_t big = (size_t)1 << 30;
    uint8_t *gigabyte = calloc(1, big); /* untouched pages cost nothing */
    assert_non_null(gigabyte);
    refused(gigabyte, big, "at most");
    free(gigabyte);

    uint8_t deep[10001];
    memset(deep, 0x91, sizeof deep - 1); /* a list of one list of one list ... */
    deep[sizeof deep - 1] = 0xc0;
    refused(deep, sizeof deep, "nested too deep");
    static const uint8_t never[] = {0xc1};
    refused(never, sizeof never, "never uses");
}

static void what_does_not_belong_is_named(void **state)
{
    (void)state;
    struct dr_ack ack = {.ok = true};
    const struct dr_message_row *row = dr_row_by_type(DR_ACK);
    uint8_t *bytes;
    size_t len;
    encode(row, &ack, &bytes, &len);
    uint8_t *longer = malloc(len + 1);
    memcpy(longer, bytes, len);
    longer[len] = 0xc0;
    refused(longer, len + 1, "left over");
    free(longer);
    free(bytes);

    struct dr_envelope env = plain;
    env.type = "no.such";
    assert_int_equal(dr_message_encode(&env, row->desc, &ack, &bytes, &len), 0);
    refused(bytes, len, "unknown type");
    free(bytes);
    env.type = "health.mark"; /* another row's name over this row's body */
    assert_int_equal(dr_message_encode(&env, row->desc, &ack, &bytes, &len), 0);
    refused(bytes, len, "body.healthy_us: is missing");
    free(bytes);
    env.version = 2;
    assert_int_equal(dr_message_encode(&env, row->desc, &ack, &bytes, &len), 0);
    refused(bytes, len, "another version");
    free(bytes);
}

static void json_hides_sealed_bytes(void **state)
{
    (void)state;
    struct dr_attempt_commit commit = {.attempt = "a1\xff", .body = {(const uint8_t *)"secret", 6}};
    char *json = dr_json(&dr_desc_attempt_commit, &commit);
    assert_string_equal(json, "{\"attempt\":\"a1\xef\xbf\xbd\",\"body\":{\"bytes\":6}}");
    free(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_comes_back_equal),
        cmocka_unit_test(null_texts_count_as_empty),
        cmocka_unit_test(every_cut_is_an_error),
        cmocka_unit_test(every_flip_is_survived),
        cmocka_unit_test(great_claims_cost_nothing),
        cmocka_unit_test(what_does_not_belong_is_named),
        cmocka_unit_test(json_hides_sealed_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
