/* SPDX-License-Identifier: Apache-2.0 */
#include "environment.h"

#include <stdbool.h>
#include <string.h>
#include <unistd.h>

static bool is_allowed(const char *names, const char *entry)
{
    size_t entry_len = strcspn(entry, "=");
    for (const char *name = names; *name;) {
        size_t len = strcspn(name, " ");
        bool prefix = len > 0 && name[len - 1] == '*';
        if (prefix ? entry_len >= len - 1 && strncmp(name, entry, len - 1) == 0
                   : entry_len == len && len > 0 && strncmp(name, entry, len) == 0)
            return true;
        name += len + (name[len] == ' ');
    }
    return false;
}

size_t dr_environment_pick(const char *names, char **out, size_t max)
{
    size_t count = 0;
    for (char **entry = environ; *entry && count + 1 < max; entry++)
        if (is_allowed("PATH HOME LANG TZ TERM", *entry) || is_allowed(names, *entry))
            out[count++] = *entry;
    out[count] = NULL;
    return count;
}
