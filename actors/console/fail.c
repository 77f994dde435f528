/* SPDX-License-Identifier: Apache-2.0 */
/* Saying that something went wrong: a sentence for people, an object with --json. Both go to
 * stderr, so that what stands in stdout is always an answer. */
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "console.h"
#include "drover/assert.h"
#include "near.h"
#include "utf8.h"

static bool as_json;
static bool said;

void console_errors(bool json)
{
    as_json = json;
}

bool console_said(void)
{
    return said;
}

/* What the world says may be no UTF-8, which JSON has no place for. */
json_t *console_text(const char *text)
{
    char *clean = strdup(text);
    DR_ASSERT(clean != NULL);
    for (size_t i = 0, len = strlen(clean); i < len;) {
        size_t bytes = dr_utf8_char(clean + i, len - i);
        if (bytes == 0)
            clean[i] = '?';
        i += bytes == 0 ? 1 : bytes;
    }
    json_t *out = json_string(clean);
    free(clean);
    return out;
}

static void print_object(const char *word, const char *sentence, json_t *faults)
{
    json_t *error = json_pack("{s:s,s:o,s:o*}", "code", word, "sentence", console_text(sentence),
                              "faults", faults);
    json_t *whole = json_pack("{s:o}", "error", error);
    DR_ASSERT(whole != NULL);
    json_dumpf(whole, stderr, JSON_COMPACT);
    fputc('\n', stderr);
    json_decref(whole);
}

int console_fail(enum exit_code code, const char *word, const char *format, ...)
{
    char sentence[4096];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    said = true;
    if (as_json)
        print_object(word, sentence, NULL);
    else
        fprintf(stderr, "drover: %s\n", sentence);
    return (int)code;
}

void console_note(const char *format, ...)
{
    va_list args;
    if (as_json)
        return;
    va_start(args, format);
    fputs("drover: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

int console_did(const struct console *console, const char *format, ...)
{
    char sentence[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    if (!console->json) {
        puts(sentence);
        return EXIT_FINE;
    }
    json_t *done = json_pack("{s:b,s:o}", "ok", 1, "sentence", console_text(sentence));
    json_dumpf(done, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(done);
    return EXIT_FINE;
}

void console_missed(int64_t count)
{
    if (as_json)
        fprintf(stderr, "{\"missed\":%lld}\n", (long long)count);
    else if (count > 0)
        fprintf(stderr, "drover: %lld events were missed\n", (long long)count);
    else
        fputs("drover: events were missed\n", stderr);
}

int console_faults(const char *path, const struct dr_config_errors *errors)
{
    char sentence[1200];
    said = true;
    if (!as_json) {
        for (size_t i = 0; i < errors->count; i++)
            fprintf(stderr, "%s\n", errors->items[i].text);
        return EXIT_CONFIG;
    }
    json_t *faults = json_array();
    for (size_t i = 0; i < errors->count; i++)
        if (!errors->items[i].warning)
            json_array_append_new(faults, console_text(errors->items[i].text));
    snprintf(sentence, sizeof sentence, "%s has %zu fault%s: nothing was done", path,
             json_array_size(faults), json_array_size(faults) == 1 ? "" : "s");
    print_object("config", sentence, faults);
    return EXIT_CONFIG;
}

void console_unsaid(int code, const char *command)
{
    const char *word = code == EXIT_USAGE    ? "usage"
                       : code == EXIT_CONFIG ? "config"
                       : code == EXIT_BROKEN ? "unavailable"
                                             : "refused";
    if (as_json)
        console_fail((enum exit_code)code, word, "%s ended with %d; what it said stands above",
                     command, code);
}

int console_usage(const char *line)
{
    return console_fail(EXIT_USAGE, "usage", "usage: drover %s", line);
}

int console_no_span(const char *what, const char *word)
{
    return console_fail(EXIT_USAGE, "usage",
                        "%s: \"%s\" is no time span, such as 90s, 15m, 2h, 7d or 1h30m (at most a "
                        "year)",
                        what, word);
}

const char *console_meant(const struct near *near, char *out, size_t size)
{
    out[0] = '\0';
    if (near->best != NULL)
        snprintf(out, size, "; did you mean %s?", near->best);
    return out;
}
