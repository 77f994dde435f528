/* SPDX-License-Identifier: Apache-2.0
 *
 * One signed call of AWS: waits for its bucket, gets keys, sends, reads the error, and tries once
 * more with fresh keys when the old ones were refused as stale; any that AWS does not accept are
 * looked for anew before the next call. Callers come in order per bucket.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actions.h"
#include "creds.h"
#include "errors.h"

struct _zloop_t;
struct aws_caller;

struct aws_caller_setup {
    struct _zloop_t *loop;                /* borrowed */
    const struct dr_cfg_account *account; /* used during the call only */
    struct aws_creds *creds;              /* borrowed */
    const char *region;                   /* copied */
};

struct aws_caller *aws_caller_new(const struct aws_caller_setup *setup);
/* Ends every call without calling back. */
void aws_caller_free(struct aws_caller *caller);

/* Lives for the callback only. On an error of AWS or of the way there, `error` says so and body may
 * be anything. */
struct aws_reply {
    struct aws_error error;
    const char *body;
    size_t len;
    int64_t sent_ms;        /* CLOCK_BOOTTIME when it went out (P2); 0: it did not */
    const char *access_key; /* public half of the keys that signed it, or would have; "": none */
};
typedef void (*aws_reply_fn)(void *arg, const struct aws_reply *reply);

/* Calls back once, from inside the call or later. The body is copied and wiped. `instances`: how
 * many the call launches or ends, for the bucket that counts those; else 0. */
void aws_call(struct aws_caller *caller, enum aws_action action, const char *body, size_t len,
              size_t instances, aws_reply_fn done, void *arg);

/* The same, but nothing is sent with other keys than this one's: then the answer is unknown, and
 * its access_key says which keys are found now. */
void aws_call_with(struct aws_caller *caller, const char *access_key, enum aws_action action,
                   const char *body, size_t len, size_t instances, aws_reply_fn done, void *arg);

/* This host's clock minus AWS's, by the newest Date header; 0 while unknown (P8). */
int64_t aws_caller_skew_ms(const struct aws_caller *caller);
