/* SPDX-License-Identifier: Apache-2.0 */
/* Reading machines: all of them, one with its whole life, its boot log. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api_read.h"
#include "drover/assert.h"
#include "drover/clock.h"

void handle_machines(struct request *request);
void handle_machine(struct request *request);
void handle_machine_log(struct request *request);

#define LOG_PART 262144

/* ---- all ------------------------------------------------------------------------------------ */
static int newest_first(const void *a, const void *b)
{
    const struct dr_machine_row *x = *(const struct dr_machine_row *const *)a;
    const struct dr_machine_row *y = *(const struct dr_machine_row *const *)b;
    if (x->created_us != y->created_us)
        return x->created_us > y->created_us ? -1 : 1;
    return strcmp(x->id, y->id);
}

static void on_machines(struct request *request, const struct dr_answer *answer)
{
    int64_t before_us, limit;
    size_t count = 0;
    struct dr_strbuf json = {0};
    if (!answer_expects(request, answer, DR_LEDGER_STATE) ||
        !request_number(request, "before_us", INT64_MAX, 0, INT64_MAX, &before_us) ||
        !request_number(request, "limit", READ_ROWS_MAX, 1, 10 * READ_ROWS_MAX, &limit))
        return;
    const struct dr_ledger_state *state = answer->message->body;
    const struct picture *picture = read_picture(request);
    const struct dr_machine_row **rows =
        calloc(state->machines.count + 1, sizeof(const struct dr_machine_row *));
    DR_ASSERT(rows != NULL);
    for (size_t i = 0; i < state->machines.count; i++)
        if (state->machines.items[i].created_us < before_us)
            rows[count++] = &state->machines.items[i];
    qsort(rows, count, sizeof(const struct dr_machine_row *), newest_first);
    dr_strbuf_add_text(&json, "{\"machines\":[");
    for (size_t i = 0; i < count && i < (size_t)limit; i++) {
        dr_strbuf_add_text(&json, i == 0 ? "" : ",");
        picture_row_json(picture, rows[i], dr_wall_us(), &json);
    }
    dr_strbuf_add_text(&json, "]}");
    free(rows);
    read_answer(request, &json);
}

void handle_machines(struct request *request)
{
    bool all = strcmp(read_text(request, "all"), "1") == 0;
    struct dr_ledger_snapshot get = {.account = "", .ended = all};
    if (request_words(request, "all", "0,1", false))
        request_ask(request, "ledger", DR_LEDGER_SNAPSHOT, &get, on_machines);
}

/* ---- one ------------------------------------------------------------------------------------ */
struct one { /* while its parts come in; freed with the request, wherever it ends */
    char id[256];
    int64_t created_us;
    size_t len;
    char json[]; /* what is there of the answer */
};

static void extend(struct request *request, const char *key, const struct dr_strbuf *value)
{
    struct one *one = request->data;
    const char *json = value->len == 0 ? "null" : value->data;
    size_t room = strlen(key) + strlen(json) + 8;
    one = realloc(one, sizeof *one + one->len + room);
    DR_ASSERT(one != NULL);
    one->len += (size_t)snprintf(one->json + one->len, room, "%s\"%s\":%s",
                                 one->len == 0 ? "{" : ",", key, json);
    request->data = one;
}

static void finish(struct request *request)
{
    struct one *one = request->data;
    struct dr_strbuf json = {0};
    dr_strbuf_add(&json, one->json, one->len);
    dr_strbuf_add_text(&json, "}");
    read_answer(request, &json);
}

static void on_cost(struct request *request, const struct dr_answer *answer)
{
    struct dr_strbuf row = {0};
    const struct dr_costs *costs = read_body(answer, DR_COSTS);
    if (costs != NULL && costs->rows.count > 0)
        compact_record(&row, &dr_desc_cost_row, &costs->rows.items[0], true);
    extend(request, "cost", &row);
    dr_strbuf_free(&row);
    finish(request);
}

static void on_work(struct request *request, const struct dr_answer *answer)
{
    struct dr_strbuf rows = {0}, tasks = {0};
    const struct dr_work *work = read_body(answer, DR_WORK);
    if (work != NULL) {
        compact_records(&rows, &dr_desc_work_row, work->rows.items, work->rows.count, true);
        compact_records(&tasks, &dr_desc_task_row, work->tasks.items, work->tasks.count, true);
    }
    extend(request, "work", &rows);
    extend(request, "tasks", &tasks);
    dr_strbuf_free(&rows);
    dr_strbuf_free(&tasks);
    const struct one *one = request->data;
    struct dr_costs_get get = {.from_us = one->created_us, .by = "machine", .only = one->id};
    request_ask(request, "ledger", DR_COSTS_GET, &get, on_cost);
}

static void on_life(struct request *request, const struct dr_answer *answer)
{
    struct dr_strbuf rows = {0};
    if (!answer_expects(request, answer, DR_HISTORY))
        return;
    const struct dr_history *history = answer->message->body;
    compact_records(&rows, &dr_desc_history_row, history->rows.items, history->rows.count, true);
    extend(request, "history", &rows);
    dr_strbuf_free(&rows);
    const struct one *one = request->data;
    struct dr_work_get get = {.machine = one->id, .task = "", .limit = READ_ROWS_MAX};
    request_ask(request, "ledger", DR_WORK_GET, &get, on_work);
}

/* The console of the cloud, where there is one. "123456789012/eu-west-1" is AWS's identity. */
static void cloud_link(struct request *request, const struct dr_machine_row *row,
                       struct dr_strbuf *out)
{
    const struct dr_cfg_root *config = dr_actor_config(request->gateway->actor);
    const struct dr_cfg_account *account = dr_config_account(config, row->account);
    if (account == NULL || strcmp(account->driver, "aws") != 0 || *row->instance_id == '\0')
        return;
    const char *slash = strrchr(row->identity, '/');
    const char *region = slash != NULL ? slash + 1 : account->region;
    if (*region == '\0' || region[strspn(region, "abcdefghijklmnopqrstuvwxyz0123456789-")] != '\0')
        return;
    dr_strbuf_printf(out,
                     "https://%s.console.aws.amazon.com/ec2/home?region=%s"
                     "#InstanceDetails:instanceId=%s",
                     region, region, row->instance_id);
}

static void links_json(struct request *request, const struct picture *picture,
                       const struct dr_machine_row *row, struct dr_strbuf *out)
{
    struct dr_strbuf cloud = {0}, web = {0};
    cloud_link(request, row, &cloud);
    picture_web(picture, &web);
    if (web.len > 0)
        dr_strbuf_add_text(&web, "/workers-and-queues/workers");
    dr_strbuf_add_text(out, "{");
    compact_str(out, "cloud", cloud.data);
    compact_str(out, "web", web.data);
    dr_strbuf_add_text(out, "}");
    dr_strbuf_free(&cloud);
    dr_strbuf_free(&web);
}

static void begin(struct request *request, const struct dr_machine_row *row)
{
    struct one *one = calloc(1, sizeof *one);
    DR_ASSERT(one != NULL);
    const struct picture *picture = read_picture(request);
    struct dr_strbuf machine = {0}, links = {0};
    request->data = one;
    snprintf(one->id, sizeof one->id, "%s", row->id);
    one->created_us = row->created_us;
    picture_row_json(picture, row, dr_wall_us(), &machine);
    links_json(request, picture, row, &links);
    extend(request, "machine", &machine);
    extend(request, "links", &links);
    dr_strbuf_free(&machine);
    dr_strbuf_free(&links);
    one = request->data;
    struct dr_history_get get = {.kind = "", .id = one->id, .limit = READ_ROWS_MAX};
    request_ask(request, "ledger", DR_HISTORY_GET, &get, on_life);
}

static void on_rows(struct request *request, const struct dr_answer *answer)
{
    const char *id = request_arg(request, 0);
    if (!answer_expects(request, answer, DR_LEDGER_STATE))
        return;
    const struct dr_ledger_state *state = answer->message->body;
    for (size_t i = 0; i < state->machines.count; i++) {
        const struct dr_machine_row *row = &state->machines.items[i];
        if (strcmp(row->id, id) == 0 || strcmp(row->instance_id, id) == 0) {
            begin(request, row);
            return;
        }
    }
    answer_error(request, MHD_HTTP_NOT_FOUND, "not-found",
                 "there is no machine %s: rows of those that ended are kept for 48 h", id);
}

void handle_machine(struct request *request)
{
    struct dr_ledger_snapshot get = {.account = "", .ended = true};
    const struct picture *picture = read_picture(request);
    const struct dr_machine_row *row = picture_machine(picture, request_arg(request, 0));
    if (row != NULL)
        begin(request, row);
    else
        request_ask(request, "ledger", DR_LEDGER_SNAPSHOT, &get, on_rows);
}

/* ---- its log -------------------------------------------------------------------------------- */
static bool safe_name(const char *name)
{
    static const char fine[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:";
    return *name != '\0' && *name != '.' && name[strspn(name, fine)] == '\0';
}

/* A part that ends within a character leaves it to the next one. */
static size_t whole_characters(const char *bytes, size_t len, bool at_end)
{
    size_t back = 0;
    if (at_end)
        return len;
    while (back < 3 && back < len && ((unsigned char)bytes[len - 1 - back] & 0xc0) == 0x80)
        back++;
    if (back < len && ((unsigned char)bytes[len - 1 - back] & 0xc0) == 0xc0)
        back++;
    return back < len ? len - back : len;
}

/* -1: none can be read. A file that is shorter than `after` began anew. */
static int64_t read_part(int fd, int64_t after, struct dr_strbuf *text, bool *whole)
{
    struct stat file;
    if (fstat(fd, &file) != 0 || !S_ISREG(file.st_mode))
        return -1;
    if (after > file.st_size)
        after = 0;
    char *bytes = malloc(LOG_PART + 1);
    DR_ASSERT(bytes != NULL);
    ssize_t n = pread(fd, bytes, LOG_PART, after);
    if (n >= 0) {
        size_t len = whole_characters(bytes, (size_t)n, after + n >= file.st_size);
        for (size_t i = 0; i < len; i++)
            bytes[i] = bytes[i] == '\0' ? ' ' : bytes[i];
        bytes[len] = '\0';
        compact_text(text, bytes);
        after += (int64_t)len;
        *whole = after >= file.st_size;
    }
    free(bytes);
    return n < 0 ? -1 : after;
}

void handle_machine_log(struct request *request)
{
    char path[1024];
    int64_t after;
    bool whole = true;
    struct dr_strbuf text = {0}, json = {0};
    const char *id = request_arg(request, 0);
    const struct dr_machine_row *row = picture_machine(read_picture(request), id);
    const char *name = row != NULL ? row->instance_id : id;
    if (!request_number(request, "after", 0, 0, INT64_MAX / 2, &after))
        return;
    snprintf(path, sizeof path, "%s/logs/%s.log",
             dr_actor_config(request->gateway->actor)->state_dir, name);
    int fd = safe_name(name) ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) : -1;
    int64_t next = fd < 0 ? -1 : read_part(fd, after, &text, &whole);
    if (fd >= 0)
        close(fd);
    if (next < 0 && row == NULL) {
        answer_error(request, MHD_HTTP_NOT_FOUND, "not-found", "there is no log of %s", id);
    } else { /* a machine that has not said anything yet has an empty one */
        dr_strbuf_printf(&json, "{\"text\":%s,\"next\":%lld,\"whole\":%s}",
                         text.len == 0 ? "\"\"" : text.data, (long long)(next < 0 ? 0 : next),
                         whole ? "true" : "false");
        read_answer(request, &json);
    }
    dr_strbuf_free(&text);
}
