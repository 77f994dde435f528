/* SPDX-License-Identifier: Apache-2.0 */
#include "limiter.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdbool.h>
#include <string.h>

#include "drover/assert.h"

#define KEYS_MAX 4096 /* more at once: the one that failed longest ago is forgotten */
#define KEY_MAX 80

struct failures {
    char key[KEY_MAX];
    int64_t at_us[LIMITER_FAILURES]; /* a ring */
    unsigned next;
    int64_t last_us;
};

struct limiter {
    struct failures *items;
    size_t count;
};

struct limiter *limiter_new(void)
{
    struct limiter *limiter = calloc(1, sizeof *limiter);
    DR_ASSERT(limiter != NULL);
    return limiter;
}

void limiter_free(struct limiter **limiter)
{
    if (*limiter != NULL)
        free((*limiter)->items);
    free(*limiter);
    *limiter = NULL;
}

void limiter_address(const char *peer, char key[LIMITER_ADDRESS_SIZE])
{
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff}; /* ::ffff:192.0.2.1 */
    unsigned char six[16];
    char net[INET6_ADDRSTRLEN], bare[INET6_ADDRSTRLEN];
    snprintf(bare, sizeof bare, "%.*s", (int)strcspn(peer, "%"), peer); /* without its scope */
    bool is_six = inet_pton(AF_INET6, bare, six) == 1 && memcmp(six, mapped, sizeof mapped) != 0;
    if (is_six)
        memset(six + 8, 0, 8);
    if (is_six && inet_ntop(AF_INET6, six, net, sizeof net) != NULL)
        snprintf(key, LIMITER_ADDRESS_SIZE, "%s/64", net);
    else
        snprintf(key, LIMITER_ADDRESS_SIZE, "%s", peer);
}

static struct failures *find(const struct limiter *limiter, const char *key)
{
    for (size_t i = 0; i < limiter->count; i++) {
        if (strncmp(limiter->items[i].key, key, KEY_MAX - 1) == 0)
            return &limiter->items[i];
    }
    return NULL;
}

int64_t limiter_wait_s(const struct limiter *limiter, const char *key, int64_t now_us)
{
    const struct failures *found = find(limiter, key);
    if (found == NULL)
        return 0;
    /* The next place of the ring holds the fifth failure before now. */
    int64_t free_us = found->at_us[found->next] + LIMITER_WINDOW_US;
    if (found->at_us[found->next] == 0 || free_us <= now_us)
        return 0;
    return (free_us - now_us + 999999) / 1000000;
}

static struct failures *place_for(struct limiter *limiter, const char *key)
{
    struct failures *place = limiter->items;
    if (limiter->count < KEYS_MAX) {
        limiter->items = realloc(limiter->items, (limiter->count + 1) * sizeof *limiter->items);
        DR_ASSERT(limiter->items != NULL);
        place = &limiter->items[limiter->count++];
    } else {
        for (size_t i = 1; i < limiter->count; i++) {
            if (limiter->items[i].last_us < place->last_us)
                place = &limiter->items[i];
        }
    }
    memset(place, 0, sizeof *place);
    strncpy(place->key, key, KEY_MAX - 1);
    return place;
}

void limiter_failed(struct limiter *limiter, const char *key, int64_t now_us)
{
    struct failures *found = find(limiter, key);
    if (found == NULL)
        found = place_for(limiter, key);
    found->at_us[found->next] = now_us;
    found->next = (found->next + 1) % LIMITER_FAILURES;
    found->last_us = now_us;
}

void limiter_succeeded(struct limiter *limiter, const char *key)
{
    struct failures *found = find(limiter, key);
    if (found != NULL)
        *found = limiter->items[--limiter->count];
}
