/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a machine is told at its first start: one bash script for every kind of machine, with the
 * settings and the guard inside. Pure: no file is read, no clock, no network. docs/machine.md tells
 * what the script does.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A git server reached over HTTPS. host may carry a port or a scheme ("http://git.lan:3000"). */
struct boot_git_host {
    const char *host;
    const char *user;
    const char *token;
};

enum boot_id_source {
    BOOT_ID_HOSTNAME,   /* the host name is the instance id already (local machines) */
    BOOT_ID_AWS_IMDSV2, /* the metadata service tells it; the host name becomes it */
    BOOT_ID_GCE,
    BOOT_ID_AZURE,
};

enum boot_power_off {
    BOOT_POWER_EXIT,     /* the script's exit is the machine's end (local machines) */
    BOOT_POWER_SHUTDOWN, /* shutdown -h now; the cloud must terminate a machine that is off */
};

/*
 * All strings are UTF-8 and borrowed for the call; NULL is as good as "". Whole text blocks (PEM,
 * HOCON, scripts) are passed on byte for byte. Fields marked * must not be empty.
 */
struct boot_settings {
    const char *api_server; /* * URL without a trailing path */
    const char *web_server;
    const char *files_server;
    const char *ca_pem;     /* a CA trusted besides the system's */
    bool insecure_tls;      /* certificates are not checked at all */
    const char *access_key; /* * */
    const char *secret_key; /* * */

    const char *const *queues; /* * names, the first is served first */
    size_t queue_count;
    const char *drain_queue_id; /* * id of the queue whose metadata carries flag and answer (P14) */
    bool order_fairness;        /* round-robin instead of priority */

    /* worker id = worker_prefix:worker_name:type_name:instance id; none may hold a ':' */
    const char *worker_prefix; /* * */
    const char *worker_name;   /* * */
    const char *type_name;     /* * */

    enum boot_id_source id_source;
    const char *metadata_url; /* instead of the cloud's own address (tests) */
    enum boot_power_off power_off;

    bool cpu_only;
    const char *gpus;         /* "0,1" or "all"; empty: whatever the agent finds */
    unsigned gpu_count;       /* NVIDIA GPUs that the type promises; 0: not looked at */
    unsigned gpu_patience_s;  /* for a driver that is still loading; 0 is 120 */
    unsigned slots;           /* agents on the machine; 0 is 1 */
    const char *docker_image; /* empty: tasks run plainly */
    const char *docker_args;  /* as on a shell's command line */

    const struct boot_git_host *git_hosts;
    size_t git_host_count;
    const char *ssh_private_key;    /* deploy key; without git_hosts every clone goes over SSH */
    const char *ssh_known_hosts;    /* empty: a host's first key is trusted */
    const char *storage_conf;       /* HOCON, e.g. sdk.aws.s3.credentials */
    const char *extra_clearml_conf; /* HOCON, wins over everything above */
    const char *init_script;        /* bash; what it exports reaches the agent */
    const char *const *env;         /* NAME=VALUE for init script and agent */
    size_t env_count;

    const char *agent_version; /* empty: the newest */
    const char *agent_python; /* an interpreter that has clearml_agent; empty: found or installed */

    unsigned poll_s;             /* between two looks at the drain flag; 0 is 5 */
    unsigned own_idle_limit_s;   /* idle that long, the machine ends itself; 0: never */
    unsigned max_life_s;         /* older, it ends with its task; 0: never */
    unsigned max_task_s;         /* so much older, it ends amid its task; 0: never */
    unsigned unreported_grace_s; /* a task's end that cannot be reported; 0 is 24 h */
    unsigned kill_grace_s;       /* between SIGTERM and SIGKILL of a task; 0 is 30 */
    bool fence_off;              /* tests only: ends the machine without looking, and loses tasks */
};

/* Bytes owned by the caller: free with boot_blob_free. data is NUL-terminated beyond size. */
struct boot_blob {
    char *data;
    size_t size;
};

/*
 * Renders the whole user data script. The same settings give the same bytes (P10).
 * Returns 0, or -1 with a sentence in err that names the field (never its value); *out is then
 * empty. Size without the settings: about 28 kB, 10.5 kB after gzip; 12 kB with all parts. EC2
 * takes 16 kB of user data and cloud-init unpacks gzip, so that driver compresses.
 */
int boot_render(const struct boot_settings *s, struct boot_blob *out, char *err, size_t err_len);

/* Wipes (the script holds secrets) and frees; leaves *blob empty. */
void boot_blob_free(struct boot_blob *blob);
