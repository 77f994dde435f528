/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "creds.h"
#include "creds_impl.h"

/* AWS's partitions, by the beginning of a region's name (botocore's partitions.json). The last one
 * takes all. */
struct partition {
    const char *prefix, *suffix, *dual_suffix;
    bool fips; /* has names of its own for FIPS */
};
static const struct partition partitions[] = {
    {"cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn", true},
    {"eusc-", "amazonaws.eu", "api.amazonwebservices.eu", true},
    {"us-gov-", "amazonaws.com", "api.aws", false}, /* its plain names are FIPS */
    {"us-iso-", "c2s.ic.gov", "api.aws.ic.gov", true},
    {"us-isob-", "sc2s.sgov.gov", "api.aws.scloud", true},
    {"eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk", true},
    {"us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov", true},
    {"", "amazonaws.com", "api.aws", true},
};

static bool says_true(const char *name)
{
    return strcasecmp(creds_env(name), "true") == 0;
}

static const char *from_environment(const char *service)
{
    if (says_true("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"))
        return "";
    char name[64];
    int len = snprintf(name, sizeof name, "AWS_ENDPOINT_URL_%s", service);
    for (int i = 0; i < len && i < (int)sizeof name; i++)
        name[i] = (char)toupper((unsigned char)name[i]);
    const char *url = creds_env(name);
    return url[0] ? url : creds_env("AWS_ENDPOINT_URL");
}

/* A request goes to "/" at least. */
static void take_url(const char *url, char *out, size_t size)
{
    const char *host = strstr(url, "://");
    bool bare = !strchr(host ? host + 3 : url, '/');
    snprintf(out, size, "%s%s", url, bare ? "/" : "");
}

void aws_endpoint(const char *service, const char *region, const char *override, char *out,
                  size_t size)
{
    if (!override || !override[0])
        override = from_environment(service);
    if (override[0]) {
        take_url(override, out, size);
        return;
    }
    out[0] = '\0';
    if (!region[0] || region[strspn(region, "abcdefghijklmnopqrstuvwxyz0123456789-")])
        return;
    const struct partition *partition = partitions;
    while (strncmp(region, partition->prefix, strlen(partition->prefix)) != 0)
        partition++;
    bool dual = says_true("AWS_USE_DUALSTACK_ENDPOINT");
    bool fips = says_true("AWS_USE_FIPS_ENDPOINT") && partition->fips;
    snprintf(out, size, "https://%s%s.%s.%s/", service, fips ? "-fips" : "", region,
             dual ? partition->dual_suffix : partition->suffix);
}

void aws_region(const struct dr_cfg_account *account, const char *home, char *out, size_t size)
{
    const char *region = account->region ? account->region : "";
    if (!region[0])
        region = creds_env("AWS_REGION");
    if (!region[0])
        region = creds_env("AWS_DEFAULT_REGION");
    snprintf(out, size, "%s", region);
    if (region[0])
        return;
    struct creds_profiles profiles = {0};
    creds_profiles_load(&profiles, account->profile, home, NULL);
    const char *said = creds_profiles_get(&profiles, profiles.name, "region");
    snprintf(out, size, "%s", said ? said : "");
    creds_profiles_free(&profiles);
}
