# SPDX-License-Identifier: Apache-2.0
"""A task's own story, where its owner looks: in its console at ClearML, read here as the genuine SDK
reads it. The stories run side by side, each in a queue of its own; a test tells of one."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import recovery_test
from recovery_test import LIMIT_S, Stories, cut_power, same
from world import PYTHON, World, eventually

# Prints the console of a task as the SDK reports it: a list of texts.
READ = """
import json, sys
from clearml import Task
print(json.dumps(Task.get_task(sys.argv[1]).get_reported_console_output(1000)))
"""

# Runs until a file is there.
HELD = """
import os, time
with open({runs!r}, "a") as file:
    file.write({name!r} + " " + os.uname().nodename + "\\n")
while not os.path.exists({gate!r}):
    time.sleep(0.2)
print("done", {name!r}, flush=True)
"""


def has_sdk():
    return subprocess.run([PYTHON, "-c", "import clearml, clearml_agent"],
                          stderr=subprocess.DEVNULL).returncode == 0


def gate(world, name):
    return os.path.join(world.dir, "gate-" + name)


def held(world, name):
    """A task that runs until its gate is opened."""
    return world.create_task(name, code=HELD.format(runs=world.runs_path, name=name,
                                                    gate=gate(world, name)))


def open_gate(world, name):
    open(gate(world, name), "w").close()


def console(world, task):
    """The console as the genuine SDK reads it."""
    done = subprocess.run([PYTHON, "-c", READ, task], stdout=subprocess.PIPE, text=True, check=True,
                          env=dict(os.environ, CLEARML_API_HOST=world.api_url,
                                   CLEARML_WEB_HOST=world.api_url,
                                   CLEARML_FILES_HOST=world.files_url,
                                   CLEARML_API_ACCESS_KEY=world.access_key,
                                   CLEARML_API_SECRET_KEY=world.secret_key,
                                   CLEARML_CONFIG_FILE="/nonexistent"))
    return json.loads(done.stdout.splitlines()[-1])


def notes(world, task):
    """Drover's own lines, as the web page asks for them."""
    events = world.api("events.get_task_log", task=task, batch_size=1000, order="asc")["events"]
    return [event["msg"] for event in events if event["worker"] == "drover"]


@unittest.skipUnless(has_sdk(), "no clearml and clearml_agent in DROVER_TEST_PYTHON")
class Notes(Stories):
    queues = {"capped": {}, "killed": {}, "broken": {}, "orphan": {}}

    @classmethod
    def setUpClass(cls):
        other = tempfile.mkdtemp(prefix="drover-test-machines-")
        cls.addClassCleanup(shutil.rmtree, other, ignore_errors=True)
        accounts = [{"name": name, "driver": "local", "list_period": "500ms",
                     "agent_python": python, **({} if name == "local" else {"machines_dir": other})}
                    for name, python in (("local", PYTHON), ("broken", "/nonexistent/python3"))]
        types = [{"name": "type-" + name, "max_machines": 1, "idle_timeout": "5s",
                  "account": "broken" if name == "broken" else "local"} for name in cls.queues]
        config = {"clearml": {"tick": "250ms"}, "accounts": accounts, "machine_types": types,
                  "queues": [dict(name=name, types=["type-" + name]) for name in cls.queues],
                  "timing": {"drain_poll": "1s", "drain_grace": "8s", "workers_period": "1s",
                             "queue_reread": "1s", "popped_still": "3s", "orphan": "15s",
                             "kill_grace": "1s"}}
        cls.silent = World(queues=["capped"], config=dict(
            config, task_notes=False, accounts=accounts[:1], machine_types=types[:1],
            queues=[{"name": "capped", "types": ["type-capped"]}]))
        cls.world = World(queues=list(cls.queues), config=config)
        cls.silent.__enter__()
        try:
            cls.world.__enter__()
        except BaseException:
            cls.silent.__exit__(*sys.exc_info())
            raise
        cls.world.project()
        cls.stories = {name: recovery_test.Story(name, getattr(cls, "story_" + name))
                       for name in cls.queues}
        for story in cls.stories.values():
            story.start()

    @classmethod
    def tearDownClass(cls):
        failed = AssertionError if any(s.error for s in cls.stories.values()) else None
        cls.world.__exit__(failed, None, None)
        cls.silent.__exit__(None, None, None)

    @classmethod
    def noted(cls, task, words):
        """Drover's lines on the task, once one of them has these words."""
        return eventually(lambda: any(words in note for note in notes(cls.world, task)) and
                          notes(cls.world, task), LIMIT_S, "a line with %r" % words, 0.5)

    # ---- a queue at its cap ------------------------------------------------------------------------
    @classmethod
    def story_capped(cls):
        waiting = {}
        for world in (cls.silent, cls.world):
            world.enqueue(held(world, "first"), "capped")
            eventually(lambda: world.runs(), LIMIT_S, "the first task runs")
            waiting[world] = world.create_task("second", seconds=0)
            world.enqueue(waiting[world], "capped")
        task = waiting[cls.world]
        before = cls.world.api("tasks.get_by_id", task=task)["task"]
        cls.noted(task, "drover: waits for a machine in queue capped: ")
        note, = notes(cls.world, task)
        assert "may have 1 machine and has 1" in note, note
        assert note in console(cls.world, task), console(cls.world, task)
        after = cls.world.api("tasks.get_by_id", task=task)["task"]
        for field in ("status", "status_changed", "status_reason", "status_message", "last_worker",
                      "last_iteration", "started"):
            same(after.get(field), before.get(field), field + " after a line")
        # The same wait in a world that began earlier.
        same(notes(cls.silent, waiting[cls.silent]), [], "lines where they are switched off")
        for world in (cls.silent, cls.world):
            open_gate(world, "first")
            eventually(lambda: world.all_completed([waiting[world]]), LIMIT_S, "the second ran")
        same(notes(cls.silent, waiting[cls.silent]), [], "lines where they are switched off")
        same(notes(cls.world, task), [note], "lines, once all is over")

    def test_a_capped_task_says_why_it_waits_unless_switched_off(self):
        self.hear("capped")

    # ---- a machine that dies -----------------------------------------------------------------------
    @classmethod
    def story_killed(cls):
        task = cls.task("killed")
        cls.world.enqueue(task, "killed")
        host = cls.run_begins("killed", 1)
        eventually(lambda: "begun killed run 1" in cls.log(task), 60, "its log is reported")
        cut_power(host)
        note = cls.noted(task, "the task was put back into queue killed at ")[-1]
        assert note.startswith("drover: its machine %s (type-killed" % host), note
        assert "\n  why it ended: " in note and "goes on, as the same task" in note, note
        assert "\n  the end of its log:\n    | " in note, note
        assert note in console(cls.world, task)
        cls.becomes(task, "completed")
        same(len(cls.hosts("killed")), 2, "runs")
        same(sum("put back" in line for line in notes(cls.world, task)), 1, "words on the one loss")
        why = cls.world.drover("why", task)
        same(why.returncode, 0, "drover why")
        for words in ("its machine %s" % host, "put back into queue killed", "why it ended: ",
                      "waits in none of the queues"):
            assert words in why.stdout, why.stdout

    def test_a_task_is_told_what_became_of_its_machine(self):
        self.hear("killed")

    # ---- machines that do not come up --------------------------------------------------------------
    @classmethod
    def story_broken(cls):
        task = cls.task("broken", 0)
        cls.world.enqueue(task, "broken")
        note = cls.noted(task, "drover: a machine for its queue ended before it was ready: ")[-1]
        assert "(type-broken" in note and "\n  why: " in note, note
        assert "\n  tried: " in note, note
        assert "has no clearml_agent" in note.partition("the end of its log:")[2], note
        assert note in console(cls.world, task)
        why = cls.world.drover("why", task).stdout
        assert "ended before it was ready: " in why and "has no clearml_agent" in why, why

    def test_a_launch_that_failed_is_told_with_its_log(self):
        self.hear("broken")

    # ---- do no harm --------------------------------------------------------------------------------
    @classmethod
    def story_orphan(cls):
        """It has a line, is popped by a reply that got lost, and is put back in time all the same."""
        cls.world.enqueue(held(cls.world, "busy"), "orphan")
        cls.run_begins("busy", 1)
        task = cls.task("orphan", 0)
        cls.world.enqueue(task, "orphan")
        before = cls.noted(task, "drover: waits for a machine in queue orphan: ")
        entry = cls.world.api("queues.get_next_task", queue=cls.world.queues["orphan"])["entry"]
        same(entry["task"], task, "the lost reply")
        rows = eventually(lambda: cls.recoveries(task), LIMIT_S, "it is missed", 0.2)
        same(notes(cls.world, task)[:len(before)], before, "lines")
        row, = cls.settled(task)
        same([row["machine"], row["kind"], row["step"]], ["", "popped", "done"], "the recovery")
        assert len(rows) == 1
        after = cls.noted(task, "it was taken out of its queue and nobody began it; ")
        same(len(after), len(before) + 1, "lines: none while nobody had it")
        open_gate(cls.world, "busy")
        cls.becomes(task, "completed")
        same(len(cls.hosts("orphan")), 1, "runs")

    def test_lines_hold_no_recovery_up(self):
        self.hear("orphan")


if __name__ == "__main__":
    unittest.main()
