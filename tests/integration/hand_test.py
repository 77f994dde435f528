# SPDX-License-Identifier: Apache-2.0
"""What a person has Drover do, on machines with genuine agents: pause and resume a queue, keep a machine,
drain one after its task, kill one whose task then runs elsewhere. Each deed outlives the ledger's death,
and the history says who did it."""
import contextlib
import json
import os
import pwd
import signal
import time
import unittest

from world import World, eventually

IDLE_S = 4

# Runs until its gate is open; says each time where.
GATED = """
import os, time
with open({runs!r}, "a") as file:
    file.write({name!r} + " " + os.uname().nodename + "\\n")
while not os.path.exists({gate!r}):
    time.sleep(0.1)
"""

CONFIG = {
    "machine_types": [{"name": "small", "account": "local", "max_machines": 3,
                       "idle_timeout": "%ds" % IDLE_S}],
    "queues": [{"name": "cpu", "types": ["small"]}],
    # The machine's own switch is as quick as Drover: a kept machine must know that it is kept.
    "timing": {"workers_period": "1s", "queue_reread": "1s", "drain_poll": "1s", "drain_grace": "8s",
               "kill_grace": "1s", "popped_still": "3s", "own_idle_slack": "3s"},
    "supervisor": {"backoff_max": "200ms"},
}


class Hand(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        os.environ.pop("SUDO_USER", None)
        cls.me = pwd.getpwuid(os.getuid()).pw_name
        cls.world = World(config=CONFIG, queues=("cpu",))
        cls.world.__enter__()
        cls.failed = False

    @classmethod
    def tearDownClass(cls):
        cls.world.__exit__(AssertionError if cls.failed else None, None, None)

    def run(self, result=None):
        super().run(result)
        type(self).failed = result is not None and not result.wasSuccessful()

    # ---- the world in short ------------------------------------------------------------------------
    def drover(self, *arguments, code=0):
        done = self.world.drover(*arguments)
        self.assertEqual(done.returncode, code, "%s: %s%s" % (arguments, done.stdout, done.stderr))
        return done.stdout + done.stderr

    def read(self, *arguments):
        """JSON, also while the ledger starts anew."""
        def answer():
            done = self.world.drover("--json", *arguments)
            return done.returncode != 2 and [json.loads(line) for line in done.stdout.splitlines()]
        return eventually(answer, 30, "an answer to %s" % (arguments,))

    def kill_ledger(self):
        pid = eventually(lambda: self.world.actor_pid("ledger"), 30, "the ledger runs")
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        eventually(lambda: self.world.actor_pid("ledger") not in (None, pid), 30, "a new ledger")
        self.read("machines")

    def machines(self, *arguments):
        return {row["id"]: row for row in self.read("machines", *arguments)[0]["machines"]}

    def row(self, machine):
        return self.machines("--all")[machine]

    def gated(self, name):
        gate = os.path.join(self.world.dir, "gate-" + name)
        code = GATED.format(runs=self.world.runs_path, name=name, gate=gate)
        task = self.world.create_task(name, code)
        self.world.enqueue(task, "cpu")
        return task, gate

    def runs_of(self, name):
        return [host for run, host in self.world.runs() if run == name]

    def machine_of(self, name):
        """The row's id of the machine that runs it."""
        host = eventually(lambda: self.runs_of(name), 90, "%s runs" % name)[-1]
        found = lambda: [row for row in self.machines().values()  # noqa: E731
                         if row["instance_id"] == host and row["state"] == "up"]
        return eventually(found, 30, "its machine is up")[0]["id"]

    def alive(self, machine):
        return self.row(machine)["instance_id"] in self.world.machine_processes().values()

    def completed(self, task):
        eventually(lambda: self.world.all_completed([task]), 120, "%s completed" % task)

    def by_hand(self, id):
        rows = [row for page in self.read("history", "--by-hand") for row in page["rows"]]
        return [(row["to"], row["by"]) for row in reversed(rows) if row["id"] == id]

    # ---- the stories -------------------------------------------------------------------------------
    def test_1_a_paused_queue_waits_and_a_resumed_one_starts(self):
        self.drover("pause", "cpu", "--why", "a move")
        task, gate = self.gated("paused")
        why = lambda: "paused by %s (a move)" % self.me in self.world.drover("why", task).stdout  # noqa: E731
        eventually(why, 30, "why says who paused it")
        self.kill_ledger()
        eventually(why, 30, "and the next ledger knows")
        self.assertIn("paused by", self.drover("queues"))
        waits = eventually(lambda: [t for t in self.read("tasks")[0]["tasks"]
                                    if t["task"] == task and t["name"]], 30, "it has a name")
        self.assertEqual((waits[0]["name"], waits[0]["project"], waits[0]["queue"],
                          waits[0]["verdict"]), ("paused", "tests", "cpu", "paused"))
        self.assertIn("was not paused", self.drover("resume"))  # that is of all, which is another word
        self.assertIn("no queue nonsense", self.drover("pause", "nonsense", code=1))
        self.assertFalse(self.machines())
        self.drover("resume", "cpu")
        machine = self.machine_of("paused")
        runs = eventually(lambda: [t for t in self.read("tasks")[0]["tasks"]
                                   if t["machine"] == machine], 30, "tasks shows where it runs")
        self.assertEqual((runs[0]["task"], runs[0]["name"], runs[0]["verdict"]),
                         (task, "paused", "runs"))
        open(gate, "w").close()
        self.completed(task)
        self.assertEqual(self.by_hand("cpu"), [("paused", self.me), ("resumed", self.me)])

    def test_2_a_kept_machine_stays(self):
        task, gate = self.gated("kept")
        machine = self.machine_of("kept")
        self.drover("keep", self.row(machine)["instance_id"], "10m")
        self.kill_ledger()
        open(gate, "w").close()
        self.completed(task)
        eventually(lambda: self.row(machine)["idle_since_us"], 60, "it is idle")
        idle_s = lambda: time.time() - self.row(machine)["idle_since_us"] / 1e6  # noqa: E731
        eventually(lambda: idle_s() > 4 * IDLE_S, 60, "it is idle for long")
        self.assertEqual(self.row(machine)["state"], "up")
        self.assertTrue(self.alive(machine))
        self.assertIn("kept until", self.drover("machines"))
        self.drover("keep", machine, "off")
        eventually(lambda: self.row(machine)["state"] == "gone", 60, "let go, it goes")
        self.assertEqual(self.by_hand(machine), [("kept", self.me), ("let go", self.me)])
        self.drover("keep", machine, "1h", code=1)

    def test_3_a_drained_machine_ends_its_task_first(self):
        task, gate = self.gated("drained")
        machine = self.machine_of("drained")
        self.drover("drain", machine)
        self.kill_ledger()
        self.assertEqual(self.row(machine)["drain_mode"], "after-task")
        other, other_gate = self.gated("elsewhere")  # a machine that drains takes nothing new
        open(other_gate, "w").close()
        self.completed(other)
        self.assertEqual(self.world.status([task])[task], "in_progress")
        self.assertTrue(self.alive(machine))
        open(gate, "w").close()
        self.completed(task)
        eventually(lambda: self.row(machine)["state"] == "gone", 60, "then it goes")
        self.assertEqual(self.row(machine)["drain_reason"], "hand")
        self.assertEqual(len(self.runs_of("drained")), 1)
        self.assertNotEqual(self.runs_of("elsewhere"), self.runs_of("drained"))
        self.assertEqual(self.by_hand(machine), [("draining", self.me)])

    def test_4_a_killed_machines_task_runs_elsewhere(self):
        task, gate = self.gated("killed")
        machine = self.machine_of("killed")
        eventually(lambda: [t for t in self.read("tasks")[0]["tasks"] if t["machine"] == machine
                            and t["name"]], 30, "the ledger knows what runs there")
        self.assertIn("--yes", self.drover("kill", machine, code=64))  # nobody can be asked
        self.assertEqual(self.row(machine)["state"], "up")
        said = self.drover("kill", machine[:12], "--yes")
        self.assertIn("killed: it goes back to queue cpu", said)
        eventually(lambda: len(self.runs_of("killed")) == 2, 120, "it runs a second time")
        open(gate, "w").close()
        self.completed(task)
        eventually(lambda: self.row(machine)["state"] == "gone", 60, "the machine is gone")
        self.assertEqual(len(set(self.runs_of("killed"))), 2, "on two machines")
        self.assertEqual(self.by_hand(machine), [("draining", self.me)])
        self.machines_history(machine)

    def machines_history(self, machine):
        rows = self.read("history", machine)[0]["rows"]
        self.assertLessEqual({"machine", "attempt", "key"}, {row["kind"] for row in rows})
        self.assertIn(self.me, self.drover("history", machine))
        self.assertIn("there is no machine", self.drover("drain", "nonsense", code=1))


if __name__ == "__main__":
    unittest.main()
