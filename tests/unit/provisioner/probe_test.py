# SPDX-License-Identifier: Apache-2.0
"""drover-provisioner --probe, and `drover check` over it: what would stop a launch is found before one is
wanted, all of it, and nothing is started."""
import json
import os
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..")
PYTHON = os.environ.get("DROVER_TEST_PYTHON",
                        os.path.join(ROOT, ".cache", "tests", "bin", "python"))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
try:
    import moto  # noqa: F401
except ImportError:
    if os.path.realpath(PYTHON) == os.path.realpath(sys.executable) or not os.path.exists(PYTHON):
        print("skipped: DROVER_TEST_PYTHON names no Python with tests/requirements.txt")
        sys.exit(77)
    os.execv(PYTHON, [PYTHON] + sys.argv)

from ec2fault import Ec2Fault  # noqa: E402

IMAGE = "ami-0123456789abcdef0"
CONFIG = """
deployment: probe
state_dir: %(dir)s/state
clearml: {api_server: "http://127.0.0.1:8008"}
accounts:
  - {name: here, driver: local, secrets_file: %(dir)s/secrets.yaml}
  - name: cloud
    driver: aws
    region: us-east-1
    endpoint: "%(url)s"
    sts_endpoint: "%(url)s"
    credentials_file: %(dir)s/keys.yaml
machine_types:
  - {name: small, account: here, max_machines: 2}
  - {name: cpu, account: cloud, instance_type: m5.large, availability_zones: [us-east-1a],
     ami_id: %(image)s, max_machines: 2}
  - {name: fat, account: cloud, instance_type: m5.large, availability_zones: [us-east-1a],
     ami_id: %(image)s, max_machines: 2, init_script: %(script)s}
queues:
  - {name: default, types: [small, cpu, fat]}
"""


class Probe(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="drover-probe-")
        self.addCleanup(folder.cleanup)
        self.dir = folder.name
        self.cloud = Ec2Fault().__enter__()
        self.addCleanup(self.cloud.__exit__, None, None, None)
        self.cloud.add_image(IMAGE, root_device="/dev/sda1")
        self.write("secrets.yaml", "{}\n")
        self.write("keys.yaml", "access_key_id: AKIDEXAMPLE\nsecret_access_key: wJalrXUtnFEMI\n")
        self.configure("true")

    def write(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, "w") as out:
            out.write(text)
        os.chmod(path, 0o600)
        return path

    def configure(self, script):
        self.config = self.write("drover.yaml", CONFIG % {
            "dir": self.dir, "url": self.cloud.url, "image": IMAGE, "script": json.dumps(script)})

    def run_program(self, *argv):
        done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=100,
                              env=dict(os.environ, AWS_EC2_METADATA_DISABLED="true"))
        return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]

    def probe(self, account):
        return self.run_program(os.environ["DROVER_PROVISIONER"], "--probe", account, "--config",
                                self.config)

    def failures(self, findings):
        return {one["what"]: one for one in findings if not one["ok"] and not one["unsure"]}

    def test_good_accounts(self):
        for account, types in (("here", ["small"]), ("cloud", ["cpu", "fat"])):
            code, findings = self.probe(account)
            self.assertEqual({}, self.failures(findings))
            self.assertEqual(0, code)
            what = [one["what"] for one in findings]
            for name in types:
                self.assertIn("boot data of type " + name, what)
        self.assertFalse(os.path.exists(os.path.join(self.dir, "state")))
        self.assertEqual(0, self.cloud.launched)
        self.assertEqual([], self.cloud.violations)

    def test_an_account_of_this_host_has_an_answer_before_any_type_is_there(self):
        for python, failed in (("", []), (sys.executable, []), ("/no/such/python", ["agent_python"])):
            with self.subTest(python):
                self.write("drover.yaml", "accounts: [{name: here, driver: local, agent_python: %s}]\n"
                           % json.dumps(python))
                code, findings = self.run_program(os.environ["DROVER_PROVISIONER"], "--probe", "here",
                                                  "--config", self.config, "--draft")
                self.assertEqual((len(failed), failed), (code, list(self.failures(findings))))
                self.assertIn("this host", [one["what"] for one in findings])

    def test_too_much_user_data(self):
        self.configure(os.urandom(16384).hex())  # nothing that gzip could help with
        code, findings = self.probe("cloud")
        failures = self.failures(findings)
        self.assertEqual((1, ["boot data of type fat"]), (code, list(failures)))
        self.assertIn("16384", failures["boot data of type fat"]["sentence"])

    def test_a_right_that_lacks(self):
        self.cloud.deny("RunInstances")
        code, findings = self.probe("cloud")
        self.assertEqual(1, code)
        self.assertIn("ec2:RunInstances", [one["grant"] for one in self.failures(findings).values()])

    def with_type(self, **changes):
        with open(self.config) as file:
            text = file.read()
        self.write("drover.yaml", text.replace("  - {name: cpu,", "  - {name: cpu, %s," % json.dumps(
            changes)[1:-1]))

    def test_no_right_is_named_that_does_not_lack(self):
        self.cloud.deny("iam:CreateServiceLinkedRole")
        self.with_type(spot=True)
        failures = self.failures(self.probe("cloud")[1])
        self.assertEqual(["iam:CreateServiceLinkedRole"], [one["grant"] for one in failures.values()])
        self.cloud.allow("iam:CreateServiceLinkedRole")
        self.cloud.rule("RunInstances", "error", times=None, code="OptInRequired")
        failures = self.failures(self.probe("cloud")[1])
        self.assertEqual({""}, {one["grant"] for one in failures.values()})
        self.assertEqual(2, len(failures))

    def test_a_launch_is_tried_when_all_is_known_that_it_is_made_from(self):
        self.cloud.rule("DescribeImages", "delay", seconds=2)
        code, findings = self.probe("cloud")
        self.assertEqual((0, {}), (code, self.failures(findings)))

    def test_a_type_is_judged_without_asking(self):
        self.with_type(ebs_volume_type="io2")
        failures = self.failures(self.probe("cloud")[1])
        self.assertIn("machine_types[cpu].ebs_iops", failures["type cpu"]["sentence"])
        self.assertEqual({"type cpu", "boot data of type cpu"}, set(failures))

    def test_secrets_that_cannot_be_read(self):
        os.unlink(os.path.join(self.dir, "secrets.yaml"))
        code, findings = self.probe("here")
        self.assertEqual((1, ["secrets of the machines", "boot data of type small"]),
                         (code, list(self.failures(findings))))

    def test_no_such_account(self):
        code, findings = self.probe("elsewhere")
        self.assertEqual((1, ["configuration"]), (code, list(self.failures(findings))))

    def test_console_tells_it_all(self):
        self.cloud.deny("RunInstances")
        self.configure(os.urandom(16384).hex())
        code, lines = self.run_program(os.environ["DROVER_CONSOLE"], "--config", self.config, "--json",
                                       "check")
        self.assertNotEqual(0, code)
        faults = [one["sentence"] for one in lines if one["code"] == "fault"]
        for part in ("account cloud: boot data of type fat", "the right it needs: ec2:RunInstances"):
            self.assertTrue([one for one in faults if part in one], (part, faults))
        fine = [one["sentence"] for one in lines if one["code"] == "ok"]
        self.assertTrue([one for one in fine if "account here: boot data of type small" in one], fine)

    # ---- typed secrets -----------------------------------------------------------------------
    def typed(self, secrets, *options):
        done = subprocess.run(
            [os.environ["DROVER_PROVISIONER"], "--probe", "cloud", "--config", self.config, "--draft",
             "--secrets", *options], input=json.dumps(secrets), capture_output=True, text=True, timeout=100,
            env=dict(os.environ, AWS_EC2_METADATA_DISABLED="true"))
        self.assertNotIn("wJalr", done.stdout + done.stderr)
        return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]

    def test_typed_keys_are_written_when_all_was_well(self):
        keys = os.path.join(self.dir, "keys.yaml")
        os.unlink(keys)
        good = {"access_key_id": "AKIDEXAMPLE", "secret_access_key": "wJalrXUtnFEMI"}
        code, findings = self.typed({"credentials": dict(good, secret_access_key="wJalrWRONG")}, "--write")
        self.assertEqual((1, True), (code, "credentials" in self.failures(findings)))
        self.assertEqual([], [name for name in os.listdir(self.dir) if name.startswith("keys")])
        code, findings = self.typed({"credentials": good})
        self.assertEqual((0, False), (code, os.path.exists(keys)), "nobody said --write")
        code, findings = self.typed({"credentials": good}, "--write")
        self.assertEqual((0, {}), (code, self.failures(findings)))
        self.assertEqual(0o600, os.stat(keys).st_mode & 0o777)
        self.assertEqual(0, self.probe("cloud")[0], "what was written is read")

    def test_a_secret_that_is_none_is_told(self):
        with open(self.config) as file:
            more = "driver: aws\n    secrets_file: %s/s.yaml" % self.dir
            text = file.read().replace("driver: aws", more, 1)
        self.write("drover.yaml", text)
        code, findings = self.typed({"machines": {"git": [{"host": "github.com"}]}}, "--write")
        self.assertEqual(1, code)
        self.assertIn(self.dir + "/s.yaml: git[0] needs host and token", str(self.failures(findings)))
        self.assertEqual([], [name for name in os.listdir(self.dir) if name.startswith("s.yaml")])
        code, findings = self.typed({"machines": {"storage_conf": "sdk { aws { s3 {"}})
        doubts = [one for one in findings if one["unsure"] and one["what"] == "secrets of the machines"]
        self.assertEqual((0, 1), (code, len(doubts)), findings)
        self.assertIn("storage_conf", doubts[0]["sentence"])

    def test_one_that_is_killed_leaves_no_secret(self):
        self.cloud.rule("DescribeInstances", "hang", times=9)
        before = sorted(os.listdir(self.dir))
        probe = subprocess.Popen(
            [os.environ["DROVER_PROVISIONER"], "--probe", "cloud", "--config", self.config, "--draft",
             "--secrets", "--write"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=dict(os.environ, AWS_EC2_METADATA_DISABLED="true"))
        with probe:
            probe.stdin.write(json.dumps({"credentials": {"access_key_id": "AKIDEXAMPLE",
                                                          "secret_access_key": "wJalrXUtnFEMI"}}))
            probe.stdin.close()
            found = json.loads(probe.stdout.readline())  # it has read them, and asked the first question
            probe.kill()
        self.assertIn("from %s/keys.yaml" % self.dir, found["sentence"])
        self.assertEqual(before, sorted(os.listdir(self.dir)))


if __name__ == "__main__":
    unittest.main()
