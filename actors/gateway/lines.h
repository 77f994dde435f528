/* SPDX-License-Identifier: Apache-2.0 */
/* Connections that nobody known speaks on: each has a time to make its request whole, and they make
 * room for those who come, the oldest first. One on which a request of somebody who is logged in is
 * under way is left alone. */
#ifndef DROVER_GATEWAY_LINES_H
#define DROVER_GATEWAY_LINES_H

#include <microhttpd.h>

struct lines;

/* max: connections in all; per_address: of one address. Each connection that goes beyond ends an
 * older one, if there is one that may end. */
struct lines *lines_new(unsigned max, unsigned per_address);
void lines_free(struct lines **lines);

/* For MHD_OPTION_NOTIFY_CONNECTION; arg is the lines. */
void lines_notify(void *arg, struct MHD_Connection *connection, void **line,
                  enum MHD_ConnectionNotificationCode what);

/* A request begins, or its answer is out: the next has its time from now on. */
void lines_renew(struct lines *lines, struct MHD_Connection *connection);
/* Who asks is somebody. */
void lines_known(struct MHD_Connection *connection);

/* Each second: ends those whose time is over. */
void lines_sweep(struct lines *lines);

#endif
