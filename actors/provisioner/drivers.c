/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "shell.h"

const struct driver_ops *shell_driver(const char *name)
{
    static const struct driver_ops *const drivers[] = {&driver_local, &driver_aws};
    for (size_t i = 0; i < sizeof drivers / sizeof *drivers; i++) {
        if (strcmp(drivers[i]->name, name) == 0)
            return drivers[i];
    }
    return NULL;
}
