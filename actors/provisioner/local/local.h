/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "session.h"

struct _zloop_t;

struct local {
    struct _zloop_t *loop;
    char machines_dir[LOCAL_PATH_MAX];
    char launcher[LOCAL_PATH_MAX];
    char identity[LOCAL_PATH_MAX + 8];
};

/* "local-<attempt>", with "-N" for the N-th of a batch. False if that is no host name. */
bool local_instance_id(const char *attempt, size_t index, char out[LOCAL_ID_MAX]);
