/* SPDX-License-Identifier: Apache-2.0 */
/* First start: the gateway alone, without a bus, and every page is the wizard. */
#ifndef DROVER_GATEWAY_SETUP_H
#define DROVER_GATEWAY_SETUP_H

#include <stdbool.h>

struct request;

/* Whether this operation is there at a first start: the way in and the wizard. Answers 503 and
 * returns false when it is one and the operation is not. */
bool setup_allows(struct request *request);

/* drover-gateway --setup --config PATH [--listen HOST:PORT] [--state-dir DIR]. Ends with 0 when the
 * configuration was written. web_dir: as in struct gateway. */
int setup_main(int argc, char **argv, const char *web_dir);

#endif
