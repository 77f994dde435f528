/* SPDX-License-Identifier: Apache-2.0 */
#include "nocore.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include "drover/assert.h"

void dr_no_core(void)
{
    const struct rlimit none = {0, 0};
    DR_ASSERT(setrlimit(RLIMIT_CORE, &none) == 0);
    DR_ASSERT(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0);
}
