/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drover/assert.h"
#include "json.h"
#include "seal.h"
#include "secretfile.h"
#include "strbuf.h"

#define STDIN_MAX ((size_t)1 << 20)

json_t *dr_secret_read_stdin(struct dr_error *error)
{
    char *text = malloc(STDIN_MAX + 1);
    size_t have = 0;
    ssize_t got = 1;
    DR_ASSERT(text);
    while (got != 0 && have <= STDIN_MAX) {
        got = read(STDIN_FILENO, text + have, STDIN_MAX + 1 - have);
        if (got < 0 && errno != EINTR)
            break;
        have += got > 0 ? (size_t)got : 0;
    }
    struct dr_error why = {0};
    json_t *tree = got == 0 ? dr_json_parse_limited(text, have, STDIN_MAX, 8, &why) : NULL;
    dr_wipe_free(text, have);
    if (json_is_object(tree))
        return tree;
    json_decref(tree);
    /* the parser's words could quote what it met */
    dr_error_set(error, "standard input holds no JSON object with the secrets");
    return NULL;
}

/* ---- as YAML --------------------------------------------------------------------------------- */
static bool has_words(const json_t *value)
{
    return json_is_string(value)  ? json_string_length(value) > 0
           : json_is_array(value) ? json_array_size(value) > 0
                                  : json_object_size(value) > 0;
}

static void add_text(struct dr_strbuf *out, const char *text, int indent)
{
    size_t len = strlen(text);
    bool block = len > 0 && text[len - 1] == '\n' && !strchr(" \t\n", text[0]) &&
                 !(len > 1 && text[len - 2] == '\n');
    if (!block) {
        json_t *value = json_string(text);
        char *quoted = json_dumps(value, JSON_ENCODE_ANY);
        dr_strbuf_printf(out, " %s\n", quoted);
        dr_json_free_text(quoted);
        json_decref(value);
        return;
    }
    dr_strbuf_add_text(out, " |\n");
    while (*text) {
        size_t line = strcspn(text, "\n");
        dr_strbuf_printf(out, "%*s%.*s\n", line ? indent + 2 : 0, "", (int)line, text);
        text += line + 1;
    }
}

/* first: stands before the first line in place of its indentation; NULL: nothing does. */
static void add_object(struct dr_strbuf *out, json_t *object, int indent, const char *first)
{
    const char *key;
    json_t *value, *entry;
    size_t i;
    json_object_foreach (object, key, value) {
        if (!has_words(value))
            continue;
        dr_strbuf_printf(out, "%*s%s%s:", first ? 0 : indent, "", first ? first : "", key);
        first = NULL;
        if (json_is_string(value)) {
            add_text(out, json_string_value(value), indent);
            continue;
        }
        dr_strbuf_add_text(out, "\n");
        if (json_is_object(value))
            add_object(out, value, indent + 2, NULL);
        json_array_foreach (value, i, entry) {
            dr_strbuf_printf(out, "%*s", indent + 2, "");
            add_object(out, entry, indent + 4, "- ");
        }
    }
}

/* ---- the file -------------------------------------------------------------------------------- */
static bool write_whole(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);
        if (n < 0 && errno != EINTR)
            return false;
        bytes += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return fsync(fd) == 0;
}

static void sync_folder_of(const char *path)
{
    char folder[4096];
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder] = '\0';
    int fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    fsync(fd); /* without it the old file may stand there again after a power cut: no harm */
    close(fd);
}

bool dr_secretfile_write(const char *path, json_t *tree, struct dr_error *error)
{
    char fresh[4096];
    struct dr_strbuf text = {0};
    if (snprintf(fresh, sizeof fresh, "%s.XXXXXX", path) >= (int)sizeof fresh)
        return dr_error_set(error, "the name of the file is too long");
    int fd = mkostemp(fresh, O_CLOEXEC); /* 0600 */
    if (fd < 0)
        return dr_error_set(error, "cannot write %s: %s", path, strerror(errno));
    dr_strbuf_add_text(&text, "# Written by Drover. It holds secrets: mode 0600, never in git.\n");
    add_object(&text, tree, 0, NULL);
    bool fine = write_whole(fd, text.data, text.len);
    dr_strbuf_free(&text);
    if (!fine)
        dr_error_set(error, "cannot write %s: %s", path, strerror(errno));
    close(fd);
    fine = fine && (rename(fresh, path) == 0 ||
                    dr_error_set(error, "cannot write %s: %s", path, strerror(errno)));
    if (!fine)
        unlink(fresh);
    else
        sync_folder_of(path);
    return fine;
}
