/* SPDX-License-Identifier: Apache-2.0 */
#include "render.h"

#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "boot_access_py.h"
#include "boot_gpus_py.h"
#include "boot_guard_py.h"
#include "boot_install_py.h"
#include "boot_net_py.h"
#include "boot_prepare_py.h"
#include "boot_procs_py.h"
#include "boot_script.h"
#include "boot_slot_py.h"
#include "squeeze.h"

static const char *const id_sources[] = {
    [BOOT_ID_HOSTNAME] = "hostname",
    [BOOT_ID_AWS_IMDSV2] = "aws-imdsv2",
    [BOOT_ID_GCE] = "gce",
    [BOOT_ID_AZURE] = "azure",
};

static const char *const power_offs[] = {
    [BOOT_POWER_EXIT] = "exit",
    [BOOT_POWER_SHUTDOWN] = "shutdown",
};

static int fail(char *err, size_t err_len, const char *what, const char *field)
{
    snprintf(err, err_len, "boot data: %s %s", field, what);
    return -1;
}

/* -- settings as JSON ------------------------------------------------------------------------ */

static bool is_empty(const char *text)
{
    return text == NULL || *text == '\0';
}

static int check(const struct boot_settings *s, char *err, size_t err_len)
{
    const struct {
        const char *name;
        const char *value;
        bool part_of_worker_id;
    } needed[] = {
        {"api_server", s->api_server, false},      {"access_key", s->access_key, false},
        {"secret_key", s->secret_key, false},      {"drain_queue_id", s->drain_queue_id, false},
        {"worker_prefix", s->worker_prefix, true}, {"worker_name", s->worker_name, true},
        {"type_name", s->type_name, true},
    };
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        if (is_empty(needed[i].value))
            return fail(err, err_len, "is empty", needed[i].name);
        if (needed[i].part_of_worker_id && strchr(needed[i].value, ':'))
            return fail(err, err_len, "holds a ':', which separates the parts of a worker id",
                        needed[i].name);
    }
    if (s->queue_count == 0)
        return fail(err, err_len, "is empty", "queues");
    for (size_t i = 0; i < s->queue_count; i++)
        if (is_empty(s->queues[i]) || s->queues[i][0] == '-')
            return fail(err, err_len, "holds a name that is empty or begins with '-'", "queues");
    for (size_t i = 0; i < s->git_host_count; i++)
        if (is_empty(s->git_hosts[i].host))
            return fail(err, err_len, "holds an entry without a host", "git_hosts");
    return 0;
}

/* json_object_set_new and json_string fail on bad UTF-8 and on lack of memory; both end here as
 * false, and the field is named by the caller. */
static bool put_text(json_t *object, const char *key, const char *value)
{
    return json_object_set_new(object, key, json_string(value ? value : "")) == 0;
}

/* From here on, what is empty, 0 or false is left out. */
static bool put_number(json_t *object, const char *key, unsigned value, unsigned default_value)
{
    unsigned used = value ? value : default_value;
    return used == 0 || json_object_set_new(object, key, json_integer((json_int_t)used)) == 0;
}

static bool put_flag(json_t *object, const char *key, bool value)
{
    return !value || json_object_set_new(object, key, json_true()) == 0;
}

static bool put_list(json_t *object, const char *key, const char *const *items, size_t count)
{
    if (count == 0)
        return true;
    json_t *list = json_array();
    bool ok = list != NULL;
    for (size_t i = 0; ok && i < count; i++)
        ok = json_array_append_new(list, json_string(items[i])) == 0;
    if (!ok) {
        json_decref(list);
        return false;
    }
    return json_object_set_new(object, key, list) == 0;
}

static bool put_git_hosts(json_t *object, const struct boot_settings *s)
{
    if (s->git_host_count == 0)
        return true;
    json_t *list = json_array();
    bool ok = list != NULL;
    for (size_t i = 0; ok && i < s->git_host_count; i++) {
        json_t *host = json_object();
        ok = host && put_text(host, "host", s->git_hosts[i].host) &&
             put_text(host, "user", s->git_hosts[i].user) &&
             put_text(host, "token", s->git_hosts[i].token);
        ok = json_array_append_new(list, host) == 0 && ok;
    }
    if (!ok) {
        json_decref(list);
        return false;
    }
    return json_object_set_new(object, "git_hosts", list) == 0;
}

/* The name of the first text that cannot stand in JSON, or NULL. */
static const char *put_texts(json_t *object, const struct boot_settings *s)
{
    const struct {
        const char *name;
        const char *value;
    } texts[] = {
        {"api_server", s->api_server},           {"web_server", s->web_server},
        {"files_server", s->files_server},       {"ca_pem", s->ca_pem},
        {"access_key", s->access_key},           {"secret_key", s->secret_key},
        {"drain_queue_id", s->drain_queue_id},   {"worker_prefix", s->worker_prefix},
        {"worker_name", s->worker_name},         {"type_name", s->type_name},
        {"id_source", id_sources[s->id_source]}, {"power_off", power_offs[s->power_off]},
        {"metadata_url", s->metadata_url},       {"gpus", s->gpus},
        {"docker_image", s->docker_image},       {"docker_args", s->docker_args},
        {"ssh_private_key", s->ssh_private_key}, {"ssh_known_hosts", s->ssh_known_hosts},
        {"storage_conf", s->storage_conf},       {"extra_clearml_conf", s->extra_clearml_conf},
        {"init_script", s->init_script},         {"agent_version", s->agent_version},
        {"agent_python", s->agent_python},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (!is_empty(texts[i].value) && !put_text(object, texts[i].name, texts[i].value))
            return texts[i].name;
    return NULL;
}

static const char *put_rest(json_t *object, const struct boot_settings *s)
{
    if (!put_list(object, "queues", s->queues, s->queue_count))
        return "queues";
    if (!put_list(object, "env", s->env, s->env_count))
        return "env";
    if (!put_git_hosts(object, s))
        return "git_hosts";
    bool ok = put_flag(object, "insecure_tls", s->insecure_tls) &&
              put_flag(object, "order_fairness", s->order_fairness) &&
              put_flag(object, "cpu_only", s->cpu_only) &&
              put_flag(object, "fence_off", s->fence_off) &&
              put_number(object, "slots", s->slots, 1) &&
              put_number(object, "gpu_count", s->gpu_count, 0) &&
              put_number(object, "gpu_patience_s", s->gpu_patience_s, 120) &&
              put_number(object, "poll_s", s->poll_s, 5) &&
              put_number(object, "own_idle_limit_s", s->own_idle_limit_s, 0) &&
              put_number(object, "max_life_s", s->max_life_s, 0) &&
              put_number(object, "max_task_s", s->max_task_s, 0) &&
              put_number(object, "unreported_grace_s", s->unreported_grace_s, 24 * 3600) &&
              put_number(object, "kill_grace_s", s->kill_grace_s, 30);
    return ok ? NULL : "(no memory)";
}

/* The settings as JSON on one line of ASCII: nothing in it can end the script's here-document. */
static char *settings_json(const struct boot_settings *s, char *err, size_t err_len)
{
    json_t *object = json_object();
    const char *bad = object ? put_texts(object, s) : "(no memory)";
    if (!bad)
        bad = put_rest(object, s);
    char *json = bad ? NULL : json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENSURE_ASCII);
    json_decref(object);
    if (!json)
        fail(err, err_len, "is not valid UTF-8 text", bad ? bad : "(no memory)");
    return json;
}

/* -- the template ----------------------------------------------------------------------------- */

struct hole {
    const char *mark; /* as it stands in boot.sh, once */
    const char *fill;
    size_t size;
    bool is_source; /* Python, to be squeezed */
};

/* Where mark stands in the template, or NULL. */
static const char *find(const char *from, const char *end, const char *mark)
{
    return memmem(from, (size_t)(end - from), mark, strlen(mark));
}

/* Fills the holes, which stand in the template in the order of the list. */
static int fill(const struct hole *holes, size_t count, struct boot_blob *out)
{
    size_t size = boot_script_size;
    for (size_t i = 0; i < count; i++)
        size += holes[i].size;
    char *template = malloc(boot_script_size), *data = malloc(size + 1);
    if (!template || !data)
        goto failed;
    size_t len = squeeze_shell((const char *)boot_script, boot_script_size, template);
    const char *from = template, *end = from + len;
    char *to = data;
    for (size_t i = 0; i < count; i++) {
        const char *mark = find(from, end, holes[i].mark);
        if (!mark)
            goto failed;
        to = (char *)memcpy(to, from, (size_t)(mark - from)) + (mark - from);
        if (holes[i].is_source)
            to += squeeze_python(holes[i].fill, holes[i].size, to);
        else
            to = (char *)memcpy(to, holes[i].fill, holes[i].size) + holes[i].size;
        from = mark + strlen(holes[i].mark);
        from += holes[i].is_source; /* a source ends its last line itself */
    }
    memcpy(to, from, (size_t)(end - from));
    to += end - from;
    *to = '\0';
    *out = (struct boot_blob){.data = data, .size = (size_t)(to - data)};
    free(template);
    return 0;
failed:
    free(template);
    free(data);
    return -1;
}

/* A part that this machine does not need is not sent. */
static struct hole part(const char *mark, const unsigned char *source, size_t size, bool needed)
{
    return (struct hole){mark, (const char *)source, needed ? size : 0, true};
}

int boot_render(const struct boot_settings *s, struct boot_blob *out, char *err, size_t err_len)
{
    *out = (struct boot_blob){0};
    if (check(s, err, err_len) != 0)
        return -1;
    char *settings = settings_json(s, err, err_len);
    if (!settings)
        return -1;
    const char *power_off = power_offs[s->power_off];
    bool has_access =
        s->git_host_count > 0 || !is_empty(s->ssh_private_key) || !is_empty(s->ca_pem);
    const struct hole holes[] = {
        {"@POWER_OFF@", power_off, strlen(power_off), false},
        {"@SETTINGS@", settings, strlen(settings), false},
        part("@net.py@", boot_net_py, boot_net_py_size, true),
        part("@procs.py@", boot_procs_py, boot_procs_py_size, true),
        part("@slot.py@", boot_slot_py, boot_slot_py_size, true),
        part("@gpus.py@", boot_gpus_py, boot_gpus_py_size, s->gpu_count > 0),
        part("@guard.py@", boot_guard_py, boot_guard_py_size, true),
        part("@access.py@", boot_access_py, boot_access_py_size, has_access),
        part("@install.py@", boot_install_py, boot_install_py_size, is_empty(s->agent_python)),
        part("@prepare.py@", boot_prepare_py, boot_prepare_py_size, true),
    };
    int rc = fill(holes, sizeof holes / sizeof *holes, out);
    if (rc != 0)
        fail(err, err_len, "finds no memory", "rendering");
    sodium_memzero(settings, strlen(settings));
    free(settings);
    return rc;
}

void boot_blob_free(struct boot_blob *blob)
{
    if (blob->data)
        sodium_memzero(blob->data, blob->size);
    free(blob->data);
    *blob = (struct boot_blob){0};
}
