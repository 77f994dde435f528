/* SPDX-License-Identifier: Apache-2.0 */
/* Each command explained: `drover COMMAND --help`, and docs/man/drover-GROUP.1, which are made of
 * this (`cmake --build DIR --target man`). */
#include <string.h>

#include "help.h"

#define SAME "the same"
#define READS "0 it was answered; 2 Drover does not answer"
#define CHANGES "0 done; 1 refused, or there is no such thing; 2 Drover does not answer"

static const struct help_row rows[] = {
    /* ---- setup ------------------------------------------------------------------------------ */
    {"init",
     "setup",
     "Asks in this terminal what drover.yaml needs, tries keys and rights at once, and writes it "
     "with its files of secrets (mode 0600). Enter keeps what stands in brackets, ? explains, < "
     "goes back. With --answers nobody is asked: FILE.json has the shape of drover.yaml.",
     {{"init", "ask, and write ./drover.yaml"},
      {"init --dir /etc/drover", "write it there"},
      {"init --answers drover.json", "ask nobody"}},
     "0 it is written; 1 given up or a probe failed; 64; 78 the answers have faults",
     NULL},
    {"import",
     "setup",
     "Makes a drover.yaml, and a file for each kind of secret, out of the configuration of "
     "ClearML's own autoscaler: its YAML or JSON file, its task, or a hosted app's form. One line "
     "says what does not mean the same. With --take-over the machines that it started become "
     "Drover's; stop it first.",
     {{"import aws_autoscaler.yaml", "write ./drover.yaml"},
      {"import aws_autoscaler.yaml --out new.yaml", "write it there"}},
     "0 it is written; 1 it cannot be; 64",
     NULL},
    {"check",
     "setup",
     "Examines drover.yaml, the files that it names and this host, and tries the keys at the "
     "server and the clouds, before anything runs. Nothing is started and nothing is changed.",
     {{"check", "one line for each thing that was tried"},
      {"--config new.yaml check", "of another file"}},
     "0 no fault; 1 at least one fault; 78 the file is missing or has faults",
     NULL},
    {"up",
     "setup",
     "Starts droverd in the foreground, and prints the one-time link into its dashboard. Without "
     "a drover.yaml the wizard in the browser asks for what it needs first, tries the keys, and "
     "writes the files. With --dir drover.yaml and everything else are below DIR; --listen is for "
     "the wizard (127.0.0.1:8400). Ctrl-C stops it in order.",
     {{"up", "with the configuration that there is, or the wizard"},
      {"up --dir ~/drover", "all of it below one directory"}},
     "those of droverd; 2 it cannot be started",
     NULL},
    {"stop",
     "setup",
     "Stops the droverd of this configuration in order and waits until it has ended. Machines "
     "live on and are found again by the next start.",
     {{"stop", "as Ctrl-C at `drover up`, or systemctl stop"}},
     "0 it has stopped; 2 none runs, or it may not be stopped",
     NULL},
    {"export",
     "setup",
     "Prints drover.yaml as Drover would write it: in order, without what is the default, with a "
     "comment for each kind of setting. With --json as JSON; with --schema all that can be set, "
     "as JSON.",
     {{"export", "the configuration, tidied"},
      {"export --json", "for programs"},
      {"export --schema", "every setting with its meaning"}},
     "0 printed; 2 the gateway does not answer; 78 the file is missing or has faults",
     "that of the other host"},
    {"token",
     "setup",
     "Says who may enter the dashboard and its API: `link` prints a link that works once and for "
     "15 minutes; `add`, `list` and `revoke` are for tokens of programs; `user` for the accounts "
     "of people. A token is shown once, on stdout alone. A password is read from the terminal, "
     "else from stdin.",
     {{"token add laptop --role operator", "for `drover --gateway`"},
      {"token list", "without secrets"},
      {"token revoke 3f2a9c0d11e4b576", "by its ID in the list"},
      {"token user add anna --role viewer", "asks for a password"}},
     "0 done; 1 refused, or there is no such thing; 2 its files cannot be had, or no gateway "
     "answers",
     SAME ", with a token of an operator; `link` works on Drover's own host only"},
    /* ---- look ------------------------------------------------------------------------------- */
    {"status",
     "look",
     "Does anything wait, and why? What runs, what idles? What does it cost now? Is anything "
     "broken? In at most eight lines.",
     {{"status", "the four answers"}, {"status --json | jq .money", "for programs"}},
     "0 all is well; 1 something waits that will not start; 2 something is broken, or Drover does "
     "not answer",
     SAME},
    {"top",
     "look",
     "The same on the whole screen, live, with a cell for each machine, the queues, and what "
     "happened last; more where the terminal is larger than 80 by 24. q quits, p holds the "
     "picture, the arrows scroll, ? explains. Without a terminal it prints one picture, LINES "
     "by COLUMNS.",
     {{"top", "until q"}, {"top | head -5", "one picture"}},
     "0 left, or printed; 2 Drover does not answer (without a terminal)",
     SAME},
    {"queues",
     "look",
     "Every queue that is served: tasks that wait, the longest wait, workers that run and idle, "
     "and why something waits or nothing starts.",
     {{"queues", "a line for each"}},
     READS,
     SAME},
    {"machines",
     "look",
     "Every machine with its state, since when, and why it is in it; with --all also those that "
     "ended in the last two days. WASTED (in JSON wasted_s) is the time from launch to end of a "
     "machine whose worker never came.",
     {{"machines", "those that live"}, {"machines --all", "also those that ended"}},
     READS,
     SAME},
    {"tasks",
     "look",
     "What waits and what runs: name, project, user, queue, machine, since when, and the "
     "planner's word. Names are read from the server once a task was seen; until then there is - "
     "in their place.",
     {{"tasks", "a line for each"}},
     READS,
     SAME},
    {"why",
     "look",
     "Why a task waits, or where it runs, and what was done about it so far: machines that it "
     "lost, launches that failed. Ends with what a person can do. TASK is an id or the beginning "
     "of one.",
     {{"why 4f2c9d1e", "in sentences"}, {"why 4f2c9d1e --json", "for programs"}},
     "0 it waits and will start, runs, or ran; 1 it waits and will not start, or Drover knows no "
     "such task; 2 Drover does not answer",
     SAME},
    {"logs",
     "look",
     "Without MACHINE what Drover says as it says it, until Ctrl-C; with one what that machine "
     "printed so far (boot log, or the cloud's console log), also after its end.",
     {{"logs", "until Ctrl-C"}, {"logs m41aa | tail", "of a machine"}},
     "0 printed; 1 there is no such machine, or no log of it; 2 Drover does not answer",
     SAME},
    {"tap",
     "look",
     "Every event on Drover's bus as it happens, until Ctrl-C: time, who said it, topic, body. "
     "TOPIC is the beginning of a topic. What was missed is said on stderr.",
     {{"tap", "all of it"},
      {"tap machine.", "changes of machines"},
      {"--json tap plan.decided", "one document a line"}},
     "0 ended by Ctrl-C; 1 there is no such topic; 2 the bus or the gateway cannot be reached",
     SAME},
    {"history",
     "look",
     "What changed, newest first: why, and who asked for it; the newest 200 lines, or all --since "
     "a time ago. Of a machine with its launches and keys; --by-hand is what people did.",
     {{"history", "the newest 200"},
      {"history m41aa --since 2h", "of a machine"},
      {"history --by-hand", "who did what"}},
     READS,
     SAME},
    {"cost",
     "look",
     "What was paid, with running, starting and idle time apart: in this month, or --since a time "
     "ago, for everything or for one TASK or MACHINE. What has no price is in no sum and said "
     "beside it.",
     {{"cost", "this month by queue"},
      {"cost --by user --since 7d", "of a week"},
      {"cost 4f2c9d1e", "of one task"}},
     READS,
     SAME},
    {"plan",
     "look",
     "What is planned for each queue, and why. With --config nothing is asked of Drover and "
     "nothing is changed: what that file can cost at most, what differs from the configuration "
     "that runs, and whether a running droverd can take it over.",
     {{"plan", "what is decided now"}, {"plan --config new.yaml", "what that would mean"}},
     "0 all that waits will start, or a running droverd can take the file over; 1 something waits "
     "that will not, or the file needs a stop and a start; 2 Drover does not answer; 78 the file "
     "is missing or has faults",
     SAME "; --config is a file of this host, compared with the other's"},
    /* ---- hand ------------------------------------------------------------------------------- */
    {"pause",
     "hand",
     "No new machines for this queue, or for all. Machines that run go on, and take its tasks "
     "too; a machine whose launch was under way still comes. It holds until `drover resume`.",
     {{"pause gpu --why \"a move\"", "one queue"}, {"pause", "all of them"}},
     CHANGES,
     SAME ", with a token of an operator"},
    {"resume",
     "hand",
     "New machines again. Without a queue it lifts the pause of all, and says which queues are "
     "still paused by name.",
     {{"resume gpu", "one queue"}, {"resume", "the pause of all"}},
     CHANGES,
     SAME ", with a token of an operator"},
    {"drain",
     "hand",
     "Takes a machine away: it takes no new task, and ends once its task has ended (after-task), "
     "only if nothing runs (idle), or at once (now). MACHINE is its id, its instance id, or the "
     "beginning of either that only one machine has.",
     {{"drain m41aa", "once its task has ended"}, {"drain m41aa --mode idle", "only if it idles"}},
     CHANGES,
     SAME ", with a token of an operator"},
    {"kill",
     "hand",
     "Ends a machine now. Names the tasks that run there and what becomes of them, and asks; "
     "--yes says it beforehand, for scripts. A task gets SIGTERM and kill_grace, then it goes "
     "back to its queue as its queue's recovery says.",
     {{"kill m41aa", "names the tasks, and asks"}, {"kill m41aa --yes", "asks nobody"}},
     "0 it ends; 1 no was said, it was refused, or there is no such machine; 2 Drover does not "
     "answer; 64 nobody can be asked and --yes is not there",
     SAME ", with a token of an operator"},
    {"keep",
     "hand",
     "Until then a machine ends neither as idle nor as too old: to look at it. `off` lets it go. "
     "It holds no machine that drains already, that the cloud takes back, that falls silent or is "
     "not what was promised.",
     {{"keep m41aa 2h", "two hours from now"}, {"keep m41aa off", "no longer"}},
     CHANGES,
     SAME ", with a token of an operator"},
    {"adopt",
     "hand",
     "Says that the ledger before this one is lost and what was spent in the running month. The "
     "machines that it had started become this one's. Asks first: no other Drover of the same "
     "deployment may live.",
     {{"adopt --spent 41.20", "in dollars"}},
     CHANGES "; 64 nobody can be asked and --yes is not there",
     SAME ", with a token of an operator"},
    {"settle",
     "hand",
     "For a launch that was sent and whose answer nobody can get any more, because the keys of its "
     "account are another's now. Look in the old account first: nothing with the tag "
     "drover-attempt=ATTEMPT may run. The machines of it count as ended from now on, and as paid "
     "for until now. Refused within an hour of its launch.",
     {{"settle a1f00c", "asks first"}},
     CHANGES "; 64 nobody can be asked and --yes is not there",
     SAME ", with a token of an operator"},
    /* ---- try -------------------------------------------------------------------------------- */
    {"demo",
     "try",
     "Enqueues a handful of tasks at the sandbox and watches them. PYTHON is one that has "
     "clearml.",
     {{"demo", "at the sandbox in ./drover-sandbox"}},
     "0 all of them ran; 1 one did not; 2 the sandbox does not answer",
     NULL},
    {"sandbox",
     "try",
     "A ClearML server in memory, machines on this host and Drover, with no account, all below "
     "one directory; until Ctrl-C. PYTHON is one that has clearml-agent.",
     {{"sandbox", "below ./drover-sandbox"}, {"sandbox --dir /tmp/try", "below another directory"}},
     "0 ended by Ctrl-C; 2 a part did not start, or ended by itself",
     NULL},
    {"completion",
     "try",
     "Prints what that shell reads to complete this command line. It comes with the packages; "
     "else put the line of the example into the shell's start-up file. Names of machines, queues "
     "and tasks are asked for when they are needed, also from a gateway.",
     {{"completion bash", "eval \"$(drover completion bash)\""},
      {"completion fish", "drover completion fish | source"}},
     "0 printed; 64",
     "names are asked of the gateway"},
    {"version",
     "try",
     "Which Drover this is, how it was built, and the libraries that it runs with.",
     {{"version", "for a report of a fault"}},
     "0 printed",
     "this program's own"},
};

const struct help_row *help_row(const char *name)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    return NULL;
}
