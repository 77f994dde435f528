/* SPDX-License-Identifier: Apache-2.0
 *
 * What this computer knows already: the SDK's clearml.conf, AWS's environment and profiles, the
 * time zone. A person confirms it with Enter.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hocon.h"
#include "init.h"
#include "json.h"
#include "seal.h"

#define FILE_MAX_BYTES ((size_t)256 << 10)

static void know(struct wizard *w, const char *path, const char *value)
{
    if (value != NULL && *value != '\0')
        json_object_set_new(w->known, path, json_string(value));
}

static void below_home(const char *variable, const char *rest, char *path, size_t room)
{
    const char *named = getenv(variable), *home = getenv("HOME");
    if (named != NULL && *named != '\0')
        snprintf(path, room, "%s", named);
    else
        snprintf(path, room, "%s/%s", home == NULL ? "" : home, rest);
}

/* ---- clearml.conf -----------------------------------------------------------------------------
 */
static const char *nothing(void *arg, const char *name)
{
    (void)arg, (void)name;
    return NULL;
}

static void read_conf(struct wizard *w, const char *path, const char *text, size_t len)
{
    static const char *const servers[] = {"api_server", "web_server", "files_server"};
    static const char *const keys[] = {"access_key", "secret_key"};
    json_t *conf = dr_hocon_parse(path, text, len, nothing, NULL, NULL);
    char from[64], to[64];
    for (size_t i = 0; conf != NULL && i < sizeof servers / sizeof *servers; i++) {
        snprintf(from, sizeof from, "api.%s", servers[i]);
        snprintf(to, sizeof to, "clearml.%s", servers[i]);
        know(w, to, dr_json_str(conf, from, "", NULL));
    }
    for (size_t i = 0; conf != NULL && i < sizeof keys / sizeof *keys; i++) {
        snprintf(from, sizeof from, "api.credentials.%s", keys[i]);
        const char *key = dr_json_str(conf, from, "", NULL);
        if (*key != '\0')
            json_object_set_new(json_object_get(w->secrets, "clearml"), keys[i], json_string(key));
    }
    if (conf != NULL)
        printf("Found %s: its servers and its key pair stand in the brackets.\n", path);
    json_decref(conf);
}

/* Read by itself: one that others may open too, as clearml-init writes it, is fine to copy from. */
static void find_conf(struct wizard *w)
{
    char path[PATH_MAX];
    below_home("CLEARML_CONFIG_FILE", "clearml.conf", path, sizeof path);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return;
    char *text = calloc(1, FILE_MAX_BYTES);
    size_t len = text == NULL ? 0 : fread(text, 1, FILE_MAX_BYTES - 1, file);
    fclose(file);
    if (len > 0)
        read_conf(w, path, text, len);
    dr_wipe_free(text, FILE_MAX_BYTES);
}

/* ---- AWS --------------------------------------------------------------------------------------
 */
/* "[profile x]" in config, "[x]" in credentials:
 * https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-files.html */
static void read_profiles(struct wizard *w, const char *path)
{
    char line[1024], name[128], value[128], section[128] = "";
    json_t *profiles = json_object_get(w->known, "profiles"), *one;
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "[profile %127[^]]]", name) == 1 ||
            sscanf(line, "[%127[^]]]", name) == 1) {
            size_t i;
            bool there = false;
            json_array_foreach (profiles, i, one)
                there = there || strcmp(json_string_value(one), name) == 0;
            if (!there)
                json_array_append_new(profiles, json_string(name));
            snprintf(section, sizeof section, "%s", name);
        } else if (strcmp(section, "default") == 0 &&
                   sscanf(line, " region = %127[^ \t\r\n]", value) == 1) {
            know(w, "accounts[].region", value);
        }
    }
    if (file != NULL)
        fclose(file);
}

static void find_aws(struct wizard *w)
{
    char path[PATH_MAX];
    json_object_set_new(w->known, "profiles", json_array());
    below_home("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials", path, sizeof path);
    read_profiles(w, path);
    below_home("AWS_CONFIG_FILE", ".aws/config", path, sizeof path);
    read_profiles(w, path);
    know(w, "accounts[].region", getenv("AWS_DEFAULT_REGION"));
    know(w, "accounts[].region", getenv("AWS_REGION"));
    know(w, "accounts[].profile", getenv("AWS_PROFILE"));
}

/* ---- this host --------------------------------------------------------------------------------
 */
static void find_time_zone(struct wizard *w)
{
    static const char zones[] = "/zoneinfo/";
    char to[PATH_MAX];
    ssize_t len = readlink("/etc/localtime", to, sizeof to - 1);
    to[len > 0 ? len : 0] = '\0';
    const char *zone = strstr(to, zones);
    if (zone != NULL && strcmp(zone + strlen(zones), "Etc/UTC") != 0)
        know(w, "time_zone", zone + strlen(zones));
}

void known_find(struct wizard *w)
{
    char state[PATH_MAX + 8];
    know(w, "deployment", "drover");
    know(w, "clearml.api_server", "https://api.clear.ml");
    know(w, "clearml.api_server", getenv("CLEARML_API_HOST"));
    /* Where a key pair is named already, another is not put into its file unasked. */
    if (json_object_get(json_object_get(w->answers, "clearml"), "credentials_file") == NULL)
        find_conf(w);
    know(w, "clearml.web_server", getenv("CLEARML_WEB_HOST"));
    know(w, "clearml.files_server", getenv("CLEARML_FILES_HOST"));
    find_aws(w);
    find_time_zone(w);
    /* /var/lib is root's. */
    snprintf(state, sizeof state, "%s/state", w->dir);
    if (geteuid() != 0 && json_object_get(w->answers, "state_dir") == NULL)
        json_object_set_new(w->answers, "state_dir", json_string(state));
}
