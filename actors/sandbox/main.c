/* SPDX-License-Identifier: Apache-2.0 */
/* drover-sandbox: the core behind two HTTP ports. One lock, taken around each request. */
#include "core.h"

#include "keep.h"
#include "shell.h"
#include "files_dir.h"
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

enum { MAX_BODY = 1 << 30, MAX_QUEUES = 64, MAX_QUERY = 64 };

typedef void answer_function(struct sandbox *, const struct sandbox_request *, int64_t,
                             struct sandbox_response *);

struct shell {
    struct sandbox *sb;
    pthread_mutex_t lock;
    struct keep keep;
};

struct port {
    struct shell *shell;
    answer_function *answer;
    struct MHD_Daemon *daemon;
    struct sockaddr_in address;
};

struct upload {
    char *data;
    size_t size, room;
    bool too_large;
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

static bool take(struct upload *up, const char *data, size_t size)
{
    if (up->size + size > MAX_BODY)
        return false;
    if (up->size + size > up->room) {
        size_t room = up->room ? up->room * 2 : 4096;
        while (room < up->size + size)
            room *= 2;
        char *grown = realloc(up->data, room);
        if (!grown)
            return false;
        up->data = grown;
        up->room = room;
    }
    memcpy(up->data + up->size, data, size);
    up->size += size;
    return true;
}

struct query {
    const char *items[2 * MAX_QUERY + 1];
    size_t n;
};

static enum MHD_Result add_query(void *cls, enum MHD_ValueKind kind, const char *key,
                                 const char *value)
{
    (void)kind;
    struct query *q = cls;
    if (q->n + 2 > 2 * MAX_QUERY)
        return MHD_NO;
    q->items[q->n++] = key;
    q->items[q->n++] = value ? value : "";
    return MHD_YES;
}

static const char *header(struct MHD_Connection *c, const char *name)
{
    return MHD_lookup_connection_value(c, MHD_HEADER_KIND, name);
}

static const char *remote(struct MHD_Connection *c, char *text, socklen_t size)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (!info || info->client_addr->sa_family != AF_INET)
        return NULL;
    const void *address = &((const struct sockaddr_in *)(const void *)info->client_addr)->sin_addr;
    return inet_ntop(AF_INET, address, text, size);
}

/* "Name: value\n" lines, which are cut up. */
static void add_headers(struct MHD_Response *mhd, char *lines)
{
    char *rest = lines;
    for (char *line; lines && (line = strsep(&rest, "\n")) && *line;) {
        char *colon = strchr(line, ':');
        if (!colon)
            continue;
        *colon = '\0';
        MHD_add_response_header(mhd, line, colon + 2);
    }
}

static enum MHD_Result send_response(struct MHD_Connection *c, struct sandbox_response *r)
{
    struct MHD_Response *mhd =
        MHD_create_response_from_buffer(r->body_size, r->body, MHD_RESPMEM_MUST_FREE);
    if (!mhd) {
        sandbox_response_clear(r);
        return MHD_NO;
    }
    r->body = NULL; /* it is MHD's now */
    if (r->content_type)
        MHD_add_response_header(mhd, "Content-Type", r->content_type);
    if (r->set_cookie)
        MHD_add_response_header(mhd, "Set-Cookie", r->set_cookie);
    add_headers(mhd, r->headers);
    MHD_add_response_header(mhd, "Server", "clearml");
    enum MHD_Result rc = MHD_queue_response(c, (unsigned)r->status, mhd);
    MHD_destroy_response(mhd);
    sandbox_response_clear(r);
    return rc;
}

static enum MHD_Result answer(struct port *port, struct MHD_Connection *c, const char *url,
                              const char *method, const struct upload *up)
{
    char ip[INET_ADDRSTRLEN];
    struct query query = {0};
    MHD_get_connection_values(c, MHD_GET_ARGUMENT_KIND, add_query, &query);
    const char *worker = header(c, "X-ClearML-Worker");
    struct sandbox_request request = {
        .method = method,
        .path = url,
        .authorization = header(c, "Authorization"),
        .cookie = header(c, "Cookie"),
        .content_type = header(c, "Content-Type"),
        .worker = worker ? worker : header(c, "X-Trains-Worker"),
        .remote_addr = remote(c, ip, sizeof ip),
        .host = header(c, "Host"),
        .range = header(c, "Range"),
        .query = query.items,
        .body = up->data,
        .body_size = up->size,
    };
    struct sandbox_response response;
    pthread_mutex_lock(&port->shell->lock);
    int64_t now = now_us();
    uint64_t before = sandbox_revision(port->shell->sb);
    port->answer(port->shell->sb, &request, now, &response);
    /* Before an answer goes out it stands in the file: a restart takes nothing back. */
    if (sandbox_revision(port->shell->sb) != before)
        keep_add(&port->shell->keep, port->shell->sb, &request,
                 port->answer == sandbox_files_handle, now);
    pthread_mutex_unlock(&port->shell->lock);
    return send_response(c, &response);
}

/* libmicrohttpd calls this once for the headers, once for each piece of the body and once at its
 * end; GET with a body is no exception. */
static enum MHD_Result on_request(void *cls, struct MHD_Connection *c, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *size, void **state)
{
    (void)version;
    struct upload *up = *state;
    if (!up) {
        *state = up = calloc(1, sizeof *up);
        return up ? MHD_YES : MHD_NO;
    }
    if (*size > 0) {
        up->too_large = up->too_large || !take(up, data, *size);
        *size = 0;
        return MHD_YES;
    }
    if (up->too_large) {
        struct sandbox_response large = {.status = MHD_HTTP_CONTENT_TOO_LARGE};
        return send_response(c, &large);
    }
    return answer(cls, c, url, method, up);
}

static void on_done(void *cls, struct MHD_Connection *c, void **state,
                    enum MHD_RequestTerminationCode why)
{
    (void)cls;
    (void)c;
    (void)why;
    struct upload *up = *state;
    if (up)
        free(up->data);
    free(up);
    *state = NULL;
}

static bool parse_address(const char *text, struct sockaddr_in *address)
{
    char host[64];
    const char *colon = strrchr(text, ':');
    if (!colon || (size_t)(colon - text) >= sizeof host)
        return false;
    memcpy(host, text, (size_t)(colon - text));
    host[colon - text] = '\0';
    char *end;
    unsigned long port = strtoul(colon + 1, &end, 10);
    *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    return colon[1] && *end == '\0' && port <= 65535 &&
           inet_pton(AF_INET, host, &address->sin_addr) == 1;
}

static bool open_port(struct port *port, const char *text)
{
    if (!parse_address(text, &port->address)) {
        fprintf(stderr, "drover-sandbox: \"%s\" is not ADDRESS:PORT (like 127.0.0.1:8008)\n", text);
        return false;
    }
    port->daemon =
        MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, on_request, port,
                         MHD_OPTION_SOCK_ADDR, &port->address, MHD_OPTION_NOTIFY_COMPLETED, on_done,
                         NULL, MHD_OPTION_CONNECTION_TIMEOUT, 120u, MHD_OPTION_END);
    if (!port->daemon) {
        fprintf(stderr, "drover-sandbox: cannot listen on %s: %s\n", text, strerror(errno));
        return false;
    }
    port->address.sin_port =
        htons(MHD_get_daemon_info(port->daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    return true;
}

static void print_ready(const struct port *api, const struct port *files, const struct sandbox *sb)
{
    char a[INET_ADDRSTRLEN], f[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &api->address.sin_addr, a, sizeof a);
    inet_ntop(AF_INET, &files->address.sin_addr, f, sizeof f);
    printf("READY api=http://%s:%d files=http://%s:%d access_key=%s\n", a,
           ntohs(api->address.sin_port), f, ntohs(files->address.sin_port), sandbox_access_key(sb));
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
    bool fine = shell->sb && open_files(shell->sb, a), known;
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
    while (sigtimedwait(&stop, NULL, &second) < 0) {
        pthread_mutex_lock(&shell->lock);
        int64_t now = now_us();
        uint64_t before = sandbox_revision(shell->sb);
        sandbox_tick(shell->sb, now);
        if (sandbox_revision(shell->sb) != before)
            keep_add(&shell->keep, shell->sb, NULL, false, now);
        pthread_mutex_unlock(&shell->lock);
    }
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
    struct port api = {.shell = &shell, .answer = sandbox_handle};
    struct port files = {.shell = &shell, .answer = sandbox_files_handle};
    int rc = 1;
    if (open_port(&api, a.listen) && open_port(&files, a.files_listen)) {
        if (a.print_ready)
            print_ready(&api, &files, shell.sb);
        run(&shell);
        rc = 0;
    }
    if (api.daemon)
        MHD_stop_daemon(api.daemon);
    if (files.daemon)
        MHD_stop_daemon(files.daemon);
    keep_close(&shell.keep);
    sandbox_free(shell.sb);
    return rc;
}
