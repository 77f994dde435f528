# SPDX-License-Identifier: Apache-2.0
"""The whole path through EC2: tasks enqueued with the genuine SDK run on instances that Drover started,
whose user data, unchanged, became registered agents; and the instances leave."""
import os
import subprocess
import threading
import time
import unittest

from ec2_world import IMAGE, PYTHON, Ec2World, eventually

# Run by the test's Python, as a user would: a task made and enqueued with the SDK.
SDK = """
import sys
from clearml import Task
queue, names = sys.argv[1], sys.argv[2:]
for name in names:
    task = Task.create(project_name="tests", task_name=name, task_type="training", script="main.py",
                       packages=[], add_task_init_call=False, repo=None, working_directory=".")
    task.set_script(diff=open("body.py").read().replace("@name@", name), entry_point="main.py",
                    working_dir=".", repository="", branch="", commit="")
    Task.enqueue(task, queue_name=queue)
    print(task.id, flush=True)
"""
BODY = """
import os, time
with open(%r, "a") as file:
    file.write("@name@ " + os.environ.get("CLEARML_WORKER_ID", "none") + "\\n")
time.sleep(1)
"""


class CapWatch:
    """DescribeInstances, over and over, from outside: most instances of a type at one time."""

    def __init__(self, world):
        self.most, self._end = {}, threading.Event()
        self._client = world.client()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._end.wait(0.2):
            now = {}
            for page in self._client.get_paginator("describe_instances").paginate(Filters=[
                    {"Name": "instance-state-name", "Values": ["pending", "running"]}]):
                for reservation in page["Reservations"]:
                    for instance in reservation["Instances"]:
                        now.setdefault(instance["InstanceType"], set()).add(instance["InstanceId"])
            for kind, ids in now.items():
                self.most[kind] = max(self.most.get(kind, 0), len(ids))

    def stop(self):
        self._end.set()
        self._thread.join()
        return self.most


class Ec2(unittest.TestCase):
    def enqueue_with_sdk(self, world, queue, names):
        folder = os.path.join(world.dir, "sdk-" + queue)
        os.makedirs(folder)
        for name, text in (("create.py", SDK), ("body.py", BODY % world.runs_path), ("main.py", "")):
            with open(os.path.join(folder, name), "w") as file:
                file.write(text)
        env = dict(os.environ, CLEARML_API_HOST=world.api_url, CLEARML_WEB_HOST=world.api_url,
                   CLEARML_FILES_HOST=world.files_url, CLEARML_API_ACCESS_KEY=world.access_key,
                   CLEARML_API_SECRET_KEY=world.secret_key, HOME=folder)
        done = subprocess.run([PYTHON, "create.py", queue, *names], cwd=folder, env=env, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=180)
        self.assertEqual(done.returncode, 0, done.stderr[-2000:])
        return [line for line in done.stdout.split() if len(line) == 32]

    def test_twenty_tasks_in_two_queues_on_two_types(self):
        with Ec2World(settings={"pending_s": 1}) as world:
            keys_before = len(world.credentials())
            watch = CapWatch(world)
            tasks = self.enqueue_with_sdk(world, "cpu", ["task-c%d" % i for i in range(10)])
            tasks += self.enqueue_with_sdk(world, "gpu", ["task-g%d" % i for i in range(10)])
            self.assertEqual(len(tasks), 20)
            eventually(lambda: world.all_completed(tasks), 240, "twenty tasks completed")
            eventually(lambda: not world.live(), 90, "the instances leave when idle")
            eventually(lambda: not world.workers(), 30, "the workers list is empty again")
            eventually(lambda: len(world.credentials()) == keys_before, 60, "their keys are revoked")
            most = watch.stop()
            self.check_tasks(world)
            self.assertEqual(world.cloud.violations, [], "every request as botocore's model has it")
            self.assertLessEqual(max(most.values()), 2, "a cap of 2, and never 3 listed: %s" % most)
            self.check_instances(world)
            self.check_nothing_left(world)
            print("20 tasks on %d instances, most at once %s, calls %s" % (
                world.cloud.launched, most, world.cloud.counts()))

    def check_tasks(self, world):
        """Each ran once, on a machine of the type that serves its queue."""
        types = {i["id"]: i["type"] for i in world.instances()}
        seen = {}
        for name, worker in world.runs():
            seen.setdefault(name, []).append(worker)
        self.assertEqual(sorted(seen), sorted(["task-c%d" % i for i in range(10)] +
                                              ["task-g%d" % i for i in range(10)]))
        for name, workers in seen.items():
            self.assertEqual(len(workers), 1, "%s ran once" % name)
            wanted = "t3.medium" if name.startswith("task-c") else "c5.xlarge"
            instance = workers[0].split(":")[3]
            self.assertEqual(types.get(instance), wanted, "%s ran on %s" % (name, workers[0]))

    def check_instances(self, world):
        attempts = set()
        for instance in world.instances():
            self.assertEqual(instance["tags"]["drover-deployment"], "test")
            self.assertEqual(instance["image"], IMAGE)
            self.assertTrue(instance["tags"]["drover-attempt"])
            self.assertTrue(instance["tags"].get("drover-machine"), instance)
            self.assertEqual(instance["metadata_options"]["HttpTokens"], "required")
            self.assertEqual(instance["token"], instance["tags"]["drover-attempt"])
            attempts.add(instance["token"])
        self.assertGreaterEqual(len(world.instances()), 2)
        self.assertLessEqual(len(attempts), len(world.instances()))

    def check_nothing_left(self, world):
        client = world.client()
        self.assertEqual(client.describe_volumes()["Volumes"], [])
        self.assertEqual([k for k in client.describe_key_pairs()["KeyPairs"]], [])
        interfaces = client.describe_network_interfaces()["NetworkInterfaces"]
        self.assertEqual(interfaces, [])


if __name__ == "__main__":
    unittest.main()
