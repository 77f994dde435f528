/* SPDX-License-Identifier: Apache-2.0
 *
 * drover-provisioner --probe ACCOUNT --config FILE: tries, without the bus and without starting
 * anything, all that a launch would need: credentials, rights, types, and the boot data of each
 * type with a key of the real length. For each thing tried one JSON object on stdout,
 *   {"ok":false,"unsure":false,"what":"ec2:RunInstances","sentence":"...","grant":"..."}
 * and the exit code is 0 if none failed. Blocks until done. --draft: FILE may be unfinished, only
 * faults of its accounts count. --secrets: secrets are read from stdin (probe_secrets.h) in place
 * of the account's files; --write: when nothing failed, they become those files, mode 0600.
 */
#pragma once
#include "driver.h"

int probe_main(int argc, char **argv);

/* A finding as a line of JSON on stdout. */
void probe_print(const struct driver_finding *finding);
