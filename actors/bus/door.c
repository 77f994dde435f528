/* SPDX-License-Identifier: Apache-2.0
 *
 * ZeroMQ's authentication protocol (ZAP, https://rfc.zeromq.org/spec/27): the library asks this
 * socket about each handshake. Only PLAIN with a token that droverd gave out is let in.
 */
#include "bus.h"

#include <openssl/crypto.h>

#include "drover/assert.h"

/* Compares in constant time, so that a wrong token learns nothing. */
static bool token_fits(const struct bus *bus, const char *user, const char *token)
{
    for (size_t i = 0; i < bus->handover.peer_count; i++) {
        const struct dr_control_peer *peer = &bus->handover.peers[i];
        size_t len = strlen(peer->token);
        if (strcmp(peer->source, user) == 0)
            return strlen(token) == len && CRYPTO_memcmp(token, peer->token, len) == 0;
    }
    return false;
}

/* Frames: version, request id, domain, address, identity, mechanism, user, password. */
static int on_handshake(zloop_t *loop, zsock_t *door, void *arg)
{
    (void)loop;
    struct bus *bus = arg;
    zmsg_t *asked = zmsg_recv(door);
    if (asked == NULL)
        return 0;
    char *part[8] = {0};
    for (size_t i = 0; i < 8 && zmsg_size(asked) > 0; i++)
        part[i] = zmsg_popstr(asked);
    bool fits = part[7] != NULL && strcmp(part[0], "1.0") == 0 && strcmp(part[5], "PLAIN") == 0 &&
                token_fits(bus, part[6], part[7]);
    zstr_sendx(door, "1.0", part[1] == NULL ? "" : part[1], fits ? "200" : "400",
               fits ? "OK" : "unknown user or wrong token", fits ? part[6] : "", "", NULL);
    if (!fits)
        fprintf(stderr, "refused a connection as \"%s\": unknown, or with a wrong token\n",
                part[6] == NULL ? "" : part[6]);
    for (size_t i = 0; i < 8; i++) {
        if (i == 7 && part[i] != NULL)
            OPENSSL_cleanse(part[i], strlen(part[i]));
        zstr_free(&part[i]);
    }
    zmsg_destroy(&asked);
    return 0;
}

void door_open(struct bus *bus)
{
    bus->door = zsock_new(ZMQ_REP);
    DR_ASSERT(bus->door != NULL && zsock_bind(bus->door, "inproc://zeromq.zap.01") == 0);
    DR_ASSERT(zloop_reader(bus->loop, bus->door, on_handshake, bus) == 0);
}

void door_admit(struct bus *bus, const char *source, const char *token)
{
    struct dr_handover *got = &bus->handover;
    struct dr_control_peer *peer = NULL;
    for (size_t i = 0; i < got->peer_count; i++)
        if (strcmp(got->peers[i].source, source) == 0)
            peer = &got->peers[i];
    if (peer == NULL) {
        got->peers = realloc(got->peers, (got->peer_count + 1) * sizeof *got->peers);
        DR_ASSERT(got->peers != NULL);
        peer = &got->peers[got->peer_count++];
        *peer = (struct dr_control_peer){.source = strdup(source)};
        DR_ASSERT(peer->source != NULL);
    } else {
        OPENSSL_cleanse(peer->token, strlen(peer->token));
        free(peer->token);
    }
    peer->token = strdup(token);
    DR_ASSERT(peer->token != NULL);
}

const char *door_user(zmq_msg_t *msg)
{
    const char *user = zmq_msg_gets(msg, "User-Id");
    return user == NULL ? "" : user;
}

void say_refused(const char *what, const char *of, const char *why)
{
    static int64_t said_ms, unsaid;
    int64_t now_ms = zclock_mono();
    if (said_ms != 0 && now_ms - said_ms < 1000) {
        unsaid++;
        return;
    }
    said_ms = now_ms;
    fprintf(stderr, "refused %s of \"%s\": %s (%lld more since the last such line)\n", what, of,
            why, (long long)unsaid);
    unsaid = 0;
}
