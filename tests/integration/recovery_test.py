# SPDX-License-Identifier: Apache-2.0
"""Tasks whose machine is gone, or that nobody has (P17, P18, P20): what is put back, how, and what is
left alone. The stories of a world run side by side, each in a queue of its own, because each waits
for machines most of the time; a test tells of one story."""
import contextlib
import json
import os
import signal
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from holdproxy import HoldProxy  # noqa: E402
from world import World, eventually, processes  # noqa: E402

LIMIT_S = 150

# A task that runs on and on as often as `deaths` says, and then to its end.
MORTAL = """
import os, time
with open({runs!r}, "a") as file:
    file.write({name!r} + " " + os.uname().nodename + "\\n")
with open({runs!r}) as file:
    count = sum(line.split()[0] == {name!r} for line in file)
print("begun", {name!r}, "run", count, flush=True)
time.sleep(600 if count <= {deaths} else 0)
"""


def members(instance):
    """Every process of a machine: its launcher, what came from it, what bears its mark."""
    mark, table = ("DROVER_MACHINE=" + instance).encode(), processes()
    found = {pid for pid, (_, argv) in table.items()
             if len(argv) > 1 and argv[0].endswith("drover-local-machine") and argv[1] == instance}
    for pid in table:
        with contextlib.suppress(OSError), open("/proc/%d/environ" % pid, "rb") as file:
            if mark in file.read().split(b"\0"):
                found.add(pid)
    while True:
        more = {pid for pid, (parent, _) in table.items() if parent in found} - found
        if not more:
            return found
        found |= more


def freeze(instance):
    """Stops a whole machine at once, so that none of it sees the rest die."""
    stopped = set()
    while True:
        new = members(instance) - stopped
        if not new:
            return stopped
        for pid in new:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        stopped |= new


def cut_power(instance):
    for pid in freeze(instance):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


class Story(threading.Thread):
    def __init__(self, name, tell):
        super().__init__(daemon=True)
        self.name, self.tell, self.error = name, tell, None

    def run(self):
        try:
            self.tell()
        except BaseException as error:  # told by its test
            self.error = error


class Stories(unittest.TestCase):
    """Each method story_NAME is told in queue NAME; test_NAME says how it went."""
    queues = {}     # name -> what its queue is set to
    idle_s = {}     # name -> idle timeout of its machines, where they must stay for a while

    @classmethod
    def setUpClass(cls):
        cls.proxy = HoldProxy(lambda: cls.world.api_url)
        cls.world = World(queues=list(cls.queues), config={
            "clearml": {"api_server": cls.proxy.url, "tick": "250ms"},
            "machine_types": [{"name": "type-" + name, "account": "local", "max_machines": 1,
                               "idle_timeout": "%ds" % cls.idle_s.get(name, 2)}
                              for name in cls.queues],
            "queues": [dict(settings, name=name, types=["type-" + name])
                       for name, settings in cls.queues.items()],
            "timing": {"drain_poll": "1s", "drain_grace": "8s", "workers_period": "1s",
                       "queue_reread": "1s", "popped_still": "3s", "orphan": "15s",
                       "kill_grace": "1s"}})
        cls.world.__enter__()
        cls.world.project()
        cls.stories = {name: Story(name, getattr(cls, "story_" + name)) for name in cls.queues}
        for story in cls.stories.values():
            story.start()

    @classmethod
    def tearDownClass(cls):
        failed = any(story.error for story in cls.stories.values())
        cls.world.__exit__(AssertionError if failed else None, None, None)
        cls.proxy.close()

    def hear(self, name):
        self.stories[name].join(LIMIT_S * 2)
        self.assertFalse(self.stories[name].is_alive(), "the story has no end")
        if self.stories[name].error:
            raise self.stories[name].error

    # ---- what stories are made of ----------------------------------------------------------------
    @classmethod
    def task(cls, name, deaths=1):
        return cls.world.create_task(name, code=MORTAL.format(runs=cls.world.runs_path, name=name,
                                                              deaths=deaths))

    @classmethod
    def hosts(cls, name):
        return [host for task, host in cls.world.runs() if task == name]

    @classmethod
    def run_begins(cls, name, count):
        """The host of the task's run number `count`."""
        return eventually(lambda: len(cls.hosts(name)) >= count and cls.hosts(name),
                          LIMIT_S, "run %d of %s" % (count, name))[count - 1]

    @classmethod
    def becomes(cls, task, status):
        eventually(lambda: cls.world.status([task])[task] == status, LIMIT_S,
                   "the task is %s" % status)

    @classmethod
    def ledger(cls, kind):
        done = cls.world.drover("--json", "machines", "--all")
        return json.loads(done.stdout)[kind]

    @classmethod
    def recoveries(cls, task):
        return [row for row in cls.ledger("recoveries") if row["task"] == task]

    @classmethod
    def settled(cls, task, count=1):
        """The task's recoveries, once there are `count` and all are over."""
        def over():
            rows = cls.recoveries(task)
            return len(rows) >= count and all(row["settled_us"] for row in rows) and rows
        rows = eventually(over, LIMIT_S, "%d recoveries of %s are over" % (count, task), 0.5)
        return sorted(rows, key=lambda row: row["created_us"])

    @classmethod
    def machine(cls, instance):
        return next(row for row in cls.ledger("machines") if row["instance_id"] == instance)

    @classmethod
    def log(cls, task):
        events = cls.world.api("events.get_task_log", task=task, batch_size=1000)["events"]
        return "\n".join(event.get("msg", "") for event in events)

    @classmethod
    def ours(cls, endpoint, task):
        """Matches the watcher's own writes to a task."""
        return lambda call: (call.endpoint == endpoint and call.body.get("task") == task and
                             call.body.get("status_reason", "").startswith("drover:recover:"))

    @classmethod
    def is_queued_somewhere(cls, task):
        queues = cls.world.api("queues.get_all", only_fields=["id", "entries"])["queues"]
        return any(entry["task"] == task for queue in queues
                   for entry in queue.get("entries") or [])


def same(got, wanted, what):
    assert got == wanted, "%s: %r, not %r" % (what, got, wanted)


class Recovery(Stories):
    queues = {"goes_on": {}, "reset": {"recovery": "reset"}, "never": {"recovery": "never"},
              "aborted": {}, "finished": {}, "limit": {"recovery_limit": 1}, "unstarted": {},
              "late": {}, "later": {}, "latest": {}, "orphans": {}, "unheard": {}}
    idle_s = {"unstarted": 30, "late": 30, "later": 30, "latest": 30, "orphans": 60}

    @classmethod
    def begin(cls, name, deaths=1):
        """A task runs and has said so at the server: (task, host)."""
        task = cls.task(name, deaths)
        cls.world.enqueue(task, name)
        host = cls.run_begins(name, 1)
        eventually(lambda: "begun %s run 1" % name in cls.log(task), 60, "its log is reported")
        return task, host

    @classmethod
    def story_goes_on(cls):
        task, first = cls.begin("goes_on")
        machine = cls.machine(first)["id"]
        cut_power(first)
        cls.becomes(task, "completed")
        hosts = cls.hosts("goes_on")
        same(len(hosts), 2, "runs")
        assert hosts[1] != first, "it ran on another machine"
        row, = cls.settled(task)
        same([row[field] for field in ("machine", "kind", "mode", "step")],
             [machine, "running", "continue", "done"], "the recovery")
        for run in (1, 2):
            assert "begun goes_on run %d" % run in cls.log(task), "the log of run %d is kept" % run

    def test_a_task_goes_on_elsewhere_when_its_machine_dies(self):
        self.hear("goes_on")

    @classmethod
    def story_reset(cls):
        task, first = cls.begin("reset")
        cut_power(first)
        cls.becomes(task, "completed")
        same(len(cls.hosts("reset")), 2, "runs")
        row, = cls.settled(task)
        same([row["mode"], row["step"]], ["reset", "done"], "the recovery")
        assert "begun reset run 2" in cls.log(task)
        assert "begun reset run 1" not in cls.log(task), "a reset forgets the first run"

    def test_a_queue_may_want_tasks_to_begin_anew(self):
        self.hear("reset")

    @classmethod
    def story_never(cls):
        task, first = cls.begin("never")
        cut_power(first)
        row, = cls.settled(task)
        same([row["mode"], row["step"]], ["never", "done"], "the recovery")
        assert "recovery: never" in row["note"], row["note"]
        cls.stays_stopped(task, row, "never", 1)

    @classmethod
    def stays_stopped(cls, task, row, name, runs):
        """Nobody puts it back, and it says why."""
        found = cls.world.api("tasks.get_all", id=[task],
                              only_fields=["status", "status_message"])["tasks"][0]
        same((found["status"], found["status_message"]), ("stopped", row["note"]), "the task")
        assert not cls.is_queued_somewhere(task), "it is in no queue"
        same(len(cls.hosts(name)), runs, "runs")

    def test_a_queue_may_want_tasks_left_stopped(self):
        self.hear("never")

    @classmethod
    def story_aborted(cls):
        task, first = cls.begin("aborted")
        frozen = freeze(first)  # its agent does not see the abort
        cls.world.api("tasks.stop", task=task)
        found = cls.world.api("tasks.get_all", id=[task],
                              only_fields=["status", "status_message"])["tasks"][0]
        same((found["status"], found["status_message"]), ("in_progress", "stopping"), "the abort")
        for pid in frozen:
            os.kill(pid, signal.SIGKILL)
        row, = cls.settled(task)
        same(row["mode"], "never", "the recovery's mode")
        cls.stays_stopped(task, row, "aborted", 1)

    def test_a_users_abort_is_brought_to_its_end_and_left_there(self):
        self.hear("aborted")

    @classmethod
    def story_finished(cls):
        """The dead agent's last word reaches the server between the watcher's look and its stop."""
        task, first = cls.begin("finished")
        hold = cls.proxy.hold(cls.ours("tasks.stopped", task))
        cut_power(first)
        eventually(hold.met.is_set, 60, "the watcher stops the task", 0.02)
        cls.world.api("tasks.completed", task=task)
        cls.proxy.end(hold)
        row, = cls.settled(task)
        same((cls.world.status([task])[task], row["step"]), ("completed", "dropped"), "the end")
        same(len(cls.hosts("finished")), 1, "runs")

    def test_a_task_that_was_completed_after_all_is_not_run_again(self):
        self.hear("finished")

    @classmethod
    def story_limit(cls):
        task, first = cls.begin("limit", deaths=2)
        cut_power(first)
        second = cls.run_begins("limit", 2)
        cut_power(second)
        rows = cls.settled(task, 2)
        same([row["mode"] for row in rows], ["continue", "never"], "the recoveries")
        assert "1 machines ended before" in rows[1]["note"], rows[1]["note"]
        cls.stays_stopped(task, rows[1], "limit", 2)

    def test_a_task_that_ends_machines_is_not_put_back_for_ever(self):
        self.hear("limit")

    @classmethod
    def warm_up(cls, name):
        """An idle machine for queue `name`: its instance id."""
        task = cls.world.create_task(name + "-warm", seconds=0)
        cls.world.enqueue(task, name)
        instance = cls.run_begins(name + "-warm", 1)
        cls.becomes(task, "completed")
        return instance

    @classmethod
    def take(cls, name, late):
        """The agent takes a task, and its word of that hangs on the way: (task, hold)."""
        task = cls.task(name, deaths=0)
        hold = cls.proxy.hold(lambda call: call.endpoint == "tasks.started" and
                              call.body.get("task") == task, late=late)
        cls.world.enqueue(task, name)
        eventually(hold.met.is_set, 60, "the agent takes the task")
        same(cls.world.status([task])[task], "queued", "the task's status")
        assert not cls.is_queued_somewhere(task), "it is out of its queue"
        return task, hold

    @classmethod
    def dies_at_start(cls, name, late, until=None):
        """The machine dies as its agent starts a task. The agent's word of that is lost, or it reaches
        the server late: when until(task, machine's row) is true."""
        first = cls.warm_up(name)
        task, hold = cls.take(name, late)
        cut_power(first)
        eventually(hold.caller_gone.is_set, 10, "the agent is dead")
        if until:
            eventually(lambda: until(task, cls.machine(first)), 60, "the time of the late word", 0.05)
        cls.proxy.end(hold)
        return cls.runs_elsewhere(task, name, first)

    @classmethod
    def runs_elsewhere(cls, task, name, first):
        cls.becomes(task, "completed")
        hosts = cls.hosts(name)
        same(len(hosts), 1, "runs")
        assert hosts[0] != first, "it ran on another machine"
        return cls.settled(task)

    @classmethod
    def story_unstarted(cls):
        row, = cls.dies_at_start("unstarted", late=False)
        same([row["kind"], row["step"]], ["popped", "done"], "the recovery")

    def test_a_task_taken_but_never_started_is_put_back(self):
        self.hear("unstarted")

    @classmethod
    def story_late(cls):
        row, = cls.dies_at_start("late", late=True)
        same([row["kind"], row["step"]], ["running", "done"], "the recovery")

    def test_a_task_that_a_dead_agents_last_word_started_is_put_back(self):
        self.hear("late")

    @classmethod
    def story_later(cls):
        """When the machine's end is long known, so that it says nothing of the machine's tasks."""
        row, = cls.dies_at_start("later", True, lambda task, machine: machine["state"] == "gone" and
                                 time.time() > machine["ended_us"] / 1e6 + 3)
        same([row["kind"], row["step"]], ["running", "done"], "the recovery")

    def test_one_whose_machine_was_long_gone_is_put_back(self):
        self.hear("later")

    @classmethod
    def story_latest(cls):
        """When the task waits in its queue again: what is started is nothing to start a machine for."""
        cls.dies_at_start("latest", True, lambda task, machine: cls.is_queued_somewhere(task))

    def test_one_that_waited_again_is_not_lost(self):
        self.hear("latest")

    @classmethod
    def story_unheard(cls):
        """The guard cannot hear, so Drover ends the machine without its word, and hits a pop."""
        queue = cls.world.queues["unheard"]
        first = cls.warm_up("unheard")
        deaf = cls.proxy.hold(lambda call: call.endpoint == "queues.get_all" and
                              call.body.get("id") == [queue] and
                              call.body.get("only_fields") == ["id", "metadata"] and
                              "page" not in call.body, once=False)  # with a page: the watcher

        def is_flagged():
            found = cls.world.api("queues.get_all", id=[queue], only_fields=["id", "metadata"])
            return "drover.drain." + first in (found["queues"][0].get("metadata") or {})
        eventually(is_flagged, 60, "the machine is drained", 0.02)
        task, hold = cls.take("unheard", late=False)
        eventually(hold.caller_gone.is_set, 60, "Drover ends the machine", 0.05)
        cls.proxy.end(deaf)
        row, = cls.runs_elsewhere(task, "unheard", first)
        same([row["kind"], row["step"]], ["popped", "done"], "the recovery")

    def test_a_machine_ended_without_its_word_loses_no_task(self):
        self.hear("unheard")

    @classmethod
    def story_orphans(cls):
        """The machine lives and works: a reply got lost, or somebody took a task out of the queue."""
        busy = cls.world.create_task("orphans-busy", seconds=12)
        cls.world.enqueue(busy, "orphans")
        cls.run_begins("orphans-busy", 1)
        popped, removed = cls.task("orphans-popped", 0), cls.task("orphans-removed", 0)
        cls.world.enqueue(popped, "orphans")
        entry = cls.world.api("queues.get_next_task", queue=cls.world.queues["orphans"])["entry"]
        same(entry["task"], popped, "the lost reply")
        cls.world.enqueue(removed, "orphans")
        cls.world.api("queues.remove_task", queue=cls.world.queues["orphans"], task=removed)
        same(cls.world.status([popped, removed]), {popped: "queued", removed: "queued"}, "status")
        assert not cls.is_queued_somewhere(popped) and not cls.is_queued_somewhere(removed)
        for task, name in ((popped, "orphans-popped"), (removed, "orphans-removed")):
            cls.becomes(task, "completed")
            same(len(cls.hosts(name)), 1, "runs of " + name)
            row, = cls.settled(task)
            same([row["machine"], row["kind"], row["step"]], ["", "popped", "done"], name)
        same(len(cls.hosts("orphans-busy")), 1, "runs of the task that nobody touched")
        same(cls.recoveries(busy), [], "its recoveries")

    def test_tasks_that_nobody_has_are_put_back(self):
        self.hear("orphans")


class WatcherDies(Stories):
    """The watcher is killed amid the steps of three recoveries, each at another one."""
    queues = {"killed": {}, "second": {}, "third": {}}

    @classmethod
    def story_second(cls):
        """Told by story_killed."""

    story_third = story_second

    @classmethod
    def story_killed(cls):
        names = list(cls.queues)
        tasks = {name: cls.task(name) for name in names}
        for name in names:
            cls.world.enqueue(tasks[name], name)
        hosts = [cls.run_begins(name, 1) for name in names]
        holds = [cls.proxy.hold(cls.ours("tasks.stopped", tasks["killed"]), at="reply"),
                 cls.proxy.hold(cls.ours("tasks.enqueue", tasks["second"]), at="request"),
                 cls.proxy.hold(cls.ours("tasks.enqueue", tasks["third"]), at="reply")]
        for host in hosts:
            cut_power(host)
        eventually(lambda: all(hold.met.is_set() for hold in holds), 60,
                   "all three recoveries are under way", 0.02)
        os.kill(cls.world.actor_pid("watcher"), signal.SIGKILL)
        eventually(lambda: all(hold.caller_gone.is_set() for hold in holds), 10, "it is dead", 0.02)
        for name in names:
            task = tasks[name]
            cls.becomes(task, "completed")
            same(len(cls.hosts(name)), 2, "runs of " + name)
            row, = cls.settled(task)
            same(row["step"], "done", "the recovery of " + name)
            for endpoint in ("tasks.stopped", "tasks.enqueue"):
                done = [call for call in cls.proxy.calls if call.data.get("updated") and
                        cls.ours(endpoint, task)(call)]
                same(len(done), 1, "%s of %s that changed something" % (endpoint, name))

    def test_the_next_watcher_finishes_what_was_begun_once(self):
        self.hear("killed")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v"] + [word for word in sys.argv[1:] if word != "-v"])
