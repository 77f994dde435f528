/* SPDX-License-Identifier: Apache-2.0
 *
 * Typed secrets for a probe: they lie in files of mode 0600 beside their place while they are
 * tried, and take that place only when all was well.
 */
#pragma once
#include "drover/config.h"
#include "error.h"

struct probe_secrets {
    struct dr_cfg_root root; /* the configuration, in which the account names the files tried */
    struct dr_cfg_account *accounts;
    char *tried[2], *place[2]; /* the credentials' and the machines'; NULL: none were typed */
};

/* Reads {"credentials": {"access_key_id", "secret_access_key", "session_token"}, "machines":
 * {"git":
 * [{"host", "user", "token"}], "ssh_private_key", "ssh_known_hosts", "storage_conf"}} from stdin;
 * either may be missing. The places are those that the account's credentials_file and secrets_file
 * name. config is borrowed. False with a sentence. Blocks; hand to probe_secrets_end() either way.
 */
bool probe_secrets_begin(struct probe_secrets *secrets, const struct dr_cfg_root *config,
                         const char *account, struct dr_error *error);

/* keep: puts them in place; else they are gone. False with a sentence. */
bool probe_secrets_end(struct probe_secrets *secrets, bool keep, struct dr_error *error);
