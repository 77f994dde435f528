# SPDX-License-Identifier: Apache-2.0
"""Twenty tasks of the genuine SDK in two queues, run by genuine agents on machines by Drover."""
import unittest

from sdk_agent_world import Samples, SdkWorld, machine_type, needed

CODE = '''
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--number", type=int, default=0)
from clearml import Task
task = Task.init()
number = parser.parse_args().number
with open({runs!r}, "a") as file:
    file.write("%s %d\\n" % (task.id, number))
print("the square of", number, "is", number ** 2, flush=True)
task.get_logger().report_scalar("square", "value", value=number ** 2, iteration=1)
'''

ENQUEUE = '''
base = create("base", ARGS["code"])
made = {}
for number in range(20):
    task = Task.clone(base, name="number %d" % number)
    task.set_parameters({"Args/number": number})
    Task.enqueue(task, queue_name="cpu" if number % 5 < 3 else "gpu")
    made[task.id] = number
done(made)
'''


def setUpModule():
    needed()


class Basic(unittest.TestCase):
    def test_twenty_tasks_in_two_queues(self):
        config = {"machine_types": [machine_type("small", max_machines=3),
                                    machine_type("big", max_machines=2)]}
        with SdkWorld(config) as world:
            keys_before, workers_before = len(world.credentials()), set(world.workers())
            samples = Samples(world)
            numbers = world.sdk(ENQUEUE, code=CODE.format(runs=world.runs_path))
            world.await_completed(numbers, 240, "twenty tasks completed")
            types = world.types(numbers)
            world.await_nothing_left(self, keys_before)
            samples.stop()
            self.assertEqual(set(world.workers()), workers_before)
            self.assertEqual(sorted(world.runs()),
                             sorted((t, str(n)) for t, n in numbers.items()), "each ran once")
            for task, number in numbers.items():
                self.assertEqual(types[task], "small" if number % 5 < 3 else "big")
            self.assertLessEqual(samples.most(), 5)
            self.assertLessEqual(samples.most("small"), 3)
            self.assertLessEqual(samples.most("big"), 2)
            self.assert_read_back(world, numbers)

    def assert_read_back(self, world, numbers):
        for task, seen in world.read(numbers).items():
            number = numbers[task]
            self.assertEqual(seen["parameters"]["Args/number"], str(number))
            self.assertIn("the square of %d is %d" % (number, number ** 2), seen["console"])
            self.assertEqual(seen["scalars"]["square"]["value"], [[1, number ** 2]])


if __name__ == "__main__":
    unittest.main()
