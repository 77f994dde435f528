/* SPDX-License-Identifier: Apache-2.0 */
/* drover-watcher --probe --config FILE [--secrets [--write]] [--create-queue NAME]...: tries the
 * ClearML server and a key pair, without the bus. FILE may be unfinished: only its `clearml` and
 * its queues count. For each thing tried one JSON object on stdout,
 *   {"ok":true,"unsure":false,"what":"queues","sentence":"...","grant":"","queues":["default"]}
 * `version` stands beside "key pair" and `queues` beside "queues". --secrets: the pair is read from
 * stdin, {"access_key": ..., "secret_key": ...}, instead of where the configuration finds it;
 * --write: when the server took it, it is written to the file that clearml.credentials_file names,
 * mode 0600. Exit code 0 if nothing failed, else 1; 64 usage. Blocks until done. */
#ifndef DROVER_WATCHER_PROBE_H
#define DROVER_WATCHER_PROBE_H

int probe_main(int argc, char **argv);

#endif
