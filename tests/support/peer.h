/* SPDX-License-Identifier: Apache-2.0 */
/* Starts tests/support/http_peer.py for a C test. */
#ifndef DROVER_TESTS_PEER_H
#define DROVER_TESTS_PEER_H

#include <sys/types.h>

struct peer {
    pid_t pid;
    int leash; /* its stdin: closing ends it */
    int port;
};

/* Returns once the peer listens. `cert` and `key` may be NULL. A failure ends the test program. */
struct peer peer_start(const char *script, const char *cert, const char *key);
void peer_stop(struct peer *peer);

/* "http://127.0.0.1:PORT/PATH" in a buffer that the next call but three overwrites. */
const char *peer_url(const struct peer *peer, const char *scheme, const char *path);

#endif
