# SPDX-License-Identifier: Apache-2.0
"""drover import --take-over: machines as ClearML's own driver starts them (no Drover tag, no guard, a
genuine agent with a worker id of its form) become Drover's, serve, and end; others are left alone."""
import json
import os
import subprocess
import unittest

from ec2_world import ACCESS_KEY, IMAGE, PYTHON, REGION, SECRET_KEY, Ec2World, eventually
from world import BIN

USER_DATA = """#!/bin/bash
export PATH={path}:$PATH HOME=/root DYNAMIC_INSTANCE_ID=$(curl -s {metadata})
export CLEARML_WORKER_ID=dynamic_worker:small:t3.medium:$DYNAMIC_INSTANCE_ID
export CLEARML_API_HOST={api} CLEARML_WEB_HOST={api} CLEARML_FILES_HOST={files}
export CLEARML_API_ACCESS_KEY={key} CLEARML_API_SECRET_KEY={secret}
export CLEARML_AGENT_SKIP_PYTHON_ENV_INSTALL=1 CLEARML_AGENT_SKIP_PIP_VENV_INSTALL={python}
python -m clearml_agent daemon --queue cpu --foreground --cpu-only
shutdown now
"""


class TakenWorld(Ec2World):
    """Two machines and their workers are there before Drover is; a third instance is nobody's."""

    def write_config(self, config=None):
        self.host.expose(self.api_port)
        self.host.expose(self.files_port)
        self.env.update(AWS_ENDPOINT_URL=self.cloud.url, CLEARML_CONFIG_FILE=self.clearml_conf())
        self.theirs = [self.launch(self.user_data()) for _ in range(2)]
        self.stranger = self.launch("#!/bin/sh\nsleep 3600\n")
        eventually(lambda: {self.worker(id) for id in self.theirs} <= set(self.workers()), 120,
                   "their workers are registered")
        self.imported = os.path.join(self.dir, "imported.yaml")
        self.first = self.take_over()
        config = json.loads(self.run_drover("--config", self.imported, "--json", "export").stdout)
        config["state_dir"] = self.state_dir
        config["clearml"]["tick"] = "500ms"
        config.setdefault("timing", {}).update(
            workers_period="2s", queue_reread="2s", unguarded_gap="10s", drain_poll="1s",
            drain_grace="20s")
        with open(self.config_path, "w") as file:
            json.dump(config, file)

    def clearml_conf(self):
        path = os.path.join(self.dir, "clearml.conf")
        with open(path, "w") as file:
            os.chmod(path, 0o600)
            json.dump({"api": {"api_server": self.api_url, "files_server": self.files_url,
                               "credentials": {"access_key": self.access_key,
                                               "secret_key": self.secret_key}}}, file)
        return path

    def user_data(self):
        address = "http://%s:%d"
        return USER_DATA.format(
            path=os.path.dirname(PYTHON), python=PYTHON, key=self.access_key, secret=self.secret_key,
            metadata="http://169.254.169.254/latest/meta-data/instance-id",
            api=address % (self.host.address, self.api_port),
            files=address % (self.host.address, self.files_port))

    def launch(self, user_data):
        return self.client().run_instances(
            ImageId=IMAGE, InstanceType="t3.medium", MinCount=1, MaxCount=1, UserData=user_data,
            Placement={"AvailabilityZone": "us-east-1a"},
            InstanceInitiatedShutdownBehavior="terminate")["Instances"][0]["InstanceId"]

    def worker(self, id):
        return "dynamic_worker:small:t3.medium:" + id

    def run_drover(self, *arguments):
        return subprocess.run([os.path.join(BIN, "drover"), *arguments], env=self.env, text=True,
                              cwd=self.dir, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def take_over(self):
        source = os.path.join(self.dir, "aws_autoscaler.json")
        with open(source, "w") as file:
            json.dump({"hyper_params": {
                "cloud_credentials_key": ACCESS_KEY, "cloud_credentials_secret": SECRET_KEY,
                "cloud_credentials_region": REGION, "max_idle_time_min": 0.2,
                "workers_prefix": "dynamic_worker"}, "configurations": {
                    "queues": {"cpu": [["small", 2]]},
                    "resource_configurations": {"small": {
                        "instance_type": "t3.medium", "is_spot": False, "cpu_only": True,
                        "availability_zone": "us-east-1a", "ami_id": IMAGE,
                        "ebs_device_name": "/dev/sda1"}}}}, file)
        return self.run_drover("import", source, "--take-over", "--out", self.imported)

    def all_tags(self):
        return {i["id"]: i["tags"] for i in self.instances()}


@unittest.skipUnless(os.geteuid() == 0, "a machine's namespaces need root")
class TakeOver(unittest.TestCase):
    def test_serves_on_and_ends_when_idle(self):
        with TakenWorld(queues=("cpu",)) as world:
            self.assertEqual(world.first.returncode, 0, world.first.stdout + world.first.stderr)
            for id in world.theirs:
                self.assertIn(id + ": is taken over as machine type small", world.first.stdout)
                self.assertEqual(world.all_tags()[id]["drover-type"], "small")
            self.assertEqual(world.all_tags()[world.stranger], {})
            again = world.take_over()
            self.assertEqual(again.returncode, 0, again.stderr)
            self.assertEqual(again.stdout.count("is this deployment's already"), 2)
            tasks = [world.create_task("task%d" % n, seconds=3) for n in range(4)]
            for task in tasks:
                world.enqueue(task, "cpu")
            eventually(lambda: world.all_completed(tasks), 150, "the tasks are completed")
            self.assertEqual(len(world.instances()), 3, "none was started beside them")
            rows = self.rows(world)
            self.assertEqual({rows[id]["type"] for id in world.theirs}, {"small"})
            for id in world.theirs:
                eventually(lambda id=id: world.cloud.instance(id)["state"] == "terminated", 120,
                           "%s is ended" % id)
            for id in world.theirs:
                row = eventually(lambda id=id: self.rows(world)[id]["state"] == "gone" and
                                 self.rows(world)[id], 30, "its row says so")
                self.assertEqual((row["drain_reason"], row["drain_mode"]), ("idle", "idle"))
            self.assertEqual(world.cloud.instance(world.stranger)["state"], "running")
            self.assertEqual(len(world.instances()), 3)
            self.assertEqual(world.status(tasks), {task: "completed" for task in tasks})
            self.assertEqual(len(world.runs()), 4, "each task ran once")
            self.assertEqual(world.cloud.violations, [])

    def rows(self, world):
        found = json.loads(world.drover("--json", "machines", "--all").stdout)["machines"]
        return {row["instance_id"]: row for row in found if row["instance_id"]}


if __name__ == "__main__":
    unittest.main()
