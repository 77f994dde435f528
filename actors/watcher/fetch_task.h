/* SPDX-License-Identifier: Apache-2.0 */
/* drover-watcher --fetch-task ID | --fetch-workers PREFIX [--config FILE]: one question to the
 * ClearML server for `drover import`, without the bus. Its answer is one JSON document on stdout:
 * the task, or a list of {worker, instance_id, name, size, task} of the workers
 * PREFIX:NAME:SIZE:INSTANCE. Without FILE the server is the one that clearml.conf or
 * CLEARML_API_HOST names. Exit codes: 0; 1 the server has no such task; 2 no answer; 64 usage; 78
 * configuration or key pair. Blocks until done. */
#ifndef DROVER_WATCHER_FETCH_TASK_H
#define DROVER_WATCHER_FETCH_TASK_H

#include <stdbool.h>

/* True when the command line asks for one of them. */
bool fetch_asked(int argc, char **argv);

int fetch_main(int argc, char **argv);

#endif
