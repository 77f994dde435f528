/* SPDX-License-Identifier: Apache-2.0 */
/* Ids, times, and paths into documents. */
#include "errors.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

/* A generator in counter mode: SHA-256(seed, counter). Good enough for keys, the same for every
 * run with the same seed. */
static void draw(struct sandbox *sb, unsigned char out[32])
{
    unsigned char block[40];
    memcpy(block, sb->seed, 32);
    uint64_t n = ++sb->drawn;
    for (int i = 0; i < 8; i++)
        block[32 + i] = (unsigned char)(n >> (8 * i));
    SHA256(block, sizeof block, out);
}

struct sandbox_id sandbox_new_id(struct sandbox *sb)
{
    unsigned char bytes[32];
    draw(sb, bytes);
    struct sandbox_id id;
    for (int i = 0; i < 16; i++)
        snprintf(id.text + 2 * i, 3, "%02x", bytes[i]);
    return id;
}

struct sandbox_id sandbox_md5(const char *text)
{
    unsigned char md[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    EVP_Digest(text, strlen(text), md, &size, EVP_md5(), NULL);
    struct sandbox_id id = {""};
    for (unsigned int i = 0; i < 16 && i < size; i++)
        snprintf(id.text + 2 * i, 3, "%02x", md[i]);
    return id;
}

void sandbox_new_secret(struct sandbox *sb, char *out, size_t size, bool upper)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789abcdefghijklmnopqrstuvwxyz";
    size_t letters = upper ? 36 : 62;
    unsigned char bytes[32];
    size_t left = 0;
    for (size_t i = 0; i < size;) {
        if (left == 0) {
            draw(sb, bytes);
            left = sizeof bytes;
        }
        unsigned char b = bytes[--left];
        /* Bytes beyond the last whole multiple would favour the first letters. */
        if (b < 256 / letters * letters)
            out[i++] = alphabet[b % letters];
    }
    out[size] = '\0';
}

/* Days since 1970-01-01 to a date and back (proleptic Gregorian; Howard Hinnant's algorithm). */
static void civil(int64_t days, int *year, int *month, int *day)
{
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    *day = (int)(doy - (153 * mp + 2) / 5 + 1);
    *month = (int)(mp < 10 ? mp + 3 : mp - 9);
    *year = (int)(yoe + era * 400 + (*month <= 2));
}

static int64_t days_of(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t yoe = y - era * 400;
    int64_t doy = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

struct sandbox_time sandbox_time(int64_t now_us)
{
    int64_t ms = now_us / 1000; /* the server's database keeps milliseconds */
    int64_t s = ms / 1000;
    int64_t days = s / 86400;
    int rest = (int)(s % 86400);
    int year, month, day;
    civil(days, &year, &month, &day);
    struct sandbox_time t;
    char text[96];
    snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03d000+00:00", year, month, day,
             rest / 3600, rest / 60 % 60, rest % 60, (int)(ms % 1000));
    memcpy(t.text, text, sizeof t.text - 1);
    t.text[sizeof t.text - 1] = '\0';
    return t;
}

json_t *sandbox_now(const struct sandbox_call *call)
{
    return json_string(sandbox_time(call->now_us).text);
}

static bool parse_zone(const char *p, int64_t *shift_s)
{
    *shift_s = 0;
    while (*p == ' ')
        p++;
    if (*p == '\0' || strcmp(p, "Z") == 0 || strcmp(p, "z") == 0 || strcmp(p, "UTC") == 0)
        return true;
    int hours, minutes = 0, n = 0;
    /* NOLINTNEXTLINE(cert-err34-c): two digits fit */
    if ((*p != '+' && *p != '-') || sscanf(p + 1, "%2d%n", &hours, &n) != 1)
        return false;
    const char *q = p + 1 + n;
    if (*q == ':')
        q++;
    /* NOLINTNEXTLINE(cert-err34-c): two digits fit */
    if (*q != '\0' && (sscanf(q, "%2d%n", &minutes, &n) != 1 || q[n] != '\0'))
        return false;
    *shift_s = (hours * 3600 + minutes * 60) * (*p == '-' ? -1 : 1);
    return true;
}

bool sandbox_time_parse(const char *text, int64_t *us)
{
    int year, month, day, hour = 0, minute = 0, second = 0, n = 0;
    /* NOLINTNEXTLINE(cert-err34-c): four digits fit */
    if (sscanf(text, "%4d-%2d-%2d%n", &year, &month, &day, &n) != 3 || month < 1 || month > 12 ||
        day < 1 || day > 31)
        return false;
    const char *p = text + n;
    int64_t micros = 0, shift = 0;
    if (*p == 'T' || *p == ' ') {
        /* NOLINTNEXTLINE(cert-err34-c): two digits fit */
        if (sscanf(p + 1, "%2d:%2d%n", &hour, &minute, &n) != 2 || hour > 23 || minute > 59)
            return false;
        p += 1 + n;
        if (*p == ':') {
            /* NOLINTNEXTLINE(cert-err34-c): two digits fit */
            if (sscanf(p + 1, "%2d%n", &second, &n) != 1 || second > 60)
                return false;
            p += 1 + n;
        }
        if (*p == '.') {
            int64_t unit = 100000;
            for (p++; *p >= '0' && *p <= '9'; p++, unit /= 10)
                micros += (*p - '0') * unit;
        }
    }
    if (!parse_zone(p, &shift))
        return false;
    int64_t s = days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - shift;
    *us = s * 1000000 + micros;
    return true;
}

json_t *sandbox_get(const json_t *doc, const char *path)
{
    const json_t *at = doc;
    while (at) {
        const char *dot = strchr(path, '.');
        if (!dot)
            return json_object_get(at, path);
        at = json_object_getn(at, path, (size_t)(dot - path));
        path = dot + 1;
    }
    return NULL;
}

const char *sandbox_get_str(const json_t *doc, const char *path)
{
    return json_string_value(sandbox_get(doc, path));
}

int sandbox_set(json_t *doc, const char *path, json_t *value)
{
    json_t *at = doc;
    for (const char *dot; (dot = strchr(path, '.')); path = dot + 1) {
        size_t size = (size_t)(dot - path);
        json_t *next = json_object_getn(at, path, size);
        if (!json_is_object(next)) {
            next = json_object();
            if (json_object_setn_new(at, path, size, next) != 0) {
                json_decref(value);
                return -1;
            }
        }
        at = next;
    }
    return json_object_set_new(at, path, value);
}

void sandbox_delete(json_t *doc, const char *path)
{
    const char *dot = strrchr(path, '.');
    if (!dot) {
        json_object_del(doc, path);
        return;
    }
    char parent[256];
    if ((size_t)(dot - path) >= sizeof parent)
        return;
    memcpy(parent, path, (size_t)(dot - path));
    parent[dot - path] = '\0';
    json_t *at = sandbox_get(doc, parent);
    if (at)
        json_object_del(at, dot + 1);
}

bool sandbox_flag(const struct sandbox_call *call, const char *name, bool fallback)
{
    const json_t *v = json_object_get(call->body, name);
    if (!v || json_is_null(v))
        return fallback;
    if (json_is_string(v))
        return json_string_length(v) > 0;
    if (json_is_number(v))
        return json_number_value(v) != 0;
    return json_is_true(v);
}

json_int_t sandbox_int(const struct sandbox_call *call, const char *name, json_int_t fallback)
{
    const json_t *v = json_object_get(call->body, name);
    long long n = fallback;
    if (json_is_integer(v))
        n = json_integer_value(v);
    else if (json_is_real(v))
        n = json_real_value(v) > SANDBOX_INT_MAX    ? SANDBOX_INT_MAX
            : json_real_value(v) < -SANDBOX_INT_MAX ? -SANDBOX_INT_MAX
                                                    : (long long)json_real_value(v);
    /* NOLINTNEXTLINE(cert-err34-c): 18 digits fit */
    else if (json_is_string(v) && sscanf(json_string_value(v), "%18lld", &n) != 1)
        n = fallback;
    return n > SANDBOX_INT_MAX ? SANDBOX_INT_MAX : n < -SANDBOX_INT_MAX ? -SANDBOX_INT_MAX : n;
}

const char *sandbox_str(const struct sandbox_call *call, const char *name)
{
    return json_string_value(json_object_get(call->body, name));
}

void sandbox_changed(struct sandbox *sb)
{
    sb->revision++;
}

json_t *sandbox_find_task(struct sandbox_call *call, const char *id)
{
    json_t *doc = json_object_get(call->sb->tasks, id ? id : "");
    if (!doc)
        fail_invalid(call, SUB_INVALID_TASK, "task", id ? id : "");
    return doc;
}

json_t *sandbox_find_queue(struct sandbox_call *call, const char *id)
{
    json_t *doc = json_object_get(call->sb->queues, id ? id : "");
    if (!doc)
        fail_invalid(call, SUB_INVALID_QUEUE, "queue", id ? id : "");
    return doc;
}

json_t *sandbox_find_project(struct sandbox_call *call, const char *id)
{
    json_t *doc = json_object_get(call->sb->projects, id ? id : "");
    if (!doc)
        fail_invalid(call, SUB_INVALID_PROJECT, "project", id ? id : "");
    return doc;
}

json_t *sandbox_find_model(struct sandbox_call *call, const char *id)
{
    json_t *doc = json_object_get(call->sb->models, id ? id : "");
    if (!doc)
        fail_invalid(call, SUB_INVALID_MODEL, "model", id ? id : "");
    return doc;
}

void sandbox_touch_task(struct sandbox_call *call, json_t *task, bool update)
{
    json_object_set_new(task, "last_change", sandbox_now(call));
    json_object_set_new(task, "last_changed_by", json_string(call->user_id));
    if (update)
        json_object_set_new(task, "last_update", sandbox_now(call));
    sandbox_changed(call->sb);
}

void sandbox_touch_project(struct sandbox_call *call, const char *id)
{
    json_t *project = json_object_get(call->sb->projects, id ? id : "");
    if (!project)
        return;
    json_object_set_new(project, "last_update", sandbox_now(call));
    sandbox_changed(call->sb);
}
