/* SPDX-License-Identifier: Apache-2.0 */
#include "claims.h"

#include <stdlib.h>
#include <string.h>

#include "drover/assert.h"

#define REFUSED_RETRY_MS 5000
/* A write's events come within milliseconds of its ack, unless they are lost. */
#define EVENTS_LATE_MS 200

static struct claim *find(struct claims *claims, const char *key)
{
    struct claim *claim;
    HASH_FIND_STR(claims->table, key, claim);
    return claim;
}

static int64_t shown_seq(const struct claims *claims)
{
    return claims->rows == NULL ? 0 : claims->rows->seq;
}

static bool is_free(const struct claims *claims, const struct claim *claim)
{
    return !claim->running && shown_seq(claims) >= claim->seq &&
           port_now(claims->port).boot_ms >= claim->not_before_ms;
}

bool claim_take(struct claims *claims, const char *key)
{
    struct claim *claim = find(claims, key);
    if (claim == NULL) {
        claim = calloc(1, sizeof *claim);
        DR_ASSERT(claim != NULL);
        claim->key = strdup(key);
        DR_ASSERT(claim->key != NULL);
        HASH_ADD_KEYPTR(hh, claims->table, claim->key, strlen(claim->key), claim);
    } else if (!is_free(claims, claim)) {
        return false;
    }
    claim->running = true;
    return true;
}

void claim_settle(struct claims *claims, const char *key, int64_t seq, int64_t again_ms)
{
    struct claim *claim = find(claims, key);
    DR_ASSERT(claim != NULL && claim->running);
    claim->running = false;
    claim->seq = seq;
    claim->not_before_ms = port_now(claims->port).boot_ms + again_ms;
    if (claims->owed_seq <= shown_seq(claims)) /* else those before it are awaited already */
        claims->owed_ms = port_now(claims->port).boot_ms;
    claims->owed_seq = seq > claims->owed_seq ? seq : claims->owed_seq;
}

void claim_weigh(struct claims *claims, const struct dr_ack *ack)
{
    claims->rows_stale = claims->rows_stale || ack == NULL || !ack->ok;
}

bool claims_overdue(const struct claims *claims)
{
    return claims->owed_seq > shown_seq(claims) &&
           port_now(claims->port).boot_ms - claims->owed_ms >= EVENTS_LATE_MS;
}

struct asked {
    struct claims *claims;
    enum dr_type type;
    char key[];
};

static void acked(const struct dr_ack *ack, void *arg)
{
    struct asked *asked = arg;
    int64_t again_ms = ack == NULL ? CLAIM_RETRY_MS : ack->ok ? 0 : REFUSED_RETRY_MS;
    if (ack != NULL && !ack->ok)
        port_log_often(asked->claims->port, DR_LOG_INFO, NULL, "the ledger refused %s (%s): %s: %s",
                       dr_row_by_type(asked->type)->name, asked->key, ack->code, ack->sentence);
    claim_settle(asked->claims, asked->key, ack == NULL ? 0 : ack->seq, again_ms);
    claim_weigh(asked->claims, ack);
    if (asked->type == DR_SLOTS_OBSERVED) /* of slots there is no event */
        asked->claims->slots_told = true;
    free(asked);
}

bool claim_ask(struct claims *claims, const char *key, enum dr_type type, const void *body)
{
    if (!claim_take(claims, key))
        return false;
    size_t room = strlen(key) + 1;
    struct asked *asked = malloc(sizeof *asked + room);
    DR_ASSERT(asked != NULL);
    asked->claims = claims;
    asked->type = type;
    memcpy(asked->key, key, room);
    claims->port->ask(claims->port->shell, type, body, acked, asked);
    return true;
}

static void drop(struct claims *claims, struct claim *claim)
{
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the one freed before was unlinked */
    HASH_DEL(claims->table, claim);
    free(claim->key);
    free(claim);
}

void claims_sweep(struct claims *claims)
{
    struct claim *claim, *next;
    HASH_ITER (hh, claims->table, claim, next)
        if (is_free(claims, claim))
            drop(claims, claim);
}

void claims_free(struct claims *claims)
{
    struct claim *claim, *next;
    HASH_ITER (hh, claims->table, claim, next)
        drop(claims, claim);
}
