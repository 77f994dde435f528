# SPDX-License-Identifier: Apache-2.0
"""A server that counts calls: a budget too small for the rules is refused at start, and one of
300,000 a month is kept through an idle and a busy hour. An hour is 40 s here: budget and durations
are both ninety times as fast, and a door before the server counts the watcher's calls."""
import os
import re
import subprocess
import time
import unittest

from fixtures.counting import CountingDoor
from sdk_agent_world import SdkWorld, machine_type, needed
from world import BIN, World, eventually

FASTER = 90
HOUR_S = 3600 / FASTER
MONTH = 300000
CALLS_AN_HOUR = MONTH / 30 / 24

HELD = """
import os, time
while not os.path.exists(%r):
    time.sleep(0.2)
"""


def setUpModule():
    needed()


class Refused(unittest.TestCase):
    def test_a_budget_that_is_too_small_is_refused_with_the_smallest_that_works(self):
        world = World({"clearml": {"calls_per_month": 10000}})
        try:
            world.api_url = world.files_url = "http://127.0.0.1:9"
            smallest = self.refused(world)
            world.write_config({"clearml": {"calls_per_month": smallest - 1}})
            self.assertEqual(self.refused(world, rewrite=False), smallest)
            world.write_config({"clearml": {"calls_per_month": smallest}})
            done = self.droverd(world, "--check")
            self.assertEqual(done.returncode, 0, done.stdout)
        finally:
            world.__exit__(None)

    def droverd(self, world, *words):
        return subprocess.run(
            [os.path.join(BIN, "droverd"), "--config", world.config_path, *words],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=30)

    def refused(self, world, rewrite=True):
        if rewrite:
            world.write_config()
        done = self.droverd(world)
        self.assertEqual(done.returncode, 100, done.stdout)
        found = re.search(r"clearml\.calls_per_month: .*the smallest that works is (\d+)",
                          done.stdout)
        self.assertTrue(found, done.stdout)
        return int(found.group(1))


class BudgetWorld(SdkWorld):
    def start_server(self):
        super().start_server()
        self.door, self.machines_door = CountingDoor(self.api_port), CountingDoor(self.api_port)
        self.overrides = {
            "clearml": {"api_server": self.door.url, "machine_api_server": self.machines_door.url,
                        "calls_per_month": MONTH * FASTER, "tick": "100ms"},
            "machine_types": [machine_type("small", max_machines=1, idle_timeout="10s"),
                              machine_type("big")],
            # the defaults, ninety times as fast
            "timing": {"queue_reread": "167ms", "workers_period": "167ms", "fresh_queues": "167ms",
                       "worker_proof": "1s", "drain_poll": "1s", "drain_grace": "20s"}}

    def __exit__(self, *error):
        super().__exit__(*error)
        if hasattr(self, "door"):
            self.door.close()
            self.machines_door.close()


class Kept(unittest.TestCase):
    def test_an_idle_and_a_busy_hour_keep_to_300000_a_month(self):
        with BudgetWorld(queues=("cpu", "gpu")) as world:
            idle = self.calls_in(world, HOUR_S)
            gate = os.path.join(world.dir, "gate")
            tasks = [world.create_task("task %d" % i, HELD % gate) for i in range(3)]
            for task in tasks:
                world.enqueue(task, "cpu")
            busy = self.calls_in(world, HOUR_S)
            self.assertEqual(sorted(world.status(tasks).values()),
                             ["in_progress", "queued", "queued"], "something waited all the time")
            print("calls of an idle hour: %d, of a busy one: %d, the budget's: %d"
                  % (idle, busy, CALLS_AN_HOUR), flush=True)
            self.assertLessEqual(idle, CALLS_AN_HOUR)
            # What is overdrawn is paid back over a real hour, so here a tenth may still be owed.
            self.assertLessEqual(idle + busy, 2 * CALLS_AN_HOUR * 1.1)
            self.assertGreater(idle, CALLS_AN_HOUR / 4, "it does look")
            self.assertGreater(busy, idle, "an idle hour saves for a busy one")
            open(gate, "w").close()
            world.await_completed(tasks, 120, "they are served all the same")
            eventually(lambda: not world.machine_processes(), 60, "the machine left")
            logins = world.machines_door.by_name["auth.login"]
            self.assertLess(logins, 30, "agents and tasks keep their tokens")

    def calls_in(self, world, seconds):
        before, end = world.door.calls, time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(0.1)
        return world.door.calls - before


if __name__ == "__main__":
    unittest.main()
