/* SPDX-License-Identifier: Apache-2.0 */
#include "keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drover/assert.h"
#include "lookup.h"
#include "seal.h"

#define RETRY_MS 2000
#define REFUSED_RETRY_MS 30000
#define NO_SUCH_KEY 300 /* subcode of revoking a key that is no more (recorded) */

static void on_look(const struct clearml_answer *answer, void *arg);
static void on_revoked(const struct clearml_answer *answer, void *arg);
static void on_minted(const struct clearml_answer *answer, void *arg);
static void on_proved(const struct clearml_answer *answer, void *arg);
static void on_confirmed(const struct clearml_answer *answer, void *arg);
static void on_recorded(const struct dr_ack *ack, void *arg);
static void on_sweep(const struct clearml_answer *answer, void *arg);

static char *copy(const char *text)
{
    char *made = strdup(text);
    DR_ASSERT(made != NULL);
    return made;
}

void keys_init(struct keys *keys, struct claims *claims, int64_t sweep_ms)
{
    *keys = (struct keys){.claims = claims, .sweep_ms = sweep_ms};
}

static void forget_minted(struct keys *keys)
{
    dr_wipe_free_text(keys->secret);
    free(keys->access);
    keys->access = keys->secret = NULL;
}

static void forget(struct keys *keys)
{
    forget_minted(keys);
    free(keys->key);
    free(keys->label);
    free((void *)(uintptr_t)keys->seal_pk.bytes);
    keys->key = keys->label = NULL;
    keys->seal_pk = (struct dr_bin){0};
    keys->phase = KEYS_IDLE;
}

void keys_fresh(struct keys *keys, const char *id)
{
    struct fresh_key *fresh;
    HASH_FIND_STR(keys->fresh, id, fresh);
    if (fresh != NULL)
        return;
    fresh = calloc(1, sizeof *fresh);
    DR_ASSERT(fresh != NULL);
    fresh->id = copy(id);
    HASH_ADD_KEYPTR(hh, keys->fresh, fresh->id, strlen(fresh->id), fresh);
}

static void drop_fresh(struct keys *keys, struct fresh_key *fresh)
{
    HASH_DEL(keys->fresh, fresh);
    free(fresh->id);
    free(fresh);
}

/* True once, for the first time that it is taken up. */
static bool take_fresh(struct keys *keys, const char *id)
{
    struct fresh_key *fresh;
    HASH_FIND_STR(keys->fresh, id, fresh);
    if (fresh != NULL)
        drop_fresh(keys, fresh);
    return fresh != NULL;
}

void keys_free(struct keys *keys)
{
    struct fresh_key *fresh, *next;
    HASH_ITER (hh, keys->fresh, fresh, next)
        drop_fresh(keys, fresh);
    forget(keys);
}

static const struct port *port_of(const struct keys *keys)
{
    return keys->claims->port;
}

static void call(struct keys *keys, enum keys_phase phase, const char *endpoint, json_t *body,
                 clearml_fn cb)
{
    keys->phase = phase;
    port_of(keys)->call(port_of(keys)->shell, endpoint, body, cb, keys);
}

/* Lets the row go; it is taken up again from its beginning. seq: of the ledger's ack. */
static void let_go(struct keys *keys, int64_t seq, int64_t again_ms)
{
    char name[96];
    keys->not_before_ms = port_now(port_of(keys)).boot_ms + again_ms;
    if (keys->key != NULL) {
        snprintf(name, sizeof name, "key:%s", keys->key);
        claim_settle(keys->claims, name, seq, again_ms);
    }
    forget(keys);
}

/* An answer that is not OK. What the server did with a write is unknown then, and found out by the
 * label next time. Returns after how long that may be. */
static int64_t complain(const struct keys *keys, const struct clearml_answer *answer,
                        const char *what)
{
    bool refused = answer->cls == CLEARML_REFUSED;
    if (refused)
        port_log_often(
            port_of(keys), DR_LOG_ERROR, NULL,
            "the ClearML server refused to %s: %s. Machines need keys of their own: give "
            "Drover the key of a user who may create them (not one of the server's fixed "
            "users)",
            what, answer->sentence);
    return refused ? REFUSED_RETRY_MS : RETRY_MS;
}

static void failed(struct keys *keys, const struct clearml_answer *answer, const char *what)
{
    let_go(keys, 0, complain(keys, answer, what));
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text == NULL ? "" : text;
}

/* An access key in the list that bears the label (NULL: whichever it bears, and many bear none), or
 * is `access` (NULL: any); NULL: none. */
static const char *find(const json_t *data, const char *label, const char *access)
{
    size_t i;
    const json_t *item;
    json_array_foreach (json_object_get(data, "credentials"), i, item) {
        const char *key = text_of(item, "access_key");
        if (key[0] != '\0' && ((label != NULL && strcmp(text_of(item, "label"), label) == 0) ||
                               (access != NULL && strcmp(key, access) == 0)))
            return key;
    }
    return NULL;
}

static void record(struct keys *keys, const struct dr_key_settle *settle)
{
    keys->phase = KEYS_RECORDING;
    port_of(keys)->ask(port_of(keys)->shell, DR_KEY_SETTLE, settle, on_recorded, keys);
}

static void look(struct keys *keys)
{
    call(keys, KEYS_LOOKING, "auth.get_credentials", NULL, on_look);
}

static void mint(struct keys *keys)
{
    call(keys, KEYS_MINTING, "auth.create_credentials", json_pack("{s:s}", "label", keys->label),
         on_minted);
}

static void on_look(const struct clearml_answer *answer, void *arg)
{
    struct keys *keys = arg;
    if (answer->cls != CLEARML_OK || !json_is_array(json_object_get(answer->data, "credentials"))) {
        failed(keys, answer, "list the keys");
        return;
    }
    const char *stray = find(answer->data, keys->label, keys->access);
    if (stray != NULL)
        call(keys, KEYS_REVOKING, "auth.revoke_credentials",
             json_pack("{s:s}", "access_key", stray), on_revoked);
    else if (keys->minting)
        mint(keys);
    else
        record(keys, &(struct dr_key_settle){.key = keys->key, .state = "revoked"});
}

static void on_revoked(const struct clearml_answer *answer, void *arg)
{
    struct keys *keys = arg;
    bool gone = answer->cls == CLEARML_REFUSED && answer->subcode == NO_SUCH_KEY;
    if (answer->cls == CLEARML_OK || gone)
        look(keys); /* until nothing bears the label */
    else
        failed(keys, answer, "revoke a machine's key");
}

static void on_minted(const struct clearml_answer *answer, void *arg)
{
    struct keys *keys = arg;
    const json_t *made = json_object_get(answer->data, "credentials");
    if (answer->cls != CLEARML_OK || text_of(made, "access_key")[0] == '\0' ||
        text_of(made, "secret_key")[0] == '\0') {
        failed(keys, answer, "create a key for a machine");
        return;
    }
    keys->access = copy(text_of(made, "access_key"));
    keys->secret = copy(text_of(made, "secret_key"));
    /* Neither changes the list of keys, and none of the answers alone is enough: both at once. */
    keys->proofs_left = 2;
    keys->again_ms = 0;
    call(keys, KEYS_PROVING, "auth.get_credentials", NULL, on_confirmed);
    port_of(keys)->prove(port_of(keys)->shell, keys->access, keys->secret, on_proved, keys);
}

static void hand_over(struct keys *keys)
{
    size_t len = 0;
    unsigned char *sealed =
        port_of(keys)->seal(port_of(keys)->shell, &keys->seal_pk, keys->secret, &len);
    if (sealed == NULL) {
        port_log_often(port_of(keys), DR_LOG_ERROR, NULL,
                       "key %s cannot be sealed: its row's public key is none", keys->key);
        let_go(keys, 0, REFUSED_RETRY_MS);
        return;
    }
    record(keys, &(struct dr_key_settle){.key = keys->key,
                                         .state = "minted",
                                         .access_key = keys->access,
                                         .sealed = {sealed, len}});
    free(sealed);
}

/* One of the two proofs is in; again_ms: 0 if it is good. */
static void proof_came(struct keys *keys, int64_t again_ms)
{
    keys->again_ms = again_ms > keys->again_ms ? again_ms : keys->again_ms;
    if (--keys->proofs_left > 0)
        return;
    if (keys->again_ms > 0)
        let_go(keys, 0, keys->again_ms);
    else
        hand_over(keys);
}

static void on_proved(const struct clearml_answer *answer, void *arg)
{
    struct keys *keys = arg;
    bool good = answer->cls == CLEARML_OK;
    proof_came(keys, good ? 0 : complain(keys, answer, "log a new key in"));
}

static void on_confirmed(const struct clearml_answer *answer, void *arg)
{
    struct keys *keys = arg;
    bool listed = answer->cls == CLEARML_OK && find(answer->data, NULL, keys->access) != NULL;
    if (answer->cls == CLEARML_OK && !listed)
        port_log(port_of(keys), DR_LOG_WARNING, NULL,
                 "a key just made is missing from the server's list: somebody else changed this "
                 "user's keys at that moment; it is made again");
    proof_came(keys, listed                      ? 0
                     : answer->cls == CLEARML_OK ? RETRY_MS
                                                 : complain(keys, answer, "list the keys"));
}

static void on_recorded(const struct dr_ack *ack, void *arg)
{
    struct keys *keys = arg;
    if (ack != NULL && !ack->ok) {
        port_log_often(port_of(keys), DR_LOG_WARNING, NULL, "the ledger does not take key %s: %s",
                       keys->key, ack->sentence);
        if (keys->minting && strcmp(ack->code, "conflict") == 0) {
            keys->minting = false; /* nobody will have it: it is revoked, by label or key */
            dr_wipe_free_text(keys->secret);
            keys->secret = NULL;
            look(keys);
            return;
        }
    }
    claim_weigh(keys->claims, ack);
    let_go(keys, ack == NULL ? 0 : ack->seq, ack != NULL && ack->ok ? 0 : RETRY_MS);
}

static bool wants(const struct dr_key_row *row)
{
    return strcmp(row->state, "intended") == 0 || strcmp(row->state, "revoking") == 0;
}

bool keys_busy(const struct keys *keys)
{
    const struct dr_ledger_state *rows = keys->claims->rows;
    for (size_t i = 0; rows != NULL && i < rows->keys.count; i++)
        if (wants(&rows->keys.items[i]))
            return true;
    return keys->phase != KEYS_IDLE;
}

static bool take(struct keys *keys, const struct dr_key_row *row)
{
    char name[96];
    snprintf(name, sizeof name, "key:%s", row->id);
    if (!wants(row) || !claim_take(keys->claims, name))
        return false;
    keys->minting = strcmp(row->state, "intended") == 0;
    keys->key = copy(row->id);
    keys->label = copy(row->label);
    keys->access = row->access_key[0] == '\0' ? NULL : copy(row->access_key);
    uint8_t *bytes = malloc(row->seal_pk.len + 1);
    DR_ASSERT(bytes != NULL);
    if (row->seal_pk.len > 0)
        memcpy(bytes, row->seal_pk.bytes, row->seal_pk.len);
    keys->seal_pk = (struct dr_bin){bytes, row->seal_pk.len};
    if (take_fresh(keys, row->id) && keys->minting)
        mint(keys);
    else
        look(keys);
    return true;
}

/* ---- the sweep --------------------------------------------------------------------------------
 */
static bool is_needed(const struct keys *keys, const struct dr_key_row *row)
{
    int64_t age_us = port_now(port_of(keys)).wall_us - row->settled_us;
    return strcmp(row->state, "revoked") != 0 || age_us < keys->sweep_ms * 1000;
}

static const char *find_stray(const struct keys *keys, const json_t *data)
{
    char prefix[128];
    const struct dr_ledger_state *rows = keys->claims->rows;
    const char *stray = NULL;
    snprintf(prefix, sizeof prefix, "drover:%s:", rows->deployment);
    struct lookup labels = lookup_new(rows->keys.count);
    for (size_t k = 0; k < rows->keys.count; k++)
        lookup_add(&labels, rows->keys.items[k].label, k);
    size_t i;
    const json_t *item;
    json_array_foreach (json_object_get(data, "credentials"), i, item) {
        const char *label = text_of(item, "label");
        size_t at = lookup_find(&labels, label);
        bool needed = at != DR_INDEX_NONE && is_needed(keys, &rows->keys.items[at]);
        if (stray == NULL && strncmp(label, prefix, strlen(prefix)) == 0 && !needed)
            stray = text_of(item, "access_key");
    }
    lookup_free(&labels);
    return stray;
}

static void on_swept(const struct clearml_answer *answer, void *arg)
{
    struct keys *keys = arg;
    (void)answer; /* whatever it was: the next look tells */
    let_go(keys, 0, 0);
}

static void on_sweep(const struct clearml_answer *answer, void *arg)
{
    struct keys *keys = arg;
    const char *stray = answer->cls == CLEARML_OK ? find_stray(keys, answer->data) : NULL;
    if (stray != NULL) {
        port_log(port_of(keys), DR_LOG_INFO, NULL,
                 "revoking key %s: its label is ours, and no machine needs it", stray);
        call(keys, KEYS_SWEEPING, "auth.revoke_credentials",
             json_pack("{s:s}", "access_key", stray), on_swept);
        return;
    }
    keys->swept = answer->cls == CLEARML_OK;
    let_go(keys, 0, keys->swept ? 0 : RETRY_MS);
}

/* Not at once after a start: a row that is unknown may belong to a ledger that was lost, and its
 * machines are found, and everything blocked, well within that time (P25). */
static bool sweep_is_due(const struct keys *keys, int64_t now_ms)
{
    return !keys->swept && keys->claims->rows->blocked[0] == '\0' &&
           now_ms - keys->began_ms >= keys->sweep_ms;
}

void keys_step(struct keys *keys)
{
    const struct dr_ledger_state *rows = keys->claims->rows;
    int64_t now_ms = port_now(port_of(keys)).boot_ms;
    if (keys->began_ms == 0)
        keys->began_ms = now_ms;
    if (keys->phase != KEYS_IDLE || now_ms < keys->not_before_ms)
        return;
    for (size_t i = 0; i < rows->keys.count; i++)
        if (take(keys, &rows->keys.items[i]))
            return;
    if (sweep_is_due(keys, now_ms))
        call(keys, KEYS_SWEEPING, "auth.get_credentials", NULL, on_sweep);
}
