/* SPDX-License-Identifier: Apache-2.0 */
/* First start: the gateway alone, without a bus, and every page is the wizard. */
#ifndef DROVER_GATEWAY_SETUP_H
#define DROVER_GATEWAY_SETUP_H

/* drover-gateway --setup --config PATH [--listen HOST:PORT] [--state-dir DIR]. Ends with 0 when the
 * configuration was written. */
int setup_main(int argc, char **argv);

#endif
