/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "answer.h"
#include "creds_impl.h"
#include "drover/assert.h"
#include "drover/clock.h"
#include "json.h"
#include "seal.h"

#define LIFE_MAX_MS ((int64_t)36 * 3600 * 1000) /* STS gives 36 hours at most */

const char *creds_env(const char *name)
{
    const char *value = getenv(name);
    return value ? value : "";
}

static char *copy(const char *text)
{
    char *result = strdup(text);
    DR_ASSERT(result != NULL);
    return result;
}

/* Keys go into headers: a line feed in one of them would write another header. */
static bool is_plain(const char *text)
{
    for (; *text; text++) {
        if (*text <= ' ' || *text > '~')
            return false;
    }
    return true;
}

bool creds_keys_set(struct creds_keys *keys, const char *access_key, const char *secret_key,
                    const char *token, struct dr_error *error)
{
    *keys = (struct creds_keys){0};
    if (!access_key || !access_key[0])
        return dr_error_set(error, "the access key is missing");
    if (!secret_key || !secret_key[0])
        return dr_error_set(error, "the secret key is missing");
    if (!is_plain(access_key) || !is_plain(secret_key) || (token && !is_plain(token)))
        return dr_error_set(error, "a blank, a control character or a letter beyond ASCII is in "
                                   "the access key, the secret key or the session token");
    keys->access_key = copy(access_key);
    keys->secret_key = copy(secret_key);
    keys->session_token = copy(token ? token : "");
    return true;
}

void creds_keys_expire(struct creds_keys *keys, int64_t expires_us, const char *date)
{
    if (expires_us < 0)
        return;
    int64_t now_us = date && date[0] ? dr_http_date_us(date) : -1;
    if (now_us < 0)
        now_us = dr_wall_us();
    int64_t life_ms = (expires_us - now_us) / 1000;
    if (life_ms > LIFE_MAX_MS)
        life_ms = LIFE_MAX_MS;
    keys->expires = true;
    keys->life_ms = life_ms;
    keys->expires_ms = dr_boottime_ms() + life_ms;
}

int64_t creds_keys_left_ms(const struct creds_keys *keys, int64_t now_ms)
{
    return keys->expires ? keys->expires_ms - now_ms : INT64_MAX;
}

void creds_keys_wipe(struct creds_keys *keys)
{
    dr_wipe_free_text(keys->access_key);
    dr_wipe_free_text(keys->secret_key);
    dr_wipe_free_text(keys->session_token);
    *keys = (struct creds_keys){0};
}

void creds_wipe_json(json_t *object)
{
    const char *name;
    json_t *value;
    json_object_foreach (object, name, value) {
        if (json_is_string(value))
            dr_wipe((char *)(uintptr_t)json_string_value(value), json_string_length(value));
    }
    json_decref(object);
}

static bool read_object(struct creds_keys *keys, const json_t *object, const char *date,
                        struct dr_error *error)
{
    struct dr_error type = {0};
    const char *code = dr_json_str(object, "Code", "Success", &type);
    const char *message = dr_json_str(object, "Message", "", &type);
    const char *expiration = dr_json_str(object, "Expiration", "", &type);
    int64_t expires_us = expiration[0] ? aws_time_us(expiration) : -1;
    if (strcmp(code, "Success") != 0)
        return dr_error_set(error, "the answer is %.80s%s%.160s", code, message[0] ? ": " : "",
                            message);
    const char *access_key = dr_json_str(object, "AccessKeyId", "", &type);
    const char *secret_key = dr_json_str(object, "SecretAccessKey", "", &type);
    const char *token = dr_json_str(object, "Token", "", &type);
    if (type.text[0])
        return dr_error_set(error, "the answer: %s", type.text);
    if (expiration[0] && expires_us < 0)
        return dr_error_set(error, "the answer's Expiration is no time");
    if (!creds_keys_set(keys, access_key, secret_key, token, error))
        return false;
    creds_keys_expire(keys, expires_us, date);
    return true;
}

ssize_t creds_read_small(const char *path, char *out, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return -1;
    size_t have = 0;
    ssize_t got = 1;
    while (have < size && (got = read(fd, out + have, size - have)) > 0)
        have += (size_t)got;
    int reason = have == size ? EFBIG : errno;
    close(fd);
    errno = reason;
    if (got < 0 || have == size)
        return -1;
    out[have] = '\0';
    return (ssize_t)have;
}

bool creds_keys_read(struct creds_keys *keys, const struct dr_http_answer *answer,
                     struct dr_error *error)
{
    *keys = (struct creds_keys){0};
    json_t *object = dr_json_parse(answer->body, answer->body_len, NULL);
    if (!json_is_object(object)) {
        json_decref(object);
        return dr_error_set(error, "the answer is no JSON object");
    }
    bool read = read_object(keys, object, answer->date, error);
    creds_wipe_json(object);
    return read;
}
