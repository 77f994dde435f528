/* SPDX-License-Identifier: Apache-2.0 */
/* The state as a whole: a new one, to text and back. */
#include "auth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char company_id[] = "d1bd92a3b039400cbafc60a7a5b1e52b"; /* the server's default */

struct collection {
    const char *name;
    size_t offset;
    bool array;
};

#define COLLECTION(field)                              \
    {                                                  \
#field, offsetof(struct sandbox, field), false \
    }
static const struct collection collections[] = {
    COLLECTION(company),
    COLLECTION(users),
    COLLECTION(queues),
    COLLECTION(workers),
    COLLECTION(tasks),
    COLLECTION(projects),
    COLLECTION(models),
    COLLECTION(events),
    COLLECTION(files),
    COLLECTION(scrolls),
    {"credentials", offsetof(struct sandbox, credentials), true},
};
enum { N_COLLECTIONS = sizeof collections / sizeof *collections };

/* Points the borrowed fields into db, making what is missing; false if a part has the wrong type.
 */
static bool attach(struct sandbox *sb, json_t *db)
{
    for (size_t i = 0; i < N_COLLECTIONS; i++) {
        const struct collection *c = &collections[i];
        json_t *part = json_object_get(db, c->name);
        if (!part) {
            part = c->array ? json_array() : json_object();
            json_object_set_new(db, c->name, part);
        }
        if (c->array ? !json_is_array(part) : !json_is_object(part))
            return false;
        memcpy((char *)sb + c->offset, &part, sizeof part);
    }
    sb->db = db;
    return true;
}

static void add_queue(struct sandbox *sb, const char *name, int64_t now_us)
{
    struct sandbox_id id = sandbox_new_id(sb);
    struct sandbox_time now = sandbox_time(now_us);
    json_t *queue = json_pack("{s:s, s:s, s:s, s:s, s:[], s:[], s:[], s:s, s:{}}", "id", id.text,
                              "name", name, "company", company_id, "created", now.text, "tags",
                              "system_tags", "entries", "last_update", now.text, "metadata");
    if (strcmp(name, "default") == 0)
        json_array_append_new(json_object_get(queue, "system_tags"), json_string("default"));
    json_object_set_new(sb->queues, id.text, queue);
}

static void add_user(struct sandbox *sb, const struct sandbox_options *o)
{
    struct sandbox_id id = sandbox_new_id(sb);
    const char *name = o->user_name ? o->user_name : "Sandbox";
    json_object_set_new(sb->users, id.text,
                        json_pack("{s:s, s:s, s:s, s:s, s:s}", "id", id.text, "name", name,
                                  "company", company_id, "created", sandbox_time(o->now_us).text,
                                  "role", "user"));
    sandbox_add_credentials(sb, id.text, o->access_key, o->secret_key, NULL);
}

struct sandbox *sandbox_new(const struct sandbox_options *options)
{
    struct sandbox *sb = calloc(1, sizeof *sb);
    json_t *db = json_object();
    if (!sb || !db || !attach(sb, db)) {
        json_decref(db);
        free(sb);
        return NULL;
    }
    memcpy(sb->seed, options->seed, sizeof sb->seed);
    char secret[65];
    sandbox_new_secret(sb, secret, sizeof secret - 1, false);
    json_object_set_new(db, "secret", json_string(secret));
    json_object_update_new(sb->company,
                           json_pack("{s:s, s:s}", "id", company_id, "name", "clearml"));
    add_user(sb, options);
    add_queue(sb, "default", options->now_us);
    for (const char *const *q = options->queues; q && *q; q++) {
        if (strcmp(*q, "default") != 0)
            add_queue(sb, *q, options->now_us);
    }
    sb->revision = 1;
    return sb;
}

void sandbox_free(struct sandbox *sb)
{
    if (!sb)
        return;
    json_decref(sb->db);
    free(sb);
}

uint64_t sandbox_revision(const struct sandbox *sb)
{
    return sb->revision + sb->drawn;
}

char *sandbox_save(const struct sandbox *sb, size_t *size)
{
    json_object_set_new(sb->db, "format", json_integer(1));
    json_object_set_new(sb->db, "drawn", json_integer((json_int_t)sb->drawn));
    json_object_set_new(sb->db, "changed_ms", json_integer(sb->changed_ms));
    char seed[2 * sizeof sb->seed + 1];
    for (size_t i = 0; i < sizeof sb->seed; i++)
        snprintf(seed + 2 * i, 3, "%02x", sb->seed[i]);
    json_object_set_new(sb->db, "seed", json_string(seed));
    char *text = json_dumps(sb->db, JSON_COMPACT);
    *size = text ? strlen(text) : 0;
    return text;
}

int sandbox_load(struct sandbox *sb, const char *text, size_t size, char *error, size_t error_size)
{
    json_error_t where;
    json_t *db = json_loadb(text, size, JSON_ALLOW_NUL, &where);
    if (!db) {
        snprintf(error, error_size, "not JSON: %s (byte %d)", where.text, where.position);
        return -1;
    }
    json_t *old = sb->db;
    if (json_integer_value(json_object_get(db, "format")) != 1 ||
        !json_is_string(json_object_get(db, "secret")) || !attach(sb, db)) {
        snprintf(error, error_size, "not a state file of this sandbox");
        json_decref(db);
        attach(sb, old);
        return -1;
    }
    json_decref(old);
    sb->drawn = (uint64_t)json_integer_value(json_object_get(db, "drawn"));
    sb->changed_ms = json_integer_value(json_object_get(db, "changed_ms"));
    const char *seed = sandbox_get_str(db, "seed");
    for (size_t i = 0; seed && i < sizeof sb->seed && seed[2 * i]; i++)
        /* NOLINTNEXTLINE(cert-err34-c): two digits fit */
        sscanf(seed + 2 * i, "%2hhx", &sb->seed[i]);
    sb->revision++;
    return 0;
}

const char *sandbox_access_key(const struct sandbox *sb)
{
    return sandbox_get_str(json_array_get(sb->credentials, 0), "key");
}

const char *sandbox_secret_key(const struct sandbox *sb)
{
    return sandbox_get_str(json_array_get(sb->credentials, 0), "secret");
}

void sandbox_allow(struct sandbox *sb, const char *access_key, const char *secret_key)
{
    if (!access_key || !secret_key)
        return;
    size_t i;
    json_t *c;
    json_array_foreach (sb->credentials, i, c) {
        if (strcmp(sandbox_get_str(c, "key"), access_key) == 0) {
            json_object_set_new(c, "secret", json_string(secret_key));
            return;
        }
    }
    const char *id = json_object_iter_key(json_object_iter(sb->users));
    sandbox_add_credentials(sb, id, access_key, secret_key, NULL);
}
