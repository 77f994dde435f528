/* SPDX-License-Identifier: Apache-2.0
 *
 * Typed secrets for a probe: while they are tried they lie in memory alone, so that a probe that is
 * killed leaves none behind; they come into their files only when all was well.
 */
#pragma once
#include <jansson.h>

#include "drover/config.h"
#include "error.h"

struct probe_secret {
    json_t *tree;   /* NULL: none was typed */
    char *place;    /* the file that it is for */
    char tried[40]; /* where it is meanwhile: /proc/self/fd/N */
    int fd;
};

struct probe_secrets {
    struct dr_cfg_root root; /* the configuration, in which the account names what is tried */
    struct dr_cfg_account *accounts;
    struct probe_secret each[2]; /* the credentials' and the machines' */
};

/* Reads {"credentials": {"access_key_id", "secret_access_key", "session_token"}, "machines":
 * {"git":
 * [{"host", "user", "token"}], "ssh_private_key", "ssh_known_hosts", "storage_conf"}} from stdin;
 * either may be missing. The places are those that the account's credentials_file and secrets_file
 * name. config is borrowed. False with a sentence. Blocks; hand to probe_secrets_end() either way.
 */
bool probe_secrets_begin(struct probe_secrets *secrets, const struct dr_cfg_root *config,
                         const char *account, struct dr_error *error);

/* The sentence with the files' places where it names what is tried. The caller's (free). */
char *probe_secrets_named(const struct probe_secrets *secrets, const char *sentence);

/* keep: puts them in place; else they are gone. False with a sentence. */
bool probe_secrets_end(struct probe_secrets *secrets, bool keep, struct dr_error *error);
