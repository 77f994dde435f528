/* SPDX-License-Identifier: Apache-2.0 */
#include "core.h"

#include <string.h>

void sandbox_files_handle(struct sandbox *sb, const struct sandbox_request *request, int64_t now_us,
                          struct sandbox_response *response)
{
    (void)sb;
    (void)request;
    (void)now_us;
    memset(response, 0, sizeof *response);
    response->status = 404;
}
