/* SPDX-License-Identifier: Apache-2.0 */
#include "peer.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drover/assert.h"

struct peer peer_start(const char *script, const char *cert, const char *key)
{
    int to[2], from[2];
    DR_ASSERT(pipe2(to, O_CLOEXEC) == 0 && pipe2(from, O_CLOEXEC) == 0);
    struct peer peer = {.pid = fork(), .leash = to[1]};
    DR_ASSERT(peer.pid >= 0);
    if (peer.pid == 0) {
        dup2(to[0], STDIN_FILENO);
        dup2(from[1], STDOUT_FILENO);
        execlp("python3", "python3", script, cert ? "--tls" : NULL, cert, key, NULL);
        _exit(127);
    }
    close(to[0]);
    close(from[1]);
    FILE *said = fdopen(from[0], "r");
    DR_ASSERT(said && fscanf(said, "%d", &peer.port) == 1);
    fclose(said);
    return peer;
}

void peer_stop(struct peer *peer)
{
    close(peer->leash);
    waitpid(peer->pid, NULL, 0);
}

const char *peer_url(const struct peer *peer, const char *scheme, const char *path)
{
    static char urls[4][512];
    static unsigned next;
    char *url = urls[next++ % 4];
    snprintf(url, sizeof urls[0], "%s://127.0.0.1:%d/%s", scheme, peer->port, path);
    return url;
}
