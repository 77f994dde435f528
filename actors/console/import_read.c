/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hocon.h"
#include "import.h"
#include "json.h"
#include "seal.h"

/* An object or array that shares nothing with itself: what maps it takes it apart. */
static json_t *whole(json_t *tree, const char *name, struct dr_error *error)
{
    json_t *copy = json_is_object(tree) || json_is_array(tree) ? json_deep_copy(tree) : NULL;
    if (tree && !copy)
        dr_error_set_at(error, 1, 1,
                        "%s:1:1: this is neither JSON nor a YAML mapping nor HOCON: is it an "
                        "autoscaler's configuration?",
                        name);
    json_decref(tree);
    return copy;
}

static json_t *read_json(const char *name, const char *text, size_t len, struct dr_error *error)
{
    struct dr_error fault = {0};
    json_t *tree = dr_json_parse(text, len, &fault);
    if (!tree)
        dr_error_set_at(error, fault.line, fault.column, "%s:%d:%d: %s", name, fault.line,
                        fault.column, fault.text);
    return tree;
}

static json_t *read_hocon(const char *name, const char *text, size_t len, struct dr_error *error)
{
    return dr_hocon_parse(name, text, len, NULL, NULL, error);
}

/* Half of a faulty YAML file is HOCON too, of another meaning: its fault is to be told. */
static bool meant(const json_t *tree, const char *text, size_t len)
{
    return json_is_array(tree) || json_is_object(json_object_get(tree, "hyper_params")) ||
           json_is_object(json_object_get(tree, "configurations")) ||
           (json_is_object(tree) && memchr(text, '{', len));
}

typedef json_t *read_fn(const char *name, const char *text, size_t len, struct dr_error *error);

/* The first that makes a mapping of it; the first one's complaint when none does. */
static json_t *try_each(read_fn *const *readers, const char *name, const char *text, size_t len,
                        struct dr_error *error)
{
    struct dr_error later;
    json_t *tree = readers[0](name, text, len, error);
    for (size_t i = 1; readers[i] && !json_is_object(tree) && !json_is_array(tree); i++) {
        json_t *other = readers[i](name, text, len, &later);
        if (!meant(other, text, len)) {
            json_decref(other);
            continue;
        }
        json_decref(tree);
        tree = other;
    }
    return whole(tree, name, error);
}

json_t *import_parse(const char *name, const char *text, size_t len, struct dr_error *error)
{
    static read_fn *const braced[] = {read_json, read_hocon, import_yaml, NULL};
    static read_fn *const open[] = {import_yaml, read_hocon, NULL};
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3;
        len -= 3;
    }
    size_t at = 0;
    while (at < len && memchr(" \t\r\n", text[at], 4))
        at++;
    if (at == len) {
        dr_error_set(error, "%s is empty", name);
        return NULL;
    }
    bool brace = text[at] == '{' || text[at] == '[';
    return try_each(brace ? braced : open, name, text, len, error);
}

static bool is_file(int fd, const char *path, struct dr_error *error)
{
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0)
        return dr_error_set(error, "%s: %s", path, strerror(errno));
    if (S_ISDIR(st.st_mode))
        return dr_error_set(error, "%s is a directory: name the file in it", path);
    return true;
}

char *import_file(const char *path, size_t *len, struct dr_error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *text = is_file(fd, path, error) ? malloc(IMPORT_SIZE_MAX + 2) : NULL;
    ssize_t got = text ? 0 : -1;
    for (*len = 0; text && *len <= IMPORT_SIZE_MAX; *len += (size_t)got) {
        got = read(fd, text + *len, IMPORT_SIZE_MAX + 1 - *len);
        if (got <= 0)
            break;
    }
    if (text && got < 0)
        dr_error_set(error, "%s cannot be read: %s", path, strerror(errno));
    else if (text && *len > IMPORT_SIZE_MAX)
        dr_error_set(error, "%s is larger than %zu MiB: that is no autoscaler's configuration",
                     path, IMPORT_SIZE_MAX >> 20);
    bool fine = text && got >= 0 && *len <= IMPORT_SIZE_MAX;
    if (text && !fine) {
        dr_wipe(text, *len);
        free(text);
    } else if (fine) {
        text[*len] = '\0';
    }
    if (fd >= 0)
        close(fd);
    return fine ? text : NULL;
}
