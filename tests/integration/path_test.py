# SPDX-License-Identifier: Apache-2.0
"""The whole path: a task enqueued is executed by a genuine agent on a machine that Drover started,
and the machine is gone when it has been idle."""
import unittest

from world import MachineWatch, World, eventually


class Path(unittest.TestCase):
    def test_tasks_get_machines_and_machines_leave(self):
        with World() as world:
            keys_before = len(world.credentials())
            watch = MachineWatch(world)
            tasks = [world.create_task("task%d" % i) for i in range(3)]
            for task in tasks:
                world.enqueue(task, "cpu")
            eventually(lambda: world.all_completed(tasks), 120, "three tasks completed")
            eventually(lambda: not world.machine_processes(), 60, "machines gone when idle")
            eventually(lambda: not world.workers(), 20, "the workers list is empty again")
            eventually(lambda: len(world.credentials()) == keys_before, 60, "their keys are revoked")
            watch.stop()
            self.assertEqual(sorted(name for name, _ in world.runs()), ["task0", "task1", "task2"])
            self.assertLessEqual(watch.most, 3)
            self.assertEqual({host for _, host in world.runs()} - watch.ever, set(),
                             "each task ran on a host whose name is a machine's id")


if __name__ == "__main__":
    unittest.main()
