/* SPDX-License-Identifier: Apache-2.0 */
/* drover-sandbox: the core behind two HTTP ports. One lock, taken around each request. */
#include "core.h"

#include "files_dir.h"
#include "http.h"
#include "keep.h"
#include "shell.h"
#include <arpa/inet.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

enum { MAX_QUEUES = 64 };

struct shell {
    struct sandbox *sb;
    pthread_mutex_t lock;
    struct keep keep;
};

struct arguments {
    const char *listen, *files_listen, *state, *access_key, *secret_key_file, *user_name, *seed,
        *files_dir;
    const char *queues[MAX_QUEUES + 1];
    int n_queues;
    bool print_ready;
};

static int64_t now_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* Tells the core: a request to the API or to the files server, or (NULL) that time has passed. What
 * changed stands in the state file before the answer goes out: a restart takes nothing back. */
static void tell(struct shell *shell, const struct sandbox_request *request, bool files,
                 struct sandbox_response *response)
{
    pthread_mutex_lock(&shell->lock);
    int64_t now = now_us();
    uint64_t before = sandbox_revision(shell->sb);
    if (!request)
        sandbox_tick(shell->sb, now);
    else if (files)
        sandbox_files_handle(shell->sb, request, now, response);
    else
        sandbox_handle(shell->sb, request, now, response);
    if (sandbox_revision(shell->sb) != before)
        keep_add(&shell->keep, shell->sb, request, files, now);
    pthread_mutex_unlock(&shell->lock);
}

static void answer_api(void *arg, const struct sandbox_request *request,
                       struct sandbox_response *response)
{
    tell(arg, request, false, response);
}

static void answer_files(void *arg, const struct sandbox_request *request,
                         struct sandbox_response *response)
{
    tell(arg, request, true, response);
}

static void print_ready(const struct http_port *api, const struct http_port *files,
                        const char *access_key)
{
    char a[INET_ADDRSTRLEN], f[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &api->address.sin_addr, a, sizeof a);
    inet_ntop(AF_INET, &files->address.sin_addr, f, sizeof f);
    printf("READY api=http://%s:%d files=http://%s:%d access_key=%s\n", a,
           ntohs(api->address.sin_port), f, ntohs(files->address.sin_port), access_key);
    fflush(stdout);
}

static const char usage[] =
    "usage: drover-sandbox [options]\n"
    "A ClearML server in memory.\n"
    "  --listen ADDRESS:PORT        the API (127.0.0.1:8008; port 0: any free one)\n"
    "  --files-listen ADDRESS:PORT  the files server (127.0.0.1:8081)\n"
    "  --state FILE                 keep everything in FILE, read it again at start\n"
    "  --files-dir DIR              keep uploaded files in DIR (else in the state)\n"
    "  --access-key KEY             the first user's key (made up if absent)\n"
    "  --secret-key-file FILE       its secret; FILE is made with a new one if it is missing\n"
    "  --user-name NAME             the first user's name (Sandbox)\n"
    "  --queue NAME                 a queue beside \"default\"; may be repeated\n"
    "  --seed TEXT                  the same text gives the same ids, keys and tokens\n"
    "  --print-ready                say READY and the addresses on stdout when listening\n";

static bool parse_arguments(int argc, char **argv, struct arguments *a)
{
    static const struct option options[] = {
        {"listen", required_argument, NULL, 'l'},
        {"files-listen", required_argument, NULL, 'f'},
        {"state", required_argument, NULL, 's'},
        {"access-key", required_argument, NULL, 'k'},
        {"secret-key-file", required_argument, NULL, 'K'},
        {"user-name", required_argument, NULL, 'u'},
        {"queue", required_argument, NULL, 'q'},
        {"seed", required_argument, NULL, 'S'},
        {"files-dir", required_argument, NULL, 'd'},
        {"print-ready", no_argument, NULL, 'r'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    *a = (struct arguments){.listen = "127.0.0.1:8008", .files_listen = "127.0.0.1:8081"};
    const char **const into[] = {
        ['l'] = &a->listen,     ['f'] = &a->files_listen, ['s'] = &a->state,
        ['k'] = &a->access_key, ['u'] = &a->user_name,    ['K'] = &a->secret_key_file,
        ['S'] = &a->seed,       ['d'] = &a->files_dir};
    int c;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == 'r')
            a->print_ready = true;
        else if (c == 'q' && a->n_queues < MAX_QUEUES)
            a->queues[a->n_queues++] = optarg;
        else if (c == 'h') {
            fputs(usage, stdout);
            exit(0);
        } else if ((size_t)c < sizeof into / sizeof *into && into[c])
            *into[c] = optarg;
        else
            return false;
    }
    return optind == argc;
}

static bool open_files(struct sandbox *sb, const struct arguments *a)
{
    char error[4200];
    if (!a->files_dir || files_dir_open(sb, a->files_dir, error, sizeof error) == 0)
        return true;
    fprintf(stderr, "drover-sandbox: %s\n", error);
    return false;
}

static bool open_state(struct shell *shell, const struct arguments *a)
{
    unsigned char seed[32];
    char *secret = NULL, error[512];
    if (a->seed)
        strncpy((char *)memset(seed, 0, sizeof seed), a->seed, sizeof seed - 1);
    else if (getrandom(seed, sizeof seed, 0) != sizeof seed)
        return false;
    if (a->secret_key_file && shell_secret(a->secret_key_file, &secret, error, sizeof error) != 0) {
        fprintf(stderr, "drover-sandbox: %s\n", error);
        return false;
    }
    struct sandbox_options options = {.seed = seed,
                                      .access_key = a->access_key,
                                      .secret_key = secret,
                                      .queues = a->queues,
                                      .user_name = a->user_name,
                                      .now_us = now_us()};
    shell->sb = sandbox_new(&options);
    bool known = false, fine = shell->sb && open_files(shell->sb, a);
    if (fine && keep_open(&shell->keep, a->state, shell->sb, &known, error, sizeof error) != 0) {
        fprintf(stderr, "drover-sandbox: %s\n", error);
        fine = false;
    }
    if (fine && known)
        sandbox_allow(shell->sb, a->access_key, secret);
    free(secret);
    return fine;
}

static void run(struct shell *shell)
{
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    const struct timespec second = {.tv_sec = 1};
    while (sigtimedwait(&stop, NULL, &second) < 0)
        tell(shell, NULL, false, NULL);
}

int main(int argc, char **argv)
{
    struct arguments a;
    if (!parse_arguments(argc, argv, &a)) {
        fputs(usage, stderr);
        return 2;
    }
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigaddset(&blocked, SIGINT);
    pthread_sigmask(SIG_BLOCK, &blocked, NULL);
    signal(SIGPIPE, SIG_IGN);

    struct shell shell = {.lock = PTHREAD_MUTEX_INITIALIZER, .keep.fd = -1};
    if (!open_state(&shell, &a)) {
        sandbox_free(shell.sb);
        return 1;
    }
    struct http_port api = {.answer = answer_api, .arg = &shell};
    struct http_port files = {.answer = answer_files, .arg = &shell};
    int rc = 1;
    if (http_open(&api, a.listen) && http_open(&files, a.files_listen)) {
        if (a.print_ready)
            print_ready(&api, &files, a.access_key ? a.access_key : sandbox_access_key(shell.sb));
        run(&shell);
        rc = 0;
    }
    http_close(&api);
    http_close(&files);
    keep_close(&shell.keep);
    sandbox_free(shell.sb);
    return rc;
}
