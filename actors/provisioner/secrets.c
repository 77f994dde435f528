/* SPDX-License-Identifier: Apache-2.0 */
#include "secrets.h"

#include <stdlib.h>
#include <string.h>

#include "drover/assert.h"
#include "json.h"
#include "secretfile.h"

static bool known_key(const char *key)
{
    static const char *const keys[] = {"git", "ssh_private_key", "ssh_known_hosts", "storage_conf"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (strcmp(keys[i], key) == 0)
            return true;
    }
    return false;
}

static bool check_keys(const char *path, json_t *tree, struct dr_error *error)
{
    const char *key;
    json_t *value;
    json_object_foreach (tree, key, value) {
        if (!known_key(key))
            return dr_error_set(error,
                                "%s: `%s` is no secret of an account; known are git, "
                                "ssh_private_key, ssh_known_hosts and storage_conf",
                                path, key);
    }
    return true;
}

static bool take_git(const char *path, struct secrets *out, struct dr_error *error)
{
    json_t *list = dr_json_array(out->tree, "git", error);
    size_t count = json_array_size(list), index;
    json_t *entry;
    out->git_hosts = calloc(count + 1, sizeof *out->git_hosts);
    DR_ASSERT(out->git_hosts);
    json_array_foreach (list, index, entry) {
        struct boot_git_host *host = &out->git_hosts[index];
        host->host = dr_json_str(entry, "host", "", error);
        host->user = dr_json_str(entry, "user", "", error);
        host->token = dr_json_str(entry, "token", "", error);
        if (!host->host[0] || !host->token[0])
            return dr_error_set(error, "%s: git[%zu] needs host and token", path, index);
    }
    out->git_host_count = count;
    return true;
}

/* RFC 7468, and what ssh-keygen writes. A path in its place would fail every clone. */
static bool check_key(const char *path, const char *key, struct dr_error *error)
{
    key += strspn(key, " \t\r\n");
    return !*key || (strncmp(key, "-----BEGIN ", 11) == 0 && strstr(key, "PRIVATE KEY-----")) ||
           dr_error_set(error,
                        "%s: ssh_private_key must be the text of a private key: it begins with "
                        "-----BEGIN",
                        path);
}

bool secrets_load(const char *path, struct secrets *out, struct dr_error *error)
{
    struct dr_error first = {0};
    *out = (struct secrets){.ssh_private_key = "", .ssh_known_hosts = "", .storage_conf = ""};
    if (!path[0])
        return true;
    out->tree = dr_secretfile_load(path, error);
    if (!out->tree)
        return false;
    out->ssh_private_key = dr_json_str(out->tree, "ssh_private_key", "", &first);
    out->ssh_known_hosts = dr_json_str(out->tree, "ssh_known_hosts", "", &first);
    out->storage_conf = dr_json_str(out->tree, "storage_conf", "", &first);
    bool ok = check_keys(path, out->tree, error) && take_git(path, out, &first) &&
              check_key(path, out->ssh_private_key, &first);
    if (first.text[0])
        ok = dr_error_set(error, "%s", first.text);
    if (!ok)
        secrets_free(out);
    return ok;
}

void secrets_free(struct secrets *secrets)
{
    json_decref(secrets->tree);
    free(secrets->git_hosts);
    *secrets = (struct secrets){0};
}
