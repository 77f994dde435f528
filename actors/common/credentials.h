/* SPDX-License-Identifier: Apache-2.0 */
/* Where the ClearML key pair comes from. */
#ifndef DROVER_COMMON_CREDENTIALS_H
#define DROVER_COMMON_CREDENTIALS_H

#include <stdbool.h>

#include "error.h"

struct dr_clearml_credentials { /* strings are owned: dr_clearml_credentials_free */
    char *access_key;
    char *secret_key;
    char *api_server;   /* "" if not said there */
    char *web_server;   /* likewise */
    char *files_server; /* likewise */
    bool by_itself;     /* found in the SDK's own file, which nobody named */
    char found_in[256]; /* for people: "/etc/drover/watcher.yaml", "the environment (...)" */
};

/* Looks in this order and takes the first place that names a key:
 *  1. `file` (NULL or "": skipped; if given, it must exist and hold both halves): YAML with
 *     access_key and secret_key (at the top or under api), or a clearml.conf, by its suffix;
 *  2. CLEARML_API_ACCESS_KEY and CLEARML_API_SECRET_KEY, with CLEARML_API_HOST;
 *  3. ~/clearml.conf (CLEARML_CONFIG_FILE names another), which the SDK reads too.
 * The servers are taken from the same place as the keys; CLEARML_API_HOST also completes a file
 * that names none. False with a sentence if no place has both halves: it lists the places.
 * A clearml.conf that others may read is refused as every secret file is. Blocks on the disk. */
bool dr_clearml_credentials_load(const char *file, struct dr_clearml_credentials *found,
                                 struct dr_error *error);

/* Likewise without a `file`, for who copies the pair into a file of its own: the SDK's own file is
 * taken also when others may read it, which is how clearml-init writes it. */
bool dr_clearml_credentials_find(struct dr_clearml_credentials *found, struct dr_error *error);

/* Wipes and frees. Fine on {0}. */
void dr_clearml_credentials_free(struct dr_clearml_credentials *credentials);

#endif
