/* SPDX-License-Identifier: Apache-2.0 */
#include "driver.h"

#include "drover/assert.h"

const char *driver_class_name(enum driver_class class)
{
    static const char *const names[DRIVER_CLASSES] = {
        [DRIVER_OK] = "ok",
        [DRIVER_CAPACITY] = "no capacity",
        [DRIVER_QUOTA] = "quota",
        [DRIVER_TOO_MANY] = "too many at once",
        [DRIVER_REQUEST] = "wrong request",
        [DRIVER_OTHER] = "failed",
        [DRIVER_AUTH] = "credentials refused",
        [DRIVER_THROTTLE] = "throttled",
        [DRIVER_UNKNOWN] = "no answer",
    };
    DR_ASSERT(class < DRIVER_CLASSES);
    return names[class];
}
