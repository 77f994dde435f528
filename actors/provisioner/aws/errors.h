/* SPDX-License-Identifier: Apache-2.0
 *
 * What an error of AWS means, as a table: code -> class, with what a person can do about it. Pure.
 * Sources: EC2's error code pages, and what other autoscalers met.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "../driver.h"
#include "http.h"

/* Finer than the engine's classes, where the driver itself has something to do first. */
enum aws_kind {
    AWS_OK,
    AWS_THROTTLED,      /* engine: THROTTLE */
    AWS_CAPACITY,       /* CAPACITY */
    AWS_UNSOLD,         /* CAPACITY, set aside for a day: the zone does not sell it */
    AWS_QUOTA,          /* QUOTA */
    AWS_TOO_MANY,       /* TOO_MANY */
    AWS_REFUSED,        /* AUTH */
    AWS_STALE,          /* AUTH, after credentials were fetched anew once: expired, or clock skew */
    AWS_BAD_REQUEST,    /* REQUEST */
    AWS_UNKNOWN,        /* UNKNOWN: the same bytes again */
    AWS_NOT_FOUND,      /* an id that the cloud does not know (yet) */
    AWS_TOKEN_MISMATCH, /* the token was used with another body: look it up */
    AWS_TOKEN_DEAD,     /* what the token started has ended: a new attempt */
    AWS_PROTECTED,      /* OperationNotPermitted on termination */
    AWS_DRY_RUN_OK,     /* DryRunOperation: allowed */
    AWS_KINDS
};

struct aws_error {
    enum aws_kind kind;
    char code[96];      /* AWS's, or "" */
    char message[512];  /* AWS's, or curl's; printable UTF-8 */
    char sentence[768]; /* for a person: what happened, what to do; never empty unless OK */
    int64_t retry_after_ms;
};

/* Reads an answer: HTTP class, status, and the body in whichever shape (EC2's <Response>, STS's
 * <ErrorResponse>, JSON, or no XML at all). The code decides first, the status second. `action`
 * names the call in the sentence ("RunInstances"). skew_ms: this host's clock minus AWS's, as
 * learnt from Date headers; a signature refused beyond 5 minutes of it is explained by it. */
void aws_error_read(const char *action, const struct dr_http_answer *answer, int64_t skew_ms,
                    struct aws_error *out);

/* The same for a code alone. */
enum aws_kind aws_kind_of(const char *code, long status);

/* Whether it is the keys that are not accepted: others might be. */
bool aws_error_of_keys(const struct aws_error *error);

/* What the engine is told. */
enum driver_class aws_class_of(enum aws_kind kind);
/* How long an offering is set aside for this kind; 0: the engine's choice. */
int64_t aws_aside_ms(enum aws_kind kind);

/* An instance's stateReason.code: whether the machine ended by a failed launch (and of which
 * class), DRIVER_OK for an end that somebody asked for or a preemption. */
enum driver_class aws_state_reason_class(const char *code, const char *message);
/* "EC2 took it back (spot)", "it switched itself off" ...; the code itself where nobody knows it.
 */
const char *aws_state_reason_words(const char *code);
