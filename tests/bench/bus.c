/* SPDX-License-Identifier: Apache-2.0
 *
 * bench_bus DROVER-BUS RUN-DIR MESSAGES: messages a second through the production bus (handshake,
 * sender check, counters, tap) over a raw libzmq XSUB/XPUB relay of the same run; one publisher,
 * one subscriber, 200-byte bodies, at most WINDOW messages under way so that none is dropped.
 */
#include <czmq.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drover/assert.h"
#include "drover/bus.h"

#include "control.h"
#include "socket.h"

#define BODY 200
#define WINDOW 20000
#define ROUNDS 9
#define TOPIC "queues.observed/watcher"
#define TOKEN "0123456789012345678901234567890101234567890123456789012345678901"

struct run {
    char in[300], out[300];
    bool secured;
    long count;
    atomic_long received;
    atomic_bool subscribed;
};

static zsock_t *connect_to(const struct run *run, int type, const char *endpoint, const char *user)
{
    zsock_t *socket = zsock_new(type);
    DR_ASSERT(socket != NULL);
    zsock_set_sndhwm(socket, DR_EVENTS_HWM);
    zsock_set_rcvhwm(socket, DR_EVENTS_HWM);
    if (run->secured) {
        zsock_set_plain_username(socket, user);
        zsock_set_plain_password(socket, TOKEN);
    }
    DR_ASSERT(zsock_connect(socket, "%s", endpoint) == 0);
    return socket;
}

static void *receive(void *arg)
{
    struct run *run = arg;
    zsock_t *sub = connect_to(run, ZMQ_SUB, run->out, "planner");
    zsock_set_subscribe(sub, "queues.observed/");
    void *handle = zsock_resolve(sub);
    while (atomic_load(&run->received) < run->count) {
        zmq_msg_t msg;
        zmq_msg_init(&msg);
        if (zmq_msg_recv(&msg, handle, 0) >= 0 && !zmq_msg_more(&msg)) {
            if (atomic_exchange(&run->subscribed, true))
                atomic_fetch_add(&run->received, 1);
        }
        zmq_msg_close(&msg);
    }
    zsock_destroy(&sub);
    return NULL;
}

static void publish(void *handle, const uint8_t *body)
{
    zmq_send(handle, TOPIC, strlen(TOPIC), ZMQ_SNDMORE);
    zmq_send(handle, body, BODY, 0);
}

/* Seconds for run->count messages, after the subscription is known to stand. */
static double measure(struct run *run)
{
    static const uint8_t body[BODY] = {0x80};
    pthread_t receiver;
    zsock_t *pub = connect_to(run, ZMQ_PUB, run->in, "watcher");
    void *handle = zsock_resolve(pub);
    pthread_create(&receiver, NULL, receive, run);
    while (!atomic_load(&run->subscribed)) {
        publish(handle, body);
        usleep(1000);
    }
    usleep(200000);
    atomic_store(&run->received, 0);
    int64_t from = zclock_usecs();
    for (long sent = 0; sent < run->count; sent++) {
        while (sent - atomic_load_explicit(&run->received, memory_order_relaxed) > WINDOW)
            usleep(50);
        publish(handle, body);
    }
    pthread_join(receiver, NULL);
    double seconds = (double)(zclock_usecs() - from) / 1e6;
    zsock_destroy(&pub);
    return seconds;
}

static pid_t start_raw(const struct run *run)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    void *context = zmq_ctx_new();
    void *in = zmq_socket(context, ZMQ_XSUB), *out = zmq_socket(context, ZMQ_XPUB);
    int hwm = DR_EVENTS_HWM;
    for (int i = 0; i < 2; i++) {
        zmq_setsockopt(i == 0 ? in : out, ZMQ_SNDHWM, &hwm, sizeof hwm);
        zmq_setsockopt(i == 0 ? in : out, ZMQ_RCVHWM, &hwm, sizeof hwm);
    }
    DR_ASSERT(zmq_bind(in, run->in) == 0 && zmq_bind(out, run->out) == 0);
    zmq_proxy(in, out, NULL);
    _exit(0);
}

static pid_t start_bus(const char *program, const char *run_dir)
{
    int pair[2];
    DR_ASSERT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(pair[1], DR_CONTROL_FD);
        execl(program, program, (char *)NULL);
        _exit(127);
    }
    close(pair[1]);
    static const char config[] =
        "deployment: bench\nclearml: {api_server: \"http://127.0.0.1:1\"}\n"
        "accounts: [{name: local, driver: local}]\n"
        "machine_types: [{name: t, account: local}]\nqueues: [{name: q, types: [t]}]\n";
    struct dr_control_out out = {0};
    dr_control_put_number(&out, DR_CONTROL_HELLO, DR_CONTROL_VERSION);
    dr_control_put(&out, DR_CONTROL_SOURCE, "bus", 3);
    dr_control_put(&out, DR_CONTROL_BOOT, "bench", 5);
    dr_control_put(&out, DR_CONTROL_TOKEN, TOKEN, strlen(TOKEN));
    dr_control_put(&out, DR_CONTROL_STATEDIR, run_dir, strlen(run_dir));
    dr_control_put(&out, DR_CONTROL_RUNDIR, run_dir, strlen(run_dir));
    dr_control_put_number(&out, DR_CONTROL_WATCHDOG_MS, 30000);
    dr_control_put(&out, DR_CONTROL_CONFIG, config, strlen(config));
    dr_control_put_pair(&out, DR_CONTROL_PEER, "watcher", TOKEN);
    dr_control_put_pair(&out, DR_CONTROL_PEER, "planner", TOKEN);
    dr_control_put(&out, DR_CONTROL_GO, NULL, 0);
    DR_ASSERT(dr_control_flush(&out, pair[0]) == 0);
    dr_control_out_free(&out);
    char ready[64];
    if (read(pair[0], ready, sizeof ready) <= 0) {
        fprintf(stderr, "the bus did not start\n");
        exit(1);
    }
    return pid;
}

static void forget(struct run *run)
{
    atomic_store(&run->subscribed, false);
    atomic_store(&run->received, 0);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Five threads share the machine's cores, so single rounds scatter. */
static double median(double *values)
{
    qsort(values, ROUNDS, sizeof *values, compare);
    return values[ROUNDS / 2];
}

int main(int argc, char **argv)
{
    DR_ASSERT(argc == 4);
    zsys_handler_set(NULL);
    struct run raw = {.count = atol(argv[3])}, bus = {.count = atol(argv[3]), .secured = true};
    snprintf(raw.in, sizeof raw.in, "ipc://%s/raw.in", argv[2]);
    snprintf(raw.out, sizeof raw.out, "ipc://%s/raw.out", argv[2]);
    snprintf(bus.in, sizeof bus.in, "ipc://%s/%s", argv[2], DR_BUS_EVENTS_IN);
    snprintf(bus.out, sizeof bus.out, "ipc://%s/%s", argv[2], DR_BUS_EVENTS_OUT);
    pid_t raw_pid = start_raw(&raw), bus_pid = start_bus(argv[1], argv[2]);
    double raws[ROUNDS], buses[ROUNDS], ratios[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) { /* in turns, so that both meet the same machine */
        raws[i] = (double)raw.count / measure(&raw);
        buses[i] = (double)bus.count / measure(&bus);
        ratios[i] = buses[i] / raws[i];
        forget(&raw);
        forget(&bus);
    }
    kill(raw_pid, SIGKILL);
    kill(bus_pid, SIGKILL);
    printf("{\"name\": \"bus\", \"value\": %.0f, \"unit\": \"messages/s\", \"floor\": %.0f, "
           "\"ratio\": %.3f, \"goal\": \">= 0.8\"}\n",
           median(buses), median(raws), median(ratios));
    return 0;
}
