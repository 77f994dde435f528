/* SPDX-License-Identifier: Apache-2.0 */
/* Argon2id beside the loop: a thread for one password at a time (64 MiB each), so that a login or a
 * new account holds up neither the live stream nor anybody's question. What it keeps of passwords
 * is wiped. */
#ifndef DROVER_GATEWAY_PASSWORD_H
#define DROVER_GATEWAY_PASSWORD_H

#include <stdbool.h>

#define PASSWORDS_WAITING 16

struct passwords;
struct request;
struct _zloop_t;

struct passwords *passwords_new(struct _zloop_t *loop);
/* Waits for the one that is being checked; those that wait are forgotten. */
void passwords_free(struct passwords **passwords);

/* `then` answers the request, on the loop. The texts are copied. False: too many wait already, and
 * nothing is done. */
typedef void password_fn(struct request *request, const char *hash, bool right);
bool password_check(struct passwords *passwords, struct request *request, const char *hash,
                    const char *password, password_fn *then);
/* As above, to make the hash of a new password; right: there was memory for it. */
bool password_hash(struct passwords *passwords, struct request *request, const char *password,
                   password_fn *then);

#endif
