/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "../driver.h"
#include "local.h"

/* drover-local-machine beside this executable, or what DROVER_LOCAL_MACHINE names. */
bool spawn_find_launcher(char out[LOCAL_PATH_MAX], struct dr_error *error);

/* driver_ops.build: the environment and the boot script as JSON. */
bool local_build(void *self, const struct driver_request *request, struct dr_strbuf *body,
                 struct dr_error *error);

/* Starts the launcher for `id` on the lock fd (borrowed; the launcher inherits the lock). On true
 * `done` is called later, when the launcher has recorded itself or said why not. */
bool spawn_machine(struct local *local, const char *attempt, const char *id, int lock,
                   const char *body, size_t len, driver_done_fn done, void *arg,
                   struct dr_error *error);
