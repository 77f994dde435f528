/* SPDX-License-Identifier: Apache-2.0 */
/* boot-render FILE: prints the script for the settings in a JSON file, whose keys are the fields of
 * struct boot_settings. For the guard's tests, and for looking at what a machine would get. */
#include "render.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LIST = 32 };

static const char *const id_sources[] = {"hostname", "aws-imdsv2", "gce", "azure", NULL};
static const char *const power_offs[] = {"exit", "shutdown", NULL};

static const char *text(const json_t *from, const char *key)
{
    return json_string_value(json_object_get(from, key));
}

static unsigned number(const json_t *from, const char *key)
{
    return (unsigned)json_integer_value(json_object_get(from, key));
}

static bool flag(const json_t *from, const char *key)
{
    return json_is_true(json_object_get(from, key));
}

static unsigned choice(const json_t *from, const char *key, const char *const *names)
{
    for (unsigned i = 0; text(from, key) && names[i]; i++)
        if (strcmp(names[i], text(from, key)) == 0)
            return i;
    return 0;
}

static size_t list(const json_t *from, const char *key, const char **items)
{
    const json_t *array = json_object_get(from, key);
    size_t count = json_array_size(array);
    for (size_t i = 0; i < count && i < MAX_LIST; i++)
        items[i] = json_string_value(json_array_get(array, i));
    return count < MAX_LIST ? count : MAX_LIST;
}

int main(int argc, char **argv)
{
    json_error_t why;
    json_t *j = argc == 2 ? json_load_file(argv[1], 0, &why) : NULL;
    if (!j) {
        fprintf(stderr, "usage: boot-render SETTINGS.json\n");
        return 2;
    }
    static const char *queues[MAX_LIST], *env[MAX_LIST];
    static struct boot_git_host hosts[MAX_LIST];
    const json_t *git = json_object_get(j, "git_hosts");
    size_t host_count = json_array_size(git);
    for (size_t i = 0; i < host_count && i < MAX_LIST; i++) {
        const json_t *h = json_array_get(git, i);
        hosts[i] = (struct boot_git_host){text(h, "host"), text(h, "user"), text(h, "token")};
    }
    struct boot_settings s = {
        .api_server = text(j, "api_server"),
        .web_server = text(j, "web_server"),
        .files_server = text(j, "files_server"),
        .ca_pem = text(j, "ca_pem"),
        .insecure_tls = flag(j, "insecure_tls"),
        .access_key = text(j, "access_key"),
        .secret_key = text(j, "secret_key"),
        .queues = queues,
        .queue_count = list(j, "queues", queues),
        .drain_queue_id = text(j, "drain_queue_id"),
        .order_fairness = flag(j, "order_fairness"),
        .worker_prefix = text(j, "worker_prefix"),
        .worker_name = text(j, "worker_name"),
        .type_name = text(j, "type_name"),
        .id_source = (enum boot_id_source)choice(j, "id_source", id_sources),
        .metadata_url = text(j, "metadata_url"),
        .power_off = (enum boot_power_off)choice(j, "power_off", power_offs),
        .cpu_only = flag(j, "cpu_only"),
        .gpus = text(j, "gpus"),
        .gpu_count = number(j, "gpu_count"),
        .gpu_patience_s = number(j, "gpu_patience_s"),
        .slots = number(j, "slots"),
        .docker_image = text(j, "docker_image"),
        .docker_args = text(j, "docker_args"),
        .git_hosts = hosts,
        .git_host_count = host_count < MAX_LIST ? host_count : MAX_LIST,
        .ssh_private_key = text(j, "ssh_private_key"),
        .ssh_known_hosts = text(j, "ssh_known_hosts"),
        .storage_conf = text(j, "storage_conf"),
        .extra_clearml_conf = text(j, "extra_clearml_conf"),
        .init_script = text(j, "init_script"),
        .env = env,
        .env_count = list(j, "env", env),
        .agent_version = text(j, "agent_version"),
        .agent_python = text(j, "agent_python"),
        .poll_s = number(j, "poll_s"),
        .own_idle_limit_s = number(j, "own_idle_limit_s"),
        .max_life_s = number(j, "max_life_s"),
        .max_task_s = number(j, "max_task_s"),
        .unreported_grace_s = number(j, "unreported_grace_s"),
        .kill_grace_s = number(j, "kill_grace_s"),
        .fence_off = flag(j, "fence_off"),
    };
    struct boot_blob script;
    char err[200];
    if (boot_render(&s, &script, err, sizeof err) != 0) {
        fprintf(stderr, "%s\n", err);
        return 1;
    }
    fwrite(script.data, 1, script.size, stdout);
    boot_blob_free(&script);
    json_decref(j);
    return fflush(stdout) == 0 ? 0 : 1;
}
