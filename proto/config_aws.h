/* SPDX-License-Identifier: Apache-2.0
 *
 * What AWS can never take of a machine type, told without asking AWS: for forms and `--check` (as
 * warnings: the other types work on), and for the provisioner, which starts nothing of the type.
 */
#pragma once
#include "drover/config.h"

struct cfg_judge {
    /* field as in the file, without the type; text says what is wrong. Both live during the call.
     */
    void (*fault)(void *arg, const char *field, const char *text);
    void *arg;
};

/* Judges an account with driver aws; the same. */
bool cfg_aws_judge_account(const struct dr_cfg_account *account, const struct cfg_judge *judge);

/* Judges a type of an account with driver aws. Returns true when there was no fault. Pure. */
bool cfg_aws_judge(const struct dr_cfg_type *type, const struct cfg_judge *judge);
