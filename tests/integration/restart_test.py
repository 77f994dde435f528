# SPDX-License-Identifier: Apache-2.0
"""Whoever is killed, whenever: every task completes and runs once, and no machine more than needed
is ever started. With DROVER_LONG=1 also ten runs of kills at random times."""
import os
import random
import time
import unittest

from restart_world import ACTORS, Flock
from world import eventually

LONG = unittest.skipUnless(os.environ.get("DROVER_LONG"), "DROVER_LONG=1 runs it")

LEDGER_POINTS = ("attempt.commit:1", "attempt.close.uncommitted:1")
PROVISIONER_POINTS = ("after-commit:1", "in-launch:1", "after-launch:1")


class Restart(unittest.TestCase):
    def test_undisturbed(self):
        with Flock(tasks=20, cap=4) as flock:
            flock.enqueue_all()
            flock.check_promise()

    def test_each_actor_is_killed_then_droverd(self):
        """The ledger dies also between the commit of an attempt and the start of its machine, and
        between the start and its recording; so does the provisioner."""
        with Flock(tasks=20, cap=4, crash_points=LEDGER_POINTS + PROVISIONER_POINTS) as flock:
            flock.enqueue_all()
            for done, actor in enumerate(ACTORS):
                flock.wait_completed(1 + 2 * done)
                flock.kill_actor(actor)
            flock.wait_completed(13)
            before = flock.machine_processes()
            flock.kill_droverd()
            self.assertEqual(flock.machine_processes(), before, "machines outlive droverd")
            flock.start_droverd()
            self.assertEqual(flock.machine_processes(), before, "and are adopted")
            flock.check_promise()


class EveryWrite(unittest.TestCase):
    # Not machine.terminate: a machine that the guard has switched off may need none.
    WRITES = ("machine.want", "attempt.open", "key.settle", "attempt.commit", "attempt.close",
              "machine.seen", "machine.up", "slots.observed", "health.mark", "machine.drain",
              "drain.answered")

    def test_the_ledger_dies_before_and_after_each_kind_of_commit(self):
        points = [write + when for write in self.WRITES for when in (".uncommitted:1", ":1")]
        with Flock(tasks=4, cap=2, crash_points=points) as flock:
            flock.enqueue_all()
            flock.check_promise()


class Surge(unittest.TestCase):
    """6 tasks and room for 10: 6 machines, not one more."""

    def test_undisturbed(self):
        with Flock(tasks=6, cap=10) as flock:
            flock.enqueue_all()
            flock.check_promise()

    def test_the_planner_dies_with_a_want_under_way(self):
        """Its wants lie before a ledger that does not read them; its successor plans meanwhile."""
        with Flock(tasks=6, cap=10) as flock:
            flock.wait_at_work()
            with flock.frozen("ledger"), flock.tap("plan.decided") as plans:
                flock.enqueue_all()
                eventually(lambda: next(plans)["body"]["wanted"] > 0, 30, "a plan wants machines")
                flock.kill_actor("planner")
            flock.check_promise()

    @LONG
    def test_the_planner_dies_as_the_first_machine_is_wanted(self):
        with Flock(tasks=6, cap=10) as flock:
            with flock.tap("machine.changed") as changes:
                flock.enqueue_all()
                eventually(lambda: next(changes)["body"]["machine"]["state"] == "wanted", 30,
                           "a machine is wanted")
                flock.kill_actor("planner")
            flock.check_promise()

    def test_the_ledger_dies_between_the_want_and_its_answer(self):
        with Flock(tasks=6, cap=10, crash_points=("machine.want:1",)) as flock:
            flock.enqueue_all()
            eventually(flock.machine_processes, 15, "a machine starts: nobody heard of the want, "
                       "and the provisioner looks because the ledger is new, not by its period")
            flock.check_promise()


class ServerOutage(unittest.TestCase):
    OUTAGE_S = 20

    def test_nothing_is_ended_while_the_server_is_dead(self):
        with Flock(tasks=8, cap=3) as flock:
            flock.enqueue_all()
            flock.wait_completed(3)
            before = flock.machine_processes()
            flock.kill_server()
            end = time.monotonic() + self.OUTAGE_S
            while time.monotonic() < end:
                self.assertEqual(flock.machine_processes(), before, "machines in the outage")
                time.sleep(0.5)
            flock.start_server()
            flock.check_promise()


@LONG
class Random(unittest.TestCase):
    SEEDS = 10

    def run_seeds(self, tasks, cap, kills, span_s):
        first = int(os.environ.get("DROVER_SEED") or random.SystemRandom().randrange(10**6))
        for seed in range(first, first + self.SEEDS):
            with self.subTest(seed=seed), Flock(tasks, cap) as flock:
                rng = random.Random(seed)
                plan = sorted((rng.uniform(0, span_s), rng.choice(ACTORS + ("droverd",)))
                              for _ in range(kills))
                print("seed %d: %s" % (seed, ["%.2f s %s" % kill for kill in plan]), flush=True)
                flock.enqueue_all()
                flock.kill_by(plan)
                flock.check_promise()

    def test_twenty_tasks(self):
        self.run_seeds(tasks=20, cap=4, kills=8, span_s=45)

    def test_six_tasks(self):
        self.run_seeds(tasks=6, cap=10, kills=5, span_s=5)


if __name__ == "__main__":
    unittest.main()
