/* SPDX-License-Identifier: Apache-2.0 */
/* What is still to be sent to one who reads in his own time. */
#ifndef DROVER_GATEWAY_BACKLOG_H
#define DROVER_GATEWAY_BACKLOG_H

#include <stdbool.h>

#include "strbuf.h"

struct backlog {          /* starts as {0} */
    struct dr_strbuf out; /* what is to be sent is added here */
    size_t at;            /* what stands before it is sent */
};

size_t backlog_left(const struct backlog *backlog);

/* Whether less than `max` bytes are left. What was sent is given up from time to time, so that no
 * more than twice as much is held, however slowly somebody reads. */
bool backlog_has_room(struct backlog *backlog, size_t max);

/* As much as there is, at most `max` bytes. */
size_t backlog_take(struct backlog *backlog, char *out, size_t max);

void backlog_free(struct backlog *backlog);

#endif
