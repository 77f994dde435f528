/* SPDX-License-Identifier: Apache-2.0
 *
 * Successful answers of EC2 and STS, read. Pure. Texts are bounded copies; a field that is missing
 * is "" or 0. Each reader gives false with a sentence when the answer is not what its action
 * answers (the caller then knows nothing: P1).
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define AWS_TEXT 128

struct aws_instance {
    char id[32];
    char state[24]; /* pending running shutting-down terminated stopping stopped */
    char type[48], zone[48], client_token[80];
    char spot_request[48]; /* "" when not spot or not told */
    bool spot;
    char reason_code[96], reason[256];
    int64_t launched_us;
    int64_t launch_index;
    char attempt[96], machine[96], ledger[96], deployment[96], taken_as[96]; /* our tags */
};

struct aws_instances {
    struct aws_instance *items;
    size_t count, capacity;
    char next_token[1024]; /* "" on the last page */
};

/* RunInstances and DescribeInstances; appends to *out (so pages add up) and sets next_token.
 * RunInstances' are ordered by launch index. */
bool aws_read_instances(const char *body, size_t len, struct aws_instances *out,
                        struct dr_error *error);
void aws_instances_free(struct aws_instances *instances);

struct aws_size {
    char type[48];
    unsigned vcpus, gpus; /* whole GPUs a machine shows; a share of one counts as 1 */
    int64_t memory_mib;
    char gpu_name[64];
    char architectures[64]; /* "x86_64 arm64" */
    bool spot, on_demand;
};
struct aws_sizes {
    struct aws_size *items;
    size_t count, capacity;
    char next_token[1024];
};
bool aws_read_types(const char *body, size_t len, struct aws_sizes *out, struct dr_error *error);
void aws_sizes_free(struct aws_sizes *sizes);

/* DescribeInstanceTypeOfferings: calls `each` with type and zone. */
bool aws_read_offerings(const char *body, size_t len,
                        void (*each)(void *arg, const char *type, const char *zone), void *arg,
                        char next_token[1024], struct dr_error *error);

struct aws_spot_request {
    char id[48], instance[32], state[24], status[64];
};
/* DescribeSpotInstanceRequests. */
bool aws_read_spot_requests(const char *body, size_t len,
                            void (*each)(void *arg, const struct aws_spot_request *request),
                            void *arg, char next_token[1024], struct dr_error *error);
/* A status that says the machine is being taken: a sentence, else NULL. */
const char *aws_spot_notice(const char *status);

/* GetConsoleOutput: bytes (base64 decoded leniently, line breaks inside). *out is owned by the
 * caller (free()); NULL with *out_len 0 when there is none yet. */
bool aws_read_console(const char *body, size_t len, char **out, size_t *out_len,
                      struct dr_error *error);

struct aws_image {
    char id[32], root_device[64], architecture[24], state[24];
};
/* DescribeImages: the first. False also when there is none. */
bool aws_read_image(const char *body, size_t len, struct aws_image *out, struct dr_error *error);

struct aws_identity {
    char account[32], arn[256];
};
/* STS GetCallerIdentity. */
bool aws_read_identity(const char *body, size_t len, struct aws_identity *out,
                       struct dr_error *error);

/* Temporary credentials of STS AssumeRole and AssumeRoleWithWebIdentity. expires_us: wall clock. */
struct aws_temporary {
    char access_key[160], secret_key[160];
    char *session_token; /* owned; free with aws_temporary_wipe() */
    int64_t expires_us;
};
bool aws_read_temporary(const char *body, size_t len, struct aws_temporary *out,
                        struct dr_error *error);
void aws_temporary_wipe(struct aws_temporary *temporary);

/* "2026-07-01T12:00:00Z", with or without fractions, as microseconds since 1970; -1: unreadable. */
int64_t aws_time_us(const char *text);
