/* SPDX-License-Identifier: Apache-2.0
 *
 * The local driver: machines are sessions on this host (P30). The instance id derives from the
 * attempt's id, so launching the same attempt again finds the machine that it made before.
 */
#include <czmq.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../driver.h"
#include "drover/assert.h"
#include "drover/clock.h"
#include "json.h"
#include "launch.h"
#include "local.h"
#include "process.h"
#include "seal.h"
#include "session.h"
#include "spawn.h"

#define KILL_PASSES 5
#define PATH_RESERVE 128 /* for an instance id and a file in its folder */
#define UNSTARTED_KEPT_S 600
#define LOG_KEPT (1 << 20)

bool local_instance_id(const char *attempt, size_t index, char out[LOCAL_ID_MAX])
{
    int len = index == 0 ? snprintf(out, LOCAL_ID_MAX, "local-%s", attempt)
                         : snprintf(out, LOCAL_ID_MAX, "local-%s-%zu", attempt, index);
    return len > 0 && len < LOCAL_ID_MAX && session_id_ok(out);
}

/* The kernel names files by their real path, and by that a machine's lock is recognised. */
static bool settle_path(struct local *local, struct dr_error *error)
{
    char real[PATH_MAX];
    if (!realpath(local->machines_dir, real) || strlen(real) >= LOCAL_PATH_MAX - PATH_RESERVE)
        return dr_error_set(error, "machines_dir %s cannot be used: %s", local->machines_dir,
                            errno ? strerror(errno) : "its real path is too long");
    memcpy(local->machines_dir, real, strlen(real) + 1);
    return true;
}

static void *local_open(const struct driver_setup *setup, struct dr_error *error)
{
    struct local *local = calloc(1, sizeof *local);
    DR_ASSERT(local);
    local->loop = setup->loop;
    const char *dir = setup->account->machines_dir;
    int len = dir[0] ? snprintf(local->machines_dir, sizeof local->machines_dir, "%s", dir)
                     : snprintf(local->machines_dir, sizeof local->machines_dir, "%s/machines",
                                setup->state_dir);
    bool ok = len > 0 && len < LOCAL_PATH_MAX - PATH_RESERVE && local->machines_dir[0] == '/';
    if (!ok)
        dr_error_set(error,
                     "machines_dir of account %s must be an absolute path of at most %d "
                     "bytes",
                     setup->account->name, LOCAL_PATH_MAX - PATH_RESERVE);
    if (ok && mkdir(local->machines_dir, 0700) != 0 && errno != EEXIST)
        ok = dr_error_set(error, "cannot make machines_dir %s: %s", local->machines_dir,
                          strerror(errno));
    ok = ok && settle_path(local, error) && spawn_find_launcher(local->launcher, error);
    snprintf(local->identity, sizeof local->identity, "local:%s", local->machines_dir);
    if (ok)
        return local;
    free(local);
    return NULL;
}

/* Another machines_dir is another place: what it lacks has not ended there (P4). */
static const char *local_identity_name(void *self)
{
    return ((struct local *)self)->identity;
}

static void local_close(void *self)
{
    free(self);
}

static void local_launch(void *self, const char *attempt, const char *body, size_t len,
                         driver_done_fn done, void *arg)
{
    struct local *local = self;
    char id[LOCAL_ID_MAX] = "";
    struct dr_error error = {0};
    const char *ids[] = {id};
    struct driver_answer answer = {
        .class = DRIVER_OK, .sentence = "", .instances = ids, .instance_count = 1};
    if (!local_instance_id(attempt, 0, id)) {
        answer = (struct driver_answer){
            .class = DRIVER_REQUEST, .sentence = "the attempt's id cannot be part of a host name"};
        done(arg, attempt, &answer);
        return;
    }
    int lock = -2;
    if (session_create(local->machines_dir, id, &error))
        lock = session_lock(local->machines_dir, id, &error);
    bool before = lock == -1;
    if (lock >= 0) {
        struct local_record record;
        int recorded = session_read_record(local->machines_dir, id, &record);
        before = recorded == 1;
        bool started =
            recorded == 0 && spawn_machine(local, attempt, id, lock, body, len, done, arg, &error);
        close(lock);
        if (started)
            return; /* answered when the launcher has recorded itself */
        if (recorded < 0)
            dr_error_set(&error, "cannot read the record in %s/%s", local->machines_dir, id);
    }
    if (!before)
        answer = (struct driver_answer){.class = DRIVER_OTHER, .sentence = error.text};
    done(arg, attempt, &answer);
}

/* What each state is to the engine, and in the host's own words. */
static const struct {
    const char *state, *cloud;
} WORDS[] = {
    [LOCAL_MISSING] = {"unknown", "its folder is missing"},
    [LOCAL_UNSTARTED] = {"unknown", "it was never started"},
    [LOCAL_PRESENT] = {"present", "its processes run"},
    [LOCAL_ENDED] = {"ended", "its processes have ended"},
    [LOCAL_UNKNOWN] = {"unknown", "its folder cannot be read"},
};

struct listing {
    struct dr_instance_view *items;
    struct local_record *records;
    char (*ids)[LOCAL_ID_MAX];
    size_t count, capacity;
};

static void listing_add(struct listing *listing, const char *id)
{
    if (listing->count == listing->capacity) {
        listing->capacity = listing->capacity ? listing->capacity * 2 : 16;
        listing->items = realloc(listing->items, listing->capacity * sizeof *listing->items);
        listing->records = realloc(listing->records, listing->capacity * sizeof *listing->records);
        listing->ids = realloc(listing->ids, listing->capacity * sizeof *listing->ids);
        DR_ASSERT(listing->items && listing->records && listing->ids);
    }
    snprintf(listing->ids[listing->count++], LOCAL_ID_MAX, "%s", id);
}

/* Its launch broke off before it came about; nobody will ask for it again. */
static void drop_old_unstarted(const struct local *local, const char *id)
{
    char path[LOCAL_PATH_MAX];
    struct stat st;
    if (session_path(path, local->machines_dir, id, "") && stat(path, &st) == 0 &&
        dr_wall_us() / 1000000 - st.st_mtime > UNSTARTED_KEPT_S)
        session_remove(local->machines_dir, id);
}

/* A machine holds its lock before it has written its record; which attempt it is of stands in its
 * id too. Without it such a machine would be taken for a stranger and adopted beside its own row.
 */
static void name_attempt(const char *id, struct local_record *record)
{
    static const char prefix[] = "local-";
    if (record->attempt[0] == '\0' && strncmp(id, prefix, sizeof prefix - 1) == 0)
        snprintf(record->attempt, sizeof record->attempt, "%s", id + sizeof prefix - 1);
}

/* Fills the views once the arrays no longer move. An end leaves no secret behind, also when the
 * launcher was killed and could not see to it. */
static void listing_look(const struct local *local, struct listing *listing)
{
    for (size_t i = 0; i < listing->count; i++) {
        struct local_record *record = &listing->records[i];
        enum local_state state = session_look(local->machines_dir, listing->ids[i], record);
        if (state == LOCAL_ENDED)
            session_wipe(local->machines_dir, listing->ids[i]);
        if (state == LOCAL_UNSTARTED)
            drop_old_unstarted(local, listing->ids[i]);
        if (state == LOCAL_PRESENT)
            name_attempt(listing->ids[i], record);
        listing->items[i] = (struct dr_instance_view){
            .instance_id = listing->ids[i],
            .attempt = record->attempt,
            .machine = "",
            .ledger_id = record->ledger_id,
            .state = WORDS[state].state,
            .cloud_state = WORDS[state].cloud,
            .launched_us = record->started_us,
        };
    }
}

static void listing_answer(struct listing *listing, struct driver_list *list, driver_listed_fn done,
                           void *arg)
{
    list->instances = listing->items;
    list->count = listing->count;
    done(arg, list);
    free(listing->items);
    free(listing->records);
    free(listing->ids);
}

/* A folder without a record is no instance yet: its launch is under way or never came about. */
static void drop_unstarted(struct listing *listing)
{
    size_t kept = 0;
    for (size_t i = 0; i < listing->count; i++) {
        if (listing->records[i].pid != 0 || strcmp(listing->items[i].state, "present") == 0)
            listing->items[kept++] = listing->items[i];
    }
    listing->count = kept;
}

static void local_list(void *self, driver_listed_fn done, void *arg)
{
    struct local *local = self;
    struct listing listing = {0};
    char sentence[LOCAL_PATH_MAX + 64] = "";
    struct driver_list list = {.ok = true, .sentence = sentence, .sent_ms = dr_boottime_ms()};
    DIR *dir = opendir(local->machines_dir);
    errno = dir ? 0 : errno;
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        if (entry->d_name[0] != '.' && session_id_ok(entry->d_name))
            listing_add(&listing, entry->d_name);
    }
    if (errno != 0) {
        list.ok = false;
        snprintf(sentence, sizeof sentence, "cannot read %s: %s", local->machines_dir,
                 strerror(errno));
        listing.count = 0;
    }
    if (dir)
        closedir(dir);
    listing_look(local, &listing);
    drop_unstarted(&listing);
    listing_answer(&listing, &list, done, arg);
}

/* A folder that is gone says nothing by itself; the host's processes do. */
static void judge_missing(const struct local *local, const char *instance,
                          struct dr_instance_view *view)
{
    char lock_path[LOCAL_PATH_MAX];
    if (strcmp(view->cloud_state, WORDS[LOCAL_MISSING].cloud) != 0 ||
        !session_path(lock_path, local->machines_dir, instance, "lock"))
        return;
    struct local_identity identity = {.lock_path = lock_path, .instance = instance};
    bool lives = process_count_machine(&identity) > 0;
    view->state = lives ? "present" : "ended";
    view->cloud_state = lives ? "its folder is missing, its processes run"
                              : "neither its folder nor a process of it is left";
}

static void local_describe(void *self, const char *instance, driver_listed_fn done, void *arg)
{
    struct listing listing = {0};
    struct driver_list list = {.ok = true, .sentence = "", .sent_ms = dr_boottime_ms()};
    if (session_id_ok(instance))
        listing_add(&listing, instance);
    listing_look(self, &listing);
    if (listing.count == 1)
        judge_missing(self, instance, &listing.items[0]);
    listing_answer(&listing, &list, done, arg);
}

/* A launcher whose children were killed records the end by itself; one that is still there alone
 * when it is asked again does not. */
static void kill_machine(const struct local_identity *identity)
{
    size_t hit = process_kill_machine(identity);
    if (hit == 0)
        process_kill_launcher(identity);
    for (int pass = 1; pass < KILL_PASSES && hit > 0; pass++)
        hit = process_kill_machine(identity);
}

/* By the record, verified: a launcher of another boot or with another start time is not ours. */
static void local_terminate(void *self, const char *instance, driver_done_fn done, void *arg)
{
    struct local *local = self;
    struct local_record record;
    char lock_path[LOCAL_PATH_MAX];
    struct driver_answer answer = {.class = DRIVER_OK, .sentence = ""};
    if (!session_path(lock_path, local->machines_dir, instance, "lock")) {
        answer = (struct driver_answer){.class = DRIVER_REQUEST,
                                        .sentence = "this is no id of a local machine"};
        done(arg, instance, &answer);
        return;
    }
    enum local_state state = session_look(local->machines_dir, instance, &record);
    if (state == LOCAL_PRESENT || state == LOCAL_MISSING) {
        bool this_boot = strcmp(record.boot_id, dr_boot_id()) == 0;
        struct local_identity identity = {.launcher = this_boot ? record.pid : 0,
                                          .start_ticks = record.start_ticks,
                                          .lock_path = lock_path,
                                          .instance = instance};
        kill_machine(&identity);
    }
    done(arg, instance, &answer);
}

static int64_t local_read_log(void *self, const char *instance, int64_t offset, size_t max,
                              struct dr_strbuf *out)
{
    struct local *local = self;
    char path[LOCAL_PATH_MAX], bytes[4096];
    if (!session_path(path, local->machines_dir, instance, "boot.log"))
        return -1;
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return -1;
    if (offset > 2 * LOG_KEPT) /* collected already: its blocks are given back, its offsets stay */
        fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, offset - LOG_KEPT);
    for (size_t got = 0; got < max;) {
        size_t room = max - got < sizeof bytes ? max - got : sizeof bytes;
        ssize_t n = pread(fd, bytes, room, (off_t)offset);
        if (n <= 0)
            break;
        dr_strbuf_add(out, bytes, (size_t)n);
        got += (size_t)n;
        offset += n;
    }
    close(fd);
    return offset;
}

static void local_forget(void *self, const char *instance)
{
    struct local *local = self;
    struct local_record record;
    enum local_state state = session_look(local->machines_dir, instance, &record);
    if (state == LOCAL_ENDED || state == LOCAL_UNSTARTED)
        session_remove(local->machines_dir, instance);
}

/* There is no cloud to ask; a Python that is not there would let every machine fail. */
static void local_look(const struct dr_cfg_account *account, driver_found_fn found, void *arg)
{
    char sentence[LOCAL_PATH_MAX + 100];
    const char *python = account->agent_python;
    struct driver_finding host = {.ok = true,
                                  .what = "this host",
                                  .sentence = "machines are processes here: no keys are needed",
                                  .grant = ""};
    found(arg, &host);
    if (python[0] == '\0')
        return;
    bool good = access(python, X_OK) == 0;
    if (good)
        snprintf(sentence, sizeof sentence, "%s is there", python);
    else
        snprintf(sentence, sizeof sentence, "%s cannot be run: %s", python, strerror(errno));
    struct driver_finding agent = {
        .ok = good, .what = "agent_python", .sentence = sentence, .grant = ""};
    found(arg, &agent);
}

const struct driver_ops driver_local = {
    .name = "local",
    .batch_max = 1,
    .honours_ms = 0,
    .log_period_ms = 1000,
    .id_source = BOOT_ID_HOSTNAME,
    .power_off = BOOT_POWER_EXIT,
    .open = local_open,
    .close = local_close,
    .identity = local_identity_name,
    .build = local_build,
    .launch = local_launch,
    .list = local_list,
    .describe = local_describe,
    .terminate = local_terminate,
    .read_log = local_read_log,
    .forget = local_forget,
    .look = local_look,
};
