/* SPDX-License-Identifier: Apache-2.0 */
#include "drover/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arena.h"
#include "config_money.h"
#include "config_walk.h"
#include "drover/assert.h"

struct dr_config {
    struct dr_arena *arena;
    struct dr_cfg_root root;
    const char *text;
    size_t len;
};

struct dr_config *dr_config_parse_draft(const char *text, size_t len, const char *name,
                                        struct dr_config_errors *errors)
{
    *errors = (struct dr_config_errors){0};
    struct cfg_report report = {.name = name, .errors = errors};
    struct dr_arena *scratch = dr_arena_new();
    struct dr_config *config = calloc(1, sizeof *config);
    DR_ASSERT(scratch && config && (config->arena = dr_arena_new()));
    struct cfg_node *tree = cfg_tree_parse(scratch, text, len, &report);
    if (tree) {
        cfg_walk(config->arena, tree, &report, &config->root);
        cfg_check(tree, &report, &config->root);
        cfg_check_money(tree, &report, &config->root);
        config->text = dr_arena_text(config->arena, text, len);
        config->len = len;
        DR_ASSERT(config->text);
    }
    dr_arena_free(&scratch);
    cfg_report_close(&report);
    if (!tree) {
        dr_config_free(config);
        config = NULL;
    }
    return config;
}

struct dr_config *dr_config_parse(const char *text, size_t len, const char *name,
                                  struct dr_config_errors *errors)
{
    struct dr_config *config = dr_config_parse_draft(text, len, name, errors);
    bool faulty = false;
    for (size_t i = 0; i < errors->count; i++)
        faulty = faulty || !errors->items[i].warning;
    if (faulty) {
        dr_config_free(config);
        config = NULL;
    }
    return config;
}

/* Reads up to one byte more than is allowed, so that the parser refuses what is too long. */
static char *read_file(const char *path, size_t *len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    char *text = malloc(CFG_TEXT_MAX + 1);
    DR_ASSERT(text);
    ssize_t n = 1;
    for (*len = 0; n > 0 && *len<CFG_TEXT_MAX + 1; *len += n> 0 ? (size_t)n : 0) {
        n = read(fd, text + *len, CFG_TEXT_MAX + 1 - *len);
        if (n < 0 && errno == EINTR)
            n = 1, *len -= 1;
    }
    int failed = n < 0 ? errno : 0;
    close(fd);
    if (failed) {
        free(text);
        errno = failed;
        return NULL;
    }
    return text;
}

typedef struct dr_config *parse_fn(const char *text, size_t len, const char *name,
                                   struct dr_config_errors *errors);

static struct dr_config *load(const char *path, struct dr_config_errors *errors, parse_fn *parse)
{
    size_t len;
    char *text = read_file(path, &len);
    if (!text) {
        const char *why = strerror(errno);
        *errors = (struct dr_config_errors){0};
        struct cfg_report report = {.name = path, .errors = errors};
        cfg_fault(&report, 0, "", "cannot be read: %s", why);
        return NULL;
    }
    struct dr_config *config = parse(text, len, path, errors);
    free(text);
    return config;
}

struct dr_config *dr_config_load(const char *path, struct dr_config_errors *errors)
{
    return load(path, errors, dr_config_parse);
}

struct dr_config *dr_config_load_draft(const char *path, struct dr_config_errors *errors)
{
    return load(path, errors, dr_config_parse_draft);
}

const struct dr_cfg_root *dr_config_root(const struct dr_config *config)
{
    return &config->root;
}

const char *dr_config_text(const struct dr_config *config, size_t *len)
{
    *len = config->len;
    return config->text;
}

void dr_config_free(struct dr_config *config)
{
    if (!config)
        return;
    dr_arena_free(&config->arena);
    free(config);
}

void dr_config_errors_free(struct dr_config_errors *errors)
{
    for (size_t i = 0; i < errors->count; i++) {
        free(errors->items[i].text);
        free(errors->items[i].path);
    }
    free(errors->items);
    *errors = (struct dr_config_errors){0};
}

#define FIND(list, name)                                \
    for (size_t i = 0; i < (list)->count; i++)          \
        if (strcmp((list)->items[i].name, (name)) == 0) \
            return &(list)->items[i];                   \
    return NULL

const struct dr_cfg_account *dr_config_account(const struct dr_cfg_root *root, const char *name)
{
    FIND(&root->accounts, name);
}

const struct dr_cfg_type *dr_config_type(const struct dr_cfg_root *root, const char *name)
{
    FIND(&root->machine_types, name);
}

const struct dr_cfg_queue *dr_config_queue(const struct dr_cfg_root *root, const char *name)
{
    FIND(&root->queues, name);
}

static bool serves(const struct dr_cfg_queue *queue, const char *type)
{
    for (size_t i = 0; i < queue->types.count; i++)
        if (strcmp(queue->types.items[i], type) == 0)
            return true;
    return false;
}

/* The queue that comes after `last` (NULL: the first) by falling priority, then file order. */
static const struct dr_cfg_queue *queue_after(const struct dr_cfg_root *root, const char *type,
                                              const struct dr_cfg_queue *last)
{
    const struct dr_cfg_queue *best = NULL;
    for (size_t i = 0; i < root->queues.count; i++) {
        const struct dr_cfg_queue *queue = &root->queues.items[i];
        bool later = !last || queue->priority < last->priority ||
                     (queue->priority == last->priority && queue > last);
        if (later && serves(queue, type) && (!best || queue->priority > best->priority))
            best = queue;
    }
    return best;
}

size_t dr_config_type_queues(const struct dr_cfg_root *root, const char *type, const char **names,
                             size_t max)
{
    size_t count = 0;
    const struct dr_cfg_queue *queue = NULL;
    while ((queue = queue_after(root, type, queue))) {
        if (count < max)
            names[count] = queue->name;
        count++;
    }
    return count;
}

bool dr_config_may_replace(const struct dr_cfg_root *before, const struct dr_cfg_root *after,
                           char *err, size_t err_len)
{
    const struct {
        const char *field, *before, *after;
    } fixed[] = {
        {"deployment", before->deployment, after->deployment},
        {"state_dir", before->state_dir, after->state_dir},
        {"run_dir", before->run_dir, after->run_dir},
    };
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) {
        if (strcmp(fixed[i].before, fixed[i].after) != 0) {
            snprintf(err, err_len,
                     "%s cannot change while droverd runs (it is `%.100s`): stop and start it",
                     fixed[i].field, fixed[i].before);
            return false;
        }
    }
    return true;
}
