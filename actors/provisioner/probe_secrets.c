/* SPDX-License-Identifier: Apache-2.0 */
#include "probe_secrets.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drover/assert.h"
#include "secretfile.h"

static bool put_aside(struct probe_secrets *secrets, size_t which, json_t *tree, const char **field,
                      struct dr_error *error)
{
    if (!json_is_object(tree) || json_object_size(tree) == 0)
        return true;
    if (!**field)
        return dr_error_set(error, "%s must name the file that they are for",
                            which == 0 ? "credentials_file" : "secrets_file");
    DR_ASSERT((secrets->place[which] = strdup(*field)));
    DR_ASSERT(asprintf(&secrets->tried[which], "%s.tried-%ld", *field, (long)getpid()) > 0);
    if (!dr_secretfile_write(secrets->tried[which], tree, error))
        return false;
    *field = secrets->tried[which];
    return true;
}

bool probe_secrets_begin(struct probe_secrets *secrets, const struct dr_cfg_root *config,
                         const char *account, struct dr_error *error)
{
    size_t count = config->accounts.count;
    *secrets = (struct probe_secrets){.root = *config};
    DR_ASSERT((secrets->accounts = calloc(count + 1, sizeof *secrets->accounts)));
    memcpy(secrets->accounts, config->accounts.items, count * sizeof *secrets->accounts);
    secrets->root.accounts.items = secrets->accounts;
    json_t *tree = dr_secret_read_stdin(error);
    bool fine = tree != NULL;
    for (size_t i = 0; i < count && fine; i++) {
        if (strcmp(secrets->accounts[i].name, account) == 0)
            fine = put_aside(secrets, 0, json_object_get(tree, "credentials"),
                             &secrets->accounts[i].credentials_file, error) &&
                   put_aside(secrets, 1, json_object_get(tree, "machines"),
                             &secrets->accounts[i].secrets_file, error);
    }
    json_decref(tree);
    return fine;
}

bool probe_secrets_end(struct probe_secrets *secrets, bool keep, struct dr_error *error)
{
    bool fine = true;
    for (size_t i = 0; i < 2; i++) {
        if (secrets->tried[i] && keep && rename(secrets->tried[i], secrets->place[i]) != 0)
            fine = dr_error_set(error, "cannot write %s: %s", secrets->place[i], strerror(errno));
        if (secrets->tried[i])
            unlink(secrets->tried[i]);
        free(secrets->tried[i]);
        free(secrets->place[i]);
    }
    free(secrets->accounts);
    *secrets = (struct probe_secrets){0};
    return fine;
}
