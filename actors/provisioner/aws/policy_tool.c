/* SPDX-License-Identifier: Apache-2.0
 *
 * Prints the smallest policy for a deployment: docs/clouds/aws-policy.json is made by it.
 */
#include <stdio.h>
#include <string.h>

#include "actions.h"

int main(int argc, char **argv)
{
    struct dr_strbuf policy = {0};
    if (argc != 2) {
        fprintf(stderr, "usage: drover-aws-policy DEPLOYMENT\n");
        return 2;
    }
    aws_policy(argv[1], true, &policy);
    fputs(policy.data, stdout);
    dr_strbuf_free(&policy);
    return 0;
}
