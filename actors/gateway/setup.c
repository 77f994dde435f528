/* SPDX-License-Identifier: Apache-2.0 */
#include "setup.h"

#include <stdio.h>

#include "drover/exit.h"

int setup_main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    fputs("drover-gateway: --setup is not built yet\n", stderr);
    return DR_EXIT_CONFIG;
}
