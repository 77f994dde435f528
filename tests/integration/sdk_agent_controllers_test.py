# SPDX-License-Identifier: Apache-2.0
"""Tasks that make and await tasks: the genuine HyperParameterOptimizer and PipelineController, and
the deadlock of a controller that holds the only machine of its steps' queue."""
import signal
import unittest

from sdk_agent_world import SdkWorld, machine_type, needed
from world import eventually

TRAIN = '''
from clearml import Logger, Task
task = Task.init()
params = task.connect({"lr": 0.1})
Logger.current_logger().report_scalar("loss", "train", value=abs(float(params["lr"]) - 0.2),
                                      iteration=1)
'''

# As people write it: the optimizer is a task too, and runs where the others do.
OPTIMIZE = '''
from clearml import Task
from clearml.automation import DiscreteParameterRange, GridSearch, HyperParameterOptimizer
task = Task.init(task_type=Task.TaskTypes.optimizer)
base = task.connect({"base": ""})["base"]
optimizer = HyperParameterOptimizer(
    base_task_id=base, hyper_parameters=[DiscreteParameterRange("General/lr", [0.1, 0.2, 0.3])],
    objective_metric_title="loss", objective_metric_series="train", objective_metric_sign="min",
    max_number_of_concurrent_tasks=2, optimizer_class=GridSearch, execution_queue="cpu",
    total_max_jobs=3, pool_period_min=0.05)
optimizer.set_report_period(0.1)
optimizer.start()
optimizer.set_time_limit(in_minutes=3)
optimizer.wait()
best = optimizer.get_top_experiments(1)[0]
print("best lr is", best.get_parameter("General/lr"), flush=True)
optimizer.stop()
'''

PIPELINE = '''
from clearml import PipelineController
def one(n=3):
    return list(range(int(n)))
def two(data):
    total = sum(data)
    print("the total is", total, flush=True)
    return total
pipe = PipelineController(name=ARGS["name"], project="sdk", version="1.0.0",
                          add_pipeline_tags=False, repo="", packages=[])
pipe.add_parameter("n", 4)
pipe.set_default_execution_queue(ARGS["steps"])
pipe.add_function_step(name="one", function=one, function_kwargs=dict(n="${pipeline.n}"),
                       function_return=["data"], packages=[])
pipe.add_function_step(name="two", function=two, function_kwargs=dict(data="${one.data}"),
                       function_return=["total"], packages=[])
'''

ENQUEUE = '''
base = create("train", ARGS["train"])
optimizer = create("optimizer", ARGS["optimize"])
optimizer.set_parameter("General/base", base.id)
Task.enqueue(optimizer, queue_name="control")
pipeline = create("pipeline", ARGS["pipeline"])
Task.enqueue(pipeline, queue_name="control")
stuck = create("pipeline in one queue", ARGS["stuck"])
Task.enqueue(stuck, queue_name="solo")
done([optimizer.id, pipeline.id, stuck.id])
'''


def setUpModule():
    needed()


def pipeline(steps):
    """The pipeline's script, as a task's code: the controller itself runs remotely."""
    return "ARGS = %r\n" % {"name": "pipeline", "steps": steps} + PIPELINE + \
        'pipe.start_locally(run_pipeline_steps_locally=False)\nprint("pipeline done", flush=True)\n'


class ControllerWorld(SdkWorld):
    def __init__(self):
        super().__init__({
            "machine_types": [machine_type("small", max_machines=3),
                              machine_type("control", max_machines=2),
                              machine_type("lone", max_machines=1)],
            "queues": [{"name": "cpu", "types": ["small"]}, {"name": "control", "types": ["control"]},
                       {"name": "solo", "types": ["lone"]}]}, queues=("cpu", "control", "solo"))

    def children(self, parent):
        return self.api("tasks.get_all", parent=parent, only_fields=["id", "name", "status"])["tasks"]

    def raise_the_cap(self):
        """What the warning advises."""
        self.overrides["machine_types"][2]["max_machines"] = 2
        self.write_config()
        self.droverd.send_signal(signal.SIGHUP)


class Controllers(unittest.TestCase):
    def test_controllers_finish_and_a_deadlock_is_named(self):
        with ControllerWorld() as world:
            keys_before = len(world.credentials())
            optimizer, controller, stuck = world.sdk(
                ENQUEUE, train=TRAIN, optimize=OPTIMIZE, pipeline=pipeline("cpu"),
                stuck=pipeline("solo"))
            self.assert_deadlock_named(world, stuck)
            world.raise_the_cap()
            world.await_completed([optimizer, controller, stuck], 150, "all controllers completed")
            self.assert_optimized(world, optimizer)
            for pipe, type_name in ((controller, "small"), (stuck, "lone")):
                self.assert_piped(world, pipe, type_name)
            self.assertEqual(set(world.types([optimizer, controller]).values()), {"control"})
            world.await_nothing_left(self, keys_before)

    def assert_deadlock_named(self, world, stuck):
        warning = "queue solo is at its cap and its only machine is busy with task " + stuck
        eventually(lambda: warning in world.log(), 120, "the warning in the log")
        self.assertIn(warning, world.drover("queues").stdout)
        self.assertEqual(world.status([stuck])[stuck], "in_progress")
        self.assertEqual(world.api("tasks.get_all", parent=stuck, only_fields=["status"])["tasks"],
                         [{"status": "queued"}], "its first step waits")

    def assert_optimized(self, world, optimizer):
        jobs = world.children(optimizer)
        self.assertEqual([t["status"] for t in jobs], ["completed"] * 3)
        self.assertEqual(set(world.types([t["id"] for t in jobs]).values()), {"small"})
        self.assertIn("best lr is 0.2", world.console(optimizer))

    def assert_piped(self, world, controller, type_name):
        steps = {t["name"]: t for t in world.children(controller)}
        self.assertEqual(sorted(steps), ["one", "two"])
        self.assertEqual({t["status"] for t in steps.values()}, {"completed"})
        self.assertIn("the total is 6", world.console(steps["two"]["id"]))
        self.assertIn("pipeline done", world.console(controller))
        self.assertEqual(set(world.types([t["id"] for t in steps.values()]).values()), {type_name})


if __name__ == "__main__":
    unittest.main()
