/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps the picture: takes the bus's events, asks the ledger, the watcher, the planner and the bus
 * for what events do not tell, and tells the hub what changed. */
#ifndef DROVER_GATEWAY_FEED_H
#define DROVER_GATEWAY_FEED_H

#include "drover/actor.h"
#include "picture.h"
#include "samples.h"

struct gateway;
struct feed;

/* What the gateway subscribes to; ended by DR_NONE. */
extern const enum dr_type feed_events[];

/* gateway's actor, hub, state_dir and started_us are there; its `feed` is to be set to what this
 * returns. Asks for everything and starts timers on the actor's loop. */
struct feed *feed_new(struct gateway *gateway);

/* Saves the samples. The actor's requests must have been answered. */
void feed_free(struct feed **feed);

void feed_event(struct feed *feed, const struct dr_message *message);
void feed_gap(struct feed *feed, const char *source);
void feed_reconfigured(struct feed *feed);

/* As of now: what was taken is worked out and told. Borrowed. */
struct picture *feed_picture(struct feed *feed);
const struct samples *feed_samples(const struct feed *feed);

#endif
