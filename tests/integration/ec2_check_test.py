# SPDX-License-Identifier: Apache-2.0
"""`drover check` of an EC2 account: every right that lacks is named, every mistake of drover.yaml stands
there with its field, and the smallest policy of the docs is enough for all that Drover does."""
import json
import os
import signal
import unittest

import botocore.session

from ec2_world import IMAGE, REGION, Ec2World, eventually

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
PROFILE = "drover-machines"
TIED = ("TerminateInstances", "CreateTags", "GetConsoleOutput")  # to Drover's own tag


def policy():
    """The rights of docs/clouds/aws-policy.json."""
    with open(os.path.join(ROOT, "docs", "clouds", "aws-policy.json")) as file:
        return {statement["Action"] for statement in json.load(file)["Statement"]}


class CheckWorld(Ec2World):
    """droverd runs too: its one spot machine exists once `machine()` was called."""

    def __init__(self, **more):
        super().__init__(queues=("cpu",), host=False, settings={"pending_s": 0.2})
        self.more = more

    def default_config(self):
        config = super().default_config()
        config["machine_types"] = [dict(
            {"name": "small", "account": "cloud", "ami_id": IMAGE, "instance_type": "t3.medium",
             "availability_zones": ["us-east-1a"], "max_machines": 1}, **self.more)]
        config["machine_types"].append({
            "name": "plain", "account": "cloud", "ami_id": IMAGE, "instance_type": "t3.medium"})
        config["queues"] = [{"name": "cpu", "types": ["small", "plain"]}]
        return config

    def make_profile(self):
        import boto3
        boto3.client("iam", endpoint_url=self.cloud.url, **self.cloud.boto()).create_instance_profile(
            InstanceProfileName=PROFILE)

    def make_parameter(self, name):
        import boto3
        boto3.client("ssm", endpoint_url=self.cloud.url, **self.cloud.boto()).put_parameter(
            Name=name, Value=IMAGE, Type="String")

    def machine(self):
        self.enqueue(self.create_task("one"), "cpu")
        return eventually(lambda: self.instances("running"), 60, "its machine runs")[0]["id"]

    def check(self):
        """(exit code, {what: (code, sentence)}) of the account's findings."""
        done = self.drover("--json", "check")
        found = {}
        for line in done.stdout.splitlines():
            one = json.loads(line)
            assert one["code"] in ("ok", "warning", "unsure", "fault") and one["sentence"], line
            assert one["ok"] == (one["code"] != "fault"), line
            if one["sentence"].startswith("account cloud: "):
                what, _, sentence = one["sentence"][len("account cloud: "):].partition(": ")
                if what.startswith("type "):
                    found.setdefault(what + ": " + sentence, (one["code"], sentence))
                found.setdefault(what, (one["code"], sentence))
            else:
                found["file: " + one["sentence"]] = (one["code"], one["sentence"])
        return done.returncode, found

    def faults(self):
        """The sentences of all faults, and the exit code."""
        code, found = self.check()
        return code, [what + ": " + sentence for what, (level, sentence) in found.items()
                      if level == "fault"]

    def with_type(self, **changes):
        """The types' fields are these from now on, for the next check only: droverd keeps its own."""
        with open(self.config_path) as file:
            config = json.load(file)
        config["machine_types"][0].update(changes)
        for key in [k for k, v in changes.items() if v is None]:
            del config["machine_types"][0][key]
        self.save(config)

    def with_account(self, **changes):
        with open(self.config_path) as file:
            config = json.load(file)
        config["accounts"][0].update(changes)
        self.save(config)

    def save(self, config):
        with open(self.config_path, "w") as file:
            json.dump(config, file)


class Rights(unittest.TestCase):
    def test_all_is_good(self):
        with CheckWorld(spot=True) as world:
            code, found = world.check()
            self.assertEqual(code, 0, found)
            for right in ("DescribeInstances", "TerminateInstances", "CreateTags", "GetConsoleOutput",
                          "DescribeSpotInstanceRequests", "DescribeInstanceTypes",
                          "DescribeInstanceTypeOfferings", "DescribeImages"):
                self.assertEqual(found["ec2:" + right][0], "ok", found)
            self.assertIn("AWS account 123456789012", found["credentials"][1])
            self.assertEqual(found["type small"], ("ok", "t3.medium/us-east-1a/spot: it may be started"))
            self.assertEqual(found["boot data of type small"][0], "ok")
            text = world.drover("check")
            self.assertEqual(text.returncode, 0)
            self.assertRegex(text.stdout, r"(?m)^ok +account cloud: credentials: arn:aws:iam")
            self.assertRegex(text.stdout, r"(?m)^0 faults, 0 warnings$")
            self.assertEqual(world.cloud.launched, 0)
            self.assertEqual(world.cloud.violations, [])

    def lacks(self, world, action, right, sure):
        world.cloud.deny(action)
        code, found = world.check()
        world.cloud.allow(action)
        named = {what: level for what, (level, sentence) in found.items()
                 if "(the right it needs: %s)" % right in sentence}
        self.assertEqual(set(named.values()), {"fault" if sure else "unsure"}, (action, found))
        others = [sentence for level, sentence in found.values()
                  if level in ("fault", "unsure") and right not in sentence]
        self.assertEqual(others, [], "exactly that right is named")
        self.assertEqual(code == 0, not sure)

    def test_each_right_that_lacks(self):
        parameter = "/drover/image"
        with CheckWorld(spot=True) as world:
            world.make_profile()
            world.make_parameter(parameter)
            for action in ("RunInstances", "DescribeInstances", "DescribeInstanceTypes",
                           "DescribeInstanceTypeOfferings", "DescribeImages",
                           "DescribeSpotInstanceRequests"):
                with self.subTest(action):
                    self.lacks(world, action, "ec2:" + action, sure=True)
            with self.subTest("the first use of spot"):
                self.lacks(world, "iam:CreateServiceLinkedRole", "iam:CreateServiceLinkedRole", sure=True)
            for action in TIED[:1] + TIED[2:]:
                with self.subTest(action + ", no machine runs"):
                    self.lacks(world, action, "ec2:" + action, sure=False)
                    world.cloud.deny(action)
                    self.assertRegex(world.drover("check").stdout, r"(?m)^\? +account cloud: ec2:" + action)
                    world.cloud.allow(action)
            world.with_type(iam_instance_profile=PROFILE)
            with self.subTest("a role for the machines"):
                self.lacks(world, "iam:PassRole", "iam:PassRole", sure=True)
            world.with_type(ami_id="resolve:ssm:" + parameter, ebs_device_name="/dev/xvda")
            with self.subTest("an image by alias"):
                self.lacks(world, "ssm:GetParameters", "ssm:GetParameters", sure=True)

    def test_rights_that_are_tied_to_a_machine(self):
        with CheckWorld(spot=True) as world:
            world.machine()
            for action in TIED:
                with self.subTest(action):
                    self.lacks(world, action, "ec2:" + action, sure=True)

    def test_the_smallest_policy_is_enough(self):
        """All of EC2, IAM, SSM and STS is denied but that; a machine starts, is tagged, ends."""
        allowed, denied = policy(), []
        for service in ("ec2", "iam", "ssm", "sts"):
            for name in botocore.session.get_session().get_service_model(service).operation_names:
                if "%s:%s" % (service, name) not in allowed:
                    denied.append("%s:%s" % (service, name))
        denied += [right for right in ("iam:PassRole", "ssm:GetParameters", "iam:CreateServiceLinkedRole",
                                       "ec2:CreateTags") if right not in allowed]
        with CheckWorld(spot=True, boot_timeout="6s", iam_instance_profile=PROFILE,
                        ami_id="resolve:ssm:/drover/image", ebs_device_name="/dev/xvda") as world:
            world.make_profile()
            world.make_parameter("/drover/image")
            world.cloud.deny(*denied)
            before = len(world.cloud.requests())
            self.assertEqual(world.check()[0], 0)
            first = world.machine()
            eventually(lambda: world.cloud.instance(first)["tags"].get("drover-machine"), 30, "its tag")
            eventually(lambda: world.cloud.instance(first)["state"] == "terminated", 90,
                       "no agent came: it is ended")
            eventually(lambda: "GetConsoleOutput" in world.cloud.counts(), 30, "its console is read")
            asked = world.cloud.requests()[before:]
            refused = [(r["action"], r["code"]) for r in asked
                       if r["code"] and r["code"] not in ("DryRunOperation", "InvalidInstanceID.NotFound")]
            self.assertEqual(refused, [])
            used = {"%s:%s" % (r["service"], r["action"]) for r in asked}
            self.assertEqual(used - allowed, {"sts:GetCallerIdentity"}, "which needs no right")
            self.assertEqual({right for right in allowed if right.startswith("ec2:")} - used, set(),
                             "no right stands there for nothing")


class Mistakes(unittest.TestCase):
    def one_fault(self, world, *words):
        code, faults = world.faults()
        self.assertNotEqual(code, 0)
        text = "\n".join(faults)
        for word in words:
            self.assertIn(word, text)
        return faults

    def test_keys(self):
        with CheckWorld() as world:
            world.credentials_file(access_key_id="AKIDNOBODY", secret_access_key="x")
            self.one_fault(world, "credentials: ", "AWS does not know this access key")
            world.credentials_file(access_key_id="AKIDEXAMPLE", secret_access_key="wrong")
            self.one_fault(world, "credentials: ", "the secret key does not belong to the access key")
            key = world.cloud.temporary_key(life_s=3600)
            world.cloud.expire_key(key["access_key"])
            world.credentials_file(access_key_id=key["access_key"], secret_access_key=key["secret"],
                                   session_token=key["token"])
            self.one_fault(world, "credentials: ", "expired")
            os.unlink(os.path.join(world.dir, "aws.yaml"))
            self.one_fault(world, "aws.yaml")
            world.credentials_file()
            world.cloud.settings(clock_offset_s=1200)
            self.one_fault(world, "credentials: ", "this host's clock is 20 minutes behind AWS's")
            world.cloud.settings(clock_offset_s=0)
            self.assertEqual(world.faults(), (0, []))

    def test_the_region(self):
        with CheckWorld() as world:
            world.with_account(region="")
            self.one_fault(world, "set accounts[].region")
            world.with_account(region="mars-north-1")
            self.one_fault(world, "credentials: ")
            world.with_account(region=REGION)
            self.assertEqual(world.faults(), (0, []))

    # changes of the type: what must be said of it. The field's name is always there.
    WRONG = [
        ({"instance_type": "t99.huge"}, ["t99.huge", "instance_type"]),
        ({"instance_type": ""}, ["machine_types[small].instance_type"]),
        ({"availability_zones": ["us-east-1z"]}, ["us-east-1z"]),
        ({"ami_id": "ami-00000000000000000"}, ["ami-00000000000000000", "set ami_id"]),
        ({"ami_id": "my image"}, ["machine_types[small].ami_id", "my image"]),
        ({"ami_id": "resolve:ssm:/no/such"}, ["/no/such"]),
        ({"availability_zones": None, "subnet_ids": ["subnet-00000000"]},
         ["subnet-00000000", "set subnet_ids"]),
        ({"availability_zones": None, "subnet_ids": ["vpc-1"]}, ["machine_types[small].subnet_ids", "vpc-1"]),
        ({"security_group_ids": ["sg-00000000"]}, ["sg-00000000", "set security_group_ids"]),
        ({"key_name": "lost"}, ["lost", "set key_name"]),
        ({"iam_instance_profile": "nobody"}, ["set iam_instance_profile"]),
        ({"iam_instance_profile": "arn:aws:iam::123456789012:role/x"},
         ["machine_types[small].iam_instance_profile"]),
        ({"spot_max_price": "cheap", "spot": True}, ["machine_types[small].spot_max_price", "cheap"]),
        ({"ebs_volume_type": "io2"}, ["machine_types[small].ebs_iops"]),
        ({"ebs_volume_type": "gp2", "ebs_throughput": 200}, ["machine_types[small].ebs_throughput"]),
        ({"tags": ["aws:x=y"]}, ["machine_types[small].tags"]),
        ({"tag_resources": ["moon"]}, ["machine_types[small].tag_resources"]),
        ({"extra_configurations": "{'single': 1}"}, ["machine_types[small].extra_configurations"]),
        ({"extra_configurations": '{"NoSuchField": 1}'},
         ["machine_types[small].extra_configurations", "NoSuchField"]),
        ({"extra_configurations": '{"ClientToken": "mine"}'},
         ["machine_types[small].extra_configurations", "ClientToken"]),
    ]

    def test_what_a_type_asks_for(self):
        with CheckWorld() as world:
            with open(world.config_path) as file:
                good = file.read()
            for changes, words in self.WRONG:
                with self.subTest(changes):
                    world.with_type(**changes)
                    self.one_fault(world, *words)
                with open(world.config_path, "w") as file:
                    file.write(good)
            self.assertEqual(world.faults(), (0, []))
            self.assertEqual(world.cloud.launched, 0)

    def test_a_zone_that_does_not_sell_it(self):
        with CheckWorld(availability_zones=["us-east-1a", "us-east-1b"]) as world:
            world.cloud.sold_in("t3.medium", ["us-east-1a"])
            faults = self.one_fault(world, "us-east-1b", "not sold there", "name other availability_zones")
            self.assertEqual(len(faults), 1, "the other zone is fine")

    def test_a_script_that_is_too_long(self):
        with CheckWorld() as world:
            world.with_type(init_script="# " + os.urandom(9000).hex())
            self.one_fault(world, "boot data of type small: ", "16384", "init_script")

    def test_droverd_says_it_too(self):
        """At its start, and after a reload; no task has to wait for it."""
        with CheckWorld(ebs_volume_type="io2") as world:
            words = "no machine of type small can be started: machine_types[small].ebs_iops"
            eventually(lambda: words in world.log(), 20, "said at the start")
            world.with_type(ebs_volume_type="gp3", tags=["aws:x=y"])
            world.droverd.send_signal(signal.SIGHUP)
            eventually(lambda: "started: machine_types[small].tags" in world.log(), 20, "and after a reload")


if __name__ == "__main__":
    unittest.main()
