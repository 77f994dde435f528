/* SPDX-License-Identifier: Apache-2.0
 *
 * Why a machine ended, by its stateReason.
 * https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_StateReason.html
 */
#include <string.h>

#include "errors_table.h"

static const struct reason {
    const char *code;
    enum driver_class class;
    const char *words;
} REASONS[] = {
    {"Server.SpotInstanceTermination", DRIVER_OK, "EC2 took it back (spot)"},
    {"Server.SpotInstanceShutdown", DRIVER_OK, "EC2 stopped it (spot)"},
    {"Server.ScheduledStop", DRIVER_OK, "EC2 retired the hardware below it"},
    {"Server.InsufficientInstanceCapacity", DRIVER_CAPACITY,
     "EC2 had no capacity for it after all"},
    {"Server.InternalError", DRIVER_OTHER, "EC2 failed to start or keep it"},
    {"Client.InstanceInitiatedShutdown", DRIVER_OK, "it switched itself off"},
    {"Client.UserInitiatedShutdown", DRIVER_OK, "it was ended through the API"},
    {"Client.UserInitiatedHibernate", DRIVER_OK, "it was hibernated through the API"},
    {"Client.InstanceTerminated", DRIVER_OK, "it was ended from within"},
    {"Client.InternalError", DRIVER_REQUEST,
     "it could not start: mostly a disk whose KMS key these credentials may not use"},
    {"Client.InvalidSnapshot.NotFound", DRIVER_REQUEST,
     "it could not start: the snapshot of its disk does not exist"},
    {"Client.VolumeLimitExceeded", DRIVER_QUOTA,
     "it could not start: the account's quota of disk space is used up"},
};

static const struct reason *reason_of(const char *code)
{
    for (size_t i = 0; i < sizeof REASONS / sizeof *REASONS; i++) {
        if (strcmp(REASONS[i].code, code) == 0)
            return &REASONS[i];
    }
    return NULL;
}

enum driver_class aws_state_reason_class(const char *code, const char *message)
{
    const struct reason *reason = reason_of(code);
    if (reason && reason->class == DRIVER_OTHER && strstr(message, "VolumeLimitExceeded"))
        return DRIVER_QUOTA;
    if (reason)
        return reason->class;
    const struct aws_error_row *row = aws_error_row(code);
    return row ? aws_class_of(row->kind) : DRIVER_OK;
}

const char *aws_state_reason_words(const char *code)
{
    const struct reason *reason = reason_of(code);
    return reason ? reason->words : code;
}
