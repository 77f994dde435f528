/* SPDX-License-Identifier: Apache-2.0
 *
 * A host that has a configuration already: what its drover.yaml says is what is answered so far,
 * and what is replaced is kept under another name.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "drover/assert.h"
#include "drover/clock.h"
#include "init.h"

/* ---- its answers ----------------------------------------------------------------------------- */
/* Answers are texts throughout. */
static json_t *as_texts(json_t *value)
{
    const char *key;
    size_t i;
    json_t *item, *out;
    if (json_is_object(value)) {
        out = json_object();
        json_object_foreach (value, key, item)
            json_object_set_new(out, key, as_texts(item));
        return out;
    }
    if (json_is_array(value)) {
        out = json_array();
        json_array_foreach (value, i, item)
            json_array_append_new(out, as_texts(item));
        return out;
    }
    if (json_is_string(value))
        return json_incref(value);
    char *text = json_dumps(value, JSON_ENCODE_ANY | INIT_JSON);
    DR_ASSERT(text != NULL);
    out = json_string(text);
    free(text);
    return out;
}

/* "Another one?" was answered by each entry that has one after it. */
static void say_more(struct wizard *w, const char *list)
{
    char path[80];
    size_t count = json_array_size(json_object_get(w->answers, list));
    for (size_t i = 0; i + 1 < count; i++) {
        snprintf(path, sizeof path, "more:%s[%zu].", list, i);
        json_object_set_new(w->said, path, json_true());
    }
}

bool again_load(struct wizard *w)
{
    struct dr_config_errors errors;
    if (access(w->path, F_OK) != 0)
        return false;
    struct dr_config *config = dr_config_load_draft(w->path, &errors);
    char *text = config == NULL ? NULL : dr_config_json(dr_config_root(config));
    json_t *tree = text == NULL ? NULL : json_loads(text, 0, NULL);
    bool found = json_object_size(tree) > 0;
    if (found) {
        json_decref(w->answers);
        w->answers = as_texts(tree);
        say_more(w, "accounts");
        say_more(w, "machine_types");
        say_more(w, "queues");
        printf("Found %s: its settings stand in the brackets.\n", w->path);
    } else {
        printf("%s is there, but says nothing that can be read: these questions begin anew.\n",
               w->path);
    }
    json_decref(tree);
    free(text);
    dr_config_errors_free(&errors);
    dr_config_free(config);
    return found;
}

const char *again_file(const struct wizard *w, const struct question *q)
{
    const json_t *in = json_object_get(w->answers, "clearml");
    if (strcmp(q->secret->file, "clearml") != 0)
        in = json_array_get(json_object_get(w->answers, "accounts"), q->index);
    return json_string_value(json_object_get(
        in, strcmp(q->secret->file, "machines") == 0 ? "secrets_file" : "credentials_file"));
}

/* ---- what is replaced ------------------------------------------------------------------------ */
/* A second name for what is there: the first one gets another file. */
static bool keep_one(const char *path, json_t *kept)
{
    char as[PATH_MAX + 40], when[32];
    struct tm parts;
    time_t now = (time_t)(dr_wall_us() / 1000000);
    strftime(when, sizeof when, "%Y%m%dT%H%M%S", localtime_r(&now, &parts));
    snprintf(as, sizeof as, "%.4000s.before-%s", path, when);
    if (access(path, F_OK) != 0) {
        json_object_set_new(kept, path, json_null());
        return true;
    }
    if (link(path, as) != 0)
        return fprintf(stderr, "drover: %s is there and cannot be kept as %s: %s\n", path, as,
                       strerror(errno)) < 0;
    json_object_set_new(kept, path, json_string(as));
    return true;
}

json_t *again_keep(json_t *paths)
{
    json_t *kept = json_object(), *path;
    bool fine = true;
    size_t i;
    json_array_foreach (paths, i, path)
        fine = fine && (json_object_get(kept, json_string_value(path)) != NULL ||
                        keep_one(json_string_value(path), kept));
    json_decref(paths);
    if (fine)
        return kept;
    again_undo(kept);
    return NULL;
}

void again_say(json_t *kept)
{
    const char *path;
    json_t *as;
    json_object_foreach (kept, path, as)
        if (json_is_string(as))
            printf("  What was in %s is kept as %s\n", path, json_string_value(as));
    json_decref(kept);
}

void again_undo(json_t *kept)
{
    const char *path, *name;
    json_t *as;
    json_object_foreach (kept, path, as) {
        name = json_string_value(as);
        if (name == NULL) {
            unlink(path);
        } else {
            rename(name, path); /* does nothing where both are the same file still */
            unlink(name);
        }
    }
    json_decref(kept);
}
