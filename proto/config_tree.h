/* SPDX-License-Identifier: Apache-2.0
 *
 * YAML text as a tree of nodes that know their line. No aliases, no tags, one document.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "arena.h"
#include "config_report.h"

#define CFG_TEXT_MAX (4 << 20)
#define CFG_DEPTH_MAX 32
#define CFG_CHILDREN_MAX 10000

enum cfg_node_kind { CFG_NODE_SCALAR, CFG_NODE_MAP, CFG_NODE_LIST };

struct cfg_node {
    enum cfg_node_kind kind;
    int line;
    const char *text; /* a scalar's; no NUL bytes inside */
    bool null;        /* a plain scalar that is empty, ~ or null: the same as not given */
    const char *key;  /* what it stands under, in a map */
    int key_line;
    bool known; /* for the walker: a field of the table took it */
    struct cfg_node *first, *last, *next;
    size_t count;
};

/* Parses. An empty text gives an empty map. Faults go to report (a syntax error ends the reading,
 * the rest does not); returns NULL when there is no tree to go on with. The nodes live in arena. */
struct cfg_node *cfg_tree_parse(struct dr_arena *arena, const char *text, size_t len,
                                struct cfg_report *report);

/* The value under key, or NULL. node may be NULL or no map. */
struct cfg_node *cfg_tree_find(const struct cfg_node *node, const char *key);

/* The index-th item, or NULL. node may be NULL or no list. */
struct cfg_node *cfg_tree_item(const struct cfg_node *node, size_t index);
