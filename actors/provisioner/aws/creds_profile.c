/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "creds_impl.h"

/* A path as the environment names it, or the usual one below the home directory. */
static void find_path(const char *variable, const char *usual, const char *home, char *out,
                      size_t size)
{
    const char *said = creds_env(variable);
    if (!home)
        home = creds_env("HOME");
    if (said[0] == '~' && (said[1] == '/' || !said[1]))
        snprintf(out, size, "%s%s", home, said + 1);
    else if (said[0])
        snprintf(out, size, "%s", said);
    else
        snprintf(out, size, "%s/.aws/%s", home, usual);
}

bool creds_profiles_load(struct creds_profiles *profiles, const char *profile, const char *home,
                         struct dr_error *error)
{
    *profiles = (struct creds_profiles){0};
    const char *name = profile ? profile : "";
    if (!name[0])
        name = creds_env("AWS_DEFAULT_PROFILE"); /* AWS's tools look here first */
    if (!name[0])
        name = creds_env("AWS_PROFILE");
    profiles->named = name[0];
    snprintf(profiles->name, sizeof profiles->name, "%s", name[0] ? name : "default");
    find_path("AWS_SHARED_CREDENTIALS_FILE", "credentials", home, profiles->credentials_path,
              sizeof profiles->credentials_path);
    find_path("AWS_CONFIG_FILE", "config", home, profiles->config_path,
              sizeof profiles->config_path);
    bool missing;
    profiles->credentials = ini_load(profiles->credentials_path, &missing, error);
    if (!profiles->credentials && !missing)
        return false;
    profiles->config = ini_load(profiles->config_path, &missing, error);
    return profiles->config || missing;
}

void creds_profiles_free(struct creds_profiles *profiles)
{
    ini_free(profiles->credentials);
    ini_free(profiles->config);
    profiles->credentials = profiles->config = NULL;
}

/* One word as a shell takes it, quotes gone. Returns what follows it, NULL without its end. */
static const char *word(const char *at, char *out, size_t size)
{
    char quote = '\0';
    size_t len = 0;
    while (isspace((unsigned char)*at))
        at++;
    for (; *at && (quote || !isspace((unsigned char)*at)); at++) {
        if (*at == quote) {
            quote = '\0';
        } else if (!quote && (*at == '"' || *at == '\'')) {
            quote = *at;
        } else {
            if (*at == '\\' && quote != '\'' && at[1])
                at++;
            if (len + 1 < size)
                out[len++] = *at;
        }
    }
    out[len] = '\0';
    return quote ? NULL : at;
}

/* "profile NAME" of the config file, and "default" bare. */
static bool names_profile(const char *section, const char *profile)
{
    if (strcmp(section, "default") == 0)
        return strcmp(profile, "default") == 0;
    if (strncmp(section, "profile", 7) != 0)
        return false;
    char first[CREDS_PROFILE_MAX], second[CREDS_PROFILE_MAX], rest[2];
    const char *at = word(section, first, sizeof first);
    at = at ? word(at, second, sizeof second) : NULL;
    return at && word(at, rest, sizeof rest) && !rest[0] && strcmp(second, profile) == 0;
}

/* The last one counts, where [default] and [profile default] both stand. */
static const char *config_section(const struct creds_profiles *profiles, const char *profile)
{
    const char *found = NULL, *section;
    for (size_t n = 0; (section = ini_section(profiles->config, n)); n++) {
        if (names_profile(section, profile))
            found = section;
    }
    return found;
}

bool creds_profiles_has(const struct creds_profiles *profiles, const char *profile)
{
    const char *section;
    for (size_t n = 0; (section = ini_section(profiles->credentials, n)); n++) {
        if (strcmp(section, profile) == 0)
            return true;
    }
    return config_section(profiles, profile) != NULL;
}

const char *creds_config_get(const struct creds_profiles *profiles, const char *profile,
                             const char *name)
{
    const char *section = config_section(profiles, profile);
    return section ? ini_get(profiles->config, section, name) : NULL;
}

const char *creds_credentials_get(const struct creds_profiles *profiles, const char *profile,
                                  const char *name)
{
    return ini_get(profiles->credentials, profile, name);
}

const char *creds_profiles_get(const struct creds_profiles *profiles, const char *profile,
                               const char *name)
{
    const char *value = creds_credentials_get(profiles, profile, name);
    return value ? value : creds_config_get(profiles, profile, name);
}
