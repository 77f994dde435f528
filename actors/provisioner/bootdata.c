/* SPDX-License-Identifier: Apache-2.0 */
#include "bootdata.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drover/assert.h"
#include "secrets.h"

#define CA_MAX (1 << 20)

static const char *first_set(const char *a, const char *b)
{
    return a[0] ? a : b;
}

static unsigned seconds(int64_t ms)
{
    int64_t s = (ms + 999) / 1000;
    return s > UINT32_MAX ? UINT32_MAX : (unsigned)s;
}

static bool read_ca(const char *path, char **text, struct dr_error *error)
{
    *text = calloc(1, CA_MAX);
    DR_ASSERT(*text);
    if (!path[0])
        return true;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : read(fd, *text, CA_MAX - 1);
    if (fd >= 0)
        close(fd);
    return len >= 0 ||
           dr_error_set(error, "clearml.ca_file %s cannot be read: %s", path, strerror(errno));
}

/* The caller's (free). A .bashrc that wants a person in front of it ends at once. */
static char *init_script_of(const struct dr_cfg_type *type)
{
    char *script;
    DR_ASSERT(asprintf(&script, "%s%s",
                       type->read_bashrc ? "[ -r ~/.bashrc ] && . ~/.bashrc\n" : "",
                       type->init_script) >= 0);
    return script;
}

static struct boot_settings settings_of(const struct bootdata_request *request,
                                        const struct secrets *secrets)
{
    const struct dr_cfg_root *config = request->config;
    const struct dr_cfg_clearml *clearml = &config->clearml;
    const struct dr_cfg_type *type = request->type;
    const struct dr_cfg_timing *timing = &config->timing;
    return (struct boot_settings){
        .api_server = first_set(clearml->machine_api_server, clearml->api_server),
        .web_server = clearml->web_server,
        .files_server = first_set(clearml->machine_files_server, clearml->files_server),
        .insecure_tls = !clearml->verify_tls,
        .access_key = request->access_key,
        .secret_key = request->secret_key,
        .drain_queue_id = request->machine->drain_queue,
        .worker_prefix = config->worker_prefix,
        .worker_name = request->account->name,
        .type_name = type->name,
        .id_source = request->id_source,
        .power_off = request->power_off,
        .cpu_only = type->cpu_only,
        .gpus = type->gpus,
        .gpu_count = type->cpu_only        ? 0
                     : type->gpu_count > 0 ? (unsigned)type->gpu_count
                                           : request->gpu_count,
        .slots = (unsigned)type->slots,
        .docker_image = type->docker_image,
        .docker_args = type->docker_args,
        .git_hosts = secrets->git_hosts,
        .git_host_count = secrets->git_host_count,
        .ssh_private_key = secrets->ssh_private_key,
        .ssh_known_hosts = secrets->ssh_known_hosts,
        .storage_conf = secrets->storage_conf,
        .extra_clearml_conf = type->extra_clearml_conf,
        .env = type->environment.items,
        .env_count = type->environment.count,
        .agent_python = request->account->agent_python,
        .gpu_patience_s = seconds(timing->gpu_patience_ms),
        .poll_s = seconds(timing->drain_poll_ms),
        .own_idle_limit_s = seconds(type->idle_timeout_ms + timing->own_idle_slack_ms),
        .max_life_s = seconds(type->max_life_ms),
        .max_task_s = type->max_life_ms ? seconds(timing->max_task_ms) : 0,
        .unreported_grace_s = seconds(timing->unreported_grace_ms),
        .kill_grace_s = timing->kill_grace_ms ? seconds(timing->kill_grace_ms) : 1,
    };
}

bool bootdata_render(const struct bootdata_request *request, struct boot_blob *out,
                     struct dr_error *error)
{
    struct secrets secrets;
    char *ca = NULL, err[256] = "";
    if (!secrets_load(request->account->secrets_file, &secrets, error))
        return false;
    bool ok = read_ca(request->config->clearml.ca_file, &ca, error);
    if (ok) {
        struct boot_settings settings = settings_of(request, &secrets);
        /* By id, and those only that the server has: an agent that is told to listen to a queue
         * which does not exist ends. */
        settings.queues = request->machine->queues.items;
        settings.queue_count = request->machine->queues.count;
        settings.ca_pem = ca;
        char *script = init_script_of(request->type);
        settings.init_script = script;
        if (boot_render(&settings, out, err, sizeof err) != 0)
            ok = dr_error_set(error, "no boot script for type %s: %s", request->type->name, err);
        free(script);
    }
    free(ca);
    secrets_free(&secrets);
    return ok;
}
