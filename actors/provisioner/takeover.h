/* SPDX-License-Identifier: Apache-2.0
 *
 * drover-provisioner --take-over ACCOUNT --config FILE INSTANCE=TYPE...: marks instances that
 * another autoscaler started as machines of this deployment, without the bus and without ending
 * anything. For each instance one line on stdout as --probe writes it; the exit code is 0 if all
 * are taken. Blocks until done.
 */
#pragma once

int takeover_main(int argc, char **argv);
