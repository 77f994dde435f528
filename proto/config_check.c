/* SPDX-License-Identifier: Apache-2.0
 *
 * What must hold between settings. Every rule compares what was read; one that a faulty field would
 * only repeat stays silent.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_aws.h"
#include "config_value.h"
#include "config_walk.h"
#include "drover/assert.h"

#define NOWHERE ((size_t)-1)
#define ACCOUNTS_MAX 100 /* each is a process */
#define LEASE_MS 60000   /* P26 */

struct check {
    const struct cfg_node *tree;
    struct cfg_report *report;
    const struct dr_cfg_root *root;
};

/* A place: list[index].field[item]; index and item may be NOWHERE, field NULL. */
struct place {
    const char *list;
    size_t index;
    const char *field;
    size_t item;
};

static int place_line(const struct check *check, const struct place *place)
{
    const struct cfg_node *node = cfg_tree_find(check->tree, place->list), *deeper;
    int line = node ? node->key_line : 0;
    if (place->index != NOWHERE && (deeper = cfg_tree_item(node, place->index))) {
        node = deeper;
        line = node->line;
    }
    if (place->field && (deeper = cfg_tree_find(node, place->field))) {
        node = deeper;
        line = node->key_line;
    }
    if (place->item != NOWHERE && (deeper = cfg_tree_item(node, place->item)))
        line = deeper->line;
    return line;
}

static void place_path(const struct place *place, char *path, size_t size)
{
    char index[24] = "", item[24] = "";
    if (place->index != NOWHERE)
        snprintf(index, sizeof index, "[%zu]", place->index);
    if (place->item != NOWHERE)
        snprintf(item, sizeof item, "[%zu]", place->item);
    snprintf(path, size, "%s%s%s%s%s", place->list, index, place->field ? "." : "",
             place->field ? place->field : "", item);
}

__attribute__((format(printf, 4, 5))) static void
complain(const struct check *check, bool warning, struct place place, const char *format, ...)
{
    char path[128], text[512];
    va_list args;
    if (warning && check->report->errors_found > 0) /* most likely only a consequence */
        return;
    place_path(&place, path, sizeof path);
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (warning)
        cfg_warning(check->report, place_line(check, &place), path, "%s", text);
    else
        cfg_fault(check->report, place_line(check, &place), path, "%s", text);
}

static struct place at(const char *list, size_t index, const char *field)
{
    return (struct place){.list = list, .index = index, .field = field, .item = NOWHERE};
}

static struct place setting(const char *section, const char *field)
{
    return at(section, NOWHERE, field);
}

/* ---- names ----------------------------------------------------------------------------------- */
static const char *nth_account(const void *arg, size_t i)
{
    return ((const struct dr_cfg_root *)arg)->accounts.items[i].name;
}

static const char *nth_type(const void *arg, size_t i)
{
    return ((const struct dr_cfg_root *)arg)->machine_types.items[i].name;
}

static const char *nth_queue(const void *arg, size_t i)
{
    return ((const struct dr_cfg_root *)arg)->queues.items[i].name;
}

static void check_unique(const struct check *check, const char *list, size_t count,
                         const char *(*nth)(const void *, size_t))
{
    for (size_t i = 1; i < count; i++) {
        const char *name = nth(check->root, i);
        for (size_t j = 0; j < i && *name; j++) {
            if (strcmp(name, nth(check->root, j)) != 0)
                continue;
            struct place first = at(list, j, "name");
            complain(check, false, at(list, i, "name"),
                     "`%.63s` is the name of %s[%zu] too (line %d): each needs one of its own",
                     name, list, j, place_line(check, &first));
            break;
        }
    }
}

static void unknown(const struct check *check, struct place place, const char *what,
                    const char *list, const char *name, const char *near)
{
    if (near)
        complain(check, false, place, "there is no %s `%.63s`; did you mean `%.63s`?", what, name,
                 near);
    else
        complain(check, false, place, "there is no %s `%.63s`: add it to %s, or take it out here",
                 what, name, list);
}

/* ---- one entry each -------------------------------------------------------------------------- */
static void check_environment(const struct check *check, size_t index,
                              const struct dr_cfg_type *type)
{
    for (size_t i = 0; i < type->environment.count; i++) {
        const char *entry = type->environment.items[i];
        struct place place = at("machine_types", index, "environment");
        char name[64];
        size_t len = strcspn(entry, "=");
        place.item = i;
        snprintf(name, sizeof name, "%.*s", (int)len, entry);
        if (*entry == '\0')
            continue;
        if (len == 0 || entry[len] == '\0' || strpbrk(name, " \t\n'\""))
            complain(check, false, place, "must be NAME=VALUE");
        else if (cfg_value_names_secret(name))
            complain(check, false, place,
                     "%s looks like a secret, and this file holds none: put it in the file that "
                     "accounts[].secrets_file names",
                     name);
    }
}

struct aws_place {
    const struct check *check;
    const char *list;
    size_t index;
};

/* A warning, also beside errors: it is no consequence of another fault. */
static void on_aws_fault(void *arg, const char *field, const char *text)
{
    const struct aws_place *aws = arg;
    struct place place = at(aws->list, aws->index, field);
    char path[128];
    place_path(&place, path, sizeof path);
    cfg_warning(aws->check->report, place_line(aws->check, &place), path, "%s", text);
}

static void check_cloud(const struct check *check, size_t index, const struct dr_cfg_type *type)
{
    const struct dr_cfg_account *account = dr_config_account(check->root, type->account);
    struct aws_place place = {.check = check, .list = "machine_types", .index = index};
    if (account && strcmp(account->driver, "aws") == 0)
        cfg_aws_judge(type, &(struct cfg_judge){.fault = on_aws_fault, .arg = &place});
}

static void check_account(const struct check *check, size_t index,
                          const struct dr_cfg_account *account)
{
    struct aws_place place = {.check = check, .list = "accounts", .index = index};
    if (strcmp(account->driver, "aws") == 0)
        cfg_aws_judge_account(account, &(struct cfg_judge){.fault = on_aws_fault, .arg = &place});
}

static void check_type(const struct check *check, size_t index, const struct dr_cfg_type *type)
{
    const struct dr_cfg_root *root = check->root;
    if (*type->account && !dr_config_account(root, type->account))
        unknown(check, at("machine_types", index, "account"), "account", "accounts", type->account,
                cfg_nearest(type->account, root->accounts.count, nth_account, root));
    if (*type->gpus && type->cpu_only)
        complain(check, false, at("machine_types", index, "gpus"),
                 "says GPUs while cpu_only is true: set cpu_only: false, or take gpus out");
    if (*type->docker_args && !*type->docker_image)
        complain(check, true, at("machine_types", index, "docker_args"),
                 "has no effect without docker_image");
    if (type->max_life_ms > 0 && type->max_life_ms <= type->boot_timeout_ms)
        complain(check, false, at("machine_types", index, "max_life"),
                 "must be longer than boot_timeout, or machines go before they have worked");
    check_environment(check, index, type);
    check_cloud(check, index, type);
    bool used = *type->name == '\0';
    for (size_t i = 0; i < root->queues.count; i++)
        for (size_t j = 0; j < root->queues.items[i].types.count; j++)
            used = used || strcmp(root->queues.items[i].types.items[j], type->name) == 0;
    if (!used)
        complain(check, true, at("machine_types", index, NULL),
                 "no queue names `%.63s`: no machine of it will start", type->name);
}

static void check_queue(const struct check *check, size_t index, const struct dr_cfg_queue *queue)
{
    const struct dr_cfg_root *root = check->root;
    const struct cfg_node *entry = cfg_tree_item(cfg_tree_find(check->tree, "queues"), index);
    const struct cfg_node *types = cfg_tree_find(entry, "types");
    bool told =
        entry->kind != CFG_NODE_MAP || (types && !types->null && types->kind != CFG_NODE_LIST);
    if (queue->types.count == 0 && !told)
        complain(check, false, at("queues", index, "types"),
                 "must name at least one machine type, or nothing can serve this queue");
    for (size_t i = 0; i < queue->types.count; i++) {
        const char *name = queue->types.items[i];
        struct place place = at("queues", index, "types");
        place.item = i;
        if (*name && !dr_config_type(root, name))
            unknown(check, place, "machine type", "machine_types", name,
                    cfg_nearest(name, root->machine_types.count, nth_type, root));
        for (size_t j = 0; j < i; j++)
            if (*name && strcmp(name, queue->types.items[j]) == 0) {
                complain(check, false, place, "`%.63s` stands here twice", name);
                break;
            }
    }
}

static void check_url(const struct check *check, const char *section, const char *field,
                      const char *url, const char *schemes)
{
    if (*url == '\0')
        return;
    size_t scheme = strcspn(url, ":");
    char word[16];
    snprintf(word, sizeof word, "%.*s", (int)(scheme < 15 ? scheme : 15), url);
    const char *host = strncmp(url + scheme, "://", 3) == 0 ? url + scheme + 3 : "";
    size_t host_len = strcspn(host, "/");
    if (host_len == 0 || !cfg_value_is_word(schemes, word) || strpbrk(url, " \t\r\n"))
        complain(check, false, setting(section, field),
                 "must be an address such as https://api.clear.ml; this is none");
    else if (memchr(host, '@', host_len))
        complain(check, false, setting(section, field),
                 "holds a user or password before `@`, and this file holds no secrets: for a proxy "
                 "use HTTPS_PROXY, for the server clearml.credentials_file");
}

/* ---- sections -------------------------------------------------------------------------------- */
static void check_clearml(const struct check *check)
{
    const struct dr_cfg_clearml *clearml = &check->root->clearml;
    const char *http = "http|https";
    int64_t least = dr_config_min_calls(check->root);
    check_url(check, "clearml", "api_server", clearml->api_server, http);
    check_url(check, "clearml", "web_server", clearml->web_server, http);
    check_url(check, "clearml", "files_server", clearml->files_server, http);
    check_url(check, "clearml", "machine_api_server", clearml->machine_api_server, http);
    check_url(check, "clearml", "machine_files_server", clearml->machine_files_server, http);
    check_url(check, "clearml", "proxy", clearml->proxy, "http|https|socks5|socks5h");
    if (clearml->timeout_ms > LEASE_MS / 3)
        complain(check, false, setting("clearml", "timeout"),
                 "must be at most 20s, a third of the 60s lease: a write that hangs longer could "
                 "strike after another host took over (P26)");
    if (clearml->calls_per_month > 0 && clearml->calls_per_month < least)
        complain(check, false, setting("clearml", "calls_per_month"),
                 "%lld calls are too few for the rules about fresh pictures; the smallest that "
                 "works is %lld (0: no budget)",
                 (long long)clearml->calls_per_month, (long long)least);
}

/* big must be at least `factor` times small (strictly more when factor is 1). */
struct relation {
    struct place big;
    int64_t big_ms;
    int64_t factor;
    struct place small;
    int64_t small_ms;
    const char *why;
};

/* The fault is put where the file says something; of two defaults none could be wrong. */
static void check_relation(const struct check *check, const struct relation *r)
{
    char big[32], small[32], path[128];
    bool twice = r->factor > 1;
    if (twice ? r->big_ms >= r->factor * r->small_ms : r->big_ms > r->small_ms)
        return;
    cfg_value_show_duration(r->big_ms, big, sizeof big);
    cfg_value_show_duration(r->small_ms, small, sizeof small);
    if (cfg_tree_find(cfg_tree_find(check->tree, r->big.list), r->big.field)) {
        place_path(&r->small, path, sizeof path);
        complain(check, false, r->big, "is %s but must be %s %s (%s): %s", big,
                 twice ? "at least twice" : "longer than", path, small, r->why);
    } else {
        place_path(&r->big, path, sizeof path);
        complain(check, false, r->small, "is %s but must be %s %s (%s): %s", small,
                 twice ? "at most half of" : "shorter than", path, big, r->why);
    }
}

static void check_relations(const struct check *check)
{
    const struct dr_cfg_timing *t = &check->root->timing;
    const int64_t tick_ms = check->root->clearml.tick_ms;
    const struct place tick = setting("clearml", "tick");
    const struct relation relations[] = {
        {setting("timing", "drain_grace"), t->drain_grace_ms, 2, setting("timing", "drain_poll"),
         t->drain_poll_ms, "a guard needs two polls to see its flag and answer (P14)"},
        {setting("timing", "worker_proof"), t->worker_proof_ms, 1,
         setting("timing", "workers_period"), t->workers_period_ms,
         "or no idle slot would ever count (P6)"},
        {setting("timing", "silent"), t->silent_ms, 1, setting("timing", "worker_proof"),
         t->worker_proof_ms, "a worker is silent only after it has stopped counting (P5)"},
        {setting("timing", "settle_gap"), t->settle_gap_ms, 1, setting("timing", "workers_period"),
         t->workers_period_ms, "or each picture would begin a settling (P3)"},
        {setting("timing", "settle_gap"), t->settle_gap_ms, 1, tick, tick_ms,
         "or each picture would begin a settling (P3)"},
        {setting("timing", "fresh_queues"), t->fresh_queues_ms, 1, tick, tick_ms,
         "or no picture would be fresh enough to start a machine (P5)"},
        {setting("timing", "orphan"), t->orphan_ms, 1, setting("timing", "queue_reread"),
         t->queue_reread_ms, "an orphan is judged on entries that were read again (P20)"},
    };
    for (size_t i = 0; i < sizeof relations / sizeof *relations; i++)
        check_relation(check, &relations[i]);
}

/* ---- this host's machines -------------------------------------------------------------------- */
/* Where the homes of its machines are, without what a path may have to spare at its end. */
static void home_of(const struct dr_cfg_root *root, const struct dr_cfg_account *account,
                    char *home, size_t size)
{
    if (*account->machines_dir)
        snprintf(home, size, "%s", account->machines_dir);
    else
        snprintf(home, size, "%s/machines", root->state_dir);
    size_t kept = 0;
    for (size_t i = 0; home[i]; i++)
        if (home[i] != '/' || kept == 0 || home[kept - 1] != '/')
            home[kept++] = home[i];
    while (kept > 1 && home[kept - 1] == '/')
        kept--;
    home[kept] = '\0';
}

/* A list of an account is all that stands in its directory: what the other started there is found
 * as nobody's and ended. */
static void check_homes(const struct check *check)
{
    const struct dr_cfg_root *root = check->root;
    char home[512], other[512];
    for (size_t i = 1; i < root->accounts.count; i++) {
        const struct dr_cfg_account *account = &root->accounts.items[i];
        for (size_t j = 0; j < i; j++) {
            const struct dr_cfg_account *first = &root->accounts.items[j];
            if (strcmp(account->driver, "local") != 0 || strcmp(first->driver, "local") != 0)
                continue;
            home_of(root, account, home, sizeof home);
            home_of(root, first, other, sizeof other);
            if (strcmp(home, other) != 0)
                continue;
            complain(check, false, at("accounts", i, "machines_dir"),
                     "is %.200s, as that of account `%.63s`: two accounts of this host with one "
                     "directory would end each other's machines; give `%.63s` a machines_dir of "
                     "its own",
                     home, first->name, account->name);
            break;
        }
    }
}

static void check_root(const struct check *check)
{
    const struct dr_cfg_root *root = check->root;
    if (*root->worker_prefix && !cfg_value_name(root->worker_prefix))
        complain(check, false, setting("worker_prefix", NULL),
                 "must be letters, digits, `.`, `_` or `-`: it is a part of worker ids, which are "
                 "split at `:`");
    /* A socket's path has room for 107 bytes, "/events.out" included. */
    size_t run_len = *root->run_dir ? strlen(root->run_dir) : strlen(root->state_dir) + 4;
    if (run_len > 90)
        complain(check, false, setting(*root->run_dir ? "run_dir" : "state_dir", NULL),
                 "is too long: sockets below it may have 107 bytes in all; set run_dir to a "
                 "shorter path");
    if (root->accounts.count > ACCOUNTS_MAX)
        complain(check, false, setting("accounts", NULL), "has %zu entries, but at most %d go",
                 root->accounts.count, ACCOUNTS_MAX);
    if (root->queues.count == 0)
        complain(check, true, setting("queues", NULL), "there is none: nothing will be served");
    for (size_t i = 0; i < root->accounts.count; i++) {
        bool used = *root->accounts.items[i].name == '\0';
        for (size_t j = 0; j < root->machine_types.count; j++)
            used = used ||
                   strcmp(root->machine_types.items[j].account, root->accounts.items[i].name) == 0;
        if (!used)
            complain(check, true, at("accounts", i, NULL),
                     "no machine type names `%.63s`: nothing will start in it",
                     root->accounts.items[i].name);
    }
}

void cfg_check(const struct cfg_node *tree, struct cfg_report *report,
               const struct dr_cfg_root *root)
{
    struct check check = {.tree = tree, .report = report, .root = root};
    check_unique(&check, "accounts", root->accounts.count, nth_account);
    check_unique(&check, "machine_types", root->machine_types.count, nth_type);
    check_unique(&check, "queues", root->queues.count, nth_queue);
    check_clearml(&check);
    check_relations(&check);
    for (size_t i = 0; i < root->accounts.count; i++)
        check_account(&check, i, &root->accounts.items[i]);
    for (size_t i = 0; i < root->machine_types.count; i++)
        check_type(&check, i, &root->machine_types.items[i]);
    for (size_t i = 0; i < root->queues.count; i++)
        check_queue(&check, i, &root->queues.items[i]);
    check_homes(&check);
    check_root(&check);
}

/* ---- the call budget ------------------------------------------------------------------------- */
static int64_t shortest_ms(int64_t a, int64_t b)
{
    int64_t shorter = a < b ? a : b;
    return shorter > 0 ? shorter : 1;
}

int64_t dr_config_min_calls(const struct dr_cfg_root *root)
{
    const struct dr_cfg_timing *t = &root->timing;
    const int64_t minute_ms = 60000, month_ms = INT64_C(30) * 86400 * 1000;
    int64_t tick_ms = shortest_ms(shortest_ms(minute_ms, 2 * t->fresh_queues_ms), t->settle_gap_ms);
    int64_t workers_ms = shortest_ms(minute_ms, t->worker_proof_ms * 2 / 3);
    int64_t calls = 2 * (month_ms / tick_ms) + month_ms / workers_ms;
    return (calls * 11 / 10 + 999) / 1000 * 1000;
}
