/* SPDX-License-Identifier: Apache-2.0
 *
 * The account's secrets file: what goes into boot data beside the machine key. YAML, 0600:
 *
 *   git:
 *     - {host: github.com, user: bot, token: ...}
 *   ssh_private_key: |
 *   ssh_known_hosts: |
 *   storage_conf: |      HOCON, e.g. sdk.aws.s3 { ... }
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>

#include "boot/render.h"
#include "error.h"

struct secrets {
    json_t *tree; /* owns the texts below */
    struct boot_git_host *git_hosts;
    size_t git_host_count;
    const char *ssh_private_key, *ssh_known_hosts, *storage_conf;
};

/* path "": no secrets. Errors name file and field, never a value. Blocks on the disk. */
bool secrets_load(const char *path, struct secrets *out, struct dr_error *error);
void secrets_free(struct secrets *secrets);
