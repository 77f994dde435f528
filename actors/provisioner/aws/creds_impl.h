/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of creds.c, shared by creds*.c and endpoint.c and by nobody else.
 *
 * A fetch goes through the table of sources (creds_chain.c). Each source ends its turn with exactly
 * one of creds_found, creds_none and creds_broken, from inside its try function or later.
 */
#pragma once
#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "creds.h"
#include "http.h"
#include "inifile.h"
#include "strbuf.h"

#define CREDS_ROLES_MAX 8
#define CREDS_PROFILE_MAX 128

/* The variable, "" where it is not set. */
const char *creds_env(const char *name);

/* ---- creds_keys.c: one set of keys ----------------------------------------------------------- */
struct creds_keys {
    char *access_key, *secret_key, *session_token;
    bool expires;
    bool late;          /* of the metadata service: in use beyond its end */
    int64_t expires_ms; /* CLOCK_BOOTTIME */
    int64_t life_ms;    /* left when they came */
};

/* Copies. False with a sentence, and nothing kept, when one is missing or is no such text; `token`
 * may be NULL. */
bool creds_keys_set(struct creds_keys *keys, const char *access_key, const char *secret_key,
                    const char *token, struct dr_error *error);
/* expires_us: wall clock, -1 never. `date` is the Date header that came with it ("" or NULL: none):
 * what is left is measured by the sender's own clock, which may not be ours (P8). */
void creds_keys_expire(struct creds_keys *keys, int64_t expires_us, const char *date);
/* AccessKeyId, SecretAccessKey, Token, Expiration: what container and metadata services answer. */
bool creds_keys_read(struct creds_keys *keys, const struct dr_http_answer *answer,
                     struct dr_error *error);
/* Any JSON object of strings: wiped, then freed, for jansson frees them as they are. */
void creds_wipe_json(json_t *object);
/* A token file whole, with a NUL. Its length, -1 with a reason in errno. */
ssize_t creds_read_small(const char *path, char *out, size_t size);
/* Wipes and frees. */
void creds_keys_wipe(struct creds_keys *keys);
/* Milliseconds left; INT64_MAX when they do not expire. */
int64_t creds_keys_left_ms(const struct creds_keys *keys, int64_t now_ms);

/* ---- creds_profile.c: the two shared files --------------------------------------------------- */
struct creds_profiles {
    struct ini *credentials, *config; /* NULL: there is no such file */
    char credentials_path[PATH_MAX], config_path[PATH_MAX];
    char name[CREDS_PROFILE_MAX]; /* the profile in use */
    bool named;                   /* somebody said so: it must exist */
};

/* False with a sentence when a file is there and cannot be read. `profile` NULL or "": the
 * environment's, else "default". `home` NULL: $HOME. */
bool creds_profiles_load(struct creds_profiles *profiles, const char *profile, const char *home,
                         struct dr_error *error);
void creds_profiles_free(struct creds_profiles *profiles);
bool creds_profiles_has(const struct creds_profiles *profiles, const char *profile);
/* A setting of a profile, NULL if it has none; the credentials file comes first. */
const char *creds_profiles_get(const struct creds_profiles *profiles, const char *profile,
                               const char *name);
const char *creds_config_get(const struct creds_profiles *profiles, const char *profile,
                             const char *name);
const char *creds_credentials_get(const struct creds_profiles *profiles, const char *profile,
                                  const char *name);

/* ---- creds_chain.c: the fetch ---------------------------------------------------------------- */
enum creds_source_id {
    CREDS_FILE,
    CREDS_ENVIRONMENT,
    CREDS_PROFILE_ROLE,
    CREDS_WEB_IDENTITY, /* from here to CREDS_CONFIG: what a source_profile may be */
    CREDS_SSO,
    CREDS_SHARED,
    CREDS_TOOLS,
    CREDS_CONFIG,
    CREDS_CONTAINER,
    CREDS_METADATA,
    CREDS_SOURCES
};

struct creds_role {
    char *arn, *external_id, *session_name; /* "" where not set */
    long duration_s;                        /* 0: STS's */
};

struct creds_fetch {
    int source, last; /* the one whose turn it is, and the end of the range */
    int first; /* the source that led here: another one than `source` where a role has sources */
    struct creds_profiles profiles; /* read once per fetch */
    bool profiles_read;
    char profile[CREDS_PROFILE_MAX]; /* whose sources are tried */
    bool nested;                     /* for a role: the environment is none of its sources */
    struct creds_role roles[CREDS_ROLES_MAX]; /* to assume, the last one first */
    size_t role_count;
    struct creds_keys keys; /* of the source, then of each role */
    struct dr_strbuf tried; /* the sentence in the making */
    struct dr_strbuf where;
    bool again; /* the metadata service was asked for a second token */
};

/* Keys are moved out of *keys. The words say where they are from. */
void creds_found(struct aws_creds *creds, struct creds_keys *keys, const char *where, ...)
    __attribute__((format(printf, 3, 4)));
/* This source has none: the next one's turn. */
void creds_none(struct aws_creds *creds, const char *why, ...)
    __attribute__((format(printf, 2, 3)));
/* It was meant to have some: the search ends, for the next source is another identity. */
void creds_broken(struct aws_creds *creds, const char *why, ...)
    __attribute__((format(printf, 2, 3)));

/* Goes on with these sources instead, for a role's sake. */
void creds_branch(struct aws_creds *creds, int first, int last);
/* Puts a role on top of what is found. False when there are too many. */
bool creds_push_role(struct creds_fetch *fetch, const char *arn, const char *external_id,
                     const char *session_name, const char *duration_s);
/* The profiles, read at first use; NULL: the search has ended with a sentence. */
struct creds_profiles *creds_profiles_of(struct aws_creds *creds);

/* Runs the sources 0 to `last`; ends in creds_fetched(). */
void creds_fetch_start(struct aws_creds *creds, int last);
void creds_fetch_wipe(struct creds_fetch *fetch);
void creds_role_free(struct creds_role *role);

/* ---- creds.c --------------------------------------------------------------------------------- */
struct aws_creds {
    struct _zloop_t *loop;
    struct dr_http *wide; /* STS: with proxies and the account's certificates */
    struct dr_http *link; /* services on the host's own link: no proxy, short */
    char *credentials_file, *profile, *role_arn, *external_id, *home;
    char region[64], sts_url[320];
    struct creds_keys keys; /* in use; access_key NULL: none */
    int keys_source;
    char source[512];
    struct creds_waiter *waiters;
    bool fetching, refused, told;
    int64_t fetched_ms; /* end of the last fetch; 0: none yet */
    int64_t reread_ms;  /* refused keys are fetched anew at most this often */
    int64_t retry_ms;   /* a failed renewal is not repeated before */
    int timer;          /* the next renewal; -1: none */
    struct creds_fetch fetch;
    char *imds_token;
    int64_t imds_token_until_ms;
};

/* A fetch is over: creds->fetch.keys hold the keys and fetch.where the words, or `sentence`. */
void creds_fetched(struct aws_creds *creds, const char *sentence);

/* ---- the sources ----------------------------------------------------------------------------- */
void creds_try_file(struct aws_creds *creds);
void creds_try_environment(struct aws_creds *creds);
void creds_try_profile_role(struct aws_creds *creds);
void creds_try_web_identity(struct aws_creds *creds);
void creds_try_sso(struct aws_creds *creds);
void creds_try_shared(struct aws_creds *creds);
void creds_try_tools(struct aws_creds *creds);
void creds_try_config(struct aws_creds *creds);
void creds_try_container(struct aws_creds *creds);
void creds_try_metadata(struct aws_creds *creds);

/* ---- creds_sts.c ----------------------------------------------------------------------------- */
/* Assumes the fetch's last role with the fetch's keys, then the next; ends the fetch. */
void creds_assume(struct aws_creds *creds);
/* For web identity; ends in creds_found or creds_broken. */
void creds_assume_web(struct aws_creds *creds, const char *role_arn, const char *session_name,
                      const char *token, const char *where);

/* ---- creds_container.c ----------------------------------------------------------------------- */
/* Whether a container's token may be sent there: https, or this host and its services. Pure. */
bool creds_container_allowed(const char *url);
