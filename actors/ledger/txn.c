/* SPDX-License-Identifier: Apache-2.0 */
#include "txn.h"

#include <stdarg.h>
#include <string.h>

#include "drover/assert.h"
#include "ledger_private.h"

static const char *sentence(struct txn *txn, const char *format, va_list args)
{
    char *text = NULL;
    DR_ASSERT(vasprintf(&text, format, args) >= 0);
    const char *out = pool_text(txn->pool, text);
    free(text);
    return out;
}

bool txn_refuse(struct txn *txn, const char *code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    txn->ack = (struct dr_ack){.code = code, .sentence = sentence(txn, format, args)};
    va_end(args);
    return false;
}

void txn_done(struct txn *txn, struct dr_strs ids, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    txn->ack = (struct dr_ack){
        .ok = true, .code = "", .sentence = sentence(txn, format, args), .ids = ids};
    va_end(args);
}

void txn_reply(struct txn *txn, enum dr_type type, const void *body)
{
    txn->reply = type;
    txn->reply_body = body;
}

const char *txn_id(struct txn *txn, char prefix, size_t bytes)
{
    unsigned char raw[16];
    DR_ASSERT(bytes <= sizeof raw);
    txn->ledger->random(raw, bytes);
    char *out = pool_alloc(txn->pool, 2 * bytes + 2);
    out[0] = prefix;
    for (size_t i = 0; i < bytes; i++)
        snprintf(out + 1 + 2 * i, 3, "%02x", raw[i]);
    return out;
}

const char *txn_blocked(struct txn *txn)
{
    return store_text(txn->store, txn->pool, "SELECT value FROM meta WHERE name='blocked'", "");
}

bool txn_may_launch(struct txn *txn)
{
    if (core_is_full(txn->ledger))
        return txn_refuse(txn, "unavailable",
                          "the disk that holds the ledger is full: nothing is started until there "
                          "is room again");
    return txn_may_end(txn);
}

bool txn_may_end(struct txn *txn)
{
    const char *blocked = txn_blocked(txn);
    if (*blocked != '\0')
        return txn_refuse(txn, "refused", "%s", blocked);
    return true;
}

bool txn_own_account(struct txn *txn, const char *account)
{
    if (*txn->account == '\0' || strcmp(txn->account, account) == 0)
        return true;
    return txn_refuse(txn, "refused", "%s may not speak for account %s", txn->source, account);
}

bool txn_valid_id(struct txn *txn, const char *what, const char *id)
{
    size_t len = strlen(id);
    bool good = len >= 1 && len <= 255;
    for (size_t i = 0; good && i < len; i++)
        good = id[i] > ' ' && id[i] < 0x7f;
    if (good)
        return true;
    return txn_refuse(txn, "bad-request",
                      "%s must be 1 to 255 printable ASCII characters without a space", what);
}

bool txn_valid_ids(struct txn *txn, const char *what, const struct dr_strs *ids)
{
    for (size_t i = 0; i < ids->count; i++) {
        if (!txn_valid_id(txn, what, ids->items[i]))
            return false;
    }
    return true;
}

bool txn_by(struct txn *txn, const char *by)
{
    size_t len = strlen(by);
    bool good = len >= 1 && len <= 255;
    for (size_t i = 0; good && i < len; i++)
        good = (unsigned char)by[i] > ' ' && by[i] != 0x7f;
    if (!good)
        return txn_refuse(txn, "bad-request",
                          "who asks must be named in 1 to 255 characters without a space");
    txn->by = pool_text(txn->pool, by);
    return true;
}
