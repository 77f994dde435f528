/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys that lie somewhere: the account's own file, the environment, the shared files; and the
 * profiles that would have another program run.
 */
#include <string.h>

#include "answer.h"
#include "creds_impl.h"
#include "json.h"
#include "secretfile.h"

void creds_try_file(struct aws_creds *creds)
{
    const char *path = creds->credentials_file;
    if (!path[0]) {
        creds_none(creds, "not set");
        return;
    }
    struct dr_error error = {0}, type = {0};
    json_t *tree = dr_secretfile_load(path, &error);
    if (!tree) {
        creds_broken(creds, "%s", error.text);
        return;
    }
    struct creds_keys keys = {0};
    const char *access_key = dr_json_str(tree, "access_key_id", "", &type);
    const char *secret_key = dr_json_str(tree, "secret_access_key", "", &type);
    const char *token = dr_json_str(tree, "session_token", "", &type);
    bool good = !type.text[0] && creds_keys_set(&keys, access_key, secret_key, token, &error);
    creds_wipe_json(tree);
    if (good)
        creds_found(creds, &keys, "%s", path);
    else
        creds_broken(creds, "%s needs access_key_id and secret_access_key: %s", path,
                     type.text[0] ? type.text : error.text);
}

void creds_try_environment(struct aws_creds *creds)
{
    const char *access_key = creds_env("AWS_ACCESS_KEY_ID");
    const char *secret_key = creds_env("AWS_SECRET_ACCESS_KEY");
    const char *token = creds_env("AWS_SESSION_TOKEN");
    const char *expiration = creds_env("AWS_CREDENTIAL_EXPIRATION");
    if (creds->profile[0] && !creds->fetch.nested) {
        creds_none(creds, "passed over, the account names a profile");
        return;
    }
    if (!access_key[0]) {
        creds_none(creds, "no AWS_ACCESS_KEY_ID");
        return;
    }
    struct creds_keys keys = {0};
    struct dr_error error = {0};
    if (!creds_keys_set(&keys, access_key, secret_key,
                        token[0] ? token : creds_env("AWS_SECURITY_TOKEN"), &error)) {
        creds_broken(creds, "AWS_ACCESS_KEY_ID is set, but %s", error.text);
        return;
    }
    int64_t expires_us = expiration[0] ? aws_time_us(expiration) : -1;
    creds_keys_expire(&keys, expires_us, NULL);
    if (expiration[0] && expires_us < 0)
        creds_broken(creds, "AWS_CREDENTIAL_EXPIRATION is no time such as 2026-07-01T12:00:00Z");
    else if (keys.expires && keys.life_ms <= 0)
        creds_broken(creds, "expired at %.40s (AWS_CREDENTIAL_EXPIRATION)", expiration);
    else
        creds_found(creds, &keys, "the environment (AWS_ACCESS_KEY_ID)");
    creds_keys_wipe(&keys);
}

typedef const char *(*creds_get_fn)(const struct creds_profiles *profiles, const char *profile,
                                    const char *name);

static void try_profile(struct aws_creds *creds, const struct ini *file, const char *path,
                        creds_get_fn get)
{
    const struct creds_profiles *profiles = &creds->fetch.profiles;
    const char *profile = creds->fetch.profile;
    const char *access_key = get(profiles, profile, "aws_access_key_id");
    if (!file) {
        creds_none(creds, "there is no %s", path);
        return;
    }
    if (!access_key) {
        creds_none(creds, "no aws_access_key_id in profile %s of %s", profile, path);
        return;
    }
    const char *token = get(profiles, profile, "aws_session_token");
    if (!token)
        token = get(profiles, profile, "aws_security_token");
    struct creds_keys keys = {0};
    struct dr_error error = {0};
    if (creds_keys_set(&keys, access_key, get(profiles, profile, "aws_secret_access_key"), token,
                       &error))
        creds_found(creds, &keys, "profile %s of %s", profile, path);
    else
        creds_broken(creds, "profile %s of %s: %s", profile, path, error.text);
}

void creds_try_shared(struct aws_creds *creds)
{
    const struct creds_profiles *profiles = creds_profiles_of(creds);
    if (profiles)
        try_profile(creds, profiles->credentials, profiles->credentials_path,
                    creds_credentials_get);
}

void creds_try_config(struct aws_creds *creds)
{
    const struct creds_profiles *profiles = creds_profiles_of(creds);
    if (profiles)
        try_profile(creds, profiles->config, profiles->config_path, creds_config_get);
}

/* What a person does once cannot be done by a daemon; what it leads to can be handed over. */
#define INSTEAD                                                                               \
    "hand over what `aws configure export-credentials --profile %s --format env` prints, or " \
    "give Drover keys or a role of its own"

void creds_try_sso(struct aws_creds *creds)
{
    const struct creds_profiles *profiles = creds_profiles_of(creds);
    if (!profiles)
        return;
    const char *profile = creds->fetch.profile;
    if (creds_profiles_get(profiles, profile, "sso_account_id") &&
        creds_profiles_get(profiles, profile, "sso_role_name"))
        creds_broken(creds,
                     "profile %s is signed in by a person (sso_*), which Drover cannot: " INSTEAD,
                     profile, profile);
    else
        creds_none(creds, "no sso_* in profile %s", profile);
}

void creds_try_tools(struct aws_creds *creds)
{
    const struct creds_profiles *profiles = creds_profiles_of(creds);
    if (!profiles)
        return;
    const char *profile = creds->fetch.profile;
    if (creds_profiles_get(profiles, profile, "login_session"))
        creds_broken(creds,
                     "profile %s is signed in by a person (login_session), which Drover "
                     "cannot: " INSTEAD,
                     profile, profile);
    else if (creds_profiles_get(profiles, profile, "credential_process"))
        creds_broken(creds,
                     "profile %s has a credential_process, and Drover runs no programs: " INSTEAD,
                     profile, profile);
    else
        creds_none(creds, "no credential_process in profile %s", profile);
}
