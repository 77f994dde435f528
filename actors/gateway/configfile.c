/* SPDX-License-Identifier: Apache-2.0 */
#include "configfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config_most.h"
#include "drover/assert.h"
#include "drover/clock.h"
#include "gateway.h"
#include "log.h"
#include "utf8.h"

#define TEXT_MAX ((size_t)4 << 20)
#define VERSIONS_MAX 1000

const char *configfile_path(const struct gateway *gateway)
{
    const char *named = getenv("DROVER_CONFIG");
    if (gateway->setup != NULL)
        return gateway->setup;
    return named == NULL ? "/etc/drover/drover.yaml" : named;
}

void configfile_hash(const char *text, char hash[ACCOUNT_HASH_SIZE])
{
    dr_account_hash_text(text, hash);
}

static const char *read_all(int fd, char **text, size_t *len)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return strerror(errno);
    if (!S_ISREG(st.st_mode) || (size_t)st.st_size > TEXT_MAX)
        return "it is no file of at most 4 MiB";
    *len = (size_t)st.st_size;
    *text = calloc(1, *len + 1);
    DR_ASSERT(*text != NULL);
    return read(fd, *text, *len) == (ssize_t)*len ? NULL : "it changes while it is read";
}

/* The line that is no UTF-8 text, which no answer could carry; 0: all of it is. */
static int strange_line(const char *text, size_t len)
{
    size_t good = dr_utf8_span(text, len);
    int line = 1;
    for (size_t i = 0; i < good; i++)
        line += text[i] == '\n';
    return good == len ? 0 : line;
}

static char *read_text(const char *path, struct dr_error *error)
{
    char *text = NULL;
    size_t len = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    const char *fault = fd < 0 ? strerror(errno) : read_all(fd, &text, &len);
    int line = fault == NULL ? strange_line(text, len) : 0;
    if (fd >= 0)
        close(fd);
    if (fault == NULL && line == 0)
        return text;
    free(text);
    if (fault != NULL)
        dr_error_set(error, "%s cannot be read: %s", path, fault);
    else
        dr_error_set(error, "%s: line %d is no UTF-8 text: mend it with an editor on Drover's host",
                     path, line);
    return NULL;
}

bool configfile_read(const char *path, struct configfile *file, struct dr_error *error)
{
    file->text = read_text(path, error);
    if (file->text != NULL)
        configfile_hash(file->text, file->hash);
    return file->text != NULL;
}

/* ---- judging -------------------------------------------------------------------------------- */
static json_t *money(int64_t usd_micros)
{
    return usd_micros == DR_MOST_UNLIMITED ? json_null() : json_integer(usd_micros);
}

json_t *configfile_most(const struct dr_cfg_root *root)
{
    struct dr_most most;
    dr_config_most(root, &most);
    json_t *unpriced = json_array();
    for (size_t i = 0; i < most.unpriced_count; i++)
        json_array_append_new(unpriced, json_string(most.unpriced[i]));
    return json_pack("{s:o,s:o,s:o,s:s}", "per_hour_usd_micros", money(most.per_hour_usd_micros),
                     "per_month_usd_micros", money(most.per_month_usd_micros), "unpriced", unpriced,
                     "sentence", most.sentence);
}

static void add_fault(json_t *list, int line, const char *path, const char *what, bool warning)
{
    json_array_append_new(list,
                          json_pack("{s:i,s:o,s:o,s:b}", "line", line, "path", text_json(path),
                                    "text", text_json(what), "warning", warning));
}

json_t *configfile_judge(const struct gateway *gateway, const char *text, bool *good)
{
    struct dr_config_errors errors;
    char err[600];
    json_t *list = json_array(), *out;
    struct dr_config *config = dr_config_parse(text, strlen(text), "drover.yaml", &errors);
    bool fine = config != NULL;
    for (size_t i = 0; i < errors.count; i++)
        add_fault(list, errors.items[i].line, errors.items[i].path, errors.items[i].what,
                  errors.items[i].warning);
    dr_config_errors_free(&errors);
    if (fine && gateway->actor != NULL &&
        !dr_config_may_replace(dr_actor_config(gateway->actor), dr_config_root(config), err,
                               sizeof err)) {
        add_fault(list, 0, "", err, false);
        fine = false;
    }
    out = json_pack("{s:o,s:o}", "errors", list, "most",
                    config == NULL ? json_null() : configfile_most(dr_config_root(config)));
    dr_config_free(config);
    if (good != NULL)
        *good = fine;
    return out;
}

/* ---- versions ------------------------------------------------------------------------------- */
static void index_path(const struct gateway *gateway, char out[PATH_MAX])
{
    snprintf(out, PATH_MAX, "%s/config/index.json", gateway->state_dir);
}

/* Oldest first. */
static json_t *index_of(const struct gateway *gateway)
{
    char path[PATH_MAX];
    index_path(gateway, path);
    json_t *list = json_load_file(path, 0, NULL);
    if (json_is_array(list))
        return list;
    json_decref(list);
    return json_array();
}

static int64_t newest(const json_t *index)
{
    size_t count = json_array_size(index);
    return count == 0 ? 0
                      : json_integer_value(json_object_get(json_array_get(index, count - 1), "n"));
}

static bool is_newest(const json_t *index, const char *hash)
{
    size_t count = json_array_size(index);
    const char *kept =
        count == 0 ? NULL
                   : json_string_value(json_object_get(json_array_get(index, count - 1), "hash"));
    return kept != NULL && strcmp(kept, hash) == 0;
}

static bool keep(const struct gateway *gateway, json_t *index, const char *text, const char *by,
                 const char *note, struct dr_error *error)
{
    char path[PATH_MAX], hash[ACCOUNT_HASH_SIZE];
    int64_t n = newest(index) + 1;
    configfile_hash(text, hash);
    if (is_newest(index, hash))
        return true;
    snprintf(path, sizeof path, "%s/config/%lld.yaml", gateway->state_dir, (long long)n);
    if (!dr_file_replace(path, text, strlen(text), 0600, error))
        return false;
    json_array_append_new(index, json_pack("{s:I,s:I,s:s,s:s,s:s}", "n", (json_int_t)n, "t_us",
                                           (json_int_t)dr_wall_us(), "by", by, "hash", hash, "note",
                                           note));
    if (json_array_size(index) > VERSIONS_MAX)
        json_array_remove(index, 0);
    return true;
}

/* Behind a link too, and with the rights that it had: a file that its owner hid stays hidden. */
static bool put(const struct gateway *gateway, const char *text, struct dr_error *error)
{
    char path[PATH_MAX];
    struct stat was;
    if (realpath(configfile_path(gateway), path) == NULL)
        snprintf(path, sizeof path, "%s", configfile_path(gateway));
    bool there = stat(path, &was) == 0;
    if (!dr_file_replace(path, text, strlen(text), there ? was.st_mode & 0777 : 0644, error))
        return false;
    if (there && geteuid() == 0 && chown(path, was.st_uid, was.st_gid) != 0)
        dr_log(DR_LOG_WARNING, NULL, "%s is root's now: %s", path, strerror(errno));
    return true;
}

static void save_index(const struct gateway *gateway, const json_t *index)
{
    char path[PATH_MAX], *list = json_dumps(index, JSON_COMPACT);
    struct dr_error error;
    DR_ASSERT(list != NULL);
    index_path(gateway, path);
    if (!dr_file_replace(path, list, strlen(list), 0600, &error))
        dr_log(DR_LOG_ERROR, NULL, "drover.yaml is written, but not among its versions: %s",
               error.text);
    free(list);
}

bool configfile_replace(const struct gateway *gateway, const struct configfile *old,
                        const char *text, const char *by, const char *note, struct dr_error *error)
{
    char path[PATH_MAX];
    json_t *index = index_of(gateway);
    snprintf(path, sizeof path, "%s/config", gateway->state_dir);
    mkdir(path, 0700);
    /* The file last: what failed until then has changed nothing. */
    bool good = (old == NULL || keep(gateway, index, old->text, "", "as it was found", error)) &&
                keep(gateway, index, text, by, note, error) && put(gateway, text, error);
    if (good)
        save_index(gateway, index);
    json_decref(index);
    return good;
}

/* SIGHUP ends most others: a shell, a debugger, an init that took this process over. */
static bool is_droverd(pid_t pid)
{
    char path[64], program[PATH_MAX];
    snprintf(path, sizeof path, "/proc/%ld/exe", (long)pid);
    ssize_t len = readlink(path, program, sizeof program - 1);
    if (len <= 0)
        return false;
    program[len] = '\0';
    const char *slash = strrchr(program, '/');
    const char *name = slash == NULL ? program : slash + 1;
    /* After an upgrade the running program's file is another one's. */
    return strcmp(name, "droverd") == 0 || strcmp(name, "droverd (deleted)") == 0;
}

bool configfile_tell(const struct gateway *gateway)
{
    pid_t parent = getppid();
    return gateway->actor != NULL && is_droverd(parent) && kill(parent, SIGHUP) == 0;
}

json_t *configfile_versions(const struct gateway *gateway)
{
    json_t *index = index_of(gateway), *out = json_array();
    for (size_t i = json_array_size(index); i-- > 0;)
        json_array_append(out, json_array_get(index, i));
    json_decref(index);
    return out;
}

char *configfile_version(const struct gateway *gateway, const char *n)
{
    char path[PATH_MAX];
    struct dr_error error;
    if (strspn(n, "0123456789") != strlen(n) || strlen(n) > 18)
        return NULL;
    snprintf(path, sizeof path, "%s/config/%s.yaml", gateway->state_dir, n);
    return read_text(path, &error);
}
