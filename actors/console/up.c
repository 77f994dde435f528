/* SPDX-License-Identifier: Apache-2.0
 *
 * drover up: droverd in the foreground, with the configuration that every command takes. Where
 * there is none yet, the wizard in the browser first.
 */
#include "console.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "link.h"

#define ROOTS_CONFIG "/etc/drover/drover.yaml"

struct up {
    char config[PATH_MAX], state[PATH_MAX], run[PATH_MAX];
    const char *listen;
};

/* ---- places --------------------------------------------------------------------------------- */
static bool make_absolute(const char *path, char *out, const char *below)
{
    char here[PATH_MAX] = "";
    if (path[0] != '/' && getcwd(here, sizeof here) == NULL)
        return false;
    int len = snprintf(out, PATH_MAX, "%s%s%s%s", here, *here ? "/" : "", path, below);
    return len > 0 && len < PATH_MAX - 64;
}

/* --dir DIR: all of it below DIR. The last resort of every command is root's. */
static bool find_places(const struct console *console, const char *dir, struct up *up)
{
    const char *home = getenv("HOME"), *config = console->config_path;
    char standard[PATH_MAX] = "/var/lib/drover";
    if (dir != NULL)
        return make_absolute(dir, up->config, "/drover.yaml") &&
               make_absolute(dir, up->state, "/state");
    if (geteuid() != 0 && strcmp(config, ROOTS_CONFIG) == 0 && access(config, F_OK) != 0)
        config = "drover.yaml";
    if (geteuid() != 0 && home != NULL)
        snprintf(standard, sizeof standard, "%s/.local/share/drover", home);
    return make_absolute(config, up->config, "") && make_absolute(standard, up->state, "");
}

/* Where a configuration says that sockets and the login link are. False: it has no dashboard, or
 * droverd will say what is wrong with it. */
static bool find_run(struct up *up)
{
    struct dr_config_errors errors;
    struct dr_config *config = dr_config_load_draft(up->config, &errors);
    dr_config_errors_free(&errors);
    if (config == NULL)
        return false;
    const struct dr_cfg_root *root = dr_config_root(config);
    bool own = root->run_dir[0] != '\0', on = strcmp(root->gateway.listen, "off") != 0;
    snprintf(up->run, sizeof up->run, "%s%s", own ? root->run_dir : root->state_dir,
             own ? "" : "/run");
    dr_config_free(config);
    return on;
}

/* ---- the two programs ----------------------------------------------------------------------- */
static int become_droverd(struct up *up)
{
    char path[600];
    if (spawn_find("droverd", path, sizeof path) != 0)
        return EXIT_BROKEN;
    if (find_run(up))
        link_later("The dashboard", up->run, getpid());
    execl(path, path, "--config", up->config, (char *)NULL);
    return console_fail(EXIT_BROKEN, "unavailable", "cannot start %s: %s", path, strerror(errno));
}

/* It ends with this process, whatever ends that. */
static pid_t start_wizard(const char *path, const struct up *up)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    execl(path, path, "--setup", "--config", up->config, "--state-dir", up->state, "--listen",
          up->listen, (char *)NULL);
    _exit(127);
}

static int first_start(struct up *up)
{
    char path[600];
    if (spawn_find("drover-gateway", path, sizeof path) != 0)
        return EXIT_BROKEN;
    snprintf(up->run, sizeof up->run, "%.4000s/run", up->state);
    printf("There is no %s yet: the wizard in the browser writes it, or `drover init` in a "
           "terminal.\n",
           up->config);
    fflush(stdout);
    pid_t pid = start_wizard(path, up);
    if (pid < 0) {
        return console_fail(EXIT_BROKEN, "unavailable", "cannot start %s: %s", path,
                            strerror(errno));
    }
    link_later("The wizard", up->run, pid);
    if (spawn_wait(pid) != 0)
        return EXIT_BROKEN; /* it has said why */
    return become_droverd(up);
}

int cmd_up(struct console *console, int argc, char **argv)
{
    struct up up;
    const char *dir = console_option(&argc, argv, "--dir");
    const char *listen = console_option(&argc, argv, "--listen");
    up.listen = listen == NULL ? "127.0.0.1:8400" : listen;
    if (!find_places(console, dir, &up))
        return console_fail(EXIT_USAGE, "usage", "the path of the configuration is too long");
    if (access(up.config, R_OK) == 0)
        return become_droverd(&up);
    if (errno == ENOENT)
        return first_start(&up);
    return console_fail(EXIT_CONFIG, "config", "%s cannot be read: %s", up.config, strerror(errno));
}
