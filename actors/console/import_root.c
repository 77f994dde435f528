/* SPDX-License-Identifier: Apache-2.0
 *
 * What ClearML calls hyper_params: the server, the account, and what all machines have in common.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drover/assert.h"
#include "hocon.h"
#include "import.h"
#include "strbuf.h"

#define HYPER "hyper_params"
#define DAY_MS (24 * 3600 * 1000LL)

static void set(json_t *into, const char *key, const char *text)
{
    if (text && *text)
        DR_ASSERT(json_object_set_new(into, key, json_string(text)) == 0);
}

/* A file of its own, which nobody else may read; its path as drover.yaml says it. */
static const char *secret(struct import *im, const char *name, json_t *tree)
{
    char *text = json_dumps(tree, JSON_INDENT(1));
    DR_ASSERT(text && json_object_set_new(im->secrets, name, json_sprintf("%s\n", text)) == 0);
    free(text);
    json_decref(tree);
    return import_printf(im, "%s/%s", im->secrets_dir, name);
}

const char *import_name(const char *text, const char *fallback, char *out)
{
    size_t len = 0;
    for (; *text && len < 63; text++) {
        bool fits = isalnum((unsigned char)*text) || strchr("._-", *text);
        if (fits || (len > 0 && out[len - 1] != '-'))
            out[len++] = fits ? *text : '-';
    }
    while (len > 0 && out[len - 1] == '-')
        len--;
    out[len] = '\0';
    if (len == 0)
        snprintf(out, 64, "%s", fallback);
    return out;
}

/* ---- names, server --------------------------------------------------------------------------- */
static void names(struct import *im)
{
    char name[64];
    json_t *given = json_object_get(im->hyper, "workers_prefix");
    const char *prefix = import_take_text(im, im->hyper, HYPER, "workers_prefix");
    const char *title = import_take_text(im, im->hyper, HYPER, "instance_name");
    prefix = *prefix ? prefix : "dynamic_worker"; /* its default */
    import_name(prefix, "dynamic_worker", name);
    if (strcmp(name, prefix) != 0)
        import_warn(im, HYPER ".workers_prefix", given, "became %s: a worker id is split at `:`",
                    name);
    set(im->out, "deployment", name);
    set(im->out, "worker_prefix", name);
    if (im->deployment)
        import_name(im->deployment, "drover", name);
    else if (*title)
        import_name(title, "drover", name);
    set(im->out, "deployment", name);
}

static void server(struct import *im)
{
    json_t *clearml = json_object();
    set(clearml, "api_server", *im->api_server ? im->api_server : "https://api.clear.ml");
    set(clearml, "web_server", im->web_server);
    set(clearml, "files_server", im->files_server);
    if (!*im->api_server)
        import_warn(im, "clearml.api_server", NULL,
                    "an autoscaler's configuration does not name its server, and neither a "
                    "clearml.conf nor CLEARML_API_HOST was found: https://api.clear.ml is taken");
    if (*im->access_key)
        set(clearml, "credentials_file",
            secret(im, "clearml.yaml",
                   json_pack("{s:s,s:s}", "access_key", im->access_key, "secret_key",
                             im->secret_key)));
    else
        import_warn(im, "clearml.credentials_file", NULL,
                    "no ClearML key pair was found: name a file with access_key and secret_key");
    json_object_set_new(im->out, "clearml", clearml);
}

/* ---- account --------------------------------------------------------------------------------- */
static const char *aws_keys(struct import *im)
{
    const char *key = import_take_text(im, im->hyper, HYPER, "cloud_credentials_key");
    const char *hidden = import_take_text(im, im->hyper, HYPER, "cloud_credentials_secret");
    const char *token = import_take_text(im, im->hyper, HYPER, "cloud_credentials_token");
    bool chain = import_take_bool(im, im->hyper, HYPER, "use_credentials_chain");
    if (chain && (*key || *hidden))
        import_note(im, HYPER ".cloud_credentials_key", NULL,
                    "is not used where use_credentials_chain is true, here as there");
    if (chain || (!*key && !*hidden))
        return NULL; /* both search as AWS's own tools do */
    if (!*key || !*hidden) {
        import_warn(im, HYPER ".cloud_credentials_secret", NULL,
                    "only one half of the AWS key pair is given: neither is carried over");
        return NULL;
    }
    json_t *pair = json_pack("{s:s,s:s}", "access_key_id", key, "secret_access_key", hidden);
    set(pair, "session_token", token);
    if (*token)
        import_warn(im, HYPER ".cloud_credentials_token", NULL,
                    "is carried over, and temporary keys end: give Drover keys that last, a role "
                    "or a profile (accounts[].role_arn, profile)");
    return secret(im, "aws.yaml", pair);
}

/* ClearML's driver looks there first. */
static const char *git_word(struct import *im, const char *key, const char *variable)
{
    const char *given = import_take_text(im, im->hyper, HYPER, key);
    const char *found = getenv(variable);
    return found && *found ? import_keep(im, found) : given;
}

static void add_conf(struct dr_strbuf *conf, const char *key, const char *value)
{
    if (!*value)
        return;
    json_t *text = json_string(value);
    char *quoted = text ? json_dumps(text, JSON_ENCODE_ANY) : NULL;
    DR_ASSERT(quoted);
    dr_strbuf_printf(conf, "%s = %s\n", key, quoted);
    free(quoted);
    json_decref(text);
}

/* A server or a pair in it would stand in the place of what Drover gives each machine. */
static void judge_conf(struct import *im, const char *text)
{
    json_t *conf = dr_hocon_parse("", text, strlen(text), dr_hocon_getenv, NULL, NULL);
    json_t *api = json_object_get(conf, "api");
    if (json_object_get(api, "credentials"))
        import_warn(im, "configurations.extra_clearml_conf", NULL,
                    "has a key pair of its own (api.credentials), which all machines would use: "
                    "Drover makes one for each and takes it back. Take it out");
    else if (json_object_get(api, "api_server"))
        import_note(im, "configurations.extra_clearml_conf", NULL,
                    "names a server (api.api_server), which the machines will use: "
                    "clearml.machine_api_server says the same");
    json_decref(conf);
}

/* What the machines' clearml.conf holds, and nobody may read: as ClearML's driver writes it. */
static const char *machine_secrets(struct import *im)
{
    struct dr_strbuf conf = {0};
    const char *extra = import_take_text(im, im->conf, "configurations", "extra_clearml_conf");
    const char *path = NULL;
    add_conf(&conf, "agent.git_user", git_word(im, "git_user", "CLEARML_AUTOSCALER_GIT_USER"));
    add_conf(&conf, "agent.git_pass", git_word(im, "git_pass", "CLEARML_AUTOSCALER_GIT_PASSWORD"));
    judge_conf(im, extra);
    int line = import_secret_line(extra);
    if (line > 0) {
        dr_strbuf_printf(&conf, "%s\n", extra);
        import_note(im, "configurations.extra_clearml_conf", NULL,
                    "line %d looks like a secret, so all of it is in secrets_file as storage_conf",
                    line);
    } else {
        set(im->common, "extra_clearml_conf", extra);
    }
    if (conf.len > 0)
        path = secret(im, "machines.yaml", json_pack("{s:s}", "storage_conf", conf.data));
    dr_strbuf_free(&conf);
    return path;
}

static void accounts(struct import *im)
{
    json_t *account = json_pack("{s:s,s:s}", "name", "aws", "driver", "aws");
    set(account, "region", import_take_text(im, im->hyper, HYPER, "cloud_credentials_region"));
    set(account, "credentials_file", aws_keys(im));
    set(account, "secrets_file", machine_secrets(im));
    json_object_set_new(im->out, "accounts", json_pack("[o]", account));
}

const char *import_account(struct import *im, const char *region)
{
    json_t *list = json_object_get(im->out, "accounts"), *account, *first = json_array_get(list, 0);
    size_t i;
    if (!*region || !json_object_get(first, "region")) {
        set(first, "region", region);
        return json_string_value(json_object_get(first, "name"));
    }
    json_array_foreach (list, i, account) {
        if (strcmp(json_string_value(json_object_get(account, "region")), region) == 0)
            return json_string_value(json_object_get(account, "name"));
    }
    account = json_deep_copy(first);
    set(account, "name", import_printf(im, "aws-%s", region));
    set(account, "region", region);
    json_array_append_new(list, account);
    import_note(im, "cloud_credentials_region", NULL,
                "a machine of region %s gets an account of its own, with the same keys", region);
    return json_string_value(json_object_get(account, "name"));
}

/* ---- what all machines have in common -------------------------------------------------------- */
/* "nvidia/cuda:12 --ipc=host" holds both. */
static void docker(struct import *im)
{
    const char *image = import_take_text(im, im->hyper, HYPER, "default_docker_image");
    image += strspn(image, " \t\r\n");
    size_t len = strcspn(image, " \t\r\n");
    const char *arguments = image + len + strspn(image + len, " \t\r\n");
    set(im->common, "docker_image", import_printf(im, "%.*s", (int)len, image));
    if (import_secret_line(arguments) > 0) {
        import_warn(im, HYPER ".default_docker_image", NULL,
                    "its arguments look like a secret, and drover.yaml holds none: they are left "
                    "out; pass it in the machines' clearml.conf (accounts[].secrets_file)");
    } else if (*arguments) {
        set(im->common, "docker_args", arguments);
        import_note(
            im, HYPER ".default_docker_image", NULL,
            "its arguments are docker_args, which tasks with an image of their own get too");
    }
}

/* ClearML's script reads it unless a form says otherwise; the example script has no such field. */
static void bashrc(struct import *im)
{
    bool excluded = import_take_bool(im, im->hyper, HYPER, "exclude_bashrc");
    excluded = import_take_bool(im, im->hyper, HYPER, "exclude_bashrc_script") || excluded;
    if (!excluded)
        json_object_set_new(im->common, "read_bashrc", json_true());
}

static void init_script(struct import *im)
{
    const char *script = import_take_text(im, im->conf, "configurations", "extra_vm_bash_script");
    int line = import_secret_line(script);
    if (line == 0) {
        set(im->common, "init_script", script);
        return;
    }
    json_object_set_new(im->secrets, "init_script.sh", json_string(script));
    import_warn(im, "configurations.extra_vm_bash_script", NULL,
                "line %d looks like a secret, and drover.yaml holds none: the script is in "
                "%s/init_script.sh. Take the secret out (an instance profile, or the machines' "
                "clearml.conf through accounts[].secrets_file) and put the rest into init_script",
                line, im->secrets_dir);
}

static void times(struct import *im)
{
    set(im->common, "idle_timeout",
        import_take_minutes(im, im->hyper, HYPER, "max_idle_time_min", 0, 30 * DAY_MS));
    set(im->common, "boot_timeout",
        import_take_minutes(im, im->hyper, HYPER, "max_spin_up_time_min", 1000, DAY_MS));
    json_t *polling = import_take(im, im->hyper, "polling_interval_time_min");
    if (polling)
        import_note(im, HYPER ".polling_interval_time_min", polling,
                    "Drover looks at the queues each second (clearml.tick), so that a task does "
                    "not wait for the next look");
}

static void profile(struct import *im)
{
    const char *arn = import_take_text(im, im->hyper, HYPER, "iam_arn");
    const char *name = import_take_text(im, im->hyper, HYPER, "iam_name");
    bool used = import_take_bool(im, im->hyper, HYPER, "use_iam_instance_profile");
    set(im->common, "iam_instance_profile", *arn ? arn : name);
    if (*arn && *name)
        import_note(im, HYPER ".iam_name", NULL, "is not used beside iam_arn, here as there");
    if (used && !*arn && !*name)
        import_note(im, HYPER ".use_iam_instance_profile", NULL,
                    "names no profile: only the keys are looked for as AWS's own tools do");
}

/* Known, and without a place here because nothing is to be set. */
static void needless(struct import *im)
{
    static const struct {
        const char *key, *why;
    } table[] = {
        {"warn_more_than_one_executor", "one task is never put on two machines here"},
        {"warn_if_more_than_one_instance_is_executing_the_same_task",
         "one task is never put on two machines here"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        json_t *value = import_take(im, im->hyper, table[i].key);
        if (value)
            import_note(im, import_printf(im, HYPER ".%s", table[i].key), value, "%s",
                        table[i].why);
    }
    const char *cloud = import_take_text(im, im->hyper, HYPER, "cloud_provider");
    if (*cloud && strcasecmp(cloud, "aws") != 0)
        import_warn(im, HYPER ".cloud_provider", NULL,
                    "is none that this import knows: read as AWS's");
}

void import_root(struct import *im)
{
    names(im);
    server(im);
    accounts(im);
    docker(im);
    init_script(im);
    bashrc(im);
    times(im);
    profile(im);
    needless(im);
    json_t *tags = import_take_list(im, im->hyper, HYPER, "tags");
    if (json_array_size(tags) > 0)
        json_object_set(im->common, "tags", tags);
}

/* ---- the rest -------------------------------------------------------------------------------- */
void import_leftovers(struct import *im, const char *path, const json_t *from)
{
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)from, key, value) {
        const char *text = json_string_value(value);
        bool empty = json_is_null(value) || json_is_false(value) || (text && !*text) ||
                     ((json_is_object(value) || json_is_array(value)) &&
                      json_object_size(value) + json_array_size(value) == 0);
        if (!empty)
            import_warn(im, import_printf(im, "%s.%s", path, key), value,
                        "Drover knows no such field: not carried over");
    }
}
