/* SPDX-License-Identifier: Apache-2.0 */
/* Reading what the picture and the samples hold, and the ledger's history. */
#include "api_read.h"

#include <string.h>

#include "drover/clock.h"

void handle_state(struct request *request);
void handle_samples(struct request *request);
void handle_activity(struct request *request);
void handle_history(struct request *request);

void read_answer(struct request *request, struct dr_strbuf *json)
{
    answer_text(request, MHD_HTTP_OK, "application/json", json->data, json->len);
    dr_strbuf_free(json);
}

const struct picture *read_picture(struct request *request)
{
    return feed_picture(request->gateway->feed);
}

const void *read_body(const struct dr_answer *answer, enum dr_type type)
{
    return answer->message != NULL && answer->message->row->type == type ? answer->message->body
                                                                         : NULL;
}

const char *read_text(const struct request *request, const char *name)
{
    const char *text = request_query(request, name);
    return text == NULL ? "" : text;
}

bool read_page(struct request *request, int64_t *offset, int64_t *limit)
{
    return request_number(request, "offset", 0, 0, INT64_MAX / 2, offset) &&
           request_number(request, "limit", READ_ROWS, 1, READ_ROWS_MAX, limit);
}

void handle_state(struct request *request)
{
    struct dr_strbuf json = {0};
    const struct picture *picture = read_picture(request); /* first: it tells what is due */
    const struct hub *hub = request->gateway->hub;
    struct picture_place place = {.boot = hub_boot(hub), .seq = hub_seq(hub)};
    picture_state(picture, &place, dr_wall_us(), &json);
    read_answer(request, &json);
}

void handle_samples(struct request *request)
{
    int64_t since_us;
    struct dr_strbuf json = {0};
    if (!request_number(request, "since_us", 0, 0, INT64_MAX, &since_us))
        return;
    samples_json(feed_samples(request->gateway->feed), since_us, &json);
    read_answer(request, &json);
}

/* ---- activity, history ----------------------------------------------------------------------- */
static void answer_lines(struct request *request, const struct picture_filter *filter)
{
    struct dr_strbuf lines = {0};
    dr_strbuf_add_text(&lines, "");
    picture_activity(read_picture(request), filter, "\n", &lines);
    if (lines.len > 0)
        dr_strbuf_add_text(&lines, "\n");
    answer_text(request, MHD_HTTP_OK, "application/x-ndjson", lines.data, lines.len);
    dr_strbuf_free(&lines);
}

void handle_activity(struct request *request)
{
    int64_t before, limit;
    struct dr_strbuf json = {0};
    bool lines = strcmp(read_text(request, "format"), "ndjson") == 0;
    if (!request_words(request, "format", "json,ndjson", false) ||
        !request_number(request, "before", 0, 0, INT64_MAX, &before) ||
        !request_number(request, "limit", lines ? PICTURE_ACTIVITY_MAX : READ_ROWS, 1,
                        PICTURE_ACTIVITY_MAX, &limit))
        return;
    struct picture_filter filter = {
        .before = before,
        .limit = (size_t)limit,
        .kind = request_query(request, "kind"),
        .level = request_query(request, "level"),
        .machine = request_query(request, "machine"),
        .task = request_query(request, "task"),
        .queue = request_query(request, "queue"),
        .text = request_query(request, "text"),
    };
    if (lines) {
        answer_lines(request, &filter);
        return;
    }
    dr_strbuf_add_text(&json, "{\"activity\":[");
    int64_t next = picture_activity(read_picture(request), &filter, ",", &json);
    dr_strbuf_printf(&json, "],\"next\":%lld}", (long long)next);
    read_answer(request, &json);
}

static void on_history(struct request *request, const struct dr_answer *answer)
{
    struct dr_strbuf json = {0};
    if (!answer_expects(request, answer, DR_HISTORY))
        return;
    compact_record(&json, &dr_desc_history, answer->message->body, true);
    read_answer(request, &json);
}

void handle_history(struct request *request)
{
    struct dr_history_get get = {.kind = read_text(request, "kind"),
                                 .id = read_text(request, "id")};
    const char *by_hand = read_text(request, "by_hand");
    get.by_hand = strcmp(by_hand, "1") == 0 || strcmp(by_hand, "true") == 0;
    if (!request_words(request, "by_hand", "0,1,false,true", false) ||
        !request_number(request, "before_seq", 0, 0, INT64_MAX, &get.before_seq) ||
        !request_number(request, "since_us", 0, 0, INT64_MAX, &get.since_us) ||
        !request_number(request, "limit", READ_ROWS, 1, READ_ROWS_MAX, &get.limit))
        return;
    request_ask(request, "ledger", DR_HISTORY_GET, &get, on_history);
}
