/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "boot/render.h"
#include "drover/config.h"
#include "drover/message.h"
#include "error.h"

struct bootdata_request {
    const struct dr_cfg_root *config;
    const struct dr_cfg_account *account;
    const struct dr_cfg_type *type;
    const struct dr_machine_row *machine; /* any of the batch: drain queue */
    const char *access_key, *secret_key;
    enum boot_id_source id_source;
    enum boot_power_off power_off;
    unsigned gpu_count; /* as the cloud says; the configuration's word wins */
};

/* Renders the boot script of a machine from the configuration, the account's secrets file and the
 * machine's key. Free with boot_blob_free(). False with a sentence that names the field. Blocks on
 * the disk (the secrets file and the CA file are read each time, so that a rotation is met). */
bool bootdata_render(const struct bootdata_request *request, struct boot_blob *out,
                     struct dr_error *error);
