/* SPDX-License-Identifier: Apache-2.0 */
#include "lost.h"

#include <string.h>

#include "ledger_private.h"
#include "money_limits.h"

#define SPENT_MOST (INT64_C(1000000000) * 1000000)

static struct dr_strs ids_of(struct txn *txn, const char *name)
{
    return store_split(txn->pool, store_text(txn->store, txn->pool,
                                             "SELECT value FROM meta WHERE name=?", "s", name));
}

static bool lists(const struct dr_strs *list, const char *text)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i], text) == 0)
            return true;
    }
    return false;
}

static void add_id(struct txn *txn, const char *name, const char *id)
{
    struct dr_strs ids = ids_of(txn, name);
    if (lists(&ids, id) || strchr(id, '\n') != NULL)
        return;
    const char **more = pool_alloc(txn->pool, (ids.count + 1) * sizeof *more);
    for (size_t i = 0; i < ids.count; i++)
        more[i] = ids.items[i];
    more[ids.count] = id;
    struct dr_strs all = {.items = more, .count = ids.count + 1};
    meta_set_text(txn->store, name, store_join(txn->pool, &all));
}

bool lost_is_foreign(struct txn *txn, const char *ledger_id)
{
    return *ledger_id != '\0' && strcmp(ledger_id, core_ledger_id(txn->ledger)) != 0;
}

bool lost_is_adopted(struct txn *txn, const char *ledger_id)
{
    struct dr_strs adopted = ids_of(txn, "adopted_ledgers");
    return lists(&adopted, ledger_id);
}

void lost_block(struct txn *txn, const struct dr_machine_found *found)
{
    const char *sentence = pool_printf(
        txn->pool,
        "instance %s in account %s carries deployment %s but another ledger's id (%s; ours is %s): "
        "nothing is started or ended. If this ledger took a lost one's place, say so, and what was "
        "spent this month: `drover adopt --spent N`, in dollars. If another Drover of this name "
        "lives, rename one of them (deployment in drover.yaml)",
        found->instance.instance_id, found->account, txn->config->deployment,
        found->instance.ledger_id, core_ledger_id(txn->ledger));
    meta_set_text(txn->store, "blocked", sentence);
    add_id(txn, "foreign_ledgers", found->instance.ledger_id);
    txn->keep = true;
    txn_refuse(txn, "refused", "%s", sentence);
}

/* Said again it replaces what was said before: it is the same month, told better. */
void handle_ledger_adopt(struct txn *txn, const void *body)
{
    const struct dr_ledger_adopt *adopt = body;
    char spent[32];
    if (!txn_by(txn, adopt->by))
        return;
    if (adopt->spent_usd_micros < 0 || adopt->spent_usd_micros > SPENT_MOST) {
        txn_refuse(txn, "bad-request", "what was spent must be 0 to a billion dollars");
        return;
    }
    struct dr_strs foreign = ids_of(txn, "foreign_ledgers");
    for (size_t i = 0; i < foreign.count; i++)
        add_id(txn, "adopted_ledgers", foreign.items[i]);
    meta_set_text(txn->store, "foreign_ledgers", "");
    meta_set_text(txn->store, "blocked", "");
    meta_set_int(txn->store, "adopted_usd_micros", adopt->spent_usd_micros);
    meta_set_int(txn->store, "adopted_us", txn->ledger->clock.money_us);
    limits_usd(adopt->spent_usd_micros, spent, sizeof spent);
    const char *cause = pool_printf(
        txn->pool, "%s were spent this month before; the machines of %zu lost ledgers are ours",
        spent, foreign.count);
    change_hand(txn, "ledger", core_ledger_id(txn->ledger), "", "adopted", cause);
    txn_done(txn, foreign, "%s", cause);
}
