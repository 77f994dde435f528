/* SPDX-License-Identifier: Apache-2.0
 *
 * Roles: of a profile, with where its keys come from, and by web identity.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "creds_impl.h"

#define TOKEN_FILE_MAX 16384

/* A profile of web identity has a role_arn too: that is another source. */
static bool has_role(const struct creds_profiles *profiles, const char *profile)
{
    return creds_profiles_get(profiles, profile, "role_arn") &&
           !creds_profiles_get(profiles, profile, "web_identity_token_file");
}

static bool has_keys(const struct creds_profiles *profiles, const char *profile)
{
    return creds_profiles_get(profiles, profile, "aws_access_key_id") ||
           creds_profiles_get(profiles, profile, "aws_secret_access_key");
}

static const struct {
    const char *name;
    int source;
} named_sources[] = {
    {"Environment", CREDS_ENVIRONMENT},
    {"EcsContainer", CREDS_CONTAINER},
    {"Ec2InstanceMetadata", CREDS_METADATA},
};

static void branch_named(struct aws_creds *creds, const char *profile, const char *name)
{
    for (size_t i = 0; i < sizeof named_sources / sizeof named_sources[0]; i++) {
        if (strcmp(named_sources[i].name, name) == 0) {
            creds_branch(creds, named_sources[i].source, named_sources[i].source);
            return;
        }
    }
    creds_broken(creds,
                 "profile %s: credential_source is %.40s, and not Environment, EcsContainer or "
                 "Ec2InstanceMetadata",
                 profile, name);
}

/* One profile of the row. False when the row has ended, one way or the other; else *profile is the
 * next one. */
static bool step(struct aws_creds *creds, char visited[][CREDS_PROFILE_MAX], const char **profile)
{
    struct creds_fetch *fetch = &creds->fetch;
    const struct creds_profiles *profiles = &fetch->profiles;
    const char *role = creds_profiles_get(profiles, *profile, "role_arn");
    const char *parent = creds_profiles_get(profiles, *profile, "source_profile");
    const char *named = creds_profiles_get(profiles, *profile, "credential_source");
    if (creds_profiles_get(profiles, *profile, "mfa_serial")) {
        creds_broken(creds,
                     "profile %s asks for a person's code (mfa_serial), which Drover cannot "
                     "give: use a role without it",
                     *profile);
        return false;
    }
    if (!parent == !named) {
        creds_broken(creds,
                     "profile %s has role_arn and needs %s source_profile or "
                     "credential_source",
                     *profile, parent ? "either" : "a");
        return false;
    }
    size_t depth = fetch->role_count;
    if (!creds_push_role(fetch, role, creds_profiles_get(profiles, *profile, "external_id"),
                         creds_profiles_get(profiles, *profile, "role_session_name"),
                         creds_profiles_get(profiles, *profile, "duration_seconds"))) {
        creds_broken(creds, "profile %s: more than %d source_profiles in a row", *profile,
                     CREDS_ROLES_MAX);
        return false;
    }
    snprintf(visited[depth], CREDS_PROFILE_MAX, "%s", *profile);
    if (named) {
        branch_named(creds, *profile, named);
        return false;
    }
    if (!creds_profiles_has(profiles, parent)) {
        creds_broken(creds, "profile %s: its source_profile %.100s does not exist", *profile,
                     parent);
        return false;
    }
    bool itself = strcmp(parent, *profile) == 0;
    for (size_t i = 0; i <= depth; i++) {
        if (strcmp(visited[i], parent) == 0 && !(itself && has_keys(profiles, parent))) {
            creds_broken(creds, "profile %s: its source_profile %.100s leads back to itself",
                         *profile, parent);
            return false;
        }
    }
    *profile = parent;
    return true;
}

void creds_try_profile_role(struct aws_creds *creds)
{
    const struct creds_profiles *profiles = creds_profiles_of(creds);
    if (!profiles)
        return;
    const char *profile = creds->fetch.profile;
    if (!has_role(profiles, profile)) {
        creds_none(creds, "no role_arn in profile %s", profile);
        return;
    }
    char visited[CREDS_ROLES_MAX][CREDS_PROFILE_MAX];
    do {
        if (!step(creds, visited, &profile))
            return;
    } while (has_role(profiles, profile) && !has_keys(profiles, profile));
    char base[CREDS_PROFILE_MAX];
    snprintf(base, sizeof base, "%s", profile);
    snprintf(creds->fetch.profile, sizeof creds->fetch.profile, "%s", base);
    creds_branch(creds, CREDS_WEB_IDENTITY, CREDS_CONFIG);
}

/* The environment's, unless a profile was named or it is a role's source that is looked for. */
static const char *web_setting(const struct aws_creds *creds, const char *variable,
                               const char *name)
{
    const char *value = creds->profile[0] || creds->fetch.nested ? "" : creds_env(variable);
    if (!value[0])
        value = creds_profiles_get(&creds->fetch.profiles, creds->fetch.profile, name);
    return value ? value : "";
}

void creds_try_web_identity(struct aws_creds *creds)
{
    if (!creds_profiles_of(creds))
        return;
    const char *path = web_setting(creds, "AWS_WEB_IDENTITY_TOKEN_FILE", "web_identity_token_file");
    const char *role = web_setting(creds, "AWS_ROLE_ARN", "role_arn");
    if (!path[0]) {
        creds_none(creds, "no AWS_WEB_IDENTITY_TOKEN_FILE");
        return;
    }
    if (!role[0]) {
        creds_broken(creds, "there is a token file, %s, but no AWS_ROLE_ARN", path);
        return;
    }
    char token[TOKEN_FILE_MAX];
    ssize_t len = creds_read_small(path, token, sizeof token);
    while (len > 0 && strchr("\r\n \t", token[len - 1]))
        token[--len] = '\0';
    if (len < 0) {
        creds_broken(creds, "cannot read %s: %s", path, strerror(errno));
    } else if (len == 0) {
        creds_broken(creds, "%s is empty", path);
    } else {
        char where[PATH_MAX + 32];
        snprintf(where, sizeof where, "web identity (%s)", path);
        creds_assume_web(creds, role,
                         web_setting(creds, "AWS_ROLE_SESSION_NAME", "role_session_name"), token,
                         where);
    }
    explicit_bzero(token, sizeof token);
}
