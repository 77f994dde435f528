/* SPDX-License-Identifier: Apache-2.0 */
#include "probe_secrets.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drover/assert.h"
#include "json.h"
#include "secretfile.h"
#include "strbuf.h"

/* JSON is read as the YAML that such files are. */
static bool put_aside(struct probe_secret *secret, json_t *tree, const char **field,
                      const char *name, struct dr_error *error)
{
    if (!json_is_object(tree) || json_object_size(tree) == 0)
        return true;
    if (!**field)
        return dr_error_set(error, "%s must name the file that they are for", name);
    secret->tree = json_incref(tree);
    DR_ASSERT((secret->place = strdup(*field)));
    secret->fd = memfd_create("secrets", MFD_CLOEXEC);
    char *text = dr_json_text(tree);
    size_t len = strlen(text);
    bool fine = secret->fd >= 0 && fchmod(secret->fd, 0600) == 0 &&
                write(secret->fd, text, len) == (ssize_t)len;
    dr_json_free_text(text);
    if (!fine)
        return dr_error_set(error, "no memory for the secrets: %s", strerror(errno));
    snprintf(secret->tried, sizeof secret->tried, "/proc/self/fd/%d", secret->fd);
    *field = secret->tried;
    return true;
}

bool probe_secrets_begin(struct probe_secrets *secrets, const struct dr_cfg_root *config,
                         const char *account, struct dr_error *error)
{
    size_t count = config->accounts.count;
    *secrets = (struct probe_secrets){.root = *config, .each = {{.fd = -1}, {.fd = -1}}};
    DR_ASSERT((secrets->accounts = calloc(count + 1, sizeof *secrets->accounts)));
    memcpy(secrets->accounts, config->accounts.items, count * sizeof *secrets->accounts);
    secrets->root.accounts.items = secrets->accounts;
    json_t *tree = dr_secret_read_stdin(error);
    bool fine = tree != NULL;
    for (size_t i = 0; i < count && fine; i++) {
        struct dr_cfg_account *one = &secrets->accounts[i];
        if (strcmp(one->name, account) == 0)
            fine = put_aside(&secrets->each[0], json_object_get(tree, "credentials"),
                             &one->credentials_file, "credentials_file", error) &&
                   put_aside(&secrets->each[1], json_object_get(tree, "machines"),
                             &one->secrets_file, "secrets_file", error);
    }
    json_decref(tree);
    return fine;
}

char *probe_secrets_named(const struct probe_secrets *secrets, const char *sentence)
{
    struct dr_strbuf out = {0};
    dr_strbuf_add_text(&out, "");
    while (*sentence) {
        const struct probe_secret *hit = NULL;
        size_t len = 0;
        for (size_t i = 0; i < 2 && !hit; i++) {
            len = strlen(secrets->each[i].tried);
            if (len > 0 && strncmp(sentence, secrets->each[i].tried, len) == 0)
                hit = &secrets->each[i];
        }
        if (hit)
            dr_strbuf_add_text(&out, hit->place);
        else
            dr_strbuf_add(&out, sentence, len = 1);
        sentence += len;
    }
    return out.data;
}

bool probe_secrets_end(struct probe_secrets *secrets, bool keep, struct dr_error *error)
{
    bool fine = true;
    for (size_t i = 0; i < 2; i++) {
        struct probe_secret *secret = &secrets->each[i];
        if (secret->tree && keep && fine)
            fine = dr_secretfile_write(secret->place, secret->tree, error);
        if (secret->fd >= 0)
            close(secret->fd);
        json_decref(secret->tree);
        free(secret->place);
    }
    free(secrets->accounts);
    *secrets = (struct probe_secrets){0};
    return fine;
}
