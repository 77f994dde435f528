/* SPDX-License-Identifier: Apache-2.0
 *
 * drover --gateway URL: the same questions, asked through the gateway of another host
 * (docs/gateway.md, "Writes"). All functions block.
 */
#pragma once
#include "console.h"

struct command;

/* How the person named the gateway: url from --gateway or $DROVER_GATEWAY; the token from
 * $DROVER_TOKEN or ~/.config/drover/token; an authority of one's own from $DROVER_CA_FILE. 0 with
 * console->remote, or an exit code after saying what is wrong. */
int remote_open(struct console *console, const char *url);
void remote_close(struct remote **remote);

/* Whether the command works from afar; if not, stderr says why. */
bool remote_can(const char *command);

/* As console_try(). What the gateway refuses to change is an `ack` that says so. */
int remote_ask(struct remote *remote, const char *to, enum dr_type type, const void *body,
               int wait_ms, struct dr_message *out, char *err, size_t err_len);

/* A machine's boot log, piece by piece. 0, or -1 with a sentence in err. */
typedef void remote_take_fn(void *arg, const char *bytes, size_t len);
int remote_log(struct remote *remote, const char *machine, remote_take_fn *take, void *arg,
               char *err, size_t err_len);

/* What `drover logs` prints, until SIGINT or SIGTERM. Exit code. */
int remote_follow(struct console *console);

/* What `drover tap` prints, likewise. */
int remote_tap(struct console *console, const char *topic);

/* One operation of the API that is not a request of the bus. input: taken over; NULL: none. *out:
 * the answer (json_decref). EXIT_FINE, or an exit code after saying what is wrong. */
struct json_t;
int remote_do(struct console *console, const char *method, const char *path, struct json_t *input,
              struct json_t **out);

/* The configuration that runs there, as a draft (dr_config_free). Exit code. */
int remote_config(struct console *console, struct dr_config **out);

/* The same within wait_ms, and nothing is said: NULL when it cannot be had. */
struct dr_config *remote_config_try(struct remote *remote, int wait_ms);

/* ---- inside --------------------------------------------------------------------------------- */
struct dr_strbuf;
/* One request: "GET", "POST" with an input, "DELETE". The status, or -1 with a sentence in err. */
long remote_http(struct remote *remote, const char *method, const char *path, const char *input,
                 int wait_ms, struct dr_strbuf *answer, char *err, size_t err_len);
/* The gateway's own sentence for an answer that is an error, or one for the status. */
void remote_refusal(const struct remote *remote, long status, const struct dr_strbuf *answer,
                    char code[32], char *err, size_t err_len);
/* For a part of a path. */
void remote_escape(const char *text, char *out, size_t room);
/* Reads a stream line by line until take() returns false or it ends. Status or -1. */
typedef bool remote_line_fn(void *arg, const char *line);
long remote_stream(struct remote *remote, const char *path, remote_line_fn *take, void *arg,
                   char *err, size_t err_len);
