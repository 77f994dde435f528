/* SPDX-License-Identifier: Apache-2.0 */
#include "control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "drover/assert.h"

enum form { NONE, TEXT, NUMBER, BLOB, PAIR };

static const struct {
    const char *word;
    enum dr_control_side speaker;
    enum form form;
} kinds[DR_CONTROL_KINDS] = {
#define ITEM(word, who, form) [DR_CONTROL_##word] = {#word, DR_CONTROL_##who, form},
    DR_CONTROL_ITEMS(ITEM)
#undef ITEM
};

/* ---- reading --------------------------------------------------------------------------------- */
void dr_control_init(struct dr_control *control, enum dr_control_side speaker)
{
    memset(control, 0, sizeof *control);
    control->speaker = speaker;
}

static void drop_blob(struct dr_control *control)
{
    if (control->blob)
        explicit_bzero(control->blob, control->blob_room);
    free(control->blob);
    control->blob = NULL;
    control->blob_len = control->blob_room = control->blob_want = 0;
}

void dr_control_fini(struct dr_control *control)
{
    drop_blob(control);
    explicit_bzero(control->line, sizeof control->line);
    control->line_len = 0;
}

/* What is wrong is told without quoting the line: it may be a token. */
static int broken(struct dr_control *control, const char *what, const char *word)
{
    control->broken = true;
    snprintf(control->err, sizeof control->err, "%s%s%s", what, *word ? ": " : "", word);
    return -1;
}

static bool parse_number(const char *text, int64_t *number)
{
    int64_t value = 0;
    size_t digits = 0;
    for (; text[digits] >= '0' && text[digits] <= '9' && digits < 18; digits++)
        value = value * 10 + (text[digits] - '0');
    *number = value;
    return digits > 0 && text[digits] == '\0';
}

static int find_kind(const struct dr_control *control, const char *word)
{
    for (int kind = 0; kind < DR_CONTROL_KINDS; kind++)
        if (strcmp(kinds[kind].word, word) == 0)
            return kinds[kind].speaker == control->speaker ? kind : -1;
    return -1;
}

static int start_blob(struct dr_control *control, enum dr_control_kind kind, const char *size)
{
    int64_t want;
    if (!parse_number(size, &want))
        return broken(control, "a size is no number", kinds[kind].word);
    if (want > DR_CONTROL_BLOB_MAX)
        return broken(control, "larger than 8 MiB", kinds[kind].word);
    control->blob_kind = kind;
    control->blob_want = (size_t)want + 1; /* its newline too */
    control->blob_room = control->blob_want < 4096 ? control->blob_want : 4096;
    control->blob_len = 0;
    control->blob = malloc(control->blob_room);
    DR_ASSERT(control->blob);
    return 0;
}

/* A whole line is in control->line. Fills *item, or begins a blob (*has_item stays false). */
static int parse_line(struct dr_control *control, struct dr_control_item *item, bool *has_item)
{
    char *line = control->line;
    if (strlen(line) != control->line_len)
        return broken(control, "a NUL byte in a line", "");
    char *argument = strchr(line, ' ');
    if (argument)
        *argument++ = '\0';
    int kind = find_kind(control, line);
    if (kind < 0)
        return broken(control, "an unknown word, or one that the other side says", "");
    bool wants_argument = kinds[kind].form != NONE;
    if (wants_argument != (argument != NULL))
        return broken(control, wants_argument ? "lacks its argument" : "takes no argument", line);
    *item = (struct dr_control_item){.kind = (enum dr_control_kind)kind, .text = "", .more = ""};
    switch (kinds[kind].form) {
    case BLOB:
        return start_blob(control, item->kind, argument);
    case NUMBER:
        if (!parse_number(argument, &item->number))
            return broken(control, "takes a number", line);
        break;
    case PAIR:
        item->more = strchr(argument, ' ');
        if (!item->more)
            return broken(control, "takes two words", line);
        argument[item->more++ - argument] = '\0';
        item->text = argument;
        break;
    case TEXT:
        item->text = argument;
        break;
    case NONE:
        break;
    }
    item->len = strlen(item->text);
    *has_item = true;
    return 0;
}

static ssize_t feed_blob(struct dr_control *control, const char *bytes, size_t len,
                         struct dr_control_item *item, bool *has_item)
{
    size_t missing = control->blob_want - control->blob_len;
    size_t take = len < missing ? len : missing;
    if (control->blob_len + take > control->blob_room) {
        size_t room = control->blob_room * 2;
        while (room < control->blob_len + take)
            room *= 2;
        control->blob = realloc(control->blob, room);
        DR_ASSERT(control->blob);
        control->blob_room = room;
    }
    memcpy(control->blob + control->blob_len, bytes, take);
    control->blob_len += take;
    if (control->blob_len < control->blob_want)
        return (ssize_t)take;
    if (control->blob[control->blob_len - 1] != '\n')
        return broken(control, "is longer than it said", kinds[control->blob_kind].word);
    control->blob[control->blob_len - 1] = '\0';
    *item = (struct dr_control_item){.kind = control->blob_kind,
                                     .text = control->blob,
                                     .len = control->blob_len - 1,
                                     .more = ""};
    *has_item = true;
    return (ssize_t)take;
}

static ssize_t feed_line(struct dr_control *control, const char *bytes, size_t len,
                         struct dr_control_item *item, bool *has_item)
{
    const char *end = memchr(bytes, '\n', len);
    size_t take = end ? (size_t)(end - bytes) : len;
    if (control->line_len + take > DR_CONTROL_LINE_MAX)
        return broken(control, "a line of more than 4 KiB", "");
    memcpy(control->line + control->line_len, bytes, take);
    control->line_len += take;
    if (!end)
        return (ssize_t)take;
    control->line[control->line_len] = '\0';
    if (parse_line(control, item, has_item) < 0)
        return -1;
    control->line_len = 0;
    return (ssize_t)take + 1;
}

ssize_t dr_control_feed(struct dr_control *control, const char *bytes, size_t len,
                        dr_control_fn item_fn, void *arg)
{
    size_t used = 0;
    while (used < len && !control->broken) {
        struct dr_control_item item;
        bool has_item = false;
        ssize_t step = control->blob
                           ? feed_blob(control, bytes + used, len - used, &item, &has_item)
                           : feed_line(control, bytes + used, len - used, &item, &has_item);
        if (step < 0)
            break;
        used += (size_t)step;
        if (!has_item)
            continue;
        int pause = item_fn(&item, arg);
        drop_blob(control);
        if (pause)
            break;
    }
    return control->broken ? -1 : (ssize_t)used;
}

/* ---- writing --------------------------------------------------------------------------------- */
static void append(struct dr_control_out *out, const char *bytes, size_t len)
{
    if (out->len + len > out->room) {
        size_t room = out->room ? out->room : 256;
        while (room < out->len + len)
            room *= 2;
        out->bytes = realloc(out->bytes, room);
        DR_ASSERT(out->bytes);
        out->room = room;
    }
    if (len > 0)
        memcpy(out->bytes + out->len, bytes, len);
    out->len += len;
}

static int put_line(struct dr_control_out *out, enum dr_control_kind kind, const char *argument)
{
    const char *word = kinds[kind].word;
    bool has_argument = kinds[kind].form != NONE;
    if (strchr(argument, '\n') || strlen(word) + 1 + strlen(argument) > DR_CONTROL_LINE_MAX)
        return -1;
    append(out, word, strlen(word));
    append(out, " ", has_argument ? 1 : 0);
    append(out, argument, has_argument ? strlen(argument) : 0);
    append(out, "\n", 1);
    return 0;
}

int dr_control_put_number(struct dr_control_out *out, enum dr_control_kind kind, int64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)number);
    return put_line(out, kind, text);
}

int dr_control_put(struct dr_control_out *out, enum dr_control_kind kind, const char *text,
                   size_t len)
{
    DR_ASSERT(kind < DR_CONTROL_KINDS && kinds[kind].form != NUMBER && kinds[kind].form != PAIR);
    if (kinds[kind].form != BLOB)
        return put_line(out, kind, text ? text : "");
    if (len > DR_CONTROL_BLOB_MAX)
        return -1;
    dr_control_put_number(out, kind, (int64_t)len);
    append(out, text, len);
    append(out, "\n", 1);
    return 0;
}

int dr_control_put_pair(struct dr_control_out *out, enum dr_control_kind kind, const char *text,
                        const char *more)
{
    char line[DR_CONTROL_LINE_MAX];
    DR_ASSERT(kind < DR_CONTROL_KINDS && kinds[kind].form == PAIR);
    if (strchr(text, ' ') || snprintf(line, sizeof line, "%s %s", text, more) >= (int)sizeof line)
        return -1;
    int rc = put_line(out, kind, line);
    explicit_bzero(line, sizeof line);
    return rc;
}

int dr_control_flush(struct dr_control_out *out, int fd)
{
    size_t sent = 0;
    int rc = 0;
    while (sent < out->len) {
        ssize_t n = send(fd, out->bytes + sent, out->len - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0) {
            sent += (size_t)n;
        } else if (errno != EINTR) {
            rc = errno == EAGAIN || errno == EWOULDBLOCK ? 1 : -1;
            break;
        }
    }
    if (sent > 0) {
        memmove(out->bytes, out->bytes + sent, out->len - sent);
        explicit_bzero(out->bytes + (out->len - sent), sent);
        out->len -= sent;
    }
    return rc;
}

void dr_control_out_free(struct dr_control_out *out)
{
    if (out->bytes)
        explicit_bzero(out->bytes, out->room);
    free(out->bytes);
    *out = (struct dr_control_out){0};
}

int dr_control_say(int fd, enum dr_control_kind kind, const char *text)
{
    DR_ASSERT(kind < DR_CONTROL_KINDS && kinds[kind].speaker == DR_CONTROL_CHILD);
    char line[512];
    if (kinds[kind].form == NONE)
        snprintf(line, sizeof line, "%s", kinds[kind].word);
    else
        snprintf(line, sizeof line, "%s %.480s", kinds[kind].word, text ? text : "");
    for (char *c = line; *c; c++)
        if (*c == '\n')
            *c = ' ';
    size_t len = strlen(line);
    line[len++] = '\n';
    for (size_t sent = 0; sent < len;) {
        ssize_t n = send(fd, line + sent, len - sent, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR)
            return -1;
        sent += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

void dr_control_new_token(char token[65])
{
    unsigned char random[32];
    DR_ASSERT(getrandom(random, sizeof random, 0) == sizeof random);
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(token + 2 * i, 3, "%02x", random[i]);
    explicit_bzero(random, sizeof random);
}
