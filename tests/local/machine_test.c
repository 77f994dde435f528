/* SPDX-License-Identifier: Apache-2.0
 *
 * The local driver against real processes (P30): each test starts machines with a boot script of
 * its own and looks from outside: at /proc, at the folder, at the driver's own list.
 */
#include <cmocka.h>
#include <czmq.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "driver.h"
#include "drover/clock.h"
#include "local/session.h"

#define PATIENCE_MS 15000

/* The machine of each test, by names that no other process of this host has. */
static char ATTEMPT[32], ID[64];

struct world {
    char dir[128];
    struct dr_cfg_account account;
    zloop_t *loop;
    void *driver;
    struct {
        bool answered;
        enum driver_class class;
        char sentence[256];
        char instance[96];
    } launch;
    char state[16]; /* of the instance that was asked about */
    char attempt[96];
    size_t listed;
    const char *asked;
};

/* ---- the world ------------------------------------------------------------------------------ */
static void open_driver(struct world *world)
{
    struct dr_error error = {0};
    world->loop = zloop_new();
    struct driver_setup setup = {.loop = world->loop,
                                 .account = &world->account,
                                 .deployment = "test",
                                 .state_dir = world->dir};
    world->driver = driver_local.open(&setup, &error);
    if (!world->driver)
        fail_msg("%s", error.text);
}

static int setup(void **state)
{
    snprintf(ATTEMPT, sizeof ATTEMPT, "a1-%d", (int)getpid());
    snprintf(ID, sizeof ID, "local-%s", ATTEMPT);
    struct world *world = calloc(1, sizeof *world);
    snprintf(world->dir, sizeof world->dir, "/tmp/drover-local-XXXXXX");
    assert_non_null(mkdtemp(world->dir));
    world->account = (struct dr_cfg_account){
        .name = "local", .driver = "local", .machines_dir = "", .agent_python = ""};
    open_driver(world);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    char command[512];
    driver_local.close(world->driver);
    zloop_destroy(&world->loop);
    snprintf(command, sizeof command, "rm -rf '%s'", world->dir);
    assert_int_equal(system(command), 0);
    free(world);
    return 0;
}

static int stop_loop(zloop_t *loop, int timer, void *arg)
{
    (void)loop;
    (void)timer;
    (void)arg;
    return -1;
}

static void run_loop(struct world *world, size_t ms)
{
    zloop_timer(world->loop, ms, 1, stop_loop, NULL);
    zloop_start(world->loop);
}

static void on_launched(void *arg, const char *attempt, const struct driver_answer *answer)
{
    struct world *world = arg;
    (void)attempt;
    world->launch.answered = true;
    world->launch.class = answer->class;
    snprintf(world->launch.sentence, sizeof world->launch.sentence, "%s", answer->sentence);
    snprintf(world->launch.instance, sizeof world->launch.instance, "%s",
             answer->instance_count ? answer->instances[0] : "");
}

static struct dr_strbuf build(struct world *world, const char *attempt, const char *script)
{
    struct dr_cfg_type type = {.name = "small"};
    struct dr_strbuf body = {0};
    struct dr_error error = {0};
    struct driver_request request = {.attempt = attempt,
                                     .count = 1,
                                     .account = &world->account,
                                     .type = &type,
                                     .deployment = "test",
                                     .ledger_id = "ledger-1",
                                     .user_data = script,
                                     .user_data_len = strlen(script)};
    assert_true(driver_local.build(world->driver, &request, &body, &error));
    return body;
}

static void launch(struct world *world, const char *attempt, const char *script)
{
    struct dr_strbuf body = build(world, attempt, script);
    memset(&world->launch, 0, sizeof world->launch);
    driver_local.launch(world->driver, attempt, body.data, body.len, on_launched, world);
    for (int64_t end = dr_boottime_ms() + PATIENCE_MS;
         !world->launch.answered && dr_boottime_ms() < end;)
        run_loop(world, 20);
    dr_strbuf_free(&body);
    assert_true(world->launch.answered);
}

static void on_list(void *arg, const struct driver_list *list)
{
    struct world *world = arg;
    assert_true(list->ok);
    world->listed = list->count;
    snprintf(world->state, sizeof world->state, "unlisted");
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->instances[i].instance_id, world->asked) != 0)
            continue;
        snprintf(world->state, sizeof world->state, "%s", list->instances[i].state);
        snprintf(world->attempt, sizeof world->attempt, "%s", list->instances[i].attempt);
    }
}

static const char *listed(struct world *world, const char *instance)
{
    world->asked = instance;
    driver_local.list(world->driver, on_list, world);
    return world->state;
}

static const char *described(struct world *world, const char *instance)
{
    world->asked = instance;
    driver_local.describe(world->driver, instance, on_list, world);
    return world->state;
}

static void await_state(struct world *world, const char *instance, const char *state)
{
    for (int64_t end = dr_boottime_ms() + PATIENCE_MS; dr_boottime_ms() < end; usleep(10000)) {
        if (strcmp(listed(world, instance), state) == 0)
            return;
    }
    fail_msg("%s is %s and never became %s", instance, world->state, state);
}

static void on_done(void *arg, const char *id, const struct driver_answer *answer)
{
    (void)id;
    *(enum driver_class *)arg = answer->class;
}

/* Asks as the engine does: again each second, until the list says so. */
static void end(struct world *world, const char *instance)
{
    enum driver_class class = DRIVER_CLASSES;
    int64_t began = dr_boottime_ms(), asked = 0;
    for (int64_t now = began; now < began + PATIENCE_MS; now = dr_boottime_ms()) {
        if (now - asked >= 1000) {
            driver_local.terminate(world->driver, instance, on_done, &class);
            assert_int_equal(class, DRIVER_OK);
            asked = now;
        }
        if (strcmp(listed(world, instance), "ended") == 0)
            return;
        usleep(10000);
    }
    fail_msg("%s did not end", instance);
}

/* ---- looking from outside ------------------------------------------------------------------- */
static char *read_text(const char *path)
{
    static char text[65536];
    int fd = open(path, O_RDONLY);
    ssize_t len = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    text[len > 0 ? len : 0] = '\0';
    return text;
}

/* Living processes whose command line holds the word. */
static int processes_with(const char *word)
{
    char path[300], text[4096];
    int count = 0;
    DIR *proc = opendir("/proc");
    for (struct dirent *entry; (entry = readdir(proc));) {
        snprintf(path, sizeof path, "/proc/%s/cmdline", entry->d_name);
        int fd = atoi(entry->d_name) > 0 ? open(path, O_RDONLY) : -1;
        ssize_t len = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
        if (fd >= 0)
            close(fd);
        for (ssize_t i = 0; i < len; i++)
            text[i] = text[i] ? text[i] : ' ';
        text[len > 0 ? len : 0] = '\0';
        count += len > 0 && strstr(text, word) != NULL;
    }
    closedir(proc);
    return count;
}

static void await_processes(const char *word, int count)
{
    for (int64_t until = dr_boottime_ms() + PATIENCE_MS; dr_boottime_ms() < until; usleep(10000)) {
        if (processes_with(word) == count)
            return;
    }
    fail_msg("%d processes with %s, not %d", processes_with(word), word, count);
}

static char *in_machine(const struct world *world, const char *instance, const char *leaf)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/machines/%s/%s", world->dir, instance, leaf);
    return path;
}

static char *log_of(const struct world *world, const char *instance)
{
    return read_text(in_machine(world, instance, "boot.log"));
}

static void await_log(const struct world *world, const char *instance, const char *word)
{
    for (int64_t until = dr_boottime_ms() + PATIENCE_MS; dr_boottime_ms() < until; usleep(10000)) {
        if (strstr(log_of(world, instance), word))
            return;
    }
    fail_msg("the log of %s never said %s: %s", instance, word, log_of(world, instance));
}

/* A word that no other process of this host carries. */
static const char *stray_word(void)
{
    static char word[32];
    snprintf(word, sizeof word, "98765.%d", (int)getpid());
    return word;
}

static const char *launcher_word(void)
{
    static char word[96];
    snprintf(word, sizeof word, "drover-local-machine %s", ID);
    return word;
}

/* ---- tests ---------------------------------------------------------------------------------- */
static void test_own_host_name_and_home(void **state)
{
    struct world *world = *state;
    char before[64], after[64], expected[1024];
    gethostname(before, sizeof before);
    launch(world, ATTEMPT,
           "echo \"name=$(hostname) home=$HOME cwd=$PWD tmp=$TMPDIR uid=$(id -u)\"\n");
    assert_int_equal(world->launch.class, DRIVER_OK);
    assert_string_equal(world->launch.instance, ID);
    await_state(world, ID, "ended");
    snprintf(
        expected, sizeof expected,
        "name=%s home=%s/machines/%s/home cwd=%s/machines/%s/home tmp=%s/machines/%s/tmp uid=%d",
        ID, world->dir, ID, world->dir, ID, world->dir, ID, (int)geteuid());
    assert_non_null(strstr(log_of(world, ID), expected));
    gethostname(after, sizeof after);
    assert_string_equal(before, after);
}

static void test_secrets_are_nobodys(void **state)
{
    struct world *world = *state;
    struct stat st;
    launch(world, ATTEMPT, "echo ready; # hunter2\nsleep 1000\n");
    await_log(world, ID, "ready");
    assert_int_equal(stat(in_machine(world, ID, "user-data"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat(in_machine(world, ID, ""), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(processes_with("hunter2"), 0);
    end(world, ID);
    assert_int_equal(access(in_machine(world, ID, "user-data"), F_OK), -1);
    assert_int_equal(access(in_machine(world, ID, "home"), F_OK), -1);
    assert_int_equal(access(in_machine(world, ID, "tmp"), F_OK), -1);
    assert_non_null(strstr(log_of(world, ID), "ready"));
}

static void test_second_launch_starts_nothing(void **state)
{
    struct world *world = *state;
    launch(world, ATTEMPT, "echo once; sleep 1000\n");
    await_log(world, ID, "once");
    launch(world, ATTEMPT, "echo twice\n");
    assert_int_equal(world->launch.class, DRIVER_OK);
    assert_string_equal(world->launch.instance, ID);
    end(world, ID);
    launch(world, ATTEMPT, "echo thrice\n");
    assert_int_equal(world->launch.class, DRIVER_OK);
    assert_string_equal(listed(world, ID), "ended");
    assert_int_equal(world->listed, 1);
    assert_null(strstr(log_of(world, ID), "twice"));
    assert_null(strstr(log_of(world, ID), "thrice"));
}

static const char STRAYS[] = "#!/bin/bash\n"
                             "W='98765.%d'\n"
                             "sleep $W &\n"
                             "setsid sleep $W &\n"
                             "(setsid env -i /bin/bash -c \"exec -a stray sleep $W\" "
                             "</dev/null >/dev/null 2>&1 3>&- 4>&- 5>&- &)\n"
                             "trap '' TERM HUP INT\n"
                             "echo started\n"
                             "%s\n";

static void make_strays(struct world *world, const char *attempt, const char *last)
{
    char script[1024];
    snprintf(script, sizeof script, STRAYS, (int)getpid(), last);
    launch(world, attempt, script);
    assert_int_equal(world->launch.class, DRIVER_OK);
}

static void test_terminate_leaves_no_process(void **state)
{
    struct world *world = *state;
    make_strays(world, ATTEMPT, "while :; do sleep 0.2; done");
    await_processes(stray_word(), 3);
    end(world, ID);
    assert_int_equal(processes_with(stray_word()), 0);
    assert_int_equal(processes_with(ID), 0);
    assert_non_null(strstr(read_text(in_machine(world, ID, "end.json")), "\"signal\":9"));
}

static void test_own_end_leaves_no_process(void **state)
{
    struct world *world = *state;
    make_strays(world, ATTEMPT, "sleep 0.3; exit 7");
    await_processes(launcher_word(), 0);
    assert_int_equal(access(in_machine(world, ID, "user-data"), F_OK), -1);
    assert_int_equal(access(in_machine(world, ID, "home"), F_OK), -1);
    assert_string_equal(listed(world, ID), "ended");
    assert_int_equal(processes_with(stray_word()), 0);
    assert_non_null(strstr(read_text(in_machine(world, ID, "end.json")), "\"exit\":7"));
}

static void kill_launcher(const struct world *world)
{
    int pid = 0;
    assert_int_equal(sscanf(read_text(in_machine(world, ID, "record.json")), "{\"pid\":%d", &pid),
                     1);
    assert_int_equal(kill(pid, SIGKILL), 0);
    await_processes(launcher_word(), 0);
}

static void test_launcher_killed(void **state)
{
    struct world *world = *state;
    make_strays(world, ATTEMPT, "sleep 1000");
    await_processes(stray_word(), 3);
    kill_launcher(world);
    assert_string_equal(listed(world, ID), "present"); /* its processes live */
    end(world, ID);
    assert_int_equal(access(in_machine(world, ID, "user-data"), F_OK), -1);
    await_processes(stray_word(), 0);
}

static void test_survives_its_starter(void **state)
{
    struct world *world = *state;
    pid_t starter = fork();
    if (starter == 0) {
        open_driver(world);
        launch(world, ATTEMPT, "echo alive; sleep 1000\n");
        kill(getpid(), SIGKILL);
    }
    int status;
    waitpid(starter, &status, 0);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_string_equal(listed(world, ID), "present");
    await_log(world, ID, "alive");
    launch(world, ATTEMPT, "echo again\n");
    assert_int_equal(world->launch.class, DRIVER_OK);
    end(world, ID);
    assert_null(strstr(log_of(world, ID), "again"));
}

/* Nobody is left to hear that it has recorded itself: it runs all the same. */
static void test_survives_a_starter_that_did_not_wait(void **state)
{
    struct world *world = *state;
    struct dr_strbuf body = build(world, ATTEMPT, "echo alive; sleep 1000\n");
    pid_t starter = fork();
    if (starter == 0) {
        open_driver(world);
        driver_local.launch(world->driver, ATTEMPT, body.data, body.len, on_launched, world);
        kill(getpid(), SIGKILL);
    }
    waitpid(starter, NULL, 0);
    dr_strbuf_free(&body);
    await_log(world, ID, "alive");
    assert_string_equal(listed(world, ID), "present");
    end(world, ID);
}

static void test_dead_before_recording_is_unstarted(void **state)
{
    struct world *world = *state;
    char command[512];
    snprintf(command, sizeof command, "mkdir -p -m 700 %s/machines/%s && touch %s/machines/%s/lock",
             world->dir, ID, world->dir, ID);
    assert_int_equal(system(command), 0);
    assert_string_equal(listed(world, ID), "unlisted");
    assert_string_equal(described(world, ID), "unknown");
    launch(world, ATTEMPT, "echo late; sleep 1000\n");
    await_log(world, ID, "late");
    assert_string_equal(listed(world, ID), "present");
    end(world, ID);
}

/* Between its lock and its record a machine is seen as what it is: its attempt's. */
static void test_present_before_recording_names_its_attempt(void **state)
{
    struct world *world = *state;
    char machines_dir[160];
    struct dr_error error;
    snprintf(machines_dir, sizeof machines_dir, "%s/machines", world->dir);
    assert_true(session_create(machines_dir, ID, &error));
    int lock = session_lock(machines_dir, ID, &error);
    assert_true(lock >= 0);
    assert_string_equal(listed(world, ID), "present");
    assert_string_equal(world->attempt, ATTEMPT);
    close(lock);
    assert_string_equal(listed(world, ID), "unlisted");
}

/* machines_dir may be reached through a link; its processes are still recognised by their lock. */
static void test_linked_folder(void **state)
{
    struct world *world = *state;
    char link[160];
    snprintf(link, sizeof link, "%s/link", world->dir);
    assert_int_equal(symlink("machines", link), 0);
    driver_local.close(world->driver);
    zloop_destroy(&world->loop);
    world->account.machines_dir = link;
    open_driver(world);
    make_strays(world, ATTEMPT, "sleep 1000");
    await_processes(stray_word(), 3);
    kill_launcher(world);
    end(world, ID);
    await_processes(stray_word(), 0);
}

static void test_folder_gone(void **state)
{
    struct world *world = *state;
    char command[512];
    launch(world, ATTEMPT, "echo up; sleep 1000\n");
    await_log(world, ID, "up");
    snprintf(command, sizeof command, "rm -rf %s/machines/%s", world->dir, ID);
    assert_int_equal(system(command), 0);
    assert_string_equal(listed(world, ID), "unlisted");
    assert_string_equal(described(world, ID), "present"); /* by its processes */
    enum driver_class class = DRIVER_CLASSES;
    driver_local.terminate(world->driver, ID, on_done, &class);
    await_processes(ID, 0);
    assert_string_equal(described(world, ID), "ended");
}

static void test_bad_requests(void **state)
{
    struct world *world = *state;
    driver_local.launch(world->driver, ATTEMPT, "not json", 8, on_launched, world);
    assert_true(world->launch.answered);
    assert_int_equal(world->launch.class, DRIVER_OTHER);
    assert_string_equal(listed(world, ID), "unlisted");
    launch(world, "Not_A/Name", "true\n");
    assert_int_equal(world->launch.class, DRIVER_REQUEST);
}

static void test_forget_leaves_nothing(void **state)
{
    struct world *world = *state;
    launch(world, ATTEMPT, "mkdir -p ~/a/b; chmod 500 ~/a; sleep 1000\n");
    driver_local.forget(world->driver, ID); /* it lives: nothing is removed */
    assert_string_equal(listed(world, ID), "present");
    end(world, ID);
    driver_local.forget(world->driver, ID);
    assert_int_equal(access(in_machine(world, ID, ""), F_OK), -1);
    assert_string_equal(described(world, ID), "ended");
}

static void test_log_by_offset(void **state)
{
    struct world *world = *state;
    struct dr_strbuf text = {0};
    launch(world, ATTEMPT, "echo one; echo two; sleep 1000\n");
    await_log(world, ID, "two");
    int64_t at = driver_local.read_log(world->driver, ID, 0, 4, &text);
    assert_int_equal(at, 4);
    assert_string_equal(text.data, "one\n");
    at = driver_local.read_log(world->driver, ID, at, 4096, &text);
    assert_int_equal(at, 8);
    assert_string_equal(text.data, "one\ntwo\n");
    assert_int_equal(driver_local.read_log(world->driver, "local-none", 0, 9, &text), -1);
    dr_strbuf_free(&text);
    end(world, ID);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    zsys_handler_set(NULL);
    const struct CMUnitTest tests[] = {
        TEST(test_own_host_name_and_home),
        TEST(test_secrets_are_nobodys),
        TEST(test_second_launch_starts_nothing),
        TEST(test_terminate_leaves_no_process),
        TEST(test_own_end_leaves_no_process),
        TEST(test_launcher_killed),
        TEST(test_survives_its_starter),
        TEST(test_survives_a_starter_that_did_not_wait),
        TEST(test_dead_before_recording_is_unstarted),
        TEST(test_present_before_recording_names_its_attempt),
        TEST(test_linked_folder),
        TEST(test_folder_gone),
        TEST(test_bad_requests),
        TEST(test_forget_leaves_nothing),
        TEST(test_log_by_offset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
