/* SPDX-License-Identifier: Apache-2.0 */
#include "config_value.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const struct {
    const char *name;
    int64_t ms;
} units[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};

#define UNITS (sizeof units / sizeof *units)

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Reads up to max digits; returns what follows them, or NULL when there is none or too many. */
static const char *read_digits(const char *text, int max, int64_t *value)
{
    int digits = 0;
    *value = 0;
    for (; is_digit(text[digits]) && digits < max; digits++)
        *value = *value * 10 + (text[digits] - '0');
    return digits > 0 && !is_digit(text[digits]) ? text + digits : NULL;
}

bool cfg_value_int(const char *text, int64_t *value)
{
    bool minus = *text == '-';
    const char *rest = read_digits(text + minus, 18, value);
    if (minus)
        *value = -*value;
    return rest && *rest == '\0';
}

bool cfg_value_duration(const char *text, int64_t *ms)
{
    int64_t number;
    const char *unit = read_digits(text, 10, &number);
    if (!unit)
        return false;
    for (size_t i = 0; i < UNITS; i++) {
        if (strcmp(unit, units[i].name) == 0) {
            *ms = number * units[i].ms;
            return true;
        }
    }
    return false;
}

bool cfg_value_usd(const char *text, int64_t *micros)
{
    int64_t dollars, part = 0, scale = 1000000;
    const char *rest = read_digits(text, 10, &dollars);
    if (!rest || (*rest != '\0' && *rest != '.'))
        return false;
    if (*rest == '.') {
        for (rest++; is_digit(*rest) && scale > 1; rest++) {
            scale /= 10;
            part += (*rest - '0') * scale;
        }
        if (*rest != '\0' || scale == 1000000)
            return false;
    }
    *micros = dollars * 1000000 + part;
    return true;
}

bool cfg_value_bool(const char *text, bool *value)
{
    *value = strcasecmp(text, "true") == 0;
    return *value || strcasecmp(text, "false") == 0;
}

bool cfg_value_name(const char *text)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789._-";
    size_t len = strlen(text);
    return len >= 1 && len <= 63 && strspn(text, allowed) == len;
}

bool cfg_value_is_word(const char *words, const char *word)
{
    size_t len = strcspn(word, "|");
    if (word[len] != '\0')
        return false;
    for (const char *at = words; at && len > 0; at = strchr(at, '|')) {
        at += *at == '|';
        if (strncmp(at, word, len) == 0 && (at[len] == '|' || at[len] == '\0'))
            return true;
    }
    return false;
}

const char *cfg_value_show_duration(int64_t ms, char *buffer, size_t size)
{
    size_t unit = UNITS - 1;
    for (size_t i = 0; i < UNITS && ms > 0; i++) {
        if (ms % units[i].ms == 0) {
            unit = i;
            break;
        }
    }
    snprintf(buffer, size, "%lld%s", (long long)(ms / units[unit].ms),
             ms == 0 ? "s" : units[unit].name);
    return buffer;
}

const char *cfg_value_show_usd(int64_t micros, char *buffer, size_t size)
{
    snprintf(buffer, size, "%lld.%06lld", (long long)(micros / 1000000),
             (long long)(micros % 1000000));
    size_t len = strlen(buffer);
    while (buffer[len - 1] == '0')
        len--;
    buffer[buffer[len - 1] == '.' ? len - 1 : len] = '\0';
    return buffer;
}

bool cfg_value_names_secret(const char *name)
{
    static const char *const telling[] = {"secret",     "secrets", "password", "passwd",
                                          "passphrase", "token",   "apikey",   "pat"};
    static const char *const whole[] = {"access_key", "api_key", "private_key", "secret_key"};
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
        if (strcasecmp(name, whole[i]) == 0)
            return true;
    for (const char *part = name; *part;) {
        size_t len = strcspn(part, "_-");
        for (size_t i = 0; i < sizeof telling / sizeof *telling; i++)
            if (strlen(telling[i]) == len && strncasecmp(part, telling[i], len) == 0)
                return true;
        part += len + (part[len] != '\0');
    }
    return false;
}
