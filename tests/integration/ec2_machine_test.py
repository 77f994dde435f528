# SPDX-License-Identifier: Apache-2.0
"""What becomes of EC2 machines that go wrong: one without its GPUs, spot machines that the cloud takes
back (told from outside, told inside only, not told at all), one that does not get through its boot."""
import json
import os
import time
import unittest

from ec2_world import IMAGE, Ec2World, eventually

ZONES = ["us-east-1a", "us-east-1b"]
SHOWS_NONE = "the machine shows no GPU: nvidia-smi ended with "
# The first run waits to be ended by others; a later one is short. One line a run, with its time.
FIRST_IS_LONG = """
import os, time
path = {runs!r}
first = {name!r} not in open(path).read()
with open(path, "a") as file:
    file.write({name!r} + " " + os.environ["CLEARML_WORKER_ID"] + " %f\\n" % time.time())
time.sleep(600 if first else 1)
"""


class MachineWorld(Ec2World):
    """One type for queue cpu; more: its fields; timing: more of the rules' durations."""

    def __init__(self, more, timing=None, **settings):
        super().__init__(queues=("cpu",), settings=dict({"pending_s": 1}, **settings))
        self.more, self.timing = more, timing or {}

    def default_config(self):
        config = super().default_config()
        config["machine_types"] = [dict(
            {"name": "small", "account": "cloud", "ami_id": IMAGE, "instance_type": "t3.medium",
             "availability_zones": ZONES, "max_machines": 2, "idle_timeout": "5s"}, **self.more)]
        config["queues"] = [{"name": "cpu", "types": ["small"]}]
        config["timing"].update(self.timing)
        return config

    def rows(self):
        """instance id -> its machine, as `drover machines --all` has it."""
        found = json.loads(self.drover("--json", "machines", "--all").stdout)["machines"]
        return {row["instance_id"]: row for row in found if row["instance_id"]}

    def first(self):
        """The first instance, once there is one."""
        return eventually(self.instances, 60, "an instance is started")[0]

    def ended(self, instance):
        """When it was terminated; None: not yet."""
        return next((t for t, state, _ in self.cloud.life(instance) if state == "terminated"), None)


@unittest.skipUnless(os.geteuid() == 0, "a machine's namespaces need root")
class Case(unittest.TestCase):
    def completes(self, world, task, timeout_s=150):
        eventually(lambda: world.all_completed([task]), timeout_s, "the task is completed")
        self.assertEqual(world.cloud.violations, [])


class Gpu(Case):
    """Its size has one GPU by DescribeInstanceTypes, and the instance does not show it."""
    MORE = {"instance_type": "g4dn.xlarge", "cpu_only": False}

    def broken(self, fault, sentence):
        with MachineWorld(self.MORE, {"gpu_patience": "3s"}) as world:
            world.host.gpu_fault("g4dn.xlarge", **fault)
            task = world.create_task("needs-a-gpu")
            world.enqueue(task, "cpu")
            bad = world.first()
            self.assertEqual(bad["zone"], ZONES[0])
            world.host.gpu_fault(bad["id"], **fault)
            world.host.gpu_fault("g4dn.xlarge")  # the next ones are whole
            eventually(lambda: world.rows().get(bad["id"], {}).get("drain_reason") == "unfit", 60,
                       "the machine is called unfit")
            self.assertIn(sentence, world.drover("machines", "--all").stdout)
            self.completes(world, task)
            row = eventually(lambda: world.rows()[bad["id"]]["state"] == "gone" and
                             world.rows()[bad["id"]], 60, "the unfit one is gone")
            self.judge(world, bad, row, sentence)

    def judge(self, world, bad, row, sentence):
        self.assertIn(sentence, row["cause"])
        self.assertEqual(row["up_us"], 0, "no worker of it was ever seen")
        spent = (row["ended_us"] - row["launched_us"]) // 10**6
        self.assertEqual(row["wasted_s"], spent)
        self.assertGreater(spent, 0)
        workers = [worker for _, worker in world.runs()]
        self.assertEqual(len(workers), 1, "the task ran once")
        good = world.cloud.instance(workers[0])
        self.assertEqual(good["zone"], ZONES[1], "the zone of the broken one is set aside")
        self.assertEqual([i["zone"] for i in world.instances()], ZONES, "one machine in each")
        log = world.drover("logs", row["id"]).stdout
        self.assertIn("unfit: " + sentence, log)
        self.assertNotIn("guard: watching", log)

    def test_shows_none(self):
        self.broken({"lacking": 1}, SHOWS_NONE + "6: No devices were found")

    def test_has_a_broken_driver(self):
        self.broken({"broken": True}, SHOWS_NONE + "9: NVIDIA-SMI has failed")


class Spot(Case):
    SETTINGS = {"shutting_down_s": 8}  # so that its end is told apart from the beginning of its end
    NAME = "long-one"

    def taken(self, take, **settings):
        """A task runs on a spot machine, take(world, instance) has that end. Gives its row, its log,
        when its replacement was launched, when it ended."""
        with MachineWorld({"spot": True}, {"kill_grace": "2s"}, **settings) as world:
            code = FIRST_IS_LONG.format(runs=world.runs_path, name=self.NAME)
            task = world.create_task(self.NAME, code)
            world.enqueue(task, "cpu")
            first = world.first()
            self.assertEqual(first["market"], "spot")
            eventually(world.runs, 90, "the task runs")
            before = time.time()
            take(world, first["id"])
            self.completes(world, task)
            runs = world.runs()
            self.assertEqual([name for name, _, _ in runs], [self.NAME] * 2, "put back once")
            one, two = (worker.split(":")[3] for _, worker, _ in runs)
            self.assertEqual([i["id"] for i in world.instances()], [one, two], "one replacement")
            self.assertEqual(one, first["id"])
            launched, ended = world.cloud.life(two)[0][0], world.ended(one)
            again = float(runs[1][2])
            self.assertGreater(again, ended, "put back only when its end is confirmed")
            print("\nreplaced after %.1f s, ended after %.1f s, at work again after %.1f s" % (
                launched - before, ended - before, again - before))
            return world.rows()[one], world.host.log(one), launched, ended

    def noticed(self, row, launched, ended):
        self.assertEqual((row["drain_reason"], row["drain_mode"]), ("notice", "now"))
        self.assertLess(launched, ended, "the replacement does not wait for the end")

    def test_notice_from_outside(self):
        """Only the spot request's status tells."""
        row, log, launched, ended = self.taken(
            lambda world, instance: world.cloud.notice(instance), **self.SETTINGS)
        self.noticed(row, launched, ended)
        self.assertIn("machine ends: drained: now", log)

    def test_notice_inside_only(self):
        """Only the machine's metadata service tells; its guard writes it down."""
        row, log, launched, ended = self.taken(
            lambda world, instance: world.host.session(instance).metadata.notice(120, "terminate"),
            **self.SETTINGS)
        self.noticed(row, launched, ended)
        self.assertIn("the cloud announced: ", log)

    def test_no_notice(self):
        row, _, launched, ended = self.taken(lambda world, instance: world.cloud.interrupt(instance))
        self.assertIn("EC2 took it back (spot)", row["cause"])
        self.assertGreater(launched, ended)


class Console(Case):
    def test_of_a_machine_that_did_not_boot(self):
        script = "echo the moon has no package index; exit 7"
        with MachineWorld({"init_script": script}) as world:
            world.enqueue(world.create_task("never"), "cpu")
            first = world.first()["id"]
            row = eventually(lambda: world.rows().get(first, {}).get("state") == "gone" and
                             world.rows()[first], 90, "the machine is gone")
            for name in (row["id"], first):
                log = world.drover("logs", name)
                self.assertEqual(log.returncode, 0, log.stderr)
                self.assertIn("the moon has no package index", log.stdout)
                self.assertIn("the init script ended with status 7", log.stdout)
            self.assertEqual(world.cloud.instance(first)["state"], "terminated")
            self.assertEqual(world.runs(), [])
            self.assertEqual(world.cloud.violations, [])
            self.assertIn("switched itself off", row["cause"])


if __name__ == "__main__":
    unittest.main()
