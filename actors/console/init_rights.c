/* SPDX-License-Identifier: Apache-2.0
 *
 * The rights that Drover needs in a cloud, as a person pastes them there.
 */
#include <stdio.h>
#include <string.h>

#include "aws_policy.h"
#include "init.h"

#define STAND_IN "my-drover"

bool rights_known(const struct wizard *w, const struct question *q)
{
    return q->group == CFG_GROUP_CLOUD &&
           strcmp(script_driver(w, "accounts", q->index), "aws") == 0;
}

/* The policy ties some rights to the deployment's own machines. */
void rights_print(const struct wizard *w)
{
    const char *mine = json_string_value(json_object_get(w->answers, "deployment"));
    const char *text = (const char *)aws_policy, *end = text + aws_policy_size;
    const size_t len = strlen(STAND_IN);
    puts("");
    while (text < end) {
        size_t left = (size_t)(end - text);
        const char *hit = memmem(text, left, STAND_IN, len);
        fwrite(text, 1, hit == NULL ? left : (size_t)(hit - text), stdout);
        if (hit != NULL)
            fputs(mine == NULL ? STAND_IN : mine, stdout);
        text = hit == NULL ? end : hit + len;
    }
    ask_wrap(2, "Paste it at https://console.aws.amazon.com/iam/home#/policies/create (JSON), "
                "attach it to the user or role whose keys Drover gets.");
}
